"""uvicorn as a coroutine among others: no signal handlers, no exit of its own, gone when cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from netwatch.config.address import Address


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to a part of it."""
        yield


async def serve(
    app: FastAPI,
    listen: Address,
    tls: tuple[Path, Path] | None = None,
    *,
    sock: socket.socket | None = None,
    grace: int = 2,
) -> None:
    """Serve until cancelled; then let running requests end, for `grace` seconds at most.

    `tls` is (certificate, key). `sock` is a bound socket, used instead of `listen`. Raises OSError when the address
    is taken, ssl.SSLError or OSError when the certificate cannot be used.
    """
    bound = bind(listen) if sock is None else sock
    try:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=grace,
            limit_concurrency=1000,
            backlog=512,
            **_tls(tls),
        )
        config.load()
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[bound]), name="http server")
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            app.state.stream.close()
            server.should_exit = True
            await running
            raise
    finally:
        bound.close()


_WAITING = 2048
"""Connections that may wait to be taken."""


def bind(listen: Address) -> socket.socket:
    """A listening socket at the address. Raises OSError."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((listen.host, listen.port))
        bound.listen(_WAITING)  # here and not later: who is told that we are ready may knock at once
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def _tls(tls: tuple[Path, Path] | None) -> dict[str, Any]:
    return {} if tls is None else {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
