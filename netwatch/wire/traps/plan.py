"""What notifications mean: the rules of all profiles, compiled for reading octets.

For each notification that any profile knows there is one plan: which columns its rules ask for, and what these rules
make of them. A trap is walked once, from varbind to varbind by their lengths; only what a rule asks for is decoded. So
one that was never heard before costs what any other does, and nothing that comes in needs to be remembered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias

from netwatch.core.model import Condition, Observation, Source, State
from netwatch.core.time import Instant
from netwatch.wire import decode
from netwatch.wire.inbox import observed
from netwatch.wire.names import PORTS, Box
from netwatch.wire.profile import Profile, Profiles, Trap
from netwatch.wire.snmp import Oid, Tag, VarBind, ber, dotted
from netwatch.wire.template import Template, Term
from netwatch.wire.traps import form

Spot: TypeAlias = tuple[int, int, int]
"""Of a varbind: where the instance in its name begins, where its value begins (with its tag), where it ends."""
Spots: TypeAlias = Sequence[Spot | None]
"""By the columns of a plan; None: there is no such varbind."""
_Shape: TypeAlias = tuple[Callable[[bytes], tuple[Any, ...]], tuple[Any, ...], Spots]
"""What takes the sizes and names out of such octets, what they are, and the spots."""
SlotOf: TypeAlias = Callable[[str], int]
"""Where the column of this name is among the `Spots`."""

AGENT, NOWHERE = 0, -1
"""The slot of snmpTrapAddress, which a proxy puts in; the slot of what no notification can hold."""
MOST_SHAPES, MOST_ALIKE = 4_096, 3
"""Lengths of lists of varbinds, over all notifications, for which shapes are remembered, and how many for each."""
MOST_MISSES = 1 << 10
"""Lists of one plan and length that were of no known shape, before that is given up."""
MOST_SHOWN = 200
"""Characters of an observation's value."""
_TRAP = Source.TRAP
_OF_ONUS = frozenset({Condition.ONU, Condition.DYING_GASP})
"""What OLTs say of their ONUs, by number; the ledger calls them otherwise."""


class Plans:
    """By the content octets of a notification's name."""

    def __init__(self, profiles: Profiles) -> None:
        self._plans: dict[bytes, Plan] = {}
        other_forms: dict[bytes, Plan] = {}
        shapes = _Shapes()
        for name, rules in profiles.traps.items():
            columns = _Columns()
            compiled = [_Rule(rule, partial(columns.slot, profiles, profile)) for profile, rule in rules]
            plan = Plan(columns, compiled, shapes)
            self._plans[ber.oid_body(name)] = plan
            other_forms.update((ber.oid_body(other), plan) for other in _other_forms(name))
        self._plans = other_forms | self._plans
        self._strange = Plan(_Columns(), [], shapes)

    def of(self, name: bytes) -> Plan:
        """What to make of it; a plan without rules for what nobody knows."""
        return self._plans.get(name, self._strange)


def _other_forms(name: Oid) -> Iterator[Oid]:
    """MIBs of SNMPv1 days name traps without the 0 that RFC 3584 puts before the number, and gear sends either."""
    yield (*name[:-1], 0, name[-1])
    if len(name) > 2 and name[-2] == 0:
        yield (*name[:-2], name[-1])


class _Columns:
    """What the rules of one notification ask for, each once: a column's content octets → its slot."""

    def __init__(self) -> None:
        self.slots = {ber.oid_body(form.TRAP_ADDRESS): AGENT}

    def slot(self, profiles: Profiles, profile: Profile, name: str) -> int:
        column = profiles.column(profile, name)
        if column is None or len(column) < 2 or min(column) < 0:  # of one product only: not in notifications
            return NOWHERE
        return self.slots.setdefault(ber.oid_body(column), len(self.slots))


class _Shapes:
    """Where everything lies in lists of varbinds that came more than once: of such sizes, in such an order.

    What makes up a shape is, of each varbind, its sizes and as much of its name as tells of which column it is, or that
    it is of none. Instances and values are free. Bounded, whatever anybody sends: those of one plan and length are few,
    and learnt ever more seldom; where they do not help they are given up; when all are too many, it begins anew.
    """

    def __init__(self) -> None:
        self._plans = 0
        self.known: dict[int, list[_Shape]] = {}
        self._misses: dict[int, int] = {}

    def place(self) -> int:
        """Where those of another plan begin: their lengths are counted from there."""
        self._plans += 1
        return self._plans << 16

    def missed(self, place: int) -> bool:
        """Of those that were not known: the second, fourth, eighth … is to be learnt."""
        if len(self._misses) >= MOST_SHAPES:
            self._misses.clear()
            self.known.clear()
        misses = self._misses[place] = self._misses.get(place, 0) + 1
        if misses == MOST_MISSES:
            self.known[place] = []
        return 1 < misses < MOST_MISSES and not misses & misses - 1

    def put(self, place: int, shape: _Shape) -> None:
        self.known[place] = [shape, *self.known.get(place, ())][:MOST_ALIKE]


