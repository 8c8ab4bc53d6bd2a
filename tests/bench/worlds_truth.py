"""One world: a plant, what broke in it, what was heard of it, and every root that what was heard cannot tell apart."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from worlds_books import with_errors
from worlds_plant import Plant, draw
from worlds_symptoms import POLL, Hearing, Weather, heard_of
from worlds_trouble import END, KINDS, Pairs, Standing, Trouble, break_something

from netwatch.core.intervals import union
from netwatch.core.model import Condition, Fact, Ledger, Medium, Observation, State
from netwatch.core.time import MINUTE

Root = tuple[str, str]


@dataclass
class World:
    """A night that nobody has seen before."""

    name: str
    plant: Plant
    ledger: Ledger
    troubles: list[Trouble]
    facts: list[Fact]
    blurred: set[str]
    """Links of which the ledger tells something wrong."""
    states: dict[str, dict[str, Pairs]]
    """`down` and `exposed` → circuit → when."""
    standings: list[tuple[int, Standing]]
    """From when on everything stood how."""


def make(shape: str, kinds: Sequence[str], seed: int, weather: Weather, errors: tuple[str, ...] = ()) -> World:
    """A world of a shape with troubles of these kinds. LookupError or ValueError when the plant has none of a kind."""
    rng = random.Random(f"{shape} {kinds} {seed}")
    plant = draw(shape, seed)
    troubles = [t for kind in kinds for t in break_something(plant, kind, rng)]
    hearing = Hearing(plant, troubles, weather, rng)
    facts = hearing.all()
    ledger, blurred = with_errors(plant.ledger, errors, rng)
    name = f"{shape}: {' + '.join(kinds)} #{seed}" + (f" [{', '.join(errors)}]" if errors else "")
    world = World(name, plant, ledger, troubles, facts, blurred, _states(plant, troubles), hearing.standings)
    named = [root for truth in truths(world) for root in truth.accept]
    rooms = [room for t in troubles for room in {*t.mains, *(plant.devices[d].site for d in t.dead)}]
    if len(named) > len(set(named)) or len(rooms) > len(set(rooms)):
        raise LookupError("two troubles of one place: nobody could tell them apart")
    return world


def _states(plant: Plant, troubles: Sequence[Trouble]) -> dict[str, dict[str, Pairs]]:
    """`down` and `exposed` → circuit → when, by these troubles."""
    states: dict[str, dict[str, Pairs]] = {"down": {}, "exposed": {}}
    cuts = sorted({END, *(m for t in troubles for m in t.moments() if m < END)})
    for at, until in pairwise(cuts):
        standing = Standing(plant, troubles, at)
        for circuit in plant.circuits:
            state = standing.circuit(circuit)
            if state in states:
                spans = states[state].setdefault(circuit, [])
                states[state][circuit] = union([*spans, (at, until)])
    for pair in sorted(pair for t in troubles for pair in t.blind):
        for circuits in states.values():
            for circuit, spans in circuits.items():
                circuits[circuit] = _as_seen(spans, pair)
    for t in troubles:
        if t.said and not _seen_anyway(states, t):
            states["down"][t.said] = union([*states["down"].get(t.said, ()), (t.start, t.end)])
    return states


def _seen_anyway(states: dict[str, dict[str, Pairs]], t: Trouble) -> bool:
    """A customer's word about an outage that monitoring sees belongs to that outage, and ends with it."""
    return any(s < t.end + MINUTE and e > t.start - 10 * MINUTE for s, e in states["down"].get(t.said, ()))


def _as_seen(spans: Pairs, blind: tuple[int, int]) -> Pairs:
    """What began while nobody could see was there for us once we saw again, if it still was and long enough to count;
    what ended meanwhile, was found to be over then."""
    out = []
    for start, end in spans:
        if blind[0] <= start < blind[1]:
            start = blind[1]
            if end - start < 2 * POLL:
                continue
        out.append((start, blind[1] if blind[0] < end < blind[1] else end))
    return out


def several(shape: str, seed: int, count: int) -> tuple[str, ...]:
    """Up to so many kinds of trouble that a plant of this shape and seed can have in a night, each at its own place."""
    kinds: tuple[str, ...] = ()
    for kind in random.Random(f"{shape} {seed}").sample(list(KINDS), len(KINDS)):
        try:
            make(shape, (*kinds, kind), seed, Weather())
        except (LookupError, ValueError):
            continue
        kinds = (*kinds, kind)
        if len(kinds) == count:
            break
    return kinds


