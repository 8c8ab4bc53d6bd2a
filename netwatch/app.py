"""The composition root: the only place that knows all the parts, and the only one with a clock. (Being written.)"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwatch.core.time import Instant


@dataclass(frozen=True, kw_only=True)
class Seams:
    """What the demo and the tests put in place of the machine. Every field left alone means the real thing."""

    clock: Callable[[], Instant] | None = None
    pinger: Any = None
    """Replaces `wire.ping`'s raw sockets."""
    snmp: Any = None
    """Replaces the SNMP engine made from the configuration."""
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    """Bound sockets by name: `http`, `traps`, `syslog`, as systemd names them (LISTEN_FDNAMES)."""
    channels: Mapping[str, Any] = field(default_factory=dict)
    """Channels by their name in the configuration; replaces those built from it."""


class App:
    """One daemon: `await App(Path("config.toml")).run()` returns after `stop()` or a signal.

    Raises UnusableError (78) with every finding before anything is started, OSError with EADDRINUSE when
    a port is taken (69), the store's own error when another thinker holds the database (75).
    """

    def __init__(self, config: Path, seams: Seams | None = None) -> None:
        self.path, self.seams = config, seams or Seams()
        self.ready = asyncio.Event()
        """Set when everything listens and the first decision is committed."""
        self.addresses: dict[str, tuple[str, int]] = {}
        """Where it listens, by name (`http`, `traps`, `syslog`): also for a port given as 0."""

    async def run(self) -> None:
        """Build, serve, drain. Returns when stopped; an error in think or store ends it."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ask it to drain, snapshot and return from `run`."""
        raise NotImplementedError

    async def reload(self) -> bool:
        """Read config, ledger, rules and collectors anew. False: refused, all findings logged, the running ones kept."""
        raise NotImplementedError
