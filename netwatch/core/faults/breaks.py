"""Links that carry nothing: told apart into cables, cards, ports and configuration by who still sees light."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netwatch.core.alarms import Track
from netwatch.core.faults import unasked
from netwatch.core.faults.causes import PREMISES, Cause, Rival
from netwatch.core.faults.crossed import BREAKS
from netwatch.core.faults.scene import Scene
from netwatch.core.intervals import FOREVER, Pair, union
from netwatch.core.model import Condition, Domain, Medium, Port, Root, RootKind
from netwatch.core.time import Instant


def breaks(scene: Scene) -> None:
    """A cause for each broken link."""
    for link in sorted(scene.broken_left):
        _fold_into_dead(scene, link)
    _shut_meanwhile(scene)
    for link in sorted(scene.broken_left):
        if ("link", link) not in scene.tracks or _shut(scene, link):
            _configured(scene, link)
    _grouped(scene)
    for link in sorted(scene.broken_left):
        _single(scene, link)


def ports(scene: Scene) -> None:
    """Customers' ports that are no end of a link."""
    for (kind, where), track in scene.tracks.items():
        if kind == "port":
            device = where.partition(" ")[0]
            domain = Domain.PREMISES if scene.role(device) in PREMISES else Domain.EQUIPMENT
            cause = scene.cause(RootKind.PORT, where, domain, f"the customer's port {where} is down", 0.8)
            cause.elements.add((kind, where))
            cause.dead[(kind, where)] = list(track.spans)
            for circuit in scene.net.over_port(device, where.partition(" ")[2])[:1]:
                beyond = "nobody watches what is beyond the port: its line or its power would look so, too"
                cause.rivals.append(Rival(Root(RootKind.CIRCUIT, circuit), beyond, equal=True))


def passed_on(scene: Scene) -> None:
    """AIS and RDI: a defect that lies further on. It belongs to what broke there; alone, it is all that is known."""
    for (kind, link), track in sorted(scene.tracks.items()):
        if kind not in _PASSED_ON:
            continue
        above = _upstream(scene, link, track)
        if above is not None:
            above.explains.add((kind, link))
            continue
        device, component, _ = min(track.signals)
        why = f"{device} {component} {_PASSED_ON[kind]}: what broke lies beyond it and is not watched"
        cause = scene.cause(RootKind.LINK, link, Domain.CABLE, why, 0.5)
        cause.elements.add((kind, link))
        cause.dead[("link", link)] = union([*cause.dead.get(("link", link), ()), *track.spans])


_PASSED_ON = {"ais": "receives AIS", "rdi": "is told by RDI that nothing of it arrives"}


def _upstream(scene: Scene, link: str, track: Track) -> Cause | None:
    """The cause that broke a circuit which runs through a link, or a neighbouring one, at the same time."""
    net = scene.net
    ends = net.ledger.links[link]
    near = {i for d in (ends.a.device, ends.z.device) for i in net.links_of.get(d, ())}
    parts = {("link", i) for i in near} | {("device", ends.a.device), ("device", ends.z.device)}
    for circuit in net.over_link(link):
        for route in net.routes(net.ledger.circuits[circuit]):
            parts |= {("link", i) for i in route.links} | {("device", d) for d in route.devices}
    for cause in sorted(scene.found.values(), key=lambda c: c.root):
        for part in cause.dead.keys() & parts:
            if scene.together(track, Track(list(cause.dead[part]))):
                return cause
    return None


# ---------------------------------------------------------------- the dead, the configured


def _fold_into_dead(scene: Scene, link: str) -> None:
    ends = scene.net.ledger.links[link]
    for end in (ends.a.device, ends.z.device, *sorted(scene.net.through(link))):
        device = _speaker(scene, end)
        cause = scene.dead.get(device)
        if cause is None or ("device", device) not in scene.tracks:
            continue
        death = Track(list(cause.dead.get(("device", device), scene.tracks[("device", device)].spans)))
        tracks = [scene.tracks[(k, link)] for k in ("link", "adjacency") if (k, link) in scene.tracks]
        if any(_mostly(scene, track, death) for track in tracks) and not _long_dark(scene, link, death):
            scene.take_link(cause, link, _outlived(scene, link, death))
            return


def _long_dark(scene: Scene, link: str, death: Track) -> bool:
    """Whether a link had been dark for longer than it takes to notice a death before its device died."""
    slack = scene.timing.agreement + scene.timing.presume_cycles * scene.timing.agreement // 2
    breaks = scene.breaks(link)
    return bool(breaks) and max(found for _, found in breaks) + slack < death.start


