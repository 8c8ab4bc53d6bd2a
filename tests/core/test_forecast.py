"""Chances are chances, and they move the way that experience says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from core_metro import RULES
from hypothesis import example, given
from hypothesis import strategies as st

from netwatch.core.forecast import Branch, forecast, lasts, miss, quantile, survival
from netwatch.core.rules import Prior

MEDIAN = st.floats(0.5, 600)
SIGMA = st.floats(0.2, 2.0)
TIME = st.floats(0.01, 5000)
PRIORS = st.builds(Prior, st.floats(0, 1), MEDIAN, SIGMA, MEDIAN, SIGMA)


@given(MEDIAN, SIGMA)
def test_half_survive_the_median_and_all_the_beginning(median: float, sigma: float) -> None:
    assert survival(median, median, sigma) == pytest.approx(0.5)
    assert survival(0, median, sigma) == survival(-5, median, sigma) == 1.0


@given(MEDIAN, SIGMA, TIME, TIME)
def test_fewer_survive_longer(median: float, sigma: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert 0 <= survival(late, median, sigma) <= survival(early, median, sigma) <= 1


@given(MEDIAN, SIGMA, st.floats(0.01, 0.99))
def test_a_quantile_is_where_that_share_is_over(median: float, sigma: float, share: float) -> None:
    assert 1 - survival(quantile(share, median, sigma), median, sigma) == pytest.approx(share, abs=1e-9)


def only(prior: Prior) -> tuple[Branch, ...]:
    return (Branch("x", 1.0, prior),)


@given(PRIORS, st.floats(0, 2000), st.floats(-100, 2000), st.none() | st.floats(0, 3000))
def test_a_chance_is_always_one_and_past_the_deadline_certain(
    prior: Prior, elapsed: float, left: float, sent: float | None
) -> None:
    said = miss(only(prior), elapsed, elapsed + left, sent)
    assert 0 <= said <= 1
    if left <= 0:
        assert said == 1


@given(PRIORS, st.floats(0, 500), st.floats(1, 1000), st.floats(1, 1000))
def test_more_time_left_never_makes_a_miss_likelier(prior: Prior, elapsed: float, one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert miss(only(prior), elapsed, elapsed + long) <= miss(only(prior), elapsed, elapsed + short) + 1e-9


@given(PRIORS, st.floats(0, 500), st.floats(1, 1000))
@example(Prior(1.0, 1.0, 0.5, 1.0, 1.0), 34.0, 1.0)  # seven sigmas beyond its healing
def test_what_heals_more_often_is_missed_less(prior: Prior, elapsed: float, left: float) -> None:
    never = replace(prior, heals=0.0)
    assert miss(only(prior), elapsed, elapsed + left) <= miss(only(never), elapsed, elapsed + left) + 1e-9


def test_a_cable_never_heals_and_its_miss_is_the_crews_alone() -> None:
    cable = RULES.dispatch.priors["cable"]
    assert lasts(cable, 1e6) == 1
    assert miss(only(cable), 0, 120) == pytest.approx(survival(120, cable.repair_median, cable.repair_sigma))


def test_a_crew_under_way_for_a_while_is_nearer_to_the_end_than_one_that_leaves_now() -> None:
    port = RULES.dispatch.priors["port"]
    assert miss(only(port), 60, 180, 0) < miss(only(port), 60, 180)


@pytest.mark.parametrize("cause", sorted(RULES.dispatch.priors))
def test_every_shipped_prior_gives_a_usable_forecast_at_every_age(cause: str) -> None:
    for elapsed in (0, 1, 60, 1440, 100_000, 1e9):
        said = forecast(only(RULES.dispatch.priors[cause]), elapsed, elapsed + 120)
        assert 0 <= said.miss <= 1
        assert 0 < said.median <= said.p80
        assert math.isfinite(said.p80)
