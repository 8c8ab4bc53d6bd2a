"""What past faults teach: how often each cause heals by itself, how long healing and repair take, and for whom.

Two times compete for the end of a fault. Healing is not seen where a crew ended it (once the crew is there nobody can
tell any more what would have healed), repair is not seen where it healed first; leaving such faults out, or taking
their ends for what they are not, makes forecasts wrong by as much as the policy that made them. Here both count as
what they are: "not within so many minutes". The cause itself is uncertain: what the alarms said is not always what
the returned slip says, and what healed has no slip.

Expectation and maximisation over both uncertainties, every level drawn towards the one above with `strength`
pseudo-faults: prior → network → cause → team → (cause, team) → hour and area. A few faults move little, hundreds
leave nothing of the prior. Old faults count less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from netwatch.core.forecast import Branch, miss, reweigh
from netwatch.core.rules import Prior
from netwatch.core.time import DAY, Instant, Span, moment

Vector: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]
Slot: TypeAlias = tuple[bool, bool]

STRENGTH = 20.0
"""Pseudo-faults that a level is worth to the one below. Source: out-of-time test on 23,552 logged failures."""

HALF_LIFE: Span = 180 * DAY
"""Networks and crews change: a fault this old counts half."""

_ROUNDS = 40
_SETTLED = 1e-4
SLOTS: tuple[Slot, ...] = ((False, False), (False, True), (True, False), (True, True))
_SLIP_TRUST = 0.75
"""How often alarms name the cause that the slip confirms, before any slip has come back."""
_SLIP_RIGHT = 0.9
"""How often a slip names the true cause. Assumption: crews write what closes the order soonest; taken for the whole
truth, a few wrong slips would smear each cause's times over the others'."""


class End(StrEnum):
    """How a fault ended."""

    HEALED = "healed"
    REPAIRED = "repaired"
    OPEN = "open"
    """It still lasts, or nobody looked any longer."""


@dataclass(frozen=True, slots=True)
class Past:
    """One fault of the past. Times are minutes after `started`."""

    started: Instant
    cause: str
    """As the alarms said when it was decided."""
    end: End
    lasted: float
    """Until service was back, confirmed by polling; or as long as it was watched."""
    sent: float | None = None
    """When a crew was sent."""
    arrived: float | None = None
    found: str = ""
    """The cause on the returned slip."""
    team: str = ""
    area: str = ""
    """`city`, `suburb` or empty for unknown."""
    night: bool = False
    assurance: str = ""
    limit: float = 0.0
    incident: str = ""
    """Faults with one root: one draw of chance, not many."""


def is_night(started: Instant, zone: ZoneInfo) -> bool:
    """Outside working hours: nights and weekends are slow alike. Source: logged failures, ×1.3 to ×1.4 both."""
    local = moment(started, zone)
    return local.weekday() >= 5 or not 8 <= local.hour < 20


@dataclass(frozen=True)
class Experience:
    """What was learnt, as the parameters of the forecast. Effects are natural logarithms of factors on repair time."""

    causes: tuple[str, ...]
    fates: Mapping[str, Prior]
    """Cause → its times, for no team in particular, by day, in town."""
    confusion: Mapping[str, Mapping[str, float]]
    """What the alarms said → P(what it is)."""
    teams: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]
    """(cause, team) → what this team does to this kind of repair beyond what it does to all."""
    spreads: Mapping[tuple[str, str], float]
    """(cause, team) → the sigma of its repairs: some teams are not slower, but less predictable."""
    slots: Mapping[Slot, float]
    """(night, suburb) → what hour and place do to any repair."""
    faults: int
    weight: float
    """What those faults count after forgetting."""

    def branches(self, cause: str, team: str = "", area: str = "", night: bool = False) -> tuple[Branch, ...]:
        """The causes that a fault may have, each with its times for this team, place and hour."""
        weights = self.confusion.get(cause) or self.confusion.get("unknown") or dict.fromkeys(self.causes, 1.0)
        total = sum(weights.values())
        slower = self.teams.get(team, 0.0) + self.slots.get((night, area == "suburb"), 0.0)
        return tuple(
            Branch(c, weights[c] / total, self._fate(c, team, slower)) for c in self.causes if weights.get(c, 0.0) > 0
        )

    def _fate(self, cause: str, team: str, slower: float) -> Prior:
        fate, pair = self.fates[cause], (cause, team)
        median = fate.repair_median * math.exp(slower + self.pairs.get(pair, 0.0))
        return replace(fate, repair_median=median, repair_sigma=self.spreads.get(pair, fate.repair_sigma))

    def drivers(
        self, cause: str, team: str, area: str, night: bool, elapsed: float, deadline: float, most: int = 2
    ) -> tuple[str, ...]:
        """What moves P(deadline missed | sent now) most, in words, the strongest first.

        Each is weighed by what the chance would be without it: a cause unknown, a team like all others, day, town,
        or a fault that has only just begun.
        """
        mine = self.branches(cause, team, area, night)
        now = miss(mine, elapsed, deadline)
        left, far = deadline - elapsed, area == "suburb"
        others = {
            self._of_cause(mine, elapsed): miss(self.branches("unknown", team, area, night), elapsed, deadline),
            self._of_team(cause, team): miss(self.branches(cause, "", area, night), elapsed, deadline),
            self._of_slot("night or weekend", (night, far), (False, far)): miss(
                self.branches(cause, team, area, False), elapsed, deadline
            ),
            self._of_slot("outside town", (night, far), (night, False)): miss(
                self.branches(cause, team, "", night), elapsed, deadline
            ),
            f"it has lasted {elapsed:.0f} min already: what heals fast would have healed": miss(mine, 0.0, left),
        }
        moved = sorted(((now - without, words) for words, without in others.items()), key=lambda m: (-abs(m[0]), m[1]))
        return tuple(f"{words} ({100 * by:+.0f} points)" for by, words in moved[:most] if abs(by) >= 0.005)

    def _of_cause(self, mine: Sequence[Branch], elapsed: float) -> str:
        likely = max(reweigh(mine, elapsed), key=lambda b: b.weight)
        return (
            f"probably {likely.cause} ({likely.weight:.0%}): {likely.prior.heals:.0%} of them heal, "
            f"half of the repairs take over {likely.prior.repair_median:.0f} min"
        )

    def _of_slot(self, name: str, here: Slot, else_: Slot) -> str:
        factor = math.exp(self.slots.get(here, 0.0) - self.slots.get(else_, 0.0))
        return f"{name}: repairs take {factor:.2f} times as long"

    def _of_team(self, cause: str, team: str) -> str:
        factor = math.exp(self.teams.get(team, 0.0) + self.pairs.get((cause, team), 0.0))
        return f"team {team or 'unknown'}: {factor:.2f} times the usual time for this"


# ---------------------------------------------------------------- learning


def learn(
    past: Sequence[Past],
    priors: Mapping[str, Prior],
    now: Instant,
    *,
    strength: float = STRENGTH,
    half_life: Span = HALF_LIFE,
) -> Experience:
    """What `past` teaches beyond `priors`, as of `now`. Without any past, the priors as they are.

    A cause that the priors lack starts as `unknown` (or, without one, as the first prior).
    """
    return _Learner(past, priors, now, strength, half_life).learn()


class _Learner:
    """One run of expectation and maximisation; arrays are (fault, cause)."""

    def __init__(
        self, past: Sequence[Past], priors: Mapping[str, Prior], now: Instant, strength: float, half_life: Span
    ) -> None:
        # Later than `now` is unknown then; no time at all is no logarithm.
        self.past = [p for p in past if p.started <= now and p.lasted > 0]
        names = {*priors, *(p.cause for p in self.past), *(p.found for p in self.past if p.found)}
        fallback = priors.get("unknown") or next(iter(priors.values()))
        self.causes = tuple(sorted(names))
        self.strength = strength
        start = [priors.get(c, fallback) for c in self.causes]
        self.prior_heals = np.array([p.heals for p in start])
        self.prior_self = np.log([p.self_median for p in start])
        self.prior_self_sigma = np.array([p.self_sigma for p in start])
        self.prior_repair = np.log([p.repair_median for p in start])
        self.prior_repair_sigma = np.array([p.repair_sigma for p in start])
        self.heals, self.self_mu, self.self_sigma = self.prior_heals, self.prior_self, self.prior_self_sigma
        self.mu, self.sigma = self.prior_repair, self.prior_repair_sigma
        self.start_confusion = self._start_confusion(set(priors))
        self.confusion = self.start_confusion / self.start_confusion.sum(axis=1, keepdims=True)
        self._facts(now, half_life)
        self.team_effect = np.zeros(len(self.teams))
        self.pair_effect = np.zeros((len(self.causes), len(self.teams)))
        self.pair_sigma = np.tile(self.sigma[:, None], len(self.teams))
        self.slot_effect = np.zeros(len(SLOTS))

    def _facts(self, now: Instant, half_life: Span) -> None:
        past, index = self.past, {c: n for n, c in enumerate(self.causes)}
        self.teams = tuple(sorted({p.team for p in past if p.team}))
        team = {t: n for n, t in enumerate(self.teams)}
        self.weight = np.array([0.5 ** ((now - p.started) / half_life) for p in past])
        self.label: Indices = np.array([index[p.cause] for p in past], dtype=np.intp)
        self.slip = np.ones((len(past), len(self.causes)))
        for n, p in enumerate(past):
            if p.found:
                self.slip[n] = (1 - _SLIP_RIGHT) / max(len(self.causes) - 1, 1)
                self.slip[n, index[p.found]] = _SLIP_RIGHT
        self.team: Indices = np.array([team.get(p.team, -1) for p in past], dtype=np.intp)
        self.slot: Indices = np.array([SLOTS.index((p.night, p.area == "suburb")) for p in past], dtype=np.intp)
        self.healed = np.array([p.end is End.HEALED for p in past], dtype=bool)
        # Until when healing would have been seen.
        watched = [p.arrived if p.end is End.REPAIRED and p.arrived else p.lasted for p in past]
        self.log_self = np.log(np.maximum(watched, _MOMENT))
        self.sent = np.array([p.sent is not None and p.sent < p.lasted for p in past], dtype=bool)
        took = [p.lasted - p.sent if p.sent is not None else 1.0 for p in past]
        self.log_repair = np.log(np.maximum(took, _MOMENT))
        self.repaired = self.sent & np.array([p.end is End.REPAIRED for p in past], dtype=bool)

    def _start_confusion(self, known: set[str]) -> Vector:
        """Pseudo-slips: mostly what the alarms say, the rest of the known causes alike."""
        count = len(self.causes)
        rest = np.array([float(c in known) for c in self.causes])
        table = np.tile(rest * (1 - _SLIP_TRUST) / max(rest.sum(), 1.0), (count, 1))
        np.fill_diagonal(table, table.diagonal() + _SLIP_TRUST)
        if "unknown" in self.causes:
            # Alarms that say nothing leave every cause open.
            table[self.causes.index("unknown")] = (1 + rest) / (count + rest.sum())
        return table * self.strength / 2

    def learn(self) -> Experience:
        if self.past:
            for _ in range(_ROUNDS):
                before = np.concatenate([self.mu, self.self_mu, self.heals])
                self._round()
                if np.max(np.abs(np.concatenate([self.mu, self.self_mu, self.heals]) - before)) < _SETTLED:
                    break
        return self._experience()

    # ------------------------------------------------------------ one round

    def _round(self) -> None:
        location = self._location()
        self_z = (self.log_self[:, None] - self.self_mu) / self.self_sigma
        sigma = self._spread()
        repair_z = (self.log_repair[:, None] - location) / sigma
        self_stays, self_hazard = _tail(self_z)
        stays, hazard = _tail(repair_z)
        density = np.exp(-0.5 * self_z**2) / self.self_sigma
        unhealed = 1 - self.heals + self.heals * self_stays
        fits = np.where(self.healed[:, None], self.heals * density, unhealed)
        mended = np.where(self.repaired[:, None], np.exp(-0.5 * repair_z**2) / sigma, stays)
        fits = fits * np.where(self.sent[:, None], mended, 1.0) * self.confusion[self.label] * self.slip
        # What no cause explains is put down to what the alarms said.
        fits = np.where(fits.sum(axis=1, keepdims=True) > _TINY, fits, self.confusion[self.label])
        share = fits / fits.sum(axis=1, keepdims=True)
        share *= self.weight[:, None]

        heals_later = np.where(self.healed[:, None], 1.0, self.heals * self_stays / np.maximum(unhealed, _TINY))
        self._learn_healing(share * heals_later, share, self_z, self_hazard)
        self._learn_repair(share * self.sent[:, None], location, repair_z, hazard)
        slips = np.zeros_like(self.confusion)
        np.add.at(slips, self.label, share)
        self.confusion = (slips + self.start_confusion) / (slips + self.start_confusion).sum(axis=1, keepdims=True)

    def _location(self) -> Vector:
        """The expected log repair time of each fault under each cause."""
        return np.asarray(self.mu + self._team_part() + self.slot_effect[self.slot][:, None])

    def _spread(self) -> Vector:
        """The expected sigma of log repair time of each fault under each cause."""
        out = np.tile(self.sigma, (len(self.past), 1))
        has = self.team >= 0
        out[has] = self.pair_sigma[:, self.team[has]].T
        return out

    def _team_part(self) -> Vector:
        out = np.zeros((len(self.past), len(self.causes)))
        has = self.team >= 0
        out[has] = self.team_effect[self.team[has]][:, None] + self.pair_effect[:, self.team[has]].T
        return out

    def _learn_healing(self, healing: Vector, share: Vector, z: Vector, hazard: Vector) -> None:
        k = self.strength
        self.heals = (healing.sum(axis=0) + k * self.prior_heals) / (share.sum(axis=0) + k)
        seen, spread = _moments(self.log_self[:, None], z, self.self_mu, self.self_sigma, hazard, self.healed[:, None])
        self.self_mu = ((healing * seen).sum(axis=0) + k * self.prior_self) / (healing.sum(axis=0) + k)
        squares = (seen - self.self_mu) ** 2 + spread
        self.self_sigma = _scale(healing, squares, self.self_mu - self.prior_self, self.prior_self_sigma, k)

    def _learn_repair(self, share: Vector, location: Vector, z: Vector, hazard: Vector) -> None:
        """From the top down: each level explains what those above leave, so that none can do the work of another."""
        seen, spread = _moments(self.log_repair[:, None], z, location, self._spread(), hazard, self.repaired[:, None])
        k = self.strength
        # The whole network may be slower than the priors say; each cause is drawn towards that, not towards the prior.
        network = (share * (seen - self.prior_repair)).sum() / (share.sum() + k)
        centre = self.prior_repair + network
        self.mu = ((share * seen).sum(axis=0) + k * centre) / (share.sum(axis=0) + k)
        rest = seen - self.mu
        has = self.team >= 0
        if has.any():
            count = np.zeros((len(self.teams), len(self.causes)))
            total = np.zeros_like(count)
            np.add.at(count, self.team[has], share[has])
            np.add.at(total, self.team[has], share[has] * rest[has])
            self.team_effect = total.sum(axis=1) / (count.sum(axis=1) + k)
            self.pair_effect = ((total - count * self.team_effect[:, None]) / (count + k)).T
            rest = rest - self._team_part()
        weights = np.bincount(self.slot, share.sum(axis=1), len(SLOTS))
        self.slot_effect = np.bincount(self.slot, (share * rest).sum(axis=1), len(SLOTS)) / (weights + k)
        rest = rest - self.slot_effect[self.slot][:, None]
        squares = rest**2 + spread
        self.sigma = _scale(share, squares, self.mu - self.prior_repair, self.prior_repair_sigma, k)
        if has.any():
            spent = np.zeros_like(count)
            np.add.at(spent, self.team[has], (share * squares)[has])
            self.pair_sigma = np.sqrt((spent + k * self.sigma**2) / (count + k)).T

    def _experience(self) -> Experience:
        fates = zip(self.heals, np.exp(self.self_mu), self.self_sigma, np.exp(self.mu), self.sigma, strict=True)
        return Experience(
            causes=self.causes,
            fates={c: Prior(*map(float, fate)) for c, fate in zip(self.causes, fates, strict=True)},
            confusion={
                label: {c: float(p) for c, p in zip(self.causes, row, strict=True)}
                for label, row in zip(self.causes, self.confusion, strict=True)
            },
            teams={t: float(x) for t, x in zip(self.teams, self.team_effect, strict=True)},
            pairs={
                (c, t): float(self.pair_effect[i, j])
                for i, c in enumerate(self.causes)
                for j, t in enumerate(self.teams)
            },
            spreads={
                (c, t): float(self.pair_sigma[i, j])
                for i, c in enumerate(self.causes)
                for j, t in enumerate(self.teams)
            },
            slots={slot: float(x) for slot, x in zip(SLOTS, self.slot_effect, strict=True)},
            faults=len(self.past),
            weight=float(self.weight.sum()),
        )


_MOMENT = 1 / 60
"""A second, in minutes: what took less is not known better."""
_TINY = 1e-280
_FAR = 8.0
"""Standard deviations beyond which tails are followed no further."""

_GRID = np.linspace(-_FAR, _FAR, 6401)
_LOG_TAIL = np.log([0.5 * math.erfc(z / math.sqrt(2)) for z in _GRID])
"""log P(Z > z): between two points of the grid it is wrong by less than a millionth, and arrays read it at once."""


def _tail(z: Vector) -> tuple[Vector, Vector]:
    """P(Z > z) of the standard normal, and its hazard there."""
    near = np.clip(z, -_FAR, _FAR)
    log_stays = np.interp(near, _GRID, _LOG_TAIL)
    return np.exp(log_stays), np.exp(-0.5 * near**2 - log_stays) / math.sqrt(2 * math.pi)


def _moments(
    at: Vector, z: Vector, mu: Vector, sigma: Vector, hazard: Vector, seen: npt.NDArray[np.bool_]
) -> tuple[Vector, Vector]:
    """Mean and variance of each log time: as seen, or as expected of one that is known to be longer."""
    near = np.clip(z, -_FAR, _FAR)
    mean = np.where(seen, at, mu + sigma * hazard)
    return mean, np.where(seen, 0.0, sigma**2 * np.maximum(1 + near * hazard - hazard**2, 0.0))


def _scale(weights: Vector, squares: Vector, moved: Vector, prior: Vector, k: float) -> Vector:
    """The scale of each cause, drawn towards the prior with `k` pseudo-faults, which `moved` leaves at their place."""
    total = weights.sum(axis=0)
    kept = k * (prior**2 + moved**2 * total / (total + k))
    return np.asarray(np.sqrt(((weights * squares).sum(axis=0) + kept) / (total + k)))
