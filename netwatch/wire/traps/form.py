"""How notifications lie in their octets: v1, v2c, and the inside of v3.

Nobody needs all of a trap decoded: what it is called, and where its varbinds begin and end, is enough to look for the
few values that mean something. Nearly all are written alike up to there, but for their numbers, so that one regular
expression finds that; whatever is written otherwise is read in full, to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from netwatch.wire.snmp import Tag, Value, VarBind, ber, oid

SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0")
TRAP_ADDRESS = oid("1.3.6.1.6.3.18.1.3.0")
SNMP_TRAPS = oid("1.3.6.1.6.3.1.1.5")
NONE = b""

Notice: TypeAlias = tuple[bytes, bytes, bytes]
"""A notification of any version, in the form of v2 (RFC 3584 §3): the content octets of its name; the four octets of
the address that v1's agent-addr says it speaks for, if any; its varbinds."""

_NAMED = ber.oid_body(TRAP_OID)
_GENERIC = tuple(ber.oid_body((*SNMP_TRAPS, number)) for number in range(1, 7))
_VERSIONS = {b"\x02\x01\x00\x04": 0, b"\x02\x01\x01\x04": 1, b"\x02\x01\x03\x30": 3}
"""And the tag of what follows."""
_SIZES = {ber.tlv(0, bytes(size))[1 : -size or None]: size for size in range(2_048)}
"""Lengths by their octets, in the shortest form."""

_SIZE = rb"(?:[\x00-\x7f]|\x81.|\x82..)"
_NUMBER = rb"\x02(?:\x01.|\x02..|\x03...|\x04....)"
_UPTIME = b"|".join(
    rb"%b%b\x43%b" % (re.escape(bytes((13 + size - 1,))), re.escape(b"\x06\x08" + ber.oid_body(SYS_UPTIME)), part)
    for size, part in enumerate((rb"\x01.", rb"\x02..", rb"\x03...", rb"\x04....", rb"\x05....."), 1)
)
_TRAP = re.compile(
    rb"\xa7" + _SIZE + _NUMBER + rb"\x02\x01\x00\x02\x01\x00\x30("
    + _SIZE + rb")\x30(?:" + _UPTIME + rb")\x30(.)" + re.escape(b"\x06\x0a" + _NAMED) + rb"\x06([\x01-\x7f])",
    re.DOTALL,
).match  # fmt: skip
"""PDU, request-id, no error-status and no error-index; groups: the size of the list of varbinds; after sysUpTime, that
of the varbind with the name, and that of the name, which follows."""
_SCOPE = re.compile(rb"\x30(" + _SIZE + rb")\x04([\x00-\x7f])", re.DOTALL).match
"""Of v3: the size of the scoped PDU, and that of the engine's id, which follows."""
_TRAP_V1 = re.compile(rb"\xa4" + _SIZE + rb"\x06([\x01-\x7f])", re.DOTALL).match
_REST_V1 = re.compile(
    rb"\x40\x04(....)\x02\x01(.)" + _NUMBER.replace(b"(?:", b"(") + rb"\x43(?:\x01.|\x02..|\x03...|\x04....|\x05.....)"
    rb"\x30(" + _SIZE + rb")",
    re.DOTALL,
).match
"""After the enterprise: agent-addr, generic-trap, specific-trap with its length, uptime, the size of the list."""


def message(data: bytes) -> tuple[int, bytes, Notice, int] | None:
    """(version, community, notification, where its PDU begins) of a message of v1 or v2c. Raises BerError.

    None when it is of v3 (`scoped`).
    """
    end = len(data)
    if end > 8:
        first = data[1]
        at = 2 if first < 0x80 else 3 if first == 0x81 else 4
        version, size = _VERSIONS.get(data[at : at + 4]), data[at + 4]
        if version == 3:
            return None
        if version is not None and size < 0x80:
            pdu = at + 5 + size
            return version, data[at + 5 : pdu], _notice(data, pdu, end), pdu
    at, end = ber.expect(data, 0, end, ber.SEQUENCE)
    version, at = ber.read_int(data, at, end)
    if version == 3:
        return None
    if version not in (0, 1):
        raise ber.BerError(f"no version of SNMP: {version}")
    community, at = ber.read_octets(data, at, end)
    return version, community, _notice(data, at, end), at


