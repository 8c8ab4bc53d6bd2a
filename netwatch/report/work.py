"""The work of a period: crew by crew, and fault by fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from netwatch.core.model import Outage, Ticket, TicketKind
from netwatch.core.time import MINUTE, Instant
from netwatch.report.facts import Facts
from netwatch.report.groups import late_left, rate


@dataclass(frozen=True, slots=True)
class CrewLine:
    """One crew (team), over the repair orders that it was sent in the period."""

    team: str
    company: str
    orders: int
    open: int
    accept_minutes: float | None
    """Median from sending to accepting; the next two likewise, to arriving on site and to service being back."""
    arrive_minutes: float | None
    restore_minutes: float | None
    returned: int
    """Orders whose handling report (回单) came back."""
    due: int
    in_time: int
    timeliness: float | None
    late_left: int
    """How many of the due may still be late under the target; negative: it is missed by as many."""


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One fault that touched the period."""

    fault: str
    root: str
    domain: str
    opened: Instant
    cleared: Instant | None
    minutes: float
    circuits: int
    breaches: int
    planned: bool
    ticket: str
    team: str


def crews(facts: Facts) -> list[CrewLine]:
    """Every team of the ledger and every other one that was sent an order, by id."""
    orders: dict[str, list[Ticket]] = {team: [] for team in facts.ledger.teams}
    for ticket in facts.tickets:
        sent = ticket.dispatched is not None and facts.period.start <= ticket.dispatched < facts.end
        if sent and ticket.merged_into is None and ticket.kind is TicketKind.REPAIR:
            orders.setdefault(ticket.team, []).append(ticket)
    by_fault: dict[str, list[Outage]] = defaultdict(list)
    for outage in facts.outages:
        by_fault[outage.fault].append(outage)
    found = []
    for name, own in sorted(orders.items()):
        tested = [o for t in own for o in by_fault[t.fault] if facts.due(o)]
        team = facts.ledger.teams.get(name)
        found.append(
            CrewLine(
                team=name,
                company=team.company if team else "",
                orders=len(own),
                open=sum(t.restored is None and t.closed is None for t in own),
                accept_minutes=_median(own, "accepted"),
                arrive_minutes=_median(own, "arrived"),
                restore_minutes=_median(own, "restored"),
                returned=sum(t.returned is not None for t in own),
                due=len(tested),
                in_time=sum(not o.breached for o in tested),
                timeliness=rate(tested),
                late_left=late_left(facts, tested),
            )
        )
    return found


def _median(tickets: Iterable[Ticket], stamp: str) -> float | None:
    """Minutes from sending to a stamp, of the orders that have it. A stamp before the sending counts as at once."""
    spans = [
        max(0, at - t.dispatched) / MINUTE
        for t in tickets
        if t.dispatched is not None and (at := getattr(t, stamp)) is not None
    ]
    return median(spans) if spans else None


def faults(facts: Facts) -> list[FaultLine]:
    """Every fault that touched the period, oldest first; those absorbed by another are told under it."""
    ticket = {t.fault: t for t in facts.tickets if t.merged_into is None}
    breaches: dict[str, int] = defaultdict(int)
    for outage in facts.outages:
        breaches[outage.fault] += outage.breached
    found = []
    for fault in sorted(facts.faults, key=lambda f: (f.opened, f.id)):
        if fault.absorbed_by or not facts.inside(fault.opened, fault.cleared):
            continue
        order = ticket.get(fault.id)
        found.append(
            FaultLine(
                fault=fault.id,
                root=str(fault.root),
                domain=fault.domain,
                opened=fault.opened,
                cleared=fault.cleared,
                minutes=((facts.now if fault.cleared is None else fault.cleared) - fault.opened) / MINUTE,
                circuits=len(fault.circuits),
                breaches=breaches[fault.id],
                planned=fault.planned,
                ticket=order.id if order else "",
                team=order.team if order else "",
            )
        )
    return found
