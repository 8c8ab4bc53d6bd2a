"""What is SQLite's own: places, pragmas, and how a transaction begins."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from netwatch.findings import Finding, UnusableError

APPLICATION_ID = 0x4E574348  # "NWCH", in the file's header: other people's databases are not ours to migrate

T = TypeVar("T")

BUSY_SECONDS = 10.0
_WAL_KEEP = 64 << 20


def path_of(url: str) -> Path:
    """The file behind a SQLAlchemy URL (`sqlite:///…`, `sqlite+aiosqlite:///…`) or a plain path.

    Raises UnusableError for any other database and for `:memory:`, which would forget its promises.
    """
    if "://" not in url:
        return Path(url)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnusableError([Finding("database.url", "is no URL", "e.g. sqlite:///netwatch.db")]) from None
    if parsed.get_backend_name() != "sqlite":
        what = f"this version keeps its data in SQLite, not in {parsed.get_backend_name()}"
        raise UnusableError([Finding("database.url", what, "leave it empty, or sqlite:///FILE")])
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise UnusableError([Finding("database.url", "must name a file and nothing more", "sqlite:///FILE")])
    return Path(parsed.database)


def create(path: Path) -> None:
    """Make an empty file that only its owner writes and its group reads, if there is none."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))


class Writer:
    """The one connection of this process that writes, on a thread of its own.

    A whole transaction is one trip to that thread and back. Statement by statement, as with the readers, the way
    there and back costs several times what SQLite does.
    """

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(
            _url(path, "sqlite"), pool_size=1, max_overflow=0, connect_args={"timeout": BUSY_SECONDS}
        )
        _prepare(self._engine, write=True)
        self._thread = ThreadPoolExecutor(1, "store-writer")
        self._closed = False

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is committed; undone when it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """Once or several times."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
            self._thread.shutdown()


def reader(path: Path, size: int = 4) -> AsyncEngine:
    engine = create_async_engine(
        _url(path, "sqlite+aiosqlite"), pool_size=size, max_overflow=4, connect_args={"timeout": BUSY_SECONDS}
    )
    _prepare(engine.sync_engine, write=False)
    return engine


def plain(path: Path, *, write: bool = True) -> Engine:
    """For threads: migrations, and a look at the version."""
    engine = create_engine(_url(path, "sqlite"), poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    _prepare(engine, write=write)
    return engine


def _url(path: Path, driver: str) -> URL:
    return URL.create(driver, database=str(path))


def _prepare(engine: Engine, *, write: bool) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # sqlite3 must not begin by itself: it would begin DEFERRED
        cursor = connection.cursor()
        if write:
            # Only a new file takes these two; auto_vacuum must come before the first table.
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute(f"PRAGMA journal_size_limit={_WAL_KEEP}")
        else:
            cursor.execute("PRAGMA query_only=ON")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        # A transaction that reads first and writes later may fail at once with SQLITE_BUSY, timeout or not.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
