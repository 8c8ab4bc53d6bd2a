"""Episodes of loss, held against a model that steps through the time second by second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from core_metro import RULES
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.intervals import FOREVER, Spans, union
from netwatch.core.outages.service import Call, Episode, episodes, next_confirmation
from netwatch.core.rules import AlarmRules

LIMITS = RULES.alarms
# The same rules with small figures, so that a stepping model can walk through all of it.
SMALL: AlarmRules = replace(LIMITS, debounce=4, debounce_window=12, stability=8)
END = 60

LOSS = st.lists(st.tuples(st.integers(0, END), st.integers(1, 12)), max_size=6).map(
    lambda pairs: union((s, min(s + n, END + 12)) for s, n in pairs)
)


def stepped(loss: Spans, rules: AlarmRules) -> list[tuple[int, int, int]]:
    """(started, ended, confirmed) of each episode, by looking at every instant on its own.

    An instant is bad when the loss covers it. Loss counts at the first instant before which `debounce` of bad ones lie
    within `debounce_window`; what counted before belongs to its own episode and counts no more. It is over at the
    first instant after which `stability` instants are good.
    """
    if not loss:
        return []
    last = loss[-1][1]
    bad = [any(s <= t < e for s, e in loss) for t in range(last)]
    good_from = 0
    found = []
    t = 0
    while t <= last:
        window = range(max(good_from, t - rules.debounce_window), t)
        if t > good_from and bad[t - 1] and sum(bad[i] for i in window) >= rules.debounce:
            inside = [(s, e) for s, e in loss if s < t and e > t - rules.debounce_window and s >= good_from]
            started, ended = min(inside)[0], t
            quiet = 0
            while ended + quiet < last and quiet < rules.stability:
                if bad[ended + quiet]:
                    ended, quiet = ended + quiet + 1, 0
                else:
                    quiet += 1
            found.append((started, ended, t))
            good_from = t = ended
        t += 1
    return found


@settings(max_examples=150)
@given(LOSS)
def test_episodes_are_what_stepping_through_the_time_finds(loss: Spans) -> None:
    assert [(e.started, e.ended, e.confirmed) for e in episodes(loss, SMALL)] == stepped(loss, SMALL)


@given(LOSS, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_repetition_of_loss_matters(loss: Spans, rng: object) -> None:
    shuffled = [*loss, *loss]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert episodes(shuffled, SMALL) == episodes(loss, SMALL)


@given(LOSS, st.lists(st.tuples(st.integers(0, END), st.integers(1, 20)), max_size=3))
def test_episodes_lie_apart_by_the_stability_window_and_ascend(loss: Spans, said: list[tuple[int, int]]) -> None:
    calls = [Call(t, t + n) for t, n in said]
    found = episodes(loss, SMALL, calls)
    for before, after in pairwise(found):
        assert after.started >= before.ended
        if not after.only_complaint and not before.only_complaint:
            assert after.started - before.ended >= SMALL.stability
    assert all(e.started <= e.confirmed <= e.ended for e in found)


@given(LOSS, st.integers(0, END))
def test_a_complaint_never_begins_an_outage_later(loss: Spans, at: int) -> None:
    called = episodes(loss, SMALL, [Call(at)])
    for plain in episodes(loss, SMALL):
        assert any(e.started <= plain.started < e.ended for e in called)
    assert any(e.complained == at for e in called)


@given(LOSS, st.integers(0, END + 12))
def test_what_goes_on_is_asked_for_again_when_it_begins_to_count(loss: Spans, now: int) -> None:
    known = [(s, FOREVER if e > now else e) for s, e in loss if s <= now]
    due = next_confirmation(episodes(known, SMALL), now)
    later = [e.confirmed for e in episodes(known, SMALL) if e.confirmed > now]
    assert due == (min(later) if later else None)


# ---------------------------------------------------------------- the figures of the contract

S = 1_000_000


def heard(*pairs: tuple[int, int]) -> list[tuple[int, int]]:
    """Episodes in seconds, by the shipped rules."""
    return [(e.started // S, e.ended // S) for e in episodes([(a * S, b * S) for a, b in pairs], LIMITS)]


def test_sixty_seconds_count_and_a_second_less_does_not() -> None:
    assert heard((0, 60)) == [(0, 60)]
    assert episodes([(0, 60 * S - 1)], LIMITS) == []


def test_what_adds_up_to_sixty_seconds_within_fifteen_minutes_began_with_the_first_loss() -> None:
    assert heard((0, 30), (400, 430)) == [(0, 430)]
    assert heard((0, 20), (400, 420), (800, 820)) == [(0, 820)]


def test_what_lies_further_back_than_fifteen_minutes_does_not_count() -> None:
    assert heard((0, 30), (871, 900)) == []
    assert heard((0, 30), (901, 931)) == []
    assert heard((0, 30), (960, 1020)) == [(960, 1020)]


def test_loss_within_ten_minutes_continues_the_outage_and_at_ten_minutes_begins_another() -> None:
    assert heard((0, 60), (659, 660)) == [(0, 660)]
    assert heard((0, 60), (660, 720)) == [(0, 60), (660, 720)]
    assert heard((0, 60), (660, 700)) == [(0, 60)]


def test_thirty_five_flaps_in_five_minutes_are_one_episode() -> None:
    flaps = [(t * 8, t * 8 + 5) for t in range(35)]
    assert heard(*flaps) == [(0, 34 * 8 + 5)]


def test_a_complaint_counts_at_once_and_ends_with_the_crews_word() -> None:
    assert episodes([], LIMITS, [Call(5 * S, 900 * S)]) == [Episode(5 * S, 900 * S, 5 * S, 5 * S, True)]


def test_a_complaint_that_monitoring_bears_out_later_ends_when_monitoring_sees_it_end() -> None:
    (found,) = episodes([(100 * S, 400 * S)], LIMITS, [Call(5 * S)])
    assert (found.started, found.ended, found.only_complaint) == (5 * S, 400 * S, False)


def test_a_complaint_makes_short_loss_count() -> None:
    (found,) = episodes([(0, 30 * S)], LIMITS, [Call(10 * S)])
    assert (found.started, found.ended, found.confirmed, found.complained) == (0, 30 * S, 10 * S, 10 * S)


def test_a_complaint_within_the_stability_window_belongs_to_the_outage_before_it() -> None:
    (found,) = episodes([(0, 120 * S)], LIMITS, [Call(719 * S)])
    assert (found.started, found.ended, found.complained) == (0, 120 * S, 719 * S)
    assert len(episodes([(0, 120 * S)], LIMITS, [Call(720 * S)])) == 2
