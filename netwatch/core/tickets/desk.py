"""What people say and do: complaints and the acts on repair orders.

An act that does not fit is refused with its reason and kept as evidence; it never stops
anything else.
"""

from __future__ import annotations

from netwatch.core.book import Book, OutageRecord, PauseRecord, Reroute, TicketRecord
from netwatch.core.forecast.lessons import slip_cause
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Action, Complaint, Entry, Work
from netwatch.core.outages.service import Call
from netwatch.core.rules import Rules
from netwatch.core.tickets import OPEN, act
from netwatch.core.time import Instant
from netwatch.core.topology import Network


class Desk:
    """Carries acts into the book; a review before and after tells what follows."""

    def __init__(self, book: Book, net: Network, rules: Rules) -> None:
        self.book, self.net, self.rules = book, net, rules

    def take(self, fact: Complaint | Work) -> list[Entry]:
        """The journal entries of one complaint or act."""
        if isinstance(fact, Complaint):
            return self._complaint(fact)
        entries = []
        known = [c for c in fact.circuits if c in self.net.ledger.circuits]
        for circuit in known:
            refused = self._circuit(fact, circuit)
            if refused:
                entries.append(self._refused(fact, circuit, refused))
        orders = self._orders(known, fact.ticket)
        if not orders and not entries:
            entries.append(self._refused(fact, " ".join(fact.circuits), "no open ticket covers this"))
        for order in orders:
            refused = act(order, fact)
            if fact.action is Action.RETURN and not refused:
                order.found = slip_cause(fact.reason, self.rules.dispatch.learning.slips) or order.found
            entries.append(self._refused(fact, order.id, refused) if refused else self._done(fact, order.id))
        return entries

    def _complaint(self, fact: Complaint) -> list[Entry]:
        if fact.circuit not in self.net.ledger.circuits:
            return []
        self.book.calls.setdefault(fact.circuit, []).append(Call(fact.at))
        return [Entry(fact.at, "complaint", fact.circuit, "the customer complained", {"channel": fact.channel})]

    def _done(self, work: Work, subject: str) -> Entry:
        return Entry(work.at, f"act.{work.action}", subject, work.reason, {"by": work.by})

    def _refused(self, work: Work, subject: str, why: str) -> Entry:
        return Entry(work.at, "act.refused", subject, why, {"by": work.by, "action": str(work.action)})

    def _orders(self, circuits: list[str], named: str = "") -> list[TicketRecord]:
        """The open tickets that cover any of these circuits, or bear the name."""
        return [
            order
            for order in self.book.tickets.values()
            if order.state in OPEN
            and (order.id == named or set(self.book.faults[order.fault].circuits).intersection(circuits))
        ]

    def _open_outage(self, circuit: str) -> OutageRecord | None:
        live = [o for o in self.book.outages.values() if o.circuit == circuit and not o.final]
        return max(live, key=lambda o: o.started, default=None)

    # ------------------------------------------------------------ acts that concern a circuit

    def _circuit(self, work: Work, circuit: str) -> str:
        """Why an act is refused for a circuit, or an empty text."""
        match work.action:
            case Action.PAUSE:
                return self._pause(work, circuit)
            case Action.RESUME:
                return self._resume(work, circuit)
            case Action.RESTORE:
                return self._restore(work, circuit)
            case Action.CLOSE:
                outage = self._open_outage(circuit)
                return "service is still out" if outage and outage.restored is None else ""
            case _:
                return ""

    def _when(self, work: Work) -> Instant:
        """Back-dated only with a second person's approval."""
        approved = bool(work.approved_by) and work.approved_by != work.by
        return work.since if work.since is not None and work.since < work.at and approved else work.at

    def _pause(self, work: Work, circuit: str) -> str:
        if self._open_outage(circuit) is None and not self._orders([circuit]):
            return "no open ticket covers this circuit"
        pauses = self.book.pauses.setdefault(circuit, [])
        running = next((p for p in pauses if p.reason == work.reason and p.ended == FOREVER), None)
        if running is None:
            when = self._when(work)
            pauses.append(PauseRecord(work.reason, when, FOREVER, work.by, work.approved_by, work.evidence))
        else:
            # Said again it moves nothing; what was missing may be handed in so.
            running.evidence = running.evidence or work.evidence
            if work.approved_by not in ("", running.by):
                running.approved_by = running.approved_by or work.approved_by
        return ""

    def _resume(self, work: Work, circuit: str) -> str:
        when = self._when(work)
        for pause in self.book.pauses.get(circuit, ()):
            if pause.ended == FOREVER and work.reason in ("", pause.reason):
                pause.ended = max(pause.started, when)
        return ""

    def _restore(self, work: Work, circuit: str) -> str:
        outage = self._open_outage(circuit)
        if outage is None:
            return "no outage to restore"
        if outage.only_complaint:
            self.book.calls[circuit] = [
                Call(c.at, work.at) if c.restored == FOREVER and c.at <= work.at else c
                for c in self.book.calls.get(circuit, ())
            ]
            return ""
        if work.reason == "reroute":
            if circuit not in self.book.reroutes:
                self.book.reroutes[circuit] = Reroute(work.at, outage.started)
            return ""
        return "monitoring sees the circuit down" if outage.restored is None else ""
