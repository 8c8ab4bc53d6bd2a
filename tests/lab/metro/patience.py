"""Waiting for something to come true, never for a number of seconds to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(told: Callable[[], T], what: str, *, within: float = 30.0, every: float = 0.1) -> T:
    """The first truthy answer of `told`. Raises AssertionError with its last answer after `within` seconds."""
    end = time.monotonic() + within
    while not (answer := told()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {within:g} s: {what}; last seen: {answer!r}")
        time.sleep(every)
    return answer
