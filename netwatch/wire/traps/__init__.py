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
from itertools import islice
from typing import Any

from netwatch.core.time import Instant
from netwatch.wire import decode, udp
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.nudges import Nudges
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential, Oid, ber, dotted
from netwatch.wire.traps import form
from netwatch.wire.traps.form import Notice
from netwatch.wire.traps.plan import AGENT, Plans
from netwatch.wire.traps.users import TrapUsers

log = logging.getLogger(__name__)

MOST_UNKNOWN = 1_000
"""Different unknown notifications that are kept, to be shown to people."""
MOST_OF_ONE = 50
"""Of one device: whoever sends them in its name must not take all the room, nor fill our log."""
MOST_VARBINDS = 40
"""Of one notification that are shown."""
MOST_KEPT = 8_192
"""Octets of them that are kept."""
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
    octets: bytes
    """Varbinds of the last one."""

    @property
    def varbinds(self) -> tuple[tuple[str, str], ...]:
        """Names and values, as people read them; long ones cut off."""
        read = islice(form.readable(self.octets), MOST_VARBINDS)
        return tuple((dotted(vb.oid), (decode.text(vb) or "")[:200]) for vb in read)


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
        self._plans = Plans(profiles)
        self._names, self._inbox, self._clock = names, inbox, clock
        self._nudges = Nudges(nudge)
        self._communities = None if communities is None else frozenset(c.encode() for c in communities)
        self._v3 = TrapUsers(users, time.monotonic, engine_id)
        self._datagrams = udp.Datagrams(self._hear, most=BATCH)
        self.stats = stats or TrapStats()

    def reload(self, profiles: Profiles) -> None:
        """Other profiles are in force."""
        self._plans = Plans(profiles)

    def open(self, address: str = "0.0.0.0", port: int = 162, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        return self._datagrams.open(address, port, sock)

    def close(self) -> None:
        self._datagrams.close()

    def _hear(self, data: bytes, source: Any) -> None:
        """One datagram."""
        self.stats.heard += 1
        try:
            opened = form.message(data)
            if opened is None:
                self._hear_v3(data, source)
                return
            version, community, notice, pdu = opened
            if self._communities is not None and community not in self._communities:
                self.stats.refused += 1
                return
            self._understand(notice, source)
            if data[pdu] == ber.INFORM:
                self._reply(ber.write_message(version, community, form.answer(data, pdu)), source)
        except ber.BerError:
            self.stats.garbled += 1

    def _hear_v3(self, data: bytes, source: Any) -> None:
        try:
            inside, reply = self._v3.open(data, source[0])
        except ber.BerError:
            self.stats.refused += 1
            return
        if inside is not None:
            self._understand(inside, source)
        if reply is not None:
            self._reply(reply, source)

    def _reply(self, reply: bytes, source: Any) -> None:
        if self._datagrams.socket is None:
            return
        try:
            self._datagrams.socket.sendto(reply, source)
        except OSError as error:
            log.debug("cannot answer an inform of %s: %s", source[0], error)

    def _understand(self, notice: Notice, source: Any) -> None:
        """Raises BerError when nothing can be made of it."""
        name, agent, data = notice
        plan = self._plans.of(name)
        spots = plan.find(data)
        if (proxied := spots[AGENT]) is not None:
            agent = data[proxied[1] + 2 : proxied[2]]
        box = (self._names.box_of(agent) if agent else None) or self._names.box_at(source[0])
        if box is None:
            strangers = self.stats.strangers
            if len(strangers) < MOST_UNKNOWN or source[0] in strangers:
                strangers[source[0]] += 1
            return
        if not plan.known:
            self._keep(box.id, ber.read_name(name), data, source[0])
        elif (seen := plan.read(box, data, spots, self._clock())) is not None:
            self.stats.observed += 1
            self._inbox.offer(seen, f"trap {box.id}")
        self._nudges.put(box.id)

    def _keep(self, device: str, name: Oid, varbinds: bytes, source: str) -> None:
        key, stats, now = (device, name), self.stats, self._clock()
        if key not in stats.unknown:
            if stats.kinds[device] >= MOST_OF_ONE or len(stats.unknown) >= MOST_UNKNOWN:
                stats.unkept += 1
                return
            stats.kinds[device] += 1
            log.info("%s: a notification that no profile knows: %s", device, dotted(name))
        stats.unknown[key] += 1
        first = stats.samples[key].first if key in stats.samples else now
        stats.samples[key] = Unknown(device, name, source, first, now, varbinds[:MOST_KEPT])
