"""The standard objects of one device, asked at each poll: its uptime, and its ports by name.

Numbers are asked together with their names, so that a port that moved to another ifIndex is noticed by the very answer
that would have been misread. That the table itself has changed (a card came or went) is told by ifTableLastChange and
by the number of interfaces; both are asked along, for a port that comes back has a number that nobody asks for yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from netwatch.core.model import Condition, State
from netwatch.core.ports import normal
from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.ports import ADMIN, OPER, judge, restarted
from netwatch.wire.read import Seen
from netwatch.wire.snmp import ABSENT, Budget, Oid, Snmp, Target, VarBind, oid

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
HR_UPTIME = oid("1.3.6.1.2.1.25.1.1.0")
IF_NUMBER = oid("1.3.6.1.2.1.2.1.0")
IF_TABLE_CHANGED = oid("1.3.6.1.2.1.31.1.5.0")
IF_DESCR, IF_ADMIN, IF_OPER, IF_LAST_CHANGE = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (2, 7, 8, 9))
IF_NAME = oid("1.3.6.1.2.1.31.1.1.1.1")

_HEAD = (SYS_UPTIME, HR_UPTIME, IF_NUMBER, IF_TABLE_CHANGED)
ALL_PORTS = 128
"""Boxes with more ports than this are asked only for those that the ledger names."""
LEARN_EVERY = 3600.0
"""Seconds after which the table of names is read anew even if nothing seems to have changed."""
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


@dataclass(slots=True)
class Watch:
    """What is asked of one device, and what it told last."""

    device: str
    ports: list[WatchedPort] = field(default_factory=list)
    asked: list[Oid] = field(default_factory=list)
    """The head, then name, admin and oper state of each of `ports`."""
    learned: float | None = None
    missing: tuple[str, ...] = ()
    """Ports of the ledger that the device does not have."""
    restarted: int | None = None
    """The last answer shows a restart: for how many hundredths of a second it has been up since."""
    _uptime: tuple[int, float] | None = None
    _host_uptime: int | None = None
    _table: tuple[int | None, int | None] = (None, None)
    _vain: int = 0
    """How often in a row the table said that it had changed, and nothing had that we ask for."""
    _quiet: set[tuple[str, Condition]] = field(default_factory=set)
    """Ports unknown to the ledger that were down when first seen."""

    def forget(self) -> None:
        """Numbers may have changed: the next question learns them anew."""
        self.learned = None

    async def ask(
        self, snmp: Snmp, target: Target, names: Names, budget: Budget, told: Callable[[str, Condition], bool]
    ) -> list[Seen]:
        """What its ports are now. `told`: whether anything was ever said of that. Raises SnmpError."""
        now = asyncio.get_running_loop().time()
        if self.learned is None or now - self.learned > LEARN_EVERY:
            await self._learn(snmp, target, names, budget)
        answer = await snmp.get(target, self.asked, budget)
        if self._stale(answer):
            # Renumbered, or a port came or went: nothing of this answer may be told under the old names.
            before = self.asked
            await self._learn(snmp, target, names, budget)
            answer = await snmp.get(target, self.asked, budget)
            self._vain = self._vain + 1 if self.asked == before else 0
        self._table = _number(answer[2]), _number(answer[3])
        self._reckon(answer[0], answer[1])
        seen = [
            Seen(spelt, Condition.LINK, State.UNKNOWN, "not among the interfaces any more")
            for spelt in self.missing
            if told(spelt, Condition.LINK)
        ]
        for port, name, admin, oper in self._rows(answer):
            if port.name == _octets(name):
                seen += self._says(port, _number(admin), _number(oper), told)
        return seen

    async def since(self, snmp: Snmp, target: Target, budget: Budget) -> dict[str, tuple[State, float]]:
        """For each port of the ledger: what it is, and for how many seconds, by the device's own record (ifLastChange).

        Counted by its uptime, so its clock does not matter; a record later than the uptime is none. Raises SnmpError.
        """
        rows = zip(self.ports, self.asked[len(_HEAD) :: 3], strict=True)
        known = [(port, name[-1]) for port, name in rows if port.known]
        asked = [(*column, index) for _, index in known for column in (IF_ADMIN, IF_OPER, IF_LAST_CHANGE)]
        if not asked:
            return {}
        answer = await snmp.get(target, [SYS_UPTIME, *asked], budget)
        uptime, cells = _number(answer[0]), iter(list(answer)[1:])
        found = {}
        for (port, _), admin, oper, changed in zip(known, cells, cells, cells, strict=True):
            verdict, at = judge(_number(admin), _number(oper)).get(Condition.LINK), _number(changed)
            if verdict is not None and uptime is not None and at is not None and at <= uptime:
                found[port.component] = verdict, (uptime - at) / 100
        return found

    def _rows(self, answer: Sequence[VarBind]) -> Iterator[tuple[WatchedPort, VarBind, VarBind, VarBind]]:
        cells = iter(answer[len(_HEAD) :])
        return zip(self.ports, cells, cells, cells, strict=True)

    def _stale(self, answer: Sequence[VarBind]) -> bool:
        changed = (_number(answer[2]), _number(answer[3])) != self._table and self._table != (None, None)
        if changed and self._vain < _VAIN:
            return True
        return any(port.name != _octets(name) for port, name, _, _ in self._rows(answer))

    async def _learn(self, snmp: Snmp, target: Target, names: Names, budget: Budget) -> None:
        """Which number each port has now."""
        found = await snmp.columns(target, [IF_NAME, IF_DESCR], budget)
        by_name = {vb.oid[-1]: vb for vb in found[IF_NAME]}
        by_descr = {vb.oid[-1]: vb for vb in found[IF_DESCR]}
        ledger = names.ports(self.device)
        ports: dict[int, WatchedPort] = {}
        for index in sorted(by_name.keys() | by_descr.keys()):
            column = IF_NAME if index in by_name and _octets(by_name[index]) else IF_DESCR
            vb = by_name[index] if column is IF_NAME else by_descr.get(index)
            if vb is None or not (raw := _octets(vb)):
                continue
            called = [text for v in (vb, by_descr.get(index)) if v and (text := decode.text(v))]
            if called:
                spelt = names.spell(self.device, *called)
                ports[index] = WatchedPort(spelt, column, raw, any(normal(name) in ledger for name in called))
        names.number(self.device, {index: port.component for index, port in ports.items()})
        here = {port.component for port in ports.values()}
        self.missing = tuple(spelt for spelt in ledger.values() if spelt not in here) if ports else ()
        watched = [(i, p) for i, p in ports.items() if p.known or len(ports) <= ALL_PORTS]
        self.ports = [port for _, port in watched]
        self.asked = [*_HEAD]
        for index, port in watched:
            self.asked += [(*port.column, index), (*IF_ADMIN, index), (*IF_OPER, index)]
        self.learned = asyncio.get_running_loop().time()

    def _says(
        self, port: WatchedPort, admin: int | None, oper: int | None, told: Callable[[str, Condition], bool]
    ) -> Iterator[Seen]:
        value = f"admin {ADMIN.get(admin or 0, admin)}, oper {OPER.get(oper or 0, oper)}"
        for condition, verdict in judge(admin, oper).items():
            key = (port.component, condition)
            if not port.known and verdict is State.BAD and not told(*key):
                self._quiet.add(key)
            if verdict is State.OK:
                self._quiet.discard(key)
            if key not in self._quiet:
                yield Seen(port.component, condition, verdict, value)

    def _reckon(self, uptime: VarBind, host: VarBind) -> None:
        now, ticks, hosts = asyncio.get_running_loop().time(), _number(uptime), _number(host)
        self.restarted = None
        if ticks is None:
            return
        if self._uptime is not None:
            before, at = self._uptime
            if restarted(before, ticks, now - at):
                self.restarted = ticks
                if hosts is not None and self._host_uptime is not None:  # an agent may restart alone
                    self.restarted = hosts if restarted(self._host_uptime, hosts, now - at) else None
            if self.restarted is not None:
                self.forget()
        self._uptime, self._host_uptime = (ticks, now), hosts


def _number(vb: VarBind) -> int | None:
    return vb.value if isinstance(vb.value, int) else None


def _octets(vb: VarBind) -> bytes:
    return vb.value if isinstance(vb.value, bytes) and vb.tag not in ABSENT else b""
