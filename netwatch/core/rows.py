"""The rows of one review: what the outside sees of the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter

from netwatch.core.book import FaultRecord, OutageRecord, TicketRecord
from netwatch.core.model import CircuitState, Exposure, Fault, Outage, Row, ServiceState, Ticket, Unknown
from netwatch.core.outages.known import Known
from netwatch.core.outages.record import Outages
from netwatch.core.round import Round
from netwatch.core.tickets import OPEN
from netwatch.core.tickets.orders import Orders


class Rows:
    """Makes rows of what a round may have changed."""

    def __init__(
        self,
        round_: Round,
        orders: Orders,
        outages: Outages,
        absorbed: Iterable[tuple[FaultRecord, FaultRecord]],
        known: Known,
    ) -> None:
        self.book = round_.book
        self.now, self.timing, self.contract = round_.now, round_.timing, round_.contract
        self._orders, self._outages, self._known = orders, outages, known
        self._absorbed = {child.id for child, _ in absorbed}
        self._settled = self.now - 2 * self.timing.stability

    def __iter__(self) -> Iterator[Row]:
        """The rows of everything that this review may have changed."""
        yield from (self._fault_row(fault) for fault in self.book.faults.values() if not self._over(fault))
        for circuit in sorted(self._outages.changed):
            yield from map(self._outage_row, self._outages.outages_of.get(circuit, ()))
            for e in self._outages.exposures_of.get(circuit, ()):
                yield Exposure(e.id, e.circuit, e.fault, e.started, e.ended)
        for name in self._known.run_out(self.now):
            if name in self.book.outages:
                yield self._outage_row(self.book.outages[name])
        for u in self._outages.unseen:
            yield Unknown(u.id, u.circuit, u.started, u.ended, u.settled, u.evidence)
        yield from (self._ticket_row(order) for order in self.book.tickets.values() if not self._done(order))
        yield from self._circuit_rows()

    def _over(self, fault: FaultRecord) -> bool:
        """Nothing about it changes any more, and its last row is made."""
        if fault.absorbed_by:
            return fault.id not in self._absorbed
        return fault.final and fault.cleared is not None and fault.cleared <= self._settled

    def _done(self, order: TicketRecord) -> bool:
        if order.state in OPEN or not order.filed or (order.closed or self.now) > self._settled:
            return False
        fault = self.book.faults[order.fault]
        return bool(fault.absorbed_by) or self._over(fault)

    def _outage_row(self, outage: OutageRecord) -> Outage:
        row = self.contract.row(outage, self.now)
        if row.restored is None and row.deadline is not None and not (row.breached or row.paused or outage.excused):
            self._known.runs_until(row.id, row.deadline)
        return row

    def _fault_row(self, fault: FaultRecord) -> Fault:
        minutes = self.contract.facility_minutes(fault)
        return Fault(
            id=fault.id,
            root=fault.root,
            domain=fault.domain,
            opened=fault.opened,
            cleared=fault.cleared,
            circuits=self._known.circuits_of(fault.id, fault.circuits),
            explains=fault.most,
            confidence=fault.confidence,
            facility_limit_minutes=minutes,
            facility_deadline=self.contract.facility_deadline(fault, minutes),
            reason=fault.reason,
            against=fault.against,
            planned=fault.planned,
            absorbed_by=fault.absorbed_by,
        )

    def _ticket_row(self, order: TicketRecord) -> Ticket:
        fault = self.book.faults[order.fault]
        stakes = self._orders.stakes(fault) if order.state in OPEN else []
        return Ticket(
            id=order.id,
            fault=order.fault,
            kind=order.kind,
            state=order.state,
            opened=order.opened,
            dispatched=order.dispatched,
            acknowledged=order.acknowledged,
            accepted=order.accepted,
            arrived=order.arrived,
            restored=order.restored,
            returned=order.returned,
            closed=order.closed,
            skill=order.skill,
            team=order.team,
            reason=order.reason,
            deadline=min((s for s in (stakes[0].deadline if stakes else None, order.battery_end) if s), default=None),
            circuits=self._known.circuits_of(fault.id, fault.circuits),
            merged_into=order.merged_into,
            breach_probability=order.probability,
            clocks=order.clocks,
            pauses=order.pauses,
            outlook=order.outlook,
            outlook_sent=order.outlook_sent,
            cause=order.cause,
            found=order.found,
            area=order.area,
            ahead=order.ahead,
            withheld=order.withheld,
            braked=order.braked,
            battery_end=order.battery_end,
            generator_proposed=order.generator_proposed,
            generator_ordered=order.generator_ordered,
        )

    def _circuit_rows(self) -> Iterator[Row]:
        down: dict[str, OutageRecord] = {o.circuit: o for o in self.book.outages.values() if o.restored is None}
        exposed = {e.circuit: e for e in self.book.exposures.values() if e.ended is None}
        unknown = {u.circuit: u for u in self.book.unknowns.values() if u.ended is None}
        for circuit in sorted(self._outages.changed | (self._known.planned & self._outages.touched)):
            state, since, fault = ServiceState.UP, self.now, ""
            if circuit in down:
                outage = down[circuit]
                covered = self.contract.covered_until(circuit, outage.started)
                planned = covered is not None and covered > self.now
                state = ServiceState.PLANNED if planned else ServiceState.DOWN
                since, fault = outage.started, outage.fault
            elif circuit in unknown:
                state, since = ServiceState.UNKNOWN, unknown[circuit].started
            elif circuit in exposed:
                state, since, fault = ServiceState.EXPOSED, exposed[circuit].started, exposed[circuit].fault
            former = self.book.circuits.get(circuit)
            if former is not None and (former.state, former.fault) == (state, fault):
                continue
            if former is None and state is ServiceState.UP:
                continue
            row = CircuitState(circuit, state, since, self.contract.assurance(circuit, self.now), fault)
            self.book.circuits[circuit] = row
            if state is ServiceState.PLANNED:
                self._known.planned.add(circuit)
            else:
                self._known.planned.discard(circuit)
            yield row


_CLOCKS = frozenset({"gross_seconds", "net_seconds", "breach_probability"})
_but_for_time = attrgetter(*(f.name for f in fields(Outage) if f.name not in _CLOCKS))


def news(row: Row, former: Row | None) -> bool:
    """Whether a row says what the former one did not.

    How far a clock has got that simply runs is no news: it follows from when it began. Else ten thousand circuits
    without service would be ten thousand rows to write whenever anything happens anywhere.
    """
    if former is None:
        return True
    if isinstance(row, Outage) and row.restored is None and not row.paused and not row.planned_seconds:
        return _but_for_time(row) != _but_for_time(former)
    return row != former
