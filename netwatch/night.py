"""A recorded night, fed through the engine in virtual time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from netwatch.core.account import account
from netwatch.core.engine import Engine
from netwatch.core.journal import UnreadableError, read_fact
from netwatch.core.model import Decision, Fact, Ledger
from netwatch.core.rules import Rules
from netwatch.findings import Finding, UnusableError


@dataclass(frozen=True, slots=True)
class Night:
    """The facts of a journal in the order in which they count, each with its line number."""

    facts: tuple[tuple[int, Fact], ...]


def read(lines: Iterable[str], rules: Rules, name: str = "journal") -> Night:
    """Read a journal. Lines need not stand in order; a line that is there twice counts once.

    Raises UnusableError naming every line that cannot be read.
    """
    facts: list[tuple[int, Fact]] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("\ufeff")
        if not text or text in seen:
            continue
        seen.add(text)
        try:
            facts.append((number, read_fact(text, rules.reasons)))
        except UnreadableError as error:
            findings.append(Finding(f"{name}:{number}", str(error)))
    if findings:
        raise UnusableError(findings)
    return Night(tuple(sorted(facts, key=lambda f: f[1].at)))


def replay(night: Night, ledger: Ledger, rules: Rules, zone: ZoneInfo, vantage: str = "") -> list[dict[str, Any]]:
    """The final account of a night; see `core.account`."""
    engine = _awake(ledger, rules, zone, vantage)
    problems: list[tuple[int, str]] = []
    for number, fact in night.facts:
        problems += [(number, what) for what in engine.unknown_ids(fact)]
        engine.decide([fact], fact.at)
    engine.conclude()
    return account(engine.book, engine.net, rules, zone, engine.book.now, problems)


def decisions(night: Night, ledger: Ledger, rules: Rules, zone: ZoneInfo, vantage: str = "") -> Iterator[Decision]:
    """All that is decided in a night, in its order: what a store would remember of it."""
    engine = _awake(ledger, rules, zone, vantage)
    for _, fact in night.facts:
        yield engine.decide([fact], fact.at)
    yield engine.conclude()


def _awake(ledger: Ledger, rules: Rules, zone: ZoneInfo, vantage: str) -> Engine:
    engine = Engine(ledger, rules, zone)
    engine.book.vantage = vantage
    return engine
