"""What the forecast says of one open fault, and when it would send: by what was learnt here, else by the priors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

from netwatch.core.forecast import Branch, Plan, forecast, heals_within, miss, within
from netwatch.core.forecast.experience import Circumstances, Experience
from netwatch.core.model import Outlook
from netwatch.core.rules import DispatchRules, Prior
from netwatch.core.time import MINUTE, Instant


@dataclass(frozen=True, slots=True)
class Subject:
    """A fault, as far as the forecast goes."""

    cause: str
    """In the words of the priors."""
    opened: Instant
    about: Circumstances


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether waiting costs more than going, for one circuit."""

    send: bool
    until: float
    """Minutes after the fault began at which it would send at the latest, if nothing changes."""
    miss_now: float
    miss_later: float
    """P(deadline missed) when sent now, and one step later."""
    heals: float
    """P(healed by itself until then)."""


class Foresight:
    """Made anew for other rules or another experience; what was worked out once is kept."""

    def __init__(self, rules: DispatchRules, experience: Experience | None) -> None:
        self.rules = rules
        self.known = experience or Experience.of_priors(rules.priors)
        self._branches = lru_cache(4096)(self.known.branches)
        self._plan = lru_cache(1024)(lambda cause, about, limit: Plan(self._branches(cause, about), limit))
        self._sends = lru_cache(4096)(self._when)
        self._p80 = lru_cache(4096)(self._worked)

    @property
    def trusted(self) -> bool:
        """Whether enough has happened here for hold-offs to need no cap."""
        return self.known.faults >= self.rules.learning.enough

    def advice(self, subject: Subject, deadline: Instant, assurance: str, now: Instant) -> Advice:
        """For a circuit of that class whose limit is reached at `deadline`."""
        elapsed, limit = _minutes(subject.opened, now), _minutes(subject.opened, deadline)
        step = self.rules.review / MINUTE
        branches = self._branches(subject.cause, subject.about)
        until = self._next(subject, assurance, elapsed, limit)
        return Advice(
            until <= elapsed,
            until,
            miss(branches, elapsed, limit),
            miss(branches, elapsed, limit, elapsed + step),
            heals_within(branches, elapsed, step),
        )

    def _next(self, subject: Subject, assurance: str, elapsed: float, limit: float) -> float:
        """The next moment at which sending costs least."""
        # Whole minutes, so that a deadline that moves by a second asks for no new plan.
        whole = float(max(1, int(limit)))
        if elapsed >= whole:
            return elapsed
        times, sends = self._sends(subject.cause, subject.about, whole, assurance)
        place = max(k for k, t in enumerate(times) if t <= elapsed)
        return next((max(t, elapsed) for t, send in zip(times[place:], sends[place:], strict=True) if send), whole)

    def _when(
        self, cause: str, about: Circumstances, limit: float, assurance: str
    ) -> tuple[tuple[float, ...], tuple[bool, ...]]:
        plan = self._plan(cause, about, limit)
        breach = self.rules.breach_cost.get(assurance, self.rules.breach_cost_fallback)
        return tuple(plan.times), plan.sends(self.rules.dispatch_cost, breach)

    def due(self, subject: Subject) -> float:
        """Minutes that four in five (as the rules have it) repairs of this kind take, from the sending on."""
        return self._p80(subject.cause, subject.about)

    def _worked(self, cause: str, about: Circumstances) -> float:
        # Repair alone: what heals needs no crew.
        branches = [Branch(b.cause, b.weight, _unhealing(b)) for b in self._branches(cause, about)]
        return within(self.rules.due_quantile, branches, 0.0)

    def lasts_until(self, subject: Subject, then: Instant, now: Instant) -> float:
        """P(it has not healed by itself at an instant)."""
        elapsed, later = _minutes(subject.opened, now), _minutes(now, then)
        branches = self._branches(subject.cause, subject.about)
        return 1 - heals_within(branches, elapsed, max(later, 0.0))

    def outlook(self, subject: Subject, deadline: Instant, sent: Instant | None, now: Instant) -> Outlook:
        """What is told of a fault; `sent`: when its crew was, None while nobody is."""
        elapsed, limit = _minutes(subject.opened, now), _minutes(subject.opened, deadline)
        branches = self._branches(subject.cause, subject.about)
        gone = None if sent is None else min(elapsed, _minutes(subject.opened, sent))
        said = forecast(branches, elapsed, limit, gone, self.rules.review / MINUTE)
        return Outlook(
            at=now,
            deadline=deadline,
            if_sent=round(said.miss, 4),
            if_waiting=round(said.miss_if_waiting, 4) if sent is None else None,
            median_minutes=round(said.median, 1),
            p80_minutes=round(said.p80, 1),
            drivers=self.known.drivers(subject.cause, subject.about, elapsed, limit, gone, branches=self._branches),
        )

    def drawn(self, key: str, assurance: str) -> float | None:
        """Where a fault lies in the lot for a longer hold-off, 0 to 1; None: it is not drawn.

        The fault's key decides, nothing else: whoever decides again decides alike.
        """
        lot = self.rules.lot
        if assurance not in lot.classes or lot.share <= 0:
            return None
        digest = hashlib.sha256(key.encode()).digest()
        if int.from_bytes(digest[:8], "big") / 2**64 >= lot.share:
            return None
        return int.from_bytes(digest[8:16], "big") / 2**64


def _unhealing(branch: Branch) -> Prior:
    return replace(branch.prior, heals=0.0)


def _minutes(start: Instant, end: Instant) -> float:
    return (end - start) / MINUTE
