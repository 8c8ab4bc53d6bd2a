"""`netwatch sla show`: every limit of a circuit with its reason and its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netwatch.cli import main

LEDGER = {
    "sites": "site,area\nS-1,city\nP-1,suburb\n",
    "devices": "device,role,site,address\nCORE,core,S-1,192.0.2.1\nCPE,cpe,P-1,192.0.2.2\n",
    "links": "link,a_device,a_port,z_device,z_port,medium,cable,cores\nL,CORE,1,CPE,1,fibre,K-7,96\n",
    "customers": "customer,level\nU,gold\n",
    "circuits": (
        "circuit,customer,product,assurance,scope,a_device,z_device,working\n"
        "C-1,U,data,,province,CORE,CPE,L\nC-2,U,ipshop,A,local,CORE,CPE,L\n"
    ),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "ledger").mkdir()
    for name, text in LEDGER.items():
        (tmp_path / "ledger" / f"{name}.csv").write_text(text)
    (tmp_path / "config.toml").write_text("")
    return tmp_path


def shown(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["sla", "show", *words, "-c", str(site / "config.toml")])


def document(site: Path, *words: str) -> dict[str, Any]:
    result = shown(site, *words, "--json")
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_every_limit_comes_with_deadline_reason_and_source(site: Path) -> None:
    data = document(site, "C-1", "--at", "2026-11-02T15:00")
    assert (data["assurance"], data["derived"], data["area"], data["scope"]) == ("AA", True, "suburb", "province")
    assert data["policy"]["version"] == "2026-01"
    limits = {limit["name"]: limit for limit in data["limits"]}
    line = limits["restoration"]
    assert (line["minutes"], line["deadline"]) == (240, "2026-11-02T19:00:00.000+08:00")
    assert line["why"] == "class AA, derived from level gold"
    assert line["derived"] is True
    assert (limits["cable"]["minutes"], limits["cable"]["about"], limits["cable"]["why"]) == (300, "K-7", "96 cores")
    assert (limits["room"]["minutes"], limits["room"]["about"]) == (300, "S-1")
    assert limits["legal"]["deadline"] == "2026-11-05T15:00:00.000+08:00"
    assert (limits["survey"]["working_days"], limits["survey"]["clock"]) == (5, False)
    assert all(limit["source"] for limit in data["limits"])
    assert {m["name"]: m["value"] for m in data["measures"]} == {
        "availability": 0.9995,
        "faults_a_year": 6,
        "timeliness": 0.98,
    }


@pytest.mark.parametrize(
    ("at", "minutes"), [("2026-11-02T14:00:00", 480), ("2026-11-02T14:00:01", 1440), ("2026-11-02T06:00:00Z", 480)]
)
def test_the_time_of_the_report_decides_where_it_does(site: Path, at: str, minutes: int) -> None:
    assert document(site, "C-2", "--at", at)["limits"][0]["minutes"] == minutes


def test_people_get_tables_in_their_language(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    english = shown(site, "C-1", "--at", "2026-11-02T15:00").stdout
    for part in ("AA (derived)", "restoration, committed", "4:00", "2026-11-02 19:00:00", "cable K-7", "96 cores"):
        assert part in english
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese = shown(site, "C-1", "--at", "2026-11-02T15:00").stdout
    for part in ("恢复时限（承诺）", "光缆抢通 K-7", "回单", "推定", "5 工作日"):
        assert part in chinese


def test_a_circuit_that_is_not_there_is_said_with_the_likely_one(site: Path) -> None:
    result = shown(site, "C-11")
    assert result.exit_code == 1
    assert 'did you mean "C-1"?' in result.stderr


def test_a_year_without_holidays_is_told(site: Path) -> None:
    result = shown(site, "C-1", "--at", "2031-03-01T00:00")
    assert result.exit_code == 0
    assert "holds no holidays of 2031" in result.stderr
