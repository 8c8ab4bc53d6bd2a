"""What the store promises: whole decisions, each once, read back as they were, whoever else is at the file."""

# ruff: noqa: ASYNC240 - the files are small and the loop is ours

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netwatch.core.model import (
    Alarm,
    AlarmState,
    CircuitState,
    Condition,
    Decision,
    Entry,
    Exposure,
    Outage,
    Row,
    ServiceState,
    Severity,
    Source,
    Tick,
)
from netwatch.core.tickets.sends import Dead, Retry, Send, Settled, Waiting
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND
from netwatch.findings import UnusableError
from netwatch.store import Store, StoreError, ThinkerRunningError, Trouble
from netwatch.store import store as module
from netwatch.store.errors import told
from netwatch.store.tables import kept_as


def exposure(name: str, started: int = 10, ended: int | None = None) -> Exposure:
    return Exposure(name, f"C-{name}", "F1", started, ended)


# ---------------------------------------------------------------- recall and commit


async def test_a_new_store_remembers_nothing(store: Store) -> None:
    recall = await store.recall()
    assert (recall.snapshot, recall.facts) == (None, ())


async def test_facts_come_back_in_the_order_they_were_committed_after_a_restart(
    path: Path, make: SimpleNamespace
) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(3, 1))
        await store.commit(make.decision(2))
    async with await Store.open(f"sqlite:///{path}") as store:
        assert (await store.recall()).facts == (make.fact(3), make.fact(1), make.fact(2))


async def test_a_snapshot_takes_the_place_of_the_facts_before_it_and_of_its_own_decision(
    store: Store, make: SimpleNamespace
) -> None:
    await store.commit(make.decision(1))
    await store.commit(make.decision(2), snapshot='{"状态":1}')
    await store.commit(make.decision(3))
    recall = await store.recall()
    assert (recall.snapshot, recall.facts) == ('{"状态":1}', (make.fact(3),))
    assert (await store.recall(whole=True)).facts == (make.fact(1), make.fact(2), make.fact(3))
    assert (await store.recall(whole=True)).snapshot is None


async def test_a_snapshot_that_was_damaged_gives_way_to_the_one_before(
    store: Store, path: Path, make: SimpleNamespace
) -> None:
    await store.commit(make.decision(1), snapshot="first")
    await store.commit(make.decision(2), snapshot="second")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE snapshots SET body = (SELECT body FROM snapshots ORDER BY id LIMIT 1)")
    recall = await store.recall()
    assert (recall.snapshot, recall.facts) == ("first", (make.fact(2),))


async def test_committing_the_same_again_changes_nothing(store: Store, make: SimpleNamespace) -> None:
    entry = Entry(make.T0, "fault.opened", "F1", "light lost", {"n": 1})
    decided = make.decision(1, 2, 2, entries=(entry,), rows=(exposure("E1"),))
    await store.commit(decided, [make.send()])
    before = await store.heads()
    await store.commit(decided, [make.send()])
    assert await store.heads() == before
    assert (await store.recall()).facts == (make.fact(1), make.fact(2))
    assert await store.history.entries() == (entry,)
    assert await store.verify() == ()


async def test_a_fact_heard_again_later_is_another_fact(store: Store, make: SimpleNamespace) -> None:
    later = replace(make.fact(1), at=make.T0 + HOUR)
    await store.commit(make.decision(1))
    await store.commit(Decision(later.at, (later,), (), (), ()))
    assert (await store.recall()).facts == (make.fact(1), later)


async def test_two_rounds_that_end_at_one_instant_stay_two(store: Store, make: SimpleNamespace) -> None:
    tick = Tick(make.T0 + HOUR)
    for n in (1, 2):
        await store.commit(Decision(tick.at, (make.fact(n), tick), (), (), ()))
    assert (await store.recall()).facts == (make.fact(1), tick, make.fact(2), tick)
    await store.commit(Decision(tick.at, (make.fact(2), tick), (), (), ()))
    assert len((await store.recall()).facts) == 4


async def test_a_row_is_what_it_was_last(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(rows=(exposure("E1"), exposure("E1", ended=20), exposure("E2"))))
    await store.commit(make.decision(rows=(exposure("E2", ended=30),)))
    assert await store.history.rows(Exposure) == (exposure("E1", ended=20), exposure("E2", ended=30))


