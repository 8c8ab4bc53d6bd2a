"""The simulated metro on the wire: an agent on every management address, all on loopback.

Each box has its own address in 127.0.0.0/8 and two UDP ports there: SNMP, and an echo that stands in for ICMP. A
kernel answers pings to all of 127/8 itself, whatever we pretend to have cut; so the demo asks for reachability by
an echo that only a box within reach returns (`EchoPinger`, which stands where `wire.ping.Pinger` stands).

What holds for real boxes holds here: who is cut off, switched off or hung does not answer, and a trap sent by
a box that cannot be reached is lost. Nothing is bound outside loopback.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from netwatch.core.model import Ledger, Role
from netwatch.core.time import DAY, HOUR, Instant
from netwatch.demo.agent import Agent
from netwatch.demo.box import Box, OnuLife
from netwatch.demo.metro import ONU_NUMBER, SERIAL, VANTAGE
from netwatch.demo.plant import Act, Plant, Verb
from netwatch.wire.ping import Pinger

FIRST_PORT = 10161
"""Where the agents listen if they can; the echo is one port above."""
_TRIES = 200
_LARGEST = 65535
_MOST_AT_ONCE = 64
"""Datagrams taken from one socket before the loop may turn to others."""


class NoLoopbackError(Exception):
    """The simulated boxes cannot have their addresses here."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot give the simulated boxes their 127.60.x.y addresses: {error.strerror or error}")


