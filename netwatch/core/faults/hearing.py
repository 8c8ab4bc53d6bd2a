"""Who could tell us of a fault when it happened.

Nights have more than one fault: who is silent now answered before, and would have told of what broke then. So nobody is
asked whether he answers, but whether he did at the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce

from netwatch.core.alarms import Element, Track
from netwatch.core.intervals import Pair, Spans, common, covers, union
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant
from netwatch.core.topology import Network


class Hearing:
    """Who answered when, by the tracks of one explanation.

    `unseen` are times in which nobody could be heard, `mute` those who have not answered since.
    """

    def __init__(
        self,
        tracks: Mapping[Element, Track],
        net: Network,
        timing: AlarmRules,
        mute: Collection[str] = (),
        unseen: Sequence[Pair] = (),
    ) -> None:
        self._tracks, self._net, self._timing, self._mute, self._unseen = tracks, net, timing, mute, unseen

    def heard(self, device: str, at: Instant) -> bool:
        """Whether a device is polled and answered at an instant and for two polls after: time enough to tell."""
        if device not in self._net.polled or self._within(self._unseen, at):
            return False
        if device in self._mute and any(s < at for s, _ in self._unseen):
            return False
        track = self._tracks.get(("device", device))
        return track is None or not self._within([*track.past, *track.spans], at)

    def telling(self, device: str, at: Instant) -> bool:
        """Whether a device would have told us of its ports: it answered, and so did its agent."""
        agent = self._tracks.get(("agent", device))
        return self.heard(device, at) and (agent is None or not self._within(agent.spans, at))

    def would_tell(self, device: str, link: str, at: Instant) -> bool:
        """Whether a device would have told us that its port to a link went down: the ledger knows which one."""
        return bool(self._net.end_at(link, device).name) and self.telling(device, at)

    def told(self, device: str, link: str, at: Instant) -> bool:
        """Whether a device said itself that its port to a link went down about that time."""
        track = self._tracks.get(("link", link))
        if track is None or not any(key[0] == device for key in track.signals):
            return False
        near = [s for s, _ in track.spans if abs(s - at) <= self._timing.agreement]
        return any(not covers(self._deaf(device), s) for s in near)

    def _within(self, spans: Sequence[Pair], at: Instant) -> bool:
        return any(s < at + self._timing.agreement and e > at for s, e in spans)

    def window(self, link: str, span: Pair) -> Pair:
        """From when to when a link may have broken that was found broken at the start of a span.

        Found as soon as one of its ends answered again, it may have broken any time since none did.
        """
        found = span[0]
        ends = self._net.ledger.links[link]
        asked = [self._deaf(d) for d in (ends.a.device, ends.z.device) if d in self._net.polled]
        deaf = union([*reduce(common, asked), *self._unseen]) if asked else []
        slack = self._timing.agreement
        return next(((s, found) for s, e in deaf if s < found <= e + slack), (found, found))

    def _deaf(self, device: str) -> Spans:
        tracks = (self._tracks.get((kind, device)) for kind in ("device", "agent"))
        return union(span for track in tracks if track is not None for span in (*track.past, *track.spans))
