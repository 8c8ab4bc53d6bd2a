from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parent / "web"))

import web_scene as scene
from web_scene import NOW, decision

from netwatch.core.model import (
    CircuitState,
    Condition,
    Domain,
    Ledger,
    Observation,
    Outage,
    RootKind,
    ServiceState,
    Source,
    State,
    TicketState,
)
from netwatch.core.time import MINUTE, SECOND
from netwatch.metrics import Metrics, Queue, Sources
from netwatch.web.view import View


class Told:
    """A view with its metrics, told decisions as the daemon tells them."""

    def __init__(self, view: View | None = None, **more: object) -> None:
        self.now = NOW
        self.view = view or scene.view()
        self.metrics = Metrics(self.view, lambda: self.now, "1.2.3", **more)  # type: ignore[arg-type]

    def hear(self, *rows: object, **more: object) -> None:
        made = decision(*rows, now=self.now, **more)  # type: ignore[arg-type]
        self.metrics.observe(made, self.view.apply(made), self.now)

    def __getitem__(self, sample: str) -> float:
        values = self.all()
        assert sample in values, f"{sample} is not among {sorted(values)}"
        return values[sample]

    def all(self) -> dict[str, float]:
        text = self.metrics.render().decode()
        return {
            name.removeprefix("netwatch_") + "".join(f" {v}" for _, v in sorted(labels.items())): value
            for family in text_string_to_metric_families(text)
            for name, labels, value, *_ in family.samples
        }


def test_gauges_say_what_the_view_says() -> None:
    told = Told()
    assert told["circuits AAA down"] == 5
    assert told["circuits AA exposed"] == 2
    assert told["circuits A unknown"] == 0
    assert told["faults cable"] == 2
    assert told["tickets on_site"] == 1
    assert told["devices down"] == 1
    assert told["alarms critical"] == 4
    assert told["breach_probability T12"] == 0.71
    assert told["deadline_remaining_seconds AAA T12"] == 24 * 60
    assert told["deadline_remaining_seconds AA T9"] == -23 * 60
    assert told["build_info 1.2.3"] == 1


def test_a_closed_ticket_leaves_no_series() -> None:
    told = Told()
    assert any("T12" in name for name in told.all())
    told.hear(scene.ticket("T12", "F12", TicketState.CLOSED, 95, ()))
    assert not any("T12" in name for name in told.all())


def test_sources_are_read_at_the_scrape() -> None:
    dropped: dict[str, int] = {}
    sources = Sources(
        inbox_depth=lambda: 7,
        inbox_dropped=lambda: dropped,
        observations=lambda: {Source.TRAP: 12},
        poll_late=lambda: 1.5,
        outbox=lambda: {"sms": Queue(3, NOW - 90 * SECOND), "log": Queue(0, 0)},
    )
    told = Told(sources=sources)
    assert (told["inbox_depth"], told["poll_late_seconds"], told["observations_total trap"]) == (7, 1.5, 12)
    assert (told["outbox_pending sms"], told["outbox_oldest_seconds sms"]) == (3, 90)
    assert told["outbox_oldest_seconds log"] == 0
    assert told["inbox_dropped_total trap"] == 0
    dropped["trap"] = 5
    assert told["inbox_dropped_total trap"] == 5


def test_a_ticket_is_counted_once_when_it_is_opened() -> None:
    told = Told()
    before = told["tickets_opened_total equipment"]
    fault = scene.fault("F50", RootKind.DEVICE, "OLT-6", Domain.EQUIPMENT, 1)
    told.hear(fault, scene.ticket("T50", "F50", TicketState.WATCHING, 1, ()))
    told.hear(scene.ticket("T50", "F50", TicketState.DISPATCHED, 1, ()))
    assert told["tickets_opened_total equipment"] == before + 1


def test_a_breach_is_counted_once_and_those_of_before_the_start_are_not() -> None:
    told = Told()
    assert told["breaches_total AAA"] == 0
    known = told.view.all(Outage)["O-F9-C-1033"]
    told.hear(replace(known, net_seconds=known.net_seconds + 60))
    assert sum(v for k, v in told.all().items() if k.startswith("breaches_total")) == 0
    late = told.view.all(Outage)["O-F12-C-1007"]
    for _ in range(3):
        told.hear(replace(late, breached=True))
    assert told["breaches_total AAA"] == 1


