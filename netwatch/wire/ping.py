"""Reachability by ICMP echo: a verdict of its own, one socket per address family for all targets.

A datagram socket (`SOCK_DGRAM`) needs no privilege where `net.ipv4.ping_group_range` lets us, a raw one needs
CAP_NET_RAW; whichever can be had is used. What comes back is matched by a number in the payload and by its source:
the kernel rewrites the identifier on datagram sockets, and the 16 bits of the sequence are too few for a large network.

A target is `bad` when it lost every one of `count` probes. Trouble on our side is `unknown`, never `bad`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import secrets
import socket
import struct
from dataclasses import dataclass
from typing import Any

from netwatch.core.model import State
from netwatch.wire import udp
from netwatch.wire.sweep import Sweep

_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_PAYLOAD = struct.Struct(">8sQ")
_HEADER = struct.Struct(">BBHHH")
_SOL_RAW, _ICMP_FILTER = 255, 1
"""Linux: a bit mask of ICMP types that a raw socket does not want to see."""
_FILL = b"netwatch" * 5
"""Brings the packet to the 56 octets of payload that ping sends: some boxes drop shorter ones."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The verdict on one target: `ok` answered, `bad` lost every probe, `unknown` we could not ask."""

    state: State
    sent: int
    received: int
    rtt_seconds: float | None
    """Of the last answer."""
    trouble: str = ""
    """Why it is unknown, in words: our own socket, no route from this host."""


@dataclass(slots=True)
class _Waiting:
    address: str
    sent: float
    answer: asyncio.Future[float | None]


class Pinger:
    """`await ping(address)` for any number of targets at once. Needs a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._token = secrets.token_bytes(8)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._sweep: Sweep[int] = Sweep(self._late)
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self.strangers = 0
        """ICMP packets that were no answer of ours (a raw socket sees everybody's)."""

    def close(self) -> None:
        self._sweep.close()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for waiting in self._waiting.values():
            waiting.answer.cancel()
        self._waiting.clear()

    async def ping(
        self,
        address: str,
        *,
        count: int = 3,
        timeout: float = 1.0,  # noqa: ASYNC109 - of one probe, not of the call
        every: bool = False,
    ) -> Ping:
        """Ask up to `count` times, each time waiting up to `timeout` seconds; the first answer is enough.

        With `every` all probes are sent, to measure loss.
        """
        sent = received = 0
        rtt: float | None = None
        for _ in range(count):
            try:
                answer = await self._probe(address, timeout)
            except OSError as error:
                what = error.strerror or str(error)
                return Ping(State.UNKNOWN, sent, received, rtt, f"cannot ping {address} from here: {what}")
            sent += 1
            if answer is not None:
                received, rtt = received + 1, answer
                if not every:
                    break
        return Ping(State.OK if received else State.BAD, sent, received, rtt)

    async def _probe(self, address: str, seconds: float) -> float | None:
        """One echo; its round trip, or None when nothing came. Raises OSError when it cannot be sent."""
        where = ipaddress.ip_address(address)
        family = socket.AF_INET if where.version == 4 else socket.AF_INET6
        sock = self._socket(family)
        number = next(self._numbers)
        packet = self._packet(family, number)
        waiting = _Waiting(str(where), self._loop.time(), self._loop.create_future())
        self._waiting[number] = waiting
        try:
            sock.sendto(packet, (address, 0))
            self._sweep.add(number, seconds)
            return await waiting.answer
        except BlockingIOError:  # our own queue is full: as if it were lost on the way, the next probe will do
            self._sweep.add(number, seconds)
            return await waiting.answer
        finally:
            self._waiting.pop(number, None)

    def _packet(self, family: int, number: int) -> bytes:
        """The kernel computes the checksum for ICMPv6, and for datagram sockets; a raw ICMP socket needs ours."""
        kind = _ECHO[socket.AddressFamily(family)][0]
        payload = _PAYLOAD.pack(self._token, number) + _FILL
        ident = int.from_bytes(self._token[:2], "big")
        bare = _HEADER.pack(kind, 0, 0, ident, number & 0xFFFF) + payload
        if family == socket.AF_INET6:
            return bare
        return _HEADER.pack(kind, 0, _checksum(bare), ident, number & 0xFFFF) + payload

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        sock = self._sockets.get(family)
        if sock is None:
            try:
                sock = socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family])
            except PermissionError:
                sock = socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family])
                if family == socket.AF_INET:  # else it would also get every echo request to this host
                    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << 0) & 0xFFFFFFFF))
            self._sockets[family] = udp.roomy(sock)
            self._loop.add_reader(sock, self._readable, family, sock)
        return sock

    def _readable(self, family: socket.AddressFamily, sock: socket.socket) -> None:
        def take(data: bytes, source: Any) -> None:
            self._take(family, data, source[0])

        udp.drain(sock, take, 2048, 1000)

    def _take(self, family: socket.AddressFamily, data: bytes, source: str) -> None:
        if family == socket.AF_INET and data[:1] and data[0] >> 4 == 4:  # raw IPv4 sockets give the IP header too
            data = data[(data[0] & 15) * 4 :]
        kind = data[0] if data else None
        if kind != _ECHO[family][1] or len(data) < _HEADER.size + _PAYLOAD.size:
            self.strangers += 1
            return
        token, number = _PAYLOAD.unpack_from(data, _HEADER.size)
        waiting = self._waiting.get(number) if token == self._token else None
        if waiting is None or waiting.address != source.partition("%")[0]:
            self.strangers += 1
        elif not waiting.answer.done():
            waiting.answer.set_result(self._loop.time() - waiting.sent)

    def _late(self, number: int) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(None)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
