"""TOML files read so that every mistake can be shown where it stands.

`parse(path, Model)` is what readers of TOML need: the model, or an `UnusableError` with
all problems at once, each with `file:line`, the dotted key and "did you mean".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netwatch.findings import Finding, UnusableError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Key = tuple[str | int, ...]

LARGEST = 4_000_000
"""Bytes. No hand-written file is larger; one that is was named by mistake."""


@dataclass(frozen=True)
class Document:
    """A TOML file and where each of its keys stands."""

    path: Path
    data: dict[str, Any]
    text: str = field(default="", repr=False)

    @cached_property
    def lines(self) -> Mapping[Key, int]:
        """Found when the first mistake is shown: most files have none, and looking costs more than reading."""
        return dict(_places(self.text))

    def line(self, key: Key) -> int:
        """The line of `key`, or of the nearest table around it; 1 for the file as a whole."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def finding(self, key: Key, what: str, cure: str = "", *, warning: bool = False) -> Finding:
        """A finding about `key`, placed at `file:line` and naming the dotted key."""
        dotted = show(key)
        return Finding(f"{self.path}:{self.line(key)}", f"{dotted}: {what}" if dotted else what, cure, warning)


def show(key: Key) -> str:
    """`channels.mail.to[0]`, as people write it."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + part
    return text


def read(path: Path) -> Document:
    """Read a TOML file. Raises UnusableError: missing, unreadable, not UTF-8, broken (with its line)."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as error:
        cure = "name another file with -c" if isinstance(error, FileNotFoundError) else ""
        raise UnusableError([Finding(str(path), f"cannot be read: {error.strerror or error}", cure)]) from None
    if len(raw) > LARGEST:
        raise UnusableError([Finding(str(path), "is larger than 4 MB, so it is no file that a person wrote")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        cure = "save the file as UTF-8"
        raise UnusableError([Finding(f"{path}:{line}", f"byte {error.start} is not UTF-8", cure)]) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnusableError([_broken(path, text, str(error))]) from None
    except RecursionError:
        raise UnusableError([Finding(str(path), "is nested too deeply")]) from None
    return Document(path, data, text)


def _broken(path: Path, text: str, message: str) -> Finding:
    what, _, where = message.partition(" (at ")
    if where.startswith("line "):
        line = where.removeprefix("line ").split(",")[0]
    else:
        line = str(max(1, len(text.splitlines())))
    return Finding(f"{path}:{line}", f"not TOML: {what[:1].lower()}{what[1:]}")


def _places(text: str) -> Iterator[tuple[Key, int]]:
    """The line of every key of a text that tomllib accepts.

    tomllib keeps no places. Instead of a second grammar, which would disagree with the first
    one day, lines are joined until tomllib accepts them as a statement.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    table: Key = ()
    counts: dict[Key, int] = {}
    start = 0
    while start < len(lines):
        if not lines[start].strip() or lines[start].lstrip().startswith("#"):
            start += 1
            continue
        for end in range(start + 1, len(lines) + 1):
            try:
                statement = tomllib.loads("\n".join(lines[start:end]))
            except tomllib.TOMLDecodeError:
                continue
            break
        else:
            return
        if lines[start].lstrip().startswith("["):
            table = _header(statement, counts)
            yield table, start + 1
        else:
            for key in _keys(statement):
                yield table + key, start + 1
        start = end


def _header(statement: dict[str, Any], counts: dict[Key, int]) -> Key:
    key: Key = ()
    inner: Any = statement
    while inner:
        name, inner = next(iter(inner.items()))
        key += (name,)
        if isinstance(inner, list):
            counts[key] = counts.get(key, -1) + 1
            key += (counts[key],)
            inner = inner[0]
        elif key in counts:  # [outer.inner] below [[outer]]
            key += (counts[key],)
    return key


def _keys(value: Any, above: Key = ()) -> Iterator[Key]:
    if above:
        yield above
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _keys(inner, (*above, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _keys(inner, (*above, number))


def parse(path: Path, model: type[Model]) -> Model:
    """Read `path` as `model`. Raises UnusableError with all problems."""
    return validate(read(path), model)


def validate(document: Document, model: type[Model], context: dict[str, Any] | None = None) -> Model:
    """The document as `model`. Raises UnusableError with all problems.

    Values are never shown: one of them might be a secret that stands in the wrong place.
    """
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        found = dict.fromkeys(_explain(document, model, problem) for problem in problems)
        raise UnusableError(sorted(found, key=line_of)) from None


def line_of(finding: Finding) -> int:
    """For sorting findings of one file."""
    return int(finding.place.rpartition(":")[2])


def _explain(document: Document, model: type[BaseModel], problem: ErrorDetails) -> Finding:
    loc, kind = problem["loc"], problem["type"]
    key = _without_tags(document.data, loc)
    if kind == "extra_forbidden":
        known = _names_at(model, loc[:-1])
        cure = did_you_mean(str(loc[-1]), known) or (f"known here: {', '.join(known)}" if known else "")
        return document.finding(key, "unknown key", cure)
    if kind == "missing":
        return document.finding((*key, loc[-1]), "is missing")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        context = problem.get("ctx", {})
        known = [word.strip("' ") for word in str(context.get("expected_tags", "")).split(",") if word]
        key = (*key, str(context.get("discriminator", "")).strip("'"))
        if kind == "union_tag_not_found":
            return document.finding(key, "is missing")
        cure = did_you_mean(str(context["tag"]), known)
        return document.finding(key, f"is none of {', '.join(known)}", cure)
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return document.finding(key, "should be a table", "[NAME] and its keys below it")
    message = problem["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("Assertion failed, ")
    what, _, cure = message.partition(" | ")
    return document.finding(key, what[:1].lower() + what[1:], cure)


def _without_tags(data: Any, loc: Key) -> Key:
    """pydantic puts the chosen branch of a union into the place; operators have no such key."""
    key: Key = ()
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            continue
        key += (part,)
    return key


def _names_at(model: type[BaseModel], loc: Key) -> list[str]:
    """The keys that may stand at `loc`."""
    kinds: list[Any] = [model]
    for part in loc:
        following = [inner for kind in kinds for inner in _below(kind, part)]
        kinds = following or kinds  # a tag of a union leads nowhere further
        tagged = [k for k in kinds if _is_model(k) and _tag(k) == part]
        kinds = tagged or kinds
    names = [info.alias or name for kind in kinds if _is_model(kind) for name, info in kind.model_fields.items()]
    return sorted(set(names))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tag(kind: type[BaseModel]) -> str:
    info = kind.model_fields.get("kind")
    return str(get_args(info.annotation)[0]) if info and get_args(info.annotation) else ""


def _below(kind: Any, part: str | int) -> list[Any]:
    if _is_model(kind):
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                return _models(info.annotation)
    return []


def _models(annotation: Any) -> list[Any]:
    """Every type that an annotation can hold: through Optional, unions, containers."""
    origin = get_origin(annotation)
    if origin is None:
        return [annotation]
    arms = get_args(annotation)
    return _models(arms[0]) if origin is Annotated else [m for arm in arms for m in _models(arm)]
