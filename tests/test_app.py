"""The composed daemon inside the test's own event loop: where it must hold on, and where it must let go."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from netwatch.app import App, Clock, GaveUpError, Seams, read
from netwatch.core.model import (
    Action,
    Complaint,
    Condition,
    Decision,
    Observation,
    Problem,
    Source,
    State,
    Work,
)
from netwatch.deliver import Message
from netwatch.findings import UnusableError
from netwatch.loops import LATE
from netwatch.plan import credential
from netwatch.store import Store, StoreError, Trouble
from netwatch.systemd import Manager
from netwatch.wire.poll import PollStats

PROJECT = Path(__file__).parents[1]
PATIENCE = 60.0

CONFIG = """
[paths]
rules = "{project}/rules"
[poll]
interval_seconds = 3600
credential = "lab"
[poll.ping]
interval_seconds = 0
[listen]
traps = "127.0.0.1:0"
syslog = ""
[credentials.lab]
community = {{ file = "community" }}
[channels.room]
kind = "log"
[routing]
noc = ["room"]
default = ["room"]
[web]
listen = "127.0.0.1:0"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "tests/stories/data/night/ledger", tmp_path / "ledger")
    (tmp_path / "community").write_text("sesame\n", "utf-8")
    (tmp_path / "community").chmod(0o600)
    (tmp_path / "config.toml").write_text(CONFIG.format(project=PROJECT), "utf-8")
    return tmp_path / "config.toml"


