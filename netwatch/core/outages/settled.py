"""Times that nobody saw, settled afterwards by what the devices recorded of themselves.

A port knows when it last changed (IF-MIB ifLastChange, counted by its device's uptime: a wrong clock does no harm, a
reboot shows as a change). What did not change while we were blind was up all along. This is told, and it fills the
coverage of reports; it never moves a contract clock, for what decides is when something was heard.
"""

from __future__ import annotations

from typing import TypeAlias
from zoneinfo import ZoneInfo

from netwatch.core.book import Book, PortRecord, UnknownRecord
from netwatch.core.model import Condition, Observation, Settled, Source, State
from netwatch.core.time import Instant, Span, show
from netwatch.core.topology import Network


def note(book: Book, said: Observation, net: Network) -> bool:
    """Keep what a port says of itself, while there is anything to settle by it; whether there is."""
    if not book.unsettled or said.condition is not Condition.LINK or said.source is not Source.POLL:
        return False
    if said.occurred is None or said.state is State.UNKNOWN:
        return False
    record = PortRecord(said.occurred, said.state is State.OK)
    key = (said.device, net.spelled(said.device, said.component))
    if book.records.get(key) == record:
        return False
    book.records[key] = record
    return True


def settle(book: Book, net: Network, now: Instant, patience: Span, zone: ZoneInfo) -> list[UnknownRecord]:
    """Settle what can be by now, give up what has waited for longer than `patience`; returns what was settled."""
    found = []
    for name in sorted(book.unsettled):
        unknown = book.unknowns.get(name)
        if unknown is None or unknown.circuit not in net.ledger.circuits:
            book.unsettled.discard(name)
        elif unknown.ended is not None:
            if _tell(unknown, unknown.ended, book, net, zone):
                found.append(unknown)
            if unknown.settled or now - unknown.ended > patience:
                book.unsettled.discard(name)
    if not book.unsettled:
        book.records.clear()
    return found


def _tell(unknown: UnknownRecord, ended: Instant, book: Book, net: Network, zone: ZoneInfo) -> bool:
    changes: list[_Port | None] = []
    for route in net.routes(net.ledger.circuits[unknown.circuit]):
        told = [_changed(link, unknown.started, ended, book, net) for link in route.links]
        if told and all(port == _NONE for port in told):
            unknown.settled = Settled.UP
            unknown.evidence = f"no port of its {len(told)} links changed in that time, by the devices' own record"
            return True
        changes.append(next((port for port in told if port is not None and port != _NONE), None))
    first = changes[0] if changes else None
    if first is None or None in changes:
        return False
    record = book.records[first]
    since, name = show(record.changed, zone), " ".join(first)
    unknown.settled = Settled.CHANGED
    unknown.evidence = f"{name} {'came up' if record.up else 'went down'} {since}, by its device's own record"
    return True


_Port: TypeAlias = tuple[str, str]
_NONE: _Port = ("", "")


def _changed(name: str, started: Instant, ended: Instant, book: Book, net: Network) -> _Port | None:
    """The port of a link that changed in that time; `_NONE`: an end says that nothing did; None: nobody has said."""
    link = net.ledger.links.get(name)
    if link is None:
        return None
    still = False
    for end in (link.a, link.z):
        key = (end.device, net.spelled(end.device, end.name))
        record = book.records.get(key)
        if record is not None and started < record.changed <= ended:
            return key
        still = still or (record is not None and record.up and record.changed <= started)
    return _NONE if still else None
