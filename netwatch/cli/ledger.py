"""`netwatch ledger`: check, import, compare and begin a resource ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netwatch.cli.common import (
    CONFIGURATION,
    FINDINGS,
    as_data,
    config_option,
    emit,
    fail,
    json_option,
    say,
    show,
    tell,
)
from netwatch.findings import Finding, UnusableError

if TYPE_CHECKING:
    from netwatch.core.model import Ledger

_path = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Check, import and compare the resource ledger (资源台账)."""


@command.command()
@click.argument("path", type=_path)
@json_option
def check(path: Path, as_json: bool) -> None:
    """Every problem of the ledger at PATH (a folder of CSV files, or .xlsx); exit 78 if there is an error."""
    from netwatch.ledger import read

    try:
        ledger, findings = read(path)
    except UnusableError as error:
        if as_json:
            emit({"ok": False, "counts": None, "findings": [as_data(f) for f in error.findings]})
            raise SystemExit(CONFIGURATION) from None
        fail(error.findings)
    if as_json:
        emit({"ok": True, "counts": _counts(ledger), "findings": [as_data(f) for f in findings]})
        return
    tell(findings)
    say(f"fine: {_said(ledger)}")


@command.command(name="import")
@click.argument("path", type=_path)
@config_option
@json_option
def import_(path: Path, config: Path, as_json: bool) -> None:
    """Check the ledger at PATH, then put it in the place of the running one; the former is kept."""
    from netwatch.config import load
    from netwatch.ledger import read
    from netwatch.ledger.diff import diff
    from netwatch.ledger.install import install

    settings = load(config)
    done = install(path, settings.paths.ledger, settings)
    changes = None
    if done.former is not None:
        try:
            changes = Counter(change.what for change in diff(read(done.former)[0], done.ledger))
        except UnusableError:
            say(f"the former ledger could not be read, so there is no comparison: {done.former}")
    if as_json:
        emit(
            {
                "ledger": str(settings.paths.ledger),
                "former": str(done.former) if done.former else None,
                "counts": _counts(done.ledger),
                "changes": None if changes is None else {w: changes[w] for w in ("added", "changed", "removed")},
                "findings": [as_data(f) for f in done.warnings],
            }
        )
        return
    tell(done.warnings)
    say(f"{settings.paths.ledger}: {_said(done.ledger)}")
    if changes is not None:
        say(f"{changes['added']} added, {changes['changed']} changed, {changes['removed']} removed")
    if done.former is not None:
        say(f"the former one is kept as {done.former}")
    say("a daemon that runs takes it up on reload")


@command.command()
@click.argument("paths", nargs=-1, type=_path, metavar="[BEFORE AFTER]")
@click.option("--device", "devices", multiple=True, metavar="ID", help="Ask only this device of the running ledger.")
@config_option
@json_option
def diff(paths: tuple[Path, ...], devices: tuple[str, ...], config: Path, as_json: bool) -> None:
    """What changed from BEFORE to AFTER; without them, where the running ledger and the network do not agree.

    Against the network every managed device is asked by SNMP for its ports and its LLDP neighbours, and nothing else:
    ports that the device lacks, links that LLDP contradicts, devices that call themselves otherwise.

    Exit status: 0 compared (between two ledgers, whatever changed), 1 ledger and network disagree, 78 unusable.
    """
    if len(paths) == 2 and not devices:
        _between(*paths, as_json=as_json)
    elif not paths:
        _against_the_network(config, devices, as_json=as_json)
    else:
        raise click.UsageError("two ledgers, or none to hold the running one against the network")


