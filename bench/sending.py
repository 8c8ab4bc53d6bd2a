"""What the forecast saves when crews are sent by it, in many simulated worlds that it knows nothing of.

    python bench/sending.py [--quick] [--misled] [--seeds 30] [--markdown]
    python bench/sending.py --foresight [--seeds 12]

Each seed draws a world: how often causes come, heal by themselves and how long repairs take; lognormal, Weibull or
log-logistic by turns, which the forecast does not know (it assumes lognormals); alarms that name the wrong cause for
10 to 40 % of the faults; slips that are wrong too; slow and fast teams of one crew each, which queue; stormy days on
which fibre is cut all over town. The simulator shares neither code nor parameters with the forecast and its priors.
A year of history was made by a hold-off of 20 min, so it is censored by it: all of it (4,000 faults) or the last 400.
Every policy is tuned on that history as it was seen, and then meets the same 3,000 new faults in simulated time.

The worlds lie around published figures, and so do the priors of rules/dispatch.toml: that flatters a forecast with a
short history. `--misled` gives it priors that are wrong by a factor of two everywhere and know nothing of healing.

`--foresight` asks only how well is foreseen whether limits are kept: learnt from the earlier 70 % of a history, judged
on the later 30 %, against what people would use in place of the forecast.

The figures are mean differences between policies within a world, with 95 % intervals over worlds, and the worst world.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from netwatch.core.forecast import miss
from netwatch.core.forecast.calibration import brier, calibration, log_loss
from netwatch.core.forecast.experience import Circumstances
from netwatch.core.forecast.history import learn
from netwatch.core.forecast.past import End, Past, queued
from netwatch.core.rules import Prior
from netwatch.core.time import DAY, MINUTE, parse
from netwatch.knowledge import load_rules
from netwatch.report import backtest as bt
from netwatch.report import policies
from netwatch.report.accuracy import FORECAST, ask

Vector: TypeAlias = npt.NDArray[np.float64]

RULES = load_rules(Path(__file__).resolve().parent.parent / "rules")
START = parse("2025-01-01T00:00:00+08:00")
HISTORY, SHORT, NEW = 4000, 400, 3000
FIRST = 100
HOLD = 20.0
"""Minutes; the policy that was in force while the history was made."""
LIMITS = {"AAA": 120.0, "AA": 240.0, "A": 360.0, "standard": 480.0}
MIX = {"AAA": 0.1, "AA": 0.2, "A": 0.3, "standard": 0.4}
FAMILIES = ("lognormal", "weibull", "log-logistic")
SCALES = tuple(map(float, np.geomspace(0.1, 5, 15)))
"""A breach weighed lighter or heavier: how frontiers of trips against breaches are traced."""
LEVELS = (450.0, 500.0, 550.0, 600.0, 650.0, 700.0)
NOBODY = "nobody before the limit"
TABLE_ALL = "table, had its past been seen whole"

# What alarms call it, how often it comes, heals by itself (share, median), is repaired (median): minutes.
CAUSES = {
    "link": (0.34, 1.00, 6.0, 60.0),
    "device": (0.14, 0.90, 8.0, 60.0),
    "power": (0.16, 1.00, 100.0, 75.0),
    "cable": (0.18, 0.00, 1.0, 200.0),
    "port": (0.10, 0.15, 25.0, 105.0),
    "premises": (0.08, 0.30, 30.0, 95.0),
}


@dataclass(frozen=True)
class Faults:
    """Faults as the world knows them: what would happen, whoever is sent and when."""

    at: Vector
    """Minutes since the beginning."""
    cause: npt.NDArray[np.intp]
    label: npt.NDArray[np.intp]
    team: npt.NDArray[np.intp]
    night: npt.NDArray[np.bool_]
    suburb: npt.NDArray[np.bool_]
    assurance: npt.NDArray[np.str_]
    limit: Vector
    healed: Vector
    """Minutes until it would heal; inf: never."""
    work: Vector
    """Minutes that a free crew takes, the way included."""
    slip: npt.NDArray[np.intp]

    def part(self, where: slice) -> Faults:
        return Faults(**{name: column[where] for name, column in vars(self).items()})


class World:
    """One seed's truth, drawn from wide ranges."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.family = FAMILIES[seed % len(FAMILIES)]
        names, truth = list(CAUSES), np.array(list(CAUSES.values()))
        count = len(names)
        share = truth[:, 0] * np.exp(rng.normal(0, 0.3, count))
        self.share = share / share.sum()
        self.heals = np.where(truth[:, 1] > 0, np.clip(truth[:, 1] + rng.uniform(-0.15, 0.15, count), 0.02, 1), 0.0)
        self.self_median = truth[:, 2] * _spread(rng, 1.6, count)
        self.self_sigma = rng.uniform(0.8, 1.6, count)
        # A network as a whole may be half as fast again, or slower, than what priors say.
        self.work_median = truth[:, 3] * _spread(rng, 1.6, count) * _spread(rng, 1.4, 1)
        self.work_sigma = rng.uniform(0.3, 0.9, count)
        self.wrong = float(rng.uniform(0.1, 0.4))
        self.slips_wrong = float(rng.uniform(0.0, 0.2))
        self.mistaken = rng.dirichlet(np.full(count, 0.7), count)
        self.teams = np.exp(rng.normal(0, rng.uniform(0.1, 0.5), 12))
        self.night, self.suburb = float(rng.uniform(1.0, 1.6)), float(rng.uniform(1.0, 1.6))

    def faults(self, count: int) -> Faults:
        rng, causes = self.rng, len(CAUSES)
        day = self._days(count)
        stormy = self.storms[day]
        at = day * 1440 + rng.uniform(0, 1440, count)
        order = np.argsort(at)
        at, stormy = at[order], stormy[order]
        cause = rng.choice(causes, count, p=self.share)
        cause = np.where(stormy & (rng.random(count) < 0.7), list(CAUSES).index("cable"), cause)
        other = np.array([rng.choice(causes, p=self.mistaken[c]) for c in cause])
        label = np.where(rng.random(count) < self.wrong, other, cause)
        slip = np.where(rng.random(count) < self.slips_wrong, rng.integers(0, causes, count), cause)
        hour = at / 60 % 24
        night, suburb = (hour < 8) | (hour >= 18.5), rng.random(count) < 0.3
        team = rng.integers(0, len(self.teams), count)
        healed = self._draw(self.self_median[cause], self.self_sigma[cause])
        work = self._draw(self.work_median[cause], self.work_sigma[cause])
        work *= self.teams[team] * np.where(night, self.night, 1) * np.where(suburb, self.suburb, 1)
        work *= np.where(stormy, 1.3, 1.0)
        assurance = rng.choice(list(MIX), count, p=list(MIX.values()))
        return Faults(
            at, cause, label, team, night, suburb, assurance,
            np.array([LIMITS[a] for a in assurance]),
            np.where(rng.random(count) < self.heals[cause], healed, math.inf),
            work, slip,
        )  # fmt: skip

    def _days(self, count: int) -> npt.NDArray[np.intp]:
        """The day of each fault; one in thirty is stormy and has six times as many."""
        length = math.ceil(count / HISTORY * 365)
        self.storms = self.rng.random(length) < 1 / 30
        weight = np.where(self.storms, 6.0, 1.0)
        return self.rng.choice(length, count, p=weight / weight.sum())

    def _draw(self, median: Vector, sigma: Vector) -> Vector:
        """Times of this median; the same spread of logarithms in each family, other tails."""
        u = np.clip(self.rng.random(len(median)), 1e-12, 1 - 1e-12)
        match self.family:
            case "weibull":
                shape = 1.2825 / sigma
                return median * (-np.log(u) / math.log(2)) ** (1 / shape)
            case "log-logistic":
                return median * (u / (1 - u)) ** (sigma * math.sqrt(3) / math.pi)
            case _:
                return median * np.exp(sigma * self.rng.standard_normal(len(median)))


