"""Yungang, a city that does not exist: its exchanges, fibres, leased lines and customers as a resource ledger.

    CORE-1 ═ CORE-2                      two cores, two cables between them
      │ R1        │ R6
    AGG-1 ─ AGG-2 ─ AGG-3 ─ AGG-4 ─ AGG-5       an aggregation ring of six spans, R1 … R6
      access nodes, transmission shelves and OLTs hang on the ring; CPE and ONUs hang on those

Lines of a high class are protected round the other way of the ring or by a second tail; span R3 in the middle
carries protecting routes only, so cutting it takes nothing down and leaves much exposed. K-DUCT-4 is what real
ledgers hide: one duct for a ring span and for an access node's second uplink.

Every name is invented; the telephone numbers are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from netwatch.core.model import (
    Circuit,
    Customer,
    Device,
    Ledger,
    Link,
    Medium,
    Port,
    Role,
    Site,
    Team,
)

CREDENTIAL, WITH_SHELL = "demo", "demo-cli"
"""The names of the read community in the demo's config.toml, and of the one with a login to the command line."""

SHELLS = ("AGG-2", "ACC-3", "ACC-4")
"""Boxes whose command line is visited."""

ZONE = ZoneInfo("Asia/Shanghai")

ONU_NUMBER, SERIAL = "onu_number", "serial"
"""Notes of an ONU: its number on its PON port, and what is printed on it."""

VANTAGE = "CORE-1"
"""Where the monitoring stands."""

_RING = ("CORE-1", "AGG-1", "AGG-2", "AGG-3", "AGG-4", "AGG-5", "CORE-2")
_ROUND = tuple(f"L-R{n}" for n in range(1, 7))
"""Ring links in order: L-R1 is CORE-1 to AGG-1, L-R6 is AGG-5 to CORE-2."""
_BRIDGE = "L-CORE-A"
_MIDDLE = 3
"""Spans up to here lead to CORE-1 first, those after it to CORE-2."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A node below the ring and the places it hangs on."""

    id: str
    role: Role
    vendor: str
    place: str
    up: tuple[str, ...]
    feed: str
    battery: float = 60


@dataclass(frozen=True, slots=True)
class _Line:
    """A leased line as sold: class, product, Mbit/s, how it is protected (`ring`, `tail`, or not)."""

    assurance: str
    product: str
    mbps: float
    protected: str = ""


@dataclass(frozen=True, slots=True)
class _End:
    """A customer's premises: the CPE or ONU there, where it hangs, whether behind a media converter."""

    customer: str
    up: tuple[str, ...]
    lines: tuple[_Line, ...]
    vendor: str = "huawei"
    converter: bool = False
    suburb: bool = False


_AGGREGATION = {
    "AGG-1": ("东门局 East Gate", "east", "F-EAST"),
    "AGG-2": ("石桥局 Stone Bridge", "east", "F-EAST"),
    "AGG-3": ("湖心局 Lake Heart", "west", "F-LAKE"),
    "AGG-4": ("竹园局 Bamboo Garden", "west", "F-WEST"),
    "AGG-5": ("西岭局 West Ridge", "west", "F-WEST"),
}

_NODES = (
    _Node("ACC-1", Role.ACCESS, "huawei", "茶市 Tea Market", ("AGG-1",), "F-EAST"),
    _Node("ACC-2", Role.ACCESS, "h3c", "渡口 Ferry", ("AGG-1", "AGG-2"), "F-FERRY"),
    _Node("ACC-3", Role.ACCESS, "huawei", "钟楼 Bell Tower", ("AGG-2",), "F-EAST"),
    _Node("ACC-4", Role.ACCESS, "huawei", "云桥园 Cloudbridge Park", ("AGG-2",), "F-PARK", 120),
    _Node("ACC-5", Role.ACCESS, "h3c", "湖滨 Lakeside", ("AGG-4", "AGG-3"), "F-LAKE"),
    _Node("ACC-6", Role.ACCESS, "huawei", "竹园北 Bamboo North", ("AGG-4",), "F-WEST"),
    _Node("ACC-7", Role.ACCESS, "huawei", "果园 Orchard", ("AGG-5",), "F-ORCHARD", 30),
    _Node("ACC-8", Role.ACCESS, "h3c", "西岭南 Ridge South", ("AGG-5",), "F-WEST"),
    _Node("TX-1", Role.TRANSMISSION, "huawei", "港务区 Harbour", ("AGG-2",), "F-HARBOUR", 240),
    _Node("TX-2", Role.TRANSMISSION, "huawei", "矿山 Quarry", ("AGG-5",), "F-ORCHARD", 30),
    _Node("OLT-1", Role.OLT, "huawei", "东门局 East Gate, hall 2", ("AGG-1",), "F-EAST", 240),
    _Node("OLT-2", Role.OLT, "zte", "竹园局 Bamboo Garden, hall 2", ("AGG-4",), "F-WEST", 240),
)

