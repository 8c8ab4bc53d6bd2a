"""Every engine against agents that do not behave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netwatch.wire.snmp import (
    ABSENT,
    AgentError,
    Budget,
    BudgetSpentError,
    Credential,
    EndlessWalkError,
    GarbledError,
    NoAnswerError,
    OwnTroubleError,
    Snmp,
    Tag,
    Target,
    Version,
    ber,
    oid,
)

NAME, UPTIME = oid("1.3.6.1.2.1.1.5.0"), oid("1.3.6.1.2.1.1.3.0")
COLUMN = oid("1.3.6.1.2.1.2.2.1.2")


def target(agent: Any, version: Version = Version.V2C, timeout: float = 0.15, retries: int = 0) -> Target:
    return Target("127.0.0.1", Credential(version, "public"), agent.port, timeout=timeout, retries=retries)


def table(agent: Any, rows: int, octets: int = 10) -> None:
    for n in range(1, rows + 1):
        agent.set(f"1.3.6.1.2.1.2.2.1.2.{n}", f"port-{n}".ljust(octets, ".").encode())


async def test_a_lost_request_is_repeated(agent: Any, door: Snmp) -> None:
    agent.lose = 2
    (name,) = await door.get(target(agent, retries=2), [NAME])
    assert name.value == b"box"


async def test_silence_is_told_after_the_last_repetition(agent: Any, door: Snmp) -> None:
    agent.silent = True
    with pytest.raises(NoAnswerError):
        await door.get(target(agent, timeout=0.05, retries=2), [NAME])
    assert agent.asked.total() == 3


async def test_a_walk_shrinks_its_questions_when_answers_are_too_big(agent: Any, door: Snmp) -> None:
    table(agent, 60, octets=200)
    agent.room = 1000
    rows = await door.walk(target(agent), COLUMN)
    assert [vb.oid[-1] for vb in rows] == list(range(1, 61))


async def test_a_walk_shrinks_its_questions_when_large_answers_get_lost(agent: Any, door: Snmp) -> None:
    table(agent, 60, octets=200)
    agent.drop_beyond = 1472
    rows = await door.walk(target(agent, timeout=0.1), COLUMN)
    assert len(rows) == 60
    asked = agent.asked.total()
    await door.walk(target(agent, timeout=0.1), COLUMN)
    assert agent.asked.total() - asked <= 25, "what was learnt about the agent is remembered"


async def test_too_many_names_for_one_answer_are_split(agent: Any, door: Snmp) -> None:
    table(agent, 30, octets=100)
    agent.room = 700
    names = [(*COLUMN, n) for n in range(1, 31)]
    assert [vb.oid for vb in await door.get(target(agent), names)] == names


async def test_one_value_that_never_fits_is_an_error_with_its_name(agent: Any, door: Snmp) -> None:
    agent.set("1.3.6.1.2.1.1.6.0", b"x" * 900)
    agent.room = 500
    with pytest.raises(AgentError, match="tooBig"):
        await door.get(target(agent), [oid("1.3.6.1.2.1.1.6.0")])


async def test_columns_are_read_to_their_ends_from_answers_cut_short_within_a_row(agent: Any, door: Snmp) -> None:
    columns = [oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (2, 3, 4)]
    for column in columns:
        for n in range(1, 8):
            agent.values[(*column, n)] = (Tag.INTEGER, 100 * column[-1] + n)
    following = agent.following

    def cut(message: ber.Message, pdu: ber.Pdu) -> Any:
        status, place, out = following(message, pdu)
        return status, place, out[:2]

    agent.following = cut
    found = await door.columns(target(agent), columns)
    assert {c: [vb.value for vb in rows] for c, rows in found.items()} == {
        c: [100 * c[-1] + n for n in range(1, 8)] for c in columns
    }


async def test_a_column_asked_again_is_judged_again_when_names_change(agent: Any, door: Snmp) -> None:
    table(agent, 9)
    for _ in range(4):
        assert [vb.oid[-1] for vb in await door.walk(target(agent), COLUMN)] == list(range(1, 10))
    del agent.values[(*COLUMN, 5)]
    assert [vb.oid[-1] for vb in await door.walk(target(agent), COLUMN)] == [1, 2, 3, 4, 6, 7, 8, 9]
    following = agent.following

    def swapped(message: ber.Message, pdu: ber.Pdu) -> Any:
        status, place, out = following(message, pdu)
        return status, place, [out[0], out[2], out[1], *out[3:]]

    agent.following = swapped
    for _ in range(4):
        with pytest.raises(EndlessWalkError):
            await door.walk(target(agent), COLUMN)


async def test_a_column_in_one_answer_has_the_limit_of_any_walk(agent: Any, door: Snmp) -> None:
    table(agent, 9)
    for limit in (9, 8):
        for _ in range(4):
            if limit == 9:
                assert len(await door.walk(target(agent), COLUMN, limit=limit)) == 9
            else:
                with pytest.raises(EndlessWalkError):
                    await door.walk(target(agent), COLUMN, limit=limit)


async def test_names_that_do_not_increase_end_the_walk_and_keep_what_was_read(agent: Any, door: Snmp) -> None:
    table(agent, 3)
    loop = ber.oid_body((*COLUMN, 3)), ber.oid_body((*COLUMN, 1))
    agent.twist = lambda reply: reply.replace(loop[0], loop[1])
    with pytest.raises(EndlessWalkError) as endless:
        await door.walk(target(agent), COLUMN)
    assert [vb.oid[-1] for vb in endless.value.rows] == [1, 2]


async def test_a_walk_without_end_ends_at_its_limit(agent: Any, door: Snmp) -> None:
    table(agent, 500)
    with pytest.raises(EndlessWalkError):
        await door.walk(target(agent), COLUMN, limit=100)


async def test_a_device_gets_no_more_requests_than_its_budget(agent: Any, door: Snmp) -> None:
    table(agent, 500)
    with pytest.raises(BudgetSpentError):
        await door.walk(target(agent), COLUMN, Budget(requests=3))
    assert agent.asked.total() == 3


async def test_v1_gets_what_is_there_although_one_name_is_missing(agent: Any, door: Snmp) -> None:
    missing = oid("1.3.6.1.2.1.1.99.0")
    got = await door.get(target(agent, Version.V1), [NAME, missing, UPTIME])
    assert [vb.oid for vb in got] == [NAME, missing, UPTIME]
    assert [vb.tag in ABSENT for vb in got] == [False, True, False]


async def test_v1_walks_to_the_end_of_the_mib(agent: Any, door: Snmp) -> None:
    table(agent, 5)
    found = await door.columns(target(agent, Version.V1), [COLUMN, oid("1.3.6.1.9")])
    assert len(found[COLUMN]) == 5
    assert found[oid("1.3.6.1.9")] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r[:-1],
        lambda r: r + b"\0",
        lambda r: b"",
        lambda r: b"\x30\x84\xff\xff\xff\xff",
        lambda r: r.replace(b"\xa2", b"\xa7", 1),
        lambda r: r.replace(b"\x04\x03box", b"\x7f\x03box"),
        lambda r: bytes(len(r)),
    ],
)
async def test_a_spoilt_answer_is_an_error_or_an_answer_and_nothing_else(agent: Any, door: Snmp, spoil: Any) -> None:
    agent.twist = spoil
    try:
        got = [vb.value for vb in await door.get(target(agent), [NAME])]
    except (NoAnswerError, GarbledError):
        got = [b"box"]
    assert got == [b"box"]


@pytest.mark.parametrize("door", ["native"], indirect=True)  # pysnmp matches by request-id alone
async def test_an_answer_from_elsewhere_is_not_taken(agent: Any, door: Snmp) -> None:
    """Same request-id, right community, wrong port: somebody guesses."""
    loop = asyncio.get_running_loop()
    other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    answer = agent.answer

    def elsewhere(data: bytes) -> None:
        reply = answer(data)
        other.sendto(reply.replace(b"box", b"lie"), source[0])

    source: list[Any] = []
    protocol = agent.transport.get_protocol()
    protocol.datagram_received = lambda data, addr: (source.clear(), source.append(addr), elsewhere(data))
    with pytest.raises(NoAnswerError):
        await door.get(target(agent), [NAME])
    other.close()


@pytest.mark.parametrize("door", ["native"], indirect=True)  # asyncio's transports, and so pysnmp, swallow the error
async def test_no_route_is_our_trouble_and_never_silence(door: Snmp) -> None:
    """255.255.255.255 without SO_BROADCAST: the kernel refuses to send, as it does without a route."""
    nowhere = Target("255.255.255.255", Credential(community="public"), timeout=0.1, retries=0)
    with pytest.raises(OwnTroubleError):
        await door.get(nowhere, [NAME])


async def test_an_answer_that_grows_and_shrinks_is_read_right_every_time(agent: Any, door: Snmp) -> None:
    """A remembered layout must never read another one."""
    for value in (1, 127, 128, 255, 256, 70000, 2**31, 2**32 - 1, 0, 5):
        for name in (b"", b"a", b"ab", b"x" * 200):
            agent.set("1.3.6.1.2.1.1.3.0", value, Tag.TICKS)
            agent.set("1.3.6.1.2.1.1.5.0", name)
            for _ in range(2):
                uptime, called = await door.get(target(agent), [UPTIME, NAME])
                assert (uptime.value, called.value) == (value, name)


async def test_a_value_that_changes_its_type_is_noticed(agent: Any, door: Snmp) -> None:
    for tag, value in ((Tag.INTEGER, 7), (Tag.COUNTER32, 7), (Tag.OCTETS, b"7"), (Tag.OID, (1, 3)), (Tag.INTEGER, -7)):
        agent.values[NAME] = (tag, value)
        (got,) = await door.get(target(agent), [NAME])
        assert (got.tag, got.value) == (tag, value)
    del agent.values[NAME]
    (got,) = await door.get(target(agent), [NAME])
    assert got.tag in ABSENT
