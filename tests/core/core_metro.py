"""A small metro to break things in, and the words to say what is heard of it.

    CORE-1 ──K0── AGG-1 ──K1── AGG-2 ──K2── AGG-3 ──K3── CORE-1        a ring; AGG-n at site S-n
    AGG-1 ──KT1── ACC-1   AGG-2 ──KT2── ACC-2                          ACC-2 also lies in DUCT with L3
    ACC-1: CPE-1 (KL1), CPE-2 (KL2)   ACC-2: CPE-3 (KL3), then a media converter and CPE-4 (KL4)
    AGG-3 ──KO── OLT-1: ONU-1 … ONU-4 through cable FEEDER and drops D1 … D4
    S-ACC-1 and S-ACC-2 hang on the power feed F-1

Each leaf has a circuit to CORE-1 with its number: C1 … C4 (CPE), C5 … C8 (ONU). Those of ACC-1 and ACC-2 are
protected around the ring as far as it goes. V1 is an overlay over C1. PORT-9 of AGG-2 faces a customer without a link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from netwatch.core.account import account
from netwatch.core.alarms import Evidence
from netwatch.core.engine import Engine
from netwatch.core.faults import explain
from netwatch.core.faults.causes import Cause, Planned
from netwatch.core.intervals import FOREVER
from netwatch.core.model import (
    Circuit,
    Condition,
    Customer,
    Device,
    Fact,
    Ledger,
    Link,
    Medium,
    Observation,
    Port,
    Role,
    Site,
    Source,
    State,
    Team,
    Vantage,
)
from netwatch.core.time import SECOND, Instant, parse
from netwatch.core.topology import Network
from netwatch.knowledge import load_rules

ZONE = ZoneInfo("Asia/Shanghai")
RULES = load_rules(Path(__file__).resolve().parents[2] / "rules")
T0 = parse("2026-11-02T02:00:00+08:00")

_USUAL = {
    Condition.REACHABLE: Source.PING,
    Condition.AGENT: Source.POLL,
    Condition.LOSS: Source.PROBE,
    Condition.LATENCY: Source.PROBE,
}


def at(seconds: float) -> Instant:
    return T0 + round(seconds * SECOND)


def port(text: str) -> Port:
    device, _, name = text.partition(" ")
    return Port(device, name)


def say(
    seconds: float,
    where: str,
    condition: str,
    state: str = "bad",
    source: str = "",
    occurred: float | None = None,
) -> Observation:
    """An observation `seconds` after T0; `where` is `DEVICE COMPONENT` or `DEVICE`."""
    device, _, component = where.partition(" ")
    word = Condition(condition)
    return Observation(
        at(seconds),
        device,
        component,
        word,
        State(state),
        Source(source) if source else _USUAL.get(word, Source.TRAP),
        None if occurred is None else at(occurred),
    )


def dark(seconds: float, *ends: str) -> list[Observation]:
    """Both words of a port that lost its light."""
    return [say(seconds, end, word) for end in ends for word in ("link", "los")]


def lit(seconds: float, *ends: str) -> list[Observation]:
    return [say(seconds, end, word, "ok") for end in ends for word in ("link", "los")]


def silent(seconds: float, *devices: str) -> list[Observation]:
    return [say(seconds, device, "reachable") for device in devices]


def back(seconds: float, *devices: str) -> list[Observation]:
    return [say(seconds, device, "reachable", "ok") for device in devices]


class Builder:
    """A ledger, thing by thing."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.devices: dict[str, Device] = {}
        self.links: dict[str, Link] = {}
        self.customers: dict[str, Customer] = {}
        self.circuits: dict[str, Circuit] = {}
        self.teams: dict[str, Team] = {}

    def site(self, name: str, region: str = "R1", feed: str = "") -> None:
        self.sites[name] = Site(name, region=region, power_feed=feed)

    def device(self, name: str, role: Role, site: str = "", **more: Any) -> None:
        if site and site not in self.sites:
            self.site(site)
        address = "" if role is Role.ONU else f"ip-{name}"
        self.devices[name] = Device(name, role=role, site=site, **{"address": address, **more})

    def link(self, name: str, a: str, z: str, *cables: str, medium: Medium = Medium.FIBRE, cores: int = 96) -> None:
        self.links[name] = Link(name, port(a), port(z), medium, cables, cores)

    def circuit(self, name: str, a: str, z: str, working: str, protecting: str = "", **more: Any) -> None:
        values = {"assurance": "AA", **more}
        self.circuits[name] = Circuit(
            name, a=port(a), z=port(z), working=tuple(working.split()), protecting=tuple(protecting.split()), **values
        )

    def team(self, name: str, skills: str, regions: str = "R1", company: str = "") -> None:
        self.teams[name] = Team(name, company, frozenset(skills.split()), frozenset(regions.split()))

    def ledger(self) -> Ledger:
        return Ledger(self.sites, self.devices, self.links, self.customers, self.circuits, self.teams)


