"""Named decoders: from what an agent sends to a number or a text. Profiles name them; no OID of a vendor is known here.

A decoder takes a `VarBind` and gives a number, a text, or None for "no value". `scale`, `plus` and `absent` of
the profile are applied around it: `absent` before, on the raw number, the others after `number`.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import TypeAlias

from netwatch.wire.snmp import Tag, VarBind, dotted

Decoded: TypeAlias = int | float | str | None

NO_VALUE = frozenset({2147483647, -2147483648, 4294967295})
"""The ends of 32 bits: no device measures these, every vendor uses one of them for "no reading"."""

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")


def text(vb: VarBind) -> str | None:
    """Text as people should see it: UTF-8, else GB 18030 (Chinese boxes), else Latin-1; without control octets."""
    if isinstance(vb.value, tuple):
        return dotted(vb.value)
    if isinstance(vb.value, int):
        return str(vb.value)
    if vb.value is None:
        return None
    if vb.tag is Tag.IP_ADDRESS and len(vb.value) == 4:
        return ".".join(map(str, vb.value))
    return readable(vb.value)


def readable(octets: bytes) -> str:
    for code in ("utf-8", "gb18030", "latin-1"):
        try:
            plain = octets.decode(code)
        except UnicodeDecodeError:
            continue
        break
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() else " " for c in plain)
    plain = plain.strip(" ")
    return " ".join(plain.split()) if "  " in plain else plain


def number(vb: VarBind) -> int | float | None:
    """An integer as it is; in text the first number: `12.5 C`, `-7,3`; net-snmp's float inside an Opaque."""
    if isinstance(vb.value, int):
        return vb.value
    if not isinstance(vb.value, bytes):
        return None
    if vb.tag is Tag.OPAQUE and vb.value[:3] == b"\x9f\x78\x04" and len(vb.value) == 7:
        (real,) = struct.unpack(">f", vb.value[3:])
        return float(real) if math.isfinite(real) else None
    found = _NUMBER.search(readable(vb.value))
    if not found:
        return None
    plain = found[0].replace(",", ".")
    return float(plain) if "." in plain or "e" in plain.lower() else int(plain)


def first_of_list(vb: VarBind) -> int | float | None:
    """`-290,-301,…`: lanes as a list in text; the first."""
    if not isinstance(vb.value, bytes):
        return number(vb)
    return number(VarBind(vb.oid, vb.tag, vb.value.split(b",")[0]))


def dbm_in_text(vb: VarBind) -> float | None:
    """`0.03 mW (-14.61 dBm)` → −14.61."""
    found = re.search(r"(-?\d+(?:\.\d+)?) *dBm", text(vb) or "")
    return float(found[1]) if found else None


def dbm(milliwatts: float) -> float | None:
    """Darkness has no level: None for zero and below."""
    return 10 * math.log10(milliwatts) if milliwatts > 0 else None


def huawei_optical(vb: VarBind) -> float | None:
    """HUAWEI-ENTITY-EXTENT-MIB hwEntityOpticalRxPower: positive is µW, zero and below is 0.01 dBm."""
    raw = number(vb)
    if raw is None:
        return None
    return dbm(raw / 1000) if raw > 0 else raw / 100


def huawei_bias(vb: VarBind) -> float | None:
    """hwEntityOpticalBiasCurrent: µA; below 1,000 it is mA already (no laser runs on less than 1 mA). → mA."""
    raw = number(vb)
    return raw / 1000 if raw is not None and raw >= 1000 else raw


def zte_onu_power(vb: VarBind) -> float | None:
    """ZXGPON ONU levels: 0.002 dB steps from −30 dBm; above 32,767 they go on downwards; 65,535 is none."""
    raw = number(vb)
    if raw is None or raw >= 65535:
        return None
    return (raw * 2 - 30_000) / 1000 if raw <= 32767 else (-30_000 - (65535 - raw) * 2) / 1000


def ieee754(vb: VarBind) -> float | None:
    """A Gauge32 whose 32 bits are a floating-point number: 0x3A83126F → 0.001."""
    if not isinstance(vb.value, int) or not 0 <= vb.value < 1 << 32:
        return None
    (real,) = struct.unpack(">f", vb.value.to_bytes(4, "big"))
    return float(real) if math.isfinite(real) else None


def fahrenheit(vb: VarBind) -> float | None:
    raw = number(vb)
    return None if raw is None else (raw - 32) / 1.8


def celsius_in_text(vb: VarBind) -> float | None:
    """`77 F`, `25.0 C`, `25`: °C, from Fahrenheit where the text says so."""
    raw = number(vb)
    if raw is None:
        return None
    return (raw - 32) / 1.8 if re.search(r"\d *°? *F", text(vb) or "") else raw


def behind_colon(vb: VarBind) -> int | float | None:
    """`Current 12V Rail: 33.67A` → 33.67: the number that follows what is told of."""
    _, colon, figure = (text(vb) or "").rpartition(":")
    return number(VarBind(vb.oid, Tag.OCTETS, figure.encode())) if colon else None


def hexadecimal(vb: VarBind) -> str | None:
    """Octets as hex: addresses of hardware."""
    return vb.value.hex() if isinstance(vb.value, bytes) and vb.value else None


def name_or_mac(vb: VarBind) -> str | None:
    """LLDP ids may be a name or a hardware address: a name if it is printable. Neither: None."""
    if not isinstance(vb.value, bytes):
        return text(vb)
    octets = vb.value.rstrip(b"\0\r\n")
    if octets.isascii() and all(octet >= 32 for octet in octets):
        return readable(octets)
    if len(vb.value) in (6, 8):
        return vb.value.hex(":")
    return None if any(octet < 32 for octet in octets) else readable(octets)


