"""What each policy of sending crews would have cost on past faults.

A policy is a hold-off for each fault: how long a crew waits for it to heal by itself. What a policy would have met is
only partly on record: what healed shows no repair, what was repaired shows no healing. The missing time is drawn from
the Kaplan-Meier curve of the same cause beyond what is known (`complete`), many times; no distribution is assumed
there, least of all the one that our forecast assumes. Where the table itself says what would have been, as a
simulation can, nothing is drawn.

Policies are tuned on the earlier part of the faults and judged on the later one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from netwatch.core.calibration import brier, calibration
from netwatch.core.experience import Experience
from netwatch.core.forecast import Plan, miss
from netwatch.core.history import learn
from netwatch.core.past import End, Past
from netwatch.core.rules import DispatchRules, LearningRules, Prior
from netwatch.core.time import DAY, MINUTE
from netwatch.report.accuracy import Accuracy, ask, circumstances, judge

Vector: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

AT_ONCE = "at once"
BY_CLASS = "fixed hold-off by class"
CLASS_TUNED = "hold-off by class, tuned"
REMAINING = "remaining time, tuned"
HALF = "half of the limit"
TABLE = "table class × cause, tuned"
ONE_STEP = "forecast, one step ahead"
OURS = "forecast"
CLAIRVOYANT = "clairvoyant (bound)"

TRAIN_SHARE = 0.7
DRAWS = 20
_RESAMPLES = 400
_MINUTES = (0, 1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300, 360, 420, 480)
"""Hold-offs and remaining times that tuning tries."""
SCALES = tuple(map(float, np.geomspace(0.08, 8, 17)))
"""A breach weighed lighter or heavier: how the frontiers of trips against breaches are traced."""
_FEW = 20
"""Faults below which a cause borrows the curve of all, and a cell of the table the hold-off of its class."""
LEAST = 60
"""Faults below which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What is weighed: a trip and a breach, in the same unit; and the hold-off that is in force by class."""

    dispatch: float
    breach: Mapping[str, float]
    breach_fallback: float
    hold: Mapping[str, float]
    """Minutes."""
    hold_fallback: float

    @classmethod
    def of(cls, rules: DispatchRules) -> Costs:
        return cls(
            rules.dispatch_cost,
            rules.breach_cost,
            rules.breach_cost_fallback,
            {name: span / MINUTE for name, span in rules.hold_cap.items()},
            rules.hold_cap_fallback / MINUTE,
        )

    def of_breach(self, assurance: str) -> float:
        return self.breach.get(assurance, self.breach_fallback)

    def of_breaches(self, past: Sequence[Past]) -> Vector:
        return np.array([self.of_breach(p.assurance) for p in past])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy comes to; arrays over (draw, fault) or (fault,)."""

    sent: Flags
    breached: Flags
    wasted: Flags
    """It healed while the crew was still on its way or at work."""
    ended: Vector

    def cost(self, dispatch: float, breach: Vector) -> Vector:
        return np.asarray(dispatch * self.sent + breach * self.breached)


def play(hold: Vector, limit: Vector, healed: Vector, took: Vector) -> Outcome:
    """What holding off for `hold` minutes leads to, where it would heal after `healed` (inf: never) and repair, once
    sent for, would take `took`. Who is still waiting at the limit is sent for then."""
    hold = np.minimum(hold, limit)
    sent = healed > hold
    repaired = hold + took
    ended = np.where(sent, np.minimum(healed, repaired), healed)
    return Outcome(sent, ended > limit, sent & (healed < repaired), ended)


# ---------------------------------------------------------------- what was not seen


class _Curve:
    """Kaplan-Meier: P(T > t) from times of which some are only known to be longer."""

    def __init__(self, times: Vector, seen: Flags) -> None:
        order = np.argsort(times, kind="stable")
        times, seen = times[order], seen[order]
        self.times = np.unique(times[seen])
        ended = np.searchsorted(times[seen], self.times, "right") - np.searchsorted(times[seen], self.times, "left")
        at_risk = len(times) - np.searchsorted(times, self.times, "left")
        self.stays = np.cumprod(1 - ended / np.maximum(at_risk, 1))

    def beyond(self, known: Vector, chance: Vector) -> Vector:
        """A time longer than `known` for each, with probability as the curve has it; inf where it never falls so far.

        `chance` is uniform on (0, 1).
        """
        if not len(self.times):
            return np.full(known.shape, math.inf)
        now = np.append(1.0, self.stays)[np.searchsorted(self.times, known, "right")]
        index = np.searchsorted(-self.stays, -(now * chance), "left")
        return np.where(index < len(self.times), self.times[np.minimum(index, len(self.times) - 1)], math.inf)


