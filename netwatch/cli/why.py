"""The chain from what was heard to what was decided, in order of time and in words: a pure view of one fault's case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from netwatch.core.faults.causes import runners_up
from netwatch.core.forecast.drivers import in_words
from netwatch.core.model import (
    Action,
    Alarm,
    Entry,
    Exposure,
    Fact,
    Fault,
    LedgerChange,
    Maintenance,
    Observation,
    Outage,
    State,
    Ticket,
    TicketState,
    Work,
)
from netwatch.core.rules import Rules
from netwatch.core.time import MINUTE, SECOND, Instant, moment, parse

if TYPE_CHECKING:
    from netwatch.store.history import Told

HEARD, CAUSE, CLOCK, DECISION, ACT, TOLD = "heard", "cause", "clock", "decision", "act", "told"
_STAGES = (HEARD, ACT, CAUSE, CLOCK, DECISION, TOLD)
"""In the order in which they follow from one another within one moment."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
"""A time as the journal writes it: to the microsecond, which people need not read."""

_PAUSES = frozenset({f"act.{Action.PAUSE}", f"act.{Action.RESUME}"})


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain."""

    at: Instant
    stage: str
    what: str
    circuit: str = ""
    """Whose clock it is about."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault and all that the store holds about it."""

    fault: Fault
    outages: Sequence[Outage] = ()
    exposures: Sequence[Exposure] = ()
    tickets: Sequence[Ticket] = ()
    alarms: Sequence[Alarm] = ()
    absorbed: Sequence[Fault] = ()
    facts: Sequence[Fact] = ()
    """What concerns it and was heard in its time."""
    entries: Sequence[Entry] = ()
    told: Sequence[Told] = ()


def chain(case: Case, rules: Rules, zone: ZoneInfo) -> list[Step]:
    """All steps in order of time; within a moment, what follows stands after what it follows from."""
    steps = [*_heard(case, rules, zone), *_cause(case), *_clock(case, rules, zone), *_decided(case), *_sent(case)]
    steps = [replace(step, what=_INSTANT.sub(lambda found: _at(parse(found[0]), zone), step.what)) for step in steps]
    return sorted(steps, key=lambda s: (s.at, _STAGES.index(s.stage)))


def _heard(case: Case, rules: Rules, zone: ZoneInfo) -> Iterator[Step]:
    conditions = rules.alarms.conditions
    wait = rules.alarms.debounce // SECOND
    for fact, again, last in _once(case.facts):
        match fact:
            case Observation():
                rule = conditions[fact.condition]
                bad = fact.state is State.BAD
                alarm = (
                    f"; alarm {rule.severity} ({rule.probable_cause}), counts once it lasted {wait} s" if bad else ""
                )
                if bad and rule.degrades:
                    alarm = f"; alarm {rule.severity} ({rule.probable_cause}), which alone takes nothing out"
                value = f" [{fact.value}]" if fact.value else ""
                place = f"{fact.device} {fact.component}".strip()
                said = f"{place}: {fact.condition} {fact.state}{value}, by {fact.source}"
                repeated = f"; said {again} times, last at {moment(last, zone):%H:%M:%S}" if again > 1 else ""
                yield Step(fact.at, HEARD, f"{said}{alarm}{repeated}")
            case Maintenance():
                word = "cancelled" if fact.cancelled else "announced"
                yield Step(fact.at, HEARD, f"planned work {fact.id} {word}")
            case LedgerChange():
                changed = ", ".join(f"{key} {value}" for key, value in fact.changes)
                yield Step(fact.at, HEARD, f"{fact.circuit} changes: {changed}")


def _once(facts: Iterable[Fact]) -> list[tuple[Fact, int, Instant]]:
    """Each fact with how often it was heard in a row, and when last: a poll repeats all night what a trap said once."""
    runs: list[tuple[Fact, int, Instant]] = []
    latest: dict[tuple[str, ...], int] = {}
    for fact in sorted(facts, key=lambda fact: fact.at):
        if isinstance(fact, Observation):
            of = fact.device, fact.component, fact.condition
            place = latest.get(of)
            if place is not None and _same(runs[place][0], fact):
                runs[place] = runs[place][0], runs[place][1] + 1, fact.at
                continue
            latest[of] = len(runs)
        runs.append((fact, 1, fact.at))
    return runs


