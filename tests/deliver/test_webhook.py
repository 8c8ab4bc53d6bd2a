"""The webhook at a real server that answers badly in every way."""

from __future__ import annotations

import asyncio
import email.utils
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from netwatch.deliver import Manner, PermanentError, TemporaryError
from netwatch.deliver.channels import Webhook
from netwatch.findings import UnusableError


@pytest.fixture
async def hook(receiver: Any, clock: Any) -> Any:
    made = Webhook(receiver.url, clock, secret="shared", timeout=20)
    yield made
    await made.close()


async def test_a_message_arrives_whole_signed_and_under_its_key(
    hook: Webhook, receiver: Any, make: SimpleNamespace
) -> None:
    assert await hook.send(make.message()) == "200 taken"
    ((headers, body),) = receiver.heard
    assert headers["idempotency-key"] == "T1:sent:1"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("netwatch/")
    stamp = headers["x-netwatch-timestamp"]
    assert stamp == str(make.T0 // 1_000_000)
    expected = hmac.new(b"shared", f"{stamp}.".encode() + body, sha256).hexdigest()
    assert headers["x-netwatch-signature"] == f"sha256={expected}"
    assert json.loads(body) == {
        "key": "T1:sent:1",
        "template": "ticket.dispatched",
        "audience": "team:t1",
        "subject": "T1",
        "at": "2026-11-01T18:10:07.250+00:00",
        "title": "【派单 T1】光缆 K-4",
        "text": "电路：C-1",
        "data": {"circuits": ["C-1"], "deadline": None},
    }


async def test_without_a_secret_there_is_no_signature(receiver: Any, clock: Any, make: SimpleNamespace) -> None:
    hook = Webhook(receiver.url, clock)
    await hook.send(make.message())
    assert "x-netwatch-signature" not in receiver.heard[0][0]
    await hook.close()


async def test_a_key_that_no_header_can_hold_goes_as_its_hash(
    hook: Webhook, receiver: Any, make: SimpleNamespace
) -> None:
    for key in ("工单 1", "a\r\nX-Evil: 1", "k" * 300):
        await hook.send(make.message(key=key))
        headers, body = receiver.heard[-1]
        assert headers["idempotency-key"] == sha256(key.encode()).hexdigest()
        assert "x-evil" not in headers
        assert json.loads(body)["key"] == key


@pytest.mark.parametrize("answer", ["500", "502", "503", "408", "425", "429", "lost", "drip", "garbage", "reset"])
async def test_what_may_pass_is_temporary(receiver: Any, clock: Any, make: SimpleNamespace, answer: str) -> None:
    receiver.script = [answer]
    hook = Webhook(receiver.url, clock, timeout=0.3 if answer in ("lost", "drip") else 20)
    with pytest.raises(TemporaryError, match=r"127\.0\.0\.1") as caught:
        await hook.send(make.message())
    assert caught.value.retry_after is None
    assert "s3cret" not in str(caught.value)
    await hook.close()


@pytest.mark.parametrize("answer", ["400", "401", "403", "404", "409", "410", "422", "301", "302", "303", "304"])
async def test_what_will_not_pass_is_permanent(
    hook: Webhook, receiver: Any, make: SimpleNamespace, answer: str
) -> None:
    receiver.script = [answer]
    with pytest.raises(PermanentError, match=answer) as caught:
        await hook.send(make.message())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120.0),
        ("Retry-After: 0", 0.0),
        ("Retry-After: soon", None),
        ("Retry-After: -5", None),
        ("Retry-After: ²", None),
        ("Retry-After: 99999999999999999999", 999999999.0),
        ("X-Other: 1", None),
    ],
)
async def test_the_time_that_a_receiver_asks_for_is_handed_on(
    hook: Webhook, receiver: Any, make: SimpleNamespace, header: str, seconds: float | None
) -> None:
    receiver.script, receiver.headers = ["429"], [header]
    with pytest.raises(TemporaryError) as caught:
        await hook.send(make.message())
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(("offset", "seconds"), [(90, 90.0), (-90, 0.0)])
async def test_the_time_may_also_be_a_date(
    hook: Webhook, receiver: Any, make: SimpleNamespace, clock: Any, offset: int, seconds: float
) -> None:
    clock.now = make.T0 // 1_000_000 * 1_000_000
    date = email.utils.formatdate(clock.now / 1e6 + offset, usegmt=True)
    receiver.script, receiver.headers = ["503"], [f"Retry-After: {date}"]
    with pytest.raises(TemporaryError) as caught:
        await hook.send(make.message())
    assert caught.value.retry_after == seconds