def _outlived(scene: Scene, link: str, death: Track) -> Pair | None:
    """The death that a link's darkness outlived by more than two polls: something else had broken it meanwhile."""
    start, end = scene.broken_spans(link)[-1]
    died = next((d for d in reversed(death.spans) if d[0] <= end and start <= d[1] + scene.timing.grace), None)
    if died is None:
        return None
    tracks = [track for kind in BREAKS if (track := scene.tracks.get((kind, link))) is not None]
    since = died[1] - scene.timing.agreement
    said = any(s >= since for track in tracks for spans in track.signals.values() for s, _ in spans)
    return died if scene.outlived(end, died[1], said=said) else None


def _speaker(scene: Scene, device: str) -> str:
    """Who tells of a device that nobody asks: its customer's box behind it, in the same room and on the same power."""
    known = scene.net.ledger.devices.get(device)
    if known is None or known.managed or not known.site:
        return device
    behind = (scene.net.far(i, device) for i in scene.net.links_of.get(device, ()))
    return next((d for d in behind if d in scene.dead and scene.site(d) == known.site), device)


def _mostly(scene: Scene, light: Track, death: Track) -> bool:
    """Whether a link was dark because the device at its end was dead: not if it often went dark without it.

    What had been dark for long when the device died had gone dark without it.
    """
    first = death.start - scene.timing.debounce_window
    with_it = sum(start >= first and scene.together(Track([(start, end)]), death) for start, end in light.spans)
    return with_it * 2 >= len(light.spans) and with_it > 0


def _shut(scene: Scene, link: str) -> bool:
    """Its far end lost light because an operator took the near one down, or finds it so once it is heard again."""
    admin = scene.tracks.get(("admin", link))
    return admin is not None and scene.broke_within(link, admin.spans)


def _shut_meanwhile(scene: Scene) -> None:
    """Ports that an operator took down while the device at the other end was dead: that follows from no death."""
    for (kind, link), track in scene.tracks.items():
        if kind == "admin" and link not in scene.broken_left and not scene.broke_with(link, track.start):
            cause = _taken_down(scene, track)
            cause.elements.add((kind, link))
            cause.dead[("link", link)] = list(track.spans)


def _taken_down(scene: Scene, admin: Track) -> Cause:
    device, component, _ = min(k for k in admin.signals if k[2] is Condition.ADMIN)
    where = f"{device} {component}"
    return scene.cause(RootKind.PORT, where, Domain.CONFIGURATION, f"{where} was taken down by an operator")


def _configured(scene: Scene, link: str) -> None:
    """Light is there; an operator or a protocol took the link away."""
    admin = scene.tracks.get(("admin", link))
    if admin is not None:
        cause = _taken_down(scene, admin)
    else:
        why = f"routing over {link} is lost while its ports have light"
        cause = scene.cause(RootKind.LINK, link, Domain.CONFIGURATION, why)
        for cable in scene.net.ledger.links[link].cables[:1]:
            cause.rivals.append(Rival(Root(RootKind.CABLE, cable), "no port on it reports loss of light"))
    scene.take_link(cause, link)


# ---------------------------------------------------------------- one cause for several


@dataclass(frozen=True, slots=True)
class _Group:
    """Several broken links that one thing would explain."""

    root: Root
    links: tuple[str, ...]
    fine: int
    """Links that it would have broken, too, and that somebody whom we hear would have reported."""
    gain: float
    """How much cheaper it is than a cause for each."""


def _grouped(scene: Scene) -> None:
    """One cable or one card for several broken links, where that is cheaper than several causes."""
    while True:
        groups = [g for g in (*_cables(scene), *_cards(scene)) if g.gain > 0]
        if not groups:
            return
        best = min(groups, key=lambda g: (-g.gain, -len(g.links), g.root))
        cause = _cause_of(scene, best)
        cause.rivals += [
            Rival(g.root, _worse(g, best))
            for g in sorted(groups, key=lambda g: (-g.gain, g.root))[1:4]
            if set(g.links) & set(best.links)
        ]
        cured = _cured(scene, best)
        for link in best.links:
            scene.take_link(cause, link, _darker(scene, best, link, cured))


def _cured(scene: Scene, group: _Group) -> Instant:
    """When the first link of a card came back: its ports come back together."""
    return min((scene.broken_spans(i)[-1][1] for i in group.links), default=FOREVER)


