"""Whose turn it is: thousands of entries in one wheel, and the tasks that they start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.wire.schedule import TICK, Schedule, by_turns, following, phase


@asynccontextmanager
async def running(schedule: Schedule[Any], due: Callable[[float, Any], None]) -> AsyncIterator[None]:
    task = asyncio.create_task(schedule.run(due))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_entries_fall_due_in_their_order_and_never_before_their_time(until: Any) -> None:
    loop, schedule = asyncio.get_running_loop(), Schedule[int]()
    found: list[tuple[int, float]] = []

    def due(when: float, entry: int) -> None:
        found.append((entry, loop.time() - when))

    now = loop.time()
    for place in (3, 1, 2, 0):
        schedule.put(now + place * 3 * TICK, place)
    assert len(schedule) == 4
    async with running(schedule, due):
        await until(lambda: len(found) == 4)
    assert [entry for entry, _ in found] == [0, 1, 2, 3]
    assert all(late >= 0 for _, late in found)
    assert len(schedule) == 0


async def test_what_is_put_in_later_and_is_due_sooner_is_not_overslept(until: Any) -> None:
    schedule, found = Schedule[str](), list[str]()
    schedule.put(asyncio.get_running_loop().time() + 3600, "in an hour")
    async with running(schedule, lambda _, entry: found.append(entry)):
        await asyncio.sleep(0)  # it sleeps until then
        schedule.put(asyncio.get_running_loop().time(), "now")
        await until(lambda: found)
    assert found == ["now"]


async def test_what_falls_due_while_others_do_waits_for_its_own_turn(until: Any) -> None:
    """A turn that puts its next one into the schedule never keeps the others from theirs."""
    loop, schedule = asyncio.get_running_loop(), Schedule[str]()
    counts = {"often": 0, "once": 0}

    def due(_: float, entry: str) -> None:
        counts[entry] += 1
        if entry == "often":
            schedule.put(loop.time(), "often")

    schedule.put(loop.time(), "often")
    schedule.put(loop.time() + 5 * TICK, "once")
    async with running(schedule, due):
        await until(lambda: counts["once"])
    assert 0 < counts["often"] < 100


async def test_after_a_standstill_others_have_a_turn_between_those_that_are_all_due() -> None:
    loop, schedule = asyncio.get_running_loop(), Schedule[int]()
    seen: list[int] = []
    between: list[int] = []
    now = loop.time()
    for place in range(50):
        schedule.put(now - (50 - place) * TICK, place)

    async def other() -> None:
        while len(seen) < 50:
            between.append(len(seen))
            await asyncio.sleep(0)

    async with running(schedule, lambda _, entry: seen.append(entry)):
        await other()
    assert seen == list(range(50))
    assert len(set(between)) > 25


async def test_tasks_that_were_started_end_with_the_schedule(until: Any) -> None:
    schedule, ended = Schedule[str](), list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    schedule.put(0.0, "start")
    async with running(schedule, lambda *_: schedule.start(work())):
        await until(lambda: schedule.running)
        await asyncio.sleep(0)
    assert ended == ["work"]
    assert schedule.running == 0


async def test_what_raises_while_something_falls_due_ends_the_run() -> None:
    schedule = Schedule[str]()
    schedule.put(0.0, "entry")

    def due(*_: object) -> None:
        raise LookupError("a mistake of ours")

    with pytest.raises(LookupError):
        await schedule.run(due)


@given(st.floats(0, 1e6), st.floats(0.1, 1e4), st.floats(-1, 1e5))
def test_the_next_turn_keeps_its_phase_and_lies_ahead(due: float, interval: float, late: float) -> None:
    then = following(due, interval, due + late)
    turns = (then - due) / interval
    assert turns == pytest.approx(round(turns), abs=1e-6)
    assert then >= due + max(late, interval) - 1e-6
    assert then <= due + max(late, 0.0) + interval + 1e-6


def test_turns_of_many_devices_are_spread_evenly() -> None:
    tenths = [int(phase(f"R-{n}") * 10) for n in range(10_000)]
    assert all(800 < tenths.count(tenth) < 1200 for tenth in range(10))


async def test_whoever_goes_through_many_things_lets_others_have_their_turns() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert [item async for item in by_turns(range(1000), 100)] == list(range(1000))
    task.cancel()
    assert turns >= 10
