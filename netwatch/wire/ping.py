"""Reachability by ICMP echo: a verdict of its own, one socket per address family for all targets.

A datagram socket (`SOCK_DGRAM`) needs no privilege where `net.ipv4.ping_group_range` lets us, a raw one needs
CAP_NET_RAW; whichever can be had is used. What comes back is matched by a number in the payload and by its source:
the kernel rewrites the identifier on datagram sockets, and the 16 bits of the sequence are too few for a large network.

A target is `bad` when it lost every one of `count` echoes. Trouble on our side is `unknown`, never `bad`.
Thousands are asked each second: no task, timer or future stands behind an echo, only its number.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import itertools
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netwatch.core.model import State
from netwatch.wire import udp
from netwatch.wire.sweep import Sweep

_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_ECHO = struct.Struct(">BBHHH8sQ40s")
"""Type, code, checksum, identifier, sequence; then the payload: whose it is, its number, and what fills it up."""
_PAYLOAD = struct.Struct(">8sQ")
_HEADER = 8
_FILL = b"netwatch" * 5
"""Brings the packet to the 56 octets of payload that ping sends: some boxes drop shorter ones."""
_SOL_RAW, _ICMP_FILTER = 255, 1
"""Linux: a bit mask of ICMP types that a raw socket does not want to see."""
_LARGEST, _BATCH = 2048, 1000
_MOST_PLACES = 1 << 18


@dataclass(frozen=True, slots=True)
class Ping:
    """The verdict on one target: `ok` answered, `bad` lost every echo, `unknown` we could not ask."""

    state: State
    sent: int
    rtt_seconds: float | None = None
    """Of the echo that came back."""
    trouble: str = ""
    """Why it is unknown, in words: our own socket, no route from this host."""


@dataclass(slots=True)
class _Asked:
    """A target whose verdict is not found yet."""

    address: str
    told: Callable[[Ping], None]
    count: int
    timeout: float
    sent: int = 0
    at: float = 0.0
    """When the last echo was sent."""


class Pinger:
    """`await ping(address)`, or `ask` without waiting, for any number of targets. Needs a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._token = secrets.token_bytes(8)
        self._ident = int.from_bytes(self._token[:2], "big")
        self._sum = _sum(_ECHO.pack(_REQUEST[socket.AF_INET], 0, 0, self._ident, 0, self._token, 0, _FILL))
        """Of an echo over IPv4 whose number is 0."""
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        """By the number of the echo that is out."""
        self._sweep: Sweep[int] = Sweep(self._late)
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._places: dict[str, tuple[socket.AddressFamily, str]] = {}
        """Of an address: its family, and how the kernel writes it."""
        self._callers: set[asyncio.Future[Ping]] = set()
        self.strangers = 0
        """ICMP packets that were no answer of ours (a raw socket sees everybody's)."""

    def close(self) -> None:
        """Whoever waits for a verdict is cancelled; who asked without waiting is not told any more."""
        self._sweep.close()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._asked.clear()
        for caller in self._callers:
            caller.cancel()

    async def ping(self, address: str, *, count: int = 3, timeout: float = 1.0) -> Ping:  # noqa: ASYNC109 - of one echo
        """As `ask`, and the verdict awaited."""
        verdict: asyncio.Future[Ping] = self._loop.create_future()

        def told(found: Ping) -> None:
            if not verdict.done():
                verdict.set_result(found)

        self._callers.add(verdict)
        self.ask(address, told, count=count, timeout=timeout)
        try:
            return await verdict
        finally:
            self._callers.discard(verdict)

    def ask(self, address: str, told: Callable[[Ping], None], *, count: int = 3, timeout: float = 1.0) -> None:
        """Send up to `count` echoes, the next one only when the last is lost: not back after `timeout` seconds.

        `told(verdict)` is called once, maybe before this returns; it must not raise.
        """
        self._next(_Asked(address, told, count, timeout))

    def _next(self, asked: _Asked) -> None:
        """Another echo to a target, or its verdict."""
        if asked.sent >= asked.count:
            asked.told(Ping(State.BAD, asked.sent))
            return
        number = next(self._numbers)
        asked.at = self._loop.time()
        try:
            self._send(asked.address, number)
        except (BlockingIOError, InterruptedError):  # our own queue is full: as if it were lost, the next will do
            pass
        except OSError as error:
            what = error.strerror or str(error)
            asked.told(Ping(State.UNKNOWN, asked.sent, trouble=f"cannot ping {asked.address} from here: {what}"))
            return
        asked.sent += 1
        self._asked[number] = asked
        self._sweep.add(number, asked.timeout)

    def _send(self, address: str, number: int) -> None:
        """One echo. Raises OSError when it cannot be sent."""
        family, _ = self._places.get(address) or self._place(address)
        sock = self._sockets.get(family) or self._open(family)
        sock.sendto(self._packet(family, number), (address, 0))

    def _place(self, address: str) -> tuple[socket.AddressFamily, str]:
        try:
            where = ipaddress.ip_address(address)
        except ValueError:
            raise OSError(f"{address!r} is no IP address") from None
        if len(self._places) >= _MOST_PLACES:
            self._places.clear()
        family = socket.AF_INET if where.version == 4 else socket.AF_INET6
        place = self._places[address] = family, str(where)
        return place

    def _packet(self, family: socket.AddressFamily, number: int) -> bytes:
        """The kernel computes the checksum for ICMPv6, and for datagram sockets; a raw ICMP socket needs ours."""
        short, checksum = number & 0xFFFF, 0
        if family == socket.AF_INET:
            total = self._sum + 2 * short + (number >> 16 & 0xFFFF) + (number >> 32)
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~(total + (total >> 16)) & 0xFFFF
        return _ECHO.pack(_REQUEST[family], 0, checksum, self._ident, short, self._token, number, _FILL)

    def _open(self, family: socket.AddressFamily) -> socket.socket:
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family])
        except PermissionError:
            sock = socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family])
            if family == socket.AF_INET:  # else it would also get every echo request to this host
                sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << 0) & 0xFFFFFFFF))
        self._sockets[family] = udp.roomy(sock)
        take = functools.partial(self._take, _REPLY[family])
        self._loop.add_reader(sock, udp.drain, sock, take, _LARGEST, _BATCH)
        return sock

    def _take(self, reply: int, data: bytes, source: Any) -> None:
        """What came from `source`, maybe with the IP header that raw IPv4 sockets give along."""
        start = (data[0] & 15) * 4 if data[:1] and data[0] >> 4 == 4 else 0
        if len(data) >= start + _HEADER + _PAYLOAD.size and data[start] == reply:
            token, number = _PAYLOAD.unpack_from(data, start + _HEADER)
            if token == self._token:
                self._came(number, source[0])
                return
        self.strangers += 1

    def _came(self, number: int, source: str) -> None:
        """The echo of this number came back from there."""
        asked = self._asked.get(number)
        if asked is None or not self._same(asked.address, source):
            self.strangers += 1
            return
        del self._asked[number]
        asked.told(Ping(State.OK, asked.sent, self._loop.time() - asked.at))

    def _same(self, address: str, source: str) -> bool:
        return address == source or (self._places.get(address) or self._place(address))[1] == source.partition("%")[0]

    def _late(self, number: int) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._next(asked)


def _sum(data: bytes) -> int:
    """Of 16-bit words, before the carries are added (RFC 1071)."""
    return sum(struct.unpack(f">{len(data) // 2}H", data))
