"""`netwatch ticket`: the repair order's life."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from netwatch.cli.common import config_option, json_option
from netwatch.cli.daemon import Api, instant, reading, told

command = reading(
    "tickets",
    "The repair orders' life: list, show, and what people do with them.",
    {
        "id": "ticket",
        "state": "state",
        "kind": "kind",
        "fault": "fault",
        "team": "team",
        "opened": "opened",
        "deadline": "deadline",
        "breach_probability": "risk",
        "overdue": "overdue",
        "circuits": "circuits",
    },
    ("open", "state", "kind", "team", "skill", "fault", "circuit", "overdue"),
)

_ACTS = {
    "ack": "Somebody takes care of it.",
    "accept": "The crew takes it.",
    "reject": "Not this crew's work: say why, and it is sent anew.",
    "depart": "The crew is on its way.",
    "arrive": "The crew is on site.",
    "restore": "Service is back, by the crew's word. With --reason reroute: by another way, the link is still down.",
    "pause": "Stop (or hold) the clock for a reason of rules/sla.toml.",
    "resume": "The reason is over; without --reason: all of them.",
    "return": "The slip has come back.",
    "close": "File it.",
    "generator": "Order the generator that was proposed for a site on battery: its team is told.",
}


def _act(action: str, help_text: str) -> click.Command:
    @click.command(action, help=help_text, short_help=help_text)
    @config_option
    @json_option
    @click.argument("id", metavar="TICKET")
    @click.option("--by", default=getpass.getuser, show_default="you", help="Who does it.")
    @click.option("--reason", default="", help="Why; a pause and a rejection need one.")
    @click.option(
        "--circuit", "circuits", multiple=True, metavar="CIRCUIT", help="Of the ticket's circuits, these only."
    )
    def run(config: Path, as_json: bool, **given: Any) -> None:
        api, key = Api(config), given.pop("id")
        all_of_them, since = given.pop("all_circuits", False), given.pop("since", "")
        body = {
            **given,
            "circuits": "all" if all_of_them else list(given["circuits"]) or None,
            "since": instant(since, api.config, "--since") if since else None,
        }
        told(api.post(f"/api/v1/tickets/{quote(key, safe='')}/{action}", body), as_json, f"{action} {key}")

    if action in ("pause", "resume"):
        run.params += [
            click.Option(["--all", "all_circuits"], is_flag=True, help="All circuits of the ticket."),
            click.Option(["--since"], default="", metavar="TIME", help="Back-date it; the site's time unless it says."),
            click.Option(
                ["--approved-by"],
                default="",
                metavar="PERSON",
                help="Who approves the pause or its back-dating: not you.",
            ),
        ]
    if action == "pause":
        text = "What bears it out; said again, the pause itself is not moved."
        run.params.append(click.Option(["--evidence"], default="", metavar="TEXT", help=text))
    return run


for _name, _help in _ACTS.items():
    command.add_command(_act(_name, _help))