async def test_an_empty_decision_costs_no_transaction(store: Store, path: Path, make: SimpleNamespace) -> None:
    with sqlite3.connect(path) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        await store.commit(make.decision())
        assert other.execute("PRAGMA data_version").fetchone() == before


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_row_is_read_back_as_it_was_committed(
    data: st.DataObject, make: SimpleNamespace, tmp_path: Path
) -> None:
    rows = [data.draw(make.any_of(kind)) for kind in get_args(Row)]
    async with await Store.open(str(tmp_path / "any.db")) as store:
        await store.commit(Decision(1, (), tuple(rows), (), ()))
        for row in rows:
            assert row in await store.history.rows(type(row))


async def test_a_decision_that_cannot_be_written_leaves_nothing_behind(store: Store, make: SimpleNamespace) -> None:
    bad = Entry(make.T0, "fault.opened", "F1", "why", {"what": object()})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="Entry: data"):
        await store.commit(make.decision(1, entries=(bad,)), [make.send()])
    assert (await store.recall()).facts == ()
    assert await store.waiting() == ()


async def test_whoever_is_cancelled_while_committing_still_has_it_whole(store: Store, make: SimpleNamespace) -> None:
    for n in range(20):
        task = asyncio.create_task(store.commit(make.decision(n), [make.send(f"k{n}")]))
        for _ in range(n):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        heard = {fact.device for fact in (await store.recall()).facts}
        told = {send.key for send in await store.pending(make.T0, 99)} | {
            entry.key for entry in await store.history.told("T1")
        }
        assert (f"R-{n}" in heard) == (f"k{n}" in told)
    await store.commit(make.decision(99))
    assert await store.verify() == ()


async def test_commits_from_many_tasks_make_one_chain(store: Store, make: SimpleNamespace) -> None:
    await asyncio.gather(*(store.commit(make.decision(n)) for n in range(30)))
    assert len((await store.recall()).facts) == 30
    assert await store.verify() == ()


# ---------------------------------------------------------------- the outbox


async def test_what_was_not_settled_waits_for_the_next_start(path: Path, make: SimpleNamespace) -> None:
    promised = make.send(data={"circuits": ("C-1", "C-2"), "deadline": 5, "reason": None, "share": 0.5})
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1), [promised])
    async with await Store.open(str(path)) as store:
        assert await store.pending(make.T0) == [promised]
        assert await store.waiting() == (Waiting("mail", 1, make.T0),)


@pytest.mark.parametrize("outcome", [Settled("250 ok"), Dead("no such user")])
async def test_an_effect_met_again_is_not_sent_again(store: Store, make: SimpleNamespace, outcome: Any) -> None:
    await store.commit(make.decision(), [make.send()])
    await store.settle(make.send(), outcome, make.T0)
    await store.commit(make.decision(1), [make.send()])
    assert await store.pending(make.T0 + DAY) == []


async def test_one_key_is_one_send_on_each_channel(store: Store, make: SimpleNamespace) -> None:
    await store.commit(
        make.decision(), [make.send(channel="mail"), make.send(channel="chat"), make.send(channel="mail")]
    )
    assert [send.channel for send in await store.pending(make.T0)] == ["mail", "chat"]
    assert [send.channel for send in await store.pending(make.T0, channel="chat")] == ["chat"]


async def test_a_retry_waits_its_time_and_is_counted(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(), [make.send()])
    await store.settle(make.send(), Retry(make.T0 + 5 * SECOND, "503"), make.T0)
    assert await store.pending(make.T0 + 5 * SECOND - 1) == []
    (again,) = await store.pending(make.T0 + 5 * SECOND)
    assert (again.attempts, again.key) == (1, make.send().key)
    (told,) = await store.history.told("T1")
    assert (told.state, told.note, told.settled) == ("pending", "503", None)


async def test_a_clock_set_back_does_not_put_a_send_off_for_long(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(), [make.send(next_at=make.T0)])
    assert await store.pending(make.T0 - 2 * HOUR) == [make.send(next_at=make.T0)]
    await store.settle(make.send(), Retry(make.T0 + DAY, "come back tomorrow"), make.T0)
    assert len(await store.pending(make.T0 + HOUR)) == 1


async def test_messages_about_one_subject_leave_in_order_and_hold_up_no_other(
    store: Store, make: SimpleNamespace
) -> None:
    first, second, other = make.send("a"), make.send("b"), make.send("c", subject="T2")
    await store.commit(make.decision(), [first, second, other])
    assert [s.key for s in await store.pending(make.T0)] == ["a", "c"]
    await store.settle(first, Retry(make.T0 + MINUTE, "busy"), make.T0)
    assert [s.key for s in await store.pending(make.T0)] == ["c"]
    await store.settle(first, Settled(), make.T0)
    assert [s.key for s in await store.pending(make.T0)] == ["b", "c"]


