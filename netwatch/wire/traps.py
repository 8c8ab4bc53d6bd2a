"""Hearing traps and informs: SNMPv1, v2c and v3 on one socket.

A trap is a hint. What a profile knows of it becomes an observation, and whatever it says, known or not, the device
is polled (`nudge`). An inform is answered once it is read. Nothing that comes in from the network raises out of here:
what cannot be read is counted.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from netwatch.core.model import Condition, Observation, Source, State
from netwatch.core.time import Instant
from netwatch.wire import ber, decode, udp
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profile, Profiles, Trap
from netwatch.wire.snmp import Credential, Oid, Tag, VarBind, dotted, oid
from netwatch.wire.template import Template, Term
from netwatch.wire.trap_users import TrapUsers

log = logging.getLogger(__name__)

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0")
TRAP_ADDRESS = oid("1.3.6.1.6.3.18.1.3.0")
SNMP_TRAPS = oid("1.3.6.1.6.3.1.1.5")
MOST_UNKNOWN = 1_000
"""Different unknown notifications that are kept, to be shown to people."""
MOST_OF_ONE = 50
"""Of one device: whoever sends them in its name must not take all the room, nor fill our log."""
MOST_VARBINDS = 40
"""Of one notification that are kept."""
MOST_SAID = 1 << 15
"""Different traps of which is remembered what they mean."""
BATCH = 2_000
"""Datagrams read in one go before the event loop gets its turn."""


@dataclass(slots=True)
class Unknown:
    """A notification that no profile knows, as one device sends it: what whoever extends a profile needs to see."""

    device: str
    oid: Oid
    source: str
    """The address that it came from."""
    first: Instant
    last: Instant
    varbinds: tuple[tuple[str, str], ...]
    """Names and values of the last one, as people read them; long ones cut off."""


@dataclass(slots=True)
class TrapStats:
    """For metrics, and for people who extend profiles."""

    heard: int = 0
    observed: int = 0
    garbled: int = 0
    refused: int = 0
    """Wrong community or user."""
    strangers: Counter[str] = field(default_factory=Counter)
    """Traps from addresses that no device of the ledger has."""
    unknown: Counter[tuple[str, Oid]] = field(default_factory=Counter)
    """(device, notification) that no profile knows."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many different ones of each device."""
    unkept: int = 0
    """Those for which there was no room among the unknown."""
    samples: dict[tuple[str, Oid], Unknown] = field(default_factory=dict)
    """What they look like, for each key of `unknown`."""

    def told(self) -> dict[str, Any]:
        """All of it as plain values, the unknown ones by count; times are instants."""
        return {
            "heard": self.heard,
            "observed": self.observed,
            "garbled": self.garbled,
            "refused": self.refused,
            "strangers": [{"source": source, "count": count} for source, count in self.strangers.most_common()],
            "unknown": [
                {
                    "oid": dotted(sample.oid),
                    "device": sample.device,
                    "source": sample.source,
                    "count": count,
                    "first": sample.first,
                    "last": sample.last,
                    "varbinds": [{"oid": name, "value": value} for name, value in sample.varbinds],
                }
                for key, count in self.unknown.most_common()
                if (sample := self.samples.get(key))
            ],
        }


@dataclass(frozen=True, slots=True)
class Notification:
    """A trap or inform of any version, in the form of v2 (RFC 3584 §3)."""

    oid: Oid
    varbinds: tuple[VarBind, ...]
    agent: str = ""
    """The address that it speaks for, when it says one: v1's agent-addr, or snmpTrapAddress that a proxy put in."""


@dataclass(slots=True)
class Said:
    """What a notification means, until the names of its device change."""

    device: str
    unknown: Notification | None
    """Itself, when no profile knows it."""
    seen: Observation | None
    names: object
    """`Names.state` of the device."""
    queue: str
    """Of the inbox."""


_ZEROS, _UPTIME = b"\x02\x01\x00\x02\x01\x00", b"\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x43"
"""No error-status and no error-index; the name sysUpTime.0 and the tag of its value."""


