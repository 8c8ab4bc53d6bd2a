"""SNMP's messages in BER (X.690, RFC 3416, RFC 3417 §8): a codec made for this protocol and nothing else.

Reading is lenient where agents of real boxes are sloppy and nothing can be misunderstood (lengths longer than they
need be, unsigned values without their leading zero octet, empty integers); all else raises `BerError`, and only that,
whatever the octets are. Writing gives the shortest form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from netwatch.wire.snmp.varbinds import Oid, Tag, Value, VarBind

SEQUENCE: Final = 0x30
GET, GETNEXT, RESPONSE, SET, TRAP_V1 = 0xA0, 0xA1, 0xA2, 0xA3, 0xA4
GETBULK, INFORM, TRAP, REPORT = 0xA5, 0xA6, 0xA7, 0xA8
MAX_ARC: Final = (1 << 32) - 1
MAX_ARCS: Final = 128
"""RFC 2578 §3.5: no more sub-identifiers in a name, and none larger."""


class BerError(ValueError):
    """These octets are no SNMP message."""


# ---------------------------------------------------------------- writing


def tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    if size < 0x100:
        return bytes((tag, 0x81, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def write_int(value: int, tag: int = Tag.INTEGER) -> bytes:
    """INTEGER and, with their tags, the unsigned types."""
    return tlv(tag, value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True))


def oid_body(name: Sequence[int]) -> bytes:
    """The content octets of a name. Raises BerError for what is none."""
    if len(name) < 2:
        name = (*name, *(0, 0)[len(name) :])
    if not (0 <= name[0] <= 2 and name[1] >= 0 and (name[0] == 2 or name[1] < 40)) or len(name) > MAX_ARCS:
        raise BerError(f"no object identifier: {'.'.join(map(str, name[:9]))}")
    out = bytearray()
    for arc in (name[0] * 40 + name[1], *name[2:]):
        if arc < 0x80:
            if arc < 0:
                raise BerError("a negative arc")
            out.append(arc)
            continue
        if arc > MAX_ARC + 80:
            raise BerError("an arc beyond 32 bits")
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        out += bytes(reversed(septets))
    return bytes(out)


def write_oid(name: Sequence[int]) -> bytes:
    return tlv(Tag.OID, oid_body(name))


def write_value(tag: Tag, value: Value) -> bytes:
    if isinstance(value, int):
        return write_int(value, tag)
    if isinstance(value, bytes):
        return tlv(tag, value)
    if isinstance(value, tuple):
        return write_oid(value)
    return bytes((tag, 0))


def write_varbinds(varbinds: Iterable[VarBind]) -> bytes:
    return tlv(SEQUENCE, b"".join(tlv(SEQUENCE, write_oid(v.oid) + write_value(v.tag, v.value)) for v in varbinds))


def write_names(names: Iterable[Sequence[int]]) -> bytes:
    """The variable bindings of a question: every name with NULL."""
    return tlv(SEQUENCE, b"".join(tlv(SEQUENCE, write_oid(name) + b"\x05\x00") for name in names))


def request_id(number: int) -> bytes:
    """A request-id in a fixed five octets after its tag, so that it can be patched into a prepared request."""
    return b"\x02\x04" + number.to_bytes(4, "big")


def write_pdu(kind: int, number: int, first: int, second: int, bindings: bytes) -> bytes:
    """`first`, `second`: error-status and error-index, or non-repeaters and max-repetitions. `number` is below 2³¹."""
    return tlv(kind, request_id(number) + write_int(first) + write_int(second) + bindings)


def write_message(version: int, community: bytes, pdu: bytes) -> bytes:
    """A v1 (0) or v2c (1) message."""
    return tlv(SEQUENCE, write_int(version) + tlv(Tag.OCTETS, community) + pdu)


# ---------------------------------------------------------------- reading


def head(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """→ tag, where the content starts, where it ends."""
    if at + 2 > end:
        raise BerError("cut off")
    tag, size = data[at], data[at + 1]
    at += 2
    if size & 0x80:
        octets = size & 0x7F
        if not 0 < octets <= 4 or at + octets > end:
            raise BerError("length form")
        size = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if at + size > end:
        raise BerError("longer than what holds it")
    return tag, at, at + size


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    found, start, stop = head(data, at, end)
    if found != tag:
        raise BerError(f"tag {found:#x} where {tag:#x} belongs")
    return start, stop


def read_int(data: bytes, at: int, end: int) -> tuple[int, int]:
    """→ the INTEGER at `at`, where the next thing starts."""
    start, stop = expect(data, at, end, 0x02)
    if stop - start > 8:
        raise BerError("an integer of more than 64 bits")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def read_octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, stop = expect(data, at, end, Tag.OCTETS)
    return data[start:stop], stop


_names: dict[bytes, Oid] = {}
_MOST_NAMES = 1 << 17
"""Names once read are kept: the same few thousand come again at every poll. Full means start anew."""


def read_arcs(body: bytes) -> Sequence[int]:
    """The numbers that octets of an OBJECT IDENTIFIER stand for, its first two (if they are among them) as the one that
    they are written as. Raises BerError."""
    if body and body[-1] & 0x80:
        raise BerError("a name that is cut off")
    arcs: list[int] = []
    value = 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(value)
            value = 0
        elif value > MAX_ARC >> 6:  # one more septet passes 32 bits, save what 2.x may add
            raise BerError("an arc beyond 32 bits")
    if len(arcs) > MAX_ARCS:
        raise BerError("a name of more than 128 arcs")
    return arcs


def read_name(body: bytes) -> Oid:
    """Content octets of an OBJECT IDENTIFIER. Raises BerError."""
    known = _names.get(body)
    if known is not None:
        return known
    if not body:
        return (0, 0)
    arcs = read_arcs(body)
    first = arcs[0] // 40 if arcs[0] < 80 else 2
    name = (first, arcs[0] - 40 * first, *arcs[1:])
    if len(_names) >= _MOST_NAMES:
        _names.clear()
    _names[bytes(body)] = name
    return name


NUMBER, SIGNED, OCTETS, NAME, NOTHING = range(5)
"""How the content of a value is read."""

_KINDS: dict[int, tuple[Tag, int, int]] = {
    Tag.INTEGER.value: (Tag.INTEGER, SIGNED, 0),
    Tag.OCTETS.value: (Tag.OCTETS, OCTETS, 0),
    Tag.NULL.value: (Tag.NULL, NOTHING, 0),
    Tag.OID.value: (Tag.OID, NAME, 0),
    Tag.IP_ADDRESS.value: (Tag.IP_ADDRESS, OCTETS, 0),
    Tag.COUNTER32.value: (Tag.COUNTER32, NUMBER, 0xFFFFFFFF),
    Tag.GAUGE32.value: (Tag.GAUGE32, NUMBER, 0xFFFFFFFF),
    Tag.TICKS.value: (Tag.TICKS, NUMBER, 0xFFFFFFFF),
    Tag.OPAQUE.value: (Tag.OPAQUE, OCTETS, 0),
    Tag.COUNTER64.value: (Tag.COUNTER64, NUMBER, (1 << 64) - 1),
    Tag.NO_SUCH_OBJECT.value: (Tag.NO_SUCH_OBJECT, NOTHING, 0),
    Tag.NO_SUCH_INSTANCE.value: (Tag.NO_SUCH_INSTANCE, NOTHING, 0),
    Tag.END_OF_MIB_VIEW.value: (Tag.END_OF_MIB_VIEW, NOTHING, 0),
}
"""Keyed by plain numbers: the hash of an enum's member costs more than the look-up."""


