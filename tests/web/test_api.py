from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
import web_scene as scene
from pydantic import TypeAdapter
from web_night import Night
from web_scene import NOW, ZONE, decision

from netwatch.core.model import (
    Action,
    CircuitState,
    Complaint,
    Entry,
    Maintenance,
    Scope,
    ServiceState,
    Ticket,
    TicketState,
    Window,
    Work,
)
from netwatch.core.time import DAY, HOUR, MINUTE, show
from netwatch.web.listings import LISTINGS

# ---------------------------------------------------------------- reading


@pytest.fixture
def talkative(night: Night) -> Night:
    """Something is in each of the lists."""
    night.view.apply(decision(facts=(Complaint(NOW, "C-1200", "10086", "slow"),)))
    return night


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
async def test_each_list_holds_documents_of_the_shape_that_openapi_promises(
    talkative: Night, reader: httpx.AsyncClient, listing: Any
) -> None:
    answer = await reader.get(f"/api/v1/{listing.name}", params={"limit": 1000})
    page = answer.json()
    assert page["items"]
    assert page["total"] >= len(page["items"])
    shape = TypeAdapter(listing.shape)
    for item in page["items"]:
        shape.validate_json(json.dumps(item), strict=True)
        assert set(item) == set(listing.shape.__annotations__)
    shown = (await reader.get(f"/api/v1/{listing.name}/{page['items'][0]['id']}")).json()
    assert page["items"][0].items() <= shown.items()


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
async def test_pages_put_together_are_the_whole_list(talkative: Night, reader: httpx.AsyncClient, listing: Any) -> None:
    whole = (await reader.get(f"/api/v1/{listing.name}?limit=1000")).json()
    got, after = [], ""
    while True:
        page = (await reader.get(f"/api/v1/{listing.name}", params={"limit": 7, "after": after})).json()
        assert page["total"] == whole["total"]
        got += page["items"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [item["id"] for item in got] == [item["id"] for item in whole["items"]]


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
async def test_every_filter_gives_only_what_it_says(talkative: Night, reader: httpx.AsyncClient, listing: Any) -> None:
    whole = (await reader.get(f"/api/v1/{listing.name}?limit=1000")).json()["items"]
    for name, facet in listing.facets.items():
        values = (
            [str(word) for word in facet.words]
            if facet.words
            else sorted({str(i[name]) for i in whole if isinstance(i.get(name), str) and i[name]})
        )
        parts = [(await reader.get(f"/api/v1/{listing.name}", params={"limit": 1000, name: v})).json() for v in values]
        if name not in ("site", "circuit", "kind") and values:
            # Each row has one value: the parts are the whole.
            with_one = [i for i in whole if not isinstance(i.get(name), str) or i[name]]
            assert sum(p["total"] for p in parts) == len(with_one), name
        for value, part in zip(values, parts, strict=True):
            for item in part["items"]:
                if isinstance(item.get(name), str):
                    assert item[name] == value
    both = (await reader.get("/api/v1/circuits?state=down,exposed&assurance=AAA&limit=1000")).json()
    assert {(i["state"], i["assurance"]) for i in both["items"]} == {("down", "AAA"), ("exposed", "AAA")}


@pytest.mark.parametrize(
    ("query", "field", "cure"),
    [
        ("stat=down", "stat", 'did you mean "state"?'),
        ("state=dwn", "state", 'did you mean "down"?'),
        ("limit=0", "limit", "leave it out for 100"),
        ("limit=1001", "limit", "leave it out for 100"),
        ("limit=many", "limit", "leave it out for 100"),
        ("limit=٣", "limit", "leave it out for 100"),
        ("page=2", "page", "known are state, assurance, product, customer, fault, site, id, limit, after"),
    ],
)
async def test_a_question_that_cannot_be_answered_names_the_field_and_the_cure(
    reader: httpx.AsyncClient, query: str, field: str, cure: str
) -> None:
    answer = await reader.get(f"/api/v1/circuits?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Unprocessable Entity", 422)
    assert (problem["errors"][0]["field"], problem["errors"][0]["cure"]) == (field, cure)


async def test_what_is_not_there_is_404_with_the_nearest_name(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/circuits/C-10077")
    assert answer.status_code == 404
    assert 'did you mean "C-1077"?' in answer.json()["detail"]
    assert (await reader.get("/api/v2")).json()["detail"] == "There is nothing at /api/v2."
    assert (await reader.request("TRACE", "/api/v1/board")).status_code in (405, 415)


async def test_an_alarm_with_slashes_in_its_name_can_be_shown(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/alarms/AGG-7|GE0%2F0%2F1|los")
    assert answer.json()["component"] == "GE0/0/1"


async def test_a_running_clock_a_stopped_one_and_an_ended_one_are_told_as_of_now(
    night: Night, reader: httpx.AsyncClient
) -> None:
    night.now = NOW + 10 * MINUTE
    running = (await reader.get("/api/v1/outages/O-F12-C-1007")).json()
    assert (running["clock"], running["remaining_seconds"], running["gross_seconds"], running["net_seconds"]) == (
        "running", 14 * 60, 106 * 60, 106 * 60,
    )  # fmt: skip
    stopped = (await reader.get("/api/v1/outages/O-F15")).json()
    assert (stopped["clock"], stopped["remaining_seconds"], stopped["gross_seconds"]) == ("stopped", 265 * 60, 150 * 60)
    assert stopped["deadline"] == show(NOW + 275 * MINUTE, ZONE)
    ended = (await reader.get("/api/v1/outages/O-F2")).json()
    assert (ended["clock"], ended["remaining_seconds"], ended["gross_seconds"]) == ("ended", None, 41 * 60)
    late = (await reader.get("/api/v1/outages/O-F9-C-1033")).json()
    assert late["breached"]
    assert late["net_seconds"] == 273 * 60


async def test_a_fault_in_full_has_its_reason_circuits_clocks_alarms_and_journal(reader: httpx.AsyncClient) -> None:
    fault = (await reader.get("/api/v1/faults/F12")).json()
    assert fault["reason"].startswith("LOS at both ends")
    assert [o["assurance"] for o in fault["outages"]] == ["AAA"] * 5 + ["AA"] * 2 + ["A"] * 2 + ["standard"] * 2
    assert fault["repair"]["state"] == "on_site"
    assert len(fault["alarms"]) == 3
    assert [e["kind"] for e in fault["journal"]] == ["act.arrive", "ticket.dispatched", "ticket.opened", "fault.opened"]


async def test_the_board_counts_as_the_rows_do(reader: httpx.AsyncClient) -> None:
    board = (await reader.get("/api/v1/board")).json()
    summary = board["summary"]
    assert summary["circuits"] == {"up": 355, "exposed": 5, "down": 38, "unknown": 0, "planned": 2, "total": 400}
    assert summary["breaches"] == {"running": 1, "soon": 5, "month": 1}
    assert (summary["tickets"]["open"], summary["tickets"]["sent"], summary["tickets"]["at_risk"]) == (8, 7, 2)
    assert summary["blind"] == {"since": None, "fault": None, "circuits": 0}
    cable = board["fault"]["F12"]
    assert cable["down"] == {"AAA": 5, "AA": 2, "A": 2, "standard": 2}
    assert cable["urgent"]["assurance"] == "AAA"
    assert board["fault"]["F16"]["exposed"] == {"AAA": 3, "AA": 2}
    assert board["messages"][0]["subject"] == "T19"


async def test_what_the_brake_holds_is_counted_and_its_oldest_order_named(
    night: Night, reader: httpx.AsyncClient
) -> None:
    night.view.apply(decision(*scene.storm(night.view.ledger)))
    board = (await reader.get("/api/v1/board")).json()
    assert board["summary"]["held"] == {"orders": 12, "fault": "F60"}
    assert [board["fault"][key]["ticket"]["braked"] for key in ("F60", "F12")] == [True, False]
    assert (await reader.get("/api/v1/tickets/T60")).json()["braked"] is True


async def test_a_fault_names_the_planned_work_that_goes_on_around_it(night: Night, reader: httpx.AsyncClient) -> None:
    async def works(key: str) -> list[str]:
        return [window["id"] for window in (await reader.get(f"/api/v1/faults/{key}")).json()["windows"]]

    assert await works("F21") == ["M-7"]  # of the device that is named
    assert await works("F12") == []  # M-7 is elsewhere, M-8 has not begun
    around = (("site", "S-08"), ("circuit", "C-1007"), ("link", "L-07"), ("device", "AGG-7"), ("site", "S-03"))
    rows = [Window(f"M-2{i}", NOW, NOW - HOUR, NOW + HOUR, (Scope(*at),), False) for i, at in enumerate(around)]
    night.view.apply(decision(*rows, replace(rows[0], id="M-30", cancelled=True)))
    assert await works("F12") == ["M-20", "M-21", "M-22", "M-23"]


async def test_our_own_blindness_is_said_and_counts_as_unknown() -> None:
    night = Night(scene.view(blind=True))
    async with night.client() as client:
        summary = (await client.get("/api/v1/board")).json()["summary"]
    assert summary["blind"] == {"since": show(NOW - 5 * MINUTE, ZONE), "fault": "F30", "circuits": 60}
    assert summary["circuits"]["unknown"] == 60


async def test_alive_is_not_ready(night: Night, reader: httpx.AsyncClient) -> None:
    assert (await reader.get("/readyz")).json()["status"] == "ready"
    night.wrong["think"] = "no progress for 42 s"
    answer = await reader.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"store": "ok", "ledger": "ok", "think": "no progress for 42 s"}
    assert (await reader.get("/healthz")).status_code == 200


async def test_openapi_describes_every_path_and_asks_nobody_else_for_anything(reader: httpx.AsyncClient) -> None:
    described = (await reader.get("/api/v1/openapi.json")).json()
    assert {f"/api/v1/{listing.name}" for listing in LISTINGS} <= set(described["paths"])
    filters = [p["name"] for p in described["paths"]["/api/v1/circuits"]["get"]["parameters"]]
    assert filters == ["state", "assurance", "product", "customer", "fault", "site", "id", "limit", "after"]
    assert "reason" in described["components"]["schemas"]["Act"]["properties"]


# ---------------------------------------------------------------- acting

TOMORROW = {"start": "2026-11-03T02:00:00+08:00", "end": "2026-11-03T04:00:00+08:00"}
YESTERDAY = {"start": "2026-11-01T02:00:00+08:00", "end": "2026-11-01T04:00:00+08:00"}
BACKWARDS = {"start": "2026-11-03T02:00:00+08:00", "end": "2026-11-03T01:00:00+08:00"}
WEATHER = {"by": "li", "reason": "weather", "circuits": "all"}


async def test_an_act_becomes_the_fact_that_the_journal_knows(night: Night, actor: httpx.AsyncClient) -> None:
    answer = await actor.post("/api/v1/tickets/T12/accept", json={"by": "李"})
    assert answer.status_code == 202
    assert night.facts == [Work(NOW, ("C-1007",), Action.ACCEPT, "李")]
    said = answer.json()
    assert (said["status"], said["ticket"], said["action"], said["at"]) == ("taken", "T12", "accept", show(NOW, ZONE))


async def test_what_was_decided_is_told_when_it_is_known(night: Night, actor: httpx.AsyncClient) -> None:
    night.decided = [Entry(NOW, "act.refused", "T12", "monitoring sees C-1007 down")]
    answer = await actor.post("/api/v1/tickets/T12/restore", json={"by": "李"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "refused"
    assert answer.json()["decided"][0]["reason"] == "monitoring sees C-1007 down"
    strangers = [Entry(NOW, "act.refused", "T9", "another's"), Entry(NOW, "fault.opened", "F70", "a storm")]
    night.decided = [*strangers, Entry(NOW, "act.restore", "T12", "by 李")]
    told = (await actor.post("/api/v1/tickets/T12/restore", json={"by": "李"})).json()
    assert (told["status"], [e["subject"] for e in told["decided"]]) == ("done", ["T12"])
    night.decided = [*night.decided, Entry(NOW, "act.refused", "C-1007", "monitoring sees it down")]
    told = (await actor.post("/api/v1/tickets/T12/restore", json={"by": "李"})).json()
    assert (told["status"], len(told["decided"])) == ("partly refused", 2)


async def test_a_restore_speaks_for_all_circuits_and_other_acts_for_one_that_only_this_ticket_covers(
    night: Night, actor: httpx.AsyncClient
) -> None:
    await actor.post("/api/v1/tickets/T12/restore", json={"by": "李"})
    # Another ticket covers the first circuit too: naming that could be taken for the other ticket.
    night.view.apply(decision(scene.ticket("T40", "F40", TicketState.WATCHING, 1, ("C-1007",))))
    await actor.post("/api/v1/tickets/T12/ack", json={"by": "李"})
    restore, ack = night.facts
    assert isinstance(restore, Work)
    assert isinstance(ack, Work)
    assert len(restore.circuits) == 11
    assert ack.circuits == ("C-1017",)


async def test_a_pause_says_whose_clock_stops(night: Night, actor: httpx.AsyncClient) -> None:
    body = {"by": "li", "reason": "customer_power"}
    answer = await actor.post("/api/v1/tickets/T12/pause", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "circuits"
    assert "C-1007" in answer.json()["errors"][0]["cure"]
    assert (
        await actor.post("/api/v1/tickets/T12/pause", json={**body, "circuits": ["C-1001", "C-1001"]})
    ).status_code == 202
    assert (await actor.post("/api/v1/tickets/T12/pause", json={**body, "circuits": "all"})).status_code == 202
    assert (await actor.post("/api/v1/tickets/T15/pause", json=body)).status_code == 202
    assert [len(f.circuits) for f in night.facts if isinstance(f, Work)] == [1, 11, 1]


async def test_back_dating_needs_a_second_person(night: Night, actor: httpx.AsyncClient) -> None:
    since = show(NOW - 20 * MINUTE, ZONE)
    body = {"by": "li", "reason": "customer_power", "since": since}
    for approver in ("", "li"):
        answer = await actor.post("/api/v1/tickets/T15/pause", json={**body, "approved_by": approver})
        assert answer.json()["errors"][0]["field"] == "approved_by"
    assert (await actor.post("/api/v1/tickets/T15/pause", json={**body, "approved_by": "wang"})).status_code == 202
    assert night.facts == [Work(NOW, ("C-1095",), Action.PAUSE, "li", "customer_power", NOW - 20 * MINUTE, "wang")]
    ahead = {**body, "since": show(NOW + MINUTE, ZONE), "approved_by": "wang"}
    assert (await actor.post("/api/v1/tickets/T15/pause", json=ahead)).json()["errors"][0]["what"] == "lies ahead"
    odd = await actor.post("/api/v1/tickets/T15/ack", json={"by": "li", "since": since, "approved_by": "wang"})
    assert odd.json()["errors"][0]["field"] == "since"


@pytest.mark.parametrize(
    ("path", "body", "status", "field", "words"),
    [
        ("tickets/T12/pause", {**WEATHER, "reason": "customer_pwer"}, 422, "reason", 'did you mean "customer_power"?'),
        ("tickets/T12/pause", {"by": "li", "circuits": "all"}, 422, "reason", "one of customer_absent"),
        ("tickets/T12/reject", {"by": "li"}, 422, "reason", "say why"),
        ("tickets/T12/ack", {}, 422, "by", "is missing"),
        ("tickets/T12/ack", {"by": " "}, 422, "by", "is empty"),
        ("tickets/T12/ack", {"by": 7}, 422, "by", "must be text"),
        ("tickets/T12/ack", {"by": "li", "raeson": "x"}, 422, "raeson", 'did you mean "reason"?'),
        ("tickets/T12/ack", {"by": "li\x00"}, 422, "by", "U+0000"),
        ("tickets/T12/ack", {"by": "x" * 129}, 422, "by", "at most 128"),
        ("tickets/T12/ack", {"by": "li", "circuits": ["C-1008"]}, 422, "circuits.0", "does not cover"),
        ("tickets/T12/ack", {"by": "li", "circuits": []}, 422, "circuits", "names none"),
        ("tickets/T12/pause", {**WEATHER, "since": "yesterday"}, 422, "since", "no time with an offset"),
        ("tickets/T12/pause", {**WEATHER, "since": "2026-11-02T02:00:00"}, 422, "since", "no time with an offset"),
        ("tickets/T12/pause", {**WEATHER, "since": "9999-11-02T02:00:00+08:00"}, 422, "since", "2000 to 2200"),
        ("tickets/T12/ack", [], 422, "body", "JSON object"),
        ("complaints", {"circuit": "c-1042"}, 422, "circuit", 'did you mean "C-1042"?'),
        ("complaints", {"circuit": ""}, 422, "circuit", "is empty"),
        ("maintenance", {"id": "M", **BACKWARDS, "scope": ["device AGG-3"]}, 422, "end", "not after"),
        ("maintenance", {"id": "M", **YESTERDAY, "scope": ["device AGG-3"]}, 422, "end", "past"),
        ("maintenance", {"id": "M", **TOMORROW, "scope": ["device AGG-33"]}, 422, "scope.0", 'did you mean "AGG-3"?'),
        ("maintenance", {"id": "M", **TOMORROW, "scope": ["devise AGG-3"]}, 422, "scope.0", 'did you mean "device"?'),
        ("maintenance", {"id": "M", **TOMORROW, "scope": []}, 422, "scope", "is empty"),
        ("maintenance", {**TOMORROW, "id": "M", "announced": TOMORROW["end"], "scope": ["site S-1"]}, 422, "announced", "ahead"),  # noqa: E501
    ],
)  # fmt: skip
async def test_what_cannot_be_taken_names_the_field_and_the_cure(
    night: Night, actor: httpx.AsyncClient, path: str, body: Any, status: int, field: str, words: str
) -> None:
    answer = await actor.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status
    errors = {e["field"]: f"{e['what']} {e['cure']}" for e in answer.json()["errors"]}
    assert words in errors[field]
    assert night.facts == []


async def test_an_act_on_a_ticket_without_circuits_names_the_ticket(night: Night, actor: httpx.AsyncClient) -> None:
    answer = await actor.post("/api/v1/tickets/T19/generator", json={"by": "li"})
    assert answer.status_code < 300
    (fact,) = night.facts
    assert isinstance(fact, Work)
    assert (fact.ticket, fact.circuits, fact.action) == ("T19", (), Action.GENERATOR)


async def test_acts_that_find_nothing_to_act_on(night: Night, actor: httpx.AsyncClient) -> None:
    merged = Ticket(
        **{
            **{f: getattr(night.view.all(Ticket)["T9"], f) for f in Ticket.__slots__},
            "id": "T8",
            "state": TicketState.MERGED,
            "merged_into": "T12",
        }
    )
    night.view.apply(decision(merged))
    answers = {
        "tickets/T99/ack": (404, 'did you mean "T9"?'),
        "tickets/T12/acept": (404, 'did you mean "accept"?'),
        "tickets/T3/ack": (409, "Ticket T3 is closed."),
        "tickets/T8/ack": (409, "into T12"),
        "maintenance/M-9/cancel": (404, "There is no planned work M-9."),
    }
    for path, (status, words) in answers.items():
        answer = await actor.post(f"/api/v1/{path}", json={"by": "li"})
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert night.facts == []


async def test_work_that_comes_again_becomes_as_many_windows(night: Night, actor: httpx.AsyncClient) -> None:
    plan = {
        "id": "M-9",
        "start": "2026-11-30T23:00:00+08:00",
        "end": "2026-12-01T03:00:00+08:00",
        "scope": ["device AGG-3"],
        "every": "monthly last",
        "until": "2027-02-28T23:59:00+08:00",
    }
    answer = await actor.post("/api/v1/maintenance", json=plan)
    assert answer.status_code in (200, 202), answer.text
    names = ["M-9@2026-11-30", "M-9@2026-12-31", "M-9@2027-01-31", "M-9@2027-02-28"]
    assert [w["id"] for w in answer.json()["windows"]] == names
    assert sorted(f.id for f in night.facts if isinstance(f, Maintenance)) == names
    for spoilt, place in ({"every": "hourly"}, "every"), ({"until": None}, "until"), ({"every": "weekly tue"}, "every"):
        refused = await actor.post("/api/v1/maintenance", json=plan | spoilt)
        assert refused.status_code == 422
        assert place in refused.text


async def test_a_complaint_and_planned_work_become_facts(night: Night, actor: httpx.AsyncClient) -> None:
    answer = await actor.post(
        "/api/v1/complaints", json={"circuit": "C-1042", "channel": "10086", "text": "打不开网页\n急"}
    )
    assert answer.status_code == 202
    assert "text" not in answer.json()
    plan = {
        "id": "M-9",
        "start": "2026-11-03T02:00:00+08:00",
        "end": "2026-11-03T04:00:00+08:00",
        "scope": ["device AGG-3", "cable K-04", "device AGG-3"],
    }
    answer = await actor.post("/api/v1/maintenance", json=plan)
    assert answer.json()["scope"] == ["device AGG-3", "cable K-04"]
    assert (await actor.post("/api/v1/maintenance/M-8/cancel", json={})).json()["cancelled"] is True
    start = NOW + DAY - 80 * MINUTE
    said, planned, cancelled = night.facts
    assert said == Complaint(NOW, "C-1042", "10086", "打不开网页\n急")
    assert planned == Maintenance(
        NOW, "M-9", NOW, start, start + 2 * HOUR, (Scope("device", "AGG-3"), Scope("cable", "K-04"))
    )  # fmt: skip
    assert isinstance(cancelled, Maintenance)
    assert cancelled.cancelled


async def test_a_big_list_lets_others_have_their_turn() -> None:
    known = scene.ledger(12_000)
    night = Night(scene.View(known, ZONE, NOW))
    night.view.apply(decision(CircuitState("C-1000", ServiceState.DOWN, NOW, "AA")))
    async with night.client() as client:
        page = (await client.get("/api/v1/circuits?state=down")).json()
        assert (page["total"], page["items"][0]["id"]) == (1, "C-1000")
        page = (await client.get("/api/v1/circuits?limit=3&after=C-12997")).json()
    assert [item["id"] for item in page["items"]] == ["C-12998", "C-12999"]
