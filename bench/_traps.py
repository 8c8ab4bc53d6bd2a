"""The traps that `traps.py` sends, by sort, and how: from a process of its own, by the addresses of all devices."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from _agent import ENGINE_ID
from _agent import V3 as AUTH_PRIV

from netwatch.wire.snmp import Auth, Credential, Tag, VarBind, Version, ber, oid, usm
from netwatch.wire.traps.form import SNMP_TRAPS, SYS_UPTIME, TRAP_OID

AUTH = Credential(Version.V3, user="bench-auth", auth=Auth.SHA256, auth_key="an auth passphrase")
USERS = (AUTH, AUTH_PRIV)
FEW, MANY, PORTS, ONUS = 100, 20_000, 48, 4
PON = 268_501_248
IF_INDEX, IF_ADMIN, IF_OPER = (oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 7, 8))
IF_ALIAS = oid("1.3.6.1.2.1.31.1.1.1.18")
ENTITY, ENTITY_NAME = oid("1.3.6.1.2.1.47.1.1.1.1.4"), oid("1.3.6.1.2.1.47.1.1.1.1.7")
OPTICAL, REASON = oid("1.3.6.1.4.1.2011.5.25.129.2.17.1"), oid("1.3.6.1.4.1.2011.5.25.129.1.5.0")
BGP_DOWN, BGP_PEER = oid("1.3.6.1.2.1.15.0.2"), oid("1.3.6.1.2.1.15.3.1")
GASP, ONT = oid("1.3.6.1.4.1.3902.1012.3.45.123"), oid("1.3.6.1.4.1.3902.1012.3.28.1.1")
STRANGE = oid("1.3.6.1.4.1.4242.7.0.1")


def address(device: int) -> str:
    return f"127.3.{device >> 8}.{device & 255}"


def names() -> dict[int, str]:
    """What the number of each port of every device stands for."""
    return {n: f"GE0/0/{n}" for n in range(1, PORTS + 1)} | {PON + n: f"gpon-0/1/{n}" for n in range(8)}


Kind: TypeAlias = tuple[tuple[int, ...], list[VarBind]]


def link(chance: random.Random, alias: bytes) -> Kind:
    """linkDown or linkUp of any port, as many boxes send it."""
    port, up = chance.randrange(PORTS) + 1, chance.randrange(2)
    return (*SNMP_TRAPS, 3 + up), [
        VarBind((*IF_INDEX, port), Tag.INTEGER, port),
        VarBind((*IF_ADMIN, port), Tag.INTEGER, 1),
        VarBind((*IF_OPER, port), Tag.INTEGER, 2 - up),
        VarBind((*IF_ALIAS, port), Tag.OCTETS, alias),
    ]


def optical(chance: random.Random, number: int) -> Kind:
    """hwOpticalPowerAbnormal and its end."""
    entity, name = 67_371_008 + chance.randrange(PORTS), b"XGigabitEthernet0/0/%d" % (chance.randrange(PORTS) + 1)
    return (*OPTICAL[:-1], chance.choice((1, 2))), [
        VarBind((*ENTITY, entity), Tag.INTEGER, entity),
        VarBind((*ENTITY_NAME, entity), Tag.OCTETS, name),
        VarBind((*REASON[:-2], 4, 0), Tag.OCTETS, name),
        VarBind(REASON, Tag.OCTETS, b"Rx power is too low: -%d.%02d dBm (%d)" % (*divmod(number, 100), number)),
    ]


def neighbour(chance: random.Random, _: int) -> Kind:
    """bgpEstablished or bgpBackwardTransition of any of 100 neighbours."""
    peer = (10, 255, 0, chance.randrange(100))
    return (*BGP_DOWN[:-1], chance.choice((1, 2))), [
        VarBind((*BGP_PEER, 7, *peer), Tag.IP_ADDRESS, bytes(peer)),
        VarBind((*BGP_PEER, 14, *peer), Tag.OCTETS, chance.randbytes(2)),
        VarBind((*BGP_PEER, 2, *peer), Tag.INTEGER, chance.randrange(6) + 1),
    ]


def onu(chance: random.Random, number: int) -> Kind:
    """A dying gasp of any ONU of a PON port, or its end."""
    port, place = PON + chance.randrange(8), chance.randrange(ONUS)
    return (*GASP[:-1], chance.choice((123, 124))), [
        VarBind((*IF_INDEX, port), Tag.INTEGER, port),
        VarBind((*ONT, 2, port, place), Tag.OCTETS, b"ONU-%d" % place),
        VarBind((*ONT, 1, port, place), Tag.OCTETS, chance.choice((b"F601", b"F660V5.2", b"F623"))),
        VarBind((*ONT, 3, port, place), Tag.OCTETS, b"leased line %d" % number),
    ]


def long(chance: random.Random, number: int) -> Kind:
    """linkDown or linkUp among twenty varbinds, with texts of all lengths."""
    name, bindings = link(chance, b"customer %d" % number)
    port = bindings[0].oid[-1]
    for column in (2, 3, 4, 5, 6, 9, 10, 11, 13, 14, 16, 17, 19, 20):
        bindings.append(VarBind((*IF_INDEX[:-1], column, port), Tag.GAUGE32, chance.getrandbits(24)))
    bindings.append(VarBind((*IF_ALIAS[:-1], 19, port), Tag.OCTETS, b"x" * chance.randrange(40)))
    bindings.append(VarBind((*STRANGE, port), Tag.OCTETS, b"y" * chance.randrange(40)))
    return name, bindings


def pdu(kind: Kind, number: int) -> bytes:
    name, bindings = kind
    head = [VarBind(SYS_UPTIME, Tag.TICKS, 1_000_000 + number), VarBind(TRAP_OID, Tag.OID, name)]
    return ber.write_pdu(ber.TRAP, number, 0, 0, ber.write_varbinds([*head, *bindings]))


def v2c(kind: Kind, number: int) -> bytes:
    return ber.write_message(1, b"public", pdu(kind, number))


def v1(kind: Kind, number: int) -> bytes:
    name, bindings = kind
    body = ber.write_oid(oid("1.3.6.1.4.1.2011.2.23")) + ber.tlv(Tag.IP_ADDRESS, bytes(4))
    body += ber.write_int(name[-1] - 1) + ber.write_int(0) + ber.write_int(1_000_000 + number, Tag.TICKS)
    return ber.write_message(0, b"public", ber.tlv(ber.TRAP_V1, body + ber.write_varbinds(bindings)))


def v3(user: Credential, kind: Kind, number: int, device: int) -> bytes:
    engine = ENGINE_ID + user.user.encode() + device.to_bytes(2, "big")  # else the clock of one goes back for the other
    peer = usm.Peer(engine, 3, 1_000_000 + number // 100)
    return bytes(usm.seal(number, user, peer, 0.0, b"", pdu(kind, number), reportable=False))


class Sort(NamedTuple):
    make: Callable[[random.Random, int, int], bytes]
    """A trap, of its number and its device's."""
    devices: int = FEW


