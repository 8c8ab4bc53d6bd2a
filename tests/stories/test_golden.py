"""The contract, case by case: what a contract manager would expect of small nights, against what NetWatch says.

The cases are data (`golden/cases/*.toml`, in the notation of `golden/notation.py`), written from the contract's text.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from golden import notation
from golden.notation import Case

from netwatch import ledger as ledgers
from netwatch import night
from netwatch.core.account import account as told
from netwatch.core.account import lines as written
from netwatch.core.engine import Engine
from netwatch.core.model import Ledger
from netwatch.core.rules import Rules
from netwatch.knowledge import load_rules

CASES = notation.cases()
PROJECT = Path(__file__).resolve().parents[2]
_told: dict[str, list[dict[str, Any]]] = {}


@cache
def rules() -> Rules:
    return load_rules(PROJECT / "rules")


@cache
def ledger(name: str) -> Ledger:
    return ledgers.read(notation.LEDGERS / name, None, rules())[0]


def account(case: Case, lines: list[str] | None = None) -> list[dict[str, Any]]:
    """What `netwatch replay` would print of a case, or of other lines in its place."""
    if lines is None:
        if str(case) not in _told:
            _told[str(case)] = account(case, case.lines)
        return _told[str(case)]
    rows = night.replay(night.read(lines, rules()), ledger(case.ledger), rules(), ZoneInfo(case.zone))
    return [json.loads(line) for line in written(rows).splitlines()]


def seen(row: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row that a case speaks about, as it writes them."""
    out = {key: row[key] for key in fields}
    for key in notation.TIMES & fields.keys():
        out[key] = row[key] and datetime.fromisoformat(row[key])
    if "root" in out:
        out["root"] = " ".join(filter(None, (row["root"]["kind"], row["root"]["id"])))
    return out


def judge(case: Case, rows: list[dict[str, Any]]) -> None:
    for kind, wanted in case.expected.items():
        mine = [row for row in rows if row["type"] == kind]
        got = [seen(row, want) for row, want in zip(mine, wanted, strict=False)]
        assert (got, len(mine)) == (wanted, len(wanted)), f'"{case.proves}"\n' + "\n".join(map(json.dumps, rows))


def judge_form(case: Case, rows: list[dict[str, Any]]) -> None:
    """Types in alphabetical order, ids once, times in the site's zone, references that lead somewhere."""
    assert [row["type"] for row in rows] == sorted(row["type"] for row in rows)
    faults = {row["id"] for row in rows if row["type"] == "fault"}
    tickets = Counter(row["id"] for row in rows if row["type"] == "ticket")
    assert set(tickets.values()) <= {1}
    zone = ZoneInfo(case.zone)
    for row in rows:
        if row["type"] in ("outage", "exposure"):
            assert row["fault"] in faults
        if row["type"] == "outage":
            assert 0 <= row["net_seconds"] <= row["gross_seconds"]
            assert 0 <= row["planned_seconds"] <= row["gross_seconds"]
        for key in notation.TIMES & row.keys():
            if row[key] is not None:
                at = datetime.fromisoformat(row[key])
                assert at.utcoffset() == at.astimezone(zone).utcoffset(), key


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_account_is_what_the_contract_says(case: Case) -> None:
    rows = account(case)
    judge(case, rows)
    judge_form(case, rows)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_neither_order_nor_repetition_nor_offsets_nor_ticks_decide(case: Case) -> None:
    """Lines shuffled and doubled, each in another offset, with ticks between: the very same bytes.

    Lines of equal times keep their order, for their place in the file is what orders them.
    """
    chance = random.Random(case.name)
    before = account(case)
    if any(row["type"] == "problem" for row in before):
        return  # a problem names its line's number
    docs = [dict(doc, at=_elsewhere(doc["at"], chance)) for doc in case.docs]
    first, last = (pick(_instants(case)) for pick in (min, max))
    docs += [{"at": notation.iso(first + chance.random() * (last - first)), "type": "tick"} for _ in range(7)]
    places = {at: iter([d for d in docs if _instant(d) == at]) for at in {_instant(d) for d in docs}}
    shuffled = chance.sample(docs, len(docs))
    lines = [json.dumps(next(places[_instant(doc)])) for doc in shuffled]
    lines += chance.sample(lines, len(lines) // 2)
    assert account(case, lines) == before


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fact_heard_again_changes_nothing(case: Case) -> None:
    """Each observation once more, shortly before anything else is said: what is so is said to be so."""
    before = account(case)
    if any(row["type"] == "problem" for row in before):
        return
    moments = sorted(_instants(case))
    again = []
    for doc in case.docs:
        later = min((m for m in moments if m > _instant(doc)), default=None)
        alone = sum(_instant(d) == _instant(doc) for d in case.docs if d["type"] == "observation") == 1
        if doc["type"] == "observation" and later is not None and alone:
            again.append(json.dumps(dict(doc, at=notation.iso(later - timedelta(milliseconds=1)))))
    assert account(case, case.lines + again) == before


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_restart_in_the_middle_changes_nothing(case: Case) -> None:
    """What is kept of the night so far is enough for the rest of it; facts that come in batches too."""
    zone, facts = ZoneInfo(case.zone), [fact for _, fact in night.read(case.lines, rules()).facts]
    middle = random.Random(case.name).randrange(len(facts))
    engine = Engine(ledger(case.ledger), rules(), zone)
    engine.decide(facts[:middle], facts[max(middle - 1, 0)].at)
    engine = Engine.thaw(engine.freeze(), ledger(case.ledger), rules(), zone)
    engine.decide(facts[middle:], facts[-1].at)
    engine.conclude()
    rows = json.loads(f"[{','.join(written(told(engine.book, engine.net, rules(), zone, facts[-1].at)).splitlines())}]")
    assert rows == [row for row in account(case) if row["type"] != "problem"]


def test_every_case_quotes_the_contract(corpus: Path) -> None:
    """What a case claims to prove stands in the contract, in these words."""
    texts = ["contracts/journal.md", "contracts/ledger.md", "domain/standards.md", "domain/sla-facts.md"]
    whole = " ".join(_flat((corpus / name).read_text(encoding="utf-8")) for name in texts)
    whole += _flat((PROJECT / "rules/calendar.toml").read_text(encoding="utf-8").replace("\n#", "\n"))
    assert [case.name for case in CASES if _flat(case.proves) not in whole] == []


def test_case_names_are_told_apart() -> None:
    assert [name for name, n in Counter(map(str, CASES)).items() if n > 1] == []


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _instant(doc: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(doc["at"])


def _instants(case: Case) -> list[datetime]:
    return [_instant(doc) for doc in case.docs]


def _elsewhere(at: str, chance: random.Random) -> str:
    """The same instant as another zone writes it."""
    zone = timezone(timedelta(minutes=chance.choice([-570, -210, 0, 60, 345, 480, 540])))
    return notation.iso(datetime.fromisoformat(at).astimezone(zone))