def complete(
    past: Sequence[Past], pool: Sequence[Past], rng: np.random.Generator, draws: int = DRAWS, *, told: bool = False
) -> tuple[Vector, Vector]:
    """(healed, took) of `past` as (draw, fault): as seen where seen, else drawn from the curves of `pool`.

    `told`: what the record says would have been goes before both. For judging alone: who tunes has only seen.
    """
    watched, healed = _healing(past)
    worked, repaired = _repairing(past)
    shape = (draws, len(past))
    out_healed = np.broadcast_to(np.where(healed, watched, math.inf), shape).copy()
    out_took = np.broadcast_to(np.where(repaired, worked, math.inf), shape).copy()
    causes = np.array([p.cause for p in past])
    pool_causes = np.array([p.cause for p in pool])
    pool_watched, pool_healed = _healing(pool)
    pool_worked, pool_repaired = _repairing(pool)
    for cause in sorted(set(causes)):
        mine = pool_causes == cause
        if mine.sum() < _FEW:
            mine = np.ones(len(pool), dtype=bool)
        heals = _Curve(pool_watched[mine], pool_healed[mine])
        # Only who was sent for can have been repaired.
        works = mine & (pool_worked > 0)
        if pool_repaired[works].sum() < _FEW:
            works = pool_worked > 0
        repairs = _Curve(pool_worked[works], pool_repaired[works])
        longest = float(repairs.times[-1]) if len(repairs.times) else math.inf
        for unseen, out, curve, known in (
            ((causes == cause) & ~healed, out_healed, heals, watched),
            ((causes == cause) & ~repaired, out_took, repairs, worked),
        ):
            at = np.broadcast_to(known[unseen], (draws, int(unseen.sum())))
            out[:, unseen] = curve.beyond(at, rng.random(at.shape))
        # Nobody repairs for ever: what is longer than all that was seen is as long as the longest, or as is known.
        out_took[:, causes == cause] = np.minimum(
            out_took[:, causes == cause], np.maximum(longest, 1.5 * worked[causes == cause])
        )
    if told:
        heals_then, takes_then = _told(past)
        out_healed = np.where(np.isnan(heals_then), out_healed, heals_then)
        out_took = np.where(np.isnan(takes_then), out_took, takes_then)
    return out_healed, out_took


def _told(past: Sequence[Past]) -> tuple[Vector, Vector]:
    """When each would have healed and how long its repair would have taken, where the record says so; else nan."""
    heals = [math.nan if p.would_heal is None else p.would_heal for p in past]
    return np.array(heals), np.array([math.nan if p.would_take is None else p.would_take for p in past])


def _healing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was seen not to have healed, and whether it healed then."""
    healed = np.array([p.end is End.HEALED for p in past], dtype=bool)
    return np.array([p.arrived if p.end is End.REPAIRED and p.arrived else p.lasted for p in past]), healed


def _repairing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was under repair (0: nobody was sent), and whether it was repaired then."""
    worked = np.array([max(p.lasted - p.sent, 0.0) if p.sent is not None else 0.0 for p in past])
    return worked, np.array([p.end is End.REPAIRED for p in past], dtype=bool) & (worked > 0)


# ---------------------------------------------------------------- policies


@dataclass(frozen=True, slots=True)
class Table:
    """Hold-offs in minutes by class and cause; a cell with few faults takes that of its class."""

    cells: Mapping[tuple[str, ...], float]
    classes: Mapping[tuple[str, ...], float]
    overall: float

    def by_class(self, past: Sequence[Past]) -> Vector:
        return np.array([self.classes.get((p.assurance,), self.overall) for p in past])

    def by_cell(self, past: Sequence[Past]) -> Vector:
        fallback = self.by_class(past)
        return np.array([self.cells.get((p.assurance, p.cause), t) for p, t in zip(past, fallback, strict=True)])


