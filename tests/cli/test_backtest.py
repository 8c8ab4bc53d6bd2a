"""`netwatch backtest` on worlds whose truth is known, and on tables that somebody got wrong."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from netwatch.cli import main
from netwatch.core.forecast.past import End, Past
from netwatch.report import accuracy, unseen
from netwatch.report import backtest as bt
from netwatch.report import policies as of
from netwatch.report.columns import COLUMNS, EXAMPLE

HEADER = list(COLUMNS)


def world(count: int, seed: int = 1, wrong: float = 0.0) -> str:
    """A year of two causes under a hold-off of 15 min: a cable that never heals, a link that mostly does by itself.

    Alarms mistake one for the other in a share `wrong` of the faults; slips put it right.
    """
    rng = random.Random(seed)
    out = io.StringIO()
    table = csv.DictWriter(out, HEADER)
    table.writeheader()
    at = datetime.fromisoformat("2025-11-01T00:00:00+08:00")
    for _ in range(count):
        at += timedelta(minutes=rng.expovariate(count / 500_000))
        cable = rng.random() < 0.4
        cause, median = ("cable", 150.0) if cable else ("link", 70.0)
        healed = rng.lognormvariate(1.8, 0.8) if not cable and rng.random() < 0.9 else float("inf")
        team = rng.choice(["T-1", "T-2"])
        took = median * rng.lognormvariate(0, 0.5) * (1.6 if team == "T-2" and wrong else 1.0)
        sent = at + timedelta(minutes=15) if healed > 15 else None
        over = min(healed, 15 + took)
        table.writerow(
            {
                "started": at.isoformat(timespec="seconds"),
                "restored": (at + timedelta(minutes=over)).isoformat(timespec="seconds"),
                "cause": cause if rng.random() >= wrong else "link" if cable else "cable",
                "found": cause if over != healed else "",
                "class": rng.choice(["AAA", "AA", "A", "standard"]),
                "sent": sent.isoformat(timespec="seconds") if sent else "",
                "ended_by": "repaired" if over != healed else "healed",
                "team": team,
                "area": "city",
            }
        )
    return out.getvalue()


def run(table: str | Path, *words: str, tmp: Path) -> Result:
    path = table if isinstance(table, Path) else tmp / "outages.csv"
    if isinstance(table, str):
        path.write_text(table, "utf-8")
    (tmp / "config.toml").write_text("", "utf-8")
    return CliRunner().invoke(main, ["backtest", str(path), *words, "-c", str(tmp / "config.toml")])


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = run(world(900), "--json", tmp=tmp_path_factory.mktemp("judged"))
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def costs(judged: dict[str, Any]) -> dict[str, float]:
    return {s["policy"]: s["cost"][0] for s in judged["scores"]}


# ---------------------------------------------------------------- judging


def test_every_policy_is_judged_and_none_beats_the_clairvoyant(judged: dict[str, Any]) -> None:
    cost = costs(judged)
    assert set(cost) == {
        of.AT_ONCE, of.BY_CLASS, of.CLASS_TUNED, of.REMAINING, of.HALF, of.TABLE, of.ONE_STEP, of.OURS, of.CLAIRVOYANT
    }  # fmt: skip
    assert min(cost, key=lambda p: cost[p]) == of.CLAIRVOYANT
    assert (judged["trained_on"], judged["judged_on"]) == (630, 270)


def test_where_the_cause_decides_all_whoever_looks_at_it_wins(judged: dict[str, Any]) -> None:
    cost = costs(judged)
    assert max(cost[of.OURS], cost[of.TABLE]) < min(cost[of.AT_ONCE], cost[of.CLASS_TUNED], cost[of.REMAINING])


def test_the_forecast_is_calibrated_at_real_departures(judged: dict[str, Any]) -> None:
    at = judged["departures"]
    assert at["faults"] > 50
    assert at["brier"] < at["brier_base"]
    assert 0.6 < at["slope"] < 1.5


def test_the_forecast_foresees_better_than_what_people_would_use_in_its_place(tmp_path: Path) -> None:
    """Where alarms are often wrong and one team is slow, as everywhere."""
    judged = json.loads(run(world(1200, wrong=0.25), "--json", tmp=tmp_path).stdout)
    models = {m["model"]: m for m in judged["foresight"]["models"]}
    ours = models.pop(accuracy.FORECAST)
    assert set(models) == {accuracy.POOLED, accuracy.PER_CAUSE, accuracy.ELAPSED}
    for other in models.values():
        assert other["brier"] > ours["brier"]
        assert other["log_loss"] > ours["log_loss"]
        mean, low, high = other["brier_more"]
        assert low <= mean <= high
    assert 0.7 < ours["slope"] < 1.4
    told = judged["foresight"]["reliability"]
    assert sum(b["count"] for b in told) == judged["foresight"]["questions"]


def test_policies_are_compared_at_equal_trips(judged: dict[str, Any]) -> None:
    scores = {s["policy"]: s for s in judged["scores"]}
    assert scores[of.OURS]["equal"] is None
    mean, low, _ = scores[of.CLASS_TUNED]["equal"]
    assert low <= mean < 0, "who looks at the cause breaks fewer limits with as many trips"
    trips = [p["trips"] for p in judged["frontier"]]
    assert trips == sorted(trips)
    assert len(trips) > 3
    breaches = [p["forecast"] for p in judged["frontier"]]
    assert breaches[0] >= breaches[-1]
    assert scores[of.CLAIRVOYANT]["over_bound"] == 0
    assert 0 < scores[of.OURS]["over_bound"] < 0.15


def test_what_was_learnt_is_told(judged: dict[str, Any]) -> None:
    learnt = judged["learnt"]["causes"]
    assert learnt["link"]["heals"] == pytest.approx(0.9, abs=0.08)
    assert learnt["link"]["self_median"] == pytest.approx(6.0, rel=0.2)
    assert learnt["cable"]["repair_median"] == pytest.approx(150.0, rel=0.1)


def test_people_get_a_table_a_verdict_and_what_to_mind(tmp_path: Path) -> None:
    done = run(world(300), tmp=tmp_path)
    assert done.exit_code == 0, done.output
    for needed in ("table class × cause, tuned", "within chance", "broken by crews that leave at once", "Mind: "):
        assert needed in done.stdout, needed


def test_the_same_table_gives_the_same_answer(tmp_path: Path) -> None:
    table = world(150)
    assert run(table, "--json", tmp=tmp_path).stdout == run(table, "--json", tmp=tmp_path).stdout


def test_where_nobody_was_sent_the_forecast_alone_is_judged(tmp_path: Path) -> None:
    """A log of failures: when, how long, what, where. Teams differ, and the forecast finds out."""
    rng = random.Random(3)
    at = datetime.fromisoformat("2025-01-01T00:00:00+08:00")
    rows = ["start,fixed,cause,team,limit"]
    for _ in range(600):
        at += timedelta(minutes=rng.expovariate(1 / 300))
        team = rng.choice(["S-1", "S-2", "S-3"])
        lasted = 60 * {"S-1": 0.4, "S-2": 1.0, "S-3": 2.5}[team] * rng.lognormvariate(0, 0.8)
        rows.append(f"{at},{at + timedelta(minutes=lasted)},{rng.choice(['disk', 'network'])},{team},120")
    done = run("\n".join(rows) + "\n", "--json", tmp=tmp_path)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["scores"] == told["frontier"] == []
    models = {m["model"]: m["brier"] for m in told["foresight"]["models"]}
    assert min(models, key=lambda m: models[m]) == accuracy.FORECAST
    assert any("sending cannot be judged" in line for line in told["verdict"])
    spoken = run("\n".join(rows) + "\n", tmp=tmp_path)
    assert "sending cannot be judged" in spoken.stdout
    assert "Sending:" not in spoken.stdout


ODD = {
    "nobody ever sent": "{at},{soon},link,A,,",
    "nothing over yet": "{at},,cable,A,{at},T",
    "all too late": "{at},{late},cable,A,{at},T",
    "no class, a cause and a team for each": "{at},{late},x{n},,{at},T{n}",
    "over at once": "{at},{at},cable,A,{at},T",
    "sent after its end": "{at},{soon},link,A,{late},T",
    "all at one instant": "2026-01-01,2026-01-02,cable,AAA,2026-01-01,T",
}


@pytest.mark.parametrize("row", ODD.values(), ids=ODD)
def test_a_lopsided_past_is_judged_without_a_figure_that_is_none(tmp_path: Path, row: str) -> None:
    start, rows = datetime.fromisoformat("2026-01-01T00:00:00"), ["started,restored,cause,class,sent,team"]
    for n in range(90):
        at = start + timedelta(hours=3 * n)
        rows.append(row.format(n=n, at=at, soon=at + timedelta(minutes=5), late=at + timedelta(hours=9)))
    for words in ((), ("--json",)):
        done = run("\n".join(rows) + "\n", *words, tmp=tmp_path)
        assert done.exit_code == 0, done.output
        assert "nan" not in done.stdout.lower()


def test_what_a_simulation_tells_is_not_drawn(tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(world(300))))
    for row in table:
        row |= {"would_heal": "never", "would_take": "30"}
    out = io.StringIO()
    writer = csv.DictWriter(out, [*table[0]])
    writer.writeheader()
    writer.writerows(table)
    told = json.loads(run(out.getvalue(), "--json", tmp=tmp_path).stdout)
    assert {s["on_record"] for s in told["scores"]} == {1.0}
    at_once = next(s for s in told["scores"] if s["policy"] == of.AT_ONCE)
    assert (at_once["breaches"], at_once["median_minutes"]) == (0, 30)


def test_a_few_faults_say_nothing(tmp_path: Path) -> None:
    done = run(world(20), tmp=tmp_path)
    assert done.exit_code == 1
    assert "too few" in done.stderr


# ---------------------------------------------------------------- what was not seen


def test_what_healed_late_is_drawn_as_the_curve_has_it() -> None:
    """Half heal after 10 min, a quarter after 30, the rest never; asked of what was cut short at 5 and 20."""
    pool = [Past(0, "x", End.HEALED, 10.0)] * 200 + [Past(0, "x", End.HEALED, 30.0)] * 100
    pool += [Past(0, "x", End.REPAIRED, 100.0, 40.0)] * 100
    asked = [Past(0, "x", End.REPAIRED, 5.0, 1.0), Past(0, "x", End.REPAIRED, 20.0, 1.0)]
    healed, _ = unseen.complete(asked, pool, np.random.default_rng(1), 4000)
    early, late = healed[:, 0], healed[:, 1]
    assert set(early) == {10.0, 30.0, np.inf}
    assert [(early == t).mean() for t in (10, 30, np.inf)] == pytest.approx([0.5, 0.25, 0.25], abs=0.03)
    assert [(late == t).mean() for t in (10, 30, np.inf)] == pytest.approx([0, 0.5, 0.5], abs=0.03)


def test_what_was_seen_is_never_drawn() -> None:
    pool = [Past(0, "x", End.HEALED, 7.0), Past(0, "x", End.REPAIRED, 90.0, 10.0)] * 50
    healed, took = unseen.complete(pool, pool, np.random.default_rng(1), 3)
    assert (healed[:, 0::2] == 7.0).all()
    assert (took[:, 1::2] == 80.0).all()


@given(st.lists(st.tuples(st.floats(0.1, 100), st.booleans()), min_size=1, max_size=60))
def test_the_curve_is_the_textbooks(times: list[tuple[float, bool]]) -> None:
    curve = unseen.Curve(np.array([t for t, _ in times]), np.array([seen for _, seen in times]))
    stays = 1.0
    for n, t in enumerate(sorted({t for t, seen in times if seen})):
        stays *= 1 - sum(s and x == t for x, s in times) / sum(x >= t for x, _ in times)
        assert curve.stays[n] == pytest.approx(stays)


def test_a_policy_meets_what_it_would_have_met() -> None:
    limit = np.array([60.0] * 4)
    healed, took = np.array([5.0, 50.0, np.inf, 70.0]), np.array([30.0, 30.0, 55.0, 200.0])
    out = of.play(np.array([10.0, 10.0, 10.0, 999.0]), limit, healed, took)
    assert out.sent.tolist() == [False, True, True, True]
    assert out.ended.tolist() == [5.0, 40.0, 65.0, 70.0]
    assert out.breached.tolist() == [False, False, True, True]
    assert out.wasted.tolist() == [False, False, False, True]


def test_one_event_is_never_on_both_sides_of_the_split() -> None:
    past = [Past(n, "x", End.HEALED, 1.0, incident="big" if 60 <= n < 80 else "") for n in range(100)]
    early, late = bt.split(past)
    assert len(early) == 80
    assert not {p.incident for p in late} & {"big"}


# ---------------------------------------------------------------- bad tables


def wrong(tmp_path: Path, *rows: str, header: str = ",".join(HEADER)) -> str:
    done = run("\n".join([header, *rows]) + "\n", tmp=tmp_path)
    assert done.exit_code == 78, done.output
    assert "Traceback" not in done.output
    return done.stderr


def test_every_mistake_is_told_at_once_with_row_and_column(tmp_path: Path) -> None:
    said = wrong(
        tmp_path,
        "yesterday,,cable,AAA,,,,,,,,",
        "2026-01-01 10:00,2026-01-01 09:00,cable,AAA,,,,,,,,",
        "2026-01-01 10:00,2026-01-01 11:00,,AAAA,,,,,,,,",
        "2026-01-01 10:00,2026-01-01 11:00,cable,AAA,-5,,,mended,,,moon,",
        "2026-01-01 10:00,2026-01-01 11:00,cable,AAA,,,,repaired,,,,",
        "2026-01-01 10:00,2026-01-01 11:00,cable,AAA,,,,,,,,,,,,,,",
    )
    places = "2:started 3:restored 4:cause 4:class 5:limit_minutes 5:ended_by 5:area 6:sent 7:would_take"
    for place in places.split():
        assert f"outages.csv:{place}" in said, place
    assert 'did you mean "AAA"?' in said


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", ",".join(HEADER) + "\n", '"started\n'])
def test_a_table_that_is_none_is_told_and_the_template_named(tmp_path: Path, text: str) -> None:
    done = run(text, tmp=tmp_path)
    assert done.exit_code == 78
    assert "template" in done.stderr


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("started\n2026\n电缆\n".encode("gbk"))
    done = run(path, tmp=tmp_path)
    assert done.exit_code == 78
    assert "gbk.csv:3" in done.stderr


def test_times_of_closed_tickets_are_recognised(tmp_path: Path) -> None:
    night = datetime.fromisoformat("2026-01-01T02:00:00")
    for office in (True, False):
        rows = ["started,restored,cause,class"]
        for n in range(80):
            at = night + timedelta(days=n)
            rows.append(f"{at},{at + timedelta(hours=8 + n % 8 if office else 1 + n % 20)},cable,A")
        done = run("\n".join(rows) + "\n", tmp=tmp_path)
        assert done.exit_code == 0, done.output
        assert ("look like closings of tickets" in done.stderr) is office


# ---------------------------------------------------------------- the template


def test_the_template_is_a_table_that_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "mine.csv"
    made = CliRunner().invoke(main, ["backtest", "--template", str(out)])
    assert made.exit_code == 0, made.output
    assert "开始时间" in made.stderr
    done = run(out, tmp=tmp_path)
    assert done.exit_code == 1, "four faults are too few, but read"
    assert "4 faults are too few" in done.stderr
    assert CliRunner().invoke(main, ["backtest", "--template"]).stdout == EXAMPLE
    again = CliRunner().invoke(main, ["backtest", "--template", str(out)])
    assert again.exit_code == 1, "nothing is overwritten"


def test_help_tells_every_column() -> None:
    told = CliRunner().invoke(main, ["backtest", "--help"]).stdout
    assert [c for c in COLUMNS if c not in told] == []
    assert "回单原因" in told


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("started,started,cause", "1:started"),
        ("start,begin,cause", "1:started"),
        ("started,restored", "1:cause"),
    ],
)
def test_a_header_that_says_one_thing_twice_or_not_at_all_is_told(tmp_path: Path, header: str, place: str) -> None:
    done = run(f"{header}\n", tmp=tmp_path)
    assert done.exit_code == 78
    assert place in done.stderr


def test_chinese_headings_are_understood(tmp_path: Path) -> None:
    table = "开始时间,恢复时间,告警判断,等级,恢复方式\n2026/03/02 02:10,2026/03/02 02:20,cable,普通,自愈\n"
    done = run(table, tmp=tmp_path)
    assert "1 faults are too few" in done.stderr
