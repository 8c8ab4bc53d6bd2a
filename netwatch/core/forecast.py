"""How likely a deadline is missed, and whether waiting is worth it.

Two things may end a fault: it heals by itself, or a crew repairs it after it was sent. Both
times are lognormal per cause; until a network has its own history, the priors of
`rules/dispatch.toml` stand for it. All times are minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netwatch.core.rules import Prior

_SQRT2 = math.sqrt(2.0)
_TINY = 1e-12


def survival(t: float, median: float, sigma: float) -> float:
    """P(T > t) of a lognormal."""
    if t <= 0:
        return 1.0
    return 0.5 * math.erfc((math.log(t) - math.log(median)) / (sigma * _SQRT2))


def density(t: float, median: float, sigma: float) -> float:
    """Density of a lognormal, per minute."""
    if t <= 0:
        return 0.0
    z = (math.log(t) - math.log(median)) / sigma
    return math.exp(-0.5 * z * z) / (t * sigma * math.sqrt(2 * math.pi))


def quantile(q: float, median: float, sigma: float) -> float:
    """The time within which a share `q` of a lognormal is over, by bisection in log time."""
    low, high = math.log(median) - 8 * sigma, math.log(median) + 8 * sigma
    for _ in range(60):
        middle = (low + high) / 2
        if 1 - survival(math.exp(middle), median, sigma) < q:
            low = middle
        else:
            high = middle
    return math.exp(high)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may become of a fault."""

    miss_if_sent: float
    """P(deadline missed) with the crew sent now, or on its way since it was."""
    heal_rate: float
    """Rate per minute at which it heals by itself right now."""
    saved_rate: float
    """By how much, per minute of waiting, the chance to repair in time falls."""


def outlook(prior: Prior, elapsed: float, left: float, travelling: float | None = None) -> Outlook:
    """The outlook of a fault that has lasted `elapsed` and has `left` until its deadline.

    `travelling`: minutes since a crew was sent, None while nobody is. Source of the form:
    competing risks with the cause's share of self-healing faults conditioned on having lasted.
    """
    healing = prior.heals * survival(elapsed, prior.self_median, prior.self_sigma)
    share = healing / (healing + (1 - prior.heals) + _TINY)
    alive = max(survival(elapsed, prior.self_median, prior.self_sigma), _TINY)
    stays = share * survival(elapsed + max(left, 0.0), prior.self_median, prior.self_sigma) / alive + (1 - share)
    if left <= 0:
        miss = 1.0
    elif travelling is None:
        miss = stays * survival(left, prior.repair_median, prior.repair_sigma)
    else:
        gone = max(survival(travelling, prior.repair_median, prior.repair_sigma), _TINY)
        miss = stays * survival(travelling + left, prior.repair_median, prior.repair_sigma) / gone
    rate = share * density(elapsed, prior.self_median, prior.self_sigma) / alive
    saved = stays * density(left, prior.repair_median, prior.repair_sigma)
    return Outlook(min(max(miss, 0.0), 1.0), rate, saved)
