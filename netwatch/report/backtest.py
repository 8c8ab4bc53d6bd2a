"""What each policy of sending crews would have cost on past faults.

Policies are tuned on the earlier part of the faults and judged on the later one. What none of them was on record to
meet is drawn (`report.unseen`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from netwatch.core.forecast import miss
from netwatch.core.forecast.calibration import brier, calibration
from netwatch.core.forecast.experience import Experience
from netwatch.core.forecast.history import learn
from netwatch.core.forecast.past import End, Past
from netwatch.core.rules import LearningRules, Prior
from netwatch.core.time import DAY
from netwatch.report.accuracy import Accuracy, ask, circumstances, judge
from netwatch.report.policies import CLAIRVOYANT, OURS, Costs, Trained, clairvoyant, limits, play
from netwatch.report.unseen import FEW, Flags, Vector, complete, healing, on_record, repairing

TRAIN_SHARE = 0.7
_RESAMPLES = 400
SCALES = tuple(map(float, np.geomspace(0.08, 8, 17)))
"""A breach weighed lighter or heavier: how the frontiers of trips against breaches are traced."""
LEAST = 60
"""Faults below which nothing can be said."""

Interval: TypeAlias = tuple[float, float, float]
"""Mean, and 95 % interval over days."""


@dataclass(frozen=True, slots=True)
class Score:
    """A policy's figures on the later faults."""

    policy: str
    dispatches: float
    """Per 1,000 faults, as the next two."""
    breaches: float
    wasted: float
    cost: Interval
    """Per fault, in trips."""
    forecast_less: Interval
    """Cost per fault of the forecast less its own; below 0 the forecast won."""
    equal: Interval | None
    """Breaches per 1,000 of the forecast less its own, the forecast's breaches weighed so that it sends as often; None
    where nothing sends as seldom, and for the two that this would say nothing of."""
    over_bound: float
    """Its cost beyond that of the clairvoyant, as a share."""
    median_minutes: float
    """The typical time until service was back."""
    worst_class: str
    """The class with most breaches per fault."""
    on_record: float
    """Share of its outcomes that were seen, not drawn."""


@dataclass(frozen=True, slots=True)
class Level:
    """One point of the frontiers: breaches per 1,000 when so many crews are sent per 1,000."""

    trips: float
    forecast: float
    table: float


