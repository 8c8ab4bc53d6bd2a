"""A promise on its way out: the words that store and deliver share.

An `Effect` says what must be told to whom; `deliver.route` makes of it one `Send` for each
channel; the store keeps it from the commit on until it is settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from netwatch.core.time import Instant

Value: TypeAlias = str | int | float | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Send:
    """One message on one channel. There is at most one of each (key, channel), for ever."""

    key: str
    """The effect's own: the receiver can tell a repetition by it."""
    channel: str
    audience: str
    template: str
    subject: str
    """The ticket or fault. Messages about one subject leave a channel in the order they were committed."""
    at: Instant
    """When it was decided."""
    data: Mapping[str, Value] = field(default_factory=dict)
    attempts: int = 0
    """How often it was tried in vain."""
    next_at: Instant = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """It arrived. `note` says what the receiver answered, or why nothing needed to be said any more."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now; again at `next_at`."""

    next_at: Instant
    error: str


@dataclass(frozen=True, slots=True)
class Dead:
    """It will never arrive by this channel."""

    error: str


Outcome: TypeAlias = Settled | Retry | Dead


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a channel still owes."""

    channel: str
    count: int
    oldest: Instant
