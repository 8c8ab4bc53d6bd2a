"""How fast decisions become durable, and how fast they are read back: `python bench/store.py [FOLDER]`.

Real files with synchronous=FULL and every line hash-chained; the median of five rounds. FOLDER decides on which disk.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from netwatch.core.model import Condition, Decision, Entry, Exposure, Observation, Source, State
from netwatch.core.tickets.sends import Send, Settled
from netwatch.store import Store

ROUNDS = 5
T0 = 1_793_556_607_250_000


def observations(start: int, many: int) -> tuple[Observation, ...]:
    return tuple(
        Observation(T0 + n * 1000, f"AGG-{n % 997}", "GE0/0/1", Condition.LINK, State.BAD, Source.TRAP, T0 + n)
        for n in range(start, start + many)
    )


async def facts(store: Store, many: int, size: int) -> None:
    for start in range(0, many, size):
        batch = observations(start, size)
        await store.commit(Decision(batch[-1].at, batch, (), (), ()))


async def decisions(store: Store, many: int) -> None:
    """A storm: of 256 facts each, 64 rows, 64 entries, 8 promises."""
    for n in range(many):
        batch = observations(n * 256, 256)
        rows = tuple(Exposure(f"E{n}-{part}", "C-1042", "F1", T0, None) for part in range(64))
        entries = tuple(Entry(batch[-1].at, "exposure.began", f"E{n}-{part}", "one of two") for part in range(64))
        sends = [Send(f"K{n}-{part}", "mail", "noc", "noc.fault", f"F{n}-{part}", T0) for part in range(8)]
        await store.commit(Decision(batch[-1].at, batch, rows, entries, ()), sends)


async def settling(store: Store, many: int) -> None:
    for send in await store.pending(T0, limit=many):
        await store.settle(send, Settled("250 ok"), T0)


async def recalling(store: Store) -> int:
    return len((await store.recall()).facts)


async def timed(
    figure: str, per: int, unit: str, folder: Path, run: Callable[[Store], Awaitable[object]], before: int = 0
) -> None:
    seconds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            async with await Store.open(str(Path(place) / "netwatch.db")) as store:
                if before:
                    await decisions(store, before)
                start = time.perf_counter()
                await run(store)
                seconds.append(time.perf_counter() - start)
    print(json.dumps({"figure": figure, "value": round(per / statistics.median(seconds)), "unit": f"{unit}/s"}))


async def main(folder: Path) -> None:
    await timed("facts committed, 256 at once", 25_600, "facts", folder, lambda s: facts(s, 25_600, 256))
    await timed("facts committed, one by one", 300, "facts", folder, lambda s: facts(s, 300, 1))
    await timed("storm: 256 facts, 64 rows, 64 entries, 8 sends", 40, "commits", folder, lambda s: decisions(s, 40))
    await timed("sends settled", 200, "sends", folder, lambda s: settling(s, 200), before=25)
    await timed("facts recalled after a crash", 25_600, "facts", folder, recalling, before=100)
    await timed("lines of both chains verified", 32_000, "lines", folder, Store.verify, before=100)


asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir())))
