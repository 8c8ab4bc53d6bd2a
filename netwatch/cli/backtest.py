"""`netwatch backtest`: what each policy of sending crews would have cost on past faults."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netwatch.cli.common import as_data, config_option, emit, fail, json_option, say, show, tell
from netwatch.findings import Finding

if TYPE_CHECKING:
    from netwatch.report.backtest import Backtest


@click.command("backtest")
@click.argument("outages", required=False, type=click.Path(path_type=Path))
@click.option("--template", is_flag=True, help="Write an example CSV to OUTAGES, or to stdout.")
@click.option("--seed", default=1, show_default=True, help="Of what must be drawn.")
@config_option
@json_option
def command(*, outages: Path | None, template: bool, seed: int, config: Path, as_json: bool) -> None:
    """What each sending policy would have cost on past faults.

    OUTAGES is a CSV, one fault a row; - is standard input, `--template` shows the columns. Policies are tuned on the
    earlier 70 % and judged on the later 30 %, at the costs and limits of the rules in force.

    Exit status: 0 judged, 1 too few faults, 78 rows that cannot be used.
    """
    if template:
        _template(outages)
        return
    if outages is None:
        raise click.UsageError("which outages? (`netwatch backtest --template` shows the columns)")
    from netwatch.config import load
    from netwatch.knowledge import load_rules
    from netwatch.report.backtest import LEAST, Costs, backtest
    from netwatch.report.outages import Limits, read

    settings = load(config)
    rules = load_rules(lambda name: settings.find("rules", name))
    limits = Limits(rules.policies[-1].limits, frozenset(rules.dispatch.priors))
    past, doubts = read(_lines(outages), settings.site.zone, limits, str(outages))
    tell(doubts)
    if len(past) < LEAST:
        say(f"{len(past)} faults are too few to judge anything by; {LEAST} is the least, some hundreds say something")
        raise SystemExit(1)
    found = backtest(past, rules.dispatch.priors, Costs.of(rules.dispatch), seed)
    if as_json:
        emit(_document(found, doubts))
    else:
        _tell(found)


def _template(out: Path | None) -> None:
    from netwatch.report.outages import COLUMNS, EXAMPLE

    if out is None or str(out) == "-":
        click.echo(EXAMPLE, nl=False)
    else:
        try:
            with out.open("x", encoding="utf-8-sig", newline="") as file:  # the mark tells spreadsheets the encoding
                file.write(EXAMPLE)
        except OSError as error:
            fail([Finding(str(out), f"cannot be written: {error.strerror}")], 1)
    for column, (chinese, meaning) in COLUMNS.items():
        say(f"{column:14} {chinese}  {meaning}")


def _lines(path: Path) -> list[str]:
    try:
        data: bytes = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        fail([Finding(str(path), f"cannot be read: {error.strerror}")])
    try:
        return data.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail([Finding(f"{path}:{line}", "is not UTF-8", "save it as CSV UTF-8")])


def _tell(found: Backtest) -> None:
    rows = [
        {
            "policy": s.policy,
            "trips/1000": f"{s.dispatches:.0f}",
            "breaches/1000": f"{s.breaches:.0f}",
            "wasted/1000": f"{s.wasted:.0f}",
            "cost per fault": f"{s.cost:.3f}",
            "95 % interval": f"{s.cost_low:.3f} to {s.cost_high:.3f}",
            "median min": f"{s.median_minutes:.0f}",
            "on record": f"{s.on_record:.0%}",
        }
        for s in found.scores
    ]
    show(rows, list(rows[0]))
    click.echo("")
    for line in verdict(found):
        click.echo(line)


def verdict(found: Backtest) -> list[str]:
    """What may and what may not be concluded, in words."""
    from netwatch.report.backtest import AT_ONCE, OURS, TABLE

    by = {s.policy: s for s in found.scores}
    mean, low, high = found.versus_table
    share = f"{abs(mean) / by[TABLE].cost:.1%}" if by[TABLE].cost else "0 %"
    if low <= 0 <= high:
        won = f"no difference that these faults could show ({share} {'less' if mean < 0 else 'more'}, within chance)"
    else:
        won = f"{share} {'less' if high < 0 else 'more'} cost"
    calibration = found.calibration
    lines = [
        f"Tuned on {found.trained_on} faults, judged on the {found.judged_on} after them.",
        f"The forecast against the tuned table of class × cause: {won}.",
        f"{by[AT_ONCE].breaches:.0f} of 1000 limits are broken by crews that leave at once: no timing keeps those.",
    ]
    if calibration.faults:
        slope = "too few to tell" if calibration.slope is None else f"{calibration.slope:.2f} (1 is right)"
        lines.append(
            f"Forecasts at {calibration.faults} real departures: Brier {calibration.brier:.3f} against "
            f"{calibration.brier_base:.3f} of the base rate; calibration slope {slope}."
        )
    return [
        *lines,
        *(f"Mind: {caveat}" for caveat in CAVEATS),
        f"Mind: {1 - by[OURS].on_record:.0%} of what the forecast's policy would have met never happened and is drawn.",
    ]


CAVEATS = (
    "what a policy would have met and nobody saw is drawn from faults of the same cause (Kaplan-Meier).",
    "a policy far from the one in force then is judged by few facts: see `on record`.",
    "crews are taken to be free whenever they are sent for, and repairs to take as long at any hour they begin.",
    "the standing overrides (complaints, AAA without protection, light lost at both ends) send at once all the same.",
    "limits are judged by gross time: pauses are not in the table.",
)
"""What holds for every backtest."""


def _document(found: Backtest, doubts: list[Finding]) -> dict[str, object]:
    experience = found.experience
    return {
        "trained_on": found.trained_on,
        "judged_on": found.judged_on,
        "scores": [asdict(s) for s in found.scores],
        "forecast_less_table": dict(zip(("mean", "low", "high"), found.versus_table, strict=True)),
        "calibration": asdict(found.calibration) if found.calibration.faults else None,
        "learnt": {
            "faults": experience.faults,
            "causes": {cause: asdict(fate) for cause, fate in experience.fates.items()},
            "teams": dict(experience.teams),
        },
        "verdict": verdict(found),
        "warnings": [as_data(f) for f in doubts],
    }
