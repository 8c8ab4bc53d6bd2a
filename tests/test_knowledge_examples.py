"""The rules' own examples: they hold, they say what the figures do, and a figure that is changed makes one fail."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from netwatch.core import sample
from netwatch.findings import Finding
from netwatch.knowledge import load_rules, try_examples


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project / "rules", tmp_path / "rules"))


def tried(folder: Path) -> list[Finding]:
    return try_examples(lambda name: folder / name, load_rules(folder))


def changed(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text("utf-8")
    assert re.search(old, text), old
    (folder / name).write_text(re.sub(old, new, text, count=1), "utf-8")


def test_every_shipped_rule_has_an_example_and_each_of_them_holds(folder: Path) -> None:
    assert tried(folder) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("alarms.toml", r"debounce_seconds = 60", "debounce_seconds = 90"),
        ("alarms.toml", r"debounce_window_seconds = 900", "debounce_window_seconds = 300"),
        ("alarms.toml", r"stability_seconds = 600", "stability_seconds = 300"),
        ("alarms.toml", r"agreement_seconds = 120", "agreement_seconds = 60"),
        ("alarms.toml", r"grace_seconds = 30", "grace_seconds = 10"),
        ("alarms.toml", r"reorder_seconds = 600", "reorder_seconds = 5"),
        ("alarms.toml", r"presume_cycles = 3", "presume_cycles = 30"),
        ("alarms.toml", r"presume_polled_cycles = 6", "presume_polled_cycles = 60"),
        ("alarms.toml", r"presume_signals = 2", "presume_signals = 20"),
        ("alarms.toml", r"each = 1000", "each = 500"),
        ("alarms.toml", r"half_life_seconds = 900", "half_life_seconds = 600"),
        ("alarms.toml", r"suppress = 2000", "suppress = 1500"),
        ("alarms.toml", r"reuse = 750", "reuse = 1500"),
        ("alarms.toml", r"ceiling = 12000", "ceiling = 90000"),
        ("faults.toml", r"share = 0\.8", "share = 0.95"),
        ("faults.toml", r"least = 3", "least = 20"),
        ("faults.toml", r"suspect = 0\.3", "suspect = 0.9"),
        ("faults.toml", r"share = 0\.75", "share = 0.4"),
        ("faults.toml", r"link = 1\.0", "link = 0.4"),
        ("faults.toml", r"cable = 1\.0", "cable = 3.0"),
        ("faults.toml", r"device = 1\.3", "device = 9.0"),
        ("faults.toml", r"missing = 0\.7", "missing = 0.1"),
    ],
)
def test_a_figure_that_is_changed_makes_an_example_fail_at_its_place(
    folder: Path, name: str, old: str, new: str
) -> None:
    changed(folder, name, old, new)
    failed = [f for f in tried(folder) if not f.warning]
    assert failed
    assert all("but it is" in f.what for f in failed)
    assert any(re.search(rf"{name}:\d+", str(f)) for f in failed)


def test_a_rule_without_an_example_is_warned_about(folder: Path) -> None:
    changed(folder, "faults.toml", r'proves = \["cost.missing"\]', 'proves = ["cost.link"]')
    changed(folder, "alarms.toml", r'example = \{ says = "0 cpe-1 loss".*\n', "")
    warned = [f for f in tried(folder) if f.warning]
    assert len(warned) == 2
    assert all("no example" in f.what for f in warned)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (r'proves = \["cost.missing"\]', 'proves = ["cost.mising", "cost.missing"]', "there is no figure"),
        (r'"0 acc-1 1/1 link bad poll"', '"0 nowhere link"', "says nothing of this network"),
        (r'"0 acc-1 1/1 link bad poll"', '"soon acc-1 1/1 link"', "says nothing of this network"),
        (r'cause = \["management"\]\n', "", "expects nothing"),
    ],
)
def test_an_example_that_cannot_be_tried_is_told_with_its_place(folder: Path, old: str, new: str, what: str) -> None:
    changed(folder, "faults.toml", old, new)
    assert any(what in f.what and "faults.toml:" in str(f) for f in tried(folder))


def test_an_example_of_one_condition_speaks_of_that_condition(folder: Path) -> None:
    changed(folder, "alarms.toml", r'"0 acc-1 1/1 los", about', '"0 acc-1 1/1 link", about')
    assert any("speaks of link, not of los" in f.what for f in tried(folder))


def test_the_network_of_the_examples_is_the_one_that_its_description_draws() -> None:
    ledger = sample.network().ledger
    assert set(ledger.cables) >= {"K0", "K3", "KA1", "KC8", "DUCT", "FEEDER", "DROP4", "KO"}
    assert ledger.cables["DUCT"] == ("C5", "C6")
    assert all(i in ledger.links for c in ledger.circuits.values() for i in c.working)
