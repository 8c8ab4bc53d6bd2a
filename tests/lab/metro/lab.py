"""The lab: builds the metro, breaks it, mends it, removes it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from metro import namespaces
from metro.boxes import frr_conf, snmp_conf, snmpd_conf, who
from metro.namespaces import PREFIX, enter, inside
from metro.patience import until
from metro.plan import LINKS, NMS, NODES, Link, Node

_FIBRE = "fibre"
_FRR = Path("/usr/lib/frr")
_SWITCHES = 4
_LOGS = Path("/run/metro-lab")
_LOCK = Path("/run/metro-lab.lock")
_PROGRAMS = {
    "vtysh": "frr",
    "snmpd": "snmpd",
    "snmpget": "snmp",
    "nft": "nftables",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}


class UnavailableError(Exception):
    """This machine cannot hold the lab; says why."""


class Lab:
    """Ten routers, a room to watch them from, and a fibre between any two that belong together.

        with Lab() as lab:
            lab.cut("L-d")              # both ends lose their light
            lab.splice("L-d")
            lab.mute("L-d")             # light, and nothing in it
            lab.unmute("L-d")
            lab.power_off("agg2")       # no last word
            lab.power_on("agg2")
            lab.hang_agent("cpe-a")     # answers pings, not SNMP
            lab.wake_agent("cpe-a")
            lab.isolate_monitor()
            lab.rejoin_monitor()

    Every box is a network namespace with FRR and net-snmp in it; every link runs through the
    namespace `fibre`, where nftables hands each frame from one leg to the other: nothing is
    eaten as a bridge would, and taking the legs down takes the carrier at both boxes.
    Nothing outside the namespaces is touched; all is gone at the end, and what a killed run
    left is removed at the next start. One lab a machine.

    Raises UnavailableError where it cannot be built.
    """

    def __init__(self) -> None:
        self._cut: set[str] = set()
        self._muted: set[str] = set()
        self._boxes: dict[str, subprocess.Popen[str]] = {}
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        check()
        self._lock = _lock()
        try:
            namespaces.sweep()
            shutil.rmtree(_LOGS, ignore_errors=True)
            _LOGS.mkdir()
            self._lay()
            self._boot(NODES)
            self.settle()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    # ------------------------------------------------------------ breaking and mending

    def cut(self, *links: str) -> None:
        """Cut fibres: both ends of each lose carrier. Cutting one twice is harmless, as with `splice`."""
        self._cut.update(_known(links))
        self._shine(links)

    def splice(self, *links: str) -> None:
        self._cut.difference_update(_known(links))
        self._shine(links)

    def mute(self, *links: str) -> None:
        """Light on, nothing gets through: the loss that no port tells."""
        self._muted.update(_known(links))
        self._pass(links)

    def unmute(self, *links: str) -> None:
        self._muted.difference_update(_known(links))
        self._pass(links)

    def power_off(self, node: str) -> None:
        """Pull the plug: every process dies at once and every neighbour loses its light."""
        box = self._boxes.pop(node)
        box.kill()
        box.wait()
        namespaces.empty(node)
        namespaces.ip([f"link set {port} down" for port in ["lo", *_ports(NODES[node])]], node)
        self._shine(link.id for link in NODES[node].links)

    def power_on(self, node: str) -> None:
        """Boot it; returns when its daemons run, not yet when routes have come back."""
        self._boot([node])

    def hang_agent(self, node: str) -> None:
        """The SNMP agent stops to answer and keeps its port open; all else goes on."""
        os.kill(self._agent(node), signal.SIGSTOP)

    def wake_agent(self, node: str) -> None:
        os.kill(self._agent(node), signal.SIGCONT)

    def isolate_monitor(self) -> None:
        """The room loses its only fibre into the network."""
        self.cut("L-nms")

    def rejoin_monitor(self) -> None:
        self.splice("L-nms")

    def mend(self) -> None:
        """Everything whole again: fibres, power, agents; and the routes are back."""
        self.splice(*self._cut)
        self.unmute(*self._muted)
        for node in NODES.keys() - self._boxes.keys():
            self.power_on(node)
        for node in NODES:
            self.wake_agent(node)
        self.settle()

    # ------------------------------------------------------------ looking

    def ping(self, node: str) -> bool:
        """One answer to one ICMP echo from the room."""
        return _quiet(*enter(NMS), "ping", "-n", "-c", "1", "-W", "0.5", NODES[node].address)

    def snmp(self, node: str, *oids: str, seconds: float = 1.0) -> list[str]:
        """The values of instances, asked from the room as the daemon would. Raises TimeoutError for silence."""
        box = NODES[node]
        command = ("snmpget", *who(box).split(), "-Oqv", "-r", "2", "-t", str(seconds), box.address, *oids)
        done = subprocess.run((*enter(NMS), *command), capture_output=True, text=True, check=False)
        if done.returncode:
            raise TimeoutError(done.stderr.strip())
        return [line.strip('"') for line in done.stdout.splitlines()]

    def vtysh(self, node: str, command: str) -> str:
        """What the router's own command line says."""
        pid = _first_child(self._boxes[node].pid)
        return namespaces.run("nsenter", "-t", str(pid), "-m", "-n", "-p", "vtysh", "-c", command)

    def settle(self) -> None:
        """Wait until every powered router hears all its neighbours and answers in the room."""
        waiting = set(self._boxes)

        def settled() -> bool:
            waiting.difference_update([node for node in waiting if self._converged(node)])
            return not waiting

        until(settled, f"OSPF has converged; still waiting for {waiting}", within=60)

    def _converged(self, node: str) -> bool:
        lit = [link for link in NODES[node].links if self._lit(link) and NMS not in (link.a.node, link.z.node)]
        told = json.loads(self.vtysh(node, "show ip ospf neighbor json"))["neighbors"]
        full = [n for many in told.values() for n in many if n["nbrState"].startswith("Full")]
        return len(full) == len(lit) and self.ping(node)

    # ------------------------------------------------------------ building and removing

    def _lay(self) -> None:
        """The namespaces, the fibres between them, and the room's own address."""
        namespaces.ip(f"netns add {PREFIX}{name}" for name in (*NODES, NMS, _FIBRE))
        with inside(_FIBRE):
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # the legs must not speak themselves
        namespaces.ip(
            f"link add {end.port} netns {PREFIX}{end.node} type veth peer name {leg} netns {PREFIX}{_FIBRE}"
            for link in LINKS.values()
            for leg, end in zip(_legs(link), (link.a, link.z), strict=True)
        )
        legs = [leg for link in LINKS.values() for leg in _legs(link)]
        chains = [f'chain {leg} {{ type filter hook ingress device "{leg}" priority 0; }}' for leg in legs]
        self._nft(["table netdev fibre {", *chains, "}"])
        self._pass(LINKS)
        room = LINKS["L-nms"]
        namespaces.ip(
            [
                "link set lo up",
                f"address add {room.a.address}/30 dev {room.a.port}",
                f"link set {room.a.port} up",
                f"route add default via {room.z.address}",
            ],
            NMS,
        )

    def _boot(self, nodes: Iterable[str]) -> None:
        """Start boxes side by side; returns when each has said that its daemons run.

        Seen once: a box died while its daemons started, with nothing in its log. Like anybody in
        front of a real one, we switch it off and on again.
        """
        left = list(nodes)
        for _ in range(_SWITCHES):
            starting = {node: self._start(NODES[node]) for node in left}
            self._boxes.update(starting)
            self._shine({link.id for node in starting for link in NODES[node].links})
            left = [node for node, box in starting.items() if not _says_up(box)]
            if not left:
                return
            for node in left:
                self.power_off(node)
        raise RuntimeError(f"{left[0]} did not boot: {_log(left[0]).read_text()}")

    def _start(self, node: Node) -> subprocess.Popen[str]:
        # setpriv and --kill-child: the box dies with this process, however that dies.
        command = [
            *("setpriv", "--pdeathsig", "KILL"),
            *enter(node.id),
            *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(sys.executable, "-I", "-S", str(Path(__file__).with_name("init.py"))),
        ]
        with _log(node.id).open("a") as log:
            box = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert box.stdin is not None
        json.dump(_specification(node), box.stdin)
        box.stdin.close()
        return box

    def _agent(self, node: str) -> int:
        for pid in namespaces.processes(node):
            if Path(f"/proc/{pid}/comm").read_text() == "snmpd\n":
                return pid
        raise LookupError(f"no snmpd runs on {node}")

    def _lit(self, link: Link) -> bool:
        return link.id not in self._cut and all(e.node in self._boxes or e.node == NMS for e in (link.a, link.z))

    def _shine(self, links: Iterable[str]) -> None:
        """Light where the fibre is whole and both boxes have power; dark at both ends elsewhere."""
        namespaces.ip(
            [
                f"link set {leg} {'up' if self._lit(link) else 'down'}"
                for link in (LINKS[id_] for id_ in links)
                for leg in _legs(link)
            ],
            _FIBRE,
        )

    def _pass(self, links: Iterable[str]) -> None:
        """What comes in at one leg goes out at the other, or nowhere."""
        lines = []
        for link in (LINKS[id_] for id_ in links):
            for here, there in (_legs(link), _legs(link)[::-1]):
                verdict = "drop" if link.id in self._muted else f'fwd to "{there}"'
                lines += [f"flush chain netdev fibre {here}", f"add rule netdev fibre {here} {verdict}"]
        self._nft(lines)

    def _nft(self, lines: Iterable[str]) -> None:
        namespaces.run(*enter(_FIBRE), "nft", "-f", "-", stdin="\n".join([*lines, ""]))

    def _remove(self) -> None:
        for box in self._boxes.values():
            box.kill()
        for box in self._boxes.values():
            box.wait()
        self._boxes.clear()
        namespaces.sweep()
        shutil.rmtree(_LOGS, ignore_errors=True)
        if self._lock:
            self._lock.close()


