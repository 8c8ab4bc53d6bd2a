"""The repair order: when it is sent, to whom, and what people may do to it.

Opening and sending are two acts. The record opens as soon as a fault takes service or
protection away; a crew goes when waiting costs more than going. Every answer is a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netwatch.core.book import FaultRecord, TicketRecord
from netwatch.core.faults.causes import runners_up
from netwatch.core.forecast.foresight import Foresight, Subject
from netwatch.core.model import (
    Action,
    Device,
    Domain,
    Link,
    Root,
    RootKind,
    Team,
    TicketKind,
    TicketState,
    Work,
)
from netwatch.core.rules import DispatchRules
from netwatch.core.time import MINUTE, Instant
from netwatch.core.topology import Network

OPEN = frozenset(
    {
        TicketState.WATCHING,
        TicketState.DISPATCHED,
        TicketState.ACCEPTED,
        TicketState.TRAVELLING,
        TicketState.ON_SITE,
        TicketState.PAUSED,
        TicketState.RESTORED,
        TicketState.RETURNED,
    }
)

TMF621: Mapping[TicketState, str] = {
    TicketState.WATCHING: "acknowledged",
    TicketState.DISPATCHED: "inProgress",
    TicketState.ACCEPTED: "inProgress",
    TicketState.TRAVELLING: "inProgress",
    TicketState.ON_SITE: "inProgress",
    TicketState.PAUSED: "pending",
    TicketState.RESTORED: "resolved",
    TicketState.RETURNED: "resolved",
    TicketState.CLOSED: "closed",
    TicketState.CANCELLED: "cancelled",
    TicketState.MERGED: "cancelled",
}
"""Our states in the words of TM Forum 621."""


@dataclass(frozen=True, slots=True)
class Stake:
    """Open outages that are alike, as the decision to send sees them."""

    circuit: str
    """The first of their circuits."""
    assurance: str
    started: Instant
    deadline: Instant
    complained: bool
    protected: bool
    """Whether it has a protecting route at all."""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Effects:
    """What a fault does, as the decision to send sees it."""

    stakes: Sequence[Stake] = ()
    """The earliest deadline first."""
    exposed: Sequence[str] = ()
    """Classes of the circuits that are up without protection."""
    lost_light: bool = False
    """Both ends of a link report loss of signal."""
    battery_low: bool = False
    """Equipment where it sits says that its battery is near its end."""
    battery_end: Instant | None = None
    """When the battery of the site is used up, where its mains are away."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to send, and why."""

    send: bool
    reason: str
    withheld: bool = False
    """It would send, were it not held off by lot."""


def cause_of(fault: FaultRecord, rules: DispatchRules) -> str:
    """What a fault is taken for, in the words of the priors."""
    if fault.domain is Domain.CONFIGURATION:
        return "configuration"
    return str(fault.root.kind) if fault.root.kind in rules.priors else "unknown"


def verdict(
    ticket: TicketRecord, subject: Subject, fault: FaultRecord, effects: Effects, foresight: Foresight, now: Instant
) -> Verdict:
    """Send a crew now? Hard overrides first, then whether waiting for the next look costs more than going."""
    rules, stakes = foresight.rules, effects.stakes
    if ticket.kind is TicketKind.ENQUIRY:
        return Verdict(True, "mains failed: ask the power company how long, and how long the battery lasts")
    override = _override(subject, fault, effects, foresight, now)
    if override:
        return Verdict(True, override)
    cap = None if foresight.trusted and stakes else _cap(stakes, rules)
    if cap is not None and now - ticket.opened >= cap:
        return Verdict(True, f"not healed within the longest hold-off of {cap // MINUTE} min")
    until = None if cap is None else (ticket.opened + cap - subject.opened) / MINUTE
    for stake in stakes:
        advice = foresight.advice(subject, stake.deadline, stake.assurance, now)
        if advice.send:
            reason = (
                f"waiting costs more than going: {stake.circuit} misses its limit with {advice.miss_now:.1%} when sent "
                f"now, {advice.miss_later:.1%} at the next look; {advice.heals:.1%} heal until then"
            )
            return _by_lot(ticket, stakes, reason, foresight, now) or Verdict(True, reason)
        until = advice.until if until is None else min(until, advice.until)
    why = "may heal by itself" if stakes else "no circuit is out"
    longest = "" if until is None else f": watched for at most {_since(ticket, subject, until):.0f} min"
    return Verdict(False, f"{why}{longest}")


def _since(ticket: TicketRecord, subject: Subject, until: float) -> float:
    """Minutes of the fault as minutes of its ticket, which opens later."""
    return until - (ticket.opened - subject.opened) / MINUTE


