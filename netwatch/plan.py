"""All that a daemon reads from files, read whole or refused whole."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from netwatch.config import Address, Config, Listening, Web, load, resolve
from netwatch.core.model import Effect, Ledger
from netwatch.core.rules import Rules
from netwatch.core.tickets.sends import Send
from netwatch.core.time import Instant
from netwatch.deliver import route
from netwatch.findings import Finding, UnusableError, did_you_mean
from netwatch.knowledge import load_rules, unknown_days
from netwatch.ledger import read as read_ledger
from netwatch.wire.cli.read import CommandLine, command_lines
from netwatch.wire.cli.ssh_read import Access, access
from netwatch.wire.credential import credential
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Credential

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """All that is read from files. Reading it can fail; what follows from it cannot."""

    config: Config
    ledger: Ledger
    rules: Rules
    profiles: Profiles
    credentials: Mapping[str, Credential]
    accesses: Mapping[str, Access]
    """Credentials with a login for the command line."""
    lines: Mapping[str, CommandLine]
    """The command line of each family; none where nobody is visited."""
    syslog_tls: ssl.SSLContext | None
    read_token: str = field(repr=False)
    warnings: tuple[Finding, ...]

    @property
    def pauses(self) -> Mapping[str, bool]:
        """Every pause reason of the latest policy, and whether it stops the net clock."""
        return {reason: rule.stops for reason, rule in self.rules.policies[-1].pauses.items()}

    def unknown_days(self, now: Instant) -> list[Finding]:
        """Warnings of years that the calendar is about to need and does not hold."""
        place = self.config.find("rules", "calendar.toml")
        return unknown_days(self.rules.calendar, now, self.config.site.zone, place)

    def credential(self, name: str) -> Credential | None:
        """The credential that the ledger names for a device; of no name, the one for all those."""
        return self.credentials.get(name or self.config.poll.credential)

    def access(self, name: str) -> Access | None:
        """The way to the command line of a device for which the ledger names this credential."""
        return self.accesses.get(name or self.config.poll.credential)

    def route(self, effect: Effect) -> tuple[Send, ...]:
        return route(effect, self.ledger, self.config)

    @property
    def addresses(self) -> dict[str, Address]:
        """Where to listen, by name."""
        wanted = {
            "http": self.config.web.listen,
            "traps": self.config.listen.traps,
            "syslog": self.config.listen.syslog,
            "syslog_tcp": self.config.listen.syslog_tcp,
            "syslog_tls": self.config.listen.syslog_tls,
        }
        return {name: address for name, address in wanted.items() if address is not None}


def read(source: Path | Config) -> Plan:
    """Config, ledger, rules, collectors and secrets. Raises UnusableError with every finding of all of them."""
    findings: list[Finding] = []

    def attempt(reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except UnusableError as error:
            findings.extend(error.findings)
            return None

    config = load(source) if isinstance(source, Path) else source
    rules = attempt(lambda: load_rules(lambda name: config.find("rules", name)))
    ledger = attempt(lambda: read_ledger(config.paths.ledger, config, rules))
    profiles = attempt(lambda: Profiles.of(config.listing("collectors")))
    credentials = {name: attempt(partial(credential, it)) for name, it in config.credentials.items()}
    visiting = bool(config.ssh.interval_seconds) and any(it.ssh_user for it in config.credentials.values())
    visits = attempt(lambda: _visits(config, profiles)) if visiting and profiles else ({}, {})
    token = attempt(partial(resolve, config.web.token)) if config.web.token else ""
    attempt(partial(tls_of_pages, config.web))
    tls = attempt(partial(tls_of_syslog, config.listen))
    if findings or rules is None or ledger is None or profiles is None or visits is None:
        raise UnusableError(dict.fromkeys(findings))
    known = {name: it for name, it in credentials.items() if it}
    return Plan(config, ledger[0], rules, profiles, known, *visits, tls, token or "", tuple(ledger[1]))


def _visits(config: Config, profiles: Profiles) -> tuple[Mapping[str, Access], Mapping[str, CommandLine]]:
    """What visiting needs. Raises UnusableError."""
    lines = command_lines(profiles.families, config.listing("collectors"))
    accesses = {name: it for name, said in config.credentials.items() if (it := access(said))}
    if found := [*strange_families(config, lines)]:
        raise UnusableError(found)
    return accesses, lines


def strange_families(config: Config, lines: Mapping[str, object]) -> Iterator[Finding]:
    """Credentials that name a family without a command line."""
    for name, said in config.credentials.items():
        if said.ssh_family and said.ssh_family not in lines:
            what = f'no family "{said.ssh_family}" with a command line'
            cure = did_you_mean(said.ssh_family, lines) or f"known: {', '.join(lines)}"
            yield Finding(f"credentials.{name}.ssh_family", what, cure)


def tls_of_pages(web: Web) -> ssl.SSLContext | None:
    """A certificate that cannot be used must stop a start or a reload, not show up as a page that nobody can open.

    Raises UnusableError.
    """
    return _tls("web", web.tls_cert, web.tls_key) if web.tls_cert and web.tls_key else None


def tls_of_syslog(listen: Listening) -> ssl.SSLContext | None:
    """What a sender of syslog over TLS meets; None where nobody listens for it. Raises UnusableError."""
    if listen.syslog_tls is None or listen.tls_cert is None or listen.tls_key is None:
        return None
    context = _tls("listen", listen.tls_cert, listen.tls_key)
    if listen.tls_ca is not None:
        try:
            context.load_verify_locations(listen.tls_ca)
        except OSError as error:
            what = f"{listen.tls_ca} cannot be used: {error.strerror or error}"
            raise UnusableError([Finding("listen.tls_ca", what, "certificates in PEM")]) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _tls(section: str, cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Asked for a passphrase, OpenSSL would turn to the terminal and wait for ever.
        context.load_cert_chain(cert, key, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        what = f"{cert} with {key} cannot be used: {error.strerror or error}"
        cure = "certificate and key in PEM that belong together, the key without a passphrase"
        raise UnusableError([Finding(f"{section}.tls_cert", what, cure)]) from None
    return context
