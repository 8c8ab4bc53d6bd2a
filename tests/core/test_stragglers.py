"""Polls that come late or twice: they carry no time of their own, and must not begin a trouble that is over anew."""

from __future__ import annotations

import random

from core_metro import at, back, dark, lit, night, rows, say, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Alarm, AlarmState, Fact

CUSTOMERS = ("ACC-1", "CPE-1", "CPE-2")

CUT: list[Fact] = [
    *dark(0, "AGG-1 GE1/0/1"),
    *(fact for t in range(5, 600, 60) for fact in silent(t, *CUSTOMERS)),
    *lit(600, "AGG-1 GE1/0/1"),
    *back(606, *CUSTOMERS),
]


def told(run: Engine) -> list[tuple[str, str | None]]:
    """Every outage with when it was over."""
    return [(row["circuit"], row["restored"] and row["restored"][11:19]) for row in rows(run, "outage")]


def test_a_poll_of_before_that_is_heard_after_the_recovery_changes_nothing() -> None:
    late = [*CUT, *silent(640, "CPE-1"), *silent(720, "ACC-1")]
    run = night(late, 4000)
    assert told(run) == told(night(CUT, 4000))
    assert [row["root"]["id"] for row in rows(run, "fault")] == ["KT1"]


def test_a_poll_of_before_changes_nothing_though_the_good_answer_of_its_device_was_lost() -> None:
    """That ACC-1 has light again tells of CPE-1 as well: its own good answer was lost."""
    lost = [fact for fact in CUT if fact not in back(606, "CPE-1")]
    assert [row["root"]["id"] for row in rows(night([*lost, *silent(651, "CPE-1")], 4000), "fault")] == ["KT1"]


def test_polling_that_finds_it_bad_again_at_its_next_turns_is_believed_and_the_outage_goes_on() -> None:
    again = [*silent(665, "CPE-1"), *silent(725, "CPE-1"), *silent(785, "CPE-1"), *back(845, "CPE-1")]
    ends = dict(told(night([*CUT, *again], 4000)))
    assert ends["C1"] == "02:14:05"
    assert ends["C2"] == "02:10:00"


def test_before_polling_has_shown_its_rhythm_one_word_is_enough() -> None:
    few: list[Fact] = [*silent(0, "CPE-1"), *back(90, "CPE-1"), *silent(150, "CPE-1")]
    assert [end for _, end in told(night(few, 4000))] == [None, None]


def test_what_is_believed_at_the_third_turn_began_with_the_first_word() -> None:
    run = night([*CUT, *silent(640, "CPE-1"), *silent(665, "CPE-1"), *silent(725, "CPE-1"), *silent(785, "CPE-1")], 800)
    assert run.book.evidence.tracks["device", "CPE-1"].spans[-1][0] == at(665)


def test_a_second_break_that_only_polling_saw_late_in_the_stability_window_is_the_same_outage() -> None:
    again = [fact for t in range(1190, 1900, 60) for fact in silent(t, "CPE-1")]
    spans = [end for circuit, end in told(night([*CUT, *again, *back(1910, "CPE-1")], 4000)) if circuit == "C1"]
    assert spans == ["02:31:50"]


def test_the_words_of_an_outage_that_come_twice_hide_neither_its_end_nor_polling_s_rhythm() -> None:
    rng = random.Random(3)
    doubled = [f for t in range(5, 600, 60) for d in CUSTOMERS for f in silent(t + rng.uniform(1, 90), d)]
    doubled = [f for f in doubled if rng.random() < 0.5]
    late = [*silent(629, "ACC-1"), *silent(644, "CPE-1"), *silent(689, "CPE-1")]
    assert told(night(sorted([*CUT, *doubled, *late], key=lambda f: f.at), 4000)) == told(night(CUT, 4000))


def test_bad_news_that_its_own_clear_has_overtaken_changes_nothing() -> None:
    """Polling that tells of good news only what changed had found CPE-3 silent: that word is late."""
    facts = [*CUT, *back(650, "CPE-3"), *silent(698, "CPE-3")]
    assert told(night(facts, 4000)) == told(night(CUT, 4000))
    run = night(facts, 1000)
    alarm = next(row for row in run.rows() if isinstance(row, Alarm) and row.device == "CPE-3")
    assert (alarm.state, alarm.raised, alarm.cleared) == (AlarmState.CLEARING, at(650), at(650))


def test_the_same_from_a_poller_that_repeats_good_news_is_bad_news() -> None:
    praise = [fact for t in range(30, 630, 20) for fact in back(t, "CPE-3", "CPE-4")]
    run = night([*praise, *CUT, *back(650, "CPE-3"), *silent(698, "CPE-3")], 4000)
    assert "CPE-3" in {row["root"]["id"] for row in rows(run, "fault")}


def test_an_old_word_is_known_by_the_rhythm_of_others_where_its_own_kind_has_shown_none() -> None:
    blind = [*silent(605, "CPE-2"), say(615, "AGG-1 GE1/0/1", "los", "bad", "poll")]
    assert told(night([*CUT, *blind], 4000)) == told(night(CUT, 4000))


def test_an_alarm_stays_in_mind_while_old_words_about_it_are_under_way() -> None:
    """Silent for less than two turns, which was not believed; then a word of that time comes once more."""
    twice = [*silent(1000, "CPE-1"), *back(1060, "CPE-1"), *silent(1250, "CPE-1")]
    assert told(night([*CUT, *twice], 4000)) == told(night(CUT, 4000))


def test_where_polling_has_not_shown_that_it_repeats_itself_a_word_out_of_turn_is_an_old_one_all_the_same() -> None:
    flaps: list[Fact] = [f for t in range(0, 720, 120) for f in (*silent(t, "CPE-1"), *back(t + 60, "CPE-1"))]
    assert told(night([*flaps, *silent(700, "CPE-1")], 6000)) == told(night(flaps, 6000))
    assert told(night([*flaps, *silent(780, "CPE-1")], 6000)) != told(night(flaps, 6000))
