"""From evidence to causes: the cheapest explanation of everything that is wrong.

`explain` is a pure function of the tracks (what evidence spoke against, and when), the
ledger's graph, the place where we stand and the planned work. It knows nothing of what it
said before: so the order in which things were heard cannot matter, and a parent heard of late
takes its children over simply by being the better explanation of the whole.

How it thinks, from the surest evidence to the least sure:

1. ports without light, routing or permission are broken links, whoever is to blame for them;
2. a device is dead when it said so (dying gasp), or is silent and every neighbour that we can
   hear lost its port to it; a stub with a single uplink looks the same as its cable;
3. silence behind what is broken or dead is explained by that, and by nothing else;
4. silence of (nearly) all that is left is our own blindness;
5. silence that is left still has its cause at the edge of what we can hear;
6. a site's mains failure takes over its dead devices, a shared feed its sites;
7. what remains of broken links is told apart into ports, cables and links by who sees light.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netwatch.core.alarms import Element, Track
from netwatch.core.intervals import FOREVER, Pair, Spans, union
from netwatch.core.model import Condition, Domain, Medium, Role, Root, RootKind, Scope
from netwatch.core.rules import AlarmRules, FaultRules
from netwatch.core.time import Instant, Span
from netwatch.core.topology import Network, Reach

PREMISES = frozenset({Role.CPE, Role.ONU, Role.CONVERTER})
"""What stands at the customer's."""

Part = tuple[str, str]
"""What a circuit needs: ("link", L), ("device", D) or ("port", "DEVICE PORT")."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Planned work, as the explanation needs it: what may be dead on purpose, and when."""

    id: str
    scope: tuple[Scope, ...]
    spans: tuple[tuple[Instant, Instant], ...]


@dataclass(slots=True)
class Cause:
    """One root and all that it explains."""

    root: Root
    domain: Domain
    elements: set[Element] = field(default_factory=set)
    """Tracks that are this cause."""
    explains: set[Element] = field(default_factory=set)
    """Tracks that follow from it."""
    dead: dict[Part, Spans] = field(default_factory=dict)
    """What it takes away from circuits, and when."""
    spans: Spans = field(default_factory=list)
    """When it was in effect."""
    reason: str = ""
    against: str = ""
    confidence: float = 0.9

    @property
    def start(self) -> Instant:
        return self.spans[0][0]

    @property
    def end(self) -> Instant:
        return self.spans[-1][1]

    def covers(self, span: Pair, grace: Span) -> bool:
        """Whether a span of evidence began while the cause was in effect, or hardly later."""
        return any(start <= span[0] <= end + grace for start, end in self.spans)


def explain(
    tracks: Mapping[Element, Track],
    net: Network,
    vantage: str,
    planned: Sequence[Planned],
    rules: FaultRules,
    timing: AlarmRules,
) -> list[Cause]:
    """The causes of everything in `tracks`, ordered by start and root."""
    return _Explanation(tracks, net, vantage, planned, rules, timing).causes()


