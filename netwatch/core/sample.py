"""The small network that the examples of `rules/` speak of, and what comes of what they say.

    core-1 ─K0─ agg-1 ─K1─ agg-2 ─K2─ agg-3 ─K3─ core-1      a ring; we stand at core-1
    agg-1 1/1 ─KA1─ acc-1          acc-1 1/1…1/4 ─KC1…KC4─ cpe-1…cpe-4
    agg-2 1/1 ─KA2─ acc-2          acc-2 1/1…1/4 ─KC5…KC8─ cpe-5…cpe-8; acc-2 1/1 and 1/2 also lie in DUCT
    agg-3 1/1 ─KO─ olt-1           olt-1 pon-1 ─FEEDER─ onu-1…onu-4, each by a drop of its own
    acc-1 is at site S1, acc-2 at S2; both hang on the feed F. Line N runs from cpe-N to core-1, unprotected.

Links: R0…R3 of the ring, A1 and A2 to the access devices, C1…C8 to the customers, O to the OLT, P1…P4 to the ONUs.

An example says what is heard, a line each: seconds, device, component if any, condition, state if not bad, source if
not the usual one: `0 agg-1 1/1 los`, `60 cpe-1 reachable ok`. `0+60*5 acc-1 1/1 link bad poll` is said five times, a
minute apart; `told=40` at the end is the time by the device's own clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from zoneinfo import ZoneInfo

from netwatch.core.alarms import Evidence
from netwatch.core.engine import Engine
from netwatch.core.faults import explain
from netwatch.core.model import (
    Alarm,
    AlarmState,
    Circuit,
    Condition,
    Device,
    Ledger,
    Link,
    Medium,
    Observation,
    Port,
    Role,
    Site,
    Source,
    State,
    Vantage,
)
from netwatch.core.rules import Rules
from netwatch.core.time import SECOND, Instant, parse
from netwatch.core.topology import Network

_T0 = parse("2026-11-02T02:00:00+08:00")
_HERE = "core-1"
_USUAL = {Condition.REACHABLE: Source.PING, Condition.AGENT: Source.POLL}


@cache
def network() -> Network:
    """The network above."""
    devices: dict[str, Device] = {}
    links: dict[str, Link] = {}

    def device(name: str, role: Role, site: str = "") -> None:
        devices[name] = Device(name, role=role, site=site, address="" if role is Role.ONU else name)

    def link(name: str, a: str, z: str, *cables: str, medium: Medium = Medium.FIBRE) -> None:
        ends = [Port(*end.split(" ", 1)) for end in (a, z)]
        links[name] = Link(name, ends[0], ends[1], medium, cables)

    device(_HERE, Role.CORE)
    for n in (1, 2, 3):
        device(f"agg-{n}", Role.AGGREGATION)
    ring = (_HERE, "agg-1", "agg-2", "agg-3", _HERE)
    for n in range(4):
        link(f"R{n}", f"{ring[n]} 0/2", f"{ring[n + 1]} 0/1", f"K{n}")
    for n in (1, 2):
        device(f"acc-{n}", Role.ACCESS, f"S{n}")
        link(f"A{n}", f"agg-{n} 1/1", f"acc-{n} 0/1", f"KA{n}")
    lines: dict[str, Circuit] = {}
    for n in range(1, 9):
        device(f"cpe-{n}", Role.CPE)
        access, port = (1, n) if n < 5 else (2, n - 4)
        link(f"C{n}", f"acc-{access} 1/{port}", f"cpe-{n} 0/1", f"KC{n}", *(("DUCT",) if n in (5, 6) else ()))
        way = (f"C{n}", f"A{access}", *(("R1",) if access == 2 else ()), "R0")
        lines[f"line-{n}"] = Circuit(f"line-{n}", a=Port(f"cpe-{n}", ""), z=Port(_HERE, ""), working=way)
    device("olt-1", Role.OLT)
    link("O", "agg-3 1/1", "olt-1 0/1", "KO")
    for n in range(1, 5):
        device(f"onu-{n}", Role.ONU)
        link(f"P{n}", "olt-1 pon-1", f"onu-{n} pon", "FEEDER", f"DROP{n}", medium=Medium.PON)
    sites = {s: Site(s, power_feed="F") for s in ("S1", "S2")}
    return Network(Ledger(sites=sites, devices=devices, links=links, circuits=lines))


def heard(says: Iterable[str]) -> list[Observation]:
    """What an example says, in its order. Raises ValueError naming the line that cannot be read."""
    return sorted((said for line in says for said in _read(line)), key=lambda said: said.at)


_LINE = re.compile(
    r"(?P<at>\d+)(?:\+(?P<every>\d+)\*(?P<times>\d+))? (?P<device>\S+)(?: (?P<component>\S*\d\S*))?"
    rf" (?P<condition>{'|'.join(Condition)})(?: (?P<state>{'|'.join(State)}))?(?: (?P<source>{'|'.join(Source)}))?"
    r"(?: told=(?P<told>\d+))?"
)


def _read(line: str) -> Iterator[Observation]:
    match = _LINE.fullmatch(line)
    if match is None or match["device"] not in network().ledger.devices:
        raise ValueError(f"{line!r} says nothing of this network: see netwatch/core/sample.py")
    condition = Condition(match["condition"])
    source = Source(match["source"]) if match["source"] else _USUAL.get(condition, Source.TRAP)
    told = _at(float(match["told"])) if match["told"] else None
    for n in range(int(match["times"] or 1)):
        at = _at(int(match["at"]) + n * int(match["every"] or 0))
        component = match["component"] or ""
        yield Observation(at, match["device"], component, condition, State(match["state"] or "bad"), source, told)


def _at(seconds: float) -> Instant:
    return _T0 + round(seconds * SECOND)


def causes(says: Sequence[str], rules: Rules) -> list[str]:
    """The roots that explain what an example says: `cable K0`, `management`."""
    evidence = Evidence()
    said = heard(says)
    for fact in said:
        evidence.hear(fact, network(), rules.alarms)
    now = max((fact.at for fact in said), default=_T0)
    found = explain(evidence.tracks, network(), _HERE, (), rules.faults, rules.alarms, now)
    return [str(cause.root) for cause in found]


def outages(says: Sequence[str], rules: Rules) -> list[str]:
    """The outages of an example, a line each: circuit, start and end in seconds, `-` while it lasts."""
    engine = Engine(network().ledger, rules, ZoneInfo("UTC"))
    engine.decide([Vantage(_T0, _HERE)], _T0)
    said = heard(says)
    for fact in said:
        engine.decide([fact], fact.at)
    last = max((fact.at for fact in said), default=_T0)
    engine.decide((), last + rules.alarms.stability + rules.alarms.debounce)
    found = sorted(engine.book.outages.values(), key=lambda o: (o.circuit, o.started))
    return [f"{o.circuit} {_seconds(o.started)} {_seconds(o.restored)}" for o in found]


def alarms(says: Sequence[str], rules: Rules) -> list[str]:
    """The alarms that stand when the last word of an example is said: what, its state and how often it was raised."""
    engine = Engine(network().ledger, rules, ZoneInfo("UTC"))
    for fact in heard(says):
        engine.decide([fact], fact.at)
    found = [row for row in engine.rows() if isinstance(row, Alarm) and row.state is not AlarmState.GONE]
    names = (f"{a.device} {a.component} {a.condition} {a.state} {a.count}" for a in found)
    return sorted(name.replace("  ", " ") for name in names)


def _seconds(at: Instant | None) -> str:
    return "-" if at is None else f"{(at - _T0) / SECOND:g}"


def about(says: str, rules: Rules) -> str:
    """The thing of the network that one word is evidence about: `link L`, `device D`; empty for what only degrades."""
    evidence = Evidence()
    evidence.hear(heard([says])[0], network(), rules.alarms)
    return ", ".join(sorted(" ".join(element) for element in evidence.tracks))
