"""Copies of a database at work, and their way back."""

# ruff: noqa: ASYNC240 - the files are small and the loop is ours
from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwatch.core.tickets.sends import Settled
from netwatch.core.time import HOUR, MINUTE
from netwatch.store import Store, StoreError, ThinkerRunningError, Trouble, backup, restore


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


async def test_a_backup_holds_one_moment_of_a_database_that_is_being_written(
    store: Store, path: Path, copy: Path, make: SimpleNamespace
) -> None:
    stop = asyncio.Event()

    async def write() -> int:
        n = 0
        while not stop.is_set():
            await store.commit(make.decision(2 * n, 2 * n + 1), [make.send(f"k{n}")])
            n += 1
        return n

    await store.commit(make.decision(10**6))
    writing = asyncio.create_task(write())
    for _ in range(4):
        before = len((await store.recall()).facts)
        await asyncio.to_thread(backup, f"sqlite:///{path}", copy)
        async with await Store.open(str(copy), write=False) as still:
            heard = await still.history.facts(0, 2**62)
            assert len(heard) >= before
            assert len(heard) % 2 == 1
            assert len(await still.history.told("T1")) == len(heard) // 2
            assert await still.verify() == ()
    stop.set()
    assert await writing > 0
    assert [file.name for file in copy.parent.iterdir() if ".part" in file.name] == []
    assert copy.stat().st_mode & 0o007 == 0


async def test_looking_into_a_backup_leaves_it_as_it_is(store: Store, copy: Path, make: SimpleNamespace) -> None:
    await store.commit(make.decision(1))
    await store.backup(copy)
    before = copy.read_bytes()
    async with await Store.open(str(copy), write=False) as still:
        assert len(await still.history.facts(0, 2**62)) == 1
    assert copy.read_bytes() == before
    assert not copy.with_name("copy.db-wal").exists()


async def test_a_backup_never_overwrites_the_database_itself(store: Store, path: Path, tmp_path: Path) -> None:
    (tmp_path / "same.db").symlink_to(path)
    with pytest.raises(StoreError, match="the database itself"):
        await store.backup(tmp_path / "same.db")


async def test_a_backup_of_a_damaged_database_fails_and_leaves_the_last_good_one(
    path: Path, copy: Path, make: SimpleNamespace
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(*range(2000)))
        await store.backup(copy)
    good = copy.read_bytes()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 20000] = bytes(20000)
    path.write_bytes(raw)
    with pytest.raises(StoreError) as caught:
        backup(str(path), copy)
    assert caught.value.trouble is Trouble.DAMAGED
    assert copy.read_bytes() == good


async def test_restoring_brings_back_what_was_and_keeps_what_is(path: Path, copy: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1), snapshot="then")
        await store.backup(copy)
        await store.commit(make.decision(2))
    done = await restore(copy, str(path), make.T0 + HOUR)
    assert (done.held, done.remembered) == (0, 0)
    async with await Store.open(str(path)) as store:
        assert (await store.recall()).facts == ()
        assert (await store.recall()).snapshot == "then"
        assert [entry.kind for entry in await store.history.entries()] == ["store.restored"]
        assert await store.verify() == ()
    assert done.former is not None
    async with await Store.open(str(done.former)) as former:
        assert len((await former.recall(whole=True)).facts) == 2
    assert [file.name for file in path.parent.iterdir() if "restoring" in file.name or "-wal" in file.name] == []


