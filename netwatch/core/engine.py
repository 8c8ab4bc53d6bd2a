"""The engine: a batch of facts and `now` in, one `Decision` out.

Time is an input. Facts are taken in the order of their `at`; between them falls due what the
engine asked to be woken for, at exactly the instant it asked for. So a night comes out the
same whether it is fed line by line, in batches, or from the journal after a crash.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args
from zoneinfo import ZoneInfo

from netwatch.core import codec
from netwatch.core.alarms import Element, Signal, Track
from netwatch.core.book import Book
from netwatch.core.fading import fade, listen_anew
from netwatch.core.forecast.experience import Experience
from netwatch.core.forecast.foresight import Foresight
from netwatch.core.model import (
    Alarm,
    AlarmState,
    Complaint,
    Condition,
    Decision,
    DeviceState,
    Effect,
    Entry,
    Fact,
    Learnt,
    Ledger,
    LedgerChange,
    Maintenance,
    Observation,
    Problem,
    Row,
    State,
    Tick,
    Vantage,
    Window,
    Work,
)
from netwatch.core.outages.known import Known
from netwatch.core.outages.settled import note
from netwatch.core.review import Review
from netwatch.core.rows import news
from netwatch.core.rules import Rules
from netwatch.core.tickets.desk import Desk
from netwatch.core.time import HOUR, SECOND, Instant, Span, moment
from netwatch.core.topology import Network
from netwatch.core.turns import Key

VERSION = 5
"""Of the frozen form. Another version is not thawed: the facts are taken again instead."""


class Engine:
    """Owns all state of the domain. Pure: `now` is an argument."""

    memory: Span | None = None
    """How long what is over stays in mind; None: for good. The store keeps it in any case."""

    def __init__(self, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> None:
        self.ledger, self.rules, self.zone = ledger, rules, zone
        self.net = Network(ledger)
        self.book = Book()
        self._known = Known.of(self.book)
        self._foresight = Foresight(rules.dispatch, None)
        self._rows: dict[tuple[str, str], Row] = {}
        self._out = _Out()
        self._alarms: list[tuple[Instant, Key]] = []

    # ------------------------------------------------------------ the door

    def decide(self, batch: Sequence[Fact], now: Instant) -> Decision:
        """Take the facts in order of `at`, fire what falls due up to `now`, return all that follows.

        Time never runs backwards: a fact older than what was decided already counts as heard now.
        """
        self._out = _Out()
        for fact in sorted(batch, key=lambda f: f.at):
            at = max(fact.at, self.book.now)
            if isinstance(fact, Vantage):
                self._listen_anew(at)
            self._advance(at)
            self._take(fact if fact.at == at else replace(fact, at=at))
        self._advance(max(now, self.book.now))
        return self._decided()

    def conclude(self) -> Decision:
        """Judge what was heard last without waiting for it to settle: a recorded night ends here."""
        self._out = _Out()
        self._review(self.book.now)
        return self._decided()

    def _decided(self) -> Decision:
        out, signals = self._out, self.book.evidence.signals
        alarms = (row or self._view(key, signals[key]) for key, row in out.alarms.items())
        rows = (*out.rows.values(), *alarms)
        return Decision(self.book.now, tuple(out.facts), rows, tuple(out.entries), tuple(out.effects))

    def resume(self, now: Instant) -> Decision:
        """Go on after a time in which nobody listened: what was not said meanwhile proves nothing."""
        self._listen_anew(max(now, self.book.now))
        return self.decide((), now)

    def _listen_anew(self, at: Instant) -> None:
        """Nobody listened from the last decision to now.

        When to look for what fades stays as it was: looked at too early, it says itself when to look again; planned
        anew at each start, it would hang on how often we were started. A start also tells its `Vantage`, so that
        going through all facts again meets the same gaps.
        """
        listen_anew(self.book.evidence, self.book.now, at, self.rules.alarms)

    def next_due(self) -> Instant | None:
        """When `decide` must be called again although nothing is heard.

        Alarms come of age by the second, each as of its own instant: ten thousand of one storm are ten decisions to
        commit then, and not ten thousand.
        """
        due = [at for at in (self.book.review_due, self.book.fade_due) if at is not None]
        return min([*due, *(-(-at // SECOND) * SECOND for at, _ in self._alarms[:1])], default=None)

    def weighs(self, batch: Sequence[Fact], now: Instant) -> bool:
        """Whether deciding on these up to `now` would look at everything that is wrong, which takes long in a storm."""
        due = self.book.review_due
        return (due is not None and due <= now) or any(isinstance(fact, Complaint | Work) for fact in batch)

    def rows(self) -> Iterator[Row]:
        """Every current row, for a view that starts from nothing."""
        yield from (self._view(*heard) for heard in self.book.evidence.signals.items())
        yield from self._rows.values()

    def unknown_ids(self, fact: Fact) -> list[str]:
        """What a fact names and the ledger lacks, in words."""
        have = self.ledger
        match fact:
            case Observation() | Vantage():
                return [] if fact.device in have.devices else [f"no device {fact.device} in the ledger"]
            case Complaint() | LedgerChange():
                return [] if fact.circuit in have.circuits else [f"no circuit {fact.circuit} in the ledger"]
            case Work():
                return [f"no circuit {c} in the ledger" for c in fact.circuits if c not in have.circuits]
            case Maintenance():
                tables = {"device": have.devices, "link": have.links, "circuit": have.circuits, "site": have.sites}
                return [
                    f"no {s.kind} {s.id} in the ledger"
                    for s in fact.scope
                    if s.id not in (have.cables if s.kind == "cable" else tables[s.kind])
                ]
            case Tick() | Learnt():
                return []

    def reload(self, ledger: Ledger, rules: Rules, now: Instant) -> Decision:
        """A new ledger or new rules are in force from `now` on.

        What the new ledger no longer knows is forgotten as evidence; what is on record stays.
        """
        self._out = _Out()
        self._advance(max(now, self.book.now))
        self.ledger, self.rules = ledger, rules
        self.net = Network(ledger)
        self._known = Known.of(self.book)
        self._foresight = Foresight(rules.dispatch, self.book.experience)
        self._drop_strangers()
        self._review(self.book.now)
        return self._decided()

    def _drop_strangers(self) -> None:
        """Forget the evidence about what the ledger does not hold (any more), end what its circuits lost."""
        ledger, evidence = self.net.ledger, self.book.evidence
        evidence.retire([e for e, track in evidence.tracks.items() if not self._holds(e, track)])
        for key in [k for k in evidence.signals if k[0] not in ledger.devices]:
            evidence.signals[key].cleared = self.book.now
            self._lapse(key)
        for name in [n for n in self._rows if n[0] == "CircuitState" and n[1] not in ledger.circuits]:
            del self._rows[name]
        self.book.keep_only(ledger.circuits, self.book.now)
        self.net.depth(self.book.vantage)

    def _holds(self, element: Element, track: Track) -> bool:
        """Whether the ledger (still) holds what a track speaks of."""
        kind, name = element
        if kind == "port":
            return name.partition(" ")[0] in self.net.ledger.devices
        if kind.endswith("?"):
            return any(element in self.book.evidence.elements(key, self.net) for key in track.signals)
        ledger = self.net.ledger
        known = dict.fromkeys(("link", "adjacency", "admin", "ais", "rdi"), ledger.links) | {"site": ledger.sites}
        return name in known.get(kind, ledger.devices)

    def freeze(self) -> str:
        """The whole state as text: a line of JSON, and a line for each row, its type before its JSON."""
        rows = (f"{kind} {codec.encode(row)}" for (kind, _), row in self._rows.items())
        return "\n".join((codec.encode(_Frozen(VERSION, self.book, self._alarms)), *rows))

    @classmethod
    def thaw(cls, text: str, ledger: Ledger, rules: Rules, zone: ZoneInfo) -> Engine:
        """Rebuild from `freeze()`. Raises ValueError when the text is of another version."""
        engine = cls(ledger, rules, zone)
        state, *rows = text.split("\n")
        frozen = codec.decode(_Frozen, state)
        if frozen.version != VERSION:
            raise ValueError(f"frozen by version {frozen.version}, this is {VERSION}")
        engine.book = frozen.book
        engine._known = Known.of(frozen.book)
        engine._foresight = Foresight(rules.dispatch, frozen.book.experience)
        engine._alarms = frozen.alarms
        for line in rows:
            kind, _, row = line.partition(" ")
            kept = codec.decode(_ROWS[kind], row)
            engine._rows[kind, kept.id] = kept
        engine._drop_strangers()
        return engine

    # ------------------------------------------------------------ time

    def _advance(self, to: Instant) -> None:
        book = self.book
        while True:
            review, fade = book.review_due, book.fade_due
            look = review if fade is None else fade if review is None else min(review, fade)
            self._ring(to if look is None else min(to, look))
            if look is None or look > to:
                break
            book.now = max(book.now, look)
            if fade is not None and fade <= look:
                self._fade(book.now)
            if book.review_due is not None and book.review_due <= look:
                self._review(book.now)
        book.now = max(book.now, to)

    def _ring(self, until: Instant) -> None:
        """Bring the alarms up to date whose time comes by then, each at its own instant."""
        while self._alarms and self._alarms[0][0] <= until:
            due, key = heapq.heappop(self._alarms)
            self.book.now = max(self.book.now, due)
            self._alarm(key)

    def _fade(self, now: Instant) -> None:
        """End bad news that is not repeated any more."""
        ended, self.book.fade_due = fade(self.book.evidence, now, self.net, self.rules.alarms)
        for element in ended:
            for key in self.book.evidence.tracks[element].signals & self.book.evidence.signals.keys():
                self._stir(key)
            self._out.entries.append(
                Entry(now, "evidence.faded", " ".join(element), "not repeated by polling any more")
            )
        if ended:
            self._soon(now)

    def _review(self, now: Instant) -> None:
        self.book.review_due = None
        review = Review(self.book, self.net, self.rules, self.zone, now, self._known, self._foresight)
        for row in review.rows():
            self._put(row)
        for name in review.round.forgotten:
            self._rows.pop(name, None)
        self._out.entries += review.round.entries
        self._out.effects += review.round.effects
        self.book.review_due = review.round.due
        self._explained(review)
        self._lay_aside(now)

    def _explained(self, review: Review) -> None:
        """Tell each alarm its fault."""
        signals = self.book.evidence.signals
        for key, fault in dict(review.explained()).items():
            signal = signals.get(key)
            if signal is not None and signal.fault != fault:
                signal.fault = fault
                self._out.alarms[key] = None

    def _lay_aside(self, now: Instant) -> None:
        """Forget what has been over for longer than `memory`; looked at once an hour."""
        if self.memory is None or now - self.book.laid_aside < HOUR:
            return
        self.book.laid_aside = now
        gone = self.book.lay_aside(now - self.memory)
        for name in gone:
            self._rows.pop(name, None)
        if gone:
            self._known = Known.of(self.book)

    def _soon(self, at: Instant) -> None:
        due = self.book.review_due
        self.book.review_due = at if due is None else min(due, at)

    # ------------------------------------------------------------ facts

    def _take(self, fact: Fact) -> None:
        unknown = self.unknown_ids(fact)
        for what in unknown:
            self._problem(fact, what)
        if isinstance(fact, Observation):
            if not unknown:
                self._hear(fact)
            return
        if isinstance(fact, Tick):
            return
        self._out.facts.append(fact)
        match fact:
            case Vantage():
                if not unknown:
                    self.book.vantage = fact.device
                    self.net.depth(fact.device)  # now, not in the first fault
            case Maintenance():
                self.book.windows.setdefault(fact.id, []).append(fact)
                self._known.forget_judgements()
                self._put(Window(fact.id, fact.announced, fact.start, fact.end, fact.scope, fact.cancelled))
                self._out.entries += self._uncounted(fact)
                self._soon(fact.at)
            case LedgerChange():
                if not unknown:
                    self.book.changes.setdefault(fact.circuit, []).append((fact.at, list(fact.changes)))
                    self._known.disturb([fact.circuit])
            case Learnt():
                self._learn(fact)
            case Complaint() | Work():
                self._review(fact.at)  # people act on what is so now, not two seconds ago
                desk = Desk(self.book, self.net, self.rules)
                self._out.entries += desk.take(fact)
                self._known.spoken_of([fact.circuit] if isinstance(fact, Complaint) else fact.circuits)
                self._review(fact.at)

    def _learn(self, fact: Learnt) -> None:
        experience = codec.decode(Experience, fact.parameters)
        self.book.experience = experience
        self._foresight = Foresight(self.rules.dispatch, experience)
        what = f"the forecast has learnt from {experience.faults} faults"
        self._out.entries.append(Entry(fact.at, "forecast.learnt", "forecast", what, {"faults": experience.faults}))
        self._soon(fact.at)

    def _uncounted(self, window: Maintenance) -> Iterator[Entry]:
        """That a window's notice cannot be counted in official working days."""
        days = (moment(at, self.zone).date() for at in (window.announced, window.start))
        first, last = (day.year for day in days)
        for year in range(first, min(last, first + 1) + 1):
            if year not in self.rules.calendar.years and not window.cancelled:
                reason = f"the calendar has no holidays of {year}: notice is counted by plain weekends"
                yield Entry(window.at, "calendar.missing", window.id, reason, {"year": year})

    def _hear(self, said: Observation) -> None:
        heard = self.book.evidence.hear(said, self.net, self.rules.alarms)
        noted = note(self.book, said, self.net)
        if noted:
            self._soon(said.at + self.rules.alarms.settle)
        if heard.material or noted:
            self._out.facts.append(said)
        if heard.key is not None:
            self._stir(heard.key)
        if heard.verdict:
            self._device(said.device, said.at)
        # A battery takes no part in any explanation, but help for its site cannot wait for one.
        if heard.elements or (heard.key is not None and said.condition is Condition.BATTERY):
            self._soon(said.at + self.rules.alarms.settle)

    def _problem(self, fact: Fact, what: str) -> None:
        row = Problem(what, fact.at, what)
        if ("Problem", what) not in self._rows:
            self._put(row)
            self._out.entries.append(Entry(fact.at, "problem", what, what))
            if isinstance(fact, Observation):
                self._out.facts.append(fact)

    # ------------------------------------------------------------ rows

    def _put(self, row: Row) -> None:
        key = (type(row).__name__, row.id)
        if news(row, self._rows.get(key)):
            self._rows[key] = row
            self._out.rows[key] = row

    def _device(self, device: str, at: Instant) -> None:
        signals = self.book.evidence.signals
        states = []
        for condition in (Condition.REACHABLE, Condition.AGENT):
            signal = signals.get((device, "", condition))
            states.append(signal.state if signal else State.OK)
        former = self._rows.get(("DeviceState", device))
        if not isinstance(former, DeviceState) or [former.reachable, former.agent] != states:
            self._put(DeviceState(device, states[0], states[1], at))

    def _stir(self, key: Key) -> None:
        """A signal is another one than before, and so is its alarm."""
        self._out.alarms[key] = None
        self._alarm(key)

    def _alarm(self, key: Key) -> None:
        """Bring the alarm of a signal up to now."""
        signal = self.book.evidence.signals.get(key)
        if signal is None:
            return
        now, timing = self.book.now, self.rules.alarms
        signal.flapping = signal.flapping and (signal.state is not State.OK or now < signal.calm(timing.flap))
        if signal.flapping:  # one alarm with its count; it ages only while all is well
            state = AlarmState.ACTIVE
            if signal.state is State.OK:
                heapq.heappush(self._alarms, (signal.calm(timing.flap), key))
        elif signal.state is State.OK or key[2] is Condition.REBOOT:
            over = max(signal.since, signal.doubted) + timing.stability
            state = AlarmState.GONE if now >= over else AlarmState.CLEARING
            if state is AlarmState.CLEARING:
                heapq.heappush(self._alarms, (over, key))
        else:
            counts = signal.raised + timing.debounce
            state = AlarmState.ACTIVE if now >= counts else AlarmState.PENDING
            if state is AlarmState.PENDING:
                heapq.heappush(self._alarms, (counts, key))
        if state is AlarmState.GONE:
            signal.fault = ""
            self._lapse(key)
        elif state is not signal.alarm:
            signal.alarm = state
            self._out.alarms[key] = None

    def _lapse(self, key: Key) -> None:
        """An alarm is over and done with: this is its last row."""
        signal = self.book.evidence.signals.pop(key)
        signal.alarm = AlarmState.GONE
        self._out.alarms[key] = self._view(key, signal)

    def _view(self, key: Key, signal: Signal) -> Alarm:
        severity = self.rules.alarms.conditions[key[2]].severity
        times = signal.raised, signal.since, signal.cleared
        return Alarm(*key, signal.alarm, severity, *times, signal.count, signal.source, signal.fault)


class _Out:
    """What one call of `decide` gathers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.rows: dict[tuple[str, str], Row] = {}
        self.alarms: dict[Key, Alarm | None] = {}
        """Those that changed; None: its row is made of its signal at the end, once for all that happened to it."""
        self.entries: list[Entry] = []
        self.effects: list[Effect] = []


_ROWS: dict[str, type[Row]] = {kind.__name__: kind for kind in get_args(Row)}


@dataclass(slots=True)
class _Frozen:
    """The engine as one value."""

    version: int
    book: Book
    alarms: list[tuple[Instant, Key]]
