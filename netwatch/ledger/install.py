"""Putting a checked ledger in the place of the running one, so that no moment shows half of either."""

from __future__ import annotations

import csv
import ctypes
import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netwatch.config import Config
from netwatch.core.model import Ledger
from netwatch.findings import Finding, UnusableError
from netwatch.ledger import assemble, sheets
from netwatch.ledger.columns import tables


@dataclass(frozen=True, slots=True)
class Installed:
    ledger: Ledger
    warnings: list[Finding]
    former: Path | None
    """Where the one before is kept; None: there was none."""


def install(source: Path, target: Path, config: Config | None = None) -> Installed:
    """Check the ledger at `source`, then copy it to `target` in one step; the former one is kept beside it.

    What is checked is what is written: the source is read once. A folder is written as UTF-8 CSV
    whatever it came as. Raises UnusableError with every problem, and when a folder is to become a workbook.
    """
    book = target.suffix.lower() == ".xlsx"
    if book and source.is_dir():
        cure = 'set paths.ledger = "ledger", or import a workbook'
        raise UnusableError([Finding(str(target), "a folder of CSV files cannot become a workbook", cure)])
    described = tables()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if book:
            return _workbook(source, target, config)
        given = sheets.gather(source, described)
        ledger, warnings = assemble(source, given, described, config)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _write(fresh, given.sheets)
            fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o750)
            former = _swap(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        place = str(error.filename or target)
        raise UnusableError([Finding(place, f"cannot be written: {error.strerror or error}")]) from None
    return Installed(ledger, warnings, former)


def _workbook(source: Path, target: Path, config: Config | None) -> Installed:
    described = tables()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".xlsx", dir=target.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream, source.open("rb") as given:
            shutil.copyfileobj(given, stream)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            ledger, warnings = assemble(fresh, sheets.gather(fresh, described), described, config)
        except UnusableError as error:
            raise UnusableError(_renamed(error.findings, fresh, source)) from None
        fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o640)
        former = _swap(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    return Installed(ledger, list(_renamed(warnings, fresh, source)), former)


def _renamed(findings: Sequence[Finding], fresh: Path, source: Path) -> list[Finding]:
    return [Finding(f.place.replace(str(fresh), str(source)), f.what, f.cure, f.warning) for f in findings]


def _write(folder: Path, given: dict[str, sheets.Sheet]) -> None:
    for name, sheet in given.items():
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(sheet.header)
        writer.writerows(cells for _, cells in sheet.rows)
        with (folder / f"{name}.csv").open("wb") as stream:
            stream.write(text.getvalue().encode())
            stream.flush()
            os.fsync(stream.fileno())
    _sync(folder)


def _swap(fresh: Path, target: Path) -> Path | None:
    """`fresh` takes the place of `target` in one step; what stood there becomes the former one."""
    if not target.exists():
        fresh.rename(target)
        _sync(target.parent)
        return None
    former = _free(target)
    if _exchange(fresh, target):
        fresh.rename(former)
    else:  # an old file system: for an instant the name is not there; a reader then keeps what it has
        target.rename(former)
        fresh.rename(target)
    _sync(target.parent)
    return former


def _free(target: Path) -> Path:
    """`ledger.former-7`: the next number after the highest there is."""
    stem, suffix = (target.stem, target.suffix) if target.suffix == ".xlsx" else (target.name, "")
    numbers = [
        int(p.name.removeprefix(f"{stem}.former-").removesuffix(suffix))
        for p in target.parent.glob(f"{stem}.former-*{suffix}")
        if p.name.removeprefix(f"{stem}.former-").removesuffix(suffix).isdigit()
    ]
    return target.with_name(f"{stem}.former-{max(numbers, default=0) + 1}{suffix}")


_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def _exchange(a: Path, b: Path) -> bool:
    """Linux's renameat2: both names change places in one step. False: not to be had here."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
