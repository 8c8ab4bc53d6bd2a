"""Append-only lines that cannot be changed, dropped or put in between without showing.

Each line carries the hash of the one before it and of itself. The last number and hash stand apart too, so that
cutting off the end shows, and so does the place up to which old lines were forgotten on purpose. Who can write the
whole database can forge the whole chain: write the head that `netwatch db verify` prints down somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a chain: the number of a line, and its hash. `Link(0, START)` stands before the first."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> Link:
        seq, _, digest = text.partition(":")
        return cls(int(seq), bytes.fromhex(digest))

    def next(self, *parts: str) -> Link:
        """The link of the line that follows this one."""
        return Link(self.seq + 1, digest_of(self.hash, parts))


def digest_of(former: bytes, parts: Iterable[str]) -> bytes:
    """The hash of the line of these parts that follows the line with the hash `former`."""
    # Lengths stand before the parts: no two different lines hash the same bytes.
    return sha256(former + "".join([f"{len(part)}:{part}" for part in parts]).encode()).digest()


BEFORE_ALL = Link(0, bytes(32))
