"""The words spoken with systemd, over its real kinds of socket."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwatch.systemd import HumanFormatter, JournalFormatter, Manager, inherited_sockets, log_to


@pytest.fixture
def manager_end(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(5)
        yield end


def test_ready_is_one_datagram_with_a_status_of_one_line(manager_end: socket.socket) -> None:
    Manager({"NOTIFY_SOCKET": manager_end.getsockname()}).ready("watching\n12 devices")
    assert manager_end.recv(4096) == b"READY=1\nSTATUS=watching 12 devices"


def test_a_reload_carries_the_monotonic_stamp_that_systemd_asks_for(manager_end: socket.socket) -> None:
    Manager({"NOTIFY_SOCKET": manager_end.getsockname()}).reloading()
    first, stamp = manager_end.recv(4096).decode().splitlines()
    assert first == "RELOADING=1"
    assert int(stamp.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0netwatch-test-{os.getpid()}")
        end.settimeout(5)
        Manager({"NOTIFY_SOCKET": f"@netwatch-test-{os.getpid()}"}).alive()
        assert end.recv(4096) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    Manager({}).ready("fine")
    Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("fine")


def test_a_manager_that_does_not_listen_does_not_block_us(manager_end: socket.socket) -> None:
    manager = Manager({"NOTIFY_SOCKET": manager_end.getsockname()})
    for _ in range(10_000):  # far more than its queue takes
        manager.alive()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_only_when_it_names_us(environ: dict[str, str], seconds: float | None) -> None:
    assert Manager(environ).watchdog_seconds == seconds


def test_inherited_sockets_come_by_name_and_leave_the_environment() -> None:
    script = (
        "import json, os, sys\n"
        "from netwatch.systemd import inherited_sockets\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "found = inherited_sockets()\n"
        "print(json.dumps([{n: s.getsockname()[1] for n, s in found.items()}, 'LISTEN_FDS' in os.environ]))\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as traps, socket.socket(socket.AF_INET) as http:
        traps.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))

        def as_systemd_does() -> None:
            # Both are lifted out of the way first: one of them may sit on 3 or 4 itself.
            lifted = [os.dup2(s.fileno(), 50 + place) for place, s in enumerate((traps, http))]
            for place, fd in enumerate(lifted):
                os.dup2(fd, 3 + place)

        said = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "traps:http"},
            preexec_fn=as_systemd_does, close_fds=False, capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        assert json.loads(said.stdout) == [{"traps": traps.getsockname()[1], "http": http.getsockname()[1]}, False]


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert inherited_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}) == {}


def record(message: str, *args: object, level: int = logging.WARNING, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("netwatch.poll", level, "poll.py", 1, message, args, None)
    made.__dict__.update(extra)
    return made


def test_a_journal_line_is_one_json_object_behind_its_priority() -> None:
    text = JournalFormatter().format(record("%s is silent\nsince noon", "R-17", device="R-17"))
    assert text.startswith("<4>{")
    assert "\n" not in text
    said = json.loads(text[3:])
    assert (said["level"], said["message"], said["device"]) == ("warning", "R-17 is silent\nsince noon", "R-17")


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (25, 6), (logging.ERROR, 3), (logging.CRITICAL, 2), (5, 7)],
)
def test_each_level_has_the_priority_of_syslog(level: int, priority: int) -> None:
    assert JournalFormatter().format(record("x", level=level)).startswith(f"<{priority}>")


def test_a_person_reads_what_was_given_beside_the_message() -> None:
    assert HumanFormatter().format(record("%s is silent", "R-17", polls=3)).endswith("WARNING R-17 is silent  polls=3")


def test_json_is_written_only_when_the_stream_is_the_journal(tmp_path: Path) -> None:
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        with (tmp_path / "journal").open("w+") as stream:
            status = os.fstat(stream.fileno())
            log_to(stream, environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
            logging.getLogger("netwatch").warning("one")
            log_to(stream, environ={"JOURNAL_STREAM": f"{status.st_dev}:1"})
            logging.getLogger("netwatch").warning("two")
            log_to(io.StringIO(), environ={"JOURNAL_STREAM": "1:1"})
            stream.seek(0)
            first, second = stream.read().splitlines()
        assert json.loads(first[3:])["message"] == "one"
        assert second.endswith("WARNING two")
    finally:
        logging.captureWarnings(capture=False)
        logging.basicConfig(level=kept[1], handlers=kept[0], force=True)
