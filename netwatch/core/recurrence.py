"""Planned work that comes again: a first window and how it repeats, as the single windows that a journal holds.

Repetition is a matter of wall clocks: work from 23:00 to 03:00 stays there whatever the offset from UTC does. A window
belongs to the day on which it begins; it may cross midnight, a month's end or a year's. Where a clock is set forward,
a time that does not exist is the same wall time by the offset before; where it is set back, the first of two counts.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

from netwatch.core.intervals import Pair
from netwatch.core.time import Instant, instant, moment

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOW = 'write "daily", "weekly", "weekly mon thu", "monthly", "monthly 15" or "monthly last"'
MOST = 400
"""Windows of one repetition: a year of nights, and some."""


def occurrences(start: Instant, end: Instant, every: str, until: Instant, zone: ZoneInfo) -> list[Pair]:
    """The windows of a repetition that begin up to `until`, the first one included.

    `every` is `daily`; `weekly` (the first window's weekday) or `weekly mon thu`; `monthly` (the first window's
    day; a month without it is left out), `monthly 15` or `monthly last`. The first window must fit its own rule.
    Raises ValueError for anything else, and for more than `MOST` windows.
    """
    first = moment(start, zone).replace(tzinfo=None)
    last = moment(end, zone).replace(tzinfo=None)
    length = last - first
    out: list[Pair] = []
    for day in islice(_days(first.date(), every), MOST + 1):
        begins = datetime.combine(day, first.time())
        window = (_at(begins, zone), _at(begins + length, zone))
        if window[0] > until:
            return out
        if out and window[0] < out[-1][1]:
            raise ValueError("a window lasts until the next one has begun")
        out.append(window)
    raise ValueError(f"more than {MOST} windows: let it end earlier")


def _at(wall: datetime, zone: ZoneInfo) -> Instant:
    return instant(wall.replace(tzinfo=zone))


def _days(first: date, every: str) -> Iterator[date]:
    word, *details = every.lower().split()
    match word, details:
        case "daily", []:
            return (first + timedelta(days=n) for n in count())
        case "weekly", names if set(names) <= set(DAYS):
            wanted = {DAYS.index(name) for name in names} or {first.weekday()}
            _fits(first, first.weekday() in wanted)
            return (day for n in count() if (day := first + timedelta(days=n)).weekday() in wanted)
        case "monthly", ["last"]:
            _fits(first, first.day == calendar.monthrange(first.year, first.month)[1])
            return _monthly(first, 31, last=True)
        case "monthly", []:
            return _monthly(first, first.day)
        case "monthly", [number] if number.isdecimal() and 1 <= int(number) <= 31:
            _fits(first, first.day == int(number))
            return _monthly(first, int(number))
    raise ValueError(HOW)


def _fits(first: date, fits: bool) -> None:
    if not fits:
        raise ValueError(f"the first window begins on {first} ({DAYS[first.weekday()]}), which it leaves out")


def _monthly(first: date, day: int, *, last: bool = False) -> Iterator[date]:
    for n in count(first.month - 1):
        year, month = first.year + n // 12, n % 12 + 1
        length = calendar.monthrange(year, month)[1]
        if last or day <= length:
            yield date(year, month, min(day, length))


def named(key: str, window: Pair, zone: ZoneInfo) -> str:
    """The id of one window of a repetition: the work's own and the day on which it begins."""
    return f"{key}@{moment(window[0], zone):%Y-%m-%d}"


def belongs(key: str, name: str) -> bool:
    """Whether a window is of a repetition, or is that window itself."""
    return name == key or name.rpartition("@")[0] == key
