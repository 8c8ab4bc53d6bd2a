"""The composition root: the only place that knows all the parts, and the only one with a clock.

`App.run` is one long straight function on purpose: who wants to know what a NetWatch consists of, in what order it
comes to life and in what order it goes, reads it from top to bottom.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from netwatch import __version__
from netwatch.config import Config
from netwatch.core.model import (
    Alarm,
    AlarmState,
    Condition,
    Decision,
    Effect,
    Entry,
    Fact,
    Source,
    Ticket,
    Vantage,
)
from netwatch.core.tickets.sends import Send
from netwatch.core.time import DAY, HOUR, SECOND, Instant
from netwatch.deliver import Channel, Courier, Delivery, Texts
from netwatch.deliver import Message as Outgoing
from netwatch.deliver.channels import build, manners
from netwatch.ears import CannotListenError, Ears, Sockets
from netwatch.findings import Finding, UnusableError
from netwatch.loops import BEAT, Lag, Mind, Progress, Rise, Selfcheck, contain, drain, leaves, recover, renewed, think
from netwatch.metrics import Metrics, Queue, Sources
from netwatch.plan import Plan, read
from netwatch.record import Recorder
from netwatch.store import Store, StoreError, Trouble
from netwatch.systemd import Manager, inherited_sockets
from netwatch.teach import Teacher
from netwatch.web.access import Access, kept_key, write_token
from netwatch.web.app import create_app, serve
from netwatch.web.traps import traps
from netwatch.web.view import Message, View, portions
from netwatch.wire.inbox import Inbox
from netwatch.wire.ping import Pinger
from netwatch.wire.snmp import Snmp

new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):  # five times as fast at UDP, not on every machine
    import uvloop

    new_loop = uvloop.new_event_loop

__all__ = ["App", "CannotListenError", "Clock", "GaveUpError", "Plan", "Seams", "read", "run"]

log = logging.getLogger(__name__)


class Clock:
    """Now, as an instant that never goes backwards.

    It follows the machine's wall clock, forward jumps included (a machine that slept, a clock set right). When the
    wall clock is set back, time goes on from where it was, one part in sixteen slower, until the wall clock has
    caught up: deadlines go on falling due, nothing happens twice, and no span is off by more than that part.
    `not_before` is the last instant of a former life.
    """

    SLOWER = 16

    def __init__(
        self,
        not_before: Instant = 0,
        *,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._now, self._mono = max(not_before * 1000, wall()), monotonic()

    def __call__(self) -> Instant:
        wall, mono = self._wall(), self._monotonic()
        passed = mono - self._mono
        self._now, self._mono = max(wall, self._now + passed - -(-passed // self.SLOWER)), mono
        return self._now // 1000

    @property
    def ahead(self) -> float:
        """Seconds that we are ahead of a wall clock that was set back."""
        return max(0, self._now - self._wall()) / 1e9


@dataclass(frozen=True, kw_only=True)
class Seams:
    """What the demo and the tests put in place of the machine. A field left alone means the real thing."""

    clock: Callable[[], Instant] | None = None
    speed: float = 1.0
    """How many seconds of `clock` pass in one real second."""
    pinger: Pinger | None = None
    snmp: Snmp | None = None
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    """Bound sockets by name: `http`, `traps`, `syslog`, as a systemd socket unit names them (FileDescriptorName=)."""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """Channels by their name in the configuration, in place of those built from it."""
    manager: Manager | None = None


class Answers:
    """Lets whoever hands in a person's act wait for what is decided about it."""

    PATIENCE = 5.0

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: dict[int, asyncio.Future[Sequence[Entry]]] = {}

    async def submit(self, fact: Fact) -> Sequence[Entry] | None:
        """What was decided in the round that took the act; None when that is not known in time (it will be taken)."""
        answer = self._waiting[id(fact)] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.PATIENCE):
                await self._inbox.put(fact)
                decided: Sequence[Entry] = await answer
                return decided
        except TimeoutError:
            return None
        finally:
            del self._waiting[id(fact)]

    def decided(self, decision: Decision, batch: Sequence[Fact]) -> None:
        for fact in batch if self._waiting else ():
            answer = self._waiting.get(id(fact))
            if answer and not answer.done():
                answer.set_result(decision.entries)


class _Shown:
    """A channel whose messages are also seen on the board, as they went out. One that is not ours is left open."""

    def __init__(self, name: str, channel: Channel, view: View, clock: Callable[[], Instant], *, ours: bool) -> None:
        self._name, self._channel, self._view, self._clock, self._ours = name, channel, view, clock, ours

    async def send(self, message: Outgoing) -> str:
        answer = await self._channel.send(message)
        said = "\n".join(part for part in (message.title, message.text) if part)
        self._view.sent(Message(self._clock(), self._name, message.audience, message.template, message.subject, said))
        return answer

    async def close(self) -> None:
        if self._ours:
            await self._channel.close()


