"""The server as a part among others: started, cancelled, refused; and what rude callers get."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import json
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_night import ACT, Night

from netwatch.config.address import Address
from netwatch.web.guard import LARGEST_BODY
from netwatch.web.serve import bind, serve


async def up(address: tuple[str, int]) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


async def test_it_stops_when_cancelled_and_leaves_signals_alone(night: Night) -> None:
    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    bound = bind(Address("127.0.0.1", 0))
    address = bound.getsockname()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve(night.app, Address("127.0.0.1", 0), sock=bound))
        await up(address)
        assert {s: signal.getsignal(s) for s in handlers} == handlers
        task.cancel()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_an_address_in_use_is_an_error_and_not_the_end_of_the_process(night: Night) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"[Aa]ddress already in use") as error:
            await serve(night.app, Address(*taken.getsockname()))
        assert error.value.errno == errno.EADDRINUSE


async def test_a_request_that_is_being_answered_is_answered(night: Night) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    async def slow(_fact: object) -> None:
        entered.set()
        await gate.wait()

    night.submit = slow  # type: ignore[method-assign,assignment]
    night.__post_init__()
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {ACT}"}) as client:
        async with night.served() as url:
            asking = asyncio.create_task(client.post(f"{url}/api/v1/tickets/T12/ack", json={"by": "li"}))
            await entered.wait()
            asyncio.get_running_loop().call_later(0.05, gate.set)
        assert (await asking).status_code == 202


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "cert.pem", folder / "key.pem"


async def test_tls_is_served_and_a_session_is_then_kept_to_tls(night: Night, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    bound = bind(Address("127.0.0.1", 0))
    port = bound.getsockname()[1]
    task = asyncio.create_task(serve(night.app, Address("127.0.0.1", 0), tls, sock=bound))
    await up(("127.0.0.1", port))
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=tls[0])) as client:
        answer = await client.post(f"https://localhost:{port}/api/v1/session", json={"token": ACT})
    assert "Secure" in answer.headers["set-cookie"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_certificate_that_cannot_be_used_is_an_error(night: Night, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("not a certificate")
    with pytest.raises(ssl.SSLError):
        await serve(night.app, Address("127.0.0.1", 0), (tmp_path / "bad.pem", tmp_path / "bad.pem"))


# ---------------------------------------------------------------- rude callers


async def test_a_huge_body_is_refused_however_it_comes(night: Night) -> None:
    async def drip() -> Any:
        for _ in range(100):
            yield b"x" * 4096

    headers = {"authorization": f"Bearer {ACT}", "content-type": "application/json"}
    async with night.client(**headers) as client:
        told = await client.post("/api/v1/complaints", content=b"x" * (LARGEST_BODY + 1))
        assert (told.status_code, told.json()["detail"]) == (413, "The body is larger than 64 KiB.")
        assert (await client.post("/api/v1/complaints", content=drip())).status_code == 413
        lying = await client.post("/api/v1/complaints", content=drip(), headers={"content-length": "12"})
        assert lying.status_code == 413


PATHS = [
    "/api/v1/tickets/T12/ack",
    "/api/v1/tickets/T12/pause",
    "/api/v1/complaints",
    "/api/v1/maintenance",
    "/api/v1/session",
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from(
    ["by", "reason", "circuits", "since", "approved_by", "circuit", "text", "id", "start", "end", "scope", "token"]
) | st.text(max_size=5)
json_like = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=12
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), body=st.dictionaries(keys, json_like, max_size=8))
def test_any_json_gets_an_answer_in_json_and_never_a_failure_of_ours(night: Night, path: str, body: Any) -> None:
    async def ask() -> httpx.Response:
        async with night.client(token=ACT) as client:
            content = json.dumps(body).encode("utf-8", "surrogatepass")
            return await client.post(path, content=content, headers={"content-type": "application/json"})

    answer = asyncio.run(ask())
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) <= {"type", "title", "status", "detail", "errors"}


NO_OBJECTS = [
    b"",
    b"{",
    b"[" * 60_000,
    b'{"by":"\xff"}',
    b'{"by":"\\ud800"}',
    b'{"by":NaN}',
    b"\x00",
    b"null",
    b'"x"',
    b'{"by":1e999}',
    b'{"by":"li","by":7}',
]


@pytest.mark.parametrize("content", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
async def test_what_is_no_json_object_is_the_callers_mistake(night: Night, content: bytes) -> None:
    async with night.client(token=ACT) as client:
        answer = await client.post(
            "/api/v1/tickets/T12/ack", content=content, headers={"content-type": "application/json"}
        )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert night.facts == []


STRANGE = [
    "/static/../app.py",
    "/static/%2e%2e/app.py",
    "/static//etc/passwd",
    "/t/%00",
    "/api/v1/faults/%ff",
    "/api/v1/alarms/" + "a" * 5000,
]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(max_size=30).map(lambda p: "/" + p) | st.sampled_from(STRANGE),
    query=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
)
def test_any_path_gets_a_clean_answer(night: Night, path: str, query: dict[str, str], method: str) -> None:
    async def ask() -> httpx.Response | None:
        async with night.client() as client:
            try:
                request = client.build_request(method, path, params=query)
            except (httpx.InvalidURL, UnicodeEncodeError):
                return None  # cannot be sent at all
            if request.url.path.startswith("/api/v1/events") or request.url.host != "127.0.0.1":
                return None
            return await client.send(request)

    answer = asyncio.run(ask())
    if answer is not None:
        assert answer.status_code < 500, answer.text
        assert "Traceback" not in answer.text
        assert "def create_app" not in answer.text


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS to us
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"\x00" * 1000,
        b"GET /%zz%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
    ids=range(8),
)  # fmt: skip
async def test_rubbish_on_the_wire_does_not_disturb_the_next_caller(night: Night, rubbish: bytes) -> None:
    async with night.served() as url:
        port = int(url.rpartition(":")[2])
        await up(("127.0.0.1", port))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(rubbish)
        writer.write_eof()
        async with asyncio.timeout(20):
            try:
                answer = await reader.read()
            except ConnectionError:
                answer = b""
        writer.close()
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/healthz")).status_code == 200
