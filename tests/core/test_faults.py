"""One cause behind many alarms: each kind of root, on a metro small enough to foresee."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from core_metro import at, back, dark, explained, lit, metro, say, silent
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.faults.causes import Cause, Planned, Rival, runners_up
from netwatch.core.model import Domain, Ledger, Medium, Observation, Role, Root, RootKind, Scope

ONUS = [f"ONU-{n}" for n in range(1, 5)]
ALL_CPE = [f"CPE-{n}" for n in range(1, 5)]
EVERYBODY = ["AGG-1", "AGG-2", "AGG-3", "ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4", "OLT-1"]


def roots(causes: list[Cause]) -> list[str]:
    return [str(c.root) for c in causes]


def onu(seconds: float, *names: str, state: str = "bad", condition: str = "onu") -> list[Observation]:
    return [say(seconds, f"OLT-1 gpon-0/0/1/{n}", condition, state, "poll") for n in names]


CASES: dict[str, tuple[list[Observation], list[str], Domain]] = {
    "a span of the ring": (dark(0, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"), ["cable K0"], Domain.CABLE),
    "a tail cable, with all that hangs on it silent": (
        [*dark(0, "AGG-1 GE1/0/1"), *silent(9, "ACC-1", "CPE-1", "CPE-2")],
        ["cable KT1"],
        Domain.CABLE,
    ),
    "silence told before the light": (
        [*silent(0, "CPE-2", "ACC-1", "CPE-1"), *dark(50, "AGG-1 GE1/0/1")],
        ["cable KT1"],
        Domain.CABLE,
    ),
    "two links through one duct": (
        [*dark(0, "AGG-2 GE1/0/1", "ACC-2 GE0/0/0"), *dark(1, "ACC-2 GE0/1/3", "CPE-3 GE0/0/1"), *silent(30, "CPE-3")],
        ["cable DUCT"],
        Domain.CABLE,
    ),
    "a link that the ledger has in no cable": (dark(0, "CONV-4 E", "CPE-4 GE0/0/1"), ["link L4B"], Domain.CABLE),
    "a transmitter": (
        [say(0, "CORE-1 GE0/0/1", "link"), *dark(0, "AGG-1 GE0/0/1")],
        ["port CORE-1 GE0/0/1"],
        Domain.EQUIPMENT,
    ),
    "a device of the ring": (
        [*silent(10, "AGG-2", "ACC-2", "CPE-3", "CPE-4"), *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1")],
        ["device AGG-2"],
        Domain.EQUIPMENT,
    ),
    "a device that is silent though nothing on the way is broken": (
        silent(0, "AGG-2"),
        ["device AGG-2"],
        Domain.EQUIPMENT,
    ),
    "a customer's power, by its own word": (
        [say(0, "CPE-1", "dying_gasp"), *dark(1, "ACC-1 GE0/1/1"), *silent(30, "CPE-1")],
        ["premises CPE-1"],
        Domain.PREMISES,
    ),
    "a customer's equipment that only falls silent": (silent(0, "CPE-1"), ["premises CPE-1"], Domain.PREMISES),
    "a customer behind a converter that nobody polls": (silent(0, "CPE-4"), ["premises CPE-4"], Domain.PREMISES),
    "the cable before such a converter": (
        [*dark(0, "ACC-2 GE0/1/4"), *silent(30, "CPE-4")],
        ["cable KL4"],
        Domain.CABLE,
    ),
    "mains, with the site's device dead": (
        [say(0, "ACC-1", "mains"), *silent(600, "ACC-1", "CPE-1", "CPE-2"), *dark(595, "AGG-1 GE1/0/1")],
        ["power S-ACC-1"],
        Domain.POWER,
    ),
    "mains alone": ([say(0, "ACC-1", "mains")], ["power S-ACC-1"], Domain.POWER),
    "mains of two sites on one feed": (
        [say(0, "ACC-1", "mains"), say(3, "ACC-2", "mains")],
        ["power F-1"],
        Domain.POWER,
    ),
    "the last word of an access device": (
        [say(0, "ACC-1", "dying_gasp"), *dark(1, "AGG-1 GE1/0/1"), *silent(20, "ACC-1", "CPE-1", "CPE-2")],
        ["power S-ACC-1"],
        Domain.POWER,
    ),
    "a PON feeder": ([*onu(0, *ONUS), say(0, "OLT-1 gpon-0/0/1", "los")], ["cable FEEDER"], Domain.CABLE),
    "a PON feeder with one message lost": (
        [*onu(0, *ONUS[:3]), say(0, "OLT-1 gpon-0/0/1", "los")],
        ["cable FEEDER"],
        Domain.CABLE,
    ),
    "a PON port": (
        [*onu(0, *ONUS), say(0, "OLT-1 gpon-0/0/1", "link")],
        ["port OLT-1 gpon-0/0/1"],
        Domain.EQUIPMENT,
    ),
    "one ONU": (onu(0, "ONU-2"), ["premises ONU-2"], Domain.PREMISES),
    "one ONU, by its own word": (onu(0, "ONU-2", condition="dying_gasp"), ["premises ONU-2"], Domain.PREMISES),
    "the uplink of an OLT": (
        [*dark(0, "AGG-3 GE1/0/1"), *silent(20, "OLT-1")],
        ["cable KO"],
        Domain.CABLE,
    ),
    "an agent": ([say(0, "AGG-1", "agent")], ["agent AGG-1"], Domain.MANAGEMENT),
    "a port that an operator took down": (
        [say(0, "AGG-1 GE1/0/1", "admin"), *silent(20, "ACC-1", "CPE-1", "CPE-2")],
        ["port AGG-1 GE1/0/1"],
        Domain.CONFIGURATION,
    ),
    "routing alone": ([say(0, "AGG-1 GE0/0/1", "adjacency")], ["link R0"], Domain.CONFIGURATION),
    "a customer's port without a link": (
        [say(0, "AGG-2 GE0/9/9", "link")],
        ["port AGG-2 GE0/9/9"],
        Domain.EQUIPMENT,
    ),
    "our own blindness": (silent(0, *EVERYBODY), ["management"], Domain.MANAGEMENT),
    "our own place silent with others": (silent(0, "CORE-1", "AGG-1"), ["management"], Domain.MANAGEMENT),
}


@pytest.mark.parametrize("name", CASES)
def test_one_cause_is_found_for(name: str) -> None:
    facts, expected, domain = CASES[name]
    causes = explained(facts)
    assert roots(causes) == expected
    assert causes[0].domain is domain
    assert causes[0].reason


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_facts_of_one_moment_and_their_repetition_do_not_matter(name: str) -> None:
    facts, expected, _ = CASES[name]
    for seed in range(4):
        shuffled = [*facts, *facts]
        random.Random(seed).shuffle(shuffled)
        assert roots(explained(shuffled)) == expected


@pytest.mark.parametrize("name", [n for n in CASES if n != "our own place silent with others"])
def test_where_nobody_said_where_we_stand_it_is_found_from_the_core(name: str) -> None:
    facts, expected, _ = CASES[name]
    assert roots(explained(facts, vantage="")) == expected


@pytest.mark.parametrize("name", CASES)
def test_what_a_cause_explains_is_all_that_was_heard(name: str) -> None:
    facts, _, _ = CASES[name]
    heard = {("device", f.device) for f in facts if f.condition == "reachable"}
    (cause,) = explained(facts)
    assert heard <= cause.elements | cause.explains


# ---------------------------------------------------------------- two things at once


def test_two_spans_of_a_ring_are_two_causes_and_what_lies_between_follows() -> None:
    island = ["AGG-1", "AGG-2", "ACC-1", "ACC-2", "CPE-1", "CPE-2", "CPE-3", "CPE-4"]
    facts = [*dark(0, "CORE-1 GE0/0/1"), *dark(600, "AGG-3 GE0/0/1"), *silent(620, *island)]
    causes = explained(facts)
    assert roots(causes) == ["cable K0", "cable K2"]
    assert {d for _, d in causes[1].explains} == set(island), "the second cut brought it about"


def test_a_customer_who_dies_beside_a_cut_elsewhere_is_a_cause_of_its_own() -> None:
    facts = [*dark(0, "AGG-2 GE1/0/1"), *silent(20, "ACC-2", "CPE-3", "CPE-4"), *silent(20, "CPE-1")]
    assert roots(explained(facts)) == ["cable KT2", "premises CPE-1"]


def test_a_silence_much_older_than_the_cut_that_now_explains_it_has_its_own_cause() -> None:
    facts = [*silent(0, "CPE-1"), *dark(4000, "AGG-1 GE1/0/1"), *silent(4020, "ACC-1", "CPE-2")]
    assert roots(explained(facts)) == ["premises CPE-1", "cable KT1"]


def test_links_of_one_duct_that_went_dark_at_different_times_are_different_causes() -> None:
    facts = [*dark(0, "AGG-2 GE1/0/1", "ACC-2 GE0/0/0"), *dark(500, "ACC-2 GE0/1/3", "CPE-3 GE0/0/1")]
    assert len(explained(facts)) == 2


def test_a_duct_with_many_links_in_good_light_is_not_the_cause_of_two() -> None:
    b = metro()
    for n in range(10, 20):
        b.device(f"CPE-{n}", Role.CPE)
        b.link(f"L{n}", f"ACC-2 GE0/2/{n}", f"CPE-{n} GE0/0/1", "DUCT")
    facts = [*dark(0, "AGG-1 GE1/0/1", "ACC-1 GE0/0/0"), *dark(0, "ACC-2 GE0/1/3", "CPE-3 GE0/0/1")]
    assert "cable DUCT" not in roots(explained(facts, b.ledger()))


def test_devices_of_one_room_that_die_together_lost_their_power() -> None:
    b = metro()
    b.device("ACC-1B", Role.ACCESS, "S-ACC-1")
    b.link("T1B", "AGG-1 GE1/0/2", "ACC-1B GE0/0/0", "KT1B")
    b.link("T1C", "AGG-2 GE1/0/2", "ACC-1B GE0/0/1", "KT1C")
    b.link("T1D", "AGG-2 GE1/0/3", "ACC-1 GE0/0/9", "KT1D")
    lost = dark(0, "AGG-1 GE1/0/1", "AGG-1 GE1/0/2", "AGG-2 GE1/0/2", "AGG-2 GE1/0/3")
    causes = explained([*lost, *silent(9, "ACC-1", "ACC-1B", "CPE-1", "CPE-2")], b.ledger())
    assert roots(causes) == ["power S-ACC-1"]


def test_a_feeder_and_one_onu_that_lost_its_power_before_are_two_causes() -> None:
    facts = [
        *onu(0, "ONU-1", condition="dying_gasp"),
        *onu(0, "ONU-1"),
        *onu(5000, "ONU-2", "ONU-3", "ONU-4"),
        say(5000, "OLT-1 gpon-0/0/1", "los"),
    ]
    assert roots(explained(facts)) == ["premises ONU-1", "cable FEEDER"]


def test_two_onus_of_four_are_two_customers_and_no_feeder() -> None:
    assert roots(explained(onu(0, "ONU-1", "ONU-3"))) == ["premises ONU-1", "premises ONU-3"]


def test_an_agent_that_hangs_does_not_hide_that_its_device_is_lost_later() -> None:
    facts = [
        say(0, "AGG-2", "agent"),
        *silent(300, "AGG-2", "ACC-2", "CPE-3", "CPE-4"),
        *dark(300, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1"),
    ]
    assert "device AGG-2" in roots(explained(facts))


def test_ports_of_one_card_that_fail_while_they_still_receive_are_its_device() -> None:
    lost = [say(0, f"ACC-1 GE0/1/{n}", "link", "bad", "poll") for n in (1, 2)]
    (cause,) = explained([*lost, *silent(20, "CPE-1", "CPE-2")])
    assert str(cause.root) == "device ACC-1"
    assert set(cause.dead) == {("link", "L1"), ("link", "L2")}, "the device itself lives, and so does its uplink"


def test_ports_of_one_card_that_lost_their_light_are_as_many_cables() -> None:
    facts = [*dark(0, "ACC-1 GE0/1/1", "ACC-1 GE0/1/2"), *silent(20, "CPE-1", "CPE-2")]
    assert roots(explained(facts)) == ["cable KL1", "cable KL2"]


def test_a_port_that_an_operator_took_down_also_explains_that_its_far_end_is_dark() -> None:
    facts = [say(0, "AGG-1 GE0/0/2", "admin"), *dark(2, "AGG-2 GE0/0/1")]
    (cause,) = explained(facts)
    assert (str(cause.root), cause.domain) == ("port AGG-1 GE0/0/2", Domain.CONFIGURATION)


def test_ais_is_folded_under_the_loss_of_light_further_on() -> None:
    facts = [*dark(0, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"), say(1, "AGG-2 GE0/0/1", "ais")]
    (cause,) = explained(facts)
    assert str(cause.root) == "cable K0"
    assert ("ais", "R1") in cause.explains
    assert set(cause.dead) == {("link", "R0")}, "the link that passes AIS on is well"


def test_rdi_is_folded_under_the_end_that_lost_light_and_alone_tells_of_a_defect_that_nobody_watches() -> None:
    rdi = say(1, "AGG-1 GE0/0/2", "rdi")
    (cause,) = explained([*dark(0, "AGG-2 GE0/0/1"), rdi])
    assert str(cause.root) == "cable K1"
    assert ("rdi", "R1") in cause.explains
    (alone,) = explained([rdi])
    assert (str(alone.root), alone.confidence) == ("link R1", 0.5)
    assert "nothing of it arrives" in alone.reason


def test_ais_alone_tells_of_a_defect_that_nobody_watches() -> None:
    (cause,) = explained([say(0, "AGG-2 GE0/0/1", "ais")])
    assert str(cause.root) == "link R1"
    assert cause.confidence == 0.5


def test_a_room_without_batteries_goes_with_the_one_on_its_feed_that_said_so() -> None:
    facts = [
        say(0, "ACC-1", "mains"),
        *dark(1, "AGG-2 GE1/0/1"),
        *silent(20, "ACC-2", "CPE-3", "CPE-4"),
    ]
    (cause,) = explained(facts)
    assert str(cause.root) == "power F-1"
    assert ("device", "ACC-2") in cause.dead


def test_rooms_of_one_feed_that_go_dark_together_without_a_word_lost_their_power() -> None:
    facts = [*dark(1, "AGG-1 GE1/0/1", "AGG-2 GE1/0/1"), *silent(20, "ACC-1", "ACC-2", *ALL_CPE)]
    assert roots(explained(facts)) == ["power F-1"]


def test_rooms_of_one_feed_that_go_dark_together_and_come_back_apart_are_two_failures() -> None:
    facts = [
        *dark(1, "AGG-1 GE1/0/1", "AGG-2 GE1/0/1"),
        *silent(20, "ACC-1", "ACC-2", *ALL_CPE),
        *lit(900, "AGG-1 GE1/0/1"),
        *back(905, "ACC-1", "CPE-1", "CPE-2"),
    ]
    assert roots(explained(facts)) == ["cable KT1", "cable KT2"]


def test_rooms_of_one_feed_that_one_duct_reaches_may_as_well_have_lost_the_duct() -> None:
    b = metro()
    b.link("T1", "AGG-1 GE1/0/1", "ACC-1 GE0/0/0", "KT1", "DUCT")
    facts = [*dark(1, "AGG-1 GE1/0/1", "AGG-2 GE1/0/1"), *silent(20, "ACC-1", "ACC-2", *ALL_CPE)]
    assert roots(explained(facts, b.ledger())) == ["cable DUCT"]


def test_mains_of_two_rooms_that_fail_hours_apart_are_two_failures() -> None:
    facts = [
        say(0, "ACC-1", "mains"),
        say(600, "ACC-1", "mains", "ok", "poll"),
        say(9000, "ACC-2", "mains"),
    ]
    assert roots(explained(facts)) == ["power S-ACC-1", "power S-ACC-2"]


def fed(*customers: int) -> Ledger:
    """The metro with these ONUs' homes on one feed."""
    b = metro()
    for n in customers:
        b.site(f"P-O{n}", feed="F-HOMES")
    return b.ledger()


