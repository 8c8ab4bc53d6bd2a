"""`netwatch check`: everything that is given to NetWatch, looked through at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from netwatch.cli.common import CONFIGURATION, as_data, config_option, emit, json_option, say, tell
from netwatch.findings import Finding, UnusableError

if TYPE_CHECKING:
    from netwatch.config import Config
    from netwatch.core.rules import Rules

T = TypeVar("T")


@click.command()
@config_option
@json_option
def command(config: Path, as_json: bool) -> None:
    """Every problem of config, ledger, collectors and rules at once.

    Exit status: 0 fine (warnings are told), 78 when there is an error.
    """
    findings = examine(config)
    errors = sum(not finding.warning for finding in findings)
    warnings = len(findings) - errors
    if as_json:
        data = {"config": str(config), "ok": not errors, "errors": errors, "warnings": warnings}
        emit({**data, "findings": [as_data(finding) for finding in findings]})
    else:
        tell(findings)
        say(f"{config}: " + ("fine" if not findings else f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"))
    if errors:
        raise SystemExit(CONFIGURATION)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def examine(path: Path) -> list[Finding]:
    """Every finding about the configuration at `path` and all that it leads to.

    A configuration that cannot be used does not hide the rest, as long as it tells where the rest lies.
    """
    from netwatch.app import Clock
    from netwatch.config import load, salvage
    from netwatch.knowledge import load_rules, try_examples, unknown_days
    from netwatch.ledger import read
    from netwatch.plan import strange_families
    from netwatch.wire.cli.read import command_lines, strangers
    from netwatch.wire.profile import Profiles

    findings: list[Finding] = []

    def attempt(reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except UnusableError as error:
            findings.extend(error.findings)
            return None

    config = attempt(lambda: load(path))
    if config:
        findings.extend(_config(path, config))
    where = config or salvage(path)
    if where is None:
        return findings
    rules = attempt(lambda: load_rules(lambda name: where.find("rules", name)))
    if rules:
        findings += try_examples(lambda name: where.find("rules", name), rules)
        findings += unknown_days(rules.calendar, Clock()(), where.site.zone, where.find("rules", "calendar.toml"))
    if config and rules:
        findings += _rhythm(path, config, rules)
    profiles = attempt(lambda: Profiles.of(where.listing("collectors")))
    if profiles:
        lines = attempt(lambda: command_lines(profiles.families, where.listing("collectors")))
        findings.extend(strangers(lines.values()) if lines else ())
        findings.extend(strange_families(where, lines) if lines else ())
    read_ledger = attempt(lambda: read(where.paths.ledger, config, rules, strict=True))
    if read_ledger:
        findings.extend(read_ledger[1])
    return findings


def _config(path: Path, config: Config) -> Iterator[Finding]:
    """What a configuration refers to, and what is allowed in it but seldom meant."""
    from netwatch.config import resolve, secrets, toml
    from netwatch.plan import tls_of_pages, tls_of_syslog

    document = toml.read(path)
    for key, secret in secrets(config):
        if secret.credential is not None and "CREDENTIALS_DIRECTORY" not in os.environ:
            what = f"credential {secret.credential!r} can only be looked at by the systemd unit"
            yield document.finding(tuple(key.split(".")), what, warning=True)
            continue
        try:
            resolve(secret)
        except UnusableError as error:
            for finding in error.findings:
                yield document.finding(tuple(key.split(".")), f"{finding.place}: {finding.what}", finding.cure)
    for reading in (partial(tls_of_pages, config.web), partial(tls_of_syslog, config.listen)):
        try:
            reading()
        except UnusableError as error:
            for finding in error.findings:
                yield document.finding(tuple(finding.place.split(".")), finding.what, finding.cure)
    if not config.web.listen.loopback and config.web.tls_cert is None:
        what = "pages, tokens and customers' data cross the network in the clear"
        yield document.finding(("web", "listen"), what, "set web.tls_cert and web.tls_key", warning=True)
    for name in ("noc", "default"):
        if not getattr(config.routing, name):
            cure = "name at least one of [channels.…]"
            yield document.finding(("routing", name), "nobody is told anything", cure, warning=True)


def _rhythm(path: Path, config: Config, rules: Rules) -> Iterator[Finding]:
    """Devices that are asked too seldom for what one event does to several of them to be known as one."""
    from netwatch.config import toml
    from netwatch.core.time import SECOND

    together = rules.alarms.agreement / SECOND
    for key, interval in (
        (("poll", "interval_seconds"), config.poll.interval_seconds),
        (("poll", "ping", "interval_seconds"), config.poll.ping.interval_seconds),
    ):
        if 2 * interval > together:
            what = f"two polls take {2 * interval:g} s, and evidence further apart than {together:g} s is of two events"
            cure = f"set evidence.agreement_seconds of rules/alarms.toml to at least {2 * interval:g}"
            yield toml.read(path).finding(key, what, cure, warning=True)
