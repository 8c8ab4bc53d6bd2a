"""Thinking, recovering and containing, with an engine that is small enough to foresee."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netwatch.loops
from netwatch.core.model import (
    Condition,
    Decision,
    Effect,
    Entry,
    Fact,
    Ledger,
    Observation,
    Problem,
    Source,
    State,
    Tick,
)
from netwatch.core.rules import Rules
from netwatch.core.time import MINUTE, SECOND, Instant
from netwatch.loops import Lag, Mind, Progress, Selfcheck, contain, drain, recover, renewed, think
from netwatch.wire.inbox import Inbox

ZONE = ZoneInfo("Asia/Shanghai")
RULES: Any = object()  # the small engine asks nothing of its rules


def bad(device: str, at: Instant) -> Observation:
    return Observation(at, device, "", Condition.REACHABLE, State.BAD, Source.PING)


class SmallEngine:
    """Remembers in order what it heard, and tells of each device one minute after it first heard of it."""

    def __init__(self, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> None:
        self.ledger = ledger
        self.heard: list[list[Any]] = []
        self.told: list[str] = []
        self.calls: list[tuple[int, Instant]] = []

    def decide(self, batch: Sequence[Fact], now: Instant) -> Decision:
        self.calls.append((len(batch), now))
        kept = []
        for fact in sorted(batch, key=lambda f: f.at):
            if isinstance(fact, Observation) and fact.device not in {device for device, _ in self.heard}:
                self.heard.append([fact.device, fact.at])
                kept.append(fact)
        effects, rows = [], []
        for device, at in self.heard:
            if device not in self.told and at + MINUTE <= now:
                self.told.append(device)
                rows.append(Problem(device, at, f"told at {now}"))
                effects.append(Effect(f"{device}:told", "noc", "noc.told", at + MINUTE, device))
        return Decision(now, tuple(kept), tuple(rows), (), tuple(effects))

    def resume(self, now: Instant) -> Decision:
        return self.decide((), now)

    def weighs(self, batch: Sequence[Fact], now: Instant) -> bool:
        return bool(batch)

    def next_due(self) -> Instant | None:
        return min((at + MINUTE for device, at in self.heard if device not in self.told), default=None)

    def reload(self, ledger: Ledger, rules: Rules, now: Instant) -> Decision:
        self.ledger = ledger
        return Decision(now, (), (), (Entry(now, "ledger.loaded", "", ""),), ())

    def freeze(self) -> str:
        return json.dumps({"version": 1, "heard": self.heard, "told": self.told})

    @classmethod
    def thaw(cls, text: str, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> SmallEngine:
        state = json.loads(text)
        if state["version"] != 1:
            raise ValueError("version 2, not 1")
        engine = cls(ledger, rules, zone)
        engine.heard, engine.told = state["heard"], state["told"]
        return engine


@dataclass
class Recalled:
    snapshot: str | None
    facts: tuple[Fact, ...]


@dataclass
class Memory:
    """What a store promises, without a disk."""

    commits: list[tuple[Decision, Sequence[str], str | None]] = field(default_factory=list)
    broken: bool = False

    async def commit(self, decision: Decision, sends: Sequence[str], snapshot: str | None = None) -> None:
        if self.broken:
            raise OSError("disk full")
        self.commits.append((decision, sends, snapshot))

    async def recall(self, *, whole: bool = False) -> Recalled:
        snapshots = [place for place, (_, _, snapshot) in enumerate(self.commits) if snapshot is not None]
        start = snapshots[-1] + 1 if snapshots and not whole else 0
        facts = tuple(fact for decision, _, _ in self.commits[start:] for fact in decision.facts)
        return Recalled(self.commits[snapshots[-1]][2] if start else None, facts)

    @property
    def sends(self) -> list[str]:
        return [send for _, sends, _ in self.commits for send in sends]


class Hand:
    """A clock moved by hand."""

    def __init__(self, now: Instant = 0) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now


def mind_of(
    store: Memory,
    clock: Callable[[], Instant],
    engine: Any = None,
    publish: Callable[[Decision, Sequence[Fact]], object] = lambda *_: None,
    **more: Any,
) -> Mind[str]:
    async def published(decision: Decision, batch: Sequence[Fact]) -> None:
        publish(decision, batch)

    engine = engine or SmallEngine(Ledger(), RULES, ZONE)
    return Mind(engine, store, lambda effect: [effect.key], published, clock, **more)


@pytest.fixture(autouse=True)
def the_small_engine_thaws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netwatch.loops, "Engine", SmallEngine)


# ---------------------------------------------------------------- thinking


async def test_a_batch_is_committed_before_anybody_is_told_of_it() -> None:
    store, order = Memory(), []
    mind = mind_of(store, Hand(5), publish=lambda d, batch: order.append(("published", len(store.commits))))
    await mind.hear([bad("R-1", 3)])
    assert order == [("published", 1)]
    assert store.commits[0][0].facts == (bad("R-1", 3), Tick(5))


class Ponderer(SmallEngine):
    """Goes on deciding until the event loop has had a turn."""

    def __init__(self) -> None:
        super().__init__(Ledger(), RULES, ZONE)
        self.turn = threading.Event()
        self.deciding = threading.Event()

    def _ponder(self) -> None:
        self.deciding.set()
        assert self.turn.wait(10), "the event loop stands still"

    def decide(self, batch: Sequence[Fact], now: Instant) -> Decision:
        self._ponder()
        return super().decide(batch, now)

    def reload(self, ledger: Ledger, rules: Rules, now: Instant) -> Decision:
        self._ponder()
        return super().reload(ledger, rules, now)


@pytest.mark.parametrize(
    "taking_long",
    [
        lambda mind: mind.hear([bad("R-1", 3)]),
        lambda mind: mind.catch_up([Problem("R-1", 3, "")]),
        lambda mind: mind.reload(Ledger(), RULES),
    ],
    ids=["decision", "start", "reload"],
)
async def test_everybody_else_goes_on_while_it_takes_long(
    taking_long: Callable[[Mind[str]], Awaitable[Decision]],
) -> None:
    store, engine = Memory(), Ponderer()
    thinking = asyncio.ensure_future(taking_long(mind_of(store, Hand(5), engine)))
    await asyncio.to_thread(engine.deciding.wait, 10)
    engine.turn.set()
    assert not (await thinking).empty
    assert len(store.commits) == 1


async def test_the_next_decision_waits_until_the_last_one_is_shown() -> None:
    shown: list[str] = []

    async def publish(decision: Decision, batch: Sequence[Fact]) -> None:
        shown.append("begun")
        for _ in range(5):
            await asyncio.sleep(0)
        shown.append("done")

    mind = Mind(SmallEngine(Ledger(), RULES, ZONE), Memory(), lambda effect: [effect.key], publish, Hand(5))
    await asyncio.gather(mind.hear([bad("R-1", 3)]), mind.hear([bad("R-2", 3)]))
    assert shown == ["begun", "done"] * 2


async def test_whoever_is_cancelled_meanwhile_waits_until_it_is_decided() -> None:
    engine = Ponderer()
    hearing = asyncio.create_task(mind_of(Memory(), Hand(5), engine).hear([bad("R-1", 3)]))
    await asyncio.to_thread(engine.deciding.wait, 10)
    hearing.cancel()
    done, _ = await asyncio.wait({hearing}, timeout=0.05)
    assert (done, engine.calls) == (set(), [])
    engine.turn.set()
    with pytest.raises(asyncio.CancelledError):
        await hearing
    assert engine.calls == [(1, 5)]


async def test_a_decision_in_which_nothing_happened_writes_nothing() -> None:
    store, told = Memory(), []
    mind = mind_of(store, Hand(5), publish=lambda *said: told.append(said))
    await mind.hear([])
    assert (store.commits, told) == ([], [])


async def test_an_error_of_the_store_ends_thinking_and_nobody_is_told() -> None:
    store, inbox, told = Memory(broken=True), Inbox(), []
    loop = asyncio.get_running_loop()
    mind = mind_of(store, Hand(5), publish=lambda *said: told.append(said))
    inbox.offer(bad("R-1", 3))
    with pytest.raises(OSError, match="disk full"):
        await think(mind, inbox, Hand(5), Progress(loop.time))
    assert told == []


async def test_time_alone_wakes_thinking_when_something_falls_due() -> None:
    store, inbox, clock = Memory(), Inbox(), Hand(0)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    start = loop.time()
    running = lambda: int((loop.time() - start) * 1000 * SECOND)  # noqa: E731 - a clock a thousand times as fast
    mind = mind_of(store, running, publish=lambda d, batch: told.set() if d.effects else None)
    task = asyncio.create_task(think(mind, inbox, running, Progress(loop.time), speed=1000))
    inbox.offer(bad("R-1", clock.now))
    async with asyncio.timeout(30):
        await told.wait()
    task.cancel()
    assert store.sends == ["R-1:told"]


async def test_a_flood_does_not_keep_other_tasks_from_their_turn() -> None:
    store, inbox = Memory(), Inbox(50_000)
    loop = asyncio.get_running_loop()
    inbox.offer(bad("R-0", 0))
    mind = mind_of(store, Hand(1))
    task = asyncio.create_task(think(mind, inbox, Hand(1), Progress(loop.time)))
    for _ in range(50):
        for n in range(2 * netwatch.loops.BATCH):
            inbox.offer(bad("R-0", n))  # more than it takes at once, each time we get our turn
        await asyncio.sleep(0)
    assert inbox.depth > 0
    task.cancel()


async def test_the_clock_may_step_back_but_decisions_do_not() -> None:
    store, clock = Memory(), Hand(100 * SECOND)
    mind = mind_of(store, clock)
    await mind.hear([bad("R-1", 99 * SECOND)])
    clock.now = 40 * SECOND
    await mind.hear([bad("R-2", 40 * SECOND)])
    clock.now = 101 * SECOND
    await mind.hear([bad("R-3", 101 * SECOND)])
    assert [decision.now for decision, _, _ in store.commits] == [100 * SECOND, 100 * SECOND, 101 * SECOND]


async def test_a_snapshot_rides_along_when_enough_was_kept() -> None:
    store = Memory()
    mind = mind_of(store, Hand(1), snapshot_facts=3)
    for n in range(7):
        await mind.hear([bad(f"R-{n}", 0)])
    assert [snapshot is not None for _, _, snapshot in store.commits] == [False, False, True, False, False, True, False]


async def test_a_snapshot_rides_along_when_the_last_one_is_old_and_something_was_kept_since() -> None:
    store, clock = Memory(), Hand(0)
    mind = mind_of(store, clock, snapshot_every=MINUTE)
    clock.now = 50 * MINUTE
    await mind.hear([])
    await mind.hear([bad("R-0", clock.now)])
    clock.now += 30 * SECOND
    await mind.hear([bad("R-1", clock.now)])
    assert [snapshot is not None for _, _, snapshot in store.commits] == [True, False]


async def test_at_the_end_what_was_accepted_is_decided_on_and_remembered() -> None:
    store, inbox = Memory(), Inbox()
    for n in range(1000):
        inbox.offer(bad(f"R-{n}", n))
    mind = mind_of(store, Hand(1000))
    await drain(mind, inbox)
    assert sum(len(d.facts) - 1 for d, _, _ in store.commits if d.facts) == 1000
    assert store.commits[-1][2] is not None


async def test_cancelling_finishes_what_was_taken() -> None:
    inbox, entered, go_on = Inbox(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Memory):
        async def commit(self, decision: Decision, sends: Sequence[str], snapshot: str | None = None) -> None:
            entered.set()
            await go_on.wait()
            await super().commit(decision, sends, snapshot)

    store = Slow()
    task = asyncio.create_task(think(mind_of(store, Hand(5)), inbox, Hand(5), Progress(loop.time)))
    inbox.offer(bad("R-1", 3))
    await entered.wait()
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [decision.facts[0] for decision, _, _ in store.commits] == [bad("R-1", 3)]


async def test_who_waits_for_an_answer_hears_also_of_a_batch_that_changed_nothing() -> None:
    heard: list[Sequence[Fact]] = []
    mind = mind_of(Memory(), Hand(5), publish=lambda decision, batch: heard.append(batch))
    await mind.hear([bad("R-1", 3)])
    await mind.hear([bad("R-1", 4)])
    assert heard == [[bad("R-1", 3)], [bad("R-1", 4)]]


async def test_what_is_recorded_is_what_was_heard_not_what_was_kept() -> None:
    store, inbox, recorded = Memory(), Inbox(), []
    loop = asyncio.get_running_loop()
    heard_all = asyncio.Event()

    def record(batch: Sequence[Fact]) -> None:
        recorded.extend(batch)
        if len(recorded) == 3:
            heard_all.set()

    mind = mind_of(store, Hand(9))
    task = asyncio.create_task(think(mind, inbox, Hand(9), Progress(loop.time), record=record))
    for at in (1, 2, 3):
        inbox.offer(bad("R-1", at))
    async with asyncio.timeout(30):
        await heard_all.wait()
    task.cancel()
    assert [fact.at for fact in recorded] == [1, 2, 3]


async def test_a_reload_and_a_decision_never_overlap() -> None:
    busy, overlaps = 0, []

    class Slow(Memory):
        async def commit(self, decision: Decision, sends: Sequence[str], snapshot: str | None = None) -> None:
            nonlocal busy
            busy += 1
            overlaps.append(busy)
            for _ in range(5):
                await asyncio.sleep(0)
            busy -= 1

    mind = mind_of(Slow(), Hand(1))
    entry = Entry(1, "self.raised", "", "")
    await asyncio.gather(
        mind.hear([bad("R-1", 0)]), mind.reload(Ledger(), RULES), mind.tell([entry], []), mind.remember()
    )
    assert overlaps == [1, 1, 1, 1]


# ---------------------------------------------------------------- recovering


async def test_recovery_goes_the_same_way_again_and_promises_nothing_twice() -> None:
    store, clock = Memory(), Hand(0)
    mind = mind_of(store, clock, snapshot_facts=2)
    for n in range(5):
        clock.now = n * 20 * SECOND
        await mind.hear([bad(f"R-{n}", clock.now)])
    before = list(store.sends)
    found = await recover(store, Ledger(), RULES, ZONE)
    assert found.engine.freeze() == mind.engine.freeze()
    assert found.last == mind.last
    again = mind_of(store, clock, found.engine, last=found.last)
    await again.catch_up(found.rows)
    assert store.sends == before


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200)), max_size=30), st.integers(1, 8), st.data())
def test_wherever_it_stops_recovery_ends_where_an_undisturbed_run_does(
    heard: list[tuple[int, int]], snapshot_facts: int, data: st.DataObject
) -> None:
    async def run(stops: set[int]) -> tuple[str, list[str]]:
        store, clock = Memory(), Hand(0)
        mind = mind_of(store, clock, snapshot_facts=snapshot_facts)
        for place, (device, seconds) in enumerate(heard):
            if place in stops:
                found = await recover(store, Ledger(), RULES, ZONE)
                mind = mind_of(store, clock, found.engine, last=found.last, snapshot_facts=snapshot_facts)
                await mind.catch_up(found.rows)
            clock.now = max(clock.now, seconds * SECOND)
            await mind.hear([bad(f"R-{device}", seconds * SECOND)])
        return mind.engine.freeze(), store.sends

    stops = data.draw(st.sets(st.integers(0, max(0, len(heard) - 1))))
    patched = pytest.MonkeyPatch()
    patched.setattr(netwatch.loops, "Engine", SmallEngine)
    try:
        assert asyncio.run(run(stops)) == asyncio.run(run(set()))
    finally:
        patched.undo()


async def test_what_fell_due_while_down_is_told_once_and_says_that_it_is_late() -> None:
    store, clock = Memory(), Hand(0)
    await mind_of(store, clock).hear([bad("R-1", 0)])
    clock.now = 120 * MINUTE
    late = []
    for _ in range(2):
        found = await recover(store, Ledger(), RULES, ZONE)
        mind = mind_of(store, clock, found.engine, last=found.last)
        late += (await mind.catch_up(found.rows)).effects
    assert [(effect.key, effect.data["late"]) for effect in late] == [("R-1:told", True)]


async def test_what_falls_due_in_time_is_not_called_late() -> None:
    store, clock = Memory(), Hand(0)
    mind = mind_of(store, clock)
    await mind.hear([bad("R-1", 0)])
    clock.now = MINUTE + 5 * SECOND
    decision = await mind.catch_up()
    assert ["late" in effect.data for effect in decision.effects] == [False]


@pytest.mark.parametrize(
    ("written", "read"), [('"version": 1', '"version": 2'), ('"heard"', '"hrd"'), ("{", ""), ("\n", " ")]
)
async def test_a_snapshot_that_cannot_be_used_is_replaced_by_all_facts_kept(
    written: str, read: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, clock = Memory(), Hand(0)
    mind = mind_of(store, clock)
    for n in range(4):
        clock.now = n * 50 * SECOND
        await mind.hear([bad(f"R-{n}", clock.now)])
    await mind.remember()
    decision, sends, snapshot = store.commits[-1]
    store.commits[-1] = (decision, sends, str(snapshot).replace(written, read))
    found = await recover(store, Ledger(), RULES, ZONE)
    assert found.engine.freeze() == mind.engine.freeze()
    assert "the snapshot cannot be used" in caplog.text


async def test_the_rows_met_on_the_way_are_written_again() -> None:
    store, clock = Memory(), Hand(0)
    mind = mind_of(store, clock)
    await mind.hear([bad("R-1", 0)])
    clock.now = 2 * MINUTE
    await mind.hear([])
    found = await recover(store, Ledger(), RULES, ZONE)
    assert [row.id for row in found.rows] == ["R-1"]
    await mind_of(store, clock, found.engine, last=found.last).catch_up(found.rows)
    assert [row.id for row in store.commits[-1][0].rows] == ["R-1"]


async def test_after_a_clock_set_back_while_down_time_goes_on_from_the_last_decision() -> None:
    store, clock = Memory(), Hand(100 * MINUTE)
    await mind_of(store, clock).remember()
    clock.now = 40 * MINUTE
    found = await recover(store, Ledger(), RULES, ZONE)
    mind = mind_of(store, clock, found.engine, last=found.last)
    assert (await mind.catch_up()).now == 100 * MINUTE


# ---------------------------------------------------------------- containing


class Work:
    """Fails as often as told, then lasts until it is let go."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.starts = 0
        self.lasting = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self) -> None:
        self.starts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.lasting.set()
        await self.let_go.wait()


