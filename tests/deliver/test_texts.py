"""What people read: right, short, in their language, and never about who the customer is."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netwatch.config import Config, LogChannel
from netwatch.core.model import Circuit, Customer, Effect, Ledger
from netwatch.core.time import MINUTE
from netwatch.deliver import Texts, route
from netwatch.deliver.texts import LANGUAGES, SHIPPED

NAMES = [
    "ticket.dispatched",
    "ticket.updated",
    "ticket.restored",
    "ticket.closed",
    "ticket.cancelled",
    "ticket.enquiry",
    "clock.due",
    "deadline.near",
    "deadline.breached",
    "noc.fault",
    "noc.blind",
    "noc.agent",
    "noc.storm",
    "noc.generator",
    "ticket.generator",
    "noc.self",
]
EVERY = list(product(NAMES, LANGUAGES))


@pytest.fixture
def full(make: SimpleNamespace) -> dict[str, Any]:
    """Everything that any effect may say."""
    return {
        "ticket": "T1",
        "fault": "F1",
        "kind": "repair",
        "root_kind": "cable",
        "root_id": "K-4",
        "domain": "cable",
        "skill": "cable",
        "team": "team-1",
        "opened": "2026-11-02T02:10:07.250+08:00",
        "deadline": make.T0 + 115 * MINUTE,
        "circuits": tuple(f"C-{n}" for n in range(13)),
        "count": 13,
        "out": 11,
        "classes": ("AAA", "AA"),
        "site": "S-1",
        "site_name": "文三路机房",
        "address": "文三路 1 号",
        "reason": "17 ports lost light",
        "state": "travelling",
        "circuit": "C-3",
        "breach_probability": 0.73,
        "battery_end": "2026-11-02T03:45:00.000+08:00",
        "merged_into": "T0",
        "what": "traps are dropped",
        "cure": "ask for a larger receive buffer",
        "device": "R-1",
        "dropped": 12,
        "restored": make.T0,
        "clock": "slip",
        "clock_zh": "回单",
        "clock_en": "return slip and report",
        "share": 75,
        "source": "24 h after handling",
    }


def test_every_template_is_there_in_every_language() -> None:
    for language in LANGUAGES:
        there = {path.stem for path in (SHIPPED / language).glob("*.txt")}
        assert there == {*NAMES, "plain", "_frame", "_say"}


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_each_message_reads_well_whatever_is_known(
    name: str,
    language: str,
    full: dict[str, Any],
    texts: Texts,
    make: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # With everything, with nothing, and with each thing missing or alone.
    cases = [
        full,
        {},
        *({k: v for k, v in full.items() if k != gone} for gone in full),
        *({k: v} for k, v in full.items()),
    ]
    for data in cases:
        for extra in (
            {},
            {"late_minutes": 25, "late_over": "ticket.closed", "link": "https://nw/t/T1", "instead_of": "chat"},
        ):
            send = make.send(template=name, data=data | ({"instead_of": "chat"} if extra else {}))
            message = texts.render(send, language, make.T0 + MINUTE, extra)
            assert message.title
            assert "\n" not in message.title
            for wrong in ("{{", "{%", "None", "()", "()", ",,", "::", "Undefined", "\n\n\n"):
                assert wrong not in f"{message.title}\n{message.text}", (wrong, data)
            assert language == "en" or not set(",;()") & set(message.title), data
    assert caplog.records == []


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_first_line_says_what_where_and_until_when(
    name: str, language: str, full: dict[str, Any], texts: Texts, make: SimpleNamespace
) -> None:
    title = texts.render(make.send(template=name, data=full), language, make.T0).title
    assert len(title) <= 130
    if name.startswith(("ticket.", "deadline.")):
        assert "T1" in title
        assert "文三路机房" in title or name == "ticket.cancelled"
    if name in ("ticket.dispatched", "ticket.updated", "noc.fault", "deadline.near", "deadline.breached"):
        assert "K-4" in title
        assert "11-02 04:05" in title


def test_chinese_and_english_are_what_they_say(texts: Texts, full: dict[str, Any], make: SimpleNamespace) -> None:
    chinese = texts.render(make.send(data=full), "zh", make.T0)
    english = texts.render(make.send(data=full), "en", make.T0)
    assert chinese.title.startswith("【派单 T1】光缆 K-4，文三路机房，影响 13 条电路")
    assert english.title.startswith("Repair T1: cable K-4, 文三路机房, 13 circuits (11 down)")
    assert "C-9 等，另有 3 条" in chinese.text
    assert "C-9 and 3 more" in english.text


def test_a_late_message_says_so_and_what_happened_since(texts: Texts, make: SimpleNamespace) -> None:
    extra = {"late_minutes": 95, "late_over": "ticket.closed"}
    assert texts.render(make.send(), "zh", make.T0, extra).title.startswith("[迟到1小时35分钟，现工单已关闭] ")
    assert texts.render(make.send(), "en", make.T0, extra).title.startswith("[1 h 35 min late, ticket is closed] ")


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_no_message_tells_who_the_customer_is(
    name: str, language: str, full: dict[str, Any], texts: Texts, make: SimpleNamespace
) -> None:
    planted = Customer(
        "U-7", "东方明珠贸易", contact="王小明", phone="13912345678", manager="李四维", notes={"a": "机密"}
    )
    ledger = Ledger(
        customers={"U-7": planted},
        circuits={f"C-{n}": Circuit(f"C-{n}", "U-7", notes={"b": "机密"}) for n in range(13)},
    )
    said = f"{planted.contact} {planted.phone} of {planted.name} says {planted.manager} knows"
    data = full | {key: said for key in ("reason", "what", "site_name", "cure", "customer", "contact") if key != "cure"}
    effect = Effect("K", "noc", name, make.T0, "T1", data)
    (send,) = route(effect, ledger, Config(channels={"log": LogChannel(kind="log")}))
    message = texts.render(send, language, make.T0)
    everything = repr(message)
    for secret in (planted.name, planted.contact, planted.phone, planted.manager, "机密"):
        assert secret not in everything


def test_what_comes_from_outside_is_text_in_a_page(texts: Texts, make: SimpleNamespace) -> None:
    message = texts.render(make.send(data={"reason": "<script>alert(1)</script> & more"}), "en", make.T0)
    assert "<script>" in message.text
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html


def test_an_unknown_template_still_says_what_is_known(texts: Texts, make: SimpleNamespace) -> None:
    message = texts.render(make.send(template="noc.novelty", data={"reason": "it is new"}), "zh", make.T0)
    assert "noc.novelty" in message.title
    assert "it is new" in message.text


def test_data_of_a_strange_shape_still_makes_a_message(
    texts: Texts, make: SimpleNamespace, full: dict[str, Any]
) -> None:
    for key in full:
        for value in ("somewhen", 3, True, ("a",), 0.5):
            for name in NAMES:
                message = texts.render(make.send(template=name, data=full | {key: value}), "zh", make.T0)
                assert "T1" in message.title + message.text or "R-1" in message.title + message.text or message.title


# ---------------------------------------------------------------- the site's own


def own(folder: Path, text: str, name: str = "ticket.dispatched", language: str = "zh") -> Path:
    path = folder / language / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sites_own_template_replaces_the_shipped_one_in_its_language(tmp_path: Path, make: SimpleNamespace) -> None:
    own(tmp_path, "工单 {{ subject }} 交给 {{ netwatch }}\n{{ at|when }}\n")
    texts = Texts(make.ZONE, tmp_path, "杭州")
    assert texts.render(make.send(), "zh", make.T0).title == "工单 T1 交给 杭州"
    assert texts.render(make.send(), "zh", make.T0).text == "11-02 02:10"
    assert texts.render(make.send(), "en", make.T0).title.startswith("Repair T1")


@pytest.mark.parametrize(
    "broken",
    [
        "{{ subject",
        "{{ no_such_key }}",
        "{% include 'nothing.txt' %}",
        "{{ 1 / 0 }}",
        "{{ subject.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "   \n",
        "{{ subject + 1 }}",
    ],
)
def test_a_broken_template_never_silences_a_message(
    tmp_path: Path, make: SimpleNamespace, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = own(tmp_path, broken)
    texts = Texts(make.ZONE, tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert texts.render(make.send(), "zh", make.T0).title.startswith("【派单 T1】")
    assert len(caplog.records) == 1
    (finding,) = texts.check([make.send()], make.T0)
    assert str(place) in finding.place


def test_a_good_template_has_nothing_to_find(tmp_path: Path, make: SimpleNamespace) -> None:
    own(tmp_path, "{{ subject }}")
    assert (
        list(Texts(make.ZONE, tmp_path).check([make.send(), replace(make.send(), template="noc.self")], make.T0)) == []
    )
