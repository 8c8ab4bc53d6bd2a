"""What NetWatch is told about the network and its customers: `Site` … `Ledger`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property


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
