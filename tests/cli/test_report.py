"""Reports as they are asked for: a real database, files read back, mistakes answered in words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from netwatch.cli import main
from netwatch.core.model import Decision, Outage, Tick
from netwatch.core.time import HOUR, parse
from netwatch.store import Store

LEDGER = {
    "devices": "device,role,site\nR-1,access,S-1\nR-2,cpe,S-1\n",
    "sites": "site,area\nS-1,city\n",
    "links": "link,a_device,a_port,z_device,z_port,medium\nL-1,R-1,GE0/0/1,R-2,GE0/0/1,fibre\n",
    "customers": "customer,name,level\nK-1,秘密,gold\n",
    "circuits": "circuit,customer,product,assurance,a_device,z_device,working\nC-1,K-1,data,AA,R-1,R-2,L-1\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A config whose store holds one outage of three hours in November 2026."""
    (tmp_path / "ledger").mkdir()
    for name, text in LEDGER.items():
        (tmp_path / "ledger" / f"{name}.csv").write_text(text, "utf-8")
    config = tmp_path / "config.toml"
    config.write_text("", "utf-8")
    began = parse("2026-11-03T02:00:00+08:00")
    outage = Outage(
        "O1", "C-1", "K-1", "AA", "F1", began, began + 3 * HOUR, 240, "class AA", began + 4 * HOUR, 10800, 10800, 0,
        breached=False,
    )  # fmt: skip

    async def fill() -> None:
        (tmp_path / "state").mkdir()
        async with await Store.open(str(tmp_path / "state/netwatch.db")) as store:
            first = Tick(parse("2026-01-01T00:00:00+08:00"))
            await store.commit(Decision(began + 3 * HOUR, (first,), (outage,), (), ()))

    asyncio.run(fill())
    return config


def report(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, words)])


def test_a_month_is_counted_from_the_store(site: Path) -> None:
    done = report("availability", "--period", "2026-11", "--json", "-c", site)
    assert done.exit_code == 0, done.output
    (line,) = json.loads(done.stdout)["availability"]
    assert (line["circuit"], line["outages"], line["down_seconds"]) == ("C-1", 1, 10800)


def test_a_workbook_has_a_sheet_for_each_report_and_no_customer_name(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "november.xlsx"
    done = report("all", "-p", "2026-11", "-o", out, "-c", site)
    assert done.exit_code == 0, done.output
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["availability", "summary", "customers", "crews", "faults", "repeats"]
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "K-1" in cells
    assert "秘密" not in " ".join(cells)


def test_a_period_that_is_none_is_a_mistake_of_usage(site: Path) -> None:
    done = report("crews", "-p", "last month", "-c", site)
    assert done.exit_code == 2
    assert "2026-W45" in done.output


def test_many_reports_do_not_fit_one_csv(site: Path, tmp_path: Path) -> None:
    done = report("all", "-p", "2026-11", "-o", tmp_path / "x.csv", "-c", site)
    assert done.exit_code == 1
    assert "one table" in done.stderr


@pytest.mark.parametrize("name", ["x.xlsx", "x.csv"])
def test_a_report_that_cannot_be_written_says_where(site: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "nowhere" / name
    done = report("faults", "-p", "2026-11", "-o", file, "-c", site)
    assert done.exit_code == 1
    assert str(file) in done.stderr
    assert not isinstance(done.exception, OSError)


def test_without_a_database_a_report_is_unavailable_and_makes_none(site: Path, tmp_path: Path) -> None:
    database = tmp_path / "state/netwatch.db"
    database.unlink()
    done = report("faults", "-p", "2026-11", "-c", site)
    assert done.exit_code == 69
    assert "no database yet" in done.stderr
    assert not database.exists()


def test_a_terminal_sees_the_columns_that_matter_and_a_summary_by_what_it_asks_for(site: Path) -> None:
    done = report("availability", "-p", "2026-11", "-c", site)
    assert done.stdout.split("\n")[0].split()[:4] == ["circuit", "assurance", "availability_net", "target"]
    one = json.loads(report("summary", "-p", "2026-11", "--by", "class", "--json", "-c", site).stdout)["summary"]
    assert [(x["by"], x["group"], x["due"], x["timeliness"]) for x in one] == [("class", "AA", 1, 1.0)]


def test_the_rolling_year_reaches_back_twelve_months(site: Path) -> None:
    year = json.loads(report("summary", "-p", "2027-10", "--year", "--by", "all", "--json", "-c", site).stdout)
    assert year["period"] == "2026-11-01..2027-10-31"
    (line,) = year["summary"]
    assert (line["outages"], line["down_seconds"], line["credit_rents"]) == (1, 10800, None)


def test_a_report_of_another_kind_of_file_is_a_mistake_of_usage(site: Path, tmp_path: Path) -> None:
    done = report("availability", "-o", tmp_path / "november.pdf", "-c", site)
    assert done.exit_code == 2
    assert "must end in .csv or .xlsx" in done.stderr
