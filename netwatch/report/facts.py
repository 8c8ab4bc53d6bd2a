"""What a report is made from, and the time of a circuit in a period, cut into parts that never overlap.

Down-time is charged to the period in which it lies; an outage over midnight on the first is charged to both months.
What nobody could tell is neither up nor down: it lowers `coverage`, never availability. Excused time stays in the
denominator: to shrink it would flatter the figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from zoneinfo import ZoneInfo

from netwatch.core.intervals import Spans, clip, common, length, union, without
from netwatch.core.model import Circuit, Exposure, Fault, Ledger, Outage, Settled, Ticket, Unknown
from netwatch.core.rules import Quality
from netwatch.core.time import DAY, Instant, Span
from netwatch.report.period import Period, midnight

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
    zone: ZoneInfo
    quality: Quality
    """What is measured against: the version in force when the period begins."""
    outages: Sequence[Outage]
    """Those that touch the year up to the period's end."""
    exposures: Sequence[Exposure] = ()
    unknowns: Sequence[Unknown] = ()
    faults: Sequence[Fault] = ()
    """Those that touch the same year."""
    tickets: Sequence[Ticket] = ()

    @property
    def end(self) -> Instant:
        """The end of the period, or now while it runs."""
        return max(self.period.start, min(self.period.end, self.now))

    def inside(self, start: Instant, end: Instant | None) -> Spans:
        """What of [start, end) lies in the period so far; an open end is now."""
        return clip([(start, self.now if end is None else end)], self.period.start, self.end)

    def touched(self, outage: Outage) -> bool:
        return bool(self.inside(outage.started, outage.restored))

    def ended(self, outage: Outage) -> bool:
        """One that ended at the period's first instant touches it in no moment, and yet its end lies in it."""
        return outage.restored is not None and self.period.start <= outage.restored < self.end

    def due(self, outage: Outage) -> bool:
        """Whether its promise was put to the test in the period: restored in it, or its deadline passed in it."""
        if outage.restored is not None:
            return self.ended(outage)
        return outage.breached and outage.deadline is not None and outage.deadline < self.end

    def lasted(self, outage: Outage) -> Span:
        return (self.now if outage.restored is None else outage.restored) - outage.started


@dataclass(frozen=True, slots=True)
class Time:
    """Time of one circuit, or of many together: `Time() + a + b` is that of both, so a sum is its parts' sum."""

    due: Span = 0
    """In service, and past."""
    base: Span = 0
    """What availability is a part of: `due`, or the contract's own length of a month."""
    blind: Span = 0
    """Of `due`: nobody could tell."""
    down: Span = 0
    planned: Span = 0
    """Of `down`: excused, by planned work announced in time; the next two likewise, where it was not planned."""
    customer: Span = 0
    """By pauses that are the customer's doing."""
    other: Span = 0
    """By other pauses that stop the clock."""
    exposed: Span = 0
    """Up without protection."""

    def __add__(self, other: Time) -> Time:
        return Time(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Time)))

    @property
    def net(self) -> Span:
        """Down-time that nothing excuses."""
        return self.down - self.planned - self.customer - self.other

    @property
    def gross_ratio(self) -> float | None:
        return 1 - self.down / self.base if self.due > self.blind else None

    @property
    def net_ratio(self) -> float | None:
        """None where nobody watched: that is no hundred per cent."""
        return 1 - self.net / self.base if self.due > self.blind else None

    @property
    def coverage(self) -> float:
        return 1 - self.blind / self.due if self.due else 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """One circuit's period."""

    name: str
    circuit: Circuit | None
    """None where the ledger no longer holds it: its outages count, its time cannot."""
    customer: str
    assurance: str
    known: Sequence[Outage]
    """Of the year up to the period's end, oldest first."""
    touching: Sequence[Outage]
    time: Time


