"""The clocks of a repair order, and who is told when they run out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from core_metro import RULES, T0, ZONE, at, back, metro, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Action, Clock, Complaint, Effect, Fact, Maintenance, Scope, Ticket, Work
from netwatch.core.rules import Rules
from netwatch.core.time import HOUR, MINUTE, Instant, parse

LEDGER = metro().ledger()

CUT = [say(0, "ACC-1 GE0/1/1", "link"), *silent(1, "CPE-1")]
"""What is said of the cable KL1 when it breaks: C1, an AA, is out, and V1 with it."""


def mended(seconds: float) -> list[Fact]:
    return [say(seconds, "ACC-1 GE0/1/1", "link", "ok"), *back(seconds, "CPE-1")]


def act(seconds: float, action: Action, *circuits: str, by: str = "crew", **more: Any) -> Work:
    return Work(at(seconds), circuits or ("C1",), action, by, **more)


class Desk:
    """An engine, with all that it told on the way."""

    def __init__(self, facts: Iterable[Fact], until: float, rules: Rules = RULES) -> None:
        self.engine = Engine(LEDGER, rules, ZONE)
        self.effects: list[Effect] = []
        self.go(facts, until)

    def go(self, facts: Iterable[Fact], until: float) -> None:
        self.effects += self.engine.decide(list(facts), at(until)).effects

    @property
    def ticket(self) -> Ticket:
        (ticket,) = [r for r in self.engine.rows() if isinstance(r, Ticket) and r.merged_into is None]
        return ticket

    def clock(self, name: str) -> Clock:
        (clock,) = [c for c in self.ticket.clocks if c.name == name]
        return clock

    @property
    def names(self) -> set[str]:
        return {c.name for c in self.ticket.clocks}

    def told(self, clock: str) -> list[tuple[str, object, Instant]]:
        """(audience, share in per cent, when) of all that was told of a clock."""
        return [(e.audience, e.data["share"], e.at) for e in self.effects if e.data.get("clock") == clock]


def length(clock: Clock) -> float:
    """Minutes."""
    return (clock.due - clock.started) / MINUTE


# ---------------------------------------------------------------- what runs


def test_the_customers_and_the_facilitys_targets_run_side_by_side() -> None:
    desk = Desk(CUT, 3600)
    lines = {name: length(desk.clock(name)) for name in ("restoration", "internal", "cable", "full_repair", "response")}
    assert lines == {"restoration": 240, "internal": 180, "cable": 300, "full_repair": 1440, "response": 60}
    assert {desk.clock(name).started for name in ("restoration", "cable", "response")} == {T0}
    assert desk.clock("restoration").circuit == "C1"
    assert (desk.clock("cable").of, desk.clock("response").of) == ("facility", "crew")
    assert "complaint" not in desk.names  # nobody complained
    assert "slip" not in desk.names  # nothing is back yet


def test_a_reroute_meets_the_customers_target_and_the_facilitys_runs_on() -> None:
    desk = Desk([*CUT, act(1800, Action.RESTORE, "C1", "V1", reason="reroute"), *back(2000, "CPE-1")], 4 * 3600)
    assert desk.clock("restoration").ended == at(2000)
    assert desk.clock("cable").ended is None
    assert desk.clock("full_repair").ended is None
    desk.go(mended(5 * 3600), 6 * 3600)
    assert desk.clock("cable").ended == desk.clock("full_repair").ended == at(5 * 3600)


@pytest.mark.parametrize("action", [Action.ACK, Action.ACCEPT, Action.REJECT])
def test_the_response_clock_stops_when_somebody_answers(action: Action) -> None:
    desk = Desk([*CUT, act(1500, action, reason="seen")], 1600)
    clock = desk.clock("response")
    assert (clock.ended, clock.how) == (at(1500), "acknowledged")


def test_the_way_of_a_crew_is_answered_by_arriving_or_by_an_appointment() -> None:
    sent = [*CUT, Complaint(at(120), "C1")]
    desk = Desk([*sent, act(3000, Action.ARRIVE)], 3100)
    clock = desk.clock("on_site")
    assert (clock.started, length(clock), clock.ended, clock.how) == (at(60), 120, at(3000), "arrived")

    agreed = act(2000, Action.PAUSE, reason="customer_postponed", evidence="call 10086-7", by="desk")
    clock = Desk([*sent, agreed, act(3000, Action.ARRIVE)], 3100).clock("on_site")
    assert (clock.ended, clock.how) == (at(2000), "appointment: customer_postponed, by desk")

    held = act(2000, Action.PAUSE, reason="spare_parts")  # no appointment: the crew is still awaited
    assert Desk([*sent, held], 3100).clock("on_site").ended is None


def test_the_slip_is_due_from_the_return_of_service_until_it_comes_back() -> None:
    facts = [*CUT, Complaint(at(120), "C1"), act(600, Action.ACCEPT), *mended(3600)]
    desk = Desk(facts, 6 * 3600)
    clock = desk.clock("slip")
    assert (clock.started, length(clock), clock.ended) == (at(3600), 1440, None)
    desk.go([act(7 * 3600, Action.RETURN)], 8 * 3600)
    assert (desk.clock("slip").ended, desk.clock("slip").how) == (at(7 * 3600), "returned")


def test_nobody_owes_a_slip_for_what_healed_before_anybody_was_sent() -> None:
    patient = replace(RULES, dispatch=replace(RULES.dispatch, dispatch_cost=1e6))
    desk = Desk([*silent(0, "CPE-2"), *back(90, "CPE-2")], 3600, patient)
    assert desk.ticket.dispatched is None
    assert "slip" not in desk.names
    assert all(clock.ended is not None for clock in desk.ticket.clocks)


def test_the_complaint_runs_from_the_first_word_until_the_ticket_is_closed() -> None:
    said = [Complaint(at(-300), "C1"), Complaint(at(900), "V1"), Complaint(at(1000), "C1")]
    desk = Desk([*CUT, *said, *mended(3600)], 2 * 3600)
    clock = desk.clock("complaint")
    assert (clock.started, length(clock), clock.ended) == (at(-300), 2880, None)
    assert (desk.clock("legal").ended, desk.clock("legal").how) == (at(3600), "restored")
    desk.go([act(3 * 3600, Action.CLOSE)], 3 * 3600)
    assert desk.clock("complaint").ended == at(3 * 3600)


def test_pauses_move_the_line_and_nothing_else() -> None:
    paused = [act(1800, Action.PAUSE, "C1", "V1", reason="customer_absent"), act(5400, Action.RESUME, "C1", "V1")]
    desk = Desk([*CUT, *paused], 2 * 3600)
    assert length(desk.clock("restoration")) == 300
    assert length(desk.clock("internal")) == 240
    assert length(desk.clock("cable")) == 300


def test_what_outlasts_planned_work_is_reported_at_the_windows_end() -> None:
    window = Maintenance(at(-86400 * 20), "M-1", at(-86400 * 20), at(-600), at(3600), (Scope("cable", "KL1"),))
    desk = Desk([window, *CUT], 2 * 3600)
    assert desk.clock("response").started == at(3600)


# ---------------------------------------------------------------- who is told


def test_the_ladder_of_a_class_is_climbed_rung_by_rung_each_once() -> None:
    desk = Desk(CUT, 1)
    for hour in range(9):  # in many steps, as a daemon goes
        desk.go([], hour * 3600)
    assert desk.told("restoration") == [
        ("duty:city_lead", 50, T0 + 2 * HOUR),
        ("duty:city_manager", 75, T0 + 3 * HOUR),
        ("duty:province", 100, T0 + 4 * HOUR),
        ("duty:group", 150, T0 + 6 * HOUR),
    ]
    assert len({e.key for e in desk.effects}) == len(desk.effects)


def test_a_rung_is_climbed_once_also_when_the_engine_was_frozen_meanwhile() -> None:
    desk = Desk(CUT, 9000)
    before = desk.told("restoration")
    desk.engine = Engine.thaw(desk.engine.freeze(), LEDGER, RULES, ZONE)
    # Nobody was there at three quarters and at the limit: both are told, as due when they were.
    decision = desk.engine.resume(T0 + 5 * HOUR)
    desk.effects += decision.effects
    assert desk.told("restoration")[len(before) :] == [
        ("duty:city_manager", 75, T0 + 3 * HOUR),
        ("duty:province", 100, T0 + 4 * HOUR),
    ]


def test_a_pause_holds_the_ladder_back() -> None:
    pause = act(3600, Action.PAUSE, "C1", "V1", reason="customer_absent", evidence="photo")
    desk = Desk([*CUT, pause], 3 * 3600)
    assert desk.told("restoration") == []
    desk.go([act(4 * 3600, Action.RESUME, "C1", "V1")], 5.5 * 3600)
    assert desk.told("restoration") == [("duty:city_lead", 50, T0 + 5 * HOUR)]


def test_an_unanswered_order_is_told_of_and_an_answered_one_is_not() -> None:
    assert Desk(CUT, 3600).told("response") == [("noc", 100, T0 + HOUR)]
    assert Desk([*CUT, act(1000, Action.ACK)], 2 * 3600).told("response") == []


def test_a_slip_wakes_nobody_at_night() -> None:
    standard = replace(
        RULES,
        policies=(replace(RULES.policies[0], attended={"AA": (8 * 60, 20 * 60)}),),
    )
    facts = [*CUT, Complaint(at(120), "C1"), act(600, Action.ACCEPT), *mended(3600)]
    desk = Desk(facts, 48 * 3600, standard)
    # Back at 03:00: three quarters are used up at 21:00, told at 08:00; all of it at 03:00, told with it.
    morning = parse("2026-11-03T08:00:00+08:00")
    assert [(share, when) for _, share, when in desk.told("slip")] == [(75, morning), (100, morning)]
    assert desk.told("slip")[1][0] == "noc"


def test_a_pause_beyond_its_cap_is_told_of_and_stands_all_the_same() -> None:
    pause = act(1800, Action.PAUSE, reason="customer_absent", evidence="photo")
    desk = Desk([*CUT, pause], 10 * 3600)
    assert desk.told("pause") == [("noc", 100, at(1800) + 8 * HOUR)]
    (row,) = desk.ticket.pauses
    assert (row.ended, row.stops) == (None, True)


# ---------------------------------------------------------------- the ledger of pauses


def test_a_pause_says_what_it_lacks_until_somebody_hands_it_in() -> None:
    desk = Desk([*CUT, act(600, Action.PAUSE, reason="force_majeure")], 700)
    (pause,) = desk.ticket.pauses
    assert (pause.circuit, pause.started, pause.lacks) == ("C1", at(600), ("evidence", "approval"))
    more = act(900, Action.PAUSE, reason="force_majeure", evidence="flood notice", by="lead", approved_by="boss")
    desk.go([more], 1000)
    (pause,) = desk.ticket.pauses
    assert (pause.started, pause.by, pause.approved_by, pause.lacks) == (at(600), "crew", "boss", ())


def test_nobody_approves_his_own_pause() -> None:
    own = act(600, Action.PAUSE, reason="force_majeure", evidence="notice", approved_by="crew")
    (pause,) = Desk([*CUT, own], 700).ticket.pauses
    assert pause.lacks == ("approval",)


# ---------------------------------------------------------------- days that nobody knows


@pytest.mark.parametrize(
    ("start", "years"),
    [("2026-12-30", []), ("2027-01-05", [2027]), ("2030-01-05", [2027])],
)
def test_notice_that_no_calendar_can_count_is_written_down(start: str, years: list[int]) -> None:
    begin = parse(f"{start}T01:00:00+08:00")
    window = Maintenance(T0, "M-1", T0, begin, begin + HOUR, (Scope("cable", "KL1"),))
    rules = replace(RULES, calendar=replace(RULES.calendar, years=frozenset({2025, 2026})))
    entries = Engine(LEDGER, rules, ZONE).decide([window], T0).entries
    assert [e.data["year"] for e in entries if e.kind == "calendar.missing"] == years
