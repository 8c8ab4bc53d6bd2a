"""Past faults from a CSV: read strictly, every mistake told with row and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from netwatch.core.forecast.past import End, Hours, Past, is_night, queued
from netwatch.core.time import MINUTE, Instant, instant, moment
from netwatch.findings import Finding, UnusableError, did_you_mean
from netwatch.report.columns import ALSO, COLUMNS

_NEEDED = ("started", "cause")
_ENDS = {
    **dict.fromkeys(("healed", "self", "self-healed", "自愈"), End.HEALED),
    **dict.fromkeys(("repaired", "field", "remote", "reroute", "修复", "抢修", "调度"), End.REPAIRED),
}
_AREAS = {
    "": "",
    **dict.fromkeys(("city", "urban", "市区", "城区"), "city"),
    **dict.fromkeys(("suburb", "rural", "郊区", "郊县", "农村"), "suburb"),
}
_CLASSES = {"普通": "standard", "普通级": "standard"}
_NEVER = ("never", "inf", "infinity", "不")
_OFFICE_SHARE = 0.97
"""Share of restorations in office hours from which on they look like closings of tickets. Source: 99 % were so in a
fibre operator's record of 1,319 faults, whose median was 163 h against the 3–6 h that splicing takes."""
_ENOUGH_TO_TELL = 50

