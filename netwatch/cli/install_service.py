"""`netwatch install-service`: the systemd units with this installation's own path in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from netwatch.cli.common import FINDINGS, say
from netwatch.config import shipped

_PLACES = {
    "netwatch.service": "etc/systemd/system/netwatch.service",
    "netwatch-traps.socket": "etc/systemd/system/netwatch-traps.socket",
    "netwatch-syslog.socket": "etc/systemd/system/netwatch-syslog.socket",
    "netwatch.sysusers": "etc/sysusers.d/netwatch.conf",
    "netwatch.tmpfiles": "etc/tmpfiles.d/netwatch.conf",
}
_CONFIG = "etc/netwatch/config.toml"
_STATE = 'state = "state" ', 'state = "/var/lib/netwatch"'
"""In the shipped config, and where the unit's StateDirectory= is: the service can write nowhere else."""

_SHIPPED_PROGRAM = "/usr/bin/netwatch"


@dataclass(frozen=True, slots=True)
class Step:
    """One file to write."""

    path: Path
    text: str
    keep: bool = False
    """What is there already stays: it is the site's."""

    @property
    def state(self) -> str:
        if not self.path.exists():
            return "new"
        if self.keep:
            return "kept"
        return "same" if self.path.read_text("utf-8") == self.text else "changed"


def steps(root: Path, program: Path) -> Iterator[Step]:
    """All files below `root`, for a `netwatch` that lies at `program`."""
    for name, place in _PLACES.items():
        text = (shipped("systemd") / name).read_text("utf-8")
        yield Step(root / place, text.replace(_SHIPPED_PROGRAM, str(program)))
    config = shipped("config.toml").read_text("utf-8").replace(*_STATE)
    yield Step(root / _CONFIG, config, keep=True)


def program() -> Path:
    """The `netwatch` of this very installation; not the first one in PATH, which may be another."""
    beside = Path(sys.executable).with_name("netwatch")
    return beside if beside.exists() else Path(sys.argv[0]).resolve()


@click.command("install-service")
@click.option("--dry-run", is_flag=True, help="Only print what would be written where.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    help="Write below this folder (an image, a package); nothing is started or enabled.",
)
def command(*, dry_run: bool, root: Path) -> None:
    """Install the systemd units, the user and, if there is none, a config to start from.

    Can be repeated: what is the same already is not touched, and the config never is.
    """
    here = root.resolve() == Path("/")
    todo = list(steps(root, program()))
    if dry_run:
        for step in todo:
            click.echo(f"# {step.state}: {step.path}")
            click.echo(step.text if step.state in ("new", "changed") else "# nothing to write\n")
        return
    if here and os.geteuid() != 0:
        say("install-service writes to /etc and needs root: sudo netwatch install-service, or see --dry-run")
        raise SystemExit(FINDINGS)
    for step in todo:
        say(f"{step.state}: {step.path}")
        if step.state in ("new", "changed"):
            _write(step)
    if here:
        _make_known()
        say("next: edit /etc/netwatch/config.toml, then")
        say("      netwatch check -c /etc/netwatch/config.toml")
        say("      systemctl enable --now netwatch-traps.socket netwatch-syslog.socket netwatch.service")


def _write(step: Step) -> None:
    step.path.parent.mkdir(parents=True, exist_ok=True)
    draft = step.path.with_name(f".{step.path.name}.new")
    draft.write_text(step.text, "utf-8")
    draft.chmod(0o640 if step.keep else 0o644)
    draft.replace(step.path)


def _make_known() -> None:
    """Tell systemd: user first, for the folders are his."""
    for words in (
        ("systemd-sysusers", "netwatch.conf"),
        ("systemd-tmpfiles", "--create", "netwatch.conf"),
        ("chgrp", "netwatch", f"/{_CONFIG}"),
        ("systemctl", "daemon-reload"),
    ):
        tool = shutil.which(words[0])
        if tool is None:
            say(f"{words[0]} is not here; run later: {' '.join(words)}")
            continue
        done = subprocess.run([tool, *words[1:]], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            say(f"{' '.join(words)}: {done.stderr.strip() or f'status {done.returncode}'}")
