"""The wheel as a site installs it: built without a network, put into an empty environment, used from another folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
DATA = ("collectors", "rules", "dashboards", "systemd")


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Stdout of the command; a failure shows both streams."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is built from: somebody may be at work in the checkout."""
    copy = tmp_path_factory.mktemp("sources") / "netwatch"
    nothing = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("netwatch", *DATA):
        shutil.copytree(PROJECT / name, copy / name, ignore=nothing)
    for name in ("pyproject.toml", "config.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(PROJECT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=sources)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has the wheel and, by a path file, only what the tests' own one has."""
    home = tmp_path_factory.mktemp("site") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=home,
    )
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    # A path file inside a folder that a path file names is not read, so the editable install stays out of sight.
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return home / "bin"


def test_the_installed_program_runs_from_any_folder(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import netwatch; print(netwatch.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    assert run(installed / "netwatch", "--version", cwd=tmp_path).startswith("netwatch ")


def test_the_shipped_configuration_passes_its_own_check_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    run(installed / "netwatch", "check", cwd=tmp_path)


def test_the_installed_package_finds_its_data(installed: Path, tmp_path: Path) -> None:
    found = run(
        installed / "python",
        "-c",
        "from importlib.resources import files; root = files('netwatch') / '_shipped';"
        f"print(*(sorted(p.name for p in (root / n).iterdir())[0] for n in {DATA}), (root / 'config.toml').is_file())",
        cwd=tmp_path,
    ).split()
    assert len(found) == len(DATA) + 1
    assert found[-1] == "True"


def test_the_wheel_ships_every_file_of_the_data_folders(names: list[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "netwatch", *DATA], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    listed = [x for x in listed if x != "dashboards/board.png" and not x.endswith(".test.yml")]
    ours = [x if x.startswith("netwatch/") else f"netwatch/_shipped/{x}" for x in listed if (PROJECT / x).is_file()]
    assert len(ours) > 50
    assert sorted(set(ours) - set(names)) == []
    assert "netwatch/_shipped/config.toml" in names


def test_the_wheel_ships_nothing_but_the_package(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {t for t in tops if t != "netwatch" and not t.endswith(".dist-info")} == set()
    assert [n for n in names if re.search(r"(^|[/_.])tests?([/_.]|$)|shared|__pycache__", n.lower())] == []
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_the_same_sources_give_the_same_wheel(wheel: Path, sources: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=sources)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()
