"""Where only a customer complains: what on the way of the circuit is not well, though alone it takes nothing out."""

from __future__ import annotations

from collections.abc import Iterator

from netwatch.core.book import Book, FaultRecord
from netwatch.core.faults.causes import Rival, in_words
from netwatch.core.model import Root, RootKind, State
from netwatch.core.rules import AlarmRules
from netwatch.core.topology import Network


def weigh(fault: FaultRecord, book: Book, net: Network, rules: AlarmRules) -> None:
    """Say what speaks for and against a fault for which there is nothing but the customer's word."""
    found = sorted(_degraded(fault.root.id, book, net, rules), key=lambda r: (r.root, r.why_not))
    way = "most such faults sit at the premises" if found else "nothing that is watched on its way is wrong"
    fault.reason, fault.against = f"nothing but the customer's word; {way}", in_words(found)


def _degraded(circuit: str, book: Book, net: Network, rules: AlarmRules) -> Iterator[Rival]:
    """The ports on its way that report what a customer may feel."""
    felt = [condition for condition, rule in rules.conditions.items() if rule.degrades]
    for name in sorted({i for route in net.routes(net.ledger.circuits[circuit]) for i in route.links}):
        link = net.ledger.links[name]
        for port in (link.a, link.z):
            for condition in felt:
                signal = book.evidence.signals.get((port.device, net.spelled(port.device, port.name), condition))
                if signal is not None and signal.state is State.BAD:
                    yield Rival(Root(RootKind.LINK, name), f"{port} reports {condition}", equal=True)
