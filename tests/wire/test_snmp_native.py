"""What only NetWatch's own engine promises: what the network sends raises nothing, and nothing is kept too long."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.wire.snmp import (
    Auth,
    Credential,
    NoAnswerError,
    OwnTroubleError,
    Pdu,
    Tag,
    Target,
    VarBind,
    Version,
    ber,
    oid,
)
from netwatch.wire.snmp.native import NativeEngine

NAME = oid("1.3.6.1.2.1.1.5.0")
HERE = ("127.0.0.1", 9)


def answer(number: int, value: bytes = b"box") -> bytes:
    body = ber.write_pdu(ber.RESPONSE, number, 0, 0, ber.write_varbinds([VarBind(NAME, Tag.OCTETS, value)]))
    return ber.write_message(1, b"public", body)


def spoilt(data: st.DataObject, number: int) -> bytes:
    octets = bytearray(answer(number))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    return bytes(octets[: data.draw(st.integers(0, len(octets) - 1))])


@settings(max_examples=150)
@given(st.data())
def test_hostile_octets_raise_nothing_and_the_true_answer_still_counts(data: st.DataObject) -> None:
    async def run(engine: NativeEngine) -> None:
        user = Credential(Version.V3, user="u", auth=Auth.SHA1, auth_key="a passphrase")
        plain = Target("127.0.0.1", Credential(community="public"), 9, timeout=5)
        asked = asyncio.ensure_future(engine.exchange(plain, Pdu.GET, [NAME]))
        secured = asyncio.ensure_future(engine.exchange(Target("127.0.0.1", user, 9, timeout=5), Pdu.GET, [NAME]))
        await asyncio.sleep(0)
        number = next(n for n, (_, target, _) in engine._waiting.items() if target is plain)
        for _ in range(data.draw(st.integers(1, 5))):
            engine._heard(data.draw(st.one_of(st.binary(max_size=120), st.just(spoilt(data, number)))), HERE)
        engine._heard(answer(number), ("127.0.0.1", 10))  # from another port: nobody's answer
        engine._heard(answer(number), HERE)
        assert await asked == [VarBind(NAME, Tag.OCTETS, b"box")]
        assert number not in engine._waiting
        secured.cancel()
        await asyncio.gather(secured, return_exceptions=True)

    async def closed() -> None:
        engine = NativeEngine()
        try:
            await run(engine)
        finally:  # hypothesis leaves an example wherever it likes
            await engine.close()

    asyncio.run(closed())


async def test_what_was_answered_is_not_kept_until_its_deadline(agent: Any) -> None:
    engine = NativeEngine()
    target = Target("127.0.0.1", Credential(community="public"), agent.port, timeout=3600)
    names = [NAME]
    for _ in range(50):
        await engine.exchange(target, Pdu.GET, names)
    assert not engine._waiting
    kept = [key for queue in engine._sweep._queues.values() for _, keys in queue for key in keys]
    assert all(isinstance(key, int) for key in kept)
    assert (engine.stats.sent, engine.stats.repeated) == (50, 0)
    await engine.close()


async def test_who_does_not_wait_any_more_is_forgotten_at_the_deadline() -> None:
    engine = NativeEngine()
    asked = asyncio.ensure_future(
        engine.exchange(Target(*HERE[:1], Credential(community="x"), 9, timeout=0.01), Pdu.GET, [NAME])
    )
    await asyncio.sleep(0)
    asked.cancel()
    async with asyncio.timeout(10):
        while engine._waiting:  # noqa: ASYNC110 - the deadline is nobody's event
            await asyncio.sleep(0.01)
    assert engine.stats.repeated == 0
    await engine.close()


async def test_what_cannot_be_sent_fails_alone(agent: Any) -> None:
    """Also among all that are asked in the same turn of the loop."""
    engine, who = NativeEngine(), Credential(community="public")
    places = [("127.0.0.1", agent.port), ("127.0.0.1", 70_000), ("127.0.0.1", agent.port)]
    asked = (engine.exchange(Target(address, who, port, timeout=5), Pdu.GET, [NAME]) for address, port in places)
    one, wrong, other = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(wrong, OwnTroubleError)
    assert one == other
    assert not isinstance(one, BaseException)
    await engine.close()


async def test_a_thousand_targets_share_one_socket() -> None:
    engine = NativeEngine()
    places = [f"127.2.{n // 250}.{n % 250 + 1}" for n in range(1000)]
    targets = [Target(place, Credential(community="public"), 9, timeout=0.05, retries=0) for place in places]
    asked = (engine.exchange(target, Pdu.GET, [NAME]) for target in targets)
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, NoAnswerError) for error in said)
    assert len(engine._sockets) == 1
    await engine.close()
