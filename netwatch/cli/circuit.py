"""`netwatch circuit`: list and show circuits."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from netwatch.cli.common import UNAVAILABLE, config_option, emit, json_option, say
from netwatch.cli.daemon import Api, AwayError, in_full, reading

command = reading(
    "circuits",
    "List and show circuits.",
    {
        "id": "circuit",
        "state": "state",
        "assurance": "class",
        "since": "since",
        "customer": "customer",
        "a": "a",
        "z": "z",
        "fault": "fault",
        "ticket": "ticket",
    },
    ("state", "assurance", "product", "customer", "site", "fault"),
)


@command.command("customer")
@config_option
@json_option
@click.argument("id", metavar="ID")
def customer(config: Path, as_json: bool, id: str) -> None:  # noqa: A002 - click names the argument
    """Whose circuit it is, and whom to call. Every look is logged."""
    try:
        found = Api(config).get(f"/api/v1/circuits/{quote(id, safe='')}/customer")
    except AwayError as error:
        say(f"{error}; customers are told by the running daemon only, because every look is logged")
        raise SystemExit(UNAVAILABLE) from None
    if as_json:
        emit(found)
    else:
        in_full(found)
