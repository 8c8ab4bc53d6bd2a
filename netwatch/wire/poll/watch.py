"""The standard objects of one device, asked at each poll: its uptime, and its ports by name.

Numbers are asked together with their names, so that a port that moved to another ifIndex is noticed by the very answer
that would have been misread. That the table itself has changed (a card came or went) is told by ifTableLastChange and
by the number of interfaces; both are asked along, for a port that comes back has a number that nobody asks for yet.

Most answers say what the one before said: one comparison tells, and nothing is made of them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netwatch.core.model import Condition, State
from netwatch.core.ports import normal
from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.poll.alike import Alike
from netwatch.wire.ports import ADMIN, OPER, judge, restarted
from netwatch.wire.read import Seen
from netwatch.wire.schedule import phase
from netwatch.wire.snmp import Budget, Oid, Snmp, Target, Value, VarBind, oid

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
HR_UPTIME = oid("1.3.6.1.2.1.25.1.1.0")
IF_NUMBER = oid("1.3.6.1.2.1.2.1.0")
IF_TABLE_CHANGED = oid("1.3.6.1.2.1.31.1.5.0")
IF_DESCR, IF_ADMIN, IF_OPER, IF_LAST_CHANGE = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (2, 7, 8, 9))
IF_NAME = oid("1.3.6.1.2.1.31.1.1.1.1")

_HEAD = (SYS_UPTIME, HR_UPTIME, IF_NUMBER, IF_TABLE_CHANGED)
_TABLE, _PORTS = slice(2, len(_HEAD)), slice(len(_HEAD), None)
"""Of an answer, behind the uptimes, which differ in each."""
ALL_PORTS = 128
"""Boxes with more ports than this are asked only for those that the ledger names."""
LEARN_EVERY = 3600.0
"""Most seconds after which the table of names is read anew even if nothing seems to have changed. Each device has its
own share of it, or all that were learnt in the minute after a start would be learnt anew in one minute."""
_VAIN = 3
"""Boxes whose table changes all the time (an interface for each dial-in) are not believed any more after so often."""


@dataclass(frozen=True, slots=True)
class WatchedPort:
    component: str
    column: Oid
    """Where its name was read: ifName, or ifDescr of boxes that have no ifXTable."""
    name: bytes
    known: bool
    """The ledger names it."""


@dataclass(frozen=True, slots=True)
class Table:
    """What follows from the names that a box gives its interfaces, and from those that the ledger gives them."""

    numbers: Mapping[int, str]
    """Of all its ports, spelt as in the ledger."""
    ports: tuple[WatchedPort, ...]
    """Those that are asked for."""
    asked: tuple[Oid, ...]
    """The head, then name, admin and oper state of each of `ports`."""
    missing: tuple[str, ...]
    """Ports of the ledger that the device does not have."""


@functools.lru_cache(maxsize=1 << 14)
def made_of(
    names: tuple[tuple[int, bytes], ...], descrs: tuple[tuple[int, bytes], ...], ledger: tuple[tuple[str, str], ...]
) -> Table:
    """Of ifName and ifDescr by ifIndex, and the ledger's spelling by its comparable form. Boxes of a model share it."""
    by_name, by_descr, spelling = dict(names), dict(descrs), dict(ledger)
    ports: dict[int, WatchedPort] = {}
    for index in sorted(by_name.keys() | by_descr.keys()):
        column = IF_NAME if index in by_name else IF_DESCR
        raw = by_name.get(index) or by_descr[index]
        called = [text for octets in (raw, by_descr.get(index)) if octets and (text := decode.readable(octets))]
        if called:
            spelt = next((known for name in called if (known := spelling.get(normal(name)))), "")
            ports[index] = WatchedPort(spelt or called[0], column, raw, bool(spelt))
    numbers = {index: port.component for index, port in ports.items()}
    here = set(numbers.values())
    watched = [(index, port) for index, port in ports.items() if port.known or len(ports) <= ALL_PORTS]
    cells = ((*column, index) for index, port in watched for column in (port.column, IF_ADMIN, IF_OPER))
    missing = tuple(spelt for spelt in spelling.values() if spelt not in here) if ports else ()
    return Table(numbers, tuple(port for _, port in watched), (*_HEAD, *cells), missing)


_NOTHING = Table({}, (), (), ())


