"""`netwatch probe` as people and programs call it, against an agent on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from netwatch.cli import main
from netwatch.wire.snmp import Tag, VarBind, ber, oid

ROWS = {
    "1.3.6.1.2.1.1.1.0": (Tag.OCTETS, b"a box"),
    "1.3.6.1.2.1.1.2.0": (Tag.OID, oid("1.3.6.1.4.1.4242")),
    "1.3.6.1.2.1.1.3.0": (Tag.TICKS, 812340),
    "1.3.6.1.2.1.1.5.0": (Tag.OCTETS, b"box-1"),
    "1.3.6.1.2.1.2.2.1.2.5": (Tag.OCTETS, b"GigabitEthernet0/0/1"),
    "1.3.6.1.2.1.2.2.1.7.5": (Tag.INTEGER, 1),
    "1.3.6.1.2.1.2.2.1.8.5": (Tag.INTEGER, 2),
}
VALUES = {oid(name): value for name, value in ROWS.items()}


@pytest.fixture
def port() -> Iterator[int]:
    """A v2c agent in a thread: the command has an event loop of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    order = sorted(VALUES)

    def serve() -> None:
        while True:
            data, peer = sock.recvfrom(65535)
            if not data:
                return
            message = ber.read_message(data)
            pdu = message.pdu
            if not isinstance(pdu, ber.Pdu) or message.community != b"public":
                continue
            if pdu.kind == ber.GET:
                out = [VarBind(vb.oid, *VALUES.get(vb.oid, (Tag.NO_SUCH_OBJECT, None))) for vb in pdu.varbinds]
            else:
                out = []
                for vb in pdu.varbinds:
                    name = next((n for n in order if n > vb.oid), None)
                    out.append(VarBind(name, *VALUES[name]) if name else VarBind(vb.oid, Tag.END_OF_MIB_VIEW, None))
            reply = ber.write_pdu(ber.RESPONSE, pdu.request_id, 0, 0, ber.write_varbinds(out))
            sock.sendto(ber.write_message(1, b"public", reply), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield sock.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
        stop.sendto(b"", sock.getsockname())
    thread.join()
    sock.close()


def probe(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["probe", *words])
    return done.exit_code, done.stdout, done.stderr


def test_json_is_one_object_with_what_was_read(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = probe("127.0.0.1", "--port", str(port), "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["sys_name"], told["sys_object_id"], told["uptime_seconds"]) == ("box-1", "1.3.6.1.4.1.4242", 8123.4)
    (row,) = told["ports"]
    assert (row["index"], row["name"], row["admin"], row["oper"]) == (5, "GigabitEthernet0/0/1", "up", "down")
    assert {
        "component": "GigabitEthernet0/0/1",
        "condition": "link",
        "state": "bad",
        "value": "admin up, oper down",
    } in told["observations"]
    assert {"sensors", "onus", "neighbours", "sessions", "power", "tests", "problems", "requests", "seconds"} <= set(
        told
    )
    assert told["requests"] > 0


def test_people_see_what_it_is_and_what_is_wrong(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = probe("127.0.0.1", "--port", str(port))
    assert status == 0
    assert "box-1: a box" in out
    assert "link bad: GigabitEthernet0/0/1" in out


def test_silence_is_unavailable_and_names_no_secret(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = probe(
        "127.0.0.1", "--port", str(port), "--community", "hush-hush", "--timeout", "0.05", "--json"
    )
    assert status == 69
    assert json.loads(out)["problems"]
    assert "silent" in err
    assert "access list or the credential" in err
    assert "hush" not in out + err


def test_community_and_credential_exclude_one_another() -> None:
    status, _, err = probe("127.0.0.1", "--community", "a", "--credential", "b")
    assert status == 2
    assert "exclude" in err


def test_a_credential_that_is_not_configured_is_a_usage_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("public")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "config.toml").write_text('[credentials.lab]\ncommunity = {file = "secret"}\n')
    status, _, err = probe("127.0.0.1", "--credential", "lba")
    assert status == 2
    assert 'did you mean "lab"?' in err


def test_a_credential_of_the_configuration_is_used(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("public")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "config.toml").write_text('[credentials.lab]\ncommunity = {file = "secret"}\n')
    status, out, err = probe("127.0.0.1", "--port", str(port), "--credential", "lab", "--json")
    assert status == 0, err
    assert json.loads(out)["sys_name"] == "box-1"