def kind_of(tag: int) -> tuple[Tag, int, int]:
    """(tag, how it is read, its mask)."""
    kind = _KINDS.get(tag)
    if kind is None:
        raise BerError(f"no such type of value: {tag:#x}")
    return kind


def read_value(tag: int, data: bytes, start: int, stop: int) -> tuple[Tag, Value]:
    kind, how, mask = kind_of(tag)
    if how == OCTETS:
        return kind, data[start:stop]
    if how == NUMBER:
        if stop - start > 9:
            raise BerError("a number of more than 64 bits")
        return kind, int.from_bytes(data[start:stop], "big") & mask
    if how == SIGNED:
        if stop - start > 8:
            raise BerError("an integer of more than 64 bits")
        return kind, int.from_bytes(data[start:stop], "big", signed=True)
    if how == NAME:
        return kind, read_name(data[start:stop])
    return kind, None


def read_varbinds(data: bytes, at: int, end: int, spans: list[tuple[int, int]] | None = None) -> list[VarBind]:
    """The VarBindList at `at`. `spans`, if given, receives where each value's content lies."""
    start, stop = expect(data, at, end, SEQUENCE)
    out: list[VarBind] = []
    known, kinds, bind, number = _names, _KINDS, tuple.__new__, int.from_bytes
    while start < stop:
        try:  # as nearly all are: lengths in one octet each. A call for each of them would double what it takes
            size, n0 = data[start + 1], start + 4
            n1 = n0 + data[start + 3]
            tag, v0 = data[n1], n1 + 2
            v1, last = v0 + data[n1 + 1], start + 2 + size
            short = (
                data[start] == SEQUENCE
                and data[start + 2] == 0x06
                and size < 0x80
                and v1 <= last <= stop
                and data[start + 3] < 0x80
                and data[n1 + 1] < 0x80
            )
        except IndexError:
            short = False
        if not short:
            inner, last = expect(data, start, stop, SEQUENCE)
            n0, n1 = expect(data, inner, last, 0x06)
            tag, v0, v1 = head(data, n1, last)
        body = data[n0:n1]
        kind, how, mask = kinds.get(tag) or kind_of(tag)
        value: Value
        if how == NUMBER and v1 - v0 <= 9:
            value = number(data[v0:v1], "big") & mask
        elif how == OCTETS:
            value = data[v0:v1]
        else:
            value = read_value(tag, data, v0, v1)[1]
        # A NamedTuple's own `__new__` is a Python function: this makes the same in a third of the time.
        out.append(bind(VarBind, (known.get(body) or read_name(body), kind, value)))
        if spans is not None:
            spans.append((v0, v1))
        start = last
    return out


