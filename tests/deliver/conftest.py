"""A receiver that misbehaves on demand, a clock that is turned by hand, and messages."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netwatch.core.model import Decision
from netwatch.core.tickets.sends import Send
from netwatch.core.time import SECOND
from netwatch.deliver import Courier, Delivery, Message, Texts
from netwatch.store import Store

T0 = 1_793_556_607_250_000
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Hands:
    """A clock and its timer; both go forward when told."""

    now: int = T0

    def __call__(self) -> int:
        return self.now

    def timer(self) -> float:
        return self.now / SECOND

    def go(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


def send(key: str = "T1:sent:1", channel: str = "hook", **fields: Any) -> Send:
    values = {"audience": "noc", "template": "ticket.dispatched", "subject": "T1", "at": T0, "next_at": T0} | fields
    return Send(key, channel, **values)


def message(**fields: Any) -> Message:
    values: dict[str, Any] = {
        "key": "T1:sent:1",
        "audience": "team:t1",
        "template": "ticket.dispatched",
        "subject": "T1",
        "at": T0,
        "title": "【派单 T1】光缆 K-4",
        "text": "电路：C-1",
        "html": "<p>光缆</p>",
        "data": {"circuits": ("C-1",), "deadline": None},
    }
    return Message(**(values | fields))


@dataclass
class Receiver:
    """An HTTP server on loopback. `script` says how to answer, one word a request; then it is well behaved.

    ok · 500 · 429 and other numbers · lost (does it, then says nothing) · drip (answers a byte now and then) ·
    garbage (no HTTP) · reset · long (an endless answer) · away:URL (redirects)
    """

    script: list[str] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    """Idempotency key → how often it was asked for; what is done under a key is done once."""
    headers: list[str] = field(default_factory=list)
    port: int = 0
    on_request: Callable[[dict[str, str]], None] = lambda _: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret-token?key=s3cret-query"

    @property
    def effects(self) -> set[str]:
        return set(self.done)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self._one(head.decode(), reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = [line.partition(":") for line in head.splitlines()[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append((headers, body))
        self.on_request(headers)
        word = self.script.pop(0) if self.script else "ok"
        if word in ("ok", "lost", "drip", "long"):
            key = headers["idempotency-key"]
            self.done[key] = self.done.get(key, 0) + 1
        match word:
            case "ok":
                self._answer(writer, "200 OK", "taken\n")
            case "lost":
                await reader.read()
                return False
            case "drip" | "long":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                while True:
                    writer.write(b"x" * (1 if word == "drip" else 65536))
                    await writer.drain()
                    if word == "drip":
                        await asyncio.sleep(0.01)
            case "garbage":
                writer.write(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
                return False
            case "reset":
                writer.transport.abort()
                return False
            case _ if word.startswith("away:"):
                self._answer(writer, "307 Temporary Redirect", "", f"Location: {word[5:]}")
            case _:
                self._answer(writer, f"{word} Whatever", "s3cret-answer", *self.headers)
        await writer.drain()
        return True

    def _answer(self, writer: asyncio.StreamWriter, status: str, body: str, *headers: str) -> None:
        head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
        writer.write(f"{head}\r\n{body}".encode())


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def texts() -> Texts:
    return Texts(ZONE)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(str(tmp_path / "netwatch.db")) as opened:
        yield opened


class Post:
    """A courier at a real store: promise something, let time pass, look what became of it."""

    def __init__(self, store: Store, clock: Hands, texts: Texts, channels: dict[str, Any], **options: Any) -> None:
        self.store, self.clock = store, clock
        self.seen: list[Delivery] = []
        self.courier = Courier(
            store, channels, clock, texts=texts, observe=self.seen.append, timer=clock.timer, **options
        )

    async def promise(self, *sends: Send) -> None:
        await self.store.commit(Decision(self.clock(), (), (), (), ()), sends)

    async def round(self, seconds: float = 0.0) -> int:
        """Let so much time pass, then deliver until nothing more goes."""
        self.clock.go(seconds)
        total = 0
        while dealt := await self.courier.step():
            total += dealt
        return total

    async def until_settled(self, most: int = 100) -> None:
        for _ in range(most):
            await self.round(10)
            if not self.courier.waiting:
                return
        raise AssertionError(f"still waiting: {self.courier.waiting}")

    async def states(self, subject: str = "T1") -> dict[tuple[str, str], str]:
        return {(told.key, told.channel): told.state for told in await self.store.history.told(subject)}


@pytest.fixture
def post(store: Store, clock: Hands, texts: Texts) -> Callable[..., Post]:
    return lambda channels, **options: Post(store, clock, texts, channels, **options)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The builders, for tests (a conftest cannot be imported from)."""
    return SimpleNamespace(T0=T0, ZONE=ZONE, send=send, message=message)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A certificate for 127.0.0.1 by itself: `authority` to believe it, `context` to serve with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = dt.timedelta(days=1)
    begin = dt.datetime.now(dt.UTC) - day
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + 30 * day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "both.pem"
    authority = folder / "authority.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + authority.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return SimpleNamespace(authority=authority, context=context)
