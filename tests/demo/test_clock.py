"""Time in the demo: faster than here, and never faster than the machine comes to its work."""

from __future__ import annotations

import asyncio
import contextlib

from netwatch.core.time import MINUTE, SECOND
from netwatch.demo.clock import DemoClock
from netwatch.demo.story import BEGINNING


class Real:
    """What the machine's clock says, nanoseconds."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def test_the_clock_runs_faster_and_says_how_long_to_wait() -> None:
    real = Real()
    clock = DemoClock(BEGINNING, 60, monotonic=real)
    real.pass_(2)
    assert clock() == BEGINNING + 2 * MINUTE
    assert clock.real_seconds(BEGINNING + 3 * MINUTE) == 1
    assert clock.real_seconds(BEGINNING) == 0


def test_of_a_second_in_which_the_loop_did_not_come_round_only_a_moment_counts() -> None:
    real = Real()
    clock = DemoClock(BEGINNING, 60, most=0.05, monotonic=real)
    real.pass_(0.04)
    clock.tick()
    real.pass_(1)
    assert clock() == BEGINNING + round(60 * 0.09 * SECOND)
    clock.tick()
    assert clock() == BEGINNING + round(60 * 0.09 * SECOND), "a tick is no leap"
    real.pass_(0.01)
    assert clock() == BEGINNING + round(60 * 0.10 * SECOND)


async def test_while_it_runs_all_of_the_time_counts() -> None:
    clock = DemoClock(BEGINNING, 1, most=0.05)
    ticking = asyncio.create_task(clock.run())
    await asyncio.sleep(0.5)
    assert (clock() - BEGINNING) / SECOND > 0.1, "more than one tick's worth has passed"
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
