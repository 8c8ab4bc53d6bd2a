"""Limits, notice and the clock of an outage; the clock against one that ticks minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from core_metro import RULES, ZONE
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core import sla
from netwatch.core.intervals import FOREVER, Spans, union
from netwatch.core.model import Circuit, Customer, Link, Port
from netwatch.core.rules import Calendar
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, parse

POLICY = RULES.policies[0]
NOON = parse("2026-11-02T12:00:00+08:00")


def limited(product: str, assurance: str, level: str | None, reported: int = NOON) -> sla.Limit:
    customer = None if level is None else Customer("K", level=level)
    line = sla.Line.of(Circuit("C", product=product, assurance=assurance), customer)
    return sla.limit(line, POLICY, reported, ZONE)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("product", "assurance", "level", "minutes", "name"),
    [
        ("data", "AAA", None, 120, "AAA"),
        ("data", "AA", None, 240, "AA"),
        ("data", "A", None, 360, "A"),
        ("data", "standard", None, 480, "standard"),
        ("data", "", None, 480, ""),
        ("data", "", "", 480, ""),
        ("data", "", "diamond", 120, "AAA"),
        ("data", "", "gold", 240, "AA"),
        ("data", "", "silver", 360, "A"),
        ("data", "", "bronze", 480, "standard"),
        ("data", "", "standard", 480, "standard"),
        ("data", "", "platinum", 480, ""),
        ("data", "A", "diamond", 360, "A"),
        ("internet", "", "diamond", 120, "AAA"),
        ("internet", "", "gold", 120, "AA"),
        ("internet", "", "silver", 180, "A"),
        ("internet", "", "bronze", 300, "standard"),
        ("internet", "", "platinum", 300, ""),
        ("internet", "", None, 480, ""),
        ("internet", "", "", 480, ""),
        ("internet", "AAA", "silver", 120, "AAA"),
        ("internet", "A", "silver", 180, "A"),
        ("internet", "standard", "gold", 120, "standard"),
        ("internet", "AA", None, 240, "AA"),
        ("voice", "AA", "gold", 240, "AA"),
        ("vpn", "", "gold", 240, "AA"),
        ("apn", "standard", "diamond", 480, "standard"),
    ],
)
def test_the_limit_of_a_line(product: str, assurance: str, level: str | None, minutes: int, name: str) -> None:
    found = limited(product, assurance, level)
    assert (found.minutes, found.assurance) == (minutes, name)
    assert found.source


@pytest.mark.parametrize(
    ("reported", "minutes"),
    [
        ("2026-11-02T13:59:59.999999+08:00", 480),
        ("2026-11-02T14:00:00+08:00", 480),
        ("2026-11-02T14:00:00.000001+08:00", 1440),
        ("2026-11-02T23:59:59+08:00", 1440),
        ("2026-11-03T00:00:00+08:00", 480),
        ("2026-11-02T06:00:00Z", 480),
        ("2026-11-02T07:00:00+09:00", 480),
    ],
)
def test_a_call_shop_reported_until_two_in_the_afternoon_is_the_same_day(reported: str, minutes: int) -> None:
    assert limited("ipshop", "AAA", "diamond", parse(reported)).minutes == minutes


def test_a_class_that_the_policy_does_not_know_falls_back() -> None:
    assert limited("data", "platinum", None).minutes == POLICY.fallback_minutes


def test_the_version_in_force_is_the_last_that_had_begun_by_local_midnight() -> None:
    newer = replace(POLICY, version="next", valid_from=date(2026, 11, 2))
    rules = replace(RULES, policies=(POLICY, newer))
    assert sla.policy_at(rules, parse("2026-11-01T23:59:59+08:00"), ZONE) is POLICY
    assert sla.policy_at(rules, parse("2026-11-01T16:00:00Z"), ZONE) is newer
    assert sla.policy_at(replace(RULES, policies=(newer,)), parse("1999-01-01T00:00:00Z"), ZONE) is newer


# ---------------------------------------------------------------- cables


@pytest.mark.parametrize(
    ("cores", "minutes"),
    [(1, 180), (47, 180), (48, 240), (95, 240), (96, 300), (143, 300), (144, 360), (288, 360), (None, 180)],
)
def test_a_cable_is_given_time_by_its_cores(cores: int | None, minutes: int) -> None:
    link = Link("L", Port("A", "1"), Port("B", "1"), cores=cores)
    assert sla.cable("K", [link], backbone=False).minutes(POLICY) == minutes
    assert sla.cable("K", [link], backbone=True).minutes(POLICY) == 180


def test_of_several_links_through_a_cable_the_most_cores_count() -> None:
    links = [Link(f"L{n}", Port("A", "1"), Port("B", "1"), cores=n) for n in (12, 96, 48)]
    unknown = Link("L0", Port("A", "1"), Port("B", "1"))
    assert sla.cable("K", [*links, unknown], backbone=False).minutes(POLICY) == 300


# ---------------------------------------------------------------- working days


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-10-01", False),  # National Day
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # a Saturday worked in exchange
        ("2026-10-11", False),  # the Sunday after it
        ("2026-02-14", True),  # the Saturday before the Spring Festival
        ("2026-02-16", False),  # a Monday in it
        ("2026-11-02", True),
        ("2026-11-07", False),
        ("2031-01-01", True),  # a year that the calendar does not cover: plain weekdays
    ],
)
def test_working_days_are_those_of_the_state_councils_notice(day: str, works: bool) -> None:
    assert sla.is_working_day(date.fromisoformat(day), RULES.calendar) is works


@pytest.mark.parametrize(
    ("announced", "start", "days"),
    [
        ("2026-11-02T09:00:00+08:00", "2026-11-03T01:00:00+08:00", 1),
        ("2026-11-02T00:00:00+08:00", "2026-11-02T23:59:59+08:00", 0),
        ("2026-11-02T23:59:59+08:00", "2026-11-03T00:00:00+08:00", 1),
        ("2026-11-06T12:00:00+08:00", "2026-11-09T00:00:00+08:00", 1),
        ("2026-11-06T12:00:00+08:00", "2026-11-08T00:00:00+08:00", 0),
        ("2026-09-30T12:00:00+08:00", "2026-10-10T23:00:00+08:00", 3),
        ("2026-11-01T17:00:00Z", "2026-11-02T17:00:00Z", 1),  # local days, whatever offset is written
        ("2026-11-03T12:00:00+08:00", "2026-11-02T12:00:00+08:00", 0),
    ],
)
def test_the_day_of_the_start_counts_and_that_of_the_announcement_does_not(
    announced: str, start: str, days: int
) -> None:
    assert sla.working_days(parse(announced), parse(start), RULES.calendar, ZONE) == days


@given(st.integers(0, 300), st.integers(0, 60), st.integers(0, 23 * 60))
def test_working_days_add_up(first: int, length: int, minute: int) -> None:
    begin = parse("2026-01-01T00:00:00+08:00") + first * DAY
    days = [date(2026, 1, 1) + timedelta(days=first + n) for n in range(1, length + 1)]
    counted = sla.working_days(begin + minute * MINUTE, begin + length * DAY, RULES.calendar, ZONE)
    assert counted == sum(
        d in RULES.calendar.workdays or (d.isoweekday() < 6 and d not in RULES.calendar.holidays) for d in days
    )


def test_work_announced_long_ago_is_announced_in_time_even_beyond_any_calendar() -> None:
    assert sla.notice_enough(
        "AAA", 0, parse("2026-11-02T00:00:00Z"), POLICY, Calendar(frozenset(), frozenset(), frozenset()), ZONE
    )


@pytest.mark.parametrize(("name", "days"), [("AAA", 5), ("AA", 3), ("A", 3), ("standard", 1), ("", 1), ("platinum", 1)])
def test_each_class_has_its_notice(name: str, days: int) -> None:
    sunday = parse("2026-11-01T12:00:00+08:00")
    assert sla.notice_enough(name, sunday, sunday + days * DAY, POLICY, RULES.calendar, ZONE)
    assert not sla.notice_enough(name, sunday, sunday + (days - 1) * DAY, POLICY, RULES.calendar, ZONE)


# ---------------------------------------------------------------- the clock

SPANS = st.lists(st.tuples(st.integers(-20, 200), st.integers(1, 60)), max_size=5).map(
    lambda pairs: union((s * MINUTE, (s + n) * MINUTE) for s, n in pairs)
)


def ticked(started: int, restored: int, minutes: int, stopped: Spans, planned: Spans) -> tuple[int, int, int, int]:
    """(gross, net, planned, deadline) in minutes by walking through the outage minute by minute."""

    def stands(minute: int) -> bool:
        """Pauses and excused time stop the clock inside the outage only; after it, it would run on."""
        return started <= minute < restored and any(
            s <= minute * MINUTE < e for spans in (stopped, planned) for s, e in spans
        )

    net = sum(not stands(m) for m in range(started, restored))
    off = sum(any(s <= m * MINUTE < e for s, e in planned) for m in range(started, restored))
    at, left = started, minutes
    while left:
        left -= not stands(at)
        at += 1
    return restored - started, net, off, at


@given(st.integers(0, 50), st.integers(0, 200), st.integers(1, 120), SPANS, SPANS)
def test_the_clock_is_the_one_that_ticks(
    started: int, lasted: int, minutes: int, stopped: Spans, planned: Spans
) -> None:
    restored = started + lasted
    found = sla.account(started * MINUTE, restored * MINUTE, minutes, stopped, planned)
    gross, net, off, deadline = ticked(started, restored, minutes, stopped, planned)
    assert (found.gross, found.net, found.planned) == (gross * MINUTE, net * MINUTE, off * MINUTE)
    assert found.deadline == deadline * MINUTE
    assert found.breached == (net > minutes)


@given(st.integers(0, 10 * HOUR), SPANS, SPANS)
def test_time_adds_up_and_no_pause_lengthens_anything(lasted: int, stopped: Spans, planned: Spans) -> None:
    found, bare = (sla.account(0, lasted, 120, s, p) for s, p in ((stopped, planned), ([], [])))
    assert 0 <= found.net <= found.gross == bare.gross == bare.net == lasted
    assert found.planned <= found.gross - found.net
    assert found.deadline >= bare.deadline
    assert found.breached == (found.net > 120 * MINUTE)


def test_exactly_at_the_limit_is_kept_and_a_microsecond_beyond_is_not() -> None:
    assert not sla.account(0, 120 * MINUTE, 120, [], []).breached
    late = sla.account(0, 120 * MINUTE + 1, 120, [], [])
    assert late.breached
    assert late.net_seconds == 7200, "judged before it is rounded"


def test_the_deadline_moves_while_the_clock_stands_and_no_more_once_it_has_passed() -> None:
    pause = [(100 * MINUTE, FOREVER)]
    assert [sla.account(0, m * MINUTE, 120, pause, []).deadline // MINUTE for m in (50, 100, 110, 500)] == [
        120,
        120,
        130,
        520,
    ]
    late = [(130 * MINUTE, FOREVER)]
    assert [sla.account(0, m * MINUTE, 120, late, []).deadline // MINUTE for m in (50, 130, 500)] == [120, 120, 120]


def test_a_pause_that_begins_at_the_very_deadline_does_not_move_it() -> None:
    assert sla.account(0, 500 * MINUTE, 120, [(120 * MINUTE, 300 * MINUTE)], []).deadline == 120 * MINUTE


def test_overlapping_pauses_and_planned_time_count_once() -> None:
    found = sla.account(
        0,
        100 * MINUTE,
        120,
        union([(10 * MINUTE, 50 * MINUTE), (20 * MINUTE, 40 * MINUTE)]),
        [(30 * MINUTE, 60 * MINUTE)],
    )
    assert (found.net_seconds, found.planned_seconds) == (50 * 60, 30 * 60)


def test_seconds_are_whole_with_halves_up() -> None:
    found = sla.account(0, 90 * SECOND + SECOND // 2, 120, [(0, 30 * SECOND)], [])
    assert (found.gross_seconds, found.net_seconds) == (91, 61)
