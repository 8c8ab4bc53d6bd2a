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
@_scope
def add(config: Path, as_json: bool, id: str, start: str, end: str, announced: str, **scope: tuple[str, ...]) -> None:  # noqa: A002
    """Plan work, or replace planned work of the same ID.

    netwatch maintenance add M-7 --start 2026-11-09T01:00 --end 2026-11-09T05:00 --device AGG-3 --cable K-4
    """
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
    }
    told(api.post("/api/v1/maintenance", body), as_json, f"maintenance {id}")


@command.command("cancel")
@config_option
@json_option
@click.argument("id", metavar="ID")
def cancel(config: Path, as_json: bool, id: str) -> None:  # noqa: A002 - click names the argument
    """Cancel planned work, or end it now."""
    told(Api(config).post(f"/api/v1/maintenance/{quote(id, safe='')}/cancel", {}), as_json, f"cancel maintenance {id}")
