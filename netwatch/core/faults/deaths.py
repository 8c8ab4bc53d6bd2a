"""Silence: who is dead, and who is only cut off."""

from __future__ import annotations

from collections.abc import Iterable

from netwatch.core.faults import unasked
from netwatch.core.faults.blindness import share
from netwatch.core.faults.causes import PREMISES, Cause, Planned, Rival, scope_parts
from netwatch.core.faults.power import power_of, site_power
from netwatch.core.faults.scene import Scene
from netwatch.core.intervals import union
from netwatch.core.model import Condition, Domain, Role, Root, RootKind
from netwatch.core.topology import Reach


def dead_by_word(scene: Scene) -> None:
    """Who said that its power is going."""
    for device, track in scene.life.items():
        if not any(key[2] is Condition.DYING_GASP for key in track.signals):
            continue
        why = f"{device} said that its power is going (dying gasp)"
        cause = power_of(scene, device)
        if cause is None:
            at_home = scene.role(device) in PREMISES
            cause = scene.at_premises(device, why, 0.95) if at_home else site_power(scene, device, why)
        scene.kills(cause, device)


def dead_by_neighbours(scene: Scene) -> None:
    """A silent device is dead when all neighbours that answer lost their port to it, unless one cable runs there."""
    # What carries wavelengths first: the box at their end is cut off with them, not dead.
    for device in sorted(scene.silent, key=lambda d: scene.role(d) is not Role.TRANSMISSION):
        if device in scene.dead:
            continue
        at, lost = scene.fall(device)
        if not lost:
            continue
        first, *later = [span for span in scene.life[device].spans if span[1] > at]
        spans = [(at, first[1]), *later]
        power = power_of(scene, device)
        if power is not None:
            scene.kills(power, device, spans)
        elif len(lost) > 1 and not scene.common_cable(lost) and not _severed(scene, lost):
            why = f"{device} is silent and all {len(lost)} neighbours that answer lost their port to it"
            cause = scene.at_premises(device, why, 0.9)
            cables = dict.fromkeys(c for i in lost for c in scene.net.ledger.links[i].cables[:1])
            cause.rivals += [Rival(Root(RootKind.CABLE, c), "it leaves other ports dark unexplained") for c in cables][
                :3
            ]
            scene.kills(cause, device, spans)


def _severed(scene: Scene, links: Iterable[str]) -> bool:
    """Whether each of some links passed a device that is dead."""
    return all(scene.net.through(i) & scene.dead.keys() for i in links)


def silence(scene: Scene) -> None:
    """Silence that nothing broken accounts for: planned work, or a cause at the edge of hearing."""
    left = [d for d in scene.silent if d not in scene.dead and scene.own_silence(d)]
    left = [d for d in left if scene.silent[d].quarantine is None and not _planned_for(scene, d)]
    left = _unsuspected(scene, left)
    # Nearest to us first: what it cuts off needs no cause of its own.
    depth = scene.net.depth(scene.vantage)
    for device in sorted(left, key=lambda d: (depth.get(d, 1 << 30), scene.silent[d].start, d)):
        if own := scene.own_silence(device):
            why = f"{device} does not answer while everything on the way to it does"
            cause = power_of(scene, device) or scene.at_premises(device, why, 0.7)
            if cause.root == scene.own_root(device):
                cause.rivals += _unseen_cables(scene, device)
            scene.kills(cause, device, own)


def _unseen_cables(scene: Scene, device: str) -> list[Rival]:
    """What leads to a silent device and tells nothing: the cable of its port, boxes that nobody asks."""
    out: list[Rival] = []
    for link in scene.net.links_of.get(device, ()):
        if link in scene.broken or len(scene.net.links_of[device]) > 1:
            continue
        far = scene.net.far(link, device)
        out += unasked.rivals(scene, far)
        for cable in scene.net.ledger.links[link].cables[:1]:
            why = (
                f"{far}, which answers, reports no port down"
                if scene.heard(far)
                else f"{far} is asked by nobody, so its light is not known"
            )
            out.append(Rival(Root(RootKind.CABLE, cable), why, equal=not scene.heard(far)))
    return out


def _unsuspected(scene: Scene, left: list[str]) -> list[str]:
    """Without those whose silence may yet turn out to be our blindness.

    Devices are asked one after another, so blindness shows itself over a whole cycle. While unexplained
    silences without any port down still spread over a good part of the network, nobody is accused.
    """
    since = scene.now - scene.timing.agreement
    fresh = {d for d in left if scene.silent[d].open and scene.silent[d].spans[-1][0] > since}
    if len(fresh) < scene.rules.blind_least or share(scene, fresh) < scene.rules.blind_suspect:
        return left
    scene.wake(min(scene.silent[d].spans[-1][0] for d in fresh) + scene.timing.agreement)
    return [d for d in left if d not in fresh]


# ---------------------------------------------------------------- planned work


def _planned_for(scene: Scene, device: str) -> bool:
    """Silence that planned work accounts for belongs to that work."""
    start = scene.silent[device].start
    for work in scene.planned:
        if not work.span[0] <= start < work.span[1]:
            continue
        links, devices = scope_parts(work.scope, scene.net)
        if device in devices or Reach(
            scene.net, scene.vantage, scene.broken | links, scene.dead.keys() | devices
        ).cut_off(device):
            cause = _planned_cause(scene, work, device, links)
            cause.elements.add(("device", device))
            cause.dead[("device", device)] = list(scene.silent[device].spans)
            cause.spans = union([*cause.spans, *scene.silent[device].spans])
            return True
    return False


def _planned_cause(scene: Scene, work: Planned, device: str, links: set[str]) -> Cause:
    reason = f"planned work {work.id} accounts for it"
    for scope in work.scope:
        if scope.kind in ("cable", "link"):
            return scene.cause(RootKind(scope.kind), scope.id, Domain.CABLE, reason, 0.8)
        if scope.kind == "device":
            return scene.at_premises(scope.id, reason, 0.8)
    if links:
        return scene.cause(RootKind.LINK, min(links), Domain.CABLE, reason, 0.6)
    return scene.at_premises(device, reason, 0.6)
