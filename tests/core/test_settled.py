"""Times that nobody saw, settled afterwards by the devices' own records; no contract clock moves."""

from __future__ import annotations

from itertools import permutations

import pytest
from core_metro import Builder, at, back, metro, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Fact, Observation, Settled, Unknown
from netwatch.core.time import HOUR, MINUTE

EVERYBODY = ["CORE-1", "AGG-1", "AGG-2", "AGG-3", "ACC-1", "ACC-2", "OLT-1", *(f"CPE-{n}" for n in range(1, 5))]
BLIND: list[Fact] = [*silent(0, *EVERYBODY), *back(1800, *EVERYBODY)]


def record(port: str, changed: float, state: str = "ok", *, heard: float = 1830) -> Observation:
    return say(heard, port, "link", state, "poll", occurred=changed)


def unknowns(run: Engine) -> dict[str, Unknown]:
    return {row.circuit: row for row in run.rows() if isinstance(row, Unknown)}


def ends(circuit: str, b: Builder) -> list[str]:
    """One end of each link of its working route."""
    ledger = b.ledger()
    return [str(ledger.links[name].a) for name in ledger.circuits[circuit].working]


def test_a_circuit_whose_ports_did_not_change_was_up_all_along() -> None:
    run = night([*BLIND, *(record(port, -5000) for port in ends("C1", metro()))], 4000)
    told = unknowns(run)["C1"]
    assert (told.settled, told.started, told.ended) == (Settled.UP, at(0), at(1800))
    assert "by the devices' own record" in told.evidence


def test_a_port_that_changed_in_that_time_is_named_with_its_own_time_and_moves_no_clock() -> None:
    facts = [record(port, 700 if n == 0 else -5000) for n, port in enumerate(ends("C1", metro()))]
    run = night([*BLIND, *facts], 4000)
    told = unknowns(run)["C1"]
    assert told.settled is Settled.CHANGED
    assert f"{ends('C1', metro())[0]} came up" in told.evidence
    assert rows(run, "outage") == []
    assert [u["ended"] for u in rows(run, "unknown") if u["circuit"] == "C1"] == [
        u["ended"] for u in rows(night(BLIND, 4000), "unknown") if u["circuit"] == "C1"
    ]


def test_a_route_of_which_one_link_says_nothing_is_not_settled() -> None:
    known = ends("C1", metro())
    run = night([*BLIND, *(record(port, -5000) for port in known[1:])], 4000)
    assert unknowns(run)["C1"].settled is Settled.NO
    assert run.book.unsettled


def test_the_protecting_route_alone_may_have_carried_it() -> None:
    b = metro()
    protected = next(c for c in b.ledger().circuits.values() if c.protecting)
    links = b.ledger().links
    facts = [record(str(links[name].a), 700) for name in protected.working if name not in protected.protecting]
    facts += [record(str(links[name].a), -5000) for name in protected.protecting]
    assert unknowns(night([*BLIND, *facts], 4000))[protected.id].settled is Settled.UP


def test_what_waits_too_long_is_given_up_and_nothing_is_kept() -> None:
    run = night([*BLIND, record(ends("C1", metro())[0], -5000)], 1830)
    assert run.book.records
    run.decide([say(1900 + 2 * HOUR // 1_000_000, "CPE-1", "reachable")], at(1900) + 2 * HOUR)
    run.decide([], at(1900) + 2 * HOUR + 5 * MINUTE)
    assert (run.book.unsettled, run.book.records) == (set(), {})


def test_without_blindness_nothing_is_kept_and_a_message_or_a_clockless_word_settles_nothing() -> None:
    port = ends("C1", metro())[0]
    assert night([record(port, -5000, heard=10)], 60).book.records == {}
    trap = say(1830, port, "link", "ok", "trap", occurred=-5000)
    assert night([*BLIND, trap, say(1831, port, "link", "ok", "poll")], 4000).book.records == {}


@pytest.mark.parametrize("order", list(permutations(range(3)))[:6])
def test_in_whatever_order_the_records_come_the_outcome_is_one(order: tuple[int, ...]) -> None:
    known = [record(port, -5000, heard=1830) for port in ends("C1", metro())]
    mixed = [known[i % len(known)] for i in order] + known
    assert unknowns(night([*BLIND, *mixed], 4000))["C1"].settled is Settled.UP


def test_a_daemon_that_is_rebuilt_settles_as_one_that_ran_on() -> None:
    known = [record(port, -5000) for port in ends("C1", metro())]
    run = night([*BLIND, *known[:1]], 1830)
    again = Engine.thaw(run.freeze(), run.ledger, run.rules, run.zone)
    for engine in (run, again):
        engine.decide(known[1:], at(1831))
        engine.decide([], at(4000))
    assert unknowns(again) == unknowns(run)
    assert unknowns(again)["C1"].settled is Settled.UP
