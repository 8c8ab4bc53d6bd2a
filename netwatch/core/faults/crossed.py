"""Whose word about a port the ledger puts to the wrong link, or to none.

Where two ports of a device are written down the wrong way round, what breaks one link is told of two: its own far end
speaks of it, or falls silent, and the device speaks of another link, whose far end is well. Where the ledger does not
know the port of a link, the device speaks of a port that nobody knows. Either way one event broke one link, and its far
end tells which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
    """The tracks with what was said of the wrong link or of none put to the right one, and of each such track what it
    rests on.

    `unseen` are times in which nobody could be heard.
    """
    there = {e: t for e, t in tracks.items() if t.spans}
    crossed = _Crossed(there, net, Hearing(there, net, timing, unseen=unseen), timing)
    out = dict(tracks)
    rests: dict[Element, set[Element]] = {}
    for word, right in crossed.found():
        silent = crossed.silent(right)
        for element in word.elements:
            meant = element[0].rstrip("?"), right
            out[meant] = _merged(out.get(meant), out.pop(element))
            rests.setdefault(meant, set()).update([element, *silent])
    return (out, rests) if rests else (tracks, rests)


def _merged(own: Track | None, other: Track) -> Track:
    if own is None:
        return other
    return Track(union([*own.spans, *other.spans]), own.signals | other.signals)


@dataclass(frozen=True, slots=True)
class _Word:
    """What is told of one link, or of one port that nobody knows."""

    elements: tuple[Element, ...]
    speaker: str
    """The one device that tells of it; nobody when both ends do."""
    spans: Spans


class _Crossed:
    def __init__(self, tracks: Mapping[Element, Track], net: Network, hearing: Hearing, timing: AlarmRules) -> None:
        self._tracks, self._net, self._hearing, self._timing = tracks, net, hearing, timing
        self._of_link = dict(self._words(BREAKS))
        self._of_port = dict(self._words([f"{kind}?" for kind in BREAKS]))

    def _words(self, kinds: Collection[str]) -> Iterator[tuple[str, _Word]]:
        for name in sorted({name for kind, name in self._tracks if kind in kinds}):
            elements = tuple(e for kind in kinds if (e := (kind, name)) in self._tracks)
            who = {key[0] for e in elements for key in self._tracks[e].signals}
            spans = union(span for e in elements for span in self._tracks[e].spans)
            yield name, _Word(elements, who.pop() if len(who) == 1 else "", spans)

    def found(self) -> list[tuple[_Word, str]]:
        """What was said, and the link that was meant."""
        out: list[tuple[str, _Word, str]] = []
        for wrong, word in self._of_link.items():
            if word.speaker and self._denied(wrong, self._net.far(wrong, word.speaker)):
                others = [i for i in self._net.links_of.get(word.speaker, ()) if i != wrong]
                far = self._net.far(wrong, word.speaker)
                meant = [i for i in others if self._net.far(i, word.speaker) != far and self._meant(word, i)]
                out += [(wrong, word, i) for i in meant if len(meant) == 1]
        for port, word in self._of_port.items():
            unknown = [i for i in self._net.links_of[word.speaker] if not self._net.end_at(i, word.speaker).name]
            meant = [i for i in unknown if self._meant(word, i)]
            out += [(port, word, i) for i in meant if len(meant) == 1]
        wrong_ones = {name for name, _, _ in out}
        return [(word, right) for _, word, right in out if right not in wrong_ones]

    def silent(self, link: str) -> list[Element]:
        """The silence at the ends of a link."""
        one, other = self._net.ends(link)
        return [*self._silent(one, other), *self._silent(other, one)]

    def _denied(self, link: str, end: str) -> bool:
        """Whether an end of a link would have told each time that the other did, and never does."""
        return all(self._hearing.would_tell(end, link, start) for start, _ in self._of_link[link].spans)

    def _meant(self, word: _Word, right: str) -> bool:
        """Whether a device may have meant a link of its own: its far end knows."""
        device = word.speaker
        far, told = self._net.far(right, device), self._of_link.get(right)
        if told is not None and told.speaker != far:
            return False
        if told is not None and self._net.end_at(right, device).name and not self._denied(right, device):
            return False
        silent = [span for e in self._silent(far, device) for span in self._tracks[e].spans]
        if self._mostly([*(told.spans if told else ()), *silent], word.spans):
            return True
        return any(self._mostly(other.spans, word.spans) for other in self._unplaced(right, far))

    def _unplaced(self, link: str, end: str) -> Iterable[_Word]:
        """What an end says of ports that nobody knows, where its port to a link is not known."""
        named = self._net.end_at(link, end).name
        return () if named else (word for word in self._of_port.values() if word.speaker == end)

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
