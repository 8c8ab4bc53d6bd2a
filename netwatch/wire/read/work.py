"""Rows, readings and observations, worked out from the cells of one device."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netwatch.core.model import Condition, State
from netwatch.core.ports import normal
from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.ports import ADMIN, OPER, judge
from netwatch.wire.profile import EntitySensors, Judge, Profile, Profiles, Rows, Sensor, Source
from netwatch.wire.read.columns import ENT_ALIAS, ENT_DESCR, ENT_IN, ENT_NAME, IF_DESCR, IF_INDEX, IF_NAME
from netwatch.wire.read.told import Read, Row, Seen
from netwatch.wire.read.values import Index, called, part, scaled, shown, understood, value_of, whole
from netwatch.wire.snmp import Oid, VarBind, dotted
from netwatch.wire.template import Template, Term


class Work:
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
            return understood(text, source) if text else None
        vb = self._column(source.oid).get(part(source.at, index, row))
        return None if vb is None else value_of(vb, source)

    def _judge(self, rule: Judge, row: Row, seen: list[Seen]) -> None:
        if any(row.get(name) not in values for name, values in rule.when.items()):
            return
        value = row.get(rule.field)
        state = State.BAD if value in rule.bad else State.OK if value in rule.ok else None
        if state is None:
            return
        component = rule.component.fill(lambda term: shown(row.get(term.name)))
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
                reading["text"] = called(sensor.states, vb)
            elif sensor.words:
                reading["text"] = decode.text(vb)
            out.append(reading)
            self._watch(profile, sensor, index, vb, reading, seen)
        return out

    def _reading(self, profile: Profile, sensor: Sensor, index: Index, vb: VarBind) -> decode.Decoded:
        if sensor.kind == "state":
            raw = sensor.words.get((decode.text(vb) or "").casefold()) if sensor.words else decode.number(vb)
            return None if raw is None or raw in sensor.absent else raw
        value = scaled(vb, sensor)
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
        told = whole(self._beside(profile, sensor.scaled_by[0], index))
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
                scaled(limit, sensor.limits or sensor) if (limit := self._column(c).get(index)) else None
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
            kind = whole(types.get(index))
            name = self._fill(profile, table.name, index, {}) or dotted(index)
            sort = _ENTITY_CLASSES.get(kind or 0)
            if kind == _OTHER and _LIGHT_POWER.search(name):
                sort = "rx_power"
            raw = decode.number(vb)
            # RFC 3433: 2 unavailable, 3 nonoperational. ±10⁹ are its words for under- and overflow.
            if sort is None or raw is None or whole(statuses.get(index)) in (2, 3):
                continue
            if abs(raw) >= 1_000_000_000 or raw == -32768:
                continue
            exponent = 3 * ((whole(scales.get(index)) or 9) - 9) - (whole(precisions.get(index)) or 0)
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
                return shown(row[term.name])
            vb = self._column(self._profiles.column(profile, term.name)).get(part(term.at, index, row))
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
