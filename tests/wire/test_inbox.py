from __future__ import annotations

import asyncio
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import Action, Condition, Observation, Source, State, Work
from netwatch.wire.inbox import Inbox, observed


def seen(device: str, at: int = 0, source: Source = Source.TRAP) -> Observation:
    return Observation(at, device, "GE0/0/1", Condition.LINK, State.BAD, source)


async def test_what_is_offered_is_taken_in_order_of_time() -> None:
    inbox = Inbox()
    for device, at in (("B", 3), ("A", 1), ("C", 2)):
        assert inbox.offer(seen(device, at))
    assert [f.at for f in await inbox.take(10)] == [1, 2, 3]
    assert inbox.depth == 0


async def test_one_screaming_device_cannot_crowd_out_the_others() -> None:
    inbox = Inbox(1000)
    for n in range(5000):
        inbox.offer(seen("SCREAMER", n))
    assert all(inbox.offer(seen(f"QUIET-{n}")) for n in range(100))
    first = await inbox.take(200)
    assert {f"QUIET-{n}" for n in range(100)} <= {f.device for f in first if isinstance(f, Observation)}


async def test_what_is_dropped_is_counted_by_source_and_told() -> None:
    told: list[str] = []
    inbox = Inbox(10, on_drop=lambda key, _: told.append(key))
    accepted = sum(inbox.offer(seen("A", source=Source.SYSLOG)) for _ in range(12))
    assert accepted == inbox.heard[Source.SYSLOG] == 5
    assert inbox.dropped == {Source.SYSLOG: 7}
    assert told == ["A"] * 7


async def test_acts_of_people_wait_for_room_and_are_never_dropped() -> None:
    inbox = Inbox(1, acts=1)
    act = Work(0, ("C-1",), Action.ACK, by="someone")
    await inbox.put(act)
    second = asyncio.create_task(inbox.put(act))
    await asyncio.sleep(0)
    assert not second.done()
    assert await inbox.take(10) == [act]
    await second
    assert await inbox.take(10) == [act]


async def test_acts_come_before_a_storm() -> None:
    inbox = Inbox(1000)
    for n in range(400):
        inbox.offer(seen("A", n))
    act = Work(10**9, ("C-1",), Action.ACK)
    await inbox.put(act)
    assert act in await inbox.take(1)


async def test_taking_gives_nothing_when_its_time_has_come() -> None:
    inbox = Inbox()
    assert await inbox.take(10, asyncio.get_running_loop().time() + 0.01) == []


async def test_taking_wakes_at_once_when_something_is_offered() -> None:
    inbox = Inbox()
    taker = asyncio.create_task(inbox.take(10))
    await asyncio.sleep(0)
    inbox.offer(seen("A"))
    assert len(await taker) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=300), st.integers(1, 40))
def test_nothing_accepted_is_lost_and_the_bound_holds(steps: list[tuple[int, bool]], capacity: int) -> None:
    async def run() -> None:
        inbox = Inbox(capacity)
        accepted: list[Observation] = []
        taken: list[object] = []
        for n, (device, take) in enumerate(steps):
            fact = seen(f"D{device}", n)
            if inbox.offer(fact):
                accepted.append(fact)
            assert inbox.depth <= capacity
            if take:
                taken += await inbox.take(3)
        while inbox.depth:
            taken += await inbox.take(7)
        assert sorted(taken, key=lambda f: f.at) == accepted  # type: ignore[attr-defined]
        assert inbox.dropped[Source.TRAP] == len(steps) - len(accepted)

    asyncio.run(run())


def test_an_observation_made_in_haste_is_one_like_any_other() -> None:
    hasty = observed(7, "R-1", "GE0/0/1", Condition.LINK, State.BAD, Source.TRAP, "linkDown")
    plain = Observation(7, "R-1", "GE0/0/1", Condition.LINK, State.BAD, Source.TRAP, value="linkDown")
    assert hasty == plain
    assert (type(hasty), repr(hasty), hash(hasty)) == (type(plain), repr(plain), hash(plain))
    assert {field.name for field in fields(Observation)} == set(type(hasty).__slots__)
    with pytest.raises(FrozenInstanceError):
        hasty.at = 8  # type: ignore[misc]


async def test_sources_give_one_in_turn_however_much_each_has() -> None:
    inbox = Inbox(1000)
    for n in range(9):
        inbox.offer(seen("LOUD", n))
    for n in range(2):
        inbox.offer(seen("QUIET", n))
    taken = [await inbox.take(2) for _ in range(3)]
    assert [[fact.device for fact in batch if isinstance(fact, Observation)] for batch in taken] == [
        ["LOUD", "QUIET"], ["LOUD", "QUIET"], ["LOUD", "LOUD"],
    ]  # fmt: skip
