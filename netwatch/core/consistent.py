"""A ledger that contradicts itself, read as it must be meant.

Where one port can have only one link, a ledger that gives it two is wrong, and sometimes what it must mean is plain:
the same two ports are one link, however often it is written down; and a link whose ports are taken, while those with
the names exchanged are nobody's, was written down with each device at the other's port. What is not plain stays as
written: `netwatch check` names it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TypeAlias

from netwatch.core.model import Ledger, Link, Medium, Port
from netwatch.core.ports import normal

ONE_A_PORT = frozenset({Medium.FIBRE, Medium.COPPER, Medium.MICROWAVE})
"""Media of which one port can have only one link. A PON port feeds many, logical links share."""

_End: TypeAlias = tuple[str, str]


def consistent(ledger: Ledger) -> Ledger:
    """The same ledger, object for object, unless it contradicts itself in a way that has one meaning."""
    return _ends_exchanged(_links_once(ledger))


def _end(port: Port) -> _End:
    return port.device, normal(port.name)


def _plain(link: Link) -> bool:
    """Whether it has two named ends of which each can have one link."""
    named = link.a.name and link.z.name
    return bool(named) and link.a.device != link.z.device and link.medium in ONE_A_PORT


def _links_once(ledger: Ledger) -> Ledger:
    """The first of the links between the same two ports; routes over the others lead over it."""
    first: dict[frozenset[_End], str] = {}
    same = {k.id: first.setdefault(frozenset((_end(k.a), _end(k.z))), k.id) for k in ledger.links.values() if _plain(k)}
    if len(first) == len(same):
        return ledger

    def once(way: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(same.get(i, i) for i in way))

    links = {i: k for i, k in ledger.links.items() if same.get(i, i) == i}
    circuits = {
        c.id: replace(c, working=once(c.working), protecting=once(c.protecting)) for c in ledger.circuits.values()
    }
    return replace(ledger, links=links, circuits=circuits)


def _ends_exchanged(ledger: Ledger) -> Ledger:
    """Links at taken ports read with their port names exchanged, where that settles it and nothing else would."""
    taken = Counter(end for k in ledger.links.values() if _plain(k) for end in (_end(k.a), _end(k.z)))
    if not any(n > 1 for n in taken.values()):
        return ledger
    known = {_end(e) for k in ledger.links.values() for e in (k.a, k.z)}
    known |= {_end(e) for c in ledger.circuits.values() for e in (c.a, c.z)}
    turned: dict[str, Link] = {}
    for link in ledger.links.values():
        other = replace(link, a=Port(link.a.device, link.z.name), z=Port(link.z.device, link.a.name))
        contested = taken[_end(link.a)] > 1 or taken[_end(link.z)] > 1
        if _plain(link) and contested and known.isdisjoint((_end(other.a), _end(other.z))):
            turned[link.id] = other
    rivals = Counter(end for i in turned for end in (_end(ledger.links[i].a), _end(ledger.links[i].z)))
    rivals += Counter(end for k in turned.values() for end in (_end(k.a), _end(k.z)))
    settled = {
        i: k
        for i, k in turned.items()
        if all(rivals[_end(e)] == 1 for e in (ledger.links[i].a, ledger.links[i].z, k.a, k.z))
    }
    return replace(ledger, links={i: settled.get(i, k) for i, k in ledger.links.items()}) if settled else ledger
