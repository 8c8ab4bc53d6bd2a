"""What polling costs: CPU of this process per request, one core's worth of requests per second.

    python bench/poll.py [--engine native] [--targets 1000] [--seconds 3] [--flight 50] [--varbinds 10] [--v3]

A responder in a process of its own answers on loopback, for as many addresses (127.1.x.y) as asked. CPU time counts,
not wall time: the responder is in Python too, and the two share the machine. Medians of five rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import socket
import statistics
import sys
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from netwatch.wire import ber, udp, usm
from netwatch.wire.snmp import Auth, Credential, Oid, Priv, Snmp, Tag, Target, VarBind, Version, oid, open_snmp

COLUMN = oid("1.3.6.1.2.1.2.2.1.10")
V2C = Credential(community="public")
V3 = Credential(
    Version.V3, user="bench", auth=Auth.SHA1, auth_key="an auth passphrase", priv=Priv.AES128, priv_key="a priv key"
)


def respond(pipe: Connection, size: int) -> None:
    """Answer everything: GET with the names asked and counters, GETBULK with `size` rows."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.roomy(sock)
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_IP, 8, 1)  # IP_PKTINFO: answer from the address that was asked
    sock.bind(("0.0.0.0", 0))
    pipe.send(sock.getsockname()[1])
    bodies: dict[bytes, bytes] = {}
    while True:
        data, control, _, peer = sock.recvmsg(65535, 64)
        if data == b"stop":
            return
        at = data.index(b"\x02\x04", 12)  # the request-id: four octets, as the native engine and pysnmp write it
        key = data[at + 6 :]
        body = bodies.get(key)
        if body is None:
            pdu = ber.read_message(data).pdu
            assert isinstance(pdu, ber.Pdu)
            names = [vb.oid for vb in pdu.varbinds]
            if pdu.kind == ber.GETBULK:
                names = [(*COLUMN, n) for n in range(1, size + 1)]
            out = [VarBind(name, Tag.COUNTER32, 70_000 + n) for n, name in enumerate(names)]
            body = bodies[key] = ber.write_int(0) + ber.write_int(0) + ber.write_varbinds(out)
        reply = ber.write_message(1, b"public", ber.tlv(ber.RESPONSE, data[at : at + 6] + body))
        sock.sendmsg([reply], control, 0, peer)


def respond_v3(pipe: Connection, size: int) -> None:  # noqa: ARG001
    """The same behind USM, with one engine id for all addresses (and so one key)."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.roomy(sock)
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_IP, 8, 1)
    sock.bind(("0.0.0.0", 0))
    pipe.send(sock.getsockname()[1])
    here = usm.Peer(b"\x80\0\0\0\1bench", 1, 1000)
    while True:
        data, control, _, peer = sock.recvmsg(65535, 64)
        if data == b"stop":
            return
        message = usm.read(data)
        if not message.engine_id:
            counter = [VarBind((*usm.USM_STATS, usm.UNKNOWN_ENGINE, 0), Tag.COUNTER32, 1)]
            pdu = ber.write_pdu(ber.REPORT, 0, 0, 0, ber.write_varbinds(counter))
            reply = usm.seal(message.message_id, None, here, 0.0, b"", pdu, reportable=False)
        else:
            asked = usm.open_message(data, message, V3).pdu
            assert isinstance(asked, ber.Pdu)
            out = ber.write_varbinds([VarBind(vb.oid, Tag.COUNTER32, 70_000) for vb in asked.varbinds])
            pdu = ber.write_pdu(ber.RESPONSE, asked.request_id, 0, 0, out)
            reply = usm.seal(message.message_id, V3, here, 0.0, b"", pdu, reportable=False)
        sock.sendmsg([reply], control, 0, peer)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def round_of(door: Snmp, targets: list[Target], names: list[Oid], seconds: float, flight: int) -> float:
    """CPU µs per request."""
    loop = asyncio.get_running_loop()
    end, done = loop.time() + seconds, 0

    async def worker(first: int) -> None:
        nonlocal done
        at = first
        while loop.time() < end:
            await door.get(targets[at % len(targets)], names)
            done += 1
            at += flight

    before = cpu()
    await asyncio.gather(*(worker(n) for n in range(flight)))
    return (cpu() - before) / done * 1e6


async def main(options: argparse.Namespace, port: int) -> None:
    door = open_snmp(options.engine)
    who = V3 if options.v3 else V2C
    targets = [
        Target(f"127.1.{n // 250}.{n % 250 + 1}", who, port, timeout=5, retries=1) for n in range(options.targets)
    ]
    names = [(*COLUMN, n) for n in range(1, options.varbinds + 1)]
    await asyncio.gather(*(door.get(target, names) for target in targets[:200]))
    rounds = [await round_of(door, targets, names, options.seconds / 5, options.flight) for _ in range(5)]
    cost = statistics.median(rounds)
    what = f"GET of {options.varbinds} by {'v3 authPriv (SHA-1, AES-128)' if options.v3 else 'v2c'}"
    what = f"{options.engine} engine, {what}"
    print(json.dumps({"figure": f"{what}: CPU of a request", "value": round(cost, 1), "unit": "µs"}))
    print(json.dumps({"figure": f"{what}: one core", "value": round(1e6 / cost), "unit": "requests/s"}))
    await door.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--engine", choices=["native", "pysnmp"], default="native")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--flight", type=int, default=50)
    parser.add_argument("--varbinds", type=int, default=10)
    parser.add_argument("--v3", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    responder = respond_v3 if options.v3 else respond
    child = multiprocessing.get_context("spawn").Process(target=responder, args=(theirs, options.varbinds), daemon=True)
    child.start()
    port = ours.recv()
    if options.uvloop:
        import uvloop

        uvloop.run(main(options, port))
    else:
        asyncio.run(main(options, port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
        stop.sendto(b"stop", ("127.0.0.1", port))
    child.join()
