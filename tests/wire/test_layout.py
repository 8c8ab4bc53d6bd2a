"""A remembered layout reads exactly what decoding reads, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.wire.snmp import Credential, Oid, Pdu, Tag, Value, VarBind, VarBinds, ber
from netwatch.wire.snmp.layout import Layout
from netwatch.wire.snmp.memory import FIRST_ID, LAST_ID, CommunityMemory, RefusedError, Shared, id_place

ROOT = (1, 3, 6, 1, 2, 1)
NUMBERS = st.integers(FIRST_ID, LAST_ID)
NAMES = st.lists(st.integers(0, 2**32 - 1), max_size=4).map(lambda tail: (*ROOT, *tail))
ABSENT = [Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW]
KINDS: dict[Tag, st.SearchStrategy[Value]] = {
    Tag.INTEGER: st.one_of(st.integers(-200, 200), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)),
    Tag.OCTETS: st.binary(max_size=12),
    Tag.OID: NAMES,
    Tag.IP_ADDRESS: st.binary(min_size=4, max_size=4),
    **{
        tag: st.one_of(st.integers(0, 300), st.integers(0, 2**24), st.integers(0, 2**32 - 1))
        for tag in (Tag.COUNTER32, Tag.GAUGE32, Tag.TICKS)
    },
    Tag.OPAQUE: st.binary(max_size=12),
    Tag.COUNTER64: st.integers(0, 8).flatmap(lambda octets: st.integers(0, 256**octets - 1)),
    **dict.fromkeys(ABSENT, st.none()),
}
BINDINGS = st.lists(
    st.tuples(NAMES, st.sampled_from(sorted(KINDS))).flatmap(
        lambda pair: KINDS[pair[1]].map(lambda value: VarBind(pair[0], pair[1], value))
    ),
    min_size=1,
    max_size=6,
)


def written(number: int, bindings: list[VarBind], status: int = 0, community: bytes = b"public") -> bytes:
    pdu = ber.write_pdu(ber.RESPONSE, number, status, 1 if status else 0, ber.write_varbinds(bindings))
    return ber.write_message(1, community, pdu)


def memory(names: tuple[Oid, ...] = (ROOT,)) -> CommunityMemory:
    shared = Shared()
    return CommunityMemory(shared.question(Credential(community="public"), "", Pdu.GET, names, 0), shared)


def read(one: CommunityMemory, data: bytes, number: int) -> list[VarBind] | str:
    try:
        at = id_place(data)
        answer = one.recall(data, at, number)
        return list(one.decode(data, at, number) if answer is None else answer)
    except IndexError:
        return ber.BerError.__name__
    except (ber.BerError, RefusedError) as error:
        return type(error).__name__


def again(value: Value, draw: Callable[[st.SearchStrategy[Value]], Value], tag: Tag) -> Value:
    """Another value of this type, often of the same length."""
    return draw(st.one_of(KINDS[tag], st.just(value)))


@settings(max_examples=300)
@given(BINDINGS, st.data(), NUMBERS, NUMBERS)
def test_what_is_read_by_layout_is_what_decoding_reads(
    first: list[VarBind], data: st.DataObject, one: int, other: int
) -> None:
    """Changed values, changed lengths, swapped names, missing and additional ones, values that vanish."""
    second = [vb._replace(value=again(vb.value, data.draw, vb.tag)) for vb in first]
    match data.draw(st.sampled_from(["values", "values", "swap", "drop", "add", "gone", "type"])):
        case "swap":
            names = data.draw(st.permutations([vb.oid for vb in second]))
            second = [vb._replace(oid=name) for vb, name in zip(second, names, strict=True)]
        case "drop":
            second = second[:-1]
        case "add":
            second += data.draw(BINDINGS)
        case "gone":
            second[-1] = VarBind(second[-1].oid, data.draw(st.sampled_from(ABSENT)), None)
        case "type":
            tag = data.draw(st.sampled_from([Tag.COUNTER32, Tag.GAUGE32, Tag.TICKS]))
            second[-1] = VarBind(second[-1].oid, tag, 7)
    learnt = memory()
    for _ in range(2):  # the layout of what comes once is not worth remembering
        assert read(learnt, written(one, first), one) == first
    assert read(learnt, written(other, second), other) == second
    assert read(learnt, written(one, first), one) == first


@settings(max_examples=300)
@given(BINDINGS, st.data(), NUMBERS)
def test_whatever_becomes_of_the_octets_a_layout_reads_no_more_than_decoding_does(
    bindings: list[VarBind], data: st.DataObject, number: int
) -> None:
    learnt, octets = memory(), bytearray(written(number, bindings))
    for sizes in range(data.draw(st.sampled_from([1, 5]))):  # always the same, so that a layout is enough, or not
        others = [vb._replace(value=again(vb.value, data.draw, vb.tag)) if sizes else vb for vb in bindings]
        for _ in range(2):
            assert read(learnt, written(number, others), number) == others
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
            case "cut":
                del octets[data.draw(st.integers(0, len(octets) - 1))]
            case _:
                octets.insert(data.draw(st.integers(0, len(octets))), data.draw(st.integers(0, 255)))
    seen = ber.BerError
    try:
        pdu = ber.read_message(bytes(octets)).pdu
    except ber.BerError:
        pdu = None
    if isinstance(pdu, ber.Pdu) and pdu.request_id == number:  # which the engine has made sure of
        assert read(learnt, bytes(octets), number) == read(memory(), bytes(octets), number)
    elif pdu is None:
        assert read(learnt, bytes(octets), number) == seen.__name__


@settings(max_examples=200)
@given(BINDINGS, st.data(), NUMBERS)
def test_values_whose_sizes_change_at_every_answer_are_read_as_decoding_reads_them(
    bindings: list[VarBind], data: st.DataObject, number: int
) -> None:
    learnt = memory()
    for _ in range(data.draw(st.integers(4, 12))):
        bindings = [vb._replace(value=again(vb.value, data.draw, vb.tag)) for vb in bindings]
        assert read(learnt, written(number, bindings), number) == bindings
    names = data.draw(st.permutations([vb.oid for vb in bindings]))
    bindings = [vb._replace(oid=name) for vb, name in zip(bindings, names, strict=True)]
    assert read(learnt, written(number, bindings), number) == bindings


def counters(*values: int) -> list[VarBind]:
    return [VarBind((*ROOT, n), Tag.COUNTER32, value) for n, value in enumerate(values)]


def test_sizes_that_change_are_known_again_and_those_that_stay_become_a_layout() -> None:
    learnt, sizes = memory(), [1, 300, 70_000, 2**24, 2**32 - 1]
    for value in (*sizes, *sizes):
        read(learnt, written(FIRST_ID, counters(value, 5, value)), FIRST_ID)
    unseen = written(FIRST_ID, counters(2, 2**31, 66_000))
    loose = learnt._looks.loose
    assert loose is not None
    assert loose.read(unseen) == [2, 2**31, 66_000]
    assert learnt._looks.layout is not None
    assert learnt._looks.layout.read(unseen) is None
    for _ in range(4):
        assert read(learnt, unseen, FIRST_ID) == counters(2, 2**31, 66_000)
    assert list(learnt._looks.layout.read(unseen) or ()) == [2, 2**31, 66_000]


def test_an_answer_across_the_bounds_of_its_lengths_is_decoded() -> None:
    """Where the message takes another octet for its length, all behind it moves."""
    learnt = memory()
    for count in (*range(20), 60, 61, 120, 121, 250, 251):
        answer = [VarBind((*ROOT, n), Tag.OCTETS, b"x" * (count // 2 + n)) for n in range(2)]
        assert read(learnt, written(FIRST_ID, answer), FIRST_ID) == answer


@given(BINDINGS, NUMBERS, st.integers(1, 18))
def test_an_error_status_is_never_read_as_values(bindings: list[VarBind], number: int, status: int) -> None:
    learnt = memory()
    for _ in range(2):
        read(learnt, written(number, bindings), number)
    assert read(learnt, written(number, bindings, status), number) == "RefusedError"


@given(BINDINGS, NUMBERS, st.binary(min_size=6, max_size=6))
def test_another_community_is_another_layout(bindings: list[VarBind], number: int, community: bytes) -> None:
    learnt = memory()
    for _ in range(2):
        read(learnt, written(number, bindings), number)
    assert read(learnt, written(number, bindings, community=community), number) == bindings


# Nobody reads an integer of more than 64 bits.
LENGTHS = [
    (tag, size)
    for tag in (Tag.COUNTER32, Tag.COUNTER64, Tag.INTEGER, Tag.OCTETS)
    for size in range(9 if tag is Tag.INTEGER else 10)
]


@pytest.mark.parametrize(("tag", "size"), LENGTHS)
def test_numbers_of_any_length_are_read_as_decoding_reads_them(tag: Tag, size: int) -> None:
    """Also those that are longer than they need be, or than their type: agents send such."""
    for body in (b"\xff" * size, bytes(range(0xF7, 0xF7 + size)), b"\0" * size):
        data = b"\x30\x0b\x06\x03\x2b\x06\x01" + bytes((tag, size)) + body
        spans = [(len(data) - size, len(data))]
        layout = Layout(data, [(*spans[0], *ber.kind_of(tag)[1:])])
        values = layout.read(data)
        assert values is not None
        assert list(values) == [ber.read_value(tag, data, *spans[0])[1]]


def test_boxes_that_answer_alike_share_one_layout() -> None:
    shared = Shared()
    question = shared.question(Credential(community="public"), "", Pdu.GET, (ROOT,), 0)
    one, other = CommunityMemory(question, shared), CommunityMemory(question, shared)
    for n, who in enumerate((one, one, other, other)):
        read(who, written(FIRST_ID + n, [VarBind(ROOT, Tag.GAUGE32, 100 + n)]), FIRST_ID + n)
    assert one._looks.layout is not None
    assert one._looks is other._looks


def test_the_first_answer_of_a_box_is_read_by_what_another_of_its_model_answered() -> None:
    shared = Shared()
    question = shared.question(Credential(community="public"), "", Pdu.GET, (ROOT,), 0)
    one, other, third = (CommunityMemory(question, shared) for _ in range(3))
    for value in (1, 2, 300, 70_000, 5):
        read(one, written(FIRST_ID, counters(value)), FIRST_ID)
    for box, value in ((other, 70_000), (CommunityMemory(question, shared), 3)):
        assert read(box, written(FIRST_ID, counters(value)), FIRST_ID) == counters(value)
        assert box._looks is one._looks
    elsewhere = [VarBind((*ROOT, 9), Tag.GAUGE32, 7)]
    assert read(third, written(FIRST_ID, elsewhere), FIRST_ID) == elsewhere
    assert third._looks.layout is None


def test_thousands_that_are_each_asked_once_are_not_all_decoded() -> None:
    """After a start: whoever answers what two before answered is read by their looks."""
    shared = Shared()
    question = shared.question(Credential(community="public"), "", Pdu.GET, (ROOT,), 0)
    boxes = [CommunityMemory(question, shared) for _ in range(4)]
    for n, box in enumerate(boxes):
        read(box, written(FIRST_ID + n, [VarBind(ROOT, Tag.GAUGE32, 100 + n)]), FIRST_ID + n)
    assert boxes[3]._looks is boxes[1]._looks
    assert boxes[3]._looks.layout is not None


@given(st.lists(NAMES, max_size=12), st.integers(0, 3), st.data())
def test_rows_under_a_root_are_counted_up_to_the_first_that_is_not(
    names: list[Oid], width: int, data: st.DataObject
) -> None:
    tags = [data.draw(st.sampled_from([Tag.GAUGE32, Tag.END_OF_MIB_VIEW])) for _ in names]
    rows = VarBinds.of(VarBind(name, tag, 1) for name, tag in zip(names, tags, strict=True))
    root = (*ROOT, 1, 2, 3)[: 6 + width]
    inside = [vb.tag is Tag.GAUGE32 and vb.oid[: len(root)] == root for vb in rows]
    count = inside.index(False) if False in inside else len(inside)
    assert rows.shape.under(root).names == tuple(names[:count])
    assert rows.shape.rising == (names == sorted(set(names)))


@given(BINDINGS, st.integers(1, 4), st.data())
def test_columns_are_taken_apart_and_put_together_like_lists(
    bindings: list[VarBind], width: int, data: st.DataObject
) -> None:
    rows, start = VarBinds.of(bindings), data.draw(st.integers(0, 3))
    assert rows == bindings
    assert rows.part(start, len(rows), width) == bindings[start::width]
    assert rows[1:] == bindings[1:]
    assert VarBinds.joined([rows, rows]) == bindings * 2
