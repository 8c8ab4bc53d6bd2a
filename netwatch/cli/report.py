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

_KINDS = ("availability", "summary", "customers", "crews", "faults", "repeats")
_SHOWN = {
    "availability": "circuit assurance availability_net target left_seconds outages breaches net_down_seconds coverage "
    "repeats chronic credit_share",
    "summary": "by group circuits availability_net below_target outages due timeliness late_left median_minutes "
    "p90_minutes credit_rents",
}
"""What fits a terminal; `--json` and files hold every column."""
_GROUPS = ("all", "class", "product", "region", "customer")


def _writable(_ctx: click.Context, _param: click.Parameter, given: Path | None) -> Path | None:
    if given is not None and given.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter(f"{given}: its name must end in .csv or .xlsx")
    return given


@click.command("report")
@click.argument("kind", type=click.Choice([*_KINDS, "all"]))
@click.option("-p", "--period", help="2026-11, 2026-W45, 2026-11-02, 2026-11-02..2026-11-08; default: this month.")
@click.option(
    "--year", is_flag=True, help="Count the year that ends with the period instead: the rolling twelve months."
)
@click.option("--by", multiple=True, type=click.Choice(_GROUPS), help="What `summary` sums up by; default: everything.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_writable,
    help="Write .xlsx or .csv.",
)
@config_option
@json_option
def command(
    *, kind: str, period: str | None, year: bool, by: tuple[str, ...], output: Path | None, config: Path, as_json: bool
) -> None:
    """What a period came to, counted from the store; the daemon may run.

    \b
    availability  circuit by circuit: gross and net, against the target of its class, repeats, chronic, credit
    summary       the same summed up: all in all, by class, product, region, customer; timeliness, MTTR, P90
    customers     customer by customer, with the worst circuit
    crews         team by team: accepting, arriving, restoring, timeliness
    faults        fault by fault
    repeats       faults that came again on a circuit

    Gross counts every minute without service; net leaves out what the contract excuses. What nobody could tell lowers
    the coverage, never the availability. Targets, credits and what a repeat is: [policy.quality] in rules/sla.toml.

    A terminal shows the columns that matter most; --json and -o hold them all.

    A period that has not ended is counted up to now. Customers stand in it by their ids: the names are the ledger's.
    """
    from netwatch.config import load
    from netwatch.report import circuits, crews, customers, faults, groups, repeats, rows, save
    from netwatch.store import StoreError

    settings = load(config)
    try:
        facts = asyncio.run(_gather(settings, period, year=year))
    except StoreError as error:
        say(str(error))
        raise SystemExit(UNAVAILABLE) from None
    makers: dict[str, Callable[[Facts], Sequence[Line]]] = {
        "availability": circuits,
        "summary": lambda facts: groups(facts, by or _GROUPS),
        "customers": customers,
        "crews": crews,
        "faults": faults,
        "repeats": repeats,
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
            columns = _SHOWN[name].split() if name in _SHOWN else list(table[0]) if table else ()
            show(table, columns, none="nothing in this period")


async def _gather(settings: Config, text: str | None, *, year: bool) -> Facts:
    from netwatch.app import Clock
    from netwatch.core.model import Exposure, Fault, Outage, Ticket, Unknown
    from netwatch.core.sla import policy_at
    from netwatch.knowledge import load_rules
    from netwatch.ledger import read
    from netwatch.report import YEAR, Facts, period, this_month, year_to
    from netwatch.store import Store

    now, zone = Clock()(), settings.site.zone
    try:
        wanted = period(text, zone) if text else this_month(now, zone)
        wanted = year_to(wanted, zone) if year else wanted
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    rules = await asyncio.to_thread(load_rules, lambda name: settings.find("rules", name))
    ledger, _ = await asyncio.to_thread(read, settings.paths.ledger, settings, rules)
    span = wanted.start, wanted.end
    back = min(wanted.start, wanted.end - YEAR), wanted.end
    async with await Store.open(settings.database_url(), write=False) as store:
        history = store.history
        first = await history.facts(0, now, limit=1)
        return Facts(
            ledger=ledger,
            period=wanted,
            now=now,
            since=first[0].at if first else now,
            outages=await history.rows(Outage, between=back),
            exposures=await history.rows(Exposure, between=span),
            unknowns=await history.rows(Unknown, between=span),
            faults=await history.rows(Fault, between=back),
            tickets=await history.rows(Ticket, between=span),
            zone=zone,
            quality=policy_at(rules, wanted.start, zone).quality,
        )