def test_customers_of_one_feed_whose_boxes_all_say_that_their_power_goes_lost_the_feed() -> None:
    gasps = onu(0, *ONUS, condition="dying_gasp")
    (cause,) = explained([*gasps, *onu(5, *ONUS)], fed(1, 2, 3, 4))
    assert (str(cause.root), cause.domain) == ("power F-HOMES", Domain.POWER)
    assert "4 of them said so" in cause.reason
    assert len(explained(gasps)) == 4, "of homes whose feed nobody wrote down each is its own"


def test_two_customers_of_a_feed_who_switch_off_at_once_while_the_others_are_well_are_two_customers() -> None:
    gasps = onu(0, "ONU-1", "ONU-2", condition="dying_gasp")
    assert roots(explained(gasps, fed(1, 2, 3, 4))) == ["premises ONU-1", "premises ONU-2"]


def test_a_customer_who_switches_off_an_hour_before_the_feed_fails_is_a_cause_of_its_own() -> None:
    early = onu(0, "ONU-1", condition="dying_gasp")
    late = onu(3600, "ONU-2", "ONU-3", "ONU-4", condition="dying_gasp")
    assert roots(explained([*early, *late], fed(1, 2, 3, 4))) == ["premises ONU-1", "power F-HOMES"]


def test_a_room_of_the_feed_in_which_nothing_stands_is_nobodys_proof() -> None:
    b = metro()
    b.site("S-EMPTY", feed="F-1")
    assert roots(explained([say(0, "ACC-1", "mains")], b.ledger())) == ["power S-ACC-1"]


