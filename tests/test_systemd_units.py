"""The unit files as systemd itself judges them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[1] / "systemd"
NAMES = ("netwatch.service", "netwatch-traps.socket", "netwatch-syslog.socket")


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed: the unit files go unjudged")
    return found


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The shipped units, with a program that exists in ExecStart."""
    for name in NAMES:
        text = (UNITS / name).read_text("utf-8").replace("/usr/bin/netwatch", "/bin/true")
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.systemd
def test_systemd_has_nothing_to_say_against_our_units(units: Path) -> None:
    said = subprocess.run(
        [tool("systemd-analyze"), "verify", *(str(units / name) for name in NAMES)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    # Warnings come with status 0, and other packages' units are complained of too: only lines about ours count.
    assert [line for line in said.stderr.splitlines() if "netwatch" in line] == []
    assert said.returncode == 0, said.stderr


@pytest.mark.systemd
def test_verify_would_name_our_unit_if_a_setting_were_misspelt(units: Path) -> None:
    service = units / "netwatch.service"
    service.write_text(service.read_text("utf-8").replace("WatchdogSec=30", "WatchdogSecs=30"), "utf-8")
    said = subprocess.run(
        [tool("systemd-analyze"), "verify", str(service)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "netwatch.service" in said.stderr
    assert "WatchdogSecs" in said.stderr


@pytest.mark.systemd
def test_the_service_is_exposed_to_two_points_of_ten_at_most(units: Path) -> None:
    said = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--json=short", "--no-pager",
         str(units / "netwatch.service")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = [line["description"] for line in json.loads(said.stdout) if line.get("set") is False]
    assert said.returncode == 0, told


@pytest.mark.systemd
def test_the_sysusers_line_makes_the_user_that_the_service_runs_as(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    subprocess.run(
        [tool("systemd-sysusers"), f"--root={tmp_path}", str(UNITS / "netwatch.sysusers")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "netwatch:" in (tmp_path / "etc/passwd").read_text("utf-8")
    assert "User=netwatch\n" in (UNITS / "netwatch.service").read_text("utf-8")


def test_what_the_service_needs_to_survive_a_night_is_in_the_unit() -> None:
    lines = set((UNITS / "netwatch.service").read_text("utf-8").splitlines())
    assert lines >= {
        "Type=notify",
        "Restart=on-failure",
        "StartLimitIntervalSec=0",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "StateDirectory=netwatch",
        "RestartPreventExitStatus=2 78",
    }


@pytest.mark.parametrize(("socket", "name"), [("netwatch-traps.socket", "traps"), ("netwatch-syslog.socket", "syslog")])
def test_each_socket_unit_hands_its_socket_over_by_the_name_that_the_daemon_looks_for(socket: str, name: str) -> None:
    lines = (UNITS / socket).read_text("utf-8").splitlines()
    assert f"FileDescriptorName={name}" in lines
    assert "Service=netwatch.service" in lines
