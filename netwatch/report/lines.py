"""What a period came to: for each circuit, each customer, each crew, and fault by fault.

Pure functions of rows and the ledger. Down-time is charged to the period in which it lies; an outage over midnight on
the first is charged to both months. What nobody could tell is neither up nor down: it lowers `coverage`, never
availability. Availability is a part of the whole period, excused time included: to shrink it would flatter the figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from netwatch.core.intervals import Spans, clip, length, union, without
from netwatch.core.model import Exposure, Fault, Ledger, Outage, Ticket, TicketKind, Unknown
from netwatch.core.time import DAY, MINUTE, SECOND, Instant, Span, whole_seconds
from netwatch.report.period import Period

YEAR: Span = 365 * DAY
"""Over which faults of a circuit are counted. Source: CMCC's quality indicator counts repeats by the year."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made from."""

    ledger: Ledger
    period: Period
    now: Instant
    since: Instant
    """Before this nobody watched: that time is not covered."""
    outages: Sequence[Outage]
    """Those that touch the year up to the period's end."""
    exposures: Sequence[Exposure] = ()
    unknowns: Sequence[Unknown] = ()
    faults: Sequence[Fault] = ()
    tickets: Sequence[Ticket] = ()
    stops: frozenset[str] = frozenset()
    """Reasons of pauses during which the net clock stands."""

    @property
    def end(self) -> Instant:
        """The end of the period, or now while it runs."""
        return max(self.period.start, min(self.period.end, self.now))

    def inside(self, start: Instant, end: Instant | None) -> Spans:
        """What of [start, end) lies in the period so far; an open end is now."""
        return clip([(start, self.now if end is None else end)], self.period.start, self.end)

    def touched(self, outage: Outage) -> bool:
        return bool(self.inside(outage.started, outage.restored))

    def due(self, outage: Outage) -> bool:
        """Whether its promise was put to the test in the period: restored in it, or its deadline passed in it."""
        if outage.restored is not None:
            return self.period.start <= outage.restored < self.end
        return outage.breached and outage.deadline is not None and outage.deadline < self.end


