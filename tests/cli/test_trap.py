"""`netwatch trap list` against a running daemon that hears real datagrams."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netwatch.app import App
from netwatch.cli import main
from netwatch.core.time import parse
from netwatch.wire.snmp import Tag, VarBind, ber, oid
from netwatch.wire.traps import MOST_OF_ONE
from netwatch.wire.traps.form import TRAP_ADDRESS, TRAP_OID

PROJECT = Path(__file__).parents[2]
STRANGE = oid("1.3.6.1.4.1.4242.0.7")
CONFIG = """
[paths]
rules = "{project}/rules"
[poll]
interval_seconds = 3600
[poll.ping]
interval_seconds = 0
[listen]
traps = "127.0.0.1:0"
syslog = ""
[web]
listen = "{web}"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "tests/stories/data/night/ledger", tmp_path / "ledger")
    devices = tmp_path / "ledger" / "devices.csv"
    head, first, *_ = devices.read_text("utf-8-sig").splitlines()
    columns = dict(zip(head.split(","), first.split(","), strict=False))
    (tmp_path / "known").write_text(f"{columns['device']} {columns['address']}")
    (tmp_path / "config.toml").write_text(CONFIG.format(project=PROJECT, web="127.0.0.1:0"), "utf-8")
    return tmp_path / "config.toml"


def trap(name: tuple[int, ...], *bindings: VarBind) -> bytes:
    named = [VarBind(TRAP_OID, Tag.OID, name), *bindings]
    return ber.write_message(1, b"public", ber.write_pdu(ber.TRAP, 7, 0, 0, ber.write_varbinds(named)))


async def heard(site: Path, *datagrams: bytes, commands: list[list[str]]) -> list[Result]:
    """What the commands tell of a daemon that heard these."""
    app = App(site)
    life = asyncio.create_task(app.run())
    await app.ready.wait()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in datagrams:
            sock.sendto(datagram, app.addresses["traps"])
    while app.ears.traps.heard < len(datagrams):  # noqa: ASYNC110 - counting has no event
        await asyncio.sleep(0.005)
    asked = site.with_name("asked.toml")
    asked.write_text(CONFIG.format(project=PROJECT, web=f"127.0.0.1:{app.addresses['http'][1]}"), "utf-8")
    out = [await asyncio.to_thread(CliRunner().invoke, main, [*line, "-c", str(asked)]) for line in commands]
    app.stop()
    await life
    return out


async def test_what_no_profile_knows_is_listed_with_count_times_and_a_sample(site: Path) -> None:
    device, address = site.with_name("known").read_text().split()
    whose = VarBind(TRAP_ADDRESS, Tag.IP_ADDRESS, socket.inet_aton(address))
    strange = [
        trap(STRANGE, whose, VarBind((*STRANGE[:-2], 1, n), Tag.OCTETS, f"shelf {n} is odd".encode()))
        for n in (1, 2, 3)
    ]
    quiet, data, table = await heard(
        site,
        *strange,
        trap(oid("1.3.6.1.6.3.1.1.5.1"), whose),
        trap(STRANGE),
        b"no trap at all",
        commands=[["trap", "list", "--unknown", "--json"], ["trap", "list", "--json"], ["trap", "list"]],
    )
    (row,) = json.loads(quiet.stdout)
    assert (row["oid"], row["device"], row["source"], row["count"]) == ("1.3.6.1.4.1.4242.0.7", device, "127.0.0.1", 3)
    assert row["varbinds"] == [{"oid": "1.3.6.1.4.1.4242.1.3", "value": "shelf 3 is odd"}]
    assert parse(row["first"]) <= parse(row["last"])
    told = json.loads(data.stdout)
    assert (told["heard"], told["observed"], told["garbled"]) == (6, 1, 1)
    assert told["strangers"] == [{"source": "127.0.0.1", "count": 1}]
    assert "1.3.6.1.4.1.4242.0.7" in table.stdout
    assert "6 heard" in table.stderr


async def test_no_storm_of_strange_notifications_fills_the_memory(site: Path) -> None:
    _, address = site.with_name("known").read_text().split()
    whose = VarBind(TRAP_ADDRESS, Tag.IP_ADDRESS, socket.inet_aton(address))
    many = [trap((*STRANGE, n), whose) for n in range(MOST_OF_ONE + 50)]
    (result,) = await heard(site, *many, commands=[["trap", "list", "--unknown", "--json"]])
    assert len(json.loads(result.stdout)) == MOST_OF_ONE


def test_without_a_daemon_nobody_knows(site: Path) -> None:
    site.write_text(CONFIG.format(project=PROJECT, web="127.0.0.1:1"), "utf-8")
    result = CliRunner().invoke(main, ["trap", "list", "-c", str(site)])
    assert result.exit_code == 69
    assert "netwatch run" in result.stderr
