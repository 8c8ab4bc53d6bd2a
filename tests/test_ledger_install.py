from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from netwatch.findings import UnusableError
from netwatch.ledger import install as installing
from netwatch.ledger import load, template
from netwatch.ledger.diff import Change, diff
from netwatch.ledger.install import install

GOOD = Path(__file__).resolve().parent / "data/ledger/good"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A ledger that differs from the good one in three ways."""
    folder = Path(shutil.copytree(GOOD, tmp_path / "other"))
    text = (folder / "circuits.csv").read_text()
    text = text.replace("C-1,CU-1,data,AAA,100", "C-1,CU-1,data,AA,200.5").replace("C-3,CU-1,voice", "C-4,CU-1,voice")
    (folder / "circuits.csv").write_text(text)
    return folder


def test_a_ledger_does_not_differ_from_itself() -> None:
    assert diff(load(GOOD), load(GOOD)) == []


def test_a_difference_names_table_id_and_column(other: Path) -> None:
    assert diff(load(GOOD), load(other)) == [
        Change("circuits", "C-1", "changed", {"assurance": ("AAA", "AA"), "bandwidth_mbps": ("100", "200.5")}),
        Change("circuits", "C-3", "removed"),
        Change("circuits", "C-4", "added"),
    ]


def test_ends_lists_and_notes_are_compared_as_a_ledger_writes_them(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "l"))
    links = (folder / "links.csv").read_text()
    links = links.replace("cable,cores\nL-1,AGG-1,GE0/0/1", "cable,cores,备注\nL-1,AGG-1,GE0/0/9").replace(
        "K-1 K-2,96", "K-2,96,新"
    )
    (folder / "links.csv").write_text("".join(x + ("," * (8 - x.count(","))) + "\n" for x in links.splitlines()))
    (change,) = diff(load(GOOD), load(folder))
    assert change.fields == {"a_port": ("GE0/0/1", "GE0/0/9"), "cable": ("K-1 K-2", "K-2"), "备注": ("", "新")}


def test_a_first_ledger_is_put_in_place(tmp_path: Path) -> None:
    done = install(GOOD, tmp_path / "etc" / "ledger")
    assert done.former is None
    assert load(tmp_path / "etc" / "ledger") == done.ledger == load(GOOD)


def test_the_former_ledgers_are_all_kept(tmp_path: Path, other: Path) -> None:
    target = tmp_path / "ledger"
    formers = [install(source, target).former for source in (GOOD, other, GOOD)]
    assert formers == [None, tmp_path / "ledger.former-1", tmp_path / "ledger.former-2"]
    assert [load(p) for p in formers if p] == [load(GOOD), load(other)]
    assert load(target) == load(GOOD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ledger", "ledger.former-1", "ledger.former-2", "other"]


def test_a_ledger_with_errors_leaves_everything_as_it_was(tmp_path: Path, other: Path) -> None:
    target = tmp_path / "ledger"
    install(GOOD, target)
    (other / "links.csv").unlink()
    with pytest.raises(UnusableError):
        install(other, target)
    assert load(target) == load(GOOD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ledger", "other"]


def test_a_workbook_becomes_a_folder_where_the_site_keeps_one(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    install(tmp_path / "t.xlsx", tmp_path / "ledger")
    assert load(tmp_path / "ledger") == load(tmp_path / "t.xlsx")
    assert {p.name for p in (tmp_path / "ledger").iterdir()} >= {"sites.csv", "circuits.csv"}


def test_a_workbook_takes_the_place_of_a_workbook(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    target = tmp_path / "ledger.xlsx"
    assert install(tmp_path / "t.xlsx", target).former is None
    assert install(tmp_path / "t.xlsx", target).former == tmp_path / "ledger.former-1.xlsx"
    assert target.read_bytes() == (tmp_path / "t.xlsx").read_bytes()
    assert load(tmp_path / "ledger.former-1.xlsx") == load(target)


def test_findings_about_a_workbook_name_the_one_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"no workbook")
    with pytest.raises(UnusableError) as caught:
        install(tmp_path / "t.xlsx", tmp_path / "ledger.xlsx")
    assert [f.place for f in caught.value.findings] == [str(tmp_path / "t.xlsx")]
    assert [p.name for p in tmp_path.iterdir()] == ["t.xlsx"]


def test_a_folder_cannot_become_a_workbook(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="cannot become a workbook"):
        install(GOOD, tmp_path / "ledger.xlsx")


def test_gbk_becomes_utf8(tmp_path: Path, other: Path) -> None:
    (other / "customers.csv").write_bytes((other / "customers.csv").read_text().encode("gb18030"))
    install(other, tmp_path / "ledger")
    assert "某银行" in (tmp_path / "ledger/customers.csv").read_text(encoding="utf-8")


def test_the_rights_of_the_former_ledger_are_kept(tmp_path: Path, other: Path) -> None:
    target = tmp_path / "ledger"
    install(GOOD, target)
    target.chmod(0o700)
    install(other, target)
    assert target.stat().st_mode & 0o777 == 0o700


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableError, match="cannot be written"):
        install(GOOD, tmp_path / "file" / "ledger")


def test_a_reader_never_sees_a_moment_without_a_ledger(tmp_path: Path, other: Path) -> None:
    target = tmp_path / "ledger"
    install(GOOD, target)
    seen: list[bool] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append((target / "circuits.csv").exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for n in range(40):
            install((other, GOOD)[n % 2], target)
    finally:
        stop.set()
        watcher.join()
    assert all(seen)


def test_where_names_cannot_be_exchanged_two_steps_do(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "_exchange", lambda a, b: False)
    install(GOOD, tmp_path / "ledger")
    assert install(other, tmp_path / "ledger").former == tmp_path / "ledger.former-1"
    assert load(tmp_path / "ledger") == load(other)
