"""Every limit as one pure function of policy, line, facility and the time of the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import pytest
from core_metro import RULES, ZONE
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core import sla
from netwatch.core.rules import Calendar, SlaPolicy
from netwatch.core.sla import Facility, Line, terms
from netwatch.core.time import MINUTE, Instant, parse, show

POLICY = RULES.policies[0]
CALENDAR = RULES.calendar
NOON = parse("2026-11-02T12:00:00+08:00")


def found(
    line: Line, facilities: Iterable[Facility] = (), at: Instant = NOON, policy: SlaPolicy = POLICY
) -> dict[str, terms.Limit]:
    limits = terms.limits(policy, CALENDAR, line, facilities, at, ZONE)
    assert len({(x.name, x.subject) for x in limits}) == len(limits)
    return {x.name: x for x in limits}


def counts(line: Line, *names: str) -> list[int]:
    limits = found(line)
    return [limits[name].count for name in names]


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("assurance", "restoration", "internal", "response", "update", "major"),
    [
        ("AAA", 120, 90, 30, 30, 360),
        ("AA", 240, 180, 60, 60, 4320),
        ("A", 360, 270, 120, 120, 4320),
        ("standard", 480, 360, 120, None, 4320),
    ],
)
def test_the_figures_of_a_class(
    assurance: str, restoration: int, internal: int, response: int, update: int | None, major: int
) -> None:
    limits = found(Line("data", assurance))
    assert (limits["restoration"].count, limits["internal"].count) == (restoration, internal)
    assert (limits["response"].count, limits["major"].count) == (response, major)
    assert (limits["first_update"].count if "first_update" in limits else None) == update
    assert counts(Line("data", assurance), "on_site", "slip", "complaint", "localisation") == [120, 1440, 2880, 15]


@pytest.mark.parametrize(("area", "legal", "voice"), [("city", 2880, 1440), ("suburb", 4320, 2880), ("", 2880, 1440)])
def test_the_area_decides_what_the_law_and_ordinary_users_allow_and_nothing_of_a_line(
    area: str, legal: int, voice: int
) -> None:
    line = Line("voice", "AA", "gold", area)
    assert counts(line, "legal", "ordinary_voice", "restoration") == [legal, voice, 240]
    assert "ordinary_voice" not in found(replace(line, product="data"))


@pytest.mark.parametrize(
    ("facility", "minutes"),
    [
        *(
            (Facility("cable", "K", n), m)
            for n, m in ((0, 180), (47, 180), (48, 240), (95, 240), (96, 300), (143, 300))
        ),
        (Facility("cable", "K", 144), 360),
        (Facility("cable", "K", None), 180),
        (Facility("cable", "K", 288, backbone=True), 180),
        (Facility("room", "S-1"), 300),
    ],
)
def test_a_facility_has_its_own_limit_beside_the_lines(facility: Facility, minutes: int) -> None:
    limits = found(Line("data", "AAA"), [facility])
    assert limits[facility.kind].count == minutes
    assert limits[facility.kind].deadline == NOON + minutes * MINUTE
    assert limits["restoration"].count == 120
    assert limits["full_repair"].count == 1440
    assert "full_repair" not in found(Line("data", "AAA"))


@pytest.mark.parametrize(
    ("line", "derived", "why"),
    [
        (Line("data", "AA", "diamond"), False, "class AA"),
        (Line("data", "", "diamond"), True, "class AAA, derived from level diamond"),
        (Line("data"), False, "neither class nor level"),
        (Line("internet", "", "gold"), False, "internet for level gold"),
    ],
)
def test_a_derived_class_says_so(line: Line, derived: bool, why: str) -> None:
    limit = found(line)["restoration"]
    assert (limit.derived, limit.why) == (derived, why)
    assert found(line)["response"].derived is (not line.assurance and bool(line.level))


def test_every_limit_has_a_source_words_and_a_reason() -> None:
    for line in (Line("data", "AAA"), Line("ipshop"), Line("voice", "", "gold", "suburb", "province")):
        for limit in terms.limits(POLICY, CALENDAR, line, [Facility("cable", "K", 12)], NOON, ZONE):
            assert all((limit.source, limit.why, limit.zh, limit.en)), limit


def test_the_names_of_classes_are_the_datas() -> None:
    renamed = {"AAA": "1A", "AA": "2A", "A": "3A", "standard": "5B"}
    policy = replace(
        POLICY,
        limits={renamed[k]: v for k, v in POLICY.limits.items()},
        derived={k: renamed[v] for k, v in POLICY.derived.items()},
        terms=tuple(replace(t, figures={renamed.get(k, k): v for k, v in t.figures.items()}) for t in POLICY.terms),
    )
    for old, new in renamed.items():
        before, after = found(Line("data", old)), found(Line("data", new), policy=policy)
        assert {k: v.count for k, v in before.items()} == {k: v.count for k, v in after.items()}


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("reported", "days", "calendar", "end"),
    [
        ("2026-11-02T12:00:00+08:00", 1, CALENDAR, "2026-11-04T00:00:00"),
        ("2026-11-06T23:59:59+08:00", 1, CALENDAR, "2026-11-10T00:00:00"),  # a Friday
        ("2026-11-06T23:59:59+08:00", 1, None, "2026-11-08T00:00:00"),  # natural days know no weekend
        ("2026-09-30T12:00:00+08:00", 1, CALENDAR, "2026-10-09T00:00:00"),  # over the national holidays
        ("2026-10-08T12:00:00+08:00", 2, CALENDAR, "2026-10-11T00:00:00"),  # a Saturday worked in exchange
        ("2026-02-13T12:00:00+08:00", 2, CALENDAR, "2026-02-25T00:00:00"),  # Saturday the 14th, then spring festival
        ("2026-12-31T12:00:00+08:00", 1, None, "2027-01-02T00:00:00"),
        ("2028-02-28T12:00:00+08:00", 1, None, "2028-03-01T00:00:00"),  # the leap day
        ("2026-11-02T15:59:59Z", 1, None, "2026-11-04T00:00:00"),
        ("2026-11-02T16:00:00Z", 1, None, "2026-11-05T00:00:00"),  # the next local day has begun
    ],
)
def test_days_last_to_the_end_of_the_local_day(reported: str, days: int, calendar: Calendar | None, end: str) -> None:
    assert show(sla.days_on(parse(reported), days, calendar, ZONE), ZONE) == f"{end}.000+08:00"


@given(st.integers(0, 2_000), st.sampled_from(["AAA", "AA", "A", "standard"]), st.integers(0, 300))
def test_a_later_report_has_later_deadlines_and_no_other_figures(hours: int, assurance: str, cores: int) -> None:
    line, cable = Line("data", assurance), [Facility("cable", "K", cores)]
    first, later = found(line, cable), found(line, cable, NOON + hours * 60 * MINUTE)
    assert {k: v.count for k, v in first.items()} == {k: v.count for k, v in later.items()}
    assert all(first[k].deadline <= later[k].deadline for k in first)


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_bigger_cable_is_given_more_time_never_less(cores: int, more: int) -> None:
    assert Facility("cable", "K", cores).minutes(POLICY) <= Facility("cable", "K", cores + more).minutes(POLICY)


@pytest.mark.parametrize(
    ("at", "until"),
    [("07:59:59", "08:00:00"), ("08:00:00", "08:00:00"), ("19:59:59", "19:59:59"), ("20:00:00", "next 08:00:00")],
)
def test_attended_hours_begin_with_their_first_minute_and_end_before_their_last(at: str, until: str) -> None:
    day = "2026-11-03" if until.startswith("next") else "2026-11-02"
    waited = sla.attended_from(parse(f"2026-11-02T{at}+08:00"), (8 * 60, 20 * 60), ZONE)
    assert show(waited, ZONE) == f"{day}T{until[-8:]}.000+08:00"


def test_who_is_always_there_is_woken_at_once() -> None:
    for at in ("00:00:00", "12:00:00", "23:59:59"):
        moment = parse(f"2026-11-02T{at}+08:00")
        assert sla.attended_from(moment, (0, 24 * 60), ZONE) == moment


@pytest.mark.parametrize(
    ("at", "years", "missing"),
    [
        ("2026-06-01T00:00:00+08:00", {2025, 2026}, []),
        ("2026-11-16T00:00:00+08:00", {2025, 2026}, []),
        ("2026-11-17T00:00:00+08:00", {2025, 2026}, [2027]),  # planned work may be announced into it from here on
        ("2026-12-31T16:00:00Z", {2025, 2026}, [2027]),  # local new year
        ("2024-06-01T00:00:00+08:00", {2025, 2026}, [2024]),
    ],
)
def test_a_year_without_holidays_is_missed_before_it_begins(at: str, years: set[int], missing: list[int]) -> None:
    calendar = replace(CALENDAR, years=frozenset(years))
    assert sla.missing_years(calendar, parse(at), ZONE) == missing


def test_a_breach_is_judged_by_the_version_in_force_when_it_began() -> None:
    stricter = replace(POLICY, version="2027", valid_from=date(2027, 1, 1), limits={**POLICY.limits, "AAA": 60})
    rules = replace(RULES, policies=(POLICY, stricter))
    for began, minutes in (("2026-12-31T23:59:59+08:00", 120), ("2027-01-01T00:00:00+08:00", 60)):
        policy = sla.policy_at(rules, parse(began), ZONE)
        assert sla.limit(Line("data", "AAA"), policy, parse(began), ZONE).minutes == minutes
