"""Profiles: what a family of equipment offers, and what its traps and log lines mean, as data.

One folder a family, `collectors/<family>/profile.toml`; a comment or `proof` beside each fact names the MIB, the RFC,
the walk or the line that proves it. The models below are the whole language:

* `sys_object_id`, `answers`, `always`: which devices it is for; an OID `self.1.2` is below the device's own
  sysObjectID (`self_arcs` of it), for makers who give each product a copy of one MIB,
* `[columns]`: names for OIDs, for use in templates,
* `[[sensor]]`: one column, a reading at each of its instances,
* `[[entity_sensors]]`: tables in the form of ENTITY-SENSOR-MIB, which tell class and scale themselves,
* `[[rows]]`: rows of any list that `netwatch probe` shows (ports, onus, sessions, neighbours, …),
* `[[trap]]`, `[[syslog]]`: what is heard, as condition, component and state,
* `[cli]`: what is asked on the command line (`wire.cli.profile`).

Reading them is `wire.read`; this module only knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from netwatch import config
from netwatch.config import toml
from netwatch.core.model import Condition, State
from netwatch.findings import Finding, UnusableError, did_you_mean
from netwatch.wire.cli.profile import Cli
from netwatch.wire.decode import DECODERS, UNITS
from netwatch.wire.snmp import Oid, oid
from netwatch.wire.template import Template, template

SELF = -(1 << 63)
"""First arc of an OID below the device's own sysObjectID, `self.1.10.2`: makers give each product a copy of one MIB."""


