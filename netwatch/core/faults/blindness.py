"""When it is we who cannot see, and what is left of the evidence then.

(Nearly) all silent at once is our own trouble. What fell silent meanwhile is nobody's fault, for good: neither what its
device suffers later nor what others say of it can make that silence the beginning of an outage. So it is taken out of
the evidence before anything else is concluded from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import ceil

from netwatch.core.alarms import Element, Track
from netwatch.core.faults.causes import Cause
from netwatch.core.faults.scene import Cuts, Scene
from netwatch.core.intervals import FOREVER, Pair, Spans
from netwatch.core.model import Condition, Domain, RootKind
from netwatch.core.time import Instant, Span


def sighted(track: Track, unseen: Sequence[Pair], grace: Span) -> Spans:
    """Of a silence what is not ours.

    Ours is what began while we could not see, or hardly later without an answer in between: who was asked before may
    still be waited for. All that its device said itself (its last gasp, heard though polling was blind) stays.
    """
    out: Spans = []
    former = -FOREVER
    for start, end in track.spans:
        if not any(s <= start <= (e if former >= s else e + grace) for s, e in unseen):
            out.append((start, end))
        elif said := [w for w in track.words if start <= w < end]:
            out.append((said[0], end))
        former = start
    return out


def is_silence(element: Element, track: Track) -> bool:
    """Whether a track tells of a device that did not answer."""
    return element[0] == "device" and (element[1], "", Condition.REACHABLE) in track.signals


def without(
    tracks: Mapping[Element, Track], unseen: Sequence[Pair], grace: Span
) -> tuple[Mapping[Element, Track], Collection[str]]:
    """The tracks without the silence that is ours, and the devices of which nothing is known since: they have not
    answered yet."""
    if not unseen:
        return tracks, frozenset()
    out = dict(tracks)
    mute: set[str] = set()
    for element, track in tracks.items():
        if is_silence(element, track):
            spans = sighted(track, unseen, grace)
            if track.open and spans[-1:] != track.spans[-1:]:
                mute.add(element[1])
            if spans != track.spans:
                out[element] = replace(track, spans=spans)
    return out, mute


def find(scene: Scene) -> Pair | None:
    """A time in which (nearly) all that nothing broken accounts for fell silent within two polls: from the first of
    them on until the first answer after the last. None: we saw all along."""
    roots = set(scene.net.vantages(scene.vantage))
    deaf = scene.vantage in roots and scene.vantage in scene.silent
    few = 0 if not deaf else 1 if _nobody(scene) else 2

    def least(hidden: int) -> int:
        """So many must have fallen silent with so many others hidden from us anyway."""
        return few or max(scene.rules.blind_least, ceil(_hearable(scene, hidden) * scene.rules.blind_share))

    if len(scene.silent) < least(0):
        return None
    began: list[tuple[Instant, Instant, str]] = []
    # Who died later was silent with all others before: that must not count for its death.
    died = {device: scene.died(device) for device in scene.dead if device in scene.life}
    cuts = Cuts(scene, died) if died else scene.cuts
    hidden: list[Track] = []
    for device, track in scene.silent.items():
        known = died.get(device, [])
        own = [] if track.echo else [span for span in track.spans if span not in known and not cuts.off(device, span)]
        if not own:
            hidden.append(track)
        if len(scene.silent) - len(hidden) < least(len(hidden)):
            return None  # thousands are silent behind a cut: some suffice to know that it is not we
        began += [(start, end, device) for start, end in own]
    group = _together(sorted(began), scene.timing.agreement)
    fell = {device for _, _, device in group}
    away = sum(any(start <= group[0][0] < end for start, end in track.spans) for track in hidden) if group else 0
    most = len(fell) >= scene.rules.blind_least and share(scene, fell, away) >= scene.rules.blind_share
    if not most and not (deaf and scene.vantage in fell and len(fell) >= few):
        return None
    last = group[-1][0]
    return group[0][0], min(end for _, end, _ in group if end > last)


def _nobody(scene: Scene) -> bool:
    """Whether nobody at all was heard, for whatever reasons, when the place where we stand fell silent."""
    if len(scene.silent) < len(scene.net.polled):
        return False
    slack = scene.timing.agreement
    return any(
        all(any(s <= start + slack and e > start for s, e in (*t.past, *t.spans)) for t in scene.silent.values())
        for start, _ in scene.silent[scene.vantage].spans
    )


def _together(began: Sequence[tuple[Instant, Instant, str]], within: Span) -> Sequence[tuple[Instant, Instant, str]]:
    """The silences of the most devices that began within two polls; of several such groups the first.

    Devices are asked in turn, so silences of one kind follow one another. When all others were asked once more before
    the next one fell silent, they answered: what began before is of another kind.
    """
    best, most, behind = range(0), 0, 0
    inside: Counter[str] = Counter()
    for ahead, (start, _, device) in enumerate(began):
        if ahead and 2 * (start - began[ahead - 1][0]) >= within:
            inside.clear()
            behind = ahead
        inside[device] += 1
        while start - began[behind][0] > within or inside[began[behind][2]] > 1:
            inside[began[behind][2]] -= 1
            behind += 1
        if (count := ahead + 1 - behind) > most:
            best, most = range(behind, ahead + 1), count
    return [began[i] for i in best]


def share(scene: Scene, fell: set[str], hidden: int = 0) -> float:
    """How much fell silent of what is polled and was not hidden from us before, ourselves aside."""
    others = _hearable(scene, hidden)
    return len((fell & scene.net.polled) - set(scene.net.vantages(scene.vantage))) / others if others else 0.0


def _hearable(scene: Scene, hidden: int) -> float:
    """How many could be heard with so many hidden behind something broken; but for no less than half of all: a few
    that are left may well share a trouble of their own."""
    polled = scene.net.polled
    others = len(polled) - len(polled & set(scene.net.vantages(scene.vantage)))  # without walking the whole network
    return max(others - hidden, others / 2)


def cause(scene: Scene, tracks: Mapping[Element, Track], unseen: Spans) -> Cause:
    """Our blindness as a cause, with all silence that it explains."""
    explains = {
        element
        for element, track in tracks.items()
        if is_silence(element, track) and sighted(track, unseen, scene.timing.grace) != track.spans
    }
    polled = len(scene.net.polled)
    why = f"{len(explains)} of {polled} devices fell silent at once: we cannot see, which is no outage"
    blind = scene.cause(RootKind.MANAGEMENT, "", Domain.MANAGEMENT, why)
    blind.spans, blind.explains = unseen, explains
    return blind
