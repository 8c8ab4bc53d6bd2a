"""The ledger held against what devices answer: only what is contradicted is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwatch.core.model import Device, Ledger, Link, Port, Role
from netwatch.ledger.reality import Gap, against
from netwatch.wire.read import Read


def device(it: str, **more: object) -> Device:
    return Device(it, address="192.0.2.1", **more)  # type: ignore[arg-type]


LEDGER = Ledger(
    devices={
        d.id: d
        for d in (
            device("R-1", name="hz-core"),
            device("R-2"),
            device("CPE-1", role=Role.CPE),
            device("MC-1", role=Role.CONVERTER, managed=False),
        )
    },
    links={
        "L-1": Link("L-1", Port("R-1", "GE0/0/1"), Port("R-2", "GE0/0/9")),
        "L-2": Link("L-2", Port("R-2", "GE0/0/2"), Port("MC-1", "port1")),
        "L-3": Link("L-3", Port("MC-1", "port2"), Port("CPE-1", "GE0/0/1")),
    },
)


def read(name: str, ports: str, *neighbours: tuple[str, str, str]) -> Read:
    rows = [{"local_port": here, "remote_device": far, "remote_port": there} for here, far, there in neighbours]
    return Read(name=name, lists={"ports": [{"name": port} for port in ports.split()], "neighbours": rows})


WELL = {
    "R-1": read("HZ-CORE.example.net", "GigabitEthernet0/0/1", ("gi0/0/1", "r-2", "GigabitEthernet0/0/9")),
    "R-2": read(
        "R-2",
        "GigabitEthernet0/0/9 GigabitEthernet0/0/2",
        ("GigabitEthernet0/0/9", "hz-core", "GigabitEthernet0/0/1"),
        ("GigabitEthernet0/0/2", "CPE-1", "GigabitEthernet0/0/1"),
    ),
    "CPE-1": read("CPE-1", "GigabitEthernet0/0/1", ("GigabitEthernet0/0/1", "R-2", "GigabitEthernet0/0/2")),
}


def test_names_ports_and_links_as_people_and_devices_write_them_agree() -> None:
    assert against(LEDGER, WELL) == []
    assert against(LEDGER, {}) == []
    assert against(LEDGER, {"R-1": Read(name="hz-core")}) == [], "who tells no ports and no neighbours denies nothing"


@pytest.mark.parametrize(
    ("device", "said", "gap"),
    [
        ("R-2", read("SZ-9", "GE0/0/9 GE0/0/2"), Gap("name", "R-2", "", "R-2", "SZ-9")),
        ("CPE-1", read("CPE-1", "GE0/0/7"), Gap("port", "CPE-1", "GE0/0/1", "GE0/0/1", "no such port")),
        (
            "R-1",
            read("hz-core", "GE0/0/1", ("GE0/0/1", "CPE-1", "GE0/0/1")),
            Gap("link", "R-1", "GE0/0/1", "R-2 GE0/0/9", "CPE-1 GE0/0/1"),
        ),
        (
            "R-1",
            read("hz-core", "GE0/0/1", ("GE0/0/1", "nobody", "x")),
            Gap("link", "R-1", "GE0/0/1", "R-2 GE0/0/9", "nobody x"),
        ),
        (
            "R-1",
            read("hz-core", "GE0/0/1", ("GE0/0/1", "R-2", "GigabitEthernet0/0/2")),
            Gap("link", "R-1", "GE0/0/1", "R-2 GE0/0/9", "R-2 GigabitEthernet0/0/2"),
        ),
        (
            "R-1",
            read("hz-core", "GE0/0/1 GE0/0/5", ("GE0/0/5", "CPE-1", "GE0/0/3")),
            Gap("unlisted", "R-1", "GE0/0/5", "", "CPE-1 GE0/0/3"),
        ),
    ],
)
def test_each_contradiction_is_told_once_with_both_words(device: str, said: Read, gap: Gap) -> None:
    assert against(LEDGER, WELL | {device: said}) == [gap]


def test_a_device_that_answers_at_the_address_of_another_is_told_by_its_name() -> None:
    swapped = WELL | {"R-1": replace(WELL["R-1"], name="R-2")}
    assert [g for g in against(LEDGER, swapped) if g.kind == "name"] == [Gap("name", "R-1", "", "hz-core", "R-2")]
