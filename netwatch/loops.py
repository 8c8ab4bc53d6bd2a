"""The loops: `think` decides and commits, `contain` keeps what fails at the edge from the middle.

Contain at the edge, crash in the middle. A device, a channel or a page that fails is logged once, counted and tried
again. An error in thinking or storing ends the process: a state that may be wrong must not go on deciding, and
what was committed is enough to start from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from netwatch.core.engine import Engine
from netwatch.core.model import Decision, Effect, Entry, Fact, Ledger, Observation, Row, Tick, index
from netwatch.core.rules import Rules
from netwatch.core.time import DAY, MINUTE, SECOND, Instant, Span

log = logging.getLogger(__name__)

R = TypeVar("R")
S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)

BATCH = 256
"""Facts per commit: at this size a commit with synchronous=FULL costs little for each, and nothing waits long."""

BEAT = 1.0
"""Seconds after which an idle think loop looks at the clock again: the heartbeat that the watchdog counts on."""

MEMORY: Span = 2 * DAY
"""What has been over for longer is in the store alone: a daemon runs for years."""

LATE: Span = MINUTE
"""What falls due this long before it is decided was missed, and says so."""


class Storing(Protocol[S_contra]):
    """The store as thinking sees it: one transaction for all that follows from a batch."""

    async def commit(self, decision: Decision, sends: Sequence[S_contra], snapshot: str | None = None) -> object: ...


class Listening(Protocol):
    """The inbox as thinking sees it."""

    @property
    def depth(self) -> int: ...

    async def take(self, most: int, until: float | None = None) -> list[Fact]: ...


class Remembered(Protocol):
    """What a store kept for an engine."""

    @property
    def snapshot(self) -> str | None: ...

    @property
    def facts(self) -> Sequence[Fact]: ...


class Remembering(Protocol):
    """The store as recovering sees it."""

    async def recall(self, *, whole: bool = False) -> Remembered: ...


@dataclass(frozen=True, slots=True)
class Recovered:
    """An engine as it was when it last committed."""

    engine: Engine
    last: Instant
    """Up to where it had decided; 0 when it is new."""
    rows: tuple[Row, ...]
    """What it came to on the way from the snapshot to there."""


async def recover(
    store: Remembering, ledger: Ledger, rules: Rules, zone: ZoneInfo, *, alive: Callable[[], None] = lambda: None
) -> Recovered:
    """The engine that the store remembers: the last snapshot, and every round decided since once more.

    Effects met again on the way are left out: they were promised in the same transaction as the facts that we see
    here, so they are in the outbox already. `alive` is called now and then, for a start that takes long.
    """
    recall = await store.recall()
    last, engine = 0, Engine(ledger, rules, zone)
    if recall.snapshot is not None:
        stamp, _, frozen = recall.snapshot.partition("\n")
        try:
            last, engine = int(stamp), await asyncio.to_thread(Engine.thaw, frozen, ledger, rules, zone)
        except Exception as error:
            # Mostly another version's. Whatever is wrong with it, it is a shortcut and no evidence: the facts are.
            log.warning("the snapshot cannot be used (%s): going through all facts that are kept", error)
            recall = await store.recall(whole=True)
    engine.memory = MEMORY
    rows: dict[tuple[str, str], Row] = {}
    for place, (batch, now) in enumerate(_rounds(recall.facts)):
        last = max(last, now)
        rows |= index(engine.decide(batch, last).rows)
        if place % 1000 == 0:
            alive()
            await asyncio.sleep(0)
    return Recovered(engine, last, tuple(rows.values()))


def _rounds(facts: Iterable[Fact]) -> Iterator[tuple[list[Fact], Instant]]:
    batch: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Tick):
            yield batch, fact.at
            batch = []
        else:
            batch.append(fact)
    if batch:
        yield batch, max(fact.at for fact in batch)


class Progress:
    """When each loop was last seen to move, and what it was about to do. Times are the event loop's."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._seen: dict[str, tuple[float, str]] = {}

    def mark(self, loop: str, doing: str = "") -> None:
        """`loop` moves, and goes on to do something that may take time."""
        self._seen[loop] = self._time(), doing

    def stuck(self, seconds: float) -> dict[str, str]:
        """The loops that have not moved for so long, each with what it was doing."""
        now = self._time()
        return {loop: doing for loop, (at, doing) in self._seen.items() if now - at > seconds}


