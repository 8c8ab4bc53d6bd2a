"""Whole logins: each family's terminal with its banner, prompt, pager and echo, through real SSH on loopback."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ssh_box import Box

from netwatch import config
from netwatch.core.model import Condition, State
from netwatch.wire.cli.grammar import Grammar
from netwatch.wire.cli.hosts import KnownHosts, Trust
from netwatch.wire.cli.profile import Cli, Command
from netwatch.wire.cli.read import command_lines
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.ssh_read import read
from netwatch.wire.cli.target import ForbiddenError, Login, Patience, Target
from netwatch.wire.profile import Profiles

FOLDERS = config.listing(None, "collectors")
LINES = command_lines(Profiles.of(FOLDERS).families, FOLDERS)
TRANSCRIPTS = Path(__file__).parents[2].parent / "shared" / "cli" / "transcripts"

CISCO_UNKNOWN = "     ^\n% Invalid input detected at '^' marker.\n"
WAYS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "h3c": (
        "h3c_comware",
        {"unpage": "screen-length disable", "unknown": "        ^\n % Unrecognized command found at '^' position."},
        {},
    ),
    "ios": (
        "cisco_ios",
        {"unpage": "terminal length 0", "pager": " --More-- ", "unknown": CISCO_UNKNOWN},
        {"terminal width 511": ""},
    ),
    "junos": (
        "juniper",
        {
            "unpage": "set cli screen-length 0", "pager": "---(more)---", "prompt": "noc@srx300> ",
            "unknown": "                ^\nsyntax error, expecting <command>.\n",
        },
        {"set cli screen-width 511": "Screen width set to 511",
         "set cli complete-on-space off": "Disabling complete-on-space"},
    ),
}  # fmt: skip
"""By how a transcript's name begins: whose command line it is, what the box does, what our door says besides."""


def _plain(text: str) -> str:
    """Transcripts keep what YAML would lose (blanks at a line's end, carriage returns, quotes) behind backslashes."""
    return re.sub(
        r'\\(x20|r|t|")', lambda it: {"x20": " ", "r": "", "t": "\t", '"': '"'}[it[1]], text.replace("\r", "")
    )


def _transcript(path: Path) -> tuple[str, str, dict[str, str]]:
    """Banner, prompt (empty where it was not kept) and the answers by command, without echo and prompt."""
    said = yaml.safe_load(path.read_text("utf-8"))
    banner, _, prompt = _plain(said["init_prompt"]).rpartition("\n")
    pairs = said["commands"]
    pairs = pairs.items() if isinstance(pairs, dict) else [pair for one in pairs for pair in one.items()]
    if not re.search(r"[>#]\s*$", prompt):
        banner, prompt = f"{banner}\n{prompt}", ""
    answers = {}
    for command, text in pairs:
        told = _plain(text or "").split("\n")
        if told[0].strip() == command.strip():
            told = told[1:]
        answers[command.strip()] = "\n".join(told[:-1] if prompt and told[-1:] == [prompt] else told)
    return banner, prompt, answers


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().split("\n")]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Ssh]:
    ssh = Ssh(KnownHosts(tmp_path / "known_hosts", Trust.FIRST_USE))
    yield ssh
    await ssh.close()


def _target(box: Box, cli: Cli) -> Target:
    return Target(box.address, Login("noc", "right-horse"), cli, box.port, Patience(login=20, read=30, visit=120))


def _replayed(path: Path, make_box: Callable[..., Box]) -> tuple[Box, str, dict[str, str]]:
    family, kinds, besides = WAYS[path.name.partition("_")[0]]
    banner, prompt, answers = _transcript(path)
    # Fewer lines a page than any answer has: a door that did not stop the pager would get stuck at once.
    kinds = {"prompt": prompt} | kinds | {"banner": banner, "answers": answers | besides, "page": 5}
    return make_box(**kinds), family, answers


@pytest.mark.skipif(not TRANSCRIPTS.is_dir(), reason="no transcripts of logins beside the project (../shared)")
@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.yaml")), ids=lambda path: path.stem)
async def test_each_answer_of_a_whole_login_comes_back_as_it_was(
    path: Path, make_box: Callable[..., Box], door: Ssh
) -> None:
    box, family, answers = _replayed(path, make_box)
    readable = [command for command in answers if Grammar.VERB_FIRST.reads(command)]
    assert len(readable) >= 3
    cli = Cli(device_type=LINES[family].cli.device_type, command=tuple(Command(command=it) for it in readable))
    told = await door.ask(_target(box, cli), readable)
    for command in readable:
        echoed = [line for line in _lines(answers[command]) if line != command]
        assert [line for line in _lines(told[command]) if line != command] == echoed, command
    for command in set(answers) - set(readable):
        with pytest.raises(ForbiddenError):
            await door.ask(_target(box, cli), [command])
    assert box.logins == 1


