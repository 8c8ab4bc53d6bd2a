"""The lists of the API: what each is made of, what it can be filtered by, how it is paged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from starlette.datastructures import QueryParams
from typing_extensions import TypedDict

from netwatch.core.model import (
    Alarm,
    AlarmState,
    CircuitState,
    Condition,
    DeviceState,
    Domain,
    Exposure,
    Fault,
    Outage,
    Role,
    RootKind,
    ServiceState,
    Severity,
    Ticket,
    TicketKind,
    TicketState,
    Window,
)
from netwatch.findings import Finding, did_you_mean
from netwatch.web import shapes
from netwatch.web.documents import Documents, complaint_id, overdue
from netwatch.web.problems import ProblemError
from netwatch.web.view import CLOSED, View, natural, verdict
from netwatch.web.works import beside

LIMIT: Final = 100
MOST: Final = 1000

_SLICE: Final = 2000
"""Rows looked at before others get their turn."""


class YesNo(StrEnum):
    YES = "true"
    NO = "false"


@dataclass(frozen=True)
class Facet:
    """One filter: what a row has (several values: any may match), and the words that it can be, if they are few."""

    of: Callable[[View, str], object]
    words: type[StrEnum] | None = None
    what: str = ""


class Page(TypedDict):
    items: list[Any]
    total: int
    """How many match, on all pages."""
    next: str | None
    """Give it as `after` to get the next page."""


@dataclass(frozen=True)
class Listing:
    name: str
    one: str
    """The singular, for messages."""
    shape: Any
    """The document's TypedDict."""
    ids: Callable[[View], Sequence[str]]
    """All ids in order."""
    document: Callable[[Documents, str], Mapping[str, Any] | None]
    detail: Callable[[Documents, str], Mapping[str, Any]] = lambda _docs, _key: {}
    """What `show` adds."""
    facets: Mapping[str, Facet] = field(default_factory=dict)

    async def page(self, view: View, query: QueryParams, now: int) -> Page:
        """Filter, count, cut, and let others have their turn meanwhile. Raises ProblemError for a parameter that
        cannot be read.
        """
        work = self._work(view, query, now)
        while True:
            try:
                next(work)
            except StopIteration as done:
                page: Page = done.value
                return page
            await asyncio.sleep(0)

    def answer(self, view: View, query: QueryParams, now: int) -> Page:
        """The same without others."""
        work = self._work(view, query, now)
        while True:
            try:
                next(work)
            except StopIteration as done:
                page: Page = done.value
                return page

    def _work(self, view: View, query: QueryParams, now: int) -> Generator[None, None, Page]:
        """Stops every so many rows."""
        limit, after, wanted = self._asked(query)
        kept: list[str] = []
        total, more, started = 0, False, not after
        mark = natural(after)
        for place, key in enumerate(self.ids(view)):
            if place % _SLICE == _SLICE - 1:
                yield
            if not all(_matches(facet.of(view, key), values) for facet, values in wanted):
                continue
            total += 1
            started = started or natural(key) > mark
            if started and len(kept) < limit:
                kept.append(key)
            elif started:
                more = True
        docs = Documents(view, now)
        found = [doc for key in kept if (doc := self.document(docs, key)) is not None]
        return {"items": found, "total": total, "next": kept[-1] if more and kept else None}

    def show(self, view: View, key: str, now: int) -> dict[str, Any]:
        """One document with its details, or 404."""
        docs = Documents(view, now)
        document = self.document(docs, key)
        if document is None:
            ids = self.ids(view)
            hint = did_you_mean(key, ids) if len(ids) <= 2000 else ""
            raise ProblemError(404, f"There is no {self.one} {key}. {hint}".strip())
        return {**document, **self.detail(docs, key)}

    def parameters(self) -> list[dict[str, Any]]:
        """For OpenAPI."""
        out: list[dict[str, Any]] = [
            {
                "name": name,
                "in": "query",
                "description": facet.what or f"Only those with this {name}; several by commas.",
                "schema": {"type": "string"} | ({"examples": [str(w) for w in facet.words]} if facet.words else {}),
            }
            for name, facet in self.facets.items()
        ]
        integer = {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}
        out.append({"name": "limit", "in": "query", "description": "Most items on this page.", "schema": integer})
        text = "`next` of the page before."
        out.append({"name": "after", "in": "query", "description": text, "schema": {"type": "string"}})
        return out

    def _asked(self, query: QueryParams) -> tuple[int, str, list[tuple[Facet, frozenset[str]]]]:
        findings: list[Finding] = []
        limit, after, wanted = LIMIT, "", []
        for name, text in query.multi_items():
            if name == "limit":
                if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST:
                    limit = int(text)
                else:
                    findings.append(Finding("limit", f"{text!r} is no number from 1 to {MOST}", "leave it out for 100"))
            elif name == "after":
                after = text
            elif facet := self.facets.get(name):
                values = frozenset(filter(None, (v.strip() for v in text.split(","))))
                findings += _unknown_words(name, facet, values)
                wanted.append((facet, values))
            else:
                known = [*self.facets, "limit", "after"]
                cure = did_you_mean(name, known) or "known are " + ", ".join(known)
                findings.append(Finding(name, f"{self.name} cannot be filtered by this", cure))
        if findings:
            raise ProblemError(422, "This list cannot be made.", findings)
        return limit, after, wanted


