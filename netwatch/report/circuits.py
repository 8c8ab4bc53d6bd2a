"""A period circuit by circuit: availability against its target, repeats, and what the credit schedule says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from netwatch.core.model import Circuit, Domain, Fault, Outage
from netwatch.core.time import DAY, Instant, Span, whole_seconds
from netwatch.report.facts import YEAR, Account, Facts, accounts
from netwatch.report.period import before


@dataclass(frozen=True, slots=True)
class CircuitLine:
    """One circuit. Ratios are 0 … 1, None where nothing was watched."""

    circuit: str
    customer: str
    product: str
    assurance: str
    region: str
    availability_gross: float | None
    availability_net: float | None
    """Without what the contract excuses: pauses that stop the clock, planned work announced in time."""
    target: float | None
    """That of its class, net."""
    left_seconds: int | None
    """How much longer it may be out (net) before the period misses the target; negative: it has."""
    coverage: float
    outages: int
    """That touch the period."""
    breaches: int
    down_seconds: int
    net_down_seconds: int
    planned_seconds: int
    """Excused by planned work; the next two likewise: by the customer's doing, by other pauses."""
    customer_seconds: int
    other_excused_seconds: int
    exposed_seconds: int
    unknown_seconds: int
    longest_seconds: int
    mttr_minutes: float | None
    """Mean time to restore of the outages that ended in the period."""
    faults_in_a_year: int
    """Outages that began in the 365 days before the period's end."""
    faults_allowed: int | None
    """That number stays below this."""
    repeats: int
    chronic: str
    """Why it is chronic; empty: it is not."""
    credit_share: float | None
    """Estimated share of the month's rent, by the policy's schedule; None: the period is no single month."""


@dataclass(frozen=True, slots=True)
class RepeatLine:
    """A fault that came again."""

    circuit: str
    customer: str
    fault: str
    root: str
    domain: str
    started: Instant
    before: str
    """The fault that it repeats."""
    days: float
    """From its restoration to this one's beginning."""


def circuits(facts: Facts) -> list[CircuitLine]:
    """Every circuit of the ledger, in its order, and those that left it with an outage in the period."""
    return lines(facts, accounts(facts))


def lines(facts: Facts, known: Sequence[Account]) -> list[CircuitLine]:
    faults = {f.id: f for f in facts.faults}
    months = _months_before(facts)
    return [_line(facts, account, faults, [m[account.name] for m in months if account.name in m]) for account in known]


def _line(facts: Facts, account: Account, faults: Mapping[str, Fault], earlier: Sequence[float | None]) -> CircuitLine:
    quality, time, circuit = facts.quality, account.time, account.circuit
    ended = [o for o in account.known if facts.ended(o)]
    target = quality.availability.get(account.assurance)
    return CircuitLine(
        circuit=account.name,
        customer=account.customer,
        product=circuit.product if circuit else "",
        assurance=account.assurance,
        region=region(facts, circuit),
        availability_gross=time.gross_ratio,
        availability_net=time.net_ratio,
        target=target,
        left_seconds=None if target is None or not time.due else _left(facts, account, target),
        coverage=time.coverage,
        outages=len(account.touching),
        breaches=sum(o.breached and facts.due(o) for o in account.known),
        down_seconds=whole_seconds(time.down),
        net_down_seconds=whole_seconds(time.net),
        planned_seconds=whole_seconds(time.planned),
        customer_seconds=whole_seconds(time.customer),
        other_excused_seconds=whole_seconds(time.other),
        exposed_seconds=whole_seconds(time.exposed),
        unknown_seconds=whole_seconds(time.blind),
        longest_seconds=whole_seconds(max((facts.lasted(o) for o in account.touching), default=0)),
        mttr_minutes=sum(o.gross_seconds for o in ended) / 60 / len(ended) if ended else None,
        faults_in_a_year=sum(facts.end - YEAR <= o.started < facts.end for o in account.known),
        faults_allowed=quality.faults_a_year.get(account.assurance),
        repeats=len(_repeats(facts, account, faults)),
        chronic=_chronic(facts, account, faults, target, [time.net_ratio, *earlier]),
        credit_share=_credit(facts, time.net),
    )


