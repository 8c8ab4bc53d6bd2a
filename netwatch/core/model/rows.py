"""What is decided, as it stands: a row for each alarm, fault, outage, ticket … A changed thing is a new row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from netwatch.core.model.facts import Condition, Scope, Source, State
from netwatch.core.time import Instant


class Severity(StrEnum):
    """X.733 perceived severity. `cleared` is not among them: it is a flag of the alarm."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"
    INDETERMINATE = "indeterminate"


class AlarmState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    CLEARING = "clearing"
    GONE = "gone"


class Domain(StrEnum):
    """Whose work a fault is."""

    CABLE = "cable"
    EQUIPMENT = "equipment"
    POWER = "power"
    PREMISES = "premises"
    CONFIGURATION = "configuration"
    MANAGEMENT = "management"


class RootKind(StrEnum):
    CABLE = "cable"
    LINK = "link"
    PORT = "port"
    DEVICE = "device"
    POWER = "power"
    PREMISES = "premises"
    AGENT = "agent"
    MANAGEMENT = "management"
    CIRCUIT = "circuit"


class ServiceState(StrEnum):
    UP = "up"
    EXPOSED = "exposed"
    DOWN = "down"
    UNKNOWN = "unknown"
    PLANNED = "planned"


class TicketState(StrEnum):
    """The life of a repair order. `status()` in core.tickets maps it to TMF621."""

    WATCHING = "watching"
    """Opened, not sent: NetWatch's own record."""
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    TRAVELLING = "travelling"
    ON_SITE = "on_site"
    PAUSED = "paused"
    RESTORED = "restored"
    RETURNED = "returned"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


class TicketKind(StrEnum):
    REPAIR = "repair"
    ENQUIRY = "enquiry"


@dataclass(frozen=True, slots=True, order=True)
class Root:
    kind: RootKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}".rstrip()


@dataclass(frozen=True, slots=True)
class Alarm:
    """What we believe about (device, component, condition)."""

    device: str
    component: str
    condition: Condition
    state: AlarmState
    severity: Severity
    raised: Instant
    changed: Instant
    cleared: Instant | None
    count: int
    """How often it was raised since it first appeared (flapping)."""
    source: Source
    fault: str = ""
    """The fault that explains it; empty while unexplained."""
    acknowledged_by: str = ""

    @property
    def id(self) -> str:
        return f"{self.device}|{self.component}|{self.condition}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One root cause and what it explains."""

    id: str
    root: Root
    domain: Domain
    opened: Instant
    cleared: Instant | None
    circuits: tuple[str, ...]
    """Those that it takes down or leaves unprotected, overlay services included."""
    explains: int
    confidence: float
    facility_limit_minutes: int | None
    facility_deadline: Instant | None
    reason: str
    """Why this root: the evidence for it, in words."""
    against: str = ""
    """What speaks against it, and the runners-up."""
    planned: bool = False
    absorbed_by: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A time during which the net clock of an outage stood, and why."""

    reason: str
    """That of a pause, or `planned_work`."""
    started: Instant
    ended: Instant | None
    """None: it stands until somebody resumes it."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One circuit without service because of a fault, with its clocks."""

    id: str
    circuit: str
    customer: str
    assurance: str
    fault: str
    started: Instant
    restored: Instant | None
    limit_minutes: int
    limit_source: str
    deadline: Instant | None
    gross_seconds: int
    net_seconds: int
    planned_seconds: int
    breached: bool
    paused: tuple[str, ...] = ()
    """Reasons of the pauses that are open now."""
    standing: tuple[Standing, ...] = ()
    """When its net clock stood, by reason; they may overlap."""
    breach_probability: float | None = None
    complained: Instant | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    id: str
    circuit: str
    fault: str
    started: Instant
    ended: Instant | None


class Settled(StrEnum):
    """What the devices' own record told afterwards about a time that nobody saw. It never moves a contract clock."""

    NO = ""
    UP = "up"
    """A route of the circuit says of all its ports that they did not change in that time."""
    CHANGED = "changed"
    """Each route has a port that did."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A time in which nobody could tell about a circuit."""

    id: str
    circuit: str
    started: Instant
    ended: Instant | None
    settled: Settled = Settled.NO
    evidence: str = ""
    """What settled it, in words."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One limit of a repair order as it runs: the customer's, the crew's, the facility's."""

    name: str
    """As in the policy: `restoration`, `internal`, `cable`, `room`, or that of a term."""
    zh: str
    en: str
    of: str
    """`line`, `crew`, `facility` or `office`."""
    circuit: str
    """The circuit whose contract sets it; empty where it is the order's own."""
    started: Instant
    due: Instant
    """As far as it stood when the row was written: a net clock moves it while it stands."""
    ended: Instant | None
    how: str
    """What ended it, in words."""
    source: str


