"""Deadlines without a timer each, and a loop that stands still."""

from __future__ import annotations

import asyncio

from netwatch.wire.sweep import Sweep


async def test_what_is_not_settled_in_time_is_late_once() -> None:
    late: list[int] = []
    done = asyncio.Event()

    def hear(key: int) -> None:
        late.append(key)
        if len(late) == 3:
            done.set()

    sweep = Sweep(hear, tick=0.005)
    for key, seconds in ((1, 0.03), (2, 0.01), (3, 0.03)):
        sweep.add(key, seconds)
    await asyncio.wait_for(done.wait(), 10)
    sweep.close()
    assert late == [2, 1, 3]


async def test_an_answer_that_waited_while_the_loop_stood_still_is_taken_before_anything_is_late() -> None:
    """The answer takes two rounds of the loop: the far end shares it, and had no chance to answer either."""
    loop = asyncio.get_running_loop()
    settled: set[int] = set()
    verdicts: list[tuple[int, bool]] = []
    done = asyncio.Event()

    def hear(key: int) -> None:
        verdicts.append((key, key in settled))
        done.set()

    sweep = Sweep(hear, tick=0.01)
    sweep.add(1, 0.02)
    until = loop.time() + 0.3
    while loop.time() < until:  # the loop stands still, far beyond the deadline
        pass
    loop.call_soon(loop.call_soon, settled.add, 1)
    await asyncio.wait_for(done.wait(), 10)
    sweep.close()
    assert verdicts == [(1, True)]


async def test_a_loop_that_is_always_behind_still_ends_what_nobody_answers() -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    sweep: Sweep[int] = Sweep(lambda _: done.set(), tick=0.002)

    def stall() -> None:
        until = loop.time() + 0.03
        while loop.time() < until:
            pass
        if not done.is_set():
            loop.call_soon(stall)

    sweep.add(1, 0.01)
    loop.call_soon(stall)
    await asyncio.wait_for(done.wait(), 10)
    sweep.close()