def region(facts: Facts, circuit: Circuit | None) -> str:
    """Of the customer's end: where the A end's site lies, else the Z end's."""
    for end in (circuit.a, circuit.z) if circuit else ():
        device = facts.ledger.devices.get(end.device)
        site = facts.ledger.sites.get(device.site) if device else None
        if site and site.region:
            return site.region
    return ""


def _left(facts: Facts, account: Account, target: float) -> int:
    whole = facts.period.end - facts.period.start
    base = account.time.base * whole // max(1, facts.end - facts.period.start)
    allowed = int((1 - target) * base) - account.time.net
    return whole_seconds(allowed) if allowed >= 0 else -whole_seconds(-allowed)


def repeats(facts: Facts) -> list[RepeatLine]:
    """Every fault of the period that came again on a circuit, oldest first."""
    faults = {f.id: f for f in facts.faults}
    return sorted(
        (line for account in accounts(facts) for line in _repeats(facts, account, faults)),
        key=lambda line: (line.started, line.circuit),
    )


def _repeats(facts: Facts, account: Account, faults: Mapping[str, Fault]) -> list[RepeatLine]:
    """Outages that began in the period and followed one of the same segment within the policy's days.

    The segment is the domain of work: whose part failed again. Planned work and the customer's doing repeat nothing.
    """
    found = []
    own = [(o, faults[o.fault]) for o in account.known if o.fault in faults and _ours(o, faults[o.fault])]
    for number, (outage, fault) in enumerate(own):
        if not facts.period.start <= outage.started < facts.end:
            continue
        same = [
            o
            for o, f in own[:number]
            if f.domain == fault.domain
            and f.id != fault.id
            and o.restored is not None
            and 0 <= outage.started - o.restored <= facts.quality.repeat
        ]
        if same:
            last = same[-1]
            gap = outage.started - (last.restored or 0)
            found.append(
                RepeatLine(
                    circuit=account.name,
                    customer=account.customer,
                    fault=fault.id,
                    root=str(fault.root),
                    domain=fault.domain,
                    started=outage.started,
                    before=last.fault,
                    days=gap / DAY,
                )
            )
    return found


def _ours(outage: Outage, fault: Fault) -> bool:
    return not fault.planned and fault.domain is not Domain.PREMISES and outage.net_seconds > 0


def _chronic(
    facts: Facts, account: Account, faults: Mapping[str, Fault], target: float | None, ratios: Sequence[float | None]
) -> str:
    """`ratios` are those of this month and the months before it, newest first."""
    quality = facts.quality
    if facts.period.months != 1:
        return ""
    began = [
        o
        for o in account.touching
        if facts.period.start <= o.started and (o.fault not in faults or _ours(o, faults[o.fault]))
    ]
    if len(began) >= quality.chronic_outages:
        return f"{len(began)} outages in a month"
    below = [r for r in ratios[: quality.chronic_months] if r is not None and target is not None and r < target]
    if len(below) >= quality.chronic_months:
        return f"{len(below)} months below the target"
    return ""


def _months_before(facts: Facts) -> list[Mapping[str, float | None]]:
    """Net availability of each circuit in the months before, newest first; only what chronic circuits are told by."""
    if facts.period.months != 1:
        return []
    found: list[Mapping[str, float | None]] = []
    month = facts.period
    for _ in range(facts.quality.chronic_months - 1):
        month = before(month, facts.zone)
        earlier = replace(facts, period=month, exposures=(), unknowns=())
        found.append({a.name: a.time.net_ratio for a in accounts(earlier, troubled=True)})
    return found


def _credit(facts: Facts, net: Span) -> float | None:
    if facts.period.months != 1:
        return None
    return max((share for over, share in facts.quality.credit if net > over), default=0.0)
