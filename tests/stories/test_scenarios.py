"""Recorded nights of a simulated metro, whole and damaged, judged by the corpus' own script."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch import ledger as ledgers
from netwatch import night
from netwatch.core.account import lines as written
from netwatch.core.model import Ledger
from netwatch.core.rules import Rules
from netwatch.knowledge import load_rules

PROJECT = Path(__file__).resolve().parents[2]
SCENARIOS = PROJECT.parent / "shared" / "scenarios"
NIGHTS = sorted(
    path.name
    for path in (SCENARIOS.iterdir() if SCENARIOS.is_dir() else ())
    if path.is_dir() and (path.name == "night-6" or not path.name.startswith(("night", "storm")))
)
"""Every night with one fault, and one with many."""

Line = dict[str, Any]


@pytest.fixture(autouse=True)
def _recorded(corpus: Path) -> None:
    """Skipped aloud where there are no recordings."""


@cache
def rules() -> Rules:
    return load_rules(PROJECT / "rules")


@cache
def ledger(name: str) -> Ledger:
    return ledgers.read(SCENARIOS / name / "ledger", None, rules())[0]


@cache
def journal(name: str) -> tuple[str, ...]:
    return tuple((SCENARIOS / name / "journal.jsonl").read_text("utf-8").splitlines())


@cache
def judge() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scenario_score", SCENARIOS / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # It leaves closing to chance, which warnings turned into errors do not allow.
    vars(module)["open"] = lambda path, encoding: StringIO(Path(path).read_text(encoding))
    return module


def account(name: str, lines: Iterator[str] | tuple[str, ...]) -> str:
    """What `netwatch replay --json` would print."""
    heard = night.read(lines, rules())
    return written(night.replay(heard, ledger(name), rules(), ZoneInfo("Asia/Shanghai")))


def score(name: str, told: str, folder: Path) -> dict[str, Any]:
    path = folder / f"{name}.jsonl"
    path.write_text(told, "utf-8")
    counted: dict[str, Any] = judge().score(str(SCENARIOS / name / "truth.json"), str(path))
    return counted


def total(scores: list[dict[str, Any]]) -> dict[str, float]:
    """Shares over all nights, as the corpus' script counts its total."""
    faults = sum(s["faults"] for s in scores)
    late = sorted(seconds for s in scores for seconds in s["late"])

    def agreed(key: str) -> float:
        return float(sum(s[key][0] for s in scores) / sum(s[key][1] for s in scores))

    named = sum(s["named"] for s in scores)
    return {
        "root": named / faults,
        "domain": sum(s["domain"] for s in scores) / named,
        "false": sum(s["false"] for s in scores) / faults,
        "outage": agreed("outage"),
        "exposure": agreed("exposure"),
        "extra": sum(s["extra"] for s in scores) / max(1, sum(s["need"] for s in scores)),
        "ticketed": sum(s["ticketed"] for s in scores) / max(1, sum(s["need"] for s in scores)),
        "late": late[len(late) // 2],
    }


@cache
def _plain(name: str) -> str:
    return account(name, journal(name))


def test_the_recorded_nights_are_understood(tmp_path: Path) -> None:
    found = total([score(name, _plain(name), tmp_path) for name in NIGHTS])
    assert found["root"] >= 0.95, found
    assert found["domain"] >= 0.95, found
    assert found["false"] <= 0.05, found
    assert found["outage"] >= 0.97, found
    assert found["exposure"] >= 0.95, found
    assert found["extra"] <= 0.02, found
    assert found["ticketed"] >= 0.98, found
    assert found["late"] <= 30, found


@pytest.mark.parametrize("name", NIGHTS)
def test_no_recorded_night_is_misread(name: str, tmp_path: Path) -> None:
    found = score(name, _plain(name), tmp_path)
    assert found["named"] == found["faults"]
    assert found["false"] == 0
    assert found["extra"] == 0


@pytest.mark.parametrize("name", ["cut-1", "power-2", "night-6"])
def test_a_night_comes_out_the_same_byte_for_byte_whatever_the_order_and_repetition_of_its_lines(name: str) -> None:
    rng = random.Random(7)
    lines = list(journal(name))
    # Lines of one instant keep their places among themselves: they are told apart by nothing else.
    moments: dict[str, list[str]] = {}
    for line in lines:
        moments.setdefault(json.loads(line)["at"], []).append(line)
    groups = list(moments.values())
    rng.shuffle(groups)
    shuffled = [line for group in groups for line in group]
    assert account(name, (*shuffled, *rng.sample(lines, len(lines) // 3))) == _plain(name)


SMALL = tuple(name for name in NIGHTS if not name.startswith(("night", "blind", "node", "complaint", "flap")))
"""Nights with one fault and some hundred lines."""


def observed(name: str) -> list[Line]:
    return [json.loads(line) for line in journal(name)]


def later(line: Line, seconds: float) -> Line:
    return line | {"at": shifted(line["at"], seconds)}


def retold(name: str, lines: list[Line]) -> list[dict[str, Any]]:
    return [json.loads(row) for row in account(name, tuple(map(json.dumps, lines))).splitlines()]


@settings(max_examples=25, derandomize=True)
@given(st.sampled_from(SMALL), st.integers(0, 2**32))
def test_lines_of_one_instant_may_stand_in_any_order(name: str, seed: int) -> None:
    rng = random.Random(seed)
    lines = sorted(observed(name), key=lambda line: (line["at"], rng.random()))
    assert account(name, tuple(map(json.dumps, lines))) == _plain(name)


@settings(max_examples=25, derandomize=True)
@given(st.sampled_from(SMALL), st.integers(0, 2**32), st.floats(0.1, 0.5))
def test_what_is_heard_again_within_five_minutes_changes_nothing_byte_for_byte(
    name: str, seed: int, share: float
) -> None:
    rng = random.Random(seed)
    lines = observed(name)
    again = [later(n, rng.uniform(0, 300)) for n in lines if n["type"] == "observation" and rng.random() < share]
    assert account(name, tuple(map(json.dumps, [*lines, *again]))) == _plain(name)


LATE = 120.0


@settings(max_examples=25, derandomize=True)
@given(st.sampled_from(SMALL), st.integers(0, 2**32))
def test_lines_that_come_two_minutes_late_move_times_by_no_more_and_change_nothing_else(name: str, seed: int) -> None:
    rng = random.Random(seed)
    lines = observed(name)
    end = max(line["at"] for line in lines)
    late = [n["type"] == "observation" and rng.random() < 0.2 for n in lines]
    moved = [later(n, rng.uniform(0, LATE)) if it else n for n, it in zip(lines, late, strict=True)]
    _alike(name, [n for n in moved if n["at"] <= end], LATE)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["flap-1", "flap-2"])
def test_of_a_flap_that_is_heard_again_only_the_edges_move_by_less_than_a_poll(name: str, seed: int) -> None:
    """An old good answer may come in its last break."""
    rng = random.Random(seed)
    lines = observed(name)
    again = [later(n, rng.uniform(0, 300)) for n in lines if n["type"] == "observation" and rng.random() < 0.4]
    _alike(name, [*lines, *again], 60.0)


def _alike(name: str, lines: list[Line], within: float) -> None:
    """The same causes, and the same outages but for some seconds."""
    told, plain = retold(name, lines), [json.loads(row) for row in _plain(name).splitlines()]
    assert _causes(told) == _causes(plain)
    assert [row["circuit"] for row in _outages(told)] == [row["circuit"] for row in _outages(plain)]
    for row, former in zip(_outages(told), _outages(plain), strict=True):
        assert _apart(row["started"], former["started"]) <= within
        assert _apart(row["restored"], former["restored"]) <= within


def _causes(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((r["root"]["kind"], r["root"]["id"], r["domain"]) for r in rows if r["type"] == "fault")


def _outages(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((r for r in rows if r["type"] == "outage"), key=lambda r: (r["circuit"], r["started"]))


def _apart(one: str | None, other: str | None) -> float:
    if one is None or other is None:
        return 0.0 if one == other else float("inf")
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds())


# ---------------------------------------------------------------- damaged nights


def shifted(text: str, seconds: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def is_trap(line: Line) -> bool:
    return line["source"] in ("trap", "syslog")


def lose(
    share: float, which: Callable[[Line], bool] = lambda line: True
) -> Callable[[Line, random.Random], list[Line]]:
    return lambda line, rng: [] if which(line) and rng.random() < share else [line]


def double_traps(line: Line, rng: random.Random) -> list[Line]:
    if line.get("occurred") and rng.random() < 0.1:
        return [line, line | {"at": shifted(line["at"], rng.uniform(1, 90))}]
    return [line]


def delay(line: Line, rng: random.Random) -> list[Line]:
    return [line | {"at": shifted(line["at"], rng.uniform(0, 30))}] if rng.random() < 0.1 else [line]


def wrong_clocks(line: Line, rng: random.Random) -> list[Line]:
    if not line.get("occurred"):
        return [line]
    hours = random.Random(line["device"]).choice([0, -3.5, 8, -30, 24 * 365])
    return [line | {"occurred": shifted(line["occurred"], hours * 3600)}]


DAMAGE: dict[str, Callable[[Line, random.Random], list[Line]]] = {
    "a tenth of all lines lost": lose(0.1),
    "most traps lost": lose(0.6, is_trap),
    "a tenth of the traps doubled up to 90 s later": double_traps,
    "a tenth of all lines up to 30 s late": delay,
    "clocks of the equipment hours off": wrong_clocks,
}


def damaged(name: str, damage: Callable[[Line, random.Random], list[Line]], seed: int) -> tuple[str, ...]:
    rng = random.Random(seed)
    out = []
    for text in journal(name):
        line = json.loads(text)
        out += [text] if line["type"] != "observation" else [json.dumps(x) for x in damage(line, rng)]
    return tuple(out)


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_nights_are_understood_all_the_same(kind: str, tmp_path: Path) -> None:
    counted = []
    for seed in (1, 2):
        counted += [score(name, account(name, damaged(name, DAMAGE[kind], seed)), tmp_path) for name in NIGHTS]
    found = total(counted)
    assert found["root"] >= 0.95, found
    assert found["false"] <= 0.05, found
    assert found["outage"] >= 0.95, found
