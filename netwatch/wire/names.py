"""Who is who: addresses to devices, interface numbers to names, names to the ledger's own spelling.

A component is known by its name. Numbers (ifIndex) change at a reboot and two ports may even swap them, so a number
is only ever an abbreviation for the name that the device itself gave it at its last poll.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from netwatch.core.model import Condition, Ledger, Medium, Role
from netwatch.core.ports import normal

MOST_HEARD = 256
"""Names of one device that nobody but its traps and log lines knows."""
MOST_SPELLINGS = 4_096
"""Of names of one device that are remembered; whoever writes `G E0 / 0/1` in ever new ways fills no more."""
PORTS = frozenset({Condition.LINK, Condition.ADMIN})
"""What polling tells of every port of a device."""
_NONE: Mapping[str, str] = MappingProxyType({})
_NO_ONUS: Mapping[str, dict[str, tuple[int, str]]] = MappingProxyType({})


class Box:
    """One device, and what its ports are called."""

    __slots__ = ("_believed", "_heard", "_onus", "_polled", "id", "numbers", "ports")

    def __init__(self, device: str) -> None:
        self.id = device
        self.ports = _NONE
        """Those that the ledger names: comparable form → the ledger's spelling."""
        self.numbers: Mapping[int, str] = {}
        """ifIndex → port (spelt), as far as the last poll tells."""
        self._onus = _NO_ONUS
        """Port (comparable) → word that an ONU goes by → its place in the ledger and its device."""
        self._polled: frozenset[str] | None = None
        self._heard: set[str] | None = None
        self._believed: dict[tuple[str, bool], str] = {}

    def _known(self, ports: Mapping[str, str], onus: Mapping[str, dict[str, tuple[int, str]]]) -> None:
        self.ports, self._onus, self._believed = ports, onus, {}

    def number(self, names: Mapping[int, str]) -> None:
        """Its interface numbers, as it just told them."""
        self.numbers, self._polled, self._believed = names, None, {}

    def spell(self, *names: str) -> str:
        """The ledger's spelling of a port that the device calls any of `names`, else the first of them."""
        for name in names:
            if name and (spelt := self.ports.get(normal(name))):
                return spelt
        return next((name for name in names if name), "")

    def component(self, called: str, of_ports: bool) -> str | None:
        """As the ledger spells it. None: it is not to be believed that there is any such thing.

        `of_ports`: what is told of it (`PORTS`) can only be told of a port.
        """
        key = called, of_ports
        spelt = self._believed.get(key)
        if spelt is None:
            spelt = self.spell(called)
            if not self._credible(spelt, of_ports):
                return None
            if len(self._believed) >= MOST_SPELLINGS:
                self._believed.clear()
            self._believed[key] = spelt
        return spelt

    def _credible(self, component: str, of_ports: bool) -> bool:
        """A broken trap must not fill our books with what there is not.

        What the ledger names is always believed; a port only if the device has it, as soon as polling knows which it
        has; anything else if it looks like a name, up to so many of one device.
        """
        if not component or (name := normal(component)) in self.ports:
            return True
        if self.numbers and of_ports:
            if component in self.numbers.values():
                return True
            if self._polled is None:
                self._polled = frozenset(map(normal, self.numbers.values()))
            return name in self._polled
        if len(component) > 100 or not component.isprintable() or not any(c.isalnum() for c in component):
            return False
        if self._heard is None:
            self._heard = set()
        if name not in self._heard and len(self._heard) >= MOST_HEARD:
            return False
        self._heard.add(name)
        return True

    def onu(self, port: str, onu: str, known_as: Iterable[str]) -> str | None:
        """`PORT/ONU` as the ledger calls it, if it has one on that port that goes by any of `known_as`; else None.

        `onu` is its number on the port, `known_as` its serial, name, description, whatever the OLT knows: it is looked
        at only where the ledger has ONUs.
        """
        if not self._onus:
            return None
        spelt = self.spell(port)
        words = self._onus.get(normal(spelt))
        if words is None:
            return None
        first = min((words[w] for word in (*known_as, onu) if (w := _plain(word)) in words), default=None)
        return f"{spelt}/{first[1]}" if first else None


