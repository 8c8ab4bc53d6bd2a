"""`netwatch backup`: everything that NetWatch knows, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from netwatch.cli.common import FINDINGS, TRY_AGAIN, config_option, say


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def command(*, file: Path, config: Path) -> None:
    """Write a whole, checked copy of the database into FILE, while the daemon goes on working.

    A FILE that is there is replaced once the new one is complete. It holds what the database holds: keep it as safe.

    Exit status: 0 done, 1 failed (an older FILE is still there), 75 the database is busy, 78 configuration.
    """
    from netwatch.config import load
    from netwatch.store import StoreError, Trouble, backup

    try:
        backup(load(config).database_url(), file)
    except StoreError as error:
        say(str(error))
        raise SystemExit(TRY_AGAIN if error.trouble is Trouble.BUSY else FINDINGS) from None
    say(f"{file}: {file.stat().st_size:,} bytes, checked")
