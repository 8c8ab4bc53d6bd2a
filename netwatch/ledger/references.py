"""What the tables say about one another: ids that lead nowhere, routes that do not hang together.

Wrong references are errors: a wrong route sends a crew to the wrong place. What is merely
not known is a warning, told once a column with its count and not ten thousand times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netwatch.config import Config
from netwatch.core.consistent import ONE_A_PORT, consistent
from netwatch.core.model import Circuit, Customer, Device, Ledger, Link, Medium, Port, Role, Site, Team
from netwatch.core.ports import normal
from netwatch.findings import Finding, did_you_mean
from netwatch.ledger.columns import plain, shown
from netwatch.ledger.rows import Part

_BUDGET = 400_000
"""Ids compared for "did you mean" in one ledger: a whole column gone wrong must not take minutes."""


@dataclass
class Parts:
    sites: Part[Site]
    devices: Part[Device]
    links: Part[Link]
    customers: Part[Customer]
    circuits: Part[Circuit]
    teams: Part[Team]


def check(parts: Parts) -> Iterator[Finding]:
    """Every finding about references, file by file."""
    names = _Names()
    yield from _devices(parts, names)
    yield from _links(parts, names)
    yield from _circuits(parts, names)
    yield from _overlays(parts.circuits)
    yield from _teams(parts)


class _Names:
    """Hints for ids that lead nowhere."""

    def __init__(self) -> None:
        self._left = _BUDGET
        self._plain: dict[int, dict[str, str]] = {}
        self._unread: set[tuple[str, str]] = set()

    def missing(self, part: Part[Any], id_: str, column: str, name: str, target: Part[Any]) -> Iterator[Finding]:
        """The cell of row `id_` names something that is not in `target`."""
        what = f"there is no {target.table.key.name} {shown(name)}"
        cure = self._hint(name, target) or f"add it to {target.table.name}, or correct it here"
        if not target.read:  # the whole table is lost: that is one problem, not one a row
            if (part.table.name, column) in self._unread:
                return
            self._unread.add((part.table.name, column))
            cure = f"{target.table.name} could not be read"
        yield Finding(part.at(id_, column), what, cure)

    def _hint(self, id_: str, target: Part[Any]) -> str:
        if any(c in id_ for c in ",;、，；|/") and any(piece in target.entities for piece in _pieces(id_)):
            return "lists are separated by spaces"
        index = self._plain.get(id(target))
        if index is None:
            index = self._plain[id(target)] = {plain(known): known for known in target.entities}
        if near := index.get(plain(id_)):
            return f'did you mean "{near}"?'
        likely = [known for known in target.entities if abs(len(known) - len(id_)) <= 2 and known[:1] == id_[:1]]
        if len(likely) > self._left:
            return ""
        self._left -= len(likely)
        return did_you_mean(id_, likely)


def _pieces(text: str) -> list[str]:
    for separator in ";、，；|/":
        text = text.replace(separator, ",")
    return text.split(",")


def _gap(part: Part[Any], ids: list[str], column: str, what: str, cure: str) -> Iterator[Finding]:
    """One warning for everything that lacks the same thing."""
    ids = [id_ for id_ in ids if id_ not in part.bad]
    if not ids:
        return
    more = f" (and {len(ids) - 1:,} more, e.g. {' '.join(ids[1:4])})" if len(ids) > 1 else ""
    yield Finding(part.at(ids[0], column), f"{ids[0]} {what}{more}", cure, warning=True)


def _devices(parts: Parts, names: _Names) -> Iterator[Finding]:
    part = parts.devices
    seen: dict[str, str] = {}
    hanging = {end for link in parts.links.entities.values() if link.medium is Medium.PON for end in _ends(link)}
    no_address, no_feeder = [], []
    for id_, device in part.entities.items():
        if device.site and device.site not in parts.sites.entities:
            yield from names.missing(part, id_, "site", device.site, parts.sites)
        if device.address:
            if (other := seen.setdefault(device.address, id_)) != id_:
                what = f"{id_} has the address of {other}: traps from it will be taken for {other}'s"
                yield Finding(part.at(id_, "address"), what, warning=True)
        elif device.role is Role.ONU:
            if id_ not in hanging and parts.links.read:
                no_feeder.append(id_)
        elif device.managed:
            no_address.append(id_)
    yield from _gap(
        part, no_address, "address", "is managed and has no address: never polled", "give it one, or managed = no"
    )
    yield from _gap(
        part,
        no_feeder,
        "device",
        "is an ONU without a PON link: never heard",
        "add a link with medium pon from its OLT",
    )


def _ends(link: Link) -> tuple[str, str]:
    return link.a.device, link.z.device


def _links(parts: Parts, names: _Names) -> Iterator[Finding]:
    part, devices = parts.links, parts.devices.entities
    taken: dict[tuple[str, str], str] = {}
    no_cores = []
    for id_, link in part.entities.items():
        for end, column in ((link.a, "a"), (link.z, "z")):
            if not end.device:
                continue
            if end.device not in devices:
                yield from names.missing(part, id_, f"{column}_device", end.device, parts.devices)
            elif end.name and link.medium in ONE_A_PORT:
                other = taken.setdefault((end.device, normal(end.name)), id_)
                if other != id_:
                    what = f"{id_} is on the port of {other}: {end}"
                    yield Finding(part.at(id_, f"{column}_port"), what, "one port has one link", warning=True)
        if link.a.device and link.a.device == link.z.device:
            if link.a.name and normal(link.a.name) == normal(link.z.name):
                yield Finding(part.at(id_, "z_port"), f"{id_} leads from {link.a} to itself", "name the far end")
            else:
                what = f"{id_} begins and ends at {link.a.device}"
                yield Finding(part.at(id_, "z_device"), what, "name the far end", warning=True)
        if link.cables and link.cores is None and link.medium is Medium.FIBRE:
            no_cores.append(id_)
    yield from _gap(
        part, no_cores, "cores", "runs through a cable of unknown cores", "the strictest limit applies to it"
    )


def _circuits(parts: Parts, names: _Names) -> Iterator[Finding]:
    part = parts.circuits
    for circuit in part.entities.values():
        yield from _circuit(parts, circuit, names)
    level = {id_: customer.level for id_, customer in parts.customers.entities.items()}
    circuits = part.entities.values()
    ids = [c.id for c in circuits if not c.customer]
    yield from _gap(part, ids, "customer", "has no customer", "")
    ids = [c.id for c in circuits if not c.assurance and level.get(c.customer)]
    yield from _gap(part, ids, "assurance", "has no class: it follows from the customer's level", "")
    ids = [c.id for c in circuits if not c.assurance and not level.get(c.customer)]
    cure = "give it an assurance, or its customer a level; until then the default of rules/sla.toml applies"
    yield from _gap(part, ids, "assurance", "has neither a class nor a customer's level", cure)
    ids = [c.id for c in circuits if not (c.working or c.protecting or c.over)]
    cure = "give it a working route, or the circuit that carries it"
    yield from _gap(part, ids, "working", "has no route: only a complaint can speak for it", cure)


def _circuit(parts: Parts, circuit: Circuit, names: _Names) -> Iterator[Finding]:
    part, links = parts.circuits, parts.links.entities
    lost = False
    if circuit.customer and circuit.customer not in parts.customers.entities:
        yield from names.missing(part, circuit.id, "customer", circuit.customer, parts.customers)
    for end, column in ((circuit.a, "a_device"), (circuit.z, "z_device")):
        if end.device and end.device not in parts.devices.entities:
            lost = True
            yield from names.missing(part, circuit.id, column, end.device, parts.devices)
    for route, column in ((circuit.working, "working"), (circuit.protecting, "protecting")):
        for name in route:
            if name not in links:
                lost = True
                yield from names.missing(part, circuit.id, column, name, parts.links)
    # A route through what is wrong already is not called broken a second time.
    if not lost and all(end in parts.devices.entities for name in _route(circuit) for end in _ends(links[name])):
        yield from _routes(part, circuit, links)
    if circuit.over and circuit.over not in part.entities:
        yield from names.missing(part, circuit.id, "over", circuit.over, part)


def _route(circuit: Circuit) -> tuple[str, ...]:
    return circuit.working + circuit.protecting


def _routes(part: Part[Circuit], circuit: Circuit, links: Mapping[str, Link]) -> Iterator[Finding]:
    for route, column in ((circuit.working, "working"), (circuit.protecting, "protecting")):
        if not route:
            continue
        what, cure = _breaks([links[name] for name in route], circuit.a, circuit.z)
        if what:
            yield Finding(part.at(circuit.id, column), f"{circuit.id}: {what}", cure, warning=True)
    if circuit.protecting and not circuit.working:
        what = f"{circuit.id} has a protecting route and no working one"
        yield Finding(part.at(circuit.id, "working"), what, "a single route is the working one", warning=True)
    elif circuit.protecting and set(circuit.protecting) == set(circuit.working):
        what = f"{circuit.id} is protected by its working route itself"
        yield Finding(part.at(circuit.id, "protecting"), what, "leave it empty: it is unprotected", warning=True)


def _breaks(route: list[Link], a: Port, z: Port) -> tuple[str, str]:
    """Where a route does not lead from a to z: (what, cure), empty when it does."""
    if len({link.id for link in route}) < len(route):
        twice = next(link.id for n, link in enumerate(route) if link in route[:n])
        return f"passes {twice} twice", "name each link once"
    problem = _walk(route, a.device, z.device)
    if problem and (a.device or z.device) and not _walk(route, z.device, a.device):
        return "is written from Z to A", "turn it round"
    return problem, "links stand in order from A to Z" if problem else ""


def _walk(route: list[Link], a: str, z: str) -> str:
    at = {a} if a else set(_ends(route[0]))
    before = a or ""
    for link in route:
        ends = _ends(link)
        beyond = {ends[1 - n] for n in (0, 1) if ends[n] in at}
        if not beyond:
            return f"{link.id} ({ends[0]} to {ends[1]}) does not touch {before}"
        at, before = beyond, " or ".join(sorted(beyond))
    return f"ends at {before} and not at {z}" if z and z not in at else ""


def _overlays(part: Part[Circuit]) -> Iterator[Finding]:
    """Circles of `over`: each told once, at its first row."""
    done: set[str] = set()
    for start in part.entities:
        path: dict[str, None] = {}
        at = start
        while at and at in part.entities and at not in done and at not in path:
            path[at] = None
            at = part.entities[at].over
        if at in path:
            members = list(path)
            circle = members[members.index(at) :]
            what = f"carries itself: {' over '.join([*circle, at])}"
            yield Finding(part.at(at, "over"), what, "name the circuit that really carries it")
        done.update(path)


def _teams(parts: Parts) -> Iterator[Finding]:
    part = parts.teams
    regions = {site.region for site in parts.sites.entities.values() if site.region}
    idle = []
    for id_, team in part.entities.items():
        if not team.skills:
            idle.append(id_)
        for region in sorted(team.regions - regions) if regions else ():
            what, cure = f"no site is in region {shown(region)}", did_you_mean(region, regions)
            yield Finding(part.at(id_, "regions"), what, cure, warning=True)
    yield from _gap(part, idle, "skills", "has no skill: never sent", "name its skills")


def readings(parts: Parts, ledger: Ledger) -> Iterator[Finding]:
    """What cannot be as it is written, and how it is read until somebody corrects it."""
    read = consistent(ledger)
    for again, link in read.same.items():
        what, cure = f"{again} joins the same two ports as {link}", f"read as {link} until one of the two is deleted"
        yield Finding(parts.links.at(again, "link"), what, cure, warning=True)
    for id_ in read.turned[:1]:
        it, more = read.ledger.links[id_], f" (and {len(read.turned) - 1:,} more)" if read.turned[1:] else ""
        what = f"{id_} is on taken ports, and with the two exchanged it would not be: {it.a} and {it.z}{more}"
        yield Finding(parts.links.at(id_, "a_port"), what, "read so until it is corrected", warning=True)
    for id_, circuits in read.missing.items():
        one, other = _ends(read.ledger.links[id_])
        more = f" (and {len(circuits) - 1:,} more)" if len(circuits) > 1 else ""
        what = f"{circuits[0]} leads from {one} to {other}, which no link joins{more}"
        cure = f"read as if a link {id_} did until it is added to links, with its ports and cables"
        yield Finding(parts.circuits.at(circuits[0], "working"), what, cure, warning=True)


def configured(parts: Parts, config: Config, *, warning: bool) -> Iterator[Finding]:
    """Names that the configuration should know: credentials, channels, the vantage. Each told once."""
    named: dict[tuple[str, str], list[str]] = {}
    for id_, device in parts.devices.entities.items():
        if device.credential and device.credential not in config.credentials:
            named.setdefault(("credentials", device.credential), []).append(parts.devices.at(id_, "credential"))
    for id_, team in parts.teams.entities.items():
        for name in team.channels:
            if name not in config.channels:
                named.setdefault(("channels", name), []).append(parts.teams.at(id_, "channel"))
    for (table, name), places in named.items():
        more = f", nor for {len(places) - 1:,} more rows" if len(places) > 1 else ""
        what = f"there is no [{table}.{name}] in the configuration{more}"
        cure = did_you_mean(name, getattr(config, table)) or f"add [{table}.{name}] to config.toml"
        yield Finding(places[0], what, cure, warning)
    vantage = config.site.vantage
    if vantage and vantage not in parts.devices.entities:
        cure = did_you_mean(vantage, parts.devices.entities) or "name a device of the ledger"
        yield Finding(f"{config.place}: site.vantage", f"there is no device {shown(vantage)}", cure, warning)
