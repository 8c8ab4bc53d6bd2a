"""The resource ledger (资源台账): a folder of CSV files or one .xlsx, read whole or refused whole.

    ledger = load(Path("ledger"))               # or UnusableError with every problem
    ledger, warnings = read(Path("ledger.xlsx"))

Every problem is told with file, row and column; nothing is dropped silently. What the tables
hold stands in `columns`, how files become rows in `sheets`, what one table must keep to
in `rows`, and what they say about one another in `references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netwatch.config import Config
from netwatch.core.model import Ledger
from netwatch.core.rules import Rules
from netwatch.findings import Finding, UnusableError
from netwatch.ledger import references, roles, rows, sheets
from netwatch.ledger.columns import CLASSES, LEVELS, Table, tables

__all__ = ["load", "read"]

_NEEDED = ("devices", "links", "circuits")
"""Without these a ledger says nothing; a copy that lost one must not empty the network."""


def load(path: Path, config: Config | None = None, rules: Rules | None = None) -> Ledger:
    """The ledger at `path`. Raises UnusableError with every problem, warnings included."""
    return read(path, config, rules)[0]


def read(
    path: Path, config: Config | None = None, rules: Rules | None = None, *, strict: bool = False
) -> tuple[Ledger, list[Finding]]:
    """The ledger at `path` and what is worth a warning.

    With `config`, credentials, channels and the vantage are looked up: names that lead nowhere are warnings,
    for a daemon goes on with the rest, and errors with `strict`. With `rules`, classes and levels that only
    they know may stand in it. Raises UnusableError when there is any error.
    """
    if config is not None and config.example and not path.exists():
        cure = "`netwatch ledger template ledger.xlsx` begins one, `netwatch ledger import` takes it up"
        return Ledger(), [Finding(str(path), "there is no ledger yet: nothing is watched", cure, warning=True)]
    described = tables(*_words(rules)) if rules else tables()
    return assemble(path, sheets.gather(path, described), described, config, strict=strict)


def _words(rules: Rules) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Classes and levels, as written → value: ours, and those that a site's policies name."""
    classes, levels = dict(CLASSES), dict(LEVELS)
    for policy in rules.policies:
        classes |= {name: name for name in policy.limits if name not in classes.values()}
        named = [*policy.derived, *(level for limits in policy.product_limits.values() for level in limits)]
        levels |= {name: name for name in named if name not in levels.values() and name != "*"}
    return classes, levels


def assemble(
    path: Path,
    given: sheets.Given,
    described: tuple[Table, ...],
    config: Config | None = None,
    *,
    strict: bool = False,
) -> tuple[Ledger, list[Finding]]:
    """Sheets → ledger and warnings. Raises UnusableError when there is any error."""
    findings = given.findings
    by_name = {table.name: table for table in described}
    for table in described:
        if table.name not in given.sheets:
            needed = table.name in _NEEDED
            cure = f"{table.name} or {table.chinese}" + ("; a header alone says that there are none" if needed else "")
            findings.append(Finding(str(path), f"there are no {table.name}", cure, warning=not needed))
    get = given.sheets.get
    parts = references.Parts(
        rows.part(by_name["sites"], get("sites"), rows.site, findings),
        rows.part(by_name["devices"], get("devices"), rows.device, findings),
        rows.part(by_name["links"], get("links"), rows.link, findings),
        rows.part(by_name["customers"], get("customers"), rows.customer, findings),
        rows.part(by_name["circuits"], get("circuits"), rows.circuit, findings),
        rows.part(by_name["teams"], get("teams"), rows.team, findings),
    )
    devices = parts.devices
    unknown = devices.empty.get("role", ()) if devices.has("role") else devices.rows
    devices.entities |= roles.presumed(devices.entities, unknown, parts.links.entities, parts.circuits.entities)
    findings.extend(references.check(parts))
    if config is not None:
        findings.extend(references.configured(parts, config, warning=not strict))
    if any(not finding.warning for finding in findings):
        raise UnusableError(findings)
    ledger = Ledger(
        parts.sites.entities,
        parts.devices.entities,
        parts.links.entities,
        parts.customers.entities,
        parts.circuits.entities,
        parts.teams.entities,
    )
    findings.extend(references.readings(parts, ledger))
    return ledger, findings
