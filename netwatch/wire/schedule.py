"""What falls due when: one heap and one sleeper for all that is asked in turns."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import zlib
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

Entry = TypeVar("Entry")


class Schedule(Generic[Entry]):
    """Entries with the loop's time at which each falls due. None is taken out again: takers know what is stale."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, when: float, entry: Entry) -> None:
        heapq.heappush(self._heap, (when, next(self._order), entry))
        if self._heap[0][2] is entry:
            self._changed.set()

    async def run(self, due: Callable[[float, Entry], None]) -> NoReturn:
        """Call `due(when, entry)` for each in its turn; until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            while self._heap and self._heap[0][0] <= loop.time():
                when, _, entry = heapq.heappop(self._heap)
                due(when, entry)
            until = self._heap[0][0] if self._heap else None
            self._changed.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                pass


def phase(device: str) -> float:
    """A share of its interval that is the device's own, the same after every start: turns spread evenly."""
    return zlib.crc32(device.encode()) / 2**32
