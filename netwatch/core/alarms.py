"""What equipment says, kept as evidence.

Two views of the same messages:

* a **signal** for each (device, component, condition): what was last said, since when, how
  often. Signals become the alarms that people see.
* a **track** for each thing in the ledger that can fail (a link, a device, a site's mains, an
  agent): the times at which evidence spoke against it. Tracks are what faults are explained
  with and what clocks are counted from.

A link is down as its *latest* message says, from whichever end: both ends see one light, and
the clear of one end may be lost. A device is back with the first sign of life from it or from
a port facing it. What was said late or twice (the equipment's own clock tells, for messages of
one port), changes nothing; what was kept until it was over tells of then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log2
from typing import TypeAlias

from netwatch.core.intervals import FOREVER, Pair
from netwatch.core.model import AlarmState, Condition, Observation, Source, State
from netwatch.core.rules import AlarmRules, FlapRules
from netwatch.core.senders import Senders
from netwatch.core.time import Instant
from netwatch.core.topology import Network
from netwatch.core.turns import BORNE_OUT, Habits, Key, Turns

Element: TypeAlias = tuple[str, str]
"""Kind and id: ("link", L) light, ("adjacency", L) routing, ("admin", L) taken down, ("ais", L) a defect
passed on from beyond, ("rdi", L) the word from beyond that nothing arrives there, ("device", D) life,
("site", S) mains, ("agent", D) SNMP, ("port", "DEVICE PORT") a customer's port. ("link?", "DEVICE PORT"), and so
on: some link of a device that has links of unknown ports."""

_LINK = {
    Condition.LINK: "link",
    Condition.LOS: "link",
    Condition.AIS: "ais",
    Condition.RDI: "rdi",
    Condition.HARDWARE: "link",
    Condition.ADMIN: "admin",
    Condition.ADJACENCY: "adjacency",
}
_PASSED_ON = frozenset({Condition.AIS, Condition.RDI})
_LIFE = frozenset({Condition.REACHABLE, Condition.DYING_GASP, Condition.ONU})
VERDICTS = frozenset({Condition.REACHABLE, Condition.AGENT})
MESSAGES = frozenset({Source.TRAP, Source.SYSLOG})
_ASKED = frozenset({Source.POLL, Source.PING})
_ANSWERS = frozenset({Condition.REACHABLE, Condition.LOSS})


@dataclass(slots=True)
class Signal:
    """The latest word on one condition."""

    state: State
    since: Instant
    heard: Instant
    source: Source
    raised: Instant
    cleared: Instant | None = None
    count: int = 0
    turns: Turns = field(default_factory=Turns)
    doubted: Instant = 0
    """When polling last said something that may be old: more of it may be under way."""
    penalty: float = 0.0
    """Of its raises, as it stood at the last one."""
    flapping: bool = False
    alarm: AlarmState = AlarmState.PENDING
    fault: str = ""
    """The fault that explains it."""

    def penalise(self, at: Instant, rules: FlapRules) -> None:
        """It was raised once more."""
        faded = self.penalty * 2.0 ** ((self.raised - at) / rules.half_life)
        self.penalty = min(faded + rules.each, rules.ceiling)
        self.flapping = self.flapping or self.penalty >= rules.suppress

    def calm(self, rules: FlapRules) -> Instant:
        """From when on a flap is over, if nothing is raised before."""
        return self.raised + round(rules.half_life * max(0.0, log2(self.penalty / rules.reuse)))


@dataclass(slots=True)
class Track:
    """When evidence spoke against one element. The last span may be open."""

    spans: list[Pair] = field(default_factory=list)
    signals: dict[Key, list[Pair]] = field(default_factory=dict)
    """Who said so, and from when to when: the clear of one may be lost, and another's end the span."""
    words: list[Instant] = field(default_factory=list)
    """When its device itself said that its power is going; the first word of each span."""
    past: list[Pair] = field(default_factory=list)
    """When it was silent on another's account: that tells of no trouble of its own, but nobody heard it then."""
    quarantine: Instant | None = None
    """A cause that explained the open span ended here: it must be said again to count on."""
    inferred: Instant | None = None
    """It was found alive by others here, not by its own answer: stragglers may still deny it."""
    echo: bool = False
    """All of it followed from something else, and is over."""

    @property
    def open(self) -> bool:
        return bool(self.spans) and self.spans[-1][1] == FOREVER

    @property
    def start(self) -> Instant:
        return self.spans[0][0]

    @property
    def end(self) -> Instant:
        """When it was last good again; FOREVER while it is not."""
        return self.spans[-1][1]

    def lay_aside(self, until: Instant) -> None:
        """What was over by then belongs to a closed case; what goes on has another reason."""
        self.past += [span for span in self.spans if span[1] <= until]
        self.spans = [span for span in self.spans if span[1] > until]

    def say(self, key: Key, at: Instant) -> bool:
        """A signal speaks against it; False when it does so already."""
        said = self.signals.setdefault(key, [])
        if said and said[-1][1] == FOREVER:
            return False
        said.append((at, FOREVER))
        return True

    def recall(self, key: Key) -> bool:
        """A signal spoke against it in its last span; False when that is known."""
        said = self.signals.setdefault(key, [])
        if said and said[-1][1] > self.spans[-1][0]:
            return False
        said.append(self.spans[-1])
        return True

    def unsay(self, key: Key, at: Instant) -> None:
        """A signal does not speak against it any more."""
        said = self.signals.get(key)
        if said and said[-1][1] == FOREVER:
            said[-1] = (said[-1][0], at)

    def claim(self, at: Instant) -> bool:
        """Its device itself says so; False when it has said it already."""
        if not self.open or (self.words and self.words[-1] >= self.spans[-1][0]):
            return False
        self.words.append(at)
        return True

    def fail(self, at: Instant) -> None:
        self.spans.append((at, FOREVER))
        self.quarantine = None
        self.echo = False

    def recover(self, at: Instant, *, by_itself: bool = True) -> None:
        start, _ = self.spans[-1]
        self.inferred = None if by_itself else at
        self.spans[-1] = (start, at)
        self.quarantine = None
        if at <= start:
            del self.spans[-1]


