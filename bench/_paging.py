"""What others would page on the same nights: Alertmanager's inhibition, and the parents of Nagios and Icinga.

All three hear the same journal. The rivals get what an expert would take from the same ledger:

* an alert fires when its condition has been bad for 60 s (`for: 1m`, soft states), as NetWatch's outages count;
* Alertmanager, the real process: every alert is labelled with all single points of failure between it and us, and
  there is a rule for each of these that mutes what stands behind it. Alerts of one cable, room or device are one
  notification. It runs on its own clock: half a minute of the night is one step of about a third of a second;
* parents: a host whose parents are all down or unreachable is unreachable and pages nobody; a service of a host that
  is not up neither.

Planned work pages nobody here: what lies in its scope or behind it is left out for all of them.
A page is right when it names a root that the truth accepts for a fault of that time, as `score.py` counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, Self
from zoneinfo import ZoneInfo

from netwatch.core.engine import Engine
from netwatch.core.model import Condition, Fact, Ledger, Maintenance, Observation, Role, State, Tick, Vantage
from netwatch.core.rules import Rules
from netwatch.core.time import MINUTE, SECOND, Instant, parse
from netwatch.core.topology import Network
from netwatch.ledger import read as read_ledger
from netwatch.night import read as read_night

ZONE = ZoneInfo("Asia/Shanghai")
STEP = 30 * SECOND
LASTED = 60 * SECOND
PAUSE = 0.6
"""Real seconds for one step."""
WAIT = 900
"""Milliseconds, one step and a half: `group_wait: 30s`, so that what mutes an alert may come a poll after it."""
PREMISES = frozenset({Role.CPE, Role.ONU, Role.CONVERTER})
LIGHT = frozenset({Condition.LINK, Condition.LOS, Condition.HARDWARE})
Name = tuple[str, str]


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong, in the rivals' words."""

    kind: str
    """device, link, adjacency, site, agent."""
    id: str
    host: str
    """Whose check it is."""
    group: str
    """What it is told together with."""
    names: frozenset[Name]
    """The roots that it names."""


@dataclass
class Page:
    at: Instant
    names: frozenset[Name]


@dataclass
class Told:
    """What one of the rivals did."""

    pages: dict[str, list[Page]] = field(default_factory=lambda: defaultdict(list))
    """By night."""
    cpu: float = 0.0
    circuits: dict[str, frozenset[str]] = field(default_factory=dict)
    """By night, those that it says were out; a rival that knows no circuits says nothing."""


class Map:
    """The ledger as an expert reads it for alerting."""

    def __init__(self, ledger: Ledger, vantage: str) -> None:
        self.ledger, self.net = ledger, Network(ledger)
        self.depth = self.net.depth(vantage)
        self.parents = {
            device: [
                far
                for link in links
                if self.depth.get(far := self.net.far(link, device), 1 << 30) < self.depth.get(device, 1 << 30)
            ]
            for device, links in self.net.links_of.items()
        }
        self._behind: dict[str, frozenset[Name]] = {}
        for device in sorted(self.depth, key=lambda d: (self.depth[d], d)):
            self._behind[device] = self._dominators(device)

    def _dominators(self, device: str) -> frozenset[Name]:
        """Devices and links without which a device cannot be reached, itself included: the single points of failure."""
        ways = [
            self._behind.get(far, frozenset()) | {("link", link)}
            for link in self.net.links_of.get(device, ())
            if self.depth.get(far := self.net.far(link, device), 1 << 30) <= self.depth[device] and far in self._behind
        ]
        common = frozenset.intersection(*ways) if ways else frozenset()
        return common | {("device", device)}

    def behind(self, alert: Alert) -> frozenset[Name]:
        """What would mute an alert if it were broken."""
        if alert.kind in ("link", "adjacency"):
            link = self.ledger.links[alert.id]
            ends = [self._behind.get(e.device, frozenset()) for e in (link.a, link.z)]
            nearer = min(ends, key=len)
            dead = {
                ("device", e.device)
                for e in (link.a, link.z)
                if ("link", alert.id) not in self._behind.get(e.device, ())
            }
            tokens = nearer | dead
        else:
            tokens = self._behind.get(alert.host, frozenset()) - {("device", alert.host)}
            if alert.kind == "agent":
                tokens |= {("device", alert.host)}
        rooms = {
            ("site", d.site)
            for k, n in tokens | {("device", alert.host)}
            if k == "device" and (d := self.ledger.devices.get(n)) and d.site
        }
        return frozenset((tokens | (rooms if alert.kind != "site" else frozenset())) - {(alert.kind, alert.id)})

    def alert(self, said: Observation) -> list[Alert]:
        """The alerts that an observation is about."""
        device = self.ledger.devices.get(said.device)
        if device is None:
            return []
        if said.condition is Condition.REACHABLE and not said.component:
            return [self._device(said.device)]
        if said.condition in (Condition.DYING_GASP, Condition.ONU, Condition.REACHABLE):
            onu = self.net.onu_of(said.component)
            return [self._device(onu[1] if onu else said.device)] if onu or not said.component else []
        if said.condition is Condition.AGENT:
            return [
                Alert("agent", said.device, said.device, f"agent {said.device}", frozenset({("agent", said.device)}))
            ]
        if said.condition is Condition.MAINS and device.site:
            feed = self.ledger.sites[device.site].power_feed if device.site in self.ledger.sites else ""
            names = {("power", device.site), ("power", feed)}
            return [Alert("site", device.site, said.device, f"site {device.site}", frozenset(names))]
        if said.condition in LIGHT | {Condition.ADJACENCY, Condition.ADMIN}:
            kind = "adjacency" if said.condition is Condition.ADJACENCY else "link"
            return [self._link(kind, link, said) for link in self.net.links_at(said.device, said.component)]
        return []

    def _device(self, name: str) -> Alert:
        known = self.ledger.devices[name]
        names = {("device", name), ("premises", name)}
        group = f"site {known.site}" if known.site and known.role not in PREMISES else f"device {name}"
        if known.role is Role.ONU:  # whoever hangs on one PON port is told of together, and may be its feeder
            links = [self.ledger.links[i] for i in self.net.links_of.get(name, ())]
            names |= {("cable", c) for link in links for c in link.cables}
            ports = sorted(str(e) for link in links for e in (link.a, link.z) if e.device != name)
            names |= {("port", port) for port in ports}
            group = f"pon {ports[0]}" if ports else group
        return Alert("device", name, name, group, frozenset(names))

    def _link(self, kind: str, name: str, said: Observation) -> Alert:
        link = self.ledger.links[name]
        names = {("link", name), *(("cable", c) for c in link.cables), ("port", str(link.a)), ("port", str(link.z))}
        group = f"cable {link.cables[0]}" if link.cables else f"link {name}"
        return Alert(kind, name, said.device, group, frozenset(names))


