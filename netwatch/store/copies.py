"""House-keeping on a database that somebody is using. Blocks: run it in a thread."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from netwatch.store import sqlite
from netwatch.store.errors import StoreError, Trouble, told


def backup(source: Path, target: Path) -> None:
    """A whole, checked copy of `source` at `target`: one moment, one file. A former `target` is replaced at the end.

    Raises StoreError; then `target` is as it was.
    """
    if not source.exists():
        raise StoreError(f"{source}: there is no database", Trouble.READONLY)
    if target.exists() and target.samefile(source):
        raise StoreError(f"{target}: is the database itself; name another file")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        sqlite.create(part)
        with opened(source) as live, opened(part) as copy:
            # In one step: from a write-ahead log it takes nothing from the writer, and it never has to start again.
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            inspect(copy, source)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        # Reading and writing may fail in the same words; the file that is ours to write is the likelier.
        raise told(error, f"{source} to {target}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=sqlite.BUSY_SECONDS, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def tidy(path: Path) -> None:
    """Give freed pages back to the file system and start the write-ahead log anew."""
    with opened(path) as connection:
        # As a script: `execute` takes one step, and incremental_vacuum frees one page in each.
        connection.executescript("PRAGMA incremental_vacuum(20000); PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;")


def inspect(connection: sqlite3.Connection, place: Path) -> None:
    """Raises StoreError unless this is a sound database of ours."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if owner != sqlite.APPLICATION_ID:
        raise StoreError(f"{place}: is no NetWatch database", Trouble.DAMAGED)
    problems = [text for (text,) in connection.execute("PRAGMA integrity_check(5)") if text != "ok"]
    if problems:
        raise StoreError(f"{place}: is damaged: {'; '.join(problems)}", Trouble.DAMAGED)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def swap(part: Path, target: Path, kept: Path) -> None:
    """Put `part` in the place of `target`, which stays under the name `kept`. There is a `target` at every moment.

    Raises StoreError BUSY while any other program has `target` open.
    """
    if target.exists():
        _close_off(target, kept)
        os.link(target, kept)
    part.replace(target)
    _sync(target.parent)


def _close_off(target: Path, kept: Path) -> None:
    """Bring the write-ahead log home: it must never be read into another database of that name."""
    try:
        with opened(target) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        trouble = told(error, str(target))
        if trouble.trouble is not Trouble.DAMAGED:
            raise trouble from error
        for ending in ("-wal", "-shm"):
            leftover = target.with_name(target.name + ending)
            if leftover.exists():
                leftover.rename(kept.with_name(kept.name + ending))
