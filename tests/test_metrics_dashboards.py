"""The dashboards and alert rules, tried on the real Prometheus that scrapes a really served NetWatch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parent / "web"))

import web_scene as scene
from web_scene import NOW, decision

from netwatch.config.address import Address
from netwatch.core.model import Action, Outage, TicketState, Work
from netwatch.core.time import SECOND
from netwatch.metrics import Metrics, Queue, Sources
from netwatch.web.access import Access
from netwatch.web.app import create_app
from netwatch.web.serve import bind, serve

FOLDER = Path(__file__).parents[1] / "dashboards"
RULES = FOLDER / "prometheus" / "netwatch.rules.yml"
DASHBOARDS = sorted((FOLDER / "grafana").glob("*.json"))
VARIABLES = {"instance": ".*", "assurance": ".*", "__rate_interval": "1m", "datasource": "x"}

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def panels(dashboard: Any) -> Iterator[Any]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(f"${name}", value)
    return expression


# ---------------------------------------------------------------- without Prometheus


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
async def test_no_panel_lies_on_another_and_none_sticks_out(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in read(path)["panels"]:
        box = panel["gridPos"]
        assert 0 <= box["x"] < box["x"] + box["w"] <= 24, panel["title"]
        for cell in (
            (x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]
    rows = max(y for _, y in taken) + 1
    assert {y for _, y in taken} == set(range(rows)), "no gaps between rows"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
async def test_every_variable_is_defined_every_id_is_its_own_and_the_source_is_chosen(path: Path) -> None:
    dashboard = read(path)
    defined = {v["name"] for v in dashboard["templating"]["list"]} | {"__rate_interval", "__interval", "__range"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([p.get("targets") for p in panels(dashboard)])))
    assert used <= defined
    assert set(VARIABLES) >= used - {"__interval", "__range"}
    ids = [p["id"] for p in panels(dashboard)]
    assert len(ids) == len(set(ids))
    for panel in panels(dashboard):
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"], panel["title"]


async def test_the_provisioning_names_what_is_there() -> None:
    for path in FOLDER.glob("grafana/provisioning/*/*.yml"):
        assert yaml.safe_load(path.read_text("utf-8"))["apiVersion"] == 1
    assert DASHBOARDS


# ---------------------------------------------------------------- with the real one


@pytest.mark.prometheus
async def test_promtool_finds_rules_and_configuration_well_and_the_rules_do_what_they_say() -> None:
    for command in (
        ["check", "rules", "netwatch.rules.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "netwatch.rules.test.yml"],
    ):
        done = await asyncio.to_thread(
            subprocess.run, ["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
async def test_every_alert_has_a_test_of_its_own() -> None:
    told = {r["alert"] for g in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for r in g["rules"] if "alert" in r}
    tests = yaml.safe_load((RULES.parent / "netwatch.rules.test.yml").read_text("utf-8"))["tests"]
    fired = {a["alertname"] for t in tests for a in t.get("alert_rule_test", ()) if a["exp_alerts"]}
    assert told == fired


@pytest.mark.prometheus
@pytest.mark.parametrize("part", ["", "/circuits"])
async def test_promtool_likes_the_metrics_themselves(part: str) -> None:
    _, metrics = busy()
    text = metrics.render_circuits() if part else metrics.render()
    done = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def busy() -> tuple[FastAPI, Metrics]:
    """The night of the scene with every metric in use."""
    view = scene.view()
    sources = Sources(
        inbox_depth=lambda: 3,
        observations=lambda: {"trap": 12, "poll": 40},
        poll_late=lambda: 0.5,
        outbox=lambda: {"sms": Queue(3, NOW - 90 * SECOND)},
    )
    metrics = Metrics(view, lambda: NOW, "0", sources, classes=("AAA",))
    app = create_app(
        view,
        clock=lambda: NOW,
        submit=None,  # type: ignore[arg-type]
        health=dict,
        access=Access(act_token="x"),
        metrics=metrics.render,
        circuit_metrics=metrics.render_circuits,
    )

    def work() -> None:
        metrics.polled("ok", 0.02)
        metrics.delivered("sms", "sent", 2.0)
        late = view.all(Outage)["O-F12-C-1007"]
        made = decision(
            replace(late, id=f"O{view.change}", breached=True),
            scene.ticket(f"T{1000 + view.change}", "F12", TicketState.CLOSED, 5, ()),
            facts=(Work(NOW - SECOND, ("C-1007",), Action.ACK),),
        )
        metrics.observe(made, view.apply(made), NOW)

    app.state.work = work
    return app, metrics


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Prometheus with the shipped configuration, scraping one NetWatch; ready when it has scraped it a few times."""
    folder = tmp_path_factory.mktemp("prometheus")
    app, _ = busy()
    bound = bind(Address("127.0.0.1", 0))
    target = f"127.0.0.1:{bound.getsockname()[1]}"
    with contextlib.closing(bind(Address("127.0.0.1", 0))) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    shipped = (FOLDER / "prometheus" / "prometheus.yml").read_text("utf-8")
    own = shipped.replace("127.0.0.1:8080", target).replace("15s", "1s").replace("30s", "1s")
    own = own.replace("netwatch.rules.yml", str(RULES))
    (folder / "prometheus.yml").write_text(own, "utf-8")
    serving = asyncio.create_task(serve(app, Address("127.0.0.1", 0), sock=bound))
    arguments = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={listen}",
        "--log.level=error",
    ]
    process = await asyncio.create_subprocess_exec("prometheus", *arguments)
    try:
        async with httpx.AsyncClient(base_url=f"http://{listen}", timeout=20) as client, asyncio.timeout(60):
            while True:
                app.state.work()
                with contextlib.suppress(httpx.TransportError):
                    ready = (await client.get("/-/ready")).is_success  # it answers before it can
                    told = await ask(client, 'count_over_time(up{job=~"netwatch.*"}[1m])') if ready else []
                    if len(told) == 2 and all(int(r["value"][1]) >= 4 for r in told):
                        break
                await asyncio.sleep(0.2)
            yield client
    finally:
        process.terminate()
        await process.wait()
        serving.cancel()
        await asyncio.wait({serving})


