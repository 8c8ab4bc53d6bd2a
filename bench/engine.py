"""How fast the engine decides, quiet and in a storm: `python bench/engine.py [CIRCUITS]`.

The metro of `bench/ledger.py`. Quiet: every device and link says once that it is well. Storm: one ring is cut in two
places and forty access devices lose their power at once; every port and poll says so within a minute, in batches of
256 as the daemon takes them. The longest single decision is how long anything else has to wait.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from ledger import make

from netwatch.config import shipped
from netwatch.core.engine import Engine
from netwatch.core.model import Condition, Fact, Fault, Ledger, Observation, Source, State, Tick, Vantage
from netwatch.core.time import MINUTE, SECOND
from netwatch.knowledge import load_rules
from netwatch.ledger import read

T0 = 1_793_556_607_250_000
BATCH = 256


def figure(name: str, value: float, unit: str, limit: str = "") -> None:
    print(json.dumps({"figure": name, "value": round(value, 4), "unit": unit, **({"limit": limit} if limit else {})}))


def quiet(ledger: Ledger) -> list[Fact]:
    """Every device and both ends of every link are well."""
    said: list[Fact] = []
    for device in ledger.devices:
        said += [
            Observation(T0, device, "", what, State.OK, Source.POLL) for what in (Condition.REACHABLE, Condition.AGENT)
        ]
    for link in ledger.links.values():
        said += [
            Observation(T0, end.device, end.name, Condition.LINK, State.OK, Source.POLL) for end in (link.a, link.z)
        ]
    return said


def storm(ledger: Ledger, sites: int) -> list[Fact]:
    """Two cables of ring 0 and the mains of `sites` access devices of other rings, heard by traps and two polls."""
    said: list[Fact] = []
    start = T0 + MINUTE

    def bad(at: int, device: str, component: str, what: Condition, source: Source) -> None:
        said.append(Observation(at, device, component, what, State.BAD, source))

    for n in (2, 5):
        link = ledger.links[f"R-0-{n}"]
        for end in (link.a, link.z):
            bad(start, end.device, end.name, Condition.LINK, Source.TRAP)
    cut_off = {f"AGG-0-{n}" for n in (2, 3, 4)}
    rooms = [name for name in ledger.devices if name.startswith("ACC-")]
    dark = rooms[len(rooms) - 2 * sites :: 2]  # far from the ring: none of its rooms hangs on one of their feeds
    behind = cut_off | set(dark)
    for _ in range(3):  # whoever hangs below cannot be heard either
        behind |= {link.z.device for link in ledger.links.values() if link.a.device in behind and link.id[0] in "TL"}
    for link in ledger.links.values():
        if link.z.device in dark and link.a.device not in behind:
            bad(start + SECOND, link.a.device, link.a.name, Condition.LINK, Source.TRAP)
    for poll in (1, 2):
        for device in sorted(behind):
            bad(start + poll * 30 * SECOND, device, "", Condition.REACHABLE, Source.PING)
            bad(start + poll * 30 * SECOND, device, "", Condition.AGENT, Source.POLL)
    return sorted(said, key=lambda fact: fact.at)


def run(engine: Engine, said: list[Fact]) -> tuple[float, float, int]:
    """CPU seconds for all, for the longest decision, and the faults that stand at the end."""
    longest, began = 0.0, time.process_time()
    for batch in [*batches(said, BATCH), [Tick(said[-1].at + 2 * MINUTE)]]:
        started = time.process_time()
        engine.decide(batch, batch[-1].at)
        longest = max(longest, time.process_time() - started)
    elapsed = time.process_time() - began
    return (
        elapsed,
        longest,
        sum(isinstance(r, Fault) and r.cleared is None and not r.absorbed_by for r in engine.rows()),
    )


def batches(said: list[Fact], size: int) -> list[list[Fact]]:
    return [said[n : n + size] for n in range(0, len(said), size)]


def main() -> None:
    circuits = int(sys.argv[1]) if sys.argv[1:] else 10_000
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), circuits)
        ledger, _ = read(Path(folder))
    rules = load_rules(lambda name: shipped("rules") / name)
    began = time.process_time()
    engine = Engine(ledger, rules, ZoneInfo("Asia/Shanghai"))
    engine.decide([Vantage(T0, "CORE-1")], T0)
    figure(f"an engine built, {circuits:,} circuits", time.process_time() - began, "s of CPU")
    said = quiet(ledger)
    seconds, longest, _ = run(engine, said)
    figure("quiet: facts taken", len(said) / seconds, "facts/s of CPU")
    figure("quiet: the longest decision", longest, "s of CPU")
    said = storm(ledger, 40)
    seconds, longest, opened = run(engine, said)
    figure(f"storm: {len(said):,} facts decided", len(said) / seconds, "facts/s of CPU")
    figure("storm: the longest decision", longest, "s of CPU")
    figure("storm: faults that stand (two cables, 40 sites on 20 feeds)", opened, "faults")
    began = time.process_time()
    text = engine.freeze()
    figure("a snapshot written", time.process_time() - began, "s of CPU")
    began = time.process_time()
    Engine.thaw(text, ledger, rules, ZoneInfo("Asia/Shanghai"))
    figure("an engine rebuilt from it", time.process_time() - began, "s of CPU")
    figure("memory at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


if __name__ == "__main__":
    main()