class Plan:
    """Of one notification."""

    __slots__ = ("_columns", "_empty", "_place", "_rules", "_shapes", "_width", "known")

    def __init__(self, columns: _Columns, rules: Sequence[_Rule], shapes: _Shapes) -> None:
        self.known, self._rules = bool(rules), tuple(rules)
        self._shapes, self._place = shapes, shapes.place()
        self._empty: list[Spot | None] = [None] * (len(columns.slots) + 1)  # one more, which is NOWHERE
        self._width = min(map(len, columns.slots))
        """Octets with which every column begins: one look-up tells most varbinds from all of them."""
        self._columns: dict[bytes, tuple[tuple[bytes, int], ...]] = {}
        for column, slot in columns.slots.items():
            head = column[: self._width]
            self._columns[head] = (*self._columns.get(head, ()), (column, slot))

    def find(self, data: bytes) -> Spots:
        """The first varbind of each column. Raises BerError when these octets are no list of varbinds."""
        place = self._place + len(data)
        for unpack, heads, spots in self._shapes.known.get(place, ()):
            if unpack(data) == heads:
                return spots
        spots = self._walk(data)
        if self._shapes.missed(place) and (shape := self._learn(data, spots)) is not None:
            self._shapes.put(place, shape)
        return spots

    def _walk(self, data: bytes) -> Spots:
        spots, columns, width = self._empty.copy(), self._columns, self._width + 4
        at, end = 0, len(data)
        while at < end - 1:
            size = data[at + 1]
            if size < 0x80 and data[at + 4 : at + width] not in columns:  # as nearly all are: of nothing asked for
                at += size + 2
                continue
            if size < 0x80 and data[at] == 0x30 and data[at + 2] == 0x06 and data[at + 3] <= size - 4:
                name, stop, last = at + 4, at + 4 + data[at + 3], at + 2 + size
            else:
                inner, last = ber.expect(data, at, end, ber.SEQUENCE)
                name, stop = ber.expect(data, inner, last, Tag.OID)
            for column, slot in columns.get(data[name : name + self._width], ()):
                if spots[slot] is None and stop - name >= len(column) and data.startswith(column, name):
                    spots[slot] = name + len(column), stop, last
            at = last
        if at != end:
            raise ber.BerError("cut off")
        return spots

    def _learn(self, data: bytes, spots: Spots) -> _Shape | None:
        """None when some size in it takes more than one octet, or what nobody asks for is not formed well."""
        packed, heads, done = "", [], 0
        try:
            for name, stop, last in form.varbinds(data):
                if name - done != 4:
                    return None
                columns = self._columns.get(data[name : name + self._width])
                telling = max(len(column) for column, _ in columns) if columns else self._width
                head = data[done : min(name + telling, stop)]
                packed += f"{len(head)}s{last - done - len(head)}x"
                heads.append(head)
                done = last
        except ber.BerError:
            return None
        return struct.Struct(packed).unpack, tuple(heads), spots

    def read(self, box: Box, data: bytes, spots: Spots, at: Instant) -> Observation | None:
        """What is observed of the device, by the first rule that fits. Raises BerError for a value that is none."""
        for rule in self._rules:
            if rule.fits(data, spots):
                return rule.read(box, data, spots, at)
        return None


class _Rule:
    """One meaning of a notification (`profile.Trap`)."""

    __slots__ = ("_by", "_component", "_match", "_of_onu", "_of_port", "_rule", "_shown", "_state", "_value", "_when")

    def __init__(self, rule: Trap, slot: SlotOf) -> None:
        self._rule, self._shown = rule, rule.name[:MOST_SHOWN]
        self._when = tuple((slot(name), values) for name, values in rule.when.items())
        self._match = tuple((slot(name), pattern) for name, pattern in rule.match.items())
        self._state, self._by = rule.state, slot(rule.by) if rule.by else NOWHERE
        self._component = _Words(rule.component, slot) if rule.component is not None and rule.component.parts else None
        self._value = _Words(rule.value, slot) if rule.value is not None else None
        self._of_port, self._of_onu = rule.condition in PORTS, rule.condition in _OF_ONUS

    def fits(self, data: bytes, spots: Spots) -> bool:
        for slot, values in self._when:
            if _raw(data, spots[slot]) not in values:
                return False
        for slot, pattern in self._match:
            spot = spots[slot]
            if spot is None or pattern.search(_text(data, spot)) is None:
                return False
        return True

    def read(self, box: Box, data: bytes, spots: Spots, at: Instant) -> Observation | None:
        condition, state, shown = self._rule.condition, self._state or self._told(data, spots), self._shown
        if condition is None or state is None:
            return None
        component = self._named(box, data, spots) if self._component is not None else ""
        if component is None:
            return None
        if self._value is not None and (value := self._value.fill(box, data, spots)):
            shown = f"{shown}: {value}"[:MOST_SHOWN]
        return observed(at, box.id, component, condition, state, _TRAP, shown)

    def _told(self, data: bytes, spots: Spots) -> State | None:
        raw = _raw(data, spots[self._by])
        return State.BAD if raw in self._rule.bad else State.OK if raw in self._rule.ok else None

    def _named(self, box: Box, data: bytes, spots: Spots) -> str | None:
        assert self._component is not None  # noqa: S101 - for the type checker
        said = self._component.fill(box, data, spots)
        if not said:
            return None  # it is about a port that we cannot name: the poll will tell
        if self._of_onu:
            port, slash, onu = said.rpartition("/")
            if slash and (ours := box.onu(port, onu, _texts(data))):
                return ours
        return box.component(said, self._of_port)