class Pdu(NamedTuple):
    kind: int
    request_id: int
    status: int
    """error-status, or non-repeaters."""
    place: int
    """error-index, or max-repetitions."""
    varbinds: list[VarBind]


class TrapV1(NamedTuple):
    """RFC 1157's Trap-PDU."""

    enterprise: Oid
    agent: str
    """IPv4 address of the agent that it speaks for; empty when it is none."""
    generic: int
    specific: int
    ticks: int
    varbinds: list[VarBind]


class Message(NamedTuple):
    """A v1 or v2c message."""

    version: int
    community: bytes
    pdu: Pdu | TrapV1


def read_pdu(data: bytes, at: int, end: int, spans: list[tuple[int, int]] | None = None) -> Pdu | TrapV1:
    kind, at, end = head(data, at, end)
    if kind == TRAP_V1:
        return _trap_v1(data, at, end)
    if not GET <= kind <= REPORT:
        raise BerError(f"no such PDU: {kind:#x}")
    number, at = read_int(data, at, end)
    status, at = read_int(data, at, end)
    place, at = read_int(data, at, end)
    return Pdu(kind, number, status, place, read_varbinds(data, at, end, spans))


def _trap_v1(data: bytes, at: int, end: int) -> TrapV1:
    n0, n1 = expect(data, at, end, Tag.OID)
    a0, a1 = expect(data, n1, end, Tag.IP_ADDRESS)
    generic, at = read_int(data, a1, end)
    specific, at = read_int(data, at, end)
    t0, t1 = expect(data, at, end, Tag.TICKS)
    _, ticks = read_value(Tag.TICKS, data, t0, t1)
    agent = ".".join(map(str, data[a0:a1])) if a1 - a0 == 4 else ""
    return TrapV1(
        read_name(data[n0:n1]),
        agent,
        generic,
        specific,
        ticks if isinstance(ticks, int) else 0,
        read_varbinds(data, t1, end),
    )


def version_of(data: bytes) -> int:
    """0 (v1), 1 (v2c), 3; or whatever else stands there."""
    at, end = expect(data, 0, len(data), SEQUENCE)
    return read_int(data, at, end)[0]


def read_message(data: bytes, spans: list[tuple[int, int]] | None = None) -> Message:
    """A v1 or v2c message. Raises BerError."""
    at, end = expect(data, 0, len(data), SEQUENCE)
    version, at = read_int(data, at, end)
    if version not in (0, 1):
        raise BerError(f"version {version} is not read here")
    community, at = read_octets(data, at, end)
    return Message(version, community, read_pdu(data, at, end, spans))
