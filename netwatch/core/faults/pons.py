"""Passive optical networks: one ONU, a branch of the splitter, the feeder, or the port.

Lost ONUs are told apart by who else on the same glass is well, and by the port's own light: a port that is down
and has light has failed itself; a port without any light lost its feeder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from netwatch.core.faults.causes import Cause, Rival
from netwatch.core.faults.power import power_of
from netwatch.core.faults.scene import Scene
from netwatch.core.model import Condition, Domain, Medium, Role, Root, RootKind


def onus(scene: Scene) -> None:
    """ONUs that their OLT lost: the cable that (nearly) all of its ONUs are gone from, else each its own."""
    rest = {d for d, t in scene.life.items() if any(k[2] is Condition.ONU for k in t.signals) and d not in scene.dead}
    by_cable: dict[str, set[str]] = defaultdict(set)
    for onu in rest:
        for link in _links(scene, onu):
            for cable in scene.net.ledger.links[link].cables:
                by_cable[cable].add(onu)
    for cable, members in sorted(by_cable.items(), key=lambda kv: (-len(kv[1]), kv[0])):
        lost = {d for d in members & rest if any(_together(scene, d, other) for other in members & rest - {d})}
        if len(lost) >= 2 and _whole(scene, cable, lost):
            _cable(scene, cable, lost)
            rest -= lost
    for onu in sorted(rest):
        _alone(scene, onu)


def _together(scene: Scene, onu: str, other: str) -> bool:
    return scene.together(scene.life[onu], scene.life[other])


def _links(scene: Scene, onu: str) -> list[str]:
    return [i for i in scene.net.links_of.get(onu, ()) if scene.net.ledger.links[i].medium is Medium.PON]


def _members(scene: Scene, cable: str) -> set[str]:
    """The ONUs on a cable."""
    links = (scene.net.ledger.links[i] for i in scene.net.ledger.cables.get(cable, ()))
    return {d for k in links for d in (k.a.device, k.z.device) if scene.role(d) is Role.ONU}


def _whole(scene: Scene, cable: str, lost: set[str]) -> bool:
    """Enough of a cable's ONUs are gone. Those that died of their own word count neither way."""
    asked = _members(scene, cable) - {d for d in scene.dead if d not in lost}
    return len(lost) >= scene.rules.feeder_share * len(asked)


def _cable(scene: Scene, cable: str, lost: set[str]) -> None:
    links = [i for onu in lost for i in _links(scene, onu)]
    port = _port(scene, links)
    light = [scene.tracks[("link", i)] for i in links if ("link", i) in scene.tracks]
    said = {k[2] for t in light for k in t.signals}
    if light and port and Condition.LOS not in said:
        cause = scene.cause(
            RootKind.PORT,
            port,
            Domain.EQUIPMENT,
            f"all {len(lost)} ONUs lost and the PON port down without loss of light",
        )
        cause.rivals.append(Rival(Root(RootKind.CABLE, cable), "the port would have reported that its light is gone"))
    else:
        cause = scene.cause(
            RootKind.CABLE, cable, Domain.CABLE, f"{len(lost)} ONUs on cable {cable} lost together: feeder or splitter"
        )
        cause.rivals += _rivals(scene, lost, port, Condition.LOS in said)
    for onu in sorted(lost):
        scene.kills(cause, onu)
    for link in links:
        scene.take_link(cause, link)


def _rivals(scene: Scene, lost: set[str], port: str, dark: bool) -> list[Rival]:
    """What else would take these ONUs away; the cable's crew finds each of them at the splitter or at the OLT."""
    out = []
    if port:
        of_port = {e.device for i in scene.net.ledger.links.values() if str(i.a) == port for e in (i.z,)}
        if dark:
            why = "it says that it receives no light, so it receives"
            out.append(Rival(Root(RootKind.PORT, port), why))
        elif of_port <= lost:
            out.append(Rival(Root(RootKind.PORT, port), "the port tells nothing of its own light", equal=True))
        else:
            fine = len(of_port - lost)
            out.append(Rival(Root(RootKind.PORT, port), f"{fine} other ONUs on it are well"))
    onu = min(lost)
    out.append(Rival(Root(RootKind.PREMISES, onu), f"{len(lost) - 1} others on the same glass were lost with it"))
    return out


def _alone(scene: Scene, onu: str) -> None:
    why = f"the OLT lost {onu} alone, its neighbours on the same port are fine"
    cause: Cause = power_of(scene, onu) or scene.at_premises(onu, why, 0.7)
    for link in _links(scene, onu):
        for cable in scene.net.ledger.links[link].cables:
            others = _members(scene, cable) - {onu}
            root = Root(RootKind.CABLE, cable)
            if others:
                cause.rivals.append(Rival(root, f"{len(others - scene.life.keys())} other ONUs on it are well"))
            else:
                cause.rivals.insert(0, Rival(root, "no dying gasp was heard: its drop would look so, too", equal=True))
    scene.kills(cause, onu)


def _port(scene: Scene, links: Sequence[str]) -> str:
    """The one port that all of these links end at."""
    ports = {
        str(end)
        for i in links
        for end in (scene.net.ledger.links[i].a, scene.net.ledger.links[i].z)
        if scene.role(end.device) is not Role.ONU
    }
    return ports.pop() if len(ports) == 1 else ""
