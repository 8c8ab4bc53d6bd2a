"""The poller against a small agent on loopback, with a ping that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from netwatch.core.model import Device, Ledger, Observation, State
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Ping, Pinger
from netwatch.wire.poll import Poller
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential, Snmp


class FakePing(Pinger):
    """Says what it is told to; the real one is tested in test_ping."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.OK
        self.asked: list[str] = []

    def ask(self, address: str, told: Callable[[Ping], None], *, count: int = 3, timeout: float = 1.0) -> None:
        self.asked.append(address)
        told(Ping(self.state, count, 0.001, "no route" if self.state is State.UNKNOWN else ""))


class Bench:
    """A poller, what it said so far, and one turn of it at a time."""

    def __init__(self, poller: Poller, inbox: Inbox, ping: FakePing, agent: Any, clock: Any, until: Any) -> None:
        self.poller, self.inbox, self.ping, self.agent, self.clock, self.until = (
            poller,
            inbox,
            ping,
            agent,
            clock,
            until,
        )

    async def turn(self) -> set[tuple[str, str, str]]:
        """Poll and ping once; what is said is (component, condition, state), what was well with ICMP before aside."""
        await self.until(lambda: not self.poller._schedule.running)
        before = self.poller.stats.results.total()
        self.poller.nudge("R-1")
        await self.until(lambda: self.poller.stats.results.total() > before and not self.poller._schedule.running)
        return self.heard()

    async def pinged(self) -> set[tuple[str, str, str]]:
        before = self.poller.stats.pings.total()
        self.poller.nudge("R-1")
        await self.until(lambda: self.poller.stats.pings.total() > before and not self.poller._schedule.running)
        return self.heard()

    def heard(self) -> set[tuple[str, str, str]]:
        facts: list[Any] = []
        while self.inbox.depth:
            coroutine = self.inbox.take(1000)
            try:
                coroutine.send(None)
            except StopIteration as done:
                facts += done.value
        return {(f.component, f.condition.value, f.state.value) for f in facts if isinstance(f, Observation)}