def _against_the_network(config: Path, devices: tuple[str, ...], *, as_json: bool) -> None:
    import asyncio

    from netwatch.ledger.reality import against
    from netwatch.plan import read as read_plan
    from netwatch.wire.discover import look
    from netwatch.wire.read import Read
    from netwatch.wire.snmp import SnmpError, Target, open_snmp

    plan = read_plan(config)
    if strangers := set(devices) - plan.ledger.devices.keys():
        raise click.UsageError(f"the ledger has no device {', '.join(sorted(strangers))}")
    poll = plan.config.poll
    targets = [
        (d.id, Target(d.address, who, poll.port, timeout=poll.timeout_seconds, retries=poll.retries))
        for d in plan.ledger.devices.values()
        if d.managed and d.address and (not devices or d.id in devices) and (who := plan.credential(d.credential))
    ]
    reads: dict[str, Read] = {}
    silent: dict[str, str] = {}

    def failed(device: str, error: SnmpError) -> None:
        silent[device] = str(error)

    async def ask() -> None:
        snmp = open_snmp(poll.engine)
        try:
            await look(snmp, plan.profiles, iter(targets), answered=reads.__setitem__, failed=failed)
        finally:
            await snmp.close()

    asyncio.run(ask())
    gaps = against(plan.ledger, reads)
    rows = [{"kind": g.kind, "device": g.device, "port": g.port, "ledger": g.ledger, "heard": g.heard} for g in gaps]
    if as_json:
        emit({"asked": len(targets), "answered": len(reads), "gaps": rows, "silent": silent})
    else:
        show(rows, ("kind", "device", "port", "ledger", "heard"), none="the ledger and the network agree")
        for device, why in silent.items():
            say(f"{device}: {why}")
        say(f"{len(reads):,} of {len(targets):,} devices answered")
    if gaps:
        raise SystemExit(FINDINGS)


def _between(before: Path, after: Path, *, as_json: bool) -> None:
    from netwatch.ledger import read
    from netwatch.ledger.diff import diff as compare

    ledgers: list[Ledger] = []
    problems: list[Finding] = []
    for path in (before, after):
        try:
            ledgers.append(read(path)[0])
        except UnusableError as error:
            problems.extend(error.findings)
    if problems:
        fail(problems)
    changes = compare(*ledgers)
    if as_json:
        emit([{"table": c.table, "id": c.id, "change": c.what, "fields": c.fields} for c in changes])
        return
    rows: list[dict[str, Any]] = []
    for change in changes:
        first = {"table": change.table, "id": change.id, "change": change.what}
        rows.extend(
            {**first, "column": column, "before": old, "after": new} for column, (old, new) in change.fields.items()
        )
        if not change.fields:
            rows.append(first)
    show(rows, ("table", "id", "change", "column", "before", "after"), none="no difference")


@command.command()
@click.argument("out", type=_path, metavar="OUT.xlsx")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def template(out: Path, force: bool) -> None:
    """Write a workbook to fill in: a sheet for each table, with drop-downs and an example."""
    from netwatch.ledger.template import write

    if out.exists() and not force:
        raise click.UsageError(f"{out} is there already; --force overwrites it")
    write(out)
    say(f"{out}: replace the example rows, then `netwatch ledger check {out}`")


@command.command()
@click.argument("path", type=_path)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["link", "cable", "device", "site", "feed"]))
@click.option("--assurance", "classes", multiple=True, help="Only circuits of this class.")
@json_option
def risk(path: Path, kinds: tuple[str, ...], classes: tuple[str, ...], as_json: bool) -> None:
    """Protection that shares a link, cable, device, site or power feed with what it protects.

    Services that ride on a protected circuit are told with it.

    Exit status: 0 nothing is shared, 1 something is, 78 a ledger that cannot be used.
    """
    from netwatch.core.risk import shared
    from netwatch.core.topology import Network
    from netwatch.ledger import load

    net = Network(load(path))
    found = [
        {"circuit": r.circuit, "assurance": r.assurance, "kind": r.kind, "id": r.id}
        for r in shared(net)
        if (not kinds or r.kind in kinds) and (not classes or r.assurance in classes)
    ]
    if as_json:
        emit(found)
    else:
        show(found, ["circuit", "assurance", "kind", "id"], none="no protected circuit shares anything")
        if found:
            protected = len(net.with_overlays(c.id for c in net.ledger.circuits.values() if c.protecting))
            say(f"{len({r['circuit'] for r in found}):,} of {protected:,} protected circuits share something")
    if found:
        raise SystemExit(FINDINGS)


def _counts(ledger: Ledger) -> dict[str, int]:
    return {f.name: len(getattr(ledger, f.name)) for f in fields(ledger)}


def _said(ledger: Ledger) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in _counts(ledger).items())
