"""Reading a journal and replaying it: what counts, in which order, and what is told of what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from netwatch.core.account import lines as written
from netwatch.core.model import Circuit, Device, Ledger, Link, Port, Role, Tick
from netwatch.findings import UnusableError
from netwatch.knowledge import load_rules
from netwatch.night import read, replay

RULES = load_rules(Path(__file__).resolve().parents[1] / "rules")
SHANGHAI = ZoneInfo("Asia/Shanghai")
LEDGER = Ledger(
    devices={"CORE": Device("CORE", role=Role.CORE), "CPE": Device("CPE", role=Role.CPE)},
    links={"L": Link("L", Port("CORE", "GE1"), Port("CPE", "GE0"), cables=("K",))},
    circuits={"C-1": Circuit("C-1", assurance="AA", a=Port("CPE", ""), z=Port("CORE", ""), working=("L",))},
)


def line(at: str, **keys: Any) -> str:
    return json.dumps({"at": f"2026-11-02T{at}+08:00", "type": "tick", **keys})


def port(at: str, state: str, device: str = "CORE") -> str:
    said = {"device": device, "component": "GE1", "condition": "link", "state": state, "source": "trap"}
    return line(at, type="observation", **said)


def told(*lines: str, zone: ZoneInfo = SHANGHAI, vantage: str = "CORE") -> list[dict[str, Any]]:
    return replay(read(lines, RULES), LEDGER, RULES, zone, vantage)


OUTAGE = (port("02:00:00", "bad"), port("02:30:00", "ok"), line("03:00:00"))


def test_lines_count_in_the_order_of_their_time_whatever_their_place() -> None:
    assert told(*reversed(OUTAGE)) == told(*OUTAGE)
    assert [row["gross_seconds"] for row in told(*OUTAGE) if row["type"] == "outage"] == [1800]


def test_at_equal_times_the_place_in_the_file_decides() -> None:
    bad, ok = port("02:00:00", "bad"), port("02:00:00", "ok")
    assert [r["restored"] for r in told(ok, bad, line("03:00:00")) if r["type"] == "outage"] == [None]
    assert [r for r in told(bad, ok, line("03:00:00")) if r["type"] == "outage"] == []


def test_a_line_that_is_there_twice_as_it_is_counts_once() -> None:
    night = read([*OUTAGE, *OUTAGE, f"  {OUTAGE[0]}  ", "\ufeff" + OUTAGE[1]], RULES)
    assert [number for number, _ in night.facts] == [1, 2, 3]


def test_empty_lines_are_skipped_and_counted() -> None:
    night = read(["", "   ", "\t", line("02:00:00"), "", line("01:00:00")], RULES)
    assert [(number, type(fact)) for number, fact in night.facts] == [(6, Tick), (4, Tick)]


def test_every_line_that_cannot_be_read_is_named_with_its_number() -> None:
    with pytest.raises(UnusableError) as refused:
        read([line("02:00:00"), "{", line("02:00:00", type="gossip"), "", '{"type":"tick"}'], RULES, "night.jsonl")
    assert [f.place for f in refused.value.findings] == ["night.jsonl:2", "night.jsonl:3", "night.jsonl:5"]
    assert 'unknown type "gossip"' in refused.value.findings[1].what


def test_the_pause_reasons_are_those_of_the_policy() -> None:
    act = {"type": "work", "circuit": "C-1", "action": "pause"}
    assert len(read([line("02:00:00", **act, reason="weather")], RULES).facts) == 1
    with pytest.raises(UnusableError, match='unknown pause reason "lunch"'):
        read([line("02:00:00", **act, reason="lunch")], RULES)


def test_ids_that_the_ledger_lacks_are_problems_with_the_number_of_each_line() -> None:
    lines = [
        port("02:00:00", "bad", "GHOST"),
        port("02:00:01", "bad"),
        line("02:00:02", type="complaint", circuit="C-9"),
        port("02:00:03", "bad", "GHOST"),
        line("02:00:04", type="vantage", device="NOWHERE"),
    ]
    assert [(r["line"], r["what"]) for r in told(*lines) if r["type"] == "problem"] == [
        (1, "no device GHOST in the ledger"),
        (3, "no circuit C-9 in the ledger"),
        (4, "no device GHOST in the ledger"),
        (5, "no device NOWHERE in the ledger"),
    ]


def test_problems_of_lines_out_of_order_are_told_in_the_order_of_the_file() -> None:
    rows = told(port("03:00:00", "bad", "A"), port("02:00:00", "bad", "B"))
    assert [(r["line"], r["what"][10:11]) for r in rows if r["type"] == "problem"] == [(1, "A"), (2, "B")]


def test_the_last_lines_time_is_the_end_of_what_is_open() -> None:
    rows = told(port("02:00:00", "bad"), line("02:10:00.500"))
    assert [(r["restored"], r["gross_seconds"]) for r in rows if r["type"] == "outage"] == [(None, 601)]


def test_what_was_heard_last_is_judged_although_it_has_not_settled() -> None:
    rows = told(port("02:00:00", "bad"), port("02:30:00", "ok"))
    assert [r["restored"] for r in rows if r["type"] == "outage"] == ["2026-11-02T02:30:00.000+08:00"]


def test_the_sites_zone_shows_and_the_offset_of_a_line_does_not() -> None:
    utc = json.dumps(json.loads(OUTAGE[0]) | {"at": "2026-11-01T18:00:00Z"})
    assert told(utc, *OUTAGE[1:]) == told(*OUTAGE)
    (outage,) = [r for r in told(*OUTAGE, zone=ZoneInfo("UTC")) if r["type"] == "outage"]
    assert outage["started"] == "2026-11-01T18:00:00.000+00:00"


def test_the_same_night_gives_the_same_bytes() -> None:
    assert written(told(*OUTAGE)) == written(told(*OUTAGE))
    assert written(told(*OUTAGE)).endswith("\n")


def test_a_night_without_a_line_has_nothing_to_tell() -> None:
    assert told() == []
    assert written([]) == ""


def test_rows_stand_by_type_then_time_then_name_with_numbers_by_their_value() -> None:
    many = Ledger(
        devices=LEDGER.devices,
        links=LEDGER.links,
        circuits={f"C-{n}": Circuit(f"C-{n}", a=Port("CPE", ""), working=("L",)) for n in (10, 9, 1)},
    )
    rows = replay(read(OUTAGE, RULES), many, RULES, SHANGHAI, "CORE")
    assert [r["type"] for r in rows] == ["fault", "outage", "outage", "outage", "ticket"]
    assert [r["circuit"] for r in rows if r["type"] == "outage"] == ["C-1", "C-9", "C-10"]