_CUSTOMERS = {
    "CU-01": ("松风示例银行 Pinewind Example Bank", "diamond", True),
    "CU-02": ("云港虚构市民医院 Yungang Fictional Hospital", "diamond", True),
    "CU-03": ("纸鸢电力（示例） Paperkite Example Power", "gold", True),
    "CU-04": ("鲸歌证券（虚构） Whalesong Fictional Securities", "gold", False),
    "CU-05": ("橙鹿物流（示例） Orangedeer Example Logistics", "silver", False),
    "CU-06": ("半山中学（虚构） Halfhill Fictional School", "silver", False),
    "CU-07": ("蓝砖软件（示例） Bluebrick Example Software", "gold", False),
    "CU-08": ("听雨茶业（虚构） Rainlisten Fictional Tea", "bronze", False),
    "CU-09": ("九号仓超市（示例） Depot Nine Example Markets", "bronze", False),
    "CU-10": ("石桥酒店（虚构） Stonebridge Fictional Hotels", "silver", False),
    "CU-11": ("白帆造船（示例） Whitesail Example Shipyard", "gold", False),
    "CU-12": ("萤火动画（虚构） Firefly Fictional Pictures", "standard", False),
    "CU-13": ("长耳农场（示例） Longear Example Farms", "standard", False),
    "CU-14": ("木星玩具（虚构） Jupiter Fictional Toys", "bronze", False),
    "CU-15": ("静湖疗养院（示例） Stillake Example Sanatorium", "silver", False),
    "CU-16": ("西岭采石（虚构） Westridge Fictional Quarries", "standard", False),
}

_CPE = (
    _End("CU-01", ("ACC-1", "ACC-3"), (_Line("AAA", "data", 200, "tail"),)),
    _End("CU-05", ("ACC-1",), (_Line("A", "vpn", 50),)),
    _End("CU-08", ("ACC-1",), (_Line("standard", "internet", 100),), converter=True),
    _End("CU-10", ("ACC-1",), (_Line("AA", "voice", 20, "ring"),)),
    _End("CU-04", ("ACC-2", "ACC-4"), (_Line("AAA", "data", 500, "tail"),)),
    _End("CU-09", ("ACC-2",), (_Line("standard", "internet", 50),)),
    _End("CU-06", ("ACC-2",), (_Line("A", "internet", 200),), converter=True),
    _End("CU-05", ("ACC-2",), (_Line("AA", "data", 100, "ring"),)),
    _End("CU-10", ("ACC-3",), (_Line("A", "data", 50),)),
    _End("CU-14", ("ACC-3",), (_Line("standard", "ipshop", 20),), vendor="adva", converter=True),
    _End("CU-02", ("ACC-3",), (_Line("AAA", "data", 1000, "ring"), _Line("AA", "voice", 50, "ring"))),
    _End("CU-07", ("ACC-4",), (_Line("AA", "internet", 1000, "ring"),)),
    _End("CU-12", ("ACC-4",), (_Line("A", "data", 500),), converter=True),
    _End("CU-07", ("ACC-4",), (_Line("A", "vpn", 200),)),
    _End("CU-12", ("ACC-4",), (_Line("standard", "internet", 300),), vendor="adva"),
    _End("CU-11", ("TX-1",), (_Line("AA", "data", 155, "ring"),), suburb=True),
    _End("CU-11", ("TX-1",), (_Line("A", "voice", 10),), suburb=True),
    _End("CU-15", ("ACC-5",), (_Line("AA", "data", 100, "ring"),)),
    _End("CU-09", ("ACC-5",), (_Line("standard", "vpn", 20),)),
    _End("CU-03", ("ACC-8", "ACC-6"), (_Line("AAA", "data", 155, "tail"), _Line("AAA", "voice", 10, "tail"))),
    _End("CU-04", ("ACC-6",), (_Line("A", "data", 100),), converter=True),
    _End("CU-13", ("ACC-7",), (_Line("standard", "internet", 20),), suburb=True),
    _End("CU-01", ("ACC-7",), (_Line("AA", "data", 50, "ring"),), suburb=True),
    _End("CU-08", ("ACC-8",), (_Line("A", "vpn", 20),), vendor="adva", converter=True),
    _End("CU-06", ("ACC-8",), (_Line("A", "internet", 200),)),
    _End("CU-16", ("TX-2",), (_Line("standard", "apn", 5),), suburb=True),
)

