"""What all our datagram sockets share: room for bursts, reading until empty, knowing whose fault an error is."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

WANTED = 32 << 20
"""Octets of receive buffer. The kernel's default holds about 90 answers; a burst of 500 would mostly be lost. Linux
takes it twofold and counts a datagram of 250 octets as 2,300: this is room for 29,000 of them."""

_SO_RCVBUFFORCE = getattr(socket, "SO_RCVBUFFORCE", 33)

OURS = frozenset(
    {
        errno.EACCES,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EHOSTUNREACH,
        errno.EINVAL,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
    }
)
"""Errors of sending that say something about this machine (no route, a firewall rule, no memory), nothing about the
device. ECONNREFUSED is not among them: somebody answered."""


def bind(host: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> socket.socket:
    """A bound, non-blocking socket; `::` hears IPv4 as well. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            # The machine's default decides otherwise (net.ipv6.bindv6only), and equipment would be lost without a word.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


class Datagrams:
    """A listening socket for datagrams: `take(data, source)` gets each that comes in."""

    def __init__(self, take: Callable[[bytes, Any], None], *, most: int = 2_000) -> None:
        """`most` datagrams are read in one go before the event loop gets its turn."""
        self._take, self._most = take, most
        self.socket: socket.socket | None = None

    def open(self, host: str, port: int, sock: socket.socket | None = None) -> int:
        """Start hearing; returns the port. `sock` is a bound socket to take over. Raises OSError."""
        self.socket = roomy(bind(host, port) if sock is None else sock)
        asyncio.get_running_loop().add_reader(self.socket, drain, self.socket, self._take, 65535, self._most)
        return int(self.socket.getsockname()[1])

    def close(self) -> None:
        """Harmless twice."""
        if self.socket is not None:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()
            self.socket = None


def roomy(sock: socket.socket) -> socket.socket:
    """Non-blocking, with as large a receive buffer as we may have."""
    sock.setblocking(False)
    for option in (socket.SO_RCVBUF, _SO_RCVBUFFORCE):  # the second passes rmem_max, given CAP_NET_ADMIN
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, WANTED)
    return sock


def drain(sock: socket.socket, take: Callable[[bytes, Any], None], size: int, most: int) -> None:
    """Read up to `most` waiting datagrams: one wake-up of the event loop for all of them, and never for ever."""
    receive = sock.recvfrom
    for _ in range(most):
        try:
            data, source = receive(size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # an ICMP error that came back for something we sent: the next datagram may be fine
            continue
        take(data, source)
