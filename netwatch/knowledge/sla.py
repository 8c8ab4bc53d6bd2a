"""`sla.toml`: versions of what is promised, each valid from its day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from netwatch.config.toml import Document
from netwatch.core.rules import By, FacilityBand, Of, PauseRule, Quality, SlaPolicy, Stamp, Term, Unit
from netwatch.core.time import DAY, MINUTE
from netwatch.findings import Finding, did_you_mean
from netwatch.knowledge.schema import Positive, Share, Strict, TimeOfDay, minute


class _Minutes(Strict):
    minutes: Positive


class _Internal(Strict):
    share: Annotated[float, Field(gt=0, lt=1)]


class _Pause(Strict):
    stops: bool
    cap_minutes: Positive | None = None
    evidence: bool = False
    approval: bool = False
    appointment: bool = False


class _Term(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    zh: str
    en: str
    of: Of
    since: Annotated[Stamp, Field(alias="from")]
    until: Stamp | None = None
    by: By | None = None
    minutes: Positive | dict[str, Positive] | None = None
    natural_days: Positive | dict[str, Positive] | None = None
    working_days: Positive | dict[str, Positive] | None = None
    products: list[str] = []
    beyond_minutes: Annotated[int, Field(ge=0)] = 0
    source: str


class _ClockRule(Strict):
    until: TimeOfDay
    minutes_before: Positive
    minutes_after: Positive


class _Band(Strict):
    cores: Annotated[int, Field(ge=0)]
    minutes: Positive


class _Facility(Strict):
    bands: list[_Band]
    unknown_minutes: Positive
    backbone_minutes: Positive
    backbone_roles: list[str]
    room_minutes: Positive


class _Step(Strict):
    over: Annotated[int, Field(ge=0)]
    share: Share


class _Credit(Strict):
    steps: list[_Step]


class _Quality(Strict):
    timeliness: Share
    repeat_days: Positive
    chronic_outages: Positive
    chronic_months: Positive
    denominator: Literal["calendar"] | Positive
    customer_reasons: list[str]
    availability: dict[str, Share]
    faults_a_year: dict[str, Positive]
    credit: _Credit


class _Sources(Strict):
    limits: str = ""
    derived: str = ""
    fallback: str = ""
    product: str = ""
    clock_rule: str = ""
    internal: str = ""
    facility: str = ""


class _Policy(Strict):
    version: str
    valid_from: date
    source: str
    sources: _Sources = _Sources()
    limits: dict[str, Positive]
    fallback: _Minutes
    derived: dict[str, str]
    product: dict[str, dict[str, Positive]] = {}
    clock_rule: dict[str, _ClockRule] = {}
    internal: _Internal | None = None
    pauses: dict[str, _Pause]
    attended: dict[
        str, Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
    ] = {}
    term: list[_Term] = []
    notice_days: dict[str, Annotated[int, Field(ge=0)]]
    facility: _Facility
    quality: _Quality


class File(Strict):
    policy: Annotated[list[_Policy], Field(min_length=1)]


RESERVED = ("restoration", "internal", "cable", "room", "pause")
"""Clocks whose limits stand in tables of their own."""


def findings(file: File, document: Document) -> list[Finding]:
    out = []
    starts = [p.valid_from for p in file.policy]
    if len(set(starts)) < len(starts):
        out.append(document.finding(("policy",), "two versions have the same valid_from", "give each its own day"))
    for i, p in enumerate(file.policy):
        for level, name in p.derived.items():
            if name not in p.limits:
                out.append(
                    document.finding(
                        ("policy", i, "derived", level), f'no limit for class "{name}"', "add it to limits"
                    )
                )
        cores = [b.cores for b in p.facility.bands]
        if not cores or cores[0] != 0 or cores != sorted(set(cores)):
            out.append(document.finding(("policy", i, "facility", "bands"), "not ascending by cores from 0"))
        out += _term_findings(p, ("policy", i), document)
        out += _quality_findings(p, ("policy", i, "quality"), document)
    return out


def _term_findings(p: _Policy, at: tuple[str | int, ...], document: Document) -> Iterator[Finding]:
    names = [t.name for t in p.term]
    for n, term in enumerate(p.term):
        place = (*at, "term", n)
        if term.name in RESERVED or term.name in names[:n]:
            yield document.finding((*place, "name"), f'"{term.name}" is taken', "give it another name")
        given = [unit for unit in Unit if getattr(term, unit) is not None]
        if len(given) != 1:
            yield document.finding(place, "says how long not once", f"one of {', '.join(Unit)}")
        elif isinstance(getattr(term, given[0]), dict) != (term.by is not None):
            cure = "one figure without `by`, a table of figures with it"
            yield document.finding((*place, given[0]), "does not fit `by`", cure)
        elif term.by is By.CLASS:
            for name in getattr(term, given[0]):
                if name not in p.limits and name != "*":
                    yield document.finding((*place, given[0], name), "no such class", did_you_mean(name, p.limits))
    for name, hours in p.attended.items():
        start, end = _hours(hours)
        if name not in p.limits:
            yield document.finding((*at, "attended", name), "no such class", did_you_mean(name, p.limits))
        if start >= end:
            yield document.finding((*at, "attended", name), "does not end after it begins", 'write "08:00-20:00"')


def _quality_findings(p: _Policy, at: tuple[str | int, ...], document: Document) -> list[Finding]:
    targets = [(table, name) for table in ("availability", "faults_a_year") for name in getattr(p.quality, table)]
    out = [
        document.finding((*at, table, name), "no such class", did_you_mean(name, p.limits))
        for table, name in targets
        if name not in p.limits
    ]
    out += [
        document.finding((*at, "customer_reasons"), f'no pause "{reason}"', did_you_mean(reason, p.pauses))
        for reason in p.quality.customer_reasons
        if reason not in p.pauses
    ]
    steps = [(s.over, s.share) for s in p.quality.credit.steps]
    if steps != sorted(set(steps)) or [s for _, s in steps] != sorted({s for _, s in steps}):
        out.append(document.finding((*at, "credit", "steps"), "not ascending by `over` and by `share`"))
    return out


def _hours(text: str) -> tuple[int, int]:
    start, end = (int(t[:2]) * 60 + int(t[3:]) for t in text.split("-"))
    return start, end


def _version(p: _Policy) -> SlaPolicy:
    clock = {}
    for product, rule in p.clock_rule.items():
        clock[product] = (minute(rule.until), rule.minutes_before, rule.minutes_after)
    return SlaPolicy(
        version=p.version,
        source=p.source,
        sources={table: text for table, text in p.sources if text},
        valid_from=p.valid_from,
        limits=p.limits,
        fallback_minutes=p.fallback.minutes,
        derived=p.derived,
        product_limits=p.product,
        clock_rule=clock,
        internal_share=p.internal.share if p.internal else 1.0,
        pauses={reason: _pause(rule) for reason, rule in p.pauses.items()},
        attended={name: _hours(text) for name, text in p.attended.items()},
        terms=tuple(_term(t) for t in p.term),
        notice_days=p.notice_days,
        facility_bands=tuple(FacilityBand(b.cores, b.minutes) for b in p.facility.bands),
        facility_unknown_minutes=p.facility.unknown_minutes,
        backbone_minutes=p.facility.backbone_minutes,
        backbone_roles=frozenset(p.facility.backbone_roles),
        room_minutes=p.facility.room_minutes,
        quality=_quality(p.quality),
    )


def _pause(p: _Pause) -> PauseRule:
    cap = None if p.cap_minutes is None else p.cap_minutes * MINUTE
    return PauseRule(p.stops, cap, p.evidence, p.approval, p.appointment)


def _term(t: _Term) -> Term:
    unit = next(u for u in Unit if getattr(t, u) is not None)
    figures = getattr(t, unit)
    return Term(
        name=t.name,
        zh=t.zh,
        en=t.en,
        of=t.of,
        since=t.since,
        until=t.until,
        by=t.by,
        unit=unit,
        figures=figures if isinstance(figures, dict) else {"*": figures},
        products=frozenset(t.products),
        beyond=t.beyond_minutes * MINUTE,
        source=t.source,
    )


def _quality(q: _Quality) -> Quality:
    return Quality(
        timeliness=q.timeliness,
        repeat=q.repeat_days * DAY,
        chronic_outages=q.chronic_outages,
        chronic_months=q.chronic_months,
        customer_reasons=frozenset(q.customer_reasons),
        month=None if q.denominator == "calendar" else q.denominator * MINUTE,
        availability=q.availability,
        faults_a_year=q.faults_a_year,
        credit=tuple((step.over * MINUTE, step.share) for step in q.credit.steps),
    )


def rules(file: File) -> tuple[SlaPolicy, ...]:
    return tuple(_version(p) for p in sorted(file.policy, key=lambda p: p.valid_from))
