"""What a channel is: the whole contract for one's own.

    class Pager:
        async def send(self, message: Message) -> str: ...
        async def close(self) -> None: ...

A channel sends one message and returns what the receiver answered. It may be asked to send the same message
again (after a crash, or when the answer was lost) and must pass `message.key` on so that the receiver can tell.
It raises TemporaryError when later may help, PermanentError when it cannot; anything else counts as temporary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netwatch.core.tickets.sends import Value
from netwatch.core.time import Instant


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered send."""

    key: str
    audience: str
    template: str
    subject: str
    """The ticket or fault that it is about."""
    at: Instant
    title: str
    """One line: what, where, until when."""
    text: str
    html: str = ""
    data: Mapping[str, Value] = field(default_factory=dict)


class Channel(Protocol):
    async def send(self, message: Message) -> str:
        """Hand the message over; the receiver's answer in a few words."""
        ...

    async def close(self) -> None: ...


class TemporaryError(Exception):
    """Trying again may help, not before `retry_after` seconds if the receiver said so."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(what)


class PermanentError(Exception):
    """Trying again cannot help."""
