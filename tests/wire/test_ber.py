"""The codec against pysnmp's (pyasn1), on generated and on spoilt messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v1, v2c

from netwatch.wire.snmp import Oid, Tag, Value, VarBind, ber

ARC = st.one_of(st.integers(0, 200), st.integers(0, ber.MAX_ARC))
NAMES = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 1000))
).flatmap(lambda head: st.lists(ARC, max_size=20).map(lambda tail: (*head, *tail)))

VALUES: st.SearchStrategy[tuple[Tag, Value]] = st.one_of(
    st.tuples(st.just(Tag.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(Tag.OCTETS), st.binary(max_size=300)),
    st.tuples(st.just(Tag.OID), NAMES),
    st.tuples(st.just(Tag.NULL), st.none()),
    st.tuples(st.just(Tag.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.sampled_from([Tag.COUNTER32, Tag.GAUGE32, Tag.TICKS]), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Tag.OPAQUE), st.binary(max_size=20)),
    st.tuples(st.just(Tag.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW]), st.none()),
)
BINDINGS = st.lists(st.builds(lambda name, value: VarBind(name, *value), NAMES, VALUES), max_size=4)

KINDS: dict[Tag, Any] = {
    Tag.INTEGER: rfc1902.Integer32,
    Tag.OCTETS: rfc1902.OctetString,
    Tag.OID: rfc1902.ObjectIdentifier,
    Tag.IP_ADDRESS: rfc1902.IpAddress,
    Tag.COUNTER32: rfc1902.Counter32,
    Tag.GAUGE32: rfc1902.Gauge32,
    Tag.TICKS: rfc1902.TimeTicks,
    Tag.OPAQUE: rfc1902.Opaque,
    Tag.COUNTER64: rfc1902.Counter64,
}
ABSENT = {
    Tag.NO_SUCH_OBJECT: v2c.NoSuchObject(""),
    Tag.NO_SUCH_INSTANCE: v2c.NoSuchInstance(""),
    Tag.END_OF_MIB_VIEW: v2c.EndOfMibView(""),
    Tag.NULL: v2c.Null(""),
}


def theirs(bindings: list[VarBind], number: int, status: int, place: int, community: bytes) -> bytes:
    pdu = v2c.GetResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    pairs = [(vb.oid, ABSENT[vb.tag] if vb.tag in ABSENT else KINDS[vb.tag](vb.value)) for vb in bindings]
    v2c.apiPDU.set_varbinds(pdu, pairs)
    pdu.setComponentByPosition(1, status, verifyConstraints=False)
    pdu.setComponentByPosition(2, place, verifyConstraints=False)
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


@given(BINDINGS, st.integers(0, 2**31 - 1), st.integers(0, 18), st.integers(0, 100), st.binary(max_size=40))
def test_what_pysnmp_writes_is_read_as_it_was_meant(
    bindings: list[VarBind], number: int, status: int, place: int, community: bytes
) -> None:
    message = ber.read_message(theirs(bindings, number, status, place, community))
    assert message == (1, community, (ber.RESPONSE, number, status, place, bindings))


@given(BINDINGS, st.integers(0, 2**31 - 1), st.binary(max_size=200))
def test_what_we_write_pysnmp_reads_as_it_was_meant(bindings: list[VarBind], number: int, community: bytes) -> None:
    ours = ber.write_message(1, community, ber.write_pdu(ber.RESPONSE, number, 0, 0, ber.write_varbinds(bindings)))
    message, rest = decoder.decode(ours, asn1Spec=v2c.Message())
    pdu = v2c.apiMessage.get_pdu(message)
    assert not rest
    assert int(v2c.apiPDU.get_request_id(pdu)) == number
    assert bytes(v2c.apiMessage.get_community(message)) == community
    for (name, value), vb in zip(v2c.apiPDU.get_varbinds(pdu), bindings, strict=True):
        assert tuple(name) == vb.oid
        if vb.tag in ABSENT:
            assert type(value) is type(ABSENT[vb.tag])
        else:
            assert value == KINDS[vb.tag](vb.value)


@given(BINDINGS)
def test_what_we_write_we_read(bindings: list[VarBind]) -> None:
    data = ber.write_message(0, b"c", ber.write_pdu(ber.GET, 1, 0, 0, ber.write_varbinds(bindings)))
    pdu = ber.read_message(data).pdu
    assert isinstance(pdu, ber.Pdu)
    assert pdu.varbinds == bindings


@given(st.lists(NAMES, max_size=5), st.sampled_from([ber.GET, ber.GETNEXT]), st.integers(0, 2**31 - 1))
def test_questions_are_what_pysnmp_would_ask(names: list[Oid], kind: int, number: int) -> None:
    ours = ber.write_message(0, b"public", ber.write_pdu(kind, number, 0, 0, ber.write_names(names)))
    message, _ = decoder.decode(ours, asn1Spec=v1.Message())
    pdu = v1.apiMessage.get_pdu(message)
    assert [tuple(name) for name, _ in v1.apiPDU.get_varbinds(pdu)] == names


@settings(max_examples=200)
@given(BINDINGS, st.data())
def test_spoilt_messages_raise_one_error_and_are_never_read_as_something_else(
    bindings: list[VarBind], data: st.DataObject
) -> None:
    """Where pyasn1 and we both read a spoilt message, we read the same."""
    octets = bytearray(theirs(bindings, 5, 0, 0, b"public"))
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
            case "cut":
                del octets[data.draw(st.integers(0, len(octets) - 1)) :]
                octets = octets or bytearray(b"0")
            case _:
                octets.insert(data.draw(st.integers(0, len(octets))), data.draw(st.integers(0, 255)))
    try:
        ours = ber.read_message(bytes(octets))
    except ber.BerError:
        return
    try:
        message, _ = decoder.decode(bytes(octets), asn1Spec=v2c.Message())
        pdu = v2c.apiMessage.get_pdu(message)
        pairs = [(tuple(name), value) for name, value in v2c.apiPDU.get_varbinds(pdu)]
    except Exception:  # pyasn1 is stricter about ranges, and raises many things
        return
    assert isinstance(ours.pdu, ber.Pdu)
    assert [vb.oid for vb in ours.pdu.varbinds] == [name for name, _ in pairs]


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_any_octets_are_a_message_or_one_error(octets: bytes) -> None:
    for read in (ber.read_message, ber.version_of):
        try:
            read(octets)
        except ber.BerError:
            continue


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xff\xff\xff\xff", 2**32 - 1),  # without the zero octet that would make it positive
        (b"\x00\xff\xff\xff\xff", 2**32 - 1),
        (b"", 0),
        (b"\x00\x00\x00\x00\x07", 7),
    ],
)
def test_sloppy_counters_are_read_as_they_are_meant(body: bytes, value: int) -> None:
    assert ber.read_value(Tag.COUNTER32, body, 0, len(body)) == (Tag.COUNTER32, value)


def test_lengths_may_be_longer_than_they_need_be() -> None:
    assert ber.expect(b"\x30\x83\x00\x00\x02\x05\x00", 0, 7, 0x30) == (5, 7)


@pytest.mark.parametrize("name", [(3, 1), (1, 40), (1, -1), (1, 3, 2**33), tuple([1] * 200)])
def test_what_is_no_name_cannot_be_sent(name: Oid) -> None:
    with pytest.raises(ber.BerError):
        ber.write_oid(name)


def test_the_store_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ber, "_names", {})
    monkeypatch.setattr(ber, "_MOST_NAMES", 50)
    for n in range(1000):
        ber.read_name(ber.oid_body((1, 3, n)))
        assert len(ber._names) <= 50