def _spread(rng: np.random.Generator, by: float, count: int) -> Vector:
    return np.exp(rng.uniform(-math.log(by), math.log(by), count))


def live(faults: Faults, hold: Vector) -> tuple[npt.NDArray[np.bool_], Vector, Vector]:
    """(sent, ended, sent at) in simulated time: each team has one crew, and who is sent for while it works waits.

    Minutes after each fault began. Nobody waits beyond the limit to send.
    """
    hold = np.minimum(hold, faults.limit)
    sent, ended = faults.healed > hold, faults.healed.copy()
    free: dict[int, float] = defaultdict(float)
    leaves = faults.at + hold
    for n in np.argsort(leaves, kind="stable"):
        if not sent[n]:
            continue
        team = int(faults.team[n])
        begins = max(leaves[n], free[team])
        heals = faults.at[n] + faults.healed[n]
        if heals <= begins:
            continue  # called off on the way
        over = min(begins + faults.work[n], heals)
        ended[n], free[team] = over - faults.at[n], over
    return sent, ended, hold


def record(faults: Faults, hold: Vector) -> list[Past]:
    """What a log would hold of these faults under a policy."""
    sent, ended, hold = live(faults, hold)
    names = list(CAUSES)
    past = [
        Past(
            started=START + int(faults.at[n] * MINUTE),
            cause=names[faults.label[n]],
            end=End.HEALED if ended[n] == faults.healed[n] else End.REPAIRED,
            lasted=float(ended[n]),
            sent=float(hold[n]) if sent[n] else None,
            found=names[faults.slip[n]] if ended[n] != faults.healed[n] else "",
            team=f"T-{faults.team[n]}",
            area="suburb" if faults.suburb[n] else "city",
            night=bool(faults.night[n]),
            assurance=str(faults.assurance[n]),
            limit=float(faults.limit[n]),
        )
        for n in range(len(faults.at))
    ]
    return queued(past)


