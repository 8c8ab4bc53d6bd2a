"""Whom to tell when how much of a limit is used up: the rungs of `rules/dispatch.toml` over an order's clocks.

Attended hours decide who is woken when, never whether a clock runs: a rung that may wait does so until the class's
people are there, and is climbed then if the clock still runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from netwatch.core import sla
from netwatch.core.model import Clock, Pause
from netwatch.core.rules import Escalation, Of, SlaPolicy
from netwatch.core.sla.clocks import Running
from netwatch.core.time import Instant


@dataclass(frozen=True, slots=True)
class Rung:
    """Somebody to be told at an instant, as far as the clock stood until now."""

    key: str
    """The same for ever: it is climbed once."""
    at: Instant
    to: str
    share: float
    clock: Clock


def rungs(
    running: Iterable[Running], escalations: Sequence[Escalation], policy: SlaPolicy, zone: ZoneInfo
) -> Iterator[Rung]:
    """Those of the clocks that still run."""
    for one in running:
        clock = one.clock
        if clock.ended is not None:
            continue
        for rule in escalations:
            if rule.clock != clock.name or (rule.classes and one.assurance not in rule.classes):
                continue
            at = one.at(rule.share)
            if rule.attended and one.assurance in policy.attended:
                at = sla.attended_from(at, policy.attended[one.assurance], zone)
            yield Rung(f"{_name(clock)}:{rule.share:g}:{rule.to}", at, rule.to, rule.share, clock)


def _name(clock: Clock) -> str:
    # A pause is one of many; of the other clocks an order has one of each name.
    return f"{clock.name}:{clock.circuit}:{clock.source}:{clock.started}" if clock.name == "pause" else clock.name


def capped(pauses: Iterable[Pause], assurance: str) -> Iterator[Running]:
    """The caps of the pauses that are open, as clocks."""
    for pause in pauses:
        if pause.ended is None and pause.cap is not None:
            words = "挂起上限", "cap of the pause"
            clock = Clock("pause", *words, Of.OFFICE, pause.circuit, pause.started, pause.cap, None, "", pause.reason)
            yield Running(clock, assurance, pause.cap - pause.started)
