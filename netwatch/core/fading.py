"""Bad news that nobody repeats: its clear was lost.

Judged by the rhythm in which polling speaks of what it found bad, and only while the one who would say it is in good
hearing. What a trap said is over when polling never bore it out; what polling itself said, after as long as nobody
loses repetitions by chance, and only where polling repeats bad news (of this very thing, or of several others) and
tells of good ones changes alone: one that repeats these, too, and is silent, has stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from netwatch.core.alarms import MESSAGES, VERDICTS, Element, Evidence, Signal, Track
from netwatch.core.model import State
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant
from netwatch.core.topology import Network
from netwatch.core.turns import Key


def fade(evidence: Evidence, now: Instant, net: Network, rules: AlarmRules) -> tuple[list[Element], Instant | None]:
    """End what is not repeated any more. Returns what ended, and when to look again."""
    evidence.learn(now, rules)
    ended: list[Element] = []
    again: Instant | None = None
    for element, due, over in _candidates(evidence, evidence.tracks, net, rules):
        if due > now:
            again = due if again is None else min(again, due)
            continue
        track = evidence.tracks[element]
        over = max(over, track.spans[-1][0])
        for signal in _bad(evidence, track).values():
            signal.state, signal.since, signal.cleared = State.OK, over, over
        track.recover(over)
        ended.append(element)
    return ended, again


def next_look(evidence: Evidence, elements: Iterable[Element], net: Network, rules: AlarmRules) -> Instant | None:
    """When the first of these ends if it is not repeated before."""
    return min((due for _, due, _ in _candidates(evidence, elements, net, rules)), default=None)


def listen_anew(evidence: Evidence, since: Instant, at: Instant, rules: AlarmRules) -> None:
    """Nobody listened from `since` to `at`: who would have repeated bad news meanwhile gets his time anew.

    Not so who had nothing to say then: how often we were started must not move what silence proves, nor
    break the rhythm that it is measured by.
    """
    if at <= since:
        return
    for key, signal in evidence.signals.items():
        beat = evidence.habits.beat(key, rules)
        if not beat or (at - signal.heard) // beat > (since - signal.heard) // beat:
            signal.heard = max(signal.heard, at)


def _candidates(
    evidence: Evidence, elements: Iterable[Element], net: Network, rules: AlarmRules
) -> Iterator[tuple[Element, Instant, Instant]]:
    """Of these what ends if it is not repeated until an instant, and when it is taken to have ended then."""
    if not evidence.habits.shown:
        return
    for element in elements:
        track = evidence.tracks.get(element)
        if track is None or not track.open or track.quarantine is not None:
            continue
        bad = _bad(evidence, track)
        polled = any(s.source not in MESSAGES or s.turns.bad for s in bad.values())
        if polled and not _repeated(evidence, bad, rules):
            continue
        own = [evidence.habits.beat(k, rules) for k in bad]
        if not own or not all(own) or not all(_askable(evidence, k, net) for k in bad):
            continue
        if not _borne_out(evidence, element, net):
            beat, last = max(own), max(max(s.heard, _hearable(evidence, k[0])) for k, s in bad.items())
            cycles = rules.presume_polled_cycles if polled else rules.presume_cycles
            yield element, last + cycles * beat, last + beat


def _bad(evidence: Evidence, track: Track) -> dict[Key, Signal]:
    """The signals that still speak against it."""
    return {k: s for k in track.signals if (s := evidence.signals.get(k)) is not None and s.state is State.BAD}


def _repeated(evidence: Evidence, bad: Collection[Key], rules: AlarmRules) -> bool:
    """Whether polling would say once more that these are bad, and of what is good tells changes alone."""
    if any(condition in VERDICTS for _, _, condition in bad):
        return False  # silence is not said by a device: nobody repeats it but we
    return evidence.habits.repeats(rules, bad) and not evidence.habits.praises


def _askable(evidence: Evidence, key: Key, net: Network) -> bool:
    """Whether polling would hear its device say it again."""
    device = key[0]
    if device not in net.polled:
        return False
    return not any((t := evidence.tracks.get((k, device))) is not None and t.open for k in ("device", "agent"))


def _hearable(evidence: Evidence, device: str) -> Instant:
    """Since when a device can be heard again: what it did not say while it was silent proves nothing."""
    tracks = (evidence.tracks.get((kind, device)) for kind in ("device", "agent"))
    return max((end for t in tracks if t is not None for _, end in (*t.past, *t.spans)), default=0)


def _borne_out(evidence: Evidence, element: Element, net: Network) -> bool:
    """Silence at either end of a link bears out what a trap said of its light."""
    if element[0] != "link":
        return False
    link = net.ledger.links[element[1]]
    ends = (evidence.tracks.get(("device", end.device)) for end in (link.a, link.z))
    return any(track is not None and track.open for track in ends)
