"""`netwatch replay`: what would have been decided on a recorded night."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from netwatch.cli.common import USAGE, fail, json_option, say, show, tell
from netwatch.findings import Finding, UnusableError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from netwatch.cli.explain import Found, Stranger
    from netwatch.core.model import Decision, Ledger
    from netwatch.core.rules import Rules


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option("--ledger", required=True, type=click.Path(path_type=Path), help="Folder of CSV files, or an .xlsx.")
@click.option("-c", "--config", "config", type=click.Path(path_type=Path), help="For zone and vantage.")
@click.option("--rules", type=click.Path(path_type=Path), help="Folder of rule files; what it lacks is as shipped.")
@click.option("--explain", "subject", help="Tell why, as `netwatch explain` does: a circuit, ticket, fault or device.")
@json_option
def command(
    journal: Path, ledger: Path, config: Path | None, rules: Path | None, subject: str | None, as_json: bool
) -> None:
    """Feed a recorded night through the engine that the daemon runs, in virtual time.

    JOURNAL holds JSON lines; - is standard input. Same input, same output, byte for byte.

    Exit status: 0 whatever was decided, 1 nothing is known by the name to explain, 2 a line that cannot be read, 78 a
    ledger or rules that cannot be used.
    """
    import asyncio
    from zoneinfo import ZoneInfo

    from netwatch import ledger as ledgers
    from netwatch import night
    from netwatch.cli.explain import answer
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
    vantage = settings.site.vantage if settings else ""
    if subject is not None:
        decided = night.decisions(recorded, network, known, zone, vantage)
        answer(subject, asyncio.run(_why(subject, decided, network, known, zone)), as_json=as_json)
        return
    rows = night.replay(recorded, network, known, zone, vantage)
    if as_json:
        click.echo(lines(rows), nl=False)
    else:
        _tell(rows)


async def _why(
    subject: str, decided: Iterator[Decision], ledger: Ledger, rules: Rules, zone: ZoneInfo
) -> Found | Stranger:
    """Every fault of a subject, asked of a store that remembers the night and is then forgotten."""
    from netwatch.cli.explain import look_up
    from netwatch.store import Store

    with TemporaryDirectory() as folder:
        async with await Store.open(str(Path(folder) / "night.db")) as store:
            while some := list(islice(decided, _AT_ONCE)):
                await store.commit(_folded(some))
            return await look_up(store.history, ledger, rules, zone, subject, everything=True)


_AT_ONCE = 256
"""Decisions in one transaction: the disk is waited for that much less often."""


def _folded(decisions: Sequence[Decision]) -> Decision:
    """Several decisions as one: of each row the last."""
    from netwatch.core.model import Decision, index

    rows = index(row for d in decisions for row in d.rows)
    facts = tuple(fact for d in decisions for fact in d.facts)
    entries = tuple(entry for d in decisions for entry in d.entries)
    effects = tuple(effect for d in decisions for effect in d.effects)
    return Decision(decisions[-1].now, facts, tuple(rows.values()), entries, effects)


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
