"""The lab for the tests of this folder: built once a file, skipped aloud where it cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `metro` is a package beside the tests, shared by them

from metro import Lab, UnavailableError, check


def do_without(why: UnavailableError) -> NoReturn:
    """Skip aloud; in CI, where everything is installed and nobody else has a lab, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(str(why), pytrace=False)
    pytest.skip(str(why))


@pytest.fixture(scope="module")
def standing_lab() -> Iterator[Lab]:
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab())
        except UnavailableError as why:
            do_without(why)
        yield lab


@pytest.fixture(scope="session")
def able() -> None:
    """This machine can hold a lab, if not this fixture's."""
    try:
        check()
    except UnavailableError as why:
        do_without(why)


@pytest.fixture
def lab(standing_lab: Lab) -> Iterator[Lab]:
    """The lab whole, and whole again after the test."""
    yield standing_lab
    standing_lab.mend()
