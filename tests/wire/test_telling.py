"""What is told of a device that is asked again and again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import Condition, Observation, Source, State
from netwatch.core.time import SECOND
from netwatch.wire.inbox import Inbox
from netwatch.wire.poll.alike import Alike
from netwatch.wire.poll.telling import Telling

LINK = Condition.LINK


def taken(inbox: Inbox) -> list[Observation]:
    async def take() -> list[Any]:
        return await inbox.take(1000, 0.0)

    return asyncio.run(take())


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def telling(inbox: Inbox) -> Telling:
    return Telling("R-1", inbox, lambda: 7 * SECOND, Alike())


def say(it: Telling, state: State) -> bool:
    return it.say("GE0/0/1", LINK, state, Source.POLL)


@given(st.lists(st.tuples(st.sampled_from(State), st.booleans()), max_size=30))
def test_bad_is_said_each_time_and_anything_else_when_the_inbox_has_something_different(
    said: list[tuple[State, bool]],
) -> None:
    inbox = Inbox()
    it, offer = telling(inbox), inbox.offer
    wanted, last = [], None
    for state, room in said:
        inbox.offer = offer if room else lambda *_: False  # type: ignore[method-assign,assignment]
        settled = say(it, state)
        due = state is State.BAD or state is not last
        if due and room:
            wanted.append(state)
            last = state
        assert settled == (state is not State.BAD and state is last)
        assert it.last("GE0/0/1", LINK) is last
    assert [fact.state for fact in taken(inbox)] == wanted


def test_afresh_what_is_well_is_said_once_more(inbox: Inbox) -> None:
    it = telling(inbox)
    say(it, State.OK)
    it.afresh = True
    assert say(it, State.OK)
    it.afresh = False
    say(it, State.OK)
    assert len(taken(inbox)) == 2
    assert it.changes == 1


def test_a_record_of_the_device_itself_says_since_when(inbox: Inbox) -> None:
    telling(inbox).record("GE0/0/1", LINK, State.BAD, 2.5, "for 2.5 s")
    (fact,) = taken(inbox)
    assert (fact.at, fact.occurred, fact.value) == (7 * SECOND, 4_500_000, "for 2.5 s")
    assert telling(inbox).last("GE0/0/1", LINK) is None


def test_what_devices_have_in_common_is_kept_once(inbox: Inbox) -> None:
    alike = Alike()
    one, other = (Telling(name, inbox, lambda: 0, alike) for name in ("R-1", "R-2"))
    for it in (one, other):
        say(it, State.OK)
    (mine,), (theirs,) = one._told, other._told
    assert mine is theirs
