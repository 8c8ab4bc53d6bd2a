"""The read side of the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from netwatch.core.model import Entry, Fact, Row
from netwatch.core.time import Instant

R = TypeVar("R", bound=Row)


class History:
    """Reads beside the writer; every answer is one consistent moment."""

    async def rows(
        self,
        kind: type[R],
        *,
        where: Mapping[str, str | bool] | None = None,
        between: tuple[Instant, Instant] | None = None,
        limit: int | None = None,
    ) -> tuple[R, ...]:
        """Rows of one type. `where`: equal columns; `between`: those whose span touches [start, end)."""
        raise NotImplementedError

    async def entries(
        self,
        subject: str | None = None,
        *,
        between: tuple[Instant, Instant] | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> tuple[Entry, ...]:
        """Journal entries in the order they were committed."""
        raise NotImplementedError

    async def facts(self, start: Instant, end: Instant, limit: int | None = None) -> tuple[Fact, ...]:
        """Facts heard in [start, end), in order of `at`."""
        raise NotImplementedError
