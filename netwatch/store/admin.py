"""What a person does to a database from the command line. Everything blocks."""

from __future__ import annotations

from pathlib import Path

from netwatch.store import copies, migrate, sqlite
from netwatch.store.errors import StoreError, Trouble
from netwatch.store.lock import ThinkerLock


def backup(url: str, target: Path) -> None:
    """A whole, checked copy of the database at `url`, whoever works on it. Raises StoreError; then nothing changed."""
    copies.backup(sqlite.path_of(url), target)


def version(url: str) -> tuple[str | None, str]:
    """The revision of the database (None: empty), and the one that this netwatch reads. Raises StoreError."""
    return migrate.version(_existing(url)), migrate.HEAD


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the database to the form that this netwatch writes; the revisions before and after.

    Raises ThinkerRunningError while a daemon works on it, StoreError when it cannot be done; then it is as it was.
    """
    path = _existing(url)
    lock = ThinkerLock(path)
    try:
        return migrate.upgrade(path)
    finally:
        lock.release()


def _existing(url: str) -> Path:
    path = sqlite.path_of(url)
    if not path.exists():
        raise StoreError(f"{path}: there is no database yet; netwatch run makes it", Trouble.READONLY)
    return path