_ONU = (
    _End("CU-08", ("OLT-1", "1"), (_Line("standard", "internet", 100),)),
    _End("CU-10", ("OLT-1", "1"), (_Line("A", "internet", 300),)),
    _End("CU-14", ("OLT-1", "1"), (_Line("standard", "voice", 2),)),
    _End("CU-12", ("OLT-1", "2"), (_Line("standard", "internet", 100),)),
    _End("CU-06", ("OLT-1", "2"), (_Line("AA", "data", 100, "ring"),)),
    _End("CU-15", ("OLT-2", "1"), (_Line("A", "internet", 200),)),
    _End("CU-03", ("OLT-2", "1"), (_Line("standard", "apn", 2),)),
    _End("CU-13", ("OLT-2", "1"), (_Line("standard", "internet", 50),)),
)

_AT_CUSTOMERS = frozenset({Role.CPE, Role.ONU, Role.CONVERTER})

_TEAMS = (
    ("T-CABLE", "云线代维（示例）", "cable", "east west", "老钱 Qian"),
    ("T-EAST", "东网代维（示例）", "transport data access voice", "east", "小周 Zhou"),
    ("T-WEST", "西网代维（示例）", "transport data access voice", "west", "小吴 Wu"),
    ("T-POWER", "恒电代维（示例）", "power", "east west", "老郑 Zheng"),
    ("T-DOOR", "", "customer", "east west", "小冯 Feng"),
)


