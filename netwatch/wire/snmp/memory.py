"""What is remembered of questions: their octets, and what their answers looked like last time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, NamedTuple, Protocol, TypeVar

from netwatch.wire.snmp import ber
from netwatch.wire.snmp.layout import Layout, Loose
from netwatch.wire.snmp.terms import Credential, Pdu, Target, Version
from netwatch.wire.snmp.varbinds import Oid, Shape, Value, VarBinds

FIRST_ID, LAST_ID = 1 << 24, (1 << 31) - 1
"""Request-ids that take four octets however they are written: so an agent cannot send them back shorter."""
_MOST_TARGETS = 200_000
_MOST_MEMORIES = 64
"""Questions remembered for a target."""
_MOST_SHARED = 1 << 16
_SETTLED = 3


class RefusedError(Exception):
    """The answer is an error-status."""

    def __init__(self, status: int, place: int) -> None:
        super().__init__(status, place)
        self.status, self.place = status, place


class RepeatError(Exception):
    """In place of an answer came what has to be known to ask: it is to be asked again."""


class Memory(Protocol):
    """A question to one target, and what its last answer looked like."""

    question: Question
    credential: Credential
    target: Target | None
    """Who was asked by it last."""

    def message(self, number: int) -> bytes | bytearray:
        """The request with this number, good until the next call."""

    def recall(self, data: bytes, at: int, number: int) -> VarBinds | None:
        """What it was answered, when that looks as before: `number` stands at `at`. Raises BerError."""

    def decode(self, data: bytes, at: int, number: int) -> VarBinds:
        """What it was answered. Raises RefusedError, RepeatError, SnmpError; BerError for what is no answer to it."""


F = TypeVar("F", Layout, Loose)


class Shared:
    """What many targets have in common: boxes of one model are asked the same, and answer in the same form."""

    def __init__(self) -> None:
        self._questions: dict[tuple[Credential, str, Pdu, int, tuple[Oid, ...]], Question] = {}
        self._forms: dict[Any, tuple[Any, Shape]] = {}

    def question(
        self, credential: Credential, context: str, pdu: Pdu, names: tuple[Oid, ...], repetitions: int
    ) -> Question:
        """Raises BerError for a name that cannot be written."""
        key = (credential, context, pdu, repetitions, names)
        known = self._questions.get(key)
        if known is None:
            if len(self._questions) >= _MOST_SHARED:
                self._questions.clear()
            known = self._questions[key] = Question(*key)
        return known

    def form(self, form: F, shape: Shape) -> tuple[F, Shape]:
        """The layout, or the equal one that was known before."""
        if len(self._forms) >= _MOST_SHARED:
            self._forms.clear()
        return self._forms.setdefault(form.key, (form, shape))


class Looks(NamedTuple):
    """What an answer looked like: where its values lay, what stood around them, and whose they were."""

    layout: Layout | None
    loose: Loose | None
    """Only where sizes change."""
    shape: Shape


_UNSEEN = Looks(None, None, Shape((), ()))


class Question:
    """A request, encoded but for its request-id."""

    __slots__ = ("context", "credential", "data", "id_at", "looks", "names", "pdu", "repetitions", "vain")

    def __init__(
        self, credential: Credential, context: str, pdu: Pdu, repetitions: int, names: tuple[Oid, ...]
    ) -> None:
        self.credential, self.context, self.pdu = credential, context, pdu
        self.repetitions, self.names = repetitions, names
        body = ber.write_pdu(pdu, FIRST_ID, 0, repetitions, ber.write_names(names))
        if credential.version is not Version.V3:
            version = 0 if credential.version is Version.V1 else 1
            body = ber.write_message(version, credential.community.encode(), body)
        self.data = bytearray(body)
        """The whole message; for SNMPv3 only its PDU."""
        self.id_at = body.index(FIRST_ID.to_bytes(4, "big"), body.index(b"\x02\x04"))
        self.looks = _UNSEEN
        """Of the last answer that was learnt, whoever gave it: the next box may be of that model."""
        self.vain = 0
        """How many answers looked like none before, whoever gave them."""


class Recollection:
    """What the answers of one target to a question looked like."""

    __slots__ = ("_alike", "_looks", "_shared", "_size", "_vain", "question")

    def __init__(self, question: Question, shared: Shared) -> None:
        self.question, self._shared = question, shared
        self._looks = question.looks
        self._vain = 0
        """How many answers in a row looked like none before."""
        self._size = self._alike = 0
        """How long the last answer of sizes that change was, and how many in a row were as long."""

    def recall(self, data: bytes, at: int, number: int) -> VarBinds | None:  # noqa: ARG002 - it was found at `at`
        """The answer, when it looks like those before. Raises BerError."""
        layout, loose, shape = self._looks
        values: Sequence[Value] | None
        if layout is not None and at == layout.hole and (values := layout.read(data)) is not None:
            self._vain = 0
            return VarBinds(shape, values)
        if loose is not None and at == loose.hole and not self._settled(len(data)):
            values = loose.read(data)
            if values is not None:
                self._vain = 0
                return VarBinds(shape, values)
        looks = self.question.looks
        if looks is not self._looks:
            for form in looks[:2]:
                if form is not None and at == form.hole and (values := form.read(data)) is not None:
                    self._looks, self._vain = looks, 0
                    return VarBinds(looks.shape, values)
        return None

    def _settled(self, size: int) -> bool:
        """Sizes that changed seem to stay: then a layout of them is worth its making."""
        if size != self._size:
            self._size, self._alike = size, 0
            return False
        self._alike += 1
        if self._alike == _SETTLED:
            self._vain = 1
        return self._alike == _SETTLED

    def learn(self, data: bytes, at: int, answer: VarBinds, spans: Sequence[tuple[int, int]]) -> VarBinds:
        """The answer, which had to be decoded: `spans` tell where the contents of its values lie."""
        self._vain += 1
        self.question.vain += 1
        if not worth(self._vain) and not worth(self.question.vain):
            return answer
        fields = [(*span, *ber.kind_of(tag)[1:]) for span, tag in zip(spans, answer.shape.tags, strict=True)]
        hole = at, at + data[at - 1]
        loose = None
        if self._looks.layout is not None:  # sizes change, or else it would have been enough
            with contextlib.suppress(ber.BerError):
                loose, _ = self._shared.form(Loose(data, fields, hole), answer.shape)
        layout, shape = self._shared.form(Layout(data, fields, hole), answer.shape)
        self._looks = self.question.looks = Looks(layout, loose, shape)
        return VarBinds(shape, answer.values)


class CommunityMemory(Recollection):
    """Of a question by v1 or v2c."""

    __slots__ = ("credential", "target")

    def __init__(self, question: Question, shared: Shared) -> None:
        super().__init__(question, shared)
        self.credential = question.credential
        self.target: Target | None = None

    def message(self, number: int) -> bytearray:
        question = self.question
        _pack(question.data, question.id_at, number)
        return question.data

    def decode(self, data: bytes, at: int, number: int) -> VarBinds:
        spans: list[tuple[int, int]] = []
        pdu = ber.read_message(data, spans).pdu
        return self.learn(data, at, VarBinds.of(response(pdu, number).varbinds), spans)


_pack = Struct(">I").pack_into


def worth(vain: int) -> bool:
    """Shall it be remembered what an answer looks like after so many in a row that looked like none before?

    That takes longer than decoding the answer: it is not done for questions that only one device is asked, once (a walk
    when it is learnt), nor each time where names come and go at every poll.
    """
    return vain in (2, 3) or vain % 16 == 0


def response(pdu: ber.Pdu | ber.TrapV1, number: int) -> ber.Pdu:
    """Raises BerError when it is not the response with this number, RefusedError when it brings nothing."""
    if not isinstance(pdu, ber.Pdu) or pdu.kind != ber.RESPONSE or pdu.request_id != number:
        raise ber.BerError("not a response")
    if pdu.status:
        raise RefusedError(pdu.status, pdu.place)
    return pdu


def id_place(data: bytes) -> int:
    """Where the number begins by which the answer is known: of v1 and v2c the request-id's content, of v3 the
    message's. Raises IndexError or BerError."""
    size = data[1]
    at = 5 if size < 0x80 else size - 0x7B  # behind the version, which has one octet
    if data[at - 1] == 3:
        at += 2  # into the header: nobody's has 128 octets
    else:
        at += 2 + data[at + 1]  # community: nobody's has 128 octets
        size = data[at + 1]
        at += 2 if size < 0x80 else size - 0x7E  # into the PDU
    if data[at] != 2 or not 0 < data[at + 1] <= 5:
        raise ber.BerError("no number")
    return at + 2


