"""Profiles as data: what is wrong with one is told with file, line and key; what is right is read as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netwatch.config import shipped
from netwatch.core.model import Device, Ledger, Link, Medium, Port, Role
from netwatch.findings import UnusableError
from netwatch.wire import decode
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Reader
from netwatch.wire.snmp import Budget, Credential, Snmp, Tag, Target, VarBind, ber, dotted, oid
from netwatch.wire.template import template


def family(folder: Path, text: str, name: str = "acme") -> dict[str, Path]:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "profile.toml").write_text(text, "utf-8")
    return {name: folder / name}


def test_everything_that_is_shipped_loads() -> None:
    profiles = Profiles.load()
    assert {"if_mib", "huawei_vrp", "zte", "cisco", "juniper"} <= set(profiles.families)
    assert all(p.always or p.answers or p.sys_object_id or p.trap for p in profiles.families.values())


def test_every_fact_that_is_shipped_names_its_proof() -> None:
    without = [
        f"{name}: {fact!r}"[:160]
        for name, profile in Profiles.load().families.items()
        for facts in (profile.sensor, profile.entity_sensors, profile.rows, profile.trap, profile.syslog)
        for fact in facts
        if len(fact.proof) < 4
    ]
    assert without == []


def test_a_reading_that_is_judged_has_words_for_what_it_says() -> None:
    silent = [
        f"{name}: {sensor.name}"
        for name, profile in Profiles.load().families.items()
        for sensor in profile.sensor
        if sensor.kind == "state" and sensor.condition and sensor.bad and not (sensor.states or sensor.words)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('title = "x"\nalways = "perhaps"', ":2", "always"),
        ('title = "x"\n[[sensor]]\noid = "1.3.six"\nclass = "voltage"\nname = "n"', ":3", "is no OID"),
        ('title = "x"\n[[sensor]]\noid = "1.3.6"\nclass = "volts"\nname = "n"', ":4", 'no sensor class "volts"'),
        (
            'title = "x"\n[[sensor]]\noid = "1.3.6"\nclass = "voltage"\nname = "{ifNam}"',
            ":5",
            'nothing is called "ifNam"',
        ),
        ('title = "x"\n[[sensor]]\noid = "1.3.6"\nclass = "voltage"\nname = "{"', ":5", "brace"),
        ('title = "x"\n[[sensor]]\noid = "1.3.6"\nclass = "voltage"\nname = "n"\ndecode = "numbr"', ":6", "numbr"),
        ('title = "x"\n[[sensor]]\noid = "1.3.6"\nclass = "count"\nname = "n"\nwords = { a = 1 }', ":2", "words"),
        ('title = "x"\n[[trap]]\noid = "1.3.6"\nname = "t"\ncondition = "link"', ":2", "state"),
        ('title = "x"\n[[trap]]\noid = "1.3.6"\nname = "t"\ncondition = "lnik"\nstate = "bad"', ":5", "lnik"),
        ('title = "x"\n[[syslog]]\npattern = "("\ncondition = "link"\nstate = "bad"', ":3", "no regular expression"),
        ('title = "x"\nsysobject_id = ["1.3"]', ":2", "unknown key"),
        ("title = ", ":1", "not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, where: str, what: str) -> None:
    with pytest.raises(UnusableError) as wrong:
        Profiles.of(family(tmp_path, text))
    told = str(wrong.value)
    assert f"profile.toml{where}" in told
    assert what in told or "condition" in told


def test_all_that_is_wrong_in_all_files_is_told_at_once(tmp_path: Path) -> None:
    folders = family(tmp_path, "title = 5", "one") | family(tmp_path, "titel = 'x'", "two")
    with pytest.raises(UnusableError) as wrong:
        Profiles.of(folders)
    assert len(wrong.value.findings) >= 3


def test_what_suits_one_box_is_told_of_no_other_that_says_something_else(tmp_path: Path) -> None:
    text = 'title = "{0}"\nsys_object_id = ["1.3.6.1.4.1.4242"]\nsys_descr = "{0}"'
    profiles = Profiles.of(family(tmp_path, text.format("red"), "red") | family(tmp_path, text.format("blue"), "blue"))
    box, other = oid("1.3.6.1.4.1.4242.1"), oid("1.3.6.1.4.1.4243.1")
    for _ in range(2):
        said = [list(profiles.suiting(*one)) for one in ((box, "a red one"), (box, "a blue one"), (other, "a red one"))]
        assert said == [["red"], ["blue"], []]
        profiles.suiting(box, "a red one").clear()


def test_a_family_beside_the_configuration_replaces_the_shipped_one_whole(tmp_path: Path) -> None:
    family(tmp_path, 'title = "ours"\nanswers = ["1.3.6.1.4.1.4242"]', "lldp")
    profiles = Profiles.load([tmp_path])
    assert profiles.families["lldp"].title == "ours"
    assert not profiles.families["lldp"].rows


@pytest.mark.parametrize(
    ("words", "filled"),
    [
        ("{ifName|ifDescr} rx", "GE0/0/1 rx"),
        ("{missing|'none'}", "none"),
        ("gpon-{#0}/{#1}", "gpon-7/8"),
        ("{#} {#-1} {#1:}", "7.8.9 9 8.9"),
        ("no holes", "no holes"),
    ],
)
def test_templates_take_the_first_that_has_something(words: str, filled: str) -> None:
    def value(term: Any) -> str:
        return {"ifDescr": "GE0/0/1"}.get(term.name, "") if term.name else dotted(term.part((7, 8, 9)))

    assert template(words).fill(value) == filled


ACME = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
[columns]
kind = "1.3.6.1.4.1.4242.1.1"
[[sensor]]
oid = "1.3.6.1.4.1.4242.1.2"
class = "rx_power"
scale = 0.01
absent = [-9999]
name = "{ifName} rx"
port = "{ifName}"
where = { kind = "^light$" }
condition = "optical"
low = "1.3.6.1.4.1.4242.1.3"
[[sensor]]
oid = "1.3.6.1.4.1.4242.2.1"
class = "state"
name = "PSU {#0}"
states = { 1 = "fine", 2 = "broken" }
condition = "supply"
ok = [1]
bad = [2]
"""