class Room:
    """A channel into the test."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()

    async def send(self, message: Message) -> str:
        self.messages.put_nowait(message)
        return "heard"

    async def close(self) -> None: ...


class Recorded(Manager):
    """A manager with a short temper that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__({})
        self.watchdog_seconds = 0.4
        self.told: list[str] = []
        self.news = asyncio.Event()

    def say(self, *fields: str) -> None:
        self.told.extend(fields)
        self.news.set()

    async def hears(self, field: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while field not in self.told:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def running(config: Path, seams: Seams | None = None) -> AsyncIterator[App]:
    app = App(config, seams)
    life = asyncio.create_task(app.run())
    ready = asyncio.create_task(app.ready.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({life, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if life.done():
        await life
    try:
        yield app
    finally:
        app.stop()
        async with asyncio.timeout(PATIENCE):
            await life


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - logs and counters set no event
            await asyncio.sleep(0.01)


def reachable(device: str, state: State, at: int) -> Observation:
    return Observation(at, device, "", Condition.REACHABLE, state, Source.PING)


# ---------------------------------------------------------------- holding on


async def test_while_thinking_does_not_move_the_watchdog_is_not_fed_and_readyz_says_why(
    site: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwatch.app._STUCK", 0.9)
    monkeypatch.setattr("netwatch.app.BEAT", 0.05)
    monkeypatch.setattr("netwatch.loops.BEAT", 0.05)
    manager = Recorded()
    async with running(site, Seams(manager=manager)) as app:
        await manager.hears("WATCHDOG=1")
        assert set(app.health().values()) == {""}
        async with app.mind._turn:  # somebody holds the mind: as if a commit did not come back
            await until(lambda: "the watchdog is not fed" in caplog.text)
            manager.told.clear()
            await until(lambda: app.progress.stuck(1.0) != {})
            assert "WATCHDOG=1" not in manager.told
            assert "has not moved" in app.health()["think"]
        await manager.hears("WATCHDOG=1")
    assert caplog.text.count("the watchdog is not fed") == 1


async def test_a_failing_edge_is_started_again_and_the_middle_goes_on(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(site) as app:
        app.ears.poller = Broken()  # type: ignore[assignment]
        app.ears._habits_changed.set()
        await until(lambda: "polling failed and is started again" in caplog.text)
        decision = await app.mind.hear([reachable("CPE-1", State.BAD, app.clock())])
        assert decision.facts
        assert app.health()["think"] == ""


class Broken:
    """A poller that cannot."""

    stats = PollStats()

    async def run(self) -> None:
        raise OSError("no such device")


async def test_what_did_not_fit_into_the_inbox_is_told_to_the_noc(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwatch.app._LOOK_EVERY", 0.05)
    room = Room()
    async with running(site, Seams(channels={"room": room})) as app:
        app.inbox.dropped[Source.TRAP] += 17
        async with asyncio.timeout(PATIENCE):
            message = await room.messages.get()
    assert message.template == "noc.self"
    assert "17" in message.title + message.text


async def test_an_act_is_answered_with_what_was_decided_about_it(site: Path) -> None:
    async with running(site) as app:
        decided = await app.answers.submit(Complaint(app.clock(), "C-2", "10086", "no light"))
        assert decided
        assert any(entry.kind.startswith("ticket.") for entry in decided)


async def test_acts_handed_in_at_once_are_answered_each_for_itself(site: Path) -> None:
    async with running(site) as app:
        now = app.clock()
        refused, taken = await asyncio.gather(
            app.answers.submit(Work(now, ("C-1",), Action.PAUSE, "LINE", "site_access")),
            app.answers.submit(Complaint(now, "C-2", "10086", "no light")),
        )
    assert refused is not None
    assert taken is not None
    assert any(entry.kind.endswith("refused") for entry in refused)
    assert not any(entry.kind.endswith("refused") for entry in taken)


# ---------------------------------------------------------------- letting go


async def test_the_rows_of_a_storm_are_shown_in_parts_and_everybody_else_goes_on(site: Path) -> None:
    rows = tuple(Problem(f"P{n}", 0, "") for n in range(5000))
    seen: set[int] = set()
    async with running(site) as app:
        showing = asyncio.create_task(app._publish(Decision(app.clock(), (), rows, (), ()), []))
        while not showing.done():
            seen.add(len(app.view.all(Problem)))
            await asyncio.sleep(0)
        assert len(app.view.all(Problem)) == len(rows)
    assert len(seen) >= 10


async def test_an_error_of_the_store_ends_everything_and_is_told_once(
    site: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set(threading.enumerate())
    app = App(site)
    life = asyncio.create_task(app.run())
    await app.ready.wait()
    port = app.addresses["http"][1]

    async def full(*_: object) -> None:
        raise StoreError("no room left to write", Trouble.FULL)

    monkeypatch.setattr(app.mind._store, "commit", full)
    app.inbox.offer(reachable("CPE-1", State.BAD, app.clock()))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(GaveUpError, match="no room left"):
            await life
    assert caplog.text.count("NetWatch cannot go on") == 1
    assert "Traceback" not in caplog.text  # it has words of its own
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))  # nobody is left there
    async with await Store.open(str(site.parent / "state/netwatch.db")):
        pass  # and the lock is free
    await asyncio.get_running_loop().shutdown_default_executor()
    assert {t for t in threading.enumerate() if t.is_alive()} - threads == set()


async def test_an_error_of_the_store_while_delivering_ends_everything_too(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StoreError("the outbox cannot be read")

    monkeypatch.setattr(Store, "pending", broken)
    app = App(site, Seams(channels={"room": Room()}))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(GaveUpError, match="the outbox cannot be read"):
            await app.run()


async def test_nothing_is_left_behind_after_a_stop(site: Path) -> None:
    before = open_files()
    async with running(site):
        assert {name for name in open_files() - before if "socket" in name}
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert {name for name in open_files() - before if "socket" in name or "netwatch.db" in name} == set()


def open_files() -> set[str]:
    out = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one with which we look
            out.add(str(entry.readlink()))
    return out


# ---------------------------------------------------------------- time


async def test_what_was_heard_before_a_restart_is_remembered_and_time_goes_on_from_there(site: Path) -> None:
    now = [Clock()()]
    async with running(site, Seams(clock=lambda: now[0])) as app:
        await app.mind.hear([reachable("CPE-2", State.BAD, now[0])])
        alarms = [row.id for row in app.mind.engine.rows()]
        last = app.mind.last
    now[0] -= 60 * LATE  # the machine's clock was set back while we were down
    async with running(site, Seams(clock=lambda: now[0])) as app:
        assert app.mind.last >= last
        assert [row.id for row in app.mind.engine.rows()] == alarms


# ---------------------------------------------------------------- reading


def test_all_that_is_wrong_with_all_files_is_told_at_once(site: Path) -> None:
    (site.parent / "community").unlink()
    (site.parent / "ledger/devices.csv").write_text("device,role\nX,kettle\n", "utf-8")
    (site.parent / "rules").mkdir()
    (site.parent / "rules/calendar.toml").write_text("yeer = 1\n", "utf-8")
    edit(site, f'rules = "{PROJECT}/rules"', "")
    with pytest.raises(UnusableError) as caught:
        read(site)
    told = str(caught.value)
    for word in ("community", "kettle", "calendar.toml"):
        assert word in told


def test_a_plan_shows_no_secret(site: Path) -> None:
    plan = read(site)
    assert credential(plan.config.credentials["lab"]).community == "sesame"
    assert "sesame" not in repr(plan)


async def test_a_reload_that_cannot_be_used_changes_nothing(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(site) as app:
        plan, addresses = app.plan, dict(app.addresses)
        edit(site, "[paths]", "[wob]\n[paths]")
        app.reload()
        await until(lambda: "reload refused" in caplog.text)
        assert app.plan is plan
        assert app.addresses == addresses
        assert app.mind.engine.ledger is plan.ledger


async def test_a_mistake_of_ours_in_reading_does_not_stop_the_watch(
    site: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(site) as app:

        def broken(_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("netwatch.app.read", broken)
        app.reload()
        await until(lambda: "reload refused" in caplog.text)
        assert (await app.mind.hear([reachable("CPE-1", State.BAD, app.clock())])).facts


def test_a_certificate_that_cannot_be_used_is_a_finding(site: Path) -> None:
    (site.parent / "cert.pem").write_text("no certificate\n", "utf-8")
    edit(site, "[web]", '[web]\ntls_cert = "cert.pem"\ntls_key = "cert.pem"')
    with pytest.raises(UnusableError, match=r"web\.tls_cert"):
        read(site)


async def test_a_reload_says_what_only_a_restart_can_change(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(site) as app:
        edit(site, "[paths]", '[site]\nzone = "Asia/Urumqi"\n[paths]')
        app.reload()
        await until(lambda: "reloaded: " in caplog.text)
    assert "site.zone has changed and takes effect at the next start" in caplog.text


async def test_a_reload_takes_up_other_channels(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwatch.app._LOOK_EVERY", 0.05)
    hall = Room()
    async with running(site, Seams(channels={"hall": hall})) as app:
        edit(site, "[channels.room]", "[channels.hall]")
        edit(site, '["room"]', '["hall"]')
        former = app.courier
        app.reload()
        await until(lambda: app.courier is not former)
        app.inbox.dropped[Source.TRAP] += 1
        async with asyncio.timeout(PATIENCE):
            assert (await hall.messages.get()).template == "noc.self"


async def test_the_noc_hears_of_facts_that_could_not_be_recorded(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwatch.app._LOOK_EVERY", 0.05)
    edit(site, "[poll]", '[record]\njournal = "heard.jsonl"\n[poll]')
    room = Room()
    async with running(site, Seams(channels={"room": room})) as app:
        assert app.recorder is not None
        app.recorder.left_out += 3
        async with asyncio.timeout(PATIENCE):
            told = await room.messages.get()
    assert told.data["what"] == "3 facts are missing from the recorded journal"
