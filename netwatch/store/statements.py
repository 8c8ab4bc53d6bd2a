"""SQL that SQLAlchemy says otherwise for each database."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect


def inserting(dialect: Dialect) -> Any:
    """The INSERT that knows `on conflict`, which both databases spell alike and SQLAlchemy does not."""
    return postgresql.insert if dialect.name == "postgresql" else sqlite_dialect.insert


def upsert(table: Table, dialect: Dialect) -> Any:
    statement = inserting(dialect)(table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


@lru_cache
def plain_upsert(table: Table, dialect: Dialect) -> str:
    """For thousands of rows: the driver takes them as they are, in the order of the columns."""
    columns = [column.name for column in table.columns]
    statement = upsert(table, dialect).values(dict.fromkeys(columns))
    return str(statement.compile(dialect=dialect, column_keys=columns))
