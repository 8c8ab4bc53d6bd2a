"""Reachability by ICMP echo: one socket per address family for all targets. (Being written; the signatures stand.)"""

from __future__ import annotations

from dataclasses import dataclass

from netwatch.core.model import State


@dataclass(frozen=True, slots=True)
class Ping:
    """The verdict on one target: `ok` answered, `bad` lost every probe, `unknown` we could not ask."""

    state: State
    sent: int
    received: int
    rtt_seconds: float | None
    trouble: str = ""
    """Why it is unknown, in words: our own socket, no route from this host."""


class Pinger:
    """`await ping(address)` for any number of targets at once."""

    async def ping(self, address: str, *, count: int = 3, timeout: float = 1.0) -> Ping:  # noqa: ASYNC109
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
