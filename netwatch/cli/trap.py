"""`netwatch trap`: what the running daemon heard on its trap port, above all what no profile knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netwatch.cli.common import UNAVAILABLE, config_option, emit, json_option, say, show
from netwatch.cli.daemon import Api, AwayError


@click.group("trap")
def command() -> None:
    """Notifications that the daemon heard since its start."""


@command.command("list")
@click.option("--unknown", is_flag=True, help="Only those that no profile knows.")
@config_option
@json_option
def listing(unknown: bool, config: Path, as_json: bool) -> None:
    """How many were heard; from which strangers; and which ones no profile knows, with a sample of each.

    Counted since the daemon's start: a notification that matters comes again.
    """
    try:
        told: dict[str, Any] = Api(config).get("/api/v1/traps")
    except AwayError as error:
        say(f"{error}; it alone knows what it heard (netwatch run)")
        raise SystemExit(UNAVAILABLE) from None
    if as_json:
        emit(told["unknown"] if unknown else told)
        return
    if not unknown:
        say(f"{told['heard']} heard: {told['observed']} observed, {told['garbled']} garbled, {told['refused']} refused")
        if told["strangers"]:
            show(told["strangers"], ("source", "count"))
    rows = [row | {"varbinds": [f"{vb['oid']}={vb['value']}" for vb in row["varbinds"]]} for row in told["unknown"]]
    show(rows, ("oid", "device", "source", "count", "first", "last", "varbinds"), none="none that no profile knows")