def _unknown_words(name: str, facet: Facet, values: Iterable[str]) -> list[Finding]:
    if facet.words is None:
        return []
    known = [str(word) for word in facet.words]
    return [
        Finding(name, f"{v!r} is no such {name}", did_you_mean(v, known) or "one of " + ", ".join(known))
        for v in sorted(values)
        if v not in known
    ]


def _matches(value: object, wanted: frozenset[str]) -> bool:
    if not wanted:
        return True
    if isinstance(value, bool):
        return ("true" if value else "false") in wanted
    if isinstance(value, tuple | list):
        return any(v in wanted for v in value)
    return value in wanted


# ---------------------------------------------------------------- the eight lists


def _circuit_ids(view: View) -> Sequence[str]:
    return view.ledger_ids("circuits")


def _circuit(attribute: str) -> Callable[[View, str], object]:
    def of(view: View, key: str) -> object:
        known = view.ledger.circuits.get(key)
        return getattr(known, attribute) if known else ""

    return of


def _circuit_state(view: View, key: str) -> object:
    row = view.get(CircuitState, key)
    return row.state if row else ServiceState.UP


def _circuit_class(view: View, key: str) -> object:
    row = view.get(CircuitState, key)
    return row.assurance if row else _circuit("assurance")(view, key)


def _circuit_fault(view: View, key: str) -> object:
    row = view.get(CircuitState, key)
    return row.fault if row else ""


def _circuit_sites(view: View, key: str) -> object:
    known = view.ledger.circuits.get(key)
    devices = view.ledger.devices
    ends = (known.a.device, known.z.device) if known else ()
    return tuple(devices[device].site for device in ends if device in devices)


def _circuit_detail(docs: Documents, key: str) -> Mapping[str, Any]:
    outages = sorted(docs.view.find(Outage, "circuit", key), key=lambda o: -o.started)
    exposures = [e for e in docs.view.find(Exposure, "circuit", key) if e.ended is None]
    return {
        "outages": [docs.outage(o) for o in outages[:50]],
        "exposures": [docs.exposure(e) for e in exposures],
        "journal": [docs.entry(e) for e in docs.view.story([key])],
    }


def _fault_detail(docs: Documents, key: str) -> Mapping[str, Any]:
    view = docs.view
    fault, ticket = view.get(Fault, key), view.ticket_of(key)
    outages = sorted(
        view.find(Outage, "fault", key), key=lambda o: (o.restored is not None, o.deadline or 0, natural(o.circuit))
    )
    exposures = [e for e in view.find(Exposure, "fault", key) if e.ended is None]
    alarms = sorted(view.find(Alarm, "fault", key), key=lambda a: a.raised)
    subjects = [key, *([ticket.id] if ticket else [])]
    return {
        "outages": [docs.outage(o) for o in outages[:200]],
        "outages_total": len(outages),
        "exposures": [docs.exposure(e) for e in exposures[:200]],
        "exposures_total": len(exposures),
        "alarms": [docs.alarm(a) for a in alarms[:50]],
        "alarms_total": len(alarms),
        "windows": [docs.window(w) for w in beside(view, fault, docs.now)] if fault else [],
        "repair": docs.ticket(ticket, 200) if ticket else None,
        "journal": [docs.entry(e) for e in view.story(subjects)],
    }


def _ticket_detail(docs: Documents, key: str) -> Mapping[str, Any]:
    ticket = docs.view.get(Ticket, key)
    fault = docs.view.get(Fault, ticket.fault) if ticket else None
    outages = docs.view.find(Outage, "fault", ticket.fault) if ticket else []
    return {
        "root": docs.root(fault.root) if fault else None,
        "domain": fault.domain if fault else "",
        "outages": [docs.outage(o) for o in outages[:200]],
        "journal": [docs.entry(e) for e in docs.view.story([key])],
    }


def _device_detail(docs: Documents, key: str) -> Mapping[str, Any]:
    alarms = sorted(docs.view.find(Alarm, "device", key), key=lambda a: -a.changed)
    links = [link.id for link in docs.view.ledger.links.values() if key in (link.a.device, link.z.device)]
    return {"alarm_list": [docs.alarm(a) for a in alarms[:100]], "links": links}


def _window_state(view: View, key: str) -> object:
    row = view.get(Window, key)
    return Documents(view, view.now).window_state(row) if row else ""


class WindowState(StrEnum):
    AHEAD = "ahead"
    RUNNING = "running"
    OVER = "over"
    CANCELLED = "cancelled"


