"""Several faults in one night: each is named, though one hides what another would have shown."""

from __future__ import annotations

from typing import Any

from core_metro import T0, back, dark, lit, metro, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Fact, Role
from netwatch.core.time import SECOND, parse

MINUTE = 60


def roots(run: Engine) -> list[str]:
    return [f"{row['root']['kind']} {row['root']['id']}" for row in rows(run, "fault")]


def repeated(first: float, last: float, *devices: str) -> list[Fact]:
    """Silence, told by each poll."""
    return [fact for at in range(round(first), round(last), MINUTE) for fact in silent(at, *devices)]


def fault(run: Engine, root: str) -> dict[str, Any]:
    return next(row for row, name in zip(rows(run, "fault"), roots(run), strict=True) if name == root)


def times(run: Engine, kind: str, circuit: str) -> list[tuple[float, float]]:
    """From when to when the outages or exposures of a circuit lasted, in seconds after T0."""
    end = "restored" if kind == "outage" else "ended"
    spans = [(parse(row["started"]), parse(row[end])) for row in rows(run, kind) if row["circuit"] == circuit]
    return [((start - T0) / SECOND, (over - T0) / SECOND) for start, over in spans]


def test_a_neighbour_that_falls_silent_later_told_the_truth_before() -> None:
    facts = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
        *repeated(10, 1200, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        # Five minutes on AGG-3 is cut off as well: AGG-2 was its other way.
        *dark(300, "CORE-1 GE0/0/2"),
        *repeated(310, 1200, "AGG-3", "OLT-1"),
        *back(1200, "AGG-2", "ACC-2", "CPE-3", "CPE-4", "AGG-3", "OLT-1"),
        *lit(1200, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1", "CORE-1 GE0/0/2"),
    ]
    assert roots(night(facts, 3600)) == ["device AGG-2", "cable K3"]


def test_a_link_that_stays_dark_when_the_device_at_its_end_is_back_broke_otherwise() -> None:
    facts = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
        *repeated(10, 600, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *back(600, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *lit(600, "AGG-1 GE0/0/2"),
        *dark(605, "AGG-2 GE0/0/2"),
        *lit(2400, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1"),
    ]
    run = night(facts, 4000)
    assert roots(run) == ["device AGG-2", "cable K2"]
    assert fault(run, "device AGG-2")["cleared"] == fault(run, "cable K2")["opened"]


def test_a_port_that_comes_up_late_after_a_restart_is_no_fault_of_its_own() -> None:
    facts = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
        *repeated(10, 600, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *back(600, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *lit(600, "AGG-1 GE0/0/2"),
        *lit(690, "AGG-3 GE0/0/1"),
    ]
    assert roots(night(facts, 3600)) == ["device AGG-2"]


def test_a_port_taken_down_while_the_device_beyond_it_is_dead_is_an_operators_doing() -> None:
    facts = [
        say(0, "ACC-1", "dying_gasp"),
        *dark(1, "AGG-1 GE1/0/1"),
        *repeated(10, 1800, "ACC-1", "CPE-1", "CPE-2"),
        say(600, "AGG-1 GE1/0/1", "admin"),
        say(1800, "AGG-1 GE1/0/1", "admin", "ok"),
        *lit(1801, "AGG-1 GE1/0/1"),
        *back(1805, "ACC-1", "CPE-1", "CPE-2"),
    ]
    run = night(facts, 3600)
    assert roots(run) == ["power S-ACC-1", "port AGG-1 GE1/0/1"]
    assert fault(run, "port AGG-1 GE1/0/1")["domain"] == "configuration"


def test_a_port_that_is_found_dark_behind_one_that_was_taken_down_is_dark_because_of_that() -> None:
    """AGG-2 is heard again first, and says what an operator did; AGG-3, that it has no light from there."""
    facts = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
        *dark(0, "CORE-1 GE0/0/2", "AGG-3 GE0/0/2"),
        *repeated(5, 900, "AGG-2", "AGG-3", "ACC-2", "CPE-3", "CPE-4", "OLT-1"),
        *lit(900, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
        *back(901, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        say(905, "AGG-2 GE0/0/2", "admin"),
        *repeated(905, 1500, "AGG-3", "OLT-1"),
        *lit(1500, "CORE-1 GE0/0/2", "AGG-3 GE0/0/2"),
        *back(1501, "AGG-3", "OLT-1"),
        *dark(1502, "AGG-3 GE0/0/1"),
        say(2400, "AGG-2 GE0/0/2", "admin", "ok"),
        *lit(2401, "AGG-3 GE0/0/1"),
    ]
    assert roots(night(facts, 4000)) == ["cable K1", "cable K3", "port AGG-2 GE0/0/2"]


def test_an_agent_that_hung_before_its_device_was_cut_off_is_one_fault() -> None:
    facts = [
        say(0, "ACC-1", "agent"),
        *dark(600, "AGG-1 GE1/0/1"),
        *repeated(605, 1200, "ACC-1", "CPE-1", "CPE-2"),
        *lit(1200, "AGG-1 GE1/0/1"),
        *back(1205, "ACC-1", "CPE-1", "CPE-2"),
        say(3000, "ACC-1", "agent", "ok"),
    ]
    assert roots(night(facts, 4000)) == ["agent ACC-1", "cable KT1"]


def test_an_agent_that_falls_silent_with_its_device_is_no_fault() -> None:
    facts = [
        say(0, "ACC-1", "agent"),
        *dark(20, "AGG-1 GE1/0/1"),
        *repeated(50, 1200, "ACC-1", "CPE-1", "CPE-2"),
        *lit(1200, "AGG-1 GE1/0/1"),
        *back(1205, "ACC-1", "CPE-1", "CPE-2"),
        say(1206, "ACC-1", "agent", "ok"),
    ]
    assert roots(night(facts, 4000)) == ["cable KT1"]


def test_of_two_links_in_one_duct_one_may_be_found_when_its_ends_are_heard_again() -> None:
    """X hangs behind ACC-2, over a link through the same duct; it was cut with the others, and is found last."""
    b = metro()
    b.device("X", Role.ACCESS, "S-X")
    b.device("Y", Role.ACCESS, "S-Y")
    b.link("TX", "ACC-2 GE0/2/1", "X GE0/0/0", "KX")
    b.link("TY", "X GE0/0/1", "Y GE0/0/0", "KY", "DUCT")
    facts = [
        *dark(0, "AGG-2 GE1/0/1"),
        *repeated(5, 900, "ACC-2", "CPE-3", "CPE-4", "X", "Y"),
        *lit(900, "AGG-2 GE1/0/1"),
        *back(905, "ACC-2", "CPE-4", "X"),
        *repeated(905, 1100, "CPE-3", "Y"),
        *dark(910, "ACC-2 GE0/1/3", "X GE0/0/1"),
        *lit(1100, "ACC-2 GE0/1/3", "X GE0/0/1"),
        *back(1105, "CPE-3", "Y"),
    ]
    assert roots(night(facts, 4000, b.ledger())) == ["cable DUCT"]


def test_a_customer_cut_off_soon_after_a_fault_of_his_own_is_not_sent_for_again() -> None:
    facts = [
        *repeated(0, 300, "CPE-1"),
        *back(300, "CPE-1"),
        # His own fault is closed while he is silent once more, on the account of this one.
        *dark(800, "AGG-1 GE1/0/1"),
        *repeated(810, 2000, "ACC-1", "CPE-1", "CPE-2"),
    ]
    run = night(facts, 2000)
    assert roots(run) == ["premises CPE-1", "cable KT1"]
    assert len(rows(run, "ticket")) == 2


def test_an_outage_that_two_faults_made_is_remembered_when_the_first_of_them_is_closed() -> None:
    """Of the outage of C1 the first fault's part is closed half a minute before the rest, too short to count alone."""
    facts = [
        *dark(0, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"),
        *dark(60, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1"),
        *repeated(70, 1200, "AGG-1", "AGG-2", "ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4"),
        *lit(1200, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1"),
        *dark(1201, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
        *lit(1230, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"),
        *lit(2400, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"),
    ]
    run = night(facts, 4000)
    assert times(run, "outage", "C1") == [(60, 1230)]
    assert times(run, "exposure", "C1") == [(0, 60), (1230, 2400)]


def test_an_exposure_keeps_its_beginning_when_the_first_of_two_faults_that_made_it_is_closed() -> None:
    facts = [
        *dark(0, "AGG-3 GE0/0/2", "CORE-1 GE0/0/2"),
        *dark(600, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1"),
        *lit(900, "AGG-3 GE0/0/2", "CORE-1 GE0/0/2"),
        *lit(1800, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1"),
    ]
    run = night(facts, 4000)
    assert times(run, "exposure", "C3") == [(0, 1800)]
    assert times(run, "outage", "C5") == [(600, 900)]


def test_silence_that_a_flap_explained_belongs_to_no_other_trouble_when_the_flap_is_closed() -> None:
    flaps = [f for n in range(8) for f in (*dark(n * 30, "ACC-1 GE0/1/1"), *lit(n * 30 + 15, "ACC-1 GE0/1/1"))]
    facts = [
        *flaps,
        *silent(182, "CPE-1"),
        *dark(400, "AGG-1 GE1/0/1"),
        *repeated(405, 3000, "ACC-1", "CPE-1", "CPE-2"),
        *lit(3000, "AGG-1 GE1/0/1"),
        *back(3005, "ACC-1", "CPE-1", "CPE-2"),
    ]
    assert roots(night(facts, 4000)) == ["cable KL1", "cable KT1"]


def test_a_fibre_that_is_cut_while_its_card_is_dead_is_found_when_the_card_is_back() -> None:
    facts = [
        *(say(at, f"ACC-1 GE0/1/{n}", "link", source="poll") for at in range(0, 600, MINUTE) for n in (1, 2)),
        *repeated(20, 600, "CPE-1", "CPE-2"),
        say(600, "ACC-1 GE0/1/2", "link", "ok"),
        *back(605, "CPE-2"),
        *dark(601, "ACC-1 GE0/1/1"),
        *repeated(620, 1500, "CPE-1"),
        *lit(1500, "ACC-1 GE0/1/1"),
        *back(1505, "CPE-1"),
    ]
    run = night(facts, 4000)
    assert roots(run) == ["device ACC-1", "cable KL1"]
    assert fault(run, "device ACC-1")["cleared"] == fault(run, "cable KL1")["opened"]


def test_a_device_whose_silence_is_noticed_late_died_when_its_neighbours_lost_their_ports_to_it() -> None:
    facts = [
        *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
        *repeated(170, 1200, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *lit(1200, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
        *back(1201, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
    ]
    run = night(facts, 4000)
    assert roots(run) == ["device AGG-2"]
    assert times(run, "outage", "C3") == [(0, 1200)]


def test_bad_news_does_not_fade_while_nobody_could_repeat_it() -> None:
    def down(first: float, last: float) -> list[Fact]:
        return [say(at, "ACC-1 GE0/1/1", "link", source="poll") for at in range(round(first), round(last), MINUTE)]

    facts = [
        *down(0, 600),
        *(say(at, "AGG-3 GE1/0/1", "link", source="poll") for at in range(0, 600, MINUTE)),
        *dark(600, "AGG-1 GE1/0/1"),
        *repeated(605, 2400, "ACC-1", "CPE-1", "CPE-2"),
        *lit(2400, "AGG-1 GE1/0/1"),
        *back(2405, "ACC-1", "CPE-2"),
        *repeated(2405, 3000, "CPE-1"),
        *down(2410, 3000),
        say(3000, "ACC-1 GE0/1/1", "link", "ok", "poll"),
        *back(3001, "CPE-1"),
    ]
    run = night(facts, 5000)
    assert times(run, "outage", "C1") == [(0, 3000)]


def test_a_customer_who_stays_silent_when_the_way_to_him_is_mended_has_a_fault_of_his_own() -> None:
    """Though the first of the polls that bear it out came before routing had settled."""
    facts = [
        *dark(0, "AGG-2 GE1/0/1"),
        *repeated(10, 900, "ACC-2", "CPE-3", "CPE-4"),
        *lit(900, "AGG-2 GE1/0/1"),
        *back(905, "ACC-2", "CPE-4"),
        *repeated(910, 1390, "CPE-3"),
        *back(1390, "CPE-3"),
    ]
    run = night(facts, 3000)
    assert roots(run) == ["cable KT2", "premises CPE-3"]
    assert [o["restored"] for o in rows(run, "outage") if o["circuit"] == "C3"] == ["2026-11-02T02:23:10.000+08:00"]
