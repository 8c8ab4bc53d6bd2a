"""`netwatch doctor`: what on this machine keeps NetWatch from working well.

`check` judges what NetWatch was given, `doctor` where it stands: rights, buffers, clock, disk, and whether the daemon
answers. It changes nothing and can be run beside a running daemon. What it finds holds for the user who runs it: the
unit of systemd gives the daemon rights that a shell does not have.
"""

from __future__ import annotations

import asyncio
import ctypes
import getpass
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netwatch.cli.common import FINDINGS, config_option, emit, json_option, say
from netwatch.core.time import DAY, Instant
from netwatch.findings import UnusableError

if TYPE_CHECKING:
    from netwatch.config import Address, Config
    from netwatch.core.rules import DispatchRules
    from netwatch.plan import Plan

PROC = Path("/proc")

_OLDEST_PYTHON = (3, 11)
_ROOM_NEEDED = 200 << 20  # a day of a busy network's journal, and the copy that a backup makes
_ROOM_WANTED = 2 << 30
_TOLD_APART = 1_000_000  # µs: a contract that is kept at the last second cannot be told by a clock that is off by more
_PATIENCE = 5.0  # seconds for a daemon that has a batch in hand
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph"})


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one look found out; `cure` is empty when there is nothing to do."""

    check: str
    verdict: Verdict
    what: str
    cure: str = ""


def ok(check: str, what: str) -> Answer:
    return Answer(check, Verdict.OK, what)


def warning(check: str, what: str, cure: str = "") -> Answer:
    return Answer(check, Verdict.WARNING, what, cure)


def error(check: str, what: str, cure: str = "") -> Answer:
    return Answer(check, Verdict.ERROR, what, cure)


# ---------------------------------------------------------------- the machine


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Answer:
    told = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        return error("python", f"Python {told}", "NetWatch needs 3.11 or newer")
    return ok("python", f"Python {told} at {sys.executable}")


class _Timex(ctypes.Structure):
    """The head of `struct timex`, adjtimex(2); the rest is room for what the kernel writes behind it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


_UNSYNCHRONISED = 0x40  # STA_UNSYNC


def kernel_clock() -> tuple[bool, int]:
    """Whether somebody keeps the kernel's clock right, and by how many µs it may be off. Raises OSError.

    Asking needs no right: `modes` stays 0. This is what `timedatectl` shows too, whoever keeps the clock.
    """
    timex = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return not timex.status & _UNSYNCHRONISED, timex.maxerror


def clock(ask: Callable[[], tuple[bool, int]] = kernel_clock) -> Answer:
    """Contract clocks are told by this machine's."""
    try:
        kept, off = ask()
    except (OSError, AttributeError) as trouble:
        return warning("clock", f"cannot be told whether it is kept right: {trouble}")
    if not kept:
        cure = "timedatectl set-ntp true, or let chrony set it; inside a virtual machine its host may do it unseen"
        return warning("clock", "nothing is known to keep this machine's clock right", cure)
    if off > _TOLD_APART:
        return warning("clock", f"may be off by {off / 1e6:.1f} s", "look at the time servers it follows")
    return ok("clock", f"kept right, at most {off / 1000:.0f} ms off")


