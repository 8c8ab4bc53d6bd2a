"""Our own blindness, and what happens soon after it, meanwhile and at its edges.

What was silent because we could not see is nobody's fault and starts nobody's clock, whatever else its device says or
suffers before the blindness is a closed case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from core_metro import T0, at, back, dark, engine, lit, metro, night, rows, say, shifted, silent, told

from netwatch.core.engine import Engine
from netwatch.core.model import Fact, RootKind
from netwatch.core.time import SECOND, parse

AGG = ["AGG-1", "AGG-2", "AGG-3"]
REST = ["ACC-1", "ACC-2", "OLT-1", *(f"CPE-{n}" for n in range(1, 5))]
ALL = ["CORE-1", *AGG, *REST]
LASTS = 300
"""Seconds of blindness in most nights, from 0 on."""


def blind(start: float = 0, end: float = LASTS, but: Iterable[str] = ()) -> list[Fact]:
    """All fall silent within six seconds and answer within twelve; `but` these, which stay silent."""
    gone: list[Fact] = [f for n, d in enumerate(ALL) for f in silent(start + n * 0.5, d)]
    kept = set(but)
    return gone + [f for n, d in enumerate(d for d in ALL if d not in kept) for f in back(end + n, d)]


def polls(devices: Iterable[str], start: float, end: float, every: float = 60) -> list[Fact]:
    devices = list(devices)
    count = max(0, int((end - start + every - 1) // every))
    return [f for n in range(count) for f in silent(start + n * every, *devices)]


def unseen(run: Engine, circuit: str) -> list[tuple[float | None, float | None]]:
    return [(seconds(u["started"]), seconds(u["ended"])) for u in rows(run, "unknown") if u["circuit"] == circuit]


def faults(run: Engine) -> list[str]:
    return [f"{row['root']['kind']} {row['root']['id']}".strip() for row in rows(run, "fault")]


def seconds(text: str | None) -> float | None:
    return None if text is None else (parse(text) - T0) / SECOND


def outages(run: Engine) -> dict[str, tuple[float | None, float | None]]:
    """Circuit → start and end, in seconds of the night."""
    found = [(o["circuit"], (seconds(o["started"]), seconds(o["restored"]))) for o in rows(run, "outage")]
    assert len(dict(found)) == len(found), found
    return dict(found)


def lived(facts: Iterable[Fact], until: float, unseen: Iterable[tuple[float, float]] = ((0, LASTS),)) -> Engine:
    """A night in which nothing but our blindness ever seemed to begin while we could not see, and in which no order was
    opened and taken back."""
    run = engine()
    blind = [(at(start), at(end)) for start, end in unseen]
    heard = sorted(facts, key=lambda f: f.at)
    for moment in sorted({*(at(s) for s in range(0, int(until) + 1, 60)), *(f.at for f in heard), at(until)}):
        run.decide([f for f in heard if f.at == moment], moment)
        begun = [o.started for o in run.book.outages.values()]
        begun += [f.opened for f in run.book.faults.values() if f.root.kind is not RootKind.MANAGEMENT]
        assert not any(start <= b < end for b in begun for start, end in blind), ((moment - T0) / SECOND, told(run))
    assert {t.merged_into for t in run.book.tickets.values()} <= {None}
    return run


# ---------------------------------------------------------------- soon after

SOON = [10, 40, 200, 599, 601]
"""Seconds after we see again at which something breaks: within the grace, the debounce, the stability, and later."""

BREAKS: dict[str, tuple[Callable[[float], list[Fact]], Callable[[float], list[Fact]], str, set[str]]] = {
    # what is heard of it, what is heard of its end, its root, the circuits that it takes
    "a drop": (
        lambda s: [*dark(s, "ACC-1 GE0/1/1"), *polls(["CPE-1"], s + 2, 2500)],
        lambda s: [*lit(s, "ACC-1 GE0/1/1"), *back(s + 3, "CPE-1")],
        "cable KL1",
        {"C1", "V1"},
    ),
    "a drop whose silence is told first": (
        lambda s: [*polls(["CPE-1"], s, 2500), *dark(s + 20, "ACC-1 GE0/1/1")],
        lambda s: [*lit(s, "ACC-1 GE0/1/1"), *back(s + 3, "CPE-1")],
        "cable KL1",
        {"C1", "V1"},
    ),
    "a tail with all behind it": (
        lambda s: [*dark(s, "AGG-1 GE1/0/1"), *polls(["ACC-1", "CPE-1", "CPE-2"], s + 9, 2500)],
        lambda s: [*lit(s, "AGG-1 GE1/0/1"), *back(s + 3, "ACC-1", "CPE-1", "CPE-2")],
        "cable KT1",
        {"C1", "C2", "V1"},
    ),
    "a device with two neighbours": (
        lambda s: [
            *dark(s, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
            *polls(["AGG-2", "ACC-2", "CPE-3", "CPE-4"], s + 5, 2500),
        ],
        lambda s: [
            *lit(s, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
            *back(s + 3, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        ],
        "device AGG-2",
        {"C3", "C4", "P9"},
    ),
    "a box that says that its power is going": (
        lambda s: [say(s, "CPE-2", "dying_gasp"), *polls(["CPE-2"], s + 5, 2500), *dark(s + 1, "ACC-1 GE0/1/2")],
        lambda s: [*lit(s, "ACC-1 GE0/1/2"), say(s, "CPE-2", "dying_gasp", "ok"), *back(s, "CPE-2")],
        "premises CPE-2",
        {"C2"},
    ),
    "a feeder": (
        lambda s: [say(s, f"OLT-1 gpon-0/0/1/ONU-{n}", "onu") for n in range(1, 5)],
        lambda s: [say(s, f"OLT-1 gpon-0/0/1/ONU-{n}", "onu", "ok") for n in range(1, 5)],
        "cable FEEDER",
        {"C5", "C6", "C7", "C8"},
    ),
    "a room without power": (
        lambda s: [
            say(s, "ACC-2", "mains"),
            *dark(s + 5, "AGG-2 GE1/0/1"),
            *polls(["ACC-2", "CPE-3", "CPE-4"], s + 6, 2500),
        ],
        lambda s: [say(s, "ACC-2", "mains", "ok"), *lit(s, "AGG-2 GE1/0/1"), *back(s, "ACC-2", "CPE-3", "CPE-4")],
        "power S-ACC-2",
        {"C3", "C4"},
    ),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("gap", SOON)
def test_what_breaks_after_our_blindness_is_what_it_would_be_without(name: str, gap: int) -> None:
    broken, mended, root, circuits = BREAKS[name]
    cut, healed = LASTS + 12 + gap, 1500
    facts = [f for f in broken(cut) if f.at < at(healed)]
    run = lived([*blind(), *facts, *mended(healed)], 2300)
    alone = night([*facts, *mended(healed)], 2300)
    assert faults(run) == ["management", root]
    assert outages(run) == outages(alone)
    assert set(outages(run)) == circuits
    assert len(rows(run, "ticket")) == 1


@pytest.mark.parametrize("gap", [31, 40, 90, 200, 599])
def test_a_box_that_falls_silent_after_our_blindness_is_out_from_then_on(gap: int) -> None:
    start = LASTS + 12 + gap
    run = lived([*blind(), *polls(["CPE-2"], start, 2400), *back(2400, "CPE-2")], 3200)
    assert faults(run) == ["management", "premises CPE-2"]
    assert outages(run) == {"C2": (start, 2400)}


# ---------------------------------------------------------------- meanwhile


def test_a_cut_while_we_were_blind_starts_the_clock_when_we_first_hear_of_it() -> None:
    facts = blind(but=["CPE-1"])
    facts += [say(LASTS + 14, "ACC-1 GE0/1/1", "link", "bad", "poll"), *polls(["CPE-1"], LASTS + 12, 2000)]
    run = lived([*facts, *lit(2000, "ACC-1 GE0/1/1"), *back(2003, "CPE-1")], 3000)
    assert faults(run) == ["management", "cable KL1"]
    assert outages(run) == {"C1": (LASTS + 14, 2000), "V1": (LASTS + 14, 2000)}


def test_a_box_that_died_while_we_were_blind_is_out_from_its_first_silence_that_is_its_own() -> None:
    run = lived([*blind(but=["CPE-2"]), *polls(["CPE-2"], LASTS + 5, 2000, every=20), *back(2000, "CPE-2")], 3000)
    assert faults(run) == ["management", "premises CPE-2"]
    ((started, restored),) = outages(run).values()
    assert started is not None
    assert LASTS + 30 <= started <= LASTS + 60  # until the grace is over a straggler tells of before
    assert restored == 2000


@pytest.mark.parametrize("stay", [["CPE-1", "CPE-2", "CPE-3"], REST, [*AGG, *REST], ["ACC-1", "CPE-1", "CPE-2"]])
def test_of_a_partial_return_nobody_is_out_for_the_time_in_which_we_saw_nothing(stay: list[str]) -> None:
    """The others answer five minutes later; asked meanwhile they were still silent."""
    again = LASTS + 300
    facts = [*blind(but=stay), *polls(stay, LASTS + 20, again), *back(again, *stay)]
    run = lived(facts, 3000)
    began = [start for start, _ in outages(run).values()]
    assert all(start is not None and start >= LASTS for start in began)
    assert len(rows(run, "ticket")) <= len(stay)


def test_of_a_partial_return_of_a_few_the_rest_is_still_our_blindness() -> None:
    """One device answers; more than four in five do not."""
    stay = [*AGG, *REST]
    again = LASTS + 300
    run = lived([*blind(but=stay), *polls(stay, LASTS + 20, again), *back(again, *stay)], 3000)
    assert (faults(run), outages(run), rows(run, "ticket")) == (["management"], {}, [])


def test_who_was_silent_before_our_blindness_stays_out_through_it() -> None:
    facts: list[Fact] = [*polls(["CPE-2"], -900, 0), *blind(but=["CPE-2"]), *polls(["CPE-2"], LASTS + 20, 900)]
    run = night(shifted([*facts, *back(900, "CPE-2")], 1000), 4000)
    assert sorted(faults(run)) == ["management", "premises CPE-2"]
    assert outages(run) == {"C2": (100, 1900)}


# ---------------------------------------------------------------- again and again


@pytest.mark.parametrize("gap", [20, 60, 200, 500, 700, 2000])
def test_twice_blind_is_nobodys_fault_either(gap: int) -> None:
    second = LASTS + 12 + gap
    spans = [(0, LASTS), (second, second + LASTS)]
    run = lived([*blind(), *blind(second, second + LASTS)], second + LASTS + 1500, spans)
    assert set(faults(run)) == {"management"}
    assert (outages(run), rows(run, "ticket")) == ({}, [])
    assert unseen(run, "C1") == spans


@pytest.mark.parametrize("gap", [40, 200, 500])
def test_a_cut_between_two_blindnesses_is_out_through_the_second(gap: int) -> None:
    cut = LASTS + 40
    second = LASTS + 40 + gap
    facts = [*dark(cut, "ACC-1 GE0/1/1"), *polls(["CPE-1"], cut + 2, second)]
    facts += [*blind(), *blind(second, second + LASTS, but=["CPE-1"]), *polls(["CPE-1"], second + LASTS, 2500)]
    run = lived([*facts, *lit(2500, "ACC-1 GE0/1/1"), *back(2503, "CPE-1")], 3500, [(0, LASTS)])
    assert faults(run)[-1] == "cable KL1"
    assert set(faults(run)) == {"management", "cable KL1"}
    assert outages(run) == {"C1": (cut, 2500), "V1": (cut, 2500)}


def test_a_poller_that_hangs_every_few_minutes_sends_nobody() -> None:
    facts: list[Fact] = [f for n in range(8) for f in blind(n * 400, n * 400 + 150)]
    run = lived(facts, 4500, [(n * 400.0, n * 400.0 + 150) for n in range(8)])
    assert (set(faults(run)), outages(run), rows(run, "ticket")) == ({"management"}, {}, [])


# ---------------------------------------------------------------- a poller that hangs while traps still come


def test_a_poller_that_hangs_tells_all_at_once_and_its_last_stale_word_comes_after_the_answers() -> None:
    facts: list[Fact] = [*silent(0, *ALL), *back(LASTS, *ALL), *silent(LASTS + 1, *REST), *back(LASTS + 60, *REST)]
    run = lived(facts, 2000)
    assert (faults(run), outages(run)) == (["management"], {})


def test_a_cut_that_a_trap_tells_of_while_the_poller_hangs_counts_from_the_trap_on() -> None:
    cut = 120
    facts: list[Fact] = [*silent(0, *ALL), *polls(ALL, 60, LASTS), *dark(cut, "ACC-1 GE0/1/1")]
    facts += [*back(LASTS, *(d for d in ALL if d != "CPE-1")), *polls(["CPE-1"], LASTS, 2000)]
    run = lived([*facts, *lit(2000, "ACC-1 GE0/1/1"), *back(2003, "CPE-1")], 3000, [(0, cut), (cut + 1, LASTS)])
    assert sorted(faults(run)) == ["cable KL1", "management"]
    assert outages(run) == {"C1": (cut, 2000), "V1": (cut, 2000)}


def test_a_last_gasp_that_a_trap_tells_of_while_the_poller_hangs_counts_from_the_trap_on() -> None:
    facts: list[Fact] = [*silent(0, *ALL), say(120, "CPE-2", "dying_gasp")]
    facts += [*back(LASTS, *(d for d in ALL if d != "CPE-2")), *polls(["CPE-2"], LASTS + 60, 2000)]
    run = lived([*facts, say(2000, "CPE-2", "dying_gasp", "ok"), *back(2000, "CPE-2")], 3000, [(0, 120)])
    assert sorted(faults(run)) == ["management", "premises CPE-2"]
    assert outages(run) == {"C2": (120, 2000)}


# ---------------------------------------------------------------- its edges


@pytest.mark.parametrize("hidden", [["ACC-1", "CPE-1", "CPE-2"], ["ACC-2", "CPE-3", "CPE-4"]])
def test_who_is_hidden_behind_a_cut_already_is_not_missed_among_those_who_fall_silent(hidden: list[str]) -> None:
    end = {"ACC-1": "AGG-1 GE1/0/1", "ACC-2": "AGG-2 GE1/0/1"}[hidden[0]]
    others = [d for d in (*AGG, *REST) if d not in hidden]
    facts: list[Fact] = [*dark(0, end), *silent(9, *hidden)]
    facts += [f for n, d in enumerate(others) for f in silent(600 + 5 * n, d)]
    facts += [f for n, d in enumerate(others) for f in back(1800 + 5 * n, d)]
    facts += [f for t in range(1860, 2400, 60) for f in silent(t, *hidden)]
    run = night(facts, 2400)
    assert sorted(row["root"]["kind"] for row in rows(run, "fault")) == ["cable", "management"]
    assert {row["started"][11:19] for row in rows(run, "outage")} == {"02:00:00"}
    assert len(rows(run, "ticket")) == 1
    lost = {row["circuit"] for row in rows(run, "outage")}
    assert lost.isdisjoint(row["circuit"] for row in rows(run, "unknown"))


def test_the_few_that_a_large_cut_leaves_may_well_fail_together_by_themselves() -> None:
    hidden = ["AGG-1", "AGG-2", "ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4"]
    cuts = [*dark(0, "CORE-1 GE0/0/1"), *dark(0, "AGG-3 GE0/0/1"), *silent(9, *hidden)]
    run = night([*cuts, *silent(600, "AGG-3", "OLT-1")], 1500)
    assert "management" not in {row["root"]["kind"] for row in rows(run, "fault")}


def test_who_fell_silent_a_minute_before_all_others_is_out_and_stays_so() -> None:
    """It counted before anything else fell silent: its clock runs on."""
    run = night(shifted([*silent(0, "CPE-2"), *blind(70, 400, but=["CPE-2"]), *back(2000, "CPE-2")], 100), 3200)
    assert sorted(faults(run)) == ["management", "premises CPE-2"]
    assert outages(run) == {"C2": (100, 2100)}
    assert unseen(run, "C1") == [(170, 500)]
    assert unseen(run, "C2") == []


def test_a_device_that_blinks_while_the_others_fall_silent_does_not_end_our_blindness() -> None:
    fall: list[Fact] = [*silent(0, "CPE-1"), *back(3, "CPE-1"), *silent(12, "CPE-1")]
    fall += [f for n, d in enumerate(ALL) for f in silent(n * 5, d) if d != "CPE-1"]
    run = lived([*fall, *back(LASTS, *ALL)], 2000)
    assert (faults(run), outages(run)) == (["management"], {})
    assert unseen(run, "C1") == [(0, LASTS)]


@pytest.mark.parametrize("lasts", [5, 20, 45])
def test_blindness_too_short_to_count_counts_for_nobody_else_either(lasts: int) -> None:
    """Fifty seconds of a box's own silence afterwards do not make up a minute with it."""
    cut = lasts + 100
    run = lived([*blind(0, lasts), *silent(cut, "CPE-2"), *back(cut + 50, "CPE-2")], 2000, [(0, lasts)])
    assert (faults(run), outages(run), rows(run, "ticket")) == ([], {}, [])


