"""Hearing syslog: RFC 5424 and the many forms of RFC 3164, over UDP, TCP and TLS.

Forms of vendors differ in everything before the text, so that the header is not parsed at all: the sender is known by
its address, and the patterns of profiles look for what they know anywhere in the line. A line is a hint like a trap.
"""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netwatch.core.model import Observation, Source, State
from netwatch.core.time import Instant
from netwatch.wire import decode, udp
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import PORTS, Names
from netwatch.wire.profile import Profiles
from netwatch.wire.stream import LONGEST, Streams, StreamStats

MOST_STRANGERS = 1_000


@dataclass(slots=True)
class SyslogStats:
    heard: int = 0
    observed: int = 0
    strangers: Counter[str] = field(default_factory=Counter)
    streams: StreamStats = field(default_factory=StreamStats)


class SyslogReader:
    """What a line means, by the profiles."""

    def __init__(self, profiles: Profiles, names: Names) -> None:
        self.profiles, self.names = profiles, names

    def read(self, device: str, line: str, at: Instant) -> Observation | None:
        for _, rule in self.profiles.lines:
            found = rule.pattern.search(line)
            if found is None:
                continue
            if rule.condition is None:
                return None
            groups = found.groupdict()
            word = (groups.get("state") or "").lower()
            state = rule.state
            if state is None:
                bad, ok = ({w.lower() for w in words} for words in (rule.bad, rule.ok))
                state = State.BAD if word in bad else State.OK if word in ok else None
            if state is None:
                continue
            component = self.names.box(device).component(groups.get("component") or "", rule.condition in PORTS)
            if component is None:
                return None
            if rule.prefix and component:
                component = f"{rule.prefix} {component}"
            return Observation(at, device, component, rule.condition, state, Source.SYSLOG, value=found[0][:200])
        return None


class SyslogListener:
    """Hears syslog by any of three ways: `open` for UDP, `open_stream` for TCP and TLS; `close` ends it."""

    def __init__(
        self,
        names: Names,
        profiles: Profiles,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        nudge: Callable[[str], None] | None = None,
        stats: SyslogStats | None = None,
    ) -> None:
        """`stats` of a former listener are gone on with."""
        self._names, self._inbox, self._clock, self._nudge = names, inbox, clock, nudge
        self._reader = SyslogReader(profiles, names)
        self._datagrams = udp.Datagrams(self._datagram)
        self._streams: dict[bool, Streams] = {}
        """By whether they speak TLS."""
        self.stats = stats or SyslogStats()

    def open(self, address: str = "0.0.0.0", port: int = 514, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing UDP; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        return self._datagrams.open(address, port, sock)

    def open_stream(
        self,
        address: str = "0.0.0.0",  # noqa: S104
        port: int = 601,
        *,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Hear TCP (RFC 6587), or TLS (RFC 5425), too; returns the port. Raises OSError."""
        sock = sock or udp.bind(address, port, socket.SOCK_STREAM)
        bound = int(sock.getsockname()[1])
        streams = Streams(self.hear, self._expected, tls=tls, stats=self.stats.streams)
        streams.open(sock)
        self._streams[tls is not None] = streams
        return bound

    def adopt(self, former: SyslogListener) -> None:
        """Connections of a former listener go on here."""
        for tls, streams in self._streams.items():
            if (before := former._streams.get(tls)) is not None:
                streams.adopt(before)

    def close(self) -> None:
        self._datagrams.close()
        for streams in self._streams.values():
            streams.close()
        self._streams.clear()

    def _datagram(self, data: bytes, source: Any) -> None:
        self.hear(data, source[0])

    def _expected(self, source: str) -> bool:
        if self._names.box_at(source) is not None:
            return True
        self._stranger(source)
        return False

    def _stranger(self, source: str) -> None:
        if len(self.stats.strangers) < MOST_STRANGERS or source in self.stats.strangers:
            self.stats.strangers[source] += 1

    def hear(self, data: bytes, source: str) -> None:
        """One message from this address."""
        self.stats.heard += 1
        box = self._names.box_at(source)
        if box is None:
            self._stranger(source)
            return
        device = box.id
        seen = self._reader.read(device, decode.readable(data[:LONGEST]), self._clock())
        if seen is None:
            return
        self.stats.observed += 1
        self._inbox.offer(seen, f"syslog {device}")
        if self._nudge is not None:
            self._nudge(device)