class _Explanation:
    """One run of the thinking; the fields are what is known so far."""

    def __init__(
        self,
        tracks: Mapping[Element, Track],
        net: Network,
        vantage: str,
        planned: Sequence[Planned],
        rules: FaultRules,
        timing: AlarmRules,
    ) -> None:
        self.tracks = {e: t for e, t in tracks.items() if t.spans}
        self.net, self.vantage, self.planned = net, vantage, planned
        self.rules, self.timing = rules, timing
        self.found: dict[Root, Cause] = {}
        self.broken = {e[1] for e in self.tracks if e[0] in ("link", "admin", "adjacency")}
        self.life = {e[1]: t for e, t in sorted(self.tracks.items()) if e[0] == "device"}
        self.silent = {d: t for d, t in self.life.items() if (d, "", Condition.REACHABLE) in t.signals}
        self.dead: dict[str, Cause] = {}
        """Device → the cause that it died of."""
        self.blind: Cause | None = None
        self._broken_at: dict[Part, Spans] = {}
        self.broken_left = set(self.broken)
        """Broken links that no cause has been found for yet."""

    def causes(self) -> list[Cause]:
        self._mains()
        self._dead_by_word()
        self._dead_by_neighbours()
        self._silence()
        self._rooms()
        self._feeds()
        self._onus()
        self._links()
        self._ports()
        self._agents()
        self._follow()
        for cause in self.found.values():
            self._settle(cause)
        return sorted((c for c in self.found.values() if c.spans), key=lambda c: (c.start, c.root))

    # ------------------------------------------------------------ helpers

    def cause(self, kind: RootKind, name: str, domain: Domain, reason: str, confidence: float = 0.9) -> Cause:
        root = Root(kind, name)
        if root not in self.found:
            self.found[root] = Cause(root, domain, reason=reason, confidence=confidence)
        return self.found[root]

    def role(self, device: str) -> Role | None:
        known = self.net.ledger.devices.get(device)
        return known.role if known else None

    def kills(self, cause: Cause, device: str, spans: Spans | None = None) -> None:
        """A device died of a cause, for all of its silence or for a part of it."""
        self.dead[device] = cause
        element = ("device", device)
        if element in self.tracks:
            cause.elements.add(element)
            cause.dead[element] = list(spans or self.tracks[element].spans)

    def at_premises(self, device: str, reason: str, confidence: float) -> Cause:
        """The cause that is the device itself, named by where it stands."""
        if self.role(device) in PREMISES:
            return self.cause(RootKind.PREMISES, device, Domain.PREMISES, reason, confidence)
        return self.cause(RootKind.DEVICE, device, Domain.EQUIPMENT, reason, confidence)

    def heard(self, device: str) -> bool:
        """Whether a device is polled and answers."""
        return device in self.net.polled and device not in self.life

    def together(self, a: Track, b: Track) -> bool:
        """Whether two tracks can tell of one event: they overlap."""
        slack = self.timing.grace
        return any(s <= f + slack and t <= e + slack for s, e in a.spans for t, f in b.spans)

    def begun_together(self, a: Track, b: Track) -> bool:
        """Whether two tracks can tell of one event that broke both: they began within two polls."""
        slack = self.timing.agreement
        return any(abs(s - t) <= slack for s, _ in a.spans for t, _ in b.spans)

    # ------------------------------------------------------------ 2. dead devices

    def _mains(self) -> None:
        for (kind, site), track in self.tracks.items():
            if kind == "site":
                cause = self.cause(
                    RootKind.POWER, site, Domain.POWER, f"mains failed at site {site}: its own equipment says so"
                )
                cause.elements.add((kind, site))
                cause.spans = list(track.spans)

    def _power_of(self, device: str) -> Cause | None:
        known = self.net.ledger.devices.get(device)
        if known is None or not known.site:
            return None
        cause = self.found.get(Root(RootKind.POWER, known.site))
        return (
            cause if cause and any(self.together(self.tracks[e], self.life[device]) for e in cause.elements) else None
        )

    def _dead_by_word(self) -> None:
        for device, track in self.life.items():
            if not any(key[2] is Condition.DYING_GASP for key in track.signals):
                continue
            cause = self._power_of(device) or (
                self.at_premises(device, f"{device} said that its power is going (dying gasp)", 0.95)
                if self.role(device) in PREMISES
                else self._site_power(device, f"{device} said that its power is going (dying gasp)")
            )
            self.kills(cause, device)

    def _site_power(self, device: str, reason: str) -> Cause:
        known = self.net.ledger.devices.get(device)
        if known is not None and known.site:
            return self.cause(RootKind.POWER, known.site, Domain.POWER, reason, 0.8)
        return self.at_premises(device, reason, 0.8)

    def _dead_by_neighbours(self) -> None:
        for device, track in self.silent.items():
            if device in self.dead:
                continue
            facing = [i for i in self.net.links_of.get(device, ()) if self.heard(self.net.far(i, device))]
            lost = [i for i in facing if i in self.broken and self._light_lost(i, track)]
            if not facing or len(lost) < len(facing):
                continue
            power = self._power_of(device)
            if power is not None:
                self.kills(power, device)
            elif len(facing) > 1 and not self._common_cable(facing):
                why = f"{device} is silent and all {len(facing)} neighbours that answer lost their port to it"
                self.kills(self.at_premises(device, why, 0.9), device)

    def _light_lost(self, link: str, track: Track) -> bool:
        light = self.tracks.get(("link", link))
        return light is not None and self.begun_together(light, track)

    def _common_cable(self, links: Sequence[str]) -> bool:
        cables = [set(self.net.ledger.links[i].cables) for i in links]
        return bool(set.intersection(*cables)) if cables else False

    # ------------------------------------------------------------ 3., 4., 5. silence

    def _silence(self) -> None:
        reach = self._reach()
        left = [d for d in self.silent if d not in self.dead and self._own_silence(reach, d)]
        self._blindness(left)
        left = [d for d in left if self._sighted(d, self.silent[d].spans) and self.silent[d].quarantine is None]
        left = [d for d in left if not self._planned_for(d)]
        # Nearest to us first: what it cuts off needs no cause of its own.
        depth = self.net.depth(self.vantage)
        for device in sorted(left, key=lambda d: (depth.get(d, 1 << 30), self.silent[d].start, d)):
            own = self._sighted(device, self._own_silence(reach, device))
            if not own:
                continue
            power = self._power_of(device)
            why = f"{device} does not answer while everything on the way to it does"
            self.kills(power or self.at_premises(device, why, 0.7), device, own)
            reach = self._reach()

    def _reach(self) -> Reach:
        return Reach(self.net, self.vantage, self.broken, self.dead)

    def _own_silence(self, reach: Reach, device: str) -> Spans:
        """The silence of a device that nothing broken on the way to it accounts for."""
        track = self.silent[device]
        if track.echo:
            return []
        if not reach.cut_off(device):
            return track.spans
        around = [s for part in reach.edge(device) if (s := self._times(part))]
        return [span for span in track.spans if not all(self._accounts(times, span) for times in around)]

    def _times(self, part: Part) -> Spans:
        """When a part was broken."""
        if part not in self._broken_at:
            kind, name = part
            kinds = ("device",) if kind == "device" else ("link", "admin", "adjacency")
            spans = (s for k in kinds if (k, name) in self.tracks for s in self.tracks[(k, name)].spans)
            self._broken_at[part] = union(spans)
        return self._broken_at[part]

    def _accounts(self, cause: Spans, effect: Pair) -> bool:
        """A silence began while the cause was there, or the cause was found soon enough after it began."""
        start, end = effect
        late = self.timing.debounce_window
        return any(s <= end and s - late <= start <= e + self.timing.grace for s, e in cause)

    def _blindness(self, left: Sequence[str]) -> None:
        """When (nearly) all fell silent within two polls, it is we who cannot see."""
        began = sorted((start, d) for d in left for start, _ in self.silent[d].spans)
        best: tuple[int, int, int] = (0, 0, 0)
        behind = 0
        for ahead in range(len(began)):
            while began[ahead][0] - began[behind][0] > self.timing.agreement:
                behind += 1
            best = max(best, (ahead + 1 - behind, -behind, ahead))
        count, first, last = best[0], -best[1], best[2]
        if count:
            fell = {d for _, d in began[first : last + 1]}
            if self._is_blind(fell):
                self._go_blind(fell, began[first][0])

    def _is_blind(self, fell: set[str]) -> bool:
        roots = self.net.vantages(self.vantage)
        if self.vantage in roots and self.vantage in fell and len(fell) > 1:
            return True
        others = self.net.polled - set(roots)
        share = len(fell & others) / len(others) if others else 0.0
        return len(fell) >= self.rules.blind_least and share >= self.rules.blind_share

    def _go_blind(self, fell: set[str], start: Instant) -> None:
        """We see again with the first answer of any of them."""
        cause = self.cause(
            RootKind.MANAGEMENT,
            "",
            Domain.MANAGEMENT,
            f"{len(fell)} of {len(self.net.polled)} devices fell silent at once: we cannot see, which is no outage",
        )
        end = min(e for d in fell for s, e in self.silent[d].spans if s >= start)
        cause.spans = [(start, end)]
        cause.explains = {
            ("device", d)
            for d in self.silent
            if any(start <= s <= end + self.timing.grace for s, _ in self.silent[d].spans)
        }
        self.blind = cause

    def _sighted(self, device: str, silence: Spans) -> Spans:
        """Of a device's silence, what does not fall into our blindness."""
        if self.blind is None or ("device", device) not in self.blind.explains:
            return silence
        return [span for span in silence if not self.blind.covers(span, self.timing.grace)]

    def _planned_for(self, device: str) -> bool:
        """Silence that planned work accounts for belongs to that work."""
        start = self.silent[device].start
        for work in self.planned:
            if not any(s <= start < e for s, e in work.spans):
                continue
            links, devices = scope_parts(work.scope, self.net)
            if device in devices or Reach(
                self.net, self.vantage, self.broken | links, self.dead.keys() | devices
            ).cut_off(device):
                cause = self._planned_cause(work, device, links)
                cause.explains.add(("device", device))
                cause.dead[("device", device)] = list(self.silent[device].spans)
                cause.spans = union([*cause.spans, *self.silent[device].spans])
                return True
        return False

    def _planned_cause(self, work: Planned, device: str, links: set[str]) -> Cause:
        reason = f"planned work {work.id} accounts for it"
        for scope in work.scope:
            if scope.kind in ("cable", "link"):
                return self.cause(RootKind(scope.kind), scope.id, Domain.CABLE, reason, 0.8)
            if scope.kind == "device":
                return self.at_premises(scope.id, reason, 0.8)
        if links:
            return self.cause(RootKind.LINK, min(links), Domain.CABLE, reason, 0.6)
        return self.at_premises(device, reason, 0.6)

    # ------------------------------------------------------------ 6. power

    def _rooms(self) -> None:
        """Every device of a site dead at once: its power, unless each can be explained alone."""
        by_site: dict[str, list[str]] = defaultdict(list)
        for device, cause in self.dead.items():
            known = self.net.ledger.devices.get(device)
            if known and known.site and cause.root.kind in (RootKind.DEVICE, RootKind.PREMISES):
                by_site[known.site].append(device)
        for site, devices in sorted(by_site.items()):
            polled = [d for d in self.net.site_devices[site] if d in self.net.polled]
            if len(devices) < 2 or set(polled) - set(devices):
                continue
            if all(self.role(d) in PREMISES for d in devices):
                continue
            power = self.cause(
                RootKind.POWER, site, Domain.POWER, f"all {len(devices)} devices of site {site} died together", 0.8
            )
            for device in devices:
                self.found.pop(self.dead[device].root, None)
                self.kills(power, device)

    def _feeds(self) -> None:
        """Several sites on one feed without mains: the feed."""
        for feed, sites in sorted(self.net.feed_sites.items()):
            causes = [c for s in sites if (c := self.found.get(Root(RootKind.POWER, s)))]
            failed = [c for c in causes if any(e[0] == "site" for e in c.elements)]
            if len(failed) < 2:
                continue
            whole = self.cause(
                RootKind.POWER, feed, Domain.POWER, f"{len(failed)} sites on feed {feed} lost their mains together"
            )
            for cause in causes:
                del self.found[cause.root]
                whole.elements |= cause.elements
                whole.dead |= cause.dead
                whole.spans = union([*whole.spans, *cause.spans])
                for device, of in list(self.dead.items()):
                    if of is cause:
                        self.dead[device] = whole

    # ------------------------------------------------------------ PON

    def _onus(self) -> None:
        """ONUs that their OLT lost: the feeder when (nearly) all of a cable are gone, else each its own."""
        lost = {
            d: t for d, t in self.life.items() if any(k[2] is Condition.ONU for k in t.signals) and d not in self.dead
        }
        by_cable: dict[str, set[str]] = defaultdict(set)
        for onu in lost:
            for link in self._pon_links(onu):
                for cable in self.net.ledger.links[link].cables:
                    by_cable[cable].add(onu)
        rest = dict(lost)
        for cable, onus in sorted(by_cable.items(), key=lambda kv: (-len(kv[1]), kv[0])):
            onus = onus & rest.keys()
            if len(onus) >= 2 and self._whole_feeder(cable, onus):
                self._feeder(cable, onus)
                for onu in onus:
                    del rest[onu]
        for onu in rest:
            why = f"the OLT lost {onu} alone, its neighbours on the same port are fine"
            self.kills(self._power_of(onu) or self.at_premises(onu, why, 0.7), onu)

    def _pon_links(self, onu: str) -> list[str]:
        return [i for i in self.net.links_of.get(onu, ()) if self.net.ledger.links[i].medium is Medium.PON]

    def _whole_feeder(self, cable: str, lost: set[str]) -> bool:
        """Enough of a cable's ONUs are gone. Those that died of their own word count neither way."""
        on_cable = {
            d
            for link in self.net.ledger.cables.get(cable, ())
            for d in (self.net.ledger.links[link].a.device, self.net.ledger.links[link].z.device)
            if self.role(d) is Role.ONU
        }
        asked = on_cable - {d for d in self.dead if d not in lost}
        return len(lost) >= self.rules.feeder_share * len(asked)

    def _feeder(self, cable: str, onus: set[str]) -> None:
        links = [i for onu in onus for i in self._pon_links(onu)]
        port = self._pon_port(links)
        light = [self.tracks[("link", i)] for i in links if ("link", i) in self.tracks]
        no_los = light and not any(k[2] is Condition.LOS for t in light for k in t.signals)
        if no_los and port:
            cause = self.cause(
                RootKind.PORT,
                port,
                Domain.EQUIPMENT,
                f"all {len(onus)} ONUs lost and the PON port down without loss of light",
            )
        else:
            cause = self.cause(
                RootKind.CABLE,
                cable,
                Domain.CABLE,
                f"{len(onus)} ONUs on cable {cable} lost together: feeder or splitter",
            )
            cause.against = f"the PON port {port} would look alike" if port else ""
        for onu in sorted(onus):
            self.kills(cause, onu)
        for link in links:
            self._take_link(cause, link)

    def _pon_port(self, links: Sequence[str]) -> str:
        ports = {
            str(end)
            for i in links
            for end in (self.net.ledger.links[i].a, self.net.ledger.links[i].z)
            if self.role(end.device) is not Role.ONU
        }
        return ports.pop() if len(ports) == 1 else ""

    # ------------------------------------------------------------ 7. links

    def _take_link(self, cause: Cause, link: str) -> None:
        """A broken link belongs to a cause."""
        spans: Spans = []
        for kind in ("link", "admin", "adjacency"):
            track = self.tracks.get((kind, link))
            if track is not None:
                cause.elements.add((kind, link))
                spans = union([*spans, *track.spans])
        if spans:
            cause.dead[("link", link)] = spans
        self.broken_left.discard(link)

    def _links(self) -> None:
        for link in sorted(self.broken_left):
            self._fold_into_dead(link)
        for link in sorted(self.broken_left):
            if ("link", link) not in self.tracks:
                self._configured(link)
        self._cables()
        for link in sorted(self.broken_left):
            self._single(link)

    def _fold_into_dead(self, link: str) -> None:
        ends = self.net.ledger.links[link]
        for device in (ends.a.device, ends.z.device):
            cause = self.dead.get(device)
            if cause is None or ("device", device) not in self.tracks:
                continue
            mine = self.tracks[("device", device)]
            if any(
                self.together(self.tracks[(k, link)], mine) for k in ("link", "adjacency") if (k, link) in self.tracks
            ):
                self._take_link(cause, link)
                return

    def _configured(self, link: str) -> None:
        """Light is there; an operator or a protocol took the link away."""
        admin = self.tracks.get(("admin", link))
        if admin is not None:
            device, component, _ = min(admin.signals)
            where = f"{device} {component}"
            cause = self.cause(RootKind.PORT, where, Domain.CONFIGURATION, f"{where} was taken down by an operator")
        else:
            cause = self.cause(
                RootKind.LINK, link, Domain.CONFIGURATION, f"routing over {link} is lost while its ports have light"
            )
        self._take_link(cause, link)

    def _cables(self) -> None:
        """One cable for several broken links, if that is cheaper than several causes."""
        while True:
            best: tuple[float, int, str] | None = None
            for cable in sorted({c for i in self.broken_left for c in self.net.ledger.links[i].cables}):
                members = [i for i in self.net.ledger.cables[cable] if i in self.broken_left]
                if len(members) < 2 or not self._simultaneous(members):
                    continue
                fine = self._fine(cable)
                gain = (len(members) - 1) * self.rules.cost["cable"] - self.rules.missing * fine
                if gain > 0 and (best is None or (-gain, -len(members), cable) < best):
                    best = (-gain, -len(members), cable)
            if best is None:
                return
            cable = best[2]
            members = [i for i in self.net.ledger.cables[cable] if i in self.broken_left]
            cause = self.cause(
                RootKind.CABLE,
                cable,
                Domain.CABLE,
                f"{len(members)} links through cable {cable} lost light together",
                0.95,
            )
            for link in members:
                self._take_link(cause, link)

    def _simultaneous(self, links: Sequence[str]) -> bool:
        tracks = [self.tracks[("link", i)] for i in links if ("link", i) in self.tracks]
        return all(self.begun_together(tracks[0], t) for t in tracks[1:])

    def _fine(self, cable: str) -> int:
        """Links through a cable that somebody whom we hear would have reported, and did not."""
        fine = 0
        for i in self.net.ledger.cables[cable]:
            link = self.net.ledger.links[i]
            if i not in self.broken and (self.heard(link.a.device) or self.heard(link.z.device)):
                fine += 1
        return fine

    def _single(self, link: str) -> None:
        ends = self.net.ledger.links[link]
        track = self.tracks[("link", link)]
        dark = self._dark_port(link, track)
        if dark:
            cause = self.cause(
                RootKind.PORT,
                dark,
                Domain.EQUIPMENT,
                f"the far end of {link} sees no light from {dark}, which still receives",
            )
            cause.against = f"link {link} and its fibre pair would explain it too"
        elif ends.cables:
            own = min(ends.cables, key=lambda c: (self._fine(c), ends.cables.index(c)))
            cause = self.cause(
                RootKind.CABLE, own, Domain.CABLE, f"link {link} lost light; cable {own} carries it", 0.8
            )
            others = [c for c in ends.cables if c != own]
            cause.against = f"also through {', '.join(others)}" if others else ""
        else:
            cause = self.cause(RootKind.LINK, link, Domain.CABLE, f"link {link} is down", 0.8)
        self._take_link(cause, link)

    def _dark_port(self, link: str, track: Track) -> str:
        """The port whose transmitter died: its far end lost light, itself it is down and still receives."""
        ends = self.net.ledger.links[link]
        said: dict[str, set[Condition]] = defaultdict(set)
        for device, _, condition in track.signals:
            said[device].add(condition)
        for mine, other in ((ends.a, ends.z), (ends.z, ends.a)):
            if (
                Condition.LOS in said[other.device]
                and Condition.LINK in said[mine.device]
                and Condition.LOS not in said[mine.device]
            ):
                return str(mine)
        return ""

    def _ports(self) -> None:
        for (kind, where), track in self.tracks.items():
            if kind == "port":
                device = where.partition(" ")[0]
                premises = self.role(device) in PREMISES
                domain = Domain.PREMISES if premises else Domain.EQUIPMENT
                cause = self.cause(RootKind.PORT, where, domain, f"the customer's port {where} is down", 0.8)
                cause.elements.add((kind, where))
                cause.dead[(kind, where)] = list(track.spans)

    def _agents(self) -> None:
        for (kind, device), track in self.tracks.items():
            if kind == "agent" and not (device in self.life and self.together(track, self.life[device])):
                cause = self.cause(
                    RootKind.AGENT, device, Domain.MANAGEMENT, f"{device} answers ping, its SNMP agent does not"
                )
                cause.elements.add((kind, device))
                cause.spans = list(track.spans)

    # ------------------------------------------------------------ 3. who follows from whom

    def _follow(self) -> None:
        """Silence that is cut off follows from what cuts it off."""
        owner: dict[Part, Cause] = {}
        began: dict[Root, Instant] = {}
        for cause in self.found.values():
            began[cause.root] = min((s for p in cause.dead.values() for s, _ in p), default=FOREVER)
            for part in cause.dead:
                owner[part] = cause
        reach = self._reach()
        for device, track in self.silent.items():
            if device in self.dead or (self.blind and ("device", device) in self.blind.explains):
                continue
            causes = {owner[e].root: owner[e] for e in reach.edge(device) if e in owner}
            begun = [c for c in causes.values() if began[c.root] <= track.end]
            if begun:
                last = max(begun, key=lambda c: (began[c.root], c.root))
                last.explains.add(("device", device))

    def _settle(self, cause: Cause) -> None:
        """When a cause was in effect, and from which evidence on what it takes away was gone."""
        spans = union([*cause.spans, *(s for p in cause.dead.values() for s in p)])
        if not spans:
            cause.spans = []
            return
        start = spans[0][0]
        hints = [
            t.start
            for e in cause.explains
            if (t := self.tracks.get(e)) and start - self.timing.agreement <= t.start < start
        ]
        if hints:
            start = min(hints)
            spans = union([*spans, (start, spans[0][1])])
            for part, pairs in cause.dead.items():
                if pairs and pairs[0][0] <= spans[0][0] + self.timing.agreement:
                    cause.dead[part] = union([(start, pairs[0][1]), *pairs[1:]])
        cause.spans = spans


def scope_parts(scope: Iterable[Scope], net: Network) -> tuple[set[str], set[str]]:
    """The links and devices that planned work on these things may take down."""
    links: set[str] = set()
    devices: set[str] = set()
    for item in scope:
        if item.kind == "link":
            links.add(item.id)
        elif item.kind == "cable":
            links |= set(net.ledger.cables.get(item.id, ()))
        elif item.kind == "device":
            devices.add(item.id)
        elif item.kind == "site":
            devices |= set(net.site_devices.get(item.id, ()))
    for device in devices:
        links |= set(net.links_of.get(device, ()))
    return links, devices