async def test_a_send_that_never_gets_through_stops_holding_up_the_next(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(), [make.send("poison"), make.send("next")])
    for _ in range(module.PATIENCE):
        await store.settle(make.send("poison"), Retry(make.T0 + HOUR, "500"), make.T0)
    assert [s.key for s in await store.pending(make.T0)] == ["next"]


async def test_a_channel_with_a_long_queue_does_not_push_out_another(store: Store, make: SimpleNamespace) -> None:
    queue = [make.send(f"k{n}", "dead", subject=f"T{n}") for n in range(50)]
    await store.commit(make.decision(), [*queue, make.send("x", "mail")])
    due = await store.pending(make.T0, limit=10)
    assert [s.channel for s in due].count("dead") == 10
    assert due[-1].channel == "mail"


async def test_what_came_later_about_the_subject_is_known(store: Store, make: SimpleNamespace) -> None:
    first = make.send("a")
    await store.commit(make.decision(), [first, make.send("b", template="ticket.closed"), make.send("c", "chat")])
    assert await store.later(first) == ("ticket.closed",)


async def test_what_takes_over_from_a_dead_send_comes_in_the_same_transaction_and_once(
    store: Store, make: SimpleNamespace
) -> None:
    await store.commit(make.decision(), [make.send()])
    for _ in range(2):
        await store.settle(make.send(), Dead("550 no such user"), make.T0 + 1, [make.send(channel="chat")])
    assert [s.channel for s in await store.pending(make.T0 + 1)] == ["chat"]
    (entry,) = await store.history.entries("T1")
    assert (entry.kind, entry.reason, entry.data["channel"]) == ("send.dead", "550 no such user", "mail")


async def test_a_second_outcome_for_what_is_settled_changes_nothing(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(), [make.send()])
    await store.settle(make.send(), Settled("taken"), make.T0)
    await store.settle(make.send(), Dead("late answer"), make.T0)
    await store.settle(make.send(), Retry(make.T0, "late answer"), make.T0)
    (told,) = await store.history.told("T1")
    assert (told.state, told.note) == ("sent", "taken")
    assert await store.history.entries() == ()


# ---------------------------------------------------------------- history


def outage(name: str, started: int, restored: int | None, fault: str = "F1") -> Outage:
    return Outage(name, f"C-{name}", "U", "AA", fault, started, restored, 240, "class", None, 0, 0, 0, False)


async def test_rows_are_found_by_column_and_by_the_time_they_touch(store: Store, make: SimpleNamespace) -> None:
    before, across, open_, after = (
        outage("1", 0, 10),
        outage("2", 5, 15),
        outage("3", 7, None),
        outage("4", 20, 30, "F2"),
    )
    await store.commit(make.decision(rows=(before, across, open_, after)))
    assert await store.history.rows(Outage, between=(10, 20)) == (across, open_)
    assert await store.history.rows(Outage, where={"fault": "F2"}) == (after,)
    assert await store.history.rows(Outage, where={"breached": False}, limit=2) == (before, across)
    with pytest.raises(KeyError):
        await store.history.rows(Outage, where={"colour": "red"})


async def test_a_row_without_a_span_cannot_be_asked_for_by_time(store: Store, make: SimpleNamespace) -> None:
    state = CircuitState("C-1", ServiceState.DOWN, 5, "AA")
    await store.commit(make.decision(rows=(state,)))
    assert await store.history.rows(CircuitState, where={"state": ServiceState.DOWN}) == (state,)
    with pytest.raises(TypeError, match="CircuitState has no span"):
        await store.history.rows(CircuitState, between=(0, 1))


async def test_entries_are_read_by_subject_and_time_in_the_order_of_deciding(
    store: Store, make: SimpleNamespace
) -> None:
    made = [Entry(at, "k", subject, f"{n}") for n, (at, subject) in enumerate([(5, "F1"), (3, "F2"), (9, "F1")])]
    await store.commit(make.decision(entries=tuple(made)))
    assert await store.history.entries("F1") == (made[0], made[2])
    assert await store.history.entries(between=(3, 9)) == (made[0], made[1])
    assert await store.history.entries(limit=1) == (made[0],)


async def test_facts_are_read_in_the_order_of_hearing(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(3, 1, 2))
    assert await store.history.facts(make.T0 + 1000, make.T0 + 3000) == (make.fact(1), make.fact(2))


