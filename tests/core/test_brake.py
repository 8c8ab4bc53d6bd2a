"""When too much breaks at once, crews are not sent by the dozen before a person has looked."""

from __future__ import annotations

import pytest
from core_metro import Builder, at, dark, engine, lit

from netwatch.core.engine import Engine
from netwatch.core.model import Action, Decision, Role, TicketState, Work

MANY = 40
LIMIT = 30
WINDOW = 600


@pytest.fixture(scope="module")
def broken_comb() -> tuple[Engine, list[Decision]]:
    """Forty customers, each on a fibre of its own from one aggregation node, all dark within seconds."""
    b = Builder()
    b.device("CORE-1", Role.CORE)
    b.device("AGG-1", Role.AGGREGATION)
    b.link("R0", "CORE-1 GE0/0/1", "AGG-1 GE0/0/1", "K0")
    for n in range(MANY):
        b.device(f"CPE-{n}", Role.CPE)
        b.link(f"L{n}", f"AGG-1 GE1/0/{n}", f"CPE-{n} GE0/0/1", f"K1-{n}")
        b.circuit(f"C{n}", f"CPE-{n}", "CORE-1", f"L{n} R0", assurance="AAA")
    b.team("crew", "cable customer", company="Outsourced Ltd")
    run = engine(b.ledger())
    facts = [f for n in range(MANY) for f in dark(60 + n / 10, f"AGG-1 GE1/0/{n}")]
    told = [run.decide([f], f.at) for f in facts]
    return run, [*told, run.decide([], at(200))]


@pytest.fixture
def run(broken_comb: tuple[Engine, list[Decision]]) -> Engine:
    """One of its own for each test: breaking it takes longer than to start it again."""
    broken = broken_comb[0]
    return Engine.thaw(broken.freeze(), broken.ledger, broken.rules, broken.zone)


def states(run: Engine) -> list[TicketState]:
    return [t.state for t in run.book.tickets.values()]


def test_every_ticket_opens_and_only_so_many_crews_go(run: Engine) -> None:
    assert len(states(run)) == MANY
    assert states(run).count(TicketState.DISPATCHED) == LIMIT
    held = [t.reason for t in run.book.tickets.values() if t.state is TicketState.WATCHING]
    assert len(held) == MANY - LIMIT
    assert all("brake" in reason for reason in held)
    assert [t.braked for t in run.book.tickets.values()].count(True) == MANY - LIMIT


def test_one_page_says_so(broken_comb: tuple[Engine, list[Decision]]) -> None:
    pages = {e.key for d in broken_comb[1] for e in d.effects if e.template == "noc.storm"}
    assert len(pages) == 1


def test_the_others_go_when_the_first_lie_far_enough_back(run: Engine) -> None:
    run.decide([], at(200 + WINDOW))
    assert states(run).count(TicketState.DISPATCHED) == MANY


def test_what_a_person_has_looked_at_goes_whatever_the_brake_says(run: Engine) -> None:
    held = next(t for t in run.book.tickets.values() if t.braked)
    run.decide([Work(at(201), (), Action.ACK, "noc", ticket=held.id)], at(201))
    assert held.state is TicketState.DISPATCHED
    assert not held.braked
    assert states(run).count(TicketState.DISPATCHED) == LIMIT + 1


def test_nothing_is_held_any_more_that_has_cleared(run: Engine) -> None:
    held = [t.fault for t in run.book.tickets.values() if t.braked]
    back = [f for n in range(MANY) for f in lit(210, f"AGG-1 GE1/0/{n}")]
    run.decide(back, at(210))
    run.decide([], at(300))
    assert all(run.book.faults[fault].cleared is not None for fault in held)
    assert not any(t.braked for t in run.book.tickets.values())
