"""`netwatch explain`: why. The chain from what was heard to what was decided, as the store remembers it.

Nothing is thought anew here: what the engine said at the time stands in the journal, and this puts it in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from netwatch.cli.common import FINDINGS, UNAVAILABLE, config_option, emit, json_option, say
from netwatch.core.model import (
    Action,
    Alarm,
    AlarmState,
    Complaint,
    Device,
    Entry,
    Exposure,
    Fact,
    Fault,
    Ledger,
    LedgerChange,
    Link,
    Maintenance,
    Observation,
    Outage,
    RootKind,
    State,
    Ticket,
    TicketState,
    Unknown,
    Work,
)
from netwatch.core.rules import Rules
from netwatch.core.time import MINUTE, SECOND, Instant, moment, show
from netwatch.findings import UnusableError, did_you_mean

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.store.history import History, Told

HEARD, CAUSE, CLOCK, DECISION, ACT, TOLD = "heard", "cause", "clock", "decision", "act", "told"
_STAGES = (HEARD, ACT, CAUSE, CLOCK, DECISION, TOLD)
"""In the order in which they follow from one another within one moment."""

_PAUSES = frozenset({f"act.{Action.PAUSE}", f"act.{Action.RESUME}"})
_SHOWN = 12
"""Lines of evidence for people; a cut cable may have hundreds. `--json` holds all."""


@click.command("explain")
@click.argument("subject")
@click.option("--all", "everything", is_flag=True, help="Every fault of the subject, not only the latest.")
@config_option
@json_option
def command(*, subject: str, everything: bool, config: Path, as_json: bool) -> None:
    """Why: the chain of observation, alarm, cause, clock and decision.

    SUBJECT is the id of a circuit, ticket, fault, outage or device. Read from the store; the daemon may run.
    """
    from netwatch.config import load
    from netwatch.store import StoreError

    settings = load(config)
    try:
        found = asyncio.run(_look_up(settings, subject, everything))
    except (StoreError, FileNotFoundError) as error:
        say(str(error))
        raise SystemExit(UNAVAILABLE) from None
    if isinstance(found, Stranger):
        say(f"nothing is known by the name {subject}" + (f": {found.hint}" if found.hint else ""))
        raise SystemExit(FINDINGS)
    if as_json:
        emit(document(found))
    else:
        click.echo("\n".join(told_in_words(found)))


# ---------------------------------------------------------------- what was found


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain."""

    at: Instant
    stage: str
    what: str


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


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a subject."""

    subject: str
    kind: str
    state: str
    cases: Sequence[Case]
    """The latest first."""
    earlier: Sequence[str]
    """Ids of faults that are not told."""
    rules: Rules
    zone: ZoneInfo
    blind: Sequence[Unknown] = ()
    """When we could not see it."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody knows the name."""

    hint: str


@dataclass(slots=True)
class _Known:
    """All rows that may belong together; one look at the store."""

    faults: dict[str, Fault]
    outages: dict[str, Outage]
    tickets: dict[str, Ticket]
    exposures: Sequence[Exposure]
    unknowns: Sequence[Unknown]
    alarms: Sequence[Alarm]
    ledger: Ledger
    circuits: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)

    @property
    def names(self) -> Iterator[str]:
        for names in (self.faults, self.outages, self.tickets, self.circuits, self.devices):
            yield from sorted(names)


# ---------------------------------------------------------------- reading


async def _look_up(settings: Config, subject: str, everything: bool) -> Found | Stranger:
    from netwatch.knowledge import load_rules
    from netwatch.store import Store

    rules = await asyncio.to_thread(load_rules, lambda name: settings.find("rules", name))
    ledger = await asyncio.to_thread(_ledger, settings, rules)
    async with await Store.open(settings.database_url(), write=False) as store:
        history = store.history
        known = await _known(history, ledger)
        kind = _kind(subject, known)
        if not kind:
            return Stranger(did_you_mean(subject, known.names))
        ids = _faults_of(subject, kind, known)
        faults = sorted((known.faults[i] for i in ids), key=lambda f: (f.cleared is None, f.opened), reverse=True)
        shown = faults if everything else faults[:1]
        cases = [await _case(history, fault, known, rules) for fault in shown]
        return Found(
            subject=subject,
            kind=kind,
            state=_state(subject, kind, known),
            cases=cases,
            earlier=[f.id for f in faults[len(shown) :]],
            rules=rules,
            zone=settings.site.zone,
            blind=[u for u in known.unknowns if u.circuit == subject],
        )