@dataclass(frozen=True, slots=True)
class Pause:
    """One line of a repair order's ledger of pauses."""

    circuit: str
    reason: str
    started: Instant
    ended: Instant | None
    by: str
    approved_by: str
    evidence: str
    stops: bool
    """Whether the net clock stood meanwhile."""
    lacks: tuple[str, ...]
    """What its reason asks for and nobody has given: `evidence`, `approval`."""
    cap: Instant | None
    """When it lasts longer than its reason is meant to."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One thing that moves a forecast."""

    kind: str
    """`cause`, `team`, `night`, `suburb`, `queue` or `elapsed`."""
    subject: str
    """The cause or the team; empty for the others."""
    figure: float
    """The chance of the cause; minutes elapsed; orders ahead; else the factor on the time to repair."""
    points: float
    """By how much it moves the chance that the deadline is missed; 0.1 is ten points."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the forecast says of an open fault. Chances are those of missing `deadline`."""

    at: Instant
    deadline: Instant
    """The earliest of the circuits that are out."""
    if_sent: float
    """With a crew sent now, or on its way since it was."""
    if_waiting: float | None
    """…sent at the next check instead; None once a crew is on its way."""
    median_minutes: float
    """From `at` until service is back, a crew being sent now at the latest: as often shorter as longer."""
    p80_minutes: float
    """…which four in five do not exceed."""
    drivers: tuple[Driver, ...] = ()
    """The two that move it most."""


@dataclass(frozen=True, slots=True)
class Ticket:
    id: str
    fault: str
    kind: TicketKind
    state: TicketState
    opened: Instant
    dispatched: Instant | None
    acknowledged: Instant | None
    accepted: Instant | None
    arrived: Instant | None
    restored: Instant | None
    returned: Instant | None
    closed: Instant | None
    skill: str
    team: str
    reason: str
    """Why it was sent now, or why it is still watched."""
    deadline: Instant | None
    """The earliest deadline of the outages that it covers."""
    circuits: tuple[str, ...]
    merged_into: str | None = None
    breach_probability: float | None = None
    clocks: tuple[Clock, ...] = ()
    """Customer's, crew's and facility's side by side."""
    pauses: tuple[Pause, ...] = ()
    outlook: Outlook | None = None
    """As things stand."""
    outlook_sent: Outlook | None = None
    """As it was when the crew was sent: what it was worth shows in the end."""
    cause: str = ""
    """What it was taken for when the crew was sent, or until now, in the words of the priors."""
    found: str = ""
    """What the returned slip says that it was, in the same words."""
    area: str = ""
    """`city` or `suburb`, where the work is; empty for unknown."""
    ahead: int = 0
    """Orders that the team had open already when this one was sent to it."""
    battery_end: Instant | None = None
    """When the battery of the site is used up, whose mains are away: an earlier deadline."""
    generator_proposed: Instant | None = None
    generator_ordered: Instant | None = None
    """By a person."""
    withheld: bool = False
    """Held off a little longer by lot, to see what would heal."""
    braked: bool = False
    """It would be sent, but so many were lately that a person must look first, who says so by acknowledging it."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """Where a circuit stands now."""

    circuit: str
    state: ServiceState
    since: Instant
    assurance: str
    fault: str = ""

    @property
    def id(self) -> str:
        return self.circuit


@dataclass(frozen=True, slots=True)
class DeviceState:
    """Two verdicts that never stand for one another."""

    device: str
    reachable: State
    """ICMP."""
    agent: State
    """SNMP."""
    since: Instant

    @property
    def id(self) -> str:
        return self.device


@dataclass(frozen=True, slots=True)
class Window:
    """A planned-work window as it stands."""

    id: str
    announced: Instant
    start: Instant
    end: Instant
    scope: tuple[Scope, ...]
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """A fact that could be read but not used: an id that the ledger lacks, say."""

    id: str
    at: Instant
    what: str


Row: TypeAlias = Alarm | Fault | Outage | Exposure | Unknown | Ticket | CircuitState | DeviceState | Window | Problem
