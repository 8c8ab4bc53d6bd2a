"""The engine's clocks against a second calculator that shares nothing with it: see `calculator`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import calculator
import pytest
from calculator import CHINA, AmbiguousError, Doc, Figures
from golden import notation
from golden.notation import Case
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netwatch import ledger as ledgers
from netwatch import night
from netwatch.core.account import lines as written
from netwatch.core.model import Ledger
from netwatch.core.rules import Rules
from netwatch.knowledge import load_rules

PROJECT = Path(__file__).resolve().parents[2]
STREET = notation.LEDGERS / "street"
LINES = calculator.lines_of(STREET)
ZERO = datetime(2026, 11, 10, tzinfo=CHINA)


def told_by_links(case: Case) -> bool:
    """Only ports say anything about the state of things."""
    observed = [d for d in case.docs if d["type"] == "observation"]
    return case.ledger == "street" and case.zone == "Asia/Shanghai" and all(d["condition"] == "link" for d in observed)


CASES = [case for case in notation.cases() if told_by_links(case)]


@cache
def rules() -> Rules:
    return load_rules(PROJECT / "rules")


@cache
def street() -> Ledger:
    return ledgers.read(STREET, None, rules())[0]


def replayed(docs: list[Doc]) -> list[dict[str, Any]]:
    """The outages that NetWatch accounts for."""
    recorded = night.read([json.dumps(doc) for doc in docs], rules())
    rows = night.replay(recorded, street(), rules(), ZoneInfo("Asia/Shanghai"))
    return [row for line in written(rows).splitlines() if (row := json.loads(line))["type"] == "outage"]


def said(row: dict[str, Any]) -> Figures:
    return Figures(
        row["gross_seconds"],
        row["net_seconds"],
        row["planned_seconds"],
        row["limit_minutes"],
        calculator.seconds(row["deadline"]),
        row["breached"],
    )


def when(row: dict[str, Any]) -> tuple[Any, Any]:
    return calculator.seconds(row["started"]), row["restored"] and calculator.seconds(row["restored"])


def agree(docs: list[Doc], circuit: str, rows: list[dict[str, Any]]) -> None:
    mine = [row for row in rows if row["circuit"] == circuit]
    found = [when(row) for row in mine]
    for n, row in enumerate(mine):
        assert said(row) == calculator.figures(docs, LINES[circuit], found, n)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_calculators_agree_on_the_golden_cases(case: Case) -> None:
    docs = list(case.docs)
    rows = replayed(docs)
    for circuit in sorted({row["circuit"] for row in rows}):
        agree(docs, circuit, rows)

    if not any(doc["type"] == "complaint" for doc in docs):
        found_alike(case)


def found_alike(case: Case) -> None:
    """The outages themselves, where ports alone speak of them."""
    ports = {(d.get("device"), d.get("component")) for d in case.docs if "occurred" not in d}
    docs = list({json.dumps(d): d for d in case.docs}.values())
    rows = replayed(docs)
    for line in LINES.values():
        if (line.device, line.port) in ports:
            try:
                mine = calculator.outages(docs, line)
            except AmbiguousError as why:
                assert "grid" in str(why), "a golden case may not pin what can be read in two ways"  # noqa: PT017
                continue
            assert mine == [when(row) for row in rows if row["circuit"] == line.circuit]


# ---------------------------------------------------------------- nights made up

SECONDS = st.integers
CIRCUITS = st.sampled_from(["C-AAA", "C-AA", "C-A", "C-STD", "D-GOLD", "I-AA-SILVER", "I-BRONZE", "SHOP"])
REASONS = st.sampled_from(["customer_absent", "site_access", "force_majeure", "weather", "spare_parts"])


def stamp(second: int) -> str:
    return (ZERO + timedelta(seconds=second)).isoformat()


def link(circuit: str, second: int, state: str) -> Doc:
    line = LINES[circuit]
    doc = {"at": stamp(second), "type": "observation", "device": line.device, "component": line.port}
    return doc | {"condition": "link", "state": state, "source": "trap"}


@st.composite
def acts(draw: st.DrawFn, circuit: str, begin: int, end: int) -> list[Doc]:
    """Pauses and resumes from shortly before the outage on, some dated back, some with approval."""
    out: list[Doc] = []
    for second in sorted(draw(st.sets(SECONDS(begin, end), max_size=8))):
        doc: Doc = {"at": stamp(second), "type": "work", "circuit": circuit, "by": "team-1"}
        doc["action"] = draw(st.sampled_from(["pause", "pause", "resume"]))
        if doc["action"] == "pause" or draw(st.booleans()):
            doc["reason"] = draw(REASONS)
        if draw(st.booleans()):
            doc["since"] = stamp(second - draw(SECONDS(-600, 3 * 3600)))
            doc["approved_by"] = draw(st.sampled_from(["", "team-1", "chief"]))
        out.append(doc)
    return out


@st.composite
def plans(draw: st.DrawFn, circuit: str) -> list[Doc]:
    """Up to two windows around midnight, some replaced or cancelled while they run."""
    out: list[Doc] = []
    for name in ("M-1", "M-2")[: draw(SECONDS(0, 2))]:
        start, length = draw(SECONDS(-7200, 7200)), draw(SECONDS(60, 6 * 3600))
        announced = -draw(SECONDS(1, 9 * 24)) * 3600 - 7200
        scope = draw(st.sampled_from([min(LINES[circuit].scopes), f"link L-{circuit}", "link L-FAR"]))
        plan = {"type": "maintenance", "id": name, "announced": stamp(announced), "scope": [scope]}
        plan |= {"start": stamp(start), "end": stamp(start + length)}
        out.append({"at": stamp(announced)} | plan)
        if draw(st.booleans()):
            later = start + draw(SECONDS(1, length))
            other: Doc = {"scope": ["link L-FAR"] if draw(st.booleans()) else [f"link L-{circuit}"]}
            end: Doc = {"end": stamp(later + draw(SECONDS(1, 7200)))}
            new = draw(st.sampled_from([{"cancelled": True}, end, other, end | other]))
            out.append({"at": stamp(later)} | plan | new)
    return out


@st.composite
def nights(draw: st.DrawFn) -> tuple[str, list[Doc], list[Doc]]:
    """A circuit, one outage of it with flaps in it, and what people did meanwhile; and its changes of class."""
    circuit = draw(CIRCUITS)
    begin = draw(SECONDS(-3600, 3600))
    end = begin + draw(SECONDS(90, 12 * 3600))
    docs = [link(circuit, begin, "bad")]
    at = begin + 70
    while at < end and draw(st.booleans()):
        gap, lost = draw(SECONDS(1, 599)), draw(SECONDS(1, 3600))
        docs += [link(circuit, at, "ok"), link(circuit, at + gap, "bad")]
        at += gap + lost
    end = max(end, at + 1)
    if draw(st.booleans()):
        docs.append(link(circuit, end, "ok"))
    docs.append({"at": stamp(end + draw(SECONDS(0, 7200))), "type": "tick"})
    docs += draw(acts(circuit, begin - 300, end - 1))  # also before there is a ticket to act on
    docs += draw(plans(circuit))
    changes = [
        {
            "at": stamp(second),
            "type": "ledger",
            "circuit": circuit,
            "assurance": draw(st.sampled_from(["AAA", "AA", "A"])),
        }
        for second in sorted(draw(st.sets(SECONDS(begin - 3600, end), max_size=3)))
    ]
    return circuit, docs, changes


@settings(max_examples=50)
@given(nights(), st.randoms(use_true_random=False))
def test_both_calculators_agree_whatever_people_do(made: tuple[str, list[Doc], list[Doc]], chance: Any) -> None:
    """Pauses, windows and classes in any combination, their lines in any order."""
    circuit, docs, changes = made
    docs = docs + changes
    in_order = sorted(docs, key=lambda d: calculator.seconds(d["at"]))
    chance.shuffle(docs)
    docs.sort(key=lambda d: (calculator.seconds(d["at"]), in_order.index(d)))
    try:
        rows = replayed(docs)
        agree(docs, circuit, rows)
    except AmbiguousError:
        assume(False)


@settings(max_examples=50)
@given(nights(), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_decide(made: tuple[str, list[Doc], list[Doc]], chance: Any) -> None:
    _, docs, changes = made
    docs = docs + changes
    assume(len({doc["at"] for doc in docs}) == len(docs))
    assert replayed(chance.sample(docs, len(docs))) == replayed(docs)


@settings(max_examples=50)
@given(nights())
def test_a_change_of_class_never_touches_an_outage_that_runs(made: tuple[str, list[Doc], list[Doc]]) -> None:
    """Neither its limit nor its pauses nor its excuse."""
    _, docs, changes = made
    begin = min(calculator.seconds(d["at"]) for d in docs if d["type"] == "observation")
    later = [change for change in changes if calculator.seconds(change["at"]) > begin]
    assert replayed(docs + later) == replayed(docs)


@st.composite
def losses(draw: st.DrawFn) -> list[Doc]:
    """A tail link that comes and goes."""
    at, docs = 0, []
    for _ in range(draw(SECONDS(1, 8))):
        docs.append(link("C-AAA", at, "bad"))
        at += draw(st.one_of(SECONDS(1, 90), st.sampled_from([59, 60, 61, 600])))
        docs.append(link("C-AAA", at, "ok"))
        at += draw(st.one_of(SECONDS(1, 1200), st.sampled_from([599, 600, 601, 840, 900])))
    if draw(st.booleans()):
        docs.pop()
    docs.append({"at": stamp(max(at, 0) + draw(SECONDS(0, 900))), "type": "tick"})
    return docs


@settings(max_examples=50)
@given(losses())
def test_both_find_the_same_outages_however_a_link_flaps(docs: list[Doc]) -> None:
    """Sixty seconds in fifteen minutes, ten minutes of stability, counted cell by cell."""
    try:
        mine = calculator.outages(docs, LINES["C-AAA"])
    except AmbiguousError:
        assume(False)
    assert mine == [when(row) for row in replayed(docs)]
