"""The demo's clock: a Monday morning in Yungang, in which time passes faster than here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import inf

from netwatch.core.time import Instant

TICK = 0.02
"""Real seconds between two ticks of a machine that has time for them."""


class DemoClock:
    """`start`, plus `speed` times what has passed since it was made. Never goes back.

    With `most` it only goes on while `run` does, and by at most so many real seconds from one tick to the next. For at
    60-fold speed a second in which a busy machine comes to nothing would be a minute in which no box answered, and the
    simulated network would be blamed for it. So a busy machine shows less of the day, not another day.
    """

    def __init__(
        self, start: Instant, speed: float, *, most: float = inf, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.start, self.speed = start, speed
        self._most = most * 1e9
        self._monotonic = monotonic
        self._passed, self._ticked = 0.0, monotonic()

    def __call__(self) -> Instant:
        return self.start + round(self._so_far(self._monotonic()) / 1000 * self.speed)

    def real_seconds(self, until: Instant) -> float:
        """How long one must really wait for an instant, at least; 0 when it is past."""
        return max(0.0, (until - self()) / 1e6 / self.speed)

    async def run(self) -> None:
        """Tick, until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK)

    def tick(self) -> None:
        """The event loop has come round."""
        now = self._monotonic()
        self._passed, self._ticked = self._so_far(now), now

    def _so_far(self, now: int) -> float:
        return self._passed + min(now - self._ticked, self._most)
