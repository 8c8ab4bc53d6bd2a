from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import State
from netwatch.wire.ping import Ping, Pinger


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
    assert (verdict.state, verdict.sent) == (State.OK, 1)
    assert verdict.rtt_seconds is not None
    assert verdict.rtt_seconds >= 0


async def test_bad_needs_every_echo_lost(pinger: Pinger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinger, "_take", lambda *_: None)  # answers get lost on the way
    verdict = await pinger.ping("127.0.0.1", count=3, timeout=0.01)
    assert (verdict.state, verdict.sent) == (State.BAD, 3)


async def test_an_echo_that_is_lost_costs_one_more_and_no_verdict(
    pinger: Pinger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one goes out only when the last did not come back in time."""
    sent: list[float] = []
    take, loop = pinger._take, asyncio.get_running_loop()

    def lossy(*datagram: Any) -> None:
        sent.append(loop.time())
        if len(sent) == 3:
            take(*datagram)

    monkeypatch.setattr(pinger, "_take", lossy)
    verdict = await pinger.ping("127.0.0.1", count=5, timeout=0.05)
    assert (verdict.state, verdict.sent, len(sent)) == (State.OK, 3, 3)
    assert sent[2] - sent[0] >= 0.1


async def test_who_asks_without_waiting_is_told_once(pinger: Pinger, until: Any) -> None:
    verdicts: list[Ping] = []
    pinger.ask("127.0.0.1", verdicts.append)
    (number,) = pinger._asked
    await until(lambda: verdicts)
    pinger._came(number, "127.0.0.1")  # once more
    pinger._late(number)
    assert [it.state for it in verdicts] == [State.OK]
    assert pinger.strangers == 1


async def test_an_answer_from_elsewhere_is_none(pinger: Pinger) -> None:
    asking = asyncio.ensure_future(pinger.ping("127.0.0.1", count=1, timeout=600))
    await asyncio.sleep(0)
    (number,) = pinger._asked
    pinger._came(number, "192.0.2.1")
    assert (pinger.strangers, number in pinger._asked) == (1, True)
    assert (await asking).state is State.OK


@pytest.mark.parametrize("address", ["255.255.255.255", "no address"])
async def test_what_we_cannot_send_is_unknown_and_never_bad(pinger: Pinger, address: str) -> None:
    verdict = await pinger.ping(address, timeout=0.01)
    assert verdict.state is State.UNKNOWN
    assert address in verdict.trouble


async def test_a_thousand_targets_share_one_socket(pinger: Pinger) -> None:
    verdicts = await asyncio.gather(*(pinger.ping(f"127.0.{n // 250}.{n % 250 + 1}") for n in range(1000)))
    assert {v.state for v in verdicts} == {State.OK}
    assert len(pinger._sockets) == 1


async def test_a_pinger_that_is_closed_keeps_nobody_waiting(pinger: Pinger) -> None:
    asking = asyncio.ensure_future(pinger.ping("127.0.0.1", timeout=600))
    await asyncio.sleep(0)
    pinger.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


@given(st.integers(0, 2**40))
def test_the_checksum_of_an_echo_is_the_standards(number: int) -> None:
    async def run() -> None:
        pinger = Pinger()
        packet = pinger._packet(socket.AF_INET, number)
        pinger.close()
        total = sum(struct.unpack(f">{len(packet) // 2}H", packet))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF  # RFC 1071: with its own checksum the sum is all ones

    asyncio.run(run())


@given(st.binary(max_size=100), st.sampled_from([0, 129]))
def test_whatever_arrives_raises_nothing(data: bytes, reply: int) -> None:
    async def run() -> None:
        pinger = Pinger()
        pinger._take(reply, data, ("192.0.2.1", 0))
        assert pinger.strangers == 1
        pinger.close()

    asyncio.run(run())
