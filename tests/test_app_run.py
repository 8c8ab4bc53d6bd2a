"""`netwatch run` as a child process: what its manager, its operator and its network see of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from netwatch.core.journal import read_fact
from netwatch.core.model import Condition, Observation, State
from netwatch.core.time import SECOND
from netwatch.demo.clock import DemoClock
from netwatch.demo.fleet import Fleet
from netwatch.demo.folder import COMMUNITY, Settings, write_site
from netwatch.demo.metro import build
from netwatch.demo.plant import Act, Verb
from netwatch.store import Store

PROJECT = Path(__file__).parents[1]
PATIENCE = 60.0
"""Seconds for something that takes one: a busy machine is no failure."""

CONFIG = """
[site]
vantage = "HUB-1"
[paths]
rules = "{project}/rules"
[poll]
interval_seconds = 3600
credential = "lab"
[poll.ping]
interval_seconds = 0
[listen]
traps = "127.0.0.1:0"
syslog = "127.0.0.1:0"
[credentials.lab]
community = {{ file = "community" }}
[web]
listen = "127.0.0.1:0"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a config.toml that runs; nobody answers its polls."""
    shutil.copytree(PROJECT / "tests/stories/data/night/ledger", tmp_path / "ledger")
    (tmp_path / "community").write_text("sesame-in-the-config\n", "utf-8")
    (tmp_path / "community").chmod(0o600)
    (tmp_path / "config.toml").write_text(CONFIG.format(project=PROJECT), "utf-8")
    return tmp_path


class Manager:
    """systemd's end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    async def hears(self, wanted: str) -> str:
        """The next message with a field that begins so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                said = (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode()
                if any(line.startswith(wanted) for line in said.splitlines()):
                    return said

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


class Daemon:
    """One child, and all that it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""
        self._said = asyncio.Event()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.log += line.decode()
            self._said.set()
        self._said.set()

    async def says(self, words: str) -> str:
        """The first line with these words."""
        async with asyncio.timeout(PATIENCE):
            while words not in self.log:
                assert not self.reading.done(), f"ended without saying {words!r}:\n{self.log}"
                self._said.clear()
                await self._said.wait()
        return next(line for line in self.log.splitlines() if words in line)

    async def ready(self) -> dict[str, int]:
        """Its ports by name, once it listens."""
        line = await self.says(" is ready: ")
        return {name: int(port) for name, port in re.findall(r"'(\w+)': \('[^']*', (\d+)\)", line)}

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE):
            await self.reading
            return await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    daemons: list[Daemon] = []

    async def starting(config: Path, **environ: str) -> Daemon:
        inherited = {
            k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM")
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from netwatch.cli import main; main()", "run", "-c", str(config),
            cwd=PROJECT, env={**inherited, "PYTHONPATH": str(PROJECT), **environ},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        daemons.append(Daemon(process))
        return daemons[-1]

    yield starting
    for daemon in daemons:
        with contextlib.suppress(ProcessLookupError):
            daemon.process.kill()
        await daemon.process.wait()
        await daemon.reading


async def get(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_it_tells_its_manager_that_it_is_ready_feeds_the_watchdog_and_stops_in_good_order(
    site: Path, manager: Manager, start: Callable[..., Any]
) -> None:
    daemon = await start(site / "config.toml", NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="2000000")
    said = await manager.hears("READY=1")
    assert "STATUS=watching 11 devices, 6 circuits" in said
    for _ in range(3):
        await manager.hears("WATCHDOG=1")
    ports = await daemon.ready()
    assert (await get(ports["http"], "/readyz")).json()["status"] == "ready"
    daemon.signal(signal.SIGTERM)
    await manager.hears("STOPPING=1")
    assert await daemon.ends() == 0
    assert "Traceback" not in daemon.log
    assert "sesame-in-the-config" not in daemon.log


async def test_after_the_end_the_store_holds_a_snapshot_and_is_free(site: Path, start: Callable[..., Any]) -> None:
    daemon = await start(site / "config.toml")
    await daemon.ready()
    daemon.signal(signal.SIGINT)
    assert await daemon.ends() == 0
    async with await Store.open(str(site / "state/netwatch.db")) as store:
        recall = await store.recall()
        assert recall.snapshot is not None
        assert recall.facts == ()
        assert await store.verify() == ()


async def test_a_good_reload_takes_up_a_new_ledger(site: Path, manager: Manager, start: Callable[..., Any]) -> None:
    daemon = await start(site / "config.toml", NOTIFY_SOCKET=str(manager.path))
    ports = await daemon.ready()
    with (site / "ledger/devices.csv").open("a", encoding="utf-8") as devices:
        devices.write("CPE-6,Customer 6,cpe,h3c,P5,127.77.0.16,lab,yes\n")
    daemon.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in await manager.hears("RELOADING=1")
    assert "watching 12 devices" in await manager.hears("READY=1")
    assert "netwatch_config_last_reload_successful 1.0" in (await get(ports["http"], "/metrics")).text


async def test_a_bad_reload_says_everything_that_is_wrong_and_what_ran_goes_on(
    site: Path, manager: Manager, start: Callable[..., Any]
) -> None:
    daemon = await start(site / "config.toml", NOTIFY_SOCKET=str(manager.path))
    ports = await daemon.ready()
    (site / "community").chmod(0o644)
    with (site / "ledger/devices.csv").open("a", encoding="utf-8") as devices:
        devices.write("CPE-6,Customer 6,kettle,h3c,P5,127.77.0.16,lab,yes\n")
    daemon.signal(signal.SIGHUP)
    await manager.hears("RELOADING=1")
    assert "watching 11 devices" in await manager.hears("READY=1")
    await daemon.says("reload refused, what ran goes on")
    assert "kettle" in daemon.log
    assert "everyone on this machine can read" in daemon.log
    metrics = (await get(ports["http"], "/metrics")).text
    assert "netwatch_config_last_reload_successful 0.0" in metrics
    assert (await get(ports["http"], "/readyz")).status_code == 200


async def test_a_reload_moves_the_trap_port_and_keeps_the_old_one_when_the_new_is_taken(
    site: Path, manager: Manager, start: Callable[..., Any]
) -> None:
    config = site / "config.toml"
    daemon = await start(config, NOTIFY_SOCKET=str(manager.path))
    before = await daemon.ready()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        config.write_text(
            CONFIG.format(project=PROJECT).replace('traps = "127.0.0.1:0"', f'traps = "127.0.0.1:{port}"')
        )
        daemon.signal(signal.SIGHUP)
        await daemon.says(f"cannot listen on 127.0.0.1:{port}")
        assert bound(before["traps"])
    await manager.hears("READY=1")
    daemon.signal(signal.SIGHUP)
    await daemon.says("reloaded: ")
    assert bound(port)
    assert not bound(before["traps"])


def bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


async def test_a_config_with_mistakes_ends_with_78_and_names_them_all(site: Path, start: Callable[..., Any]) -> None:
    (site / "config.toml").write_text("[pol]\n[web]\nlisten = 7\n[poll]\nretries = -1\n", "utf-8")
    daemon = await start(site / "config.toml")
    assert await daemon.ends() == 78
    for word in ("pol", "web.listen", "poll.retries"):
        assert word in daemon.log
    assert "Traceback" not in daemon.log


async def test_a_port_in_use_ends_with_69_and_says_which(site: Path, start: Callable[..., Any]) -> None:
    with socket.socket(socket.AF_INET) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = (site / "config.toml").read_text("utf-8")
        (site / "config.toml").write_text(text.replace('[web]\nlisten = "127.0.0.1:0"', f'[web]\nlisten = "{address}"'))
        daemon = await start(site / "config.toml")
        assert await daemon.ends() == 69
    assert f"cannot listen on {address}" in daemon.log
    assert "Traceback" not in daemon.log


async def test_a_second_thinker_ends_with_75_and_the_first_goes_on(site: Path, start: Callable[..., Any]) -> None:
    first = await start(site / "config.toml")
    ports = await first.ready()
    second = await start(site / "config.toml")
    assert await second.ends() == 75
    assert "Traceback" not in second.log
    assert (await get(ports["http"], "/readyz")).status_code == 200


async def test_a_store_that_breaks_ends_the_daemon_and_says_why(site: Path, start: Callable[..., Any]) -> None:
    (site / "state").mkdir()
    (site / "state/netwatch.db").write_text("this is no database\n" * 500, "utf-8")
    daemon = await start(site / "config.toml")
    assert await daemon.ends() == 1
    assert "netwatch.db" in daemon.log
    assert "Traceback" not in daemon.log


async def test_under_systemd_each_log_line_is_one_json_object(site: Path, tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+b") as journal:
        status = os.fstat(journal.fileno())
        (site / "config.toml").write_text("[pol]\n", "utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c",
            "import logging; from netwatch.systemd import log_to; log_to(); logging.getLogger('netwatch').error('so')",
            env={**os.environ, "PYTHONPATH": str(PROJECT), "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"},
            stderr=journal,
        )  # fmt: skip
        assert await process.wait() == 0
        journal.seek(0)
        line = journal.read().decode().strip()
    assert line.startswith("<3>{")
    assert json.loads(line[3:])["message"] == "so"


async def test_what_a_person_does_is_answered_and_survives_a_kill(site: Path, start: Callable[..., Any]) -> None:
    daemon = await start(site / "config.toml")
    ports = await daemon.ready()
    token = (site / "state/act.token").read_text("utf-8").strip()
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        answer = await client.post(
            f"http://127.0.0.1:{ports['http']}/api/v1/complaints",
            json={"circuit": "C-2", "channel": "10086", "text": "no light"},
            headers={"authorization": f"Bearer {token}"},
        )
    assert answer.status_code in (200, 201, 202), answer.text
    assert answer.json()["status"] == "done"
    tickets = (await get(ports["http"], "/api/v1/tickets")).json()["items"]
    assert len(tickets) == 1
    daemon.process.kill()
    await daemon.ends()
    again = await start(site / "config.toml")
    ports = await again.ready()
    assert [t["id"] for t in (await get(ports["http"], "/api/v1/tickets")).json()["items"]] == [tickets[0]["id"]]


async def test_a_cut_cable_is_polled_and_heard_and_recorded(tmp_path: Path, start: Callable[..., Any]) -> None:
    metro, clock = build(), DemoClock(1_800_000_000 * SECOND, 1.0)
    fleet = Fleet(metro, clock, COMMUNITY)
    try:
        port = fleet.open()
        config = write_site(
            metro, tmp_path, Settings("127.0.0.1:0", "127.0.0.1:0", port, 60.0, journal=tmp_path / "heard")
        )
        daemon = await start(config)
        ports = await daemon.ready()
        fleet.report_to("127.0.0.1", ports["traps"])
        await until(ports["http"], r'netwatch_polls_total\{result="ok"\} (\d+)', len(fleet.agents) // 2)
        link = next(link for link in metro.links.values() if link.cables)
        fleet.do(Act(Verb.CUT, link.cables[0]))
        await until(ports["http"], r'netwatch_observations_total\{source="trap"\} (\d+)', 1)
        await until(ports["http"], r'netwatch_observations_total\{source="poll"\} (\d+)', 1)
        async with asyncio.timeout(PATIENCE):
            while not (alarms := (await get(ports["http"], "/api/v1/alarms")).json()["items"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert {alarm["device"] for alarm in alarms} <= {link.a.device, link.z.device}
        daemon.signal(signal.SIGTERM)
        assert await daemon.ends() == 0
        recorded = [read_fact(line) for line in (tmp_path / "heard").read_text("utf-8").splitlines()]
        assert any(
            isinstance(fact, Observation) and (fact.condition, fact.state) == (Condition.LINK, State.BAD)
            for fact in recorded
        )
    finally:
        fleet.close()


async def until(port: int, pattern: str, least: int) -> None:
    """Until this sample of /metrics is so high."""
    async with asyncio.timeout(PATIENCE):
        while not (  # noqa: ASYNC110 - another process sets no event of ours
            (found := re.search(pattern, (await get(port, "/metrics")).text)) and int(found[1]) >= least
        ):
            await asyncio.sleep(0.05)
