"""A device and its ports are who they are: renumbered, restarted, wrapped, doubled; the real poller over real UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from netwatch.core.model import Device, Ledger, Link, Observation, Port
from netwatch.core.time import SECOND
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.poll import Poller
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Auth, Credential, Snmp, Tag, Version, ber, oid, usm

WRAP = 1 << 32
PUBLIC = Credential(community="public")
USER = Credential(Version.V3, user="noc", auth=Auth.SHA1, auth_key="maplesyrup")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(
        devices={
            "R-1": Device("R-1", address="127.0.0.1", credential="lab"),
            "R-2": Device("R-2", address="127.0.0.2", credential="lab"),
        },
        links={"L-1": Link("L-1", Port("R-1", "GE0/0/1"), Port("R-2", "GE0/0/9"))},
    )


class Polling:
    """A poller of the devices in a ledger. `turn` polls one once and gives what was said."""

    def __init__(self, poller: Poller, inbox: Inbox, until: Any) -> None:
        self.poller, self.inbox, self.until = poller, inbox, until

    async def turn(self, device: str = "R-1") -> list[Observation]:
        await self.until(lambda: not self.poller._schedule.running)
        before = self.poller.stats.results.total()
        self.poller.nudge(device)
        await self.until(lambda: self.poller.stats.results.total() > before and not self.poller._schedule.running)
        facts = await self.inbox.take(1000, asyncio.get_running_loop().time())
        return [fact for fact in facts if isinstance(fact, Observation)]


@pytest.fixture
def polling(snmp: Snmp, clock: Any, until: Any, ledger: Ledger) -> Callable[..., Any]:
    @asynccontextmanager
    async def of(devices: str, port: int, credential: Credential = PUBLIC) -> Any:
        inbox = Inbox()
        known = replace(ledger, devices={d: ledger.devices[d] for d in devices.split()})
        poller = Poller(
            known,
            Names(ledger),
            Profiles({}),
            lambda _: credential,
            snmp,
            None,
            inbox,
            clock,
            interval=3600,
            detail_interval=0,
            port=port,
            timeout=0.5,
            retries=1,
        )
        task = asyncio.create_task(poller.run())
        await until(lambda: poller._turns.keys() >= known.devices.keys())  # they are taken up by turns
        try:
            yield Polling(poller, inbox, until)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return of


def said(facts: list[Observation]) -> set[tuple[str, str, str]]:
    return {(f.component, f.condition.value, f.state.value) for f in facts}


def gone(agent: Any, index: int) -> None:
    """The interface leaves both tables."""
    tables = (oid("1.3.6.1.2.1.2.2.1"), oid("1.3.6.1.2.1.31.1.1.1"))
    for name in [n for n in agent.values if n[-1] == index and n[:-2] in tables]:
        del agent.values[name]


async def test_ports_that_all_have_other_numbers_after_a_restart_keep_their_states(polling: Any, agent: Any) -> None:
    for n in (1, 2, 3):
        agent.interface(n, f"GigabitEthernet0/0/{n}", oper=2 if n == 1 else 1)
    async with polling("R-1", agent.port) as it:
        assert ("GE0/0/1", "link", "bad") in said(await it.turn())
        for n in (1, 2, 3):
            gone(agent, n)
        for n in (1, 2, 3):
            agent.interface(100 + n, f"GigabitEthernet0/0/{n}", oper=2 if n == 1 else 1)
        agent.uptime(5)
        assert said(await it.turn()) == {("", "reboot", "bad"), ("GE0/0/1", "link", "bad")}


async def test_two_ports_swapped_by_a_restart_are_told_under_their_own_names(polling: Any, agent: Any) -> None:
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.interface(2, "GigabitEthernet0/0/2")
    async with polling("R-1", agent.port) as it:
        await it.turn()
        agent.interface(1, "GigabitEthernet0/0/2")
        agent.interface(2, "GigabitEthernet0/0/1", oper=2)
        agent.uptime(5)
        assert said(await it.turn()) == {("", "reboot", "bad"), ("GE0/0/1", "link", "bad")}


async def test_a_port_that_vanishes_and_comes_back_under_another_number_is_the_same_port(
    polling: Any, agent: Any
) -> None:
    """A card that is pulled and put in again: no restart, and nobody asks for the new number by himself."""
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.interface(2, "GigabitEthernet0/0/2")
    agent.set("1.3.6.1.2.1.2.1.0", 2)
    async with polling("R-1", agent.port) as it:
        await it.turn()
        gone(agent, 1)
        agent.set("1.3.6.1.2.1.2.1.0", 1)
        assert said(await it.turn()) == {("GE0/0/1", "link", "unknown")}
        assert said(await it.turn()) == set()
        agent.interface(77, "GigabitEthernet0/0/1", oper=2)
        agent.set("1.3.6.1.2.1.2.1.0", 2)
        assert said(await it.turn()) == {("GE0/0/1", "link", "bad")}
        agent.interface(77, "GigabitEthernet0/0/1")
        assert said(await it.turn()) == {("GE0/0/1", "link", "ok")}


async def test_a_table_that_changes_all_the_time_is_not_walked_at_every_poll(polling: Any, agent: Any) -> None:
    agent.interface(1, "GigabitEthernet0/0/1")
    async with polling("R-1", agent.port) as it:
        walks = []
        for n in range(12):
            agent.set("1.3.6.1.2.1.2.1.0", 100 + n)
            before = agent.asked[ber.GETBULK]
            await it.turn()
            walks.append(agent.asked[ber.GETBULK] - before)
        assert walks[0] > 0
        assert walks[-5:] == [0] * 5


async def test_an_uptime_that_wraps_after_497_days_is_no_restart(polling: Any, agent: Any) -> None:
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.uptime((WRAP - 2) / 100)
    async with polling("R-1", agent.port) as it:
        await it.turn()
        agent.uptime(0.05)
        facts = await it.turn()
        assert said(facts) == set()
        agent.uptime(1.0)
        assert said(await it.turn()) == set()


async def test_a_restart_shorter_than_the_interval_is_seen_with_the_time_that_it_happened(
    polling: Any, agent: Any, clock: Any
) -> None:
    agent.interface(1, "GigabitEthernet0/0/1")
    async with polling("R-1", agent.port) as it:
        await it.turn()
        agent.uptime(12)
        (restart,) = await it.turn()
        assert (restart.condition.value, restart.occurred) == ("reboot", clock.now - 12 * SECOND)
        agent.uptime(12.1)
        assert await it.turn() == []


class V3(asyncio.DatagramProtocol):
    """The tests' agent behind SNMPv3, with an engine id, boots and a time of its own choosing."""

    def __init__(self, agent: Any, boots: int, time: int) -> None:
        self.agent, self.here = agent, usm.Peer(b"\x80\0\x07\xdb\x01twins", boots, time)
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = usm.read(data)
        known = message.engine_id == self.here.engine_id
        if known and message.boots == self.here.boots and abs(message.time - self.here.time) <= 150:
            inside = usm.open_message(data, message, USER)
            answer = self.agent.answer(ber.write_message(1, b"public", _body(inside.pdu)))
            pdu = ber.read_message(answer).pdu
            body = ber.write_pdu(ber.RESPONSE, pdu.request_id, pdu.status, pdu.place, ber.write_varbinds(pdu.varbinds))
            reply = usm.seal(message.message_id, USER, self.here, 0.0, inside.context, body, reportable=False)
        else:
            what = usm.NOT_IN_WINDOW if known else usm.UNKNOWN_ENGINE
            counter = ber.VarBind((*usm.USM_STATS, what, 0), Tag.COUNTER32, 1)
            body = ber.write_pdu(ber.REPORT, 0, 0, 0, ber.write_varbinds([counter]))
            who = USER if known else None
            reply = usm.seal(message.message_id, who, self.here, 0.0, b"", body, reportable=False)
        self.transport.sendto(reply, addr)


