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
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from netwatch.core.model import Condition, Device, Ledger, Observation, Source, State
from netwatch.core.time import SECOND, Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.near import Surroundings
from netwatch.wire.ping import Ping, Pinger
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Reader, Seen
from netwatch.wire.schedule import Schedule, phase
from netwatch.wire.snmp import AuthError, Budget, Credential, NoAnswerError, OwnTroubleError, Snmp, SnmpError, Target
from netwatch.wire.watch import Watch

log = logging.getLogger(__name__)

AGAIN = (3.0, 15.0)
"""Seconds after a nudge: agents keep ifOperStatus for up to three seconds, and a link may need some to settle."""
MOST_BACKOFF = 4
SLOW = 5.0
"""Seconds: a device whose last poll took longer waits in a lane of its own, so that it holds up only its likes."""


@dataclass(slots=True)
class PollStats:
    """For metrics. `on_poll(seconds, late_seconds, result)` is called after each poll."""

    results: Counter[str] = field(default_factory=Counter)
    """`ok`, `silent`, `unreachable`, `refused`, `garbled`, `own_trouble`, `no_credential`, `spent`, `failed`."""
    pings: Counter[str] = field(default_factory=Counter)
    running: int = 0
    late: int = 0
    """Polls that began more than an interval behind their plan. They are late and nothing else."""
    late_seconds: float = 0.0
    """How late the last poll started, slow devices aside: those wait for one another."""
    nudges: int = 0
    """Polls out of turn, because of something heard or seen."""
    on_poll: Callable[[float, float, str], None] | None = None


