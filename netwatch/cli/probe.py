"""`netwatch probe`: ask one device everything its profiles ask, and show it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netwatch import config
from netwatch.core.model import State
from netwatch.findings import did_you_mean
from netwatch.wire.credential import credential as snmp_credential
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Read, Reader
from netwatch.wire.snmp import Budget, Credential, NoAnswerError, SnmpError, Target, open_snmp

if TYPE_CHECKING:
    from netwatch.wire.cli.read import CommandLine

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
@click.option("--ssh", "with_ssh", is_flag=True, help="Add what the command line tells; needs --credential.")
@click.option("--family", metavar="NAME", help="Whose command line it has, where SNMP does not tell.")
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
    with_ssh: bool,
    family: str | None,
    engine: str,
    path: Path,
    as_json: bool,
) -> None:
    """Ask the device at ADDRESS everything that its profiles ask; say what it is and all that was read.

    Only reads; never writes to the device.
    """
    if community is not None and name is not None:
        raise click.UsageError("--community and --credential exclude one another")
    if (with_ssh or family) and (name is None or not with_ssh):
        raise click.UsageError("the command line needs --ssh and --credential")
    site = config.load(path) if name is not None or path.exists() else None
    folders = site.listing("collectors") if site else config.listing(None, "collectors")
    profiles = Profiles.of(folders)
    who = _credential(site, name, with_ssh) if name is not None else Credential(community=community or "public")
    ip = _address(address)
    line = _CommandLines(site, name, profiles, folders, family, ip) if with_ssh and site and name else None
    budget, seconds = Budget(), 0.0
    try:
        if who is None and not (line and line.family):
            raise click.UsageError("the credential is for SSH alone: say --family, for nobody else tells what it is")
        target = Target(ip, who, port, context, timeout) if who else None
        found, budget, seconds = asyncio.run(_ask(target, profiles, engine, line))
    except SnmpError as error:
        click.echo(f"{error}{_SILENT if isinstance(error, NoAnswerError) else ''}", err=True)
        if as_json:
            click.echo(json.dumps({"address": address, "problems": [str(error)]}, ensure_ascii=False))
        sys.exit(69)
    told = _told(address, found, budget, seconds)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(told)
    if not found.object_id and not found.lists:
        sys.exit(69)  # neither way led anywhere


_SILENT = (
    ": nobody lives there, SNMP is off, or its access list or the credential keeps us out (a wrong community "
    "gets no answer either)"
)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(text, None, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError as error:
        raise click.UsageError(f'"{text}" is neither an address nor a name that resolves: {error.strerror}') from None


def _credential(site: config.Config | None, name: str, with_ssh: bool) -> Credential | None:
    known = site.credentials if site else {}
    if name not in known:
        hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
        raise click.UsageError(f'the configuration has no credential "{name}"; {hint}')
    found = snmp_credential(known[name])
    if found is None and not with_ssh:
        raise click.UsageError(f'the credential "{name}" is for SSH alone')
    return found


class _CommandLines:
    """How the device is asked over SSH, once it is known what it is."""

    def __init__(
        self,
        site: config.Config,
        name: str,
        profiles: Profiles,
        folders: Mapping[str, Path],
        family: str | None,
        address: str,
    ) -> None:
        from netwatch.wire.cli.hosts import KnownHosts, Trust
        from netwatch.wire.cli.read import command_lines
        from netwatch.wire.cli.ssh import Ssh  # netmiko takes a while to load
        from netwatch.wire.cli.ssh_read import access

        self._lines: dict[str, CommandLine] = command_lines(profiles.families, folders)
        if family is not None and family not in self._lines:
            hint = did_you_mean(family, self._lines) or f"known: {', '.join(self._lines)}"
            raise click.UsageError(f'no family "{family}" with a command line; {hint}')
        said = site.credentials[name]
        who = access(said)
        if who is None:
            raise click.UsageError(f'the credential "{name}" has no ssh_user')
        self.family = family or who.family or None
        self._login, self._address, self._port = who.login, address, who.port
        trust = Trust(site.ssh.host_keys)
        self._door: Ssh = Ssh(KnownHosts(site.paths.state / "known_hosts", trust), slots=1)

    async def add(self, found: Read) -> None:
        """What SSH tells beside it. Failures are problems: what SNMP told stays told."""
        from netwatch.wire.cli import ssh_read
        from netwatch.wire.cli.read import merge
        from netwatch.wire.cli.target import SshError, Target

        families = [self.family] if self.family else found.profiles
        line = ssh_read.choose(self._lines, families, () if self.family else found.suiting)
        if line is None:
            found.problems.append("no profile that suits it has a command line; --family names one")
            return
        try:
            target = Target(self._address, self._login, line.cli, self._port)
            merge(found, await ssh_read.read(self._door, target, line))
        except SshError as error:
            found.problems.append(str(error))

    async def close(self) -> None:
        await self._door.close()


async def _ask(
    target: Target | None, profiles: Profiles, engine: str, line: _CommandLines | None
) -> tuple[Read, Budget, float]:
    loop = asyncio.get_running_loop()
    snmp = open_snmp(engine)
    budget = Budget()
    start = loop.time()
    try:
        found = Read()
        if target is not None:
            try:
                found = await Reader(snmp, profiles).read(target, budget)
            except SnmpError as error:
                if line is None or line.family is None:
                    raise
                found.problems.append(str(error))  # a hung agent: the command line may still tell
        if line is not None:
            await line.add(found)
    finally:
        await snmp.close()
        if line is not None:
            await line.close()
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
