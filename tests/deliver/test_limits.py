"""Back-off, bucket and breaker: pure, so held to what they promise for any course of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.time import SECOND
from netwatch.deliver.limits import Breaker, Bucket, back_off


@given(st.integers(0, 1000), st.text())
def test_back_off_doubles_from_five_seconds_to_five_minutes_less_at_most_a_quarter(attempts: int, key: str) -> None:
    full = min(300, 5 * 2 ** max(0, min(attempts, 20) - 1)) * SECOND
    assert full * 3 // 4 <= back_off(attempts, key) <= full
    assert back_off(attempts, key) == back_off(attempts, key)


def test_sends_that_failed_together_do_not_come_back_together() -> None:
    assert len({back_off(3, f"T{n}") for n in range(100)}) == 100


@given(st.lists(st.tuples(st.floats(-5, 100), st.integers(0, 50)), max_size=60), st.floats(1, 600))
def test_a_bucket_never_lets_through_more_than_its_rate_and_one_burst(
    steps: list[tuple[float, int]], rate: float
) -> None:
    bucket, now, latest, taken = Bucket(rate), 0.0, 0.0, 0
    for gap, wanted in steps:
        now += gap  # a timer does not go back; should one, nothing must be given for it
        latest = max(latest, now)
        many = min(wanted, bucket.room(now))
        bucket.take(many)
        taken += many
        waited = sum(max(0.0, g) for g, _ in steps)
    assert taken <= bucket.size + (waited if steps else 0) * rate / 60 + 1


def test_a_bucket_says_when_there_is_room_again() -> None:
    bucket = Bucket(20)
    bucket.take(bucket.room(0.0))
    assert bucket.room(0.0) == 0
    assert bucket.room(bucket.wait()) == 1


def test_a_breaker_opens_after_five_failures_probes_once_and_closes_on_an_answer() -> None:
    breaker = Breaker()
    assert [breaker.failed(0.0) for _ in range(5)] == [False] * 4 + [True]
    assert (breaker.room(29.9), breaker.room(30.0)) == (0, 1)
    assert not breaker.failed(30.0)
    assert (breaker.room(89.9), breaker.room(90.0)) == (0, 1)
    assert breaker.answered()
    assert breaker.room(90.0) is None
    assert breaker.wait(90.0) == 0


def test_a_breaker_asks_at_least_every_five_minutes() -> None:
    breaker, now = Breaker(), 0.0
    for _ in range(30):
        breaker.failed(now)
        now += breaker.wait(now)
    assert breaker.wait(breaker.opened or 0.0) == 300


def test_failures_under_way_while_it_opened_do_not_keep_it_open_longer() -> None:
    breaker = Breaker()
    for _ in range(8):
        breaker.failed(0.0)
    assert breaker.wait(0.0) == 30
    breaker.failed(10.0)
    assert breaker.wait(10.0) == 20


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(20):
        assert not any(breaker.failed(0.0) for _ in range(4))
        assert not breaker.answered()
