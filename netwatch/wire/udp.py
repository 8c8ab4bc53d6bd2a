"""What all our datagram sockets share: room for bursts, reading until empty, knowing whose fault an error is."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

WANTED = 16 << 20
"""Octets of receive buffer. The kernel's default holds about 90 answers; a burst of 500 would mostly be lost."""

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
