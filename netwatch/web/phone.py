"""A ticket on a phone, behind a signed link: what a crew needs to go and mend, and nothing more.

No customer's name, no other circuits of his, no level: the page may be read by anybody who gets hold of the
phone. It is dead when the link expires or the ticket is closed. The link also lets the crew say how far it is, one
step after the other, and the journal tells that it was said by the link. Pausing, rejecting and closing are not a
link's: they move the contract's clock, or take the order from whoever has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from netwatch.core.model import Action, Exposure, Fault, Outage, Ticket, TicketState
from netwatch.core.time import Instant, moment
from netwatch.web import acts
from netwatch.web.access import Access, Door, Submit
from netwatch.web.documents import Documents
from netwatch.web.problems import ProblemError
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


_STEPS: Final = {
    TicketState.DISPATCHED: Action.ACCEPT,
    TicketState.ACCEPTED: Action.DEPART,
    TicketState.TRAVELLING: Action.ARRIVE,
    TicketState.ON_SITE: Action.RESTORE,
    TicketState.RESTORED: Action.RETURN,
}
"""What a crew says next."""


class Slip(acts.Body):
    """What a crew adds to its word."""

    reason: Annotated[acts.Prose, "What it was and what was done; the slip needs it."] = ""


def pages(
    view: View, access: Access, may_read: Door, clock: Callable[[], Instant], submit: Submit, pace: float
) -> APIRouter:
    """The page of a ticket, and what its crew says there."""
    router = APIRouter(include_in_schema=False)

    @router.get("/t/{ticket}")
    async def on_a_phone(request: Request, ticket: str, until: str = "", sig: str = "", lang: str = "") -> Response:
        spoken = language(lang, request.headers.get("accept-language", ""))
        if not (signed := access.link_holds(ticket, until, sig, now := clock())):
            try:
                await may_read(request)
            except ProblemError:
                return dead_link(spoken, 403)
        known = view.get(Ticket, ticket)
        if known is None or known.state in CLOSED:
            return dead_link(spoken, 410)
        return ticket_page(view, known, spoken, now, pace, acting=signed)

    @router.post("/t/{ticket}/{action}")
    async def say(
        request: Request, ticket: str, action: str, slip: Slip, until: str = "", sig: str = "", lang: str = ""
    ) -> Response:
        if not access.link_holds(ticket, until, sig, now := clock()):
            raise ProblemError(403, "This link has expired or is not ours.")
        known, wanted = acts.ticket_of(view, ticket), acts.action_of(action)
        if wanted not in _STEPS.values():
            raise ProblemError(403, f"A crew's link does not {wanted}.")
        words: Mapping[str, Any] = WORDS[language(lang, request.headers.get("accept-language", ""))]
        out = [o.circuit for o in _running(view, known)]
        if wanted is Action.RETURN and out:
            return JSONResponse({"status": "refused", "why": _still_out(out, words)})
        act = acts.Act(by="crew, by link", reason=slip.reason, circuits=out if wanted is Action.RESTORE else None)
        decided = await submit(acts.work(view, known, wanted, act, now))
        if decided is None:
            return JSONResponse({"status": "taken", "why": ""})
        status, own = acts.outcome(decided, known.id, *out)
        refused = [entry.subject for entry in own if entry.kind == "act.refused"]
        if wanted is Action.RESTORE:
            why = _still_out([circuit for circuit in refused if circuit in out], words)
        else:
            why = words["moved_on"] if refused else ""
        return JSONResponse({"status": status, "why": why})

    return router


def _still_out(circuits: Sequence[str], words: Mapping[str, Any]) -> str:
    more = words["more"].format(n=len(circuits) - 5) if len(circuits) > 5 else ""
    return " ".join([words["still_out"], *circuits[:5], more]).strip() if circuits else ""


def _running(view: View, ticket: Ticket) -> list[Outage]:
    return [o for o in view.find(Outage, "fault", ticket.fault) if o.restored is None]


def _next(view: View, ticket: Ticket) -> Action | None:
    step = _STEPS.get(ticket.state)
    if step is Action.RESTORE and not _running(view, ticket):
        return Action.RETURN  # nothing is out, or polling has seen it back already
    return step


def ticket_page(
    view: View, ticket: Ticket, lang: str, now: Instant, pace: float, *, acting: bool = False
) -> HTMLResponse:
    """`acting`: with the button for the crew's next step."""
    docs, words = Documents(view, now), WORDS[lang]
    fault = view.get(Fault, ticket.fault)
    outages = {o.circuit: o for o in _running(view, ticket)}
    bare = {e.circuit for e in view.find(Exposure, "fault", ticket.fault) if e.ended is None}
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
                "state": "out" if outage else "bare" if circuit in bare else "back",
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
        "over": fault is not None and fault.cleared is not None,
        "lines": lines,
        "more": max(0, len(ticket.circuits) - MOST_CIRCUITS),
        "step": _next(view, ticket) if acting else None,
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
