"""Golden cases as a contract manager writes them, and what they mean as journal lines and account rows.

A case is a table of a TOML file in `cases/`:

    [[case]]
    name = "an outage of exactly the limit is kept"
    proves = "exactly at the limit is kept"        # the contract's own words
    journal = '''
    0     L-C-AAA down
    120m  L-C-AAA up
    '''
    outage = [{ circuit = "C-AAA", started = "0", restored = "120m", net_seconds = 7200, breached = false }]

`ledger` (a folder of `ledgers/`), `zero` and `zone` may stand at the top of the file or in a case.

**Times.** `0`, `90s`, `119m59.999s`, `2h` count from `zero`; `14:00:01` is of `zero`'s day, `11-10@02:00` and
`2027-01-05@02:00` of another, at +08:00; an ISO 8601 time with offset is taken as it stands. `-` is null.

**Journal.** One line is one fact, `#` begins a remark:

    T LINK down|up                       the port at the link's A end tells it by trap
    T DEVICE silent|answers              ping
    T DEVICE [COMPONENT] CONDITION STATE [SOURCE] [occurred=T]
    T complaint CIRCUIT
    T plan ID announced=T start=T end=T scope=link:L-1,cable:K-4 [cancelled]
    T pause|resume|restore|… CIRCUIT[,CIRCUIT] [REASON] [by=…] [since=T] [approved_by=…]
    T ledger CIRCUIT assurance=AA
    T vantage DEVICE
    T tick

`T +8s*35 …` says it 35 times, 8 s apart.

**Account.** For each type that a case names, all rows of that type in their order, of each the fields that matter.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from netwatch.core.model import Action, Condition

HERE = Path(__file__).parent
LEDGERS = HERE / "ledgers"
CHINA = timezone(timedelta(hours=8))
ROWS = ("exposure", "fault", "outage", "problem", "ticket", "unknown")
TIMES = frozenset(
    {"started", "restored", "ended", "deadline", "opened", "cleared", "dispatched", "closed", "facility_deadline"}
)
ACTIONS = frozenset(map(str, Action))
CONDITIONS = frozenset(map(str, Condition))

_UNITS = {"h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"-?(?:\d+(?:\.\d+)?[hms])+|0")


@dataclass(frozen=True)
class Case:
    """One golden case, read."""

    topic: str
    name: str
    proves: str
    ledger: str
    zone: str
    zero: datetime
    docs: tuple[dict[str, Any], ...]
    """The journal, a line each."""
    expected: dict[str, list[dict[str, Any]]]
    """Row type → the rows; times as aware datetimes."""

    def __str__(self) -> str:
        return f"{self.topic}: {self.name}"

    @property
    def lines(self) -> list[str]:
        return [json.dumps(doc) for doc in self.docs]


def cases() -> list[Case]:
    """Every case of every file, in order."""
    return [case for path in sorted((HERE / "cases").glob("*.toml")) for case in _read(path)]


def _read(path: Path) -> Iterator[Case]:
    book = tomllib.loads(path.read_text(encoding="utf-8"))
    for entry in book["case"]:
        given = {k: v for k, v in book.items() if k != "case"} | entry
        unknown = given.keys() - {"name", "proves", "journal", "ledger", "zone", "zero", *ROWS}
        if unknown:
            raise ValueError(f"{path.name}: {given['name']}: what is {unknown}?")
        zero = moment(given.get("zero", "2026-11-02@08:00"), datetime(2026, 1, 1, tzinfo=CHINA))
        reader = _Journal(given["ledger"], zero)
        yield Case(
            topic=path.stem,
            name=given["name"],
            proves=given["proves"],
            ledger=given["ledger"],
            zone=given.get("zone", "Asia/Shanghai"),
            zero=zero,
            docs=tuple(reader.docs(given["journal"])),
            expected={kind: [_row(row, zero) for row in given[kind]] for kind in ROWS if kind in given},
        )


def moment(text: str, zero: datetime) -> datetime:
    """A time of the notation."""
    if "T" in text:
        return datetime.fromisoformat(text)
    if _SPAN.fullmatch(text):
        return zero + span(text)
    day, _, clock = text.rpartition("@")
    local = zero.astimezone(CHINA)
    date = day if day.count("-") == 2 else f"{local.year}-{day}" if day else f"{local:%Y-%m-%d}"
    return datetime.fromisoformat(f"{date}T{clock}+08:00")


def span(text: str) -> timedelta:
    """`1h30m`, `59.999s`, `-10m`."""
    total = timedelta()
    for number, unit in re.findall(r"(\d+(?:\.\d+)?)([hms])", text):
        whole, _, part = number.partition(".")
        total += timedelta(seconds=int(whole) * _UNITS[unit])
        total += timedelta(milliseconds=int(part.ljust(3, "0"))) * _UNITS[unit] if part else timedelta()
    return -total if text.startswith("-") else total


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _row(row: dict[str, Any], zero: datetime) -> dict[str, Any]:
    return {
        key: (None if value == "-" else moment(value, zero)) if key in TIMES else None if value == "-" else value
        for key, value in row.items()
    }


class _Journal:
    def __init__(self, ledger: str, zero: datetime) -> None:
        self.zero = zero
        with (LEDGERS / ledger / "links.csv").open(encoding="utf-8", newline="") as file:
            self.ends = {row["link"]: (row["a_device"], row["a_port"]) for row in csv.DictReader(file)}

    def docs(self, text: str) -> Iterator[dict[str, Any]]:
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if not words:
                continue
            at, words = moment(words[0], self.zero), words[1:]
            step, times = timedelta(), 1
            if words[0].startswith("+"):
                every, _, count = words[0][1:].partition("*")
                step, times, words = span(every), int(count), words[1:]
            for n in range(times):
                stamp = iso(at + n * step)
                yield {"at": stamp} | self._fact(words)

    def _fact(self, words: list[str]) -> dict[str, Any]:
        plain = [w for w in words if "=" not in w]
        named = dict(w.split("=", 1) for w in words if "=" in w)
        for key in ("occurred", "since", "announced", "start", "end"):
            if key in named:
                named[key] = iso(moment(named[key], self.zero))
        match plain:
            case ["tick"]:
                return {"type": "tick"}
            case ["vantage", device]:
                return {"type": "vantage", "device": device}
            case ["complaint", circuit]:
                return {"type": "complaint", "circuit": circuit, "channel": "10086", "text": "down"}
            case ["ledger", circuit]:
                return {"type": "ledger", "circuit": circuit, **named}
            case ["plan", name, *rest]:
                scope = [s.replace(":", " ", 1) for s in named.pop("scope").split(",")]
                more = {"cancelled": True} if rest == ["cancelled"] else {}
                return {"type": "maintenance", "id": name, **named, "scope": scope, **more}
            case [action, circuits, *reason] if action in ACTIONS:
                ids = circuits.split(",")
                act = {"type": "work", "circuit": ids if len(ids) > 1 else ids[0], "action": action, "by": "team-1"}
                return act | ({"reason": reason[0]} if reason else {}) | named
        return self._observed(plain) | named

    def _observed(self, words: list[str]) -> dict[str, Any]:
        match words:
            case [link, ("down" | "up") as state]:
                device, port = self.ends[link]
                return _observation(device, port, "link", "bad" if state == "down" else "ok", "trap")
            case [device, ("silent" | "answers") as state]:
                return _observation(device, "", "reachable", "bad" if state == "silent" else "ok", "ping")
            case [device, condition, state, *source] if condition in CONDITIONS:
                return _observation(device, "", condition, state, *source)
            case [device, component, condition, state, *source] if condition in CONDITIONS:
                return _observation(device, component, condition, state, *source)
        raise ValueError(f"no such line: {' '.join(words)}")


def _observation(device: str, component: str, condition: str, state: str, source: str = "poll") -> dict[str, Any]:
    return {
        "type": "observation",
        "device": device,
        "component": component,
        "condition": condition,
        "state": state,
        "source": source,
    }
