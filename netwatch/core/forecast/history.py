"""What past faults teach: how often each cause heals by itself, how long healing and repair take, and for whom.

Two times compete for the end of a fault. Healing is not seen where a crew ended it (once the crew is there nobody can
tell any more what would have healed), repair is not seen where it healed first; leaving such faults out, or taking
their ends for what they are not, makes forecasts wrong by as much as the policy that made them. Here both count as
what they are: "not within so many minutes". The cause itself is uncertain: what the alarms said is not always what
the returned slip says, and what healed has no slip.

Expectation and maximisation over both uncertainties, every level drawn towards the one above with `strength`
pseudo-faults: prior → network → cause → hour and area → orders ahead → team → (cause, team). A few faults move little,
hundreds leave nothing of the prior. Old faults count less, and faults of one event (one cable) count as one together:
they are one draw of chance. When a fault began is known to one poll; what healed fast is taken for anything in between.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from netwatch.core.forecast.experience import MOST_AHEAD, SLOTS, Experience
from netwatch.core.forecast.past import End, Past
from netwatch.core.rules import LearningRules, Prior
from netwatch.core.time import Instant

Vector: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

_ROUNDS = 40
_SETTLED = 1e-4


def learn(
    past: Sequence[Past],
    priors: Mapping[str, Prior],
    now: Instant,
    rules: LearningRules,
) -> Experience:
    """What `past` teaches beyond `priors`, as of `now`. Without any past, the priors as they are.

    A cause that the priors lack starts as `unknown` (or, without one, as the first prior).
    """
    return _Learner(past, priors, now, rules).learn()


class _Learner:
    """One run of expectation and maximisation; arrays are (fault, cause)."""

    def __init__(self, past: Sequence[Past], priors: Mapping[str, Prior], now: Instant, rules: LearningRules) -> None:
        self.rules, self.now = rules, now
        # Later than `now` is unknown then; no time at all is no logarithm.
        self.past = [p for p in past if p.started <= now and p.lasted > 0]
        names = {*priors, *(p.cause for p in self.past), *(p.found for p in self.past if p.found)}
        fallback = priors.get("unknown") or next(iter(priors.values()))
        self.causes = tuple(sorted(names))
        self.start, self.strength = rules.prior_strength, rules.strength
        begin = [priors.get(c, fallback) for c in self.causes]
        self.prior_heals = np.array([p.heals for p in begin])
        self.prior_self = np.log([p.self_median for p in begin])
        self.prior_self_sigma = np.array([p.self_sigma for p in begin])
        self.prior_repair = np.log([p.repair_median for p in begin])
        self.prior_repair_sigma = np.array([p.repair_sigma for p in begin])
        self.heals, self.self_mu, self.self_sigma = self.prior_heals, self.prior_self, self.prior_self_sigma
        self.mu, self.sigma = self.prior_repair, self.prior_repair_sigma
        self.start_confusion = self._start_confusion(set(priors))
        self.confusion = self.start_confusion / self.start_confusion.sum(axis=1, keepdims=True)
        self._facts()
        self.team_effect = np.zeros(len(self.teams))
        self.pair_effect = np.zeros((len(self.causes), len(self.teams)))
        self.pair_sigma = np.tile(self.sigma[:, None], len(self.teams))
        self.slot_effect = np.zeros(len(SLOTS))
        self.queue_effect = np.zeros(MOST_AHEAD + 1)

    def _facts(self) -> None:
        past, index = self.past, {c: n for n, c in enumerate(self.causes)}
        self.teams = tuple(sorted({p.team for p in past if p.team}))
        team = {t: n for n, t in enumerate(self.teams)}
        together = Counter(p.incident for p in past)
        self.weight = np.array(
            [
                0.5 ** ((self.now - p.started) / self.rules.half_life) / (together[p.incident] if p.incident else 1)
                for p in past
            ]
        )
        self.label: Indices = np.array([index[p.cause] for p in past], dtype=np.intp)
        self.slip = np.ones((len(past), len(self.causes)))
        for n, p in enumerate(past):
            if p.found:
                self.slip[n] = (1 - self.rules.slips_right) / max(len(self.causes) - 1, 1)
                self.slip[n, index[p.found]] = self.rules.slips_right
        self.team: Indices = np.array([team.get(p.team, -1) for p in past], dtype=np.intp)
        self.slot: Indices = np.array([SLOTS.index((p.night, p.area == "suburb")) for p in past], dtype=np.intp)
        self.healed = np.array([p.end is End.HEALED for p in past], dtype=bool)
        # Until when healing would have been seen.
        watched = [p.arrived if p.end is End.REPAIRED and p.arrived else p.lasted for p in past]
        self.log_self = np.log(np.maximum(watched, _MOMENT))
        slack = np.array([p.slack if p.end is End.HEALED else 0.0 for p in past])
        self.log_latest = np.log(np.maximum(watched, _MOMENT) + slack)
        """Healed after this at the latest: it may have begun before we saw it."""
        self.ahead: Indices = np.array([min(p.ahead, MOST_AHEAD) for p in past], dtype=np.intp)
        self.sent = np.array([p.sent is not None and p.sent < p.lasted for p in past], dtype=bool)
        took = [p.lasted - p.sent if p.sent is not None else 1.0 for p in past]
        self.log_repair = np.log(np.maximum(took, _MOMENT))
        self.repaired = self.sent & np.array([p.end is End.REPAIRED for p in past], dtype=bool)

    def _start_confusion(self, known: set[str]) -> Vector:
        """Pseudo-slips: mostly what the alarms say, the rest of the known causes alike."""
        count = len(self.causes)
        rest = np.array([float(c in known) for c in self.causes])
        table = np.tile(rest * (1 - self.rules.alarms_right) / max(rest.sum(), 1.0), (count, 1))
        np.fill_diagonal(table, table.diagonal() + self.rules.alarms_right)
        if "unknown" in self.causes:
            # Alarms that say nothing leave every cause open.
            table[self.causes.index("unknown")] = (1 + rest) / (count + rest.sum())
        return table * self.start / 2

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
        density = self._healed_then(self_z, self_stays)
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
        columns = [np.bincount(self.label, column, len(self.causes)) for column in share.T]
        slips = np.stack(columns, axis=1)
        self.confusion = (slips + self.start_confusion) / (slips + self.start_confusion).sum(axis=1, keepdims=True)

    def _healed_then(self, z: Vector, stays: Vector) -> Vector:
        """The likelihood that it healed when it did: a density where that is known, a share of a poll where not."""
        latest, _ = _tail((self.log_latest[:, None] - self.self_mu) / self.self_sigma)
        width = np.maximum(self.log_latest - self.log_self, 0.0)[:, None]
        within = (stays - latest) / np.where(width > _SAME, width, 1.0)
        return np.where(width > _SAME, within * math.sqrt(2 * math.pi), np.exp(-0.5 * z**2) / self.self_sigma)

    def _location(self) -> Vector:
        """The expected log repair time of each fault under each cause."""
        place = self.slot_effect[self.slot] + self.queue_effect[self.ahead]
        return np.asarray(self.mu + self._team_part() + place[:, None])

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
        k = self.start
        self.heals = (healing.sum(axis=0) + k * self.prior_heals) / (share.sum(axis=0) + k)
        seen, spread = _moments(self.log_self[:, None], z, self.self_mu, self.self_sigma, hazard, self.healed[:, None])
        between = self.log_latest - self.log_self > _SAME
        if between.any():
            latest = (self.log_latest[between, None] - self.self_mu) / self.self_sigma
            mean, variance = _between(z[between], latest)
            seen[between] = self.self_mu + self.self_sigma * mean
            spread[between] = self.self_sigma**2 * variance
        self.self_mu = ((healing * seen).sum(axis=0) + k * self.prior_self) / (healing.sum(axis=0) + k)
        squares = (seen - self.self_mu) ** 2 + spread
        self.self_sigma = _scale(healing, squares, self.self_mu - self.prior_self, self.prior_self_sigma, k)

    def _learn_repair(self, share: Vector, location: Vector, z: Vector, hazard: Vector) -> None:
        """From the top down: each level explains what those above leave, so that none can do the work of another."""
        seen, spread = _moments(self.log_repair[:, None], z, location, self._spread(), hazard, self.repaired[:, None])
        k = self.strength
        # The whole network may be slower than the priors say; each cause is drawn towards that, not towards the prior.
        network = (share * (seen - self.prior_repair)).sum() / (share.sum() + self.start)
        centre = self.prior_repair + network
        self.mu = ((share * seen).sum(axis=0) + self.start * centre) / (share.sum(axis=0) + self.start)
        rest = seen - self.mu
        # Hour, place and queue are there for all teams alike: what they explain is nobody's doing.
        self.slot_effect, rest = self._shared(self.slot, len(SLOTS), share, rest)
        self.queue_effect, rest = self._shared(self.ahead, MOST_AHEAD + 1, share, rest)
        has = self.team >= 0
        if has.any():
            count, total = self._by_team(share), self._by_team(share * rest)
            self.team_effect = total.sum(axis=1) / (count.sum(axis=1) + k)
            self.pair_effect = ((total - count * self.team_effect[:, None]) / (count + k)).T
            rest = rest - self._team_part()
        squares = rest**2 + spread
        self.sigma = _scale(share, squares, self.mu - self.prior_repair, self.prior_repair_sigma, self.start)
        if has.any():
            self.pair_sigma = np.sqrt((self._by_team(share * squares) + k * self.sigma**2) / (count + k)).T

    def _shared(self, index: Indices, size: int, share: Vector, rest: Vector) -> tuple[Vector, Vector]:
        """What belonging to each group does to any repair, and what is left to explain."""
        weights = np.bincount(index, share.sum(axis=1), size)
        effect = np.bincount(index, (share * rest).sum(axis=1), size) / (weights + self.strength)
        return effect, rest - effect[index][:, None]

    def _by_team(self, what: Vector) -> Vector:
        """Sums over the faults of each team; (team, cause)."""
        has = self.team >= 0
        columns = [np.bincount(self.team[has], column, len(self.teams)) for column in what[has].T]
        return np.asarray(np.stack(columns, axis=1))

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
            queue=tuple(map(float, self.queue_effect)),
            faults=len(self.past),
            weight=float(self.weight.sum()),
            until=self.now,
        )


_MOMENT = 1 / 60
"""A second, in minutes: what took less is not known better."""
_SAME = 1e-6
_TINY = 1e-280
_FAR = 8.0
"""Standard deviations beyond which tails are followed no further."""

_FINE = 400
"""Points of the grid to a standard deviation."""
_GRID = np.linspace(-_FAR, _FAR, round(2 * _FAR * _FINE) + 1)
_LOG_TAIL = np.log([0.5 * math.erfc(z / math.sqrt(2)) for z in _GRID])
"""log P(Z > z): between two points of the grid it is wrong by less than a millionth, and arrays read it at once."""
_SLOPE = np.diff(_LOG_TAIL, append=_LOG_TAIL[-1])
"""From each point to the next."""


def _tail(z: Vector) -> tuple[Vector, Vector]:
    """P(Z > z) of the standard normal, and its hazard there."""
    near = np.clip(z, -_FAR, _FAR)
    place = (near + _FAR) * _FINE  # not np.interp: it searches, and the points of this grid are where they must be
    point = place.astype(np.intp)
    log_stays = _LOG_TAIL[point] + _SLOPE[point] * (place - point)
    return np.exp(log_stays), np.exp(-0.5 * near**2 - log_stays) / math.sqrt(2 * math.pi)


def _moments(
    at: Vector, z: Vector, mu: Vector, sigma: Vector, hazard: Vector, seen: npt.NDArray[np.bool_]
) -> tuple[Vector, Vector]:
    """Mean and variance of each log time: as seen, or as expected of one that is known to be longer."""
    near = np.clip(z, -_FAR, _FAR)
    mean = np.where(seen, at, mu + sigma * hazard)
    return mean, np.where(seen, 0.0, sigma**2 * np.maximum(1 + near * hazard - hazard**2, 0.0))


def _between(low: Vector, high: Vector) -> tuple[Vector, Vector]:
    """Mean and variance of a standard normal that lies between two bounds."""
    low, high = np.clip(low, -_FAR, _FAR), np.clip(high, -_FAR, _FAR)
    inside = np.maximum(_tail(low)[0] - _tail(high)[0], _TINY)
    at_low, at_high = (np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) for z in (low, high))
    # Far out the difference of two tails is all rounding: what lies there is at the nearer bound.
    mean = np.clip((at_low - at_high) / inside, low, high)
    return mean, np.clip(1 + (low * at_low - high * at_high) / inside - mean**2, 0.0, 1.0)


def _scale(weights: Vector, squares: Vector, moved: Vector, prior: Vector, k: float) -> Vector:
    """The scale of each cause, drawn towards the prior with `k` pseudo-faults, which `moved` leaves at their place."""
    total = weights.sum(axis=0)
    kept = k * (prior**2 + moved**2 * total / (total + k))
    return np.asarray(np.sqrt(((weights * squares).sum(axis=0) + kept) / (total + k)))
