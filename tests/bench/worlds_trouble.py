"""True causes: what breaks, when, and the state of everything that follows from it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worlds_plant import LEAVES, Plant

from netwatch.core.model import Medium, Port, Role, Root, RootKind
from netwatch.core.time import MINUTE, SECOND, Instant, parse

T0 = parse("2026-11-02T00:00:00+08:00")
HOURS = 2
END = T0 + HOURS * 60 * MINUTE

Pairs = list[tuple[Instant, Instant]]


@dataclass
class Trouble:
    """One true cause and what it does. Keys of the effects are the plant's own ids."""

    kind: str
    root: Root
    domain: str
    start: Instant
    end: Instant
    dark: dict[str, Pairs] = field(default_factory=dict)
    """Links without light in either direction."""
    mute: dict[Port, Pairs] = field(default_factory=dict)
    """Ports that receive and do not send."""
    failed: dict[Port, Pairs] = field(default_factory=dict)
    """Ports of a dead card: neither."""
    shut: dict[Port, Pairs] = field(default_factory=dict)
    """Ports taken down by an operator."""
    unrouted: dict[str, Pairs] = field(default_factory=dict)
    """Links with light and without routing."""
    dead: dict[str, Pairs] = field(default_factory=dict)
    powerless: bool = False
    """What is dead died of its power: it may say so."""
    hung: dict[str, Pairs] = field(default_factory=dict)
    mains: dict[str, Pairs] = field(default_factory=dict)
    blind: Pairs = field(default_factory=list)
    planned: bool = False
    said: str = ""
    """The circuit whose customer complains; monitoring sees nothing."""

    def moments(self) -> set[Instant]:
        out = {self.start, self.end}
        tables: tuple[Mapping[Any, Pairs], ...] = (
            *(self.dark, self.mute, self.failed, self.shut, self.unrouted, self.dead, self.hung, self.mains),
        )
        for table in tables:
            out.update(t for pairs in table.values() for pair in pairs for t in pair)
        return out | {t for pair in self.blind for t in pair}


class Standing:
    """How everything stands at one moment."""

    def __init__(self, plant: Plant, troubles: Iterable[Trouble], at: Instant) -> None:
        troubles = list(troubles)

        def now(pick: Callable[[Trouble], Mapping[Any, Pairs]]) -> set[Any]:
            return {key for t in troubles for key, pairs in pick(t).items() if any(s <= at < e for s, e in pairs)}

        self.plant = plant
        self.dark: set[str] = now(lambda t: t.dark)
        self.mute: set[Port] = now(lambda t: t.mute)
        self.failed: set[Port] = now(lambda t: t.failed)
        self.shut: set[Port] = now(lambda t: t.shut)
        self.unrouted: set[str] = now(lambda t: t.unrouted)
        self.dead: set[str] = now(lambda t: t.dead)
        self.hung: set[str] = now(lambda t: t.hung)
        self.mains: set[str] = now(lambda t: t.mains)
        self.blind = any(s <= at < e for t in troubles for s, e in t.blind)
        self.heard = self._heard()

    def carries(self, link: str) -> bool:
        ends = self.plant.links[link]
        return (
            link not in self.dark
            and link not in self.unrouted
            and not {ends.a, ends.z} & (self.mute | self.failed | self.shut)
            and not {ends.a.device, ends.z.device} & self.dead
        )

    def _heard(self) -> set[str]:
        """Devices that packets of ours reach."""
        if self.plant.vantage in self.dead:
            return set()
        seen, todo = {self.plant.vantage}, [self.plant.vantage]
        while todo:
            at = todo.pop()
            for link in self.plant.links_of.get(at, ()):
                far = self.plant.far(link, at)
                if far not in seen and self.carries(link):
                    seen.add(far)
                    todo.append(far)
        return seen

    def port(self, link: str, mine: Port) -> set[str]:
        """What a port of a live device says of itself: link, los, admin, adjacency."""
        ends = self.plant.links[link]
        other = ends.z if ends.a == mine else ends.a
        if mine in self.shut:
            return {"admin"}
        if mine in self.mute or mine in self.failed:
            return {"link"}
        copper = ends.medium is Medium.COPPER
        if link in self.dark or other in (self.mute | self.failed | self.shut) or other.device in self.dead:
            return {"link"} if copper else {"link", "los"}
        if link in self.unrouted and self.plant.devices[mine.device].role not in LEAVES:
            return {"adjacency"}
        return set()

    def onu_lost(self, link: str) -> bool:
        ends = self.plant.links[link]
        return (
            link in self.dark
            or bool({ends.a, ends.z} & (self.failed | self.mute | self.shut))
            or ends.z.device in self.dead
        )

    def circuit(self, name: str) -> str:
        """up, exposed or down."""
        circuit = self.plant.circuits[name]
        ways = [w for w in (circuit.working, circuit.protecting) if w]
        fine = [self._carried(way) for way in ways]
        ends_live = not {circuit.a.device, circuit.z.device} & self.dead
        port_live = circuit.a not in (self.failed | self.shut | self.mute)
        if not (ends_live and port_live and any(fine)):
            return "down"
        return "up" if all(fine) else "exposed"

    def _carried(self, way: Sequence[str]) -> bool:
        return all(self.carries(i) for i in way)


