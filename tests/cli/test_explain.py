"""Why: asked of a real store that the real engine filled in the course of a small night."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from netwatch.cli import main
from netwatch.cli.explain import _chain_in_words
from netwatch.cli.why import Step
from netwatch.config import load
from netwatch.core.engine import Engine
from netwatch.core.journal import read_fact
from netwatch.core.model import Fact
from netwatch.knowledge import load_rules
from netwatch.ledger import load as load_ledger
from netwatch.store import Store

DAY = "2026-11-02T"
LEDGER = {
    "sites": "site,name,region,area\nS-1,hub,R1,city\nS-2,town,R1,city\n",
    "devices": "device,role,site,address\n"
    "HUB,core,S-1,192.0.2.1\n" + "".join(f"CPE-{n},cpe,S-2,192.0.2.1{n}\n" for n in range(1, 6)),
    "links": "link,a_device,a_port,z_device,z_port,medium,cable\n"
    + "".join(f"L-{n},HUB,GE0/0/{n},CPE-{n},GE0/0/1,fibre,{'K-1' if n < 3 else ''}\n" for n in range(1, 6)),
    "customers": "customer,name,level,contact\nK-9,最高机密公司,gold,张先生\n",
    "circuits": "circuit,customer,product,assurance,a_device,z_device,working\n"
    + "".join(f"C-{n},K-9,data,{c},HUB,CPE-{n},L-{n}\n" for n, c in enumerate(("AAA", "AA", "A", "standard", "A"), 1)),
    "teams": "team,skills,regions\nT-ALL,cable transport data access voice power customer,R1\n",
}


def said(at: str, device: str, component: str, condition: str, state: str) -> dict[str, Any]:
    what = {"device": device, "component": component, "condition": condition, "state": state, "source": "trap"}
    return {"at": f"{DAY}{at}+08:00", "type": "observation", **what}


def work(at: str, circuit: str, action: str, **more: str) -> dict[str, Any]:
    doc = {"at": f"{DAY}{at}+08:00", "type": "work", "circuit": circuit, "action": action, "by": "li", "reason": ""}
    return doc | more


def tick(at: str) -> dict[str, Any]:
    return {"at": f"{DAY}{at}+08:00", "type": "tick"}


NIGHT = [
    # A standard line drops for three minutes: watched, healed, nobody sent.
    said("00:30:00", "HUB", "GE0/0/4", "link", "bad"),
    said("00:33:00", "HUB", "GE0/0/4", "link", "ok"),
    tick("01:00:00"),
    # Cable K-1 is cut: both lines on it, light lost at both ends.
    said("02:10:00", "HUB", "GE0/0/1", "los", "bad"),
    said("02:10:01", "CPE-1", "GE0/0/1", "los", "bad"),
    said("02:10:02", "HUB", "GE0/0/2", "los", "bad"),
    said("02:10:02", "CPE-2", "GE0/0/1", "los", "bad"),
    said("02:10:03", "HUB", "GE0/0/3", "optical", "ok"),
    {"at": f"{DAY}02:20:00+08:00", "type": "complaint", "circuit": "C-2", "channel": "10086", "text": "down"},
    work("02:25:00", "C-1", "accept"),
    work("02:50:00", "C-1", "pause", reason="site_access"),
    work("03:10:00", "C-1", "resume", reason="site_access"),
    said("04:40:00", "HUB", "GE0/0/1", "los", "ok"),
    said("04:40:00", "CPE-1", "GE0/0/1", "los", "ok"),
    said("04:40:00", "HUB", "GE0/0/2", "los", "ok"),
    said("04:40:00", "CPE-2", "GE0/0/1", "los", "ok"),
    tick("05:30:00"),
    # And one that still lasts; polling says it time and again.
    said("05:40:00", "HUB", "GE0/0/3", "link", "bad"),
    *(said(f"05:4{minute}:10", "HUB", "GE0/0/3", "link", "bad") | {"source": "poll"} for minute in range(3)),
    said("05:40:30", "CPE-3", "", "reachable", "bad"),
    tick("05:43:00"),
]


async def live(config: Path, night: Sequence[Fact]) -> None:
    """The night as the daemon would have lived it: decide, commit."""
    settings = load(config)
    rules = load_rules(lambda name: settings.find("rules", name))
    engine = Engine(load_ledger(settings.paths.ledger, settings, rules), rules, settings.site.zone)
    async with await Store.open(settings.database_url()) as store:
        for fact in night:
            await store.commit(engine.decide([fact], fact.at))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "ledger").mkdir()
    (folder / "state").mkdir()
    for name, text in LEDGER.items():
        (folder / "ledger" / f"{name}.csv").write_text(text, "utf-8")
    (folder / "config.toml").write_text("", "utf-8")
    facts = [read_fact(json.dumps(doc)) for doc in NIGHT]
    asyncio.run(live(folder / "config.toml", facts))
    return folder / "config.toml"


def explain(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words, "-c", str(site)])


def case(site: Path, subject: str) -> dict[str, Any]:
    done = explain(site, subject, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)["cases"][0]
    return found


def stages(chain: list[dict[str, str]], stage: str) -> list[str]:
    return [step["what"] for step in chain if step["stage"] == stage]


def test_the_chain_goes_from_what_was_heard_to_who_was_sent_in_order_of_time(site: Path) -> None:
    found = case(site, "C-1")
    chain = found["chain"]
    assert [s["at"] for s in chain] == sorted(s["at"] for s in chain)
    heard = stages(chain, "heard")
    assert heard[0].startswith(
        "HUB GE0/0/1: los bad, by trap; alarm critical (lossOfSignal), counts once it lasted 60 s"
    )
    assert "cable K-1" in stages(chain, "cause")[0]
    first = {stage: next(n for n, s in enumerate(chain) if s["stage"] == stage) for stage in ("heard", "cause")}
    sent = next(n for n, s in enumerate(chain) if s["stage"] == "decision" and "dispatched to T-ALL" in s["what"])
    assert first["heard"] < first["cause"] < sent
    assert "AAA and has no working protection" in chain[sent]["what"]


def test_a_clock_tells_its_limit_the_limits_source_its_pauses_and_what_it_came_to(site: Path) -> None:
    clock = stages(case(site, "C-1")["chain"], "clock")
    assert any("limit 120 min (class AAA), due 2026-11-02 04:10:00 if it runs" in line for line in clock)
    assert any("pause site_access: the net clock stands, by li (C-1)" in line for line in clock)
    assert any("pause site_access ends" in line for line in clock)
    stop = next(line for line in clock if line.startswith("C-1") and " stops; " in line)
    assert "150 min gross, 130 min net (20 min did not count: due 2026-11-02 04:30:00): limit broken" in stop


def test_what_is_believed_now_stands_apart_from_what_was_believed_then(site: Path) -> None:
    found = case(site, "C-1")
    assert not any("confidence" in step["what"] for step in found["chain"])
    assert "confidence 95%, symptoms explained: 4" in found["standing"][1]
    assert found["standing"][2] == "nothing speaks against it"


def test_circuit_ticket_fault_outage_and_device_lead_to_the_same_chain(site: Path) -> None:
    found = case(site, "C-1")
    others = (*found["tickets"], found["fault"], *found["outages"], "CPE-1")
    assert len(others) >= 4
    for subject in others:
        assert case(site, subject) == found, subject


def test_evidence_against_a_cause_and_of_other_lines_is_kept_apart(site: Path) -> None:
    heard = " ".join(stages(case(site, "C-1")["chain"], "heard"))
    assert "GE0/0/2" in heard, "the other line of the cut cable is evidence for the cut"
    assert "GE0/0/4" not in heard, "what was heard of another cable at another hour is none"


def test_what_healed_by_itself_says_that_nobody_was_sent(site: Path) -> None:
    found = case(site, "C-4")
    assert any("healed by itself before anybody was sent" in line for line in stages(found["chain"], "decision"))
    assert not any("dispatched" in line for line in stages(found["chain"], "decision"))


def test_what_is_still_watched_says_why_nobody_is_sent_and_how_likely_the_deadline_is_missed(site: Path) -> None:
    (line,) = [x for x in case(site, "C-3")["standing"] if x.startswith("T")]
    assert "watched, nobody sent: may heal by itself: watched for at most 15 min" in line
    assert "P(deadline missed)" in line


def test_the_runners_up_are_told_with_what_speaks_against_them_or_that_the_evidence_cannot_tell(site: Path) -> None:
    found = case(site, "C-3")
    (rival,) = found["runners_up"]
    assert (rival["root"], rival["looks_the_same"]) == ("premises CPE-3", True)
    (line,) = [x for x in found["standing"] if x.startswith("cannot be told from premises CPE-3: ")]
    assert "tests both" in line
    assert line in explain(site, "C-3").stdout


def test_what_polling_repeats_is_one_line_with_its_count_and_its_last_time(site: Path) -> None:
    heard = stages(case(site, "C-3")["chain"], "heard")
    polled = [line for line in heard if "GE0/0/3: link bad" in line and "by poll" in line]
    assert len(polled) == 1
    assert "said 3 times, last at 05:42:10" in polled[0]
    assert len([line for line in heard if "GE0/0/3: link bad" in line and "by trap" in line]) == 1


def test_no_line_of_the_chain_holds_a_time_that_only_a_machine_reads(site: Path) -> None:
    lines = [step["what"] for subject in ("C-1", "C-3", "C-4") for step in case(site, subject)["chain"]]
    assert any("without service since 2026-11-02 02:10:00" in line for line in lines)
    assert not [line for line in lines if "+08:00" in line]


def test_people_read_sentences_without_codes_and_customers(site: Path) -> None:
    done = explain(site, "C-2")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("circuit C-2: up\n")
    assert "the customer complained (10086)" in done.stdout
    assert "  2026-11-02\n  02:10:00  heard" in done.stdout
    for never in ("最高机密公司", "张先生", "{", "None", "RootKind"):
        assert never not in done.stdout


def test_who_asks_for_a_line_reads_its_clocks_alone_and_who_asks_for_the_fault_those_of_all(site: Path) -> None:
    line, fault = explain(site, "C-1").stdout, explain(site, case(site, "C-1")["fault"]).stdout
    assert "C-1: clock" in line
    assert "C-2: clock" not in line
    assert "C-2: clock" in fault


def test_a_line_that_flaps_says_once_that_it_is_back(site: Path) -> None:
    clock = stages(case(site, "C-1")["chain"], "clock")
    assert len([line for line in clock if line.startswith("C-1: clock O") and " stops; " in line]) == 1
    assert not any("first evidence of service" in line for line in clock)


def test_a_long_chain_is_cut_short_for_people(site: Path) -> None:
    chain = [Step(n, stage, f"line {n}", f"C-{n}") for stage in ("heard", "clock") for n in range(40)]
    told = "\n".join(_chain_in_words(chain, ZoneInfo("Asia/Shanghai")))
    assert "… 28 more were heard" in told
    assert "… 28 more of clocks" in told
    assert told.count("line") == 24


def test_only_the_latest_fault_is_told_unless_all_are_wanted(site: Path) -> None:
    one, both = explain(site, "HUB", "--json"), explain(site, "HUB", "--json", "--all")
    first, every = json.loads(one.stdout), json.loads(both.stdout)
    assert len(first["cases"]) == 1
    assert first["cases"][0]["cleared"] is None, "what lasts comes first"
    assert [c["fault"] for c in every["cases"]] == [first["cases"][0]["fault"], *first["earlier"]]
    assert len(every["cases"]) == 3
    assert every["earlier"] == []


def test_a_line_that_nothing_happened_to_says_so(site: Path) -> None:
    done = explain(site, "CPE-2", "--all")
    assert done.exit_code == 0, done.output
    quiet = explain(site, "C-5")
    assert quiet.exit_code == 0, quiet.output
    assert quiet.stdout == "circuit C-5: up\n  nothing is on record against it\n"


POWER_NIGHT = [
    {
        "at": f"{DAY}20:00:00+08:00",
        "type": "maintenance",
        "id": "M-7",
        "announced": "2026-10-12T09:00:00+08:00",
        "start": f"{DAY}21:00:00+08:00",
        "end": f"{DAY}23:00:00+08:00",
        "scope": ["link L-5"],
    },
    said("21:10:00", "HUB", "GE0/0/5", "link", "bad"),
    said("21:20:00", "HUB", "", "mains", "bad"),
    tick("21:30:00"),
]


def test_planned_work_and_a_battery_that_runs_down_are_told(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "state").mkdir()
    for name, text in LEDGER.items():
        text = (
            text.replace("area\n", "area,battery_minutes\n").replace("city\n", "city,240\n")
            if name == "sites"
            else text
        )
        (tmp_path / "ledger" / f"{name}.csv").write_text(text, "utf-8")
    (tmp_path / "config.toml").write_text("", "utf-8")
    asyncio.run(live(tmp_path / "config.toml", [read_fact(json.dumps(doc)) for doc in POWER_NIGHT]))
    planned = explain(tmp_path / "config.toml", "C-5").stdout
    assert planned.startswith("circuit C-5: without service, by planned work\n")
    assert "C-5: planned work M-7 covers it until 2026-11-02 23:00:00, nobody is sent before: excused" in planned
    power = explain(tmp_path / "config.toml", "HUB", "--all").stdout
    assert "the battery is used up 2026-11-03 01:20:00" in power


def test_a_name_that_nobody_knows_is_a_failure_with_a_hint(site: Path) -> None:
    done = explain(site, "CPE1")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert 'did you mean "CPE-1"?' in done.stderr


def test_without_a_database_it_is_unavailable(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("", "utf-8")
    (tmp_path / "ledger").mkdir()
    assert explain(config, "C-1").exit_code == 69


def test_without_a_usable_ledger_it_tells_what_rows_and_journal_hold(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[paths]\nstate = "{site.parent / "state"}"\nledger = "{tmp_path / "none"}"\n', "utf-8")
    done = explain(config, "C-3")
    assert done.exit_code == 0, done.output
    assert "less evidence is found" in done.stderr
    assert "watched, nobody sent" in done.stdout
