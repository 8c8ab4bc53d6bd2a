"""Instants, spans, and the local calendar.

An instant is a whole number of microseconds since the Unix epoch. Floats are out: a
contract that says "120 minutes, exactly at the limit is kept" must not hang on the last
bit of a double, and aware datetimes cost ten times as much to subtract and compare.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

Instant: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z."""

Span: TypeAlias = int
"""A length of time in microseconds."""

SECOND: Span = 1_000_000
MINUTE: Span = 60 * SECOND
HOUR: Span = 60 * MINUTE
DAY: Span = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime(2, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime(9998, 12, 31, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def instant(moment: datetime) -> Instant:
    """The instant of an aware datetime. A naive one is an error: it names no instant."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    return (moment - _EPOCH) // _MICROSECOND


def parse(text: str) -> Instant:
    """Read ISO 8601 with an offset, e.g. ``2026-11-02T02:10:07.250+08:00``.

    Raises ValueError for anything else, also for a time without an offset.
    """
    at = instant(datetime.fromisoformat(text))
    if not _FIRST <= at <= _LAST:
        raise ValueError(f"{text} lies outside the years that a calendar has in every zone")
    return at


def moment(at: Instant, zone: ZoneInfo) -> datetime:
    """The aware local datetime of an instant."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def show(at: Instant | None, zone: ZoneInfo) -> str | None:
    """ISO 8601 in `zone` with its offset; milliseconds, or finer where the instant is finer."""
    if at is None:
        return None
    return moment(at, zone).isoformat(timespec="milliseconds" if at % 1000 == 0 else "microseconds")


def whole_seconds(span: Span) -> int:
    """Rounded to whole seconds, halves up (away from what `round` does with halves)."""
    return (span + SECOND // 2) // SECOND
