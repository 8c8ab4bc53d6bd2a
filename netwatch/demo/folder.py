"""The simulated site as files: the ledger as a carrier would keep it, and the config.toml that goes with it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from netwatch.core.model import Ledger


def write_ledger(ledger: Ledger, folder: Path) -> None:
    """Write the ledger as CSV files, as a carrier would keep it. The folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)

    def table(name: str, header: str, rows: Iterable[tuple[object, ...]]) -> None:
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(header.split())
            out.writerows([_cell(v) for v in row] for row in rows)

    table(
        "sites",
        "site name region area power_feed battery_minutes latitude longitude address",
        (
            (x.id, x.name, x.region, x.area, x.power_feed, x.battery_minutes, x.latitude, x.longitude, x.address)
            for x in ledger.sites.values()
        ),
    )
    table(
        "devices",
        "device name role vendor site address credential managed",
        ((d.id, d.name, d.role, d.vendor, d.site, d.address, d.credential, d.managed) for d in ledger.devices.values()),
    )
    table(
        "links",
        "link a_device a_port z_device z_port medium cable cores",
        (
            (x.id, x.a.device, x.a.name, x.z.device, x.z.name, x.medium, x.cables, x.cores)
            for x in ledger.links.values()
        ),
    )
    table(
        "customers",
        "customer name level important manager contact phone language",
        (
            (c.id, c.name, c.level, c.important, c.manager, c.contact, c.phone, c.language)
            for c in ledger.customers.values()
        ),
    )
    table(
        "circuits",
        "circuit customer product assurance bandwidth_mbps scope a_device a_port z_device z_port"
        " working protecting over",
        (
            (
                *(c.id, c.customer, c.product, c.assurance, c.bandwidth_mbps, c.scope),
                *(c.a.device, c.a.name, c.z.device, c.z.name, c.working, c.protecting, c.over),
            )
            for c in ledger.circuits.values()
        ),
    )
    table(
        "teams",
        "team company skills regions leader phone channel licences",
        (
            (t.id, t.company, sorted(t.skills), sorted(t.regions), t.leader, t.phone, t.channels, sorted(t.licences))
            for t in ledger.teams.values()
        ),
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return " ".join(str(v) for v in value)
        case _:
            return str(value)
