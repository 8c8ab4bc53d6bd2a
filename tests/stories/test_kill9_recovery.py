"""What a start makes of what the last life left: deadlines that passed meanwhile, snapshots of another version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from netwatch.core.journal import read_fact
from netwatch.core.model import Effect, Fact, Ledger, Outage
from netwatch.core.rules import Rules
from netwatch.core.tickets.sends import Send
from netwatch.core.time import HOUR, Instant, parse
from netwatch.knowledge import load_rules
from netwatch.ledger import load
from netwatch.loops import Mind, recover
from netwatch.store import Store

NIGHT = Path(__file__).parent / "data" / "night"
RULES = Path(__file__).parents[2] / "rules"
ZONE = ZoneInfo("Asia/Shanghai")

KILLED, BACK = parse("2026-11-02T00:45:00+08:00"), parse("2026-11-02T06:00:00+08:00")


def to_the_room(effect: Effect) -> list[Send]:
    return [Send(effect.key, "room", effect.audience, effect.template, effect.subject, effect.at, effect.data)]


async def unseen(*_: object) -> None:
    """Nobody looks at what is decided."""


async def wake(store: Store, ledger: Ledger, rules: Rules, now: Instant) -> tuple[Mind[Send], tuple[Effect, ...]]:
    """What a start does, at this instant; the mind, and what the start promises."""
    found = await recover(store, ledger, rules, ZONE)
    mind = Mind(found.engine, store, to_the_room, unseen, lambda: now, last=found.last)
    return mind, (await mind.catch_up(found.rows)).effects


def facts_of_the_night() -> list[Fact]:
    return [read_fact(line) for line in (NIGHT / "journal.jsonl").read_text("utf-8").splitlines()]


async def live(mind: Mind[Send], facts: Sequence[Fact]) -> None:
    """Hear these, and what falls due between them at the instant it falls due."""
    for fact in facts:
        while (due := mind.engine.next_due()) is not None and due < fact.at:
            await mind.hear([], now=due)
        await mind.hear([fact], now=fact.at)


async def test_a_new_version_that_goes_through_all_facts_comes_to_the_same_rows_and_says_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, rules, facts = load(NIGHT / "ledger"), load_rules(RULES), facts_of_the_night()
    path = str(tmp_path / "netwatch.db")
    async with await Store.open(path) as store:
        mind, _ = await wake(store, ledger, rules, facts[0].at)
        await live(mind, facts)
        await mind.remember()
        rows = sorted(map(str, mind.engine.rows()))
        promises = sorted(send.key for send in await store.pending(BACK * 2, 1000))
    monkeypatch.setattr("netwatch.core.engine.VERSION", 999)
    async with await Store.open(path) as store:
        mind, promised = await wake(store, ledger, rules, facts[-1].at)
        assert "going through all facts that are kept" in caplog.text
        assert sorted(map(str, mind.engine.rows())) == rows
        assert promised == ()
        assert sorted(send.key for send in await store.pending(BACK * 2, 1000)) == promises


async def test_a_deadline_that_passed_while_down_is_told_once_and_told_as_late(tmp_path: Path) -> None:
    ledger, rules, facts = load(NIGHT / "ledger"), load_rules(RULES), facts_of_the_night()
    path = str(tmp_path / "netwatch.db")

    async with await Store.open(path) as store:
        mind, _ = await wake(store, ledger, rules, facts[0].at)
        await live(mind, [fact for fact in facts if fact.at < KILLED])
        running = [row for row in mind.engine.rows() if isinstance(row, Outage) and row.restored is None]
        assert running
        assert all(row.deadline and row.deadline > KILLED for row in running)
    # No snapshot, no farewell: as after a power cut.

    async with await Store.open(path) as store:
        mind, promised = await wake(store, ledger, rules, BACK)
        breaches = [effect for effect in promised if effect.template == "deadline.breached"]
        due = {row.deadline for row in running if row.deadline and row.deadline < BACK - HOUR}
        assert due
        assert {effect.data.get("late") for effect in breaches} == {True}
        assert len({effect.key for effect in breaches}) == len(breaches) > 0
        assert {effect.at for effect in breaches} <= {at + 1 for at in due} | due
        promises = sorted(send.key for send in await store.pending(BACK, 1000))

    async with await Store.open(path) as store:
        _, promised = await wake(store, ledger, rules, BACK + HOUR // 60)
        assert [effect for effect in promised if effect.template == "deadline.breached"] == []
        assert sorted(send.key for send in await store.pending(BACK + HOUR, 1000)) == promises