# ---------------------------------------------------------------- what cannot be told apart


@dataclass(frozen=True)
class Truth:
    trouble: Trouble
    accept: frozenset[Root]
    domains: frozenset[str]
    blurred: bool
    """The ledger is wrong about what broke: several reports of one trouble are no error of the engine."""
    hidden: bool
    """Nobody could see it."""


def truths(world: World) -> list[Truth]:
    return [_Evidence(world, t).truth() for t in world.troubles]


class _Evidence:
    """What was heard in the time of a trouble, and what it leaves open."""

    def __init__(self, world: World, trouble: Trouble) -> None:
        self.world, self.plant, self.trouble = world, world.plant, trouble
        span = (trouble.start, trouble.end + 3 * POLL)
        self.heard = {
            (f.device, f.component, f.condition)
            for f in world.facts
            if isinstance(f, Observation) and f.state is State.BAD and span[0] <= f.at < span[1]
        }
        self.accept: set[Root] = {(trouble.root.kind, trouble.root.id)}
        self.domains = {trouble.domain}
        begun = [s for at, s in world.standings if trouble.start <= at < trouble.end]
        self.in_hearing: set[str] = set().union(*(s.heard for s in begun))
        """Devices that answered at some time of it."""
        self.in_hearing_after = begun[0].heard if begun else set()
        """…from its beginning on."""
        self.before = next((s for at, s in reversed(world.standings) if at < trouble.start), None)
        """How everything stood until then."""

    def truth(self) -> Truth:
        t = self.trouble
        kind = t.kind
        for link in t.dark:
            self._like_links(t.dark)
            self._like_stub(link)
        for port in [*t.mute, *t.shut, *t.failed]:
            for link in self.plant.links_of.get(port.device, ()):
                ends = self.plant.links[link]
                if port in (ends.a, ends.z):
                    self._like_port(link, kind)
        for link in t.unrouted:
            ends = self.plant.links[link]
            self.accept |= {("port", str(ends.a)), ("port", str(ends.z))}
        if kind in ("device", "premises", "onu"):
            self._like_its_cable(t.root.id)
        if kind in ("site power", "feed"):
            self._like_mute_room()
        if kind == "flapping":
            (link,) = t.dark
            ends = self.plant.links[link]
            self.accept |= {("port", str(ends.a)), ("port", str(ends.z)), ("device", ends.z.device)}
            self.accept.add(("premises", ends.z.device))
            self.domains |= {"equipment", "premises"}
        touched = {*t.dark, *t.unrouted, *(i for d in t.dead for i in self.plant.links_of.get(d, ()))}
        for port in (*t.mute, *t.failed, *t.shut):
            touched |= set(self.plant.links_of.get(port.device, ()))
        blurred = bool(touched & self.world.blurred)
        if blurred:
            self.accept |= self._anything_near(touched)
            self.domains |= {"cable", "equipment", "premises", "power"}
        return Truth(t, frozenset(self.accept), frozenset(self.domains), blurred, self._hidden())

    def _hidden(self) -> bool:
        """Whether (nearly) all that could be heard would have been heard without it, too: a cut hides a second one
        behind it."""
        t = self.trouble
        if t.said:
            return _seen_anyway(_states(self.plant, [other for other in self.world.troubles if other is not t]), t)
        if t.blind:
            return False
        others = [other for other in self.world.troubles if other is not t]
        seen = 0
        for (at, standing), (until, _) in pairwise([*self.world.standings, (END, None)]):
            if standing is not None and at < t.end and until > t.start and seen < 3 * POLL:
                without = heard_of(self.plant, Standing(self.plant, others, at))
                if heard_of(self.plant, standing) != without:
                    seen += min(until, t.end) - max(at, t.start)
        return seen < 3 * POLL

    def _like_links(self, dark: Iterable[str]) -> None:
        links = {i: self.plant.links[i] for i in dark}
        seen = [i for i, k in links.items() if {k.a.device, k.z.device} & self.in_hearing]
        if len(seen) <= 1:  # of what lies behind it nobody could tell
            for name in seen or links:
                self.accept |= {("link", name), *(("cable", c) for c in self.plant.links[name].cables)}
        else:
            cables = self.plant.ledger.cables
            self.accept |= {("cable", c) for c, members in cables.items() if set(members) == set(links)}
        if any(k.medium is Medium.PON for k in links.values()):
            self._like_pon(set(links))

    def _like_pon(self, dark: set[str]) -> None:
        """A branch with one ONU looks like its ONU; all branches like the port, unless it told of its light."""
        onus = {self.plant.links[i].z.device for i in dark}
        ports = {self.plant.links[i].a for i in dark}
        if len(onus) == 1:
            self.accept |= {("premises", d) for d in onus}
            self.domains.add("premises")
        for port in ports:
            of_port = {i for i, k in self.plant.links.items() if k.a == port}
            if dark >= of_port and (port.device, port.name, Condition.LOS) not in self.heard:
                self.accept.add(("port", str(port)))
                self.domains.add("equipment")

    def _like_stub(self, link: str) -> None:
        """Behind a converter that nobody asks, its death looks like its fibre."""
        ends = self.plant.links[link]
        for device in (ends.a.device, ends.z.device):
            if not self.plant.devices[device].managed:
                self.accept |= {("device", device), ("premises", device)}
                self.domains.add("premises")

    def _like_port(self, link: str, kind: str) -> None:
        ends = self.plant.links[link]
        if kind == "pon port":
            if (ends.a.device, ends.a.name, Condition.LINK) not in self.heard:
                self.accept |= {("cable", c) for c in ends.cables[:1]}
                self.domains.add("cable")
            return
        if kind == "card":
            if self.trouble.root.id not in self.in_hearing_after:
                self._like_its_cable(self.trouble.root.id)
            return
        self.accept |= {("link", link), ("port", str(ends.a)), ("port", str(ends.z))}
        mine = {(e.device, e.name, c) for e in (ends.a, ends.z) for c in (Condition.LINK, Condition.LOS)} & self.heard
        taken_down = any(
            c is Condition.ADMIN and (d, p) in ((e.device, e.name) for e in (ends.a, ends.z)) for d, p, c in self.heard
        )
        if (kind == "transceiver" and len(mine) < 3) or (kind == "shut port" and not taken_down):  # of one end alone
            self.accept |= {("cable", c) for c in ends.cables}
            self.domains |= {"cable"}

    def _like_its_cable(self, device: str) -> None:
        """A death that nobody announced, with one neighbour that answers, looks like the cable between them."""
        if any(c is Condition.DYING_GASP and (d == device or p.endswith(f"/{device}")) for d, p, c in self.heard):
            return
        near = [
            i
            for i in self.plant.links_of[device]
            if self.plant.far(i, device) in self.in_hearing and (self.before is None or self.before.carries(i))
        ]
        shared = set.intersection(*(set(self.plant.links[i].cables) for i in near)) if near else set()
        if len(near) == 1 or shared:
            self.accept |= {("cable", c) for c in shared} | {("link", i) for i in near}
            self.domains |= {"cable"}
        for i in self.plant.links_of[device]:  # also the box between, and what lies before it
            box = self.plant.far(i, device)
            if not self.plant.devices[box].managed:
                before = [k for k in self.plant.links_of[box] if k != i]
                self.accept |= {("premises", box), ("device", box), *(("link", k) for k in (i, *before))}
                self.accept |= {("cable", c) for k in before for c in self.plant.links[k].cables}
                self.domains |= {"cable"}

    def _like_mute_room(self) -> None:
        """Of rooms that died without a word about their power only the death is known."""
        t = self.trouble
        sites = set(t.mains)
        spoke = {
            self.plant.devices[d].site for d, _, c in self.heard if c in (Condition.MAINS, Condition.DYING_GASP)
        } & sites
        if len(spoke) < 2:
            self.accept |= {("power", s) for s in sites}
            self.accept |= {("power", self.plant.sites[s].power_feed) for s in sites}
        if not spoke:
            for device in t.dead:
                self.accept |= {("device", device)}
                self.domains |= {"equipment"}
                self._like_its_cable(device)

    def _anything_near(self, links: Iterable[str]) -> set[Root]:
        out: set[Root] = set()
        for name in links:
            link = self.plant.links[name]
            out |= {("link", name), ("link", f"{name}-副本"), *(("cable", c) for c in link.cables)}
            for end in (link.a, link.z):
                site = self.plant.devices[end.device].site
                out |= {("port", str(end)), ("port", f"{end}99"), ("device", end.device), ("premises", end.device)}
                out |= {("power", site)}
        return out
