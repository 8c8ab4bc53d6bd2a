"""A thinker to be killed: commits numbered decisions and says on stdout which have been committed."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from netwatch.core.model import Condition, Decision, Entry, Exposure, Observation, Source, State
from netwatch.core.tickets.sends import Send
from netwatch.store import Store


async def main(path: str) -> None:
    store = await Store.open(path)
    done = len((await store.recall(whole=True)).facts) // 3
    for n in count(done):
        facts = tuple(
            Observation(n * 1000 + part, f"R-{n}-{part}", "", Condition.LINK, State.BAD, Source.POLL)
            for part in range(3)
        )
        entry = Entry(n * 1000, "round", f"N{n}", "again")
        row = Exposure(f"E{n}", "C-1", "F1", n, None)
        snapshot = str(n) if n % 7 == 0 else None
        sends = [Send(f"K{n}", "mail", "noc", "noc.self", f"N{n}", n * 1000)]
        await store.commit(Decision(n * 1000, facts, (row,), (entry,), ()), sends, snapshot)
        print(n, flush=True)


asyncio.run(main(sys.argv[1]))
