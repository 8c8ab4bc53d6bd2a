"""Live updates over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import web_scene as scene
from web_night import Night
from web_scene import NOW, decision

from netwatch.core.model import CircuitState, Domain, RootKind, ServiceState
from netwatch.web import stream


@dataclass
class Event:
    name: str
    id: str
    data: dict[str, Any]


class Page:
    """Reads one stream as a browser does."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Event:
        async with asyncio.timeout(20):
            fields: dict[str, str] = {}
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
                else:
                    fields = {}
        raise EOFError


@contextlib.asynccontextmanager
async def page(url: str, last_id: str = "") -> AsyncIterator[Page]:
    headers = {"last-event-id": last_id} if last_id else {}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{url}/api/v1/events", headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Page(response)


def new_fault(key: str) -> Any:
    return scene.fault(key, RootKind.DEVICE, "AGG-1", Domain.EQUIPMENT, 1)


async def test_a_page_gets_the_whole_board_and_then_what_changes(night: Night) -> None:
    async with night.served() as url, page(url) as live:
        first = await live.next()
        assert (first.name, set(first.data["fault"])) == (
            "snapshot",
            {f"F{n}" for n in (1, 2, 3, 4, 5, *range(14, 22), 9, 12)},
        )
        night.view.apply(decision(new_fault("F50"), CircuitState("C-1399", ServiceState.DOWN, NOW, "A", "F50")))
        change = await live.next()
        assert change.name == "change"
        assert set(change.data) == {"now", "epoch", "change", "fault", "summary"}
        assert set(change.data["fault"]) == {"F50"}
        assert change.data["summary"]["circuits"]["down"] == 39


async def test_a_storm_is_gathered(night: Night) -> None:
    async with night.served() as url, page(url) as live:
        await live.next()
        for n in range(500):
            night.view.apply(decision(new_fault(f"F{100 + n}")))
        got: set[str] = set()
        events = 0
        while len(got) < 500:
            got |= set((await live.next()).data["fault"])
            events += 1
        assert events < 10


async def test_a_page_that_comes_back_gets_only_what_it_missed(night: Night) -> None:
    async with night.served() as url:
        async with page(url) as live:
            first = await live.next()
        night.view.apply(decision(new_fault("F50")))
        async with page(url, first.id) as again:
            change = await again.next()
            assert (change.name, set(change.data["fault"])) == ("change", {"F50"})


@pytest.mark.parametrize(
    "last_id", ["1-1", "nonsense", "-", "{epoch}-999999", "{epoch}-x", "{epoch}--1", "{epoch}-" + "9" * 30]
)
async def test_a_page_of_another_life_gets_the_whole_board(night: Night, last_id: str) -> None:
    async with night.served() as url, page(url, last_id.format(epoch=night.view.epoch)) as live:
        assert (await live.next()).name == "snapshot"


async def test_silence_is_broken_by_a_beat_that_tells_the_time(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.05)
    async with night.served() as url, page(url) as live:
        await live.next()
        night.now += 1_000_000
        beat = await live.next()
        assert beat.name == "beat"
        assert beat.data == {"now": "2026-11-02T03:20:01.000+08:00"}


async def test_pages_that_leave_are_forgotten_and_too_many_are_turned_away(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST", 2)
    live = night.app.state.stream
    async with night.served() as url:
        async with page(url) as one, page(url) as two:
            await one.next()
            await two.next()
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{url}/api/v1/events")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "10"
        async with asyncio.timeout(20):
            while live.listeners:  # noqa: ASYNC110 - the server learns of it in its own time
                await asyncio.sleep(0.01)
        async with page(url) as again:
            assert (await again.next()).name == "snapshot"


async def test_a_new_ledger_makes_every_page_draw_anew(night: Night) -> None:
    async with night.served() as url, page(url) as live:
        await live.next()
        night.view.relabel(scene.ledger(10))
        again = await live.next()
        assert again.name == "snapshot"
        assert again.data["summary"]["circuits"]["total"] == 10


async def test_stopping_the_server_ends_every_page_instead_of_breaking_it(night: Night) -> None:
    ended: list[type[BaseException]] = []

    async def read(url: str, ready: asyncio.Event) -> None:
        async with page(url) as live:
            await live.next()
            ready.set()
            try:
                await live.next()
            except BaseException as error:
                ended.append(type(error))

    ready = asyncio.Event()
    async with night.served() as url:
        reading = asyncio.create_task(read(url, ready))
        await ready.wait()
    await reading
    assert ended == [EOFError]
    assert night.app.state.stream.listeners == 0
