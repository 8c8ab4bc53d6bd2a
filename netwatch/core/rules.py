"""What practice and contracts say, as values. Every figure comes from `rules/*.toml`. (Being written.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """All policy that the core needs."""
