"""`netwatch complaint`: the customer's word."""

from __future__ import annotations

from pathlib import Path

import click

from netwatch.cli.common import config_option, json_option
from netwatch.cli.daemon import Api, reading, told

command = reading(
    "complaints",
    "Enter the customer's word, and list what was said lately.",
    {"at": "at", "circuit": "circuit", "channel": "channel", "fault": "fault"},
    ("circuit",),
)


@command.command("add")
@config_option
@json_option
@click.argument("circuit")
@click.option("--channel", default="", metavar="WORD", help="How it reached us, such as 10086.")
@click.option("--text", default="", help="What the customer says; kept in the journal only.")
def add(config: Path, as_json: bool, circuit: str, channel: str, text: str) -> None:
    """A customer complains: the clock of CIRCUIT starts now at the latest."""
    body = {"circuit": circuit, "channel": channel, "text": text}
    told(Api(config).post("/api/v1/complaints", body), as_json, f"complaint {circuit}")
