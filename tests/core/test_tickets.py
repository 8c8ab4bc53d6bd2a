"""When a crew is sent, which one, and what people may do to the order."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from core_metro import RULES, at, metro
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.book import FaultRecord, TicketRecord
from netwatch.core.faults.causes import Rival, in_words
from netwatch.core.forecast.experience import Circumstances, Experience
from netwatch.core.forecast.foresight import Foresight, Subject
from netwatch.core.model import Action, Domain, Role, Root, RootKind, TicketKind, TicketState, Work
from netwatch.core.rules import DispatchRules, LotRules
from netwatch.core.tickets import (
    OPEN,
    TMF621,
    Effects,
    Stake,
    Verdict,
    act,
    cause_of,
    places_of,
    skill_of,
    team_for,
    verdict,
)
from netwatch.core.time import MINUTE
from netwatch.core.topology import Network

DISPATCH = RULES.dispatch
LEDGER = metro().ledger()
NET = Network(LEDGER)


def fault(kind: str = "device", name: str = "ACC-1", domain: Domain = Domain.EQUIPMENT) -> FaultRecord:
    return FaultRecord("F1", Root(RootKind(kind), name), domain, at(0), None, at(60))


def order(kind: TicketKind = TicketKind.REPAIR, state: TicketState = TicketState.WATCHING) -> TicketRecord:
    return TicketRecord("T1", "F1", kind, state, at(60), "data")


def stake(name: str = "C1", assurance: str = "standard", left: float = 480, **more: bool) -> Stake:
    """A circuit whose deadline lies `left` minutes after T0 + 60 s."""
    values = {"complained": False, "protected": True, **more}
    return Stake(name, assurance, at(0), at(60) + round(left * MINUTE), **values)


def judged(
    of: FaultRecord | None = None,
    stakes: tuple[Stake, ...] = (),
    exposed: tuple[str, ...] = (),
    minutes: float = 0,
    ticket: TicketRecord | None = None,
    rules: DispatchRules = DISPATCH,
    known: Experience | None = None,
    foresight: Foresight | None = None,
    **effects: Any,
) -> Verdict:
    one = of or fault()
    subject = Subject(cause_of(one, rules), one.opened, Circumstances())
    now = at(60) + round(minutes * MINUTE)
    met = Effects(stakes, exposed, **effects)
    return verdict(ticket or order(), subject, one, met, foresight or Foresight(rules, known), now)


# ---------------------------------------------------------------- when

CABLE = ("cable", "KT1", Domain.CABLE)


def test_what_may_heal_by_itself_is_watched() -> None:
    said = judged(stakes=(stake(),))
    assert not said.send
    assert said.reason == "may heal by itself: watched for at most 30 min"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (judged(stakes=(stake(complained=True),)), "the customer of C1 complained"),
        (judged(stakes=(stake(assurance="AAA", protected=False),)), "C1 is AAA and has no working protection"),
        (judged(fault(*CABLE), (stake(),), lost_light=True), "both ends lost light: fibre does not heal"),
        (judged(fault(*CABLE), (stake(), stake("C2"))), "2 circuits are out on one cable"),
        (judged(fault("port", "AGG-1 GE1/0/1"), (stake(), stake("C2"))), "2 circuits are out on one port"),
        (judged(fault("link", "T1", Domain.CABLE), (stake(), stake("C2"))), "2 circuits are out on one link"),
        (judged(fault(*CABLE), exposed=("A", "A")), "2 circuits are without protection on one cable"),
        (judged(ticket=order(TicketKind.ENQUIRY)), "mains failed: ask the power company"),
    ],
    ids=["complaint", "top class bare", "lost light", "cable", "port", "link", "exposed", "enquiry"],
)
def test_there_are_reasons_to_send_at_once(said: Verdict, why: str) -> None:
    assert said.send
    assert why in said.reason


@pytest.mark.parametrize(
    "said",
    [
        judged(stakes=(stake(assurance="AAA", left=10_000),)),
        judged(stakes=(stake(protected=False),)),
        judged(fault(domain=Domain.EQUIPMENT), (stake(),), lost_light=True),
        judged(fault("device", "ACC-1"), (stake(), stake("C2"))),
        judged(fault("device", "ACC-1"), exposed=("A",) * 9),
        judged(exposed=("A",)),
    ],
    ids=[
        "top class but protected",
        "bare but not top",
        "light, but no cable's work",
        "device",
        "exposed device",
        "one",
    ],
)
def test_what_comes_near_to_such_a_reason_is_none(said: Verdict) -> None:
    assert not said.send


def test_a_crew_goes_when_less_is_left_than_such_repairs_take() -> None:
    due = Foresight(DISPATCH, None).due(Subject("device", at(0), Circumstances()))
    early, late = judged(stakes=(stake(left=due + 30),)), judged(stakes=(stake(left=due - 1),))
    assert "min left, repairs of this kind take up to" not in early.reason
    assert late.send
    assert "min left, repairs of this kind take up to" in late.reason


@pytest.mark.parametrize(("assurance", "cap"), [("AAA", 5), ("AA", 10), ("A", 15), ("standard", 30), ("", 30)])
def test_nobody_is_watched_longer_than_the_hold_off_of_his_class(assurance: str, cap: int) -> None:
    held = judged(stakes=(stake(assurance=assurance, left=100_000),), minutes=cap - 0.1)
    gone = judged(stakes=(stake(assurance=assurance, left=100_000),), minutes=cap)
    assert gone.send
    assert gone.reason == f"not healed within the longest hold-off of {cap} min"
    assert held.reason != gone.reason


def test_the_shortest_hold_off_among_several_counts() -> None:
    said = judged(stakes=(stake(left=100_000), stake("C2", "AAA", 100_000)), minutes=5)
    assert said.reason == "not healed within the longest hold-off of 5 min"


def test_waiting_is_given_up_when_it_costs_more_than_going() -> None:
    never = replace(DISPATCH, priors={**DISPATCH.priors, "device": replace(DISPATCH.priors["device"], heals=0.0)})
    said = judged(stakes=(stake(left=300),), rules=never)
    assert said.send
    assert said.reason.startswith("waiting costs more than going: C1 misses its limit with")


def learnt(faults: int) -> Experience:
    """Devices here heal late, but nearly always."""
    late = replace(DISPATCH.priors["device"], heals=0.99, self_median=60.0, self_sigma=0.3)
    return replace(Experience.of_priors({**DISPATCH.priors, "device": late}), faults=faults)


def test_what_was_learnt_is_trusted_beyond_the_caps_once_enough_has_happened() -> None:
    far = (stake(left=480),)
    few, many = (judged(stakes=far, minutes=31, known=learnt(n)) for n in (199, 200))
    assert few.reason == "not healed within the longest hold-off of 30 min"
    assert not many.send
    assert 60 < int(many.reason.split("at most ")[1].split()[0]) < 300


def test_where_nobody_is_out_there_is_a_cap_however_much_was_learnt() -> None:
    assert judged(minutes=31, known=learnt(500)).send


def test_a_circuit_of_the_top_class_that_lost_its_protection_is_reason_enough() -> None:
    said = judged(exposed=("A", "AAA"))
    assert (said.send, said.reason) == (True, "a circuit of class AAA has lost its protection")


def test_a_battery_near_its_end_sends_at_once() -> None:
    power = fault("power", "S-1", Domain.POWER)
    assert judged(power, (stake(),), battery_low=True).reason == "the battery is near its end"
    said = judged(power, (stake(),), battery_end=at(60) + 90 * MINUTE)
    assert said.reason.startswith("the battery lasts 90 min more, help takes up to ")
    assert "battery" not in judged(power, (stake(),), battery_end=at(60) + 900 * MINUTE).reason


# ---------------------------------------------------------------- by lot

LOT = replace(DISPATCH, lot=LotRules(0.5, frozenset({"A", "standard"})))
EAGER = replace(LOT, priors={**DISPATCH.priors, "device": replace(DISPATCH.priors["device"], heals=0.0)})


def drawn(assurance: str = "standard", **more: Any) -> list[Verdict]:
    """What is decided for many tickets that it is time to send for."""
    one = stake(assurance=assurance, left=400, **more)
    orders, eager = (replace(order(), id=f"T{n}") for n in range(200)), Foresight(EAGER, None)
    return [judged(stakes=(one,), rules=EAGER, foresight=eager, ticket=t) for t in orders]


def test_by_lot_some_are_held_off_and_say_so() -> None:
    said = drawn()
    held = [v for v in said if v.withheld]
    assert 60 < len(held) < 140
    assert all(not v.send and v.reason.startswith("held off by lot to see what heals; else: waiting") for v in held)
    assert drawn() == said, "the key decides, not chance"


def test_no_lot_is_drawn_for_other_classes_nor_against_a_standing_reason_nor_when_switched_off() -> None:
    assert not any(v.withheld for v in drawn("AA"))
    assert all(v.send for v in drawn(complained=True))
    orders = (replace(order(), id=f"T{n}") for n in range(200))
    off = replace(EAGER, lot=LotRules(0.0, EAGER.lot.classes))
    assert all(judged(stakes=(stake(left=400),), rules=off, ticket=t).send for t in orders)


def test_nobody_is_held_off_by_lot_for_longer_than_the_cap() -> None:
    orders = [replace(order(), id=f"T{n}") for n in range(200)]
    assert all(judged(stakes=(stake(left=400),), rules=EAGER, ticket=t, minutes=30).send for t in orders)


@given(
    st.sampled_from(list(RootKind)),
    st.sampled_from(list(Domain)),
    st.lists(
        st.builds(stake, st.just("C1"), st.sampled_from(["AAA", "AA", "odd", ""]), st.floats(-500, 9000)), max_size=3
    ),
    st.integers(0, 3),
    st.booleans(),
    st.floats(0, 5000),
)
def test_there_is_a_verdict_with_a_reason_for_everything(
    kind: RootKind, domain: Domain, stakes: list[Stake], exposed: int, light: bool, minutes: float
) -> None:
    said = judged(fault(kind, "X", domain), tuple(stakes), ("A",) * exposed, minutes, lost_light=light)
    assert said.reason


def test_once_sent_for_it_stays_to_be_sent_for_as_time_passes() -> None:
    verdicts = [judged(stakes=(stake(assurance="AA", left=240),), minutes=m).send for m in range(0, 300, 2)]
    assert verdicts == sorted(verdicts)
    assert verdicts[-1]


# ---------------------------------------------------------------- who


@pytest.mark.parametrize(
    ("kind", "name", "domain", "skill"),
    [
        ("cable", "KT1", Domain.CABLE, "cable"),
        ("link", "T1", Domain.CABLE, "cable"),
        ("link", "R0", Domain.CONFIGURATION, "data"),
        ("power", "S-1", Domain.POWER, "power"),
        ("premises", "CPE-1", Domain.PREMISES, "customer"),
        ("circuit", "C1", Domain.PREMISES, "customer"),
        ("device", "AGG-1", Domain.EQUIPMENT, "data"),
        ("device", "ACC-1", Domain.EQUIPMENT, "access"),
        ("device", "OLT-1", Domain.EQUIPMENT, "access"),
        ("port", "OLT-1 gpon-0/0/1", Domain.EQUIPMENT, "access"),
        ("port", "CORE-1 GE0/0/1", Domain.EQUIPMENT, "data"),
        ("device", "GHOST", Domain.EQUIPMENT, "data"),
    ],
)
def test_the_domain_of_work_and_the_equipment_say_which_skill(kind: str, name: str, domain: Domain, skill: str) -> None:
    assert skill_of(fault(kind, name, domain), NET, DISPATCH) == skill


@pytest.mark.parametrize(
    ("kind", "name", "sites"),
    [
        ("device", "ACC-1", ["S-ACC-1"]),
        ("port", "AGG-1 GE0/0/1", ["S-1"]),
        ("power", "S-2", ["S-2"]),
        ("power", "F-1", ["S-ACC-1", "S-ACC-2"]),
        ("link", "T1", ["S-1", "S-ACC-1"]),
        ("cable", "K0", ["S-CORE", "S-1"]),
        ("circuit", "C1", ["P-1", "S-CORE"]),
        ("cable", "NONE", []),
        ("management", "", []),
    ],
)
def test_where_a_fault_can_be_worked_on(kind: str, name: str, sites: list[str]) -> None:
    assert places_of(fault(kind, name), NET) == sites


def test_the_outsourced_team_of_the_region_goes_before_the_own_one() -> None:
    assert team_for(fault(*CABLE), "cable", (), NET, DISPATCH) == "out-cable"
    assert team_for(fault("device", "ACC-1"), "access", (), NET, DISPATCH) == "out-access"


def test_of_teams_as_near_the_one_goes_that_can_test_both_of_what_cannot_be_told_apart() -> None:
    b = metro()
    b.team("out-x", "cable access", company="Outsourced Ltd")
    net = Network(b.ledger())
    torn = replace(
        fault(*CABLE), against=in_words([Rival(Root(RootKind.DEVICE, "ACC-1"), "it said nothing", equal=True)])
    )
    clear = replace(fault(*CABLE), against=in_words([Rival(Root(RootKind.DEVICE, "ACC-1"), "it answers")]))
    assert team_for(torn, "cable", (), net, DISPATCH) == "out-x"
    assert team_for(clear, "cable", (), net, DISPATCH) == "out-cable"


@pytest.mark.parametrize("name", ["AGG-1", "CORE-1"])
def test_equipment_from_the_aggregation_on_is_never_given_away_while_own_people_can_go(name: str) -> None:
    assert team_for(fault("device", name), "data", (), NET, DISPATCH) == "own"
    assert team_for(fault("port", f"{name} GE0/0/1"), "data", (), NET, DISPATCH) == "own"


def test_who_refused_is_not_asked_again_and_at_last_anybody_able_goes() -> None:
    asked: list[str] = []
    while team := team_for(fault(*CABLE), "cable", asked, NET, DISPATCH):
        asked.append(team)
    assert asked == ["out-cable", "own", "out-far"]


def test_without_a_team_of_the_skill_nobody_is_named() -> None:
    assert team_for(fault(), "juggling", (), NET, DISPATCH) == ""


def test_a_team_without_regions_goes_everywhere() -> None:
    b = metro()
    b.teams.clear()
    b.team("far", "cable", "R9")
    b.team("all", "cable", "")
    assert team_for(fault(*CABLE), "cable", (), Network(b.ledger()), DISPATCH) == "all"


# ---------------------------------------------------------------- acts

STATES = [*TicketState]


def work(action: Action, minute: int = 9) -> Work:
    return Work(at(minute * 60), ("C1",), action, "team-1")


@pytest.mark.parametrize(
    ("state", "action", "then"),
    [
        ("watching", "accept", "accepted"),
        ("dispatched", "accept", "accepted"),
        ("watching", "depart", "travelling"),
        ("dispatched", "depart", "travelling"),
        ("accepted", "depart", "travelling"),
        ("watching", "arrive", "on_site"),
        ("dispatched", "arrive", "on_site"),
        ("accepted", "arrive", "on_site"),
        ("travelling", "arrive", "on_site"),
        ("dispatched", "reject", "watching"),
        ("accepted", "reject", "watching"),
        ("travelling", "reject", "watching"),
        ("on_site", "reject", "watching"),
        *(
            (s, "return", "returned")
            for s in ("watching", "dispatched", "accepted", "travelling", "on_site", "restored")
        ),
        *((s, "close", "closed") for s in ("watching", "dispatched", "on_site", "restored", "returned")),
    ],
)
def test_an_act_that_fits_moves_the_order_on(state: str, action: str, then: str) -> None:
    ticket = order(state=TicketState(state))
    assert act(ticket, work(Action(action))) == ""
    assert ticket.state is TicketState(then)


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("travelling", "accept"),
        ("on_site", "accept"),
        ("on_site", "depart"),
        ("restored", "arrive"),
        ("watching", "reject"),
        ("restored", "reject"),
        *product(("closed", "cancelled", "merged"), ("accept", "depart", "arrive", "return", "reject")),
        ("cancelled", "close"),
        ("merged", "close"),
    ],
)
def test_an_act_that_does_not_fit_is_refused_in_words_and_changes_nothing(state: str, action: str) -> None:
    ticket, before = order(state=TicketState(state)), order(state=TicketState(state))
    assert act(ticket, work(Action(action))) == f"{action} does not follow {state}"
    assert ticket == before


@pytest.mark.parametrize(("state", "action"), list(product(STATES, Action)))
def test_an_act_done_twice_is_done_once(state: TicketState, action: Action) -> None:
    once, twice = order(state=state), order(state=state)
    act(once, work(action))
    act(twice, work(action))
    act(twice, work(action, 20))
    assert twice == once


def test_who_did_it_first_counts_and_later_repetitions_do_not_move_the_times() -> None:
    ticket = order(state=TicketState.DISPATCHED)
    for minute, action in enumerate(
        (Action.ACK, Action.ACCEPT, Action.ACK, Action.DEPART, Action.ARRIVE, Action.ARRIVE)
    ):
        assert act(ticket, work(action, minute)) == ""
    assert (ticket.acknowledged, ticket.accepted, ticket.arrived) == (at(0), at(60), at(240))


def test_a_team_that_rejects_is_remembered_and_the_order_looks_for_another() -> None:
    ticket = order(state=TicketState.DISPATCHED)
    ticket.team = "out-cable"
    act(ticket, work(Action.REJECT))
    assert (ticket.team, ticket.refused, ticket.state) == ("", ["out-cable"], TicketState.WATCHING)


@given(st.lists(st.sampled_from(Action), max_size=12))
def test_no_order_leaves_its_end_and_time_runs_forward(actions: list[Action]) -> None:
    ticket = order(state=TicketState.DISPATCHED)
    ended = False
    for minute, action in enumerate(actions, 1):
        act(ticket, work(action, minute))
        assert not (ended and ticket.state is not TicketState.CLOSED)
        ended = ticket.state is TicketState.CLOSED
    stamps = [t for t in (ticket.accepted, ticket.arrived, ticket.closed) if t is not None]
    assert stamps == sorted(stamps) or Action.REJECT in actions


def test_every_state_has_its_word_in_tmf621_and_only_ends_are_not_open() -> None:
    assert set(TMF621) == set(TicketState)
    assert set(TicketState) - OPEN == {TicketState.CLOSED, TicketState.CANCELLED, TicketState.MERGED}
    assert {s for s, w in TMF621.items() if w in ("closed", "cancelled")} == set(TicketState) - OPEN


def test_every_kind_of_root_has_its_prior() -> None:
    for kind, domain in product(RootKind, Domain):
        assert cause_of(fault(kind, "X", domain), DISPATCH) in DISPATCH.priors
    assert cause_of(fault("link", "R0", Domain.CONFIGURATION), DISPATCH) == "configuration"
    assert Role.AGGREGATION in DISPATCH.own_roles
