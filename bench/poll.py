"""What polling costs, side by side: CPU of a request, by NetWatch's door, by others, and by the bare socket.

    python bench/poll.py [--rounds 5] [--seconds 0.25] [--only NAME,NAME]

Everyone in a process of its own, asking agents on the other core for the same 10 or 40 values (GET), or for a column
of 39 in one answer of 40 (GETBULK), with 50 questions in flight to 1,000 addresses. Rounds are interleaved; CPU time
counts, not wall time; figures are medians. What others need is installed into a cache of this folder's own
(`_rivals`); what cannot be had is told and left out. Promises are ratios of one and the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import _rivals
from _agent import COLUMN, agents, apart

from netwatch.wire.snmp import Oid, ber

HERE = Path(__file__).resolve().parent
FLOOR, OURS = "floor", "netwatch"
VERSIONS = {"2c": "v2c", "3": "v3 authPriv"}
RIVALS = ("gufo-snmp", "netsnmp-cffi", "pysnmp v1arch", "pysnmp v3arch")
UNSTEADY = (*COLUMN[:-1], 16)
"""A column whose values have other sizes at each answer, so that no layout lasts."""
PROMISES = {
    ("GET of 10", "2c"): ("<=2.75", ">=2.5"),
    ("GET of 40", "2c"): ("<=3", ">=3.5"),
    ("GETBULK of 40", "2c"): ("<=3.25", ">=6"),
    ("GET of 10", "3"): ("", ">=1"),
    ("GET of 40", "3"): ("", ">=1.5"),
    ("GETBULK of 40", "3"): ("", ">=2.5"),
    ("GET of 40, sizes changing", "2c"): ("", ">=1.1"),
}
"""At most so many times the bare socket; gufo-snmp takes at least so many times what we take. With room for a machine
that others use too: the bare socket is all kernel and suffers least from cold caches.
"""


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 2), "unit": unit, **({"limit": limit} if limit else {})}))


def cases(seconds: float) -> list[dict[str, Any]]:
    ten = [(*COLUMN, n) for n in range(1, 11)]
    forty = [*((*COLUMN, n) for n in range(1, 40)), (*COLUMN[:-1], 11, 1)]
    unsteady = [*((*UNSTEADY, n) for n in range(1, 40)), (*COLUMN[:-1], 17, 1)]
    asked = [("GET of 10", "get", ten), ("GET of 40", "get", forty), ("GETBULK of 40", "bulk", [COLUMN])]
    every = [case(title, version, kind, names, seconds) for version in VERSIONS for title, kind, names in asked]
    return [*every, case("GET of 40, sizes changing", "2c", "get", unsteady, seconds)]


def case(title: str, version: str, kind: str, names: list[Oid], seconds: float) -> dict[str, Any]:
    pdu = ber.GETBULK if kind == "bulk" else ber.GET
    body = ber.write_pdu(pdu, 1, 0, 40 if kind == "bulk" else 0, ber.write_names(names))
    return {
        "title": title,
        "version": version,
        "kind": kind,
        "names": [".".join(map(str, name)) for name in names],
        "data": ber.write_message(1, b"public", body).hex(),
        "seconds": seconds,
    }


class Contender:
    """One of `_pollers`, in its own process on the first core."""

    def __init__(self, name: str, python: str | Path, port: int, program: list[str]) -> None:
        self.name = name
        line = [python, HERE / "_pollers.py", name, str(port), *program]
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "MIBS": ""}
        )
        apart(self._process.pid, 0)

    def measure(self, asked: dict[str, Any]) -> dict[str, float] | None:
        """None when it cannot; that is told."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._process.poll() is not None:
            return None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        said = json.loads(line) if line else {"skipped": "it has ended"}
        if "skipped" in said:
            print(f"SKIPPED {self.name}, {asked['title']} by {VERSIONS[asked['version']]}: {said['skipped']}")
            return None
        return dict(said)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def contenders(port: int, only: set[str]) -> list[Contender]:
    found = [Contender(name, sys.executable, port, []) for name in (FLOOR, OURS)]
    python = _rivals.python()
    if python is not None:
        found += [Contender(name, python, port, []) for name in RIVALS if not only or name in only]
    if not only or "snmp_exporter" in only:
        program = _rivals.debian("prometheus-snmp-exporter", "prometheus-snmp-exporter", "libsnmp40")
        if program is not None:
            found.append(Contender("snmp_exporter", sys.executable, port, program))
    return found


def tell(asked: dict[str, Any], cost: dict[str, list[float]]) -> None:
    what = f"{asked['title']} by {VERSIONS[asked['version']]}"
    for name, costs in cost.items():
        figure(f"{what}: {name}", statistics.median(costs), "µs")
    floor, gufo = PROMISES.get((asked["title"], asked["version"]), ("", ""))
    ours = cost[OURS]
    figure(f"{what}: ours to the bare socket", _ratio(ours, cost[FLOOR]), "times", floor)
    if "gufo-snmp" in cost:
        figure(f"{what}: gufo-snmp to ours", _ratio(cost["gufo-snmp"], ours), "times", gufo)


def _ratio(one: list[float], other: list[float]) -> float:
    """Of what was measured side by side in each round; the median."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each measurement")
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="these others only")
    options = parser.parse_args()
    with agents() as port:
        found = contenders(port, {name for name in options.only.split(",") if name})
        for asked in cases(options.seconds):
            cost: dict[str, list[float]] = defaultdict(list)
            able = list(found)
            for _ in range(options.rounds):
                for one in list(able):
                    said = one.measure(asked)
                    if said is None:
                        able.remove(one)
                        cost.pop(one.name, None)
                    elif said["requests"]:
                        cost[one.name].append(said["cpu"] / said["requests"] * 1e6)
            tell(asked, cost)
        fresh = Contender(OURS, sys.executable, port, [])
        said = fresh.measure({**cases(1)[1], "kind": "memory"})
        assert said is not None
        figure("10,000 targets, 40 values each: memory", said["bytes"] / 2**20, "MiB", "<=40")
        for one in (*found, fresh):
            one.close()


if __name__ == "__main__":
    main()
