"""Power: mains by their own word, rooms that die whole, and the feed that several rooms share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from netwatch.core.faults.causes import PREMISES, Cause, Rival
from netwatch.core.faults.scene import Scene
from netwatch.core.intervals import Spans, common, union
from netwatch.core.model import Domain, Role, Root, RootKind
from netwatch.core.time import MINUTE, Instant


def mains(scene: Scene) -> None:
    """What a site's own equipment says of its mains."""
    for (kind, site), track in scene.tracks.items():
        if kind == "site":
            why = f"mains failed at site {site}: its own equipment says so"
            cause = scene.cause(RootKind.POWER, site, Domain.POWER, why)
            cause.elements.add((kind, site))
            cause.spans = list(track.spans)


def power_of(scene: Scene, device: str) -> Cause | None:
    """The power failure of a device's site that its silence falls into."""
    cause = scene.found.get(Root(RootKind.POWER, scene.site(device)))
    if cause and any(scene.together(scene.tracks[e], scene.life[device]) for e in cause.elements):
        return cause
    return None


def site_power(scene: Scene, device: str, reason: str) -> Cause:
    """The power of a device's site, by the device's own word."""
    if scene.site(device):
        return scene.cause(RootKind.POWER, scene.site(device), Domain.POWER, reason, 0.8)
    return scene.at_premises(device, reason, 0.8)


def rooms(scene: Scene) -> None:
    """Every device of a site dead at once: its power, unless each can be explained alone."""
    by_site: dict[str, list[str]] = defaultdict(list)
    for device, cause in scene.dead.items():
        if scene.site(device) and cause.root.kind in (RootKind.DEVICE, RootKind.PREMISES):
            by_site[scene.site(device)].append(device)
    for site, devices in sorted(by_site.items()):
        polled = [d for d in scene.net.site_devices[site] if d in scene.net.polled]
        if len(devices) < 2 or set(polled) - set(devices) or all(scene.role(d) in PREMISES for d in devices):
            continue
        why = f"all {len(devices)} devices of site {site} died together"
        power = scene.cause(RootKind.POWER, site, Domain.POWER, why, 0.8)
        power.rivals += [Rival(scene.own_root(d), "it would leave the others unexplained") for d in sorted(devices)[:3]]
        for device in devices:
            scene.found.pop(scene.dead[device].root, None)
            scene.kills(power, device)


def feeds(scene: Scene) -> None:
    """Several sites on one feed that lost their power: the feed.

    A room without batteries dies without a word about its mains. It counts when it went dark as a whole with the
    others, or when its batteries, by the ledger, were empty. Customers' boxes say it with their last gasp.
    """
    words = _last_words(scene)
    for feed, sites in sorted(scene.net.feed_sites.items()):
        if len(sites) < 2:
            continue
        said = _at_one_time({s: c for s in sites if (c := scene.found.get(Root(RootKind.POWER, s))) is not None})
        dark = {s: devices for s in sites if s not in said and (devices := _dark_room(scene, s))}
        joined = _joined(scene, said, dark)
        others = [spans for c in said.values() if (spans := union([*c.spans, *_died(c)]))]
        others += [scene.life[devices[0]].spans for devices in joined.values()]
        gasped = _gasped(scene, sites, {s: words[s] for s in sites if s in words}, others)
        if len(said) + len(joined) + len(gasped) < 2 or not (said or gasped or _nothing_else(scene, joined)):
            continue
        joined = {s: sorted({*joined.get(s, ()), *gasped.get(s, ())}) for s in sorted(joined.keys() | gasped.keys())}
        how = f"{len(said) + len(gasped)} of them said so" if said or gasped else "none could say so"
        whole = scene.cause(
            RootKind.POWER,
            feed,
            Domain.POWER,
            f"{len(said) + len(joined)} sites on feed {feed} lost their power together, {how}",
            0.9 if len(said) + len(gasped) > 1 else 0.7,
        )
        for site, cause in said.items():
            _take_over(scene, whole, cause)
            whole.rivals.append(Rival(Root(RootKind.POWER, site), "the other sites of the feed failed with it"))
        for device in (d for devices in joined.values() for d in devices):
            former = scene.dead.get(device)
            if former is not None and former is not whole:
                scene.found.pop(former.root, None)
            scene.kills(whole, device)


