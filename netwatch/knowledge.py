"""`rules/*.toml` → `core.rules.Rules`.

Each file is checked whole: unknown and missing keys, shapes and ranges are `Finding`s with
file and key, all at once. What the files mean is told in the files themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from netwatch.config import toml
from netwatch.config.toml import Document
from netwatch.core import sample
from netwatch.core.model import Condition, RootKind, Severity, Skill
from netwatch.core.rules import (
    AlarmRule,
    AlarmRules,
    By,
    Calendar,
    DispatchRules,
    DriftRules,
    Escalation,
    FacilityBand,
    FaultRules,
    FlapRules,
    LearningRules,
    LotRules,
    Of,
    PauseRule,
    Prior,
    Quality,
    Rules,
    SlaPolicy,
    Stamp,
    Term,
    Unit,
)
from netwatch.core.sla import missing_years
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from netwatch.findings import Finding, UnusableError, did_you_mean

FILES = ("alarms.toml", "faults.toml", "sla.toml", "calendar.toml", "dispatch.toml")

_Positive = Annotated[int, Field(gt=0)]
_Share = Annotated[float, Field(gt=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Word(_Strict):
    """One word, and what it is evidence about."""

    says: str
    about: str


class _Example(_Strict):
    """What is heard in the network of `core.sample`, and what must come of it."""

    proves: Annotated[list[str], Field(min_length=1)]
    says: list[str]
    cause: list[str] | None = None
    out: list[str] | None = None
    alarm: list[str] | None = None


class _Evidence(_Strict):
    debounce_seconds: _Positive
    debounce_window_seconds: _Positive
    stability_seconds: _Positive
    settle_seconds: _Positive
    agreement_seconds: _Positive
    grace_seconds: _Positive
    reorder_seconds: _Positive
    presume_cycles: _Positive
    presume_polled_cycles: _Positive
    presume_signals: _Positive


class _Condition(_Strict):
    severity: Severity
    event_type: str
    probable_cause: str
    degrades: bool = False
    example: _Word | None = None


class _Flapping(_Strict):
    each: _Positive
    half_life_seconds: _Positive
    suppress: _Positive
    reuse: _Positive
    ceiling: _Positive


class _Alarms(_Strict):
    evidence: _Evidence
    flapping: _Flapping
    condition: dict[Condition, _Condition]
    example: list[_Example] = []


class _Blindness(_Strict):
    share: _Share
    least: _Positive
    suspect: _Share


class _Feeder(_Strict):
    share: _Share


class _Faults(_Strict):
    blindness: _Blindness
    feeder: _Feeder
    cost: dict[str, Annotated[float, Field(gt=0)]]
    example: list[_Example] = []


class _Minutes(_Strict):
    minutes: _Positive


class _Internal(_Strict):
    share: Annotated[float, Field(gt=0, lt=1)]


class _Pause(_Strict):
    stops: bool
    cap_minutes: _Positive | None = None
    evidence: bool = False
    approval: bool = False
    appointment: bool = False


class _Term(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    zh: str
    en: str
    of: Of
    since: Annotated[Stamp, Field(alias="from")]
    until: Stamp | None = None
    by: By | None = None
    minutes: _Positive | dict[str, _Positive] | None = None
    natural_days: _Positive | dict[str, _Positive] | None = None
    working_days: _Positive | dict[str, _Positive] | None = None
    products: list[str] = []
    beyond_minutes: Annotated[int, Field(ge=0)] = 0
    source: str


_TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class _ClockRule(_Strict):
    until: _TimeOfDay
    minutes_before: _Positive
    minutes_after: _Positive


class _Band(_Strict):
    cores: Annotated[int, Field(ge=0)]
    minutes: _Positive


class _Facility(_Strict):
    bands: list[_Band]
    unknown_minutes: _Positive
    backbone_minutes: _Positive
    backbone_roles: list[str]
    room_minutes: _Positive


class _Step(_Strict):
    over: Annotated[int, Field(ge=0)]
    share: _Share


class _Credit(_Strict):
    steps: list[_Step]


class _Quality(_Strict):
    timeliness: _Share
    repeat_days: _Positive
    chronic_outages: _Positive
    chronic_months: _Positive
    denominator: Literal["calendar"] | _Positive
    customer_reasons: list[str]
    availability: dict[str, _Share]
    faults_a_year: dict[str, _Positive]
    credit: _Credit


class _Sources(_Strict):
    limits: str = ""
    derived: str = ""
    fallback: str = ""
    product: str = ""
    clock_rule: str = ""
    internal: str = ""
    facility: str = ""


class _Policy(_Strict):
    version: str
    valid_from: date
    source: str
    sources: _Sources = _Sources()
    limits: dict[str, _Positive]
    fallback: _Minutes
    derived: dict[str, str]
    product: dict[str, dict[str, _Positive]] = {}
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


class _Sla(_Strict):
    policy: Annotated[list[_Policy], Field(min_length=1)]


class _Year(_Strict):
    holidays: list[str]
    workdays: list[str] = []


class _CalendarFile(_Strict):
    year: dict[Annotated[str, Field(pattern=r"^\d{4}$")], _Year]


class _Cost(_Strict):
    valid_from: date
    source: str
    dispatch: Annotated[float, Field(gt=0)]
    review_seconds: _Positive
    breach: dict[str, Annotated[float, Field(gt=0)]]


class _Override(_Strict):
    several: _Positive
    due_quantile: Annotated[float, Field(gt=0, lt=1)]
    warn_share: Annotated[float, Field(gt=0, lt=1)]


class _Brake(_Strict):
    orders: _Positive
    window_minutes: _Positive


class _Prior(_Strict):
    heals: Annotated[float, Field(ge=0, le=1)]
    self_median: Annotated[float, Field(gt=0)]
    self_sigma: Annotated[float, Field(gt=0)]
    repair_median: Annotated[float, Field(gt=0)]
    repair_sigma: Annotated[float, Field(gt=0)]


class _Demarcation(_Strict):
    own_roles: list[str]


class _Escalation(_Strict):
    clock: str
    share: Annotated[float, Field(gt=0)]
    to: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    classes: list[str] = []
    attended: bool = False


class _Learning(_Strict):
    valid_from: date
    source: str
    prior_strength: Annotated[float, Field(gt=0)]
    strength: Annotated[float, Field(gt=0)]
    half_life_days: _Positive
    alarms_right: _Share
    slips_right: _Share
    workday: tuple[_TimeOfDay, _TimeOfDay]
    enough: _Positive
    every_hours: _Positive
    refresh_seconds: _Positive
    slip: dict[str, list[str]]


class _Drift(_Strict):
    days: _Positive
    least: _Positive
    low: Annotated[float, Field(gt=0)]
    high: Annotated[float, Field(gt=0)]


class _Lot(_Strict):
    share: Annotated[float, Field(ge=0, le=0.5)]
    classes: list[str]


class _Dispatch(_Strict):
    cost: _Cost
    hold_cap_minutes: dict[str, _Positive]
    override: _Override
    brake: _Brake
    prior: dict[str, _Prior]
    skill: dict[str, Skill]
    demarcation: _Demarcation
    escalation: list[_Escalation] = []
    learning: _Learning
    drift: _Drift
    lot: _Lot


_M = TypeVar("_M", bound=_Strict)


def load_rules(locate: Path | Callable[[str], Path]) -> Rules:
    """Read all rule files. `locate` is their folder, or says for each file name where it lies.

    Raises UnusableError with every finding of every file.
    """
    where = (lambda name: locate / name) if isinstance(locate, Path) else locate
    findings: list[Finding] = []

    documents: dict[str, Document] = {}

    def read(name: str, model: type[_M]) -> _M | None:
        try:
            documents[name] = toml.read(where(name))
            return toml.validate(documents[name], model)
        except UnusableError as error:
            findings.extend(error.findings)
            return None

    alarms, faults = read("alarms.toml", _Alarms), read("faults.toml", _Faults)
    sla, calendar = read("sla.toml", _Sla), read("calendar.toml", _CalendarFile)
    dispatch = read("dispatch.toml", _Dispatch)
    days = _calendar(calendar, documents["calendar.toml"], findings) if calendar else None
    if faults:
        findings += _missing(documents["faults.toml"], "cost", [*_COSTS], faults.cost)
    if alarms and not alarms.flapping.reuse < alarms.flapping.suppress <= alarms.flapping.ceiling:
        cure = "each below the next"
        findings.append(documents["alarms.toml"].finding(("flapping",), "reuse, suppress, ceiling do not ascend", cure))
    if alarms:
        findings += _missing(documents["alarms.toml"], "condition", list(Condition), alarms.condition)
    if sla:
        findings += _policies(sla, documents["sla.toml"])
    if dispatch:
        findings += _missing(documents["dispatch.toml"], "prior", [*_PRIORS], dispatch.prior)
        findings += _dispatch_findings(dispatch, documents["dispatch.toml"])
    if dispatch and sla:
        findings += _escalations(dispatch, sla, documents["dispatch.toml"])
    if findings or not (alarms and faults and sla and days and dispatch):
        raise UnusableError(findings)
    return Rules(
        _alarm_rules(alarms),
        FaultRules(
            blind_share=faults.blindness.share,
            blind_least=faults.blindness.least,
            feeder_share=faults.feeder.share,
            blind_suspect=faults.blindness.suspect,
            cost={k: v for k, v in faults.cost.items() if k != "missing"},
            missing=faults.cost["missing"],
        ),
        tuple(_policy(p) for p in sorted(sla.policy, key=lambda p: p.valid_from)),
        days,
        _dispatch_rules(dispatch),
    )


def try_examples(locate: Callable[[str], Path], rules: Rules) -> list[Finding]:
    """What `alarms.toml` and `faults.toml` say of themselves, tried: examples that fail, rules that have none."""
    findings: list[Finding] = []
    models: tuple[tuple[str, type[_Alarms | _Faults]], ...] = (("alarms.toml", _Alarms), ("faults.toml", _Faults))
    for name, model in models:
        document = toml.read(locate(name))
        parsed: _Alarms | _Faults = toml.validate(document, model)
        figures = list(_figures(parsed))
        known = [".".join(figure) for figure in figures]
        shown = {rule for example in parsed.example for rule in example.proves}
        for i, example in enumerate(parsed.example):
            findings += _tried(example, ("example", i), document, rules)
            findings += [
                document.finding(("example", i, "proves"), f"there is no figure {rule}", did_you_mean(rule, known))
                for rule in example.proves
                if rule not in known
            ]
        findings += [
            document.finding(figure, "no example shows what it does", "add an [[example]]", warning=True)
            for figure in figures
            if ".".join(figure) not in shown
        ]
        if isinstance(parsed, _Alarms):
            findings += _words(parsed, document, rules)
    return findings


def _figures(file: _Alarms | _Faults) -> Iterator[tuple[str, str]]:
    if isinstance(file, _Alarms):
        yield from (("evidence", key) for key in type(file.evidence).model_fields)
        yield from (("flapping", key) for key in type(file.flapping).model_fields)
        return
    yield from (("blindness", key) for key in type(file.blindness).model_fields)
    yield from (("feeder", key) for key in type(file.feeder).model_fields)
    yield from (("cost", key) for key in file.cost)


def _tried(example: _Example, at: tuple[str | int, ...], file: Document, rules: Rules) -> Iterator[Finding]:
    wanted = {
        "cause": (example.cause, sample.causes),
        "out": (example.out, sample.outages),
        "alarm": (example.alarm, sample.alarms),
    }
    if all(expected is None for expected, _ in wanted.values()):
        yield file.finding(at, "expects nothing", 'say what must come of it: cause = ["cable K0"]')
    for key, (expected, found) in wanted.items():
        if expected is None:
            continue
        try:
            got = found(example.says, rules)
        except ValueError as error:
            yield file.finding((*at, "says"), str(error))
            return
        if got != expected:
            yield file.finding((*at, key), f"expected {expected}, but it is {got}", "change the figure, or the example")


def _words(file: _Alarms, document: Document, rules: Rules) -> Iterator[Finding]:
    for condition, rule in file.condition.items():
        at = ("condition", str(condition))
        if rule.example is None:
            yield document.finding(at, "no example shows what it speaks about", "add `example`", warning=True)
            continue
        try:
            (said,) = sample.heard([rule.example.says])
            got = sample.about(rule.example.says, rules)
        except ValueError as error:
            yield document.finding((*at, "example"), str(error))
            continue
        if said.condition is not condition:
            yield document.finding((*at, "example"), f"speaks of {said.condition}, not of {condition}")
        elif got != rule.example.about:
            yield document.finding((*at, "example"), f"expected {rule.example.about!r}, but it is {got!r}")


_COSTS = (RootKind.LINK, RootKind.CABLE, RootKind.DEVICE, "missing")
_PRIORS = ("cable", "link", "port", "device", "power", "premises", "configuration", "unknown")


def _missing(file: Document, table: str, needed: list[Any], there: dict[Any, Any]) -> list[Finding]:
    names, known = {str(k) for k in there}, {str(n) for n in needed}
    out = [file.finding((table,), f'"{n}" is missing') for n in sorted(known - names)]
    return out + [file.finding((table, n), "unknown key", did_you_mean(n, known)) for n in sorted(names - known)]


def _escalations(dispatch: _Dispatch, sla: _Sla, file: Document) -> Iterator[Finding]:
    """Rungs that no clock ever reaches; a site whose sla.toml tells of no terms has none to climb for them."""
    if not any(p.term for p in sla.policy):
        return
    clocks = {t.name for p in sla.policy for t in p.term if t.until is not None} | {*_RESERVED}
    classes = {name for p in sla.policy for name in p.limits}
    for n, rung in enumerate(dispatch.escalation):
        if rung.clock not in clocks:
            what = f'no clock "{rung.clock}" in sla.toml'
            yield file.finding(("escalation", n, "clock"), what, did_you_mean(rung.clock, clocks))
        for name in rung.classes:
            if name not in classes:
                hint = did_you_mean(name, classes)
                yield file.finding(("escalation", n, "classes"), f'no class "{name}" in sla.toml', hint)


def _dispatch_findings(dispatch: _Dispatch, file: Document) -> list[Finding]:
    out = [
        file.finding(("learning", "slip", cause), "no such cause", did_you_mean(cause, _PRIORS))
        for cause in dispatch.learning.slip
        if cause not in _PRIORS
    ]
    out += [
        file.finding(("lot", "classes"), f'no cost of a breach for class "{name}"', did_you_mean(name, known))
        for known in [dispatch.cost.breach]
        for name in dispatch.lot.classes
        if name not in known
    ]
    dearest = max(dispatch.cost.breach, key=lambda c: dispatch.cost.breach[c])
    if dearest in dispatch.lot.classes:
        out.append(file.finding(("lot", "classes"), f'"{dearest}" is the class whose breach costs most: never by lot'))
    if dispatch.drift.low >= dispatch.drift.high:
        out.append(file.finding(("drift", "low"), "is not below `high`"))
    if dispatch.learning.workday[0] >= dispatch.learning.workday[1]:
        out.append(file.finding(("learning", "workday"), "ends before it begins", 'such as ["08:00", "20:00"]'))
    return out


def _policies(sla: _Sla, file: Document) -> list[Finding]:
    out = []
    starts = [p.valid_from for p in sla.policy]
    if len(set(starts)) < len(starts):
        out.append(file.finding(("policy",), "two versions have the same valid_from", "give each its own day"))
    for i, p in enumerate(sla.policy):
        for level, name in p.derived.items():
            if name not in p.limits:
                out.append(
                    file.finding(("policy", i, "derived", level), f'no limit for class "{name}"', "add it to limits")
                )
        cores = [b.cores for b in p.facility.bands]
        if not cores or cores[0] != 0 or cores != sorted(set(cores)):
            out.append(file.finding(("policy", i, "facility", "bands"), "not ascending by cores from 0"))
        out += _term_findings(p, ("policy", i), file)
        out += _quality_findings(p, ("policy", i, "quality"), file)
    return out


_RESERVED = ("restoration", "internal", "cable", "room", "pause")
"""Clocks whose limits stand in tables of their own."""


def _term_findings(p: _Policy, at: tuple[str | int, ...], file: Document) -> Iterator[Finding]:
    names = [t.name for t in p.term]
    for n, term in enumerate(p.term):
        place = (*at, "term", n)
        if term.name in _RESERVED or term.name in names[:n]:
            yield file.finding((*place, "name"), f'"{term.name}" is taken', "give it another name")
        given = [unit for unit in Unit if getattr(term, unit) is not None]
        if len(given) != 1:
            yield file.finding(place, "says how long not once", f"one of {', '.join(Unit)}")
        elif isinstance(getattr(term, given[0]), dict) != (term.by is not None):
            cure = "one figure without `by`, a table of figures with it"
            yield file.finding((*place, given[0]), "does not fit `by`", cure)
        elif term.by is By.CLASS:
            for name in getattr(term, given[0]):
                if name not in p.limits and name != "*":
                    yield file.finding((*place, given[0], name), "no such class", did_you_mean(name, p.limits))
    for name, hours in p.attended.items():
        start, end = _hours(hours)
        if name not in p.limits:
            yield file.finding((*at, "attended", name), "no such class", did_you_mean(name, p.limits))
        if start >= end:
            yield file.finding((*at, "attended", name), "does not end after it begins", 'write "08:00-20:00"')


def _hours(text: str) -> tuple[int, int]:
    start, end = (int(t[:2]) * 60 + int(t[3:]) for t in text.split("-"))
    return start, end


def _quality_findings(p: _Policy, at: tuple[str | int, ...], file: Document) -> list[Finding]:
    targets = [(table, name) for table in ("availability", "faults_a_year") for name in getattr(p.quality, table)]
    out = [
        file.finding((*at, table, name), "no such class", did_you_mean(name, p.limits))
        for table, name in targets
        if name not in p.limits
    ]
    out += [
        file.finding((*at, "customer_reasons"), f'no pause "{reason}"', did_you_mean(reason, p.pauses))
        for reason in p.quality.customer_reasons
        if reason not in p.pauses
    ]
    steps = [(s.over, s.share) for s in p.quality.credit.steps]
    if steps != sorted(set(steps)) or [s for _, s in steps] != sorted({s for _, s in steps}):
        out.append(file.finding((*at, "credit", "steps"), "not ascending by `over` and by `share`"))
    return out


def unknown_days(calendar: Calendar, at: Instant, zone: ZoneInfo, place: Path) -> list[Finding]:
    """Warnings of years that working days are about to be counted in without an official calendar."""
    return [
        Finding(
            str(place),
            f"holds no holidays of {year}: its working days are counted by plain weekends",
            f"add [year.{year}] once the State Council's notice is out, usually in November of the year before",
            warning=True,
        )
        for year in missing_years(calendar, at, zone)
    ]


def _calendar(parsed: _CalendarFile, file: Document, findings: list[Finding]) -> Calendar:
    holidays: set[date] = set()
    workdays: set[date] = set()
    for year, days in parsed.year.items():
        for kind, texts, into in (("holidays", days.holidays, holidays), ("workdays", days.workdays, workdays)):
            for text in texts:
                into.update(_of_year(text, year, kind, file, findings))
    findings += [
        file.finding(("year", str(day.year)), f"{day} is both holiday and workday")
        for day in sorted(holidays & workdays)
    ]
    return Calendar(frozenset(holidays), frozenset(workdays), frozenset(int(y) for y in parsed.year))


def _of_year(text: str, year: str, kind: str, file: Document, findings: list[Finding]) -> list[date]:
    try:
        got = _days(text)
    except ValueError:
        cure = "write 2026-10-01 or 2026-10-01..2026-10-07"
        findings.append(file.finding(("year", year, kind), f"{text!r} is no day", cure))
        return []
    if {d.year for d in got} - {int(year)}:
        findings.append(file.finding(("year", year, kind), f"{text!r} lies in another year"))
    return got


def _days(text: str) -> list[date]:
    first, _, last = text.partition("..")
    start = date.fromisoformat(first)
    end = date.fromisoformat(last) if last else start
    if end < start or end - start > timedelta(days=40):
        raise ValueError(text)
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


def _alarm_rules(file: _Alarms) -> AlarmRules:
    e, f = file.evidence, file.flapping
    return AlarmRules(
        debounce=e.debounce_seconds * SECOND,
        debounce_window=e.debounce_window_seconds * SECOND,
        stability=e.stability_seconds * SECOND,
        settle=e.settle_seconds * SECOND,
        agreement=e.agreement_seconds * SECOND,
        grace=e.grace_seconds * SECOND,
        reorder=e.reorder_seconds * SECOND,
        flap=FlapRules(f.each, f.half_life_seconds * SECOND, f.suppress, f.reuse, f.ceiling),
        presume_cycles=e.presume_cycles,
        presume_polled_cycles=e.presume_polled_cycles,
        presume_signals=e.presume_signals,
        conditions={
            c: AlarmRule(c, r.severity, r.event_type, r.probable_cause, r.degrades) for c, r in file.condition.items()
        },
    )


def _policy(p: _Policy) -> SlaPolicy:
    clock = {}
    for product, rule in p.clock_rule.items():
        clock[product] = (_minute(rule.until), rule.minutes_before, rule.minutes_after)
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


def _minute(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)


def _dispatch_rules(file: _Dispatch) -> DispatchRules:
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
        workday=(_minute(file.workday[0]), _minute(file.workday[1])),
        enough=file.enough,
        every=file.every_hours * HOUR,
        refresh=file.refresh_seconds * SECOND,
        slips={word: cause for cause, words in file.slip.items() for word in words},
    )
