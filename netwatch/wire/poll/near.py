"""Who stands next to whom, as far as polling is concerned: where to look when a device or a port falls silent."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from netwatch.core.model import Ledger, Role

_FIRST = (Role.CORE, Role.AGGREGATION, Role.TRANSMISSION, Role.OLT, Role.ACCESS)
MOST = 32
"""Neighbours of one device that are looked at at once, those that carry others first: a hub has hundreds of leaves."""


class Surroundings:
    """The links of a ledger, seen from the devices in `polled`; boxes that nobody polls are looked through."""

    def __init__(self, ledger: Ledger, polled: Collection[str]) -> None:
        self._ledger, self._polled = ledger, frozenset(polled)
        self._beside: dict[str, list[tuple[str, str]]] = {}
        """Device → (its port, the device at the other end) of each of its links."""
        for link in ledger.links.values():
            for here, there in ((link.a, link.z), (link.z, link.a)):
                if here.device and there.device and here.device != there.device:
                    self._beside.setdefault(here.device, []).append((here.name, there.device))

    def of(self, device: str) -> tuple[str, ...]:
        """The neighbours of a device."""
        return self._reached(device, (there for _, there in self._beside.get(device, ())))

    def facing(self, device: str, port: str) -> tuple[str, ...]:
        """What the light of a port (as the ledger writes it) reaches first."""
        return self._reached(device, (there for name, there in self._beside.get(device, ()) if name == port))

    def _reached(self, device: str, first: Iterable[str]) -> tuple[str, ...]:
        seen, front, found = {device}, [*first], set[str]()
        while front:
            here = front.pop()
            if here in seen:
                continue
            seen.add(here)
            if here in self._polled:
                found.add(here)
            else:
                front += (there for _, there in self._beside.get(here, ()))
        return tuple(sorted(found, key=lambda it: (_rank(self._ledger.devices[it].role), it))[:MOST])


def _rank(role: Role) -> int:
    return _FIRST.index(role) if role in _FIRST else len(_FIRST)
