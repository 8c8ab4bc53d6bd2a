"""What one explanation works on: the evidence, the network, and what is known so far.

The steps of the thinking (`deaths`, `power`, `pons`, `breaks`) share one `Scene`. It answers what they all ask:
who is heard, what goes together, and who was cut off when.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence

from netwatch.core.alarms import Element, Track
from netwatch.core.faults.causes import PREMISES, Cause, Planned
from netwatch.core.faults.crossed import BREAKS
from netwatch.core.faults.hearing import Hearing
from netwatch.core.intervals import FOREVER, Pair, Spans, clip, covers, union
from netwatch.core.model import Condition, Domain, Role, Root, RootKind
from netwatch.core.rules import AlarmRules, FaultRules
from netwatch.core.time import Instant, Span
from netwatch.core.topology import Network, Part, Reach


class Scene:
    """One run of the thinking; the fields are what is known so far."""

    def __init__(
        self,
        tracks: Mapping[Element, Track],
        net: Network,
        vantage: str,
        planned: Sequence[Planned],
        rules: FaultRules,
        timing: AlarmRules,
        now: Instant,
        wake: Callable[[Instant], None],
        mute: Collection[str] = (),
        unseen: Sequence[Pair] = (),
    ) -> None:
        self.tracks = {e: t for e, t in tracks.items() if t.spans}
        self.net, self.vantage, self.planned = net, vantage, planned
        self.rules, self.timing, self.now, self.wake = rules, timing, now, wake
        self.found: dict[Root, Cause] = {}
        self.broken = {e[1] for e in self.tracks if e[0] in BREAKS}
        self.broken_left = set(self.broken)
        """Broken links that no cause has been found for yet."""
        self.rest: dict[str, tuple[Pair, Spans]] = {}
        """Of links that stayed broken after a death: when else they may have broken, and when they were."""
        self.life = {e[1]: t for e, t in sorted(self.tracks.items()) if e[0] == "device"}
        self.silent = {d: t for d, t in self.life.items() if (d, "", Condition.REACHABLE) in t.signals}
        self.dead: dict[str, Cause] = {}
        """Device → the cause that it died of."""
        self.mute = mute
        """Devices that have not answered since we could not see."""
        self.hearing = Hearing(self.tracks, net, timing, mute, unseen)
        self.cuts = Cuts(self)

    # ------------------------------------------------------------ causes

    def cause(self, kind: RootKind, name: str, domain: Domain, reason: str, confidence: float = 0.9) -> Cause:
        root = Root(kind, name)
        if root not in self.found:
            self.found[root] = Cause(root, domain, reason=reason, confidence=confidence)
        return self.found[root]

    def at_premises(self, device: str, reason: str, confidence: float) -> Cause:
        """The cause that is the device itself, named by where it stands."""
        root = self.own_root(device)
        domain = Domain.PREMISES if root.kind is RootKind.PREMISES else Domain.EQUIPMENT
        return self.cause(root.kind, root.id, domain, reason, confidence)

    def own_root(self, device: str) -> Root:
        return Root(RootKind.PREMISES if self.role(device) in PREMISES else RootKind.DEVICE, device)

    def kills(self, cause: Cause, device: str, spans: Spans | None = None) -> None:
        """A device died of a cause, for all of its silence or for a part of it."""
        self.dead[device] = cause
        element = ("device", device)
        if element in self.tracks:
            cause.elements.add(element)
            cause.dead[element] = list(spans or self.tracks[element].spans)
        if len(self.net.links_of.get(device, ())) > 1:
            self.cuts.forget()  # what hangs on one link alone cuts nobody off

    def take_link(self, cause: Cause, link: str, death: Pair | None = None) -> None:
        """A broken link belongs to a cause; when that was a death which it outlived, only as long as that lasted."""
        spans = self.broken_spans(link)
        for kind in BREAKS:
            if (kind, link) in self.tracks:
                cause.elements.add((kind, link))
        if death is not None:
            self.rest[link] = death, clip(spans, death[1], FOREVER)
            spans = clip(spans, -FOREVER, death[1])
        else:
            self.broken_left.discard(link)
        if spans:
            cause.dead[("link", link)] = union([*cause.dead.get(("link", link), ()), *spans])

    def broken_spans(self, link: str) -> Spans:
        """When a link was broken, as far as no cause has been found for it."""
        if link in self.rest:
            return self.rest[link][1]
        return union(span for kind in BREAKS for span in self._spans((kind, link)))

    def _spans(self, element: Element) -> Spans:
        track = self.tracks.get(element)
        return track.spans if track is not None else []

    def was_dark(self, link: str, at: Instant) -> bool:
        """Whether a link was broken before an instant already: it had no light to lose then."""
        return not self.broke_with(link, at) and covers(self._spans(("link", link)), at)

    def breaks(self, link: str) -> list[Pair]:
        """From when to when a link may have broken, each time that it was found broken."""
        if link in self.rest:
            return [self.rest[link][0]]
        return [self.hearing.window(link, span) for span in self._spans(("link", link))]

    # ------------------------------------------------------------ what everybody asks

    def role(self, device: str) -> Role | None:
        known = self.net.ledger.devices.get(device)
        return known.role if known else None

    def site(self, device: str) -> str:
        known = self.net.ledger.devices.get(device)
        return known.site if known else ""

    def heard(self, device: str) -> bool:
        """Whether a device is polled and answers."""
        return device in self.net.polled and device not in self.life and device not in self.mute

    def own_silence(self, device: str) -> Spans:
        """The silence of a device that nothing broken on the way to it accounts for."""
        track = self.silent[device]
        if track.echo:
            return []
        return [s for s in track.spans if not self.cuts.off(device, s) and not self._rerouted(device, s)]

    def _rerouted(self, device: str, span: Pair) -> bool:
        """Whether a silence may be the time that routing took to find another way to a device.

        It began with a break on one of the shortest ways to us, and is as short as the finding of another one. While
        it lasts, it is too early to say.
        """
        start, end = span
        near = self.broken and self.broken & self.net.towards(self.vantage).shortest(device)
        until = max((self._unsettled(link, start) for link in near), default=start)
        if min(end, self.now) > until or until == start:
            return False
        if end == FOREVER and self.now < FOREVER:
            self.wake(until + 1)
        return True

    def _unsettled(self, link: str, at: Instant) -> Instant:
        """Until when routing may be finding its way round a link, when it is at an instant; else that instant.

        It has two polls from when the link broke and stayed broken, and from each turn of one that flaps.
        """
        spans = union(span for kind in BREAKS for span in self._spans((kind, link)))
        if len(spans) >= FLAPS:
            turns = [turn for span in spans for turn in span if turn != FOREVER]
        else:
            turns = [start for start, end in spans if end > at]
        slack = self.timing.agreement
        return max((e for s, e in union((t - slack, t + slack) for t in turns) if s <= at < e), default=at)

    def died(self, device: str) -> Spans:
        """The silence of a device in which it said that its power is going, or its neighbours lost their port to it."""
        track, late, grace = self.life[device], self.timing.debounce_window, self.timing.grace
        lost = [span for link in self.fall(device)[1] for span in self.tracks["link", link].spans]
        return [
            (start, end)
            for start, end in track.spans
            if any(start <= w <= end for w in track.words)
            or any(s <= end and s - late <= start <= e + grace for s, e in lost)
        ]

    def together(self, a: Track, b: Track) -> bool:
        """Whether two tracks can tell of one event: they overlap."""
        slack = self.timing.grace
        return any(s <= f + slack and t <= e + slack for s, e in a.spans for t, f in b.spans)

    def begun_together(self, a: Track, b: Track) -> bool:
        """Whether two tracks can tell of one event that broke both: they began within two polls."""
        slack = self.timing.agreement
        return any(abs(s - t) <= slack for s, _ in a.spans for t, _ in b.spans)

    def as_one(self, a: Track, b: Track) -> bool:
        """Whether two tracks can tell of one thing that broke and came back: they began and ended within two polls."""
        slack = self.timing.agreement
        return any(
            abs(s - t) <= slack and not self.outlived(e, f) and not self.outlived(f, e)
            for s, e in a.spans
            for t, f in b.spans
        )

    def outlived(self, end: Instant, other: Instant, *, said: bool = True) -> bool:
        """Whether what ended at one time lasted on for more than two polls after another ending.

        Of what goes on and was not `said` anew since, the clear may be lost: it has outlived the other when polling,
        which would have let it go, has not.
        """
        patience = other + self.timing.agreement
        if end == FOREVER and not said:
            patience += self.timing.presume_polled_cycles * self.timing.agreement // 2
        if end == FOREVER and self.now <= patience < FOREVER:
            self.wake(patience + 1)  # too early to say
        return min(end, self.now) > patience

    def broke_together(self, links: Sequence[str]) -> bool:
        """Whether links may have broken by one event: within two polls of the first of them."""
        windows = [self.breaks(i) for i in links]
        return all(self._meet(windows[0], others) for others in windows[1:])

    def broke_with(self, link: str, at: Instant) -> bool:
        """Whether a link may have broken with what began at an instant."""
        return self.broke_within(link, [(at, at)])

    def broke_within(self, link: str, spans: Sequence[Pair]) -> bool:
        """Whether a link may have broken at a time of some."""
        return self._meet(self.breaks(link), spans)

    def _meet(self, some: Sequence[Pair], others: Sequence[Pair]) -> bool:
        slack = self.timing.agreement
        return any(s <= u + slack and t <= e + slack for s, e in some for t, u in others)

    def facing(self, device: str, at: Instant) -> list[str]:
        """The links to neighbours that would have told if they had lost their port to a device then, or did."""
        return [i for i in self.net.links_of.get(device, ()) if self._faces(i, self.net.far(i, device), at)]

    def _faces(self, link: str, neighbour: str, at: Instant) -> bool:
        if link in self.broken:
            if self.broke_with(link, at):
                return self.hearing.heard(neighbour, at) or self.hearing.told(neighbour, link, at)
            long = at - self.timing.debounce_window
            if any(s < long and e > at for kind in ("link", "admin") for s, e in self._spans((kind, link))):
                return False  # what has long been dark has no light to lose
        tells = self.hearing.would_tell(neighbour, link, at)
        return tells and not self.cuts.off(neighbour, (at, at + self.timing.agreement))

    def fall(self, device: str) -> tuple[Instant, list[str]]:
        """When a silent device fell, and the links over which neighbours lost their port to it then: all of them that
        would tell. None when it was not so.

        Whoever has all of his links dark is silent from then on, whenever polling notices. And who was cut off may die
        before he is heard again. Of many links, one may be missing: what was said of it was lost, or the ledger is
        wrong about its port.
        """
        track, links = self.silent.get(device), self.net.links_of.get(device, ())
        if track is None or self.broken.isdisjoint(links):
            return FOREVER, []  # as of almost all in a storm: nobody tells anything of them
        starts = [start for start, _ in track.spans]
        others = {
            found for i in links if i in self.broken for _, found in self.breaks(i) if self._lasting(i, found, track)
        }
        for at in [*starts, *sorted(others)]:
            if lost := self._lost(device, at):
                return at, lost
        return FOREVER, []

    def _lasting(self, link: str, at: Instant, track: Track) -> bool:
        """Whether a link that broke then was dark when its device was silent, or when it was noticed to be."""
        slack = self.timing.agreement
        if any(start + slack < at < end for start, end in track.spans):
            return True
        dark = next((end for s, end in self._spans(("link", link)) if s <= at < end), at)
        return any(at + slack < start < dark for start, _ in track.spans)

    def _lost(self, device: str, at: Instant) -> list[str]:
        facing = self.facing(device, at)
        lost = [i for i in facing if self.broke_with(i, at)]
        missing, cost = len(facing) - len(lost), self.rules.cost
        cheaper = len(lost) * cost[RootKind.LINK] > cost[RootKind.DEVICE] + missing * self.rules.missing
        return lost if lost and (not missing or cheaper) else []

    def common_cable(self, links: Sequence[str]) -> bool:
        cables = [set(self.net.ledger.links[i].cables) for i in links]
        return bool(set.intersection(*cables)) if cables else False


class Cuts:
    """Who was cut off from us, by what, at which time.

    A silence is accounted for by what was broken when it began, or was found broken soon enough after. What
    broke or was repaired at other times neither explains it nor stands in the way of the explanation.
    """

    def __init__(self, scene: Scene, died: Mapping[str, Spans] | None = None) -> None:
        """`died`: when devices were dead that are found dead; by default, whenever they were silent."""
        self._scene, self._died = scene, died
        self._parts: dict[Part, Spans] | None = None
        self._reaches: dict[tuple[int, int], Reach] = {}
        self._starts: list[Instant] = []
        self._turns: list[Instant] = []

    def forget(self) -> None:
        """Something more is dead."""
        self._parts = None

    def off(self, device: str, span: Pair) -> bool:
        """Whether a device's silence is accounted for by what lies between it and us."""
        return self._reach(span).cut_off(device)

    def edge(self, device: str, span: Pair) -> frozenset[Part]:
        """What cut it off."""
        return self._reach(span).edge(device)

    def _read(self) -> dict[Part, Spans]:
        scene, timing = self._scene, self._scene.timing
        parts: dict[Part, Spans] = {}
        for link in scene.broken:
            spans = union(s for kind in BREAKS if (t := scene.tracks.get((kind, link))) is not None for s in t.spans)
            parts["link", link] = _bridged(spans, timing.agreement) if len(spans) >= FLAPS else spans
        for device in scene.dead:
            track = scene.tracks.get(("device", device))
            spans = track.spans if track else []
            parts["device", device] = list(spans if self._died is None else self._died.get(device, []))
        pairs = [pair for spans in parts.values() for pair in spans]
        self._starts = sorted(s for s, _ in pairs)
        self._turns = sorted(turn for s, e in pairs for turn in (s - timing.debounce_window, e + timing.grace + 1))
        self._reaches = {}
        return parts

    def _reach(self, span: Pair) -> Reach:
        if self._parts is None:
            self._parts = self._read()
        start, end = span
        key = (bisect_right(self._turns, start), bisect_right(self._starts, end))
        if key not in self._reaches:
            late, grace = self._scene.timing.debounce_window, self._scene.timing.grace
            there = [
                part
                for part, spans in self._parts.items()
                if any(s <= end and s - late <= start <= e + grace for s, e in spans)
            ]
            self._reaches[key] = Reach(
                self._scene.net,
                self._scene.vantage,
                {name for kind, name in there if kind == "link"},
                {name for kind, name in there if kind == "device"},
            )
        return self._reaches[key]


FLAPS = 3
"""So often broken, a link is flapping: what polls find silent between two words about it is its doing, too."""


def _bridged(spans: Spans, gap: Span) -> Spans:
    return union((start, end + gap) for start, end in spans)