def onu_serial(vb: VarBind) -> str | None:
    """Eight octets of ITU-T G.984.3, four letters of the maker and a number: HWTC1A2B3C4D; an EPON ONU's MAC as hex."""
    if not isinstance(vb.value, bytes) or not vb.value.strip(b"\0 "):
        return None
    octets = vb.value
    if len(octets) == 8 and octets[:4].isalnum() and not octets.isalnum():
        return octets[:4].decode("ascii").upper() + octets[4:].hex().upper()
    if len(octets) == 6 and not octets.isalnum():
        return octets.hex().upper()
    return readable(octets)


def after_comma(vb: VarBind) -> str | None:
    """ZTE writes how an ONU is known before what it is known by: `1,ZTEGC0000001`."""
    plain = text(vb)
    return plain and plain.rpartition(",")[2].strip()


def zte_port(vb: VarBind) -> str | None:
    """ZXA10 V2 numbers a PON port 0x11·2²⁴ + rack·2¹⁶ + slot·256 + port: 285278465 → 1/1/1."""
    raw = number(vb)
    if not isinstance(raw, int) or raw >> 24 != 0x11:
        return None
    return f"{raw >> 16 & 0xFF}/{raw >> 8 & 0xFF}/{raw & 0xFF}"


def fiberhome_port(vb: VarBind) -> str | None:
    """AN5516 numbers an ONU slot·2²⁵ + pon·2¹⁹ + onu·2⁸: the place of its PON port, `11/1`."""
    raw = number(vb)
    return f"{raw >> 25}/{raw >> 19 & 0x3F}" if isinstance(raw, int) and raw > 0 else None


def fiberhome_onu(vb: VarBind) -> str | None:
    raw = number(vb)
    return str(raw >> 8 & 0x7FF) if isinstance(raw, int) and raw > 0 else None


def address(vb: VarBind) -> str | None:
    """An IpAddress or InetAddress as people write it."""
    if not isinstance(vb.value, bytes):
        return text(vb)
    if len(vb.value) in (4, 8):
        return ".".join(map(str, vb.value[:4]))
    if len(vb.value) in (16, 20):
        words = [f"{vb.value[i] << 8 | vb.value[i + 1]:x}" for i in range(0, 16, 2)]
        return ":".join(words)
    return readable(vb.value)


def address_arcs(vb: VarBind) -> str | None:
    """An address out of an index, `192.0.2.1` or sixteen arcs."""
    arcs = (text(vb) or "").split(".")
    if not all(arc.isdigit() and int(arc) < 256 for arc in arcs) or len(arcs) not in (4, 16):
        return None
    return address(VarBind(vb.oid, Tag.OCTETS, bytes(map(int, arcs))))


def index_strings(vb: VarBind) -> str | None:
    """Texts out of an index, each behind its length (RFC 2578 §7.7): owner and name of a test."""
    arcs = [int(arc) for arc in (text(vb) or "").split(".") if arc.isdigit()]
    words: list[str] = []
    while arcs and 0 < arcs[0] < len(arcs):
        size, word = arcs[0], arcs[1 : arcs[0] + 1]
        if any(arc > 255 for arc in word):
            return None
        words.append(readable(bytes(word)))
        arcs = arcs[size + 1 :]
    return " ".join(words) or None


def flag_bits(vb: VarBind) -> int | None:
    """BITS as a number, the first bit highest in its octet as SMIv2 counts."""
    return int.from_bytes(vb.value, "big") if isinstance(vb.value, bytes) else None


DECODERS: Mapping[str, Callable[[VarBind], Decoded]] = {
    "number": number,
    "text": text,
    "first_of_list": first_of_list,
    "dbm_in_text": dbm_in_text,
    "huawei_optical": huawei_optical,
    "huawei_bias": huawei_bias,
    "zte_onu_power": zte_onu_power,
    "ieee754": ieee754,
    "fahrenheit": fahrenheit,
    "celsius_in_text": celsius_in_text,
    "behind_colon": behind_colon,
    "hex": hexadecimal,
    "name_or_mac": name_or_mac,
    "onu_serial": onu_serial,
    "address": address,
    "address_arcs": address_arcs,
    "index_strings": index_strings,
    "after_comma": after_comma,
    "zte_port": zte_port,
    "fiberhome_port": fiberhome_port,
    "fiberhome_onu": fiberhome_onu,
    "flag_bits": flag_bits,
}


def scaled(value: float, scale: float, plus: float = 0) -> float:
    """`value` × `scale` + `plus`, without the last-bit noise of 0.1: a tenth is a division by ten."""
    if scale != 1:
        whole = round(1 / scale) if 0 < scale < 1 else 0
        scale = int(scale) if scale == int(scale) else scale
        value = value / whole if whole and abs(whole * scale - 1) < 1e-12 else value * scale
    return value + plus if plus else value


UNITS: Mapping[str, str] = {
    "rx_power": "dBm", "tx_power": "dBm", "temperature": "°C", "voltage": "V", "current": "A", "bias": "mA",
    "power": "W", "fan": "rpm", "load": "%", "humidity": "%", "charge": "%", "runtime": "min", "frequency": "Hz",
    "state": "", "ber": "", "snr": "dB", "count": "",
}  # fmt: skip
"""Classes of sensors and their units."""


def light_direction(name: str) -> str:
    """Whether a reading of light in dBm is received or sent: only its name tells."""
    sent = re.search(r"\btx\b|tx(?![a-z])|transmit|output|launch", name, re.IGNORECASE)
    received = re.search(r"\brx\b|rx(?![a-z])|receive|input", name, re.IGNORECASE)
    return "tx_power" if sent and not received else "rx_power"
