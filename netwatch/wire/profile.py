"""Profiles: what a family of equipment offers and what its traps mean, as data. (Being written.)"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class Profiles:
    """All that is known about equipment, loaded from `collectors/<family>/profile.toml`."""

    @classmethod
    def load(cls, directories: Iterable[Path]) -> Profiles:
        """Read every family; a family in an earlier directory replaces a later one whole.

        Raises UnusableError with every finding (file and key).
        """
        raise NotImplementedError


def shipped() -> Path:
    """Where the collectors that come with NetWatch are: in the wheel or in the checkout."""
    raise NotImplementedError