# ---------------------------------------------------------------- causes


def _span(rng: random.Random) -> tuple[Instant, Instant]:
    start = T0 + round(rng.uniform(8, 30) * MINUTE)
    return start, start + round(rng.uniform(15, 50) * MINUTE)


def _trouble(rng: random.Random, kind: str, root: RootKind, name: str, domain: str) -> Trouble:
    start, end = _span(rng)
    return Trouble(kind, Root(root, name), domain, start, end)


def _pick(rng: random.Random, things: Iterable[str]) -> str:
    """One of them; LookupError when there is none."""
    return rng.choice(sorted(things))


def _cable(plant: Plant, rng: random.Random, cable: str, kind: str = "cable") -> Trouble:
    t = _trouble(rng, kind, RootKind.CABLE, cable, "cable")
    t.dark = {link: [(t.start, t.end)] for link in plant.ledger.cables[cable]}
    return t


def cable(plant: Plant, rng: random.Random) -> list[Trouble]:
    cables = plant.ledger.cables
    return [_cable(plant, rng, _pick(rng, (c for c, m in cables.items() if len(m) == 1 and not _pon(plant, m))))]


def shared_duct(plant: Plant, rng: random.Random) -> list[Trouble]:
    cables = plant.ledger.cables
    return [_cable(plant, rng, _pick(rng, (c for c, m in cables.items() if len(m) > 1 and not _pon(plant, m))), "duct")]


def tail_cable(plant: Plant, rng: random.Random) -> list[Trouble]:
    leaf = {i for d, k in plant.devices.items() if k.role is Role.CPE for i in plant.links_of[d]}
    return [_cable(plant, rng, _pick(rng, (plant.links[i].cables[0] for i in leaf if plant.links[i].cables)), "tail")]


def double_cut(plant: Plant, rng: random.Random) -> list[Trouble]:
    """Two spans of the trunk, repaired in either order."""
    spans = [i for i, k in plant.links.items() if len(k.cables) == 1 and {k.a.device, k.z.device} <= set(plant.trunk)]
    first, second = rng.sample(sorted(spans), 2)
    one = _cable(plant, rng, plant.links[first].cables[0], "double")
    two = _cable(plant, rng, plant.links[second].cables[0], "double")
    shift = one.start + rng.randrange(4 * MINUTE, 9 * MINUTE) - two.start
    two.start += shift
    two.end = one.end + rng.choice((-1, 1)) * rng.randrange(2 * MINUTE, 5 * MINUTE)
    two.dark = {i: [(two.start, two.end)] for i in two.dark}
    return [one, two]


def _pon(plant: Plant, links: Sequence[str]) -> bool:
    return any(plant.links[i].medium is Medium.PON for i in links)


