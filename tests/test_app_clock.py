"""The one clock, against a machine whose clocks do what they like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netwatch.app import Clock
from netwatch.core.time import HOUR, MINUTE, SECOND

START = 1_800_000_000 * SECOND


class Machine:
    """A wall clock and a monotonic one, moved by hand. In microseconds, as instants are."""

    def __init__(self) -> None:
        self.wall, self.monotonic = START, 5 * HOUR

    def passes(self, span: int) -> None:
        self.wall += span
        self.monotonic += span

    def clock(self, not_before: int = 0) -> Clock:
        return Clock(not_before, wall=lambda: self.wall * 1000, monotonic=lambda: self.monotonic * 1000)


def test_it_is_the_wall_clock_when_nobody_meddles() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.passes(7 * SECOND)
        assert clock() == machine.wall


def test_a_jump_forward_is_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += HOUR
    assert clock() == START + HOUR


def test_after_a_step_back_time_goes_on_a_little_slower_until_the_wall_has_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= HOUR
    assert clock() == START
    machine.passes(16 * MINUTE)
    assert clock() == START + 15 * MINUTE
    assert clock.ahead == 59 * 60
    machine.passes(16 * HOUR)
    assert clock() == machine.wall
    assert clock.ahead == 0


def test_it_starts_where_the_former_life_ended() -> None:
    machine = Machine()
    clock = machine.clock(not_before=START + HOUR)
    assert clock() == START + HOUR
    machine.passes(16 * SECOND)
    assert clock() == START + HOUR + 15 * SECOND


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(-2 * HOUR, 2 * HOUR)), max_size=40))
def test_it_never_goes_backwards_nor_stands_still_nor_runs_behind_the_wall(steps: list[tuple[int, int]]) -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock()
    for passed, meddling in steps:
        machine.passes(passed)
        machine.wall += meddling
        now = clock()
        assert now >= before + passed * 15 // 16 - 1
        assert now >= machine.wall
        before = now
