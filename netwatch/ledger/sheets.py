"""From a folder of CSV files or a workbook to rows of text, each knowing its place."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import python_calamine as calamine

from netwatch.findings import Finding, UnusableError, did_you_mean
from netwatch.ledger.columns import Table, header

LARGEST = 512 * 1024 * 1024
"""Bytes of one file."""


@dataclass(frozen=True)
class Sheet:
    """One table as it was given: the first row names the columns."""

    place: str
    """`…/links.csv`, or `…/ledger.xlsx[链路]`."""
    header: list[str]
    rows: list[tuple[int, list[str]]]
    """(line or row as an editor counts it, cells)."""
    spoilt: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(row, column from 0) → why the cell cannot be trusted."""


@dataclass
class Given:
    """All that a path holds: a sheet for each table that is there, and what is wrong so far."""

    sheets: dict[str, Sheet] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def gather(path: Path, tables: Sequence[Table]) -> Given:
    """Read a ledger. Raises UnusableError when the path as such is none."""
    if path.is_dir():
        return _folder(path, tables)
    if not path.exists():
        cure = "`netwatch ledger template OUT.xlsx` makes an empty one; paths.ledger names it"
        raise UnusableError([Finding(str(path), "there is no ledger here", cure)])
    if path.suffix.lower() != ".xlsx":
        raise UnusableError([Finding(str(path), "is neither a folder of CSV files nor .xlsx", "save it as .xlsx")])
    return _workbook(path, tables)


# ---------------------------------------------------------------- a folder of CSV


def _folder(path: Path, tables: Sequence[Table]) -> Given:
    given = Given()
    names = {header(name): table.name for table in tables for name in (table.name, table.chinese)}
    try:
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".csv" and not p.name.startswith((".", "~")))
    except OSError as error:
        raise UnusableError([Finding(str(path), f"cannot be read: {error.strerror or error}")]) from None
    if not files:
        books = sorted(p.name for p in path.glob("*.xlsx"))
        cure = f"name the workbook itself: {path / books[0]}" if books else "sites.csv, devices.csv, links.csv …"
        raise UnusableError([Finding(str(path), "holds no CSV file", cure)])
    for file in files:
        table = _which(header(file.stem), names, str(file), given)
        if table:
            sheet = _csv(file, given.findings)
            if sheet is not None:
                given.sheets[table] = sheet
            else:
                given.sheets.setdefault(table, Sheet(str(file), [], []))
    return given


def _which(name: str, names: Mapping[str, str], place: str, given: Given) -> str:
    table = names.get(name, "")
    if not table:
        cure = did_you_mean(name, names)
        given.findings.append(Finding(place, "is no part of a ledger and was not read", cure, warning=True))
    elif table in given.sheets:
        given.findings.append(
            Finding(place, f"gives {table} a second time", f"remove it or {given.sheets[table].place}")
        )
        return ""
    return table


def _csv(file: Path, findings: list[Finding]) -> Sheet | None:
    text = _text(file, findings)
    if text is None:
        return None
    place = str(file)
    lines: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            swallowed = "end of data" in str(error)
            what = "a quote opened here is never closed" if swallowed else str(error)
            findings.append(
                Finding(f"{place}:{line}", f"not CSV: {what}", 'a quote inside a quoted cell is doubled: ""')
            )
            if swallowed:  # with all the rows behind it: the table is lost, which is one problem and not one a row
                return None
            continue
        if any(cell and not cell.isspace() for cell in cells):
            lines.append((line, cells))
    if not lines:
        findings.append(Finding(place, "is empty", "the first row names the columns"))
        return None
    first = lines[0][1]
    if len(first) == 1 and (other := next((c for c in "\t;|" if c in first[0]), "")):
        name = {"\t": "tabs", ";": "semicolons", "|": "bars"}[other]
        findings.append(Finding(f"{place}:{lines[0][0]}", f"is separated by {name}", "separate by commas"))
        return None
    return Sheet(place, first, lines[1:])


