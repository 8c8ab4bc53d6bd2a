"""A daemon runs for years: what is over leaves the mind, what is not stays."""

from __future__ import annotations

import pytest
from core_metro import at, dark, engine, lit

from netwatch.core.engine import Engine
from netwatch.core.model import Action, Fault, Work
from netwatch.core.time import DAY

HOURS = 3600.0
UPLINK = ("AGG-1 GE1/0/1", "ACC-1 GE0/0/0")
OTHER = ("AGG-2 GE1/0/1", "ACC-2 GE0/0/0")


def a_cut_of_two_hours(memory: int | None) -> Engine:
    run = engine()
    run.memory = memory
    for fact in [*dark(60, *UPLINK), *lit(2 * HOURS, *UPLINK)]:
        run.decide([fact], fact.at)
    run.decide([], at(8 * HOURS))
    return run


def another_days_later(run: Engine) -> set[int]:
    """The starts of all faults in mind, 80 hours after a second cut."""
    run.decide(dark(80 * HOURS, *OTHER), at(82 * HOURS))
    return {f.opened for f in run.book.faults.values()}


def test_what_has_been_over_for_longer_than_the_memory_is_laid_aside_whole() -> None:
    run = a_cut_of_two_hours(2 * DAY)
    run.decide([Work(at(9 * HOURS), ("C1",), Action.CLOSE, "out-cable")], at(9 * HOURS))
    assert another_days_later(run) == {at(80 * HOURS)}
    assert all(o.started >= at(80 * HOURS) for o in run.book.outages.values())
    assert all(t.opened >= at(80 * HOURS) for t in run.book.tickets.values())
    assert {row.opened for row in run.rows() if isinstance(row, Fault)} == {at(80 * HOURS)}


def test_an_order_that_people_have_not_closed_keeps_its_fault() -> None:
    assert another_days_later(a_cut_of_two_hours(2 * DAY)) == {at(60), at(80 * HOURS)}


@pytest.mark.parametrize("memory", [None, 30 * DAY])
def test_nothing_goes_before_its_time(memory: int | None) -> None:
    run = a_cut_of_two_hours(memory)
    run.decide([Work(at(9 * HOURS), ("C1",), Action.CLOSE, "out-cable")], at(9 * HOURS))
    assert another_days_later(run) == {at(60), at(80 * HOURS)}


def test_an_engine_thawed_after_laying_aside_goes_on_as_before() -> None:
    run = a_cut_of_two_hours(2 * DAY)
    run.decide([Work(at(9 * HOURS), ("C1",), Action.CLOSE, "out-cable")], at(9 * HOURS))
    another_days_later(run)
    again = Engine.thaw(run.freeze(), run.ledger, run.rules, run.zone)
    assert again.freeze() == run.freeze()
