"""Who is who: addresses to devices, interface numbers to names, names to the ledger's own spelling.

A component is known by its name. Numbers (ifIndex) change at a reboot and two ports may even swap them, so a number
is only ever an abbreviation for the name that the device itself gave it at its last poll.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from netwatch.core.model import Condition, Ledger, Medium, Role
from netwatch.core.ports import normal

MOST_HEARD = 256
"""Names of one device that nobody but its traps and log lines knows."""
_PORTS = frozenset({Condition.LINK, Condition.ADMIN})
"""What polling tells of every port of a device."""


class Names:
    """What poller, trap and syslog listeners share about naming. Survives a change of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._by_index: dict[str, Mapping[int, str]] = {}
        self._polled: dict[str, frozenset[str]] = {}
        self._heard: dict[str, set[str]] = {}
        self.reload(ledger)

    def reload(self, ledger: Ledger) -> None:
        """Another ledger is in force."""
        self._devices = {_address(a): device for a, device in ledger.by_address.items()}
        self._spelling: dict[str, dict[str, str]] = {}
        for link in ledger.links.values():
            for port in (link.a, link.z):
                self._learn(port.device, port.name)
        for circuit in ledger.circuits.values():
            for port in (circuit.a, circuit.z):
                self._learn(port.device, port.name)
        self._onus: dict[tuple[str, str], list[tuple[str, frozenset[str]]]] = {}
        for link in ledger.links.values():
            if link.medium is Medium.PON:
                for olt, onu in ((link.a, link.z), (link.z, link.a)):
                    if (device := ledger.devices.get(onu.device)) and device.role is Role.ONU:
                        called = {device.id, device.name, onu.name, *device.notes.values()}
                        words = frozenset(_plain(word) for word in called if word)
                        self._onus.setdefault((olt.device, normal(olt.name)), []).append((device.id, words))
        self._by_index = {d: dict(numbers) for d, numbers in self._by_index.items() if d in ledger.devices}
        self._polled = {d: names for d, names in self._polled.items() if d in ledger.devices}
        self._heard = {d: names for d, names in self._heard.items() if d in ledger.devices}

    def _learn(self, device: str, name: str) -> None:
        if device and name:
            self._spelling.setdefault(device, {}).setdefault(normal(name), name)

    def device_at(self, address: str) -> str | None:
        """The device with this management address; `::ffff:192.0.2.1` is 192.0.2.1."""
        return self._devices.get(address) or self._devices.get(_address(address))

    def state(self, device: str) -> object:
        """Another object whenever anything of what is known here of the device may have changed."""
        return self._by_index.get(device, self._devices)

    def ports(self, device: str) -> Mapping[str, str]:
        """The ports that the ledger names on the device: comparable form → the ledger's spelling."""
        return self._spelling.get(device, {})

    def spell(self, device: str, *names: str) -> str:
        """The ledger's spelling of a port that the device calls any of `names`, else the first of them."""
        known = self.ports(device)
        for name in names:
            if name and (spelt := known.get(normal(name))):
                return spelt
        return next((name for name in names if name), "")

    def spell_onu(self, olt: str, port: str, onu: str, known_as: Iterable[str]) -> str:
        """`PORT/ONU`, with the ONU as the ledger calls it if it has one on that port that goes by any of `known_as`.

        `onu` is its number on the port, `known_as` its serial, name, description, whatever the OLT knows.
        """
        spelt = self.spell(olt, port)
        words = {_plain(word) for word in (*known_as, onu) if word}
        for device, called in self._onus.get((olt, normal(spelt)), ()):
            if called & words:
                return f"{spelt}/{device}"
        return f"{spelt}/{onu}"

    def number(self, device: str, names: Mapping[int, str]) -> None:
        """The device's interface numbers, as it just told them."""
        self._by_index[device] = names
        self._polled[device] = frozenset(normal(name) for name in names.values())

    def credible(self, device: str, component: str, condition: Condition) -> bool:
        """May what was heard be told of this component? A broken trap must not fill our books with what there is not.

        What the ledger names always; a port only if the device has it, as soon as polling knows which it has; anything
        else if it looks like a name, up to so many of one device.
        """
        if not component or (name := normal(component)) in self.ports(device):
            return True
        polled = self._polled.get(device)
        if polled and condition in _PORTS:
            return name in polled
        if len(component) > 100 or not component.isprintable() or not any(c.isalnum() for c in component):
            return False
        heard = self._heard.setdefault(device, set())
        if name not in heard and len(heard) >= MOST_HEARD:
            return False
        heard.add(name)
        return True

    def by_index(self, device: str, index: int) -> str | None:
        """The port (spelt) that has this ifIndex, as far as the last poll tells."""
        return self._by_index.get(device, {}).get(index)


def _address(text: str) -> str:
    """One spelling for an address; what is no address is left as it is (it will match nothing)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _plain(word: str) -> str:
    """Serial numbers are written with and without dashes, names in any case."""
    return "".join(c for c in word.lower() if c.isalnum())
