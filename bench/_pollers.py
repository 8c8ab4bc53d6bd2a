# ruff: noqa: PLC0415 - nobody has what the others import
"""Who is compared by `poll.py`: one process each, for some in an environment of its own, told on stdin what to ask.

    PYTHON bench/_pollers.py NAME UDP_PORT [PROGRAM ...]

A line of JSON comes in, e.g. `{"version": "2c", "title": "GET of 10", "kind": "get", "names": ["1.3.6..."], "data":
"30...", "seconds": 0.5}` (`data` is the whole question, for who cannot write one); one goes out: `{"cpu": seconds,
"requests": n}`, or `{"skipped": "why"}`. Everyone asks 1,000 addresses in turn (some can only do with fewer) with 50
questions in flight, the fastest way that its documentation shows.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parent.parent)
FLIGHT = 50
TARGETS = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(1000)]
USER, AUTH_KEY, PRIV_KEY = "bench", "an auth passphrase", "a priv passphrase"


class CannotError(Exception):
    """This one does not do that."""


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def dotted(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


class Floor:
    """What Python and the kernel take before anybody looks at an octet: sendto, recvfrom."""

    def __init__(self, port: int) -> None:
        self._places = [(address, port) for address in TARGETS]

    def measure(self, case: dict[str, Any]) -> dict[str, float]:
        data, end, done, at = bytes.fromhex(case["data"]), time.monotonic() + case["seconds"], 0, 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            wait = select.epoll()
            wait.register(sock, select.EPOLLIN)
            send, receive, places = sock.sendto, sock.recvfrom, self._places
            before = cpu()
            for at in range(FLIGHT):
                send(data, places[at])
            while time.monotonic() < end:
                wait.poll(1)
                try:
                    while True:
                        receive(65535)
                        done += 1
                        at += 1
                        send(data, places[at % len(places)])
                except BlockingIOError:
                    continue
            return {"cpu": cpu() - before, "requests": done}


class Asking:
    """Of everyone on asyncio: FLIGHT workers, each with its own share of the targets."""

    targets = len(TARGETS)

    def __init__(self, port: int) -> None:
        self.port = port
        try:
            import uvloop

            self._loop = uvloop.new_event_loop()
        except ImportError:
            self._loop = asyncio.new_event_loop()
        self._ready: dict[tuple[str, str], list[Callable[[], Awaitable[object]]]] = {}

    def measure(self, case: dict[str, Any]) -> dict[str, float]:
        return self._loop.run_until_complete(self._measure(case))

    async def _measure(self, case: dict[str, Any]) -> dict[str, float]:
        key = (case["version"], case["title"])
        asks = self._ready.get(key)
        if asks is None:
            asks = self._ready[key] = await self.prepare(case, TARGETS[: self.targets])
            for n in range(0, len(asks), FLIGHT):  # whoever learns something at the first question has learnt it
                await asyncio.gather(*(ask() for ask in asks[n : n + FLIGHT]))
        end, clock = time.monotonic() + case["seconds"], time.monotonic

        async def worker(asks: list[Callable[[], Awaitable[object]]]) -> int:
            done = 0
            while clock() < end:
                for ask in asks:
                    await ask()
                done += len(asks)
            return done

        before = cpu()
        done = await asyncio.gather(*(worker(asks[n::FLIGHT]) for n in range(FLIGHT)))
        return {"cpu": cpu() - before, "requests": sum(done)}

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        """For each target, what asks it once."""
        raise NotImplementedError


class Netwatch(Asking):
    """The door that the poller uses."""

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        sys.path.insert(0, ROOT)
        from netwatch.wire.snmp import Auth, Budget, Credential, Priv, Target, Version, open_snmp

        who = Credential(community="public")
        if case["version"] == "3":
            who = Credential(
                Version.V3, user=USER, auth=Auth.SHA1, auth_key=AUTH_KEY, priv=Priv.AES128, priv_key=PRIV_KEY
            )
        self.door = getattr(self, "door", None) or open_snmp()
        asked = [(Target(address, who, self.port, timeout=5), Budget(10**9, 1e9)) for address in targets]
        names = tuple(dotted(name) for name in case["names"])
        if case["kind"] == "get":
            return [partial(self.door.get, target, names, budget) for target, budget in asked]
        for _ in range(12):  # the door begins with small answers and grows as they come in full
            for n in range(0, len(asked), FLIGHT):
                await asyncio.gather(*(self.door.walk(target, names[0]) for target, _ in asked[n : n + FLIGHT]))
        return [partial(self.door.walk, target, names[0], budget) for target, budget in asked]

    def measure(self, case: dict[str, Any]) -> dict[str, float]:
        if case["kind"] != "memory":
            return super().measure(case)
        before = resident()
        held = self._loop.run_until_complete(
            self.prepare(
                {**case, "kind": "get"}, [f"127.{2 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}" for n in range(10_000)]
            )
        )
        for _ in range(2):
            self._loop.run_until_complete(self._all(held))
        return {"bytes": resident() - before, "targets": len(held)}

    async def _all(self, asks: list[Callable[[], Awaitable[object]]]) -> None:
        for n in range(0, len(asks), FLIGHT):
            await asyncio.gather(*(ask() for ask in asks[n : n + FLIGHT]))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Gufo(Asking):
    """gufo-snmp: one session for each target, `get_many` and `getbulk`."""

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        from gufo.snmp import Aes128Key, Sha1Key, User
        from gufo.snmp.aio import SnmpSession

        user = None
        if case["version"] == "3":
            user = User(USER, auth_key=Sha1Key(AUTH_KEY.encode()), priv_key=Aes128Key(PRIV_KEY.encode()))
        sessions = [
            SnmpSession(address, port=self.port, community="public", user=user, timeout=5, max_repetitions=40)
            for address in targets
        ]
        for session in sessions:
            await session.refresh()
        if case["kind"] == "get":
            return [partial(session.get_many, case["names"]) for session in sessions]

        async def walk(session: Any) -> list[Any]:
            return [pair async for pair in session.getbulk(case["names"][0])]

        return [partial(walk, session) for session in sessions]


class NetSnmp(Asking):
    """netsnmp-cffi: the C library net-snmp, as Zino uses it."""

    targets = 500
    """Its sockets pass through select()."""

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        from netsnmpy import netsnmp
        from netsnmpy.netsnmp import OID
        from netsnmpy.session import SNMPSession

        if case["version"] == "3":
            raise CannotError("netsnmp-cffi has no SNMPv3")
        if not hasattr(self, "sessions"):
            netsnmp.load_mibs()
            self.sessions = [SNMPSession(address, self.port, "public", "2c", timeout=5) for address in targets]
            for session in self.sessions:
                session.open()
        names = [OID("." + name) for name in case["names"]]
        if case["kind"] == "get":
            return [partial(session.aget, *names) for session in self.sessions]
        return [partial(session.agetbulk, *names, max_repetitions=40) for session in self.sessions]


class PysnmpV1Arch(Asking):
    """pysnmp's lean architecture, for communities only."""

    targets = 50

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        from pysnmp.hlapi.v1arch import asyncio as v1
        from pysnmp.proto import rfc1902

        if case["version"] == "3":
            raise CannotError("pysnmp's v1arch has no SNMPv3")
        self.dispatcher = getattr(self, "dispatcher", None) or v1.SnmpDispatcher()
        who = v1.CommunityData("public")
        where = [await v1.UdpTransportTarget.create((address, self.port), 5, 1) for address in targets]
        pairs = [(dotted(name), rfc1902.Null("")) for name in case["names"]]
        if case["kind"] == "get":
            return [partial(v1.get_cmd, self.dispatcher, who, place, *pairs, lookupMib=False) for place in where]
        return [partial(v1.bulk_cmd, self.dispatcher, who, place, 0, 40, *pairs, lookupMib=False) for place in where]


