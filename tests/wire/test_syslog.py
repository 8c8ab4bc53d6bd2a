from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import Ledger, Observation
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.syslog import SyslogListener, SyslogReader


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
    reader = SyslogReader(profiles, Names(Ledger()))
    for case in json.loads((corpus / "traps" / "syslog.json").read_text("utf-8")):
        seen = reader.read("R-1", case["message"], 0)
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