def feeder(plant: Plant, rng: random.Random) -> list[Trouble]:
    return [
        _cable(plant, rng, _pick(rng, (k.cables[0] for k in plant.links.values() if k.medium is Medium.PON)), "feeder")
    ]


def branch(plant: Plant, rng: random.Random) -> list[Trouble]:
    return [
        _cable(plant, rng, _pick(rng, (k.cables[1] for k in plant.links.values() if k.medium is Medium.PON)), "branch")
    ]


def pon_port(plant: Plant, rng: random.Random) -> list[Trouble]:
    port = rng.choice([k.a for k in plant.links.values() if k.medium is Medium.PON])
    t = _trouble(rng, "pon port", RootKind.PORT, str(port), "equipment")
    t.failed[port] = [(t.start, t.end)]
    return [t]


def transceiver(plant: Plant, rng: random.Random) -> list[Trouble]:
    """A transmitter dies; its receiver lives."""
    trunk = set(plant.trunk)
    ends = [k.a if rng.random() < 0.5 else k.z for k in plant.links.values() if {k.a.device, k.z.device} <= trunk]
    port = rng.choice(ends)
    t = _trouble(rng, "transceiver", RootKind.PORT, str(port), "equipment")
    t.mute[port] = [(t.start, t.end)]
    return [t]


def customer_port(plant: Plant, rng: random.Random) -> list[Trouble]:
    port = rng.choice([c.a for c in plant.circuits.values() if c.a.name])
    t = _trouble(rng, "customer port", RootKind.PORT, str(port), "equipment")
    t.failed[port] = [(t.start, t.end)]
    return [t]


def card(plant: Plant, rng: random.Random) -> list[Trouble]:
    """A card with several ports; the device lives on."""
    slots: dict[tuple[str, str], list[Port]] = {}
    for k in plant.links.values():
        if k.medium is not Medium.PON:
            for end in (k.a, k.z):
                if plant.devices[end.device].managed and plant.devices[end.device].role not in LEAVES:
                    slots.setdefault((end.device, end.name.rpartition("/")[0]), []).append(end)
    device, slot = rng.choice([s for s, ports in sorted(slots.items()) if len(ports) > 1 and s[0] != plant.vantage])
    t = _trouble(rng, "card", RootKind.DEVICE, device, "equipment")
    t.failed = {port: [(t.start, t.end)] for port in slots[(device, slot)]}
    return [t]


def device(plant: Plant, rng: random.Random) -> list[Trouble]:
    name = _pick(rng, (d for d in plant.trunk if d != plant.vantage))
    t = _trouble(rng, "device", RootKind.DEVICE, name, "equipment")
    t.dead[name] = [(t.start, t.end)]
    return [t]


def premises(plant: Plant, rng: random.Random) -> list[Trouble]:
    name = _pick(rng, (d for d, k in plant.devices.items() if k.role is Role.CPE))
    t = _trouble(rng, "premises", RootKind.PREMISES, name, "premises")
    t.powerless = True
    t.dead = {d: [(t.start, t.end)] for d, k in plant.devices.items() if k.site == plant.devices[name].site}
    return [t]


def onu(plant: Plant, rng: random.Random) -> list[Trouble]:
    name = _pick(rng, (d for d, k in plant.devices.items() if k.role is Role.ONU))
    t = _trouble(rng, "onu", RootKind.PREMISES, name, "premises")
    t.powerless = True
    t.dead[name] = [(t.start, t.end)]
    return [t]


def _dark_rooms(plant: Plant, t: Trouble, sites: Iterable[str]) -> None:
    """Mains fail; what has no battery is dead at once, the rest when it is empty."""
    t.powerless = True
    for site in sites:
        t.mains[site] = [(t.start, t.end)]
        empty = t.start + round((plant.sites[site].battery_minutes or 0.0) * MINUTE)
        if empty < t.end:
            t.dead |= {d: [(empty, t.end)] for d, k in plant.devices.items() if k.site == site}


def site_power(plant: Plant, rng: random.Random) -> list[Trouble]:
    site = _pick(rng, {plant.devices[d].site for d in plant.trunk if d != plant.vantage})
    t = _trouble(rng, "site power", RootKind.POWER, site, "power")
    _dark_rooms(plant, t, [site])
    return [t]


