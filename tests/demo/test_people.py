"""Crews act on messages, over the real API, and help only where they are rightly sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest

from netwatch.config import Address
from netwatch.core.model import (
    Complaint,
    Domain,
    Entry,
    Fact,
    Fault,
    Maintenance,
    Root,
    RootKind,
    Ticket,
    TicketKind,
    TicketState,
    Work,
)
from netwatch.core.time import DAY, MINUTE, parse
from netwatch.demo.clock import DemoClock
from netwatch.demo.metro import VANTAGE, ZONE, build
from netwatch.demo.people import Api, People, act_token
from netwatch.demo.plant import Plant
from netwatch.demo.postbox import Letter, Postbox
from netwatch.demo.story import BEGINNING, STORY, Teller, Window, Word
from netwatch.web.access import Access
from netwatch.web.app import create_app, serve
from netwatch.web.serve import bind
from netwatch.web.view import View

LEDGER = build()
TICKET = Ticket(
    id="T1",
    fault="F1",
    kind=TicketKind.REPAIR,
    state=TicketState.DISPATCHED,
    opened=BEGINNING,
    dispatched=BEGINNING,
    acknowledged=None,
    accepted=None,
    arrived=None,
    restored=None,
    returned=None,
    closed=None,
    skill="cable",
    team="T-CABLE",
    reason="",
    deadline=None,
    circuits=("C-1004", "C-1008"),
)


def fault(root: Root) -> Fault:
    return Fault("F1", root, Domain.CABLE, BEGINNING, None, TICKET.circuits, 2, 0.9, None, None, "two ports are dark")


@dataclass
class Town:
    """NetWatch's own web surface over a view with one ticket, and the people who use it."""

    root: Root
    heard: list[Fact] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refuse: bool = False

    def __post_init__(self) -> None:
        self.clock = DemoClock(BEGINNING + 2 * MINUTE, 36_000)
        self.plant = Plant(LEDGER, VANTAGE)
        # Only the ring's first cut, so that nothing ends by itself while a slow machine is at it.
        cut = next(b for b in STORY if getattr(b, "names", ()) and Root(RootKind.CABLE, "K-RING-3") in b.names)
        self.teller = Teller(self.plant.do, BEGINNING, story=(replace(cut, at=1, lasts=100_000),), every=1_000_000)
        self.teller.play(BEGINNING + 2 * MINUTE)
        self.view = View(LEDGER, ZONE, BEGINNING)
        self.view.begin([fault(self.root), TICKET], BEGINNING)

    async def submit(self, fact: Fact) -> Sequence[Entry] | None:
        self.heard.append(fact)
        if self.refuse:
            return [Entry(fact.at, "act.refused", "T1", "the line is still down")]
        return []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[People]:
        app = create_app(
            self.view, clock=self.clock, submit=self.submit, health=dict, access=Access(act_token="for-tests")
        )
        sock = bind(Address("127.0.0.1", 0))
        base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        serving = asyncio.create_task(serve(app, Address("127.0.0.1", 0), sock=sock))
        api = Api(base, "for-tests")
        try:
            async with asyncio.TaskGroup() as tasks:
                yield People(api, self.clock, self.teller, tasks, self.said.append)
        finally:
            await api.close()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            sock.close()

    def actions(self) -> list[str]:
        return [f"{f.action} by {f.by}" for f in self.heard if isinstance(f, Work)]


DISPATCH = Letter(
    "t-cable", {"key": "k", "template": "ticket.dispatched", "audience": "team:T-CABLE", "subject": "T1", "title": ""}
)


async def test_a_crew_that_is_sent_to_the_cause_mends_it_and_reports_each_step() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"))
    assert "K-RING-3" in town.plant.cut
    async with town.open() as people:
        people.opened(DISPATCH)
    steps = ["accept", "depart", "arrive", "return"]
    assert town.actions() == [f"{step} by T-CABLE" for step in steps]
    assert "K-RING-3" not in town.plant.cut
    assert [h.ended is not None for h in town.teller.truth.happenings] == [True]


