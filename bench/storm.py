"""What a storm costs the whole daemon, from what is heard to what is promised: `python bench/storm.py [FOLDER]`.

The cut under 10,000 circuits of `bench/correlate.py` through `Mind`, `Store` (a real file with synchronous=FULL, in
FOLDER), the routes, the view of the pages and the metrics, in virtual time: woken when something is due, as the daemon
is. Told of each part: CPU of all threads, where it went, the longest commit, and how long the event loop was held at
most (nothing else answers meanwhile).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from correlate import BATCH, T0, ZONE, cut, figure, fresh, tree

from netwatch.config import Config, shipped
from netwatch.core.model import Decision, Effect, Fact
from netwatch.core.tickets.sends import Send
from netwatch.core.time import SECOND
from netwatch.deliver.route import route
from netwatch.knowledge import load_rules
from netwatch.loops import Mind
from netwatch.metrics import Metrics
from netwatch.store import Store
from netwatch.web.view import View, portions


class Meter:
    """Where CPU and time go."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.longest: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def _measured(self, what: str) -> Iterator[None]:
        cpu, clock = time.process_time(), time.perf_counter()
        yield
        self.spent[what] += time.process_time() - cpu
        self.longest[what] = max(self.longest[what], time.perf_counter() - clock)

    def timed(self, what: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def timing(*args: Any) -> Any:
            with self._measured(what):
                return run(*args)

        return timing

    def awaited(self, what: str, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def timing(*args: Any) -> Any:
            with self._measured(what):
                return await run(*args)

        return timing

    async def watch(self) -> None:
        """How long nobody else gets a turn, in CPU of the loop's own thread: no load of others stretches it."""
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            self.longest["held"] = max(self.longest["held"], time.thread_time() - began)

    def tell(self, part: str, cpu: float) -> None:
        figure(f"{part}: CPU of all threads", cpu, "s")
        for what in ("decided", "frozen", "committed", "routed", "shown"):
            if what in self.spent:
                figure(f"… {what}", self.spent[what], "s of CPU")
        figure("… the longest commit", self.longest["committed"], "s")
        figure("… the event loop was held at most", self.longest["held"], "s of CPU", "<=0.05")
        self.spent.clear()
        self.longest.clear()


class Daemon:
    """The middle of it, with a clock moved by hand."""

    def __init__(self, store: Store, meter: Meter) -> None:
        ledger, config = tree(100), Config()
        self.said = cut(ledger)
        self.now, self.meter, self.store = T0, meter, store
        self.engine = fresh(ledger, load_rules(lambda name: shipped("rules") / name))
        view = View(ledger, ZONE, T0)
        metrics = Metrics(view, lambda: self.now, "")

        def routed(effect: Effect) -> tuple[Send, ...]:
            return route(effect, ledger, config)

        def show(decision: Decision, batch: Sequence[Fact]) -> None:
            metrics.observe(decision, view.apply(decision), self.now, batch)

        shown = meter.timed("shown", show)

        async def publish(decision: Decision, batch: Sequence[Fact]) -> None:
            *former, last = portions(decision)
            for part in former:
                shown(part, ())
                await asyncio.sleep(0)
            shown(last, batch)

        store.commit = meter.awaited("committed", store.commit)  # type: ignore[assignment,method-assign]
        self.engine.decide = meter.timed("decided", self.engine.decide)  # type: ignore[method-assign]
        self.engine.freeze = meter.timed("frozen", self.engine.freeze)  # type: ignore[method-assign]
        self.mind = Mind(self.engine, store, meter.timed("routed", routed), publish, lambda: self.now, last=T0)

    async def hear(self) -> float:
        began = time.process_time()
        for n in range(0, len(self.said), BATCH):
            batch = self.said[n : n + BATCH]
            self.now = batch[-1].at
            await self.mind.hear(batch)
        return time.process_time() - began

    async def wait(self, until: int, template: str = "") -> tuple[float, int]:
        """Be woken until an instant, or until something of that kind is promised: CPU seconds and decisions."""
        began, woken = time.process_time(), 0
        while self.now < until:
            due = self.engine.next_due()
            self.now = until if due is None else min(max(self.now, due), until)
            await self.mind.hear([])
            woken += 1
            if template and any(send.template == template for send in await self.store.pending(self.now)):
                break
        return time.process_time() - began, woken


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        async with await Store.open(str(Path(place) / "netwatch.db")) as store:
            meter = Meter()
            daemon = Daemon(store, meter)
            watch = asyncio.create_task(meter.watch())
            meter.tell(f"{len(daemon.said):,} observations heard and committed", await daemon.hear())
            end = daemon.said[-1].at + 75 * SECOND
            clock = time.perf_counter()
            cpu, _ = await daemon.wait(end, "noc.fault")
            figure("from the last line to the ticket, stability and debounce aside", time.perf_counter() - clock, "s")
            meter.tell("the ticket promised, 10,000 outages committed", cpu)
            cpu, woken = await daemon.wait(end)
            figure("decisions until 10,000 alarms have come of age", woken, "decisions", "<=30")
            meter.tell("10,000 alarms come of age", cpu)
            watch.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir())))
