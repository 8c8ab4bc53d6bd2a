"""What hearing traps costs: CPU per trap, and how many of a burst at full speed are kept.

    python bench/traps.py [--burst 20000] [--rounds 5]

Every trap is a linkDown of a device that the ledger has: decoded, understood, offered to the inbox, its device nudged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import socket
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from netwatch.core.model import Device, Ledger, Link, Port
from netwatch.wire import ber
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Tag, VarBind, oid
from netwatch.wire.traps import TRAP_OID, TrapListener

TRAP = ber.write_message(
    1,
    b"public",
    ber.write_pdu(
        ber.TRAP,
        1,
        0,
        0,
        ber.write_varbinds(
            [
                VarBind(oid("1.3.6.1.2.1.1.3.0"), Tag.TICKS, 100),
                VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.6.3.1.1.5.3")),
                VarBind(oid("1.3.6.1.2.1.2.2.1.1.5"), Tag.INTEGER, 5),
                VarBind(oid("1.3.6.1.2.1.2.2.1.7.5"), Tag.INTEGER, 1),
                VarBind(oid("1.3.6.1.2.1.2.2.1.8.5"), Tag.INTEGER, 2),
                VarBind(oid("1.3.6.1.2.1.31.1.1.1.1.5"), Tag.OCTETS, b"GigabitEthernet0/0/1"),
            ]
        ),
    ),
)


def storm(port: int, count: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for _ in range(count):
            sock.send(TRAP)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(burst: int, rounds: int) -> None:
    ledger = Ledger(
        devices={"R-1": Device("R-1", address="127.0.0.1")},
        links={"L": Link("L", Port("R-1", "GE0/0/1"), Port("", ""))},
    )
    costs: list[float] = []
    kept: list[float] = []
    nudged = 0

    def nudge(_: str) -> None:
        nonlocal nudged
        nudged += 1

    for _ in range(rounds):
        listener = TrapListener(Names(ledger), Profiles.load(), Inbox(1_000_000), lambda: 0, nudge=nudge)
        port = listener.open("127.0.0.1", 0)
        before = cpu()
        sender = multiprocessing.get_context("spawn").Process(target=storm, args=(port, burst))
        sender.start()
        quiet, last = 0, 0
        while quiet < 20:  # until nothing has come for two tenths of a second after the sender's end
            await asyncio.sleep(0.01)
            moved = listener.stats.heard != last or sender.is_alive()
            quiet, last = 0 if moved else quiet + 1, listener.stats.heard
        costs.append((cpu() - before) / max(1, listener.stats.heard) * 1e6)
        kept.append(listener.stats.observed / burst)
        listener.close()
        sender.join()
    cost = statistics.median(costs)
    print(json.dumps({"figure": "CPU of a trap", "value": round(cost, 1), "unit": "µs"}))
    print(json.dumps({"figure": "traps, one core", "value": round(1e6 / cost), "unit": "traps/s"}))
    whole = f"kept at worst of {burst:,} traps at full speed"
    print(json.dumps({"figure": whole, "value": round(min(kept) * 100, 2), "unit": "%"}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--burst", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    asyncio.run(main(options.burst, options.rounds))
