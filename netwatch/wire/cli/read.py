"""Reading a device's command line: ask the commands of its profile, take the answers apart, make rows and observations.

It gives what `wire.read` gives, so that both can be told together. A command that the device does not know, or whose
answer no template understands, is a problem in words, and the rest is told all the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import textfsm
from ntc_templates import parse
from ntc_templates.parse import ParsingException, parse_output
from textfsm import clitable

from netwatch.config import toml
from netwatch.core.model import Condition, State
from netwatch.core.ports import normal
from netwatch.findings import Finding, UnusableError
from netwatch.wire.cli.profile import Cell, Cli, Command, Judge, Rows
from netwatch.wire.decode import UNITS
from netwatch.wire.names import Names
from netwatch.wire.profile import Profile
from netwatch.wire.read import Read, Seen
from netwatch.wire.template import Template, Term

Row: TypeAlias = dict[str, Any]


class NotUnderstoodError(Exception):
    """No template takes this answer apart."""


class NotKnownError(NotUnderstoodError):
    """The device said that it does not know the command, or does not let us."""


@dataclass(frozen=True)
class CommandLine:
    """The command line of one family, and where its own templates lie."""

    family: str
    cli: Cli
    folder: Path

    def parse(self, command: Command, text: str, asked: str = "") -> list[Row]:
        """The rows of an answer, names in small letters. Raises NotUnderstoodError."""
        if _COMPLAINT.search(text[:400]):
            raise NotKnownError("the device does not know the command, or does not let us")
        try:
            if command.template:
                rows = _own(self.folder / command.template).ParseTextToDicts(text)
            else:
                platform = self.cli.platform or self.cli.device_type
                rows = parse_output(platform=platform, command=asked or command.command, data=text)
        except (textfsm.TextFSMError, ParsingException) as error:
            # The first line says what; what follows repeats the answer.
            raise NotUnderstoodError(str(error).strip().partition("\n")[0][:200]) from None
        return [{name.lower(): _plain(value) for name, value in row.items()} for row in rows]


_COMPLAINT = re.compile(
    r"^\s*(?:% ?(?:Unknown|Invalid|Incomplete|Ambiguous|Bad|Unrecognized|Wrong|Permission|Authori[sz]ation)"
    r"|Error: ?(?:Unrecognized|Incomplete|Ambiguous|Wrong|Too many|No permission|You do not have)"
    r"|(?:unknown|invalid|syntax error)\b|\^\s*$|.*\bpermission denied)",
    re.IGNORECASE | re.MULTILINE,
)


def command_lines(profiles: Mapping[str, Profile], folders: Mapping[str, Path]) -> dict[str, CommandLine]:
    """The families that have a command line. Raises UnusableError for templates that are missing or no TextFSM."""
    lines = {n: CommandLine(n, p.cli, folders[n]) for n, p in profiles.items() if p.cli is not None and n in folders}
    found: list[Finding] = []
    for line in lines.values():
        for n, command in enumerate(line.cli.command):
            if not command.template:
                continue
            path = line.folder / command.template
            try:
                _own(path)
            except OSError as error:
                what = f'"{command.command}" needs {path.name}: {error.strerror}'
                found.append(_profile(line).finding(("cli", "command", n, "template"), what))
            except (textfsm.TextFSMTemplateError, UnicodeDecodeError) as error:
                found.append(Finding(str(path), f"no TextFSM template: {error}"))
    if found:
        raise UnusableError(found)
    return lines


def strangers(lines: Iterable[CommandLine]) -> Iterator[Finding]:
    """Commands without a template of their own that ntc-templates has none for either: nobody could read the answer.

    Goes through all of its index, which takes a second: for a check, not for a start.
    """
    index = clitable.CliTable("index", parse._get_template_dir()).index
    for line in lines:
        platform = line.cli.platform or line.cli.device_type
        for n, command in enumerate(line.cli.command):
            if command.template or _known(index, platform, command.example):
                continue
            what = f'ntc-templates has no template for "{command.command}" of {platform}'
            cure = "put a TextFSM file beside profile.toml and name it as template"
            yield _profile(line).finding(("cli", "command", n, "command"), what, cure)


def _known(index: Any, platform: str, command: str) -> bool:
    """Is there a row for it? Rows fit by how a command begins, so that `dir` fits all that begin with a d."""
    row = index.GetRowMatch({"Command": command, "Platform": platform})
    found = index.compiled[row]["Command"].match(command) if row else None
    return found is not None and (found[0].endswith(" ") or command[found.end() : found.end() + 1] in ("", " "))


def _profile(line: CommandLine) -> toml.Document:
    return toml.read(line.folder / "profile.toml")


def _own(path: Path) -> textfsm.TextFSM:
    return textfsm.TextFSM(io.StringIO(path.read_text("utf-8")))


def _plain(value: Any) -> str:
    """Names that a table broke over lines come as lists."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value).strip()


