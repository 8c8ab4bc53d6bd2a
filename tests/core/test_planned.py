"""Planned work and the faults around it: what a window holds back, what it excuses, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from core_metro import T0, ZONE, at, back, dark, engine, lit, night, rows, say, shifted, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Action as Act
from netwatch.core.model import Fact, Maintenance, Scope, Tick, Work
from netwatch.core.recurrence import named, occurrences
from netwatch.core.time import DAY, HOUR, SECOND, Instant, parse

DROP, ENDS = "cable KL1", ("ACC-1 GE0/1/1", "CPE-1 GE0/0/1")


def work(start: float, end: float, scope: str = DROP, heard: float = -7200, **more: Any) -> Maintenance:
    kind, _, name = scope.partition(" ")
    values = {"announced": T0 - 20 * DAY, "cancelled": False, **more}
    return Maintenance(at(heard), "M-1", start=at(start), end=at(end), scope=(Scope(kind, name),), **values)


def cut(start: float, end: float | None = None) -> list[Fact]:
    return [*dark(start, *ENDS), *(lit(end, *ENDS) if end is not None else [])]


def seconds(text: str | None) -> float | None:
    return None if text is None else (parse(text) - T0) / SECOND


def outage(run: Engine, circuit: str = "C1") -> dict[str, Any]:
    (found,) = [o for o in rows(run, "outage") if o["circuit"] == circuit]
    return found


def tickets(run: Engine) -> list[float | None]:
    """When each was opened."""
    return [seconds(t["opened"]) for t in rows(run, "ticket")]


def test_work_that_ends_in_time_is_on_record_excused_and_nobody_hears_of_it() -> None:
    run = night([work(0, 3600), *cut(100, 3000)], 8000)
    assert (outage(run)["planned_seconds"], outage(run)["net_seconds"]) == (2900, 0)
    assert tickets(run) == []
    assert run.book.faults["F1"].planned


def test_work_that_overruns_is_a_fault_from_the_windows_end_on() -> None:
    run = night([work(0, 3600), *cut(100)], 5000)
    assert tickets(run) == [3600]
    assert (seconds(outage(run)["started"]), outage(run)["planned_seconds"]) == (100, 3500)
    run.decide(lit(6000, *ENDS), at(8000))
    assert (outage(run)["gross_seconds"], outage(run)["net_seconds"]) == (5900, 2400)
    assert len(tickets(run)) == 1


def test_work_that_is_extended_before_it_overruns_holds_back_until_its_new_end() -> None:
    longer = work(0, 7200, heard=3000)
    assert tickets(night([work(0, 3600), longer, *cut(100)], 7100)) == []
    assert tickets(night([work(0, 3600), longer, *cut(100)], 7300)) == [7200]


@pytest.mark.parametrize("how", ["shortened", "cancelled"])
def test_work_that_is_ended_early_holds_nothing_back_any_more(how: str) -> None:
    early = work(0, 1800, heard=1800) if how == "shortened" else work(0, 3600, heard=1800, cancelled=True)
    still_out = night([work(0, 3600), early, *cut(100)], 2500)
    assert tickets(still_out) == [1800]
    assert outage(still_out)["planned_seconds"] == 1700
    broken_after = night([work(0, 3600), early, *cut(100, 900), *cut(2000)], 2500)
    assert tickets(broken_after) == [2060], "the debounce, not the window that was given up"


def test_work_that_was_done_early_and_not_reported_still_excuses_what_breaks_inside_its_window() -> None:
    run = night([work(0, 3600), *cut(100, 600), *cut(2000, 2400)], 8000)
    assert [o["planned_seconds"] for o in rows(run, "outage") if o["circuit"] == "C1"] == [500, 400]
    assert tickets(run) == []


def test_a_fault_older_than_the_window_keeps_its_ticket_and_its_clock() -> None:
    run = night([work(1000, 4000), *cut(100)], 6000)
    assert tickets(run) == [160]
    assert (outage(run)["planned_seconds"], outage(run)["net_seconds"]) == (0, 5900)


def test_a_fault_that_counts_only_inside_the_window_began_before_it_all_the_same() -> None:
    run = night([work(130, 4000), *cut(100)], 2000)
    assert outage(run)["planned_seconds"] == 0
    assert tickets(run) == [160]


def test_a_fault_older_than_the_window_that_flaps_into_it_is_still_the_same_and_not_excused() -> None:
    run = night([work(1000, 4000), *cut(100, 900), *cut(1200, 2000)], 5000)
    assert (seconds(outage(run)["started"]), outage(run)["planned_seconds"], outage(run)["gross_seconds"]) == (
        100,
        0,
        1900,
    )
    assert len(tickets(run)) == 1


def test_a_fault_that_outlives_its_window_is_not_held_back_by_the_next_one_in_which_it_did_not_begin() -> None:
    second = Maintenance(at(-7200), "M-2", T0 - 20 * DAY, at(3000), at(7200), (Scope("link", "L1"),))
    run = night([work(0, 3600), second, *cut(100)], 9000)
    assert tickets(run) == [3600]


def test_another_fault_in_the_window_has_its_own_ticket_at_once() -> None:
    run = night([work(0, 3600), *cut(100), *dark(200, "ACC-2 GE0/1/3", "CPE-3 GE0/0/1")], 1000)
    assert tickets(run) == [260]
    assert [rows(run, "fault")[1]["root"]["id"], rows(run, "ticket")[0]["fault"]] == [
        "KL3",
        rows(run, "fault")[1]["id"],
    ]


def test_the_word_of_a_crew_works_on_a_fault_that_outlived_its_window() -> None:
    run = night([work(0, 3600), *cut(100), Work(at(4000), ("C1",), Act.ACCEPT, "own")], 4100)
    (order,) = run.book.tickets.values()
    assert order.accepted == at(4000)


def pages(facts: list[Fact], until: float) -> list[tuple[float, str, str]]:
    """The messages of a night: when, to whom, what."""
    run, out = engine(), []
    for fact in [*sorted(facts, key=lambda f: f.at), Tick(at(until))]:
        out += run.decide([fact], fact.at).effects
    return [((e.at - T0) / SECOND, e.audience, e.template) for e in out]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("mains", [(3600, "noc", "noc.fault"), (3600, "team:own", "ticket.enquiry")]),
        ("agent", [(3600, "noc", "noc.agent")]),
    ],
)
def test_what_takes_nothing_away_and_outlives_the_work_on_its_room_is_told_from_the_windows_end_on(
    condition: str, told: list[tuple[float, str, str]]
) -> None:
    room = work(0, 3600, "site S-ACC-1")
    trouble: list[Fact] = [say(100, "ACC-1", condition)]
    assert pages([room, *trouble], 5000) == told
    assert pages([room, *trouble, say(3000, "ACC-1", condition, "ok")], 5000) == []
    early = work(1000, 1001, "site S-ACC-1", heard=1000, cancelled=True)
    assert [at for at, _, _ in pages([room, early, *trouble], 5000)] == [1000.0] * len(told)


def test_mains_of_a_room_that_nobody_works_on_are_no_part_of_the_plan() -> None:
    run = night([work(0, 3600, "site S-ACC-1"), say(100, "ACC-1", "mains"), say(101, "ACC-2", "mains")], 1000)
    assert [f["root"]["id"] for f in rows(run, "fault")] == ["F-1"], "the feed of both"
    assert len(tickets(run)) == 1


def test_work_on_a_circuit_covers_what_rides_on_it() -> None:
    run = night([work(0, 3600, "circuit C1"), *cut(100, 3000)], 8000)
    assert outage(run, "V1")["planned_seconds"] == outage(run)["planned_seconds"] == 2900
    assert tickets(run) == []


def test_it_is_said_which_work_covers_an_outage_whether_it_is_excused_and_what_held_its_order_back() -> None:
    run, said = engine(), []
    for plan in (work(0, 3600), replace(work(0, 3000), id="M-LATE", announced=at(-7200))):
        run.decide([plan], plan.at)
    for t in (*cut(100), Tick(at(4000))):
        said += [(e.kind, e.subject, e.reason) for e in run.decide([t], t.at).entries]
    (reason,) = [reason for kind, subject, reason in said if (kind, subject) == ("outage.planned", "C1")]
    assert reason.startswith("planned work M-1 covers it until 2026-11-02T03:00")
    assert reason.endswith("excused")
    (opened,) = [reason for kind, _, reason in said if kind == "ticket.opened"]
    assert "planned work M-1 held it back until 2026-11-02T03:00" in opened
    late = engine()
    plan = work(0, 3600, announced=at(-7200))
    entries = [e for f in (plan, *cut(100), Tick(at(400))) for e in late.decide([f], f.at).entries]
    assert [e.reason.endswith("not excused, by its notice or its scope") for e in entries if e.kind == "outage.planned"]


# ---------------------------------------------------------------- what a replaced window was for


def test_silence_inside_a_window_stays_the_works_though_a_later_version_is_for_something_else() -> None:
    """Its ports tell nothing; that the cable was worked on explains the silence, whatever is done afterwards."""
    gone = silent(100, "ACC-1", "CPE-1", "CPE-2")
    other = work(600, 3600, "cable KL3", heard=600)
    for end in (500, 1500):
        run = night([work(0, 3600, "cable KT1"), other, *gone], end)
        assert [f["root"]["id"] for f in rows(run, "fault")] == ["KT1"]


def test_silence_after_the_replacement_is_not_the_works_that_was_given_up() -> None:
    other = work(600, 3600, "cable KL3", heard=600)
    run = night([work(0, 3600, "cable KT1"), other, *silent(700, "CPE-2")], 1500)
    assert [(f["root"]["kind"], f["root"]["id"]) for f in rows(run, "fault")] == [("premises", "CPE-2")]
    assert tickets(run) == [760]


# ---------------------------------------------------------------- windows that come again

HALF_PAST_ELEVEN = "T23:30:00+08:00"


def windows(first: str, every: str, until: str, lasts: Instant = 2 * HOUR) -> list[Maintenance]:
    """Work on the drop of CPE-1 from half past eleven at night, announced long before."""
    start = parse(first + HALF_PAST_ELEVEN)
    found = occurrences(start, start + lasts, every, parse(until + HALF_PAST_ELEVEN), ZONE)
    scope, heard = (Scope("cable", "KL1"),), start - 10 * DAY
    return [Maintenance(heard, named("M", w, ZONE), start - 20 * DAY, *w, scope) for w in found]


def lived(plan: Sequence[Maintenance], broken: str, lasts: float) -> Engine:
    moment = (parse(broken) - T0) / SECOND
    facts = shifted([*dark(0, *ENDS), *silent(9, "CPE-1"), *lit(lasts, *ENDS), *back(lasts, "CPE-1")], moment)
    return night([*plan, *facts], moment + lasts + 4000)


@pytest.mark.parametrize(
    ("first", "every", "until", "broken"),
    [
        ("2026-11-10", "daily", "2026-11-20", "2026-11-13T00:10:00+08:00"),
        ("2026-11-10", "daily", "2026-12-10", "2026-12-01T00:10:00+08:00"),
        ("2026-11-30", "monthly last", "2027-03-31", "2027-01-01T00:10:00+08:00"),
        ("2026-11-30", "monthly last", "2027-03-31", "2027-03-01T00:10:00+08:00"),
        ("2026-11-10", "weekly tue fri", "2026-12-30", "2026-11-28T00:10:00+08:00"),
    ],
    ids=["past midnight", "into the next month", "into the next year", "out of a short month", "into a weekend"],
)
def test_each_night_of_work_that_comes_again_excuses_past_midnight(
    first: str, every: str, until: str, broken: str
) -> None:
    run = lived(windows(first, every, until), broken, 1800)
    assert (outage(run)["planned_seconds"], outage(run)["net_seconds"], tickets(run)) == (1800, 0, [])


@pytest.mark.parametrize("broken", ["2026-11-13T01:40:00+08:00", "2026-11-12T23:20:00+08:00"], ids=["after", "before"])
def test_between_two_nights_of_work_nothing_is_excused_and_a_crew_is_told(broken: str) -> None:
    run = lived(windows("2026-11-10", "daily", "2026-11-20"), broken, 1800)
    assert outage(run)["planned_seconds"] == 0
    assert len(tickets(run)) == 1


def test_a_night_of_work_that_overruns_into_the_next_one_is_excused_for_the_first_alone() -> None:
    run = lived(windows("2026-11-10", "daily", "2026-11-20"), "2026-11-13T00:30:00+08:00", 24 * 3600)
    assert outage(run)["planned_seconds"] == 3600
    assert len(tickets(run)) == 1
