"""What may be asked of a command line at all: commands that read, in the form of the family, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.findings import UnusableError
from netwatch.wire.cli.grammar import Grammar
from netwatch.wire.cli.profile import Cli
from netwatch.wire.profile import Profiles

READ = {
    Grammar.VERB_FIRST: ["show version", "display ont info {slot} all", "display nqa results"],
    Grammar.PRINT_LAST: [
        "/interface print detail",
        "/routing ospf neighbor print",
        "/ip neighbor print detail without-paging",
        "/interface ethernet monitor {name} once",
    ],
    Grammar.NOUN_SHOW: ["port show", "port xcvr show", "lldp show neighbors", "port show port {name}"],
}

REFUSED = {
    Grammar.VERB_FIRST: [
        "reset saved-configuration",
        "show version | redirect flash:x",
        "show version > x",
        "show version\nreload",
        "show version; reload",
        "display",
        "port show",
        "/interface print",
    ],
    Grammar.PRINT_LAST: [
        "/interface remove print",
        "/interface disable ether1 print",
        "/interface set print",
        "/system reboot print",
        "/system identity set name=print",
        "/interface print file=x",
        "/interface print follow",
        "/interface print interval=1",
        "/interface ethernet monitor ether1",
        "/interface ethernet monitor ether1 once do={/system reboot}",
        "/interface ethernet monitor [find] once",
        "/export",
        "interface print",
        "/interface print\n/system reboot",
        "/interface print; /system reboot",
        "show version",
    ],
    Grammar.NOUN_SHOW: [
        "system set host-name show",
        "port disable port show",
        "software install show",
        "configuration save show",
        "show",
        "port show; system reboot",
        "port show | x",
        "chassis reboot now",
    ],
}


@pytest.mark.parametrize(("grammar", "command"), [(g, c) for g, commands in READ.items() for c in commands])
def test_commands_that_read_pass_in_their_own_form_and_in_no_other(grammar: Grammar, command: str) -> None:
    assert [g for g in Grammar if g.reads(command)] == [grammar]


@pytest.mark.parametrize(("grammar", "command"), [(g, c) for g, commands in REFUSED.items() for c in commands])
def test_what_could_change_something_is_refused(grammar: Grammar, command: str) -> None:
    assert not grammar.reads(command)


VERBS = ["set", "add", "remove", "enable", "disable", "reset", "reboot", "shutdown", "import", "upgrade", "install",
         "clear", "delete", "configure", "write", "save", "unset", "move", "create", "commit", "undo"]  # fmt: skip


@given(st.sampled_from(VERBS), st.lists(st.sampled_from(["interface", "port", "system", "x1"]), max_size=3), st.data())
def test_no_verb_that_changes_hides_among_the_nouns(verb: str, nouns: list[str], data: st.DataObject) -> None:
    words = [*nouns]
    words.insert(data.draw(st.integers(0, len(words))), verb)
    said = " ".join(words)
    assert not Grammar.PRINT_LAST.reads(f"/{said} print")
    assert not Grammar.NOUN_SHOW.reads(f"{said} show")


def test_a_profile_whose_command_does_not_read_in_its_form_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "profile.toml").write_text(
        'title = "x"\nanswers = ["1.3.6"]\n[cli]\ndevice_type = "mikrotik_routeros"\ngrammar = "print_last"\n'
        '[[cli.command]]\ncommand = "show version"\n'
    )
    with pytest.raises(UnusableError, match=r"profile.toml.*show version.*print_last"):
        Profiles.of({"acme": tmp_path / "acme"})


def test_a_row_of_a_hostile_device_fills_no_hole_with_more_than_a_word() -> None:
    cli = Cli.model_validate(
        {
            "device_type": "mikrotik_routeros",
            "grammar": "print_last",
            "command": [{"command": "/interface ethernet monitor {name} once", "each": "ports"}],
        }
    )
    (command,) = cli.command
    assert command.filled({"name": "ether1"}) == "/interface ethernet monitor ether1 once"
    for name in ("ether1 once do={/system reboot}", "a;b", "a\n/system reboot", "[find]", "", None):
        assert command.filled({"name": name}) == ""
