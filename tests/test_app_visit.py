"""The daemon visits command lines: an alarm that SNMP hides on the board, and a password that is nowhere."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "wire"))  # where ssh_box lies

from ssh_box import ANSWERS, Box

from netwatch.app import App
from netwatch.cli.check import examine
from netwatch.core.model import Alarm, AlarmState

SECRET = "right-horse-battery"
ALARMS = """1:Critical  2:Major  3:Minor  4:Warning
-------------------------------------------------------------------------------
Sequence   AlarmId    Level Date Time  Description
-------------------------------------------------------------------------------
{}
-------------------------------------------------------------------------------
"""
BOARD = """7          0x8520003  2     2026-11-02 The board is abnormal. (EntPhysicalIndex=67108873,
                            01:02:03   PhysicalName="LPU slot 3")"""
CONFIG = """
[paths]
state = "state"
[poll]
interval_seconds = 3600
[poll.ping]
interval_seconds = 0
[listen]
traps = ""
syslog = ""
[ssh]
interval_seconds = 1
host_keys = "first_use"
[web]
listen = "127.0.0.1:0"
[credentials.lab]
ssh_user = "noc"
ssh_password = {{ file = "secret" }}
ssh_port = {port}
ssh_family = "{family}"
"""


@pytest.fixture
def box() -> Iterator[Box]:
    box = Box(password=SECRET, answers=ANSWERS | {"display alarm active": ALARMS.format(BOARD)}).start()
    yield box
    box.stop()


def site(folder: Path, box: Box, *, secret: str = SECRET, family: str = "huawei_vrp") -> Path:
    (folder / "ledger").mkdir()
    (folder / "ledger" / "sites.csv").write_text("site\nS-1\n")
    (folder / "ledger" / "devices.csv").write_text(
        f"device,role,site,address,credential\nR-1,access,S-1,{box.address},lab\n"
    )
    for name, head in (
        ("links", "link,a_device,a_port,z_device,z_port,medium"),
        ("customers", "customer,name"),
        ("circuits", "circuit,customer,product,a_device,z_device,working"),
        ("teams", "team,skills"),
    ):
        (folder / "ledger" / f"{name}.csv").write_text(f"{head}\n")
    (folder / "secret").write_text(f"{secret}\n")
    (folder / "secret").chmod(0o600)
    (folder / "config.toml").write_text(CONFIG.format(port=box.port, family=family))
    return folder / "config.toml"


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[App]:
    app = App(config)
    life = asyncio.create_task(app.run())
    ready = asyncio.create_task(app.ready.wait())
    await asyncio.wait({life, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if life.done():
        await life
    try:
        yield app
    finally:
        app.stop()
        await life


def alarms(app: App) -> dict[tuple[str, str], AlarmState]:
    return {(a.component, a.condition.value): a.state for a in app.view.all(Alarm).values()}


def samples(app: App) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in app.metrics.render().decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in lines}


async def test_an_alarm_that_only_the_command_line_shows_is_raised_and_ends_and_survives_a_restart(
    box: Box, tmp_path: Path
) -> None:
    config = site(tmp_path, box)
    key = ("LPU slot 3", "hardware")
    async with asyncio.timeout(100):
        async with running(config) as app:
            while alarms(app).get(key) not in (AlarmState.PENDING, AlarmState.ACTIVE):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
            told = samples(app)
            assert told['netwatch_visits_total{result="ok"}'] >= 1
            assert told["netwatch_ssh_logins_total"] == 1
            assert told["netwatch_ssh_commands_total"] >= 9
            assert (
                told['netwatch_ssh_sessions{state="kept"}'] == 1 or told['netwatch_ssh_sessions{state="running"}'] == 1
            )
            assert told["netwatch_visit_duration_seconds_count"] >= 1
            assert told['netwatch_observations_total{source="cli"}'] > 0
        box.answers["display alarm active"] = ALARMS.format("")
        async with running(config) as app:
            while alarms(app).get(key) in (AlarmState.PENDING, AlarmState.ACTIVE):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert set(box.asked) <= {"screen-length 0 temporary"} | {it for it in box.asked if it.startswith("display ")}


async def test_a_refused_login_is_no_alarm_and_the_password_is_nowhere(
    box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = site(tmp_path, box, secret="hush-hush-hush")
    async with asyncio.timeout(60), running(config) as app:
        while not app.ears.ssh.results["auth"]:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.05)
        assert alarms(app) == {}
        shown = app.metrics.render().decode()
        assert samples(app)['netwatch_visits_total{result="auth"}'] >= 1
        shown += caplog.text + repr(app.plan)
    assert "does not accept noc" in caplog.text
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "secret"]  # noqa: ASYNC240
    assert any(path.suffix == ".db" for path in kept)
    assert "hush-hush-hush" not in shown
    assert not any(b"hush-hush-hush" in path.read_bytes() for path in kept)


def test_check_names_the_line_of_a_template_that_is_missing_a_command_nobody_reads_and_a_family_unknown(
    box: Box, tmp_path: Path
) -> None:
    config = site(tmp_path, box, family="huawei_vpr")
    acme = tmp_path / "collectors" / "acme"
    acme.mkdir(parents=True)
    (acme / "bad.textfsm").write_text("Value X\nStart\n")
    profile = (
        'title = "x"\nanswers = ["1.3.6"]\n[cli]\ndevice_type = "huawei_vrp"\n'
        '[[cli.command]]\ncommand = "display gone"\ntemplate = "gone.textfsm"\n'
        '[[cli.command]]\ncommand = "display bad"\ntemplate = "bad.textfsm"\n'
    )
    (acme / "profile.toml").write_text(profile)
    said = "\n".join(map(str, examine(config)))
    assert f"{acme}/profile.toml:7" in said
    assert f"{acme}/bad.textfsm" in said

    (acme / "profile.toml").write_text(profile.partition("[[cli")[0] + '[[cli.command]]\ncommand = "display nothing"\n')
    said = "\n".join(map(str, examine(config)))
    assert f'{acme}/profile.toml:6: cli.command[0].command: ntc-templates has no template for "display nothing"' in said
    assert 'did you mean "huawei_vrp"?' in said

    (acme / "profile.toml").write_text(profile.replace("display gone", "reset saved"))
    assert f"{acme}/profile.toml:6" in "\n".join(map(str, examine(config)))
