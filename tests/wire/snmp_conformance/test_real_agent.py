"""Every engine against net-snmp's snmpd."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from netwatch.wire.snmp import (
    ABSENT,
    Auth,
    AuthError,
    Budget,
    Credential,
    NoAnswerError,
    Priv,
    Snmp,
    Tag,
    Version,
    oid,
)

V1, V2C = Credential(Version.V1, "public"), Credential(Version.V2C, "public")
NOBODY = Credential(Version.V3, user="unobody")
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
    for priv in (None, Priv.DES, Priv.AES128)
]
EVERYBODY = [V1, V2C, NOBODY, *USERS]
NAME, DESCR, OBJECT_ID, UPTIME = (oid(f"1.3.6.1.2.1.1.{n}.0") for n in (5, 1, 2, 3))
MISSING = oid("1.3.6.1.2.1.1.99.0")


def who(credential: Credential) -> str:
    return f"v{credential.version}-{credential.auth or 'noauth'}-{credential.priv or 'nopriv'}"


@pytest.mark.parametrize("credential", EVERYBODY, ids=who)
async def test_objects_come_in_the_order_asked_with_their_types(snmpd: Any, door: Snmp, credential: Credential) -> None:
    name, missing, uptime, what = await door.get(snmpd.target(credential), [NAME, MISSING, UPTIME, OBJECT_ID])
    assert (name.oid, name.tag, name.value) == (NAME, Tag.OCTETS, b"conformance")
    assert missing.oid == MISSING
    assert missing.tag in ABSENT
    assert missing.value is None
    assert uptime.tag is Tag.TICKS
    assert isinstance(uptime.value, int)
    assert what.tag is Tag.OID
    assert isinstance(what.value, tuple)
    assert what.value[:7] == oid("1.3.6.1.4.1.8072")


@pytest.mark.parametrize("credential", [V1, V2C, NOBODY, USERS[-1]], ids=who)
async def test_a_walk_gives_everything_under_its_root_in_order(snmpd: Any, door: Snmp, credential: Credential) -> None:
    rows = await door.walk(snmpd.target(credential), oid("1.3.6.1.2.1.1"))
    assert [vb.oid for vb in rows] == sorted(vb.oid for vb in rows)
    assert all(vb.oid[:7] == oid("1.3.6.1.2.1.1") for vb in rows)
    assert {NAME, DESCR, UPTIME} <= {vb.oid for vb in rows}


async def test_columns_side_by_side_are_what_walks_one_by_one_are(snmpd: Any, door: Snmp) -> None:
    roots = [oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2, 7, 8)]
    target = snmpd.target(V2C)
    together = await door.columns(target, roots)
    for root in roots:
        assert together[root] == await door.walk(target, root)
        assert together[root]


async def test_a_large_walk_takes_few_requests(snmpd: Any, door: Snmp) -> None:
    budget = Budget()
    rows = await door.walk(snmpd.target(V2C), oid("1.3.6.1.2.1"), budget)
    assert len(rows) > 300
    assert budget.requests < len(rows) / 10


async def test_a_wrong_community_is_silence(snmpd: Any, door: Snmp) -> None:
    with pytest.raises(NoAnswerError):
        await door.get(snmpd.target(Credential(community="wrong"), timeout=0.1, retries=0), [NAME])


WRONG = {
    "user": dataclasses.replace(USERS[0], user="stranger"),
    "auth key": dataclasses.replace(USERS[0], auth_key="another passphrase"),
    "auth protocol": dataclasses.replace(USERS[3], auth=Auth.MD5),
    "level": Credential(Version.V3, user=USERS[0].user),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_refusal_is_told_apart_from_silence(snmpd: Any, door: Snmp, wrong: str) -> None:
    with pytest.raises(AuthError) as refused:
        await door.get(snmpd.target(WRONG[wrong], timeout=1.0, retries=0), [NAME])
    assert "passphrase" not in str(refused.value)


async def test_a_wrong_privacy_key_never_gives_an_answer(snmpd: Any, door: Snmp) -> None:
    wrong = dataclasses.replace(USERS[2], priv_key="another passphrase")
    with pytest.raises((AuthError, NoAnswerError)):
        await door.get(snmpd.target(wrong, timeout=0.3, retries=0), [NAME])


async def test_many_questions_at_once_get_each_their_own_answer(snmpd: Any, door: Snmp) -> None:
    target = snmpd.target(V2C)
    names = [oid(f"1.3.6.1.2.1.1.{n}.0") for n in range(1, 8)]
    one_by_one = [(await door.get(target, [name]))[0] for name in names]
    together = await asyncio.gather(*(door.get(target, [name]) for name in names * 5))
    for (answer,), name in zip(together, names * 5, strict=True):
        assert answer.oid == name
        if name != UPTIME:
            assert answer == one_by_one[names.index(name)]
