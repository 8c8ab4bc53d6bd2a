"""A period by customer, product, class, region and all in all: each figure is the sum of its circuits'."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from netwatch.core.model import Outage
from netwatch.core.time import whole_seconds
from netwatch.report.circuits import CircuitLine, lines
from netwatch.report.facts import Account, Facts, Time, accounts


@dataclass(frozen=True, slots=True)
class GroupLine:
    """Many circuits together. Ratios are 0 … 1, None where nothing was watched or put to the test."""

    by: str
    group: str
    """Empty: the ledger does not say."""
    circuits: int
    availability_gross: float | None
    availability_net: float | None
    coverage: float
    below_target: int
    """Circuits whose net availability of the period so far is below that of their class."""
    outages: int
    breaches: int
    due: int
    """Outages whose promise was put to the test: restored, or past their deadline."""
    timeliness: float | None
    """In time ÷ due."""
    timeliness_target: float
    late_left: int
    """How many of the due may still be late under the target; negative: it is missed by as many."""
    mttr_minutes: float | None
    """Mean time to restore of the outages that ended; median and P90 beside it, for the mean is all tail."""
    median_minutes: float | None
    p90_minutes: float | None
    down_seconds: int
    net_down_seconds: int
    planned_seconds: int
    customer_seconds: int
    unknown_seconds: int
    repeats: int
    chronic: int
    credit_rents: float | None
    """Estimated credits, in monthly rents of one circuit each; None: the period is no single month."""


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One customer over all circuits."""

    customer: str
    level: str
    circuits: int
    outages: int
    breaches: int
    down_seconds: int
    worst_circuit: str
    worst_availability_net: float | None
    timeliness: float | None
    """Restored in time ÷ all whose promise was put to the test; None: none was."""


@dataclass(slots=True)
class _Group:
    lines: list[CircuitLine] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)


GROUPINGS: Mapping[str, Callable[[CircuitLine], str]] = {
    "all": lambda _: "all",
    "class": lambda line: line.assurance,
    "product": lambda line: line.product,
    "region": lambda line: line.region,
    "customer": lambda line: line.customer,
}


def groups(facts: Facts, by: Sequence[str] = tuple(GROUPINGS)) -> list[GroupLine]:
    """Every grouping asked for, its groups by name."""
    known = accounts(facts)
    told = lines(facts, known)
    found = []
    for name in by:
        members: dict[str, _Group] = defaultdict(_Group)
        for line, account in zip(told, known, strict=True):
            group = members[GROUPINGS[name](line)]
            group.lines.append(line)
            group.accounts.append(account)
        found += [_group(facts, name, key, group) for key, group in sorted(members.items())]
    return found


def _group(facts: Facts, by: str, name: str, group: _Group) -> GroupLine:
    time = sum((a.time for a in group.accounts), Time())
    known = [o for a in group.accounts for o in a.known]
    due = [o for o in known if facts.due(o)]
    minutes = sorted(o.gross_seconds / 60 for o in known if facts.ended(o))
    own = group.lines
    shares = [line.credit_share for line in own if line.credit_share is not None]
    return GroupLine(
        by=by,
        group=name,
        circuits=len(own),
        availability_gross=time.gross_ratio,
        availability_net=time.net_ratio,
        coverage=time.coverage,
        below_target=sum(map(_below, own)),
        outages=sum(line.outages for line in own),
        breaches=sum(line.breaches for line in own),
        due=len(due),
        timeliness=rate(due),
        timeliness_target=facts.quality.timeliness,
        late_left=late_left(facts, due),
        mttr_minutes=fmean(minutes) if minutes else None,
        median_minutes=median(minutes) if minutes else None,
        p90_minutes=minutes[math.ceil(0.9 * len(minutes)) - 1] if minutes else None,
        down_seconds=whole_seconds(time.down),
        net_down_seconds=whole_seconds(time.net),
        planned_seconds=whole_seconds(time.planned),
        customer_seconds=whole_seconds(time.customer),
        unknown_seconds=whole_seconds(time.blind),
        repeats=sum(line.repeats for line in own),
        chronic=sum(bool(line.chronic) for line in own),
        credit_rents=math.fsum(shares) if shares else None,
    )


def _below(line: CircuitLine) -> bool:
    return line.target is not None and line.availability_net is not None and line.availability_net < line.target


def rate(due: Sequence[Outage]) -> float | None:
    """Timeliness (及时率): net time within the limit, of all whose promise was put to the test."""
    return sum(not o.breached for o in due) / len(due) if due else None


def late_left(facts: Facts, due: Sequence[Outage]) -> int:
    # In whole ten-thousandths: 0.98 is not quite 0.98 as a float, and one late of fifty is allowed.
    allowed = (10_000 - round(facts.quality.timeliness * 10_000)) * len(due) // 10_000
    return allowed - sum(o.breached for o in due)


def customers(facts: Facts) -> list[CustomerLine]:
    """Every customer who has circuits, by id."""
    own: dict[str, list[CircuitLine]] = defaultdict(list)
    due: dict[str, list[Outage]] = defaultdict(list)
    known = accounts(facts)
    for line, account in zip(lines(facts, known), known, strict=True):
        own[line.customer].append(line)
        due[line.customer] += filter(facts.due, account.known)
    return [_customer(facts, name, own[name], due[name]) for name in sorted(own)]


def _customer(facts: Facts, name: str, own: Iterable[CircuitLine], due: Sequence[Outage]) -> CustomerLine:
    own = list(own)
    # Among circuits that nobody watched there is no worst one.
    told = [(line.availability_net, line.circuit) for line in own if line.availability_net is not None]
    availability, worst = min(told, key=lambda pair: pair[0], default=(None, ""))
    customer = facts.ledger.customers.get(name)
    return CustomerLine(
        customer=name,
        level=customer.level if customer else "",
        circuits=len(own),
        outages=sum(line.outages for line in own),
        breaches=sum(line.breaches for line in own),
        down_seconds=sum(line.down_seconds for line in own),
        worst_circuit=worst,
        worst_availability_net=availability,
        timeliness=rate(due),
    )