class GaveUpError(Exception):
    """Thinking or storing broke. What was committed is safe; a new start goes on from there."""


class App:
    """One daemon. `await App(Path("config.toml")).run()` returns after `stop()`.

    `run` raises UnusableError with every finding, ThinkerRunningError or CannotListenError before anything has
    started, and GaveUpError when it cannot go on, after everything was brought to its end.
    """

    def __init__(self, source: Path | Config, seams: Seams | None = None) -> None:
        self.source, self.seams = source, seams or Seams()
        self.manager = self.seams.manager or Manager()
        self.ready = asyncio.Event()
        """Set when everything listens and what fell due while down is committed."""
        self.addresses: dict[str, tuple[str, int]] = {}
        """Where it listens, by name (`http`, `traps`, `syslog`)."""
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Event()
        self._channels_changed = asyncio.Event()

    def stop(self) -> None:
        """Let `run` come to its end: decide on what was heard, snapshot, deliver what goes quickly, close."""
        self._stopping.set()

    def reload(self) -> None:
        """Read all files anew as soon as possible. What cannot be used is logged, and what runs stays in force."""
        self._reloading.set()

    async def run(self) -> None:
        """The whole life of a daemon, from top to bottom."""
        self.plan = plan = await asyncio.to_thread(read, self.source)
        config, zone = plan.config, plan.config.site.zone
        _tell([*plan.warnings, *plan.unknown_days((self.seams.clock or Clock())())])

        async with contextlib.AsyncExitStack() as ending:
            # Memory first: who finds another thinker here must not have touched its sockets.
            store = await Store.open(await asyncio.to_thread(config.database_url))
            ending.push_async_callback(store.close)
            self.sockets = Sockets(self.seams.sockets or inherited_sockets())
            ending.callback(self.sockets.close)
            self.sockets.open(plan.addresses)()
            self.addresses = self.sockets.addresses

            # The middle: what it remembers, what thinks, what shows it.
            former = await recover(store, plan.ledger, plan.rules, zone, alive=partial(self.manager.patience, 60))
            self.clock = self.seams.clock or Clock(former.last)
            self.progress, self.lag = Progress(asyncio.get_running_loop().time), Lag()
            self.inbox = Inbox()
            self.answers = Answers(self.inbox)
            self.view = View(plan.ledger, zone, self.clock(), pauses=plan.pauses)
            self.mind = Mind(
                former.engine,
                store,
                self._route,
                self._publish,
                self.clock,
                last=former.last,
                snapshot_every=int(config.database.snapshot_seconds * SECOND),
                progress=self.progress,
            )

            # The edges: what listens, what delivers, what serves.
            self.ears = Ears(
                plan,
                self.sockets,
                self.inbox,
                self.clock,
                snmp=self.seams.snmp,
                pinger=self.seams.pinger,
                on_poll=self._polled,
                on_visit=self._visited,
                standing=self._standing,
            )
            ending.push_async_callback(_closed, "listening", self.ears.close)
            self.teacher = Teacher(
                store.history,
                self.inbox.put,
                self.clock,
                lambda: self.plan.rules.dispatch,
                zone,
                lambda: self.plan.config.poll.interval_seconds / 60,
                speed=self.seams.speed,
            )
            self.access = await asyncio.to_thread(_access, plan)
            self.courier = await self._new_courier(store, plan)
            ending.push_async_callback(_closed, "delivering", self._close_channels)
            self.metrics = Metrics(self.view, self.clock, __version__, self._sources(), classes=config.metrics.always)
            self.metrics.cap = config.metrics.cap
            web = create_app(
                self.view,
                clock=self.clock,
                submit=self.answers.submit,
                health=self.health,
                access=self.access,
                metrics=self.metrics.render,
                circuit_metrics=self.metrics.render_circuits,
                pace=self.seams.speed,
                routers=[traps(self.ears.traps.told, zone)],
            )
            tls = (config.web.tls_cert, config.web.tls_key) if config.web.tls_cert and config.web.tls_key else None
            self.recorder = record = Recorder(config.record.journal, zone) if config.record.journal else None

            # What fell due while nobody was here comes before anything new.
            today = self.clock() - DAY, self.clock()
            self.view.begin(former.engine.rows(), self.clock(), await store.history.entries(between=today))
            await self.mind.catch_up(former.rows)
            if config.site.vantage:
                await self.inbox.put(Vantage(self.clock(), config.site.vantage))

            try:
                async with asyncio.TaskGroup() as tasks:
                    middle = think(
                        self.mind, self.inbox, self.clock, self.progress, speed=self.seams.speed, record=record
                    )
                    thinking = tasks.create_task(middle, name="think")
                    at_the_edge = {
                        "polling": self.ears.poll,
                        "visiting": self.ears.visit,
                        "delivering": lambda: renewed(self._deliver, self._channels_changed),
                        "pages": lambda: serve(web, config.web.listen, tls, sock=self.sockets.take("http")),
                        "housekeeping": lambda: self._keep_house(store),
                        "looking after ourselves": self._look_after_ourselves,
                        "learning": self.teacher.run,
                        "measuring lag": self.lag.measure,
                    }
                    if record:
                        at_the_edge["recording"] = record.run
                    edges = [
                        tasks.create_task(contain(name, work, fatal=(StoreError,)), name=name)
                        for name, work in at_the_edge.items()
                    ]
                    edges.append(tasks.create_task(self._reload_when_asked(store), name="reloading"))
                    edges.append(tasks.create_task(self._feed_the_watchdog(), name="watchdog"))
                    self.ears.listen()
                    self.manager.ready(self.status())
                    log.info(
                        "NetWatch %s is ready: %s", __version__, self.status(), extra={"listening": self.addresses}
                    )
                    self.ready.set()

                    await self._stopping.wait()
                    self.manager.stopping("deciding on what was heard")
                    log.info("NetWatch stops: deciding on what was heard, then a snapshot")
                    async with asyncio.timeout(_LONGEST_STOP):
                        await _cancelled(*edges)
                        await _cancelled(thinking)
                        await drain(self.mind, self.inbox)
                        await self._last_deliveries()
                        if record:
                            await record.flush()
            except BaseExceptionGroup as group:
                for error in leaves(group):
                    # What has words of its own needs no trace of where it was met.
                    known = isinstance(error, StoreError) and error.trouble is not Trouble.OTHER
                    trace = None if known else error
                    log.critical("NetWatch cannot go on: %s: %s", type(error).__name__, error, exc_info=trace)
                raise GaveUpError(str(next(leaves(group)))) from group

    # ---------------------------------------------------------------- what follows a decision

    def _route(self, effect: Effect) -> tuple[Send, ...]:
        return self.plan.route(effect)

    async def _publish(self, decision: Decision, batch: Sequence[Fact]) -> None:
        *former, last = portions(decision)
        for part in former:
            self._show(part, ())
            await asyncio.sleep(0)
        self._show(last, batch)
        self.answers.decided(decision, batch)
        if decision.effects:
            self.courier.nudge()
        for entry in decision.entries:
            level = logging.INFO if entry.kind.startswith(("fault.", "ticket.")) else logging.DEBUG
            log.log(level, "%s %s: %s", entry.kind, entry.subject, entry.reason)

    def _show(self, decision: Decision, batch: Sequence[Fact]) -> None:
        self.metrics.observe(decision, self.view.apply(decision), self.clock(), batch)

    async def _last_deliveries(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_DELIVERIES):
                while await self.courier.step():
                    pass

    async def _deliver(self) -> None:
        await self.courier.run()

    async def _close_channels(self) -> None:
        await self.courier.close()  # the one of that time: a reload replaces it

    async def _new_courier(self, store: Store, plan: Plan) -> Courier:
        """Raises UnusableError."""
        config = plan.config
        given = self.seams.channels
        channels = await asyncio.to_thread(build, config, self.clock) | dict(given)
        return Courier(
            store,
            {name: _Shown(name, it, self.view, self.clock, ours=name not in given) for name, it in channels.items()},
            self.clock,
            texts=Texts(config.site.zone, config.folder / "templates", config.site.name),
            manners=manners(config),
            fallback=config.routing.noc,
            link=self._link,
            observe=self._delivered,
        )

    def _link(self, send: Send) -> str | None:
        """A crew's way to its ticket, without a login and for a while."""
        if self.view.get(Ticket, send.subject) is None:
            return None
        web = self.plan.config.web
        scheme = "https" if web.tls_cert else "http"
        start = web.public_url.rstrip("/") or f"{scheme}://{web.listen}"
        return start + self.access.link(send.subject, self.clock() + int(web.link_hours * HOUR))

    def _polled(self, seconds: float, _late: float, result: str) -> None:
        self.metrics.polled(result, seconds)

    def _visited(self, seconds: float, _result: str) -> None:
        self.metrics.visited(seconds)

    def _standing(self) -> Mapping[str, Sequence[tuple[str, Condition]]]:
        """What stands by the word of command lines, by device."""
        out: dict[str, list[tuple[str, Condition]]] = {}
        for it in self.view.all(Alarm).values():
            if it.source is Source.CLI and it.state in (AlarmState.PENDING, AlarmState.ACTIVE):
                out.setdefault(it.device, []).append((it.component, it.condition))
        return out

    def _delivered(self, delivery: Delivery) -> None:
        self.metrics.delivered(delivery.channel, delivery.result, delivery.delay)

    # ---------------------------------------------------------------- reloading

    async def _reload_when_asked(self, store: Store) -> None:
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            self.manager.reloading()
            await self._read_anew(store)
            self.manager.ready(self.status())

    async def _read_anew(self, store: Store) -> None:
        """Everything that can fail comes before live state is touched."""
        try:
            plan = await asyncio.to_thread(read, self.source)
            courier = await self._new_courier(store, plan)
            # Pages keep their address: who reads them right now must not lose them.
            enforce = self.sockets.open(plan.addresses | {"http": self.plan.addresses["http"]})
        except (UnusableError, CannotListenError) as error:
            findings = error.findings if isinstance(error, UnusableError) else (error.finding,)
            _tell(findings)
            self._refused(f"{len(findings)} findings")
            return
        except Exception as error:  # a mistake of ours in reading is no reason to stop watching
            log.exception("reading anew failed")
            self._refused(type(error).__name__)
            return
        _tell([*plan.warnings, *plan.unknown_days(self.clock())])
        for key in _needing_a_restart(self.plan.config, plan.config):
            log.warning("%s has changed and takes effect at the next start", key)
        former, self.plan = self.plan, plan
        enforce()
        self.addresses = self.sockets.addresses
        await self.mind.reload(plan.ledger, plan.rules)
        self.view.relabel(plan.ledger, plan.pauses)
        former_courier, self.courier = self.courier, courier
        self._channels_changed.set()
        await self.ears.reload(plan)
        self.metrics.classes, self.metrics.cap = frozenset(plan.config.metrics.always), plan.config.metrics.cap
        if (vantage := plan.config.site.vantage) and vantage != former.config.site.vantage:
            await self.inbox.put(Vantage(self.clock(), vantage))
        await former_courier.close()
        self.metrics.reloaded(True)
        log.info("reloaded: %s", self.status())

    def _refused(self, why: str) -> None:
        log.error("reload refused, what ran goes on: %s", why)
        self.metrics.reloaded(False)

    # ---------------------------------------------------------------- ourselves

    def health(self) -> dict[str, str]:
        """Each part that must work, with what is wrong with it; for /readyz."""
        stuck = self.progress.stuck(_STUCK)
        parts = {"store": "", "ledger": "" if self.plan.ledger.devices else "holds no device", "think": ""}
        if "think" in stuck:
            doing = stuck["think"]
            parts["store" if doing == "commit" else "think"] = f"has not moved for {_STUCK:g} s ({doing})"
        return parts

    def status(self) -> str:
        """One line for `systemctl status`."""
        faults = sum(self.view.count("fault").values())
        tickets = sum(self.view.count("ticket").values())
        devices = sum(self.view.devices_by_state().values())
        return (
            f"watching {devices} devices, {len(self.plan.ledger.circuits)} circuits; {faults} faults, {tickets} tickets"
        )

    async def _feed_the_watchdog(self) -> None:
        limit = self.manager.watchdog_seconds or 2 * _STUCK
        patience = max(limit / 2, 3 * BEAT)
        silent = False
        while True:
            stuck = self.progress.stuck(patience)
            if not stuck:
                self.manager.alive()
            elif not silent:
                log.critical("no progress for %g s, the watchdog is not fed: %s", patience, stuck)
            silent = bool(stuck)
            await asyncio.sleep(limit / 4)

    async def _look_after_ourselves(self) -> None:
        check = Selfcheck(self.mind.tell, self.clock)
        dropped, blind = Rise(self.inbox.dropped.total), Rise(self._own_failures)
        unwritten = Rise(lambda: self.recorder.left_out if self.recorder else 0)
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self.manager.status(self.status())
            troubles: dict[str, str] = {}
            if count := dropped():
                troubles["inbox"] = f"{count} observations did not fit into the inbox"
            if count := blind():
                troubles["polling"] = f"{count} questions could not be sent from this machine"
            if count := unwritten():
                troubles["recording"] = f"{count} facts are missing from the recorded journal"
            if (late := self.ears.poller.stats.late_seconds) > self.plan.config.poll.interval_seconds:
                troubles["late"] = f"polling is {late:.0f} s behind its plan"
            if (lag := self.lag.worst) > _LAG:
                troubles["lag"] = f"the event loop stood still for {lag:.1f} s"
            if (ahead := getattr(self.clock, "ahead", 0.0)) > 1:
                troubles["clock"] = f"the clock was set back; we are {ahead:.0f} s ahead of it and go slower"
            for owed in self.courier.waiting:
                if (age := (self.clock() - owed.oldest) / SECOND) > _OWED:
                    troubles[f"channel {owed.channel}"] = f"{owed.count} messages wait, the oldest for {age:.0f} s"
            if self.teacher.standing and self.teacher.standing.trouble:
                troubles["forecast"] = self.teacher.standing.trouble
            await check.found(troubles)

    def _own_failures(self) -> int:
        """How often asking failed because of this machine: no route, no socket, no memory."""
        return self.ears.poller.stats.results["own_trouble"] + self.ears.poller.stats.pings["unknown"]

    async def _keep_house(self, store: Store) -> None:
        while True:
            before = self.clock() - self.plan.config.database.journal_days * DAY
            if gone := await store.prune(before, before):
                log.info("forgot %d facts and entries older than %d days", gone, self.plan.config.database.journal_days)
            await asyncio.sleep(_HOUSEKEEPING)

    def _sources(self) -> Sources:
        return Sources(
            inbox_depth=lambda: self.inbox.depth,
            inbox_dropped=lambda: {str(source): n for source, n in self.inbox.dropped.items()},
            observations=lambda: {str(source): n for source, n in self.inbox.heard.items()},
            poll_late=lambda: self.ears.poller.stats.late_seconds,
            hearing=self.ears.figures,
            lag=lambda: self.lag.worst,
            calibration=lambda: self.teacher.standing.slope if self.teacher.standing else None,
            outbox=lambda: {w.channel: Queue(w.count, w.oldest) for w in self.courier.waiting},
        )


