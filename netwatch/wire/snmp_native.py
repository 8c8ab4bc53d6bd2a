"""NetWatch's own SNMP engine: as little work for an answer as Python allows.

* ONE unconnected UDP socket (per address family) for all targets, read until it is empty in one callback.
* A question is encoded once; whenever it is asked again only the four octets of its request-id change.
* No timer and no task for a request: one sweep over deadlines repeats and gives up.
* An answer is matched by (request-id, source address); whatever else arrives is counted and forgotten.
* The layout of a target's last answer is remembered (`layout`): values are read where they lie, or decoded in full.

SNMPv3 takes the same way, sealed and opened by `usm`; what it adds is in `snmp_secured`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netwatch.wire import ber, udp
from netwatch.wire.snmp import (
    AgentError,
    Engine,
    GarbledError,
    NoAnswerError,
    Oid,
    OwnTroubleError,
    Pdu,
    SnmpError,
    Target,
    VarBinds,
    Version,
)
from netwatch.wire.snmp_memory import (
    FIRST_ID,
    LAST_ID,
    CommunityMemory,
    Memories,
    Memory,
    RefusedError,
    Shared,
    id_of,
)
from netwatch.wire.snmp_secured import Secured
from netwatch.wire.sweep import Sweep

_DATAGRAM = 65_535
_BATCH = 1_000
"""Answers read before the event loop gets its turn."""
_V3 = Version.V3
_AGAIN = 0.02
"""Seconds until a datagram is tried again that our own queue had no room for."""


Asked: TypeAlias = tuple["asyncio.Future[VarBinds]", Target, Memory]
"""A request that is out. A plain tuple: an object of its own takes five times as long to make."""


@dataclass(slots=True)
class EngineStats:
    sent: int = 0
    repeated: int = 0
    answers: int = 0
    strangers: int = 0
    """Datagrams that answer nothing we asked: too late, from elsewhere, or no SNMP."""


class NativeEngine:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[bool, socket.socket] = {}
        self._sweep: Sweep[int] = Sweep(self._late)
        self._number = FIRST_ID + secrets.randbits(30)
        self._waiting: dict[int, Asked] = {}
        self._tries: dict[int, int] = {}
        """Of requests that were repeated, how often they may be repeated still."""
        self._garbled: dict[int, str] = {}
        """Something came from the right place and was no answer; said if nothing better comes."""
        shared = Shared()
        self._memories = Memories(shared, CommunityMemory)
        self._secured = Secured(self.ask, shared)
        self.stats = EngineStats()

    async def close(self) -> None:
        self._sweep.close()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for answer, _, _ in self._waiting.values():
            answer.cancel()
        self._waiting.clear()

    def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0) -> Awaitable[VarBinds]:
        if target.credential.version is _V3:
            return self._secured.exchange(target, pdu, names, repetitions)
        try:
            memory = self._memories.of(target, pdu, names, repetitions)
        except ber.BerError as error:
            raise GarbledError(f"cannot ask {target}: {error}") from None
        return self.ask(target, memory)

    # ------------------------------------------------------------ sending, waiting

    def ask(self, target: Target, memory: Memory) -> asyncio.Future[VarBinds]:
        """Send the question that is remembered; what comes is awaited. Raises OwnTroubleError."""
        number = self._number + 1
        if number > LAST_ID or number in self._waiting:
            number = self._free()
        self._number = number
        answer: asyncio.Future[VarBinds] = self._loop.create_future()
        self._waiting[number] = answer, target, memory
        self._send(number, target, memory)
        return answer

    def _free(self) -> int:
        number = self._number
        while True:
            number = number + 1 if number < LAST_ID else FIRST_ID
            if number not in self._waiting:
                return number

    def _send(self, number: int, target: Target, memory: Memory) -> None:
        """Out with it. Raises OwnTroubleError."""
        try:
            sock = self._sockets.get(target.wide) or self._open(target.wide)
            sock.sendto(memory.message(number), target.place)
        except (BlockingIOError, InterruptedError):  # our queue is full for a moment: that costs none of its tries
            self._tries[number] = self._tries.get(number, target.retries) + 1
            self._sweep.add(number, _AGAIN)
            return
        except OSError as error:
            self._settle(number)
            raise OwnTroubleError(f"cannot send to {target}: {error.strerror or error}") from None
        self.stats.sent += 1
        self._sweep.add(number, target.timeout)

    def _late(self, number: int) -> None:
        asked = self._waiting.get(number)
        if asked is None:
            return
        answer, target, memory = asked
        tries = self._tries.get(number, target.retries)
        if answer.done():  # nobody waits any more
            self._settle(number)
        elif tries > 0:
            self._tries[number] = tries - 1
            self.stats.repeated += 1
            try:
                self._send(number, target, memory)
            except OwnTroubleError as error:
                answer.set_exception(error)
        elif garbled := self._garbled.get(number):
            self._settle(number)
            answer.set_exception(GarbledError(f"{target}: {garbled}"))
        else:
            self._settle(number)
            answer.set_exception(NoAnswerError(f"{target} is silent"))

    def _settle(self, number: int) -> None:
        """The matter is closed, whatever came of it."""
        del self._waiting[number]
        if self._tries or self._garbled:
            self._tries.pop(number, None)
            self._garbled.pop(number, None)

    def _open(self, wide: bool) -> socket.socket:
        sock = udp.roomy(socket.socket(socket.AF_INET6 if wide else socket.AF_INET, socket.SOCK_DGRAM))
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        sock.bind(("", 0))
        self._loop.add_reader(sock, udp.drain, sock, self._heard_wide if wide else self._heard, _DATAGRAM, _BATCH)
        self._sockets[wide] = sock
        return sock

    # ------------------------------------------------------------ hearing

    def _heard_wide(self, data: bytes, source: Any) -> None:
        self._heard(data, source[:2])  # without flow and scope

    def _heard(self, data: bytes, source: Any) -> None:
        try:
            number = id_of(data)
        except (IndexError, ber.BerError):
            self.stats.strangers += 1
            return
        asked = self._waiting.get(number)
        if asked is None or asked[1].place != source:
            self.stats.strangers += 1
            return
        answer, target, memory = asked
        try:
            result = memory.read(data, number)
        except ber.BerError as error:
            self._garbled[number] = str(error)
            return
        except RefusedError as refused:
            self._settle(number)
            if not answer.done():
                names, at = memory.question.names, refused.place
                name = names[at - 1] if 0 < at <= len(names) else None
                answer.set_exception(AgentError(target, refused.status, at, name))
            return
        except SnmpError as error:
            self._settle(number)
            if not answer.done():
                answer.set_exception(error)
            return
        self._settle(number)
        self.stats.answers += 1
        if not answer.done():
            answer.set_result(result)


def open_engine() -> Engine:
    """Needs a running event loop."""
    return NativeEngine()
