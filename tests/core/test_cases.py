"""Causes over time: the same fault stays the same, a parent found late takes its children over."""

from __future__ import annotations

import pytest
from core_metro import at, back, dark, lit, metro, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.faults.causes import runners_up
from netwatch.core.model import Alarm, AlarmState, Complaint, Fact, Role
from netwatch.core.time import parse


def faults(run: Engine) -> dict[str, str]:
    return {row["id"]: f"{row['root']['kind']} {row['root']['id']}".strip() for row in rows(run, "fault")}


def orders(run: Engine) -> list[tuple[str, str, str | None]]:
    return [(row["id"], row["fault"], row["merged_into"]) for row in rows(run, "ticket")]


def polls(devices: list[str], start: int, end: int, every: int = 60) -> list[Fact]:
    return [f for t in range(start, end, every) for f in silent(t, *devices)]


@pytest.mark.parametrize("late", [1, 60, 600, 3600])
def test_a_parent_found_late_absorbs_its_children_and_keeps_id_ticket_and_the_earliest_start(late: int) -> None:
    facts: list[Fact] = [
        *silent(0, "CPE-1"),
        *silent(7, "CPE-2"),
        *polls(["CPE-1", "CPE-2"], 60, late, 60),
        *dark(late, "AGG-1 GE1/0/1"),
        *silent(late + 5, "ACC-1"),
    ]
    run = night(facts, late + 200)
    if late > 900:  # too long after to be put down to it: the customers' own faults stay theirs
        assert len(faults(run)) == 3
        return
    assert faults(run) == {"F1": "cable KT1"}
    (fault,) = rows(run, "fault")
    assert parse(fault["opened"]) == at(0)
    assert {row["fault"] for row in rows(run, "outage")} == {"F1"}
    living = [t for t in orders(run) if t[2] is None]
    assert [t[:2] for t in living] == [("T1", "F1")]
    assert all(t[2] == "T1" for t in orders(run) if t not in living)


def test_a_better_root_for_the_same_evidence_takes_the_fault_over() -> None:
    before: list[Fact] = [*dark(0, "AGG-2 GE1/0/1"), *silent(9, "ACC-2", "CPE-3", "CPE-4")]
    run = night(before, 100)
    assert faults(run) == {"F1": "cable KT2"}
    for fact in dark(101, "CPE-3 GE0/0/1"):
        run.decide([fact], fact.at)
    run.decide([], at(110))
    assert faults(run) == {"F1": "cable DUCT"}
    assert orders(run) == [("T1", "F1", None)]


def test_a_recurrence_after_stability_is_a_new_fault_with_a_new_ticket() -> None:
    end = "AGG-1 GE1/0/1"
    facts: list[Fact] = [*dark(0, end), *lit(300, end), *dark(2000, end), *lit(2300, end)]
    run = night(facts, 4000)
    assert faults(run) == {"F1": "cable KT1", "F2": "cable KT1"}
    assert orders(run) == [("T1", "F1", None), ("T2", "F2", None)]


def test_a_recurrence_within_stability_is_the_same_fault() -> None:
    end = "AGG-1 GE1/0/1"
    run = night([*dark(0, end), *lit(300, end), *dark(800, end), *lit(1000, end)], 4000)
    assert faults(run) == {"F1": "cable KT1"}
    assert {(o["started"][11:19], o["restored"][11:19]) for o in rows(run, "outage")} == {("02:00:00", "02:16:40")}


def test_thirty_five_flaps_in_five_minutes_are_one_fault_and_one_ticket() -> None:
    end = "AGG-1 GE1/0/1"
    flaps: list[Fact] = [f for n in range(35) for f in [*dark(n * 8, end), *lit(n * 8 + 5, end)]]
    run = night(flaps, 3000)
    assert faults(run) == {"F1": "cable KT1"}
    assert len(orders(run)) == 1
    assert {o["gross_seconds"] for o in rows(run, "outage")} == {34 * 8 + 5}


def test_children_that_are_still_stale_when_the_parent_clears_make_no_burst() -> None:
    children = ["ACC-1", "CPE-1", "CPE-2"]
    end = "AGG-1 GE1/0/1"
    facts: list[Fact] = [*dark(0, end), *polls(children, 5, 600), *lit(600, end), *silent(620, *children)]
    run = night([*facts, *back(655, *children)], 3000)
    assert faults(run) == {"F1": "cable KT1"}
    assert len(orders(run)) == 1


def test_a_child_that_stays_silent_after_its_parent_has_cleared_is_a_fault_from_then_on() -> None:
    end = "AGG-1 GE1/0/1"
    facts: list[Fact] = [
        *dark(0, end),
        *polls(["ACC-1", "CPE-1", "CPE-2"], 5, 600),
        *lit(600, end),
        *back(605, "ACC-1", "CPE-2"),
        *polls(["CPE-1"], 660, 2000),
    ]
    run = night(facts, 2000)
    assert faults(run) == {"F1": "cable KT1", "F2": "premises CPE-1"}
    still = [o for o in rows(run, "outage") if o["restored"] is None]
    assert {o["circuit"] for o in still} == {"C1", "V1"}


