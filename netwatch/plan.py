"""All that a daemon reads from files, read whole or refused whole."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from netwatch.config import Address, Config, Secret, Web, load, resolve
from netwatch.config import Credential as ConfiguredCredential
from netwatch.core.model import Effect, Ledger
from netwatch.core.rules import Rules
from netwatch.core.sends import Send
from netwatch.deliver import route
from netwatch.findings import Finding, UnusableError
from netwatch.knowledge import load_rules
from netwatch.ledger import read as read_ledger
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Auth, Credential, Priv, Version

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """All that is read from files. Reading it can fail; what follows from it cannot."""

    config: Config
    ledger: Ledger
    rules: Rules
    profiles: Profiles
    credentials: Mapping[str, Credential]
    read_token: str = field(repr=False)
    warnings: tuple[Finding, ...]

    @property
    def pauses(self) -> Mapping[str, bool]:
        """Every pause reason of the latest policy, and whether it stops the net clock."""
        return {reason: rule.stops for reason, rule in self.rules.policies[-1].pauses.items()}

    def credential(self, name: str) -> Credential | None:
        """The credential that the ledger names for a device; of no name, the one for all those."""
        return self.credentials.get(name or self.config.poll.credential)

    def route(self, effect: Effect) -> tuple[Send, ...]:
        return route(effect, self.ledger, self.config)

    @property
    def addresses(self) -> dict[str, Address]:
        """Where to listen, by name."""
        wanted = {
            "http": self.config.web.listen,
            "traps": self.config.listen.traps,
            "syslog": self.config.listen.syslog,
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
    token = attempt(partial(resolve, config.web.token)) if config.web.token else ""
    attempt(partial(_check_certificate, config.web))
    if findings or rules is None or ledger is None or profiles is None:
        raise UnusableError(dict.fromkeys(findings))
    known = {name: it for name, it in credentials.items() if it}
    return Plan(config, ledger[0], rules, profiles, known, token or "", tuple(ledger[1]))


def _check_certificate(web: Web) -> None:
    """A certificate that cannot be used must stop a start or a reload, not show up as a page that nobody can open."""
    if web.tls_cert and web.tls_key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(web.tls_cert, web.tls_key)
        except OSError as error:  # ssl.SSLError is one
            what = f"{web.tls_cert} with {web.tls_key} cannot be used: {error.strerror or error}"
            raise UnusableError([Finding("web.tls_cert", what)]) from None


def credential(configured: ConfiguredCredential) -> Credential:
    """A credential of the configuration with its secrets read. Raises UnusableError."""

    def secret(reference: Secret | None) -> str:
        return resolve(reference) if reference else ""

    return Credential(
        version=Version(configured.version),
        community=secret(configured.community),
        user=configured.user,
        auth=None if configured.auth == "none" else Auth(configured.auth),
        auth_key=secret(configured.auth_key),
        priv=None if configured.priv == "none" else Priv(configured.priv),
        priv_key=secret(configured.priv_key),
    )
