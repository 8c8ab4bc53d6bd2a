from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import State
from netwatch.wire.ping import Pinger


@pytest.fixture
async def pinger() -> AsyncIterator[Pinger]:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        break
    else:
        pytest.skip("neither ping_group_range nor CAP_NET_RAW lets us send ICMP here")
    pinger = Pinger()
    yield pinger
    pinger.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
async def test_what_answers_is_reachable_with_one_probe(pinger: Pinger, address: str) -> None:
    if address == "::1" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    verdict = await pinger.ping(address)
    assert (verdict.state, verdict.sent, verdict.received) == (State.OK, 1, 1)
    assert verdict.rtt_seconds is not None
    assert verdict.rtt_seconds >= 0


async def test_bad_needs_every_probe_lost(pinger: Pinger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinger, "_take", lambda *_: None)  # answers get lost on the way
    verdict = await pinger.ping("127.0.0.1", count=3, timeout=0.01)
    assert (verdict.state, verdict.sent, verdict.received) == (State.BAD, 3, 0)


async def test_what_we_cannot_send_is_unknown_and_never_bad(pinger: Pinger) -> None:
    verdict = await pinger.ping("255.255.255.255", timeout=0.01)
    assert verdict.state is State.UNKNOWN
    assert "255.255.255.255" in verdict.trouble


async def test_a_thousand_targets_share_one_socket(pinger: Pinger) -> None:
    verdicts = await asyncio.gather(*(pinger.ping(f"127.0.{n // 250}.{n % 250 + 1}") for n in range(1000)))
    assert {v.state for v in verdicts} == {State.OK}
    assert len(pinger._sockets) == 1


async def test_loss_is_measured_when_every_probe_is_asked_for(pinger: Pinger) -> None:
    verdict = await pinger.ping("127.0.0.1", count=5, every=True)
    assert (verdict.sent, verdict.received) == (5, 5)


@given(st.binary(max_size=100), st.sampled_from([socket.AF_INET, socket.AF_INET6]))
def test_whatever_arrives_raises_nothing(data: bytes, family: socket.AddressFamily) -> None:
    async def run() -> None:
        pinger = Pinger()
        pinger._take(family, data, "192.0.2.1")
        assert pinger.strangers == 1
        pinger.close()

    asyncio.run(run())
