"""What a simulated box holds: its ports, its ONUs, and the objects that a box of its make shows of them.

Identities, port names, index schemes and "no reading" values are those of recorded gear: Huawei VRP and MA5800,
H3C, ZTE C320, ADVA FSP 150, Huawei SMU. H3C boxes number their interfaces anew at each start, as real ones may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from netwatch.core.model import Device, Port, Role
from netwatch.core.time import SECOND, Instant, Span
from netwatch.wire.snmp import Oid, Tag, Value, oid

Typed: TypeAlias = tuple[Tag, Value]
Reading: TypeAlias = Callable[[], Typed]

TICK: Span = SECOND // 100
"""sysUpTime counts hundredths of a second, in 32 bits: it wraps after 497 days."""
WRAP32, WRAP64 = 2**32, 2**64

SYSTEM = oid("1.3.6.1.2.1.1")
UPTIME = (*SYSTEM, 3, 0)
IF_NUMBER = oid("1.3.6.1.2.1.2.1.0")
IF = oid("1.3.6.1.2.1.2.2.1")
IFX = oid("1.3.6.1.2.1.31.1.1.1")
ENTERPRISES = oid("1.3.6.1.4.1")

_IDENTITY = {
    (Role.OLT, "huawei"): ("2011.2.248", "Huawei Integrated Access Software"),
    (Role.OLT, "zte"): ("3902.1082.1001.320.2.1", "C320 Version V2.1.0 Software, simulated"),
    (Role.POWER, "huawei"): ("8072.3.2.10", "Linux SMU 2.6.27 simulated armv5tejl"),
    (Role.CPE, "huawei"): ("2011.2.224.62", "Huawei AR169F, VRP (R) software, Version 5.170, simulated"),
    (Role.CPE, "adva"): ("2544.1.12.1.1.39", "FSP150CC-XG116PRO"),
    (Role.ACCESS, "h3c"): ("25506.11.1.24", "Comware Platform Software, Software Version 5.20.99, simulated"),
}
_VRP = ("2011.2.360.1.9", "Huawei Versatile Routing Platform Software, VRP (R) software, Version 8.200, simulated")

_HUAWEI_ONT = (*ENTERPRISES, *oid("2011.6.128.1.1.2"))
_HUAWEI_NOTHING = 2**31 - 1
_HUAWEI_CAUSE = {"": -1, "los": 2, "dying_gasp": 13}
_ZTE_ONU = (*ENTERPRISES, *oid("3902.1082.500"))
_ZTE_PHASE = {"": 7, "los": 2, "dying_gasp": 5}
_ZTE_WORKING = 4
_ZTE_NO_LIGHT, _ZTE_NO_READING = -80000, 65535
_SMU = (*ENTERPRISES, *oid("2011.6.164.1"))
_GPON, _ETHERNET = 250, 6
"""IANAifType."""
_IN_PERCENT, _OUT_PERCENT = 20, 35
"""How full the simulated lines are."""


@dataclass(slots=True)
class PortLife:
    """One interface: is it up, since when, and for how long it had carried traffic before."""

    name: str
    up: bool
    changed: Instant
    carried: Span = 0
    mbps: int = 1000


@dataclass(slots=True)
class OnuLife:
    """One ONU as its OLT sees it."""

    id: str
    port: str
    number: int
    serial: str
    """Four letters and eight hexadecimal digits (ITU-T G.984.3)."""
    online: bool
    cause: str = ""
    """Of the last loss: `los`, `dying_gasp`, or empty before the first."""


class Box:
    """The state of one box, and its MIB as sorted rows."""

    def __init__(self, device: Device, ports: Iterable[Port], clock: Callable[[], Instant], booted: Instant) -> None:
        self.device, self.clock, self.booted = device, clock, booted
        self.starts = 0
        self.ports = {p.name: PortLife(p.name, True, booted) for p in ports}
        self.onus: dict[str, OnuLife] = {}

    def start(self) -> None:
        """It has just booted: uptime and counters begin anew."""
        self.booted, self.starts = self.clock(), self.starts + 1
        for port in self.ports.values():
            port.changed, port.carried = self.booted, 0

    def set_port(self, name: str, up: bool) -> None:
        port, now = self.ports[name], self.clock()
        if port.up:
            port.carried += now - port.changed
        port.up, port.changed = up, now

    def index(self, name: str) -> int:
        """The ifIndex that the box gives its port now."""
        match self.device.role, self.device.vendor:
            case Role.OLT, "huawei" if name.startswith("GPON "):
                slot, port = _slot_and_port(name)
                return 4194304000 + slot * 8192 + port * 256
            case Role.OLT, "zte":
                slot, port = _slot_and_port(name)
                return (0x11 << 24) + (1 << 16) + slot * 256 + port
            case _, "h3c":
                return 1 + list(self.ports).index(name) + 64 * self.starts
            case _:
                return 5 + list(self.ports).index(name)

    def uptime(self) -> Typed:
        return Tag.TICKS, (self.clock() - self.booted) // TICK % WRAP32

    def rows(self) -> list[tuple[Oid, Reading]]:
        """Every object with the way to read it, in the MIB's order. Good until the next start."""
        return sorted(self._rows(), key=lambda row: row[0])

    def _rows(self) -> Iterator[tuple[Oid, Reading]]:
        kind, what = _IDENTITY.get((self.device.role, self.device.vendor), _VRP)
        yield (*SYSTEM, 1, 0), _text(what)
        yield (*SYSTEM, 2, 0), _fixed((Tag.OID, (*ENTERPRISES, *oid(kind))))
        yield UPTIME, self.uptime
        yield (*SYSTEM, 4, 0), _text("")
        yield (*SYSTEM, 5, 0), _text(self.device.id)
        yield (*SYSTEM, 6, 0), _text(self.device.site)
        yield (*SYSTEM, 7, 0), _number(78)
        yield IF_NUMBER, _number(len(self.ports))
        for port in self.ports.values():
            yield from self._interface(port)
        match self.device.role, self.device.vendor:
            case Role.OLT, "huawei":
                yield from self._huawei_onus()
            case Role.OLT, "zte":
                yield from self._zte_onus()
            case Role.POWER, _:
                yield from _rectifier()

    def _interface(self, port: PortLife) -> Iterator[tuple[Oid, Reading]]:
        index, speed = self.index(port.name), port.mbps * 1_000_000

        def octets(tag: Tag, wrap: int, percent: int) -> Reading:
            def read() -> Typed:
                span = port.carried + (self.clock() - port.changed if port.up else 0)
                return tag, span // SECOND * (speed // 8) * percent // 100 % wrap

            return read

        def since() -> Typed:
            return Tag.TICKS, max(0, port.changed - self.booted) // TICK % WRAP32

        table: tuple[tuple[int, Reading], ...] = (
            (1, _number(index)),
            (2, _text(port.name)),
            (3, _number(_GPON if "pon" in port.name.lower() else _ETHERNET)),
            (4, _number(1500)),
            (5, _number(min(speed, WRAP32 - 1), Tag.GAUGE32)),
            (6, _fixed((Tag.OCTETS, b"\x02\xfe\xed" + (index & 0xFFFFFF).to_bytes(3, "big")))),
            (7, _number(1)),
            (8, lambda: (Tag.INTEGER, 1 if port.up else 2)),
            (9, since),
            (10, octets(Tag.COUNTER32, WRAP32, _IN_PERCENT)),
            (14, _number(0, Tag.COUNTER32)),
            (16, octets(Tag.COUNTER32, WRAP32, _OUT_PERCENT)),
            (20, _number(0, Tag.COUNTER32)),
        )
        extended: tuple[tuple[int, Reading], ...] = (
            (1, _text(port.name)),
            (6, octets(Tag.COUNTER64, WRAP64, _IN_PERCENT)),
            (10, octets(Tag.COUNTER64, WRAP64, _OUT_PERCENT)),
            (15, _number(port.mbps, Tag.GAUGE32)),
            (18, _text("")),
        )
        yield from (((*IF, column, index), reading) for column, reading in table)
        yield from (((*IFX, column, index), reading) for column, reading in extended)

    def _huawei_onus(self) -> Iterator[tuple[Oid, Reading]]:
        for name, port in self.ports.items():
            if name.startswith("GPON "):
                yield (*_HUAWEI_ONT, 21, 1, 10, self.index(name)), _either(_is_up(port), 1, 2)
        for onu in self.onus.values():
            row, online = (self.index(onu.port), onu.number), _is_online(onu)
            serial = onu.serial[:4].encode() + bytes.fromhex(onu.serial[4:])
            yield (*_HUAWEI_ONT, 43, 1, 3, *row), _fixed((Tag.OCTETS, serial))
            yield (*_HUAWEI_ONT, 43, 1, 9, *row), _text(onu.id)
            yield (*_HUAWEI_ONT, 46, 1, 15, *row), _either(online, 1, 2)
            yield (*_HUAWEI_ONT, 46, 1, 20, *row), _either(online, 800 + 40 * onu.number, -1)
            yield (*_HUAWEI_ONT, 46, 1, 24, *row), _by_cause(onu, _HUAWEI_CAUSE)
            for column, lit in ((1, 41), (3, 212), (4, -2050), (6, 7760)):
                yield (*_HUAWEI_ONT, 51, 1, column, *row), _either(online, lit, _HUAWEI_NOTHING)

    def _zte_onus(self) -> Iterator[tuple[Oid, Reading]]:
        for onu in self.onus.values():
            row, online = (self.index(onu.port), onu.number), _is_online(onu)
            for column, text in ((1, "ZTEG-F601"), (2, f"ONU-{onu.number}"), (3, onu.id), (18, f"1,{onu.serial}")):
                yield (*_ZTE_ONU, 10, 2, 3, 3, 1, column, *row), _text(text)
            phase = _by_cause(onu, _ZTE_PHASE)
            yield (*_ZTE_ONU, 10, 2, 3, 8, 1, 4, *row), _choose(online, _number(_ZTE_WORKING), phase)
            yield (*_ZTE_ONU, 1, 2, 4, 2, 1, 2, *row), _either(online, -22140, _ZTE_NO_LIGHT)
            for column, lit in ((10, 4250), (14, 16150)):
                yield (*_ZTE_ONU, 20, 2, 2, 2, 1, column, *row, 1), _either(online, lit, _ZTE_NO_READING)


