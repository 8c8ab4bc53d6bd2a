"""Frozen dataclasses to JSON text and back, strictly: nothing is guessed, nothing unknown is let through.

One codec for every row, entry and message instead of one each: what a class says about its fields is all there is
to know. Read `decode(Ticket, encode(ticket)) == ticket`.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class CodecError(ValueError):
    """A text that is not what it should be, or a value that no text can hold. Names the field."""


class _Codec(NamedTuple):
    out: Callable[[Any], Any]
    """Value → what `json` can write."""
    back: Callable[[Any], Any]
    """What `json` read → value."""


_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(value: object) -> str:
    """The JSON text of a dataclass. Raises CodecError for a value that its class does not allow."""
    return encode_as(type(value), value)


def encode_as(kind: Any, value: object) -> str:
    """As `encode`, for any type built of dataclasses, tuples, mappings, enums and scalars."""
    try:
        return _write(_codec(kind).out(value))
    except ValueError as error:
        raise CodecError(f"{_name(kind)}: {error}") from None


def decode(kind: type[T], text: str) -> T:
    """The value of `text`. Raises CodecError: no JSON, a key too many or too few, a value of another type."""
    value: T = decode_as(kind, text)
    return value


def decode_as(kind: Any, text: str) -> Any:
    try:
        return _codec(kind).back(json.loads(text, parse_constant=_no_constant))
    except ValueError as error:
        raise CodecError(f"{_name(kind)}: {error}") from None


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def _no_constant(text: str) -> None:
    raise CodecError(f"{text} is no number")


@lru_cache(maxsize=256)
def _codec(kind: Any) -> _Codec:
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Codec(_typed(kind, lambda value: value.value), kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is not None:
        return _container(kind, origin, arguments)
    if kind is str:
        # Where a word is asked for, an enum's member will do; it comes back as the word that it equals.
        return _Codec(_typed(str, str), _exact(str))
    if kind in (int, bool):
        return _Codec(_exact(kind), _exact(kind))
    if kind is float:
        return _Codec(_number, _number)
    raise TypeError(f"no codec for {kind!r}")


def _container(kind: Any, origin: Any, arguments: tuple[Any, ...]) -> _Codec:
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _many(tuple, _codec(arguments[0]))
    if origin is tuple:
        return _record(tuple(map(_codec, arguments)))
    if origin is list:
        return _many(list, _codec(arguments[0]))
    if origin in (set, frozenset):
        return _many(origin, _codec(arguments[0]), ordered=True)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if arguments[0] is str:
            return _mapping(_codec(arguments[1]))
        return _pairs(_codec(arguments[0]), _codec(arguments[1]))
    raise TypeError(f"no codec for {kind!r}")


def _exact(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # `type is`, not isinstance: True is an int to Python, and a StrEnum a str, but not here.
        if type(value) is not kind:
            raise CodecError(f"{_shown(value)} is no {kind.__name__}")
        return value

    return check


def _typed(kind: type, out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise CodecError(f"{_shown(value)} is no {kind.__name__}")
        return out(value)

    return check


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise CodecError(f"{_shown(value)} is no number")
    return float(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _union(arguments: tuple[Any, ...]) -> _Codec:
    members = [_codec(argument) for argument in arguments if argument is not types.NoneType]
    optional = types.NoneType in arguments

    def first(way: int) -> Callable[[Any], Any]:
        def convert(value: Any) -> Any:
            if value is None and optional:
                return None
            for member in members:
                try:
                    return member[way](value)
                except ValueError:
                    continue
            raise CodecError(f"{_shown(value)} is none of {', '.join(map(_name, arguments))}")

        return convert

    return _Codec(first(0), first(1))


def _many(kind: type, member: _Codec, *, ordered: bool = False) -> _Codec:
    def out(value: Any) -> list[Any]:
        items = list(map(member.out, value))
        return sorted(items) if ordered else items

    def back(value: Any) -> Any:
        if type(value) is not list:
            raise CodecError(f"{_shown(value)} is no list")
        return kind(map(member.back, value))

    return _Codec(_typed(kind, out), back)


def _record(members: tuple[_Codec, ...]) -> _Codec:
    """A tuple of fixed length, each place of its own type."""

    def back(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(members):
            raise CodecError(f"{_shown(value)} is no list of {len(members)}")
        return tuple(m.back(v) for m, v in zip(members, value, strict=True))

    def out(value: tuple[Any, ...]) -> list[Any]:
        if len(value) != len(members):
            raise CodecError(f"{_shown(value)} is no tuple of {len(members)}")
        return [m.out(v) for m, v in zip(members, value, strict=True)]

    return _Codec(_typed(tuple, out), back)


def _pairs(key: _Codec, member: _Codec) -> _Codec:
    """A mapping whose keys are no texts: a list of pairs."""

    def back(value: Any) -> dict[Any, Any]:
        if type(value) is not list:
            raise CodecError(f"{_shown(value)} is no list of pairs")
        return {key.back(k): member.back(v) for k, v in value}

    return _Codec(_typed(Mapping, lambda value: [[key.out(k), member.out(v)] for k, v in value.items()]), back)


def _mapping(member: _Codec) -> _Codec:
    def every(convert: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
        def run(value: Any) -> dict[str, Any]:
            out = {}
            for key, inner in value.items():
                if type(key) is not str:
                    raise CodecError(f"the key {_shown(key)} is no str")
                out[key] = convert(inner)
            return out

        return run

    return _Codec(_typed(Mapping, every(member.out)), _typed(dict, every(member.back)))


def _dataclass(kind: Any) -> _Codec:
    hints = get_type_hints(kind)
    fields = {field.name: _codec(hints[field.name]) for field in dataclasses.fields(kind)}
    required = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def out(value: Any) -> dict[str, Any]:
        return {name: _at(name, codec.out, getattr(value, name)) for name, codec in fields.items()}

    def back(value: Any) -> Any:
        if type(value) is not dict:
            raise CodecError(f"{_shown(value)} is no object")
        if strange := value.keys() - fields.keys():
            raise CodecError(f"unknown {', '.join(sorted(strange))}")
        # A field that has a default may be missing: it came with a later version than the text.
        if missing := required - value.keys():
            raise CodecError(f"lacks {', '.join(sorted(missing))}")
        return kind(**{name: _at(name, fields[name].back, inner) for name, inner in value.items()})

    return _Codec(_typed(kind, out), back)


def _at(name: str, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise CodecError(f"{name}: {error}") from None