class _Survey:
    """Collects the ledger's records and hands out the next free port of a device."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.devices: dict[str, Device] = {}
        self.links: dict[str, Link] = {}
        self.customers: dict[str, Customer] = {}
        self.circuits: dict[str, Circuit] = {}
        self.teams: dict[str, Team] = {}
        self._ports: Counter[str] = Counter()
        self._addresses: Counter[Role] = Counter()

    def device(
        self, it: str, role: Role, vendor: str, site: str, managed: bool = True, notes: Mapping[str, str] | None = None
    ) -> None:
        address = ""
        if managed and role is not Role.ONU:
            self._addresses[role] += 1
            address = f"127.60.{list(Role).index(role) + 1}.{self._addresses[role]}"
        name = it if role in _AT_CUSTOMERS else f"{it} {self.sites[site].name}"
        credential = (WITH_SHELL if it in SHELLS else CREDENTIAL) if address else ""
        self.devices[it] = Device(it, name, role, vendor, site, address, credential, managed, notes or {})

    def port(self, device: str) -> Port:
        self._ports[device] += 1
        n = self._ports[device]
        d = self.devices[device]
        match d.role, d.vendor:
            case Role.CONVERTER, _:
                return Port(device, f"port{n}")
            case ((Role.ONU | Role.POWER), _):
                return Port(device, f"eth{n - 1}")
            case _, "zte":
                return Port(device, f"gei_1/4/{n}")
            case _, "adva":
                return Port(device, f"ETH PORT-1-1-1-{n}")
            case _, "h3c":
                return Port(device, f"GigabitEthernet1/0/{n}")
            case _:
                return Port(device, f"GigabitEthernet0/0/{n}")

    def link(
        self,
        it: str,
        a: Port,
        z: Port,
        *cables: str,
        medium: Medium = Medium.FIBRE,
        cores: int | None = None,
    ) -> str:
        self.links[it] = Link(it, a, z, medium, cables, cores)
        return it

    def ledger(self) -> Ledger:
        return Ledger(self.sites, self.devices, self.links, self.customers, self.circuits, self.teams)


def build() -> Ledger:
    """Survey Yungang: 60 devices, 40 leased lines, the same each time."""
    s = _Survey()
    _exchanges(s)
    uplinks = _nodes(s)
    for number, (customer, (name, level, important)) in enumerate(_CUSTOMERS.items(), 1):
        s.customers[customer] = Customer(
            customer, name, level, important, "客户经理 Hu", "值班室", f"000-0000-{number:04}", "zh"
        )
    ends = [*_cpe(s, uplinks), *_onu(s, uplinks)]
    for number, (device, end, line, working, protecting) in enumerate(ends, 1001):
        core = "CORE-1" if working[-1] == "L-R1" else "CORE-2"
        s.circuits[f"C-{number}"] = Circuit(
            f"C-{number}",
            end.customer,
            line.product,
            line.assurance,
            line.mbps,
            "local",
            Port(device, ""),
            Port(core, ""),
            working,
            protecting,
        )
    _overlays(s)
    for team, company, skills, regions, leader in _TEAMS:
        s.teams[team] = Team(
            team,
            company,
            frozenset(skills.split()),
            frozenset(regions.split()),
            leader,
            "000-0000-9000",
            (team.lower(),),
            frozenset({"electrician"}) if team == "T-POWER" else frozenset(),
        )
    return s.ledger()


def _exchanges(s: _Survey) -> None:
    for core, name, feed in (
        ("CORE-1", "中心局一 Central One", "F-CORE1"),
        ("CORE-2", "中心局二 Central Two", "F-CORE2"),
    ):
        s.sites[f"S-{core}"] = Site(f"S-{core}", name, "east" if core == "CORE-1" else "west", "city", feed, 600)
        s.device(core, Role.CORE, "huawei", f"S-{core}")
    for agg, (name, region, feed) in _AGGREGATION.items():
        s.sites[f"S-{agg}"] = Site(f"S-{agg}", name, region, "city", feed, 240)
        s.device(agg, Role.AGGREGATION, "huawei", f"S-{agg}")
    s.device("PWR-4", Role.POWER, "huawei", "S-AGG-4")
    for letter in "AB":
        s.link(f"L-CORE-{letter}", s.port("CORE-1"), s.port("CORE-2"), f"K-CORE-{letter}", cores=144)
    for n, (a, z) in enumerate(pairwise(_RING), 1):
        duct = ("K-DUCT-4",) if (a, z) == ("AGG-3", "AGG-4") else ()
        s.link(f"L-R{n}", s.port(a), s.port(z), f"K-RING-{n}", *duct, cores=96)
    s.link("L-PWR-4", s.port("AGG-4"), s.port("PWR-4"), medium=Medium.COPPER)


def _nodes(s: _Survey) -> dict[str, tuple[str, ...]]:
    """Place what hangs on the ring; returns the uplinks of each node."""
    uplinks: dict[str, tuple[str, ...]] = {}
    for node in _NODES:
        region = _AGGREGATION[node.up[0]][1]
        area = "suburb" if node.role is Role.TRANSMISSION else "city"
        s.sites[f"S-{node.id}"] = Site(f"S-{node.id}", node.place, region, area, node.feed, node.battery)
        s.device(node.id, node.role, node.vendor, f"S-{node.id}")
        links = []
        for n, agg in enumerate(node.up, 1):
            suffix = f"-{n}" if len(node.up) > 1 else ""
            duct = ("K-DUCT-4",) if node.id == "ACC-5" and n > 1 else ()
            cable = f"K-{node.id}{suffix}"
            links.append(s.link(f"L-{node.id}{suffix}", s.port(agg), s.port(node.id), cable, *duct, cores=48))
        uplinks[node.id] = tuple(links)
    return uplinks


_Sold = tuple[str, _End, _Line, tuple[str, ...], tuple[str, ...]]


def _cpe(s: _Survey, uplinks: dict[str, tuple[str, ...]]) -> Iterable[_Sold]:
    for number, end in enumerate(_CPE, 1):
        cpe, site = f"CPE-{number:02}", f"S-P{number:02}"
        region = s.sites[f"S-{end.up[0]}"].region
        s.sites[site] = Site(site, f"用户机房 Premises {number:02}", region, "suburb" if end.suburb else "city")
        s.device(cpe, Role.CPE, end.vendor, site)
        tails: list[tuple[str, ...]] = []
        for n, node in enumerate(end.up, 1):
            name = f"{number:02}" + ("ab"[n - 1] if len(end.up) > 1 else "")
            if end.converter:
                box = f"MC-{number:02}"
                s.device(box, Role.CONVERTER, "", site, managed=False)
                fibre = s.link(f"L-T{name}f", s.port(node), s.port(box), f"K-T{name}", cores=4)
                copper = s.link(f"L-T{name}c", s.port(box), s.port(cpe), medium=Medium.COPPER)
                tails.append((copper, fibre))
            else:
                tails.append((s.link(f"L-T{name}", s.port(node), s.port(cpe), f"K-T{name}", cores=4),))
        for line in end.lines:
            working = (*tails[0], *_homewards(s, uplinks[end.up[0]][0]))
            yield cpe, end, line, working, _protecting(s, line, end, tails, uplinks)


def _onu(s: _Survey, uplinks: dict[str, tuple[str, ...]]) -> Iterable[_Sold]:
    taken: Counter[Port] = Counter()
    for number, end in enumerate(_ONU, 1):
        onu, site = f"ONU-{number:02}", f"S-Q{number:02}"
        olt, pon = end.up
        s.sites[site] = Site(site, f"用户机房 Premises {number + len(_CPE)}", s.sites[f"S-{olt}"].region, "city")
        port = Port(olt, f"GPON 0/1/{int(pon) - 1}" if s.devices[olt].vendor == "huawei" else f"gpon_1/1/{pon}")
        taken[port] += 1
        serial = f"{'HWTC' if s.devices[olt].vendor == 'huawei' else 'ZTEG'}{0xD3E00000 + number:08X}"
        s.device(onu, Role.ONU, s.devices[olt].vendor, site, notes={ONU_NUMBER: str(taken[port]), SERIAL: serial})
        cables = (f"K-PON-{olt[4:]}-{pon}", f"K-Q{number:02}")
        tail = (s.link(f"L-Q{number:02}", port, s.port(onu), *cables, medium=Medium.PON, cores=1),)
        for line in end.lines:
            up = uplinks[olt][0]
            protecting = (*tail, *_outwards(s, up)) if line.protected else ()
            yield onu, end, line, (*tail, *_homewards(s, up)), protecting


def _protecting(
    s: _Survey, line: _Line, end: _End, tails: list[tuple[str, ...]], uplinks: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    match line.protected:
        case "ring":  # by the node's second uplink where it has one, then round the other way
            return (*tails[0], *_outwards(s, uplinks[end.up[0]][-1]))
        case "tail":
            up = uplinks[end.up[1]][0]
            # The bank's second tail comes home the short way: both its routes share span R1.
            return (*tails[1], *(_homewards(s, up) if end.customer == "CU-01" else _outwards(s, up)))
        case _:
            return ()


def _homewards(s: _Survey, uplink: str) -> tuple[str, ...]:
    """From a node over its uplink and the ring to the nearer core."""
    at = _RING.index(s.links[uplink].a.device)
    return (uplink, *(reversed(_ROUND[:at]) if at < _MIDDLE else _ROUND[at:]))


def _outwards(s: _Survey, uplink: str) -> tuple[str, ...]:
    """Round the other way, and between the cores back to the home core."""
    at = _RING.index(s.links[uplink].a.device)
    return (uplink, *(_ROUND[at:] if at < _MIDDLE else reversed(_ROUND[:at])), _BRIDGE)


def _overlays(s: _Survey) -> None:
    """A line between two branches of one customer, and services that ride on a leased line."""
    carried = {c.a.device: c for c in s.circuits.values()}
    number = 1001 + len(s.circuits)
    one, other = carried["CPE-05"], carried["CPE-21"]
    across = (*one.working, _BRIDGE, *reversed(other.working))
    s.circuits[f"C-{number}"] = Circuit(f"C-{number}", one.customer, "data", "A", 100, "city", one.a, other.a, across)
    number += 1
    for device, product, mbps in (("CPE-12", "vpn", 300), ("CPE-20", "vpn", 50), ("ONU-02", "voice", 2)):
        base = carried[device]
        id_ = f"C-{number}"
        s.circuits[id_] = Circuit(
            id_, base.customer, product, base.assurance, mbps, "local", base.a, base.z, over=base.id
        )
        number += 1
