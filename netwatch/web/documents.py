"""Rows as JSON documents: what the API answers, joined with the ledger so that people can read it.

No customer's name, contact or phone number is in any of them; `customer` is the carrier's own code. Times are
ISO 8601 in the site's zone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netwatch.core.forecast.drivers import in_words
from netwatch.core.model import (
    Alarm,
    Circuit,
    CircuitState,
    Clock,
    Complaint,
    DeviceState,
    Entry,
    Exposure,
    Fault,
    Outage,
    Outlook,
    Pause,
    Port,
    Root,
    RootKind,
    ServiceState,
    State,
    Ticket,
    Window,
)
from netwatch.core.time import SECOND, Instant, show
from netwatch.web.shapes import (
    AlarmDoc,
    CircuitDoc,
    ClockDoc,
    ComplaintDoc,
    DeviceDoc,
    EndDoc,
    EntryDoc,
    ExposureDoc,
    FaultDoc,
    MessageDoc,
    OutageDoc,
    OutlookDoc,
    PauseDoc,
    RootDoc,
    TicketDoc,
    Time,
    WindowDoc,
)
from netwatch.web.view import CLOSED, Message, View, verdict

_NET = ("restoration", "internal")
"""Clocks that a pause moves."""


def overdue(row: Ticket, now: Instant) -> list[str]:
    """The names of a ticket's clocks that have run out and go on."""
    return [clock.name for clock in row.clocks if clock.ended is None and clock.due < now]


