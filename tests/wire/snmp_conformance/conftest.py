"""A real net-snmp agent on loopback for every engine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netwatch.wire.snmp import Auth, Credential, Priv, Snmp, Target, Version, open_snmp

SNMPD = shutil.which("snmpd", path=os.environ.get("PATH", "") + ":/usr/sbin")
ENGINES = ["native", "pysnmp"]

_AUTH = {Auth.MD5: "MD5", Auth.SHA1: "SHA", Auth.SHA224: "SHA-224", Auth.SHA256: "SHA-256", Auth.SHA384: "SHA-384",
         Auth.SHA512: "SHA-512"}  # fmt: skip
_PRIV = {Priv.DES: "DES", Priv.AES128: "AES"}
"""What Debian's net-snmp is built with; AES-192 and AES-256 are held against pysnmp in test_usm."""

USERS = [
    Credential(
        Version.V3,
        user=f"u{auth}{priv or ''}",
        auth=auth,
        auth_key="an auth passphrase",
        priv=priv,
        priv_key="a priv passphrase" if priv else "",
    )
    for auth in Auth
    for priv in (None, *_PRIV)
]


@dataclass(frozen=True)
class Snmpd:
    port: int

    def target(self, credential: Credential, timeout: float = 2.0, retries: int = 1) -> Target:
        return Target("127.0.0.1", credential, self.port, timeout=timeout, retries=retries)


@pytest.fixture(scope="session")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    if SNMPD is None:
        pytest.skip("Debian's package snmpd is not installed: the engines are not held against a real agent")
    folder: Path = tmp_path_factory.mktemp("snmpd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = ["rocommunity public", "sysName conformance", "sysLocation here", "sysServices 72", "rouser unobody noauth"]
    lines.append("createUser unobody")
    for user in USERS:
        assert user.auth is not None
        secret = f' {_PRIV[user.priv]} "{user.priv_key}"' if user.priv else ""
        lines.append(f'createUser {user.user} {_AUTH[user.auth]} "{user.auth_key}"{secret}')
        lines.append(f"rouser {user.user} {'priv' if user.priv else 'auth'}")
    config = folder / "snmpd.conf"
    config.write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "MIBS": ""}
    log = (folder / "log").open("wb")
    command = [SNMPD, "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux", f"udp:127.0.0.1:{port}"]
    child = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        _wait(child, folder / "log", port)
        yield Snmpd(port)
    finally:
        child.terminate()
        child.wait(10)
        log.close()


def _wait(child: subprocess.Popen[bytes], log: Path, port: int) -> None:
    """Until it answers: a v2c GET of sysName.0 by hand."""
    ask = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010105000500")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.1)
        for _ in range(200):
            assert child.poll() is None, log.read_text()
            try:
                sock.sendto(ask, ("127.0.0.1", port))
                sock.recv(2000)
            except TimeoutError:
                continue
            except ConnectionError:
                time.sleep(0.05)
                continue
            return
    raise AssertionError(f"snmpd does not answer: {log.read_text()}")


@pytest.fixture(params=ENGINES)
async def door(request: pytest.FixtureRequest) -> AsyncIterator[Snmp]:
    door = open_snmp(request.param)
    yield door
    await door.close()
