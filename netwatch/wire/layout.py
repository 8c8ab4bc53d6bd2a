"""Layouts: where the values of a message lie, remembered, so that the next one is read without being decoded.

Two messages have the same layout when they have the same octets everywhere but in their values: the same tags, lengths,
names, flags, error-status. One comparison of two long numbers tells, and then one `struct` reads all values at once.
Whatever else a message is (a value of another length, a name that moved, an error), it is none of this layout, and is
decoded in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, TypeAlias

from netwatch.wire import ber
from netwatch.wire.snmp import Value

Field: TypeAlias = tuple[int, int, int, int]
"""Start and end of a value's content; how it is read, and its mask (`ber.kind_of`)."""

_UNSIGNED, _SIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}, {1: "b", 2: "h", 4: "i", 8: "q"}


class Layout:
    """Of one message, and of all that look like it."""

    __slots__ = ("_fixes", "_mask", "_pattern", "_size", "_unpack", "key")

    def __init__(self, data: bytes, fields: Sequence[Field], hole: tuple[int, int] = (0, 0)) -> None:
        """`fields` in order. What lies in `hole` may be anything too, and is not read."""
        free = bytearray(b"\xff" * len(data))
        free[hole[0] : hole[1]] = bytes(hole[1] - hole[0])
        form, at, fixes = ">", 0, []
        for place, (start, stop, how, bits) in enumerate(fields):
            free[start:stop] = bytes(stop - start)
            width, letter, fix = _reading(stop - start, how, bits)
            form += f"{stop - width - at}x{letter}"
            at = stop
            if fix is not None:
                fixes.append((place, fix))
        self._size = len(data)
        self._mask = int.from_bytes(free, "big")
        self._pattern = int.from_bytes(data, "big") & self._mask
        self._unpack = Struct(f"{form}{len(data) - at}x").unpack
        self._fixes = tuple(fixes)
        self.key = self._size, self._mask, self._pattern
        """Equal for equal layouts."""

    def read(self, data: bytes) -> Sequence[Any] | None:
        """The values; None when the message looks different."""
        if len(data) != self._size or int.from_bytes(data, "big") & self._mask != self._pattern:
            return None
        if not self._fixes:
            return self._unpack(data)
        values = list(self._unpack(data))
        for place, fix in self._fixes:
            values[place] = fix(values[place])
        return values


def _reading(size: int, how: int, bits: int) -> tuple[int, str, Callable[[Any], Value] | None]:
    """How many octets at the end of `size` are read as which letter of `struct`, and what is done to it then.

    A number of three octets, or of five to seven, is read together with what stands before it, and cut to its own:
    that is always there, for a tag, a length and a name stand before every value.
    """
    if how == ber.NUMBER and size:
        wide = min(size, (bits.bit_length() + 7) // 8)
        room = next(width for width in _UNSIGNED if width >= wide)
        return room, _UNSIGNED[room], None if room == wide else (bits >> 8 * ((bits.bit_length() // 8) - wide)).__and__
    if how == ber.SIGNED and size in _SIGNED:
        return size, _SIGNED[size], None
    if how == ber.SIGNED or how == ber.NUMBER:
        return size, f"{size}s", _signed
    if how == ber.NAME:
        return size, f"{size}s", ber.read_name
    return size, f"{size}s", None if how == ber.OCTETS else _nothing


def _signed(octets: bytes) -> int:
    return int.from_bytes(octets, "big", signed=True)


def _nothing(_: bytes) -> None:
    return None
