"""Another ledger: prepared while traps come in, in force at once, and what devices told of themselves is kept."""

from __future__ import annotations

from netwatch.core.model import Device, Ledger, Link, Port
from netwatch.wire.names import Names


def ledger(port: str, *addresses: str) -> Ledger:
    devices = {f"R-{n}": Device(f"R-{n}", address=address) for n, address in enumerate(addresses)}
    return Ledger(devices=devices, links={"L": Link("L", Port("R-0", port), Port("R-1", "1"))})


def test_what_is_prepared_is_in_force_only_when_it_is_enforced_and_then_at_once() -> None:
    names = Names(ledger("GE0/0/1", "192.0.2.1", "192.0.2.2"))
    enforce = names.prepare(ledger("Gi 0/0/1", "192.0.2.1", "192.0.2.2", "192.0.2.3"))
    assert names.spell("R-0", "ge0/0/1") == "GE0/0/1"
    assert names.box_at("192.0.2.3") is None
    enforce()
    assert names.spell("R-0", "ge0/0/1") == "Gi 0/0/1"
    assert names.box_at("192.0.2.3") is names.box("R-2") is not None


def test_a_device_that_stays_keeps_what_it_told_of_itself_meanwhile() -> None:
    names = Names(ledger("GE0/0/1", "192.0.2.1", "192.0.2.2"))
    enforce = names.prepare(ledger("GE0/0/2", "192.0.2.1", "192.0.2.2"))
    names.number("R-0", {7: "GE0/0/7"})
    assert names.box("R-0").component("ge0/0/2", True) is None  # it has none, nor does the ledger yet
    enforce()
    assert names.box("R-0").numbers == {7: "GE0/0/7"}
    assert names.box("R-0").component("ge0/0/2", True) == "GE0/0/2"


def test_a_device_first_heard_of_between_the_two_is_one_and_the_same() -> None:
    names = Names(Ledger())
    enforce = names.prepare(ledger("GE0/0/1", "192.0.2.1"))
    early = names.box("R-0")
    enforce()
    assert names.box_at("192.0.2.1") is early
