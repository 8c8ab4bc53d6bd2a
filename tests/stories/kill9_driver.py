"""One life of a daemon in virtual time, again and again in forked children that may be killed at any moment.

Started as a program it reads lines of JSON from stdin, each a `Life`, forks (imports are paid for once), prints the
child's process number behind `born`, then `awake INSTANT` when it has recovered up to there, `round N` before each
round of its own, `promise INSTANT` before it commits something to be sent, and `ended STATUS`. What runs in the child
is the daemon's own: `think`, `Mind`, `recover`, the store on disk, the courier with its HTTP channel. Only the night
comes from a file, and time with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from netwatch.config import load
from netwatch.core.journal import read_fact
from netwatch.core.model import Decision, Effect, Exposure, Fact, Fault, Outage, Ticket, Unknown
from netwatch.core.tickets.sends import Send
from netwatch.core.time import Instant
from netwatch.deliver import Courier, Message, Texts, route
from netwatch.deliver.channels import build, manners
from netwatch.knowledge import load_rules
from netwatch.ledger import load as load_ledger
from netwatch.loops import Mind, Progress, recover, think
from netwatch.store import Store


@dataclasses.dataclass(frozen=True)
class Life:
    config: str
    journal: str
    account: str
    """Where the final account goes."""


class Prepared:
    """What every life needs and no life changes; made once, before the first fork."""

    def __init__(self, life: Life) -> None:
        self.config = load(Path(life.config))
        self.zone = self.config.site.zone
        self.ledger = load_ledger(self.config.paths.ledger, self.config)
        self.rules = load_rules(lambda name: self.config.find("rules", name))
        lines = Path(life.journal).read_text("utf-8").splitlines()
        self.facts = sorted((read_fact(line) for line in lines if line.strip()), key=lambda fact: fact.at)
        self.channels = build(self.config, lambda: self.facts[0].at)
        self.texts = Texts(self.zone)

    def rehearse(self) -> None:
        """Live the first part of the night beside the real one, messages to nobody: what is compiled once in a process
        (statements, templates) is then there in every child, and lives are spent on the night."""
        with TemporaryDirectory() as folder:
            part = copy(self)
            part.facts, part.channels = self.facts[:200], {"hook": Nobody()}
            asyncio.run(live(part, f"sqlite+aiosqlite:///{folder}/rehearsal.db"))


class Nobody:
    """A channel that leads nowhere."""

    async def send(self, message: Message) -> str:
        return ""

    async def close(self) -> None: ...


class NightOverError(Exception):
    """The journal's last line is decided on."""


class Night:
    """Stands where the inbox stands, and moves the clock: to the next fact, or to what falls due before it."""

    def __init__(self, facts: Sequence[Fact], start: Instant) -> None:
        # What was heard at the very instant of the last decision may not have been in it: it is heard again.
        self.facts = [fact for fact in facts if fact.at >= start]
        self.now = start or self.facts[0].at
        self.mind: Mind[Send]
        self.delivered: Callable[[], Awaitable[None]]
        self.round: Callable[[], None] = lambda: None
        self.depth = 0

    def __call__(self) -> Instant:
        return self.now

    async def take(self, most: int, until: float | None = None) -> list[Fact]:
        # Time stands still until what was promised is delivered: what a message says of its own lateness must
        # not hang on how fast this machine is.
        await self.delivered()
        self.round()
        if not self.facts:
            raise NightOverError
        due, first = self.mind.engine.next_due(), self.facts[0].at
        if due is not None and due < first:
            self.now = max(self.now, due)
            return []
        count = next((n for n, fact in enumerate(self.facts) if fact.at != first), len(self.facts))
        batch, self.facts = self.facts[:count], self.facts[count:]
        self.now = max(self.now, first)
        return batch


async def live(made: Prepared, url: str, tell: Callable[[str, int], None] = lambda *_: None) -> dict[str, list[str]]:
    store = await Store.open(url)
    try:
        found = await recover(store, made.ledger, made.rules, made.zone)
        night = Night(made.facts, found.last)
        moved = asyncio.Event()
        courier = Courier(
            store, made.channels, night, texts=made.texts, manners=manners(made.config), observe=lambda _: moved.set()
        )
        owing = True

        async def decided(decision: Decision, _: Sequence[Fact]) -> None:
            nonlocal owing
            owing = owing or bool(decision.effects)

        def promise(effect: Effect) -> tuple[Send, ...]:
            tell("promise", effect.at)
            return route(effect, made.ledger, made.config)

        mind: Mind[Send] = Mind(
            found.engine,
            store,
            promise,
            decided,
            night,
            last=found.last,
            snapshot_facts=60,
        )

        async def delivered() -> None:
            nonlocal owing
            while owing:
                moved.clear()
                if owing := bool(await store.waiting()):
                    courier.nudge()
                    await moved.wait()

        night.mind, night.delivered = mind, delivered
        await mind.catch_up(found.rows)
        tell("awake", mind.last)
        rounds = count()
        night.round = lambda: tell("round", next(rounds))
        delivering = asyncio.create_task(courier.run())
        with contextlib.suppress(NightOverError):
            await think(mind, night, night, Progress(asyncio.get_running_loop().time))
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        await mind.remember()
        await courier.close()
        return {
            "rows": sorted(f"{type(row).__name__} {_shown(row)}" for row in mind.engine.rows()),
            "stored": await _stored(store),
            "findings": [str(finding) for finding in await store.verify()],
        }
    finally:
        await store.close()


def _shown(row: Any) -> str:
    return json.dumps(dataclasses.asdict(row), default=str, ensure_ascii=False, sort_keys=True)


async def _stored(store: Store) -> list[str]:
    out = []
    for kind in (Exposure, Fault, Outage, Ticket, Unknown):
        out += [f"{kind.__name__} {_shown(row)}" for row in await store.history.rows(kind)]
    return sorted(out)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def main() -> None:
    prepared: dict[Life, Prepared] = {}
    for line in sys.stdin:
        life = Life(**json.loads(line))
        if (made := prepared.get(life)) is None:
            made = prepared[life] = Prepared(life)
            made.rehearse()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                account = asyncio.run(live(made, made.config.database_url(), say))
                Path(life.account).write_text(json.dumps(account, ensure_ascii=False), "utf-8")
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        say("born", child)
        _, status = os.waitpid(child, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