def _body(pdu: ber.Pdu) -> bytes:
    return ber.write_pdu(pdu.kind, pdu.request_id, pdu.status, pdu.place, ber.write_varbinds(pdu.varbinds))


async def test_two_devices_with_one_engine_id_are_each_told_for_what_they_are(polling: Any, agent: Any) -> None:
    """Boxes of one batch, or cloned virtual ones: same engine id, other boots and times."""
    twin = type(agent)()
    for box, oper in ((agent, 1), (twin, 2)):
        box.uptime(1000)
        box.interface(1, "GigabitEthernet0/0/1", oper=oper)
        box.interface(9, "GigabitEthernet0/0/9", oper=oper)
    loop = asyncio.get_running_loop()
    first, _ = await loop.create_datagram_endpoint(lambda: V3(agent, 7, 90_000), local_addr=("127.0.0.1", 0))
    port = first.get_extra_info("sockname")[1]
    second, _ = await loop.create_datagram_endpoint(lambda: V3(twin, 1, 40), local_addr=("127.0.0.2", port))
    try:
        async with polling("R-1 R-2", port, USER) as it:
            for _ in range(3):
                one, two = said(await it.turn("R-1")), said(await it.turn("R-2"))
                assert ("GE0/0/9", "link", "bad") in two
                assert not any(state == "bad" for _, _, state in one)
            assert set(it.poller.stats.results) == {"ok"}
    finally:
        first.close()
        second.close()


async def test_a_box_that_was_not_seen_is_asked_since_when_its_ports_are_what_they_are(
    polling: Any, agent: Any
) -> None:
    """By its own record: the time is counted by its uptime, so that its clock does not matter."""
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.set("1.3.6.1.2.1.2.2.1.9.1", 100_00, Tag.TICKS)
    agent.uptime(400)
    async with polling("R-1", agent.port) as it:
        assert all(f.occurred is None for f in await it.turn())
        agent.silent = True
        await it.turn()
        agent.silent = False
        told = [f for f in await it.turn() if f.occurred is not None]
        assert [(f.component, f.condition.value, f.state.value) for f in told] == [("GE0/0/1", "link", "ok")]
        assert told[0].at - (told[0].occurred or 0) == 300 * SECOND
        assert all(f.occurred is None for f in await it.turn())
