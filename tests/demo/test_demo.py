"""`netwatch demo` as a viewer runs it: the real daemon on the simulated metro, from the first line to exit 0."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

NETWATCH = (sys.executable, "-W", "error", "-c", "from netwatch.cli import main; main()")
RIGHT = re.compile(r"^(?P<what>.+?)  +\d\d:\d\d:\d\d .* yes +\d+:\d\d *$")


class Demo:
    """A running demo whose lines can be waited for. Its temporary files are in `temp`."""

    def __init__(self, process: Process, temp: Path) -> None:
        self.process, self.temp = process, temp
        self.lines: list[str] = []

    async def until(self, *words: str) -> str:
        """Read on to a line that holds all of the words."""
        assert self.process.stdout
        while raw := await self.process.stdout.readline():
            self.lines.append(raw.decode().rstrip("\n"))
            if all(word in self.lines[-1] for word in words):
                return self.lines[-1]
        raise AssertionError(f"no line with {words} in:\n" + "\n".join(self.lines))

    async def end(self) -> tuple[int, str]:
        """Exit status, and what was said on stderr."""
        assert self.process.stdout
        assert self.process.stderr
        rest, errors = await asyncio.gather(self.process.stdout.read(), self.process.stderr.read())
        self.lines += rest.decode().splitlines()
        return await self.process.wait(), errors.decode()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


async def start(temp: Path, *options: str, **environment: str) -> Demo:
    await asyncio.to_thread(temp.mkdir)
    process = await asyncio.create_subprocess_exec(
        *NETWATCH,
        "demo",
        *options,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "TMPDIR": str(temp), "PYTHONIOENCODING": "utf-8", **environment},
    )
    return Demo(process, temp)


@pytest.fixture
async def ended() -> AsyncIterator[list[Demo]]:
    """Demos that must not outlive the test."""
    demos: list[Demo] = []
    yield demos
    for demo in demos:
        if demo.process.returncode is None:
            demo.process.kill()
        await demo.process.wait()


async def test_the_hour_is_told_named_rightly_and_leaves_nothing_behind(tmp_path: Path, ended: list[Demo]) -> None:
    site = tmp_path / "site"
    demo = await start(tmp_path / "temp", "--port", "0", "--speed", "60", "--for", "29", "--ledger-out", str(site))
    ended.append(demo)
    board = (await demo.until("board ")).split()[-1]
    await demo.until("MESSAGE", "t-cable")
    async with httpx.AsyncClient(base_url=board, trust_env=False) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/readyz")).json()["status"] == "ready"
        faults = (await client.get("/api/v1/faults")).json()
        assert "K-RING-3" in json.dumps(faults)
        messages = (await client.get("/api/v1/messages")).json()
        assert {"t-cable", "noc"} <= {m["channel"] for m in messages}
        exposed = sum(
            float(line.split()[-1])
            for line in (await client.get("/metrics")).text.splitlines()
            if line.startswith("netwatch_circuits{") and 'state="exposed"' in line
        )
        assert exposed >= 10
    await demo.until("PEOPLE", "T-CABLE", "accept")
    status, errors = await demo.end()
    assert (status, errors) == (0, ""), errors + demo.text
    rightly = {match["what"].strip() for line in demo.lines if (match := RIGHT.match(line))}
    assert {
        "cut K-RING-3",
        "die ACC-1",
        "unplug CPE-15",
        "unplug ONU-08",
        "die ACC-2 (planned)",
        "hang CPE-16",
        "complaint about C-1018",
    } <= rightly, demo.text
    assert re.search(r"NETWATCH +ACC-4 FAN 1: fan, told by its command line alone", demo.text), demo.text
    assert not re.search(r"sent to .*ACC-2|Traceback|not taken", demo.text), demo.text
    assert list(demo.temp.iterdir()) == []
    await replayed(site)


async def replayed(site: Path) -> None:
    """All that the daemon heard, fed to `netwatch replay`, gives the verdicts that the demo showed."""
    process = await asyncio.create_subprocess_exec(
        *(*NETWATCH, "replay", str(site / "heard.jsonl")),
        *("--ledger", str(site / "ledger"), "--config", str(site / "config.toml"), "--json"),
        stdout=PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    rows = [json.loads(line) for line in out.splitlines()]
    roots = {(r["root"]["kind"], r["root"]["id"]) for r in rows if r["type"] == "fault"}
    assert {("cable", "K-RING-3"), ("device", "ACC-1"), ("device", "ACC-2"), ("agent", "CPE-16")} <= roots


async def test_a_folder_in_use_is_not_overwritten_and_one_that_cannot_be_made_is_told(
    tmp_path: Path, ended: list[Demo]
) -> None:
    edited = tmp_path / "edited.csv"
    await asyncio.to_thread(edited.write_text, "mine")
    for number, (folder, expected, words) in enumerate(
        ((tmp_path, 2, "nothing is overwritten"), (edited / "below", 78, "cannot be written"))
    ):
        demo = await start(tmp_path / f"temp{number}", "--port", "0", "--for", "1", "--ledger-out", str(folder))
        ended.append(demo)
        status, errors = await demo.end()
        assert status == expected
        assert words in " ".join(errors.replace("│", "").split())
        assert "Traceback" not in errors
    assert await asyncio.to_thread(edited.read_text) == "mine"


async def test_without_color_a_terminal_gets_plain_text(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(*NETWATCH, "demo", "--port", "0", "--for", "0.05", "--no-color"),
            stdout=slave,
            env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color"},
        )
        assert await process.wait() == 0
        shown = os.read(master, 65536)
    finally:
        os.close(slave)
        os.close(master)
    assert b"board" in shown
    assert b"\x1b" not in shown


async def test_messages_stay_on_the_machine_whatever_proxy_the_environment_names(
    tmp_path: Path, ended: list[Demo]
) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        proxy.setblocking(False)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        demo = await start(tmp_path / "temp", "--port", "0", "--speed", "60", HTTP_PROXY=address, http_proxy=address)
        ended.append(demo)
        await demo.until("MESSAGE")
        demo.process.send_signal(signal.SIGTERM)
        assert (await demo.end())[0] == 0
        with pytest.raises(BlockingIOError):
            proxy.accept()


async def test_ctrl_c_ends_it_in_good_order(tmp_path: Path, ended: list[Demo]) -> None:
    demo = await start(tmp_path / "temp", "--port", "0", "--speed", "600")
    ended.append(demo)
    await demo.until("TRUTH")
    demo.process.send_signal(signal.SIGINT)
    status, errors = await demo.end()
    assert (status, errors) == (0, ""), errors + demo.text
    assert "happened" in demo.text
    assert list(demo.temp.iterdir()) == []


async def test_a_port_in_use_is_told_with_its_cure_and_exit_69(tmp_path: Path, ended: list[Demo]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = await start(tmp_path / "temp", "--port", str(port), "--for", "5")
        ended.append(demo)
        status, errors = await demo.end()
    assert status == 69
    assert str(port) in errors
    assert "choose another port" in errors
    assert "Traceback" not in errors
    assert list(demo.temp.iterdir()) == []


@pytest.mark.parametrize("options", [("--speed", "3600", "--for", "4"), ("--speed", "0.1", "--for", "0.5")])
async def test_extreme_speeds_and_short_times_are_no_error(
    tmp_path: Path, ended: list[Demo], options: tuple[str, ...]
) -> None:
    demo = await start(tmp_path / "temp", "--port", "0", *options)
    ended.append(demo)
    status, errors = await demo.end()
    assert (status, errors) == (0, ""), errors + demo.text
    assert "faults" in demo.text
    assert "\x1b" not in demo.text, "what is no terminal gets plain text"
    assert list(demo.temp.iterdir()) == []
