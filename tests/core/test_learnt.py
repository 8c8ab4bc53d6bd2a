"""What past faults taught enters as a fact: it decides from its instant on, and is decided by again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_metro import RULES, ZONE, at, dark, engine, lit, metro

from netwatch.core.codec import encode
from netwatch.core.engine import Engine
from netwatch.core.forecast.drivers import in_words
from netwatch.core.forecast.experience import Experience
from netwatch.core.journal import UnreadableError, read_fact, write_fact
from netwatch.core.model import Action, Driver, Fact, Learnt, TicketState, Vantage, Work
from netwatch.core.rules import Prior

PRIORS = RULES.dispatch.priors
END = "ACC-1 GE0/1/2"
"""The port of the circuit C2."""


def learnt(seconds: float, **fates: Prior) -> Learnt:
    known = replace(
        Experience.of_priors(PRIORS | fates), faults=500, teams={"out-cable": 0.7}, slots={(True, False): 0.3}
    )
    return Learnt(at(seconds), encode(known))


def heals_late(heals: float = 0.999, repair: float = 20.0) -> dict[str, Prior]:
    """Whatever it is here: it heals after an hour, nearly always, and crews are quick."""
    fate = Prior(heals, 60.0, 0.2, repair, 0.3)
    return dict.fromkeys(("link", "cable", "port", "premises", "unknown", "device", "circuit"), fate)


def lived(facts: list[Fact], minutes: float) -> Engine:
    run = engine(metro().ledger())
    for fact in sorted(facts, key=lambda f: f.at):
        run.decide([fact], fact.at)
    run.decide([], at(60 * minutes))
    return run


def order_of(run: Engine) -> tuple[TicketState, str]:
    (order,) = run.book.tickets.values()
    return order.state, order.reason


def test_what_was_learnt_decides_from_its_instant_on() -> None:
    broken = dark(60, END)
    assert order_of(lived(list(broken), 40))[0] is TicketState.DISPATCHED
    state, reason = order_of(lived([learnt(1, **heals_late()), *broken], 40))
    assert state is TicketState.WATCHING
    assert reason.startswith("may heal by itself: watched for at most")
    told = lived([*broken, learnt(60 * 60, **heals_late())], 70)
    assert order_of(told)[0] is TicketState.DISPATCHED, "who was sent stays sent"


def test_what_was_learnt_survives_a_snapshot_and_decides_alike() -> None:
    facts: list[Fact] = [learnt(1, **heals_late()), *dark(60, END)]
    run = lived(facts, 20)
    thawed = Engine.thaw(run.freeze(), run.ledger, run.rules, ZONE)
    assert thawed.book.experience == run.book.experience
    for minute in range(21, 90, 7):
        one, other = (e.decide([], at(60 * minute)) for e in (run, thawed))
        assert one == other
    assert run.freeze() == thawed.freeze()


def test_a_journal_that_teaches_is_read_and_written_alike() -> None:
    fact = learnt(1, **heals_late())
    line = write_fact(fact, ZONE)
    assert read_fact(line) == fact
    assert write_fact(read_fact(line), ZONE) == line


_NO_FATES = '{"causes":["x"],"fates":{},"confusion":{}}'


@pytest.mark.parametrize("parameters", ["null", "{}", "3", _NO_FATES, _NO_FATES.replace('"x"', "")])
def test_parameters_that_cannot_be_used_are_no_fact(parameters: str) -> None:
    with pytest.raises(UnreadableError, match="parameters"):
        read_fact(f'{{"at":"2026-11-02T02:00:00+08:00","type":"learnt","parameters":{parameters}}}')


def test_an_open_order_tells_what_is_to_be_expected_and_why() -> None:
    run = lived([learnt(1, **heals_late(0.98, 60.0)), *dark(60, END)], 30)
    (order,) = run.book.tickets.values()
    told = order.outlook
    assert told is not None
    assert told.if_waiting is not None
    assert 0 < told.if_sent <= told.if_waiting < 1
    assert 0 < told.median_minutes < told.p80_minutes
    assert order.probability == told.if_sent
    assert order.outlook_sent is None


def test_what_was_forecast_at_the_sending_is_kept_and_the_outlook_goes_on() -> None:
    run = lived([learnt(1), *dark(60, END)], 45)
    (order,) = run.book.tickets.values()
    first = order.outlook_sent
    assert order.dispatched is not None
    assert first is not None
    assert first.at <= order.dispatched
    assert 1 <= len(first.drivers) <= 2
    assert order.outlook is not None
    assert order.outlook.if_waiting is None
    run.decide([], at(200 * 60))
    assert order.outlook.at > at(194 * 60), "told anew although nothing was heard"
    assert order.outlook_sent == first
    for fact in lit(201 * 60, END):
        run.decide([fact], fact.at)
    run.decide([], at(203 * 60))
    assert order.outlook is None


def test_the_slip_names_the_cause_when_it_comes_back() -> None:
    run = lived([*dark(60, END)], 45)
    (order,) = run.book.tickets.values()
    slip = Work(at(46 * 60), ("C2",), Action.RETURN, "crew", "光缆被挖断，已熔接")
    run.decide([slip], slip.at)
    assert (order.state, order.found) == (TicketState.RETURNED, "cable")


@pytest.mark.parametrize("kind", ["cause", "team", "night", "suburb", "queue", "elapsed"])
def test_every_driver_has_its_words_in_both_languages(kind: str) -> None:
    driver = Driver(kind, "cable" if kind == "cause" else "T-1", 2.0, 0.124)
    assert in_words(driver, "en").endswith("(+12 points)")
    assert in_words(driver, "zh").endswith("（+12 个百分点）")


def test_the_vantage_and_the_lesson_may_come_in_any_order() -> None:
    lesson, vantage = learnt(5, **heals_late()), Vantage(at(5), "CORE-1")
    broken = dark(60, END)
    assert order_of(lived([lesson, vantage, *broken], 40)) == order_of(lived([vantage, lesson, *broken], 40))
