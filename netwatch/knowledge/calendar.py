"""`calendar.toml`: the State Council's holidays, and the weekends that are worked for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from netwatch.config.toml import Document
from netwatch.core.rules import Calendar
from netwatch.core.sla import missing_years
from netwatch.core.time import Instant
from netwatch.findings import Finding
from netwatch.knowledge.schema import Strict


class _Year(Strict):
    holidays: list[str]
    workdays: list[str] = []


class File(Strict):
    year: dict[Annotated[str, Field(pattern=r"^\d{4}$")], _Year]


def findings(file: File, document: Document) -> Iterator[Finding]:
    told: dict[str, set[date]] = {"holidays": set(), "workdays": set()}
    for year, kind, text in _entries(file):
        try:
            days = _days(text)
        except ValueError:
            cure = "write 2026-10-01 or 2026-10-01..2026-10-07"
            yield document.finding(("year", year, kind), f"{text!r} is no day", cure)
            continue
        told[kind].update(days)
        if {d.year for d in days} - {int(year)}:
            yield document.finding(("year", year, kind), f"{text!r} lies in another year")
    for day in sorted(told["holidays"] & told["workdays"]):
        yield document.finding(("year", str(day.year)), f"{day} is both holiday and workday")


def rules(file: File) -> Calendar:
    told: dict[str, set[date]] = {"holidays": set(), "workdays": set()}
    for _, kind, text in _entries(file):
        told[kind].update(_days(text))
    return Calendar(frozenset(told["holidays"]), frozenset(told["workdays"]), frozenset(int(y) for y in file.year))


def _entries(file: File) -> Iterator[tuple[str, str, str]]:
    """(year, `holidays` or `workdays`, a day or days)."""
    for year, days in file.year.items():
        yield from ((year, "holidays", text) for text in days.holidays)
        yield from ((year, "workdays", text) for text in days.workdays)


def _days(text: str) -> list[date]:
    first, _, last = text.partition("..")
    start = date.fromisoformat(first)
    end = date.fromisoformat(last) if last else start
    if end < start or end - start > timedelta(days=40):
        raise ValueError(text)
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


def unknown_days(calendar: Calendar, at: Instant, zone: ZoneInfo, place: Path) -> list[Finding]:
    """Warnings of years that working days are about to be counted in without an official calendar."""
    return [
        Finding(
            str(place),
            f"holds no holidays of {year}: its working days are counted by plain weekends",
            f"add [year.{year}] once the State Council's notice is out, usually in November of the year before",
            warning=True,
        )
        for year in missing_years(calendar, at, zone)
    ]
