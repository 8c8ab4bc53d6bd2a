"""What is physically true of the simulated network: what is cut, dark, broken, hung, and what follows from it.

Nothing here knows SNMP. `Plant.do` changes one thing; `lit` and `within_reach` say what follows. The model:

* A link carries when both boxes have power, both ports work and none of its cables is cut.
* A port is up when a link on it carries (a PON port has many); a box without power has no ports at all.
* A box is within reach when live links lead from the vantage to it. Boxes of customers forward nothing, media
  converters forward everything. Routing is taken to be instantaneous and to use whatever carries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from netwatch.core.model import Ledger, Medium, Port, Role


class Verb(StrEnum):
    """What can happen to the plant. The target is a cable, a port (`DEVICE PORT`), a device or a part of one."""

    CUT = "cut"
    SPLICE = "splice"
    BREAK = "break"
    """A transceiver dies."""
    REPLACE = "replace"
    DIE = "die"
    """A box stops at once: hardware, no last word."""
    UNPLUG = "unplug"
    """A box loses its power and, if it can, says so first."""
    START = "start"
    REBOOT = "reboot"
    """Off and on again, faster than anybody looks."""
    HANG = "hang"
    """The agent stops answering; the box goes on forwarding."""
    WAKE = "wake"
    AIL = "ail"
    """A part of a box (`DEVICE PART`) fails that no MIB of its tells of; the box goes on."""
    HEAL = "heal"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens to the plant."""

    verb: Verb
    target: str

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


_UNDO = {
    Verb.CUT: Verb.SPLICE,
    Verb.BREAK: Verb.REPLACE,
    Verb.DIE: Verb.START,
    Verb.UNPLUG: Verb.START,
    Verb.HANG: Verb.WAKE,
    Verb.AIL: Verb.HEAL,
}


def undo(act: Act) -> Act:
    """What repairs it. Raises KeyError for an act that is itself a repair."""
    return Act(_UNDO[act.verb], act.target)


_LEAVES = frozenset({Role.CPE, Role.ONU})


class Plant:
    """The state of the simulated network, seen from `vantage`."""

    def __init__(self, ledger: Ledger, vantage: str) -> None:
        if vantage not in ledger.devices:
            raise ValueError(f"no device {vantage} to look from")
        self.ledger, self.vantage = ledger, vantage
        self.cut: set[str] = set()
        self.broken: set[Port] = set()
        self.off: set[str] = set()
        self.hung: set[str] = set()
        self.ailing: set[str] = set()
        self._at: dict[str, list[str]] = {}
        for link in ledger.links.values():
            for port in (link.a, link.z):
                self._at.setdefault(port.device, []).append(link.id)
        self._ports = {str(p): p for link in ledger.links.values() for p in (link.a, link.z)}
        self._reach: frozenset[str] | None = None

    def do(self, act: Act) -> None:
        """Change one thing. Doing what is so already changes nothing. Raises KeyError for an unknown target."""
        match act.verb:
            case Verb.CUT | Verb.SPLICE:
                _put(self.cut, act.target, act.verb is Verb.CUT, self.ledger.cables)
            case Verb.BREAK | Verb.REPLACE:
                port = self._ports[act.target]
                _put(self.broken, port, act.verb is Verb.BREAK, self._ports.values())
            case Verb.DIE | Verb.UNPLUG:
                _put(self.off, act.target, True, self.ledger.devices)
                self.hung.discard(act.target)
            case Verb.START | Verb.REBOOT:
                _put(self.off, act.target, False, self.ledger.devices)
                self.hung.discard(act.target)
            case Verb.HANG | Verb.WAKE:
                _put(self.hung, act.target, act.verb is Verb.HANG, self.ledger.devices)
            case Verb.AIL | Verb.HEAL:
                known = (act.target,) if act.target.partition(" ")[0] in self.ledger.devices else ()
                _put(self.ailing, act.target, act.verb is Verb.AIL, known)
        self._reach = None

    def carries(self, link: str) -> bool:
        """Light gets through, both ways."""
        it = self.ledger.links[link]
        return (
            self.cut.isdisjoint(it.cables)
            and self.off.isdisjoint((it.a.device, it.z.device))
            and self.broken.isdisjoint((it.a, it.z))
        )

    def lit(self, port: Port) -> bool:
        """The port is operationally up."""
        return any(
            self.carries(link)
            for link in self._at.get(port.device, ())
            if port in (self.ledger.links[link].a, self.ledger.links[link].z)
        )

    def ports(self, device: str) -> tuple[Port, ...]:
        """The ports of a device that the ledger knows, in the ledger's order."""
        links = (self.ledger.links[link] for link in self._at.get(device, ()))
        return tuple(dict.fromkeys(p for link in links for p in (link.a, link.z) if p.device == device))

    def pon(self, olt: str) -> tuple[tuple[Port, str, bool], ...]:
        """PON port, ONU, whether the ONU is online; for every ONU of the OLT."""
        links = (self.ledger.links[link] for link in self._at.get(olt, ()))
        return tuple((x.a, x.z.device, self.carries(x.id)) for x in links if x.medium is Medium.PON)

    def within_reach(self) -> frozenset[str]:
        """Every box that packets from the vantage get to; empty when the vantage itself is off."""
        if self._reach is None:
            self._reach = frozenset(self._walk())
        return self._reach

    def answers_ping(self, device: str) -> bool:
        return device in self.within_reach()

    def answers_snmp(self, device: str) -> bool:
        return device in self.within_reach() and device not in self.hung

    def _walk(self) -> Iterable[str]:
        if self.vantage in self.off:
            return ()
        seen, queue = {self.vantage}, deque([self.vantage])
        while queue:
            here = queue.popleft()
            if self.ledger.devices[here].role in _LEAVES:
                continue
            for link in self._at.get(here, ()):
                it = self.ledger.links[link]
                there = it.z.device if it.a.device == here else it.a.device
                if there not in seen and self.carries(link):
                    seen.add(there)
                    queue.append(there)
        return seen


def _put(among: set, item: object, present: bool, known: Iterable) -> None:  # type: ignore[type-arg]
    if item not in known:
        raise KeyError(str(item))
    if present:
        among.add(item)
    else:
        among.discard(item)
