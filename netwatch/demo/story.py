"""The story: what goes wrong in Yungang, when, and what is true of it. Times are minutes after the beginning.

The first hour is one whole working hour of a NOC: a ring cut twice, a dead node, customers' power, a flapping port,
planned work, a hung agent, a complaint; it ends with everything repaired. The second act is slower: a PON
feeder, and an AAA line out for longer than its contract allows. Then the story begins again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from netwatch.core.model import Root, RootKind
from netwatch.core.time import MINUTE, SECOND, Instant, parse
from netwatch.demo.plant import Act, Verb, undo

BEGINNING: Instant = parse("2026-11-02T09:00:00+08:00")
"""A Monday morning, always the same: crews, calendars and forecasts depend on the hour."""

ROUND = 240
"""Minutes after which the story begins again."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something breaks. `names`: every root that the evidence cannot tell apart; `title`: for the viewer.

    It is over when a crew that NetWatch sent to the right place has worked on it for `fix` minutes, and at the
    latest after `lasts` minutes: power comes back by itself, and the show must go on. No `fix`: nobody can help.
    """

    at: float
    title: str
    act: Act
    names: tuple[Root, ...]
    lasts: float
    fix: float | None = None
    flaps: float | None = None
    """Minutes between the port's changes, when it flaps instead of staying down."""
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Planned work, announced in time; `scope` as the maintenance API takes it. It opens with the trouble it covers."""

    at: float
    title: str
    id: str
    scope: str
    start: float
    end: float
    announced: Instant


@dataclass(frozen=True, slots=True)
class Word:
    """A customer complains about a circuit of which no equipment says anything. A visit of `fix` minutes helps."""

    at: float
    title: str
    circuit: str
    channel: str
    text: str
    fix: float
    lasts: float

    @property
    def names(self) -> tuple[Root, ...]:
        return (Root(RootKind.CIRCUIT, self.circuit),)


@dataclass(frozen=True, slots=True)
class Ailment:
    """A part of a box fails; the line goes on, SNMP has no word for it, and only the box's command line tells."""

    at: float
    title: str
    act: Act
    lasts: float


Beat: TypeAlias = Trouble | Window | Word | Ailment


def _roots(**names: str | tuple[str, ...]) -> tuple[Root, ...]:
    return tuple(
        Root(RootKind(kind), name)
        for kind, given in names.items()
        for name in ((given,) if isinstance(given, str) else given)
    )


STORY: tuple[Beat, ...] = (
    Window(
        0.2,
        "planned: new line card in ACC-2, announced two weeks ago",
        "M-ACC-2",
        "device ACC-2",
        start=13,
        end=25,
        announced=parse("2026-10-19T10:00:00+08:00"),
    ),
    Trouble(
        1.5,
        "an excavator cuts ring cable K-RING-3; every protected line still has its working route",
        Act(Verb.CUT, "K-RING-3"),
        _roots(cable="K-RING-3", link="L-R3"),
        lasts=32,
        fix=14,
    ),
    Ailment(
        2.5,
        "a fan of ACC-4 fails; no MIB of the box tells, its command line does",
        Act(Verb.AIL, "ACC-4 FAN 1"),
        lasts=14,
    ),
    Trouble(
        4,
        "the main board of access node ACC-1 dies",
        Act(Verb.DIE, "ACC-1"),
        _roots(device="ACC-1", power="S-ACC-1"),
        lasts=26,
        fix=8,
    ),
    Trouble(
        7,
        "power fails at a customer's: CPE-15 gasps and is gone",
        Act(Verb.UNPLUG, "CPE-15"),
        _roots(premises="CPE-15", device="CPE-15"),
        lasts=15,
    ),
    Trouble(
        9,
        "a tenant pulls the plug of ONU-08; its PON is fine",
        Act(Verb.UNPLUG, "ONU-08"),
        _roots(premises="ONU-08"),
        lasts=11,
    ),
    Trouble(
        11,
        "a dirty connector: the line to CPE-14 flaps",
        Act(Verb.BREAK, "ACC-4 GigabitEthernet0/0/5"),
        _roots(
            port=("ACC-4 GigabitEthernet0/0/5", "CPE-14 GigabitEthernet0/0/1"),
            link="L-T14",
            cable="K-T14",
            premises="CPE-14",
            device="CPE-14",
        ),
        lasts=5,
        flaps=0.4,
    ),
    Trouble(
        14,
        "the planned work begins: ACC-2 is switched off",
        Act(Verb.DIE, "ACC-2"),
        _roots(device="ACC-2", power="S-ACC-2"),
        lasts=9,
        planned=True,
    ),
    Trouble(
        17,
        "the SNMP agent of CPE-16 hangs; its customer notices nothing",
        Act(Verb.HANG, "CPE-16"),
        _roots(agent="CPE-16"),
        lasts=18,
    ),
    Word(
        20,
        "a customer complains about a line that looks healthy: C-1018",
        "C-1018",
        "10086",
        "voice breaks up since this morning",
        fix=6,
        lasts=25,
    ),
    Trouble(
        22,
        "the ring is cut a second time, K-RING-6: AGG-3 to AGG-5 and all behind them go dark",
        Act(Verb.CUT, "K-RING-6"),
        _roots(cable="K-RING-6", link="L-R6"),
        lasts=24,
        fix=11,
    ),
    Trouble(
        66,
        "the feeder of PON 0/1/0 at East Gate breaks: three ONUs in the dark at once",
        Act(Verb.CUT, "K-PON-1-1"),
        _roots(cable="K-PON-1-1", port="OLT-1 GPON 0/1/0"),
        lasts=45,
        fix=15,
    ),
    Trouble(
        80,
        "the last metres to the hospital, K-T11, burn with a cable shaft; splicing takes more than two hours",
        Act(Verb.CUT, "K-T11"),
        _roots(cable="K-T11", link="L-T11", port="ACC-3 GigabitEthernet0/0/5", premises="CPE-11", device="CPE-11"),
        lasts=135,
        fix=125,
    ),
)


