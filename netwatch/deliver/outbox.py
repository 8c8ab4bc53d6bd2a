"""The courier: from the outbox to the channels, until everything promised is settled.

At least once, each time under the same key; the receiver sorts out what came twice. Each channel has a lane of its
own, so that one that hangs holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from netwatch.core.tickets.sends import Dead, Outcome, Retry, Send, Settled, Value, Waiting
from netwatch.core.time import DAY, MINUTE, SECOND, Instant, Span
from netwatch.deliver.channel import Channel, Message, PermanentError, TemporaryError
from netwatch.deliver.limits import Breaker, Bucket, back_off
from netwatch.deliver.texts import Texts

log = logging.getLogger(__name__)

LATE: Span = 5 * MINUTE
"""From here on a message says that it is late, and what has happened since."""

FAILOVER: Span = 10 * MINUTE
"""What a channel could not deliver for so long is told on the fallback channels too."""

GIVE_UP: Span = DAY
"""What could not be delivered for so long is dead."""

HANG_SECONDS = 60.0
"""A channel that has not come back by then is treated as if it had not answered."""

AT_ONCE = 8
"""Sends under way on one channel, each about another subject."""

_IDLE = 30.0  # a lane looks by itself so often: for what was put off before a restart, and should a nudge be missed

ENDINGS = ("ticket.restored", "ticket.closed", "ticket.cancelled")
"""What makes earlier messages about the same subject old news."""

SUPERSEDED = ("ticket.updated", "ticket.enquiry", "deadline.near")
"""Say nothing once an ending waits behind them. Everything else is sent, however late: a dispatch because a ticket
system must know what was closed, recoveries and breaches because somebody answers for them."""


class Outbox(Protocol):
    """What the courier needs of a store."""

    async def pending(self, now: Instant, limit: int = 100, channel: str | None = None) -> list[Send]: ...
    async def later(self, send: Send) -> tuple[str, ...]: ...
    async def settle(self, send: Send, outcome: Outcome, now: Instant, instead: Sequence[Send] = ()) -> None: ...
    async def waiting(self) -> tuple[Waiting, ...]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, for the metrics. `result`: sent, superseded, retry, dead. `delay`: seconds since it was decided."""

    channel: str
    result: str
    delay: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How a channel wants to be spoken to."""

    language: str = "zh"
    per_minute: float = 20.0


@dataclass(frozen=True, slots=True)
class _Desk:
    """What all lanes share."""

    outbox: Outbox
    texts: Texts
    clock: Callable[[], Instant]
    timer: Callable[[], float]
    fallback: tuple[str, ...]
    link: Callable[[Send], str | None]
    observe: Callable[[Delivery], None]

    def instead(self, send: Send, now: Instant) -> tuple[Send, ...]:
        """The same message on the fallback channels. One that is itself instead of another goes no further."""
        if "instead_of" in send.data:
            return ()
        data = {**send.data, "instead_of": send.channel}
        return tuple(
            replace(send, channel=name, data=data, attempts=0, next_at=now)
            for name in self.fallback
            if name != send.channel
        )

    async def settle(self, send: Send, outcome: Outcome, now: Instant, result: str) -> None:
        long = now - send.at >= FAILOVER
        instead = self.instead(send, now) if isinstance(outcome, Dead) or (isinstance(outcome, Retry) and long) else ()
        await self.outbox.settle(send, outcome, now, instead)
        self.observe(Delivery(send.channel, result, max(0.0, (now - send.at) / SECOND)))


class Courier:
    """Carries what is pending in the outbox to the channels.

    `fallback` are the channels that tell what another could not; `link` gives the address of a page about a send.
    `clock` gives instants, `timer` seconds that only go forward (the event loop's when None).
    """

    waiting: tuple[Waiting, ...] = ()
    """What every channel owed after the last look."""

    def __init__(
        self,
        store: Outbox,
        channels: Mapping[str, Channel],
        clock: Callable[[], Instant],
        *,
        texts: Texts,
        manners: Mapping[str, Manner] | None = None,
        fallback: Sequence[str] = (),
        link: Callable[[Send], str | None] = lambda _: None,
        observe: Callable[[Delivery], None] = lambda _: None,
        timer: Callable[[], float] | None = None,
    ) -> None:
        there = tuple(name for name in fallback if name in channels)
        self._desk = _Desk(store, texts, clock, timer or asyncio.get_running_loop().time, there, link, observe)
        self._lanes = {
            name: _Lane(name, channel, (manners or {}).get(name, Manner()), self._desk)
            for name, channel in channels.items()
        }

    async def run(self) -> None:
        """Deliver until cancelled. An error of the store ends it; nothing that a channel does will."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(lane.run(), name=f"deliver {lane.name}")
            while True:
                await self.look()
                await asyncio.sleep(_IDLE)

    def nudge(self) -> None:
        """Something was committed."""
        for lane in self._lanes.values():
            lane.wake.set()

    async def step(self) -> int:
        """One round on every channel at once; how many sends were dealt with."""
        dealt = await asyncio.gather(*(lane.step() for lane in self._lanes.values()))
        await self.look()
        return sum(dealt)

    async def look(self) -> None:
        """Bring `waiting` up to date; pass on what was promised to channels that are no more."""
        self.waiting = await self._desk.outbox.waiting()
        for owed in self.waiting:
            if owed.channel in self._lanes:
                continue
            now = self._desk.clock()
            for send in await self._desk.outbox.pending(now, channel=owed.channel):
                log.warning(
                    "no channel %s any more: %s about %s goes elsewhere", send.channel, send.template, send.subject
                )
                await self._desk.settle(send, Dead("there is no such channel any more"), now, "dead")
                self.nudge()

    async def close(self) -> None:
        """Close the channels."""
        for lane in self._lanes.values():
            with contextlib.suppress(OSError):
                await lane.channel.close()


@dataclass(slots=True)
class _Lane:
    """One channel: its queue, its limits, its state of health."""

    name: str
    channel: Channel
    manner: Manner
    desk: _Desk
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    breaker: Breaker = field(default_factory=Breaker)
    bucket: Bucket = field(init=False)
    failing: bool = False
    retries: list[Instant] = field(default_factory=list)
    """When those that this lane put off are due again."""

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.manner.per_minute)

    async def run(self) -> None:
        while True:
            self.wake.clear()
            if await self.step():
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self.wake.wait()

    def _rest(self) -> float:
        """Seconds until there may be something to do, should nobody say so before."""
        until = [_IDLE]
        if (blocked := max(self.breaker.wait(self.desk.timer()), self.bucket.wait())) > 0:
            until.append(blocked)
        elif self.retries:
            until.append(max(0.0, (min(self.retries) - self.desk.clock()) / SECOND))
        return min(until) + 0.01  # a little more: an instant is due when it has come, not when it is near

    async def step(self) -> int:
        """Deal with what is due, as far as the limits let it; how many that were."""
        now, time = self.desk.clock(), self.desk.timer()
        room = self.breaker.room(time)
        if room == 0:
            return await self._pass_by(now, time)
        most = min(self.bucket.room(time), AT_ONCE if room is None else room)
        if most < 1:
            return 0
        self.retries = [at for at in self.retries if at > now]
        due = await self.desk.outbox.pending(now, most, self.name)
        self.bucket.take(len(due))
        async with asyncio.TaskGroup() as group:
            for send in due:
                group.create_task(self._deal(send))
        return len(due)

    async def _pass_by(self, now: Instant, time: float) -> int:
        """While the channel does not answer: what has waited too long is told elsewhere."""
        reopens = now + int(self.breaker.wait(time) * SECOND) + 1
        late = [s for s in await self.desk.outbox.pending(now, AT_ONCE, self.name) if now - s.at >= FAILOVER]
        for send in late:
            outcome = _retry_or_dead(send, now, reopens, "the channel does not answer")
            await self.desk.settle(send, outcome, now, "dead" if isinstance(outcome, Dead) else "retry")
        return len(late)

    async def _deal(self, send: Send) -> None:
        now = self.desk.clock()
        message = await self._message(send, now)
        if isinstance(message, Settled):
            await self.desk.settle(send, message, now, "superseded")
            return
        outcome = await self._try(send, message)
        now = self.desk.clock()
        match outcome:
            case Settled():
                await self.desk.settle(send, outcome, now, "sent")
            case Dead(error):
                log.error("channel %s refuses %s about %s for good: %s", self.name, send.template, send.subject, error)
                await self.desk.settle(send, outcome, now, "dead")
            case Retry(next_at, error):
                outcome = _retry_or_dead(send, now, next_at, error)
                if isinstance(outcome, Retry):
                    self.retries.append(next_at)
                await self.desk.settle(send, outcome, now, "dead" if isinstance(outcome, Dead) else "retry")

    async def _message(self, send: Send, now: Instant) -> Message | Settled:
        """The message as it must read now, or why it need not be sent any more."""
        extra: dict[str, Value] = {}
        if (link := self.desk.link(send)) is not None:
            extra["link"] = link
        if now - send.at >= LATE:
            over = [template for template in await self.desk.outbox.later(send) if template in ENDINGS]
            if over and send.template in SUPERSEDED:
                return Settled(f"superseded by {over[-1]}")
            extra["late_minutes"] = (now - send.at) // MINUTE
            if over and send.template not in ENDINGS:
                extra["late_over"] = over[-1]
        return await asyncio.to_thread(self.desk.texts.render, send, self.manner.language, now, extra)

    async def _try(self, send: Send, message: Message) -> Outcome:
        after: float | None = None
        try:
            async with asyncio.timeout(HANG_SECONDS):
                answer = await self.channel.send(message)
        except PermanentError as error:
            self._answered()
            return Dead(str(error))
        except TemporaryError as error:
            said, after = str(error), error.retry_after
        except TimeoutError:
            said = "no answer in time"
        except Exception as error:
            # Somebody's plug-in. Its words may hold anything, an address with a password in it for one.
            said = f"failed with {type(error).__name__}"
        else:
            self._answered()
            return Settled(answer)
        self._failed(said)
        now = self.desk.clock()
        wait = max(back_off(send.attempts + 1, f"{send.channel} {send.key}"), int((after or 0.0) * SECOND))
        return Retry(now + wait, said)

    def _answered(self) -> None:
        self.breaker.answered()
        if self.failing:
            self.failing = False
            log.info("channel %s works again", self.name)

    def _failed(self, said: str) -> None:
        if not self.failing:
            self.failing = True
            log.warning("channel %s does not deliver, trying on: %s", self.name, said)
        if self.breaker.failed(self.desk.timer()):
            log.warning("channel %s is left alone for %.0f s", self.name, self.breaker.pause)


def _retry_or_dead(send: Send, now: Instant, next_at: Instant, error: str) -> Retry | Dead:
    if now - send.at >= GIVE_UP:
        return Dead(f"given up after a day: {error}")
    return Retry(next_at, error)