@settings(max_examples=15)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5000)), max_size=12))
def test_outage_seconds_never_go_back_and_end_at_what_was_lost(ends: list[tuple[bool, int]]) -> None:
    told = Told(View(scene.ledger(20), scene.ZONE, NOW))
    last, most = 0.0, 0
    for over, seconds in ends:
        told.hear(scene.outage("O", "C-1007", "F", 0, "AAA", restored=NOW if over else None, gross_seconds=seconds))
        most = max(most, seconds if over else 0)
        assert told["outage_seconds_total AAA"] >= last
        last = told["outage_seconds_total AAA"]
    assert last == most


def test_delays_are_observed_from_loss_from_hearing_and_from_deciding() -> None:
    told = Told()
    heard = Observation(NOW - 2 * SECOND, "AGG-1", "", Condition.REACHABLE, State.BAD, Source.PING)
    told.hear(scene.outage("O50", "C-1399", "F50", 1, "A"), facts=(heard,))
    assert (told["detection_delay_seconds_sum"], told["detection_delay_seconds_count"]) == (60, 1)
    assert (told["decision_delay_seconds_sum"], told["decision_delay_seconds_count"]) == (2, 1)
    told.metrics.delivered("sms", "sent", 3.5)
    told.metrics.delivered("sms", "retry", 9.0)
    assert (told["notify_delay_seconds_sum"], told["notify_delay_seconds_count"]) == (3.5, 1)
    assert told["deliveries_total sms retry"] == 1


def test_polls_and_reloads() -> None:
    told = Told()
    told.metrics.polled("ok", 0.02)
    told.metrics.polled("timeout", 2.0)
    assert (told["polls_total ok"], told["poll_duration_seconds_count"]) == (1, 2)
    assert told["config_last_reload_successful"] == 1
    told.metrics.reloaded(False)
    assert told["config_last_reload_successful"] == 0


def test_two_daemons_in_one_process_do_not_share_a_count() -> None:
    one, two = Told(), Told()
    one.metrics.polled("ok", 0.1)
    assert one["polls_total ok"] == 1
    assert "polls_total ok" not in two.all()


def circuits(metrics: Metrics) -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(metrics.render_circuits().decode()):
        for sample in family.samples:
            out.setdefault(sample.labels.get("circuit", ""), {})[sample.name.removeprefix("netwatch_")] = sample.value
    return out


def test_circuits_in_trouble_and_those_of_the_named_classes_have_their_series() -> None:
    plain, named = Told(), Told(classes=("AAA",))
    assert len(circuits(plain.metrics)) == 45 + 1
    shown = circuits(named.metrics)
    assert len(shown) == 45 + 32 + 1
    assert shown["C-1007"] == {"circuit_state": 2, "circuit_availability_ratio": pytest.approx(1 - 96 / (27 * 60 + 20))}
    assert shown["C-1397"]["circuit_state"] == 0
    assert shown[""] == {"circuit_series_truncated": 0}


def test_when_not_all_fit_those_in_trouble_stay_and_the_rest_is_counted() -> None:
    told = Told(classes=("AAA",), cap=50)
    shown = circuits(told.metrics)
    assert shown[""]["circuit_series_truncated"] == 27
    assert sum(1 for s in shown.values() if s.get("circuit_state", 0) > 0) == 45


@given(st.text(max_size=12))
def test_any_name_of_a_circuit_can_be_read_back(name: str) -> None:
    told = Told(View(Ledger(), scene.ZONE, NOW))
    told.view.apply(decision(CircuitState(name, ServiceState.DOWN, NOW - MINUTE, '甲\\n"级')))
    families = {f.name: f for f in text_string_to_metric_families(told.metrics.render_circuits().decode())}
    (sample,) = families["netwatch_circuit_state"].samples
    assert sample.labels == {"circuit": name, "assurance": '甲\\n"级'}


def test_no_series_tells_when_a_counter_was_made() -> None:
    told = Told()
    told.metrics.polled("ok", 0.1)
    assert [name for name in told.all() if "_created" in name] == []


def test_no_customer_is_in_any_label() -> None:
    told = Told(classes=("AAA", "AA", "A", "standard"))
    text = (told.metrics.render() + told.metrics.render_circuits()).decode()
    for secret in ("机密客户", "CU-0", "13800000000", "gold"):
        assert secret not in text