class PysnmpV3Arch(Asking):
    """pysnmp's full architecture: one engine for all, no look-up in MIBs."""

    targets = 50

    async def prepare(self, case: dict[str, Any], targets: list[str]) -> list[Callable[[], Awaitable[object]]]:
        from pysnmp.hlapi.v3arch import asyncio as v3

        self.engine = getattr(self, "engine", None) or v3.SnmpEngine()
        who: Any = v3.CommunityData("public")
        if case["version"] == "3":
            who = v3.UsmUserData(
                USER,
                AUTH_KEY,
                PRIV_KEY,
                authProtocol=v3.usmHMACSHAAuthProtocol,
                privProtocol=v3.usmAesCfb128Protocol,
            )
        where = [await v3.UdpTransportTarget.create((address, self.port), 5, 1) for address in targets]
        things = [v3.ObjectType(v3.ObjectIdentity(dotted(name))) for name in case["names"]]
        first = (self.engine, who)
        context = v3.ContextData()
        if case["kind"] == "get":
            return [partial(v3.get_cmd, *first, place, context, *things, lookupMib=False) for place in where]
        return [partial(v3.bulk_cmd, *first, place, context, 0, 40, *things, lookupMib=False) for place in where]


class SnmpExporter:
    """Prometheus' snmp_exporter: scrapes of a module that asks the same; what its process takes counts."""

    def __init__(self, port: int) -> None:
        self._targets = [f"{address}:{port}" for address in TARGETS]
        self._folder = tempfile.TemporaryDirectory()

    def measure(self, case: dict[str, Any]) -> dict[str, float]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            listen = free.getsockname()[1]
        config = Path(self._folder.name) / "snmp.yml"
        config.write_text(json.dumps({"bench": self._module(case)}))
        line = [
            *sys.argv[3:],
            f"--config.file={config}",
            f"--web.listen-address=127.0.0.1:{listen}",
            "--log.level=error",
        ]
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
            try:
                return self._scrape(process.pid, listen, case["seconds"])
            finally:
                process.kill()

    @staticmethod
    def _module(case: dict[str, Any]) -> dict[str, Any]:
        columns = sorted({name.rpartition(".")[0] if case["kind"] == "get" else name for name in case["names"]})
        index = [{"labelname": "ifIndex", "type": "gauge"}]
        secret = {"security_level": "authPriv", "username": USER, "password": AUTH_KEY, "auth_protocol": "SHA"}
        return {
            case["kind"] if case["kind"] == "get" else "walk": case["names"],
            "metrics": [
                {"name": f"m{n}", "oid": column, "type": "counter", "help": "-", "indexes": index}
                for n, column in enumerate(columns)
            ],
            "version": int(case["version"][0]),
            "max_repetitions": 40,
            "auth": {**secret, "priv_protocol": "AES", "priv_password": PRIV_KEY}
            if case["version"] == "3"
            else {"community": "public"},
        }

    def _scrape(self, pid: int, port: int, seconds: float) -> dict[str, float]:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        else:
            raise CannotError("snmp_exporter does not start")

        def scraper(first: int, end: float) -> int:
            web, done = http.client.HTTPConnection("127.0.0.1", port, timeout=10), 0
            while time.monotonic() < end:
                web.request("GET", f"/snmp?module=bench&target={self._targets[(first + done) % len(self._targets)]}")
                said = web.getresponse()
                text = said.read()
                if said.status != 200:
                    raise CannotError(f"snmp_exporter: {text[:200].decode(errors='replace')}")
                done += 1
            return done

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(scraper, range(8), [time.monotonic() + 0.1] * 8))
            before, end = ticks(pid), time.monotonic() + max(seconds, 0.5)
            done = sum(pool.map(scraper, range(0, 800, 100), [end] * 8))
            return {"cpu": ticks(pid) - before, "requests": done}


def ticks(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


WHO: dict[str, Callable[[int], Any]] = {
    "floor": Floor,
    "netwatch": Netwatch,
    "gufo-snmp": Gufo,
    "netsnmp-cffi": NetSnmp,
    "pysnmp v1arch": PysnmpV1Arch,
    "pysnmp v3arch": PysnmpV3Arch,
    "snmp_exporter": SnmpExporter,
}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    one = WHO[sys.argv[1]](int(sys.argv[2]))
    for line in sys.stdin:
        try:
            said: dict[str, Any] = dict(one.measure(json.loads(line)))
        except (CannotError, ImportError) as error:
            said = {"skipped": str(error)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