def _same(one: Fact, other: Observation) -> bool:
    said = isinstance(one, Observation) and (one.state, one.value, one.source)
    return said == (other.state, other.value, other.source)


def _cause(case: Case) -> Iterator[Step]:
    for entry in case.entries:
        # What spoke for and against it then is in the reason; the row's confidence is today's, and told as such.
        if entry.kind == "fault.opened":
            yield Step(entry.at, CAUSE, f"{entry.subject}: {entry.reason}")
        elif entry.kind.startswith("fault."):
            yield Step(entry.at, CAUSE, f"{entry.subject} {entry.kind.partition('.')[2]}: {entry.reason}")


def _clock(case: Case, rules: Rules, zone: ZoneInfo) -> Iterator[Step]:
    pauses = [e for e in case.entries if e.kind in _PAUSES]
    stopping = frozenset().union(*(p.stopping for p in rules.policies))
    for entry in case.entries:
        # That service is back is told by the stop of its clock; a flapping line says it again and again.
        if entry.kind.startswith(("outage.", "exposure.")) and entry.kind != "outage.restored":
            yield Step(entry.at, CLOCK, f"{entry.subject}: {entry.reason}", entry.subject)
    for outage in case.outages:
        due = outage.started + outage.limit_minutes * MINUTE
        limit = f"limit {outage.limit_minutes} min ({outage.limit_source})"
        yield Step(
            outage.started,
            CLOCK,
            f"{outage.circuit}: clock {outage.id} starts; {limit}, due {_at(due, zone)} if it runs",
            outage.circuit,
        )
        if outage.restored is not None:
            stops = f"{outage.circuit}: clock {outage.id} stops; {_spent(outage, zone)}"
            yield Step(outage.restored, CLOCK, stops, outage.circuit)
    for entry in pauses:
        opens = entry.kind == f"act.{Action.PAUSE}"
        effect = "the net clock stands" if entry.reason in stopping else "recorded, the clock runs on"
        what = f"pause {entry.reason}: {effect}" if opens else f"pause {entry.reason or 'of every reason'} ends"
        yield Step(entry.at, CLOCK, f"{entry.subject}: {what}{_by(entry)}{_claimed(entry, case.facts, zone)}")


def _spent(outage: Outage, zone: ZoneInfo) -> str:
    verdict = "limit broken" if outage.breached else "kept"
    planned = f", {_length(outage.planned_seconds)} of it planned" if outage.planned_seconds else ""
    stood = outage.gross_seconds - outage.net_seconds
    pauses = f" ({_length(stood)} did not count: due {_at(outage.deadline, zone)})" if stood else ""
    return f"{_length(outage.gross_seconds)} gross, {_length(outage.net_seconds)} net{pauses}{planned}: {verdict}"


def _decided(case: Case) -> Iterator[Step]:
    for entry in case.entries:
        if entry.kind.startswith("ticket."):
            team = f" to {entry.data['team']}" if entry.data.get("team") else ""
            yield Step(entry.at, DECISION, f"{entry.subject} {entry.kind.partition('.')[2]}{team}: {entry.reason}")
        elif entry.kind == "complaint":
            yield Step(entry.at, HEARD, f"{entry.subject}: {entry.reason}{_via(entry)}")
        elif entry.kind.startswith("act.") and entry.kind not in _PAUSES:
            refused = entry.kind == "act.refused"
            act = f"{entry.data.get('action')} refused" if refused else entry.kind.partition(".")[2]
            why = f": {entry.reason}" if entry.reason else ""
            yield Step(entry.at, ACT, f"{entry.subject}: {act}{_by(entry)}{why}")


def _sent(case: Case) -> Iterator[Step]:
    for told in case.told:
        fate = {"sent": "sent", "pending": "still to be sent", "dead": "given up", "held": "held back"}
        note = f" ({told.note})" if told.note and told.state != "sent" else ""
        yield Step(told.at, TOLD, f"{told.audience} by {told.channel}: {told.template}, {fate[told.state]}{note}")


def _by(entry: Entry) -> str:
    return f", by {entry.data['by']}" if entry.data.get("by") else ""


def _via(entry: Entry) -> str:
    return f" ({entry.data['channel']})" if entry.data.get("channel") else ""