def test_a_converter_loses_its_power_with_the_customers_box_in_its_room() -> None:
    facts = [say(0, "CPE-4", "dying_gasp"), *dark(1, "ACC-2 GE0/1/4"), *silent(30, "CPE-4")]
    assert roots(explained(facts)) == ["premises CPE-4"]


def test_a_converter_that_nobody_asks_is_told_by_both_of_its_neighbours() -> None:
    b = metro()
    b.link("L4X", "CPE-4 GE0/0/9", "ACC-1 GE0/1/9", "KL4X")
    ends = [*dark(0, "ACC-2 GE0/1/4"), say(2, "CPE-4 GE0/0/1", "link")]
    (cause,) = explained(ends, b.ledger())
    assert str(cause.root) == "premises CONV-4"
    assert set(cause.dead) == {("link", "L4"), ("link", "L4B")}
    assert roots(explained(ends[:2], b.ledger())) == ["cable KL4"], "the customer's side is well"
    hours_later = say(9000, "CPE-4 GE0/0/1", "link")
    assert roots(explained([*dark(0, "ACC-2 GE0/1/4"), hours_later], b.ledger())) == ["cable KL4", "link L4B"]


def converters() -> Ledger:
    """ACC-1 and a router beyond two converters and the cable KC between them, which nobody asks."""
    b = metro()
    b.device("FAR", Role.ACCESS, "S-FAR")
    b.link("TF", "AGG-3 GE1/0/7", "FAR GE0/0/0", "KF")
    for n in (1, 2):
        b.device(f"BOX-{n}", Role.CONVERTER, f"S-BOX-{n}", managed=False, address="")
    b.link("X1", "ACC-1 GE0/2/1", "BOX-1 E", medium=Medium.COPPER)
    b.link("X2", "BOX-1 F", "BOX-2 F", "KC")
    b.link("X3", "BOX-2 E", "FAR GE0/2/1", medium=Medium.COPPER)
    return b.ledger()