def test_what_turns_out_to_be_a_room_without_power_takes_its_devices_faults_over() -> None:
    facts: list[Fact] = [*silent(0, "CPE-1"), *silent(30, "ACC-1", "CPE-2"), *dark(30, "AGG-1 GE1/0/1")]
    run = night([*facts, say(200, "ACC-1", "mains")], 300)
    assert faults(run) == {"F1": "power S-ACC-1"}
    assert [o["circuit"] for o in rows(run, "outage")] == ["C1", "C2", "V1"]


def test_a_customers_word_is_absorbed_by_the_cause_that_is_found_later() -> None:
    run = night([Complaint(at(0), "C1"), *dark(300, "AGG-1 GE1/0/1"), *silent(305, "ACC-1")], 500)
    assert list(faults(run).values()) == ["cable KT1"]
    (fault,) = rows(run, "fault")
    assert parse(fault["opened"]) == at(0)
    assert len([t for t in orders(run) if t[1] == fault["id"] and t[2] is None]) == 1


def test_a_customers_word_alone_tells_what_on_his_way_is_not_well() -> None:
    before: list[Fact] = [say(10, "ACC-1 GE0/0/0", "errors"), say(20, "ACC-2 GE0/0/0", "optical")]
    run = night([*before, Complaint(at(90), "C2")], 100)
    (fault,) = run.book.faults.values()
    assert runners_up(fault.against) == [("link T1", "ACC-1 GE0/0/0 reports errors", True)], "KT2 is not on its way"
    run = night([*before, say(50, "ACC-1 GE0/0/0", "errors", "ok"), Complaint(at(90), "C2")], 100)
    (fault,) = run.book.faults.values()
    assert (fault.against, fault.reason.partition("; ")[2]) == ("", "nothing that is watched on its way is wrong")


def test_what_gets_worse_at_the_port_of_a_broken_link_is_told_under_its_fault() -> None:
    worse = [say(3002, "AGG-1 GE1/0/1", "optical"), say(3003, "ACC-1 GE0/0/0", "errors")]
    else_ = [say(3002, "AGG-3 GE0/0/1", "optical"), say(0, "AGG-1 GE1/0/1", "errors")]
    run = night([*worse, *else_, *dark(3000, "AGG-1 GE1/0/1")], 3300)
    faults_of = {row.id: row.fault for row in run.rows() if isinstance(row, Alarm)}
    assert faults_of == {
        "AGG-1|GE1/0/1|link": "F1",
        "AGG-1|GE1/0/1|los": "F1",
        "AGG-1|GE1/0/1|optical": "F1",
        "ACC-1|GE0/0/0|errors": "F1",
        "AGG-3|GE0/0/1|optical": "",
        "AGG-1|GE1/0/1|errors": "",
    }


def test_faults_in_different_places_never_share_an_id() -> None:
    b = metro()
    b.device("FAR", Role.ACCESS)
    b.link("TF", "AGG-3 GE1/0/7", "FAR GE0/0/0", "KF")
    b.circuit("CF", "FAR GE1", "CORE-1", "TF R3")
    run = night([*dark(0, "AGG-1 GE1/0/1"), *dark(0, "AGG-3 GE1/0/7")], 200, b.ledger())
    assert sorted(faults(run).values()) == ["cable KF", "cable KT1"]
    assert len(orders(run)) == 2


# ---------------------------------------------------------------- flapping


def alarms(run: Engine) -> dict[str, tuple[str, int]]:
    return {
        row.id: (str(row.state), row.count)
        for row in run.rows()
        if isinstance(row, Alarm) and row.state is not AlarmState.GONE
    }


def test_a_flap_is_one_alarm_with_its_count_that_ends_by_ageing_only_when_it_is_up() -> None:
    end = "AGG-1 GE1/0/1"
    flaps: list[Fact] = [f for n in range(35) for f in [say(n * 8, end, "los"), say(n * 8 + 5, end, "los", "ok")]]
    up = night(flaps, 600)
    assert alarms(up) == {"AGG-1|GE1/0/1|los": ("active", 35)}
    up.decide([], at(4 * 3600))
    assert alarms(up) == {}
    down = night(flaps[:-1], 600)
    down.decide([], at(4 * 3600))
    assert alarms(down) == {"AGG-1|GE1/0/1|los": ("active", 35)}
    assert rows(down, "fault")[0]["cleared"] is None, "a flap that stays down stays a fault"


def test_a_slow_flap_with_a_period_just_above_the_hold_time_is_counted_as_often_as_it_comes() -> None:
    end = "AGG-1 GE1/0/1"
    slow: list[Fact] = [f for n in range(4) for f in [*dark(n * 800, end), *lit(n * 800 + 150, end)]]
    run = night(slow, 5000)
    assert [o["gross_seconds"] for o in rows(run, "outage") if o["circuit"] == "C1"] == [150] * 4
    assert len(orders(run)) == 4, "each has been over for longer than the stability window"


def test_a_value_that_sits_on_its_threshold_takes_nothing_out() -> None:
    wobble: list[Fact] = [say(n * 60, "AGG-1 GE1/0/1", "optical", "ok" if n % 2 else "bad") for n in range(30)]
    run = night(wobble, 4000)
    assert (rows(run, "fault"), rows(run, "ticket")) == ([], [])


def test_a_first_ever_status_is_not_a_change() -> None:
    run = night([say(0, "AGG-1 GE1/0/1", "link", "ok", "poll"), *back(1, "ACC-1")], 1000)
    assert alarms(run) == {}
