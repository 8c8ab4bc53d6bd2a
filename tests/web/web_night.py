"""A served night: the view of `web_scene` behind the real application, in process or on a real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx
import web_scene as scene

from netwatch.config.address import Address
from netwatch.core.model import Entry, Fact
from netwatch.core.time import Instant
from netwatch.metrics import Metrics
from netwatch.web.access import Access
from netwatch.web.app import create_app, serve
from netwatch.web.serve import bind
from netwatch.web.view import View

ACT = "act-token-of-the-tests"
READ = "read-token-of-the-tests"


@dataclass
class Night:
    """One application and what it was given."""

    view: View
    now: Instant = scene.NOW
    facts: list[Fact] = field(default_factory=list)
    decided: Sequence[Entry] | None = None
    wrong: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.access = Access(act_token=ACT, read_token=READ, key=b"k" * 32)
        metrics = Metrics(self.view, self.clock, "0", classes=("AAA",))
        self.app = create_app(
            self.view,
            clock=self.clock,
            submit=self.submit,
            health=lambda: {"store": "", "ledger": "", "think": "", **self.wrong},
            access=self.access,
            metrics=metrics.render,
            circuit_metrics=metrics.render_circuits,
        )

    def clock(self) -> Instant:
        return self.now

    async def submit(self, fact: Fact) -> Sequence[Entry] | None:
        self.facts.append(fact)
        return self.decided

    def client(
        self, peer: str = "127.0.0.1", host: str = "127.0.0.1:8080", token: str = "", **headers: str
    ) -> httpx.AsyncClient:
        """A caller in process."""
        transport = httpx.ASGITransport(self.app, client=(peer, 4000), raise_app_exceptions=False)
        if token:
            headers["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)

    @contextlib.asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[str]:
        """On a real port of loopback; gives its address."""
        bound = bind(Address("127.0.0.1", port))
        port = bound.getsockname()[1]
        task = asyncio.create_task(serve(self.app, Address("127.0.0.1", 0), sock=bound))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
