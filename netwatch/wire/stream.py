"""Lines over TCP and TLS (RFC 6587, RFC 5425), from peers that may be slow, broken or hostile.

Nothing that a peer does costs more than one connection's bounded memory and its own turns: who is not expected is shut
out before the first octet, a peer and all together hold so many connections, a handshake and a message begun must be
done in time, a line without end is cut, and who sends without pause gives way to the others after so many messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

log = logging.getLogger(__name__)

LONGEST = 8192
"""Octets of a message that are kept (RFC 5424 §6.1 asks for 2,048); what exceeds it is skipped."""
MOST, MOST_OF_ONE = 1_000, 20
"""Connections, of all peers and of one."""
HANDSHAKE = 10.0
"""Seconds for TLS to be agreed on."""
PATIENCE = 60.0
"""Seconds for a message that has begun to be whole. Between messages a peer may be silent for as long as it likes."""
TURN = 500
"""Messages of one peer before the others get their turn."""
_COUNT = re.compile(rb"([1-9]\d{0,4}) ")
_EMPTY = b"\r\n\0"
_DIGITS = re.compile(rb"\d{0,5}\Z")


class Framing:
    """Takes a stream apart: octets counted (RFC 6587 §3.4.1), or lines (§3.4.2), as each message begins."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._counted = 0
        """Octets that the message begun still lacks, where they are counted."""
        self._line = False
        """Inside a line of which enough was kept."""

    @property
    def amid(self) -> bool:
        """A message has begun and is not whole."""
        return bool(self._held) or self._counted > 0 or self._line

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole now. To be drained before the next."""
        at = 0
        while at < len(data):
            end, whole = (0, None) if self.amid else _whole_at(data, at)
            if whole is not None:
                at = end
            elif self._counted:
                at, whole = self._count_on(data, at)
            elif self._line or not self._begins_with_count(data, at):
                at, whole = self._line_on(data, at)
            else:
                at, whole = self._head_on(data, at)
            if whole is not None and (whole := whole.strip(_EMPTY)):
                yield whole

    def _begins_with_count(self, data: bytes, at: int) -> bool:
        head = bytes(self._held) + data[at : at + 6]
        return _COUNT.match(head) is not None or _DIGITS.match(head) is not None

    def _head_on(self, data: bytes, at: int) -> tuple[int, bytes | None]:
        head = bytes(self._held) + data[at : at + 6]
        if (count := _COUNT.match(head)) is None:
            self._held += data[at:]  # digits so far: the next octets tell
            return len(data), None
        at += count.end() - len(self._held)
        self._held.clear()
        self._counted = int(count[1])
        return at, None

    def _count_on(self, data: bytes, at: int) -> tuple[int, bytes | None]:
        piece = data[at : at + self._counted]
        self._keep(piece)
        self._counted -= len(piece)
        return at + len(piece), None if self._counted else self._take()

    def _line_on(self, data: bytes, at: int) -> tuple[int, bytes | None]:
        end = data.find(b"\n", at)
        self._keep(data[at : end if end >= 0 else len(data)])
        self._line = end < 0
        return (end + 1, self._take()) if end >= 0 else (len(data), None)

    def _keep(self, piece: bytes) -> None:
        self._held += piece[: LONGEST - len(self._held)]

    def _take(self) -> bytes:
        whole = bytes(self._held)
        self._held.clear()
        return whole


def _whole_at(data: bytes, at: int) -> tuple[int, bytes | None]:
    """(where the next begins, the message that begins and ends here); None when it goes on, or is not plain to see."""
    if not 0x30 <= data[at] <= 0x39:
        end = data.find(b"\n", at)
        return end + 1, data[at : min(end, at + LONGEST)] if end >= 0 else None
    if (count := _COUNT.match(data, at)) is None:
        return at, None
    start = count.end()
    end = start + int(count[1])
    return end, data[start : min(end, start + LONGEST)] if end <= len(data) else None


@dataclass(slots=True)
class StreamStats:
    """For metrics."""

    results: Counter[str] = field(default_factory=Counter)
    """Connections: `accepted`, `stranger`, `crowd` (too many), `handshake` (no TLS agreed on), `slow` (a message never
    ended)."""


class Streams:
    """One listening socket and its connections. `hear(message, source address)` gets each message."""

    def __init__(
        self,
        hear: Callable[[bytes, str], None],
        expected: Callable[[str], bool],
        *,
        tls: ssl.SSLContext | None = None,
        stats: StreamStats | None = None,
    ) -> None:
        """`expected`: whether anything is heard from this address."""
        self.hear, self._expected, self._tls = hear, expected, tls
        self.stats = stats or StreamStats()
        self._task: asyncio.Task[None] | None = None
        self._agreeing: set[asyncio.Task[None]] = set()
        self._held: Counter[str] = Counter()
        self._peers: set[_Peer] = set()

    def open(self, sock: socket.socket) -> None:
        """Serve a bound socket."""
        sock.listen(128)
        sock.setblocking(False)
        self._task = asyncio.get_running_loop().create_task(self._serve(sock), name="syslog streams")

    def adopt(self, former: Streams) -> None:
        """Connections that another listener accepted go on here: a reload must not cut what is being told."""
        for peer in former._peers:
            former._release(peer.source)
            self._held[peer.source] += 1
            peer.home = self
        self._peers |= former._peers
        former._peers = set()

    def close(self) -> None:
        for task in (self._task, *self._agreeing):
            if task is not None:
                task.cancel()
        for peer in tuple(self._peers):
            peer.end()

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(sock)
                except OSError as error:  # a peer that is gone already, or no descriptor left
                    log.debug("syslog: accepting failed: %s", error)
                    await asyncio.sleep(0.1)
                    continue
                if why := self._unwelcome(address[0]):
                    self.stats.results[why] += 1
                    connection.close()
                    continue
                self._held[address[0]] += 1
                task = loop.create_task(self._agree(connection, address[0]))
                self._agreeing.add(task)
                task.add_done_callback(self._agreeing.discard)
        finally:
            sock.close()

    def _unwelcome(self, source: str) -> str:
        if not self._expected(source):
            return "stranger"
        return "crowd" if self._held.total() >= MOST or self._held[source] >= MOST_OF_ONE else ""

    async def _agree(self, connection: socket.socket, source: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, AttributeError):  # finds out peers that are gone for good
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
        try:
            await loop.connect_accepted_socket(
                lambda: _Peer(self, source),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE if self._tls else None,
            )
            self.stats.results["accepted"] += 1
        except (OSError, asyncio.CancelledError) as error:  # ssl.SSLError is one
            self.stats.results["handshake"] += 1
            log.debug("syslog: no TLS with %s: %s", source, error)
            connection.close()
            self._release(source)
            if isinstance(error, asyncio.CancelledError):
                raise

    def _release(self, source: str) -> None:
        self._held[source] -= 1
        if self._held[source] <= 0:
            del self._held[source]


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, home: Streams, source: str) -> None:
        self.home, self.source = home, source
        self._framing = Framing()
        self._waiting: Iterator[bytes] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # those of uvloop are none of asyncio's class
        self.home._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._deadline is not None:
            self._deadline.cancel()
        self.home._peers.discard(self)
        self.home._release(self.source)

    def data_received(self, data: bytes) -> None:
        self._waiting = self._framing.feed(data)
        self._go_on()

    def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _go_on(self) -> None:
        """Hear so many messages; if there are more, let the others come in between."""
        if self._waiting is None or self._transport is None:
            return
        for _ in range(TURN):
            message = next(self._waiting, None)
            if message is None:
                self._waiting = None
                break
            self.home.hear(message, self.source)
        if self._waiting is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)
            return
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self._time()

    def _time(self) -> None:
        """A message that has begun has so many seconds from then on."""
        if not self._framing.amid:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = None
        elif self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(PATIENCE, self._too_slow)

    def _too_slow(self) -> None:
        self.home.stats.results["slow"] += 1
        self.end()
