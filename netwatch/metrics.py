"""Every metric of NetWatch, in one list. Names and labels are a promise to dashboards and alert rules.

Things that happen are counted by being told (`observe`, `heard`, `polled`, `delivered`); things that are so are
read when Prometheus asks, from the view and from whoever was named as their source. Labels hold ids of tickets
and circuits, never a customer. Circuits by the hundred thousand have an endpoint and a renderer of their own:
prometheus-client needs 0.76 s of CPU for 100 k series, a plain text renderer 0.034 s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from netwatch.core.model import (
    CircuitState,
    Decision,
    Domain,
    Fact,
    Fault,
    Outage,
    ServiceState,
    Severity,
    Source,
    Ticket,
    TicketState,
)
from netwatch.core.time import SECOND, Instant
from netwatch.web.view import CLOSED, Change, View

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

STATE_VALUE: Final = {
    ServiceState.UP: 0,
    ServiceState.EXPOSED: 1,
    ServiceState.DOWN: 2,
    ServiceState.UNKNOWN: 3,
    ServiceState.PLANNED: 4,
}
"""What `netwatch_circuit_state` means."""

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600, 1800)
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Queue(NamedTuple):
    """What one channel still owes."""

    pending: int
    oldest: Instant
    """When the oldest of it was decided."""


class Hearing(NamedTuple):
    """What listening has counted since the start, and how it stands."""

    polls_late: int = 0
    """Polls that began more than an interval behind their plan."""
    polls_nudged: int = 0
    polls_running: int = 0
    devices_slow: int = 0
    snmp_repeats: int = 0
    """Questions that were sent once more."""
    traps: Mapping[str, int] = {}
    """By what became of them."""
    syslog: Mapping[str, int] = {}
    connections: Mapping[str, int] = {}
    """For syslog over TCP and TLS, by what became of them."""
    visits: Mapping[str, int] = {}
    """By result."""
    visit_late: float = 0.0
    """Seconds."""
    ssh_logins: int = 0
    ssh_commands: int = 0
    ssh_sessions: Mapping[str, int] = {}
    """`running`, `kept`."""


class Sources:
    """Where gauges are read from. Each is asked when Prometheus scrapes; none may block."""

    def __init__(
        self,
        *,
        inbox_depth: Callable[[], int] = lambda: 0,
        inbox_dropped: Callable[[], Mapping[str, int]] = dict,
        observations: Callable[[], Mapping[str, int]] = dict,
        poll_late: Callable[[], float] = lambda: 0.0,
        outbox: Callable[[], Mapping[str, Queue]] = dict,
        hearing: Callable[[], Hearing] = Hearing,
        lag: Callable[[], float] = lambda: 0.0,
        calibration: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.inbox_depth, self.inbox_dropped, self.observations = inbox_depth, inbox_dropped, observations
        self.poll_late, self.outbox = poll_late, outbox
        self.hearing, self.lag, self.calibration = hearing, lag, calibration


class Metrics:
    """The metrics of one daemon, with a registry of its own.

    `classes` are the assurance classes of which every circuit has its series, up or not; `cap` bounds the series
    of `/metrics/circuits`, and `circuit_series_truncated` says how many did not fit.
    """

    def __init__(
        self,
        view: View,
        clock: Callable[[], Instant],
        version: str,
        sources: Sources | None = None,
        *,
        classes: Collection[str] = (),
        cap: int = 2000,
    ) -> None:
        self.view, self.clock = view, clock
        self.classes, self.cap = frozenset(classes), cap
        self.registry = _Registry(auto_describe=True)
        self.registry.register(_Now(view, clock, sources or Sources()))
        self._counted: dict[str, int] = {}

        def counter(name: str, help: str, *labels: str) -> Counter:  # noqa: A002 - the exposition's own word
            return Counter(f"netwatch_{name}", help, labels, registry=self.registry)

        def histogram(name: str, help: str, buckets: Sequence[float]) -> Histogram:  # noqa: A002
            return Histogram(f"netwatch_{name}", help, buckets=buckets, registry=self.registry)

        self._poll_seconds = histogram("poll_duration_seconds", "How long asking one device took.", _FAST)
        self._polls = counter("polls_total", "Polls by result.", "result")
        self._visit_seconds = histogram("visit_duration_seconds", "How long visiting one command line took.", _SECONDS)
        self._outage_seconds = counter(
            "outage_seconds_total", "Seconds without service, counted when the service is back.", "assurance"
        )
        self._tickets_opened = counter("tickets_opened_total", "Tickets opened, by whose work they are.", "domain")
        self._breaches = counter("breaches_total", "Outages that went beyond their limit in net time.", "assurance")
        self._detection = histogram(
            "detection_delay_seconds", "From the first loss to the decision that calls it an outage.", _SECONDS
        )
        self._decision = histogram("decision_delay_seconds", "From hearing to having decided and committed.", _FAST)
        self._notify = histogram("notify_delay_seconds", "From deciding a message to its delivery.", _SECONDS)
        self._deliveries = counter("deliveries_total", "Attempts to deliver, by result.", "channel", "result")
        self._reloaded = Gauge(
            "netwatch_config_last_reload_successful", "1 unless the last reload was refused.", registry=self.registry
        )
        build = Gauge("netwatch_build_info", "Always 1; the version runs.", ["version"], registry=self.registry)
        build.labels(version).set(1)
        self._reloaded.set(1)
        # Series that exist from the start make rate() right for the first event too.
        for domain in Domain:
            self._tickets_opened.labels(domain)
        for assurance in sorted({c.assurance for c in view.ledger.circuits.values()}):
            self._outage_seconds.labels(assurance)
            self._breaches.labels(assurance)

    # ------------------------------------------------------------ what happens

    def observe(
        self, decision: Decision, changes: Iterable[Change], committed: Instant, heard: Iterable[Fact] = ()
    ) -> None:
        """A decision was committed; `changes` are what `View.apply` returned for it, `heard` the batch behind it."""
        facts = tuple(heard) or decision.facts
        if facts:
            self._decision.observe(max(0, committed - min(fact.at for fact in facts)) / SECOND)
        for change in changes:
            match change.new:
                case Outage():
                    self._observe_outage(change.old, change.new, decision.now)
                case Ticket() if change.old is None:
                    fault = self.view.get(Fault, change.new.fault)
                    self._tickets_opened.labels(fault.domain if fault else "unknown").inc()
                case _:
                    pass

    def _observe_outage(self, old: object, new: Outage, now: Instant) -> None:
        if old is None:
            self._detection.observe(max(0, now - new.started) / SECOND)
        if new.breached and not (isinstance(old, Outage) and old.breached):
            self._breaches.labels(new.assurance).inc()
        if new.restored is not None:
            # An outage that comes back within its stability window ends twice: only what is new is added.
            # Nothing is counted while it runs, for the end lies in the past when it is known, and a counter
            # that went back would look like a restart.
            before = self._counted.get(new.id, 0)
            if new.gross_seconds > before:
                self._outage_seconds.labels(new.assurance).inc(new.gross_seconds - before)
                self._counted[new.id] = new.gross_seconds
            if len(self._counted) > 10_000:
                running = self.view.all(Outage)
                self._counted = {k: v for k, v in self._counted.items() if k in running}

    def polled(self, result: str, seconds: float) -> None:
        """One device was asked: `result` is `ok`, `timeout`, `error` …"""
        self._polls.labels(result).inc()
        self._poll_seconds.observe(seconds)

    def visited(self, seconds: float) -> None:
        """One command line was visited."""
        self._visit_seconds.observe(seconds)

    def delivered(self, channel: str, result: str, delay: float) -> None:
        """One attempt at a delivery; `delay` in seconds since it was decided."""
        self._deliveries.labels(channel, result).inc()
        if result == "sent":
            self._notify.observe(max(0.0, delay))

    def reloaded(self, successful: bool) -> None:
        self._reloaded.set(int(successful))

    # ------------------------------------------------------------ what is served

    def render(self) -> bytes:
        """The text of `/metrics`."""
        return generate_latest(self.registry)

    def render_circuits(self) -> bytes:
        """The text of `/metrics/circuits`: circuits not up, plus those of the named classes, up to the cap."""
        now = self.clock()
        shown, truncated = self._circuits()
        state = [_head("circuit_state", "0 up, 1 exposed, 2 down, 3 unknown, 4 planned.")]
        ratio = [_head("circuit_availability_ratio", "Share of the local month so far with service, gross.")]
        for circuit, assurance, value in shown:
            labels = f'{{circuit="{_escape(circuit)}",assurance="{_escape(assurance)}"}}'
            state.append(f"netwatch_circuit_state{labels} {STATE_VALUE[value]}\n")
            ratio.append(f"netwatch_circuit_availability_ratio{labels} {self.view.availability(circuit, now):.9g}\n")
        ratio.append(_head("circuit_series_truncated", "Circuits that did not fit under the cap."))
        ratio.append(f"netwatch_circuit_series_truncated {truncated}\n")
        return "".join((*state, *ratio)).encode()

    def _circuits(self) -> tuple[list[tuple[str, str, ServiceState]], int]:
        """Circuits not up first: when not all fit, those in trouble are the ones to keep."""
        trouble: list[tuple[str, str, ServiceState]] = []
        named: list[tuple[str, str, ServiceState]] = []
        told = self.view.all(CircuitState)
        for row in told.values():
            if row.state is not ServiceState.UP:
                trouble.append((row.circuit, row.assurance, row.state))
            elif row.assurance in self.classes:
                named.append((row.circuit, row.assurance, row.state))
        if self.classes:
            named.extend(
                (circuit.id, circuit.assurance, ServiceState.UP)
                for circuit in self.view.ledger.circuits.values()
                if circuit.assurance in self.classes and circuit.id not in told
            )
        rows = [*sorted(trouble), *sorted(named)]
        return rows[: self.cap], max(0, len(rows) - self.cap)


class _Registry(CollectorRegistry):
    """Without the `_created` series: half as many again, and of no use to anybody who scrapes."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class _Now(Collector):
    """Gauges as they stand at the moment of the scrape."""

    def __init__(self, view: View, clock: Callable[[], Instant], sources: Sources) -> None:
        self._view, self._clock, self._sources = view, clock, sources

    def collect(self) -> Iterator[Metric]:
        yield from self._flow()
        yield from self._hearing()
        yield from self._network()
        yield from self._work()

    def _flow(self) -> Iterator[Metric]:
        s = self._sources
        observations = CounterMetricFamily("netwatch_observations", "Observations heard, by source.", labels=["source"])
        dropped = CounterMetricFamily(
            "netwatch_inbox_dropped", "Observations refused because the inbox was full.", labels=["source"]
        )
        heard, refused = s.observations(), s.inbox_dropped()
        for source in Source:
            observations.add_metric([source], heard.get(source, 0))
            dropped.add_metric([source], refused.get(source, 0))
        yield observations
        yield dropped
        yield GaugeMetricFamily("netwatch_inbox_depth", "Facts that wait to be decided on.", s.inbox_depth())
        yield GaugeMetricFamily("netwatch_poll_late_seconds", "How far polling is behind its plan.", s.poll_late())
        pending = GaugeMetricFamily("netwatch_outbox_pending", "Messages not delivered yet.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "netwatch_outbox_oldest_seconds", "Age of the oldest message not delivered yet.", labels=["channel"]
        )
        now = self._clock()
        for channel, queue in s.outbox().items():
            pending.add_metric([channel], queue.pending)
            oldest.add_metric([channel], max(0, now - queue.oldest) / SECOND if queue.pending else 0.0)
        yield pending
        yield oldest

    def _hearing(self) -> Iterator[Metric]:
        it = self._sources.hearing()
        for name, what, total in (
            ("polls_late", "Polls that began more than an interval behind their plan.", it.polls_late),
            ("polls_nudged", "Polls out of turn, because something was heard or seen.", it.polls_nudged),
            ("snmp_repeats", "Questions that were sent once more for want of an answer.", it.snmp_repeats),
            ("ssh_logins", "Logins to command lines.", it.ssh_logins),
            ("ssh_commands", "Commands sent to command lines.", it.ssh_commands),
        ):
            yield CounterMetricFamily(f"netwatch_{name}", what, total)
        yield GaugeMetricFamily("netwatch_polls_running", "Devices being asked just now.", it.polls_running)
        yield GaugeMetricFamily("netwatch_devices_slow", "Devices that wait in the lane of the slow.", it.devices_slow)
        yield _by("netwatch_traps", "Traps and informs, by what became of them.", "result", it.traps)
        yield _by("netwatch_syslog", "Lines of syslog: all heard, and what became of some.", "result", it.syslog)
        yield _by("netwatch_syslog_connections", "TCP and TLS, by what became of them.", "result", it.connections)
        yield _by("netwatch_visits", "Visits to command lines, by result.", "result", it.visits)
        yield GaugeMetricFamily("netwatch_visit_late_seconds", "How late the last visit began.", it.visit_late)
        sessions = GaugeMetricFamily("netwatch_ssh_sessions", "Open sessions, by use.", labels=["state"])
        for state, n in it.ssh_sessions.items():
            sessions.add_metric([state], n)
        yield sessions
        yield GaugeMetricFamily(
            "netwatch_loop_lag_seconds", "The longest that the event loop stood still, of late.", self._sources.lag()
        )

    def _network(self) -> Iterator[Metric]:
        view = self._view
        devices = GaugeMetricFamily("netwatch_devices", "Polled devices by the verdict of ICMP.", labels=["state"])
        for state, n in view.devices_by_state().items():
            devices.add_metric([state], n)
        yield devices
        alarms = GaugeMetricFamily("netwatch_alarms", "Alarms that stand, by severity.", labels=["severity"])
        count = view.count("alarm")
        for severity in Severity:
            alarms.add_metric([severity], count.get(severity, 0))
        yield alarms
        circuits = GaugeMetricFamily("netwatch_circuits", "Circuits by state and class.", labels=["state", "assurance"])
        states = view.circuits_by_state()
        for assurance in sorted({a for _, a in states}):
            for service in ServiceState:
                circuits.add_metric([service, assurance], states.get((service, assurance), 0))
        yield circuits

    def _work(self) -> Iterator[Metric]:
        view, now = self._view, self._clock()
        faults = GaugeMetricFamily("netwatch_faults", "Open faults by whose work they are.", labels=["domain"])
        count = view.count("fault")
        for domain in Domain:
            faults.add_metric([domain], count.get(domain, 0))
        yield faults
        tickets = GaugeMetricFamily("netwatch_tickets", "Tickets by state; closed ones are history.", labels=["state"])
        count = view.count("ticket")
        for state in TicketState:
            if state not in CLOSED:
                tickets.add_metric([state], count.get(state, 0))
        yield tickets
        remaining = GaugeMetricFamily(
            "netwatch_deadline_remaining_seconds",
            "Time left to the earliest deadline of an open ticket; negative: missed.",
            labels=["ticket", "assurance"],
        )
        breach = GaugeMetricFamily(
            "netwatch_breach_probability", "Chance that an open ticket misses its deadline.", labels=["ticket"]
        )
        for ticket in view.all(Ticket).values():
            if ticket.state in CLOSED:
                continue
            if ticket.deadline is not None and (urgent := view.urgent(ticket.fault)):
                remaining.add_metric([ticket.id, urgent.assurance], (view.deadline(urgent, now) - now) / SECOND)
            if ticket.breach_probability is not None:
                breach.add_metric([ticket.id], ticket.breach_probability)
        yield remaining
        yield breach
        slope = GaugeMetricFamily(
            "netwatch_forecast_calibration_slope",
            "Of the forecasts of late; 1: said as it came, below: too sure. Absent while too few have come due.",
        )
        if (value := self._sources.calibration()) is not None:
            slope.add_metric([], value)
        yield slope


def _by(name: str, help_text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, n in counts.items():
        family.add_metric([value], n)
    return family


def _head(name: str, help_text: str) -> str:
    return f"# HELP netwatch_{name} {help_text}\n# TYPE netwatch_{name} gauge\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
