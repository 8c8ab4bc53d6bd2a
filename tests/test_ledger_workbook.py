from __future__ import annotations

import csv
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.datavalidation import DataValidation

from netwatch.findings import Finding, UnusableError
from netwatch.ledger import load, read, template
from netwatch.ledger.columns import tables

GOOD = Path(__file__).resolve().parent / "data/ledger/good"
Spoil = Callable[[xlsxwriter.Workbook], None]


def workbook(out: Path, spoil: Spoil | None = None, *, chinese: bool = False) -> Path:
    """The good ledger as Excel would keep it: what looks like a number is one."""
    names = {table.name: table.chinese if chinese else table.name for table in tables()}
    with xlsxwriter.Workbook(str(out), {"strings_to_numbers": True}) as book:
        for name, sheet_name in names.items():
            sheet = book.add_worksheet(sheet_name)
            with (GOOD / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
                for number, row in enumerate(csv.reader(stream)):
                    sheet.write_row(number, 0, row)
        if spoil:
            spoil(book)
    return out


def told(path: Path) -> list[Finding]:
    try:
        return read(path)[1]
    except UnusableError as error:
        return list(error.findings)


@pytest.mark.parametrize("chinese", [False, True])
def test_a_workbook_is_the_same_ledger_as_a_folder(tmp_path: Path, chinese: bool) -> None:
    ledger, warnings = read(workbook(tmp_path / "ledger.xlsx", chinese=chinese))
    assert not warnings
    assert ledger == load(GOOD)


def test_yes_and_no_may_be_excels_own(tmp_path: Path) -> None:
    book = workbook(tmp_path / "l.xlsx", lambda b: b.get_worksheet_by_name("devices").write_boolean(7, 7, False))
    assert load(book).devices["MC-1"].managed is False


def test_rows_above_which_nothing_stands_keep_their_number(tmp_path: Path) -> None:
    def spoil(book: xlsxwriter.Workbook) -> None:
        book.get_worksheet_by_name("sites").write_row(40, 0, ["S-9", "", "", "town"])

    path = workbook(tmp_path / "l.xlsx", spoil)
    assert [f.place for f in told(path)] == [f"{path}[sites]:41:area"]


def _date(book: xlsxwriter.Workbook) -> None:
    form = book.add_format({"num_format": "yyyy-mm-dd"})
    book.get_worksheet_by_name("links").write_datetime(1, 2, datetime(2026, 1, 1), form)  # noqa: DTZ001


def _long_number(book: xlsxwriter.Workbook) -> None:
    book.get_worksheet_by_name("links").write_number(1, 0, 12345678901234567890)


def _error(book: xlsxwriter.Workbook) -> None:
    book.get_worksheet_by_name("circuits").write_formula(1, 1, "=VLOOKUP(1,A:B,2)", None, "#N/A")


def _merged(book: xlsxwriter.Workbook) -> None:
    book.get_worksheet_by_name("devices").merge_range(1, 4, 2, 4, "S-1")


@pytest.mark.parametrize(
    ("spoil", "place", "what"),
    [
        (_date, "[links]:2:a_port", "was turned into a date by Excel"),
        (_long_number, "[links]:2:link", "has more digits than Excel keeps"),
        (_error, "[circuits]:2:customer", "holds an error of Excel (#REF!, #N/A …)"),
        (_merged, "[devices]:3:site", "is merged with another cell, so its value is lost"),
    ],
)
def test_what_excel_spoilt_is_told_and_not_taken_for_data(tmp_path: Path, spoil: Spoil, place: str, what: str) -> None:
    path = workbook(tmp_path / "l.xlsx", spoil)
    assert (f"{path}{place}", what) in [(f.place, f.what) for f in told(path)]
    with pytest.raises(UnusableError):
        load(path)


def test_a_formula_that_no_excel_has_computed_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "l.xlsx")
    book = openpyxl.load_workbook(path)
    book["circuits"]["E2"] = "=50+50"
    book.save(path)
    assert [(f.place, f.what) for f in told(path)] == [
        (f"{path}[circuits]:2:bandwidth_mbps", "holds a formula that was never computed")
    ]


def test_a_sheet_of_no_table_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "l.xlsx", lambda b: b.add_worksheet("链路表"))
    assert [(f.what, f.cure, f.warning) for f in told(path)] == [
        ("is no part of a ledger and was not read", 'did you mean "链路"?', True)
    ]


def test_a_sheet_in_both_languages_is_an_error(tmp_path: Path) -> None:
    path = workbook(tmp_path / "l.xlsx", lambda b: b.add_worksheet("站点"))
    assert [f.what for f in told(path)] == ["gives sites a second time"]


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0", b"sites,devices\n"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "l.xlsx"
    path.write_bytes(raw)
    assert told(path)[0].what.startswith("is no workbook that can be read")


def test_a_workbook_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "l.xlsx").read_bytes()
    for size in range(0, len(whole), len(whole) // 40):
        (tmp_path / "cut.xlsx").write_bytes(whole[:size])
        assert any(not f.warning for f in told(tmp_path / "cut.xlsx")), size


def test_a_damaged_workbook_is_refused_or_read_but_never_a_crash(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "l.xlsx").read_bytes()
    for offset in range(0, len(whole), len(whole) // 60):
        (tmp_path / "bad.xlsx").write_bytes(whole[:offset] + os.urandom(8) + whole[offset + 8 :])
        assert all(isinstance(f, Finding) for f in told(tmp_path / "bad.xlsx"))


# ---------------------------------------------------------------- the template


def test_the_template_is_itself_a_ledger_without_a_finding(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    ledger, warnings = read(tmp_path / "t.xlsx")
    assert not warnings
    assert all(len(v) for v in (ledger.sites, ledger.devices, ledger.links, ledger.circuits, ledger.teams))


def test_the_template_explains_every_column_and_offers_the_words_that_are_accepted(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == [table.chinese for table in tables()]
    for table in tables():
        sheet = book[table.chinese]
        offered: dict[int, DataValidation] = {
            next(iter(v.sqref.ranges)).min_col: v for v in sheet.data_validations.dataValidation
        }
        for number, column in enumerate(table.columns, 1):
            head = sheet.cell(1, number)
            assert head.value == column.chinese
            assert head.comment is not None
            assert head.comment.text.startswith(column.name)
            assert sheet.cell(2, number).number_format == "@" or sheet.cell(2, number).value is None
            assert (number in offered) == bool(column.words), column.name
            if column.words:
                words = str(offered[number].formula1).strip('"').split(",")
                assert words == list(column.words)
                assert [column.parse(word) for word in words] == [column.parse(v) for v in column.words.values()]


def test_a_template_is_not_written_under_another_kind_of_name(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="xlsx"):
        template.write(tmp_path / "t.csv")
    with pytest.raises(UnusableError, match="cannot be written"):
        template.write(tmp_path / "no" / "t.xlsx")
