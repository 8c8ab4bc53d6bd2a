"""One cell of a table as its profile says that it is meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from netwatch.wire import decode
from netwatch.wire.profile import Coding, Sensor, Source
from netwatch.wire.read.told import Row
from netwatch.wire.snmp import Tag, VarBind
from netwatch.wire.template import Term

Index: TypeAlias = tuple[int, ...]


def part(at: str, index: Index, row: Row) -> Index:
    """The part of the index that another column has, or the index that a field of the row holds."""
    if not at:
        return index
    if at[:1].isalpha() or at[:1] == "_":
        held = row.get(at)
        if isinstance(held, int):
            return (held,)
        return tuple(map(int, held.split("."))) if isinstance(held, str) and held.replace(".", "").isdigit() else ()
    at, _, more = at.partition("+")
    return Term("", True, at).part(index) + (tuple(map(int, more.split("."))) if more else ())


def understood(text: str, source: Source) -> Any:
    """What a template gave, through the decoder if one is named: numbers of the index mean something too."""
    if not source.decode or source.decode == "text":
        return text
    if text.lstrip("-").isdigit():
        return decode.DECODERS[source.decode](VarBind((), Tag.INTEGER, int(text)))
    return decode.DECODERS[source.decode](VarBind((), Tag.OCTETS, text.encode()))


def value_of(vb: VarBind, source: Source) -> Any:
    if source.states is not None:
        if absent(vb, source.absent):
            return None
        return called(source.states, vb)
    if not source.decode and vb.tag is not Tag.OCTETS:
        return scaled(vb, source) if isinstance(vb.value, int) else decode.text(vb)
    if source.decode == "" and vb.tag is Tag.OCTETS and (source.scale != 1 or source.dbm):
        return scaled(vb, source)
    if source.decode in ("", "text"):
        return None if absent(vb, source.absent) else decode.text(vb)
    return scaled(vb, source)


def scaled(vb: VarBind, how: Coding | Sensor) -> Any:
    """Decode, scale, level; None for "no value"."""
    if absent(vb, how.absent, not isinstance(how, Source) or how.sentinels):
        return None
    decoder: Callable[[VarBind], decode.Decoded] = decode.DECODERS[how.decode or "number"]
    value = decoder(vb)
    if not isinstance(value, int | float):
        return value
    value = decode.scaled(value, how.scale, how.plus)
    return decode.dbm(value) if how.dbm else value


def absent(vb: VarBind, absent: Sequence[int | float | str], sentinels: bool = True) -> bool:
    if sentinels and vb.tag is Tag.INTEGER and vb.value in decode.NO_VALUE:
        return True
    return bool(absent) and (decode.number(vb) in absent or (vb.tag is Tag.OCTETS and decode.text(vb) in absent))


def called(states: Mapping[int | str, str], vb: VarBind) -> str | None:
    raw = decode.number(vb) if isinstance(vb.value, int) else decode.text(vb)
    if isinstance(raw, str) and raw.lstrip("-").isdigit():
        raw = int(raw)
    return states.get(raw) if isinstance(raw, int | str) else None


def whole(vb: VarBind | None) -> int | None:
    return vb.value if vb is not None and isinstance(vb.value, int) else None


def shown(value: Any) -> str:
    return "" if value is None else str(value)