def check() -> None:
    """Raises UnavailableError with everything that this machine lacks."""
    if os.geteuid() != 0:
        raise UnavailableError("the lab needs root: it makes network namespaces")
    lacking = sorted({package for program, package in _PROGRAMS.items() if not shutil.which(program)})
    if not (_FRR / "ospfd").exists():
        lacking.append("frr")
    if not any(_FRR.parent.glob("*/frr/modules/ospfd_snmp.so")):
        lacking.append("frr-snmp")
    if lacking:
        raise UnavailableError(f"the lab needs Debian's {' '.join(lacking)} (tests/lab/packages.txt)")


def _lock() -> IO[str]:
    """One lab a machine: a second one would sweep the first away. The kernel lets go when we die."""
    file = _LOCK.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UnavailableError(f"another lab runs on this machine: it holds {_LOCK}") from None
    return file


def _specification(node: Node) -> dict[str, object]:
    """What metro/init.py does in this box."""
    ports = _ports(node)
    # A customer's box carries no traffic of others, whatever OSPF may hope for when the ring is cut twice.
    forwards = "0" if node.role == "cpe" else "1"
    return {
        "hostname": node.id,
        "sysctl": {"net/ipv4/ip_forward": forwards},
        "files": {
            "/etc/frr/frr.conf": frr_conf(node),
            "/etc/frr/vtysh.conf": "no service integrated-vtysh-config\n",
            "/etc/snmp/snmp.conf": snmp_conf(node),
            "/etc/snmp/snmpd.conf": snmpd_conf(node),
            # The management address now, not when zebra gets to it: snmpd binds its traps to it.
            "/run/ports": "\n".join(
                [f"address replace {node.address}/32 dev lo", *(f"link set {port} up" for port in ("lo", *ports)), ""]
            ),
        },
        "commands": [
            ["ip", "-batch", "/run/ports"],
            ["/usr/sbin/snmpd", "-Lf", "/var/log/snmpd.log"],  # before its AgentX clients
            *([str(_FRR / daemon), "-d", "-A", "127.0.0.1", "-M", "snmp"] for daemon in ("zebra", "ospfd")),
            ["vtysh", "-b"],
        ],
    }


def _says_up(box: subprocess.Popen[str]) -> bool:
    assert box.stdout is not None
    with box.stdout as told:
        return told.readline() == "up\n"


def _log(node: str) -> Path:
    """What the box's daemons complained of before they had a log of their own."""
    return _LOGS / f"{node}.log"


def _ports(node: Node) -> list[str]:
    return [end.port for _, end in node.ends]


def _legs(link: Link) -> tuple[str, str]:
    """The two interfaces of a link in the fibre namespace."""
    return f"{link.id}.a", f"{link.id}.z"


def _known(links: Iterable[str]) -> tuple[str, ...]:
    asked = tuple(links)
    if strange := [id_ for id_ in asked if id_ not in LINKS]:
        raise KeyError(f"no link {' '.join(strange)} in the lab")
    return asked


def _quiet(*command: str) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _first_child(pid: int) -> int:
    """The box's own first process: unshare stands between it and us."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