async def test_a_restored_backup_does_not_say_again_what_was_said(
    path: Path, copy: Path, make: SimpleNamespace
) -> None:
    said, waiting = make.send("said"), make.send("waiting", subject="T2")
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1), [said, waiting])
        await store.backup(copy)
        await store.settle(said, Settled("250 ok"), make.T0 + MINUTE)
        await store.commit(make.decision(2), [make.send("since", subject="T3")])
        await store.settle(make.send("since", subject="T3"), Settled("250 ok"), make.T0 + MINUTE)
    done = await restore(copy, str(path), make.T0 + HOUR)
    assert (done.remembered, done.held) == (2, 1)
    async with await Store.open(str(path)) as store:
        assert await store.pending(make.T0 + 2 * HOUR) == []
        states = {one.key: one.state for n in (1, 2, 3) for one in await store.history.told(f"T{n}")}
        assert states == {"said": "sent", "waiting": "held", "since": "sent"}
        (entry,) = await store.history.entries("T2")
        assert (entry.kind, entry.data["key"]) == ("send.held", "waiting")
        assert "restored from a backup" in entry.reason
        # The engine lives through the time since the backup once more: what it says about then is held too.
        again = [make.send("since", subject="T3"), make.send("breach", subject="T4", at=make.T0 + 30 * MINUTE)]
        now = make.send("now", subject="T5", at=make.T0 + HOUR)
        await store.commit(make.decision(3), [*again, now])
        assert [send.key for send in await store.pending(make.T0 + 2 * HOUR)] == ["now"]
        assert [entry.kind for entry in await store.history.entries("T4")] == ["send.held"]
        assert await store.history.entries("T3") == ()
        before = await store.heads()
        await store.commit(make.decision(3), [*again, now])
        assert await store.heads() == before
        assert await store.verify() == ()


async def test_what_waited_goes_out_when_that_is_wished(path: Path, copy: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1), [make.send()])
        await store.backup(copy)
    await restore(copy, str(path), make.T0 + HOUR, resend=True)
    async with await Store.open(str(path)) as store:
        assert await store.pending(make.T0 + HOUR) == [make.send()]


async def test_restoring_onto_a_new_machine_needs_no_former_database(
    path: Path, copy: Path, make: SimpleNamespace, tmp_path: Path
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1), [make.send()])
        await store.backup(copy)
    done = await restore(copy, str(tmp_path / "new" / "netwatch.db"), make.T0 + HOUR)
    assert (done.former, done.held) == (None, 1)


async def test_restoring_over_a_damaged_database_works_and_keeps_it(
    path: Path, copy: Path, make: SimpleNamespace
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1))
        await store.backup(copy)
    path.write_bytes(b"not any more" * 1000)
    path.with_name("netwatch.db-wal").write_bytes(b"neither")
    done = await restore(copy, str(path), make.T0 + HOUR)
    assert done.former is not None
    assert done.former.read_bytes().startswith(b"not any more")
    async with await Store.open(str(path)) as store:
        assert len((await store.recall(whole=True)).facts) == 1


async def test_nothing_is_restored_under_a_running_thinker(
    store: Store, path: Path, copy: Path, make: SimpleNamespace
) -> None:
    await store.backup(copy)
    with pytest.raises(ThinkerRunningError):
        await restore(copy, str(path), make.T0)


async def test_nothing_is_restored_while_somebody_reads(path: Path, copy: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1))
        await store.backup(copy)
    async with await Store.open(str(path), write=False) as reader:
        await reader.waiting()
        with pytest.raises(StoreError) as caught:
            await restore(copy, str(path), make.T0)
        assert caught.value.trouble is Trouble.BUSY
    async with await Store.open(str(path)) as store:
        assert len((await store.recall()).facts) == 1


@pytest.mark.parametrize("harm", ["garbage", "cut", "foreign", "changed"])
async def test_a_backup_that_is_not_sound_changes_nothing(
    path: Path, copy: Path, make: SimpleNamespace, harm: str
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(*range(500)))
        await store.backup(copy)
        await store.commit(replace(make.decision(501)))
    before = path.read_bytes()
    match harm:
        case "garbage":
            copy.write_bytes(b"x" * 9999)
        case "cut":
            copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
        case "foreign":
            copy.unlink()
            with sqlite3.connect(copy) as other:
                other.execute("CREATE TABLE bookmarks (url)")
        case "changed":
            with sqlite3.connect(copy) as other:
                other.execute("UPDATE facts SET text = replace(text, 'R-7', 'R-8') WHERE seq = 8")
    with pytest.raises(StoreError) as caught:
        await restore(copy, str(path), make.T0)
    assert caught.value.trouble is Trouble.DAMAGED
    assert path.read_bytes() == before
    async with await Store.open(str(path)) as store:
        assert len((await store.recall()).facts) == 501
