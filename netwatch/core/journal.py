"""Facts as JSON lines: the form in which they are recorded, stored and replayed.

One line is one fact. Reading is strict, for a night that was read wrongly proves nothing:
whatever a line lacks or carries in another shape is an `UnreadableError` that says what is
wrong. Keys that we do not know are evidence and no error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from netwatch.core.codec import decode, encode
from netwatch.core.forecast.experience import Experience
from netwatch.core.model import (
    Action,
    Complaint,
    Condition,
    Fact,
    Learnt,
    LedgerChange,
    Maintenance,
    Observation,
    Scope,
    Source,
    State,
    Tick,
    Vantage,
    Work,
)
from netwatch.core.time import Instant, parse, show

SCOPES = frozenset({"device", "link", "cable", "circuit", "site"})
CHANGEABLE = ("assurance", "customer", "product")
"""What a `ledger` line may change of a circuit: all that a limit depends on."""

_E = TypeVar("_E", Action, Condition, Source, State)


class UnreadableError(ValueError):
    """A line that cannot be read; the message says what is wrong with it."""


class _Line:
    """One decoded line, asked for its keys by shape."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        self.doc = doc

    def text(self, key: str, *, needed: bool = False) -> str:
        value = self._get(key, needed=needed)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise UnreadableError(f'"{key}" is {_shape(value)}, not a text')
        return value

    def name(self, key: str) -> str:
        """A text that must say something: an id."""
        value = self.text(key, needed=True)
        if not value:
            raise UnreadableError(f'"{key}" is empty')
        return value

    def time(self, key: str) -> Instant:
        return self._time(key, self._get(key, needed=True))

    def time_or_none(self, key: str) -> Instant | None:
        value = self._get(key)
        return None if value is None else self._time(key, value)

    @staticmethod
    def _time(key: str, value: Any) -> Instant:
        if not isinstance(value, str):
            raise UnreadableError(f'"{key}" is {_shape(value)}, not a time')
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise UnreadableError(
                f'"{key}" is {value!r}: not an ISO 8601 time with an offset, such as 2026-11-02T02:10:07+08:00'
            ) from error

    def word(self, key: str, kind: type[_E]) -> _E:
        value = self.text(key, needed=True)
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(kind)
            raise UnreadableError(f'unknown {key} "{value}" (one of: {known})') from None

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise UnreadableError(f'"{key}" is {_shape(value)}, not true or false')
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """One id, or a list of them."""
        value = self._get(key, needed=True)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not items or not all(isinstance(i, str) and i for i in items):
            raise UnreadableError(f'"{key}" is not an id nor a list of ids')
        return tuple(items)

    def scope(self) -> tuple[Scope, ...]:
        value = self._get("scope", needed=True)
        if not isinstance(value, list):
            raise UnreadableError(f'"scope" is {_shape(value)}, not a list such as ["link L-12", "cable K-4"]')
        out = []
        for item in value:
            kind, _, name = item.partition(" ") if isinstance(item, str) else ("", "", "")
            if kind not in SCOPES or not name.strip():
                raise UnreadableError(f'"scope" holds {item!r}, not one of {", ".join(sorted(SCOPES))} and an id')
            out.append(Scope(kind, name.strip()))
        return tuple(out)

    def _get(self, key: str, *, needed: bool = False) -> Any:
        value = self.doc.get(key)
        if value is None and needed:
            raise UnreadableError(f'"{key}" is missing')
        return value


def read_fact(text: str, reasons: Collection[str] | None = None) -> Fact:
    """Read one line. `reasons` are the pause reasons that the policy knows (None: any).

    Raises UnreadableError.
    """
    try:
        doc = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not JSON: {error}") from None
    if not isinstance(doc, dict):
        raise UnreadableError(f"{_shape(doc)}, not a JSON object")
    line = _Line(doc)
    kind = line.text("type", needed=True)
    reader = _READERS.get(kind)
    if reader is None:
        raise UnreadableError(f'unknown type "{kind}" (one of: {", ".join(_READERS)})')
    fact = reader(line, line.time("at"))
    if isinstance(fact, Work) and reasons is not None:
        _check_reason(fact, reasons)
    return fact


def _no_number(name: str) -> None:
    """Python reads NaN and Infinity; JSON knows no such numbers."""
    raise ValueError(f"{name} is no number")


