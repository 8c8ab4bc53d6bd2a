"""Hearing syslog: RFC 5424 and the many forms of RFC 3164, over UDP and TCP.

Forms of vendors differ in everything before the text, so that the header is not parsed at all: the sender is known by
its address, and the patterns of profiles look for what they know anywhere in the line. A line is a hint like a trap.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netwatch.core.model import Observation, Source, State
from netwatch.core.time import Instant
from netwatch.wire import decode, udp
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles

log = logging.getLogger(__name__)

LONGEST = 8192
"""Octets of a line that are looked at (RFC 5424 §6.1 asks for 2,048)."""
MOST_STRANGERS = 1_000
MOST_CONNECTIONS = 1_000
_COUNTED = re.compile(rb"\d{1,5} ")
"""Octet counting (RFC 6587 §3.4.1)."""


@dataclass(slots=True)
class SyslogStats:
    heard: int = 0
    observed: int = 0
    strangers: Counter[str] = field(default_factory=Counter)


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
            component = self.names.spell(device, groups.get("component") or "")
            if rule.prefix and component:
                component = f"{rule.prefix} {component}"
            return Observation(at, device, component, rule.condition, state, Source.SYSLOG, value=found[0][:200])
        return None


class SyslogListener:
    """One UDP socket, and a TCP one if wanted. `open` binds or takes over a bound socket; `close` ends it."""

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
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections = 0
        self.stats = stats or SyslogStats()

    def reload(self, profiles: Profiles) -> None:
        """Other profiles are in force."""
        self._reader = SyslogReader(profiles, self._names)

    def open(self, address: str = "0.0.0.0", port: int = 514, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing UDP; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        if sock is None:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM)
            try:
                sock.bind((address, port))
            except OSError:
                sock.close()
                raise
        self._socket = udp.roomy(sock)
        asyncio.get_running_loop().add_reader(sock, udp.drain, sock, self._datagram, 65535, 2_000)
        return int(sock.getsockname()[1])

    async def open_tcp(self, address: str = "0.0.0.0", port: int = 514) -> int:  # noqa: S104
        """Hear TCP too (RFC 6587); returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, address, port, limit=2 * LONGEST)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def _datagram(self, data: bytes, source: Any) -> None:
        self.hear(data, source[0])

    def hear(self, data: bytes, source: str) -> None:
        """One message from this address."""
        self.stats.heard += 1
        device = self._names.device_at(source)
        if device is None:
            if len(self.stats.strangers) < MOST_STRANGERS or source in self.stats.strangers:
                self.stats.strangers[source] += 1
            return
        seen = self._reader.read(device, decode.readable(data[:LONGEST]), self._clock())
        if seen is None:
            return
        self.stats.observed += 1
        self._inbox.offer(seen, f"syslog {device}")
        if self._nudge is not None:
            self._nudge(device)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str(writer.get_extra_info("peername", ("",))[0])
        try:
            if self._connections >= MOST_CONNECTIONS:
                return
            self._connections += 1
            try:
                while line := await _message(reader):
                    self.hear(line, source)
            finally:
                self._connections -= 1
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("syslog from %s ends: %s", source, error)
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """The next message of a stream, by counted octets or by line; empty at the end."""
    start = await reader.read(1)
    if not start or not start.isdigit():
        return start and start + await reader.readline()
    head = start + await reader.readuntil(b" ")
    if not _COUNTED.fullmatch(head):
        return head + await reader.readline()
    return await reader.readexactly(min(int(head), 65535))
