"""The tables. What is asked for is a column; the whole value stands beside it as JSON.

`migrations/` builds these; a test holds the two together. The types exist in SQLite and PostgreSQL alike.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.types import TypeEngine

from netwatch.core.model import (
    Alarm,
    CircuitState,
    DeviceState,
    Exposure,
    Fault,
    Outage,
    Problem,
    Row,
    Ticket,
    Unknown,
    Window,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

# SQLite makes a rowid only of a column that says INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", metadata, Column("name", String, primary_key=True), Column("value", String, nullable=False))
"""Heads and anchors of the chains, and what a restore left behind."""

facts = Table(
    "facts",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Append-only: what the engine was told, one line of the journal contract each."""

entries = Table(
    "entries",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_entries_subject_seq", "subject", "seq"),
)
"""Append-only: what was decided, and why."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("facts", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""The engine's state (deflated) after all facts up to and with number `facts`."""

sends = Table(
    "sends",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("template", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("settled_at", BigInteger),
    Index("uq_sends_key_channel", "key", "channel", unique=True),
    Index("ix_sends_state_channel", "state", "channel"),
    Index("ix_sends_subject", "subject"),
)
"""The outbox, and the record of what was told to whom. `state`: pending, sent, dead, held."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How one type of row is kept."""

    table: Table
    values: Callable[[Any], tuple[Any, ...]]
    """The key columns of a row, in the table's order."""
    start: str = ""
    end: str = ""
    """The columns of the span during which the row held; `end` empty: an instant."""


def _column_type(hint: Any) -> TypeEngine[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(argument for argument in get_args(hint) if argument is not types.NoneType)
    if isinstance(hint, type) and issubclass(hint, Enum | str):
        return String()
    return Boolean() if hint is bool else BigInteger()


def _kept(kind: type[Row], name: str, columns: str, start: str = "", end: str = "") -> Kept:
    hints = get_type_hints(kind)
    names = columns.split()
    table = Table(
        name,
        metadata,
        Column("id", String, primary_key=True),
        *(Column(column, _column_type(hints.get(column, str)), index=column in (start, end)) for column in names),
        Column("row", Text, nullable=False),
    )
    paths = {"root_kind": "root.kind", "root_id": "root.id"} if kind is Fault else {}
    found = attrgetter(*(paths.get(name, name) for name in names))
    return Kept(table, found if len(names) > 1 else lambda row: (found(row),), start, end)


_KEPT: Mapping[type, Kept] = {
    Alarm: _kept(Alarm, "alarms", "device state severity fault raised cleared", "raised", "cleared"),
    Fault: _kept(Fault, "faults", "root_kind root_id domain opened cleared", "opened", "cleared"),
    Outage: _kept(
        Outage, "outages", "circuit customer fault assurance breached deadline started restored", "started", "restored"
    ),
    Exposure: _kept(Exposure, "exposures", "circuit fault started ended", "started", "ended"),
    Unknown: _kept(Unknown, "unknowns", "circuit started ended", "started", "ended"),
    Ticket: _kept(Ticket, "tickets", "fault kind state team deadline opened closed", "opened", "closed"),
    CircuitState: _kept(CircuitState, "circuits", "state assurance fault since"),
    DeviceState: _kept(DeviceState, "devices", "reachable agent since"),
    Window: _kept(Window, "windows", "cancelled start end", "start", "end"),
    Problem: _kept(Problem, "problems", "at", "at"),
}
"""Every type of row; a test sees to it that none is missing."""


def kept_as(kind: type[Row]) -> Kept:
    return _KEPT[kind]
