"""What a device is whose role nobody wrote down, by where it stands.

What stands at a customer's is not the operator's to mend, and nobody else is heard by way of it: taken for equipment
of the network, a customer's box that is switched off would send a crew to the wrong place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from netwatch.core.model import Circuit, Device, Link, Medium, Role


def presumed(
    devices: Mapping[str, Device], unknown: Collection[str], links: Mapping[str, Link], circuits: Mapping[str, Circuit]
) -> dict[str, Device]:
    """The devices of unknown role with the one that their links and circuits tell; access where these do not."""
    if not unknown:
        return {}
    mine: dict[str, list[Link]] = {id_: [] for id_ in unknown}
    for link in links.values():
        for id_ in mine.keys() & {link.a.device, link.z.device}:
            mine[id_].append(link)
    at: dict[str, set[str]] = {}
    for id_, own in mine.items():
        for link in own:
            at.setdefault(link.id, set()).add(id_)
    customers: dict[str, set[str]] = {id_: set() for id_ in unknown}
    passed: set[str] = set()
    """Those by way of which a circuit goes that does not end there."""
    for circuit in circuits.values():
        ends = {circuit.a.device, circuit.z.device}
        for id_ in customers.keys() & ends:
            customers[id_].add(circuit.customer)
        passed |= {id_ for i in (*circuit.working, *circuit.protecting) for id_ in at.get(i, ())} - ends
    return {
        id_: replace(devices[id_], role=_role(devices[id_], own, set() if id_ in passed else customers[id_]))
        for id_, own in mine.items()
    }


def _role(device: Device, links: Collection[Link], customers: Collection[str]) -> Role:
    """`customers`: whose circuits end there; empty where circuits of others pass."""
    pons = [link for link in links if link.medium is Medium.PON]
    if pons:
        return Role.ONU if len(links) == 1 and not device.address else Role.OLT
    if not device.managed and len(links) == 2:
        return Role.CONVERTER
    if len(links) <= 2 and len(customers) == 1:
        return Role.CPE  # all that it carries is one customer's and ends there, with one way to it or two
    return device.role