async def test_a_new_family_needs_no_python(agent: Any, snmp: Snmp, tmp_path: Path, ledger: Ledger) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    agent.interface(1, "GigabitEthernet0/0/1")
    for n, (kind, level, low) in enumerate(((b"light", -2500, -2000), (b"light", -9999, -2000), (b"heat", 40, 0)), 1):
        agent.set(f"1.3.6.1.4.1.4242.1.1.{n}", kind)
        agent.set(f"1.3.6.1.4.1.4242.1.2.{n}", level)
        agent.set(f"1.3.6.1.4.1.4242.1.3.{n}", low)
    agent.set("1.3.6.1.4.1.4242.2.1.4", 2)
    profiles = Profiles.of({"if_mib": shipped("collectors") / "if_mib"} | family(tmp_path, ACME))
    target = Target("127.0.0.1", Credential(community="public"), agent.port)
    found = await Reader(snmp, profiles, Names(ledger)).read(target, device="R-1")
    assert found.profiles == ["if_mib", "acme"]
    assert [(s["name"], s["class"], s["value"], s["unit"]) for s in found.lists["sensors"]] == [
        ("GigabitEthernet0/0/1 rx", "rx_power", -25.0, "dBm"),
        ("PSU 4", "state", 2, ""),
    ]
    assert {(s.component, s.condition.value, s.state.value) for s in found.seen} == {
        ("GE0/0/1", "admin", "ok"),
        ("GE0/0/1", "link", "ok"),
        ("GE0/0/1", "optical", "bad"),
        ("PSU 4", "supply", "bad"),
    }


async def test_a_table_without_end_spoils_nothing_but_itself(agent: Any, snmp: Snmp) -> None:
    agent.interface(1, "GE0/0/1")
    agent.interface(2, "GE0/0/2")
    name = ber.oid_body(oid("1.3.6.1.2.1.2.2.1.2.2"))
    agent.twist = lambda reply: reply.replace(name, ber.oid_body(oid("1.3.6.1.2.1.2.2.1.2.1")))
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    assert found.problems
    assert "GE0/0/2" in {port["name"] for port in found.lists["ports"]}


