"""`alarms.toml`: what becomes an alarm, when it is believed, and when it flaps."""

from __future__ import annotations

from collections.abc import Iterator

from netwatch.config.toml import Document
from netwatch.core.model import Condition, Severity
from netwatch.core.rules import AlarmRule, AlarmRules, FlapRules
from netwatch.core.time import SECOND
from netwatch.findings import Finding
from netwatch.knowledge.schema import Example, Positive, Strict, missing


class _Word(Strict):
    """One word, and what it is evidence about."""

    says: str
    about: str


class _Evidence(Strict):
    debounce_seconds: Positive
    debounce_window_seconds: Positive
    stability_seconds: Positive
    settle_seconds: Positive
    agreement_seconds: Positive
    grace_seconds: Positive
    reorder_seconds: Positive
    presume_cycles: Positive
    presume_polled_cycles: Positive
    presume_signals: Positive


class _Condition(Strict):
    severity: Severity
    event_type: str
    probable_cause: str
    degrades: bool = False
    example: _Word | None = None


class _Flapping(Strict):
    each: Positive
    half_life_seconds: Positive
    suppress: Positive
    reuse: Positive
    ceiling: Positive


class File(Strict):
    evidence: _Evidence
    flapping: _Flapping
    condition: dict[Condition, _Condition]
    example: list[Example] = []


def findings(file: File, document: Document) -> Iterator[Finding]:
    if not file.flapping.reuse < file.flapping.suppress <= file.flapping.ceiling:
        yield document.finding(("flapping",), "reuse, suppress, ceiling do not ascend", "each below the next")
    yield from missing(document, "condition", list(Condition), file.condition)


def rules(file: File) -> AlarmRules:
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
