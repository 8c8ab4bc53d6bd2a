"""NetWatch against real routers: what was done to them, and what it made of it.

One daemon watches the metro all through this file; each test breaks something, mends it and leaves everything
whole. What NetWatch says is asked over its HTTP API and of its commands, and compared with what the test did and
when. Expectations come from the contract, not from the program: see the figures in metro/books.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from metro import Lab, books
from metro.hostile import barrage, false_link_down
from metro.patience import until
from metro.plan import NODES
from metro.room import Room

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

ALL = ("C-A", "C-B", "C-C", "C-D", "C-V")
AT_REST = {"restored", "cancelled", "closed", "merged"}
SOON = 30.0
"""Seconds within which NetWatch must have drawn its conclusions: a dozen polls and the debounce."""
HEARING = 10.0
"""Seconds by which a clock may start or stop late: two rounds of pings, the agents' caches, the lab's own routing."""


@pytest.fixture(scope="module")
def room(standing_lab: Lab, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    config = books.write(tmp_path_factory.mktemp("room"), project / "rules")
    with Room(config) as room:
        until(lambda: states(room) == dict.fromkeys(ALL, "up"), "NetWatch finds the metro whole", within=SOON)
        yield room
        assert room.stop() == 0
        assert "Traceback" not in room.log()


@dataclass
class Watch:
    """One test's look at the room: what is new since it began."""

    lab: Lab
    room: Room
    old: frozenset[str] = frozenset()
    acts: dict[str, float] = field(default_factory=dict)

    def mark(self, act: str) -> None:
        """Remember when something was done to the network."""
        self.acts[act] = time.time()

    def tickets(self) -> list[dict[str, Any]]:
        return self._new("tickets")

    def faults(self) -> list[dict[str, Any]]:
        """Those that were not absorbed."""
        return [f for f in self._new("faults") if not f["absorbed_by"]]

    def outages(self) -> dict[str, dict[str, Any]]:
        """By circuit; a circuit with two is an error of its own."""
        found = self._new("outages")
        by_circuit = {o["circuit"]: o for o in found}
        assert len(by_circuit) == len(found)
        return by_circuit

    def messages(self, ticket: str) -> list[str]:
        """What the crew was told about a ticket, in order. Killed between sending and noting it, a message goes out
        again under its key: that is no second word."""
        told = [m.body for m in self.room.messages if m.channel == "crew" and m.body["subject"] == ticket]
        return list({body["key"]: body["template"] for body in told}.values())

    def becomes(self, **states_: str) -> None:
        """Wait for circuits to stand as said, all others up. C_D is C-D."""
        wanted = dict.fromkeys(ALL, "up") | {k.replace("_", "-"): v for k, v in states_.items()}
        try:
            until(lambda: states(self.room) == wanted, f"{wanted}", within=SOON, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; circuits stand as {states(self.room)}; faults {self.faults()}") from None

    def after(self, act: str, told: str) -> float:
        """How many seconds after what was done to the network a time lies that NetWatch tells."""
        return datetime.fromisoformat(told).timestamp() - self.acts[act]

    def _new(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.room.listed(name) if row["id"] not in self.old]


@pytest.fixture
def watch(lab: Lab, room: Room) -> Iterator[Watch]:
    old = frozenset(row["id"] for name in ("tickets", "faults", "outages") for row in room.listed(name))
    seen = Watch(lab, room, old)
    yield seen
    lab.mend()
    if not room.alive:
        room.start()
    until(lambda: states(room) == dict.fromkeys(ALL, "up"), "all circuits are up again", within=60)
    until(lambda: not [f for f in room.listed("faults") if not f["cleared"]], "no fault is left", within=60)
    until(lambda: {t["state"] for t in room.listed("tickets")} <= AT_REST, "no ticket waits for stability", within=60)
    sent = {t["id"]: seen.messages(t["id"]).count("ticket.dispatched") for t in seen.tickets()}
    assert max(sent.values(), default=0) <= 1, f"a crew was sent twice for one ticket: {sent}; {seen.tickets()}"


def states(room: Room) -> dict[str, str]:
    return {circuit["id"]: circuit["state"] for circuit in room.listed("circuits")}


def root(fault: dict[str, Any]) -> tuple[str, str]:
    return fault["root"]["kind"], fault["root"]["id"]


def seconds(outage: dict[str, Any]) -> float:
    """From start to end by the two times that it tells."""
    started, restored = (datetime.fromisoformat(outage[key]) for key in ("started", "restored"))
    return (restored - started).total_seconds()


def dispatched(watch: Watch) -> dict[str, Any] | None:
    """The only new ticket, once it has been sent and its message has come."""
    tickets = watch.tickets()
    assert len(tickets) < 2, tickets
    return tickets[0] if tickets and "ticket.dispatched" in watch.messages(tickets[0]["id"]) else None


def restored(watch: Watch, *circuits: str) -> dict[str, dict[str, Any]] | None:
    """The new outages, once those of the circuits have ended."""
    outages = watch.outages()
    return outages if all(outages[c]["restored"] for c in circuits) else None


def test_a_cut_access_fibre_is_one_fault_one_ticket_one_message_and_a_clock_to_the_second(watch: Watch) -> None:
    watch.mark("cut")
    watch.lab.cut("L-d")
    watch.becomes(C_D="down")
    [fault] = watch.faults()
    assert root(fault) in {("cable", "K-d"), ("link", "L-d")}
    assert fault["domain"] == "cable"
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    assert ticket["circuits"] == ["C-D"]
    assert ticket["fault"] == fault["id"]
    outage = watch.outages()["C-D"]
    assert outage["limit_minutes"] == books.LIMITS["C-D"]
    assert outage["clock"] == "running"
    assert 0 <= watch.after("cut", outage["started"]) <= HEARING

    watch.mark("spliced")
    watch.lab.splice("L-d")
    ended = until(lambda: restored(watch, "C-D"), "the clock stopped", within=SOON)["C-D"]
    assert ended["started"] == outage["started"]
    assert 0 <= watch.after("spliced", ended["restored"]) <= HEARING
    assert ended["gross_seconds"] == ended["net_seconds"] == pytest.approx(seconds(ended), abs=0.5)
    assert not ended["breached"]
    watch.becomes()
    until(lambda: watch.tickets()[0]["restored"], "the ticket is restored", within=SOON)
    assert [t["id"] for t in watch.tickets()] == [ticket["id"]]


def test_a_dug_up_duct_is_one_cable_fault_with_every_circuit_in_it_overlays_too(watch: Watch) -> None:
    watch.lab.cut("L-a", "L-b")
    watch.becomes(C_A="down", C_B="down", C_V="down")
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    [fault] = watch.faults()
    assert root(fault) == ("cable", "K-duct")
    assert sorted(ticket["circuits"]) == ["C-A", "C-B", "C-V"]
    assert {c: o["limit_minutes"] for c, o in watch.outages().items()} == {
        c: books.LIMITS[c] for c in ("C-A", "C-B", "C-V")
    }
    watch.lab.splice("L-a")
    watch.becomes(C_B="down")
    assert watch.outages()["C-B"]["restored"] is None
    watch.lab.splice("L-b")
    watch.becomes()
    assert len(watch.tickets()) == 1


def test_one_cut_of_the_ring_exposes_and_the_second_starts_the_clocks_whatever_is_mended_first(watch: Watch) -> None:
    watch.lab.cut("L-ring1")
    watch.becomes(C_A="exposed", C_B="exposed", C_C="exposed", C_D="exposed", C_V="exposed")
    assert watch.outages() == {}
    [first] = watch.faults()
    assert root(first) in {("cable", "K-ring1"), ("link", "L-ring1")}

    watch.mark("second cut")
    watch.lab.cut("L-ring3")
    watch.becomes(C_A="down", C_B="down", C_V="down", C_C="exposed", C_D="exposed")
    outages = watch.outages()
    assert sorted(outages) == ["C-A", "C-B", "C-V"]
    assert all(0 <= watch.after("second cut", outage["started"]) <= HEARING for outage in outages.values())
    assert {root(fault)[1].partition("-")[2] for fault in watch.faults()} == {"ring1", "ring3"}

    watch.mark("first mended")
    watch.lab.splice("L-ring1")
    outages = until(lambda: restored(watch, "C-A", "C-B", "C-V"), "the first splice brings service back", within=SOON)
    assert all(0 <= watch.after("first mended", outage["restored"]) <= HEARING for outage in outages.values())
    watch.becomes(C_A="exposed", C_B="exposed", C_D="exposed", C_V="exposed")
    watch.lab.splice("L-ring3")
    watch.becomes()
    assert len(watch.outages()) == 3
    assert len(watch.tickets()) == 2


def test_a_router_without_power_is_one_device_fault_and_the_dual_homed_customer_keeps_up(watch: Watch) -> None:
    watch.lab.power_off("agg2")
    watch.becomes(**dict.fromkeys(("C_A", "C_B", "C_C", "C_D", "C_V"), "exposed"))
    # Its neighbours see dark links before its own silence counts: those first names are taken in by the right one.
    [fault] = until(lambda: found if len(found := watch.faults()) == 1 else [], "one fault stands", within=SOON)
    assert root(fault) == ("device", "agg2")
    assert fault["domain"] == "equipment"
    [ticket] = until(watch.tickets, "a ticket is open", within=SOON)
    assert ticket["fault"] == fault["id"]
    assert watch.outages() == {}
    watch.lab.power_on("agg2")
    watch.becomes()
    assert [t["id"] for t in watch.tickets()] == [ticket["id"]]


def test_a_customer_without_power_is_a_premises_fault_of_that_customer_alone(watch: Watch) -> None:
    watch.lab.power_off("cpe-b")
    watch.becomes(C_B="down")
    [fault] = watch.faults()
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    assert ticket["circuits"] == ["C-B"]
    # From outside, a dark box and a cut drop look alike: both ends of the fibre lose their light.
    assert root(fault) in {("premises", "cpe-b"), ("cable", "K-duct"), ("link", "L-b")}
    watch.lab.power_on("cpe-b")
    watch.becomes()
    assert len(watch.tickets()) == 1


def test_a_fibre_that_loses_everything_under_full_light_is_an_outage_all_the_same(watch: Watch) -> None:
    watch.mark("muted")
    watch.lab.mute("L-d")
    watch.becomes(C_D="down")
    assert 0 <= watch.after("muted", watch.outages()["C-D"]["started"]) <= HEARING
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    assert ticket["circuits"] == ["C-D"]
    watch.lab.unmute("L-d")
    watch.becomes()
    assert len(watch.tickets()) == 1


def test_a_hung_agent_is_a_fault_without_outage_and_without_ticket(watch: Watch) -> None:
    watch.lab.hang_agent("cpe-a")
    [fault] = until(watch.faults, "the hung agent is a fault", within=SOON)
    assert root(fault) == ("agent", "cpe-a")
    assert fault["domain"] == "management"
    assert states(watch.room) == dict.fromkeys(ALL, "up")
    device = watch.room.show("devices", "cpe-a")
    assert (device["reachable"], device["agent"]) == ("ok", "bad")
    watch.lab.wake_agent("cpe-a")
    until(lambda: watch.faults()[0]["cleared"], "it answers again", within=SOON)
    assert watch.tickets() == []
    assert watch.outages() == {}


def test_an_isolated_room_is_one_management_fault_and_nothing_is_down(watch: Watch) -> None:
    watch.lab.isolate_monitor()
    watch.becomes(**dict.fromkeys(("C_A", "C_B", "C_C", "C_D", "C_V"), "unknown"))
    [fault] = watch.faults()
    assert root(fault)[0] == "management"
    watch.lab.rejoin_monitor()
    watch.becomes()
    [fault] = watch.faults()
    assert fault["cleared"]
    assert watch.tickets() == []
    assert watch.outages() == {}
    assert len([m for m in watch.room.messages if m.channel == "noc" and m.body["subject"] == fault["id"]]) >= 1


def test_killed_in_the_middle_it_goes_on_with_the_same_ticket_and_the_same_clock(watch: Watch) -> None:
    watch.mark("cut")
    watch.lab.cut("L-d")
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    outage = watch.outages()["C-D"]
    watch.room.kill()
    watch.room.start()
    assert states(watch.room)["C-D"] == "down"
    assert watch.outages()["C-D"]["started"] == outage["started"]
    watch.mark("spliced")
    watch.lab.splice("L-d")
    ended = until(lambda: restored(watch, "C-D"), "the clock stopped", within=SOON)["C-D"]
    assert ended["started"] == outage["started"]
    assert 0 <= watch.after("spliced", ended["restored"]) <= HEARING
    assert ended["gross_seconds"] == ended["net_seconds"] == pytest.approx(seconds(ended), abs=0.5)
    watch.becomes()
    assert [t["id"] for t in watch.tickets()] == [ticket["id"]]


def test_killed_before_the_debounce_it_still_counts_from_the_first_evidence(watch: Watch) -> None:
    watch.mark("cut")
    watch.lab.cut("L-d")
    until(lambda: [a for a in watch.room.listed("alarms", device="cpe-d") if a["state"] != "gone"], "it was heard")
    watch.room.kill()
    watch.room.start()
    watch.becomes(C_D="down")
    assert 0 <= watch.after("cut", watch.outages()["C-D"]["started"]) <= HEARING
    until(lambda: dispatched(watch), "the crew was told", within=SOON)


def test_what_was_mended_while_it_was_dead_is_closed_when_it_is_back(watch: Watch) -> None:
    watch.lab.cut("L-d")
    until(lambda: dispatched(watch), "the crew was told", within=SOON)
    watch.room.kill()
    watch.lab.splice("L-d")
    watch.lab.settle()
    watch.mark("back")
    watch.room.start()
    ended = until(lambda: restored(watch, "C-D"), "the clock stopped", within=SOON)["C-D"]
    assert 0 <= watch.after("back", ended["restored"]) <= HEARING  # nobody listened before
    watch.becomes()
    assert len(watch.tickets()) == 1


def test_hostile_datagrams_and_a_false_trap_change_nothing(watch: Watch) -> None:
    watch.lab.cut("L-d")
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    for node in ("cpe-a", "core1"):
        barrage(node, 2000)
    false_link_down("core1")
    device = watch.room.show("devices", "cpe-b")
    assert (device["reachable"], device["agent"]) == ("ok", "ok")
    watch.lab.splice("L-d")
    watch.becomes()
    assert watch.room.alive
    assert [t["id"] for t in watch.tickets()] == [ticket["id"]]
    assert len(watch.outages()) == 1


def test_the_commands_say_what_the_api_says(watch: Watch) -> None:
    watch.lab.cut("L-d")
    watch.becomes(C_D="down")
    ticket = until(lambda: dispatched(watch), "the crew was told", within=SOON)
    listed = {row["id"]: row for row in watch.room.command("ticket", "list")}
    assert listed[ticket["id"]]["state"] == "dispatched"
    circuits = {row["id"]: row["state"] for row in watch.room.command("circuit", "list")}
    assert circuits["C-D"] == "down"
    why = watch.room.command("explain", "C-D")
    assert "K-d" in str(why) or "L-d" in str(why)


@pytest.mark.parametrize(("node", "credential"), [("agg1", "lab"), ("agg3", "v3")])
def test_probe_reads_a_box_as_it_is(watch: Watch, node: str, credential: str) -> None:
    box = NODES[node]
    told = watch.room.command("probe", box.address, "--credential", credential)
    assert told["sys_name"] == node
    assert told["problems"] == []
    ports = {port["name"]: (port["alias"], port["admin"], port["oper"]) for port in told["ports"]}
    assert ports["lo"][1:] == ("up", "up")
    assert {name: port for name, port in ports.items() if name != "lo"} == {
        end.port: (link.id, "up", "up") for link, end in box.ends
    }


def test_what_it_recorded_replays_to_the_same_account(watch: Watch) -> None:
    """Last: everything that this file did to the metro, decided once more from the journal."""
    folder = watch.room.config.parent
    told = watch.room.command(
        "replay", str(folder / "journal.jsonl"), "--ledger", str(folder / "ledger"), "--rules", str(folder / "rules")
    )
    lived = sorted(account(o) for o in watch.room.listed("outages"))
    again = sorted(account(o) for o in told if o["type"] == "outage")
    assert [circuit for circuit, *_ in again] == [circuit for circuit, *_ in lived]
    # Facts of two sources that reach the daemon out of order by a hair count as heard when they are taken.
    for (_, *then), (_, *now) in zip(lived, again, strict=True):
        assert now == pytest.approx(then, abs=0.05)


def account(outage: dict[str, Any]) -> tuple[str, float, float]:
    """Circuit, start and end."""
    started, restored = (datetime.fromisoformat(outage[key]).timestamp() for key in ("started", "restored"))
    return outage["circuit"], started, restored
