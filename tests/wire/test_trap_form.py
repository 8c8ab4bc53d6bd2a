"""However a notification is written, it is read as decoding all of it reads it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.wire.snmp import Oid, Tag, VarBind, ber, oid
from netwatch.wire.traps import form as trap_form
from netwatch.wire.traps.form import SNMP_TRAPS, SYS_UPTIME, TRAP_OID

ARCS = st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1))
NAMES = st.lists(ARCS, min_size=1, max_size=12).map(lambda tail: (1, 3, 6, *tail))
BINDINGS = st.lists(
    st.one_of(
        st.builds(VarBind, NAMES, st.just(Tag.INTEGER), st.integers(-(2**31), 2**31 - 1)),
        st.builds(VarBind, NAMES, st.just(Tag.OCTETS), st.binary(max_size=150)),
        st.builds(VarBind, NAMES, st.just(Tag.NULL), st.none()),
    ),
    max_size=5,
)
NUMBERS = st.one_of(st.integers(0, 300), st.integers(-(2**31), 2**31 - 1))
TICKS = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
COMMUNITIES = st.one_of(st.just(b"public"), st.binary(max_size=140))


@st.composite
def v2_pdus(draw: st.DrawFn) -> bytes:
    named = VarBind(TRAP_OID, Tag.OID, draw(NAMES))
    listed = [VarBind(SYS_UPTIME, Tag.TICKS, draw(TICKS)), named, *draw(BINDINGS)]
    if draw(st.booleans()):
        listed = draw(st.permutations(listed))
    body = ber.write_int(draw(NUMBERS)) + ber.write_int(0) * 2 + ber.write_varbinds(listed)
    return ber.tlv(draw(st.sampled_from([ber.TRAP, ber.TRAP, ber.INFORM])), body)


@st.composite
def v1_pdus(draw: st.DrawFn) -> bytes:
    return ber.tlv(
        ber.TRAP_V1,
        ber.write_oid(draw(NAMES))
        + ber.tlv(Tag.IP_ADDRESS, draw(st.binary(min_size=4, max_size=4)))
        + ber.write_int(draw(st.integers(0, 7)))
        + ber.write_int(draw(st.one_of(st.integers(0, 300), st.integers(0, 2**31 - 1))))
        + ber.write_int(draw(TICKS), Tag.TICKS)
        + ber.write_varbinds(draw(BINDINGS)),
    )


MESSAGES = st.builds(ber.write_message, st.sampled_from([0, 1]), COMMUNITIES, st.one_of(v1_pdus(), v2_pdus()))


def decoded(message: ber.Message) -> tuple[bytes, Oid, bytes, list[VarBind]]:
    """(community, name, agent, varbinds) in the form of v2 (RFC 3584 §3), from all that decoding gives."""
    pdu = message.pdu
    if isinstance(pdu, ber.TrapV1):
        generic = 0 <= pdu.generic <= 5
        name = (*SNMP_TRAPS, pdu.generic + 1) if generic else (*pdu.enterprise, 0, pdu.specific)
        return message.community, name, bytes(map(int, pdu.agent.split("."))), pdu.varbinds
    assert pdu.kind in (ber.TRAP, ber.INFORM)
    (name,) = {vb.value for vb in pdu.varbinds if vb.oid == TRAP_OID and vb.tag is Tag.OID}
    assert isinstance(name, tuple)
    return message.community, name, b"", [vb for vb in pdu.varbinds if vb.oid not in (TRAP_OID, SYS_UPTIME)]


def read(data: bytes) -> tuple[bytes, Oid, bytes, list[VarBind]]:
    opened = trap_form.message(data)
    assert opened is not None
    _, community, (name, agent, octets), _ = opened
    listed = ber.read_varbinds(ber.tlv(ber.SEQUENCE, octets), 0, len(octets) + 4)
    rest = [vb for vb in listed if vb.oid not in (TRAP_OID, SYS_UPTIME)]
    return community, ber.read_name(name), agent, rest


@given(MESSAGES)
def test_every_way_of_writing_a_notification_is_read(data: bytes) -> None:
    assert read(data) == decoded(ber.read_message(data))


@settings(max_examples=300)
@given(MESSAGES, st.data())
def test_whatever_becomes_of_the_octets_what_decoding_reads_is_read_the_same(data: bytes, draw: st.DataObject) -> None:
    octets = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, min(len(octets) - 1, 90)))
        match draw.draw(st.sampled_from(["set", "set", "cut", "put", "end"])):
            case "set":
                octets[place] = draw.draw(st.one_of(st.integers(0, 255), st.just(octets[place] ^ 0x80)))
            case "cut":
                del octets[place]
            case "put":
                octets.insert(place, draw.draw(st.integers(0, 255)))
            case _:
                octets += draw.draw(st.binary(max_size=3))
    data = bytes(octets)
    try:
        whole = decoded(ber.read_message(data))
    except (ber.BerError, AssertionError, ValueError):
        try:
            trap_form.message(data)
        except ber.BerError:
            return
    else:
        assert read(data) == whole


@given(v2_pdus(), st.binary(max_size=32), st.binary(max_size=20))
def test_the_inside_of_version_3_is_read_like_a_message(pdu: bytes, engine: bytes, context: bytes) -> None:
    data = ber.tlv(ber.SEQUENCE, ber.tlv(Tag.OCTETS, engine) + ber.tlv(Tag.OCTETS, context) + pdu)
    alone = trap_form.message(ber.write_message(1, b"", pdu))
    assert alone is not None
    at = data.index(pdu)
    assert trap_form.scoped(data + b"\0\0") == (engine, context, alone[2], at), "a cipher may pad it"


@pytest.mark.parametrize("kind", [ber.GET, ber.RESPONSE, ber.REPORT])
def test_what_is_no_notification_is_refused(kind: int) -> None:
    with pytest.raises(ber.BerError):
        trap_form.message(ber.write_message(1, b"public", ber.write_pdu(kind, 1, 0, 0, ber.write_varbinds([]))))


def test_a_message_of_version_3_is_for_somebody_else() -> None:
    assert trap_form.message(ber.tlv(ber.SEQUENCE, ber.write_int(3) + ber.tlv(ber.SEQUENCE, b""))) is None
    assert trap_form.message(b"\x30\x82\x00\x03\x02\x01\x03") is None


@given(v2_pdus())
def test_an_inform_is_answered_by_itself_with_another_tag(pdu: bytes) -> None:
    asked = ber.read_pdu(pdu, 0, len(pdu))
    answer = trap_form.answer(pdu, 0)
    assert ber.read_pdu(answer, 0, len(answer)) == asked._replace(kind=ber.RESPONSE)  # type: ignore[union-attr]


def test_what_can_be_read_of_broken_varbinds_is_shown() -> None:
    good = [VarBind(oid("1.3.6.1.4.1.9.1"), Tag.INTEGER, 5), VarBind(SYS_UPTIME, Tag.TICKS, 1)]
    octets = ber.write_varbinds(good)[2:]
    assert list(trap_form.readable(octets + octets[:-1])) == [good[0], good[0]]
