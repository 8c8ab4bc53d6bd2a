"""What every command does the same way: data on stdout, talk on stderr, exit statuses, the -c option."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from netwatch.findings import Finding

FINE = 0
FINDINGS = 1
"""There are findings, or the thing asked for failed."""
USAGE = 2
UNAVAILABLE = 69
TRY_AGAIN = 75
CONFIGURATION = 78
"""Something given to NetWatch cannot be used. 69, 75 and 78 are those of sysexits.h."""

_ETC = Path("/etc/netwatch/config.toml")


def _found(_ctx: click.Context, _param: click.Parameter, given: Path | None) -> Path:
    if given is not None:
        return given
    for path in (Path("config.toml"), _ETC):
        if path.is_file():
            return path
    from netwatch.config import shipped

    return shipped("config.toml")


config_option = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path),
    callback=_found,
    envvar="NETWATCH_CONFIG",
    help="Default: ./config.toml, else /etc/netwatch/config.toml, else the shipped one.",
)
"""Gives the command `config: Path`, always a path."""

json_option = click.option("--json", "as_json", is_flag=True, help="Data as JSON on stdout.")
"""Gives the command `as_json: bool`."""


def say(text: str) -> None:
    """Talk: to stderr, so that it never mixes with data."""
    click.echo(text, err=True)


def emit(data: Any) -> None:
    """One JSON value on one line of stdout. Characters stay as they are; keys keep their order."""
    click.echo(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str))


def show(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, none: str = "nothing") -> None:
    """A table for people on stdout; a note on stderr when there is nothing to show."""
    listed = list(rows)
    if not listed:
        say(none)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in listed:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    # Piped output must not be cut to the width of a terminal that is not there.
    console = Console(file=sys.stdout) if sys.stdout.isatty() else Console(file=sys.stdout, width=250)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(str(x) for x in value)
    return str(value)


def tell(findings: Iterable[Finding]) -> None:
    """Every finding on stderr: place, what, cure."""
    for finding in findings:
        mark = click.style("warning", fg="yellow") if finding.warning else click.style("error", fg="red")
        say(f"{mark} {_printable(str(finding))}")


def _printable(text: str) -> str:
    """What was given to us may hold codes that would drive the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def as_data(finding: Finding) -> dict[str, str | bool]:
    """A finding for `emit`."""
    return {"place": finding.place, "what": finding.what, "cure": finding.cure, "warning": finding.warning}


def fail(findings: Iterable[Finding], status: int = CONFIGURATION) -> NoReturn:
    """Tell the findings and end with `status`."""
    tell(findings)
    raise SystemExit(status)
