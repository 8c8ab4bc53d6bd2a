"""What each circuit lost, on record: outages, exposures, and the times when nobody could tell.

Records are matched with what the evidence says now: one that is borne out is carried on, one
that is explained otherwise is withdrawn, one that is over and stable is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from netwatch.core.book import ExposureRecord, FaultRecord, OutageRecord, UnknownRecord
from netwatch.core.faults.causes import Cause
from netwatch.core.intervals import FOREVER, Pair, Spans, union, without
from netwatch.core.model import Domain, Root, RootKind
from netwatch.core.outages.cases import Cases
from netwatch.core.outages.circuits import Loss, Losses, blamed
from netwatch.core.outages.hints import weigh
from netwatch.core.outages.known import Known
from netwatch.core.outages.service import Episode, episodes, next_confirmation
from netwatch.core.outages.settled import settle
from netwatch.core.round import Round
from netwatch.core.time import Instant, Span

_SETTLED_WITHIN = 6
"""Stability windows in which the devices' own records are waited for: two long poll intervals and a restart."""


class Outages:
    """The circuits of one review.

    A circuit is judged when something that its judgement hangs on has changed: what it lost, which of that counts by
    now, which faults the causes are on record as, or what people said of it.
    """

    def __init__(
        self, round_: Round, causes: Sequence[Cause], cases: Cases, losses: Losses, known: Known | None = None
    ) -> None:
        self.round = round_
        self.book, self.net, self.rules = round_.book, round_.net, round_.rules
        self.now, self.zone, self.timing, self.contract = round_.now, round_.zone, round_.timing, round_.contract
        self.causes, self.cases, self.losses = causes, cases, losses
        self.known = known or Known.of(round_.book)
        self.touched: set[str] = set()
        """Circuits that anything speaks of."""
        self.changed: set[str] = set()
        """Circuits whose rows may have changed."""
        self.moved: set[str] = set()
        """Faults whose effects may have changed."""
        self.unseen: list[UnknownRecord] = []
        """Those whose rows may have changed."""
        self._judged: dict[tuple[Pair, ...], list[Episode]] = {}
        self._tips: dict[tuple[int, Instant], Cause | None] = {}
        self._losses: dict[int, Loss] = {}
        self._found: dict[int, list[Episode]] = {}
        """Of each of these, the episodes that count by now."""

    @cached_property
    def outages_of(self) -> dict[str, list[OutageRecord]]:
        out: dict[str, list[OutageRecord]] = {}
        for outage in self.book.outages.values():
            out.setdefault(outage.circuit, []).append(outage)
        return out

    @cached_property
    def exposures_of(self) -> dict[str, list[ExposureRecord]]:
        out: dict[str, list[ExposureRecord]] = {}
        for exposure in self.book.exposures.values():
            out.setdefault(exposure.circuit, []).append(exposure)
        return out

    @cached_property
    def _said(self) -> dict[str, FaultRecord]:
        """Circuit → the fault for which nothing but its customer's word speaks."""
        out: dict[str, FaultRecord] = {}
        for fault in self.book.faults.values():
            if fault.root.kind is RootKind.CIRCUIT and not fault.final and not fault.absorbed_by:
                out.setdefault(fault.root.id, fault)
        return out

    def judge(self) -> None:
        """Bring every circuit that anything touches up to now."""
        judged, calls, disturbed = self.known.judged, self.book.calls, self.known.disturbed
        touched = self.touched = self.losses.touched() | self._live() | self._called()
        todo: dict[str, Loss] = {}
        for circuit in touched:
            loss = self.losses.of(circuit)
            if id(loss) not in self._losses:
                self._losses[id(loss)] = loss
                self._conclude(loss)
            if judged.get(circuit) is not loss.verdict or circuit in disturbed or circuit in calls:
                todo[circuit] = loss
        for circuit in judged.keys() - touched:
            del judged[circuit]
        for circuit in sorted(todo):
            self._judge(circuit, todo[circuit])
        disturbed.clear()
        for loss in {id(loss): loss for loss in todo.values()}.values():
            self._conclude(loss)  # once more: a cause may have got its fault only now
        judged.update((circuit, loss.verdict) for circuit, loss in todo.items() if circuit not in calls)
        for circuit, fault in self._said.items():
            if fault.cleared is None and circuit in self.net.ledger.circuits:
                weigh(fault, self.book, self.net, self.timing)
        self.changed.update(todo)

    def _judge(self, circuit: str, loss: Loss) -> None:
        calls = self.book.calls.get(circuit, [])
        found = self._counting(episodes(loss.down, self.timing, calls)) if calls else self._found[id(loss)]
        if found or circuit in self.outages_of or circuit in self.exposures_of or loss.lost != loss.down:
            self._move(circuit)
            self._outages(circuit, found, loss)
            self._exposures(circuit, loss)
            self._move(circuit)

    def _move(self, circuit: str) -> None:
        for outage in self.outages_of.get(circuit, ()):
            self.moved.add(outage.fault)
        for exposure in self.exposures_of.get(circuit, ()):
            self.moved.add(exposure.fault)

    def _counting(self, found: Iterable[Episode]) -> list[Episode]:
        """Those that have lasted long enough."""
        return [e for e in found if e.confirmed <= self.now]

    def _conclude(self, loss: Loss) -> None:
        """What the judgement of a circuit that lost this hangs on besides; another object only when it is another."""
        found = self._found[id(loss)] = self._counting(self._episodes(loss.down))
        verdict = (
            len(found),
            len(self._counting(self._episodes(loss.lost))),
            [(self.cases.known_as(cause), self.cases.confirmed(cause)) for _, cause in loss.blame],
        )
        if loss.verdict != verdict:
            loss.verdict = verdict

    def _live(self) -> set[str]:
        """Circuits whose records can still change; those on whose clock time alone has an effect changed already."""
        live = set()
        pauses = self.book.pauses
        for outage in self.book.outages.values():
            if not outage.final:
                live.add(outage.circuit)
                if outage.excused or outage.circuit in pauses:
                    self.changed.add(outage.circuit)
                    self.moved.add(outage.fault)
        live.update(e.circuit for e in self.book.exposures.values() if not e.final)
        return live

    def unknowns(self) -> None:
        """Our blindness: what we cannot see is neither up nor down."""
        self._unseen()
        if self.book.unsettled:
            self.unseen += settle(self.book, self.net, self.now, _SETTLED_WITHIN * self.timing.stability, self.zone)

    def _unseen(self) -> None:
        blind = next((c for c in self.causes if c.root.kind is RootKind.MANAGEMENT), None)
        fault = self.cases.of.get(blind.root) if blind else None
        if fault is None:
            for record in self.book.unknowns.values():
                if record.ended is None:
                    record.ended = self.now
                    self.unseen.append(record)
            if self.unseen:
                self.changed |= self.touched
            return
        for start, end in blind.spans if blind else ():
            self._unseen_from(start, None if end == FOREVER else end)
        if self.unseen:
            self.changed |= set(self.net.ledger.circuits)

    def _unseen_from(self, start: Instant, ended: Instant | None) -> None:
        """One time of blindness on record, for each circuit that was not known to be out when it began."""
        over = FOREVER if ended is None else ended
        have = {
            u.circuit: u for u in self.book.unknowns.values() if u.started <= over and (u.ended or FOREVER) >= start
        }
        down = {o.circuit for o in self.book.outages.values() if o.started <= start < (o.restored or FOREVER)}
        for circuit in self.net.ledger.circuits:
            mine = have.get(circuit)
            if mine is None:
                if circuit in down:
                    continue
                mine = UnknownRecord(self.book.name("U"), circuit, start, ended)
                self.book.unknowns[mine.id] = mine
                self.book.unsettled.add(mine.id)
            elif (mine.started, mine.ended) == (start, ended):
                continue
            mine.started, mine.ended = start, ended
            self.unseen.append(mine)

    def wake(self) -> None:
        """When something will be different without anything being said."""
        for cause in self.causes:
            self._confirmation(cause.spans)
        for loss in self._losses.values():
            self._confirmation(loss.down)
            if loss.lost != loss.down:
                self._confirmation(loss.lost)

    def _called(self) -> set[str]:
        recent = self.now - self.timing.stability
        return {
            c
            for c, calls in self.book.calls.items()
            if c in self.net.ledger.circuits and any(call.restored > recent for call in calls)
        }

    def _episodes(self, spans: Spans) -> list[Episode]:
        """Judged once for all circuits that share a fate."""
        key = tuple(spans)
        if key not in self._judged:
            self._judged[key] = episodes(spans, self.timing)
        return self._judged[key]

    def _outages(self, circuit: str, found: list[Episode], loss: Loss) -> None:
        records = self.outages_of.setdefault(circuit, [])
        matched: set[str] = set()
        for episode in found:
            record = next((o for o in records if _meets(o.started, o.restored, episode)), None)
            if record is None:
                record = self._begin(circuit, episode)
                records.append(record)
            matched.add(record.id)
            if not record.final:
                self._carry(record, episode, loss)
        for record in list(records):
            if record.id not in matched and not record.final:
                records.remove(record)
                del self.book.outages[record.id]
                self.round.forgotten.append(("Outage", record.id))
                self.round.say("outage.withdrawn", circuit, "the evidence is explained otherwise", outage=record.id)

    def _begin(self, circuit: str, episode: Episode) -> OutageRecord:
        record = OutageRecord(self.book.name("O"), circuit, "", episode.started, None, episode.confirmed)
        self.book.outages[record.id] = record
        return record

    def _carry(self, record: OutageRecord, episode: Episode, loss: Loss) -> None:
        former, excused = (record.fault, record.restored), bool(record.excused)
        record.started = min(record.started, episode.started)
        record.restored = None if episode.ended == FOREVER else episode.ended
        record.complained = episode.complained
        record.only_complaint = episode.only_complaint
        fault = self._blame(record, loss)
        fault.circuits.add(record.circuit)
        record.fault = fault.id
        self.contract.settle(record)
        record.excused = self.contract.excused(record, loss)
        if former[0] != record.fault:
            since = self.round.shown(record.started)
            self.round.say(
                "outage.started", record.circuit, f"without service since {since}: {fault.root}", fault=fault.id
            )
        if not former[0] or excused is not bool(record.excused):
            self._planned(record)
        if former[1] != record.restored and record.restored is not None:
            back = self.round.shown(record.restored)
            self.round.say("outage.restored", record.circuit, f"first evidence of service at {back}", fault=fault.id)

    def _planned(self, record: OutageRecord) -> None:
        """Say which planned work an outage began in, and whether it is excused by it."""
        plan = self.contract.covered_by(record.circuit, record.started)
        if plan is None:
            return
        verdict = "excused" if record.excused else "not excused, by its notice or its scope"
        until = self.round.shown(plan.until)
        self.round.say(
            "outage.planned",
            record.circuit,
            f"planned work {plan.id} covers it until {until}, nobody is sent before: {verdict}",
            fault=record.fault,
        )

    def _blame(self, record: OutageRecord, loss: Loss) -> FaultRecord:
        """The fault that an outage is put down to."""
        cause = self._tipped(loss, record.started)
        if cause is None and not record.only_complaint:
            cause = next((c for spans, c in loss.blame if spans[-1][1] > record.started), None)
        if cause is not None:
            fault = self.cases.record(cause)
            said = self._said.get(record.circuit)
            if said is not None and said is not fault and not said.absorbed_by:
                said.absorbed_by = fault.id
                del self._said[record.circuit]
                fault.opened = min(fault.opened, said.opened)
                self.cases.absorbed.append((said, fault))
            return fault
        if record.fault and not record.only_complaint:
            return self.book.faults[record.fault]
        return self._said.get(record.circuit) or self._customers_word(record)

    def _tipped(self, loss: Loss, at: Instant) -> Cause | None:
        """The cause that tipped the balance; one that has not lasted long enough to count only for want of others."""
        return self._sure(loss, at) or blamed(loss.blame, at, self.timing.agreement)

    def _sure(self, loss: Loss, at: Instant) -> Cause | None:
        key = id(loss), at
        if key not in self._tips:
            sure = [(spans, cause) for spans, cause in loss.blame if self.cases.confirmed(cause)]
            self._tips[key] = blamed(sure, at, self.timing.agreement)
        return self._tips[key]

    def _customers_word(self, record: OutageRecord) -> FaultRecord:
        fault = FaultRecord(
            id=self.book.name("F"),
            root=Root(RootKind.CIRCUIT, record.circuit),
            domain=Domain.PREMISES,
            opened=record.started,
            cleared=None,
            confirmed=record.started,
            confidence=0.5,
            explains=1,
            most=1,
        )
        self.book.faults[fault.id] = self._said[record.circuit] = fault
        self.cases.live.append(fault)
        self.cases.opened.append(fault)
        return fault

    def _exposures(self, circuit: str, loss: Loss) -> None:
        records = self.exposures_of.setdefault(circuit, [])
        if loss.lost == loss.down and not records:
            return
        out: Spans = union((o.started, o.restored or FOREVER) for o in self.outages_of.get(circuit, ()))
        pieces = []
        for episode in self._episodes(loss.lost):
            if episode.confirmed <= self.now:
                pieces += [(piece, episode) for piece in without([(episode.started, episode.ended)], out)]
        matched: set[str] = set()
        for (start, end), episode in pieces:
            record = next((e for e in records if e.started < end and (e.ended is None or e.ended > start)), None)
            if (record is None or record.ended is None) and end - start < self._seam(loss, start, end):
                continue
            if record is None and not self._sure(loss, start):
                continue  # what is left of a loss that counted, and has not lasted long enough by itself
            if record is None:
                record = ExposureRecord(self.book.name("E"), circuit, "", start, None, max(start, episode.confirmed))
                self.book.exposures[record.id] = record
                records.append(record)
            matched.add(record.id)
            if not record.final:
                self._carry_exposure(record, start, end, loss)
        for record in list(records):
            if record.id not in matched and not record.final:
                records.remove(record)
                del self.book.exposures[record.id]
                self.round.forgotten.append(("Exposure", record.id))

    def _seam(self, loss: Loss, start: Instant, end: Instant) -> Span:
        """Pieces of exposure shorter than this are seams between two states, not states.

        The ports of what one cause took away, and gives back, tell of it one after another, as each is asked.
        """
        at_work = {cause.root for spans, cause in loss.blame if any(s < end and e >= start for s, e in spans)}
        return self.timing.debounce if len(at_work) < 2 else _MOMENT

    def _carry_exposure(self, record: ExposureRecord, start: Instant, end: Instant, loss: Loss) -> None:
        record.started = start
        record.ended = None if end == FOREVER else end
        cause = self._tipped(loss, start)
        if cause is None:
            cause = next((c for spans, c in loss.blame if spans[-1][1] > start), None)
        if cause is None:
            return
        fault = self.cases.record(cause)
        fault.circuits.add(record.circuit)
        if record.fault != fault.id:
            record.fault = fault.id
            self.round.say("exposure.started", record.circuit, f"up, but unprotected: {fault.root}", fault=fault.id)

    def _confirmation(self, spans: Spans) -> None:
        if spans and spans[-1][1] > self.now:
            self.round.wake_at(next_confirmation(self._episodes(spans), self.now))


def _meets(started: Instant, ended: Instant | None, episode: Episode) -> bool:
    return started <= episode.ended and episode.started <= (FOREVER if ended is None else ended)


_MOMENT = 1_000_000
"""No state lasts less than a second."""