def without_time(data: bytes) -> bytes | None:
    """Community and varbinds of a v2c trap but for its uptime; None for whatever is not formed like most traps.

    A port that flaps, an alarm that many ports share, a box that repeats itself: in nothing else do their traps differ,
    but for the request-id. So two with the same result mean the same, and that need not be found out again.
    """
    end = len(data)
    try:
        at = _inside(data, 0, end, ber.SEQUENCE)
        if data[at : at + 4] != b"\x02\x01\x01\x04":
            return None
        community = at + 4
        at = community + 1 + data[community]
        named = data[community:at]
        at = _inside(data, at, end, ber.TRAP)
        size = data[at + 1]
        if data[at] != Tag.INTEGER or size > 8 or data[at + 2 + size : at + 8 + size] != _ZEROS:
            return None
        at = _inside(data, at + 8 + size, end, ber.SEQUENCE)
        size = data[at + 13]
        if data[at] != ber.SEQUENCE or data[at + 1] != 12 + size or size > 9 or data[at + 2 : at + 13] != _UPTIME:
            return None
        return named + data[at + 2 + data[at + 1] :]
    except IndexError:
        return None


def _inside(data: bytes, at: int, end: int, tag: int) -> int:
    """Where the content of what begins `at` begins. Raises IndexError if its tag is another or it ends elsewhere."""
    if data[at] != tag:
        raise IndexError
    size = data[at + 1]
    at += 2
    if size == 0x81:
        size, at = data[at], at + 1
    elif size == 0x82:
        size, at = data[at] << 8 | data[at + 1], at + 2
    if at + size != end:
        raise IndexError
    return at


def in_v2_form(pdu: ber.Pdu | ber.TrapV1) -> Notification:
    """Raises BerError when it is no notification."""
    if isinstance(pdu, ber.TrapV1):
        if 0 <= pdu.generic <= 5:
            name: Oid = (*SNMP_TRAPS, pdu.generic + 1)
        else:
            name = (*pdu.enterprise, 0, pdu.specific)
        agent = "" if pdu.agent == "0.0.0.0" else pdu.agent  # noqa: S104 - means that it says none
        return Notification(name, tuple(pdu.varbinds), agent)
    if pdu.kind not in (ber.TRAP, ber.INFORM):
        raise ber.BerError("no notification")
    named: Oid | None = None
    agent = ""
    rest: list[VarBind] = []
    for vb in pdu.varbinds:
        if vb.oid == TRAP_OID and isinstance(vb.value, tuple):
            named = vb.value
        elif vb.oid == TRAP_ADDRESS:
            agent = decode.text(vb) or ""
        elif vb.oid != SYS_UPTIME:
            rest.append(vb)
    if named is None:
        raise ber.BerError("a notification without its name")
    return Notification(named, tuple(rest), agent)


_OF_ONUS = frozenset({Condition.ONU, Condition.DYING_GASP})
"""What OLTs say of their ONUs, by number; the ledger calls them otherwise."""


class TrapReader:
    """What a notification means, by the profiles."""

    def __init__(self, profiles: Profiles, names: Names) -> None:
        self.profiles, self.names = profiles, names

    def read(self, device: str, heard: Notification, at: Instant) -> tuple[bool, Observation | None]:
        """(a profile knows it, what is observed)."""
        rules = self.profiles.traps.get(heard.oid) or self.profiles.traps.get(_other_form(heard.oid)) or []
        for profile, rule in rules:
            found = _Varbinds(self.profiles, profile, heard.varbinds)
            if not found.fit(rule):
                continue
            return True, self._observe(device, rule, found, at)
        return bool(rules), None

    def _observe(self, device: str, rule: Trap, found: _Varbinds, at: Instant) -> Observation | None:
        if rule.condition is None:
            return None
        state = rule.state if rule.state is not None else found.state(rule)
        if state is None:
            return None
        component = ""
        if rule.component is not None:
            component = found.fill(rule.component, lambda index: self.names.by_index(device, index) or "")
            if not component and rule.component.parts:
                return None  # it is about a port that we cannot name: the poll will tell
            port, slash, onu = component.rpartition("/")
            if slash and rule.condition in _OF_ONUS:
                component = self.names.spell_onu(device, port, onu, found.texts())
            else:
                component = self.names.spell(device, component)
            if not self.names.credible(device, component, rule.condition):
                return None
        value = found.fill(rule.value, lambda _: "") if rule.value is not None else ""
        shown = f"{rule.name}: {value}" if value else rule.name
        return Observation(at, device, component, rule.condition, state, Source.TRAP, value=shown[:200])


