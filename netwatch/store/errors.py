"""What can go wrong with a store, in the operator's words. It is never evidence about the network."""

from __future__ import annotations

import errno
import sqlite3
from enum import StrEnum


class Trouble(StrEnum):
    FULL = "full"
    BUSY = "busy"
    DAMAGED = "damaged"
    VERSION = "version"
    READONLY = "readonly"
    OTHER = "other"


class StoreError(Exception):
    """The store did not do what it was asked; what was committed before stands, and nothing of this did.

    `trouble` tells whether trying again helps: BUSY passes by itself, FULL when room is made.
    """

    def __init__(self, what: str, trouble: Trouble = Trouble.OTHER) -> None:
        self.trouble = trouble
        super().__init__(what)


class ThinkerRunningError(StoreError):
    """Another process thinks on this database."""

    def __init__(self, what: str) -> None:
        super().__init__(what, Trouble.BUSY)


_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_READONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def told(error: BaseException, place: str) -> StoreError:
    """The StoreError for what SQLite (through whatever wraps it) said about the database at `place`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, sqlite3.Error | OSError):
        cause = getattr(cause, "orig", None) or cause.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    extended = getattr(cause, "sqlite_errorname", "")
    primary = code & 0xFF if isinstance(code, int) else None
    number = cause.errno if isinstance(cause, OSError) else None
    said = (cause.strerror if isinstance(cause, OSError) else "") or f"{cause or error}"
    said += f" [{extended}]" if extended else ""
    if primary in _FULL or number in _NO_ROOM:
        return StoreError(
            f"{place}: no room left to write ({said}); make room, nothing committed is lost", Trouble.FULL
        )
    if primary in _BUSY:
        return StoreError(f"{place}: locked by another program for too long ({said})", Trouble.BUSY)
    if primary in _DAMAGED:
        return StoreError(
            f"{place}: is damaged or no NetWatch database ({said}); restore a backup: netwatch restore FILE",
            Trouble.DAMAGED,
        )
    if primary in _READONLY or number in _CLOSED:
        what = f"{place}: cannot be opened or written ({said}); it and its folder must belong to the user of the daemon"
        return StoreError(what, Trouble.READONLY)
    return StoreError(f"{place}: {said}")
