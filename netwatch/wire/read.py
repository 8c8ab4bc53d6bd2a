"""Reading a device by its profiles: ask for the columns they name, make rows, readings and observations of them.

The agent is asked once for everything (`Snmp.columns`), then all is worked out from what came back; a table that could
not be read is a problem in words and empty, and the rest is told all the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from netwatch.core.model import Condition, State
from netwatch.core.ports import normal
from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.ports import ADMIN, OPER, judge
from netwatch.wire.profile import Coding, EntitySensors, Judge, Profile, Profiles, Rows, Sensor, Source
from netwatch.wire.snmp import (
    ABSENT,
    Budget,
    EndlessWalkError,
    Oid,
    Snmp,
    SnmpError,
    Tag,
    Target,
    VarBind,
    Version,
    dotted,
    oid,
)
from netwatch.wire.template import Template, Term

Index: TypeAlias = tuple[int, ...]
Row: TypeAlias = dict[str, Any]

SYSTEM = {name: oid(f"1.3.6.1.2.1.1.{n}.0") for name, n in (("descr", 1), ("object_id", 2), ("uptime", 3), ("name", 5))}
_SYSTEM = tuple(SYSTEM.values())
IF_NAME, IF_DESCR = oid("1.3.6.1.2.1.31.1.1.1.1"), oid("1.3.6.1.2.1.2.2.1.2")
ENT_DESCR, ENT_IN, ENT_NAME = (oid(f"1.3.6.1.2.1.47.1.1.1.1.{n}") for n in (2, 4, 7))
ENT_ALIAS = oid("1.3.6.1.2.1.47.1.3.2.1.2")
IF_INDEX = oid("1.3.6.1.2.1.2.2.1.1")


class Seen(NamedTuple):
    """Something worth an observation."""

    component: str
    condition: Condition
    state: State
    value: str


@dataclass
class Read:
    """All that one device told."""

    object_id: str = ""
    name: str = ""
    descr: str = ""
    uptime_seconds: float | None = None
    profiles: list[str] = field(default_factory=list)
    suiting: list[str] = field(default_factory=list)
    """Profiles that suit what it says it is, whether or not its agent shows what they ask for."""
    lists: dict[str, list[Row]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


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
            _Work(self._profiles, cells, self._names, device).all(plan.profiles, found)
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
            profiles = [_judged(profile) if judged else profile for profile in chosen.values()]
            tables: dict[Oid, list[Oid]] = {}
            for column in sorted(_wanted(self._profiles, profiles)):
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


# ---------------------------------------------------------------- which columns


def _judged(profile: Profile) -> Profile:
    """What of it is worth observations, ports aside."""
    sensors = tuple(sensor for sensor in profile.sensor if sensor.condition)
    rows = tuple(rows for rows in profile.rows if rows.observe and rows.list != "ports")
    return profile.model_copy(update={"sensor": sensors, "rows": rows, "entity_sensors": ()})


def _wanted(profiles: Profiles, chosen: Iterable[Profile]) -> set[Oid]:
    out: set[Oid] = set()
    for profile in chosen:
        for sensor in profile.sensor:
            out |= set(sensor.columns)
            out |= {o for o in (sensor.low, sensor.high) if o}
            filled = [t for t in (sensor.name, sensor.port, sensor.component) if t]
            asked = [*sensor.skip, *sensor.where, *sensor.scaled_by]
            out |= _named(profiles, profile, [*(t for f in filled for t in f.terms())], asked)
            if sensor.entity:
                out |= {ENT_DESCR, ENT_IN, ENT_NAME, ENT_ALIAS, IF_NAME, IF_DESCR}
        for row in profile.rows:
            out |= set(row.by)
            for source in (s for sources in row.fields.values() for s in sources):
                if source.oid:
                    out.add(source.oid)
                elif source.text:
                    out |= _named(profiles, profile, list(source.text.terms()), row.fields, rather=row.fields)
        for table in profile.entity_sensors:
            out |= {(*table.table, n) for n in range(1, 6)} | {ENT_DESCR, ENT_IN, ENT_NAME, ENT_ALIAS}
            out |= _named(profiles, profile, list(table.name.terms()), ())
    return out


def _named(
    profiles: Profiles, profile: Profile, terms: Iterable[Term], more: Iterable[str], rather: Iterable[str] = ()
) -> set[Oid]:
    names = {t.name for t in terms if t.name} | set(more)
    fields = set(rather)
    return {column for n in names if n not in fields and (column := profiles.column(profile, n))}


# ---------------------------------------------------------------- working it out


class _Work:
    """What follows from the cells of one device."""

    def __init__(
        self, profiles: Profiles, cells: Mapping[Oid, Mapping[Index, VarBind]], names: Names | None, device: str
    ) -> None:
        self._profiles, self._cells, self._names, self._device = profiles, cells, names, device
        self._ports = {
            normal(text): text
            for column in (IF_DESCR, IF_NAME)
            for vb in self._column(column).values()
            if (text := decode.text(vb))
        }

    def all(self, chosen: Iterable[Profile], found: Read) -> None:
        for profile in chosen:
            for rows in profile.rows:
                self._rows(profile, rows, found)
            sensors = found.lists.setdefault("sensors", [])
            for sensor in profile.sensor:
                told = [row for column in sensor.columns for row in self._sensor(profile, sensor, column, found.seen)]
                sensors += told
                if sensor.condition in _POWER:
                    found.lists.setdefault("power", []).extend(_supply(sensor, row) for row in told)
            for table in profile.entity_sensors:
                sensors += self._entity_sensors(profile, table)
        found.lists["sensors"] = list({(s["oid"], s["class"]): s for s in found.lists.get("sensors", [])}.values())
        found.seen[:] = _worst(found.seen)

    def _column(self, column: Oid | None) -> Mapping[Index, VarBind]:
        return self._cells.get(column, {}) if column else {}

    # ---- rows

    def _rows(self, profile: Profile, rows: Rows, found: Read) -> None:
        out = found.lists.setdefault(rows.list, [])
        told = {_session(row) for row in out} if rows.list == "sessions" else set()
        for index in sorted({i for column in rows.by for i in self._column(column)}):
            row: Row = {}
            for name, sources in rows.fields.items():
                row[name] = self._field(profile, sources, index, row)
            if any(row.get(name) in (None, "") for name in rows.need):
                continue
            if not (told and _session(row) in told):
                out.append(row)
            for rule in rows.observe:
                self._judge(rule, row, found.seen)
            if rows.list == "ports":
                self._judge_port(row, found.seen)

    def _field(self, profile: Profile, sources: Sequence[Source], index: Index, row: Row) -> Any:
        for source in sources:
            value = self._from(profile, source, index, row)
            if source.known:
                value = self._ports.get(normal(value)) if isinstance(value, str) else None
            if value not in (None, ""):
                return value
        return None

    def _from(self, profile: Profile, source: Source, index: Index, row: Row) -> Any:
        if source.text is not None:
            text = self._fill(profile, source.text, index, row)
            return _understood(text, source) if text else None
        vb = self._column(source.oid).get(_part(source.at, index, row))
        return None if vb is None else _value(vb, source)

    def _judge(self, rule: Judge, row: Row, seen: list[Seen]) -> None:
        if any(row.get(name) not in values for name, values in rule.when.items()):
            return
        value = row.get(rule.field)
        state = State.BAD if value in rule.bad else State.OK if value in rule.ok else None
        if state is None:
            return
        component = rule.component.fill(lambda term: _shown(row.get(term.name)))
        seen.append(Seen(self._spell(component, row), rule.condition, state, f"{rule.field} {value}"))

    def _judge_port(self, row: Row, seen: list[Seen]) -> None:
        admin = next((n for n, word in ADMIN.items() if word == row.get("admin")), None)
        oper = next((n for n, word in OPER.items() if word == row.get("oper")), None)
        for condition, state in judge(admin, oper).items():
            seen.append(
                Seen(self._spell(row["name"], row), condition, state, f"admin {row['admin']}, oper {row['oper']}")
            )

    def _spell(self, component: str, row: Row) -> str:
        if self._names is None or not component:
            return component
        if "serial" in row and row.get("port"):
            others = [str(row[k]) for k in ("serial", "name", "description", "id") if row.get(k)]
            return self._names.spell_onu(self._device, str(row["port"]), str(row.get("id") or ""), others)
        return self._names.spell(self._device, component, str(row.get("descr") or ""))

    # ---- sensors

    def _sensor(self, profile: Profile, sensor: Sensor, column: Oid, seen: list[Seen]) -> list[Row]:
        out: list[Row] = []
        rows: list[tuple[Index, VarBind, decode.Decoded, str]] = []
        for index, vb in self._column(column).items():
            if self._skipped(profile, sensor, index):
                continue
            value = self._reading(profile, sensor, index, vb)
            if value is not None:
                rows.append((index, vb, value, self._fill(profile, sensor.name, index, {}) or dotted(index)))
        often = Counter(name for _, _, _, name in rows)
        for index, vb, value, name in rows:
            port = self._entity_port(index) if sensor.entity else ""
            row: Row = {}
            if sensor.port is not None:
                port = self._fill(profile, sensor.port, index, row) or port
            row["port"] = port
            # Rows that nobody named are told apart by their index.
            row["name"] = f"{name} {dotted(index)}" if often[name] > 1 else name
            reading: Row = {
                "name": row["name"],
                "class": sensor.kind,
                "unit": sensor.unit or decode.UNITS[sensor.kind],
                "value": value,
                "oid": dotted((*column, *index)),
                "port": port or None,
            }
            if sensor.states is not None:
                reading["text"] = _called(sensor.states, vb)
            elif sensor.words:
                reading["text"] = decode.text(vb)
            out.append(reading)
            self._watch(profile, sensor, index, vb, reading, seen)
        return out

    def _reading(self, profile: Profile, sensor: Sensor, index: Index, vb: VarBind) -> decode.Decoded:
        if sensor.kind == "state":
            raw = sensor.words.get((decode.text(vb) or "").casefold()) if sensor.words else decode.number(vb)
            return None if raw is None or raw in sensor.absent else raw
        value = _scaled(vb, sensor)
        if not isinstance(value, int | float):
            return None
        if sensor.scaled_by:
            value = decode.scaled(value, self._scale(profile, sensor, index))
        if sensor.kind == "temperature" and value < _ABSOLUTE_ZERO:
            return None
        below = sensor.lowest is not None and value < sensor.lowest
        above = sensor.highest is not None and value > sensor.highest
        return None if below or above else value

    def _beside(self, profile: Profile, name: str, index: Index) -> VarBind | None:
        """What another column says at the same index, or of the unit the row is in; a scalar holds for every row."""
        column = self._column(self._profiles.column(profile, name))
        if index in column or not column:
            return column.get(index)
        units = (index[:arcs] for arcs in range(len(index) - 1, 0, -1))
        return next((column[unit] for unit in (*units, (0,)) if unit in column), None)

    def _scale(self, profile: Profile, sensor: Sensor, index: Index) -> float:
        """What the row itself says of its scale; nothing said is 1."""
        told = _int(self._beside(profile, sensor.scaled_by[0], index))
        if not told:
            return 1
        if sensor.digits or sensor.exponent:
            return 10.0 ** (-told if sensor.digits else told)
        if sensor.divisor:
            return 1 / told
        return told if told > 0 else -1 / told

    def _skipped(self, profile: Profile, sensor: Sensor, index: Index) -> bool:
        def text(name: str) -> tuple[decode.Decoded, str]:
            vb = self._beside(profile, name, index)
            return (decode.number(vb), decode.text(vb) or "") if vb is not None else (None, "")

        if sensor.last and index[-1:] and index[-1] not in sensor.last:
            return True
        if sensor.index and not sensor.index.search(dotted(index)):
            return True
        for name, values in sensor.skip.items():
            if any(told in values for told in text(name)):
                return True
        return any(not pattern.search(text(name)[1]) for name, pattern in sensor.where.items())

    def _watch(
        self, profile: Profile, sensor: Sensor, index: Index, vb: VarBind, reading: Row, seen: list[Seen]
    ) -> None:
        if sensor.condition is None:
            return
        value = reading["value"]
        raw = value if sensor.words else decode.number(vb)
        if sensor.bad or sensor.ok:
            state = State.BAD if raw in sensor.bad else State.OK if raw in sensor.ok else None
        else:
            low, high = (
                _scaled(limit, sensor.limits or sensor) if (limit := self._column(c).get(index)) else None
                for c in (sensor.low, sensor.high)
            )
            below = isinstance(low, int | float) and value < low
            above = isinstance(high, int | float) and value > high
            state = None if low is None and high is None else State.BAD if below or above else State.OK
        if state is None:
            return
        if sensor.component is not None:
            component = self._fill(profile, sensor.component, index, reading)
        else:
            component = reading["port"] or reading["name"]
        shown = reading.get("text") or f"{value:.6g} {reading['unit']}".strip()
        seen.append(Seen(self._spell(component, {}), sensor.condition, state, shown))

    def _entity_sensors(self, profile: Profile, table: EntitySensors) -> list[Row]:
        types, scales, precisions, values, statuses = (self._column((*table.table, n)) for n in range(1, 6))
        out: list[Row] = []
        for index, vb in values.items():
            kind = _int(types.get(index))
            name = self._fill(profile, table.name, index, {}) or dotted(index)
            sort = _ENTITY_CLASSES.get(kind or 0)
            if kind == _OTHER and _LIGHT_POWER.search(name):
                sort = "rx_power"
            raw = decode.number(vb)
            # RFC 3433: 2 unavailable, 3 nonoperational. ±10⁹ are its words for under- and overflow.
            if sort is None or raw is None or _int(statuses.get(index)) in (2, 3):
                continue
            if abs(raw) >= 1_000_000_000 or raw == -32768:
                continue
            exponent = 3 * ((_int(scales.get(index)) or 9) - 9) - (_int(precisions.get(index)) or 0)
            value: float = raw * 10**exponent if exponent >= 0 else raw / 10**-exponent
            sort = decode.light_direction(name) if sort == "rx_power" else sort
            if sort == "power" and table.light_in_watts and _LIGHT.search(name):
                level = decode.dbm(value * 1000)
                if level is None:
                    continue
                sort, value = decode.light_direction(name), level
            if sort == "temperature" and value < _ABSOLUTE_ZERO:
                continue
            if sort == "current" and "bias" in name.lower():
                sort, value = "bias", value * 1000
            out.append(
                {
                    "name": name,
                    "class": sort,
                    "unit": decode.UNITS[sort],
                    "value": value,
                    "oid": dotted((*table.table, 4, *index)),
                    "port": self._entity_port(index) or None,
                }
            )
        return out

    def _entity_port(self, index: Index) -> str:
        """The port that an entity is, or that contains it (ENTITY-MIB entPhysicalContainedIn, entAliasMapping)."""
        at = index[-1:]
        for _ in range(12):
            if not at or at == (0,):
                return ""
            alias = self._column(ENT_ALIAS).get((*at, 0))
            if alias and isinstance(alias.value, tuple) and alias.value[:-1] == IF_INDEX:
                vb = self._column(IF_NAME).get(alias.value[-1:]) or self._column(IF_DESCR).get(alias.value[-1:])
                if vb and (text := decode.text(vb)):
                    return text
            for column in (ENT_NAME, ENT_DESCR):
                vb = self._column(column).get(at)
                if vb and (text := decode.text(vb)) and normal(text) in self._ports:
                    return self._ports[normal(text)]
            above = self._column(ENT_IN).get(at)
            at = (above.value,) if above and isinstance(above.value, int) else ()
        return ""

    # ---- templates

    def _fill(self, profile: Profile, words: Template, index: Index, row: Row) -> str:
        def value(term: Term) -> str:
            if not term.name:
                return dotted(term.part(index))
            if term.name in row and not term.at:
                return _shown(row[term.name])
            vb = self._column(self._profiles.column(profile, term.name)).get(_part(term.at, index, row))
            return (decode.text(vb) or "") if vb is not None else ""

        return words.fill(value)


_ABSOLUTE_ZERO = -273.15
"""°C; colder readings are rubbish from a module that does not answer."""
_LIGHT = re.compile(r"\b[rt]x\b|receive|transmit", re.IGNORECASE)
_LIGHT_POWER = re.compile(r"\b([rt]x|receive|transmit) power\b", re.IGNORECASE)
_OTHER = 1
"""EntitySensorDataType has no dBm: IOS XE calls it other."""
_ENTITY_CLASSES = {
    3: "voltage", 4: "voltage", 5: "current", 6: "power", 7: "frequency", 8: "temperature", 9: "humidity", 10: "fan",
    14: "rx_power",
}  # fmt: skip
"""EntitySensorDataType; 14 is Cisco's dBm."""


