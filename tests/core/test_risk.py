"""Both routes in one duct, one building, on one feed: told before it bites."""

from __future__ import annotations

from core_metro import Builder

from netwatch.core.model import Role
from netwatch.core.risk import shared
from netwatch.core.topology import Network


def two_ways(**sites: str) -> Builder:
    """CPE to CORE over LEFT and over RIGHT; what is given says at which site and on which feed they stand."""
    b = Builder()
    for name, feed in sites.items():
        b.site(name, feed=feed)
    b.device("CORE", Role.CORE, "HOME")
    b.device("CPE", Role.CPE, "DOOR")
    left, right = (list(sites) + list(sites))[:2] if sites else ("", "")
    b.device("LEFT", Role.ACCESS, left)
    b.device("RIGHT", Role.ACCESS, right)
    return b


def risks(b: Builder) -> list[tuple[str, str]]:
    return [(r.kind, r.id) for r in shared(Network(b.ledger()))]


def wired(b: Builder, *cables: str) -> Builder:
    b.link("L1", "CPE 1", "LEFT 1", cables[0])
    b.link("L2", "LEFT 2", "CORE 1", cables[1])
    b.link("R1", "CPE 2", "RIGHT 1", cables[2])
    b.link("R2", "RIGHT 2", "CORE 2", cables[3])
    b.circuit("C", "CPE", "CORE", "L1 L2", "R1 R2", assurance="AAA")
    return b


def test_routes_that_share_nothing_but_their_ends_are_no_risk() -> None:
    assert risks(wired(two_ways(A="F1", B="F2"), "K1", "K2", "K3", "K4")) == []


def test_one_duct_under_two_links_is_told() -> None:
    assert risks(wired(two_ways(A="F1", B="F2"), "K1", "DUCT", "K3", "DUCT")) == [("cable", "DUCT")]


def test_one_building_is_told_and_its_feed_is_not_told_again() -> None:
    assert risks(wired(two_ways(A="F1"), "K1", "K2", "K3", "K4")) == [("site", "A")]


def test_two_buildings_on_one_feed_are_told() -> None:
    assert risks(wired(two_ways(A="F1", B="F1"), "K1", "K2", "K3", "K4")) == [("feed", "F1")]


def test_a_link_and_a_device_on_both_routes_are_told_and_their_cable_is_not() -> None:
    b = two_ways(A="F1", B="F2")
    b.device("GATE", Role.ACCESS, "G")
    b.link("L0", "CPE 1", "GATE 1", "K0")
    b.link("L1", "GATE 2", "LEFT 1", "K1")
    b.link("L2", "LEFT 2", "CORE 1", "K2")
    b.link("R1", "GATE 3", "RIGHT 1", "K3")
    b.link("R2", "RIGHT 2", "CORE 2", "K4")
    b.circuit("C", "CPE", "CORE", "L0 L1 L2", "L0 R1 R2")
    assert risks(b) == [("link", "L0"), ("device", "GATE")]


def test_what_rides_on_a_protected_circuit_has_no_other_protection_and_is_told_with_it() -> None:
    b = wired(two_ways(A="F1", B="F2"), "K1", "DUCT", "K3", "DUCT")
    b.circuit("VPN", "CPE", "CORE", "", over="C", assurance="AAA")
    b.circuit("VOICE", "CPE", "CORE", "", over="VPN", assurance="A")
    found = [(r.circuit, r.id, r.assurance) for r in shared(Network(b.ledger()))]
    assert found == [("C", "DUCT", "AAA"), ("VOICE", "DUCT", "A"), ("VPN", "DUCT", "AAA")]


def test_a_circuit_without_protection_has_none_to_lose() -> None:
    b = two_ways(A="F1")
    b.link("L1", "CPE 1", "LEFT 1", "K")
    b.link("L2", "LEFT 2", "CORE 1", "K")
    b.circuit("C", "CPE", "CORE", "L1 L2")
    assert risks(b) == []
