"""How well causes are found in worlds that nobody has seen before: `python bench/worlds.py [--seeds N] [--markdown]`.

Networks of eight shapes, drawn at random, break in 22 ways; what a monitor hears of it is made from the truth, with
traps lost, lines late, clocks wrong. The generator (`tests/bench`) shares no code with the engine but the words of
`core.model`; it counts what the corpus' `score.py` counts. One table by how badly we hear, one by what broke, one by
the error in the ledger.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from netwatch.config import shipped
from netwatch.knowledge import load_rules

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "bench"))

from worlds_books import ERRORS
from worlds_judge import Score, judge, told
from worlds_plant import SHAPES
from worlds_symptoms import WEATHERS
from worlds_trouble import KINDS
from worlds_truth import make, several

SHARES = ("root", "domain", "false", "outage", "exposure", "tickets", "extra", "late")
NIGHT = 5
"""Troubles in a night of several."""
NIGHTS = ("fair", "60 % of the traps lost", "15 % of all lines lost, others late", "all of it at once")
"""How badly those are heard."""
Plan = tuple[str, tuple[str, ...], int, str, tuple[str, ...]]
"""Shape, kinds, seed, weather, errors."""


def plans(seeds: int) -> Iterator[tuple[tuple[str, str], Plan]]:
    """Each with the table and the line that it counts for."""
    for seed in range(1000, 1000 + seeds):
        for shape in SHAPES:
            for kind in KINDS:
                for weather in WEATHERS:
                    yield ("hearing", weather), (shape, (kind,), seed, weather, ())
            for error in ERRORS:
                kind = random.Random(f"{seed} {shape} {error}").choice(list(KINDS))
                yield ("ledger", error), (shape, (kind,), seed, "fair", (error,))
            for weather in NIGHTS:
                yield ("night", weather), (shape, several(shape, seed, NIGHT), seed, weather, ())


def run(plan: Plan) -> Score | None:
    shape, kinds, seed, weather, errors = plan
    try:
        world = make(shape, kinds, seed, WEATHERS[weather], errors)
    except (LookupError, ValueError):
        return None  # no feeder without PON
    return judge(world, told(world, load_rules(lambda name: shipped("rules") / name)))


def tables(results: Iterable[tuple[tuple[str, str], Plan, Score | None]]) -> dict[str, dict[str, Score]]:
    out: dict[str, dict[str, Score]] = {"hearing": {}, "what broke": {}, "shape": {}, "ledger": {}, "night": {}}
    for (table, line), (shape, kinds, *_), score in results:
        if score is None:
            continue
        lines = [(table, line), *([("what broke", kinds[0]), ("shape", shape)] if table == "hearing" else [])]
        for name, key in lines:
            out[name][key] = out[name].get(key, Score()) + score
    return out


def show(name: str, rows: dict[str, Score], markdown: bool) -> None:
    if markdown:
        print(f"\n| {name} | faults | {' | '.join(SHARES)} |\n|---|---:|{'---:|' * len(SHARES)}")
        for line, score in rows.items():
            print(f"| {line} | {score.faults} | {' | '.join(f'{score.shares[s]:.3f}' for s in SHARES)} |")
        return
    for line, score in rows.items():
        for share in SHARES[:-1]:
            figure = {"figure": f"{name}: {line}: {share}", "value": round(score.shares[share], 4), "unit": "share"}
            print(json.dumps(figure, ensure_ascii=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="worlds of each sort (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="tables instead of figures")
    parser.add_argument("--wrong", action="store_true", help="name what went wrong")
    options = parser.parse_args()
    wanted = list(plans(options.seeds))
    with ProcessPoolExecutor(options.jobs) as pool:
        scores = list(pool.map(run, (plan for _, plan in wanted), chunksize=20))
    found = tables((key, plan, score) for (key, plan), score in zip(wanted, scores, strict=True))
    for name, rows in found.items():
        show(name, rows, options.markdown)
    if options.wrong:
        for score in scores:
            for what in score.wrong if score else ():
                print(what)


if __name__ == "__main__":
    main()
