"""All that listens: the sockets, and what hears equipment on them and asks it. Knows nothing of customers."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from netwatch.config import Address
from netwatch.core.model import Condition
from netwatch.core.time import Instant
from netwatch.findings import Finding
from netwatch.loops import renewed
from netwatch.metrics import Hearing
from netwatch.plan import Plan
from netwatch.web.serve import bind
from netwatch.wire import udp
from netwatch.wire.cli.hosts import KnownHosts, Trust
from netwatch.wire.cli.session import SshStats
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.target import Patience
from netwatch.wire.cli.visit import Knowledge, Visitor, VisitStats
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.ping import Pinger
from netwatch.wire.poll import Poller
from netwatch.wire.snmp import Snmp, Version, open_snmp
from netwatch.wire.syslog import SyslogListener, SyslogStats
from netwatch.wire.traps import TrapListener, TrapStats

log = logging.getLogger(__name__)

NAMES = ("http", "traps", "syslog", "syslog_tcp", "syslog_tls")
"""What we listen on; FileDescriptorName= of a socket unit must be one of these."""


class CannotListenError(Exception):
    """An address on which we are to listen cannot be had."""

    def __init__(self, name: str, address: Address, error: OSError) -> None:
        cures = {
            errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
            errno.EADDRNOTAVAIL: "this machine has no such address",
            errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE, or the .socket unit of systemd",
        }
        key = "web.listen" if name == "http" else f"listen.{name}"
        what = f"cannot listen on {address}: {os.strerror(error.errno or 0)}"
        self.finding = Finding(key, what, cures.get(error.errno or 0, ""))
        super().__init__(str(self.finding))


class Sockets:
    """Our bound sockets, by name. Users get duplicates, so that a part may be restarted without losing its port."""

    def __init__(self, given: Mapping[str, socket.socket]) -> None:
        self._given = given
        """Handed to us bound, by systemd or by a test: they stay, whatever the configuration says."""
        self._bound: dict[str, tuple[Address, socket.socket]] = {}
        if strangers := set(given) - set(NAMES):
            log.warning("sockets handed over that nobody listens on: %s (known: %s)", sorted(strangers), list(NAMES))

    def open(self, wanted: Mapping[str, Address]) -> Callable[[], None]:
        """Bind what is not bound yet; the result, once called, puts that into force and closes what is not wanted.

        Raises CannotListenError; then everything is as it was.
        """
        kept = {n: self._bound[n] for n, a in wanted.items() if n in self._bound and self._bound[n][0] == a}
        fresh: dict[str, tuple[Address, socket.socket]] = {}
        for name, address in wanted.items():
            if name not in kept and name not in self._given:
                try:
                    fresh[name] = address, _bind(name, address)
                except OSError as error:
                    for _, sock in fresh.values():
                        sock.close()
                    raise CannotListenError(name, address, error) from error

        def enforce() -> None:
            former, self._bound = self._bound, kept | fresh
            for name, (_, sock) in former.items():
                if name not in kept:
                    sock.close()

        return enforce

    def take(self, name: str) -> socket.socket | None:
        """A duplicate of the socket of this name."""
        sock = self._given.get(name) or self._bound.get(name, (None, None))[1]
        return sock.dup() if sock else None

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where they are bound: also where the configuration says port 0."""
        bound = {name: sock for name, (_, sock) in self._bound.items()} | dict(self._given)
        return {name: sock.getsockname()[:2] for name, sock in bound.items()}

    def close(self) -> None:
        for _, sock in self._bound.values():
            sock.close()
        for sock in self._given.values():
            sock.close()


def _bind(name: str, address: Address) -> socket.socket:
    if name == "http":
        return bind(address)
    kind = socket.SOCK_STREAM if name in ("syslog_tcp", "syslog_tls") else socket.SOCK_DGRAM
    return udp.bind(address.host, address.port, kind)