class DeviceVerdict(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


def _row(kind: Any, attribute: str) -> Callable[[View, str], object]:
    def of(view: View, key: str) -> object:
        return getattr(view.get(kind, key), attribute)

    return of


def _device(attribute: str) -> Callable[[View, str], object]:
    return lambda view, key: getattr(view.ledger.devices[key], attribute)


def _complaint(docs: Documents, key: str) -> Mapping[str, Any] | None:
    return next((docs.complaint(fact) for fact in docs.view.complaints if complaint_id(fact) == key), None)


def _made(kind: Any, method: str) -> Callable[[Documents, str], Mapping[str, Any] | None]:
    def make(docs: Documents, key: str) -> Mapping[str, Any] | None:
        row = docs.view.get(kind, key)
        return None if row is None else getattr(docs, method)(row)

    return make


LISTINGS: Final = (
    Listing(
        "circuits",
        "circuit",
        shapes.CircuitDoc,
        _circuit_ids,
        lambda docs, key: docs.circuit(key),
        _circuit_detail,
        {
            "state": Facet(_circuit_state, ServiceState),
            "assurance": Facet(_circuit_class),
            "product": Facet(_circuit("product")),
            "customer": Facet(_circuit("customer"), what="The carrier's own code."),
            "fault": Facet(_circuit_fault),
            "site": Facet(_circuit_sites, what="Those that end at this site."),
            "id": Facet(lambda _view, key: key),
        },
    ),
    Listing(
        "alarms",
        "alarm",
        shapes.AlarmDoc,
        lambda view: view.ids(Alarm),
        _made(Alarm, "alarm"),
        facets={
            "state": Facet(_row(Alarm, "state"), AlarmState),
            "severity": Facet(_row(Alarm, "severity"), Severity),
            "condition": Facet(_row(Alarm, "condition"), Condition),
            "device": Facet(_row(Alarm, "device")),
            "fault": Facet(_row(Alarm, "fault")),
        },
    ),
    Listing(
        "faults",
        "fault",
        shapes.FaultDoc,
        lambda view: view.ids(Fault),
        _made(Fault, "fault"),
        _fault_detail,
        {
            "open": Facet(
                lambda view, key: (f := view.get(Fault, key)) is not None and f.cleared is None and not f.absorbed_by,
                YesNo,
                "`true`: those that stand; `false`: those that are over.",
            ),
            "domain": Facet(_row(Fault, "domain"), Domain),
            "kind": Facet(lambda view, key: view.all(Fault)[key].root.kind, RootKind),
            "circuit": Facet(_row(Fault, "circuits")),
            "planned": Facet(_row(Fault, "planned"), YesNo),
        },
    ),
    Listing(
        "outages",
        "outage",
        shapes.OutageDoc,
        lambda view: view.ids(Outage),
        _made(Outage, "outage"),
        facets={
            "open": Facet(lambda view, key: view.all(Outage)[key].restored is None, YesNo),
            "assurance": Facet(_row(Outage, "assurance")),
            "circuit": Facet(_row(Outage, "circuit")),
            "fault": Facet(_row(Outage, "fault")),
            "breached": Facet(_row(Outage, "breached"), YesNo),
        },
    ),
    Listing(
        "tickets",
        "ticket",
        shapes.TicketDoc,
        lambda view: view.ids(Ticket),
        _made(Ticket, "ticket"),
        _ticket_detail,
        {
            "open": Facet(lambda view, key: view.all(Ticket)[key].state not in CLOSED, YesNo),
            "state": Facet(_row(Ticket, "state"), TicketState),
            "kind": Facet(_row(Ticket, "kind"), TicketKind),
            "team": Facet(_row(Ticket, "team")),
            "skill": Facet(_row(Ticket, "skill")),
            "fault": Facet(_row(Ticket, "fault")),
            "circuit": Facet(_row(Ticket, "circuits")),
            "overdue": Facet(
                lambda view, key: overdue(view.all(Ticket)[key], view.now),
                what="Only those with this clock overdue, such as slip or on_site; several by commas.",
            ),
        },
    ),
    Listing(
        "devices",
        "device",
        shapes.DeviceDoc,
        lambda view: view.ledger_ids("devices"),
        lambda docs, key: docs.device(key),
        _device_detail,
        {
            "state": Facet(lambda view, key: verdict(view.get(DeviceState, key)), DeviceVerdict),
            "role": Facet(_device("role"), Role),
            "site": Facet(_device("site")),
            "vendor": Facet(_device("vendor")),
        },
    ),
    Listing(
        "maintenance",
        "planned work",
        shapes.WindowDoc,
        lambda view: view.ids(Window),
        _made(Window, "window"),
        facets={"state": Facet(_window_state, WindowState)},
    ),
    Listing(
        "complaints",
        "complaint",
        shapes.ComplaintDoc,
        lambda view: sorted((complaint_id(fact) for fact in view.complaints), key=natural),
        _complaint,
        facets={"circuit": Facet(lambda _view, key: key.rpartition("@")[0])},
    ),
)