# ---------------------------------------------------------------- one world


@dataclass(frozen=True)
class Result:
    """What one world and one length of history came to."""

    seed: int
    history: int
    family: str
    trips: dict[str, float]
    breaches: dict[str, float]
    """Per 1,000 faults, as trips."""
    cost: dict[str, float]
    equal: dict[str, float]
    """Policy → breaches per 1,000 of the forecast less those of the policy, at the policy's own number of trips."""
    levels: dict[float, tuple[float, float]]
    """Trips per 1,000 → breaches of the forecast and of the table, each tuned to send so often."""
    slope: float | None
    skill: float
    """1 - Brier / Brier of the base rate, at the departures of the forecast's policy."""


def misled(priors: Mapping[str, Prior]) -> dict[str, Prior]:
    """Priors that are wrong: healing and repairs take twice as long, and everything heals as often as not."""
    return {
        cause: Prior(0.5, 2 * p.self_median, p.self_sigma, 2 * p.repair_median, p.repair_sigma)
        for cause, p in priors.items()
    }


def judge(seed: int, new: int, histories: tuple[int, ...], wrong: bool) -> list[Result]:
    world = World(seed)
    priors = misled(RULES.dispatch.priors) if wrong else RULES.dispatch.priors
    old, later = world.faults(HISTORY), world.faults(new)
    log = record(old, np.full(HISTORY, HOLD))
    coming = record(later, np.zeros(new))
    costs = policies.Costs.of(RULES.dispatch)
    breach = np.array([costs.of_breach(str(a)) for a in later.assurance])
    results = []
    for length in histories:
        part = slice(HISTORY - length, HISTORY)
        trained = policies.Trained(log[part], priors, RULES.dispatch.learning, costs, np.random.default_rng(seed))
        holds = trained.holds(coming)
        seen = old.part(part)
        whole = policies.Trained(
            log[part],
            priors,
            RULES.dispatch.learning,
            costs,
            np.random.default_rng(seed),
            (seen.healed[None], seen.work[None]),
        )
        holds[TABLE_ALL] = whole.best.by_cell(coming)
        holds[NOBODY] = later.limit
        holds[policies.CLAIRVOYANT] = policies.clairvoyant(later.limit, later.healed)
        trips, breaches, cost = {}, {}, {}
        for policy, hold in holds.items():
            sent, ended, _ = live(later, hold)
            broken = ended > later.limit
            trips[policy], breaches[policy] = 1000 * sent.mean(), 1000 * broken.mean()
            cost[policy] = float((costs.dispatch * sent + breach * broken).mean())
        ours = _frontier(later, [trained.forecast(coming, scale) for scale in SCALES])
        table = _frontier(later, [trained.tuned(scale).by_cell(coming) for scale in SCALES])
        equal = {p: _at(ours, trips[p]) - breaches[p] for p in (policies.TABLE, policies.CLASS_TUNED, TABLE_ALL)}
        levels = {t: (_at(ours, t), _at(table, t)) for t in LEVELS if min(ours[0][0], table[0][0]) <= t}
        told, missed = _departures(trained, coming, later, holds[policies.OURS])
        base = missed.mean() * (1 - missed.mean())
        skill = 1 - float(brier(told, missed).mean()) / base if base else math.nan
        fit = calibration(told, missed, 20)
        results.append(
            Result(seed, length, world.family, trips, breaches, cost, equal, levels, fit[0] if fit else None, skill)
        )
    return results


