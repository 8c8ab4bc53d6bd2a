"""Polling: every device in its turn, verdicts as observations. (Being written; the signatures stand.)"""

from __future__ import annotations

from collections.abc import Callable

from netwatch.core.model import Ledger
from netwatch.core.time import Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Pinger
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential, Snmp


class Poller:
    """`await run()` polls until cancelled."""

    def __init__(
        self,
        ledger: Ledger,
        names: Names,
        profiles: Profiles,
        credentials: Callable[[str], Credential | None],
        snmp: Snmp,
        pinger: Pinger,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        interval: float = 60.0,
        concurrency: int = 200,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        raise NotImplementedError

    def nudge(self, device: str) -> None:
        """Something was heard of the device: poll it now and again shortly. Never blocks; unknown ids are ignored."""
        raise NotImplementedError

    def reload(self, ledger: Ledger, profiles: Profiles) -> None:
        """Another ledger or other profiles are in force; what is known of devices that stay is kept."""
        raise NotImplementedError
