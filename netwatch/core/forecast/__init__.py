"""How likely a deadline is missed, and whether waiting is worth it.

Two things may end a fault: it heals by itself, or a crew repairs it after it was sent. Both
times are lognormal per cause; until a network has its own history, the priors of
`rules/dispatch.toml` stand for it. All times are minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netwatch.core.rules import Prior

_SQRT2 = math.sqrt(2.0)
_TINY = 1e-12


def survival(t: float, median: float, sigma: float) -> float:
    """P(T > t) of a lognormal."""
    if t <= 0:
        return 1.0
    return 0.5 * math.erfc((math.log(t) - math.log(median)) / (sigma * _SQRT2))


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


def miss(branches: Sequence[Branch], elapsed: float, deadline: float, sent: float | None = None) -> float:
    """P(not restored at `deadline` | it has lasted `elapsed`), by a crew that is sent after `sent` minutes (None: now).

    All times count from the beginning of the fault; `sent` may lie ahead, when somebody waits, or back, when a crew
    is on its way. P(restored after L | not at e) = Σ w(e) · S(L) / S(e), with healing and repair as competing risks
    that do not know of one another. What has lasted longer than any healing known will not heal by itself.
    """
    leaves = elapsed if sent is None else sent
    now = _still_out(branches, elapsed, leaves)
    if now <= _TINY:
        branches = [replace(b, prior=replace(b.prior, heals=0.0)) for b in branches]
        now = _still_out(branches, elapsed, leaves)
    if deadline <= elapsed or now <= _TINY:
        return 1.0
    return min(_still_out(branches, deadline, leaves) / now, 1.0)


def _still_out(branches: Sequence[Branch], t: float, leaves: float) -> float:
    """P(neither healed nor repaired after `t` minutes) by a crew that leaves after so many."""
    out = 0.0
    for b in branches:
        fate = b.prior
        out += b.weight * lasts(fate, t) * survival(t - leaves, fate.repair_median, fate.repair_sigma)
    return out


@dataclass(frozen=True, slots=True)
class Forecast:
    """What becomes of a fault. Times are minutes from now."""

    miss: float
    """P(deadline missed) with a crew sent now, or under way since it was sent."""
    miss_if_waiting: float
    """…with a crew sent one step later, unless it heals before; the same once a crew is under way."""
    median: float
    """The time until service is back, the crew being sent now at the latest: as often shorter as longer."""
    p80: float
    """…which four in five do not exceed."""


def forecast(
    branches: Sequence[Branch], elapsed: float, deadline: float, sent: float | None = None, step: float = 1.0
) -> Forecast:
    """The forecast of a fault that has lasted `elapsed` and must be over at `deadline`."""
    now = miss(branches, elapsed, deadline, sent)
    return Forecast(
        now,
        miss(branches, elapsed, deadline, elapsed + step) if sent is None else now,
        within(0.5, branches, elapsed, sent),
        within(0.8, branches, elapsed, sent),
    )


def within(share: float, branches: Sequence[Branch], elapsed: float, sent: float | None = None) -> float:
    """The minutes from now within which a share of such faults is over; found by halving in log time."""
    leaves = elapsed if sent is None else sent
    left = (1 - share) * _still_out(branches, elapsed, leaves)
    low, high = 0.0, 1.0
    while _still_out(branches, elapsed + high, leaves) > left and high < _FOREVER:
        low, high = high, high * 4
    while high - low > _CLOSE * high:
        middle = (low + high) / 2 if low * 4 < high else math.sqrt(low * high)
        if _still_out(branches, elapsed + middle, leaves) > left:
            low = middle
        else:
            high = middle
    return high


_FOREVER = 1e7
"""Minutes; nobody asks for more."""
_CLOSE = 0.005
"""A half per cent: nobody plans an evening by less."""


# ---------------------------------------------------------------- when to send


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

    def sends(self, dispatch: float, breach: float) -> tuple[bool, ...]:
        """For each moment whether sending then costs no more than waiting, by backward recursion from the limit."""
        value = dispatch + breach * self._missed[-1]
        out = [True]
        for k in range(len(self.times) - 2, -1, -1):
            sending = dispatch + breach * self._missed[k]
            waiting = value * self._lasting[k + 1] / self._lasting[k] if self._lasting[k] > _TINY else sending
            out.append(sending <= waiting)
            value = min(sending, waiting)
        return tuple(reversed(out))

    def hold_off(self, dispatch: float, breach: float) -> float:
        """The hold-off of least expected cost; ties go to the earlier moment."""
        return self.times[self.sends(dispatch, breach).index(True)]

    def one_step(self, dispatch: float, breach: float) -> float:
        """The hold-off of looking one step ahead; the limit if that never says to send."""
        costs = [n * (dispatch + breach * m) for n, m in zip(self._lasting, self._missed, strict=True)]
        return next(
            (t for t, now, then in zip(self.times, costs, costs[1:], strict=False) if now <= then), self.times[-1]
        )


def hold_off(branches: Sequence[Branch], limit: float, dispatch: float, breach: float) -> float:
    """The hold-off of least expected cost, in minutes from the beginning."""
    return Plan(branches, limit).hold_off(dispatch, breach)


def _grid(limit: float) -> Sequence[float]:
    """Every minute of the first hour, when most heals, then every fifth."""
    times = [float(t) for t in range(math.ceil(min(limit, 60)))]
    times += [float(t) for t in range(60, math.ceil(limit), 5)]
    return [*times, limit]