async def test_a_redirect_within_the_server_is_followed_and_no_other(
    hook: Webhook, receiver: Any, make: SimpleNamespace
) -> None:
    receiver.script = ["away:/moved"]
    assert await hook.send(make.message()) == "200 taken"
    assert len(receiver.heard) == 2
    assert receiver.heard[0] != []
    for place in (
        "http://localhost:1/x",
        "https://127.0.0.1/",
        f"http://127.0.0.2:{receiver.port}/",
        "//evil.example/",
    ):
        receiver.script = [f"away:{place}"]
        before = len(receiver.heard)
        with pytest.raises(PermanentError, match="another server"):
            await hook.send(make.message())
        assert len(receiver.heard) == before + 1
    receiver.script = ["away:/a"] * 9
    with pytest.raises(PermanentError, match="307"):
        await hook.send(make.message())


async def test_an_endless_answer_is_not_read_to_its_end(hook: Webhook, receiver: Any, make: SimpleNamespace) -> None:
    receiver.script = ["long"]
    async with asyncio.timeout(10):
        assert (await hook.send(make.message())).startswith("200 xxx")


async def test_nobody_there_is_temporary(receiver: Any, clock: Any, make: SimpleNamespace) -> None:
    hook = Webhook("http://127.0.0.1:9/s3cret", clock, timeout=2)
    with pytest.raises(TemporaryError) as caught:
        await hook.send(make.message())
    assert "s3cret" not in str(caught.value)
    await hook.close()


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    tls: SimpleNamespace, clock: Any, make: SimpleNamespace, receiver: Any
) -> None:
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls.context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    stranger, friend = Webhook(url, clock), Webhook(url, clock, authority=tls.authority)
    with pytest.raises(TemporaryError, match="ConnectError"):
        await stranger.send(make.message())
    assert receiver.heard == []
    assert await friend.send(make.message()) == "200 taken"
    await stranger.close()
    await friend.close()
    server.close()


@pytest.mark.parametrize("url", ["", "ftp://host/", "http://", "not an address"])
def test_an_address_that_is_none_is_refused_at_once(url: str, clock: Any) -> None:
    with pytest.raises(UnusableError):
        Webhook(url, clock)


async def test_through_every_kind_of_trouble_there_is_one_effect_for_each_key(
    receiver: Any, clock: Any, make: SimpleNamespace, post: Callable[..., Any]
) -> None:
    receiver.script = ["500", "lost", "429", "ok", "lost", "garbage", "503", "reset", "ok", "drip", "408"] * 2
    receiver.headers = ["Retry-After: 7"]
    hook = Webhook(receiver.url, clock, timeout=0.2)
    here = post({"hook": hook}, manners={"hook": Manner(per_minute=10_000)})
    keys = {f"k{n}" for n in range(10)}
    await here.promise(*(make.send(key, subject=f"T{key}") for key in keys))
    await here.until_settled()
    assert receiver.effects == keys
    assert {delivery.result for delivery in here.seen} == {"sent", "retry"}
    # What was done and lost the answer was asked for again, under the same key: that is what keys are for.
    assert sum(receiver.done.values()) > len(keys)
    for key in keys:
        assert await here.states(f"T{key}") == {(key, "hook"): "sent"}
    await hook.close()
