"""The people of the demo: a NOC that announces work and takes complaints, and crews that go where they are sent.

They do what real people do, through the same HTTP API, and know only what NetWatch tells them. A crew that is sent to
the wrong place mends nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from netwatch.core.model import Root, RootKind
from netwatch.core.time import MINUTE, Instant, show
from netwatch.demo.clock import DemoClock
from netwatch.demo.metro import ZONE
from netwatch.demo.postbox import Letter
from netwatch.demo.story import Teller, Window, Word

ACCEPTS, DEPARTS, TRAVELS, TESTS, LOOKS = 1.0, 1.5, 6.0, 2.5, 4.0
"""Minutes: to accept an order, to leave, to get there, to see the line up again, to find nothing."""

_DISPATCHED: Final = "ticket.dispatched"

Say = Callable[[str], None]


class Refused(Exception):  # noqa: N818 — the API's word
    """NetWatch did not take an act, and said why."""


def act_token(state: Path) -> str:
    """What the daemon leaves in its state directory for those who may act."""
    return (state / "act.token").read_text(encoding="utf-8").strip()


class Api:
    """NetWatch's HTTP API as these people use it."""

    def __init__(self, base: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{base}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Mapping[str, Any]:
        return self._read(await self._http.get(path))

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._read(await self._http.post(path, json=dict(body)))
        if answer.get("status") == "refused":
            decided = answer.get("decided", ())
            reasons = dict.fromkeys(str(e["reason"]) for e in decided if str(e.get("kind", "")).endswith("refused"))
            raise Refused("; ".join(reasons))
        return answer

    @staticmethod
    def _read(response: httpx.Response) -> Mapping[str, Any]:
        body = response.json()
        if response.is_error:
            raise Refused(str(body.get("detail", response.reason_phrase)))
        assert isinstance(body, dict)  # noqa: S101 — for the type checker
        return body


class People:
    """Everybody outside the machine room. Their errands run as tasks of the given group."""

    def __init__(self, api: Api, clock: DemoClock, teller: Teller, tasks: asyncio.TaskGroup, say: Say) -> None:
        self._api, self._clock, self._teller, self._tasks, self._say = api, clock, teller, tasks, say
        self._orders: set[str] = set()

    def announce(self, window: Window, began: Instant) -> None:
        """The NOC enters planned work, of the round of the story that began then."""
        body = {
            "id": window.id,
            "announced": show(window.announced, ZONE),
            "start": show(began + round(window.start * MINUTE), ZONE),
            "end": show(began + round(window.end * MINUTE), ZONE),
            "scope": [window.scope],
        }
        self._errand(lambda: self._post("maintenance", body, f"the NOC enters planned work {window.id}"))

    def complain(self, word: Word) -> None:
        """The hotline enters a complaint."""
        body = {"circuit": word.circuit, "channel": word.channel, "text": word.text}
        self._errand(lambda: self._post("complaints", body, f"the hotline enters a complaint about {word.circuit}"))

    def opened(self, letter: Letter) -> None:
        """A message arrived; whoever is sent somewhere goes."""
        audience, ticket = str(letter.body.get("audience", "")), str(letter.body.get("subject", ""))
        team = audience.removeprefix("team:")
        if letter.body.get("template") == _DISPATCHED and team != audience and ticket not in self._orders:
            self._orders.add(ticket)
            self._errand(lambda: self._repair(ticket, team))

    async def _repair(self, ticket: str, team: str) -> None:
        for action, minutes in (("accept", ACCEPTS), ("depart", DEPARTS), ("arrive", TRAVELS)):
            await self._pass(minutes)
            await self._act(ticket, action, team)
        happening = self._teller.truth.at(await self._root(ticket))
        fix = happening.beat.fix if happening else None
        if happening is None or fix is None:
            await self._pass(LOOKS)
            self._say(f"{team} finds nothing to mend for {ticket}")
            await self._act(ticket, "return", team, "nothing found on site")
            return
        await self._pass(fix)
        self._teller.repaired(happening, self._clock())
        self._say(f"{team} has mended it")
        await self._pass(TESTS)
        if isinstance(happening.beat, Word):  # of other repairs monitoring sees for itself that they helped
            await self._act(ticket, "restore", team, "line exchanged")
        await self._act(ticket, "return", team, happening.beat.title)

    async def _root(self, ticket: str) -> Root:
        """Where the order sends them."""
        fault = (await self._api.get(f"/tickets/{ticket}"))["fault"]
        root = (await self._api.get(f"/faults/{fault}"))["root"]
        return Root(RootKind(root["kind"]), root["id"])

    async def _act(self, ticket: str, action: str, by: str, reason: str = "") -> None:
        await self._api.post(f"/tickets/{ticket}/{action}", {"by": by, "reason": reason})
        self._say(f"{by}: {action} {ticket}")

    async def _post(self, path: str, body: Mapping[str, Any], what: str) -> None:
        await self._api.post(path, body)
        self._say(what)

    def _errand(self, doing: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            # Who is refused (the order was closed meanwhile, say) reads why and goes home.
            with contextlib.suppress(httpx.TransportError):  # the daemon is going down
                try:
                    await doing()
                except Refused as error:
                    self._say(f"not taken: {error}")

        errand = run()
        try:
            self._tasks.create_task(errand)
        except RuntimeError:  # the show is over, nobody goes any more
            errand.close()

    async def _pass(self, minutes: float) -> None:
        await asyncio.sleep(self._clock.real_seconds(self._clock() + round(minutes * MINUTE)))
