"""What the doctor tells of a machine: real sockets, locks, databases and answers; /proc from a folder where need be."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from netwatch.cli import doctor, main
from netwatch.cli.doctor import Verdict
from netwatch.config import Address, Config
from netwatch.store import Store

OK, WARNING, ERROR = Verdict.OK, Verdict.WARNING, Verdict.ERROR


@pytest.mark.parametrize(("version", "verdict"), [((3, 10, 9), ERROR), ((3, 11, 0), OK), ((4, 0, 0), OK)])
def test_an_old_python_is_an_error(version: tuple[int, ...], verdict: Verdict) -> None:
    assert doctor.python(version).verdict is verdict


@pytest.mark.parametrize(
    ("kept", "off", "verdict"), [(True, 900, OK), (True, 1_000_001, WARNING), (False, 16_000_000, WARNING)]
)
def test_a_clock_that_nobody_keeps_is_told(kept: bool, off: int, verdict: Verdict) -> None:
    assert doctor.clock(lambda: (kept, off)).verdict is verdict


def test_a_kernel_that_does_not_tell_about_its_clock_is_no_good_news() -> None:
    def refuse() -> tuple[bool, int]:
        raise PermissionError(1, "Operation not permitted")

    answer = doctor.clock(refuse)
    assert answer.verdict is WARNING
    assert "not permitted" in answer.what


def test_the_kernel_tells_how_far_its_clock_may_be_off() -> None:
    kept, off = doctor.kernel_clock()
    assert isinstance(kept, bool)
    assert 0 <= off <= 16_000_000 * 2  # NTP_PHASE_LIMIT, and room for kernels that let it grow on


@pytest.mark.parametrize(("text", "verdict"), [("212992", WARNING), ("33554432", OK), ("none", WARNING)])
def test_a_small_receive_buffer_is_told(tmp_path: Path, text: str, verdict: Verdict) -> None:
    (tmp_path / "sys/net/core").mkdir(parents=True)
    (tmp_path / "sys/net/core/rmem_max").write_text(text)
    assert doctor.buffers(tmp_path).verdict is verdict


async def test_a_ping_is_really_sent() -> None:
    assert (await doctor.ping()).verdict is OK


def test_a_port_that_somebody_has_is_told_with_the_way_to_find_out_who() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", mine.getsockname()[1])
        taken = doctor.ear("traps", address, running=False)
        assert (taken.verdict, taken.cure[:2]) == (WARNING, "ss")
        assert doctor.ear("traps", address, running=True).verdict is OK
    assert doctor.ear("traps", address, running=False).verdict is OK
    assert doctor.ear("traps", None, running=False).verdict is OK


def test_a_look_at_a_port_does_not_keep_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", mine.getsockname()[1])
    for _ in range(3):
        assert doctor.ear("traps", address, running=False).verdict is OK


def test_the_disk_is_judged_where_the_state_will_lie_though_the_folder_is_not_there_yet(tmp_path: Path) -> None:
    room, state = doctor.disk(tmp_path / "var/lib/netwatch")
    assert room.verdict in (OK, WARNING)
    assert str(tmp_path) in room.what
    assert (state.check, state.verdict) == ("state", OK)


def test_a_database_on_a_network_file_system_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text(f"/dev/vda / ext4 rw 0 0\nnas:/nw {tmp_path} nfs4 rw 0 0\n")
    _, state = doctor.disk(tmp_path, tmp_path / "proc")
    assert state.verdict is ERROR
    assert "nfs4" in state.what


async def test_the_process_that_thinks_is_found_without_touching_its_lock(tmp_path: Path) -> None:
    database = tmp_path / "netwatch.db"
    assert doctor.holder(database) is None
    async with await Store.open(str(database)):
        assert doctor.holder(database) == os.getpid()
    assert doctor.holder(database) is None


async def test_a_store_is_opened_for_reading_only(tmp_path: Path) -> None:
    database = tmp_path / "netwatch.db"
    assert (await doctor.store(str(database))).verdict is WARNING
    assert not database.exists()
    async with await Store.open(str(database)):
        assert (await doctor.store(str(database))).verdict is OK


async def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    database = tmp_path / "netwatch.db"
    database.write_text("this was a database before the disk filled up" * 100)
    assert (await doctor.store(str(database))).verdict is ERROR


async def saying(status: str) -> tuple[asyncio.Server, Config]:
    """A server that says one thing to everybody, and a configuration that listens where it does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nstuck".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    return server, Config.model_validate({"web": {"listen": f"127.0.0.1:{port}"}})


@pytest.mark.parametrize(("status", "verdict"), [("200 OK", OK), ("503 Service Unavailable", ERROR)])
async def test_a_daemon_that_is_not_ready_is_an_error(status: str, verdict: Verdict) -> None:
    server, config = await saying(status)
    async with server:
        answer = await doctor.daemon(config, 4711)
    assert answer.verdict is verdict
    assert verdict is OK or "stuck" in answer.what


async def test_a_daemon_that_is_not_there_is_a_warning_and_one_that_does_not_answer_an_error() -> None:
    server, config = await saying("200 OK")
    server.close()
    await server.wait_closed()
    assert (await doctor.daemon(config, None)).verdict is WARNING
    assert (await doctor.daemon(config, 4711)).verdict is ERROR


def test_a_configuration_that_cannot_be_used_is_one_line_and_the_command_that_tells_all(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[site]\nzone = "Asia/Shangai"\nnam = "x"\n')
    done = CliRunner().invoke(main, ["doctor", "--json", "-c", str(path)])
    assert done.exit_code == 1
    (answer,) = (a for a in json.loads(done.stdout) if a["check"] == "configuration")
    assert (answer["verdict"], answer["cure"]) == ("error", f"netwatch check -c {path}")
    assert "and 1 more" in answer["what"]
