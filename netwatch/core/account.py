"""The final account: everything on record, as the journal contract prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from netwatch.core.book import Book
from netwatch.core.model import TicketState
from netwatch.core.outages.contract import Contract
from netwatch.core.rules import Rules
from netwatch.core.time import Instant, show
from netwatch.core.topology import Network

_ORDER = ("started", "opened", "line")


def account(
    book: Book,
    net: Network,
    rules: Rules,
    zone: ZoneInfo,
    now: Instant,
    problems: Iterable[tuple[int, str]] = (),
) -> list[dict[str, Any]]:
    """The rows in their fixed order. `problems` are (line, what) of the journal that was read."""
    contract = Contract(book, net, rules, zone)
    rows = [*_exposures(book, zone), *_faults(book, contract, zone), *_outages(book, contract, zone, now)]
    rows += [{"type": "problem", "line": line, "what": what} for line, what in problems]
    rows += [*_tickets(book, zone), *_unknowns(book, zone)]
    return sorted(rows, key=_place)


def lines(rows: Iterable[dict[str, Any]]) -> str:
    """JSON lines, the same bytes for the same rows."""
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)


def _place(row: dict[str, Any]) -> tuple[str, int, str, str, str]:
    when = next((row[key] for key in _ORDER if key in row), "")
    name = str(row.get("circuit") or row.get("id") or "")
    number = when if isinstance(when, int) else 0
    return (row["type"], number, "" if isinstance(when, int) else when, _padded(name), row.get("what", ""))


def _padded(name: str) -> str:
    """F2 before F10."""
    head = name.rstrip("0123456789")
    tail = name[len(head) :]
    return f"{head}{tail.zfill(12)}" if tail else name


def _exposures(book: Book, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for e in book.exposures.values():
        yield {
            "type": "exposure",
            "circuit": e.circuit,
            "fault": e.fault,
            "started": show(e.started, zone),
            "ended": show(e.ended, zone),
        }


def _faults(book: Book, contract: Contract, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for f in book.faults.values():
        if f.absorbed_by:
            continue
        minutes = contract.facility_minutes(f)
        yield {
            "type": "fault",
            "id": f.id,
            "root": {"kind": str(f.root.kind), "id": f.root.id},
            "domain": str(f.domain),
            "opened": show(f.opened, zone),
            "cleared": show(f.cleared, zone),
            "circuits": sorted(contract.net.with_overlays(f.circuits)),
            "explains": f.most,
            "confidence": round(f.confidence, 2),
            "facility_limit_minutes": minutes,
            "facility_deadline": show(contract.facility_deadline(f, minutes), zone),
        }


def _outages(book: Book, contract: Contract, zone: ZoneInfo, now: Instant) -> Iterator[dict[str, Any]]:
    for o in book.outages.values():
        row = contract.row(o, now)
        yield {
            "type": "outage",
            "circuit": o.circuit,
            "fault": o.fault,
            "started": show(o.started, zone),
            "restored": show(o.restored, zone),
            "limit_minutes": row.limit_minutes,
            "deadline": show(row.deadline, zone),
            "gross_seconds": row.gross_seconds,
            "net_seconds": row.net_seconds,
            "planned_seconds": row.planned_seconds,
            "breached": row.breached,
        }


def _tickets(book: Book, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for t in book.tickets.values():
        yield {
            "type": "ticket",
            "id": t.id,
            "fault": t.fault,
            "kind": str(t.kind),
            "opened": show(t.opened, zone),
            "dispatched": show(t.dispatched, zone),
            "skill": t.skill,
            "team": t.team or None,
            "reason": t.reason,
            "closed": show(t.closed, zone) if t.state is not TicketState.MERGED else None,
            "merged_into": t.merged_into,
        }


def _unknowns(book: Book, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for u in book.unknowns.values():
        yield {
            "type": "unknown",
            "circuit": u.circuit,
            "started": show(u.started, zone),
            "ended": show(u.ended, zone),
        }
