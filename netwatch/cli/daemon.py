"""How commands reach what NetWatch knows: the running daemon, else what its store remembers.

Both answer with the same documents, made by the same code; what the store tells is as old as the last decision.
Acts need the daemon: without it they end with 69, and nothing is written behind its back.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import click

from netwatch.cli.common import FINDINGS, TRY_AGAIN, UNAVAILABLE, USAGE, config_option, emit, json_option, say, show
from netwatch.cli.words import word

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.core.model import Row
    from netwatch.store import Store
    from netwatch.web.listings import Listing
    from netwatch.web.view import View

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for the daemon's answer."""

_PAGE = 1000


class AwayError(Exception):
    """Nobody answers at the configured address."""


class Api:
    """The daemon's HTTP API as a command sees it. Every trouble ends the command with its exit status."""

    def __init__(self, path: Path) -> None:
        from netwatch.config import load

        self.config: Config = load(path)

    def get(self, path: str, **query: object) -> Any:
        """Raises AwayError; any refusal ends the command."""
        asked = {key: value for key, value in query.items() if value not in (None, "", ())}
        return self._ask("GET", f"{path}?{urlencode(asked)}" if asked else path)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """An act. Ends with 69 when the daemon is away."""
        try:
            return self._ask("POST", path, {key: value for key, value in body.items() if value not in (None, "", ())})
        except AwayError as error:
            say(f"{error}; an act needs the running daemon (netwatch run)")
            raise SystemExit(UNAVAILABLE) from None

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        import httpx

        token = self._token()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            # A proxy of the environment has no business between a command and its own daemon.
            with httpx.Client(timeout=PATIENCE, trust_env=False, verify=self._trust(), headers=headers) as client:
                answer = client.request(method, self.url + path, json=body)
        except httpx.TimeoutException:
            say(f"the daemon at {self.url} does not answer in time; try again")
            raise SystemExit(TRY_AGAIN) from None
        except httpx.TransportError as error:
            raise AwayError(f"no daemon at {self.url} ({error})") from None
        if answer.status_code == httpx.codes.UNAUTHORIZED and not token:
            say(f"{self._token_file} cannot be read, which opens the daemon: run this as the daemon's user, or by sudo")
            raise SystemExit(FINDINGS)
        return _understood(answer.status_code, answer.headers.get("content-type", ""), answer.content)

    @property
    def url(self) -> str:
        return self.config.web.url

    def _token(self) -> str:
        try:
            return self._token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def _token_file(self) -> Path:
        return self.config.paths.state / "act.token"

    def _trust(self) -> ssl.SSLContext | bool:
        """The very certificate of the configuration, whoever signed it and for whatever name."""
        if self.config.web.tls_cert is None:
            return True
        context = ssl.create_default_context(cafile=self.config.web.tls_cert)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context


def _understood(status: int, kind: str, content: bytes) -> Any:
    if not kind.startswith(("application/json", "application/problem+json")):
        say(f"what answers there is no NetWatch (HTTP {status}, {kind or 'no content type'})")
        raise SystemExit(UNAVAILABLE)
    body = json.loads(content)
    if status >= 400:
        _refused(status, body)
    return body


def _refused(status: int, problem: Mapping[str, Any]) -> NoReturn:
    say(str(problem.get("detail", f"HTTP {status}")))
    for error in problem.get("errors", ()):
        cure = f" ({error['cure']})" if error.get("cure") else ""
        say(f"  {error['field']}: {error['what']}{cure}")
    raise SystemExit({422: USAGE, 401: FINDINGS, 503: TRY_AGAIN}.get(status, FINDINGS))


# ---------------------------------------------------------------- reading, with or without the daemon


def items(api: Api, listing: str, limit: int, query: Mapping[str, object]) -> tuple[list[dict[str, Any]], int]:
    """Up to `limit` documents (0: all), and how many there are."""
    try:
        return _paged(lambda **more: api.get(f"/api/v1/{listing}", **more), limit, query)
    except AwayError as error:
        away = error
    offline = partial(_offline_list, name=listing, limit=limit, query=query)
    return asyncio.run(_from_store(api.config, away, offline))


