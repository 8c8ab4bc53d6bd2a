"""SNMPv3 for the native engine: who an agent is, what time it is there, and what its reports mean.

What is known of an engine is kept by address, not by engine id: boxes that share an id do not disturb one another, one
whose boots start again at zero is followed, and so is one whose clock runs below zero.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

from netwatch.wire import ber, usm
from netwatch.wire.layout import Layout
from netwatch.wire.snmp import AuthError, Credential, GarbledError, Oid, Pdu, SnmpError, Tag, Target, VarBinds
from netwatch.wire.snmp_memory import Memories, Memory, Question, Shared, response, worth

Ask: TypeAlias = Callable[[Target, Memory], "asyncio.Future[VarBinds]"]
_MOST_PEERS = 1 << 20


class ReportError(SnmpError):
    """The agent's engine reports something in place of an answer."""

    def __init__(self, about: Oid) -> None:
        super().__init__(about)
        self.about = about


class Secured:
    def __init__(self, ask: Ask, shared: Shared) -> None:
        """`ask` sends what is remembered and gives what will come."""
        self._ask = ask
        self._memories = Memories(shared, SecuredMemory)
        self._shared = shared
        self._peers: dict[tuple[str, int], usm.Peer] = {}

    async def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> VarBinds:
        try:
            memory = self._memories.of(target, pdu, names, repetitions)
        except ber.BerError as error:
            raise GarbledError(f"cannot ask {target}: {error}") from None
        for _ in range(4):  # who are you; what time is it; the question; once more if its clock was set meanwhile
            memory.meet(self._peers.get(target.place) or await self._discover(target))
            try:
                return await self._ask(target, memory)
            except ReportError as report:
                self._understand(report.about, target)
        raise AuthError(f"{target} does not accept our time, or does not keep its own engine id")

    async def _discover(self, target: Target) -> usm.Peer:
        question = self._shared.question(target.credential, target.context_name, Pdu.GET, (), 0)
        memory, peer = SecuredMemory(question, self._shared), usm.Peer()
        memory.meet(peer)
        with contextlib.suppress(ReportError):
            await self._ask(target, memory)
        if not peer.engine_id:
            raise GarbledError(f"{target} does not say its engine id")
        if len(self._peers) >= _MOST_PEERS:
            self._peers.clear()
        self._peers[target.place] = peer
        return peer

    def _understand(self, report: Oid, target: Target) -> None:
        """A Report in place of an answer: put right what can be, raise what cannot."""
        reason = report[-1] if report[:-1] == usm.USM_STATS else 0
        if reason == usm.NOT_IN_WINDOW:
            return  # the report's own time has been taken over
        if reason == usm.UNKNOWN_ENGINE:
            self._peers.pop(target.place, None)
            return
        if reason == usm.WRONG_DIGEST:
            # Perhaps the box was swapped for another whose id differs: the next question asks anew who it is.
            self._peers.pop(target.place, None)
        what = {
            usm.UNSUPPORTED_LEVEL: "it does not support this security level for the user",
            usm.UNKNOWN_USER: "it does not know the user",
            usm.WRONG_DIGEST: "wrong authentication key or protocol",
            usm.DECRYPTION: "wrong privacy key or protocol",
        }.get(reason, "")
        if report == usm.UNKNOWN_CONTEXTS:
            what = f'it has no context "{target.context_name}"'
        raise AuthError(f"{target} refuses us: {what or 'it reports ' + '.'.join(map(str, report))}")


