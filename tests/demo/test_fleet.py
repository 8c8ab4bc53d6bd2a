"""The simulated agents, asked by other people's SNMP: net-snmp's tools and pysnmp."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysnmp.hlapi.v1arch.asyncio import (
    CommunityData,
    ObjectIdentity,
    ObjectType,
    SnmpDispatcher,
    UdpTransportTarget,
    bulk_cmd,
)

from netwatch.core.model import State
from netwatch.core.time import MINUTE, SECOND, Instant
from netwatch.demo.agent import LARGEST, Agent
from netwatch.demo.box import Box
from netwatch.demo.fleet import EchoPinger, Fleet
from netwatch.demo.metro import build
from netwatch.demo.plant import Act, Verb
from netwatch.wire.snmp import Tag, ber, oid

LEDGER = build()
DEVICES = LEDGER.devices
COMMUNITY = "yungang"
tools = pytest.mark.skipif(shutil.which("snmpget") is None, reason="needs net-snmp's tools (apt install snmp)")


class Clock:
    def __init__(self) -> None:
        self.now: Instant = 1_800_000_000 * SECOND

    def __call__(self) -> Instant:
        return self.now


class Hearing:
    """A loopback socket that collects traps: (source address, trap OID, variable bindings)."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]

    def heard(self) -> list[tuple[str, str, dict[tuple[int, ...], Any]]]:
        out = []
        while True:
            try:
                data, (address, _) = self.sock.recvfrom(65535)
            except BlockingIOError:
                return out
            message = ber.read_message(data)
            assert isinstance(message.pdu, ber.Pdu)
            values = {vb.oid: vb.value for vb in message.pdu.varbinds}
            out.append((address, ".".join(map(str, values[oid("1.3.6.1.6.3.1.1.4.1.0")])), values))  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fleet(clock: Clock) -> AsyncIterator[Fleet]:
    fleet = Fleet(LEDGER, clock, COMMUNITY)
    fleet.open(20161)
    yield fleet
    fleet.close()


@pytest.fixture
def hearing(fleet: Fleet) -> AsyncIterator[Hearing]:
    hearing = Hearing()
    fleet.report_to("127.0.0.1", hearing.port)
    yield hearing  # type: ignore[misc]
    hearing.sock.close()


async def run(
    tool: str, fleet: Fleet, device: str, *names: str, version: str = "2c", more: tuple[str, ...] = ()
) -> str:
    address = f"{DEVICES[device].address}:{fleet.port}"
    words = [tool, f"-v{version}", "-c", COMMUNITY, "-t", "1", "-r", "0", "-On", "-m", "", *more, address, *names]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return out.decode()


@tools
async def test_net_snmp_reads_the_system_group(fleet: Fleet) -> None:
    out = await run("snmpget", fleet, "AGG-1", "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0")
    assert ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.2011.2.360.1.9" in out
    assert '.1.3.6.1.2.1.1.5.0 = STRING: "AGG-1"' in out
    assert "Timeticks: (" in out


@tools
@pytest.mark.parametrize("version", ["1", "2c"])
async def test_net_snmp_walks_the_whole_agent_the_same_way_by_getnext_and_by_getbulk(
    fleet: Fleet, version: str
) -> None:
    whole = set(fleet.agents["OLT-2"]._names)
    counters64 = {n for n in whole if n[:-2] == oid("1.3.6.1.2.1.31.1.1.1") and n[-2] in (6, 10)}
    by_next = await run("snmpwalk", fleet, "OLT-2", "1.3.6.1", version=version, more=("-Cc",))
    names = {oid(line.split(" = ")[0]) for line in by_next.splitlines() if " = " in line and "No more" not in line}
    if version == "1":
        assert names <= whole - counters64
        return
    assert names == whole
    by_bulk = await run("snmpbulkwalk", fleet, "OLT-2", "1.3.6.1", more=("-Cr40",))
    assert [line for line in by_bulk.splitlines() if "No more" not in line] == [
        line for line in by_next.splitlines() if "No more" not in line
    ]


@tools
async def test_what_is_not_there_is_said_as_rfc_3416_says_it(fleet: Fleet) -> None:
    out = await run("snmpget", fleet, "CPE-02", "1.3.6.1.2.1.1.99.0", "1.3.6.1.2.1.2.2.1.8.4711")
    assert "1.3.6.1.2.1.1.99.0 = No Such Object" in out
    assert "1.3.6.1.2.1.2.2.1.8.4711 = No Such Instance" in out


