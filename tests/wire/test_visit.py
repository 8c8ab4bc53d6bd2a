"""Visits to command lines, against real SSH on loopback: what is told, what is over, and whose trouble it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from ssh_box import ANSWERS, Box

from netwatch import config
from netwatch.core.model import Condition, Device, Ledger, Link, Observation, Port, Source
from netwatch.wire.cli.hosts import KnownHosts, Trust
from netwatch.wire.cli.profile import Cli
from netwatch.wire.cli.read import CommandLine
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.ssh_read import Access
from netwatch.wire.cli.target import Login, Patience
from netwatch.wire.cli.visit import Knowledge, Visitor
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names

COLLECTORS = config.listing(None, "collectors")
SECRET = "right-horse"

ALARMS = """1:Critical  2:Major  3:Minor  4:Warning
-------------------------------------------------------------------------------
Sequence   AlarmId    Level Date Time  Description
-------------------------------------------------------------------------------
{rows}
-------------------------------------------------------------------------------
"""
FAN = """9          0x8520004  2     2026-11-02 Fan failed, the board may be hot. (EntPhysicalIndex=1,
                            09:02:03   PhysicalName="slot 3 FAN")"""

LINE = CommandLine(
    "huawei_vrp",
    Cli.model_validate(
        {
            "device_type": "huawei_vrp",
            "command": [
                {
                    "command": "display alarm active",
                    "template": "display_alarm_active.textfsm",
                    "nothing": r"Sequence\s+AlarmId",
                    "rows": [
                        {
                            "list": "alarms",
                            "fields": {"text": "{text}", "component": {"text": "{text}", "find": 'Name="([^"]+)'}},
                            "observe": [
                                {"condition": "fan", "component": "{component}", "field": "text", "bad": "fan failed"}
                            ],
                        }
                    ],
                },
                {
                    "command": "display bgp peer",
                    "rows": [
                        {
                            "list": "sessions",
                            "fields": {"peer": "{peer}", "state": "{state}"},
                            "observe": [
                                {
                                    "condition": "adjacency",
                                    "component": "bgp {peer}",
                                    "ok": "^establ",
                                    "bad": "^(active|idle)",
                                    "gone": "bad",
                                },
                                {"condition": "link", "component": "{peer}", "ok": "^establ", "bad": "^active"},
                            ],
                        }
                    ],
                },
            ],
        }
    ),
    COLLECTORS["huawei_vrp"],
)
PEERS = ANSWERS["display bgp peer"]
FEWER = "\n".join(line for line in PEERS.splitlines() if "192.0.2.11" not in line)


class Visiting:
    def __init__(self, visitor: Visitor, ssh: Ssh, inbox: Inbox, until: Any) -> None:
        self.visitor, self.ssh, self.inbox, self._until = visitor, ssh, inbox, until
        self.results: list[str] = []
        visitor.stats.on_visit = lambda _, result: self.results.append(result)

    async def turn(self, device: str = "R-1") -> set[tuple[str, str, str]]:
        """One more visit to a device; what it came to."""
        state = await self._until(lambda: self.visitor._states.get(device))
        await self._until(lambda: not state.visiting)
        before = len(self.results)
        self.visitor._schedule.put(0.0, ("extra", state))
        await self._until(lambda: len(self.results) > before and not state.visiting)
        return self.heard()

    def heard(self) -> set[tuple[str, str, str]]:
        return {(f.component, f.condition.value, f.state.value) for f in self.facts()}

    def facts(self) -> list[Observation]:
        if not self.inbox.depth:
            return []
        coroutine = self.inbox.take(1000)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return [fact for fact in done.value if isinstance(fact, Observation)]
        raise AssertionError("an inbox that is not empty makes nobody wait")


@pytest.fixture
def box() -> Iterator[Box]:
    box = Box(answers=ANSWERS | {"display alarm active": ALARMS.format(rows="")}).start()
    yield box
    box.stop()


Begin = Callable[..., Any]


@pytest.fixture
def visiting(tmp_path: Path, clock: Any, until: Any) -> Begin:
    """Visits to the boxes given, as R-1, R-2 …; by themselves only once an hour."""

    @asynccontextmanager
    async def begin(
        *boxes: Box,
        password: str = SECRET,
        trust: Trust = Trust.FIRST_USE,
        hears: bool = False,
        families: tuple[str, ...] = ("if_mib", "huawei_vrp"),
        suiting: tuple[str, ...] = (),
        interval: float = 3600,
        patience: Patience | None = None,
        slots: int = 4,
        keep: int = 64,
        standing: dict[str, list[tuple[str, Condition]]] | None = None,
    ) -> AsyncIterator[Visiting]:
        devices = {
            f"R-{n}": Device(f"R-{n}", address=box.address, credential=f"at {n}") for n, box in enumerate(boxes, 1)
        }
        ledger = Ledger(
            devices=devices | {"R-0": Device("R-0", address="192.0.2.99", credential="snmp")},
            links={"L-1": Link("L-1", Port("R-1", "192.0.2.12"), Port("R-0", "GE0/0/1"))},
        )
        accesses = {f"at {n}": Access(Login("noc", password), box.port) for n, box in enumerate(boxes, 1)}
        ssh = Ssh(KnownHosts(tmp_path / "known_hosts", trust), slots=slots, keep=keep)
        inbox = Inbox()
        visitor = Visitor(
            ledger,
            Names(ledger),
            {"huawei_vrp": LINE},
            accesses.get,
            Knowledge(lambda _: (families, suiting), lambda _: hears, lambda: standing or {}),
            ssh,
            inbox,
            clock,
            interval=interval,
            patience=patience,
        )
        task = asyncio.create_task(visitor.run())
        await asyncio.sleep(0)
        try:
            yield Visiting(visitor, ssh, inbox, until)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await ssh.close()

    return begin


async def test_an_alarm_is_told_at_each_visit_and_is_over_when_its_row_is_gone(visiting: Begin, box: Box) -> None:
    async with visiting(box) as it:
        assert ("slot 3 FAN", "fan", "bad") not in await it.turn()
        box.answers["display alarm active"] = ALARMS.format(rows=FAN)
        for _ in range(2):
            assert ("slot 3 FAN", "fan", "bad") in await it.turn()
        box.answers["display alarm active"] = ALARMS.format(rows="")
        assert ("slot 3 FAN", "fan", "ok") in await it.turn()
        assert not any(condition == "fan" for _, condition, _ in await it.turn())
        assert box.logins == 1, "the session was kept"


async def test_what_is_told_comes_from_the_command_line_under_the_devices_name(visiting: Begin, box: Box) -> None:
    async with visiting(box) as it:
        await it.turn()
        it.heard()
        box.answers["display alarm active"] = ALARMS.format(rows=FAN)
        state = it.visitor._states["R-1"]
        it.visitor._schedule.put(0.0, ("extra", state))
        await it._until(lambda: it.inbox.depth)
        (fan,) = [f for f in it.facts() if f.condition is Condition.FAN]
        assert (fan.device, fan.source, fan.at) == ("R-1", Source.CLI, it.visitor._clock())
        assert "Fan failed" in fan.value


async def test_a_neighbour_that_is_listed_only_while_it_is_heard_is_lost_when_it_is_gone(
    visiting: Begin, box: Box
) -> None:
    async with visiting(box) as it:
        assert {("bgp 192.0.2.11", "adjacency", "ok"), ("bgp 192.0.2.12", "adjacency", "bad")} <= await it.turn()
        box.answers["display bgp peer"] = FEWER
        for _ in range(2):
            assert ("bgp 192.0.2.11", "adjacency", "bad") in await it.turn()
        box.answers["display bgp peer"] = PEERS
        assert ("bgp 192.0.2.11", "adjacency", "ok") in await it.turn()


async def test_an_answer_that_is_not_understood_clears_nothing(visiting: Begin, box: Box) -> None:
    box.answers["display alarm active"] = ALARMS.format(rows=FAN)
    async with visiting(box) as it:
        await it.turn()
        for nonsense in (
            "a wholly other table\nof no known form",
            "Error: Unrecognized command found at '^' position.",
        ):
            box.answers["display alarm active"] = nonsense
            assert ("slot 3 FAN", "fan", "ok") not in await it.turn()
        box.answers["display alarm active"] = ALARMS.format(rows="")
        assert ("slot 3 FAN", "fan", "ok") in await it.turn()


async def test_what_a_former_life_raised_and_is_not_listed_any_more_is_over(visiting: Begin, box: Box) -> None:
    standing = {"R-1": [("slot 3 FAN", Condition.FAN), ("bgp 192.0.2.12", Condition.ADJACENCY)]}
    async with visiting(box, standing=standing) as it:
        first = await it.turn()
        assert ("slot 3 FAN", "fan", "ok") in first
        assert ("bgp 192.0.2.12", "adjacency", "bad") in first
        assert not any(condition == "fan" for _, condition, _ in await it.turn())


async def test_ports_are_the_pollers_word_as_long_as_the_agent_answers(visiting: Begin, box: Box) -> None:
    async with visiting(box, hears=True) as it:
        assert not any(condition == "link" for _, condition, _ in await it.turn())
    async with visiting(box, hears=False) as it:
        links = {(name, state) for name, condition, state in await it.turn() if condition == "link"}
        assert links == {("192.0.2.12", "bad")}, "the other one is no port of the ledger"


async def test_a_box_whose_agent_hides_what_its_family_is_known_by_is_visited_all_the_same(
    visiting: Begin, box: Box
) -> None:
    async with visiting(box, families=("if_mib",), suiting=("if_mib", "huawei_vrp")) as it:
        assert ("bgp 192.0.2.11", "adjacency", "ok") in await it.turn()


async def test_nobody_is_visited_without_a_login_or_before_it_is_known_what_it_is(visiting: Begin, box: Box) -> None:
    async with visiting(box, families=(), interval=0.05) as it:
        await it._until(lambda: it.visitor.stats.unknown > 2)
        assert set(it.visitor._states) == {"R-1"}
        assert box.tried == []


# ---------------------------------------------------------------- trouble of ours


async def test_a_wrong_password_says_nothing_of_the_device_and_is_shown_nowhere(
    visiting: Begin, box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with visiting(box, password="hush-hush") as it:
        for _ in range(2):
            assert await it.turn() == set()
        assert it.ssh.stats.results == {"auth": 2}
        assert caplog.text.count("does not accept noc") == 1, "told once, counted each time"
        assert "says nothing about the device" in caplog.text
        shown = caplog.text + repr(it.visitor._states) + repr(it.ssh.stats)
        assert "hush-hush" not in shown
        state = it.visitor._states["R-1"]
        assert state.refused
        it.visitor.nudge("R-1")
        assert not state.nudged, "an account that is tried too often gets locked"


async def test_a_changed_host_key_says_nothing_of_the_device_and_gets_no_password(
    visiting: Begin, box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    async with visiting(box) as it:
        await it.turn()
    box.key, box.tried = paramiko.ECDSAKey.generate(), []
    async with visiting(box) as it:
        assert await it.turn() == set()
        assert it.ssh.stats.results == {"hostkey": 1}
        assert "another host key than before" in caplog.text
        assert box.tried == []


async def test_a_host_that_is_not_known_is_refused_unless_first_use_is_chosen(visiting: Begin, box: Box) -> None:
    async with visiting(box, trust=Trust.STRICT) as it:
        assert await it.turn() == set()
        assert it.ssh.stats.results == {"hostkey": 1}
        assert box.tried == []


async def test_a_device_that_hangs_never_starves_the_others_and_clears_nothing(
    visiting: Begin, box: Box, until: Any
) -> None:
    """More hung devices than places: the one that answers is visited again and again."""
    hung = [Box(address=f"127.77.3.{n}", mute=True).start() for n in range(1, 5)]
    box.answers["display alarm active"] = ALARMS.format(rows=FAN)
    short = Patience(connect=5, banner=0.5, login=5, read=20, visit=30)
    try:
        async with visiting(box, *hung, interval=0.2, patience=short, slots=2) as it:
            await until(lambda: it.ssh.stats.results["noanswer"] >= 4)
            before = it.ssh.stats.results["ok"]
            await until(lambda: it.ssh.stats.results["ok"] >= before + 5)
            assert {f.device for f in it.facts()} == {"R-1"}
    finally:
        for it in hung:
            it.stop()


async def test_who_does_not_answer_is_asked_less_and_less_often(visiting: Begin, box: Box) -> None:
    box.mute = True
    async with visiting(box, patience=Patience(banner=0.2)) as it:
        state = it.visitor._states["R-1"]
        waits = []
        for _ in range(6):
            await it.turn()
            waits.append(min(8, 2 ** (state.failures - 1)))
        assert waits == [1, 2, 4, 8, 8, 8]


async def test_a_session_dropped_in_the_middle_tells_what_came_before(visiting: Begin, box: Box) -> None:
    box.answers["display alarm active"] = ALARMS.format(rows=FAN)
    box.cut_at = "display bgp peer"
    async with visiting(box) as it:
        assert await it.turn() == {("slot 3 FAN", "fan", "bad")}
        assert it.ssh.stats.results == {"garbled": 1}
        box.cut_at = ""
        assert ("bgp 192.0.2.11", "adjacency", "ok") in await it.turn()


async def test_a_nudge_brings_a_visit_forward_and_a_storm_of_them_is_one(visiting: Begin, box: Box, until: Any) -> None:
    async with visiting(box) as it:
        for _ in range(1000):
            it.visitor.nudge("R-1")
        it.visitor.nudge("nobody")
        await until(lambda: it.results == ["ok"])
        assert len(it.visitor._schedule) <= 2


async def test_more_sessions_than_may_be_kept_are_closed_the_oldest_first(visiting: Begin, until: Any) -> None:
    boxes = [Box(address=f"127.77.4.{n}").start() for n in range(1, 4)]
    try:
        async with visiting(*boxes, keep=2) as it:
            for n in (1, 2, 3):
                await it.turn(f"R-{n}")
            assert it.ssh.kept == 2
            await until(lambda: not any(t.is_active() for t in boxes[0]._transports))
            assert all(any(t.is_active() for t in box._transports) for box in boxes[1:])
    finally:
        for box in boxes:
            box.stop()
