"""What the metro looks like.

            nms
             |
           core1 ---------- core2
             |                |
           agg1 --- agg2 --- agg3
             |        |      /   \\
           acc1       |     /     cpe-d
           /  \\       cpe-c
       cpe-a  cpe-b   (two homes)

The room (`nms`) hangs on core1 alone: one fibre makes it blind, and what a ring cut in two
takes from its sight must be told from what has failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NMS = "nms"
COMMUNITY = "lab-read"
V3 = frozenset({"agg3"})
"""Boxes that speak SNMPv3 only, with authentication and privacy; the others v2c."""
V3_USER = "room"
V3_KEY = "only-in-the-lab"


@dataclass(frozen=True, slots=True)
class End:
    """Where a link enters a node."""

    node: str
    port: str
    address: str
    """IPv4 without its length, which is 30."""


@dataclass(frozen=True, slots=True)
class Link:
    id: str
    a: End
    z: End
    cable: str


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    role: str
    address: str
    """Of the loopback: the management address."""
    links: tuple[Link, ...] = field(repr=False, default=())

    @property
    def ends(self) -> tuple[tuple[Link, End], ...]:
        """Its links with its own end of each, in the order of its ports."""
        return tuple((link, link.a if link.a.node == self.id else link.z) for link in self.links)


_ROLES = {
    "core1": "core",
    "core2": "core",
    "agg1": "aggregation",
    "agg2": "aggregation",
    "agg3": "aggregation",
    "acc1": "access",
    "cpe-a": "cpe",
    "cpe-b": "cpe",
    "cpe-c": "cpe",
    "cpe-d": "cpe",
}

# link, its nodes, its cable. The drops of cpe-a and cpe-b share a duct: one digger takes both.
_LINKS = (
    ("L-core", "core1", "core2", "K-core"),
    ("L-ring1", "core1", "agg1", "K-ring1"),
    ("L-ring2", "agg1", "agg2", "K-ring2"),
    ("L-ring3", "agg2", "agg3", "K-ring3"),
    ("L-ring4", "agg3", "core2", "K-ring4"),
    ("L-acc1", "agg1", "acc1", "K-acc1"),
    ("L-a", "acc1", "cpe-a", "K-duct"),
    ("L-b", "acc1", "cpe-b", "K-duct"),
    ("L-c1", "agg2", "cpe-c", "K-c1"),
    ("L-c2", "agg3", "cpe-c", "K-c2"),
    ("L-d", "agg3", "cpe-d", "K-d"),
    ("L-nms", "nms", "core1", ""),
)


def _links() -> dict[str, Link]:
    ports: dict[str, int] = {}

    def end(node: str, subnet: int, host: int) -> End:
        ports[node] = ports.get(node, 0) + 1
        return End(node, f"eth{ports[node]}", f"10.1.{subnet}.{host}")

    return {id_: Link(id_, end(a, n, 1), end(z, n, 2), cable) for n, (id_, a, z, cable) in enumerate(_LINKS, start=1)}


def _node(number: int, id_: str, role: str) -> Node:
    links = tuple(link for link in LINKS.values() if id_ in (link.a.node, link.z.node))
    return Node(id_, role, f"10.253.0.{number}", links)


LINKS: Mapping[str, Link] = MappingProxyType(_links())
NODES: Mapping[str, Node] = MappingProxyType(
    {id_: _node(number, id_, role) for number, (id_, role) in enumerate(_ROLES.items(), start=1)}
)
"""The routers; the room is not among them."""

NMS_ADDRESS = LINKS["L-nms"].a.address
"""Where traps go."""
