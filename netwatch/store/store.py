"""The store itself: one writer, one transaction for each decision."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from netwatch.core.journal import read_fact
from netwatch.core.model import Decision, Fact
from netwatch.core.tickets.sends import Dead, Outcome, Retry, Send, Settled, Waiting
from netwatch.core.time import HOUR, Instant, Span
from netwatch.findings import Finding
from netwatch.store import copies, migrate, sqlite
from netwatch.store.chain import Link
from netwatch.store.chained import ENTRIES, FACTS, SLICE, Chain, Head, Heads, Line, append, head_of, verify
from netwatch.store.errors import StoreError, Trouble, told
from netwatch.store.history import History
from netwatch.store.lock import ThinkerLock
from netwatch.store.statements import inserting, plain_upsert, upsert
from netwatch.store.tables import facts, meta, sends, snapshots
from netwatch.store.written import Work, entry_of, inflate, prepare, row_of, send_of

LONGEST_WAIT: Span = HOUR
"""No send waits longer between two attempts. One that seems to was put off before the clock was set back."""

PATIENCE = 8
"""After so many vain attempts a send no longer holds up what follows it about the same subject."""

_HOLD_BEFORE = "hold.before"
_TOO_OLD = "decided about the time before the restore of a backup: it may have been sent then"

_SNAPSHOTS = 2  # the last, and one for the day the last proves unreadable


@dataclass(frozen=True, slots=True)
class Recall:
    """What an engine is rebuilt from."""

    snapshot: str | None
    facts: tuple[Fact, ...]
    """Those committed after the snapshot, in the order they were committed."""


class Store:
    """Made by `open`. One that does not write has only `history`, `waiting`, `verify` and `backup`."""

    history: History

    def __init__(
        self, path: Path, readers: AsyncEngine, writer: sqlite.Writer | None, lock: ThinkerLock | None
    ) -> None:
        self.path = path
        self.history = History(readers, path)
        self._readers, self._writer, self._lock = readers, writer, lock
        self._turn = asyncio.Lock()
        self._heads: Heads = {}
        """What stands at the end of each chain. Empty: not known, as at the start and after any trouble."""
        self._hold_before: Instant | None = None

    # ---------------------------------------------------------------- open, close

    @classmethod
    async def open(cls, url: str, *, write: bool = True) -> Store:
        """Open (and with `write` create, lock, migrate) the database at a SQLAlchemy URL or path.

        Raises ThinkerRunningError when another process holds it, StoreError for all other trouble, UnusableError
        for a URL that names no SQLite file.
        """
        path = sqlite.path_of(url)
        if not write:
            await asyncio.to_thread(_look, path)
            return cls(path, sqlite.reader(path), None, None)
        lock = await asyncio.to_thread(_take, path)
        return cls(path, sqlite.reader(path), sqlite.Writer(path), lock)

    async def close(self) -> None:
        async with self._turn:
            if self._writer is not None:
                await self._writer.close()
            await self._readers.dispose()
            if self._lock is not None:
                self._lock.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---------------------------------------------------------------- recall, commit

    async def recall(self, *, whole: bool = False) -> Recall:
        """The last snapshot and the facts since. Read once, before the first commit.

        `whole`: no snapshot but all facts that are kept, for an engine that cannot thaw what an older one froze.
        """
        async with self._reading() as connection:
            snapshot, after = None, 0
            if not whole:
                query = select(snapshots).order_by(snapshots.c.id.desc())
                for row in (await connection.execute(query)).all():
                    if (snapshot := await asyncio.to_thread(inflate, row.body, row.digest)) is not None:
                        after = row.facts
                        break
            lines = await connection.execute(
                select(facts.c.seq, facts.c.text).where(facts.c.seq > after).order_by(facts.c.seq)
            )
            return Recall(snapshot, await asyncio.to_thread(self._read_facts, lines.all()))

    def _read_facts(self, rows: Iterable[Any]) -> tuple[Fact, ...]:
        out = []
        for row in rows:
            try:
                out.append(read_fact(row.text))
            except ValueError as error:
                raise StoreError(f"{self.path}: fact {row.seq} cannot be read: {error}", Trouble.DAMAGED) from error
        return tuple(out)

    async def commit(self, decision: Decision, sends: Sequence[Send] = (), snapshot: str | None = None) -> None:
        """Facts, rows, journal entries, promises and the snapshot taken after them: all in one transaction.

        Committing again what is there already changes nothing: a fact or entry that is the same to the letter counts
        once, and of each (key, channel) there is one send, settled or not. So an engine that lives through the last
        minutes a second time may commit what it decides.

        Returns once it would survive a power cut. Cancelling does not undo it: the transaction is finished first.
        """
        if decision.empty and not sends and snapshot is None:
            return
        work = await asyncio.to_thread(prepare, decision, sends, snapshot)
        await self._write(lambda connection: self._commit(connection, work))

    def _commit(self, connection: Connection, work: Work) -> Heads:
        if not self._heads:
            self._heads = {chain.name: head_of(connection, chain) for chain in (FACTS, ENTRIES)}
            self._hold_before = _hold_before(connection)
        heads = {
            FACTS.name: append(connection, FACTS, self._heads[FACTS.name], work.facts, work.ticks),
            ENTRIES.name: append(connection, ENTRIES, self._heads[ENTRIES.name], work.entries),
        }
        for table, rows in work.rows:
            connection.exec_driver_sql(plain_upsert(table, connection.dialect), rows)
        if work.sends:
            heads[ENTRIES.name] = self._promise(connection, work.sends, heads[ENTRIES.name])
        if work.snapshot is not None:
            _keep_snapshot(connection, work, heads[FACTS.name].link.seq)
        if changed := [name for name, head in heads.items() if head != self._heads[name]]:
            values = [{"name": f"{name}.head", "value": str(heads[name].link)} for name in changed]
            connection.execute(upsert(meta, connection.dialect), values)
        return heads

    def _promise(self, connection: Connection, rows: list[dict[str, Any]], head: Head) -> Head:
        """Put sends into the outbox; what is older than a restore is held there, for it may have been sent since."""
        held = []
        if self._hold_before is not None:
            there = _promised(connection, [row["key"] for row in rows])
            for row in rows:
                if row["at"] < self._hold_before and (row["key"], row["channel"]) not in there:
                    row |= {"state": "held", "note": _TOO_OLD}
                    held.append(entry_of("send.held", row["at"], row, _TOO_OLD))
        statement = inserting(connection.dialect)(sends).on_conflict_do_nothing(index_elements=["key", "channel"])
        connection.execute(statement, rows)
        return append(connection, ENTRIES, head, held)

    # ---------------------------------------------------------------- the outbox

    async def pending(self, now: Instant, limit: int = 100, channel: str | None = None) -> list[Send]:
        """What is due, oldest first; at most `limit` of each channel, and of each subject only the first."""
        waits = sends.c.state == "pending"
        if channel is not None:
            waits &= sends.c.channel == channel
        alone = case((sends.c.attempts >= PATIENCE, sends.c.id), else_=0)
        first = select(func.min(sends.c.id)).where(waits).group_by(sends.c.channel, sends.c.subject, alone)
        place = func.row_number().over(partition_by=sends.c.channel, order_by=sends.c.id).label("place")
        due = (
            select(sends, place)
            .where(sends.c.id.in_(first))
            .where(or_(sends.c.next_at <= now, sends.c.next_at > now + LONGEST_WAIT))
            .subquery()
        )
        async with self._reading() as connection:
            found = await connection.execute(select(due).where(due.c.place <= limit).order_by(due.c.id))
            return [send_of(row) for row in found]

    async def later(self, send: Send) -> tuple[str, ...]:
        """The templates promised after `send` to the same channel about the same subject."""
        same = (sends.c.channel == send.channel) & (sends.c.subject == send.subject)
        own = select(sends.c.id).where(sends.c.key == send.key, sends.c.channel == send.channel).scalar_subquery()
        async with self._reading() as connection:
            found = await connection.execute(
                select(sends.c.template).where(same, sends.c.id > own).order_by(sends.c.id)
            )
            return tuple(found.scalars())

    async def settle(self, send: Send, outcome: Outcome, now: Instant, instead: Sequence[Send] = ()) -> None:
        """Record what became of a send; `instead` are sends on other channels that take over, in the same transaction.

        What is settled stays so: a second outcome for it changes nothing.
        """
        values: dict[str, Any]
        match outcome:
            case Settled(note):
                values = {"state": "sent", "note": note, "settled_at": now}
            case Retry(next_at, error):
                next_at = min(next_at, now + LONGEST_WAIT)
                values = {"attempts": sends.c.attempts + 1, "note": error, "next_at": next_at}
            case Dead(error):
                values = {"state": "dead", "note": error, "settled_at": now}
        mine = (sends.c.key == send.key) & (sends.c.channel == send.channel) & (sends.c.state == "pending")
        gone = entry_of("send.dead", now, row_of(send), outcome.error) if isinstance(outcome, Dead) else None
        work = Work((), frozenset(), [gone] if gone else (), (), [row_of(other) for other in instead])

        def run(connection: Connection) -> Heads:
            changed = connection.execute(update(sends).where(mine).values(values))
            return self._commit(connection, work if changed.rowcount else replace(work, entries=()))

        await self._write(run)

    async def waiting(self) -> tuple[Waiting, ...]:
        """What each channel owes, by name."""
        query = (
            select(sends.c.channel, func.count().label("many"), func.min(sends.c.at).label("oldest"))
            .where(sends.c.state == "pending")
            .group_by(sends.c.channel)
            .order_by(sends.c.channel)
        )
        async with self._reading() as connection:
            return tuple(Waiting(row.channel, row.many, row.oldest) for row in await connection.execute(query))

    async def hold(self, before: Instant, reason: str) -> int:
        """Hold back whatever was decided before `before` and waits, now or when it is committed; how much waits now.

        For a database that is a copy of the past: since then the original may have sent it.
        """
        waits = (sends.c.state == "pending") & (sends.c.at < before)
        held: list[Line] = []

        def run(connection: Connection) -> Heads:
            found = connection.execute(select(sends).where(waits).order_by(sends.c.id))
            held.extend(entry_of("send.held", before, dict(row._mapping), reason) for row in found)
            connection.execute(update(sends).where(waits).values(state="held", note=reason, settled_at=before))
            line = {"name": _HOLD_BEFORE, "value": str(before)}
            connection.execute(upsert(meta, connection.dialect), [line])
            self._heads = {}
            return self._commit(connection, Work((), frozenset(), held, (), []))

        await self._write(run)
        return len(held)

    # ---------------------------------------------------------------- keeping house

    async def prune(self, before: Instant, entries_before: Instant | None = None) -> int:
        """Forget facts heard before `before`, and entries and settled sends before `entries_before` (None: none).

        Never a fact that the oldest kept snapshot does not hold, never what waits. Rows stay. In slices, between
        which commits have their turn; the number of lines forgotten.
        """
        async with self._reading() as connection:
            covered = (await connection.execute(select(func.min(snapshots.c.facts)))).scalar() or 0
        gone = await self._forget(FACTS, before, covered)
        if entries_before is not None:
            gone += await self._forget(ENTRIES, entries_before, None)
            old = (sends.c.state != "pending") & (sends.c.at < entries_before) & (sends.c.settled_at < entries_before)

            def run(connection: Connection) -> None:
                connection.execute(delete(sends).where(old))

            await self._write(run)
        await self._tidy()
        return gone

    async def _forget(self, chain: Chain, before: Instant, covered: int | None) -> int:
        """Cut lines off the old end. Only from there: a gap in the middle would look like tampering."""
        seq, at = chain.table.c.seq, chain.table.c.at
        async with self._reading() as connection:
            first: int | None = (await connection.execute(select(func.min(seq)))).scalar()
            if first is None:
                return 0
            stays = (await connection.execute(select(seq).where(at >= before).order_by(seq).limit(1))).scalar()
            last = (await connection.execute(select(func.max(seq)))).scalar() or 0
        end: int = min(last if stays is None else stays - 1, last if covered is None else covered)
        for top in [*range(first + SLICE - 1, end, SLICE), end]:

            def run(connection: Connection, top: int = top) -> None:
                digest = connection.execute(select(chain.table.c.hash).where(seq == top)).scalar()
                if digest is None:
                    return
                anchor = {"name": f"{chain.name}.anchor", "value": str(Link(top, digest))}
                connection.execute(upsert(meta, connection.dialect), [anchor])
                connection.execute(delete(chain.table).where(seq <= top))

            await self._write(run)
        return max(0, end - first + 1)

    async def _tidy(self) -> None:
        async with self._turn, self._told():
            await asyncio.to_thread(copies.tidy, self.path)

    async def backup(self, path: Path) -> None:
        """A whole, checked copy at `path`, while everything goes on. Raises StoreError; then there is no new file."""
        await asyncio.to_thread(copies.backup, self.path, path)

    async def verify(self) -> tuple[Finding, ...]:
        """Every line that was changed, dropped or added outside of `commit`, and what SQLite finds wrong."""
        found: list[Finding] = []
        async with self._reading() as connection:
            said = (await connection.exec_driver_sql("PRAGMA quick_check(20)")).scalars()
            cure = "restore a backup: netwatch restore FILE"
            found += [Finding(str(self.path), text, cure) for text in said if text != "ok"]
            for chain in (FACTS, ENTRIES):
                found += await verify(connection, chain)
        return tuple(found)

    async def heads(self) -> dict[str, str]:
        """The last link of each chain, to be written down where nobody who can change the database can change it."""
        async with self._reading() as connection:
            heads = {chain.name: await connection.run_sync(head_of, chain) for chain in (FACTS, ENTRIES)}
            return {name: str(head.link) for name, head in heads.items()}

    # ---------------------------------------------------------------- transactions

    def _of_writer(self) -> sqlite.Writer:
        if self._writer is None:
            raise StoreError(f"{self.path}: was opened for reading", Trouble.READONLY)
        return self._writer

    @contextlib.asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise told(error, str(self.path)) from error

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._told(), self._readers.connect() as connection:
            yield connection

    async def _write(self, work: Callable[[Connection], Heads | None]) -> None:
        """One transaction, in turn; `work` returns what the heads are after it (None: as they were).

        Whoever waits for it may be cancelled, the transaction may not: half-done work on a connection that somebody
        else gets next is how databases lock up.
        """
        task = asyncio.create_task(self._transaction(work))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # taken note of: the canceller is not interested
            raise

    async def _transaction(self, work: Callable[[Connection], Heads | None]) -> None:
        async with self._turn:
            try:
                async with self._told():
                    after = await self._of_writer().transaction(work)
            except BaseException:
                self._heads = {}  # whatever came of it, the next one reads them anew
                raise
            self._heads = after or self._heads


# ---------------------------------------------------------------- opening


def _look(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"{path}: there is no database yet; netwatch run makes it", Trouble.READONLY)
    migrate.check(path)


def _take(path: Path) -> ThinkerLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = ThinkerLock(path)
    except OSError as error:
        raise told(error, str(path)) from error
    try:
        sqlite.create(path)
        migrate.upgrade(path)
    except OSError as error:
        lock.release()
        raise told(error, str(path)) from error
    except BaseException:
        lock.release()
        raise
    return lock


def _hold_before(connection: Connection) -> Instant | None:
    text = connection.execute(select(meta.c.value).where(meta.c.name == _HOLD_BEFORE)).scalar()
    return None if text is None else int(text)


def _promised(connection: Connection, keys: list[str]) -> set[tuple[str, str]]:
    query = select(sends.c.key, sends.c.channel).where(sends.c.key.in_(keys))
    return {(row.key, row.channel) for row in connection.execute(query)}


def _keep_snapshot(connection: Connection, work: Work, covers: int) -> None:
    values = {"at": work.now, "facts": covers, "body": work.snapshot, "digest": work.digest}
    connection.execute(insert(snapshots), [values])
    kept_ids = select(snapshots.c.id).order_by(snapshots.c.id.desc()).limit(_SNAPSHOTS)
    connection.execute(delete(snapshots).where(snapshots.c.id.not_in(kept_ids)))
