"""The physical model: who can be reached, which ports have light."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Ledger, Port, Role
from netwatch.demo.metro import VANTAGE, build
from netwatch.demo.plant import Act, Plant, Verb, undo

LEDGER = build()
LEAVES = {Role.CPE, Role.ONU}

acts = st.one_of(
    st.builds(Act, st.sampled_from([Verb.CUT, Verb.SPLICE]), st.sampled_from(sorted(LEDGER.cables))),
    st.builds(
        Act,
        st.sampled_from([Verb.DIE, Verb.UNPLUG, Verb.START, Verb.REBOOT, Verb.HANG, Verb.WAKE]),
        st.sampled_from(sorted(LEDGER.devices)),
    ),
    st.builds(
        Act,
        st.sampled_from([Verb.BREAK, Verb.REPLACE]),
        st.sampled_from(sorted({str(p) for x in LEDGER.links.values() for p in (x.a, x.z)})),
    ),
)


def reached(ledger: Ledger, plant: Plant) -> set[str]:
    """The same question answered the slow way: spread over live links until nothing is added any more."""
    found = {VANTAGE} - plant.off
    while True:
        more = set(found)
        for link in ledger.links.values():
            alive = not (
                set(link.cables) & plant.cut
                or {link.a.device, link.z.device} & plant.off
                or {link.a, link.z} & plant.broken
            )
            for here, there in ((link.a.device, link.z.device), (link.z.device, link.a.device)):
                if alive and here in found and ledger.devices[here].role not in LEAVES:
                    more.add(there)
        if more == found:
            return found
        found = more


@given(st.lists(acts, max_size=40))
@settings(max_examples=150, deadline=None)
def test_an_agent_answers_exactly_when_a_path_of_live_elements_leads_to_it_and_it_does_not_hang(
    what: list[Act],
) -> None:
    plant = Plant(LEDGER, VANTAGE)
    for act in what:
        plant.do(act)
    expected = reached(LEDGER, plant)
    assert plant.within_reach() == expected
    for device in LEDGER.devices:
        assert plant.answers_ping(device) == (device in expected)
        assert plant.answers_snmp(device) == (device in expected and device not in plant.hung)


@given(st.lists(acts, max_size=40))
@settings(max_examples=60, deadline=None)
def test_repairing_everything_brings_back_the_whole_network(what: list[Act]) -> None:
    plant = Plant(LEDGER, VANTAGE)
    for act in what:
        plant.do(act)
    for cable in list(plant.cut):
        plant.do(Act(Verb.SPLICE, cable))
    for device in list(plant.off):
        plant.do(Act(Verb.START, device))
    for device in list(plant.hung):
        plant.do(Act(Verb.WAKE, device))
    for port in list(plant.broken):
        plant.do(Act(Verb.REPLACE, str(port)))
    assert plant.within_reach() == set(LEDGER.devices)
    assert all(plant.lit(p) for x in LEDGER.links.values() for p in (x.a, x.z))


@given(st.lists(acts, max_size=20), acts)
@settings(max_examples=60, deadline=None)
def test_doing_the_same_twice_is_doing_it_once(what: list[Act], last: Act) -> None:
    once, twice = Plant(LEDGER, VANTAGE), Plant(LEDGER, VANTAGE)
    for act in what:
        once.do(act)
        twice.do(act)
    once.do(last)
    twice.do(last)
    twice.do(last)
    assert (once.cut, once.off, once.hung, once.broken) == (twice.cut, twice.off, twice.hung, twice.broken)
    assert once.within_reach() == twice.within_reach()


def test_a_single_cut_of_the_ring_silences_nobody_and_darkens_both_ends() -> None:
    for n in range(1, 7):
        plant = Plant(LEDGER, VANTAGE)
        plant.do(Act(Verb.CUT, f"K-RING-{n}"))
        link = LEDGER.links[f"L-R{n}"]
        assert plant.within_reach() == set(LEDGER.devices)
        assert not plant.lit(link.a)
        assert not plant.lit(link.z)


def test_a_second_cut_of_the_ring_isolates_what_lies_between() -> None:
    plant = Plant(LEDGER, VANTAGE)
    plant.do(Act(Verb.CUT, "K-RING-3"))
    plant.do(Act(Verb.CUT, "K-RING-6"))
    lost = set(LEDGER.devices) - plant.within_reach()
    assert {"AGG-3", "AGG-4", "AGG-5", "OLT-2", "TX-2", "CPE-20", "ONU-06", "PWR-4"} <= lost
    assert not lost & {"AGG-1", "AGG-2", "CORE-1", "CORE-2", "OLT-1"}


def test_a_duct_takes_all_its_links_at_once() -> None:
    plant = Plant(LEDGER, VANTAGE)
    plant.do(Act(Verb.CUT, "K-DUCT-4"))
    assert {link for link in LEDGER.links if not plant.carries(link)} == set(LEDGER.cables["K-DUCT-4"])
    assert len(LEDGER.cables["K-DUCT-4"]) == 2


def test_behind_a_media_converter_the_customers_port_stays_up_when_the_fibre_is_cut() -> None:
    plant = Plant(LEDGER, VANTAGE)
    plant.do(Act(Verb.CUT, "K-T03"))
    (cpe,) = plant.ports("CPE-03")
    assert plant.lit(cpe)
    assert not plant.answers_ping("CPE-03")


def test_a_pon_port_is_up_while_one_of_its_onus_is() -> None:
    plant = Plant(LEDGER, VANTAGE)
    port = Port("OLT-1", "GPON 0/1/0")
    plant.do(Act(Verb.UNPLUG, "ONU-01"))
    assert plant.lit(port)
    plant.do(Act(Verb.CUT, "K-PON-1-1"))
    assert not plant.lit(port)
    assert [online for at, _, online in plant.pon("OLT-1") if at == port] == [False, False, False]


def test_customers_boxes_forward_nothing() -> None:
    plant = Plant(LEDGER, VANTAGE)
    plant.do(Act(Verb.CUT, "K-ACC-1"))
    assert plant.answers_ping("CPE-01"), "its second tail still leads to it"
    assert not plant.answers_ping("ACC-1"), "but not through it"


def test_an_unknown_target_is_an_error() -> None:
    plant = Plant(LEDGER, VANTAGE)
    for act in (Act(Verb.CUT, "K-NONE"), Act(Verb.DIE, "X"), Act(Verb.BREAK, "ACC-1 nowhere")):
        with pytest.raises(KeyError):
            plant.do(act)
    with pytest.raises(ValueError, match="no device"):
        Plant(LEDGER, "NOWHERE")


def test_every_trouble_has_its_repair() -> None:
    for verb in (Verb.CUT, Verb.BREAK, Verb.DIE, Verb.UNPLUG, Verb.HANG):
        target = {Verb.CUT: "K-T02", Verb.BREAK: "CPE-02 GigabitEthernet0/0/1"}.get(verb, "CPE-02")
        plant = Plant(LEDGER, VANTAGE)
        plant.do(Act(verb, target))
        plant.do(undo(Act(verb, target)))
        assert [*plant.cut, *plant.off, *plant.hung, *plant.broken] == []
    with pytest.raises(KeyError):
        undo(Act(Verb.SPLICE, "K-T02"))
