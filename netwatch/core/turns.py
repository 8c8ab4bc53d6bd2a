"""When polling speaks: the rhythm in which it comes back to what it found bad.

A poll carries no time of its own, and some come late, twice, or not at all. But polling asks in turns. What it called
bad it speaks of at its next turn, too: that it still is, or not any more. So it shows how often it asks, and by that
its silence can be judged, and a word that is out of turn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netwatch.core.model import Condition
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant, Span

Key: TypeAlias = tuple[str, str, Condition]
"""Device, component as the ledger writes it, condition."""


@dataclass(slots=True)
class Turns:
    """When polling spoke of one thing."""

    words: list[Instant] = field(default_factory=list)
    """The latest times at which it said bad, or for the first time not any more; ascending."""
    bad: bool = False
    """What it said last."""
    well: Instant = 0
    """When it last said that all is well."""
    beat: Span = 0
    """From one turn to the next."""
    votes: int = 0
    """How many more words came in that time after another than did not."""
    repeats: int = 0
    """How many of those said once more that it is bad."""

    def hear(self, at: Instant, bad: bool) -> None:
        """One more word. That all is well is news only once."""
        if not bad:
            self.well = at
            if not self.bad:
                return
        if self.words and at > self.words[-1]:
            self._vote(at, bad)
        if not self.words or at > self.words[-1]:
            self.words = [*self.words[1 - _KEPT :], at]
        self.bad = bad

    def _vote(self, at: Instant, bad: bool) -> None:
        """Whether a word came in its turn. Others, that came late or twice, may lie between it and the one before."""
        shorter = self._shorter(at)
        if not shorter and self.beat and _said(self.words, at - self.beat, self.beat):
            self.votes += 1
            self.repeats += bad and self.bad
        elif shorter or (self.bad and not self._skipped(at)):
            if self.votes:
                self.votes -= 1
            else:
                self.beat = shorter or at - self.words[-1]

    def _skipped(self, at: Instant) -> bool:
        """Whether it came in turn after one that was lost, or is late."""
        return bool(self.votes) and _said(self.words, at - 2 * self.beat, self.beat)

    def _shorter(self, at: Instant) -> Span:
        """A shorter time in which three words followed one another up to this one; 0: there is none."""
        for n in range(len(self.words) - 1, 0, -1):
            step = at - self.words[n]
            if step * 10 > self.beat * 9:
                break
            if _said(self.words, self.words[n] - step, step, n):
                return step
        return 0

    def regular(self, shown: Iterable[Span] = ()) -> bool:
        """Whether the rhythm is no chance; of one that others have shown, less is proof enough."""
        return self.votes >= _REGULAR or (self.votes > 0 and any(_alike(beat, self.beat) for beat in shown))

    def out_of_turn(self, at: Instant, beat: Span) -> bool:
        """Whether a word at an instant fits none of the last turns: it is an older one, and late."""
        rests = ((at - word) % beat for word in self.words[-_KEPT // 2 :])
        return self.votes > 0 and not any(_near(rest, 0, beat) or _near(rest, beat, beat) for rest in rests)

    def in_line(self, at: Instant, since: Instant, beat: Span) -> list[Instant]:
        """The words that came turn after turn up to one at an instant, all since another; the latest first."""
        line = [at]
        while (
            word := next((w for w in self.words if since < w and _near(w, line[-1] - beat, beat)), None)
        ) is not None:
            line.append(word)
        return line


@dataclass(slots=True)
class Habits:
    """What polling has shown of itself by now. Only ever becomes more."""

    beats: dict[Condition, dict[Key, Span]] = field(default_factory=dict)
    """How often it speaks of what is bad; of each condition so many as make the usual one plain."""
    repeated: set[Key] = field(default_factory=set)
    """Of these it said again and again that they are bad. Others polling may tell of changes alone."""
    fresh: set[Key] = field(default_factory=set)
    """What polling spoke of at the last instant, from which nothing is concluded yet."""
    heard: Instant = 0
    """That instant."""
    praise: set[tuple[Instant, Key]] = field(default_factory=set)
    """Good news of what was never bad; gathered until that is clearly a habit."""

    def learn(self, key: Key, turns: Turns, rules: AlarmRules) -> None:
        """Take over what the words about one thing show."""
        known = self.beats.setdefault(key[2], {})
        if key not in known and len(known) >= 10 * rules.presume_signals:
            return
        if turns.regular(beat for beats in self.beats.values() for beat in beats.values()):
            known[key] = turns.beat
            if turns.repeats >= min(turns.votes, _REGULAR):
                self.repeated.add(key)

    def praised(self, key: Key, at: Instant) -> bool:
        """Good news without a reason; whether it is worth keeping."""
        if len(self.praise) >= _HABIT:
            return False
        self.praise.add((at, key))
        return True

    def well(self, key: Key) -> Instant | None:
        """When polling that tells of changes alone said of a thing that it is well, though not that it had been bad:
        that word got lost, or is late."""
        if self.praises or not self.repeated:
            return None
        return max((at for at, praised in self.praise if praised == key), default=None)

    @property
    def shown(self) -> int:
        """How many things it has spoken of with regularity."""
        return sum(map(len, self.beats.values()))

    def beat(self, key: Key, rules: AlarmRules) -> Span:
        """How often polling would speak of a thing that is bad; 0 while it has not shown that it does."""
        known = self.beats.get(key[2], {})
        if key in known or not known or self.shown < rules.presume_signals:
            return known.get(key, 0)
        return _median(known.values())

    def usual(self, key: Key, turns: Turns, rules: AlarmRules) -> Span:
        """How often polling most likely speaks of a thing of which it did so: by the thing's own rhythm, that of its
        kind, or that of all others."""
        if turns.regular():
            return turns.beat
        return self.beat(key, rules) or _median(beat for known in self.beats.values() for beat in known.values())

    def repeats(self, rules: AlarmRules, these: Collection[Key] = ()) -> bool:
        """Whether polling says again and again what is bad: of several things, or of all these."""
        return len(self.repeated) >= rules.presume_signals or (bool(these) and self.repeated.issuperset(these))

    @property
    def praises(self) -> bool:
        """Whether polling repeats good news as well, so that its silence tells that it has stopped."""
        return len(self.praise) >= _HABIT


def _alike(step: Span, other: Span) -> bool:
    return abs(step - other) * 10 <= step


def _median(beats: Iterable[Span]) -> Span:
    found = sorted(beats)
    return found[len(found) // 2] if found else 0


def _near(word: Instant, at: Instant, step: Span) -> bool:
    """Whether a word was said about an instant, give or take what a busy network or poller adds to a turn."""
    return abs(word - at) * 10 <= step


def _said(words: Sequence[Instant], at: Instant, step: Span, first: int | None = None) -> bool:
    """Whether one of these ascending words, or of the first so many, is near an instant."""
    end, slack = len(words) if first is None else first, step // 10
    place = bisect_left(words, at - slack, 0, end)
    return place < end and words[place] <= at + slack


_REGULAR = 2
"""So many more words in turn than out of it are no chance."""

BORNE_OUT = 3
"""Turns that say the same bear it out. Of two old words that come late one may lie a turn after the other by chance."""

_KEPT = 8
"""Words remembered of each thing: a rhythm shows though half of them come late or twice."""

_HABIT = 50
"""So often praised without a reason, good news is what polling repeats."""
