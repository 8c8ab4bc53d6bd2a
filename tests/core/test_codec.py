"""Rows and entries survive the way into the database and back; nothing is guessed on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

import pytest
from core_values import any_of
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.codec import CodecError, decode, decode_as, encode, encode_as
from netwatch.core.model import Entry, Exposure, Row, Skill, Ticket, TicketKind, TicketState
from netwatch.core.tickets.sends import Send

TICKET = Ticket(
    id="T1",
    fault="F1",
    kind=TicketKind.REPAIR,
    state=TicketState.WATCHING,
    opened=1,
    dispatched=None,
    acknowledged=None,
    accepted=None,
    arrived=None,
    restored=None,
    returned=None,
    closed=None,
    skill="cable",
    team="",
    reason="光缆 K-4",
    deadline=None,
    circuits=("C-1", "C-2"),
    breach_probability=0.25,
)


@pytest.mark.parametrize("kind", [*get_args(Row), Entry, Send], ids=lambda kind: kind.__name__)
def test_what_goes_in_comes_out(kind: type) -> None:
    @settings(max_examples=15)
    @given(any_of(kind))
    def holds(value: object) -> None:
        text = encode(value)
        again = decode(kind, text)
        assert again == value
        assert encode(again) == text

    holds()


@settings(max_examples=60)
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()))
def test_the_type_of_a_free_value_is_kept(data: dict[str, object]) -> None:
    hint = Mapping[str, str | int | float | bool | None]
    if any(value in (float("inf"), float("-inf")) for value in data.values() if type(value) is float):
        with pytest.raises(CodecError):
            encode_as(hint, data)
        return
    again = decode_as(hint, encode_as(hint, data))
    assert {key: (type(value), value) for key, value in again.items()} == {k: (type(v), v) for k, v in data.items()}


def altered(**changes: object) -> str:
    return json.dumps({**json.loads(encode(TICKET)), **changes})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Ticket"),
        ("[]", "no object"),
        (altered(kind="holiday"), "kind: 'holiday' is not a valid TicketKind"),
        (altered(opened="1"), "opened: '1' is no int"),
        (altered(opened=True), "opened: True is no int"),
        (altered(opened=1.0), "opened: 1.0 is no int"),
        (altered(circuits="C-1"), "circuits: 'C-1' is no list"),
        (altered(circuits=["C-1", 2]), "circuits: 2 is no str"),
        (altered(deadline="soon"), "deadline: 'soon' is none of int"),
        (altered(colour="red"), "unknown colour"),
        (encode(TICKET).replace('"fault":"F1",', ""), "lacks fault"),
        (encode(TICKET).replace("0.25", "NaN"), "NaN is no number"),
    ],
)
def test_a_text_that_is_not_exactly_it_is_refused(text: str, told: str) -> None:
    with pytest.raises(CodecError, match="Ticket") as caught:
        decode(Ticket, text)
    assert told in str(caught.value)


def test_a_field_with_a_default_may_be_missing_for_it_came_later() -> None:
    text = encode(TICKET).replace(',"merged_into":null', "")
    assert "merged_into" not in text
    assert decode(Ticket, text) == TICKET


def test_a_value_that_its_class_does_not_allow_is_refused_before_it_is_written() -> None:
    with pytest.raises(CodecError, match="opened"):
        encode(replace(TICKET, opened="now"))  # type: ignore[arg-type]
    with pytest.raises(CodecError, match="data"):
        encode(Entry(1, "a", "b", "c", {"x": object()}))  # type: ignore[dict-item]


def test_a_member_of_an_enum_stands_for_its_word_where_a_word_is_asked_for() -> None:
    assert decode(Ticket, encode(replace(TICKET, skill=Skill.POWER))).skill == "power"


def test_a_type_without_a_codec_is_a_mistake_of_ours() -> None:
    @dataclass
    class Strange:
        what: complex

    with pytest.raises(TypeError, match="no codec"):
        encode(Strange(1j))


def test_a_type_is_not_taken_for_another() -> None:
    with pytest.raises(CodecError):
        decode(Exposure, encode(TICKET))
