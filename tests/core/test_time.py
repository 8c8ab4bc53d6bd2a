"""Instants go in and out as text without losing a microsecond."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, instant, moment, parse, show, whole_seconds

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"])
INSTANTS = st.integers(parse("1990-01-01T00:00:00Z"), parse("2090-01-01T00:00:00Z"))


@given(INSTANTS, ZONES)
def test_what_is_shown_can_be_parsed_again_in_every_zone(at: int, zone: str) -> None:
    text = show(at, ZoneInfo(zone))
    assert text is not None
    assert parse(text) == at


@given(INSTANTS, ZONES)
def test_a_moment_is_the_same_instant(at: int, zone: str) -> None:
    assert instant(moment(at, ZoneInfo(zone))) == at


def test_the_epoch_and_a_moment_of_the_contract() -> None:
    assert parse("1970-01-01T00:00:00Z") == 0
    assert parse("2026-11-02T02:10:07.250+08:00") == 1_793_556_607_250_000


def test_one_instant_may_be_written_with_any_offset() -> None:
    assert (
        len({parse(t) for t in ("2026-11-02T02:10:07+08:00", "2026-11-01T18:10:07Z", "2026-11-01T13:10:07-05:00")}) == 1
    )


def test_times_are_shown_in_milliseconds_and_finer_only_where_they_are_finer() -> None:
    at = parse("2026-11-02T02:10:07.250+08:00")
    assert show(at, SHANGHAI) == "2026-11-02T02:10:07.250+08:00"
    assert show(at + 1, SHANGHAI) == "2026-11-02T02:10:07.250001+08:00"
    assert show(at - 250_000, SHANGHAI) == "2026-11-02T02:10:07.000+08:00"
    assert show(None, SHANGHAI) is None


@pytest.mark.parametrize(
    "text",
    ["2026-11-02T02:10:07", "2026-11-02", "", "yesterday", "02:10:07+08:00", "2026-13-02T00:00:00Z", "1793556607"],
)
def test_what_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


def test_a_naive_moment_is_refused_because_it_names_no_instant() -> None:
    with pytest.raises(ValueError, match="no offset"):
        instant(datetime(2026, 11, 2, 2, 10))  # noqa: DTZ001


def test_the_doubled_hour_of_a_clock_change_keeps_its_two_instants_apart() -> None:
    first, second = parse("2026-10-25T02:30:00+02:00"), parse("2026-10-25T02:30:00+01:00")
    assert second - first == HOUR
    berlin = ZoneInfo("Europe/Berlin")
    assert [parse(show(t, berlin) or "") for t in (first, second)] == [first, second]


@given(st.integers(0, 400 * DAY))
def test_seconds_are_rounded_to_the_nearest_with_halves_up(span: int) -> None:
    exact = Fraction(span, SECOND)
    assert abs(whole_seconds(span) - exact) <= Fraction(1, 2)
    assert whole_seconds(span) - exact != Fraction(-1, 2)


def test_a_half_goes_up_where_round_would_go_to_the_even_number() -> None:
    assert [whole_seconds(s) for s in (499_999, 500_000, 1_500_000, 2_500_000)] == [0, 1, 2, 3]
    assert round(2.5) == 2


def test_the_units_fit_into_one_another() -> None:
    assert (DAY, HOUR, MINUTE) == (24 * HOUR, 60 * MINUTE, 60 * SECOND)
