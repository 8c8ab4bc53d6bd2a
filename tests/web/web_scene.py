"""A night in a small metro as a handful of rows: what the view, the board and the metrics are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from zoneinfo import ZoneInfo

from netwatch.core.model import (
    Alarm,
    AlarmState,
    Circuit,
    CircuitState,
    Condition,
    Customer,
    Decision,
    Device,
    DeviceState,
    Domain,
    Entry,
    Exposure,
    Fault,
    Ledger,
    Link,
    Outage,
    Port,
    Role,
    Root,
    RootKind,
    Row,
    Scope,
    ServiceState,
    Severity,
    Site,
    Source,
    State,
    Team,
    Ticket,
    TicketKind,
    TicketState,
    Unknown,
    Window,
)
from netwatch.core.time import DAY, MINUTE, Instant, parse
from netwatch.web.view import Message, View

ZONE = ZoneInfo("Asia/Shanghai")
NOW: Instant = parse("2026-11-02T03:20:00+08:00")
PAUSES = {
    "customer_absent": True,
    "customer_power": True,
    "site_access": True,
    "spare_parts": False,
    "weather": False,
}
LIMITS = {"AAA": 120, "AA": 240, "A": 360, "standard": 480}
SITES = ("城西枢纽", "湖滨路", "高新园", "东站", "大学城", "滨江", "老城南", "开发区", "北塔", "银行中心")
CLASSES = ("standard", "A", "standard", "AA", "standard", "A", "standard", "AAA", "standard", "A")


@cache
def ledger(circuits: int = 400) -> Ledger:
    sites = {
        f"S-{i:02}": Site(f"S-{i:02}", name, "城区" if i < 7 else "郊县", address=f"{name}{i + 10}号机房")
        for i, name in enumerate(SITES)
    }
    devices: dict[str, Device] = {"CORE-1": Device("CORE-1", "核心路由器", Role.CORE, "huawei", "S-00", "10.0.0.1")}
    links: dict[str, Link] = {}
    for i in range(10):
        agg, olt = f"AGG-{i}", f"OLT-{i}"
        devices[agg] = Device(agg, f"{SITES[i]}汇聚", Role.AGGREGATION, "huawei", f"S-{i:02}", f"10.1.{i}.1")
        devices[olt] = Device(olt, f"{SITES[i]} OLT", Role.OLT, "zte", f"S-{i:02}", f"10.2.{i}.1")
        ring = f"L-{i:02}"
        links[ring] = Link(
            ring, Port(agg, "GE0/0/1"), Port(f"AGG-{(i + 1) % 10}", "GE0/0/2"), cables=(f"K-{i:02}",), cores=96
        )
    named: dict[str, Circuit] = {}
    for i in range(circuits):
        cpe = f"CPE-{i:04}"
        devices[cpe] = Device(cpe, "", Role.CPE, "cisco", f"S-{i % 10:02}", f"10.9.{i // 250}.{i % 250}")
        key = f"C-{1000 + i}"
        named[key] = Circuit(
            key,
            f"CU-{i % 60:03}",
            "internet" if i % 3 else "data",
            CLASSES[i % 10],
            (20.0, 100.0, 1000.0)[i % 3],
            "local",
            Port("CORE-1", f"GE1/0/{i}"),
            Port(cpe, "GE0"),
            (f"L-{i % 10:02}",),
            (f"L-{(i + 5) % 10:02}",) if i % 4 == 3 else (),
        )
    customers = {
        f"CU-{i:03}": Customer(f"CU-{i:03}", f"机密客户{i}", "gold" if i % 5 else "diamond", phone="13800000000")
        for i in range(60)
    }
    teams = {
        "代维-线路一组": Team("代维-线路一组", "江南通信代维", frozenset({"cable"}), frozenset({"城区"})),
        "代维-接入二组": Team("代维-接入二组", "江南通信代维", frozenset({"access", "customer"}), frozenset({"城区"})),
        "动力班": Team("动力班", "", frozenset({"power"}), frozenset({"城区", "郊县"})),
    }
    return Ledger(sites, devices, links, customers, named, teams)


def fault(
    key: str, kind: RootKind, root: str, domain: Domain, ago: float, circuits: tuple[str, ...] = (), **more: object
) -> Fault:
    base = Fault(
        key,
        Root(kind, root),
        domain,
        NOW - int(ago * MINUTE),
        None,
        circuits,
        max(1, len(circuits) * 2),
        0.9,
        None,
        None,
        "",
    )
    return replace(base, **more)  # type: ignore[arg-type]


def outage(key: str, circuit: str, of: str, ago: float, assurance: str, **more: object) -> Outage:
    started, limit = NOW - int(ago * MINUTE), LIMITS[assurance]
    base = Outage(
        key,
        circuit,
        "CU-001",
        assurance,
        of,
        started,
        None,
        limit,
        f"rules/sla.toml: {assurance}",
        started + limit * MINUTE,
        int(ago * 60),
        int(ago * 60),
        0,
        ago > limit,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def ticket(key: str, of: str, state: TicketState, ago: float, circuits: tuple[str, ...], **more: object) -> Ticket:
    opened = NOW - int(ago * MINUTE)
    base = Ticket(
        key, of, TicketKind.REPAIR, state, opened, None, None, None, None, None, None, None, "", "", "", None, circuits
    )
    return replace(base, **more)  # type: ignore[arg-type]


def down(rows: list[Row], of: Fault, ago: float, known: Ledger) -> Instant:
    """Every circuit of the fault out; returns the earliest deadline."""
    deadlines = []
    for circuit in of.circuits:
        assurance = known.circuits[circuit].assurance
        one = outage(f"O-{of.id}-{circuit}", circuit, of.id, ago, assurance)
        rows += [one, CircuitState(circuit, ServiceState.DOWN, one.started, assurance, of.id)]
        deadlines.append(one.deadline or 0)
    return min(deadlines)


def night(known: Ledger) -> list[Row]:
    """Open faults of every kind, things planned and things lately cleared."""
    rows: list[Row] = []
    rows += [
        DeviceState(d.id, State.OK, State.OK, NOW - 3 * DAY)
        for d in known.devices.values()
        if d.id not in ("OLT-4", "AGG-8", "CPE-0021")
    ]
    rows += [
        DeviceState("OLT-4", State.BAD, State.BAD, NOW - 52 * MINUTE),
        DeviceState("AGG-8", State.OK, State.BAD, NOW - 14 * MINUTE),
    ]
    rows += [CircuitState(c.id, ServiceState.UP, NOW - 3 * DAY, c.assurance) for c in known.circuits.values()]

    cable = fault(
        "F12",
        RootKind.CABLE,
        "K-07",
        Domain.CABLE,
        96,
        ("C-1007", "C-1017", "C-1027", "C-1037", "C-1047", "C-1003", "C-1013", "C-1001", "C-1011", "C-1002", "C-1004"),
        explains=23,
        confidence=0.97,
        facility_limit_minutes=300,
        facility_deadline=NOW + 204 * MINUTE,
        reason="LOS at both ends of L-07 (AGG-7 GE0/0/1, AGG-8 GE0/0/2) within 2 s; every link in K-07 is down; "
        "AGG-7 and AGG-8 answer by the other side of the ring.",
        against="L-07 alone would explain 9 of 23 symptoms.",
    )
    deadline = down(rows, cable, 96, known)
    rows += [
        cable,
        ticket(
            "T12",
            "F12",
            TicketState.ON_SITE,
            95,
            cable.circuits,
            dispatched=NOW - 94 * MINUTE,
            acknowledged=NOW - 93 * MINUTE,
            accepted=NOW - 91 * MINUTE,
            arrived=NOW - 38 * MINUTE,
            skill="cable",
            team="代维-线路一组",
            deadline=deadline,
            reason="LOS at both ends: a cable does not heal by itself; AAA without a working protection",
            breach_probability=0.71,
        ),
        Alarm(
            "AGG-7",
            "GE0/0/1",
            Condition.LOS,
            AlarmState.ACTIVE,
            Severity.CRITICAL,
            NOW - 96 * MINUTE,
            NOW - 96 * MINUTE,
            None,
            1,
            Source.TRAP,
            "F12",
        ),
        Alarm(
            "AGG-8",
            "GE0/0/2",
            Condition.LOS,
            AlarmState.ACTIVE,
            Severity.CRITICAL,
            NOW - 96 * MINUTE,
            NOW - 96 * MINUTE,
            None,
            1,
            Source.TRAP,
            "F12",
        ),
        Alarm(
            "AGG-7",
            "GE0/0/1",
            Condition.LINK,
            AlarmState.ACTIVE,
            Severity.CRITICAL,
            NOW - 95 * MINUTE,
            NOW - 95 * MINUTE,
            None,
            1,
            Source.POLL,
            "F12",
            "王",
        ),
    ]

    late = fault(
        "F9",
        RootKind.PREMISES,
        "CPE-0033",
        Domain.PREMISES,
        263,
        ("C-1033",),
        reason="Dying gasp of CPE-0033, then silence; its neighbours on AGG-3 are fine.",
        confidence=0.88,
    )
    deadline = down(rows, late, 263, known)
    rows += [
        late,
        ticket(
            "T9",
            "F9",
            TicketState.ACCEPTED,
            262,
            late.circuits,
            dispatched=NOW - 240 * MINUTE,
            acknowledged=NOW - 238 * MINUTE,
            accepted=NOW - 230 * MINUTE,
            skill="customer",
            team="代维-接入二组",
            deadline=deadline,
            reason="half of the limit is used",
            breach_probability=1.0,
        ),
    ]

    olt = fault(
        "F14",
        RootKind.DEVICE,
        "OLT-4",
        Domain.EQUIPMENT,
        52,
        tuple(f"C-{1004 + 10 * i}" for i in range(1, 24)),
        explains=31,
        confidence=0.93,
        reason="OLT-4 does not answer ICMP; AGG-4, next to it, sees its port down; site mains are fine.",
        against="Power of 大学城: no mains or battery alarm from the site.",
    )
    deadline = down(rows, olt, 52, known)
    rows += [
        olt,
        ticket(
            "T14",
            "F14",
            TicketState.TRAVELLING,
            51,
            olt.circuits,
            dispatched=NOW - 49 * MINUTE,
            acknowledged=NOW - 48 * MINUTE,
            accepted=NOW - 44 * MINUTE,
            skill="access",
            team="代维-接入二组",
            deadline=deadline,
            reason="23 circuits on one device",
            breach_probability=0.08,
        ),
        Alarm(
            "OLT-4",
            "",
            Condition.REACHABLE,
            AlarmState.ACTIVE,
            Severity.CRITICAL,
            NOW - 52 * MINUTE,
            NOW - 52 * MINUTE,
            None,
            1,
            Source.PING,
            "F14",
        ),
    ]

    paused = fault(
        "F15",
        RootKind.PREMISES,
        "CPE-0095",
        Domain.PREMISES,
        140,
        ("C-1095",),
        reason="CPE-0095 lost its power; mains of the site are fine.",
    )
    stopped = outage(
        "O-F15", "C-1095", "F15", 140, "A", net_seconds=95 * 60, paused=("customer_power",), deadline=NOW + 265 * MINUTE
    )
    rows += [
        paused,
        stopped,
        CircuitState("C-1095", ServiceState.DOWN, stopped.started, "A", "F15"),
        ticket(
            "T15",
            "F15",
            TicketState.PAUSED,
            139,
            ("C-1095",),
            dispatched=NOW - 120 * MINUTE,
            accepted=NOW - 110 * MINUTE,
            acknowledged=NOW - 118 * MINUTE,
            arrived=NOW - 60 * MINUTE,
            skill="customer",
            team="代维-接入二组",
            deadline=stopped.deadline,
            reason="half of the limit is used",
            breach_probability=0.2,
        ),
    ]

    said = fault(
        "F17",
        RootKind.CIRCUIT,
        "C-1200",
        Domain.PREMISES,
        11,
        ("C-1200",),
        reason="The customer complains; monitoring sees nothing wrong.",
        confidence=0.4,
    )
    heard = outage("O-F17", "C-1200", "F17", 11, "standard", complained=NOW - 11 * MINUTE)
    rows += [
        said,
        heard,
        CircuitState("C-1200", ServiceState.DOWN, heard.started, "standard", "F17"),
        ticket(
            "T17",
            "F17",
            TicketState.DISPATCHED,
            11,
            ("C-1200",),
            dispatched=NOW - 10 * MINUTE,
            skill="customer",
            team="代维-接入二组",
            deadline=heard.deadline,
            reason="a customer's complaint is open",
            breach_probability=0.03,
        ),
    ]

    fresh = fault(
        "F18",
        RootKind.PORT,
        "AGG-5 GE0/0/7",
        Domain.EQUIPMENT,
        3,
        ("C-1005",),
        reason="GE0/0/7 of AGG-5 is down; light is received.",
        confidence=0.62,
    )
    deadline = down(rows, fresh, 3, known)
    rows += [
        fresh,
        ticket(
            "T18",
            "F18",
            TicketState.WATCHING,
            2,
            ("C-1005",),
            skill="data",
            deadline=deadline,
            reason="most such faults heal within 15 min; waiting costs less than going until 03:31",
            breach_probability=0.02,
        ),
    ]

    ring = fault(
        "F16",
        RootKind.LINK,
        "L-02",
        Domain.CABLE,
        31,
        ("C-1107", "C-1147", "C-1187", "C-1103", "C-1123"),
        explains=4,
        reason="L-02 is down at both ends; traffic has switched to the other side of the ring.",
        confidence=0.91,
        facility_limit_minutes=300,
        facility_deadline=NOW + 269 * MINUTE,
    )
    for circuit in ring.circuits:
        assurance = known.circuits[circuit].assurance
        rows += [
            Exposure(f"E-{circuit}", circuit, "F16", ring.opened, None),
            CircuitState(circuit, ServiceState.EXPOSED, ring.opened, assurance, "F16"),
        ]
    rows += [
        ring,
        ticket(
            "T16",
            "F16",
            TicketState.DISPATCHED,
            30,
            ring.circuits,
            dispatched=NOW - 28 * MINUTE,
            skill="cable",
            team="代维-线路一组",
            reason="AAA without a working protection",
        ),
    ]

    mains = fault(
        "F19",
        RootKind.POWER,
        "S-08",
        Domain.POWER,
        8,
        reason="Mains failed at 北塔, on battery; 4 h expected.",
        confidence=0.99,
    )
    agent = fault(
        "F20",
        RootKind.AGENT,
        "AGG-8",
        Domain.MANAGEMENT,
        14,
        reason="SNMP of AGG-8 is silent though ICMP answers.",
        confidence=0.95,
    )
    rows += [
        mains,
        ticket(
            "T19",
            "F19",
            TicketState.DISPATCHED,
            8,
            (),
            kind=TicketKind.ENQUIRY,
            dispatched=NOW - 8 * MINUTE,
            skill="power",
            team="动力班",
            reason="mains failed: ask the power company, compare with the battery",
        ),
        agent,
        Alarm(
            "AGG-8",
            "",
            Condition.AGENT,
            AlarmState.ACTIVE,
            Severity.MINOR,
            NOW - 14 * MINUTE,
            NOW - 14 * MINUTE,
            None,
            1,
            Source.POLL,
            "F20",
        ),
    ]

    work = fault(
        "F21",
        RootKind.DEVICE,
        "AGG-9",
        Domain.EQUIPMENT,
        20,
        ("C-1009", "C-1019"),
        planned=True,
        reason="Planned work M-7.",
    )
    for circuit in work.circuits:
        assurance = known.circuits[circuit].assurance
        rows += [
            outage(f"O-F21-{circuit}", circuit, "F21", 20, assurance, planned_seconds=1200),
            CircuitState(circuit, ServiceState.PLANNED, work.opened, assurance, "F21"),
        ]
    rows += [
        work,
        Window("M-7", NOW - 6 * DAY, NOW - 30 * MINUTE, NOW + 150 * MINUTE, (Scope("device", "AGG-9"),), False),
        Window(
            "M-8",
            NOW - 2 * DAY,
            NOW + DAY,
            NOW + DAY + 240 * MINUTE,
            (Scope("cable", "K-04"), Scope("site", "S-05")),
            False,
        ),
    ]

    for i, (kind, root, domain, ago, length) in enumerate(
        (
            (RootKind.PORT, "AGG-2 GE0/0/9", Domain.EQUIPMENT, 20, 4),
            (RootKind.PREMISES, "CPE-0071", Domain.PREMISES, 64, 41),
            (RootKind.LINK, "L-05", Domain.CABLE, 320, 188),
            (RootKind.POWER, "S-03", Domain.POWER, 500, 95),
            (RootKind.PREMISES, "CPE-0102", Domain.PREMISES, 640, 310),
        )
    ):
        key, circuit = f"F{i + 1}", f"C-{1300 + i}"
        cleared = NOW - (ago - length) * MINUTE
        assurance = known.circuits[circuit].assurance
        rows += [
            fault(key, kind, root, domain, ago, (circuit,), cleared=cleared, reason="It came back."),
            outage(
                f"O-{key}",
                circuit,
                key,
                ago,
                assurance,
                restored=cleared,
                gross_seconds=length * 60,
                net_seconds=length * 60,
                breached=length > LIMITS[assurance],
            ),
            ticket(
                f"T{i + 1}",
                key,
                TicketState.CLOSED,
                ago,
                (circuit,),
                closed=cleared,
                skill="customer",
                team="代维-接入二组",
            ),
        ]
    return rows


def storm(known: Ledger, held: int = 12) -> list[Row]:
    """So many customers dark within a minute that the brake holds their orders."""
    rows: list[Row] = []
    for i in range(held):
        circuit, key = f"C-{1210 + i}", f"F{60 + i}"
        one = fault(key, RootKind.PREMISES, f"CPE-{1210 + i}", Domain.PREMISES, 2, (circuit,), reason="No light.")
        due = down(rows, one, 2, known)
        why = "brake: 30 crews were sent within 10 min, a person must look and acknowledge it first"
        order = ticket(f"T{60 + i}", key, TicketState.WATCHING, 2 - i / 60, (circuit,), deadline=due, reason=why)
        rows += [one, replace(order, braked=True, skill="customer")]
    return rows


def blindness() -> list[Row]:
    """We lost the management network five minutes ago."""
    at = NOW - 5 * MINUTE
    rows: list[Row] = [
        fault("F30", RootKind.MANAGEMENT, "", Domain.MANAGEMENT, 5, reason="All devices fell silent at once: it is us.")
    ]
    for i in range(300, 360):
        rows += [
            Unknown(f"U-{i}", f"C-{1000 + i}", at, None),
            CircuitState(f"C-{1000 + i}", ServiceState.UNKNOWN, at, "standard", "F30"),
        ]
    return rows


def messages() -> Iterator[Message]:
    said = (
        (
            94,
            "sms",
            "team:代维-线路一组",
            "ticket.dispatched",
            "T12",
            "派单 T12：光缆 K-07 中断，城东—滨江段，11 条电路（AAA 1），04:44 前恢复",
        ),
        (93, "feishu", "noc", "ticket.dispatched", "T12", "F12 光缆 K-07 中断，11 条电路，已派 代维-线路一组"),
        (
            49,
            "sms",
            "team:代维-接入二组",
            "ticket.dispatched",
            "T14",
            "派单 T14：大学城 OLT-4 失联，23 条电路，10:28 前恢复",
        ),
        (28, "sms", "team:代维-线路一组", "ticket.dispatched", "T16", "派单 T16：链路 L-02 中断，5 条电路失去保护"),
        (10, "sms", "team:代维-接入二组", "ticket.dispatched", "T17", "派单 T17：客户申告 C-1200，请到用户侧核查"),
        (8, "email", "team:动力班", "ticket.dispatched", "T19", "询问单 T19：北塔停电，请联系供电公司并核实电池"),
    )
    for ago, channel, audience, template, subject, text in said:
        yield Message(NOW - ago * MINUTE, channel, audience, template, subject, text)


def entries() -> tuple[Entry, ...]:
    return (
        Entry(NOW - 96 * MINUTE, "fault.opened", "F12", "LOS at both ends of L-07"),
        Entry(NOW - 95 * MINUTE, "ticket.opened", "T12", "11 circuits without service for 60 s"),
        Entry(NOW - 94 * MINUTE, "ticket.dispatched", "T12", "a cable does not heal by itself"),
        Entry(NOW - 38 * MINUTE, "act.arrive", "T12", "by 李"),
    )


def view(known: Ledger | None = None, *, blind: bool = False) -> View:
    known = known or ledger()
    made = View(known, ZONE, NOW, pauses=PAUSES)
    made.begin([*night(known), *(blindness() if blind else [])], NOW, entries())
    for message in messages():
        made.sent(message)
    return made


def decision(*rows: Row, now: Instant = NOW, **more: object) -> Decision:
    return replace(Decision(now, (), rows, (), ()), **more)  # type: ignore[arg-type]
