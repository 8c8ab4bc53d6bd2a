"""The command line: one file a command, each loaded only when it is called.

A file `netwatch/cli/NAME.py` holds `command`, a click command or group. A line in `COMMANDS`
makes it known; a line whose file is not there is not listed.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from netwatch import __version__
from netwatch.cli.common import fail
from netwatch.findings import UnusableError, did_you_mean

COMMANDS: dict[str, tuple[str, str]] = {
    "alarm": ("alarm", "List and show alarms."),
    "backtest": ("backtest", "What each sending policy would have cost on past faults."),
    "backup": ("backup", "Write everything that NetWatch knows into one file."),
    "check": ("check", "Every problem of config, ledger, collectors, rules at once."),
    "circuit": ("circuit", "List and show circuits."),
    "complaint": ("complaint", "Enter the customer's word."),
    "db": ("db", "Upgrade the database."),
    "demo": ("demo", "A simulated metro on loopback, with faults on a story line."),
    "device": ("device", "List and show devices."),
    "discover": ("discover", "Propose ledger rows for what answers in a range."),
    "doctor": ("doctor", "What on this machine keeps NetWatch from working well."),
    "explain": ("explain", "Why: the chain from observation to decision."),
    "fault": ("fault", "List and show faults."),
    "install-service": ("install_service", "Install the systemd units."),
    "ledger": ("ledger", "Check, import and compare the resource ledger."),
    "maintenance": ("maintenance", "Add, list and cancel planned work."),
    "probe": ("probe", "Ask one device everything its profiles ask."),
    "replay": ("replay", "Feed a recorded night through the engine."),
    "report": ("report", "Availability, customer and crew reports."),
    "restore": ("restore", "Bring back what a backup holds."),
    "run": ("run", "The daemon."),
    "sla": ("sla", "Every limit of a circuit, and where it comes from."),
    "ticket": ("ticket", "The repair orders' life."),
    "trap": ("trap", "Notifications that no profile knows."),
}
"""Command → (module in this package, its line in --help)."""


class Lazy(click.Group):
    """Lists commands without importing them; turns what cannot be used into exit status 78."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name, (module, _) in COMMANDS.items() if find_spec(f"{__name__}.{module}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: Any = import_module(f"{__name__}.{COMMANDS[cmd_name][0]}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name}: `command` is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            hint = did_you_mean(args[0], known) or "netwatch --help lists all"
            raise click.UsageError(f"no command {args[0]!r} ({hint})", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)] or [("(none)", "")])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # A terminal or pipe that cannot show a name, as with GBK or ASCII, must not cost the whole answer.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UnusableError as error:
            fail(error.findings)


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="netwatch", message="%(prog)s %(version)s")
def main() -> None:
    """From alarms to contract clocks for leased lines.

    Exit status: 0 fine, 1 findings or failure, 2 usage, 69 unavailable, 75 try again, 78 configuration.
    """
