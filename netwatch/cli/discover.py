"""`netwatch discover`: propose ledger rows for what answers in a range."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netwatch.cli.common import FINDINGS, config_option, emit, json_option, say, show
from netwatch.findings import did_you_mean

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.wire.discover import Habits, Network, Proposal
    from netwatch.wire.profile import Profiles
    from netwatch.wire.snmp import Credential


@click.command("discover")
@click.argument("ranges", nargs=-1, required=True, metavar="RANGE…")
@click.option("--community", metavar="C", help="SNMP community (v2c).")
@click.option("--credential", "name", metavar="NAME", help="A credential of the configuration instead.")
@click.option("--port", type=click.IntRange(1, 65535), default=161, show_default=True)
@click.option(
    "--timeout", type=click.FloatRange(0.05, 60), default=1.0, show_default=True, help="Seconds for an answer."
)
@click.option("--concurrency", type=click.IntRange(1, 1000), default=64, show_default=True, help="Addresses at once.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write CSV files into this new folder.")
@click.option("--yes", is_flag=True, help="Also for more than 65,536 addresses.")
@config_option
@json_option
def command(
    ranges: Sequence[str],
    community: str | None,
    name: str | None,
    port: int,
    timeout: float,
    concurrency: int,
    out: Path | None,
    yes: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Ask each address in RANGE (192.0.2.0/24) what it is; propose devices, and links by LLDP.

    Only reads, asks nothing outside RANGE, and leaves the running ledger alone.
    """
    from netwatch.config import load
    from netwatch.wire import discover
    from netwatch.wire.profile import Profiles

    if (community is None) == (name is None):
        raise click.UsageError("say either --community or --credential")
    try:
        networks = discover.ranges(ranges)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if (many := discover.size(networks)) > discover.LARGEST and not yes:
        raise click.UsageError(f"these are {many} addresses; --yes if that is meant")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise click.UsageError(f"{out} is there already: name a new folder, nothing is written over")
    site = load(config)
    who = _credential(site, community, name)
    profiles = Profiles.of(site.listing("collectors"))
    habits = discover.Habits(port, timeout, concurrency=concurrency)
    proposal = asyncio.run(_discover(networks, profiles, who, name or "", habits))
    for note in proposal.notes:
        say(note)
    if out is not None:
        _write(proposal, out)
        say(f"written to {out}: look it through, then netwatch ledger check {out}")
    if as_json:
        emit(dataclasses.asdict(proposal))
    elif out is None:
        show(proposal.devices, ("device", "vendor", "address", "credential"), none="nobody answered")
        show(proposal.links, ("link", "a_device", "a_port", "z_device", "z_port"), none="no link by LLDP")
        show(proposal.neighbours, ("device", "port", "remote_device", "remote_port"), none="no other neighbours")
    if not proposal.devices:
        raise SystemExit(FINDINGS)


def _credential(site: Config, community: str | None, name: str | None) -> Credential:
    from netwatch.wire.credential import credential
    from netwatch.wire.snmp import Credential

    if name is None:
        return Credential(community=community or "")
    if name not in site.credentials:
        hint = did_you_mean(name, site.credentials) or f"known: {', '.join(site.credentials) or 'none'}"
        raise click.UsageError(f'the configuration has no credential "{name}"; {hint}')
    found = credential(site.credentials[name])
    if found is None:
        raise click.UsageError(f'the credential "{name}" is for SSH alone')
    return found


async def _discover(
    networks: Sequence[Network], profiles: Profiles, who: Credential, name: str, habits: Habits
) -> Proposal:
    from netwatch.wire import discover
    from netwatch.wire.snmp import open_snmp

    every = max(64, discover.size(networks) // 20)  # what is over in seconds needs no word of how far it is

    def progress(asked: int, found: int) -> None:
        if asked % every == 0:
            say(f"{asked} addresses asked, {found} answered")

    snmp = open_snmp()
    try:
        found, problems = await discover.sweep(snmp, profiles, networks, who, habits, progress)
    finally:
        await snmp.close()
    proposal = discover.propose(found, profiles, name)
    proposal.notes += problems
    return proposal


def _write(proposal: Proposal, folder: Path) -> None:
    """devices.csv and links.csv as the ledger reads them; what it does not read goes beside them, in notes/."""
    (folder / "notes").mkdir(parents=True)
    tables: dict[str, list[dict[str, Any]]] = {
        "devices": list(proposal.devices),
        "links": list(proposal.links),
        "notes/ports": list(proposal.ports),
        "notes/neighbours": list(proposal.neighbours),
    }
    for table, rows in tables.items():
        if not rows:
            continue
        with (folder / f"{table}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
