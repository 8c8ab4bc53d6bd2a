"""The rhythm of polling: seen through words that come late, twice or not at all, and in nothing else."""

from __future__ import annotations

import random

import pytest
from core_metro import RULES

from netwatch.core.model import Condition
from netwatch.core.time import MINUTE, SECOND
from netwatch.core.turns import Habits, Turns

KEY = ("AGG-1", "GE0/0/1", Condition.LINK)


def train(rng: random.Random, turns: int, lost: float = 0.0, late: float = 0.0, doubled: float = 0.0) -> list[int]:
    """When a minute's polling was heard to say bad."""
    out = []
    for n in range(turns):
        at = n * MINUTE + rng.randrange(SECOND)
        if rng.random() < lost:
            continue
        out.append(at + (rng.randrange(300 * SECOND) if rng.random() < late else 0))
        if rng.random() < doubled:
            out.append(at + rng.randrange(90 * SECOND))
    return sorted(out)


def heard(words: list[int]) -> Turns:
    turns = Turns()
    for at in words:
        turns.hear(at, bad=True)
    return turns


@pytest.mark.parametrize(
    ("lost", "late", "doubled"), [(0, 0, 0), (0.2, 0, 0), (0, 0.2, 0), (0, 0, 0.33), (0.05, 0.1, 0.2)]
)
def test_the_rhythm_of_polling_shows_through_words_that_are_lost_late_and_doubled(
    lost: float, late: float, doubled: float
) -> None:
    rng = random.Random(11)
    found = [heard(train(rng, 15, lost, late, doubled)) for _ in range(100)]
    right = [t for t in found if t.regular() and abs(t.beat - MINUTE) < 6 * SECOND]
    wrong = [t for t in found if t.regular() and t not in right]
    assert len(right) >= 80
    assert len(wrong) <= 2


def test_words_at_random_show_no_rhythm() -> None:
    rng = random.Random(12)
    found = [heard(sorted(rng.randrange(15 * MINUTE) for _ in range(15))) for _ in range(100)]
    assert sum(t.regular() for t in found) <= 15


def test_a_rhythm_that_changes_is_followed() -> None:
    turns = heard([*range(0, 10 * MINUTE, MINUTE), *range(10 * MINUTE, 200 * MINUTE, 5 * MINUTE)])
    assert (turns.regular(), turns.beat) == (True, 5 * MINUTE)


def test_that_all_is_well_is_said_in_turn_only_once() -> None:
    turns = heard([0, MINUTE])
    for n in range(2, 9):
        turns.hear(n * MINUTE, bad=False)
    assert turns.words == [0, MINUTE, 2 * MINUTE]


def test_words_are_in_line_turn_after_turn_whatever_came_between_them() -> None:
    turns = heard([MINUTE, 90 * SECOND, 2 * MINUTE])
    assert turns.in_line(3 * MINUTE, 0, MINUTE) == [3 * MINUTE, 2 * MINUTE, MINUTE]
    assert turns.in_line(3 * MINUTE, MINUTE, MINUTE) == [3 * MINUTE, 2 * MINUTE], "the first was said before"
    assert turns.in_line(4 * MINUTE, 0, MINUTE) == [4 * MINUTE], "one is missing"


def test_of_a_rhythm_that_others_have_shown_three_words_are_proof_enough() -> None:
    habits, short = Habits(), heard([0, MINUTE, 2 * MINUTE])
    habits.learn(KEY, short, RULES.alarms)
    assert habits.shown == 0
    habits.learn(("AGG-1", "", Condition.MAINS), heard(list(range(0, 9 * MINUTE, MINUTE))), RULES.alarms)
    habits.learn(KEY, short, RULES.alarms)
    assert habits.beats[Condition.LINK] == {KEY: MINUTE}
    assert habits.repeated == {KEY, ("AGG-1", "", Condition.MAINS)}


def test_what_is_asked_in_another_rhythm_than_most_is_judged_by_its_own() -> None:
    habits = Habits()
    for n in range(3):
        habits.learn((f"AGG-{n}", "GE0/0/1", Condition.LINK), heard(list(range(0, 9 * MINUTE, MINUTE))), RULES.alarms)
    slow = heard(list(range(0, 45 * MINUTE, 5 * MINUTE)))
    assert habits.beat(KEY, RULES.alarms) == MINUTE
    assert habits.usual(KEY, slow, RULES.alarms) == 5 * MINUTE


def test_a_word_out_of_turn_is_an_older_one_where_a_rhythm_shows() -> None:
    turns = heard([0, MINUTE, 2 * MINUTE])
    assert not turns.out_of_turn(5 * MINUTE + 3 * SECOND, MINUTE)
    assert turns.out_of_turn(5 * MINUTE + 20 * SECOND, MINUTE)
    assert not heard([0, MINUTE]).out_of_turn(100 * SECOND, MINUTE), "two words are no rhythm"
