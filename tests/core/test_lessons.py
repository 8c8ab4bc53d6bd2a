"""Our own record as past faults: what ended how, and what was forecast of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core_metro import RULES, ZONE, at

from netwatch.core.forecast.lessons import Kept, lessons, slip_cause, told_and_come
from netwatch.core.forecast.past import End
from netwatch.core.model import (
    Domain,
    Fault,
    Outage,
    Outlook,
    Root,
    RootKind,
    Ticket,
    TicketKind,
    TicketState,
)

DISPATCH = RULES.dispatch
NOW = at(10 * 3600)
MINUTE = 60


def fault(name: str = "F1", minutes: float | None = 90, kind: str = "device", **more: Any) -> Fault:
    cleared = None if minutes is None else at(minutes * MINUTE)
    return Fault(
        name, Root(RootKind(kind), "X"), Domain.EQUIPMENT, at(0), cleared, ("C1",), 1, 1.0, None, None, "", **more
    )


def order(name: str = "F1", sent: float | None = 15, arrived: float | None = None, **more: Any) -> Ticket:
    times = [None if m is None else at(m * MINUTE) for m in (sent, arrived)]
    made = Ticket(
        id=f"T-{name}",
        fault=name,
        kind=TicketKind.REPAIR,
        state=TicketState.CLOSED,
        opened=at(60),
        dispatched=times[0],
        acknowledged=None,
        accepted=None,
        arrived=times[1],
        restored=None,
        returned=None,
        closed=None,
        skill="data",
        team="T-1",
        reason="",
        deadline=None,
        circuits=("C1",),
        cause="device",
        area="suburb",
        ahead=2,
    )
    return replace(made, **more)


def outage(name: str = "F1", minutes: float | None = 90, limit: int = 240, assurance: str = "AA") -> Outage:
    over = None if minutes is None else at(minutes * MINUTE)
    return Outage(
        f"O-{name}-{limit}", "C1", "", assurance, name, at(0), over, limit, "", at(limit * MINUTE), 0, 0, 0, False
    )


def taught(*kept: Fault | Ticket | Outage) -> list[Any]:
    of = {kind: [k for k in kept if isinstance(k, kind)] for kind in (Fault, Ticket, Outage)}
    return lessons(Kept(of[Fault], of[Ticket], of[Outage]), DISPATCH, ZONE, NOW, 1.0)  # type: ignore[arg-type]


def test_a_repair_is_told_with_all_that_learning_wants() -> None:
    (past,) = taught(fault(), order(arrived=40, found="cable"), outage(), outage(limit=120, assurance="AAA"))
    assert (past.end, past.lasted, past.sent, past.arrived) == (End.REPAIRED, 90, 15, 40)
    assert (past.cause, past.found, past.team, past.area, past.ahead) == ("device", "cable", "T-1", "suburb", 2)
    assert (past.assurance, past.limit, past.night, past.slack) == ("AAA", 120, True, 1.0)


@pytest.mark.parametrize(
    ("kept", "end"),
    [
        ((fault(), order(sent=None), outage()), End.HEALED),
        ((fault(minutes=10), order(sent=15), outage(minutes=10)), End.HEALED),
        ((fault(minutes=None), order(), outage(minutes=None)), End.OPEN),
        ((fault(), order(), outage()), End.REPAIRED),
        ((fault(), order(arrived=40), outage()), End.REPAIRED),
        ((fault(), order(arrived=95), outage()), End.HEALED),
        ((fault(), order(arrived=95, found="link"), outage()), End.REPAIRED),
    ],
    ids=["nobody sent", "before anybody was sent", "lasts", "no arrivals known", "arrived", "too late", "but the slip"],
)
def test_how_it_ended_is_told_by_who_was_there(kept: tuple[Any, ...], end: End) -> None:
    (past,) = taught(*kept)
    assert past.end is end


def test_who_never_arrived_in_a_team_that_tells_of_arrivals_has_repaired_nothing() -> None:
    other = (fault("F2"), order("F2", arrived=30), outage("F2"))
    healed, repaired = sorted(taught(fault(), order(), outage(), *other), key=lambda p: p.end)
    assert (healed.end, repaired.end) == (End.HEALED, End.REPAIRED)


@pytest.mark.parametrize(
    "kept",
    [
        (fault(planned=True), order(), outage()),
        (fault(absorbed_by="F9"), order(), outage()),
        (fault(kind="agent"), order(), outage()),
        (fault(), order(), outage("F2")),
        (fault(), outage()),
        (fault(), order(kind=TicketKind.ENQUIRY), outage()),
        (fault(), order(state=TicketState.MERGED), outage()),
    ],
    ids=["planned", "absorbed", "our own eyes", "no service lost", "no order", "enquiry", "merged"],
)
def test_what_is_no_lesson(kept: tuple[Any, ...]) -> None:
    assert taught(*kept) == []


@pytest.mark.parametrize(
    ("text", "cause"),
    [("光缆被挖断", "cable"), ("更换光模块", "port"), ("Power back", "power"), ("", ""), ("all fine", "")],
)
def test_the_longest_word_of_a_slip_names_the_cause(text: str, cause: str) -> None:
    assert slip_cause(text, DISPATCH.learning.slips) == cause


def test_forecasts_are_held_against_what_came() -> None:
    def said(chance: float, deadline: float) -> Outlook:
        return Outlook(at(15 * MINUTE), at(deadline * MINUTE), chance, None, 1.0, 2.0)

    kept = Kept(
        [],
        [
            order("F1", outlook_sent=said(0.2, 120)),
            order("F2", outlook_sent=said(0.7, 60)),
            order("F3", outlook_sent=said(0.9, 60)),
            order("F4", outlook_sent=said(0.5, 60 * 24)),
            order("F5"),
            order("F6", outlook_sent=said(0.6, 60), state=TicketState.MERGED),
        ],
        [outage("F1", 90), outage("F2", 90), outage("F3", None), outage("F4", None), outage("F5", 90), outage("F6")],
    )
    assert told_and_come(kept, at(0), NOW) == ([0.2, 0.7, 0.9], [0.0, 1.0, 1.0])
    assert told_and_come(kept, at(16 * MINUTE), NOW) == ([], [])