class _Varbinds:
    """The varbinds of one notification, found by the names of columns."""

    def __init__(self, profiles: Profiles, profile: Profile, varbinds: tuple[VarBind, ...]) -> None:
        self._profiles, self._profile, self._varbinds = profiles, profile, varbinds

    def texts(self) -> list[str]:
        """All that came as text: names, descriptions, serials."""
        return [text for vb in self._varbinds if vb.tag is Tag.OCTETS and (text := decode.text(vb))]

    def find(self, name: str) -> tuple[VarBind, tuple[int, ...]] | None:
        """The varbind of the column called `name`, and its instance."""
        column = self._profiles.column(self._profile, name)
        if column is None:
            return None
        for vb in self._varbinds:
            if vb.oid[: len(column)] == column:
                return vb, vb.oid[len(column) :]
        return None

    def _raw(self, name: str) -> int | float | str | None:
        found = self.find(name)
        if found is None:
            return None
        return found[0].value if isinstance(found[0].value, int) else decode.text(found[0])

    def fit(self, rule: Trap) -> bool:
        if any(self._raw(name) not in values for name, values in rule.when.items()):
            return False
        return all(
            (found := self.find(name)) is not None and pattern.search(decode.text(found[0]) or "") is not None
            for name, pattern in rule.match.items()
        )

    def state(self, rule: Trap) -> State | None:
        raw = self._raw(rule.by)
        return State.BAD if raw in rule.bad else State.OK if raw in rule.ok else None

    def fill(self, words: Template, port: Callable[[int], str]) -> str:
        def value(term: Term) -> str:
            if term.name == "port":
                return self._port(term.at, port)
            found = self.find(term.name)
            if found is None:
                return ""
            return dotted(term.part(found[1])) if term.index else decode.text(found[0]) or ""

        return words.fill(value)

    def _port(self, at: str, port: Callable[[int], str]) -> str:
        found = self.find(at.lstrip("#"))
        if found is None:
            return ""
        vb, instance = found
        if at.startswith("#"):
            return port(instance[-1]) if instance else ""
        return port(vb.value) if isinstance(vb.value, int) else ""


def _other_form(name: Oid) -> Oid:
    """MIBs of SNMPv1 days name traps without the 0 that RFC 3584 puts before the number, and gear sends either."""
    return (*name[:-2], name[-1]) if len(name) > 2 and name[-2] == 0 else (*name[:-1], 0, *name[-1:])


class RefusedError(ber.BerError):
    """Wrong community, unknown user, wrong key, or an old message sent again."""


