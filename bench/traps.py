"""What hearing traps costs, side by side: CPU of a trap, and how much of a burst at full speed is kept.

    python bench/traps.py [--burst 20000] [--rounds 3]

linkDown and linkUp of 48 ports of each of 100 devices, in no order, each with its own request-id and uptime, and other
sorts (`_traps.SORTS`), sent as fast as the other core can. Ours is the way of the daemon: read, understood by the
profiles, offered to the inbox, the device nudged. What others need is installed into a cache of this folder's own
(`_rivals`); what cannot be had is told and left out.
"""

from __future__ import annotations

import argparse
import json
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
from _hearers import QUIET
from _pollers import ticks
from _traps import SORTS, storm

RIVALS = "each another"
"""What is sent to the others."""
PROMISES = dict.fromkeys(SORTS, ">=80000") | {
    "each of another device": ">=50000",
    "optics, BGP, ONUs": ">=50000",
    "of twenty varbinds": ">=30000",
    "by v3 with SHA-256": ">=50000",
    "by v3 with SHA-1 and AES": ">=40000",
}
"""Traps/s that one core hears."""
HERE = Path(__file__).resolve().parent


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 2), "unit": unit, **({"limit": limit} if limit else {})}))


def send(port: int, count: int, sort: str, seed: int) -> None:
    sender = get_context("spawn").Process(target=storm, args=(port, count, sort, seed))
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

    def hear(self, count: int, sort: str, seed: int) -> tuple[float, int]:
        """(CPU seconds, traps heard)."""
        return self.hear_of(lambda port: send(port, count, sort, seed))

    def hear_of(self, send_to: Callable[[int], None]) -> tuple[float, int]:
        """The same, of whatever is sent to its port."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        send_to(self.port)
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

    def hear(self, count: int, sort: str, seed: int) -> tuple[float, int]:
        first, before = self._lines(), ticks(self._process.pid)
        send(self.port, count, sort, seed)
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
    hearers: dict[str, Hearer | Snmptrapd] = {"floor": Hearer("floor", sys.executable)}
    if program := _rivals.debian(
        "snmptrapd", "snmptrapd", "libsnmp40", "libnetsnmptrapd40", "libperl5.36", "libmariadb3"
    ):
        hearers["snmptrapd"] = Snmptrapd(program)
    if python := _rivals.python():
        hearers["pysnmp"] = Hearer("pysnmp", python)
    ours = Hearer("netwatch", sys.executable)
    ours.hear(options.burst, "heard before", 0)
    costs: dict[str, list[float]] = {}
    kept: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for name, hearer, sort in [
            *((name, hearer, RIVALS) for name, hearer in hearers.items()),
            *((f"netwatch, {sort}", ours, sort) for sort in SORTS),
        ]:
            seconds, heard = hearer.hear(options.burst, sort, 0 if sort == "heard before" else turn + 1)
            kept.setdefault(name, []).append(heard / options.burst * 100)
            if heard:
                costs.setdefault(name, []).append(seconds / heard * 1e6)
    cost = {name: statistics.median(each) for name, each in costs.items()}
    for name, micros in cost.items():
        sort = name.removeprefix("netwatch, ")
        figure(f"a trap: {name}", micros, "µs")
        figure(
            f"kept of a burst of {options.burst:,}, at worst: {name}", min(kept[name]), "%", ">=100" * (sort in SORTS)
        )
        if sort in SORTS:
            figure(f"traps, one core: {name}", 1e6 / micros, "traps/s", PROMISES[sort])
    for name in ("snmptrapd", "pysnmp"):
        if name in cost:
            figure(f"a trap: {name} to ours", cost[name] / cost[f"netwatch, {RIVALS}"], "times", ">=2")
    for hearer in (*hearers.values(), ours):
        hearer.close()


if __name__ == "__main__":
    main()