@tools
async def test_nothing_can_be_written(fleet: Fleet) -> None:
    out = await run("snmpset", fleet, "CPE-02", "1.3.6.1.2.1.1.5.0", "s", "mine")
    assert "notWritable" in out


@tools
async def test_a_wrong_community_gets_no_answer(fleet: Fleet) -> None:
    process = await asyncio.create_subprocess_exec(
        *("snmpget", "-v2c", "-c", "guess", "-t", "0.3", "-r", "0", f"{DEVICES['CPE-02'].address}:{fleet.port}"),
        "1.3.6.1.2.1.1.5.0",
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()
    assert b"No Response" in error or b"Timeout" in error


async def test_pysnmp_reads_port_states_by_getbulk(fleet: Fleet) -> None:
    fleet.do(Act(Verb.CUT, "K-RING-3"))
    dispatcher = SnmpDispatcher()
    try:
        target = await UdpTransportTarget.create((DEVICES["AGG-2"].address, fleet.port))
        error, status, _, rows = await bulk_cmd(
            dispatcher,
            CommunityData(COMMUNITY, mpModel=1),
            target,
            0,
            10,
            ObjectType(ObjectIdentity("1.3.6.1.2.1.31.1.1.1.1")),
            ObjectType(ObjectIdentity("1.3.6.1.2.1.2.2.1.8")),
            lookupMib=False,
        )
    finally:
        dispatcher.close()
    assert error is None
    assert not status
    table = {tuple(name): value for name, value in rows}
    names = {name[-1]: bytes(v).decode() for name, v in table.items() if name[:-1] == oid("1.3.6.1.2.1.31.1.1.1.1")}
    states = {names[name[-1]]: int(v) for name, v in table.items() if name[:-1] == oid("1.3.6.1.2.1.2.2.1.8")}
    assert states["GigabitEthernet0/0/1"] == 1
    assert states["GigabitEthernet0/0/2"] == 2, "the span that was cut"


async def test_both_ends_of_a_cut_cable_send_link_down_from_their_own_addresses(fleet: Fleet, hearing: Hearing) -> None:
    fleet.do(Act(Verb.CUT, "K-RING-3"))
    heard = hearing.heard()
    assert {(a, t) for a, t, _ in heard} == {
        (DEVICES["AGG-2"].address, "1.3.6.1.6.3.1.1.5.3"),
        (DEVICES["AGG-3"].address, "1.3.6.1.6.3.1.1.5.3"),
    }
    for address, _, values in heard:
        agent = next(a for a in fleet.agents.values() if a.box.device.address == address)
        (index,) = (value for name, value in values.items() if name[:-1] == oid("1.3.6.1.2.1.2.2.1.1"))
        port = LEDGER.links["L-R3"].a if agent.box.device.id == "AGG-2" else LEDGER.links["L-R3"].z
        assert agent.box.index(port.name) == index
    fleet.do(Act(Verb.SPLICE, "K-RING-3"))
    assert [t for _, t, _ in hearing.heard()] == ["1.3.6.1.6.3.1.1.5.4"] * 2


async def test_traps_of_boxes_that_are_cut_off_are_lost(fleet: Fleet, hearing: Hearing) -> None:
    fleet.do(Act(Verb.CUT, "K-TX-1"))
    assert [a for a, _, _ in hearing.heard()] == [DEVICES["AGG-2"].address]
    assert fleet.traps_lost == 1
    fleet.do(Act(Verb.CUT, "K-T16"))
    assert hearing.heard() == []


async def test_a_cpe_whose_power_goes_says_so_with_its_last_breath(fleet: Fleet, hearing: Hearing) -> None:
    fleet.do(Act(Verb.UNPLUG, "CPE-15"))
    first, *rest = hearing.heard()
    assert first[:2] == (DEVICES["CPE-15"].address, "1.3.6.1.4.1.2544.1.12.2.2.5")
    assert [(a, t) for a, t, _ in rest] == [(DEVICES["ACC-4"].address, "1.3.6.1.6.3.1.1.5.3")]
    fleet.do(Act(Verb.UNPLUG, "CPE-15"))
    assert hearing.heard() == []


async def test_a_box_that_dies_says_nothing(fleet: Fleet, hearing: Hearing) -> None:
    fleet.do(Act(Verb.DIE, "ACC-1"))
    assert DEVICES["ACC-1"].address not in {a for a, _, _ in hearing.heard()}


async def test_an_olt_tells_gasping_onus_from_onus_in_the_dark(fleet: Fleet, hearing: Hearing) -> None:
    zte = "1.3.6.1.4.1.3902.1012.3.45."
    fleet.do(Act(Verb.UNPLUG, "ONU-06"))
    gasp, dark = hearing.heard()
    assert (gasp[1], dark[1]) == (zte + "123", zte + "101")
    assert b"ONU-06" in gasp[2].values()
    fleet.do(Act(Verb.CUT, "K-Q07"))
    assert [t for _, t, _ in hearing.heard()] == [zte + "101"]
    fleet.do(Act(Verb.START, "ONU-06"))
    assert [t for _, t, _ in hearing.heard()] == [zte + "124", zte + "102"]


async def test_a_reboot_resets_uptime_tells_cold_start_and_may_renumber_the_ports(
    fleet: Fleet, hearing: Hearing, clock: Clock
) -> None:
    agent = fleet.agents["ACC-2"]
    before, port = agent.box.uptime()[1], next(iter(agent.box.ports))
    index = agent.box.index(port)
    clock.now += MINUTE
    fleet.do(Act(Verb.REBOOT, "ACC-2"))
    clock.now += SECOND
    assert isinstance(before, int)
    assert before > 100 * 86400
    assert agent.box.uptime() == (Tag.TICKS, 100)
    assert agent.box.index(port) != index
    assert [(a, t) for a, t, _ in hearing.heard()] == [(DEVICES["ACC-2"].address, "1.3.6.1.6.3.1.1.5.1")]


async def test_the_echo_is_answered_by_reachable_boxes_only_even_when_the_agent_hangs(fleet: Fleet) -> None:
    pinger = EchoPinger(fleet.port + 1)
    try:
        address = DEVICES["CPE-16"].address
        up = await pinger.ping(address, count=1, timeout=5)
        assert up.state is State.OK
        assert up.rtt_seconds is not None
        fleet.do(Act(Verb.HANG, "CPE-16"))
        assert (await pinger.ping(address, count=1, timeout=5)).state is State.OK
        fleet.do(Act(Verb.CUT, "K-TX-1"))
        gone = await pinger.ping(address, count=2, timeout=0.05)
        assert (gone.state, gone.sent) == (State.BAD, 2)
        fleet.close()
        assert (await pinger.ping(address, count=1, timeout=0.05)).state is not State.OK
    finally:
        pinger.close()


@tools
async def test_a_hung_agent_is_silent_until_it_wakes(fleet: Fleet) -> None:
    fleet.do(Act(Verb.HANG, "CPE-02"))
    assert "Timeout" in await run("snmpget", fleet, "CPE-02", "1.3.6.1.2.1.1.5.0")
    fleet.do(Act(Verb.WAKE, "CPE-02"))
    assert "CPE-02" in await run("snmpget", fleet, "CPE-02", "1.3.6.1.2.1.1.5.0")


async def test_a_second_fleet_takes_other_ports(fleet: Fleet, clock: Clock) -> None:
    second = Fleet(LEDGER, clock, COMMUNITY)
    try:
        assert second.open(fleet.port) == fleet.port + 2
    finally:
        second.close()


def lone_agent() -> Agent:
    clock = Clock()
    device = DEVICES["AGG-1"]
    ports = [p for x in LEDGER.links.values() for p in (x.a, x.z) if p.device == "AGG-1"]
    return Agent(Box(device, ports, clock, clock() - MINUTE), COMMUNITY)


@given(st.binary(max_size=200))
def test_noise_gets_no_answer_and_does_no_harm(noise: bytes) -> None:
    assert lone_agent().answer(noise) is None


@given(st.integers(0, 200), st.integers(0, 2**31 - 1), st.integers(1, 12))
def test_no_answer_to_a_getbulk_is_larger_than_a_frame(repetitions: int, number: int, columns: int) -> None:
    names = [(*oid("1.3.6.1.2.1.2.2.1"), column) for column in range(1, columns + 1)]
    pdu = ber.write_pdu(ber.GETBULK, number, 0, repetitions, ber.write_names(names))
    reply = lone_agent().answer(ber.write_message(1, COMMUNITY.encode(), pdu))
    assert reply is not None
    assert len(reply) <= LARGEST
    answer = ber.read_message(reply).pdu
    assert isinstance(answer, ber.Pdu)
    assert (answer.request_id, answer.status) == (number, 0)
