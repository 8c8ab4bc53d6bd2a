"""Who hears of an effect, and that nobody hears who the customer is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netwatch.config import Config, LogChannel, Routing
from netwatch.core.model import Circuit, Customer, Effect, Ledger, Team
from netwatch.deliver import route

CUSTOMER = Customer("U-7", "东方明珠贸易有限公司", contact="王小明", phone="13912345678", manager="李经理")
LEDGER = Ledger(
    customers={"U-7": CUSTOMER, "U-8": Customer("U-8", "X")},
    circuits={"C-1": Circuit("C-1", "U-7"), "C-2": Circuit("C-2", "U-8"), "C-3": Circuit("C-3")},
    teams={
        "t1": Team("t1", channels=("chat", "mail", "chat")),
        "t2": Team("t2"),
        "t3": Team("t3", channels=("pigeon",)),
        "t4": Team("t4", channels=("pigeon", "mail")),
    },
)
CONFIG = Config(
    channels={name: LogChannel(kind="log") for name in ("chat", "mail", "duty", "pager")},
    routing=Routing(noc=("duty", "pager"), default=("duty",), duty={"city_lead": ("mail",)}),
)


def effect(audience: str = "noc", **data: Any) -> Effect:
    return Effect("K1", audience, "ticket.dispatched", 5, "T1", data)


@pytest.mark.parametrize(
    ("audience", "channels"),
    [
        ("noc", ["duty", "pager"]),
        ("team:t1", ["chat", "mail"]),
        ("team:t2", ["duty"]),
        ("team:t3", ["duty"]),
        ("team:t4", ["mail"]),
        ("team:nobody", ["duty"]),
        ("somebody", ["duty"]),
        ("duty:city_lead", ["mail"]),
        ("duty:province", ["duty", "pager"]),
    ],
)
def test_every_audience_is_reached_by_some_channel(audience: str, channels: list[str]) -> None:
    sends = route(effect(audience), LEDGER, CONFIG)
    assert [send.channel for send in sends] == channels
    assert {(send.key, send.audience, send.at, send.next_at, send.attempts) for send in sends} == {
        ("K1", audience, 5, 5, 0)
    }


def test_what_a_person_typed_about_a_customer_does_not_leave() -> None:
    told = "王小明(13912345678,021-58881234,+86 139 1234 5678)说东方明珠贸易有限公司断了,找李经理"
    (send, *_) = route(
        effect(circuits=("C-1", "C-3"), reason=told, site_name="东方明珠贸易有限公司机房"), LEDGER, CONFIG
    )
    assert send.data["reason"] == "U-7(U-7,***,***)说U-7断了,找U-7"
    assert send.data["site_name"] == "U-7机房"


def test_ids_that_look_like_telephone_numbers_stay_as_they_are() -> None:
    data = {"circuits": ("13912345678",), "root_id": "13912345678", "ticket": "13912345678"}
    (send, *_) = route(effect(**data), LEDGER, CONFIG)
    assert dict(send.data) == data


def test_keys_about_customers_are_dropped() -> None:
    (send, *_) = route(effect(customer="U-7", contact="王小明", phone="139", customers=("x",), count=1), LEDGER, CONFIG)
    assert dict(send.data) == {"count": 1}


def test_a_name_of_one_character_is_not_looked_for_in_words() -> None:
    (send, *_) = route(effect(circuit="C-2", reason="X.21 port lost light"), LEDGER, CONFIG)
    assert send.data["reason"] == "X.21 port lost light"


def test_a_channel_that_was_told_to_names_the_customers() -> None:
    named = replace_channel("duty", include_customer=True)
    first, second = route(effect(circuits=("C-1",), reason="王小明"), LEDGER, named)
    assert first.data["customers"] == ("东方明珠贸易有限公司 王小明 13912345678",)
    assert first.data["reason"] == "王小明"
    assert "customers" not in second.data


def replace_channel(name: str, **fields: Any) -> Config:
    return CONFIG.model_copy(update={"channels": {**CONFIG.channels, name: LogChannel(kind="log", **fields)}})


def test_no_routing_at_all_reaches_nobody() -> None:
    nobody = CONFIG.model_copy(update={"routing": Routing(noc=(), default=())})
    assert route(effect(), LEDGER, nobody) == ()
    assert route(replace(effect(), audience="team:t1"), LEDGER, nobody)
