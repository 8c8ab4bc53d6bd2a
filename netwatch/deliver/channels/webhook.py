"""Messages as JSON to an address of somebody's choice.

    POST …
    Content-Type: application/json
    Idempotency-Key: <the same for every repetition>
    X-NetWatch-Timestamp: 1793556607
    X-NetWatch-Signature: sha256=<HMAC-SHA256 of "TIMESTAMP.BODY" under the shared secret, in hex>

    {"key":…,"template":…,"audience":…,"subject":…,"at":"2026-11-02T02:10:07.250000+00:00","title":…,"text":…,"data":{…}}

2xx: taken. 408, 425, 429 and 5xx: later, when `Retry-After` says. Everything else: never.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx

from netwatch import __version__
from netwatch.core.time import SECOND, Instant, instant, show
from netwatch.deliver.channel import Message, PermanentError, TemporaryError
from netwatch.findings import Finding, UnusableError

_LATER = frozenset({408, 425, 429})
_READ = 4096  # an answer longer than this is not meant for us
_HOPS = 3


class Webhook:
    """`url` may itself be a secret and is in no error; `authority` is a CA file in place of the system's."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], Instant],
        *,
        secret: str = "",
        timeout: float = 10.0,
        authority: Path | None = None,
    ) -> None:
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL:
            raise UnusableError([Finding("channels", "url is no address", "https://…")]) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise UnusableError([Finding("channels", "url is no http:// or https:// address", "https://…")])
        self._clock, self._secret, self._timeout = clock, secret.encode(), timeout
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=authority),
            timeout=timeout,
            follow_redirects=False,
            headers={"User-Agent": f"netwatch/{__version__}", "Content-Type": "application/json"},
        )

    async def send(self, message: Message) -> str:
        body = _body(message)
        url = self._url
        try:
            # httpx times each read; a receiver that drips a byte now and then must not hold us for ever.
            async with asyncio.timeout(self._timeout):
                for _ in range(_HOPS):
                    status, headers, text = await self._post(url, body, message.key)
                    if status not in (307, 308):
                        break
                    url = self._next(url, headers.get("location", ""))
        except TimeoutError:
            raise TemporaryError(f"{self._place}: no answer within {self._timeout:g} s") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise TemporaryError(f"{self._place}: {type(error).__name__}") from None
        if 200 <= status < 300:
            return f"{status} {text}".strip()
        if status in _LATER or status >= 500:
            raise TemporaryError(f"{self._place} answered {status}", self._retry_after(headers))
        raise PermanentError(f"{self._place} answered {status}")

    async def _post(self, url: httpx.URL, body: bytes, key: str) -> tuple[int, httpx.Headers, str]:
        stamp = str(self._clock() // SECOND)
        plain = key.isascii() and key.isprintable() and len(key) <= 200
        header = key if plain else sha256(key.encode()).hexdigest()
        headers = {"Idempotency-Key": header, "X-NetWatch-Timestamp": stamp}
        if self._secret:
            digest = hmac.new(self._secret, stamp.encode() + b"." + body, sha256).hexdigest()
            headers["X-NetWatch-Signature"] = f"sha256={digest}"
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            text = b""
            async for chunk in response.aiter_raw():
                text += chunk
                if len(text) >= _READ:
                    break
            return response.status_code, response.headers, " ".join(text[:200].decode(errors="replace").split())

    def _next(self, url: httpx.URL, location: str) -> httpx.URL:
        """Where a redirect leads, if that is the same server: the message is for nobody else."""
        try:
            there = url.join(location)
        except httpx.InvalidURL:
            there = httpx.URL()
        if (there.scheme, there.host, there.port) != (url.scheme, url.host, url.port):
            raise PermanentError(
                f"{self._place} sends us to another server; put the new address into the configuration"
            )
        return there

    def _retry_after(self, headers: httpx.Headers) -> float | None:
        text = headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return None
        aware: datetime = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (instant(aware) - self._clock()) / SECOND)

    @property
    def _place(self) -> str:
        """The server: path and query may hold a token."""
        return self._url.host

    async def close(self) -> None:
        await self._client.aclose()


def _body(message: Message) -> bytes:
    document = {
        "key": message.key,
        "template": message.template,
        "audience": message.audience,
        "subject": message.subject,
        "at": show(message.at, ZoneInfo("UTC")),
        "title": message.title,
        "text": message.text,
        "data": dict(message.data),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
