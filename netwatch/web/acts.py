"""People's acts: from a request's body to the fact that enters the inbox.

Everything is judged here, against what the view knows, so that whoever acts is told at once what is wrong and
how to cure it. What passes is a fact like any other: journalled, replayed, and finally judged by the engine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from netwatch.core.model import (
    Action,
    Complaint,
    Entry,
    Ledger,
    Maintenance,
    Scope,
    Ticket,
    TicketState,
    Window,
    Work,
)
from netwatch.core.recurrence import belongs, named, occurrences
from netwatch.core.time import Instant, instant, parse
from netwatch.findings import Finding, did_you_mean
from netwatch.web.problems import ProblemError
from netwatch.web.view import CLOSED, View

_SCOPES = ("device", "link", "cable", "circuit", "site")

_EARLIEST, _LATEST = parse("2000-01-01T00:00:00Z"), parse("2200-01-01T00:00:00Z")


def _printable(text: str) -> str:
    """Lone surrogates cannot be stored, control characters spoil terminals and logs."""
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t":
            raise ValueError(f"holds the character U+{ord(char):04X}, which is no text")
    return text


def _short(most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=most)


Word = Annotated[str, _short(128), AfterValidator(_printable)]
Prose = Annotated[str, _short(2000), AfterValidator(_printable)]


def _moment(text: str) -> str:
    try:
        at = instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError("is no time with an offset, such as 2026-11-02T02:10:00+08:00") from None
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError("lies outside the years 2000 to 2200")
    return text


Moment = Annotated[str, _short(40), AfterValidator(_moment)]
"""ISO 8601 with an offset."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Act(Body):
    """An act on a ticket."""

    by: Annotated[Word, Field(min_length=1, description="Who acts.")]
    reason: Annotated[Word, Field(description="Why; a pause needs one of the rules' pause reasons.")] = ""
    circuits: Annotated[
        list[Word] | Literal["all"] | None,
        Field(description="Which circuits of the ticket; a pause or resume of several must say."),
    ] = None
    since: Annotated[Moment | None, Field(description="Back-dates a pause or resume; needs approved_by.")] = None
    approved_by: Annotated[Word, Field(description="A second person, who approves the pause or its back-dating.")] = ""
    evidence: Annotated[Word, Field(description="What bears a pause out: a photo's name, a call's number.")] = ""


class CustomersWord(Body):
    """A complaint."""

    circuit: Annotated[Word, Field(min_length=1)]
    channel: Annotated[Word, Field(description="How it reached us, such as 10086.")] = ""
    text: Annotated[Prose, Field(description="What the customer says. Kept in the journal, shown nowhere.")] = ""


class PlannedWork(Body):
    """A planned-work window, or the first of several. The same id again replaces it."""

    id: Annotated[Word, Field(min_length=1)]
    start: Moment
    end: Moment
    announced: Annotated[Moment | None, Field(description="When customers were told; now, when left out.")] = None
    scope: Annotated[list[Word], Field(min_length=1, max_length=1000, description='Such as "device AGG-3".')]
    every: Annotated[Word, Field(description='"daily", "weekly mon thu", "monthly last" …: it comes again.')] = ""
    until: Annotated[Moment | None, Field(description="No window of a repetition begins later.")] = None


class Login(Body):
    """A browser shows the token once."""

    token: Word


def ticket_of(view: View, key: str) -> Ticket:
    """The ticket, or 404."""
    if ticket := view.get(Ticket, key):
        return ticket
    raise ProblemError(404, f"There is no ticket {key}. {_hint(key, view.all(Ticket))}".strip())


def action_of(word: str) -> Action:
    """The action, or 404."""
    try:
        return Action(word)
    except ValueError:
        known = ", ".join(Action)
        raise ProblemError(404, f"There is no act {word!r}. {_hint(word, Action) or f'One of {known}'}") from None


