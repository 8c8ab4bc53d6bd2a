"""What is heard may be broken or made up: it must fill neither our books nor our log."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.model import Device, Ledger, Link, Medium, Observation, Port, Role
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import MOST_HEARD, Names
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Oid, Tag, VarBind, ber, oid
from netwatch.wire.syslog import SyslogListener
from netwatch.wire.traps import MOST_OF_ONE, TrapListener
from netwatch.wire.traps.form import TRAP_OID

LINK_DOWN = oid("1.3.6.1.6.3.1.1.5.3")
POLLED = {1: "GE0/0/1", 2: "GigabitEthernet0/0/2"}


def trap(kind: Oid, *more: VarBind) -> bytes:
    varbinds = [VarBind(oid("1.3.6.1.2.1.1.3.0"), Tag.TICKS, 1), VarBind(TRAP_OID, Tag.OID, kind), *more]
    return ber.write_message(1, b"public", ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds(varbinds)))


def link_down(name: bytes, index: int = 77) -> bytes:
    return trap(
        LINK_DOWN,
        VarBind(oid(f"1.3.6.1.2.1.2.2.1.1.{index}"), Tag.INTEGER, index),
        VarBind(oid(f"1.3.6.1.2.1.2.2.1.7.{index}"), Tag.INTEGER, 1),
        VarBind(oid(f"1.3.6.1.2.1.2.2.1.8.{index}"), Tag.INTEGER, 2),
        VarBind(oid(f"1.3.6.1.2.1.2.2.1.2.{index}"), Tag.OCTETS, name),
    )


class Ear:
    """A listener with a sender at 127.0.0.1, which is R-1."""

    def __init__(self, listener: TrapListener, names: Names, inbox: Inbox, port: int, until: Any) -> None:
        self.listener, self.names, self.inbox, self.until = listener, names, inbox, until
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    async def hears(self, *datagrams: bytes) -> list[Observation]:
        for datagram in datagrams:
            before = self.listener.stats.heard
            self._socket.send(datagram)
            await self.until(lambda before=before: self.listener.stats.heard > before)
        facts = await self.inbox.take(1000, asyncio.get_running_loop().time())
        return [fact for fact in facts if isinstance(fact, Observation)]

    def close(self) -> None:
        self._socket.close()
        self.listener.close()


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles.load()


@pytest.fixture
async def ear(profiles: Profiles, ledger: Ledger, clock: Any, until: Any) -> AsyncIterator[Ear]:
    names, inbox = Names(ledger), Inbox()
    listener = TrapListener(names, profiles, inbox, clock)
    ear = Ear(listener, names, inbox, listener.open("127.0.0.1", 0), until)
    yield ear
    ear.close()


async def test_a_port_that_the_device_does_not_have_is_not_made_up_by_a_trap(ear: Ear) -> None:
    ear.names.number("R-1", POLLED)
    junk = [b"\xff\xfe\x00junk", b"GE9/9/9", "光".encode() * 50, b"  ", b"\x1b[31mred"]
    assert await ear.hears(*(link_down(name) for name in junk)) == []
    told = await ear.hears(link_down(b"GigabitEthernet0/0/1"), link_down(b"gi0/0/2"))
    assert {fact.component for fact in told} == {"GE0/0/1", "gi0/0/2"}


async def test_before_a_device_was_polled_what_looks_like_a_port_is_believed_up_to_a_number(ear: Ear) -> None:
    told = await ear.hears(*(link_down(b"GE0/0/1"), *(link_down(b"port %d" % n) for n in range(MOST_HEARD + 50))))
    assert len({fact.component for fact in told}) == MOST_HEARD + 1
    assert await ear.hears(link_down(b"\x01\x02\x03")) == []


async def test_a_link_in_the_ledger_is_always_believed(ear: Ear) -> None:
    ear.names.number("R-1", {5: "something else"})
    assert [fact.component for fact in await ear.hears(link_down(b"gi0/0/1"))] == ["GE0/0/1"]


async def test_syslog_makes_up_no_port_either(profiles: Profiles, ledger: Ledger, clock: Any) -> None:
    names, inbox = Names(ledger), Inbox()
    names.number("R-1", POLLED)
    listener = SyslogListener(names, profiles, inbox, clock)
    line = "%%01IFNET/4/IF_STATE(l)[4997]:Interface {} has turned into DOWN state."
    for name in ("GigabitEthernet9/9/9", "x" * 500, "GigabitEthernet0/0/2"):
        listener.hear(line.format(name).encode(), "127.0.0.1")
    assert [fact.component for fact in await inbox.take(9)] == ["GigabitEthernet0/0/2"]


async def test_notifications_that_nobody_knows_fill_neither_the_list_nor_the_log(
    ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unknown = [trap((*oid("1.3.6.1.4.1.99999.1.0"), n)) for n in range(3 * MOST_OF_ONE)]
    await ear.hears(*unknown, *unknown)
    stats = ear.listener.stats
    assert len(stats.unknown) == len(stats.samples) == MOST_OF_ONE
    assert stats.unkept == 4 * MOST_OF_ONE
    assert caplog.text.count("a notification that no profile knows") == MOST_OF_ONE


@given(st.lists(st.text(max_size=120), max_size=400))
def test_whatever_is_heard_of_one_device_stays_within_bounds(words: list[str]) -> None:
    box = Names(Ledger()).box("R-1")
    told = {box.component(word, of_ports=False) for word in words}
    assert len(told - {None, ""}) <= MOST_HEARD


def test_of_an_olt_every_onu_that_the_ledger_has_is_believed_however_many_there_are() -> None:
    olt, onus = Port("OLT-1", "gpon-0/1"), [f"ONU-{n}" for n in range(3 * MOST_HEARD)]
    devices = {onu: Device(onu, role=Role.ONU, notes={"serial": f"ZTEG-{onu}"}) for onu in onus}
    links = {onu: Link(onu, olt, Port(onu, "wan"), medium=Medium.PON) for onu in onus}
    box = Names(Ledger(devices={"OLT-1": Device("OLT-1")} | devices, links=links)).box("OLT-1")
    assert {box.onu("gpon-0/1", "", [f"zteg{onu}".replace("-", "")]) for onu in onus} == {
        f"gpon-0/1/{onu}" for onu in onus
    }
    assert box.onu("gpon-0/1", "7", ["of nobody", ""]) is None