def _darker(scene: Scene, group: _Group, link: str, cured: Instant) -> Pair | None:
    """The failure of a card, when one of its ports misses light from its end on: its fibre had broken meanwhile."""
    track = scene.tracks.get(("link", link))
    if group.root.kind is not RootKind.DEVICE or track is None or not scene.outlived(track.end, cured):
        return None
    port, slack = scene.net.end_at(link, group.root.id), scene.timing.agreement
    lost = track.signals.get((port.device, port.name, Condition.LOS), ())
    return (track.start, cured) if any(s >= cured - slack for s, _ in lost) else None


def _worse(group: _Group, best: _Group) -> str:
    if group.fine > best.fine:
        return f"{group.fine} links through it are well"
    if len(group.links) < len(best.links):
        return f"it explains {len(group.links)} of {len(best.links)} links"
    return "it explains as much, and is the rarer event"


def _cause_of(scene: Scene, group: _Group) -> Cause:
    if group.root.kind is RootKind.CABLE:
        why = f"{len(group.links)} links through cable {group.root.id} lost light together"
        return scene.cause(RootKind.CABLE, group.root.id, Domain.CABLE, why, 0.95)
    why = f"{len(group.links)} ports of one card of {group.root.id} failed together while their receivers have light"
    return scene.cause(RootKind.DEVICE, group.root.id, Domain.EQUIPMENT, why, 0.85)


def _gain(scene: Scene, kind: RootKind, links: Sequence[str], fine: int) -> float:
    cost = scene.rules.cost
    return len(links) * cost[RootKind.LINK] - cost[kind] - scene.rules.missing * fine


def _cables(scene: Scene) -> Iterable[_Group]:
    for cable in sorted({c for i in scene.broken_left for c in scene.net.ledger.links[i].cables}):
        members = tuple(i for i in scene.net.ledger.cables[cable] if i in scene.broken_left)
        if len(members) > 1 and scene.broke_together(members):
            fine = _fine(scene, cable, members)
            yield _Group(Root(RootKind.CABLE, cable), members, fine, _gain(scene, RootKind.CABLE, members, fine))


def _cards(scene: Scene) -> Iterable[_Group]:
    """Ports of one card that are down and miss no light, or whose card says that it failed."""
    slots: dict[tuple[str, str], list[str]] = defaultdict(list)
    for link in sorted(scene.broken_left):
        for end in (scene.net.ledger.links[link].a, scene.net.ledger.links[link].z):
            if _down_with_light(scene, link, end):
                slots[end.device, _slot(end)].append(link)
    for (device, slot), links in sorted(slots.items()):
        if slot and len(links) > 1 and scene.broke_together(links):
            fine = sum(
                i not in scene.broken and _slot(scene.net.end_at(i, device)) == slot for i in scene.net.links_of[device]
            )
            yield _Group(Root(RootKind.DEVICE, device), tuple(links), fine, _gain(scene, RootKind.DEVICE, links, fine))


def _slot(port: Port) -> str:
    """The card that a port is on, as its name tells: all but the last number."""
    return port.name.rpartition("/")[0]


def _fine(scene: Scene, cable: str, broken: Sequence[str]) -> int:
    """Links through a cable that somebody whom we heard would have reported when others broke, and did not."""
    at = min((when for i in broken for when, _ in scene.breaks(i)), default=FOREVER)
    fine = 0
    for i in scene.net.ledger.cables[cable]:
        tells = any(scene.hearing.would_tell(end, i, at) for end in scene.net.ends(i))
        if tells and i not in broken and not scene.broke_with(i, at) and not scene.was_dark(i, at):
            fine += 1
    return fine


# ---------------------------------------------------------------- one link


def _single(scene: Scene, link: str) -> None:
    ends = scene.net.ledger.links[link]
    dark = _dark_port(scene, link)
    ranked = sorted(ends.cables, key=lambda c: (_fine(scene, c, (link,)), ends.cables.index(c)))
    if dark:
        cause = scene.cause(
            RootKind.PORT,
            dark,
            Domain.EQUIPMENT,
            f"the far end of {link} sees no light from {dark}, which still receives",
        )
        for cable in ends.cables[:1]:
            cause.rivals.append(Rival(Root(RootKind.CABLE, cable), "a cut would have taken the light of both ends"))
    elif ranked and not _spared(scene, link, ranked[0]):
        own = ranked[0]
        why = f"link {link} lost light; cable {own} carries it"
        cause = scene.cause(RootKind.CABLE, own, Domain.CABLE, why, 0.8)
        cause.rivals += _rivals(scene, link, ranked[1:])
    else:
        cause = scene.cause(RootKind.LINK, link, _WORK.get(ends.medium, Domain.CABLE), f"link {link} is down", 0.8)
        cause.rivals += _rivals(scene, link, ranked)
    scene.take_link(cause, link)