def pon_ledger() -> Ledger:
    return Ledger(
        devices={
            "OLT-1": Device("OLT-1", role=Role.OLT, address="192.0.2.1"),
            "ONU-A": Device("ONU-A", role=Role.ONU, notes={"serial": "HWTC-A1B2C301"}),
        },
        links={"P-1": Link("P-1", Port("OLT-1", "gpon-0/1/0"), Port("ONU-A", "wan"), Medium.PON)},
    )


def test_an_onu_is_called_as_the_ledger_calls_it() -> None:
    names = Names(pon_ledger())
    assert names.spell_onu("OLT-1", "GPON 0/1/0", "3", ["HWTCA1B2C301"]) == "gpon-0/1/0/ONU-A"
    assert names.spell_onu("OLT-1", "GPON 0/1/0", "4", ["HWTC00000000"]) == "gpon-0/1/0/4"


async def test_an_onu_that_lost_its_power_is_told_apart_from_one_that_lost_its_light(agent: Any, snmp: Snmp) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.2011.2.248"))
    agent.interface(4194312192, "GPON 0/1/0")
    for onu, state, cause in ((0, 2, 13), (1, 2, 2), (2, 1, 13)):
        at = f"4194312192.{onu}"
        agent.set(f"1.3.6.1.4.1.2011.6.128.1.1.2.43.1.3.{at}", bytes.fromhex("48575443a1b2c301")[:7] + bytes([onu + 1]))
        agent.set(f"1.3.6.1.4.1.2011.6.128.1.1.2.46.1.15.{at}", state)
        agent.set(f"1.3.6.1.4.1.2011.6.128.1.1.2.46.1.24.{at}", cause)
    target = Target("127.0.0.1", Credential(community="public"), agent.port)
    found = await Reader(snmp, Profiles.load(), Names(pon_ledger())).read(target, device="OLT-1")
    assert {
        (s.component, s.condition.value, s.state.value)
        for s in found.seen
        if s.condition.value in ("onu", "dying_gasp")
    } == {
        ("gpon-0/1/0/ONU-A", "onu", "bad"),
        ("gpon-0/1/0/ONU-A", "dying_gasp", "bad"),
        ("gpon-0/1/0/1", "onu", "bad"),
        ("gpon-0/1/0/2", "onu", "ok"),
        ("gpon-0/1/0/2", "dying_gasp", "ok"),
    }


def test_two_spellings_of_an_address_are_one() -> None:
    names = Names(Ledger(devices={"R": Device("R", address="2001:db8:0:0::1"), "Q": Device("Q", address="192.0.2.7")}))
    at = {address: names.box_at(address) for address in ("2001:db8::1", "::ffff:192.0.2.7", "::FFFF:192.0.2.7")}
    assert [box.id for box in at.values() if box] == ["R", "Q", "Q"]
    assert names.box_at("nonsense") is None


async def test_sentinels_are_left_out_and_never_numbers(agent: Any, snmp: Snmp) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.2011.2.23.291"))
    for index, rx in ((1, -1), (2, -255), (3, 2147483647), (4, -761), (5, 536), (6, 0)):
        agent.set(f"1.3.6.1.4.1.2011.5.25.31.1.1.3.1.8.{index}", rx, Tag.INTEGER)
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    levels = {
        s["oid"].rsplit(".", 1)[1]: round(s["value"], 3) for s in found.lists["sensors"] if s["class"] == "rx_power"
    }
    assert levels == {"4": -7.61, "5": -2.708, "6": 0}


