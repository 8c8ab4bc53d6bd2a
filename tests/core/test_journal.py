"""Facts as lines: what is written is read again, what cannot be read is refused in words."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from core_metro import RULES
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.codec import encode
from netwatch.core.forecast.experience import Experience
from netwatch.core.journal import CHANGEABLE, SCOPES, UnreadableError, read_fact, write_fact
from netwatch.core.model import (
    Action,
    Complaint,
    Condition,
    Fact,
    Learnt,
    LedgerChange,
    Maintenance,
    Observation,
    Scope,
    Source,
    State,
    Tick,
    Vantage,
    Work,
)
from netwatch.core.time import parse

ZONE = ZoneInfo("Asia/Shanghai")
INSTANTS = st.integers(parse("1990-01-01T00:00:00Z"), parse("2090-01-01T00:00:00Z"))
TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
SCOPE = st.builds(Scope, st.sampled_from(sorted(SCOPES)), NAME.map(str.strip).filter(bool))


def windows() -> st.SearchStrategy[Maintenance]:
    made = st.builds(
        Maintenance, INSTANTS, NAME, INSTANTS, INSTANTS, INSTANTS, st.lists(SCOPE, max_size=3).map(tuple), st.booleans()
    )
    return made.map(lambda w: replace(w, end=w.start + abs(w.end - w.start) + 1))


FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        Observation,
        INSTANTS,
        NAME,
        TEXT,
        st.sampled_from(Condition),
        st.sampled_from(State),
        st.sampled_from(Source),
        st.none() | INSTANTS,
        TEXT,
    ),
    st.builds(Complaint, INSTANTS, NAME, TEXT, TEXT),
    windows(),
    st.builds(
        Work,
        INSTANTS,
        st.lists(NAME, min_size=1, max_size=3).map(tuple),
        st.sampled_from(Action),
        TEXT,
        TEXT,
        st.none() | INSTANTS,
        TEXT,
    ),
    st.builds(
        LedgerChange,
        INSTANTS,
        NAME,
        st.fixed_dictionaries({}, optional=dict.fromkeys(CHANGEABLE, TEXT)).map(
            lambda d: tuple((k, d[k]) for k in CHANGEABLE if k in d)
        ),
    ),
    st.builds(Vantage, INSTANTS, NAME),
    st.builds(Learnt, INSTANTS, st.sampled_from([encode(Experience.of_priors(RULES.dispatch.priors))])),
    st.builds(Tick, INSTANTS),
)


@given(FACTS, st.sampled_from(["Asia/Shanghai", "UTC", "Asia/Kathmandu"]))
def test_what_is_written_is_read_again(fact: Fact, zone: str) -> None:
    line = write_fact(fact, ZoneInfo(zone))
    assert "\n" not in line
    assert read_fact(line) == fact


def test_every_kind_of_fact_is_among_those_tried() -> None:
    kinds: set[type] = set()

    @settings(max_examples=150, database=None, derandomize=True)
    @given(FACTS)
    def gather(fact: Fact) -> None:
        kinds.add(type(fact))

    gather()
    assert kinds == set(get_args(Fact))


# ---------------------------------------------------------------- garbage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just("2026-11-02T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def readable_or_refused(line: str) -> None:
    """Any other error fails the test."""
    with suppress(UnreadableError):
        read_fact(line, {"site_access"})


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_no_garbage_raises_anything_but_the_refusal(line: str) -> None:
    readable_or_refused(line)


@given(JSON)
def test_no_json_raises_anything_but_the_refusal(doc: Any) -> None:
    readable_or_refused(json.dumps(doc))


@given(FACTS, st.data())
def test_a_fact_with_any_value_in_any_place_is_read_or_refused(fact: Fact, data: st.DataObject) -> None:
    doc = json.loads(write_fact(fact, ZONE))
    doc[data.draw(st.sampled_from([*sorted(doc), "occurred", "since", "cancelled", "value"]))] = data.draw(JSON)
    readable_or_refused(json.dumps(doc))


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"a":' * 50_000, "9" * 5000, '{"at":' + "9" * 5000 + "}", "\x00", "NaN", "\ud800"]
)
def test_what_is_made_to_hurt_a_parser_is_refused_as_well(line: str) -> None:
    with pytest.raises(UnreadableError):
        read_fact(line)


# ---------------------------------------------------------------- what is refused, and in which words

AT = "2026-11-02T02:10:07.250+08:00"
OBSERVED = {
    "at": AT,
    "type": "observation",
    "device": "AGG-3",
    "component": "GE0/0/1",
    "condition": "link",
    "state": "bad",
    "source": "trap",
}
WINDOW = {
    "at": AT,
    "type": "maintenance",
    "id": "M-7",
    "announced": AT,
    "start": AT,
    "end": "2026-11-02T04:10:07+08:00",
    "scope": ["cable K-4"],
}
WORK = {"at": AT, "type": "work", "circuit": "C-1", "action": "pause", "reason": "site_access"}


def without(doc: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in doc.items() if k != key}


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        *((without(OBSERVED, key), f'"{key}" is missing') for key in OBSERVED),
        *((without(WINDOW, key), f'"{key}" is missing') for key in WINDOW),
        *((without(WORK, key), f'"{key}" is missing') for key in ("at", "type", "circuit", "action")),
        (without(WORK, "reason"), 'a pause needs a "reason"'),
        (OBSERVED | {"at": "2026-11-02T02:10:07"}, "with an offset"),
        (OBSERVED | {"at": 1793556607}, '"at" is a number, not a time'),
        (OBSERVED | {"occurred": "2026-11-02T02:10:07"}, "with an offset"),
        (OBSERVED | {"device": ""}, '"device" is empty'),
        (OBSERVED | {"device": ["AGG-3"]}, '"device" is a list, not a text'),
        (OBSERVED | {"component": None}, '"component" is missing'),
        (OBSERVED | {"condition": "fire"}, 'unknown condition "fire"'),
        (OBSERVED | {"state": "BAD"}, 'unknown state "BAD"'),
        (OBSERVED | {"source": "rumour"}, 'unknown source "rumour"'),
        (OBSERVED | {"type": "alarm"}, 'unknown type "alarm"'),
        (WINDOW | {"end": WINDOW["start"]}, '"end" is not after "start"'),
        (WINDOW | {"scope": "cable K-4"}, '"scope" is a text'),
        (WINDOW | {"scope": ["K-4"]}, "\"scope\" holds 'K-4'"),
        (WINDOW | {"scope": ["duct K-4"]}, "\"scope\" holds 'duct K-4'"),
        (WINDOW | {"scope": ["cable "]}, "\"scope\" holds 'cable '"),
        (WINDOW | {"cancelled": "yes"}, '"cancelled" is a text, not true or false'),
        (WORK | {"circuit": []}, '"circuit" is not an id nor a list of ids'),
        (WORK | {"circuit": ["C-1", 2]}, '"circuit" is not an id nor a list of ids'),
        (WORK | {"action": "sleep"}, 'unknown action "sleep"'),
        (WORK | {"reason": "lunch"}, 'unknown pause reason "lunch"'),
        (WORK | {"action": "resume", "reason": "lunch"}, 'unknown pause reason "lunch"'),
        ({"at": AT, "type": "complaint"}, '"circuit" is missing'),
        ({"at": AT, "type": "ledger", "circuit": "C-1", "assurance": 3}, '"assurance" is a number'),
        ({"at": AT, "type": "vantage", "device": None}, '"device" is missing'),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_the_refusal_names_the_key_and_what_is_wrong_with_it(doc: dict[str, Any], said: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        read_fact(json.dumps(doc), {"site_access"})
    assert said in str(refused.value)


@pytest.mark.parametrize("line", ["", "{", "not json", "[]", "3", "null", '"text"', '{"at":1}{}'])
def test_a_line_that_is_no_single_object_is_refused(line: str) -> None:
    with pytest.raises(UnreadableError):
        read_fact(line)


@pytest.mark.parametrize("kind", ["OBSERVED", "WINDOW", "WORK"])
def test_keys_that_nobody_knows_are_evidence_and_no_error(kind: str) -> None:
    doc: dict[str, Any] = {"OBSERVED": OBSERVED, "WINDOW": WINDOW, "WORK": WORK}[kind]
    strange = doc | {"vendor": {"varbinds": [1, 2]}, "注": "x"}
    assert read_fact(json.dumps(strange)) == read_fact(json.dumps(doc))


def test_a_resume_without_a_reason_ends_all_pauses_and_needs_none() -> None:
    fact = read_fact(json.dumps(without(WORK, "reason") | {"action": "resume"}), {"site_access"})
    assert isinstance(fact, Work)
    assert fact.reason == ""


@pytest.mark.parametrize(
    ("value", "kept"), [(3, "3"), (-2.5, "-2.5"), ("-2.5 dBm", "-2.5 dBm"), ([1], "[1]"), (None, "")]
)
def test_what_was_read_is_kept_as_text_for_people(value: object, kept: str) -> None:
    fact = read_fact(json.dumps(OBSERVED | {"value": value}))
    assert isinstance(fact, Observation)
    assert fact.value == kept


def test_a_work_line_may_name_one_circuit_or_several() -> None:
    one, several = (read_fact(json.dumps(WORK | {"circuit": c})) for c in ("C-1", ["C-1", "C-2"]))
    assert isinstance(one, Work)
    assert isinstance(several, Work)
    assert (one.circuits, several.circuits) == (("C-1",), ("C-1", "C-2"))


def test_a_line_is_written_in_the_words_of_the_contract() -> None:
    fact = read_fact(json.dumps(OBSERVED | {"occurred": "2026-11-01T18:10:05Z"}))
    assert json.loads(write_fact(fact, ZONE)) == OBSERVED | {"occurred": "2026-11-02T02:10:05.000+08:00"}
