"""A network of 20,000 devices, polled for minutes: is every one asked in each interval, and does anything grow?

    python bench/soak.py [--minutes 1] [--targets N] [--interval 60] [--ports 8]

The daemon's own poller, pinger and SNMP engine on a loopback of their own (a network namespace: root, iproute2,
nftables). 5 % of all questions and echoes are lost, 1 % of the devices are dead, 1 % take 1.5 s for each answer. A
short run has intervals of 20 s and a third of the devices; with `--minutes 10` it is the real thing, and with
`--minutes 3 --interval 60 --targets 100000` the large one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from _agent import V2C, agents, apart

from netwatch.app import new_loop, spare_what_stays
from netwatch.config import Poll
from netwatch.core.model import Device, Ledger
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Pinger
from netwatch.wire.poll import Poller
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Budget, Oid, Snmp, Target, VarBinds, oid
from netwatch.wire.snmp.native import NativeEngine

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
LOSS, DEAD, SLOW, SLOW_MS = 5, 0.01, 0.01, 1500
RULES = f"""
add table inet soak
add chain inet soak input {{ type filter hook input priority 0; }}
add rule inet soak input ip daddr 127.9.0.0/16 drop
add rule inet soak input ip daddr != 127.0.0.1 numgen random mod 100 < {LOSS} drop
"""


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 3), "unit": unit, **({"limit": limit} if limit else {})}))


class Counting(Snmp):
    """The door, and when each address was asked for its ports, and answered."""

    def __init__(self, engine: NativeEngine) -> None:
        super().__init__(engine)
        self.asked: dict[str, array[float]] = {}
        self.answered: Counter[str] = Counter()

    async def get(self, target: Target, names: Sequence[Oid], budget: Budget | None = None) -> VarBinds:
        if names[0] != SYS_UPTIME or len(names) < 5:
            return await super().get(target, names, budget)
        self.asked.setdefault(target.address, array("d")).append(time.monotonic())
        answer = await super().get(target, names, budget)
        self.answered[target.address] += 1
        return answer


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def cpu() -> float:
    """Seconds so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def kernel_drops() -> int:
    """Datagrams that our sockets had no room for: everybody's here, the agents' too."""
    return sum(int(line.split()[-1]) for line in Path("/proc/net/udp").read_text().splitlines()[1:])


def places(count: int) -> tuple[list[str], set[str]]:
    """(all addresses, those of the dead)."""
    dead, slow = int(count * DEAD), int(count * SLOW)
    tens = [(9, dead), (200, slow), (1, count - dead - slow)]
    found = [f"127.{net + n // 62500}.{n // 250 % 250}.{n % 250 + 1}" for net, many in tens for n in range(many)]
    return found, set(found[:dead])


