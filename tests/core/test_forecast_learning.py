"""What is learnt from past faults, held against worlds whose truth is known."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from core_metro import RULES

from netwatch.core.forecast import Branch, miss
from netwatch.core.forecast.experience import Circumstances, Experience
from netwatch.core.forecast.history import learn
from netwatch.core.forecast.past import End, Past, is_night, queued
from netwatch.core.rules import Prior
from netwatch.core.time import DAY, MINUTE, parse

NOW = parse("2026-11-02T12:00:00+08:00")
PRIORS, LEARNING = RULES.dispatch.priors, RULES.dispatch.learning
TRUTH = {"link": Prior(0.8, 15.0, 0.9, 60.0, 0.5), "cable": Prior(0.0, 1.0, 1.0, 260.0, 0.4)}


def world(
    count: int,
    seed: int = 1,
    *,
    hold: float = 20.0,
    right: float = 1.0,
    slips: bool = True,
    slow: float = 1.0,
    at: int = NOW - DAY,
) -> list[Past]:
    """Faults of `TRUTH` under a fixed hold-off. Team T-SLOW takes `slow` times as long; alarms are right that often."""
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        cause, team = rng.choice(tuple(TRUTH)), rng.choice(("T-1", "T-2", "T-SLOW"))
        fate = TRUTH[cause]
        healed = fate.self_median * math.exp(rng.gauss(0, fate.self_sigma)) if rng.random() < fate.heals else math.inf
        took = fate.repair_median * math.exp(rng.gauss(0, fate.repair_sigma)) * (slow if team == "T-SLOW" else 1.0)
        label = cause if rng.random() < right else next(c for c in TRUTH if c != cause)
        sent = hold if healed > hold else None
        repaired = hold + took < healed
        end = End.REPAIRED if repaired else End.HEALED
        lasted = hold + took if repaired else healed
        found = cause if slips and repaired else ""
        out.append(Past(at, label, end, lasted, sent, None, found, team))
    return out


def of(cause: str, known: Experience, team: str = "", area: str = "", night: bool = False) -> tuple[Branch, ...]:
    return known.branches(cause, Circumstances(team, area, night))


def test_without_any_past_the_priors_stand() -> None:
    known = learn([], PRIORS, NOW, LEARNING)
    for cause, prior in PRIORS.items():
        learnt = known.fates[cause]
        assert (learnt.heals, learnt.self_sigma, learnt.repair_sigma) == pytest.approx(
            (prior.heals, prior.self_sigma, prior.repair_sigma)
        )
        assert (learnt.self_median, learnt.repair_median) == pytest.approx((prior.self_median, prior.repair_median))
    assert sum(b.weight for b in known.branches("cable")) == pytest.approx(1)
    assert max(known.branches("cable"), key=lambda b: b.weight).cause == "cable"


def test_healing_that_a_crew_cut_short_is_learnt_as_cut_short() -> None:
    """Hold-off 10 min, healing takes 15: most of it is never seen, and still both times come out right."""
    known = learn(world(2000, hold=10.0), PRIORS, NOW, LEARNING)
    link = known.fates["link"]
    assert link.heals == pytest.approx(0.8, abs=0.05)
    assert link.self_median == pytest.approx(15.0, rel=0.12)
    assert link.self_sigma == pytest.approx(0.9, abs=0.1)
    assert link.repair_median == pytest.approx(60.0, rel=0.08)
    assert link.repair_sigma == pytest.approx(0.5, abs=0.07)
    assert known.fates["cable"].repair_median == pytest.approx(260.0, rel=0.05)
    assert known.fates["cable"].heals < 0.02


def test_repairs_that_healing_overtook_are_not_left_out() -> None:
    """Of repairs that come to an end only the quick ones beat the healing: their mean alone would flatter the crews."""
    past = world(2000, hold=0.0)
    done = [
        p.lasted - (p.sent or 0) for p in past if p.end is End.REPAIRED and p.cause == "link" and p.sent is not None
    ]
    naive = float(np.exp(np.mean(np.log(done))))
    known = learn(past, PRIORS, NOW, LEARNING)
    assert abs(math.log(known.fates["link"].repair_median / 60.0)) < 0.1 + abs(math.log(naive / 60.0))
    assert known.fates["link"].repair_median == pytest.approx(60.0, rel=0.1)


def test_a_few_faults_move_little_and_many_leave_nothing_of_the_prior() -> None:
    start, truth = PRIORS["cable"].repair_median, 260.0
    few = learn(world(6), PRIORS, NOW, LEARNING).fates["cable"].repair_median
    many = learn(world(2000), PRIORS, NOW, LEARNING).fates["cable"].repair_median
    assert abs(few - start) < abs(truth - start) / 2
    assert abs(many - truth) < abs(truth - start) / 10


def test_what_alarms_call_a_fault_is_corrected_by_the_slips() -> None:
    known = learn(world(2000, right=0.7), PRIORS, NOW, LEARNING)
    weights = {b.cause: b.weight for b in known.branches("cable")}
    assert weights["link"] == pytest.approx(0.3, abs=0.06)
    assert known.fates["cable"].repair_median == pytest.approx(260.0, rel=0.08)


def test_without_slips_times_alone_tell_causes_apart_a_little_and_labels_keep_their_meaning() -> None:
    known = learn(world(2000, slips=False), PRIORS, NOW, LEARNING)
    assert max(known.branches("cable"), key=lambda b: b.weight).cause == "cable"
    assert miss(known.branches("cable"), 0, 240) > miss(known.branches("link"), 0, 240) + 0.2


def test_a_slow_team_is_known_and_a_new_one_is_like_all() -> None:
    known = learn(world(1500, slow=2.0), PRIORS, NOW, LEARNING)
    slow, fast, new = (
        miss(known.branches("cable", Circumstances(team)), 0, 300) for team in ("T-SLOW", "T-1", "T-NEW")
    )
    assert fast < new < slow
    fates = [
        {b.cause: b.prior for b in known.branches("cable", Circumstances(team))}["cable"] for team in ("T-SLOW", "T-1")
    ]
    assert fates[0].repair_median / fates[1].repair_median == pytest.approx(2.0, rel=0.15)


def test_a_team_that_is_less_predictable_is_known_by_its_spread() -> None:
    rng = np.random.default_rng(3)
    past = [
        Past(
            NOW - DAY,
            "cable",
            End.REPAIRED,
            260 * math.exp(rng.normal(0, 1.0 if n % 2 else 0.3)),
            0.0,
            team=f"T-{n % 2}",
        )
        for n in range(800)
    ]
    known = learn(past, PRIORS, NOW, LEARNING)
    calm, wild = (
        {b.cause: b.prior for b in known.branches("cable", Circumstances(t))}["cable"] for t in ("T-0", "T-1")
    )
    assert (calm.repair_sigma, wild.repair_sigma) == pytest.approx((0.3, 1.0), rel=0.2)


def test_a_few_wrong_slips_do_not_smear_the_causes_into_one_another() -> None:
    rng = np.random.default_rng(5)
    past = [replace(p, found="link") if p.found == "cable" and rng.random() < 0.1 else p for p in world(2000)]
    known = learn(past, PRIORS, NOW, LEARNING)
    assert known.fates["link"].repair_median == pytest.approx(60.0, rel=0.1)
    assert known.fates["link"].repair_sigma == pytest.approx(0.5, abs=0.1)


def test_nights_and_suburbs_are_known_as_slower() -> None:
    past = [replace(p, night=n % 3 == 0, area="suburb" if n % 2 else "city") for n, p in enumerate(world(2000))]
    slower = [
        replace(p, lasted=p.sent + (p.lasted - p.sent) * (1.4 if p.night else 1) * (1.3 if p.area == "suburb" else 1))
        if p.sent is not None and p.end is End.REPAIRED
        else p
        for p in past
    ]
    known = learn(slower, PRIORS, NOW, LEARNING)
    times = {
        (night, area): next(
            b.prior for b in known.branches("cable", Circumstances("", area, night)) if b.cause == "cable"
        )
        for night in (True, False)
        for area in ("suburb", "city")
    }
    usual = times[False, "city"].repair_median
    assert times[True, "city"].repair_median / usual == pytest.approx(1.4, rel=0.1)
    assert times[False, "suburb"].repair_median / usual == pytest.approx(1.3, rel=0.1)


def test_old_faults_count_less() -> None:
    old = [p for p in world(400, 2, at=NOW - 1800 * DAY) if p.cause == "cable"]
    known = learn(old, PRIORS, NOW, LEARNING)
    assert known.weight == pytest.approx(len(old) * 0.5**10)
    assert known.fates["cable"].repair_median == pytest.approx(PRIORS["cable"].repair_median, rel=0.02)


def test_what_began_later_is_not_known_yet() -> None:
    later = world(300, at=NOW + DAY)
    assert learn(later, PRIORS, NOW, LEARNING).faults == 0


def test_a_cause_that_no_prior_names_starts_as_unknown() -> None:
    known = learn([Past(NOW - DAY, "squirrel", End.REPAIRED, 100.0, 5.0)], PRIORS, NOW, LEARNING)
    assert known.fates["squirrel"].repair_median == pytest.approx(PRIORS["unknown"].repair_median, rel=0.05)
    assert known.branches("never heard of")[0].weight > 0


def test_neither_open_faults_nor_faults_of_no_length_upset_it() -> None:
    odd = [
        Past(NOW - DAY, "cable", End.OPEN, 1e7, 0.0),
        Past(NOW - DAY, "cable", End.HEALED, 0.0),
        Past(NOW - DAY, "cable", End.REPAIRED, 30.0, 30.0),
        Past(NOW - DAY, "cable", End.HEALED, 1e-9),
        Past(NOW - DAY, "link", End.OPEN, 5.0),
    ]
    known = learn(odd, PRIORS, NOW, LEARNING)
    for fate in known.fates.values():
        assert all(math.isfinite(x) and x >= 0 for x in (fate.heals, fate.self_median, fate.repair_median))
        assert 0 <= fate.heals <= 1


def test_the_drivers_name_what_moves_the_chance_most() -> None:
    known = learn(world(2000, slow=2.5), PRIORS, NOW, LEARNING)
    drivers = known.drivers("cable", Circumstances("T-SLOW"), 0.0, 400.0)
    assert {d.kind: d.subject for d in drivers} == {"cause": "cable", "team": "T-SLOW"}
    assert [abs(d.points) for d in drivers] == sorted((abs(d.points) for d in drivers), reverse=True)
    assert all(d.points > 0 for d in drivers)
    calm = known.drivers("cable", Circumstances("T-1"), 0.0, 400.0)
    assert next(d.points for d in calm if d.kind == "team") < 0


def test_faults_of_one_event_teach_as_much_as_one() -> None:
    storm = [Past(NOW - DAY, "cable", End.REPAIRED, 900.0, 0.0, incident="K-1" if n else "K-2") for n in range(60)]
    apart = [replace(p, incident="") for p in storm]
    start = PRIORS["cable"].repair_median
    together, one_by_one = (learn(past, PRIORS, NOW, LEARNING).fates["cable"].repair_median for past in (storm, apart))
    assert together - start < (one_by_one - start) / 4
    assert learn(storm, PRIORS, NOW, LEARNING).weight == pytest.approx(2, rel=0.02)


def test_who_has_orders_ahead_is_known_to_come_later() -> None:
    past = [
        replace(p, lasted=p.sent + (p.lasted - p.sent) * (2 if n % 2 else 1), ahead=n % 2)
        if p.sent is not None and p.end is End.REPAIRED
        else replace(p, ahead=n % 2 if p.sent is not None else 0)
        for n, p in enumerate(world(2000, hold=0.0))
    ]
    known = learn(past, PRIORS, NOW, LEARNING)
    free, busy, usual, flooded = (
        miss(known.branches("cable", Circumstances(ahead=ahead)), 0, 400) for ahead in (0, 1, None, 9)
    )
    assert free < usual < busy
    times = [{b.cause: b.prior for b in known.branches("cable", Circumstances(ahead=n))} for n in (0, 1)]
    assert times[1]["cable"].repair_median / times[0]["cable"].repair_median == pytest.approx(2.0, rel=0.2)
    assert flooded >= usual, "more than was ever seen is no reason for hope"


def test_orders_ahead_are_those_of_the_same_team_that_were_still_open_then() -> None:
    def at(minute: int, sent: float, lasted: float, team: str = "T-1") -> Past:
        return Past(NOW + minute * MINUTE, "cable", End.REPAIRED, lasted, sent, team=team)

    past = [at(0, 10, 60), at(5, 20, 30), at(20, 0, 100), at(30, 0, 50, "T-2"), at(40, 20, 60), at(90, 0, 5, "")]
    past.append(Past(NOW + 100 * MINUTE, "cable", End.HEALED, 3.0, team="T-1"))
    assert [p.ahead for p in queued(past)] == [0, 2, 1, 0, 1, 0, 0]


def test_what_heals_between_two_polls_is_taken_for_anything_in_between() -> None:
    """Healing takes 12 min; polls lie five minutes apart, so what was seen is shorter by any part of that."""
    rng = np.random.default_rng(2)
    truth = np.exp(rng.normal(math.log(12.0), 0.5, 2000))
    seen = (truth - rng.uniform(0, 5, len(truth))).clip(1 / 60)
    past = [Past(NOW - DAY, "link", End.HEALED, float(t), slack=5.0) for t in seen]
    with_polls = learn(past, PRIORS, NOW, LEARNING).fates["link"]
    without = learn([replace(p, slack=0.0) for p in past], PRIORS, NOW, LEARNING).fates["link"]
    assert with_polls.self_median == pytest.approx(12.0, rel=0.06)
    assert with_polls.self_sigma == pytest.approx(0.5, abs=0.06)
    assert without.self_median < 10


def test_nights_and_weekends_are_night() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    times = ("2026-11-02T03:00", "2026-11-02T12:00", "2026-11-01T12:00", "2026-11-02T20:00")
    assert [is_night(parse(f"{t}:00+08:00"), zone, LEARNING.workday) for t in times] == [True, False, True, True]
