"""A circuit's contract applied to its outages: limits, pauses, planned work, rows.

The arithmetic is `sla`'s; this looks up which level, which policy version, which pauses and
windows belong to an outage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from netwatch.core import sla
from netwatch.core.book import Book, FaultRecord, OutageRecord, TicketRecord, window_versions
from netwatch.core.faults.causes import scope_parts
from netwatch.core.intervals import FOREVER, Spans, union
from netwatch.core.model import Circuit, Condition, Ledger, Maintenance, Outage, RootKind, Scope, Standing
from netwatch.core.outages.circuits import Loss
from netwatch.core.rules import Rules, SlaPolicy
from netwatch.core.time import MINUTE, Instant
from netwatch.core.topology import Network


@dataclass(frozen=True, slots=True, order=True)
class Plan:
    """Planned work that something began inside of."""

    until: Instant
    id: str


class Contract:
    """What the contracts of one ledger say about the outages of one book."""

    def __init__(self, book: Book, net: Network, rules: Rules, zone: ZoneInfo) -> None:
        self.book, self.net, self.rules, self.zone = book, net, rules, zone
        self._covered: dict[tuple[tuple[Scope, ...], str], bool] = {}
        self._orders: dict[str, TicketRecord] | None = None
        self._policies: dict[Instant, SlaPolicy] = {}
        self._limits: dict[tuple[sla.Line, Instant, Instant], sla.Limit] = {}

    # ------------------------------------------------------------ limits

    def circuit_at(self, circuit_id: str, at: Instant) -> Circuit:
        """The circuit as the ledger had it at an instant."""
        circuit = self.net.ledger.circuits[circuit_id]
        for since, changes in self.book.changes.get(circuit_id, ()):
            if since <= at:
                new = dict(changes)
                circuit = replace(
                    circuit,
                    assurance=new.get("assurance", circuit.assurance),
                    customer=new.get("customer", circuit.customer),
                    product=new.get("product", circuit.product),
                )
        return circuit

    def assurance(self, circuit_id: str, at: Instant) -> str:
        return sla.assurance_of(self.line(self.circuit_at(circuit_id, at)), self.policy(at))

    def line(self, circuit: Circuit) -> sla.Line:
        """What the limits of a circuit hang on."""
        if circuit is not self.net.ledger.circuits.get(circuit.id):
            return sla.line_of(circuit, self.net.ledger)  # as it was, or will be
        return self.net.lines[circuit.id]

    def policy(self, at: Instant) -> SlaPolicy:
        """The version of the policy in force at an instant."""
        if at not in self._policies:
            self._policies[at] = sla.policy_at(self.rules, at, self.zone)
        return self._policies[at]

    def settle(self, outage: OutageRecord) -> None:
        """Set the limit of an outage, by the level and the policy in force when it began.

        It stands in the record, so that it outlives the circuit's row in the ledger.
        """
        circuit = self.circuit_at(outage.circuit, outage.started)
        reported = outage.complained if outage.complained is not None else outage.started
        limit = self._limit(self.line(circuit), outage.started, reported)
        outage.minutes, outage.limit_source, outage.assurance = limit.minutes, limit.source, limit.assurance
        outage.customer = circuit.customer

    def _limit(self, line: sla.Line, started: Instant, reported: Instant) -> sla.Limit:
        """Found once for all lines of a kind that went out together."""
        key = line, started, reported
        if key not in self._limits:
            self._limits[key] = sla.limit(line, self.policy(started), reported, self.zone)
        return self._limits[key]

    def account(self, outage: OutageRecord, now: Instant) -> sla.Account:
        """The clock of an outage at `now`."""
        end = now if outage.restored is None else outage.restored
        return sla.account(
            outage.started, max(end, outage.started), outage.minutes, self.stopped(outage), outage.excused
        )

    def deadline(self, outage: OutageRecord, now: Instant) -> Instant:
        """When the net time of an outage reaches its limit, as far as its clock stood until `now`."""
        if not outage.excused and outage.circuit not in self.book.pauses:
            return outage.started + outage.minutes * MINUTE
        return self.account(outage, now).deadline

    def stopped(self, outage: OutageRecord) -> Spans:
        """When pauses stopped the net clock of an outage's circuit."""
        pauses = self.book.pauses.get(outage.circuit)
        if not pauses:
            return []
        rules = self.policy(outage.started).pauses
        return union((p.started, p.ended) for p in pauses if p.reason in rules and rules[p.reason].stops)

    def standing(self, outage: OutageRecord) -> tuple[Standing, ...]:
        """When the net clock of an outage stood, and why: pauses that stop it, planned work that is excused."""
        if not outage.excused and outage.circuit not in self.book.pauses:
            return ()
        rules = self.policy(outage.started).pauses
        end = FOREVER if outage.restored is None else outage.restored
        pauses = self.book.pauses.get(outage.circuit, ())
        stood = [(p.started, p.ended, p.reason) for p in pauses if p.reason in rules and rules[p.reason].stops]
        stood += [(start, until, "planned_work") for start, until in outage.excused]
        return tuple(
            Standing(reason, max(start, outage.started), None if until == FOREVER else min(until, end))
            for start, until, reason in sorted(stood)
            if start < end and until > outage.started
        )

    def service_returned(self, outage: OutageRecord) -> None:
        """Service returning ends every pause of the circuit."""
        for pause in self.book.pauses.get(outage.circuit, ()):
            if outage.restored is not None and pause.ended == FOREVER:
                pause.ended = max(pause.started, outage.restored)

    def row(self, outage: OutageRecord, now: Instant) -> Outage:
        account = self.account(outage, now)
        running = outage.restored is None
        pauses = self.book.pauses.get(outage.circuit) if running else None
        order = self._order_of(outage) if running else None
        return Outage(
            id=outage.id,
            circuit=outage.circuit,
            customer=outage.customer,
            assurance=outage.assurance,
            fault=outage.fault,
            started=outage.started,
            restored=outage.restored,
            limit_minutes=outage.minutes,
            limit_source=outage.limit_source,
            deadline=account.deadline,
            gross_seconds=account.gross_seconds,
            net_seconds=account.net_seconds,
            planned_seconds=account.planned_seconds,
            breached=account.breached,
            paused=tuple(sorted(p.reason for p in pauses if p.ended == FOREVER)) if pauses else (),
            standing=self.standing(outage),
            breach_probability=order.probability if order else None,
            complained=outage.complained,
        )

    def _order_of(self, outage: OutageRecord) -> TicketRecord | None:
        if self._orders is None:
            self._orders = {t.fault: t for t in self.book.tickets.values() if t.merged_into is None}
        return self._orders.get(outage.fault)

    # ------------------------------------------------------------ planned work

    def _windows(self, circuit_id: str) -> Iterator[tuple[list[Maintenance], Spans]]:
        """The windows that cover a circuit, each with when it did: another version may have another scope."""
        for versions in self.book.windows.values():
            spans = [span for version, span in window_versions(versions) if self._covers(version.scope, circuit_id)]
            if spans:
                yield versions, spans

    def _covers(self, scope: tuple[Scope, ...], circuit_id: str) -> bool:
        key = scope, circuit_id
        if key not in self._covered:
            self._covered[key] = self._touches(scope, circuit_id)
        return self._covered[key]

    def _touches(self, scope: tuple[Scope, ...], circuit_id: str) -> bool:
        named = {s.id for s in scope if s.kind == "circuit"}
        links, devices = scope_parts(scope, self.net)
        seen: set[str] = set()
        at: str = circuit_id
        while at and at not in seen and at in self.net.ledger.circuits:
            if at in named:
                return True
            seen.add(at)
            circuit = self.net.ledger.circuits[at]
            for route in self.net.routes(circuit):
                if links.intersection(route.links) or devices.intersection(route.devices):
                    return True
            at = circuit.over
        return False

    def covered_until(self, circuit_id: str, started: Instant) -> Instant | None:
        """Until when planned work that covers a circuit goes on, for loss that began inside it."""
        plan = self.covered_by(circuit_id, started)
        return plan.until if plan is not None else None

    def covered_by(self, circuit_id: str, started: Instant) -> Plan | None:
        """The planned work that covers a circuit for loss that began inside it: the last to end."""
        if not self.book.windows:
            return None
        covered = [(versions[0].id, spans) for versions, spans in self._windows(circuit_id)]
        plans = (Plan(self._continued(w, e), name) for name, w in covered for s, e in w if s <= started < e)
        return max(plans, default=None)

    def excused(self, outage: OutageRecord, loss: Loss) -> list[tuple[Instant, Instant]]:
        """The planned time of an outage that is not net time."""
        if not self.book.windows:
            return []
        out: Spans = []
        policy = self.policy(outage.started)
        name = self.assurance(outage.circuit, outage.started)
        for versions, spans in self._windows(outage.circuit):
            inside = [(s, e) for s, e in spans if s <= outage.started < e]
            if not inside:
                continue
            window = self._version(versions, outage.started)
            if not sla.notice_enough(name, window.announced, window.start, policy, self.rules.calendar, self.zone):
                continue
            if self._suffices(window, outage, loss, outage.circuit):
                end = self._continued(spans, inside[0][1])
                out.append((inside[0][0], end))
        return union(out)

    @staticmethod
    def _version(versions: list[Maintenance], at: Instant) -> Maintenance:
        """The version of a window that was in force at an instant."""
        return [v for i, v in enumerate(versions) if i == 0 or v.at <= at][-1]

    @staticmethod
    def _continued(spans: Spans, end: Instant) -> Instant:
        """Where a window that was replaced while it ran really ended."""
        for start, until in sorted(spans):
            if start <= end < until:
                end = until
        return end

    def _suffices(self, window: Maintenance, outage: OutageRecord, loss: Loss, circuit_id: str) -> bool:
        """Whether the planned work alone explains the outage; a part outside its scope is not excused.

        What takes nothing from an overlay service itself is judged by the circuit that carries it.
        """
        if any(s.kind == "circuit" and s.id == circuit_id for s in window.scope):
            return True
        links, devices = scope_parts(window.scope, self.net)
        circuit = self.net.ledger.circuits[circuit_id]
        # The customer may have said it before the equipment did: what took service away began with the loss.
        seen = min((s for spans, _ in loss.blame for s, e in spans if e > outage.started), default=outage.started)
        begun = max(seen, outage.started)
        dead = {
            part
            for spans, cause in loss.blame
            if any(s <= begun + self.rules.alarms.agreement and e > begun for s, e in spans)
            for part in cause.dead
        }
        for route in self.net.routes(circuit):
            mine = {("link", i) for i in route.links} | {("device", d) for d in route.devices}
            hit = mine & dead
            if not any(
                (k == "link" and n in links) or (k == "device" and self._worked_on(n, devices, links)) for k, n in hit
            ):
                carried = not hit and circuit.over in self.net.ledger.circuits
                return carried and self._suffices(window, outage, loss, circuit.over)
        return True

    def _worked_on(self, device: str, devices: set[str], links: set[str]) -> bool:
        """A device in scope, or one that hangs on nothing but a link in scope and did not lose its own power."""
        if device in devices:
            return True
        mine = self.net.links_of.get(device, [])
        track = self.book.evidence.tracks.get(("device", device))
        gasped = track is not None and any(key[2] is Condition.DYING_GASP for key in track.signals)
        return len(mine) == 1 and mine[0] in links and not gasped

    def worked_on(self, fault: FaultRecord) -> Plan | None:
        """The planned work on a fault's own root inside which it began: the last to end."""
        plans = []
        for versions in self.book.windows.values():
            spans = [span for version, span in window_versions(versions) if self._works_on(version.scope, fault)]
            plans += [Plan(self._continued(spans, e), versions[0].id) for s, e in spans if s <= fault.opened < e]
        return max(plans, default=None)

    def _works_on(self, scope: tuple[Scope, ...], fault: FaultRecord) -> bool:
        links, devices = scope_parts(scope, self.net)
        sites = {s.id for s in scope if s.kind == "site"}
        match fault.root.kind:
            case RootKind.LINK:
                return fault.root.id in links
            case RootKind.CABLE:
                return not links.isdisjoint(self.net.ledger.cables.get(fault.root.id, ()))
            case RootKind.DEVICE | RootKind.PREMISES | RootKind.AGENT:
                return fault.root.id in devices
            case RootKind.POWER:
                return ({e[1] for e in fault.elements if e[0] == "site"} or {fault.root.id}) <= sites
            case RootKind.PORT:
                return any(e[1] in links for e in fault.elements)
            case RootKind.MANAGEMENT | RootKind.CIRCUIT:
                return False

    # ------------------------------------------------------------ facilities

    def facility(self, fault: FaultRecord) -> sla.Facility | None:
        """What a fault sits in, where that has a limit of its own."""
        if fault.root.kind is RootKind.CABLE:
            return cable_of(fault.root.id, self.net.ledger, self.policy(fault.opened))
        if fault.root.kind is RootKind.POWER and any(e[0] == "device" for e in fault.elements):
            return sla.Facility("room", fault.root.id)
        return None

    def facility_minutes(self, fault: FaultRecord) -> int | None:
        """The facility's own limit (抢通): cables by their cores, a room that is down."""
        facility = self.facility(fault)
        return facility.minutes(self.policy(fault.opened)) if facility else None

    @staticmethod
    def facility_deadline(fault: FaultRecord, minutes: int | None) -> Instant | None:
        return None if minutes is None else fault.opened + minutes * MINUTE


def cable_of(name: str, ledger: Ledger, policy: SlaPolicy) -> sla.Facility:
    """A cable as its limit sees it: backbone when every link in it joins two devices of the backbone."""
    links = [ledger.links[i] for i in ledger.cables.get(name, ())]
    ends = [ledger.devices.get(port.device) for link in links for port in (link.a, link.z)]
    return sla.cable(name, links, bool(ends) and all(d is not None and d.role in policy.backbone_roles for d in ends))