SCALES = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
anonymous = true
answers = ["1.3.6.1.4.1.4242.3"]
[columns]
places = "1.3.6.1.4.1.4242.3.2"
times = "1.3.6.1.4.1.4242.3.3"
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.1"
class = "current"
digits = "places"
name = "inlet {#0}"
last = [1]
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.1"
class = "voltage"
factor = "times"
name = "inlet {#0}"
last = [2]
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.1"
class = "power"
exponent = "places"
name = "inlet {#0}"
last = [3]
"""


@pytest.mark.parametrize(
    ("row", "places", "times", "value"),
    [
        (1, 3, None, 3.497),
        (1, 0, None, 3497),
        (1, None, None, 3497),
        (2, None, -10, 349.7),
        (2, None, 100, 349_700),
        (3, -2, None, 34.97),
    ],
)
async def test_the_row_may_say_its_own_scale(
    agent: Any, snmp: Snmp, tmp_path: Path, row: int, places: int | None, times: int | None, value: float
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    agent.set(f"1.3.6.1.4.1.4242.3.1.1.{row}", 3497)
    for column, told in ((2, places), (3, times)):
        if told is not None:
            agent.set(f"1.3.6.1.4.1.4242.3.{column}.1.{row}", told)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SCALES))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [s["value"] for s in found.lists["sensors"]] == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("says", "answers", "chosen"),
    [
        ("1.3.6.1.4.1.8072.3.2.10", True, True),
        ("0.0", True, True),
        ("1.3.6.1.4.1.8072.3.2.10", False, False),
        ("1.3.6.1.4.1.4242.1", False, False),
        ("1.3.6.1.4.1.9.1.1", True, False),
    ],
)
async def test_a_box_that_names_no_vendor_is_known_by_what_it_answers(
    agent: Any, snmp: Snmp, tmp_path: Path, says: str, answers: bool, chosen: bool
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid(says))
    if answers:
        agent.set("1.3.6.1.4.1.4242.3.1.1.1", 5)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SCALES))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert (found.profiles == ["acme"]) is chosen


async def test_of_a_profile_with_many_tables_only_those_are_walked_that_the_box_has(
    agent: Any, snmp: Snmp, tmp_path: Path
) -> None:
    tables = "".join(
        f'[[sensor]]\noid = "1.3.6.1.4.1.4242.{table}.1.{column}"\nclass = "voltage"\nname = "{table}.{column}"\n'
        for table in range(1, 61)
        for column in range(1, 9)
    )
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    agent.set("1.3.6.1.4.1.4242.17.1.8.0", 48)
    agent.set("1.3.6.1.4.1.4242.60.1.1.0", 54)
    profiles = Profiles.of(family(tmp_path, 'title = "Acme"\nsys_object_id = ["1.3.6.1.4.1.4242"]\n' + tables))
    budget = Budget()
    found = await Reader(snmp, profiles).read(Target("127.0.0.1", Credential(community="public"), agent.port), budget)
    assert [(s["name"], s["value"]) for s in found.lists["sensors"]] == [("17.8", 48), ("60.1", 54)]
    assert budget.requests < 12


KINDS = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
[[sensor]]
oid = "1.3.6.1.4.1.4242.5.1"
class = "temperature"
name = "{#0} module"
index = '^\\d+\\.1\\.'
[[sensor]]
oid = "1.3.6.1.4.1.4242.5.1"
class = "fan"
unit = "%"
name = "{#0} fan"
index = '^\\d+\\.2\\.'
"""