@dataclass(frozen=True, slots=True)
class Departures:
    """How the forecast did where a crew was sent and the end was seen: nothing of this is drawn."""

    faults: int
    brier: float
    brier_base: float
    """Of always saying the base rate."""
    slope: float | None
    """1: said as it is; below: too sure; None: too few misses or hits to tell."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """All that is told."""

    trained_on: int
    judged_on: int
    days: int
    accuracy: Accuracy | None
    departures: Departures
    scores: Sequence[Score]
    """Empty where nobody is on record as sent: then there is nothing to judge sending by."""
    frontier: Sequence[Level]
    experience: Experience

    def score(self, policy: str) -> Score:
        return next(s for s in self.scores if s.policy == policy)


def backtest(
    past: Sequence[Past], priors: Mapping[str, Prior], learning: LearningRules, costs: Costs, seed: int = 1
) -> Backtest:
    """Judge forecast and policies. `past` in order of time, `LEAST` or more. The same input gives the same answer."""
    rng = np.random.default_rng(seed)
    sending = any(p.sent is not None for p in past)
    if not sending:
        past = as_repairs(past)
    train, test = split(past)
    days, number = _resampled(test, rng)
    if sending:
        trained = Trained(train, priors, learning, costs, rng)
        known, scores, frontier = trained.known, *_judged(trained, test, past, days, rng)
    else:
        known, scores, frontier = learn(train, priors, train[-1].started + DAY, learning), [], []
    accuracy = judge(ask(known, train, test), days)
    return Backtest(len(train), len(test), number, accuracy, departures(known, test), scores, frontier, known)


def as_repairs(past: Sequence[Past]) -> list[Past]:
    """A log that tells of nobody sent: each time is then how long it took from the beginning, whoever came."""
    return [replace(p, sent=0.0, end=End.REPAIRED if p.end is End.HEALED else p.end) for p in past]


def _judged(
    trained: Trained, test: Sequence[Past], past: Sequence[Past], days: Vector, rng: np.random.Generator
) -> tuple[list[Score], list[Level]]:
    costs, limit, breach = trained.costs, limits(test), trained.costs.of_breaches(test)
    healed, took = complete(test, past, rng, told=True)
    holds: dict[str, Vector] = dict(trained.holds(test))
    holds[CLAIRVOYANT] = clairvoyant(limit, healed)
    outs = {policy: play(hold, limit, healed, took) for policy, hold in holds.items()}
    cost = {policy: out.cost(costs.dispatch, breach).mean(axis=0) for policy, out in outs.items()}
    ours = _Frontier([trained.forecast(test, scale) for scale in SCALES], limit, healed, took)
    table = _Frontier([trained.tuned(scale).by_cell(test) for scale in SCALES], limit, healed, took)
    classes = np.array([p.assurance for p in test])
    names = sorted(set(classes))
    scores = []
    for policy, out in outs.items():
        broken = out.breached.mean(axis=0)
        same = ours.at(float(out.sent.mean()))
        scores.append(
            Score(
                policy,
                1000 * float(out.sent.mean()),
                1000 * float(broken.mean()),
                1000 * float(out.wasted.mean()),
                interval(cost[policy], days),
                interval(cost[OURS] - cost[policy], days),
                None if same is None or policy in (OURS, CLAIRVOYANT) else interval(1000 * (same - broken), days),
                float(cost[policy].mean() / cost[CLAIRVOYANT].mean()) - 1 if cost[CLAIRVOYANT].any() else 0.0,
                float(np.median(out.ended)),
                max(names, key=lambda name: float(broken[classes == name].mean())),
                float(_seen(test, holds[policy], limit).mean()),
            )
        )
    levels = [(trips, ours.at(trips / 1000), table.at(trips / 1000)) for trips in range(50, 1000, 50)]
    frontier = [
        Level(trips, 1000 * float(a.mean()), 1000 * float(b.mean()))
        for trips, a, b in levels
        if a is not None and b is not None
    ]
    return scores, frontier


class _Frontier:
    """What a policy reaches when a breach weighs less or more to it: trips against breaches."""

    def __init__(self, holds: Sequence[Vector], limit: Vector, healed: Vector, took: Vector) -> None:
        outs = [play(hold, limit, healed, took) for hold in (np.zeros_like(limit), *holds, limit)]
        points = sorted(((float(o.sent.mean()), n) for n, o in enumerate(outs)), key=lambda p: p[0])
        self._trips = [trips for trips, _ in points]
        self._broken = [outs[n].breached.mean(axis=0) for _, n in points]

    def at(self, trips: float) -> Vector | None:
        """P(breach) of each fault at so many trips per fault, between two neighbouring points by lot between them."""
        if not self._trips[0] <= trips <= self._trips[-1]:
            return None
        upper = int(np.searchsorted(self._trips, trips))
        if upper == 0 or self._trips[upper] == self._trips[upper - 1]:
            return np.asarray(self._broken[upper])
        share = (trips - self._trips[upper - 1]) / (self._trips[upper] - self._trips[upper - 1])
        return np.asarray(share * self._broken[upper] + (1 - share) * self._broken[upper - 1])


def interval(values: Vector, days: Vector) -> Interval:
    """Mean over faults and its 95 % interval over days drawn anew."""
    low, high = np.quantile(days @ values / np.maximum(days.sum(axis=1), 1.0), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def split(past: Sequence[Past]) -> tuple[Sequence[Past], Sequence[Past]]:
    """Earlier and later, one event never on both sides."""
    at = int(len(past) * TRAIN_SHARE)
    while at < len(past) - 1 and past[at].incident and past[at].incident == past[at - 1].incident:
        at += 1
    return past[:at], past[at:]


def _resampled(past: Sequence[Past], rng: np.random.Generator) -> tuple[Vector, int]:
    """How often each fault counts when days (whole events) are drawn anew, (resample, fault); the number of days."""
    first: dict[str, int] = {}
    days = [first.setdefault(p.incident, p.started // DAY) if p.incident else p.started // DAY for p in past]
    names, index = np.unique(days, return_inverse=True)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _RESAMPLES)
    return np.asarray(counts[:, index], dtype=np.float64), len(names)


def _seen(past: Sequence[Past], hold: Vector, limit: Vector) -> Flags:
    """Whether what the policy would have met is on record: it healed while nobody was to be sent yet, or was repaired
    and nobody waited for longer than the policy would have."""
    watched, healed = healing(past)
    _, repaired = repairing(past)
    waits = np.minimum(hold, limit)
    sent = np.array([p.sent if p.sent is not None else math.inf for p in past])
    told = ~np.isnan(np.array(on_record(past))).any(axis=0)
    return np.asarray((healed & (watched <= waits)) | (repaired & (waits <= sent)) | told)


def departures(known: Experience, past: Sequence[Past]) -> Departures:
    """What was forecast at the moment when a crew was sent against what became of it."""
    told, missed = [], []
    for p in past:
        if p.sent is None or p.end is End.OPEN or not p.sent < min(p.limit, p.lasted):
            continue
        told.append(miss(known.branches(p.cause, circumstances(p, sent=True)), p.sent, p.limit))
        missed.append(float(p.lasted > p.limit))
    said, was = np.array(told), np.array(missed)
    if not len(said):
        return Departures(0, math.nan, math.nan, None)
    fit = calibration(said, was, FEW)
    return Departures(
        len(said), float(brier(said, was).mean()), float(was.mean() * (1 - was.mean())), fit[0] if fit else None
    )
