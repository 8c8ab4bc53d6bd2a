"""From dead parts to what each circuit lost, and which cause is to blame.

A circuit loses service when neither its working nor its protecting route can carry it, its
protection when one of two is lost. An overlay service shares the fate of the circuit that
carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netwatch.core.alarms import Element
from netwatch.core.book import Book, Reroute, Toll
from netwatch.core.faults.causes import PREMISES, Cause
from netwatch.core.intervals import FOREVER, Spans, clip, common, union
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant
from netwatch.core.topology import Network, Part, part_of

Hits: TypeAlias = list[tuple[Spans, Cause]]
"""When a cause takes something away, and the cause."""

Fate: TypeAlias = tuple[tuple[Part, ...], ...]
"""The dead parts of each route of a circuit."""


@dataclass(slots=True, eq=False)
class Loss:
    """What one circuit lost, to the microsecond."""

    down: Spans = field(default_factory=list)
    """Nothing could carry it."""
    cut: Spans = field(default_factory=list)
    """Neither of the ledger's routes could."""
    lost: Spans = field(default_factory=list)
    """At least one of its routes could not."""
    blame: Hits = field(default_factory=list)
    """Which cause took something from it, and when."""
    verdict: object = None
    """What `Outages` last concluded from it."""


@dataclass(slots=True)
class Fates:
    """Losses as they were last found, and what they were found from; see `Losses`."""

    parts: dict[Part, Hits] = field(default_factory=dict)
    shared: dict[Fate, Loss] = field(default_factory=dict)
    of: dict[str, Loss] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    """Circuits whose loss is over: when exactly depends on what their ends say."""
    riders: set[str] = field(default_factory=set)
    """Circuits that ride on another one."""
    rerouted: set[str] = field(default_factory=set)
    """Circuits that ran another way."""
    causes: Sequence[Cause] = ()
    tolls: Sequence[Toll] = ()