def _ledger(settings: Config, rules: Rules) -> Ledger:
    from netwatch.ledger import load

    try:
        return load(settings.paths.ledger, settings, rules)
    except UnusableError as error:
        say(f"the ledger cannot be used, so less evidence is found: {error.findings[0]}")
        return Ledger()


async def _known(history: History, ledger: Ledger) -> _Known:
    from netwatch.core.model import CircuitState, DeviceState

    return _Known(
        faults={f.id: f for f in await history.rows(Fault)},
        outages={o.id: o for o in await history.rows(Outage)},
        tickets={t.id: t for t in await history.rows(Ticket)},
        exposures=await history.rows(Exposure),
        unknowns=await history.rows(Unknown),
        alarms=await history.rows(Alarm),
        ledger=ledger,
        circuits=set(ledger.circuits) | {c.circuit for c in await history.rows(CircuitState)},
        devices=set(ledger.devices) | {d.device for d in await history.rows(DeviceState)},
    )


def _kind(subject: str, known: _Known) -> str:
    """What a name is. The carrier's own ids come first: ours can be told by their number."""
    kinds: Mapping[str, Iterable[str]] = {
        "circuit": known.circuits,
        "device": known.devices,
        "ticket": known.tickets,
        "fault": known.faults,
        "outage": known.outages,
    }
    return next((kind for kind, names in kinds.items() if subject in names), "")


def _faults_of(subject: str, kind: str, known: _Known) -> set[str]:
    match kind:
        case "ticket":
            ids = {known.tickets[subject].fault}
        case "outage":
            ids = {known.outages[subject].fault}
        case "fault":
            ids = {subject}
        case "circuit":
            ids = {o.fault for o in known.outages.values() if o.circuit == subject}
            ids |= {e.fault for e in known.exposures if e.circuit == subject}
        case _:
            ids = {a.fault for a in known.alarms if a.device == subject}
            ids |= {f.id for f in known.faults.values() if subject in _devices(f, known.ledger)}
    # A fault that turned out to follow from another one is told as part of that one.
    return {_parent(i, known.faults) for i in ids if i in known.faults}


def _parent(fault: str, faults: Mapping[str, Fault]) -> str:
    seen = {fault}
    while (above := faults[fault].absorbed_by) and above in faults and above not in seen:
        fault = above
        seen.add(above)
    return fault


def _state(subject: str, kind: str, known: _Known) -> str:
    match kind:
        case "ticket":
            return str(known.tickets[subject].state)
        case "fault":
            fault = known.faults[subject]
            if fault.absorbed_by:
                return f"part of {fault.absorbed_by}"
            return "open" if fault.cleared is None else "over"
        case "outage":
            return "lasts" if known.outages[subject].restored is None else "over"
        case "circuit" if any(o.circuit == subject and o.restored is None for o in known.outages.values()):
            return "without service"
        case "circuit" if any(u.circuit == subject and u.ended is None for u in known.unknowns):
            return "unknown: we cannot see it"
        case "circuit" if any(e.circuit == subject and e.ended is None for e in known.exposures):
            return "up, without protection"
        case "circuit":
            return "up"
        case _:
            bad = sum(a.device == subject and a.state is not AlarmState.GONE for a in known.alarms)
            return f"{bad} alarms" if bad else "no alarm"