class Documents:
    """Makes documents of what a view holds, as things stand at `now`."""

    def __init__(self, view: View, now: Instant) -> None:
        self.view, self.now = view, now

    def time(self, at: Instant | None) -> Time:
        return show(at, self.view.zone)

    def outage(self, row: Outage) -> OutageDoc:
        view, now, limit = self.view, self.now, row.limit_minutes * 60
        gross, net, clock = row.gross_seconds, row.net_seconds, "ended"
        deadline, remaining = row.deadline, None
        if row.restored is None:
            deadline = view.deadline(row, now)
            remaining = (deadline - now) // SECOND
            clock = "stopped" if view.stopped(row) else "running"
            gross = max(0, now - row.started) // SECOND
            # A running clock has used the limit less what is left of it; a standing one what the row says.
            net = row.net_seconds if clock == "stopped" else max(0, min(gross, limit - remaining))
        return {
            "id": row.id,
            "circuit": row.circuit,
            "customer": row.customer,
            "assurance": row.assurance,
            "fault": row.fault,
            "started": self.time(row.started),
            "restored": self.time(row.restored),
            "limit_minutes": row.limit_minutes,
            "limit_source": row.limit_source,
            "deadline": self.time(deadline),
            "remaining_seconds": remaining,
            "clock": clock,
            "gross_seconds": gross,
            "net_seconds": net,
            "planned_seconds": row.planned_seconds,
            "breached": row.breached or (remaining is not None and remaining < 0),
            "paused": list(row.paused),
            "breach_probability": self._risk(row),
            "complained": self.time(row.complained),
        }

    def _risk(self, row: Outage) -> float | None:
        """Of an outage that goes on, its order's: an outage's own row is as old as the last change in it."""
        order = self.view.ticket_of(row.fault) if row.restored is None else None
        return order.breach_probability if order is not None else row.breach_probability

    def exposure(self, row: Exposure) -> ExposureDoc:
        circuit = self.view.ledger.circuits.get(row.circuit)
        return {
            "circuit": row.circuit,
            "fault": row.fault,
            "assurance": self.assurance(row.circuit) if circuit else "",
            "started": self.time(row.started),
            "ended": self.time(row.ended),
        }

    def assurance(self, circuit: str) -> str:
        """The class in force, else the ledger's word."""
        if row := self.view.get(CircuitState, circuit):
            return row.assurance
        known = self.view.ledger.circuits.get(circuit)
        return known.assurance if known else ""

    def circuit(self, key: str) -> CircuitDoc | None:
        known, row = self.view.ledger.circuits.get(key), self.view.get(CircuitState, key)
        if known is None and row is None:
            return None
        known = known or Circuit(key)
        customer = self.view.ledger.customers.get(known.customer)
        tickets = self.view.find(Ticket, "covers", key)
        return {
            "id": key,
            "state": row.state if row else ServiceState.UP,
            "since": self.time(row.since) if row else None,
            "assurance": row.assurance if row else known.assurance,
            "product": known.product,
            "bandwidth_mbps": known.bandwidth_mbps,
            "scope": known.scope,
            "customer": known.customer,
            "level": customer.level if customer else "",
            "a": self.end(known.a),
            "z": self.end(known.z),
            "working": list(known.working),
            "protecting": list(known.protecting),
            "over": known.over,
            "fault": row.fault if row else "",
            "ticket": tickets[0].id if tickets else "",
            "availability": round(self.view.availability(key, self.now), 6),
        }

    def end(self, port: Port) -> EndDoc:
        device = self.view.ledger.devices.get(port.device)
        site = device.site if device else ""
        return {"device": port.device, "port": port.name, "site": site, "site_name": self.site_name(site)}

    def site_name(self, site: str) -> str:
        known = self.view.ledger.sites.get(site)
        return (known.name or known.id) if known else site

    def alarm(self, row: Alarm) -> AlarmDoc:
        device = self.view.ledger.devices.get(row.device)
        return {
            "id": row.id,
            "device": row.device,
            "component": row.component,
            "condition": row.condition,
            "state": row.state,
            "severity": row.severity,
            "raised": self.time(row.raised),
            "changed": self.time(row.changed),
            "cleared": self.time(row.cleared),
            "count": row.count,
            "source": row.source,
            "fault": row.fault,
            "acknowledged_by": row.acknowledged_by,
            "site": self.site_name(device.site) if device else "",
        }

    def ticket(self, row: Ticket, circuits: int | None = None) -> TicketDoc:
        team = self.view.ledger.teams.get(row.team)
        return {
            "id": row.id,
            "fault": row.fault,
            "kind": row.kind,
            "state": row.state,
            "opened": self.time(row.opened),
            "dispatched": self.time(row.dispatched),
            "acknowledged": self.time(row.acknowledged),
            "accepted": self.time(row.accepted),
            "arrived": self.time(row.arrived),
            "restored": self.time(row.restored),
            "returned": self.time(row.returned),
            "closed": self.time(row.closed),
            "skill": row.skill,
            "team": row.team,
            "company": team.company if team else "",
            "reason": row.reason,
            "deadline": self.time(self.ticket_deadline(row)),
            "circuits": list(row.circuits[:circuits]),
            "merged_into": row.merged_into,
            "breach_probability": row.breach_probability,
            "overdue": overdue(row, self.now),
            "clocks": [self.clock(clock) for clock in row.clocks],
            "pauses": [self.pause(pause) for pause in row.pauses],
            "outlook": self.outlook(row.outlook),
            "outlook_sent": self.outlook(row.outlook_sent),
            "cause": row.cause,
            "found": row.found,
            "battery_end": self.time(row.battery_end),
            "generator_proposed": self.time(row.generator_proposed),
            "generator_ordered": self.time(row.generator_ordered),
            "withheld": row.withheld,
            "braked": row.braked,
        }

    def clock(self, clock: Clock) -> ClockDoc:
        due = clock.due
        outage = self.view.outage_of(clock.circuit) if clock.ended is None and clock.name in _NET else None
        if outage is not None and outage.deadline is not None and self.view.stopped(outage):
            due += max(0, self.view.deadline(outage, self.now) - outage.deadline)
        return {
            "name": clock.name,
            "zh": clock.zh,
            "en": clock.en,
            "of": clock.of,
            "circuit": clock.circuit,
            "started": self.time(clock.started),
            "due": self.time(due),
            "ended": self.time(clock.ended),
            "remaining_seconds": (due - self.now) // SECOND if clock.ended is None else None,
            "late": (self.now if clock.ended is None else clock.ended) > due,
            "how": clock.how,
            "source": clock.source,
        }

    def pause(self, pause: Pause) -> PauseDoc:
        return {
            "circuit": pause.circuit,
            "reason": pause.reason,
            "started": self.time(pause.started),
            "ended": self.time(pause.ended),
            "stops": pause.stops,
            "by": pause.by,
            "approved_by": pause.approved_by,
            "evidence": pause.evidence,
            "lacks": list(pause.lacks),
            "cap": self.time(pause.cap),
        }

    def outlook(self, row: Outlook | None) -> OutlookDoc | None:
        if row is None:
            return None
        return {
            "at": self.time(row.at),
            "deadline": self.time(row.deadline),
            "breach_if_sent": row.if_sent,
            "breach_if_waiting": row.if_waiting,
            "median_minutes": row.median_minutes,
            "p80_minutes": row.p80_minutes,
            "drivers": [
                {"kind": d.kind, "en": in_words(d, "en"), "zh": in_words(d, "zh"), "points": d.points}
                for d in row.drivers
            ],
        }

    def ticket_deadline(self, row: Ticket) -> Instant | None:
        """As of now: a stopped clock moves it."""
        if row.state in CLOSED or row.deadline is None:
            return row.deadline
        urgent = self.view.urgent(row.fault)
        due = self.view.deadline(urgent, self.now) if urgent else row.deadline
        return due if row.battery_end is None else min(due, row.battery_end)

    def fault(self, row: Fault) -> FaultDoc:
        ticket = self.view.ticket_of(row.id)
        return {
            "id": row.id,
            "root": self.root(row.root),
            "domain": row.domain,
            "opened": self.time(row.opened),
            "cleared": self.time(row.cleared),
            "circuits": len(row.circuits),
            "explains": row.explains,
            "confidence": row.confidence,
            "facility_limit_minutes": row.facility_limit_minutes,
            "facility_deadline": self.time(row.facility_deadline),
            "reason": row.reason,
            "against": row.against,
            "planned": row.planned,
            "absorbed_by": row.absorbed_by,
            "ticket": ticket.id if ticket else "",
            "outlook": self.outlook(ticket.outlook) if ticket and row.cleared is None else None,
        }

    def root(self, root: Root) -> RootDoc:
        name, place = self._located(root)
        return {"kind": root.kind, "id": root.id, "name": name, "place": place}

    def _located(self, root: Root) -> tuple[str, str]:
        """What people call a root, and where it is."""
        ledger, key = self.view.ledger, root.id
        match root.kind:
            case RootKind.LINK if link := ledger.links.get(key):
                return f"{link.a.device} – {link.z.device}", self._between((link.a.device, link.z.device))
            case RootKind.CABLE if links := ledger.cables.get(key):
                first, last = ledger.links[links[0]], ledger.links[links[-1]]
                return key, self._between((first.a.device, last.z.device))
            case RootKind.POWER if key in ledger.sites:
                return self.site_name(key), ledger.sites[key].region
            case RootKind.CIRCUIT if circuit := ledger.circuits.get(key):
                return key, self.end(circuit.z)["site_name"]
            case RootKind.PORT:
                device, _, port = key.partition(" ")
                return f"{self._device_name(device)} {port}".strip(), self._device_site(device)
            case RootKind.DEVICE | RootKind.AGENT | RootKind.PREMISES:
                device = key.partition(" ")[0] if key not in ledger.devices else key
                return self._device_name(device), self._device_site(device)
            case _:
                return key, ""

    def _device_name(self, device: str) -> str:
        known = self.view.ledger.devices.get(device)
        return (known.name or known.id) if known else device

    def _device_site(self, device: str) -> str:
        known = self.view.ledger.devices.get(device)
        return self.site_name(known.site) if known else ""

    def _between(self, devices: Sequence[str]) -> str:
        return " – ".join(dict.fromkeys(filter(None, map(self._device_site, devices))))

    def device(self, key: str) -> DeviceDoc | None:
        known, row = self.view.ledger.devices.get(key), self.view.get(DeviceState, key)
        if known is None:
            return None
        return {
            "id": key,
            "name": known.name,
            "role": known.role,
            "vendor": known.vendor,
            "site": known.site,
            "site_name": self.site_name(known.site),
            "address": known.address,
            "managed": known.managed,
            "state": verdict(row),
            "reachable": row.reachable if row else State.UNKNOWN,
            "agent": row.agent if row else State.UNKNOWN,
            "since": self.time(row.since) if row else None,
            "alarms": self.view.related(Alarm, "device", key),
        }

    def window(self, row: Window) -> WindowDoc:
        return {
            "id": row.id,
            "state": self.window_state(row),
            "announced": self.time(row.announced),
            "start": self.time(row.start),
            "end": self.time(row.end),
            "scope": [f"{scope.kind} {scope.id}" for scope in row.scope],
        }

    def window_state(self, row: Window) -> str:
        if row.cancelled:
            return "cancelled"
        if self.now < row.start:
            return "ahead"
        return "running" if self.now < row.end else "over"

    def complaint(self, fact: Complaint) -> ComplaintDoc:
        # The customer's own words may hold anything; they stay in the journal.
        outage = self.view.outage_of(fact.circuit)
        return {
            "id": complaint_id(fact),
            "at": self.time(fact.at),
            "circuit": fact.circuit,
            "channel": fact.channel,
            "fault": outage.fault if outage else "",
        }

    def entry(self, entry: Entry) -> EntryDoc:
        return {"at": self.time(entry.at), "kind": entry.kind, "subject": entry.subject, "reason": entry.reason}

    def message(self, message: Message) -> MessageDoc:
        return {
            "at": self.time(message.at),
            "channel": message.channel,
            "audience": message.audience,
            "template": message.template,
            "subject": message.subject,
            # A link's signature opens the ticket; it is for the crew, not for whoever looks at the wall.
            "text": _LINK.sub(r"\1", message.text),
        }


_LINK = re.compile(r"(/t/[^\s?]+)\?\S+")


def complaint_id(fact: Complaint) -> str:
    return f"{fact.circuit}@{fact.at}"
