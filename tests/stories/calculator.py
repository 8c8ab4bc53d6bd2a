"""The contract's arithmetic a second time, as naively as can be.

Shares no code and no idea with `netwatch.core`: no interval algebra, no microseconds, no engine. Time is cut at every
instant that matters, and each slice is asked by its middle whether the clock stood in it; losses are counted cell by
cell on a grid that is fine enough for every line. Slow, and easy to believe.

Knows circuits with one tail link and nothing else to go wrong: those of the golden ledger `street`.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

CHINA = timezone(timedelta(hours=8))
STOPPING = {"customer_absent", "customer_refused", "customer_postponed", "customer_power", "customer_equipment"} | {
    "site_access",
    "force_majeure",
    "planned_work",
}
CLASS_MINUTES = {"AAA": 120, "AA": 240, "A": 360, "standard": 480}
CLASS_OF_LEVEL = {"diamond": "AAA", "gold": "AA", "silver": "A", "bronze": "standard", "standard": "standard"}
INTERNET_MINUTES = {"diamond": 120, "gold": 120, "silver": 180, "bronze": 300, "standard": 300}
NOTICE_DAYS = {"AAA": 5, "AA": 3, "A": 3, "standard": 1}

Doc = dict[str, Any]
Span = tuple[Fraction, Fraction]


class AmbiguousError(Exception):
    """The contract's text can be read in two ways here: nothing is claimed."""


@dataclass(frozen=True)
class Line:
    """One circuit of `street`, as its ledger says."""

    circuit: str
    assurance: str
    level: str
    product: str
    device: str
    port: str
    scopes: frozenset[str]
    """Every `kind id` by which planned work can cover it."""
    levels: tuple[tuple[str, str], ...]
    """Every customer and his level: a circuit may be given to another."""


@dataclass(frozen=True)
class Figures:
    gross: int
    net: int
    planned: int
    minutes: int
    deadline: Fraction
    breached: bool


