"""What nobody should send to a monitoring system, sent from the routers' own addresses."""

from __future__ import annotations

import random
import socket

from metro import namespaces
from metro.namespaces import enter, inside
from metro.plan import COMMUNITY, NMS_ADDRESS, NODES

_SNMP_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"


def barrage(node: str, datagrams: int) -> None:
    """Datagrams to port 162 of the room: noise, traps cut short, traps with bytes changed, lengths that lie."""
    rng = random.Random(node)
    with inside(node), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind((NODES[node].address, 0))
        for _ in range(datagrams):
            mouth.sendto(_hostile(rng), (NMS_ADDRESS, 162))


def false_link_down(node: str) -> None:
    """A well-formed linkDown of the node's first port, which is up."""
    port = NODES[node].ends[0][1].port
    namespaces.run(
        *enter(node),
        *("snmptrap", "-v2c", "-c", COMMUNITY, f"--clientaddr={NODES[node].address}", f"{NMS_ADDRESS}:162", ""),
        "1.3.6.1.6.3.1.1.5.3",
        *("1.3.6.1.2.1.2.2.1.1.2", "i", "2"),
        *("1.3.6.1.2.1.2.2.1.7.2", "i", "1"),
        *("1.3.6.1.2.1.2.2.1.8.2", "i", "2"),
        *("1.3.6.1.2.1.31.1.1.1.1.2", "s", port),
    )


def _hostile(rng: random.Random) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 1400))
    if kind == 1:
        trap = rng.choice(_TRAPS)
        return trap[: rng.randrange(len(trap))]
    if kind == 2:
        spoilt = bytearray(rng.choice(_TRAPS))
        for _ in range(rng.randrange(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        return bytes(spoilt)
    if kind == 3:  # lengths that promise gigabytes, sequences inside sequences
        return b"\x30\x84\xff\xff\xff\xff" * rng.randrange(1, 200)
    return b"\x30\x80" * rng.randrange(1, 600)


# Two linkDown of net-snmp as they came from routers of the lab: v2c of eth1, and v3 with SHA-256 and AES.
_TRAPS = (
    bytes.fromhex(
        "3081aa02010104086c61622d72656164a7819a0204539e471802010002010030818b300e06082b060102010103004302070f"
        "3017060a2b06010603010104010006092b0601060301010503300f060a2b060102010202010102020102300f060a2b060102"
        "010202010702020101300f060a2b0601020102020108020201023013060b2b060102011f01010101020404657468313018060a"
        "2b060106030101040300060a2b06010401bf0803020a"
    ),
    bytes.fromhex(
        "30820105020103301102046af78c10020300ffe3040103020103043d303b040980001f88046167673302010102010a040472"
        "6f6f6d04187c9722ad8b9b6db4913b694cb3cbc1b496eb456a5d32f2b004087ebb03eb934bd8120481ad9812c06842e4d94b"
        "bb3242c82aa5e22b5029bb43dbb1516b52a737e8f2d4b0f488d90f73b8d34ecfed23237a380cbe7f5e947e8fadc37ef3ce28"
        "f66abe14686712bc5a3a59f48d97bbaf83631a4217417e3208dbb6d7c1e4ce5777ccc8211fa7db40f8eee50d89cdd9044418"
        "0982d49ccae46446a037210af487c938d0ffd017e9007b22d71982458b31cac3852f77511bc452dacf500a3a4028d9348333"
        "b227030b19667eaad43e05d361f802"
    ),
)