def _oid(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return (SELF, *oid(value[5:])) if value.startswith("self.") else oid(value)
        except ValueError:
            raise ValueError(f'"{value}" is no OID | digits and dots, e.g. "1.3.6.1.2.1.2.2.1.8"') from None
    return value


def _template(value: Any) -> Any:
    return template(value) if isinstance(value, str) else value


def _decoder(value: str) -> str:
    if value not in DECODERS:
        cure = did_you_mean(value, DECODERS) or f"one of {', '.join(DECODERS)}"
        raise ValueError(f'no decoder "{value}" | {cure}')
    return value


def _class(value: str) -> str:
    if value not in UNITS:
        raise ValueError(f'no sensor class "{value}" | {did_you_mean(value, UNITS) or ", ".join(UNITS)}')
    return value


def _pattern(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return re.compile(value)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
    return value


def _states(value: Any) -> Any:
    """TOML keys are strings; the agent's values are numbers."""
    if isinstance(value, dict):
        return {int(k) if re.fullmatch(r"-?\d+", str(k)) else str(k): v for k, v in value.items()}
    return value


ENTERPRISES = oid("1.3.6.1.4.1")

OidText = Annotated[Oid, BeforeValidator(_oid)]
TemplateText = Annotated[Template, BeforeValidator(_template)]
Decoder = Annotated[str, BeforeValidator(_decoder)]
Class = Annotated[str, BeforeValidator(_class)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
States = Annotated[dict[int | str, str], BeforeValidator(_states)]
Words = Annotated[dict[str, int], AfterValidator(lambda v: {said.casefold(): told for said, told in v.items()})]
Reading = Annotated[State, BeforeValidator(lambda v: State(v) if isinstance(v, str) else v)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class Coding(Part):
    """How a number is written."""

    decode: Decoder = ""
    """Empty: by the type of the value (a number, or text)."""
    scale: float = 1
    plus: float = 0
    dbm: bool = False
    """After scaling the value is in mW: give dBm."""
    absent: tuple[int | float | str, ...] = ()
    """Raw values that mean "no value"."""


class Source(Coding):
    """Where a field of a row comes from: a column, or a template."""

    oid: OidText | None = None
    at: str = ""
    """Which part of the row's index the column has: `0`, `-1`, `0:2`, `:2+1` (and a 1 behind it); or the field that
    holds its index."""
    text: TemplateText | None = None
    sentinels: bool = True
    """The ends of 32 bits are "no value"; false where they are figures like others."""
    states: States | None = None
    """What the raw number is called."""
    known: bool = False
    """Only if it names a port that the device has, in whatever spelling."""
    proof: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"text": value} if "{" in value or not value[:1].isdigit() else {"oid": value}
        return value

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.oid is None) == (self.text is None):
            raise ValueError("needs either oid or text")
        return self


class Judge(Part):
    """When something read is worth an observation."""

    condition: Condition
    component: TemplateText = template("{name}")
    field: str = "state"
    bad: tuple[int | str, ...] = ()
    ok: tuple[int | str, ...] = ()
    when: dict[str, tuple[int | str, ...]] = Field(default_factory=dict)
    """Only for rows with these values."""


class Sensor(Part):
    """One reading at each instance of a column."""

    oid: OidText
    also: tuple[OidText, ...] = ()
    """Other columns that say the same: makers give each series of products a copy of one MIB."""
    kind: Class = Field(alias="class")
    unit: str = ""
    """Where it is not that of the class: a fan may tell "%" of its full speed."""
    name: TemplateText
    port: TemplateText | None = None
    entity: bool = False
    """The index is an entPhysicalIndex: find the port by what contains it (ENTITY-MIB)."""
    decode: Decoder = "number"
    scale: float = 1
    plus: float = 0
    dbm: bool = False
    absent: tuple[int | float | str, ...] = ()
    states: States | None = None
    words: Words = Field(default_factory=dict)
    """Of a state that the agent says in words: the number that is told for each, in whatever case it says them."""
    lowest: float | None = None
    highest: float | None = None
    """Readings beyond these are none: what the box says when the sensor is not there."""
    condition: Condition | None = None
    bad: tuple[int | str, ...] = ()
    ok: tuple[int | str, ...] = ()
    low: OidText | None = None
    high: OidText | None = None
    """Columns with the limits; beyond them it is `bad`."""
    limits: Coding | None = None
    """How the limits are coded, where they are not as the value is."""
    component: TemplateText | None = None
    skip: dict[str, tuple[int | str, ...]] = Field(default_factory=dict)
    """Columns (by name) and values: an instance that has one of them is left out."""
    last: tuple[int, ...] = ()
    """Only instances that end in one of these, where the kind of reading is part of the index."""
    index: Pattern | None = None
    """Only instances whose index (in dots) matches, where `last` cannot tell."""
    where: dict[str, Pattern] = Field(default_factory=dict)
    """Columns (by name) and patterns: only instances whose text matches, in tables that mix kinds of readings."""
    digits: str = ""
    """The column (by name) that says how many digits of the number stand behind the point."""
    exponent: str = ""
    """The column (by name) that says by which power of ten the number is multiplied."""
    divisor: str = ""
    """The column (by name) that says by what the number is divided."""
    factor: str = ""
    """The column (by name) that says by what the number is multiplied, or by −n what it is divided by."""
    proof: str = ""

    @property
    def columns(self) -> tuple[Oid, ...]:
        return self.oid, *self.also

    @property
    def scaled_by(self) -> tuple[str, ...]:
        return tuple(name for name in (self.digits, self.exponent, self.divisor, self.factor) if name)

    @model_validator(mode="after")
    def _judged(self) -> Sensor:
        if self.condition and not (self.bad or self.ok or self.low or self.high):
            raise ValueError("a condition needs bad and ok values, or limits")
        if self.words and self.kind != "state":
            raise ValueError('words are for class = "state"')
        return self


class EntitySensors(Part):
    """A table of the form of ENTITY-SENSOR-MIB: type, scale, precision, value, status in columns 1 to 5."""

    table: OidText
    name: TemplateText
    light_in_watts: bool = False
    """Levels of light are told as watts: give dBm where the name says received or sent power."""
    proof: str = ""


class Rows(Part):
    """Rows of one of the lists of `netwatch probe`."""

    list: str
    by: tuple[OidText, ...]
    """Columns that say which rows there are."""
    fields: dict[str, tuple[Source, ...]]
    """Each field from the first source that has a value."""
    need: tuple[str, ...] = ()
    """Fields without which the row is left out."""
    observe: tuple[Judge, ...] = ()
    proof: str = ""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("fields"), dict):
            fields = {k: v if isinstance(v, list) else [v] for k, v in value["fields"].items()}
            return value | {"fields": fields}
        return value


class Trap(Part):
    """One notification, or one meaning of it (`when`). The first that fits is taken."""

    oid: OidText
    name: str
    condition: Condition | None = None
    """None: nothing is observed, the device is only polled."""
    state: Reading | None = None
    by: str = ""
    """The varbind (by its name in `columns`) that tells the state, with `bad` and `ok`."""
    bad: tuple[int | str, ...] = ()
    ok: tuple[int | str, ...] = ()
    when: dict[str, tuple[int | str, ...]] = Field(default_factory=dict)
    match: dict[str, Pattern] = Field(default_factory=dict)
    """Varbinds whose text must hold these patterns."""
    component: TemplateText | None = None
    value: TemplateText | None = None
    """What to show people beside it."""
    proof: str = ""

    @model_validator(mode="after")
    def _told(self) -> Trap:
        if self.condition and (self.state is None) == (not self.by):
            raise ValueError("needs either state, or by with bad and ok")
        return self


class Syslog(Part):
    """A log line. Groups `component` and `state` of the pattern are used."""

    pattern: Pattern
    condition: Condition | None = None
    state: Reading | None = None
    bad: tuple[str, ...] = ()
    ok: tuple[str, ...] = ()
    prefix: str = ""
    """What stands before the component: `bgp` for a peer's address."""
    proof: str = ""

    @model_validator(mode="after")
    def _told(self) -> Syslog:
        if self.condition and self.state is None and "state" not in self.pattern.groupindex:
            raise ValueError("needs a state, or a group (?P<state>…) with bad and ok")
        return self


class Profile(Part):
    """One family."""

    title: str
    always: bool = False
    sys_object_id: tuple[OidText, ...] = ()
    sys_descr: Pattern | None = None
    """Where families share an enterprise number: sysDescr must match too."""
    anonymous: bool = False
    """Some of the family name no vendor in sysObjectID (it is missing, or their agent's maker): `answers` tells."""
    answers: tuple[OidText, ...] = ()
    """It is only for devices that answer under one of these."""
    self_arcs: int | None = None
    """How many arcs of sysObjectID `self` is; all of them, where the last do not tell apart what shares a MIB."""
    columns: dict[str, OidText] = Field(default_factory=dict)
    sensor: tuple[Sensor, ...] = ()
    entity_sensors: tuple[EntitySensors, ...] = ()
    rows: tuple[Rows, ...] = ()
    trap: tuple[Trap, ...] = ()
    syslog: tuple[Syslog, ...] = ()
    cli: Cli | None = None
    proof: str = ""

    @cached_property
    def relative(self) -> bool:
        """Some of it stands below the device's own sysObjectID."""
        return below((0,), self) != self

    def suits(self, object_id: Oid, description: str) -> bool:
        """By what the device says that it is; whether it answers is another question."""
        if self.always:
            return True
        named = any(object_id[: len(prefix)] == prefix for prefix in self.sys_object_id)
        if self.sys_object_id and not named and not (self.anonymous and nameless(object_id)):
            return False
        if self.sys_descr and not self.sys_descr.search(description):
            return False
        return bool(self.sys_object_id or self.sys_descr or self.answers)


_MOST_MODELS = 4_096
"""Products and their releases for which it is remembered which families suit."""


class Profiles:
    """All families that are in force, by name."""

    def __init__(self, families: Mapping[str, Profile]) -> None:
        self.families = dict(families)
        self._products: dict[tuple[str, Oid], Profile] = {}
        self._suiting: dict[tuple[Oid, str], dict[str, Profile]] = {}
        self.columns: dict[str, Oid] = {}
        """Names that every profile may use: those of the profiles that are always asked."""
        for profile in self.families.values():
            if profile.always:
                self.columns |= profile.columns
        self.traps: dict[Oid, list[tuple[Profile, Trap]]] = {}
        for profile in self.families.values():
            for trap in profile.trap:
                self.traps.setdefault(trap.oid, []).append((profile, trap))
        self.lines: list[tuple[Profile, Syslog]] = [(p, line) for p in self.families.values() for line in p.syslog]

    @classmethod
    def load(cls, directories: Iterable[Path] = ()) -> Profiles:
        """Read every family of `directories` and of the shipped ones; the first directory that has a family wins.

        Raises UnusableError with every finding (file, line and key).
        """
        folders: dict[str, Path] = {}
        for directory in (*directories, shipped()):
            if directory.is_dir():
                for folder in sorted(directory.iterdir()):
                    if folder.is_dir() and not folder.name.startswith((".", "_")):
                        folders.setdefault(folder.name, folder)
        return cls.of(folders)

    @classmethod
    def of(cls, folders: Mapping[str, Path]) -> Profiles:
        """The families in these folders (name → folder)."""
        families: dict[str, Profile] = {}
        places: dict[str, toml.Document] = {}
        found: list[Finding] = []
        for name, folder in sorted(folders.items()):
            path = folder / "profile.toml"
            try:
                places[name] = toml.read(path)
                families[name] = toml.validate(places[name], Profile)
            except UnusableError as error:
                found += error.findings
        profiles = cls(families)
        for name, profile in families.items():
            found += _strangers(profile, places[name], profiles.columns)
        if found:
            raise UnusableError(found)
        return profiles

    def suiting(self, object_id: Oid, description: str = "") -> dict[str, Profile]:
        """Families for a device that says this of itself, the general ones first; `answers` still has to be tried."""
        known = self._suiting.get((object_id, description))
        if known is None:  # boxes of one model and release say the same, and all patterns of all families are slow
            suits = [(n, p) for n, p in self.families.items() if p.suits(object_id, description)]
            fit = [(name, self._placed(name, profile, object_id)) for name, profile in suits]
            if len(self._suiting) >= _MOST_MODELS:
                self._suiting.clear()
            known = self._suiting[object_id, description] = dict(sorted(fit, key=lambda family: not family[1].always))
        return dict(known)

    def _placed(self, name: str, profile: Profile, object_id: Oid) -> Profile:
        """The profile with every OID below `self` put below this sysObjectID (or its beginning)."""
        if not profile.relative:
            return profile
        key = name, object_id[: profile.self_arcs]
        if key not in self._products:
            self._products[key] = below(key[1], profile)
        return self._products[key]

    def column(self, profile: Profile, name: str) -> Oid | None:
        return profile.columns.get(name) or self.columns.get(name)


Value = TypeVar("Value")


def below(object_id: Oid, value: Value) -> Value:
    """A copy of a profile (or of a part of one) whose OIDs below `self` are below `object_id`."""
    placed: Any = value
    if isinstance(value, Part):
        fields = {name: below(object_id, getattr(value, name)) for name in type(value).model_fields}
        placed = value.model_copy(update=fields)
    elif isinstance(value, dict):
        placed = {key: below(object_id, held) for key, held in value.items()}
    elif isinstance(value, tuple) and value[:1] == (SELF,):
        placed = (*object_id, *value[1:])
    elif isinstance(value, tuple):
        placed = tuple(below(object_id, held) for held in value)
    return cast(Value, placed)


def _strangers(profile: Profile, place: toml.Document, shared: Mapping[str, Oid]) -> Iterator[Finding]:
    """Names in templates and conditions that mean nothing."""
    for key, names, more in _mentions(profile):
        known = {*profile.columns, *shared, *more}
        for name in names:
            if name and name not in known:
                cure = did_you_mean(name, known) or "name its OID in [columns]"
                yield place.finding(key, f'nothing is called "{name}"', cure)


def _mentions(profile: Profile) -> Iterator[tuple[toml.Key, Iterable[str], Iterable[str]]]:
    """Where names are used: the key, the names, and what may be meant beside columns."""
    for n, sensor in enumerate(profile.sensor):
        for word in ("name", "port", "component"):
            yield ("sensor", n, word), _names(getattr(sensor, word)), ("name", "port")
        yield ("sensor", n), (*sensor.skip, *sensor.where, *sensor.scaled_by), ()
    for n, table in enumerate(profile.entity_sensors):
        yield ("entity_sensors", n, "name"), _names(table.name), ()
    for n, rows in enumerate(profile.rows):
        for name, sources in rows.fields.items():
            for source in sources:
                yield ("rows", n, "fields", name), _names(source.text), rows.fields
        for m, judge in enumerate(rows.observe):
            names = [judge.field, *judge.when, *_names(judge.component)]
            yield ("rows", n, "observe", m), names, rows.fields
    for n, trap in enumerate(profile.trap):
        for word in ("component", "value"):
            yield ("trap", n, word), _names(getattr(trap, word)), ("port",)
        yield ("trap", n), (*trap.when, *trap.match, trap.by), ()


def _names(filled: Template | None) -> list[str]:
    terms = filled.terms() if filled else ()
    return [word for term in terms for word in (term.name, term.at.lstrip("#")) if word[:1].isalpha()]


_AGENTS = tuple(map(oid, ("1.3.6.1.4.1.0", "1.3.6.1.4.1.8072", "1.3.6.1.4.1.2021", "1.3.6.1.4.1.10002")))
"""What stands in sysObjectID where nobody put the vendor's: nobody, net-snmp, its forerunner UCD, Frogfoot."""


def nameless(object_id: Oid) -> bool:
    """Whether sysObjectID names no vendor: missing, no enterprise, or that of an agent anybody may build in."""
    return len(object_id) < 7 or object_id[:6] != ENTERPRISES or any(object_id[: len(a)] == a for a in _AGENTS)


def shipped() -> Path:
    """Where the collectors that come with NetWatch are: in the wheel or in the checkout."""
    return config.shipped("collectors")
