"""The narrow door to the command line: visit a device over SSH, ask what its profile names; text or one typed error.

netmiko knows how each family's terminal behaves, and blocks; so it works in threads, a bounded number of them.

* One session a device, kept for the next visit and closed when idle; of those kept beyond a number the one that has
  been idle for longest. Two visits to one device follow one another.
* A visit has so many seconds, and every step of it its own time-out. When the seconds are over the socket is cut,
  which ends the thread whatever it waits for.
* A device that did not answer last time waits in a lane of its own, a quarter of the width: a hundred hung devices
  cannot take the places of those that answer.
* Host keys are checked against a file of known hosts. A key that is not there is refused, or, where the configuration
  says so, accepted the first time and kept. A key that has changed is always refused, and nothing secret is sent.
* Only commands that the profile names are sent (`Cli.allows`). What netmiko itself sends at login stops paging.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from netwatch.wire.cli.hosts import KnownHosts
from netwatch.wire.cli.session import Asking, Session, SshStats, permit
from netwatch.wire.cli.target import NoAnswerError, OwnTroubleError, SshError, Target

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Place:
    """What we hold of one device."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: Session | None = None
    doubtful: bool = False
    """The last visit was not answered."""
    closing: asyncio.TimerHandle | None = None
    visits: int = 0
    """Under way or waiting."""


class Ssh:
    """The door. One for the whole process."""

    def __init__(
        self, hosts: KnownHosts, *, slots: int = 16, idle: float = 120.0, keep: int = 64, stats: SshStats | None = None
    ) -> None:
        """`slots` threads for devices that answer, a quarter of that for those that did not; `idle` in seconds."""
        self._hosts, self._idle, self._most = hosts, idle, keep
        self._kept: dict[_Place, tuple[str, int, str, str]] = {}
        """Places whose session waits for the next visit, idle for longest first."""
        doubtful = max(1, slots // 4)
        self._sound, self._doubtful = asyncio.Semaphore(slots), asyncio.Semaphore(doubtful)
        self._pool = ThreadPoolExecutor(slots + doubtful, thread_name_prefix="ssh")
        self._places: dict[tuple[str, int, str, str], _Place] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._closed = False
        self.stats = stats or SshStats()

    async def ask(self, target: Target, commands: Sequence[str]) -> dict[str, str]:
        """The answers to `commands`, in order. Raises SshError; ForbiddenError before anything is sent."""
        for command in commands:
            permit(target, command)
        return await self.visit(target, lambda ask: {command: ask(command) for command in commands})

    async def visit(self, target: Target, work: Callable[[Asking], T]) -> T:
        """Run `work(ask)` in a thread that has the session of this device to itself. Raises SshError.

        When it is cancelled, or its seconds are over, the caller goes on at once; the place is kept until the
        thread has really ended.
        """
        if self._closed:
            raise OwnTroubleError("the door to SSH is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        place = self._places.setdefault(target.key, _Place())
        place.visits += 1
        job = asyncio.create_task(self._job(place, target, work, answer))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            result = await answer
        except SshError as error:
            self.stats.results[error.kind] += 1
            raise
        self.stats.results["ok"] += 1
        return result

    @property
    def kept(self) -> int:
        """Sessions that wait for the next visit."""
        return len(self._kept)

    async def close(self) -> None:
        """Cut all sessions, end all threads."""
        self._closed = True
        for place in self._places.values():
            if place.closing is not None:
                place.closing.cancel()
            if place.session is not None:
                place.session.cut()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, True, cancel_futures=True)
        self._places.clear()

    # ------------------------------------------------------------ how

    async def _job(self, place: _Place, target: Target, work: Callable[[Asking], T], answer: asyncio.Future[T]) -> None:
        """Holds the device's lock and a place in the pool until the thread is over, whoever still waits for it."""
        try:
            async with place.lock, self._doubtful if place.doubtful else self._sound:
                if answer.done() or self._closed:
                    return
                self._kept.pop(place, None)
                if place.closing is not None:
                    place.closing.cancel()
                session = place.session
                if session is None or not session.alive:
                    session = place.session = Session(target, self._hosts, self.stats)
                await self._work(place, session, work, answer)
                self._keep(target.key, place)
        finally:
            place.visits -= 1
            if not answer.done():
                answer.set_exception(OwnTroubleError("the door to SSH was closed"))
            if place.session is None and not place.visits and not place.doubtful:
                self._places.pop(target.key, None)

    async def _work(
        self, place: _Place, session: Session, work: Callable[[Asking], T], answer: asyncio.Future[T]
    ) -> None:
        target = session.target
        thread = asyncio.get_running_loop().run_in_executor(self._pool, session.visit, work)
        self.stats.running += 1
        try:
            seconds = target.patience.visit
            await asyncio.wait({thread, answer}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not thread.done():
                session.cut()
                place.doubtful = True
                if not answer.done():
                    answer.set_exception(NoAnswerError(f"{target} has had its {seconds:g} s"))
            await asyncio.wait({thread})
            error = thread.exception()
            if not answer.done():
                place.doubtful = isinstance(error, NoAnswerError)
                if error is None:
                    answer.set_result(thread.result())
                else:
                    answer.set_exception(error)
        finally:
            self.stats.running -= 1

    def _keep(self, key: tuple[str, int, str, str], place: _Place) -> None:
        """Let the session wait for the next visit, and close it when none comes."""
        session = place.session
        if session is None or not session.alive or self._closed:
            place.session = None
            return

        self._kept[place] = key
        place.closing = asyncio.get_running_loop().call_later(self._idle, self._let_go, place)
        while len(self._kept) > self._most:
            self._let_go(next(iter(self._kept)))

    def _let_go(self, place: _Place) -> None:
        """Close a session that waits for its next visit."""
        key = self._kept.pop(place)
        if place.closing is not None:
            place.closing.cancel()
        session, place.closing, place.session = place.session, None, None
        if not place.visits:
            self._places.pop(key, None)
        if session is not None and not self._closed:
            self._pool.submit(session.leave)