def test_the_orders_in_which_devices_come_back_make_no_difference() -> None:
    accounts = set()
    for turn in range(0, len(ALL), 3):
        order = [*ALL[turn:], *ALL[:turn]]
        gone: list[Fact] = [f for n, d in enumerate(ALL) for f in silent(n * 0.5, d)]
        facts = gone + [f for n, d in enumerate(order) for f in back(LASTS + n, d)]
        run = lived([*facts, *BREAKS["a device with two neighbours"][0](LASTS + 45)], 2000)
        accounts.add(str([row for row in told(run) if row["type"] != "unknown"]))
    assert len(accounts) == 1


def test_a_restart_while_we_cannot_see_or_right_after_changes_nothing() -> None:
    facts = sorted([*blind(), *BREAKS["a drop"][0](LASTS + 40)], key=lambda f: f.at)
    plain = told(lived(facts, 2000))
    for stop in (at(100), at(LASTS + 1), at(LASTS + 20), at(LASTS + 50)):
        run = engine()
        run.decide([f for f in facts if f.at <= stop], stop)
        run = Engine.thaw(run.freeze(), run.ledger, run.rules, run.zone)
        for fact in (f for f in facts if f.at > stop):
            run.decide([fact], fact.at)
        run.decide([], at(2000))
        assert told(run) == plain


def test_when_nobody_is_heard_any_more_it_is_we_who_cannot_see_whatever_cut_off_the_others() -> None:
    b = metro()
    del b.links["R3"]  # a chain now: all hang on the first link
    facts = [
        *dark(0, "CORE-1 GE0/0/1"),
        *polls([*AGG, *REST], 10, 1500),
        *polls(["CORE-1"], 95, 900),
        *back(900, "CORE-1"),
        *lit(1500, "CORE-1 GE0/0/1"),
        *back(1505, *AGG, *REST),
    ]
    run = night(facts, 3600, b.ledger())
    assert faults(run) == ["cable K0", "management"]
