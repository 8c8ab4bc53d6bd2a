"""Polls that come late or twice: they carry no time of their own, and must not begin a trouble that is over anew."""

from __future__ import annotations

from core_metro import back, dark, lit, night, rows, silent

from netwatch.core.engine import Engine
from netwatch.core.model import Fact

CUT: list[Fact] = [
    *dark(0, "AGG-1 GE1/0/1"),
    *(fact for at in range(5, 600, 60) for fact in silent(at, "ACC-1", "CPE-1", "CPE-2")),
    *lit(600, "AGG-1 GE1/0/1"),
    *back(606, "ACC-1", "CPE-1", "CPE-2"),
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
