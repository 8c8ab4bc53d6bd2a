"""Traps as they come in: recorded and constructed ones through a real socket, and hostile octets."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Device, Ledger, Link, Observation, Port
from netwatch.wire.inbox import Inbox
from netwatch.wire.names import Names
from netwatch.wire.profile import Profiles
from netwatch.wire.snmp import Auth, Credential, Priv, Tag, Target, VarBind, Version, ber, oid, usm
from netwatch.wire.traps import TrapListener
from netwatch.wire.traps.form import TRAP_OID

TAGS = {
    "Integer32": Tag.INTEGER,
    "OctetString": Tag.OCTETS,
    "ObjectIdentifier": Tag.OID,
    "IpAddress": Tag.IP_ADDRESS,
    "Counter32": Tag.COUNTER32,
    "Gauge32": Tag.GAUGE32,
    "TimeTicks": Tag.TICKS,
    "Counter64": Tag.COUNTER64,
}


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles.load()


def varbinds(trap: dict[str, Any]) -> list[VarBind]:
    out: list[VarBind] = []
    for said in trap["varbinds"]:
        tag = TAGS.get(said["type"], Tag.INTEGER)
        raw = said.get("value")
        value: Any
        if "hex" in said:
            value = bytes.fromhex(said["hex"])
        elif raw is None:
            tag, value = Tag.NULL, None
        elif tag is Tag.OID:
            value = oid(raw)
        elif tag is Tag.IP_ADDRESS:
            value = socket.inet_aton(raw)
        elif tag is Tag.OCTETS:
            value = str(raw).encode()
        else:
            value = int(raw)
        out.append(VarBind(oid(said["oid"]), tag, value))
    return out


def v2_trap(bindings: list[VarBind], kind: int = ber.TRAP, community: bytes = b"public", number: int = 7) -> bytes:
    return ber.write_message(1, community, ber.write_pdu(kind, number, 0, 0, ber.write_varbinds(bindings)))


class Heard:
    """A listener on loopback and all that came of it."""

    def __init__(self, profiles: Profiles, ledger: Ledger, clock: Any, **more: Any) -> None:
        self.names, self.inbox, self.nudged = Names(ledger), Inbox(), list[str]()
        self.listener = TrapListener(self.names, profiles, self.inbox, clock, nudge=self.nudged.append, **more)
        self.port = self.listener.open("127.0.0.1", 0)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", self.port))
        self.sock.setblocking(False)

    async def send(self, data: bytes, until: Callable[..., Any]) -> list[tuple[str, str, str]]:
        before = self.listener.stats.heard
        self.sock.send(data)
        await until(lambda: self.listener.stats.heard > before)
        facts = await self.inbox.take(100) if self.inbox.depth else []
        return [(f.component, f.condition.value, f.state.value) for f in facts if isinstance(f, Observation)]


@pytest.fixture
async def heard(profiles: Profiles, ledger: Ledger, clock: Any) -> AsyncIterator[Heard]:
    heard = Heard(profiles, ledger, clock)
    ports = {54: "GE0/0/1", 60: "GigabitEthernet0/1/3", 101: "Ethernet1/42", 268501248: "gpon_olt-1/1/1"}
    heard.names.number("R-1", ports)
    yield heard
    heard.listener.close()
    heard.sock.close()


WHAT_THEY_MEAN = {
    "SNMPv2-MIB.coldStart": ("", "reboot", "bad"),
    "IF-MIB.linkDown": ("GE0/0/1", "link", "bad"),
    "IF-MIB.linkUp": ("GE0/0/1", "link", "ok"),
    "HUAWEI-IF-EXT-MIB.hwPhysicalAdminIfDown": ("GigabitEthernet0/1/3", "link", "bad"),
    "HUAWEI-IF-EXT-MIB.hwPhysicalAdminIfUp": ("GigabitEthernet0/1/3", "link", "ok"),
    "HUAWEI-BASE-TRAP-MIB.hwOpticalPowerAbnormal": ("XGigabitEthernet0/0/1", "optical", "bad"),
    "HUAWEI-BASE-TRAP-MIB.hwOpticalPowerResume": ("XGigabitEthernet0/0/1", "optical", "ok"),
    "HUAWEI-BASE-TRAP-MIB.hwPowerOff": ("POWER Card 0/PWR1", "supply", "bad"),
    "HUAWEI-BASE-TRAP-MIB.hwPowerOn": ("POWER Card 0/PWR1", "supply", "ok"),
    "HUAWEI-EPON-MIB.hwEponOltAlarmLosTrap": ("EPON 0/1/3", "los", "bad"),
    "HUAWEI-EPON-MIB.hwEponOltAlarmLosResumeTrap": ("EPON 0/1/3", "los", "ok"),
    "ZXGPON-SERVICE-MIB.zxGponOltLOSi": ("gpon_olt-1/1/1/7", "onu", "bad"),
    "ZXGPON-SERVICE-MIB.zxGponOltLosiRestore": ("gpon_olt-1/1/1/7", "onu", "ok"),
    "ZXGPON-SERVICE-MIB.zxGponOltDGi": ("gpon_olt-1/1/1/9", "dying_gasp", "bad"),
    "ZXGPON-SERVICE-MIB.zxGponOltDGiRestore": ("gpon_olt-1/1/1/9", "dying_gasp", "ok"),
    "HH3C-ENTITY-EXT-MIB.hh3cEntityExtSFPAlarmOn": ("40", "optical", "bad"),
    "HH3C-ENTITY-EXT-MIB.hh3cEntityExtSFPAlarmOff": ("40", "optical", "ok"),
    "HUAWEI-SITE-MONITOR-MIB.hwBattDischargeAlarmTraps": ("", "mains", "bad"),
    "HUAWEI-SITE-MONITOR-MIB.hwBattDischargeAlarmResumeTraps": ("", "mains", "ok"),
    "RAISECOM-OPTICAL-TRANSCEIVER-MIB.raisecomOpticalTransceiverRxLosAlarmTrap": None,
    "CISCO-RTTMON-MIB.rttMonTimeoutNotification": ("ipsla 10 LL-0007", "loss", "bad"),
    "BGP4-MIB.bgpBackwardTransNotification": ("bgp 192.0.2.66", "adjacency", "bad"),
}


@pytest.fixture(scope="session")
def constructed(corpus: Path) -> dict[str, dict[str, Any]]:
    return {t["id"]: t for t in json.loads((corpus / "traps" / "constructed.json").read_text("utf-8"))}


async def test_the_meaning_of_every_vendor_trap_is_known(
    constructed: dict[str, dict[str, Any]], heard: Heard, until: Any
) -> None:
    assert set(constructed) == set(WHAT_THEY_MEAN)
    for name, trap in constructed.items():
        meaning = WHAT_THEY_MEAN[name]
        assert await heard.send(v2_trap(varbinds(trap)), until) == ([meaning] if meaning else []), name
    assert not heard.listener.stats.unknown
    assert heard.listener.stats.garbled == 0
    assert len(heard.nudged) == len(constructed), "whatever a trap says, the device is polled"


async def test_every_recorded_trap_is_read_and_those_of_links_and_power_are_understood(
    corpus: Path, heard: Heard, until: Any
) -> None:
    recorded = json.loads((corpus / "traps" / "traps.json").read_text("utf-8"))
    said = {trap["id"]: await heard.send(v2_trap(varbinds(trap)), until) for trap in recorded}
    assert heard.listener.stats.garbled == 0
    assert said["BgpTrap.testBgpDown"][0][1:] == ("adjacency", "bad")
    assert said["BgpTrap.testBgpUp"][0][1:] == ("adjacency", "ok")
    assert said["OspfNbrStateChange.testOspfNbrDown"][0][1:] == ("adjacency", "bad")
    assert said["OspfNbrStateChange.testOspfNbrFull"][0][1:] == ("adjacency", "ok")
    assert said["UpsTrapOnBattery.testOnBattery"] == [("", "mains", "bad")]
    assert said["ApcOnBattery.testApcOnBattery"] == [("", "mains", "bad")]
    assert said["ApcPowerRestored.testApcPowerRestored"] == [("", "mains", "ok")]
    assert said["AdvaDyingGaspTrap.testDyingGasp"] == [("", "dying_gasp", "bad")]
    assert said["CieLinkDown.testCieLinkDown"][0][1] in ("link", "admin")
    assert said["CieLinkUp.testCieLinkUp"][0][1:] == ("link", "ok")
    assert said["JnxDomAlarm.testJnxDomAlarmSetTrap"][0][1:] == ("optical", "bad")
    assert said["JnxPowerSupply.testJnxPowerSupplyFailureTrap"][0][1:] == ("supply", "bad")


LINK_DOWN = [
    VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.6.3.1.1.5.3")),
    VarBind(oid("1.3.6.1.2.1.2.2.1.1.54"), Tag.INTEGER, 54),
]


async def test_a_link_taken_down_by_an_operator_is_no_link_fault(heard: Heard, until: Any) -> None:
    admin = VarBind(oid("1.3.6.1.2.1.2.2.1.7.54"), Tag.INTEGER, 2)
    assert await heard.send(v2_trap([*LINK_DOWN, admin]), until) == [("GE0/0/1", "admin", "bad")]


@pytest.mark.parametrize("oper", [1, 2])
async def test_the_operational_state_in_a_link_trap_decides_nothing(heard: Heard, until: Any, oper: int) -> None:
    told = VarBind(oid("1.3.6.1.2.1.2.2.1.8.54"), Tag.INTEGER, oper)
    assert await heard.send(v2_trap([*LINK_DOWN, told]), until) == [("GE0/0/1", "link", "bad")]


async def test_a_port_that_cannot_be_named_is_only_polled(heard: Heard, until: Any) -> None:
    stranger = [LINK_DOWN[0], VarBind(oid("1.3.6.1.2.1.2.2.1.1.99"), Tag.INTEGER, 99)]
    assert await heard.send(v2_trap(stranger), until) == []
    assert heard.nudged == ["R-1"]


async def test_a_v1_trap_means_what_its_v2_form_means(heard: Heard, until: Any) -> None:
    def v1(generic: int, specific: int, agent: bytes, enterprise: str = "1.3.6.1.4.1.9") -> bytes:
        body = (
            ber.write_oid(oid(enterprise))
            + ber.tlv(Tag.IP_ADDRESS, agent)
            + ber.write_int(generic)
            + ber.write_int(specific)
            + ber.write_int(100, Tag.TICKS)
            + ber.write_varbinds([LINK_DOWN[1]])
        )
        return ber.write_message(0, b"public", ber.tlv(ber.TRAP_V1, body))

    assert await heard.send(v1(2, 0, b"\0\0\0\0"), until) == [("GE0/0/1", "link", "bad")]
    assert await heard.send(v1(3, 0, b"\xc0\0\x02\x02"), until) == [], "it speaks for 192.0.2.2, which is R-2"
    assert heard.nudged == ["R-1", "R-2"]
    assert await heard.send(v1(6, 7, b"\0\0\0\0", "1.3.6.1.4.1.4242"), until) == []
    assert heard.listener.stats.unknown == {("R-1", oid("1.3.6.1.4.1.4242.0.7")): 1}


async def test_an_inform_is_answered(heard: Heard, until: Any) -> None:
    assert await heard.send(v2_trap(LINK_DOWN, ber.INFORM, number=4711), until) == [("GE0/0/1", "link", "bad")]
    reply = ber.read_message(await asyncio.get_running_loop().sock_recv(heard.sock, 2000))
    assert isinstance(reply.pdu, ber.Pdu)
    assert (reply.pdu.kind, reply.pdu.request_id, reply.pdu.status) == (ber.RESPONSE, 4711, 0)
    assert reply.pdu.varbinds == LINK_DOWN


async def test_a_wrong_community_is_counted_and_not_heard(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any
) -> None:
    heard = Heard(profiles, ledger, clock, communities=["right"])
    heard.names.number("R-1", {54: "GE0/0/1"})
    assert await heard.send(v2_trap(LINK_DOWN, community=b"wrong"), until) == []
    assert heard.listener.stats.refused == 1
    assert heard.nudged == []
    assert await heard.send(v2_trap(LINK_DOWN, community=b"right"), until) != []
    heard.listener.close()
    heard.sock.close()


async def test_a_stranger_is_counted_and_not_heard(profiles: Profiles, clock: Any, until: Any) -> None:
    heard = Heard(profiles, Ledger(), clock)
    assert await heard.send(v2_trap(LINK_DOWN), until) == []
    assert heard.listener.stats.strangers == {"127.0.0.1": 1}
    heard.listener.close()
    heard.sock.close()


V3 = {
    "noAuthNoPriv": (Credential(Version.V3, user="u"), []),
    "authNoPriv": (
        Credential(Version.V3, user="u", auth=Auth.SHA256, auth_key="an auth passphrase"),
        ["-a", "SHA-256", "-A", "an auth passphrase"],
    ),
    "authPriv": (
        Credential(
            Version.V3,
            user="u",
            auth=Auth.SHA1,
            auth_key="an auth passphrase",
            priv=Priv.AES128,
            priv_key="a priv passphrase",
        ),
        ["-a", "SHA", "-A", "an auth passphrase", "-x", "AES", "-X", "a priv passphrase"],
    ),
}


@pytest.mark.parametrize("level", V3)
@pytest.mark.parametrize("inform", [False, True], ids=["trap", "inform"])
async def test_net_snmp_is_heard_by_version_3(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any, tmp_path: Path, level: str, inform: bool
) -> None:
    program = shutil.which("snmptrap")
    if program is None:
        pytest.skip("Debian's package snmp is not installed: version 3 is not held against a real sender")
    user, words = V3[level]
    heard = Heard(profiles, ledger, clock, users=[user])
    heard.names.number("R-1", {54: "GE0/0/1"})
    kind = ["-Ci"] if inform else ["-e", "0x8000000001020304"]
    child = await asyncio.create_subprocess_exec(
        program, "-v3", *kind, "-l", level, "-u", "u", *words, f"127.0.0.1:{heard.port}", "",
        "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.54", "i", "54",
        env={"SNMP_PERSISTENT_DIR": str(tmp_path), "SNMPCONFPATH": str(tmp_path), "MIBS": "", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert await child.wait() == 0, "an inform must be answered"
    await until(lambda: heard.nudged)
    assert [(f.component, f.condition.value) for f in await heard.inbox.take(9) if isinstance(f, Observation)] == [
        ("GE0/0/1", "link")
    ]
    heard.listener.close()
    heard.sock.close()


@pytest.mark.parametrize(
    "sender",
    [
        Credential(Version.V3, user="u"),
        Credential(Version.V3, user="u", auth=Auth.SHA256, auth_key="another passphrase"),
        Credential(Version.V3, user="stranger", auth=Auth.SHA256, auth_key="an auth passphrase"),
    ],
    ids=["without the key", "with another key", "as somebody else"],
)
async def test_who_does_not_prove_himself_is_refused(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any, sender: Credential
) -> None:
    heard = Heard(profiles, ledger, clock, users=[V3["authNoPriv"][0]])
    pdu = ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds(LINK_DOWN))
    data = usm.seal(1, sender, usm.Peer(b"\x80\0\0\0\1abc", 1, 100), 0.0, b"", pdu, reportable=False)
    assert await heard.send(data, until) == []
    assert heard.listener.stats.refused == 1
    assert heard.nudged == []
    heard.listener.close()
    heard.sock.close()


async def test_an_old_trap_sent_again_is_refused(profiles: Profiles, ledger: Ledger, clock: Any, until: Any) -> None:
    user = V3["authNoPriv"][0]
    heard = Heard(profiles, ledger, clock, users=[user])
    heard.names.number("R-1", {54: "GE0/0/1"})
    pdu = ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds(LINK_DOWN))

    def at(boots: int, time: int) -> bytes:
        return usm.seal(1, user, usm.Peer(b"\x80\0\0\0\1abc", boots, time), 0.0, b"", pdu, reportable=False)

    assert await heard.send(at(5, 1000), until)
    assert await heard.send(at(5, 2000), until)
    assert await heard.send(at(5, 1000), until) == []
    assert heard.listener.stats.refused == 1
    assert await heard.send(at(0, 3), until), "boots that start again at zero are followed"
    heard.listener.close()
    heard.sock.close()


async def test_a_socket_that_is_bound_already_is_taken_over(
    profiles: Profiles, ledger: Ledger, clock: Any, until: Any
) -> None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    listener = TrapListener(Names(ledger), profiles, Inbox(), clock)
    assert listener.open(sock=bound) == bound.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(v2_trap(LINK_DOWN), bound.getsockname())
        await until(lambda: listener.stats.heard)
    listener.close()


async def test_a_storm_of_ten_thousand_is_heard_to_the_last(heard: Heard, until: Any) -> None:
    data = v2_trap(LINK_DOWN)
    loop = asyncio.get_running_loop()
    for n in range(10_000):
        await loop.sock_sendall(heard.sock, data)
        if n % 500 == 0:
            await asyncio.sleep(0)
    await until(lambda: heard.listener.stats.heard == 10_000)
    assert heard.listener.stats.observed == 10_000


def good_ones() -> list[bytes]:
    """Of every version and kind, known and unknown."""
    up = VarBind(oid("1.3.6.1.2.1.1.3.0"), Tag.TICKS, 5)
    strange = [up, VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.4.1.4242.0.7")), LINK_DOWN[1]]
    pdu = ber.write_pdu(ber.TRAP, 1, 0, 0, ber.write_varbinds([up, *LINK_DOWN]))
    peer = usm.Peer(b"\x80\0\0\0\1abc", 1, 100)
    body = ber.write_oid(oid("1.3.6.1.4.1.9")) + ber.tlv(Tag.IP_ADDRESS, bytes(4)) + ber.write_int(2) + ber.write_int(0)
    return [
        v2_trap(LINK_DOWN),
        v2_trap([up, *LINK_DOWN]),
        v2_trap([up, *LINK_DOWN], ber.INFORM),
        v2_trap(strange),
        ber.write_message(
            0, b"public", ber.tlv(ber.TRAP_V1, body + ber.write_int(9, Tag.TICKS) + ber.write_varbinds([LINK_DOWN[1]]))
        ),
        *(bytes(usm.seal(1, user, peer, 0.0, b"", pdu, reportable=False)) for user, _ in V3.values()),
    ]


@settings(max_examples=300)
@given(st.data())
def test_hostile_octets_raise_nothing(profiles: Profiles, data: st.DataObject) -> None:
    ledger = Ledger(
        devices={"R-1": Device("R-1", address="192.0.2.1")}, links={"L": Link("L", Port("R-1", "x"), Port("", ""))}
    )
    listener = TrapListener(Names(ledger), profiles, Inbox(), lambda: 0, users=[V3["authPriv"][0]])
    good = data.draw(st.sampled_from(good_ones()))
    for _ in range(3):  # what is remembered of it makes no difference
        listener._hear(good, ("192.0.2.1", 5000))
    octets = bytearray(good)
    for _ in range(data.draw(st.integers(0, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.none(), st.integers(0, len(octets))))
    listener._hear(data.draw(st.one_of(st.just(bytes(octets[:end])), st.binary(max_size=80))), ("192.0.2.1", 5000))
    stats = listener.stats
    counted = stats.observed + stats.garbled + stats.refused + stats.unknown.total() + stats.unkept
    assert stats.heard == 4
    assert counted <= 4


def test_targets_are_addresses_and_never_names() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Target("router.example", Credential(community="public"))


def trap_of(number: int, ticks: int, rest: list[VarBind], community: bytes = b"public") -> bytes:
    said = [VarBind(oid("1.3.6.1.2.1.1.3.0"), Tag.TICKS, ticks), *rest]
    return v2_trap(said, number=number, community=community)


async def test_a_port_goes_by_the_name_that_its_number_has_now(heard: Heard, until: Any) -> None:
    bindings = [
        VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.6.3.1.1.5.3")),
        VarBind(oid("1.3.6.1.2.1.2.2.1.1.54"), Tag.INTEGER, 54),
        VarBind(oid("1.3.6.1.2.1.2.2.1.7.54"), Tag.INTEGER, 1),
    ]
    for number in (1, 2):
        assert await heard.send(trap_of(number, number, bindings), until) == [("GE0/0/1", "link", "bad")]
    heard.names.number("R-1", {54: "GE0/0/9"})
    assert await heard.send(trap_of(3, 3, bindings), until) == [("GE0/0/9", "link", "bad")]
    assert heard.listener.stats.observed == 3
    assert len(heard.nudged) == 3


async def test_unknown_traps_that_repeat_are_counted_each_time(heard: Heard, until: Any) -> None:
    unknown = [VarBind(TRAP_OID, Tag.OID, oid("1.3.6.1.4.1.99999.0.1"))]
    for number in (1, 2, 3):
        await heard.send(trap_of(number, number, unknown), until)
    assert heard.listener.stats.unknown["R-1", oid("1.3.6.1.4.1.99999.0.1")] == 3
