"""Where the demo's messages arrive: a real webhook receiver on a loopback port, one path a channel.

The courier delivers as it would to a crew's phone; what comes in here is all that the demo's crews know.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response

from netwatch.config import Address
from netwatch.web.serve import bind, serve


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it arrived."""

    channel: str
    body: Mapping[str, Any]


class _NoStream:
    """`serve` ends an app's live pages before it stops; here are none."""

    def close(self) -> None:
        return


class Postbox:
    """Takes JSON by POST. Bound when made, so that its address can stand in a configuration; `serve` it then."""

    def __init__(self) -> None:
        self._opened: Callable[[Letter], None] = lambda _: None
        self._keys: set[tuple[str, str]] = set()
        self._sock: socket.socket = bind(Address("127.0.0.1", 0))

    def hear(self, opened: Callable[[Letter], None]) -> None:
        """`opened` gets every message, once."""
        self._opened = opened

    def close(self) -> None:
        """For a postbox that was never served. Harmless otherwise."""
        self._sock.close()

    def url(self, channel: str) -> str:
        return f"http://127.0.0.1:{self._sock.getsockname()[1]}/{channel}"

    async def serve(self) -> None:
        """Until cancelled."""
        app = FastAPI(openapi_url=None)
        app.state.stream = _NoStream()

        @app.post("/{channel}")
        async def post(channel: str, request: Request) -> Response:
            try:
                body = json.loads(await request.body())
            except ValueError:
                return Response(status_code=400)
            key = channel, str(body.get("key", ""))
            if key not in self._keys or not key[1]:  # the same promise twice is one message
                self._keys.add(key)
                self._opened(Letter(channel, body))
            return Response(status_code=204)

        await serve(app, Address("127.0.0.1", 0), sock=self._sock)
