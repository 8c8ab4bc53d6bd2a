"""From dead parts to what each circuit lost, and which cause is to blame.

A circuit loses service when neither its working nor its protecting route can carry it, its
protection when one of two is lost. An overlay service shares the fate of the circuit that
carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from netwatch.core.book import Book, Reroute
from netwatch.core.causes import PREMISES, Cause, Part
from netwatch.core.intervals import FOREVER, Spans, clip, common, union
from netwatch.core.ports import normal
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant
from netwatch.core.topology import Network, Route


@dataclass(slots=True)
class Loss:
    """What one circuit lost, to the microsecond."""

    down: Spans = field(default_factory=list)
    """Nothing could carry it."""
    cut: Spans = field(default_factory=list)
    """Neither of the ledger's routes could."""
    lost: Spans = field(default_factory=list)
    """At least one of its routes could not."""
    blame: list[tuple[Spans, Cause]] = field(default_factory=list)
    """Which cause took something from it, and when."""


class Losses:
    """What the causes of one review take from circuits."""

    def __init__(self, net: Network, book: Book, causes: Iterable[Cause], timing: AlarmRules) -> None:
        self.net, self.book, self.timing = net, book, timing
        self.parts: dict[Part, list[tuple[Spans, Cause]]] = {}
        for cause in causes:
            for (kind, name), spans in cause.dead.items():
                key = (kind, _port_key(name) if kind == "port" else name)
                self.parts.setdefault(key, []).append((spans, cause))
        self._known: dict[str, Loss] = {}

    def touched(self) -> set[str]:
        """Every circuit that a dead part belongs to, overlays included."""
        out: set[str] = set()
        for kind, name in self.parts:
            if kind == "link":
                out.update(self.net.over_link(name))
            elif kind == "device":
                out.update(self.net.over_device(name))
            else:
                device, _, port = name.partition(" ")
                out.update(self.net.over_port(device, port))
        return self.net.with_overlays(out)

    def of(self, circuit_id: str) -> Loss:
        """The loss of one circuit."""
        if circuit_id not in self._known:
            self._known[circuit_id] = Loss()  # a cycle of overlays ends here
            self._known[circuit_id] = self._of(circuit_id)
        return self._known[circuit_id]

    def _of(self, circuit_id: str) -> Loss:
        circuit = self.net.ledger.circuits[circuit_id]
        routes = self.net.routes(circuit)
        down: Spans | None = None
        lost: Spans = []
        blame: list[tuple[Spans, Cause]] = []
        for route in routes:
            taken = self._taken(route)
            blame += taken
            spans = union(p for s, _ in taken for p in s)
            down = spans if down is None else common(down, spans)
            lost = union([*lost, *spans])
        down = down or []
        if circuit.over and circuit.over in self.net.ledger.circuits:
            carrier = self.of(circuit.over)
            down, lost = union([*down, *carrier.down]), union([*lost, *carrier.lost])
            blame += carrier.blame
        elif len(routes) == 1:
            lost = down
        ends = [d for e in (circuit.a, circuit.z) if (d := e.device) in self.net.ledger.devices]
        cut = self._first_answer(down, ends)
        reroute = self.book.reroutes.get(circuit_id)
        down = cut if reroute is None else self._rerouted(cut, reroute, ends)
        return Loss(down, cut, lost, blame)

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

    def _taken(self, route: Route) -> list[tuple[Spans, Cause]]:
        keys: list[Part] = [("link", i) for i in route.links]
        keys += [("device", d) for d in route.devices]
        keys += [("port", _port_key(str(p))) for p in route.ports]
        return [hit for key in keys if key in self.parts for hit in self.parts[key]]

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


def _port_key(text: str) -> str:
    device, _, port = text.partition(" ")
    return f"{device} {normal(port)}"
