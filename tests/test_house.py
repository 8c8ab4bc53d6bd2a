"""Standing checks of the project itself: accidents that happened somewhere once, turned into tests."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from netwatch.cli import main

PROJECT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).name


def tracked() -> list[Path]:
    """Every file under version control that is still there."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("no git checkout: which files belong to the project is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := PROJECT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """(name, text) of every tracked text file but this one, the licence and the lock."""
    found = []
    for path in tracked():
        if path.name in {HERE, "LICENSE", "requirements.lock"}:
            continue
        raw = path.read_bytes()
        if b"\0" not in raw:
            found.append((path.relative_to(PROJECT).as_posix(), raw.decode("utf-8")))
    return found


def hits(pattern: str) -> list[str]:
    """`file:line: text` wherever the pattern stands."""
    wanted = re.compile(pattern)
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def test_nothing_is_left_to_do_in_the_sources() -> None:
    assert hits(r"\b(TODO|FIXME|XXX|HACK)\b|[(:] ?[Bb]eing written") == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert hits(r"(?<![\w.])/(work|root|farm|Users)/|(?<![\w.])/home/[a-z]") == []


def test_no_file_names_a_package_registry() -> None:
    assert hits(r"(pypi|pythonhosted|npmjs)\.(org|com)|deb\.debian\.org|\s--((extra-)?index-url|trusted-host)\b") == []


def test_no_private_key_or_token_is_checked_in() -> None:
    assert hits(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{30,}") == []


def test_text_files_end_with_one_newline_and_have_no_trailing_space() -> None:
    # What tests read may be broken on purpose, and vendors' own output is kept as it came.
    kinds = {".py", ".toml", ".md", ".html", ".css", ".js", ".json"}
    ours = [(n, t) for n, t in texts() if Path(n).suffix in kinds and "/data/" not in n]
    ragged = [name for name, text in ours if text and (not text.endswith("\n") or text.endswith("\n\n"))]
    spaced = [
        f"{name}:{number}"
        for name, text in ours
        for number, line in enumerate(text.splitlines(), 1)
        if line != line.rstrip()
    ]
    assert (ragged, spaced) == ([], [])


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path.relative_to(PROJECT).as_posix()
        for path in sorted((PROJECT / "netwatch").rglob("*.py"))
        if "versions" not in path.parts and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


# ---------------------------------------------------------------- the lock


def locked() -> dict[str, tuple[str, list[str]]]:
    """Package → (version, hashes) of requirements.lock."""
    entries: dict[str, tuple[str, list[str]]] = {}
    joined = (PROJECT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    for line in joined.splitlines():
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)==(\S+)(.*)", line):
            entries[match[1]] = match[2], re.findall(r"--hash=sha256:[0-9a-f]{64}\b", match[3])
    return entries


def test_every_locked_package_has_its_hashes_and_no_place_to_come_from() -> None:
    text = (PROJECT / "requirements.lock").read_text("utf-8")
    assert len(locked()) > 50
    assert [name for name, (_, hashes) in locked().items() if not hashes] == []
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    asked = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    have = locked()
    wrong = []
    for text in asked:
        want = Requirement(text)
        name = re.sub(r"[-_.]+", "-", want.name).lower()
        if name not in have or Version(have[name][0]) not in want.specifier:
            wrong.append(text)
    assert wrong == [], "run `make lock`"


# ---------------------------------------------------------------- documents that can fail

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")


def shell_lines(document: str) -> list[str]:
    """The commands of a document's shell blocks and quoted words: comments and prompts off, continued lines joined."""
    text = (PROJECT / document).read_text("utf-8")
    fence = r"^```(?:sh|bash|console)\n(.*?)^```"
    blocks = re.findall(fence, text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += re.findall(
        r"`((?:\.venv/bin/|sudo )?netwatch [^`\n]*)`", re.sub(fence, "", text, flags=re.MULTILINE | re.DOTALL)
    )
    return [bare for line in lines if (bare := re.sub(r"(^|\s)#.*$", "", line).removeprefix("$ ").strip())]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+)", listed, re.MULTILINE)) == make_targets()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    text = (PROJECT / document).read_text("utf-8")
    named = set(re.findall(r"`make ([a-z]+)[` ]", text))
    named |= {m[1] for line in shell_lines(document) if (m := re.search(r"\bmake ([a-z]+)", line))}
    assert named - make_targets() == set()


def command_at(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words lead to, and what is left of them. Raises KeyError for one that is not there."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            raise KeyError(f"{rest[0]} in {' '.join(words)}")
        command = found
        del rest[0]
    return command, rest


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_that_a_document_shows_exists(document: str) -> None:
    wrong = []
    for line in shell_lines(document):
        if not (called := re.search(r"(?:^|[\s/])netwatch\s+((?:[a-z-][^|;&>]*)?)", line)):
            continue
        words = called[1].split()
        try:
            command, rest = command_at(words)
        except KeyError as missing:
            wrong.append(f"{line}: {missing}")
            continue
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h", "--version"}
        wrong += [f"{line}: {w}" for w in rest if w.startswith("-") and w.split("=")[0] not in known]
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_points_to_is_there(document: str) -> None:
    text = (PROJECT / document).read_text("utf-8")
    place = (PROJECT / document).parent
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    quoted = re.findall(r"`((?:netwatch|collectors|rules|dashboards|systemd|tests|bench)/[\w./-]+)`", text)
    missing = [x for x in links if not (place / x).exists()]
    # A word in capitals is for the reader to fill in.
    missing += [x for x in quoted if not re.search(r"[A-Z]{4}", x) and not (PROJECT / x).exists()]
    assert missing == []


# ---------------------------------------------------------------- what CI does


def test_ci_is_a_script_that_bash_can_read_and_run() -> None:
    script = PROJECT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_ci_installs_every_program_that_a_marker_needs() -> None:
    asked = (PROJECT / ".ci" / "run").read_text("utf-8")
    assert [p for p in ("chromium", "prometheus", "systemd", "tests/lab/packages.txt") if p not in asked] == []


def test_every_marker_is_used() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    markers = [m.split(":")[0] for m in project["tool"]["pytest"]["ini_options"]["markers"]]
    sources = "\n".join(p.read_text("utf-8") for p in (PROJECT / "tests").rglob("*.py"))
    assert [m for m in markers if f"pytest.mark.{m}" not in sources] == []
