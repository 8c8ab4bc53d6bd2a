"""What a monitor hears of it: polls each minute, traps that get lost, doubled, late, from clocks that are wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from worlds_plant import Plant
from worlds_trouble import END, T0, Standing, Trouble

from netwatch.core.model import (
    Action,
    Complaint,
    Condition,
    Fact,
    Maintenance,
    Medium,
    Observation,
    Role,
    Scope,
    Source,
    State,
    Tick,
    Vantage,
    Work,
)
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, Instant

POLL = 60 * SECOND

Word = tuple[str, str, Condition]
"""Device, component, condition."""


@dataclass(frozen=True)
class Weather:
    """How badly we hear. Shares of messages."""

    traps_lost: float = 0.1
    clears_lost: float = 0.0
    """Of trap clears, besides."""
    lines_lost: float = 0.0
    doubled: float = 0.05
    late: float = 0.03
    """Traps up to 90 s late."""
    slow: float = 0.0
    """Any line up to 30 s late."""
    wrong_clocks: float = 0.2
    """Share of devices whose clock is hours off."""
    drifting: float = 0.0
    """Share of devices whose clock is set back by minutes while it matters."""


WEATHERS = {
    "fair": Weather(),
    "60 % of the traps lost": Weather(traps_lost=0.6),
    "15 % of all lines lost, others late": Weather(lines_lost=0.15, slow=0.2),
    "a fifth doubled, a sixth up to 90 s late": Weather(doubled=0.2, late=0.17),
    "every clock wrong, a third set back meanwhile": Weather(wrong_clocks=1.0, drifting=0.33),
    "half of the clears lost": Weather(traps_lost=0.3, clears_lost=0.5),
    "all of it at once": Weather(0.3, 0.3, 0.08, 0.2, 0.15, 0.1, 0.5, 0.2),
}


def words(plant: Plant, device: str, now: Standing) -> set[Word]:
    """What is bad by a live agent's own word."""
    known = plant.devices[device]
    out: set[Word] = set()
    pon: dict[str, list[bool]] = {}
    for name in plant.links_of.get(device, ()):
        link = plant.links[name]
        mine = link.a if link.a.device == device else link.z
        if link.medium is Medium.PON:
            lost = now.onu_lost(name)
            pon.setdefault(mine.name, []).append(name in now.dark)
            if lost:
                out.add((device, f"{mine.name}/{link.z.device}", Condition.ONU))
            if mine in now.failed:
                out.add((device, mine.name, Condition.LINK))
        else:
            out |= {(device, mine.name, Condition(word)) for word in now.port(name, mine)}
    if device in plant.port_los:
        out |= {(device, port, Condition.LOS) for port, dark in pon.items() if all(dark)}
    for circuit in plant.circuits.values():
        if circuit.a.device == device and circuit.a.name and circuit.a in now.failed:
            out.add((device, circuit.a.name, Condition.LINK))
    if known.site in now.mains and known.role not in (Role.CPE, Role.ONU):
        out.add((device, "", Condition.MAINS))
    if known.role is Role.TRANSMISSION:
        out.update(_passed_on(plant, device, now))
    return out


def _passed_on(plant: Plant, device: str, now: Standing) -> Iterator[Word]:
    """AIS: the ring port towards what is broken further on, though its own light is fine."""
    for name in plant.links_of[device]:
        far = plant.far(name, device)
        if not now.carries(name) or plant.devices[far].role is not Role.TRANSMISSION:
            continue
        if any(not now.carries(i) for i in plant.links_of[far] if plant.far(i, far) in plant.trunk):
            link = plant.links[name]
            mine = link.a if link.a.device == device else link.z
            yield (device, mine.name, Condition.AIS)


def heard_of(plant: Plant, now: Standing) -> frozenset[Word]:
    """All that a monitor could hear while things stand so: what its devices say, and who is silent."""
    if now.blind:
        return frozenset()
    polled = [d for d, known in plant.devices.items() if known.managed and known.role is not Role.ONU]
    silent = {(d, "", Condition.REACHABLE) for d in polled if d not in now.heard}
    hung = {(d, "", Condition.AGENT) for d in polled if d in now.hung & now.heard}
    spoken = (words(plant, d, now) for d in polled if d in now.heard and d not in now.hung)
    return frozenset(silent.union(hung, *spoken))


