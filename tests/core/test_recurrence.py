"""Planned work that comes again."""

from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.recurrence import MOST, belongs, named, occurrences
from netwatch.core.time import MINUTE, moment, parse

CHINA = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def windows(start: str, end: str, every: str, until: str, zone: ZoneInfo = CHINA) -> list[str]:
    """Wall times of each window."""
    found = occurrences(parse(start), parse(end), every, parse(until), zone)
    return [f"{moment(a, zone):%m-%d %H:%M}-{moment(b, zone):%m-%d %H:%M}" for a, b in found]


def test_daily_work_crosses_midnight_and_the_years_end() -> None:
    told = windows("2026-12-30T23:00:00+08:00", "2026-12-31T03:00:00+08:00", "daily", "2027-01-01T12:00:00+08:00")
    assert told == ["12-30 23:00-12-31 03:00", "12-31 23:00-01-01 03:00"]


def test_weekly_work_comes_on_the_days_that_are_named() -> None:
    told = windows(
        "2026-11-02T01:00:00+08:00", "2026-11-02T02:00:00+08:00", "weekly mon thu", "2026-11-13T00:00:00+08:00"
    )
    assert [t[:5] for t in told] == ["11-02", "11-05", "11-09", "11-12"]


def test_weekly_work_without_days_comes_on_the_weekday_of_the_first() -> None:
    told = windows("2026-11-04T01:00:00+08:00", "2026-11-04T02:00:00+08:00", "weekly", "2026-11-20T00:00:00+08:00")
    assert [t[:5] for t in told] == ["11-04", "11-11", "11-18"]


def test_the_last_day_of_each_month_is_found_in_short_ones_and_leap_years_too() -> None:
    told = windows(
        "2027-11-30T22:00:00+08:00", "2027-12-01T02:00:00+08:00", "monthly last", "2028-03-31T23:59:00+08:00"
    )
    assert [t[:5] for t in told] == ["11-30", "12-31", "01-31", "02-29", "03-31"]
    assert told[3] == "02-29 22:00-03-01 02:00"


def test_a_month_without_the_day_is_left_out() -> None:
    told = windows("2026-12-31T01:00:00+08:00", "2026-12-31T02:00:00+08:00", "monthly", "2027-05-31T23:00:00+08:00")
    assert [t[:5] for t in told] == ["12-31", "01-31", "03-31", "05-31"]


def test_a_window_keeps_its_wall_times_over_a_change_of_the_clocks() -> None:
    told = windows(
        "2026-10-24T22:00:00+02:00", "2026-10-25T04:00:00+01:00", "daily", "2026-10-26T23:00:00+01:00", BERLIN
    )
    assert told == ["10-24 22:00-10-25 04:00", "10-25 22:00-10-26 04:00", "10-26 22:00-10-27 04:00"]
    lengths = [
        (b - a) // MINUTE
        for a, b in occurrences(
            parse("2026-10-24T22:00:00+02:00"),
            parse("2026-10-25T04:00:00+01:00"),
            "daily",
            parse("2026-10-26T00:00:00+01:00"),
            BERLIN,
        )
    ]
    assert lengths == [420, 360], "the night in which the clock is set back is an hour longer"


def test_the_days_are_those_of_the_sites_zone() -> None:
    assert windows("2026-11-01T17:00:00+00:00", "2026-11-01T18:00:00+00:00", "weekly mon", "2026-11-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("every", "what"),
    [
        ("hourly", 'write "daily"'),
        ("weekly someday", 'write "daily"'),
        ("monthly 32", 'write "daily"'),
        ("weekly tue", "which it leaves out"),
        ("monthly 15", "which it leaves out"),
        ("monthly last", "which it leaves out"),
    ],
)
def test_what_cannot_be_is_told_with_the_cure(every: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        windows("2026-11-02T01:00:00+08:00", "2026-11-02T02:00:00+08:00", every, "2026-12-02T00:00:00+08:00")


def test_a_window_that_lasts_into_the_next_one_is_refused() -> None:
    with pytest.raises(ValueError, match="until the next"):
        windows("2026-11-02T01:00:00+08:00", "2026-11-03T02:00:00+08:00", "daily", "2026-12-02T00:00:00+08:00")


def test_a_repetition_without_an_end_in_sight_is_refused() -> None:
    with pytest.raises(ValueError, match=str(MOST)):
        windows("2026-11-02T01:00:00+08:00", "2026-11-02T02:00:00+08:00", "daily", "2036-11-02T00:00:00+08:00")


@given(
    st.integers(0, 3000),
    st.integers(0, 23 * 60 + 59),
    st.integers(1, 12 * 60),
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.sampled_from([CHINA, BERLIN, ZoneInfo("America/St_Johns")]),
)
def test_windows_come_in_order_apart_from_each_other_and_the_first_is_the_one_given(
    day: int, minute: int, length: int, every: str, zone: ZoneInfo
) -> None:
    start = parse("2024-01-01T00:00:00+00:00") + (day * 1440 + minute) * MINUTE
    found = occurrences(start, start + length * MINUTE, every, start + 60 * 1440 * MINUTE, zone)
    assert abs(found[0][0] - start) <= 60 * MINUTE, "an hour that a clock shows twice is its first"
    assert all(b <= c for (_, b), (c, _) in pairwise(found))


def test_each_window_has_an_id_of_its_own_that_tells_its_work() -> None:
    window = (parse("2026-11-30T22:00:00+08:00"), parse("2026-12-01T02:00:00+08:00"))
    assert named("M-7", window, CHINA) == "M-7@2026-11-30"
    assert belongs("M-7", "M-7@2026-11-30")
    assert belongs("M-7", "M-7")
    assert not belongs("M-7", "M-77@2026-11-30")
