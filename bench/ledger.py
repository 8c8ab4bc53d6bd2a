"""How long a ledger takes to read: `python bench/ledger.py [CIRCUITS ...]`.

Makes a metro of that many circuits (rings of aggregation devices, an access tree, a CPE,
a link and half a customer for each circuit), writes it as CSV, and reads it with all checks.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from netwatch.ledger import read

RING = 8
ACCESS = 24
"""Circuits on one access device."""


def make(folder: Path, circuits: int) -> None:
    """A ledger without a single finding, of `circuits` circuits. A daemon run on it asks loopback alone."""
    access = -(-circuits // ACCESS)
    rings = max(1, -(-access // (RING * 10)))
    sites = [("site", "name", "region", "area", "power_feed", "battery_minutes", "latitude", "longitude", "address")]
    devices = [("device", "name", "role", "vendor", "site", "address", "credential", "managed")]
    links = [("link", "a_device", "a_port", "z_device", "z_port", "medium", "cable", "cores")]
    customers = [("customer", "name", "level", "important", "manager", "contact", "phone", "language")]
    columns = "circuit customer product assurance bandwidth_mbps scope a_device a_port z_device z_port"
    lines = [(*columns.split(), "working", "protecting", "over")]

    def device(name: str, role: str, number: int) -> None:
        sites.append((f"S-{name}", name, f"R{number % 9}", "city", f"F-{number // 4}", "240", "31.2", "121.5", ""))
        host = f"127.{len(devices) >> 16 & 255}.{len(devices) >> 8 & 255}.{len(devices) & 255}"
        devices.append((name, name, role, "huawei", f"S-{name}", host, "lab", "yes"))

    device("CORE-1", "core", 0)
    for r in range(rings):
        for n in range(RING):
            device(f"AGG-{r}-{n}", "aggregation", r)
        hops = ["CORE-1", *(f"AGG-{r}-{n}" for n in range(RING)), "CORE-1"]
        for n, (a, z) in enumerate(pairwise(hops)):
            a_port = f"GE{r}/0/1" if a == "CORE-1" else "GE0/0/2"
            z_port = f"GE{r}/0/2" if z == "CORE-1" else "GigabitEthernet0/0/1"
            links.append((f"R-{r}-{n}", a, a_port, z, z_port, "fibre", f"K-{r}-{n}", "96"))
    for x in range(access):
        r, n = x % rings, x // rings % RING
        device(f"ACC-{x}", "access", x)
        links.append((f"T-{x}", f"AGG-{r}-{n}", f"GE1/{x}/1", f"ACC-{x}", "GE0/0/1", "fibre", f"K-T-{x}", "24"))
    for c in range(circuits):
        x = c // ACCESS
        r, n = x % rings, x // rings % RING
        device(f"CPE-{c}", "cpe", c)
        links.append((f"L-{c}", f"ACC-{x}", f"gi 0/1/{c % ACCESS}", f"CPE-{c}", "GE0/0/0", "fibre", f"K-L-{c}", "12"))
        if c % 2 == 0:
            customers.append((f"CU-{c}", f"客户{c}", "gold", "no", "", "", "", "zh"))
        working = " ".join([f"L-{c}", f"T-{x}", *(f"R-{r}-{i}" for i in range(n, -1, -1))])
        other = " ".join([f"L-{c}", f"T-{x}", *(f"R-{r}-{i}" for i in range(n + 1, RING + 1))]) if c % 3 == 0 else ""
        ends = (f"CPE-{c}", "", "CORE-1", "")
        lines.append((f"C-{c}", f"CU-{c - c % 2}", "data", "AAA", "100", "local", *ends, working, other, ""))
    teams = [
        ("team", "company", "skills", "regions", "leader", "phone", "channel", "licences"),
        ("T-1", "", "cable access", "R1", "", "", "", ""),
    ]
    tables = {"sites": sites, "devices": devices, "links": links, "customers": customers, "circuits": lines}
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {**tables, "teams": teams}.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(table)


def main() -> None:
    for circuits in [int(x) for x in sys.argv[1:]] or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make(folder, circuits)
            started, cpu = time.perf_counter(), time.process_time()
            ledger, warnings = read(folder)
            elapsed, used = time.perf_counter() - started, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        size = f"{circuits:,} circuits, {len(ledger.devices):,} devices"
        for figure, value, unit in [
            (f"a ledger read: {size}", elapsed, "s"),
            (f"the same, CPU: {size}", used, "s"),
            (f"memory at most: {size}", peak, "MiB"),
        ]:
            print(json.dumps({"figure": figure, "value": round(value, 3), "unit": unit}))
        if warnings:
            print(f"{len(warnings)} warnings")


if __name__ == "__main__":
    main()
