"""Ledgers that are wrong about ports and cables: what breaks is named once all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core_metro import back, dark, lit, metro, night, rows, say, silent

from netwatch.core.consistent import consistent
from netwatch.core.engine import Engine
from netwatch.core.faults.causes import scope_parts
from netwatch.core.model import Circuit, Device, Ledger, Link, Medium, Port, Role, Scope, Site
from netwatch.core.topology import Network
from netwatch.ledger import read

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
    assert consistent(ledger).ledger is ledger


def test_each_device_at_the_others_port_is_read_the_other_way_round() -> None:
    ledger = ring("A", "B", "C", "D")
    for name, link in ledger.links.items():
        assert consistent(replace(ledger, links={**ledger.links, name: exchanged(link)})).ledger.links == ledger.links


def test_the_columns_of_both_ports_exchanged_are_exchanged_back() -> None:
    rings = ring(*(f"AGG-{n}" for n in range(8)))
    spokes = {
        f"T{n}": Link(f"T{n}", Port(f"AGG-{n % 8}", f"2/{n}"), Port(f"CPE-{n}", PORTS[0]), cables=(f"KT{n}",))
        for n in range(40)
    }
    whole = replace(rings, links={**rings.links, **spokes})
    back = replace(whole, links={n: exchanged(k) for n, k in whole.links.items()})
    assert consistent(back).ledger.links == whole.links


def test_an_exchange_that_two_links_of_a_port_could_settle_is_left_as_written() -> None:
    links = {n: Link(n, Port("A", "1/1"), Port(n, "2/1")) for n in ("X", "Y")}
    ledger = Ledger(links=links)
    assert consistent(ledger).ledger is ledger


def test_a_pon_port_with_many_links_is_no_contradiction() -> None:
    links = {n: Link(n, Port("OLT", "0/1"), Port(n, "1"), medium=Medium.PON) for n in ("ONU-1", "ONU-2")}
    ledger = Ledger(links=links)
    assert consistent(ledger).ledger is ledger


def test_a_link_written_down_twice_is_one_and_routes_lead_over_it() -> None:
    ledger = ring("A", "B", "C")
    again = replace(ledger.links["A-B"], id="again", a=ledger.links["A-B"].z, z=ledger.links["A-B"].a)
    circuit = Circuit("C1", "CU1", a=Port("A", ""), z=Port("C", ""), working=("again", "B-C"), protecting=("C-A",))
    once = consistent(replace(ledger, links={**ledger.links, "again": again}, circuits={"C1": circuit})).ledger
    assert once.links == ledger.links
    assert once.circuits["C1"].working == ("A-B", "B-C")


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


def lacking(*links: str) -> Ledger:
    """The metro without some links, in routes neither."""
    ledger = metro().ledger()

    def without(way: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(i for i in way if i not in links)

    circuits = {
        c.id: replace(c, working=without(c.working), protecting=without(c.protecting)) for c in ledger.circuits.values()
    }
    return replace(ledger, links={n: k for n, k in ledger.links.items() if n not in links}, circuits=circuits)


def test_routes_that_break_off_between_two_devices_name_the_link_that_is_missing() -> None:
    found = consistent(lacking("T2"))
    assert {n: (k.a, k.z) for n, k in found.ledger.links.items() if n in found.missing} == {
        "ACC-2~AGG-2": (Port("ACC-2", ""), Port("AGG-2", ""))
    }
    assert found.missing["ACC-2~AGG-2"] == ("C3", "C4")
    assert found.ledger.circuits["C3"].working == ("L3", "ACC-2~AGG-2", "R1", "R0")
    assert found.ledger.circuits["C3"].protecting == ("L3", "ACC-2~AGG-2", "R2", "R3")


def test_a_route_may_be_written_in_any_order_and_says_no_more_for_it() -> None:
    ledger = metro().ledger()
    circuits = {
        c.id: replace(c, working=c.working[::-1], protecting=c.protecting[::-1]) for c in ledger.circuits.values()
    }
    assert consistent(replace(ledger, circuits=circuits)).missing == {}
    mixed = {c.id: replace(c, working=(*c.working[1:], *c.working[:1])) for c in ledger.circuits.values()}
    assert consistent(replace(ledger, circuits=mixed)).missing == {}


def test_one_route_that_breaks_off_between_devices_with_other_links_is_wrong_itself() -> None:
    ledger = metro().ledger()
    one = replace(ledger.circuits["C3"], working=("L3", "R0"))
    assert consistent(replace(ledger, circuits={**ledger.circuits, "C3": one})).missing == {}


def test_where_most_routes_break_off_before_their_end_nothing_is_missing() -> None:
    ledger = metro().ledger()
    short = {c.id: replace(c, working=c.working[:1], protecting=()) for c in ledger.circuits.values()}
    assert consistent(replace(ledger, circuits=short)).missing == {}


def test_a_cut_of_a_link_that_the_ledger_lacks_is_one_fault_with_all_that_it_takes_away() -> None:
    ends = ("AGG-2 GE1/0/1", "ACC-2 GE0/0/0")
    behind = ("ACC-2", "CPE-3", "CPE-4")
    run = night([*dark(0, ends[0]), *silent(20, *behind), *lit(900, *ends), *back(905, *behind)], 3600, lacking("T2"))
    assert roots(run) == ["link ACC-2~AGG-2"]
    assert [row["circuit"] for row in rows(run, "outage")] == ["C3", "C4"]
    assert len(rows(run, "ticket")) == 1


def test_both_ends_of_a_ring_link_that_the_ledger_lacks_tell_of_it() -> None:
    facts = [*dark(0, "AGG-1 GE0/0/2"), *dark(1, "AGG-2 GE0/0/1"), *lit(900, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1")]
    run = night(facts, 3600, lacking("R1"))
    assert roots(run) == ["link AGG-1~AGG-2"]
    assert not rows(run, "outage")
    assert {row["circuit"] for row in rows(run, "exposure")} >= {"C1", "C2", "C3", "C4"}


def test_a_transmitter_of_a_link_that_the_ledger_lacks_is_named_by_its_port() -> None:
    facts = [say(0, "AGG-1 GE0/0/2", "link"), *dark(0, "AGG-2 GE0/0/1")]
    assert roots(night(facts, 600, lacking("R1"))) == ["port AGG-1 GE0/0/2"]


def test_routing_that_is_lost_over_a_link_that_the_ledger_lacks_is_one_fault() -> None:
    facts = [say(0, "AGG-1 GE0/0/2", "adjacency"), say(1, "AGG-2 GE0/0/1", "adjacency")]
    run = night(facts, 600, lacking("R1"))
    assert [(row["root"]["id"], row["domain"]) for row in rows(run, "fault")] == [("AGG-1~AGG-2", "configuration")]


def test_a_port_that_nobody_knows_is_no_fault_while_nobody_else_tells_of_it() -> None:
    assert not roots(night(dark(0, "AGG-1 GE0/0/47"), 600, lacking("R1")))
    assert not roots(night(dark(0, "AGG-1 GE0/0/47"), 600))


def test_what_is_silent_together_behind_no_link_at_all_is_one_fault() -> None:
    ledger = replace(lacking("T2"), circuits={})
    run = night(silent(20, "ACC-2", "CPE-3", "CPE-4"), 600, ledger)
    assert roots(run) == ["device ACC-2"]


def test_an_onu_at_no_port_of_the_ledger_is_lost_with_those_of_the_port_that_its_olt_has_it_at() -> None:
    words = [say(n, f"OLT-1 gpon-0/0/1/ONU-{n}", "onu", source="poll") for n in range(1, 5)]
    assert roots(night(words, 600, lacking("O2"))) == ["cable FEEDER"]
    ledger = metro().ledger()
    other = replace(ledger.links["O2"], a=Port("OLT-1", "gpon-0/0/7"), cables=("ELSEWHERE",))
    assert roots(night(words, 600, replace(ledger, links={**ledger.links, "O2": other}))) == ["cable FEEDER"]


def test_planned_work_on_a_link_that_is_written_down_twice_is_work_on_that_link() -> None:
    ledger = metro().ledger()
    again = replace(ledger, links={**ledger.links, "R1-2": replace(ledger.links["R1"], id="R1-2")})
    assert scope_parts([Scope("link", "R1-2")], Network(again)) == ({"R1"}, set())


def test_netwatch_check_names_each_reading_of_a_ledger_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text("device,address\nA,192.0.2.1\nB,192.0.2.2\nC,192.0.2.3\nD,192.0.2.4\n")
    (tmp_path / "links.csv").write_text(
        "link,a_device,a_port,z_device,z_port\nL1,A,1/1,B,1/2\nL2,B,1/2,A,1/1\nL3,C,1/1,D,1/2\n"
    )
    header = "circuit,a_device,z_device,working\n"
    (tmp_path / "circuits.csv").write_text(header + "C1,A,D,L1 L3\nC2,D,A,L3 L2\n")
    told = {(f.place.rpartition("/")[2], f.what) for f in read(tmp_path)[1]}
    assert ("links.csv:3:link", "L2 joins the same two ports as L1") in told
    assert ("circuits.csv:2:working", "C1 leads from B to C, which no link joins (and 1 more)") in told
