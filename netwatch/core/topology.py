"""The ledger as a graph: what hangs on what, and what cuts what off.

`Network` answers in time that depends on the neighbourhood asked about, not on the size of
the network: a fault of fixed size costs the same in a city and in a province.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from netwatch.core.consistent import consistent
from netwatch.core.model import Circuit, Ledger, Link, Medium, Port, Role
from netwatch.core.ports import normal
from netwatch.core.sla import Line, line_of

LEAVES = frozenset({Role.CPE, Role.ONU})
"""Customers' equipment carries nobody else's traffic, not even ours to its neighbours."""


Part: TypeAlias = tuple[str, str]
"""What a circuit needs: ("link", L), ("device", D) or ("port", "DEVICE PORT")."""


@dataclass(frozen=True, slots=True)
class Route:
    """What must work for one route of a circuit."""

    links: tuple[str, ...]
    devices: tuple[str, ...]
    ports: tuple[Port, ...]
    """The customer-facing ports at both ends that are no end of a link."""
    parts: tuple[Part, ...]
    """All of these, ports in their comparable form: see `part_of`."""


class Network:
    """The graph of one ledger, with the indexes that the core asks for."""

    def __init__(self, ledger: Ledger) -> None:
        reading = consistent(ledger)
        self.ledger = ledger = reading.ledger
        self.missing = reading.missing.keys()
        """Links that the ledger lacks and its routes need."""
        self._same = reading.same
        self._towards: Towards | None = None
        self._routes: dict[tuple[str, bool], Route] = {}
        self._through: dict[str, frozenset[str]] = {}
        self.polled = frozenset(d.id for d in ledger.devices.values() if d.managed and d.role is not Role.ONU)
        self._read_links()
        self.site_devices = _grouped((d.site, d.id) for d in ledger.devices.values())
        self.feed_sites = _grouped((s.power_feed, s.id) for s in ledger.sites.values())
        self.overlays = _grouped((c.over, c.id) for c in ledger.circuits.values())
        self._by_link: dict[str, list[str]] = {}
        self._by_device: dict[str, list[str]] = {}
        self._by_port: dict[tuple[str, str], list[str]] = {}
        for circuit in ledger.circuits.values():
            self._index(circuit)
        self.cables = ledger.cables  # made now, not in the first fault; so are the lines
        kinds: dict[Line, Line] = {}
        self.lines = {c.id: kinds.setdefault(line := line_of(c, ledger), line) for c in ledger.circuits.values()}
        """Circuit → all that its limits hang on. Those of a kind are one object."""

    def _read_links(self) -> None:
        self._ports: dict[tuple[str, str], list[str]] = {}
        self._spelled: dict[tuple[str, str], str] = {}
        self.links_of: dict[str, list[str]] = {d: [] for d in self.ledger.devices}
        nameless: set[str] = set()
        for link in self.ledger.links.values():
            for end in (link.a, link.z):
                self.links_of.setdefault(end.device, []).append(link.id)
                if not end.name:
                    nameless.add(end.device)
                    continue
                key = (end.device, normal(end.name))
                self._ports.setdefault(key, []).append(link.id)
                self._spelled.setdefault(key, end.name)
        for circuit in self.ledger.circuits.values():
            for end in (circuit.a, circuit.z):
                if end.name:
                    self._spelled.setdefault((end.device, normal(end.name)), end.name)
        self.nameless = nameless & self.polled
        """Devices that tell of their ports and have a link whose port there is not known."""

    def _index(self, circuit: Circuit) -> None:
        routes = self.routes(circuit)
        for link in {i for r in routes for i in r.links}:
            self._by_link.setdefault(link, []).append(circuit.id)
        for device in {i for r in routes for i in r.devices}:
            self._by_device.setdefault(device, []).append(circuit.id)
        for port in {p for r in routes for p in r.ports}:
            self._by_port.setdefault((port.device, normal(port.name)), []).append(circuit.id)

    # ------------------------------------------------------------ names

    def links_at(self, device: str, component: str) -> list[str]:
        """The links that end at a port; several at a PON port, none at a customer's port."""
        return self._ports.get((device, normal(component)), [])

    def spelled(self, device: str, component: str) -> str:
        """A component as the ledger writes it; unchanged where the ledger does not know it."""
        return self._spelled.get((device, normal(component)), component) if component else ""

    def link_named(self, name: str) -> str:
        """The link that a name stands for: another, where the ledger has it twice."""
        return self._same.get(name, name)

    def onu_of(self, component: str) -> tuple[str, str] | None:
        """`PORT/ONU` → (port, ONU) when the ledger knows such an ONU."""
        port, slash, name = component.rpartition("/")
        if slash:
            device = self.ledger.devices.get(name)
            if device is not None and device.role in LEAVES:
                return port, name
        return None

    def far(self, link: str, device: str) -> str:
        """The device at the other end."""
        ends = self.ledger.links[link]
        return ends.z.device if ends.a.device == device else ends.a.device

    def ends(self, link: str) -> tuple[str, str]:
        """The devices at both ends."""
        ends = self.ledger.links[link]
        return ends.a.device, ends.z.device

    def end_at(self, link: str, device: str) -> Port:
        """The end of a link at a device."""
        ends = self.ledger.links[link]
        return ends.a if ends.a.device == device else ends.z

    def through(self, link: str) -> frozenset[str]:
        """The devices that a wavelength passes between its ends: where the cables of its way meet, and in the rooms of
        its ends where these begin."""
        if link not in self._through:
            self._through[link] = frozenset(self._passed(self.ledger.links[link]))
        return self._through[link]

    def _passed(self, link: Link) -> Iterable[str]:
        if link.medium is not Medium.WAVELENGTH or not link.cables:
            return
        nodes = [self._lit(cable) for cable in link.cables]
        for these, those in pairwise(nodes):
            yield from these & those
        for end, first in ((link.a.device, nodes[0]), (link.z.device, nodes[-1])):
            room = self.ledger.devices[end].site if end in self.ledger.devices else ""
            if room:
                yield from first.intersection(self.site_devices[room]) - {end}

    def _lit(self, cable: str) -> set[str]:
        """The devices at the ends of the fibres of a cable."""
        links = (self.ledger.links[i] for i in self.cables.get(cable, ()))
        return {end.device for i in links if i.medium is Medium.FIBRE for end in (i.a, i.z)}

    # ------------------------------------------------------------ circuits

    def route(self, circuit_id: str, protecting: bool) -> Route:
        """The working or the protecting route of a circuit, with the devices on it and at its ends."""
        key = (circuit_id, protecting)
        if key not in self._routes:
            self._routes[key] = self._route(self.ledger.circuits[circuit_id], protecting)
        return self._routes[key]

    def _route(self, circuit: Circuit, protecting: bool) -> Route:
        links = tuple(i for i in (circuit.protecting if protecting else circuit.working) if i in self.ledger.links)
        devices = {e.device for e in (circuit.a, circuit.z) if e.device in self.ledger.devices}
        for i in links:
            link = self.ledger.links[i]
            devices |= {link.a.device, link.z.device}
        ports = tuple(e for e in (circuit.a, circuit.z) if e.name and not self.links_at(e.device, e.name))
        parts: list[Part] = [("link", i) for i in links]
        parts += [("device", d) for d in sorted(devices)]
        parts += [part_of(("port", str(p))) for p in ports]
        return Route(links, tuple(sorted(devices)), ports, tuple(parts))

    def routes(self, circuit: Circuit) -> list[Route]:
        """Working, then protecting where there is one."""
        out = [self.route(circuit.id, False)]
        if circuit.protecting:
            out.append(self.route(circuit.id, True))
        return out

    def over_link(self, link: str) -> list[str]:
        return self._by_link.get(link, [])

    def over_device(self, device: str) -> list[str]:
        return self._by_device.get(device, [])

    def over_port(self, device: str, component: str) -> list[str]:
        return self._by_port.get((device, normal(component)), [])

    def over_part(self, part: Part) -> list[str]:
        """The circuits that a part belongs to."""
        kind, name = part
        if kind == "link":
            return self.over_link(name)
        if kind == "device":
            return self.over_device(name)
        device, _, port = name.partition(" ")
        return self.over_port(device, port)

    def with_overlays(self, circuits: Iterable[str]) -> set[str]:
        """These circuits and all that rides on them."""
        out = set(circuits)
        todo = [c for c in out if c in self.overlays] if self.overlays else []
        while todo:
            for rider in self.overlays.get(todo.pop(), ()):
                if rider not in out:
                    out.add(rider)
                    todo.append(rider)
        return out

    # ------------------------------------------------------------ reach

    def vantages(self, vantage: str) -> tuple[str, ...]:
        """Where we stand: the named device, or, unnamed, the cores (failing these, the aggregation)."""
        if vantage in self.ledger.devices:
            return (vantage,)
        for role in (Role.CORE, Role.AGGREGATION):
            found = tuple(sorted(d.id for d in self.ledger.devices.values() if d.role is role))
            if found:
                return found
        return ()

    def depth(self, vantage: str) -> dict[str, int]:
        """Hops from where we stand in the whole network: a sense of direction for searches."""
        return self.towards(vantage).depth

    def towards(self, vantage: str) -> Towards:
        """The ways to where we stand. Made once for a vantage: it walks the whole network."""
        if self._towards is None or self._towards.vantage != vantage:
            self._towards = Towards(self, vantage)
        return self._towards


