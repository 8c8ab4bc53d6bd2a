"""Nudging the poller: whatever a device says, it is asked how it is, once for all that was read of it in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Nudges:
    """`nudge(device)` is called for each device that was `put` in, as soon as the event loop has its turn."""

    def __init__(self, nudge: Callable[[str], None] | None) -> None:
        self._nudge = nudge
        self._waiting: dict[str, None] = {}

    def put(self, device: str) -> None:
        if self._nudge is None or device in self._waiting:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._all)
        self._waiting[device] = None

    def _all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if self._nudge is not None:
            for device in waiting:
                self._nudge(device)
