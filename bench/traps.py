"""What hearing traps costs, side by side: CPU of a trap, and how much of a burst at full speed is kept.

    python bench/traps.py [--burst 20000] [--rounds 3]

linkDown and linkUp of 48 ports of each of 100 devices, in no order, each with its own request-id and uptime, sent as
fast as the other core can. Ours is the way of the daemon: decoded, understood by the profiles, offered to the inbox,
the device nudged. Once with traps that the daemon has heard before, as a flapping port sends them, and once with
traps that all differ. What others need is installed into a cache of this folder's own (`_rivals`); what cannot be had
is told and left out.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import _rivals
from _agent import apart
from _hearers import DEVICES, PORTS, QUIET
from _pollers import ticks

from netwatch.wire import ber
from netwatch.wire.snmp import Tag, VarBind, oid
from netwatch.wire.trap_form import SYS_UPTIME, TRAP_OID

DIFFERENT = "netwatch, all different"
PROMISES = {"netwatch": ">=100", DIFFERENT: ">=100"}
HERE = Path(__file__).resolve().parent
LINK_DOWN = oid("1.3.6.1.6.3.1.1.5.3")
IF_INDEX, IF_ADMIN, IF_OPER, IF_ALIAS = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 7, 8, 18))


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 2), "unit": unit, **({"limit": limit} if limit else {})}))


def trap(port: int, kind: int, number: int, alias: bytes) -> bytes:
    up = kind - 3
    bindings = [
        VarBind(SYS_UPTIME, Tag.TICKS, 1_000_000 + number),
        VarBind(TRAP_OID, Tag.OID, (*LINK_DOWN[:-1], kind)),
        VarBind((*IF_INDEX, port), Tag.INTEGER, port),
        VarBind((*IF_ADMIN, port), Tag.INTEGER, 1),
        VarBind((*IF_OPER, port), Tag.INTEGER, 2 - up),
        VarBind((*IF_ALIAS, port), Tag.OCTETS, alias),
    ]
    return ber.write_message(1, b"public", ber.write_pdu(ber.TRAP, number, 0, 0, ber.write_varbinds(bindings)))


def storm(port: int, count: int, each_another: bool, seed: int) -> None:
    """In a process of its own: make all, then send all."""
    chance = random.Random(seed)
    work = [
        (
            device := chance.randrange(DEVICES),
            trap(chance.randrange(PORTS) + 1, chance.choice((3, 4)), n, b"%09d" % n if each_another else b"uplink"),
        )
        for n in range(seed * count, (seed + 1) * count)
    ]
    socks = []
    for device in range(DEVICES):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.3.0.{device + 1}", 0))
        sock.connect(("127.0.0.1", port))
        socks.append(sock)
    for device, data in work:
        socks[device].send(data)


def send(port: int, count: int, each_another: bool, seed: int) -> None:
    sender = get_context("spawn").Process(target=storm, args=(port, count, each_another, seed))
    sender.start()
    apart(sender.pid or 0, -1)
    sender.join()


class Hearer:
    """One of `_hearers`, in its own process on the first core."""

    def __init__(self, name: str, python: str | Path) -> None:
        line = [python, HERE / "_hearers.py", name]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        apart(self._process.pid, 0)
        self.port = int(self._say())

    def _say(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def hear(self, count: int, each_another: bool, seed: int) -> tuple[float, int]:
        """(CPU seconds, traps heard)."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        send(self.port, count, each_another, seed)
        said = json.loads(self._say())
        return said["cpu"], said["heard"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Snmptrapd:
    """net-snmp's, writing one short line for each trap."""

    def __init__(self, program: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self._log = folder / "log"
        (folder / "snmptrapd.conf").write_text("disableAuthorization yes\nformat1 x\\n\nformat2 x\\n\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["-f", "-n", "-m", "", "-C", "-c", str(folder / "snmptrapd.conf"), "-Lf", str(self._log)]
        self._process = subprocess.Popen([*program, *options, f"udp:127.0.0.1:{self.port}"], stderr=subprocess.DEVNULL)
        apart(self._process.pid, 0)
        _until(lambda: self._log.exists() and "NET-SNMP version" in self._log.read_text())

    def hear(self, count: int, each_another: bool, seed: int) -> tuple[float, int]:
        first, before = self._lines(), ticks(self._process.pid)
        send(self.port, count, each_another, seed)
        last, end = self._lines(), time.monotonic() + QUIET
        while time.monotonic() < end:
            time.sleep(0.05)
            if (now := self._lines()) != last:
                last, end = now, time.monotonic() + QUIET
        return ticks(self._process.pid) - before, last - first

    def _lines(self) -> int:
        return self._log.read_bytes().count(b"x\n")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _until(ready: Callable[[], bool]) -> None:
    for _ in range(500):
        if ready():
            return
        time.sleep(0.01)
    raise TimeoutError("it does not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--burst", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    hearers: dict[str, Hearer | Snmptrapd] = {n: Hearer(n, sys.executable) for n in ("floor", "netwatch")}
    hearers[DIFFERENT] = Hearer("netwatch", sys.executable)
    if program := _rivals.debian(
        "snmptrapd", "snmptrapd", "libsnmp40", "libnetsnmptrapd40", "libperl5.36", "libmariadb3"
    ):
        hearers["snmptrapd"] = Snmptrapd(program)
    if python := _rivals.python():
        hearers["pysnmp"] = Hearer("pysnmp", python)
    for seed in (1000, 2000, 3000):  # what it is to have heard before
        hearers["netwatch"].hear(options.burst, False, seed)
    cost: dict[str, list[float]] = {}
    kept: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for name, hearer in hearers.items():
            seconds, heard = hearer.hear(options.burst, name == DIFFERENT, turn + 1)
            kept.setdefault(name, []).append(heard / options.burst * 100)
            if heard:
                cost.setdefault(name, []).append(seconds / heard * 1e6)
    for name, costs in cost.items():
        figure(f"a trap: {name}", statistics.median(costs), "µs")
        figure(f"kept of a burst of {options.burst:,}, at worst: {name}", min(kept[name]), "%", PROMISES.get(name, ""))
    ours = cost["netwatch"]
    figure("traps, one core: netwatch", 1e6 / statistics.median(ours), "traps/s", ">=80000")
    for name in ("snmptrapd", "pysnmp"):
        if name in cost:
            figure(f"a trap: {name} to ours", statistics.median(cost[name]) / statistics.median(ours), "times", ">=2")
    for hearer in hearers.values():
        hearer.close()


if __name__ == "__main__":
    main()
