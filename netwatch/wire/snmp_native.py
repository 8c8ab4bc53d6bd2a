"""NetWatch's own SNMP engine: as little work for an answer as Python allows.

* ONE unconnected UDP socket (per address family) for all targets, read until it is empty in one callback.
* A GET is encoded once; for the next poll only the four octets of its request-id change.
* No timer and no task for a request: one sweep over deadlines repeats and gives up.
* An answer is matched by (request-id, source address); whatever else arrives is counted and forgotten.
* The layout of a target's last answer is remembered. If the next one has the same octets everywhere but in its values,
  which one comparison of two long numbers tells, the values are read where they lie; otherwise it is decoded in full.

SNMPv3 (USM) keeps what it knows of an engine by address, not by engine id: boxes that share an id do not disturb one
another, one whose boots start again at zero is followed, and so is one whose clock runs below zero.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netwatch.wire import ber, udp, usm
from netwatch.wire.snmp import (
    Answer,
    AuthError,
    Credential,
    Engine,
    GarbledError,
    NoAnswerError,
    Oid,
    OwnTroubleError,
    Pdu,
    Tag,
    Target,
    Value,
    VarBind,
    Version,
)
from netwatch.wire.sweep import Sweep

Place: TypeAlias = tuple[str, int]

_DATAGRAM = 65_535
_BATCH = 1_000
"""Answers read before the event loop gets its turn."""
_MOST_TARGETS = 200_000
_MOST_PREPARED = 16
"""Questions remembered for a target: 600 names."""
_LAST_ID = 0x7FFFFFFF


@dataclass(slots=True)
class _Layout:
    """Where the values of an answer lie, and how all the other octets look."""

    size: int
    mask: int
    pattern: int
    fields: list[tuple[Oid, Tag, int, int, int, int]]
    """Name, tag, start, end, how it is read, mask."""

    def read(self, data: bytes) -> list[VarBind] | None:
        """The values; None when the answer looks different this time."""
        if len(data) != self.size or int.from_bytes(data, "big") & self.mask != self.pattern:
            return None
        number, bind = int.from_bytes, tuple.__new__
        out: list[VarBind] = []
        for name, tag, start, end, how, mask in self.fields:
            value: Value
            if how == ber.NUMBER:
                value = number(data[start:end], "big") & mask
            elif how == ber.SIGNED:
                value = number(data[start:end], "big", signed=True)
            elif how == ber.OCTETS:
                value = data[start:end]
            else:
                value = ber.read_name(data[start:end]) if how == ber.NAME else None
            out.append(bind(VarBind, (name, tag, value)))
        return out


def _layout(data: bytes, varbinds: list[VarBind], spans: list[tuple[int, int]]) -> _Layout:
    mask = bytearray(b"\xff" * len(data))
    number = _id_place(data)
    mask[number : number + data[number - 1]] = bytes(data[number - 1])
    fields: list[tuple[Oid, Tag, int, int, int, int]] = []
    for vb, (start, end) in zip(varbinds, spans, strict=True):
        mask[start:end] = bytes(end - start)
        tag, how, bits = ber.kind_of(vb.tag.value)
        fields.append((vb.oid, tag, start, end, how, bits))
    wide = int.from_bytes(mask, "big")
    return _Layout(len(data), wide, int.from_bytes(data, "big") & wide, fields)


def _id_place(data: bytes) -> int:
    """Where the content of a v1 or v2c message's request-id starts. Raises IndexError or BerError."""
    at = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)  # into the message
    at += 2 + data[at + 1]  # version
    at += 2 + data[at + 1]  # community: nobody's has 128 octets
    at += 2 + (data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0)  # into the PDU
    if data[at] != Tag.INTEGER or not 0 < data[at + 1] <= 5:
        raise ber.BerError("no request-id")
    return at + 2


@dataclass(slots=True)
class _Prepared:
    """A GET, encoded but for its request-id, and what the last answer to it looked like."""

    names: Sequence[Oid]
    credential: Credential
    before: bytes
    after: bytes
    layout: _Layout | None = None

    def message(self, number: int) -> bytes:
        return self.before + number.to_bytes(4, "big") + self.after


