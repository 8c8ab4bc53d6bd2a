"""What is left when the process is killed or the disk is full: everything that was committed, and nothing by half."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwatch.core.model import Exposure
from netwatch.store import Store, StoreError, Trouble, backup

THINKER = Path(__file__).with_name("thinker.py")


def run_and_kill(path: Path, project: Path, after: int, wait: float) -> int:
    """Let a thinker commit `after` decisions and a moment more; the number of the last that it said was committed."""
    with subprocess.Popen(
        [sys.executable, str(THINKER), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=project,
        env={"PYTHONPATH": "."},
    ) as process:
        assert process.stdout is not None
        last = -1
        for _ in range(after):
            last = int(process.stdout.readline())
        # A random moment inside some later commit: not a pause to wait for anything.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(wait)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        for line in rest.splitlines():
            last = int(line) if line.isdigit() and int(line) == last + 1 else last
        return last


async def test_a_killed_thinker_leaves_whole_decisions_without_a_gap(path: Path, project: Path) -> None:
    chance = random.Random(7)
    last = -1
    for _ in range(6):
        said = await asyncio.to_thread(run_and_kill, path, project, chance.randint(1, 12), chance.uniform(0, 0.02))
        assert said > last
        async with await Store.open(str(path)) as store:
            everything = (await store.recall(whole=True)).facts
            rounds = len(everything) // 3
            # What was said to be committed is there; at most the one under way is there unsaid.
            assert said + 1 <= rounds <= said + 2
            assert [fact.device for fact in everything] == [f"R-{n}-{part}" for n in range(rounds) for part in range(3)]
            assert len(await store.history.entries()) == rounds
            assert {row.id for row in await store.history.rows(Exposure)} == {f"E{n}" for n in range(rounds)}
            assert len(await store.pending(2**60, limit=10**6)) == rounds
            recall = await store.recall()
            assert recall.snapshot == str((rounds - 1) // 7 * 7)
            assert len(recall.facts) == ((rounds - 1) % 7) * 3
            assert await store.verify() == ()
        last = rounds - 1


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that is full at `size`, as far as SQLite can tell: the system refuses to let any file grow beyond."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_write_that_the_system_refuses_loses_nothing_and_what_follows_finds_everything_in_order(
    store: Store, path: Path, make: SimpleNamespace
) -> None:
    await store.commit(make.decision(1), [make.send()])
    wal = path.with_name("netwatch.db-wal").stat().st_size
    with files_no_larger_than(wal + 20_000):
        with pytest.raises(StoreError, match="disk"):
            await store.commit(make.decision(*range(2, 1000)), [make.send("k2")])
        assert (await store.recall()).facts == (make.fact(1),)
    await store.commit(make.decision(2), [make.send("k2")])
    assert (await store.recall()).facts == (make.fact(1), make.fact(2))
    assert [send.key for send in await store.pending(make.T0)] == [make.send().key]
    assert await store.verify() == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can make a small disk to fill")
    command = [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no small disk to fill: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_is_told_as_that_and_work_goes_on_once_there_is_room(
    small_disk: Path, make: SimpleNamespace
) -> None:
    async with await Store.open(str(small_disk / "netwatch.db")) as store:
        done, trouble = 0, None
        while trouble is None:
            try:
                await store.commit(make.decision(*range(done * 200, done * 200 + 200)), [make.send(f"k{done}")])
                done += 1
            except StoreError as error:
                trouble = error
        assert trouble.trouble is Trouble.FULL
        assert "no room left" in str(trouble)
        assert len((await store.recall()).facts) == done * 200
    with pytest.raises(StoreError):
        backup(str(small_disk / "netwatch.db"), small_disk / "copy.db")
    assert "copy" not in "".join(file.name for file in small_disk.iterdir())  # noqa: ASYNC240
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)  # noqa: ASYNC221
    async with await Store.open(str(small_disk / "netwatch.db")) as store:
        await store.commit(make.decision(10**6))
        assert len((await store.recall()).facts) == done * 200 + 1
        assert len(await store.history.told("T1")) == done
        assert await store.verify() == ()


async def test_a_full_disk_leaves_no_half_backup(
    store: Store, path: Path, make: SimpleNamespace, tmp_path: Path
) -> None:
    target = tmp_path / "copies" / "night.db"
    target.parent.mkdir()
    await store.commit(make.decision(*range(3000)))
    with files_no_larger_than(100_000), pytest.raises(StoreError):
        await store.backup(target)
    assert list(target.parent.iterdir()) == []
    await store.backup(target)
    backup(str(target), tmp_path / "copy of the copy.db")


async def test_losing_the_write_ahead_log_and_its_index_after_a_clean_end_loses_nothing(
    path: Path, make: SimpleNamespace
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1))
    assert not path.with_name("netwatch.db-wal").exists()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM facts").fetchone() == (1,)
