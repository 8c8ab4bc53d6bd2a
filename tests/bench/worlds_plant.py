"""Networks of several shapes, drawn at random: what is really built, whatever a ledger says of it.

A shape is how the trunk is meshed and what hangs on it. Names, port styles, sizes, ducts and power feeds are drawn.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from netwatch.core.model import Circuit, Device, Ledger, Link, Medium, Port, Role, Site

PORTS = ("GE0/{slot}/{n}", "GigabitEthernet{slot}/0/{n}", "xe-{slot}/0/{n}", "gei-0/{slot}/0/{n}", "Eth{slot}/{n}")
LEAVES = (Role.CPE, Role.ONU)


@dataclass
class Plant:
    """A network that is really there."""

    shape: str
    rng: random.Random
    vantage: str = ""
    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    gasps: set[str] = field(default_factory=set)
    """Devices that still say that their power is going."""
    port_los: set[str] = field(default_factory=set)
    """OLTs that tell of a PON port without any light."""
    trunk: list[str] = field(default_factory=list)
    """Devices that carry others."""
    links_of: dict[str, list[str]] = field(default_factory=dict)
    """Device → the links that end there."""
    _ports: dict[str, int] = field(default_factory=dict)

    def site(self, feed: str = "", battery: float | None = None) -> str:
        name = f"站-{len(self.sites) + 1}"
        self.sites[name] = Site(name, power_feed=feed, battery_minutes=battery)
        return name

    def device(self, role: Role, site: str, *, managed: bool = True) -> str:
        stem = {Role.CORE: "NE40", Role.AGGREGATION: "汇聚", Role.TRANSMISSION: "OSN", Role.CPE: "用户"}.get(
            role, role.upper()
        )
        name = f"{stem}_{len(self.devices) + 1}"
        polled = managed and role is not Role.ONU
        self.devices[name] = Device(name, role=role, site=site, managed=managed, address=name if polled else "")
        return name

    def port(self, device: str, slot: int = 0) -> Port:
        n = self._ports[device] = self._ports.get(device, 0) + 1
        style = PORTS[sum(map(ord, device)) % len(PORTS)]
        return Port(device, style.format(slot=slot, n=n))

    def link(self, a: str | Port, z: str | Port, medium: Medium = Medium.FIBRE, *more: str, slot: int = 0) -> str:
        name = f"段{len(self.links) + 1}"
        end_a = a if isinstance(a, Port) else self.port(a, slot)
        end_z = z if isinstance(z, Port) else self.port(z)
        cables = (f"光缆{len(self.links) + 1}", *more) if medium in (Medium.FIBRE, Medium.PON) else ()
        self.links[name] = Link(name, end_a, end_z, medium, cables)
        for end in (end_a, end_z):
            self.links_of.setdefault(end.device, []).append(name)
        return name

    def circuit(self, a: str | Port, z: str | Port, working: Sequence[str], protecting: Sequence[str] = ()) -> str:
        name = f"专线{len(self.circuits) + 1:03}"
        ends = [e if isinstance(e, Port) else Port(e, "") for e in (a, z)]
        assurance = self.rng.choice(("AAA", "AA", "A", "standard"))
        self.circuits[name] = Circuit(
            name, assurance=assurance, a=ends[0], z=ends[1], working=tuple(working), protecting=tuple(protecting)
        )
        return name

    @property
    def ledger(self) -> Ledger:
        return Ledger(sites=self.sites, devices=self.devices, links=self.links, circuits=self.circuits)

    def far(self, link: str, device: str) -> str:
        ends = self.links[link]
        return ends.z.device if ends.a.device == device else ends.a.device

    def path(self, start: str, goal: str, without: Iterable[str] = ()) -> list[str]:
        """A shortest way, as links; empty when there is none."""
        barred, came, queue = set(without), {start: ""}, deque([start])
        while queue:
            at = queue.popleft()
            if at == goal:
                way = []
                while came[at]:
                    way.append(came[at])
                    at = self.far(came[at], at)
                return way[::-1]
            ahead = list(self.links_of.get(at, ()))
            self.rng.shuffle(ahead)
            for link in ahead:
                far = self.far(link, at)
                if link not in barred and far not in came:
                    came[far] = link
                    queue.append(far)
        return []

    def connect(self, leaf: str, goal: str, *, protected: bool) -> str:
        """A circuit from a leaf to a goal; protected as far as the plant allows."""
        working = self.path(leaf, goal)
        other = self._other_way(leaf, goal, working) if protected else []
        return self.circuit(leaf, goal, working, other)

    def _other_way(self, leaf: str, goal: str, working: Sequence[str]) -> list[str]:
        """The way that shares only the unavoidable first links with the working one."""
        for shared in range(len(working)):
            at = leaf
            for link in working[:shared]:
                at = self.far(link, at)
            rest = self.path(at, goal, working)
            if rest:
                return [*working[:shared], *rest]
        return []


# ---------------------------------------------------------------- trunks


def _sites(plant: Plant, count: int, role: Role) -> list[str]:
    """So many devices of the trunk, each in its own room, some rooms on one feed."""
    out = []
    for n in range(count):
        feed = f"市电-{role}-{n // 2}" if plant.rng.random() < 0.5 else f"市电-{len(plant.sites) + 1}"
        battery = plant.rng.choice((None, 0.0, 8.0, 15.0, 240.0))
        out.append(plant.device(role, plant.site(feed, battery)))
    plant.trunk += out
    return out


def _ring(plant: Plant, nodes: Sequence[str]) -> None:
    for a, z in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        plant.link(a, z)


def ring_of_rings(plant: Plant) -> list[str]:
    cores = _sites(plant, 2, Role.CORE)
    plant.link(cores[0], cores[1])
    plant.link(cores[0], cores[1])
    access = []
    for _ in range(plant.rng.randint(1, 2)):
        ring = _sites(plant, plant.rng.randint(3, 5), Role.AGGREGATION)
        _ring(plant, [cores[0], *ring, cores[1]][: len(ring) + 2])
        for node in ring:
            inner = _sites(plant, plant.rng.randint(1, 2), Role.ACCESS)
            duct = f"管道{len(plant.links)}"
            way = [node, *inner]
            for a, z in pairwise(way):
                plant.link(a, z, Medium.FIBRE, duct)
            access += inner
    return access


def tree(plant: Plant) -> list[str]:
    (core,) = _sites(plant, 1, Role.CORE)
    access = []
    for agg in _sites(plant, plant.rng.randint(2, 4), Role.AGGREGATION):
        plant.link(core, agg)
        for acc in _sites(plant, plant.rng.randint(2, 3), Role.ACCESS):
            plant.link(agg, acc, slot=plant.rng.randint(1, 2))
            access.append(acc)
    return access


def dual_homed(plant: Plant) -> list[str]:
    cores = _sites(plant, 2, Role.CORE)
    plant.link(*cores)
    aggs = _sites(plant, plant.rng.randint(3, 5), Role.AGGREGATION)
    for agg in aggs:
        for core in cores:
            plant.link(core, agg)
    access = _sites(plant, plant.rng.randint(4, 7), Role.ACCESS)
    for acc in access:
        hidden = (f"管道{len(plant.links)}",) if plant.rng.random() < 0.25 else ()
        for agg in plant.rng.sample(aggs, 2):
            plant.link(agg, acc, Medium.FIBRE, *hidden)
    return access


def chain(plant: Plant) -> list[str]:
    (core,) = _sites(plant, 1, Role.CORE)
    nodes = _sites(plant, plant.rng.randint(6, 10), Role.ACCESS)
    for a, z in zip([core, *nodes], nodes, strict=False):
        plant.link(a, z, plant.rng.choice((Medium.FIBRE, Medium.FIBRE, Medium.MICROWAVE)))
    return nodes


def mesh(plant: Plant) -> list[str]:
    cores = _sites(plant, 1, Role.CORE)
    nodes = _sites(plant, plant.rng.randint(7, 11), Role.AGGREGATION)
    known = [*cores]
    for node in nodes:
        for other in plant.rng.sample(known, min(len(known), plant.rng.randint(1, 3))):
            plant.link(other, node)
        known.append(node)
    return nodes


def pon_forest(plant: Plant) -> list[str]:
    (core,) = _sites(plant, 1, Role.CORE)
    aggs = _sites(plant, 2, Role.AGGREGATION)
    _ring(plant, [core, *aggs])
    for olt in _sites(plant, plant.rng.randint(2, 3), Role.OLT):
        plant.link(plant.rng.choice(aggs), olt)
        _pon(plant, olt, ports=plant.rng.randint(2, 3))
    return aggs


def sdh(plant: Plant) -> list[str]:
    (core,) = _sites(plant, 1, Role.CORE)
    nodes = _sites(plant, plant.rng.randint(5, 8), Role.TRANSMISSION)
    plant.link(core, nodes[0])
    _ring(plant, nodes)
    return nodes


def daisy(plant: Plant) -> list[str]:
    (core,) = _sites(plant, 1, Role.CORE)
    aggs = _sites(plant, 3, Role.AGGREGATION)
    _ring(plant, [core, *aggs])
    for agg in aggs:
        for _ in range(plant.rng.randint(1, 2)):
            at = agg
            for _ in range(plant.rng.randint(2, 4)):
                leaf = _leaf(plant)
                plant.link(at, leaf)
                at = leaf
    return aggs


SHAPES: dict[str, Callable[[Plant], list[str]]] = {
    "ring of rings": ring_of_rings,
    "tree": tree,
    "dual-homed metro": dual_homed,
    "chain": chain,
    "mesh": mesh,
    "PON forest": pon_forest,
    "SDH ring with SNCP": sdh,
    "daisy-chained CPE": daisy,
}

# ---------------------------------------------------------------- what hangs on them


def _pon(plant: Plant, olt: str, ports: int) -> None:
    if plant.rng.random() < 0.5:
        plant.port_los.add(olt)
    for n in range(ports):
        port = Port(olt, f"gpon-0/{n + 1}/{n}")
        feeder = f"主干{olt}{n}"
        for b in range(plant.rng.randint(2, 3)):
            for _ in range(plant.rng.randint(2, 3)):
                onu = plant.device(Role.ONU, plant.site())
                if plant.rng.random() < 0.7:
                    plant.gasps.add(onu)
                name = plant.link(port, Port(onu, "pon"), Medium.PON)
                drop = plant.links[name]
                plant.links[name] = Link(name, drop.a, drop.z, Medium.PON, (feeder, f"{feeder}-支{b}", *drop.cables))


def _leaf(plant: Plant) -> str:
    cpe = plant.device(Role.CPE, plant.site())
    if plant.rng.random() < 0.6:
        plant.gasps.add(cpe)
    return cpe


def _tail(plant: Plant, node: str) -> None:
    """A customer on a device: by fibre, or through a converter that nobody polls."""
    leaf = _leaf(plant)
    slot = plant.rng.randint(1, 2)
    if plant.rng.random() < 0.25:
        box = plant.device(Role.CONVERTER, plant.devices[leaf].site, managed=False)
        plant.link(node, box, slot=slot)
        plant.link(box, leaf, Medium.COPPER)
    else:
        plant.link(node, leaf, slot=slot)


def draw(shape: str, seed: int) -> Plant:
    """A plant of a shape."""
    plant = Plant(shape, random.Random(f"{shape} {seed}"))
    nodes = SHAPES[shape](plant)
    plant.vantage = plant.trunk[0]
    plant.gasps |= {d for d in plant.trunk if plant.rng.random() < 0.3}
    per_node = 1 if shape in ("PON forest", "daisy-chained CPE") else plant.rng.randint(1, 3)
    for node in nodes:
        for _ in range(per_node):
            _tail(plant, node)
    leaves = [d for d, k in plant.devices.items() if k.role in LEAVES]
    for leaf in leaves:
        plant.connect(leaf, plant.vantage, protected=plant.rng.random() < (0.9 if shape.startswith("SDH") else 0.5))
    for node in plant.rng.sample(nodes, min(2, len(nodes))):  # customers on a port without a link of its own
        plant.circuit(plant.port(node, 9), plant.vantage, plant.path(node, plant.vantage))
    return plant
