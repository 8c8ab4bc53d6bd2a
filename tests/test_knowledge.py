"""The shipped rules say what they should, and a broken rule file is told in the words of who wrote it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from netwatch.core.model import Condition, Skill
from netwatch.core.time import MINUTE, SECOND
from netwatch.findings import Finding, UnusableError
from netwatch.knowledge import FILES, load_rules

SHIPPED = Path(__file__).resolve().parents[1] / "rules"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "rules"))


Edit = Callable[[str, str, str], None]


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replace a text in one rule file; it must be there."""

    def run(name: str, old: str, new: str) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), "utf-8")

    return run


def findings(where: Path) -> list[Finding]:
    with pytest.raises(UnusableError) as refused:
        load_rules(where)
    return list(refused.value.findings)


# ---------------------------------------------------------------- what is shipped


def test_the_shipped_rules_are_those_of_the_contract() -> None:
    rules = load_rules(SHIPPED)
    alarms, policy = rules.alarms, rules.policies[0]
    assert (alarms.debounce, alarms.debounce_window, alarms.stability) == (60 * SECOND, 15 * MINUTE, 600 * SECOND)
    assert dict(policy.limits) == {"AAA": 120, "AA": 240, "A": 360, "standard": 480}
    assert policy.fallback_minutes == 480
    assert dict(policy.product_limits["internet"]) == {"diamond": 120, "gold": 120, "silver": 180, "*": 300}
    assert policy.clock_rule["ipshop"] == (14 * 60, 480, 1440)
    assert dict(policy.notice_days) == {"AAA": 5, "AA": 3, "A": 3, "standard": 1}
    assert policy.stopping == {
        "customer_absent",
        "customer_refused",
        "customer_postponed",
        "customer_power",
        "customer_equipment",
        "site_access",
        "force_majeure",
        "planned_work",
    }
    held = {"spare_parts", "third_party_damage", "other_operator", "other_team", "weather"}
    assert policy.pauses.keys() - policy.stopping == held
    assert [(b.cores, b.minutes) for b in policy.facility_bands] == [(0, 180), (48, 240), (96, 300), (144, 360)]


def test_every_condition_root_and_skill_has_its_rule() -> None:
    rules = load_rules(SHIPPED)
    assert set(rules.alarms.conditions) == set(Condition)
    assert set(rules.faults.cost) == {"link", "cable", "device"}
    assert set(rules.dispatch.skill.values()) <= {str(s) for s in Skill}
    degrading = {c for c, r in rules.alarms.conditions.items() if r.degrades}
    assert {"optical", "errors", "loss", "latency", "temperature", "fan"} <= degrading
    assert not degrading & {"reachable", "link", "los", "onu", "dying_gasp", "adjacency", "admin", "agent", "mains"}


def test_the_calendar_holds_no_working_day_that_would_be_one_anyway() -> None:
    calendar = load_rules(SHIPPED).calendar
    assert calendar.years >= {2025, 2026}
    assert all(day.weekday() >= 5 for day in calendar.workdays)
    assert {date(2026, 10, 1) + timedelta(days=n) for n in range(7)} <= calendar.holidays


def test_rules_may_be_looked_up_file_by_file(folder: Path, edit: Edit) -> None:
    edit("sla.toml", "AAA = 120", "AAA = 90")
    mine = load_rules(lambda name: (folder if name == "sla.toml" else SHIPPED) / name)
    assert mine.policies[0].limits["AAA"] == 90
    assert mine.alarms == load_rules(SHIPPED).alarms


