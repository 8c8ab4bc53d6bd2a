"""An empty workbook to fill in: every sheet with its columns, what they mean, drop-downs and an example."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter

from netwatch.findings import Finding, UnusableError
from netwatch.ledger.columns import Column, Table, tables

_ROWS = 10_000
"""Rows that the drop-downs and the text format reach."""


def write(out: Path) -> None:
    """Write the template to `out`. It is a ledger itself: `read` accepts it. Raises UnusableError."""
    if out.suffix.lower() != ".xlsx":
        raise UnusableError([Finding(str(out), "is no name of a workbook", "one that ends in .xlsx")])
    try:
        with xlsxwriter.Workbook(str(out)) as book:
            # Without this format Excel makes dates of 1/1/1 and numbers of long ids.
            text = book.add_format({"num_format": "@"})
            bold = book.add_format({"num_format": "@", "bold": True, "bottom": 1})
            for table in tables():
                _sheet(book.add_worksheet(table.chinese), table, text, bold)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise UnusableError([Finding(str(out), f"cannot be written: {error}")]) from None


def _sheet(sheet: xlsxwriter.worksheet.Worksheet, table: Table, text: object, bold: object) -> None:
    sheet.freeze_panes(1, 1)
    for number, column in enumerate(table.columns):
        sheet.set_column(number, number, max(12, 2 * len(column.chinese) + 4), text)
        sheet.write_string(0, number, column.chinese, bold)
        sheet.write_comment(0, number, _comment(column))
        for row, cell in enumerate(column.example, 1):
            sheet.write_string(row, number, cell, text)
        if column.words:
            sheet.data_validation(
                1, number, _ROWS, number,
                {
                    "validate": "list",
                    "source": list(column.words),
                    "error_title": column.chinese,
                    "error_message": " ".join(f"{k}={v}" for k, v in column.words.items())[:255],
                },
            )  # fmt: skip


def _comment(column: Column) -> str:
    lines = [column.name, column.help]
    if column.words:
        lines.append(", ".join(f"{k} = {v}" for k, v in column.words.items()))
    if column.required:
        lines.append("Required.")
    return "\n".join(line for line in lines if line)
