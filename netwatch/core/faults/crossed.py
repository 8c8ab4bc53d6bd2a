"""Two ports of a device that the ledger has the wrong way round.

What breaks one link is then told of two: its own far end speaks of it, or falls silent, and the device speaks of
another link, whose far end is well. That one event broke one link, whose far end is written down rightly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from netwatch.core.alarms import Element, Track
from netwatch.core.faults.hearing import Hearing
from netwatch.core.intervals import Pair, Spans, union
from netwatch.core.model import Condition
from netwatch.core.rules import AlarmRules
from netwatch.core.topology import Network

BREAKS = ("link", "admin", "adjacency")
"""Kinds of tracks that tell of a link that carries nothing."""


def uncrossed(
    tracks: Mapping[Element, Track], net: Network, timing: AlarmRules, unseen: Sequence[Pair] = ()
) -> tuple[Mapping[Element, Track], Mapping[Element, Collection[Element]]]:
    """The tracks with what was said of the wrong link put to the right one, and of each such track what it rests on.

    `unseen` are times in which nobody could be heard.
    """
    there = {e: t for e, t in tracks.items() if t.spans}
    crossed = _Crossed(there, net, Hearing(there, net, timing, unseen=unseen), timing)
    found = crossed.found()
    if not found:
        return tracks, {}
    out = dict(tracks)
    rests: dict[Element, set[Element]] = {}
    for wrong, right in found.items():
        silent = crossed.silent(right)
        for kind in BREAKS:
            if (track := there.get((kind, wrong))) is not None:
                del out[kind, wrong]
                out[kind, right] = _merged(out.get((kind, right)), track)
                rests.setdefault((kind, right), set()).update([(kind, wrong), *silent])
    return out, rests


def _merged(own: Track | None, other: Track) -> Track:
    if own is None:
        return other
    return Track(union([*own.spans, *other.spans]), own.signals | other.signals)


class _Crossed:
    def __init__(self, tracks: Mapping[Element, Track], net: Network, hearing: Hearing, timing: AlarmRules) -> None:
        self._tracks, self._net, self._hearing, self._timing = tracks, net, hearing, timing
        self._spans: dict[str, Spans] = {}
        self._speaker: dict[str, str] = {}
        """Link → the one end that tells of it; nobody when both do."""
        for link in sorted({name for kind, name in tracks if kind in BREAKS}):
            here = [t for kind in BREAKS if (t := tracks.get((kind, link))) is not None]
            who = {key[0] for t in here for key in t.signals}
            self._spans[link] = union(span for t in here for span in t.spans)
            self._speaker[link] = who.pop() if len(who) == 1 else ""

    def found(self) -> dict[str, str]:
        out: dict[str, str] = {}
        for wrong, device in self._speaker.items():
            if device and self._denied(wrong, self._net.far(wrong, device)):
                rights = [i for i in self._net.links_of.get(device, ()) if i != wrong and self._meant(wrong, i, device)]
                if len(rights) == 1:
                    out[wrong] = rights[0]
        return {wrong: right for wrong, right in out.items() if right not in out}

    def silent(self, link: str) -> list[Element]:
        """The silence at the ends of a link."""
        ends = self._net.ledger.links[link]
        return [*self._silent(ends.a.device, ends.z.device), *self._silent(ends.z.device, ends.a.device)]

    def _denied(self, link: str, end: str) -> bool:
        """Whether an end of a link would have told each time that the other did, and never does."""
        return all(self._hearing.telling(end, start) for start, _ in self._spans[link])

    def _meant(self, wrong: str, right: str, device: str) -> bool:
        """Whether a device may have meant a link of its own when it spoke of another: its far end knows."""
        far = self._net.far(right, device)
        if far == self._net.far(wrong, device):
            return False
        told = self._spans.get(right, [])
        if told and (self._speaker[right] != far or not self._denied(right, device)):
            return False
        silent = [span for e in self._silent(far, device) for span in self._tracks[e].spans]
        return self._mostly([*told, *silent], self._spans[wrong])

    def _silent(self, far: str, device: str) -> list[Element]:
        """The silence of what a device faces; of the boxes behind it, where nobody asks it."""
        asked = [far] if far in self._net.polled else [self._net.far(i, far) for i in self._net.links_of.get(far, ())]
        return [
            ("device", d)
            for d in asked
            if d != device
            and (life := self._tracks.get(("device", d))) is not None
            and (d, "", Condition.REACHABLE) in life.signals
        ]

    def _mostly(self, some: Spans, others: Spans) -> bool:
        """Whether more than half of some began with others. Not the other way round: of a link that flaps, the end that
        is cut off by it can tell little."""
        met = sum(any(abs(start - other) <= self._timing.agreement for other, _ in others) for start, _ in some)
        return met * 2 > len(some)
