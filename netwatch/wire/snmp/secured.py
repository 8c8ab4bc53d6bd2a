"""SNMPv3 for the native engine: who an agent is, what time it is there, and what its reports mean.

What is known of an engine is kept by address, not by engine id: boxes that share an id do not disturb one another, one
whose boots start again at zero is followed, and so is one whose clock runs below zero.
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import NoReturn

from netwatch.wire.snmp import ber, usm
from netwatch.wire.snmp.layout import Head
from netwatch.wire.snmp.memory import FIRST_ID, Question, Recollection, RepeatError, Shared, response
from netwatch.wire.snmp.terms import AuthError, Credential, GarbledError, Target
from netwatch.wire.snmp.varbinds import Oid, Tag, VarBinds

_WHO_ARE_YOU = ber.write_pdu(ber.GET, FIRST_ID, 0, 0, ber.write_names(()))
_ID_AT = _WHO_ARE_YOU.index(FIRST_ID.to_bytes(4, "big"))
_NOT_IN_WINDOW, _number = (*usm.USM_STATS, usm.NOT_IN_WINDOW), int.from_bytes


class SecuredMemory(Recollection):
    """A question by v3: its envelope, and what answer and envelope looked like last time."""

    __slots__ = (
        "_clock", "_digest_at", "_engine_id", "_envelope", "_fields", "_id_at", "_lock", "_outside", "_peer",
        "credential", "target",
    )  # fmt: skip

    def __init__(self, question: Question, shared: Shared, peer: usm.Peer) -> None:
        """`peer`: what is known of the engine at the address that is asked, by whoever asks there."""
        super().__init__(question, shared)
        self.credential: Credential = question.credential
        self.target: Target | None = None
        self._peer = peer
        self._clock = asyncio.get_running_loop().time
        self._meet()

    def _meet(self) -> None:
        """Whom it is asked from now on. Of whom that is not known, it is asked first."""
        question, peer = self.question, self._peer
        pdu, id_at = (bytes(question.data), question.id_at) if peer.engine_id else (_WHO_ARE_YOU, _ID_AT)
        self._engine_id = peer.engine_id
        self._envelope = usm.Envelope(self.credential, peer, question.context.encode(), pdu, id_at)
        self._lock = usm.prepared(self.credential, peer.engine_id)
        self._outside: Head | None = None
        self._id_at = 0

    def message(self, number: int) -> bytes | bytearray:
        if self._engine_id != self._peer.engine_id:
            self._meet()
        return self._envelope.seal(number, self._clock())

    def recall(self, data: bytes, at: int, number: int) -> VarBinds | None:
        outside, peer = self._outside, self._peer
        if outside is None or at != outside.hole or not outside.fits(data):
            return None
        octets, digest, salt = self._fields(data)
        time = _number(octets, "big", signed=True)
        if digest:
            self._lock.prove(data, self._digest_at, digest)
        plain = data[outside.start :]
        if salt:
            plain = self._lock.decrypt(peer.boots, time, salt, plain)
        answer = self._inside(plain, self._id_at, number)
        if answer is not None:
            peer.time, peer.at = time, self._clock()
        return answer

    def _inside(self, plain: bytes, at: int, number: int) -> VarBinds | None:
        """Also the number within has to be that of the question: another answer may have been put into the envelope."""
        return super().recall(plain, at, number) if _number(plain[at : at + 4], "big") == number else None

    def decode(self, data: bytes, at: int, number: int) -> VarBinds:
        """Raises BerError for what proves nothing."""
        message = usm.read(data)
        try:
            plain = usm.uncovered(data, message, self.credential)
        except ber.BerError:
            raise
        except ValueError as error:  # of the cipher
            raise ber.BerError(f"cannot be decrypted: {error}") from None
        proven, hidden = bool(message.flags & usm.AUTH), bool(message.flags & usm.PRIV)
        at = _id_place(plain)
        answer = self._inside(plain, at, number)
        if answer is None:
            spans: list[tuple[int, int]] = []
            pdu = usm.read_scoped(plain, spans).pdu
            if isinstance(pdu, ber.Pdu) and pdu.kind == ber.REPORT:
                about = usm.report(pdu)
                if not self._engine_id or proven or about == _NOT_IN_WINDOW:  # who is unknown cannot prove who it is
                    self._follow(message)
                self._understand(about)
        if (self.credential.auth is not None and not proven) or (self.credential.priv is not None and not hidden):
            raise ber.BerError("less secured than it was asked")
        if not self._engine_id or message.engine_id != self._engine_id:
            raise ber.BerError("from another engine")
        if answer is None:
            answer = self.learn(plain, at, VarBinds.of(response(pdu, number).varbinds), spans)
        self._follow(message)
        if self._looks.layout is not None:
            self._id_at = at
            self._remember(data, message)
        return answer

    def _remember(self, data: bytes, message: usm.Incoming) -> None:
        """What its envelope looks like."""
        number, when, digest, salt, (start, stop) = message.spans
        self._outside = None
        if stop == len(data):
            head = Head(data, 2 if message.flags & usm.PRIV else 1, [number, when, digest, salt], start)
            self._outside, at, form = head, 0, ""
            for first, last in (when, digest, salt):
                form += f"{first - at}x{last - first}s"
                at = last
            self._fields, self._digest_at = Struct(form).unpack_from, digest[0]

    def _understand(self, about: Oid) -> NoReturn:
        """A Report in place of an answer: raises RepeatError for what can be put right, AuthError for what cannot."""
        target, peer = self.target, self._peer
        reason = about[-1] if about[:-1] == usm.USM_STATS else 0
        if not self._engine_id:
            if not peer.engine_id:
                raise GarbledError(f"{target} does not say its engine id")
            raise RepeatError
        if reason == usm.NOT_IN_WINDOW:  # the report's own time has been taken over
            raise RepeatError
        if reason in (usm.UNKNOWN_ENGINE, usm.WRONG_DIGEST) and peer.engine_id == self._engine_id:
            # Perhaps the box was swapped for another whose id differs: the next question asks anew who it is.
            peer.engine_id, peer.boots, peer.time = b"", 0, 0
        if reason == usm.UNKNOWN_ENGINE:
            raise RepeatError
        what = {
            usm.UNSUPPORTED_LEVEL: "it does not support this security level for the user",
            usm.UNKNOWN_USER: "it does not know the user",
            usm.WRONG_DIGEST: "wrong authentication key or protocol",
            usm.DECRYPTION: "wrong privacy key or protocol",
        }.get(reason, "")
        if about == usm.UNKNOWN_CONTEXTS:
            what = f'it has no context "{self.question.context}"'
        raise AuthError(f"{target} refuses us: {what or 'it reports ' + '.'.join(map(str, about))}")

    def _follow(self, message: usm.Incoming) -> None:
        """Its time, as it says it. Whatever it is: also when boots start again, also below zero."""
        peer = self._peer
        peer.engine_id = message.engine_id or peer.engine_id
        peer.boots, peer.time, peer.at = message.boots, message.time, self._clock()


def _id_place(plain: bytes) -> int:
    """Where the content of the request-id lies in a scoped PDU that could be read."""
    at, end = ber.expect(plain, 0, len(plain), ber.SEQUENCE)
    for _ in range(2):  # context engine id, context name
        _, at = ber.read_octets(plain, at, end)
    _, at, end = ber.head(plain, at, end)
    return ber.expect(plain, at, end, Tag.INTEGER)[0]
