"""One device as polling knows it: how it is asked, and what its answer, or its silence, means.

* `reachable` is ICMP and nothing else; `agent` is SNMP and is only judged while ICMP answers.
* `link`, `admin`: the ports, by name (`watch`).
* `reboot`: the uptime started anew; a wrap after 497 days is none, a restart of the agent alone neither (where the box
  has hrSystemUptime to tell them apart).

A port that is down when first seen and that the ledger does not name is no news. Our own trouble (no route, no socket,
no credential) is `unknown`, counted and logged once: never `bad`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from netwatch.core.model import Condition, Device, Source, State
from netwatch.core.time import Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Ping
from netwatch.wire.poll.alike import Alike
from netwatch.wire.poll.near import Surroundings
from netwatch.wire.poll.telling import Telling
from netwatch.wire.poll.watch import Watch
from netwatch.wire.read import Reader, Seen
from netwatch.wire.schedule import following, phase
from netwatch.wire.snmp import AuthError, Budget, NoAnswerError, OwnTroubleError, Snmp, SnmpError, Target

log = logging.getLogger(__name__)

MOST_BACKOFF = 4
_MOST_TROUBLES = 1000


@dataclass(slots=True)
class Means:
    """What all devices are asked with, told by and judged by."""

    snmp: Snmp
    reader: Reader
    names: Names
    near: Surroundings
    inbox: Inbox
    clock: Callable[[], Instant]
    interval: float
    """Seconds between two polls of a device."""
    detail_interval: float
    """Between two readings of what profiles observe beyond ports; 0: never."""
    ping: Callable[[Polled], Awaitable[State]] | None
    """Ask it by ICMP, now; None: nobody does."""
    look: Callable[[Iterable[str]], None]
    """Poll these soon, for they may know more."""
    back: Callable[[str], None]
    """It can be reached again."""
    doubt: Callable[[str], None]
    """SNMP leaves something open."""
    results: Counter[str] = field(default_factory=Counter)
    alike: Alike = field(default_factory=Alike)
    _troubles: set[str] = field(default_factory=set)

    def own_trouble(self, what: str) -> None:
        """Logged once."""
        if what not in self._troubles:
            if len(self._troubles) < _MOST_TROUBLES:
                self._troubles.add(what)
            log.warning("%s: this says nothing about the device", what)


class Polled:
    """`await poll()` asks it once; `pinged(verdict)` takes what ICMP says."""

    __slots__ = (
        "_failures",
        "_logged",
        "_means",
        "_next_detail",
        "_settled",
        "_unseen",
        "agent",
        "device",
        "families",
        "ping",
        "resting_until",
        "target",
        "telling",
        "watch",
    )

    def __init__(self, device: Device, target: Target | None, means: Means) -> None:
        """`target`: where its agent is; None: nobody knows how to ask it by SNMP."""
        self.device, self.target, self._means = device, target, means
        self.watch = Watch(device.id, means.names, means.alike)
        self.telling = Telling(device.id, means.inbox, means.clock, means.alike)
        self.families: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        """The profiles that it is read by, and those that suit it, as far as it was asked."""
        self.ping: State | None = None
        self.agent: State | None = None
        self.resting_until = 0.0
        """The loop's time until which an agent that is silent is left alone, nudges aside."""
        self._failures = 0
        self._settled = -1
        """The telling's `changes` when all of the last answer was told and nothing of it needs to be told again."""
        self._unseen = False
        """It did not answer since it was last asked what it has recorded of itself."""
        self._next_detail = asyncio.get_running_loop().time()
        """When it is to be read beyond its ports again."""
        self._logged = ""

    # ------------------------------------------------------------ ICMP

    def pinged(self, verdict: Ping) -> None:
        state = verdict.state
        before, self.ping = self.ping, state
        if verdict.trouble:
            self._means.own_trouble(verdict.trouble)
        if state is State.BAD:
            self._unseen = True
        if self.telling.due("", Condition.REACHABLE, state):
            self.telling.say("", Condition.REACHABLE, state, Source.PING, _in_words(verdict))
        if state is State.OK and before is State.BAD:
            self._means.back(self.device.id)
        elif state is State.BAD and before is not State.BAD:
            self._means.look(self._means.near.of(self.device.id))

    # ------------------------------------------------------------ SNMP

    async def poll(self, afresh: bool, pressed: bool = False) -> str:
        """Ask it and tell what it says; `afresh`: although it was told before. In one word, what came of it.

        `pressed`: polls begin late. What is beyond ports is then put off, but for no more than its interval.
        """
        means, target, telling = self._means, self.target, self.telling
        if target is None:
            return "no_credential"
        if self.ping is State.BAD and means.ping is not None:
            return "unreachable"  # ICMP watches for its return, and then the poll is nudged
        loop = asyncio.get_running_loop()
        budget = Budget(seconds=max(means.interval, 30.0))
        try:
            news = await self.watch.ask(means.snmp, target, budget)
        except SnmpError as error:
            self._unseen = True
            return await self._silent(error)
        self._failures, self.resting_until = 0, 0.0
        # Nobody knows what was said of it by other ways while its agent was silent.
        telling.afresh = afresh or self.agent is State.BAD
        try:
            self._judge_agent(State.OK, "")
            if self.watch.restarted is not None:
                self._restarted(self.watch.restarted)
            if news or telling.afresh or self._settled != telling.changes:
                settled = self._tell(self.watch.seen(self._told))
                self._settled = telling.changes if settled else -1
            if self._unseen:
                self._unseen = not await self._recall(target, budget)
            if interval := means.detail_interval:
                now = loop.time()
                if telling.afresh or now >= self._next_detail + (interval if pressed else 0.0):
                    # All are read soon after a start: from then on each at its own time.
                    self._next_detail = following(phase(self.device.id) * interval, interval, now)
                    await self._details(target, budget)
        finally:
            telling.afresh = False
        return "ok"

    async def _silent(self, error: SnmpError) -> str:
        """SNMP gave nothing: whose fault, and what may be said of it?"""
        means = self._means
        if isinstance(error, OwnTroubleError):
            means.own_trouble(str(error))
            self._judge_agent(State.UNKNOWN, str(error))
            return "own_trouble"
        if isinstance(error, AuthError):
            self._judge_agent(State.UNKNOWN, str(error))
            return "refused"
        if not isinstance(error, NoAnswerError):
            self._judge_agent(State.BAD, str(error))
            return "garbled"
        if means.ping is not None:
            reachable = await means.ping(self)
            if reachable is not State.OK:
                return "unreachable" if reachable is State.BAD else "own_trouble"
        self._failures += 1
        turns = min(MOST_BACKOFF, 2 ** (self._failures - 1)) - 0.5
        self.resting_until = asyncio.get_running_loop().time() + means.interval * turns
        self._judge_agent(State.BAD, "SNMP is silent though ICMP answers" if means.ping else "SNMP is silent")
        return "silent"

    def _judge_agent(self, verdict: State, why: str) -> None:
        if verdict is not State.OK and self._logged != why:
            log.warning("%s: %s", self.device.id, why)
            self._logged = why
        elif verdict is State.OK and self._logged:
            log.info("%s: SNMP answers again", self.device.id)
            self._logged = ""
        before, self.agent = self.agent, verdict
        self.telling.say("", Condition.AGENT, verdict, Source.POLL, why)
        if verdict is State.BAD and before is not State.BAD:
            self._means.look(self._means.near.of(self.device.id))
            self._means.doubt(self.device.id)

    def _restarted(self, ticks: int) -> None:
        self.telling.record("", Condition.REBOOT, State.BAD, ticks / 100, f"up for {ticks // 100} s")

    def _told(self, component: str, condition: Condition) -> bool:
        return self.telling.last(component, condition) is not None

    def _tell(self, seen: Iterable[Seen]) -> bool:
        """False when anything of it has to be told again even if it stays as it is."""
        means, device, settled = self._means, self.device.id, True
        for component, condition, verdict, value in seen:
            if condition is Condition.LINK and verdict is not (before := self.telling.last(component, condition)):
                if verdict is State.BAD:
                    means.look(means.near.facing(device, component))
                elif verdict is State.UNKNOWN and before is not None:
                    means.doubt(device)
            settled &= self.telling.say(component, condition, verdict, Source.POLL, value)
        return settled

    async def _recall(self, target: Target, budget: Budget) -> bool:
        """After a time without sight of it: since when its ports are what they are, by its own record."""
        try:
            known = await self.watch.since(self._means.snmp, target, budget)
        except SnmpError as error:
            log.debug("%s: its own record: %s", self.device.id, error)
            return False
        for component, (verdict, seconds) in known.items():
            what = f"unchanged for {seconds:.0f} s, by its own record"
            self.telling.record(component, Condition.LINK, verdict, seconds, what)
        return True

    async def _details(self, target: Target, budget: Budget) -> None:
        """What profiles observe beyond ports. A table that cannot be read says nothing."""
        try:
            reading = await self._means.reader.observe(target, self.device.id, budget)
        except SnmpError as error:
            log.debug("%s: details: %s", self.device.id, error)
            self._means.results["spent"] += 1
            self._means.doubt(self.device.id)
            return
        self.families = self._means.alike.one((tuple(reading.profiles), tuple(reading.suiting)))
        self._tell(reading.seen)


def _in_words(verdict: Ping) -> str:
    if verdict.state is State.BAD:
        return f"{verdict.sent} of {verdict.sent} echoes lost"
    return verdict.trouble if verdict.rtt_seconds is None else f"{verdict.rtt_seconds * 1000:.1f} ms"
