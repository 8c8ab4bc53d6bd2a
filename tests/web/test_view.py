from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import web_scene as scene
from hypothesis import given, settings
from hypothesis import strategies as st
from web_scene import NOW, PAUSES, ZONE, decision

from netwatch.core.model import (
    CircuitState,
    Complaint,
    DeviceState,
    Domain,
    Entry,
    Fault,
    Ledger,
    Outage,
    Root,
    RootKind,
    Row,
    ServiceState,
    State,
    Tick,
    Ticket,
    TicketState,
    Window,
)
from netwatch.core.time import DAY, HOUR, MINUTE, Instant, parse
from netwatch.web.board import Board
from netwatch.web.documents import Documents
from netwatch.web.view import View, natural, portions

KNOWN = scene.ledger(40)


def empty(known: Ledger = KNOWN, now: Instant = NOW) -> View:
    return View(known, ZONE, now, pauses=PAUSES)


# ---------------------------------------------------------------- strategies

few = st.integers(0, 3)
circuits = st.sampled_from([f"C-{1000 + i}" for i in range(4)])
faults = st.builds("F{}".format, few)
times = st.integers(0, 600).map(lambda m: NOW - m * MINUTE)

rows: st.SearchStrategy[Row] = st.one_of(
    st.builds(
        lambda key, cleared, absorbed, domain: replace(
            scene.fault(key, RootKind.DEVICE, "AGG-1", domain, 60), cleared=cleared, absorbed_by=absorbed
        ),
        faults,
        st.none() | times,
        st.sampled_from(["", "", "F9"]),
        st.sampled_from(Domain),
    ),
    st.builds(
        lambda n, circuit, of, assurance, restored, paused: scene.outage(
            f"O{n}", circuit, of, 90, assurance, restored=restored, paused=paused
        ),
        few,
        circuits,
        faults,
        st.sampled_from(["AAA", "A"]),
        st.none() | times,
        st.sampled_from([(), ("customer_power",)]),
    ),
    st.builds(
        lambda n, of, state, hit: scene.ticket(f"T{n}", of, state, 50, hit),
        few,
        faults,
        st.sampled_from(TicketState),
        st.lists(circuits, unique=True).map(tuple),
    ),
    st.builds(CircuitState, circuits, st.sampled_from(ServiceState), times, st.sampled_from(["AAA", "A"]), faults),
    st.builds(
        DeviceState, st.sampled_from(["AGG-1", "CPE-0001"]), st.sampled_from(State), st.sampled_from(State), times
    ),
    st.builds(lambda n, off: Window(f"M{n}", NOW - DAY, NOW, NOW + HOUR, (), off), few, st.booleans()),
)


def picture(view: View) -> dict[str, Any]:
    """All that the view answers, for comparing."""
    asked = {
        "circuits": {k: n for k, n in view.circuits_by_state().items() if n},
        "devices": view.devices_by_state(),
        "counts": [view.count(what) for what in ("alarm", "fault", "ticket")],
        "breaches": view.breaches_this_month(),
    }
    for n in range(4):
        fault, circuit = f"F{n}", f"C-{1000 + n}"
        asked[fault] = sorted(map(repr, view.find(Outage, "fault", fault) + view.find(Ticket, "fault", fault)))  # type: ignore[operator]
        asked[circuit] = sorted(t.id for t in view.find(Ticket, "covers", circuit))
    return asked


@given(st.lists(rows, max_size=30), st.lists(st.integers(0, 30)))
def test_folding_decision_by_decision_gives_what_the_last_rows_give_at_once(told: list[Row], cuts: list[int]) -> None:
    folded = empty()
    edges = sorted({0, len(told), *(cut for cut in cuts if cut < len(told))})
    for start, end in pairwise(edges):
        folded.apply(decision(*told[start:end]))
    fresh = empty()
    fresh.begin({(type(row), row.id): row for row in told}.values(), NOW)
    assert picture(folded) == picture(fresh)


@given(st.lists(rows, max_size=30), st.integers(1, 9))
def test_a_decision_in_portions_is_the_whole_of_it_and_ends_with_all_that_is_no_row(told: list[Row], most: int) -> None:
    whole = replace(decision(*told), facts=(Tick(NOW),), entries=(Entry(NOW, "k", "s", "r"),))
    parts = list(portions(whole, most))
    assert all(len(part.rows) <= most for part in parts)
    assert tuple(row for part in parts for row in part.rows) == whole.rows
    assert not any(part.facts or part.entries or part.effects for part in parts[:-1])
    assert (parts[-1].now, parts[-1].facts, parts[-1].entries) == (whole.now, whole.facts, whole.entries)


