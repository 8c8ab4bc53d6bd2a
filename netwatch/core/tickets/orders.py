"""The repair orders of one review: opened, sent, held back, warned about, closed; and what is told of them.

The rules of the craft (when to send, whom) are `tickets`'; this applies them to the book.
"""

from __future__ import annotations

from collections import Counter

from netwatch.core.book import ExposureRecord, FaultRecord, OutageRecord, TicketRecord
from netwatch.core.forecast.experience import Circumstances
from netwatch.core.forecast.foresight import Subject
from netwatch.core.forecast.generators import Battery, battery_of, proposal
from netwatch.core.forecast.past import is_night
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Condition, Effect, RootKind, TicketKind, TicketState
from netwatch.core.outages.contract import Plan
from netwatch.core.outages.known import Known
from netwatch.core.round import Round
from netwatch.core.sla.clocks import Clocks, ledger
from netwatch.core.sla.ladder import Rung, capped, rungs
from netwatch.core.tickets import OPEN, Effects, Stake, cause_of, places_of, skill_of, team_for, verdict
from netwatch.core.tickets.sends import Value
from netwatch.core.time import MINUTE, Instant, show

_AT_WORK = frozenset({TicketState.DISPATCHED, TicketState.ACCEPTED, TicketState.TRAVELLING, TicketState.ON_SITE})


