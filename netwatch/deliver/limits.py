"""How often, how soon again, and when to leave a receiver alone. Pure: `now` is in seconds of a clock that only goes
forward; instants belong to the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from netwatch.core.time import SECOND, Span

_FIRST, _LONGEST = 5 * SECOND, 300 * SECOND


def back_off(attempts: int, key: str) -> Span:
    """How long to wait after `attempts` vain ones: 5 s doubling to 5 min, less up to a quarter.

    The part taken off depends on the key and the number only: sends that failed together do not come back together,
    and the same night replayed is the same night.
    """
    full: Span = min(_LONGEST, _FIRST << min(attempts - 1, 16)) if attempts else _FIRST
    share = int.from_bytes(sha256(f"{key}#{attempts}".encode()).digest()[:4], "big") / 2**32
    return full - int(full * share / 4)


@dataclass(slots=True)
class Bucket:
    """At most `per_minute` on average, a fifth of that at once."""

    per_minute: float
    level: float = -1.0
    seen: float = 0.0

    @property
    def size(self) -> float:
        return max(1.0, self.per_minute / 5)

    def room(self, now: float) -> int:
        """How many may go now."""
        if self.level < 0:
            self.level = self.size
        else:
            self.level = min(self.size, self.level + max(0.0, now - self.seen) * self.per_minute / 60)
        self.seen = now
        return int(self.level)

    def take(self, many: int) -> None:
        self.level -= many

    def wait(self) -> float:
        """Seconds until there is room for one."""
        return max(0.0, (1 - self.level) * 60 / self.per_minute)


@dataclass(slots=True)
class Breaker:
    """Stops asking a receiver that does not answer; lets one send through now and then to see."""

    threshold: int = 5
    shortest: float = 30.0
    longest: float = 300.0
    failures: int = 0
    opened: float | None = None
    pause: float = 0.0

    def room(self, now: float) -> int | None:
        """How many may be tried: None for any number, 1 for the probe of a half-open one, 0 while open."""
        if self.opened is None:
            return None
        return 1 if now - self.opened >= self.pause else 0

    def wait(self, now: float) -> float:
        """Seconds until it is half-open."""
        return 0.0 if self.opened is None else max(0.0, self.pause - (now - self.opened))

    def answered(self) -> bool:
        """The receiver answered, whatever it said. True when that closed the breaker."""
        closed = self.opened is not None
        self.failures, self.opened, self.pause = 0, None, 0.0
        return closed

    def failed(self, now: float) -> bool:
        """No answer. True when that opened the breaker."""
        self.failures += 1
        if self.opened is None and self.failures < self.threshold:
            return False
        first = self.opened is None
        # Those already under way when it opened say nothing new.
        if first or now - (self.opened or 0.0) >= self.pause:
            self.pause = self.shortest if first else min(self.longest, self.pause * 2)
            self.opened = now
        return first
