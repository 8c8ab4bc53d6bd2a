"""What each policy of sending crews would have cost on past faults.

A policy is a hold-off for each fault: how long a crew waits for it to heal by itself. What a policy would have met is
only partly on record: what healed shows no repair, what was repaired shows no healing. The missing time is drawn from
the Kaplan-Meier curve of the same cause beyond what is known (`complete`), many times; no distribution is assumed
there, least of all the one that our forecast assumes.

Policies are tuned on the earlier part of the faults and judged on the later one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from netwatch.core.forecast import Plan, miss
from netwatch.core.history import End, Experience, Past, learn
from netwatch.core.rules import DispatchRules, Prior
from netwatch.core.time import DAY, MINUTE

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
    past: Sequence[Past], pool: Sequence[Past], rng: np.random.Generator, draws: int = DRAWS
) -> tuple[Vector, Vector]:
    """(healed, took) of `past` as (draw, fault): as seen where seen, else drawn from the curves of `pool`."""
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
    return out_healed, out_took


def _healing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was seen not to have healed, and whether it healed then."""
    healed = np.array([p.end is End.HEALED for p in past], dtype=bool)
    return np.array([p.arrived if p.end is End.REPAIRED and p.arrived else p.lasted for p in past]), healed


def _repairing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was under repair (0: nobody was sent), and whether it was repaired then."""
    worked = np.array([max(p.lasted - p.sent, 0.0) if p.sent is not None else 0.0 for p in past])
    return worked, np.array([p.end is End.REPAIRED for p in past], dtype=bool) & (worked > 0)


# ---------------------------------------------------------------- policies


class Trained:
    """Every policy, tuned on past faults; `holds` says what each does to others.

    `outcomes` are (healed, took) of the past where all of it is known, as in a simulation; the forecast learns from
    what was seen all the same.
    """

    def __init__(
        self,
        past: Sequence[Past],
        priors: Mapping[str, Prior],
        costs: Costs,
        rng: np.random.Generator,
        outcomes: tuple[Vector, Vector] | None = None,
    ) -> None:
        self.costs = costs
        self.known = learn(past, priors, past[-1].started + DAY)
        self._plans: dict[tuple[object, ...], Plan] = {}
        limit, breach = _limits(past), self._breach(past)
        healed, took = outcomes or complete(past, past, rng)

        def cost(hold: Vector) -> Vector:
            return np.asarray(play(hold, limit, healed, took).cost(costs.dispatch, breach).mean(axis=0))

        tried = np.array([cost(np.full(len(past), float(m))) for m in _MINUTES])
        self.by_class = _cheapest(tried, [(p.assurance,) for p in past], 1)
        self.by_cell = _cheapest(tried, [(p.assurance, p.cause) for p in past], _FEW)
        self.overall = float(_MINUTES[int(tried.sum(axis=1).argmin())])
        left = [cost(np.maximum(limit - m, 0.0)).sum() for m in _MINUTES]
        self.remaining = float(_MINUTES[int(np.argmin(left))])

    def _breach(self, past: Sequence[Past]) -> Vector:
        return np.array([self.costs.of_breach(p.assurance) for p in past])

    def holds(self, past: Sequence[Past]) -> dict[str, Vector]:
        """Policy → hold-off in minutes for each fault, from what is known when the fault begins."""
        limit, costs = _limits(past), self.costs
        fixed = [costs.hold.get(p.assurance, costs.hold_fallback) for p in past]
        tuned = [self.by_class.get((p.assurance,), self.overall) for p in past]
        table = [self.by_cell.get((p.assurance, p.cause), t) for p, t in zip(past, tuned, strict=True)]
        planned = [(self.plan(p), costs.dispatch, costs.of_breach(p.assurance)) for p in past]
        return {
            AT_ONCE: np.zeros(len(past)),
            BY_CLASS: np.array(fixed),
            CLASS_TUNED: np.array(tuned),
            REMAINING: np.maximum(limit - self.remaining, 0.0),
            HALF: limit / 2,
            TABLE: np.array(table),
            ONE_STEP: np.array([plan.one_step(*terms) for plan, *terms in planned]),
            OURS: np.array([plan.hold_off(*terms) for plan, *terms in planned]),
        }

    def plan(self, fault: Past) -> Plan:
        """When the forecast would send for a fault, at any costs."""
        key = (fault.cause, fault.team, fault.area, fault.night, fault.limit)
        if key not in self._plans:
            branches = self.known.branches(fault.cause, fault.team, fault.area, fault.night)
            self._plans[key] = Plan([b for b in branches if b.weight > _NEGLIGIBLE], fault.limit)
        return self._plans[key]


_NEGLIGIBLE = 1e-4


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


@dataclass(frozen=True, slots=True)
class Score:
    """A policy's figures on the later faults, with 95 % intervals over days."""

    policy: str
    dispatches: float
    """Per 1,000 faults, as the next two."""
    breaches: float
    wasted: float
    cost: float
    """Per fault, in trips."""
    cost_low: float
    cost_high: float
    median_minutes: float
    """The typical time until service was back."""
    on_record: float
    """Share of its outcomes that were seen, not drawn."""