class Watch:
    """What is asked of one device, and what it told last."""

    __slots__ = (
        "_alike",
        "_anew",
        "_cells",
        "_changed",
        "_host_uptime",
        "_ledger",
        "_names",
        "_quiet",
        "_table",
        "_until",
        "_uptime",
        "_vain",
        "device",
        "restarted",
    )

    def __init__(self, device: str, names: Names, alike: Alike) -> None:
        self.device, self._names, self._alike = device, names, alike
        self._table = _NOTHING
        self.restarted: int | None = None
        """The last answer shows a restart: for how many hundredths of a second it has been up since."""
        self._until: float | None = None
        """How long what was learnt of the table is taken for true."""
        self._anew = False
        """The table was learnt since the last answer."""
        self._ledger: Mapping[str, str] = {}
        """The ports that the ledger named when the table was learnt."""
        self._uptime: tuple[int, float] | None = None
        self._host_uptime: int | None = None
        self._changed: tuple[Value, ...] = ()
        """What the last answer said of the table: how many interfaces, and when that changed."""
        self._cells: tuple[Value, ...] = ()
        """What it said of the ports."""
        self._vain = 0
        """How often in a row the table said that it had changed, and nothing had that we ask for."""
        self._quiet: frozenset[tuple[str, Condition]] = frozenset()
        """Ports unknown to the ledger that were down when first seen."""

    def forget(self) -> None:
        """Numbers may have changed: the next question learns them anew."""
        self._until = None

    def reload(self) -> None:
        """Another ledger is in force: it may name other ports."""
        if self._ledger != self._names.ports(self.device):
            self.forget()

    async def ask(self, snmp: Snmp, target: Target, budget: Budget) -> bool:
        """Ask for its ports; False when it said what it said last, its uptime aside. Raises SnmpError."""
        if self._until is None or asyncio.get_running_loop().time() > self._until:
            await self._learn(snmp, target, budget)
        values = tuple((await snmp.get(target, self._table.asked, budget)).values)
        news = self._anew or values[_PORTS] != self._cells or values[_TABLE] != self._changed
        if news:
            if self._stale(values):
                # Renumbered, or a port came or went: nothing of this answer may be told under the old names.
                before = self._table.asked
                await self._learn(snmp, target, budget)
                values = tuple((await snmp.get(target, self._table.asked, budget)).values)
                self._vain = self._vain + 1 if self._table.asked == before else 0
            # When a table last changed is each box's own; what stands in it many have in common.
            self._changed, self._cells = values[_TABLE], self._alike.one(values[_PORTS])
            self._anew = False
        self._reckon(values[0], values[1])
        return news

    def seen(self, told: Callable[[str, Condition], bool]) -> list[Seen]:
        """What its ports are, by the last answer. `told`: whether anything was ever said of that."""
        seen = [
            Seen(spelt, Condition.LINK, State.UNKNOWN, "not among the interfaces any more")
            for spelt in self._table.missing
            if told(spelt, Condition.LINK)
        ]
        for port, name, admin, oper in self._rows(self._cells):
            if port.name == name:
                seen += self._says(port, _number(admin), _number(oper), told)
        return seen

    async def since(self, snmp: Snmp, target: Target, budget: Budget) -> dict[str, tuple[State, float]]:
        """For each port of the ledger: what it is, and for how many seconds, by the device's own record (ifLastChange).

        Counted by its uptime, so its clock does not matter; a record later than the uptime is none. Raises SnmpError.
        """
        rows = zip(self._table.ports, self._table.asked[len(_HEAD) :: 3], strict=True)
        known = [(port, name[-1]) for port, name in rows if port.known]
        asked = [(*column, index) for _, index in known for column in (IF_ADMIN, IF_OPER, IF_LAST_CHANGE)]
        if not asked:
            return {}
        uptime, *rest = (await snmp.get(target, [SYS_UPTIME, *asked], budget)).values
        cells, found = iter(rest), {}
        for (port, _), admin, oper, changed in zip(known, cells, cells, cells, strict=True):
            verdict = judge(_number(admin), _number(oper)).get(Condition.LINK)
            if verdict is not None and isinstance(uptime, int) and isinstance(changed, int) and changed <= uptime:
                found[port.component] = verdict, (uptime - changed) / 100
        return found

    def _rows(self, cells: Sequence[Value]) -> Iterator[tuple[WatchedPort, Value, Value, Value]]:
        each = iter(cells)
        return zip(self._table.ports, each, each, each, strict=True)

    def _stale(self, values: tuple[Value, ...]) -> bool:
        changed = values[_TABLE] != self._changed and any(it is not None for it in self._changed)
        if changed and self._vain < _VAIN:
            return True
        return any(port.name != name for port, name, _, _ in self._rows(values[_PORTS]))

    async def _learn(self, snmp: Snmp, target: Target, budget: Budget) -> None:
        """Which number each port has now."""
        found = await snmp.columns(target, [IF_NAME, IF_DESCR], budget)
        self._ledger = ledger = self._names.ports(self.device)
        self._table = made_of(_octets(found[IF_NAME]), _octets(found[IF_DESCR]), tuple(ledger.items()))
        self._names.number(self.device, self._table.numbers)
        self._until = asyncio.get_running_loop().time() + LEARN_EVERY * (1 + phase(self.device)) / 2
        self._anew = True

    def _says(
        self, port: WatchedPort, admin: int | None, oper: int | None, told: Callable[[str, Condition], bool]
    ) -> Iterator[Seen]:
        value = f"admin {ADMIN.get(admin or 0, admin)}, oper {OPER.get(oper or 0, oper)}"
        for condition, verdict in judge(admin, oper).items():
            key = (port.component, condition)
            if not port.known and verdict is State.BAD and not told(*key):
                self._quiet |= {key}
            if verdict is State.OK and self._quiet:
                self._quiet -= {key}
            if key not in self._quiet:
                yield Seen(port.component, condition, verdict, value)

    def _reckon(self, ticks: Value, hosts: Value) -> None:
        now = asyncio.get_running_loop().time()
        self.restarted = None
        if not isinstance(ticks, int):
            return
        host_before, self._host_uptime = self._host_uptime, _number(hosts)
        if self._uptime is not None:
            before, at = self._uptime
            if restarted(before, ticks, now - at):
                self.restarted = ticks
                if self._host_uptime is not None and host_before is not None:  # an agent may restart alone
                    alone = not restarted(host_before, self._host_uptime, now - at)
                    self.restarted = None if alone else self._host_uptime
            if self.restarted is not None:
                self.forget()
        self._uptime = ticks, now


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _octets(column: Sequence[VarBind]) -> tuple[tuple[int, bytes], ...]:
    """(index, what stands there) of a column of names."""
    return tuple((vb.oid[-1], vb.value) for vb in column if isinstance(vb.value, bytes) and vb.value)
