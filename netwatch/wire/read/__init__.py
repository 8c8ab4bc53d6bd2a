"""Reading a device by its profiles: ask for the columns they name, make rows, readings and observations of them.

The agent is asked once for everything (`Snmp.columns`), then all is worked out from what came back; a table that could
not be read is a problem in words and empty, and the rest is told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.profile import Profile, Profiles
from netwatch.wire.read.columns import wanted, worth_observations
from netwatch.wire.read.told import Read, Row, Seen
from netwatch.wire.read.values import Index
from netwatch.wire.read.work import Work
from netwatch.wire.snmp import (
    ABSENT,
    Budget,
    EndlessWalkError,
    Oid,
    Snmp,
    SnmpError,
    Target,
    VarBind,
    Version,
    dotted,
    oid,
)

__all__ = ["SYSTEM", "Read", "Reader", "Row", "Seen"]

SYSTEM = {name: oid(f"1.3.6.1.2.1.1.{n}.0") for name, n in (("descr", 1), ("object_id", 2), ("uptime", 3), ("name", 5))}
_SYSTEM = tuple(SYSTEM.values())


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is read of boxes of one kind."""

    profiles: Sequence[Profile]
    tables: Mapping[Oid, Sequence[Oid]]
    """The columns that are wanted of each table."""


class Reader:
    def __init__(self, snmp: Snmp, profiles: Profiles, names: Names | None = None) -> None:
        self._snmp, self._profiles, self._names = snmp, profiles, names
        self._roots: dict[tuple[Oid, tuple[str, ...]], tuple[Oid, ...]] = {}
        self._plans: dict[tuple[Oid, tuple[str, ...], bool], _Plan] = {}

    async def read(self, target: Target, budget: Budget | None = None, device: str = "") -> Read:
        """Everything the profiles ask. Raises SnmpError when the device does not even say what it is."""
        return await self._read(target, device, budget or Budget(), judged=False)

    async def observe(self, target: Target, device: str, budget: Budget) -> Read:
        """Only what is worth observations, ports aside: those the poller watches itself."""
        return await self._read(target, device, budget, judged=True)

    async def _read(self, target: Target, device: str, budget: Budget, *, judged: bool) -> Read:
        plan, found = await self._know(target, budget, judged=judged)
        if plan.tables:
            cells = await self._columns(target, plan.tables, budget, found)
            Work(self._profiles, cells, self._names, device).all(plan.profiles, found)
        return found

    async def _know(self, target: Target, budget: Budget, *, judged: bool) -> tuple[_Plan, Read]:
        found = Read()
        descr, object_id, uptime, name = await self._snmp.get(target, _SYSTEM, budget)
        found.descr, found.name = decode.text(descr) or "", decode.text(name) or ""
        who = object_id.value if isinstance(object_id.value, tuple) else ()
        found.object_id = dotted(who)
        found.uptime_seconds = uptime.value / 100 if isinstance(uptime.value, int) else None
        suiting = self._profiles.suiting(who, found.descr)
        there: set[Oid] = set()
        if roots := self._roots_of(who, suiting):
            there = await self._snmp.answering(target, roots, budget)
        chosen = {n: p for n, p in suiting.items() if not p.answers or not there.isdisjoint(p.answers)}
        found.profiles, found.suiting = list(chosen), list(suiting)
        return self._plan(who, chosen, judged=judged), found

    # Thousands of boxes are of one kind, and each is read every few minutes.

    def _roots_of(self, who: Oid, suiting: Mapping[str, Profile]) -> tuple[Oid, ...]:
        """What has to be tried to know which of the profiles are its own."""
        key = who, tuple(suiting)
        if key not in self._roots:
            if len(self._roots) >= _MOST_KINDS:
                self._roots.clear()
            self._roots[key] = tuple(sorted({root for profile in suiting.values() for root in profile.answers}))
        return self._roots[key]

    def _plan(self, who: Oid, chosen: Mapping[str, Profile], *, judged: bool) -> _Plan:
        key = who, tuple(chosen), judged
        if key not in self._plans:
            if len(self._plans) >= _MOST_KINDS:
                self._plans.clear()
            profiles = [worth_observations(profile) if judged else profile for profile in chosen.values()]
            tables: dict[Oid, list[Oid]] = {}
            for column in sorted(wanted(self._profiles, profiles)):
                tables.setdefault(column[:-1], []).append(column)
            self._plans[key] = _Plan(profiles, tables)
        return self._plans[key]

    async def _columns(
        self, target: Target, tables: Mapping[Oid, Sequence[Oid]], budget: Budget, found: Read
    ) -> dict[Oid, dict[Index, VarBind]]:
        if len(tables) > _MANY_TABLES and target.credential.version is not Version.V1:
            tables = await self._filled(target, tables, budget)
        cells: dict[Oid, dict[Index, VarBind]] = {}
        for columns in _batches(tables.values()):
            try:
                rows = await self._snmp.columns(target, columns, budget)
            except EndlessWalkError as error:
                found.problems.append(str(error))
                rows = await self._one_by_one(target, columns, budget, found)
            except SnmpError as error:
                found.problems.append(str(error))
                continue
            for column, bindings in rows.items():
                cells[column] = {vb.oid[len(column) :]: vb for vb in bindings if vb.tag not in ABSENT}
        return cells

    async def _filled(
        self, target: Target, tables: Mapping[Oid, Sequence[Oid]], budget: Budget
    ) -> Mapping[Oid, Sequence[Oid]]:
        """Only the tables that hold anything: one step into each is cheaper than each of its columns."""
        try:
            there = await self._snmp.answering(target, list(tables), budget)
        except SnmpError:
            return tables
        return {table: columns for table, columns in tables.items() if table in there}

    async def _one_by_one(
        self, target: Target, columns: Sequence[Oid], budget: Budget, found: Read
    ) -> dict[Oid, Sequence[VarBind]]:
        """One column of a batch has no end: the others are good, and of the bad one what came before."""
        rows: dict[Oid, Sequence[VarBind]] = {}
        for column in columns:
            try:
                rows[column] = await self._snmp.walk(target, column, budget)
            except EndlessWalkError as error:
                rows[column] = error.rows
            except SnmpError as error:
                found.problems.append(str(error))
        return rows


_MOST_KINDS = 4096
_MANY_TABLES = 24
"""From here on it pays to ask first which of the tables a profile knows the device has."""


def _batches(tables: Iterable[Sequence[Oid]]) -> Iterable[list[Oid]]:
    """Columns that are walked together: tables share requests while few columns are in one."""
    batch: list[Oid] = []
    for columns in tables:
        if batch and len(batch) + len(columns) > 30:
            yield batch
            batch = []
        batch = [*batch, *columns]
    if batch:
        yield batch