class Hearing:
    """All that is heard of some troubles in a plant."""

    def __init__(self, plant: Plant, troubles: Sequence[Trouble], weather: Weather, rng: random.Random) -> None:
        self.plant, self.troubles, self.weather, self.rng = plant, troubles, weather, rng
        cuts = sorted({T0, END, *(m for t in troubles for m in t.moments() if m < END)})
        self.standings = [(at, Standing(plant, troubles, at)) for at in cuts]
        self.clocks = {d: self._clock() for d in plant.devices}
        self.facts: list[Fact] = [Vantage(T0, plant.vantage), Tick(END)]

    def _clock(self) -> int:
        if self.rng.random() < self.weather.wrong_clocks:
            return round(self.rng.choice((-30, -8, -3.5, 0.2, 8, 8760)) * HOUR)
        return self.rng.randrange(-2 * SECOND, 2 * SECOND)

    def all(self) -> list[Fact]:
        self._polls()
        for (_, before), (at, after) in zip(self.standings, self.standings[1:], strict=False):
            self._traps(before, after, at)
        for trouble in self.troubles:
            self._acts(trouble)
        kept = [self._slow(f) for f in self.facts if self._arrives(f)]
        return sorted(kept, key=lambda f: f.at)

    # ------------------------------------------------------------ polls

    def _polls(self) -> None:
        for device, known in self.plant.devices.items():
            if not known.managed or known.role is Role.ONU:
                continue
            at = T0 + self.rng.randrange(POLL)
            bad: set[Word] = set()
            place = 0
            while at < END:
                while place + 1 < len(self.standings) and self.standings[place + 1][0] <= at:
                    place += 1
                bad = self._poll(device, self.standings[place][1], at, bad)
                at += POLL

    def _poll(self, device: str, now: Standing, at: Instant, bad: set[Word]) -> set[Word]:
        """One cycle: ping, then SNMP. Returns what is bad as far as we know."""
        ping = (device, "", Condition.REACHABLE)
        if now.blind or device not in now.heard:
            self._say(at, ping, State.BAD, Source.PING)
            return bad | {ping}
        if ping in bad:
            self._say(at, ping, State.OK, Source.PING)
            bad = bad - {ping}
        snmp = (device, "", Condition.AGENT)
        if device in now.hung:
            self._say(at + SECOND, snmp, State.BAD, Source.POLL)
            return bad | {snmp}
        told = words(self.plant, device, now)
        for word in sorted(told):
            self._say(at + SECOND, word, State.BAD, Source.POLL)
        for word in sorted(bad - told):
            self._say(at + SECOND, word, State.OK, Source.POLL)
        return told

    def _say(self, at: Instant, word: Word, state: State, source: Source, occurred: Instant | None = None) -> None:
        self.facts.append(Observation(at, *word, state, source, occurred))

    # ------------------------------------------------------------ traps

    def _traps(self, before: Standing, after: Standing, at: Instant) -> None:
        for device in after.dead - before.dead:
            self._gasp(device, before, at)
        if after.blind:
            return
        for device, known in self.plant.devices.items():
            if device not in after.heard or not known.managed or known.role is Role.ONU:
                continue
            then = set() if device in before.dead else words(self.plant, device, before)
            now = words(self.plant, device, after)
            if device in before.dead:
                self._trap(at, (device, "", Condition.REBOOT), State.BAD)
                for name in self.plant.links_of[device]:  # as it starts, it tells of each port that comes up
                    link = self.plant.links[name]
                    if link.medium is not Medium.PON and after.carries(name):
                        mine = link.a if link.a.device == device else link.z
                        self._trap(at, (device, mine.name, Condition.LINK), State.OK)
            for word in sorted(now - then):
                self._trap(at, word, State.BAD)
            for word in sorted(then - now):
                self._trap(at, word, State.OK)

    def _gasp(self, device: str, before: Standing, at: Instant) -> None:
        if device not in self.plant.gasps or not any(t.powerless and device in t.dead for t in self.troubles):
            return
        if before.blind:
            return
        if self.plant.devices[device].role is Role.ONU:
            for name in self.plant.links_of[device]:
                link = self.plant.links[name]
                if link.a.device in before.heard and name not in before.dark:
                    word = (link.a.device, f"{link.a.name}/{device}", Condition.DYING_GASP)
                    self._trap(at, word, State.BAD)
        elif device in before.heard:
            self._trap(at, (device, "", Condition.DYING_GASP), State.BAD)

    def _trap(self, at: Instant, word: Word, state: State) -> None:
        weather, rng = self.weather, self.rng
        if rng.random() < weather.traps_lost or (state is State.OK and rng.random() < weather.clears_lost):
            return
        heard = at + round(rng.uniform(0.2, 2.5) * SECOND)
        if rng.random() < weather.late:
            heard += round(rng.uniform(5, 90) * SECOND)
        own = at + self.clocks[word[0]]
        if weather.drifting and random.Random(f"{word[0]}{at // (5 * MINUTE)}").random() < weather.drifting:
            own -= 4 * MINUTE
        occurred = None if word[2] is Condition.DYING_GASP else own // SECOND * SECOND
        source = Source.SYSLOG if rng.random() < 0.2 else Source.TRAP
        self._say(heard, word, state, source, occurred)
        if rng.random() < weather.doubled:
            self._say(heard + rng.randrange(60 * SECOND), word, state, source, occurred)

    # ------------------------------------------------------------ people

    def _acts(self, trouble: Trouble) -> None:
        if trouble.planned:
            scope = tuple(Scope("link", i) for i in trouble.dark)
            start, end = trouble.start - 30 * SECOND, trouble.end + MINUTE
            self.facts.append(Maintenance(T0 + SECOND, "割接-1", T0 - 20 * DAY, start, end, scope))
        if trouble.said:
            self.facts.append(Complaint(trouble.start, trouble.said, "10086"))
            self.facts.append(Work(trouble.end, (trouble.said,), Action.RESTORE, "班组"))

    # ------------------------------------------------------------ the way to us

    def _arrives(self, fact: Fact) -> bool:
        return not isinstance(fact, Observation) or self.rng.random() >= self.weather.lines_lost

    def _slow(self, fact: Fact) -> Fact:
        if isinstance(fact, Observation) and self.rng.random() < self.weather.slow:
            return replace(fact, at=min(END, fact.at + self.rng.randrange(30 * SECOND)))
        return fact