@dataclass(frozen=True, slots=True)
class Calibration:
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
    scores: Sequence[Score]
    versus_table: tuple[float, float, float]
    """Cost per fault of the forecast less that of the tuned table: mean, 95 % interval; below 0 the forecast won."""
    calibration: Calibration
    experience: Experience


def backtest(past: Sequence[Past], priors: Mapping[str, Prior], costs: Costs, seed: int = 1) -> Backtest:
    """Judge every policy. `past` in order of time, `LEAST` or more. The same input gives the same answer."""
    rng = np.random.default_rng(seed)
    train, test = split(past)
    trained = Trained(train, priors, costs, rng)
    limit, breach = _limits(test), trained._breach(test)
    healed, took = complete(test, past, rng)
    holds: dict[str, Vector] = dict(trained.holds(test))
    holds[CLAIRVOYANT] = clairvoyant(limit, healed)
    draws = _resampled(test, rng)
    scores, spent = [], {}
    for policy, hold in holds.items():
        out = play(hold, limit, healed, took)
        cost = out.cost(costs.dispatch, breach).mean(axis=0)
        spent[policy] = cost
        low, high = np.quantile(draws @ cost / draws.sum(axis=1), [0.025, 0.975])
        scores.append(
            Score(
                policy,
                1000 * float(out.sent.mean()),
                1000 * float(out.breached.mean()),
                1000 * float(out.wasted.mean()),
                float(cost.mean()),
                float(low),
                float(high),
                float(np.median(out.ended)),
                float(_seen(test, hold, limit).mean()),
            )
        )
    gap = spent[OURS] - spent[TABLE]
    low, high = np.quantile(draws @ gap / draws.sum(axis=1), [0.025, 0.975])
    return Backtest(
        len(train),
        len(test),
        scores,
        (float(gap.mean()), float(low), float(high)),
        calibration(trained.known, test),
        trained.known,
    )


def split(past: Sequence[Past]) -> tuple[Sequence[Past], Sequence[Past]]:
    """Earlier and later, one event never on both sides."""
    at = int(len(past) * TRAIN_SHARE)
    while at < len(past) - 1 and past[at].incident and past[at].incident == past[at - 1].incident:
        at += 1
    return past[:at], past[at:]


def _resampled(past: Sequence[Past], rng: np.random.Generator) -> Vector:
    """How often each fault counts when days (whole events) are drawn anew; (resample, fault)."""
    first: dict[str, int] = {}
    days = [first.setdefault(p.incident, p.started // DAY) if p.incident else p.started // DAY for p in past]
    names, index = np.unique(days, return_inverse=True)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _RESAMPLES)
    return np.asarray(counts[:, index], dtype=np.float64)


def _seen(past: Sequence[Past], hold: Vector, limit: Vector) -> Flags:
    """Whether what the policy would have met is on record: it healed while nobody was to be sent yet, or was repaired
    and nobody waited for longer than the policy would have."""
    watched, healed = _healing(past)
    _, repaired = _repairing(past)
    waits = np.minimum(hold, limit)
    sent = np.array([p.sent if p.sent is not None else math.inf for p in past])
    return np.asarray((healed & (watched <= waits)) | (repaired & (waits <= sent)))


def calibration(known: Experience, past: Sequence[Past]) -> Calibration:
    """What was forecast at the moment when a crew was sent against what became of it."""
    told, missed = [], []
    for p in past:
        if p.sent is None or p.end is End.OPEN or not p.sent < min(p.limit, p.lasted):
            continue
        told.append(miss(known.branches(p.cause, p.team, p.area, p.night), p.sent, p.limit))
        missed.append(float(p.lasted > p.limit))
    said, was = np.array(told), np.array(missed)
    if not len(said):
        return Calibration(0, math.nan, math.nan, None)
    return Calibration(
        len(said), float(((said - was) ** 2).mean()), float(was.mean() * (1 - was.mean())), slope(said, was)
    )


def slope(said: Vector, was: Vector) -> float | None:
    """The slope of the logistic regression of what was on the log odds of what was said; 1 is right."""
    hits = int(was.sum())
    if min(hits, len(was) - hits) < _FEW:
        return None
    odds = np.log(np.clip(said, 1e-4, 1 - 1e-4) / np.clip(1 - said, 1e-4, 1 - 1e-4))
    x = np.column_stack([np.ones_like(odds), odds])
    beta = np.array([0.0, 1.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (was - p))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[1])