async def _case(history: History, fault: Fault, known: _Known, rules: Rules) -> Case:
    absorbed = [f for f in known.faults.values() if f.absorbed_by == fault.id]
    mine = {fault.id, *(f.id for f in absorbed)}
    tickets = sorted((t for t in known.tickets.values() if t.fault in mine), key=lambda t: (t.opened, t.id))
    outages = sorted((o for o in known.outages.values() if o.fault in mine), key=lambda o: (o.started, o.id))
    alarms = [a for a in known.alarms if a.fault in mine]
    timing = rules.alarms
    # Evidence may lie before the first confirmed start, acts and acceptance long after the end.
    start = min([fault.opened, *(o.started for o in outages)]) - timing.debounce_window
    last = max([fault.cleared or 0, *(t.closed or t.returned or 0 for t in tickets)])
    end = last + timing.stability + 1 if fault.cleared is not None else _EVER
    circuits = {*fault.circuits, *(o.circuit for o in outages)}
    devices = _devices(fault, known.ledger).union(a.device for a in alarms)
    devices |= {d for f in absorbed for d in _devices(f, known.ledger)}
    facts = [f for f in await history.facts(start, end) if _concerns(f, devices, circuits, known.ledger, fault)]
    entries: list[Entry] = []
    for subject in sorted({*mine, *(t.id for t in tickets)}):
        entries += await history.entries(subject)
    for circuit in sorted(circuits):
        about = await history.entries(circuit, between=(start, end))
        entries += [e for e in about if e.data.get("fault", fault.id) in mine]
    told = [t for subject in sorted({*mine, *(t.id for t in tickets)}) for t in await history.told(subject)]
    exposures = [e for e in known.exposures if e.fault in mine]
    return Case(fault, outages, exposures, tickets, alarms, absorbed, facts, entries, told)


_EVER: Instant = 1 << 62


def _devices(fault: Fault, ledger: Ledger) -> set[str]:
    """The devices whose word is evidence for or against a root."""
    kind, name = fault.root.kind, fault.root.id
    links: list[Link] = []
    match kind:
        case RootKind.LINK if name in ledger.links:
            links = [ledger.links[name]]
        case RootKind.CABLE:
            links = [ledger.links[i] for i in ledger.cables.get(name, ())]
        case RootKind.PORT:
            return {name.partition(" ")[0]}
        case RootKind.POWER:
            sites = {s.id for s in ledger.sites.values() if name in (s.id, s.power_feed)}
            return {d.id for d in ledger.devices.values() if d.site in sites}
        case RootKind.DEVICE | RootKind.PREMISES | RootKind.AGENT:
            # What its neighbours see of it speaks for or against its death.
            links = [i for i in ledger.links.values() if name in (i.a.device, i.z.device)]
            return {name} | {p.device for i in links for p in (i.a, i.z)}
        case RootKind.CIRCUIT if name in ledger.circuits:
            circuit = ledger.circuits[name]
            return {p.device for p in (circuit.a, circuit.z) if p.device}
    return {p.device for i in links for p in (i.a, i.z)}


def _concerns(fact: Fact, devices: set[str], circuits: set[str], ledger: Ledger, fault: Fault) -> bool:
    match fact:
        case Observation():
            return fact.device in devices and _at_the_root(fact, fault, ledger)
        case Complaint() | LedgerChange():
            return fact.circuit in circuits
        case Work():
            return bool(circuits.intersection(fact.circuits))
        case Maintenance():
            return fault.planned and any(
                s.id in circuits or s.id in devices or s.id == fault.root.id for s in fact.scope
            )
        case _:
            return False


def _at_the_root(said: Observation, fault: Fault, ledger: Ledger) -> bool:
    """A hub has hundreds of ports: only those that face the root speak about it."""
    known: Device | None = ledger.devices.get(said.device)
    if not said.component or known is None:
        return True
    faced = _ports(fault, ledger)
    return not faced or (said.device, said.component.partition("/ONU")[0]) in faced or said.device == fault.root.id