def test_of_two_converters_and_their_fibre_that_fall_as_one_the_fibre_is_named_where_a_crew_tests_all_three() -> None:
    (cause,) = explained([say(0, "ACC-1 GE0/2/1", "link"), say(1, "FAR GE0/2/1", "link")], converters())
    assert str(cause.root) == "cable KC"
    assert {str(r.root) for r in cause.rivals if r.equal} == {"premises BOX-1", "premises BOX-2"}


def test_who_is_silent_behind_boxes_that_nobody_asks_may_be_silent_because_of_them() -> None:
    (cause,) = explained(silent(0, "CPE-4"))
    assert str(cause.root) == "premises CPE-4"
    assert {str(r.root) for r in cause.rivals if r.equal} == {"premises CONV-4"}


def test_a_neighbour_whose_agent_hangs_is_no_witness() -> None:
    b = metro()
    b.link("T1X", "AGG-2 GE1/0/9", "ACC-1 GE0/0/9", "KX")
    b.link("T1Y", "AGG-3 GE1/0/9", "ACC-1 GE0/0/8", "KY")
    lost = dark(0, "AGG-1 GE1/0/1", "AGG-3 GE1/0/9")
    gone = silent(20, "ACC-1", "CPE-1", "CPE-2")
    assert roots(explained([say(-900, "AGG-2", "agent"), *lost, *gone], b.ledger())) == ["agent AGG-2", "device ACC-1"]