def test_versions_of_the_policy_stand_in_the_order_of_their_beginning(folder: Path) -> None:
    text = (folder / "sla.toml").read_text("utf-8")
    policy = text[text.index("\n[[policy]]\n") :]
    newer = policy.replace("valid_from = 2000-01-01", "valid_from = 2027-01-01").replace('"2026-01"', '"2027-01"')
    (folder / "sla.toml").write_text(newer + "\n" + policy, "utf-8")
    assert [p.version for p in load_rules(folder).policies] == ["2026-01", "2027-01"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "what"),
    [
        ("alarms.toml", "debounce_seconds", "debounce_secs", "evidence.debounce_secs", "unknown key"),
        ("alarms.toml", "debounce_seconds = 60", "debounce_seconds = 0", "evidence.debounce_seconds", "greater than 0"),
        (
            "alarms.toml",
            "debounce_seconds = 60",
            'debounce_seconds = "x"',
            "evidence.debounce_seconds",
            "valid integer",
        ),
        ("alarms.toml", "[condition.los]", "[condition.lost]", "condition.lost", "'los'"),
        ("alarms.toml", 'severity = "critical"', 'severity = "awful"', "severity", "'critical'"),
        ("faults.toml", "share = 0.8", "share = 1.5", "blindness.share", "less than or equal to 1"),
        ("faults.toml", "cable = 1.0", "cables = 1.0", "cost", '"cable" is missing'),
        ("faults.toml", "cable = 1.0", "cables = 1.0", "cost.cables", "unknown key"),
        ("faults.toml", "missing = 0.7", "", "cost", '"missing" is missing'),
        ("sla.toml", "AAA = 120", "AAA = -1", "limits.AAA", "greater than 0"),
        ("sla.toml", 'until = "14:00"', 'until = "25:00"', "clock_rule.ipshop.until", "match pattern"),
        ("sla.toml", 'diamond = "AAA"', 'diamond = "AAAA"', "derived.diamond", 'no limit for class "AAAA"'),
        ("sla.toml", "cores = 48", "cores = 200", "facility.bands", "not ascending"),
        ("sla.toml", "spare_parts = { stops = false }", 'spare_parts = { stops = "maybe" }', "stops", "boolean"),
        ("sla.toml", "AAA = 0.9999", "AAAA = 0.9999", "quality.availability.AAAA", "no such class"),
        ("sla.toml", '["customer_absent"', '["customer_away"', "quality.customer_reasons", 'no pause "customer_away"'),
        ("sla.toml", "over = 45,", "over = 450,", "quality.credit.steps", "not ascending"),
        ("sla.toml", 'denominator = "calendar"', 'denominator = "lunar"', "quality.denominator", "'calendar'"),
        ("dispatch.toml", "prior_strength = 8", "prior_strength = 0", "learning.prior_strength", "greater than 0"),
        ("dispatch.toml", 'workday = ["08:00"', 'workday = ["21:00"', "learning.workday", "ends before it begins"),
        ("dispatch.toml", "cable = [", "cables = [", "learning.slip.cables", "no such cause"),
        ("dispatch.toml", "low = 0.7", "low = 1.7", "drift.low", "not below"),
        ("dispatch.toml", 'classes = ["A", "standard"]', 'classes = ["AAA"]', "lot.classes", "never by lot"),
        ("dispatch.toml", 'classes = ["A", "standard"]', 'classes = ["B"]', "lot.classes", 'for class "B"'),
        ("dispatch.toml", "share = 0.0", "share = 0.9", "lot.share", "less than or equal to 0.5"),
        ("calendar.toml", "2026-01-04", "2026-02-30", "year.2026.workdays", "is no day"),
        ("calendar.toml", "2026-01-04", "2025-01-04", "year.2026.workdays", "another year"),
        ("calendar.toml", "2026-01-04", "2026-10-01", "year.2026", "both holiday and workday"),
        ("calendar.toml", "2026-10-01..2026-10-07", "2026-10-07..2026-10-01", "year.2026.holidays", "is no day"),
        ("dispatch.toml", 'cable = "cable"', 'cable = "digging"', "skill.cable", "'cable'"),
        ("dispatch.toml", "due_quantile = 0.8", "due_quantile = 1.0", "override.due_quantile", "less than 1"),
        ("dispatch.toml", "premises      =", "premise       =", "prior", '"premises" is missing'),
        ("dispatch.toml", "heals = 0.34", "heals = 34", "prior.link.heals", "less than or equal to 1"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(
    folder: Path, edit: Edit, name: str, old: str, new: str, place: str, what: str
) -> None:
    edit(name, old, new)
    found = findings(folder)
    assert any(name in f.place and place in f.what and what in f.what for f in found), found


def test_a_mistake_is_placed_at_its_line(folder: Path, edit: Edit) -> None:
    edit("dispatch.toml", "heals = 0.34", "heals = 34")
    lines = (folder / "dispatch.toml").read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "heals = 34" in line)
    assert [f.place for f in findings(folder)] == [f"{folder / 'dispatch.toml'}:{number}"]


def test_a_misspelt_key_is_told_with_the_word_that_was_meant(folder: Path, edit: Edit) -> None:
    edit("alarms.toml", "stability_seconds", "stabilty_seconds")
    assert any(f.cure == 'did you mean "stability_seconds"?' for f in findings(folder))


def test_all_mistakes_of_all_files_are_told_at_once(folder: Path, edit: Edit) -> None:
    edit("alarms.toml", "debounce_seconds = 60", "debounce_seconds = 0")
    edit("sla.toml", "AAA = 120", "AAA = 0")
    edit("calendar.toml", "2026-01-04", "2026-02-30")
    assert {re.sub(r".*/|:.*", "", f.place) for f in findings(folder)} == {"alarms.toml", "sla.toml", "calendar.toml"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert any(name in f.place and "cannot be read" in f.what for f in findings(folder))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_toml_is_named_with_its_line(folder: Path, name: str) -> None:
    (folder / name).write_text("# fine\nthis is = = not\n", "utf-8")
    assert any(f.place.endswith(f"{name}:2") and "not TOML" in f.what for f in findings(folder))


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_another_encoding_is_refused_in_words(folder: Path, name: str) -> None:
    (folder / name).write_bytes("# 调休\n".encode("gb18030"))
    assert any(name in f.place and "UTF-8" in f.what for f in findings(folder))


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("", "utf-8")
    assert any(name in f.place for f in findings(folder))


def test_two_versions_from_the_same_day_on_are_refused(folder: Path) -> None:
    text = (folder / "sla.toml").read_text("utf-8")
    (folder / "sla.toml").write_text(text + "\n" + text[text.index("\n[[policy]]\n") :], "utf-8")
    assert any("same valid_from" in f.what for f in findings(folder))
