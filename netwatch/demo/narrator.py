"""The demo on a terminal: what is true beside what NetWatch says, in the city's time; at the end, how well they agree.

Four voices: TRUTH breaks and mends things, NETWATCH says what it makes of it, MESSAGE is what left the house, PEOPLE
is what somebody did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netwatch.core.model import Alarm, AlarmState, Exposure, Fault, Outage, Root, Ticket, TicketState
from netwatch.core.time import MINUTE, Instant, Span, moment
from netwatch.demo.postbox import Letter
from netwatch.demo.story import Ailment, Beat, Happening, Trouble, Truth, Window, Word

_STYLE = {"TRUTH": "bold red", "NETWATCH": "bold cyan", "MESSAGE": "magenta", "PEOPLE": "yellow", "LOG": "dim"}
_PATIENCE: Span = 4 * MINUTE
"""How long a trouble must have lasted before NetWatch is to have named it: two polls, the debounce, and settling."""
_EARLY: Span = MINUTE // 2
"""A fault may have begun this long before the happening that it names: one poll's blur."""
_LASTING: Span = MINUTE
"""How long something must be over before it is told."""
_SHOWN = 4
"""Circuits named in one line; the rest are counted."""


Told: TypeAlias = Fault | Outage | Exposure | Ticket | Alarm
"""The rows that make up what NetWatch says."""