def _worst(seen: Iterable[Seen]) -> Iterable[Seen]:
    """One of each: two contacts may both be of the mains, and the good one takes nothing back of what is bad."""
    out: dict[tuple[str, Condition], Seen] = {}
    for one in seen:
        key = (one.component, one.condition)
        if key not in out or (one.state is State.BAD and out[key].state is not State.BAD):
            out[key] = one
    return out.values()


def _session(row: Row) -> tuple[Any, ...]:
    """What makes a session of one MIB that of another, where a box has both."""
    return row.get("kind"), row.get("peer"), row.get("state")


_POWER = frozenset({Condition.MAINS, Condition.BATTERY, Condition.SUPPLY})


def _supply(sensor: Sensor, reading: Row) -> Row:
    """A row of the list `power`: what feeds the box, and whether it is well."""
    value = reading["value"]
    state = "ok" if value in sensor.ok else "bad" if value in sensor.bad else "unknown"
    return {
        "name": reading["name"],
        "state": state,
        "value": value,
        "unit": reading["unit"],
        "text": reading.get("text"),
    }


def _part(at: str, index: Index, row: Row) -> Index:
    """The part of the index that another column has, or the index that a field of the row holds."""
    if not at:
        return index
    if at[:1].isalpha() or at[:1] == "_":
        held = row.get(at)
        if isinstance(held, int):
            return (held,)
        return tuple(map(int, held.split("."))) if isinstance(held, str) and held.replace(".", "").isdigit() else ()
    at, _, more = at.partition("+")
    return Term("", True, at).part(index) + (tuple(map(int, more.split("."))) if more else ())


