"""What a period came to, counted by hand and held by properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import (
    Circuit,
    Customer,
    Device,
    Domain,
    Exposure,
    Fault,
    Ledger,
    Outage,
    Port,
    Root,
    RootKind,
    Site,
    Standing,
    Team,
    Ticket,
    TicketKind,
    TicketState,
    Unknown,
)
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, Instant, Span, parse
from netwatch.knowledge import load_rules
from netwatch.report import Facts, circuits, crews, customers, faults, groups, period, repeats, year_to

ZONE = ZoneInfo("Asia/Shanghai")
NOVEMBER, DECEMBER = period("2026-11", ZONE), period("2026-12", ZONE)
LEDGER = Ledger(
    customers={"A": Customer("A", level="gold"), "B": Customer("B")},
    circuits={c: Circuit(c, customer, assurance="AA") for c, customer in [("C-1", "A"), ("C-2", "A"), ("C-3", "B")]},
    teams={"T-1": Team("T-1", company="Acme"), "T-2": Team("T-2")},
)
QUALITY = load_rules(Path(__file__).parents[2] / "rules").policies[0].quality
LATER = parse("2027-02-01T00:00:00+08:00")


def outage(
    started: Instant, lasted: Span | None, *, circuit: str = "C-1", net: Span | None = None, fault: str = "F1",
    limit: int = 240, now: Instant = LATER, why: str = "site_access",
) -> Outage:  # fmt: skip
    """One of `lasted`; the rest of its net time is excused from its beginning on."""
    whole = now - started if lasted is None else lasted
    counted = whole if net is None else net
    standing = (Standing(why, started, started + whole - counted),) if counted < whole else ()
    return Outage(
        id=f"{circuit}@{started}", circuit=circuit, customer=LEDGER.circuits[circuit].customer, assurance="AA",
        fault=fault, started=started, restored=None if lasted is None else started + lasted, limit_minutes=limit,
        limit_source="class AA", deadline=started + limit * MINUTE + whole - counted, gross_seconds=whole // SECOND,
        net_seconds=counted // SECOND, planned_seconds=0, breached=counted > limit * MINUTE, standing=standing,
    )  # fmt: skip


def facts(*outages: Outage, **more: object) -> Facts:
    known = {
        "ledger": LEDGER, "period": NOVEMBER, "now": LATER, "since": 0, "zone": ZONE, "quality": QUALITY,
        "outages": outages, **more,
    }  # fmt: skip
    return Facts(**known)  # type: ignore[arg-type]


def at(text: str) -> Instant:
    return parse(f"{text}+08:00")


def test_a_month_without_trouble_is_a_hundred_percent_and_every_circuit_is_listed() -> None:
    lines = circuits(facts())
    assert [x.circuit for x in lines] == ["C-1", "C-2", "C-3"]
    assert {(x.availability_gross, x.availability_net, x.coverage, x.mttr_minutes) for x in lines} == {(1, 1, 1, None)}


def test_gross_counts_all_and_net_leaves_out_what_the_contract_excuses() -> None:
    line = circuits(facts(outage(at("2026-11-03T02:00"), 3 * HOUR, net=1 * HOUR)))[0]
    assert (line.down_seconds, line.net_down_seconds, line.other_excused_seconds) == (10800, 3600, 7200)
    assert line.availability_gross == pytest.approx(1 - 3 / 720)
    assert line.availability_net == pytest.approx(1 - 1 / 720)
    assert line.mttr_minutes == 180


def test_an_outage_over_midnight_on_the_first_is_charged_to_both_months_and_its_breach_to_the_later() -> None:
    over = outage(at("2026-11-30T21:00"), 6 * HOUR, net=5 * HOUR)
    november, december = circuits(facts(over))[0], circuits(facts(over, period=DECEMBER))[0]
    assert (november.down_seconds, december.down_seconds) == (3 * 3600, 3 * 3600)
    assert (november.net_down_seconds, december.net_down_seconds) == (2 * 3600, 3 * 3600)
    assert (november.breaches, december.breaches) == (0, 1)
    assert (november.mttr_minutes, december.mttr_minutes) == (None, 360)


def test_an_outage_that_ends_at_midnight_on_the_first_is_judged_in_the_month_that_begins() -> None:
    over = outage(at("2026-11-30T19:00"), 5 * HOUR)
    november, december = circuits(facts(over))[0], circuits(facts(over, period=DECEMBER))[0]
    assert [(x.down_seconds, x.breaches, x.mttr_minutes) for x in (november, december)] == [
        (18000, 0, None),
        (0, 1, 300),
    ]


def test_an_outage_that_lasts_is_counted_up_to_now_and_breaches_when_its_deadline_has_passed() -> None:
    now = at("2026-11-10T12:00")
    young, old = outage(now - HOUR, None, now=now), outage(now - 5 * HOUR, None, circuit="C-2", now=now)
    lines = circuits(facts(young, old, now=now))
    assert [(x.down_seconds, x.breaches) for x in lines[:2]] == [(3600, 0), (18000, 1)]
    assert lines[0].availability_gross == pytest.approx(1 - 1 / (24 * 9 + 12))


def test_a_pause_that_stands_goes_on_after_the_last_decision() -> None:
    now = at("2026-11-10T12:00")
    began = now - 4 * HOUR
    row = replace(outage(began, None, now=now), standing=(Standing("site_access", began + HOUR, None),))
    assert circuits(facts(row, now=now))[0].net_down_seconds == 3600


def test_excused_time_is_charged_once_to_planned_work_then_to_the_customer_then_to_others() -> None:
    began = at("2026-11-03T02:00")
    row = replace(
        outage(began, 6 * HOUR),
        standing=(
            Standing("force_majeure", began, began + 4 * HOUR),
            Standing("customer_absent", began + HOUR, began + 3 * HOUR),
            Standing("planned_work", began + 2 * HOUR, began + 3 * HOUR),
        ),
    )
    line = circuits(facts(row))[0]
    assert (line.planned_seconds, line.customer_seconds, line.other_excused_seconds) == (3600, 3600, 7200)
    assert line.net_down_seconds == 2 * 3600


def test_what_nobody_could_tell_lowers_the_coverage_and_not_the_availability() -> None:
    blind = Unknown("U1", "C-1", at("2026-11-05T00:00"), at("2026-11-08T00:00"))
    line = circuits(facts(unknowns=[blind]))[0]
    assert (line.availability_gross, line.coverage) == (1, pytest.approx(0.9))
    assert line.unknown_seconds == 3 * 86400


def test_time_before_anybody_watched_is_not_covered_and_a_month_unwatched_has_no_figure() -> None:
    half = circuits(facts(since=at("2026-11-16T00:00")))[0]
    assert half.coverage == pytest.approx(0.5)
    none = circuits(facts(since=at("2026-12-16T00:00")))[0]
    assert (none.coverage, none.availability_gross, none.availability_net) == (0, None, None)


def test_a_month_that_has_not_begun_has_no_figure() -> None:
    line = circuits(facts(now=at("2026-10-01T00:00")))[0]
    assert (line.availability_gross, line.coverage, line.down_seconds) == (None, 0, 0)


def test_exposure_counts_apart_and_not_while_the_circuit_is_down() -> None:
    start = at("2026-11-05T00:00")
    line = circuits(
        facts(outage(start + HOUR, HOUR), exposures=[Exposure("E1", "C-1", "F1", start, start + 4 * HOUR)])
    )[0]
    assert (line.exposed_seconds, line.down_seconds) == (3 * 3600, 3600)


def test_faults_of_a_year_are_those_of_the_365_days_before_the_end_of_the_period() -> None:
    end = NOVEMBER.end
    known = [outage(end - 365 * DAY - 1, HOUR), outage(end - 365 * DAY, HOUR), outage(end - HOUR, HOUR)]
    assert circuits(facts(*known))[0].faults_in_a_year == 2


def test_a_customer_is_told_the_worst_circuit_and_how_often_the_promise_was_kept() -> None:
    lines = customers(
        facts(
            outage(at("2026-11-03T02:00"), HOUR),
            outage(at("2026-11-04T02:00"), 5 * HOUR, circuit="C-2"),
            outage(at("2026-12-04T02:00"), 5 * HOUR, circuit="C-2"),
        )
    )
    assert [(x.customer, x.level, x.circuits, x.outages, x.breaches) for x in lines] == [
        ("A", "gold", 2, 2, 1),
        ("B", "", 1, 0, 0),
    ]
    assert (lines[0].worst_circuit, lines[0].timeliness, lines[1].timeliness) == ("C-2", 0.5, None)


def ticket(number: int, team: str, sent: Instant | None, **stamps: Instant | str | None) -> Ticket:
    blank = dict.fromkeys(("acknowledged", "accepted", "arrived", "restored", "returned", "closed"))
    return Ticket(
        id=f"T{number}", fault=f"F{number}", kind=TicketKind.REPAIR, state=TicketState.DISPATCHED, opened=sent or 0,
        dispatched=sent, skill="cable", team=team, reason="", deadline=None, circuits=("C-1",), **{**blank, **stamps},
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_crew_is_measured_from_the_sending_of_its_orders_and_by_the_promises_kept() -> None:
    sent = at("2026-11-03T02:00")
    lines = crews(
        facts(
            outage(sent, 2 * HOUR, fault="F1"),
            outage(sent, 5 * HOUR, fault="F2"),
            tickets=[
                ticket(1, "T-1", sent, accepted=sent + 5 * MINUTE, arrived=sent + HOUR, restored=sent + 2 * HOUR),
                ticket(2, "T-1", sent, accepted=sent + 15 * MINUTE, returned=sent + DAY),
                ticket(3, "T-1", sent, merged_into="T1"),
                ticket(4, "T-1", None),
                ticket(5, "T-1", at("2026-12-01T00:00")),
                ticket(6, "left", sent),
            ],
        )
    )
    assert [(x.team, x.company, x.orders) for x in lines] == [("T-1", "Acme", 2), ("T-2", "", 0), ("left", "", 1)]
    first = lines[0]
    assert (first.accept_minutes, first.arrive_minutes, first.restore_minutes) == (10, 60, 120)
    assert (first.open, first.returned, first.due, first.in_time, first.timeliness) == (1, 1, 2, 1, 0.5)


def test_faults_are_told_in_order_without_those_that_another_took_up() -> None:
    start = at("2026-11-03T02:00")
    cable = Fault(
        "F1", Root(RootKind.CABLE, "K-4"), Domain.CABLE, start, start + 3 * HOUR, ("C-1", "C-2"), 17, 0.9, 300,
        start + 5 * HOUR, "both ends dark",
    )  # fmt: skip
    known = [replace(cable, id="F2", absorbed_by="F1"), cable, replace(cable, id="F0", opened=at("2026-12-02T00:00"))]
    (line,) = faults(facts(outage(start, 5 * HOUR), faults=known, tickets=[ticket(1, "T-1", start)]))
    assert (line.fault, line.root, line.minutes, line.circuits) == ("F1", "cable K-4", 180, 2)
    assert (line.breaches, line.ticket, line.team) == (1, "T1", "T-1")


minutes = st.integers(0, 90 * 24 * 60)


@st.composite
def many(draw: st.DrawFn) -> list[Outage]:
    """Outages of one circuit over October to December that do not overlap, some with excused time."""
    edges = sorted(draw(st.sets(minutes, max_size=12)))
    start = at("2026-10-01T00:00")
    found = []
    for a, b in list(pairwise(edges))[::2]:
        lasted = (b - a) * MINUTE
        found.append(outage(start + a * MINUTE, lasted, net=draw(st.integers(0, b - a)) * MINUTE))
    return found


@given(many())
def test_the_days_of_a_month_add_up_to_the_month(known: list[Outage]) -> None:
    whole = circuits(facts(*known))[0]
    days = [circuits(facts(*known, period=period(f"2026-11-{d:02}", ZONE)))[0] for d in range(1, 31)]
    assert sum(x.down_seconds for x in days) == whole.down_seconds
    assert sum(x.breaches for x in days) == whole.breaches


@given(many(), minutes)
def test_net_never_exceeds_gross_and_no_ratio_leaves_its_range(known: list[Outage], now: int) -> None:
    moment = at("2026-10-01T00:00") + now * MINUTE
    heard = [x for x in known if x.restored is not None and x.restored <= moment]
    for line in circuits(facts(*heard, now=moment)):
        assert 0 <= line.net_down_seconds <= line.down_seconds
        assert 0 <= line.coverage <= 1
        if line.availability_gross is not None and line.availability_net is not None:
            assert 0 <= line.availability_gross <= line.availability_net <= 1


# ---------------------------------------------------------------- measured against the policy


def fault(name: str, domain: Domain = Domain.CABLE, *, planned: bool = False) -> Fault:
    start = at("2026-11-01T00:00")
    return Fault(
        name,
        Root(RootKind.CABLE, "K-4"),
        domain,
        start,
        start + HOUR,
        ("C-1",),
        1,
        0.9,
        None,
        None,
        "",
        planned=planned,
    )


def test_what_is_left_of_the_target_is_told_while_the_month_runs_and_how_much_it_is_missed_by_after() -> None:
    # 99.95 % of 30 days leaves 21.6 minutes.
    early = circuits(facts(outage(at("2026-11-03T02:00"), 10 * MINUTE), now=at("2026-11-10T00:00")))[0]
    late = circuits(facts(outage(at("2026-11-03T02:00"), 30 * MINUTE)))[0]
    assert (early.target, early.left_seconds, late.left_seconds) == (0.9995, 696, -504)


@pytest.mark.parametrize(
    ("minutes", "share"), [(10, 0.0), (11, 0.05), (45, 0.05), (46, 0.1), (240, 0.1), (1440, 0.5), (1441, 1.0)]
)
def test_the_credit_is_the_highest_step_that_the_net_minutes_of_the_month_are_over(minutes: int, share: float) -> None:
    row = outage(at("2026-11-03T02:00"), minutes * MINUTE + 5 * HOUR, net=minutes * MINUTE)
    assert circuits(facts(row))[0].credit_share == share


def test_there_is_no_credit_for_a_period_that_is_no_month() -> None:
    assert circuits(facts(period=period("2026-W45", ZONE)))[0].credit_share is None


def test_a_contract_that_counts_every_month_as_43200_minutes_is_counted_so() -> None:
    fixed = replace(QUALITY, month=43200 * MINUTE)
    long = circuits(facts(outage(at("2026-12-03T02:00"), 432 * MINUTE), period=DECEMBER, quality=fixed))[0]
    assert long.availability_gross == pytest.approx(0.99)
    half = facts(
        outage(at("2026-12-03T02:00"), 216 * MINUTE), period=DECEMBER, now=at("2026-12-16T12:00"), quality=fixed
    )
    assert circuits(half)[0].availability_gross == pytest.approx(0.99)


def test_a_fault_of_the_same_segment_within_thirty_days_of_restoration_is_a_repeat() -> None:
    first = outage(at("2026-10-20T00:00"), HOUR, fault="F1")
    edge = outage(at("2026-11-19T01:00"), HOUR, fault="F2")
    beyond = outage(at("2026-11-19T01:00") + SECOND, HOUR, fault="F2")
    known = [fault("F1"), fault("F2")]
    (line,) = repeats(facts(first, edge, faults=known))
    assert (line.circuit, line.fault, line.before, line.days) == ("C-1", "F2", "F1", 30)
    assert circuits(facts(first, edge, faults=known))[0].repeats == 1
    assert repeats(facts(first, beyond, faults=known)) == []


@pytest.mark.parametrize(
    "first",
    [fault("F1", Domain.EQUIPMENT), fault("F1", Domain.PREMISES), fault("F1", planned=True)],
    ids=["another segment", "the customer's own", "planned"],
)
def test_another_segment_the_customer_s_doing_and_planned_work_repeat_nothing(first: Fault) -> None:
    rows = [outage(at("2026-11-03T00:00"), HOUR, fault="F1"), outage(at("2026-11-05T00:00"), HOUR, fault="F2")]
    assert repeats(facts(*rows, faults=[first, fault("F2", first.domain if first.planned else Domain.CABLE)])) == []


def test_a_circuit_is_chronic_by_three_outages_in_a_month_or_three_months_below_its_target() -> None:
    thrice = [outage(at(f"2026-11-{day:02}T00:00"), MINUTE) for day in (3, 5, 7)]
    assert circuits(facts(*thrice))[0].chronic == "3 outages in a month"
    assert circuits(facts(*thrice[:2]))[0].chronic == ""
    monthly = [outage(at(f"2026-{month:02}-10T00:00"), HOUR) for month in (9, 10, 11)]
    assert circuits(facts(*monthly))[0].chronic == "3 months below the target"
    assert circuits(facts(*monthly[1:]))[0].chronic == ""


def test_a_circuit_opened_or_ceased_within_the_month_is_measured_by_its_days_in_service() -> None:
    circuit = replace(LEDGER.circuits["C-1"], in_service=date(2026, 11, 11), ceased=date(2026, 11, 21))
    ledger = replace(LEDGER, circuits={"C-1": circuit})
    before = outage(at("2026-11-10T22:00"), 4 * HOUR)
    line = circuits(facts(before, ledger=ledger))[0]
    assert (line.down_seconds, line.coverage) == (2 * 3600, 1)
    assert line.availability_gross == pytest.approx(1 - 2 / 240)
    later = circuits(facts(ledger=ledger, period=DECEMBER))[0]
    assert (later.availability_gross, later.coverage, later.left_seconds) == (None, 0, None)


def test_a_circuit_that_left_the_ledger_is_told_with_its_outages_and_without_a_ratio() -> None:
    gone = replace(LEDGER, circuits={c: x for c, x in LEDGER.circuits.items() if c != "C-1"})
    lines = circuits(facts(outage(at("2026-11-03T02:00"), 5 * HOUR), ledger=gone))
    assert [x.circuit for x in lines] == ["C-2", "C-3", "C-1"]
    assert (lines[2].customer, lines[2].outages, lines[2].breaches, lines[2].down_seconds) == ("A", 1, 1, 18000)
    assert lines[2].availability_gross is None


def test_the_rolling_year_ends_with_the_period() -> None:
    year = year_to(NOVEMBER, ZONE)
    assert (year.start, year.end, year.months) == (at("2025-12-01T00:00"), NOVEMBER.end, 12)
    rows = [outage(at("2025-11-30T23:00"), 2 * HOUR), outage(at("2026-11-30T23:00"), 2 * HOUR)]
    assert circuits(facts(*rows, period=year))[0].down_seconds == 2 * 3600


# ---------------------------------------------------------------- summed up


def test_timeliness_tells_how_many_more_may_be_late() -> None:
    start = at("2026-11-02T00:00")
    rows = [outage(start + n * 6 * HOUR, HOUR) for n in range(49)]
    late = outage(start + 49 * 6 * HOUR, 5 * HOUR)
    (kept,) = groups(facts(*rows, late), ["all"])
    (missed,) = groups(facts(*rows[1:], late), ["all"])
    assert (kept.due, kept.timeliness, kept.timeliness_target, kept.late_left) == (50, 0.98, 0.98, 0)
    assert (missed.due, missed.late_left) == (49, -1)


def test_median_and_the_ninetieth_percentile_stand_beside_the_mean() -> None:
    start = at("2026-11-02T00:00")
    rows = [outage(start + n * DAY, minutes * MINUTE) for n, minutes in enumerate([10] * 8 + [60, 600])]
    (line,) = groups(facts(*rows), ["all"])
    assert (line.mttr_minutes, line.median_minutes, line.p90_minutes) == (74, 10, 60)


def test_groups_are_named_by_what_the_ledger_says() -> None:
    ledger = replace(
        LEDGER,
        circuits={c: replace(x, product="data", a=Port("R-1", "")) for c, x in LEDGER.circuits.items()},
        devices={"R-1": Device("R-1", site="S-1")},
        sites={"S-1": Site("S-1", region="East")},
    )
    lines = groups(facts(ledger=ledger))
    assert [(x.by, x.group, x.circuits) for x in lines] == [
        ("all", "all", 3),
        ("class", "AA", 3),
        ("product", "data", 3),
        ("region", "East", 3),
        ("customer", "A", 2),
        ("customer", "B", 1),
    ]


@given(many(), many())
def test_a_sum_is_the_sum_of_its_parts_alone_or_in_bulk(one: list[Outage], two: list[Outage]) -> None:
    rows = [*one, *(replace(o, circuit="C-3", customer="B", id=f"C-3@{o.started}") for o in two)]
    (whole,) = groups(facts(*rows), ["all"])
    parts = groups(facts(*rows), ["customer"])
    alone = [groups(facts(*(o for o in rows if o.customer == name)), ["customer"])[n] for n, name in enumerate("AB")]
    assert parts == alone
    for name in ("circuits", "outages", "breaches", "due", "down_seconds", "net_down_seconds", "unknown_seconds"):
        assert getattr(whole, name) == sum(getattr(p, name) for p in parts)
    month = 30 * 86400 * 3
    assert whole.availability_gross == pytest.approx(1 - whole.down_seconds / month)
    assert whole.down_seconds == sum(x.down_seconds for x in circuits(facts(*rows)))
