"""Report rows and the files made of them, read back by other programs' readers."""

from __future__ import annotations

import csv
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from netwatch.core.model import Circuit, Ledger
from netwatch.core.time import parse
from netwatch.knowledge import load_rules
from netwatch.report import Facts, circuits, period, rows, save

ZONE = ZoneInfo("Asia/Shanghai")
NOVEMBER = period("2026-11", ZONE)


@pytest.fixture
def table() -> list[dict[str, object]]:
    ledger = Ledger(circuits={c: Circuit(c, "=cmd|' /C calc'!A0") for c in ("专线-1", "C-2")})
    quality = load_rules(Path(__file__).parents[2] / "rules").policies[0].quality
    now = parse("2026-11-11T00:00:00+08:00")
    return rows(circuits(Facts(ledger, NOVEMBER, now, 0, ZONE, quality, ())), ZONE)  # type: ignore[return-value]


def test_a_workbook_holds_numbers_as_numbers_and_formulas_as_text(
    tmp_path: Path, table: list[dict[str, object]]
) -> None:
    path = tmp_path / "十一月.xlsx"
    save(path, {"circuits": table, "empty": []})  # type: ignore[dict-item]
    sheet = openpyxl.load_workbook(path)["circuits"]
    head, first, second = sheet.iter_rows()
    assert [c.value for c in head] == list(table[0])
    assert (first[0].value, second[0].value) == ("专线-1", "C-2")
    assert (first[1].value, first[1].data_type) == ("=cmd|' /C calc'!A0", "s")
    assert (first[5].value, first[5].data_type) == (1, "n")


def test_a_csv_opens_in_excel_and_runs_nothing_there(tmp_path: Path, table: list[dict[str, object]]) -> None:
    path = tmp_path / "november.csv"
    save(path, {"circuits": table})  # type: ignore[dict-item]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = next(csv.DictReader(stream))
    assert first["circuit"] == "专线-1"
    assert first["customer"] == "'=cmd|' /C calc'!A0"


def test_two_tables_do_not_fit_a_csv_and_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one table"):
        save(tmp_path / "a.csv", {"a": [], "b": []})
    with pytest.raises(ValueError, match=r"\.csv or \.xlsx"):
        save(tmp_path / "a.pdf", {"a": []})