def lines_of(folder: Path) -> dict[str, Line]:
    """The circuits of a ledger whose routes are one link each."""
    tables = {}
    for name in ("circuits", "links", "devices", "customers"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    links = {row["link"]: row for row in tables["links"]}
    sites = {row["device"]: row["site"] for row in tables["devices"]}
    levels = {row["customer"]: row["level"] for row in tables["customers"]}
    out = {}
    for row in tables["circuits"]:
        link = links[row["working"]]
        devices = {link["a_device"], link["z_device"]}
        scopes = {f"circuit {row['circuit']}", f"link {link['link']}", f"cable {link['cable']}"}
        scopes |= {f"device {d}" for d in devices} | {f"site {sites[d]}" for d in devices}
        out[row["circuit"]] = Line(
            row["circuit"],
            row["assurance"],
            levels[row["customer"]],
            row["product"],
            link["a_device"],
            link["a_port"],
            frozenset(scopes),
            tuple(levels.items()),
        )
    return out


def seconds(text: str) -> Fraction:
    """An ISO 8601 time as seconds since 1970, exactly."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return Fraction(since.days * 86400 + since.seconds) + Fraction(since.microseconds, 1_000_000)


def local_day(at: Fraction) -> date:
    return datetime.fromtimestamp(math.floor(at), CHINA).date()


def rounded(span: Fraction) -> int:
    """Whole seconds, halves up."""
    return math.floor(span + Fraction(1, 2))


# ---------------------------------------------------------------- when the circuit was out


def outages(docs: Sequence[Doc], line: Line, most_cells: int = 200_000) -> list[tuple[Fraction, Fraction | None]]:
    """(started, restored) of a circuit that only its tail link can take down, cell by cell.

    Raises AmbiguousError where the text can be read in two ways, or the grid would be too fine.
    """
    said = [
        (seconds(doc["at"]), doc["state"] == "bad")
        for doc in docs
        if (doc.get("device"), doc.get("component")) == (line.device, line.port)
    ]
    if not said:
        return []
    said.sort(key=lambda one: one[0])
    zero, last = said[0][0], max(seconds(doc["at"]) for doc in docs)
    cell = Fraction(1)
    while any((at - zero) % cell for at, _ in [*said, (last, False)]):
        cell /= 10
    if (last - zero) / cell > most_cells:
        raise AmbiguousError("too fine a grid")
    down: list[bool] = []
    for (at, bad), (until, _) in pairwise([*said, (last, False)]):
        down += [bad] * int((until - at) / cell)
    return _walk(down, said[-1][1], zero, cell)


def _walk(down: list[bool], state: bool, zero: Fraction, cell: Fraction) -> list[tuple[Fraction, Fraction | None]]:
    window, minute, stable = (int(s / cell) for s in (900, 60, 600))
    lost_before = [0, *accumulate(down)]
    """Lost cells before each cell."""
    out: list[tuple[Fraction, Fraction | None]] = []
    started: int | None = None
    used = quiet = 0
    """Cells that belong to an outage already; good cells in a row."""
    doubtful = False
    for n, lost in enumerate(down):
        quiet = 0 if lost else quiet + 1
        if started is None:
            first = max(0, n + 1 - window)
            fresh = max(first, used)
            if lost_before[n + 1] - lost_before[fresh] >= minute:
                started, doubtful = _first_loss(down, fresh, n, used, stable), False
            elif lost and lost_before[n + 1] - lost_before[first] >= minute:
                doubtful = True
            elif doubtful and quiet == stable:
                break
        elif quiet == stable:
            end = n + 1 - stable
            out.append((zero + started * cell, zero + end * cell))
            started, used = None, n + 1
    if doubtful:
        raise AmbiguousError("does loss that was an outage count again?")
    if started is not None:
        over = quiet > 0 or not state
        out.append((zero + started * cell, zero + (len(down) - quiet) * cell if over else None))
    return out


def _first_loss(down: list[bool], fresh: int, n: int, used: int, stable: int) -> int:
    first = next(k for k in range(fresh, n + 1) if down[k])
    if first == fresh and first > used and down[first - 1]:
        raise AmbiguousError("does a loss that is partly in the 15 minutes begin the outage?")
    gap = 0
    for k in range(first, n + 1):
        gap = 0 if down[k] else gap + 1
        if gap >= stable:
            raise AmbiguousError("do losses ten minutes apart make one outage?")
    return first


# ---------------------------------------------------------------- what it used of the contract


def figures(docs: Sequence[Doc], line: Line, found: Sequence[tuple[Fraction, Fraction | None]], which: int) -> Figures:
    """The account of one of a circuit's outages, from the journal's facts."""
    started, restored = found[which]
    last = max(seconds(d["at"]) for d in docs)
    end = last if restored is None else restored
    returned = [r for _, r in found[:which] if r is not None]
    since = max(returned) if returned else _counted(docs, line, started)
    stopped = [*_pauses(docs, line.circuit, since)]
    planned = [*_excused(docs, line, started)]
    minutes = _minutes(docs, line, started, end)
    net = standing = Fraction(0)
    deadline = None
    off = Fraction(0)
    instants = {started, end, *(t for span in [*stopped, *planned] for t in span)}
    cuts = sorted(t for t in instants if started <= t <= end)
    for a, b in pairwise(cuts):
        middle = (a + b) / 2
        excused = any(s <= middle < e for s, e in planned)
        off += b - a if excused else 0
        if excused or any(s <= middle < e for s, e in stopped):
            standing += b - a
            continue
        if deadline is None and net + (b - a) >= minutes * 60:
            deadline = a + minutes * 60 - net
        net += b - a
    if deadline is None:
        deadline = started + minutes * 60 + standing
    return Figures(rounded(end - started), rounded(net), rounded(off), minutes, deadline, net > minutes * 60)


def _counted(docs: Sequence[Doc], line: Line, started: Fraction) -> Fraction:
    """When an outage counts, so that there is a ticket to act on: a minute lost in all, or the customer's word."""
    said = [d for d in docs if (d.get("device"), d.get("component")) == (line.device, line.port)]
    said.sort(key=lambda d: seconds(d["at"]))
    calls = [seconds(d["at"]) for d in docs if d["type"] == "complaint" and d["circuit"] == line.circuit]
    called = min((c for c in calls if c >= started), default=Fraction(10**12))
    left = Fraction(60)
    for doc, then in pairwise([*said, {"at": "9999-01-01T00:00:00+00:00"}]):
        begun, until = max(seconds(doc["at"]), started), seconds(then["at"])
        if doc["state"] == "bad" and until > begun:
            if until - begun >= left:
                return min(called, begun + left)
            left -= until - begun
    return called


def _pauses(docs: Sequence[Doc], circuit: str, since: Fraction) -> Iterable[Span]:
    """The stopping pauses opened once there was a ticket, or after the last return of service."""
    running: dict[str, Fraction] = {}
    acts = [
        d
        for d in docs
        if d["type"] == "work" and circuit in ([d["circuit"]] if isinstance(d["circuit"], str) else d["circuit"])
    ]
    for doc in sorted(acts, key=lambda d: seconds(d["at"])):
        at = seconds(doc["at"])
        if at < since:
            continue
        approved = doc.get("approved_by") not in (None, "", doc.get("by"))
        if "since" in doc and approved and seconds(doc["since"]) < at:
            at = seconds(doc["since"])
        reason = doc.get("reason", "")
        if doc["action"] == "pause":
            running.setdefault(reason, at)
        if doc["action"] == "resume":
            for name in [reason] if reason else list(running):
                if name in running:
                    start = running.pop(name)
                    if name in STOPPING and start < at:
                        yield start, at
    for name, start in running.items():
        if name in STOPPING:
            yield start, Fraction(10**12)


def _excused(docs: Sequence[Doc], line: Line, started: Fraction) -> Iterable[Span]:
    """From the outage's start to the end of each window that excuses it."""
    plans: dict[str, list[Doc]] = {}
    for doc in sorted((d for d in docs if d["type"] == "maintenance"), key=lambda d: seconds(d["at"])):
        plans.setdefault(doc["id"], []).append(doc)
    for versions in plans.values():
        known = [v for v in versions if seconds(v["at"]) <= started] or versions[:1]
        force = known[-1]
        if force.get("cancelled") or not line.scopes.intersection(force["scope"]):
            continue
        if not seconds(force["start"]) <= started < seconds(force["end"]):
            continue
        if _notice(force) < NOTICE_DAYS[_assurance(docs, line, started)]:
            continue
        end = seconds(force["end"])
        for version in versions[len(known) :]:
            if seconds(version["at"]) >= end:
                break
            gone = version.get("cancelled") or not line.scopes.intersection(version["scope"])
            end = seconds(version["at"]) if gone else max(seconds(version["end"]), seconds(version["at"]))
        yield started, end


def _notice(plan: Doc) -> int:
    calendar = tomllib.loads((Path(__file__).parents[2] / "rules/calendar.toml").read_text(encoding="utf-8"))["year"]
    day, last, count = local_day(seconds(plan["announced"])), local_day(seconds(plan["start"])), 0
    while day < last:
        day += timedelta(days=1)
        year = calendar.get(str(day.year), {"holidays": [], "workdays": []})
        free = day.weekday() in (5, 6)
        for text in year["holidays"]:
            first, _, until = text.partition("..")
            free = free or first <= day.isoformat() <= (until or first)
        count += day.isoformat() in year["workdays"] or not free
    return count


def _at(docs: Sequence[Doc], line: Line, at: Fraction) -> Line:
    """The circuit as the ledger has it at an instant."""
    changes = [d for d in docs if d["type"] == "ledger" and d["circuit"] == line.circuit and seconds(d["at"]) <= at]
    for doc in sorted(changes, key=lambda d: seconds(d["at"])):
        line = replace(
            line,
            assurance=doc.get("assurance", line.assurance),
            product=doc.get("product", line.product),
            level=dict(line.levels)[doc["customer"]] if "customer" in doc else line.level,
        )
    return line


def _assurance(docs: Sequence[Doc], line: Line, at: Fraction) -> str:
    line = _at(docs, line, at)
    name = line.assurance or CLASS_OF_LEVEL.get(line.level, "")
    if not name:
        raise AmbiguousError("what notice does a circuit without class and level need?")
    return name


def _minutes(docs: Sequence[Doc], line: Line, started: Fraction, end: Fraction) -> int:
    line = _at(docs, line, started)
    stated = line.assurance
    if line.product == "ipshop":
        calls = [seconds(d["at"]) for d in docs if d["type"] == "complaint" and d["circuit"] == line.circuit]
        reported = min((c for c in calls if started <= c < end + 600), default=started)
        midnight = Fraction(math.floor(datetime.combine(local_day(reported), datetime.min.time(), CHINA).timestamp()))
        return 480 if reported - midnight <= 14 * 3600 else 1440
    if line.product == "internet" and line.level:
        return min(INTERNET_MINUTES[line.level], CLASS_MINUTES[stated] if stated else 10**6)
    return CLASS_MINUTES.get(stated or CLASS_OF_LEVEL.get(line.level, ""), 480)
