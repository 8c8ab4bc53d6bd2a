"""The words in which SNMP is asked for: who (targets, credentials), what (PDUs), how much (budgets), what goes wrong.

SnmpError
  NoAnswerError     silence: the device, the path, a wrong community or context
  AuthError         the agent answers and refuses us: user, key, level, time window
  AgentError        an error-status, with the name it is about
  GarbledError      an answer that does not follow the protocol
  EndlessWalkError  names do not increase, or more rows than the limit
  BudgetSpentError  this device has had its share of requests or seconds
  OwnTroubleError   our own socket, route or settings: says nothing about the device
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

from netwatch.wire.snmp.varbinds import Oid, VarBind, VarBinds, dotted


class Version(StrEnum):
    V1 = "1"
    V2C = "2c"
    V3 = "3"


class Auth(StrEnum):
    """USM authentication (RFC 3414, RFC 7860)."""

    MD5 = "md5"
    SHA1 = "sha"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Priv(StrEnum):
    """USM privacy (RFC 3414, RFC 3826). AES-192 and AES-256 never became an RFC: `aes192`, `aes256` extend the key as
    net-snmp does (Blumenthal's draft), `aes192c`, `aes256c` as Cisco does (Reeder's draft, the one with 3DES)."""

    DES = "des"
    TRIPLE_DES = "3des"
    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"
    AES192C = "aes192c"
    AES256C = "aes256c"


@dataclass(frozen=True, slots=True)
class Credential:
    """How we show who we are. Never shows its secrets: not in repr, not in an error."""

    version: Version = Version.V2C
    community: str = field(default="", repr=False)
    user: str = ""
    auth: Auth | None = None
    auth_key: str = field(default="", repr=False)
    """Passphrase; RFC 3414 wants eight characters or more."""
    priv: Priv | None = None
    priv_key: str = field(default="", repr=False)
    context: str = ""
    """The SNMPv3 context, where a device has several; `Target.context` goes before it."""

    def __post_init__(self) -> None:
        if self.version is Version.V3:
            if not self.user:
                raise ValueError("an SNMPv3 credential needs a user")
            if self.priv and not self.auth:
                raise ValueError("SNMPv3 has no privacy without authentication: name an auth protocol")
            if (self.auth and not self.auth_key) or (self.priv and not self.priv_key):
                raise ValueError("an SNMPv3 protocol needs its key")
        elif not self.community:
            raise ValueError(f"an SNMPv{self.version} credential needs a community")


@dataclass(frozen=True, slots=True)
class Target:
    """One agent. `address` is an IPv4 or IPv6 address, not a name: nothing here resolves names."""

    address: str
    credential: Credential
    port: int = 161
    context: str = ""
    timeout: float = 2.0
    """Seconds to wait for one answer."""
    retries: int = 1
    place: tuple[str, int] = field(init=False, repr=False, compare=False)
    """Address and port as a socket calls them: what everything known of an agent is kept by."""
    wide: bool = field(init=False, repr=False, compare=False)
    """IPv6."""

    def __post_init__(self) -> None:
        address = ipaddress.ip_address(self.address)
        object.__setattr__(self, "place", (str(address), self.port))
        object.__setattr__(self, "wide", address.version == 6)

    @property
    def context_name(self) -> str:
        return self.context or self.credential.context

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class SnmpError(Exception):
    """Whatever keeps an answer from us."""


class NoAnswerError(SnmpError, TimeoutError):
    """Nothing came back within the time-outs."""


class AuthError(SnmpError):
    """The agent is there and does not accept us."""


class AgentError(SnmpError):
    """The agent reports an error-status."""

    def __init__(self, target: Target, status: int, index: int, name: Oid | None = None) -> None:
        self.status, self.index, self.name = status, index, name
        what = STATUS.get(status, f"error-status {status}")
        super().__init__(f"{target} answers {what}" + (f" for {dotted(name)}" if name else ""))


class GarbledError(SnmpError):
    """What came back is no valid answer."""


class EndlessWalkError(SnmpError):
    """The agent does not come to an end. `rows` are those read before."""

    def __init__(self, what: str, rows: Sequence[VarBind]) -> None:
        super().__init__(what)
        self.rows = rows


class BudgetSpentError(SnmpError):
    """The device's share is used up; others are waiting."""


class OwnTroubleError(SnmpError):
    """Our side failed: it must never be read as the device being down."""


STATUS = {
    1: "tooBig", 2: "noSuchName", 3: "badValue", 4: "readOnly", 5: "genErr", 6: "noAccess", 7: "wrongType",
    8: "wrongLength", 9: "wrongEncoding", 10: "wrongValue", 11: "noCreation", 12: "inconsistentValue",
    13: "resourceUnavailable", 14: "commitFailed", 15: "undoFailed", 16: "authorizationError", 17: "notWritable",
    18: "inconsistentName",
}  # fmt: skip
TOO_BIG, NO_SUCH_NAME, AUTHORIZATION_ERROR = 1, 2, 16


class Pdu(IntEnum):
    """The requests that an engine carries."""

    GET = 0xA0
    GETNEXT = 0xA1
    GETBULK = 0xA5


class Engine(Protocol):
    """Carries single requests: encodes, sends, matches, waits, repeats, decodes.

    What is awaited gives the varbinds of the response, or raises NoAnswerError, AuthError, AgentError (an error-status,
    whatever it is), GarbledError or OwnTroubleError, never anything else.
    """

    def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0) -> Awaitable[VarBinds]: ...

    async def close(self) -> None: ...


class Budget:
    """How much one device may cost us: requests, and seconds of the event loop's time. Counts both.

    Pass one budget to all questions that belong together.
    """

    __slots__ = ("_clock", "_until", "most_requests", "most_seconds", "requests")

    def __init__(self, requests: int = 20_000, seconds: float = 300.0) -> None:
        self.most_requests, self.most_seconds = requests, seconds
        self.requests = 0
        self._clock: Callable[[], float] = float
        self._until = -1.0

    def spend(self, target: Target) -> None:
        """One more request. Raises BudgetSpentError."""
        if self.requests >= self.most_requests:
            raise BudgetSpentError(f"{target} has had its {self.most_requests} requests")
        if self._clock() > self._until:
            if self.requests:
                raise BudgetSpentError(f"{target} has had its {self.most_seconds:g} s")
            self._clock = asyncio.get_running_loop().time  # it runs from the first request on
            self._until = self._clock() + self.most_seconds
        self.requests += 1
