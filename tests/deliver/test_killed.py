"""Killed between sending and settling: it is sent again under the same key, and the receiver can tell."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

CARRIER = Path(__file__).with_name("carrier.py")
KEYS = ["T1:sent:1", "T2:sent:1", "T3:sent:1", "T4:sent:1"]


async def carry(path: Path, receiver: Any, project: Path, kill_at: int | None) -> str:
    """Run a courier; kill it when the receiver hears request number `kill_at` (before it has its answer)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CARRIER),
        str(path),
        receiver.url,
        *KEYS,
        stdout=asyncio.subprocess.PIPE,
        cwd=project,
        env={"PYTHONPATH": "."},
    )
    heard = len(receiver.heard)

    def on_request(_: dict[str, str]) -> None:
        if kill_at is not None and len(receiver.heard) - heard >= kill_at and process.returncode is None:
            process.kill()

    receiver.on_request = on_request
    out, _ = await process.communicate()
    return out.decode().strip()


@pytest.mark.parametrize("kill_at", [1, 3])
async def test_killed_between_send_and_settle_it_repeats_with_the_same_key(
    tmp_path: Path, receiver: Any, project: Path, kill_at: int
) -> None:
    path = tmp_path / "netwatch.db"
    assert await carry(path, receiver, project, kill_at) == ""
    assert 1 <= len(receiver.done) <= 4
    first = dict(receiver.done)
    assert await carry(path, receiver, project, None) == "settled"
    assert receiver.effects == set(KEYS)
    assert any(receiver.done[key] == 2 for key in first)
    assert all(count <= 2 for count in receiver.done.values())
