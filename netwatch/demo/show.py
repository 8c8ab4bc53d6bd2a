"""The demo put together: a simulated metro, the real daemon watching it, a story, and people who act on messages.

What is simulated is the network, the people and the passing of time. The daemon is the one of `netwatch run`: it
polls over UDP, hears traps, pings, visits over SSH, decides, commits to SQLite, delivers over HTTP. Two things in it
are put in place of others: the clock, which runs faster; and the probe behind the pinger, a UDP echo in place of
ICMP's, because the kernel answers ICMP for every 127.x address, dead boxes included (`fleet.EchoPinger`).

Nothing leaves the machine, everything listens on loopback, and all files lie in a temporary directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from netwatch.app import App, Seams
from netwatch.core.model import Alarm, Exposure, Fault, Ledger, Outage, Source, Ticket
from netwatch.core.time import MINUTE, Instant
from netwatch.demo.clock import TICK, DemoClock
from netwatch.demo.fleet import EchoPinger, Fleet
from netwatch.demo.folder import COMMUNITY, Settings, channels, write_site
from netwatch.demo.metro import SHELLS, ZONE, build
from netwatch.demo.narrator import Narrator, Told
from netwatch.demo.people import Api, People, act_token
from netwatch.demo.postbox import Letter, Postbox
from netwatch.demo.shell import Shells
from netwatch.demo.story import BEGINNING, Beat, Teller, Truth, Window, Word
from netwatch.findings import Finding, UnusableError

_WARM_UP = 10.0
"""Real seconds at most until every agent has been asked once and the story may begin."""
_LOOK_EVERY = 0.05
"""Real seconds between two looks at what is due and at what NetWatch has decided."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `seconds` are real ones; None: until stopped."""

    port: int = 8080
    speed: float = 60.0
    seconds: float | None = None
    ledger_out: Path | None = None


async def run(options: Options, console: Console) -> None:
    """Show it until the time is up or a signal comes.

    Raises CannotListenError for a port in use, UnusableError for a folder that cannot be written; whatever broke the
    daemon or the show otherwise.
    """
    ledger, clock = build(), DemoClock(BEGINNING, options.speed, most=3 * TICK)
    narrator = Narrator(console, ZONE)
    async with contextlib.AsyncExitStack() as closing:
        stop = closing.enter_context(_signals())
        closing.enter_context(_logging(lambda what: narrator.log(what, clock())))
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="netwatch-demo-")))

        fleet = Fleet(ledger, clock, COMMUNITY)
        closing.callback(fleet.close)
        snmp = fleet.open()
        shells = Shells(fleet.plant, [ledger.devices[it] for it in SHELLS], clock, ZONE)
        closing.callback(shells.close)
        hosts = shells.open(snmp)
        postbox = Postbox()
        closing.callback(postbox.close)
        urls = {channel: postbox.url(channel) for channel in channels(ledger)}
        heard = None
        if options.ledger_out is not None:
            heard = options.ledger_out.resolve() / "heard.jsonl"
            await asyncio.to_thread(_write_out, ledger, options.ledger_out, snmp)
        here = Settings(f"127.0.0.1:{options.port}", "127.0.0.1:0", snmp, options.speed, urls, hosts, heard)
        config = await asyncio.to_thread(write_site, ledger, folder, here)
        pinger = EchoPinger(snmp + 1)
        closing.callback(pinger.close)

        app = App(config, Seams(clock=clock, speed=options.speed, pinger=pinger))
        show = _Show(app, fleet, postbox, narrator, clock, options, folder / "state")
        daemon = asyncio.create_task(app.run(), name="daemon")
        daemon.add_done_callback(lambda _: stop.set())
        receiving = asyncio.create_task(postbox.serve(), name="postbox")  # also what leaves while the daemon stops
        ticking = asyncio.create_task(clock.run(), name="clock")
        try:
            await show.run(stop)
        finally:
            app.stop()
            try:
                await daemon
            finally:
                receiving.cancel()
                ticking.cancel()
                await asyncio.gather(receiving, ticking, return_exceptions=True)
        show.follow()
        narrator.summary(show.truth, clock())


