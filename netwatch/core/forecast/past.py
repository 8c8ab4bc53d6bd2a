"""Faults of the past, as learning sees them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from netwatch.core.time import MINUTE, Instant, moment


class End(StrEnum):
    """How a fault ended."""

    HEALED = "healed"
    REPAIRED = "repaired"
    OPEN = "open"
    """It still lasts, or nobody looked any longer."""


@dataclass(frozen=True, slots=True)
class Past:
    """One fault of the past. Times are minutes after `started`."""

    started: Instant
    cause: str
    """As the alarms said when it was decided."""
    end: End
    lasted: float
    """Until service was back, confirmed by polling; or as long as it was watched."""
    sent: float | None = None
    """When a crew was sent."""
    arrived: float | None = None
    found: str = ""
    """The cause on the returned slip."""
    team: str = ""
    area: str = ""
    """`city`, `suburb` or empty for unknown."""
    night: bool = False
    assurance: str = ""
    limit: float = 0.0
    incident: str = ""
    """Faults with one root: one draw of chance, not many."""
    ahead: int = 0
    """Orders of the same team that were still open when this one was sent."""
    slack: float = 0.0
    """By so much it may have begun earlier than we saw: one poll."""
    would_heal: float | None = None
    """When it would have healed by itself (inf: never), where that is known, as in a simulation."""
    would_take: float | None = None
    """How long its repair would have taken from the sending on, where that is known."""


Hours = tuple[int, int]
"""First and last minute of the local working day."""


def is_night(started: Instant, zone: ZoneInfo, hours: Hours) -> bool:
    """Outside working hours: nights and weekends are slow alike."""
    local = moment(started, zone)
    return local.weekday() >= 5 or not hours[0] <= local.hour * 60 + local.minute < hours[1]


def queued(past: Sequence[Past]) -> list[Past]:
    """The same faults, each with the orders that its team still had open when it was sent. In order of `started`."""
    ahead: dict[int, int] = {}
    busy: dict[str, list[Instant]] = {}
    sent = ((p.started + round(p.sent * MINUTE), n) for n, p in enumerate(past) if p.sent is not None and p.team)
    for at, n in sorted(sent):
        ends = busy.setdefault(past[n].team, [])
        while ends and ends[0] <= at:
            heapq.heappop(ends)
        ahead[n] = len(ends)
        heapq.heappush(ends, past[n].started + round(past[n].lasted * MINUTE))
    return [replace(p, ahead=ahead[n]) if ahead.get(n) else p for n, p in enumerate(past)]