def _understood(text: str, source: Source) -> Any:
    """What a template gave, through the decoder if one is named: numbers of the index mean something too."""
    if not source.decode or source.decode == "text":
        return text
    if text.lstrip("-").isdigit():
        return decode.DECODERS[source.decode](VarBind((), Tag.INTEGER, int(text)))
    return decode.DECODERS[source.decode](VarBind((), Tag.OCTETS, text.encode()))


def _value(vb: VarBind, source: Source) -> Any:
    if source.states is not None:
        if _absent(vb, source.absent):
            return None
        return _called(source.states, vb)
    if not source.decode and vb.tag is not Tag.OCTETS:
        return _scaled(vb, source) if isinstance(vb.value, int) else decode.text(vb)
    if source.decode == "" and vb.tag is Tag.OCTETS and (source.scale != 1 or source.dbm):
        return _scaled(vb, source)
    if source.decode in ("", "text"):
        return None if _absent(vb, source.absent) else decode.text(vb)
    return _scaled(vb, source)


def _scaled(vb: VarBind, how: Coding | Sensor) -> Any:
    """Decode, scale, level; None for "no value"."""
    if _absent(vb, how.absent, not isinstance(how, Source) or how.sentinels):
        return None
    decoder: Callable[[VarBind], decode.Decoded] = decode.DECODERS[how.decode or "number"]
    value = decoder(vb)
    if not isinstance(value, int | float):
        return value
    value = decode.scaled(value, how.scale, how.plus)
    return decode.dbm(value) if how.dbm else value


def _absent(vb: VarBind, absent: Sequence[int | float | str], sentinels: bool = True) -> bool:
    if sentinels and vb.tag is Tag.INTEGER and vb.value in decode.NO_VALUE:
        return True
    return bool(absent) and (decode.number(vb) in absent or (vb.tag is Tag.OCTETS and decode.text(vb) in absent))


def _called(states: Mapping[int | str, str], vb: VarBind) -> str | None:
    raw = decode.number(vb) if isinstance(vb.value, int) else decode.text(vb)
    if isinstance(raw, str) and raw.lstrip("-").isdigit():
        raw = int(raw)
    return states.get(raw) if isinstance(raw, int | str) else None


def _int(vb: VarBind | None) -> int | None:
    return vb.value if vb is not None and isinstance(vb.value, int) else None


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
