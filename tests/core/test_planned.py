"""Planned work and the faults around it: what a window holds back, what it excuses, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from core_metro import T0, ZONE, at, back, dark, lit, night, rows, shifted, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Action as Act
from netwatch.core.model import Fact, Maintenance, Scope, Work
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