async def test_the_kind_of_a_reading_may_stand_inside_the_index_and_a_fan_tell_a_share(
    agent: Any, snmp: Snmp, tmp_path: Path
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    for index, value in (("7.1.1", 41), ("7.2.1", 63), ("7.12.1", 99)):
        agent.set(f"1.3.6.1.4.1.4242.5.1.{index}", value)
    found = await Reader(snmp, Profiles.of(family(tmp_path, KINDS))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [(s["name"], s["class"], s["value"], s["unit"]) for s in found.lists["sensors"]] == [
        ("7 module", "temperature", 41, "°C"),
        ("7 fan", "fan", 63, "%"),
    ]


@pytest.mark.parametrize(
    ("local_id", "descr", "bridge_port", "port"),
    [
        (b"Gi0/3", b"", None, "GigabitEthernet0/3"),
        (b"\x00\x1e\x58\x5c\x09\xff", b"Port 3", 5, "GigabitEthernet0/5"),
        (b"\x00\x1e\x58\x5c\x09\xff", b"", None, "GigabitEthernet0/3"),
        (b"5", b"uplink", None, "GigabitEthernet0/5"),
        (b"\x00\x1e\x58\x5c\x09\xff", b"GigabitEthernet0/5", 3, "GigabitEthernet0/5"),
    ],
)
async def test_the_port_of_a_neighbour_is_one_that_the_box_has(
    agent: Any, snmp: Snmp, local_id: bytes, descr: bytes, bridge_port: int | None, port: str
) -> None:
    for index in (3, 5):
        agent.interface(index, f"GigabitEthernet0/{index}")
    agent.set("1.0.8802.1.1.2.1.3.7.1.3.3", local_id)
    agent.set("1.0.8802.1.1.2.1.3.7.1.4.3", descr)
    if bridge_port is not None:
        agent.set("1.3.6.1.2.1.17.1.4.1.2.3", bridge_port)
    agent.set("1.0.8802.1.1.2.1.4.1.1.7.0.3.1", b"ge-1/0/0")
    agent.set("1.0.8802.1.1.2.1.4.1.1.9.0.3.1", b"R-2")
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    assert [(n["local_port"], n["remote_device"], n["remote_port"]) for n in found.lists["neighbours"]] == [
        (port, "R-2", "ge-1/0/0")
    ]


async def test_a_sensor_that_is_broken_tells_that_and_no_value(agent: Any, snmp: Snmp) -> None:
    table = "1.3.6.1.2.1.99.1.1.1"
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    for row, (name, kind, status) in enumerate(
        ((b"transceiver 1 Rx Power Sensor", 1, 1), (b"Inlet", 8, 3), (b"Outlet", 8, 1)), 1
    ):
        agent.set(f"1.3.6.1.2.1.47.1.1.1.1.7.{row}", name)
        for column, value in ((1, kind), (2, 9), (3, 1), (4, 65), (5, status)):
            agent.set(f"{table}.{column}.{row}", value)
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    told = {(s["name"], s["class"]): s["value"] for s in found.lists["sensors"]}
    assert told == {
        ("transceiver 1 Rx Power Sensor", "rx_power"): 6.5,
        ("Outlet", "temperature"): 6.5,
        ("transceiver 1 Rx Power Sensor status", "state"): 1,
        ("Inlet status", "state"): 3,
        ("Outlet status", "state"): 1,
    }


async def test_a_bfd_session_of_vrp_is_named_by_its_peer(agent: Any, snmp: Snmp) -> None:
    table = "1.3.6.1.4.1.2011.5.25.38.2.3.1"
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.2011.2.224.1"))
    for row, state in ((8192, 3), (8193, 1), (8194, 0)):
        agent.set(f"{table}.4.{row}", b"to-core")
        agent.set(f"{table}.5.{row}", bytes((192, 0, 2, row - 8191)), Tag.IP_ADDRESS)
        agent.set(f"{table}.13.{row}", 100)
        agent.set(f"{table}.17.{row}", state)
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    assert [(s["peer"], s["state"]) for s in found.lists["sessions"]] == [
        ("192.0.2.1", "up"),
        ("192.0.2.2", "down"),
        ("192.0.2.3", "admindown"),
    ]
    assert {(s.component, s.state.value) for s in found.seen} == {("bfd 192.0.2.1", "ok"), ("bfd 192.0.2.2", "bad")}


async def test_a_bgp_session_that_two_mibs_tell_is_one(agent: Any, snmp: Snmp) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.44641"))
    agent.set("1.3.6.1.2.1.15.3.1.2.192.0.2.1", 6)
    agent.set("1.3.6.1.2.1.15.3.1.3.192.0.2.1", 2)
    for peer, state in (("1.192.0.2.1", 6), ("2.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9", 1)):
        agent.set(f"1.3.6.1.3.5.1.1.2.1.12.1.{peer}", 2)
        agent.set(f"1.3.6.1.3.5.1.1.2.1.13.1.{peer}", state)
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    assert [(s["peer"], s["state"]) for s in found.lists["sessions"]] == [
        ("192.0.2.1", "established"),
        ("2001:db8:0:0:0:0:0:9", "idle"),
    ]
    assert {(s.component, s.state.value) for s in found.seen} == {
        ("bgp 192.0.2.1", "ok"),
        ("bgp 2001:db8:0:0:0:0:0:9", "bad"),
    }


SETTING = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
[columns]
tenths = "1.3.6.1.4.1.4242.9.1"
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.1"
class = "current"
name = "battery {#}"
skip = { tenths = [1] }
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.1"
class = "current"
scale = 0.1
name = "battery {#}"
where = { tenths = "^1$" }
[[sensor]]
oid = "1.3.6.1.4.1.4242.3.2"
class = "temperature"
decode = "celsius_in_text"
name = "probe {#}"
"""


@pytest.mark.parametrize(("tenths", "amperes"), [(None, [-11, 52]), (0, [-11, 52]), (1, [-1.1, 5.2])])
async def test_one_setting_of_the_box_holds_for_all_rows(
    agent: Any, snmp: Snmp, tmp_path: Path, tenths: int | None, amperes: list[float]
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    agent.set("1.3.6.1.4.1.4242.3.1.1", -11)
    agent.set("1.3.6.1.4.1.4242.3.1.2", 52)
    if tenths is not None:
        agent.set("1.3.6.1.4.1.4242.9.1.0", tenths)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SETTING))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [s["value"] for s in found.lists["sensors"]] == pytest.approx(amperes)


async def test_a_setting_of_a_unit_holds_for_the_rows_of_that_unit(agent: Any, snmp: Snmp, tmp_path: Path) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    for unit, tenths in ((1, 0), (2, 1)):
        agent.set(f"1.3.6.1.4.1.4242.9.1.{unit}", tenths)
        agent.set(f"1.3.6.1.4.1.4242.3.1.{unit}.1", 52)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SETTING))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [(s["name"], s["value"]) for s in found.lists["sensors"]] == [("battery 1.1", 52), ("battery 2.1", 5.2)]


@pytest.mark.parametrize(
    ("words", "celsius"), [(b"77 F", 25), (b"25.5 C", 25.5), (b"-4\xc2\xb0F", -20), (b"21", 21), (b"none", None)]
)
async def test_a_temperature_in_words_says_its_scale(
    agent: Any, snmp: Snmp, tmp_path: Path, words: bytes, celsius: float | None
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    agent.set("1.3.6.1.4.1.4242.3.2.1", words)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SETTING))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [s["value"] for s in found.lists["sensors"]] == ([] if celsius is None else [pytest.approx(celsius)])


SPOKEN = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
[[sensor]]
oid = "1.3.6.1.4.1.4242.5.1"
class = "state"
name = "modem {#}"
words = { "Registered, home" = 0, "Registered, roaming" = 1, "Searching" = 2 }
condition = "hardware"
ok = [0, 1]
bad = [2]
[[sensor]]
oid = "1.3.6.1.4.1.4242.5.2"
class = "ber"
decode = "ieee754"
name = "BER {#}"
"""


async def test_a_state_said_in_words_is_told_as_a_number_and_judged(agent: Any, snmp: Snmp, tmp_path: Path) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.7"))
    for row, said in enumerate((b"registered, home", b"SEARCHING", b"who knows", b""), 1):
        agent.set(f"1.3.6.1.4.1.4242.5.1.{row}", said)
    agent.set("1.3.6.1.4.1.4242.5.2.1", 0x3A83126F, Tag.GAUGE32)
    agent.set("1.3.6.1.4.1.4242.5.2.2", 0x7F800000, Tag.GAUGE32)
    found = await Reader(snmp, Profiles.of(family(tmp_path, SPOKEN))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [(s["name"], s["value"], s.get("text")) for s in found.lists["sensors"]] == [
        ("modem 1", 0, "registered, home"),
        ("modem 2", 2, "SEARCHING"),
        ("BER 1", pytest.approx(0.001), None),
    ]
    assert [(s.component, s.state.value, s.value) for s in found.seen] == [
        ("modem 1", "ok", "registered, home"),
        ("modem 2", "bad", "SEARCHING"),
    ]


PRODUCTS = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
[columns]
label = "self.1.1"
[[sensor]]
oid = "self.1.2"
class = "voltage"
name = "{label}"
absent = [-1]
"""


async def test_one_profile_reads_the_copies_of_a_mib_that_each_product_has_below_its_own_name(
    agent: Any, snmp: Snmp, tmp_path: Path
) -> None:
    profiles = Profiles.of(family(tmp_path, PRODUCTS))
    for product in (7, 8):
        agent.set("1.3.6.1.2.1.1.2.0", oid(f"1.3.6.1.4.1.4242.{product}"))
        agent.set(f"1.3.6.1.4.1.4242.{product}.1.1.3", b"feed")
        agent.set(f"1.3.6.1.4.1.4242.{product}.1.2.3", 40 + product)
        agent.set(f"1.3.6.1.4.1.4242.{product}.1.2.4", -1)
        found = await Reader(snmp, profiles).read(Target("127.0.0.1", Credential(community="public"), agent.port))
        assert [(s["name"], s["value"]) for s in found.lists["sensors"]] == [("feed", 40 + product)]


@pytest.mark.parametrize(
    ("rx", "low", "high", "state"),
    [(536, -1801, 99, "ok"), (1259, -1801, 99, "bad"), (-2000, -1801, 99, "bad"), (-900, -1, -1, None)],
)
async def test_limits_of_light_are_coded_in_their_own_way_on_vrp(
    agent: Any, snmp: Snmp, rx: int, low: int, high: int, state: str | None
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.2011.2.23.291"))
    for column, value in ((8, rx), (13, low), (14, high), (12, 7)):
        agent.set(f"1.3.6.1.4.1.2011.5.25.31.1.1.3.1.{column}.5", value, Tag.INTEGER)
    found = await Reader(snmp, Profiles.load()).read(Target("127.0.0.1", Credential(community="public"), agent.port))
    assert [s.state.value for s in found.seen if s.condition.value == "optical"] == ([state] if state else [])


COPIES = """
title = "Acme"
sys_object_id = ["1.3.6.1.4.1.4242"]
self_arcs = 8
[columns]
place = "1.3.6.1.4.1.4242.6.1"
placeOfB = "1.3.6.1.4.1.4242.7.1"
[[sensor]]
oid = "1.3.6.1.4.1.4242.6.2"
also = ["1.3.6.1.4.1.4242.7.2", "self.8.2"]
class = "state"
name = "PSU {place|placeOfB|#}"
states = { 1 = "fine", 2 = "broken" }
condition = "supply"
ok = [1]
bad = [2]
"""


@pytest.mark.parametrize(("copy", "name"), [("4242.6", "PSU left"), ("4242.7", "PSU left"), ("4242.9.8", "PSU 3")])
async def test_each_series_may_have_its_own_copy_of_what_is_read(
    agent: Any, snmp: Snmp, tmp_path: Path, copy: str, name: str
) -> None:
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.4242.9.104"))
    agent.set(f"1.3.6.1.4.1.{copy}.1.3", b"left")
    agent.set(f"1.3.6.1.4.1.{copy}.2.3", 2)
    found = await Reader(snmp, Profiles.of(family(tmp_path, COPIES))).read(
        Target("127.0.0.1", Credential(community="public"), agent.port)
    )
    assert [(s["name"], s["value"], s["text"], s["oid"]) for s in found.lists["sensors"]] == [
        (name, 2, "broken", f"1.3.6.1.4.1.{copy}.2.3")
    ]
    assert [(s.component, s.condition.value, s.state.value) for s in found.seen] == [(name, "supply", "bad")]


@pytest.mark.parametrize(
    ("words", "value"), [(b"Current 12V Rail: 33.67A", 33.67), (b"CPU: 67 C 152.60F", 67), (b"Fan 1 speed", None)]
)
def test_the_number_may_stand_behind_the_name_that_has_one_too(words: bytes, value: float | None) -> None:
    assert decode.DECODERS["behind_colon"](VarBind((1, 3), Tag.OCTETS, words)) == value
