"""Layouts: where the values of a message lie, remembered, so that the next one is read without being decoded.

Two messages have the same layout when they have the same octets everywhere but in their values: the same tags, lengths,
names, flags, error-status. One comparison of two long numbers tells, and then one `struct` reads all values at once.

Counters grow, and rates come and go: then lengths change, and every octet behind them moves. A loose layout takes a
message binding by binding: what stands before each value is one of the few forms that it may have for its name and
type, and says where the value ends.

Whatever else a message is (a name that moved, another type, an error), it is of neither, and is decoded in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, TypeAlias

from netwatch.wire.snmp import ber
from netwatch.wire.snmp.varbinds import Value

Field: TypeAlias = tuple[int, int, int, int]
"""Start and end of a value's content; how it is read, and its mask (`ber.kind_of`)."""

_UNSIGNED, _SIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}, {1: "b", 2: "h", 4: "i", 8: "q"}
_number = int.from_bytes


class Layout:
    """Of one message, and of all that look like it."""

    __slots__ = ("_fixes", "_mask", "_pattern", "_size", "_unpack", "hole", "key")

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
        self._mask = _number(free, "little")
        self._pattern = _number(data, "little") & self._mask
        self._unpack = Struct(f"{form}{len(data) - at}x").unpack
        self._fixes = tuple(fixes)
        self.hole = hole[0]
        self.key = self._size, self._mask, self._pattern
        """Equal for equal layouts."""

    def read(self, data: bytes) -> Sequence[Any] | None:
        """The values; None when the message looks different."""
        if len(data) != self._size or _number(data, "little") & self._mask != self._pattern:
            return None
        if not self._fixes:
            return self._unpack(data)
        values = list(self._unpack(data))
        for place, fix in self._fixes:
            values[place] = fix(values[place])
        return values


class Head:
    """What stands before that part of messages which may have any size, and holds their lengths."""

    __slots__ = ("_base", "_least", "_mask", "_most", "_step", "hole", "key", "start")

    def __init__(self, data: bytes, levels: int, holes: Sequence[tuple[int, int]], start: int | None = None) -> None:
        """So many things that reach to the end of `data` are opened; it ends there, or at `start` before. What lies in
        `holes` may be anything. Raises BerError."""
        at, lengths = 0, list[tuple[int, int]]()
        while len(lengths) < levels:
            _, inner, stop = ber.head(data, at, len(data))
            if stop == len(data):
                lengths.append((at + 1, inner))
            at = inner if stop == len(data) else stop
        self.start = at = at if start is None else start
        """Where it ends."""
        self.hole = holes[0][0]
        free = bytearray(b"\xff" * at)
        for first, last in holes:
            free[first:last] = bytes(last - first)
        # Read as one number it is `base + size of the message * step`, as long as each length keeps its octets.
        self._mask = _number(free, "big")
        self._step = sum(1 << 8 * (at - inner) for _, inner in lengths)
        self._base = (_number(data[:at], "big") & self._mask) - len(data) * self._step
        self._least = max(inner for _, inner in lengths)
        self._most = min(inner + (1 << max(7, 8 * (inner - first - 1))) - 1 for first, inner in lengths)
        self.key = self._base, self._mask

    def fits(self, data: bytes) -> bool:
        size = len(data)
        return (
            self._least <= size <= self._most
            and _number(data[: self.start], "big") & self._mask == self._base + size * self._step
        )


class Loose:
    """Of messages with the same names and types, whatever the sizes of their values."""

    __slots__ = ("_bindings", "_head", "hole", "key")

    def __init__(self, data: bytes, fields: Sequence[Field], hole: tuple[int, int]) -> None:
        """As for `Layout`. Raises BerError for a message of another build than nearly all have: the lengths of each
        binding in one octet, nothing behind its value."""
        self._head = Head(data, 3, [hole])  # into the message (or scoped PDU), the PDU, the list of bindings
        at = self._head.start
        bindings = []
        for start, stop, how, mask in fields:
            tag, size, length = data[start - 2], stop - start, stop - at - 2
            if ber.kind_of(tag)[1] != how or not data[start - 1] == size < 0x80 or not data[at + 1] == length < 0x80:
                raise ber.BerError("another build")
            bindings.append((data[at + 2 : start - 1], start - at, mask, tag))
            at = stop
        self._bindings = tuple(bindings)
        self.hole = hole[0]
        self.key = *self._head.key, self._bindings
        """Equal for those that read the same."""

    def read(self, data: bytes) -> Sequence[Value] | None:
        """The values; None when the message looks different. Raises BerError where decoding would."""
        if not self._head.fits(data):
            return None
        at = self._head.start
        number, values = _number, list[Value]()
        take = values.append
        try:
            for name, width, mask, tag in self._bindings:  # its name and tag, and how much stands before its value
                start, whole = at + width, data[at + 1]
                long = data[start - 1]
                if (
                    data[at + 2 : start - 1] != name
                    or whole != width + long - 2
                    or whole >= 0x80
                    or data[at] != ber.SEQUENCE
                ):
                    return None
                at = start + long
                if mask and long < 10:
                    take(number(data[start:at], "big") & mask)
                else:
                    take(ber.read_value(tag, data, start, at)[1])
        except IndexError:
            return None
        return values if at == len(data) else None


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