@pytest.fixture
async def bench(
    agent: Any, snmp: Snmp, clock: Any, until: Any, ledger: Ledger, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    inbox, ping = Inbox(), FakePing()
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.interface(2, "GigabitEthernet0/0/2")
    poller = Poller(
        Ledger(devices={"R-1": ledger.devices["R-1"]}, links=ledger.links),
        Names(ledger),
        Profiles({}),
        lambda name: Credential(community="public") if name == "lab" else None,
        snmp,
        ping,
        inbox,
        clock,
        interval=3600,
        ping_interval=3600,
        detail_interval=0,
        port=agent.port,
        timeout=0.05,
        retries=0,
    )
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(0)
    bench = Bench(poller, inbox, ping, agent, clock, until)
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_well_is_said_at_first_sight_and_then_not_again(bench: Bench) -> None:
    first = await bench.turn()
    assert {("", "agent", "ok"), ("GE0/0/1", "link", "ok"), ("GE0/0/1", "admin", "ok")} <= first
    await bench.pinged()
    assert await bench.turn() == set()


async def test_ports_are_called_as_the_ledger_calls_them(bench: Bench) -> None:
    assert {c for c, _, _ in await bench.turn()} == {"", "GE0/0/1", "GigabitEthernet0/0/2"}


async def test_bad_is_said_at_every_poll_and_ok_once_when_it_is_over(bench: Bench) -> None:
    await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/1", oper=2)
    for _ in range(2):
        assert ("GE0/0/1", "link", "bad") in await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/1")
    assert ("GE0/0/1", "link", "ok") in await bench.turn()
    assert await bench.turn() == set()


async def test_after_a_nudge_what_is_well_is_said_once_more_for_the_trap_may_have_been_false(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwatch.wire.poll.AGAIN", (0.5, 0.6))
    await bench.turn()
    bench.poller.nudge("R-1")
    await bench.until(lambda: ("GE0/0/1", "link", "ok") in bench.heard())
    schedule = bench.poller._schedule  # what follows the nudge is over when only the turns of the hour are left
    await bench.until(lambda: len(schedule) == 2 and not schedule.running)
    bench.heard()
    assert await bench.turn() == set()


async def test_what_is_beyond_ports_waits_while_polls_begin_late_but_not_for_ever(bench: Bench) -> None:
    await bench.turn()
    device, loop = bench.poller._turns["R-1"].of, asyncio.get_running_loop()
    device._means.detail_interval = 3600
    due = device._next_detail = loop.time()
    await device.poll(afresh=False, pressed=True)
    assert device._next_detail == due
    await device.poll(afresh=False)
    assert due < device._next_detail <= loop.time() + 3600
    due = device._next_detail = loop.time() - 3600
    await device.poll(afresh=False, pressed=True)
    assert device._next_detail > due + 3600


async def test_a_port_that_was_down_when_first_seen_and_is_not_in_the_ledger_is_no_news(bench: Bench) -> None:
    bench.agent.interface(2, "GigabitEthernet0/0/2", oper=2)
    assert ("GigabitEthernet0/0/2", "link", "bad") not in await bench.turn()
    bench.agent.interface(2, "GigabitEthernet0/0/2")
    assert ("GigabitEthernet0/0/2", "link", "ok") in await bench.turn()
    bench.agent.interface(2, "GigabitEthernet0/0/2", oper=2)
    assert ("GigabitEthernet0/0/2", "link", "bad") in await bench.turn()


async def test_a_port_of_the_ledger_that_is_down_when_first_seen_is_news(bench: Bench) -> None:
    bench.agent.interface(1, "GigabitEthernet0/0/1", oper=2)
    assert ("GE0/0/1", "link", "bad") in await bench.turn()


async def test_a_port_taken_down_by_an_operator_is_no_link_fault(bench: Bench) -> None:
    await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/1", admin=2, oper=2)
    assert await bench.turn() == {("GE0/0/1", "admin", "bad")}


async def test_two_ports_that_swap_their_numbers_keep_their_states(bench: Bench) -> None:
    bench.agent.interface(1, "GigabitEthernet0/0/1", oper=2)
    await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/2")
    bench.agent.interface(2, "GigabitEthernet0/0/1", oper=2)
    assert await bench.turn() == {("GE0/0/1", "link", "bad")}


async def test_a_port_that_is_gone_is_unknown_and_the_others_are_read(bench: Bench) -> None:
    await bench.turn()
    for name in [n for n in bench.agent.values if n[-1] == 1 and n[:8] != (1, 3, 6, 1, 2, 1, 1, 1)]:
        if name[:9] in ((1, 3, 6, 1, 2, 1, 2, 2, 1), (1, 3, 6, 1, 2, 1, 31, 1, 1)):
            del bench.agent.values[name]
    bench.agent.interface(2, "GigabitEthernet0/0/2", oper=2)
    assert await bench.turn() == {("GE0/0/1", "link", "unknown"), ("GigabitEthernet0/0/2", "link", "bad")}


async def test_a_box_without_ifxtable_is_known_by_ifdescr(bench: Bench) -> None:
    for name in [n for n in bench.agent.values if n[:7] == (1, 3, 6, 1, 2, 1, 31)]:
        del bench.agent.values[name]
    assert ("GE0/0/1", "link", "ok") in await bench.turn()


async def test_a_silent_agent_that_answers_icmp_is_an_agent_fault_and_nothing_else(bench: Bench) -> None:
    await bench.turn()
    await bench.pinged()
    bench.agent.silent = True
    assert await bench.turn() == {("", "agent", "bad")}
    assert await bench.pinged() <= {("", "agent", "bad")}, "the answer to a ping clears nothing of SNMP"
    bench.agent.silent = False
    back = await bench.turn()
    assert ("", "agent", "ok") in back
    assert ("GE0/0/1", "link", "ok") in back, "what was said of it by other ways meanwhile may be false"
    assert await bench.turn() == set()


async def test_a_device_that_is_silent_altogether_is_unreachable_and_says_nothing_of_its_agent(bench: Bench) -> None:
    await bench.turn()
    await bench.pinged()
    bench.agent.silent, bench.ping.state = True, State.BAD
    heard = await bench.turn() | await bench.pinged()
    assert heard == {("", "reachable", "bad")}
    bench.agent.silent, bench.ping.state = False, State.OK
    assert ("", "reachable", "ok") in await bench.pinged()


async def test_our_own_trouble_is_never_the_devices(bench: Bench) -> None:
    await bench.turn()
    await bench.pinged()
    bench.agent.silent, bench.ping.state = True, State.UNKNOWN
    heard = await bench.turn() | await bench.pinged()
    assert heard == {("", "reachable", "unknown")}


async def test_a_missing_credential_says_nothing_of_the_device(bench: Bench, ledger: Ledger) -> None:
    stranger = Device("R-1", address="127.0.0.1", credential="nobody")
    await bench.poller.reload(Ledger(devices={"R-1": stranger}))
    heard = await bench.turn() | await bench.pinged()
    assert heard == {("", "reachable", "ok")}
    assert bench.poller.stats.results["no_credential"]


async def test_a_restart_is_seen_although_no_trap_came(bench: Bench) -> None:
    await bench.turn()
    bench.agent.uptime(3)
    assert ("", "reboot", "bad") in await bench.turn()
    assert await bench.turn() == set()


async def test_a_restart_of_the_agent_alone_is_no_restart_of_the_box(bench: Bench) -> None:
    bench.agent.set("1.3.6.1.2.1.25.1.1.0", 90_000_000)
    await bench.turn()
    bench.agent.uptime(3)
    assert ("", "reboot", "bad") not in await bench.turn()


async def test_what_the_inbox_refused_is_said_again(bench: Bench) -> None:
    await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/1", oper=2)
    await bench.turn()
    bench.agent.interface(1, "GigabitEthernet0/0/1")
    offer, bench.inbox.offer = bench.inbox.offer, lambda *_: False  # type: ignore[method-assign, assignment]
    assert await bench.turn() == set()
    bench.inbox.offer = offer  # type: ignore[method-assign]
    assert ("GE0/0/1", "link", "ok") in await bench.turn()


async def test_a_storm_of_nudges_is_one(bench: Bench) -> None:
    await bench.turn()
    asked = bench.agent.asked.total()
    for _ in range(10_000):
        bench.poller.nudge("R-1")
    assert len(bench.poller._schedule) < 10
    await bench.turn()
    assert bench.agent.asked.total() - asked < 10


async def test_what_profiles_observe_beyond_ports_is_told_too(
    agent: Any, snmp: Snmp, clock: Any, until: Any, ledger: Ledger
) -> None:
    """BGP: down, established; a peer that an operator stopped is no trouble."""
    for peer, state, admin in ((1, 1, 2), (2, 6, 2), (3, 1, 1)):
        agent.set(f"1.3.6.1.2.1.15.3.1.2.192.0.2.{peer}", state)
        agent.set(f"1.3.6.1.2.1.15.3.1.3.192.0.2.{peer}", admin)
    inbox = Inbox()
    poller = Poller(
        Ledger(devices={"R-1": ledger.devices["R-1"]}),
        Names(ledger),
        Profiles.load(),
        lambda _: Credential(community="public"),
        snmp,
        None,
        inbox,
        clock,
        interval=0.01,
        detail_interval=3600,
        port=agent.port,
    )
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.stats.results["ok"] >= 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    facts = [f for f in await inbox.take(1000) if isinstance(f, Observation)]
    assert {(f.component, f.state.value) for f in facts if f.condition.value == "adjacency"} == {
        ("bgp 192.0.2.1", "bad"),
        ("bgp 192.0.2.2", "ok"),
    }


async def test_a_large_box_is_asked_only_for_the_ports_that_the_ledger_names(bench: Bench) -> None:
    for n in range(3, 400):
        bench.agent.interface(n, f"GigabitEthernet1/0/{n}")
    assert {c for c, _, _ in await bench.turn()} == {"", "GE0/0/1"}


async def test_one_device_that_hangs_does_not_delay_another(
    agent: Any, snmp: Snmp, clock: Any, until: Any, ledger: Ledger
) -> None:
    inbox = Inbox()
    devices = {f"DEAD-{n}": Device(f"DEAD-{n}", address=f"127.9.9.{n}", credential="lab") for n in range(1, 6)}
    poller = Poller(
        Ledger(devices={**devices, "R-1": ledger.devices["R-1"]}),
        Names(ledger),
        Profiles({}),
        lambda _: Credential(community="public"),
        snmp,
        None,
        inbox,
        clock,
        interval=0.05,
        detail_interval=0,
        concurrency=6,
        port=agent.port,
        timeout=30,
    )
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.stats.results["ok"] >= 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_removed_device_is_not_polled_any_more(bench: Bench) -> None:
    await bench.turn()
    await bench.poller.reload(Ledger())
    asked = bench.agent.asked.total()
    bench.poller.nudge("R-1")
    await asyncio.sleep(0)
    assert bench.agent.asked.total() == asked
