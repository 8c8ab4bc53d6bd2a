"""Where polling looks out of turn, and that nobody who is slow or late hurts the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from netwatch.core.model import Device, Ledger, Link, Observation, Port, Role, Source, State
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Ping, Pinger
from netwatch.wire.poll import Poller
from netwatch.wire.poll.near import MOST, Surroundings
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential, Snmp, Tag, VarBind, ber, oid
from netwatch.wire.traps import TrapListener
from netwatch.wire.traps.form import TRAP_OID


def device(name: str, address: str = "", role: Role = Role.ACCESS, managed: bool = True) -> Device:
    return Device(name, role=role, address=address, credential="lab", managed=managed)


def link(name: str, a: str, z: str) -> Link:
    return Link(name, Port(*a.split(":")), Port(*z.split(":")))


RING = Ledger(
    devices={
        d.id: d
        for d in (
            device("A", "127.0.0.1", Role.CORE),
            device("B", "127.0.0.2"),
            device("C", "127.0.0.3", Role.CPE),
            device("MC", managed=False, role=Role.CONVERTER),
            device("FAR", "127.0.0.4", Role.CORE),
        )
    },
    links={
        it.id: it
        for it in (
            link("L1", "A:GE0/0/1", "B:GE0/0/1"),
            link("L2", "B:GE0/0/2", "MC:1"),
            link("L3", "MC:2", "C:GE0/0/1"),
            link("L4", "A:GE0/0/7", "FAR:GE0/0/1"),
        )
    },
)
POLLED = ("A", "B", "C", "FAR")


def test_neighbours_are_what_links_lead_to_straight_or_through_boxes_that_nobody_polls() -> None:
    near = Surroundings(RING, POLLED)
    assert near.of("B") == ("A", "C")
    assert near.of("C") == ("B",)
    assert (near.facing("B", "GE0/0/2"), near.facing("B", "GE0/0/1"), near.facing("B", "GE0/0/9")) == (
        ("C",),
        ("A",),
        (),
    )
    assert near.of("nobody") == ()


def test_of_the_hundreds_around_a_hub_those_that_carry_others_are_looked_at_first() -> None:
    leaves = {f"CPE-{n}": device(f"CPE-{n}", role=Role.CPE) for n in range(300)}
    hub = {"HUB": device("HUB"), "CORE": device("CORE", role=Role.CORE), **leaves}
    links = {name: link(name, f"HUB:{n}", f"{name}:1") for n, name in enumerate(("CORE", *leaves))}
    near = Surroundings(Ledger(devices=hub, links=links), hub)
    assert (len(near.of("HUB")), near.of("HUB")[0]) == (MOST, "CORE")


class Pings(Pinger):
    """The real one is tested in test_ping; here each address answers as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.dead: set[str] = set()
        self.asked: list[str] = []

    def ask(self, address: str, told: Callable[[Ping], None], *, count: int = 3, timeout: float = 1.0) -> None:
        self.asked.append(address)
        told(Ping(State.BAD if address in self.dead else State.OK, count, 0.001))


class Scene:
    def __init__(self, poller: Poller, inbox: Inbox, pings: Pings, doubts: list[str]) -> None:
        self.poller, self.inbox, self.pings, self.doubts = poller, inbox, pings, doubts


