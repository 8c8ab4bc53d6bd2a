"""`netwatch maintenance`: planned work."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from netwatch.cli.common import config_option, json_option
from netwatch.cli.daemon import Api, instant, reading, told

command = reading(
    "maintenance",
    "Add, list and cancel planned work.",
    {"id": "id", "state": "state", "announced": "announced", "start": "start", "end": "end", "scope": "scope"},
    ("state",),
)

_KINDS = ("device", "link", "cable", "circuit", "site")


def _scope(run: Any) -> Any:
    for kind in reversed(_KINDS):
        run = click.option(f"--{kind}", multiple=True, metavar="ID", help=f"A {kind} that the work touches.")(run)
    return run


@command.command("add")
@config_option
@json_option
@click.argument("id", metavar="ID")
@click.option("--start", required=True, metavar="TIME", help="The site's time, unless it carries an offset.")
@click.option("--end", required=True, metavar="TIME")
@click.option("--announced", default="", metavar="TIME", help="When customers were told; default: now.")
@click.option("--every", default="", metavar="WHEN", help='"daily", "weekly mon thu", "monthly 15", "monthly last".')
@click.option("--until", default="", metavar="TIME", help="No window of a repetition begins later.")
@_scope
def add(
    config: Path,
    as_json: bool,
    id: str,  # noqa: A002 - click names the argument
    start: str,
    end: str,
    announced: str,
    every: str,
    until: str,
    **scope: tuple[str, ...],
) -> None:
    """Plan work, or replace planned work of the same ID.

    netwatch maintenance add M-7 --start 2026-11-09T01:00 --end 2026-11-09T05:00 --device AGG-3 --cable K-4

    Work that comes again is as many windows, each named by the day on which it begins, as M-8@2026-11-30:

    netwatch maintenance add M-8 --start 2026-11-30T23:00 --end 2026-12-01T03:00 --every "monthly last"
    --until 2027-06-30 --site S-2
    """
    if bool(every) != bool(until):
        raise click.UsageError("--every and --until go together: how it comes again, and until when")
    named = [f"{kind} {one}" for kind in _KINDS for one in scope[kind]]
    if not named:
        raise click.UsageError("what does the work touch? Name a --device, --link, --cable, --circuit or --site")
    api = Api(config)
    body = {
        "id": id,
        "start": instant(start, api.config, "--start"),
        "end": instant(end, api.config, "--end"),
        "announced": instant(announced, api.config, "--announced") if announced else None,
        "scope": named,
    } | ({"every": every, "until": instant(until, api.config, "--until")} if every else {})
    told(api.post("/api/v1/maintenance", body), as_json, f"maintenance {id}")


@command.command("cancel")
@config_option
@json_option
@click.argument("id", metavar="ID")
def cancel(config: Path, as_json: bool, id: str) -> None:  # noqa: A002 - click names the argument
    """Cancel planned work, or end it now; of work that comes again, all that is left of it."""
    told(Api(config).post(f"/api/v1/maintenance/{quote(id, safe='')}/cancel", {}), as_json, f"cancel maintenance {id}")
