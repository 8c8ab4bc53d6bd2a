"""The rows of one review: what the outside sees of the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netwatch.core.book import FaultRecord, OutageRecord, TicketRecord
from netwatch.core.model import CircuitState, Exposure, Fault, Row, ServiceState, Ticket, Unknown
from netwatch.core.orders import Orders
from netwatch.core.round import Round
from netwatch.core.tickets import OPEN


class Rows:
    """Makes rows of what a round may have changed."""

    def __init__(self, round_: Round, orders: Orders, touched: Iterable[str]) -> None:
        self.book = round_.book
        self.now, self.timing, self.contract = round_.now, round_.timing, round_.contract
        self._orders, self._touched = orders, touched

    def __iter__(self) -> Iterator[Row]:
        """The rows of everything that this review may have changed."""
        for fault in self.book.faults.values():
            if not fault.final or fault.cleared is None or fault.cleared > self.now - 2 * self.timing.stability:
                yield self._fault_row(fault)
        for outage in self.book.outages.values():
            if not outage.final or (outage.restored or 0) > self.now - 2 * self.timing.stability:
                yield self.contract.row(outage, self.now)
        for e in self.book.exposures.values():
            if not e.final or (e.ended or 0) > self.now - 2 * self.timing.stability:
                yield Exposure(e.id, e.circuit, e.fault, e.started, e.ended)
        for u in self.book.unknowns.values():
            yield Unknown(u.id, u.circuit, u.started, u.ended)
        for order in self.book.tickets.values():
            yield self._ticket_row(order)
        yield from self._circuit_rows()

    def _fault_row(self, fault: FaultRecord) -> Fault:
        minutes = self.contract.facility_minutes(fault)
        return Fault(
            id=fault.id,
            root=fault.root,
            domain=fault.domain,
            opened=fault.opened,
            cleared=fault.cleared,
            circuits=tuple(sorted(fault.circuits)),
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
            deadline=stakes[0].deadline if stakes else None,
            circuits=tuple(sorted(fault.circuits)),
            merged_into=order.merged_into,
            breach_probability=order.probability,
        )

    def _circuit_rows(self) -> Iterator[Row]:
        down: dict[str, OutageRecord] = {o.circuit: o for o in self.book.outages.values() if o.restored is None}
        exposed = {e.circuit: e for e in self.book.exposures.values() if e.ended is None}
        unknown = {u.circuit: u for u in self.book.unknowns.values() if u.ended is None}
        for circuit in sorted(self._touched):
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
            yield row
