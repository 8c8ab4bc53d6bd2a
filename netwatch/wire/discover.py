"""Discovery: which devices answer in the ranges that somebody named, and how LLDP says that they are connected.

It proposes rows for the resource ledger and writes nothing. Addresses outside the ranges are never asked: neighbours
that stand there are only told.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netwatch.core.ports import normal
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Read, Reader
from netwatch.wire.snmp import Budget, Credential, NoAnswerError, Oid, Snmp, SnmpError, Target, oid

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Row: TypeAlias = dict[str, str]

LARGEST = 1 << 16
"""Addresses in all ranges together that are asked without a second word: a /16."""

_LOOK = ("if_mib", "lldp")
"""What is read of each device: its ports and its neighbours. All else is for polling."""


def ranges(texts: Iterable[str]) -> list[Network]:
    """`192.0.2.0/24`, `192.0.2.7`, `2001:db8::/120`. Raises ValueError in words."""
    out: list[Network] = []
    for text in texts:
        try:
            out.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise ValueError(f'"{text}" is no range of addresses; e.g. 192.0.2.0/24 or 192.0.2.7') from None
    return list(_without_overlaps(out))


def size(networks: Iterable[Network]) -> int:
    return sum(network.num_addresses for network in networks)


def _without_overlaps(networks: Iterable[Network]) -> Iterator[Network]:
    yield from ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))
    yield from ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network))


def _addresses(networks: Iterable[Network]) -> Iterator[str]:
    """Host addresses: a network's own address and its broadcast address are nobody's."""
    for network in networks:
        for address in network.hosts():
            yield str(address)


@dataclass(frozen=True)
class Habits:
    """How addresses are asked."""

    port: int = 161
    timeout: float = 1.0
    """Seconds for one answer."""
    retries: int = 1
    concurrency: int = 64
    """Addresses at once."""


@dataclass(frozen=True)
class Found:
    """One agent that answered."""

    address: str
    read: Read

    @property
    def same(self) -> tuple[object, ...]:
        """Routers answer at each of their addresses: what tells the same of itself is one device."""
        ports = tuple(str(row.get("name")) for row in self.read.lists.get("ports", []))
        return (self.read.name, self.read.object_id, ports) if self.read.name and ports else (self.address,)


@dataclass
class Proposal:
    """Rows as the ledger has them; `notes` are for people."""

    devices: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)
    ports: list[Row] = field(default_factory=list)
    neighbours: list[Row] = field(default_factory=list)
    """Neighbours that did not answer in the ranges, with where they were heard."""
    notes: list[str] = field(default_factory=list)


async def look(
    snmp: Snmp,
    profiles: Profiles,
    targets: Iterator[tuple[str, Target]],
    *,
    concurrency: int = 64,
    answered: Callable[[str, Read], None],
    failed: Callable[[str, SnmpError], None],
) -> None:
    """Ask each of `targets` (what to call it, where it is) for its ports and neighbours, and nothing else."""
    looking = Profiles({name: profile for name, profile in profiles.families.items() if name in _LOOK})
    reader = Reader(snmp, looking)

    async def work() -> None:
        for name, target in targets:  # one iterator for all workers: never a list of a /16
            try:
                answered(name, await reader.read(target, Budget(2_000, 60.0)))
            except SnmpError as error:
                failed(name, error)

    async with asyncio.TaskGroup() as workers:
        for _ in range(concurrency):
            workers.create_task(work())


async def sweep(
    snmp: Snmp,
    profiles: Profiles,
    networks: Sequence[Network],
    credential: Credential,
    habits: Habits = Habits(),
    progress: Callable[[int, int], None] = lambda _asked, _found: None,
) -> tuple[list[Found], list[str]]:
    """Ask every address in `networks`; (what answered in order of address, problems)."""
    found: list[Found] = []
    problems: list[str] = []
    asked = 0

    def answered(address: str, read: Read) -> None:
        nonlocal asked
        asked += 1
        found.append(Found(address, read))
        progress(asked, len(found))

    def failed(address: str, error: SnmpError) -> None:
        nonlocal asked
        asked += 1
        if not isinstance(error, NoAnswerError):
            problems.append(f"{address}: {error}")
        progress(asked, len(found))

    targets = (
        (it, Target(it, credential, habits.port, timeout=habits.timeout, retries=habits.retries))
        for it in _addresses(networks)
    )
    await look(snmp, profiles, targets, concurrency=habits.concurrency, answered=answered, failed=failed)
    found.sort(key=lambda one: ipaddress.ip_address(one.address).packed)
    return found, sorted(problems)


def propose(found: Sequence[Found], profiles: Profiles, credential: str = "") -> Proposal:
    """Rows for what was found. `credential` is the name that the ledger shall give."""
    out = Proposal()
    devices: dict[tuple[object, ...], str] = {}
    reads: dict[str, Found] = {}
    for one in found:
        if (known := devices.get(one.same)) is not None:
            out.notes.append(f"{known} also answers at {one.address}")
            continue
        name = one.read.name or one.address
        device = name if name not in reads else f"{name}-{one.address}"
        devices[one.same], reads[device] = device, one
        out.devices.append(
            {
                "device": device,
                "name": one.read.name,
                "role": "",
                "vendor": _vendor(one.read, profiles),
                "site": "",
                "address": one.address,
                "credential": credential,
                "managed": "yes",
            }
        )
        for row in one.read.lists.get("ports", []):
            words = ("name", "alias", "admin", "oper")
            out.ports.append({"device": device} | {key: str(row.get(key) or "") for key in words})
        out.notes += [f"{device}: {problem}" for problem in one.read.problems]
    _links(out, reads)
    return out


def _vendor(read: Read, profiles: Profiles) -> str:
    """The first word of the family that knows its sysObjectID: `huawei` of huawei_vrp."""
    try:
        who: Oid = oid(read.object_id)
    except ValueError:
        return ""
    own = [name for name, profile in profiles.suiting(who, read.descr).items() if profile.sys_object_id]
    return own[0].partition("_")[0] if own else ""


def _links(out: Proposal, reads: dict[str, Found]) -> None:
    called: dict[str, str] = {}
    for device, one in reads.items():
        for word in (device, one.read.name, one.address):
            called.setdefault(word.lower(), device)
    ends: dict[frozenset[tuple[str, str]], Row] = {}
    for device, one in reads.items():
        for row in one.read.lists.get("neighbours", []):
            local, far, far_port = (str(row.get(k) or "") for k in ("local_port", "remote_device", "remote_port"))
            # sysName with or without the domain: only where that is clear
            other = called.get(far.lower()) or called.get(far.lower().partition(".")[0])
            if other is None:
                out.neighbours.append({"device": device, "port": local, "remote_device": far, "remote_port": far_port})
                continue
            far_port = spelt(reads[other].read, far_port, str(row.get("remote_port_descr") or ""))
            pair = frozenset({(device, normal(local)), (other, normal(far_port))})
            ends.setdefault(pair, {"a_device": device, "a_port": local, "z_device": other, "z_port": far_port})
    for n, row in enumerate(ends.values(), 1):
        out.links.append({"link": f"L-{n}", **row, "medium": "", "cable": "", "cores": ""})


def spelt(far: Read, *names: str) -> str:
    """The far port as the far device itself calls it: LLDP may tell a name, an alias or a number."""
    ports = far.lists.get("ports", [])
    for name in names:
        for row in ports:
            if name and normal(name) in {normal(str(row.get(k) or "")) for k in ("name", "descr")}:
                return str(row["name"])
    for row in ports:
        if names[0] and names[0] in (str(row.get("alias") or ""), str(row.get("index") or "")):
            return str(row["name"])
    return next((name for name in names if name), "")
