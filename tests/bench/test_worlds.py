"""Nights that nobody has seen before: other shapes of network, worse hearing, ledgers with errors in them.

Seeds are fixed, so a failure is the same each time; `python bench/worlds.py` draws as many worlds as one likes.
"""

from __future__ import annotations

import json
from functools import cache, reduce
from operator import add
from pathlib import Path

import pytest
from worlds_books import ERRORS
from worlds_judge import ZONE, Score, judge, told
from worlds_plant import SHAPES
from worlds_symptoms import WEATHERS, Weather
from worlds_trouble import KINDS
from worlds_truth import World, make, several, truths

from netwatch.core.rules import Rules
from netwatch.core.time import moment, show
from netwatch.knowledge import load_rules

PROJECT = Path(__file__).resolve().parents[2]
ROUGH = WEATHERS["all of it at once"]
FOUR = ("ring of rings", "chain", "PON forest", "SDH ring with SNCP")


@cache
def rules() -> Rules:
    return load_rules(PROJECT / "rules")


def world(
    shape: str, kinds: tuple[str, ...], seed: int, weather: Weather, errors: tuple[str, ...] = ()
) -> World | None:
    """None when the shape has nothing of a kind: no feeder without PON."""
    try:
        return make(shape, kinds, seed, weather, errors)
    except (LookupError, ValueError):
        return None


def total(worlds: list[World | None]) -> Score:
    drawn = [w for w in worlds if w is not None]
    assert drawn
    return reduce(add, (judge(w, told(w, rules())) for w in drawn))


def held(score: Score, **floor: float) -> None:
    """Each share is at least its floor; `false` and `extra` at most."""
    for name, least in floor.items():
        share = score.shares[name]
        good = share <= least if name in ("false", "extra") else share >= least
        assert good, f"{name} is {share:.3f}\n" + "\n".join(score.wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_trouble_is_found_in_networks_of_every_shape(kind: str) -> None:
    fair = [world(shape, (kind,), 11, WEATHERS["fair"]) for shape in SHAPES]
    held(total(fair), root=1.0, domain=1.0, false=0.0, outage=0.97, tickets=1.0, extra=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_trouble_is_found_when_half_of_what_is_said_is_lost_late_or_doubled(kind: str) -> None:
    rough = [world(shape, (kind,), seed, ROUGH) for shape in FOUR for seed in (21, 22)]
    # The last clear of a flapping link may be lost, and nothing else tells that it was the last.
    outage = 0.5 if kind == "flapping" else 0.85
    held(total(rough), root=0.85, domain=0.9, false=0.15, outage=outage, tickets=0.85, extra=0.2)


@pytest.mark.parametrize("error", ERRORS)
def test_a_ledger_with_an_error_still_names_what_it_has_right(error: str) -> None:
    spoilt = [world(shape, ("cable", "premises"), 31, WEATHERS["fair"], (error,)) for shape in SHAPES]
    outage = 0.5 if error in ("wrong route", "cycle") else 0.9
    held(total(spoilt), root=0.9, domain=0.9, false=0.15, outage=outage, tickets=0.9)


@pytest.mark.parametrize("seed", [41, 42])
def test_nights_of_five_troubles_are_told_apart(seed: int) -> None:
    nights = [world(shape, several(shape, seed, 5), seed, WEATHERS["fair"]) for shape in SHAPES]
    held(total(nights), root=0.95, false=0.05, outage=0.97, exposure=0.95, tickets=0.95, extra=0.05)


def test_the_measures_are_those_of_the_corpus(corpus: Path, tmp_path: Path) -> None:
    """The same worlds, judged by the corpus' own script."""
    namespace: dict[str, object] = {"__name__": "score"}
    exec((corpus / "scenarios" / "score.py").read_text("utf-8").replace("open(", "_open("), namespace)
    namespace["_open"] = lambda path, encoding: Path(path).read_text(encoding).splitlines(keepends=True)
    namespace["json"] = _Lines
    for shape in ("tree", "ring of rings"):
        drawn = world(shape, ("cable", "premises"), 51, ROUGH)
        assert drawn is not None
        account = told(drawn, rules())
        mine = judge(drawn, account)
        paths = tmp_path / "truth.json", tmp_path / "account.jsonl"
        paths[0].write_text(json.dumps(_truth(drawn)), "utf-8")
        paths[1].write_text("".join(json.dumps(row) + "\n" for row in account), "utf-8")
        theirs = namespace["score"](*map(str, paths))  # type: ignore[operator]
        assert (theirs["faults"], theirs["named"], theirs["false"]) == (mine.faults, mine.named, mine.false)
        assert theirs["outage"] == pytest.approx(mine.down, abs=0.1)
        assert (theirs["need"], theirs["ticketed"], theirs["extra"]) == (mine.need, mine.ticketed, mine.extra)


class _Lines:
    """The script reads files with `json.load` and leaves closing them to chance; it is handed lines instead."""

    loads = staticmethod(json.loads)

    @staticmethod
    def load(lines: list[str]) -> object:
        return json.loads("".join(lines))


def _truth(world: World) -> dict[str, object]:
    def shown(at: int) -> str:
        return moment(at, ZONE).isoformat()

    return {
        "hours": 2.0,
        "poll_seconds": 60.0,
        "faults": [
            {
                "root": {"kind": t.trouble.root.kind, "id": t.trouble.root.id},
                "accept": [{"kind": kind, "id": name} for kind, name in sorted(t.accept)],
                "domain": t.trouble.domain,
                "start": show(t.trouble.start, ZONE),
                "end": show(t.trouble.end, ZONE),
            }
            for t in truths(world)
        ],
        "outages": {c: [[shown(a), shown(b)] for a, b in v] for c, v in world.states["down"].items()},
        "exposures": {c: [[shown(a), shown(b)] for a, b in v] for c, v in world.states["exposed"].items()},
    }
