"""Who may read and who may act.

Reading is open to the machine itself and needs a token from elsewhere; acting always needs the act token, which
the daemon writes new at each start into a file that only its own user can read. A crew gets neither: it gets a
link to its one ticket, signed, and dead after a while.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import os
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request

from netwatch.core.model import Entry, Fact
from netwatch.core.time import HOUR, SECOND, Instant, Span

Submit = Callable[[Fact], Awaitable[Sequence[Entry] | None]]
"""Puts a person's act into the inbox. Returns what was decided about it, or None when that is not known yet."""

Door = Callable[[Request], Awaitable[None]]
"""Lets a request through, or raises ProblemError."""

SESSION: Final[Span] = 12 * HOUR
"""How long a browser that showed the token may read: one shift."""

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


@dataclass(frozen=True, kw_only=True)
class Access:
    """The secrets of one daemon and what they open. `read_token` empty: only this machine may read."""

    act_token: str = field(repr=False)
    read_token: str = field(default="", repr=False)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Signs links and browser sessions. Kept over restarts (`kept_key`), else every link dies with the process."""
    hosts: Collection[str] = ()
    """Further names under which the machine itself may call us, without a port."""

    def may_act(self, authorization: str) -> bool:
        """Whether this `Authorization` header carries the act token."""
        return _same(_bearer(authorization), self.act_token)

    def may_read(self, authorization: str, cookie: str, now: Instant) -> bool:
        """Whether a caller from elsewhere may read: by either token, or by the session it opened with one."""
        return self.knows(_bearer(authorization)) or self._session_holds(cookie, now)

    def knows(self, token: str) -> bool:
        return _same(token, self.act_token) or _same(token, self.read_token)

    def is_local(self, peer: str, host: str, *, forwarded: bool) -> bool:
        """Whether the caller sits on this machine.

        The peer's address alone proves nothing: a proxy on this machine forwards for the world, and a web page
        can have its own name resolve to 127.0.0.1. So what was forwarded, or asked for under a foreign name, is
        not local.
        """
        name = _host_name(host)
        return not forwarded and _loopback(peer) and (_loopback(name) or name in _LOCAL_NAMES or name in self.hosts)

    def session(self, now: Instant) -> str:
        """A cookie value that may read until the shift is over."""
        until = (now + SESSION) // SECOND
        return f"{until}.{self._sign('session', str(until))}"

    def _session_holds(self, cookie: str, now: Instant) -> bool:
        until, _, signature = cookie.partition(".")
        return (
            _whole(until) and _same(signature, self._sign("session", until)) and now < int(until) * SECOND
        )  # fmt: skip

    def link(self, ticket: str, until: Instant) -> str:
        """The path of a ticket's phone page, good until `until`: `/t/T1?until=…&sig=…`."""
        seconds = str(until // SECOND)
        query = urlencode({"until": seconds, "sig": self._sign("ticket", ticket, seconds)})
        return f"/t/{quote(ticket, safe='')}?{query}"

    def link_holds(self, ticket: str, until: str, signature: str, now: Instant) -> bool:
        """Whether the link was signed by us for this ticket and is still good."""
        return _whole(until) and _same(signature, self._sign("ticket", ticket, until)) and now < int(until) * SECOND

    def _sign(self, *parts: str) -> str:
        # 128 bits: short enough for an SMS, far beyond guessing.
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        digest = hmac.new(self.key, text, hashlib.sha256).digest()[:16]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def write_token(path: Path) -> str:
    """Make a new act token and write it where only the daemon's own user can read it. Raises OSError."""
    token = secrets.token_urlsafe(32)
    _write_private(path, token.encode() + b"\n")
    return token


def kept_key(path: Path) -> bytes:
    """The signing key of `path`, made at the first call. Raises OSError."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) < 32:
        key = secrets.token_bytes(32)
        _write_private(path, key)
    return key


def _write_private(path: Path, content: bytes) -> None:
    # Made with its mode and then moved into place: there is no moment at which others could read it, and none
    # at which a reader finds half a token.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time; an empty secret opens nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback
