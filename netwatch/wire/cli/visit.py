"""Visiting: what only the command line tells, from every device whose credential has a login, in its own slow turns.

* A visit asks all that the family's profile names and tells what it came to: alarms on boards that SNMP hides, levels,
  ONUs, neighbours, tests. What was bad and is not listed any more is over, or lost, as the profile says (`gone`).
* Ports, and whether a device is alive, are the poller's word: where SNMP answers they are not told here. Where it does
  not, this is the other way to know.
* Trouble on the way (a wrong password, a changed host key, silence) is never the device's: it says nothing, is counted
  and logged once, and the next visit waits longer. Whom a device refuses does not try again soon: accounts get locked.
* A visit that found new trouble is followed by another one shortly; a `nudge` brings one forward.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netwatch.core.model import Condition, Device, Ledger, Observation, Source, State
from netwatch.core.ports import normal
from netwatch.core.time import Instant
from netwatch.wire.cli.read import CliReader, CommandLine, Told
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.ssh_read import Access, choose
from netwatch.wire.cli.target import AuthError, ForbiddenError, HostKeyError, Patience, SshError, Target
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.read import Seen
from netwatch.wire.schedule import Schedule, by_turns, phase

log = logging.getLogger(__name__)

AGAIN = 0.1
"""Share of the interval after which new trouble is looked at again, and whoever was not known yet; also the least time
between two visits for a nudge."""
LONGEST = 8
"""Most intervals between two visits to a device that does not let us in."""
_POLLED = frozenset({Condition.LINK, Condition.ADMIN, Condition.REACHABLE, Condition.AGENT})

Key = tuple[str, Condition]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What SNMP knows of a device."""

    families: Callable[[str], tuple[Sequence[str], Sequence[str]]]
    """The profiles that it is read by, and those that suit it; empty as long as nobody knows."""
    hears: Callable[[str], bool]
    """Its agent answers."""
    standing: Callable[[], Mapping[str, Sequence[Key]]] = dict
    """(component, condition) of each device's alarms that visiting raised in a former life and that still stand."""


@dataclass(slots=True)
class VisitStats:
    """For metrics, beside those of the door."""

    late_seconds: float = 0.0
    """How late the last visit began."""
    unknown: int = 0
    """Visits left out because nobody knows whose command line it is."""
    on_visit: Callable[[float, str], None] | None = None
    """Called with (seconds, result) after each visit."""


@dataclass(slots=True)
class _State:
    """What we know of one device."""

    device: Device
    access: Access
    known: dict[Key, Told] = field(default_factory=dict)
    """What its last answers said."""
    told: dict[Key, State] = field(default_factory=dict)
    """What the inbox took last."""
    began: float = float("-inf")
    failures: int = 0
    refused: bool = False
    visiting: bool = False
    nudged: bool = False
    trouble: str = ""


