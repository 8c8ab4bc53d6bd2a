"""What one review found out and the next may build on: so that a look at everything costs what has changed.

Nothing in here is state. An engine without it, a new one or one thawed from a snapshot, looks at everything once and
comes to the same decisions; `tests/core/test_known.py` holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, TypeAlias

from netwatch.core.alarms import Element, Track
from netwatch.core.book import Book
from netwatch.core.faults.causes import Cause, Planned
from netwatch.core.intervals import Pair
from netwatch.core.model import ServiceState
from netwatch.core.outages.circuits import Fates
from netwatch.core.tickets import Stake
from netwatch.core.time import Instant

Mark: TypeAlias = tuple[Any, ...]
"""All of a track that an explanation depends on."""


@dataclass(slots=True)
class Known:
    """What is known of the network as it was last looked at."""

    marks: dict[Element, Mark] = field(default_factory=dict)
    changed: set[Element] = field(default_factory=set)
    """The tracks that changed between the last look and this one."""
    asked: tuple[str, Sequence[Planned], Sequence[Pair]] = ("", (), ())
    """Vantage, planned work, times in which we could not see."""
    causes: list[Cause] | None = None
    """The explanation of these tracks as they were asked for; None: none yet, or it may be another one later."""
    rhythms: int = 0
    """How many signals polling had shown to repeat."""
    fates: Fates = field(default_factory=Fates)
    judged: dict[str, object] = field(default_factory=dict)
    """Circuit → the verdict on its loss by which it was last judged."""
    disturbed: set[str] = field(default_factory=set)
    """Circuits that people spoke of since."""
    planned: set[str] = field(default_factory=set)
    """Circuits that are out by plan: the end of the plan changes what they are, though nothing is heard."""
    files: dict[str, File] = field(default_factory=dict)
    clocks: list[tuple[Instant, str]] = field(default_factory=list)
    """(deadline, outage) of each clock that runs, as a heap: passing it changes the row."""
    due: dict[str, Instant] = field(default_factory=dict)
    """Outage → its deadline among `clocks`."""
    ridden: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fault → its circuits in order. They only ever become more."""

    @classmethod
    def of(cls, book: Book) -> Known:
        """Nothing, but what is on record."""
        return cls(planned={c for c, row in book.circuits.items() if row.state is ServiceState.PLANNED})

    def look(self, tracks: Mapping[Element, Track]) -> None:
        """Note which tracks changed since they were last looked at."""
        marks = {
            e: (t, t.quarantine, t.echo, sum(map(len, t.signals.values())), len(t.words), *t.spans)
            for e, t in tracks.items()
            if t.spans
        }
        former = self.marks
        if marks == former:
            self.changed = set()
            return
        self.changed = {e for e, mark in marks.items() if former.get(e) != mark}
        self.changed.update(former.keys() - marks.keys())
        self.marks, self.causes = marks, None

    def disturb(self, circuits: Iterable[str]) -> None:
        """What was concluded about these circuits may not hold any more."""
        self.disturbed.update(circuits)

    def spoken_of(self, circuits: Iterable[str]) -> None:
        """People said something of these circuits, or of the orders that cover them."""
        self.disturb(circuits)
        self.files.clear()

    def drop(self, faults: Iterable[str]) -> None:
        """What hangs on these faults has changed."""
        for fault in faults:
            self.files.pop(fault, None)

    def file(self, fault: str) -> File:
        if fault not in self.files:
            self.files[fault] = File()
        return self.files[fault]

    def forget_judgements(self) -> None:
        """Every circuit is to be judged anew."""
        self.judged.clear()
        self.files.clear()

    def runs_until(self, outage: str, deadline: Instant) -> None:
        """A clock runs, and will have run out at an instant."""
        if self.due.get(outage) != deadline:
            self.due[outage] = deadline
            heappush(self.clocks, (deadline, outage))

    def run_out(self, now: Instant) -> Iterator[str]:
        """The outages whose clocks have run out since this was last asked."""
        while self.clocks and self.clocks[0][0] < now:
            deadline, outage = heappop(self.clocks)
            if self.due.get(outage) == deadline:
                del self.due[outage]
                yield outage

    def circuits_of(self, fault: str, circuits: set[str]) -> tuple[str, ...]:
        """The circuits of a fault in order. To sort ten thousand names would be the dearest part of a look."""
        kept = self.ridden.get(fault, ())
        if len(kept) != len(circuits):
            kept = self.ridden[fault] = tuple(sorted(circuits))
        return kept


@dataclass(slots=True)
class File:
    """What the repair orders need of one fault's circuits, until one of them is judged anew."""

    stakes: list[Stake] | None = None
    exposed: list[str] | None = None
    """The classes of those that stand without protection."""
    wanted: tuple[Instant | None, Instant | None] | None = None
    """(when the fault was over, since when it deserves an order)."""
    due: Instant = 0
    """When the next of its lines' clocks has something to say."""
    clocks: dict[str, tuple[object, Instant]] = field(default_factory=dict)
    """Order → what its clocks were found from, and when the next of them has something to say."""
