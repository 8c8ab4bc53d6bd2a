"""Networks of other shapes: wavelengths over cables, rings whose routing takes its time, rooms cut off on battery."""

from __future__ import annotations

from dataclasses import replace

from core_metro import Builder, back, dark, lit, metro, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Fact, Medium, Role

MINUTE = 60


def roots(run: Engine) -> list[str]:
    return [f"{row['root']['kind']} {row['root']['id']}" for row in rows(run, "fault")]


def repeated(first: float, last: float, *devices: str) -> list[Fact]:
    """Silence, told by each poll."""
    return [fact for at in range(round(first), round(last), MINUTE) for fact in silent(at, *devices)]


def wavelengths() -> Builder:
    """OTN-1 … OTN-4 in a row on the cables K1 … K3, each with a router in its room: CORE-1, PE-2, PE-3, PE-4.

    Wavelengths: CORE-1 to PE-2 (W12), PE-2 to PE-3 (W23), CORE-1 to PE-4 past two nodes (W14).
    """
    b = Builder()
    for n in range(1, 5):
        b.device(f"OTN-{n}", Role.TRANSMISSION, f"ROOM-{n}")
        b.device("CORE-1" if n == 1 else f"PE-{n}", Role.CORE, f"ROOM-{n}")
    for n in range(1, 4):
        b.link(f"S{n}", f"OTN-{n} OTU-E", f"OTN-{n + 1} OTU-W", f"K{n}")
    for a, z in ((1, 2), (2, 3), (1, 4)):
        cables = [f"K{n}" for n in range(a, z)]
        near = "CORE-1" if a == 1 else f"PE-{a}"
        b.link(f"W{a}{z}", f"{near} to-{z}", f"PE-{z} to-{a}", *cables, medium=Medium.WAVELENGTH)
    b.circuit("C1", "PE-2", "CORE-1", "W12")
    b.circuit("C2", "PE-4", "CORE-1", "W14")
    b.circuit("C3", "PE-3", "PE-2", "W23")
    return b


def lost(seconds: float, *ends: str) -> list[Fact]:
    """What a router says of a wavelength that fails further on: its own optics have light all the while."""
    return [say(seconds, end, word) for end in ends for word in ("link", "ais")]


def test_a_wavelength_that_fails_while_its_fibres_have_light_is_no_cut_of_a_cable() -> None:
    run = night(lost(0, "CORE-1 to-2", "PE-2 to-1"), 1800, wavelengths().ledger())
    assert roots(run) == ["link W12"]
    assert [row["domain"] for row in rows(run, "fault")] == ["equipment"]


def test_a_dead_transmission_node_takes_the_wavelengths_that_pass_it_and_leaves_the_router_in_its_room_alive() -> None:
    facts: list[Fact] = [
        *dark(0, "OTN-1 OTU-E", "OTN-3 OTU-W"),
        *lost(1, "CORE-1 to-2", "CORE-1 to-4", "PE-4 to-1", "PE-3 to-2"),
        *repeated(10, 1800, "OTN-2", "PE-2"),
    ]
    run = night(facts, 1800, wavelengths().ledger())
    assert roots(run) == ["device OTN-2"]
    assert {row["circuit"] for row in rows(run, "outage")} == {"C1", "C2", "C3"}


def test_a_node_that_misses_one_ping_while_routing_goes_round_a_cut_is_not_dead() -> None:
    facts: list[Fact] = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
        *silent(15, "AGG-2"),
        *back(70, "AGG-2"),
        *lit(2000, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
    ]
    run = night(facts, 4000)
    assert roots(run) == ["cable K1"]
    assert [row["merged_into"] for row in rows(run, "ticket")] == [None]


def test_a_node_that_stays_silent_when_routing_has_had_its_time_is_a_fault() -> None:
    facts: list[Fact] = [*dark(0, "AGG-1 GE0/0/2"), *repeated(15, 900, "AGG-2")]
    assert roots(night(facts, 900)) == ["device AGG-2"]


def test_batteries_that_end_after_one_of_two_ways_was_cut_are_power_and_no_second_cut() -> None:
    b = metro()
    b.link("TO2", "AGG-2 GE1/0/9", "OLT-1 GE0/0/1", "KO2")
    facts: list[Fact] = [
        say(0, "OLT-1", "mains"),
        *dark(800, "AGG-2 GE1/0/9", "OLT-1 GE0/0/1"),
        *dark(3500, "AGG-3 GE1/0/1"),
        *repeated(3510, 4500, "OLT-1"),
        *back(4500, "OLT-1"),
        say(4500, "OLT-1", "mains", "ok"),
        *lit(4500, "AGG-3 GE1/0/1", "AGG-2 GE1/0/9", "OLT-1 GE0/0/1"),
    ]
    assert roots(night(facts, 6000, b.ledger())) == ["power S-OLT", "cable KO2"]


def test_a_circuit_without_protection_is_never_exposed_by_a_port_that_tells_late_of_its_light() -> None:
    b = metro()
    b.circuits["C1"] = replace(b.circuits["C1"], protecting=())
    facts: list[Fact] = [
        *dark(0, "ACC-1 GE0/1/1"),
        *repeated(10, 900, "CPE-1"),
        *back(900, "CPE-1"),
        *lit(990, "ACC-1 GE0/1/1"),
    ]
    run = night(facts, 3000, b.ledger())
    assert {row["circuit"] for row in rows(run, "outage")} == {"C1", "V1"}
    assert rows(run, "exposure") == []


def test_a_node_that_misses_ping_after_ping_while_a_link_on_the_way_flaps_is_not_dead() -> None:
    facts: list[Fact] = []
    for turn in range(0, 600, 60):
        facts += [*dark(turn, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"), *lit(turn + 25, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1")]
    facts += [*repeated(140, 500, "AGG-2"), *back(500, "AGG-2")]
    assert roots(night(facts, 3000)) == ["cable K1"]


def test_a_second_cut_is_known_by_what_broke_then_though_the_first_had_darkened_more_of_its_wavelengths() -> None:
    b = wavelengths()
    b.link("W13", "CORE-1 to-3", "PE-3 to-1", "K1", "K2", medium=Medium.WAVELENGTH)
    facts: list[Fact] = [
        *dark(0, "OTN-1 OTU-E", "OTN-2 OTU-W"),
        *lost(1, "CORE-1 to-2", "PE-2 to-1", "CORE-1 to-3", "PE-3 to-1", "CORE-1 to-4", "PE-4 to-1"),
        *dark(1200, "OTN-2 OTU-E", "OTN-3 OTU-W"),
        *lost(1201, "PE-2 to-3", "PE-3 to-2"),
    ]
    assert roots(night(facts, 3000, b.ledger())) == ["cable K1", "cable K2"]