def _rectifier() -> Iterator[tuple[Oid, Reading]]:
    """A Huawei SMU on mains: 53.5 V, 7 A, battery full."""
    yield (*_SMU, 1, 1, 4, 0), _text("HUAWEI SMU")
    yield (*_SMU, 3, 1, 3, 0), _number(7, Tag.GAUGE32)
    yield (*_SMU, 4, 2, 1, 0), _number(0)
    yield (*_SMU, 4, 4, 2, 1, 3, 1), _number(1000, Tag.GAUGE32)
    yield (*_SMU, 6, 2, 1, 1, 4, 1), _number(535, Tag.GAUGE32)
    yield (*_SMU, 6, 2, 1, 1, 5, 1), _number(7, Tag.GAUGE32)


def _is_up(port: PortLife) -> Callable[[], bool]:
    return lambda: port.up


def _is_online(onu: OnuLife) -> Callable[[], bool]:
    return lambda: onu.online


def _fixed(value: Typed) -> Reading:
    return lambda: value


def _text(text: str) -> Reading:
    return _fixed((Tag.OCTETS, text.encode()))


def _number(value: int, tag: Tag = Tag.INTEGER) -> Reading:
    return _fixed((tag, value))


def _either(true: Callable[[], bool], one: int, other: int) -> Reading:
    return lambda: (Tag.INTEGER, one if true() else other)


def _choose(true: Callable[[], bool], one: Reading, other: Reading) -> Reading:
    return lambda: one() if true() else other()


def _by_cause(onu: OnuLife, code: dict[str, int]) -> Reading:
    return lambda: (Tag.INTEGER, code[onu.cause])


def _slot_and_port(name: str) -> tuple[int, int]:
    """Of `GPON 0/1/0`, `gpon_1/1/1`, `gei_1/4/1`."""
    _, slot, port = name.split("/")
    return int(slot), int(port)
