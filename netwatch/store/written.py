"""Decisions and sends in the form in which they are written, and back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table

from netwatch.core.codec import decode_as, encode, encode_as
from netwatch.core.journal import write_fact
from netwatch.core.model import Decision, Entry, Tick, index
from netwatch.core.tickets.sends import Send, Value
from netwatch.core.time import Instant
from netwatch.store.chained import Line
from netwatch.store.tables import kept_as

UTC = ZoneInfo("UTC")  # what is stored names an instant; the zone in which people read it is the site's

Data = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Work:
    """A decision in the form in which it is written."""

    facts: Sequence[Line]
    ticks: frozenset[Line]
    entries: Sequence[Line]
    rows: Sequence[tuple[Table, list[tuple[Any, ...]]]]
    """The values stand in the order of the table's columns."""
    sends: list[dict[str, Any]]
    snapshot: bytes | None = None
    digest: bytes = b""
    now: Instant = 0


def prepare(decision: Decision, promised: Sequence[Send], snapshot: str | None) -> Work:
    by_table: dict[Table, list[tuple[Any, ...]]] = {}
    for row in index(decision.rows).values():
        keep = kept_as(type(row))
        by_table.setdefault(keep.table, []).append((row.id, *keep.values(row), encode(row)))
    raw = None if snapshot is None else snapshot.encode()
    return Work(
        [(fact.at, write_fact(fact, UTC)) for fact in decision.facts],
        frozenset((fact.at, write_fact(fact, UTC)) for fact in decision.facts if isinstance(fact, Tick)),
        [(entry.at, entry.kind, entry.subject, encode(entry)) for entry in decision.entries],
        list(by_table.items()),
        [row_of(send) for send in promised],
        None if raw is None else zlib.compress(raw, 1),
        b"" if raw is None else hashlib.sha256(raw).digest(),
        decision.now,
    )


def inflate(body: bytes, digest: bytes) -> str | None:
    """The snapshot, or None when it is not what was written."""
    try:
        raw = zlib.decompress(body)
    except zlib.error:
        return None
    return raw.decode() if hashlib.sha256(raw).digest() == digest else None


def row_of(send: Send) -> dict[str, Any]:
    return {
        "key": send.key,
        "channel": send.channel,
        "audience": send.audience,
        "template": send.template,
        "subject": send.subject,
        "at": send.at,
        "data": encode_as(Data, send.data),
        "state": "pending",
        "attempts": send.attempts,
        "next_at": send.next_at,
        "note": "",
    }


def send_of(row: Any) -> Send:
    data: Data = decode_as(Data, row.data)
    return Send(row.key, row.channel, row.audience, row.template, row.subject, row.at, data, row.attempts, row.next_at)


def entry_of(kind: str, at: Instant, row: dict[str, Any], reason: str) -> Line:
    data = {"channel": row["channel"], "key": row["key"], "template": row["template"]}
    return at, kind, row["subject"], encode(Entry(at, kind, row["subject"], reason, data))
