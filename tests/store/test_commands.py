"""`netwatch backup`, `restore` and `db`, as an operator calls them."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from netwatch.cli import main
from netwatch.store import Store


@pytest.fixture
def site(tmp_path: Path, make: SimpleNamespace) -> Path:
    """A site's folder with a database in it."""
    (tmp_path / "config.toml").write_text("")

    async def fill() -> None:
        async with await Store.open(str(tmp_path / "state" / "netwatch.db")) as store:
            await store.commit(make.decision(1, 2, 3), [make.send()], snapshot="state")

    asyncio.run(fill())
    return tmp_path


@pytest.fixture
def netwatch(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [*map(str, arguments), "-c", str(tmp_path / "config.toml")])

    return run


def test_a_backup_and_its_restore(site: Path, netwatch: Callable[..., Result]) -> None:
    copy = site / "night.db"
    assert netwatch("backup", copy).exit_code == 0
    assert copy.exists()
    result = netwatch("restore", copy, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["held"] == 1
    assert Path(told["former"]).parent == site / "state"
    assert netwatch("restore", copy).exit_code == 0


def test_a_backup_is_taken_while_another_process_thinks_and_a_restore_is_not(
    site: Path, netwatch: Callable[..., Result], project: Path
) -> None:
    thinker = [sys.executable, str(Path(__file__).with_name("thinker.py")), str(site / "state" / "netwatch.db")]
    with subprocess.Popen(
        thinker, stdout=subprocess.PIPE, text=True, cwd=project, env={**os.environ, "PYTHONPATH": "."}
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            assert netwatch("backup", site / "night.db").exit_code == 0
            assert netwatch("db", "verify").exit_code == 0
            for refused in (("restore", site / "night.db"), ("db", "upgrade")):
                result = netwatch(*refused)
                assert result.exit_code == 75
                assert f"process {process.pid}" in result.output
                assert "stop it first" in result.output
        finally:
            process.kill()


def test_a_file_that_is_no_backup_is_refused(site: Path, netwatch: Callable[..., Result]) -> None:
    (site / "junk.db").write_bytes(b"junk" * 1000)
    result = netwatch("restore", site / "junk.db")
    assert result.exit_code == 1
    assert "damaged or no NetWatch database" in result.output
    assert netwatch("restore", site / "absent.db").exit_code == 2


def test_verify_tells_the_heads_and_what_was_tampered_with(site: Path, netwatch: Callable[..., Result]) -> None:
    result = netwatch("db", "verify")
    assert result.exit_code == 0
    assert result.stdout.startswith("facts 3:")
    with sqlite3.connect(site / "state" / "netwatch.db") as other:
        other.execute("DELETE FROM facts WHERE seq = 2")
    result = netwatch("db", "verify", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["ok"], told["findings"][0]["place"]) == (False, "facts 2")


def test_version_and_upgrade(site: Path, netwatch: Callable[..., Result]) -> None:
    result = netwatch("db", "version", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"database": "0001", "netwatch": "0001"})
    assert netwatch("db", "upgrade").exit_code == 0
    (site / "state" / "netwatch.db").unlink()
    for command in ("version", "upgrade", "verify"):
        result = netwatch("db", command)
        assert result.exit_code == 1
        assert "no database yet" in result.output
    assert netwatch("backup", site / "copy.db").exit_code == 1
