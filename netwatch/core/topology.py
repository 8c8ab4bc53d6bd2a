"""The ledger as a graph: what hangs on what, and what cuts what off.

`Network` answers in time that depends on the neighbourhood asked about, not on the size of
the network: a fault of fixed size costs the same in a city and in a province.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from netwatch.core.model import Circuit, Ledger, Port, Role
from netwatch.core.ports import normal

LEAVES = frozenset({Role.CPE, Role.ONU})
"""Customers' equipment carries nobody else's traffic, not even ours to its neighbours."""


@dataclass(frozen=True, slots=True)
class Route:
    """What must work for one route of a circuit."""

    links: tuple[str, ...]
    devices: tuple[str, ...]
    ports: tuple[Port, ...]
    """The customer-facing ports at both ends that are no end of a link."""


class Network:
    """The graph of one ledger, with the indexes that the core asks for."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._depth: dict[str, dict[str, int]] = {}
        self._relays: dict[str, frozenset[str]] = {}
        self._routes: dict[tuple[str, bool], Route] = {}
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

    def _read_links(self) -> None:
        self._ports: dict[tuple[str, str], list[str]] = {}
        self._spelled: dict[tuple[str, str], str] = {}
        self.links_of: dict[str, list[str]] = {d: [] for d in self.ledger.devices}
        for link in self.ledger.links.values():
            for end in (link.a, link.z):
                self.links_of.setdefault(end.device, []).append(link.id)
                key = (end.device, normal(end.name))
                self._ports.setdefault(key, []).append(link.id)
                self._spelled.setdefault(key, end.name)
        for circuit in self.ledger.circuits.values():
            for end in (circuit.a, circuit.z):
                if end.name:
                    self._spelled.setdefault((end.device, normal(end.name)), end.name)

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

    def end_at(self, link: str, device: str) -> Port:
        """The end of a link at a device."""
        ends = self.ledger.links[link]
        return ends.a if ends.a.device == device else ends.z

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
        return Route(links, tuple(sorted(devices)), ports)

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

    def with_overlays(self, circuits: Iterable[str]) -> set[str]:
        """These circuits and all that rides on them."""
        out: set[str] = set()
        todo = list(circuits)
        while todo:
            c = todo.pop()
            if c not in out:
                out.add(c)
                todo += self.overlays.get(c, ())
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
        if vantage not in self._depth:
            roots = self.vantages(vantage)
            depth = dict.fromkeys(roots, 0)
            queue = deque(roots)
            while queue:
                at = queue.popleft()
                for link in self.links_of.get(at, ()):
                    far = self.far(link, at)
                    if far not in depth:
                        depth[far] = depth[at] + 1
                        queue.append(far)
            self._depth = {vantage: depth}
        return self._depth[vantage]

    def relays(self, vantage: str) -> frozenset[str]:
        """Leaves through which alone others are reached: customers' boxes in a row."""
        if vantage not in self._relays:
            self._relays = {vantage: frozenset(self._find_relays(self.vantages(vantage)))}
        return self._relays[vantage]

    def _find_relays(self, roots: Collection[str]) -> Iterator[str]:
        """First as far as it goes without leaves, then on from each leaf that was met."""
        devices = self.ledger.devices
        seen, ahead, leaves = set(roots), list(roots), deque[str]()
        while ahead or leaves:
            at = ahead.pop() if ahead else leaves.popleft()
            new = {far for i in self.links_of.get(at, ()) if (far := self.far(i, at)) not in seen}
            seen |= new
            for far in sorted(new):
                known = devices.get(far)
                (leaves if known is not None and known.role in LEAVES else ahead).append(far)
            if new and at not in roots and at in devices and devices[at].role in LEAVES:
                yield at


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for key, member in pairs:
        if key:
            out.setdefault(key, []).append(member)
    return out


class Reach:
    """Who can be heard from the vantage when some links and devices are dead.

    Asked device by device, it searches from the device towards us: through the intact
    network in a few steps, or until the device's island is exhausted. What it learnt of one
    device holds for all that it met on the way.
    """

    def __init__(self, network: Network, vantage: str, links: Collection[str], devices: Collection[str]) -> None:
        self._net = network
        self._links, self._devices = links, devices
        self._depth = network.depth(vantage)
        self._roots = frozenset(network.vantages(vantage))
        self._relays = network.relays(vantage)
        self._known: dict[str, bool] = dict.fromkeys(self._roots, True)
        self._blind = not self._known
        self._edge: dict[str, frozenset[tuple[str, str]]] = {}

    def cut_off(self, device: str) -> bool:
        """True when every path to a device leads through something dead.

        A device that the ledger never connected to us is not cut off by anything.
        """
        if self._blind or device not in self._depth:
            return False
        if device not in self._known:
            self._search(device)
        return not self._known[device]

    def edge(self, device: str) -> frozenset[tuple[str, str]]:
        """What cuts a device off: the dead ("link"|"device", id) around its island."""
        return self._edge.get(device, frozenset()) if self.cut_off(device) else frozenset()

    def _search(self, start: str) -> None:
        net, depth = self._net, self._depth
        seen, stack = {start}, [start]
        edge: set[tuple[str, str]] = set()
        found = False
        while stack and not found:
            at = stack.pop()
            ahead = []
            for link in net.links_of.get(at, ()):
                far = net.far(link, at)
                if not self._passes(far) and far not in self._roots:
                    continue
                if link in self._links:
                    edge.add(("link", link))
                elif far in self._devices:
                    edge.add(("device", far))
                elif self._known.get(far):
                    found = True
                    break
                elif far in self._known:
                    edge |= self._edge[far]  # an island that was searched before
                elif far not in seen:
                    seen.add(far)
                    ahead.append(far)
            stack += sorted(ahead, key=lambda d: (-depth.get(d, 1 << 30), d))
        if found and not self._passes(start):
            self._known[start] = True  # and no more: what lies behind its other uplink proves nothing
            return
        for device in seen:
            self._known[device] = found
            if not found:
                self._edge[device] = frozenset(edge)

    def _passes(self, device: str) -> bool:
        known = self._net.ledger.devices.get(device)
        return known is None or known.role not in LEAVES or device in self._relays