@dataclass(slots=True)
class Happening:
    """A beat that has begun: the truth that NetWatch's words are held against."""

    beat: Trouble | Word
    began: Instant
    ended: Instant | None = None
    over: Instant = 0
    """When it ends at the latest."""

    @property
    def going_on(self) -> bool:
        return self.ended is None


@dataclass(slots=True)
class Truth:
    """All that has happened so far, in order."""

    happenings: list[Happening] = field(default_factory=list)

    def at(self, root: Root) -> Happening | None:
        """What is going on at this root just now."""
        return next((h for h in reversed(self.happenings) if h.going_on and root in h.beat.names), None)


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """One thing to do at one instant."""

    at: Instant
    order: int
    do: Callable[[], None] = field(compare=False)


class Teller:
    """Turns the story into what happens. `do` changes the network.

        teller = Teller(fleet.do, clock())
        teller.hear(lambda beat, how, at: ...)      # how: "begins" or "ends"
        while True:
            teller.play(clock())                    # all that is due
            ...                                     # sleep until teller.next

    It is told the time and never asks for it.
    """

    def __init__(
        self,
        do: Callable[[Act], None],
        start: Instant,
        *,
        story: tuple[Beat, ...] = STORY,
        every: float = ROUND,
        truth: Truth | None = None,
    ) -> None:
        self.truth = Truth() if truth is None else truth
        self._do, self._story, self._every = do, story, every
        self._tell: Callable[[Beat, str, Instant], None] = lambda *_: None
        self._cues: list[Cue] = []
        self._count = 0
        self._begin(start)

    def hear(self, tell: Callable[[Beat, str, Instant], None]) -> None:
        """`tell` hears of every beat as it begins and ends."""
        self._tell = tell

    @property
    def next(self) -> Instant:
        """When something is due. There always is: the story begins again."""
        return min(self._cues).at

    def play(self, now: Instant) -> None:
        """Do all that is due up to `now`, each in its order."""
        while (cue := min(self._cues)).at <= now:
            self._cues.remove(cue)
            cue.do()

    def repaired(self, happening: Happening, at: Instant) -> None:
        """Somebody has mended it."""
        if happening.going_on:
            self._end(happening, at)

    def _begin(self, start: Instant) -> None:
        for beat in self._story:
            at = start + _span(beat.at)
            self._cue(at, lambda beat=beat, at=at: self._start(beat, at))  # type: ignore[misc]
        self._cue(start + _span(self._every), lambda: self._begin(start + _span(self._every)))

    def _start(self, beat: Beat, at: Instant) -> None:
        self._tell(beat, "begins", at)
        if isinstance(beat, Window):
            return
        if isinstance(beat, Ailment):
            over = at + _span(beat.lasts)
            self._do(beat.act)
            self._cue(over, lambda: self._heal(beat, over))
            return
        happening = Happening(beat, at, over=at + _span(beat.lasts))
        self.truth.happenings.append(happening)
        if isinstance(beat, Trouble):
            self._do(beat.act)
            if beat.flaps is not None:
                self._flap(beat.act, at, _span(beat.flaps), happening)
        self._cue(happening.over, lambda: self.repaired(happening, happening.over))

    def _flap(self, act: Act, at: Instant, every: int, happening: Happening) -> None:
        down, there = False, at + every
        while there < happening.over:
            change = act if down else undo(act)
            self._cue(there, lambda change=change: self._do(change) if happening.going_on else None)  # type: ignore[misc]
            down, there = not down, there + every

    def _heal(self, beat: Ailment, at: Instant) -> None:
        self._do(undo(beat.act))
        self._tell(beat, "ends", at)

    def _end(self, happening: Happening, at: Instant) -> None:
        happening.ended = at
        if isinstance(happening.beat, Trouble):
            self._do(undo(happening.beat.act))
        self._tell(happening.beat, "ends", at)

    def _cue(self, at: Instant, do: Callable[[], None]) -> None:
        self._count += 1
        self._cues.append(Cue(at, self._count, do))


def _span(minutes: float) -> int:
    return round(minutes * MINUTE / SECOND) * SECOND