Standing: TypeAlias = Callable[[], Mapping[str, Sequence[tuple[str, Condition]]]]


class Ears:
    """Poller, pinger, visitor, traps, syslog. Errors of single devices stay inside; `poll` and `visit` end only when
    they are cancelled.

    `snmp` and `pinger` given are used and left open; else they are made, and closed by `close`.
    `on_poll(seconds, late_seconds, result)` is told of every poll, `on_visit(seconds, result)` of every visit.
    `standing()` gives (component, condition) of the alarms of each device that stand by the word of a command line.
    """

    def __init__(
        self,
        plan: Plan,
        sockets: Sockets,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        snmp: Snmp | None = None,
        pinger: Pinger | None = None,
        on_poll: Callable[[float, float, str], None] = lambda *_: None,
        on_visit: Callable[[float, str], None] = lambda *_: None,
        standing: Standing = dict,
    ) -> None:
        self._plan, self._sockets, self._inbox, self._clock, self._on_poll = plan, sockets, inbox, clock, on_poll
        self._names = Names(plan.ledger)
        self._snmp, self._own_snmp = snmp or open_snmp(plan.config.poll.engine), snmp is None
        self._pinger, self._own_pinger = pinger or Pinger(), pinger is None
        self.traps, self.syslog = TrapStats(), SyslogStats()
        """Of all listeners that there were."""
        self.poller = self._new_poller()
        self._habits_changed, self._visits_changed = asyncio.Event(), asyncio.Event()
        self._standing = standing
        self.ssh, self.visits = SshStats(), VisitStats(on_visit=on_visit)
        """Of all doors and visitors that there were."""
        self._visitor: Visitor | None = None
        self._door: Ssh | None = None
        self._listeners: list[TrapListener | SyslogListener] = []

    def _new_poller(self) -> Poller:
        plan, poll = self._plan, self._plan.config.poll
        poller = Poller(
            plan.ledger,
            self._names,
            plan.profiles,
            plan.credential,
            self._snmp,
            self._pinger,
            self._inbox,
            self._clock,
            interval=poll.interval_seconds,
            detail_interval=poll.detail_seconds,
            ping_interval=poll.ping.interval_seconds,
            ping_count=poll.ping.count,
            ping_timeout=poll.ping.timeout_seconds,
            concurrency=poll.concurrency,
            port=poll.port,
            timeout=poll.timeout_seconds,
            retries=poll.retries,
            doubt=self._doubted,
        )
        poller.stats.on_poll = self._on_poll
        return poller

    def _new_visitor(self) -> tuple[Visitor, Ssh]:
        plan, ssh = self._plan, self._plan.config.ssh
        hosts = KnownHosts(plan.config.paths.state / "known_hosts", Trust(ssh.host_keys))
        door = Ssh(hosts, slots=ssh.sessions, idle=ssh.keep_seconds, keep=ssh.keep, stats=self.ssh)
        visitor = Visitor(
            plan.ledger,
            self._names,
            plan.lines,
            plan.access,
            Knowledge(self._families, self._hears, self._standing),
            door,
            self._inbox,
            self._clock,
            interval=ssh.interval_seconds,
            patience=Patience(read=ssh.answer_seconds, visit=ssh.visit_seconds),
            stats=self.visits,
        )
        return visitor, door

    def listen(self) -> None:
        """Hear traps and syslog on the sockets in force. A former listener goes only when the new one hears."""
        former, self._listeners = self._listeners, []
        if (sock := self._sockets.take("traps")) is not None:
            traps = self._new_trap_listener()
            traps.open(sock=sock)
            self._listeners.append(traps)
        syslog = self._new_syslog_listener()
        self._listeners.append(syslog)
        for listener in former:
            if isinstance(listener, SyslogListener):
                syslog.adopt(listener)
        for listener in former:
            listener.close()

    def _new_syslog_listener(self) -> SyslogListener:
        listener = SyslogListener(
            self._names, self._plan.profiles, self._inbox, self._clock, nudge=self._nudge, stats=self.syslog
        )
        if (sock := self._sockets.take("syslog")) is not None:
            listener.open(sock=sock)
        if (sock := self._sockets.take("syslog_tcp")) is not None:
            listener.open_stream(sock=sock)
        if (sock := self._sockets.take("syslog_tls")) is not None:
            listener.open_stream(sock=sock, tls=self._plan.syslog_tls)
        return listener

    def _new_trap_listener(self) -> TrapListener:
        plan = self._plan
        accepted = [plan.credentials[name] for name in plan.config.listen.credentials]
        return TrapListener(
            self._names,
            plan.profiles,
            self._inbox,
            self._clock,
            nudge=self._nudge,
            communities=[it.community for it in accepted if it.community] if accepted else None,
            users=[it for it in plan.credentials.values() if it.version is Version.V3],
            stats=self.traps,
        )

    def _nudge(self, device: str) -> None:
        self.poller.nudge(device)

    # Of whoever polls now: another poller may have taken over.

    def _families(self, device: str) -> tuple[Sequence[str], Sequence[str]]:
        return self.poller.families(device)

    def _hears(self, device: str) -> bool:
        return self.poller.hears(device)

    def _doubted(self, device: str) -> None:
        if self._visitor is not None:
            self._visitor.nudge(device)

    async def poll(self) -> None:
        """Poll until cancelled; a poller of other habits takes over when the configuration asks for it."""
        await renewed(self._poll, self._habits_changed)

    async def _poll(self) -> None:
        await self.poller.run()

    async def visit(self) -> None:
        """Visit command lines until cancelled, where there are any; as `poll` does, by other habits when asked for."""
        await renewed(self._visit, self._visits_changed)

    async def _visit(self) -> None:
        self._visitor, self._door = visitor, door = self._new_visitor()
        try:
            await visitor.run()
        finally:
            await door.close()

    async def reload(self, plan: Plan) -> None:
        """Another plan is in force. What is known of devices that stay is kept, unless they are now asked otherwise."""
        former, self._plan = self._plan, plan
        (await asyncio.to_thread(self._names.prepare, plan.ledger))()
        if (plan.config.poll, plan.credentials) == (former.config.poll, former.credentials):
            await self.poller.reload(plan.ledger, plan.profiles)
        else:
            self.poller = self._new_poller()
            self._habits_changed.set()
        if (plan.config.ssh, plan.accesses) != (former.config.ssh, former.accesses):
            self._visits_changed.set()
        elif self._visitor is not None:
            await self._visitor.reload(plan.ledger, plan.lines)
        self.listen()

    def figures(self) -> Hearing:
        """For metrics."""
        polls, traps, syslog = self.poller.stats, self.traps, self.syslog
        return Hearing(
            polls_late=polls.late,
            polls_nudged=polls.nudges,
            polls_running=polls.running,
            devices_slow=self.poller.slow,
            snmp_repeats=getattr(getattr(self._snmp, "stats", None), "repeated", 0),
            traps={
                "observed": traps.observed,
                "unknown": traps.unknown.total() + traps.unkept,
                "garbled": traps.garbled,
                "refused": traps.refused,
                "stranger": traps.strangers.total(),
            },
            syslog={"observed": syslog.observed, "stranger": syslog.strangers.total(), "heard": syslog.heard},
            connections=dict(syslog.streams.results),
            visits={**self.ssh.results, "unknown": self.visits.unknown},
            visit_late=self.visits.late_seconds,
            ssh_logins=self.ssh.logins,
            ssh_commands=self.ssh.commands,
            ssh_sessions={"running": self.ssh.running, "kept": self._door.kept if self._door else 0},
        )

    async def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        if self._own_pinger:
            self._pinger.close()
        if self._own_snmp:
            await self._snmp.close()
