"""`dispatch.toml`: when a crew is sent, whom to tell, and what is learnt of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from netwatch.config.toml import Document
from netwatch.core.model import Skill
from netwatch.core.rules import DispatchRules, DriftRules, Escalation, LearningRules, LotRules, Prior
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND
from netwatch.findings import Finding, did_you_mean
from netwatch.knowledge import sla
from netwatch.knowledge.schema import Positive, Share, Strict, TimeOfDay, minute, missing


class _Cost(Strict):
    valid_from: date
    source: str
    dispatch: Annotated[float, Field(gt=0)]
    review_seconds: Positive
    breach: dict[str, Annotated[float, Field(gt=0)]]


class _Override(Strict):
    several: Positive
    due_quantile: Annotated[float, Field(gt=0, lt=1)]
    warn_share: Annotated[float, Field(gt=0, lt=1)]


class _Brake(Strict):
    orders: Positive
    window_minutes: Positive


class _Prior(Strict):
    heals: Annotated[float, Field(ge=0, le=1)]
    self_median: Annotated[float, Field(gt=0)]
    self_sigma: Annotated[float, Field(gt=0)]
    repair_median: Annotated[float, Field(gt=0)]
    repair_sigma: Annotated[float, Field(gt=0)]


class _Demarcation(Strict):
    own_roles: list[str]


class _Escalation(Strict):
    clock: str
    share: Annotated[float, Field(gt=0)]
    to: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    classes: list[str] = []
    attended: bool = False


class _Learning(Strict):
    valid_from: date
    source: str
    prior_strength: Annotated[float, Field(gt=0)]
    strength: Annotated[float, Field(gt=0)]
    half_life_days: Positive
    alarms_right: Share
    slips_right: Share
    workday: tuple[TimeOfDay, TimeOfDay]
    enough: Positive
    every_hours: Positive
    refresh_seconds: Positive
    slip: dict[str, list[str]]


class _Drift(Strict):
    days: Positive
    least: Positive
    low: Annotated[float, Field(gt=0)]
    high: Annotated[float, Field(gt=0)]


class _Lot(Strict):
    share: Annotated[float, Field(ge=0, le=0.5)]
    classes: list[str]


class File(Strict):
    cost: _Cost
    hold_cap_minutes: dict[str, Positive]
    override: _Override
    brake: _Brake
    prior: dict[str, _Prior]
    skill: dict[str, Skill]
    demarcation: _Demarcation
    escalation: list[_Escalation] = []
    learning: _Learning
    drift: _Drift
    lot: _Lot


_PRIORS = ("cable", "link", "port", "device", "power", "premises", "configuration", "unknown")


def findings(file: File, promised: sla.File | None, document: Document) -> list[Finding]:
    """`promised` is what sla.toml says, if it can be read: the clocks and classes that escalations name."""
    out = missing(document, "prior", list(_PRIORS), file.prior)
    out += [
        document.finding(("learning", "slip", cause), "no such cause", did_you_mean(cause, _PRIORS))
        for cause in file.learning.slip
        if cause not in _PRIORS
    ]
    out += [
        document.finding(("lot", "classes"), f'no cost of a breach for class "{name}"', did_you_mean(name, known))
        for known in [file.cost.breach]
        for name in file.lot.classes
        if name not in known
    ]
    dearest = max(file.cost.breach, key=lambda c: file.cost.breach[c])
    if dearest in file.lot.classes:
        out.append(document.finding(("lot", "classes"), f'"{dearest}" costs most if breached: never by lot'))
    if file.drift.low >= file.drift.high:
        out.append(document.finding(("drift", "low"), "is not below `high`"))
    if file.learning.workday[0] >= file.learning.workday[1]:
        out.append(document.finding(("learning", "workday"), "ends before it begins", 'such as ["08:00", "20:00"]'))
    if promised is not None:
        out += _escalations(file, promised, document)
    return out


def _escalations(file: File, promised: sla.File, document: Document) -> Iterator[Finding]:
    """Rungs that no clock ever reaches; a site whose sla.toml tells of no terms has none to climb for them."""
    if not any(p.term for p in promised.policy):
        return
    clocks = {t.name for p in promised.policy for t in p.term if t.until is not None} | {*sla.RESERVED}
    classes = {name for p in promised.policy for name in p.limits}
    for n, rung in enumerate(file.escalation):
        if rung.clock not in clocks:
            what = f'no clock "{rung.clock}" in sla.toml'
            yield document.finding(("escalation", n, "clock"), what, did_you_mean(rung.clock, clocks))
        for name in rung.classes:
            if name not in classes:
                hint = did_you_mean(name, classes)
                yield document.finding(("escalation", n, "classes"), f'no class "{name}" in sla.toml', hint)


def rules(file: File) -> DispatchRules:
    caps = {c: m * MINUTE for c, m in file.hold_cap_minutes.items()}
    return DispatchRules(
        dispatch_cost=file.cost.dispatch,
        breach_cost=file.cost.breach,
        breach_cost_fallback=min(file.cost.breach.values()),
        hold_cap=caps,
        hold_cap_fallback=max(caps.values()),
        review=file.cost.review_seconds * SECOND,
        several=file.override.several,
        due_quantile=file.override.due_quantile,
        warn_share=file.override.warn_share,
        brake_orders=file.brake.orders,
        brake_window=file.brake.window_minutes * MINUTE,
        priors={
            k: Prior(p.heals, p.self_median, p.self_sigma, p.repair_median, p.repair_sigma)
            for k, p in file.prior.items()
        },
        skill={k: str(v) for k, v in file.skill.items()},
        own_roles=frozenset(file.demarcation.own_roles),
        escalations=tuple(
            Escalation(e.clock, e.share, e.to, frozenset(e.classes), e.attended) for e in file.escalation
        ),
        learning=_learning(file.learning),
        drift=DriftRules(file.drift.days * DAY, file.drift.least, file.drift.low, file.drift.high),
        lot=LotRules(file.lot.share, frozenset(file.lot.classes)),
    )


def _learning(file: _Learning) -> LearningRules:
    return LearningRules(
        prior_strength=file.prior_strength,
        strength=file.strength,
        half_life=file.half_life_days * DAY,
        alarms_right=file.alarms_right,
        slips_right=file.slips_right,
        workday=(minute(file.workday[0]), minute(file.workday[1])),
        enough=file.enough,
        every=file.every_hours * HOUR,
        refresh=file.refresh_seconds * SECOND,
        slips={word: cause for cause, words in file.slip.items() for word in words},
    )