def _ports(fault: Fault, ledger: Ledger) -> set[tuple[str, str]]:
    kind, name = fault.root.kind, fault.root.id
    if kind is RootKind.PORT:
        device, _, port = name.partition(" ")
        return {(device, port)}
    links = [
        link
        for link in ledger.links.values()
        if (kind is RootKind.LINK and link.id == name)
        or (kind is RootKind.CABLE and name in link.cables)
        or (kind in (RootKind.DEVICE, RootKind.PREMISES) and name in (link.a.device, link.z.device))
    ]
    return {(p.device, p.name) for link in links for p in (link.a, link.z)}


# ---------------------------------------------------------------- the chain


def chain(case: Case, rules: Rules, zone: ZoneInfo) -> list[Step]:
    """All steps in order of time; within a moment, what follows stands after what it follows from."""
    steps = [*_heard(case, rules), *_cause(case), *_clock(case, rules, zone), *_decided(case), *_sent(case)]
    return sorted(steps, key=lambda s: (s.at, _STAGES.index(s.stage)))


def _heard(case: Case, rules: Rules) -> Iterator[Step]:
    conditions = rules.alarms.conditions
    wait = rules.alarms.debounce // SECOND
    for fact in case.facts:
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
                yield Step(fact.at, HEARD, f"{place}: {fact.condition} {fact.state}{value}, by {fact.source}{alarm}")
            case Maintenance():
                word = "cancelled" if fact.cancelled else "announced"
                yield Step(fact.at, HEARD, f"planned work {fact.id} {word}")
            case LedgerChange():
                changed = ", ".join(f"{key} {value}" for key, value in fact.changes)
                yield Step(fact.at, HEARD, f"{fact.circuit} changes: {changed}")


def _cause(case: Case) -> Iterator[Step]:
    for entry in case.entries:
        if entry.kind == "fault.opened" and entry.subject == case.fault.id:
            against = f"; against it: {case.fault.against}" if case.fault.against else "; nothing speaks against it"
            sure = f"confidence {case.fault.confidence:.0%}, explains {case.fault.explains} symptoms"
            yield Step(entry.at, CAUSE, f"{entry.subject}: {entry.reason} ({sure}{against})")
        elif entry.kind.startswith("fault."):
            yield Step(entry.at, CAUSE, f"{entry.subject} {entry.kind.partition('.')[2]}: {entry.reason}")


def _clock(case: Case, rules: Rules, zone: ZoneInfo) -> Iterator[Step]:
    pauses = [e for e in case.entries if e.kind in _PAUSES]
    stopping = frozenset().union(*(p.stopping for p in rules.policies))
    for entry in case.entries:
        if entry.kind.startswith(("outage.", "exposure.")):
            yield Step(entry.at, CLOCK, f"{entry.subject}: {entry.reason}")
    for outage in case.outages:
        limit = f"limit {outage.limit_minutes} min ({outage.limit_source})"
        due = f"deadline {_at(outage.deadline, zone)}" if outage.deadline is not None else "no deadline"
        yield Step(outage.started, CLOCK, f"{outage.circuit}: clock {outage.id} starts; {limit}, {due}")
        if outage.restored is not None:
            yield Step(outage.restored, CLOCK, f"{outage.circuit}: clock {outage.id} stops; {_spent(outage)}")
    for entry in pauses:
        opens = entry.kind == f"act.{Action.PAUSE}"
        effect = "the net clock stands" if entry.reason in stopping else "recorded, the clock runs on"
        what = f"pause {entry.reason}: {effect}" if opens else f"pause {entry.reason or 'of every reason'} ends"
        yield Step(entry.at, CLOCK, f"{entry.subject}: {what}{_by(entry)}{_claimed(entry, case.facts, zone)}")


