"""The simulated site as files: the ledger as a carrier would keep it, and the config.toml that goes with it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from netwatch.core.model import Ledger
from netwatch.demo.metro import CREDENTIAL, VANTAGE, WITH_SHELL
from netwatch.demo.shell import PASSWORD, USER

COMMUNITY = "yungang-read-only"
"""No secret: whoever can ask the simulated agents sits on this machine."""

_FASTEST_POLL, _FASTEST_PING, _FASTEST_VISIT = 1.0, 0.25, 3.0
_SHORTEST_WAIT, _SHORTEST_ECHO = 0.5, 0.25
"""Seconds that a loopback answer may take on a busy machine. They bound what acceleration can do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between the demo's own site and one that a newcomer starts beside it."""

    http: str
    traps: str
    snmp_port: int
    speed: float = 1.0
    webhooks: Mapping[str, str] | None = None
    """Channel → URL; None: messages go to the log."""
    known_hosts: str = ""
    """The keys of the command lines, as OpenSSH keeps them; their TCP port has the number of SNMP's. Empty: none."""
    journal: Path | None = None
    """Where all that is heard is recorded, for `netwatch replay`."""


def write_site(ledger: Ledger, folder: Path, settings: Settings) -> Path:
    """Write ledger, config.toml and the community's file into `folder`; returns the config's path."""
    write_ledger(ledger, folder / "ledger")
    for name, text in (("community.txt", COMMUNITY), ("password.txt", PASSWORD)):
        secret = folder / name
        secret.touch(mode=0o600)
        secret.write_text(text + "\n", encoding="utf-8")
    if settings.known_hosts:
        (folder / "state").mkdir(exist_ok=True)
        (folder / "state" / "known_hosts").write_text(settings.known_hosts, encoding="ascii")
    config = folder / "config.toml"
    config.write_text(_config(ledger, settings), encoding="utf-8")
    return config


def channels(ledger: Ledger) -> tuple[str, ...]:
    """The NOC's channel and those of the teams."""
    return tuple(dict.fromkeys(["noc", *(c for team in ledger.teams.values() for c in team.channels)]))


def _config(ledger: Ledger, it: Settings) -> str:
    lines = [
        "# Yungang, the simulated metro of `netwatch demo`. Its agents answer while a demo runs on this machine:",
        "#   netwatch demo            in one terminal",
        "#   netwatch run -c THIS     in another",
        "# The kernel answers ICMP for every 127.x address, also for boxes that are meant to be dead. The demo itself",
        "# asks a UDP echo of the boxes instead; a daemon of your own sees such a box as an agent that hangs.",
        "",
        "[site]",
        'name = "yungang"',
        'language = "en"',
        f'vantage = "{VANTAGE}"',
        "",
        "[paths]",
        'ledger = "ledger"',
        'state = "state"',
        "",
        "[poll]",
        f"port = {it.snmp_port}",
        f"interval_seconds = {max(_FASTEST_POLL, 60 / it.speed):g}",
        f"detail_seconds = {max(_FASTEST_POLL, 60 / it.speed):g}",
        f"timeout_seconds = {max(_SHORTEST_WAIT, 2 / it.speed):g}",
        "retries = 1",
        "",
        "[poll.ping]",
        f"interval_seconds = {max(_FASTEST_PING, 20 / it.speed):g}",
        "count = 2",
        f"timeout_seconds = {max(_SHORTEST_ECHO, 1 / it.speed):g}",
        "",
        "[listen]",
        f'traps = "{it.traps}"',
        'syslog = ""',
        "",
        "[ssh]",
        f"interval_seconds = {max(_FASTEST_VISIT, 180 / it.speed):g}" if it.known_hosts else "interval_seconds = 0",
        "",
        f"[credentials.{CREDENTIAL}]",
        'version = "2c"',
        'community = { file = "community.txt" }',
        "",
        f"[credentials.{WITH_SHELL}]",
        'version = "2c"',
        'community = { file = "community.txt" }',
        f'ssh_user = "{USER}"',
        'ssh_password = { file = "password.txt" }',
        f"ssh_port = {it.snmp_port}",
        "",
        "[web]",
        f'listen = "{it.http}"',
        "",
        "[routing]",
        'noc = ["noc"]',
        'default = ["noc"]',
    ]
    for channel in channels(ledger):
        lines += ["", f"[channels.{channel}]"]
        if it.webhooks is None:
            lines.append('kind = "log"')
        else:
            lines += ['kind = "webhook"', f'url = "{it.webhooks[channel]}"', "per_minute = 6000"]
    if it.journal is not None:
        lines += ["", "[record]", f"journal = {json.dumps(str(it.journal))}"]
    return "\n".join(lines) + "\n"


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
    noted = sorted({note for d in ledger.devices.values() for note in d.notes})
    table(
        "devices",
        " ".join(("device name role vendor site address credential managed", *noted)),
        (
            (d.id, d.name, d.role, d.vendor, d.site, d.address, d.credential, d.managed, *map(d.notes.get, noted))
            for d in ledger.devices.values()
        ),
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
