"""The words of NetWatch: what the network is, what is heard, what is decided.

Three groups, in the order in which a fact travels:

* **Ledger** (`Site` … `Ledger`): what we are told about network and customers.
* **Facts** (`Observation` … `Tick`): all that can enter the engine. People's acts are
  facts like any other, so that a recorded night can be replayed.
* **Rows, entries, effects** (`Alarm` … `Effect`): what a `Decision` consists of.

Everything is frozen; a changed thing is a new value. Times are `Instant` (microseconds).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from netwatch.core.time import Instant

# ---------------------------------------------------------------- the ledger


class Role(StrEnum):
    """What a device is for; decides who may be sent (demarcation)."""

    CORE = "core"
    AGGREGATION = "aggregation"
    ACCESS = "access"
    OLT = "olt"
    ONU = "onu"
    TRANSMISSION = "transmission"
    CPE = "cpe"
    CONVERTER = "converter"
    POWER = "power"


class Medium(StrEnum):
    FIBRE = "fibre"
    COPPER = "copper"
    MICROWAVE = "microwave"
    PON = "pon"
    WAVELENGTH = "wavelength"
    LOGICAL = "logical"


class Product(StrEnum):
    INTERNET = "internet"
    DATA = "data"
    VOICE = "voice"
    VPN = "vpn"
    APN = "apn"
    IPSHOP = "ipshop"


class Skill(StrEnum):
    CABLE = "cable"
    TRANSPORT = "transport"
    DATA = "data"
    ACCESS = "access"
    VOICE = "voice"
    POWER = "power"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    name: str = ""
    region: str = ""
    area: str = ""
    """`city`, `suburb` or empty for unknown."""
    power_feed: str = ""
    battery_minutes: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    id: str
    name: str = ""
    role: Role = Role.ACCESS
    vendor: str = ""
    site: str = ""
    address: str = ""
    """Management address. Empty: never polled by itself (an ONU is heard through its OLT)."""
    credential: str = ""
    managed: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """One end of a link, as the ledger writes it."""

    device: str
    name: str

    def __str__(self) -> str:
        return f"{self.device} {self.name}"


@dataclass(frozen=True, slots=True)
class Link:
    id: str
    a: Port
    z: Port
    medium: Medium = Medium.FIBRE
    cables: tuple[str, ...] = ()
    cores: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str = ""
    level: str = ""
    """diamond, gold, silver, bronze, standard; a string, for sites may add their own."""
    important: bool = False
    manager: str = ""
    contact: str = ""
    phone: str = ""
    language: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circuit:
    id: str
    customer: str = ""
    product: str = ""
    assurance: str = ""
    """AAA, AA, A, standard or empty; a string of the policy, never a code constant."""
    bandwidth_mbps: float | None = None
    scope: str = ""
    a: Port = Port("", "")
    z: Port = Port("", "")
    """The two ends. A port name may be empty: the device is known, its port is not."""
    working: tuple[str, ...] = ()
    protecting: tuple[str, ...] = ()
    """Links in order; no protecting route = unprotected."""
    over: str = ""
    """The circuit that carries this overlay service."""
    in_service: date | None = None
    """The first local day with service; None: since before anybody watched."""
    ceased: date | None = None
    """The first local day without."""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    company: str = ""
    """The outsourced company (代维); empty for the carrier's own people."""
    skills: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    leader: str = ""
    phone: str = ""
    channels: tuple[str, ...] = ()
    licences: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """The whole resource ledger. Ids are the carrier's own strings."""

    sites: Mapping[str, Site] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    circuits: Mapping[str, Circuit] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)

    @cached_property
    def by_address(self) -> Mapping[str, str]:
        """Management address → device id; how a trap's source is recognised."""
        return {d.address: d.id for d in self.devices.values() if d.address}

    @cached_property
    def cables(self) -> Mapping[str, tuple[str, ...]]:
        """Cable → the links that run through it, in the ledger's order."""
        out: dict[str, list[str]] = {}
        for link in self.links.values():
            for cable in link.cables:
                out.setdefault(cable, []).append(link.id)
        return {k: tuple(v) for k, v in out.items()}


# ---------------------------------------------------------------- facts