class TrapListener:
    """One UDP socket for all traps. `open` binds or takes over a bound socket; `close` ends it."""

    def __init__(
        self,
        names: Names,
        profiles: Profiles,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        nudge: Callable[[str], None] | None = None,
        communities: Collection[str] | None = None,
        users: Collection[Credential] = (),
        engine_id: bytes = b"",
        stats: TrapStats | None = None,
    ) -> None:
        """`communities` None: any; `users` are the SNMPv3 users whose traps are accepted.

        `engine_id` is ours, for v3 informs; a fixed one spares senders a discovery after each start.
        `stats` of a former listener are gone on with.
        """
        self._reader = TrapReader(profiles, names)
        self._names, self._inbox, self._clock = names, inbox, clock
        self._nudge = nudge
        self._communities = None if communities is None else frozenset(c.encode() for c in communities)
        self._v3 = TrapUsers(users, time.monotonic, engine_id)
        self._datagrams = udp.Datagrams(self._hear, most=BATCH)
        self._said: dict[tuple[str, bytes], Said] = {}
        self.stats = stats or TrapStats()

    def reload(self, profiles: Profiles) -> None:
        """Other profiles are in force."""
        self._reader = TrapReader(profiles, self._names)
        self._said.clear()

    def open(self, address: str = "0.0.0.0", port: int = 162, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        return self._datagrams.open(address, port, sock)

    def close(self) -> None:
        self._datagrams.close()

    def _hear(self, data: bytes, source: Any) -> None:
        """One datagram."""
        self.stats.heard += 1
        octets = without_time(data)
        if octets is not None:
            said = self._said.get((source[0], octets))
            if said is not None and said.names is self._names.state(said.device):
                self._tell(said, source[0])
                return
        try:
            pdu, reply = self._open(data, source[0])
            if isinstance(pdu, ber.Pdu) and pdu.kind == ber.REPORT:
                self._reply(reply, source)
                return
            heard = in_v2_form(pdu)
        except RefusedError:
            self.stats.refused += 1
            return
        except ber.BerError:
            self.stats.garbled += 1
            return
        self._reply(reply, source)
        said = self._understand(heard, source[0])
        if said is None:
            return
        if octets is not None:
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            self._said[source[0], octets] = said
        self._tell(said, source[0])

    def _open(self, data: bytes, address: str) -> tuple[ber.Pdu | ber.TrapV1, bytes | None]:
        """(what was sent, what to answer): an inform's answer is itself with another tag (RFC 3416 §4.2.7)."""
        if ber.version_of(data) == 3:
            try:
                return self._v3.open(data, address)
            except ber.BerError as error:
                raise RefusedError(str(error)) from None
        message = ber.read_message(data)
        if self._communities is not None and message.community not in self._communities:
            raise RefusedError("community")
        pdu = message.pdu
        if not isinstance(pdu, ber.Pdu) or pdu.kind != ber.INFORM:
            return pdu, None
        body = ber.write_int(pdu.request_id) + ber.write_int(0) + ber.write_int(0) + ber.write_varbinds(pdu.varbinds)
        return pdu, ber.write_message(message.version, message.community, ber.tlv(ber.RESPONSE, body))

    def _reply(self, reply: bytes | None, source: Any) -> None:
        if reply is None or self._datagrams.socket is None:
            return
        try:
            self._datagrams.socket.sendto(reply, source)
        except OSError as error:
            log.debug("cannot answer an inform of %s: %s", source[0], error)

    def _understand(self, heard: Notification, source: str) -> Said | None:
        device = self._whose(heard, source)
        if device is None:
            if len(self.stats.strangers) < MOST_UNKNOWN or source in self.stats.strangers:
                self.stats.strangers[source] += 1
            return None
        known, seen = self._reader.read(device, heard, 0)
        return Said(device, None if known else heard, seen, self._names.state(device), f"trap {device}")

    def _tell(self, said: Said, source: str) -> None:
        device, seen = said.device, said.seen
        if seen is not None:
            self.stats.observed += 1
            observation = Observation(
                self._clock(), device, seen.component, seen.condition, seen.state, Source.TRAP, None, seen.value
            )
            self._inbox.offer(observation, said.queue)
        elif said.unknown is not None:
            self._keep(device, said.unknown, source)
        if self._nudge is not None:
            self._nudge(device)

    def _keep(self, device: str, heard: Notification, source: str) -> None:
        key, stats, now = (device, heard.oid), self.stats, self._clock()
        if key not in stats.unknown:
            if stats.kinds[device] >= MOST_OF_ONE or len(stats.unknown) >= MOST_UNKNOWN:
                stats.unkept += 1
                return
            stats.kinds[device] += 1
            log.info("%s: a notification that no profile knows: %s", device, dotted(heard.oid))
        stats.unknown[key] += 1
        first = stats.samples[key].first if key in stats.samples else now
        shown = tuple((dotted(vb.oid), (decode.text(vb) or "")[:200]) for vb in heard.varbinds[:MOST_VARBINDS])
        stats.samples[key] = Unknown(device, heard.oid, source, first, now, shown)

    def _whose(self, heard: Notification, source: str) -> str | None:
        """The device whose address it came from; for a proxy's, the one that it says it speaks for."""
        if heard.agent and (device := self._names.device_at(heard.agent)):
            return device
        return self._names.device_at(source)
