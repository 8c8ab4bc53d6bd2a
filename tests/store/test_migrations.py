"""The way from any former form of the database to the present one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from netwatch.core.model import Row
from netwatch.store import Store, StoreError, ThinkerRunningError, Trouble, migrate, sqlite, upgrade, version
from netwatch.store.tables import kept_as, metadata

REVISIONS = [script.revision for script in ScriptDirectory.from_config(migrate.scripts()).walk_revisions()][::-1]


@pytest.fixture
def empty(path: Path) -> Path:
    sqlite.create(path)
    return path


def test_the_last_script_is_the_version_that_we_read() -> None:
    assert REVISIONS[-1] == migrate.HEAD
    assert REVISIONS[0] == "0001"


@pytest.mark.parametrize("start", REVISIONS)
async def test_a_database_of_any_former_version_is_brought_up_and_works(
    empty: Path, start: str, make: SimpleNamespace
) -> None:
    migrate.upgrade(empty, start)
    assert version(str(empty)) == (start, migrate.HEAD)
    async with await Store.open(str(empty)) as store:
        await store.commit(make.decision(1), [make.send()], snapshot="state")
        assert await store.verify() == ()
    assert version(str(empty)) == (migrate.HEAD, migrate.HEAD)


def test_the_scripts_build_the_tables_that_we_write(empty: Path) -> None:
    migrate.upgrade(empty)
    engine = sqlite.plain(empty)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_migration_that_fails_half_way_leaves_what_was(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sends' indexes come after several tables: by then much is built that must go again.
    built = []

    def fail(name: str, *_: object, **__: object) -> None:
        built.append(name)
        if name == "uq_sends_key_channel":
            raise RuntimeError("power cut")

    monkeypatch.setattr(op, "create_index", fail)
    with pytest.raises(StoreError, match="power cut"):
        migrate.upgrade(empty)
    assert len(built) > 3
    monkeypatch.undo()
    with sqlite3.connect(empty) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert migrate.upgrade(empty) == (None, migrate.HEAD)


def test_a_database_of_a_later_netwatch_is_left_alone_and_says_so(empty: Path) -> None:
    migrate.upgrade(empty)
    with sqlite3.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="written by a later netwatch") as caught:
        migrate.upgrade(empty)
    assert caught.value.trouble is Trouble.VERSION


async def test_a_reader_of_a_database_that_was_not_upgraded_is_told_how(empty: Path) -> None:
    with pytest.raises(StoreError, match="netwatch db upgrade"):
        await Store.open(str(empty), write=False)


async def test_nobody_upgrades_under_a_running_thinker(store: Store, path: Path) -> None:
    with pytest.raises(ThinkerRunningError):
        upgrade(str(path))


def test_every_type_of_row_has_its_table() -> None:
    tables = [kept_as(kind).table.name for kind in get_args(Row)]
    assert len(set(tables)) == len(get_args(Row))


def test_the_tables_can_be_made_in_postgresql_too() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))
