"""How good forecasts were: what was said against what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]

_SURE = 1e-4
"""Nobody is surer than this: one miss that was called impossible must not outweigh all else."""


def brier(said: Vector, was: Vector) -> Vector:
    """The squared error of each."""
    return np.asarray((said - was) ** 2)


def log_loss(said: Vector, was: Vector) -> Vector:
    """The negative logarithm of the chance that was given to what came, for each."""
    chance = np.clip(said, _SURE, 1 - _SURE)
    return np.asarray(-(was * np.log(chance) + (1 - was) * np.log(1 - chance)))


def calibration(said: Vector, was: Vector, least: int) -> tuple[float, float] | None:
    """(slope, intercept) of the logistic regression of what was on the log odds of what was said.

    (1, 0): said as it is. A slope below 1: too sure; an intercept above 0: it came more often than was said. None with
    fewer than `least` of either outcome.
    """
    hits = int(was.sum())
    if min(hits, len(was) - hits) < max(least, 1):
        return None
    odds = np.log(np.clip(said, _SURE, 1 - _SURE) / np.clip(1 - said, _SURE, 1 - _SURE))
    x = np.column_stack([np.ones_like(odds), odds])
    beta = np.array([0.0, 1.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (was - p))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[1]), float(beta[0])


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts that said nearly the same."""

    said: float
    was: float
    """Share that came."""
    count: int


def reliability(said: Vector, was: Vector, bins: int = 10) -> list[Bin]:
    """What was said against what came, in bins of equal width; empty ones are left out."""
    place = np.minimum((said * bins).astype(int), bins - 1)
    return [
        Bin(float(said[here].mean()), float(was[here].mean()), int(here.sum()))
        for here in (place == n for n in range(bins))
        if here.any()
    ]
