"""Mains away, the site on battery: a generator is proposed in time, ordered by a person, and its team is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_metro import RULES, ZONE, at, dark, metro, say, silent

from netwatch.core.codec import encode
from netwatch.core.engine import Engine
from netwatch.core.forecast.experience import Experience
from netwatch.core.journal import read_fact, write_fact
from netwatch.core.model import (
    Action,
    Decision,
    Effect,
    Fact,
    Learnt,
    Ledger,
    Outage,
    Ticket,
    TicketKind,
    Vantage,
    Work,
)
from netwatch.core.time import MINUTE, parse

PRIORS = RULES.dispatch.priors
POWER = PRIORS["power"]


def ledger(minutes: float | None) -> Ledger:
    known = metro().ledger()
    site = replace(known.sites["S-ACC-1"], battery_minutes=minutes)
    return replace(known, sites={**known.sites, "S-ACC-1": site})


def lived(battery: float | None, *facts: Fact, until: float) -> tuple[Engine, list[Decision]]:
    """Mains fail at S-ACC-1 after a minute; everything still works."""
    run = Engine(ledger(battery), RULES, ZONE)
    heard = [Vantage(at(0), "CORE-1"), *say_mains(60, "bad"), *facts]
    told = [run.decide([fact], fact.at) for fact in sorted(heard, key=lambda f: f.at)]
    return run, [*told, run.decide([], at(until * 60))]


def say_mains(seconds: float, state: str) -> list[Fact]:
    return [say(seconds, "ACC-1", "mains", state=state)]


def effects(told: list[Decision], template: str) -> list[Effect]:
    return [e for d in told for e in d.effects if e.template == template]


def test_a_generator_is_proposed_while_it_can_still_be_in_time() -> None:
    run, told = lived(240.0, until=100)
    assert effects(told, "noc.generator") == []
    run, told = lived(240.0, until=140)
    (page,) = effects(told, "noc.generator")
    (order,) = run.book.tickets.values()
    assert order.kind is TicketKind.ENQUIRY
    assert order.battery_end == at(60 + 240 * 60)
    assert order.generator_proposed is not None
    travel = order.battery_end - order.generator_proposed
    assert 100 * MINUTE < travel < 140 * MINUTE, "four in five generators are there by then"
    assert "mains stay away longer with" in str(page.data["reason"])
    assert "customer" not in page.data


def test_nothing_is_proposed_where_no_battery_is_known_nor_for_one_that_outlasts_any_failure() -> None:
    for battery in (None, 6000.0):
        _, told = lived(battery, until=400)
        assert effects(told, "noc.generator") == []


def test_nothing_is_proposed_where_mains_come_back_soon_as_they_always_do() -> None:
    soon = replace(POWER, self_median=20.0, self_sigma=0.3)
    lesson = Learnt(at(1), encode(Experience.of_priors({**PRIORS, "power": soon})))
    _, told = lived(240.0, lesson, until=125)
    assert effects(told, "noc.generator") == []


def test_the_power_crew_is_told_until_when_the_battery_lasts_as_far_as_the_ledger_knows() -> None:
    (sent,) = effects(lived(240.0, until=10)[1], "ticket.enquiry")
    assert parse(str(sent.data["battery_end"])) == at(60 + 240 * 60)
    (sent,) = effects(lived(None, until=10)[1], "ticket.enquiry")
    assert sent.data["battery_end"] is None


def test_a_battery_is_no_deadline_any_more_once_its_room_is_dead_or_its_mains_are_back() -> None:
    died: list[Fact] = [*dark(3000, "AGG-1 GE1/0/1"), *silent(3010, "ACC-1", "CPE-1", "CPE-2")]
    run, _ = lived(240.0, *died, until=60)
    (order,) = [row for row in run.rows() if isinstance(row, Ticket)]
    assert order.battery_end is None
    assert order.deadline == min(o.deadline for o in run.rows() if isinstance(o, Outage) and o.deadline is not None)
    run, _ = lived(240.0, *say_mains(3000, "ok"), until=60)
    assert [row.battery_end for row in run.rows() if isinstance(row, Ticket)] == [None]


def test_a_battery_that_says_it_is_near_its_end_is_believed() -> None:
    run, told = lived(None, say(600, "ACC-1", "battery"), until=12)
    (page,) = effects(told, "noc.generator")
    assert "near its end" in str(page.data["reason"])
    assert next(iter(run.book.tickets.values())).battery_end is None


def test_a_person_orders_it_and_the_team_for_power_is_told_once() -> None:
    by = Work(at(130 * 60), (), Action.GENERATOR, "shift leader", ticket="T1")
    assert read_fact(write_fact(by, ZONE)) == by
    run, told = lived(240.0, by, until=400)
    (order,) = run.book.tickets.values()
    assert order.generator_ordered == at(130 * 60)
    (sent,) = effects(told, "ticket.generator")
    assert sent.audience == "team:own"
    assert [e.subject for d in told for e in d.entries if e.kind == "act.generator"] == ["T1"]


@pytest.mark.parametrize("ticket", ["T1", "T9"])
def test_a_generator_for_nothing_is_refused(ticket: str) -> None:
    by = Work(at(130 * 60), (), Action.GENERATOR, "shift leader", ticket=ticket)
    run, told = lived(None, by, until=140)
    assert [e.kind for d in told for e in d.entries if e.kind.startswith("act.")] == ["act.refused"]
    assert effects(told, "ticket.generator") == []
    assert run.book.tickets["T1"].generator_ordered is None
