"""What the parts of one review share: the book, the moment, and what comes of it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from netwatch.core.book import Book
from netwatch.core.forecast.foresight import Foresight
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Effect, Entry
from netwatch.core.outages.contract import Contract
from netwatch.core.rules import Rules
from netwatch.core.time import Instant, show
from netwatch.core.topology import Network


class Round:
    """One look at everything, at one instant. `due` says when to look again."""

    def __init__(
        self, book: Book, net: Network, rules: Rules, zone: ZoneInfo, now: Instant, foresight: Foresight
    ) -> None:
        self.foresight = foresight
        self.book, self.net, self.rules, self.zone, self.now = book, net, rules, zone, now
        self.timing = rules.alarms
        self.contract = Contract(book, net, rules, zone)
        self.entries: list[Entry] = []
        self.effects: list[Effect] = []
        self.forgotten: list[tuple[str, str]] = []
        """(type, id) of rows that are withdrawn."""
        self.due: Instant | None = None
        self._shown: dict[Instant, str | None] = {}

    def shown(self, at: Instant) -> str | None:
        """An instant as people read it. Ten thousand outages of one cause began at one."""
        if at not in self._shown:
            self._shown[at] = show(at, self.zone)
        return self._shown[at]

    def say(self, kind: str, subject: str, reason: str, **data: str | float | bool | None) -> None:
        """A line for the decision journal."""
        self.entries.append(Entry(self.now, kind, subject, reason, data))

    def wake_at(self, at: Instant | None) -> None:
        """Look again at an instant, if it lies ahead."""
        if at is not None and self.now < at < FOREVER:
            self.due = at if self.due is None else min(self.due, at)
