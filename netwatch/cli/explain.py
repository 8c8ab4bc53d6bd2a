"""`netwatch explain`: why. The chain from what was heard to what was decided, as the store remembers it.

Nothing is thought anew here: what the engine said at the time stands in the journal, and this puts it in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from netwatch.cli.common import FINDINGS, UNAVAILABLE, config_option, emit, json_option, say
from netwatch.cli.why import CLOCK, HEARD, Case, Step, chain, standing
from netwatch.core.faults.causes import runners_up
from netwatch.core.model import (
    Alarm,
    AlarmState,
    CircuitState,
    DeviceState,
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
    ServiceState,
    Ticket,
    Unknown,
    Work,
)
from netwatch.core.rules import Rules
from netwatch.core.time import Instant, moment, show
from netwatch.findings import UnusableError, did_you_mean

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.store.history import History

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
    answer(subject, found, as_json=as_json)


def answer(subject: str, found: Found | Stranger, *, as_json: bool) -> None:
    """Tell what was found. Raises SystemExit when nobody knows the name."""
    if isinstance(found, Stranger):
        say(f"nothing is known by the name {subject}" + (f": {found.hint}" if found.hint else ""))
        raise SystemExit(FINDINGS)
    if as_json:
        emit(document(found))
    else:
        click.echo("\n".join(told_in_words(found)))


# ---------------------------------------------------------------- what was found


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


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody knows the name."""

    hint: str


# ---------------------------------------------------------------- reading


async def _look_up(settings: Config, subject: str, everything: bool) -> Found | Stranger:
    from netwatch.knowledge import load_rules
    from netwatch.store import Store

    rules = await asyncio.to_thread(load_rules, lambda name: settings.find("rules", name))
    ledger = await asyncio.to_thread(_ledger, settings, rules)
    async with await Store.open(settings.database_url(), write=False) as store:
        return await look_up(store.history, ledger, rules, settings.site.zone, subject, everything)


async def look_up(
    history: History, ledger: Ledger, rules: Rules, zone: ZoneInfo, subject: str, everything: bool
) -> Found | Stranger:
    """All that a store remembers of a subject."""
    return await _Reading(history, ledger, rules, zone).of(subject, everything)


def _ledger(settings: Config, rules: Rules) -> Ledger:
    from netwatch.ledger import load

    try:
        return load(settings.paths.ledger, settings, rules)
    except UnusableError as error:
        say(f"the ledger cannot be used, so less evidence is found: {error.findings[0]}")
        return Ledger()