@dataclass
class Night:
    """A night as the rivals hear it."""

    name: str
    map: Map
    facts: Sequence[Fact]
    steps: list[tuple[Instant, frozenset[Alert]]] = field(default_factory=list)
    """What fires from each instant on; each change is followed by a step for whatever waits for more."""
    silent: dict[str, list[tuple[Instant, Instant]]] = field(default_factory=lambda: defaultdict(list))
    """Device → when it did not answer."""

    def __post_init__(self) -> None:
        bad: dict[tuple[Alert, str, str, Condition], Instant] = {}
        windows: dict[str, Maintenance] = {}
        last: frozenset[Alert] = frozenset()
        again, at = False, self.facts[0].at
        for fact in [*self.facts, Tick(self.facts[-1].at + STEP)]:
            while fact.at >= at:
                fires = frozenset(a for (a, *_), since in bad.items() if at - since >= LASTED)
                fires = frozenset(a for a in fires if not self._planned(a, windows, at)) if windows else fires
                if fires != last or again:
                    self.steps.append((at, fires))
                    again = fires != last
                    last = fires
                at += STEP
            if isinstance(fact, Maintenance):
                windows[fact.id] = fact
            elif isinstance(fact, Observation):
                for alert in self.map.alert(fact):
                    key = (alert, fact.device, fact.component, fact.condition)
                    if fact.state is State.BAD:
                        bad.setdefault(key, fact.at)
                    elif (
                        fact.state is State.OK and (since := bad.pop(key, None)) is not None and alert.kind == "device"
                    ):
                        self.silent[alert.id].append((since, fact.at))
        for (alert, *_), since in bad.items():
            if alert.kind == "device":
                self.silent[alert.id].append((since, self.facts[-1].at + STEP))

    def down(self, device: str, at: Instant) -> bool:
        """Whether it is found silent when somebody asks it now because of another, and once more a minute later."""
        return any(since <= at + LASTED and until > at for since, until in self.silent.get(device, ()))

    def _planned(self, alert: Alert, windows: dict[str, Maintenance], at: Instant) -> bool:
        """Silenced, a little beyond the end, as one does."""
        mine = {(alert.kind, alert.id)} | self.map.behind(alert) | alert.names
        scopes = (
            s for w in windows.values() if not w.cancelled and w.start <= at < w.end + 5 * MINUTE for s in w.scope
        )
        return any((s.kind, s.id) in mine or (s.kind == "site" and ("power", s.id) in mine) for s in scopes)


# ---------------------------------------------------------------- parents


