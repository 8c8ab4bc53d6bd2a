"""The engine: a batch of facts and `now` in, one `Decision` out. (Being written.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from netwatch.core.model import Decision, Fact, Ledger, Row
from netwatch.core.rules import Rules
from netwatch.core.time import Instant


class Engine:
    """Owns all state of the domain. Pure: `now` is an argument."""

    def __init__(self, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> None:
        self.ledger, self.rules, self.zone = ledger, rules, zone

    def decide(self, batch: Sequence[Fact], now: Instant) -> Decision:
        """Take the facts in order of `at`, fire what falls due up to `now`, return all that follows."""
        return Decision(now, tuple(batch), (), (), ())

    def next_due(self) -> Instant | None:
        """When `decide` must be called again although nothing is heard."""
        return None

    def rows(self) -> Iterator[Row]:
        """Every current row, for a view that starts from nothing."""
        yield from ()

    def reload(self, ledger: Ledger, rules: Rules, now: Instant) -> Decision:
        """A new ledger or new rules are in force from `now` on."""
        self.ledger, self.rules = ledger, rules
        return Decision(now, (), (), (), ())

    def freeze(self) -> str:
        """The whole state as one JSON text."""
        return "{}"

    @classmethod
    def thaw(cls, text: str, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> Engine:
        """Rebuild from `freeze()`. Raises ValueError when the text is of another version."""
        return cls(ledger, rules, zone)
