"""How well the forecast foresees, out of time, against what people would use in its place.

Every later fault is asked about at the same shares of its limit, as long as it lasts: will it be restored in time?
The answer may use what was known at that moment and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from netwatch.core.forecast import Branch, miss, survival
from netwatch.core.forecast.calibration import Bin, brier, calibration, log_loss, reliability
from netwatch.core.forecast.experience import Circumstances, Experience
from netwatch.core.forecast.past import End, Past

Vector: TypeAlias = npt.NDArray[np.float64]

FORECAST = "forecast"
POOLED = "one lognormal for all"
PER_CAUSE = "a lognormal for each cause"
ELAPSED = "share of the limit elapsed"

SHARES = (0.0, 0.125, 0.25, 0.5, 0.75)
"""Of the limit: when the question is asked."""

_FEW = 20


@dataclass(frozen=True, slots=True)
class Foresight:
    """One way of foreseeing, with 95 % intervals over days of what it does worse than the forecast."""

    model: str
    brier: float
    brier_more: tuple[float, float, float]
    """(mean, low, high) beyond the forecast's; above 0 the forecast is better."""
    log_loss: float
    log_loss_more: tuple[float, float, float]
    slope: float | None
    """Of calibration; 1: said as it is; below: too sure; None: too few misses or hits to tell."""
    intercept: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """All ways of foreseeing, asked the same questions."""

    questions: int
    faults: int
    base_rate: float
    models: Sequence[Foresight]
    reliability: Sequence[Bin]
    """Of the forecast."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions, each answered in every way."""

    fault: npt.NDArray[np.intp]
    was: Vector
    said: Mapping[str, Vector]


def circumstances(p: Past, *, sent: bool = False) -> Circumstances:
    """What is known of a past fault; how many orders lay ahead only once it was sent."""
    return Circumstances(p.team, p.area, p.night, p.ahead if sent else None)


def ask(known: Experience, train: Sequence[Past], test: Sequence[Past]) -> Asked:
    """Put all questions about the later faults."""
    usual = _usual_hold(train)
    pooled, by_cause = _lognormals(train)
    elapsed_rate = {share: _missed(train, share) for share in SHARES}
    fault, was = [], []
    said: dict[str, list[float]] = {FORECAST: [], POOLED: [], PER_CAUSE: [], ELAPSED: []}
    branches: dict[tuple[str, Circumstances], tuple[Branch, ...]] = {}
    for n, p in enumerate(test):
        for share in SHARES:
            elapsed = share * p.limit
            if p.lasted <= elapsed or not _known(p):
                continue
            gone = p.sent is not None and p.sent <= elapsed
            about = circumstances(p, sent=gone)
            if (p.cause, about) not in branches:
                branches[p.cause, about] = known.branches(p.cause, about)
            # Who has not been sent yet will be when they usually are.
            leaves = p.sent if gone else max(elapsed, usual.get(p.assurance, usual[""]))
            fault.append(n)
            was.append(float(p.lasted > p.limit))
            said[FORECAST].append(miss(branches[p.cause, about], elapsed, p.limit, leaves))
            said[POOLED].append(_later(pooled, elapsed, p.limit))
            said[PER_CAUSE].append(_later(by_cause.get(p.cause, pooled), elapsed, p.limit))
            said[ELAPSED].append(elapsed_rate[share])
    return Asked(np.array(fault, dtype=np.intp), np.array(was), {name: np.array(x) for name, x in said.items()})


def judge(asked: Asked, days: Vector) -> Accuracy | None:
    """Compare the answers. `days`: how often each fault counts in each resample, (resample, fault)."""
    if not len(asked.was):
        return None
    weight = days[:, asked.fault]
    losses = {name: (brier(said, asked.was), log_loss(said, asked.was)) for name, said in asked.said.items()}
    models = []
    for name, said in asked.said.items():
        more = [_interval(mine - ours, weight) for mine, ours in zip(losses[name], losses[FORECAST], strict=True)]
        fit = calibration(said, asked.was, _FEW)
        models.append(
            Foresight(
                name,
                float(losses[name][0].mean()),
                more[0],
                float(losses[name][1].mean()),
                more[1],
                fit[0] if fit else None,
                fit[1] if fit else None,
            )
        )
    return Accuracy(
        len(asked.was),
        len(np.unique(asked.fault)),
        float(asked.was.mean()),
        models,
        reliability(asked.said[FORECAST], asked.was),
    )


def _interval(values: Vector, weight: Vector) -> tuple[float, float, float]:
    spread = weight @ values / np.maximum(weight.sum(axis=1), 1e-9)
    low, high = np.quantile(spread, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def _known(p: Past) -> bool:
    """Whether it is on record if the limit was kept: what was only watched up to there says nothing."""
    return p.end is not End.OPEN or p.lasted > p.limit


def _usual_hold(train: Sequence[Past]) -> dict[str, float]:
    """Class → minutes after which crews were usually sent; empty: over all."""
    out = {"": float(np.median([p.sent for p in train if p.sent is not None] or [0.0]))}
    for name in {p.assurance for p in train}:
        mine = [p.sent for p in train if p.assurance == name and p.sent is not None]
        if len(mine) >= _FEW:
            out[name] = float(np.median(mine))
    return out


def _lognormals(train: Sequence[Past]) -> tuple[tuple[float, float], dict[str, tuple[float, float]]]:
    """(median, sigma) of how long faults lasted: of all, and of each cause with enough of them."""

    def fit(times: Sequence[float]) -> tuple[float, float]:
        logs = np.log(np.maximum(times, 1 / 60))
        return float(np.exp(logs.mean())), max(float(logs.std()), 0.05)

    causes: dict[str, list[float]] = {}
    for p in train:
        if p.end is not End.OPEN:
            causes.setdefault(p.cause, []).append(p.lasted)
    everything = [t for times in causes.values() for t in times] or [p.lasted for p in train]
    return fit(everything), {cause: fit(times) for cause, times in causes.items() if len(times) >= _FEW}


def _later(fit: tuple[float, float], elapsed: float, limit: float) -> float:
    stays = survival(elapsed, *fit)
    return survival(limit, *fit) / stays if stays > 0 else 1.0


def _missed(train: Sequence[Past], share: float) -> float:
    """How many of those that lasted so much of their limit missed it."""
    asked = [p.lasted > p.limit for p in train if _known(p) and p.lasted > share * p.limit]
    return (sum(asked) + 1) / (len(asked) + 2)
