"""Syslog over TCP and TLS: framing in any pieces, certificates, and peers that mean no good."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_authority import Authority

from netwatch.core.model import Ledger
from netwatch.wire import stream
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.stream import LONGEST, MOST_OF_ONE, Framing
from netwatch.wire.syslog import SyslogListener

DOWN = b"<29>R-1 %%01IFNET/4/IF_STATE(l)[4997]:Interface GigabitEthernet0/0/1 has turned into DOWN state."


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(p, len(octets)) for p in places} | {0, len(octets)})
    return [octets[a:b] for a, b in pairwise(ends)]


messages = st.lists(st.binary(min_size=1, max_size=60).filter(lambda m: m.strip(b"\r\n\0") == m), max_size=8)


@given(messages, st.lists(st.integers(0, 600), max_size=12))
def test_counted_messages_are_the_same_in_whatever_pieces_they_come(said: list[bytes], places: list[int]) -> None:
    octets = b"".join(b"%d %s" % (len(m), m) for m in said)
    framing = Framing()
    assert [m for piece in cut(octets, places) for m in framing.feed(piece)] == said
    assert not framing.amid


lines = st.lists(
    st.binary(min_size=1, max_size=60).filter(
        lambda m: b"\n" not in m and m.strip(b"\r\0") == m and not m[:1].isdigit()
    ),
    max_size=8,
)


@given(lines, st.lists(st.integers(0, 600), max_size=12))
def test_lines_are_the_same_in_whatever_pieces_they_come(said: list[bytes], places: list[int]) -> None:
    octets = b"".join(m + b"\n" for m in said)
    framing = Framing()
    assert [m for piece in cut(octets, places) for m in framing.feed(piece)] == said


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_stream_may_mix_both_and_begin_lines_with_digits(step: int) -> None:
    octets = b"5 hello\n2026-11-02 a line\n<1>another\r\n\n3 end12345\n123456 x\n0 zero\n"
    framing = Framing()
    told = [m for at in range(0, len(octets), step) for m in framing.feed(octets[at : at + step])]
    assert told == [b"hello", b"2026-11-02 a line", b"<1>another", b"end", b"12345", b"123456 x", b"0 zero"]


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_any_octets_are_taken_apart_with_bounded_memory(pieces: list[bytes]) -> None:
    framing = Framing()
    for piece in pieces:
        for message in framing.feed(piece):
            assert 0 < len(message) <= LONGEST
    assert len(framing._held) <= LONGEST


def test_a_line_without_end_costs_no_more_than_its_beginning() -> None:
    framing = Framing()
    for _ in range(1000):
        assert list(framing.feed(b"x" * 65536)) == []
    assert len(framing._held) == LONGEST
    assert [len(m) for m in framing.feed(b"y\nshort\n")] == [LONGEST, 5]


# ---------------------------------------------------------------- on the wire


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles.load()


@pytest.fixture
async def listener(profiles: Profiles, ledger: Ledger, clock: Any) -> AsyncIterator[SyslogListener]:
    listener = SyslogListener(Names(ledger), profiles, Inbox(), clock)
    yield listener
    listener.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def say(port: int, octets: bytes, tls: ssl.SSLContext | None = None) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(octets)
    await writer.drain()
    return writer


async def gone(port: int, octets: bytes = b"", tls: ssl.SSLContext | None = None) -> bool:
    """The other side ends the connection."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        writer.write(octets)
        await reader.read()
        writer.close()
    except (OSError, ssl.SSLError):
        pass
    return True


async def test_counted_octets_over_tls_are_heard(listener: SyslogListener, authority: Authority, until: Any) -> None:
    port = listener.open_stream("127.0.0.1", 0, tls=authority.server())
    writer = await say(port, (b"%d %s" % (len(DOWN), DOWN)) * 3, authority.client())
    await until(lambda: listener.stats.observed == 3)
    writer.transport.abort()


async def test_where_an_authority_is_named_a_sender_must_show_what_it_signed(
    listener: SyslogListener, authority: Authority, until: Any
) -> None:
    port = listener.open_stream("127.0.0.1", 0, tls=authority.server(ask=True))
    assert await gone(port, DOWN + b"\n", authority.client())
    await until(lambda: listener.stats.streams.results["handshake"] == 1)
    assert listener.stats.heard == 0
    writer = await say(port, DOWN + b"\n", authority.client(own=True))
    await until(lambda: listener.stats.observed == 1)
    writer.transport.abort()


