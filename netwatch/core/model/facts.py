"""All that can enter the engine. People's acts are facts like any other, so that a recorded night can be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from netwatch.core.time import Instant


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