async def test_reading_goes_on_while_somebody_writes(store: Store, path: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path), write=False) as reader:
        seen: list[int] = []

        async def watch() -> None:
            while not seen or seen[-1] < 40:
                # A decision of two facts and their row is seen whole or not at all.
                heard, rows = await reader.history.facts(0, 2**62), await reader.history.rows(Exposure)
                assert len(heard) % 2 == 0
                assert len(rows) * 2 >= len(heard)
                seen.append(len(rows))

        watching = asyncio.create_task(watch())
        for n in range(40):
            await store.commit(make.decision(2 * n, 2 * n + 1, rows=(exposure(f"E{n}"),)))
        await watching
        assert seen == sorted(seen)


async def test_a_reader_cannot_write(path: Path, store: Store, make: SimpleNamespace) -> None:
    async with await Store.open(str(path), write=False) as reader:
        with pytest.raises(StoreError, match="opened for reading") as caught:
            await reader.commit(make.decision(1))
        assert caught.value.trouble is Trouble.READONLY


@pytest.mark.parametrize(
    ("number", "trouble", "words"),
    [
        (errno.EACCES, Trouble.READONLY, "must belong to the user of the daemon"),
        (errno.EROFS, Trouble.READONLY, "must belong to the user of the daemon"),
        (errno.ENOSPC, Trouble.FULL, "make room"),
    ],
)
def test_what_the_system_refuses_is_told_with_its_cure(number: int, trouble: Trouble, words: str) -> None:
    said = told(OSError(number, os.strerror(number), "x.lock"), "/state/x.lock")
    assert said.trouble is trouble
    assert str(said).startswith("/state/x.lock: ")
    assert os.strerror(number) in str(said)
    assert words in str(said)
    assert "Errno" not in str(said)


# ---------------------------------------------------------------- evidence


async def test_a_changed_a_missing_and_an_added_line_are_found(store: Store, path: Path, make: SimpleNamespace) -> None:
    for n in range(6):
        await store.commit(make.decision(n, entries=(Entry(n, "k", "F1", "why"),)))
    assert await store.verify() == ()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE facts SET text = replace(text, 'R-1', 'R-9') WHERE seq = 2")
        other.execute("UPDATE entries SET subject = 'F2' WHERE seq = 2")
        other.execute("DELETE FROM entries WHERE seq = 4")
    assert [str(finding) for finding in await store.verify()] == [
        "facts 2: is not what was committed",
        "entries 2: is not what was committed",
        "entries 4: lines up to 4 are missing",
    ]


async def test_a_cut_off_end_is_found(store: Store, path: Path, make: SimpleNamespace) -> None:
    await store.commit(make.decision(1, 2, 3))
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM facts WHERE seq = 3")
    assert [str(finding) for finding in await store.verify()] == ["facts 3: lines up to 3 are missing at the end"]


# ---------------------------------------------------------------- keeping house


async def test_pruning_keeps_what_recovery_needs(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(1, 2))
    assert await store.prune(make.T0 + HOUR) == 0
    await store.commit(make.decision(3), snapshot="state")
    await store.commit(make.decision(4))
    assert await store.prune(make.T0 + HOUR) == 3
    recall = await store.recall()
    assert (recall.snapshot, recall.facts) == ("state", (make.fact(4),))
    assert await store.verify() == ()


async def test_pruning_keeps_what_is_young_and_leaves_no_gap(
    store: Store, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 3)
    await store.commit(
        make.decision(*range(10), 3, entries=(Entry(1, "k", "F1", "old"), Entry(make.T0, "k", "F1", "new")))
    )
    await store.commit(make.decision(10, 5), snapshot="state")
    assert await store.prune(make.T0 + 8000, entries_before=make.T0) == 8 + 1
    assert [fact.device for fact in (await store.recall(whole=True)).facts] == ["R-8", "R-9", "R-10"]
    assert [entry.reason for entry in await store.history.entries()] == ["new"]
    assert await store.verify() == ()
    await store.commit(make.decision(11))
    assert await store.verify() == ()


async def test_pruning_everything_leaves_a_chain_that_goes_on(path: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(1, 2), snapshot="state")
        assert await store.prune(make.T0 + HOUR) == 2
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(3))
        assert (await store.heads())["facts"].startswith("3:")
        assert await store.verify() == ()


async def test_pruning_forgets_settled_sends_and_never_waiting_ones(store: Store, make: SimpleNamespace) -> None:
    await store.commit(make.decision(), [make.send("a"), make.send("b", subject="T2")])
    await store.settle(make.send("a"), Settled(), make.T0 + 1)
    await store.prune(make.T0 + HOUR, entries_before=make.T0 + HOUR)
    assert await store.history.told("T1") == ()
    assert len(await store.pending(make.T0)) == 1


