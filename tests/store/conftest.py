"""Databases on real files, and values of every kind."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import AsyncIterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import strategies as st

from netwatch.core.model import Condition, Decision, Entry, Observation, Source, State
from netwatch.core.tickets.sends import Send
from netwatch.store import Store

T0 = 1_793_556_607_250_000


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the model."""
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: any_of(hints[field.name]) for field in dataclasses.fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(any_of, arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(st.text(max_size=5), any_of(arguments[1]), max_size=3)
    return {
        str: st.text(max_size=8),
        bool: st.booleans(),
        int: st.integers(-(2**62), 2**62),
        float: st.floats(allow_nan=False, allow_infinity=False),
        types.NoneType: st.none(),
    }[hint]


def fact(n: int, at: int | None = None) -> Observation:
    state = State.BAD if n % 2 else State.OK
    return Observation(T0 + n * 1000 if at is None else at, f"R-{n}", "GE0/0/1", Condition.LINK, state, Source.TRAP)


def decision(*numbers: int, entries: tuple[Entry, ...] = (), rows: tuple[Any, ...] = ()) -> Decision:
    now = T0 + max(numbers, default=0) * 1000
    return Decision(now, tuple(map(fact, numbers)), rows, entries, ())


def send(key: str = "T1:dispatched", channel: str = "mail", **fields: Any) -> Send:
    values = {"audience": "noc", "template": "ticket.dispatched", "subject": "T1", "at": T0} | fields
    return Send(key, channel, **values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netwatch.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with await Store.open(str(path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def make() -> types.SimpleNamespace:
    """The builders, for tests (a conftest cannot be imported from)."""
    return types.SimpleNamespace(T0=T0, any_of=any_of, fact=fact, decision=decision, send=send)
