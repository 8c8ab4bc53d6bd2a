"""How the routers are configured: frr.conf and snmpd.conf."""

from __future__ import annotations

from metro.plan import COMMUNITY, NMS, NMS_ADDRESS, V3, V3_KEY, V3_USER, Node

_IF = ".1.3.6.1.2.1.2.2.1"
_TRAPS = ".1.3.6.1.6.3.1.1.5"


def frr_conf(node: Node) -> str:
    """OSPF in area 0 with timers of the lab: a neighbour is lost in 4 s, a cut port at once."""
    lines = [f"hostname {node.id}", "agentx", "interface lo", f" ip address {node.address}/32", " ip ospf area 0"]
    for link, end in node.ends:
        lines += [
            f"interface {end.port}",
            f" description {link.id}",
            f" ip address {end.address}/30",
            " ip ospf area 0",
            " ip ospf network point-to-point",
            " ip ospf hello-interval 1",
            " ip ospf dead-interval 4",
            " ip ospf retransmit-interval 1",
        ]
        if NMS in (link.a.node, link.z.node):
            lines.append(" ip ospf passive")
    lines += [
        "router ospf",
        f" ospf router-id {node.address}",
        " timers throttle spf 0 50 500",
        " timers throttle lsa all 100",
        " timers lsa min-arrival 50",
        " log-adjacency-changes",
    ]
    if node.role == "cpe":
        # A customer with two homes is no way through for the carrier's traffic.
        lines.append(" max-metric router-lsa administrative")
    return "\n".join([*lines, ""])


def snmpd_conf(node: Node) -> str:
    """net-snmp with a link monitor of its own: `linkUpDownNotifications` looks once a minute only.

    The monitor's user must not ask for `priv`, or every round of it fails. OIDs are numbers
    because Debian ships no IETF MIBs.
    """
    varbinds = f"-o {_IF}.1 -o {_IF}.7 -o {_IF}.8 -o .1.3.6.1.2.1.31.1.1.1.1"
    aliases = [
        f'override .1.3.6.1.2.1.31.1.1.1.18.{index} octet_str "{link.id}"'
        for index, (link, _) in enumerate(node.ends, start=2)  # lo is 1
    ]
    access = [f"rocommunity {COMMUNITY} {NMS_ADDRESS}"]
    if node.id in V3:
        # A fixed engine id: the keys of who receives its traps hang on it.
        access = [
            f"exactEngineID 0x80001f8804{node.id.encode().hex()}",
            f"createUser {V3_USER} SHA-256 {V3_KEY} AES {V3_KEY}",
            f"rouser {V3_USER} priv",
        ]
    return "\n".join(
        [
            "agentaddress udp:161",
            *access,
            "master agentx",
            f"sysName {node.id}",
            f"sysLocation {node.id}",
            f"trapsess {who(node)} udp:{NMS_ADDRESS}:162",
            "createUser monitor MD5 only-inside-the-box",
            "iquerySecName monitor",
            "rouser monitor",
            f"notificationEvent up {_TRAPS}.4 {varbinds}",
            f"notificationEvent down {_TRAPS}.3 {varbinds}",
            f'monitor -r 2 -e up "up" {_IF}.8 != 2',
            f'monitor -r 2 -e down "down" {_IF}.8 == 2',
            *aliases,
            "",
        ]
    )


def who(node: Node) -> str:
    """How one speaks SNMP with this box, as options of net-snmp's programs."""
    if node.id in V3:
        return f"-v 3 -l authPriv -u {V3_USER} -a SHA-256 -A {V3_KEY} -x AES -X {V3_KEY}"
    return f"-v 2c -c {COMMUNITY}"


def snmp_conf(node: Node) -> str:
    """Traps leave with the management address, whatever port they leave by; no MIB files are looked for."""
    return f"clientaddr {node.address}\nmibs :\n"
