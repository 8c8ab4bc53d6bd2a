"""What is remembered of the outside of v3's traps changes nothing of what is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.wire.snmp import Auth, Credential, Oid, Priv, Tag, VarBind, Version, ber, usm
from netwatch.wire.traps.form import TRAP_OID
from netwatch.wire.traps.users import MOST_ENVELOPES, WINDOW, TrapUsers

OPEN = Credential(Version.V3, user="open")
AUTH = Credential(Version.V3, user="auth", auth=Auth.SHA256, auth_key="an auth passphrase")
AES, DES = (
    Credential(Version.V3, user=priv, auth=Auth.SHA1, auth_key="a passphrase", priv=priv, priv_key="another one")
    for priv in (Priv.AES128, Priv.DES)
)
USERS = (OPEN, AUTH, AES, DES)
ENGINE = usm.Peer(b"\x80\0\0\0\1abc", 5, 1000)


def trap(user: Credential, value: int | bytes = 1, time: int = 1000, number: int = 7, **more: Any) -> bytes:
    name: Oid = (1, 3, 6, 1, 4, 1, 99, 0, 1)
    tag = Tag.OCTETS if isinstance(value, bytes) else Tag.INTEGER
    listed = [VarBind((1, 3, 6, 1, 2, 1, 1, 3, 0), Tag.TICKS, 5), VarBind(TRAP_OID, Tag.OID, name)]
    pdu = ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds([*listed, VarBind(name, tag, value)]))
    return bytes(usm.seal(number, user, replace(ENGINE, time=time, **more), 0.0, b"", pdu, reportable=False))


def heard(users: TrapUsers, data: bytes) -> Any:
    try:
        return users.open(data, "192.0.2.1")[0]
    except ber.BerError:
        return "refused"


@settings(max_examples=200)
@given(st.sampled_from(USERS), st.data())
def test_whatever_becomes_of_its_octets_a_trap_is_taken_as_if_it_were_the_first(
    user: Credential, draw: st.DataObject
) -> None:
    first = trap(user, b"GE0/0/1")
    learnt = TrapUsers(USERS, lambda: 0.0)
    assert heard(learnt, first) != "refused"
    octets = bytearray(
        trap(user, draw.draw(st.sampled_from([b"GE0/0/1", b"GE0/0/2"])), draw.draw(st.integers(900, 2000)))
    )
    for _ in range(draw.draw(st.integers(0, 2))):
        octets[draw.draw(st.integers(0, len(octets) - 1))] = draw.draw(st.integers(0, 255))
    assert heard(learnt, bytes(octets)) == heard(TrapUsers(USERS, lambda: 0.0), bytes(octets))


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.user)
def test_traps_that_follow_are_opened_without_reading_their_outside(
    user: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = TrapUsers(USERS, lambda: 0.0)
    heard(users, trap(user, 1, 1000, 1000))
    monkeypatch.setattr(usm, "read", None)
    for value in range(2, 100):
        notice = heard(users, trap(user, value, 1000 + value, 1000 + value))
        assert notice[2].endswith(bytes((2, 1, value)))


def test_an_envelope_of_another_start_or_key_is_none_of_ours() -> None:
    users = TrapUsers(USERS, lambda: 0.0)
    assert heard(users, trap(AUTH)) != "refused"
    assert heard(users, trap(replace(AUTH, auth_key="another passphrase"))) == "refused"
    assert heard(users, trap(AUTH, time=1000 + WINDOW + 1, boots=6)) != "refused"
    assert heard(users, trap(AUTH, time=1000, boots=6)) == "refused", "old"


def test_whoever_proves_nothing_fills_no_memory() -> None:
    users = TrapUsers([AUTH], lambda: 0.0)
    for n in range(100):
        assert heard(users, trap(replace(AUTH, auth_key=f"a guessed key {n}"), b"x" * n)) == "refused"
    assert not users._envelopes
    for n in range(MOST_ENVELOPES + 10):
        users._envelopes["192.0.2.2", n] = None  # type: ignore[assignment]
    assert heard(users, trap(AUTH)) != "refused"
    assert len(users._envelopes) == 1
