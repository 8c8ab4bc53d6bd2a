"""One simulated SNMP agent (v1 and v2c): questions in, answers and traps out, as octets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from netwatch.core.model import Role
from netwatch.demo.box import ENTERPRISES, IF, UPTIME, Box, OnuLife, Typed
from netwatch.wire.snmp import ABSENT, Oid, Tag, ber, oid

LARGEST = 1472
"""Octets of the largest answer: what fits an Ethernet frame. A longer GET gets tooBig, a longer GETBULK is cut."""

_TOO_BIG, _NO_SUCH_NAME, _NOT_WRITABLE = 1, 2, 17
_V1, _V2C = 0, 1
_HEAD = 48
"""More than the octets around the variable bindings, the community aside."""

_TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0")
_COLD_START = oid("1.3.6.1.6.3.1.1.5.1")
_LINK_DOWN = oid("1.3.6.1.6.3.1.1.5.3")
_LINK_UP = oid("1.3.6.1.6.3.1.1.5.4")
_GASP = {
    "huawei": (*ENTERPRISES, *oid("2011.5.25.129.2.1.19")),  # hwEntityDyingGasp
    "adva": (*ENTERPRISES, *oid("2544.1.12.2.2.5")),  # cmSnmpDyingGaspTrap
}
_ZTE_ONU = (*ENTERPRISES, *oid("3902.1012.3"))
_ZTE_LOS, _ZTE_GASP = 101, 123
"""zxGponOltLOSi, zxGponOltDGi; the restore is the next number."""


class Agent:
    """Answers who knows the community; silent to all else, as agents are."""

    def __init__(self, box: Box, community: str) -> None:
        self.box = box
        self._community = community.encode()
        self._sent = 0
        self.rebuild()

    def rebuild(self) -> None:
        """Lay out the MIB anew: after a start, and once ports and ONUs are known."""
        rows = self.box.rows()
        self._names, self._readings = [name for name, _ in rows], [reading for _, reading in rows]

    # ---- answers

    def answer(self, datagram: bytes) -> bytes | None:
        """The response, or None where a real agent keeps silent. Never raises for what came over the wire."""
        try:
            version, community, ask = ber.read_message(datagram)
        except ber.BerError:
            return None
        if community != self._community or not isinstance(ask, ber.Pdu):
            return None
        names = [vb.oid for vb in ask.varbinds]
        match ask.kind:
            case ber.GET:
                found = [(name, self._get(name)) for name in names]
            case ber.GETNEXT:
                found = [self._next(name) for name in names]
            case ber.GETBULK if version == _V2C:
                return self._response(version, ask, self._bulk(ask, names))
            case ber.SET:
                return self._refusal(version, ask, names, _NO_SUCH_NAME if version == _V1 else _NOT_WRITABLE, 1)
            case _:
                return None
        if version == _V1:  # it has no exceptions and no Counter64
            for place, (_, (tag, _)) in enumerate(found, 1):
                if tag in ABSENT or tag is Tag.COUNTER64:
                    return self._refusal(version, ask, names, _NO_SUCH_NAME, place)
        reply = self._response(version, ask, [_binding(*it) for it in found])
        return reply if len(reply) <= LARGEST else self._refusal(version, ask, [], _TOO_BIG, 0)

    def _get(self, name: Oid) -> Typed:
        at = bisect_left(self._names, name)
        if at < len(self._names) and self._names[at] == name:
            return self._readings[at]()
        near = self._names[max(0, at - 1) : at + 1]
        missing = Tag.NO_SUCH_INSTANCE if any(n[: len(name) - 1] == name[:-1] for n in near) else Tag.NO_SUCH_OBJECT
        return missing, None

    def _next(self, name: Oid) -> tuple[Oid, Typed]:
        at = bisect_right(self._names, name)
        if at == len(self._names):
            return name, (Tag.END_OF_MIB_VIEW, None)
        return self._names[at], self._readings[at]()

    def _bulk(self, ask: ber.Pdu, names: list[Oid]) -> list[bytes]:
        once = max(0, min(ask.status, len(names)))
        found = [_binding(*self._next(name)) for name in names[:once]]
        room = LARGEST - _HEAD - len(self._community) - sum(map(len, found))
        last = names[once:]
        for _ in range(max(0, ask.place)):
            row = [self._next(name) for name in last]
            for it in row:
                encoded = _binding(*it)
                room -= len(encoded)
                if room < 0:
                    return found
                found.append(encoded)
            if all(tag is Tag.END_OF_MIB_VIEW for _, (tag, _) in row):
                break
            last = [name for name, _ in row]
        return found

    def _refusal(self, version: int, ask: ber.Pdu, names: Iterable[Oid], status: int, place: int) -> bytes:
        null: Typed = (Tag.NULL, None)
        return self._response(version, ask, [_binding(name, null) for name in names], status, place)

    def _response(self, version: int, ask: ber.Pdu, bindings: list[bytes], status: int = 0, place: int = 0) -> bytes:
        head = b"".join(map(ber.write_int, (ask.request_id, status, place)))
        pdu = ber.tlv(ber.RESPONSE, head + ber.tlv(ber.SEQUENCE, b"".join(bindings)))
        return ber.write_message(version, self._community, pdu)

    # ---- traps

    def cold_start(self) -> bytes:
        return self._trap(_COLD_START)

    def link(self, name: str) -> bytes:
        """linkDown or linkUp, by what the port is now. Huawei adds the name to the number."""
        port, index = self.box.ports[name], self.box.index(name)
        bindings: list[tuple[Oid, Typed]] = [
            ((*IF, 1, index), (Tag.INTEGER, index)),
            ((*IF, 7, index), (Tag.INTEGER, 1)),
            ((*IF, 8, index), (Tag.INTEGER, 1 if port.up else 2)),
        ]
        if self.box.device.vendor == "huawei":
            bindings.append(((*IF, 2, index), (Tag.OCTETS, name.encode())))
        return self._trap(_LINK_UP if port.up else _LINK_DOWN, *bindings)

    def last_gasp(self) -> bytes | None:
        """What a CPE says when its power is going, where its make says anything."""
        kind = _GASP.get(self.box.device.vendor) if self.box.device.role is Role.CPE else None
        return self._trap(kind) if kind else None

    def onu(self, onu: OnuLife) -> tuple[bytes, ...]:
        """What the OLT says of an ONU that went or came: its last gasp if it had one, then the loss of its light.

        Huawei's public MIB has no such traps.
        """
        if self.box.device.vendor != "zte":
            return ()
        index = self.box.index(onu.port)
        row = (index, onu.number)
        about: tuple[tuple[Oid, Typed], ...] = (
            ((*IF, 1, index), (Tag.INTEGER, index)),
            ((*_ZTE_ONU, 28, 1, 1, 2, *row), (Tag.OCTETS, f"ONU-{onu.number}".encode())),
            ((*_ZTE_ONU, 28, 1, 1, 1, *row), (Tag.OCTETS, b"ZTEG-F601")),
            ((*_ZTE_ONU, 28, 1, 1, 3, *row), (Tag.OCTETS, onu.id.encode())),
        )
        alarms = (_ZTE_GASP, _ZTE_LOS) if onu.cause == "dying_gasp" else (_ZTE_LOS,)
        return tuple(self._trap((*_ZTE_ONU, 45, alarm + onu.online), *about) for alarm in alarms)

    def _trap(self, kind: Oid, *bindings: tuple[Oid, Typed]) -> bytes:
        self._sent += 1
        head: list[tuple[Oid, Typed]] = [(UPTIME, self.box.uptime()), (_TRAP_OID, (Tag.OID, kind))]
        encoded = b"".join(_binding(*it) for it in (*head, *bindings))
        pdu = ber.write_pdu(ber.TRAP, self._sent, 0, 0, ber.tlv(ber.SEQUENCE, encoded))
        return ber.write_message(_V2C, self._community, pdu)


def _binding(name: Oid, value: Typed) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.write_oid(name) + ber.write_value(*value))