def scoped(data: bytes) -> tuple[bytes, bytes, Notice, int]:
    """(context's engine, context, notification, where its PDU begins) of a scoped PDU of v3. Raises BerError."""
    found = _SCOPE(data)
    if found is not None and (size := _SIZES.get(found[1])) is not None:
        start = found.end()
        at = start + found[2][0] + 2
        if data[at - 2 : at] == b"\x04\x00":  # hardly anybody has contexts
            return data[start : at - 2], NONE, _notice_v2(data, at, found.end(1) + size), at
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    engine, at = ber.read_octets(data, at, end)
    context, at = ber.read_octets(data, at, end)
    return engine, context, _notice_v2(data, at, end), at


def _notice(data: bytes, at: int, end: int) -> Notice:
    """What the PDU there tells."""
    if data[at : at + 1] == b"\xa4":
        return _notice_v1(data, at, end)
    return _notice_v2(data, at, end)


def _notice_v2(data: bytes, at: int, end: int) -> Notice:
    if (found := _TRAP(data, at)) is not None:
        sizes, whole, name = found.groups()
        start = found.end()
        stop = start + name[0]
        if whole[0] == 14 + name[0] and _SIZES.get(sizes) == end - found.end(1):
            return data[start:stop], NONE, data[stop:end]
    kind, at, end = ber.head(data, at, end)
    if kind not in (ber.TRAP, ber.INFORM):
        raise ber.BerError("no notification")
    for _ in range(3):
        _, at = ber.read_int(data, at, end)
    first, last = ber.expect(data, at, end, ber.SEQUENCE)
    for start, stop, end in varbinds(data[:last], first):
        if data[start:stop] == _NAMED:
            start, stop = ber.expect(data, stop, end, Tag.OID)
            return data[start:stop], NONE, data[first:last]
    raise ber.BerError("a notification without its name")


def _notice_v1(data: bytes, at: int, end: int) -> Notice:
    if (found := _TRAP_V1(data, at)) is not None:
        start = found.end()
        stop = start + found[1][0]
        if (rest := _REST_V1(data, stop)) is not None:
            agent, generic, specific, sizes = rest.groups()
            first = rest.end()
            if _SIZES.get(sizes) == end - first:
                number = int.from_bytes(specific[1:], "big", signed=True)
                return _name_v1(data[start:stop], generic[0], number), agent, data[first:end]
    at, end = ber.expect(data, at, end, ber.TRAP_V1)
    start, stop = ber.expect(data, at, end, Tag.OID)
    speaker, at = ber.expect(data, stop, end, Tag.IP_ADDRESS)
    agent = data[speaker:at]
    kind, at = ber.read_int(data, at, end)
    number, at = ber.read_int(data, at, end)
    _, at = ber.expect(data, at, end, Tag.TICKS)
    first, last = ber.expect(data, at, end, ber.SEQUENCE)
    return _name_v1(data[start:stop], kind, number), agent, data[first:last]


def _name_v1(enterprise: bytes, generic: int, specific: int) -> bytes:
    if generic < len(_GENERIC) and generic >= 0:
        return _GENERIC[generic]
    return enterprise + b"\x00" + ber.oid_body((0, 0, specific))[1:]


def varbinds(data: bytes, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """Of each: where its name begins, where its value begins (with its tag), where it ends. Raises BerError."""
    while at < len(data):
        at, last = ber.expect(data, at, len(data), ber.SEQUENCE)
        start, stop = ber.expect(data, at, last, Tag.OID)
        yield start, stop, last
        at = last


def readable(data: bytes) -> Iterator[VarBind]:
    """What these varbinds say beside name and uptime, up to the first that cannot be read."""
    try:
        for start, stop, end in varbinds(data):
            name = ber.read_name(data[start:stop])
            if name not in (SYS_UPTIME, TRAP_OID, TRAP_ADDRESS):
                yield VarBind(name, *read(data, stop, end))
    except ber.BerError:
        return


def read(data: bytes, at: int, end: int) -> tuple[Tag, Value]:
    """A varbind's value. Raises BerError."""
    tag, start, stop = ber.head(data, at, end)
    return ber.read_value(tag, data, start, stop)


def answer(data: bytes, pdu: int) -> bytes:
    """The PDU that answers an inform: itself with another tag (RFC 3416 §4.2.7)."""
    _, at, end = ber.head(data, pdu, len(data))
    _, after = ber.read_int(data, at, end)
    number = data[at:after]
    _, at = ber.read_int(data, after, end)
    _, at = ber.read_int(data, at, end)
    return ber.tlv(ber.RESPONSE, number + b"\x02\x01\x00" * 2 + data[at:end])
