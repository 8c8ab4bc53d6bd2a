"""One review: everything that follows from the evidence as it stands at one instant.

causes → faults on record → what each circuit lost → outages, exposures, unknown times with
their clocks → tickets and whether to send → when to look again. A review is idempotent: run
twice at one instant, the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from netwatch.core.alarms import Key
from netwatch.core.book import (
    Book,
    ExposureRecord,
    FaultRecord,
    OutageRecord,
    TicketRecord,
    UnknownRecord,
    window_spans,
)
from netwatch.core.cases import Cases
from netwatch.core.circuits import Loss, Losses, blamed
from netwatch.core.contract import Contract
from netwatch.core.faults import Cause, Planned, explain
from netwatch.core.intervals import FOREVER, Pair, Spans, union, without
from netwatch.core.model import (
    CircuitState,
    Condition,
    Domain,
    Effect,
    Entry,
    Exposure,
    Fault,
    Root,
    RootKind,
    Row,
    ServiceState,
    Ticket,
    TicketKind,
    TicketState,
    Unknown,
)
from netwatch.core.rules import Rules
from netwatch.core.service import Episode, episodes
from netwatch.core.tickets import OPEN, Stake, places_of, skill_of, team_for, verdict
from netwatch.core.time import MINUTE, Instant, show
from netwatch.core.topology import Network


class Review:
    """Run once; afterwards `rows`, `entries`, `effects`, `due` and `forgotten` tell what came of it."""

    def __init__(self, book: Book, net: Network, rules: Rules, zone: ZoneInfo, now: Instant) -> None:
        self.book, self.net, self.rules, self.zone, self.now = book, net, rules, zone, now
        self.timing = rules.alarms
        self.contract = Contract(book, net, rules, zone)
        self.entries: list[Entry] = []
        self.effects: list[Effect] = []
        self.forgotten: list[tuple[str, str]] = []
        self.due: Instant | None = None
        self.causes: list[Cause] = []
        self._touched: set[str] = set()
        self._outages_of: dict[str, list[OutageRecord]] = {}
        self._exposures_of: dict[str, list[ExposureRecord]] = {}
        for outage in book.outages.values():
            self._outages_of.setdefault(outage.circuit, []).append(outage)
        for exposure in book.exposures.values():
            self._exposures_of.setdefault(exposure.circuit, []).append(exposure)
        self._effects_of: dict[str, tuple[list[OutageRecord], list[ExposureRecord]]] | None = None
        self._at_stake: dict[str, list[Stake]] = {}
        self._judged: dict[tuple[Pair, ...], list[Episode]] = {}

    def run(self) -> None:
        self._retire()
        self.causes = explain(
            self.book.evidence.tracks, self.net, self.book.vantage, self._planned(), self.rules.faults, self.timing
        )
        self.cases = Cases(self.book, self.causes, self.timing, self.now)
        self.cases.settle()
        self.losses = Losses(self.net, self.book, self.causes, self.timing)
        self._circuits()
        self._unknowns()
        self._faults()
        self._tickets()
        self._finish()
        self._echoes()
        self._wake()

    # ------------------------------------------------------------ bookkeeping

    def _say(self, kind: str, subject: str, reason: str, **data: str | float | bool | None) -> None:
        self.entries.append(Entry(self.now, kind, subject, reason, data))

    def _wake_at(self, at: Instant | None) -> None:
        if at is not None and self.now < at < FOREVER:
            self.due = at if self.due is None else min(self.due, at)

    def _retire(self) -> None:
        """Forget evidence that came to nothing."""
        held = {e for f in self.book.faults.values() if not f.final for e in f.elements}
        tracks = self.book.evidence.tracks
        old = self.now - self.timing.debounce_window
        self.book.evidence.retire(
            [e for e, t in tracks.items() if e not in held and (not t.spans or (not t.open and t.end <= old))]
        )
        if not tracks:
            self.book.evidence.answers.clear()

    def _planned(self) -> list[Planned]:
        oldest = min((t.start for t in self.book.evidence.tracks.values() if t.spans), default=self.now)
        out = []
        for versions in self.book.windows.values():
            spans = tuple(s for s in window_spans(versions) if s[1] >= oldest)
            if spans:
                out.append(Planned(versions[-1].id, versions[-1].scope, spans))
        return out

    # ------------------------------------------------------------ circuits

    def _circuits(self) -> None:
        live = {o.circuit for o in self.book.outages.values() if not o.final}
        live |= {e.circuit for e in self.book.exposures.values() if not e.final}
        self._touched = self.losses.touched() | live | self._called()
        for circuit in sorted(self._touched):
            loss = self.losses.of(circuit)
            calls = self.book.calls.get(circuit, [])
            judged = episodes(loss.down, self.timing, calls) if calls else self._episodes(loss.down)
            found = [e for e in judged if e.confirmed <= self.now]
            self._outages(circuit, found, loss)
            self._exposures(circuit, loss)

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
        records = self._outages_of.setdefault(circuit, [])
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
                self.forgotten.append(("Outage", record.id))
                self._say("outage.withdrawn", circuit, "the evidence is explained otherwise", outage=record.id)

    def _begin(self, circuit: str, episode: Episode) -> OutageRecord:
        record = OutageRecord(self.book.name("O"), circuit, "", episode.started, None, episode.confirmed)
        self.book.outages[record.id] = record
        return record

    def _carry(self, record: OutageRecord, episode: Episode, loss: Loss) -> None:
        former = (record.fault, record.restored)
        record.started = min(record.started, episode.started)
        record.restored = None if episode.ended == FOREVER else episode.ended
        record.complained = episode.complained
        record.only_complaint = episode.only_complaint
        fault = self._blame(record, loss)
        if record.circuit not in fault.circuits:
            fault.circuits.append(record.circuit)
        record.fault = fault.id
        record.excused = self.contract.excused(record, loss)
        if former[0] != record.fault:
            since = show(record.started, self.zone)
            self._say("outage.started", record.circuit, f"without service since {since}: {fault.root}", fault=fault.id)
        if former[1] != record.restored and record.restored is not None:
            back = show(record.restored, self.zone)
            self._say("outage.restored", record.circuit, f"first evidence of service at {back}", fault=fault.id)

    def _blame(self, record: OutageRecord, loss: Loss) -> FaultRecord:
        """The fault that an outage is put down to."""
        cause = self._tipped(loss, record.started)
        if cause is None and not record.only_complaint:
            cause = next((c for spans, c in loss.blame if spans[-1][1] > record.started), None)
        if cause is not None:
            fault = self.cases.record(cause)
            said = self._said(record.circuit)
            if said is not None and said is not fault and not said.absorbed_by:
                said.absorbed_by = fault.id
                fault.opened = min(fault.opened, said.opened)
                self.cases.absorbed.append((said, fault))
            return fault
        if record.fault and not record.only_complaint:
            return self.book.faults[record.fault]
        return self._said(record.circuit) or self._customers_word(record)

    def _tipped(self, loss: Loss, at: Instant) -> Cause | None:
        """The cause that tipped the balance; one that has not lasted long enough to count only for want of others."""
        return self._sure(loss, at) or blamed(loss.blame, at, self.timing.agreement)

    def _sure(self, loss: Loss, at: Instant) -> Cause | None:
        sure = [(spans, cause) for spans, cause in loss.blame if self.cases.confirmed(cause)]
        return blamed(sure, at, self.timing.agreement)

    def _said(self, circuit: str) -> FaultRecord | None:
        root = Root(RootKind.CIRCUIT, circuit)
        return next(
            (f for f in self.book.faults.values() if f.root == root and not f.final and not f.absorbed_by), None
        )

    def _customers_word(self, record: OutageRecord) -> FaultRecord:
        fault = FaultRecord(
            id=self.book.name("F"),
            root=Root(RootKind.CIRCUIT, record.circuit),
            domain=Domain.PREMISES,
            opened=record.started,
            cleared=None,
            confirmed=record.started,
            confidence=0.5,
            reason="nothing but the customer's word; most such faults sit at the premises",
            explains=1,
            most=1,
        )
        self.book.faults[fault.id] = fault
        self.cases.live.append(fault)
        self.cases.opened.append(fault)
        return fault

    def _exposures(self, circuit: str, loss: Loss) -> None:
        records = self._exposures_of.setdefault(circuit, [])
        if loss.lost == loss.down and not records:
            return
        out: Spans = union((o.started, o.restored or FOREVER) for o in self._outages_of.get(circuit, ()))
        pieces = []
        for episode in self._episodes(loss.lost):
            if episode.confirmed <= self.now:
                pieces += [(piece, episode) for piece in without([(episode.started, episode.ended)], out)]
        matched: set[str] = set()
        for (start, end), episode in pieces:
            if end - start < _MOMENT:
                continue
            record = next((e for e in records if e.started < end and (e.ended is None or e.ended > start)), None)
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
                self.forgotten.append(("Exposure", record.id))

    def _carry_exposure(self, record: ExposureRecord, start: Instant, end: Instant, loss: Loss) -> None:
        record.started = start
        record.ended = None if end == FOREVER else end
        cause = self._tipped(loss, start)
        if cause is None:
            cause = next((c for spans, c in loss.blame if spans[-1][1] > start), None)
        if cause is None:
            return
        fault = self.cases.record(cause)
        if record.circuit not in fault.circuits:
            fault.circuits.append(record.circuit)
        if record.fault != fault.id:
            record.fault = fault.id
            self._say("exposure.started", record.circuit, f"up, but unprotected: {fault.root}", fault=fault.id)

    def _unknowns(self) -> None:
        """Our blindness: what we cannot see is neither up nor down."""
        blind = next((c for c in self.causes if c.root.kind is RootKind.MANAGEMENT), None)
        fault = self.cases.of.get(blind.root) if blind else None
        if fault is None:
            for record in self.book.unknowns.values():
                if record.ended is None:
                    record.ended = self.now
            return
        down = {o.circuit for o in self.book.outages.values() if o.restored is None}
        have = {u.circuit: u for u in self.book.unknowns.values() if u.started == fault.opened}
        for circuit in self.net.ledger.circuits:
            mine = have.get(circuit)
            if mine is None:
                if circuit in down:
                    continue
                mine = UnknownRecord(self.book.name("U"), circuit, fault.opened, None)
                self.book.unknowns[mine.id] = mine
            mine.ended = fault.cleared
        if fault.cleared is None or fault.cleared > self.now - self.timing.stability:
            self._touched |= set(self.net.ledger.circuits)

    # ------------------------------------------------------------ faults

    def _faults(self) -> None:
        for child, parent in self.cases.absorbed:
            self._absorb(child, parent)
        for fault in self.cases.orphans():
            self._orphan(fault)
        for fault in self.cases.opened:
            fault.planned = self.contract.root_planned(fault)
            self._say("fault.opened", fault.id, f"{fault.root}: {fault.reason}", domain=fault.domain)
            if fault.domain is Domain.MANAGEMENT:
                kind = "blind" if fault.root.kind is RootKind.MANAGEMENT else "agent"
                self._tell("noc", f"noc.{kind}", fault, f"{fault.id}:opened", reason=fault.reason)

    def _absorb(self, child: FaultRecord, parent: FaultRecord) -> None:
        self._say("fault.absorbed", child.id, f"{child.root} follows from {parent.root}", parent=parent.id)
        for outage in self.book.outages.values():
            if outage.fault == child.id:
                outage.fault = parent.id
                if outage.circuit not in parent.circuits:
                    parent.circuits.append(outage.circuit)
        for exposure in self.book.exposures.values():
            if exposure.fault == child.id:
                exposure.fault = parent.id
        orders = [t for t in self.book.tickets.values() if t.fault == child.id and t.state is not TicketState.MERGED]
        main = self._order(parent)
        for order in orders:
            if main is None:
                order.fault, main = parent.id, order
                continue
            order.state, order.merged_into, order.closed = TicketState.MERGED, main.id, self.now
            self._say("ticket.merged", order.id, f"one cause: {parent.root}", into=main.id)
            if order.dispatched is not None and order.team != main.team:
                self._tell_team(order, parent, "ticket.cancelled", "merged")

    def _orphan(self, fault: FaultRecord) -> None:
        """Nothing speaks for a fault any more: it is over, at the latest now."""
        if fault.root.kind is RootKind.CIRCUIT:
            ends = [o.restored for o in self._outages_of.get(fault.root.id, ()) if o.fault == fault.id]
            fault.cleared = None if not ends or None in ends else max(e for e in ends if e is not None)
            return
        if fault.cleared is None:
            fault.cleared = self.now
            self._say("fault.withdrawn", fault.id, "its evidence is explained otherwise")

    # ------------------------------------------------------------ tickets

    def _effects(self, fault: FaultRecord) -> tuple[list[OutageRecord], list[ExposureRecord]]:
        """The outages and exposures put down to a fault. Asked only once circuits are judged."""
        if self._effects_of is None:
            self._effects_of = {}
            for outage in self.book.outages.values():
                self._effects_of.setdefault(outage.fault, ([], []))[0].append(outage)
            for exposure in self.book.exposures.values():
                self._effects_of.setdefault(exposure.fault, ([], []))[1].append(exposure)
        return self._effects_of.get(fault.id, ([], []))

    def _order(self, fault: FaultRecord) -> TicketRecord | None:
        return next(
            (t for t in self.book.tickets.values() if t.fault == fault.id and t.state is not TicketState.MERGED), None
        )

    def _tickets(self) -> None:
        for fault in self.book.faults.values():
            if fault.final or fault.absorbed_by:
                continue
            order = self._order(fault)
            opened = self._wanted(fault)
            if order is None and opened is not None:
                order = self._open_ticket(fault, opened)
            if order is not None and order.state in OPEN:
                self._upgrade(order, fault)
                self._decide(order, fault)

    def _wanted(self, fault: FaultRecord) -> Instant | None:
        """From when on a fault deserves a repair order; None while nobody is to be sent."""
        if fault.root.kind in (RootKind.MANAGEMENT, RootKind.AGENT):
            return None
        outages, exposures = self._effects(fault)
        effects: list[OutageRecord | ExposureRecord] = [*outages, *exposures]
        times = []
        for effect in effects:
            end = effect.restored if isinstance(effect, OutageRecord) else effect.ended
            if fault.cleared is not None:
                end = fault.cleared if end is None else min(end, fault.cleared)  # beyond it, another one holds it
            covered = self.contract.covered_until(effect.circuit, effect.started)
            if covered is None:
                times.append(effect.confirmed)
            elif (end is None or end > covered) and covered <= self.now:
                times.append(max(covered, effect.confirmed))
            else:
                self._wake_at(covered)
        if times:
            return min(times)
        if fault.root.kind is RootKind.POWER and not effects and not fault.planned:
            return fault.confirmed
        return None

    def _open_ticket(self, fault: FaultRecord, opened: Instant) -> TicketRecord:
        loss = bool(fault.circuits)
        kind = TicketKind.REPAIR if loss else TicketKind.ENQUIRY
        order = TicketRecord(
            id=self.book.name("T"),
            fault=fault.id,
            kind=kind,
            state=TicketState.WATCHING,
            opened=min(opened, self.now),
            skill=skill_of(fault, self.net, self.rules.dispatch),
        )
        self.book.tickets[order.id] = order
        self._say("ticket.opened", order.id, f"{fault.root} takes service or protection away", fault=fault.id)
        self._tell("noc", "noc.fault", fault, f"{order.id}:opened", ticket=order.id, reason=fault.reason)
        return order

    def _upgrade(self, order: TicketRecord, fault: FaultRecord) -> None:
        if order.kind is TicketKind.ENQUIRY and fault.circuits:
            order.kind = TicketKind.REPAIR
            self._say("ticket.upgraded", order.id, "service is lost: no enquiry any more", fault=fault.id)
        skill = skill_of(fault, self.net, self.rules.dispatch)
        if skill != order.skill:
            settled = fault.turned + self.timing.debounce
            if order.state is TicketState.DISPATCHED and self.now < settled:
                self._wake_at(settled)  # nobody is called off on the way for what has not lasted yet
                return
            self._say("ticket.reskilled", order.id, f"{order.skill} → {skill}: {fault.reason}", fault=fault.id)
            order.skill = skill
            if order.state is TicketState.DISPATCHED:
                self._tell_team(order, fault, "ticket.cancelled", f"left:{order.sent}")
                self._send(order, fault, f"the work is {skill}'s after all: {fault.reason}")

    def _stakes(self, fault: FaultRecord) -> list[Stake]:
        """The open outages of a fault, the earliest deadline first."""
        if fault.id not in self._at_stake:
            stakes = [self._stake(o) for o in self._effects(fault)[0] if o.restored is None]
            self._at_stake[fault.id] = sorted(stakes, key=lambda s: (s.deadline, s.circuit))
        return self._at_stake[fault.id]

    def _stake(self, record: OutageRecord) -> Stake:
        circuit = self.net.ledger.circuits[record.circuit]
        return Stake(
            record.circuit,
            self.contract.limit(record).assurance,
            record.started,
            self.contract.account(record, self.now).deadline,
            record.complained is not None,
            bool(circuit.protecting),
        )

    def _decide(self, order: TicketRecord, fault: FaultRecord) -> None:
        if fault.cleared is not None:
            return
        stakes = self._stakes(fault)
        exposed = sum(e.ended is None for e in self._effects(fault)[1])
        said = verdict(fault, order, stakes, exposed, self._lost_light(fault), self.rules.dispatch, self.now)
        order.probability = said.probability
        if order.state is TicketState.WATCHING:
            held = self._held(order, fault) if said.send else said.reason
            if not held:
                self._send(order, fault, said.reason)
            else:
                order.reason = held
                self._wake_at(self.now + self.rules.dispatch.review)
        self._deadlines(order, fault)

    def _held(self, order: TicketRecord, fault: FaultRecord) -> str:
        """Why nobody is sent although it would be time."""
        if self._suppressed(fault):
            return "planned work: nobody is sent"
        rules = self.rules.dispatch
        sent = sorted(
            t.dispatched
            for t in self.book.tickets.values()
            if t.dispatched is not None and t.dispatched > self.now - rules.brake_window
        )
        if len(sent) < rules.brake_orders:
            return ""
        reason = (
            f"brake: {len(sent)} crews were sent within {rules.brake_window // MINUTE} min, a person must look first"
        )
        if order.reason != reason:
            self._say("ticket.held", order.id, reason, fault=fault.id)
        self._tell("noc", "noc.storm", fault, f"brake:{sent[-1]}", reason=reason, what=reason)
        return reason

    def _suppressed(self, fault: FaultRecord) -> bool:
        """Whether all that a fault touches lies in planned work that goes on."""
        outages, exposures = self._effects(fault)
        touched = [(o.circuit, o.started) for o in outages] + [(e.circuit, e.started) for e in exposures]
        ends = [self.contract.covered_until(circuit, started) for circuit, started in touched]
        return bool(ends) and all(end is not None and end > self.now for end in ends)

    def _lost_light(self, fault: FaultRecord) -> bool:
        tracks = self.book.evidence.tracks
        for kind, name in fault.elements:
            track = tracks.get((kind, name))
            if kind == "link" and track is not None:
                seen = {device for device, _, condition in track.signals if condition is Condition.LOS}
                link = self.net.ledger.links[name]
                if {link.a.device, link.z.device} <= seen:
                    return True
        return False

    def _send(self, order: TicketRecord, fault: FaultRecord, reason: str) -> None:
        order.team = team_for(fault, order.skill, order.refused, self.net, self.rules.dispatch)
        order.state = TicketState.DISPATCHED
        order.dispatched = order.dispatched or self.now
        order.reason = reason
        order.sent += 1
        self._say("ticket.dispatched", order.id, reason, fault=fault.id, team=order.team, skill=order.skill)
        template = "ticket.enquiry" if order.kind is TicketKind.ENQUIRY else "ticket.dispatched"
        self._tell_team(order, fault, template, f"sent:{order.sent}")

    def _deadlines(self, order: TicketRecord, fault: FaultRecord) -> None:
        """Warn when a limit is nearly used up, say so once when it is broken."""
        share = self.rules.dispatch.warn_share
        for record in self._effects(fault)[0]:
            if record.restored is not None or record.breached:
                continue
            account = self.contract.account(record, self.now)
            allowed = account.deadline - record.started
            warn = record.started + int(share * allowed)
            if account.breached:
                record.breached = True
                self._say("outage.breached", record.circuit, "net time exceeds the limit", fault=fault.id)
                self._tell_team(order, fault, "deadline.breached", f"{record.id}:breached", circuit=record.circuit)
            elif self.now >= warn and not record.warned:
                record.warned = True
                self._tell_team(order, fault, "deadline.near", f"{record.id}:near", circuit=record.circuit)
            self._wake_at(warn if not record.warned else account.deadline + 1)

    # ------------------------------------------------------------ telling

    def _facts(self, fault: FaultRecord) -> dict[str, str | int | float | bool | tuple[str, ...] | None]:
        """What a message may say of a fault: no customer's name, no contact."""
        stakes = self._stakes(fault)
        places = places_of(fault, self.net)
        site = self.net.ledger.sites.get(places[0]) if places else None
        return {
            "fault": fault.id,
            "root_kind": str(fault.root.kind),
            "root_id": fault.root.id,
            "domain": str(fault.domain),
            "opened": show(fault.opened, self.zone),
            "deadline": show(stakes[0].deadline, self.zone) if stakes else None,
            "circuits": tuple(sorted(fault.circuits)),
            "count": len(fault.circuits),
            "out": len(stakes),
            "classes": tuple(dict.fromkeys(s.assurance for s in stakes if s.assurance)),
            "site": site.id if site else "",
            "site_name": site.name if site else "",
            "address": site.address if site else "",
            "confidence": round(fault.confidence, 2),
        }

    def _tell(self, audience: str, template: str, fault: FaultRecord, key: str, **more: str) -> None:
        self.effects.append(Effect(key, audience, template, self.now, fault.id, self._facts(fault) | more))

    def _tell_team(self, order: TicketRecord, fault: FaultRecord, template: str, key: str, **more: str) -> None:
        audience = f"team:{order.team}" if order.team else "noc"
        data = self._facts(fault) | {
            "ticket": order.id,
            "kind": str(order.kind),
            "skill": order.skill,
            "team": order.team,
            "reason": order.reason,
        }
        self.effects.append(Effect(f"{order.id}:{key}", audience, template, self.now, order.id, data | more))

    # ------------------------------------------------------------ the end of things

    def _finish(self) -> None:
        stable = self.now - self.timing.stability
        for outage in self.book.outages.values():
            if not outage.final and outage.restored is not None and outage.restored <= stable:
                outage.final = True
                self.contract.service_returned(outage)
                self._forget_calls(outage)
            if outage.restored is not None and not outage.final:
                self._wake_at(outage.restored + self.timing.stability)
        for exposure in self.book.exposures.values():
            if not exposure.final and exposure.ended is not None:
                exposure.final = exposure.ended <= stable
                self._wake_at(exposure.ended + self.timing.stability)
        for fault in self.book.faults.values():
            if not fault.final and not fault.absorbed_by and fault.cleared is not None:
                if fault.cleared <= stable:
                    self._close(fault)
                self._wake_at(fault.cleared + self.timing.stability)
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

    def _close(self, fault: FaultRecord) -> None:
        fault.final = True
        evidence = self.book.evidence
        mine = set(fault.elements)
        cause = next((c for c in self.causes if self.cases.of.get(c.root) is fault), None)
        if cause is not None:
            mine |= cause.explains
        others = {e for f in self.book.faults.values() if f is not fault and not f.final for e in f.elements} & mine
        if cause is not None and fault.root.kind is RootKind.MANAGEMENT:
            # What was silent also for a reason of its own keeps that, and only that.
            for track in (evidence.tracks[e] for e in others & evidence.tracks.keys()):
                track.spans = [span for span in track.spans if not cause.covers(span, self.timing.grace)]
            mine -= others
        evidence.retire(
            [e for e in mine if (t := evidence.tracks.get(e)) is not None and (not t.open or t.quarantine is not None)]
        )
        self._say("fault.cleared", fault.id, f"{fault.root} is over and stable", domain=fault.domain)
        order = self._order(fault)
        if order is None or order.state not in OPEN:
            return
        order.restored = order.restored or fault.cleared
        if order.dispatched is None:
            order.state, order.closed = TicketState.CANCELLED, self.now
            order.reason = "healed by itself before anybody was sent"
            self._say("ticket.cancelled", order.id, order.reason, fault=fault.id)
        elif order.state is not TicketState.RETURNED:
            order.state = TicketState.RESTORED
            self._say("ticket.restored", order.id, "service is back and stable", fault=fault.id)
            self._tell_team(order, fault, "ticket.restored", f"restored:{fault.cleared}")

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
                if track is not None and track.open and track.quarantine is None and track.spans[-1][0] <= cause.end:
                    track.quarantine = cause.end

    def _wake(self) -> None:
        """When something will be different without anything being said."""
        for cause in self.causes:
            self._confirmation(cause.spans)
        for circuit in self._touched:
            loss = self.losses.of(circuit)
            self._confirmation(loss.down)
            if loss.lost != loss.down:
                self._confirmation(loss.lost)

    def _confirmation(self, spans: Spans) -> None:
        if spans and spans[-1][1] > self.now:
            later = [e.confirmed for e in self._episodes(spans) if e.confirmed > self.now]
            if later:
                self._wake_at(min(later))

    # ------------------------------------------------------------ rows

    def explained(self) -> Iterator[tuple[Key, str]]:
        """Which fault explains which signal."""
        causes = {c.root: c for c in self.causes}
        for root, fault in self.cases.of.items():
            cause = causes[root]
            for element in sorted(cause.elements | cause.explains):
                track = self.book.evidence.tracks.get(element)
                for key in track.signals if track else ():
                    yield key, fault.id

    def rows(self) -> Iterator[Row]:
        """The rows of everything that this review may have changed."""
        for fault in self.book.faults.values():
            if not fault.final or fault.cleared is None or fault.cleared > self.now - 2 * self.timing.stability:
                yield self._fault_row(fault)
        for outage in self.book.outages.values():
            if not outage.final or (outage.restored or 0) > self.now - 2 * self.timing.stability:
                yield self.contract.row(outage, self.now)
        for e in self.book.exposures.values():
            if not e.final or (e.ended or 0) > self.now - 2 * self.timing.stability:
                yield Exposure(e.id, e.circuit, e.fault, e.started, e.ended)
        for u in self.book.unknowns.values():
            yield Unknown(u.id, u.circuit, u.started, u.ended)
        for order in self.book.tickets.values():
            yield self._ticket_row(order)
        yield from self._circuit_rows()

    def _fault_row(self, fault: FaultRecord) -> Fault:
        minutes = self.contract.facility_minutes(fault)
        return Fault(
            id=fault.id,
            root=fault.root,
            domain=fault.domain,
            opened=fault.opened,
            cleared=fault.cleared,
            circuits=tuple(sorted(fault.circuits)),
            explains=fault.most,
            confidence=fault.confidence,
            facility_limit_minutes=minutes,
            facility_deadline=self.contract.facility_deadline(fault, minutes),
            reason=fault.reason,
            against=fault.against,
            planned=fault.planned,
            absorbed_by=fault.absorbed_by,
        )

    def _ticket_row(self, order: TicketRecord) -> Ticket:
        fault = self.book.faults[order.fault]
        stakes = self._stakes(fault) if order.state in OPEN else []
        return Ticket(
            id=order.id,
            fault=order.fault,
            kind=order.kind,
            state=order.state,
            opened=order.opened,
            dispatched=order.dispatched,
            acknowledged=order.acknowledged,
            accepted=order.accepted,
            arrived=order.arrived,
            restored=order.restored,
            returned=order.returned,
            closed=order.closed,
            skill=order.skill,
            team=order.team,
            reason=order.reason,
            deadline=stakes[0].deadline if stakes else None,
            circuits=tuple(sorted(fault.circuits)),
            merged_into=order.merged_into,
            breach_probability=order.probability,
        )

    def _circuit_rows(self) -> Iterator[Row]:
        down: dict[str, OutageRecord] = {o.circuit: o for o in self.book.outages.values() if o.restored is None}
        exposed = {e.circuit: e for e in self.book.exposures.values() if e.ended is None}
        unknown = {u.circuit: u for u in self.book.unknowns.values() if u.ended is None}
        for circuit in sorted(self._touched):
            state, since, fault = ServiceState.UP, self.now, ""
            if circuit in down:
                outage = down[circuit]
                covered = self.contract.covered_until(circuit, outage.started)
                planned = covered is not None and covered > self.now
                state = ServiceState.PLANNED if planned else ServiceState.DOWN
                since, fault = outage.started, outage.fault
            elif circuit in unknown:
                state, since = ServiceState.UNKNOWN, unknown[circuit].started
            elif circuit in exposed:
                state, since, fault = ServiceState.EXPOSED, exposed[circuit].started, exposed[circuit].fault
            former = self.book.circuits.get(circuit)
            if former is not None and (former.state, former.fault) == (state, fault):
                continue
            if former is None and state is ServiceState.UP:
                continue
            row = CircuitState(circuit, state, since, self.contract.assurance(circuit, self.now), fault)
            self.book.circuits[circuit] = row
            yield row


def _meets(started: Instant, ended: Instant | None, episode: Episode) -> bool:
    return started <= episode.ended and episode.started <= (FOREVER if ended is None else ended)


_MOMENT = 1_000_000
"""Pieces of exposure shorter than a second are seams between two states, not states."""
