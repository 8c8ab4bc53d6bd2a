"""What the viewer is told, and how NetWatch's words are held against the truth."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from netwatch.core.model import Domain, Exposure, Fault, Outage, Root, RootKind, Ticket, TicketState
from netwatch.core.time import MINUTE, Instant
from netwatch.demo.metro import ZONE
from netwatch.demo.narrator import Narrator, Told
from netwatch.demo.postbox import Letter
from netwatch.demo.story import BEGINNING, STORY, Happening, Trouble, Truth

CUT = next(b for b in STORY if isinstance(b, Trouble) and b.act.target == "K-RING-3")
CABLE, OTHER = Root(RootKind.CABLE, "K-RING-3"), Root(RootKind.CABLE, "K-RING-5")


def fault(root: Root = CABLE, opened: Instant = BEGINNING, cleared: Instant | None = None, name: str = "F1") -> Fault:
    return Fault(name, root, Domain.CABLE, opened, cleared, ("C-1004",), 2, 0.93, None, None, "")


def outage(circuit: str, **changes: object) -> Outage:
    row = Outage(f"{circuit}/1", circuit, "CU-01", "AA", "F1", BEGINNING, None, 240, "contract", None, 60, 60, 0, False)
    return replace(row, **changes)  # type: ignore[arg-type]


class Stage:
    def __init__(self) -> None:
        self.out = io.StringIO()
        self.narrator = Narrator(Console(file=self.out, width=200, no_color=True), ZONE)

    def decide(self, *rows: Told, now: Instant = BEGINNING + MINUTE) -> str:
        before = len(self.out.getvalue())
        self.narrator.seen(rows, now)
        return self.out.getvalue()[before:]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_fault_is_told_once_with_its_cause_and_again_when_the_cause_changes(stage: Stage) -> None:
    assert "09:01:00  NETWATCH  F1 is cable K-RING-5 (cable, 93%)" in stage.decide(fault(OTHER))
    assert stage.decide(fault(OTHER)) == ""
    assert "on second thoughts F1 is cable K-RING-3" in stage.decide(fault(CABLE))
    assert "cleared" in stage.decide(fault(CABLE, cleared=BEGINNING))
    assert stage.decide(fault(CABLE, cleared=BEGINNING)) == ""


def test_what_is_over_is_told_once_it_has_held_for_a_minute(stage: Stage) -> None:
    stage.decide(fault(), outage("C-1"))
    rows = fault(cleared=BEGINNING + MINUTE), outage("C-1", restored=BEGINNING + MINUTE)
    assert stage.decide(*rows, now=BEGINNING + MINUTE) == ""
    assert stage.decide(fault(), outage("C-1"), now=BEGINNING + 2 * MINUTE - 1) == "", "down again: it flaps"
    told = stage.decide(*rows, now=BEGINNING + 3 * MINUTE)
    assert "F1: back C-1" in told
    assert "F1 cable K-RING-3 is cleared" in told
    assert stage.decide(*rows, now=BEGINNING + 4 * MINUTE) == ""


def test_the_cause_is_told_before_the_circuits_and_the_shortest_limit_first(stage: Stage) -> None:
    rows = [outage(f"C-{n}", limit_minutes=400 - n) for n in range(1, 7)]
    first, second = stage.decide(*rows, fault()).splitlines()
    assert "F1 is" in first
    assert second.endswith(
        "F1: out C-6 (AA, 394 min), C-5 (AA, 395 min), C-4 (AA, 396 min), C-3 (AA, 397 min) and 2 more"
    )


def test_exposures_are_counted_once(stage: Stage) -> None:
    rows = [Exposure(f"E{n}", f"C-{n}", "F1", BEGINNING, None) for n in range(3)]
    assert "F1: 3 circuits up but without protection" in stage.decide(*rows)
    assert stage.decide(*rows) == ""
    assert stage.decide(*(replace(r, ended=BEGINNING) for r in rows)) == ""


def test_a_breach_is_told_when_it_happens(stage: Stage) -> None:
    stage.decide(outage("C-1"))
    assert "BREACH: C-1 (AA)" in stage.decide(outage("C-1", breached=True))
    assert stage.decide(outage("C-1", breached=True)) == ""


def test_a_hostile_title_is_shown_as_text_in_one_line(stage: Stage) -> None:
    stage.narrator.letter(Letter("noc", {"title": "[bold]x[/bold]\nTRUTH  nothing is wrong"}), BEGINNING)
    assert stage.out.getvalue() == "09:00:00  MESSAGE   → noc: [bold]x[/bold] TRUTH nothing is wrong\n"


def test_tickets_are_told_by_what_netwatch_does_with_them(stage: Stage) -> None:
    ticket = Ticket(
        *("T1", "F1", "repair", TicketState.WATCHING, BEGINNING),  # type: ignore[arg-type]
        *(None,) * 7,
        *("cable", "T-CABLE", "may heal by itself", None, ("C-1",)),
    )
    assert "T1 opened, watching: may heal by itself" in stage.decide(ticket)
    sent = replace(ticket, state=TicketState.DISPATCHED, reason="light lost at both ends")
    assert "T1 sent to T-CABLE: light lost at both ends" in stage.decide(sent)
    assert stage.decide(replace(sent, state=TicketState.ACCEPTED)) == ""
    assert "T1 closed" in stage.decide(replace(sent, state=TicketState.CLOSED))


def happening(ended: Instant | None = None) -> Happening:
    return Happening(CUT, BEGINNING, ended)


def test_a_happening_is_rightly_named_by_a_fault_with_its_root_and_in_its_time(stage: Stage) -> None:
    stage.decide(fault(OTHER, name="F0"), fault(CABLE))
    named = stage.narrator.named(happening())
    assert named is not None
    assert named.id == "F1"
    before = Happening(CUT, BEGINNING - 30 * MINUTE, BEGINNING - 10 * MINUTE)
    assert stage.narrator.named(before) is None
    again = Happening(CUT, BEGINNING + 240 * MINUTE)
    assert stage.narrator.named(again) is None, "an old fault names no new trouble"
    stage.decide(replace(fault(CABLE), absorbed_by="F9"))
    assert stage.narrator.named(happening()) is None


def test_the_summary_says_what_was_named_wrongly_and_does_not_count_what_is_too_young(stage: Stage) -> None:
    stage.decide(fault(OTHER), outage("C-1", breached=True, net_seconds=15_000))
    young = Happening(CUT, BEGINNING + 9 * MINUTE)
    stage.narrator.letter(Letter("noc", {"title": "x"}), BEGINNING)
    stage.narrator.summary(Truth([happening(), young]), BEGINNING + 10 * MINUTE)
    text = stage.out.getvalue()
    wrong, early = (line for line in text.splitlines() if line.startswith("cut K-RING-3"))
    assert "cable K-RING-5" in wrong
    assert " NO" in wrong
    assert "too early" in early
    assert "faults    2 happened, 0 of 1 named rightly" in text
    assert "outages   1 with a clock, the longest 250:00 net; 1 beyond their limit" in text
    assert "messages  1 delivered" in text


def test_a_summary_of_nothing_is_no_error(stage: Stage) -> None:
    stage.narrator.summary(Truth(), BEGINNING)
    assert "faults    0 happened, 0 of 0 named rightly" in stage.out.getvalue()