@dataclass(frozen=True, slots=True)
class CircuitLine:
    """One circuit. Ratios are 0 … 1, None where nothing was watched."""

    circuit: str
    customer: str
    assurance: str
    availability_gross: float | None
    availability_net: float | None
    """Without what the contract excuses: pauses that stop the clock, planned work announced in time."""
    coverage: float
    outages: int
    """That touch the period."""
    breaches: int
    down_seconds: int
    net_down_seconds: int
    estimated: bool
    """An outage with excused time crosses the period's edge; the excused time is split as the outage is."""
    exposed_seconds: int
    unknown_seconds: int
    longest_seconds: int
    mttr_minutes: float | None
    """Mean time to restore of the outages that ended in the period."""
    faults_in_a_year: int
    """Outages that began in the 365 days before the period's end."""


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One customer over all circuits."""

    customer: str
    level: str
    circuits: int
    outages: int
    breaches: int
    down_seconds: int
    worst_circuit: str
    worst_availability_net: float | None
    timeliness: float | None
    """Restored in time ÷ all whose promise was put to the test; None: none was."""


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


def circuits(facts: Facts) -> list[CircuitLine]:
    """Every circuit of the ledger, in its order; the ledger decides, so that one without trouble is not missing."""
    by_circuit: dict[str, list[Outage]] = defaultdict(list)
    for outage in facts.outages:
        by_circuit[outage.circuit].append(outage)
    exposed = _spans(facts, facts.exposures)
    unknown = _spans(facts, facts.unknowns)
    return [
        _circuit(facts, name, by_circuit[name], exposed.get(name, []), unknown.get(name, []))
        for name in facts.ledger.circuits
    ]


def _spans(facts: Facts, rows: Iterable[Exposure] | Iterable[Unknown]) -> Mapping[str, Spans]:
    found: dict[str, Spans] = defaultdict(list)
    for row in rows:
        found[row.circuit] += facts.inside(row.started, row.ended)
    return {circuit: union(spans) for circuit, spans in found.items()}


def _circuit(facts: Facts, name: str, known: Sequence[Outage], exposed: Spans, unknown: Spans) -> CircuitLine:
    start, end = facts.period.start, facts.end
    passed = end - start
    touching = [o for o in known if facts.touched(o)]
    down = union(pair for o in touching for pair in facts.inside(o.started, o.restored))
    shares = [_excused(facts, o) for o in touching]
    gross = length(down)
    net = max(0, gross - sum(span for span, _ in shares))
    unwatched = clip([(start, facts.since)], start, end) if facts.since > start else []
    blind = without(union([*unknown, *unwatched]), down)
    # One that ended at the period's first instant touches it in no moment, and yet its end lies in it.
    ended = [o for o in known if o.restored is not None and start <= o.restored < end]
    watched = passed > length(blind)
    return CircuitLine(
        circuit=name,
        customer=facts.ledger.circuits[name].customer,
        assurance=touching[-1].assurance if touching else facts.ledger.circuits[name].assurance,
        availability_gross=1 - gross / passed if watched else None,
        availability_net=1 - net / passed if watched else None,
        coverage=1 - length(blind) / passed if passed else 0.0,
        outages=len(touching),
        breaches=sum(o.breached and facts.due(o) for o in known),
        down_seconds=whole_seconds(gross),
        net_down_seconds=whole_seconds(net),
        estimated=any(guess for _, guess in shares),
        exposed_seconds=whole_seconds(length(without(exposed, down))),
        unknown_seconds=whole_seconds(length(blind)),
        longest_seconds=whole_seconds(max((_lasted(facts, o) for o in touching), default=0)),
        mttr_minutes=sum(o.gross_seconds for o in ended) / 60 / len(ended) if ended else None,
        faults_in_a_year=sum(end - YEAR <= o.started < end for o in known),
    )


def _excused(facts: Facts, outage: Outage) -> tuple[Span, bool]:
    """What the contract excuses of its time in the period, and whether that had to be split by proportion."""
    whole = _lasted(facts, outage)
    excused = (outage.gross_seconds - outage.net_seconds) * SECOND
    if outage.restored is None and facts.stops.intersection(outage.paused):
        excused += max(0, whole - outage.gross_seconds * SECOND)  # the row is as old as the last decision about it
    inside = length(facts.inside(outage.started, outage.restored))
    if not excused or inside >= whole:
        return min(excused, inside), False
    return excused * inside // whole, True


def _lasted(facts: Facts, outage: Outage) -> Span:
    return (facts.now if outage.restored is None else outage.restored) - outage.started


def customers(facts: Facts) -> list[CustomerLine]:
    """Every customer who has circuits, by id."""
    lines: dict[str, list[CircuitLine]] = defaultdict(list)
    for line in circuits(facts):
        lines[line.customer].append(line)
    tested: dict[str, list[Outage]] = defaultdict(list)
    for outage in facts.outages:
        if facts.due(outage):
            tested[outage.customer].append(outage)
    found = []
    for customer, own in sorted(lines.items()):
        # Among circuits that nobody watched there is no worst one.
        told = [line for line in own if line.availability_net is not None]
        worst = min(told, key=lambda line: line.availability_net or 0.0, default=None)
        known = facts.ledger.customers.get(customer)
        found.append(
            CustomerLine(
                customer=customer,
                level=known.level if known else "",
                circuits=len(own),
                outages=sum(line.outages for line in own),
                breaches=sum(line.breaches for line in own),
                down_seconds=sum(line.down_seconds for line in own),
                worst_circuit=worst.circuit if worst else "",
                worst_availability_net=worst.availability_net if worst else None,
                timeliness=_rate(tested[customer]),
            )
        )
    return found


def _rate(outages: Sequence[Outage]) -> float | None:
    return sum(not o.breached for o in outages) / len(outages) if outages else None


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
                timeliness=_rate(tested),
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
