"""Deadlines without a timer each: one sweep over queues that are in order by themselves."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Sweep(Generic[Key]):
    """Calls `late(key)` once a key's time is up. A key whose matter is settled is simply ignored by `late`.

    Keys are best plain numbers: they stay queued until their time is up, and must not keep alive what they stand for.
    Deadlines of one length come in order, so that each length needs a deque and not a heap, and there is one timer
    for all of them. A timer a request would cost more than the request.
    """

    def __init__(self, late: Callable[[Key], None], grain: float = 0.02) -> None:
        self._late = late
        self._grain = grain
        self._queues: dict[float, deque[tuple[float, Key]]] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def add(self, key: Key, seconds: float) -> None:
        due = self._loop.time() + seconds
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = deque()
        queue.append((due, key))
        if due < self._next:
            self._arm(due)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._queues.clear()

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        self._timer = self._loop.call_at(due + self._grain, self._sweep)

    def _sweep(self) -> None:
        self._timer, self._next = None, float("inf")
        now = self._loop.time()
        for seconds, queue in list(self._queues.items()):
            while queue and queue[0][0] <= now:
                self._late(queue.popleft()[1])
            if not queue:
                del self._queues[seconds]
        nearest = min((queue[0][0] for queue in self._queues.values() if queue), default=None)
        if nearest is not None and nearest < self._next:
            self._arm(nearest)