def part_of(part: Part) -> Part:
    """A part in the form in which routes name it: a port's name as it compares, not as somebody wrote it."""
    kind, name = part
    if kind != "port":
        return part
    device, _, port = name.partition(" ")
    return kind, f"{device} {normal(port)}"


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for key, member in pairs:
        if key:
            out.setdefault(key, []).append(member)
    return out


_FAR = 1 << 20
"""The depth of what no link of the ledger leads to: behind everything else."""


class Towards:
    """A network as it looks from one vantage: how far everything is, and over which links one comes nearer."""

    def __init__(self, network: Network, vantage: str) -> None:
        self.network, self.vantage = network, vantage
        self.roots = network.vantages(vantage)
        self._ways: dict[str, tuple[tuple[str, str], ...]] = {}
        self.depth = dict.fromkeys(self.roots, 0)
        self._spare: frozenset[str] = frozenset(network.missing)
        self._walk(self.roots)
        self._spare = frozenset(i for i in network.missing if self.depth.keys() >= set(network.ends(i)))
        """Guessed links between devices with a written way to us: nobody is thought to be heard through these."""
        self._walk(tuple(self.depth) if network.missing else ())
        self.doors = frozenset(self._find_doors() if self.roots else ())
        """Of each part of the network to which no link leads, the device through which the rest of it is reached."""
        self.beyond = frozenset(self._find_beyond())
        """What is reached through leaves alone: customers' boxes in a row, and what hangs on them."""

    def _walk(self, starts: Iterable[str]) -> None:
        """Find how far all is that hangs together with these."""
        queue = deque(starts)
        while queue:
            at = queue.popleft()
            for link in self.network.links_of.get(at, ()):
                far = self.network.far(link, at)
                if far not in self.depth and link not in self._spare:
                    self.depth[far] = self.depth[at] + 1
                    queue.append(far)

    def _find_doors(self) -> Iterable[str]:
        """Which device of such a part it is nobody has written down: one that carries others, with the most links."""
        links_of = self.network.links_of
        lost = [d for d in links_of if d not in self.depth and links_of[d]]
        for device in sorted(lost, key=lambda d: (not self.passes(d), -len(links_of[d]), d)):
            if device not in self.depth:
                self.depth[device] = _FAR
                self._walk([device])
                yield device

    def _find_beyond(self) -> set[str]:
        near = {*self.roots, *self.doors}
        ahead = list(near)
        while ahead:
            at = ahead.pop()
            for link in self.network.links_of.get(at, ()):
                far = self.network.far(link, at)
                if far not in near:
                    near.add(far)
                    if self.passes(far):
                        ahead.append(far)
        return self.depth.keys() - near

    def shortest(self, device: str) -> frozenset[str]:
        """The links of all shortest ways from a device to us."""
        links: set[str] = set()
        seen, ahead = {device}, [device]
        while ahead:
            at = ahead.pop()
            for link in self.network.links_of.get(at, ()):
                far = self.network.far(link, at)
                if self.depth.get(far, 1 << 30) < self.depth.get(at, 0):
                    links.add(link)
                    if far not in seen:
                        seen.add(far)
                        ahead.append(far)
        return frozenset(links)

    def ways(self, device: str) -> tuple[tuple[str, str], ...]:
        """(link, far device) for each link over which our traffic may pass, the far device nearest to us first.

        Kept, for a customer's neighbours are many and the ways few: a search from one of a hundred customers of an
        access device must not look at the other ninety-nine.
        """
        if device not in self._ways:
            self._ways[device] = tuple(sorted(self._found(device), key=lambda w: (self.depth[w[1]], w)))
        return self._ways[device]

    def _found(self, device: str) -> Iterable[tuple[str, str]]:
        behind, begin = device in self.beyond, (*self.roots, *self.doors)
        for link in self.network.links_of.get(device, ()):
            if link in self._spare:
                continue
            far = self.network.far(link, device)
            # Who is not behind leaves is not heard by way of what is: no customer carries another's traffic.
            if behind or far in begin or (self.passes(far) and far not in self.beyond):
                yield link, far

    def passes(self, device: str) -> bool:
        known = self.network.ledger.devices.get(device)
        return known is None or known.role not in LEAVES


