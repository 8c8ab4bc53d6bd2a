"""`netwatch restore`: a backup in the place of the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from netwatch.cli.common import FINDINGS, TRY_AGAIN, config_option, emit, json_option, say


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
@click.option("--resend", is_flag=True, help="Let the messages that waited in the backup go out.")
@json_option
def command(*, file: Path, config: Path, resend: bool, as_json: bool) -> None:
    """Put FILE, which `netwatch backup` wrote, in the place of the database; the daemon must be stopped.

    The former database is kept beside it. Messages that waited when the backup was made were in all likelihood sent
    since then: they are held, with an entry in the journal for each, unless --resend says otherwise.

    Exit status: 0 done, 1 FILE is not sound (nothing changed), 75 a daemon works on the database, 78 configuration.
    """
    from netwatch.app import Clock
    from netwatch.config import load
    from netwatch.store import StoreError, Trouble, restore

    try:
        done = asyncio.run(restore(file, load(config).database_url(), Clock(0)(), resend=resend))
    except StoreError as error:
        say(str(error))
        raise SystemExit(TRY_AGAIN if error.trouble is Trouble.BUSY else FINDINGS) from None
    if as_json:
        former = None if done.former is None else str(done.former)
        emit({"former": former, "remembered": done.remembered, "held": done.held})
        return
    say(f"restored from {file}" + (f"; the former database is {done.former}" if done.former else ""))
    if done.held:
        say(f"{done.held} messages are held: netwatch explain shows them; --resend would have sent them")
