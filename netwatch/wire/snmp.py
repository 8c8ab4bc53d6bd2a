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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol, TypeAlias

Oid: TypeAlias = tuple[int, ...]


def oid(text: str) -> Oid:
    """`1.3.6.1` or `.1.3.6.1` → (1, 3, 6, 1). Raises ValueError for anything else."""
    return tuple(map(int, text.strip().strip(".").split(".")))


def dotted(name: Sequence[int]) -> str:
    return ".".join(map(str, name))


class Tag(IntEnum):
    """What kind of value it is, by its BER tag (RFC 2578, RFC 3416)."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


ABSENT = frozenset({Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})

Value: TypeAlias = int | bytes | Oid | None


class VarBind(NamedTuple):
    """One name and its value. `value` is None for NULL and for everything in `ABSENT`."""

    oid: Oid
    tag: Tag
    value: Value


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

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)

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

    def __init__(self, what: str, rows: list[VarBind]) -> None:
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


class Answer(NamedTuple):
    """One response PDU as the agent sent it."""

    status: int
    place: int
    """error-index: which name the status is about, counted from 1."""
    varbinds: list[VarBind]


class Engine(Protocol):
    """Carries single requests: encodes, sends, matches, waits, repeats, decodes.

    Raises NoAnswerError, AuthError, GarbledError or OwnTroubleError, never anything else.
    """

    async def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0) -> Answer: ...

    async def close(self) -> None: ...


class Budget:
    """How much one device may cost us: requests, and seconds of the event loop's time. Counts both.

    Pass one budget to all questions that belong together.
    """

    def __init__(self, requests: int = 20_000, seconds: float = 300.0) -> None:
        self.most_requests, self.most_seconds = requests, seconds
        self.requests = 0
        self._started: float | None = None

    def spend(self, target: Target) -> None:
        now = asyncio.get_running_loop().time()
        if self._started is None:
            self._started = now
        if self.requests >= self.most_requests:
            raise BudgetSpentError(f"{target} has had its {self.most_requests} requests")
        if now - self._started > self.most_seconds:
            raise BudgetSpentError(f"{target} has had its {self.most_seconds:g} s")
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

    def grow(self, *, full: bool) -> None:
        self.good = self.good + 1 if full else 0
        if self.good >= 8:
            self.repetitions, self.good = min(self.ceiling, self.repetitions * 2), 0


class Snmp:
    """The door. One for the whole process: engines share sockets, keys and layouts among all targets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._manners: dict[tuple[str, int], _Manners] = {}

    async def close(self) -> None:
        await self._engine.close()

    async def get(self, target: Target, names: Sequence[Oid], budget: Budget | None = None) -> list[VarBind]:
        """The objects in the order asked. A missing one is there with a tag in `ABSENT` and value None."""
        budget = budget or Budget()
        size = self._known(target).names
        if len(names) <= size:
            return await self._get(target, names, budget) if names else []
        out: list[VarBind] = []
        for chunk in _chunks(names, size):
            out += await self._get(target, chunk, budget)
        return out

    async def walk(
        self, target: Target, root: Oid, budget: Budget | None = None, *, limit: int = 200_000
    ) -> list[VarBind]:
        """Everything under `root`, in order.

        Raises EndlessWalkError beyond `limit` rows or when names do not increase.
        """
        return (await self.columns(target, [root], budget, limit=limit))[root]

    async def columns(
        self, target: Target, roots: Sequence[Oid], budget: Budget | None = None, *, limit: int = 200_000
    ) -> dict[Oid, list[VarBind]]:
        """Walk several roots side by side, as many in one request as fit. `limit` counts rows of one root."""
        found: dict[Oid, list[VarBind]] = {root: [] for root in roots}
        budget = budget or Budget()
        waiting, after = list(found), {root: root for root in found}
        while waiting:
            batch = waiting[: self._width(target)]
            done = await self._stride(target, batch, after, found, budget, limit)
            waiting = [root for root in waiting if root not in done]
        return found

    async def answering(self, target: Target, roots: Sequence[Oid], budget: Budget | None = None) -> set[Oid]:
        """Under which of `roots` the agent has anything at all."""
        there: set[Oid] = set()
        budget = budget or Budget()
        width = 1 if target.credential.version is Version.V1 else self._known(target).names
        for chunk in _chunks(roots, width):
            budget.spend(target)
            answer = await self._engine.exchange(target, Pdu.GETNEXT, chunk)
            for root, vb in zip(chunk, answer.varbinds, strict=False):
                if not answer.status and vb.tag not in ABSENT and vb.oid[: len(root)] == root:
                    there.add(root)
        return there

    # ------------------------------------------------------------ how

    def _known(self, target: Target) -> _Manners:
        key = (target.address, target.port)
        manners = self._manners.get(key)
        if manners is None:
            manners = self._manners[key] = _Manners()
        return manners

    def _width(self, target: Target) -> int:
        """Columns in one request: all rows of all of them have to fit."""
        manners = self._known(target)
        return max(1, min(manners.names, 10, manners.repetitions))

    async def _get(self, target: Target, names: Sequence[Oid], budget: Budget) -> list[VarBind]:
        budget.spend(target)
        answer = await self._engine.exchange(target, Pdu.GET, names)
        if answer.status == TOO_BIG and len(names) > 1:
            half = self._known(target).names = max(1, len(names) // 2)
            return [vb for chunk in _chunks(names, half) for vb in await self._get(target, chunk, budget)]
        if answer.status == NO_SUCH_NAME and target.credential.version is Version.V1:
            # RFC 1157: one missing name fails the request, and the index says which. Ask again without it.
            missing = answer.place - 1 if 0 < answer.place <= len(names) else 0
            rest = [*names[:missing], *names[missing + 1 :]]
            found = await self._get(target, rest, budget) if rest else []
            found.insert(missing, VarBind(names[missing], Tag.NO_SUCH_OBJECT, None))
            return found
        _refuse(target, answer, names)
        if len(answer.varbinds) != len(names):
            raise GarbledError(f"{target} answers {len(answer.varbinds)} of {len(names)} names")
        return answer.varbinds

    async def _stride(
        self,
        target: Target,
        roots: list[Oid],
        after: dict[Oid, Oid],
        found: dict[Oid, list[VarBind]],
        budget: Budget,
        limit: int,
    ) -> set[Oid]:
        """One request further on all of `roots`; returns those that came to their end."""
        answer, roots = await self._next(target, roots, after, budget)
        done: set[Oid] = set()
        for place, vb in enumerate(answer):
            root = roots[place % len(roots)]
            if root in done:
                continue
            if vb.tag in ABSENT or vb.oid[: len(root)] != root:
                done.add(root)
                continue
            if vb.oid <= after[root]:
                raise EndlessWalkError(f"{target}: {dotted(vb.oid)} follows {dotted(after[root])}", found[root])
            if len(found[root]) >= limit:
                raise EndlessWalkError(f"{target}: more than {limit} rows under {dotted(root)}", found[root])
            found[root].append(vb)
            after[root] = vb.oid
        return done

    async def _next(
        self, target: Target, roots: list[Oid], after: dict[Oid, Oid], budget: Budget
    ) -> tuple[list[VarBind], list[Oid]]:
        """What follows, and for how many of the roots it was asked: the agent may have needed a smaller question."""
        manners = self._known(target)
        if target.credential.version is Version.V1:
            return await self._next_v1(target, roots, after, budget), roots
        before, refused = manners.repetitions, False
        while True:
            repetitions = max(1, manners.repetitions // len(roots))
            smallest = len(roots) == 1 and repetitions == 1
            budget.spend(target)
            try:
                answer = await self._engine.exchange(target, Pdu.GETBULK, [after[r] for r in roots], repetitions)
            except NoAnswerError:
                # Silence may mean that the answer is too big to build in time or for the path. Only the smallest
                # question left unanswered is silence, and then nothing was learnt about sizes.
                if smallest:
                    manners.repetitions = before
                    raise
                answer = Answer(TOO_BIG, 0, [])
            if answer.status == TOO_BIG and not smallest:
                refused = True
                manners.repetitions, manners.good = max(1, manners.repetitions // 3), 0
                roots = roots[: max(1, min(len(roots) // 2, manners.repetitions))]
                continue
            _refuse(target, answer, [after[r] for r in roots])
            if not answer.varbinds:
                raise GarbledError(f"{target} answers a GETBULK with nothing")
            if refused:
                manners.ceiling = max(manners.repetitions, before // 2)
            manners.grow(full=len(answer.varbinds) >= repetitions * len(roots))
            return answer.varbinds, roots

    async def _next_v1(self, target: Target, roots: list[Oid], after: dict[Oid, Oid], budget: Budget) -> list[VarBind]:
        out: list[VarBind] = []
        for root in roots:  # one by one: the end of the MIB in one column would fail the whole request
            budget.spend(target)
            answer = await self._engine.exchange(target, Pdu.GETNEXT, [after[root]])
            if answer.status == NO_SUCH_NAME:
                out.append(VarBind(after[root], Tag.END_OF_MIB_VIEW, None))
                continue
            _refuse(target, answer, [after[root]])
            out += answer.varbinds[:1] or [VarBind(after[root], Tag.END_OF_MIB_VIEW, None)]
        return out


def _chunks(names: Sequence[Oid], size: int) -> Iterable[Sequence[Oid]]:
    return (names[i : i + size] for i in range(0, len(names), size))


def _refuse(target: Target, answer: Answer, names: Sequence[Oid]) -> None:
    if answer.status:
        if answer.status == AUTHORIZATION_ERROR:
            raise AuthError(f"{target} refuses us access (authorizationError)")
        name = names[answer.place - 1] if 0 < answer.place <= len(names) else None
        raise AgentError(target, answer.status, answer.place, name)


def open_snmp(engine: str = "native") -> Snmp:
    """The door with the named engine behind it: `native`, or `pysnmp`. Needs a running event loop."""
    if engine not in ("pysnmp", "native"):
        raise ValueError(f'no SNMP engine "{engine}": pysnmp or native')
    module = importlib.import_module(f"netwatch.wire.snmp_{engine}")
    carrier: Engine = module.open_engine()
    return Snmp(carrier)
