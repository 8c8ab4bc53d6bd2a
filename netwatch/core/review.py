"""One review: everything that follows from the evidence as it stands at one instant.

causes → faults on record → what each circuit lost → outages, exposures, unknown times with
their clocks → tickets and whether to send → when to look again. A review is idempotent: run
twice at one instant, the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from netwatch.core.alarms import Element
from netwatch.core.book import Book, FaultRecord, OutageRecord, Toll, window_versions
from netwatch.core.fading import next_look
from netwatch.core.faults import explain
from netwatch.core.faults.blindness import is_silence, sighted
from netwatch.core.faults.causes import Cause, Planned
from netwatch.core.forecast.foresight import Foresight
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Domain, RootKind, Row, State
from netwatch.core.outages.cases import Cases
from netwatch.core.outages.circuits import Losses
from netwatch.core.outages.known import Known
from netwatch.core.outages.record import Outages
from netwatch.core.round import Round
from netwatch.core.rows import Rows
from netwatch.core.rules import Rules
from netwatch.core.tickets.orders import Orders
from netwatch.core.time import Instant
from netwatch.core.topology import Network, part_of
from netwatch.core.turns import Key


class Review:
    """Done when it is made; `round`, `rows` and `explained` tell what came of it."""

    def __init__(
        self, book: Book, net: Network, rules: Rules, zone: ZoneInfo, now: Instant, known: Known, foresight: Foresight
    ) -> None:
        self.round = Round(book, net, rules, zone, now, foresight)
        self.book, self.net, self.rules, self.now, self.timing = book, net, rules, now, rules.alarms
        self.contract, self.known = self.round.contract, known
        self._retire()
        self.causes = self._explain()
        self._remember_blindness()
        self.cases = Cases(book, self.causes, self.timing, now)
        self.cases.settle()
        self.losses = Losses(net, book, self.causes, self.timing, known.fates, known.changed)
        self.outages = Outages(self.round, self.causes, self.cases, self.losses, known)
        self.orders = Orders(self.round, known)
        self.outages.judge()
        self.outages.unknowns()
        known.drop(self.outages.moved)
        self._faults()
        self.orders.review()
        self._finish()
        self._echoes()
        self._look_for_what_fades()
        self.outages.wake()

    def rows(self) -> Iterator[Row]:
        """The rows of everything that this review may have changed."""
        return iter(Rows(self.round, self.orders, self.outages, self.absorbed, self.known))

    def explained(self) -> Iterator[tuple[Key, str]]:
        """Which fault explains which signal."""
        causes = {c.root: c for c in self.causes}
        tracks, signals = self.book.evidence.tracks, self.book.evidence.signals
        felt = {condition for condition, rule in self.rules.alarms.conditions.items() if rule.degrades}
        degraded = [key for key, s in signals.items() if key[2] in felt and key[1] and s.state is State.BAD]
        held: dict[Element, str] = {}
        for root, fault in self.cases.of.items():
            for element in causes[root].elements | causes[root].explains:
                if (track := tracks.get(element)) is not None:
                    if degraded and fault.cleared is None:
                        held[element] = fault.id
                    for key in track.signals:
                        yield key, fault.id
        for key in degraded:
            if (of := self._broken_with(key, signals[key].raised, held)) is not None:
                yield key, of

    def _broken_with(self, key: Key, at: Instant, held: Mapping[Element, str]) -> str | None:
        """The fault that broke the link at whose port something got worse no earlier: light that fails, errors and a
        switch-over are said as well as that it is gone."""
        for link in self.net.links_at(key[0], key[1]):
            track = self.book.evidence.tracks.get(("link", link))
            if track is not None and track.open and at >= track.start - self.timing.agreement:
                return held.get(("link", link))
        return None

    # ------------------------------------------------------------ evidence

    def _explain(self) -> list[Cause]:
        """The causes of what is wrong; those of the last review while nothing that they follow from has changed."""
        known, book = self.known, self.book
        known.look(book.evidence.tracks)
        asked = (book.vantage, self._planned(), tuple(book.unseen))
        if known.causes is not None and known.asked == asked:
            return known.causes
        final = True

        def again_at(at: Instant) -> None:
            nonlocal final
            final = False
            self.round.wake_at(at)

        rules = self.rules.faults, self.timing
        vantage, planned, unseen = asked
        causes = explain(book.evidence.tracks, self.net, vantage, planned, *rules, self.now, again_at, unseen)
        known.causes, known.asked = causes if final else None, asked
        if book.windows and known.changed:
            # Whether planned work excuses an outage hangs on what a device last said of itself, too.
            known.disturb(c for kind, name in known.changed if kind == "device" for c in self.net.over_device(name))
        return causes

    def _retire(self) -> None:
        """Forget evidence that came to nothing."""
        live = [f for f in self.book.faults.values() if not f.final]
        held = {e for f in live for e in f.elements}
        tracks = self.book.evidence.tracks
        old = self.now - self.timing.debounce_window
        unseen = self.book.unseen
        if unseen and unseen[-1][1] <= old and not any(f.root.kind is RootKind.MANAGEMENT for f in live):
            self._forget_blindness()
        gone = [e for e, t in tracks.items() if e not in held and (not t.spans or (not t.open and t.end <= old))]
        if gone:
            near = self._neighbours(held)
            self.book.evidence.retire([e for e in gone if e[1] not in near or not tracks[e].spans])
        if not tracks:
            self.book.evidence.answers.clear()

    def _neighbours(self, held: Collection[Element]) -> set[str]:
        """The devices that could have told of these things: when they were silent is evidence as long as these are."""
        net = self.net
        links = [net.ledger.links[name] for kind, name in held if kind == "link" and name in net.ledger.links]
        near = {end.device for link in links for end in (link.a, link.z)}
        near.update(net.far(i, name) for kind, name in held if kind == "device" for i in net.links_of.get(name, ()))
        return near

    def _remember_blindness(self) -> None:
        """Once it is over it is a fact, whatever devices suffer or say afterwards. Not before everybody who was being
        asked has answered or has not: it may turn out to go on."""
        grace, blind = self.timing.grace, (c for c in self.causes if c.root.kind is RootKind.MANAGEMENT)
        spans = [span for cause in blind for span in cause.spans]
        self.book.unseen = [(start, end) for start, end in spans if end + grace <= self.now]
        for _, end in spans:
            self.round.wake_at(end + grace)

    def _forget_blindness(self) -> None:
        """What was silent because we could not see leaves the evidence, and so does the blindness itself."""
        book, gone = self.book, []
        for element, track in book.evidence.tracks.items():
            if is_silence(element, track):
                track.spans = sighted(track, book.unseen, self.timing.grace)
                if not track.spans:
                    gone.append(element)
        book.evidence.retire(gone)
        book.unseen = []

    def _planned(self) -> list[Planned]:
        if not self.book.windows:
            return []
        oldest = min((t.start for t in self.book.evidence.tracks.values() if t.spans), default=self.now)
        out = []
        for versions in self.book.windows.values():
            for version, span in window_versions(versions):
                if span[1] >= oldest:
                    out.append(Planned(version.id, version.scope, span))
        return out

    def _echoes(self) -> None:
        """Silence that followed from a cause and is over has told its tale.

        It may outlive one of two causes that explained it together; it must not seem a cause of
        its own then.
        """
        for cause in self.causes:
            if cause.root.kind is not RootKind.MANAGEMENT:
                for element in cause.explains:
                    track = self.book.evidence.tracks.get(element)
                    if track is not None and not track.open:
                        track.echo = True

    def _quarantine(self) -> None:
        """Silence that followed from a cause which is over must be said again before it counts."""
        for cause in self.causes:
            if cause.end == FOREVER:
                continue
            for element in cause.explains:
                track = self.book.evidence.tracks.get(element)
                if track is None or not track.open or track.quarantine is not None or track.spans[-1][0] > cause.end:
                    continue
                if cause.root.kind is RootKind.MANAGEMENT and any(
                    end == FOREVER for _, end in sighted(track, cause.spans, self.timing.grace)
                ):
                    continue  # it has a silence of its own
                track.quarantine = cause.end

    def _look_for_what_fades(self) -> None:
        """When, given what changed: a track, who would say it again, or what is known of how often."""
        book, known, net, evidence = self.book, self.known, self.net, self.book.evidence
        evidence.learn(self.now, self.timing)
        shown = evidence.habits.shown
        if not shown:
            return
        looked: Iterable[Element] = evidence.tracks
        if known.rhythms == shown:
            sayers = {name for kind, name in known.changed if kind in ("device", "agent")}
            near = {link for device in sayers for link in net.links_of.get(device, ())}
            near |= {site.site for d in sayers if (site := net.ledger.devices.get(d))}
            looked = [e for e in evidence.tracks if e in known.changed or e[1] in near or e[1].split(" ")[0] in sayers]
        known.rhythms = shown
        due = next_look(evidence, looked, net, self.timing)
        if due is not None:
            book.fade_due = due if book.fade_due is None else min(book.fade_due, due)

    # ------------------------------------------------------------ faults

    def _faults(self) -> None:
        self.absorbed = list(self.cases.absorbed)
        for child, parent in self.absorbed:
            self._absorb(child, parent)
        for child, parent in self.absorbed:  # all of them first: what is told must be the whole
            self.orders.merge(child, parent)
        for fault in self.cases.orphans():
            self._orphan(fault)
        for fault in self.cases.opened:
            plan = self.contract.worked_on(fault)
            fault.planned = plan is not None
            self.round.say("fault.opened", fault.id, f"{fault.root}: {fault.reason}", domain=fault.domain)
            if plan is not None:
                until = self.round.shown(plan.until)
                self.round.say("fault.planned", fault.id, f"planned work {plan.id} on it goes on until {until}")
            elif fault.domain is Domain.MANAGEMENT:
                self._alarm_noc(fault)
        for fault in self.book.faults.values():
            if fault.planned and fault.cleared is None and not (fault.circuits or fault.absorbed_by):
                self._outlive(fault)

    def _alarm_noc(self, fault: FaultRecord) -> None:
        kind = "blind" if fault.root.kind is RootKind.MANAGEMENT else "agent"
        self.orders.tell("noc", f"noc.{kind}", fault, f"{fault.id}:opened", reason=fault.reason)

    def _outlive(self, fault: FaultRecord) -> None:
        """What has taken nothing away and lasts on when the work on it should be done is a fault from then on.

        What did take something away stays the work's, on record: its order, and from when on it counts, hang on what
        each circuit's contract makes of the window.
        """
        plan = self.contract.worked_on(fault)
        if plan is not None and plan.until > self.now:
            self.round.wake_at(plan.until)
            return
        fault.planned = False
        self.round.say("fault.outlived", fault.id, "the planned work on it should be done, and it lasts on")
        if fault.domain is Domain.MANAGEMENT:
            self._alarm_noc(fault)

    def _absorb(self, child: FaultRecord, parent: FaultRecord) -> None:
        self.round.say("fault.absorbed", child.id, f"{child.root} follows from {parent.root}", parent=parent.id)
        changed = self.outages.changed
        for outage in self.book.outages.values():
            if outage.fault == child.id:
                outage.fault = parent.id
                parent.circuits.add(outage.circuit)
                changed.add(outage.circuit)
        for exposure in self.book.exposures.values():
            if exposure.fault == child.id:
                exposure.fault = parent.id
                changed.add(exposure.circuit)
        self.known.forget_judgements()

    def _orphan(self, fault: FaultRecord) -> None:
        """Nothing speaks for a fault any more: it is over, at the latest now."""
        if fault.root.kind is RootKind.CIRCUIT:
            ends = [o.restored for o in self.book.outages.values() if o.fault == fault.id]
            fault.cleared = None if not ends or None in ends else max(e for e in ends if e is not None)
            return
        if fault.cleared is None:
            fault.cleared = self.now
            self.round.say("fault.withdrawn", fault.id, "its evidence is explained otherwise")

    # ------------------------------------------------------------ the end of things

    def _finish(self) -> None:
        stable = self.now - self.timing.stability
        for outage in self.book.outages.values():
            if not outage.final and outage.restored is not None and outage.restored <= stable:
                outage.final = True
                self.contract.service_returned(outage)
                self._forget_calls(outage)
                self.outages.changed.add(outage.circuit)
                if outage.circuit in self.book.pauses:
                    self.known.spoken_of([outage.circuit])
            if outage.restored is not None and not outage.final:
                self.round.wake_at(outage.restored + self.timing.stability)
        for exposure in self.book.exposures.values():
            if not exposure.final and exposure.ended is not None:
                exposure.final = exposure.ended <= stable
                self.round.wake_at(exposure.ended + self.timing.stability)
        running = [f for f in self.book.faults.values() if not f.final and not f.absorbed_by]
        going_on = {e for f in running if f.cleared is None or f.cleared > stable for e in f.elements}
        for fault in running:
            if fault.cleared is not None:
                # What another one outlived is evidence for both: it is laid aside when both are over.
                if fault.cleared <= stable and going_on.isdisjoint(fault.elements):
                    self._close(fault, going_on)
                self.round.wake_at(fault.cleared + self.timing.stability)
        self.book.drop_tolls()
        for circuit in list(self.book.reroutes):
            if circuit not in self.net.ledger.circuits or not self.losses.of(circuit).cut:
                del self.book.reroutes[circuit]
        self._quarantine()

    def _forget_calls(self, outage: OutageRecord) -> None:
        """Complaints that belong to an outage which is over speak for no other."""
        until = (outage.restored or 0) + self.timing.stability
        others = [c for c in self.book.calls.pop(outage.circuit, ()) if not outage.started <= c.at < until]
        if others:
            self.book.calls[outage.circuit] = others

    def _close(self, fault: FaultRecord, going_on: Container[Element]) -> None:
        fault.final = True
        evidence = self.book.evidence
        mine = set(fault.elements)
        cause = next((c for c in self.causes if self.cases.of.get(c.root) is fault), None)
        if fault.root.kind is RootKind.MANAGEMENT:
            self._forget_blindness()
        elif cause is not None:
            mine |= cause.explains
            self._keep_toll(fault, cause)
        over = (fault.cleared or self.now) + self.timing.agreement
        for element in mine:
            track = evidence.tracks.get(element)
            if track is not None and track.open and element not in going_on:
                track.lay_aside(over)
        evidence.retire(
            [e for e in mine if (t := evidence.tracks.get(e)) is not None and (not t.open or t.quarantine is not None)]
        )
        self.round.say("fault.cleared", fault.id, f"{fault.root} is over and stable", domain=fault.domain)
        self.orders.close(fault)

    def _keep_toll(self, fault: FaultRecord, cause: Cause) -> None:
        parts = {part_of(part): list(spans) for part, spans in cause.dead.items()}
        over = self.net.with_overlays(c for part in parts for c in self.net.over_part(part))
        self.book.tolls.append(Toll(fault.id, parts, over))
