"""`netwatch demo`: the whole of NetWatch on a city that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from netwatch.cli.common import FINDINGS, UNAVAILABLE, fail, say


def _fresh(_ctx: click.Context, _param: click.Parameter, folder: Path | None) -> Path | None:
    if folder is not None and folder.is_dir() and any(folder.iterdir()):
        # Somebody was told to edit what lies there.
        raise click.BadParameter(f"{folder} is not empty, and nothing is overwritten: name a new folder")
    return folder


@click.command("demo")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Of the board; 0: any.")
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="How much faster time passes than here. Polls are at least a second apart, so beyond 60 they see less.",
)
@click.option("--for", "seconds", type=click.FloatRange(min=0, min_open=True), help="End after so many real seconds.")
@click.option(
    "--ledger-out",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_fresh,
    help="Also write the city's ledger and a config.toml here, to look at, edit, and use with `netwatch run`; and as "
    "heard.jsonl all that was heard, for `netwatch replay`. A new or empty folder.",
)
@click.option("--no-color", is_flag=True, help="Plain text; so is everything that is no terminal.")
def command(*, port: int, speed: float, seconds: float | None, ledger_out: Path | None, no_color: bool) -> None:
    """A simulated metro on loopback: 60 devices, 40 leased lines, one eventful hour in a minute.

    The network, its people and the passing of time are simulated; the daemon, its SNMP polls, traps, store and
    messages are real. What is true is printed beside what NetWatch says. Nothing leaves this machine or stays on it.

    Exit status: 0 shown, 1 the demo failed, 69 the port is in use.
    """
    import asyncio
    import os
    import sys

    from rich.console import Console

    from netwatch.app import CannotListenError, GaveUpError, new_loop
    from netwatch.demo.fleet import NoLoopbackError
    from netwatch.demo.show import Options, run

    # A proxy named in the environment must not be asked for addresses of this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    console = Console(
        force_terminal=False if no_color else None, highlight=False, width=None if sys.stdout.isatty() else 140
    )
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run(Options(port, speed, seconds, ledger_out), console))
    except CannotListenError as error:
        fail([error.finding], UNAVAILABLE)
    except NoLoopbackError as error:
        say(f"{error} (the demo needs Linux, where all of 127.0.0.0/8 is this machine)")
        raise SystemExit(UNAVAILABLE) from None
    except (GaveUpError, ExceptionGroup) as error:
        say("the demo failed: " + "; ".join(f"{type(e).__name__}: {e}" for e in _leaves(error)))
        raise SystemExit(FINDINGS) from None


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
