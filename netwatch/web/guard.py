"""What every request must pass and every response carries, before any route is asked."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netwatch.web.problems import ProblemError

LARGEST_BODY: Final = 64 * 1024

_HEADERS: Final = {
    # Everything comes from us, nothing is inline, nobody may frame us.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # A ticket's link is a secret; it must not travel on in a Referer.
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware: security headers, a bound on bodies, and writing only by JSON from our own pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            if scope["method"] not in _SAFE:
                _check_writing(Headers(scope=scope))
                receive = await _bounded(receive, Headers(scope=scope))
        except ProblemError as error:
            await error.response()(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def _check_writing(headers: Headers) -> None:
    """A form on a foreign page can send neither JSON nor our Origin."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "Send JSON, with Content-Type: application/json.")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise ProblemError(403, "This request comes from another site's page.")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ProblemError(403, "This request comes from another site's page.")


async def _bounded(receive: Receive, headers: Headers) -> Receive:
    """Read the body, at most `LARGEST_BODY`, and hand it on as one piece."""
    too_large = ProblemError(413, f"The body is larger than {LARGEST_BODY // 1024} KiB.", connection="close")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise too_large
        if not message.get("more_body"):
            break
    pieces: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return pieces.pop() if pieces else await receive()

    return replay
