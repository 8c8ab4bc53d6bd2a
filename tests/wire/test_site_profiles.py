"""What boxes of rooms and of transmission tell: alarms in words, contacts, figures that bring their own scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netwatch.config import shipped
from netwatch.core.model import Ledger
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Reader
from netwatch.wire.snmp import Credential, Snmp, Tag, Target, VarBind, ber, oid
from netwatch.wire.traps.plan import Plans


def family(*names: str) -> Profiles:
    return Profiles.of({name: Path(shipped("collectors")) / name for name in ("if_mib", *names)})


def told(profiles: Profiles, trap: str, **said: int | str) -> tuple[str, str, str] | None:
    columns = {name: column for f in profiles.families.values() for name, column in f.columns.items()}
    bindings = tuple(
        VarBind((*columns[name], 0), Tag.INTEGER, value)
        if isinstance(value, int)
        else VarBind((*columns[name], 0), Tag.OCTETS, value.encode())
        for name, value in said.items()
    )
    plan = Plans(profiles).of(ber.oid_body(oid(trap)))
    assert plan.known
    octets = b"".join(ber.write_varbinds([vb])[2:] for vb in bindings)
    seen = plan.read(Names(Ledger()).box("PWR-1"), octets, plan.find(octets), 0)
    return (seen.component, seen.condition.value, seen.state.value) if seen else None


EES, SP2, EKINOPS = "1.3.6.1.4.1.6302.2.1.5", "1.3.6.1.4.1.12148.10.1.2", "1.3.6.1.4.1.20044.1000.1.11"


@pytest.mark.parametrize(
    ("trap", "said", "meaning"),
    [
        (f"{EES}.1", {"eesAlarmChange": 1, "eesAlarmDescr": "Mains Failure, its owner: AC"}, ("", "mains", "bad")),
        (f"{EES}.1", {"eesAlarmChange": 2, "eesAlarmDescr": "Mains Failure, its owner: AC"}, ("", "mains", "ok")),
        (f"{EES}.2", {"eesAlarmDescr": "Under Voltage 2, its owner: Power System"}, ("", "battery", "bad")),
        (f"{EES}.3", {"eesAlarmDescr": "Under Voltage 2, its owner: Power System"}, ("", "battery", "ok")),
        (f"{EES}.1", {"eesAlarmChange": 1, "eesAlarmDescr": "Rect 3 Failure"}, ("Rect 3 Failure", "supply", "bad")),
        (f"{EES}.1", {"eesAlarmChange": 1, "eesAlarmDescr": "Batt 1 Discharging"}, ("", "mains", "bad")),
        (f"{EES}.1", {"eesAlarmChange": 1, "eesAlarmDescr": "Maintenance time"}, None),
        (f"{SP2}.4", {"sp2OnOff": 1, "sp2Source": "mainsStatusDescription"}, ("", "mains", "bad")),
        (f"{SP2}.4", {"sp2OnOff": 0, "sp2Source": "mainsStatusDescription"}, ("", "mains", "ok")),
        (f"{SP2}.5", {"sp2OnOff": 1, "sp2Source": "rectifiers"}, ("rectifiers", "supply", "bad")),
        (f"{SP2}.2", {"sp2OnOff": 1, "sp2Source": "batteryVoltageDescription"}, ("", "battery", "bad")),
        (f"{SP2}.2", {"sp2OnOff": 1, "sp2Source": "batteryTemperature"}, None),
        (
            EKINOPS,
            {"mgAlarmKind": 7, "mgAlarmSeverity": 2, "mgAlarmSlot": 1, "mgAlarmPm": "FAN"},
            ("slot 1 FAN", "fan", "bad"),
        ),
        (
            EKINOPS,
            {"mgAlarmKind": 6, "mgAlarmSeverity": 6, "mgAlarmSlot": 2, "mgAlarmPm": "PSU"},
            ("slot 2 PSU", "supply", "ok"),
        ),
        (EKINOPS, {"mgAlarmKind": 10, "mgAlarmSeverity": 1, "mgAlarmSlot": 12, "mgAlarmPm": "PM"}, None),
    ],
)
def test_the_words_of_a_power_controller_tell_what_failed(
    trap: str, said: dict[str, int | str], meaning: tuple[str, str, str] | None
) -> None:
    assert told(family("site_power", "ekinops"), trap, **said) == meaning


async def read(agent: Any, snmp: Snmp, name: str, who: str, values: dict[str, int | str]) -> Any:
    agent.set("1.3.6.1.2.1.1.2.0", oid(who))
    for at, value in values.items():
        agent.set(at, value if isinstance(value, int) else value.encode())
    target = Target("127.0.0.1", Credential(community="public"), agent.port)
    return await Reader(snmp, family(name)).read(target)


def readings(found: Any) -> set[tuple[str, str, float]]:
    return {(s["name"], s["class"], round(s["value"], 4)) for s in found.lists["sensors"]}


def judged(found: Any) -> set[tuple[str, str, str]]:
    return {(s.component, s.condition.value, s.state.value) for s in found.seen}


async def test_a_contact_of_a_site_monitor_means_what_its_name_says(agent: Any, snmp: Snmp) -> None:
    point = "1.3.6.1.4.1.3052.14.1.1.1.1"
    values: dict[str, int | str] = {}
    points = {
        "200.2.1": ("Front Door", 1, "Open"),
        "200.2.2": ("AC Fail", 1, "Closed"),
        "200.2.4": ("Utility power 2", 2, "Open"),
        "200.2.3": ("Rectifier 1 alarm", 2, "Open"),
        "200.1.1": ("Room", 5, "77 F"),
    }
    for at, (name, level, words) in points.items():
        values |= {f"{point}.4.{at}": name, f"{point}.5.{at}": level, f"{point}.7.{at}": words}
    found = await read(agent, snmp, "asentria_siteboss", "1.3.6.1.4.1.3052.14.3.2", values)
    assert judged(found) == {
        ("", "mains", "bad"),
        ("Rectifier 1 alarm", "supply", "ok"),
        ("Room level", "temperature", "bad"),
    }
    assert ("Room", "temperature", 25.0) in readings(found)
    assert ("Front Door", "state", 1) in readings(found)


async def test_what_a_power_controller_lists_as_alarms_is_judged_by_its_name(agent: Any, snmp: Snmp) -> None:
    row = "1.3.6.1.4.1.10520.2.1.3.34.1"
    values: dict[str, int | str] = {}
    for n, (name, active) in enumerate(
        (("Battery On Discharge", 1), ("Rectifier Fail", 0), ("Reserve Time Low", 0), ("Clock Changed", 1)), 1
    ):
        values |= {f"{row}.2.{n}": name, f"{row}.3.{n}": active}
    found = await read(agent, snmp, "ge_pulsar", "1.3.6.1.4.1.10520.2.1.3", values)
    assert judged(found) == {("", "mains", "bad"), ("Rectifier Fail", "supply", "ok"), ("", "battery", "ok")}
    assert [(p["name"], p["state"]) for p in found.lists["power"]] == [
        ("Battery On Discharge", "bad"),
        ("Reserve Time Low", "ok"),
        ("Rectifier Fail", "ok"),
    ]


async def test_a_power_strip_says_how_many_digits_stand_behind_the_point(agent: Any, snmp: Snmp) -> None:
    values: dict[str, int | str] = {}
    for kind, (raw, digits) in {1: (3497, 3), 4: (2304, 1), 5: (673, 0), 8: (74057676, 0)}.items():
        values |= {
            f"1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.{kind}": raw,
            f"1.3.6.1.4.1.13742.6.3.3.4.1.7.1.1.{kind}": digits,
        }
    values |= {"1.3.6.1.4.1.13742.6.5.3.3.1.3.1.2.15": 0, "1.3.6.1.4.1.13742.6.3.4.3.1.2.1.2": "C2"}
    found = await read(agent, snmp, "raritan_pdu", "1.3.6.1.4.1.13742.6", values)
    assert readings(found) == {
        ("inlet 1 current", "current", 3.497),
        ("inlet 1 voltage", "voltage", 230.4),
        ("inlet 1 power", "power", 673),
        ("breaker C2", "state", 0),
    }
    assert judged(found) == {("breaker C2", "supply", "bad")}


@pytest.mark.parametrize(
    ("unit", "scale", "raw", "reading"),
    [
        ("°C", -100, 2360, ("temperature", 23.6)),
        ("V", -10, 2301, ("voltage", 230.1)),
        ("mA", 1, 140, ("current", 0.14)),
        ("W", 10, 21, ("power", 210)),
    ],
)
async def test_a_cabinet_monitor_names_unit_and_scale_beside_each_figure(
    agent: Any, snmp: Snmp, unit: str, scale: int, raw: int, reading: tuple[str, float]
) -> None:
    row = {3: "Input.Value", 4: 2, 5: unit, 6: 2, 7: scale, 11: raw}
    values: dict[str, int | str] = {f"1.3.6.1.4.1.2606.7.4.2.2.1.{c}.1.7": v for c, v in row.items()}
    found = await read(agent, snmp, "rittal", "1.3.6.1.4.1.2606.7", values)
    assert readings(found) == {("Input.Value", *reading)}


@pytest.mark.parametrize(("raw", "volts"), [(230, 230), (2304, 230.4), (0, 0)])
async def test_a_ups_that_tells_tenths_of_volts_is_seen_through(agent: Any, snmp: Snmp, raw: int, volts: float) -> None:
    values: dict[str, int | str] = {"1.3.6.1.2.1.33.1.2.1.0": 2, "1.3.6.1.2.1.33.1.3.3.1.3.1": raw}
    found = await read(agent, snmp, "ups_mib", "1.3.6.1.4.1.8072.3.2.10", values)
    assert {v for n, c, v in readings(found) if c == "voltage"} == {volts}


async def test_a_board_that_does_not_work_and_its_light_are_read_from_a_radio(agent: Any, snmp: Snmp) -> None:
    board, odu = "1.3.6.1.4.1.2011.2.25.4.30.14.1.2.1", "1.3.6.1.4.1.2011.2.25.4.40.4.10.30.1"
    values: dict[str, int | str] = {
        f"{board}.2.1": "cshp", f"{board}.3.1": 1, f"{board}.2.23": "odu", f"{board}.3.23": 0,
        f"{odu}.8.23.1": 93, f"{odu}.9.23.1": -412,
    }  # fmt: skip
    found = await read(agent, snmp, "huawei_optix", "1.3.6.1.4.1.2011.2.25.1", values)
    assert judged(found) == {("slot 1 cshp", "hardware", "ok"), ("slot 23 odu", "hardware", "bad")}
    assert {("slot 23 odu tx", "tx_power", 9.3), ("slot 23 odu rx", "rx_power", -41.2)} <= readings(found)


async def test_a_cooling_unit_names_what_its_figures_are_divided_by(agent: Any, snmp: Snmp) -> None:
    row = "1.3.6.1.4.1.318.1.1.27.1.4.1.2.1"
    values: dict[str, int | str] = {}
    for n, (name, raw, unit, scale) in enumerate(
        (("Supply", 248, "C", 10), ("Supply", 766, "F", 10), ("Output", 108, "kW", 10), ("Cond. Fan", 60, "%", 1)), 1
    ):
        values |= {f"{row}.2.1.{n}": name, f"{row}.3.1.{n}": raw, f"{row}.4.1.{n}": unit, f"{row}.5.1.{n}": scale}
    found = await read(agent, snmp, "apc", "1.3.6.1.4.1.318.1.3.14", values)
    assert readings(found) == {("Supply", "temperature", 24.8), ("Output", "power", 10_800), ("Cond. Fan", "fan", 60)}
    assert {s["unit"] for s in found.lists["sensors"] if s["class"] == "fan"} == {"%"}


async def test_rows_of_one_name_are_told_apart_by_their_index(agent: Any, snmp: Snmp) -> None:
    point = "1.3.6.1.4.1.3052.14.1.1.1.1"
    values: dict[str, int | str] = {}
    for n, name in ((1, "unnamed"), (2, "unnamed"), (3, "hall")):
        values |= {f"{point}.4.7.3.{n}": name, f"{point}.6.7.3.{n}": 40 + n}
    found = await read(agent, snmp, "asentria_siteboss", "1.3.6.1.4.1.3052.14.3.2", values)
    assert readings(found) == {
        ("unnamed 7.3.1", "humidity", 41),
        ("unnamed 7.3.2", "humidity", 42),
        ("hall", "humidity", 43),
    }