class Losses:
    """What the causes of one review take from circuits.

    Circuits that lost the same parts share one fate and, where nothing of their own makes a difference, one `Loss`.
    What was found by the last review holds but for circuits over parts that changed.
    """

    def __init__(
        self,
        net: Network,
        book: Book,
        causes: Sequence[Cause],
        timing: AlarmRules,
        fates: Fates | None = None,
        changed: Iterable[Element] = (),
    ) -> None:
        self.net, self.book, self.timing = net, book, timing
        self.known = fates or Fates()
        if causes is not self.known.causes or book.tolls != self.known.tolls:
            self._take_over(causes)
        for kind, name in changed:
            if kind == "device" and self.known.ended:
                self._forget(self.known.ended.intersection(net.over_device(name)))
        self._forget(net.with_overlays(self.known.rerouted | book.reroutes.keys()))
        self.known.rerouted = set(book.reroutes)

    def _take_over(self, causes: Sequence[Cause]) -> None:
        """Forget what does not follow from these causes any more."""
        known, former = self.known, self.known.parts
        parts: dict[Part, Hits] = {}
        for cause in (*causes, *map(self._closed, self.book.tolls)):
            for part, spans in cause.dead.items():
                parts.setdefault(part_of(part), []).append((spans, cause))
        changed = {part for part in parts.keys() | former.keys() if not _alike(parts.get(part), former.get(part))}
        self._forget(known.riders)
        self._forget(self.net.with_overlays(c for part in changed for c in self.net.over_part(part)))
        known.parts, known.causes, known.tolls = parts, causes, list(self.book.tolls)
        for fate, loss in list(known.shared.items()):
            if changed.isdisjoint(part for taken in fate for part in taken):
                loss.blame[:] = self._blame(fate)
            else:
                del known.shared[fate]
        if changed:
            known.touched = self.net.with_overlays(c for part in parts for c in self.net.over_part(part))

    def _closed(self, toll: Toll) -> Cause:
        fault = self.book.faults[toll.fault]
        return Cause(fault.root, fault.domain, dead=toll.parts, fault=fault.id)

    def _forget(self, circuits: Iterable[str]) -> None:
        known = self.known
        for circuit in list(circuits):
            known.of.pop(circuit, None)
            known.ended.discard(circuit)
            known.riders.discard(circuit)

    def touched(self) -> set[str]:
        """Every circuit that a dead part belongs to, overlays included."""
        return self.known.touched

    def of(self, circuit_id: str) -> Loss:
        """The loss of one circuit."""
        found = self.known.of.get(circuit_id)
        if found is None:
            self.known.of[circuit_id] = Loss()  # a cycle of overlays ends here
            found = self.known.of[circuit_id] = self._of(circuit_id)
        return found

    def _of(self, circuit_id: str) -> Loss:
        circuit = self.net.ledger.circuits[circuit_id]
        routes = self.net.routes(circuit)
        fate = tuple(tuple(part for part in route.parts if part in self.known.parts) for route in routes)
        shared = self._shared(fate)
        over = bool(circuit.over) and circuit.over in self.net.ledger.circuits
        reroute = self.book.reroutes.get(circuit_id)
        down, lost, blame = shared.down, shared.lost, shared.blame
        if over:
            carrier = self.of(circuit.over)
            self.known.riders.add(circuit_id)
            down, lost = union([*down, *carrier.down]), union([*lost, *carrier.lost])
            blame = blame + carrier.blame
        ends: list[str] = []
        cut = down
        if down and (down[-1][1] != FOREVER or reroute is not None):
            ends = [d for e in (circuit.a, circuit.z) if (d := e.device) in self.net.ledger.devices]
            self.known.ended.add(circuit_id)
            cut = self._first_answer(down, ends)
        if reroute is not None:
            return Loss(self._rerouted(cut, reroute, ends), cut, lost, blame)
        if not over and cut == down:
            return shared
        return Loss(cut, cut, lost if over or circuit.protecting else cut, blame)

    def _shared(self, fate: Fate) -> Loss:
        """What every circuit loses whose routes lose these parts and that does not ride on another."""
        known = self.known.shared.get(fate)
        if known is None:
            down: Spans | None = None
            lost: Spans = []
            for taken in fate:
                spans = union(pair for part in taken for hit, _ in self.known.parts[part] for pair in hit)
                down = spans if down is None else common(down, spans)
                lost = union([*lost, *spans])
            down = down or []
            known = self.known.shared[fate] = Loss(down, down, lost, self._blame(fate))
        return known

    def _blame(self, fate: Fate) -> Hits:
        return [hit for taken in fate for part in taken for hit in self.known.parts[part]]

    def _rerouted(self, cut: Spans, reroute: Reroute, ends: Sequence[str]) -> Spans:
        """The loss of a circuit that the crew runs another way: from the first good answer of its
        end until its route is whole, its end's own state speaks for it."""
        first = self._answered(reroute, ends)
        whole = next((e for s, e in cut if first is not None and s <= first < e), None)
        if first is None or whole is None:
            return cut
        tracks = [t for d in ends if (t := self.book.evidence.tracks.get(("device", d))) and t.quarantine is None]
        own = clip(union(s for t in tracks for s in t.spans), first, whole)
        return union([*clip(cut, -FOREVER, first), *common(own, cut), *clip(cut, whole, FOREVER)])

    def _answered(self, reroute: Reroute, ends: Sequence[str]) -> Instant | None:
        """The first good answer of the end that was lost: ours answers all along."""
        if reroute.answered is None:
            far = [d for d in ends if self.net.ledger.devices[d].role in PREMISES] or list(ends)
            answers = [self.book.evidence.answers.get(d, ()) for d in far]
            first = [min((a for a in said if a >= reroute.since), default=FOREVER) for said in answers if said]
            reroute.answered = max(first, default=FOREVER)
            if reroute.answered == FOREVER:
                reroute.answered = None
        return reroute.answered

    def _first_answer(self, down: Spans, ends: Sequence[str]) -> Spans:
        """The end of a circuit may answer before the last port has told of its light: that counts,
        if the port follows soon."""
        if not down or down[-1][1] == FOREVER:
            return down
        start, end = down[-1]
        tracks = (self.book.evidence.tracks.get(("device", d)) for d in ends)
        back = [e for t in tracks if t and not t.open for s, e in t.spans if s < end and start < e < end]
        soon = [e for e in back if end - e <= self.timing.agreement]
        return [*down[:-1], (start, max(soon))] if soon else down


def blamed(blame: Iterable[tuple[Spans, Cause]], at: Instant, slack: int) -> Cause | None:
    """The cause that tipped the balance at an instant: of those in effect, the one that came last."""
    best: tuple[Instant, Cause] | None = None
    for spans, cause in blame:
        for start, end in spans:
            if start <= at + slack and end > at and (best is None or (start, cause.root) > (best[0], best[1].root)):
                best = (start, cause)
    return best[1] if best else None


def _alike(hits: Hits | None, others: Hits | None) -> bool:
    """Whether the same roots take the same at the same times. What else a cause explains is no matter here."""
    if hits is None or others is None or len(hits) != len(others):
        return False
    return all(
        spans == there and cause.root == other.root for (spans, cause), (there, other) in zip(hits, others, strict=True)
    )
