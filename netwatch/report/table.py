"""Report lines as plain rows, and the files that offices work with."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from netwatch.core.time import show
from netwatch.report.circuits import CircuitLine, RepeatLine
from netwatch.report.groups import CustomerLine, GroupLine
from netwatch.report.work import CrewLine, FaultLine

if TYPE_CHECKING:
    import xlsxwriter

Line: TypeAlias = CircuitLine | GroupLine | CustomerLine | CrewLine | FaultLine | RepeatLine
Cell: TypeAlias = str | int | float | bool | None

_DIGITS = 6
"""Of ratios: 0.000001 of a month is 2.6 s, finer than polling can tell."""
_TIMES = frozenset({"opened", "cleared", "started"})
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def rows(lines: Sequence[Line], zone: ZoneInfo) -> list[dict[str, Cell]]:
    """Each line as column → value; times in the site's zone, ratios and minutes rounded."""
    return [{f.name: _cell(f.name, getattr(line, f.name), zone) for f in fields(line)} for line in lines]


def _cell(name: str, value: Any, zone: ZoneInfo) -> Cell:
    if name in _TIMES:
        return show(value, zone)
    if isinstance(value, float):
        return round(value, 1 if name.endswith("minutes") else _DIGITS)
    return value if isinstance(value, bool | int) or value is None else str(value)


def save(path: Path, sheets: Mapping[str, Sequence[Mapping[str, Cell]]]) -> None:
    """Write `.xlsx` (a sheet each) or `.csv` (one table only; with BOM, for Excel). Raises ValueError, OSError."""
    if path.suffix == ".xlsx":
        _xlsx(path, sheets)
    elif path.suffix == ".csv":
        if len(sheets) != 1:
            raise ValueError(f"{path}: a CSV file holds one table; write .xlsx, or ask for one report")
        _csv(path, next(iter(sheets.values())))
    else:
        raise ValueError(f"{path}: write .csv or .xlsx")


def _csv(path: Path, table: Sequence[Mapping[str, Cell]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table[0] if table else ())
        writer.writerows([_harmless(v) for v in row.values()] for row in table)


def _harmless(value: Cell) -> Cell:
    """An id from a ledger that begins like a formula must not become one in somebody's spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_DANGEROUS) else value


def _xlsx(path: Path, sheets: Mapping[str, Sequence[Mapping[str, Cell]]]) -> None:
    import xlsxwriter  # noqa: PLC0415 - 60 ms that only who wants a workbook should wait for

    try:
        with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            bold = book.add_format({"bold": True})
            for name, table in sheets.items():
                sheet = book.add_worksheet(name)
                _fill(sheet, table, bold)
    except xlsxwriter.exceptions.FileCreateError as error:
        # It wraps the OSError of opening and of writing, and is none itself.
        raise OSError(f"{path}: cannot be written: {error}") from None


def _fill(sheet: xlsxwriter.worksheet.Worksheet, table: Sequence[Mapping[str, Cell]], bold: Any) -> None:
    sheet.freeze_panes(1, 1)
    for column, title in enumerate(table[0] if table else ()):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(table, 1):
        for column, value in enumerate(row.values()):
            if value is None:
                continue
            if isinstance(value, bool):
                sheet.write_boolean(number, column, value)
            elif isinstance(value, str):
                sheet.write_string(number, column, value)
            else:
                sheet.write_number(number, column, value)
    sheet.autofit()