def feed(plant: Plant, rng: random.Random) -> list[Trouble]:
    """A feed that several rooms share, ours not among them."""
    by_feed: dict[str, list[str]] = {}
    for s in plant.sites.values():
        by_feed.setdefault(s.power_feed, []).append(s.id)
    ours = plant.devices[plant.vantage].site
    name = _pick(rng, (f for f, sites in by_feed.items() if f and len(sites) > 1 and ours not in sites))
    t = _trouble(rng, "feed", RootKind.POWER, name, "power")
    _dark_rooms(plant, t, by_feed[name])
    return [t]


def agent(plant: Plant, rng: random.Random) -> list[Trouble]:
    name = _pick(
        rng, (d for d, k in plant.devices.items() if k.managed and k.role is not Role.ONU and d != plant.vantage)
    )
    t = _trouble(rng, "agent", RootKind.AGENT, name, "management")
    t.hung[name] = [(t.start, t.end)]
    return [t]


def blindness(plant: Plant, rng: random.Random) -> list[Trouble]:
    t = _trouble(rng, "blindness", RootKind.MANAGEMENT, "", "management")
    t.blind = [(t.start, t.end)]
    return [t]


def routing(plant: Plant, rng: random.Random) -> list[Trouble]:
    trunk = set(plant.trunk)
    link = _pick(rng, (i for i, k in plant.links.items() if {k.a.device, k.z.device} <= trunk))
    t = _trouble(rng, "routing", RootKind.LINK, link, "configuration")
    t.unrouted[link] = [(t.start, t.end)]
    return [t]


def shut_port(plant: Plant, rng: random.Random) -> list[Trouble]:
    ends = [k.a for k in plant.links.values() if k.medium is not Medium.PON and k.a.device in plant.trunk]
    port = rng.choice(ends)
    t = _trouble(rng, "shut port", RootKind.PORT, str(port), "configuration")
    t.shut[port] = [(t.start, t.end)]
    return [t]


def flapping(plant: Plant, rng: random.Random) -> list[Trouble]:
    link = _pick(
        rng, (i for i, k in plant.links.items() if k.cables and k.a.device in plant.trunk and k.medium is Medium.FIBRE)
    )
    t = _trouble(rng, "flapping", RootKind.LINK, link, "cable")
    at, pairs = t.start, []
    while at < min(t.end, t.start + 20 * MINUTE):
        up = at + round(rng.uniform(5, 25) * SECOND)
        pairs.append((at, up))
        at = up + round(rng.uniform(10, 50) * SECOND)
    t.dark[link], t.end = pairs, pairs[-1][1]
    return [t]


def planned_work(plant: Plant, rng: random.Random) -> list[Trouble]:
    (t,) = cable(plant, rng)
    t.kind, t.planned = "planned work", True
    return [t]


def complaint(plant: Plant, rng: random.Random) -> list[Trouble]:
    name = _pick(rng, plant.circuits)
    t = _trouble(rng, "complaint", RootKind.CIRCUIT, name, "premises")
    t.said = name
    return [t]


KINDS: dict[str, Callable[[Plant, random.Random], list[Trouble]]] = {
    "cable": cable,
    "duct": shared_duct,
    "tail": tail_cable,
    "double": double_cut,
    "feeder": feeder,
    "branch": branch,
    "pon port": pon_port,
    "transceiver": transceiver,
    "customer port": customer_port,
    "card": card,
    "device": device,
    "premises": premises,
    "onu": onu,
    "site power": site_power,
    "feed": feed,
    "agent": agent,
    "blindness": blindness,
    "routing": routing,
    "shut port": shut_port,
    "flapping": flapping,
    "planned work": planned_work,
    "complaint": complaint,
}


def break_something(plant: Plant, kind: str, rng: random.Random) -> list[Trouble]:
    """Troubles of a kind. LookupError or ValueError when the plant has nothing of the sort."""
    return KINDS[kind](plant, rng)