Edge: TypeAlias = frozenset[Part]


class Reach:
    """Who can be heard from the vantage when some links and devices are dead.

    Asked device by device, it searches from the device towards us: through the intact
    network in a few steps, or until the device's island is exhausted. What it learnt of one
    device holds for all that it met on the way.
    """

    def __init__(self, network: Network, vantage: str, links: Collection[str], devices: Collection[str]) -> None:
        self._towards = network.towards(vantage)
        self._links, self._devices = links, devices
        self._depth = self._towards.depth
        self._blind = not self._towards.roots
        self._heard = {*self._towards.roots, *self._towards.doors}
        """Known to be within reach."""
        self._islands: dict[str, Edge] = {}
        """Known not to be, each with what it is cut off by. Those of one island share the very same set."""

    def cut_off(self, device: str) -> bool:
        """True when every path to a device leads through something dead.

        A device that the ledger never connected to us is cut off by what lies between it and the door of its part.
        """
        if self._blind or device not in self._depth or device in self._heard:
            return False
        if device not in self._islands:
            self._search(device)
        return device in self._islands

    def edge(self, device: str) -> Edge:
        """What cuts a device off: the dead ("link"|"device", id) around its island."""
        return self._islands[device] if self.cut_off(device) else frozenset()

    def _search(self, start: str) -> None:
        if self._towards.passes(start) or start in self._towards.beyond:
            self._explore(start)
        else:
            self._ask_around(start)

    def _explore(self, start: str) -> None:
        """Until we are met, or all that hangs together with a device is known to be cut off."""
        towards = self._towards
        seen, stack = {start}, [start]
        edge: set[Part] = set()
        around: list[Edge] = []
        while stack:
            ahead = []
            at = stack.pop()
            leaf = not towards.passes(at) and at not in towards.beyond  # it carries what lies beyond it, and no more
            for link, far in towards.ways(at):
                if (dead := self._dead(link, far)) is not None:
                    edge.add(dead)
                elif far in self._heard:
                    self._heard |= seen
                    return
                elif (island := self._islands.get(far)) is not None:
                    around.append(island)  # it was searched before
                elif leaf and far not in towards.beyond:
                    if not self.cut_off(far):
                        self._heard |= seen
                        return
                    around.append(self._islands[far])
                elif far not in seen:
                    seen.add(far)
                    ahead.append(far)
            stack += reversed(ahead)
        self._cut(seen, edge, around)

    def _ask_around(self, start: str) -> None:
        """Through a customer's device nothing passes: each of its neighbours is cut off, or not, for itself."""
        edge: set[Part] = set()
        around: list[Edge] = []
        for link, far in self._towards.ways(start):
            if (dead := self._dead(link, far)) is not None:
                edge.add(dead)
            elif self.cut_off(far):
                around.append(self._islands[far])
            else:
                self._heard.add(start)
                return
        self._cut({start}, edge, around)

    def _dead(self, link: str, far: str) -> Part | None:
        if link in self._links:
            return "link", link
        return ("device", far) if far in self._devices else None

    def _cut(self, seen: Iterable[str], edge: set[Part], around: list[Edge]) -> None:
        island = around[0] if len(around) == 1 and not edge else frozenset(edge.union(*around))
        for device in seen:
            self._islands[device] = island
