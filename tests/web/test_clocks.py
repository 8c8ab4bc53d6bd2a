"""A ticket's clocks and pauses where people look: API, lists, the crew's page."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from web_night import Night
from web_scene import NOW

from netwatch.core.model import Clock, Decision, Pause, Ticket, Work
from netwatch.core.time import HOUR, MINUTE

LATE = Clock("on_site", "到场", "on site", "crew", "", NOW - 3 * HOUR, NOW - HOUR, None, "", "2 h")
SLIP = Clock("slip", "回单", "return slip", "crew", "", NOW - HOUR, NOW + 23 * HOUR, None, "", "24 h")
MET = Clock("response", "响应", "response", "crew", "", NOW - HOUR, NOW, NOW - MINUTE, "acknowledged", "1 h")
PAUSE = Pause("C-1014", "force_majeure", NOW - HOUR, None, "li", "", "", True, ("evidence", "approval"), NOW + HOUR)


@pytest.fixture
def night(night: Night) -> Night:
    ticket = night.view.get(Ticket, "T14")
    assert ticket is not None
    row = replace(ticket, clocks=(LATE, SLIP, MET), pauses=(PAUSE,))
    night.view.apply(Decision(NOW, (), (row,), (), ()))
    return night


async def test_a_ticket_shows_its_clocks_and_its_pauses(reader: httpx.AsyncClient) -> None:
    ticket = (await reader.get("/api/v1/tickets/T14")).json()
    assert ticket["overdue"] == ["on_site"]
    told = {c["name"]: (c["remaining_seconds"], c["late"], c["how"]) for c in ticket["clocks"]}
    assert told == {
        "on_site": (-3600, True, ""),
        "slip": (23 * 3600, False, ""),
        "response": (None, False, "acknowledged"),
    }
    (pause,) = ticket["pauses"]
    assert (pause["reason"], pause["by"], pause["lacks"]) == ("force_majeure", "li", ["evidence", "approval"])


@pytest.mark.parametrize(
    ("query", "found"), [("overdue=on_site", ["T14"]), ("overdue=slip", []), ("overdue=slip,on_site&team=nobody", [])]
)
async def test_what_is_overdue_can_be_listed_by_clock_and_team(
    reader: httpx.AsyncClient, query: str, found: list[str]
) -> None:
    assert [t["id"] for t in (await reader.get(f"/api/v1/tickets?{query}")).json()["items"]] == found


async def test_a_crew_sees_its_own_clocks_on_the_phone(night: Night, reader: httpx.AsyncClient) -> None:
    chinese = (await reader.get(night.access.link("T14", NOW + HOUR), headers={"accept-language": "zh"})).text
    assert "到场" in chinese
    assert "已超时" in chinese
    assert "回单" in chinese
    assert "响应" not in chinese  # that is done
    assert "on site" in (await reader.get(night.access.link("T14", NOW + HOUR) + "&lang=en")).text


async def test_a_pause_brings_its_evidence_and_approval_along(night: Night, actor: httpx.AsyncClient) -> None:
    body = {"by": "li", "reason": "customer_absent", "evidence": "photo 17", "approved_by": "wang", "circuits": "all"}
    assert (await actor.post("/api/v1/tickets/T14/pause", json=body)).status_code == 202
    (fact,) = night.facts
    assert isinstance(fact, Work)
    assert (fact.evidence, fact.approved_by) == ("photo 17", "wang")