SORTS = {
    "heard before": Sort(lambda chance, n, _: v2c(link(chance, b"uplink"), n)),
    "each another": Sort(lambda chance, n, _: v2c(link(chance, b"%09d" % n), n)),
    "each of another device": Sort(lambda chance, n, _: v2c(link(chance, b"customer %d" % n), n), MANY),
    "by v1": Sort(lambda chance, n, _: v1(link(chance, b"%09d" % n), n)),
    "optics, BGP, ONUs": Sort(lambda chance, n, _: v2c(chance.choice((optical, neighbour, onu))(chance, n), n)),
    "of twenty varbinds": Sort(lambda chance, n, _: v2c(long(chance, n), n)),
    "that no profile knows": Sort(lambda chance, n, _: v2c((STRANGE, link(chance, b"%09d" % n)[1]), n)),
    "by v3 with SHA-256": Sort(lambda chance, n, device: v3(AUTH, link(chance, b"%09d" % n), n, device)),
    "by v3 with SHA-1 and AES": Sort(lambda chance, n, device: v3(AUTH_PRIV, link(chance, b"%09d" % n), n, device)),
}


def storm(port: int, count: int, sort: str, seed: int) -> None:
    """Make all, then send all, each from its device's own address."""
    chance, (make, devices) = random.Random(seed), SORTS[sort]
    work: list[tuple[list[bytes], list[tuple[int, int, bytes]]]] = []
    for number in range(seed * count, (seed + 1) * count):
        device = number % devices if devices == MANY else chance.randrange(devices)
        source = struct.pack("=I4s4s", 0, socket.inet_aton(address(device)), bytes(4))
        work.append(([make(chance, number, device)], [(socket.IPPROTO_IP, 8, source)]))  # IP_PKTINFO
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for data, source in work:
            sock.sendmsg(data, source)
