"""`netwatch run`: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from netwatch.cli.common import CONFIGURATION, FINDINGS, TRY_AGAIN, UNAVAILABLE, config_option, fail, say


@click.command("run")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Also log what is only of interest when looking for a mistake.")
def command(*, config: Path, verbose: bool) -> None:
    """Watch the network until told to stop.

    SIGHUP reads config, ledger, collectors and rules anew; what cannot be used is logged, and what runs keeps
    running. SIGTERM or Ctrl-C ends it in good order.

    Exit status: 0 stopped, 1 it could not go on (nothing committed is lost: start it again), 69 an address is in use
    or not ours, 75 another NetWatch works on this database, 78 something given to it cannot be used.
    """
    import logging

    from netwatch.app import App, CannotListenError, GaveUpError, run
    from netwatch.store import StoreError, ThinkerRunningError, Trouble
    from netwatch.systemd import log_to

    log_to(level=logging.DEBUG if verbose else logging.INFO)
    try:
        run(App(config))
    except ThinkerRunningError as error:
        say(str(error))
        raise SystemExit(TRY_AGAIN) from None
    except CannotListenError as error:
        fail([error.finding], UNAVAILABLE)
    except StoreError as error:
        say(str(error))
        status = {Trouble.BUSY: TRY_AGAIN, Trouble.READONLY: CONFIGURATION}
        raise SystemExit(status.get(error.trouble, FINDINGS)) from None
    except GaveUpError:
        raise SystemExit(FINDINGS) from None  # why is in the log already
