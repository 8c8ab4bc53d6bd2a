"""`netwatch install-service`: what it would write, what it writes, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netwatch.cli.install_service import command, program
from netwatch.config import load

FILES = {
    "etc/systemd/system/netwatch.service",
    "etc/systemd/system/netwatch-traps.socket",
    "etc/systemd/system/netwatch-syslog.socket",
    "etc/sysusers.d/netwatch.conf",
    "etc/tmpfiles.d/netwatch.conf",
    "etc/netwatch/config.toml",
}


def install(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def written(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_everything_lands_below_root_with_this_installations_own_program(tmp_path: Path) -> None:
    assert install("--root", str(tmp_path)).exit_code == 0
    assert written(tmp_path) == FILES
    unit = (tmp_path / "etc/systemd/system/netwatch.service").read_text("utf-8")
    assert f"ExecStart={program()} run -c /etc/netwatch/config.toml\n" in unit


def test_a_dry_run_prints_every_file_and_writes_none(tmp_path: Path) -> None:
    said = install("--dry-run", "--root", str(tmp_path))
    assert said.exit_code == 0
    assert written(tmp_path) == set()
    for name in FILES:
        assert f"# new: {tmp_path / name}\n" in said.stdout
    assert f"ExecStart={program()} run" in said.stdout


def test_a_second_time_nothing_is_touched(tmp_path: Path) -> None:
    install("--root", str(tmp_path))
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in FILES}
    said = install("--root", str(tmp_path))
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in FILES} == before
    assert "new:" not in said.stderr
    assert "changed:" not in said.stderr


def test_a_unit_of_an_older_release_is_replaced_and_the_sites_config_is_not(tmp_path: Path) -> None:
    install("--root", str(tmp_path))
    unit, config = tmp_path / "etc/systemd/system/netwatch.service", tmp_path / "etc/netwatch/config.toml"
    fresh = unit.read_text("utf-8")
    unit.write_text("[Service]\n", "utf-8")
    config.write_text("# ours\n", "utf-8")
    said = install("--root", str(tmp_path))
    assert f"changed: {unit}" in said.stderr
    assert unit.read_text("utf-8") == fresh
    assert config.read_text("utf-8") == "# ours\n"


def test_the_installed_config_can_be_used_and_keeps_its_state_where_the_service_may_write(tmp_path: Path) -> None:
    install("--root", str(tmp_path))
    config = load(tmp_path / "etc/netwatch/config.toml")
    unit = (tmp_path / "etc/systemd/system/netwatch.service").read_text("utf-8")
    assert config.paths.state == Path("/var/lib/netwatch")
    assert "StateDirectory=netwatch\n" in unit


def test_the_config_is_not_readable_by_everyone(tmp_path: Path) -> None:
    install("--root", str(tmp_path))
    assert (tmp_path / "etc/netwatch/config.toml").stat().st_mode & 0o007 == 0


def test_without_root_it_refuses_and_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = install()
    assert said.exit_code == 1
    assert "sudo netwatch install-service" in said.stderr
