"""The lab for the tests of this folder: built once a file, skipped aloud where it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `metro` is a package beside the tests, shared by them

from metro import Lab, UnavailableError


@pytest.fixture(scope="module")
def standing_lab() -> Iterator[Lab]:
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab())
        except UnavailableError as why:
            pytest.skip(str(why))
        yield lab


@pytest.fixture
def lab(standing_lab: Lab) -> Iterator[Lab]:
    """The lab whole, and whole again after the test."""
    yield standing_lab
    standing_lab.mend()