@settings(max_examples=60)
@given(st.lists(st.lists(rows, max_size=4), min_size=1, max_size=8), st.integers(0, 7))
def test_a_page_that_patches_its_copy_has_what_a_new_page_is_given(batches: list[list[Row]], seen: int) -> None:
    view = empty()
    board = Board(view)
    seen = min(seen, len(batches) - 1)
    for batch in batches[:seen]:
        view.apply(decision(*batch))
    page = json.loads(json.dumps(board.snapshot(NOW)))
    for batch in batches[seen:]:
        view.apply(decision(*batch))
    delta = json.loads(json.dumps(board.delta(page["change"], NOW)))
    for kind in ("fault", "window"):
        for key, card in delta.pop(kind, {}).items():
            if card is None:
                page[kind].pop(key, None)
            else:
                page[kind][key] = card
    page.update(delta)
    assert page == json.loads(json.dumps(board.snapshot(NOW)))


def test_changes_tell_what_a_row_was_and_is() -> None:
    view = empty()
    first = scene.fault("F1", RootKind.DEVICE, "AGG-1", Domain.EQUIPMENT, 5)
    second = replace(first, cleared=NOW)
    (change,) = view.apply(decision(first))
    assert (change.old, change.new) == (None, first)
    (change,) = view.apply(decision(second))
    assert (change.old, change.new) == (first, second)


def test_a_change_number_of_another_life_or_too_old_asks_for_a_new_picture() -> None:
    view = empty()
    view.apply(decision(scene.fault("F1", RootKind.DEVICE, "AGG-1", Domain.EQUIPMENT, 5)))
    assert view.since(view.change) == []
    assert view.since(view.change + 1) is None
    before = view.change
    view.relabel(KNOWN)
    assert view.since(before) is None


def test_many_cards_do_not_fill_the_memory_and_old_numbers_are_then_refused() -> None:
    view = empty()
    for n in range(11_000):
        view.apply(decision(Window(f"M{n}", NOW, NOW, NOW + HOUR, (), False)))
    assert len(view._touched) <= 10_000
    assert view.since(5) is None
    assert view.since(view.change - 10) is not None


async def test_waiting_ends_with_the_next_change_and_not_before() -> None:
    view = empty()
    waiting = asyncio.ensure_future(view.wait(view.change))
    view.apply(decision())  # nothing happened
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    view.apply(decision(CircuitState("C-1000", ServiceState.DOWN, NOW, "A")))
    async with asyncio.timeout(5):
        await waiting


def test_a_circuit_of_which_nothing_is_said_is_up_and_one_that_left_the_ledger_is_not_counted() -> None:
    view = empty()
    assert sum(view.circuits_by_state().values()) == 40
    view.apply(decision(CircuitState("C-1000", ServiceState.DOWN, NOW, "AA")))
    assert view.circuits_by_state()[ServiceState.DOWN, "AA"] == 1
    assert sum(view.circuits_by_state().values()) == 40
    smaller = replace(KNOWN, circuits={k: c for k, c in KNOWN.circuits.items() if k != "C-1000"})
    view.relabel(smaller)
    assert sum(view.circuits_by_state().values()) == 39
    assert view.get(CircuitState, "C-1000") is None


def test_a_device_with_a_silent_agent_is_up_and_one_never_heard_is_unknown() -> None:
    view = empty()
    total = sum(view.devices_by_state().values())
    view.apply(
        decision(DeviceState("AGG-1", State.OK, State.BAD, NOW), DeviceState("AGG-2", State.BAD, State.BAD, NOW))
    )
    assert view.devices_by_state() == {"up": 1, "down": 1, "unknown": total - 2}


def test_what_is_cleared_is_forgotten_after_a_day_and_outages_at_the_end_of_the_month() -> None:
    start = parse("2026-11-10T00:00:00+08:00")
    view = empty(now=start)
    over = replace(scene.fault("F1", RootKind.DEVICE, "AGG-1", Domain.EQUIPMENT, 0), cleared=start)
    out = replace(scene.outage("O1", "C-1000", "F1", 0, "A"), started=start - HOUR, restored=start)
    view.apply(decision(over, out, now=start))
    view.apply(decision(Window("M1", start, start, start + 40 * DAY, (), False), now=start + DAY + HOUR))
    assert view.get(Fault, "F1") is None
    assert view.get(Outage, "O1") is not None
    view.apply(decision(now=parse("2026-12-02T03:00:00+08:00")))
    assert view.get(Outage, "O1") is None
    assert view.find(Outage, "circuit", "C-1000") == []
    assert view.get(Window, "M1") is not None


def test_a_planned_fault_is_shown_as_planned_until_an_order_says_that_it_outlived_its_window() -> None:
    view = empty()
    board = Board(view)
    work = replace(scene.fault("F1", RootKind.CABLE, "K-1", Domain.CABLE, 5), planned=True)
    view.apply(decision(work))
    assert board.snapshot(NOW)["fault"]["F1"]["planned"]
    view.apply(decision(scene.ticket("T1", "F1", TicketState.DISPATCHED, 1, ())))
    assert not board.snapshot(NOW)["fault"]["F1"]["planned"]