_CURE = "`netwatch backtest --template` writes an example"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a class means where the row does not say it."""

    minutes: Mapping[str, int]
    fallback: int
    """Without a class."""
    workday: Hours
    causes: frozenset[str] = frozenset()
    """Causes that the priors know; another one is worth a warning."""


@dataclass(slots=True)
class _Reader:
    name: str
    zone: ZoneInfo
    limits: Limits
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, row: int, column: str, what: str, cure: str = "", *, warning: bool = False) -> None:
        self.findings.append(Finding(f"{self.name}:{row}:{column}", what, cure, warning))

    def time(self, row: int, cells: Mapping[str, str], column: str) -> Instant | None:
        text = cells.get(column, "")
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text.replace("/", "-"))
            return instant(at if at.tzinfo else at.replace(tzinfo=self.zone))
        except (ValueError, OverflowError):
            self.wrong(row, column, f"{text!r} is no time", "such as 2026-03-02 02:10:00")
            return None

    def minutes(self, row: int, cells: Mapping[str, str]) -> float:
        text, named = cells.get("limit_minutes", ""), _CLASSES.get(cells.get("class", ""), cells.get("class", ""))
        if text:
            try:
                value = float(text)
            except ValueError:
                value = 0.0
            if not 0 < value < 1e6:
                self.wrong(row, "limit_minutes", f"{text!r} is no number of minutes above 0")
            return value
        if named and named not in self.limits.minutes:
            cure = did_you_mean(named, self.limits.minutes) or "fill in limit_minutes"
            self.wrong(row, "class", f"no limit is known for class {named!r}", cure)
        return float(self.limits.minutes.get(named, 0 if named else self.limits.fallback))

    def number(self, row: int, cells: Mapping[str, str], column: str) -> float | None:
        text = cells.get(column, "")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not value >= 0:
            self.wrong(row, column, f"{text!r} is no number from 0 on")
        return value

    def would_heal(self, row: int, cells: Mapping[str, str]) -> float | None:
        if cells.get("would_heal", "").lower() in _NEVER:
            return math.inf
        return self.number(row, cells, "would_heal")

    def word(self, row: int, cells: Mapping[str, str], column: str, known: Mapping[str, str]) -> str:
        text = cells.get(column, "").lower()
        if text not in known:
            cure = did_you_mean(text, known) or f"one of {', '.join(k for k in known if k)}"
            self.wrong(row, column, f"{text!r} is unknown", cure)
        return known.get(text, "")

    def fault(self, row: int, cells: Mapping[str, str]) -> Past | None:
        before = len(self.findings)
        for column in _NEEDED:
            if not cells.get(column):
                self.wrong(row, column, "is empty")
        started, restored = self.time(row, cells, "started"), self.time(row, cells, "restored")
        sent, arrived = self.time(row, cells, "sent"), self.time(row, cells, "arrived")
        limit = self.minutes(row, cells)
        area = self.word(row, cells, "area", _AREAS)
        poll, would_take = self.number(row, cells, "poll_seconds"), self.number(row, cells, "would_take")
        would_heal = self.would_heal(row, cells)
        ended = self.word(row, cells, "ended_by", {"": "", **{k: str(v) for k, v in _ENDS.items()}})
        for column, at in (("restored", restored), ("sent", sent), ("arrived", arrived)):
            if started is not None and at is not None and at < started:
                self.wrong(row, column, "lies before `started`")
        if ended == End.REPAIRED and sent is None and "sent" in cells:
            self.wrong(row, "sent", "is empty, though a crew repaired it")
        if started is None or len(self.findings) > before:
            return None
        if restored is None:
            # Nobody knows until when it was watched; what its crew had not done by its limit is all that is sure.
            end, lasted = End.OPEN, max(limit, _after(started, sent) or 0.0)
        else:
            end = End(ended) if ended else End.REPAIRED if sent is not None and sent < restored else End.HEALED
            lasted = (restored - started) / MINUTE
        return Past(
            started=started,
            cause=cells["cause"],
            end=end,
            lasted=lasted,
            sent=_after(started, sent),
            arrived=_after(started, arrived),
            found=cells.get("found", ""),
            team=cells.get("team", ""),
            area=area,
            night=is_night(started, self.zone, self.limits.workday),
            assurance=_CLASSES.get(cells.get("class", ""), cells.get("class", "")),
            limit=limit,
            incident=cells.get("incident", ""),
            slack=(poll or 0.0) / 60,
            would_heal=would_heal,
            would_take=would_take,
        )


def read(
    lines: Iterable[str], zone: ZoneInfo, limits: Limits, name: str = "outages"
) -> tuple[list[Past], list[Finding]]:
    """The faults in order of time, and what is worth a warning. Times without an offset are of `zone`.

    Raises UnusableError with every finding.
    """
    reader, past = _Reader(name, zone, limits), []
    try:
        for row, cells in _rows(lines, reader):
            fault = reader.fault(row, cells)
            if fault is not None:
                past.append(fault)
    except csv.Error as error:
        reader.findings.append(Finding(name, f"is no CSV: {error}", _CURE))
    if not past and not reader.findings:
        reader.findings.append(Finding(name, "holds no fault", _CURE))
    if any(not f.warning for f in reader.findings):
        raise UnusableError(reader.findings)
    past = queued(sorted(past, key=lambda p: p.started))
    return past, [*reader.findings, *_doubts(past, zone, limits, name)]


def _after(started: Instant, at: Instant | None) -> float | None:
    return None if at is None else (at - started) / MINUTE


def _rows(lines: Iterable[str], reader: _Reader) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.reader(lines, strict=True)
    header = next(table, [])
    others = {zh: column for column, (zh, _) in COLUMNS.items()}
    others |= {word: column for column, words in ALSO.items() for word in words}
    names = [h.strip().removeprefix("\ufeff").lower().replace(" ", "_") for h in header]
    # Where a column stands under its own name, what merely sounds like it is something else.
    names = [n if n in COLUMNS or others.get(n, n) in names else others.get(n, n) for n in names]
    for name in sorted({n for n in names if n in COLUMNS and names.count(n) > 1}):
        reader.wrong(1, name, "there are two such columns", "leave one away")
    for column in _NEEDED:
        if column not in names:
            reader.wrong(1, column, "there is no such column", _CURE)
    for name in names:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS) or "it is not read"
            reader.wrong(1, name, "is no column that we know", hint, warning=True)
    if any(not f.warning for f in reader.findings):
        return
    for cells in table:
        if any(cell.strip() for cell in cells):
            if len(cells) > len(names):
                reader.wrong(table.line_num, names[-1], f"the row has {len(cells)} cells, the header {len(names)}")
                continue
            yield table.line_num, {name: cell.strip() for name, cell in zip(names, cells, strict=False)}


def _doubts(past: list[Past], zone: ZoneInfo, limits: Limits, name: str) -> Iterator[Finding]:
    over = [p for p in past if p.end is not End.OPEN]
    ends = [moment(p.started + int(p.lasted * MINUTE), zone).hour for p in over]
    nightly = sum(p.night for p in over)
    if len(over) >= _ENOUGH_TO_TELL and nightly and sum(8 <= h < 19 for h in ends) / len(ends) >= _OFFICE_SHARE:
        yield Finding(
            f"{name}:restored",
            "nearly all faults end in office hours: these look like closings of tickets, not returns of service",
            "take the time at which polling saw service again; all figures are wrong otherwise",
            warning=True,
        )
    if limits.causes:
        for cause in sorted({p.cause for p in past} - limits.causes):
            hint = did_you_mean(cause, limits.causes)
            yield Finding(f"{name}:cause", f"{cause!r} has no prior: it starts as unknown", hint, warning=True)