@dataclass(slots=True)
class _State:
    """What we know of one device."""

    device: Device
    watch: Watch
    target: Target | None = None
    families: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """The profiles that it is read by, and those that suit it, as far as it was asked."""
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
    unseen: bool = False
    """It did not answer since it was last asked what it has recorded of itself."""
    ping: State | None = None
    agent: State | None = None
    failures: int = 0
    polling: bool = False
    again: bool = False
    pinging: bool = False
    next_poll: float = 0.0
    next_detail: float = 0.0
    slow: bool = False
    logged: str = ""


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
        doubt: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`credentials` gets the name that the ledger gives (may be empty). `ping_interval` 0, or no pinger: no ping.

        `detail_interval` is for what profiles observe beyond ports: sessions, ONUs, levels, supplies; 0: never.
        `doubt(device)` is told of what SNMP leaves open: whoever has another way to ask may use it.
        """
        self._names, self._credentials = names, credentials
        self._snmp, self._pinger, self._inbox, self._clock = snmp, pinger, inbox, clock
        self._interval, self._ping_interval = interval, ping_interval if pinger else 0.0
        self._ping_count, self._ping_timeout = ping_count, ping_timeout
        self._detail_interval = detail_interval
        self._doubt = doubt
        self._port, self._timeout, self._retries = port, timeout, retries
        self.stats = PollStats()
        self._schedule: Schedule[tuple[str, _State]] = Schedule()
        self._slots, self._slow_slots = asyncio.Semaphore(concurrency), asyncio.Semaphore(max(1, concurrency // 4))
        self._tasks: set[asyncio.Task[None]] = set()
        self._states: dict[str, _State] = {}
        self._near = Surroundings(Ledger(), ())
        self._own_trouble: set[str] = set()
        self._started = False
        self._ledger = ledger
        self._reader = Reader(snmp, profiles, names)

    # ------------------------------------------------------------ from outside

    async def run(self) -> None:
        """Poll until cancelled."""
        self._started = True
        self.reload(self._ledger)
        try:
            await self._schedule.run(self._fall_due)
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
        state.hinted = asyncio.get_running_loop().time()
        self._look(state)

    def families(self, device: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The profiles that the device is read by, and those that suit it; empty as long as it was never asked."""
        state = self._states.get(device)
        return state.families if state is not None else ((), ())

    def hears(self, device: str) -> bool:
        """Its agent answered when it was last asked."""
        state = self._states.get(device)
        return state is not None and state.agent is State.OK

    @property
    def slow(self) -> int:
        """Devices in the lane of the slow."""
        return sum(state.slow for state in self._states.values())

    def _look_at(self, devices: Iterable[str]) -> None:
        """Where something fell silent its neighbours know more: in seconds, not at their next turns."""
        for device in devices:
            if (state := self._states.get(device)) is not None:
                self._look(state)

    def _look(self, state: _State) -> None:
        """Poll it now and again shortly."""
        now = asyncio.get_running_loop().time()
        # A storm of thousands from one device is one nudge: what is in the schedule already is not put there again.
        if not state.nudged:
            state.nudged = True
            self.stats.nudges += 1
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
                self._states[device.id] = state = _State(device, Watch(device.id))
                self._begin(state)
            state.device = device
            state.watch.forget()
            state.target = self._target(device)
        self._near = Surroundings(ledger, wanted)

    # ------------------------------------------------------------ the schedule

    def _begin(self, state: _State) -> None:
        now, share = asyncio.get_running_loop().time(), phase(state.device.id)
        self._at(now + share * self._interval, "poll", state)
        if self._ping_interval:
            self._at(now + share * self._ping_interval, "ping", state)

    def _at(self, when: float, kind: str, state: _State) -> None:
        self._schedule.put(when, (kind, state))

    def _fall_due(self, due: float, entry: tuple[str, _State]) -> None:
        kind, state = entry
        if self._states.get(state.device.id) is not state:
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
            state.unseen = True
            value = f"{verdict.sent} of {verdict.sent} echoes lost"
        self._say(state, "", Condition.REACHABLE, verdict.state, Source.PING, value)
        if verdict.state is State.OK and before is State.BAD:
            self.nudge(device.id)
        elif verdict.state is State.BAD and before is not State.BAD:
            self._look_at(self._near.of(device.id))
        return verdict.state

    async def _poll_once(self, state: _State, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            slow = state.slow
            async with self._slow_slots if slow else self._slots:
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
            took = loop.time() - started
            self._note(state, result, took, late, slow=slow)
        finally:
            state.polling = False
            if state.again:  # what it was nudged for may have happened after it had been asked
                state.again = False
                self._at(loop.time(), "nudge", state)

    def _note(self, state: _State, result: str, took: float, late: float, *, slow: bool) -> None:
        stats = self.stats
        stats.results[result] += 1
        stats.late += late > self._interval
        if not slow:
            stats.late_seconds = late
        state.slow = took > SLOW or result == "silent"
        if stats.on_poll is not None:
            stats.on_poll(took, late, result)

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
            told = await state.watch.ask(self._snmp, state.target, self._names, budget, lambda *key: key in state.told)
        except SnmpError as error:
            state.afresh, state.unseen = False, True
            return await self._silent(state, error)
        state.failures, state.next_poll = 0, 0.0
        # Nobody knows what was said of it by other ways while its agent was silent.
        state.afresh = state.afresh or state.agent is State.BAD
        self._agent(state, State.OK, "")
        self._restarted(state)
        self._tell(state, told)
        if state.unseen:
            state.unseen = not await self._recall(state, state.target, budget)
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
        before, state.agent = state.agent, verdict
        self._say(state, "", Condition.AGENT, verdict, Source.POLL, why)
        if verdict is State.BAD and before is not State.BAD:
            self._look_at(self._near.of(state.device.id))
            self._doubt(state.device.id)

    async def _recall(self, state: _State, target: Target, budget: Budget) -> bool:
        """After a time without sight of it: since when its ports are what they are, by its own record."""
        try:
            known = await state.watch.since(self._snmp, target, budget)
        except SnmpError as error:
            log.debug("%s: its own record: %s", state.device.id, error)
            return False
        now = self._clock()
        for component, (verdict, seconds) in known.items():
            began, what = now - round(seconds * SECOND), f"unchanged for {seconds:.0f} s, by its own record"
            device = state.device.id
            self._offer(Observation(now, device, component, Condition.LINK, verdict, Source.POLL, began, what))
        return True

    async def _details(self, state: _State, target: Target, budget: Budget) -> None:
        """What profiles observe beyond ports. A table that cannot be read says nothing."""
        try:
            reading = await self._reader.observe(target, state.device.id, budget)
        except SnmpError as error:
            log.debug("%s: details: %s", state.device.id, error)
            self.stats.results["spent"] += 1
            self._doubt(state.device.id)
            return
        state.families = tuple(reading.profiles), tuple(reading.suiting)
        self._tell(state, reading.seen)

    # ------------------------------------------------------------ telling

    def _restarted(self, state: _State) -> None:
        if (ticks := state.watch.restarted) is not None:
            state.watch.restarted = None
            now = self._clock()
            began = now - ticks * SECOND // 100
            what = f"up for {ticks // 100} s"
            device = state.device.id
            self._offer(Observation(now, device, "", Condition.REBOOT, State.BAD, Source.POLL, began, value=what))

    def _tell(self, state: _State, seen: Iterable[Seen]) -> None:
        for component, condition, verdict, value in seen:
            if condition is Condition.LINK and verdict is not (before := state.told.get((component, condition))):
                if verdict is State.BAD:
                    self._look_at(self._near.facing(state.device.id, component))
                elif verdict is State.UNKNOWN and before is not None:
                    self._doubt(state.device.id)
            self._say(state, component, condition, verdict, Source.POLL, value)

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
