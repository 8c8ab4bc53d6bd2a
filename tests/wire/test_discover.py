"""`netwatch discover` against several real net-snmp agents on loopback."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from netwatch.cli import main
from netwatch.wire.discover import Found, propose, ranges, size
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Read

SNMPD = shutil.which("snmpd", path=os.environ.get("PATH", "") + ":/usr/sbin")
LLDP = "1.0.8802.1.1.2.1"


def neighbour(far: str, port: str, n: int = 1) -> list[str]:
    at = 900 + n  # no interface of this machine has such a number
    rows = {
        f"3.7.1.3.{at}": f"eth{n}", f"4.1.1.5.0.{at}.1": far, f"4.1.1.7.0.{at}.1": port, f"4.1.1.9.0.{at}.1": far,
    }  # fmt: skip
    return [f'override .{LLDP}.{arcs} octet_str "{text}"' for arcs, text in rows.items()]


AGENTS = {
    "127.88.0.1": [
        "sysName r1",
        "sysObjectID 1.3.6.1.4.1.2011.2.62.2.9",
        *neighbour("r2", "eth1"),
        *neighbour("far", "x", 2),
    ],
    "127.88.0.3": ["sysName r2", "sysObjectID 1.3.6.1.4.1.3902.3.100", *neighbour("r1", "eth1")],
    "127.88.0.9": ["sysName outside", *neighbour("r1", "eth1")],
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Three agents: two in 127.88.0.0/29, one beyond it."""
    if SNMPD is None:
        pytest.skip("Debian's package snmpd is not installed: discovery is not held against real agents")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.88.0.1", 0))
        number = int(probe.getsockname()[1])
    running = []
    for address, lines in AGENTS.items():
        folder: Path = tmp_path_factory.mktemp("snmpd")
        (folder / "snmpd.conf").write_text("\n".join(["rocommunity public", *lines]) + "\n")
        running.append(
            subprocess.Popen(
                [SNMPD, "-f", "-Lf", str(folder / "log"), "-C", "-c", str(folder / "snmpd.conf"), "-I", "-lldp",
                 "-p", str(folder / "pid"), f"udp:{address}:{number}"],
                env={"SNMP_PERSISTENT_DIR": str(folder), "PATH": os.environ.get("PATH", "")},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
    for address in AGENTS:
        while subprocess.run(
            ["snmpget", "-v2c", "-cpublic", "-t", "0.2", "-r", "0", f"{address}:{number}", "1.3.6.1.2.1.1.5.0"],
            capture_output=True, check=False,
        ).returncode:  # fmt: skip
            time.sleep(0.05)
    yield number
    for process in running:
        process.terminate()
    for process in running:
        process.wait()


def discover(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    (tmp_path / "config.toml").touch()
    done = CliRunner().invoke(main, ["discover", "-c", str(tmp_path / "config.toml"), *words])
    return done.exit_code, done.stdout, done.stderr


def told(tmp_path: Path, port: int, *words: str) -> dict[str, Any]:
    line = ["127.88.0.0/29", "--community", "public", "--port", str(port), "--timeout", "0.3", "--json", *words]
    status, out, err = discover(tmp_path, *line)
    assert status == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_devices_in_the_range_and_the_link_between_them_are_proposed(port: int, tmp_path: Path) -> None:
    proposal = told(tmp_path, port)
    assert [(d["device"], d["vendor"], d["address"]) for d in proposal["devices"]] == [
        ("r1", "huawei", "127.88.0.1"),
        ("r2", "zte", "127.88.0.3"),
    ]
    (link,) = proposal["links"]
    assert {link["a_device"], link["z_device"]} == {"r1", "r2"}
    assert (link["a_port"], link["z_port"]) == ("eth1", "eth1")
    assert {p["device"] for p in proposal["ports"]} == {"r1", "r2"}


def test_what_stands_beyond_the_range_is_told_and_never_asked(port: int, tmp_path: Path) -> None:
    proposal = told(tmp_path, port)
    assert "outside" not in {d["device"] for d in proposal["devices"]}
    assert proposal["neighbours"] == [{"device": "r1", "port": "eth2", "remote_device": "far", "remote_port": "x"}]


def test_the_files_are_a_ledger_and_nothing_is_written_over(port: int, tmp_path: Path) -> None:
    folder = tmp_path / "proposed"
    told(tmp_path, port, "--out", str(folder))
    with (folder / "devices.csv").open(encoding="utf-8-sig") as file:
        assert [row["device"] for row in csv.DictReader(file)] == ["r1", "r2"]
    checked = CliRunner().invoke(main, ["ledger", "check", str(folder)])
    errors = [line for line in checked.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1  # a network alone has no circuits yet
    assert "there are no circuits" in errors[0]
    before = (folder / "devices.csv").read_bytes()
    status, _, err = discover(tmp_path, "127.88.0.0/29", "--community", "public", "--out", str(folder))
    assert (status, "there already" in err) == (2, True)
    assert (folder / "devices.csv").read_bytes() == before


def test_where_nobody_answers_it_says_so(tmp_path: Path) -> None:
    status, out, err = discover(tmp_path, "127.88.1.0/30", "--community", "public", "--port", "9", "--timeout", "0.05")
    assert (status, out) == (1, "")
    assert "nobody answered" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["10.0.0.0/15", "--community", "x"], "--yes"),
        (["10.0.0.0/16", "10.9.0.0/24", "--community", "x"], "--yes"),
        (["ten", "--community", "x"], "no range"),
        (["192.0.2.0/30"], "--community or --credential"),
        (["192.0.2.0/30", "--credential", "lab"], "no credential"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(tmp_path: Path, words: list[str], why: str) -> None:
    if "10.9.0.0/24" in words:
        words = ["10.0.0.0/16", "11.9.0.0/24", "--community", "x"]
    status, _, err = discover(tmp_path, *words)
    assert (status, why in err) == (2, True)


def test_overlapping_ranges_are_asked_once() -> None:
    assert size(ranges(["192.0.2.0/24", "192.0.2.128/25", "192.0.2.7"])) == 256


def test_a_router_that_answers_at_two_addresses_is_one_device() -> None:
    def router(address: str, name: str = "core1") -> Found:
        return Found(address, Read(name=name, object_id="1.3.6.1.4.1.2011.2", lists={"ports": [{"name": "GE0/0/1"}]}))

    out = propose([router("192.0.2.1"), router("192.0.2.2"), router("192.0.2.3", "core2")], Profiles({}))
    assert [(d["device"], d["address"]) for d in out.devices] == [("core1", "192.0.2.1"), ("core2", "192.0.2.3")]
    assert out.notes == ["core1 also answers at 192.0.2.2"]


def test_ledger_diff_holds_the_running_ledger_against_the_network(port: int, tmp_path: Path) -> None:
    tables = {
        "sites": "site\nS-1",
        "devices": "device,role,site,address,credential\nr1,access,S-1,127.88.0.1,lab\nR-2,access,S-1,127.88.0.3,lab\n"
        "R-3,access,S-1,127.88.0.5,lab",
        "links": "link,a_device,a_port,z_device,z_port,medium\nL-1,r1,lo,R-3,eth1,fibre\nL-2,R-2,eth7,R-3,eth2,fibre",
        "customers": "customer,name",
        "circuits": "circuit,customer,product,a_device,z_device,working",
        "teams": "team,skills",
    }
    (tmp_path / "ledger").mkdir()
    for name, text in tables.items():
        (tmp_path / "ledger" / f"{name}.csv").write_text(f"{text}\n")
    (tmp_path / "community").write_text("public")
    (tmp_path / "community").chmod(0o600)
    config = tmp_path / "config.toml"
    poll = f"[poll]\nport = {port}\ntimeout_seconds = 1\nretries = 1\n"
    config.write_text(f'{poll}[credentials.lab]\ncommunity = {{ file = "community" }}\n')
    done = CliRunner().invoke(main, ["ledger", "diff", "-c", str(config), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["asked"], told["answered"], set(told["silent"])) == (1, 3, 2, {"R-3"})
    gaps = {(g["kind"], g["device"], g["heard"]): (g["port"], g["ledger"]) for g in told["gaps"]}
    assert gaps["name", "R-2", "r2"] == ("", "R-2")
    assert gaps["port", "R-2", "no such port"] == ("eth7", "eth7")
    # Which interface of this machine the agent takes for its LLDP port is its own affair: heard it is in either case.
    assert {("link", "r1", "R-2 eth1"), ("unlisted", "r1", "R-2 eth1")} & gaps.keys()
    shown = CliRunner().invoke(main, ["ledger", "diff", "-c", str(config), "--device", "r1"])
    assert "1 of 1 devices answered" in shown.stderr
    assert CliRunner().invoke(main, ["ledger", "diff", "-c", str(config), "--device", "r9"]).exit_code == 2