@pytest.fixture
async def scene(
    agent: Any, snmp: Snmp, clock: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Every device of RING was polled once; nothing is due for an hour."""
    monkeypatch.setattr("netwatch.wire.poll.AGAIN", (0.05, 0.1))
    agent.interface(1, "GE0/0/1")
    agent.interface(2, "GE0/0/2")
    others = await agents_at(agent, "127.0.0.2", "127.0.0.3", "127.0.0.4")
    inbox, pings, doubts = Inbox(), Pings(), list[str]()
    poller = Poller(
        RING,
        Names(RING),
        Profiles({}),
        lambda _: Credential(community="public"),
        snmp,
        pings,
        inbox,
        clock,
        interval=3600,
        ping_interval=3600,
        detail_interval=0,
        port=agent.port,
        timeout=1.0,
        retries=1,
        doubt=doubts.append,
    )
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(0)
    for name in POLLED:
        poller.nudge(name)
    # Only the turns of the hour are left to come: a poll and a ping of each.
    await until(lambda: len(poller._schedule) == 2 * len(POLLED) and not poller._schedule.running)
    pings.asked.clear()
    for turns in poller._turns.values():
        turns.followed = float("-inf")  # the last nudge is long ago
    yield Scene(poller, inbox, pings, doubts)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for transport in others:
        transport.close()


async def agents_at(agent: Any, *addresses: str) -> list[Any]:
    """The same agent on more addresses."""

    class Door(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            if (reply := agent.answer(data)) is not None:
                self.transport.sendto(reply, addr)

    loop = asyncio.get_running_loop()
    return [(await loop.create_datagram_endpoint(Door, local_addr=(it, agent.port)))[0] for it in addresses]


async def test_when_a_device_falls_silent_its_neighbours_are_asked_at_once_and_again(scene: Scene, until: Any) -> None:
    scene.pings.dead.add("127.0.0.2")
    before = scene.poller.stats.results["ok"]
    scene.poller._judge(scene.poller._turns["B"].of, Ping(State.BAD, 3))
    # A, and C behind its media converter; not FAR, which nothing of B leads to.
    await until(lambda: {"127.0.0.1", "127.0.0.3"} <= set(scene.pings.asked))
    await until(lambda: scene.poller.stats.results["ok"] >= before + 6)  # now, and at each of AGAIN
    assert "127.0.0.4" not in scene.pings.asked


async def test_when_a_port_goes_down_what_it_faces_is_asked_at_once(scene: Scene, agent: Any, until: Any) -> None:
    agent.interface(2, "GE0/0/2", oper=2)
    scene.poller.nudge("B")
    await until(lambda: "127.0.0.3" in scene.pings.asked)


async def test_an_agent_that_hangs_is_a_doubt_for_those_who_have_another_way_to_ask(
    scene: Scene, agent: Any, until: Any
) -> None:
    agent.silent = True
    scene.poller.nudge("B")
    await until(lambda: "B" in scene.doubts)


async def test_a_trap_whose_varbinds_contradict_each_other_is_settled_by_a_poll(
    scene: Scene, until: Any, clock: Any
) -> None:
    """linkDown with ifOperStatus up (RFC 2863 leaves it open which of the two states it carries): the port is up."""
    await scene.inbox.take(1000, asyncio.get_running_loop().time())
    listener = TrapListener(Names(RING), Profiles.load(), scene.inbox, clock, nudge=scene.poller.nudge)
    port = listener.open("127.0.0.1", 0)
    varbinds = [
        VarBind(oid("1.3.6.1.2.1.1.3.0"), Tag.TICKS, 1),
        VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.6.3.1.1.5.3")),
        VarBind(oid("1.3.6.1.2.1.2.2.1.1.1"), Tag.INTEGER, 1),
        VarBind(oid("1.3.6.1.2.1.2.2.1.7.1"), Tag.INTEGER, 1),
        VarBind(oid("1.3.6.1.2.1.2.2.1.8.1"), Tag.INTEGER, 1),
        VarBind(oid("1.3.6.1.2.1.2.2.1.2.1"), Tag.OCTETS, b"GE0/0/1"),
    ]
    pdu = ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds(varbinds))
    told: list[Observation] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.2", 0))
        sender.sendto(ber.write_message(1, b"public", pdu), ("127.0.0.1", port))

        def settled() -> bool:
            if scene.inbox.depth:
                told.extend(taken(scene.inbox))
            return any(f.source is Source.POLL and f.condition.value == "link" for f in told)

        await until(settled)
    listener.close()
    ours = [(f.source.value, f.state.value) for f in told if (f.component, f.condition.value) == ("GE0/0/1", "link")]
    assert ours == [("trap", "bad"), ("poll", "ok")]


def taken(inbox: Inbox) -> list[Observation]:
    coroutine = inbox.take(1000)
    try:
        coroutine.send(None)
    except StopIteration as done:
        return [fact for fact in done.value if isinstance(fact, Observation)]
    raise AssertionError("the inbox was empty")


async def test_devices_that_are_slow_wait_for_one_another_and_for_nobody_else(
    agent: Any, snmp: Snmp, clock: Any, until: Any
) -> None:
    """More hung agents than there are places: once they are known for slow, the one that answers is never late."""
    devices = {f"HUNG-{n}": device(f"HUNG-{n}", f"127.9.9.{n}") for n in range(1, 9)} | {"A": RING.devices["A"]}
    poller = Poller(
        Ledger(devices=devices),
        Names(RING),
        Profiles({}),
        lambda _: Credential(community="public"),
        snmp,
        None,
        Inbox(),
        clock,
        interval=0.1,
        detail_interval=0,
        concurrency=4,
        port=agent.port,
        timeout=0.3,
        retries=0,
    )
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.slow == 8)
    for polled in (turns.of for turns in poller._turns.values()):
        if polled.target is not None and polled.device.id != "A":
            polled.target = replace(polled.target, timeout=600)  # whoever waits for one of them now waits for good
    before = poller.stats.results["ok"]
    await until(lambda: poller.stats.results["ok"] >= before + 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_poll_that_begins_late_is_late_and_never_down(agent: Any, snmp: Snmp, clock: Any, until: Any) -> None:
    """One place for forty devices at an interval that cannot be kept."""
    others = await agents_at(agent, *(f"127.0.1.{n}" for n in range(1, 41)))
    devices = {f"R-{n}": device(f"R-{n}", f"127.0.1.{n}") for n in range(1, 41)}
    inbox = Inbox()
    poller = Poller(
        Ledger(devices=devices),
        Names(RING),
        Profiles({}),
        lambda _: Credential(community="public"),
        snmp,
        None,
        inbox,
        clock,
        interval=0.01,
        detail_interval=0,
        concurrency=1,
        port=agent.port,
    )
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.stats.late > 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {fact.state for fact in taken(inbox)} == {State.OK}
    for transport in others:
        transport.close()
