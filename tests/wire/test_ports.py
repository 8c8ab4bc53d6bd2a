from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import Condition, State
from netwatch.wire.ports import WRAP, judge, restarted


@pytest.mark.parametrize(
    ("admin", "oper", "says"),
    [
        (1, 1, {"admin": "ok", "link": "ok"}),
        (1, 2, {"admin": "ok", "link": "bad"}),
        (2, 2, {"admin": "bad"}),
        (2, 1, {"admin": "bad"}),
        (1, 3, {"admin": "ok"}),
        (1, 4, {"admin": "ok"}),
        (1, 5, {"admin": "ok"}),
        (1, 6, {"admin": "ok"}),
        (1, 7, {"admin": "ok"}),
        (3, 3, {}),
        (None, 2, {"link": "bad"}),
        (None, None, {}),
    ],
)
def test_only_down_is_a_link_fault_and_only_an_operator_makes_admin(
    admin: int | None, oper: int | None, says: dict[str, str]
) -> None:
    assert judge(admin, oper) == {Condition(c): State(s) for c, s in says.items()}


def test_a_restart_shorter_than_the_interval_is_seen() -> None:
    assert restarted(before=8_000_000, now=2_000, elapsed=60)


def test_the_wrap_after_497_days_is_no_restart() -> None:
    assert not restarted(before=WRAP - 1_000, now=5_000, elapsed=60)


def test_a_restart_just_before_the_wrap_is_still_one() -> None:
    assert restarted(before=WRAP - 100_000_000, now=2_000, elapsed=60)


def test_a_restart_during_a_long_silence_is_seen_although_the_uptime_has_grown() -> None:
    assert restarted(before=10_000, now=300_000, elapsed=7_200)


@given(st.integers(0, WRAP - 1), st.floats(1, 86_400), st.floats(0.96, 1.05))
def test_a_clock_that_is_off_by_some_per_cent_never_restarts_anything(before: int, elapsed: float, pace: float) -> None:
    assert not restarted(before, int(before + elapsed * 100 * pace) % WRAP, elapsed)
