"""Put a backup in the place of the database, without saying again what was said since it was made."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from zoneinfo import ZoneInfo

from netwatch.core.model import Decision, Entry
from netwatch.core.time import Instant, moment
from netwatch.store import copies, migrate, sqlite
from netwatch.store.errors import StoreError, Trouble, told
from netwatch.store.lock import ThinkerLock
from netwatch.store.store import Store

_COLUMNS = "key, channel, audience, template, subject, at, data, state, attempts, next_at, note, settled_at"


@dataclass(frozen=True, slots=True)
class Restored:
    former: Path | None
    """Where the database that was replaced lies now."""
    remembered: int
    """Sends that the former database had settled and the backup did not know of."""
    held: int
    """Sends that waited in the backup and are held back."""


async def restore(source: Path, url: str, now: Instant, *, resend: bool = False) -> Restored:
    """Replace the database at `url` by the backup `source`, migrated, checked to the last line.

    Raises ThinkerRunningError while a daemon uses it, StoreError when the backup is not sound; then nothing changed.

    What the backup still meant to send has, in all likelihood, been sent since it was made. What the former database
    (if it can be read) knows to be settled is taken over as settled; the rest, and whatever the engine decides about
    moments before `now`, is held, with an entry that says so. `resend` lets it go out.
    """
    target = sqlite.path_of(url)
    return await asyncio.to_thread(_restore, source, target, now, resend)


def _restore(source: Path, target: Path, now: Instant, resend: bool) -> Restored:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise told(error, str(target)) from error
    lock = ThinkerLock(target)
    part = target.with_name(target.name + ".restoring")
    try:
        copies.backup(source, part)
        migrate.upgrade(part)
        remembered = _remember(part, target)
        kept = _aside(target, now) if target.exists() else None
        held = asyncio.run(_mark(part, source, now, resend))
        copies.swap(part, target, kept or target)
        return Restored(kept, remembered, held)
    except (sqlite3.Error, OSError) as error:
        raise told(error, str(target)) from error
    finally:
        for ending in ("", "-wal", "-shm", ".lock"):
            with contextlib.suppress(OSError):
                part.with_name(part.name + ending).unlink(missing_ok=True)
        lock.release()


def _aside(target: Path, now: Instant) -> Path:
    """A name for the former database that no other has."""
    stamp = moment(now, ZoneInfo("UTC")).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{target.name}.before-{stamp}{ending}" for ending in chain([""], (f"-{n}" for n in count(2))))
    return next(path for name in names if not (path := target.with_name(name)).exists())


def _remember(part: Path, former: Path) -> int:
    """Take over from the former database what it had settled. One that cannot be read has nothing to tell."""
    if not former.exists():
        return 0
    with copies.opened(part) as connection:
        before = connection.total_changes
        try:
            connection.execute("ATTACH ? AS former", (str(former),))
            connection.execute("BEGIN IMMEDIATE")
            settled = f"SELECT {_COLUMNS} FROM former.sends WHERE state <> 'pending'"  # noqa: S608 - our own words
            connection.execute(
                f"INSERT INTO sends ({_COLUMNS}) {settled} ON CONFLICT (key, channel) DO UPDATE SET "
                "state = excluded.state, note = excluded.note, settled_at = excluded.settled_at "
                "WHERE sends.state = 'pending'"
            )
            connection.execute("COMMIT")
        except sqlite3.DatabaseError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return 0
        return connection.total_changes - before


async def _mark(part: Path, source: Path, now: Instant, resend: bool) -> int:
    async with await Store.open(str(part)) as store:
        if found := await store.verify():
            told_all = "\n".join(map(str, found[:20]))
            raise StoreError(f"{source}: its journal was changed after it was written:\n{told_all}", Trouble.DAMAGED)
        reason = f"restored from a backup ({source.name})"
        await store.commit(Decision(now, (), (), (Entry(now, "store.restored", "netwatch", reason),), ()))
        return 0 if resend else await store.hold(now, f"{reason}: it may have been sent since")