async def test_the_same_failure_is_logged_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    work, counted = Work(*[OSError("no route")] * 4), []
    task = asyncio.create_task(
        contain("traps", work, on_failure=counted.append, first_pause=0.001, longest_pause=0.002)
    )
    async with asyncio.timeout(30):
        await work.lasting.wait()
    work.let_go.set()
    await task
    assert counted == ["traps"] * 4
    assert [r.getMessage() for r in caplog.records] == ["traps failed and is started again"]


async def test_recovery_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    work = Work(OSError("no route"))
    task = asyncio.create_task(contain("traps", work, first_pause=0.001, steady_after=0.01))
    async with asyncio.timeout(30):
        while "traps works again" not in caplog.text:  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.001)
    work.let_go.set()
    await task
    assert caplog.text.count("works again") == 1


async def test_another_error_is_another_line(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(OSError("no route"), ValueError("odd"), ValueError("odd"))
    task = asyncio.create_task(contain("traps", work, first_pause=0.001))
    async with asyncio.timeout(30):
        await work.lasting.wait()
    work.let_go.set()
    await task
    assert caplog.text.count("is started again") == 2


async def test_what_is_fatal_is_not_contained() -> None:
    work = Work(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await contain("courier", work, fatal=(ZeroDivisionError,))


async def test_what_is_fatal_is_found_in_a_group_of_groups_too() -> None:
    work = Work(ExceptionGroup("lanes", [OSError(), ExceptionGroup("lane", [ZeroDivisionError()])]))
    with pytest.raises(ExceptionGroup):
        await contain("courier", work, fatal=(ZeroDivisionError,))


async def test_cancelling_reaches_the_work_before_contain_ends() -> None:
    ended = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    task = asyncio.create_task(contain("web", work))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_work_begins_anew_when_what_it_rests_on_has_changed() -> None:
    changed, began, ended = asyncio.Event(), asyncio.Queue[int](), []
    current = 1

    async def work() -> None:
        mine = current
        began.put_nowait(mine)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(mine)

    task = asyncio.create_task(renewed(work, changed))
    async with asyncio.timeout(30):
        assert await began.get() == 1
        current = 2
        changed.set()
        assert await began.get() == 2
    assert ended == [1]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1, 2]


# ---------------------------------------------------------------- ourselves


def test_a_loop_that_does_not_move_is_named_with_what_it_was_doing() -> None:
    now = 0.0
    progress = Progress(lambda: now)
    progress.mark("think", "commit")
    progress.mark("poll")
    now = 20.0
    progress.mark("poll")
    assert progress.stuck(15) == {"think": "commit"}
    assert progress.stuck(25) == {}


async def test_trouble_of_our_own_is_told_once_when_it_comes_and_once_when_it_stays_away() -> None:
    said: list[tuple[Instant, str]] = []

    async def tell(entries: Sequence[Entry], effects: Sequence[Effect]) -> None:
        said.extend((entry.at // MINUTE, entry.kind) for entry in entries)

    clock = Hand(0)
    check = Selfcheck(tell, clock, quiet=5 * MINUTE)
    for minute in range(20):
        clock.now = minute * MINUTE
        await check.found({"inbox": "the inbox is full"} if minute in (2, 3, 6) else {})
    assert said == [(2, "self.raised"), (11, "self.cleared")]


async def test_each_time_trouble_comes_back_its_messages_have_keys_of_their_own() -> None:
    keys: list[str] = []

    async def tell(entries: Sequence[Entry], effects: Sequence[Effect]) -> None:
        keys.extend(effect.key for effect in effects)

    clock = Hand(0)
    check = Selfcheck(tell, clock, quiet=MINUTE)
    for minute in range(6):
        clock.now = minute * MINUTE
        await check.found({"lag": "slow"} if minute in (0, 3) else {})
    assert len(keys) == len(set(keys)) == 4


async def test_a_blocked_event_loop_shows_as_lag() -> None:
    lag = Lag(every=0.01)
    task = asyncio.create_task(lag.measure())
    await asyncio.sleep(0.03)
    time.sleep(0.2)  # noqa: ASYNC251 - the fault that it is there to find
    async with asyncio.timeout(30):
        while lag.worst < 0.1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