class Trained:
    """Every policy, tuned on past faults; `holds` says what each does to others.

    `outcomes` are (healed, took) of the past where all of it is known, as in a simulation; the forecast learns from
    what was seen all the same.
    """

    def __init__(
        self,
        past: Sequence[Past],
        priors: Mapping[str, Prior],
        learning: LearningRules,
        costs: Costs,
        rng: np.random.Generator,
        outcomes: tuple[Vector, Vector] | None = None,
    ) -> None:
        self.costs, self._past = costs, past
        self.known = learn(past, priors, past[-1].started + DAY, learning)
        self._plans: dict[tuple[object, ...], Plan] = {}
        limit, self._breach = _limits(past), costs.of_breaches(past)
        healed, took = outcomes or complete(past, past, rng)
        tried = [play(np.full(len(past), float(m)), limit, healed, took) for m in _MINUTES]
        self._sent = np.array([out.sent.mean(axis=0) for out in tried])
        self._missed = np.array([out.breached.mean(axis=0) for out in tried])
        self.best = self.tuned()
        left = [play(np.maximum(limit - m, 0.0), limit, healed, took) for m in _MINUTES]
        spent = [out.cost(costs.dispatch, self._breach).mean(axis=0).sum() for out in left]
        self.remaining = float(_MINUTES[int(np.argmin(spent))])

    def tuned(self, scale: float = 1.0) -> Table:
        """The table of class × cause that costs least on the past, a breach weighing `scale` times as much."""
        cost = self.costs.dispatch * self._sent + scale * self._breach * self._missed
        return Table(
            _cheapest(cost, [(p.assurance, p.cause) for p in self._past], _FEW),
            _cheapest(cost, [(p.assurance,) for p in self._past], 1),
            float(_MINUTES[int(cost.sum(axis=1).argmin())]),
        )

    def holds(self, past: Sequence[Past]) -> dict[str, Vector]:
        """Policy → hold-off in minutes for each fault, from what is known when the fault begins."""
        limit, costs = _limits(past), self.costs
        fixed = [costs.hold.get(p.assurance, costs.hold_fallback) for p in past]
        return {
            AT_ONCE: np.zeros(len(past)),
            BY_CLASS: np.array(fixed),
            CLASS_TUNED: self.best.by_class(past),
            REMAINING: np.maximum(limit - self.remaining, 0.0),
            HALF: limit / 2,
            TABLE: self.best.by_cell(past),
            ONE_STEP: np.array([self.plan(p).one_step(costs.dispatch, costs.of_breach(p.assurance)) for p in past]),
            OURS: self.forecast(past),
        }

    def forecast(self, past: Sequence[Past], scale: float = 1.0) -> Vector:
        """The hold-offs of the forecast, a breach weighing `scale` times as much."""
        dispatch, known = self.costs.dispatch, {}
        out = []
        for p in past:
            plan, breach = self.plan(p), scale * self.costs.of_breach(p.assurance)
            if (id(plan), breach) not in known:
                known[id(plan), breach] = plan.hold_off(dispatch, breach)
            out.append(known[id(plan), breach])
        return np.array(out)

    def plan(self, fault: Past) -> Plan:
        """When the forecast would send for a fault, at any costs."""
        about = circumstances(fault)
        key = (fault.cause, about, fault.limit)
        if key not in self._plans:
            self._plans[key] = Plan(self.known.branches(fault.cause, about), fault.limit)
        return self._plans[key]


def _limits(past: Sequence[Past]) -> Vector:
    return np.array([p.limit for p in past])


def _cheapest(tried: Vector, cells: Sequence[tuple[str, ...]], least: int) -> dict[tuple[str, ...], float]:
    """For each cell with enough faults the hold-off that cost least."""
    where: dict[tuple[str, ...], list[int]] = {}
    for n, cell in enumerate(cells):
        where.setdefault(cell, []).append(n)
    return {
        cell: float(_MINUTES[int(tried[:, mine].sum(axis=1).argmin())])
        for cell, mine in where.items()
        if len(mine) >= least
    }


def clairvoyant(limit: Vector, healed: Vector) -> Vector:
    """Who knew what heals in time would send for the rest at once."""
    return np.where(healed <= limit, limit, 0.0)


# ---------------------------------------------------------------- judging

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
    costs, limit, breach = trained.costs, _limits(test), trained.costs.of_breaches(test)
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
    watched, healed = _healing(past)
    _, repaired = _repairing(past)
    waits = np.minimum(hold, limit)
    sent = np.array([p.sent if p.sent is not None else math.inf for p in past])
    told = ~np.isnan(np.array(_told(past))).any(axis=0)
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
    fit = calibration(said, was, _FEW)
    return Departures(
        len(said), float(brier(said, was).mean()), float(was.mean() * (1 - was.mean())), fit[0] if fit else None
    )