def work(view: View, ticket: Ticket, action: Action, act: Act, now: Instant) -> Work:
    """The fact of an act on a ticket. Raises ProblemError."""
    if ticket.state in CLOSED:
        into = f" into {ticket.merged_into}; act on that" if ticket.merged_into else ""
        raise ProblemError(409, f"Ticket {ticket.id} is {ticket.state}{into}.")
    findings = [*_reason(view, action, act), *_back_dating(action, act, now)]
    circuits, wrong = _circuits(view, ticket, action, act)
    if findings := [*findings, *wrong]:
        raise ProblemError(422, f"This {action} cannot be taken.", findings)
    since = parse(act.since) if act.since else None
    named = "" if circuits else ticket.id
    return Work(now, circuits, action, act.by, act.reason, since, act.approved_by, act.evidence, named)


def outcome(decided: Iterable[Entry], *about: str) -> tuple[str, list[Entry]]:
    """What became of an act (`done`, `refused`, `partly refused`), and the entries that tell why.

    The same round may have decided on a storm; who acts is told of his own.
    """
    own = [entry for entry in decided if entry.subject in about]
    refused = [entry.kind == "act.refused" for entry in own if entry.kind.startswith("act.")]
    return "done" if not any(refused) else "refused" if all(refused) else "partly refused", own


_REACHED = {
    Action.ACCEPT: TicketState.ACCEPTED,
    Action.DEPART: TicketState.TRAVELLING,
    Action.ARRIVE: TicketState.ON_SITE,
    Action.RETURN: TicketState.RETURNED,
}


def said_before(ticket: Ticket, action: Action) -> bool:
    """Whether an act tells nothing new of the ticket as it is: it changes nothing, and is no error."""
    if action is Action.ACK:
        return ticket.acknowledged is not None
    return action in _REACHED and ticket.state is _REACHED[action]


def _reason(view: View, action: Action, act: Act) -> Iterable[Finding]:
    if action is Action.PAUSE and view.pauses and act.reason not in view.pauses:
        what = f"{act.reason!r} is no pause reason" if act.reason else "a pause needs a reason"
        yield Finding("reason", what, _hint(act.reason, view.pauses) or "one of " + ", ".join(sorted(view.pauses)))
    if action is Action.REJECT and not act.reason:
        yield Finding("reason", "a rejection needs a reason", "say why it is not yours")


def _back_dating(action: Action, act: Act, now: Instant) -> Iterable[Finding]:
    if act.since is None:
        return
    if action not in (Action.PAUSE, Action.RESUME):
        yield Finding("since", f"a {action} counts from when it is entered", "only pause and resume can be back-dated")
    elif parse(act.since) > now:
        yield Finding("since", "lies ahead", "a pause counts from now at the latest")
    elif not act.approved_by or act.approved_by == act.by:
        yield Finding("approved_by", "back-dating needs a second person's approval", "name somebody other than `by`")


def _circuits(view: View, ticket: Ticket, action: Action, act: Act) -> tuple[tuple[str, ...], list[Finding]]:
    """The circuits that the act names. Left out: whatever names this ticket and no other."""
    if isinstance(act.circuits, list):
        covered = set(ticket.circuits)
        wrong = [
            Finding(f"circuits.{i}", f"ticket {ticket.id} does not cover {name!r}", _hint(name, ticket.circuits))
            for i, name in enumerate(act.circuits)
            if name not in covered
        ]
        if not act.circuits:
            wrong.append(Finding("circuits", "names none", 'leave it out, or say "all"'))
        return tuple(dict.fromkeys(act.circuits)), wrong
    if act.circuits == "all" or action is Action.RESTORE:
        return ticket.circuits, []
    if action in (Action.PAUSE, Action.RESUME):
        held = _clocks(view, ticket)
        if len(held) > 1:
            cure = f'name them, or say "all" ({_some(held)})'
            return (), [Finding("circuits", f"ticket {ticket.id} holds {len(held)} clocks", cure)]
        return held or ticket.circuits[:1], []
    # An act names its ticket by a circuit; one that another open ticket covers too could be taken for that.
    alone = [c for c in ticket.circuits if view.related(Ticket, "covers", c) == 1]
    return tuple(alone[:1]) or ticket.circuits[:1], []


def _clocks(view: View, ticket: Ticket) -> tuple[str, ...]:
    """Circuits of the ticket whose outage clock is open: the only ones that a pause can mean."""
    return tuple(c for c in ticket.circuits if view.outage_of(c) is not None)


