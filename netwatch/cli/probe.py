"""`netwatch probe`: ask one device everything its profiles ask, and show it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import sys
from pathlib import Path
from typing import Any

import click

from netwatch import config
from netwatch.core.model import State
from netwatch.findings import did_you_mean
from netwatch.wire.credential import credential as snmp_credential
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Read, Reader
from netwatch.wire.snmp import Budget, Credential, SnmpError, Target, open_snmp

LISTS = ("ports", "sensors", "onus", "neighbours", "sessions", "power", "tests")


@click.command("probe")
@click.argument("address")
@click.option("--community", metavar="C", help="SNMP community (v2c); default: public.")
@click.option("--credential", "name", metavar="NAME", help="A credential of the configuration instead.")
@click.option("--port", type=click.IntRange(1, 65535), default=161, show_default=True)
@click.option("--context", default="", metavar="X", help="SNMPv3 context.")
@click.option(
    "--timeout", type=click.FloatRange(0.05, 60), default=2.0, show_default=True, help="Seconds for an answer."
)
@click.option("--engine", type=click.Choice(["native", "pysnmp"]), default="native", hidden=True)
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), default=Path("config.toml"), show_default=True,
    help="Where --credential is found, and the collectors of this site beside it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    address: str,
    community: str | None,
    name: str | None,
    port: int,
    context: str,
    timeout: float,
    engine: str,
    path: Path,
    as_json: bool,
) -> None:
    """Ask the device at ADDRESS everything that its profiles ask; say what it is and all that was read.

    Only reads; never writes to the device.
    """
    if community is not None and name is not None:
        raise click.UsageError("--community and --credential exclude one another")
    site = config.load(path) if name is not None or path.exists() else None
    profiles = Profiles.of(site.listing("collectors") if site else config.listing(None, "collectors"))
    who = _credential(site, name) if name is not None else Credential(community=community or "public")
    target = Target(_address(address), who, port, context, timeout)
    try:
        found, budget, seconds = asyncio.run(_ask(target, profiles, engine))
    except SnmpError as error:
        click.echo(str(error), err=True)
        if as_json:
            click.echo(json.dumps({"address": address, "problems": [str(error)]}, ensure_ascii=False))
        sys.exit(69)
    told = _told(address, found, budget, seconds)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(told)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(text, None, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError as error:
        raise click.UsageError(f'"{text}" is neither an address nor a name that resolves: {error.strerror}') from None


def _credential(site: config.Config | None, name: str) -> Credential:
    known = site.credentials if site else {}
    if name not in known:
        hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
        raise click.UsageError(f'the configuration has no credential "{name}"; {hint}')
    found = snmp_credential(known[name])
    if found is None:
        raise click.UsageError(f'the credential "{name}" is for SSH alone')
    return found


async def _ask(target: Target, profiles: Profiles, engine: str) -> tuple[Read, Budget, float]:
    loop = asyncio.get_running_loop()
    snmp = open_snmp(engine)
    budget = Budget()
    start = loop.time()
    try:
        found = await Reader(snmp, profiles).read(target, budget)
    finally:
        await snmp.close()
    return found, budget, loop.time() - start


def _told(address: str, found: Read, budget: Budget, seconds: float) -> dict[str, Any]:
    """The object of `--json`. Empty fields beyond the contract's are left out."""
    lists = {name: found.lists.get(name, []) for name in (*LISTS, *found.lists)}
    return {
        "address": address,
        "sys_object_id": found.object_id,
        "sys_name": found.name,
        "sys_descr": found.descr,
        "uptime_seconds": found.uptime_seconds,
        "profiles": found.profiles,
        **lists,
        "observations": [
            {"component": s.component, "condition": s.condition, "state": s.state, "value": s.value} for s in found.seen
        ],
        "problems": found.problems,
        "requests": budget.requests,
        "seconds": round(seconds, 3),
    }


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width: nothing is cut off
        console.width = 240
    console.print(Text(f"{told['sys_name'] or told['address']}: {told['sys_descr']}"), style="bold")
    up = told["uptime_seconds"]
    age = f", up for {up / 86400:.1f} d" if up is not None else ""
    console.print(Text(f"{told['sys_object_id']}{age}; profiles: {', '.join(told['profiles']) or 'none'}"))
    for name, rows in told.items():
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict) or name == "observations":
            continue
        keys = [
            k
            for k in dict.fromkeys(k for row in rows for k in row)
            if any(row.get(k) not in (None, "") for row in rows)
        ]
        table = Table(*keys, title=f"{name} ({len(rows)})", title_justify="left", box=None, header_style="dim")
        for row in rows:
            table.add_row(*(Text(_cell(row.get(k))) for k in keys))
        console.print(table)
    bad = [o for o in told["observations"] if o["state"] != State.OK]
    for seen in bad:
        console.print(
            Text(f"{seen['condition']} {seen['state']}: {seen['component'] or 'the device'} ({seen['value']})")
        )
    for problem in told["problems"]:
        click.echo(problem, err=True)
    console.print(Text(f"{told['requests']} requests, {told['seconds']} s"), style="dim")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
