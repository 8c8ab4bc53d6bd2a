"""The clocks of a repair order: which limits run for it, since when, and what stopped each.

The customer's and the facility's targets run side by side: rerouting meets the one, the crew's splice the other. Only
the lines' own limits know pauses; every other clock is plain elapsed time. What the order must still do about a clock
(remind, escalate) is `orders`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netwatch.core import sla
from netwatch.core.book import FaultRecord, OutageRecord, PauseRecord, TicketRecord
from netwatch.core.intervals import FOREVER, Pair, clip, union
from netwatch.core.model import Clock, Pause, TicketState
from netwatch.core.outages.contract import Contract
from netwatch.core.rules import By, Of, PauseRule, SlaPolicy, Stamp, Term
from netwatch.core.sla import terms
from netwatch.core.time import MINUTE, Instant, Span

_OVER = frozenset({TicketState.CLOSED, TicketState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Running:
    """A clock with what is needed to say when a share of it is used up."""

    clock: Clock
    assurance: str
    """The class whose attended hours it keeps."""
    allowed: Span
    standing: Sequence[Pair] = ()
    """When it stood, up to now."""

    def at(self, share: float) -> Instant:
        """When so much of the limit is used up, as far as the clock stood until now."""
        return sla.reached(self.clock.started, int(self.allowed * share), list(self.standing))


class Clocks:
    """The clocks of one order at one instant."""

    def __init__(
        self,
        contract: Contract,
        order: TicketRecord,
        fault: FaultRecord,
        outages: Sequence[OutageRecord],
        urgent: OutageRecord | None,
        now: Instant,
    ) -> None:
        """`urgent`: of the outages that run, the one whose time runs out first."""
        self.contract, self.order, self.fault, self.now = contract, order, fault, now
        self.outages = outages
        self.urgent = urgent or min(outages, key=lambda o: (o.started + o.minutes * MINUTE, o.circuit), default=None)
        self.policy = contract.policy(fault.opened)
        self.facility = contract.facility(fault)
        self.stamps = self._stamps()
        self.classes = self._classes()

    def __iter__(self) -> Iterator[Running]:
        if self.order.state is TicketState.MERGED:
            return
        yield from self._lines()
        yield from self._facility()
        for term in self.policy.terms:
            if term.until is not None:
                yield from self._term(term, term.until)

    # ------------------------------------------------------------ what has happened

    def _stamps(self) -> dict[Stamp, Instant | None]:
        order, fault = self.order, self.fault
        started = min((o.started for o in self.outages), default=fault.opened)
        # Debounce lies between first evidence and order. Where more does, planned work held the order back.
        window = self.contract.rules.alarms.debounce_window
        back = [o.restored for o in self.outages if o.restored is not None]
        restored = max(back) if back and len(back) == len(self.outages) else None if self.outages else fault.cleared
        complaints = [o.complained for o in self.outages if o.complained is not None]
        return {
            Stamp.REPORTED: started if order.opened - started <= window else order.opened,
            Stamp.COMPLAINED: min(complaints, default=None),
            Stamp.ACKNOWLEDGED: order.acknowledged,
            Stamp.DISPATCHED: order.dispatched,
            Stamp.ARRIVED: order.arrived,
            Stamp.RESTORED: restored,
            Stamp.CLEARED: fault.cleared,
            Stamp.RETURNED: order.returned,
            Stamp.CLOSED: order.closed if order.state in _OVER else None,
        }

    # ------------------------------------------------------------ the customer's

    def _lines(self) -> Iterator[Running]:
        """The line whose time runs out first, against what is promised and against what we ask of ourselves."""
        most = self.urgent
        if most is None:
            return
        end = self.now if most.restored is None else most.restored
        standing = clip(union([*self.contract.stopped(most), *most.excused]), most.started, max(end, most.started))
        policy = self.contract.policy(most.started)
        for name, minutes, of, source in (
            ("restoration", most.minutes, Of.LINE, most.limit_source),
            (
                "internal",
                terms.internal_minutes(policy, most.minutes),
                Of.OFFICE,
                f"{policy.internal_share:.0%} of {most.limit_source}",
            ),
        ):
            allowed = minutes * MINUTE
            due = sla.reached(most.started, allowed, standing)
            how = "" if most.restored is None else "service is back"
            clock = Clock(name, *terms.WORDS[name], of, most.circuit, most.started, due, most.restored, how, source)
            yield Running(clock, most.assurance, allowed, standing)

    # ------------------------------------------------------------ the facility's

    def _facility(self) -> Iterator[Running]:
        facility = self.facility
        if facility is not None:
            minutes = facility.minutes(self.policy)
            yield self._clock(
                facility.kind,
                terms.WORDS[facility.kind],
                Of.FACILITY,
                "",
                (self.fault.opened, self.fault.opened + minutes * MINUTE),
                *self._ended(Stamp.CLEARED, self.fault.opened),
                facility.why,
            )

    # ------------------------------------------------------------ the order's

    def _term(self, term: Term, until: Stamp) -> Iterator[Running]:
        started = self.stamps[term.since]
        if started is None or (term.of is Of.FACILITY and (self.facility is None or self.facility.kind != "cable")):
            return
        if term.since is Stamp.RESTORED and self.order.dispatched is None:
            return  # nobody was sent, so nobody owes a slip
        count, circuit = self._strictest(term)
        if count is None:
            return
        due = terms.due(term, count, started, self.contract.rules.calendar, self.contract.zone)
        yield self._clock(
            term.name, (term.zh, term.en), term.of, circuit, (started, due), *self._ended(until, started), term.source
        )

    def _strictest(self, term: Term) -> tuple[int | None, str]:
        """The shortest figure among the order's circuits, and the circuit that asks for it."""
        if term.by is None and not term.products:
            return term.figure(""), ""
        if term.by is By.CLASS and not term.products:
            # A cable may hold ten thousand circuits; their classes are a handful.
            found = [(count, name) for key, name in self.classes.items() if (count := term.figure(key)) is not None]
        else:
            complained = term.since is Stamp.COMPLAINED
            concerned = [o for o in self.outages if o.complained is not None or not complained]
            found = [(count, o.circuit) for o in concerned if (count := self._figure(term, o)) is not None]
        return min(found, default=(None, ""))

    def _figure(self, term: Term, outage: OutageRecord) -> int | None:
        if outage.circuit not in self.contract.net.ledger.circuits:
            return None
        line = self.contract.line(self.contract.circuit_at(outage.circuit, outage.started))
        return terms.figure(term, self.policy, line)[0]

    def _classes(self) -> dict[str, str]:
        """The classes of what the order is about, each with a circuit of it."""
        out: dict[str, str] = {}
        for outage in self.outages:
            out.setdefault(outage.assurance, outage.circuit)
        if not out:
            known = self.contract.net.ledger.circuits
            for name in sorted(self.fault.circuits):
                if name in known:
                    out.setdefault(self.contract.assurance(name, self.fault.opened), name)
        return out

    def _ended(self, until: Stamp, started: Instant) -> tuple[Instant | None, str]:
        """When a clock was stopped and by what: what it waits for, or what makes that needless."""
        ends = [(self.stamps[until], str(until))]
        if until in (Stamp.ACKNOWLEDGED, Stamp.ARRIVED):
            ends.append((self.stamps[Stamp.RESTORED], "service is back"))
        if until is Stamp.ARRIVED:
            ends.append(self._appointment(started))
        if until is Stamp.RETURNED:
            ends.append((self.stamps[Stamp.CLOSED], "closed"))
        if self.order.state in _OVER and until is not Stamp.CLEARED:
            ends.append((self.order.closed, str(self.order.state)))
        happened = [(at, how) for at, how in ends if at is not None]
        at, how = min(happened, default=(None, ""))
        return (None if at is None else max(at, started)), how

    def _appointment(self, since: Instant) -> tuple[Instant | None, str]:
        """A time agreed with a customer of the order, once it was sent."""
        agreed = [
            (p.started, f"appointment: {p.reason}" + (f", by {p.by}" if p.by else ""))
            for circuit in sorted(self.fault.circuits)
            for p in self.contract.book.pauses.get(circuit, ())
            if p.started >= since and p.reason in self.policy.pauses and self.policy.pauses[p.reason].appointment
        ]
        return min(agreed, default=(None, ""))

    def _clock(
        self,
        name: str,
        words: tuple[str, str],
        of: Of,
        circuit: str,
        span: tuple[Instant, Instant],
        ended: Instant | None,
        how: str,
        source: str,
    ) -> Running:
        clock = Clock(name, *words, of, circuit, *span, ended, how, source)
        return Running(clock, self.assurance, span[1] - span[0])

    @property
    def assurance(self) -> str:
        """The class whose attended hours the order keeps: the one with the shortest limit."""
        policy = self.policy
        return min(self.classes, key=lambda c: (policy.limits.get(c, policy.fallback_minutes), c), default="")


def ledger(contract: Contract, order: TicketRecord, fault: FaultRecord, policy: SlaPolicy) -> tuple[Pause, ...]:
    """The ledger of an order's pauses: those of its circuits that reach into its time."""
    return tuple(
        _pause(record, circuit, policy)
        for circuit, records in contract.book.pauses.items()
        if circuit in fault.circuits
        for record in records
        if record.ended > order.opened and (order.closed is None or record.started < order.closed)
    )


def _pause(record: PauseRecord, circuit: str, policy: SlaPolicy) -> Pause:
    rule = policy.pauses.get(record.reason, PauseRule(stops=False))
    lacks = []
    if rule.evidence and not record.evidence:
        lacks.append("evidence")
    if rule.approval and record.approved_by in ("", record.by):
        lacks.append("approval")
    return Pause(
        circuit,
        record.reason,
        record.started,
        None if record.ended == FOREVER else record.ended,
        record.by,
        record.approved_by,
        record.evidence,
        rule.stops,
        tuple(lacks),
        None if rule.cap is None else record.started + rule.cap,
    )
