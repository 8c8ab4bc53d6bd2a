"""From the outbox to the channels. (Being written.)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netwatch.core.sends import Outcome, Send, Waiting
from netwatch.core.time import Instant
from netwatch.deliver.channel import Channel


class Outbox(Protocol):
    """What the courier needs of a store."""

    async def pending(self, now: Instant, limit: int = 100, channel: str | None = None) -> list[Send]: ...
    async def later(self, send: Send) -> tuple[str, ...]: ...
    async def settle(self, send: Send, outcome: Outcome, now: Instant, instead: Sequence[Send] = ()) -> None: ...
    async def waiting(self) -> tuple[Waiting, ...]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, for the metrics. `result`: sent, superseded, retry, dead. `delay`: seconds since it was decided."""

    channel: str
    result: str
    delay: float


class Courier:
    waiting: tuple[Waiting, ...] = ()
    """What the channels owed after the last round."""

    def __init__(
        self,
        store: Outbox,
        channels: Mapping[str, Channel],
        clock: Callable[[], Instant],
        *,
        fallback: Sequence[str] = (),
        observe: Callable[[Delivery], None] = lambda _: None,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Deliver until cancelled."""
        raise NotImplementedError

    def nudge(self) -> None:
        """Something was committed."""
        raise NotImplementedError

    async def step(self) -> int:
        """One round on every channel; how many sends were tried."""
        raise NotImplementedError