@dataclass(slots=True)
class _Waiting:
    """A request that is out."""

    target: Target
    place: Place
    data: bytes
    answer: asyncio.Future[Any]
    tries: int
    prepared: _Prepared | None = None
    garbled: str = ""
    """Something came from the right place and was no answer; said if nothing better comes."""
    peer: usm.Peer | None = None
    number: int = 0


@dataclass(slots=True)
class EngineStats:
    sent: int = 0
    repeated: int = 0
    answers: int = 0
    by_layout: int = 0
    strangers: int = 0
    """Datagrams that answer nothing we asked: too late, from elsewhere, or no SNMP."""


class NativeEngine:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[int, socket.socket] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._sweep: Sweep[int] = Sweep(self._late)
        self._number = secrets.randbits(31)
        self._prepared: dict[Place, list[_Prepared]] = {}
        self._peers: dict[Place, usm.Peer] = {}
        self._places: dict[str, str] = {}
        self.stats = EngineStats()

    async def close(self) -> None:
        self._sweep.close()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for waiting in self._waiting.values():
            waiting.answer.cancel()
        self._waiting.clear()

    async def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0) -> Answer:
        try:
            if target.credential.version is Version.V3:
                return await self._ask_v3(target, pdu, names, repetitions)
            return await self._ask(target, pdu, names, repetitions)
        except ber.BerError as error:  # of writing: a name that cannot be sent
            raise GarbledError(f"cannot ask {target}: {error}") from None

    # ------------------------------------------------------------ v1 and v2c

    async def _ask(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> Answer:
        number = self._next()
        prepared: _Prepared | None = None
        if pdu is Pdu.GET:
            prepared = self._prepare(target, names)
            data = prepared.message(number)
        else:
            data = self._encode(target, pdu, names, repetitions, number)
        place = (self._spelling(target.address), target.port)
        waiting = _Waiting(target, place, data, self._loop.create_future(), target.retries, prepared, "", None, number)
        self._waiting[number] = waiting
        try:
            self._send(waiting)
            answer: Answer = await waiting.answer
        finally:
            self._waiting.pop(number, None)
        return answer

    def _prepare(self, target: Target, names: Sequence[Oid]) -> _Prepared:
        """The encoded question. A target is asked few different ones, and mostly with the very same list of names:
        comparing is cheaper than hashing them."""
        place = (target.address, target.port)
        known = self._prepared.get(place)
        if known is None:
            known = self._prepared[place] = []
            if len(self._prepared) > _MOST_TARGETS:
                del self._prepared[next(iter(self._prepared))]
        for prepared in known:
            if prepared.names == names and prepared.credential is target.credential:
                return prepared
        whole = self._encode(target, Pdu.GET, names, 0, 0)
        at = _id_place(whole)
        prepared = _Prepared(names, target.credential, whole[:at], whole[at + 4 :])
        known.append(prepared)
        if len(known) > _MOST_PREPARED:
            del known[0]
        return prepared

    @staticmethod
    def _encode(target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int, number: int) -> bytes:
        version = 0 if target.credential.version is Version.V1 else 1
        body = ber.write_pdu(pdu, number, 0, repetitions, ber.write_names(names))
        return ber.write_message(version, target.credential.community.encode(), body)

    # ------------------------------------------------------------ sending, waiting

    def _next(self) -> int:
        number = self._number
        while True:
            number = number % _LAST_ID + 1
            if number not in self._waiting:
                self._number = number
                return number

    async def _await(self, waiting: _Waiting) -> Any:
        self._waiting[waiting.number] = waiting
        try:
            self._send(waiting)
            return await waiting.answer
        finally:
            self._waiting.pop(waiting.number, None)

    def _send(self, waiting: _Waiting) -> None:
        """Out with it. Raises OwnTroubleError."""
        try:
            self._socket(waiting.place[0]).sendto(waiting.data, waiting.place)
            self.stats.sent += 1
        except (BlockingIOError, InterruptedError):  # our queue is full for a moment: that costs none of its tries
            waiting.tries += 1
            self._sweep.add(waiting.number, 0.02)
            return
        except OSError as error:
            raise OwnTroubleError(f"cannot send to {waiting.target}: {error.strerror or error}") from None
        self._sweep.add(waiting.number, waiting.target.timeout)

    def _late(self, number: int) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.answer.done():
            return
        if waiting.tries > 0:
            waiting.tries -= 1
            self.stats.repeated += 1
            try:
                self._send(waiting)
            except OwnTroubleError as error:
                waiting.answer.set_exception(error)
            return
        if waiting.garbled:
            waiting.answer.set_exception(GarbledError(f"{waiting.target}: {waiting.garbled}"))
        else:
            waiting.answer.set_exception(NoAnswerError(f"{waiting.target} is silent"))

    def _socket(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self._sockets.get(family)
        if sock is None:
            sock = udp.roomy(socket.socket(family, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            sock.bind(("", 0))
            self._loop.add_reader(sock, udp.drain, sock, self._heard, _DATAGRAM, _BATCH)
            self._sockets[family] = sock
        return sock

    def _spelling(self, address: str) -> str:
        """As the socket will call it."""
        spelt = self._places.get(address)
        if spelt is None:
            spelt = self._places[address] = str(ipaddress.ip_address(address))
        return spelt

    # ------------------------------------------------------------ hearing

    def _heard(self, data: bytes, source: Any) -> None:
        try:
            if data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) + 2] == 3:
                self._heard_v3(data, source)
                return
            at = _id_place(data)
            waiting = self._waiting.get(int.from_bytes(data[at : at + data[at - 1]], "big", signed=True))
        except (IndexError, ber.BerError):
            self.stats.strangers += 1
            return
        if waiting is None or waiting.place != source[:2] or waiting.peer is not None or waiting.answer.done():
            self.stats.strangers += 1
            return
        prepared = waiting.prepared
        if prepared is not None and prepared.layout is not None:
            varbinds = prepared.layout.read(data)
            if varbinds is not None:
                self.stats.answers += 1
                self.stats.by_layout += 1
                waiting.answer.set_result(Answer(0, 0, varbinds))
                return
        self._decode(data, waiting)

    def _decode(self, data: bytes, waiting: _Waiting) -> None:
        spans: list[tuple[int, int]] = []
        try:
            message = ber.read_message(data, spans)
        except ber.BerError as error:
            waiting.garbled = str(error)
            return
        pdu = message.pdu
        if not isinstance(pdu, ber.Pdu) or pdu.kind != ber.RESPONSE or pdu.request_id != waiting.number:
            waiting.garbled = "not a response"
            return
        self.stats.answers += 1
        if waiting.prepared is not None and pdu.status == 0:
            waiting.prepared.layout = _layout(data, pdu.varbinds, spans)
        waiting.answer.set_result(Answer(pdu.status, pdu.place, pdu.varbinds))

    # ------------------------------------------------------------ v3

    async def _ask_v3(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> Answer:
        place = (self._spelling(target.address), target.port)
        bindings = ber.write_names(names)
        for _ in range(4):  # who are you; what time is it; the question; once more if its clock was set meanwhile
            peer = self._peers.get(place)
            if peer is None or not peer.engine_id:
                peer = await self._discover(target, place)
            number = self._next()
            body = ber.write_pdu(pdu, number, 0, repetitions, bindings)
            context = target.context_name.encode()
            data = usm.seal(number, target.credential, peer, self._loop.time(), context, body)
            waiting = _Waiting(target, place, data, self._loop.create_future(), target.retries, None, "", peer, number)
            answer = await self._await(waiting)
            if isinstance(answer, Answer):
                return answer
            self._understand(answer, target, place)
        raise AuthError(f"{target} does not accept our time, or does not keep its own engine id")

    async def _discover(self, target: Target, place: Place) -> usm.Peer:
        number = self._next()
        peer = usm.Peer()
        data = usm.seal(
            number, target.credential, peer, 0.0, b"", ber.write_pdu(ber.GET, number, 0, 0, ber.write_names([]))
        )
        waiting = _Waiting(target, place, data, self._loop.create_future(), target.retries, None, "", peer, number)
        await self._await(waiting)
        if not peer.engine_id:
            raise GarbledError(f"{target} does not say its engine id")
        if len(self._peers) > 1 << 20:
            self._peers.clear()
        self._peers[place] = peer
        return peer

    def _understand(self, report: Oid, target: Target, place: Place) -> None:
        """A Report in place of an answer: put right what can be, raise what cannot."""
        reason = report[-1] if report[:-1] == usm.USM_STATS else 0
        if reason == usm.NOT_IN_WINDOW:
            return  # the report's own time has been taken over
        if reason == usm.UNKNOWN_ENGINE:
            self._peers.pop(place, None)
            return
        if reason == usm.WRONG_DIGEST:
            # Perhaps the box was swapped for another whose id differs: the next question asks anew who it is.
            self._peers.pop(place, None)
        what = {
            usm.UNSUPPORTED_LEVEL: "it does not support this security level for the user",
            usm.UNKNOWN_USER: "it does not know the user",
            usm.WRONG_DIGEST: "wrong authentication key or protocol",
            usm.DECRYPTION: "wrong privacy key or protocol",
        }.get(reason, "")
        if report == usm.UNKNOWN_CONTEXTS:
            what = f'it has no context "{target.context_name}"'
        raise AuthError(f"{target} refuses us: {what or 'it reports ' + '.'.join(map(str, report))}")

    def _heard_v3(self, data: bytes, source: Any) -> None:
        try:
            message = usm.read(data)
        except ber.BerError:
            self.stats.strangers += 1
            return
        waiting = self._waiting.get(message.message_id)
        if waiting is None or waiting.place != source[:2] or waiting.peer is None or waiting.answer.done():
            self.stats.strangers += 1
            return
        try:
            result = self._read_v3(data, message, waiting, waiting.peer)
        except ber.BerError as error:
            waiting.garbled = str(error)
            return
        except ValueError as error:  # of the cipher
            waiting.garbled = f"cannot be decrypted: {error}"
            return
        self.stats.answers += 1
        waiting.answer.set_result(result)

    def _read_v3(self, data: bytes, message: usm.Incoming, waiting: _Waiting, peer: usm.Peer) -> Answer | Oid:
        """The answer, or what its report is about. Raises BerError for what proves nothing."""
        credential = waiting.target.credential
        pdu = usm.open_message(data, message, credential).pdu
        if not isinstance(pdu, ber.Pdu):
            raise ber.BerError("a trap in place of an answer")
        proven = bool(message.flags & usm.AUTH)
        if pdu.kind == ber.REPORT:
            about = usm.report(pdu)
            asked = not peer.engine_id  # discovery: it says who it is, and nobody can prove that yet
            if asked or proven or about[-1:] == (usm.NOT_IN_WINDOW,):
                self._learn(peer, message)
            return about
        if pdu.kind != ber.RESPONSE or pdu.request_id != waiting.number:
            raise ber.BerError("not a response")
        hidden = bool(message.flags & usm.PRIV)
        if (credential.auth is not None and not proven) or (credential.priv is not None and not hidden):
            raise ber.BerError("less secured than it was asked")
        if message.engine_id != peer.engine_id:
            raise ber.BerError("from another engine")
        self._learn(peer, message)
        return Answer(pdu.status, pdu.place, pdu.varbinds)

    def _learn(self, peer: usm.Peer, message: usm.Incoming) -> None:
        """Its time, as it says it. Whatever it is: also when boots start again, also below zero."""
        peer.engine_id = message.engine_id or peer.engine_id
        peer.boots, peer.time, peer.at = message.boots, message.time, self._loop.time()


def open_engine() -> Engine:
    """Needs a running event loop."""
    return NativeEngine()
