from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Condition, Ledger, Observation, Source, State
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profile, Profiles, Syslog
from netwatch.wire.syslog import SyslogListener, SyslogReader, always_in


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles.load()


MEANINGS = {
    ("huawei", "INTERFACE_DOWN", "default"): ("Ethernet0/0/8", "link", "bad"),
    ("ios", "INTERFACE_DOWN", "default"): ("GigabitEthernet2", "admin", "bad"),
    ("ios", "INTERFACE_DOWN", "message_with_timezone"): ("GigabitEthernet2", "admin", "bad"),
    ("ios", "INTERFACE_DOWN", "oper_down"): ("FastEthernet0/2", "link", "bad"),
    ("ios", "INTERFACE_DOWN", "time_synchronized"): ("GigabitEthernet2", "admin", "bad"),
    ("ios", "OSPF_NEIGHBOR_DOWN", "init_to_down"): ("ospf 172.16.46.4", "adjacency", "bad"),
    ("iosxr", "INTERFACE_DOWN", "default"): ("TenGigE0/2/0/4", "link", "bad"),
    ("iosxr", "ISIS_NEIGHBOR_DOWN", "default"): ("isis gw1.nyc1", "adjacency", "bad"),
    ("junos", "BGP_NEIGHBOR_STATE_CHANGED", "established_to_idle"): ("bgp 1.1.1.1", "adjacency", "bad"),
    ("junos", "BGP_NEIGHBOR_STATE_CHANGED", "openconfirm_to_established"): ("bgp 1.1.1.1", "adjacency", "ok"),
    ("junos", "INTERFACE_DOWN", "default"): ("xe-0/0/0", "admin", "bad"),
    ("junos", "OSPF_NEIGHBOR_DOWN", "inactive_timer"): ("ospf 1.1.1.1", "adjacency", "bad"),
    ("junos", "OSPF_NEIGHBOR_DOWN", "kill_neighbor"): ("ospf 1.1.1.1", "adjacency", "bad"),
    ("eos", "INTERFACE_DOWN", "default"): ("Ethernet28", "link", "bad"),
    ("eos", "BFD_STATE_CHANGE", "down_to_up"): ("bfd 18.11.5.1", "adjacency", "ok"),
    ("eos", "BFD_STATE_CHANGE", "init_to_up"): ("bfd 18.11.5.1", "adjacency", "ok"),
    ("eos", "BFD_STATE_CHANGE", "up_to_down"): ("bfd 18.11.5.1", "adjacency", "bad"),
}
"""What is not here says nothing of service: a BGP peer that goes from Active to Connect was down before."""


def test_recorded_lines_mean_what_they_say(corpus: Path, profiles: Profiles) -> None:
    reader, box = SyslogReader(profiles), Names(Ledger()).box("R-1")
    for case in json.loads((corpus / "traps" / "syslog.json").read_text("utf-8")):
        seen = reader.read(box, case["message"], 0)
        said = (seen.component, seen.condition.value, seen.state.value) if seen else None
        assert said == MEANINGS.get((case["platform"], case["event"], case["case"])), case["message"]


@pytest.fixture
async def listener(profiles: Profiles, ledger: Ledger, clock: Any) -> AsyncIterator[SyslogListener]:
    listener = SyslogListener(Names(ledger), profiles, Inbox(), clock)
    yield listener
    listener.close()


DOWN = b"<29>R-1 %%01IFNET/4/IF_STATE(l)[4997]:Interface GigabitEthernet0/0/1 has turned into DOWN state."


