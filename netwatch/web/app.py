"""The HTTP surface put together: the board, the API, live updates, acts, metrics.

app = create_app(view, clock=clock, submit=submit, health=health, access=access)
await serve(app, Address("127.0.0.1", 8080))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from netwatch import __version__
from netwatch.core.model import Fact, Maintenance
from netwatch.core.time import Instant
from netwatch.findings import Finding, did_you_mean
from netwatch.web import acts, phone, shapes
from netwatch.web.access import Access, Door, Submit
from netwatch.web.board import Board
from netwatch.web.documents import Documents
from netwatch.web.guard import Guard
from netwatch.web.listings import LISTINGS, Listing, Page
from netwatch.web.problems import ProblemError, problem
from netwatch.web.serve import serve
from netwatch.web.stream import Stream
from netwatch.web.view import View

__all__ = ["Submit", "create_app", "serve"]

log = logging.getLogger(__name__)

_STATIC: Final = Path(__file__).with_name("static")
_COOKIE: Final = "netwatch"


def create_app(
    view: View,
    *,
    clock: Callable[[], Instant],
    submit: Submit,
    health: Callable[[], Mapping[str, str]],
    access: Access,
    metrics: Callable[[], bytes] = bytes,
    circuit_metrics: Callable[[], bytes] = bytes,
    pace: float = 1.0,
    routers: Iterable[APIRouter] = (),
) -> FastAPI:
    """The ASGI application over one view.

    `health` names each part that must work (store, ledger, think …) with what is wrong with it, empty when all is
    well. `metrics` and `circuit_metrics` give the Prometheus texts. `pace` is how many seconds of `clock` pass in
    one real one. `routers` are further endpoints; what they serve is guarded like reading.
    """
    board = Board(view, pace)
    stream = Stream(board, clock)
    app = FastAPI(
        title="NetWatch",
        version=__version__,
        description="Leased lines: faults, outages and their clocks, repair orders.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.stream = stream
    may_read, may_act = _doors(access, clock)
    reading, acting = [Depends(may_read)], [Depends(may_act)]
    _report_problems(app)

    app.include_router(_pages())
    app.include_router(phone.pages(view, access, may_read, clock, submit, pace))
    app.include_router(_sessions(access, clock))
    app.include_router(_probes(health))
    app.include_router(_metrics(metrics, circuit_metrics), dependencies=reading)
    api = APIRouter(prefix="/api/v1")
    api.include_router(_acts(view, clock, submit), dependencies=acting)
    api.include_router(_customers(view), dependencies=acting)
    api.include_router(_live(view, board, stream, clock), dependencies=reading)
    for listing in LISTINGS:
        api.include_router(_listing(listing, view, clock), dependencies=reading)
    api.include_router(_description(app), dependencies=reading)
    app.include_router(api)
    for router in routers:
        app.include_router(router, dependencies=reading)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_middleware(Guard)
    return app


# ---------------------------------------------------------------- doors


def _doors(access: Access, clock: Callable[[], Instant]) -> tuple[Door, Door]:
    async def may_act(request: Request) -> None:
        if not access.may_act(request.headers.get("authorization", "")):
            raise ProblemError(
                401,
                "Acting needs the act token: Authorization: Bearer …, from the file act.token in the state directory.",
                www_authenticate='Bearer realm="netwatch"',
            )

    async def may_read(request: Request) -> None:
        headers = request.headers
        peer = request.client.host if request.client else ""
        forwarded = any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
        if access.is_local(peer, headers.get("host", ""), forwarded=forwarded):
            return
        if not access.may_read(headers.get("authorization", ""), request.cookies.get(_COOKIE, ""), clock()):
            raise ProblemError(
                401,
                "Reading from elsewhere needs the token of web.token: Authorization: Bearer ….",
                www_authenticate='Bearer realm="netwatch"',
            )

    return may_read, may_act


def _sessions(access: Access, clock: Callable[[], Instant]) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["session"])

    @router.post("/session", status_code=204, summary="Open a browser's session with the token")
    async def log_in(login: acts.Login, request: Request) -> Response:
        if not access.knows(login.token):
            raise ProblemError(401, "This is not the token.", [Finding("token", "is not the one of web.token")])
        response = Response(status_code=204)
        response.set_cookie(
            _COOKIE, access.session(clock()), httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    return router


# ---------------------------------------------------------------- problems


def _report_problems(app: FastAPI) -> None:
    async def told(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101 - for the type checker
        return error.response()

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return _invalid(error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        detail = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} is not for this path."}
        headers = dict(error.headers or {})
        return problem(error.status_code, detail.get(error.status_code, str(error.detail)), headers=headers)

    async def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(500, "This went wrong on our side; the log says more.")

    app.add_exception_handler(ProblemError, told)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, failed)


_SAID: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "list_type": "must be a list",
    "string_too_long": "is too long",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "too_long": "has too many items",
    "json_invalid": "is no JSON",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
}


def _invalid(error: RequestValidationError) -> JSONResponse:
    findings: dict[str, Finding] = {}
    for one in error.errors():
        place = ".".join(str(p) for p in one["loc"][1:] if not str(p).startswith(("literal[", "list["))) or "body"
        if one["type"] == "json_invalid":
            return problem(400, "The body is no JSON.", [Finding("body", "is no JSON", "send one JSON object")])
        what = _SAID.get(one["type"], one["msg"].removeprefix("Value error, "))
        findings.setdefault(place, Finding(place, what, _cure(one)))
    return problem(422, "The request cannot be understood.", findings.values())


def _cure(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        known = {*acts.Act.model_fields, *acts.CustomersWord.model_fields, *acts.PlannedWork.model_fields}
        return did_you_mean(str(error["loc"][-1]), sorted(known)) or "leave it out"
    if limit := (error.get("ctx") or {}).get("max_length"):
        return f"at most {limit}"
    return ""


# ---------------------------------------------------------------- pages


def _pages() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def board() -> Response:
        # The page holds no data; what it asks for afterwards is guarded.
        return FileResponse(_STATIC / "index.html", headers={"cache-control": "no-cache"})

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return FileResponse(_STATIC / "icon.svg", media_type="image/svg+xml")

    return router


# ---------------------------------------------------------------- health, metrics


def _probes(health: Callable[[], Mapping[str, str]]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Alive")
    async def alive() -> Response:
        return JSONResponse({"status": "alive", "version": __version__})

    @router.get("/readyz", summary="Ready: store open, ledger loaded, loops making progress")
    async def ready() -> Response:
        parts = dict(health())
        wrong = {name: what for name, what in parts.items() if what}
        body = {
            "status": "not ready" if wrong else "ready",
            "parts": {name: what or "ok" for name, what in parts.items()},
        }
        return JSONResponse(body, 503 if wrong else 200)

    return router


def _metrics(metrics: Callable[[], bytes], circuit_metrics: Callable[[], bytes]) -> APIRouter:
    router = APIRouter(tags=["metrics"])
    kind = "text/plain; version=0.0.4; charset=utf-8"

    @router.get("/metrics", summary="Prometheus")
    async def totals() -> Response:
        return Response(metrics(), media_type=kind)

    @router.get("/metrics/circuits", summary="Prometheus: circuits not up, and those of the named classes")
    async def circuits() -> Response:
        return Response(circuit_metrics(), media_type=kind)

    return router


# ---------------------------------------------------------------- reading


def _listing(listing: Listing, view: View, clock: Callable[[], Instant]) -> APIRouter:
    router = APIRouter(prefix=f"/{listing.name}", tags=[listing.name])

    @router.get(
        "",
        summary=f"List {listing.name}",
        response_model=Page,
        openapi_extra={"parameters": listing.parameters()},
        operation_id=f"list_{listing.name}",
    )
    async def many(request: Request) -> Response:
        return JSONResponse(await listing.page(view, request.query_params, clock()))

    @router.get(
        "/{key:path}",
        summary=f"Show one {listing.one}",
        response_model=listing.shape,
        operation_id=f"show_{listing.name}",
    )
    async def one(key: str) -> Response:
        return JSONResponse(listing.show(view, key, clock()))

    return router


def _live(view: View, board: Board, stream: Stream, clock: Callable[[], Instant]) -> APIRouter:
    router = APIRouter(tags=["board"])

    @router.get("/board", summary="All that the board shows")
    async def whole() -> Response:
        return JSONResponse(board.snapshot(clock()))

    @router.get("/messages", summary="Messages that went out lately", response_model=list[shapes.MessageDoc])
    async def messages() -> Response:
        docs = Documents(view, clock())
        return JSONResponse([docs.message(message) for message in reversed(view.messages)])

    @router.get("/events", summary="Server-sent events: snapshot, change, beat")
    async def events(request: Request) -> Response:
        if stream.full:
            raise ProblemError(503, "Too many pages listen already.", retry_after="10")
        return StreamingResponse(
            stream.events(request.headers.get("last-event-id", "")),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return router


def _description(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    return router


# ---------------------------------------------------------------- acting


def _acts(view: View, clock: Callable[[], Instant], submit: Submit) -> APIRouter:
    router = APIRouter(tags=["acts"])

    async def take(fact: Fact, understood: dict[str, Any], *about: str) -> Response:
        decided = await submit(fact)
        docs = Documents(view, clock())
        understood = {"at": docs.time(fact.at), **understood}
        if decided is None:
            return JSONResponse({"status": "taken", **understood}, 202)
        status, own = acts.outcome(decided, *about)
        return JSONResponse({"status": status, **understood, "decided": [docs.entry(entry) for entry in own]})

    async def take_all(windows: list[Maintenance]) -> Response:
        """Planned work that comes again is as many facts as it has windows; the first one's fate is told."""
        for other in windows[1:]:
            await submit(other)
        told = _planned(view, windows[0])
        if len(windows) > 1:
            told["windows"] = [_planned(view, w) for w in windows]
        return await take(windows[0], told, windows[0].id)

    @router.post("/tickets/{key:path}/{action}", summary="Act on a ticket: ack, accept, pause, restore …")
    async def act(key: str, action: str, body: acts.Act) -> Response:
        now = clock()
        ticket, wanted = acts.ticket_of(view, key), acts.action_of(action)
        fact = acts.work(view, ticket, wanted, body, now)
        understood = {
            "type": "work",
            "ticket": ticket.id,
            "action": fact.action,
            "by": fact.by,
            "reason": fact.reason,
            "circuits": list(fact.circuits[:200]),
            "since": Documents(view, now).time(fact.since),
            "approved_by": fact.approved_by,
            "again": acts.said_before(ticket, wanted),
        }
        return await take(fact, understood, ticket.id, ticket.fault, *fact.circuits)

    @router.post("/complaints", summary="Enter the customer's word")
    async def complain(body: acts.CustomersWord) -> Response:
        fact = acts.complaint(view, body, clock())
        return await take(fact, {"type": "complaint", "circuit": fact.circuit, "channel": fact.channel}, fact.circuit)

    @router.post("/maintenance", summary="Plan work, or replace planned work of the same id")
    async def plan(body: acts.PlannedWork) -> Response:
        return await take_all(acts.planned(view, body, clock()))

    @router.post("/maintenance/{key:path}/cancel", summary="Cancel planned work")
    async def cancel(key: str) -> Response:
        return await take_all(acts.cancellation(view, key, clock()))

    return router


