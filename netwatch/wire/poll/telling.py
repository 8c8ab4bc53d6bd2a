"""What is told of a device that is asked again and again: each change, until the inbox has taken it.

`bad` is said each time while it lasts; anything else only when the inbox last took something different. Afresh it is
said once more although it was said before, for what was heard by other ways may be false, or its clear may get lost.
"""

from __future__ import annotations

from collections.abc import Callable

from netwatch.core.model import Condition, Observation, Source, State
from netwatch.core.time import SECOND, Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.poll.alike import Alike


class Telling:
    """Of one device. `afresh` is the teller's to set."""

    __slots__ = ("_alike", "_clock", "_device", "_inbox", "_source_key", "_told", "afresh", "changes")

    def __init__(self, device: str, inbox: Inbox, clock: Callable[[], Instant], alike: Alike) -> None:
        self._device, self._inbox, self._clock, self._alike = device, inbox, clock, alike
        self._source_key = f"poll {device}"
        self._told: dict[tuple[str, Condition], State] = {}
        """What the inbox took last."""
        self.afresh = False
        self.changes = 0
        """How often the inbox took something different from what it had."""

    def last(self, component: str, condition: Condition) -> State | None:
        """What the inbox took last."""
        return self._told.get((component, condition))

    def due(self, component: str, condition: Condition, verdict: State) -> bool:
        """Whether that is to be said now."""
        return verdict is State.BAD or self.afresh or self._told.get((component, condition)) is not verdict

    def say(self, component: str, condition: Condition, verdict: State, source: Source, value: str = "") -> bool:
        """False when it has to be said again even if it stays as it is: for it is bad, or was refused."""
        if not self.due(component, condition, verdict):
            return True
        fact = Observation(self._clock(), self._device, component, condition, verdict, source, value=value)
        if not self._inbox.offer(fact, self._source_key):
            return False
        if self.last(component, condition) is not verdict:
            self._told[self._alike.one((component, condition))] = verdict
            self.changes += 1
        return verdict is not State.BAD

    def record(self, component: str, condition: Condition, verdict: State, since: float, value: str) -> None:
        """What the device itself has recorded: so for `since` seconds, by its own clock."""
        now = self._clock()
        began = now - round(since * SECOND)
        fact = Observation(now, self._device, component, condition, verdict, Source.POLL, began, value)
        self._inbox.offer(fact, self._source_key)
