"""Network namespaces by name: making them, entering them, sweeping up what a killed run left."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from metro.patience import until

PREFIX = "metro-lab-"
_NAMED = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str, stdin: str = "") -> str:
    """Standard output of a command that must succeed; its complaint is in the error."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ip(lines: Iterable[str], namespace: str = "") -> None:
    """Many `ip` commands in one process; all of them, or an error naming the line."""
    run("ip", *(("-n", PREFIX + namespace) if namespace else ()), "-batch", "-", stdin="\n".join(lines) + "\n")


def enter(name: str) -> tuple[str, ...]:
    """The words before a command that make it run in a namespace."""
    return ("ip", "netns", "exec", PREFIX + name)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread, and what it starts, is in the namespace: its sockets are made there and stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(_NAMED / (PREFIX + name))
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def processes(name: str) -> list[int]:
    """The processes that live in a namespace."""
    return [int(pid) for pid in run("ip", "netns", "pids", PREFIX + name).split()]


def empty(name: str) -> None:
    """Kill whatever lives in a namespace of ours and wait until it has gone."""

    def gone() -> bool:
        alive = processes(name)
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not alive

    until(gone, f"nothing lives in {PREFIX}{name}", within=10, every=0.02)


def sweep() -> list[str]:
    """Remove every namespace of the lab with all that lives in it; their names. Links go with them."""
    if not _NAMED.is_dir():
        return []
    names = [path.name for path in _NAMED.iterdir() if path.name.startswith(PREFIX)]
    for name in names:
        try:
            empty(name.removeprefix(PREFIX))
        except RuntimeError:  # a name without a namespace behind it: killed between the two steps of making it
            (_NAMED / name).unlink(missing_ok=True)
        else:
            run("ip", "netns", "delete", name)
    return names


def _enter(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(descriptor)
    finally:
        os.close(descriptor)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
