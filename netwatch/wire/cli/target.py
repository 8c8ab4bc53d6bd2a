"""Whom we visit by SSH, as whom, how long we wait; and what can keep an answer from us.

SshError
  NoAnswerError     silence, a closed port, or the visit's seconds are over
  AuthError         the device does not accept us
  HostKeyError      a key that is not known, or not the one that was
  GarbledError      no prompt, or the session was cut in the middle of an answer
  ForbiddenError    not a command of the profile: it was not sent
  OwnTroubleError   our own settings or machine: says nothing about the device
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from netwatch.wire.cli.profile import Cli


class SshError(Exception):
    """Whatever keeps an answer from us. Its text never holds a secret."""

    @property
    def kind(self) -> str:
        """One word for metrics: `noanswer`, `auth`, `hostkey`, `garbled`, `forbidden`, `owntrouble`."""
        return type(self).__name__.removesuffix("Error").lower()


class NoAnswerError(SshError, TimeoutError):
    """Nothing came back within the time-outs."""


class AuthError(SshError):
    """The device is there and does not accept us."""


class HostKeyError(SshError):
    """The device shows a key that we do not know, or another one than before."""


class GarbledError(SshError):
    """What came back is no answer that we understand, or only a part of one."""


class ForbiddenError(SshError):
    """The command is not among those that the profile names; it was not sent."""


class OwnTroubleError(SshError):
    """Our side failed: it must never be read as the device being down."""


@dataclass(frozen=True, slots=True)
class Login:
    """How we show who we are. Never shows its secrets: not in repr, not in an error."""

    user: str
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    """A private key in PEM."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait."""

    connect: float = 5.0
    banner: float = 8.0
    """For the first line of a server: one that hangs accepts and then says nothing."""
    login: float = 10.0
    """For user and password to be accepted."""
    read: float = 20.0
    """For the whole answer to one command."""
    visit: float = 90.0
    """For all of a visit, login and logout included, from the moment that there is a thread for it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One command line. `address` is an IPv4 or IPv6 address, not a name: nothing here resolves names."""

    address: str
    login: Login
    cli: Cli
    port: int = 22
    patience: Patience = Patience()

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.address, self.port, self.login.user, self.cli.device_type

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
