"""The few words spoken with systemd: state and watchdog out, inherited sockets in, log lines that journald can read.

Own lines instead of a binding: the protocol is one datagram of `KEY=value` lines (sd_notify(3)), three environment
variables (sd_listen_fds(3)) and a `<N>` before a log line (sd-daemon(3)). Without systemd all of it does nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TextIO

_FIRST_FD = 3  # SD_LISTEN_FDS_START

_PRIORITY = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Manager:
    """The service manager that started us, or nobody. Saying something to it never blocks and never fails."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_seconds = self._watchdog(environ)
        """How soon it kills us when nothing is heard; None when it does not watch."""

    @staticmethod
    def _watchdog(environ: Mapping[str, str]) -> float | None:
        if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return None
        try:
            return int(environ["WATCHDOG_USEC"]) / 1e6
        except (KeyError, ValueError):
            return None

    def say(self, *fields: str) -> None:
        """Send `KEY=value` fields as one datagram."""
        if not self._address:
            return
        # A manager that is gone or slow must not take the daemon with it.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.setblocking(False)
            out.sendto("\n".join(fields).encode(), self._address)

    def ready(self, status: str) -> None:
        self.say("READY=1", f"STATUS={_one_line(status)}")

    def reloading(self) -> None:
        # systemd takes the monotonic stamp to tell this reload's READY from an older one's.
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self.say("STOPPING=1", f"STATUS={_one_line(status)}")

    def status(self, status: str) -> None:
        self.say(f"STATUS={_one_line(status)}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self.say("WATCHDOG=1")

    def patience(self, seconds: float) -> None:
        """A start or a stop takes longer: wait so much longer from now on before giving up on us."""
        self.say(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def inherited_sockets(environ: MutableMapping[str, str] = os.environ) -> dict[str, socket.socket]:
    """The sockets that a `.socket` unit bound for us, by their FileDescriptorName=.

    Takes the variables out of `environ`, so that no child believes that they are its own. A second socket of one
    name gets `-2`, a third `-3`.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return {}
    out: dict[str, socket.socket] = {}
    for place in range(int(count)):
        name = names[place] if place < len(names) and names[place] else "unknown"
        again = sum(1 for known in out if known == name or known.rpartition("-")[0] == name)
        inherited = socket.socket(fileno=_FIRST_FD + place)
        inherited.setblocking(False)
        inherited.set_inheritable(False)
        out[f"{name}-{again + 1}" if again else name] = inherited
    return out


class JournalFormatter(logging.Formatter):
    """One JSON object a line, behind the `<N>` that journald turns into the entry's priority.

    What a caller gives as `extra=` becomes keys of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _OWN_FIELDS)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        priority = next(priority for level, priority in _PRIORITY if record.levelno >= level)
        return f"<{priority}>{json.dumps(line, ensure_ascii=False, default=str)}"


class HumanFormatter(logging.Formatter):
    """For a terminal: local time, level, message, and what was given as `extra=` behind it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{k}={v}" for k, v in vars(record).items() if k not in _OWN_FIELDS)
        text = super().format(record)
        head, newline, rest = text.partition("\n")
        return f"{head}  {extra}{newline}{rest}" if extra else text


def log_to(stream: TextIO = sys.stderr, level: int = logging.INFO, environ: Mapping[str, str] = os.environ) -> None:
    """Set the root logger up: JSON lines when `stream` goes to journald, the human form elsewhere."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JournalFormatter() if _goes_to_journal(stream, environ) else HumanFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # A request line says nothing that the metrics do not, and could carry a signed link's secret.
    for chatty in ("httpx", "httpcore", "uvicorn", "aiosqlite", "paramiko", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """As systemd.exec(5) tells to find out: device and inode of the stream are those in JOURNAL_STREAM."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))