def _spent(outage: Outage) -> str:
    verdict = "limit broken" if outage.breached else "kept"
    planned = f", {_length(outage.planned_seconds)} of it planned" if outage.planned_seconds else ""
    stood = outage.gross_seconds - outage.net_seconds
    pauses = f" ({_length(stood)} did not count)" if stood else ""
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
    lines.append(f"because {fault.reason}; confidence {fault.confidence:.0%}")
    if fault.against:
        lines.append(f"against it: {fault.against}")
    down = [o for o in case.outages if o.restored is None]
    if down:
        first = min(down, key=lambda o: o.deadline if o.deadline is not None else _EVER)
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


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" … ({len(names)})" if len(names) > 6 else "")


def _ticket(ticket: Ticket, zone: ZoneInfo) -> str:
    risk = "" if ticket.breach_probability is None else f"; P(deadline missed) {ticket.breach_probability:.0%}"
    if ticket.state is TicketState.WATCHING:
        return f"{ticket.id} watched, nobody sent: {ticket.reason}{risk}"
    sent = (
        "never sent" if ticket.dispatched is None else f"sent {_at(ticket.dispatched, zone)} to {ticket.team or 'NOC'}"
    )
    open_ = ticket.state not in (TicketState.CLOSED, TicketState.CANCELLED, TicketState.RESTORED, TicketState.RETURNED)
    return f"{ticket.id} {ticket.state}, {sent}: {ticket.reason}{risk if open_ else ''}"


# ---------------------------------------------------------------- telling


def document(found: Found) -> dict[str, Any]:
    """The answer for programs; times are ISO 8601 in the site's zone."""
    zone = found.zone
    return {
        "subject": found.subject,
        "kind": found.kind,
        "state": found.state,
        "cases": [
            {
                "fault": case.fault.id,
                "root": {"kind": str(case.fault.root.kind), "id": case.fault.root.id},
                "domain": str(case.fault.domain),
                "opened": show(case.fault.opened, zone),
                "cleared": show(case.fault.cleared, zone),
                "confidence": round(case.fault.confidence, 2),
                "reason": case.fault.reason,
                "against": case.fault.against,
                "absorbed": [f.id for f in case.absorbed],
                "outages": [o.id for o in case.outages],
                "tickets": [t.id for t in case.tickets],
                "alarms": [a.id for a in case.alarms],
                "standing": standing(case, zone),
                "chain": [
                    {"at": show(s.at, zone), "stage": s.stage, "what": s.what} for s in chain(case, found.rules, zone)
                ],
            }
            for case in found.cases
        ],
        "earlier": list(found.earlier),
    }


def told_in_words(found: Found) -> Iterator[str]:
    """The answer for people."""
    yield f"{found.kind} {found.subject}: {found.state}"
    if not found.cases:
        blind = [u for u in found.blind if u.ended is None]
        yield "  nothing is on record against it" if not blind else "  we cannot see it: no clock runs"
    for case in found.cases:
        yield ""
        yield from (f"{'' if n == 0 else '  '}{line}" for n, line in enumerate(standing(case, found.zone)))
        yield from _chain_in_words(chain(case, found.rules, found.zone), found.zone)
    if found.earlier:
        yield f"\nearlier: {', '.join(found.earlier)} (--all tells them too)"


def _chain_in_words(steps: Sequence[Step], zone: ZoneInfo) -> Iterator[str]:
    day, heard, left = "", 0, sum(s.stage == HEARD for s in steps)
    for step in steps:
        if step.stage == HEARD:
            heard += 1
            if heard == _SHOWN + 1:
                yield f"  {'':8}  {'':8}  … {left - _SHOWN} more were heard; --json has them all"
            if heard > _SHOWN:
                continue
        local = moment(step.at, zone)
        if f"{local:%Y-%m-%d}" != day:
            day = f"{local:%Y-%m-%d}"
            yield f"  {day}"
        yield f"  {local:%H:%M:%S}  {step.stage:8}  {step.what}"


def _at(at: Instant | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{moment(at, zone):%Y-%m-%d %H:%M:%S}"


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, MINUTE // SECOND)
    return f"{minutes} min" if not rest else f"{minutes} min {rest} s" if minutes else f"{rest} s"