class Names:
    """What poller, trap and syslog listeners share about naming. Survives a change of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._boxes: dict[str, Box] = {}
        self._at: dict[str, Box] = {}
        self._octets: dict[bytes, Box] = {}
        self.reload(ledger)

    def reload(self, ledger: Ledger) -> None:
        """Another ledger is in force."""
        self.prepare(ledger)()

    def prepare(self, ledger: Ledger) -> Callable[[], None]:
        """What takes long about another ledger, for a thread. What is returned puts it in force, in no time."""
        ports: dict[str, dict[str, str]] = {}
        ends = [end for link in ledger.links.values() for end in (link.a, link.z)]
        for port in (*ends, *(end for circuit in ledger.circuits.values() for end in (circuit.a, circuit.z))):
            if port.device and port.name:
                ports.setdefault(port.device, {}).setdefault(normal(port.name), port.name)
        onus = _onus(ledger)
        boxes = {device: self.box(device) for device in {**ledger.devices, **ports, **onus}}
        other = [
            (box, *named)
            for device, box in boxes.items()
            if (named := (ports.get(device, _NONE), onus.get(device, _NO_ONUS))) != (box.ports, box._onus)
        ]
        at: dict[str, Box] = {}
        octets: dict[bytes, Box] = {}
        for text, device in ledger.by_address.items():
            address, box = _address(text), boxes[device]
            at[str(address)] = box
            if isinstance(address, ipaddress.IPv4Address):
                at[f"::ffff:{address}"] = octets[address.packed] = box

        def enforce() -> None:
            for box, its_ports, its_onus in other:
                box._known(its_ports, its_onus)
            self._boxes, self._at, self._octets = boxes, at, octets

        return enforce

    def box(self, device: str) -> Box:
        """What is known of the device of this id."""
        box = self._boxes.get(device)
        if box is None:
            box = self._boxes[device] = Box(device)
        return box

    def box_at(self, address: str) -> Box | None:
        """The device with this management address; `::ffff:192.0.2.1` is 192.0.2.1."""
        return self._at.get(address) or self._at.get(str(_address(address)))

    def box_of(self, octets: bytes) -> Box | None:
        """The device with this IPv4 address, in its four octets."""
        return self._octets.get(octets)

    def ports(self, device: str) -> Mapping[str, str]:
        """The ports that the ledger names on the device: comparable form → the ledger's spelling."""
        return self.box(device).ports

    def spell(self, device: str, *names: str) -> str:
        """The ledger's spelling of a port that the device calls any of `names`, else the first of them."""
        return self.box(device).spell(*names)

    def spell_onu(self, olt: str, port: str, onu: str, known_as: Iterable[str]) -> str:
        """`PORT/ONU`, with the ONU as the ledger calls it if it has one on that port that goes by any of `known_as`."""
        box = self.box(olt)
        return box.onu(port, onu, known_as) or f"{box.spell(port)}/{onu}"

    def number(self, device: str, names: Mapping[int, str]) -> None:
        """The device's interface numbers, as it just told them."""
        self.box(device).number(names)


def _onus(ledger: Ledger) -> dict[str, dict[str, dict[str, tuple[int, str]]]]:
    """OLT → port (comparable) → word that an ONU there goes by → (its place in the ledger, its device)."""
    out: dict[str, dict[str, dict[str, tuple[int, str]]]] = {}
    for place, link in enumerate(ledger.links.values()):
        if link.medium is not Medium.PON:
            continue
        for olt, onu in ((link.a, link.z), (link.z, link.a)):
            if (device := ledger.devices.get(onu.device)) and device.role is Role.ONU:
                words = out.setdefault(olt.device, {}).setdefault(normal(olt.name), {})
                for called in (device.id, device.name, onu.name, *device.notes.values()):
                    if word := _plain(called):
                        words.setdefault(word, (place, device.id))
    return out


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    """One spelling for an address; what is no address is left as it is (it will match nothing)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    return getattr(address, "ipv4_mapped", None) or address


def _plain(word: str) -> str:
    """Serial numbers are written with and without dashes, names in any case."""
    word = word.lower()
    return word if word.isalnum() else "".join(c for c in word if c.isalnum())