def _claimed(entry: Entry, facts: Iterable[Fact], zone: ZoneInfo) -> str:
    """Whose clock a pause is about; of a back-dated one, since when and who vouches for it."""
    for fact in facts:
        if isinstance(fact, Work) and fact.at == entry.at and entry.kind == f"act.{fact.action}":
            approval = f"approved by {fact.approved_by}" if fact.approved_by else "not approved"
            since = f", since {_at(fact.since, zone)}, {approval}" if fact.since else ""
            return f" ({', '.join(fact.circuits)}{since})"
    return ""


def standing(case: Case, zone: ZoneInfo) -> list[str]:
    """Where it stands: what a shift leader asks first."""
    fault = case.fault
    over = f"over since {_at(fault.cleared, zone)}" if fault.cleared is not None else "open"
    lines = [f"{fault.id} {fault.root} ({fault.domain}), {over}{', planned' if fault.planned else ''}"]
    lines.append(f"because {fault.reason}; confidence {fault.confidence:.0%}, symptoms explained: {fault.explains}")
    lines += _rivals(fault) or ["nothing speaks against it"]
    down = [o for o in case.outages if o.restored is None]
    if down:
        first = min(down, key=lambda o: (o.deadline is None, o.deadline or 0))
        due = f", first deadline {_at(first.deadline, zone)} ({first.circuit})" if first.deadline is not None else ""
        lines.append(f"without service: {_some([o.circuit for o in down])}{due}")
    broken = [o.circuit for o in case.outages if o.breached]
    if broken:
        lines.append(f"limit broken: {_some(broken)}")
    if fault.facility_deadline is not None:
        lines.append(
            f"the plant itself is due {_at(fault.facility_deadline, zone)} ({fault.facility_limit_minutes} min)"
        )
    return lines + [_ticket(ticket, zone) for ticket in case.tickets if ticket.merged_into is None]


def _rivals(fault: Fault) -> list[str]:
    """The runners-up, each with what speaks against it."""
    return [
        f"cannot be told from {root}: {why}" if equal else f"rather than {root}: {why}"
        for root, why, equal in runners_up(fault.against)
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" … ({len(names)})" if len(names) > 6 else "")


def _ticket(ticket: Ticket, zone: ZoneInfo) -> str:
    risk = _risk(ticket)
    if ticket.state is TicketState.WATCHING:
        return f"{ticket.id} watched, nobody sent: {ticket.reason}{risk}{_battery(ticket, zone)}"
    sent = (
        "never sent" if ticket.dispatched is None else f"sent {_at(ticket.dispatched, zone)} to {ticket.team or 'NOC'}"
    )
    open_ = ticket.state not in (TicketState.CLOSED, TicketState.CANCELLED, TicketState.RESTORED, TicketState.RETURNED)
    return f"{ticket.id} {ticket.state}, {sent}: {ticket.reason}{risk if open_ else ''}{_battery(ticket, zone)}"


def _battery(ticket: Ticket, zone: ZoneInfo) -> str:
    """How long a site that lost its mains can hold out, and what is done about it."""
    out = "" if ticket.battery_end is None else f"; the battery is used up {_at(ticket.battery_end, zone)}"
    if ticket.generator_ordered is not None:
        return f"{out}, a generator was ordered {_at(ticket.generator_ordered, zone)}"
    if ticket.generator_proposed is not None:
        return f"{out}, a generator was proposed {_at(ticket.generator_proposed, zone)}"
    return out


def _risk(ticket: Ticket) -> str:
    """What is to be expected, and what moves it most."""
    told = ticket.outlook
    if told is None:
        return ""
    waiting = "" if told.if_waiting is None else f" if sent now, {told.if_waiting:.0%} if sent at the next check"
    back = f"back within {told.median_minutes:.0f} min (half of them) or {told.p80_minutes:.0f} min (four in five)"
    why = "".join(f"; {in_words(driver, 'en')}" for driver in told.drivers)
    return f"; P(deadline missed) {told.if_sent:.0%}{waiting}; {back}{why}"


def _at(at: Instant | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{moment(at, zone):%Y-%m-%d %H:%M:%S}"


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, MINUTE // SECOND)
    return f"{minutes} min" if not rest else f"{minutes} min {rest} s" if minutes else f"{rest} s"