class Narrator:
    """Tells a demo as it runs. `console` decides on colour."""

    def __init__(self, console: Console, zone: ZoneInfo) -> None:
        self._console, self._zone = console, zone
        self.faults: dict[str, Fault] = {}
        self.outages: dict[str, Outage] = {}
        self.exposures: dict[str, Exposure] = {}
        self.tickets: dict[str, Ticket] = {}
        self.messages: Counter[str] = Counter()
        self.hidden: dict[str, bool] = {}
        """Alarms that only a command line told, and whether they still stand."""
        self._rows: dict[tuple[type, str], Told] = {}
        self._over: set[tuple[type, str]] = set()
        self._first_named: dict[tuple[str, Root], Instant] = {}

    # ---- while it runs

    def opening(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(Text(line))

    def beat(self, beat: Beat, how: str, at: Instant) -> None:
        """Something becomes true, or stops being so."""
        match beat, how:
            case Window(), _:
                return  # said by those who enter it
            case _, "begins":
                self._say(at, "TRUTH", beat.title)
            case Trouble() | Ailment(), _:
                self._say(at, "TRUTH", f"over: {beat.act.target} is as it should be", "green")
            case Word(), _:
                self._say(at, "TRUTH", f"over: {beat.circuit} is as it should be", "green")

    def seen(self, rows: Iterable[Told], now: Instant) -> None:
        """The rows as they stand. Told is what is new: causes, what they do to circuits, who is sent, what is over."""
        new = [row for row in rows if self._rows.get((type(row), row.id)) != row]
        self._rows |= {(type(row), row.id): row for row in new}
        outages = [(self.outages.get(r.id), r) for r in new if isinstance(r, Outage)]
        exposed = [r for r in new if isinstance(r, Exposure) and r.id not in self.exposures and r.ended is None]
        self.outages |= {r.id: r for _, r in outages}
        self.exposures |= {r.id: r for r in new if isinstance(r, Exposure)}
        for row in new:
            if isinstance(row, Fault):
                self._fault(row, now)
        for fault, out in _by_fault(r for before, r in outages if before is None):
            self._say(now, "NETWATCH", f"{fault}: out {_circuits(out)}")
        for fault, up in _by_fault(exposed):
            self._say(now, "NETWATCH", f"{fault}: {_count(len(up), 'circuit')} up but without protection")
        for before, row in outages:
            if row.breached and not (before and before.breached):
                what = f"BREACH: {row.circuit} ({row.assurance}) is out for longer than {row.limit_minutes} min"
                self._say(now, "NETWATCH", what, "bold red")
        for row in new:
            if isinstance(row, Ticket):
                self._ticket(row, now)
            if isinstance(row, Alarm):
                self._hidden(row, now)
        self._tell_what_lasts(now)

    def _tell_what_lasts(self, now: Instant) -> None:
        """Service that is back and faults that are cleared, once they have held for a while: flaps are no news."""
        over = [o for o in self.outages.values() if _held(o.restored, now) and (Outage, o.id) not in self._over]
        for fault, back in _by_fault(over):
            self._say(now, "NETWATCH", f"{fault}: back {_circuits(back)}", "green")
        cleared = [f for f in self.faults.values() if _held(f.cleared, now) and (Fault, f.id) not in self._over]
        for gone in cleared:
            if not gone.absorbed_by:
                self._say(now, "NETWATCH", f"{gone.id} {gone.root} is cleared", "green")
        self._over.update((Outage, row.id) for row in over)
        self._over.update((Fault, row.id) for row in cleared)

    def letter(self, letter: Letter, at: Instant) -> None:
        """A message arrived where it was to arrive."""
        self.messages[letter.channel] += 1
        self._say(at, "MESSAGE", f"→ {letter.channel}: {letter.body.get('title', '')}")

    def people(self, what: str, at: Instant) -> None:
        self._say(at, "PEOPLE", what)

    def log(self, what: str, at: Instant) -> None:
        self._say(at, "LOG", what, "dim")

    def _fault(self, fault: Fault, now: Instant) -> None:
        before = self.faults.get(fault.id)
        self.faults[fault.id] = fault
        self._first_named.setdefault((fault.id, fault.root), now)
        planned = ", planned" if fault.planned else ""
        name = f"{fault.id} is {fault.root} ({fault.domain}{planned}, {fault.confidence:.0%})"
        if fault.absorbed_by:
            if before is None or not before.absorbed_by:
                self._say(now, "NETWATCH", f"{fault.id} is part of {fault.absorbed_by}")
        elif before is None or before.root != fault.root:
            self._say(now, "NETWATCH", name if before is None else f"on second thoughts {name}", "bold")

    def _ticket(self, ticket: Ticket, now: Instant) -> None:
        before = self.tickets.get(ticket.id)
        self.tickets[ticket.id] = ticket
        if before is not None and before.state is ticket.state:
            return
        match ticket.state:
            case TicketState.WATCHING:
                self._say(now, "NETWATCH", f"{ticket.id} opened, watching{_because(ticket.reason)}")
            case TicketState.DISPATCHED:
                self._say(now, "NETWATCH", f"{ticket.id} sent to {ticket.team}{_because(ticket.reason)}")
            case TicketState.CLOSED | TicketState.CANCELLED:
                self._say(now, "NETWATCH", f"{ticket.id} {ticket.state}", "green")
            case TicketState.MERGED:
                self._say(now, "NETWATCH", f"{ticket.id} merged into {ticket.merged_into}")
            case _:
                return  # the people's own acts, told by themselves

    def _hidden(self, alarm: Alarm, now: Instant) -> None:
        """What only a command line told: once when it comes, once when it is over."""
        what = f"{alarm.device} {alarm.component}: {alarm.condition}"
        if alarm.state in (AlarmState.PENDING, AlarmState.ACTIVE):
            if alarm.id not in self.hidden:
                self._say(now, "NETWATCH", f"{what}, told by its command line alone", "bold")
            self.hidden[alarm.id] = True
        elif self.hidden.get(alarm.id):
            self.hidden[alarm.id] = False
            self._say(now, "NETWATCH", f"{what} is over, says its command line", "green")

    def _say(self, at: Instant, voice: str, what: str, style: str = "") -> None:
        line = Text(f"{moment(at, self._zone):%H:%M:%S}  ")
        line.append(f"{voice:<9} ", _STYLE[voice])
        line.append(" ".join(what.split()), style)
        self._console.print(line, soft_wrap=True)

    # ---- at the end

    def summary(self, truth: Truth, now: Instant) -> None:
        """What happened, whether it was named rightly, and what came of it."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("what happened", "from", "to", "named as", "rightly", "after"):
            table.add_column(column, overflow="fold")
        right = due = 0
        for happening in truth.happenings:
            fault = self.named(happening)
            early = fault is None and (happening.ended or now) - happening.began < _PATIENCE
            due += not early
            right += fault is not None
            other = None if fault or early else self._instead(happening)
            shown = fault or other
            table.add_row(
                Text(_short(happening)),
                self._clock(happening.began),
                self._clock(happening.ended),
                Text(str(shown.root) if shown else "—"),
                "too early" if early else ("yes" if fault else "NO"),
                _minutes(self._first_named[fault.id, fault.root] - happening.began) if fault else "",
            )
        self._console.print()
        self._console.print(table)
        net = [o.net_seconds for o in self.outages.values()]
        breached = sum(o.breached for o in self.outages.values())
        states = Counter(str(t.state) for t in self.tickets.values())
        spread = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in sorted(states.items()))
        worst = f", the longest {_minutes(max(net) * 1_000_000)} net" if net else ""
        for line in (
            f"faults    {len(truth.happenings)} happened, {right} of {due} named rightly",
            f"outages   {len(self.outages)} with a clock{worst}; {breached} beyond their limit",
            f"exposures {len(self.exposures)}",
            f"tickets   {len(self.tickets)}" + (f": {spread}" if spread else ""),
            f"hidden    {_count(len(self.hidden), 'alarm')} that only a command line tells",
            f"messages  {sum(self.messages.values())} delivered",
        ):
            self._console.print(Text(line))

    def named(self, happening: Happening) -> Fault | None:
        """The fault that names this happening's root while it went on."""
        return self._nearest(happening, [f for f in self.faults.values() if f.root in happening.beat.names])

    def _instead(self, happening: Happening) -> Fault | None:
        """What it was taken for: the fault that began with it."""
        soon = [f for f in self.faults.values() if f.opened - happening.began < _PATIENCE]
        return self._nearest(happening, soon)

    @staticmethod
    def _nearest(happening: Happening, faults: Iterable[Fault]) -> Fault | None:
        """The one that begins nearest to it, of those that began in its time and stand for themselves."""
        began, ended = happening.began - _EARLY, happening.ended
        near = [f for f in faults if not f.absorbed_by and began <= f.opened and (ended is None or f.opened <= ended)]
        return min(near, key=lambda f: abs(f.opened - happening.began), default=None)

    def _clock(self, at: Instant | None) -> str:
        return "" if at is None else f"{moment(at, self._zone):%H:%M:%S}"


def _short(happening: Happening) -> str:
    beat = happening.beat
    if isinstance(beat, Word):
        return f"complaint about {beat.circuit}"
    words = f"{beat.act.verb} {beat.act.target}"
    return f"{words} (planned)" if beat.planned else f"{words} (flapping)" if beat.flaps is not None else words


_F = TypeVar("_F", Outage, Exposure)


def _by_fault(rows: Iterable[_F]) -> Iterable[tuple[str, list[_F]]]:
    out: dict[str, list[_F]] = {}
    for row in rows:
        out.setdefault(row.fault, []).append(row)
    return out.items()


def _held(since: Instant | None, now: Instant) -> bool:
    return since is not None and now - since >= _LASTING


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _circuits(outages: Iterable[Outage]) -> str:
    every = sorted(outages, key=lambda o: (o.limit_minutes, o.circuit))
    named = ", ".join(f"{o.circuit} ({o.assurance or '?'}, {o.limit_minutes} min)" for o in every[:_SHOWN])
    return named + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


def _minutes(span: Span) -> str:
    return f"{span // MINUTE}:{span % MINUTE // 1_000_000:02}"
