"""What a crew says by its link: how far it is, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from web_night import ACT, READ, Night
from web_scene import NOW, decision

from netwatch.core.model import Action, Entry, Exposure, Outage, Ticket, TicketState, Work
from netwatch.core.time import HOUR, MINUTE
from netwatch.web import phone
from netwatch.web.words import WORDS


def outside(night: Night, token: str = "") -> httpx.AsyncClient:
    return night.client("192.0.2.7", "noc.example", token=token)


def link(night: Night, ticket: str, action: str = "", until: int = NOW + HOUR) -> str:
    """The address of a ticket's page, or of an act on it."""
    path, _, query = night.access.link(ticket, until).partition("?")
    return f"{path}{f'/{action}' if action else ''}?{query}"


@pytest.mark.parametrize(
    ("ticket", "action"),
    [("T16", "accept"), ("T9", "depart"), ("T14", "arrive"), ("T12", "restore")],
)
async def test_a_crew_says_its_next_step_by_the_link_alone(night: Night, ticket: str, action: str) -> None:
    async with outside(night) as crew:
        page = (await crew.get(link(night, ticket))).text
        assert page.count("<button") == 1
        assert f'data-action="{action}"' in page
        answer = await crew.post(link(night, ticket, action), json={})
    assert answer.json() == {"status": "taken", "why": ""}
    (fact,) = night.facts
    assert isinstance(fact, Work)
    assert (fact.action, fact.by, fact.at) == (Action(action), "crew, by link", NOW)


async def test_a_returned_slip_brings_what_it_was(night: Night) -> None:
    back = [replace(o, restored=NOW) for o in night.view.find(Outage, "fault", "F12")]
    night.view.apply(decision(replace(night.view.all(Ticket)["T12"], state=TicketState.RESTORED), *back))
    async with outside(night) as crew:
        assert "<textarea" in (await crew.get(link(night, "T12"))).text
        await crew.post(link(night, "T12", "return"), json={"reason": "光缆 挖断"})
    (fact,) = night.facts
    assert isinstance(fact, Work)
    assert (fact.action, fact.reason) == (Action.RETURN, "光缆 挖断")


async def test_a_crew_is_told_in_its_language_why_its_word_is_not_taken(night: Night) -> None:
    night.decided = [Entry(NOW, "act.refused", circuit, "monitoring sees it down") for circuit in ("C-1007", "C-1017")]
    async with outside(night) as crew:
        answer = await crew.post(link(night, "T12", "restore"), json={})
        assert answer.json() == {"status": "refused", "why": "监测显示仍中断： C-1007 C-1017"}
        night.decided = [Entry(NOW, "act.refused", "T16", "accept does not follow closed")]
        answer = await crew.post(link(night, "T16", "accept") + "&lang=en", json={})
    assert answer.json() == {"status": "refused", "why": "The order has moved on; reload the page."}


async def test_a_slip_is_not_taken_by_the_link_while_a_circuit_is_out(night: Night) -> None:
    async with outside(night) as crew:
        answer = await crew.post(link(night, "T12", "return") + "&lang=en", json={"reason": "done"})
    assert answer.json()["status"] == "refused"
    assert answer.json()["why"].startswith("Monitoring sees still out: C-1007 C-1017")
    assert "and 6 more circuits" in answer.json()["why"]
    assert night.facts == []


@pytest.mark.parametrize("action", ["close", "pause", "resume", "reject", "generator", "ack"])
async def test_what_moves_a_clock_or_takes_an_order_away_is_not_a_links(night: Night, action: str) -> None:
    async with outside(night) as crew:
        assert (await crew.post(link(night, "T12", action), json={"reason": "site_access"})).status_code == 403
    assert night.facts == []


async def test_only_a_good_link_of_that_ticket_acts(night: Night) -> None:
    async with outside(night, READ) as reader, outside(night, ACT) as actor:
        for caller in (reader, actor):
            assert (await caller.post("/t/T16/accept", json={})).status_code == 403
            assert (await caller.post(link(night, "T9", "accept").replace("T9", "T16"), json={})).status_code == 403
            assert (await caller.post(link(night, "T16", "accept", until=NOW), json={})).status_code == 403
        assert "<button" not in (await reader.get("/t/T16")).text  # he may look
        assert (await actor.post(link(night, "T3", "accept"), json={})).status_code == 409  # closed
        foreign = {"origin": "https://evil.example"}
        assert (await actor.post(link(night, "T16", "accept"), json={}, headers=foreign)).status_code == 403
        assert (await actor.post(link(night, "T16", "accept"), content="x=1")).status_code == 415
    assert night.facts == []


async def test_the_page_tells_of_each_circuit_whether_it_is_out_bare_or_back(
    night: Night, reader: httpx.AsyncClient
) -> None:
    back = [replace(o, restored=NOW) for o in night.view.find(Outage, "fault", "F12") if o.circuit == "C-1007"]
    bare = [Exposure("E-1", "C-1017", "F12", NOW - MINUTE, None)]
    gone = [replace(o, restored=NOW) for o in night.view.find(Outage, "fault", "F12") if o.circuit == "C-1017"]
    night.view.apply(decision(*back, *gone, *bare))
    page = " ".join((await reader.get(night.access.link("T12", NOW + HOUR) + "&lang=en")).text.split())
    told = {part.split('"code">')[1][:6]: part.split('"', 2)[1] for part in page.split("<li class=")[1:]}
    assert {circuit: told[circuit] for circuit in ("C-1007", "C-1017", "C-1027")} == {
        "C-1007": "back",
        "C-1017": "bare",
        "C-1027": "out",
    }


async def test_where_polling_saw_service_back_the_slip_is_asked_for_next(night: Night) -> None:
    night.view.apply(decision(*(replace(o, restored=NOW) for o in night.view.find(Outage, "fault", "F12"))))
    async with outside(night) as crew:
        page = (await crew.get(link(night, "T12"))).text
    assert 'data-action="return"' in page


def test_every_step_of_a_crew_has_its_words() -> None:
    for words in WORDS.values():
        assert set(words["step"]) == {str(step) for step in phone._STEPS.values()}
