"""Polling: every device in its turn, and out of turn where something was heard or fell silent.

What the answers mean stands in `polled`, what is told of them in `telling`. A poll that starts late is late, nothing
else: it is counted, and says nothing of the device.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from netwatch.core.model import Device, Ledger, State
from netwatch.core.time import Instant
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Ping, Pinger
from netwatch.wire.poll.near import Surroundings
from netwatch.wire.poll.polled import Means, Polled
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Reader
from netwatch.wire.schedule import Schedule, by_turns, following, phase
from netwatch.wire.snmp import Credential, Snmp, Target

log = logging.getLogger(__name__)

AGAIN = (3.0, 15.0)
"""Seconds after a nudge: agents keep ifOperStatus for up to three seconds, and a link may need some to settle."""
SLOW = 5.0
"""Seconds: a device whose last poll took longer waits in a lane of its own, so that it holds up only its likes."""
PRESSED = 1.0
"""Seconds: polls that begin later, as when a hundred thousand devices are learnt after a start, are kept short."""


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
class _Turns:
    """When one device is asked."""

    of: Polled
    nudged: bool = False
    """A nudge is in the schedule and has not fallen due."""
    followed: float = float("-inf")
    """When the polls that follow a nudge were last put into the schedule."""
    hinted: float | None = None
    """When something was last heard of it by other ways, until the ports have been told anew."""
    polling: bool = False
    again: bool = False
    """It was nudged while it was polled."""
    pinging: bool = False
    slow: bool = False


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
        self._ledger, self._credentials = ledger, credentials
        self._pinger = pinger if ping_interval else None
        self._interval, self._ping_interval = interval, ping_interval
        self._ping_count, self._ping_timeout = ping_count, ping_timeout
        self._port, self._timeout, self._retries = port, timeout, retries
        self.stats = PollStats()
        self._schedule: Schedule[tuple[str, _Turns]] = Schedule()
        self._slots, self._slow_slots = asyncio.Semaphore(concurrency), asyncio.Semaphore(max(1, concurrency // 4))
        self._turns: dict[str, _Turns] = {}
        self._started, self._changing = False, asyncio.Lock()
        self._means = Means(
            snmp,
            Reader(snmp, profiles, names),
            names,
            Surroundings(Ledger(), ()),
            inbox,
            clock,
            interval,
            detail_interval,
            ping=functools.partial(self._ping, self._pinger) if self._pinger is not None else None,
            look=self._look_at,
            back=self.nudge,
            doubt=doubt,
            results=self.stats.results,
        )

    # ------------------------------------------------------------ from outside

    async def run(self) -> None:
        """Poll until cancelled."""
        self._started = True
        try:
            await self.reload(self._ledger)
            await self._schedule.run(self._fall_due)
        finally:
            self._started = False

    def nudge(self, device: str) -> None:
        """Something was heard of the device: poll it now and again shortly. Never blocks; unknown ids are ignored."""
        turns = self._turns.get(device)
        if turns is None or not self._started:
            return
        turns.hinted = asyncio.get_running_loop().time()
        self._look(turns)

    def families(self, device: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The profiles that the device is read by, and those that suit it; empty as long as it was never asked."""
        turns = self._turns.get(device)
        return turns.of.families if turns is not None else ((), ())

    def hears(self, device: str) -> bool:
        """Its agent answered when it was last asked."""
        turns = self._turns.get(device)
        return turns is not None and turns.of.agent is State.OK

    @property
    def slow(self) -> int:
        """Devices in the lane of the slow."""
        return sum(turns.slow for turns in self._turns.values())

    async def reload(self, ledger: Ledger, profiles: Profiles | None = None) -> None:
        """Another ledger or other profiles are in force; what is known of devices that stay is kept.

        A hundred thousand devices take seconds: meanwhile polling goes on, of the others as before.
        """
        async with self._changing:
            self._ledger, means = ledger, self._means
            if profiles is not None:
                means.reader = Reader(means.snmp, profiles, means.names)
            if not self._started:
                return
            wanted, means.near = await asyncio.to_thread(_polled, ledger)
            for gone in self._turns.keys() - wanted.keys():
                del self._turns[gone]
            async for device in by_turns(wanted.values()):
                turns = self._turns.get(device.id)
                if turns is None or _where(turns.of.device) != _where(device):
                    turns = self._turns[device.id] = _Turns(Polled(device, self._target(device), means))
                    self._begin(turns)
                turns.of.device = device
                turns.of.watch.reload()

    # ------------------------------------------------------------ out of turn

    def _look_at(self, devices: Iterable[str]) -> None:
        """Where something fell silent its neighbours know more: in seconds, not at their next turns."""
        for device in devices:
            if (turns := self._turns.get(device)) is not None:
                self._look(turns)

    def _look(self, turns: _Turns) -> None:
        """Poll it now and again shortly."""
        now = asyncio.get_running_loop().time()
        # A storm of thousands from one device is one nudge: what is in the schedule already is not put there again.
        if not turns.nudged:
            turns.nudged = True
            self.stats.nudges += 1
            self._schedule.put(now, ("nudge", turns))
            if self._pinger is not None:
                self._schedule.put(now, ("extra ping", turns))
        if now - turns.followed >= 1.0:
            turns.followed = now
            for seconds in AGAIN:
                self._schedule.put(now + seconds, ("follow", turns))

    # ------------------------------------------------------------ in turn

    def _begin(self, turns: _Turns) -> None:
        now, share = asyncio.get_running_loop().time(), phase(turns.of.device.id)
        self._schedule.put(now + share * self._interval, ("poll", turns))
        if self._pinger is not None:
            self._schedule.put(now + share * self._ping_interval, ("ping", turns))

    def _here(self, turns: _Turns) -> bool:
        """False of a device that is gone, or has another address now."""
        return self._started and self._turns.get(turns.of.device.id) is turns

    def _fall_due(self, due: float, entry: tuple[str, _Turns]) -> None:
        kind, turns = entry
        if not self._here(turns):
            return
        if kind == "ping" or kind == "poll":
            interval = self._interval if kind == "poll" else self._ping_interval
            self._schedule.put(following(due, interval, asyncio.get_running_loop().time()), entry)
        if kind == "ping" or kind == "extra ping":
            if not turns.pinging and self._pinger is not None:
                turns.pinging = True
                told, address = functools.partial(self._pinged, turns), turns.of.device.address
                self._pinger.ask(address, told, count=self._ping_count, timeout=self._ping_timeout)
            return
        if kind == "nudge":
            turns.nudged = False
        if turns.polling:
            turns.again = turns.again or kind != "poll"
        elif kind != "poll" or turns.of.resting_until <= due:
            turns.polling = True
            self._schedule.start(self._poll(turns, due))

    # ------------------------------------------------------------ one device

    def _pinged(self, turns: _Turns, verdict: Ping) -> None:
        turns.pinging = False
        if self._here(turns):
            try:
                self._judge(turns.of, verdict)
            except Exception:  # contained as in _poll
                log.exception("pinging %s failed", turns.of.device.id)

    async def _ping(self, pinger: Pinger, device: Polled) -> State:
        """Out of turn, for a verdict that is needed now."""
        address = device.device.address
        verdict = await pinger.ping(address, count=self._ping_count, timeout=self._ping_timeout)
        self._judge(device, verdict)
        return verdict.state

    def _judge(self, device: Polled, verdict: Ping) -> None:
        self.stats.pings[verdict.state.value] += 1
        device.pinged(verdict)

    async def _poll(self, turns: _Turns, due: float) -> None:
        time = asyncio.get_running_loop().time
        slow = turns.slow
        try:
            async with self._slow_slots if slow else self._slots:
                started = time()
                self.stats.running += 1
                try:
                    result = await self._ask(turns, started, pressed=not slow and started - due > PRESSED)
                except Exception:
                    # Contained here: what one device makes us stumble over must not end the polling of the others.
                    log.exception("polling %s failed", turns.of.device.id)
                    result = "failed"
                finally:
                    self.stats.running -= 1
            turns.slow = self._note(result, time() - started, max(0.0, started - due), slow=slow)
        finally:
            turns.polling = False
            if turns.again:  # what it was nudged for may have happened after it had been asked
                turns.again = False
                self._schedule.put(time(), ("nudge", turns))

    async def _ask(self, turns: _Turns, now: float, *, pressed: bool) -> str:
        hint = turns.hinted
        # Only when the agent cannot answer from before the hint any more: an old "up" would gainsay a true linkDown.
        afresh = hint is not None and now - hint >= AGAIN[0]
        result = await turns.of.poll(afresh, pressed)
        if afresh and result == "ok" and turns.hinted == hint:
            turns.hinted = None
        return result

    def _note(self, result: str, took: float, late: float, *, slow: bool) -> bool:
        """Whether the device is a slow one."""
        stats = self.stats
        stats.results[result] += 1
        stats.late += late > self._interval
        if not slow:
            stats.late_seconds = late
        if stats.on_poll is not None:
            stats.on_poll(took, late, result)
        return took > SLOW or result == "silent"

    def _target(self, device: Device) -> Target | None:
        credential = self._credentials(device.credential)
        if credential is None:
            self._means.own_trouble(f"no credential for {device.id}")
            return None
        try:
            return Target(device.address, credential, self._port, timeout=self._timeout, retries=self._retries)
        except ValueError:
            self._means.own_trouble(f"{device.id} has no IP address but {device.address!r}")
            return None


def _polled(ledger: Ledger) -> tuple[dict[str, Device], Surroundings]:
    wanted = {d.id: d for d in ledger.devices.values() if d.managed and d.address}
    return wanted, Surroundings(ledger, wanted)


def _where(device: Device) -> tuple[str, str]:
    return device.address, device.credential
