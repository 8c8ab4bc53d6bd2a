"""From raw loss to outages: when loss counts, when it began, when it was over.

Pure interval work on one circuit. Raw loss is what the evidence says, to the microsecond;
an `Episode` is what the contract sees of it (journal contract, "What decides").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netwatch.core.intervals import FOREVER, Spans, clip, covers, length, union
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant


@dataclass(frozen=True, slots=True)
class Episode:
    """Loss that counts."""

    started: Instant
    ended: Instant
    """First evidence of service; FOREVER while it lasts."""
    confirmed: Instant
    """When it had lasted long enough to count."""
    complained: Instant | None = None
    only_complaint: bool = False
    """Nothing but the customer's word speaks for it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A complaint, and when the crew said that service is restored."""

    at: Instant
    restored: Instant = FOREVER


def episodes(loss: Spans, rules: AlarmRules, calls: Sequence[Call] = ()) -> list[Episode]:
    """The episodes of raw loss, ascending.

    Loss counts once it has lasted `debounce` in all within `debounce_window`, or at once when
    the customer complains. It then began with the first loss of that window, and is over at the
    first evidence of service after which no loss follows within `stability`.
    """
    raw = union(loss)
    said: Spans = []
    forced: list[Instant] = []
    for call in sorted(calls, key=lambda c: c.at):
        held = _holding(_judge(union([*raw, *said]), rules, forced), call.at, rules)
        if held and not _only(held, raw):
            forced.append(call.at)  # belongs to it; and counts at once, should it count for nothing yet
        elif covers(raw, call.at):
            forced.append(call.at)
        else:
            seen = min((s for s, _ in raw if s > call.at), default=FOREVER)
            said = union([*said, (call.at, min(call.restored, seen))])
            forced.append(call.at)
    out = []
    for e in _judge(union([*raw, *said]), rules, forced):
        complained = min((c.at for c in calls if e.started <= c.at < _until(e, rules)), default=None)
        out.append(Episode(e.started, e.ended, e.confirmed, complained, _only(e, raw)))
    return out


def _only(episode: Episode, raw: Spans) -> bool:
    return not clip(raw, episode.started, max(episode.ended, episode.started + 1))


def _until(episode: Episode, rules: AlarmRules) -> Instant:
    return FOREVER if episode.ended == FOREVER else episode.ended + rules.stability


def _holding(found: Iterable[Episode], at: Instant, rules: AlarmRules) -> Episode | None:
    return next((e for e in found if e.started <= at < _until(e, rules)), None)


def _judge(loss: Spans, rules: AlarmRules, forced: Sequence[Instant]) -> list[Episode]:
    out: list[Episode] = []
    pending: Spans = []
    for start, end in loss:
        if out and not pending and start - out[-1].ended < rules.stability:
            last = out[-1]
            out[-1] = Episode(last.started, end, last.confirmed)
            continue
        pending.append((start, end))
        confirmed = _confirmed(pending, rules, forced)
        if confirmed is not None:
            first = min(s for s, e in pending if e > confirmed - rules.debounce_window)
            out.append(Episode(first, end, confirmed))
            pending = []
    return out


def _confirmed(pending: Spans, rules: AlarmRules, forced: Sequence[Instant]) -> Instant | None:
    """When, within the last pending loss, enough of it lay within the window."""
    start, end = pending[-1]
    before = pending[:-1]
    at = start
    while True:
        lasted = length(clip(before, at - rules.debounce_window, start)) + (at - start)
        if lasted >= rules.debounce:
            break
        at += rules.debounce - lasted
        if at > end:
            break
    called = min((f for f in forced if start <= f < end), default=FOREVER)
    when = min(at, called)
    return when if when <= end and when != FOREVER else None


def next_confirmation(found: Iterable[Episode], now: Instant) -> Instant | None:
    """When loss that goes on now would begin to count, if it does not count yet."""
    return min((e.confirmed for e in found if e.confirmed > now), default=None)
