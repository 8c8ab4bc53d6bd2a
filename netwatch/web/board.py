"""What the board shows: one card for each fault and window, a summary, and the messages that went out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict

from netwatch.core.model import Exposure, Fault, Outage, RootKind, ServiceState, Ticket, TicketState, Unknown, Window
from netwatch.core.time import DAY, HOUR, MINUTE, Instant
from netwatch.web.documents import Documents
from netwatch.web.shapes import MessageDoc, OutageDoc, OutlookDoc, RootDoc, Time
from netwatch.web.view import CLOSED, MESSAGES, SUMMARY, Card, View

RECENT = 40
"""Cleared faults shown."""

_AT_RISK = 0.5
"""From this chance of a breach on, a ticket counts as at risk."""


class TicketOnCard(TypedDict):
    id: str
    kind: str
    state: str
    team: str
    company: str
    skill: str
    reason: str
    opened: Time
    dispatched: Time
    acknowledged: bool
    braked: bool
    battery_end: Time
    breach_probability: float | None
    outlook: OutlookDoc | None


class FaultCard(TypedDict):
    id: str
    root: RootDoc
    domain: str
    opened: Time
    cleared: Time
    planned: bool
    confidence: float
    explains: int
    circuits: int
    down: dict[str, int]
    exposed: dict[str, int]
    restored: int
    breached: int
    complained: bool
    urgent: OutageDoc | None
    facility_limit_minutes: int | None
    facility_deadline: Time
    ticket: TicketOnCard | None


class Board:
    """Draws from a view. `pace` is how many seconds pass in one real one: a simulated night runs faster."""

    def __init__(self, view: View, pace: float = 1.0) -> None:
        self.view, self.pace = view, pace
        self._last: tuple[tuple[int, int], dict[str, Any]] | None = None

    def snapshot(self, now: Instant) -> dict[str, Any]:
        """The whole board."""
        view = self.view
        shown = [f for f in view.all(Fault).values() if not f.absorbed_by]
        cleared = sorted((f for f in shown if f.cleared is not None), key=lambda f: -(f.cleared or 0))
        faults = [f for f in shown if f.cleared is None] + cleared[:RECENT]
        windows = [w for w in view.all(Window).values() if self._window_shown(w, now)]
        docs = Documents(view, now)
        return {
            **self._stamp(docs),
            "pace": self.pace,
            "zone": view.zone.key,
            "pauses": dict(view.pauses),
            "summary": self.summary(now),
            "fault": {f.id: self.fault(f, docs) for f in faults},
            "window": {w.id: docs.window(w) for w in windows},
            "messages": self._messages(docs),
        }

    def delta(self, since: int, now: Instant) -> dict[str, Any] | None:
        """What changed after `since`; null for what is gone. None: too long ago, send a snapshot."""
        key = since, self.view.change
        if self._last and self._last[0] == key:
            return self._last[1]
        cards = self.view.since(since)
        if cards is None:
            return None
        delta = self._draw(cards, now)
        self._last = key, delta
        return delta

    def _draw(self, cards: Iterable[Card], now: Instant) -> dict[str, Any]:
        docs = Documents(self.view, now)
        out: dict[str, Any] = self._stamp(docs)
        for card in cards:
            if card == SUMMARY:
                out["summary"] = self.summary(now)
            elif card == MESSAGES:
                out["messages"] = self._messages(docs)
            elif card.kind == "fault":
                fault = self.view.get(Fault, card.id)
                shown = fault is not None and not fault.absorbed_by
                out.setdefault("fault", {})[card.id] = self.fault(fault, docs) if fault and shown else None
            elif card.kind == "window":
                window = self.view.get(Window, card.id)
                shown = window is not None and self._window_shown(window, now)
                out.setdefault("window", {})[card.id] = docs.window(window) if window and shown else None
        return out

    def _stamp(self, docs: Documents) -> dict[str, Any]:
        return {"now": docs.time(docs.now), "epoch": self.view.epoch, "change": self.view.change}

    def _messages(self, docs: Documents) -> list[MessageDoc]:
        return [docs.message(m) for m in reversed(self.view.messages)]

    @staticmethod
    def _window_shown(window: Window, now: Instant) -> bool:
        return not window.cancelled and window.end > now - HOUR and window.start < now + 14 * DAY

    def fault(self, fault: Fault, docs: Documents) -> FaultCard:
        down: Counter[str] = Counter()
        exposed: Counter[str] = Counter()
        restored = breached = 0
        complained = False
        for outage in self.view.find(Outage, "fault", fault.id):
            breached += outage.breached
            complained |= outage.complained is not None
            if outage.restored is None:
                down[outage.assurance] += 1
            else:
                restored += 1
        for exposure in self.view.find(Exposure, "fault", fault.id):
            if exposure.ended is None:
                exposed[docs.assurance(exposure.circuit)] += 1
        urgent, ticket = self.view.urgent(fault.id), self.view.ticket_of(fault.id)
        return {
            "id": fault.id,
            "root": docs.root(fault.root),
            "domain": fault.domain,
            "opened": docs.time(fault.opened),
            "cleared": docs.time(fault.cleared),
            "planned": fault.planned and ticket is None,  # what outlasts its window is a fault like any other
            "confidence": fault.confidence,
            "explains": fault.explains,
            "circuits": len(fault.circuits),
            "down": dict(down),
            "exposed": dict(exposed),
            "restored": restored,
            "breached": breached,
            "complained": complained,
            "urgent": docs.outage(urgent) if urgent else None,
            "facility_limit_minutes": fault.facility_limit_minutes,
            "facility_deadline": docs.time(fault.facility_deadline),
            "ticket": _on_card(ticket, docs) if ticket else None,
        }

    def summary(self, now: Instant) -> dict[str, Any]:
        """The strip at the top."""
        view = self.view
        states: Counter[str] = Counter(dict.fromkeys(ServiceState, 0))
        classes: dict[str, Counter[str]] = {}
        for (state, assurance), n in view.circuits_by_state().items():
            states[state] += n
            classes.setdefault(assurance, Counter())[state] += n
        running = view.find(Outage, "all", "running")
        tickets = view.count("ticket")
        at_risk = sum(
            1
            for t in view.all(Ticket).values()
            if t.state not in CLOSED and t.breach_probability is not None and t.breach_probability >= _AT_RISK
        )
        held = sorted((t for t in view.all(Ticket).values() if t.braked), key=lambda t: t.opened)
        blind = [f for f in view.all(Fault).values() if f.root.kind is RootKind.MANAGEMENT and f.cleared is None]
        unknown = view.related(Unknown, "all", "running")
        docs = Documents(view, now)
        return {
            "circuits": {**states, "total": sum(states.values())},
            "classes": {name: dict(count) for name, count in sorted(classes.items())},
            "tickets": {
                "open": sum(tickets.values()),
                "sent": sum(n for state, n in tickets.items() if state != TicketState.WATCHING),
                "at_risk": at_risk,
                "by_state": tickets,
            },
            "breaches": {
                "running": sum(o.breached for o in running),
                "soon": sum(not o.breached and view.deadline(o, now) - now < 30 * MINUTE for o in running),
                "month": view.breaches_this_month(),
            },
            "held": {"orders": len(held), "fault": held[0].fault if held else None},
            "devices": view.devices_by_state(),
            "alarms": view.count("alarm"),
            "blind": {
                "since": docs.time(min(f.opened for f in blind)) if blind else None,
                "fault": blind[0].id if blind else None,
                "circuits": unknown or states[ServiceState.UNKNOWN],
            },
        }


def _on_card(ticket: Ticket, docs: Documents) -> TicketOnCard:
    team = docs.view.ledger.teams.get(ticket.team)
    return {
        "id": ticket.id,
        "kind": ticket.kind,
        "state": ticket.state,
        "team": ticket.team,
        "company": team.company if team else "",
        "skill": ticket.skill,
        "reason": ticket.reason,
        "opened": docs.time(ticket.opened),
        "dispatched": docs.time(ticket.dispatched),
        "acknowledged": ticket.acknowledged is not None,
        "braked": ticket.braked,
        "battery_end": docs.time(ticket.battery_end),
        "breach_probability": ticket.breach_probability,
        "outlook": docs.outlook(ticket.outlook),
    }
