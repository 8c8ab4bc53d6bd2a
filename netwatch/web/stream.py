"""Live updates: server-sent events that carry what changed, and nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from netwatch.core.time import Instant, show
from netwatch.web.board import Board

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a beat is sent: proxies keep the line, pages know that it lives."""

GATHER: Final = 0.3
"""Seconds over which changes are gathered: a storm moves the board three times a second, not a thousand."""

MOST: Final = 200
"""Pages that may listen at once."""


class Stream:
    """All live pages of one board.

    An event's id is `epoch-change`. A page that comes back with one of this process gets what it missed; any
    other gets a `snapshot`. After that come `change` events, and a `beat` when nothing happens.
    """

    def __init__(self, board: Board, clock: Callable[[], Instant]) -> None:
        self._board, self._clock = board, clock
        self._closing = asyncio.Event()
        self.listeners = 0

    @property
    def full(self) -> bool:
        return self.listeners >= MOST

    def close(self) -> None:
        """Let every page go, so that the server can stop."""
        self._closing.set()

    async def events(self, last_id: str = "") -> AsyncIterator[str]:
        """The text of the stream to one page."""
        self.listeners += 1
        try:
            yield "retry: 2000\n\n"
            change, text = self._first(last_id)
            yield text
            while True:
                changed = await self._changed(change)
                if self._closing.is_set():
                    return
                if not changed:
                    yield _event("beat", {"now": self._now()})
                    continue
                delta = self._board.delta(change, self._clock())
                name, data = ("change", delta) if delta is not None else ("snapshot", self._snapshot())
                change = data["change"]
                yield self._with_id(name, data)
                await self._pause(GATHER)
        finally:
            self.listeners -= 1

    def _first(self, last_id: str) -> tuple[int, str]:
        epoch, _, change = last_id.partition("-")
        if epoch == self._board.view.epoch and change.isascii() and change.isdigit():
            delta = self._board.delta(int(change), self._clock())
            if delta is not None:
                return delta["change"], self._with_id("change", delta)
        snapshot = self._snapshot()
        return snapshot["change"], self._with_id("snapshot", snapshot)

    def _snapshot(self) -> dict[str, Any]:
        return self._board.snapshot(self._clock())

    def _with_id(self, name: str, data: dict[str, Any]) -> str:
        return f"id: {self._board.view.epoch}-{data['change']}\n" + _event(name, data)

    def _now(self) -> str | None:
        return show(self._clock(), self._board.view.zone)

    async def _changed(self, change: int) -> bool:
        """Wait for a change, a heartbeat's length at most, or for the end."""
        waiter = asyncio.ensure_future(self._board.view.wait(change))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({waiter, closing}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
            return waiter.done()
        finally:
            waiter.cancel()
            closing.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