def test_of_many_neighbours_one_may_have_said_nothing() -> None:
    b = metro()
    for n, k in enumerate(("KX", "KY", "KZ")):
        b.link(f"TX{n}", f"AGG-3 GE1/1/{n}", f"ACC-1 GE0/1/1{n}", k)
    lost = dark(0, "AGG-1 GE1/0/1", "AGG-3 GE1/1/0", "AGG-3 GE1/1/1")
    assert roots(explained([*lost, *silent(20, "ACC-1", "CPE-1", "CPE-2")], b.ledger())) == ["device ACC-1"]


def test_a_device_whose_silence_polls_found_late_died_when_its_neighbours_lost_their_ports() -> None:
    lost = [*dark(0, "CORE-1 GE0/0/1"), *dark(2, "AGG-2 GE0/0/1")]
    assert roots(explained([*lost, *silent(31, "ACC-1", "CPE-1"), *silent(190, "AGG-1")])) == ["device AGG-1"]


def test_a_device_that_two_cuts_cut_off_one_after_the_other_is_not_dead() -> None:
    lost = [*dark(0, "CORE-1 GE0/0/1"), *dark(200, "AGG-2 GE0/0/1")]
    assert roots(explained([*lost, *silent(390, "AGG-1", "ACC-1", "CPE-1")])) == ["cable K0", "cable K1"]


def test_what_polls_find_silent_between_two_flaps_of_a_link_is_its_doing() -> None:
    flaps = [f for n in range(6) for f in (*dark(40 * n, "ACC-1 GE0/1/1"), *lit(40 * n + 15, "ACC-1 GE0/1/1"))]
    assert roots(explained([*flaps, *silent(300, "CPE-1"), *back(360, "CPE-1")])) == ["cable KL1"]


def test_customers_boxes_in_a_row_follow_from_the_first_that_dies() -> None:
    b = metro()
    b.device("CPE-1B", Role.CPE)
    b.device("CPE-1C", Role.CPE)
    b.link("L1B", "CPE-1 GE0/0/2", "CPE-1B GE0/0/1", "KL1B")
    b.link("L1C", "CPE-1B GE0/0/2", "CPE-1C GE0/0/1", "KL1C")
    assert roots(explained(silent(0, "CPE-1", "CPE-1B", "CPE-1C"), b.ledger())) == ["premises CPE-1"]
    assert roots(explained(silent(0, "CPE-1C"), b.ledger())) == ["premises CPE-1C"]


def test_what_a_second_cut_hides_stays_on_the_first_until_that_is_mended() -> None:
    facts = [
        *dark(0, "AGG-1 GE1/0/1"),
        *silent(20, "ACC-1", "CPE-1", "CPE-2"),
        *lit(2000, "AGG-1 GE1/0/1"),
        *back(2010, "ACC-1", "CPE-2"),
        *dark(2020, "ACC-1 GE0/1/1"),
    ]
    assert roots(explained(facts)) == ["cable KT1", "cable KL1"], "silent since the first cut, and nothing of its own"


# ---------------------------------------------------------------- the runners-up


def test_a_stub_without_a_last_word_is_told_as_its_cable_that_cannot_be_told_from_it() -> None:
    (cause,) = explained([*dark(0, "ACC-1 GE0/1/1"), *silent(20, "CPE-1")])
    assert str(cause.root) == "cable KL1", "the crew at the customer's end tests both"
    (rival,) = cause.rivals
    assert (str(rival.root), rival.equal) == ("premises CPE-1", True)
    assert "premises CPE-1 looks the same" in cause.against


def test_runners_up_are_told_with_what_speaks_against_them() -> None:
    facts = [*dark(0, "AGG-2 GE1/0/1", "ACC-2 GE0/0/0"), *back(5, "ACC-2")]
    (cause,) = explained(facts)
    assert str(cause.root) == "cable KT2"
    assert {str(r.root): r.equal for r in cause.rivals} == {"cable DUCT": False}
    assert "1 links through it are well" in cause.against


