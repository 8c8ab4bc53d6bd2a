"""Nights that went wrong in the lab, told in the figures of the shipped rules.

They need no lab: the metro's books, what was heard of its routers, and the engine. What counts is what people were
told at the time, so facts are fed one by one and the engine is woken whenever it asks to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from metro import books
from metro.plan import NODES

from netwatch.config import load
from netwatch.core.engine import Engine
from netwatch.core.model import Condition, Effect, Entry, Fact, Observation, Outage, Source, State, Tick, Vantage
from netwatch.core.time import MINUTE, SECOND, Instant, parse
from netwatch.knowledge import load_rules
from netwatch.ledger import read

START = parse("2026-11-02T02:00:00+08:00")


class Night:
    """An engine in the lab's room, everything well at its start."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.entries: list[Entry] = []
        self.effects: list[Effect] = []
        self.outages: dict[str, Outage] = {}
        self._hear([Vantage(START, "core1"), *self.silence(START, NODES, State.OK)])

    def goes(self, *facts: Fact | Iterable[Fact]) -> None:
        flat = [f for given in facts for f in ([given] if isinstance(given, Fact) else given)]
        for fact in sorted(flat, key=lambda f: f.at):
            while (due := self.engine.next_due()) is not None and due < fact.at:
                self._decide([], due)
            self._decide([fact], fact.at)

    def told(self, audience: str) -> list[tuple[str, str]]:
        """(template, subject) of what was promised to an audience, in order."""
        return [(e.template, e.subject) for e in self.effects if e.audience == audience]

    def said(self, kind: str) -> list[str]:
        return [f"{e.subject}: {e.reason}" for e in self.entries if e.kind == kind]

    def silence(self, at: Instant, devices: Iterable[str], state: State = State.BAD) -> Iterator[Observation]:
        """Pings of devices, a second after one another."""
        for n, device in enumerate(devices):
            yield Observation(at + n * SECOND, device, "", Condition.REACHABLE, state, Source.PING)

    def _hear(self, facts: list[Fact]) -> None:
        for fact in facts:
            self._decide([fact], fact.at)

    def _decide(self, facts: list[Fact], now: Instant) -> None:
        decision = self.engine.decide(facts, now)
        self.entries += decision.entries
        self.effects += decision.effects
        self.outages |= {row.circuit: row for row in decision.rows if isinstance(row, Outage)}


@pytest.fixture
def night(project: Path, tmp_path: Path) -> Night:
    config = load(books.write(tmp_path, project / "rules"))
    ledger, _ = read(config.paths.ledger)
    return Night(Engine(ledger, load_rules(project / "rules"), ZoneInfo("Asia/Shanghai")))


def link(seconds: int, device: str, port: str, state: State, source: Source = Source.POLL) -> Observation:
    return Observation(START + seconds * SECOND, device, port, Condition.LINK, state, source)


def test_what_was_silent_while_we_were_blind_lengthens_no_outage_that_follows(night: Night) -> None:
    blind, again = START + MINUTE, START + 31 * MINUTE
    night.goes(night.silence(blind, NODES), night.silence(again, NODES, State.OK))
    gone = START + 36 * MINUTE
    night.goes(
        (
            Observation(gone + n * 20 * SECOND, "cpe-d", "", Condition.REACHABLE, State.BAD, Source.PING)
            for n in range(6)
        ),
        Observation(gone + 2 * MINUTE, "cpe-d", "", Condition.REACHABLE, State.OK, Source.PING),
        Tick(START + 75 * MINUTE),
    )
    outage = night.outages["C-D"]
    assert (outage.started, outage.restored) == (gone, gone + 2 * MINUTE)
    assert night.said("outage.withdrawn") == []
    assert [e.at for e in night.entries if e.kind == "ticket.opened"] == [gone + MINUTE]
    assert night.told("team:team-1") == []


def test_a_trap_about_another_link_of_a_dead_circuit_sends_nobody_until_it_has_lasted(night: Night) -> None:
    night.goes(
        link(60, "agg3", "eth4", State.BAD),
        night.silence(START + 62 * SECOND, ["cpe-d"]),
        link(125, "core1", "eth1", State.BAD, Source.TRAP),
        link(130, "core1", "eth1", State.OK),
        Tick(START + 15 * MINUTE),
    )
    assert len(night.said("fault.opened")) == 1
    assert night.told("team:team-1") == [("ticket.dispatched", "T1")]
    assert night.outages["C-D"].fault == "F1"


def test_a_trap_about_another_link_is_no_exposure_when_service_returns_before_it_has_lasted(night: Night) -> None:
    night.goes(
        link(60, "agg3", "eth4", State.BAD),
        night.silence(START + 62 * SECOND, ["cpe-d"]),
        link(300, "core1", "eth1", State.BAD, Source.TRAP),
        link(303, "agg3", "eth4", State.OK),
        night.silence(START + 304 * SECOND, ["cpe-d"], State.OK),
        link(315, "core1", "eth1", State.OK),
        Tick(START + 20 * MINUTE),
    )
    assert len(night.said("fault.opened")) == 1
    assert [subject for template, subject in night.told("team:team-1")] == ["T1", "T1"]


def test_no_crew_is_called_off_for_what_silence_seems_to_say_before_the_ports_have_spoken(night: Night) -> None:
    night.goes(
        link(60, "core1", "eth2", State.BAD),
        link(61, "agg1", "eth1", State.BAD),
        night.silence(START + 10 * MINUTE, ["agg2", "cpe-a", "agg1", "cpe-b", "acc1"]),
        link(625, "agg3", "eth1", State.BAD),
        Tick(START + 25 * MINUTE),
    )
    assert night.told("team:team-1") == [("ticket.dispatched", "T1"), ("ticket.dispatched", "T2")]
    assert sorted(night.outages) == ["C-A", "C-B", "C-V"]
    assert {o.started for o in night.outages.values()} == {START + 10 * MINUTE}
