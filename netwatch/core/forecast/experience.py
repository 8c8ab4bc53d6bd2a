"""What was learnt from past faults, as the parameters of the forecast, and what of it matters most for one fault."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netwatch.core.forecast import Branch, miss, reweigh
from netwatch.core.model import Driver
from netwatch.core.rules import Prior
from netwatch.core.time import Instant

Slot: TypeAlias = tuple[bool, bool]
"""(night or weekend, suburb)."""

SLOTS: tuple[Slot, ...] = ((False, False), (False, True), (True, False), (True, True))

MOST_AHEAD = 3
"""So many orders ahead or more are one case: there are too few of each to tell them apart."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a fault, besides its cause, when a crew may be sent."""

    team: str = ""
    """Who would be sent."""
    area: str = ""
    night: bool = False
    ahead: int | None = None
    """Orders that this team has open already; None: not known, as usual then."""


@dataclass(frozen=True)
class Experience:
    """The parameters of the forecast. Effects are natural logarithms of factors on repair time."""

    causes: tuple[str, ...]
    fates: Mapping[str, Prior]
    """Cause → its times, for no team in particular, at a usual hour and place."""
    confusion: Mapping[str, Mapping[str, float]]
    """What the alarms said → P(what it is)."""
    teams: Mapping[str, float] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(cause, team) → what this team does to this kind of repair beyond what it does to all."""
    spreads: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(cause, team) → the sigma of its repairs: some teams are not slower, but less predictable."""
    slots: Mapping[Slot, float] = field(default_factory=dict)
    """What hour and place do to any repair."""
    queue: tuple[float, ...] = ()
    """What so many orders ahead do to any repair; the last stands for more."""
    faults: int = 0
    weight: float = 0.0
    """What those faults count after forgetting."""
    until: Instant = 0
    """Learnt from what had happened by then."""

    @classmethod
    def of_priors(cls, priors: Mapping[str, Prior]) -> Experience:
        """What is known before anything has happened here: every cause is what the alarms call it."""
        return cls(tuple(sorted(priors)), priors, {cause: {cause: 1.0} for cause in priors})

    def branches(self, cause: str, about: Circumstances = Circumstances()) -> tuple[Branch, ...]:
        """The causes that a fault may have, each with its times under these circumstances."""
        weights = self.confusion.get(cause) or self.confusion.get("unknown") or dict.fromkeys(self.causes, 1.0)
        total = sum(weights.values())
        slower = self.teams.get(about.team, 0.0) + self.slots.get(_slot(about), 0.0) + self._waiting(about)
        return tuple(
            Branch(c, weights[c] / total, self._fate(c, about.team, slower))
            for c in self.causes
            if weights.get(c, 0.0) > _NEGLIGIBLE * total
        )

    def _waiting(self, about: Circumstances) -> float:
        if about.ahead is None or not self.queue:
            return 0.0
        return self.queue[min(about.ahead, len(self.queue) - 1)]

    def _fate(self, cause: str, team: str, slower: float) -> Prior:
        fate, pair = self.fates[cause], (cause, team)
        median = fate.repair_median * math.exp(slower + self.pairs.get(pair, 0.0))
        return replace(fate, repair_median=median, repair_sigma=self.spreads.get(pair, fate.repair_sigma))

    def drivers(
        self,
        cause: str,
        about: Circumstances,
        elapsed: float,
        deadline: float,
        sent: float | None = None,
        most: int = 2,
        branches: Callable[[str, Circumstances], Sequence[Branch]] | None = None,
    ) -> tuple[Driver, ...]:
        """What moves P(deadline missed) most, a crew being sent now or since `sent`; the strongest first.

        Each is weighed by what the chance would be without it: a cause unknown, a team like all others, day, town,
        a crew that is free, or a fault that has only just begun. `branches`: our own, by whoever keeps them.
        """
        of = branches or self.branches
        mine = of(cause, about)
        now = miss(mine, elapsed, deadline, sent)
        likely = max(reweigh(mine, elapsed), key=lambda b: b.weight)
        team, slot = math.exp(self.teams.get(about.team, 0.0) + self.pairs.get((cause, about.team), 0.0)), _slot(about)
        day, town = replace(about, night=False), replace(about, area="")

        def without(other: Sequence[Branch]) -> float:
            return round(now - miss(other, elapsed, deadline, sent), 4)

        fresh = round(now - miss(mine, 0.0, deadline - elapsed), 4)
        found = [
            Driver("cause", likely.cause, likely.weight, without(of("unknown", about))),
            Driver("elapsed", "", elapsed, fresh),
        ]
        if about.team:
            found.append(Driver("team", about.team, team, without(of(cause, replace(about, team="")))))
        if about.night:
            factor = math.exp(self.slots.get(slot, 0.0) - self.slots.get(_slot(day), 0.0))
            found.append(Driver("night", "", factor, without(of(cause, day))))
        if about.area == "suburb":
            factor = math.exp(self.slots.get(slot, 0.0) - self.slots.get(_slot(town), 0.0))
            found.append(Driver("suburb", "", factor, without(of(cause, town))))
        if about.ahead:
            free = of(cause, replace(about, ahead=0))
            found.append(Driver("queue", "", float(about.ahead), without(free)))
        found.sort(key=lambda d: (-abs(d.points), d.kind))
        return tuple(replace(d, figure=round(d.figure, 2)) for d in found[:most] if abs(d.points) >= _TELLING)


def _slot(about: Circumstances) -> Slot:
    return about.night, about.area == "suburb"


_NEGLIGIBLE = 1e-4
_TELLING = 0.005
"""Half a point: less moves nobody."""
