"""A small SNMP agent of the tests' own: real UDP on loopback, answers from a dictionary, misbehaves on demand."""

from __future__ import annotations

import asyncio
import bisect
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # ssh_box and tls_authority lie beside the tests and are shared by them

from ssh_box import Box

from netwatch.core.model import Device, Ledger, Link, Port
from netwatch.core.time import SECOND, Instant
from netwatch.wire.snmp import Oid, Snmp, Tag, VarBind, ber, oid, open_snmp


@dataclass
class Agent:
    """SNMPv1 and v2c. `values` may be changed at any time."""

    values: dict[Oid, tuple[Tag, Any]] = field(default_factory=dict)
    community: bytes = b"public"
    port: int = 0
    silent: bool = False
    room: int = 65_000
    """Largest answer; tooBig beyond it."""
    drop_beyond: int = 1 << 30
    """Answers larger than this get lost on the way."""
    lose: int = 0
    """The next so many requests are not heard."""
    twist: Callable[[bytes], bytes] | None = None
    """Spoils an answer."""
    asked: Counter[int] = field(default_factory=Counter)
    transport: asyncio.DatagramTransport | None = None

    def set(self, name: str, value: Any, tag: Tag | None = None) -> None:
        if tag is None:
            tag = {int: Tag.INTEGER, bytes: Tag.OCTETS, tuple: Tag.OID}[type(value)]
        self.values[oid(name)] = (tag, value)

    def answer(self, data: bytes) -> bytes | None:
        message = ber.read_message(data)
        pdu = message.pdu
        assert isinstance(pdu, ber.Pdu)
        self.asked[pdu.kind] += 1
        if self.silent or message.community != self.community:
            return None
        if self.lose:
            self.lose -= 1
            return None
        status, place, out = self.exact(message, pdu) if pdu.kind == ber.GET else self.following(message, pdu)
        if status:
            out = [VarBind(vb.oid, Tag.NULL, None) for vb in pdu.varbinds]
        reply = self.message(message, pdu, status, place, out)
        if len(reply) > self.room:
            reply = self.message(message, pdu, 1, 0, [])
        if len(reply) > self.drop_beyond:
            return None
        return self.twist(reply) if self.twist else reply

    def exact(self, message: ber.Message, pdu: ber.Pdu) -> tuple[int, int, list[VarBind]]:
        out: list[VarBind] = []
        for n, (name, _, _) in enumerate(pdu.varbinds, 1):
            if name not in self.values and message.version == 0:
                return 2, n, []
            out.append(VarBind(name, *self.values.get(name, (Tag.NO_SUCH_OBJECT, None))))
        return 0, 0, out

    def following(self, message: ber.Message, pdu: ber.Pdu) -> tuple[int, int, list[VarBind]]:
        order, at = sorted(self.values), [vb.oid for vb in pdu.varbinds]
        out: list[VarBind] = []
        for _ in range(pdu.place if pdu.kind == ber.GETBULK else 1):
            for column, name in enumerate(at):
                n = bisect.bisect_right(order, name)
                if n < len(order):
                    at[column] = order[n]
                    out.append(VarBind(order[n], *self.values[order[n]]))
                elif message.version == 0:
                    return 2, column + 1, []
                else:
                    out.append(VarBind(name, Tag.END_OF_MIB_VIEW, None))
        return 0, 0, out

    @staticmethod
    def message(to: ber.Message, pdu: ber.Pdu, status: int, place: int, out: list[VarBind]) -> bytes:
        body = ber.write_int(pdu.request_id) + ber.write_int(status) + ber.write_int(place) + ber.write_varbinds(out)
        return ber.write_message(to.version, to.community, ber.tlv(ber.RESPONSE, body))

    def interface(self, index: int, name: str, admin: int = 1, oper: int = 1, descr: str = "") -> None:
        self.set(f"1.3.6.1.2.1.2.2.1.2.{index}", (descr or name).encode())
        self.set(f"1.3.6.1.2.1.2.2.1.7.{index}", admin)
        self.set(f"1.3.6.1.2.1.2.2.1.8.{index}", oper)
        self.set(f"1.3.6.1.2.1.31.1.1.1.1.{index}", name.encode())

    def uptime(self, seconds: float) -> None:
        self.set("1.3.6.1.2.1.1.3.0", int(seconds * 100), Tag.TICKS)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self.agent.answer(data)
        if reply is not None and self.agent.transport is not None:
            self.agent.transport.sendto(reply, addr)


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    agent.set("1.3.6.1.2.1.1.1.0", b"a box")
    agent.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.8072.3.2.10"))
    agent.uptime(1000)
    agent.set("1.3.6.1.2.1.1.5.0", b"box")
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(agent), local_addr=("127.0.0.1", 0))
    agent.transport, agent.port = transport, transport.get_extra_info("sockname")[1]
    yield agent
    transport.close()


@pytest.fixture
async def snmp() -> AsyncIterator[Snmp]:
    door = open_snmp()
    yield door
    await door.close()


class Clock:
    """Time that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now: Instant = 1_800_000_000 * SECOND

    def __call__(self) -> Instant:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger() -> Ledger:
    """R-1 on loopback, whose GE0/0/1 carries a link."""
    return Ledger(
        devices={
            "R-1": Device("R-1", address="127.0.0.1", credential="lab"),
            "R-2": Device("R-2", address="192.0.2.2"),
        },
        links={"L-1": Link("L-1", Port("R-1", "GE0/0/1"), Port("R-2", "GE0/0/9"))},
    )


@pytest.fixture
def until() -> Callable[..., Any]:
    """Await something that will be true soon; fails by the test's own time-out."""

    async def wait(true: Callable[[], Any]) -> Any:
        while not (found := true()):  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)
        return found

    return wait


@pytest.fixture
def make_box() -> Iterator[Callable[..., Box]]:
    """Starts boxes that answer SSH, each on a port of its own."""
    boxes: list[Box] = []

    def make(**kinds: Any) -> Box:
        boxes.append(Box(**kinds).start())
        return boxes[-1]

    yield make
    for box in boxes:
        box.stop()
