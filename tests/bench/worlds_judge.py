"""How well an account tells the truth of a world.

What is counted is what the corpus' `score.py` counts, in its own words: root, domain, false, outage, exposure, late,
tickets, extra.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from worlds_symptoms import POLL
from worlds_trouble import END, Pairs, Trouble
from worlds_truth import World, truths

from netwatch.core.rules import Rules
from netwatch.core.time import SECOND, parse
from netwatch.night import Night, replay

ZONE = ZoneInfo("Asia/Shanghai")
STABLE = 600 * SECOND


def told(world: World, rules: Rules) -> list[dict[str, Any]]:
    """The final account of a world."""
    return replay(Night(tuple(enumerate(world.facts, 1))), world.ledger, rules, ZONE)


# ---------------------------------------------------------------- what is counted


@dataclass
class Score:
    """Sums over worlds; the shares are properties."""

    faults: int = 0
    named: int = 0
    rightly: int = 0
    false: int = 0
    need: int = 0
    ticketed: int = 0
    extra: int = 0
    down: tuple[float, float] = (0.0, 0.0)
    exposed: tuple[float, float] = (0.0, 0.0)
    late: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What went wrong, in words."""

    def __add__(self, other: Score) -> Score:
        return Score(
            self.faults + other.faults,
            self.named + other.named,
            self.rightly + other.rightly,
            self.false + other.false,
            self.need + other.need,
            self.ticketed + other.ticketed,
            self.extra + other.extra,
            (self.down[0] + other.down[0], self.down[1] + other.down[1]),
            (self.exposed[0] + other.exposed[0], self.exposed[1] + other.exposed[1]),
            self.late + other.late,
            self.wrong + other.wrong,
        )

    @property
    def shares(self) -> dict[str, float]:
        """`root`, `domain`, `tickets`, `outage`, `exposure` are good at 1; `false`, `extra` at 0; `late` in seconds."""

        def share(part: float, whole: float, empty: float = 1.0) -> float:
            return part / whole if whole else empty

        return {
            "root": share(self.named, self.faults),
            "domain": share(self.rightly, self.named),
            "false": share(self.false, self.faults, 0.0),
            "outage": share(*self.down),
            "exposure": share(*self.exposed),
            "tickets": share(self.ticketed, self.need),
            "extra": share(self.extra, self.need, 0.0),
            "late": statistics.median(self.late) if self.late else 0.0,
        }


def judge(world: World, account: Sequence[dict[str, Any]]) -> Score:
    """How well an account tells the truth of a world."""
    score = Score()
    faults = [r for r in account if r["type"] == "fault"]
    tickets: dict[str, int] = {}
    for row in account:
        if row["type"] == "ticket" and not row["merged_into"]:
            tickets[row["fault"]] = tickets.get(row["fault"], 0) + 1
    used: set[str] = set()
    for truth in truths(world):
        t = truth.trouble
        until = t.end + 3 * POLL
        hits = [
            r
            for r in faults
            if (r["root"]["kind"], r["root"]["id"]) in truth.accept
            and r["id"] not in used
            and _at(r["opened"]) < until
            and _at(r["cleared"]) > t.start - 5 * SECOND
        ]
        used |= {r["id"] for r in hits}
        if t.planned or truth.hidden:
            continue
        score.faults += 1
        once = bool(hits) if truth.blurred else len(hits) == 1
        score.named += once
        right = once and hits[0]["domain"] in truth.domains
        score.rightly += right
        score.false += 0 if truth.blurred else max(0, len(hits) - 1)
        if not once or not right:
            names = ", ".join(f"{r['root']['kind']} {r['root']['id']} ({r['domain']})" for r in hits or faults)
            score.wrong.append(f"{world.name}: {t.kind} {t.root} ({t.domain}) told as {names or 'nothing'}")
        got = sum(tickets.get(r["id"], 0) for r in hits)
        if t.domain != "management" and _hurts(world, t):
            score.need += 1
            score.ticketed += got >= 1
            score.extra += 0 if truth.blurred else max(0, got - 1)
            if not got:
                score.wrong.append(f"{world.name}: no ticket for {t.root}")
    strays = [r for r in faults if r["id"] not in used]
    score.false += len(strays)
    score.extra += sum(tickets.get(r["id"], 0) for r in strays)
    score.wrong += [f"{world.name}: false {r['root']['kind']} {r['root']['id']} from {r['opened']}" for r in strays]
    score.down = _agreement(world.states["down"], _spans(account, "outage", "restored"))
    score.exposed = _agreement(world.states["exposed"], _spans(account, "exposure", "ended"))
    score.late = _late(world.states["down"], _spans(account, "outage", "restored"))
    for what, (both, either) in (("outage", score.down), ("exposure", score.exposed)):
        if either > 120 and both / either < 0.9:
            score.wrong.append(f"{world.name}: {what} agrees to {both / either:.2f}")
    return score


def _hurts(world: World, t: Trouble) -> bool:
    return any(
        abs(s - t.start) < 5 * SECOND and e > t.start for spans in world.states["down"].values() for s, e in spans
    )


def _at(text: str | None) -> int:
    return END if text is None else parse(text)


def _spans(account: Sequence[dict[str, Any]], kind: str, end: str) -> dict[str, Pairs]:
    out: dict[str, Pairs] = {}
    for row in account:
        if row["type"] == kind:
            out.setdefault(row["circuit"], []).append((_at(row["started"]), _at(row[end])))
    return out


def _merged(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if out and start - out[-1][1] <= STABLE:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _agreement(true: dict[str, Pairs], said: dict[str, Pairs]) -> tuple[float, float]:
    both = either = 0
    for circuit in true.keys() | said.keys():
        x, y = _merged(true.get(circuit, ())), _merged(said.get(circuit, ()))
        common = sum(max(0, min(b, d) - max(a, c)) for a, b in x for c, d in y)
        both += common
        either += sum(b - a for a, b in x) + sum(b - a for a, b in y) - common
    return both / SECOND, either / SECOND


def _late(true: dict[str, Pairs], said: dict[str, Pairs]) -> list[float]:
    late = []
    for circuit, pairs in true.items():
        heard = _merged(said.get(circuit, ()))
        for start, end in _merged(pairs):
            near = [s for s, e in heard if s < end + 60 * SECOND and e > start - 60 * SECOND]
            if near:
                late.append((min(near) - start) / SECOND)
    return late