async def test_a_crew_that_is_sent_to_the_wrong_place_mends_nothing() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-4"))
    async with town.open() as people:
        people.opened(DISPATCH)
    assert town.actions()[-1] == "return by T-CABLE"
    assert town.said[-2:] == ["T-CABLE finds nothing to mend for T1", "T-CABLE: return T1"]
    assert "K-RING-3" in town.plant.cut


async def test_what_only_the_customer_felt_is_over_when_the_crew_says_so() -> None:
    town = Town(Root(RootKind.CIRCUIT, "C-1018"))
    word = next(b for b in STORY if isinstance(b, Word))
    town.teller = Teller(town.plant.do, BEGINNING, story=(replace(word, at=1, lasts=100_000),), every=1_000_000)
    town.teller.play(BEGINNING + 2 * MINUTE)
    async with town.open() as people:
        people.opened(DISPATCH)
    assert town.actions() == [f"{step} by T-CABLE" for step in ("accept", "depart", "arrive", "restore", "return")]
    assert [h.ended is not None for h in town.teller.truth.happenings] == [True]


async def test_an_order_that_comes_when_the_show_is_over_is_read_and_nobody_goes() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"))
    async with town.open() as people:
        pass
    people.opened(DISPATCH)
    assert town.heard == []


async def test_the_same_order_twice_sends_one_crew() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"))
    async with town.open() as people:
        people.opened(DISPATCH)
        people.opened(DISPATCH)
    assert town.actions().count("accept by T-CABLE") == 1


@pytest.mark.parametrize(
    "body",
    [
        {"template": "ticket.updated", "audience": "team:T-CABLE", "subject": "T1"},
        {"template": "noc.blind", "audience": "noc", "subject": "F1"},
        {"template": "ticket.dispatched", "audience": "noc", "subject": "T1"},
        {},
    ],
)
async def test_only_an_order_to_a_team_moves_a_crew(body: dict[str, str]) -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"))
    async with town.open() as people:
        people.opened(Letter("noc", body))
    assert town.heard == []


async def test_who_is_refused_reads_why_and_goes_home() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"), refuse=True)
    async with town.open() as people:
        people.opened(DISPATCH)
    assert town.actions() == ["accept by T-CABLE"]
    assert town.said == ["not taken: the line is still down"]
    assert "K-RING-3" in town.plant.cut


async def test_the_noc_enters_planned_work_and_the_hotline_a_complaint() -> None:
    town = Town(Root(RootKind.CABLE, "K-RING-3"))
    window = next(b for b in STORY if isinstance(b, Window))
    word = next(b for b in STORY if isinstance(b, Word))
    later = BEGINNING + 100 * DAY
    async with town.open() as people:
        people.announce(window, later)
        people.complain(word)
    planned = next(f for f in town.heard if isinstance(f, Maintenance))
    assert (planned.id, planned.announced) == ("M-ACC-2", parse("2026-10-19T10:00:00+08:00"))
    assert (planned.start, planned.end) == (later + 13 * MINUTE, later + 25 * MINUTE)
    complaint = next(f for f in town.heard if isinstance(f, Complaint))
    assert (complaint.circuit, complaint.channel) == ("C-1018", "10086")


async def test_the_postbox_hands_on_each_message_once() -> None:
    letters: list[Letter] = []
    postbox = Postbox()
    postbox.hear(letters.append)
    serving = asyncio.create_task(postbox.serve())
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            for key in ("one", "one", "two"):
                answer = await client.post(postbox.url("t-east"), json={"key": key, "title": key})
                assert answer.status_code == 204
            assert (await client.post(postbox.url("noc"), json={"key": "one"})).status_code == 204
            assert (await client.post(postbox.url("noc"), content=b"no JSON")).status_code == 400
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert [(x.channel, x.body["key"]) for x in letters] == [("t-east", "one"), ("t-east", "two"), ("noc", "one")]


def test_the_act_token_is_read_from_the_state_directory(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "act.token").write_text("s3cret\n", encoding="utf-8")
    assert act_token(tmp_path) == "s3cret"
