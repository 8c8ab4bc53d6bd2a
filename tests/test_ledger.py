from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.config import Config, load
from netwatch.core.model import Medium, Port, Role
from netwatch.core.ports import normal
from netwatch.findings import Finding, UnusableError
from netwatch.knowledge import load_rules
from netwatch.ledger import load as load_ledger
from netwatch.ledger import read

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "tests/data/ledger"
GOOD = DATA / "good"
SCENARIOS = PROJECT.parent / "shared/scenarios"
MISTAKES = sorted(p for p in DATA.iterdir() if p != GOOD)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A good ledger, to be spoilt."""
    return Path(shutil.copytree(GOOD, tmp_path / "ledger"))


def told(path: Path) -> list[Finding]:
    try:
        return read(path)[1]
    except UnusableError as error:
        return list(error.findings)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---------------------------------------------------------------- one folder per mistake


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda p: p.name)
def test_every_mistake_is_told_with_file_row_and_column(mistake: Path, ledger: Path) -> None:
    """Each folder holds what differs from `good/`, and `expected.txt`, all that is said of it, in order."""
    for file in mistake.iterdir():
        if file.suffix == ".removed":
            (ledger / file.stem).unlink()
        else:
            shutil.copy(file, ledger)
    lines = [f"{'warning' if f.warning else 'error'} {f}" for f in told(ledger)]
    relative = [line.replace(f"{ledger}/", "").replace(str(ledger), "ledger") for line in lines]
    assert relative == (mistake / "expected.txt").read_text().splitlines()


def test_a_ledger_without_mistakes_is_read_without_a_word() -> None:
    ledger, warnings = read(GOOD)
    assert not warnings
    assert ledger.devices["MC-1"].role is Role.CONVERTER
    assert not ledger.devices["MC-1"].managed
    assert ledger.links["L-1"].cables == ("K-1", "K-2")
    assert ledger.links["L-6"].medium is Medium.PON
    assert ledger.links["L-6"].z == Port("ONU-1", "")
    assert ledger.circuits["C-1"].protecting == ("L-4", "L-3", "L-2")
    assert ledger.circuits["C-3"].over == "C-1"
    assert ledger.teams["T-1"].skills == {"cable", "access"}
    assert ledger.sites["S-2"].battery_minutes is None


def test_every_recorded_night_has_a_ledger_that_is_read_without_a_word() -> None:
    folders = sorted(SCENARIOS.glob("*/ledger"))
    if not folders:
        pytest.skip("the recorded nights are not here")
    for folder in folders:
        ledger, warnings = read(folder)
        assert not warnings, folder
        with (folder / "circuits.csv").open(encoding="utf-8-sig", newline="") as stream:
            assert len(ledger.circuits) == sum(1 for _ in csv.DictReader(stream))


# ---------------------------------------------------------------- two languages, many hands


CHINESE = {
    "站点.csv": "站点,名称,区域,市区郊县,市电,电池分钟\nS-1,城东局,东区,市区,F-1,240\nS-2,某大厦,东区,郊县,,\n",
    "设备.csv": "设备,角色,站点,管理地址,可管理\n汇聚1,汇聚,S-1,192.0.2.1,是\n盒子,转换器,S-2,,否\n",
    "链路.csv": "链路,A端设备,A端端口,Z端设备,Z端端口,介质,光缆,芯数\nL1,汇聚1,GE0/0/1,盒子,,光纤,甲缆 乙缆,９６\n",
    "客户.csv": "客户,名称,服务等级,重要客户\nCU1,某银行,钻石级,是\nCU2,某店,铜牌,否\n",
    "电路.csv": "电路,客户,产品,保障等级,带宽,范围,A端设备,Z端设备,主用路由\n"
    "C1,CU1,数据,ＡＡＡ,100,本地,盒子,汇聚1,L1\nC2,CU2,IP超市,普通,,跨省,盒子,汇聚1,L1\n",
    "班组.csv": "班组,代维公司,专业,区域,通知渠道,资质\nT1,某代维,线路　动力,东区,log,电工证\n",
}


def test_headers_and_words_may_be_chinese_and_full_width(tmp_path: Path) -> None:
    for name, text in CHINESE.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    ledger, warnings = read(tmp_path)
    assert not warnings
    assert [s.area for s in ledger.sites.values()] == ["city", "suburb"]
    assert [(d.role, d.managed) for d in ledger.devices.values()] == [(Role.AGGREGATION, True), (Role.CONVERTER, False)]
    assert (ledger.links["L1"].cables, ledger.links["L1"].cores) == (("甲缆", "乙缆"), 96)
    assert [(c.level, c.important) for c in ledger.customers.values()] == [("diamond", True), ("bronze", False)]
    assert [(c.product, c.assurance, c.scope) for c in ledger.circuits.values()] == [
        ("data", "AAA", "local"),
        ("ipshop", "standard", "province"),
    ]
    assert ledger.teams["T1"].skills == {"cable", "power"}


def test_column_order_case_and_spaces_do_not_matter(ledger: Path) -> None:
    with (ledger / "links.csv").open(newline="") as stream:
        table = [list(reversed(row)) for row in csv.reader(stream)]
    table[0] = [f" {name.upper().replace('_', ' ')} " for name in table[0]]
    with (ledger / "links.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(table)
    assert load_ledger(ledger) == load_ledger(GOOD)


def test_a_byte_order_mark_windows_line_ends_and_empty_rows_change_nothing(ledger: Path) -> None:
    for file in ledger.iterdir():
        text = file.read_text().replace("\n", "\r\n") + "\r\n,,,\r\n\r\n"
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_ledger(ledger) == load_ledger(GOOD)


def test_gbk_is_read_like_utf8_and_told(ledger: Path) -> None:
    file = ledger / "customers.csv"
    file.write_bytes(file.read_text().encode("gb18030"))
    found, warnings = read(ledger)
    assert found == load_ledger(GOOD)
    assert [w.place for w in warnings] == [f"{file}:2"]


@pytest.mark.parametrize(
    ("spoil", "line", "what"),
    [
        (lambda text: text.encode("utf-16"), 1, "is UTF-16"),
        (lambda text: text.encode() + b"\xff\xff\xff", 4, "is neither UTF-8 nor GBK"),
        (lambda text: text.encode().replace(b"CU-2", b"CU\0-2"), 3, "holds a NUL byte"),
    ],
)
def test_what_is_no_text_is_told_once_and_what_follows_from_it_once(
    ledger: Path, spoil: Callable[[str], bytes], line: int, what: str
) -> None:
    file = ledger / "customers.csv"
    file.write_bytes(spoil(file.read_text()))
    first, second = told(ledger)
    assert (first.place, first.warning) == (f"{file}:{line}", False)
    assert first.what.startswith(what)
    assert second.cure == "customers could not be read"


def test_unknown_columns_are_kept_as_notes(ledger: Path) -> None:
    replace(
        ledger / "teams.csv", "licences\nT-1,,cable access,R1,,,log,\n", "licences,备注\nT-1,,cable,R1,,,log,,夜班\n"
    )
    found, warnings = read(ledger)
    assert not warnings
    assert found.teams["T-1"].notes == {"备注": "夜班"}


def test_a_cell_may_hold_commas_quotes_and_line_ends(ledger: Path) -> None:
    replace(ledger / "sites.csv", "121.5,\n", '121.5,"1 Road, ""East""\nDistrict"\n')
    replace(ledger / "sites.csv", "suburb", "nowhere")
    with pytest.raises(UnusableError) as caught:
        read(ledger)
    (finding,) = caught.value.findings
    assert finding.place == f"{ledger}/sites.csv:4:area", "the line in an editor, not the number of the record"
    replace(ledger / "sites.csv", "nowhere", "suburb")
    assert load_ledger(ledger).sites["S-1"].address == '1 Road, "East"\nDistrict'


def test_all_problems_of_all_files_are_told_at_once(ledger: Path) -> None:
    replace(ledger / "sites.csv", "city", "town")
    replace(ledger / "devices.csv", ",olt,", ",toll,")
    replace(ledger / "circuits.csv", "L-4 L-1", "L-44 L-11")
    files = {re.sub(r".*/(\w+)\.csv.*", r"\1", f.place) for f in told(ledger)}
    assert files == {"sites", "devices", "circuits"}
    assert len(told(ledger)) == 4


def test_thousands_of_wrong_references_are_each_told(ledger: Path) -> None:
    with (ledger / "circuits.csv").open("a") as stream:
        stream.writelines(f"X-{n},CU-{n + 100},data,A,,,,,,,L-1,,\n" for n in range(3000))
    assert sum("there is no customer" in f.what for f in told(ledger)) == 3000


# ---------------------------------------------------------------- what is no ledger


def test_a_path_without_ledger_is_told_how_to_begin(tmp_path: Path) -> None:
    (finding,) = told(tmp_path / "ledger")
    assert "netwatch ledger template" in finding.cure


def test_an_empty_folder_and_one_with_a_workbook_are_told_apart(tmp_path: Path) -> None:
    assert told(tmp_path)[0].what == "holds no CSV file"
    (tmp_path / "book.xlsx").write_bytes(b"")
    assert str(tmp_path / "book.xlsx") in told(tmp_path)[0].cure


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.xls").write_bytes(b"")
    assert told(tmp_path / "ledger.xls")[0].cure == "save it as .xlsx"


GARBAGE = {
    "noise": lambda: os.urandom(10_000_000),
    "one endless word": lambda: b"a" * 10_000_000,
    "quotes": lambda: b'"' * 999_999,
    "commas": lambda: b"\n,\n" * 100_000,
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_megabytes_of_garbage_are_refused(ledger: Path, kind: str) -> None:
    (ledger / "circuits.csv").write_bytes(GARBAGE[kind]())
    assert any(not f.warning and "circuits.csv" in f.place for f in told(ledger))


@given(st.text(max_size=30))
def test_any_text_in_a_cell_is_taken_or_told(tmp_path_factory: pytest.TempPathFactory, cell: str) -> None:
    folder = tmp_path_factory.mktemp("fuzz", numbered=True) / "ledger"
    shutil.copytree(GOOD, folder)
    with (folder / "sites.csv").open("a", newline="", encoding="utf-8", errors="replace") as stream:
        csv.writer(stream).writerow(["S-3", cell, "R1", cell, "", cell, "", "", ""])
    findings = told(folder)
    if cell.strip():
        assert findings
        assert all(f.place for f in findings)
    else:
        assert not findings


@given(
    st.builds(
        "{}{}0/0/{}".format,
        st.sampled_from(["GE", "ge", "Gi", "gigabitethernet", "GigabitEthernet", "XGE"]),
        st.sampled_from(["", " ", "  "]),
        st.integers(0, 5),
    )
)
def test_however_a_port_is_written_two_links_on_it_are_seen(
    tmp_path_factory: pytest.TempPathFactory, written: str
) -> None:
    folder = tmp_path_factory.mktemp("ports", numbered=True) / "ledger"
    shutil.copytree(GOOD, folder)
    replace(folder / "links.csv", "AGG-1,GE0/0/2,AGG-2", f"AGG-1,{written},AGG-2")
    seen = any("is on the port of" in f.what for f in told(folder))
    assert seen == (normal(written) in (normal("GE0/0/1"), normal("GE0/0/3")))


def test_a_pon_port_feeds_many(ledger: Path) -> None:
    replace(ledger / "devices.csv", "MC-1", "ONU-2,,onu,zte,S-2,,,yes\nMC-1")
    with (ledger / "links.csv").open("a") as stream:
        stream.write("L-7,OLT-1,gpon-0/1/1,ONU-2,,pon,K-8,24\n")
    assert not told(ledger)


@pytest.mark.parametrize("written", ["2026-11-02", "2026/11/2", "2026-11-02 00:00:00", "２０２６-11-02"])
def test_a_day_is_read_as_people_and_spreadsheets_write_it(ledger: Path, written: str) -> None:
    lines = (ledger / "circuits.csv").read_text().splitlines()
    rows = [f"{lines[0]},in_service,拆机日期", f"{lines[1]},{written},", *(f"{line},," for line in lines[2:])]
    (ledger / "circuits.csv").write_text("\n".join(rows))
    found, warnings = read(ledger)
    assert not warnings
    assert next(iter(found.circuits.values())).in_service == date(2026, 11, 2)
    (ledger / "circuits.csv").write_text("\n".join([rows[0], f"{lines[1]},,31.11.2026", *rows[2:]]))
    (finding,) = told(ledger)
    assert finding.place.endswith("circuits.csv:2:拆机日期")
    assert finding.cure == "write 2026-11-02"


# ---------------------------------------------------------------- with the rest of the site


def site(tmp_path: Path, text: str) -> Config:
    (tmp_path / "config.toml").write_text(text)
    return load(tmp_path / "config.toml")


def test_names_that_the_configuration_lacks_are_told_once_and_do_not_stop_a_daemon(tmp_path: Path) -> None:
    config = site(tmp_path, '[site]\nvantage = "CORE-7"\n[credentials.labs]\ncommunity = {env = "X"}\n')
    found, warnings = read(GOOD, config)
    assert found == load_ledger(GOOD)
    assert [(str(w.place).removeprefix(f"{GOOD}/"), w.cure) for w in warnings] == [
        ("devices.csv:2:credential", 'did you mean "labs"?'),
        (f"{tmp_path / 'config.toml'}: site.vantage", 'did you mean "CORE-1"?'),
    ]
    with pytest.raises(UnusableError):
        read(GOOD, config, strict=True)


def test_channels_of_teams_must_be_configured(ledger: Path, tmp_path: Path) -> None:
    replace(ledger / "teams.csv", ",log,", ",logg,")
    config = site(tmp_path, '[credentials.lab]\ncommunity = {env = "X"}\n')
    assert [w.cure for w in read(ledger, config)[1]] == ['did you mean "log"?']


def test_the_shipped_configuration_runs_without_a_ledger_and_no_other_does(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    shipped = load(PROJECT / "config.toml")
    found, warnings = read(missing, shipped)
    assert not found.devices
    assert [w.what for w in warnings] == ["there is no ledger yet: nothing is watched"]
    with pytest.raises(UnusableError):
        read(missing, site(tmp_path, ""))


def test_classes_that_only_the_rules_of_the_site_know_may_be_used(ledger: Path, tmp_path: Path) -> None:
    rules = Path(shutil.copytree(PROJECT / "rules", tmp_path / "rules"))
    text = (rules / "sla.toml").read_text()
    assert re.search(r"^AAA = ", text, re.MULTILINE)
    (rules / "sla.toml").write_text(re.sub(r"^AAA = (.*)$", r'AAA = \1\n"5A" = \1', text, count=1, flags=re.MULTILINE))
    replace(ledger / "circuits.csv", "data,AAA", "data,5A")
    with pytest.raises(UnusableError):
        read(ledger)
    assert load_ledger(ledger, rules=load_rules(rules)).circuits["C-1"].assurance == "5A"
