"""The engine's memory: what is on record now, as mutable values that only the engine touches.

Everything in here survives a restart by `plain.freeze`. The rows that the outside sees
(`core.model`) are made from these records; they are never read back.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from netwatch.core.alarms import Element, Evidence
from netwatch.core.forecast.experience import Experience
from netwatch.core.intervals import FOREVER, Pair, Spans
from netwatch.core.model import (
    CircuitState,
    Clock,
    DeviceState,
    Domain,
    Maintenance,
    Outlook,
    Pause,
    Root,
    Settled,
    TicketKind,
    TicketState,
)
from netwatch.core.outages.service import Call
from netwatch.core.time import Instant
from netwatch.core.topology import Part


@dataclass(slots=True)
class FaultRecord:
    """A root cause on record. `final`: over and stable, nothing can be added any more."""

    id: str
    root: Root
    domain: Domain
    opened: Instant
    cleared: Instant | None
    confirmed: Instant
    circuits: set[str] = field(default_factory=set)
    elements: list[Element] = field(default_factory=list)
    explains: int = 0
    most: int = 0
    confidence: float = 0.0
    reason: str = ""
    against: str = ""
    planned: bool = False
    absorbed_by: str = ""
    final: bool = False
    turned: Instant = 0
    """When another root was last found for it."""


@dataclass(slots=True)
class OutageRecord:
    id: str
    circuit: str
    fault: str
    started: Instant
    restored: Instant | None
    confirmed: Instant
    complained: Instant | None = None
    only_complaint: bool = False
    excused: list[Pair] = field(default_factory=list)
    minutes: int = 0
    """The limit, by the level and the policy in force when it began."""
    limit_source: str = ""
    assurance: str = ""
    customer: str = ""
    warned: bool = False
    breached: bool = False
    final: bool = False


@dataclass(slots=True)
class ExposureRecord:
    id: str
    circuit: str
    fault: str
    started: Instant
    ended: Instant | None
    confirmed: Instant
    final: bool = False


@dataclass(slots=True)
class Toll:
    """What a closed fault took away, while anything is not final that hangs on it.

    The evidence for a fault is laid aside with it. An outage that it began and another one carried on must not forget
    how it began then.
    """

    fault: str
    parts: dict[Part, Spans]
    circuits: set[str]
    """Those over these parts, as long as they have an outage or exposure that is not final."""


@dataclass(slots=True)
class UnknownRecord:
    id: str
    circuit: str
    started: Instant
    ended: Instant | None
    settled: Settled = Settled.NO
    evidence: str = ""


@dataclass(slots=True)
class PortRecord:
    """When a port last changed, by its own device's record, and what it is since."""

    changed: Instant
    up: bool


@dataclass(slots=True)
class TicketRecord:
    id: str
    fault: str
    kind: TicketKind
    state: TicketState
    opened: Instant
    skill: str
    team: str = ""
    reason: str = ""
    dispatched: Instant | None = None
    acknowledged: Instant | None = None
    accepted: Instant | None = None
    arrived: Instant | None = None
    restored: Instant | None = None
    returned: Instant | None = None
    closed: Instant | None = None
    merged_into: str | None = None
    refused: list[str] = field(default_factory=list)
    """Teams that said "not ours"."""
    sent: int = 0
    probability: float | None = None
    clocks: tuple[Clock, ...] = ()
    pauses: tuple[Pause, ...] = ()
    told: list[str] = field(default_factory=list)
    """The rungs of the ladder that have been climbed, each told of once."""
    filed: bool = False
    """Closed, and its clocks written down for good."""
    outlook: Outlook | None = None
    outlook_sent: Outlook | None = None
    cause: str = ""
    found: str = ""
    area: str = ""
    ahead: int = 0
    withheld: bool = False
    braked: bool = False
    battery_end: Instant | None = None
    generator_proposed: Instant | None = None
    generator_ordered: Instant | None = None
    generator_told: bool = False


@dataclass(slots=True)
class PauseRecord:
    reason: str
    started: Instant
    ended: Instant = FOREVER
    by: str = ""
    approved_by: str = ""
    evidence: str = ""


@dataclass(slots=True)
class Reroute:
    """The crew said that a circuit runs another way; its own end speaks for it until the route is whole."""

    at: Instant
    since: Instant
    """Start of the outage: the first good answer of its end from here on counts."""
    answered: Instant | None = None
    """That answer."""


