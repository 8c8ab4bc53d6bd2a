"""Replay every recorded night of the corpus and judge the accounts against what was true.

    python bench/score.py [CORPUS] [--only 'night-*,cut-1'] [--jobs 2] [--keep FOLDER]

CORPUS/scenarios/NAME holds `journal.jsonl`, `ledger/` and `truth.json`; CORPUS/scenarios/score.py, which knows nothing
of NetWatch, says what is counted. Exit status: 0 when every night could be replayed and judged, also when there is no
corpus (said aloud); 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from time import perf_counter

NETWATCH = Path(sys.executable).with_name("netwatch")
COLUMNS = ("root", "domain", "false", "outage", "exposure", "late_median", "late_worst", "tickets", "extra_tickets")


def replay(scenario: Path, account: Path) -> tuple[str, float]:
    """Write the account of one night. Returns what went wrong (empty if nothing) and the seconds that it took."""
    began = perf_counter()
    with account.open("wb") as out:
        done = subprocess.run(
            [NETWATCH, "replay", scenario / "journal.jsonl", "--ledger", scenario / "ledger", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    said = done.stderr.decode("utf-8", "replace").strip()
    return (f"exit status {done.returncode}: {said[-400:]}" if done.returncode else ""), perf_counter() - began


def judge(judgement: Path, pairs: list[tuple[Path, Path]]) -> list[dict[str, object]]:
    """One row a night and, for several nights, the total, as the corpus' own script counts them."""
    command = [sys.executable, judgement, *(path for pair in pairs for path in pair)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("../shared"))
    parser.add_argument("--only", default="*", metavar="NAME,NAME", help="these nights; * and ? as in file names")
    parser.add_argument("--jobs", type=int, default=2, help="replays at a time (default %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the accounts here")
    options = parser.parse_args()

    if not NETWATCH.is_file():
        print(f"score: {NETWATCH} is missing: make venv", file=sys.stderr)
        return 1
    judgement = options.corpus / "scenarios" / "score.py"
    if not judgement.is_file():
        print(f"score: SKIPPED, no recorded nights in {options.corpus}")
        return 0
    nights = sorted(
        path.parent
        for path in options.corpus.glob("scenarios/*/journal.jsonl")
        if any(fnmatch(path.parent.name, pattern) for pattern in options.only.split(","))
    )
    if not nights:
        print(f"score: no night of {options.corpus} is called {options.only}", file=sys.stderr)
        return 1

    began = perf_counter()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.jobs) as pool:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        accounts = [folder / f"{night.name}.jsonl" for night in nights]
        outcomes = list(pool.map(replay, nights, accounts))
        good = [(n, a) for n, a, (wrong, _) in zip(nights, accounts, outcomes, strict=True) if not wrong]
        rows = judge(judgement, [(n / "truth.json", a) for n, a in good]) if good else []
    elapsed = perf_counter() - began

    width = max(len(n.name) for n in nights)
    print(f"{'night':<{width}}  faults  seconds  " + "  ".join(COLUMNS))
    seconds = {n.name: s for n, (_, s) in zip(nights, outcomes, strict=True)}
    for row, name in zip(rows, [*(n.name for n, _ in good), "total"], strict=False):
        cells = "  ".join(f"{'–' if row[c] is None else row[c]!s:>{len(c)}}" for c in COLUMNS)
        spent = seconds.get(name, sum(seconds.values()))
        print(f"{name:<{width}}  {row['faults']!s:>6}  {spent:7.1f}  {cells}")
    for night, (wrong, _) in zip(nights, outcomes, strict=True):
        if wrong:
            print(f"{night.name}: {wrong}", file=sys.stderr)

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    judged = f"{len(good)} of {len(nights)} nights judged"
    print(f"{judged} in {elapsed:.0f} s, {options.jobs} at a time, {peak:.0f} MiB each at most")
    return 0 if len(good) == len(nights) else 1


if __name__ == "__main__":
    sys.exit(main())
