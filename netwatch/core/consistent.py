"""A ledger that contradicts itself, read as it must be meant.

Sometimes what a ledger must mean is plain although it says otherwise: the same two ports are one link, however often it
is written down; a link whose ports are taken, while those with the names exchanged are nobody's, was written down with
each device at the other's port; and where routes break off between two devices that no link joins, a link is missing.
What is not plain stays as written. `netwatch check` names all of it: a reading is no repair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netwatch.core.model import Circuit, Ledger, Link, Medium, Port, Role
from netwatch.core.ports import normal

ONE_A_PORT = frozenset({Medium.FIBRE, Medium.COPPER, Medium.MICROWAVE})
"""Media of which one port can have only one link. A PON port feeds many, logical links share."""

_End: TypeAlias = tuple[str, str]
_Way: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger as it is read, and where that is not what is written."""

    ledger: Ledger
    same: Mapping[str, str] = field(default_factory=dict)
    """Link that is written down again → the one that it is."""
    turned: tuple[str, ...] = ()
    """Links whose devices stand at each other's ports."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Link that is not written down → the circuits that lead over it. Of its ports no name is known."""


def consistent(ledger: Ledger) -> Reading:
    """How a ledger is read; as it is, object for object, where it does not contradict itself."""
    ledger, same = _once(ledger)
    ledger, turned = _turned(ledger)
    ledger, missing = _joined(ledger)
    return Reading(ledger, same, turned, missing)


def _end(port: Port) -> _End:
    return port.device, normal(port.name)


def _plain(link: Link) -> bool:
    """Whether it has two named ends of which each can have one link."""
    named = link.a.name and link.z.name
    return bool(named) and link.a.device != link.z.device and link.medium in ONE_A_PORT


# ---------------------------------------------------------------- written down twice


def _once(ledger: Ledger) -> tuple[Ledger, dict[str, str]]:
    """Of the links between the same two ports the first; routes over the others lead over it."""
    first: dict[frozenset[_End], str] = {}
    of = {k.id: first.setdefault(frozenset((_end(k.a), _end(k.z))), k.id) for k in ledger.links.values() if _plain(k)}
    same = {again: link for again, link in of.items() if again != link}
    if not same:
        return ledger, same
    links = {i: k for i, k in ledger.links.items() if i not in same}
    for again, link in same.items():
        if not links[link].cables:
            links[link] = replace(links[link], cables=ledger.links[again].cables)

    def once(way: _Way) -> _Way:
        return tuple(dict.fromkeys(same.get(i, i) for i in way))

    circuits = {
        c.id: replace(c, working=once(c.working), protecting=once(c.protecting)) for c in ledger.circuits.values()
    }
    return replace(ledger, links=links, circuits=circuits), same


# ---------------------------------------------------------------- each device at the other's port


def _taken(links: Iterable[Link]) -> Counter[_End]:
    """Port → how many links are written down at it that would have it for themselves."""
    return Counter(end for k in links if _plain(k) for end in (_end(k.a), _end(k.z)))


def _exchanged(link: Link) -> Link:
    return replace(link, a=Port(link.a.device, link.z.name), z=Port(link.z.device, link.a.name))


def _turned(ledger: Ledger) -> tuple[Ledger, tuple[str, ...]]:
    """Links at taken ports read with their port names exchanged, where that settles it and nothing else would."""
    taken = _taken(ledger.links.values())
    if not any(n > 1 for n in taken.values()):
        return ledger, ()
    contested = sum(taken[_end(k.a)] > 1 or taken[_end(k.z)] > 1 for k in ledger.links.values() if _plain(k))
    if 2 * contested > len(ledger.links):
        others = {k.id: _exchanged(k) for k in ledger.links.values()}
        if all(n == 1 for n in _taken(others.values()).values()):
            return replace(ledger, links=others), tuple(others)  # the two columns were
    known = {_end(e) for k in ledger.links.values() for e in (k.a, k.z)}
    known |= {_end(e) for c in ledger.circuits.values() for e in (c.a, c.z)}
    turned: dict[str, Link] = {}
    for link in ledger.links.values():
        other = _exchanged(link)
        if (
            _plain(link)
            and (taken[_end(link.a)] > 1 or taken[_end(link.z)] > 1)
            and known.isdisjoint((_end(other.a), _end(other.z)))
        ):
            turned[link.id] = other
    rivals = Counter(end for i in turned for end in (_end(ledger.links[i].a), _end(ledger.links[i].z)))
    rivals += Counter(end for k in turned.values() for end in (_end(k.a), _end(k.z)))
    settled = {
        i: k
        for i, k in turned.items()
        if all(rivals[_end(e)] == 1 for e in (ledger.links[i].a, ledger.links[i].z, k.a, k.z))
    }
    if not settled:
        return ledger, ()
    return replace(ledger, links={i: settled.get(i, k) for i, k in ledger.links.items()}), tuple(settled)


# ---------------------------------------------------------------- not written down


