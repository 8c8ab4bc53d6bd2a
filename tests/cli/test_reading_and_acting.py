"""The commands that read and act, against a served night and against a store whose daemon is away."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

import web_scene as scene
from web_night import ACT, Night
from web_scene import NOW

from netwatch.cli import main
from netwatch.config import load
from netwatch.core.model import Action, Complaint, Decision, Entry, Maintenance, Scope, Work
from netwatch.core.time import parse
from netwatch.store import Store

Run = Callable[..., Result]


@pytest.fixture
def night() -> Night:
    return Night(scene.view())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration whose daemon nobody has started: port 1 of loopback answers to no one."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "act.token").write_text(ACT + "\n")
    write(tmp_path, "127.0.0.1:1")
    return tmp_path


def write(site: Path, listen: str) -> None:
    (site / "config.toml").write_text(f'[web]\nlisten = "{listen}"\n')


def call(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "-c", str(site / "config.toml")])


async def served(night: Night, site: Path, *commands: Sequence[str]) -> list[Result]:
    async with night.served() as url:
        write(site, url.removeprefix("http://"))
        return [await asyncio.to_thread(call, site, *command) for command in commands]


# ---------------------------------------------------------------- reading


async def test_a_list_is_a_table_for_people_and_json_for_programs(night: Night, site: Path) -> None:
    table, data = await served(
        night,
        site,
        ["circuit", "list", "--state", "down", "--assurance", "AAA"],
        ["circuit", "list", "--state", "down", "--assurance", "AAA", "--json"],
    )
    assert table.exit_code == data.exit_code == 0
    lines = table.stdout.splitlines()
    assert lines[0].split() == ["circuit", "state", "class", "since", "customer", "a", "z", "fault", "ticket"]
    assert lines[1].split()[:5] == ["C-1007", "down", "AAA", "2026-11-02", "01:44:00"]
    assert [item["id"] for item in json.loads(data.stdout)] == ["C-1007", "C-1017", "C-1027", "C-1037", "C-1047"]
    assert data.stderr == ""


async def test_each_group_lists_and_shows(night: Night, site: Path) -> None:
    keys = {
        "circuit": "C-1007",
        "alarm": "AGG-7|GE0/0/1|los",
        "fault": "F12",
        "device": "OLT-4",
        "ticket": "T12",
        "maintenance": "M-7",
    }
    commands = [["list"], ["show", ""]]
    for group, key in keys.items():
        results = await served(
            night, site, *([group, *c[:1], *([key] if len(c) > 1 else []), "--json"] for c in commands)
        )
        listed, shown = (json.loads(r.stdout) for r in results)
        assert shown["id"] == key
        assert any(item["id"] == key for item in listed) or group in ("circuit", "device")


async def test_more_than_the_limit_is_said_and_zero_lists_all(night: Night, site: Path) -> None:
    some, everything = await served(
        night, site, ["circuit", "list", "--limit", "3", "--json"], ["device", "list", "--limit", "0", "--json"]
    )
    assert len(json.loads(some.stdout)) == 3
    assert "and 397 more" in some.stderr
    assert len(json.loads(everything.stdout)) == 421
    assert everything.stderr == ""


async def test_one_thing_in_full_is_told_in_tables(night: Night, site: Path) -> None:
    (result,) = await served(night, site, ["fault", "show", "F12"])
    for needed in ("LOS at both ends of L-07", "cable K-07", "outages", "C-1007", "repair", "on_site", "journal"):
        assert needed in result.stdout, needed
    assert "{'" not in result.stdout


async def test_headings_follow_the_terminals_language(
    night: Night, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (result,) = await served(night, site, ["ticket", "list", "--open", "true"])
    assert result.stdout.split()[:3] == ["工单", "状态", "类型"]


PLAN = ("maintenance", "add", "M-9", "--end", "2026-11-09T02:00")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["circuit", "show", "C-10077"], 1, 'did you mean "C-1077"?'),
        (["circuit", "list", "--state", "dwn"], 2, 'did you mean "down"?'),
        (["ticket", "ack", "T99"], 1, 'did you mean "T9"?'),
        (["ticket", "pause", "T15", "--reason", "custmer_power"], 2, 'did you mean "customer_power"?'),
        (["ticket", "pause", "T15"], 2, "one of customer_absent"),
        ([*PLAN, "--start", "2026-11-09T01:00"], 2, "what does the work touch?"),
        ([*PLAN, "--start", "monday", "--site", "S-01"], 2, "is no time"),
        ([*PLAN, "--start", "2026-11-09T01:00", "--every", "daily", "--site", "S-01"], 2, "go together"),
    ],
)  # fmt: skip
async def test_what_is_refused_says_why_on_stderr(
    night: Night, site: Path, command: list[str], status: int, words: str
) -> None:
    (result,) = await served(night, site, command)
    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr
    assert night.facts == []


# ---------------------------------------------------------------- acting


async def test_every_act_reaches_the_daemon(night: Night, site: Path) -> None:
    needs = {"pause": ["--reason", "customer_power"], "reject": ["--reason", "not ours"]}
    commands = [["ticket", act, "T15", "--by", "li", *needs.get(act, [])] for act in Action]
    results = await served(night, site, *commands)
    assert [r.exit_code for r in results] == [0] * len(commands), [r.stderr for r in results]
    assert [f.action for f in night.facts if isinstance(f, Work)] == list(Action)
    assert results[0].stderr == "taken: ack T15\n"


async def test_a_back_dated_pause_of_named_circuits(night: Night, site: Path) -> None:
    (result,) = await served(
        night,
        site,
        [
            *("ticket", "pause", "T12", "--by", "li", "--reason", "site_access", "--circuit", "C-1001"),
            *("--circuit", "C-1002", "--since", "2026-11-02T02:50", "--approved-by", "wang", "--json"),
        ],
    )
    assert json.loads(result.stdout)["since"] == "2026-11-02T02:50:00.000+08:00"
    since = parse("2026-11-02T02:50:00+08:00")
    assert night.facts == [Work(NOW, ("C-1001", "C-1002"), Action.PAUSE, "li", "site_access", since, "wang")]


async def test_complaints_and_planned_work_are_entered(night: Night, site: Path) -> None:
    results = await served(
        night,
        site,
        ["complaint", "add", "C-1042", "--channel", "10086", "--text", "慢"],
        [
            *("maintenance", "add", "M-9", "--start", "2026-11-09T01:00", "--end", "2026-11-09T05:00+08:00"),
            *("--device", "AGG-3", "--cable", "K-04", "--cable", "K-05"),
        ],
        ["maintenance", "cancel", "M-8"],
    )
    assert [r.exit_code for r in results] == [0, 0, 0], [r.stderr for r in results]
    said, planned, cancelled = night.facts
    assert said == Complaint(NOW, "C-1042", "10086", "慢")
    assert isinstance(planned, Maintenance)
    assert planned.start == parse("2026-11-09T01:00:00+08:00")
    assert planned.scope == (Scope("device", "AGG-3"), Scope("cable", "K-04"), Scope("cable", "K-05"))
    assert isinstance(cancelled, Maintenance)
    assert cancelled.cancelled


async def test_an_act_that_the_engine_refuses_fails_and_tells_why(night: Night, site: Path) -> None:
    night.decided = [Entry(NOW, "act.refused", "T12", "monitoring sees C-1007 down")]
    (result,) = await served(night, site, ["ticket", "restore", "T12", "--by", "li"])
    assert result.exit_code == 1
    assert "refused: restore T12" in result.stderr
    assert "monitoring sees C-1007 down" in result.stderr


async def test_an_act_said_before_changes_nothing_and_says_so(night: Night, site: Path) -> None:
    night.decided = [Entry(NOW, "act.accept", "T9", "")]
    again, first = await served(night, site, ["ticket", "accept", "T9"], ["ticket", "accept", "T16"])
    assert (again.exit_code, again.stderr) == (0, "done before: accept T9\n")
    assert first.stderr == "done: accept T16\n"


async def test_a_token_that_may_not_be_read_is_said_with_its_place_and_cure(night: Night, site: Path) -> None:
    (site / "state" / "act.token").unlink()
    (result,) = await served(night, site, ["ticket", "ack", "T12"])
    assert result.exit_code == 1
    assert str(site / "state" / "act.token") in result.stderr
    assert "as the daemon's user" in result.stderr


async def test_shares_are_read_as_percent_by_people_and_as_numbers_by_programs(night: Night, site: Path) -> None:
    people, programs = await served(night, site, ["ticket", "list"], ["ticket", "list", "--json"])
    assert "71%" in people.stdout
    assert 0.71 in [ticket["breach_probability"] for ticket in json.loads(programs.stdout)]


async def test_a_wrong_token_is_said_with_its_cure(night: Night, site: Path) -> None:
    (site / "state" / "act.token").write_text("another")
    (result,) = await served(night, site, ["ticket", "ack", "T12"])
    assert result.exit_code == 1
    assert "act.token" in result.stderr


# ---------------------------------------------------------------- the daemon is away


@pytest.fixture
async def remembered(site: Path) -> Path:
    """A store that holds the night; its ledger is not there."""
    config = load(site / "config.toml")
    async with await Store.open(config.database_url()) as store:
        await store.commit(Decision(NOW, (), tuple(scene.night(scene.ledger())), scene.entries(), ()))
    return site


async def test_without_a_daemon_the_store_is_read_and_its_age_told(remembered: Path) -> None:
    result = await asyncio.to_thread(call, remembered, "ticket", "list", "--open", "true", "--json")
    assert result.exit_code == 0, result.stderr
    assert "daemon not running: as of 2026-11-02 03:" in result.stderr
    assert [t["id"] for t in json.loads(result.stdout)] == ["T9", "T12", "T14", "T15", "T16", "T17", "T18", "T19"]
    shown = await asyncio.to_thread(call, remembered, "fault", "show", "F12", "--json")
    fault = json.loads(shown.stdout)
    assert (fault["outages_total"], fault["repair"]["id"]) == (11, "T12")
    assert fault["journal"][0]["kind"] == "act.arrive"


async def test_without_a_daemon_wrong_words_are_still_told(remembered: Path) -> None:
    result = await asyncio.to_thread(call, remembered, "ticket", "list", "--state", "sent")
    assert result.exit_code == 2
    assert "is no such state" in result.stderr
    assert (await asyncio.to_thread(call, remembered, "ticket", "show", "T99")).exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ["ticket", "ack", "T12"],
        ["complaint", "add", "C-1"],
        ["circuit", "customer", "C-1"],
        ["maintenance", "cancel", "M-7"],
    ],
)
async def test_without_a_daemon_nothing_is_done_behind_its_back(remembered: Path, command: list[str]) -> None:
    result = await asyncio.to_thread(call, remembered, *command)
    assert (result.exit_code, result.stdout) == (69, "")
    assert "no daemon at http://127.0.0.1:1" in result.stderr


async def test_with_neither_daemon_nor_store_it_is_unavailable(site: Path) -> None:
    result = await asyncio.to_thread(call, site, "ticket", "list")
    assert result.exit_code == 69
    assert "no daemon at" in result.stderr


async def test_what_answers_there_may_be_somebody_else(site: Path) -> None:
    async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        write(site, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        result = await asyncio.to_thread(call, site, "ticket", "list")
    assert result.exit_code == 69
    assert "no NetWatch" in result.stderr
