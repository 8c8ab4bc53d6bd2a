"""`netwatch replay`: what would have been decided on a recorded night."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netwatch.cli.common import USAGE, fail, json_option, say, show, tell
from netwatch.findings import Finding, UnusableError


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option("--ledger", required=True, type=click.Path(path_type=Path), help="Folder of CSV files, or an .xlsx.")
@click.option("-c", "--config", "config", type=click.Path(path_type=Path), help="For zone and vantage.")
@click.option("--rules", type=click.Path(path_type=Path), help="Folder of rule files; what it lacks is as shipped.")
@json_option
def command(journal: Path, ledger: Path, config: Path | None, rules: Path | None, as_json: bool) -> None:
    """Feed a recorded night through the engine that the daemon runs, in virtual time.

    JOURNAL holds JSON lines; - is standard input. Same input, same output, byte for byte.

    Exit status: 0 whatever was decided, 2 a line that cannot be read, 78 a ledger or rules that cannot be used.
    """
    from zoneinfo import ZoneInfo

    from netwatch import ledger as ledgers
    from netwatch import night
    from netwatch.config import load, shipped
    from netwatch.core.account import lines
    from netwatch.knowledge import FILES, load_rules

    if rules is not None and not rules.is_dir():
        # Judging by the shipped rules instead would answer another question than the one asked.
        fail([Finding(str(rules), "is no folder", "name the folder that holds the rule files")])
    if rules is not None and not any((rules / name).is_file() for name in FILES):
        tell([Finding(str(rules), "holds no rule file, so the shipped rules judge", ", ".join(FILES), warning=True)])
    settings = load(config) if config else None
    known = load_rules(
        lambda name: _own(rules, name) or (settings.find("rules", name) if settings else shipped("rules") / name)
    )
    network, warnings = ledgers.read(ledger, None, known)
    if warnings:
        say(f"{len(warnings)} warnings about the ledger; `netwatch ledger check {ledger}` tells them")
    try:
        recorded = night.read(_lines(journal), known, str(journal))
    except UnusableError as error:
        fail(error.findings, USAGE)
    zone = settings.site.zone if settings else ZoneInfo("Asia/Shanghai")
    rows = night.replay(recorded, network, known, zone, settings.site.vantage if settings else "")
    if as_json:
        click.echo(lines(rows), nl=False)
    else:
        _tell(rows)


def _own(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder and (folder / name).is_file() else None


def _lines(journal: Path) -> list[str]:
    try:
        data: bytes = sys.stdin.buffer.read() if str(journal) == "-" else journal.read_bytes()
    except OSError as error:
        fail([Finding(str(journal), f"cannot be read: {error.strerror}")], USAGE)
    # Undecodable bytes make their own line unreadable, not the file.
    return data.decode("utf-8", "surrogateescape").split("\n")


def _tell(rows: list[dict[str, object]]) -> None:
    """The account for people: one table a type."""
    columns = {
        "fault": ["id", "root", "domain", "opened", "cleared", "circuits", "confidence"],
        "outage": ["circuit", "fault", "started", "restored", "limit_minutes", "deadline", "net_seconds", "breached"],
        "exposure": ["circuit", "fault", "started", "ended"],
        "unknown": ["circuit", "started", "ended"],
        "ticket": ["id", "fault", "kind", "opened", "dispatched", "skill", "team", "closed", "merged_into", "reason"],
        "problem": ["line", "what"],
    }
    for kind, wanted in columns.items():
        mine = [_flat(row) for row in rows if row["type"] == kind]
        if mine:
            click.echo(f"\n{kind} ({len(mine)})")
            show(mine, wanted)


def _flat(row: dict[str, object]) -> dict[str, object]:
    root = row.get("root")
    return row | {"root": f"{root['kind']} {root['id']}".rstrip()} if isinstance(root, dict) else row
