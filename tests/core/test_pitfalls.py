"""What systems of this kind get wrong about causes: one sentence, one test.

Those that have their test where they belong are not repeated here: late parents, stale children, recurrence in
`test_cases`; kinds of roots, shared ducts, glass in `test_faults`; late, doubled and lost messages in `test_alarms`;
twice blind, a cut meanwhile or soon after in `test_blindness`; windows in `test_planned`; storms in the inbox's tests.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_metro import Builder, at, back, dark, engine, explained, lit, metro, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Alarm, Fact, Maintenance, Role, Scope
from netwatch.core.time import DAY, parse

EVERYBODY = ["CORE-1", "AGG-1", "AGG-2", "AGG-3", "ACC-1", "ACC-2", "OLT-1", *(f"CPE-{n}" for n in range(1, 5))]


def faults(run: Engine) -> list[str]:
    return [f"{row['root']['kind']} {row['root']['id']}".strip() for row in rows(run, "fault")]


def polls(devices: list[str], start: int, end: int) -> list[Fact]:
    return [f for t in range(start, end, 60) for f in silent(t, *devices)]


# ---------------------------------------------------------------- parents and children


def test_a_change_of_the_grandparent_reaches_the_grandchildren() -> None:
    facts: list[Fact] = [*dark(0, "AGG-1 GE1/0/1"), *silent(10, "ACC-1", "CPE-1", "CPE-2"), *polls(["CPE-1"], 60, 900)]
    facts += [*lit(900, "AGG-1 GE1/0/1"), *back(905, "ACC-1", "CPE-1", "CPE-2")]
    run = night(facts, 2000)
    assert faults(run) == ["cable KT1"]
    assert {(o["circuit"], o["gross_seconds"]) for o in rows(run, "outage")} == {("C1", 900), ("C2", 900), ("V1", 900)}


def two_uplinks() -> Builder:
    b = metro()
    b.link("T1X", "AGG-2 GE1/0/9", "ACC-1 GE0/0/9", "KX")
    b.circuit("C1", "CPE-1", "CORE-1", "L1 T1 R0", "L1 T1X R1 R0")
    return b


def test_of_two_parents_one_lost_is_no_outage_and_both_are() -> None:
    first = night([*dark(0, "AGG-1 GE1/0/1", "ACC-1 GE0/0/0")], 600, two_uplinks().ledger())
    assert [e["circuit"] for e in rows(first, "exposure")] == ["C1", "V1"]
    assert [o["circuit"] for o in rows(first, "outage")] == ["C2"], "it has no second way by the ledger"
    cut: list[Fact] = [*dark(0, "AGG-1 GE1/0/1", "ACC-1 GE0/0/0"), *dark(300, "AGG-2 GE1/0/9")]
    both = night([*cut, *silent(310, "ACC-1", "CPE-1", "CPE-2")], 600, two_uplinks().ledger())
    assert sorted(faults(both)) == ["cable KT1", "cable KX"]
    (outage,) = [o for o in rows(both, "outage") if o["circuit"] == "C1"]
    assert parse(outage["started"]) == at(300)


@pytest.mark.parametrize("mended", ["AGG-1 GE1/0/1", "AGG-2 GE1/0/9"])
def test_one_of_two_parents_that_recovers_ends_the_outage_and_leaves_the_exposure(mended: str) -> None:
    facts: list[Fact] = [
        *dark(0, "AGG-1 GE1/0/1"),
        *dark(300, "AGG-2 GE1/0/9"),
        *silent(310, "ACC-1", "CPE-1", "CPE-2"),
    ]
    facts += [*lit(900, mended), *back(905, "ACC-1", "CPE-1", "CPE-2")]
    run = night(facts, 2000, two_uplinks().ledger())
    (outage,) = [o for o in rows(run, "outage") if o["circuit"] == "C1"]
    assert parse(outage["restored"]) == at(900)
    assert [e["ended"] for e in rows(run, "exposure") if e["circuit"] == "C1"][-1] is None


def test_a_row_that_is_there_twice_makes_no_second_parent() -> None:
    b = metro()
    b.links["T1-COPY"] = replace(b.links["T1"], id="T1-COPY")
    run = night([*dark(0, "AGG-1 GE1/0/1"), *silent(10, "ACC-1", "CPE-1", "CPE-2")], 600, b.ledger())
    assert faults(run) == ["cable KT1"]
    assert len(rows(run, "ticket")) == 1


def test_services_that_each_claim_to_ride_on_the_other_are_out_with_their_own_routes() -> None:
    b = metro()
    b.circuits["C1"] = replace(b.circuits["C1"], over="C3")
    b.circuits["C3"] = replace(b.circuits["C3"], over="C1")
    run = night([*dark(0, "ACC-1 GE0/1/1"), *silent(10, "CPE-1")], 600, b.ledger())
    assert "C1" in {o["circuit"] for o in rows(run, "outage")}
    assert faults(run) == ["cable KL1"]


def test_a_deep_chain_costs_no_more_than_its_length() -> None:
    b = metro()
    names = [f"D{n}" for n in range(400)]
    for before, name in zip(["AGG-3", *names], names, strict=False):
        b.device(name, Role.ACCESS)
        b.link(f"LD-{name}", f"{before} x{name}", f"{name} up", f"K-{name}")
    facts = [*dark(0, "D0 xD1"), *silent(10, *names[1:])]
    assert [str(c.root) for c in explained(facts, b.ledger())] == ["cable K-D1"]


def test_a_parent_in_maintenance_sends_nobody_and_its_child_with_a_fault_of_its_own_does() -> None:
    work = Maintenance(at(-100), "M-1", at(0) - 20 * DAY, at(-60), at(3600), (Scope("cable", "KT1"),))
    facts: list[Fact] = [*dark(0, "AGG-1 GE1/0/1"), *silent(10, "ACC-1", "CPE-1", "CPE-2"), *dark(20, "ACC-2 GE0/1/3")]
    run = night([work, *facts, *silent(30, "CPE-3")], 1800)
    fault_of = {row["id"]: f"{row['root']['kind']} {row['root']['id']}" for row in rows(run, "fault")}
    assert sorted(fault_of.values()) == ["cable KL3", "cable KT1"]
    assert [fault_of[t["fault"]] for t in rows(run, "ticket")] == ["cable KL3"]


def test_a_ring_that_switches_over_and_back_is_exposed_and_never_out() -> None:
    ends = ("CORE-1 GE0/0/1", "AGG-1 GE0/0/1")
    facts: list[Fact] = [f for n in range(5) for f in (*dark(n * 100, *ends), *lit(n * 100 + 70, *ends))]
    switched = [say(n * 100 + 1, "AGG-1 GE0/0/1", "protection") for n in range(5)]
    run = night([*facts, *switched], 3000)
    assert rows(run, "outage") == []
    assert faults(run) == ["cable K0"]
    assert len(rows(run, "ticket")) == 1


def test_a_lost_card_of_an_olt_is_the_equipments_and_not_its_customers() -> None:
    b = metro()
    b.link("O9", "OLT-1 gpon-0/0/2", "ONU-9 pon", "FEEDER-2")
    b.device("ONU-9", Role.ONU)
    lost = [say(0, f"OLT-1 gpon-0/0/1/ONU-{n}", "onu", "bad", "poll") for n in range(1, 5)]
    facts = [*lost, say(0, "OLT-1 gpon-0/0/1", "hardware", "bad", "poll"), say(0, "OLT-1 gpon-0/0/1", "link")]
    assert [str(c.root) for c in explained(facts, b.ledger())] == ["port OLT-1 gpon-0/0/1"]


# ---------------------------------------------------------------- order, repetition, clears


def test_a_trap_and_a_poll_at_the_same_instant_are_one_case() -> None:
    end = "AGG-1 GE1/0/1"
    run = night([*dark(0, end), say(0, end, "link", "bad", "poll"), say(0, end, "los", "bad", "poll")], 600)
    assert faults(run) == ["cable KT1"]
    assert len(rows(run, "ticket")) == 1


@pytest.mark.parametrize("hours", [-30, -8, 8, 24 * 365])
def test_a_clock_that_is_hours_wrong_moves_no_outage(hours: int) -> None:
    off = hours * 3600.0
    end = "AGG-1 GE1/0/1"
    told: list[Fact] = [
        say(t, end, w, s, occurred=t + off) for t, s in ((0, "bad"), (500, "ok")) for w in ("link", "los")
    ]
    (outage,) = [o for o in rows(night(told, 2000), "outage") if o["circuit"] == "C1"]
    assert (parse(outage["started"]), outage["gross_seconds"]) == (at(0), 500)


def test_the_clear_of_one_port_clears_no_other_of_its_device() -> None:
    facts: list[Fact] = [*dark(0, "ACC-1 GE0/1/1", "ACC-1 GE0/1/2"), *lit(300, "ACC-1 GE0/1/1")]
    run = night(facts, 2000)
    assert {o["circuit"] for o in rows(run, "outage") if o["restored"] is None} == {"C2"}


def test_a_closed_case_swallows_no_new_trouble() -> None:
    end = "AGG-1 GE1/0/1"
    run = night([*dark(0, end), *lit(300, end), *dark(5000, end)], 6000)
    assert len(rows(run, "fault")) == len(rows(run, "ticket")) == 2


def test_a_raise_that_was_lost_counts_from_the_poll_that_finds_it() -> None:
    end = "AGG-1 GE1/0/1"
    run = night([say(40, end, "link", "bad", "poll"), say(300, end, "link", "ok")], 2000)
    assert {(parse(o["started"]), o["gross_seconds"]) for o in rows(run, "outage")} == {(at(40), 260)}


def test_the_alarm_of_a_trap_whose_clear_was_lost_goes_when_polling_never_bore_it_out() -> None:
    """And it is looked for in time, though what polling itself said is not due for an hour."""
    slow: list[Fact] = [say(t, f"ACC-1 GE0/1/{n}", "link", "bad", "poll") for t in range(0, 1201, 300) for n in (1, 2)]
    quick: list[Fact] = [
        say(t, f"AGG-{n} GE0/0/2", "link", "ok" if t == 240 else "bad", "poll")
        for t in range(0, 241, 60)
        for n in (1, 2)
    ]
    run = night([*slow, *quick, say(1230, "AGG-1 GE0/0/2", "link")], 1405)
    assert run.next_due() == at(1410)
    run.decide([], at(1420))
    assert not run.book.evidence.tracks["link", "R1"].open
    run.decide([], at(2100))
    assert "AGG-1|GE0/0/2|link" not in {row.id for row in run.rows() if isinstance(row, Alarm)}


def test_faults_that_an_older_version_left_doubled_become_one_at_the_next_look() -> None:
    run = night(dark(0, "AGG-1 GE1/0/1"), 300)
    (fault,) = run.book.faults.values()
    run.book.faults["F9"] = replace(fault, id="F9", opened=at(10), circuits=set(fault.circuits))
    run = Engine.thaw(run.freeze(), run.ledger, run.rules, run.zone)
    run.decide([*dark(310, "ACC-1 GE0/0/0"), *lit(900, "ACC-1 GE0/0/0")], at(3000))
    assert faults(run) == ["cable KT1"]
    assert run.book.faults["F9"].absorbed_by == "F1"
    assert len(rows(run, "ticket")) == 1


# ---------------------------------------------------------------- flaps and thresholds


def effects(facts: list[Fact], until: int) -> list[str]:
    """The messages of a night."""
    run, out = engine(), []
    for fact in sorted(facts, key=lambda f: f.at):
        out += [e.template for e in run.decide([fact], fact.at).effects]
    return out + [e.template for e in run.decide([], at(until)).effects]


def test_thirty_five_flaps_send_a_crew_once_and_tell_it_once_that_it_is_over() -> None:
    end = "AGG-1 GE1/0/1"
    flaps: list[Fact] = [f for n in range(35) for f in [*dark(n * 100, end), *lit(n * 100 + 62, end)]]
    assert effects(flaps, 8000) == ["noc.fault", "ticket.dispatched", "ticket.restored"]


@pytest.mark.parametrize("condition", ["optical", "temperature", "errors", "latency"])
def test_a_value_that_sits_on_its_threshold_is_an_alarm_and_nobodys_fault(condition: str) -> None:
    where = "AGG-1" if condition in ("temperature", "latency") else "AGG-1 GE1/0/1"
    facts: list[Fact] = [say(n * 30, where, condition, "ok" if n % 2 else "bad") for n in range(121)]
    run = night(facts, 3601)
    assert (rows(run, "fault"), rows(run, "outage"), rows(run, "ticket")) == ([], [], [])
    (alarm,) = [row for row in run.rows() if isinstance(row, Alarm)]
    assert alarm.count == 61


@pytest.mark.parametrize(("quiet", "expected"), [(599, [3 * 799 + 200]), (601, [200, 200, 200, 200])])
def test_a_slow_flap_is_one_outage_within_the_stability_window_and_many_beyond_it(
    quiet: int, expected: list[int]
) -> None:
    end, period = "AGG-1 GE1/0/1", 200 + quiet
    facts: list[Fact] = [f for n in range(4) for f in (*dark(n * period, end), *lit(n * period + 200, end))]
    run = night(facts, 5 * period + 700)
    assert [o["gross_seconds"] for o in rows(run, "outage") if o["circuit"] == "C1"] == expected
    assert len(rows(run, "ticket")) == len(expected)


def test_the_first_word_ever_is_no_change() -> None:
    words = [say(1, "AGG-1 GE1/0/1", "link", "ok", "poll"), say(1, "AGG-1", "agent", "ok"), *back(2, "AGG-1", "CPE-1")]
    run = night(words, 1000)
    assert rows(run, "fault") == []
    assert [row for row in run.rows() if isinstance(row, Alarm)] == []


# ---------------------------------------------------------------- protection that is none


@pytest.mark.parametrize("first", ["AGG-1 GE0/0/1", "AGG-2 GE0/0/2"])
def test_of_two_cuts_of_a_ring_the_second_starts_the_clock_and_the_first_splice_stops_it(first: str) -> None:
    """Whichever of the two is mended first."""
    facts: list[Fact] = [*dark(0, "AGG-1 GE0/0/1", "CORE-1 GE0/0/1"), *dark(600, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1")]
    hidden = ["AGG-1", "AGG-2", "ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4"]
    facts += [*polls(hidden, 610, 1500), *lit(1500, first), *back(1510, *hidden)]
    run = night(facts, 3000)
    assert sorted(faults(run)) == ["cable K0", "cable K2"]
    assert {(parse(o["started"]), parse(o["restored"])) for o in rows(run, "outage")} == {(at(600), at(1500))}
    assert [e["ended"] for e in rows(run, "exposure") if e["circuit"] == "C1"][-1] is None


def test_a_protection_that_switched_is_no_fault_and_one_that_failed_is_an_exposure() -> None:
    switched = night([say(0, "AGG-1 GE0/0/1", "protection"), say(300, "AGG-1 GE0/0/1", "protection", "ok")], 1000)
    assert (faults(switched), rows(switched, "exposure")) == ([], [])
    failed = night([say(0, "AGG-1 GE0/0/2", "protection"), *dark(0, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1")], 1000)
    assert faults(failed) == ["cable K1"]
    assert "C1" in {e["circuit"] for e in rows(failed, "exposure")}
    assert rows(failed, "outage") == []


def test_two_ways_through_one_hidden_duct_are_one_cut() -> None:
    b = two_uplinks()
    for name in ("T1", "T1X"):
        b.links[name] = replace(b.links[name], cables=("HIDDEN",))
    cut = dark(0, "AGG-1 GE1/0/1", "AGG-2 GE1/0/9")
    run = night([*cut, *silent(5, "ACC-1", "CPE-1", "CPE-2")], 600, b.ledger())
    assert faults(run) == ["cable HIDDEN"]
    assert {o["circuit"] for o in rows(run, "outage")} == {"C1", "C2", "V1"}
    assert len(rows(run, "ticket")) == 1


def test_two_ways_over_rooms_of_one_power_feed_are_one_failure() -> None:
    b = metro()
    b.link("L1X", "ACC-2 GE0/1/9", "CPE-1 GE0/0/9", "KL1X")
    b.circuit("C1", "CPE-1", "CORE-1", "L1 T1 R0", "L1X T2 R1 R0")
    gone = ["ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4"]
    said: list[Fact] = [say(0, "ACC-1", "mains"), say(2, "ACC-2", "mains")]
    run = night([*said, *dark(600, "AGG-1 GE1/0/1", "AGG-2 GE1/0/1"), *silent(605, *gone)], 1500, b.ledger())
    assert faults(run) == ["power F-1"]
    (outage,) = [o for o in rows(run, "outage") if o["circuit"] == "C1"]
    assert parse(outage["started"]) == at(600)


# ---------------------------------------------------------------- not seeing


def test_blindness_that_returns_with_a_tenth_really_down_leaves_those_only() -> None:
    facts: list[Fact] = [*silent(0, *EVERYBODY), *back(1800, *[d for d in EVERYBODY if d != "CPE-2"])]
    run = night([*facts, *polls(["CPE-2"], 1860, 3000)], 3000)
    assert faults(run) == ["management", "premises CPE-2"]
    assert {o["circuit"] for o in rows(run, "outage")} == {"C2"}
    assert [t["fault"] for t in rows(run, "ticket")] == [rows(run, "fault")[1]["id"]]


def test_a_short_loss_before_our_blindness_makes_no_outage_of_its_beginning() -> None:
    """Loss counts once it lasted a minute in all: 50 s of an earlier one must not make ten of blindness an outage."""
    run = night([*silent(0, "CPE-1"), *back(50, "CPE-1")], 290)
    asked = ["CPE-1", *(d for d in EVERYBODY[1:] if d != "CPE-1")]
    for n, device in enumerate(asked):
        (fact,) = silent(300 + n * 5, device)
        run.decide([fact], fact.at)
        assert rows(run, "ticket") == [], device
    run.decide([], at(1000))
    assert (faults(run), rows(run, "outage"), rows(run, "ticket")) == (["management"], [], [])


def test_silences_that_come_one_after_another_for_longer_than_a_minute_are_blindness_and_nobodys_fault() -> None:
    facts: list[Fact] = [f for n, d in enumerate(EVERYBODY[1:]) for f in silent(n * 11, d)]
    run = night(facts, 1000)
    assert (faults(run), rows(run, "outage"), rows(run, "ticket")) == (["management"], [], [])


def test_our_blindness_is_one_message_to_the_noc_and_none_to_anybody_else() -> None:
    facts: list[Fact] = [*silent(0, *EVERYBODY), *polls(EVERYBODY, 60, 1800), *back(1800, *EVERYBODY)]
    assert effects(facts, 4000) == ["noc.blind"]


def test_a_poller_that_is_late_takes_nobody_down() -> None:
    """What is not asked says nothing: neither good nor bad."""
    well: list[Fact] = [say(t, d, "agent", "ok") for t in range(0, 600, 60) for d in EVERYBODY]
    run = night(well, 7200)
    assert (rows(run, "fault"), rows(run, "outage")) == ([], [])


def test_a_storm_of_symptoms_is_one_ticket_within_a_minute_of_the_cut() -> None:
    b = metro()
    for n in range(200):
        b.device(f"BOX-{n}", Role.CPE, f"P-{n}")
        b.link(f"LB-{n}", f"ACC-1 GE9/0/{n}", f"BOX-{n} GE0", f"KB-{n}")
        b.circuit(f"CB-{n}", f"BOX-{n}", "CORE-1", f"LB-{n} T1 R0")
    storm: list[Fact] = [*dark(0, "AGG-1 GE1/0/1")]
    storm += [f for t in (0.5, 4.5, 8.5) for n in range(200) for f in silent(t + n / 100, f"BOX-{n}")]
    run = night([*storm, *silent(9, "ACC-1", "CPE-1", "CPE-2")], 61, b.ledger())
    assert faults(run) == ["cable KT1"]
    (ticket,) = rows(run, "ticket")
    assert parse(ticket["opened"]) == at(60)
    assert len(rows(run, "outage")) == 203
