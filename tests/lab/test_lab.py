"""The lab itself: that its routers, fibres, plugs and agents behave as the tests of NetWatch take for granted."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest
from metro import Lab, namespaces
from metro.namespaces import inside
from metro.patience import until
from metro.plan import COMMUNITY, LINKS, NMS, NODES, Node

pytestmark = pytest.mark.lab

SYS_NAME = ".1.3.6.1.2.1.1.5.0"
IF_NAME = ".1.3.6.1.2.1.31.1.1.1.1"
IF_ALIAS = ".1.3.6.1.2.1.31.1.1.1.18"
OPER_STATUS = ".1.3.6.1.2.1.2.2.1.8"
UP, DOWN = "1", "2"
LINK_DOWN = bytes.fromhex("06092b0601060301010503")
LINK_UP = bytes.fromhex("06092b0601060301010504")


@pytest.fixture
def traps() -> Iterator[socket.socket]:
    """UDP port 162 in the room."""
    with inside(NMS), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", 162))
        ear.settimeout(0.1)
        yield ear


def heard(ear: socket.socket, wanted: set[tuple[str, bytes, bytes]]) -> bool:
    """Take one datagram; whether each of (source, notification, ifName) has come by now."""
    try:
        datagram, (source, _) = ear.recvfrom(65535)
    except TimeoutError:
        return False
    wanted -= {w for w in wanted if w[0] == source and w[1] in datagram and w[2] in datagram}
    return not wanted


def oper_status(lab: Lab, link: str) -> list[str]:
    """What the agents at the two ends of a link say of their ports."""
    told = []
    for end in (LINKS[link].a, LINKS[link].z):
        ports = [own.port for _, own in NODES[end.node].ends]
        told += lab.snmp(end.node, f"{OPER_STATUS}.{ports.index(end.port) + 2}")
    return told


def test_every_router_answers_ping_and_snmp_across_the_metro(lab: Lab) -> None:
    for node in NODES:
        assert lab.ping(node)
        assert lab.snmp(node, SYS_NAME) == [node]


def test_ports_have_the_names_and_aliases_of_the_plan(lab: Lab) -> None:
    for node in NODES.values():
        for index, (link, end) in enumerate(node.ends, start=2):
            assert lab.snmp(node.id, f"{IF_NAME}.{index}", f"{IF_ALIAS}.{index}") == [end.port, link.id]


def test_a_box_that_speaks_v3_does_not_answer_to_a_community(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="Timeout: No Response"):
        namespaces.run(
            *namespaces.enter(NMS),
            *("snmpget", "-v2c", "-c", COMMUNITY, "-r", "0", "-t", "0.5", NODES["agg3"].address, SYS_NAME),
        )


def test_a_cut_takes_carrier_at_both_ends_and_both_boxes_trap_it(lab: Lab, traps: socket.socket) -> None:
    ends = (LINKS["L-ring2"].a, LINKS["L-ring2"].z)
    lab.cut("L-ring2")
    wanted = {(NODES[end.node].address, LINK_DOWN, end.port.encode()) for end in ends}
    until(lambda: heard(traps, wanted), "linkDown from both ends, by their management addresses", every=0)
    until(lambda: oper_status(lab, "L-ring2") == [DOWN, DOWN], "both agents say down")
    lab.splice("L-ring2")
    wanted = {(NODES[end.node].address, LINK_UP, end.port.encode()) for end in ends}
    until(lambda: heard(traps, wanted), "linkUp from both ends", every=0)
    until(lambda: oper_status(lab, "L-ring2") == [UP, UP], "both agents say up")


def test_a_muted_fibre_loses_everything_and_keeps_its_light(lab: Lab) -> None:
    lab.mute("L-d")
    until(lambda: not lab.ping("cpe-d"), "cpe-d is silent")
    assert oper_status(lab, "L-ring4") == [UP, UP]
    assert lab.snmp("agg3", f"{OPER_STATUS}.5") == [UP]
    assert NODES["agg3"].ends[3][0].id == "L-d"
    lab.unmute("L-d")
    until(lambda: lab.ping("cpe-d"), "cpe-d answers again")


def test_the_ring_carries_everybody_past_any_one_cut(lab: Lab) -> None:
    for link in ("L-ring1", "L-ring3"):
        lab.cut(link)
        until(lambda: all(lab.ping(node) for node in NODES), f"everybody answers without {link}")
        lab.splice(link)


def test_two_cuts_take_off_what_lies_between_them_and_no_customer_is_a_way_through(lab: Lab) -> None:
    lab.cut("L-ring1", "L-ring3")
    between = {"agg1", "agg2", "acc1", "cpe-a", "cpe-b"}
    until(
        lambda: {node for node in NODES if not lab.ping(node)} == between,
        "those between the cuts are silent; cpe-c, at home on both sides, is not",
    )


def test_a_box_without_power_is_silent_dark_to_its_neighbours_and_comes_back(lab: Lab) -> None:
    lab.power_off("agg2")
    assert not lab.ping("agg2")
    until(lambda: lab.ping("cpe-c"), "cpe-c answers by its other home")
    ring3 = f"{OPER_STATUS}.2"
    assert NODES["agg3"].ends[0][0].id == "L-ring3"
    until(lambda: lab.snmp("agg3", ring3) == [DOWN], "the neighbour's port is down")
    lab.power_on("agg2")
    until(lambda: lab.ping("agg2") and lab.snmp("agg3", ring3) == [UP], "it is back")


def test_a_box_that_dies_while_it_starts_is_switched_on_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.power_off("cpe-a")
    starts = []

    def once_without_luck(node: Node) -> subprocess.Popen[str]:
        box = start(node)
        starts.append(box.pid)
        if len(starts) == 1:
            box.kill()
        return box

    start = lab._start
    monkeypatch.setattr(lab, "_start", once_without_luck)
    lab.power_on("cpe-a")
    assert len(starts) == 2
    until(lambda: lab.ping("cpe-a"), "it answers")


def test_a_hung_agent_answers_pings_only(lab: Lab) -> None:
    lab.hang_agent("cpe-a")
    assert lab.ping("cpe-a")
    with pytest.raises(TimeoutError):
        lab.snmp("cpe-a", SYS_NAME, seconds=0.3)
    lab.wake_agent("cpe-a")
    assert lab.snmp("cpe-a", SYS_NAME) == ["cpe-a"]


def test_an_isolated_room_hears_nobody_while_the_network_is_whole(lab: Lab) -> None:
    lab.isolate_monitor()
    assert not any(lab.ping(node) for node in NODES)
    assert '"10.253.0.10/32"' in lab.vtysh("core1", "show ip route json")
    lab.rejoin_monitor()
    until(lambda: all(lab.ping(node) for node in NODES), "everybody answers again")
