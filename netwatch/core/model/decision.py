"""What a `Decision` consists of: facts worth keeping, rows, journal entries, promises to the outside world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netwatch.core.model.facts import Fact
from netwatch.core.model.rows import Row
from netwatch.core.time import Instant


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the decision journal: what was decided about what, and why."""

    at: Instant
    kind: str
    """`fault.opened`, `outage.started`, `ticket.dispatched`, `act.refused` …"""
    subject: str
    """The id of the fault, ticket, circuit or alarm."""
    reason: str
    data: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something promised to the outside world. Sending it twice must be harmless: `key` is ours."""

    key: str
    audience: str
    """`noc`, `team:TEAM-ID`, or `duty:NAME` of the escalation ladder."""
    template: str
    """Name of the message: `ticket.dispatched`, `ticket.closed`, `noc.blind` …"""
    at: Instant
    subject: str
    """The ticket or fault that it is about."""
    data: Mapping[str, str | int | float | bool | tuple[str, ...] | None] = field(default_factory=dict)
    """Facts for the template. No customer name or contact is ever in here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that follows from a batch of facts. Committed whole or not at all."""

    now: Instant
    facts: tuple[Fact, ...]
    """The facts worth keeping: those that changed what the engine knows. Together with the
    last snapshot they rebuild it; repeats that changed nothing are left out."""
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    effects: tuple[Effect, ...]

    @property
    def empty(self) -> bool:
        return not (self.facts or self.rows or self.entries or self.effects)


def index(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """The latest row of each (type name, id): how a current view is folded from decisions."""
    return {(type(row).__name__, row.id): row for row in rows}