class _Reading:
    """One question to the store: only the rows that it needs."""

    def __init__(self, history: History, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> None:
        self.history, self.ledger, self.rules, self.zone = history, ledger, rules, zone
        self.plant = _Plant(ledger)
        self.faults: dict[str, Fault] = {}

    async def of(self, subject: str, everything: bool) -> Found | Stranger:
        self.faults = {f.id: f for f in await self.history.rows(Fault)}
        kind, state, ids = await self._subject(subject)
        if not kind:
            return Stranger(did_you_mean(subject, await self._names()))
        # A fault that turned out to follow from another one is told as part of that one.
        roots = {self._root(i) for i in ids if i in self.faults}
        faults = sorted((self.faults[i] for i in roots), key=lambda f: (f.cleared is None, f.opened), reverse=True)
        shown = faults if everything else faults[:1]
        return Found(
            subject=subject,
            kind=kind,
            state=state,
            cases=[await self._case(fault) for fault in shown],
            earlier=[f.id for f in faults[len(shown) :]],
            rules=self.rules,
            zone=self.zone,
        )

    async def _subject(self, subject: str) -> tuple[str, str, set[str]]:
        """What a name is, how it stands, the faults that concern it. The carrier's own ids come before ours."""
        rows, named = self.history.rows, {"id": subject}
        if subject in self.ledger.circuits or await rows(CircuitState, where=named):
            return await self._circuit(subject)
        if subject in self.ledger.devices or await rows(DeviceState, where=named):
            alarms = await rows(Alarm, where={"device": subject})
            bad = sum(a.state is not AlarmState.GONE for a in alarms)
            touched = {f.id for f in self.faults.values() if subject in self.plant.devices(f)}
            return "device", f"alarms: {bad}" if bad else "no alarm", touched | {a.fault for a in alarms}
        for ticket in await rows(Ticket, where=named):
            return "ticket", str(ticket.state), {ticket.fault}
        if subject in self.faults:
            fault = self.faults[subject]
            state = "open" if fault.cleared is None else "over"
            return "fault", f"part of {fault.absorbed_by}" if fault.absorbed_by else state, {subject}
        for outage in await rows(Outage, where=named):
            return "outage", "lasts" if outage.restored is None else "over", {outage.fault}
        return "", "", set()

    async def _circuit(self, circuit: str) -> tuple[str, str, set[str]]:
        mine = {"circuit": circuit}
        outages = await self.history.rows(Outage, where=mine)
        exposures = await self.history.rows(Exposure, where=mine)
        unseen = await self.history.rows(Unknown, where=mine)
        state = "up"
        stands = await self.history.rows(CircuitState, where={"id": circuit})
        if any(o.restored is None for o in outages):
            planned = any(row.state is ServiceState.PLANNED for row in stands)
            state = "without service" + (", by planned work" if planned else "")
        elif any(u.ended is None for u in unseen):
            state = "unknown: we cannot see it, so no clock runs"
        elif any(e.ended is None for e in exposures):
            state = "up, without protection"
        last = max(unseen, key=lambda u: u.started, default=None)
        if last is not None and last.ended is not None:
            what = last.evidence or "no device has said since what it was meanwhile"
            state += f"; not seen from {show(last.started, self.zone)} to {show(last.ended, self.zone)}: {what}"
        return "circuit", state, {o.fault for o in outages} | {e.fault for e in exposures}

    async def _names(self) -> Sequence[str]:
        """Every name that may have been meant."""
        rows, names = self.history.rows, {*self.ledger.circuits, *self.ledger.devices, *self.faults}
        names |= {state.id for state in await rows(CircuitState)} | {state.id for state in await rows(DeviceState)}
        return sorted(names | {ticket.id for ticket in await rows(Ticket)} | {out.id for out in await rows(Outage)})

    def _root(self, fault: str) -> str:
        seen = {fault}
        while (above := self.faults[fault].absorbed_by) in self.faults and above not in seen:
            fault = above
            seen.add(above)
        return fault

    async def _case(self, fault: Fault) -> Case:
        rows, timing = self.history.rows, self.rules.alarms
        absorbed = [f for f in self.faults.values() if f is not fault and self._root(f.id) == fault.id]
        family = [fault, *absorbed]
        mine = sorted(f.id for f in family)
        tickets = [t for i in mine for t in await rows(Ticket, where={"fault": i})]
        outages = [o for i in mine for o in await rows(Outage, where={"fault": i})]
        exposures = [e for i in mine for e in await rows(Exposure, where={"fault": i})]
        alarms = [a for i in mine for a in await rows(Alarm, where={"fault": i})]
        # Evidence may lie before the first confirmed start, acts and acceptance long after the end.
        start = min([fault.opened, *(o.started for o in outages)]) - timing.debounce_window
        last = max([fault.cleared or 0, *(t.closed or t.returned or 0 for t in tickets)])
        end = last + timing.stability + 1 if fault.cleared is not None else _EVER
        circuits = {*fault.circuits, *(o.circuit for o in outages)}
        wanted = _Wanted(
            fault,
            circuits,
            {a.device for a in alarms}.union(*(self.plant.devices(f) for f in family)),
            set().union(*(self.plant.ports(f) for f in family)),
            set(self.ledger.devices),
        )
        facts = [f for f in await self.history.facts(start, end) if wanted.concerned(f)]
        subjects = sorted({*mine, *(t.id for t in tickets)})
        entries = [e for subject in subjects for e in await self.history.entries(subject)]
        for circuit in sorted(circuits):
            about = await self.history.entries(circuit, between=(start, end))
            entries += [e for e in about if e.data.get("fault", fault.id) in mine]
        told = [t for subject in subjects for t in await self.history.told(subject)]
        return Case(
            fault,
            sorted(outages, key=lambda o: (o.started, o.id)),
            exposures,
            sorted(tickets, key=lambda t: (t.opened, t.id)),
            alarms,
            absorbed,
            facts,
            entries,
            told,
        )


_EVER: Instant = 1 << 62


class _Plant:
    """Where the ledger says that a root can be seen: the devices and ports whose word is evidence for or against it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.links_of: dict[str, list[Link]] = {}
        for link in ledger.links.values():
            for end in (link.a, link.z):
                self.links_of.setdefault(end.device, []).append(link)

    def devices(self, fault: Fault) -> set[str]:
        kind, name = fault.root.kind, fault.root.id
        seen = {port.device for link in self._links(fault) for port in (link.a, link.z)}
        match kind:
            case RootKind.PORT:
                return {name.partition(" ")[0]}
            case RootKind.POWER:
                sites = {s.id for s in self.ledger.sites.values() if name in (s.id, s.power_feed)}
                return {d.id for d in self.ledger.devices.values() if d.site in sites}
            case RootKind.DEVICE | RootKind.PREMISES | RootKind.AGENT:
                return seen | {name}
            case RootKind.CIRCUIT if name in self.ledger.circuits:
                circuit = self.ledger.circuits[name]
                return {end.device for end in (circuit.a, circuit.z) if end.device}
        return seen

    def ports(self, fault: Fault) -> set[tuple[str, str]]:
        if fault.root.kind is RootKind.PORT:
            device, _, port = fault.root.id.partition(" ")
            return {(device, port)}
        return {(port.device, port.name) for link in self._links(fault) for port in (link.a, link.z)}

    def _links(self, fault: Fault) -> Sequence[Link]:
        kind, name = fault.root.kind, fault.root.id
        match kind:
            case RootKind.LINK if name in self.ledger.links:
                return [self.ledger.links[name]]
            case RootKind.CABLE:
                return [self.ledger.links[i] for i in self.ledger.cables.get(name, ())]
            case RootKind.DEVICE | RootKind.PREMISES | RootKind.AGENT:
                # What its neighbours see of it speaks for or against its death.
                return self.links_of.get(name, [])
            case _:
                return []


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which facts concern a fault."""

    fault: Fault
    circuits: set[str]
    devices: set[str]
    ports: set[tuple[str, str]]
    known: set[str]
    """Devices of the ledger."""

    def concerned(self, fact: Fact) -> bool:
        match fact:
            case Observation():
                return fact.device in self.devices and self._faces(fact)
            case LedgerChange():
                return fact.circuit in self.circuits
            case Work():
                return bool(self.circuits.intersection(fact.circuits))
            case Maintenance():
                things = {self.fault.root.id} | self.circuits | self.devices
                return self.fault.planned and any(s.id in things for s in fact.scope)
            case _:
                return False

    def _faces(self, said: Observation) -> bool:
        """A hub has hundreds of ports: only those that face the root speak about it."""
        if not said.component or not self.ports or said.device not in self.known or said.device == self.fault.root.id:
            return True
        return (said.device, said.component.partition("/ONU")[0]) in self.ports


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
                "runners_up": [
                    {"root": root, "why_not": why, "looks_the_same": same}
                    for root, why, same in runners_up(case.fault.against)
                ],
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
        yield "  nothing is on record against it"
    for case in found.cases:
        yield ""
        yield from (f"{'' if n == 0 else '  '}{line}" for n, line in enumerate(standing(case, found.zone)))
        steps = chain(case, found.rules, found.zone)
        if found.kind == "circuit":  # the clocks of the others are not what was asked for
            steps = [s for s in steps if s.circuit in ("", found.subject)]
        yield from _chain_in_words(steps, found.zone)
    if found.earlier:
        yield f"\nearlier: {', '.join(found.earlier)} (--all tells them too)"


_CUT_SHORT = {HEARD: "were heard", CLOCK: "of clocks"}
"""Of these a cut cable may have thousands."""


def _chain_in_words(steps: Sequence[Step], zone: ZoneInfo) -> Iterator[str]:
    day, left, told = "", Counter(s.stage for s in steps), Counter[str]()
    for step in steps:
        told[step.stage] += 1
        if step.stage in _CUT_SHORT and told[step.stage] > _SHOWN:
            if told[step.stage] == _SHOWN + 1:
                more = f"{left[step.stage] - _SHOWN} more {_CUT_SHORT[step.stage]}"
                yield f"  {'':8}  {'':8}  … {more}; --json has them all"
            continue
        local = moment(step.at, zone)
        if f"{local:%Y-%m-%d}" != day:
            day = f"{local:%Y-%m-%d}"
            yield f"  {day}"
        yield f"  {local:%H:%M:%S}  {step.stage:8}  {step.what}"
