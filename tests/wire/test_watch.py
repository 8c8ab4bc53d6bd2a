"""What is asked of a device at each poll, and how little is done for an answer that is like the last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netwatch.core.model import Condition, Ledger, Link, Port, State
from netwatch.wire.names import Names
from netwatch.wire.poll.alike import Alike
from netwatch.wire.poll.watch import LEARN_EVERY, Watch
from netwatch.wire.snmp import Budget, Credential, Snmp, Target, ber


class Look:
    """One device, looked at by way of its agent."""

    def __init__(self, agent: Any, snmp: Snmp, names: Names, device: str = "R-1", alike: Alike | None = None) -> None:
        self.agent, self.snmp = agent, snmp
        self.target = Target("127.0.0.1", Credential(community="public"), agent.port)
        self.watch = Watch(device, names, alike or Alike())
        self.told: set[tuple[str, Condition]] = set()

    async def news(self) -> bool:
        return await self.watch.ask(self.snmp, self.target, Budget())

    def links(self) -> dict[str, State]:
        seen = self.watch.seen(lambda *key: key in self.told)
        self.told |= {(one.component, one.condition) for one in seen}
        return {one.component: one.state for one in seen if one.condition is Condition.LINK}

    @property
    def walked(self) -> int:
        return int(self.agent.asked[ber.GETBULK])


@pytest.fixture
def names(ledger: Ledger) -> Names:
    return Names(ledger)


@pytest.fixture
def look(agent: Any, snmp: Snmp, names: Names) -> Look:
    agent.interface(1, "GigabitEthernet0/0/1")
    agent.interface(2, "GigabitEthernet0/0/2")
    return Look(agent, snmp, names)


async def test_an_answer_that_says_what_the_last_one_said_is_no_news(look: Look) -> None:
    assert await look.news()
    look.agent.uptime(1060)
    assert not await look.news()
    look.agent.interface(2, "GigabitEthernet0/0/2", oper=2)
    assert await look.news()
    assert look.links() == {"GE0/0/1": State.OK}, "of the second nothing was ever said"
    assert not await look.news()


async def test_what_the_ports_are_can_be_told_again_without_asking(look: Look) -> None:
    await look.news()
    first = look.links()
    await look.news()
    assert look.links() == first == {"GE0/0/1": State.OK, "GigabitEthernet0/0/2": State.OK}


async def test_a_restart_is_noticed_although_the_ports_are_as_before(look: Look) -> None:
    await look.news()
    look.agent.uptime(3)
    assert not await look.news()
    assert look.watch.restarted == 300
    assert await look.news(), "their numbers may be others: they were learnt anew"
    assert look.watch.restarted is None


async def test_a_ledger_that_names_the_same_ports_costs_no_walk(look: Look, names: Names, ledger: Ledger) -> None:
    await look.news()
    walked = look.walked
    names.reload(replace(ledger, links=dict(ledger.links)))
    look.watch.reload()
    assert not await look.news()
    assert look.walked == walked


async def test_a_ledger_that_spells_a_port_otherwise_is_followed_at_the_next_question(
    look: Look, names: Names, ledger: Ledger
) -> None:
    await look.news()
    names.reload(replace(ledger, links={"L": Link("L", Port("R-1", "Gi0/0/2"), Port("R-2", "1"))}))
    look.watch.reload()
    assert await look.news()
    assert set(look.links()) == {"GigabitEthernet0/0/1", "Gi0/0/2"}


async def test_boxes_of_a_model_are_asked_by_one_question_and_share_what_they_say(
    look: Look, agent: Any, snmp: Snmp, names: Names
) -> None:
    alike = Alike()
    one, other = (Look(agent, snmp, names, device, alike) for device in ("R-8", "R-9"))
    await one.news()
    await other.news()
    assert one.watch._table is other.watch._table
    assert one.watch._cells is other.watch._cells


async def test_the_hourly_look_at_the_table_comes_at_each_devices_own_time(
    agent: Any, snmp: Snmp, names: Names
) -> None:
    looks = [Look(agent, snmp, names, f"R-{n}") for n in range(20)]
    for it in looks:
        await it.news()
    times = sorted(it.watch._until or 0.0 for it in looks)
    assert times[-1] - times[0] > LEARN_EVERY / 4
