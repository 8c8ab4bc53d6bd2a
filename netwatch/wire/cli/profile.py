"""The part of a profile that is about the command line: which commands are asked, and what their answers mean.

    [cli]
    device_type = "huawei_vrp"                  # netmiko's name for how the family's terminal behaves

    [[cli.command]]
    command = "display bgp peer"                # this and no other may be sent
    [[cli.command.rows]]
    list = "sessions"                           # a list of `netwatch probe`
    fields.kind = "bgp"
    fields.peer = "{peer}"                      # by the names of the TextFSM template, in small letters
    [[cli.command.rows.observe]]
    condition = "adjacency"
    component = "bgp {peer}"
    ok = "established"

Answers are taken apart by the template of ntc-templates for the command, or by the `template` beside profile.toml.
What is written here is also the list of what is allowed: `Cli.allows` is the only way past the door (`session.permit`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from netwatch.config import Section
from netwatch.core.model import Condition
from netwatch.wire.cli.grammar import Grammar
from netwatch.wire.decode import UNITS
from netwatch.wire.template import Template, template

_CURE = "NetWatch only reads: show …, display …; with its grammar /menu print or noun show; no pipes, no other verbs"

_HOLE = re.compile(r"\{([a-z_]\w*)\}")


def _template(value: Any) -> Any:
    return template(value) if isinstance(value, str) else value


def _pattern(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return re.compile(value, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
    return value


TemplateText = Annotated[Template, BeforeValidator(_template)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
"""Searched for, in any case of letters."""


class Cell(Section):
    """A field of a row: a template over the fields of the answer and those of the row before it."""

    text: TemplateText
    find: Pattern | None = None
    """Only what the first group of this pattern holds; nothing where it is not found."""
    number: bool = False
    scale: float = 1
    states: dict[str, str] = Field(default_factory=dict)
    """Patterns and what is said for them; the first that is found. Text that none fits is left out."""
    absent: Pattern = re.compile(r"^(-+|--|n/?a|)$", re.IGNORECASE)
    """Text that means "no value"."""

    @field_validator("states")
    @classmethod
    def _are_patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value:
            _pattern(text)
        return value

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @cached_property
    def called(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(text, re.IGNORECASE), word) for text, word in self.states.items())


class Judge(Section):
    """When a row is worth an observation. Patterns are searched in the field, in any case of letters."""

    condition: Condition
    component: TemplateText
    field: str = "state"
    bad: Pattern | None = None
    ok: Pattern | None = None
    when: dict[str, Pattern] = Field(default_factory=dict)
    """Only for rows whose fields hold these."""
    gone: Literal["ok", "bad"] = "ok"
    """What it means that a row is not listed any more: over, as in lists of alarms; or lost, as with neighbours that
    are listed only while they are heard."""

    @model_validator(mode="after")
    def _tells(self) -> Judge:
        if self.bad is None and self.ok is None:
            raise ValueError("needs bad, ok or both")
        return self


class Rows(Section):
    """Rows for one of the lists of `netwatch probe`, one for each row of the answer."""

    list: str
    fields: dict[str, Cell]
    need: tuple[str, ...] = ()
    """Fields without which the row is left out; of a reading always its value."""
    observe: tuple[Judge, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Rows:
        for judge in self.observe:
            for name in (judge.field, *judge.when, *(t.name for t in judge.component.terms() if t.name)):
                if name not in self.fields:
                    raise ValueError(f'observe names "{name}", which is no field of the row')
        if self.list == "sensors":
            sort = self.fields.get("class")
            said = "".join(p for p in sort.text.parts if isinstance(p, str)) if sort else ""
            if said not in UNITS or "value" not in self.fields:
                raise ValueError(f"a sensor needs value and class | one of {', '.join(UNITS)}")
        return self


class Command(Section):
    """One command, and what its answer means."""

    command: str
    """With holes such as `{slot}` where it is asked for each row of `each`."""
    template: str = ""
    """A TextFSM file beside profile.toml; empty: the one of ntc-templates for the command."""
    each: str = ""
    """A list that an earlier command filled: ask once for each of its rows."""
    when: dict[str, Pattern] = Field(default_factory=dict)
    """Only for rows of `each` whose fields hold these."""
    rows: tuple[Rows, ...] = ()
    nothing: Pattern | None = None
    """What an answer holds that lists nothing. An answer without rows and without this may be anything: of what was
    listed before it says nothing."""
    optional: bool = False
    """Not all devices of the family know it: then it is no problem."""
    proof: str = ""

    @field_validator("command")
    @classmethod
    def _only_reads(cls, value: str) -> str:
        if not any(grammar.reads(value) for grammar in Grammar):
            raise ValueError(f"is no plain command that shows something | {_CURE}")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Command:
        if bool(_HOLE.search(self.command)) != bool(self.each):
            raise ValueError("holes in a command and each go together")
        return self

    @cached_property
    def shape(self) -> re.Pattern[str]:
        parts = _HOLE.split(self.command)
        return re.compile("".join(r"[\w./:-]+" if n % 2 else re.escape(part) for n, part in enumerate(parts)))

    @property
    def example(self) -> str:
        """The command with its holes filled anyhow."""
        return _HOLE.sub("0", self.command)

    def filled(self, row: Mapping[str, Any]) -> str:
        """The command for one row; empty when the row lacks a field of it, or has one that is no plain word."""
        if any(row.get(name) in (None, "") for name in _HOLE.findall(self.command)):
            return ""
        text = _HOLE.sub(lambda hole: str(row[hole[1]]), self.command)
        return text if self.shape.fullmatch(text) else ""


class Cli(Section):
    """The command line of a family."""

    device_type: str
    """netmiko's name: how to log in, stop paging and find the prompt."""
    platform: str = ""
    """The name in ntc-templates, where it differs."""
    instead_of: tuple[str, ...] = ()
    """Families whose command line gives way to this one when a device suits both."""
    enable: bool = False
    """Commands need the privileged level, which this family gives without a further password."""
    grammar: Grammar = Grammar.VERB_FIRST
    """The form of its commands: how it says "show"."""
    command: tuple[Command, ...] = ()

    @model_validator(mode="after")
    def _only_reads(self) -> Cli:
        for it in self.command:
            if not self.grammar.reads(it.command):
                raise ValueError(f'"{it.command}" does not read where grammar is {self.grammar.value} | {_CURE}')
        return self

    def allows(self, text: str) -> bool:
        """Is this a command that the profile names? Nothing else ever reaches the wire."""
        return any(command.shape.fullmatch(text) for command in self.command)