def one(api: Api, listing: str, key: str) -> dict[str, Any]:
    """One document with its details."""
    try:
        found: dict[str, Any] = api.get(f"/api/v1/{listing}/{quote(key, safe='')}")
    except AwayError as error:
        found = asyncio.run(_from_store(api.config, error, partial(_offline_show, name=listing, key=key)))
    return found


def _paged(get: Callable[..., Any], limit: int, query: Mapping[str, object]) -> tuple[list[dict[str, Any]], int]:
    got: list[dict[str, Any]] = []
    after = ""
    while True:
        page = get(**query, limit=min(limit - len(got), _PAGE) if limit else _PAGE, after=after)
        got += page["items"]
        after = page["next"]
        if after is None or (limit and len(got) >= limit):
            return got, int(page["total"])


async def _from_store(config: Config, why: AwayError, answer: Callable[[View, int], T]) -> T:
    from netwatch.core.time import moment
    from netwatch.store import Store, StoreError

    try:
        store = await Store.open(config.database_url(), write=False)
    except (StoreError, FileNotFoundError) as error:
        say(f"{why}, and its store cannot be read: {error}")
        raise SystemExit(UNAVAILABLE) from None
    async with store:
        view, last = await _remembered(config, store)
    told = moment(last, config.site.zone).isoformat(sep=" ", timespec="seconds") if last else "nothing decided yet"
    say(f"daemon not running: as of {told}")
    return answer(view, last)


async def _remembered(config: Config, store: Store) -> tuple[View, int]:
    """A view made of the rows that the store holds, as old as the last thing decided."""
    from typing import get_args

    from netwatch.core.model import Ledger, Row
    from netwatch.core.time import DAY
    from netwatch.findings import UnusableError
    from netwatch.ledger import load as load_ledger
    from netwatch.web.view import View

    try:
        ledger = await asyncio.to_thread(load_ledger, config.paths.ledger, config)
    except UnusableError as error:
        say(f"the ledger cannot be used, so names are missing: {error.findings[0]}")
        ledger = Ledger()
    rows = [row for kind in get_args(Row) for row in await store.history.rows(kind)]
    last = max(map(_latest, rows), default=0)
    entries = await store.history.entries(between=(last - 2 * DAY, last + 2 * DAY))
    last = max([last, *(entry.at for entry in entries)])
    view = View(ledger, config.site.zone, last)
    view.begin(rows, last, entries)
    return view, last


_AHEAD = frozenset({"deadline", "facility_deadline", "announced", "start", "end"})
"""Times of a row that may lie ahead of when it was decided, or were only said."""


def _latest(row: Row) -> int:
    """The last thing that the row knows to have happened."""
    stamps = {f.name: getattr(row, f.name) for f in fields(row) if f.name not in _AHEAD}
    return max((at for at in stamps.values() if isinstance(at, int) and at > _YEAR_2000), default=0)


_YEAR_2000 = 946_684_800_000_000


def _listing(name: str) -> Listing:
    from netwatch.web.listings import LISTINGS

    return next(listing for listing in LISTINGS if listing.name == name)


def _offline_list(
    view: View, now: int, *, name: str, limit: int, query: Mapping[str, object]
) -> tuple[list[dict[str, Any]], int]:
    from starlette.datastructures import QueryParams

    from netwatch.web.problems import ProblemError

    listing = _listing(name)

    def get(**asked: object) -> Any:
        text = {key: str(value) for key, value in asked.items() if value not in (None, "", ())}
        try:
            return listing.answer(view, QueryParams(text), now)
        except ProblemError as error:
            _refused(error.status, json.loads(bytes(error.response().body)))

    return _paged(get, limit, query)


def _offline_show(view: View, now: int, *, name: str, key: str) -> dict[str, Any]:
    from netwatch.web.problems import ProblemError

    try:
        return _listing(name).show(view, key, now)
    except ProblemError as error:
        _refused(error.status, json.loads(bytes(error.response().body)))


