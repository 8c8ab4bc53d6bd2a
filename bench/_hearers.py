# ruff: noqa: PLC0415 - nobody has what the others import
"""Who is compared by `traps.py` and `syslog.py`: one process each, for some in an environment of its own.

    PYTHON bench/_hearers.py NAME

Prints the UDP port it listens on. After each line on stdin it hears what comes until nothing has come for half a
second, and prints `{"cpu": seconds, "heard": n}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import select
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parent.parent)
QUIET = 0.5


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
    with contextlib.suppress(OSError):  # else as far as the system lets everybody
        sock.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def floor() -> None:
    """The socket drained, nothing read."""
    sock = bound()
    print(sock.getsockname()[1], flush=True)
    wait = select.epoll()
    wait.register(sock, select.EPOLLIN)
    receive = sock.recvfrom
    for _ in sys.stdin:
        before, heard, spent = cpu(), 0, 0.0
        while wait.poll(20 if not heard else QUIET):
            try:
                while True:
                    receive(65535)
                    heard += 1
            except BlockingIOError:
                spent = cpu() - before
        print(json.dumps({"cpu": spent, "heard": heard}), flush=True)


async def counted(heard: Callable[[], int], tidy: Callable[[], Awaitable[None]] | None = None) -> None:
    """The rounds of everyone on an event loop; `tidy` what a round left."""
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        first, before, spent, last = heard(), cpu(), 0.0, 0
        end = time.monotonic() + 20
        while time.monotonic() < end:
            await asyncio.sleep(0.02)
            if heard() - first != last:
                last, spent, end = heard() - first, cpu() - before, time.monotonic() + QUIET
        if tidy is not None:
            await tidy()
        print(json.dumps({"cpu": spent, "heard": last}), flush=True)


async def netwatch() -> None:
    """What the daemon does: from the datagram to the inbox."""
    sys.path.insert(0, ROOT)
    import _traps

    from netwatch.app import spare_what_stays
    from netwatch.core.model import Device, Ledger, Link, Port
    from netwatch.wire.inbox import Inbox
    from netwatch.wire.names import Names
    from netwatch.wire.profile import Profiles
    from netwatch.wire.traps import TrapListener

    devices = {f"R-{n}": Device(f"R-{n}", address=_traps.address(n)) for n in range(_traps.MANY)}
    names = Names(Ledger(devices=devices, links={n: Link(n, Port(n, "GE0/0/1"), Port("", "")) for n in devices}))
    ports = _traps.names()
    for device in devices:
        names.number(device, ports)
    nudged: dict[str, int] = {}
    inbox = Inbox(10_000_000)
    listener = TrapListener(
        names, Profiles.load(), inbox, time.time_ns, nudge=lambda device: nudged.update({device: 1}), users=_traps.USERS
    )
    stats = listener.stats

    async def think() -> None:
        while inbox.depth:
            await inbox.take(10_000)

    print(listener.open(sock=bound()), flush=True)
    spare_what_stays()
    await counted(lambda: stats.observed + stats.unknown.total() + stats.unkept, think)


async def syslog(way: str) -> None:
    """What the daemon does with lines: from the socket to the inbox."""
    sys.path.insert(0, ROOT)
    import _lines

    from netwatch.app import spare_what_stays
    from netwatch.core.model import Device, Ledger
    from netwatch.wire.inbox import Inbox
    from netwatch.wire.names import Names
    from netwatch.wire.profile import Profiles
    from netwatch.wire.syslog import SyslogListener

    names = Names(Ledger(devices={"R-1": Device("R-1", address="127.0.0.1")}))
    nudged: dict[str, int] = {}
    inbox = Inbox(10_000_000)
    listener = SyslogListener(
        names, Profiles.load(), inbox, time.time_ns, nudge=lambda device: nudged.update({device: 1})
    )

    async def think() -> None:
        while inbox.depth:
            await inbox.take(10_000)

    if way == "udp":
        port = listener.open(sock=bound())
    else:
        port = listener.open_stream("127.0.0.1", 0, tls=_lines.context() if way == "tls" else None)
    print(port, flush=True)
    spare_what_stays()
    await counted(lambda: listener.stats.heard, think)


async def pysnmp() -> None:
    """Its notification receiver, as its examples show."""
    from pysnmp.carrier.asyncio.dgram import udp
    from pysnmp.entity import config, engine
    from pysnmp.entity.rfc3413 import ntfrcv

    heard = 0

    def count(*_: Any) -> None:
        nonlocal heard
        heard += 1

    sock = bound()
    whole = engine.SnmpEngine()
    port = sock.getsockname()[1]
    sock.close()
    transport = udp.UdpTransport().open_server_mode(("127.0.0.1", port))
    config.add_transport(whole, udp.DOMAIN_NAME, transport)
    config.add_v1_system(whole, "area", "public")
    ntfrcv.NotificationReceiver(whole, count)
    await asyncio.sleep(0.2)  # its transport opens in a task of its own
    print(port, flush=True)
    await counted(lambda: heard)


def main() -> None:
    who = sys.argv[1]
    if who == "floor":
        floor()
        return
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    ways = {f"syslog-{way}": partial(syslog, way) for way in ("udp", "tcp", "tls")}
    run({"netwatch": netwatch, "pysnmp": pysnmp, **ways}[who]())


if __name__ == "__main__":
    main()