def complaint(view: View, word: CustomersWord, now: Instant) -> Complaint:
    """The fact of a complaint. Raises ProblemError."""
    if word.circuit not in view.ledger.circuits:
        cure = _hint(word.circuit, view.ledger.circuits)
        raise ProblemError(
            422,
            "This complaint cannot be taken.",
            [Finding("circuit", f"no circuit {word.circuit!r} in the ledger", cure)],
        )
    return Complaint(now, word.circuit, word.channel, word.text)


def maintenance(view: View, plan: PlannedWork, now: Instant) -> Maintenance:
    """The fact of a planned-work window. Raises ProblemError."""
    start, end = parse(plan.start), parse(plan.end)
    announced = parse(plan.announced) if plan.announced else now
    findings = []
    if end <= start:
        findings.append(Finding("end", "is not after the start", "swap them, or correct one"))
    elif end <= now:
        findings.append(Finding("end", "lies in the past", "work that is over cannot be planned"))
    if announced > now:
        findings.append(Finding("announced", "lies ahead", "leave it out: then it is now"))
    scope = []
    for i, text in enumerate(plan.scope):
        place = f"scope.{i}"
        kind, _, key = text.partition(" ")
        key = key.strip()
        if kind not in _SCOPES or not key:
            cure = _hint(kind, _SCOPES) or f'write KIND ID, as "device AGG-3"; kinds are {", ".join(_SCOPES)}'
            findings.append(Finding(place, f"cannot read {text!r}", cure))
        elif key not in (known := _known(view.ledger, kind)):
            findings.append(Finding(place, f"no {kind} {key!r} in the ledger", _hint(key, known)))
        scope.append(Scope(kind, key))
    if findings:
        raise ProblemError(422, _NOT_TAKEN, findings)
    return Maintenance(now, plan.id, announced, start, end, tuple(dict.fromkeys(scope)))


def planned(view: View, plan: PlannedWork, now: Instant) -> list[Maintenance]:
    """The facts of planned work, one for each of its windows. Raises ProblemError."""
    first = maintenance(view, plan, now)
    if not plan.every:
        return [first]
    if plan.until is None:
        raise ProblemError(422, _NOT_TAKEN, [Finding("until", "is missing", "say when the repetition ends")])
    try:
        windows = occurrences(first.start, first.end, plan.every, parse(plan.until), view.zone)
    except ValueError as error:
        raise ProblemError(422, _NOT_TAKEN, [Finding("every", str(error))]) from None
    if not windows:
        raise ProblemError(422, _NOT_TAKEN, [Finding("until", "lies before the first window")])
    return [replace(first, id=named(plan.id, w, view.zone), start=w[0], end=w[1]) for w in windows]


_NOT_TAKEN = "This planned work cannot be taken."


def cancellation(view: View, key: str, now: Instant) -> list[Maintenance]:
    """The facts that a window is cancelled, or all that is left of a repetition. Raises ProblemError."""
    windows = [w for w in view.all(Window).values() if belongs(key, w.id)]
    if not windows:
        raise ProblemError(404, f"There is no planned work {key}. {_hint(key, view.all(Window))}".strip())
    left = [w for w in windows if not w.cancelled and w.end > now]
    if not left:
        state = "cancelled" if all(w.cancelled for w in windows) else "over"
        raise ProblemError(409, f"Planned work {key} is {state} already.")
    return [Maintenance(now, w.id, w.announced, w.start, w.end, w.scope, cancelled=True) for w in left]


def _known(ledger: Ledger, kind: str) -> Iterable[str]:
    return {
        "device": ledger.devices,
        "link": ledger.links,
        "cable": ledger.cables,
        "circuit": ledger.circuits,
        "site": ledger.sites,
    }[kind]


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _hint(word: str, known: Iterable[str]) -> str:
    """Did you mean …? Looked for in short lists only: among 100,000 ids the search would hold up everybody."""
    names = list(known)
    same = next((name for name in names if name.casefold() == word.casefold()), "")
    if same:
        return f'did you mean "{same}"?'
    return did_you_mean(word, names) if len(names) <= 2000 else ""
