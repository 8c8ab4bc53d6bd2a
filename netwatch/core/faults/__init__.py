"""From evidence to causes: the cheapest explanation of everything that is wrong.

`explain` is a pure function of the tracks (what evidence spoke against, and when), the
ledger's graph, the place where we stand and the planned work. It knows nothing of what it
said before: so the order in which things were heard cannot matter, and a parent heard of late
takes its children over simply by being the better explanation of the whole.

How it thinks, from the surest evidence to the least sure:

1. ports without light, routing or permission are broken links, whoever is to blame for them;
2. a device is dead when it said so (dying gasp), or is silent and every neighbour that we can
   hear lost its port to it; a stub with a single uplink looks the same as its cable (`deaths`);
3. silence behind what was broken or dead at the time is explained by that, and by nothing else;
4. silence of (nearly) all that is left is our own blindness: without it, all is thought through once more
   (`blindness`);
5. silence that is left still has its cause at the edge of what we can hear;
6. a site's mains failure takes over its dead devices, a shared feed its sites (`power`);
7. lost ONUs are a customer, a branch, a feeder, a port or a card (`pons`); boxes that nobody asks are known by all
   of their neighbours (`unasked`);
8. what remains of broken links is told apart into cables, cards, ports and links by who sees
   light (`breaks`); AIS and RDI belong to what broke further on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netwatch.core.alarms import Element, Track
from netwatch.core.faults import blindness, breaks, deaths, pons, power, unasked
from netwatch.core.faults.causes import Cause, Planned
from netwatch.core.faults.crossed import uncrossed
from netwatch.core.faults.scene import FLAPS, Scene
from netwatch.core.intervals import FOREVER, Pair, Spans, union
from netwatch.core.model import Domain, Root, RootKind
from netwatch.core.rules import AlarmRules, FaultRules
from netwatch.core.time import Instant
from netwatch.core.topology import Network, Part


def _for_good(_at: Instant) -> None:
    """All evidence is in: nobody will ask again."""


def explain(
    tracks: Mapping[Element, Track],
    net: Network,
    vantage: str,
    planned: Sequence[Planned],
    rules: FaultRules,
    timing: AlarmRules,
    now: Instant = FOREVER,
    wake: Callable[[Instant], None] = _for_good,
    unseen: Sequence[Pair] = (),
) -> list[Cause]:
    """The causes of everything in `tracks`, ordered by start and root.

    `unseen` are times in which we are known not to have seen. `wake` is told when to ask again although nothing new is
    heard: at `now` it may be too early to say.
    """
    blind = union(unseen)
    tracks, rests = uncrossed(tracks, net, timing, blind)
    while True:
        seen, mute = blindness.without(tracks, blind, timing.grace)
        scene = Scene(seen, net, vantage, planned, rules, timing, now, wake, mute, blind)
        power.mains(scene)
        deaths.dead_by_word(scene)
        deaths.dead_by_neighbours(scene)
        found = blindness.find(scene)
        if found is None:
            break
        blind = union([*blind, found])
    if blind:
        blindness.cause(scene, tracks, blind)
    deaths.silence(scene)
    power.rooms(scene)
    power.feeds(scene)
    pons.onus(scene)
    unasked.between(scene)
    breaks.breaks(scene)
    breaks.passed_on(scene)
    breaks.ports(scene)
    _agents(scene)
    _follow(scene)
    for cause in scene.found.values():
        _settle(scene, cause)
        cause.elements.update(*(rests[e] for e in cause.elements & rests.keys()))
    return sorted((c for c in scene.found.values() if c.spans), key=lambda c: (c.start, c.root))


def _agents(scene: Scene) -> None:
    for (kind, device), track in scene.tracks.items():
        if kind == "agent" and (own := _own_silence(scene, track, scene.life.get(device))):
            why = f"{device} answers ping, its SNMP agent does not"
            cause = scene.cause(RootKind.AGENT, device, Domain.MANAGEMENT, why)
            cause.elements.add((kind, device))
            cause.spans = own


def _own_silence(scene: Scene, agent: Track, life: Track | None) -> Spans:
    """The silence of an agent without that which came and went with the silence of its device."""
    own = []
    for start, end in agent.spans:
        for fell, back in life.spans if life is not None else ():
            if fell - scene.timing.agreement <= start <= back + scene.timing.grace:
                start = max(start, back) if scene.outlived(end, back) else end
        own.append((start, end))
    return union(own)


def _follow(scene: Scene) -> None:
    """Silence that is cut off follows from what cuts it off."""
    owner: dict[Part, Cause] = {}
    began: dict[Root, Instant] = {}
    for cause in scene.found.values():
        began[cause.root] = min((s for p in cause.dead.values() for s, _ in p), default=FOREVER)
        for part in cause.dead:
            owner[part] = cause
    latest: dict[frozenset[Part], list[Cause]] = {}  # thousands of devices share an edge
    for device, track in scene.silent.items():
        if device in scene.dead:
            continue
        for span in track.spans:
            edge = scene.cuts.edge(device, span)
            if edge not in latest:
                causes = {owner[e].root: owner[e] for e in edge if e in owner}
                latest[edge] = sorted(causes.values(), key=lambda c: (began[c.root], c.root), reverse=True)
            last = next((c for c in latest[edge] if began[c.root] <= span[1]), None)
            if last is not None:
                last.explains.add(("device", device))


def _settle(scene: Scene, cause: Cause) -> None:
    """When a cause was in effect, and from which evidence on what it takes away was gone."""
    spans = union([*cause.spans, *(s for p in cause.dead.values() for s in p)])
    if not spans:
        cause.spans = []
        return
    start, agreement = spans[0][0], scene.timing.agreement
    hints = [t.start for e in cause.explains if (t := scene.tracks.get(e)) and start - agreement <= t.start < start]
    if hints:
        start = min(hints)
        spans = union([*spans, (start, spans[0][1])])
        for part, pairs in cause.dead.items():
            if pairs and pairs[0][0] <= spans[0][0] + agreement:
                cause.dead[part] = union([(start, pairs[0][1]), *pairs[1:]])
    cause.spans = spans
    flaps = max((len(pairs) for pairs in cause.dead.values()), default=0)
    if flaps >= FLAPS:
        cause.reason += f"; it flaps, {flaps} times so far"
