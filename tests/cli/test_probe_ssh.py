"""`netwatch probe --ssh` against a real SSH server on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from netwatch.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))  # where ssh_box lies

from ssh_box import Box


@pytest.fixture
def box() -> Iterator[Box]:
    box = Box().start()
    yield box
    box.stop()


def probe(
    tmp_path: Path, box: Box, *words: str, password: str = "right-horse", trust: str = "first_use"
) -> tuple[int, str, str]:
    secret = tmp_path / "secret"
    secret.write_text(password)
    secret.chmod(0o600)
    (tmp_path / "config.toml").write_text(
        f'[ssh]\nhost_keys = "{trust}"\n[credentials.lab]\nssh_user = "noc"\nssh_password = {{file = "secret"}}\n'
        f"ssh_port = {box.port}\n"
    )
    line = ["probe", "127.0.0.1", "--credential", "lab", "-c", str(tmp_path / "config.toml"), "--ssh", *words]
    done = CliRunner().invoke(main, line)
    return done.exit_code, done.stdout, done.stderr


def test_what_the_command_line_tells_is_in_the_lists_of_a_probe(box: Box, tmp_path: Path) -> None:
    status, out, err = probe(tmp_path, box, "--family", "huawei_vrp", "--json")
    assert status == 0, err
    told = json.loads(out)
    assert [(s["peer"], s["state"]) for s in told["sessions"]] == [
        ("192.0.2.11", "established"),
        ("192.0.2.12", "active"),
    ]
    assert {"component": "bgp 192.0.2.12", "condition": "adjacency", "state": "bad", "value": "state active"} in told[
        "observations"
    ]
    assert told["profiles"] == ["huawei_vrp"]
    assert all(asked.startswith(("display ", "screen-length 0 temporary")) for asked in box.asked)
    assert (tmp_path / "state" / "known_hosts").exists()


def test_a_refused_login_is_a_problem_without_the_password(box: Box, tmp_path: Path) -> None:
    status, out, err = probe(tmp_path, box, "--family", "huawei_vrp", "--json", password="hush-hush")
    assert status == 69
    assert any("does not accept noc" in problem for problem in json.loads(out)["problems"])
    assert "hush" not in out + err


def test_a_device_that_is_not_known_is_refused_unless_the_configuration_says_otherwise(
    box: Box, tmp_path: Path
) -> None:
    _, out, _ = probe(tmp_path, box, "--family", "huawei_vrp", "--json", trust="strict")
    assert any("first_use" in problem for problem in json.loads(out)["problems"])
    assert box.tried == []


def test_without_snmp_somebody_has_to_say_what_it_is(box: Box, tmp_path: Path) -> None:
    status, _, err = probe(tmp_path, box)
    assert (status, "--family" in err) == (2, True)
    status, _, err = probe(tmp_path, box, "--family", "huawei_vpr")
    assert (status, 'did you mean "huawei_vrp"?' in err) == (2, True)
    assert box.asked == []