class Memories:
    """Of all targets."""

    def __init__(self, shared: Shared, make: Callable[[Question, Target], Memory]) -> None:
        self._shared, self._make = shared, make
        self._last: dict[tuple[str, int], Memory] = {}
        self._known: dict[tuple[str, int], dict[tuple[Oid, int, int], Memory]] = {}

    def of(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> Memory:
        """Raises BerError for a name that cannot be sent. A tuple of names is known again most quickly."""
        memory = self._last.get(target.place)
        if memory is not None:
            question = memory.question
            if (
                memory.target is target
                and question.pdu is pdu
                and question.repetitions == repetitions
                and (question.names is names or question.names == names)
            ):
                return memory
        memory = self._last[target.place] = self._recall(target, pdu, tuple(names), repetitions)
        memory.target = target
        return memory

    def _recall(self, target: Target, pdu: Pdu, names: tuple[Oid, ...], repetitions: int) -> Memory:
        known = self._known.get(target.place)
        if known is None:
            if len(self._known) >= _MOST_TARGETS:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._last.pop(oldest, None)
            known = self._known[target.place] = {}
        # By what tells most questions apart: hashing forty names would take longer than all the rest.
        key = (names[0] if names else (), len(names), repetitions)
        memory = known.get(key)
        if memory is not None:
            question = memory.question
            if question.names == names and question.pdu is pdu and question.context == target.context_name:
                if memory.credential is target.credential:
                    return memory
                if memory.credential == target.credential:
                    memory.credential = target.credential
                    return memory
        elif len(known) >= _MOST_MEMORIES:
            del known[next(iter(known))]
        question = self._shared.question(target.credential, target.context_name, pdu, names, repetitions)
        memory = known[key] = self._make(question, target)
        memory.credential = target.credential
        return memory
