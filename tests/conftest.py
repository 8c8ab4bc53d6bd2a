"""What all tests share: where things lie, which outside tools a marker stands for, and nobody's environment."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parent.parent
CORPUS = PROJECT.parent / "shared"

TOOLS = {
    "browser": ("chromium",),
    "prometheus": ("prometheus", "promtool"),
    "systemd": ("systemd-analyze",),
}
"""Marker → the programs that its tests run. `lab` looks after itself: it needs packages, not programs."""

# How long an example takes says something about the machine, not about the code.
# Every run tries other examples: many short runs a day find what one long one finds.
settings.register_profile("house", deadline=None, print_blob=True, max_examples=100 if os.environ.get("CI") else 40)
settings.load_profile("house")


# So does how often Python looks for cycles: seven hundred new things are the facts of a few seconds of a night.
gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without its tools a test is skipped aloud; in CI, where they are installed, that is a failure."""
    for marker, programs in TOOLS.items():
        missing = [p for p in programs if shutil.which(p) is None]
        if missing and item.get_closest_marker(marker):
            why = f"{marker} tests need {', '.join(missing)}"
            if os.environ.get("CI"):
                pytest.fail(why, pytrace=False)
            pytest.skip(why)


@pytest.fixture(autouse=True, scope="session")
def _nobody_elses_environment() -> Iterator[None]:
    """A developer's own NETWATCH_CONFIG or proxy must not decide a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("NETWATCH_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    """The top of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Recorded nights, walks and command lines beside the checkout, not part of it: skipped aloud without."""
    if not (CORPUS / "scenarios").is_dir():
        pytest.skip("no corpus in ../shared: not judged against recordings")
    return CORPUS