def _spared(scene: Scene, link: str, cable: str) -> bool:
    """Whether a cable cannot have been cut, for others that run through it are well after two polls still."""
    dearer = _gain(scene, RootKind.CABLE, (link,), _fine(scene, cable, (link,))) < 0
    spans = scene.broken_spans(link)
    return dearer and scene.outlived(spans[-1][1], spans[0][0])


_WORK = {Medium.MICROWAVE: Domain.EQUIPMENT, Medium.WAVELENGTH: Domain.EQUIPMENT, Medium.LOGICAL: Domain.CONFIGURATION}
"""Whose work a link in no cable is: radio and wavelengths are transport's (sla-facts F5), a tunnel is data's."""


def _rivals(scene: Scene, link: str, cables: Sequence[str]) -> list[Rival]:
    out = []
    for cable in cables:
        fine = _fine(scene, cable, (link,))
        why = f"{fine} links through it are well" if fine else "nothing on it is watched that would tell them apart"
        out.append(Rival(Root(RootKind.CABLE, cable), why, equal=not fine))
    ends = scene.net.ledger.links[link]
    out += _one_sided(scene, link)
    for near, far in ((ends.a.device, ends.z.device), (ends.z.device, ends.a.device)):
        known = scene.net.ledger.devices.get(far)
        if known is None or not (scene.heard(near) or far in scene.silent) or scene.heard(far):
            continue
        out += unasked.rivals(scene, far)
        if far not in scene.silent:
            continue
        starts = [start for start, _ in scene.breaks(link)]
        alone = len(scene.facing(far, scene.silent[far].start)) <= 1
        if alone and not any(scene.hearing.told(far, link, start) for start in starts):
            why = "it has one way to us and said nothing before it fell silent: the crew at its end tests both"
            out.append(Rival(scene.own_root(far), why, equal=True))
    return out


def _one_sided(scene: Scene, link: str) -> Iterator[Rival]:
    """Light goes one way in each fibre. Where one end misses it and the other, which would tell, does not: the far
    transmitter, or one fibre of the two."""
    ends, said = scene.net.ledger.links[link], _words(scene, link)
    for near, far in ((ends.a, ends.z), (ends.z, ends.a)):
        starts = [start for start, _ in scene.breaks(link)]
        tells = starts and all(scene.hearing.would_tell(far.device, link, start) for start in starts)
        if Condition.LOS in said[near.device] and not said[far.device] and tells:
            why = f"{near.device} alone misses light, as if this transmitter had died: a crew measures at both ends"
            yield Rival(Root(RootKind.PORT, str(far)), why, equal=True)


def _words(scene: Scene, link: str) -> dict[str, set[Condition]]:
    """What each end of a link said of its port when it broke, or as soon as it could be heard.

    What it said before or long after belongs to another trouble.
    """
    said: dict[str, set[Condition]] = defaultdict(set)
    track = scene.tracks.get(("link", link))
    if track is None:
        return said
    slack, settled = scene.timing.agreement, scene.timing.grace
    for _, broke in scene.breaks(link):
        until = next((e for s, e in track.spans if s <= broke < e), broke)
        at = min(broke + settled, until - 1)
        for (device, _, condition), spans in track.signals.items():
            deaf = not scene.hearing.telling(device, broke)
            if any(e > at and (s <= broke + slack or (deaf and s < until)) for s, e in spans):
                said[device].add(condition)
    return said


def _down_with_light(scene: Scene, link: str, end: Port) -> bool:
    """A port that says it is down and does not miss light, while its far end does or cannot be asked."""
    said = _words(scene, link)
    ends = scene.net.ledger.links[link]
    far = ends.z if ends.a == end else ends.a
    mine, other = said[end.device], said[far.device]
    if Condition.HARDWARE in mine:
        return True
    down = Condition.LINK in mine and Condition.LOS not in mine
    began = [s for s, _ in scene.breaks(link)]
    return down and (Condition.LOS in other or not any(scene.hearing.heard(far.device, s) for s in began))


def _dark_port(scene: Scene, link: str) -> str:
    """The port whose transmitter died: its far end lost light, itself it is down and still receives."""
    ends = scene.net.ledger.links[link]
    said = _words(scene, link)
    for mine, other in ((ends.a, ends.z), (ends.z, ends.a)):
        if (
            Condition.LOS in said[other.device]
            and Condition.LINK in said[mine.device]
            and Condition.LOS not in said[mine.device]
        ):
            down = (k for k in scene.tracks["link", link].signals if k[0] == mine.device and k[2] is Condition.LINK)
            return " ".join(min(down)[:2])  # as it names itself: the ledger may have it at another port
    return ""
