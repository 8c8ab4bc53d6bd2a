"""What past faults would have come to, had other crews been sent: the time that is not on record.

What healed shows no repair, what was repaired shows no healing. The missing time is drawn from the Kaplan-Meier curve
of the same cause beyond what is known, many times; no distribution is assumed there, least of all the one that our
forecast assumes. Where the record itself says what would have been, as a simulation can, nothing is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from netwatch.core.forecast.past import End, Past

Vector: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

DRAWS = 20
FEW = 20
"""Faults below which a cause borrows the curve of all."""


class Curve:
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
    watched, healed = healing(past)
    worked, repaired = repairing(past)
    shape = (draws, len(past))
    out_healed = np.broadcast_to(np.where(healed, watched, math.inf), shape).copy()
    out_took = np.broadcast_to(np.where(repaired, worked, math.inf), shape).copy()
    causes = np.array([p.cause for p in past])
    pool_causes = np.array([p.cause for p in pool])
    pool_watched, pool_healed = healing(pool)
    pool_worked, pool_repaired = repairing(pool)
    for cause in sorted(set(causes)):
        mine = pool_causes == cause
        if mine.sum() < FEW:
            mine = np.ones(len(pool), dtype=bool)
        heals = Curve(pool_watched[mine], pool_healed[mine])
        # Only who was sent for can have been repaired.
        works = mine & (pool_worked > 0)
        if pool_repaired[works].sum() < FEW:
            works = pool_worked > 0
        repairs = Curve(pool_worked[works], pool_repaired[works])
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
        heals_then, takes_then = on_record(past)
        out_healed = np.where(np.isnan(heals_then), out_healed, heals_then)
        out_took = np.where(np.isnan(takes_then), out_took, takes_then)
    return out_healed, out_took


def on_record(past: Sequence[Past]) -> tuple[Vector, Vector]:
    """When each would have healed and how long its repair would have taken, where the record says so; else nan."""
    heals = [math.nan if p.would_heal is None else p.would_heal for p in past]
    return np.array(heals), np.array([math.nan if p.would_take is None else p.would_take for p in past])


def healing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was seen not to have healed, and whether it healed then."""
    healed = np.array([p.end is End.HEALED for p in past], dtype=bool)
    return np.array([p.arrived if p.end is End.REPAIRED and p.arrived else p.lasted for p in past]), healed


def repairing(past: Sequence[Past]) -> tuple[Vector, Flags]:
    """How long each was under repair (0: nobody was sent), and whether it was repaired then."""
    worked = np.array([max(p.lasted - p.sent, 0.0) if p.sent is not None else 0.0 for p in past])
    return worked, np.array([p.end is End.REPAIRED for p in past], dtype=bool) & (worked > 0)
