"""Append-only lines that cannot be changed, dropped or put in between without showing.

Each line carries the hash of the one before it and of itself. The last number and hash stand apart too, so that
cutting off the end shows, and so does the place up to which old lines were forgotten on purpose. Who can write the
whole database can forge the whole chain: write the head that `netwatch db verify` prints down somewhere else.
"""

from __future__ import annotations

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
        # Lengths stand before the parts: no two different lines hash the same bytes.
        line = "".join([f"{len(part)}:{part}" for part in parts])
        return Link(self.seq + 1, sha256(self.hash + line.encode()).digest())


BEFORE_ALL = Link(0, bytes(32))
