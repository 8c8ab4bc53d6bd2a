"""The board in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import web_scene as scene
from web_chromium import Browser, Page, browser
from web_night import READ, Night
from web_scene import NOW, decision

from netwatch.core.model import (
    Action,
    CircuitState,
    Condition,
    Domain,
    Driver,
    Entry,
    Fault,
    Outlook,
    RootKind,
    ServiceState,
    Ticket,
    TicketKind,
    TicketState,
)
from netwatch.core.time import HOUR
from netwatch.web.view import View
from netwatch.web.words import WORDS

# One browser for all of them: a page of its own, with nothing remembered, is what a test needs.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

_PACKAGE = Path(__file__).parents[2] / "netwatch"

LIVE = "document.querySelector('.live-live') !== null && document.querySelector('.number') !== null"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as made:
        yield made


def clean(page: Page, url: str) -> None:
    assert page.errors == []
    strangers = [r for r in page.requests if not r.startswith((url, "data:"))]
    assert strangers == [], "the board asks nobody but its own server"


async def opened(chromium: Browser, url: str, query: str = "", **size: Any) -> Page:
    page = await chromium.open(f"{url}/{query}", **size)
    await page.until(LIVE)
    return page


async def test_a_fault_appears_without_a_reload_and_goes_when_it_is_cleared(night: Night, chromium: Browser) -> None:
    async with night.served() as url:
        page = await opened(chromium, url, "?lang=en")
        assert await page.js("document.querySelectorAll('.group-out .fault').length") == 6
        fault = scene.fault("F50", RootKind.DEVICE, "OLT-6", Domain.EQUIPMENT, 1, ("C-1399",))
        out = scene.outage("O50", "C-1399", "F50", 235, "AA")
        night.view.apply(decision(fault, out, CircuitState("C-1399", ServiceState.DOWN, NOW, "AA", "F50")))
        await page.until("document.querySelector('[data-id=F50]') !== null")
        row = await page.js("document.querySelector('[data-id=F50]').innerText")
        assert "滨江 OLT" not in row
        assert "老城南 OLT" in row
        # Five minutes left: it stands third, after the one that is late and before all that have longer.
        order = await page.js("[...document.querySelectorAll('.group-out .fault')].map(f => f.dataset.id)")
        assert order[:3] == ["F9", "F50", "F12"]
        assert await page.js("document.querySelector('[data-tile=down] .number').textContent") == "39"
        assert await page.js("document.title") == "(39) NetWatch"
        night.view.apply(decision(replace(fault, cleared=NOW), replace(out, restored=NOW)))
        await page.until("document.querySelector('.group-out [data-id=F50]') === null")
        assert "老城南 OLT" in await page.js("document.querySelector('.panel-recent').innerText")
        clean(page, url)


async def test_what_runs_out_stands_first_and_is_coloured_by_what_is_left(night: Night, chromium: Browser) -> None:
    async with night.served() as url:
        page = await opened(chromium, url, "?lang=zh")
        near = await page.js(
            "Object.fromEntries([...document.querySelectorAll('.group-out .fault')]"
            ".map(f => [f.dataset.id, f.dataset.near]))"
        )
        assert near == {"F9": "over", "F12": "warn", "F15": "stopped", "F18": "calm", "F14": "calm", "F17": "calm"}
        count = "document.querySelector('[data-id=F9] .count').textContent"
        assert re.fullmatch(r"\+0:23:0\d", await page.js(count))
        stopped = "document.querySelector('[data-id=F15] .count').textContent"
        before, at = await page.js(stopped), await page.js(count)
        await page.until(f"{count} !== {json.dumps(at)}")
        assert await page.js(stopped) == before == "4:25:00"


async def test_language_and_light_are_switched_and_remembered(night: Night, chromium: Browser) -> None:
    async with night.served() as url:
        page = await opened(chromium, url)
        first = await page.js("document.documentElement.lang")
        assert first == "en"  # the browser's own
        await page.js("document.getElementById('language').click()")
        assert await page.js("document.querySelector('[data-tile=down] .label').textContent") == "中断"
        dark = await page.js("getComputedStyle(document.body.parentElement).backgroundColor")
        await page.js("document.getElementById('theme').click()")
        light = await page.js("getComputedStyle(document.body.parentElement).backgroundColor")
        assert dark != light
        await page.call("Page.navigate", url=url)
        await page.until(LIVE)
        assert await page.js("document.documentElement.lang") == "zh"
        assert await page.js("getComputedStyle(document.body.parentElement).backgroundColor") == light
        clean(page, url)


async def test_the_keyboard_goes_through_the_faults_and_opens_one(night: Night, chromium: Browser) -> None:
    async with night.served() as url:
        page = await opened(chromium, url, "?lang=en")
        await page.press("ArrowDown")
        await page.press("ArrowDown")
        assert await page.js("document.activeElement.dataset.id") == "F12"
        await page.js("document.activeElement.click()")
        await page.until("document.getElementById('drawer').open")
        text = await page.js("document.getElementById('drawer').innerText")
        for needed in (
            "LOS at both ends of L-07",
            "L-07 alone would explain",
            "C-1007",
            "97% sure",
            "on site",
            "loss of light",
            "crew sent",
        ):
            assert needed in text, needed
        night.view.apply(decision(replace(night.view.all(Fault)["F12"], reason="The splice is found.")))
        await page.until("document.getElementById('drawer').innerText.includes('The splice is found.')")
        await page.press("Escape")
        await page.until("!document.getElementById('drawer').open")
        assert await page.js("document.activeElement.dataset.id") == "F12"
        clean(page, url)


async def test_a_silent_server_is_seen_and_the_board_comes_back_by_itself(night: Night, chromium: Browser) -> None:
    bound: dict[str, int] = {}
    async with night.served() as url:
        bound["port"] = int(url.rpartition(":")[2])
        page = await opened(chromium, url, "?lang=en")
    await page.until("document.querySelector('.live-stale') !== null")
    assert "stale since 03:20" in await page.js("document.querySelector('.live').textContent")
    again = Night(scene.view(blind=True))
    async with again.served(bound["port"]):
        await page.until(LIVE, 30)
        assert "60 circuits unknown" in await page.js("document.getElementById('banner').innerText")


async def test_all_quiet_is_said_and_blindness_is_not_quiet(chromium: Browser) -> None:
    quiet = Night(View(scene.ledger(), scene.ZONE, NOW))
    async with quiet.served() as url:
        page = await opened(chromium, url, "?lang=en")
        assert "All quiet" in await page.js("document.getElementById('faults').innerText")
        quiet.view.apply(decision(*scene.blindness()))
        await page.until("!document.getElementById('banner').hidden")
        assert "All quiet" not in await page.js("document.getElementById('faults').innerText")
        clean(page, url)


async def test_orders_that_the_brake_holds_are_told_above_all_else_until_a_person_has_looked(
    night: Night, chromium: Browser
) -> None:
    async with night.served() as url:
        page = await opened(chromium, url, "?lang=en")
        assert await page.js("document.getElementById('banner').hidden")
        held = scene.storm(night.view.ledger)
        night.view.apply(decision(*held))
        await page.until("document.getElementById('banner').innerText.includes('12 orders held')")
        assert await page.js("document.querySelector('[data-id=F60] .state').textContent") == "held"
        await page.js("document.querySelector('#banner button').click()")
        await page.until("document.getElementById('drawer').innerText.includes('a person must look')")
        orders = [replace(t, braked=False) for t in held if isinstance(t, Ticket)]
        night.view.apply(decision(*orders))
        await page.until("document.getElementById('banner').hidden")
        clean(page, url)


async def test_the_page_of_a_fault_tells_the_forecast_and_the_work_planned_there(
    night: Night, chromium: Browser
) -> None:
    order = night.view.all(Ticket)["T12"]
    drivers = (Driver("cause", "cable", 0.9, 0.31), Driver("queue", "", 2.0, 0.12))
    outlook = Outlook(NOW, NOW + HOUR, 0.64, 0.72, 95.0, 210.0, drivers)
    night.view.apply(decision(replace(order, outlook=outlook)))
    async with night.served() as url:
        page = await opened(chromium, url, "?lang=en")
        await page.js("document.querySelector('[data-id=F12]').click()")
        text = "document.getElementById('drawer').innerText"
        await page.until(f"{text}.includes('64% risk of missing the limit, 72% if sent one look later')")
        shown = await page.js(text)
        for needed in ("back within 95 min (half), 210 min (four in five)", "probably cable", "(+12 points)"):
            assert needed in shown, needed
        assert "Planned work here" not in shown
        await page.press("Escape")
        await page.until("!document.getElementById('drawer').open")
        await page.js("document.querySelector('[data-id=F21]').click()")
        await page.until(f"{text}.includes('Planned work here')")
        assert "running until 05:50" in await page.js(text)
        assert "Nothing speaks against it." in await page.js(text)
        clean(page, url)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 800), (820, 1180), (390, 844), (320, 568)])
async def test_nothing_sticks_out_at_any_width(night: Night, chromium: Browser, width: int, height: int) -> None:
    async with night.served() as url:
        for lang in ("en", "zh"):
            page = await opened(chromium, url, f"?lang={lang}", width=width, height=height)
            wide = await page.js("document.documentElement.scrollWidth")
            assert wide <= width
            cut = await page.js(
                "[...document.querySelectorAll('.number, .count, .state, .tool')]"
                ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')"
                ".map(e => e.className)"
            )
            assert cut == []
        phone = await chromium.open(url + night.access.link("T12", NOW + HOUR), width, height)
        await phone.until("/^0:2\\d:/.test(document.querySelector('.count')?.textContent ?? '')")
        assert await phone.js("document.documentElement.scrollWidth") <= width
        assert phone.errors == []


async def test_a_crew_taps_twice_and_sees_what_became_of_its_word(night: Night, chromium: Browser) -> None:
    async with night.served() as url:
        address = url + night.access.link("T16", NOW + HOUR) + "&lang=en"
        phone, second = [await chromium.open(address, 390, 844) for _ in range(2)]
        button = "document.querySelector('#step button')"
        for page in (phone, second):
            await page.until(f"{button}?.textContent === 'Accept' && {button}.offsetParent !== null")
        await phone.js(f"{button}.click()")
        assert await phone.js(f"{button}.textContent") == "Tap again to confirm"
        assert night.facts == []
        order = night.view.all(Ticket)["T16"]
        night.view.apply(decision(replace(order, state=TicketState.ACCEPTED, accepted=NOW)))
        await phone.js(f"{button}.click()")
        await phone.until(f"{button}?.textContent === 'On my way' && {button}.offsetParent !== null")  # read anew
        assert len(night.facts) == 1
        # Whoever opened the same link says it late, and is told so.
        night.decided = [Entry(NOW, "act.refused", "T16", "accept does not follow travelling")]
        await second.js(f"{button}.click(), {button}.click()")
        await second.until("document.getElementById('refused').textContent.startsWith('The order has moved on')")
        assert [phone.errors, second.errors] == [[], []]


async def test_both_languages_have_every_word_and_every_word_of_the_model(night: Night, chromium: Browser) -> None:
    def keys(words: dict[str, Any], at: str = "") -> set[str]:
        return {
            k for name, w in words.items() for k in (keys(w, f"{at}{name}.") if isinstance(w, dict) else {at + name})
        }

    async with night.served() as url:
        page = await opened(chromium, url)
        words = await page.js("import('/static/words.js').then(m => m.WORDS)")
        used = await page.js(
            "Promise.all(['faults', 'panels', 'drawer', 'main']"
            ".map(name => fetch(`/static/${name}.js`).then(answer => answer.text())))"
            ".then(texts => texts.join())"
        )
    assert keys(words["zh"]) == keys(words["en"])
    assert keys(WORDS["zh"]) == keys(WORDS["en"])
    fixed = set(re.findall(r'\bt\("([\w.]+)"', used))
    assert fixed <= keys(words["en"])
    assert set(words["en"]["state"]) == set(WORDS["en"]["state"]) == {str(s) for s in TicketState}
    assert set(words["en"]["root"]) == set(WORDS["en"]["kind"]) == {str(k) for k in RootKind}
    assert set(words["en"]["domain"]) == {str(d) for d in Domain}
    assert set(words["en"]["condition"]) == {str(c) for c in Condition}
    assert set(words["en"]["entry"]["act"]) == {*map(str, Action), "refused"}
    core = "".join(path.read_text("utf-8") for path in (_PACKAGE / "core").rglob("*.py"))
    told = {f"entry.{kind}" for kind in re.findall(r'\.say\(\s*"((?:fault|ticket|generator)\.\w+)"', core)}
    assert len(told) > 10
    assert told <= keys(words["en"])
    assert {str(s) for s in ServiceState} <= set(words["en"])
    assert {str(k) for k in TicketKind} <= set(WORDS["en"])


async def test_from_elsewhere_the_board_asks_for_the_token_and_then_shows(night: Night, chromium: Browser) -> None:
    # A name that is not this machine's is what "from elsewhere" looks like on loopback.
    async with night.served() as url:
        port = url.rpartition(":")[2]
        page = await chromium.open(f"http://board.localhost:{port}/?lang=en")
        await page.until("document.getElementById('login')?.open")
        enter = "document.getElementById('token').value = %s; document.querySelector('#login button').click()"
        await page.js(enter % json.dumps("wrong"))
        await page.until("document.querySelector('.wrong').textContent !== ''")
        await page.js(enter % json.dumps(READ))
        await page.until(LIVE)
        assert not await page.js("document.getElementById('login').open")


async def test_no_file_of_the_pages_names_another_host() -> None:
    folder = _PACKAGE / "web"
    files = [p for p in [*folder.glob("static/*"), *folder.glob("templates/*")] if p.is_file()]
    assert len(files) > 10
    for path in files:
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text("utf-8")))
        assert hosts <= {"www.w3.org"}, path  # the name of the SVG vocabulary, never fetched
