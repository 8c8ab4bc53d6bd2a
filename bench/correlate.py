"""How dear a storm, a quiet hour and a growing network are to the engine: `python bench/correlate.py [SIZE ...]`.

A tree: one core, one aggregation device, 100 customers on each access device. Four questions:

* a cable under 10,000 circuits is cut and 50,000 observations arrive within ten seconds: how much CPU passes after the
  last of them until cause, outages and ticket stand, and how much memory at most;
* what one observation costs while nothing changes: polls that repeat good news, polls that repeat bad news;
* what a fault of fixed size (one access device with its 100 customers) costs in networks of 1k, 10k and 100k devices;
* what Alertmanager's inhibition (the real process, of Debian's package) and Nagios' parents would page, on this cut and
  on the recorded nights of `../shared` where they lie: see `_paging.py`.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import statistics
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from _paging import (
    Map,
    Night,
    Truth,
    alertmanager,
    circuits_right,
    found,
    netwatch,
    parents,
    recorded,
    score,
)

from netwatch.config import shipped
from netwatch.core.engine import Engine
from netwatch.core.model import (
    Circuit,
    Condition,
    Device,
    Fact,
    Fault,
    Ledger,
    Link,
    Observation,
    Outage,
    Port,
    Role,
    Source,
    State,
    Tick,
    Ticket,
    Vantage,
    index,
)
from netwatch.core.rules import Rules
from netwatch.core.time import SECOND
from netwatch.knowledge import load_rules

T0 = 1_793_556_607_250_000
ZONE = ZoneInfo("Asia/Shanghai")
BATCH = 256
"""Observations in one decision, as the daemon takes them."""
CUSTOMERS = 100
CORPUS = Path("../shared")


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 4), "unit": unit, **({"limit": limit} if limit else {})}))


def tree(access: int) -> Ledger:
    """A network of `access` access devices with their customers."""
    devices = {
        "CORE-1": Device("CORE-1", role=Role.CORE, address="core"),
        "AGG-1": Device("AGG-1", role=Role.AGGREGATION, address="agg"),
    }
    links = {"LC": Link("LC", Port("CORE-1", "GE0/0/1"), Port("AGG-1", "GE0/0/1"), cables=("K-0",))}
    circuits = {}
    for a in range(access):
        near = f"ACC-{a}"
        devices[near] = Device(near, role=Role.ACCESS, address=near)
        links[f"LA-{a}"] = Link(f"LA-{a}", Port("AGG-1", f"GE1/0/{a}"), Port(near, "GE0/0/0"), cables=(f"KA-{a}",))
        for p in range(CUSTOMERS):
            far, link = f"CPE-{a}-{p}", f"L-{a}-{p}"
            devices[far] = Device(far, role=Role.CPE, address=far)
            links[link] = Link(link, Port(near, f"GE0/0/{p + 1}"), Port(far, "GE0/0/1"), cables=(f"K-{a}-{p}",))
            circuits[f"C-{a}-{p}"] = Circuit(
                f"C-{a}-{p}", assurance="AA", a=Port(far, ""), z=Port("CORE-1", ""), working=(link, f"LA-{a}", "LC")
            )
    return Ledger(devices=devices, links=links, circuits=circuits)


def fresh(ledger: Ledger, rules: Rules) -> Engine:
    engine = Engine(ledger, rules, ZONE)
    engine.decide([Vantage(T0, "CORE-1")], T0)
    gc.freeze()  # the ledger is no garbage, and the larger the network, the longer it takes to find that out
    gc.set_threshold(10_000, 10, 5_000)  # as the daemon has it: `app.spare_what_stays`
    return engine


def feed(engine: Engine, said: list[Observation]) -> tuple[float, float]:
    """CPU seconds for all, and for the longest decision."""
    longest, began = 0.0, time.process_time()
    for n in range(0, len(said), BATCH):
        batch: list[Fact] = [*said[n : n + BATCH]]
        started = time.process_time()
        engine.decide(batch, batch[-1].at)
        longest = max(longest, time.process_time() - started)
    return time.process_time() - began, longest


def ping(at: int, device: str, state: State) -> Observation:
    return Observation(at, device, "", Condition.REACHABLE, state, Source.PING)


def dark(at: int, end: Port) -> list[Observation]:
    return [Observation(at, end.device, end.name, c, State.BAD, Source.TRAP) for c in (Condition.LINK, Condition.LOS)]


def standing(engine: Engine) -> str:
    rows = list(index(engine.rows()).values())
    counted = {kind: sum(isinstance(r, kind) for r in rows) for kind in (Fault, Outage, Ticket)}
    return ", ".join(f"{n} {kind.__name__.lower()}s" for kind, n in counted.items())


def cut(ledger: Ledger) -> list[Observation]:
    """What is heard within ten seconds of a cut under everything."""
    rng = random.Random(1)
    below = [d for d, known in ledger.devices.items() if known.role in (Role.ACCESS, Role.CPE)]
    said = [ping(T0 + SECOND + rng.randrange(10 * SECOND), d, State.BAD) for d in below for _ in range(5)][:50_000]
    said += dark(T0 + 9 * SECOND, ledger.links["LC"].a)
    return sorted(said, key=lambda s: s.at)


def storm(rules: Rules) -> None:
    """A cut under all of 10,000 circuits."""
    ledger = tree(100)
    said = cut(ledger)
    below = [d for d, known in ledger.devices.items() if known.role in (Role.ACCESS, Role.CPE)]
    engine = fresh(ledger, rules)
    seconds, longest = feed(engine, said)
    figure(f"cut under 10,000 circuits: {len(said):,} observations heard", len(said) / seconds, "1/s of CPU")
    figure("cut under 10,000 circuits: the longest decision meanwhile", longest, "s of CPU")
    began = time.process_time()
    engine.decide([], said[-1].at + 75 * SECOND)
    seconds = time.process_time() - began
    figure("cut under 10,000 circuits: after the last one until decided", seconds, "s of CPU", "<=1")
    figure(
        "cut under 10,000 circuits: memory at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"
    )
    print(f"stands then: {standing(engine)}")
    again = [ping(said[-1].at + (100 + k) * SECOND, d, State.BAD) for k in range(3) for d in below[:5000]]
    seconds, _ = feed(engine, again)
    figure("one observation that repeats bad news, 10,000 circuits out", seconds / len(again) * 1e6, "µs of CPU")


def quiet(rules: Rules) -> None:
    engine = fresh(tree(100), rules)
    names = list(engine.ledger.devices)
    said = [ping(T0 + (60 * k + 1) * SECOND, d, State.OK) for k in range(6) for d in names]
    feed(engine, said[: len(names)])
    seconds, _ = feed(engine, said[len(names) :])
    each = seconds / (len(said) - len(names)) * 1e6
    figure("one observation that repeats good news, nothing broken", each, "µs of CPU", "<=20")


def growth(rules: Rules, devices: int) -> None:
    """One access device is cut off; the rest of the network is well."""
    ledger = tree(max(1, devices // (CUSTOMERS + 1)))
    began = time.process_time()
    engine = fresh(ledger, rules)
    figure(f"{devices:,} devices: an engine built", time.process_time() - began, "s of CPU")
    lost = ["ACC-0", *(f"CPE-0-{p}" for p in range(CUSTOMERS))]
    said = [*dark(T0 + SECOND, ledger.links["LA-0"].a)]
    said += [ping(T0 + (2 + 30 * k) * SECOND, d, State.BAD) for k in range(3) for d in lost]
    seconds, _ = feed(engine, said)
    began = time.process_time()
    engine.decide([], said[-1].at + 20 * SECOND)
    figure(f"{devices:,} devices: 101 cut off, heard and decided", seconds + time.process_time() - began, "s of CPU")
    back = [ping(T0 + 900 * SECOND, d, State.OK) for d in lost]
    seconds, _ = feed(engine, back)
    began = time.process_time()
    engine.decide([], T0 + 1600 * SECOND)
    figure(f"{devices:,} devices: the same restored and closed", seconds + time.process_time() - began, "s of CPU")


def rivals(rules: Rules) -> None:
    """The same alerts to others."""
    ledger = tree(10)
    said: list[Fact] = [Vantage(T0, "CORE-1"), *cut(ledger), Tick(T0 + 200 * SECOND)]
    broken = Truth(frozenset({("cable", "K-0"), ("link", "LC")}), T0 + SECOND, T0 + 200 * SECOND)
    own = [Night("cut", Map(ledger, "CORE-1"), said)]
    compare("cut under 1,000 circuits", own, {"cut": [broken]}, {"cut": frozenset(ledger.circuits)}, rules)
    nights, truths, out = recorded(CORPUS, rules)
    if nights:
        compare(f"{len(nights)} recorded nights", nights, truths, out, rules)
    else:
        print(f"no recorded nights in {CORPUS}: SKIPPED")


def compare(
    what: str, nights: list[Night], truths: dict[str, list[Truth]], out: dict[str, frozenset[str]], rules: Rules
) -> None:
    program = found()
    if not program:
        print("Alertmanager: SKIPPED, apt-get install prometheus-alertmanager gives it")
    for name, told in (
        ("NetWatch", netwatch(nights, rules)),
        ("Alertmanager", alertmanager(program, nights) if program else None),
        ("parents", parents(nights)),
    ):
        if told is not None:
            came = score(nights, truths, told)
            figure(f"{what}, {name}: pages for each of {came.causes} causes", came.pages / came.causes, "pages")
            figure(f"{what}, {name}: pages that name no cause", came.false, "pages")
            figure(f"{what}, {name}: causes that no page names", came.causes - came.named, "causes")
            if came.delays:
                figure(f"{what}, {name}: from cause to page, median", statistics.median(came.delays), "s")
            figure(f"{what}, {name}: circuits told right", 100 * circuits_right(told, out), "%")
            figure(f"{what}, {name}: for all of it", told.cpu, "s of CPU")


def main() -> None:
    rules = load_rules(lambda name: shipped("rules") / name)
    storm(rules)
    quiet(rules)
    rivals(rules)
    for devices in [int(x) for x in sys.argv[1:]] or [1_000, 10_000, 100_000]:
        growth(rules, devices)


if __name__ == "__main__":
    main()
