"""Where the data that comes with NetWatch lies, and what a site puts in its place.

One rule: beside `config.toml` first, then shipped; a folder or file of the same name
replaces the shipped one whole. Merging was left out on purpose: half a file of ours under
half a file of theirs is a file that nobody has read.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: str) -> Path:
    """The shipped folder or file: `collectors`, `rules`, `config.toml`, `dashboards`, `systemd`.

    Installed it lies in the package, in a checkout at the top.
    """
    inside = _PACKAGE / "_shipped" / kind
    return inside if inside.exists() else _PACKAGE.parent / kind


def lookup(config_dir: Path, kind: str, name: str) -> Path:
    """The file or folder `name` of `kind` in force. It may not exist: then nobody has one."""
    own = config_dir / kind / name
    return own if own.exists() else shipped(kind) / name


def listing(own: Path | None, kind: str) -> dict[str, Path]:
    """Every folder (collectors) or TOML file (rules) by name, and the path in force; `own` is the site's folder."""
    found: dict[str, Path] = {}
    for folder in (shipped(kind), own):
        if folder is not None and folder.is_dir():
            found |= {p.name: p for p in folder.iterdir() if _counts(p)}
    return dict(sorted(found.items()))


def _counts(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and (path.is_dir() or path.suffix == ".toml")
