"""What a contract allows and what an outage used of it.

`limit` says how long, `account` says how much of it is gone. Both are pure functions of
facts; neither looks at the time of day of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from netwatch.core.intervals import Spans, clip, length, union
from netwatch.core.model import Circuit, Customer, Link
from netwatch.core.rules import Calendar, Rules, SlaPolicy
from netwatch.core.time import MINUTE, Instant, Span, moment, whole_seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a line may be out, and why so long."""

    minutes: int
    source: str
    assurance: str
    """The class in force: stated, else derived from the customer's level."""


@dataclass(frozen=True, slots=True)
class Account:
    """What an outage comes to. Spans in microseconds."""

    gross: Span
    net: Span
    planned: Span
    deadline: Instant
    """When net time reaches the limit, as far as it stood until now; it moves while the clock stands."""
    breached: bool

    @property
    def gross_seconds(self) -> int:
        return whole_seconds(self.gross)

    @property
    def net_seconds(self) -> int:
        return whole_seconds(self.net)

    @property
    def planned_seconds(self) -> int:
        return whole_seconds(self.planned)


def policy_at(rules: Rules, at: Instant, zone: ZoneInfo) -> SlaPolicy:
    """The version in force; before the first one, the first."""
    day = moment(at, zone).date()
    valid = [p for p in rules.policies if p.valid_from <= day]
    return valid[-1] if valid else rules.policies[0]


def assurance_of(circuit: Circuit, customer: Customer | None, policy: SlaPolicy) -> str:
    """The class stated in the ledger, else derived from the customer's level, else empty."""
    if circuit.assurance:
        return circuit.assurance
    return policy.derived.get(customer.level, "") if customer and customer.level else ""


def limit(circuit: Circuit, customer: Customer | None, policy: SlaPolicy, reported: Instant, zone: ZoneInfo) -> Limit:
    """The restoration limit of a line for an outage.

    `reported` is the first complaint, or `started` where nobody complained: products with a
    clock rule count from the local time of the report. Source: journal contract, "Limit".
    """
    level = customer.level if customer else ""
    name = assurance_of(circuit, customer, policy)
    rule = policy.clock_rule.get(circuit.product)
    if rule:
        until, before, after = rule
        local = moment(reported, zone)
        early = (local.hour, local.minute, local.second, local.microsecond) <= (until // 60, until % 60, 0, 0)
        when = "at or before" if early else "after"
        return Limit(
            before if early else after, f"{circuit.product}: reported {when} {until // 60:02}:{until % 60:02}", name
        )
    stated = policy.limits.get(circuit.assurance) if circuit.assurance else None
    table = policy.product_limits.get(circuit.product)
    by_product = (table.get(level) or table.get("*")) if table and level else None
    if stated is not None and by_product is not None:
        if by_product < stated:
            return Limit(
                by_product, f"{circuit.product} for level {level}, shorter than class {circuit.assurance}", name
            )
        return Limit(stated, f"class {circuit.assurance}", name)
    if stated is not None:
        return Limit(stated, f"class {circuit.assurance}", name)
    if by_product is not None:
        return Limit(by_product, f"{circuit.product} for level {level}", name)
    if name in policy.limits:
        return Limit(policy.limits[name], f"class {name}, derived from level {level}", name)
    return Limit(policy.fallback_minutes, "neither class nor level", name)


def account(started: Instant, restored: Instant, minutes: int, stopped: Spans, planned: Spans) -> Account:
    """The clock of one outage up to `restored` (the last known instant while it lasts).

    `stopped` are the pauses during which the net clock stands, `planned` the excused planned
    time; both may reach beyond the outage: only what lies inside counts.
    """
    allowed = minutes * MINUTE
    if not stopped and not planned:  # as almost always
        gross = restored - started
        return Account(gross, gross, 0, started + allowed, gross > allowed)
    standing = clip(union([*stopped, *planned]), started, restored)
    net = (restored - started) - length(standing)
    return Account(
        gross=restored - started,
        net=net,
        planned=length(clip(union(planned), started, restored)),
        deadline=_reached(started, allowed, standing),
        breached=net > allowed,
    )


def _reached(started: Instant, allowed: Span, standing: Spans) -> Instant:
    """When the net time of a clock that started at `started` reaches `allowed`."""
    at, left = started, allowed
    for start, end in standing:
        if start - at >= left:
            break
        left -= start - at
        at = end
    return at + left


def working_days(announced: Instant, start: Instant, calendar: Calendar, zone: ZoneInfo) -> int:
    """Working days between: the day of the announcement not counted, the day of the start counted."""
    day, last = moment(announced, zone).date(), moment(start, zone).date()
    if (last - day).days > _AMPLE_DAYS:
        return _AMPLE_DAYS // 2
    count = 0
    while day < last:
        day += timedelta(days=1)
        count += is_working_day(day, calendar)
    return count


_AMPLE_DAYS = 366
"""Beyond a year nobody counts: any notice is enough."""


def is_working_day(day: date, calendar: Calendar) -> bool:
    """Weekdays but holidays, and weekend days worked in exchange (调休)."""
    return day in calendar.workdays or (day.weekday() < 5 and day not in calendar.holidays)


def notice_enough(
    assurance: str, announced: Instant, start: Instant, policy: SlaPolicy, calendar: Calendar, zone: ZoneInfo
) -> bool:
    """Whether planned work was announced in time for a class; unknown classes take the shortest notice."""
    needed = policy.notice_days.get(assurance, min(policy.notice_days.values()))
    return working_days(announced, start, calendar, zone) >= needed


def cable_limit(links: Iterable[Link], backbone: bool, policy: SlaPolicy) -> int:
    """Minutes for the emergency restoration of a cable; the strictest where its cores are unknown."""
    if backbone:
        return policy.backbone_minutes
    cores = [link.cores for link in links if link.cores is not None]
    if not cores:
        return policy.facility_unknown_minutes
    most = max(cores)
    return [b.minutes for b in policy.facility_bands if b.cores <= most][-1]
