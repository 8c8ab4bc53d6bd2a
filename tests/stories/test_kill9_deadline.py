"""A deadline that passes while nobody is there: told once after the restart, and told as late."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from netwatch.core.journal import read_fact
from netwatch.core.model import Effect, Ledger, Outage
from netwatch.core.rules import Rules
from netwatch.core.sends import Send
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


async def wake(store: Store, ledger: Ledger, rules: Rules, now: Instant) -> tuple[Mind[Send], tuple[Effect, ...]]:
    """What a start does, at this instant; the mind, and what the start promises."""
    found = await recover(store, ledger, rules, ZONE)
    mind = Mind(found.engine, store, to_the_room, lambda *_: None, lambda: now, last=found.last)
    return mind, (await mind.catch_up(found.rows)).effects


async def test_a_deadline_that_passed_while_down_is_told_once_and_told_as_late(tmp_path: Path) -> None:
    ledger, rules = load(NIGHT / "ledger"), load_rules(RULES)
    facts = [read_fact(line) for line in (NIGHT / "journal.jsonl").read_text("utf-8").splitlines()]
    path = str(tmp_path / "netwatch.db")

    async with await Store.open(path) as store:
        mind, _ = await wake(store, ledger, rules, facts[0].at)
        for fact in facts:
            if fact.at < KILLED:
                await mind.hear([fact], now=fact.at)
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