def test_light_that_one_end_alone_misses_may_be_the_far_transmitters_or_one_fibre() -> None:
    (cause,) = explained(dark(0, "AGG-1 GE0/0/2"))
    assert str(cause.root) == "cable K1"
    assert {str(r.root) for r in cause.rivals if r.equal} == {"port AGG-2 GE0/0/1"}
    (both,) = explained(dark(0, "AGG-1 GE0/0/2", "AGG-2 GE0/0/1"))
    assert not both.rivals, "both ends miss light: no transmitter does that"
    (deaf,) = explained([*dark(0, "AGG-1 GE0/0/2"), say(-900, "AGG-2", "agent")])[1:]
    assert not deaf.rivals, "its agent hangs: it could not have told"


def test_a_dead_device_is_told_with_the_cuts_that_would_each_leave_something_unexplained() -> None:
    facts = [*silent(10, "AGG-2", "ACC-2", "CPE-3", "CPE-4"), *dark(0, "AGG-1 GE0/0/2", "AGG-3 GE0/0/1")]
    (cause,) = explained(facts)
    assert {str(r.root): r.equal for r in cause.rivals} == {"cable K1": False, "cable K2": False}


def test_what_is_beyond_a_customers_port_cannot_be_told_from_the_port() -> None:
    (cause,) = explained([say(0, "AGG-2 GE0/9/9", "link")])
    assert [(str(r.root), r.equal) for r in cause.rivals] == [("circuit P9", True)]


