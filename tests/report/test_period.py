"""Where the periods of reports begin and end."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.time import DAY, parse, show
from netwatch.report import period, this_month, year_to

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-W45", "2026-11-02", "2026-11-09"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2026-11-02", "2026-11-02", "2026-11-03"),
        ("2026-11-02..2026-11-08", "2026-11-02", "2026-11-09"),
    ],
)
def test_a_period_is_cut_at_local_midnights(text: str, start: str, end: str) -> None:
    found = period(text, SHANGHAI)
    assert (show(found.start, SHANGHAI), show(found.end, SHANGHAI)) == (
        f"{start}T00:00:00.000+08:00",
        f"{end}T00:00:00.000+08:00",
    )


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    day = period("2026-10-25", ZoneInfo("Europe/Berlin"))
    assert day.end - day.start == DAY + DAY // 24


@pytest.mark.parametrize(
    "text", ["", "November", "2026-13", "2026-W54", "2026-02-30", "2026-11-08..2026-11-02", "..", "26"]
)
def test_what_is_no_period_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no period: write|ends before it starts"):
        period(text, SHANGHAI)


def test_the_month_of_an_instant_is_the_local_one() -> None:
    assert this_month(parse("2026-10-31T16:00:00+00:00"), SHANGHAI).name == "2026-11"
    assert this_month(parse("2026-10-31T15:59:59+00:00"), SHANGHAI).name == "2026-10"


@given(st.integers(2000, 2100), st.integers(1, 12))
def test_months_follow_one_another_without_gap(year: int, month: int) -> None:
    after = f"{year + month // 12}-{month % 12 + 1:02}"
    assert period(f"{year}-{month:02}", SHANGHAI).end == period(after, SHANGHAI).start


def test_the_year_to_a_leap_day_begins_on_the_first_of_march() -> None:
    year = year_to(period("2024-02-28", SHANGHAI), SHANGHAI)
    assert show(year.start, SHANGHAI) == "2023-03-01T00:00:00.000+08:00"
    assert show(year.end, SHANGHAI) == "2024-02-29T00:00:00.000+08:00"
    assert year_to(period("2026-11", SHANGHAI), SHANGHAI).months == 12


@pytest.mark.parametrize(
    ("text", "months"), [("2026", 12), ("2026-11", 1), ("2026-W45", 0), ("2026-10-01..2026-12-31", 3)]
)
def test_whole_months_are_known_as_such(text: str, months: int) -> None:
    assert period(text, SHANGHAI).months == months