@dataclass(slots=True)
class Book:
    """All of the engine's state."""

    now: Instant = 0
    vantage: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    unseen: Spans = field(default_factory=list)
    """Times in which we could not see and that are over; kept until our blindness is a closed case."""
    windows: dict[str, list[Maintenance]] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    pauses: dict[str, list[PauseRecord]] = field(default_factory=dict)
    reroutes: dict[str, Reroute] = field(default_factory=dict)
    changes: dict[str, list[tuple[Instant, list[tuple[str, str]]]]] = field(default_factory=dict)
    faults: dict[str, FaultRecord] = field(default_factory=dict)
    outages: dict[str, OutageRecord] = field(default_factory=dict)
    exposures: dict[str, ExposureRecord] = field(default_factory=dict)
    tolls: list[Toll] = field(default_factory=list)
    unknowns: dict[str, UnknownRecord] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    """Those that the devices' own records may yet settle."""
    records: dict[tuple[str, str], PortRecord] = field(default_factory=dict)
    """What ports said of themselves, by (device, component), while any of those waits."""
    tickets: dict[str, TicketRecord] = field(default_factory=dict)
    circuits: dict[str, CircuitState] = field(default_factory=dict)
    devices: dict[str, DeviceState] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """Last number given out per letter."""
    review_due: Instant | None = None
    laid_aside: Instant = 0
    """When old records were last laid aside."""
    fade_due: Instant | None = None
    """When to look for bad news that is not repeated any more."""
    experience: Experience | None = None
    """What past faults have taught; None: the priors stand."""

    def drop_tolls(self) -> None:
        """Those on which no outage and no exposure hangs any more."""
        if self.tolls:
            undecided = {outage.circuit for outage in self.outages.values() if not outage.final}
            undecided.update(exposure.circuit for exposure in self.exposures.values() if not exposure.final)
            for toll in self.tolls:
                toll.circuits &= undecided
            self.tolls = [toll for toll in self.tolls if toll.circuits]

    def keep_only(self, circuits: Container[str], at: Instant) -> None:
        """Circuits that left the ledger are nobody's any more: what they lost ends here, on record."""
        for outage in self.outages.values():
            if outage.circuit not in circuits and not outage.final:
                outage.restored, outage.final = outage.restored or at, True
        for exposure in self.exposures.values():
            if exposure.circuit not in circuits and not exposure.final:
                exposure.ended, exposure.final = exposure.ended or at, True
        for unknown in self.unknowns.values():
            if unknown.circuit not in circuits and unknown.ended is None:
                unknown.ended = at
        tables: list[dict[str, Any]] = [self.calls, self.pauses, self.reroutes, self.changes, self.circuits]
        for table in tables:
            for circuit in [c for c in table if c not in circuits]:
                del table[circuit]

    def lay_aside(self, before: Instant) -> list[tuple[str, str]]:
        """Drop what was over before an instant; returns the rows' (type, id).

        A fault goes with all that belongs to it, or not at all; an order that people have not
        closed keeps it.
        """
        over = {f.id for f in self.faults.values() if _over(f, before)}
        over -= {o.fault for o in self.outages.values() if not o.final or (o.restored or before) >= before}
        over -= {e.fault for e in self.exposures.values() if not e.final or (e.ended or before) >= before}
        over -= {toll.fault for toll in self.tolls}
        over -= {t.fault for t in self.tickets.values() if (t.closed or before) >= before}
        over -= {f.absorbed_by for f in self.faults.values() if f.id not in over}
        gone = [("Fault", i) for i in over]
        gone += [("Outage", o.id) for o in self.outages.values() if o.fault in over]
        gone += [("Exposure", e.id) for e in self.exposures.values() if e.fault in over]
        gone += [("Ticket", t.id) for t in self.tickets.values() if t.fault in over]
        gone += [("Unknown", u.id) for u in self.unknowns.values() if u.ended is not None and u.ended < before]
        tables: dict[str, dict[str, Any]] = {
            "Fault": self.faults,
            "Outage": self.outages,
            "Exposure": self.exposures,
            "Ticket": self.tickets,
            "Unknown": self.unknowns,
        }
        for kind, name in gone:
            del tables[kind][name]
        for circuit, pauses in list(self.pauses.items()):
            kept = [p for p in pauses if p.ended >= before]
            if kept:
                self.pauses[circuit] = kept
            else:
                del self.pauses[circuit]
        return gone

    def name(self, letter: str) -> str:
        """A new id: F1, F2, …"""
        self.numbers[letter] = self.numbers.get(letter, 0) + 1
        return f"{letter}{self.numbers[letter]}"


def _over(fault: FaultRecord, before: Instant) -> bool:
    if fault.absorbed_by:
        return fault.confirmed < before
    return fault.final and fault.cleared is not None and fault.cleared < before


def window_versions(versions: list[Maintenance]) -> list[tuple[Maintenance, Pair]]:
    """Each version of a window with when it was really in force; those that never were are left out."""
    out = []
    for i, version in enumerate(versions):
        since = version.at if i else -FOREVER
        until = versions[i + 1].at if i + 1 < len(versions) else FOREVER
        if not version.cancelled:
            start, end = max(version.start, since), min(version.end, until)
            if start < end:
                out.append((version, (start, end)))
    return out
