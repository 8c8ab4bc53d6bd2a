"""`netwatch report`: what a day, week, month or year came to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netwatch.cli.common import FINDINGS, UNAVAILABLE, config_option, emit, json_option, say, show

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.report import Facts, Line

_KINDS = ("availability", "customers", "crews", "faults")


@click.command("report")
@click.argument("kind", type=click.Choice([*_KINDS, "all"]))
@click.option("-p", "--period", help="2026-11, 2026-W45, 2026-11-02, 2026-11-02..2026-11-08; default: this month.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write .xlsx or .csv.")
@config_option
@json_option
def command(*, kind: str, period: str | None, output: Path | None, config: Path, as_json: bool) -> None:
    """Availability, customers, crews and faults of a period, counted from the store; the daemon may run.

    A period that has not ended is counted up to now. Customers stand in it by their ids: the names are the ledger's.
    """
    from netwatch.config import load
    from netwatch.report import circuits, crews, customers, faults, rows, save
    from netwatch.store import StoreError

    settings = load(config)
    try:
        facts = asyncio.run(_gather(settings, period))
    except StoreError as error:
        say(str(error))
        raise SystemExit(UNAVAILABLE) from None
    makers: dict[str, Callable[[Facts], Sequence[Line]]] = {
        "availability": circuits,
        "customers": customers,
        "crews": crews,
        "faults": faults,
    }
    wanted = _KINDS if kind == "all" else (kind,)
    tables = {name: rows(makers[name](facts), settings.site.zone) for name in wanted}
    if output is not None:
        try:
            save(output, tables)
        except (ValueError, OSError) as error:
            say(str(error))
            raise SystemExit(FINDINGS) from None
        say(f"{output}: {facts.period.name}, {', '.join(f'{len(t)} {n}' for n, t in tables.items())}")
    if as_json:
        emit({"period": facts.period.name, **tables})
    elif output is None:
        for name, table in tables.items():
            say(f"{name}, {facts.period.name}")
            show(table, list(table[0]) if table else (), none="nothing in this period")


async def _gather(settings: Config, text: str | None) -> Facts:
    from netwatch.app import Clock
    from netwatch.core.model import Exposure, Fault, Outage, Ticket, Unknown
    from netwatch.knowledge import load_rules
    from netwatch.ledger import read
    from netwatch.report import YEAR, Facts, period, this_month
    from netwatch.store import Store

    now, zone = Clock()(), settings.site.zone
    try:
        wanted = period(text, zone) if text else this_month(now, zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    rules = await asyncio.to_thread(load_rules, lambda name: settings.find("rules", name))
    ledger, _ = await asyncio.to_thread(read, settings.paths.ledger, settings, rules)
    span = wanted.start, wanted.end
    async with await Store.open(settings.database_url(), write=False) as store:
        history = store.history
        first = await history.facts(0, now, limit=1)
        return Facts(
            ledger=ledger,
            period=wanted,
            now=now,
            since=first[0].at if first else now,
            outages=await history.rows(Outage, between=(wanted.end - YEAR, wanted.end)),
            exposures=await history.rows(Exposure, between=span),
            unknowns=await history.rows(Unknown, between=span),
            faults=await history.rows(Fault, between=span),
            tickets=await history.rows(Ticket, between=span),
            stops=frozenset().union(*(policy.stopping for policy in rules.policies)),
        )
