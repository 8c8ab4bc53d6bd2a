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
    from netwatch.report.accuracy import Accuracy
    from netwatch.report.backtest import Backtest, Interval


class _WithColumns(click.Command):
    """Help that ends with the columns of the table; they are looked up only when somebody asks."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        from netwatch.report.columns import COLUMNS

        with formatter.section("Columns"):
            formatter.write_dl([(name, f"{zh}. {meaning}") for name, (zh, meaning) in COLUMNS.items()])
        formatter.write_paragraph()
        formatter.write_text(
            "Times are ISO 8601; without an offset they are of the site's zone. The order of rows and columns is free, "
            "columns that are not needed may be left away."
        )


@click.command("backtest", cls=_WithColumns)
@click.argument("outages", required=False, type=click.Path(path_type=Path))
@click.option("--template", is_flag=True, help="Write an example CSV to OUTAGES, or to stdout.")
@click.option("--seed", default=1, show_default=True, help="Of what must be drawn.")
@config_option
@json_option
def command(*, outages: Path | None, template: bool, seed: int, config: Path, as_json: bool) -> None:
    """How well the forecast foresees, and what each sending policy would have cost on past faults.

    OUTAGES is a CSV, one fault a row; - is standard input. The forecast learns from the earlier 70 %, every policy is
    tuned on them, all are judged on the later 30 %, at the costs and limits of the rules in force, with 95 %
    intervals over days. Where nobody is on record as sent, only the forecast is judged.

    Exit status: 0 judged, 1 too few faults, 78 rows that cannot be used.
    """
    if template:
        _template(outages)
        return
    if outages is None:
        raise click.UsageError("which outages? (`netwatch backtest --template` shows the columns)")
    from netwatch.config import load
    from netwatch.knowledge import load_rules
    from netwatch.report.backtest import LEAST, backtest
    from netwatch.report.outages import Limits, read
    from netwatch.report.policies import Costs

    settings = load(config)
    rules = load_rules(lambda name: settings.find("rules", name))
    policy, sending = rules.policies[-1], rules.dispatch
    limits = Limits(policy.limits, policy.fallback_minutes, sending.learning.workday, frozenset(sending.priors))
    past, doubts = read(_lines(outages), settings.site.zone, limits, str(outages))
    tell(doubts)
    if len(past) < LEAST:
        say(f"{len(past)} faults are too few to judge anything by; {LEAST} is the least, some hundreds say something")
        raise SystemExit(1)
    found = backtest(past, sending.priors, sending.learning, Costs.of(sending), seed)
    if as_json:
        emit(_document(found, doubts))
    else:
        _tell(found)


def _template(out: Path | None) -> None:
    from netwatch.report.columns import COLUMNS, EXAMPLE

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
    if found.accuracy:
        _tell_foresight(found.accuracy)
    if found.scores:
        _tell_sending(found)
    for line in verdict(found):
        click.echo(line)


def _tell_foresight(accuracy: Accuracy) -> None:
    click.echo(f"Foreseeing: will it miss its limit? {accuracy.questions} questions about {accuracy.faults} faults")
    show(
        [
            {
                "model": m.model,
                "Brier": f"{m.brier:.4f}",
                "more than the forecast's": _signed(m.brier_more, 4),
                "log loss": f"{m.log_loss:.4f}",
                "more": _signed(m.log_loss_more, 4),
                "slope": "?" if m.slope is None else f"{m.slope:.2f}",
            }
            for m in accuracy.models
        ],
        ["model", "Brier", "more than the forecast's", "log loss", "more", "slope"],
    )
    click.echo("")
    bins = [{"said": f"{b.said:.2f}", "came": f"{b.was:.2f}", "questions": b.count} for b in accuracy.reliability]
    show(bins, ["said", "came", "questions"])
    click.echo("")


def _tell_sending(found: Backtest) -> None:
    from netwatch.report.policies import OURS

    click.echo(f"Sending: {found.judged_on} faults, per 1000")
    rows = [
        {
            "policy": s.policy,
            "trips": f"{s.dispatches:.0f}",
            "breaches": f"{s.breaches:.0f}",
            "wasted": f"{s.wasted:.0f}",
            "cost per fault": f"{s.cost[0]:.3f} ({s.cost[1]:.3f} to {s.cost[2]:.3f})",
            "forecast costs": "" if s.policy == OURS else _signed(s.forecast_less, 3),
            "breaches at its trips": "" if s.equal is None else _signed(s.equal, 1),
            "over bound": f"{s.over_bound:.1%}",
            "median min": f"{s.median_minutes:.0f}",
            "worst class": s.worst_class,
            "on record": f"{s.on_record:.0%}",
        }
        for s in found.scores
    ]
    show(rows, list(rows[0]))
    click.echo("")
    levels = [
        {"trips": f"{p.trips:.0f}", "forecast breaches": f"{p.forecast:.1f}", "table breaches": f"{p.table:.1f}"}
        for p in found.frontier
    ]
    show(levels, ["trips", "forecast breaches", "table breaches"])
    click.echo("")


def _signed(of: Interval, digits: int) -> str:
    mean, low, high = of
    return f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def verdict(found: Backtest) -> list[str]:
    """What may and what may not be concluded, in words."""
    lines = [f"Learnt from {found.trained_on} faults, judged on the {found.judged_on} after them ({found.days} days)."]
    if found.accuracy:
        lines += _of_foresight(found.accuracy)
    if not found.scores:
        lines.append("Nobody is on record as sent (column `sent`): sending cannot be judged, only the forecast.")
        return [*lines, *(f"Mind: {caveat}" for caveat in CAVEATS[:1])]
    from netwatch.report.policies import AT_ONCE, CLAIRVOYANT, OURS, TABLE

    ours, table = found.score(OURS), found.score(TABLE)
    lines += [
        f"Sending by forecast against the tuned table of class × cause: {_won(table.forecast_less, table.cost[0])}.",
        f"It costs {ours.over_bound:.1%} more than {CLAIRVOYANT} could.",
        f"{found.score(AT_ONCE).breaches:.0f} of 1000 limits are broken by crews that leave at once: no timing helps.",
    ]
    if table.equal:
        mean, low, high = table.equal
        sure = "" if low > 0 or high < 0 else ", within chance"
        word = "fewer" if mean < 0 else "more"
        lines.append(f"At the table's number of trips it breaks {abs(mean):.1f} limits in 1000 {word}{sure}.")
    worse = [s.policy for s in found.scores if s.policy not in (OURS, CLAIRVOYANT) and s.forecast_less[0] > 0]
    if worse:
        lines.append(f"It did not win against: {', '.join(worse)}.")
    at = found.departures
    if at.faults:
        slope = "too few to tell" if at.slope is None else f"{at.slope:.2f} (1 is right)"
        lines.append(
            f"At {at.faults} real departures: Brier {at.brier:.3f} against {at.brier_base:.3f} of the base rate; "
            f"calibration slope {slope}."
        )
    return [
        *lines,
        *(f"Mind: {caveat}" for caveat in CAVEATS),
        f"Mind: {1 - ours.on_record:.0%} of what the forecast's policy would have met never happened and is drawn.",
    ]


def _of_foresight(accuracy: Accuracy) -> list[str]:
    from netwatch.report.accuracy import FORECAST

    ours = next(m for m in accuracy.models if m.model == FORECAST)
    slope = "too few misses to tell" if ours.slope is None else f"{ours.slope:.2f} (1 is right)"
    lines = [f"The forecast: Brier {ours.brier:.4f}, log loss {ours.log_loss:.4f}, calibration slope {slope}."]
    for other in accuracy.models:
        if other is not ours:
            (mean, low, high), (loss, _, _) = other.brier_more, other.log_loss_more
            word = "better" if mean > 0 and loss > 0 else "worse" if mean < 0 and loss < 0 else "mixed"
            sure = "" if low > 0 or high < 0 else ", within chance"
            lines.append(f"  against {other.model}: {word}{sure} (Brier {mean:+.4f}, log loss {loss:+.4f} more).")
    return lines


def _won(gap: Interval, cost: float) -> str:
    mean, low, high = gap
    share = f"{abs(mean) / cost:.1%}" if cost else "0 %"
    if low <= 0 <= high:
        word = "less" if mean < 0 else "more"
        return f"no difference that these faults could show ({share} {word}, within chance)"
    return f"{share} {'less' if high < 0 else 'more'} cost"


CAVEATS = (
    "limits are judged by gross time: pauses are not in the table.",
    "what a policy would have met and nobody saw is drawn from faults of the same cause, unless the table tells it.",
    "a policy far from the one in force then is judged by few facts: see `on record`.",
    "crews are taken to be free whenever they are sent for, and repairs to take as long at any hour they begin.",
    "the standing overrides (complaints, AAA without protection, light lost at both ends) send at once all the same.",
)
"""What holds for every backtest; the first also where sending cannot be judged."""


def _document(found: Backtest, doubts: list[Finding]) -> dict[str, object]:
    experience = found.experience
    return {
        "trained_on": found.trained_on,
        "judged_on": found.judged_on,
        "days": found.days,
        "foresight": asdict(found.accuracy) if found.accuracy else None,
        "departures": asdict(found.departures) if found.departures.faults else None,
        "scores": [asdict(s) for s in found.scores],
        "frontier": [asdict(p) for p in found.frontier],
        "learnt": {
            "faults": experience.faults,
            "causes": {cause: asdict(fate) for cause, fate in experience.fates.items()},
            "teams": dict(experience.teams),
        },
        "verdict": verdict(found),
        "warnings": [as_data(f) for f in doubts],
    }
