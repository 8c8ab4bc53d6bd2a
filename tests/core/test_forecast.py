"""Chances are chances, and they move the way that experience says."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from core_metro import RULES
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.forecast import density, outlook, quantile, survival
from netwatch.core.rules import Prior

MEDIAN = st.floats(0.5, 600)
SIGMA = st.floats(0.2, 2.0)
TIME = st.floats(0.01, 5000)
PRIORS = st.builds(Prior, st.floats(0, 1), MEDIAN, SIGMA, MEDIAN, SIGMA)


@given(MEDIAN, SIGMA)
def test_half_survive_the_median_and_all_the_beginning(median: float, sigma: float) -> None:
    assert survival(median, median, sigma) == pytest.approx(0.5)
    assert survival(0, median, sigma) == survival(-5, median, sigma) == 1.0
    assert density(0, median, sigma) == density(-5, median, sigma) == 0.0


@given(MEDIAN, SIGMA, TIME, TIME)
def test_fewer_survive_longer(median: float, sigma: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert 0 <= survival(late, median, sigma) <= survival(early, median, sigma) <= 1


@given(MEDIAN, SIGMA, st.floats(0.01, 0.99))
def test_a_quantile_is_where_that_share_is_over(median: float, sigma: float, share: float) -> None:
    assert 1 - survival(quantile(share, median, sigma), median, sigma) == pytest.approx(share, abs=1e-9)


@given(MEDIAN, SIGMA)
def test_the_density_is_the_slope_of_survival(median: float, sigma: float) -> None:
    times = [quantile(q / 100, median, sigma) for q in range(2, 98, 6)]
    for t in times:
        step = t * 1e-5
        slope = (survival(t - step, median, sigma) - survival(t + step, median, sigma)) / (2 * step)
        assert density(t, median, sigma) == pytest.approx(slope, rel=1e-4)


@given(MEDIAN, SIGMA)
def test_the_density_adds_up_to_one(median: float, sigma: float) -> None:
    grid = [math.log(median) + sigma * (k / 50) for k in range(-400, 401)]
    total = sum((math.exp(b) - math.exp(a)) * density(math.exp((a + b) / 2), median, sigma) for a, b in pairwise(grid))
    assert total == pytest.approx(1, abs=0.01)


@given(PRIORS, st.floats(0, 2000), st.floats(-100, 2000), st.none() | st.floats(0, 2000))
def test_an_outlook_is_always_a_chance_and_two_rates(
    prior: Prior, elapsed: float, left: float, travelling: float | None
) -> None:
    look = outlook(prior, elapsed, left, travelling)
    assert 0 <= look.miss_if_sent <= 1
    assert look.heal_rate >= 0
    assert look.saved_rate >= 0
    assert all(math.isfinite(x) for x in (look.miss_if_sent, look.heal_rate, look.saved_rate))
    if left <= 0:
        assert look.miss_if_sent == 1


@given(PRIORS, st.floats(0, 500), st.floats(1, 1000), st.floats(1, 1000))
def test_more_time_left_never_makes_a_miss_likelier(prior: Prior, elapsed: float, one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert outlook(prior, elapsed, long).miss_if_sent <= outlook(prior, elapsed, short).miss_if_sent + 1e-9


@given(PRIORS, st.floats(0, 500), st.floats(1, 1000))
def test_what_heals_more_often_is_missed_less(prior: Prior, elapsed: float, left: float) -> None:
    never = Prior(0.0, prior.self_median, prior.self_sigma, prior.repair_median, prior.repair_sigma)
    assert outlook(prior, elapsed, left).miss_if_sent <= outlook(never, elapsed, left).miss_if_sent + 1e-9


def test_a_cable_never_heals_and_its_miss_is_the_crews_alone() -> None:
    cable = RULES.dispatch.priors["cable"]
    look = outlook(cable, 0, 120)
    assert look.heal_rate == 0
    assert look.miss_if_sent == pytest.approx(survival(120, cable.repair_median, cable.repair_sigma))


def test_what_has_not_healed_for_long_heals_no_more() -> None:
    device = RULES.dispatch.priors["device"]
    rates = [outlook(device, t, 200).heal_rate for t in (30, 60, 120, 240, 480)]
    assert rates == sorted(rates, reverse=True)


def test_a_crew_under_way_for_a_while_is_nearer_to_the_end_than_one_that_leaves_now() -> None:
    port = RULES.dispatch.priors["port"]
    assert outlook(port, 60, 120, 60).miss_if_sent < outlook(port, 60, 120).miss_if_sent


@pytest.mark.parametrize("cause", sorted(RULES.dispatch.priors))
def test_every_shipped_prior_gives_a_usable_outlook_at_every_age(cause: str) -> None:
    prior = RULES.dispatch.priors[cause]
    for elapsed in (0, 1, 60, 1440, 100_000, 1e9):
        look = outlook(prior, elapsed, 120)
        assert 0 <= look.miss_if_sent <= 1
        assert math.isfinite(look.heal_rate)