class Fleet:
    """All agents of a metro. `await open()`, then `do` what shall happen; `close` ends it."""

    def __init__(self, ledger: Ledger, clock: Callable[[], Instant], community: str) -> None:
        self.plant = Plant(ledger, VANTAGE)
        self.port = 0
        """The agents' SNMP port; the echo answers on the next one."""
        self.traps_sent = 0
        self.traps_lost = 0
        """Sent by boxes that could not be heard."""
        self.all_asked = asyncio.Event()
        """Set when every agent has been asked something."""
        self._unasked: set[str] = set()
        self._manager: tuple[str, int] | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._echoes: list[socket.socket] = []
        now = clock()
        self.agents = {
            d.id: Agent(Box(d, self.plant.ports(d.id), clock, now - 30 * DAY - n * HOUR), community)
            for n, d in enumerate(ledger.devices.values())
            if d.address
        }
        for olt in (d for d in ledger.devices.values() if d.role is Role.OLT):
            agent = self.agents[olt.id]
            for port, onu, online in self.plant.pon(olt.id):
                notes = ledger.devices[onu].notes
                agent.box.onus[onu] = OnuLife(onu, port.name, int(notes[ONU_NUMBER]), notes[SERIAL], online)
            agent.rebuild()
        self._unasked.update(self.agents)

    def open(self, port: int = FIRST_PORT) -> int:
        """Bind everything and serve on the running loop; returns the SNMP port, `port` or the next that is free.

        Raises NoLoopbackError where not all of 127.0.0.0/8 is the machine itself, as it is on Linux.
        """
        loop = asyncio.get_running_loop()
        for first in range(port, port + 2 * _TRIES, 2):
            try:
                self._bind(first)
            except OSError as error:
                self.close()
                if error.errno != errno.EADDRINUSE or first + 2 >= port + 2 * _TRIES:
                    raise NoLoopbackError(error) from error
                continue
            break
        self.port = first
        for device, sock in self._sockets.items():
            loop.add_reader(sock, self._serve, sock, device)
        for device, sock in zip(self._sockets, self._echoes, strict=True):
            loop.add_reader(sock, self._echo, sock, device)
        return first

    def close(self) -> None:
        """Stop answering. Harmless twice."""
        loop = asyncio.get_running_loop()
        for sock in (*self._sockets.values(), *self._echoes):
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._echoes.clear()

    def report_to(self, address: str, port: int) -> None:
        """Where traps go from now on."""
        self._manager = (address, port)

    def do(self, act: Act) -> None:
        """Let it happen: state, counters, and the traps of those who notice. Raises KeyError for an unknown target."""
        agent, was_off = self.agents.get(act.target), act.target in self.plant.off
        if agent and act.verb is Verb.UNPLUG and not was_off:
            self._send(act.target, agent.last_gasp())
        self.plant.do(act)
        booted = act.verb is Verb.REBOOT or (act.verb is Verb.START and was_off)
        if agent and booted:
            agent.box.start()
            agent.rebuild()
        self._settle(act)
        if agent and booted:
            self._send(act.target, agent.cold_start())

    def _settle(self, act: Act) -> None:
        """Bring every box's ports and ONUs in line with the plant, and let each report what changed."""
        for device, agent in self.agents.items():
            if device in self.plant.off:
                continue
            for port in self.plant.ports(device):
                lit = self.plant.lit(port)
                if agent.box.ports[port.name].up != lit:
                    agent.box.set_port(port.name, lit)
                    self._send(device, agent.link(port.name))
            for _, onu, online in self.plant.pon(device):
                life = agent.box.onus.get(onu)
                if life is not None and life.online != online:
                    life.online = online
                    if not online:
                        life.cause = "dying_gasp" if act == Act(Verb.UNPLUG, onu) else "los"
                    for trap in agent.onu(life):
                        self._send(device, trap)

    def _send(self, device: str, trap: bytes | None) -> None:
        if trap is None or self._manager is None:
            return
        sock = self._sockets.get(device)
        if sock is None or not self.plant.answers_ping(device):
            self.traps_lost += 1
            return
        try:
            sock.sendto(trap, self._manager)
            self.traps_sent += 1
        except OSError:  # nobody listens there (yet): to the sender that is a lost trap like any other
            self.traps_lost += 1

    def _bind(self, port: int) -> None:
        for device, agent in self.agents.items():
            self._sockets[device] = _socket(agent.box.device.address, port)
            self._echoes.append(_socket(agent.box.device.address, port + 1))

    def _serve(self, sock: socket.socket, device: str) -> None:
        agent = self.agents[device]
        for data, sender in _waiting(sock):
            if self.plant.answers_snmp(device) and (reply := agent.answer(data)) is not None:
                _reply(sock, reply, sender)
                if device in self._unasked:
                    self._unasked.discard(device)
                    if not self._unasked:
                        self.all_asked.set()

    def _echo(self, sock: socket.socket, device: str) -> None:
        for data, sender in _waiting(sock):
            if self.plant.answers_ping(device):
                _reply(sock, data, sender)


class EchoPinger(Pinger):
    """The daemon's own pinger with another probe: a UDP echo on the fleet's echo port in place of ICMP's.

    Boxes here live on loopback addresses, and the kernel answers ICMP for all of them, also for those that are
    meant to be dead. How often is asked and what the verdict is stays as it is for real boxes.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._sock: socket.socket | None = None

    def close(self) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        super().close()

    def _send(self, address: str, number: int) -> None:
        if self._sock is None:
            self._sock = _socket("127.0.0.1", 0)
            self._loop.add_reader(self._sock, self._hear_echo, self._sock)
        self._sock.sendto(number.to_bytes(8, "big"), (address, self._port))

    def _hear_echo(self, sock: socket.socket) -> None:
        for data, (address, _) in _waiting(sock):
            self._came(int.from_bytes(data, "big"), address)


def _socket(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _waiting(sock: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    """What has arrived, without waiting for more."""
    out: list[tuple[bytes, tuple[str, int]]] = []
    try:
        while len(out) < _MOST_AT_ONCE:
            out.append(sock.recvfrom(_LARGEST))
    except (BlockingIOError, InterruptedError):
        pass
    except ConnectionRefusedError:  # an earlier answer found nobody: the asker has gone
        pass
    return out


def _reply(sock: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    try:
        sock.sendto(data, to)
    except OSError:  # a full buffer or an asker who has gone: a lost datagram, as on any network
        return
