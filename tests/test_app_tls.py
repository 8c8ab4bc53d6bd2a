"""Syslog over TLS in the daemon: another certificate by a reload, and a bad one told with its place."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "wire"))  # where tls_authority lies

from tls_authority import Authority

from netwatch.app import App
from netwatch.cli.check import examine

CONFIG = """
[poll]
interval_seconds = 3600
[poll.ping]
interval_seconds = 0
[listen]
traps = ""
syslog = ""
syslog_tcp = "[::]:0"
syslog_tls = "[::]:0"
tls_cert = "tls/cert.pem"
tls_key = "tls/key.pem"
[web]
listen = "127.0.0.1:0"
"""
DOWN = b"<29>R-1 %%01IFNET/4/IF_STATE(l)[4997]:Interface GigabitEthernet0/0/1 has turned into DOWN state.\n"


def authority(folder: Path, name: str) -> Authority:
    (folder / name).mkdir()
    return Authority(folder / name)


def put(it: Authority, folder: Path) -> None:
    """Its certificate is the listener's from now on."""
    cert, key = it.issue("listener")
    shutil.copy(cert, folder / "tls" / "cert.pem")
    shutil.copy(key, folder / "tls" / "key.pem")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "tls").mkdir()
    (tmp_path / "ledger").mkdir()
    tables = {
        "sites": "site\nS-1",
        "devices": "device,role,site,address\nR-1,access,S-1,127.0.0.1",
        "links": "link,a_device,a_port,z_device,z_port,medium",
        "customers": "customer,name",
        "circuits": "circuit,customer,product,a_device,z_device,working",
        "teams": "team,skills",
    }
    for name, text in tables.items():
        (tmp_path / "ledger" / f"{name}.csv").write_text(f"{text}\n")
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path / "config.toml"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - logs and counters set no event
        await asyncio.sleep(0.02)


async def shown(port: int, context: ssl.SSLContext) -> bool:
    """A sender that trusts only `context` is understood."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except ssl.SSLError:
        return False
    writer.write(DOWN)
    await writer.drain()
    writer.transport.abort()
    return True


async def test_another_certificate_is_taken_up_by_a_reload_and_a_bad_one_is_refused(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = authority(site.parent, "first"), authority(site.parent, "second")
    put(first, site.parent)
    app = App(site)
    async with asyncio.timeout(100):
        life = asyncio.create_task(app.run())
        await asyncio.wait({life, asyncio.create_task(app.ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        port = app.addresses["syslog_tls"][1]
        assert await shown(port, first.client())
        assert not await shown(port, second.client())
        _, plain = await asyncio.open_connection("127.0.0.1", app.addresses["syslog_tcp"][1])
        plain.write(DOWN)
        await until(lambda: app.ears.syslog.observed == 2)

        (site.parent / "tls" / "key.pem").write_text("no key")
        app.reload()
        await until(lambda: "reload refused" in caplog.text)
        assert "listen.tls_cert" in caplog.text
        assert await shown(port, first.client()), "what ran goes on"

        put(second, site.parent)
        caplog.set_level(logging.INFO)
        app.reload()
        await until(lambda: "reloaded:" in caplog.text)
        assert await shown(port, second.client())
        assert not await shown(port, first.client())
        plain.write(DOWN)
        await until(lambda: app.ears.syslog.observed == 5)
        plain.transport.abort()
        app.stop()
        await life


def test_check_tells_what_is_wrong_with_a_certificate(site: Path) -> None:
    it = authority(site.parent, "first")
    assert any("tls_cert" in str(finding) for finding in examine(site))
    put(it, site.parent)
    assert not any("tls" in str(finding) for finding in examine(site))
    other = authority(site.parent, "other").issue("x")[1]
    shutil.copy(other, site.parent / "tls" / "key.pem")
    (finding,) = [f for f in examine(site) if "tls" in str(f)]
    assert "config.toml:11" in finding.place
    assert "belong together" in finding.cure
    site.write_text(CONFIG.replace('tls_cert = "tls/cert.pem"\ntls_key = "tls/key.pem"\n', ""))
    assert any("syslog_tls needs tls_cert and tls_key" in str(finding) for finding in examine(site))
