"""The demo's clock: a Monday morning in Yungang, in which time passes faster than here."""

from __future__ import annotations

import time
from collections.abc import Callable

from netwatch.core.time import Instant


class DemoClock:
    """`start`, plus `speed` times what has passed since it was made. Never goes back."""

    def __init__(self, start: Instant, speed: float, *, monotonic: Callable[[], int] = time.monotonic_ns) -> None:
        self.start, self.speed = start, speed
        self._monotonic = monotonic
        self._made = monotonic()

    def __call__(self) -> Instant:
        return self.start + round((self._monotonic() - self._made) / 1000 * self.speed)

    def real_seconds(self, until: Instant) -> float:
        """How long one must really wait for an instant; 0 when it is past."""
        return max(0.0, (until - self()) / 1e6 / self.speed)
