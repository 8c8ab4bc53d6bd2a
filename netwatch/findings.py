"""How every part at the edge says what is wrong with what it was given.

A tired operator gets all problems at once, each with its place, what is wrong and how to
cure it; never a traceback, never only the first one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem. `place` is `file:line`, `file:row:column` or a dotted key."""

    place: str
    what: str
    cure: str = ""
    warning: bool = False
    """A warning is told and does not stop anything."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" + (f" ({self.cure})" if self.cure else "")


class UnusableError(Exception):
    """Something given to us cannot be used; carries every finding. Commands exit with 78."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(f) for f in self.findings))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "poll"?`, or an empty string when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""
