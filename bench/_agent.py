"""Agents for the measurements: `agent.c` where there is a compiler, else in Python, slower and a little simpler."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from netwatch.wire import udp
from netwatch.wire.snmp import Auth, Credential, Oid, Priv, Tag, VarBind, Version, ber, oid, usm

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "netwatch-bench"
COLUMN = oid("1.3.6.1.2.1.2.2.1.10")
ENGINE_ID = b"\x80\0\0\0\1bench"
V2C = Credential(community="public")
V3 = Credential(
    Version.V3,
    user="bench",
    auth=Auth.SHA1,
    auth_key="an auth passphrase",
    priv=Priv.AES128,
    priv_key="a priv passphrase",
)
"""One user and one engine id everywhere: what is measured is the request, not the making of keys."""


def compiled() -> Path | None:
    """`agent.c` as a program, built anew when its source is newer; None where it cannot be built."""
    source, program = Path(__file__).with_name("agent.c"), CACHE / "agent"
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    if compiler is None:
        print("no C compiler: the agents are in Python, and whoever is measured waits for them more often")
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [compiler, "-O2", "-o", program, source, "-l:libcrypto.so.3"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        print(f"agent.c does not compile here, the agents are in Python: {done.stderr.strip().splitlines()[-1]}")
        return None
    return program


def apart(pid: int, core: int) -> None:
    """Keep a process on one core, and before other work there if we may: else the two sides push one another around."""
    os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[core]})
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


@contextlib.contextmanager
def agents(
    ports: int = 39,
    most: int = 40,
    *,
    loss: float = 0.0,
    slow: tuple[str, str] = ("0.0.0.0", "0.0.0.0"),
    slow_ms: int = 0,
    before: tuple[str, ...] = (),
) -> Iterator[int]:
    """The UDP port on which every address of 127/8 answers as a box with so many `ports`, while the block runs.

    `most` values in one GETBULK answer; `loss` in per cent; `slow` from and to which address; `before`: a command line
    that goes before the agent's.
    """
    program = compiled()
    if program is None:
        with _in_python(ports, most) as port:
            yield port
        return
    auth, priv = usm.auth_key(V3, ENGINE_ID), usm.priv_key(V3, ENGINE_ID)
    line = [*before, program, ports, most, ENGINE_ID.hex(), auth.hex(), priv.hex(), loss, *slow, slow_ms]
    with subprocess.Popen([str(word) for word in line], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        apart(child.pid, -1)
        try:
            yield int(child.stdout.readline())
        finally:
            child.kill()


@contextlib.contextmanager
def _in_python(ports: int, most: int) -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_respond, args=(theirs, ports, most), daemon=True)
    child.start()
    try:
        yield ours.recv()
    finally:
        child.kill()


def _respond(pipe: Connection, ports: int, most: int) -> None:
    """Counters for all names asked; one column of `ports` rows for GETBULK."""
    sock = udp.roomy(__import__("socket").socket(2, 2))
    sock.setblocking(True)
    sock.setsockopt(0, 8, 1)  # IP_PKTINFO: answer from the address that was asked
    sock.bind(("0.0.0.0", 0))
    pipe.send(sock.getsockname()[1])
    here, turn = usm.Peer(ENGINE_ID, 1, 1000), 0
    while True:
        data, control, _, peer = sock.recvmsg(65535, 64)
        turn += 1
        if ber.version_of(data) != 3:
            asked = ber.read_message(data).pdu
            reply = ber.write_message(1, b"public", _answer(asked, turn, ports, most))
        else:
            message = usm.read(data)
            if message.engine_id:
                pdu = _answer(usm.open_message(data, message, V3).pdu, turn, ports, most)
                reply = usm.seal(message.message_id, V3, here, 0.0, b"", pdu, reportable=False)
            else:
                counter = [VarBind((*usm.USM_STATS, usm.UNKNOWN_ENGINE, 0), Tag.COUNTER32, 1)]
                pdu = ber.write_pdu(ber.REPORT, 0, 0, 0, ber.write_varbinds(counter))
                reply = usm.seal(message.message_id, None, here, 0.0, b"", pdu, reportable=False)
        sock.sendmsg([reply], control, 0, peer)


def _answer(asked: ber.Pdu | ber.TrapV1, turn: int, ports: int, most: int) -> bytes:
    assert isinstance(asked, ber.Pdu)
    names: list[Oid] = [vb.oid for vb in asked.varbinds]
    if asked.kind == ber.GETBULK:
        names = [(*COLUMN, n) for n in range(1, ports + 1)] + [(*COLUMN[:-1], 11, 1)]
        names = names[: min(most, asked.place)]
    out = [VarBind(name, Tag.COUNTER32, (name[-1] * 2654435761 + turn) & 0xFFFFFFFF) for name in names]
    return ber.write_pdu(ber.RESPONSE, asked.request_id, 0, 0, ber.write_varbinds(out))