def _check_reason(work: Work, reasons: Collection[str]) -> None:
    if work.action is Action.PAUSE or (work.action is Action.RESUME and work.reason):
        if not work.reason:
            raise UnreadableError('a pause needs a "reason"')
        if work.reason not in reasons:
            raise UnreadableError(f'unknown pause reason "{work.reason}" (one of: {", ".join(sorted(reasons))})')


def _observation(line: _Line, at: Instant) -> Observation:
    return Observation(
        at,
        line.name("device"),
        line.text("component", needed=True),
        line.word("condition", Condition),
        line.word("state", State),
        line.word("source", Source),
        line.time_or_none("occurred"),
        _value(line.doc.get("value")),
    )


def _value(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _complaint(line: _Line, at: Instant) -> Complaint:
    return Complaint(at, line.name("circuit"), line.text("channel"), line.text("text"))


def _maintenance(line: _Line, at: Instant) -> Maintenance:
    window = Maintenance(
        at,
        line.name("id"),
        line.time("announced"),
        line.time("start"),
        line.time("end"),
        line.scope(),
        line.flag("cancelled"),
    )
    if window.end <= window.start:
        raise UnreadableError('"end" is not after "start"')
    return window


def _work(line: _Line, at: Instant) -> Work:
    ticket = line.text("ticket")
    return Work(
        at,
        () if ticket and not line.doc.get("circuit") else line.names("circuit"),
        line.word("action", Action),
        line.text("by"),
        line.text("reason"),
        line.time_or_none("since"),
        line.text("approved_by"),
        _value(line.doc.get("evidence")),
        ticket,
    )


def _ledger(line: _Line, at: Instant) -> LedgerChange:
    changes = tuple((key, line.text(key)) for key in CHANGEABLE if line.doc.get(key) is not None)
    return LedgerChange(at, line.name("circuit"), changes)


def _learnt(line: _Line, at: Instant) -> Learnt:
    try:
        known = decode(Experience, json.dumps(line.doc.get("parameters")))
    except ValueError as error:
        raise UnreadableError(f'"parameters" cannot be read: {error}') from None
    if not known.causes or any(cause not in known.fates for cause in known.causes):
        raise UnreadableError('"parameters" lacks the times of a cause')
    return Learnt(at, encode(known))


_READERS: dict[str, Callable[[_Line, Instant], Fact]] = {
    "observation": _observation,
    "complaint": _complaint,
    "maintenance": _maintenance,
    "work": _work,
    "ledger": _ledger,
    "learnt": _learnt,
    "vantage": lambda line, at: Vantage(at, line.name("device")),
    "tick": lambda line, at: Tick(at),  # noqa: ARG005
}


def _shape(value: Any) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def write_fact(fact: Fact, zone: ZoneInfo) -> str:
    """The line of a fact; `read_fact` gives the same fact back."""
    doc: dict[str, Any] = {"at": show(fact.at, zone)}
    match fact:
        case Observation():
            doc |= {
                "type": "observation",
                "device": fact.device,
                "component": fact.component,
                "condition": fact.condition,
                "state": fact.state,
                "source": fact.source,
            }
            doc |= _present(occurred=show(fact.occurred, zone), value=fact.value)
        case Complaint():
            doc |= {"type": "complaint", "circuit": fact.circuit, "channel": fact.channel, "text": fact.text}
        case Maintenance():
            doc |= {
                "type": "maintenance",
                "id": fact.id,
                "announced": show(fact.announced, zone),
                "start": show(fact.start, zone),
                "end": show(fact.end, zone),
                "scope": [f"{s.kind} {s.id}" for s in fact.scope],
            }
            doc |= _present(cancelled=fact.cancelled)
        case Work():
            circuit = fact.circuits[0] if len(fact.circuits) == 1 else list(fact.circuits)
            doc |= {"type": "work", "circuit": circuit, "action": fact.action, "by": fact.by, "reason": fact.reason}
            doc |= _present(since=show(fact.since, zone), approved_by=fact.approved_by, evidence=fact.evidence)
            doc |= _present(ticket=fact.ticket)
        case LedgerChange():
            doc |= {"type": "ledger", "circuit": fact.circuit, **dict(fact.changes)}
        case Vantage():
            doc |= {"type": "vantage", "device": fact.device}
        case Learnt():
            doc |= {"type": "learnt", "parameters": json.loads(fact.parameters)}
        case Tick():
            doc |= {"type": "tick"}
    return _write(doc)


_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _present(**values: str | bool | None) -> dict[str, str | bool]:
    return {key: value for key, value in values.items() if value}