def _text(file: Path, findings: list[Finding]) -> str | None:
    try:
        if file.stat().st_size > LARGEST:
            findings.append(Finding(str(file), "is larger than 512 MB"))
            return None
        raw = file.read_bytes()
    except OSError as error:
        findings.append(Finding(str(file), f"cannot be read: {error.strerror or error}"))
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.append(Finding(f"{file}:1", "is UTF-16", 'save it as "CSV UTF-8"'))
        return None
    if (nul := raw.find(b"\0")) >= 0:
        line = raw.count(b"\n", 0, nul) + 1
        findings.append(Finding(f"{file}:{line}", "holds a NUL byte: the file is damaged or no CSV", "export it again"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        findings.append(Finding(f"{file}:{line}", "is neither UTF-8 nor GBK", 'save it as "CSV UTF-8"'))
        return None
    findings.append(
        Finding(f"{file}:{line}", "is not UTF-8; read as GBK (GB18030)", 'save it as "CSV UTF-8"', warning=True)
    )
    return text


# ---------------------------------------------------------------- a workbook


def _workbook(path: Path, tables: Sequence[Table]) -> Given:
    given = Given()
    names = {header(name): table.name for table in tables for name in (table.name, table.chinese)}
    try:
        if path.stat().st_size > LARGEST:
            raise UnusableError([Finding(str(path), "is larger than 512 MB")])
        raw = path.read_bytes()
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
        bad = _bad_cells(raw)
    except OSError as error:
        raise UnusableError([Finding(str(path), f"cannot be read: {error.strerror or error}")]) from None
    except (calamine.CalamineError, zipfile.BadZipFile, ET.ParseError, KeyError, ValueError) as error:
        what = f"is no workbook that can be read: {error}"
        raise UnusableError([Finding(str(path), what, "open it in Excel and save it as .xlsx")]) from None
    for name, worksheet in sheets:
        place = f"{path}[{name}]"
        table = _which(header(name), names, place, given)
        if not table:
            continue
        rows = worksheet.to_python(skip_empty_area=False)
        merged = [(a, b) for a, b in worksheet.merged_cell_ranges or ()]
        given.sheets[table] = _sheet(place, rows, merged, bad.get(name, {}), given.findings)
    return given


Cell = str | float | int | bool | date | time | timedelta


def _sheet(
    place: str,
    rows: Sequence[Sequence[Cell]],
    merged: Iterable[tuple[tuple[int, int], tuple[int, int]]],
    bad: Mapping[tuple[int, int], str],
    findings: list[Finding],
) -> Sheet:
    spoilt = dict(bad)
    for (top, left), (bottom, right) in merged:
        for number in range(top, min(bottom, len(rows)) + 1):
            for column in range(left, right + 1):
                if (number, column) != (top, left):
                    spoilt[number + 1, column] = "is merged with another cell, so its value is lost | unmerge it"
    lines: list[tuple[int, list[str]]] = []
    for number, row in enumerate(rows, 1):
        cells = [cell if type(cell) is str else _cell(cell, number, n, spoilt) for n, cell in enumerate(row)]
        if any(cell and not cell.isspace() for cell in cells) or any((number, n) in spoilt for n in range(len(cells))):
            lines.append((number, cells))
    if not lines:
        findings.append(Finding(place, "is empty", "the first row names the columns"))
        return Sheet(place, [], [])
    return Sheet(place, lines[0][1], lines[1:], spoilt)


def _cell(value: Cell, row: int, column: int, spoilt: dict[tuple[int, int], str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if abs(value) >= 1e15:
            spoilt[row, column] = "has more digits than Excel keeps | format the column as text and write it again"
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date | time | timedelta):
        spoilt[row, column] = "was turned into a date by Excel | format the column as text and write it again"
        return str(value)
    return str(value)


_ERROR = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*\bt="e"')
_UNCOMPUTED = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)(?:<v></v>|<v */>)?</c>')
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def _bad_cells(raw: bytes) -> dict[str, dict[tuple[int, int], str]]:
    """Cells that calamine shows as empty although they are not: errors, formulas never computed."""
    out: dict[str, dict[tuple[int, int], str]] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        targets = {
            r.get("Id"): str(r.get("Target"))
            for r in ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
        }
        for sheet in ET.fromstring(archive.read("xl/workbook.xml")).iter(f"{_MAIN}sheet"):  # noqa: S314
            target = targets.get(sheet.get(f"{_REL}id"), "")
            inner = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if inner not in archive.namelist():
                continue
            xml = archive.read(inner)
            cells = out.setdefault(str(sheet.get("name")), {})
            for pattern, why in (
                (_ERROR, "holds an error of Excel (#REF!, #N/A …)"),
                (_UNCOMPUTED, "holds a formula that was never computed | open the file in Excel and save it"),
            ):
                for match in pattern.finditer(xml):
                    cells[int(match[2]), _number(match[1])] = why
    return out


def _number(letters: bytes) -> int:
    """Column `A` is 0."""
    n = 0
    for letter in letters:
        n = n * 26 + letter - 64
    return n - 1
