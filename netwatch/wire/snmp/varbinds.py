"""Names and values as agents send them: the words of the door to SNMP, and how answers are held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import chain, pairwise, repeat
from typing import NamedTuple, TypeAlias, overload

Oid: TypeAlias = tuple[int, ...]


def oid(text: str) -> Oid:
    """`1.3.6.1` or `.1.3.6.1` → (1, 3, 6, 1). Raises ValueError for anything else."""
    return tuple(map(int, text.strip().strip(".").split(".")))


def dotted(name: Sequence[int]) -> str:
    return ".".join(map(str, name))


class Tag(IntEnum):
    """What kind of value it is, by its BER tag (RFC 2578, RFC 3416)."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


ABSENT = frozenset({Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})

Value: TypeAlias = int | bytes | Oid | None


class VarBind(NamedTuple):
    """One name and its value. `value` is None for NULL and for everything in `ABSENT`."""

    oid: Oid
    tag: Tag
    value: Value


class Shape:
    """Names and tags of an answer. Answers that only differ in their values share one, and what was found out of it."""

    __slots__ = ("_parts", "_rising", "_under", "names", "root", "size", "tags", "whole")

    def __init__(self, names: Sequence[Oid], tags: Sequence[Tag]) -> None:
        self.names, self.tags, self.size = names, tags, len(names)
        self.root: Oid | None = None
        """Below which it was judged last (`under`)."""
        self.whole: Shape | None = None
        """What lies below `root`, where that is all that follows it there: its end is seen, and its names increase."""
        self._under = self
        self._rising: bool | None = None
        self._parts: dict[tuple[int, int, int], Shape] = {}

    @property
    def rising(self) -> bool:
        """Each name lies behind the one before it."""
        if self._rising is None:
            self._rising = all(a < b for a, b in pairwise(self.names))
        return self._rising

    def under(self, root: Oid) -> Shape:
        """Of those at the beginning that are there and lie under `root`; itself when all do."""
        if self.root is not root and self.root != root:
            width, count = len(root), 0
            for name, tag in zip(self.names, self.tags, strict=True):
                if tag in ABSENT or name[:width] != root:
                    break
                count += 1
            under = self if count == self.size else self.part(0, count)
            good = count < self.size and (count == 0 or (under.rising and under.names[0] > root))
            self.root, self._under, self.whole = root, under, under if good else None
        return self._under

    def part(self, start: int, stop: int, step: int = 1) -> Shape:
        """As of a slice."""
        shape = self._parts.get((start, stop, step))
        if shape is None:
            where = slice(start, stop, step)
            shape = self._parts[start, stop, step] = Shape(self.names[where], self.tags[where])
        return shape


class VarBinds(Sequence[VarBind]):
    """Names, tags and values side by side, as a sequence of varbinds: one is made when it is looked at.

    Who reads forty counters wants forty numbers (`values`); making forty varbinds takes longer than reading those.
    """

    __slots__ = ("shape", "values")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Shape, values: Sequence[Value]) -> None:
        self.shape, self.values = shape, values

    @classmethod
    def of(cls, varbinds: Iterable[VarBind]) -> VarBinds:
        names, tags, values = tuple(zip(*varbinds, strict=True)) or ((), (), ())
        return cls(Shape(names, tags), values)

    @classmethod
    def joined(cls, parts: Sequence[VarBinds]) -> VarBinds:
        """One behind the other."""
        if len(parts) == 1:
            return parts[0]
        names = tuple(chain.from_iterable(part.shape.names for part in parts))
        tags = tuple(chain.from_iterable(part.shape.tags for part in parts))
        return cls(Shape(names, tags), tuple(chain.from_iterable(part.values for part in parts)))

    def part(self, start: int, stop: int, step: int = 1) -> VarBinds:
        """As a slice, and quicker the next time."""
        if start == 0 and step == 1 and stop >= len(self.values):
            return self
        return VarBinds(self.shape.part(start, stop, step), self.values[start:stop:step])

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, at: int) -> VarBind: ...
    @overload
    def __getitem__(self, at: slice) -> VarBinds: ...
    def __getitem__(self, at: int | slice) -> VarBind | VarBinds:
        names, tags = self.shape.names[at], self.shape.tags[at]
        if isinstance(at, slice):
            return VarBinds(Shape(names, tags), self.values[at])  # type: ignore[arg-type]
        return VarBind(names, tags, self.values[at])  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[VarBind]:
        # A NamedTuple's own `__new__` is a Python function: this makes the same in a third of the time.
        cells = zip(self.shape.names, self.shape.tags, self.values, strict=True)
        return map(tuple.__new__, repeat(VarBind), cells)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"VarBinds({list(self)})"