class Told(NamedTuple):
    """Something worth an observation, and what its absence from the next answer will mean."""

    command: str
    """As the profile writes it."""
    seen: Seen
    gone: State


@dataclass
class CliReader:
    """Reads one device, command by command. `ask` sends one command and gives its answer."""

    line: CommandLine
    names: Names | None = None
    device: str = ""
    found: Read = field(default_factory=Read)
    answered: int = 0
    """Commands that were answered so far."""
    told: list[Told] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    """Commands (as the profile writes them) that were answered, each time they were asked, and understood."""
    unknown: set[str] = field(default_factory=set)
    """Commands that this device does not know, or does not let us use."""
    _joined: dict[tuple[str, ...], Row] = field(default_factory=dict)

    def all(self, ask: Callable[[str], str]) -> Read:
        """Everything that the profile asks. What `ask` raises goes through: the session is gone."""
        self.found.profiles = [self.line.family]
        for command in self.line.cli.command:
            whole = self._sources(command) <= self.whole
            for text, row in self._asked(command):
                told = ask(text)
                self.answered += 1
                try:
                    answer = self.line.parse(command, told, text)
                except NotUnderstoodError as error:
                    whole = False
                    if isinstance(error, NotKnownError):
                        self.unknown.add(command.command)
                    if command.command not in self.unknown or not command.optional:
                        self.found.problems.append(f'"{text}": {error}')
                    continue
                whole = whole and (bool(answer) or (command.nothing is not None and bool(command.nothing.search(told))))
                for rows in command.rows:
                    self._rows(command, rows, answer, row)
            if whole:
                self.whole.add(command.command)
        self._settle()
        return self.found

    def understood(self, command: Command, text: str) -> Read:
        """What one answer means. Raises NotUnderstoodError."""
        answer = self.line.parse(command, text)
        for rows in command.rows:
            self._rows(command, rows, answer, {})
        self._settle()
        return self.found

    def _settle(self) -> None:
        """What was told so far is what was found."""
        self.found.seen = [one.seen for one in self.settled().values()]

    def settled(self) -> dict[tuple[str, Condition], Told]:
        """One word for each component and condition: of many rows about it, one bad one decides."""
        out: dict[tuple[str, Condition], Told] = {}
        for one in [*self.told]:
            key = (one.seen.component, one.seen.condition)
            if key not in out or one.seen.state is State.BAD:
                out[key] = one
        return out

    def _sources(self, command: Command) -> set[str]:
        """The commands that say for which rows this one is asked."""
        if not command.each:
            return set()
        return {
            it.command
            for it in self.line.cli.command
            if it is not command and any(r.list == command.each for r in it.rows)
        }

    def _asked(self, command: Command) -> Iterable[tuple[str, Row]]:
        if not command.each:
            yield command.command, {}
            return
        seen = set()
        for row in self.found.lists.get(command.each, []):
            fits = all(pattern.search(_shown(row.get(name))) for name, pattern in command.when.items())
            text = command.filled(row)
            if fits and text and text not in seen:
                seen.add(text)
                yield text, row

    def _rows(self, command: Command, rows: Rows, answer: list[Row], about: Row) -> None:
        out = self.found.lists.setdefault(rows.list, [])
        for told in answer:
            row: Row = {}
            for name, cell in rows.fields.items():
                row[name] = _value(cell, {**about, **told, **{k: v for k, v in row.items() if v is not None}})
            if rows.list == "sensors":
                if row["value"] is None:
                    continue
                row = {"name": row.get("port"), **row, "unit": UNITS[row["class"]], "oid": None}
                row.setdefault("port", None)
            if any(row.get(name) in (None, "") for name in rows.need):
                continue
            self._add(rows.list, out, row)
            for judge in rows.observe:
                self._judge(command, judge, row)

    def _add(self, name: str, rows: list[Row], row: Row) -> None:
        """Of a port or a unit that another command told already, what that one left out."""
        key = (name, *_key(row, _SAME[name])) if name in _JOINED else ()
        if all(key) and key in self._joined:
            _fill_gaps(self._joined[key], row)
            return
        rows.append(row)
        if key:
            self._joined[key] = row

    def _judge(self, command: Command, judge: Judge, row: Row) -> None:
        if any(not pattern.search(_shown(row.get(name))) for name, pattern in judge.when.items()):
            return
        told = _shown(row.get(judge.field))
        if not told:
            return
        bad = judge.bad is not None and judge.bad.search(told) is not None
        ok = judge.ok is not None and judge.ok.search(told) is not None
        if bad == ok:
            return
        component = self._spell(_fill(judge.component, row), row)
        shown = _shown(row.get("text")) or f"{judge.field} {told}"
        seen = Seen(component, judge.condition, State.BAD if bad else State.OK, shown[:200])
        self.told.append(Told(command.command, seen, State(judge.gone)))

    def _spell(self, component: str, row: Row) -> str:
        if self.names is None or not component:
            return component
        if row.get("serial") and row.get("port"):
            others = [str(row[k]) for k in ("serial", "name", "description", "id") if row.get(k)]
            return self.names.spell_onu(self.device, str(row["port"]), _shown(row.get("id")), others)
        return self.names.spell(self.device, component)


