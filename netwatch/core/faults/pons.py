"""Passive optical networks: one ONU, a branch of the splitter, the feeder, the port, or its card.

Lost ONUs are told apart by who else on the same glass is well, and by the port's own light: a port that is down
and has light has failed itself; a port without any light lost its feeder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from netwatch.core.faults.causes import Cause, Rival
from netwatch.core.faults.power import power_of
from netwatch.core.faults.scene import Scene
from netwatch.core.intervals import FOREVER, covers
from netwatch.core.model import Condition, Domain, Medium, Role, Root, RootKind
from netwatch.core.time import Instant


def onus(scene: Scene) -> None:
    """ONUs that their OLT lost: the cable that (nearly) all of its ONUs are gone from, else each its own."""
    rest = {d for d, t in scene.life.items() if any(k[2] is Condition.ONU for k in t.signals) and d not in scene.dead}
    by_cable: dict[str, set[str]] = defaultdict(set)
    elsewhere = {onu: ports for onu in rest if (ports := _elsewhere(scene, onu))}
    for onu in rest - elsewhere.keys():
        for link in _links(scene, onu):
            for cable in scene.net.ledger.links[link].cables:
                by_cable[cable].add(onu)
    rest -= _cards(scene, rest - elsewhere.keys(), by_cable)
    at_once = {cable: _at_once(scene, members & rest)[1] for cable, members in by_cable.items()}
    for cable in sorted(by_cable, key=lambda c: (-len(at_once[c]), len(_members(scene, c)), c)):
        began, lost = _at_once(scene, by_cable[cable] & rest)
        if len(lost) >= 2 and _whole(scene, cable, began, lost):
            _cable(scene, cable, lost)
            rest -= lost
    for onu in sorted(rest):
        whole = _whole_port(scene, onu, elsewhere[onu]) if onu in elsewhere else None
        if whole is not None:
            scene.kills(whole, onu)
        else:
            _alone(scene, onu)


def _at_once(scene: Scene, onus: Iterable[str]) -> tuple[Instant, set[str]]:
    """The most ONUs that were lost together, each within two polls of the one before it; and since when."""
    runs: list[tuple[Instant, set[str]]] = [(-FOREVER, set())]
    last = -FOREVER
    for start, onu in sorted((at, d) for d in onus for at, _ in scene.life[d].spans):
        if start - last > scene.timing.agreement:
            runs.append((start, set()))
        runs[-1][1].add(onu)
        last = start
    return max(runs, key=lambda run: len(run[1]))


def _elsewhere(scene: Scene, onu: str) -> list[str]:
    """The links at the port on which its OLT has an ONU, where the ledger has it at none or at another one.

    An OLT that names its ports in a way that the ledger does not know tells nothing.
    """
    told = [(k[0], place[0]) for k in scene.life[onu].signals if (place := scene.net.onu_of(k[1])) is not None]
    links = [i for olt, port in told for i in scene.net.links_at(olt, port)]
    return [] if set(links) & set(_links(scene, onu)) else links


def _whole_port(scene: Scene, onu: str, links: Sequence[str]) -> Cause | None:
    """What took other ONUs of a port when this one was lost: where it hangs on their glass nobody has written down."""
    others = (d for i in links for d in scene.net.ends(i))
    causes = {c.root: c for d in others if (c := scene.dead.get(d)) is not None and _together(scene, onu, d)}
    shared = [c for c in causes.values() if c.root.kind in (RootKind.CABLE, RootKind.PORT, RootKind.DEVICE)]
    return min(shared, key=lambda c: c.root, default=None)


def _cards(scene: Scene, rest: set[str], by_cable: Mapping[str, set[str]]) -> set[str]:
    """ONUs of several ports of one card, all lost at once: the card, unless one cable would have taken them, too.

    Such ports are dark for want of their own light. One that says that it receives none has lost its feeder.
    """
    slots: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for onu in rest:
        for link in _links(scene, onu):
            if port := _port(scene, [link]):
                device, _, name = port.partition(" ")
                slots[device, name.rpartition("/")[0]][port].add(onu)
    taken: set[str] = set()
    for (device, slot), ports in sorted(slots.items()):
        whole = {port: lost for port, lost in ports.items() if _port_lost(scene, port, lost)}
        lost = set().union(*whole.values())
        said = _light(scene, lost)
        if not slot or len(whole) < 2 or Condition.LOS in said:
            continue
        if not said and any(lost <= onus for onus in by_cable.values()):
            continue
        fine = len(_ports_of(scene, device, slot)) - len(whole)
        cost = scene.rules.cost
        if len(whole) * cost[RootKind.CABLE] > cost[RootKind.DEVICE] + fine * scene.rules.missing:
            _card(scene, device, whole, said)
            taken |= lost
    return taken


def _port_lost(scene: Scene, port: str, lost: set[str]) -> bool:
    """Whether a port lost (nearly) all of its ONUs at once."""
    first = scene.life[min(lost)]
    at_once = all(scene.begun_together(first, scene.life[onu]) for onu in lost)
    asked = _onus_of(scene, port) - {d for d in scene.dead if d not in lost}
    return at_once and len(lost) >= scene.rules.feeder_share * len(asked)


def _onus_of(scene: Scene, port: str) -> set[str]:
    device, _, name = port.partition(" ")
    return {scene.net.far(i, device) for i in scene.net.links_at(device, name)}


def _ports_of(scene: Scene, device: str, slot: str) -> set[str]:
    """The PON ports of a card."""
    links = (i for i in scene.net.links_of[device] if scene.net.ledger.links[i].medium is Medium.PON)
    return {name for i in links if (name := scene.net.end_at(i, device).name).rpartition("/")[0] == slot}


def _light(scene: Scene, onus: Iterable[str]) -> set[Condition]:
    """What the ports of lost ONUs say of themselves."""
    tracks = (scene.tracks.get(("link", link)) for onu in onus for link in _links(scene, onu))
    return {key[2] for track in tracks if track is not None for key in track.signals}


def _card(scene: Scene, device: str, ports: Mapping[str, set[str]], said: set[Condition]) -> None:
    lost = set().union(*ports.values())
    how = "which are down without loss of light" if said else "which tell nothing of their light"
    why = f"all {len(lost)} ONUs on {len(ports)} ports of one card of {device} were lost together, {how}"
    cause = scene.cause(RootKind.DEVICE, device, Domain.EQUIPMENT, why, 0.85 if said else 0.6)
    for port, onus in sorted(ports.items()):
        feeders = [set(scene.net.ledger.links[i].cables) for onu in onus for i in _links(scene, onu)]
        for cable in sorted(set.intersection(*feeders))[:1]:
            why = (
                "the port would have reported that its light is gone" if said else f"{port} tells nothing of its light"
            )
            cause.rivals.append(Rival(Root(RootKind.CABLE, cable), why, equal=not said))
    for onu in sorted(lost):
        scene.kills(cause, onu)
        for link in _links(scene, onu):
            scene.take_link(cause, link)


def _together(scene: Scene, onu: str, other: str) -> bool:
    return scene.together(scene.life[onu], scene.life[other])


def _links(scene: Scene, onu: str) -> list[str]:
    return [i for i in scene.net.links_of.get(onu, ()) if scene.net.ledger.links[i].medium is Medium.PON]


def _members(scene: Scene, cable: str) -> set[str]:
    """The ONUs on a cable."""
    links = (scene.net.ledger.links[i] for i in scene.net.ledger.cables.get(cable, ()))
    return {d for k in links for d in (k.a.device, k.z.device) if scene.role(d) is Role.ONU}


def _whole(scene: Scene, cable: str, began: Instant, lost: set[str]) -> bool:
    """Enough of a cable's ONUs are gone. Those that died of their own word or were lost before count neither way."""
    asked = _members(scene, cable) - {d for d in scene.dead if d not in lost}
    before = {d for d in asked - lost if d in scene.life and covers(scene.life[d].spans, began)}
    return len(lost) >= scene.rules.feeder_share * len(asked - before)


def _cable(scene: Scene, cable: str, lost: set[str]) -> None:
    links = [i for onu in lost for i in _links(scene, onu)]
    port = _port(scene, links)
    said = _light(scene, lost)
    if said and port and Condition.LOS not in said:
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
