"""Hearing traps and informs. (Being written; the signatures stand.)"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection

from netwatch.core.time import Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential


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
    ) -> None:
        """`communities` None: any; `users` are the SNMPv3 users whose traps are accepted."""
        raise NotImplementedError

    def open(self, address: str = "0.0.0.0", port: int = 162, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
