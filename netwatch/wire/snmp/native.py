"""NetWatch's own SNMP engine: as little work for an answer as Python allows.

* ONE unconnected UDP socket (per address family) for all targets, read until it is empty in one callback.
* A question is encoded once; whenever it is asked again only the four octets of its request-id change.
* What is asked in one turn of the loop is sent at its end in one go: the kernel's part then is in the caches.
* No timer and no task for a request: one sweep over deadlines repeats and gives up.
* An answer is matched by (request-id, source address); whatever else arrives is counted and forgotten.
* The layout of a target's last answer is remembered (`layout`): values are read where they lie, or decoded in full.

SNMPv3 takes the same way, sealed and opened by `usm`; what it adds is in `secured`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netwatch.wire import udp
from netwatch.wire.snmp import ber, usm
from netwatch.wire.snmp.memory import (
    FIRST_ID,
    LAST_ID,
    CommunityMemory,
    Memories,
    Memory,
    Question,
    RefusedError,
    RepeatError,
    Shared,
    id_place,
)
from netwatch.wire.snmp.secured import SecuredMemory
from netwatch.wire.snmp.terms import (
    AgentError,
    AuthError,
    Engine,
    GarbledError,
    NoAnswerError,
    OwnTroubleError,
    Pdu,
    SnmpError,
    Target,
    Version,
)
from netwatch.wire.snmp.varbinds import Oid, VarBinds
from netwatch.wire.sweep import Sweep

_DATAGRAM = 65_535
_BATCH = 1_000
"""Answers read before the event loop gets its turn."""
_AGAIN = 0.02
"""Seconds until a datagram is tried again that our own queue had no room for."""
_MOST_ROUNDS = 5
"""Reports that one question survives: who are you, what time is it, it is another box now, its clock was set."""
_MOST_PEERS = 1 << 20
_number = int.from_bytes

Asked: TypeAlias = tuple["asyncio.Future[VarBinds]", Target, Memory]
"""A request that is out. A plain tuple: an object of its own takes five times as long to make."""


@dataclass(slots=True)
class _Trouble:
    """What is to be kept of a request that is not simply answered."""

    tries: int
    """How often it may be repeated still."""
    rounds: int = 0
    """How often it was asked anew."""
    garbled: str = ""
    """Something came from the right place and was no answer; said if nothing better comes."""


@dataclass(slots=True)
class EngineStats:
    sent: int = 0
    repeated: int = 0
    strangers: int = 0
    """Datagrams that answer nothing we asked: too late, from elsewhere, or no SNMP."""


class NativeEngine:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[bool, socket.socket] = {}
        self._sweep: Sweep[int] = Sweep(self._late)
        self._number = FIRST_ID + secrets.randbits(30)
        self._waiting: dict[int, Asked] = {}
        self._out: list[tuple[int, Asked]] = []
        """To be sent in this turn of the loop."""
        self._troubled: dict[int, _Trouble] = {}
        self._peers: dict[tuple[str, int], usm.Peer] = {}
        self._shared = Shared()
        self._memories = Memories(self._shared, self._remember)
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
        self._out.clear()

    def exchange(
        self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0
    ) -> asyncio.Future[VarBinds]:
        """Raises GarbledError for what cannot be asked; all else comes to who awaits."""
        try:
            memory = self._memories.of(target, pdu, names, repetitions)
        except ber.BerError as error:
            raise GarbledError(f"cannot ask {target}: {error}") from None
        number = self._number + 1
        if number > LAST_ID or number in self._waiting:
            number = self._free()
        self._number = number
        answer: asyncio.Future[VarBinds] = self._loop.create_future()
        asked = self._waiting[number] = answer, target, memory
        if not self._out:
            self._loop.call_soon(self._send_all)
        self._out.append((number, asked))
        return answer

    def _remember(self, question: Question, target: Target) -> Memory:
        if question.credential.version is not Version.V3:
            return CommunityMemory(question, self._shared)
        if len(self._peers) >= _MOST_PEERS:
            self._peers.clear()
        return SecuredMemory(question, self._shared, self._peers.setdefault(target.place, usm.Peer()))

    # ------------------------------------------------------------ sending, waiting

    def _free(self) -> int:
        number = self._number
        while True:
            number = number + 1 if number < LAST_ID else FIRST_ID
            if number not in self._waiting:
                return number

    def _send_all(self) -> None:
        out, self._out = self._out, []
        self._send(out)

    def _send(self, out: Sequence[tuple[int, Asked]]) -> None:
        sockets, seconds = self._sockets, -1.0
        for number, (_, target, memory) in out:
            try:
                sock = sockets.get(target.wide) or self._open(target.wide)
                sock.sendto(memory.message(number), target.place)
            except (BlockingIOError, InterruptedError):  # our queue is full for a moment: that costs none of its tries
                self._trouble(number, target).tries += 1
                self._sweep.add(number, _AGAIN)
                continue
            except (OSError, ValueError, OverflowError) as error:  # of one: the others of this turn go out all the same
                why = getattr(error, "strerror", None) or error
                self._fail(number, OwnTroubleError(f"cannot send to {target}: {why}"))
                continue
            if target.timeout != seconds:
                seconds = target.timeout
                wait = self._sweep.keys(seconds).append
            wait(number)
        self.stats.sent += len(out)

    def _late(self, number: int) -> None:
        asked = self._waiting.get(number)
        if asked is None:
            return
        answer, target, _ = asked
        trouble = self._trouble(number, target)
        if answer.done():  # nobody waits any more
            self._settle(number)
        elif trouble.tries > 0:
            trouble.tries -= 1
            self.stats.repeated += 1
            self._send([(number, asked)])
        elif trouble.garbled:
            self._fail(number, GarbledError(f"{target}: {trouble.garbled}"))
        else:
            self._fail(number, NoAnswerError(f"{target} is silent"))

    def _anew(self, number: int, asked: Asked) -> None:
        """The agent told what has to be known to ask it."""
        answer, target, _ = asked
        rounds = self._trouble(number, target).rounds + 1
        if rounds > _MOST_ROUNDS:
            self._fail(number, AuthError(f"{target} does not accept our time, or does not keep its own engine id"))
            return
        self._settle(number)
        if not answer.done():
            number = self._number = self._free()
            self._waiting[number] = asked
            self._troubled[number] = _Trouble(target.retries, rounds)
            self._send([(number, asked)])

    def _trouble(self, number: int, target: Target) -> _Trouble:
        return self._troubled.get(number) or self._troubled.setdefault(number, _Trouble(target.retries))

    def _settle(self, number: int) -> None:
        """The matter is closed, whatever came of it."""
        del self._waiting[number]
        if self._troubled:
            self._troubled.pop(number, None)

    def _fail(self, number: int, error: SnmpError) -> None:
        answer, _, _ = self._waiting[number]
        self._settle(number)
        if not answer.done():
            answer.set_exception(error)

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
        # Nearly always the first four octets with tag and length of a number are those by which it is known.
        at = data.find(b"\x02\x04", 5) + 2
        number = _number(data[at : at + 4], "big")
        asked = self._waiting.get(number)
        if asked is None:
            try:
                at = id_place(data)
            except (IndexError, ber.BerError):
                self.stats.strangers += 1
                return
            number = _number(data[at : at + data[at - 1]], "big")
            asked = self._waiting.get(number)
        if asked is None or asked[1].place != source:
            self.stats.strangers += 1
            return
        answer, target, memory = asked
        try:
            result = memory.recall(data, at, number)
            if result is None:
                result = memory.decode(data, at, number)
        except ber.BerError as error:
            self._trouble(number, target).garbled = str(error)
        except RepeatError:
            self._anew(number, asked)
        except RefusedError as refused:
            names, at = memory.question.names, refused.place
            name = names[at - 1] if 0 < at <= len(names) else None
            self._fail(number, AgentError(target, refused.status, at, name))
        except SnmpError as error:
            self._fail(number, error)
        else:
            del self._waiting[number]
            if self._troubled:
                self._troubled.pop(number, None)
            try:
                answer.set_result(result)
            except asyncio.InvalidStateError:  # nobody waits any more
                return


def open_engine() -> Engine:
    """Needs a running event loop."""
    return NativeEngine()
