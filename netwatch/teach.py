"""Lets the past teach the forecast: reads the record now and then, learns in a thread, hands in what was learnt.

What was learnt enters by the inbox like anything that is heard: journalled, replayed, in force from its instant on. So
the engine stays a function of its facts, and learning may take its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from netwatch.core.codec import encode
from netwatch.core.forecast.calibration import calibration
from netwatch.core.forecast.history import learn
from netwatch.core.forecast.lessons import Kept, lessons, told_and_come
from netwatch.core.model import Fact, Fault, Learnt, Outage, Ticket
from netwatch.core.rules import DispatchRules
from netwatch.core.time import SECOND, Instant
from netwatch.store.history import History

log = logging.getLogger(__name__)

REMEMBERED = 5
"""Half-lives after which a fault counts 3 % and is not read any more."""

_SOON = 60.0
"""Seconds after a start: first comes what fell due while nobody was there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the forecast can be relied on."""

    faults: int
    """Learnt from so many."""
    judged: int
    """Deadlines of late by which it was judged."""
    slope: float | None
    """Of calibration over the window of the rules; None: too few to tell."""
    low: float
    high: float

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; empty when nothing is."""
        if self.slope is None or self.low <= self.slope <= self.high:
            return ""
        way = "too sure" if self.slope < self.low else "too timid"
        return (
            f"the forecast is {way}: calibration slope {self.slope:.2f} over {self.judged} departures, "
            f"it should lie between {self.low:g} and {self.high:g}"
        )


async def standing(history: History, rules: DispatchRules, now: Instant) -> Standing:
    """How the forecast has done of late, from the record alone."""
    kept = await _kept(history, now - rules.drift.window, now)
    return await asyncio.to_thread(_judge, kept, rules, now, 0)


def _judge(kept: Kept, rules: DispatchRules, now: Instant, faults: int) -> Standing:
    drift = rules.drift
    said, came = told_and_come(kept, now - drift.window, now)
    fit = calibration(np.array(said), np.array(came), drift.least)
    return Standing(faults, len(said), fit[0] if fit else None, drift.low, drift.high)


async def _kept(history: History, since: Instant, now: Instant) -> Kept:
    span = since, now + 1
    return Kept(
        await history.rows(Fault, between=span),
        await history.rows(Ticket, between=span),
        await history.rows(Outage, between=span),
    )


class Teacher:
    """`run` teaches for ever; `standing` says how far the forecast can be relied on."""

    def __init__(
        self,
        history: History,
        hand_in: Callable[[Fact], Awaitable[None]],
        clock: Callable[[], Instant],
        rules: Callable[[], DispatchRules],
        zone: ZoneInfo,
        poll_minutes: Callable[[], float],
        *,
        speed: float = 1.0,
    ) -> None:
        self._history, self._hand_in, self._clock, self._rules = history, hand_in, clock, rules
        self._zone, self._poll_minutes, self._speed = zone, poll_minutes, speed
        self.standing: Standing | None = None
        """As last looked at."""

    async def run(self) -> None:
        await asyncio.sleep(_SOON / self._speed)
        while True:
            await self.teach()
            await asyncio.sleep(self._rules().learning.every / SECOND / self._speed)

    async def teach(self) -> None:
        """Learn once from all that is kept, and hand it in unless there was nothing to learn from."""
        rules, now = self._rules(), self._clock()
        kept = await _kept(self._history, now - REMEMBERED * rules.learning.half_life, now)
        faults, parameters = await asyncio.to_thread(self._learn, kept, rules, now)
        self.standing = await asyncio.to_thread(_judge, kept, rules, now, faults)
        if faults:
            await self._hand_in(Learnt(self._clock(), parameters))
        log.info("the forecast has learnt from %d faults", faults, extra={"calibration_slope": self.standing.slope})

    def _learn(self, kept: Kept, rules: DispatchRules, now: Instant) -> tuple[int, str]:
        past = lessons(kept, rules, self._zone, now, self._poll_minutes())
        known = learn(past, rules.priors, now, rules.learning)
        return known.faults, encode(known)