async def test_a_line_over_udp_is_an_observation_and_a_nudge(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any
) -> None:
    nudged: list[str] = []
    inbox = Inbox()
    listener = SyslogListener(Names(ledger), profiles, inbox, clock, nudge=nudged.append)
    port = listener.open("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(DOWN, ("127.0.0.1", port))
        sender.sendto("<29>电路 nothing that we know".encode(), ("127.0.0.1", port))
        await until(lambda: listener.stats.heard == 2)
    (seen,) = await inbox.take(10)
    assert isinstance(seen, Observation)
    assert (seen.component, seen.condition.value, seen.state.value, seen.source.value) == (
        "GE0/0/1",
        "link",
        "bad",
        "syslog",
    )
    assert nudged == ["R-1"]
    listener.close()


@pytest.mark.parametrize("framed", [DOWN + b"\n", str(len(DOWN)).encode() + b" " + DOWN])
async def test_a_line_over_tcp_may_end_or_be_counted(listener: SyslogListener, framed: bytes, until: Any) -> None:
    port = listener.open_stream("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(framed * 3)
    await writer.drain()
    await until(lambda: listener.stats.observed == 3)
    writer.close()
    await writer.wait_closed()


async def test_one_socket_hears_both_families_and_knows_a_mapped_address(listener: SyslogListener, until: Any) -> None:
    port = listener.open("::", 0)
    stream = listener.open_stream("::", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(DOWN, ("127.0.0.1", port))
        await until(lambda: listener.stats.observed == 1)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(DOWN, ("::1", port))
        await until(lambda: listener.stats.strangers["::1"] == 1)
    _, writer = await asyncio.open_connection("127.0.0.1", stream)
    writer.write(DOWN + b"\n")
    await until(lambda: listener.stats.observed == 2)
    writer.close()
    await writer.wait_closed()


@given(st.binary(max_size=400))
def test_any_octets_are_read_without_a_word(profiles: Profiles, octets: bytes) -> None:
    listener = SyslogListener(Names(Ledger()), profiles, Inbox(), lambda: 0)
    listener.hear(octets, "192.0.2.1")
    assert listener.stats.heard == 1


@settings(max_examples=10)
@given(st.data())
def test_whatever_a_pattern_finds_holds_the_word_looked_for_first(profiles: Profiles, data: st.DataObject) -> None:
    for _, rule in profiles.lines:
        word, ignores = always_in(rule.pattern), rule.pattern.flags & re.IGNORECASE
        assert len(word) >= 5, f"every line is held against {rule.pattern.pattern}"
        text = data.draw(st.from_regex(rule.pattern, alphabet=st.characters(codec="ascii")))
        assert word.casefold() in text.casefold() if ignores else word in text


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("abc?def", "def"),
        ("(?:one|other) line", " line"),
        ("a(?P<n>bc)d", "abcd"),
        ("(?i:abc)de", "de"),
        ("(abc)?de", "de"),
        ("x|y", ""),
        (r"[ab]c\.d", "c.d"),
        ("(?=abc)d", "d"),
        ("(?!abc)d", "d"),
    ],
)
def test_the_word_that_every_text_found_holds(pattern: str, word: str) -> None:
    assert always_in(re.compile(pattern)) == word


def test_a_pattern_without_such_a_word_is_tried_on_every_line(profiles: Profiles) -> None:
    rule = Syslog(pattern=r"(?P<component>P\d) (?P<state>up|down)", condition="link", bad=["down"], ok=["up"])
    site = Profiles({"site": Profile(title="a site's own", syslog=(rule,))})
    seen = SyslogReader(site).read(Names(Ledger()).box("R-1"), "<3>P7 down", 5)
    assert seen == Observation(5, "R-1", "P7", Condition.LINK, State.BAD, Source.SYSLOG, value="P7 down")


def test_a_line_may_end_in_whatever_ends_a_line(profiles: Profiles, ledger: Ledger) -> None:
    inbox = Inbox()
    listener = SyslogListener(Names(ledger), profiles, inbox, lambda: 0)
    for end in (b"", b"\n", b"\r\n", b"\0", b"\n\0"):
        listener.hear(DOWN + end, "127.0.0.1")
    assert listener.stats.observed == inbox.depth == 5
