"""Run every measurement of this folder, one after another, and print one table of figures.

    python bench/run.py [--only NAME,NAME] [--list] [--markdown]

A measurement is a script `bench/NAME.py` whose first docstring line says what is measured. Of what it prints, each
line that is a JSON object with `figure`, `value` and `unit` is a figure; `limit` (`<=2`, `>=1000`) makes it a promise,
and a promise not kept fails the run. All else it prints is talk and passed on.
`score.py` judges what is decided, not how fast, and has its own target: `make score`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).resolve().parent
NO_MEASUREMENT = {"run", "score"}


@dataclass(frozen=True)
class Figure:
    """One measured number and, where there is one, the promise about it."""

    bench: str
    name: str
    value: float
    unit: str
    limit: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise holds; a figure without one always does."""
        if not self.limit:
            return True
        bound = float(self.limit[2:])
        return self.value <= bound if self.limit.startswith("<=") else self.value >= bound

    @property
    def shown(self) -> str:
        return f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"


def about(path: Path) -> str:
    """The first line of the script's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def figures(bench: str, output: str) -> list[Figure]:
    found = []
    for line in output.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and {"figure", "value", "unit"} <= row.keys():
            found.append(
                Figure(bench, str(row["figure"]), float(row["value"]), str(row["unit"]), str(row.get("limit", "")))
            )
    return found


def machine() -> str:
    """What the figures were measured on; without it they mean nothing."""
    model = next(
        (x.partition(":")[2].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), "?"
    )
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} at the start"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="these measurements only")
    parser.add_argument("--list", action="store_true", help="say what there is and measure nothing")
    parser.add_argument("--markdown", action="store_true", help="the table as it stands in README.md")
    options = parser.parse_args()

    wanted = {x for x in options.only.split(",") if x}
    scripts = {p.stem: p for p in sorted(HERE.glob("*.py")) if p.stem not in NO_MEASUREMENT and p.stem[0] != "_"}
    if unknown := wanted - scripts.keys():
        parser.error(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(scripts)}")
    scripts = {name: path for name, path in scripts.items() if not wanted or name in wanted}
    if options.list:
        for name, path in scripts.items():
            print(f"{name:<16} {about(path)}")
        return 0

    print(machine(), file=sys.stderr)
    measured: list[Figure] = []
    failed: list[str] = []
    for name, path in scripts.items():
        print(f"── {name}: {about(path)}", file=sys.stderr, flush=True)
        began = perf_counter()
        done = subprocess.run(
            [sys.executable, path],
            cwd=HERE.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        found = figures(name, done.stdout)
        measured += found
        talk = "\n".join(line for line in done.stdout.splitlines() if not figures(name, line))
        if talk:
            print(talk, file=sys.stderr)
        if done.returncode:
            failed.append(name)
        print(f"── {name}: {perf_counter() - began:.0f} s, status {done.returncode}", file=sys.stderr, flush=True)

    broken = [f for f in measured if not f.kept]
    if options.markdown:
        print("| measured by | figure | value | promise |\n|---|---|---:|---|")
        for f in measured:
            print(f"| `{f.bench}` | {f.name} | {f.shown} {f.unit} | {f.limit} |")
    else:
        for f in measured:
            verdict = "" if not f.limit else f"  {f.limit}  {'kept' if f.kept else 'BROKEN'}"
            print(f"{f.bench:<16} {f.name:<48} {f.shown:>12} {f.unit}{verdict}")
    for f in broken:
        print(f"{f.bench}: {f.name} is {f.shown} {f.unit}, promised {f.limit}", file=sys.stderr)
    for name in failed:
        print(f"{name}: failed", file=sys.stderr)
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