def accounts(facts: Facts, *, troubled: bool = False) -> list[Account]:
    """Every circuit of the ledger in its order, so that one without trouble is not missing; then those that left it.

    `troubled`: only those with an outage in the period.
    """
    known: dict[str, list[Outage]] = defaultdict(list)
    for outage in sorted(facts.outages, key=lambda o: (o.started, o.id)):
        known[outage.circuit].append(outage)
    exposed, unknown = _by_circuit(facts, facts.exposures), _by_circuit(facts, facts.unknowns)
    gone = sorted(c for c, own in known.items() if c not in facts.ledger.circuits and any(map(facts.touched, own)))
    found = []
    for name in [*facts.ledger.circuits, *gone]:
        circuit, own = facts.ledger.circuits.get(name), known.get(name, [])
        touching = [o for o in own if facts.touched(o)]
        if troubled and not touching:
            continue
        last = touching[-1] if touching else None
        found.append(
            Account(
                name=name,
                circuit=circuit,
                customer=circuit.customer if circuit else own[-1].customer,
                assurance=last.assurance if last else circuit.assurance if circuit else "",
                known=own,
                touching=touching,
                time=_time(facts, circuit, touching, exposed.get(name, []), unknown.get(name, [])),
            )
        )
    return found


def _by_circuit(facts: Facts, rows: Iterable[Exposure] | Iterable[Unknown]) -> Mapping[str, Spans]:
    found: dict[str, Spans] = defaultdict(list)
    for row in rows:
        if isinstance(row, Unknown) and row.settled is Settled.UP:
            continue  # nobody saw it, and yet it is known
        found[row.circuit] += facts.inside(row.started, row.ended)
    return {circuit: union(spans) for circuit, spans in found.items()}


def _time(facts: Facts, circuit: Circuit | None, touching: Sequence[Outage], exposed: Spans, unknown: Spans) -> Time:
    served = _served(facts, circuit)
    due = length(served)
    unwatched = clip([(facts.period.start, facts.since)], facts.period.start, facts.end)
    blind = common(union([*unknown, *unwatched]), served) if unknown or unwatched else []
    if not touching:  # nearly all of them
        return Time(due, _base(facts, due), length(blind), exposed=length(exposed))
    down = union(pair for o in touching for pair in facts.inside(o.started, o.restored))
    if circuit is not None:
        down = common(down, served)
    left, parts = down, []
    for wanted in (_PLANNED, facts.quality.customer_reasons, None):
        excused = common(left, _stood(facts, touching, wanted))
        left = without(left, excused)
        parts.append(length(excused))
    return Time(
        due=due,
        base=_base(facts, due),
        blind=length(without(blind, down)),
        down=length(down),
        planned=parts[0],
        customer=parts[1],
        other=parts[2],
        exposed=length(without(exposed, down)),
    )


_PLANNED = frozenset({"planned_work"})


def _served(facts: Facts, circuit: Circuit | None) -> Spans:
    """When it was in service, of the period so far: from the day of its opening to the day it was ceased."""
    if circuit is None:
        return []
    start, end = _day(circuit.in_service, facts), _day(circuit.ceased, facts)
    return clip(
        [(facts.period.start if start is None else start, facts.end if end is None else end)],
        facts.period.start,
        facts.end,
    )


def _day(day: date | None, facts: Facts) -> Instant | None:
    return None if day is None else midnight(day, facts.zone)


def _base(facts: Facts, due: Span) -> Span:
    months = facts.period.months
    if facts.quality.month is None or not months:
        return due
    return facts.quality.month * months * due // (facts.period.end - facts.period.start)


def _stood(facts: Facts, touching: Iterable[Outage], reasons: frozenset[str] | None) -> Spans:
    """When the net clocks stood, for these reasons (None: for any)."""
    return union(
        pair
        for outage in touching
        for span in outage.standing
        if reasons is None or span.reason in reasons
        for pair in common(
            facts.inside(span.started, span.ended if outage.restored is None else span.ended or outage.restored),
            facts.inside(outage.started, outage.restored),
        )
    )