_STUCK = 15.0
"""Seconds without progress after which /readyz says so; an idle think loop moves every second."""

_LOOK_EVERY = 10.0
_LAG = 1.0
"""Seconds for which the event loop may stand still before we say so: pings time out after one."""

_OWED = 600.0
"""Seconds for which a channel may owe a message before we say so (by the others)."""

_HOUSEKEEPING = 6 * 3600.0
_LONGEST_STOP = 9.0
"""Seconds after which stopping gives up. Nothing is lost: what is committed is committed."""

_LAST_DELIVERIES = 3.0
"""Seconds that stopping waits for messages to leave; the others are in the outbox and leave after the next start."""


def spare_what_stays() -> None:
    """Let the collector of cyclic garbage look at what is young, and seldom at what has been there for long.

    What we know of 20,000 devices are millions of small objects that stay. Python walks all of them whenever a quarter
    has been added: measured, up to nine seconds in which nothing is heard. Garbage in cycles (of tasks that failed) is
    young when it dies. Half a million young ones, as when a large ledger is read, would hold up everybody for 0.3 s:
    they are looked at by the hundred thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 5_000)


def run(app: App) -> None:
    """Run to the end, on uvloop where there is one, with SIGTERM and SIGINT for the end and SIGHUP for a reload."""

    async def main() -> None:
        spare_what_stays()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, app.stop)
        loop.add_signal_handler(signal.SIGHUP, app.reload)
        await app.run()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def _access(plan: Plan) -> Access:
    state = plan.config.paths.state
    return Access(
        act_token=write_token(state / "act.token"), read_token=plan.read_token, key=kept_key(state / "link.key")
    )


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        log.log(logging.WARNING if finding.warning else logging.ERROR, "%s", finding)


def _needing_a_restart(former: Config, now: Config) -> Iterator[str]:
    for section, key in _FIXED:
        if getattr(getattr(former, section), key) != getattr(getattr(now, section), key):
            yield f"{section}.{key}"


_FIXED = [
    ("site", "zone"),
    ("paths", "state"),
    ("database", "url"),
    ("database", "snapshot_seconds"),
    ("poll", "engine"),
    ("record", "journal"),
    *(("web", key) for key in ("listen", "tls_cert", "tls_key", "token")),
]
"""What is only looked at when starting."""


async def _closed(name: str, close: Callable[[], Awaitable[None]]) -> None:
    """What fails at the edge while closing must not keep the middle from closing well."""
    try:
        await close()
    except Exception:
        log.exception("closing what was %s failed", name)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
