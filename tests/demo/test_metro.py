"""The invented city is a proper ledger."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netwatch.config import load
from netwatch.core.model import Circuit, Ledger, Medium, Role
from netwatch.demo.folder import Settings, write_site
from netwatch.demo.metro import build
from netwatch.ledger import read

LEDGER = build()
TEAM_CHANNELS = ("noc", *(channel for team in LEDGER.teams.values() for channel in team.channels))


def walk(ledger: Ledger, circuit: Circuit, route: tuple[str, ...]) -> str:
    """Follow the route link by link from the A end; where it comes out."""
    here = circuit.a.device
    for name in route:
        link = ledger.links[name]
        assert here in (link.a.device, link.z.device), f"{circuit.id}: {name} does not go on from {here}"
        here = link.z.device if here == link.a.device else link.a.device
    return here


def test_it_has_sixty_devices_and_forty_circuits_of_every_class_and_product() -> None:
    assert len(LEDGER.devices) == 60
    assert len(LEDGER.circuits) == 40
    assert {c.assurance for c in LEDGER.circuits.values()} == {"AAA", "AA", "A", "standard"}
    assert {c.product for c in LEDGER.circuits.values()} == {"internet", "data", "voice", "vpn", "apn", "ipshop"}


def test_every_route_leads_from_one_end_of_its_circuit_to_the_other() -> None:
    for circuit in LEDGER.circuits.values():
        if circuit.over:
            assert circuit.over in LEDGER.circuits
            continue
        assert walk(LEDGER, circuit, circuit.working) == circuit.z.device
        if circuit.protecting:
            assert walk(LEDGER, circuit, circuit.protecting) == circuit.z.device


def test_the_middle_span_of_the_ring_carries_protecting_routes_only() -> None:
    using = [c for c in LEDGER.circuits.values() if "L-R3" in c.working]
    assert not using
    assert sum("L-R3" in c.protecting for c in LEDGER.circuits.values()) > 5


def test_every_aaa_circuit_is_protected() -> None:
    for circuit in LEDGER.circuits.values():
        if circuit.assurance == "AAA":
            assert circuit.protecting or LEDGER.circuits[circuit.over].protecting


def test_records_refer_only_to_what_exists() -> None:
    for device in LEDGER.devices.values():
        assert device.site in LEDGER.sites
    for link in LEDGER.links.values():
        assert {link.a.device, link.z.device} <= set(LEDGER.devices)
    for circuit in LEDGER.circuits.values():
        assert circuit.customer in LEDGER.customers
        assert {*circuit.working, *circuit.protecting} <= set(LEDGER.links)
    for site in LEDGER.sites.values():
        assert site.region in {r for t in LEDGER.teams.values() for r in t.regions}


def test_each_port_belongs_to_one_link_except_where_fibre_is_split() -> None:
    ends = Counter(p for x in LEDGER.links.values() for p in (x.a, x.z) if x.medium is not Medium.PON)
    assert set(ends.values()) == {1}


def test_addresses_are_loopback_and_each_is_used_once() -> None:
    addresses = [d.address for d in LEDGER.devices.values() if d.address]
    assert len(addresses) == len(set(addresses))
    assert all(a.startswith("127.") for a in addresses)
    assert all(bool(d.address) == (d.managed and d.role is not Role.ONU) for d in LEDGER.devices.values())


def test_names_of_customers_appear_nowhere_but_in_the_customers_own_record() -> None:
    names = [part for c in LEDGER.customers.values() for part in c.name.split(" ") if len(part) > 3]
    others = [*(d.name for d in LEDGER.devices.values()), *(s.name for s in LEDGER.sites.values())]
    assert not [(n, o) for n in names for o in others if n in o]


def test_the_folder_that_is_written_is_the_same_ledger_and_passes_every_check(tmp_path: Path) -> None:
    for name, settings in (
        ("beside", Settings("127.0.0.1:8081", "127.0.0.1:10162", 10161)),
        (
            "own",
            Settings("127.0.0.1:0", "127.0.0.1:0", 10161, 3600, dict.fromkeys(TEAM_CHANNELS, "http://127.0.0.1:1/x")),
        ),
    ):
        path = write_site(LEDGER, tmp_path / name, settings)
        config = load(path)
        found, warnings = read(config.paths.ledger, config)
        assert found == LEDGER
        assert warnings == []
        assert config.site.vantage == "CORE-1"
        assert write_site(LEDGER, tmp_path / name, settings) == path, "writing again is no error"
