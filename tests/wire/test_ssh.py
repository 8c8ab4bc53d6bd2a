"""The door to the command line, against real SSH on loopback: what is asked, what is kept, and what goes wrong."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from ssh_box import Box

from netwatch.wire.cli.hosts import KnownHosts, Trust
from netwatch.wire.cli.profile import Cli, Command
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.target import (
    AuthError,
    ForbiddenError,
    GarbledError,
    HostKeyError,
    Login,
    NoAnswerError,
    OwnTroubleError,
    Patience,
    SshError,
    Target,
)

VRP = Cli(
    device_type="huawei_vrp",
    command=tuple(Command(command=c) for c in ("display version", "display bgp peer", "display long")),
)
QUICK = Patience(connect=5, banner=10, login=10, read=20, visit=60)


def target(box: Box, *, password: str = "right-horse", key: str = "", patience: Patience = QUICK) -> Target:
    return Target(box.address, Login("noc", password, key), VRP, box.port, patience)


@pytest.fixture
def hosts(tmp_path: Path) -> KnownHosts:
    return KnownHosts(tmp_path / "known_hosts", Trust.FIRST_USE)


@pytest.fixture
async def new_door() -> AsyncIterator[Callable[..., Ssh]]:
    doors: list[Ssh] = []

    def make(hosts: KnownHosts, **kinds: Any) -> Ssh:
        doors.append(Ssh(hosts, **kinds))
        return doors[-1]

    yield make
    for door in doors:
        await door.close()


@pytest.fixture
def ssh(hosts: KnownHosts, new_door: Callable[..., Ssh]) -> Ssh:
    return new_door(hosts)


async def test_commands_are_answered_whole_without_echo_prompt_and_pages(
    ssh: Ssh, make_box: Callable[..., Box]
) -> None:
    box = make_box()
    told = await ssh.ask(target(box), ["display version", "display long"])
    assert told["display version"].startswith("Huawei Versatile Routing Platform")
    lines = told["display long"].splitlines()
    assert (len(lines), lines[0], lines[-1]) == (120, "line 0 of a long answer", "line 119 of a long answer")


async def test_one_login_serves_many_visits(ssh: Ssh, make_box: Callable[..., Box]) -> None:
    box = make_box()
    for _ in range(3):
        await ssh.ask(target(box), ["display version"])
    assert (box.logins, box.asked.count("display version")) == (1, 3)


async def test_an_idle_session_is_closed(hosts: KnownHosts, make_box: Callable[..., Box], until: Any) -> None:
    box, door = make_box(), Ssh(hosts, idle=0.05)
    await door.ask(target(box), ["display version"])
    await until(lambda: not any(t.is_active() for t in box._transports))
    await door.ask(target(box), ["display version"])
    assert box.logins == 2
    await door.close()


async def test_a_session_that_the_device_closed_meanwhile_is_opened_anew(
    ssh: Ssh, make_box: Callable[..., Box]
) -> None:
    box = make_box()
    await ssh.ask(target(box), ["display version"])
    box.drop()
    told = await ssh.ask(target(box), ["display version"])
    assert "VRP" in told["display version"]
    assert box.logins == 2


async def test_a_command_that_the_profile_does_not_name_never_reaches_the_device(
    ssh: Ssh, make_box: Callable[..., Box]
) -> None:
    box = make_box()
    for command in ("reboot", "display version\nreboot", "display version | include x", "display versions", "display"):
        with pytest.raises(ForbiddenError):
            await ssh.ask(target(box), ["display version", command])
    with pytest.raises(ForbiddenError):
        await ssh.visit(target(box), lambda ask: ask("system-view"))
    assert box.asked in ([], ["screen-length 0 temporary"])


@pytest.mark.parametrize(
    "command",
    ["reboot", "system-view", "show run | redirect x", "show a; reload", "display x > f", "show a\nb", "show"],
)
def test_no_profile_can_name_anything_but_a_plain_question(command: str) -> None:
    with pytest.raises(ValueError, match="only reads"):
        Command(command=command)


async def test_a_key_opens_where_a_password_does_not(ssh: Ssh, make_box: Callable[..., Box]) -> None:
    pem = io.StringIO()
    pair = paramiko.ECDSAKey.generate()
    pair.write_private_key(pem)
    box = make_box(users={"noc": pair})
    told = await ssh.ask(target(box, password="", key=pem.getvalue()), ["display version"])
    assert "VRP" in told["display version"]
    assert box.tried == []


async def test_a_wrong_password_is_auth_and_is_named_nowhere(
    ssh: Ssh, make_box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    box = make_box()
    with pytest.raises(AuthError) as wrong:
        await ssh.ask(target(box, password="hush-hush"), ["display version"])
    assert box.tried == ["hush-hush"]
    shown = f"{wrong.value!r} {wrong.value.__cause__!r} {target(box, password='hush-hush')!r} {caplog.text}"
    assert "hush-hush" not in shown


async def test_a_device_that_is_not_known_is_refused_before_the_password_is_shown(
    tmp_path: Path, make_box: Callable[..., Box]
) -> None:
    box, door = make_box(), Ssh(KnownHosts(tmp_path / "known_hosts"))
    with pytest.raises(HostKeyError, match="first_use"):
        await door.ask(target(box), ["display version"])
    assert box.tried == []
    assert not (tmp_path / "known_hosts").exists()
    await door.close()


@pytest.mark.parametrize("other", [paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)], ids=["same", "kind"])
async def test_a_changed_host_key_is_refused_before_the_password_is_shown(
    hosts: KnownHosts, make_box: Callable[..., Box], other: paramiko.PKey
) -> None:
    box, door = make_box(), Ssh(hosts)
    await door.ask(target(box), ["display version"])
    await door.close()
    assert hosts.path.stat().st_mode & 0o777 == 0o600
    before = hosts.path.read_text()
    box.key, box.tried = other, []
    door = Ssh(hosts)
    with pytest.raises(HostKeyError, match="another host key"):
        await door.ask(target(box), ["display version"])
    assert box.tried == []
    assert hosts.path.read_text() == before
    await door.close()


async def test_a_key_that_was_kept_is_enough_for_the_strict(hosts: KnownHosts, make_box: Callable[..., Box]) -> None:
    box, door = make_box(), Ssh(hosts)
    await door.ask(target(box), ["display version"])
    await door.close()
    strict = Ssh(KnownHosts(hosts.path))
    assert await strict.ask(target(box), ["display version"])
    await strict.close()


async def test_a_slow_device_is_waited_for(ssh: Ssh, make_box: Callable[..., Box]) -> None:
    box = make_box(slow=0.4)
    assert await ssh.ask(target(box), ["display version", "display bgp peer"])


async def test_a_connection_cut_in_the_middle_of_an_answer_is_garbled_at_once(
    ssh: Ssh, make_box: Callable[..., Box]
) -> None:
    box = make_box(cut_at="display bgp peer")
    patient = target(box, patience=replace(QUICK, read=100, visit=100))
    with pytest.raises(GarbledError, match="middle"):
        await ssh.ask(patient, ["display bgp peer"])
    assert "VRP" in (await ssh.ask(patient, ["display version"]))["display version"]


@pytest.mark.parametrize("trouble", [{"mute": True}, {"stuck": True}, {"hang_at": "display version"}], ids=str)
async def test_a_device_that_hangs_is_no_answer(
    ssh: Ssh, make_box: Callable[..., Box], trouble: dict[str, Any]
) -> None:
    box = make_box(**trouble)
    with pytest.raises(NoAnswerError):
        await ssh.ask(target(box, patience=replace(QUICK, banner=0.3, read=0.5)), ["display version"])


async def test_a_closed_port_is_no_answer_and_a_bad_key_is_our_own_trouble(
    ssh: Ssh, make_box: Callable[..., Box]
) -> None:
    box = make_box()
    with pytest.raises(OwnTroubleError, match="private key"):
        await ssh.ask(target(box, key="no key"), ["display version"])
    gone = target(box)
    box.stop()
    with pytest.raises(NoAnswerError, match="refused"):
        await ssh.ask(gone, ["display version"])


async def test_the_seconds_of_a_visit_end_it_whatever_the_device_does(
    ssh: Ssh, make_box: Callable[..., Box], until: Any
) -> None:
    box = make_box(hang_at="display version")
    with pytest.raises(NoAnswerError, match="has had its"):
        await ssh.ask(target(box, patience=replace(QUICK, read=100, visit=1)), ["display version"])
    await until(lambda: ssh.stats.running == 0)


async def test_a_cancelled_visit_gives_its_thread_back(ssh: Ssh, make_box: Callable[..., Box], until: Any) -> None:
    box = make_box(hang_at="display version")
    visit = asyncio.create_task(ssh.ask(target(box, patience=Patience(visit=100, read=100)), ["display version"]))
    await until(lambda: "display version" in box.asked)
    visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit
    await until(lambda: ssh.stats.running == 0)
    box.hang_at = ""
    assert await ssh.ask(target(box), ["display version"])


async def test_two_visits_to_one_device_follow_one_another(ssh: Ssh, make_box: Callable[..., Box]) -> None:
    box = make_box()
    await asyncio.gather(*(ssh.ask(target(box), ["display version", "display bgp peer"]) for _ in range(4)))
    assert box.logins == 1
    asked = [command for command in box.asked if command.startswith("display")]
    assert asked == ["display version", "display bgp peer"] * 4


async def test_fifty_devices_go_on_while_five_hang(
    hosts: KnownHosts, make_box: Callable[..., Box], new_door: Callable[..., Ssh]
) -> None:
    boxes = [make_box(address=f"127.77.0.{n + 1}", name=f"HW-{n}") for n in range(50)]
    for n, box in enumerate(boxes[:5]):
        box.mute, box.stuck, box.hang_at = n == 0, n in (1, 2), "display version" if n > 2 else ""
    door = new_door(hosts, slots=8)
    # The hung ones would hold a thread for longer than the whole test may take.
    patience = Patience(connect=600, banner=600, login=600, read=600, visit=600)
    beats, stop = 0, asyncio.Event()

    async def beat() -> None:
        nonlocal beats
        while not stop.is_set():
            beats += 1
            await asyncio.sleep(0.01)

    watch = asyncio.create_task(beat())
    visits = {
        box.address: asyncio.create_task(door.ask(target(box, patience=patience), ["display version"])) for box in boxes
    }
    told = await asyncio.gather(*(visits[box.address] for box in boxes[5:]))
    stop.set()
    await watch
    assert all("VRP" in answer["display version"] for answer in told)
    assert not any(visits[box.address].done() for box in boxes[:5])
    assert door.stats.running == 5
    assert beats > 45  # the loop went on all the while: a visit that blocked it would have left one beat each
    await door.close()
    late = await asyncio.gather(*(visits[box.address] for box in boxes[:5]), return_exceptions=True)
    assert all(isinstance(error, SshError) for error in late)


async def test_devices_that_hang_share_a_lane_of_their_own(
    hosts: KnownHosts, make_box: Callable[..., Box], new_door: Callable[..., Ssh], until: Any
) -> None:
    """More hung devices than threads: after their first silence they cannot hold up the others."""
    hung = [make_box(address=f"127.77.1.{n + 1}", mute=True) for n in range(6)]
    well = make_box(address="127.77.2.1")
    door = new_door(hosts, slots=4)
    short = Patience(connect=1, banner=0.2, visit=2)
    first = await asyncio.gather(
        *(door.ask(target(b, patience=short), ["display version"]) for b in hung), return_exceptions=True
    )
    assert all(isinstance(error, NoAnswerError) for error in first)
    endless = Patience(connect=600, banner=600, login=600, read=600, visit=600)
    again = [asyncio.create_task(door.ask(target(b, patience=endless), ["display version"])) for b in hung]
    await until(lambda: door.stats.running == 1)
    assert await door.ask(target(well), ["display version"])
    assert door.stats.running == 1
    await door.close()
    await asyncio.gather(*again, return_exceptions=True)