def _last_words(scene: Scene) -> dict[str, dict[str, list[Instant]]]:
    """Site → the customers' boxes there that died of their own power, and when they said so."""
    out: dict[str, dict[str, list[Instant]]] = defaultdict(dict)
    for device, cause in scene.dead.items():
        if cause.root.kind is RootKind.PREMISES and (said := scene.life[device].words):
            out[scene.site(device)][device] = said
    return out


def _gasped(
    scene: Scene, sites: Sequence[str], words: Mapping[str, Mapping[str, Sequence[Instant]]], others: Sequence[Spans]
) -> dict[str, list[str]]:
    """The customers' boxes on a feed that said together, or with other rooms of it, that their power is going.

    A customer switches off, too, and on a feed hang many: those that are well speak against it.
    """
    if not words:
        return {}
    slack = scene.timing.agreement
    times = sorted(w for boxes in words.values() for said in boxes.values() for w in said)
    most = max(times, key=lambda t: bisect_right(times, t + slack) - bisect_left(times, t))
    starts = [spans[0][0] for spans in others] or [most]
    out = {}
    for site, boxes in words.items():
        with_them = [d for d, said in boxes.items() if any(abs(w - s) <= slack for w in said for s in starts)]
        if with_them:
            out[site] = with_them
    well = sum(_well(scene, site) for site in sites)
    causes = (len(out) + len(others)) * scene.rules.cost[RootKind.LINK]
    return out if causes > scene.rules.cost[RootKind.CABLE] + well * scene.rules.missing else {}


def _well(scene: Scene, site: str) -> bool:
    """Whether a customer's box stands at a site that would have said so, and none is in trouble."""
    heard = [d for d in scene.net.site_devices.get(site, ()) if scene.role(d) is Role.ONU or d in scene.net.polled]
    return any(scene.role(d) in PREMISES for d in heard) and not any(d in scene.life for d in heard)


def _at_one_time(said: dict[str, Cause]) -> dict[str, Cause]:
    """Those that overlap with another one; all of them when there is only one."""
    times = {site: union([*cause.spans, *_died(cause)]) for site, cause in said.items()}
    shared = {a for a in said for b in said if a != b and common(times[a], times[b])}
    return {s: c for s, c in said.items() if s in shared} if len(said) > 1 else said


def _dark_room(scene: Scene, site: str) -> list[str]:
    """The polled devices of a site, when each of them is dead or seen to have fallen."""
    devices = [d for d in scene.net.site_devices.get(site, ()) if d in scene.net.polled]
    if not devices or all(scene.role(d) in PREMISES for d in devices):
        return []
    return devices if all(_by_itself(scene, d) for d in devices) else []


def _by_itself(scene: Scene, device: str) -> bool:
    cause = scene.dead.get(device)
    return bool(scene.fall(device)[1]) if cause is None else cause.root == scene.own_root(device)


def _joined(scene: Scene, said: dict[str, Cause], dark: dict[str, list[str]]) -> dict[str, list[str]]:
    """The dark rooms that fell with rooms which said so, or with one another."""
    starts = [start for cause in said.values() for start, _ in union([*cause.spans, *_died(cause)])]
    slack = scene.timing.agreement

    def with_them(site: str, devices: list[str]) -> bool:
        began = [s for d in devices for s, _ in scene.life[d].spans]
        battery = round((scene.net.ledger.sites[site].battery_minutes or 0) * MINUTE)
        return any(abs(b - s) <= slack or abs(b - s - battery) <= slack for b in began for s in starts)

    if said:
        return {site: devices for site, devices in dark.items() if with_them(site, devices)}
    tracks = {site: scene.life[devices[0]] for site, devices in dark.items()}
    groups = [[s for s, t in tracks.items() if scene.as_one(first, t)] for first in tracks.values()]
    return {site: dark[site] for site in max(groups, key=len, default=[])}


def _died(cause: Cause) -> list[tuple[int, int]]:
    return [span for part in cause.dead for span in cause.dead[part]]


def _nothing_else(scene: Scene, dark: dict[str, list[str]]) -> bool:
    """No cable through which all of the rooms are reached would explain it as well."""
    links = [i for devices in dark.values() for d in devices for i in scene.facing(d, scene.life[d].start)]
    return bool(links) and not scene.common_cable(links)


def _take_over(scene: Scene, whole: Cause, cause: Cause) -> None:
    del scene.found[cause.root]
    whole.elements |= cause.elements
    whole.dead |= cause.dead
    whole.spans = union([*whole.spans, *cause.spans])
    for device, of in list(scene.dead.items()):
        if of is cause:
            scene.dead[device] = whole