class _Words:
    """A template (`template.Template`) over the varbinds of a notification."""

    __slots__ = ("_holes", "_parts")

    def __init__(self, words: Template, slot: SlotOf) -> None:
        self._parts = [
            part if isinstance(part, str) else ([_value_of(term, slot) for term in part], _names_port(part))
            for part in words.parts
        ]
        self._holes = sum(not isinstance(part, str) for part in words.parts)

    def fill(self, box: Box, data: bytes, spots: Spots) -> str:
        """The text; empty where a port in it has no name, or nothing in it says which one is meant."""
        out: list[str] = []
        empty = 0
        for part in self._parts:
            if isinstance(part, str):
                out.append(part)
                continue
            values, needed = part
            for value in values:
                if found := value(box, data, spots):
                    out.append(found)
                    break
            else:
                empty += 1
                if needed or empty == self._holes:
                    return ""
        return out[0] if len(self._parts) == 1 else " ".join("".join(out).split())


def _names_port(part: Sequence[Term]) -> bool:
    return any(term.name == "port" for term in part)


def _value_of(term: Term, slot: SlotOf) -> Callable[[Box, bytes, Spots], str]:
    if term.literal is not None:
        text = term.literal
        return lambda *_: text
    if term.name == "port":
        return partial(_port_of_instance if term.at.startswith("#") else _port, slot(term.at.lstrip("#")))
    if term.index:
        return partial(_instance, slot(term.name), term.cut())
    return partial(_said, slot(term.name))


def _said(slot: int, _: Box, data: bytes, spots: Spots) -> str:
    spot = spots[slot]
    return _text(data, spot) if spot is not None else ""


def _instance(slot: int, cut: slice, _: Box, data: bytes, spots: Spots) -> str:
    spot = spots[slot]
    return dotted(_arcs(data[spot[0] : spot[1]])[cut]) if spot is not None else ""


def _port(slot: int, box: Box, data: bytes, spots: Spots) -> str:
    number = _raw(data, spots[slot])
    return box.numbers.get(number, "") if isinstance(number, int) else ""


def _port_of_instance(slot: int, box: Box, data: bytes, spots: Spots) -> str:
    spot = spots[slot]
    arcs = _arcs(data[spot[0] : spot[1]]) if spot is not None else ()
    return box.numbers.get(arcs[-1], "") if arcs else ""


def _raw(data: bytes, spot: Spot | None) -> int | str | None:
    """The number, or the text of anything else; None when it is not there."""
    if spot is None:
        return None
    _, at, end = spot
    if end - at == 3 and data[at] == 0x02 and data[at + 1] == 1:  # as nearly all states and many numbers of ports are
        value = data[at + 2]
        return value if value < 0x80 else value - 0x100
    binding = _binding(data, spot)
    return binding.value if isinstance(binding.value, int) else decode.text(binding)


def _text(data: bytes, spot: Spot) -> str:
    _, at, end = spot
    if end - at > 1 and data[at] == 0x04 and data[at + 1] == end - at - 2:  # as nearly all texts are
        return decode.readable(data[at + 2 : end])
    return decode.text(_binding(data, spot)) or ""


def _binding(data: bytes, spot: Spot) -> VarBind:
    return VarBind((), *form.read(data, spot[1], spot[2]))


def _texts(data: bytes) -> Iterable[str]:
    """All that came as text: names, descriptions, serials."""
    for _, at, end in form.varbinds(data):
        if data[at] == 0x04:
            yield _text(data, (at, at, end))


@lru_cache(maxsize=1 << 14)
def _arcs(instance: bytes) -> Oid:
    return tuple(ber.read_arcs(instance))
