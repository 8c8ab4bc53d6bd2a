"""What falls due when, and the tasks that it starts: one wheel and one sleeper for all that is asked in turns."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Generic, NoReturn, TypeVar

Entry = TypeVar("Entry")
T = TypeVar("T")

TICK = 0.01
"""Seconds: what falls due within one is done in one go. To wake up for each of thousands of turns a second would cost
as much as the turns."""


class Schedule(Generic[Entry]):
    """Entries with the loop's time from which each is due. None is taken out again: takers know what is stale.

    A wheel: the entries of one tick wait in one list, and only the ticks are kept in order. A heap of all entries takes
    longer the more there are.
    """

    def __init__(self) -> None:
        self._wheel: dict[int, list[tuple[float, Entry]]] = {}
        self._ticks: list[int] = []
        """A heap: those of the wheel."""
        self._sooner = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._wheel.values()))

    @property
    def running(self) -> int:
        """Tasks that were started and have not ended."""
        return len(self._tasks)

    def put(self, when: float, entry: Entry) -> None:
        """It falls due at `when`, or up to a tick later."""
        tick = int(when / TICK) + 1
        waiting = self._wheel.get(tick)
        if waiting is None:
            waiting = self._wheel[tick] = []
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._sooner.set()
        waiting.append((when, entry))

    def start(self, work: Coroutine[None, None, None]) -> None:
        """As a task of its own, which ends with `run` at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self, due: Callable[[float, Entry], None]) -> NoReturn:
        """Call `due(when, entry)` for each in its turn; until cancelled."""
        try:
            while True:
                await self._next()
                for when, entry in self._wheel.pop(heapq.heappop(self._ticks)):
                    due(when, entry)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> None:
        """Wait until the first tick has come; if it has, everybody else has a turn first."""
        time = asyncio.get_running_loop().time
        if self._ticks and self._ticks[0] * TICK <= time():
            await asyncio.sleep(0)
        while not self._ticks or self._ticks[0] * TICK > time():
            self._sooner.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._ticks[0] * TICK if self._ticks else None):
                    await self._sooner.wait()


def following(due: float, interval: float, now: float) -> float:
    """The next turn after one at `due`; turns that have passed meanwhile (the machine slept) are not made up for."""
    return due + interval * (1 + max(0, int((now - due) // interval)))


async def by_turns(items: Iterable[T], most: int = 250) -> AsyncIterator[T]:
    """Each of them; after so many everybody else has a turn."""
    for count, item in enumerate(items, 1):
        yield item
        if count % most == 0:
            await asyncio.sleep(0)


def phase(name: str) -> float:
    """A share of its interval that is the device's own, the same after every start: turns spread evenly."""
    return zlib.crc32(name.encode()) / 2**32
