"""The courier at a real store: everything promised is settled, in order, by whichever channel works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from netwatch.core.model import Decision
from netwatch.deliver import Manner, Message, PermanentError, TemporaryError
from netwatch.store import Store


@dataclass
class Scripted:
    """A channel that does what its script says, an error or a word; then it works."""

    script: list[Any] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    asked: int = 0
    always: Any = "ok"
    refuses: set[str] = field(default_factory=set)
    """Keys that it cannot deliver for now."""
    closed: bool = False

    async def send(self, message: Message) -> str:
        self.asked += 1
        step = self.script.pop(0) if self.script else self.always
        if isinstance(step, BaseException) or message.key in self.refuses:
            raise step if isinstance(step, BaseException) else DOWN
        if isinstance(step, asyncio.Event):
            await step.wait()
        self.sent.append(message)
        return "taken"

    async def close(self) -> None:
        self.closed = True

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.sent]


DOWN = TemporaryError("503")
QUICK = Manner(per_minute=6000)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the courier has no event for tests
            await asyncio.sleep(0)


async def test_what_is_promised_is_sent_once_and_settled(post: Callable[..., Any], make: SimpleNamespace) -> None:
    hook = Scripted()
    here = post({"hook": hook})
    await here.promise(make.send())
    assert await here.round(2) == 1
    await here.promise(make.send())
    assert await here.round(2) == 0
    assert hook.keys == ["T1:sent:1"]
    assert await here.states() == {("T1:sent:1", "hook"): "sent"}
    (seen,) = here.seen
    assert (seen.channel, seen.result, seen.delay) == ("hook", "sent", 2.0)


async def test_what_fails_is_tried_again_later_and_later_under_the_same_key(
    post: Callable[..., Any], make: SimpleNamespace, store: Store
) -> None:
    hook = Scripted([DOWN] * 4)
    here = post({"hook": hook})
    await here.promise(make.send())
    gaps = []
    for _ in range(5):
        waited = 0
        while not await here.round(1):
            waited += 1
        gaps.append(waited)
    assert hook.asked == 5
    assert hook.keys == ["T1:sent:1"]
    assert gaps == sorted(gaps)
    assert gaps[1] >= 3
    assert gaps[4] >= 29
    (told,) = await store.history.told("T1")
    assert (told.state, told.attempts, told.note) == ("sent", 4, "taken")


async def test_a_receiver_that_names_a_time_is_not_asked_before(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    hook = Scripted([TemporaryError("429", retry_after=120)])
    here = post({"hook": hook})
    await here.promise(make.send())
    await here.round()
    await here.round(119)
    assert hook.asked == 1
    await here.round(1)
    assert hook.asked == 2


async def test_messages_about_a_ticket_arrive_in_order_though_the_first_fails(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    hook = Scripted(refuses={"dispatched"})
    here = post({"hook": hook})
    await here.promise(*(make.send(key, template=f"ticket.{key}") for key in ("dispatched", "updated", "restored")))
    await here.promise(make.send("other", subject="T2"))
    await here.round()
    assert hook.keys == ["other"]
    hook.refuses.clear()
    await here.until_settled()
    assert hook.keys == ["other", "dispatched", "updated", "restored"]


async def test_a_channel_that_hangs_delays_no_other(post: Callable[..., Any], make: SimpleNamespace) -> None:
    stuck = asyncio.Event()
    hung, hook = Scripted(always=stuck), Scripted()
    here = post({"hung": hung, "hook": hook})
    running = asyncio.create_task(here.courier.run())
    try:
        for n in range(4):
            await here.promise(make.send(f"k{n}", "hung", subject=f"T{n}"), make.send(f"k{n}", "hook", subject=f"T{n}"))
            here.courier.nudge()
            await until(lambda n=n: len(hook.sent) > n)
        assert hung.sent == []
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_under_way_when_the_daemon_stopped_is_sent_by_the_next(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    hung = Scripted(always=asyncio.Event())
    here = post({"hook": hung})
    await here.promise(make.send())
    running = asyncio.create_task(here.courier.run())
    await until(lambda: hung.asked > 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await here.states() == {("T1:sent:1", "hook"): "pending"}
    after = Scripted()
    here = post({"hook": after})
    await here.round()
    assert after.keys == ["T1:sent:1"]


async def test_the_daemon_wakes_for_retries_by_itself(
    post: Callable[..., Any], make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Scripted([DOWN])
    here = post({"hook": hook})
    await here.promise(make.send())
    running = asyncio.create_task(here.courier.run())
    await until(lambda: hook.asked > 0)
    # Its own clock stands still in this test: turn it, and only the lane's own alarm clock is left to notice.
    monkeypatch.setattr("netwatch.deliver.outbox._IDLE", 0.01)
    here.clock.go(60)
    here.courier.nudge()
    await until(lambda: bool(hook.sent))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_dead_receiver_is_left_alone_and_asked_again_now_and_then(
    post: Callable[..., Any], make: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    hook = Scripted(always=DOWN)
    here = post({"hook": hook}, manners={"hook": QUICK})
    await here.promise(*(make.send(f"k{n}", subject=f"T{n}", at=make.T0 + 10**12) for n in range(20)))
    with caplog.at_level(logging.INFO, "netwatch.deliver"):
        await here.round()
        opened = hook.asked
        assert opened < 20
        for _ in range(29):
            await here.round(1)
        assert hook.asked == opened
        await here.round(1)
        assert hook.asked == opened + 1
        hook.always = "ok"
        await here.until_settled()
    assert sorted(hook.keys) == sorted(f"k{n}" for n in range(20))
    said = [record.message for record in caplog.records if "channel hook" in record.message]
    assert len([line for line in said if "does not deliver" in line]) == 1
    assert len([line for line in said if "works again" in line]) == 1
    assert len(said) == 3


async def test_no_more_go_out_in_a_minute_than_the_channel_takes(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    hook = Scripted()
    here = post({"hook": hook}, manners={"hook": Manner("en", per_minute=20)})
    await here.promise(*(make.send(f"k{n}", subject=f"T{n}") for n in range(100)))
    await here.round()
    assert len(hook.sent) == 4
    for _ in range(60):
        await here.round(1)
    assert 23 <= len(hook.sent) <= 25
    await here.until_settled()
    assert len(set(hook.keys)) == len(hook.keys) == 100


async def test_a_message_refused_for_good_goes_by_another_channel_and_is_on_record(
    post: Callable[..., Any], make: SimpleNamespace, store: Store
) -> None:
    hook, mail = Scripted([PermanentError("404")]), Scripted()
    here = post({"hook": hook, "mail": mail}, fallback=("mail", "hook", "gone"))
    await here.promise(make.send())
    await here.round()
    assert hook.asked == 1
    assert mail.keys == ["T1:sent:1"]
    assert "hook" in mail.sent[0].text
    assert await here.states() == {("T1:sent:1", "hook"): "dead", ("T1:sent:1", "mail"): "sent"}
    assert [entry.kind for entry in await store.history.entries("T1")] == ["send.dead"]


async def test_a_fallback_that_refuses_as_well_is_the_end_of_it(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    channels = {name: Scripted(always=PermanentError("no")) for name in ("hook", "mail", "chat")}
    here = post(channels, fallback=("mail", "chat"))
    await here.promise(make.send())
    await here.until_settled()
    assert {name: channel.asked for name, channel in channels.items()} == {"hook": 1, "mail": 1, "chat": 1}


async def test_what_a_channel_cannot_deliver_for_ten_minutes_is_told_elsewhere_once(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    hook, mail = Scripted(always=DOWN), Scripted()
    here = post({"hook": hook, "mail": mail}, fallback=("mail",))
    await here.promise(*(make.send(f"k{n}", subject=f"T{n}") for n in range(12)))
    for _ in range(19):
        await here.round(30)
    assert mail.sent == []
    for _ in range(20):
        await here.round(30)
    assert sorted(mail.keys) == sorted(f"k{n}" for n in range(12))
    hook.always = "ok"
    await here.until_settled()
    assert sorted(hook.keys) == sorted(mail.keys)


async def test_after_a_day_a_send_is_given_up(post: Callable[..., Any], make: SimpleNamespace) -> None:
    hook = Scripted(always=DOWN)
    here = post({"hook": hook})
    await here.promise(make.send())
    await here.round(3600 * 23)
    assert await here.states() == {("T1:sent:1", "hook"): "pending"}
    await here.round(3700)
    assert await here.states() == {("T1:sent:1", "hook"): "dead"}


async def test_sends_for_a_channel_that_is_no_more_go_by_another(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    mail = Scripted()
    here = post({"mail": mail}, fallback=("mail",))
    await here.promise(make.send(channel="removed"), make.send("second", channel="removed"))
    await here.until_settled()
    assert mail.keys == ["T1:sent:1", "second"]


async def test_a_plug_in_that_breaks_is_tried_again_and_its_words_stay_inside(
    post: Callable[..., Any], make: SimpleNamespace, caplog: pytest.LogCaptureFixture, store: Store
) -> None:
    hook = Scripted([ValueError("https://user:s3cret@host")])
    here = post({"hook": hook})
    await here.promise(make.send())
    with caplog.at_level(logging.DEBUG, "netwatch"):
        await here.round()
        assert "s3cret" not in caplog.text + str(await store.history.told("T1"))
    await here.until_settled()
    assert hook.keys == ["T1:sent:1"]


async def test_a_channel_that_never_comes_back_counts_as_no_answer(
    post: Callable[..., Any], make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwatch.deliver.outbox.HANG_SECONDS", 0.01)
    hook = Scripted([asyncio.Event()])
    here = post({"hook": hook})
    await here.promise(make.send())
    await here.round()
    assert [delivery.result for delivery in here.seen] == ["retry"]
    await here.until_settled()
    assert hook.keys == ["T1:sent:1"]


# ---------------------------------------------------------------- late messages


@pytest.mark.parametrize("ending", ["ticket.restored", "ticket.closed", "ticket.cancelled"])
async def test_a_dispatch_that_comes_after_the_end_says_so(
    post: Callable[..., Any], make: SimpleNamespace, ending: str
) -> None:
    hook = Scripted(always=DOWN)
    here = post({"hook": hook})
    await here.promise(make.send("first"))
    await here.round()
    await here.promise(make.send("last", template=ending))
    hook.always = "ok"
    await here.round(600)
    assert hook.keys == ["first", "last"]
    assert hook.sent[0].title.startswith("[迟到10分钟，现")
    assert hook.sent[1].title.startswith("[迟到10分钟] ")


async def test_warnings_overtaken_by_the_end_are_not_sent_but_breaches_and_recoveries_are(
    post: Callable[..., Any], make: SimpleNamespace, store: Store
) -> None:
    hook = Scripted(always=DOWN)
    here = post({"hook": hook}, manners={"hook": QUICK})
    templates = ["ticket.dispatched", "ticket.updated", "deadline.near", "deadline.breached", "ticket.restored"]
    await here.promise(*(make.send(name, template=name) for name in templates))
    await here.round()
    hook.always = "ok"
    await here.until_settled()
    assert hook.keys == templates  # ten seconds late is not late
    hook.always, hook.sent = DOWN, []
    await here.promise(*(make.send(f"{name}/2", template=name, subject="T2", at=here.clock()) for name in templates))
    await here.round()
    hook.always = "ok"
    await here.round(600)
    assert hook.keys == ["ticket.dispatched/2", "deadline.breached/2", "ticket.restored/2"]
    notes = {told.template: told.note for told in await store.history.told("T2")}
    assert notes["ticket.updated"] == notes["deadline.near"] == "superseded by ticket.restored"
    assert [delivery.result for delivery in here.seen].count("superseded") == 2


# ---------------------------------------------------------------- what it tells


async def test_what_is_owed_is_known_by_channel(post: Callable[..., Any], make: SimpleNamespace) -> None:
    here = post({"hook": Scripted(always=DOWN), "mail": Scripted()})
    await here.promise(make.send(), make.send(channel="mail"))
    await here.courier.step()
    (owed,) = here.courier.waiting
    assert (owed.channel, owed.count, owed.oldest) == ("hook", 1, make.T0)


async def test_messages_are_in_the_language_of_the_channel_and_carry_their_link(
    post: Callable[..., Any], make: SimpleNamespace
) -> None:
    zh, en = Scripted(), Scripted()
    here = post(
        {"hook": zh, "mail": en}, manners={"mail": Manner("en")}, link=lambda send: f"https://nw/t/{send.subject}"
    )
    await here.promise(make.send(), make.send(channel="mail"))
    await here.round()
    assert zh.sent[0].title.startswith("【派单 T1】")
    assert en.sent[0].title.startswith("Repair T1")
    assert "https://nw/t/T1" in zh.sent[0].text
    assert 'href="https://nw/t/T1"' in en.sent[0].html


async def test_an_error_of_the_store_ends_the_courier(
    post: Callable[..., Any], make: SimpleNamespace, store: Store
) -> None:
    hook = Scripted()
    here = post({"hook": hook})
    await here.promise(make.send())
    running = asyncio.create_task(here.courier.run())
    await store.commit(Decision(make.T0, (), (), (), ()), [make.send("x")])

    async def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk gone")

    store.settle = fail  # type: ignore[method-assign]
    here.courier.nudge()
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(running, 20)
    assert caught.group_contains(OSError, match="disk gone")


async def test_closing_closes_every_channel(post: Callable[..., Any]) -> None:
    channels = {"hook": Scripted(), "mail": Scripted()}
    await post(channels).courier.close()
    assert all(channel.closed for channel in channels.values())