def buffers(proc: Path = PROC) -> Answer:
    """Room for bursts of traps and of answers."""
    from netwatch.wire import udp

    try:
        most = int((proc / "sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return warning("receive buffer", "net.core.rmem_max cannot be read")
    if most < udp.WANTED:
        cure = f"sysctl -w net.core.rmem_max={udp.WANTED}, and a file in /etc/sysctl.d; the .socket units need it not"
        return warning("receive buffer", f"net.core.rmem_max is {most}: a storm of traps may be lost", cure)
    return ok("receive buffer", f"{most >> 20} MiB may be had")


async def ping() -> Answer:
    """The real thing, to ourselves."""
    from netwatch.core.model import State
    from netwatch.wire.ping import Pinger

    pinger = Pinger()
    try:
        answer = await pinger.ping("127.0.0.1", count=2)
    except OSError as trouble:
        cure = "sysctl net.ipv4.ping_group_range='0 2147483647', or CAP_NET_RAW as the unit gives it"
        return error("ping", f"ICMP is refused: {trouble.strerror}", cure)
    finally:
        pinger.close()
    if answer.state is State.OK:
        return ok("ping", "ICMP may be sent")
    return error("ping", answer.trouble or "no answer from this machine itself", "look at its firewall")


def ear(name: str, address: Address | None, running: bool) -> Answer:
    """Whether a port can be had: taken for a moment and let go, unless the daemon has it."""
    if address is None:
        return ok(name, "switched off in the configuration")
    if running:
        return ok(name, f"{address} is the running daemon's")
    from netwatch.wire import udp

    kind = socket.SOCK_STREAM if name in ("syslog_tcp", "syslog_tls") else socket.SOCK_DGRAM
    try:
        udp.bind(address.host, address.port, kind).close()
    except PermissionError:
        cure = "CAP_NET_BIND_SERVICE, or the .socket units: netwatch install-service"
        return error(name, f"{address}: ports below 1024 are refused to {getpass.getuser()}", cure)
    except OSError as trouble:
        cure = "ss -lnptu tells whose it is; systemd's own, waiting for the daemon, is fine"
        return warning(name, f"{address}: {trouble.strerror}", cure)
    return ok(name, f"{address} can be had")


# ---------------------------------------------------------------- where things are kept


def _standing(path: Path) -> Path:
    """The nearest folder above (or at) `path` that is there."""
    return next((p for p in (path, *path.parents) if p.exists()), Path("/"))


def _file_system(path: Path, proc: Path) -> str:
    """The type of the file system that `path` is on; empty when it cannot be told."""
    try:
        mounts = [line.split() for line in (proc / "self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    real = path.resolve()
    on = [(m[1], m[2]) for m in mounts if len(m) > 2 and real.is_relative_to(m[1].replace("\\040", " "))]
    return max(on, key=lambda m: len(m[0]), default=("", ""))[1]


def disk(state: Path, proc: Path = PROC) -> Iterator[Answer]:
    """Where the database lies: room, rights, and a file system that keeps its promises."""
    place = _standing(state)
    try:
        free = shutil.disk_usage(place).free
    except OSError as trouble:
        yield error("disk", f"{place}: {trouble.strerror}")
        return
    told = f"{free / (1 << 30):.1f} GiB free for {state}"
    if free < _ROOM_NEEDED:
        yield error("disk", told, "make room: without it nothing can be committed, and the daemon stops")
    elif free < _ROOM_WANTED:
        yield warning("disk", told, "some weeks of a journal want 2 GiB")
    else:
        yield ok("disk", told)
    if not os.access(place, os.W_OK | os.X_OK):
        yield warning("state", f"{place} is closed to {getpass.getuser()}", "fine if the daemon runs as another user")
    elif (kind := _file_system(place, proc)) in _NETWORK_FILE_SYSTEMS:
        yield error("state", f"{place} lies on {kind}", "SQLite's log and our lock need a local disk")
    else:
        yield ok("state", f"{state} can be written")


def holder(database: Path, proc: Path = PROC) -> int | None:
    """The process that thinks on this database. Read from the kernel's list: to try the lock would be to take it."""
    try:
        inode = database.with_name(f"{database.name}.lock").stat().st_ino
        lines = (proc / "locks").read_text().splitlines()
    except OSError:
        return None
    for words in map(str.split, lines):
        if "FLOCK" in words and "->" not in words and words[-3].rpartition(":")[2] == str(inode):
            return int(words[-4])
    return None


async def store(url: str) -> Answer:
    """The database can be opened for reading and is of this version."""
    from netwatch.store import Store, StoreError, Trouble

    try:
        async with await Store.open(url, write=False) as opened:
            heads = await opened.heads()
    except StoreError as trouble:
        new = trouble.trouble is Trouble.READONLY and "no database yet" in str(trouble)
        return warning("store", str(trouble)) if new else error("store", str(trouble))
    except UnusableError as trouble:
        return error("store", str(trouble))
    return ok("store", f"{opened.path} can be read, {len(heads)} chains of evidence")


async def forecast(url: str, rules: DispatchRules, now: Instant) -> Answer:
    """Whether what was forecast of late is what came."""
    from netwatch.store import Store, StoreError
    from netwatch.teach import standing

    try:
        async with await Store.open(url, write=False) as opened:
            found = await standing(opened.history, rules, now)
    except (StoreError, UnusableError) as trouble:
        return warning("forecast", f"cannot be judged: {trouble}")
    days = rules.drift.window // DAY
    if found.slope is None:
        return ok("forecast", f"{found.judged} departures in {days} days are too few to judge it by")
    if found.trouble:
        cure = "netwatch backtest shows where; wrong slips, changed crews or new causes are the usual reasons"
        return warning("forecast", found.trouble, cure)
    return ok("forecast", f"calibration slope {found.slope:.2f} over {found.judged} departures in {days} days")


# ---------------------------------------------------------------- NetWatch itself


def plan(path: Path) -> tuple[Answer, Plan | None]:
    """What `netwatch check` says, in one line."""
    from netwatch.plan import read

    try:
        found = read(path)
    except UnusableError as unusable:
        more = f" and {len(unusable.findings) - 1} more" if len(unusable.findings) > 1 else ""
        return error("configuration", f"{unusable.findings[0]}{more}", f"netwatch check -c {path}"), None
    ledger = found.ledger
    told = f"{path}: {len(ledger.devices)} devices, {len(ledger.circuits)} circuits, {len(ledger.teams)} teams"
    if found.warnings:
        return warning("configuration", f"{told}, {len(found.warnings)} warnings", f"netwatch check -c {path}"), found
    return ok("configuration", told), found


def calendar(found: Plan) -> Answer:
    """Whether the working days ahead are known."""
    from netwatch.app import Clock

    missing = found.unknown_days(Clock()())
    if missing:
        return warning("calendar", f"{missing[0].place} {missing[0].what}", missing[0].cure)
    return ok("calendar", f"official days of {', '.join(map(str, sorted(found.rules.calendar.years)))}")


async def daemon(config: Config, process: int | None) -> Answer:
    """Whether the daemon of this configuration answers and is ready."""
    import httpx

    url = f"{config.web.url}/readyz"
    try:
        # Its certificate is for the crews' name of it, not for 127.0.0.1, and nothing secret is sent.
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=_PATIENCE) as client:  # noqa: S501
            answer = await client.get(url)
    except httpx.HTTPError as trouble:
        if process is None:
            return warning("daemon", "is not running", "systemctl start netwatch, or netwatch run")
        return error("daemon", f"process {process} runs, {url} does not answer: {trouble or type(trouble).__name__}")
    if answer.status_code != httpx.codes.OK:
        return error("daemon", f"{url} says {answer.status_code}: {answer.text.strip()[:200]}", "see its log")
    return ok("daemon", f"ready at {url.removesuffix('/readyz')}" + (f", process {process}" if process else ""))


async def examine(path: Path) -> list[Answer]:
    """Every look, in the order in which a person would take them."""
    from netwatch.app import Clock
    from netwatch.config import load

    answers = [python(), clock(), buffers(), await ping()]
    told, found = await asyncio.to_thread(plan, path)
    answers.append(told)
    if found:
        answers.append(calendar(found))
    try:
        config = found.config if found else load(path)
        url = config.database_url()
    except UnusableError:
        return answers  # without a configuration nobody knows where to look further
    process = holder(Path(url.partition("///")[2]))
    answers += disk(config.paths.state)
    answers.append(await store(url))
    if found:
        answers.append(await forecast(url, found.rules.dispatch, Clock()()))
    ears = {name: getattr(config.listen, name) for name in ("traps", "syslog", "syslog_tcp", "syslog_tls")}
    answers += [ear(name, at, process is not None) for name, at in ears.items() if at or name in ("traps", "syslog")]
    answers.append(await daemon(config, process))
    return answers


_MARKS = {Verdict.OK: ("ok", "green"), Verdict.WARNING: ("warning", "yellow"), Verdict.ERROR: ("error", "red")}


@click.command("doctor")
@config_option
@json_option
def command(*, config: Path, as_json: bool) -> None:
    """What on this machine keeps NetWatch from working well. Changes nothing.

    Exit status: 0 nothing or only warnings, 1 something that must be mended.
    """
    answers = asyncio.run(examine(config))
    if as_json:
        emit([asdict(a) for a in answers])
    else:
        width = max(len(a.check) for a in answers)
        say(f"as {getpass.getuser()}")
        for a in answers:
            word, colour = _MARKS[a.verdict]
            click.echo(f"{click.style(f'{word:<7}', fg=colour)}  {a.check:<{width}}  {a.what}")
            if a.cure:
                click.echo(f"{'':<{width + 11}}→ {a.cure}")
    raise SystemExit(FINDINGS if any(a.verdict is Verdict.ERROR for a in answers) else 0)
