"""The read side of the store: rows answer "now", entries "why", facts "from what"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from netwatch.core.codec import decode
from netwatch.core.journal import read_fact
from netwatch.core.model import (
    Alarm,
    CircuitState,
    DeviceState,
    Entry,
    Exposure,
    Fact,
    Fault,
    Outage,
    Problem,
    Ticket,
    Unknown,
    Window,
)
from netwatch.core.time import Instant
from netwatch.store.errors import StoreError, Trouble, told
from netwatch.store.tables import entries, facts, kept_as, sends

R = TypeVar("R", Alarm, Fault, Outage, Exposure, Unknown, Ticket, CircuitState, DeviceState, Window, Problem)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What was promised to a channel, and what became of it."""

    key: str
    channel: str
    audience: str
    template: str
    at: Instant
    state: str
    """pending, sent, dead, held."""
    attempts: int
    note: str
    settled: Instant | None


class History:
    """Reads beside the writer; every answer is one consistent moment."""

    def __init__(self, readers: AsyncEngine, path: Path) -> None:
        self._readers, self._path = readers, path

    async def rows(
        self,
        kind: type[R],
        *,
        where: Mapping[str, str | bool] | None = None,
        between: tuple[Instant, Instant] | None = None,
        limit: int | None = None,
    ) -> tuple[R, ...]:
        """Rows of one type, by id. `where`: columns that equal; `between`: spans that touch [start, end), the open
        ones among them. Raises KeyError for a column that this type has not, TypeError for a span where it has none.
        """
        keep = kept_as(kind)
        table = keep.table
        tests = [table.c[name] == value for name, value in (where or {}).items()]
        if between is not None:
            if not keep.start:
                raise TypeError(f"{kind.__name__} has no span")
            tests += _touches(table.c[keep.start], table.c[keep.end] if keep.end else None, between)
        query = select(table.c.row).where(*tests).order_by(table.c.id).limit(limit)
        return await self._ask(query, lambda row: decode(kind, row.row))

    async def entries(
        self,
        subject: str | None = None,
        *,
        between: tuple[Instant, Instant] | None = None,
        limit: int | None = None,
    ) -> tuple[Entry, ...]:
        """Journal entries in the order they were committed: about one subject, decided in [start, end)."""
        tests: list[ColumnElement[bool]] = []
        if subject is not None:
            tests.append(entries.c.subject == subject)
        if between is not None:
            tests += [entries.c.at >= between[0], entries.c.at < between[1]]
        query = select(entries.c.text).where(*tests).order_by(entries.c.seq).limit(limit)
        return await self._ask(query, lambda row: decode(Entry, row.text))

    async def facts(self, start: Instant, end: Instant, limit: int | None = None) -> tuple[Fact, ...]:
        """Facts heard in [start, end), in order of `at`, equal times as they were committed."""
        heard = (facts.c.at >= start, facts.c.at < end)
        query = select(facts.c.text).where(*heard).order_by(facts.c.at, facts.c.seq).limit(limit)
        return await self._ask(query, lambda row: read_fact(row.text))

    async def told(self, subject: str, limit: int | None = None) -> tuple[Told, ...]:
        """What was promised to whom about a subject, in order."""
        columns = (sends.c[name] for name in ("key", "channel", "audience", "template", "at", "state", "attempts"))
        query = select(*columns, sends.c.note, sends.c.settled_at).where(sends.c.subject == subject)
        return await self._ask(query.order_by(sends.c.id).limit(limit), lambda row: Told(*row))

    async def _ask(self, query: Select[Any], read: Callable[[Any], T]) -> tuple[T, ...]:
        async with self._trouble():
            async with self._readers.connect() as connection:
                found: Sequence[Any] = (await connection.execute(query)).all()
            # Thousands of JSON texts: not on the event loop.
            return await asyncio.to_thread(lambda: tuple(map(read, found)))

    @asynccontextmanager
    async def _trouble(self) -> AsyncIterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise told(error, str(self._path)) from error
        except ValueError as error:
            raise StoreError(f"{self._path}: holds what cannot be read: {error}", Trouble.DAMAGED) from error


def _touches(
    start: ColumnElement[Any], end: ColumnElement[Any] | None, span: tuple[Instant, Instant]
) -> list[ColumnElement[bool]]:
    if end is None:
        return [start >= span[0], start < span[1]]
    return [start < span[1], or_(end.is_(None), end > span[0])]