def _joined(ledger: Ledger) -> tuple[Ledger, dict[str, tuple[str, ...]]]:
    """With a link where routes break off between two devices that none joins.

    One circuit alone may have a wrong route, unless nothing leads from one of the two to the other: something must.
    """
    gaps = {c.id: found for c in ledger.circuits.values() if (found := list(_gaps(ledger, c)))}
    if not gaps:
        return ledger, {}
    joined = {frozenset((k.a.device, k.z.device)) for k in ledger.links.values()}
    part = _parts(ledger)
    habit = _written_short(ledger, gaps)
    crossing: dict[frozenset[str], set[str]] = {}
    for name, found in gaps.items():
        ends = {ledger.circuits[name].a.device, ledger.circuits[name].z.device}
        for gap in found:
            if gap not in joined and (_apart(gap, part) or habit.isdisjoint(gap & ends)):
                crossing.setdefault(gap, set()).add(name)
    links = {
        gap: link
        for gap, circuits in crossing.items()
        if (len(circuits) > 1 or _apart(gap, part)) and (link := _between(gap, ledger)).id not in ledger.links
    }
    circuits = dict(ledger.circuits)
    for name in sorted(name for gap in links for name in crossing[gap]):
        it = ledger.circuits[name]
        working, protecting = (_filled(ledger, it, way, links) for way in (it.working, it.protecting))
        circuits[name] = replace(it, working=working, protecting=protecting)
    missing = {link.id: tuple(sorted(crossing[gap])) for gap, link in sorted(links.items(), key=lambda kv: kv[1].id)}
    if not missing:
        return ledger, {}
    return replace(ledger, links={**ledger.links, **{k.id: k for k in links.values()}}, circuits=circuits), missing


def _parts(ledger: Ledger) -> dict[str, int]:
    """Device → which part of the network it is in; no link leads from one part to another."""
    links_of: dict[str, list[str]] = {d: [] for d in ledger.devices}
    for link in ledger.links.values():
        links_of.setdefault(link.a.device, []).append(link.z.device)
        links_of.setdefault(link.z.device, []).append(link.a.device)
    part: dict[str, int] = {}
    for n, start in enumerate(links_of):
        ahead = [start] if start not in part else []
        while ahead:
            at = ahead.pop()
            if at not in part:
                part[at] = n
                ahead += links_of[at]
    return part


def _apart(gap: frozenset[str], part: Mapping[str, int]) -> bool:
    return len({part[device] for device in gap}) > 1


def _written_short(ledger: Ledger, gaps: Mapping[str, Collection[frozenset[str]]]) -> set[str]:
    """Devices at which most routes break off that should end there: that is how this ledger is written."""
    ways: Counter[str] = Counter()
    short: Counter[str] = Counter()
    for circuit in ledger.circuits.values():
        ends = {circuit.a.device, circuit.z.device}
        for end in ends:
            ways[end] += bool(circuit.working) + bool(circuit.protecting)
        for gap in gaps.get(circuit.id, ()):
            short.update(gap & ends)
    return {end for end, n in short.items() if 2 * n > ways[end]}


def _between(gap: frozenset[str], ledger: Ledger) -> Link:
    """A link of which no more is known than what it joins."""
    one, other = sorted(gap)
    roles = {ledger.devices[one].role, ledger.devices[other].role}
    medium = Medium.PON if roles == {Role.OLT, Role.ONU} else Medium.FIBRE
    return Link(f"{one}~{other}", Port(one, ""), Port(other, ""), medium)


def _gaps(ledger: Ledger, circuit: Circuit) -> Iterator[frozenset[str]]:
    """The one gap of each of its routes, where it has one: the two devices."""
    for way in (circuit.working, circuit.protecting):
        if (gap := _gap(ledger, circuit, way)) is not None:
            yield gap


def _gap(ledger: Ledger, circuit: Circuit, way: _Way) -> frozenset[str] | None:
    """The two devices between which a route breaks off, in whatever order its links stand.

    A way from A to Z meets each device between them an even number of times. Two that it meets an odd number of times
    are the ends of the gap, if joining them makes it one.
    """
    odd = {circuit.a.device} ^ {circuit.z.device}
    for name in way:
        link = ledger.links.get(name)
        if link is None:
            return None
        odd ^= {link.a.device} ^ {link.z.device}
    if not way or len(odd) != 2 or not odd <= ledger.devices.keys():
        return None
    pieces = [odd]
    for name in way:
        link = ledger.links[name]
        ends = {link.a.device, link.z.device}
        touched = [p for p in pieces if not p.isdisjoint(ends)]
        pieces = [p for p in pieces if p.isdisjoint(ends)] + [ends.union(*touched)]
    return frozenset(odd) if len(pieces) == 1 else None


def _filled(ledger: Ledger, circuit: Circuit, way: _Way, links: Mapping[frozenset[str], Link]) -> _Way:
    """A route with the link that joins its gap, where it breaks off."""
    link = links.get(_gap(ledger, circuit, way) or frozenset())
    if link is None:
        return way
    at = circuit.a.device
    for n, name in enumerate(way):
        ends = ledger.links[name].a.device, ledger.links[name].z.device
        if at not in ends:
            return (*way[:n], link.id, *way[n:])
        at = ends[1 - ends.index(at)]
    return (*way, link.id)
