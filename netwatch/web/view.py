"""What the pages and the API show: the current rows in memory, folded from decisions.

The thinker's rows are the truth; this is a picture of them that can be asked by type, by id and by a few
relations, without SQL and without touching the engine. Every `apply` has a change number; `since` tells what
the board must draw again, so that a live page is sent what changed and nothing else.

Closed things stay for a day so that a wall can show what was cleared lately; outages stay to the end of the
local month, because the availability of the month so far is counted from them. Anything older is the store's.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar, cast, get_args
from zoneinfo import ZoneInfo

from netwatch.core.model import (
    Alarm,
    AlarmState,
    CircuitState,
    Complaint,
    Decision,
    Device,
    DeviceState,
    Entry,
    Exposure,
    Fault,
    Ledger,
    Outage,
    Problem,
    Row,
    ServiceState,
    State,
    Ticket,
    TicketState,
    Unknown,
    Window,
)
from netwatch.core.time import DAY, HOUR, SECOND, Instant, instant, moment

R = TypeVar("R", Alarm, Fault, Outage, Exposure, Unknown, Ticket, CircuitState, DeviceState, Window, Problem)

_DIGITS = re.compile(r"[0-9]+")

CLOSED: Final = frozenset({TicketState.CLOSED, TicketState.CANCELLED, TicketState.MERGED})
"""Ticket states in which nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it went out, for the strip at the board's foot. Holds what the crew got: least data."""

    at: Instant
    channel: str
    audience: str
    """`noc`, or `team:TEAM-ID`."""
    template: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row as it was and as it is."""

    old: Row | None
    new: Row


@dataclass(frozen=True, slots=True, order=True)
class Card:
    """One thing that the board draws: `fault F1`, `window M-7`, `summary`, `messages`."""

    kind: str
    id: str = ""


SUMMARY: Final = Card("summary")
MESSAGES: Final = Card("messages")


class View:
    """The current rows, by type and id, with relations, counts and change numbers.

    `pauses` maps each pause reason of the rules to whether it stops the net clock. Not thread-safe: the task
    that thinks applies, handlers of the same event loop read.
    """

    def __init__(
        self, ledger: Ledger, zone: ZoneInfo, now: Instant, *, pauses: Mapping[str, bool] | None = None
    ) -> None:
        self.ledger, self.zone, self.now = ledger, zone, now
        self.pauses: Mapping[str, bool] = dict(pauses or {})
        self.epoch = secrets.token_hex(6)
        """Tells this view's change numbers from those of the one before. No time: a simulated night starts again at
        the same instant."""
        self.change = 0
        self.messages: deque[Message] = deque(maxlen=60)
        self.complaints: deque[Complaint] = deque(maxlen=1000)
        self._entries: deque[Entry] = deque(maxlen=5000)
        self._rows: dict[type, dict[str, Row]] = {kind: {} for kind in get_args(Row)}
        self._related: dict[tuple[type, str, str], dict[str, None]] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._touched: OrderedDict[Card, int] = OrderedDict()
        self._floor = 0
        self._bell = asyncio.Event()
        self._swept = now
        self._sorted: dict[type, list[str]] = {}
        self._ledger_sorted: dict[str, list[str]] = {}
        self._month_of: tuple[Instant, Instant] = (-1, 0)
        self._recount()

    # ------------------------------------------------------------ folding

    def begin(self, rows: Iterable[Row], now: Instant, entries: Iterable[Entry] = ()) -> None:
        """Take the rows of an engine that is already running (`Engine.rows()`); nothing counts as changed."""
        for row in rows:
            self._put(row)
        self._entries.extend(entries)
        self.now = now

    def apply(self, decision: Decision) -> list[Change]:
        """Fold one committed decision in. Returns what became of each row, oldest first."""
        self.now = max(self.now, decision.now)
        changes = [Change(self._put(row), row) for row in decision.rows]
        self._entries.extend(decision.entries)
        self.complaints.extend(fact for fact in decision.facts if isinstance(fact, Complaint))
        touched = {card for change in changes for card in _cards(change)}
        if changes:
            touched.add(SUMMARY)
        if self.now - self._swept >= HOUR:
            touched |= self._sweep()
        self._touch(touched)
        return changes

    def relabel(self, ledger: Ledger, pauses: Mapping[str, bool] | None = None) -> None:
        """A new ledger (or new pause reasons) is in force: every open page draws itself anew."""
        self.ledger = ledger
        if pauses is not None:
            self.pauses = dict(pauses)
        self._recount()
        self._touched.clear()
        self.change += 1
        self._floor = self.change
        self._ring()

    def sent(self, message: Message) -> None:
        """Show a message that went out."""
        self.messages.append(message)
        self._touch({MESSAGES})

    def _put(self, row: Row) -> Row | None:
        rows = self._rows[type(row)]
        old = rows.get(row.id)
        if old is not None:
            self._unfile(old)
        else:
            self._sorted.pop(type(row), None)
            self._tell(row)
        rows[row.id] = row
        for by, key in _relations(row):
            self._related.setdefault((type(row), by, key), {})[row.id] = None
        if count := self._count(row):
            self._counts[count] += 1
        return old

    def _tell(self, row: Row) -> None:
        if isinstance(row, CircuitState) and (circuit := self.ledger.circuits.get(row.circuit)):
            self._untold[circuit.assurance] -= 1

    def _recount(self) -> None:
        """Count everything anew: at the start and whenever the ledger changes."""
        circuits, devices = self.ledger.circuits, self.ledger.devices
        self._ledger_sorted.clear()
        for row in [row for row in self._rows[CircuitState].values() if row.id not in circuits]:
            self._drop(row)
        for row in [row for row in self._rows[DeviceState].values() if row.id not in devices]:
            self._drop(row)
        self._polled = sum(_polled(device) for device in devices.values())
        self._untold = Counter(circuit.assurance for circuit in circuits.values())
        self._counts = Counter()
        for rows in self._rows.values():
            for row in rows.values():
                self._tell(row)
                if count := self._count(row):
                    self._counts[count] += 1

    def _unfile(self, row: Row) -> None:
        for by, key in _relations(row):
            place = (type(row), by, key)
            ids = self._related.get(place, {})
            ids.pop(row.id, None)
            if not ids:
                self._related.pop(place, None)
        if count := self._count(row):
            self._counts[count] -= 1

    def _drop(self, row: Row) -> None:
        self._unfile(row)
        del self._rows[type(row)][row.id]
        self._sorted.pop(type(row), None)

    def _sweep(self) -> set[Card]:
        """Forget what ended long ago. Once an hour: a pass over all rows is no matter then."""
        self._swept = self.now
        day, month = self.now - DAY, min(self.now - DAY, self.month_start())
        gone: set[Card] = set()
        for kind, rows in self._rows.items():
            until = month if kind is Outage else day
            for row in [row for row in rows.values() if (end := _ended(row)) is not None and end < until]:
                self._drop(row)
                gone |= set(_cards(Change(None, row)))
        return gone

    # ------------------------------------------------------------ change numbers

    def _touch(self, cards: Iterable[Card]) -> None:
        cards = list(cards)
        if not cards:
            return
        self.change += 1
        for card in cards:
            self._touched[card] = self.change
            self._touched.move_to_end(card)
        while len(self._touched) > 10_000:
            _, self._floor = self._touched.popitem(last=False)
        self._ring()

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    def since(self, change: int) -> list[Card] | None:
        """The cards touched after `change`, or None when that is too long ago (or never was): draw all anew."""
        if not self._floor <= change <= self.change:
            return None
        cards = []
        for card, at in reversed(self._touched.items()):
            if at <= change:
                break
            cards.append(card)
        return cards

    async def wait(self, change: int) -> None:
        """Return as soon as something changed after `change`."""
        while self.change <= change:
            await self._bell.wait()

    # ------------------------------------------------------------ asking

    def get(self, kind: type[R], key: str) -> R | None:
        return cast("R | None", self._rows[kind].get(key))

    def all(self, kind: type[R]) -> Mapping[str, R]:
        return cast("Mapping[str, R]", self._rows[kind])

    def ids(self, kind: type[R]) -> list[str]:
        """All ids in order; remembered until one comes or goes."""
        if kind not in self._sorted:
            self._sorted[kind] = sorted(self._rows[kind], key=natural)
        return self._sorted[kind]

    def ledger_ids(self, what: Literal["circuits", "devices"]) -> list[str]:
        """All circuits or devices of the ledger in order."""
        if what not in self._ledger_sorted:
            known: Mapping[str, object] = self.ledger.circuits if what == "circuits" else self.ledger.devices
            self._ledger_sorted[what] = sorted(known, key=natural)
        return self._ledger_sorted[what]

    def find(self, kind: type[R], by: str, key: str) -> list[R]:
        """Rows related to something: see `_relations` for what may be asked."""
        rows = self._rows[kind]
        return [cast("R", rows[found]) for found in self._related.get((kind, by, key), ())]

    def related(self, kind: type[R], by: str, key: str) -> int:
        """How many `find` would return."""
        return len(self._related.get((kind, by, key), ()))

    def outage_of(self, circuit: str) -> Outage | None:
        """The outage that runs on a circuit now."""
        return next(iter(self.find(Outage, "running", circuit)), None)

    def ticket_of(self, fault: str) -> Ticket | None:
        """The ticket of a fault: the open one, else the latest."""
        tickets = self.find(Ticket, "fault", fault)
        return max(tickets, key=lambda t: (t.state not in CLOSED, t.opened), default=None)

    def story(self, subjects: Iterable[str], limit: int = 60) -> list[Entry]:
        """The latest journal entries about these subjects, newest first."""
        wanted, out = set(subjects), []
        for entry in reversed(self._entries):
            if entry.subject in wanted:
                out.append(entry)
                if len(out) == limit:
                    break
        return out

    def urgent(self, fault: str) -> Outage | None:
        """The running outage of a fault whose time runs out first; missed ones before those that can be kept."""
        running = [o for o in self.find(Outage, "fault", fault) if o.restored is None]
        return min(running, key=lambda o: (o.deadline is None, o.deadline or 0, o.started), default=None)

    def stopped(self, outage: Outage) -> bool:
        """Whether its net clock stands: one of its open pauses stops it."""
        return any(self.pauses.get(reason, False) for reason in outage.paused)

    def deadline(self, outage: Outage, now: Instant) -> Instant:
        """When net time reaches the limit, as things stand at `now`: it moves while the clock is stopped."""
        if outage.deadline is None or (self.stopped(outage) and not outage.breached):
            return now + (outage.limit_minutes * 60 - outage.net_seconds) * SECOND
        return outage.deadline

    # ------------------------------------------------------------ counting

    def circuits_by_state(self) -> dict[tuple[ServiceState, str], int]:
        """(state, assurance) → circuits. What no row speaks of yet is up: nothing speaks against it."""
        out = {(ServiceState(k[1]), k[2]): n for k, n in self._counts.items() if k[0] == "circuit" and n}
        for assurance, n in self._untold.items():
            if n:
                key = ServiceState.UP, assurance
                out[key] = out.get(key, 0) + n
        return out

    def devices_by_state(self) -> dict[str, int]:
        """`up`, `down`, `unknown` → devices that are polled by themselves."""
        up, down = self._counts["device", "up"], self._counts["device", "down"]
        return {"up": up, "down": down, "unknown": self._polled - up - down}

    def count(self, what: str) -> dict[str, int]:
        """`alarm` by severity, `fault` by domain, `ticket` by state: open ones only."""
        return {key[1]: n for key, n in self._counts.items() if key[0] == what and n}

    def _count(self, row: Row) -> tuple[str, ...]:
        match row:
            case CircuitState():
                return "circuit", row.state, row.assurance
            case DeviceState() if (device := self.ledger.devices.get(row.device)) and _polled(device):
                return "device", verdict(row)
            case Alarm() if row.state in (AlarmState.ACTIVE, AlarmState.CLEARING):
                return "alarm", row.severity
            case Fault() if row.cleared is None and not row.absorbed_by:
                return "fault", row.domain
            case Ticket() if row.state not in CLOSED:
                return "ticket", row.state
            case Outage() if row.breached:
                return "breach", self._month(row.started)
            case _:
                return ()

    def breaches_this_month(self) -> int:
        """Outages begun in this local month that went beyond their limit."""
        return self._counts["breach", self._month(self.now)]

    def _month(self, at: Instant) -> str:
        return moment(at, self.zone).strftime("%Y-%m")

    def month_start(self) -> Instant:
        if self._month_of[0] != self.now:
            local = moment(self.now, self.zone)
            start = instant(local.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
            self._month_of = self.now, start
        return self._month_of[1]

    def availability(self, circuit: str, now: Instant) -> float:
        """Share of the local month so far with service, gross: planned and paused time count as lost."""
        start = self.month_start()
        if now <= start:
            return 1.0
        lost, reached = 0, start
        spans = sorted((o.started, o.restored or now) for o in self.find(Outage, "circuit", circuit))
        for begun, ended in spans:
            begun, ended = max(begun, reached), min(ended, now)
            if ended > begun:
                lost += ended - begun
                reached = ended
        return 1.0 - lost / (now - start)


def portions(decision: Decision, most: int = 500) -> Iterator[Decision]:
    """A decision as several that `apply` folds in in no time, of so many rows at most; the last holds all besides rows.

    The rows of a storm are tens of thousands, and who folds them in holds up everybody. Those that others refer to come
    first in a decision: what is seen between two portions is a storm that has not come to its end.
    """
    rows = decision.rows
    while len(rows) > most:
        yield Decision(decision.now, (), rows[:most], (), ())
        rows = rows[most:]
    yield replace(decision, rows=rows)


def natural(text: str) -> str:
    """A sort key that puts T9 before T10, and is another for every text: pages go on behind it.

    One string, not a tuple: a hundred thousand of them are sorted at once.
    """
    return f"{_DIGITS.sub(lambda digits: digits[0].zfill(20), text)}\0{text}"


def _relations(row: Row) -> Iterator[tuple[str, str]]:
    match row:
        case Outage():
            yield "fault", row.fault
            yield "circuit", row.circuit
            if row.restored is None:
                yield "running", row.circuit
                yield "all", "running"
        case Exposure():
            yield "fault", row.fault
            yield "circuit", row.circuit
        case Unknown() if row.ended is None:
            yield "running", row.circuit
            yield "all", "running"
        case Ticket():
            yield "fault", row.fault
            if row.state not in CLOSED:
                for circuit in row.circuits:
                    yield "covers", circuit
        case Alarm():
            if row.fault:
                yield "fault", row.fault
            yield "device", row.device
        case _:
            pass


def _ended(row: Row) -> Instant | None:
    match row:
        case Fault():
            return row.cleared
        case Outage():
            return row.restored
        case Exposure() | Unknown():
            return row.ended
        case Ticket() if row.state in CLOSED:
            return max(filter(None, (row.opened, row.closed, row.returned, row.restored)))
        case Alarm() if row.state is AlarmState.GONE:
            return row.changed
        case Window():
            return row.end
        case _:
            return None


def _cards(change: Change) -> Iterator[Card]:
    for row in filter(None, (change.old, change.new)):
        match row:
            case Fault():
                yield Card("fault", row.id)
            case Outage() | Exposure() | Ticket():
                yield Card("fault", row.fault)
            case Window():
                yield Card("window", row.id)
            case _:
                pass


def _polled(device: Device) -> bool:
    return device.managed and bool(device.address)


def verdict(row: DeviceState | None) -> str:
    """`up`, `down` or `unknown`: the word of ICMP. A silent agent does not make a device down."""
    if row is None or row.reachable is State.UNKNOWN:
        return "unknown"
    return "up" if row.reachable is State.OK else "down"
