"""What our own record teaches: from the rows of what is over (and of what still lasts) to past faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from netwatch.core.forecast.past import End, Past, is_night
from netwatch.core.model import Fault, Outage, RootKind, Ticket, TicketKind, TicketState
from netwatch.core.rules import DispatchRules
from netwatch.core.time import MINUTE, Instant

_OURS = frozenset({RootKind.MANAGEMENT, RootKind.AGENT})
"""Faults of the watching, not of the network."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store keeps of a time."""

    faults: Sequence[Fault]
    tickets: Sequence[Ticket]
    outages: Sequence[Outage]


def slip_cause(text: str, slips: Mapping[str, str]) -> str:
    """The cause that a returned slip names: that of the longest word of the rules in it; empty for none."""
    said = text.casefold()
    words = [word for word in slips if word.casefold() in said]
    return slips[max(words, key=lambda word: (len(word), word))] if words else ""


def lessons(kept: Kept, rules: DispatchRules, zone: ZoneInfo, now: Instant, poll_minutes: float = 0.0) -> list[Past]:
    """Past faults in order of time.

    One fault is one, however many circuits it took down: one draw of chance. What somebody planned, what took no
    service away and what only concerned our own eyes teaches nothing. Open faults count as lasting: leaving them out
    would leave out the long ones.
    """
    orders = {t.fault: t for t in kept.tickets if t.state is not TicketState.MERGED and t.kind is TicketKind.REPAIR}
    told = {t.team for t in kept.tickets if t.arrived is not None}
    outages: dict[str, list[Outage]] = {}
    for outage in kept.outages:
        outages.setdefault(outage.fault, []).append(outage)
    out = []
    for fault in kept.faults:
        order, lost = orders.get(fault.id), outages.get(fault.id)
        if order is not None and lost and fault.root.kind not in _OURS and not (fault.planned or fault.absorbed_by):
            out.append(_lesson(fault, order, lost, rules, zone, now, poll_minutes, arrives=order.team in told))
    return sorted((p for p in out if p.lasted > 0), key=lambda p: p.started)


def _lesson(
    fault: Fault,
    order: Ticket,
    lost: Sequence[Outage],
    rules: DispatchRules,
    zone: ZoneInfo,
    now: Instant,
    slack: float,
    *,
    arrives: bool,
) -> Past:
    over = now if fault.cleared is None else fault.cleared
    strictest = min(lost, key=lambda o: (o.limit_minutes, o.id))
    sent, arrived = order.dispatched, order.arrived
    if fault.cleared is None:
        end = End.OPEN
    elif sent is None or sent >= over or (arrives and not order.found and (arrived is None or arrived >= over)):
        # Where crews tell that they have arrived, who never did has not repaired it either.
        end = End.HEALED
    else:
        end = End.REPAIRED
    known = fault.root.kind in rules.priors
    return Past(
        started=fault.opened,
        cause=order.cause or (str(fault.root.kind) if known else "unknown"),
        end=end,
        lasted=_minutes(fault.opened, over),
        sent=None if sent is None else max(_minutes(fault.opened, sent), 0.0),
        arrived=None if arrived is None else max(_minutes(fault.opened, arrived), 0.0),
        found=order.found,
        team=order.team,
        area=order.area,
        night=is_night(fault.opened, zone, rules.learning.workday),
        assurance=strictest.assurance,
        limit=float(strictest.limit_minutes),
        ahead=order.ahead,
        slack=slack,
    )


def told_and_come(kept: Kept, since: Instant, now: Instant) -> tuple[list[float], list[float]]:
    """What was forecast when crews were sent since an instant, and whether service was still away at the deadline.

    Of deadlines that have passed, or been kept; what is still open says nothing yet.
    """
    outages: dict[str, list[Outage]] = {}
    for outage in kept.outages:
        outages.setdefault(outage.fault, []).append(outage)
    said, came = [], []
    for order in kept.tickets:
        told = order.outlook_sent
        if told is None or told.at < since or order.state is TicketState.MERGED:
            continue
        mine = [o for o in outages.get(order.fault, ()) if o.started <= told.at]
        late = any((now if o.restored is None else o.restored) > told.deadline for o in mine)
        if late or all(o.restored is not None for o in mine):
            said.append(told.if_sent)
            came.append(float(late))
    return said, came


def _minutes(start: Instant, end: Instant) -> float:
    return (end - start) / MINUTE