async def lag(found: list[float]) -> None:
    """How much later than it should the event loop comes to something."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        found.append(loop.time() - due)


async def think(inbox: Inbox) -> None:
    while True:
        await inbox.take(256)


async def soak(options: argparse.Namespace, port: int) -> None:
    addresses, dead = places(options.targets)
    profiles, alone = Profiles.load(), resident()
    ledger = Ledger(devices={f"R-{n}": Device(f"R-{n}", address=a) for n, a in enumerate(addresses)})
    names, inbox, engine = Names(ledger), Inbox(), NativeEngine()
    door, pinger = Counting(engine), Pinger()
    habits = Poll()
    poller = Poller(
        ledger,
        names,
        profiles,
        lambda _: V2C,
        door,
        pinger,
        inbox,
        time.time_ns,
        interval=options.interval,
        detail_interval=habits.detail_seconds,
        concurrency=habits.concurrency,
        timeout=habits.timeout_seconds,
        retries=habits.retries,
        port=port,
    )
    lates: list[float] = []
    poller.stats.on_poll = lambda _took, late, _result: lates.append(late)
    lags: list[float] = []
    spare_what_stays()
    began = time.monotonic()
    work = [asyncio.create_task(it) for it in (poller.run(), think(inbox), lag(lags))]
    sizes: list[float] = []
    settled = 0
    used = cpu()
    spans: list[tuple[float, float]] = []
    while time.monotonic() < began + options.minutes * 60:
        await asyncio.sleep(min(10.0, options.interval / 2))
        sizes.append(resident())
        if settled == 0 and time.monotonic() > began + options.interval:  # everybody was there once, and is known
            settled, used = len(lags), cpu()
            since = time.monotonic()
            lates.clear()
            sizes[:-1] = []
        spans.append((time.monotonic(), cpu()))
    spent = cpu()
    seconds = time.monotonic() - since
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    pinger.close()
    tell(options, door, set(addresses) - dead, began)
    figure("event loop: lag, p99", statistics.quantiles(lags[settled:], n=100)[98] * 1000, "ms", "<=50")
    figure("event loop: lag, at most", max(lags[settled:]) * 1000, "ms")
    figure("polls that began late: p99", statistics.quantiles(lates, n=100)[98] * 1000, "ms")
    figure("polls that began an interval late", poller.stats.late, "polls", "<=0")
    figure("observations refused by the inbox", sum(inbox.dropped.values()), "observations", "<=0")
    figure("datagrams that found no room", kernel_drops(), "datagrams", "<=0")
    figure("requests repeated", engine.stats.repeated / engine.stats.sent * 100, "%")
    quarter = max(1, len(sizes) // 4)
    figure("memory at the end", sizes[-1], "MiB")
    figure("… of it for each device", (sizes[-1] - alone) * 1024 / options.targets, "KiB", "<=10")
    growth = statistics.median(sizes[-quarter:]) - statistics.median(sizes[quarter : 2 * quarter] or sizes)
    limit = "<=5" if options.minutes >= 5 else ""
    figure("memory: growth from the second quarter to the last", growth / sizes[-1] * 100, "%", limit)
    figure("CPU of polling and pinging, once all is known", (spent - used) / seconds * 100, "% of a core")
    last = [it for it in spans if it[0] >= spans[-1][0] - options.interval * 1.05]
    share = (last[-1][1] - last[0][1]) / (last[-1][0] - last[0][0])
    figure("… in the last interval", share * 100, "% of a core", "<=50")
    print(dict(poller.stats.results), dict(poller.stats.pings), engine.stats)
    await door.close()


def tell(options: argparse.Namespace, door: Counting, live: set[str], began: float) -> None:
    """Of each live device: was it asked, and did it answer, in each of its intervals? Turns come at its own phase."""
    whole = int(options.minutes * 60 // options.interval) - 1
    asked = sum(
        any(begin <= at < begin + options.interval * 1.05 for at in door.asked.get(address, ()))
        for address in live
        for begin in (began + options.interval * (n + 1) for n in range(whole))
    )
    wanted = len(live) * max(1, whole)
    figure(
        f"{options.targets:,} targets each {options.interval:g} s: live ones asked", asked / wanted * 100, "%", ">=100"
    )
    never = sum(not door.answered[address] for address in live)
    figure("live targets that never answered", never, "targets", "<=0")
    answers, asks = sum(door.answered.values()), sum(map(len, door.asked.values()))
    limit = ">=99.9" if options.minutes >= 5 else ">=99.5"  # those still out at the end weigh more
    figure("questions answered, some after repeats", answers / max(1, asks) * 100, "%", limit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--targets", type=int, help="default: 20,000 for each 60 s of the interval")
    parser.add_argument("--interval", type=float, help="default: 60 s, in short runs down to 20 s")
    parser.add_argument("--ports", type=int, default=8)
    options = parser.parse_args()
    options.interval = options.interval or max(20.0, min(60.0, options.minutes * 60 / 5))
    options.targets = options.targets or int(20_000 * options.interval / 60)
    if "NETWATCH_SOAK" not in os.environ:
        missing = [tool for tool in ("unshare", "ip", "nft") if shutil.which(tool) is None]
        if os.geteuid() or missing:
            print(f"SKIPPED: it needs root and a network namespace of its own; missing: {missing or 'root'}")
            return
        inside = {**os.environ, "NETWATCH_SOAK": "1"}
        sys.exit(subprocess.run(["unshare", "--net", sys.executable, *sys.argv], env=inside, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
    apart(0, 0)
    with agents(options.ports, 100, slow=("127.200.0.0", "127.201.255.255"), slow_ms=SLOW_MS) as port:
        asyncio.Runner(loop_factory=new_loop).run(soak(options, port))


if __name__ == "__main__":
    main()