@pytest.mark.skipif(not TRANSCRIPTS.is_dir(), reason="no transcripts of logins beside the project (../shared)")
@pytest.mark.parametrize(
    ("name", "kind", "version"),
    [("ios_asr920_16.8.1b", "ASR-920-24TZ-M", "16.8.1b"), ("junos_srx300_22.4", "srx300", "22.4R3-S2.11")],
)
async def test_the_shipped_profile_reads_a_replayed_box_and_says_what_it_does_not_know(
    name: str, kind: str, version: str, make_box: Callable[..., Box], door: Ssh
) -> None:
    box, family, _ = _replayed(TRANSCRIPTS / f"{name}.yaml", make_box)
    told = await read(door, _target(box, LINES[family].cli), LINES[family])
    assert [(row["type"], row["version"]) for row in told.lists["inventory"]] == [(kind, version)]
    assert told.problems
    assert all("does not know the command" in problem for problem in told.problems)
    setting = {box.unpage, *WAYS[name.partition("_")[0]][2]}
    assert all(LINES[family].cli.allows(asked) for asked in box.asked if asked not in setting)


# ---------------------------------------------------------------- terminals of other manners, in our own words


async def test_a_box_whose_verb_comes_last_is_read_from_port_to_module(make_box: Callable[..., Box], door: Ssh) -> None:
    box = make_box(
        prompt="[noc@core-7] > ",
        banner="\n  RouterOS 6.49",
        unpage="",
        unknown="bad command name (line 1 column 1)",
        answers={
            "/interface print detail": """Flags: D - dynamic, X - disabled, R - running, S - slave
 0  R  name="sfp1" default-name="sfp1" type="ether" mtu=1500 actual-mtu=1500 l2mtu=1580 max-l2mtu=10222 \
mac-address=02:00:00:00:00:01 link-downs=2

 1     name="ether2" default-name="ether2" type="ether" mtu=1500 actual-mtu=1500 l2mtu=1580 max-l2mtu=10222 \
mac-address=02:00:00:00:00:02 link-downs=0

 2 X   name="ether3" default-name="ether3" type="ether" mtu=1500 actual-mtu=1500 l2mtu=1580 max-l2mtu=10222 \
mac-address=02:00:00:00:00:03 link-downs=0
""",
            "/interface ethernet monitor sfp1 once": """                     name: sfp1
                   status: link-ok
         auto-negotiation: done
                     rate: 1Gbps
              full-duplex: yes
          tx-flow-control: no
          rx-flow-control: no
       sfp-module-present: yes
              sfp-rx-loss: no
             sfp-tx-fault: no
          sfp-temperature: 41C
       sfp-supply-voltage: 3.261V
      sfp-tx-bias-current: 17mA
             sfp-tx-power: -5.7dBm
             sfp-rx-power: -11.2dBm
""",
            "/routing ospf neighbor print": " 0 instance=default router-id=10.9.0.1 address=10.9.1.1 interface=sfp1 "
            'priority=1 dr-address=0.0.0.0 backup-dr-address=0.0.0.0 state="Init" state-changes=3 ls-retransmits=0 '
            "ls-requests=0 db-summaries=0 adjacency=1m2s\n",
        },
    )
    told = await read(door, _target(box, LINES["mikrotik"].cli), LINES["mikrotik"])
    assert {(row["name"], row["admin"], row["oper"]) for row in told.lists["ports"]} == {
        ("sfp1", "up", "up"), ("ether2", "up", "down"), ("ether3", "down", "down"),
    }  # fmt: skip
    assert {(row["name"], row["value"]) for row in told.lists["sensors"]} >= {("sfp1 rx", -11.2), ("sfp1 tx", -5.7)}
    assert ("ospf 10.9.1.1", Condition.ADJACENCY, State.BAD) in {(s.component, s.condition, s.state) for s in told.seen}
    assert "/interface ethernet monitor ether3 once" not in box.asked


async def test_a_box_that_shows_after_the_noun_is_read(make_box: Callable[..., Box], door: Ssh) -> None:
    box = make_box(
        prompt="agg-3> ",
        banner="\nwelcome",
        unpage="system shell session set more off",
        unknown="SHELL PARSER FAILURE: unknown",
        answers={
            "system shell session set more off": "",
            "port xcvr show": """+----+-----+-----+---------Transceiver-Status------------+-----+----------------+----+
|    |Admin| Oper|                                       |Ciena|Ether Medium &  |Diag|
|Port|State|State|      Vendor Name & Part Number        | Rev |Connector Type  |Data|
+----+-----+-----+---------------------------------------+-----+----------------+----+
|1   |Empty|     |                                       |     |                |    |
|9   |Ena  |Dis  |OURS-1 PART-2 Rev0001                  |A    |1000BASE-LX/LC  |Yes |
+----+-----+-----+---------------------------------------+-----+----------------+----+
""",
        },
    )
    told = await read(door, _target(box, LINES["ciena_saos"].cli), LINES["ciena_saos"])
    assert [(s.component, s.condition, s.state) for s in told.seen] == [("module 9", Condition.HARDWARE, State.BAD)]
    assert "port show" in box.asked
