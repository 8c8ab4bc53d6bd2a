"""Bring a database to the form that this version writes. Blocks: run it in a thread."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

from netwatch.store import sqlite
from netwatch.store.errors import StoreError, Trouble, told

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The revision that this version reads and writes. (A test compares it with the scripts.)"""


def scripts(connection: Connection | None = None) -> Config:
    """alembic's configuration, without an ini file: a daemon has no need of one."""
    from alembic.config import Config  # noqa: PLC0415 - a tenth of a second, for commands that only read

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def version(path: Path) -> str | None:
    """The revision of the database at `path`; None for an empty one.

    Raises StoreError when it is no database, or another program's.
    """
    engine = sqlite.plain(path, write=False)
    try:
        with closing(engine.connect()) as connection:
            return _version(connection, path)
    except StoreError:
        raise
    except Exception as error:
        raise told(error, str(path)) from error
    finally:
        engine.dispose()


def upgrade(path: Path, to: str = "head") -> tuple[str | None, str]:
    """Migrate, all or nothing; the revisions before and after. Only a thinker (or who holds its lock) may."""
    from alembic import command  # noqa: PLC0415

    engine = sqlite.plain(path)
    try:
        with closing(engine.connect()) as connection:
            before = _version(connection, path)
            connection.rollback()
            if before is None:
                connection.exec_driver_sql(f"PRAGMA application_id={sqlite.APPLICATION_ID}")
                connection.commit()
            if before != HEAD or to != "head":
                command.upgrade(scripts(connection), to)
                connection.commit()
            return before, _version(connection, path) or ""
    except StoreError:
        raise
    except Exception as error:
        raise told(error, str(path)) from error
    finally:
        engine.dispose()


def check(path: Path) -> None:
    """Raises StoreError unless the database is of the version that we read."""
    found = version(path)
    if found != HEAD:
        raise StoreError(
            f"{path}: is of version {found or 'none'}, this netwatch reads {HEAD}; run netwatch db upgrade",
            Trouble.VERSION,
        )


def known(revision: str) -> bool:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return any(script.revision == revision for script in ScriptDirectory.from_config(scripts()).walk_revisions())


def _version(connection: Connection, path: Path) -> str | None:
    owner = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if owner != sqlite.APPLICATION_ID or "alembic_version" not in tables:
        raise StoreError(f"{path}: is a database of another program; name another file", Trouble.VERSION)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    if found is not None and found != HEAD and not known(found):
        raise StoreError(
            f"{path}: was written by a later netwatch (version {found}, this one knows {HEAD}); run that one, "
            "or restore a backup made before",
            Trouble.VERSION,
        )
    return found
