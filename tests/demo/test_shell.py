"""The simulated command lines, visited as the daemon visits real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netwatch import config
from netwatch.demo.fleet import Fleet
from netwatch.demo.folder import COMMUNITY
from netwatch.demo.metro import SHELLS, ZONE, build
from netwatch.demo.plant import Act, Verb
from netwatch.demo.shell import PASSWORD, USER, Shells
from netwatch.demo.story import BEGINNING
from netwatch.wire.cli.hosts import KnownHosts
from netwatch.wire.cli.read import command_lines
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.ssh_read import read
from netwatch.wire.cli.target import AuthError, Login, Patience, SshError, Target
from netwatch.wire.profile import Profiles

FOLDERS = config.listing(None, "collectors")
LEDGER = build()


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    fleet = Fleet(LEDGER, lambda: BEGINNING, COMMUNITY)
    fleet.open()
    yield fleet
    fleet.close()


@pytest.fixture
async def visit(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Any]:
    shells = Shells(fleet.plant, [LEDGER.devices[it] for it in SHELLS], lambda: BEGINNING, ZONE)
    (tmp_path / "known_hosts").write_text(shells.open(fleet.port))
    line = command_lines(Profiles.of(FOLDERS).families, FOLDERS)["huawei_vrp"]
    ssh = Ssh(KnownHosts(tmp_path / "known_hosts"))

    async def visit(device: str, password: str = PASSWORD) -> Any:
        address = LEDGER.devices[device].address
        target = Target(address, Login(USER, password), line.cli, fleet.port, Patience(connect=2, banner=5))
        return await read(ssh, target, line, device=device)

    yield visit
    await ssh.close()
    shells.close()


async def test_a_box_tells_its_levels_and_the_alarm_that_its_agent_hides(fleet: Fleet, visit: Any) -> None:
    told = await visit("ACC-4")
    assert not told.seen
    assert {row["value"] for row in told.lists["sensors"] if row["class"] == "rx_power"} == {-7.2}
    fleet.do(Act(Verb.AIL, "ACC-4 FAN 1"))
    told = await visit("ACC-4")
    assert [(s.component, s.condition.value, s.state.value) for s in told.seen] == [("FAN 1", "fan", "bad")]
    assert told.lists["alarms"][0]["since"] == "2026-11-02 09:00:00"
    fleet.do(Act(Verb.HEAL, "ACC-4 FAN 1"))
    assert not (await visit("ACC-4")).seen


async def test_a_box_that_is_cut_off_does_not_answer(fleet: Fleet, visit: Any) -> None:
    await visit("ACC-4")
    fleet.do(Act(Verb.DIE, "ACC-4"))
    with pytest.raises(SshError):
        await visit("ACC-4")


async def test_nobody_else_is_let_in(visit: Any) -> None:
    with pytest.raises(AuthError):
        await visit("ACC-3", "guessed")
