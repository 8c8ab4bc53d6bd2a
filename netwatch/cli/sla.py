"""`netwatch sla`: what the contracts and the policy ask for, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netwatch.cli.common import FINDINGS, config_option, emit, json_option, say, show, tell
from netwatch.cli.daemon import cell, instant
from netwatch.cli.words import chinese, word
from netwatch.findings import did_you_mean

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from netwatch.core.model import Circuit, Ledger
    from netwatch.core.rules import Quality, Rules, SlaPolicy
    from netwatch.core.sla import Facility
    from netwatch.core.sla.terms import Limit
    from netwatch.core.time import Instant


@click.group("sla")
def command() -> None:
    """Every limit of a circuit, and where it comes from."""


@command.command("show")
@config_option
@json_option
@click.argument("circuit", metavar="CIRCUIT")
@click.option(
    "--at", default="", metavar="TIME", help="As if reported then; the site's time unless it says. Default: now."
)
def show_limits(*, config: Path, as_json: bool, circuit: str, at: str) -> None:
    """Every limit of CIRCUIT: how long, until when, why this one, by which source.

    Deadlines are those of a fault reported at TIME, by the policy in force then; limits that count from a later stamp
    (dispatched, restored …) are shown as if that came at once. Reads ledger and rules, needs no daemon.

    Exit status: 0 shown, 1 no such circuit, 78 a configuration, ledger or rules that cannot be used.
    """
    from netwatch.app import Clock
    from netwatch.config import load
    from netwatch.core.time import parse
    from netwatch.knowledge import load_rules, unknown_days
    from netwatch.ledger import load as load_ledger

    settings = load(config)
    zone, calendar = settings.site.zone, settings.find("rules", "calendar.toml")
    rules = load_rules(lambda name: settings.find("rules", name))
    ledger = load_ledger(settings.paths.ledger, settings, rules)
    known = ledger.circuits.get(circuit)
    if known is None:
        hint = did_you_mean(circuit, ledger.circuits) if len(ledger.circuits) <= 2000 else ""
        say(f"There is no circuit {circuit} in the ledger. {hint}".strip())
        raise SystemExit(FINDINGS)
    reported = parse(instant(at, settings, "--at")) if at else Clock()()
    document = _document(known, ledger, rules, reported, zone)
    if as_json:
        emit(document)
    else:
        _for_people(document)
    tell(unknown_days(rules.calendar, reported, zone, calendar))


def _document(circuit: Circuit, ledger: Ledger, rules: Rules, reported: Instant, zone: ZoneInfo) -> dict[str, Any]:
    from netwatch.core import sla
    from netwatch.core.sla.terms import limits
    from netwatch.core.time import show as shown

    policy, line = sla.policy_at(rules, reported, zone), sla.line_of(circuit, ledger)
    assurance = sla.assurance_of(line, policy)
    found = limits(policy, rules.calendar, line, list(_facilities(circuit, ledger, policy)), reported, zone)
    return {
        "circuit": circuit.id,
        "reported": shown(reported, zone),
        "product": line.product,
        "assurance": assurance,
        "derived": bool(assurance and not line.assurance),
        "level": line.level,
        "area": line.area,
        "scope": line.scope,
        "policy": {
            "version": policy.version,
            "valid_from": policy.valid_from.isoformat(),
            "source": policy.source,
        },
        "attended": _hours(policy.attended.get(assurance, (0, 24 * 60))),
        "limits": [_limit(limit, zone) for limit in found],
        "measures": list(_measures(policy.quality, assurance)),
    }


def _facilities(circuit: Circuit, ledger: Ledger, policy: SlaPolicy) -> Iterator[Facility]:
    """The cables that the circuit runs through, and the rooms of the operator that it passes."""
    from netwatch.core.model import Role
    from netwatch.core.outages.contract import cable_of
    from netwatch.core.sla import Facility
    from netwatch.core.topology import Network

    net = Network(ledger)
    routes = net.routes(net.ledger.circuits[circuit.id])
    for cable in dict.fromkeys(c for route in routes for link in route.links for c in net.ledger.links[link].cables):
        yield cable_of(cable, ledger, policy)
    devices = (ledger.devices[d] for route in routes for d in route.devices if d in ledger.devices)
    theirs = (Role.CPE, Role.ONU, Role.CONVERTER)
    for room in dict.fromkeys(d.site for d in devices if d.site and d.role not in theirs):
        yield Facility("room", room)


def _limit(limit: Limit, zone: ZoneInfo) -> dict[str, Any]:
    from netwatch.core.time import show as shown

    return {
        "name": limit.name,
        "zh": limit.zh,
        "en": limit.en,
        "of": limit.of,
        "about": limit.subject,
        limit.unit.value: limit.count,
        "counts": limit.starts,
        "deadline": shown(limit.deadline, zone),
        "clock": limit.runs,
        "why": limit.why,
        "derived": limit.derived,
        "source": limit.source,
    }


def _measures(quality: Quality, assurance: str) -> Iterator[dict[str, Any]]:
    """What the month and the year are measured against."""
    for name, zh, en, value in (
        ("availability", "可用率", "availability", quality.availability.get(assurance)),
        ("faults_a_year", "年故障次数少于", "faults a year below", quality.faults_a_year.get(assurance)),
        ("timeliness", "处理及时率", "restored in time", quality.timeliness),
    ):
        if value is not None:
            yield {"name": name, "zh": zh, "en": en, "value": value}


def _hours(minutes: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)


def _for_people(document: dict[str, Any]) -> None:
    language = "zh" if chinese() else "en"
    policy, derived = document["policy"], f" ({word('derived')})" if document["derived"] else ""
    head = {
        **{key: document[key] for key in ("circuit", "reported", "product")},
        "assurance": document["assurance"] + derived,
        **{key: document[key] for key in ("level", "area", "scope", "attended")},
        "policy": f"{policy['version']} ({policy['valid_from']})",
    }
    show(
        [{word("field"): word(k), word("value"): cell(v)} for k, v in head.items() if v], [word("field"), word("value")]
    )
    click.echo()
    rows = [
        {
            "limit": " ".join([limit[language], *limit["about"]]),
            "length": _length(limit),
            "deadline": cell(limit["deadline"]),
            "counts": word(limit["counts"]),
            "why": limit["why"],
            "source": limit["source"],
        }
        for limit in _gathered(document["limits"])
    ]
    columns = ("limit", "length", "deadline", "counts", "why", "source")
    show([{word(k): v for k, v in row.items()} for row in rows], [word(k) for k in columns])
    click.echo()
    measures = [{word("measure"): m[language], word("value"): m["value"]} for m in document["measures"]]
    show(measures, [word("measure"), word("value")])


def _gathered(limits: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Facilities of one kind that are given equally long for one reason, in one row."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for limit in limits:
        row = rows.setdefault((limit["name"], limit["deadline"], limit["why"]), {**limit, "about": []})
        row["about"] += [limit["about"]] if limit["about"] else []
    yield from rows.values()


def _length(limit: dict[str, Any]) -> str:
    for unit in ("natural_days", "working_days"):
        if unit in limit:
            return f"{limit[unit]} {word(unit)}"
    hours, minutes = divmod(limit["minutes"], 60)
    return f"{hours}:{minutes:02}"
