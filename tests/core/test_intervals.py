"""The algebra of intervals, held against sets of points."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.intervals import FOREVER, Spans, clip, common, covers, length, union, without

SIZE = 40
"""The world of the naive model: whole points 0 … SIZE-1, the span [s, e) being the points s … e-1."""

PAIRS = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=8)
SPANS = PAIRS.map(union)


def points(pairs: Spans) -> set[int]:
    return {p for s, e in pairs for p in range(s, e)}


def tidy(spans: Spans) -> bool:
    """Sorted, disjoint, not touching, none empty."""
    return all(s < e for s, e in spans) and all(a[1] < b[0] for a, b in pairwise(spans))


@given(PAIRS)
def test_a_union_is_tidy_and_holds_the_points_of_all(pairs: Spans) -> None:
    assert tidy(union(pairs))
    assert points(union(pairs)) == points(pairs)


@given(PAIRS, st.randoms(use_true_random=False))
def test_a_union_depends_neither_on_order_nor_on_repetition(pairs: Spans, rng: object) -> None:
    shuffled = [*pairs, *pairs]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert union(shuffled) == union(pairs) == union(union(pairs))


@given(SPANS, SPANS)
def test_common_time_is_the_intersection_of_points(a: Spans, b: Spans) -> None:
    assert tidy(common(a, b))
    assert points(common(a, b)) == points(a) & points(b)
    assert common(a, b) == common(b, a)


@given(SPANS, SPANS)
def test_what_is_taken_away_is_the_difference_of_points(a: Spans, b: Spans) -> None:
    assert tidy(without(a, b))
    assert points(without(a, b)) == points(a) - points(b)


@given(SPANS, SPANS)
def test_common_time_and_the_rest_make_up_the_whole(a: Spans, b: Spans) -> None:
    assert union([*common(a, b), *without(a, b)]) == a
    assert length(common(a, b)) + length(without(a, b)) == length(a)


@given(SPANS, SPANS, SPANS)
def test_de_morgan_holds(a: Spans, b: Spans, c: Spans) -> None:
    assert without(a, union([*b, *c])) == common(without(a, b), without(a, c))
    assert without(a, common(b, c)) == union([*without(a, b), *without(a, c)])


@given(SPANS, st.integers(0, SIZE), st.integers(0, SIZE))
def test_clipping_keeps_the_points_between(a: Spans, start: int, end: int) -> None:
    if start < end:
        assert points(clip(a, start, end)) == points(a) & set(range(start, end))
        assert tidy(clip(a, start, end))


@given(SPANS, st.integers(-1, SIZE))
def test_an_instant_is_covered_from_the_start_on_and_not_at_the_end(a: Spans, at: int) -> None:
    assert covers(a, at) == (at in points(a))


@given(SPANS)
def test_the_length_is_the_number_of_points(a: Spans) -> None:
    assert length(a) == len(points(a))


def test_an_open_end_swallows_all_that_comes_after_and_stays_open() -> None:
    assert union([(5, FOREVER), (7, 9), (1, 2)]) == [(1, 2), (5, FOREVER)]
    assert common([(5, FOREVER)], [(1, 6), (8, FOREVER)]) == [(5, 6), (8, FOREVER)]
    assert without([(5, FOREVER)], [(8, FOREVER)]) == [(5, 8)]


def test_touching_spans_are_one() -> None:
    assert union([(1, 2), (2, 3)]) == [(1, 3)]
    assert union([(1, 2), (3, 4)]) == [(1, 2), (3, 4)]
