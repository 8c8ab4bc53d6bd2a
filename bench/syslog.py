"""What hearing log lines costs: CPU of a line by UDP, TCP and TLS, and how much of a burst at full speed is kept.

    python bench/syslog.py [--burst 20000] [--rounds 3]

Lines of ports that go down and come up, in the words of three makers, and lines that say nothing of service, sent as
fast as the other core can. Ours is the way of the daemon: taken apart, held against the patterns of all profiles, what
is understood offered to the inbox.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from functools import partial
from multiprocessing import get_context

from _agent import apart
from _lines import SORTS, storm
from traps import Hearer, figure

WAYS = ("udp", "tcp", "tls")
FAST = ">=80000"
"""Lines/s that one core hears, however they come."""


def send(port: int, count: int, sort: str, seed: int, way: str) -> None:
    sender = get_context("spawn").Process(target=storm, args=(port, count, sort, seed, way))
    sender.start()
    apart(sender.pid or 0, -1)
    sender.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--burst", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    floor = Hearer("floor", sys.executable)
    ours = {way: Hearer(f"syslog-{way}", sys.executable) for way in WAYS}
    costs: dict[str, list[float]] = {}
    kept: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for name, hearer, sort, way in [
            ("the socket drained, nothing read", floor, "of ports", "udp"),
            *((f"{sort}, by {way.upper()}", ours[way], sort, way) for sort in SORTS for way in WAYS),
        ]:
            seconds, heard = hearer.hear_of(partial(send, count=options.burst, sort=sort, seed=turn, way=way))
            kept.setdefault(name, []).append(heard / options.burst * 100)
            costs.setdefault(name, []).append(seconds / max(heard, 1) * 1e6)
    for name, each in costs.items():
        micros, mine = statistics.median(each), "drained" not in name
        figure(f"a line: {name}", micros, "µs")
        figure(f"kept of a burst of {options.burst:,}, at worst: {name}", min(kept[name]), "%", ">=100" if mine else "")
        if mine:
            figure(f"lines, one core: {name}", 1e6 / micros, "lines/s", FAST)
    for hearer in (floor, *ours.values()):
        hearer.close()


if __name__ == "__main__":
    main()
