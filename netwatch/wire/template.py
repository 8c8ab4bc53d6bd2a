"""Small templates of profiles: `{ifName|ifDescr} rx`, `{entPhysicalName@0}`, `gpon-{#0}/{#1}`.

Between braces stand alternatives, of which the first that gives something is taken:

    name            a field of the row, or a column at the row's own index
    name@0, @-1     the column at one arc of the index;  @1:3, @:4  at a part of it
    name@field      the column at the number that the row has in `field`
    #, #0, #1:3     the index itself, an arc or a part of it
    'text'          itself

In traps a name is a varbind, `#name` its instance (`#name@-4:` a part of it), `port@name` the port whose ifIndex is its
value, `port@#name` the port whose ifIndex is the last arc of its instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_HOLE = re.compile(r"\{([^{}]*)\}")
_TERM = re.compile(
    r"(?P<literal>'[^']*')|(?P<hash>#)?(?P<name>[A-Za-z_][\w.]*)?(?:@?(?P<at>-?\d*:?-?\d*|#?[A-Za-z_]\w*))?$"
)


@dataclass(frozen=True, slots=True)
class Term:
    name: str
    """Empty for a bare `#` or a literal."""
    index: bool
    """It starts with `#`: the index (of a row, or of the varbind called `name`), not the value."""
    at: str
    literal: str | None = None

    def part(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """What `at` selects of an index; all of it when empty. Raises ValueError when `at` is a field."""
        return index[self.cut()]

    def cut(self) -> slice:
        """What `at` selects. Raises ValueError when it is a field."""
        first, colon, last = self.at.partition(":")
        if colon or not first:
            return slice(int(first) if first else None, int(last) if last else None)
        return slice(int(first), int(first) + 1 or None)


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | tuple[Term, ...], ...]

    def fill(self, value: Callable[[Term], str]) -> str:
        """The text; `value` gives what a term stands for, empty for nothing."""
        out: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            for term in part:
                if found := term.literal if term.literal is not None else value(term):
                    out.append(found)
                    break
        return " ".join("".join(out).split())

    def terms(self) -> Iterator[Term]:
        for part in self.parts:
            if not isinstance(part, str):
                yield from part


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """Raises ValueError, in words for whoever wrote the profile."""
    parts: list[str | tuple[Term, ...]] = []
    end = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > end:
            parts.append(text[end : hole.start()])
        parts.append(tuple(_term(word.strip()) for word in hole[1].split("|")))
        end = hole.end()
    if text[end:]:
        parts.append(text[end:])
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise ValueError(f'a brace without its partner in "{text}"')
    return Template(tuple(parts))


def _term(word: str) -> Term:
    found = _TERM.match(word)
    if not found or not word:
        raise ValueError(f'"{{{word}}}" is no term | e.g. {{ifName}}, {{ifName@0}}, {{#1}}')
    if found["literal"]:
        return Term("", False, "", found["literal"][1:-1])
    if not found["name"] and not found["hash"]:
        raise ValueError(f'"{{{word}}}" is no term | e.g. {{ifName}}, {{ifName@0}}, {{#1}}')
    return Term(found["name"] or "", bool(found["hash"]), found["at"] or "")