class Condition(StrEnum):
    """The neutral vocabulary of trouble; what `bad` means is in the journal contract."""

    REACHABLE = "reachable"
    AGENT = "agent"
    LINK = "link"
    ADMIN = "admin"
    LOS = "los"
    OPTICAL = "optical"
    ERRORS = "errors"
    PROTECTION = "protection"
    DYING_GASP = "dying_gasp"
    ONU = "onu"
    MAINS = "mains"
    BATTERY = "battery"
    SUPPLY = "supply"
    HARDWARE = "hardware"
    TEMPERATURE = "temperature"
    FAN = "fan"
    ADJACENCY = "adjacency"
    LOSS = "loss"
    LATENCY = "latency"
    AIS = "ais"
    RDI = "rdi"
    REBOOT = "reboot"


class State(StrEnum):
    BAD = "bad"
    OK = "ok"
    UNKNOWN = "unknown"


class Source(StrEnum):
    POLL = "poll"
    TRAP = "trap"
    SYSLOG = "syslog"
    CLI = "cli"
    PING = "ping"
    PROBE = "probe"


class Action(StrEnum):
    ACK = "ack"
    ACCEPT = "accept"
    REJECT = "reject"
    DEPART = "depart"
    ARRIVE = "arrive"
    RESTORE = "restore"
    PAUSE = "pause"
    RESUME = "resume"
    RETURN = "return"
    CLOSE = "close"
    GENERATOR = "generator"
    """A person orders the generator that was proposed for a site on battery."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact from equipment, in neutral terms."""

    at: Instant
    """When NetWatch heard it. Decides everything."""
    device: str
    component: str
    """Port, `PORT/ONU`, supply, sensor; empty for the device itself."""
    condition: Condition
    state: State
    source: Source
    occurred: Instant | None = None
    """The equipment's own clock; evidence only, may be hours wrong."""
    value: str = ""
    """What was read, for people; never decides."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The customer's word."""

    at: Instant
    circuit: str
    channel: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that planned work touches: kind is device, link, cable, circuit or site."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A planned-work window. A later one with the same id replaces it."""

    at: Instant
    id: str
    announced: Instant
    start: Instant
    end: Instant
    scope: tuple[Scope, ...]
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """An act of a person on the ticket that covers the named circuits."""

    at: Instant
    circuits: tuple[str, ...]
    action: Action
    by: str = ""
    reason: str = ""
    since: Instant | None = None
    approved_by: str = ""
    evidence: str = ""
    """What bears it out: a photo's name, a call's number. Kept, never decides."""
    ticket: str = ""
    """Names the ticket where it covers no circuit, as that of mains that failed without loss."""


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """A circuit changes from `at` on: its assurance class, customer, product."""

    at: Instant
    circuit: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Vantage:
    """The device through which the monitoring reaches the network."""

    at: Instant
    device: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What past faults taught: the forecast decides by it from `at` on. A fact like any other, so that what was decided
    by it can be decided again."""

    at: Instant
    parameters: str
    """JSON of a `core.forecast.experience.Experience`."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Only moves time; so does every other fact."""

    at: Instant


Fact: TypeAlias = Observation | Complaint | Maintenance | Work | LedgerChange | Vantage | Learnt | Tick

# ---------------------------------------------------------------- decisions


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the decision journal: what was decided about what, and why."""

    at: Instant
    kind: str
    """`fault.opened`, `outage.started`, `ticket.dispatched`, `act.refused` …"""
    subject: str
    """The id of the fault, ticket, circuit or alarm."""
    reason: str
    data: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something promised to the outside world. Sending it twice must be harmless: `key` is ours."""

    key: str
    audience: str
    """`noc`, `team:TEAM-ID`, or `duty:NAME` of the escalation ladder."""
    template: str
    """Name of the message: `ticket.dispatched`, `ticket.closed`, `noc.blind` …"""
    at: Instant
    subject: str
    """The ticket or fault that it is about."""
    data: Mapping[str, str | int | float | bool | tuple[str, ...] | None] = field(default_factory=dict)
    """Facts for the template. No customer name or contact is ever in here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that follows from a batch of facts. Committed whole or not at all."""

    now: Instant
    facts: tuple[Fact, ...]
    """The facts worth keeping: those that changed what the engine knows. Together with the
    last snapshot they rebuild it; repeats that changed nothing are left out."""
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    effects: tuple[Effect, ...]

    @property
    def empty(self) -> bool:
        return not (self.facts or self.rows or self.entries or self.effects)


def index(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """The latest row of each (type name, id): how a current view is folded from decisions."""
    return {(type(row).__name__, row.id): row for row in rows}