def parents(nights: Sequence[Night]) -> Told:
    """A page for each host that is down though a parent is up, and each service that is bad on a host that is up."""
    told, began = Told(), time.process_time()
    for night in nights:
        down_before: set[Name] = set()
        for at, fires in night.steps:
            paged = {}
            for alert in fires:
                above = night.map.parents.get(alert.host, []) if alert.kind == "device" else [alert.host]
                if not above or not all(night.down(host, at) for host in above):
                    paged[f"{alert.host} {alert.kind}", alert.id] = alert
            told.pages[night.name] += [Page(at, paged[key].names) for key in sorted(paged.keys() - down_before)]
            down_before = set(paged)
    told.cpu = time.process_time() - began
    return told


# ---------------------------------------------------------------- Alertmanager


def found() -> str:
    """The program, from Debian's package; installed when we may, else empty."""
    program = shutil.which("prometheus-alertmanager")
    if program is None and shutil.which("apt-get"):
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", "prometheus-alertmanager"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        program = shutil.which("prometheus-alertmanager")
    return program or ""


def alertmanager(program: str, nights: Sequence[Night]) -> Told:
    """Feeds the real process on loopback, all nights abreast, and counts each group's first notification as a page."""
    told = Told()
    with tempfile.TemporaryDirectory() as folder, _Webhook() as hook, socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(folder) / "alertmanager.json"  # JSON is YAML, too
        config.write_text(json.dumps(_config(nights, hook.url)))
        command = [program, f"--config.file={config}", f"--storage.path={folder}", "--cluster.listen-address="]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                api = f"http://127.0.0.1:{port}/api/v2/alerts"
                _wait_for(f"http://127.0.0.1:{port}/-/ready")
                idle = _cpu(process.pid)
                for at, changes in _abreast(nights):
                    hook.at = at
                    for n in range(0, len(changes), 500):
                        _post(api, changes[n : n + 500])
                    time.sleep(PAUSE)
                told.cpu = _cpu(process.pid) - idle
            finally:
                process.terminate()
        means = {(n.name, a.kind, a.id): a.names for n in nights for _, fires in n.steps for a in fires}
        for at, name, alerts in hook.pages:
            told.pages[name].append(Page(at[name], frozenset().union(*(means[name, *alert] for alert in alerts))))
    return told


def _config(nights: Sequence[Night], url: str) -> dict[str, Any]:
    """One inhibition rule for each single point of failure that stands before anything that fires in any night."""
    rules = []
    for night in nights:
        fires = {a for _, alerts in night.steps for a in alerts}
        points = {p for a in fires for p in night.map.behind(a)} & {(a.kind, a.id) for a in fires}
        for kind, name in sorted(points):
            source = [f'night="{night.name}"', f'kind="{kind}"', f"id={json.dumps(name)}"]
            token = _escaped(f"|{kind} {name}|")
            target = [f'night="{night.name}"', f"behind=~{json.dumps('.*' + token + '.*')}"]
            rules.append({"source_matchers": source, "target_matchers": target})
    return {
        "route": {
            "receiver": "pager", "group_by": ["night", "group"],
            "group_wait": f"{WAIT}ms", "group_interval": f"{WAIT}ms", "repeat_interval": "24h",
        },
        "receivers": [{"name": "pager", "webhook_configs": [{"url": url, "send_resolved": True}]}],
        "inhibit_rules": rules,
    }  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c in " -_/" else "\\" + c for c in text)


def _abreast(nights: Sequence[Night]) -> Iterator[tuple[dict[str, Instant], list[dict[str, Any]]]]:
    """Step by step through all nights at once: the instants, and the alerts that changed."""
    former: dict[str, frozenset[Alert]] = {night.name: frozenset() for night in nights}
    at: dict[str, Instant] = {}
    for n in range(max(len(night.steps) for night in nights) + 2):
        at, changes = dict(at), []
        for night in nights:
            if n < len(night.steps):
                at[night.name], fires = night.steps[n]
                changes += [_posted(night, a, True) for a in fires - former[night.name]]
                changes += [_posted(night, a, False) for a in former[night.name] - fires]
                former[night.name] = fires
        # What stands nearest to us first: of a thousand alerts at once, none is told before what mutes it is known.
        yield at, sorted(changes, key=lambda c: c["labels"]["behind"].count("|"))


def _posted(night: Night, alert: Alert, fires: bool) -> dict[str, Any]:
    behind = "|" + "|".join(f"{kind} {name}" for kind, name in sorted(night.map.behind(alert))) + "|"
    labels = {"alertname": f"{alert.kind} down", "night": night.name, "kind": alert.kind, "id": alert.id}
    labels |= {"host": alert.host, "group": alert.group, "behind": behind}
    now = time.time()
    ends = now + 86400 if fires else now
    form = "%Y-%m-%dT%H:%M:%SZ"
    body: dict[str, Any] = {"labels": labels, "endsAt": time.strftime(form, time.gmtime(ends))}
    if fires:
        body["startsAt"] = time.strftime(form, time.gmtime(now))
    return body


