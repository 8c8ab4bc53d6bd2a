"""The commands as a shell calls them: exit status, what goes to stdout and what to stderr."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from netwatch import __version__
from netwatch.cli import COMMANDS, main
from netwatch.cli.common import CONFIGURATION, FINDINGS, FINE, USAGE, emit, fail, show
from netwatch.findings import Finding

PROJECT = Path(__file__).resolve().parent.parent.parent
GOOD = PROJECT / "tests/data/ledger/good"


def call(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


def site(folder: Path, text: str = "") -> Path:
    """A site with the good ledger."""
    shutil.copytree(GOOD, folder / "ledger")
    (folder / "community").write_text("hunter2")
    (folder / "community").chmod(0o600)
    (folder / "config.toml").write_text('[credentials.lab]\ncommunity = {file = "community"}\n' + text)
    return folder / "config.toml"


# ---------------------------------------------------------------- the group


def test_a_name_that_the_output_cannot_show_does_not_cost_the_answer(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "after")
    with (tmp_path / "after/sites.csv").open("a", encoding="utf-8") as sites:
        sites.write("茶市,,,,,,,,\n")
    done = subprocess.run(
        [sys.executable, "-c", "from netwatch.cli import main; main()", "ledger", "diff", GOOD, tmp_path / "after"],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (FINE, False)
    assert rb"\u8336\u5e02" in done.stdout


def test_help_lists_every_command_that_is_there_with_one_line() -> None:
    result = call("--help")
    assert result.exit_code == FINE
    there = {name for name, (module, _) in COMMANDS.items() if (PROJECT / f"netwatch/cli/{module}.py").exists()}
    assert {"check", "ledger"} <= there
    for name, (_, text) in COMMANDS.items():
        assert (f"  {name} " in result.stdout and text in result.stdout) == (name in there)


def test_every_command_that_is_there_can_be_loaded() -> None:
    with click.Context(main) as context:
        for name in main.list_commands(context):
            command = main.get_command(context, name)
            assert command is not None
            assert command.get_short_help_str()


def test_a_module_that_is_not_there_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "dream", ("dream", "Not written."))
    assert "dream" not in call("--help").stdout
    assert call("dream").exit_code == USAGE


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom netwatch.cli import main\nmain(['--help'], standalone_mode=False)\n"
        "heavy = {'pydantic', 'rich', 'asyncio', 'sqlalchemy', 'numpy', 'pysnmp', 'fastapi', 'netmiko', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stderr.strip() == "[]"


def test_the_version_is_told() -> None:
    assert call("--version").stdout == f"netwatch {__version__}\n"


def test_a_misspelt_command_is_a_usage_error_with_a_hint() -> None:
    result = call("chekc")
    assert result.exit_code == USAGE
    assert 'did you mean "check"?' in result.stderr
    assert result.stdout == ""


# ---------------------------------------------------------------- common


def test_findings_end_a_command_with_the_status_of_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fail([Finding("a:1", "is wrong", "mend it")])
    assert caught.value.code == CONFIGURATION
    out, err = capsys.readouterr()
    assert out == ""
    assert "error a:1: is wrong (mend it)" in err


def test_a_finding_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail([Finding("a\x1b[2J:1", "is wrong\nerror b:1: made up")])
    err = capsys.readouterr().err
    assert "\x1b[2J" not in err
    assert len(err.splitlines()) == 1


def test_json_keeps_characters_and_order(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"b": "电路", "a": None})
    assert capsys.readouterr().out == '{"b":"电路","a":null}\n'


def test_a_table_is_not_cut_when_it_is_piped(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        [{"id": "C-1", "note": "x" * 120, "on": True, "none": None, "[red]": 1}], ("id", "note", "on", "none", "[red]")
    )
    out = capsys.readouterr().out
    assert "x" * 120 in out
    assert "[red]" in out


def test_an_empty_table_is_talk_and_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    show([], ("id",), none="no circuit")
    assert capsys.readouterr() == ("", "no circuit\n")


# ---------------------------------------------------------------- check


def test_a_good_site_is_fine(tmp_path: Path) -> None:
    result = call("check", "-c", site(tmp_path))
    assert (result.exit_code, result.stdout) == (FINE, "")
    assert "fine" in result.stderr


def test_every_part_of_a_site_is_checked_at_once(tmp_path: Path) -> None:
    config = site(tmp_path, '[poll]\nintervall_seconds = 1\n[channels.hook]\nkind = "webhook"\nurl = {env = "NONE"}\n')
    (tmp_path / "ledger/teams.csv").write_text("team,skills\nT-1,cabel\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/sla.toml").write_text("nothing = 1\n")
    (tmp_path / "collectors/mine").mkdir(parents=True)
    (tmp_path / "collectors/mine/profile.toml").write_text("[broken\n")
    result = call("check", "--json", "-c", config)
    assert result.exit_code == CONFIGURATION
    data = json.loads(result.stdout)
    places = " ".join(f["place"] for f in data["findings"])
    assert not data["ok"]
    assert data["errors"] >= 4
    for part in ("config.toml:4", "ledger/teams.csv:2:skills", "rules/sla.toml", "collectors/mine/profile.toml:1"):
        assert part in places


def test_a_secret_that_cannot_be_read_is_told_at_its_line_and_not_shown(tmp_path: Path) -> None:
    config = site(tmp_path)
    (tmp_path / "community").chmod(0o644)
    result = call("check", "-c", config)
    assert result.exit_code == CONFIGURATION
    assert f"{config}:2: credentials.lab.community" in result.stderr
    assert "chmod o=" in result.stderr
    assert "hunter2" not in result.output


def test_a_credential_of_the_unit_cannot_be_checked_from_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config = site(tmp_path, '[web]\ntoken = {credential = "token"}\n')
    result = call("check", "-c", config)
    assert result.exit_code == FINE
    assert "web.token" in result.stderr


def test_what_is_allowed_and_seldom_meant_is_a_warning(tmp_path: Path) -> None:
    text = '[web]\nlisten = "192.0.2.1:80"\ntoken = {file = "community"}\n[routing]\nnoc = []\n'
    data = json.loads(call("check", "--json", "-c", site(tmp_path, text)).stdout)
    # Whether the calendar is warned of, too, depends on the day.
    told = [f for f in data["findings"] if "calendar.toml" not in f["place"]]
    assert [(f["warning"], f["what"].split(":")[0]) for f in told] == [
        (True, "web.listen"),
        (True, "routing.noc"),
    ]


def test_a_calendar_without_the_year_is_a_warning_that_names_the_cure(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "calendar.toml").write_text("[year.1999]\nholidays = []\n")
    result = call("check", "-c", site(tmp_path, '[paths]\nrules = "rules"\n'))
    assert "calendar.toml: holds no holidays of 20" in result.stderr
    assert "State Council" in result.stderr
    assert result.exit_code == 0


def test_polls_too_seldom_to_see_one_event_as_one_are_a_warning_that_names_the_cure(tmp_path: Path) -> None:
    config = site(tmp_path, '[paths]\nrules = "rules"\n[poll]\ninterval_seconds = 300\n')
    result = call("check", "-c", config)
    assert "poll.interval_seconds: two polls take 600 s" in result.stderr
    assert "evidence.agreement_seconds of rules/alarms.toml to at least 600" in result.stderr
    assert result.exit_code == FINE
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "alarms.toml").write_text("[evidence]\nagreement_seconds = 600\n")
    assert "two polls" not in call("check", "-c", config).stderr


def test_a_credential_that_the_ledger_names_must_be_configured(tmp_path: Path) -> None:
    config = site(tmp_path)
    config.write_text(config.read_text().replace("credentials.lab", "credentials.labor"))
    result = call("check", "-c", config)
    assert result.exit_code == CONFIGURATION
    assert "devices.csv:2:credential" in result.stderr
    assert 'did you mean "labor"?' in result.stderr


def test_the_shipped_configuration_is_usable_as_it_is() -> None:
    result = call("check", "-c", PROJECT / "config.toml")
    assert [line for line in result.stderr.splitlines() if "config.toml:" in line and "error " in line] == []


def test_without_c_the_configuration_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert json.loads(call("check", "--json").stdout)["config"] == "config.toml"
    monkeypatch.setenv("NETWATCH_CONFIG", str(tmp_path / "other.toml"))
    result = call("check")
    assert result.exit_code == CONFIGURATION
    assert "other.toml" in result.stderr


# ---------------------------------------------------------------- ledger


def test_ledger_check_counts_what_is_there() -> None:
    data = json.loads(call("ledger", "check", GOOD, "--json").stdout)
    assert data["ok"]
    assert data["counts"] == {"sites": 2, "devices": 7, "links": 6, "customers": 2, "circuits": 3, "teams": 1}


def test_ledger_check_tells_all_and_ends_with_78(tmp_path: Path) -> None:
    assert call("ledger", "check", tmp_path).exit_code == CONFIGURATION
    result = call("ledger", "check", tmp_path, "--json")
    assert result.exit_code == CONFIGURATION
    assert json.loads(result.stdout)["findings"][0]["what"] == "holds no CSV file"


def test_ledger_import_says_what_changed_and_where_the_former_is(tmp_path: Path) -> None:
    config = site(tmp_path)
    new = tmp_path / "new"
    shutil.copytree(GOOD, new)
    (new / "teams.csv").write_text((new / "teams.csv").read_text() + "T-2,,power,R1,,,log,\n")
    data = json.loads(call("ledger", "import", new, "-c", config, "--json").stdout)
    assert data["former"] == str(tmp_path / "ledger.former-1")
    assert data["changes"] == {"added": 1, "changed": 0, "removed": 0}
    again = call("ledger", "import", new, "-c", config)
    assert again.exit_code == FINE
    assert "0 added, 0 changed, 0 removed" in again.stderr
    assert "ledger.former-2" in again.stderr


def test_a_bad_import_changes_nothing(tmp_path: Path) -> None:
    config = site(tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new/links.csv").write_text("link\n")
    before = {p.name: p.read_bytes() for p in (tmp_path / "ledger").iterdir()}
    assert call("ledger", "import", tmp_path / "new", "-c", config).exit_code == CONFIGURATION
    assert {p.name: p.read_bytes() for p in (tmp_path / "ledger").iterdir()} == before


def test_a_former_ledger_that_cannot_be_read_does_not_stop_an_import(tmp_path: Path) -> None:
    config = site(tmp_path)
    (tmp_path / "ledger/links.csv").unlink()
    result = call("ledger", "import", GOOD, "-c", config, "--json")
    assert result.exit_code == FINE
    assert json.loads(result.stdout)["changes"] is None


def test_ledger_diff_shows_every_change(tmp_path: Path) -> None:
    new = Path(shutil.copytree(GOOD, tmp_path / "new"))
    (new / "circuits.csv").write_text((new / "circuits.csv").read_text().replace("data,AAA", "data,AA"))
    assert json.loads(call("ledger", "diff", GOOD, new, "--json").stdout) == [
        {"table": "circuits", "id": "C-1", "change": "changed", "fields": {"assurance": ["AAA", "AA"]}}
    ]
    assert "assurance" in call("ledger", "diff", GOOD, new).stdout
    same = call("ledger", "diff", GOOD, GOOD)
    assert (same.exit_code, same.stdout, same.stderr) == (FINE, "", "no difference\n")
    assert call("ledger", "diff", GOOD, tmp_path / "none").exit_code == CONFIGURATION


def test_ledger_template_does_not_overwrite_work(tmp_path: Path) -> None:
    out = tmp_path / "t.xlsx"
    assert call("ledger", "template", out).exit_code == FINE
    assert call("ledger", "check", out).exit_code == FINE
    out.write_bytes(b"work")
    assert call("ledger", "template", out).exit_code == USAGE
    assert out.read_bytes() == b"work"
    assert call("ledger", "template", out, "--force").exit_code == FINE


def test_statuses_are_those_of_the_surface() -> None:
    assert (FINE, FINDINGS, USAGE, CONFIGURATION) == (0, 1, 2, 78)