def metro() -> Builder:
    """The metro of this module's first lines."""
    b = Builder()
    b.site("S-ACC-1", feed="F-1")
    b.site("S-ACC-2", feed="F-1")
    b.device("CORE-1", Role.CORE, "S-CORE")
    for n in (1, 2, 3):
        b.device(f"AGG-{n}", Role.AGGREGATION, f"S-{n}")
    b.link("R0", "CORE-1 GE0/0/1", "AGG-1 GE0/0/1", "K0")
    b.link("R1", "AGG-1 GE0/0/2", "AGG-2 GE0/0/1", "K1")
    b.link("R2", "AGG-2 GE0/0/2", "AGG-3 GE0/0/1", "K2")
    b.link("R3", "AGG-3 GE0/0/2", "CORE-1 GE0/0/2", "K3")
    for n in (1, 2):
        b.device(f"ACC-{n}", Role.ACCESS, f"S-ACC-{n}")
    b.link("T1", "AGG-1 GE1/0/1", "ACC-1 GE0/0/0", "KT1")
    b.link("T2", "AGG-2 GE1/0/1", "ACC-2 GE0/0/0", "KT2", "DUCT")
    for n, access in ((1, "ACC-1"), (2, "ACC-1"), (3, "ACC-2"), (4, "ACC-2")):
        b.device(f"CPE-{n}", Role.CPE, f"P-{n}")
        if n == 4:
            b.device("CONV-4", Role.CONVERTER, "P-4", managed=False, address="")
            b.link("L4", "ACC-2 GE0/1/4", "CONV-4 F", "KL4")
            b.link("L4B", "CONV-4 E", "CPE-4 GE0/0/1", medium=Medium.COPPER)
        else:
            b.link(f"L{n}", f"{access} GE0/1/{n}", f"CPE-{n} GE0/0/1", f"KL{n}", *(["DUCT"] if n == 3 else []))
        first, way, other = ("T1", "R0", "R1 R2 R3") if access == "ACC-1" else ("T2", "R1 R0", "R2 R3")
        links = f"L{n} {'L4B ' if n == 4 else ''}{first}"
        b.circuit(f"C{n}", f"CPE-{n}", "CORE-1", f"{links} {way}", f"{links} {other}")
    b.circuit("V1", "CPE-1", "CORE-1", "", product="vpn", over="C1")
    b.circuit("P9", "AGG-2 GE0/9/9", "CORE-1", "R1 R0", "R2 R3")
    b.device("OLT-1", Role.OLT, "S-OLT")
    b.link("TO", "AGG-3 GE1/0/1", "OLT-1 GE0/0/0", "KO")
    for n in range(1, 5):
        b.device(f"ONU-{n}", Role.ONU, f"P-O{n}")
        b.link(f"O{n}", "OLT-1 gpon-0/0/1", f"ONU-{n} pon", "FEEDER", f"D{n}", medium=Medium.PON)
        b.circuit(f"C{n + 4}", f"ONU-{n}", "CORE-1", f"O{n} TO R3", f"O{n} TO R2 R1 R0")
    b.team("own", "data transport access cable power customer")
    b.team("out-cable", "cable", company="Outsourced Ltd")
    b.team("out-far", "cable access customer", "R2", company="Outsourced Ltd")
    b.team("out-access", "access customer data", company="Outsourced Ltd")
    return b


def explained(
    facts: Iterable[Observation],
    ledger: Ledger | None = None,
    planned: tuple[Planned, ...] = (),
    vantage: str = "CORE-1",
    now: Instant = FOREVER,
    wake: Callable[[Instant], None] = lambda at: None,
) -> list[Cause]:
    """The causes of what was heard."""
    net, evidence = Network(ledger or metro().ledger()), Evidence()
    for fact in sorted(facts, key=lambda f: f.at):
        evidence.hear(fact, net, RULES.alarms)
    return explain(evidence.tracks, net, vantage, planned, RULES.faults, RULES.alarms, now, wake)


def engine(ledger: Ledger | None = None, vantage: str = "CORE-1") -> Engine:
    made = Engine(ledger or metro().ledger(), RULES, ZONE)
    if vantage:
        made.decide([Vantage(T0, vantage)], T0)
    return made


def told(run: Engine) -> list[dict[str, Any]]:
    """The final account as it stands."""
    return account(run.book, run.net, run.rules, run.zone, run.book.now)


def night(facts: Iterable[Fact], until: float, ledger: Ledger | None = None) -> Engine:
    """An engine that has heard these facts one by one, and time until so many seconds after T0."""
    run = engine(ledger)
    for fact in sorted(facts, key=lambda f: f.at):
        run.decide([fact], fact.at)
    run.decide([], at(until))
    return run


def rows(run: Engine, kind: str) -> list[dict[str, Any]]:
    return [row for row in told(run) if row["type"] == kind]


def shifted(facts: Iterable[Fact], seconds: float) -> list[Fact]:
    return [replace(f, at=f.at + round(seconds * SECOND)) for f in facts]
