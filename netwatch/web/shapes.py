"""The shapes of what the API answers, as its OpenAPI description shows them."""

from __future__ import annotations

from typing import TypeAlias

from typing_extensions import TypedDict

Time: TypeAlias = str | None
"""ISO 8601 with the site's offset; null for what has not come to pass."""


class RootDoc(TypedDict):
    kind: str
    id: str
    name: str
    place: str


class EndDoc(TypedDict):
    device: str
    port: str
    site: str
    site_name: str


class OutageDoc(TypedDict):
    id: str
    circuit: str
    customer: str
    assurance: str
    fault: str
    started: Time
    restored: Time
    limit_minutes: int
    limit_source: str
    deadline: Time
    remaining_seconds: int | None
    clock: str
    """`running`, `stopped` (a pause holds the net clock) or `ended`."""
    gross_seconds: int
    net_seconds: int
    planned_seconds: int
    breached: bool
    paused: list[str]
    breach_probability: float | None
    complained: Time


class ExposureDoc(TypedDict):
    circuit: str
    fault: str
    assurance: str
    started: Time
    ended: Time


class CircuitDoc(TypedDict):
    id: str
    state: str
    since: Time
    assurance: str
    product: str
    bandwidth_mbps: float | None
    scope: str
    customer: str
    level: str
    a: EndDoc
    z: EndDoc
    working: list[str]
    protecting: list[str]
    over: str
    fault: str
    ticket: str
    availability: float


class AlarmDoc(TypedDict):
    id: str
    device: str
    component: str
    condition: str
    state: str
    severity: str
    raised: Time
    changed: Time
    cleared: Time
    count: int
    source: str
    fault: str
    acknowledged_by: str
    site: str


class ClockDoc(TypedDict):
    name: str
    zh: str
    en: str
    of: str
    circuit: str
    started: Time
    due: Time
    ended: Time
    remaining_seconds: int | None
    late: bool
    """Ended after it was due, or it is overdue now."""
    how: str
    source: str


class PauseDoc(TypedDict):
    circuit: str
    reason: str
    started: Time
    ended: Time
    stops: bool
    by: str
    approved_by: str
    evidence: str
    lacks: list[str]
    cap: Time


class DriverDoc(TypedDict):
    kind: str
    """`cause`, `team`, `night`, `suburb`, `queue` or `elapsed`."""
    en: str
    zh: str
    points: float


class OutlookDoc(TypedDict):
    at: Time
    deadline: Time
    breach_if_sent: float
    """P(the earliest deadline is missed) with a crew sent now, or on its way since it was."""
    breach_if_waiting: float | None
    """…sent at the next check instead; null once a crew is on its way."""
    median_minutes: float
    """From `at` until service is back."""
    p80_minutes: float
    drivers: list[DriverDoc]


class TicketDoc(TypedDict):
    id: str
    fault: str
    kind: str
    state: str
    opened: Time
    dispatched: Time
    acknowledged: Time
    accepted: Time
    arrived: Time
    restored: Time
    returned: Time
    closed: Time
    skill: str
    team: str
    company: str
    reason: str
    deadline: Time
    circuits: list[str]
    merged_into: str | None
    breach_probability: float | None
    overdue: list[str]
    """The names of the clocks that have run out and go on."""
    clocks: list[ClockDoc]
    pauses: list[PauseDoc]
    outlook: OutlookDoc | None
    outlook_sent: OutlookDoc | None
    """As it was when the crew was sent."""
    cause: str
    """What it was taken for, in the words of the priors."""
    found: str
    """…and what the returned slip says."""
    battery_end: Time
    """When the battery of the site is used up, whose mains are away."""
    generator_proposed: Time
    generator_ordered: Time
    withheld: bool
    """Held off a little longer by lot, to see what would heal."""
    braked: bool
    """Held because so many were sent lately: whoever acknowledges it lets it go."""


class FaultDoc(TypedDict):
    id: str
    root: RootDoc
    domain: str
    opened: Time
    cleared: Time
    circuits: int
    explains: int
    confidence: float
    facility_limit_minutes: int | None
    facility_deadline: Time
    reason: str
    against: str
    planned: bool
    absorbed_by: str
    ticket: str
    outlook: OutlookDoc | None
    """While it is open and takes service away."""


class DeviceDoc(TypedDict):
    id: str
    name: str
    role: str
    vendor: str
    site: str
    site_name: str
    address: str
    managed: bool
    state: str
    reachable: str
    agent: str
    since: Time
    alarms: int


class WindowDoc(TypedDict):
    id: str
    state: str
    """`cancelled`, `ahead`, `running` or `over`."""
    announced: Time
    start: Time
    end: Time
    scope: list[str]


class ComplaintDoc(TypedDict):
    id: str
    at: Time
    circuit: str
    channel: str
    fault: str


class EntryDoc(TypedDict):
    at: Time
    kind: str
    subject: str
    reason: str


class MessageDoc(TypedDict):
    at: Time
    channel: str
    audience: str
    template: str
    subject: str
    text: str
