"""Hearing syslog (RFC 5424, RFC 3164). (Being written; the signatures stand.)"""

from __future__ import annotations

import socket
from collections.abc import Callable

from netwatch.core.time import Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles


class SyslogListener:
    """One UDP socket for all messages. `open` binds or takes over a bound socket; `close` ends it."""

    def __init__(
        self,
        names: Names,
        profiles: Profiles,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        nudge: Callable[[str], None] | None = None,
    ) -> None:
        raise NotImplementedError

    def open(self, address: str = "0.0.0.0", port: int = 514, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