def _frontier(later: Faults, holds: list[Vector]) -> list[tuple[float, float]]:
    """(trips, breaches) per 1,000 of each policy, and of sending at once."""
    points = []
    for hold in (*holds, np.zeros(len(later.at))):
        sent, ended, _ = live(later, hold)
        points.append((1000 * float(sent.mean()), 1000 * float((ended > later.limit).mean())))
    return sorted(points)


def _at(frontier: list[tuple[float, float]], trips: float) -> float:
    return float(np.interp(trips, [t for t, _ in frontier], [b for _, b in frontier]))


def _departures(trained: policies.Trained, coming: list[Past], later: Faults, hold: Vector) -> tuple[Vector, Vector]:
    """What was forecast at each departure, and whether the limit was broken."""
    sent, ended, hold = live(later, hold)
    ahead = [p.ahead for p in record(later, hold)]
    told, missed = [], []
    for n, p in enumerate(coming):
        if sent[n] and hold[n] < p.limit:
            branches = trained.known.branches(p.cause, Circumstances(p.team, p.area, p.night, ahead[n]))
            told.append(miss(branches, float(hold[n]), p.limit))
            missed.append(float(ended[n] > p.limit))
    return np.array(told), np.array(missed)


def foresee(seed: int) -> dict[tuple[int, str], tuple[float, float, float]]:
    """(history, model) → (Brier, log loss, slope of calibration) in one world."""
    world, dispatch, out = World(seed), RULES.dispatch, {}
    log = record(world.faults(HISTORY), np.full(HISTORY, HOLD))
    for length in (SHORT, HISTORY):
        train, test = bt.split(log[-length:])
        known = learn(train, dispatch.priors, train[-1].started + DAY, dispatch.learning)
        asked = ask(known, train, test)
        for model, said in asked.said.items():
            fit = calibration(said, asked.was, 10)
            slope = fit[0] if fit else math.nan
            out[length, model] = float(brier(said, asked.was).mean()), float(log_loss(said, asked.was).mean()), slope
    return out


def tell_foresight(worlds: list[dict[tuple[int, str], tuple[float, float, float]]], markdown: bool) -> None:
    rows = []
    for history, model in sorted(worlds[0]):
        mine = np.array([w[history, model] for w in worlds])
        worse = sum(w[history, FORECAST][1] < w[history, model][1] for w in worlds)
        slopes = f"{np.nanmean(mine[:, 2]):.2f} ({np.nanmin(mine[:, 2]):.2f} to {np.nanmax(mine[:, 2]):.2f})"
        won = "" if model == FORECAST else f"{worse}/{len(worlds)}"
        rows.append([str(history), model, f"{mine[:, 0].mean():.4f}", f"{mine[:, 1].mean():.4f}", slopes, won])
    print(table(["history", "model", "Brier", "log loss", "slope", "forecast better"], rows, markdown))