def test_what_was_forgotten_leaves_the_live_pages_too() -> None:
    view = empty()
    board = Board(view)
    view.apply(decision(replace(scene.fault("F1", RootKind.DEVICE, "AGG-1", Domain.EQUIPMENT, 5), cleared=NOW)))
    seen = view.change
    view.apply(decision(now=NOW + 2 * DAY))
    delta = board.delta(seen, NOW + 2 * DAY)
    assert delta is not None
    assert delta["fault"] == {"F1": None}


@given(st.lists(st.tuples(st.integers(-600, 5000), st.integers(0, 900)), max_size=6))
def test_availability_counts_each_lost_minute_of_the_month_once(spans: list[tuple[int, int]]) -> None:
    now = parse("2026-11-04T12:00:00+08:00")
    start = parse("2026-11-01T00:00:00+08:00")
    view = empty(now=now)
    lost: set[int] = set()
    for n, (begun, length) in enumerate(spans):
        begun = min(begun, (now - start) // MINUTE)
        out = scene.outage(f"O{n}", "C-1000", "F1", 0, "A")
        view.begin([replace(out, started=start + begun * MINUTE, restored=start + (begun + length) * MINUTE)], now)
        lost |= set(range(max(0, begun), min(begun + length, (now - start) // MINUTE)))
    minutes = (now - start) // MINUTE
    assert abs(view.availability("C-1000", now) - (1 - len(lost) / minutes)) < 1e-9


def test_an_outage_that_still_runs_costs_availability_up_to_now() -> None:
    now = parse("2026-11-01T10:00:00+08:00")
    view = empty(now=now)
    view.begin([replace(scene.outage("O", "C-1000", "F1", 0, "A"), started=now - 5 * HOUR)], now)
    assert view.availability("C-1000", now) == 0.5
    assert view.availability("C-1001", now) == 1.0


def test_a_stopped_clock_moves_the_deadline_and_a_held_one_does_not() -> None:
    view = empty()
    out = scene.outage("O", "C-1000", "F1", 60, "A", net_seconds=1800)
    assert view.deadline(out, NOW + HOUR) == out.deadline
    assert view.deadline(replace(out, paused=("spare_parts",)), NOW + HOUR) == out.deadline
    stopped = replace(out, paused=("spare_parts", "customer_power"))
    assert view.deadline(stopped, NOW + HOUR) - (NOW + HOUR) == (360 - 30) * MINUTE
    # What was missed stays missed, whatever is paused afterwards.
    assert view.deadline(replace(stopped, breached=True), NOW + HOUR) == out.deadline


def test_the_latest_words_about_a_subject_come_first_and_complaints_are_kept() -> None:
    view = empty()
    said = Complaint(NOW, "C-1000", "10086", "no light")
    entries = tuple(Entry(NOW + n, "k", "T1" if n % 2 else "T2", str(n)) for n in range(6))
    view.apply(decision(entries=entries, facts=(said,)))
    assert [entry.reason for entry in view.story(["T1"], 2)] == ["5", "3"]
    assert list(view.complaints) == [said]


def test_of_two_tickets_of_a_fault_the_open_one_is_meant() -> None:
    view = empty()
    view.begin(
        [scene.ticket("T1", "F1", TicketState.MERGED, 5, ()), scene.ticket("T2", "F1", TicketState.WATCHING, 50, ())],
        NOW,
    )
    ticket = view.ticket_of("F1")
    assert ticket is not None
    assert ticket.id == "T2"


def test_ids_stand_in_the_order_that_people_count_in() -> None:
    assert sorted(["T10", "T9", "T1a", "甲2", "T", ""], key=natural) == ["", "T", "T1a", "T9", "T10", "甲2"]


def test_ids_that_count_alike_still_have_their_own_place() -> None:
    assert len({natural(text) for text in ("T1", "T01", "T001", "T1 ")}) == 4


def test_a_root_is_named_as_people_call_it() -> None:
    docs = Documents(scene.view(), NOW)
    named = {
        kind: docs.root(Root(kind, key))
        for kind, key in (
            (RootKind.LINK, "L-02"),
            (RootKind.CABLE, "K-07"),
            (RootKind.POWER, "S-08"),
            (RootKind.POWER, "GHOST"),
            (RootKind.DEVICE, "OLT-4"),
            (RootKind.PORT, "AGG-5 GE0/0/7"),
            (RootKind.CIRCUIT, "C-1200"),
            (RootKind.MANAGEMENT, ""),
        )
    }
    assert named[RootKind.LINK]["name"] == "AGG-2 – AGG-3"
    assert named[RootKind.CABLE]["place"] == "开发区 – 北塔"
    assert named[RootKind.DEVICE]["name"] == "大学城 OLT"
    assert named[RootKind.PORT] == {"kind": "port", "id": "AGG-5 GE0/0/7", "name": "滨江汇聚 GE0/0/7", "place": "滨江"}
    assert named[RootKind.POWER]["name"] == "GHOST"
    assert named[RootKind.MANAGEMENT]["name"] == ""
