"""Ledgers that are wrong about ports and cables: what breaks is named once all the same."""

from __future__ import annotations

from dataclasses import replace

from core_metro import back, dark, lit, metro, night, rows, say, silent

from netwatch.core.consistent import consistent
from netwatch.core.engine import Engine
from netwatch.core.model import Circuit, Device, Ledger, Link, Medium, Port, Role, Site

PORTS = ("1/1", "1/2")


def ring(*names: str) -> Ledger:
    """Each device's second port leads to the next one's first."""
    devices = {n: Device(n, "S", role=Role.AGGREGATION, address=f"192.0.2.{i}") for i, n in enumerate(names, 1)}
    pairs = zip(names, (*names[1:], names[0]), strict=True)
    links = {f"{a}-{z}": Link(f"{a}-{z}", Port(a, PORTS[1]), Port(z, PORTS[0]), cables=(f"K-{a}",)) for a, z in pairs}
    return Ledger(sites={"S": Site("S")}, devices=devices, links=links)


def exchanged(link: Link) -> Link:
    return replace(link, a=Port(link.a.device, link.z.name), z=Port(link.z.device, link.a.name))


def test_a_ledger_without_contradiction_is_taken_as_it_is() -> None:
    ledger = ring("A", "B", "C")
    assert consistent(ledger) is ledger


def test_each_device_at_the_others_port_is_read_the_other_way_round() -> None:
    ledger = ring("A", "B", "C", "D")
    for name, link in ledger.links.items():
        assert consistent(replace(ledger, links={**ledger.links, name: exchanged(link)})).links == ledger.links


def test_an_exchange_that_two_links_of_a_port_could_settle_is_left_as_written() -> None:
    links = {n: Link(n, Port("A", "1/1"), Port(n, "2/1")) for n in ("X", "Y")}
    ledger = Ledger(links=links)
    assert consistent(ledger) is ledger


def test_a_pon_port_with_many_links_is_no_contradiction() -> None:
    links = {n: Link(n, Port("OLT", "0/1"), Port(n, "1"), medium=Medium.PON) for n in ("ONU-1", "ONU-2")}
    ledger = Ledger(links=links)
    assert consistent(ledger) is ledger


def test_a_link_written_down_twice_is_one_and_routes_lead_over_it() -> None:
    ledger = ring("A", "B", "C")
    again = replace(ledger.links["A-B"], id="again", a=ledger.links["A-B"].z, z=ledger.links["A-B"].a)
    circuit = Circuit("C1", "CU1", a=Port("A", ""), z=Port("C", ""), working=("again", "B-C"), protecting=("C-A",))
    read = consistent(replace(ledger, links={**ledger.links, "again": again}, circuits={"C1": circuit}))
    assert read.links == ledger.links
    assert read.circuits["C1"].working == ("A-B", "B-C")


def roots(run: Engine) -> list[str]:
    return [f"{row['root']['kind']} {row['root']['id']}" for row in rows(run, "fault")]


def crossed(one: str = "R2", other: str = "T2") -> Ledger:
    """Two links of one device, its A end of both: each at the other's port. By default those of AGG-2."""
    ledger = metro().ledger()
    mine, theirs = ledger.links[one], ledger.links[other]
    links = {one: replace(mine, a=theirs.a), other: replace(theirs, a=mine.a)}
    return replace(ledger, links={**ledger.links, **links})


def test_one_break_told_of_two_links_whose_ports_are_crossed_is_one_fault() -> None:
    facts = [*dark(0, "AGG-2 GE0/0/2"), *dark(1, "AGG-3 GE0/0/1"), *lit(900, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1")]
    run = night(facts, 3600, crossed())
    assert roots(run) == ["cable K2"]
    assert not rows(run, "outage")


def test_a_transmitter_is_named_by_the_port_that_says_so_where_ports_are_crossed() -> None:
    facts = [say(0, "AGG-2 GE0/0/2", "link"), *dark(0, "AGG-3 GE0/0/1")]
    assert roots(night(facts, 600, crossed())) == ["port AGG-2 GE0/0/2"]


def test_a_link_that_flaps_is_known_by_its_far_end_that_falls_silent_now_and_then_where_ports_are_crossed() -> None:
    """The device at its end is asked while the link is down but once in twenty minutes."""
    flaps = [s for n in range(20) for s in (*dark(60 * n, "AGG-2 GE1/0/1"), *lit(60 * n + 25, "AGG-2 GE1/0/1"))]
    run = night([*flaps, *silent(310, "ACC-2"), *back(370, "ACC-2")], 5400, crossed())
    assert roots(run) == ["cable KT2"]


def test_who_stands_behind_a_converter_that_nobody_asks_tells_which_of_two_crossed_ports_was_meant() -> None:
    facts = [*dark(0, "ACC-2 GE0/1/4"), *silent(30, "CPE-4"), *lit(900, "ACC-2 GE0/1/4"), *back(905, "CPE-4")]
    assert roots(night(facts, 3600, crossed("L3", "L4"))) == ["cable KL4"]


def test_two_links_of_one_device_of_which_all_ends_tell_are_two_faults() -> None:
    facts = [*dark(0, "AGG-2 GE0/0/1"), *dark(1, "AGG-3 GE0/0/1"), *dark(40, "AGG-2 GE0/0/2", "AGG-1 GE0/0/2")]
    assert roots(night(facts, 600)) == ["cable K1", "cable K2"]


def test_a_link_that_is_dark_while_others_in_its_cable_are_well_is_no_cut_of_the_cable() -> None:
    ledger = metro().ledger()
    ledger = replace(ledger, links={**ledger.links, "R1": replace(ledger.links["R1"], cables=("K0",))})
    ends = ("AGG-1 GE0/0/2", "AGG-2 GE0/0/1")
    assert roots(night(dark(0, *ends), 60, ledger)) == ["cable K0"], "the others may yet turn out to be dark"
    assert roots(night(dark(0, *ends), 600, ledger)) == ["link R1"]
    assert roots(night([*dark(0, *ends), *lit(900, *ends)], 3600, ledger)) == ["link R1"]
