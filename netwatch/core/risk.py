"""Hidden shared risk: protection that one event would take away together with what it protects.

Two routes that run through one duct, one building or one power feed are one route with two
names. Better told on a quiet afternoon than learnt at night.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netwatch.core.model import Circuit
from netwatch.core.topology import Network, Route

ORDER = ("link", "cable", "device", "site", "feed")
"""From what breaks most often to what breaks least."""


@dataclass(frozen=True, slots=True, order=True)
class Risk:
    """One thing that both routes of a circuit need."""

    circuit: str
    kind: str
    """`link`, `cable`, `device`, `site` or `feed`."""
    id: str
    assurance: str = ""


def shared(net: Network) -> list[Risk]:
    """Everything that both routes of a protected circuit need, but for its two ends.

    Told of what rides on it, too, for that has no other protection.
    """
    found: set[Risk] = set()
    circuits = net.ledger.circuits
    for circuit in circuits.values():
        things = list(_shared(circuit, net)) if circuit.protecting else []
        for rider in sorted(net.with_overlays([circuit.id])) if things else ():
            found.update(Risk(rider, kind, name, circuits[rider].assurance) for kind, name in things)
    return sorted(found, key=lambda r: (r.circuit, ORDER.index(r.kind), r.id))


def _shared(circuit: Circuit, net: Network) -> Iterator[tuple[str, str]]:
    """What a circuit's ends need is no news: there, there is one of everything."""
    working, protecting = net.route(circuit.id, False), net.route(circuit.id, True)
    links = set(working.links) & set(protecting.links)
    yield from (("link", i) for i in links)
    cables = _cables(working, net, links) & _cables(protecting, net, links)
    yield from (("cable", i) for i in cables)
    ends = {circuit.a.device, circuit.z.device}
    devices = (set(working.devices) & set(protecting.devices)) - ends
    yield from (("device", i) for i in devices)
    # A building or a feed is told only where the devices in it differ: else the device says it all.
    known = ends | devices
    sites = _sites(working, net, known) & _sites(protecting, net, known)
    yield from (("site", i) for i in sites)
    feeds = _feeds(_sites(working, net, known), net) & _feeds(_sites(protecting, net, known), net)
    yield from (("feed", i) for i in feeds - _feeds(sites, net))


def _cables(route: Route, net: Network, known: set[str]) -> set[str]:
    """The cables of a route's own links."""
    return {c for i in route.links if i not in known for c in net.ledger.links[i].cables}


def _sites(route: Route, net: Network, known: set[str]) -> set[str]:
    devices = (net.ledger.devices[d] for d in route.devices if d not in known)
    return {d.site for d in devices if d.site}


def _feeds(sites: set[str], net: Network) -> set[str]:
    known = (net.ledger.sites.get(s) for s in sites)
    return {s.power_feed for s in known if s is not None and s.power_feed}