# ---------------------------------------------------------------- commands


def reading(listing: str, help_text: str, columns: Mapping[str, str], filters: Sequence[str]) -> click.Group:
    """A group with `list` and `show`. `columns` maps keys of the document to English headings."""
    group = click.Group(listing.removesuffix("s"), help=help_text)

    @group.command("list")
    @config_option
    @json_option
    @click.option("--limit", default=100, show_default=True, type=click.IntRange(0), help="At most so many; 0: all.")
    def list_them(config: Path, as_json: bool, limit: int, **asked: str) -> None:
        """List them; each filter takes several words, separated by commas."""
        found, total = items(Api(config), listing, limit, asked)
        if as_json:
            emit(found)
        else:
            show([line(document, columns) for document in found], list(line({}, columns)), none=word("nothing"))
        if total > len(found):
            say(word("more").format(n=total - len(found)))

    for name in filters:
        option = click.Option([f"--{name}"], default="", metavar="WORD", help=f"Only those with this {name}.")
        list_them.params.append(option)

    @group.command("show")
    @config_option
    @json_option
    @click.argument("id", metavar="ID")
    def show_one(config: Path, as_json: bool, id: str) -> None:  # noqa: A002 - click names the argument
        """Show one of them in full."""
        document = one(Api(config), listing, id)
        if as_json:
            emit(document)
        else:
            in_full(document)

    return group


def in_full(document: Mapping[str, Any]) -> None:
    """One document for people: what is said of it, then what it is made of."""
    plain = {key: value for key, value in document.items() if not _is_table(value) and not _is_document(value)}
    said = [{word("field"): word(k), word("value"): cell(v)} for k, v in plain.items() if v not in (None, "", [])]
    show(said, [word("field"), word("value")])
    for key, value in document.items():
        if _is_document(value):
            click.echo(f"\n{word(key)}")
            in_full(value)
        if _is_table(value):
            click.echo(f"\n{word(key)}")
            keys = [k for k in value[0] if any(row.get(k) not in (None, "", [], False) for row in value)]
            show([{word(k): cell(row.get(k)) for k in keys} for row in value], [word(k) for k in keys])


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_document(value: object) -> bool:
    return isinstance(value, dict) and cell(value) is value


def line(document: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    return {word(heading): _shown(key, document.get(key)) for key, heading in columns.items()}


_SHARES = frozenset({"breach_probability", "confidence"})


def _shown(key: str, value: Any) -> Any:
    return f"{value:.0%}" if key in _SHARES and isinstance(value, float) else cell(value)


def cell(value: Any) -> Any:
    """A value as it stands in a table: times short, lists short, ends as one word."""
    match value:
        case {"device": device, "port": port}:
            return f"{device} {port}".strip()
        case {"kind": kind, "name": name}:
            return f"{kind} {name}".strip()
        case list() if len(value) > 6:
            return " ".join(map(str, value[:5])) + f" … ({len(value)})"
        case str() if len(value) > 18 and value[10] == "T" and value[4] == "-" and value[:4].isdigit():
            return f"{value[:10]} {value[11:19]}"
        case float() if 0 < value < 1:
            return f"{value:.4g}"
        case _:
            return value


def told(answer: Mapping[str, Any], as_json: bool, what: str) -> None:
    """What became of an act."""
    status = str(answer["status"])
    if as_json:
        emit(answer)
    else:
        say(f"{word('done before' if answer.get('again') and status == 'done' else status)}: {what}")
        for entry in answer.get("decided", ()):
            if entry["reason"]:  # else it says no more than the line above
                say(f"  {entry['kind']} {entry['subject']}: {entry['reason']}")
    if status == "refused":
        raise SystemExit(FINDINGS)


def instant(text: str, config: Config, option: str) -> str:
    """A time as the API wants it; one without an offset is the site's own."""
    from datetime import datetime

    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-02T02:10 or 2026-11-02T02:10:00+08:00", param_hint=option
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=config.site.zone)).isoformat()