async def test_who_connects_and_never_agrees_on_tls_is_sent_away_and_hurts_nobody(
    listener: SyslogListener, authority: Authority, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HANDSHAKE", 0.2)
    port = listener.open_stream("127.0.0.1", 0, tls=authority.server())
    half = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_OF_ONE - 1)]
    writer = await say(port, DOWN + b"\n", authority.client())
    await until(lambda: listener.stats.observed == 1)
    await until(lambda: listener.stats.streams.results["handshake"] == MOST_OF_ONE - 1)
    for _, other in half:
        other.transport.abort()
    writer.transport.abort()


async def test_a_crowd_from_one_address_is_kept_out_and_the_others_come_in(
    listener: SyslogListener, ledger: Ledger, until: Any
) -> None:
    port = listener.open_stream("127.0.0.1", 0)
    crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    await until(lambda: listener.stats.streams.results.total() == 200)
    assert listener.stats.streams.results == {"accepted": MOST_OF_ONE, "crowd": 200 - MOST_OF_ONE}
    for _, writer in crowd:
        writer.transport.abort()
    await until(lambda: not listener._streams[False]._held)
    writer = await say(port, DOWN + b"\n")
    await until(lambda: listener.stats.observed == 1)
    writer.transport.abort()


async def test_a_stranger_is_shut_out_before_its_first_octet(profiles: Profiles, clock: Any, until: Any) -> None:
    listener = SyslogListener(Names(Ledger()), profiles, Inbox(), clock)
    port = listener.open_stream("127.0.0.1", 0)
    assert await gone(port, DOWN)
    await until(lambda: listener.stats.streams.results == {"stranger": 1})
    assert (listener.stats.heard, listener.stats.strangers) == (0, {"127.0.0.1": 1})
    listener.close()


async def test_a_message_that_never_ends_ends_its_connection_and_an_idle_one_stays(
    listener: SyslogListener, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 0.1)
    port = listener.open_stream("127.0.0.1", 0)
    idle = await say(port, DOWN + b"\n")
    assert await gone(port, b"500 only a part of it")
    assert listener.stats.streams.results["slow"] == 1
    idle.write(DOWN + b"\n")
    await until(lambda: listener.stats.observed == 2)
    idle.transport.abort()


async def test_a_flood_from_one_peer_leaves_the_others_their_turns(
    listener: SyslogListener, ledger: Ledger, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lump of many messages is heard piece by piece: the event loop goes on in between."""
    monkeypatch.setattr(stream, "TURN", 10)
    port = listener.open_stream("127.0.0.1", 0)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while listener.stats.heard < 5000:
            beats += 1
            await asyncio.sleep(0)

    writer = await say(port, b"<1>nothing\n" * 5000)
    await beat()
    assert beats >= 5000 // 10
    writer.transport.abort()


async def test_a_reload_cuts_no_connection(
    listener: SyslogListener, profiles: Profiles, ledger: Ledger, clock: Any, until: Any
) -> None:
    port = listener.open_stream("127.0.0.1", 0)
    writer = await say(port, DOWN + b"\n" + DOWN[:20])
    await until(lambda: listener.stats.observed == 1)
    after = SyslogListener(Names(ledger), profiles, Inbox(), clock)
    after.open_stream("127.0.0.1", 0)
    after.adopt(listener)
    listener.close()
    writer.write(DOWN[20:] + b"\n")
    await until(lambda: after.stats.observed == 1)
    writer.transport.abort()
    await until(lambda: not after._streams[False]._held)
    after.close()


@pytest.mark.parametrize("secured", [False, True], ids=["TCP", "TLS"])
def test_lines_are_heard_on_the_event_loop_that_the_daemon_prefers(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any, authority: Authority, secured: bool
) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: its transports are not tried")

    async def night() -> None:
        listener = SyslogListener(Names(ledger), profiles, Inbox(), clock)
        port = listener.open_stream("127.0.0.1", 0, tls=authority.server() if secured else None)
        writer = await say(port, (DOWN + b"\n") * (3 * stream.TURN), authority.client() if secured else None)
        await until(lambda: listener.stats.observed == 3 * stream.TURN)
        writer.close()
        listener.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(night())
