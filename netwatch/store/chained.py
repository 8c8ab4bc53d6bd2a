"""Append-only tables whose lines are chained: a line that was changed, dropped or added outside is found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netwatch.core.time import Instant
from netwatch.findings import Finding
from netwatch.store.chain import BEFORE_ALL, Link, digest_of
from netwatch.store.tables import entries, facts, meta

Line: TypeAlias = tuple[Instant, *tuple[str, ...]]
"""A line of a chain: `at`, then the other columns in the table's order, the text last."""

SLICE = 5000
"""Lines forgotten or verified at once: the writer must not be kept waiting."""


@dataclass(frozen=True, slots=True)
class Chain:
    """An append-only table, and its columns in the order in which they are hashed."""

    table: Table
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.table.name)


FACTS = Chain(facts, ("at", "text"))
ENTRIES = Chain(entries, ("at", "kind", "subject", "text"))


@dataclass(frozen=True, slots=True)
class Head:
    link: Link
    newest: Instant
    """No line of the chain is of a later instant."""


Heads: TypeAlias = dict[str, Head]


def head_of(connection: Connection, chain: Chain) -> Head:
    seq, at, digest = chain.table.c.seq, chain.table.c.at, chain.table.c.hash
    last = connection.execute(select(seq, digest).order_by(seq.desc()).limit(1)).first()
    if last is None:
        return Head(link_at(connection, f"{chain.name}.anchor") or BEFORE_ALL, 0)
    newest = connection.execute(select(func.max(at))).scalar_one()
    return Head(Link(last.seq, last.hash), newest)


def link_at(connection: Connection, name: str) -> Link | None:
    text = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    return None if text is None else Link.read(text)


def append(
    connection: Connection,
    chain: Chain,
    head: Head,
    lines: Sequence[Line],
    marks: frozenset[Line] = frozenset(),
) -> Head:
    """Add the lines that are not there yet. `marks` (ticks) are there again whenever anything else is new: they say
    where a round of decisions ended, and two rounds may end at one instant."""
    lines = list(dict.fromkeys(lines))
    known: set[Line] = set()
    if old := sorted({line[0] for line in lines if line[0] <= head.newest}):
        # Only what is not newer than all there is can be there already.
        columns = [chain.table.c[name] for name in chain.columns]
        for start in range(0, len(old), 500):
            some = chain.table.c.at.in_(old[start : start + 500])
            known.update(tuple(row) for row in connection.execute(select(*columns).where(some)))
    if any(line not in known and line not in marks for line in lines):
        known -= marks
    seq, digest, newest = head.link.seq, head.link.hash, head.newest
    values = []
    for line in lines:
        if line in known:
            continue
        seq, digest, newest = seq + 1, digest_of(digest, map(str, line)), max(newest, line[0])
        values.append((seq, *line, digest))
    if values:
        connection.exec_driver_sql(_plain_insert(chain, connection.dialect), values)
    return Head(Link(seq, digest), newest)


@lru_cache
def _plain_insert(chain: Chain, dialect: Dialect) -> str:
    """For thousands of lines: the driver takes them as they are, in the order of the columns."""
    columns = ("seq", *chain.columns, "hash")
    return str(insert(chain.table).values(dict.fromkeys(columns)).compile(dialect=dialect, column_keys=columns))


async def verify(connection: AsyncConnection, chain: Chain) -> list[Finding]:
    link = await connection.run_sync(link_at, f"{chain.name}.anchor") or BEFORE_ALL
    table, found = chain.table, []
    while True:
        page = select(table).where(table.c.seq > link.seq).order_by(table.c.seq).limit(SLICE)
        rows = (await connection.execute(page)).all()
        if not rows:
            break
        link, some = await asyncio.to_thread(_compare, chain, link, rows)
        found += some
    head = await connection.run_sync(link_at, f"{chain.name}.head")
    if head is not None and head.seq > link.seq:
        found.append(Finding(f"{chain.name} {link.seq + 1}", f"lines up to {head.seq} are missing at the end"))
    return found


def _compare(chain: Chain, link: Link, rows: Sequence[Any]) -> tuple[Link, list[Finding]]:
    found = []
    for row in rows:
        place = f"{chain.name} {row.seq}"
        if row.seq != link.seq + 1:
            found.append(Finding(f"{chain.name} {link.seq + 1}", f"lines up to {row.seq - 1} are missing"))
            link = Link(row.seq - 1, b"")
        expected = link.next(*(str(getattr(row, name)) for name in chain.columns))
        if link.hash and expected.hash != row.hash:
            found.append(Finding(place, "is not what was committed"))
        # Go on from what is written there, so that one changed line is one finding.
        link = Link(row.seq, row.hash)
    return link, found
