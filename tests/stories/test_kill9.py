"""A night in which the daemon is killed a hundred times ends like a night in which nothing happened.

Nobody may get a message twice, no ticket may be missing, no clock may be off by a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


@dataclass
class Receiver:
    """A ticket system's webhook on loopback: remembers every body by its Idempotency-Key."""

    url: str = ""
    bodies: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    before_answering: Callable[[str], None] = lambda _: None
    """Called with the key when a message has been taken and the sender does not know it yet."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = (line.split(":", 1) for line in head.decode().split("\r\n")[1:] if line)
                fields = {name.lower(): value.strip() for name, value in lines}
                body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
                key = fields["idempotency-key"]
                self.calls[key] += 1
                if self.bodies.setdefault(key, body) != body:
                    self.differing.append(key)
                self.before_answering(key)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the sender was killed
        finally:
            writer.close()

    @property
    def contents(self) -> Counter[str]:
        """What was said, without the key it was said under."""
        out: Counter[str] = Counter()
        for body in self.bodies.values():
            said = json.loads(body)
            said.pop("key", None)
            out[json.dumps(said, sort_keys=True, ensure_ascii=False)] += 1
        return out


@pytest.fixture
async def receivers() -> AsyncIterator[list[Receiver]]:
    made, servers = [], []
    for _ in range(2):
        receiver = Receiver()
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        made.append(receiver)
        servers.append(server)
    yield made
    for server in servers:
        server.close()


class Lives:
    """The driver process, and the one child of it that is alive."""

    def __init__(self, folder: Path, night: Path, url: str) -> None:
        self.resumed: list[int] = []
        """The instants from which lives went on."""
        self.rounds = -1
        """How many rounds of decisions this life has begun; -1 while it recovers."""
        self.before_committing: Callable[[], None] = lambda: None
        """Called when something to be sent is about to be committed."""
        self._news = asyncio.Event()
        self._ended: int | None = None
        folder.mkdir()
        (folder / "state").mkdir()
        (folder / "community").write_text("public\n", "utf-8")
        (folder / "community").chmod(0o600)
        self.account, self.journal = folder / "account.json", night / "journal.jsonl"
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[paths]\nledger = "{night / "ledger"}"\nrules = "{PROJECT / "rules"}"\n'
            '[credentials.lab]\ncommunity = { file = "community" }\n'
            f'[channels.hook]\nkind = "webhook"\nurl = "{url}"\nper_minute = 1000000\n'
            '[routing]\nnoc = ["hook"]\ndefault = ["hook"]\n',
            "utf-8",
        )

    async def __aenter__(self) -> Self:
        self.driver = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "kill9_driver.py"), cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.driver.stdin
        self.driver.stdin.close()
        await self.reading
        await self.driver.wait()

    async def _read(self) -> None:
        assert self.driver.stdout
        async for line in self.driver.stdout:
            word, number = line.decode().split()
            match word:
                case "born":
                    self.pid, self.rounds, self._ended = int(number), -1, None
                case "awake":
                    self.rounds = 0
                    self.resumed.append(int(number))
                case "round":
                    self.rounds = int(number)
                case "promise":
                    self.before_committing()
                case "ended":
                    self._ended = int(number)
            self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def begin(self) -> None:
        """Start one more life."""
        assert self.driver.stdin
        self.pid = 0
        life = {"config": str(self.config), "journal": str(self.journal), "account": str(self.account)}
        self.driver.stdin.write(json.dumps(life).encode() + b"\n")
        await self.until(lambda: self.pid != 0)

    async def go_on(self, rounds: int) -> None:
        """Until this life has begun so many rounds, or has ended."""
        await self.until(lambda: self.rounds >= rounds or self._ended is not None)

    async def end(self) -> int:
        """The status with which this life ended: negative for a signal."""
        await self.until(lambda: self._ended is not None)
        assert self._ended is not None
        return self._ended

    def kill(self) -> None:
        if self.pid and self._ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def whole(self) -> dict[str, list[str]]:
        """Live to the end of the night; the account."""
        await self.begin()
        assert await self.end() == 0
        account: dict[str, list[str]] = json.loads(self.account.read_text("utf-8"))
        return account


async def disturbed(
    lives: Lives, receiver: Receiver, rounds: int, kills: int, chance: random.Random
) -> dict[str, list[str]]:
    """The account after many violent deaths in a night of so many rounds.

    Most hit at any moment of a round; some while the store is read back. Some are aimed where bad programs lose or
    double: around the commit of a promise, and between a message's arrival and its sender's knowing of it.
    """
    loop = asyncio.get_running_loop()

    def at_arrival(key: str) -> None:
        if receiver.calls[key] == 1 and chance.random() < 0.3:
            lives.kill()

    def at_commit() -> None:
        if chance.random() < 0.4:
            loop.call_later(chance.random() * 0.006, lives.kill)

    receiver.before_answering, lives.before_committing = at_arrival, at_commit
    for _ in range(kills):
        await lives.begin()
        if chance.random() < 0.85:
            await lives.go_on(chance.randrange(2 * rounds // kills))
        await asyncio.sleep(chance.random() * 0.005)
        lives.kill()
        status = await lives.end()
        if status == 0:
            break  # it had come to the end of the night
        assert status == -signal.SIGKILL
    receiver.before_answering, lives.before_committing = (lambda _: None), (lambda: None)
    return await lives.whole()


async def judge(tmp_path: Path, night: Path, receivers: list[Receiver], kills: int, seed: int) -> None:
    calm, stormy = receivers
    async with Lives(tmp_path / "calm", night, calm.url) as lives:
        wanted, rounds = await lives.whole(), lives.rounds
    async with Lives(tmp_path / "stormy", night, stormy.url) as lives:
        found = await disturbed(lives, stormy, rounds, kills, random.Random(seed))

    assert len(set(lives.resumed)) >= kills // 3, "too few different moments of death to prove anything"
    assert found["findings"] == []
    assert found["rows"] == wanted["rows"]
    assert found["stored"] == wanted["stored"]
    assert any(row.startswith("Ticket") for row in wanted["rows"]), "a night without a ticket proves nothing"

    assert set(stormy.bodies) == set(calm.bodies)
    assert stormy.differing == []
    assert stormy.contents == calm.contents
    assert max(stormy.contents.values()) == 1
    assert max(calm.calls.values()) == 1
    assert max(stormy.calls.values()) > 1, "nobody died between sending and knowing that it arrived"


@pytest.mark.timeout(240)
async def test_a_night_with_a_hundred_kills_ends_like_an_undisturbed_one(
    tmp_path: Path, receivers: list[Receiver]
) -> None:
    await judge(tmp_path, HERE / "data" / "night", receivers, kills=100, seed=20261102)


@pytest.mark.timeout(240)
async def test_a_recorded_night_with_forty_kills_ends_like_an_undisturbed_one(
    tmp_path: Path, receivers: list[Receiver], corpus: Path
) -> None:
    await judge(tmp_path, corpus / "scenarios" / "night-6", receivers, kills=40, seed=6)