def _by_lot(
    ticket: TicketRecord, stakes: Sequence[Stake], reason: str, foresight: Foresight, now: Instant
) -> Verdict | None:
    """Now and then nobody goes yet though it would be time: else what heals later is never seen."""
    places = [foresight.drawn(f"{ticket.id}:{ticket.opened}", s.assurance) for s in stakes]
    drawn = [p for p in places if p is not None]
    if len(drawn) < len(stakes):
        return None
    until = ticket.opened + round(min(drawn) * _cap(stakes, foresight.rules))
    return Verdict(False, f"held off by lot to see what heals; else: {reason}", withheld=True) if now < until else None


def _override(subject: Subject, fault: FaultRecord, effects: Effects, foresight: Foresight, now: Instant) -> str:
    rules, stakes = foresight.rules, effects.stakes
    complained = [s.circuit for s in stakes if s.complained]
    if complained:
        return f"the customer of {complained[0]} complained"
    top = max(rules.breach_cost, key=lambda c: rules.breach_cost[c])
    bare = [s.circuit for s in stakes if s.assurance == top and not s.protected]
    if bare:
        return f"{bare[0]} is {top} and has no working protection"
    if top in effects.exposed:
        return f"a circuit of class {top} has lost its protection"
    if effects.lost_light and fault.domain is Domain.CABLE:
        return "both ends lost light: fibre does not heal"
    out = sum(s.count for s in stakes)
    if out >= rules.several and fault.root.kind in (RootKind.CABLE, RootKind.PORT, RootKind.LINK):
        return f"{out} circuits are out on one {fault.root.kind}"
    if fault.root.kind is RootKind.CABLE and len(effects.exposed) >= rules.several:
        return f"{len(effects.exposed)} circuits are without protection on one cable"
    if effects.battery_low:
        return "the battery is near its end"
    due = foresight.due(subject)
    if effects.battery_end is not None and (left := (effects.battery_end - now) / MINUTE) <= due:
        return f"the battery lasts {max(left, 0):.0f} min more, help takes up to {due:.0f} min"
    if stakes:
        left = (stakes[0].deadline - now) / MINUTE
        if left <= due:
            return f"{left:.0f} min left, repairs of this kind take up to {due:.0f} min"
    return ""


def _cap(stakes: Sequence[Stake], rules: DispatchRules) -> int:
    caps = [rules.hold_cap.get(s.assurance, rules.hold_cap_fallback) for s in stakes]
    return min(caps, default=rules.hold_cap_fallback)


# ---------------------------------------------------------------- who


def skill_of(fault: FaultRecord, net: Network, rules: DispatchRules) -> str:
    """The skill that a fault's domain of work needs."""
    if fault.domain is Domain.EQUIPMENT:
        device, link = device_of(fault, net), None
        if fault.root.kind is RootKind.LINK:
            link = net.ledger.links.get(fault.root.id)
        kind = device.role if device is not None else link.medium if link is not None else ""
        if special := rules.skill.get(f"equipment/{kind}"):
            return special
    return rules.skill.get(fault.domain, rules.skill["equipment"])


def device_of(fault: FaultRecord, net: Network) -> Device | None:
    """The device that a fault sits in, where it sits in one."""
    kind, name = fault.root.kind, fault.root.id
    if kind in (RootKind.DEVICE, RootKind.PREMISES, RootKind.AGENT):
        return net.ledger.devices.get(name)
    if kind is RootKind.PORT:
        return net.ledger.devices.get(name.partition(" ")[0])
    return None


def places_of(fault: FaultRecord, net: Network) -> list[str]:
    """The sites where a fault can be worked on, the likeliest first."""
    device = device_of(fault, net)
    if device is not None:
        return [device.site] if device.site else []
    if fault.root.kind is RootKind.POWER:
        return [fault.root.id] if fault.root.id in net.ledger.sites else net.feed_sites.get(fault.root.id, [])
    links: Iterable[Link] = ()
    if fault.root.kind is RootKind.LINK and fault.root.id in net.ledger.links:
        links = [net.ledger.links[fault.root.id]]
    elif fault.root.kind is RootKind.CABLE:
        links = [net.ledger.links[i] for i in net.ledger.cables.get(fault.root.id, ())]
    elif fault.root.kind is RootKind.CIRCUIT and fault.root.id in net.ledger.circuits:
        circuit = net.ledger.circuits[fault.root.id]
        return _sites_of([circuit.a.device, circuit.z.device], net)
    return _sites_of([e.device for link in links for e in (link.a, link.z)], net)


def _sites_of(devices: Iterable[str], net: Network) -> list[str]:
    known = (net.ledger.devices.get(d) for d in devices)
    return list(dict.fromkeys(d.site for d in known if d is not None and d.site))


