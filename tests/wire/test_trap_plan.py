"""What the compiled rules make of a notification is what its profiles say, read by the letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Condition, Device, Ledger, Link, Medium, Observation, Port, Role, Source, State
from netwatch.wire import decode
from netwatch.wire.names import PORTS, Box, Names
from netwatch.wire.profile import Profile, Profiles, Trap
from netwatch.wire.snmp import Oid, Tag, VarBind, ber, dotted, oid
from netwatch.wire.template import Template, Term
from netwatch.wire.traps import plan as trap_plan
from netwatch.wire.traps.form import SNMP_TRAPS, TRAP_ADDRESS
from netwatch.wire.traps.plan import AGENT, MOST_ALIKE, MOST_SHAPES, Plans

LINK_DOWN, LINK_UP = (*SNMP_TRAPS, 3), (*SNMP_TRAPS, 4)
IF_INDEX, IF_DESCR, IF_ADMIN, IF_OPER = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2, 7, 8))
IF_ALIAS = oid("1.3.6.1.2.1.31.1.1.1.18")


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles.load()


@pytest.fixture(scope="session")
def plans(profiles: Profiles) -> Plans:
    """One for all that is tried: what it has learnt of one notification must not change how the next is read."""
    return Plans(profiles)


def box() -> Box:
    olt, onu = Port("OLT-1", "gpon-0/1"), Port("ONU-A", "wan")
    names = Names(
        Ledger(
            devices={
                "OLT-1": Device("OLT-1", role=Role.OLT, address="192.0.2.9"),
                "ONU-A": Device("ONU-A", role=Role.ONU, notes={"serial": "ZTEG-C0FFEE01"}),
            },
            links={
                "P-1": Link("P-1", olt, onu, medium=Medium.PON),
                "L-1": Link("L-1", Port("OLT-1", "GE0/0/1"), Port("", "")),
            },
        )
    )
    names.number("OLT-1", {1: "GigabitEthernet0/0/1", 2: "GE0/0/2", 300: "xe-3/0/0", 268501248: "gpon-0/1"})
    return names.box("OLT-1")


def octets(bindings: list[VarBind]) -> bytes:
    return b"".join(ber.tlv(ber.SEQUENCE, ber.write_oid(vb.oid) + ber.write_value(vb.tag, vb.value)) for vb in bindings)


class Literally:
    """The rules of a notification, read from decoded varbinds without any haste."""

    def __init__(self, profiles: Profiles, profile: Profile, bindings: list[VarBind]) -> None:
        self.profiles, self.profile, self.bindings = profiles, profile, bindings

    def find(self, name: str) -> tuple[VarBind, Oid] | None:
        column = self.profiles.column(self.profile, name)
        here = (vb for vb in self.bindings if column and vb.oid[: len(column)] == column)
        return next(((vb, vb.oid[len(column or ()) :]) for vb in here), None)

    def raw(self, name: str) -> Any:
        found = self.find(name)
        if found is None:
            return None
        return found[0].value if isinstance(found[0].value, int) else decode.text(found[0])

    def fits(self, rule: Trap) -> bool:
        return all(self.raw(name) in values for name, values in rule.when.items()) and all(
            (found := self.find(name)) and pattern.search(decode.text(found[0]) or "")
            for name, pattern in rule.match.items()
        )

    def value(self, box: Box, term: Term) -> str:
        if term.name == "port":
            found = self.find(term.at.lstrip("#"))
            number = found and ((found[1] or (None,))[-1] if term.at.startswith("#") else found[0].value)
            return box.numbers.get(number, "") if isinstance(number, int) else ""
        found = self.find(term.name)
        if found is None:
            return ""
        return dotted(term.part(found[1])) if term.index else decode.text(found[0]) or ""

    def fill(self, box: Box, words: Template) -> str:
        """Empty where a port is to be named that has no name, or nothing that is there tells one thing from another."""
        holes = [part for part in words.parts if not isinstance(part, str)]
        filled = [any(term.literal or self.value(box, term) for term in hole) for hole in holes]
        ports = [any(term.name == "port" for term in hole) for hole in holes]
        if (holes and not any(filled)) or any(p and not f for p, f in zip(ports, filled, strict=True)):
            return ""
        return words.fill(lambda term: self.value(box, term))

    def observed(self, box: Box, rule: Trap) -> Observation | None:
        state = rule.state or next((s for s in (State.BAD, State.OK) if self.raw(rule.by) in getattr(rule, s)), None)
        if rule.condition is None or state is None:
            return None
        component: str | None = ""
        if rule.component is not None and rule.component.parts:
            said = self.fill(box, rule.component)
            port, slash, onu = said.rpartition("/")
            texts = [decode.text(vb) or "" for vb in self.bindings if vb.tag is Tag.OCTETS]
            ours = slash and rule.condition in (Condition.ONU, Condition.DYING_GASP) and box.onu(port, onu, texts)
            component = ours or (box.component(said, rule.condition in PORTS) if said else None)
        if component is None:
            return None
        value = self.fill(box, rule.value) if rule.value else ""
        shown = f"{rule.name}: {value}" if value else rule.name
        return Observation(7, box.id, component, rule.condition, state, Source.TRAP, value=shown[:200])


def literally(profiles: Profiles, name: Oid, box: Box, bindings: list[VarBind]) -> Observation | None:
    for profile, rule in profiles.traps[name]:
        reading = Literally(profiles, profile, bindings)
        if reading.fits(rule):
            return reading.observed(box, rule)
    return None


def asked(profiles: Profiles, name: Oid) -> Iterator[Oid]:
    """The columns that rules of this notification name."""
    for profile, rule in profiles.traps[name]:
        terms = [term for words in (rule.component, rule.value) if words for term in words.terms()]
        for word in (*rule.when, *rule.match, rule.by, *(w for t in terms for w in (t.name, t.at.lstrip("#")))):
            if (column := profiles.column(profile, word)) and min(column) >= 0:
                yield column


TEXTS = st.sampled_from(
    ["GE0/0/1", "GigabitEthernet0/0/2", "ZTEG-C0FFEE01", "PORT 1", "gpon-0/1/3", "FAN", "mains", "", "光", "x" * 140]
)
VALUES = st.one_of(
    st.sampled_from([1, 2, 3, 4, 8, 300, 268501248]).map(lambda n: (Tag.INTEGER, n)),
    st.integers(-(2**31), 2**31 - 1).map(lambda n: (Tag.INTEGER, n)),
    TEXTS.map(lambda text: (Tag.OCTETS, text.encode())),
    st.binary(max_size=9).map(lambda octets: (Tag.OCTETS, octets)),
    st.just((Tag.IP_ADDRESS, b"\xc0\0\2\7")),
    st.integers(0, 2**32 - 1).map(lambda n: (Tag.GAUGE32, n)),
    st.just((Tag.OID, (1, 3, 6, 1, 4))),
    st.just((Tag.NULL, None)),
)
INSTANCES = st.one_of(
    st.sampled_from([(1,), (2,), (300,), (268501248, 3), (192, 0, 2, 66), (0,), ()]),
    st.lists(st.one_of(st.integers(0, 127), st.integers(0, 2**32 - 1)), max_size=4).map(tuple),
)


@settings(max_examples=200)
@given(st.data())
def test_what_is_understood_is_what_the_rules_say(profiles: Profiles, plans: Plans, data: st.DataObject) -> None:
    """Any notification that is known, with any of the columns it is asked for, others between, in any order; and then
    the same again with other values and instances, of the same sizes or others."""
    name = data.draw(st.sampled_from(sorted(profiles.traps)))
    columns = [*asked(profiles, name), IF_ALIAS, (1, 3, 6), TRAP_ADDRESS[:-1]]
    plan, here = plans.of(ber.oid_body(name)), box()
    drawn = data.draw(st.lists(st.tuples(st.sampled_from(columns), INSTANCES, VALUES), max_size=7))
    for _ in range(3):
        bindings = [VarBind((*column, *instance), tag, value) for column, instance, (tag, value) in drawn]  # type: ignore[arg-type]
        listed = octets(bindings)
        for _ in range(2):
            assert plan.read(here, listed, plan.find(listed), 7) == literally(profiles, name, here, bindings), bindings
        drawn = [
            (column, data.draw(st.one_of(st.just(instance), INSTANCES)), data.draw(st.one_of(st.just(value), VALUES)))
            for column, instance, value in drawn
        ]


@settings(max_examples=100)
@given(st.data())
def test_a_shape_once_learnt_changes_nothing_of_how_any_octets_are_read(
    profiles: Profiles, data: st.DataObject
) -> None:
    fresh, learnt = Plans(profiles).of(ber.oid_body(LINK_DOWN)), Plans(profiles).of(ber.oid_body(LINK_DOWN))
    columns = [IF_INDEX, IF_DESCR, IF_ADMIN, IF_OPER, IF_ALIAS]
    drawn = data.draw(st.lists(st.tuples(st.sampled_from(columns), INSTANCES, VALUES), min_size=1, max_size=5))
    listed = bytearray(octets([VarBind((*c, *i), tag, value) for c, i, (tag, value) in drawn]))  # type: ignore[arg-type]
    for _ in range(3):
        learnt.find(bytes(listed))
    for _ in range(data.draw(st.integers(1, 3))):
        listed[data.draw(st.integers(0, len(listed) - 1))] = data.draw(st.integers(0, 255))

    def spots(plan: trap_plan.Plan) -> Any:
        try:
            return list(plan.find(bytes(listed)))
        except ber.BerError:
            return "garbled"

    assert spots(learnt) == spots(fresh)


def link(index: int, alias: str) -> bytes:
    return octets(
        [
            VarBind((*IF_INDEX, index), Tag.INTEGER, index),
            VarBind((*IF_ADMIN, index), Tag.INTEGER, 1),
            VarBind((*IF_ALIAS, index), Tag.OCTETS, alias.encode()),
        ]
    )


def test_a_shape_that_came_twice_is_walked_no_more(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plans(profiles).of(ber.oid_body(LINK_UP))
    for index in (1, 2):
        plan.find(link(index, "some customer"))
    monkeypatch.setattr(trap_plan.Plan, "_walk", None)
    names = Names(Ledger(devices={"R-1": Device("R-1")}))
    names.number("R-1", {index: f"GE0/0/{index}" for index in range(100)})
    for index in range(3, 100):
        data = link(index, f"customer {index:04}")
        seen = plan.read(names.box("R-1"), data, plan.find(data), 0)
        assert seen is not None
        assert seen.component == f"GE0/0/{index}"


def test_ever_new_shapes_fill_no_memory(profiles: Profiles) -> None:
    plan = Plans(profiles).of(b"what nobody knows")

    def hear(first: int, second: int) -> None:
        bindings = [VarBind(IF_ALIAS, Tag.OCTETS, b"x" * first), VarBind(IF_DESCR, Tag.OCTETS, b"y" * second)]
        for _ in range(2):
            plan.find(octets(bindings))

    for size in range(3 * MOST_SHAPES):
        hear(size % 90, size)
    assert len(plan._shapes.known) <= MOST_SHAPES
    for _ in range(20):
        for size in range(80):
            hear(size, 80 - size)
    assert max(map(len, plan._shapes.known.values())) <= MOST_ALIKE


def test_a_notification_is_known_by_its_number_with_and_without_the_zero_before_it(plans: Plans) -> None:
    assert plans.of(ber.oid_body(oid("1.3.6.1.2.1.15.7.2"))).known
    assert plans.of(ber.oid_body(oid("1.3.6.1.2.1.15.7.0.2"))) is plans.of(ber.oid_body(oid("1.3.6.1.2.1.15.7.2")))
    assert not plans.of(ber.oid_body(oid("1.3.6.1.2.1.15.7.99"))).known


def test_for_whom_a_proxy_speaks_is_found_in_what_nobody_knows(plans: Plans) -> None:
    whose = VarBind(TRAP_ADDRESS, Tag.IP_ADDRESS, b"\xc0\0\2\7")
    listed = octets([VarBind(oid("1.3.6.1.4.1.9.9"), Tag.OCTETS, b"x" * 200), whose])
    spot = plans.of(b"\x2b\x06\x99").find(listed)[AGENT]
    assert spot is not None
    assert listed[spot[1] + 2 : spot[2]] == whose.value


def test_an_onu_of_a_port_that_cannot_be_named_is_left_to_the_poll(profiles: Profiles, plans: Plans) -> None:
    name = oid("1.3.6.1.4.1.3902.1012.3.45.123")
    (profile, _), *_ = profiles.traps[name]
    port, onu = (profiles.column(profile, word) for word in ("zxIfIndex", "zxOntName"))
    plan = plans.of(ber.oid_body(name))
    for number, component in ((268501248, "gpon-0/1/ONU-A"), (4711, None)):
        listed = octets(
            [
                VarBind((*(port or ()), number), Tag.INTEGER, number),
                VarBind((*(onu or ()), number, 7), Tag.OCTETS, b"zteg c0ffee01"),
            ]
        )
        seen = plan.read(box(), listed, plan.find(listed), 0)
        assert (seen.component if seen else None) == component


@pytest.mark.parametrize(
    "instance",
    [b"\x81" * 5 + b"\x01", b"\x81" * 60_000 + b"\x01", b"\x01" * 200, b"\x01\x81"],
    ids=["beyond 32 bits", "without end", "too many arcs", "cut off"],
)
def test_an_instance_that_no_name_may_have_is_garbled(plans: Plans, instance: bytes) -> None:
    """It would else take the loop's time and memory as the square of its length."""
    name = ber.tlv(Tag.OID, ber.oid_body(IF_ADMIN) + instance)
    data = ber.tlv(ber.SEQUENCE, name + ber.write_value(Tag.INTEGER, 2))
    plan = plans.of(ber.oid_body(LINK_DOWN))
    with pytest.raises(ber.BerError):
        plan.read(box(), data, plan.find(data), 0)
