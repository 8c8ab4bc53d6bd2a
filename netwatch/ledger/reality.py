"""Ledger against reality: what devices answer, held against what the ledger says of them.

Nothing here asks; `wire.discover.look` does. Only what is contradicted is told: LLDP that is off proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netwatch.core.model import Ledger, Port
from netwatch.core.ports import normal
from netwatch.wire.discover import spelt
from netwatch.wire.poll.near import Surroundings
from netwatch.wire.read import Read


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing in which the ledger and a device do not agree."""

    kind: str
    """`name`: it calls itself otherwise · `port`: it has no such port · `link`: LLDP hears another far end there ·
    `unlisted`: LLDP hears a device of the ledger where the ledger has no link."""
    device: str
    port: str
    ledger: str
    """What the ledger says."""
    heard: str
    """What the device says."""


def against(ledger: Ledger, reads: Mapping[str, Read]) -> list[Gap]:
    """Every contradiction, device by device in the ledger's order. `reads` are what devices answered, by id."""
    network = _Network(ledger, reads)
    return [gap for device in ledger.devices if device in reads for gap in network.of(device)]


class _Network:
    def __init__(self, ledger: Ledger, reads: Mapping[str, Read]) -> None:
        self._ledger, self._reads = ledger, reads
        managed = [d.id for d in ledger.devices.values() if d.managed]
        self._near = Surroundings(ledger, managed)
        self._named: dict[str, dict[str, Port]] = {}
        """Device → comparable form of a port → the port as the ledger writes it, of each end of a link or circuit."""
        ends = [end for link in ledger.links.values() for end in (link.a, link.z)]
        ends += [end for circuit in ledger.circuits.values() for end in (circuit.a, circuit.z)]
        for end in ends:
            if end.device and end.name:
                self._named.setdefault(end.device, {}).setdefault(normal(end.name), end)
        self._far: dict[Port, Port] = {}
        for link in ledger.links.values():
            self._far |= {link.a: link.z, link.z: link.a}
        self._called: dict[str, str] = {}
        for device in ledger.devices.values():
            for word in (device.id, device.name, reads[device.id].name if device.id in reads else ""):
                if word:
                    self._called.setdefault(_plain(word), device.id)

    def of(self, device: str) -> Iterator[Gap]:
        read, it = self._reads[device], self._ledger.devices[device]
        if read.name and _plain(read.name) not in {_plain(it.id), _plain(it.name)}:
            yield Gap("name", device, "", it.name or it.id, read.name)
        yield from self._ports(device, read)
        for row in read.lists.get("neighbours", []):
            yield from self._neighbour(device, row)

    def _ports(self, device: str, read: Read) -> Iterator[Gap]:
        rows = read.lists.get("ports", [])
        there = {normal(str(row.get(key) or "")) for row in rows for key in ("name", "descr")}
        for name, port in self._named.get(device, {}).items():
            if rows and name not in there:
                yield Gap("port", device, port.name, port.name, "no such port")

    def _neighbour(self, device: str, row: Mapping[str, object]) -> Iterator[Gap]:
        local, far, far_port = (str(row.get(key) or "") for key in ("local_port", "remote_device", "remote_port"))
        other = self._called.get(_plain(far))
        port = self._named.get(device, {}).get(normal(local))
        heard = f"{other or far} {far_port}".strip()
        if port is None or port not in self._far:
            if other is not None and other != device:
                yield Gap("unlisted", device, local, "", heard)
            return
        expected, end = self._near.facing(device, port.name), self._far[port]
        if other not in expected:
            yield Gap("link", device, port.name, _told(expected, end), heard)
        elif other == end.device and other in self._reads:
            called = spelt(self._reads[other], far_port, str(row.get("remote_port_descr") or ""))
            known = {normal(str(r.get(k) or "")) for r in self._reads[other].lists.get("ports", []) for k in ("name",)}
            if normal(called) in known and normal(called) != normal(end.name):
                yield Gap("link", device, port.name, str(end), f"{other} {called}")


def _told(expected: Iterable[str], end: Port) -> str:
    return str(end) if end.device in expected else " ".join(expected) or str(end)


def _plain(word: str) -> str:
    """Names with or without the domain, in any case of letters."""
    return word.strip().lower().partition(".")[0]
