"""Days, weeks, months, years and spans of days, cut at local midnights of the site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from netwatch.core.time import Instant, Span, instant, moment


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)` and what people call it."""

    name: str
    start: Instant
    end: Instant
    months: int = 0
    """How many whole months of the calendar it is; 0: none."""

    def until(self, now: Instant) -> Span:
        """How much of it has passed."""
        return max(0, min(self.end, now) - self.start)


def period(text: str, zone: ZoneInfo) -> Period:
    """`2026`, `2026-11`, `2026-W45`, `2026-11-02` or `2026-11-02..2026-11-08` (the last day is in it).

    Raises ValueError in words for anything else.
    """
    first, after = _days(text)
    return _span(text, first, after, zone)


def this_month(now: Instant, zone: ZoneInfo) -> Period:
    """The local month that `now` lies in."""
    return period(moment(now, zone).strftime("%Y-%m"), zone)


def before(month: Period, zone: ZoneInfo, months: int = 1) -> Period:
    """As many months, just before. Raises ValueError where `month` is not whole months."""
    if not month.months:
        raise ValueError(f"{month.name} is no whole month")
    end = moment(month.start, zone).date()
    start = _shifted(end, -months)
    return _span(start.strftime("%Y-%m"), start, end, zone)


def year_to(last: Period, zone: ZoneInfo) -> Period:
    """The year that ends with a period: twelve months up to the same day."""
    end = moment(last.end, zone).date()
    start = _shifted(end, -12)
    return _span(f"{start}..{end - timedelta(days=1)}", start, end, zone)


def midnight(day: date, zone: ZoneInfo) -> Instant:
    """The first instant of a local day."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=zone))


def _span(name: str, first: date, after: date, zone: ZoneInfo) -> Period:
    whole = first.day == after.day == 1
    months = (after.year - first.year) * 12 + after.month - first.month if whole else 0
    return Period(name, midnight(first, zone), midnight(after, zone), months)


def _shifted(day: date, months: int) -> date:
    """The same day so many months later; the 29th of February has the 1st of March in other years."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        return date(year, month + 2, 1)


def _days(text: str) -> tuple[date, date]:
    """The first day and the day after the last."""
    try:
        if match := re.fullmatch(r"(\d{4})", text):
            return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
        if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
            first = date(int(match[1]), int(match[2]), 1)
            return first, _shifted(first, 1)
        if match := re.fullmatch(r"(\d{4})-W(\d{2})", text):
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return monday, monday + timedelta(days=7)
        head, _, tail = text.partition("..")
        start, end = date.fromisoformat(head), date.fromisoformat(tail or head)
    except ValueError:
        cure = "write 2026-11, 2026-W45, 2026-11-02 or 2026-11-02..2026-11-08"
        raise ValueError(f"{text!r} is no period: {cure}") from None
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return start, end + timedelta(days=1)
