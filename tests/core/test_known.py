"""What an engine remembers between two looks saves work and decides nothing.

An engine that forgets it after every decision judges everything anew each time; one that was thawed has never had it.
All of them must come to the same decisions, whatever is heard, in whatever pieces.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from core_metro import RULES, T0, ZONE, at, dark, engine, lit, metro, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch import ledger as ledgers
from netwatch import night
from netwatch.core.account import account, lines
from netwatch.core.engine import Engine
from netwatch.core.model import (
    Action,
    Complaint,
    Condition,
    Decision,
    Fact,
    LedgerChange,
    Maintenance,
    Observation,
    Outage,
    Role,
    Row,
    Scope,
    Source,
    State,
    Vantage,
    Work,
)
from netwatch.core.outages.known import Known
from netwatch.core.time import DAY, SECOND, Instant

NIGHTS = Path(__file__).resolve().parents[3] / "shared" / "scenarios"
PAUSES = (0, 0.1, 1, 2, 5, 20, 60, 400, 1000)


def crowd() -> Engine:
    """The metro with a crowd behind one access device, some of it protected, and overlays on that."""
    b = metro()
    for n in range(20, 32):
        b.device(f"CPE-{n}", Role.CPE, f"P-{n}")
        b.link(f"L{n}", f"ACC-1 GE0/1/{n}", f"CPE-{n} GE0/0/1", f"KL{n // 2}")
        b.circuit(f"D{n}", f"CPE-{n}", "CORE-1", f"L{n} T1 R0", f"L{n} T1 R1 R2 R3" if n % 2 else "")
        if n % 4 == 0:
            b.circuit(f"W{n}", f"CPE-{n}", "CORE-1", "", over=f"D{n}")
    b.device("CPE-X", Role.CPE, "P-X")
    b.link("LX1", "ACC-1 GE0/2/1", "CPE-X GE0/0/1", "KX1")
    b.link("LX2", "ACC-2 GE0/2/1", "CPE-X GE0/0/2", "KX2")
    b.circuit("DX", "CPE-X", "CORE-1", "LX1 T1 R0", "LX2 T2 R2 R3")
    return engine(b.ledger())


def troubles(rng: random.Random, run: Engine, steps: int) -> Iterator[Fact]:
    """A night drawn at random: what breaks and heals, what people say and plan."""
    net = run.ledger
    devices, links, circuits = list(net.devices), list(net.links), list(net.circuits)
    now: Instant = T0
    for _ in range(steps):
        now += round(rng.choice(PAUSES) * SECOND)
        state = rng.choice([State.BAD, State.BAD, State.OK])
        draw = rng.random()
        if draw < 0.3:
            link = net.links[rng.choice(links)]
            words = rng.choice([(Condition.LINK, Condition.LOS), (Condition.LINK,), (Condition.ADMIN,)])
            for end in rng.choice([(link.a,), (link.a, link.z)]):
                for word in words:
                    yield Observation(now, end.device, end.name, word, state, Source.TRAP)
        elif draw < 0.6:
            for device in rng.sample(devices, rng.choice([1, 1, 3, 9])):
                yield Observation(now, device, "", Condition.REACHABLE, state, Source.PING)
        elif draw < 0.7:
            word = rng.choice([Condition.MAINS, Condition.AGENT, Condition.DYING_GASP])
            yield Observation(now, rng.choice(devices), "", word, state, Source.TRAP)
        elif draw < 0.76:
            yield Complaint(now, rng.choice(circuits))
        elif draw < 0.9:
            reason = rng.choice(["", "site_access", "customer_absent", "reroute"])
            yield Work(now, tuple(rng.sample(circuits, 2)), rng.choice(list(Action)), "team-1", reason)
        elif draw < 0.96:
            scope = Scope("link", rng.choice(links)), Scope("device", rng.choice(devices))
            start = now + rng.choice([-60, 30]) * SECOND
            yield Maintenance(now, rng.choice(["M1", "M2"]), now - 9 * DAY, start, start + 900 * SECOND, scope)
        else:
            yield LedgerChange(now, rng.choice(circuits), (("assurance", rng.choice(["AAA", "A"])),))


def decide(run: Engine, facts: list[Fact], size: int, after: Callable[[Engine], Engine]) -> tuple[list[Decision], str]:
    """All decisions on facts taken `size` at a time, and the account; `after` is done to the engine after each."""
    said = []
    for n in range(0, len(facts), size):
        batch = facts[n : n + size]
        said.append(run.decide(batch, batch[-1].at))
        run = after(run)
    said.append(run.conclude())
    return [as_told(decision) for decision in said], lines(account(run.book, run.net, RULES, ZONE, run.book.now))


def as_told(decision: Decision) -> Decision:
    """Rows stand in no particular order."""
    return replace(decision, rows=tuple(sorted(decision.rows, key=lambda row: (type(row).__name__, row.id))))


def remember(run: Engine) -> Engine:
    return run


def forget(run: Engine) -> Engine:
    run._known = Known.of(run.book)
    return run


def sleep(run: Engine) -> Engine:
    return Engine.thaw(run.freeze(), run.ledger, run.rules, run.zone)


@settings(max_examples=4)
@given(st.integers(0, 10**9), st.sampled_from([1, 3, 12]))
def test_an_engine_that_forgets_after_every_decision_decides_the_same(seed: int, size: int) -> None:
    facts = list(troubles(random.Random(seed), crowd(), 25))
    assert decide(crowd(), facts, size, forget) == decide(crowd(), facts, size, remember)


@settings(max_examples=2)
@given(st.integers(0, 10**9))
def test_an_engine_that_is_stopped_and_started_after_every_decision_decides_the_same(seed: int) -> None:
    facts = list(troubles(random.Random(seed), crowd(), 20))
    assert decide(crowd(), facts, 3, sleep) == decide(crowd(), facts, 3, remember)


@pytest.mark.skipif(not NIGHTS.is_dir(), reason="no recorded nights in ../shared")
@pytest.mark.parametrize("name", ["double-1", "flap-1", "maintenance-1", "blind-1"])
def test_a_recorded_night_is_decided_the_same_with_and_without_memory(name: str) -> None:
    ledger, _ = ledgers.read(NIGHTS / name / "ledger", None, RULES)
    journal = (NIGHTS / name / "journal.jsonl").read_text("utf-8").splitlines()
    facts = [fact for _, fact in night.read(journal, RULES).facts]
    assert decide(Engine(ledger, RULES, ZONE), facts, 8, forget) == decide(
        Engine(ledger, RULES, ZONE), facts, 8, remember
    )


def test_what_is_heard_elsewhere_writes_no_row_of_an_outage_that_simply_goes_on() -> None:
    run = crowd()
    run.decide(dark(0, "AGG-1 GE1/0/1", "ACC-1 GE0/0/0"), at(120))
    assert len(outages(run.rows())) > 12
    later = run.decide(dark(300, "AGG-3 GE1/0/1", "OLT-1 GE0/0/0"), at(420))
    assert {o.circuit for o in outages(later.rows)} == {"C5", "C6", "C7", "C8"}


def test_a_clock_that_runs_out_writes_its_row_once() -> None:
    run = crowd()
    run.decide(dark(0, "AGG-1 GE1/0/1", "ACC-1 GE0/0/0"), at(120))
    due = 240 * 60.0
    before = [o for o in outages(run.decide([], at(due)).rows) if o.breached]
    after = [o for n in range(1, 5) for o in outages(run.decide([], at(due + n * 30)).rows) if o.breached]
    assert not before
    assert len(after) == len({o.circuit for o in after}) == len(outages(run.rows()))


def test_an_outage_that_was_over_long_before_anybody_looked_is_written_down_as_over() -> None:
    run = crowd()
    run.decide([*dark(0, "AGG-1 GE1/0/1"), *silent(1, "ACC-1")], at(120))
    run.decide([*lit(300, "AGG-1 GE1/0/1"), Vantage(at(20_000), "CORE-1")], at(20_000))
    assert all(o.restored is not None for o in outages(run.rows()))


def outages(rows: tuple[Row, ...] | Iterator[Row]) -> list[Outage]:
    return [row for row in rows if isinstance(row, Outage)]