# ---------------------------------------------------------------- all worlds


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half of a 95 % interval over worlds."""
    x = np.array(values)
    return float(x.mean()), float(1.96 * x.std(ddof=1) / math.sqrt(len(x))) if len(x) > 1 else math.nan


def tell(results: list[Result], markdown: bool) -> None:
    for history in sorted({r.history for r in results}, reverse=True):
        mine = [r for r in results if r.history == history]
        print(f"\n{history} faults of history, {len(mine)} worlds; 95 % intervals over worlds\n")
        header = ["policy", "trips/1000", "breaches/1000", "cost/fault", "forecast costs", "forecast wins", "its worst"]
        rows = []
        for policy in mine[0].cost:
            gaps = [100 * (r.cost[policies.OURS] / r.cost[policy] - 1) for r in mine]
            mean, half = interval(gaps)
            trips, breaches = (interval([getattr(r, k)[policy] for r in mine])[0] for k in ("trips", "breaches"))
            cost, wide = interval([r.cost[policy] for r in mine])
            row = [policy, f"{trips:.0f}", f"{breaches:.1f}", f"{cost:.3f} ± {wide:.3f}"]
            against = [f"{mean:+.1f} ± {half:.1f} %", f"{sum(g < 0 for g in gaps)}/{len(gaps)}", f"{max(gaps):+.1f} %"]
            rows.append(row + (["", "", ""] if policy == policies.OURS else against))
        print(table(header, rows, markdown))
        for policy in mine[0].equal:
            mean, half = interval([r.equal[policy] for r in mine])
            worst = max(r.equal[policy] for r in mine)
            print(f"breaches/1000 at the trips of `{policy}`: {mean:+.1f} ± {half:.1f}, worst world {worst:+.1f}")
        for level in LEVELS:
            pairs = [r.levels[level] for r in mine if level in r.levels]
            if len(pairs) > 1:
                gaps = [100 * (a / b - 1) for a, b in pairs]
                mean, half = interval(gaps)
                (a, _), (b, _) = interval([a for a, _ in pairs]), interval([b for _, b in pairs])
                print(
                    f"at {level:.0f} trips/1000: forecast {a:.1f}, table {b:.1f} breaches ({mean:+.1f} ± {half:.1f} %, "
                    f"worst {max(gaps):+.1f} %, {len(pairs)} worlds)"
                )
        slopes = [r.slope for r in mine if r.slope is not None]
        inside = sum(0.8 <= s <= 1.25 for s in slopes)
        print(
            f"calibration slope {interval(slopes)[0]:.2f} (from {min(slopes):.2f} to {max(slopes):.2f}; {inside} of "
            f"{len(slopes)} within 0.8 to 1.25), Brier skill {interval([r.skill for r in mine])[0]:.2f}"
        )
        for family in FAMILIES:
            gaps = [100 * (r.cost[policies.OURS] / r.cost[policies.TABLE] - 1) for r in mine if r.family == family]
            if gaps:
                mean, half = interval(gaps)
                print(f"{family}: forecast against the tuned table {mean:+.1f} ± {half:.1f} % in {len(gaps)} worlds")


def table(header: list[str], rows: list[list[str]], markdown: bool) -> str:
    if markdown:
        lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    width = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, width, strict=True)) for row in [header, *rows])


def figures(results: list[Result]) -> None:
    """For `bench/run.py`."""
    for history in sorted({r.history for r in results}, reverse=True):
        mine = [r for r in results if r.history == history]
        for policy in (policies.AT_ONCE, policies.BY_CLASS, policies.CLASS_TUNED, policies.TABLE):
            mean, _ = interval([100 * (r.cost[policies.OURS] / r.cost[policy] - 1) for r in mine])
            name = f"{history} faults of history: the forecast's cost against `{policy}`"
            print(json.dumps({"figure": name, "value": round(mean, 2), "unit": "%"}, ensure_ascii=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="3 worlds of development, 1,000 new faults each: under a minute"
    )
    parser.add_argument("--misled", action="store_true", help="priors that are wrong by a factor of two")
    parser.add_argument("--foresight", action="store_true", help="only how well is foreseen, not what sending costs")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    # The forecast was developed on worlds 0 to 5; what is reported comes from others.
    seeds = range(3) if options.quick else range(FIRST, FIRST + options.seeds)
    new = 1000 if options.quick else NEW
    began = perf_counter()
    if options.foresight:
        with ProcessPoolExecutor(options.jobs) as pool:
            tell_foresight(list(pool.map(foresee, range(2 * FIRST, 2 * FIRST + options.seeds))), options.markdown)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        found = pool.map(
            judge, seeds, [new] * len(seeds), [(HISTORY, SHORT)] * len(seeds), [options.misled] * len(seeds)
        )
        results = [r for world in found for r in world]
    tell(results, options.markdown)
    print(f"\n{len(seeds)} worlds in {perf_counter() - began:.0f} s")
    figures(results)


if __name__ == "__main__":
    main()
