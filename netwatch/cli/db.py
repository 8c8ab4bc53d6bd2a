"""`netwatch db`: the database itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from netwatch.cli.common import FINDINGS, TRY_AGAIN, as_data, config_option, emit, fail, json_option, say

if TYPE_CHECKING:
    from netwatch.findings import Finding
    from netwatch.store import StoreError


@click.group("db")
def command() -> None:
    """Upgrade the database, tell its version, verify that nobody changed it."""


@command.command()
@config_option
def upgrade(*, config: Path) -> None:
    """Bring the database to the form that this netwatch writes, all or nothing. `netwatch run` does so by itself."""
    from netwatch.config import load
    from netwatch.store import StoreError
    from netwatch.store import upgrade as bring_up

    try:
        before, after = bring_up(load(config).database_url())
    except StoreError as error:
        _end(error)
    say(f"is of version {after}" if before == after else f"was of version {before or 'none'}, is of version {after}")


@command.command()
@config_option
@json_option
def version(*, config: Path, as_json: bool) -> None:
    """The version of the database, and the one that this netwatch reads; exit 1 when they differ."""
    from netwatch.config import load
    from netwatch.store import StoreError
    from netwatch.store import version as both

    try:
        found, reads = both(load(config).database_url())
    except StoreError as error:
        _end(error)
    if as_json:
        emit({"database": found, "netwatch": reads})
    else:
        click.echo(found or "none")
    if found != reads:
        say(f"this netwatch reads {reads}: netwatch db upgrade")
        raise SystemExit(FINDINGS)


@command.command()
@config_option
@json_option
def verify(*, config: Path, as_json: bool) -> None:
    """Go through the journal line by line; exit 1 when one was changed, dropped or added.

    Prints the last link of each chain. Keep it where nobody who can change the database can change it: with it,
    a later `verify` proves that everything before is as it was.
    """
    from netwatch.config import load
    from netwatch.store import StoreError

    try:
        findings, heads = asyncio.run(_verify(load(config).database_url()))
    except StoreError as error:
        _end(error)
    if as_json:
        emit({"ok": not findings, "heads": heads, "findings": [as_data(one) for one in findings]})
    else:
        for name, head in heads.items():
            click.echo(f"{name} {head}")
    if findings:
        fail(findings, FINDINGS)


async def _verify(url: str) -> tuple[tuple[Finding, ...], dict[str, str]]:
    from netwatch.store import Store

    async with await Store.open(url, write=False) as store:
        return await store.verify(), await store.heads()


def _end(error: StoreError) -> NoReturn:
    from netwatch.store import Trouble

    say(str(error))
    raise SystemExit(TRY_AGAIN if error.trouble is Trouble.BUSY else FINDINGS)
