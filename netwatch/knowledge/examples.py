"""The examples that `alarms.toml` and `faults.toml` carry of themselves, tried in the network of `core.sample`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from netwatch.config import toml
from netwatch.config.toml import Document
from netwatch.core import sample
from netwatch.core.rules import Rules
from netwatch.findings import Finding, did_you_mean
from netwatch.knowledge import alarms, faults
from netwatch.knowledge.schema import Example


def try_examples(locate: Callable[[str], Path], rules: Rules) -> list[Finding]:
    """What `alarms.toml` and `faults.toml` say of themselves, tried: examples that fail, rules that have none."""
    findings: list[Finding] = []
    models: tuple[tuple[str, type[alarms.File | faults.File]], ...] = (
        ("alarms.toml", alarms.File),
        ("faults.toml", faults.File),
    )
    for name, model in models:
        document = toml.read(locate(name))
        parsed: alarms.File | faults.File = toml.validate(document, model)
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
        if isinstance(parsed, alarms.File):
            findings += _words(parsed, document, rules)
    return findings


def _figures(file: alarms.File | faults.File) -> Iterator[tuple[str, str]]:
    if isinstance(file, alarms.File):
        yield from (("evidence", key) for key in type(file.evidence).model_fields)
        yield from (("flapping", key) for key in type(file.flapping).model_fields)
        return
    yield from (("blindness", key) for key in type(file.blindness).model_fields)
    yield from (("feeder", key) for key in type(file.feeder).model_fields)
    yield from (("cost", key) for key in file.cost)


def _tried(example: Example, at: tuple[str | int, ...], document: Document, rules: Rules) -> Iterator[Finding]:
    wanted = {
        "cause": (example.cause, sample.causes),
        "out": (example.out, sample.outages),
        "alarm": (example.alarm, sample.alarms),
    }
    if all(expected is None for expected, _ in wanted.values()):
        yield document.finding(at, "expects nothing", 'say what must come of it: cause = ["cable K0"]')
    for key, (expected, found) in wanted.items():
        if expected is None:
            continue
        try:
            got = found(example.says, rules)
        except ValueError as error:
            yield document.finding((*at, "says"), str(error))
            return
        if got != expected:
            yield document.finding(
                (*at, key), f"expected {expected}, but it is {got}", "change the figure, or the example"
            )


def _words(file: alarms.File, document: Document, rules: Rules) -> Iterator[Finding]:
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