def _planned(view: View, fact: Maintenance) -> dict[str, Any]:
    docs = Documents(view, fact.at)
    return {
        "type": "maintenance",
        "id": fact.id,
        "announced": docs.time(fact.announced),
        "start": docs.time(fact.start),
        "end": docs.time(fact.end),
        "scope": [f"{scope.kind} {scope.id}" for scope in fact.scope],
        "cancelled": fact.cancelled,
    }


def _customers(view: View) -> APIRouter:
    router = APIRouter(tags=["circuits"])

    @router.get("/circuits/{key:path}/customer", summary="Whose circuit it is; each look is logged")
    async def reveal(key: str) -> Response:
        circuit = view.ledger.circuits.get(key)
        customer = view.ledger.customers.get(circuit.customer) if circuit else None
        if circuit is None or customer is None:
            raise ProblemError(404, f"The ledger names no customer of circuit {key}.")
        # Looking a customer up without need is a violation, so every look leaves a trace; what was seen does not.
        log.info("the customer of circuit %s was looked up", key, extra={"circuit": key})
        return JSONResponse(
            {
                "circuit": key,
                "customer": customer.id,
                "name": customer.name,
                "level": customer.level,
                "important": customer.important,
                "manager": customer.manager,
                "contact": customer.contact,
                "phone": customer.phone,
                "language": customer.language,
            }
        )

    return router
