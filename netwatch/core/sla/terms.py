"""Every limit of a line and of the facility beneath it, with its deadline and its source.

One pure function of the policy's version, the line, the facility and the time of the report. What runs and stops
these limits in a real fault is `clocks`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from netwatch.core import sla
from netwatch.core.rules import By, Calendar, Of, SlaPolicy, Term, Unit
from netwatch.core.time import MINUTE, Instant

WORDS = {
    "restoration": ("恢复时限（承诺）", "restoration, committed"),
    "internal": ("恢复时限（内控）", "restoration, internal"),
    "cable": ("光缆抢通", "emergency restoration of the cable"),
    "room": ("机房全阻抢通", "emergency restoration of the room"),
}
"""What people call the limits that stand in tables of their own: Chinese, English."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as it would run from a report."""

    name: str
    zh: str
    en: str
    of: Of
    subject: str
    """The cable or site that it is about; empty: the line."""
    count: int
    unit: Unit
    starts: str
    """The stamp that its clock runs from."""
    runs: bool
    """Whether NetWatch runs a clock for it; else it is told."""
    deadline: Instant
    """If what starts its clock happens at the time of the report."""
    why: str
    source: str
    derived: bool = False
    """It rests on a class that nobody stated: derived from the customer's level."""


def limits(
    policy: SlaPolicy,
    calendar: Calendar,
    line: sla.Line,
    facilities: Iterable[sla.Facility],
    reported: Instant,
    zone: ZoneInfo,
) -> tuple[Limit, ...]:
    """All limits that hold for a line reported at an instant: the line's own first, then the facilities'."""
    beneath = tuple(facilities)
    further = _terms(policy, calendar, line, reported, zone)
    return (
        *_restoration(policy, line, reported, zone),
        *_facilities(policy, beneath, reported),
        *(limit for limit in further if beneath or limit.of is not Of.FACILITY),
    )


def _restoration(policy: SlaPolicy, line: sla.Line, reported: Instant, zone: ZoneInfo) -> Iterator[Limit]:
    found = sla.limit(line, policy, reported, zone)
    for name, minutes, source in (
        ("restoration", found.minutes, policy.source_of(found.table)),
        (
            "internal",
            internal_minutes(policy, found.minutes),
            f"{policy.internal_share:.0%} of the committed limit: {policy.source_of('internal')}",
        ),
    ):
        yield Limit(
            name,
            *WORDS[name],
            Of.LINE if name == "restoration" else Of.OFFICE,
            "",
            minutes,
            Unit.MINUTES,
            "reported",
            True,
            reported + minutes * MINUTE,
            found.source,
            source,
            found.derived,
        )


def internal_minutes(policy: SlaPolicy, committed: int) -> int:
    """The operator's own target for a committed limit, in whole minutes, never later than that."""
    return int(committed * policy.internal_share)


def _facilities(policy: SlaPolicy, facilities: Iterable[sla.Facility], reported: Instant) -> Iterator[Limit]:
    for facility in facilities:
        minutes = facility.minutes(policy)
        due = reported + minutes * MINUTE
        words = WORDS[facility.kind]
        yield Limit(
            facility.kind,
            *words,
            Of.FACILITY,
            facility.id,
            minutes,
            Unit.MINUTES,
            "reported",
            True,
            due,
            facility.why,
            policy.source_of("facility"),
        )


def _terms(policy: SlaPolicy, calendar: Calendar, line: sla.Line, reported: Instant, zone: ZoneInfo) -> Iterator[Limit]:
    for term in policy.terms:
        count, why = figure(term, policy, line)
        if count is None:
            continue
        if term.beyond:
            why = f"{why}, if out for more than {term.beyond // MINUTE} min"
        yield Limit(
            term.name,
            term.zh,
            term.en,
            term.of,
            "",
            count,
            term.unit,
            term.since,
            term.until is not None,
            due(term, count, reported, calendar, zone),
            why,
            term.source,
            term.by is By.CLASS and not line.assurance and bool(sla.assurance_of(line, policy)),
        )


def figure(term: Term, policy: SlaPolicy, line: sla.Line) -> tuple[int | None, str]:
    """How many units a term gives a line, and what decides it; None where it does not apply to it."""
    if term.products and line.product not in term.products:
        return None, ""
    match term.by:
        case By.CLASS:
            name = sla.assurance_of(line, policy)
            derived = "" if line.assurance or not name else f", derived from level {line.level}"
            return term.figure(name), f"class {name}{derived}" if name else "no class"
        case By.AREA:
            return term.figure(line.area), f"area {line.area}" if line.area else "area unknown: as in town"
        case By.SCOPE:
            return term.figure(line.scope), f"scope {line.scope}" if line.scope else "scope unknown"
        case None:
            return term.figure(""), "every line"


def due(term: Term, count: int, since: Instant, calendar: Calendar, zone: ZoneInfo) -> Instant:
    """When a term that began to run at an instant is used up."""
    match term.unit:
        case Unit.MINUTES:
            return since + count * MINUTE
        case Unit.NATURAL_DAYS:
            return sla.days_on(since, count, None, zone)
        case Unit.WORKING_DAYS:
            return sla.days_on(since, count, calendar, zone)
