"""Deadlines without a timer each: keys that were added within one tick wait together and are done with together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")

_STANDSTILL = 5
"""Ticks that a sweep may come after its time before that counts as a loop that stood still."""


class Sweep(Generic[Key]):
    """Calls `late(key)` once a key's time is up, at most two ticks after it. A key whose matter is settled is simply
    ignored by `late`.

    Where the loop itself stood still past a deadline, nothing is late yet: what came meanwhile is read first, and what
    the far end could not know to answer has a tick more. Our own slowness never reads as another's silence.

    Keys are best plain numbers: they stay queued until their time is up, and must not keep alive what they stand for.
    A timer a request would cost more than the request, and so would a look at the clock and a heap: all that is done
    for a key is to append it to the list of its tick. Deadlines of one length come in order by themselves.
    """

    def __init__(self, late: Callable[[Key], None], tick: float = 0.02) -> None:
        self._late = late
        self._tick = tick
        self._open: dict[float, list[Key]] = {}
        """For each length, the keys of this tick; the last of its queue."""
        self._queues: dict[float, deque[tuple[float, list[Key]]]] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")
        self._spared = False

    def add(self, key: Key, seconds: float) -> None:
        self.keys(seconds).append(key)

    def keys(self, seconds: float) -> list[Key]:
        """What many keys can be appended to that are added now, without a call for each."""
        keys = self._open.get(seconds)
        return self._begin(seconds) if keys is None else keys

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._open.clear()
        self._queues.clear()

    def _begin(self, seconds: float) -> list[Key]:
        now = self._loop.time()
        keys: list[Key] = []
        self._open[seconds] = keys
        self._queues.setdefault(seconds, deque()).append((now + seconds + self._tick, keys))
        self._arm(now + self._tick)
        return keys

    def _arm(self, when: float) -> None:
        if when < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._next = when
            self._timer = self._loop.call_at(when, self._sweep)

    def _sweep(self) -> None:
        planned = self._next
        self._timer, self._next = None, float("inf")
        self._open.clear()
        now = self._loop.time()
        if now - planned > _STANDSTILL * self._tick and not self._spared:
            self._spared = True  # once: a loop that is always behind must still end what nobody answers
            self._arm(now + self._tick)
            return
        self._spared = False
        for seconds, queue in list(self._queues.items()):
            while queue and queue[0][0] <= now:
                for key in queue.popleft()[1]:
                    self._late(key)
            if not queue:
                del self._queues[seconds]
        if self._queues:
            self._arm(min(queue[0][0] for queue in self._queues.values()))
