"""What the simulated boxes say, as NetWatch's own ears understand it: shipped profiles, real datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from netwatch.config import Config
from netwatch.core.model import Condition, Observation, Source, State
from netwatch.demo.clock import DemoClock
from netwatch.demo.fleet import EchoPinger, Fleet
from netwatch.demo.folder import COMMUNITY
from netwatch.demo.metro import build
from netwatch.demo.plant import Act, Verb
from netwatch.demo.story import BEGINNING
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.poll import Poller
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential, open_snmp
from netwatch.wire.traps import TrapListener

LEDGER = build()
PROFILES = Profiles.load(Config().listing("collectors").values())

Heard = tuple[str, str, Condition, State, Source]


@dataclass
class Ears:
    """A poller and a trap listener on a fleet."""

    fleet: Fleet
    inbox: Inbox
    heard: list[Heard]

    async def until(self, *wanted: Heard) -> None:
        """Listen until all of these were heard."""
        async with asyncio.timeout(30):
            while not set(wanted) <= set(self.heard):
                for fact in await self.inbox.take(1000):
                    assert isinstance(fact, Observation)
                    self.heard.append((fact.device, fact.component, fact.condition, fact.state, fact.source))


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    clock, inbox, names = DemoClock(BEGINNING, 60), Inbox(), Names(LEDGER)
    fleet = Fleet(LEDGER, clock, COMMUNITY)
    port = fleet.open(21161)
    pinger, snmp = EchoPinger(port + 1), open_snmp("native")
    poller = Poller(
        *(LEDGER, names, PROFILES, lambda _: Credential(community=COMMUNITY), snmp, pinger, inbox, clock),
        interval=0.5,
        ping_interval=0.3,
        ping_count=2,
        ping_timeout=0.3,
        detail_interval=1.0,
        port=port,
        timeout=0.5,
        retries=1,
    )
    traps = TrapListener(names, PROFILES, inbox, clock, nudge=poller.nudge)
    fleet.report_to("127.0.0.1", traps.open("127.0.0.1", 0))
    polling = asyncio.create_task(poller.run())
    ears = Ears(fleet, inbox, [])
    # Traps speak of numbers; the first poll of a box tells their names.
    await ears.until(*((d, "", Condition.AGENT, State.OK, Source.POLL) for d in fleet.agents))
    yield ears
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    await snmp.close()
    traps.close()
    pinger.close()
    fleet.close()


async def test_a_cut_cable_is_heard_from_both_ends_by_trap_and_by_poll(ears: Ears) -> None:
    ears.fleet.do(Act(Verb.CUT, "K-RING-3"))
    await ears.until(
        *(
            (port.device, port.name, Condition.LINK, State.BAD, source)
            for port in (LEDGER.links["L-R3"].a, LEDGER.links["L-R3"].z)
            for source in (Source.TRAP, Source.POLL)
        )
    )
    ears.fleet.do(Act(Verb.SPLICE, "K-RING-3"))
    await ears.until(("AGG-2", "GigabitEthernet0/0/2", Condition.LINK, State.OK, Source.TRAP))


async def test_the_last_words_of_cpe_and_onus_are_understood_by_the_ledgers_names(ears: Ears) -> None:
    ears.fleet.do(Act(Verb.UNPLUG, "CPE-15"))
    ears.fleet.do(Act(Verb.UNPLUG, "CPE-02"))
    ears.fleet.do(Act(Verb.UNPLUG, "ONU-08"))
    ears.fleet.do(Act(Verb.UNPLUG, "ONU-04"))
    bad = State.BAD
    await ears.until(
        ("CPE-15", "", Condition.DYING_GASP, bad, Source.TRAP),
        ("CPE-02", "", Condition.DYING_GASP, bad, Source.TRAP),
        ("OLT-2", "gpon_1/1/1/ONU-08", Condition.DYING_GASP, bad, Source.TRAP),
        ("OLT-2", "gpon_1/1/1/ONU-08", Condition.ONU, bad, Source.TRAP),
        ("OLT-2", "gpon_1/1/1/ONU-08", Condition.ONU, bad, Source.POLL),
        ("OLT-1", "GPON 0/1/1/ONU-04", Condition.ONU, bad, Source.POLL),
        ("OLT-1", "GPON 0/1/1/ONU-04", Condition.DYING_GASP, bad, Source.POLL),
        ("CPE-15", "", Condition.REACHABLE, bad, Source.PING),
    )


async def test_a_broken_feeder_darkens_the_port_and_all_its_onus(ears: Ears) -> None:
    ears.fleet.do(Act(Verb.CUT, "K-PON-1-1"))
    await ears.until(
        ("OLT-1", "GPON 0/1/0", Condition.LINK, State.BAD, Source.TRAP),
        *(("OLT-1", f"GPON 0/1/0/ONU-0{n}", Condition.ONU, State.BAD, Source.POLL) for n in (1, 2, 3)),
    )


async def test_a_hung_agent_a_reboot_and_a_dead_box_are_three_different_things(ears: Ears) -> None:
    ears.fleet.do(Act(Verb.HANG, "CPE-16"))
    ears.fleet.do(Act(Verb.REBOOT, "ACC-5"))
    ears.fleet.do(Act(Verb.DIE, "TX-2"))
    await ears.until(
        ("CPE-16", "", Condition.AGENT, State.BAD, Source.POLL),
        ("ACC-5", "", Condition.REBOOT, State.BAD, Source.TRAP),
        ("ACC-5", "", Condition.REBOOT, State.BAD, Source.POLL),
        ("TX-2", "", Condition.REACHABLE, State.BAD, Source.PING),
        ("CPE-26", "", Condition.REACHABLE, State.BAD, Source.PING),
        ("AGG-5", "GigabitEthernet0/0/5", Condition.LINK, State.BAD, Source.TRAP),
    )
    assert ("CPE-16", "", Condition.REACHABLE, State.BAD, Source.PING) not in ears.heard
    assert ("TX-2", "", Condition.AGENT, State.BAD, Source.POLL) not in ears.heard
