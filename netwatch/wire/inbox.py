"""The inbox: what listeners heard and people did, waiting for the think loop.

Observations are *offered*: it never blocks, and what does not fit is refused and counted. Acts of people
are *put*: they wait for room and are never refused. One screaming device must not crowd out the others,
so each source of observations has a queue of its own, and none may hold more than what is still free
(Choudhury and Hahne's dynamic threshold): a lone screamer gets half of the inbox, a thousand of them
share it evenly, and a quiet source always finds room. Nothing that was accepted is thrown out again.

Here nothing is stamped: a fact carries the time at which its listener heard it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from operator import attrgetter
from typing import cast

from netwatch.core.model import Condition, Fact, Observation, Source, State
from netwatch.core.time import Instant

_in_time = attrgetter("at")


class _Draft:
    """An observation that may still be written to."""

    __slots__ = ("at", "component", "condition", "device", "occurred", "source", "state", "value")
    at: Instant
    device: str
    component: str
    condition: Condition
    state: State
    source: Source
    occurred: Instant | None
    value: str


def observed(
    at: Instant, device: str, component: str, condition: Condition, state: State, source: Source, value: str = ""
) -> Observation:
    """The same as `Observation(…)`, in a quarter of the time: a frozen dataclass sets each field by a call.

    In a storm of traps that call would be the largest part of all.
    """
    draft = _Draft()
    draft.at = at
    draft.device = device
    draft.component = component
    draft.condition = condition
    draft.state = state
    draft.source = source
    draft.occurred = None
    draft.value = value
    draft.__class__ = Observation  # type: ignore[assignment]
    return cast(Observation, draft)


class Inbox:
    """A bounded queue with one reader.

    `capacity` counts observations; `acts` counts people's acts beside them. `on_drop` is told of every
    refused observation (its key, e.g. the device); NetWatch raises an alarm about itself with it. It must
    not block.
    """

    def __init__(
        self, capacity: int = 100_000, *, acts: int = 1_000, on_drop: Callable[[str, Observation], None] | None = None
    ) -> None:
        if capacity < 1 or acts < 1:
            raise ValueError("an inbox needs room for one fact at least")
        self._capacity = capacity
        self._most_acts = acts
        self._on_drop = on_drop
        self._queues: dict[str, deque[Observation]] = {}
        self._turns: deque[tuple[str, deque[Observation]]] = deque()
        """The same, in the order in which each gives one."""
        self._acts: deque[Fact] = deque()
        self._held = 0
        self._something = asyncio.Event()
        self._room_for_acts = asyncio.Event()
        self._room_for_acts.set()
        self.heard: Counter[Source] = Counter()
        """Observations accepted so far, by source."""
        self.dropped: Counter[Source] = Counter()
        """Observations refused so far, by source."""

    @property
    def depth(self) -> int:
        """Facts that wait to be taken."""
        return self._held + len(self._acts)

    def offer(self, fact: Observation, source_key: str = "") -> bool:
        """Accept or refuse at once; True when accepted. `source_key` is what shares fairly: by default the device.

        Who offers a *change* that was refused must offer it again later; a poller does, for it compares with what
        was accepted, not with what it saw.
        """
        key = source_key or fact.device
        queue = self._queues.get(key)
        room = self._capacity - self._held
        if room <= 0 or (queue is not None and len(queue) >= room):
            self.dropped[fact.source] += 1
            if self._on_drop is not None:
                self._on_drop(key, fact)
            return False
        if queue is None:
            queue = self._queues[key] = deque()
            self._turns.append((key, queue))
        queue.append(fact)
        self._held += 1
        self.heard[fact.source] += 1
        if self._held == 1:
            self._something.set()
        return True

    async def put(self, fact: Fact) -> None:
        """Hand in a person's act (or anything else that must not get lost), waiting for room if need be."""
        while len(self._acts) >= self._most_acts:
            self._room_for_acts.clear()
            await self._room_for_acts.wait()
        self._acts.append(fact)
        self._something.set()

    async def take(self, most: int, until: float | None = None) -> list[Fact]:
        """Up to `most` facts as soon as there is one; none when the loop's time `until` has come (None: wait for ever).

        People's acts come first; then each source gives one in turn, and the batch is put in order of `at`.
        """
        if not self.depth and not await self._wait(until):
            return []
        batch: list[Fact] = []
        while self._acts and len(batch) < most:
            batch.append(self._acts.popleft())
        self._room_for_acts.set()
        turns, queues = self._turns, self._queues
        for _ in range(min(self._held, most - len(batch))):
            key, queue = turn = turns.popleft()
            batch.append(queue.popleft())
            if queue:
                turns.append(turn)
            else:
                del queues[key]
            self._held -= 1
        if not self.depth:
            self._something.clear()
        batch.sort(key=_in_time)
        return batch

    async def _wait(self, until: float | None) -> bool:
        try:
            async with asyncio.timeout_at(until):
                await self._something.wait()
        except TimeoutError:
            return False
        return True
