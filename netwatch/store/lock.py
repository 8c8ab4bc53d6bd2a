"""One thinker for each database."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from netwatch.store.errors import ThinkerRunningError, told


class ThinkerLock:
    """Held from construction to `release`, or to the end of the process however it ends: the kernel lets go of it.

    A lock of the file beside the database, not of the database: SQLite's own come and go with transactions.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise told(error, str(path)) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise ThinkerRunningError(
                f"{database}: already in use by another netwatch"
                + (f" (process {holder})" if holder else "")
                + ": stop it first"
            ) from None
        except OSError as error:
            os.close(self._fd)
            raise told(error, str(path)) from error
        # The number is a courtesy to whoever comes second; a full disk must not keep us from starting.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """The file stays: to remove it would let two others each lock a file of that name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