class Mind(Generic[S]):
    """The engine together with its memory: whoever decides goes through here, one at a time.

    `route` resolves an effect into the messages to send; `publish` is told of every decision, once it is committed,
    with the batch behind it (for views, metrics, live pages, whoever waits for an answer), and must not fail. The next
    decision waits for it, everybody else must not: of a large one it shows part after part.
    A snapshot rides along with a commit when enough was kept since the last one.

    Every decision that is not empty is kept with a `Tick` at its own instant behind its facts. So the facts in the
    store say not only what was heard but also when it was decided on, and `recover` goes the same way again.
    """

    def __init__(
        self,
        engine: Engine,
        store: Storing[S],
        route: Callable[[Effect], Iterable[S]],
        publish: Callable[[Decision, Sequence[Fact]], Awaitable[None]],
        clock: Callable[[], Instant],
        *,
        last: Instant = 0,
        snapshot_every: Span = 5 * MINUTE,
        snapshot_facts: int = 25_000,
        progress: Progress | None = None,
    ) -> None:
        self.engine, self.route = engine, route
        self.last = last
        """The instant up to which everything is decided. Never goes back."""
        self._store, self._publish, self._clock = store, publish, clock
        self._snapshot_every, self._snapshot_facts = snapshot_every, snapshot_facts
        self._snapshot_at, self._kept = last, 0
        self._progress = progress
        self._turn = asyncio.Lock()

    async def hear(self, batch: Sequence[Fact], *, now: Instant | None = None) -> Decision:
        """Decide on a batch (maybe an empty one: then only time has passed) and commit what follows."""
        async with self._turn:
            decide = partial(self.engine.decide, batch, self._now(now))
            # A thread for what takes long: pings and pages must not wait for it. Else the way there costs more.
            decision = await _aside(decide) if self.engine.weighs(batch, self.last) else decide()
            return await self._commit(decision, batch)

    async def catch_up(self, rows: Iterable[Row] = ()) -> Decision:
        """After a start: fire what fell due while nobody was there, once, and say that it is late.

        `rows` are those that recovery came to again.
        """
        async with self._turn:
            decision = await _aside(partial(self.engine.resume, self._now(None)))
            now = decision.now
            effects = tuple(_late(e) if now - e.at >= LATE else e for e in decision.effects)
            merged = tuple(index((*rows, *decision.rows)).values())
            return await self._commit(replace(decision, rows=merged, effects=effects), snapshot=True)

    async def reload(self, ledger: Ledger, rules: Rules) -> Decision:
        """Another ledger or other rules are in force from now on."""
        async with self._turn:
            reload = partial(self.engine.reload, ledger, rules, self._now(None))
            return await self._commit(await _aside(reload), snapshot=True)

    async def tell(self, entries: Sequence[Entry], effects: Sequence[Effect]) -> None:
        """Something about ourselves, not about the network: journalled and sent like any decision."""
        async with self._turn:
            await self._commit(Decision(self._now(None), (), (), tuple(entries), tuple(effects)))

    async def remember(self) -> None:
        """Snapshot, so that the next start has nothing to go through again."""
        async with self._turn:
            await self._commit(self.engine.decide((), self._now(None)), snapshot=True)

    def _now(self, now: Instant | None) -> Instant:
        self.last = max(self.last, self._clock() if now is None else now)
        return self.last

    async def _commit(self, decision: Decision, batch: Sequence[Fact] = (), *, snapshot: bool = False) -> Decision:
        self._kept += len(decision.facts)
        overdue = self._kept and decision.now - self._snapshot_at >= self._snapshot_every
        snapshot = snapshot or bool(overdue) or self._kept >= self._snapshot_facts
        if decision.empty and not snapshot:
            if batch:
                await self._publish(decision, batch)
            return decision
        if not decision.empty:
            decision = replace(decision, facts=(*decision.facts, Tick(decision.now)))
        sends = [send for effect in decision.effects for send in self.route(effect)]
        # Freezing walks the whole state. Nobody changes it meanwhile (we hold the turn), so a thread may, and
        # the event loop goes on answering.
        frozen = f"{decision.now}\n{await _aside(self.engine.freeze)}" if snapshot else None
        self._doing("commit")
        await self._store.commit(decision, sends, frozen)
        if snapshot:
            self._snapshot_at, self._kept = decision.now, 0
        await self._publish(decision, batch)
        return decision

    def _doing(self, what: str) -> None:
        if self._progress:
            self._progress.mark("think", what)


