"""Policies of sending crews, and what each comes to.

A policy is a hold-off for each fault: how long a crew waits for it to heal by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netwatch.core.forecast import Plan
from netwatch.core.forecast.history import learn
from netwatch.core.forecast.past import Past
from netwatch.core.rules import DispatchRules, LearningRules, Prior
from netwatch.core.time import DAY, MINUTE
from netwatch.report.accuracy import circumstances
from netwatch.report.unseen import FEW, Flags, Vector, complete

AT_ONCE = "at once"
BY_CLASS = "fixed hold-off by class"
CLASS_TUNED = "hold-off by class, tuned"
REMAINING = "remaining time, tuned"
HALF = "half of the limit"
TABLE = "table class × cause, tuned"
ONE_STEP = "forecast, one step ahead"
OURS = "forecast"
CLAIRVOYANT = "clairvoyant (bound)"

MINUTES = (0, 1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300, 360, 420, 480)
"""Hold-offs and remaining times that tuning tries."""


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
        limit, self._breach = limits(past), costs.of_breaches(past)
        healed, took = outcomes or complete(past, past, rng)
        tried = [play(np.full(len(past), float(m)), limit, healed, took) for m in MINUTES]
        self._sent = np.array([out.sent.mean(axis=0) for out in tried])
        self._missed = np.array([out.breached.mean(axis=0) for out in tried])
        self.best = self.tuned()
        left = [play(np.maximum(limit - m, 0.0), limit, healed, took) for m in MINUTES]
        spent = [out.cost(costs.dispatch, self._breach).mean(axis=0).sum() for out in left]
        self.remaining = float(MINUTES[int(np.argmin(spent))])

    def tuned(self, scale: float = 1.0) -> Table:
        """The table of class × cause that costs least on the past, a breach weighing `scale` times as much."""
        cost = self.costs.dispatch * self._sent + scale * self._breach * self._missed
        return Table(
            _cheapest(cost, [(p.assurance, p.cause) for p in self._past], FEW),
            _cheapest(cost, [(p.assurance,) for p in self._past], 1),
            float(MINUTES[int(cost.sum(axis=1).argmin())]),
        )

    def holds(self, past: Sequence[Past]) -> dict[str, Vector]:
        """Policy → hold-off in minutes for each fault, from what is known when the fault begins."""
        limit, costs = limits(past), self.costs
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


def limits(past: Sequence[Past]) -> Vector:
    return np.array([p.limit for p in past])


def _cheapest(tried: Vector, cells: Sequence[tuple[str, ...]], least: int) -> dict[tuple[str, ...], float]:
    """For each cell with enough faults the hold-off that cost least."""
    where: dict[tuple[str, ...], list[int]] = {}
    for n, cell in enumerate(cells):
        where.setdefault(cell, []).append(n)
    return {
        cell: float(MINUTES[int(tried[:, mine].sum(axis=1).argmin())])
        for cell, mine in where.items()
        if len(mine) >= least
    }


def clairvoyant(limit: Vector, healed: Vector) -> Vector:
    """Who knew what heals in time would send for the rest at once."""
    return np.where(healed <= limit, limit, 0.0)
