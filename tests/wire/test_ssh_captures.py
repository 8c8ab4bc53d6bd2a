"""Answers as devices gave them: each pair of platform and command that was captured is read, with every expected field.

The captures lie beside the project; where they do not, this says so and skips.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ntc_templates.parse import parse_output

from netwatch import config
from netwatch.wire.cli.profile import Command
from netwatch.wire.cli.read import CliReader, CommandLine, command_lines
from netwatch.wire.profile import Profiles

FOLDERS = config.listing(None, "collectors")
LINES = command_lines(Profiles.of(FOLDERS).families, FOLDERS)
SHARED = Path(__file__).parents[2].parent / "shared" / "cli"

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="no captures of command lines beside the project (../shared)"
)

NAMES = {"display_board_0": "display_board", "display_ont_info_summary_0": "display_ont_info_summary_ont",
         "display_ont_autofind_all": "display_ont_autofind"}  # fmt: skip
"""Commands whose capture leaves out an argument, or fills it otherwise."""

COUNTERS = "SNMP's IF-MIB tells all of it, and the brief list tells the states in a tenth of the lines"
PROBES = "sends traffic of its own: what is probed and how often is ours to say, from our side"
PER_UNIT = "one command for each of a line card's units would not end within a visit; the summary lists them all"
GPON = (
    "known inside `interface gpon` of the configuration only: NetWatch does not go into it; the summary has the levels"
)

UNUSED = {
    "alcatel_sros/ping": PROBES,
    "alcatel_sros/show_router_interface": "IP interfaces follow their port and their service, and both are read",
    "cisco_ios/show_interfaces": COUNTERS,
    "cisco_xr/show_interfaces": COUNTERS,
    "hp_comware/display_interface": COUNTERS,
    "hp_comware/display_link-aggregation_verbose": "members and their states come as ports, the aggregate as one too",
    "huawei_smartax/display_ont_info_0": "all of a port that the summary has, without the cause of the last loss",
    "huawei_smartax/display_ont_info_0_1_2": "all of a port that the summary has, without the cause of the last loss",
    "huawei_smartax/display_ont_info_0_1_2_3": PER_UNIT,
    "huawei_smartax/display_ont_optical-info_0_all": GPON,
    "huawei_smartax/display_ont_port_state_0_1_eth-port": GPON,
    "huawei_vrp/display_interface": COUNTERS,
    "huawei_vrp/display_ip_routing-table_verbose": "as long as the routing table: no question for every few minutes",
    "juniper_junos/show_chassis_hardware": "ENTITY-MIB tells the same; what failed is among the chassis alarms",
    "juniper_junos/show_interfaces": COUNTERS,
    "mikrotik_routeros/ping": PROBES,
    "oneaccess_oneos/show_transceiver_equipment": "captured without a module only: no level was ever seen",
    "zte_zxros/show_interface": "a detect status of RX-OK stands on ports that are down: of light it says nothing",
}
"""Read all the same, and asked by no profile."""


def _uses() -> dict[str, list[tuple[CommandLine, Command]]]:
    out: dict[str, list[tuple[CommandLine, Command]]] = {}
    for line in LINES.values():
        for command in line.cli.command:
            word = re.sub(r"[^\w-]+", "_", command.command).strip("_")
            platform = line.cli.platform or line.cli.device_type
            out.setdefault(f"{platform}/{NAMES.get(word, word)}", []).append((line, command))
    return out


USES = _uses()
PAIRS = sorted(str(path.relative_to(SHARED)) for path in SHARED.glob("*/*/") if [*path.glob("*.raw")])
USED = [pair for pair in PAIRS if pair in USES]


def _captured(pair: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The answers of a pair, with what is expected of each."""
    out = []
    for raw in sorted((SHARED / pair).glob("*.raw")):
        said = yaml.safe_load(raw.with_suffix(".yml").read_text("utf-8"))
        out.append((raw.read_text("utf-8"), said["parsed_sample"]))
    return out


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """As `CommandLine.parse` gives fields: pieces of a name that a table broke over lines put together."""
    return [
        {name: "".join(value) if isinstance(value, list) else str(value).strip() for name, value in row.items()}
        for row in rows
    ]


def test_what_no_profile_asks_is_listed_with_its_reason_and_nothing_else_is() -> None:
    assert sorted(UNUSED) == [pair for pair in PAIRS if pair not in USES]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_captured_answer_is_read_with_all_expected_fields(pair: str) -> None:
    platform, _, word = pair.partition("/")
    for text, expected in _captured(pair):
        if pair in USES:
            for line, command in USES[pair]:
                rows = line.parse(command, text, command.example)
                # A template of our own takes what the profile needs, and calls it by the same names.
                needed = set(rows[0]) if command.template else set(expected[0])
                assert rows == [{name: row[name] for name in needed} for row in _flat(expected)]
        else:
            rows = parse_output(platform=platform, command=word.replace("_", " "), data=text)
            assert [{name.lower(): value for name, value in row.items()} for row in rows] == expected


@pytest.mark.parametrize("pair", USED)
def test_what_a_profile_asks_becomes_rows_of_each_of_its_lists(pair: str) -> None:
    for line, command in USES[pair]:
        told = [CliReader(line).understood(command, text) for text, _ in _captured(pair)]
        for rows in command.rows:
            assert any(read.lists.get(rows.list) for read in told), f"{line.family}: {command.command}: {rows.list}"


@pytest.mark.parametrize("pair", USED)
def test_every_state_that_was_seen_is_told_by_a_word_of_the_profile(pair: str) -> None:
    """A state that no pattern fits would be left out in silence."""
    for line, command in USES[pair]:
        for text, expected in _captured(pair):
            for number, rows in enumerate(command.rows):
                alone = command.model_copy(update={"rows": (rows,)})
                told = CliReader(line).understood(alone, text).lists.get(rows.list, [])
                if expected and rows.list == "sessions":
                    assert all(row["state"] for row in told), (pair, number)
                if expected and rows.list == "ports" and "oper" in rows.fields:
                    assert all(row["oper"] for row in told), (pair, number)