def _write_out(ledger: Ledger, folder: Path, snmp: int) -> None:
    """A site of the viewer's own, on ports beside the demo's. Raises UnusableError."""
    try:
        write_site(ledger, folder, Settings("127.0.0.1:8081", "127.0.0.1:10162", snmp))
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise UnusableError([Finding(str(folder), what, "name a folder of your own")]) from None


class _Show:
    """The story and the people in it, around a daemon that somebody else runs."""

    def __init__(
        self,
        app: App,
        fleet: Fleet,
        postbox: Postbox,
        narrator: Narrator,
        clock: DemoClock,
        options: Options,
        state: Path,
    ) -> None:
        self._app, self._fleet, self._postbox, self._narrator = app, fleet, postbox, narrator
        self._clock, self._options, self._state = clock, options, state
        self.truth = Truth()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or the time is up."""
        stopped = asyncio.ensure_future(stop.wait())
        ready = asyncio.ensure_future(self._app.ready.wait())
        try:
            await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                playing = asyncio.create_task(self._perform(), name="show")
                await asyncio.wait(
                    {stopped, playing}, timeout=self._options.seconds, return_when=asyncio.FIRST_COMPLETED
                )
                playing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await playing
        finally:
            stopped.cancel()
            ready.cancel()

    def follow(self) -> None:
        """Tell what the daemon's view shows now."""
        view = self._app.view
        rows: list[Told] = [*view.all(Fault).values(), *view.all(Outage).values()]
        rows += [*view.all(Exposure).values(), *view.all(Ticket).values()]
        rows += [alarm for alarm in view.all(Alarm).values() if alarm.source is Source.CLI]
        self._narrator.seen(rows, self._clock())

    async def _perform(self) -> None:
        self._fleet.report_to(*self._app.addresses["traps"])
        host, port = self._app.addresses["http"]
        url = f"http://{host}:{port}"
        self._narrator.opening(
            (
                f"board     {url}/",
                f"metrics   {url}/metrics   messages {url}/api/v1/messages",
                f"network   {len(self._fleet.agents)} SNMP agents on 127.60.*.*, UDP port {self._fleet.port}",
                f"shells    {len(SHELLS)} of them also answer SSH: {', '.join(SHELLS)}",
                f"time      {self._options.speed:g} times faster than here; Ctrl-C ends it",
                "",
            )
        )
        api = Api(url, await asyncio.to_thread(act_token, self._state))
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._all_asked()
                teller = Teller(self._fleet.do, self._clock(), truth=self.truth)
                people = People(api, self._clock, teller, tasks, self._says)
                teller.hear(lambda beat, how, at: self._beat(people, beat, how, at))
                self._postbox.hear(lambda letter: self._letter(people, letter))
                while True:
                    teller.play(self._clock())
                    self.follow()
                    await asyncio.sleep(min(_LOOK_EVERY, self._clock.real_seconds(teller.next)))
        finally:
            await api.close()

    async def _all_asked(self) -> None:
        """Before anything breaks NetWatch should have seen it whole."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WARM_UP):
                await self._fleet.all_asked.wait()

    def _says(self, what: str) -> None:
        self._narrator.people(what, self._clock())

    def _letter(self, people: People, letter: Letter) -> None:
        self._narrator.letter(letter, self._clock())
        people.opened(letter)

    def _beat(self, people: People, beat: Beat, how: str, at: Instant) -> None:
        self._narrator.beat(beat, how, at)
        if how == "begins" and isinstance(beat, Window):
            people.announce(beat, at - round(beat.at * MINUTE))
        elif how == "begins" and isinstance(beat, Word):
            people.complain(beat)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C works as ever."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def asked() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, asked)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


class _Told(logging.Handler):
    """Warnings of the daemon, in one line each."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(f"{record.name}: {record.getMessage()}")


@contextlib.contextmanager
def _logging(tell: Callable[[str], None]) -> Iterator[None]:
    root, handler = logging.getLogger(), _Told(tell)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
