"""When to send: the recursion beats every other moment, and says of each cause what experience says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from core_metro import RULES
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.forecast import (
    Branch,
    Plan,
    forecast,
    heals_within,
    hold_off,
    lasts,
    miss,
    reweigh,
    survival,
)
from netwatch.core.rules import Prior

PRIORS = RULES.dispatch.priors
FATES = st.builds(
    Prior, st.floats(0, 1), st.floats(1, 300), st.floats(0.3, 1.8), st.floats(5, 400), st.floats(0.3, 1.2)
)
BRANCHES = st.lists(st.tuples(st.floats(0.05, 1), FATES), min_size=1, max_size=4).map(
    lambda found: tuple(Branch(f"c{n}", w / sum(x for x, _ in found), p) for n, (w, p) in enumerate(found))
)


def only(cause: str) -> tuple[Branch, ...]:
    return (Branch(cause, 1.0, PRIORS[cause]),)


def cost(branches: tuple[Branch, ...], limit: float, dispatch: float, breach: float, at: float) -> float:
    """Expected cost of the plan "send after `at` minutes unless it healed", without any recursion."""
    lasting = sum(b.weight * lasts(b.prior, at) for b in branches)
    return lasting * (dispatch + breach * miss(branches, at, limit))


@settings(max_examples=60, deadline=None)
@given(BRANCHES, st.sampled_from([60.0, 120.0, 240.0]), st.floats(1.5, 40))
def test_no_other_moment_is_cheaper_than_the_recursions(
    branches: tuple[Branch, ...], limit: float, breach: float
) -> None:
    best = hold_off(branches, limit, 1.0, breach)
    moments = [*range(61), *range(65, int(limit) + 1, 5)]
    least = min(cost(branches, limit, 1.0, breach, float(t)) for t in moments)
    assert cost(branches, limit, 1.0, breach, best) == pytest.approx(least, rel=1e-9)


def test_a_cut_fibre_is_sent_for_at_once_by_both_rules() -> None:
    for limit in (120, 240, 360, 480):
        assert hold_off(only("cable"), limit, 1, 2.5) == Plan(only("cable"), limit).one_step(1, 2.5) == 0


def test_a_flap_is_waited_for_and_the_longer_the_less_a_breach_costs() -> None:
    flap = (Branch("flap", 1.0, Prior(0.97, 4.0, 1.3, 60.0, 0.5)),)
    waits = [hold_off(flap, 240, 1, breach) for breach in (2.5, 10, 40)]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] > 5


def test_the_one_step_rule_sends_where_healing_has_not_yet_come_into_its_own() -> None:
    """Why the recursion stands beside it: mains comes back after an hour or two, hardly in the first minute."""
    power = (Branch("power", 1.0, Prior(1.0, 60.0, 0.4, 75.0, 0.6)),)
    early, best = Plan(power, 180).one_step(1, 20), hold_off(power, 180, 1, 20)
    assert early < best
    assert cost(power, 180, 1, 20, best) < cost(power, 180, 1, 20, early)


@given(BRANCHES, st.floats(0, 300), st.floats(1, 500))
def test_waiting_never_makes_a_miss_less_likely(branches: tuple[Branch, ...], elapsed: float, left: float) -> None:
    said = forecast(branches, elapsed, elapsed + left, step=5)
    assert 0 <= said.miss <= said.miss_if_waiting + 1e-12 <= 1 + 1e-9
    assert said.median <= said.p80


@given(BRANCHES, st.floats(1, 300), st.floats(1, 500))
def test_a_crew_that_left_earlier_is_never_worse_than_one_that_leaves_now_and_nothing_moves_it_any_more(
    branches: tuple[Branch, ...], elapsed: float, left: float
) -> None:
    gone = forecast(branches, elapsed, elapsed + left, 0.0)
    assert gone.miss == gone.miss_if_waiting
    never = [Branch(b.cause, b.weight, replace(b.prior, heals=0.0)) for b in branches]
    deadline = elapsed + left
    from_the_start = sum(b.weight * survival(deadline, b.prior.repair_median, b.prior.repair_sigma) for b in never)
    assert miss(never, 0.0, deadline, 0.0) == pytest.approx(min(from_the_start, 1.0), abs=1e-9)
    assert miss(never, elapsed, deadline, 0.0) >= from_the_start - 1e-9, "not being back yet is bad news"


@given(BRANCHES, st.floats(0, 300))
def test_weights_stay_chances_and_shift_to_what_heals_less(branches: tuple[Branch, ...], elapsed: float) -> None:
    then = reweigh(branches, elapsed)
    assert sum(b.weight for b in then) == pytest.approx(1)
    by_age = sorted(zip(branches, then, strict=True), key=lambda pair: lasts(pair[0].prior, elapsed))
    gains = [after.weight / before.weight for before, after in by_age]
    assert gains == pytest.approx(sorted(gains), rel=1e-6)


def test_after_ten_minutes_hardly_anything_of_a_flap_is_left() -> None:
    flap = Prior(1.0, 1.5, 1.0, 60.0, 0.5)
    branches = (Branch("flap", 0.5, flap), Branch("cable", 0.5, PRIORS["cable"]))
    assert reweigh(branches, 10)[0].weight < 0.05


def test_a_forecast_is_what_many_drawn_faults_come_to() -> None:
    chance = random.Random(4)
    branches = (Branch("device", 0.6, PRIORS["device"]), Branch("cable", 0.4, PRIORS["cable"]))
    elapsed, deadline, late, ends = 12.0, 132.0, 0, []
    while len(ends) < 20_000:
        fate = chance.choices([b.prior for b in branches], [b.weight for b in branches])[0]
        heals = chance.random() < fate.heals
        healed = fate.self_median * 2.718281828 ** chance.gauss(0, fate.self_sigma) if heals else float("inf")
        if healed <= elapsed:
            continue
        over = min(healed, elapsed + fate.repair_median * 2.718281828 ** chance.gauss(0, fate.repair_sigma))
        ends.append(over - elapsed)
        late += over > deadline
    said = forecast(branches, elapsed, deadline)
    assert said.miss == pytest.approx(late / len(ends), abs=0.012)
    ends.sort()
    assert said.median == pytest.approx(ends[len(ends) // 2], rel=0.04)
    assert said.p80 == pytest.approx(ends[len(ends) * 4 // 5], rel=0.04)


def test_past_the_deadline_a_miss_is_certain_and_waiting_is_over() -> None:
    assert miss(only("device"), 100, 100) == 1
    assert forecast(only("device"), 100, 90).miss_if_waiting == 1
    assert hold_off(only("power"), 1, 1, 2.5) <= 1


def test_what_is_older_than_anything_that_heals_is_still_forecast() -> None:
    always = (Branch("flap", 1.0, Prior(1.0, 1.0, 0.3, 60.0, 0.5)),)
    assert reweigh(always, 1e6) == always
    assert heals_within(always, 1e6, 1) == 0
    assert miss(always, 1e6, 1e6 + 60) == pytest.approx(0.5), "by its crew alone"


def test_the_one_step_rule_weighs_the_trip_against_the_breach() -> None:
    plan = Plan(only("device"), 480)
    assert plan.one_step(1, 2.5) > 3
    assert plan.one_step(0.0001, 2.5) <= 3


@settings(max_examples=40, deadline=None)
@given(BRANCHES, st.sampled_from([60.0, 240.0]), st.floats(1.5, 40))
def test_the_moments_to_send_begin_with_the_hold_off_and_the_limit_is_the_last(
    branches: tuple[Branch, ...], limit: float, breach: float
) -> None:
    plan = Plan(branches, limit)
    sends = plan.sends(1.0, breach)
    assert len(sends) == len(plan.times)
    assert sends[-1]
    assert plan.times[sends.index(True)] == plan.hold_off(1.0, breach) == hold_off(branches, limit, 1.0, breach)