async def test_pruning_makes_the_file_smaller(store: Store, path: Path, make: SimpleNamespace) -> None:
    for start in range(0, 6000, 1000):
        await store.commit(make.decision(*range(start, start + 1000)), snapshot="state")
    await store.prune(make.T0)
    large = path.stat().st_size
    await store.prune(make.T0 + DAY)
    assert path.stat().st_size < large / 2
    assert path.with_name("netwatch.db-wal").stat().st_size == 0


# ---------------------------------------------------------------- trouble


async def test_a_second_thinker_is_turned_away_and_told_by_whom(store: Store, path: Path) -> None:
    with pytest.raises(ThinkerRunningError, match=f"process {os.getpid()}"):
        await Store.open(str(path))
    await store.close()
    async with await Store.open(str(path)):
        pass


async def test_a_database_locked_by_another_program_is_busy_and_nothing_is_lost(
    store: Store, path: Path, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.commit(make.decision(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.commit(make.decision(2)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    other.execute("ROLLBACK")
    await waiting
    # The patience of a daemon is ten seconds; a test has less.
    await store._writer.transaction(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=20"))  # type: ignore[union-attr]
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked") as caught:
        await store.commit(make.decision(3))
    assert caught.value.trouble is Trouble.BUSY
    other.close()
    await store.commit(make.decision(3))
    assert (await store.recall()).facts == (make.fact(1), make.fact(2), make.fact(3))


async def test_a_file_that_is_no_database_is_called_that(path: Path) -> None:
    path.write_bytes(b"NetWatch was here. " * 500)
    for write in (True, False):
        with pytest.raises(StoreError, match="no NetWatch database") as caught:
            await Store.open(str(path), write=write)
        assert caught.value.trouble is Trouble.DAMAGED


async def test_a_damaged_database_is_called_that_and_says_what_to_do(path: Path, make: SimpleNamespace) -> None:
    async with await Store.open(str(path)) as store:
        await store.commit(make.decision(*range(2000)))
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 40960] = os.urandom(40960)
    path.write_bytes(raw)
    async with await Store.open(str(path)) as store:
        with pytest.raises(StoreError, match="netwatch restore") as caught:
            await store.recall()
        assert caught.value.trouble is Trouble.DAMAGED


async def test_a_fact_that_nobody_can_read_names_its_place(store: Store, path: Path, make: SimpleNamespace) -> None:
    await store.commit(make.decision(1, 2))
    with sqlite3.connect(path) as other:
        other.execute("""UPDATE facts SET text = '{"type":"rumour"}' WHERE seq = 2""")
    with pytest.raises(StoreError, match="fact 2 cannot be read"):
        await store.recall()
    with pytest.raises(StoreError, match="cannot be read"):
        await store.history.facts(0, 2**62)


async def test_another_programs_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreError, match="another program"):
        await Store.open(str(path))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


async def test_reading_a_database_that_is_not_there_does_not_make_one(path: Path) -> None:
    with pytest.raises(StoreError, match="no database yet"):
        await Store.open(str(path), write=False)
    assert not path.exists()


async def test_a_folder_that_nobody_may_write_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        await Store.open(str(tmp_path / "file" / "netwatch.db"))


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://netwatch@db/netwatch", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro"]
)
async def test_a_url_that_names_no_file_is_refused_as_configuration(url: str) -> None:
    with pytest.raises(UnusableError, match=r"database\.url"):
        await Store.open(url)


async def test_only_owner_and_group_may_look_into_the_file(store: Store, path: Path) -> None:
    assert path.stat().st_mode & 0o007 == 0


def test_an_alarm_has_its_words_as_columns() -> None:
    alarm = Alarm("R-1", "", Condition.LINK, AlarmState.ACTIVE, Severity.MAJOR, 1, 1, None, 1, Source.TRAP, "F1")
    kept = kept_as(Alarm)
    names = [column.name for column in kept.table.columns]
    assert dict(zip(names, (alarm.id, *kept.values(alarm), "…"), strict=True)) == {
        "id": alarm.id,
        "device": "R-1",
        "state": "active",
        "severity": "major",
        "fault": "F1",
        "raised": 1,
        "cleared": None,
        "row": "…",
    }


def test_send_is_what_the_store_gives_back() -> None:
    assert Send("k", "c", "noc", "t", "s", 1).attempts == 0
