"""Polling: every device in its turn, two verdicts that never stand for one another, and its ports.

* `reachable` is ICMP and nothing else; `agent` is SNMP and is only judged while ICMP answers.
* `link`, `admin`: the ports, by name. Numbers are asked together with their names, so that a port that moved to
  another ifIndex is noticed by the very answer that would have been misread.
* `reboot`: the uptime started anew; a wrap after 497 days is none, a restart of the agent alone neither (where the box
  has hrSystemUptime to tell them apart).

`bad` is said at every poll while it lasts, `ok` at first sight and when it comes back, until the inbox has taken it;
and once more after a nudge, for what was heard by other ways may be false, or its clear may get lost.
A port that is down when first seen and that the ledger does not name is no news. Our own trouble (no route, no socket,
no credential) is `unknown`, counted and logged once: never `bad`. A poll that starts late is late, nothing else.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from netwatch.core.model import Condition, Device, Ledger, Observation, Source, State
from netwatch.core.ports import normal
from netwatch.core.time import SECOND, Instant
from netwatch.wire import decode
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Ping, Pinger
from netwatch.wire.ports import ADMIN, OPER, judge, restarted
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Reader
from netwatch.wire.snmp import (
    ABSENT,
    AuthError,
    Budget,
    Credential,
    NoAnswerError,
    Oid,
    OwnTroubleError,
    Snmp,
    SnmpError,
    Target,
    VarBind,
    oid,
)

log = logging.getLogger(__name__)

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
HR_UPTIME = oid("1.3.6.1.2.1.25.1.1.0")
IF_DESCR, IF_ADMIN, IF_OPER = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (2, 7, 8))
IF_NAME = oid("1.3.6.1.2.1.31.1.1.1.1")

ALL_PORTS = 128
"""Boxes with more ports than this are asked only for those that the ledger names."""
LEARN_EVERY = 3600.0
"""Seconds after which the table of names is read anew even if nothing seems to have changed."""
AGAIN = (3.0, 15.0)
"""Seconds after a nudge: agents keep ifOperStatus for up to three seconds, and a link may need some to settle."""
MOST_BACKOFF = 4


@dataclass(slots=True)
class PollStats:
    """For metrics. `on_poll(seconds, late_seconds, result)` is called after each poll."""

    results: Counter[str] = field(default_factory=Counter)
    """`ok`, `silent`, `unreachable`, `refused`, `garbled`, `own_trouble`, `no_credential`, `spent`, `failed`."""
    pings: Counter[str] = field(default_factory=Counter)
    running: int = 0
    late_seconds: float = 0.0
    """How late the last poll started."""
    on_poll: Callable[[float, float, str], None] | None = None


@dataclass(slots=True)
class _Port:
    component: str
    column: Oid
    """Where its name was read: ifName, or ifDescr of boxes that have no ifXTable."""
    name: bytes
    known: bool
    """The ledger names it."""


@dataclass(slots=True)
class _State:
    """What we know of one device."""

    device: Device
    target: Target | None = None
    watched: list[_Port] = field(default_factory=list)
    names: list[Oid] = field(default_factory=list)
    """What is asked at each poll: the uptimes, then name, admin and oper state of each port of `watched`."""
    learned: float | None = None
    uptime: tuple[int, float] | None = None
    host_uptime: int | None = None
    told: dict[tuple[str, Condition], State] = field(default_factory=dict)
    """What the inbox took last."""
    nudged: bool = False
    """A nudge is in the schedule and has not fallen due."""
    followed: float = float("-inf")
    """When the polls that follow a nudge were last put into the schedule."""
    hinted: float | None = None
    """When something was last heard of it by other ways, until the ports have been told anew."""
    afresh: bool = False
    """What is well is told although it was told before."""
    quiet: set[str] = field(default_factory=set)
    """Ports unknown to the ledger that were down when first seen."""
    ping: State | None = None
    agent: State | None = None
    failures: int = 0
    polling: bool = False
    again: bool = False
    pinging: bool = False
    next_poll: float = 0.0
    next_detail: float = 0.0
    logged: str = ""
    ident: object = field(default_factory=object)
    """Its place in the schedule; entries of another one are stale."""


class Poller:
    """`await run()` polls until cancelled."""

    def __init__(
        self,
        ledger: Ledger,
        names: Names,
        profiles: Profiles,
        credentials: Callable[[str], Credential | None],
        snmp: Snmp,
        pinger: Pinger | None,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        interval: float = 60.0,
        ping_interval: float = 20.0,
        ping_count: int = 3,
        ping_timeout: float = 1.0,
        detail_interval: float = 300.0,
        concurrency: int = 200,
        port: int = 161,
        timeout: float = 2.0,
        retries: int = 2,
    ) -> None:
        """`credentials` gets the name that the ledger gives (may be empty). `ping_interval` 0, or no pinger: no ping.

        `detail_interval` is for what profiles observe beyond ports: sessions, ONUs, levels, supplies; 0: never.
        """
        self._names, self._credentials = names, credentials
        self._snmp, self._pinger, self._inbox, self._clock = snmp, pinger, inbox, clock
        self._interval, self._ping_interval = interval, ping_interval if pinger else 0.0
        self._ping_count, self._ping_timeout = ping_count, ping_timeout
        self._detail_interval = detail_interval
        self._concurrency = concurrency
        self._port, self._timeout, self._retries = port, timeout, retries
        self.stats = PollStats()
        self._schedule: list[tuple[float, int, str, str, object]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._states: dict[str, _State] = {}
        self._own_trouble: set[str] = set()
        self._started = False
        self._ledger = ledger
        self._reader = Reader(snmp, profiles, names)

    # ------------------------------------------------------------ from outside

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        self._started = True
        self.reload(self._ledger)
        try:
            while True:
                now = loop.time()
                while self._schedule and self._schedule[0][0] <= now:
                    due, _, kind, device, ident = heapq.heappop(self._schedule)
                    self._fall_due(due, kind, device, ident)
                until = self._schedule[0][0] if self._schedule else None
                self._changed.clear()
                try:
                    async with asyncio.timeout_at(until):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            self._started = False
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def nudge(self, device: str) -> None:
        """Something was heard of the device: poll it now and again shortly. Never blocks; unknown ids are ignored."""
        state = self._states.get(device)
        if state is None or not self._started:
            return
        now = state.hinted = asyncio.get_running_loop().time()
        # A storm of thousands from one device is one nudge: what is in the schedule already is not put there again.
        if not state.nudged:
            state.nudged = True
            self._at(now, "nudge", state)
            if self._ping_interval:
                self._at(now, "extra ping", state)
        if now - state.followed >= 1.0:
            state.followed = now
            for seconds in AGAIN:
                self._at(now + seconds, "follow", state)

    def reload(self, ledger: Ledger, profiles: Profiles | None = None) -> None:
        """Another ledger or other profiles are in force; what is known of devices that stay is kept."""
        self._ledger = ledger
        if profiles is not None:
            self._reader = Reader(self._snmp, profiles, self._names)
        if not self._started:
            return
        wanted = {d.id: d for d in ledger.devices.values() if d.managed and d.address}
        for gone in self._states.keys() - wanted.keys():
            del self._states[gone]
        for device in wanted.values():
            state = self._states.get(device.id)
            if state is None or (state.device.address, state.device.credential) != (device.address, device.credential):
                self._states[device.id] = state = _State(device)
                self._begin(state)
            state.device, state.learned = device, None
            state.target = self._target(device)

    # ------------------------------------------------------------ the schedule

    def _begin(self, state: _State) -> None:
        """A phase that is the device's own, the same after every start: polls spread evenly over the interval."""
        now = asyncio.get_running_loop().time()
        share = zlib.crc32(state.device.id.encode()) / 2**32
        self._at(now + share * self._interval, "poll", state)
        if self._ping_interval:
            self._at(now + share * self._ping_interval, "ping", state)

    def _at(self, when: float, kind: str, state: _State) -> None:
        heapq.heappush(self._schedule, (when, next(self._order), kind, state.device.id, state.ident))
        self._changed.set()

    def _fall_due(self, due: float, kind: str, device: str, ident: object) -> None:
        state = self._states.get(device)
        if state is None or state.ident is not ident:
            return  # of a device that is gone, or has another address now
        if kind == "ping":
            self._at(self._following(due, self._ping_interval), "ping", state)
        elif kind == "poll":
            self._at(self._following(due, self._interval), "poll", state)
        if kind in ("ping", "extra ping"):
            if not state.pinging:
                state.pinging = True
                self._spawn(self._ping_once(state))
            return
        if kind == "nudge":
            state.nudged = False
        if state.polling:
            state.again = state.again or kind != "poll"
        elif kind != "poll" or state.next_poll <= due:
            state.polling = True
            self._spawn(self._poll_once(state, due))

    def _following(self, due: float, interval: float) -> float:
        """The next turn; turns that have passed meanwhile (the machine slept) are not made up for."""
        now = asyncio.get_running_loop().time()
        return due + interval * (1 + max(0, int((now - due) // interval)))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------ one device

    async def _ping_once(self, state: _State) -> None:
        try:
            await self._reachable(state)
        except Exception:  # contained as in _poll_once
            log.exception("pinging %s failed", state.device.id)
        finally:
            state.pinging = False

    async def _reachable(self, state: _State) -> State:
        device = state.device
        if self._pinger is None:
            return State.UNKNOWN
        verdict: Ping = await self._pinger.ping(device.address, count=self._ping_count, timeout=self._ping_timeout)
        self.stats.pings[verdict.state.value] += 1
        if verdict.trouble:
            self._own(verdict.trouble)
        before, state.ping = state.ping, verdict.state
        value = f"{verdict.rtt_seconds * 1000:.1f} ms" if verdict.rtt_seconds is not None else verdict.trouble
        if verdict.state is State.BAD:
            value = f"{verdict.sent} of {verdict.sent} echoes lost"
        self._say(state, "", Condition.REACHABLE, verdict.state, Source.PING, value)
        if verdict.state is State.OK and before is State.BAD:
            self.nudge(device.id)
        return verdict.state

    async def _poll_once(self, state: _State, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with self._slots:
                started = loop.time()
                late = max(0.0, started - due)
                self.stats.running += 1
                try:
                    result = await self._poll(state)
                except Exception:
                    # Contained here: what one device makes us stumble over must not end the polling of the others.
                    log.exception("polling %s failed", state.device.id)
                    result = "failed"
                finally:
                    self.stats.running -= 1
                self.stats.results[result] += 1
                self.stats.late_seconds = late
                if self.stats.on_poll is not None:
                    self.stats.on_poll(loop.time() - started, late, result)
        finally:
            state.polling = False
            if state.again:  # what it was nudged for may have happened after it had been asked
                state.again = False
                self._at(loop.time(), "nudge", state)

    async def _poll(self, state: _State) -> str:
        if state.target is None:
            return "no_credential"
        if state.ping is State.BAD and self._ping_interval:
            return "unreachable"  # ICMP watches for its return, and then the poll is nudged
        loop = asyncio.get_running_loop()
        budget = Budget(seconds=max(self._interval, 30.0))
        # Only when the agent cannot answer from before the hint any more: an old "up" would gainsay a true linkDown.
        state.afresh = state.hinted is not None and loop.time() - state.hinted >= AGAIN[0]
        try:
            await self._ask(state, state.target, budget)
        except SnmpError as error:
            state.afresh = False
            return await self._silent(state, error)
        state.failures, state.next_poll = 0, 0.0
        self._agent(state, State.OK, "")
        if self._detail_interval and (state.afresh or loop.time() >= state.next_detail):
            state.next_detail = loop.time() + self._detail_interval
            await self._details(state, state.target, budget)
        if state.afresh:
            state.hinted, state.afresh = None, False
        return "ok"

    async def _silent(self, state: _State, error: SnmpError) -> str:
        """SNMP gave nothing: whose fault, and what may be said of it?"""
        loop = asyncio.get_running_loop()
        if isinstance(error, OwnTroubleError):
            self._own(str(error))
            self._agent(state, State.UNKNOWN, str(error))
            return "own_trouble"
        if isinstance(error, AuthError):
            self._agent(state, State.UNKNOWN, str(error))
            return "refused"
        if not isinstance(error, NoAnswerError):
            self._agent(state, State.BAD, str(error))
            return "garbled"
        if self._ping_interval:
            reachable = await self._reachable(state)
            if reachable is not State.OK:
                return "unreachable" if reachable is State.BAD else "own_trouble"
        state.failures += 1
        state.next_poll = loop.time() + self._interval * (min(MOST_BACKOFF, 2 ** (state.failures - 1)) - 0.5)
        self._agent(state, State.BAD, "SNMP is silent though ICMP answers" if self._ping_interval else "SNMP is silent")
        return "silent"

    def _agent(self, state: _State, verdict: State, why: str) -> None:
        if verdict is not State.OK and state.logged != why:
            log.warning("%s: %s", state.device.id, why)
            state.logged = why
        elif verdict is State.OK and state.logged:
            log.info("%s: SNMP answers again", state.device.id)
            state.logged = ""
        state.agent = verdict
        self._say(state, "", Condition.AGENT, verdict, Source.POLL, why)

    async def _ask(self, state: _State, target: Target, budget: Budget) -> None:
        loop = asyncio.get_running_loop()
        if state.learned is None or loop.time() - state.learned > LEARN_EVERY:
            await self._learn(state, target, budget)
        answer = await self._snmp.get(target, state.names, budget)
        if any(port.name != _octets(answer[2 + 3 * n]) for n, port in enumerate(state.watched)):
            # Renumbered, or a port is gone: nothing of this answer may be told under the old names.
            await self._learn(state, target, budget)
            answer = await self._snmp.get(target, state.names, budget)
        self._uptime(state, answer[0], answer[1])
        for n, port in enumerate(state.watched):
            name, admin, oper = answer[2 + 3 * n : 5 + 3 * n]
            if port.name == _octets(name):
                self._port_says(state, port, _number(admin), _number(oper))

    async def _learn(self, state: _State, target: Target, budget: Budget) -> None:
        """Which number each port has now."""
        device = state.device.id
        found = await self._snmp.columns(target, [IF_NAME, IF_DESCR], budget)
        by_name = {vb.oid[-1]: vb for vb in found[IF_NAME]}
        by_descr = {vb.oid[-1]: vb for vb in found[IF_DESCR]}
        ledger = self._names.ports(device)
        ports: dict[int, _Port] = {}
        for index in sorted(by_name.keys() | by_descr.keys()):
            column = IF_NAME if index in by_name and _octets(by_name[index]) else IF_DESCR
            vb = by_name[index] if column is IF_NAME else by_descr.get(index)
            if vb is None or not (raw := _octets(vb)):
                continue
            called = [text for v in (vb, by_descr.get(index)) if v and (text := decode.text(v))]
            if called:
                spelt = self._names.spell(device, *called)
                ports[index] = _Port(spelt, column, raw, any(normal(name) in ledger for name in called))
        self._names.number(device, {index: port.component for index, port in ports.items()})
        here = {port.component for port in ports.values()}
        for spelt in ledger.values():
            if ports and spelt not in here and (spelt, Condition.LINK) in state.told:
                self._say(state, spelt, Condition.LINK, State.UNKNOWN, Source.POLL, "not among the interfaces any more")
        watched = [(i, p) for i, p in ports.items() if p.known or len(ports) <= ALL_PORTS]
        state.watched = [port for _, port in watched]
        state.names = [SYS_UPTIME, HR_UPTIME]
        for index, port in watched:
            state.names += [(*port.column, index), (*IF_ADMIN, index), (*IF_OPER, index)]
        state.learned = asyncio.get_running_loop().time()

    def _port_says(self, state: _State, port: _Port, admin: int | None, oper: int | None) -> None:
        value = f"admin {ADMIN.get(admin or 0, admin)}, oper {OPER.get(oper or 0, oper)}"
        for condition, verdict in judge(admin, oper).items():
            key = f"{port.component}|{condition}"
            if not port.known and verdict is State.BAD and (port.component, condition) not in state.told:
                state.quiet.add(key)
            if verdict is State.OK:
                state.quiet.discard(key)
            if key not in state.quiet:
                self._say(state, port.component, condition, verdict, Source.POLL, value)

    def _uptime(self, state: _State, uptime: VarBind, host: VarBind) -> None:
        now, ticks, hosts = asyncio.get_running_loop().time(), _number(uptime), _number(host)
        if ticks is None:
            return
        if state.uptime is not None:
            before, at = state.uptime
            again = restarted(before, ticks, now - at)
            if again and hosts is not None and state.host_uptime is not None:
                again = restarted(state.host_uptime, hosts, now - at)
                ticks_since = hosts
            else:
                ticks_since = ticks
            if again:
                heard = self._clock()
                state.learned = None  # numbers may have changed
                self._offer(
                    Observation(
                        heard,
                        state.device.id,
                        "",
                        Condition.REBOOT,
                        State.BAD,
                        Source.POLL,
                        occurred=heard - ticks_since * SECOND // 100,
                        value=f"up for {ticks_since // 100} s",
                    )
                )
        state.uptime, state.host_uptime = (ticks, now), hosts

    async def _details(self, state: _State, target: Target, budget: Budget) -> None:
        """What profiles observe beyond ports. A table that cannot be read says nothing."""
        try:
            reading = await self._reader.observe(target, state.device.id, budget)
        except SnmpError as error:
            log.debug("%s: details: %s", state.device.id, error)
            self.stats.results["spent"] += 1
            return
        for seen in reading:
            self._say(state, seen.component, seen.condition, seen.state, Source.POLL, seen.value)

    # ------------------------------------------------------------ telling

    def _say(
        self, state: _State, component: str, condition: Condition, verdict: State, source: Source, value: str
    ) -> None:
        """`bad` each time; anything else only when the inbox last took something different, or afresh."""
        key = (component, condition)
        if verdict is not State.BAD and state.told.get(key) is verdict and not state.afresh:
            return
        fact = Observation(self._clock(), state.device.id, component, condition, verdict, source, value=value)
        if self._offer(fact):
            state.told[key] = verdict

    def _offer(self, fact: Observation) -> bool:
        return self._inbox.offer(fact, f"poll {fact.device}")

    def _own(self, what: str) -> None:
        if what not in self._own_trouble:
            if len(self._own_trouble) < 1000:
                self._own_trouble.add(what)
            log.warning("%s: this says nothing about the device", what)

    def _target(self, device: Device) -> Target | None:
        credential = self._credentials(device.credential)
        if credential is None:
            self._own(f"no credential for {device.id}")
            return None
        try:
            return Target(device.address, credential, self._port, timeout=self._timeout, retries=self._retries)
        except ValueError:
            self._own(f"{device.id} has no IP address but {device.address!r}")
            return None


def _number(vb: VarBind) -> int | None:
    return vb.value if isinstance(vb.value, int) else None


def _octets(vb: VarBind) -> bytes:
    return vb.value if isinstance(vb.value, bytes) and vb.tag not in ABSENT else b""