async def _aside(work: Callable[[], R]) -> R:
    """On a thread. Whoever is cancelled waits for it: nobody else may touch the engine meanwhile."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _late(effect: Effect) -> Effect:
    return replace(effect, data={**effect.data, "late": True})


async def think(
    mind: Mind[S],
    inbox: Listening,
    clock: Callable[[], Instant],
    progress: Progress,
    *,
    speed: float = 1.0,
    record: Callable[[Sequence[Fact]], None] | None = None,
) -> None:
    """Take what was heard, decide, commit; for ever. `speed` is how many seconds of `clock` pass in one real one.

    Any error ends it, and with it the process.
    """
    time = asyncio.get_running_loop().time
    while True:
        progress.mark("think", "wait")
        due = mind.engine.next_due()
        ahead = BEAT if due is None else min(BEAT, max(0, due - clock()) / SECOND / speed)
        batch = await inbox.take(BATCH, time() + ahead)
        progress.mark("think", "decide")
        if record and batch:
            record(batch)
        # Whoever cancels us waits until what was taken is decided and committed: nothing is half done.
        deciding = asyncio.ensure_future(_hear(mind, batch))
        try:
            await asyncio.shield(deciding)
        except asyncio.CancelledError:
            await deciding
            raise
        # A full inbox never makes `take` wait, an empty decision never makes `hear` wait: here others get their turn.
        await asyncio.sleep(0)


async def _hear(mind: Mind[S], batch: Sequence[Fact]) -> None:
    """Observations together, each act of a person in a round of its own: what is decided then is the answer to it."""
    for _, facts in groupby(batch, key=lambda fact: None if isinstance(fact, Observation) else id(fact)):
        await mind.hear(list(facts))
    if not batch:
        await mind.hear([])


async def drain(mind: Mind[S], inbox: Listening) -> None:
    """At the end: decide on all that was still accepted, then snapshot."""
    while inbox.depth:
        await _hear(mind, await inbox.take(BATCH))
    await mind.remember()


async def contain(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    on_failure: Callable[[str], None] = lambda _: None,
    first_pause: float = 1.0,
    longest_pause: float = 60.0,
    steady_after: float = 30.0,
    fatal: tuple[type[Exception], ...] = (),
) -> None:
    """Keep `work` running: an error in it is logged once, counted by `on_failure(name)`, and it is started again.

    The pause doubles from `first_pause` to `longest_pause` seconds; once `work` has lasted `steady_after` seconds it
    counts as recovered, which is logged once, and the next failure is a new one. Errors in `fatal` are not ours to
    contain. Returns when `work` does.
    """
    pause, told = first_pause, ""
    while True:
        task = asyncio.ensure_future(_awaited(work))
        try:
            done, _ = await asyncio.wait({task}, timeout=steady_after)
            if not done:
                if told:
                    log.info("%s works again", name)
                pause, told = first_pause, ""
            return await task
        except Exception as error:
            if any(isinstance(leaf, fatal) for leaf in leaves(error)):
                raise
            on_failure(name)
            if told != (words := f"{type(error).__name__}: {error}"):
                log.exception("%s failed and is started again", name)
                told = words
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest_pause)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group of groups; one that is none is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


async def renewed(work: Callable[[], Awaitable[None]], changed: asyncio.Event) -> None:
    """Run `work`, and begin it anew whenever `changed` is set. Returns when `work` does."""
    while True:
        changed.clear()
        working, bell = asyncio.ensure_future(_awaited(work)), asyncio.ensure_future(changed.wait())
        try:
            await asyncio.wait({working, bell}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return await working
        finally:
            bell.cancel()
            working.cancel()
            await asyncio.wait({working, bell})


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


class Selfcheck:
    """Trouble of our own, told to the NOC once when it comes and once when it has been gone for a while."""

    def __init__(
        self,
        tell: Callable[[Sequence[Entry], Sequence[Effect]], Awaitable[None]],
        clock: Callable[[], Instant],
        *,
        quiet: Span = 5 * MINUTE,
    ) -> None:
        self._tell, self._clock, self._quiet = tell, clock, quiet
        self._open: dict[str, tuple[Instant, Instant, str]] = {}  # name → (since, last seen, in words)

    @property
    def open(self) -> Mapping[str, Instant]:
        """What troubles us now, and since when."""
        return {name: since for name, (since, _, _) in self._open.items()}

    async def found(self, troubles: Mapping[str, str]) -> None:
        """This is all that troubles us at this moment: name → in words."""
        now = self._clock()
        for name, what in troubles.items():
            if name not in self._open:
                log.warning("NetWatch is in trouble: %s", what, extra={"trouble": name})
                await self._say("self.raised", name, now, now, what)
            since, _, first = self._open.get(name, (now, now, what))
            self._open[name] = since, now, first
        for name, (since, seen, what) in list(self._open.items()):
            if now - seen >= self._quiet:
                del self._open[name]
                log.info("NetWatch is out of trouble again: %s", what, extra={"trouble": name})
                await self._say("self.cleared", name, since, now, f"over: {what}")

    async def _say(self, kind: str, name: str, since: Instant, now: Instant, what: str) -> None:
        data = {"what": what}
        effect = Effect(f"{kind}:{name}:{since}", "noc", "noc.self", now, name, data)
        await self._tell([Entry(now, kind, name, what, data)], [effect])


class Rise:
    """`rise()`: by how much a count has grown since it was last looked at."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count, self._last = count, count()

    def __call__(self) -> int:
        before, self._last = self._last, self._count()
        return max(0, self._last - before)


class Lag:
    """How late the event loop runs what is due: the one figure that shows every kind of blocking."""

    def __init__(self, *, every: float = 0.25, remembers: float = 10.0) -> None:
        self._every, self._remembers = every, remembers
        self._worst: list[tuple[float, float]] = []

    async def measure(self) -> None:
        """For ever."""
        time = asyncio.get_running_loop().time
        while True:
            due = time() + self._every
            await asyncio.sleep(self._every)
            now = time()
            kept = [(at, lag) for at, lag in self._worst if now - at < self._remembers]
            self._worst = [*kept, (now, max(0.0, now - due))]

    @property
    def worst(self) -> float:
        """The worst of the last seconds, in seconds."""
        return max((lag for _, lag in self._worst), default=0.0)
