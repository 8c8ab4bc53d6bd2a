"""A ticket on a phone, behind a signed link: what a crew needs to go and mend, and nothing more.

No customer's name, no other circuits of his, no level: the page may be read by anybody who gets hold of the
phone. It is dead when the link expires or the ticket is closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from netwatch.core.model import Fault, Outage, Ticket
from netwatch.core.time import Instant, moment
from netwatch.web.documents import Documents
from netwatch.web.view import CLOSED, View
from netwatch.web.words import WORDS

_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

MOST_CIRCUITS: Final = 30


def language(asked: str, accepted: str) -> str:
    """`zh` or `en`: as asked, else the first of the browser's that we speak, else Chinese."""
    if asked in WORDS:
        return asked
    for part in accepted.split(","):
        word = part.partition(";")[0].strip().lower()[:2]
        if word in WORDS:
            return word
    return "zh"


def ticket_page(view: View, ticket: Ticket, lang: str, now: Instant, pace: float) -> HTMLResponse:
    docs, words = Documents(view, now), WORDS[lang]
    fault = view.get(Fault, ticket.fault)
    outages = {o.circuit: o for o in view.find(Outage, "fault", ticket.fault) if o.restored is None}
    urgent = view.urgent(ticket.fault)
    lines: list[dict[str, Any]] = []
    for circuit in ticket.circuits[:MOST_CIRCUITS]:
        known, outage = docs.circuit(circuit), outages.get(circuit)
        ends = [e["site_name"] for e in (known["a"], known["z"]) if e["site_name"]] if known else []
        lines.append(
            {
                "circuit": circuit,
                "assurance": docs.assurance(circuit),
                "ends": " – ".join(dict.fromkeys(ends)),
                "limit": outage.limit_minutes if outage else None,
                "out": outage is not None,
            }
        )
    context = {
        "t": words,
        "lang": lang,
        "ticket": docs.ticket(ticket),
        "root": docs.root(fault.root) if fault else None,
        "domain": fault.domain if fault else "",
        "address": _address(view, fault) if fault else "",
        "opened": _clock(view, fault.opened if fault else ticket.opened),
        "urgent": docs.outage(urgent) if urgent else None,
        "deadline": _clock(view, view.deadline(urgent, now)) if urgent else "",
        "facility_deadline": _clock(view, fault.facility_deadline) if fault and fault.facility_deadline else "",
        "crew": [
            {"name": clock.zh if lang == "zh" else clock.en, "due": _clock(view, clock.due), "late": clock.due < now}
            for clock in ticket.clocks
            if clock.ended is None and (clock.of == "crew" or clock.name == "full_repair")
        ],
        "lines": lines,
        "more": max(0, len(ticket.circuits) - MOST_CIRCUITS),
        "closed": ticket.state in CLOSED,
        "now": docs.time(now),
        "pace": pace,
    }
    return HTMLResponse(_PAGES.get_template("ticket.html").render(context))


def dead_link(lang: str, status: int) -> HTMLResponse:
    """The link is not ours, has expired, or its ticket is closed. Which of them is nobody's business."""
    return HTMLResponse(_PAGES.get_template("dead.html").render(t=WORDS[lang], lang=lang), status)


def _clock(view: View, at: Instant) -> str:
    return moment(at, view.zone).strftime("%m-%d %H:%M")


def _address(view: View, fault: Fault) -> str:
    """Where to go: the address of the root's site, when it has one."""
    ledger = view.ledger
    device = ledger.devices.get(fault.root.id.partition(" ")[0]) or ledger.devices.get(fault.root.id)
    site = ledger.sites.get(device.site if device else fault.root.id)
    return site.address if site else ""