@dataclass(slots=True)
class Heard:
    """What one observation changed."""

    key: Key | None = None
    """The signal that changed its state, or who speaks for it."""
    elements: tuple[Element, ...] = ()
    """The tracks that changed."""
    material: bool = False
    """Whether the fact is needed to rebuild what we know."""
    verdict: bool = False
    """Whether it tells how a device as a whole stands."""


@dataclass(slots=True)
class Evidence:
    """All signals and tracks. Mutable: the engine owns it."""

    signals: dict[Key, Signal] = field(default_factory=dict)
    tracks: dict[Element, Track] = field(default_factory=dict)
    senders: Senders = field(default_factory=Senders)
    answers: dict[str, list[Instant]] = field(default_factory=dict)
    """Device → when it gave a good answer while its circuits were in trouble."""
    habits: Habits = field(default_factory=Habits)

    def hear(self, said: Observation, net: Network, rules: AlarmRules) -> Heard:
        """Take one observation in."""
        component = net.spelled(said.device, said.component)
        key = (said.device, component, said.condition)
        heard = Heard()
        if said.occurred is not None and said.source not in _ASKED and self._old(key, said, net, rules, heard):
            return heard
        if said.state is State.OK and said.condition in _ANSWERS and self.tracks:
            self._answer(said.device, said.at, heard)
        signal, at = self.signals.get(key), said.at
        asked = said.source in _ASKED
        if asked and said.state is State.BAD:
            signal = signal or self._cleared_before(key, said, rules, heard)
        if signal is not None and asked and said.state is State.BAD:
            self.learn(said.at, rules)
            first = self._first_said(key, signal, said.at, net, rules)
            if first is None:
                signal.turns.hear(said.at, bad=True)
                signal.doubted = said.at
                heard.material = True
                return heard
            at = first
        if signal is None or signal.state is not said.state:
            self._turn(key, signal, said, at, rules, heard)
        else:
            self._again(key, signal, said, rules, heard)
        if signal is None and said.state is State.OK and said.source not in MESSAGES:
            heard.material = self.habits.praised(key, said.at) or heard.material
        if asked and (signal := self.signals.get(key)) is not None:
            signal.turns.hear(said.at, said.state is State.BAD)
            if heard.material:
                self.learn(said.at, rules)
                self.habits.fresh.add(key)
                self.habits.heard = said.at
        if said.state is not State.UNKNOWN:
            self._judge(said, at, key, net, rules, heard)
        return heard

    def _old(self, key: Key, said: Observation, net: Network, rules: AlarmRules, heard: Heard) -> bool:
        """Whether a message tells of before, by its sender's clock."""
        elements = self.elements(key, net)
        tracks = [track for element in elements if (track := self.tracks.get(element)) is not None and track.spans]
        lately = [track.spans[-1] for track in tracks] if len(tracks) == len(elements) else []
        if self.senders.kept(key, said, lately, rules):
            # Should it be true still, polls will repeat it. Of then it tells who saw what.
            heard.elements = tuple(e for e, track in zip(elements, tracks, strict=True) if track.recall(key))
            heard.material = bool(heard.elements)
            return True
        if said.occurred is not None and self.senders.overtaken(key, said.occurred, said, rules):
            return True
        heard.material = True  # by what it said of its own clock the next one is judged
        return False

    def learn(self, now: Instant, rules: AlarmRules) -> None:
        """Take over what the words of the last instant show of polling; not one by one, for they have no order."""
        if now <= self.habits.heard:
            return
        for key in sorted(self.habits.fresh):
            if (signal := self.signals.get(key)) is not None:
                self.habits.learn(key, signal.turns, rules)
        self.habits.fresh.clear()

    def _first_said(self, key: Key, signal: Signal, at: Instant, net: Network, rules: AlarmRules) -> Instant | None:
        """Since when polling says what it says now; None: it may be an old word, from before a recovery, that comes
        late or twice.

        It carries no time of its own. But polling that found a thing bad again says so at its next turns, too.
        """
        good = signal.since if signal.state is State.OK else self._recovered(key, net)
        if good is not None and not self.habits.praises:
            good = max(good, signal.turns.well)
        beat = self.habits.usual(key, signal.turns, rules)
        if good is None or not beat or not (self.habits.repeated or signal.turns.out_of_turn(at, beat)):
            return at
        line = signal.turns.in_line(at, good, beat)
        # While an outage that ended is not over for good, it must become plain whether it goes on.
        doubtful = at - good < min(rules.reorder, rules.stability - (BORNE_OUT - 1) * beat)
        return None if doubtful and len(line) < BORNE_OUT else line[-1]

    def _cleared_before(self, key: Key, said: Observation, rules: AlarmRules, heard: Heard) -> Signal | None:
        """The signal of bad news that its clear has overtaken."""
        well = self.habits.well(key)
        if well is None or said.at - well >= rules.reorder:
            return None
        heard.key = key
        self.signals[key] = Signal(State.OK, well, said.at, said.source, well, well, 1)
        return self.signals[key]

    def _recovered(self, key: Key, net: Network) -> Instant | None:
        """When others showed that what a signal still calls bad is well, or that what explained it is over; None while
        nobody did."""
        tracks = [t for element in self.elements(key, net) if (t := self.tracks.get(element)) is not None and t.spans]
        ends = [t.quarantine if t.open else t.end for t in tracks]
        return max((end for end in ends if end is not None), default=None) if None not in ends else None

    def _again(self, key: Key, signal: Signal, said: Observation, rules: AlarmRules, heard: Heard) -> None:
        """The same once more: a lost clear shows by who does not say it any more."""
        if said.source in _ASKED:
            if said.state is State.BAD and signal.source is not said.source:
                signal.source, heard.key = said.source, key
            if not signal.turns.bad and said.state is not State.BAD:
                return
        elif said.state is not State.BAD or said.at - signal.heard < rules.debounce:
            return
        signal.heard = said.at
        heard.material = True

    def _turn(
        self, key: Key, signal: Signal | None, said: Observation, at: Instant, rules: AlarmRules, heard: Heard
    ) -> None:
        """A signal changes its state, as of an instant."""
        if signal is None:
            if said.state is State.OK and said.condition is not Condition.REBOOT:
                # First sight of something fine is no news, but of a device that answers.
                heard.verdict = said.condition in VERDICTS and not said.component
                return
            signal = self.signals[key] = Signal(said.state, at, at, said.source, at)
        if said.state is State.BAD:
            signal.count += 1
            signal.penalise(at, rules.flap)
            signal.cleared = None
            signal.raised = at
        elif said.state is State.OK:
            signal.cleared = at
        signal.state, signal.since, signal.heard, signal.source = said.state, at, said.at, said.source
        heard.key = key
        heard.verdict = said.condition in VERDICTS and not said.component
        heard.material = True

    def _answer(self, device: str, at: Instant, heard: Heard) -> None:
        times = self.answers.setdefault(device, [])
        if len(times) < _ANSWERS_KEPT:
            times.append(at)
            heard.material = True

    def _judge(self, said: Observation, at: Instant, key: Key, net: Network, rules: AlarmRules, heard: Heard) -> None:
        """What an observation means for the things of the ledger, as of an instant."""
        bad = said.state is State.BAD
        changed: list[Element] = []
        for element in self.elements(key, net):
            track = self.tracks.get(element)
            if bad:
                news = self._against(element, track, at, said.at, rules)
                if (track := self.tracks.get(element)) is not None:
                    news = track.say(key, at) or news
                    news = (said.condition is Condition.DYING_GASP and track.claim(at)) or news
                if news:
                    changed.append(element)
                continue
            if track is not None:
                track.unsay(key, at)
            if track is not None and track.open:
                track.recover(at)
                changed.append(element)
                changed += self._revive(element, at, net)
        if not bad or said.condition is Condition.REBOOT:
            changed += self._voice(said)
        if changed:
            heard.elements += tuple(changed)
            heard.material = True

    def _against(self, element: Element, track: Track | None, at: Instant, heard: Instant, rules: AlarmRules) -> bool:
        """Evidence against an element, as of an instant and heard at another. False when it says nothing new."""
        if track is None:
            track = self.tracks[element] = Track()
        if not track.open:
            if track.inferred is not None and at <= track.inferred + rules.grace:
                return False  # asked before it could answer: routing had not settled yet
            track.fail(at)
            return True
        if track.quarantine is not None and heard > track.quarantine + rules.grace:
            at = max(at, track.quarantine + rules.grace + 1)  # until then it may tell of before
            track.past.append((track.spans.pop()[0], at))  # all that is on the account of the cause that ended
            track.fail(at)
            return True
        return False

    def _revive(self, element: Element, at: Instant, net: Network) -> Iterator[Element]:
        """A port that has light again proves that the device which it faces is alive."""
        if element[0] != "link":
            return
        link = net.ledger.links[element[1]]
        for device in (link.a.device, link.z.device):
            track = self.tracks.get(("device", device))
            if track is not None and track.open:
                track.recover(at, by_itself=False)
                yield ("device", device)

    def _voice(self, said: Observation) -> Iterator[Element]:
        """A device that speaks for itself is alive and heard."""
        if said.source is Source.PING or said.condition in (Condition.AGENT, Condition.ONU):
            return
        track = self.tracks.get(("device", said.device))
        if track is not None and track.open:
            track.recover(said.at, by_itself=False)
            yield ("device", said.device)

    def elements(self, key: Key, net: Network) -> tuple[Element, ...]:
        """The things of the ledger that a signal speaks about; none for what only degrades."""
        device, component, condition = key
        if condition in _LIFE:
            if not component:
                return (("device", device),)
            onu = net.onu_of(component)
            return (("device", onu[1]),) if onu else ()  # an ONU that the ledger lacks is not its OLT
        if condition is Condition.AGENT:
            return (("agent", device),)
        if condition in (Condition.MAINS, Condition.BATTERY):
            known = net.ledger.devices.get(device)
            site = known.site if known else ""
            if condition is Condition.BATTERY and ("site", site) not in self.tracks:
                return ()
            return (("site", site),) if site else ()
        kind = _LINK.get(condition)
        if kind is None or not component:
            return ()
        links = net.links_at(device, component)
        if links:
            return tuple((kind, link) for link in links)
        if net.over_port(device, component) and condition is not Condition.ADJACENCY:
            return (("port", f"{device} {component}"),)
        if device in net.nameless and condition not in _PASSED_ON:
            return ((f"{kind}?", f"{device} {component}"),)
        return ()

    def retire(self, elements: Iterable[Element]) -> None:
        """Forget tracks whose case is closed."""
        for element in elements:
            track = self.tracks.pop(element, None)
            if track is not None and element[0] == "device":
                self.answers.pop(element[1], None)


_ANSWERS_KEPT = 200
"""Good answers remembered per device; more than a case of a day needs at one change a few minutes."""