def test_who_told_of_his_own_dark_port_was_alive_then() -> None:
    island = ["AGG-1", "AGG-2", "ACC-1", "ACC-2", *ALL_CPE]
    facts = [*dark(0, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"), *dark(600, "AGG-2 GE0/0/2", "AGG-3 GE0/0/1")]
    causes = explained([*facts, *silent(620, *island)])
    assert roots(causes) == ["cable K0", "cable K2"]
    assert [r for c in causes for r in c.rivals if r.equal] == []


def test_a_transmitter_is_told_from_its_fibre_by_the_light_that_its_own_end_still_has() -> None:
    (cause,) = explained([say(0, "CORE-1 GE0/0/1", "link"), *dark(0, "AGG-1 GE0/0/1")])
    assert [str(r.root) for r in cause.rivals] == ["cable K0"]
    assert "light of both ends" in cause.against


@given(
    st.lists(
        st.builds(
            Rival,
            st.builds(Root, st.sampled_from(RootKind), st.text(st.characters(categories=["L", "N"]), max_size=6)),
            st.sampled_from(["it would look so, too", "3 links through it are well"]),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_what_was_said_of_the_runners_up_can_be_read_back(rivals: list[Rival]) -> None:
    told = Cause(Root(RootKind.CABLE, "K"), Domain.CABLE, rivals=rivals).against
    expected = sorted(((str(r.root), r.why_not, r.equal) for r in rivals), key=lambda r: not r[2])
    assert runners_up(told) == expected


# ---------------------------------------------------------------- glass


def branched() -> Ledger:
    """ONU-1 and ONU-2 on one branch of the splitter, ONU-3 and ONU-4 on the other."""
    b = metro()
    for n in range(1, 5):
        branch = f"BRANCH-{(n + 1) // 2}"
        b.link(f"O{n}", "OLT-1 gpon-0/0/1", f"ONU-{n} pon", "FEEDER", branch, f"D{n}", medium=Medium.PON)
    return b.ledger()


@pytest.mark.parametrize(
    ("facts", "root", "same"),
    [
        (onu(0, "ONU-1", "ONU-2"), "cable BRANCH-1", set()),
        (onu(0, *ONUS), "cable FEEDER", {"port OLT-1 gpon-0/0/1"}),
        ([*onu(0, *ONUS), say(0, "OLT-1 gpon-0/0/1", "los")], "cable FEEDER", set()),
        ([*onu(0, *ONUS), say(0, "OLT-1 gpon-0/0/1", "link")], "port OLT-1 gpon-0/0/1", set()),
        (onu(0, "ONU-3"), "premises ONU-3", {"cable D3"}),
        (onu(0, "ONU-3", condition="dying_gasp"), "premises ONU-3", set()),
    ],
)
def test_one_onu_a_branch_the_feeder_and_the_port_are_told_apart_by_neighbours_and_the_ports_own_light(
    facts: list[Observation], root: str, same: set[str]
) -> None:
    (cause,) = explained(facts, branched())
    assert str(cause.root) == root
    assert {str(r.root) for r in cause.rivals if r.equal} == same


def test_two_onus_of_a_branch_that_are_lost_at_different_times_are_two_customers() -> None:
    facts = [*onu(0, "ONU-1"), *onu(900, "ONU-1", state="ok"), *onu(4000, "ONU-2")]
    assert roots(explained(facts, branched())) == ["premises ONU-1", "premises ONU-2"]


def test_an_onu_that_was_lost_minutes_before_its_feeder_keeps_a_cause_of_its_own() -> None:
    facts = [*onu(0, "ONU-1"), *onu(700, "ONU-2", "ONU-3", "ONU-4"), say(700, "OLT-1 gpon-0/0/1", "los")]
    causes = explained(facts, branched())
    assert roots(causes) == ["premises ONU-1", "cable FEEDER"]
    (feeder,) = (c for c in causes if c.root.id == "FEEDER")
    assert {name for kind, name in feeder.dead if kind == "device"} == {"ONU-2", "ONU-3", "ONU-4"}


def test_a_branch_that_was_cut_minutes_before_its_feeder_keeps_a_cause_of_its_own() -> None:
    known = branched()
    known = replace(
        known,
        links={
            **known.links,
            **{f"O{n}": replace(known.links[f"O{n}"], cables=("FEEDER", f"D{n}")) for n in (3, 4)},
        },
    )
    facts = [*onu(0, "ONU-1", "ONU-2"), *onu(700, "ONU-3", "ONU-4")]
    assert roots(explained(facts, known)) == ["cable BRANCH-1", "cable FEEDER"]


def test_two_branches_that_are_cut_one_after_the_other_are_no_feeder() -> None:
    facts = [*onu(0, "ONU-1", "ONU-2"), *onu(700, "ONU-3", "ONU-4")]
    assert roots(explained(facts, branched())) == ["cable BRANCH-1", "cable BRANCH-2"]


# ---------------------------------------------------------------- blindness


def test_nobody_is_accused_while_silence_may_yet_turn_out_to_be_our_blindness() -> None:
    facts = silent(0, *EVERYBODY[:5])
    due: list[int] = []
    assert explained(facts, now=at(70), wake=due.append) == []
    assert due == [at(120)]
    assert len(explained(facts, now=at(130))) > 0


def test_a_single_silence_is_believed_at_once() -> None:
    assert roots(explained(silent(0, "CPE-1"), now=at(5))) == ["premises CPE-1"]


def test_most_of_the_network_silent_behind_a_cut_that_is_seen_is_no_blindness() -> None:
    facts = [*dark(0, "CORE-1 GE0/0/1", "CORE-1 GE0/0/2"), *silent(5, *EVERYBODY)]
    assert "management" not in roots(explained(facts))


def test_half_of_the_network_is_no_blindness() -> None:
    assert "management" not in roots(explained(silent(0, *EVERYBODY[:5])))


def test_silence_spread_over_an_hour_is_no_blindness() -> None:
    spread = [f for n, d in enumerate(EVERYBODY) for f in silent(n * 400, d)]
    assert "management" not in roots(explained(spread))


def test_we_see_again_with_the_first_answer_and_who_stays_silent_must_say_it_again() -> None:
    facts = [*silent(0, *EVERYBODY), *back(1800, *[d for d in EVERYBODY if d != "CPE-1"])]
    (blind,) = explained(facts)
    assert blind.spans == [(at(0), at(1800))]
    assert ("device", "CPE-1") in blind.explains


def test_blindness_takes_nothing_away_from_circuits() -> None:
    (blind,) = explained(silent(0, *EVERYBODY))
    assert blind.dead == {}


# ---------------------------------------------------------------- wrong, missing and odd topology


def test_with_no_topology_at_all_every_silence_is_its_own_cause() -> None:
    b = metro()
    b.links.clear()
    causes = explained(silent(0, "ACC-1", "CPE-1"), b.ledger())
    assert roots(causes) == ["device ACC-1", "premises CPE-1"]


def test_a_link_missing_in_the_ledger_gives_separate_causes_and_no_silence() -> None:
    b = metro()
    del b.links["T1"]
    causes = explained([*dark(0, "AGG-1 GE1/0/1"), *silent(9, "ACC-1", "CPE-1", "CPE-2")], b.ledger())
    assert {"device ACC-1"} <= set(roots(causes))


def test_a_dual_homed_device_is_cut_off_by_the_duct_that_both_its_uplinks_share() -> None:
    b = metro()
    b.link("T1X", "AGG-3 GE1/0/9", "ACC-1 GE0/0/9", "KT1")
    lost = dark(0, "AGG-1 GE1/0/1", "AGG-3 GE1/0/9")
    assert roots(explained([*lost, *silent(20, "ACC-1", "CPE-1", "CPE-2")], b.ledger())) == ["cable KT1"]


def test_a_dual_homed_device_that_dies_takes_both_its_links_along() -> None:
    b = metro()
    b.link("T1X", "AGG-3 GE1/0/9", "ACC-1 GE0/0/9", "KX")
    lost = dark(0, "AGG-1 GE1/0/1", "AGG-3 GE1/0/9")
    assert roots(explained([*lost, *silent(20, "ACC-1", "CPE-1", "CPE-2")], b.ledger())) == ["device ACC-1"]


def test_a_microwave_link_is_told_as_a_link() -> None:
    b = metro()
    b.device("HILL", Role.ACCESS)
    b.link("MW", "AGG-1 MW1", "HILL MW1", medium=Medium.MICROWAVE)
    (cause,) = explained([*dark(0, "AGG-1 MW1"), *silent(20, "HILL")], b.ledger())
    assert (str(cause.root), cause.domain) == ("link MW", Domain.EQUIPMENT), "there is nothing to splice"


# ---------------------------------------------------------------- planned work


def test_silence_that_planned_work_accounts_for_belongs_to_it() -> None:
    work = Planned("M-1", (Scope("cable", "KT1"),), (at(-60), at(3600)))
    assert roots(explained(silent(0, "ACC-1"), planned=(work,))) == ["cable KT1"]
    assert roots(explained(silent(4000, "ACC-1"), planned=(work,))) == ["device ACC-1"]
    assert roots(explained(silent(0, "ACC-2"), planned=(work,))) == ["device ACC-2"]


@pytest.mark.parametrize(
    ("scope", "root"),
    [
        (Scope("link", "T1"), "link T1"),
        (Scope("device", "ACC-1"), "device ACC-1"),
        (Scope("device", "AGG-1"), "device AGG-1"),
        (Scope("site", "S-ACC-1"), "link L1"),
    ],
)
def test_planned_work_is_named_by_what_is_worked_on(scope: Scope, root: str) -> None:
    work = Planned("M-1", (scope,), (at(-60), at(3600)))
    assert roots(explained(silent(0, "ACC-1"), planned=(work,))) == [root]


# ---------------------------------------------------------------- time


def test_a_cause_lasts_from_the_first_evidence_to_the_last_clear() -> None:
    facts = [*silent(0, "CPE-1"), *dark(20, "AGG-1 GE1/0/1"), *lit(700, "AGG-1 GE1/0/1"), *back(730, "CPE-1")]
    (cause,) = explained(facts)
    assert (cause.start, cause.end) == (at(0), at(700))


def test_causes_are_told_in_the_order_in_which_they_began() -> None:
    facts = [*dark(500, "AGG-1 GE1/0/1"), *dark(100, "AGG-2 GE1/0/1"), say(0, "AGG-1", "agent")]
    assert roots(explained(facts)) == ["agent AGG-1", "cable KT2", "cable KT1"]


# ---------------------------------------------------------------- the card of an OLT


def two_ports() -> Ledger:
    """OLT-1 with four ONUs on one port, three on the next one, one on a port of another card."""
    b = metro()
    for n, where in ((5, "0/0/2"), (6, "0/0/2"), (7, "0/0/2"), (8, "0/1/1")):
        b.device(f"ONU-{n}", Role.ONU)
        b.link(f"O{n}", f"OLT-1 gpon-{where}", f"ONU-{n} pon", f"FEEDER-{where}", f"D{n}", medium=Medium.PON)
    return b.ledger()


def both_ports(*names: int) -> list[Observation]:
    second = [say(1, f"OLT-1 gpon-0/0/2/ONU-{n}", "onu", "bad", "poll") for n in names]
    return [*onu(0, *ONUS), *second]


def test_ports_of_one_card_of_an_olt_that_lose_all_onus_at_once_and_miss_no_light_are_their_card() -> None:
    facts = [*both_ports(5, 6, 7), *(say(2, f"OLT-1 gpon-0/0/{n}", "link") for n in (1, 2))]
    (cause,) = explained(facts, two_ports())
    assert (str(cause.root), cause.domain) == ("device OLT-1", Domain.EQUIPMENT)
    assert {str(r.root): r.equal for r in cause.rivals} == {"cable FEEDER": False, "cable FEEDER-0/0/2": False}


def test_where_such_ports_tell_nothing_of_their_light_the_card_is_the_cheaper_cause_and_the_feeders_are_told() -> None:
    (cause,) = explained(both_ports(5, 6, 7), two_ports())
    assert str(cause.root) == "device OLT-1"
    assert {str(r.root) for r in cause.rivals if r.equal} == {"cable FEEDER", "cable FEEDER-0/0/2"}


def test_ports_of_one_card_that_say_that_their_light_is_gone_lost_their_feeders() -> None:
    facts = [*both_ports(5, 6, 7), *(say(2, f"OLT-1 gpon-0/0/{n}", "los") for n in (1, 2))]
    assert roots(explained(facts, two_ports())) == ["cable FEEDER", "cable FEEDER-0/0/2"]


def test_feeders_in_one_duct_lost_the_duct_and_no_card() -> None:
    known = two_ports()
    ducted = {i: replace(k, cables=(*k.cables, "DUCT-O")) for i, k in known.links.items() if k.medium is Medium.PON}
    links = {**known.links, **{i: k for i, k in ducted.items() if i != "O8"}}
    assert roots(explained(both_ports(5, 6, 7), replace(known, links=links))) == ["cable DUCT-O"]


def test_a_port_of_which_most_onus_are_well_is_no_part_of_a_card() -> None:
    assert roots(explained(both_ports(5), two_ports())) == ["cable FEEDER", "premises ONU-5"]
