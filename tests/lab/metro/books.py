"""What the carrier has written down of the metro: the resource ledger, and NetWatch's configuration of the room."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from metro.plan import COMMUNITY, LINKS, NMS, NODES, V3, V3_KEY, V3_USER

API = 8080
HOOK = 8999
"""Ports on the room's own loopback: NetWatch's HTTP, the crews' webhook."""

# circuit, customer, product, class, far end, working, protecting, over
_CIRCUITS = (
    ("C-A", "U-1", "data", "standard", "cpe-a", "L-ring1 L-acc1 L-a", "L-core L-ring4 L-ring3 L-ring2 L-acc1 L-a", ""),
    ("C-B", "U-2", "data", "AA", "cpe-b", "L-ring1 L-acc1 L-b", "L-core L-ring4 L-ring3 L-ring2 L-acc1 L-b", ""),
    ("C-C", "U-3", "data", "AAA", "cpe-c", "L-ring1 L-ring2 L-c1", "L-core L-ring4 L-c2", ""),
    ("C-D", "U-4", "data", "A", "cpe-d", "L-core L-ring4 L-d", "L-ring1 L-ring2 L-ring3 L-d", ""),
    ("C-V", "U-1", "voice", "standard", "cpe-a", "", "", "C-A"),
)
LIMITS = {"C-A": 480, "C-B": 240, "C-C": 120, "C-D": 360, "C-V": 480}
"""Minutes to restore, by the contract of each circuit."""

# A night in minutes: what the rules ship in minutes and hours happens in seconds here.
_EVIDENCE = {
    "debounce_seconds": 6,
    "debounce_window_seconds": 10,  # short: what one test broke must not count towards the next one's debounce
    "stability_seconds": 8,
    "settle_seconds": 1,
    "agreement_seconds": 10,
    "grace_seconds": 5,
}
_DISPATCH = {
    "review_seconds": 1,
    "several": 1,
    # Repairs take so long here that whatever goes out at all goes out at once; the waiting has tests of its own.
    "repair_median": 6000.0,
    # And nothing that is mended here in seconds may teach otherwise.
    "prior_strength": 1_000_000,
    "strength": 1_000_000,
}


def write(folder: Path, rules: Path) -> Path:
    """The whole configuration; the path of config.toml. `rules` is the folder of the shipped rules."""
    _ledger(folder / "ledger")
    _rules(folder / "rules", rules)
    for name, secret in (("community", COMMUNITY), ("key", V3_KEY)):
        (folder / name).touch(0o600)
        (folder / name).write_text(secret)
    config = folder / "config.toml"
    config.write_text(
        f"""
[site]
name = "lab"
language = "en"
vantage = "core1"

[poll]
interval_seconds = 2
timeout_seconds = 0.5
retries = 1
credential = "lab"

[poll.ping]
interval_seconds = 1
count = 2
timeout_seconds = 0.5

[listen]
syslog = ""

[credentials.lab]
community = {{ file = "community" }}

[credentials.v3]
version = 3
user = "{V3_USER}"
auth = "sha256"
auth_key = {{ file = "key" }}
priv = "aes128"
priv_key = {{ file = "key" }}

[channels.crew]
kind = "webhook"
url = "http://127.0.0.1:{HOOK}/crew"
per_minute = 1000

[channels.noc]
kind = "webhook"
url = "http://127.0.0.1:{HOOK}/noc"
per_minute = 1000

[routing]
noc = ["noc"]
default = ["crew"]

[web]
listen = "127.0.0.1:{API}"

[record]
journal = "journal.jsonl"
"""
    )
    return config


def _ledger(folder: Path) -> None:
    folder.mkdir(parents=True)
    sites = {node: f"S-{node}" for node in NODES}
    _table(folder / "sites.csv", "site,name,region,area", [(s, s, "lab", "city") for s in sites.values()])
    _table(
        folder / "devices.csv",
        "device,name,role,vendor,site,address,credential,managed",
        [
            (n.id, n.id, n.role, "net-snmp", sites[n.id], n.address, "v3" if n.id in V3 else "lab", "yes")
            for n in NODES.values()
        ],
    )
    _table(
        folder / "links.csv",
        "link,a_device,a_port,z_device,z_port,medium,cable,cores",
        [
            (link.id, link.a.node, link.a.port, link.z.node, link.z.port, "fibre", link.cable, "48")
            for link in LINKS.values()
            if NMS not in (link.a.node, link.z.node)
        ],
    )
    _table(
        folder / "customers.csv",
        "customer,name,level",
        [(f"U-{n}", f"customer {n}", "") for n in range(1, 5)],
    )
    _table(
        folder / "circuits.csv",
        "circuit,customer,product,assurance,bandwidth_mbps,scope,a_device,a_port,z_device,z_port,working,protecting,over",
        [
            (id_, customer, product, level, "10", "city", "core1", "", far, "", working, protecting, over)
            for id_, customer, product, level, far, working, protecting, over in _CIRCUITS
        ],
    )
    _table(
        folder / "teams.csv",
        "team,company,skills,regions,leader,phone,channel",
        [("team-1", "", "cable transport data access voice power customer", "lab", "leader", "10000", "crew")],
    )


def _table(path: Path, columns: str, rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def _rules(folder: Path, shipped: Path) -> None:
    folder.mkdir()
    for name, figures in (("alarms.toml", _EVIDENCE), ("dispatch.toml", _DISPATCH)):
        (folder / name).write_text(_with(figures, (shipped / name).read_text("utf-8"), name), "utf-8")


def _with(figures: Mapping[str, float], text: str, name: str) -> str:
    for key, value in figures.items():
        text, found = re.subn(rf"\b{key}( *= *)[\d.]+", rf"{key}\g<1>{value}", text)
        if not found:
            raise LookupError(f"{name} has no {key} any more")
    return text
