"""The engine comes to the same account however it was fed, stopped and started; and nothing well-formed stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from core_metro import RULES, ZONE, at, back, dark, engine, lit, metro, night, rows, say, silent, told
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core import codec
from netwatch.core.account import lines
from netwatch.core.engine import VERSION, Engine
from netwatch.core.model import (
    Action,
    Alarm,
    AlarmState,
    Circuit,
    CircuitState,
    Complaint,
    Condition,
    Device,
    DeviceState,
    Fact,
    Ledger,
    LedgerChange,
    Link,
    Maintenance,
    Observation,
    Port,
    Problem,
    Role,
    Row,
    Scope,
    Site,
    Source,
    State,
    Tick,
    Vantage,
    Work,
    index,
)
from netwatch.core.time import MINUTE, SECOND

LEDGER = metro().ledger()
END = 2 * 3600.0
FEWER = settings(max_examples=settings.default.max_examples // 5)
"""A night is many examples in one."""

# ---------------------------------------------------------------- nights


def trouble(start: float, lasts: float, ends: Sequence[str], devices: Sequence[str]) -> list[Fact]:
    """Ports that lose their light and devices that polling cannot reach, until both are back."""
    facts: list[Fact] = [*dark(start, *ends)]
    for n in range(int(lasts // 60) + 1):
        facts += silent(start + 7 + n * 60, *devices)
    return [*facts, *lit(start + lasts + 20, *ends), *back(start + lasts + 41, *devices)]


def blindness(start: float, lasts: float) -> list[Fact]:
    return trouble(start, lasts, [], [d for d in LEDGER.devices if d[:3] in ("AGG", "ACC", "CPE", "OLT")])


def planned(start: float, lasts: float) -> list[Fact]:
    window = Maintenance(
        at(start - 90), "M-1", at(-30 * 86400), at(start - 30), at(start + lasts + 90), (Scope("cable", "KT2"),)
    )
    return [window, *trouble(start, lasts, ["AGG-2 GE1/0/1"], ["ACC-2", "CPE-3", "CPE-4"])]


def people(start: float, lasts: float) -> list[Fact]:
    acts = (Action.ACK, Action.ACCEPT, Action.DEPART, Action.ARRIVE)
    facts: list[Fact] = [Complaint(at(start), "C2")]
    facts += [Work(at(start + 30 + n * 20), ("C2",), a, "team-1") for n, a in enumerate(acts)]
    facts += [
        Work(at(start + 130), ("C2",), Action.PAUSE, "team-1", "site_access"),
        Work(at(start + 130 + lasts / 2), ("C2",), Action.RESUME, "team-1"),
        Work(at(start + 131 + lasts), ("C2",), Action.RESTORE, "team-1"),
    ]
    return facts


KINDS: dict[str, Callable[[float, float], list[Fact]]] = {
    "span": lambda s, n: trouble(s, n, ["CORE-1 GE0/0/1", "AGG-1 GE0/0/1"], []),
    "second span": lambda s, n: trouble(s, n, ["AGG-2 GE0/0/2", "AGG-3 GE0/0/1"], []),
    "tail": lambda s, n: trouble(s, n, ["AGG-1 GE1/0/1"], ["ACC-1", "CPE-1", "CPE-2"]),
    "silence": lambda s, n: trouble(s, n, [], ["CPE-3"]),
    "gasp": lambda s, n: [say(s, "CPE-1", "dying_gasp"), *trouble(s + 1, n, ["ACC-1 GE0/1/1"], ["CPE-1"])],
    "mains": lambda s, n: [say(s, "ACC-1", "mains"), say(s + n + 50, "ACC-1", "mains", "ok")],
    "feeder": lambda s, n: [
        *(say(s, f"OLT-1 gpon-0/0/1/ONU-{k}", "onu") for k in range(1, 5)),
        *(say(s + n + 60, f"OLT-1 gpon-0/0/1/ONU-{k}", "onu", "ok") for k in range(1, 5)),
    ],
    "agent": lambda s, n: [say(s, "AGG-3", "agent"), say(s + n + 60, "AGG-3", "agent", "ok", "poll")],
    "admin": lambda s, n: [say(s, "AGG-3 GE1/0/1", "admin"), say(s + n + 60, "AGG-3 GE1/0/1", "admin", "ok")],
    "adjacency": lambda s, n: [say(s, "AGG-1 GE0/0/2", "adjacency"), say(s + n, "AGG-1 GE0/0/2", "adjacency", "ok")],
    "flaps": lambda s, n: [f for k in range(12) for f in trouble(s + k * 31, 9, ["AGG-3 GE1/0/1"], [])],
    "blindness": blindness,
    "planned": planned,
    "people": people,
    "class": lambda s, n: [LedgerChange(at(s), "C1", (("assurance", "AAA"),))],
    "unknown": lambda s, n: [say(s, "GHOST GE0/0/1", "link"), Complaint(at(s), "C-404")],
}

EVENTS = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.integers(2, 30), st.sampled_from([5, 50, 70, 300, 900, 1500])),
    min_size=1,
    max_size=5,
)


def facts_of(events: Iterable[tuple[str, int, int]]) -> list[Fact]:
    """What is heard of some events. Each has its own fraction of a second, so that no two speak at one instant."""
    facts: list[Fact] = [Vantage(at(0), "CORE-1")]
    for n, (kind, slot, lasts) in enumerate(events):
        facts += KINDS[kind](120.0 * slot + 0.01 * (n + 1), float(lasts))
    return sorted(facts, key=lambda f: f.at)


NIGHTS = EVENTS.map(facts_of)


def fed(batches: Iterable[Sequence[Fact]]) -> str:
    """The account after these batches."""
    run = Engine(LEDGER, RULES, ZONE)
    for batch in batches:
        run.decide(batch, max(f.at for f in batch))
    run.decide([], at(END))
    return lines(told(run))


def one_by_one(facts: Sequence[Fact]) -> str:
    return fed([f] for f in facts)


# ---------------------------------------------------------------- the same account


@FEWER
@given(NIGHTS, st.data())
def test_batches_do_not_matter(facts: list[Fact], data: st.DataObject) -> None:
    expected = one_by_one(facts)
    assert fed([facts]) == expected
    cuts = sorted(data.draw(st.sets(st.integers(1, len(facts)), max_size=6)))
    pieces = [facts[a:b] for a, b in zip([0, *cuts], [*cuts, len(facts)], strict=True)]
    assert fed(p for p in pieces if p) == expected


@FEWER
@given(NIGHTS, st.data())
def test_asking_more_often_does_not_matter(facts: list[Fact], data: st.DataObject) -> None:
    ticks: list[Fact] = [Tick(at(s)) for s in data.draw(st.lists(st.integers(0, int(END)), max_size=30))]
    assert one_by_one(sorted([*facts, *ticks], key=lambda f: f.at)) == one_by_one(facts)


@FEWER
@given(NIGHTS, st.data())
def test_a_restart_at_any_moment_does_not_matter(facts: list[Fact], data: st.DataObject) -> None:
    stops = data.draw(st.sets(st.integers(0, len(facts) - 1), min_size=1, max_size=4))
    run = Engine(LEDGER, RULES, ZONE)
    for n, fact in enumerate(facts):
        if n in stops:
            text = run.freeze()
            run = Engine.thaw(text, LEDGER, RULES, ZONE)
            assert run.freeze() == text
        run.decide([fact], fact.at)
    run.decide([], at(END))
    assert lines(told(run)) == one_by_one(facts)


@FEWER
@given(NIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_facts_of_one_instant_does_not_matter(facts: list[Fact], rng: Any) -> None:
    shuffled = [*facts]
    rng.shuffle(shuffled)
    assert one_by_one(sorted(shuffled, key=lambda f: f.at)) == one_by_one(facts)


@FEWER
@given(NIGHTS, st.data())
def test_what_equipment_says_twice_counts_once(facts: list[Fact], data: st.DataObject) -> None:
    seen = [f for f in facts if isinstance(f, Observation)]
    if seen:
        doubled = data.draw(st.lists(st.sampled_from(seen), max_size=20))
        assert one_by_one(sorted([*facts, *doubled], key=lambda f: f.at)) == one_by_one(facts)


@FEWER
@given(NIGHTS)
def test_the_kept_facts_alone_rebuild_it(facts: list[Fact]) -> None:
    run, kept = Engine(LEDGER, RULES, ZONE), []
    for fact in facts:
        kept += run.decide([fact], fact.at).facts
    run.decide([], at(END))
    again = Engine(LEDGER, RULES, ZONE)
    for fact in kept:
        again.decide([fact], fact.at)
    again.decide([], at(END))
    assert lines(told(again)) == lines(told(run))
    assert dict(index(again.rows())) == dict(index(run.rows()))


@FEWER
@given(NIGHTS, st.data())
def test_the_kept_facts_alone_rebuild_all_that_a_later_message_is_judged_by(
    facts: list[Fact], data: st.DataObject
) -> None:
    """Messages with a clock of their own, repeated and told twice; what a kill leaves behind must judge them alike."""
    dated = [
        replace(f, occurred=f.at - SECOND) if isinstance(f, Observation) and f.source is Source.TRAP else f
        for f in facts
    ]
    said = [f for f in dated if isinstance(f, Observation) and f.occurred is not None]
    if not said:
        return
    for fact in data.draw(st.lists(st.sampled_from(said), max_size=12)):
        later = data.draw(st.sampled_from([1, 20, 90, 700])) * SECOND
        dated.append(replace(fact, at=fact.at + later, occurred=fact.at + data.draw(st.sampled_from([-SECOND, later]))))
    run, kept = Engine(LEDGER, RULES, ZONE), []
    for fact in sorted(dated, key=lambda f: f.at):
        kept += run.decide([fact], fact.at).facts
    again = Engine(LEDGER, RULES, ZONE)
    for fact in kept:
        again.decide([fact], fact.at)
    again.decide([], run.book.now)
    assert codec.encode(again.book.evidence) == codec.encode(run.book.evidence)


@pytest.mark.parametrize("stop", [True, False])
def test_a_raise_that_its_clear_overtook_is_late_for_one_who_was_killed_between_them_too(stop: bool) -> None:
    run, end = engine(), "AGG-1 GE1/0/1"
    kept = run.decide([say(9, end, "link", "ok", occurred=8)], at(9)).facts
    if stop:
        run = engine()
        run.decide(kept, at(9))
    run.decide([say(11, end, "link", occurred=7)], at(900))
    assert rows(run, "fault") == []


@FEWER
@given(NIGHTS)
def test_a_view_folded_from_decisions_is_the_view_that_starts_from_nothing(facts: list[Fact]) -> None:
    run = Engine(LEDGER, RULES, ZONE)
    heard: list[Row] = []
    for fact in facts:
        heard += run.decide([fact], fact.at).rows
    heard += run.decide([], at(END)).rows
    folded, now = index(heard), index(run.rows())
    for key, row in now.items():
        assert folded[key] == row
    left = [r for k, r in folded.items() if k not in now and isinstance(r, Alarm)]
    assert all(r.state is AlarmState.GONE for r in left)


# ---------------------------------------------------------------- time


@FEWER
@given(NIGHTS)
def test_what_falls_due_has_been_done_and_what_is_due_lies_ahead(facts: list[Fact]) -> None:
    run = Engine(LEDGER, RULES, ZONE)
    for fact in facts:
        assert run.decide([fact], fact.at).now == fact.at
        due = run.next_due()
        assert due is None or due > fact.at


@FEWER
@given(NIGHTS)
def test_being_woken_at_each_due_instant_is_the_same_as_being_woken_late(facts: list[Fact]) -> None:
    run = Engine(LEDGER, RULES, ZONE)
    for fact in facts:
        while (due := run.next_due()) is not None and due < fact.at:
            run.decide([], due)
        run.decide([fact], fact.at)
    while (due := run.next_due()) is not None and due <= at(END):
        run.decide([], due)
    run.decide([], at(END))
    assert lines(told(run)) == one_by_one(facts)


def test_time_never_runs_backwards_and_a_late_fact_counts_as_heard_now() -> None:
    run = engine()
    run.decide([], at(100))
    decision = run.decide(silent(40, "CPE-1"), at(50))
    assert decision.now == at(100)
    (kept,) = decision.facts
    assert kept.at == at(100)
    run.decide([], at(300))
    (fault,) = rows(run, "fault")
    assert fault["opened"] == "2026-11-02T02:01:40.000+08:00"


def test_a_batch_need_not_stand_in_order() -> None:
    facts: list[Fact] = trouble(10, 300, ["AGG-1 GE1/0/1"], ["ACC-1"])
    ordered, turned = engine(), engine()
    ordered.decide(facts, at(2000))
    turned.decide(facts[::-1], at(2000))
    # Facts of one instant stand turned as well; nothing of one instant contradicts itself here.
    assert told(ordered) == told(turned)


def test_what_was_decided_bears_the_time_at_which_it_fell_due_and_not_at_which_it_was_asked_for() -> None:
    run = engine()
    run.decide(silent(0, "CPE-1"), at(0))
    decision = run.decide([], at(5000))
    (opened,) = [e for e in decision.entries if e.kind == "fault.opened"]
    assert opened.at == at(60)


def test_an_engine_that_hears_nothing_decides_nothing() -> None:
    run = Engine(LEDGER, RULES, ZONE)
    assert run.next_due() is None
    assert run.decide([], at(10**6)).empty
    assert told(run) == []


def test_a_quiet_network_leaves_nothing_to_keep() -> None:
    run = engine()
    well = [say(5, d, "agent", "ok") for d in LEDGER.devices] + back(6, *LEDGER.devices)
    kept = 0
    for _ in range(20):  # that polling praises is learnt from a few of its first words, and these are kept
        kept += len(run.decide(well, at(0)).facts)
        well = [replace(f, at=f.at + MINUTE) for f in well]
    assert 0 < kept < 2 * len(well)
    decision = run.decide(well, at(2000))
    assert decision.facts == ()
    assert decision.entries == ()
    assert run.next_due() is None


# ---------------------------------------------------------------- alarms


def alarm(run: Engine, key: str) -> Alarm | None:
    found = index(run.rows()).get(("Alarm", key))
    assert found is None or isinstance(found, Alarm)
    return found


def test_an_alarm_is_pending_then_active_then_clearing_then_gone() -> None:
    run, key = engine(), "CPE-1||reachable"
    run.decide(silent(0, "CPE-1"), at(0))
    states = []
    for second in (1, 60, 100):
        run.decide([], at(second))
        states.append(getattr(alarm(run, key), "state", None))
    run.decide(back(200, "CPE-1"), at(200))
    states.append(getattr(alarm(run, key), "state", None))
    assert states == [AlarmState.PENDING, AlarmState.ACTIVE, AlarmState.ACTIVE, AlarmState.CLEARING]
    gone = run.decide([], at(801))
    assert alarm(run, key) is None
    assert [r.state for r in gone.rows if isinstance(r, Alarm)] == [AlarmState.GONE]


def test_an_alarm_names_the_fault_that_explains_it() -> None:
    run = night([*dark(0, "AGG-1 GE1/0/1"), *silent(5, "ACC-1", "CPE-1")], 200)
    told_of = {r.id: r.fault for r in run.rows() if isinstance(r, Alarm)}
    assert set(told_of.values()) == {"F1"}
    assert "CPE-1||reachable" in told_of


def test_an_alarm_has_one_row_in_a_decision_however_often_it_changed_in_it() -> None:
    run = engine()
    decision = run.decide([*dark(1, "AGG-1 GE0/0/2"), *lit(90, "AGG-1 GE0/0/2"), *dark(95, "AGG-1 GE0/0/2")], at(2000))
    told_of = [r for r in decision.rows if isinstance(r, Alarm)]
    assert len(told_of) == len({r.id for r in told_of}) == 2
    assert {(r.state, r.count, r.fault) for r in told_of} == {(AlarmState.ACTIVE, 2, "F1")}


def test_alarms_of_one_second_come_of_age_together_each_as_of_its_own_instant() -> None:
    run = engine()
    devices = [d for d in run.ledger.devices if d.startswith("CPE")]
    run.decide([f for n, d in enumerate(devices) for f in silent(10.1 + n / 100, d)], at(11))
    while (due := run.next_due()) is not None and due < at(70):
        run.decide([], due)  # the looks at everything
    assert due is not None
    assert (due % SECOND, due - due % SECOND) == (0, at(71) - at(71) % SECOND)
    decision = run.decide([], due)
    came = [r for r in decision.rows if isinstance(r, Alarm)]
    assert {r.device: r.state for r in came} == dict.fromkeys(devices, AlarmState.ACTIVE)
    assert [r.changed for r in came] == [at(10.1 + n / 100) for n in range(len(devices))]


def test_an_alarm_says_who_speaks_for_it_now() -> None:
    run = engine()
    run.decide([say(1, "AGG-1 GE0/0/2", "link")], at(1))
    decision = run.decide([say(30, "AGG-1 GE0/0/2", "link", source="poll")], at(30))
    assert [r.source for r in decision.rows if isinstance(r, Alarm)] == ["poll"]


def test_an_alarm_whose_clear_was_lost_ends_with_what_it_told_of() -> None:
    run = engine()
    ports = [f"ACC-{n} GE0/0/{p}" for n in (1, 2) for p in range(50, 53)]
    polled = [say(t, port, "fan", source="poll") for t in range(0, 601, 60) for port in ports]
    heard = [*polled, *(replace(f, condition=Condition.LINK) for f in polled), say(400, "AGG-1 GE0/0/2", "link")]
    run.decide(heard, at(600))
    run.decide([], at(2000))
    assert alarm(run, "AGG-1|GE0/0/2|link") is None
    assert alarm(run, "ACC-1|GE0/0/50|fan") is not None


def test_the_two_verdicts_on_a_device_never_stand_for_one_another() -> None:
    run = engine()
    run.decide([say(0, "AGG-1", "agent")], at(5))
    (state,) = [r for r in run.rows() if isinstance(r, DeviceState)]
    assert (state.reachable, state.agent) == (State.OK, State.BAD)
    run.decide(silent(6, "AGG-1"), at(7))
    (state,) = [r for r in run.rows() if isinstance(r, DeviceState)]
    assert (state.reachable, state.agent) == (State.BAD, State.BAD)


# ---------------------------------------------------------------- a new ledger


def test_a_device_that_left_the_ledger_takes_its_alarms_along() -> None:
    b = metro()
    b.device("SPARE", Role.ACCESS)
    run = night([*silent(0, "SPARE"), *silent(0, "CPE-3")], 200, b.ledger())
    decision = run.reload(LEDGER, RULES, at(300))
    assert {(r.device, r.state) for r in decision.rows if isinstance(r, Alarm)} >= {("SPARE", AlarmState.GONE)}
    assert {r.device for r in run.rows() if isinstance(r, Alarm)} == {"CPE-3"}
    run.decide(back(400, "CPE-3"), at(4000))
    run.decide([Work(at(4001), ("C3",), Action.CLOSE, "noc")], at(4001))  # or the crew's slip falls due some day
    assert run.next_due() is None
    assert [f["cleared"] is None for f in rows(run, "fault")] == [False, False]


def test_the_same_ledger_read_again_changes_nothing() -> None:
    facts = facts_of([("tail", 2, 4000), ("people", 3, 900), ("mains", 5, 4000)])
    plain = night(facts, 1000)
    reloaded = night([f for f in facts if f.at <= at(500)], 500)
    reloaded.reload(metro().ledger(), RULES, at(500))
    for fact in [f for f in facts if f.at > at(500)]:
        reloaded.decide([fact], fact.at)
        plain.decide([], fact.at)
    assert told(reloaded) == told(plain)


# ---------------------------------------------------------------- problems


def test_what_the_ledger_lacks_is_told_once_and_stops_nothing() -> None:
    run = engine()
    facts: list[Fact] = [
        say(1, "GHOST GE1", "link"),
        say(2, "GHOST GE1", "link"),
        Complaint(at(3), "C-404"),
        Work(at(4), ("C-404", "C1"), Action.ACK),
        Vantage(at(5), "NOWHERE"),
        LedgerChange(at(6), "C-405", ()),
        Maintenance(at(7), "M", at(0), at(8), at(9), (Scope("cable", "K-404"), Scope("site", "S-404"))),
        *silent(10, "CPE-1"),
    ]
    decision = run.decide(facts, at(100))
    problems = [r.what for r in decision.rows if isinstance(r, Problem)]
    assert problems == [
        "no device GHOST in the ledger",
        "no circuit C-404 in the ledger",
        "no device NOWHERE in the ledger",
        "no circuit C-405 in the ledger",
        "no cable K-404 in the ledger",
        "no site S-404 in the ledger",
    ]
    assert run.book.vantage == "CORE-1"
    assert len(rows(run, "fault")) == 1


# ---------------------------------------------------------------- hostile, but well-formed

HOSTILE = Ledger(
    sites={"S": Site("S", power_feed="F"), "S2": Site("S2", power_feed="F")},
    devices={
        "CORE": Device("CORE", role=Role.CORE, site="S"),
        "A": Device("A", role=Role.ACCESS, site="S2"),
        "O": Device("O", role=Role.OLT, site="S2"),
        "N/1": Device("N/1", role=Role.ONU),
        "CPE": Device("CPE", role=Role.CPE, site="S2"),
        "ALONE": Device("ALONE", role=Role.ACCESS, managed=False),
        "": Device(""),
    },
    links={
        "SELF": Link("SELF", Port("A", "1"), Port("A", "1"), cables=("K",)),
        "CA": Link("CA", Port("CORE", "1"), Port("A", "2"), cables=("K", "K")),
        "CA2": Link("CA2", Port("CORE", "1"), Port("A", "2"), cables=("K",)),
        "AX": Link("AX", Port("A", "3"), Port("CPE", "1")),
        "HALF": Link("HALF", Port("A", "9"), Port("GHOST", "1"), cables=("K2",)),
        "EMPTY": Link("EMPTY", Port("", ""), Port("", ""), cables=("K2",)),
        "ON": Link("ON", Port("O", "p"), Port("N/1", "p"), cables=("D",)),
    },
    circuits={
        "C": Circuit("C", a=Port("CPE", ""), z=Port("CORE", ""), working=("AX", "CA", "CA"), protecting=("AX", "CA2")),
        "BARE": Circuit("BARE"),
        "PORT": Circuit("PORT", a=Port("A", "7"), z=Port("GHOST", "8"), working=("NONE",)),
        "X": Circuit("X", over="Y", working=("CA",)),
        "Y": Circuit("Y", over="X", working=("AX",)),
        "ME": Circuit("ME", over="ME"),
        "LOST": Circuit("LOST", over="NOWHERE", customer="NOBODY", assurance="odd", product="internet"),
    },
)

NAMES = st.sampled_from(["CORE", "A", "O", "N/1", "CPE", "ALONE", "GHOST", "", " ", "A 1"])
COMPONENTS = st.sampled_from(
    ["", "1", "2", "3", "7", "9", "p", "p/N/1", "N/1", "/", "//", "a/b/c", "/N/1", " ", "｡", "p/CPE"]
)
CIRCUITS = st.sampled_from([*HOSTILE.circuits, "C-404", ""])
SCOPES = st.builds(
    Scope,
    st.sampled_from(["device", "link", "cable", "circuit", "site"]),
    st.sampled_from(["A", "CA", "SELF", "K", "K2", "C", "X", "S", "S2", "GHOST", ""]),
)
WHEN = st.integers(-100, 4000).map(at)
HOSTILE_FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        Observation,
        WHEN,
        NAMES,
        COMPONENTS,
        st.sampled_from(Condition),
        st.sampled_from(State),
        st.sampled_from(Source),
        st.none() | st.integers(-(10**15), 10**15),
    ),
    st.builds(Complaint, WHEN, CIRCUITS),
    st.builds(
        Maintenance,
        WHEN,
        st.sampled_from(["M1", "M2"]),
        WHEN,
        WHEN,
        st.integers(1, 5000).map(lambda s: at(0) + s * SECOND),
        st.lists(SCOPES, max_size=3).map(tuple),
        st.booleans(),
    ).map(lambda w: replace(w, end=max(w.end, w.start + 1))),
    st.builds(
        Work,
        WHEN,
        st.lists(CIRCUITS, min_size=1, max_size=3).map(tuple),
        st.sampled_from(Action),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "site_access", "spare_parts", "reroute", "odd"]),
        st.none() | WHEN,
        st.sampled_from(["", "x", "y"]),
    ),
    st.builds(
        LedgerChange,
        WHEN,
        CIRCUITS,
        st.sampled_from([(), (("assurance", "AAA"),), (("customer", "NOBODY"), ("product", "ipshop"))]),
    ),
    st.builds(Vantage, WHEN, NAMES),
    st.builds(Tick, WHEN),
)


@given(st.lists(HOSTILE_FACTS, max_size=40), st.integers(1, 40), st.booleans())
def test_nothing_well_formed_stops_the_engine(facts: list[Fact], size: int, restart: bool) -> None:
    run = Engine(HOSTILE, RULES, ZONE)
    for n in range(0, len(facts), size):
        batch = facts[n : n + size]
        run.decide(batch, max(f.at for f in batch))
        if restart:
            run = Engine.thaw(run.freeze(), HOSTILE, RULES, ZONE)
        assert lines(told(run)) is not None
    run.decide([], at(20_000))
    run.conclude()
    for row in told(run):
        if row["type"] == "outage":
            assert 0 <= row["net_seconds"] <= row["gross_seconds"]
            assert row["planned_seconds"] <= row["gross_seconds"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version":1}', "null"])
def test_what_is_no_frozen_engine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Engine.thaw(text, LEDGER, RULES, ZONE)


def test_an_engine_frozen_by_another_version_is_refused() -> None:
    text = engine().freeze().replace(f'{{"version":{VERSION}', '{"version":999', 1)
    with pytest.raises(ValueError, match="999"):
        Engine.thaw(text, LEDGER, RULES, ZONE)


@pytest.mark.parametrize("gone", [{"C1", "V1"}, {"C1", "V1", "C2", "C3", "C4"}])
@pytest.mark.parametrize("lost", ["down", "exposed", "complained"])
def test_a_circuit_that_leaves_the_ledger_takes_nothing_with_it(gone: set[str], lost: str) -> None:
    facts: list[Fact] = {
        "down": [*silent(0, "CPE-1")],
        "exposed": [*dark(0, "CORE-1 GE0/0/1")],
        "complained": [Complaint(at(0), "C1")],
    }[lost]
    run = night(facts, 200)
    before = {row["circuit"]: row["limit_minutes"] for row in rows(run, "outage")}
    ledger = run.ledger
    smaller = replace(ledger, circuits={c: v for c, v in ledger.circuits.items() if c not in gone})
    again = Engine.thaw(run.freeze(), smaller, RULES, ZONE)
    run.reload(smaller, RULES, at(300))
    for engine_ in (run, again):
        engine_.decide([*back(400, "CPE-1"), *lit(400, "CORE-1 GE0/0/1")], at(3000))
        for row in rows(engine_, "outage"):
            assert row["limit_minutes"] == before[row["circuit"]]
            assert row["restored"] is not None or row["circuit"] not in gone
        assert not any(getattr(row, "circuit", "") in gone for row in engine_.rows() if isinstance(row, CircuitState))