class SecuredMemory:
    """A question by v3: its envelope, and what answer and envelope looked like last time."""

    __slots__ = (
        "_clock", "_digest_at", "_envelope", "_id_at", "_inside", "_lock", "_outside", "_peer", "_shape", "_shared",
        "_vain", "credential", "question", "target",
    )  # fmt: skip

    def __init__(self, question: Question, shared: Shared) -> None:
        self.question, self._shared = question, shared
        self.credential: Credential = question.credential
        self.target: Target | None = None
        self._vain = 0
        self._clock = asyncio.get_running_loop().time
        self._meet(usm.Peer())

    def meet(self, peer: usm.Peer) -> None:
        """Whom it is asked from now on."""
        if peer is not self._peer:
            self._meet(peer)

    def _meet(self, peer: usm.Peer) -> None:
        question = self.question
        self._peer = peer
        self._outside: Layout | None = None
        self._envelope = usm.Envelope(
            self.credential, peer, question.context.encode(), bytes(question.data), question.id_at
        )
        self._lock = usm.prepared(self.credential, peer.engine_id)

    def message(self, number: int) -> bytes | bytearray:
        return self._envelope.seal(number, self._clock())

    def read(self, data: bytes, number: int) -> VarBinds:
        peer = self._peer
        if self._outside is not None and (fields := self._outside.read(data)) is not None:
            time, digest, salt, plain = fields
            if digest:
                self._lock.prove(data, self._digest_at, digest)
            if salt:
                plain = self._lock.decrypt(peer.boots, time, salt, plain)
            values = self._inside.read(plain)
            if values is not None and int.from_bytes(plain[self._id_at : self._id_at + 4], "big") == number:
                peer.time, peer.at = time, self._clock()
                self._vain = 0
                return VarBinds(self._shape, values)
        return self._decode(data, number, peer)

    def _decode(self, data: bytes, number: int, peer: usm.Peer) -> VarBinds:
        """Raises BerError for what proves nothing."""
        message = usm.read(data)
        try:
            plain = usm.uncovered(data, message, self.credential)
        except ber.BerError:
            raise
        except ValueError as error:  # of the cipher
            raise ber.BerError(f"cannot be decrypted: {error}") from None
        spans: list[tuple[int, int]] = []
        pdu = usm.read_scoped(plain, spans).pdu
        proven = bool(message.flags & usm.AUTH)
        if isinstance(pdu, ber.Pdu) and pdu.kind == ber.REPORT:
            about = usm.report(pdu)
            asked = not peer.engine_id  # discovery: it says who it is, and nobody can prove that yet
            if asked or proven or about[-1:] == (usm.NOT_IN_WINDOW,):
                self._learn(peer, message)
            raise ReportError(about)
        hidden = bool(message.flags & usm.PRIV)
        if (self.credential.auth is not None and not proven) or (self.credential.priv is not None and not hidden):
            raise ber.BerError("less secured than it was asked")
        if message.engine_id != peer.engine_id:
            raise ber.BerError("from another engine")
        answer = VarBinds.of(response(pdu, number).varbinds)
        self._learn(peer, message)
        self._vain += 1
        if worth(self._vain):
            self._remember(data, message, plain, answer, spans)
        return answer

    def _remember(
        self, data: bytes, message: usm.Incoming, plain: bytes, answer: VarBinds, spans: list[tuple[int, int]]
    ) -> None:
        number, *rest = message.spans
        how = (ber.SIGNED, ber.OCTETS, ber.OCTETS, ber.OCTETS)
        self._outside = Layout(data, [(*span, kind, 0) for span, kind in zip(rest, how, strict=True)], number)
        self._digest_at = message.spans[2][0]
        at = _id_place(plain)
        self._id_at = at
        fields = [(*span, *ber.kind_of(tag)[1:]) for span, tag in zip(spans, answer.shape.tags, strict=True)]
        self._inside, self._shape = self._shared.form(Layout(plain, fields, (at, at + 4)), answer.shape)

    def _learn(self, peer: usm.Peer, message: usm.Incoming) -> None:
        """Its time, as it says it. Whatever it is: also when boots start again, also below zero."""
        peer.engine_id = message.engine_id or peer.engine_id
        peer.boots, peer.time, peer.at = message.boots, message.time, self._clock()


def _id_place(plain: bytes) -> int:
    """Where the content of the request-id lies in a scoped PDU that could be read."""
    at, end = ber.expect(plain, 0, len(plain), ber.SEQUENCE)
    for _ in range(2):  # context engine id, context name
        _, at = ber.read_octets(plain, at, end)
    _, at, end = ber.head(plain, at, end)
    return ber.expect(plain, at, end, Tag.INTEGER)[0]
