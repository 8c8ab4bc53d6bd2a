"""Which columns a device is asked for: all that its profiles name, no more."""

from __future__ import annotations

from collections.abc import Iterable

from netwatch.wire.profile import Profile, Profiles
from netwatch.wire.snmp import Oid, oid
from netwatch.wire.template import Term

IF_NAME, IF_DESCR = oid("1.3.6.1.2.1.31.1.1.1.1"), oid("1.3.6.1.2.1.2.2.1.2")
ENT_DESCR, ENT_IN, ENT_NAME = (oid(f"1.3.6.1.2.1.47.1.1.1.1.{n}") for n in (2, 4, 7))
ENT_ALIAS = oid("1.3.6.1.2.1.47.1.3.2.1.2")
IF_INDEX = oid("1.3.6.1.2.1.2.2.1.1")


def worth_observations(profile: Profile) -> Profile:
    """What of it is worth observations, ports aside."""
    sensors = tuple(sensor for sensor in profile.sensor if sensor.condition)
    rows = tuple(rows for rows in profile.rows if rows.observe and rows.list != "ports")
    return profile.model_copy(update={"sensor": sensors, "rows": rows, "entity_sensors": ()})


def wanted(profiles: Profiles, chosen: Iterable[Profile]) -> set[Oid]:
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
