"""A courier to be killed: promises what it is told and delivers until it is done."""

from __future__ import annotations

import asyncio
import sys
import time
from zoneinfo import ZoneInfo

from netwatch.core.model import Decision
from netwatch.core.tickets.sends import Send
from netwatch.deliver import Courier, Manner, Texts
from netwatch.deliver.channels import Webhook
from netwatch.store import Store


def clock() -> int:
    return time.time_ns() // 1000


async def main(path: str, url: str, keys: list[str]) -> None:
    hook = Webhook(url, clock, timeout=5)
    async with await Store.open(path) as store:
        # As an engine does that lives through its last minutes again: it promises the same once more.
        promised = [Send(key, "hook", "noc", "noc.self", key, 1_793_556_607_250_000, {"what": key}) for key in keys]
        await store.commit(Decision(1, (), (), (), ()), promised)
        manners = {"hook": Manner(per_minute=60_000)}
        courier = Courier(store, {"hook": hook}, clock, texts=Texts(ZoneInfo("UTC")), manners=manners)
        while await courier.step():
            pass
        await courier.close()
        print("settled" if not await store.waiting() else "waiting", flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
