"""What is heard, written down as a journal that `netwatch replay` reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from netwatch.core.journal import write_fact
from netwatch.core.model import Fact


class Recorder:
    """`recorder(facts)` takes what was heard; `await run()` writes it each second until cancelled.

    Never in the way: lines are written in a thread, and when the disk is slower than the network for long, lines are
    left out and counted.
    """

    MOST_WAITING = 200_000

    def __init__(self, path: Path, zone: ZoneInfo) -> None:
        self._path, self._zone = path, zone
        self._waiting: list[Fact] = []
        self.left_out = 0
        """Facts that are missing from the journal."""

    def __call__(self, facts: Sequence[Fact]) -> None:
        room = self.MOST_WAITING - len(self._waiting)
        self._waiting += facts[:room]
        self.left_out += max(0, len(facts) - room)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises OSError where the journal cannot be written; what waited goes on waiting."""
        facts, self._waiting = self._waiting, []
        if not facts:
            return
        try:
            await asyncio.to_thread(self._append, facts)
        except OSError:
            later, self._waiting = self._waiting, list(facts)
            self(later)
            raise

    def _append(self, facts: Sequence[Fact]) -> None:
        lines = "".join(f"{write_fact(fact, self._zone)}\n" for fact in facts).encode()
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b", buffering=0) as journal:
            size = journal.seek(0, os.SEEK_END)
            if size and os.pread(handle, 1, size - 1) != b"\n":
                # Whoever wrote last was killed over it. Its half line must not spoil ours too.
                lines = b"\n" + lines
            try:
                while lines:
                    lines = lines[journal.write(lines) :]
            except OSError:
                journal.truncate(size)
                raise
