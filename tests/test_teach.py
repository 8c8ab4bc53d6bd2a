"""The past teaches the forecast: from a real store to a fact for the inbox."""

from __future__ import annotations

import math
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from netwatch.cli.doctor import Verdict, forecast
from netwatch.core.codec import decode
from netwatch.core.forecast.experience import Experience
from netwatch.core.model import (
    Decision,
    Domain,
    Fact,
    Fault,
    Learnt,
    Outage,
    Outlook,
    Root,
    RootKind,
    Row,
    Ticket,
    TicketKind,
    TicketState,
)
from netwatch.core.time import DAY, MINUTE, parse
from netwatch.knowledge import load_rules
from netwatch.store import Store
from netwatch.teach import Standing, Teacher, standing

ZONE = ZoneInfo("Asia/Shanghai")
RULES = load_rules(Path(__file__).resolve().parents[1] / "rules").dispatch
NOW = parse("2026-11-02T12:00:00+08:00")


def record(count: int, honest: bool = True) -> list[Row]:
    """Cables cut over the last month, repaired in 100 min or so. Forecasts were honest, or all wrong."""
    rng, out = random.Random(1), list[Row]()
    for n in range(count):
        began = NOW - 29 * DAY + n * (29 * DAY // count)
        sent, took = began + 2 * MINUTE, 100 * math.exp(rng.gauss(0, 0.4))
        over, deadline = sent + round(took * MINUTE), began + 120 * MINUTE
        risk = rng.choice([0.1, 0.3, 0.6, 0.9])
        late = rng.random() < (risk if honest else 1 - risk)
        over = deadline + 30 * MINUTE if late else min(over, deadline)
        told = Outlook(sent, deadline, risk, None, 1.0, 2.0)
        root = Root(RootKind.CABLE, f"K{n}")
        out += [
            Fault(f"F{n}", root, Domain.CABLE, began, over, (f"C{n}",), 1, 1.0, None, None, ""),
            Outage(f"O{n}", f"C{n}", "", "AAA", f"F{n}", began, over, 120, "", deadline, 0, 0, 0, late),
            Ticket(
                f"T{n}", f"F{n}", TicketKind.REPAIR, TicketState.CLOSED, began, sent, None, None, None, over, None,
                over, "cable", "crew", "", deadline, (f"C{n}",), outlook_sent=told, cause="cable",
            ),
        ]  # fmt: skip
    return out


async def store_with(tmp_path: Path, rows: list[Row]) -> Store:
    store = await Store.open(f"sqlite:///{tmp_path / 'netwatch.db'}")
    await store.commit(Decision(NOW, (), tuple(rows), (), ()))
    return store


def teacher(store: Store, heard: list[Fact]) -> Teacher:
    async def hand_in(fact: Fact) -> None:
        heard.append(fact)

    return Teacher(store.history, hand_in, lambda: NOW, lambda: RULES, ZONE, lambda: 1.0)


async def test_what_is_on_record_becomes_a_fact_that_teaches(tmp_path: Path) -> None:
    heard: list[Fact] = []
    async with await store_with(tmp_path, record(240)) as store:
        pupil = teacher(store, heard)
        await pupil.teach()
    (fact,) = heard
    assert isinstance(fact, Learnt)
    known = decode(Experience, fact.parameters)
    assert known.faults == 240
    assert known.fates["cable"].repair_median < 0.8 * RULES.priors["cable"].repair_median
    assert pupil.standing is not None
    assert pupil.standing.faults == 240
    assert pupil.standing.trouble == ""


async def test_nothing_on_record_teaches_nothing(tmp_path: Path) -> None:
    heard: list[Fact] = []
    async with await store_with(tmp_path, []) as store:
        pupil = teacher(store, heard)
        await pupil.teach()
    assert heard == []
    assert pupil.standing == Standing(0, 0, None, 0.7, 1.4)


@pytest.mark.parametrize(("honest", "verdict"), [(True, Verdict.OK), (False, Verdict.WARNING)])
async def test_forecasts_that_do_not_come_true_are_told_by_the_daemon_and_the_doctor(
    tmp_path: Path, honest: bool, verdict: Verdict
) -> None:
    async with await store_with(tmp_path, record(400, honest)) as store:
        found = await standing(store.history, RULES, NOW)
    assert found.judged == 400
    assert found.slope is not None
    assert bool(found.trouble) is not honest
    answer = await forecast(f"sqlite:///{tmp_path / 'netwatch.db'}", RULES, NOW)
    assert answer.verdict is verdict
    assert f"{found.slope:.2f}" in answer.what


def test_too_sure_and_too_timid_are_told_apart() -> None:
    assert "too sure" in Standing(9, 99, 0.5, 0.7, 1.4).trouble
    assert "too timid" in Standing(9, 99, 1.6, 0.7, 1.4).trouble
