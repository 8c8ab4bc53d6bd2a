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

    def until(self, now: Instant) -> Span:
        """How much of it has passed."""
        return max(0, min(self.end, now) - self.start)


def period(text: str, zone: ZoneInfo) -> Period:
    """`2026`, `2026-11`, `2026-W45`, `2026-11-02` or `2026-11-02..2026-11-08` (the last day is in it).

    Raises ValueError in words for anything else.
    """
    first, after = _days(text)
    return Period(text, _midnight(first, zone), _midnight(after, zone))


def this_month(now: Instant, zone: ZoneInfo) -> Period:
    """The local month that `now` lies in."""
    return period(moment(now, zone).strftime("%Y-%m"), zone)


def _midnight(day: date, zone: ZoneInfo) -> Instant:
    return instant(datetime(day.year, day.month, day.day, tzinfo=zone))


def _days(text: str) -> tuple[date, date]:
    """The first day and the day after the last."""
    try:
        if match := re.fullmatch(r"(\d{4})", text):
            return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
        if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
            year, month = int(match[1]), int(match[2])
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        if match := re.fullmatch(r"(\d{4})-W(\d{2})", text):
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return monday, monday + timedelta(days=7)
        first, _, last = text.partition("..")
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        cure = "write 2026-11, 2026-W45, 2026-11-02 or 2026-11-02..2026-11-08"
        raise ValueError(f"{text!r} is no period: {cure}") from None
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return start, end + timedelta(days=1)
