"""The narrow door to SNMP: ask a device, get plain Python values or one typed error.

Three questions are all that NetWatch ever asks, and none of them writes:

* `get` a few objects by name,
* `walk` everything under a root,
* `columns`, several columns of one table side by side.

Behind the door an engine carries single requests (`Engine.exchange`): `native`, NetWatch's own, or `pysnmp`.
What goes wrong with agents is handled here, once, whichever engine it is: answers too big for the agent or the path
(GETBULK shrinks and remembers), names that do not increase, walks without end, and SNMPv1, which has no GETBULK
and fails a whole GET for one missing name. Errors: see `terms`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netwatch.wire.snmp.terms import (
    AUTHORIZATION_ERROR,
    NO_SUCH_NAME,
    STATUS,
    TOO_BIG,
    AgentError,
    Auth,
    AuthError,
    Budget,
    BudgetSpentError,
    Credential,
    EndlessWalkError,
    Engine,
    GarbledError,
    NoAnswerError,
    OwnTroubleError,
    Pdu,
    Priv,
    SnmpError,
    Target,
    Version,
)
from netwatch.wire.snmp.varbinds import ABSENT, Oid, Shape, Tag, Value, VarBind, VarBinds, dotted, oid

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
    module = importlib.import_module(f"netwatch.wire.snmp.{engine}")
    carrier: Engine = module.open_engine()
    return Snmp(carrier)