class Visitor:
    """`await run()` visits until cancelled. The door is the caller's to close."""

    def __init__(
        self,
        ledger: Ledger,
        names: Names,
        lines: Mapping[str, CommandLine],
        accesses: Callable[[str], Access | None],
        known: Knowledge,
        ssh: Ssh,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        interval: float = 600.0,
        patience: Patience | None = None,
        stats: VisitStats | None = None,
    ) -> None:
        """`accesses` gets the name of the credential that the ledger gives (may be empty)."""
        self._ledger, self._names, self._lines, self._accesses, self._known = ledger, names, lines, accesses, known
        self._ssh, self._inbox, self._clock = ssh, inbox, clock
        self._interval, self._patience = interval, patience or Patience()
        self.stats = stats or VisitStats()
        self._schedule: Schedule[tuple[str, _State]] = Schedule()
        self._states: dict[str, _State] = {}
        self._started, self._changing = False, asyncio.Lock()

    # ------------------------------------------------------------ from outside

    async def run(self) -> None:
        """Visit until cancelled."""
        self._started = True
        try:
            await self.reload(self._ledger, self._lines)
            await self._schedule.run(self._fall_due)
        finally:
            self._started = False

    def nudge(self, device: str) -> None:
        """SNMP leaves something open: visit it soon. Never blocks; who does not let us in is left alone."""
        state = self._states.get(device)
        if state is None or not self._started or state.nudged or state.refused:
            return
        state.nudged = True
        now = asyncio.get_running_loop().time()
        self._schedule.put(max(now, state.began + AGAIN * self._interval), ("nudge", state))

    async def reload(self, ledger: Ledger, lines: Mapping[str, CommandLine]) -> None:
        """Another ledger or other profiles are in force; what is known of devices that stay is kept."""
        async with self._changing:
            self._ledger, self._lines = ledger, lines
            if not self._started:
                return
            wanted = {
                d.id: (d, access)
                async for d in by_turns(ledger.devices.values())
                if d.managed and d.address and (access := self._accesses(d.credential)) is not None
            }
            for gone in self._states.keys() - wanted.keys():
                del self._states[gone]
            now, standing = asyncio.get_running_loop().time(), self._known.standing()
            async for name, (device, access) in by_turns(wanted.items()):
                state = self._states.get(name)
                if state is not None and (state.device.address, state.access) == (device.address, access):
                    state.device = device
                    continue
                state = self._states[name] = _State(device, access)
                for key in standing.get(name, ()):
                    state.known[key] = Told("", Seen(*key, State.BAD, "raised before the start"), State.OK)
                    state.told[key] = State.BAD
                self._schedule.put(now + phase(name) * self._interval, ("turn", state))

    # ------------------------------------------------------------ one device

    def _fall_due(self, due: float, entry: tuple[str, _State]) -> None:
        kind, state = entry
        if self._states.get(state.device.id) is not state:
            return  # of a device that is gone, or has another address now
        if kind == "nudge":
            state.nudged = False
        if not state.visiting:
            state.visiting = True
            self._schedule.start(self._visit(state, due, kind))
        elif kind == "turn":
            self._schedule.put(due + self._interval, entry)

    async def _visit(self, state: _State, due: float, kind: str) -> None:
        wait = 1.0
        try:
            wait = await self._ask(state, due)
        except Exception:
            # Contained here: what one device makes us stumble over must not end the visits to the others.
            log.exception("visiting %s failed", state.device.id)
        finally:
            state.visiting = False
            if kind == "turn":
                self._schedule.put(asyncio.get_running_loop().time() + wait * self._interval, ("turn", state))

    async def _ask(self, state: _State, due: float) -> float:
        """After how many intervals the next turn is."""
        device, access = state.device, state.access
        families, suiting = ([access.family], ()) if access.family else self._known.families(device.id)
        line = choose(self._lines, families, suiting)
        if line is None:
            self.stats.unknown += 1
            return 1 if families else AGAIN
        loop = asyncio.get_running_loop()
        reader = CliReader(line, self._names, device.id)

        def work(ask: Callable[[str], str]) -> None:
            state.began = loop.time()
            reader.all(ask)

        result, error = "ok", None
        try:
            target = Target(device.address, access.login, line.cli, access.port, self._patience)
            await self._ssh.visit(target, work)
        except SshError as trouble:
            error, result = trouble, trouble.kind
        except ValueError:
            self._troubled(state, f"{device.id} has no IP address but {device.address!r}")
            return LONGEST
        self.stats.late_seconds = max(0.0, state.began - due)
        if reader.answered:
            self._tell(state, line, reader)
        if self.stats.on_visit is not None:
            self.stats.on_visit(loop.time() - max(state.began, due), result)
        return self._settle(state, error, reader.found.problems)

    def _settle(self, state: _State, error: SshError | None, problems: Sequence[str]) -> float:
        if error is None:
            if state.trouble:
                log.info("%s: its command line answers again", state.device.id)
            state.trouble, state.failures, state.refused = "", 0, False
            for problem in problems:
                log.debug("%s: %s", state.device.id, problem)
            return 1
        self._troubled(state, str(error))
        state.failures += 1
        state.refused = isinstance(error, AuthError | HostKeyError | ForbiddenError)
        return LONGEST if state.refused else min(LONGEST, 2 ** (state.failures - 1))

    @staticmethod
    def _troubled(state: _State, what: str) -> None:
        """Told when it changes, not at every visit."""
        if state.trouble != what:
            log.warning("%s: not visited: %s (this says nothing about the device)", state.device.id, what)
            state.trouble = what

    # ------------------------------------------------------------ telling

    def _tell(self, state: _State, line: CommandLine, reader: CliReader) -> None:
        hears, ledger = self._known.hears(state.device.id), self._names.ports(state.device.id)

        def ours(component: str, condition: Condition) -> bool:
            """Of ports only those of the ledger: hundreds of others are down because nobody uses them."""
            return condition not in _POLLED or (not hears and normal(component) in ledger)

        found = {key: told for key, told in reader.settled().items() if ours(*key)}
        found |= self._gone(state, line, reader)
        fresh = False
        for key, told in found.items():
            fresh = fresh or (told.seen.state is State.BAD and state.told.get(key) is not State.BAD)
            self._say(state, told.seen)
        state.known = {key: was for key, was in state.known.items() if not _answered(key, was, line, reader)} | found
        if fresh:
            self.nudge(state.device.id)

    def _gone(self, state: _State, line: CommandLine, reader: CliReader) -> dict[Key, Told]:
        """What was listed and is not any more."""
        here = {(one.seen.component, one.seen.condition) for one in reader.told}
        return {
            key: was._replace(seen=Seen(*key, was.gone, "not listed any more"))
            for key, was in state.known.items()
            if key not in here and State.BAD in (was.gone, was.seen.state) and _answered(key, was, line, reader)
        }

    def _say(self, state: _State, seen: Seen) -> None:
        """`bad` each time; anything else only when the inbox last took something different."""
        key = (seen.component, seen.condition)
        if seen.state is not State.BAD and state.told.get(key) is seen.state:
            return
        fact = Observation(self._clock(), state.device.id, *key, seen.state, Source.CLI, value=seen.value)
        if self._inbox.offer(fact, f"visit {state.device.id}"):
            state.told[key] = seen.state


def _answered(key: Key, was: Told, line: CommandLine, reader: CliReader) -> bool:
    """The whole answer to the command that listed it is known; of a former life's, to all that may have."""
    if was.command:
        return was.command in reader.whole
    could = {
        command.command
        for command in line.cli.command
        if any(judge.condition is key[1] for rows in command.rows for judge in rows.observe)
    }
    return bool(could & reader.whole) and could <= reader.whole | reader.unknown
