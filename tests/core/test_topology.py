"""The graph of the ledger, held against a search that knows no shortcuts."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from core_metro import Builder, metro
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Circuit, Device, Ledger, Link, Port, Role
from netwatch.core.topology import LEAVES, Network, Reach

# ---------------------------------------------------------------- reach


def reachable(ledger: Ledger, roots: set[str], links: set[str], devices: set[str]) -> set[str]:
    """Everything that can be heard, by walking outwards from where we stand."""
    seen = {r for r in roots if r not in devices}
    queue = deque(seen)
    while queue:
        here = queue.popleft()
        if here not in roots and ledger.devices[here].role in LEAVES:
            continue  # a leaf carries nobody else's traffic
        for link in ledger.links.values():
            ends = {link.a.device, link.z.device}
            if here in ends and link.id not in links:
                for far in ends - {here}:
                    if far not in seen and far not in devices:
                        seen.add(far)
                        queue.append(far)
    return seen | roots


@st.composite
def graphs(draw: st.DrawFn, roles: tuple[Role, ...] = (Role.ACCESS, Role.AGGREGATION)) -> Ledger:
    count = draw(st.integers(2, 9))
    devices = {"D0": Device("D0", role=Role.CORE)}
    for n in range(1, count):
        devices[f"D{n}"] = Device(f"D{n}", role=draw(st.sampled_from(roles)))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14))
    links = {f"L{i}": Link(f"L{i}", Port(f"D{a}", f"a{i}"), Port(f"D{z}", f"z{i}")) for i, (a, z) in enumerate(pairs)}
    return Ledger(devices=devices, links=links)


def subset(names: list[str]) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(names), max_size=4) if names else st.just(set())


@settings(max_examples=40)
@given(graphs(), st.data())
def test_cut_off_is_what_a_walk_from_our_place_never_reaches(ledger: Ledger, data: st.DataObject) -> None:
    links = data.draw(subset(sorted(ledger.links)))
    dead = data.draw(subset(sorted(set(ledger.devices) - {"D0"})))
    net = Network(ledger)
    doors = {"D0", *net.towards("D0").doors}
    near, whole = reachable(ledger, doors - dead, links, dead), reachable(ledger, doors, set(), set())
    reach = Reach(net, "D0", links, dead)
    for device in data.draw(st.permutations(sorted(set(ledger.devices) - dead))):
        assert reach.cut_off(device) == (device in whole and device not in near), device


@settings(max_examples=40)
@given(graphs((Role.ACCESS, Role.CPE, Role.ONU)), st.data())
def test_nobody_is_heard_through_a_leaf(ledger: Ledger, data: st.DataObject) -> None:
    links = data.draw(subset(sorted(ledger.links)))
    near, whole = reachable(ledger, {"D0"}, links, set()), reachable(ledger, {"D0"}, set(), set())
    net = Network(ledger)
    for device in sorted(whole):
        connected = device in near
        assert Reach(net, "D0", links, set()).cut_off(device) == (not connected), device


@settings(max_examples=40)
@given(graphs(), st.data())
def test_what_cuts_a_device_off_is_dead_and_lets_it_back_when_it_is_mended(ledger: Ledger, data: st.DataObject) -> None:
    links = data.draw(subset(sorted(ledger.links)))
    dead = data.draw(subset(sorted(set(ledger.devices) - {"D0"})))
    net = Network(ledger)
    for device in sorted(set(ledger.devices) - dead):
        reach = Reach(net, "D0", links, dead)
        edge = reach.edge(device)
        assert bool(edge) == reach.cut_off(device)
        assert {n for k, n in edge if k == "link"} <= links
        assert {n for k, n in edge if k == "device"} <= dead
        if edge:
            others = Reach(net, "D0", {n for k, n in edge if k == "link"}, {n for k, n in edge if k == "device"})
            assert others.cut_off(device), "the edge alone cuts it off"


def test_a_leaf_carries_no_transit() -> None:
    b = Builder()
    for name, role in (("CORE", Role.CORE), ("A", Role.ACCESS), ("B", Role.ACCESS), ("CPE", Role.CPE)):
        b.device(name, role)
    b.link("CA", "CORE 1", "A 1")
    b.link("CB", "CORE 2", "B 1")
    b.link("AX", "A 2", "CPE 1")
    b.link("BX", "B 2", "CPE 2")
    reach = Reach(Network(b.ledger()), "CORE", {"CB"}, set())
    assert reach.cut_off("B"), "its customer's second uplink does not carry our polling"
    assert not reach.cut_off("CPE")
    assert not reach.cut_off("A")


def test_a_leaf_is_not_heard_by_way_of_what_hangs_behind_another_leaf() -> None:
    b = Builder()
    for name, role in (("CORE", Role.CORE), ("A", Role.ACCESS), ("CPE-1", Role.CPE), ("CPE-2", Role.CPE)):
        b.device(name, role)
    b.device("SWITCH", Role.ACCESS)
    b.link("CA", "CORE 1", "A 1")
    b.link("A1", "A 2", "CPE-1 1")
    b.link("A2", "A 3", "CPE-2 1")
    b.link("1S", "CPE-1 2", "SWITCH 1")
    b.link("2S", "CPE-2 2", "SWITCH 2")
    reach = Reach(Network(b.ledger()), "CORE", {"A2"}, set())
    assert reach.cut_off("CPE-2"), "another customer's box carries nothing for it"
    assert not reach.cut_off("SWITCH")
    assert not reach.cut_off("CPE-1")


def test_standing_at_a_leaf_we_hear_through_it() -> None:
    b = Builder()
    b.device("CPE", Role.CPE)
    b.device("A", Role.ACCESS)
    b.device("B", Role.ACCESS)
    b.link("AX", "A 1", "CPE 1")
    b.link("AB", "A 2", "B 1")
    reach = Reach(Network(b.ledger()), "CPE", {"AB"}, set())
    assert not reach.cut_off("A")
    assert reach.cut_off("B")


def test_a_device_that_was_never_connected_is_cut_off_by_nothing() -> None:
    b = metro()
    b.device("ISLAND", Role.ACCESS)
    net = Network(b.ledger())
    assert not Reach(net, "CORE-1", set(b.links), set()).cut_off("ISLAND")
    assert not Reach(Network(Ledger()), "", set(), set()).cut_off("ANY")


def test_what_no_link_leads_to_is_reached_through_the_device_that_the_rest_of_it_hangs_on() -> None:
    b = metro()
    del b.links["T1"]
    net = Network(replace(b.ledger(), circuits={}))
    assert net.towards("CORE-1").doors == {"ACC-1"}
    dead = Reach(net, "CORE-1", set(), {"ACC-1"})
    assert (dead.cut_off("ACC-1"), dead.cut_off("CPE-1"), dead.cut_off("CPE-3")) == (False, True, False)


def test_customers_that_are_linked_with_one_another_and_with_nobody_else_are_not_cut_off_by_nothing() -> None:
    b = Builder()
    b.device("CORE-1", Role.CORE)
    for name in ("CPE-1", "CPE-2"):
        b.device(name, Role.CPE)
    b.link("L", "CPE-1 GE0/0/1", "CPE-2 GE0/0/1")
    reach = Reach(Network(b.ledger()), "CORE-1", set(), set())
    assert [reach.cut_off(name) for name in ("CPE-1", "CPE-2")] == [False, False]


def test_a_ring_needs_two_cuts() -> None:
    net = Network(metro().ledger())
    assert not Reach(net, "CORE-1", {"R0"}, set()).cut_off("AGG-1")
    both = Reach(net, "CORE-1", {"R0", "R2"}, set())
    assert [both.cut_off(d) for d in ("AGG-1", "AGG-2", "ACC-1", "CPE-1", "AGG-3")] == [True, True, True, True, False]
    assert both.edge("CPE-1") == frozenset({("link", "R0"), ("link", "R2")})


@given(graphs())
def test_the_depth_is_the_number_of_hops(ledger: Ledger) -> None:
    towards = Network(ledger).towards("D0")
    depth = towards.depth
    assert depth.keys() == reachable(ledger, {"D0", *towards.doors}, set(), set())
    for link in ledger.links.values():
        a, z = depth.get(link.a.device), depth.get(link.z.device)
        assert (a is None) == (z is None)
        assert a is None or z is None or abs(a - z) <= 1


def test_without_a_named_place_we_stand_at_the_cores_and_failing_these_at_the_aggregation() -> None:
    b = metro()
    assert Network(b.ledger()).vantages("") == ("CORE-1",)
    assert Network(b.ledger()).vantages("AGG-2") == ("AGG-2",)
    assert Network(b.ledger()).vantages("GHOST") == ("CORE-1",)
    del b.devices["CORE-1"]
    assert Network(b.ledger()).vantages("") == ("AGG-1", "AGG-2", "AGG-3")
    assert Network(Ledger()).vantages("") == ()


# ---------------------------------------------------------------- names and circuits


def test_a_port_is_found_however_it_is_written_and_shown_as_the_ledger_writes_it() -> None:
    net = Network(metro().ledger())
    for name in ("GE0/0/1", "GigabitEthernet0/0/1", "gi 0/0/1"):
        assert net.links_at("AGG-1", name) == ["R0"]
        assert net.spelled("AGG-1", name) == "GE0/0/1"
    assert net.spelled("AGG-1", "Strange7") == "Strange7"
    assert net.spelled("AGG-1", "") == ""
    assert sorted(net.links_at("OLT-1", "gpon_olt-0/0/1")) == ["O1", "O2", "O3", "O4"]
    assert net.links_at("GHOST", "GE0/0/1") == []


@pytest.mark.parametrize(
    ("component", "found"),
    [
        ("gpon-0/0/1/ONU-1", ("gpon-0/0/1", "ONU-1")),
        ("x/CPE-1", ("x", "CPE-1")),
        ("gpon-0/0/1/ONU-9", None),
        ("gpon-0/0/1/AGG-1", None),
        ("gpon-0/0/1", None),
        ("/", None),
        ("", None),
    ],
)
def test_an_onu_is_recognised_behind_its_port(component: str, found: tuple[str, str] | None) -> None:
    assert Network(metro().ledger()).onu_of(component) == found


def test_the_circuits_over_a_thing_are_those_whose_routes_need_it() -> None:
    ledger = metro().ledger()
    net = Network(ledger)
    for link in ledger.links:
        need = {c.id for c in ledger.circuits.values() if link in (*c.working, *c.protecting)}
        assert set(net.over_link(link)) == need, link
    for device in ledger.devices:
        need = set()
        for c in ledger.circuits.values():
            on_way = {e.device for i in (*c.working, *c.protecting) for e in (ledger.links[i].a, ledger.links[i].z)}
            if device in on_way | {c.a.device, c.z.device}:
                need.add(c.id)
        assert set(net.over_device(device)) == need, device
    assert net.over_port("AGG-2", "gigabitethernet 0/9/9") == ["P9"]
    assert net.over_port("AGG-1", "GE0/0/1") == [], "the end of a link is no customer's port"


def test_overlays_of_overlays_ride_along_and_a_cycle_of_them_ends() -> None:
    circuits = {n: Circuit(n, over=o) for n, o in (("A", ""), ("B", "A"), ("C", "B"), ("X", "Y"), ("Y", "X"))}
    net = Network(Ledger(circuits=circuits))
    assert net.with_overlays(["A"]) == {"A", "B", "C"}
    assert net.with_overlays(["X"]) == {"X", "Y"}


def test_routes_keep_to_what_the_ledger_knows() -> None:
    b = metro()
    b.circuit("ODD", "GHOST GE1", "CORE-1", "R0 NO-SUCH-LINK")
    (route,) = Network(b.ledger()).routes(b.circuits["ODD"])
    assert route.links == ("R0",)
    assert route.devices == ("AGG-1", "CORE-1")


def test_a_leaf_that_was_found_first_carries_nothing_for_what_is_asked_later() -> None:
    b = Builder()
    b.device("CORE", Role.CORE)
    for name in ("A", "B"):
        b.device(name, Role.ACCESS)
        b.link(f"C{name}", "CORE " + name, f"{name} up", f"K{name}")
        b.link(f"D{name}", f"{name} down", f"CPE {name}", f"L{name}")
    b.device("CPE", Role.CPE)
    reach = Reach(Network(b.ledger()), "CORE", {"CB"}, set())
    assert not reach.cut_off("CPE")
    assert reach.cut_off("B")