def _fill(words: Template, row: Mapping[str, Any]) -> str:
    def value(term: Term) -> str:
        return _shown(row.get(term.name))

    return words.fill(value)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def _value(cell: Cell, row: Mapping[str, Any]) -> Any:
    text = _fill(cell.text, row)
    if cell.find is not None:
        held = cell.find.search(text)
        text = (held[1] if held else "") or ""
    if cell.absent.search(text):
        return None
    if cell.called:
        return next((word for pattern, word in cell.called if pattern.search(text)), None)
    if not cell.number:
        return text
    found = _NUMBER.search(text)
    if found is None:
        return None
    number = float(found[0]) if "." in found[0] or "e" in found[0].lower() else int(found[0])
    return number * cell.scale if cell.scale != 1 else number


# ---------------------------------------------------------------- both told together

_SAME = {
    "ports": ("name",),
    "neighbours": ("local_port", "remote_device"),
    "sessions": ("kind", "peer"),
    "onus": ("port", "id"),
    "sensors": ("port", "class"),
    "tests": ("kind", "name"),
    "power": ("name",),
}
"""What a row of each list is about: rows about the same thing are one."""

_JOINED = frozenset({"ports", "onus"})
"""Lists of which several commands of one device tell: of the others one device may well have two rows of one name."""


def merge(first: Read, second: Read) -> None:
    """Add to `first` what only `second` tells: rows, fields that `first` lacks, observations, problems."""
    for name, rows in second.lists.items():
        have = first.lists.setdefault(name, [])
        keys = _SAME.get(name)
        known = {_key(row, keys): row for row in have} if keys else {}
        for row in rows:
            if (same := known.get(_key(row, keys)) if keys else None) is None:
                have.append(row)
                continue
            _fill_gaps(same, row)
    seen = {(normal(s.component), s.condition) for s in first.seen}
    first.seen += [s for s in second.seen if (normal(s.component), s.condition) not in seen]
    first.problems += second.problems
    first.profiles += [name for name in second.profiles if name not in first.profiles]


def _fill_gaps(have: Row, more: Row) -> None:
    for key, value in more.items():
        if have.get(key) in (None, "") and value is not None:
            have[key] = value


def _key(row: Row, keys: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(normal(_shown(row.get(key))) for key in keys or ())
