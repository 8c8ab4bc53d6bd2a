"""What is heard is written down: nothing torn, nothing lost in silence."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from netwatch.core.model import Tick
from netwatch.record import Recorder


async def test_a_line_that_was_cut_off_spoils_none_that_is_written_after_it(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"at":"2026-11-', "utf-8")
    record = Recorder(journal, ZoneInfo("Asia/Shanghai"))
    record([Tick(0)])
    await record.flush()
    record([Tick(1)])
    await record.flush()
    torn, *whole = journal.read_text("utf-8").splitlines()
    assert torn == '{"at":"2026-11-'
    assert [json.loads(line)["type"] for line in whole] == ["tick", "tick"]


async def test_what_cannot_be_recorded_now_is_recorded_later_and_leaves_no_half_line(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    record = Recorder(journal, ZoneInfo("Asia/Shanghai"))
    record([Tick(0)])
    await record.flush()
    before = journal.stat().st_size
    record([Tick(n) for n in range(1, 4)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file that may grow by ten bytes more fails in the midst of a line, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            await record.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert journal.stat().st_size == before
    await record.flush()
    assert len(journal.read_text("utf-8").splitlines()) == 4


async def test_when_the_disk_is_slower_than_the_network_what_is_left_out_is_counted(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    record = Recorder(journal, ZoneInfo("Asia/Shanghai"))
    record([Tick(0)] * (Recorder.MOST_WAITING - 1))
    assert record.left_out == 0
    record([Tick(n) for n in range(1, 4)])
    assert record.left_out == 2
    await record.flush()
    lines = journal.read_text("utf-8").splitlines()
    assert len(lines) == Recorder.MOST_WAITING
    record([Tick(9)])
    await record.flush()
    assert record.left_out == 2, "there is room again"