class Orders:
    """Asked only once the round's circuits are judged."""

    def __init__(self, round_: Round, known: Known) -> None:
        self.round, self.known = round_, known
        self.book, self.net, self.rules = round_.book, round_.net, round_.rules
        self.now, self.zone, self.timing, self.contract = round_.now, round_.zone, round_.timing, round_.contract
        self._effects_of: dict[str, tuple[list[OutageRecord], list[ExposureRecord]]] | None = None
        self._at_work: Counter[str] | None = None
        self._outlived: dict[str, Plan] = {}
        """Fault → the planned work that held its order back until now."""
        self._tickets: dict[str, list[TicketRecord]] = {}
        for order in self.book.tickets.values():
            self._tickets.setdefault(order.fault, []).append(order)

    def review(self) -> None:
        """Open what is missing, send what is due, warn of what runs out."""
        for fault in self.book.faults.values():
            if fault.final or fault.absorbed_by:
                continue
            order = self.of(fault)
            opened = self._wanted(fault)
            if order is None and opened is not None:
                order = self._open_ticket(fault, opened)
            if order is not None and order.state in OPEN:
                self._upgrade(order, fault)
                self._decide(order, fault)
        for order in self.book.tickets.values():
            if not order.filed:
                self._run_clocks(order)

    def merge(self, child: FaultRecord, parent: FaultRecord) -> None:
        """The orders of a fault that was absorbed: one cause, one order."""
        orders = [t for t in self._tickets.get(child.id, ()) if t.state is not TicketState.MERGED]
        main = self.of(parent)
        for order in orders:
            if main is None:
                order.fault, main = parent.id, order
                self._tickets[child.id].remove(order)
                self._tickets.setdefault(parent.id, []).append(order)
                continue
            order.state, order.merged_into, order.closed = TicketState.MERGED, main.id, self.now
            self.round.say("ticket.merged", order.id, f"one cause: {parent.root}", into=main.id)
            if order.dispatched is not None and order.team != main.team:
                self._tell_team(order, parent, "ticket.cancelled", "merged")

    def close(self, fault: FaultRecord) -> None:
        """A fault is over and stable: its order is resolved, or was never needed."""
        order = self.of(fault)
        if order is None or order.state not in OPEN:
            return
        order.restored = order.restored or fault.cleared
        if order.dispatched is None:
            order.state, order.closed = TicketState.CANCELLED, self.now
            order.reason = "healed by itself before anybody was sent"
            self.round.say("ticket.cancelled", order.id, order.reason, fault=fault.id)
        elif order.state is not TicketState.RETURNED:
            order.state = TicketState.RESTORED
            self.round.say("ticket.restored", order.id, "service is back and stable", fault=fault.id)
            self._tell_team(order, fault, "ticket.restored", f"restored:{fault.cleared}")

    def of(self, fault: FaultRecord) -> TicketRecord | None:
        """The order of a fault that is not merged into another."""
        return next((t for t in self._tickets.get(fault.id, ()) if t.state is not TicketState.MERGED), None)

    def effects_of(self, fault: FaultRecord) -> tuple[list[OutageRecord], list[ExposureRecord]]:
        """The outages and exposures put down to a fault. Asked only once circuits are judged."""
        if self._effects_of is None:
            self._effects_of = {}
            for outage in self.book.outages.values():
                self._effects_of.setdefault(outage.fault, ([], []))[0].append(outage)
            for exposure in self.book.exposures.values():
                self._effects_of.setdefault(exposure.fault, ([], []))[1].append(exposure)
        return self._effects_of.get(fault.id, ([], []))

    def stakes(self, fault: FaultRecord) -> list[Stake]:
        """The open outages of a fault, the earliest deadline first."""
        file = self.known.file(fault.id)
        if file.stakes is None:
            file.stakes = self._stakes(fault)
        return file.stakes

    def _stakes(self, fault: FaultRecord) -> list[Stake]:
        alike: dict[tuple[str, Instant, Instant, bool, bool], list[str]] = {}
        circuits = self.net.ledger.circuits
        for o in self.effects_of(fault)[0]:
            if o.restored is None:
                deadline, protected = self.contract.deadline(o, self.now), bool(circuits[o.circuit].protecting)
                key = o.assurance, o.started, deadline, o.complained is not None, protected
                alike.setdefault(key, []).append(o.circuit)
        stakes = [Stake(min(names), *key, len(names)) for key, names in alike.items()]
        return sorted(stakes, key=lambda s: (s.deadline, s.circuit))

    def _exposed(self, fault: FaultRecord) -> list[str]:
        """The classes of the circuits that a fault leaves without protection now."""
        file = self.known.file(fault.id)
        if file.exposed is None:
            circuits = [e.circuit for e in self.effects_of(fault)[1] if e.ended is None]
            file.exposed = [self.contract.assurance(circuit, self.now) for circuit in circuits]
        return file.exposed

    def _wanted(self, fault: FaultRecord) -> Instant | None:
        """From when on a fault deserves a repair order; None while nobody is to be sent."""
        if fault.root.kind in (RootKind.MANAGEMENT, RootKind.AGENT):
            return None
        file = self.known.file(fault.id)
        if file.wanted is not None and file.wanted[0] == fault.cleared and not self.book.windows:
            return file.wanted[1]
        outages, exposures = self.effects_of(fault)
        effects: list[OutageRecord | ExposureRecord] = [*outages, *exposures]
        times = []
        for effect in effects:
            end = effect.restored if isinstance(effect, OutageRecord) else effect.ended
            if fault.cleared is not None:
                end = fault.cleared if end is None else min(end, fault.cleared)  # beyond it, another one holds it
            plan = self.contract.covered_by(effect.circuit, effect.started)
            if plan is None:
                times.append(effect.confirmed)
            elif (end is None or end > plan.until) and plan.until <= self.now:
                times.append(max(plan.until, effect.confirmed))
                self._outlived[fault.id] = plan
            else:
                self.round.wake_at(plan.until)
        if times:
            file.wanted = fault.cleared, min(times)
            return min(times)
        if fault.root.kind is RootKind.POWER and not effects and not fault.planned:
            plan = self.contract.worked_on(fault)
            return fault.confirmed if plan is None else max(plan.until, fault.confirmed)
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
        self._tickets.setdefault(fault.id, []).append(order)
        takes = "takes service or protection away" if loss else "takes nothing away yet"
        plan = self._outlived.get(fault.id) or self.contract.worked_on(fault)
        late = "" if plan is None else f"; planned work {plan.id} held it back until {self.round.shown(plan.until)}"
        self.round.say("ticket.opened", order.id, f"{fault.root} {takes}{late}", fault=fault.id)
        self.tell("noc", "noc.fault", fault, f"{order.id}:opened", ticket=order.id, reason=fault.reason)
        return order

    def _upgrade(self, order: TicketRecord, fault: FaultRecord) -> None:
        if order.kind is TicketKind.ENQUIRY and fault.circuits:
            order.kind = TicketKind.REPAIR
            self.round.say("ticket.upgraded", order.id, "service is lost: no enquiry any more", fault=fault.id)
        skill = skill_of(fault, self.net, self.rules.dispatch)
        if skill != order.skill:
            settled = fault.turned + self.timing.debounce
            if order.state is TicketState.DISPATCHED and self.now < settled:
                self.round.wake_at(settled)  # nobody is called off on the way for what has not lasted yet
                return
            self.round.say("ticket.reskilled", order.id, f"{order.skill} → {skill}: {fault.reason}", fault=fault.id)
            order.skill = skill
            if order.state is TicketState.DISPATCHED:
                self._tell_team(order, fault, "ticket.cancelled", f"left:{order.sent}")
                self._send(order, fault, f"the work is {skill}'s after all: {fault.reason}")

    def _decide(self, order: TicketRecord, fault: FaultRecord) -> None:
        order.braked = False
        if fault.cleared is not None:
            order.outlook = order.probability = order.battery_end = None
            return
        waits, stakes = order.state is TicketState.WATCHING, self.stakes(fault)
        if not stakes:
            order.outlook = order.probability = None
        stale = bool(stakes) and self._stale(order, stakes[0].deadline)
        if waits or stale:
            subject = self._subject(order, fault)
            if stale:
                order.outlook = self.round.foresight.outlook(subject, stakes[0].deadline, order.dispatched, self.now)
                order.probability = order.outlook.if_sent
        battery = battery_of(fault, self.book, self.net)
        order.battery_end = battery.end
        if battery.low or battery.end is not None:
            self._generator(order, fault, battery)
        if waits:
            met = self._effects(fault, battery)
            said = verdict(order, subject, fault, met, self.round.foresight, self.now)
            held = self._held(order, fault) if said.send else said.reason
            order.withheld = order.withheld or said.withheld
            if not held:
                self._send(order, fault, said.reason)
            else:
                order.reason = held
                self.round.wake_at(self.now + self.rules.dispatch.review)
        if order.outlook is not None:
            self.round.wake_at(order.outlook.at + self.rules.dispatch.learning.refresh)
        self._deadlines(order, fault)

    def _stale(self, order: TicketRecord, deadline: Instant) -> bool:
        """Whether what is to be expected must be told anew: something changed, or it was told a while ago."""
        told, rules = order.outlook, self.rules.dispatch
        # Who has been sent is only watched any more: a thousand of them must not be worked out anew every minute.
        age = rules.review if order.dispatched is None else rules.learning.refresh
        if told is None or self.now - told.at >= age or told.deadline != deadline:
            return True
        return (told.if_waiting is None) is (order.dispatched is None)

    def _subject(self, order: TicketRecord, fault: FaultRecord) -> Subject:
        """What the forecast may know of a fault; of one that nobody was sent for yet, by what it is taken for now."""
        if order.dispatched is None:
            order.cause = cause_of(fault, self.rules.dispatch)
            sites = (self.net.ledger.sites.get(i) for i in places_of(fault, self.net))
            order.area = next((site.area for site in sites if site is not None and site.area), "")
        about = Circumstances()
        if self.book.experience is not None:
            team = order.team or team_for(fault, order.skill, order.refused, self.net, self.rules.dispatch)
            night = is_night(fault.opened, self.zone, self.rules.dispatch.learning.workday)
            ahead = order.ahead if order.dispatched is not None else self._ahead(team)
            about = Circumstances(team, order.area, night, ahead)
        return Subject(order.cause or cause_of(fault, self.rules.dispatch), fault.opened, about)

    def _ahead(self, team: str) -> int:
        """Orders that a team has been sent and not finished."""
        if self._at_work is None:
            self._at_work = Counter(t.team for t in self.book.tickets.values() if t.state in _AT_WORK)
        return self._at_work[team]

    def _effects(self, fault: FaultRecord, battery: Battery) -> Effects:
        return Effects(self.stakes(fault), self._exposed(fault), self._lost_light(fault), battery.low, battery.end)

    def _generator(self, order: TicketRecord, fault: FaultRecord, battery: Battery) -> None:
        """Propose a generator while it can still be in time; pass on the order of who decided."""
        if order.generator_ordered is not None and not order.generator_told:
            order.generator_told = True
            self._tell_team(order, fault, "ticket.generator", "generator")
        if order.generator_proposed is not None or order.generator_ordered is not None:
            return
        why, again = proposal(battery, self._subject(order, fault), self.round.foresight, self.now)
        self.round.wake_at(again)
        if why:
            order.generator_proposed = self.now
            self.round.say("generator.proposed", order.id, why, fault=fault.id)
            self.tell("noc", "noc.generator", fault, f"{order.id}:generator", ticket=order.id, reason=why, what=why)

    def _held(self, order: TicketRecord, fault: FaultRecord) -> str:
        """Why nobody is sent although it would be time."""
        if self._suppressed(fault):
            return "planned work: nobody is sent"
        if order.acknowledged is not None:
            return ""  # a person has looked
        rules = self.rules.dispatch
        sent = sorted(
            t.dispatched
            for t in self.book.tickets.values()
            if t.dispatched is not None and t.dispatched > self.now - rules.brake_window
        )
        if len(sent) < rules.brake_orders:
            return ""
        order.braked = True
        minutes = rules.brake_window // MINUTE
        reason = f"brake: {len(sent)} crews were sent within {minutes} min, a person must look and acknowledge it first"
        if order.reason != reason:
            self.round.say("ticket.held", order.id, reason, fault=fault.id)
        self.tell("noc", "noc.storm", fault, f"brake:{sent[-1]}", reason=reason, what=reason)
        return reason

    def _suppressed(self, fault: FaultRecord) -> bool:
        """Whether all that a fault touches lies in planned work that goes on."""
        if not self.book.windows:
            return False
        outages, exposures = self.effects_of(fault)
        touched = [(o.circuit, o.started) for o in outages] + [(e.circuit, e.started) for e in exposures]
        ends = [self.contract.covered_until(circuit, started) for circuit, started in touched]
        return bool(ends) and all(end is not None and end > self.now for end in ends)

    def _lost_light(self, fault: FaultRecord) -> bool:
        tracks = self.book.evidence.tracks
        for kind, name in fault.elements:
            track = tracks.get((kind, name))
            if kind == "link" and track is not None:
                seen = {device for device, _, condition in track.signals if condition is Condition.LOS}
                link = self.net.ledger.links[name]  # a track is dropped with its link
                if {link.a.device, link.z.device} <= seen:
                    return True
        return False

    def _send(self, order: TicketRecord, fault: FaultRecord, reason: str) -> None:
        order.team = team_for(fault, order.skill, order.refused, self.net, self.rules.dispatch)
        order.ahead, self._at_work = self._ahead(order.team), None
        order.state = TicketState.DISPATCHED
        if order.dispatched is None:
            order.dispatched, order.outlook_sent = self.now, order.outlook
        order.reason = reason
        order.sent += 1
        self.round.say("ticket.dispatched", order.id, reason, fault=fault.id, team=order.team, skill=order.skill)
        template = "ticket.enquiry" if order.kind is TicketKind.ENQUIRY else "ticket.dispatched"
        self._tell_team(order, fault, template, f"sent:{order.sent}")

    def _run_clocks(self, order: TicketRecord) -> None:
        """Write down how an order's clocks stand; tell those whose turn it is, each once."""
        fault = self.book.faults[order.fault]
        file, seen = self.known.file(fault.id), self._stamps(order, fault)
        if (found := file.clocks.get(order.id)) is not None and found[0] == seen and self.now < found[1]:
            self.round.wake_at(found[1])
            return
        stakes = self.stakes(fault) if order.state in OPEN else []
        outages = self.effects_of(fault)[0]
        urgent = next((o for o in outages if stakes and o.circuit == stakes[0].circuit and o.restored is None), None)
        clocks = Clocks(self.contract, order, fault, outages, urgent, self.now)
        running = list(clocks)
        order.clocks = tuple(one.clock for one in running)
        order.pauses = ledger(self.contract, order, fault, clocks.policy)
        order.filed = order.closed is not None and all(clock.ended is not None for clock in order.clocks)
        file.clocks[order.id] = seen, FOREVER
        if order.state not in OPEN:
            return
        running += capped(order.pauses, clocks.assurance)
        again = FOREVER
        for rung in rungs(running, self.rules.dispatch.escalations, clocks.policy, self.zone):
            if rung.key in order.told:
                continue
            if rung.at > self.now:
                again = min(again, rung.at)
                continue
            order.told.append(rung.key)
            self._climb(order, fault, rung)
        file.clocks[order.id] = seen, again
        self.round.wake_at(again)

    def _stamps(self, order: TicketRecord, fault: FaultRecord) -> object:
        """What an order's clocks hang on, besides its circuits."""
        sent = order.opened, order.acknowledged, order.dispatched, order.accepted, order.arrived
        over = order.restored, order.returned, order.closed, order.state
        return sent, over, self.contract.facility(fault), fault.opened, fault.cleared, len(fault.circuits)

    def _climb(self, order: TicketRecord, fault: FaultRecord, rung: Rung) -> None:
        clock = rung.clock
        what = f"{rung.share:.0%} of {clock.en} used up"
        self.round.say("ticket.escalated", order.id, what, fault=fault.id, to=rung.to, clock=clock.name)
        audience = {"team": crew_of(order), "noc": "noc"}.get(rung.to, f"duty:{rung.to}")
        self.tell_of(
            order,
            fault,
            audience,
            "clock.due",
            rung.key,
            clock=clock.name,
            clock_zh=clock.zh,
            clock_en=clock.en,
            deadline=show(clock.due, self.zone),
            share=round(rung.share * 100),
            over=rung.share >= 1,
            circuit=clock.circuit,
            source=clock.source,
        )

    def _deadlines(self, order: TicketRecord, fault: FaultRecord) -> None:
        """Warn when a limit is nearly used up, say so once when it is broken."""
        share, file = self.rules.dispatch.warn_share, self.known.file(fault.id)
        if self.now < file.due:
            self.round.wake_at(file.due)
            return
        warnings = (s.started + int(share * (s.deadline - s.started)) for s in self.stakes(fault))
        file.due = min(warnings, default=FOREVER)
        if self.now < file.due:
            self.round.wake_at(file.due)
            return
        file.due = FOREVER
        for record in self.effects_of(fault)[0]:
            if record.restored is not None or record.breached:
                continue
            account = self.contract.account(record, self.now)
            allowed = account.deadline - record.started
            warn = record.started + int(share * allowed)
            if account.breached:
                record.breached = True
                self.round.say("outage.breached", record.circuit, "net time exceeds the limit", fault=fault.id)
                self._tell_team(order, fault, "deadline.breached", f"{record.id}:breached", circuit=record.circuit)
            elif self.now >= warn and not record.warned:
                record.warned = True
                self._tell_team(order, fault, "deadline.near", f"{record.id}:near", circuit=record.circuit)
            again = warn if not record.warned else account.deadline + 1
            if again > self.now:
                file.due = min(file.due, again)
        self.round.wake_at(file.due)

    def facts(self, fault: FaultRecord) -> dict[str, Value]:
        """What a message may say of a fault: no customer's name, no contact."""
        stakes = self.stakes(fault)
        places = places_of(fault, self.net)
        site = self.net.ledger.sites.get(places[0]) if places else None
        return {
            "fault": fault.id,
            "root_kind": str(fault.root.kind),
            "root_id": fault.root.id,
            "domain": str(fault.domain),
            "opened": show(fault.opened, self.zone),
            "deadline": show(stakes[0].deadline, self.zone) if stakes else None,
            "circuits": self.known.circuits_of(fault.id, fault.circuits),
            "count": len(fault.circuits),
            "out": sum(s.count for s in stakes),
            "classes": tuple(dict.fromkeys(s.assurance for s in stakes if s.assurance)),
            "site": site.id if site else "",
            "site_name": site.name if site else "",
            "address": site.address if site else "",
            "confidence": round(fault.confidence, 2),
        }

    def tell_of(
        self, order: TicketRecord, fault: FaultRecord, audience: str, template: str, key: str, **more: Value
    ) -> None:
        """A message about an order: what it is, and `more`."""
        data = self.facts(fault) | {
            "ticket": order.id,
            "kind": str(order.kind),
            "skill": order.skill,
            "team": order.team,
            "reason": order.reason,
            "battery_end": show(order.battery_end, self.zone) if order.battery_end is not None else None,
        }
        self.round.effects.append(Effect(f"{order.id}:{key}", audience, template, self.now, order.id, data | more))

    def _tell_team(self, order: TicketRecord, fault: FaultRecord, template: str, key: str, **more: str) -> None:
        self.tell_of(order, fault, crew_of(order), template, key, **more)

    # ------------------------------------------------------------ telling

    def tell(self, audience: str, template: str, fault: FaultRecord, key: str, **more: str) -> None:
        self.round.effects.append(Effect(key, audience, template, self.now, fault.id, self.facts(fault) | more))


def crew_of(order: TicketRecord) -> str:
    """The audience of an order's crew: its team, else the NOC."""
    return f"team:{order.team}" if order.team else "noc"
