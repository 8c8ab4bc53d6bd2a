"""What a contract allows and what an outage used of it.

`limit` says how long, `account` says how much of it is gone. Both are pure functions of
facts; neither looks at the time of day of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from netwatch.core.intervals import Spans, clip, length, union
from netwatch.core.model import Circuit, Customer, Ledger, Link
from netwatch.core.rules import Calendar, Rules, SlaPolicy
from netwatch.core.time import MINUTE, Instant, Span, instant, moment, whole_seconds


@dataclass(frozen=True, slots=True)
class Line:
    """All of a line that its limits hang on."""

    product: str = ""
    assurance: str = ""
    """As the ledger states it; empty: it states none."""
    level: str = ""
    """The customer's."""
    area: str = ""
    """`city`, `suburb` or empty: where its customer's end lies."""
    scope: str = ""

    @classmethod
    def of(cls, circuit: Circuit, customer: Customer | None, area: str = "") -> Line:
        return cls(circuit.product, circuit.assurance, customer.level if customer else "", area, circuit.scope)


def line_of(circuit: Circuit, ledger: Ledger) -> Line:
    """What the limits of a circuit hang on; its customer's end tells the area, else its other one."""
    for end in (circuit.z, circuit.a):
        device = ledger.devices.get(end.device)
        site = ledger.sites.get(device.site) if device else None
        if site and site.area:
            return Line.of(circuit, ledger.customers.get(circuit.customer), site.area)
    return Line.of(circuit, ledger.customers.get(circuit.customer))


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a line may be out, and why so long."""

    minutes: int
    source: str
    assurance: str
    """The class in force: stated, else derived from the customer's level."""
    table: str = "limits"
    """Of the policy, that the figure stands in."""

    @property
    def derived(self) -> bool:
        """Whether the limit rests on a class that nobody stated."""
        return self.table == "derived"


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


def assurance_of(line: Line, policy: SlaPolicy) -> str:
    """The class stated in the ledger, else derived from the customer's level, else empty."""
    return line.assurance or policy.derived.get(line.level, "")


def limit(line: Line, policy: SlaPolicy, reported: Instant, zone: ZoneInfo) -> Limit:
    """The restoration limit of a line for an outage.

    `reported` is the first complaint, or `started` where nobody complained: products with a
    clock rule count from the local time of the report. Source: journal contract, "Limit".
    """
    name = assurance_of(line, policy)
    rule = policy.clock_rule.get(line.product)
    if rule:
        until, before, after = rule
        local = moment(reported, zone)
        early = (local.hour, local.minute, local.second, local.microsecond) <= (until // 60, until % 60, 0, 0)
        when = "at or before" if early else "after"
        return Limit(
            before if early else after,
            f"{line.product}: reported {when} {until // 60:02}:{until % 60:02}",
            name,
            "clock_rule",
        )
    stated = policy.limits.get(line.assurance) if line.assurance else None
    table = policy.product_limits.get(line.product)
    by_product = (table.get(line.level) or table.get("*")) if table and line.level else None
    if by_product is not None and (stated is None or by_product < stated):
        than = "" if stated is None else f", shorter than class {line.assurance}"
        return Limit(by_product, f"{line.product} for level {line.level}{than}", name, "product")
    if stated is not None:
        return Limit(stated, f"class {line.assurance}", name)
    if name in policy.limits:
        return Limit(policy.limits[name], f"class {name}, derived from level {line.level}", name, "derived")
    return Limit(policy.fallback_minutes, "neither class nor level", name, "fallback")


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
        deadline=reached(started, allowed, standing),
        breached=net > allowed,
    )


def reached(started: Instant, allowed: Span, standing: Spans) -> Instant:
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


def days_on(at: Instant, days: int, calendar: Calendar | None, zone: ZoneInfo) -> Instant:
    """The end of the local day that is so many days on, the day of `at` not counted.

    With a calendar only working days count, else natural days.
    """
    day = moment(at, zone).date()
    while days > 0:
        day += timedelta(days=1)
        days -= calendar is None or is_working_day(day, calendar)
    return instant(datetime.combine(day + timedelta(days=1), time.min, zone))


def missing_years(calendar: Calendar, at: Instant, zone: ZoneInfo) -> list[int]:
    """The years that working days may be counted in soon and whose official days are not in the calendar.

    This year, and the next once it is near enough for planned work to be announced into it.
    """
    today = moment(at, zone).date()
    wanted = {today.year, (today + timedelta(days=_AHEAD_DAYS)).year}
    return sorted(wanted - calendar.years)


_AHEAD_DAYS = 45
"""The notice on next year's holidays comes out in November; before that nobody can know them."""


def attended_from(at: Instant, hours: tuple[int, int], zone: ZoneInfo) -> Instant:
    """`at` itself inside attended hours, else when they next begin."""
    local = moment(at, zone)
    minute = local.hour * 60 + local.minute
    if hours[0] <= minute < hours[1]:
        return at
    day = local.date() + timedelta(days=minute >= hours[1])
    return instant(datetime.combine(day, time(hours[0] // 60, hours[0] % 60), zone))


# ---------------------------------------------------------------- facilities


@dataclass(frozen=True, slots=True)
class Facility:
    """What a fault sits in, where it has a limit of its own (抢通)."""

    kind: str
    """`cable` or `room`."""
    id: str
    cores: int | None = None
    """Of a cable; None: unknown."""
    backbone: bool = False

    def minutes(self, policy: SlaPolicy) -> int:
        """How long its emergency restoration may take; the strictest where its cores are unknown."""
        if self.kind == "room":
            return policy.room_minutes
        if self.backbone:
            return policy.backbone_minutes
        cores = self.cores
        if cores is None:
            return policy.facility_unknown_minutes
        return [b.minutes for b in policy.facility_bands if b.cores <= cores][-1]

    @property
    def why(self) -> str:
        """What decides its limit."""
        if self.kind == "room":
            return "the whole room is down"
        if self.backbone:
            return "backbone"
        if self.cores is None:
            return "cores unknown: the strictest"
        return f"{self.cores} cores"


def cable(name: str, links: Iterable[Link], backbone: bool) -> Facility:
    """The cable that links run through: the most cores that any of them tells."""
    return Facility(
        "cable", name, max((link.cores for link in links if link.cores is not None), default=None), backbone
    )