def team_for(fault: FaultRecord, skill: str, refused: Iterable[str], net: Network, rules: DispatchRules) -> str:
    """The team to send: of the skill and the region, outsourced before own; own alone where nothing is outsourced.

    Of teams as near, the one that can also test what the evidence cannot tell from the cause.
    """
    regions = [s.region for i in places_of(fault, net) if (s := net.ledger.sites.get(i)) and s.region]
    device = device_of(fault, net)
    own_only = device is not None and device.role in rules.own_roles
    no, also = set(refused), _also(fault, net, rules)

    def rank(team: Team) -> tuple[bool, bool, int, int, str]:
        near = next((i for i, r in enumerate(regions) if r in team.regions), len(regions))
        strange = bool(team.company) if own_only else not team.company
        return (strange, near == len(regions), near, -len(also & team.skills), team.id)

    able = [t for t in net.ledger.teams.values() if skill in t.skills and t.id not in no]
    local = [t for t in able if not regions or t.regions.intersection(regions) or not t.regions]
    if own_only and any(not t.company for t in local):
        local = [t for t in local if not t.company]
    best = min(local or able, key=rank, default=None)
    return best.id if best else ""


def _also(fault: FaultRecord, net: Network, rules: DispatchRules) -> set[str]:
    """The skills that could test what a fault cannot be told from."""
    out = set()
    for root, _, same in runners_up(fault.against):
        kind, _, name = root.partition(" ")
        if same and (domain := _WORK.get(RootKind(kind))) is not None:
            other = replace(fault, root=Root(RootKind(kind), name), domain=domain)
            out.add(skill_of(other, net, rules))
    return out


_WORK = {
    RootKind.CABLE: Domain.CABLE,
    RootKind.LINK: Domain.CABLE,
    RootKind.PORT: Domain.EQUIPMENT,
    RootKind.DEVICE: Domain.EQUIPMENT,
    RootKind.POWER: Domain.POWER,
    RootKind.PREMISES: Domain.PREMISES,
}
"""Whose work a runner-up would most often be."""


# ---------------------------------------------------------------- acts of people

_NEXT: Mapping[Action, tuple[frozenset[TicketState], TicketState]] = {
    Action.ACCEPT: (frozenset({TicketState.WATCHING, TicketState.DISPATCHED}), TicketState.ACCEPTED),
    Action.DEPART: (
        frozenset({TicketState.WATCHING, TicketState.DISPATCHED, TicketState.ACCEPTED}),
        TicketState.TRAVELLING,
    ),
    Action.ARRIVE: (
        frozenset({TicketState.WATCHING, TicketState.DISPATCHED, TicketState.ACCEPTED, TicketState.TRAVELLING}),
        TicketState.ON_SITE,
    ),
    Action.RETURN: (OPEN - {TicketState.RETURNED}, TicketState.RETURNED),
    Action.CLOSE: (OPEN, TicketState.CLOSED),
}


def act(ticket: TicketRecord, work: Work) -> str:
    """Carry out what a person did to a ticket. Returns why not, or an empty text when it is done.

    Pauses, restorations and refusals of service concern circuits and are the engine's; this is
    the life of the order alone. An act done before changes nothing and is no error.
    """
    if work.action is Action.ACK:
        ticket.acknowledged = ticket.acknowledged or work.at
        return ""
    if work.action is Action.REJECT:
        return _reject(ticket, work)
    if work.action is Action.GENERATOR:
        return _generator(ticket, work)
    if work.action not in _NEXT:
        return ""
    allowed, then = _NEXT[work.action]
    if ticket.state is then:
        return ""
    if ticket.state not in allowed:
        return f"{work.action} does not follow {ticket.state}"
    ticket.state = then
    ticket.acknowledged = ticket.acknowledged or work.at
    if then is TicketState.ACCEPTED:
        ticket.accepted = ticket.accepted or work.at
    elif then is TicketState.ON_SITE:
        ticket.arrived = ticket.arrived or work.at
    elif then is TicketState.RETURNED:
        ticket.returned = work.at
    elif then is TicketState.CLOSED:
        ticket.closed = work.at
    return ""


def _generator(ticket: TicketRecord, work: Work) -> str:
    if ticket.generator_proposed is None and ticket.battery_end is None:
        return "no site of this ticket is on battery"
    ticket.generator_ordered = ticket.generator_ordered or work.at
    return ""


def _reject(ticket: TicketRecord, work: Work) -> str:
    if ticket.state not in (TicketState.DISPATCHED, TicketState.ACCEPTED, TicketState.TRAVELLING, TicketState.ON_SITE):
        return f"reject does not follow {ticket.state}"
    if ticket.team and ticket.team not in ticket.refused:
        ticket.refused.append(ticket.team)
    ticket.state = TicketState.WATCHING
    ticket.team = ""
    ticket.acknowledged = ticket.acknowledged or work.at
    return ""