async def ask(client: httpx.AsyncClient, expression: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/query", params={"query": expression})
    body = answer.json() if answer.headers["content-type"].startswith("application/json") else {"status": answer.text}
    assert body["status"] == "success", f"{expression}: {body}"
    result = body["data"]["result"]
    return result if body["data"]["resultType"] == "vector" else [{"metric": {}, "value": result}]


@pytest.mark.prometheus
async def test_both_endpoints_are_scraped_without_complaint(prometheus: httpx.AsyncClient) -> None:
    targets = (await prometheus.get("/api/v1/targets")).json()["data"]["activeTargets"]
    assert {(t["scrapePool"], t["health"], t["lastError"]) for t in targets} == {
        ("netwatch", "up", ""),
        ("netwatch-circuits", "up", ""),
    }


@pytest.mark.prometheus
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
async def test_every_expression_of_a_dashboard_gives_something_with_the_labels_its_legend_names(
    prometheus: httpx.AsyncClient, path: Path
) -> None:
    silent = []
    for panel in panels(read(path)):
        for target in panel.get("targets", ()):
            told = await ask(prometheus, filled(target["expr"]))
            if not told:
                silent.append(f"{panel['title']}: {target['expr']}")
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(label in r["metric"] for r in told), f"{panel['title']}: no label {label}"
            if len(told) > 1 and panel["type"] == "timeseries":
                assert "{{" in target["legendFormat"], f"{panel['title']}: lines that cannot be told apart"
            if panel["type"] == "stat":
                assert len(told) == 1, panel["title"]
    assert silent == []


@pytest.mark.prometheus
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
async def test_every_variable_has_something_to_choose_from(prometheus: httpx.AsyncClient, path: Path) -> None:
    for variable in read(path)["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            assert found, variable["definition"]
            told = await ask(prometheus, found[1])
            assert {r["metric"].get(found[2]) for r in told} - {None}, variable["name"]


@pytest.mark.prometheus
async def test_tables_rename_and_hide_columns_that_exist(prometheus: httpx.AsyncClient) -> None:
    for path in DASHBOARDS:
        for panel in panels(read(path)):
            if panel["type"] != "table":
                continue
            labels = {"Time"}
            for target in panel["targets"]:
                labels |= {f"Value #{target['refId']}"}
                for result in await ask(prometheus, filled(target["expr"])):
                    labels |= set(result["metric"])
            organize = panel["transformations"][-1]["options"]
            assert set(organize["renameByName"]) | set(organize["excludeByName"]) <= labels | {"__name__"}
            shown = set(organize["renameByName"].values())
            assert {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]} <= shown


@pytest.mark.prometheus
async def test_every_rule_is_evaluated_without_error_and_names_metrics_that_exist(
    prometheus: httpx.AsyncClient,
) -> None:
    groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 10
    for rule in rules:
        assert rule["health"] == "ok", rule
    names = set((await prometheus.get("/api/v1/label/__name__/values")).json()["data"])
    for rule in rules:
        used = set(re.findall(r"\b(netwatch_\w+)", rule["query"]))
        assert used <= names, f"{rule['name']} uses {used - names}"
    firing = {a["labels"]["alertname"] for a in (await prometheus.get("/api/v1/alerts")).json()["data"]["alerts"]}
    assert {"NetWatchWatchdog", "NetWatchDeadlineMissed", "NetWatchDeadlineNear"} <= firing
