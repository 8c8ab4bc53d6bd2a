"""The store itself. (Being written.)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netwatch.core.model import Decision, Fact
from netwatch.core.sends import Outcome, Send, Waiting
from netwatch.core.time import Instant
from netwatch.store.history import History


@dataclass(frozen=True, slots=True)
class Recall:
    """What an engine is rebuilt from."""

    snapshot: str | None
    facts: tuple[Fact, ...]
    """Those committed after the snapshot, in the order they were committed."""


class Store:
    history: History

    @classmethod
    async def open(cls, url: str, *, write: bool = True) -> Store:
        """Open (and with `write` create, lock, migrate) the database at a SQLAlchemy URL or path.

        Raises ThinkerRunningError when another process holds it, StoreError for all other trouble.
        """
        raise NotImplementedError

    async def recall(self, *, whole: bool = False) -> Recall:
        """`whole`: without the snapshot, all facts that are kept (for an engine that cannot thaw it)."""
        raise NotImplementedError

    async def commit(self, decision: Decision, sends: Sequence[Send] = (), snapshot: str | None = None) -> None:
        """All in one transaction. Committing the same decision again changes nothing."""
        raise NotImplementedError

    async def pending(self, now: Instant, limit: int = 100, channel: str | None = None) -> list[Send]:
        """What is due; of each channel and subject only the first, at most `limit` of each channel."""
        raise NotImplementedError

    async def later(self, send: Send) -> tuple[str, ...]:
        """The templates committed after `send` for the same channel and subject."""
        raise NotImplementedError

    async def settle(self, send: Send, outcome: Outcome, now: Instant, instead: Sequence[Send] = ()) -> None:
        """Record the outcome; `instead` are sends on other channels that take over, in the same transaction."""
        raise NotImplementedError

    async def waiting(self) -> tuple[Waiting, ...]:
        """What every channel owes."""
        raise NotImplementedError

    async def prune(self, before: Instant, entries_before: Instant | None = None) -> int:
        """Forget facts heard before (never beyond the last snapshot) and what was settled before; lines removed."""
        raise NotImplementedError

    async def backup(self, path: Path) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
