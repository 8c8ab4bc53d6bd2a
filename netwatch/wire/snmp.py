"""The narrow door to SNMP: ask a device, get plain Python values or one typed error.

Three questions are all that NetWatch ever asks, and none of them writes:

* `get` a few objects by name,
* `walk` everything under a root,
* `columns`, several columns of one table side by side.

Behind the door an engine carries single requests (`Engine.exchange`): `native`, NetWatch's own, or `pysnmp`.
What goes wrong with agents is handled here, once, whichever engine it is: answers too big for the agent or the path
(GETBULK shrinks and remembers), names that do not increase, walks without end, and SNMPv1, which has no GETBULK
and fails a whole GET for one missing name.

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
import importlib
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from itertools import pairwise
from typing import Protocol

from netwatch.wire.varbinds import ABSENT, Oid, Shape, Tag, Value, VarBind, VarBinds, dotted, oid

__all__ = [
    "ABSENT",
    "AUTHORIZATION_ERROR",
    "NO_SUCH_NAME",
    "STATUS",
    "TOO_BIG",
    "AgentError",
    "Auth",
    "AuthError",
    "Budget",
    "BudgetSpentError",
    "Credential",
    "EndlessWalkError",
    "Engine",
    "GarbledError",
    "NoAnswerError",
    "Oid",
    "OwnTroubleError",
    "Pdu",
    "Priv",
    "Shape",
    "Snmp",
    "SnmpError",
    "Tag",
    "Target",
    "Value",
    "VarBind",
    "VarBinds",
    "Version",
    "dotted",
    "oid",
    "open_snmp",
]


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


_START_REPETITIONS = 25
"""Values asked for at first: 25 fit into 1,472 octets for most columns, and a small box builds them in time."""
_MOST_REPETITIONS = 100
_MOST_NAMES = 40
"""Names in one GET or GETBULK; more are split. Agents of small boxes have fixed arrays of 50 or 64."""


@dataclass(slots=True)
class _Manners:
    """What we learnt about one agent."""

    repetitions: int = _START_REPETITIONS
    ceiling: int = _MOST_REPETITIONS
    """Known to be too much: one more than this."""
    names: int = _MOST_NAMES
    good: int = 0
    """Full answers since the last shrinking."""

    def gave(self, count: int, asked: int) -> None:
        """So many values came of those asked for. Who gives all of them time and again may give more."""
        if count < asked:
            self.good = 0
        elif self.good < 7:
            self.good += 1
        else:
            self.repetitions, self.good = min(self.ceiling, self.repetitions * 2), 0


_GET, _GETBULK, _V1 = Pdu.GET, Pdu.GETBULK, Version.V1
"""Python 3.11 takes a sixth of a microsecond to find a member of an enumeration by its name."""


class Snmp:
    """The door. One for the whole process: engines share sockets, keys and layouts among all targets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._manners: dict[tuple[str, int], _Manners] = {}

    async def close(self) -> None:
        await self._engine.close()

    async def get(self, target: Target, names: Sequence[Oid], budget: Budget | None = None) -> VarBinds:
        """The objects in the order asked. A missing one is there with a tag in `ABSENT` and value None."""
        manners = self._manners.get(target.place) or self._known(target)
        if not 0 < len(names) <= manners.names:
            return await self._get_in_parts(target, names, budget or Budget())
        if budget is not None:
            budget.spend(target)
        try:
            answer = await self._engine.exchange(target, _GET, names)
        except AgentError as error:
            return await self._get_less(target, names, budget or Budget(), error)
        if len(answer.values) != len(names):
            raise GarbledError(f"{target} answers {len(answer)} of {len(names)} names")
        return answer

    async def walk(
        self, target: Target, root: Oid, budget: Budget | None = None, *, limit: int = 200_000
    ) -> Sequence[VarBind]:
        """Everything under `root`, in order.

        Raises EndlessWalkError beyond `limit` rows or when names do not increase.
        """
        if target.credential.version is _V1:
            return await self._walk_on(target, _Column(root), budget, limit)
        # The poller's columns come in one answer, and look like the one before: then nothing is made but the rows.
        manners = self._manners.get(target.place) or self._known(target)
        asked = manners.repetitions
        if budget is not None:
            budget.spend(target)
        try:
            answer = await self._engine.exchange(target, _GETBULK, (root,), asked)
        except (NoAnswerError, AgentError) as error:
            column = _Column(root)
            answer, _ = await self._next_less(target, (column,), budget, asked, error)
        else:
            values = answer.values
            if len(values) < asked:
                manners.good = 0
            else:
                manners.gave(asked, asked)
            shape = answer.shape
            if shape.root is not root:
                shape.under(root)
            whole = shape.whole
            if whole is not None and whole.size <= limit:
                answer.shape, answer.values = whole, values[: whole.size]
                return answer
            column = _Column(root)
        column.take(target, answer, limit)
        return await self._walk_on(target, column, budget, limit)

    async def _walk_on(self, target: Target, column: _Column, budget: Budget | None, limit: int) -> VarBinds:
        while not column.ended:
            answer, _ = await self._next(target, (column,), budget)
            column.take(target, answer, limit)
        return column.rows

    async def columns(
        self, target: Target, roots: Sequence[Oid], budget: Budget | None = None, *, limit: int = 200_000
    ) -> Mapping[Oid, Sequence[VarBind]]:
        """Walk several roots side by side, as many in one request as fit. `limit` counts rows of one root."""
        columns = [_Column(root) for root in dict.fromkeys(roots)]
        waiting = columns
        while waiting:
            answer, asked = await self._next(target, waiting[: self._width(target)], budget)
            for place, column in enumerate(asked[: max(1, len(answer))]):  # the last row may be cut short
                column.take(target, answer.part(place, len(answer), len(asked)), limit)
            waiting = [column for column in waiting if not column.ended]
        return {column.root: column.rows for column in columns}

    async def answering(self, target: Target, roots: Sequence[Oid], budget: Budget | None = None) -> set[Oid]:
        """Under which of `roots` the agent has anything at all."""
        there: set[Oid] = set()
        budget = budget or Budget()
        width = 1 if target.credential.version is _V1 else self._known(target).names
        for chunk in _chunks(roots, width):
            budget.spend(target)
            try:
                answer = await self._engine.exchange(target, Pdu.GETNEXT, chunk)
            except AgentError:
                if len(chunk) > 1:  # one name, or so many, may be more than it can answer: the others still count
                    half = len(chunk) // 2
                    there |= await self.answering(target, chunk[:half], budget)
                    there |= await self.answering(target, chunk[half:], budget)
                continue
            for root, vb in zip(chunk, answer, strict=False):
                if vb.tag not in ABSENT and vb.oid[: len(root)] == root:
                    there.add(root)
        return there

    # ------------------------------------------------------------ how

    def _known(self, target: Target) -> _Manners:
        manners = self._manners.get(target.place)
        if manners is None:
            manners = self._manners[target.place] = _Manners()
        return manners

    def _width(self, target: Target) -> int:
        """Columns in one request: all rows of all of them have to fit."""
        manners = self._known(target)
        return max(1, min(manners.names, 10, manners.repetitions))

    async def _get_in_parts(self, target: Target, names: Sequence[Oid], budget: Budget) -> VarBinds:
        chunks = _chunks(names, self._known(target).names)
        return VarBinds.joined([await self.get(target, chunk, budget) for chunk in chunks])

    async def _get_less(self, target: Target, names: Sequence[Oid], budget: Budget, error: AgentError) -> VarBinds:
        """The agent refused all of `names`: ask for what it may give, or raise."""
        if error.status == TOO_BIG and len(names) > 1:
            self._known(target).names = max(1, len(names) // 2)
            return await self._get_in_parts(target, names, budget)
        if error.status == NO_SUCH_NAME and target.credential.version is _V1:
            # RFC 1157: one missing name fails the request, and the index says which. Ask again without it.
            missing = error.index - 1 if 0 < error.index <= len(names) else 0
            found = list(await self.get(target, [*names[:missing], *names[missing + 1 :]], budget))
            found.insert(missing, VarBind(names[missing], Tag.NO_SUCH_OBJECT, None))
            return VarBinds.of(found)
        raise _refusal(target, error)

    async def _next(
        self, target: Target, columns: Sequence[_Column], budget: Budget | None
    ) -> tuple[VarBinds, Sequence[_Column]]:
        """What follows, and for how many of the columns it was asked: the agent may have needed a smaller question."""
        manners = self._manners.get(target.place) or self._known(target)
        if target.credential.version is _V1:
            return await self._next_v1(target, columns, budget), columns
        tried, width = manners.repetitions, len(columns)
        asked = tried // width or 1
        if budget is not None:
            budget.spend(target)
        try:
            answer = await self._engine.exchange(target, _GETBULK, _names(columns), asked)
        except (NoAnswerError, AgentError) as error:
            return await self._next_less(target, columns, budget, tried, error)
        manners.gave(len(answer.values), asked * width)
        return answer, columns

    async def _next_less(
        self, target: Target, columns: Sequence[_Column], budget: Budget | None, before: int, error: SnmpError
    ) -> tuple[VarBinds, Sequence[_Column]]:
        """As `_next`, where asking for `before` repetitions came to `error`: ask for less and less, or raise."""
        manners, tried = self._known(target), before
        while True:
            smallest = len(columns) == 1 and tried == 1
            if isinstance(error, AgentError):
                if error.status != TOO_BIG or smallest:
                    raise _refusal(target, error) from None
            elif smallest:
                # Silence may mean that the answer is too big to build in time or for the path. Only the smallest
                # question left unanswered is silence, and then nothing was learnt about sizes.
                manners.repetitions = before
                raise error
            tried, manners.good = max(1, manners.repetitions // 3), 0
            manners.repetitions = tried
            columns = columns[: max(1, min(len(columns) // 2, tried))]
            asked = tried // len(columns) or 1
            if budget is not None:
                budget.spend(target)
            try:
                answer = await self._engine.exchange(target, _GETBULK, _names(columns), asked)
            except (NoAnswerError, AgentError) as again:
                error = again
                continue
            manners.ceiling = max(manners.repetitions, before // 2)
            manners.gave(len(answer.values), asked * len(columns))
            return answer, columns

    async def _next_v1(self, target: Target, columns: Sequence[_Column], budget: Budget | None) -> VarBinds:
        out: list[VarBind] = []
        for column in columns:  # one by one: the end of the MIB in one column would fail the whole request
            if budget is not None:
                budget.spend(target)
            end = VarBind(column.after, Tag.END_OF_MIB_VIEW, None)
            try:
                answer = await self._engine.exchange(target, Pdu.GETNEXT, [column.after])
            except AgentError as error:
                if error.status != NO_SUCH_NAME:
                    raise _refusal(target, error) from None
                out.append(end)
            else:
                out.append(answer[0] if answer else end)
        return VarBinds.of(out)


class _Column:
    """A column that is being walked."""

    __slots__ = ("after", "count", "ended", "parts", "root")

    def __init__(self, root: Oid) -> None:
        self.root = self.after = root
        """`after`: the last name that came."""
        self.count, self.ended = 0, False
        self.parts: list[VarBinds] = []

    @property
    def rows(self) -> VarBinds:
        return VarBinds.joined(self.parts)

    def take(self, target: Target, rows: VarBinds, limit: int) -> None:
        """What came next. Raises EndlessWalkError, or GarbledError for nothing at all."""
        if not rows.values:
            raise GarbledError(f"{target} answers a GETBULK with nothing")
        shape = rows.shape.under(self.root)
        names = shape.names
        if shape is not rows.shape:
            self.ended = True
            if not names:
                return
            rows = VarBinds(shape, rows.values[: len(names)])
        if not shape.rising or names[0] <= self.after:
            steps = list(pairwise((self.after, *names)))
            stop = next(n for n, (one, other) in enumerate(steps) if other <= one)
            self.parts.append(rows.part(0, stop))
            raise EndlessWalkError(f"{target}: {dotted(steps[stop][1])} follows {dotted(steps[stop][0])}", self.rows)
        self.parts.append(rows)
        self.count += len(names)
        if self.count > limit:
            raise EndlessWalkError(f"{target}: more than {limit} rows under {dotted(self.root)}", self.rows[:limit])
        self.after = names[-1]


def _names(columns: Sequence[_Column]) -> tuple[Oid, ...]:
    return tuple([column.after for column in columns])


def _chunks(names: Sequence[Oid], size: int) -> Iterable[Sequence[Oid]]:
    return (names[i : i + size] for i in range(0, len(names), size))


def _refusal(target: Target, error: AgentError) -> SnmpError:
    """What an error-status means that no other question can get around."""
    return (
        AuthError(f"{target} refuses us access (authorizationError)") if error.status == AUTHORIZATION_ERROR else error
    )


def open_snmp(engine: str = "native") -> Snmp:
    """The door with the named engine behind it: `native`, or `pysnmp`. Needs a running event loop."""
    if engine not in ("pysnmp", "native"):
        raise ValueError(f'no SNMP engine "{engine}": pysnmp or native')
    module = importlib.import_module(f"netwatch.wire.snmp_{engine}")
    carrier: Engine = module.open_engine()
    return Snmp(carrier)
