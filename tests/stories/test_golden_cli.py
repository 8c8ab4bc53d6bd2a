"""`netwatch replay` as a shell sees it: exit status, line numbers, and the same bytes always."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from golden import notation

from netwatch.cli import main

PROJECT = Path(__file__).resolve().parents[2]
STREET = notation.LEDGERS / "street"
FINE = '{"at":"2026-11-02T08:00:00+08:00","type":"tick"}'
UNREADABLE = [
    pytest.param(entry["line"], entry["says"], id=f"{group}: {name}")
    for group, entries in tomllib.loads((notation.HERE / "unreadable.toml").read_text(encoding="utf-8")).items()
    for name, entry in entries.items()
]


def replay(journal: Path, *more: object, ledger: Path = STREET) -> Result:
    return CliRunner().invoke(main, ["replay", str(journal), "--ledger", str(ledger), "--json", *map(str, more)])


def rows(result: Result, kind: str) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [row for line in result.stdout.splitlines() if (row := json.loads(line))["type"] == kind]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "night.jsonl"


def observed(at: str, state: str, **more: str) -> str:
    doc = {"at": f"2026-11-02T{at}+08:00", "type": "observation", "device": "HUB", "component": "GE0/0/1"}
    return json.dumps(doc | {"condition": "link", "state": state, "source": "trap"} | more)


def act(at: str, action: str, reason: str) -> str:
    doc = {"at": f"2026-11-02T{at}+08:00", "type": "work", "circuit": "C-AAA", "by": "team-1"}
    return json.dumps(doc | {"action": action, "reason": reason})


# ---------------------------------------------------------------- 2: a line that cannot be read


@pytest.mark.parametrize(("line", "says"), UNREADABLE)
def test_a_line_that_cannot_be_read_ends_with_2_its_number_and_what_is_wrong(
    journal: Path, line: str, says: str
) -> None:
    journal.write_text(f"{FINE}\n{line}\n{FINE}\n", encoding="utf-8")
    result = replay(journal)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{journal}:2" in result.stderr
    assert says in result.stderr


def test_every_line_that_cannot_be_read_is_told_at_once(journal: Path) -> None:
    journal.write_text(f"{FINE}\none\n\n{FINE}\ntwo\n", encoding="utf-8")
    result = replay(journal)
    assert result.exit_code == 2
    assert [f"{journal}:{n}" in result.stderr for n in (1, 2, 3, 4, 5)] == [False, True, False, False, True]


def test_bytes_that_are_no_text_make_their_own_line_unreadable(journal: Path) -> None:
    journal.write_bytes(FINE.encode() + b"\n\xff\xfe\x00\n" + FINE.encode() + b"\n")
    result = replay(journal)
    assert result.exit_code == 2
    assert f"{journal}:2" in result.stderr


def test_a_journal_that_is_not_there_ends_with_2(journal: Path) -> None:
    assert replay(journal).exit_code == 2


# ---------------------------------------------------------------- 78: what is given to judge by


def broken_ledger(folder: Path) -> list[object]:
    shutil.copytree(STREET, folder / "ledger")
    (folder / "ledger/circuits.csv").write_text("circuit,customer,assurance\nC-1,CU-GHOST,AAAA\n", encoding="utf-8")
    return ["--ledger", folder / "ledger"]


def no_ledger(folder: Path) -> list[object]:
    return ["--ledger", folder / "nowhere"]


def broken_rules(folder: Path) -> list[object]:
    (folder / "sla.toml").write_text("[[policy]\n", encoding="utf-8")
    return ["--rules", folder]


def senseless_rules(folder: Path) -> list[object]:
    shipped = (PROJECT / "rules/sla.toml").read_text(encoding="utf-8")
    (folder / "sla.toml").write_text(shipped.replace("AAA = 120", 'AAA = "soon"'), encoding="utf-8")
    return ["--rules", folder]


def no_rules(folder: Path) -> list[object]:
    return ["--rules", folder / "nowhere"]


def broken_config(folder: Path) -> list[object]:
    (folder / "config.toml").write_text('[site]\nzone = "Mars/Olympus"\n', encoding="utf-8")
    return ["--config", folder / "config.toml"]


@pytest.mark.parametrize("what", [broken_ledger, no_ledger, broken_rules, senseless_rules, no_rules, broken_config])
def test_what_cannot_be_judged_by_ends_with_78(journal: Path, tmp_path: Path, what: Any) -> None:
    journal.write_text(FINE, encoding="utf-8")
    result = replay(journal, *what(tmp_path))
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr


# ---------------------------------------------------------------- 0: whatever was decided


@pytest.mark.parametrize(
    "text", ["", "\n\n", FINE, f"\ufeff{FINE}\r\n\r\n"], ids=["nothing", "empty", "tick", "windows"]
)
def test_a_night_without_anything_is_fine(journal: Path, text: str) -> None:
    journal.write_bytes(text.encode())
    result = replay(journal)
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_breach_is_no_failure(journal: Path) -> None:
    journal.write_text("\n".join([observed("08:00:00", "bad"), observed("11:00:00", "ok")]), encoding="utf-8")
    assert [row["breached"] for row in rows(replay(journal), "outage")] == [True]


def test_unknown_keys_are_kept_and_stop_nothing(journal: Path) -> None:
    lines = [observed("08:00:00", "bad", severity="critical"), observed("09:00:00", "ok", 备注="误报")]
    journal.write_text("\n".join(lines), encoding="utf-8")
    assert [row["gross_seconds"] for row in rows(replay(journal), "outage")] == [3600]


def test_a_journal_may_come_through_a_pipe(journal: Path) -> None:
    lines = "\n".join([observed("08:00:00", "bad"), observed("09:00:00", "ok")])
    journal.write_text(lines, encoding="utf-8")
    piped = CliRunner().invoke(main, ["replay", "-", "--ledger", str(STREET), "--json"], input=lines)
    assert (piped.exit_code, piped.stdout) == (0, replay(journal).stdout)


def test_empty_lines_count_in_line_numbers_of_problems(journal: Path) -> None:
    journal.write_text(f"{FINE}\n\n\n" + observed("08:00:01", "bad", device="GHOST-9"), encoding="utf-8")
    assert rows(replay(journal), "problem") == [
        {"type": "problem", "line": 4, "what": "no device GHOST-9 in the ledger"}
    ]


# ---------------------------------------------------------------- rules and configuration of the site


@pytest.mark.parametrize(("stops", "net"), [("true", 1800), ("false", 3600)])
def test_a_site_may_add_reasons(journal: Path, tmp_path: Path, stops: str, net: int) -> None:
    shipped = (PROJECT / "rules/sla.toml").read_text(encoding="utf-8")
    own = shipped.replace("[policy.pauses]", f"[policy.pauses]\ngate_closed = {{ stops = {stops} }}")
    (tmp_path / "sla.toml").write_text(own, encoding="utf-8")
    lines = [observed("08:00:00", "bad"), act("08:30:00", "pause", "gate_closed"), observed("09:00:00", "ok")]
    journal.write_text("\n".join(lines), encoding="utf-8")
    assert [row["net_seconds"] for row in rows(replay(journal, "--rules", tmp_path), "outage")] == [net]
    assert replay(journal).exit_code == 2


def test_a_folder_without_rule_files_is_told_and_the_shipped_rules_judge(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "fault.toml").write_text("", encoding="utf-8")
    journal.write_text(FINE, encoding="utf-8")
    result = replay(journal, "--rules", tmp_path)
    assert (result.exit_code, result.stdout) == (0, replay(journal).stdout)
    assert "no rule file" in result.stderr


def test_a_night_can_be_replayed_against_changed_limits(journal: Path, tmp_path: Path) -> None:
    shipped = (PROJECT / "rules/sla.toml").read_text(encoding="utf-8")
    (tmp_path / "sla.toml").write_text(shipped.replace("AAA = 120", "AAA = 30"), encoding="utf-8")
    journal.write_text("\n".join([observed("08:00:00", "bad"), observed("09:00:00", "ok")]), encoding="utf-8")
    assert [row["breached"] for row in rows(replay(journal), "outage")] == [False]
    assert [row["breached"] for row in rows(replay(journal, "--rules", tmp_path), "outage")] == [True]


def test_the_sites_zone_writes_the_times(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[site]\nzone = "Asia/Urumqi"\n', encoding="utf-8")
    journal.write_text("\n".join([observed("08:00:00", "bad"), observed("09:00:00", "ok")]), encoding="utf-8")
    assert [row["started"][:19] for row in rows(replay(journal), "outage")] == ["2026-11-02T08:00:00"]
    (row,) = rows(replay(journal, "--config", tmp_path / "config.toml"), "outage")
    assert (row["started"][:19], row["started"][-6:]) == ("2026-11-02T06:00:00", "+06:00")


# ---------------------------------------------------------------- the same bytes


def test_the_same_night_gives_the_same_bytes_on_every_machine(journal: Path, tmp_path: Path) -> None:
    """Twice, in other zones, with other hash seeds and locales, its lines shuffled and doubled."""
    lines = [
        line
        for case in notation.cases()
        if case.ledger == "street" and "calend" not in case.topic
        for line in case.lines
        if '"circuit": "SHOP"' in line or "observation" in line
    ]
    lines = list(dict.fromkeys(lines))
    at = [json.loads(line)["at"] for line in lines]
    lines = [line for line, when in zip(lines, at, strict=True) if at.count(when) == 1]
    assert len(lines) > 100
    journal.write_text("\n".join(lines), encoding="utf-8")
    other = tmp_path / "shuffled.jsonl"
    other.write_text("\n".join(random.Random(1).sample(lines * 2, len(lines) * 2)), encoding="utf-8")
    here = replay(journal)
    assert here.exit_code == 0
    assert '"outage"' in here.stdout
    machines = [
        (journal, {"TZ": "America/New_York", "PYTHONHASHSEED": "1", "LC_ALL": "C"}),
        (journal, {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"}),
        (other, {"TZ": "UTC", "PYTHONHASHSEED": "3"}),
    ]
    command = [
        sys.executable,
        "-c",
        "from netwatch.cli import main; main()",
        "replay",
        "--ledger",
        str(STREET),
        "--json",
    ]
    running = [
        subprocess.Popen([*command, str(path)], env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for path, env in machines
    ]
    told = [(process.communicate()[0].decode(), process.returncode) for process in running]
    assert told == [(here.stdout, 0)] * 3


def explained(journal: Path, *subject: str) -> Result:
    return CliRunner().invoke(main, ["replay", str(journal), "--ledger", str(STREET), "--explain", *subject])


def test_of_a_recorded_night_can_be_asked_why(journal: Path) -> None:
    lines = [observed("08:00:00", "bad"), observed("08:20:00", "ok"), FINE.replace("08:00", "09:00")]
    journal.write_text("\n".join(lines), "utf-8")
    told = {row["circuit"]: row for row in rows(replay(journal), "outage")}
    circuit, fault = next((c, row["fault"]) for c, row in told.items())
    done = explained(journal, circuit)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"circuit {circuit}: up\n")
    assert "08:00:00  heard     HUB GE0/0/1: link bad, by trap" in done.stdout
    assert "20 min gross, 20 min net: kept" in done.stdout
    found = json.loads(explained(journal, fault, "--json").stdout)
    assert [case["fault"] for case in found["cases"]] == [fault]


def test_who_asks_why_of_a_name_that_the_night_does_not_know_is_told_so(journal: Path) -> None:
    journal.write_text(FINE, "utf-8")
    done = explained(journal, "NOBODY")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing is known by the name NOBODY" in done.stderr
