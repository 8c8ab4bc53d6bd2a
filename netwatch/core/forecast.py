"""How likely a deadline is missed, and whether waiting is worth it.

Two things may end a fault: it heals by itself, or a crew repairs it after it was sent. Both
times are lognormal per cause; until a network has its own history, the priors of
`rules/dispatch.toml` stand for it. All times are minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    # In logarithms throughout: the smallest times times sigma are no number any more.
    return math.exp(-0.5 * z * z - math.log(t)) / (sigma * math.sqrt(2 * math.pi))


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


# ---------------------------------------------------------------- several causes that it may be


@dataclass(frozen=True, slots=True)
class Branch:
    """One cause that a fault may have, as the forecast weighs it."""

    cause: str
    weight: float
    """P(this cause) when the fault began, before it is known how long it lasts. All weights add up to 1."""
    prior: Prior


def lasts(prior: Prior, elapsed: float) -> float:
    """P(a fault of this cause has not healed by itself after `elapsed` minutes)."""
    return 1 - prior.heals + prior.heals * survival(elapsed, prior.self_median, prior.self_sigma)


def reweigh(branches: Sequence[Branch], elapsed: float) -> tuple[Branch, ...]:
    """The branches of a fault that has lasted `elapsed`: what heals fast and has not healed is no longer likely."""
    weights = [b.weight * lasts(b.prior, elapsed) for b in branches]
    total = sum(weights)
    if total < _TINY:  # older than anything that any cause explains: what we know says nothing
        return tuple(branches)
    return tuple(Branch(b.cause, w / total, b.prior) for b, w in zip(branches, weights, strict=True))


def heals_within(branches: Sequence[Branch], elapsed: float, step: float) -> float:
    """P(heals by itself in the next `step` minutes | it has lasted `elapsed`)."""
    now = sum(b.weight * lasts(b.prior, elapsed) for b in branches)
    then = sum(b.weight * lasts(b.prior, elapsed + step) for b in branches)
    return 1 - then / now if now > _TINY else 0.0


def miss(branches: Sequence[Branch], elapsed: float, deadline: float, wait: float = 0.0) -> float:
    """P(not restored at `deadline` | it has lasted `elapsed`), a crew being sent after `wait` more minutes.

    Times count from the beginning of the fault. P(restored after L | not at e) = Σ w(e) · S(L) / S(e), with healing and
    repair as competing risks that do not know of one another.
    """
    now = sum(b.weight * lasts(b.prior, elapsed) for b in branches)
    if deadline <= elapsed or now <= _TINY:
        return 1.0
    left = deadline - elapsed - wait
    late = sum(
        b.weight * lasts(b.prior, deadline) * survival(left, b.prior.repair_median, b.prior.repair_sigma)
        for b in branches
    )
    return min(late / now, 1.0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next decision needs to know. Times are minutes from now."""

    miss_if_sent: float
    """P(deadline missed) with a crew sent now."""
    miss_if_waiting: float
    """…with a crew sent one step later, unless it heals before."""
    median: float
    """The time until service is back, a crew being sent now: as often shorter as longer."""
    p80: float
    """…which four in five do not exceed."""


def forecast(branches: Sequence[Branch], elapsed: float, deadline: float, step: float = 1.0) -> Forecast:
    """The forecast of a fault that has lasted `elapsed` and must be over at `deadline`."""
    return Forecast(
        miss(branches, elapsed, deadline),
        miss(branches, elapsed, deadline, step),
        _within(0.5, branches, elapsed),
        _within(0.8, branches, elapsed),
    )


def _within(share: float, branches: Sequence[Branch], elapsed: float) -> float:
    low, high = 0.0, 1.0
    while miss(branches, elapsed, elapsed + high) > 1 - share and high < _FOREVER:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        if miss(branches, elapsed, elapsed + middle) > 1 - share:
            low = middle
        else:
            high = middle
    return high


_FOREVER = 1e7
"""Minutes; nobody asks for more."""


# ---------------------------------------------------------------- when to send


def one_step(
    branches: Sequence[Branch], elapsed: float, deadline: float, dispatch: float, breach: float, step: float = 1.0
) -> bool:
    """Whether to send now, looking one step ahead: does the breach that waiting risks cost more than the trip it saves?

    The form that people can check. It errs where the chance to heal is still rising.
    """
    saved = heals_within(branches, elapsed, step) * dispatch
    risked = (miss(branches, elapsed, deadline, step) - miss(branches, elapsed, deadline)) * breach
    return risked > saved


class Plan:
    """The moments at which a crew may be sent, weighed once for any costs.

    Sending at one of them costs a trip and the breach that even a crew on its way may not prevent; waiting costs what
    the next moment costs, unless it heals before. At the limit breach and trip are both due, for somebody must go in
    the end.
    """

    def __init__(self, branches: Sequence[Branch], limit: float) -> None:
        self.times = _grid(limit)
        self._lasting = [sum(b.weight * lasts(b.prior, t) for b in branches) for t in self.times]
        late = [(b.weight * lasts(b.prior, limit), b.prior.repair_median, b.prior.repair_sigma) for b in branches]
        misses = (sum(w * survival(limit - t, median, sigma) for w, median, sigma in late) for t in self.times)
        # At the limit itself this is 1: nobody is restored who still lasts.
        self._missed = [m / n if n > _TINY else 1.0 for m, n in zip(misses, self._lasting, strict=True)]

    def hold_off(self, dispatch: float, breach: float) -> float:
        """The hold-off of least expected cost, by backward recursion from the limit; ties go to the earlier moment."""
        value, best = dispatch + breach * self._missed[-1], self.times[-1]
        for k in range(len(self.times) - 2, -1, -1):
            if self._lasting[k] <= _TINY:
                continue
            waiting = value * self._lasting[k + 1] / self._lasting[k]
            sending = dispatch + breach * self._missed[k]
            if sending <= waiting:
                value, best = sending, self.times[k]
            else:
                value = waiting
        return best

    def one_step(self, dispatch: float, breach: float) -> float:
        """The hold-off of looking one step ahead; the limit if that never says to send."""
        costs = [n * (dispatch + breach * m) for n, m in zip(self._lasting, self._missed, strict=True)]
        return next(
            (t for t, now, then in zip(self.times, costs, costs[1:], strict=False) if now <= then), self.times[-1]
        )


def one_step_hold(branches: Sequence[Branch], limit: float, dispatch: float, breach: float) -> float:
    """The minutes after which looking one step ahead first says to send; `limit` if it never does."""
    return Plan(branches, limit).one_step(dispatch, breach)


def hold_off(branches: Sequence[Branch], limit: float, dispatch: float, breach: float) -> float:
    """The hold-off of least expected cost, in minutes from the beginning."""
    return Plan(branches, limit).hold_off(dispatch, breach)


def _grid(limit: float) -> Sequence[float]:
    """Every minute of the first hour, when most heals, then every fifth."""
    times = [float(t) for t in range(math.ceil(min(limit, 60)))]
    times += [float(t) for t in range(60, math.ceil(limit), 5)]
    return [*times, limit]