def _post(url: str, alerts: list[dict[str, Any]]) -> None:
    request = urllib.request.Request(url, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        answer.read()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Alertmanager does not answer")


def _cpu(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / 100


class _Webhook:
    """The pager: takes notifications, and knows by which step of the nights they came."""

    def __init__(self) -> None:
        self.at: dict[str, Instant] = {}
        self.pages: list[tuple[dict[str, Instant], str, list[Name]]] = []
        self._firing: set[str] = set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()
                hook.take(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def take(self, body: dict[str, Any]) -> None:
        key, labels = body["groupKey"], body["groupLabels"]
        if body["status"] == "resolved":
            self._firing.discard(key)
        elif key not in self._firing:
            self._firing.add(key)
            firing = [a["labels"] for a in body["alerts"] if a["status"] == "firing"]
            self.pages.append((self.at, labels["night"], [(a["kind"], a["id"]) for a in firing]))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def vantage_of(facts: Sequence[Fact]) -> str:
    return next((fact.device for fact in facts if isinstance(fact, Vantage)), "")


# ---------------------------------------------------------------- NetWatch, and the verdict


def netwatch(nights: Sequence[Night], rules: Rules) -> Told:
    """What the NOC is told of faults: each with the root as it was named then."""
    told, began = Told(), time.process_time()
    for night in nights:
        engine = Engine(night.map.ledger, rules, ZONE)
        for fact in night.facts:
            for effect in engine.decide([fact], fact.at).effects:
                if effect.audience == "noc" and effect.template in ("noc.fault", "noc.blind", "noc.agent"):
                    root = str(effect.data["root_kind"]), str(effect.data["root_id"])
                    told.pages[night.name].append(Page(effect.at, frozenset({root})))
        told.circuits[night.name] = frozenset(outage.circuit for outage in engine.book.outages.values())
    told.cpu = time.process_time() - began
    return told


@dataclass(frozen=True)
class Truth:
    """One thing that really broke."""

    accept: frozenset[Name]
    start: Instant
    end: Instant
    planned: bool = False


@dataclass
class Score:
    causes: int = 0
    pages: int = 0
    named: int = 0
    again: int = 0
    """Pages beyond the first for one cause."""
    false: int = 0
    delays: list[float] = field(default_factory=list)
    """Seconds from the cause to the first page that names it."""


def score(nights: Sequence[Night], truths: dict[str, list[Truth]], told: Told) -> Score:
    out = Score()
    for night in nights:
        real = [t for t in truths[night.name] if not t.planned]
        first: dict[int, Instant] = {}
        out.causes += len(real)
        for page in sorted(told.pages[night.name], key=lambda p: p.at):
            out.pages += 1
            hit = [
                n
                for n, t in enumerate(real)
                if t.start - 5 * SECOND <= page.at <= t.end + 180 * SECOND and t.accept & page.names
            ]
            if not hit:
                out.false += 1
            elif all(n in first for n in hit):
                out.again += 1
            for n in hit:
                first.setdefault(n, page.at)
        out.named += len(first)
        out.delays += [(at - real[n].start) / SECOND for n, at in first.items()]
    return out


def circuits_right(told: Told, out: dict[str, frozenset[str]]) -> float:
    """Share of the circuits that were out or said to be (each counted once a night) for which both are so."""
    both = sum(len(told.circuits.get(night, frozenset()) & true) for night, true in out.items())
    either = sum(len(told.circuits.get(night, frozenset()) | true) for night, true in out.items())
    return both / either if either else 1.0


def recorded(corpus: Path, rules: Rules) -> tuple[list[Night], dict[str, list[Truth]], dict[str, frozenset[str]]]:
    """The recorded nights, with what was true in them: what broke, and which circuits were out."""
    nights, truths, out = [], {}, {}
    for folder in sorted(path.parent for path in corpus.glob("scenarios/*/journal.jsonl")):
        ledger, _ = read_ledger(folder / "ledger", None, rules)
        facts = [
            fact for _, fact in read_night((folder / "journal.jsonl").read_text("utf-8").splitlines(), rules).facts
        ]
        nights.append(Night(folder.name, Map(ledger, vantage_of(facts)), facts))
        doc = json.loads((folder / "truth.json").read_text("utf-8"))
        out[folder.name] = frozenset(doc["outages"])
        truths[folder.name] = [
            Truth(
                frozenset((a["kind"], a["id"]) for a in fault["accept"]),
                parse(fault["start"]), parse(fault["end"]), bool(fault.get("planned")),
            )
            for fault in doc["faults"]
        ]  # fmt: skip
    return nights, truths, out
