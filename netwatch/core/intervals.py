"""Half-open intervals of time, `[start, end)`, and what contracts do with them.

A `Spans` is a sorted list of disjoint, non-touching pairs; an open end is `FOREVER`. Both
values are `Instant`s. All functions return new lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from netwatch.core.time import Instant, Span

FOREVER: Instant = 1 << 62
Pair: TypeAlias = tuple[Instant, Instant]
Spans: TypeAlias = list[Pair]


def union(pairs: Iterable[Pair]) -> Spans:
    """The union of any pairs, empty ones dropped, touching ones joined."""
    out: Spans = []
    for start, end in sorted(p for p in pairs if p[0] < p[1]):
        if out and start <= out[-1][1]:
            if end > out[-1][1]:
                out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def common(a: Spans, b: Spans) -> Spans:
    """What lies in both."""
    out: Spans = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            out.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return out


def without(a: Spans, b: Spans) -> Spans:
    """What lies in `a` and not in `b`."""
    out: Spans = []
    for start, end in a:
        at = start
        for s, e in b:
            if e <= at or s >= end:
                continue
            if s > at:
                out.append((at, s))
            at = max(at, e)
        if at < end:
            out.append((at, end))
    return out


def clip(a: Spans, start: Instant, end: Instant) -> Spans:
    """What lies in `a` between `start` and `end`."""
    return [(max(s, start), min(e, end)) for s, e in a if s < end and e > start]


def length(a: Iterable[Pair]) -> Span:
    """The sum of all lengths; the pairs must be disjoint."""
    return sum(e - s for s, e in a)


def covers(a: Spans, at: Instant) -> bool:
    """Whether an instant lies inside."""
    return any(s <= at < e for s, e in a)
