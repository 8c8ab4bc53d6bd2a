"""What is equal is kept once: boxes of a model are asked the same, have ports of the same names, and say the same."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar, cast

_MOST = 1 << 16

T = TypeVar("T", bound=Hashable)


class Alike:
    """One of all that are equal. A hundred thousand devices would else take ten times the memory."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Hashable] = {}

    def one(self, it: T) -> T:
        """It, or its equal that was known before."""
        if len(self._known) >= _MOST:
            self._known.clear()
        return cast(T, self._known.setdefault(it, it))
