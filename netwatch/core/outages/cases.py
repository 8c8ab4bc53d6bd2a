"""Causes over time: which cause of now is which fault on record.

`faults.explain` starts from nothing at every run. What people hold in their hands, a fault
with its id and its ticket, must live on: the same root is the same fault; a better root for
the same evidence takes the fault over and keeps its id, its ticket and its earliest start; of
several that turn out to be one, the oldest lives on and the others are absorbed.
"""

from __future__ import annotations

from collections.abc import Sequence

from netwatch.core.alarms import Element
from netwatch.core.book import Book, FaultRecord
from netwatch.core.faults.causes import Cause
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Root
from netwatch.core.outages.service import Episode, episodes
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant


class Cases:
    """Matches the causes of one review with the faults of the book."""

    def __init__(self, book: Book, causes: Sequence[Cause], timing: AlarmRules, now: Instant) -> None:
        self.book, self.causes, self.timing, self.now = book, causes, timing, now
        self.live = [f for f in book.faults.values() if not f.final and not f.absorbed_by]
        self.of: dict[Root, FaultRecord] = {}
        """Root → the fault on record."""
        self._taken: set[str] = set()
        self.absorbed: list[tuple[FaultRecord, FaultRecord]] = []
        """(child, parent) pairs of this review."""
        self.opened: list[FaultRecord] = []
        self._roots = {c.root for c in causes}
        self._by_root: dict[Root, list[FaultRecord]] = {}
        self._by_element: dict[Element, list[FaultRecord]] = {}
        for fault in self.live:
            self._by_root.setdefault(fault.root, []).append(fault)
            for element in fault.elements:
                self._by_element.setdefault(element, []).append(fault)
        self._episodes = {c.root: self._latest(c) for c in causes}

    def _latest(self, cause: Cause) -> Episode | None:
        found = [e for e in episodes(cause.spans, self.timing) if e.confirmed <= self.now]
        return found[-1] if found else None

    def confirmed(self, cause: Cause) -> bool:
        """Whether it has lasted long enough to count."""
        return bool(cause.fault) or self._episodes.get(cause.root) is not None

    def known_as(self, cause: Cause) -> str:
        """The id of its fault; empty while it has none."""
        fault = self.of.get(cause.root)
        return cause.fault or (fault.id if fault else "")

    def settle(self) -> None:
        """Carry every confirmed cause, and every one that already has a fault, into the book."""
        for cause in self.causes:
            if self._episodes[cause.root] or self._candidates(cause):
                self.record(cause)

    def record(self, cause: Cause) -> FaultRecord:
        """The fault of a cause; opened now when there is none yet."""
        if cause.fault:
            return self.book.faults[cause.fault]
        if (known := self.of.get(cause.root)) is not None:
            return known
        candidates = self._candidates(cause)
        same = [f for f in candidates if f.root == cause.root]
        keeper = min(same or candidates, key=_age, default=None)
        if keeper is None:
            keeper = self._open(cause)
        for child in candidates:
            if child is not keeper:
                child.absorbed_by = keeper.id
                keeper.opened = min(keeper.opened, child.opened)
                self.absorbed.append((child, keeper))
        self._update(keeper, cause)
        self.of[cause.root] = keeper
        self._taken.add(keeper.id)
        return keeper

    def _candidates(self, cause: Cause) -> list[FaultRecord]:
        """Faults of this root, and those whose evidence it explains better than any root of now does."""
        near = {f.id: f for f in self._by_root.get(cause.root, ())}
        if self._by_element:
            for element in cause.elements | cause.explains:
                near.update((f.id, f) for f in self._by_element.get(element, ()) if f.root not in self._roots)
        free = (f for f in near.values() if f.id not in self._taken and not f.absorbed_by)
        return sorted(free, key=_age)  # not as a set happens to give them: the same input, the same output

    def _open(self, cause: Cause) -> FaultRecord:
        episode = self._episodes[cause.root]
        fault = FaultRecord(
            id=self.book.name("F"),
            root=cause.root,
            domain=cause.domain,
            opened=episode.started if episode else cause.start,
            cleared=None,
            confirmed=episode.confirmed if episode else self.now,
        )
        self.book.faults[fault.id] = fault
        self.live.append(fault)
        self.opened.append(fault)
        return fault

    def _update(self, fault: FaultRecord, cause: Cause) -> None:
        episode = self._episodes[cause.root]
        if fault.root != cause.root:
            fault.turned = self.now
        fault.root, fault.domain = cause.root, cause.domain
        fault.reason, fault.against, fault.confidence = cause.reason, cause.against, cause.confidence
        fault.elements = sorted(cause.elements)
        if episode:
            fault.opened = min(fault.opened, episode.started)
        end = episode.ended if episode else cause.end
        fault.cleared = None if end == FOREVER else end
        tracks = self.book.evidence.tracks
        fault.explains = sum(len(tracks[e].signals) for e in cause.elements | cause.explains if e in tracks)
        fault.most = max(fault.most, fault.explains)

    def orphans(self) -> list[FaultRecord]:
        """Faults on record that nothing explains any more."""
        held = {f.id for f in self.of.values()}
        return [f for f in self.live if f.id not in held and not f.absorbed_by]


def _age(fault: FaultRecord) -> tuple[Instant, Instant, str]:
    """The oldest first."""
    return fault.confirmed, fault.opened, fault.id
