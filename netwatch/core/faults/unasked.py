"""What nobody asks: converters and bridges between devices that answer, known by their neighbours alone.

Many converters take the light of one side away when they lose that of the other. So a row of such boxes, with what
joins them, is one thing: that both sides of it fall together is one cause within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netwatch.core.faults.causes import Cause, Rival
from netwatch.core.faults.scene import Scene
from netwatch.core.model import Domain, Role, Root, RootKind


@dataclass(frozen=True, slots=True)
class Stretch:
    """Boxes in a row that nobody asks."""

    devices: tuple[str, ...]
    inner: tuple[str, ...]
    """The links that join them."""
    outer: tuple[str, ...]
    """The links by which they hang on devices that are asked."""


def stretch(scene: Scene, device: str) -> Stretch:
    """All that hangs together with a device that nobody asks; empty for one that is asked, and for an ONU: its OLT
    tells of it."""
    devices: set[str] = set()
    inner: set[str] = set()
    outer: set[str] = set()
    ahead = [device] if _unasked(scene, device) else []
    while ahead:
        at = ahead.pop()
        if at in devices:
            continue
        devices.add(at)
        for link in scene.net.links_of.get(at, ()):
            far = scene.net.far(link, at)
            if _unasked(scene, far):
                inner.add(link)
                ahead.append(far)
            else:
                outer.add(link)
    return Stretch(tuple(sorted(devices)), tuple(sorted(inner)), tuple(sorted(outer)))


def between(scene: Scene) -> None:
    """Boxes that nobody asks, when all neighbours that would tell lost their ports to them at once."""
    ends = {
        end.device
        for i in scene.broken_left
        for end in (scene.net.ledger.links[i].a, scene.net.ledger.links[i].z)
        if _unasked(scene, end.device) and end.device not in scene.dead
    }
    for device in sorted(ends):
        row = stretch(scene, device)
        if device != row.devices[0] and row.devices[0] in ends:
            continue  # told with that
        lost = [i for i in row.outer if i in scene.broken_left and ("link", i) in scene.tracks]
        if len(lost) < 2 or not scene.broke_together(lost) or scene.common_cable(lost):
            continue
        start = min(when for i in lost for when, _ in scene.breaks(i))
        facing = [i for d in row.devices for i in scene.facing(d, start) if i in row.outer]
        if set(facing) <= set(lost):
            cause = _within(scene, row, f"all {len(lost)} ports that face it went down together, and nobody asks it")
            for link in lost:
                scene.take_link(cause, link)


def _within(scene: Scene, row: Stretch, why: str) -> Cause:
    """What broke in a row: its one box, or what joins two of them, where a crew tests both ends."""
    if len(row.devices) == 1:
        return scene.at_premises(row.devices[0], why, 0.8)
    link = scene.net.ledger.links[row.inner[0]]
    root = Root(RootKind.CABLE, link.cables[0]) if link.cables else Root(RootKind.LINK, link.id)
    cause = scene.cause(root.kind, root.id, Domain.CABLE, why, 0.6)
    cause.rivals += [r for r in rivals(scene, row.devices[0]) if r.root != root]
    return cause


def rivals(scene: Scene, device: str) -> Iterator[Rival]:
    """What else may be broken where silence begins behind boxes that nobody asks: those, and what joins them."""
    row = stretch(scene, device)
    for name in row.devices:
        yield Rival(scene.own_root(name), "nobody asks it", equal=True)
    for name in row.inner:
        for cable in scene.net.ledger.links[name].cables[:1]:
            yield Rival(Root(RootKind.CABLE, cable), "nobody asks the boxes at its ends", equal=True)


def _unasked(scene: Scene, device: str) -> bool:
    known = scene.net.ledger.devices.get(device)
    return known is not None and device not in scene.net.polled and known.role is not Role.ONU
