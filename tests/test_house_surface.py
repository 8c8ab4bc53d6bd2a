"""What people and other programs rely on, as the written surface lists it: commands, paths, metrics."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from fastapi import FastAPI
from starlette.routing import Match

from netwatch.cli import main
from netwatch.core.model import Ledger
from netwatch.metrics import Metrics
from netwatch.web.access import Access
from netwatch.web.app import create_app
from netwatch.web.view import View


@pytest.fixture
def surface(corpus: Path) -> str:
    return (corpus / "contracts" / "surface.md").read_text("utf-8")


def test_every_command_of_the_surface_is_there(surface: str) -> None:
    table = surface.split("## Commands")[1].split("Exit status", maxsplit=1)[0]
    names = set(re.findall(r"`netwatch ([a-z]+)", table))
    rows = re.findall(r"^\| (`netwatch.*?) \| ", table, re.MULTILINE)
    names |= {name for row in rows for name in re.findall(r", `([a-z]+)`", row)}
    assert {"demo", "explain", "ticket", "fault", "doctor"} <= names
    assert names - set(main.list_commands(click.Context(main))) == set()


def test_every_act_of_a_ticket_and_every_verb_of_a_group_is_there(surface: str) -> None:
    table = surface.split("## Commands")[1].split("Exit status", maxsplit=1)[0]
    absent = []
    for group, listed in re.findall(r"`netwatch ([a-z]+) ([a-z]+(?:\\\|[a-z]+|\|[a-z]+)+)`", table):
        command = main.get_command(click.Context(main), group)
        verbs = set(re.split(r"\\?\|", listed))
        known = set(command.list_commands(click.Context(command))) if isinstance(command, click.Group) else set()
        absent += [f"{group} {verb}" for verb in sorted(verbs - known)]
    assert absent == []


@pytest.fixture
def view() -> View:
    return View(Ledger(), ZoneInfo("Asia/Shanghai"), 0)


def test_every_metric_of_the_surface_is_there(surface: str, view: View) -> None:
    listed = surface.split("## Metrics")[1]
    # Of the words in backticks only the first of each item is a metric; what stands on /metrics/circuits comes last.
    names = set(re.findall(r"(?:^|· |, |: |and |with )`([a-z_]+)(?:\{[a-z_,]+\})?`", listed, re.MULTILINE))
    assert {"inbox_depth", "breach_probability", "circuit_state", "notify_delay_seconds"} <= names
    metrics = Metrics(view, lambda: 0, "1")
    told = (metrics.render() + metrics.render_circuits()).decode()
    families = set(re.findall(r"^# TYPE netwatch_(\w+) ", told, re.MULTILINE))
    assert names - families == set()


def serves(app: FastAPI, path: str) -> bool:
    scope = {"type": "http", "path": path, "method": "GET", "headers": [], "query_string": b"", "root_path": ""}
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)


def test_every_path_of_the_surface_is_there(surface: str, view: View) -> None:
    def submit(*_: object) -> None:
        raise AssertionError("nobody acts here")

    app = create_app(view, clock=lambda: 0, submit=submit, health=dict, access=Access(act_token=""))  # type: ignore[arg-type]
    table = surface.split("## HTTP")[1].split("## Metrics", maxsplit=1)[0]
    listed = {
        path for row in re.findall(r"^\| (`/.*?) \| ", table, re.MULTILINE) for path in re.findall(r"`(/[^`]*)`", row)
    }
    kinds = re.findall(r"JSON: ([a-z, ]+);", table)[0].split(", ")
    wanted = {p for p in listed if "…" not in p and not p.startswith("/tmf-api")} | {f"/api/v1/{k}" for k in kinds}
    assert {"/", "/t/{ticket}", "/metrics", "/readyz", "/api/v1/events"} <= wanted
    assert [path for path in sorted(wanted) if not serves(app, path)] == []
    assert not serves(app, "/api/v1/nothing")
