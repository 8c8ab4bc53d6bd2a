"""From rows of text to the entities of the model, every bad cell told with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from netwatch.core.model import Circuit, Customer, Device, Link, Medium, Port, Role, Site, Team
from netwatch.findings import Finding, did_you_mean
from netwatch.ledger.columns import Column, Table, header, shown
from netwatch.ledger.sheets import Sheet

Entity = TypeVar("Entity")
Values = Mapping[str, Any]
Notes = Mapping[str, str]

_NO_NOTES: Notes = {}


@dataclass
class Part(Generic[Entity]):
    """One table as read: its entities by id, and where each stands."""

    table: Table
    sheet: Sheet | None = None
    entities: dict[str, Entity] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Column name → how the file writes it."""
    empty: dict[str, list[str]] = field(default_factory=dict)
    """Column name → ids of the rows that leave it empty, for columns where that matters."""
    bad: set[str] = field(default_factory=set)
    """Ids of rows with an error: nothing more is said about what they lack."""

    def at(self, id_: str, column: str) -> str:
        """`file:row:column` of a cell; the row alone where the file lacks the column."""
        place = f"{self.sheet.place if self.sheet else self.table.name}:{self.rows[id_]}"
        return f"{place}:{self.headers[column]}" if column in self.headers else place

    @property
    def read(self) -> bool:
        """The table is there and its columns are known."""
        return bool(self.headers)

    def has(self, column: str) -> bool:
        return column in self.headers


def part(
    table: Table, sheet: Sheet | None, make: Callable[[Values, Notes], Entity], findings: list[Finding]
) -> Part[Entity]:
    """Read one table. A row with a bad cell keeps its id, so that what refers to it is not called wrong too."""
    out: Part[Entity] = Part(table, sheet)
    if sheet is None or not sheet.header:
        return out
    columns = _columns(table, sheet, out, findings)
    if columns is None:
        return out
    key = table.key.name
    telling = [c.name for c in table.columns if c.unknown]
    for row, values, notes, bad in _rows(table, sheet, columns, findings):
        id_ = values.get(key)
        if not id_:
            continue
        if id_ in out.entities:
            what = f"{shown(id_)} stands here a second time"
            findings.append(
                Finding(f"{sheet.place}:{row}:{out.headers[key]}", what, f"the first is in row {out.rows[id_]}")
            )
            continue
        out.entities[id_] = make(values, notes)
        out.rows[id_] = row
        if bad:
            out.bad.add(id_)
            continue
        for name in telling:
            if name not in values:
                out.empty.setdefault(name, []).append(id_)
    findings.extend(_unknown(out))
    return out


def _unknown(out: Part[Any]) -> Iterator[Finding]:
    """One warning for each column whose empty cells mean more than "not known"."""
    if out.sheet is None:
        return
    for column in out.table.columns:
        ids = out.empty.get(column.name, []) if out.has(column.name) else list(out.rows)
        if column.unknown and ids:
            more = f" (and {len(ids) - 1:,} more, e.g. {' '.join(ids[1:4])})" if len(ids) > 1 else ""
            what = f"{ids[0]} has no {column.name}: {column.unknown}{more}"
            yield Finding(out.at(ids[0], column.name), what, warning=True)


_Columns = list[tuple[int, Column | None, str]]


def _columns(table: Table, sheet: Sheet, out: Part[Any], findings: list[Finding]) -> _Columns | None:
    """(index, column or None for a note, name) of every column that has a name."""
    known = {header(name): column for column in table.columns for name in (column.name, column.chinese)}
    columns: _Columns = []
    strange: list[str] = []
    for index, text in enumerate(sheet.header):
        name = " ".join(text.split())
        if not name:
            continue
        column = known.get(header(name))
        if column is None:
            strange.append(name)
            columns.append((index, None, name))
        elif column.name in out.headers:
            what = f"the column {column.name} stands here twice: {out.headers[column.name]} and {name}"
            findings.append(Finding(f"{sheet.place}:1:{name}", what, "remove one"))
        else:
            out.headers[column.name] = name
            columns.append((index, column, name))
    missing = [c for c in table.columns if c.required and c.name not in out.headers]
    for column in missing:
        near = did_you_mean(column.name, strange)
        cure = near or f"the first row names the columns: {column.name} or {column.chinese}"
        findings.append(Finding(f"{sheet.place}:1", f"there is no column {column.name}", cure))
    if missing:
        out.headers.clear()
        return None
    free = {header(n): n for c in table.columns if c.name not in out.headers for n in (c.name, c.chinese)}
    for name in strange:
        if cure := did_you_mean(header(name), free):
            what = "is no column of a ledger and is kept as a note only"
            findings.append(Finding(f"{sheet.place}:1:{name}", what, cure, warning=True))
    return columns


def _rows(
    table: Table, sheet: Sheet, columns: _Columns, findings: list[Finding]
) -> Iterator[tuple[int, Values, Notes, bool]]:
    """(row, values by column, notes, whether a cell of it is bad)."""
    width = len(sheet.header)
    nameless = sorted(set(range(width)) - {index for index, _, _ in columns})
    for row, cells in sheet.rows:
        before = len(findings)
        if len(cells) != width:
            findings.extend(_misfit(sheet, row, cells, width))
            cells = [*cells, *[""] * (width - len(cells))]
        values: dict[str, Any] = {}
        notes: dict[str, str] = {}
        for index, column, name in columns:
            text = cells[index].strip()
            why = sheet.spoilt.get((row, index)) if sheet.spoilt else None
            if column is None:
                if text:
                    notes[name] = text
                continue
            if why is None and text:
                try:
                    values[column.name] = column.parse(text)
                except ValueError as error:
                    why = str(error)
                    if column is table.key:
                        values[column.name] = text  # a bad id is still the id that others refer to
            elif why is None and column.required:
                why = "is empty | every row needs one"
            if why is not None:
                what, _, cure = why.partition(" | ")
                findings.append(Finding(f"{sheet.place}:{row}:{name}", what, cure))
        if nameless:
            findings.extend(_unnamed(sheet, row, cells, nameless))
        yield row, values, notes or _NO_NOTES, len(findings) > before


def _unnamed(sheet: Sheet, row: int, cells: list[str], nameless: list[int]) -> Iterator[Finding]:
    for index in nameless:
        if text := cells[index].strip():
            what = f"{shown(text)} stands in a column without a name"
            yield Finding(f"{sheet.place}:{row}:column {index + 1}", what, "name the column in the first row")


def _misfit(sheet: Sheet, row: int, cells: list[str], width: int) -> Iterator[Finding]:
    if any(cell.strip() for cell in cells[width:]) or len(cells) < width:
        what = f"has {len(cells)} cells where the header has {width}"
        cure = "quote cells that hold a comma" if len(cells) > width else "is the file cut off?"
        yield Finding(f"{sheet.place}:{row}", what, cure)


# ---------------------------------------------------------------- one maker for each table


def site(v: Values, notes: Notes) -> Site:
    return Site(
        v["site"],
        v.get("name", ""),
        v.get("region", ""),
        v.get("area", ""),
        v.get("power_feed", ""),
        v.get("battery_minutes"),
        v.get("latitude"),
        v.get("longitude"),
        v.get("address", ""),
        notes,
    )


def device(v: Values, notes: Notes) -> Device:
    return Device(
        v["device"],
        v.get("name", ""),
        v.get("role", Role.ACCESS),
        v.get("vendor", ""),
        v.get("site", ""),
        v.get("address", ""),
        v.get("credential", ""),
        v.get("managed", True),
        notes,
    )


def link(v: Values, notes: Notes) -> Link:
    return Link(
        v["link"],
        Port(v.get("a_device", ""), v.get("a_port", "")),
        Port(v.get("z_device", ""), v.get("z_port", "")),
        v.get("medium", Medium.FIBRE),
        v.get("cable", ()),
        v.get("cores"),
        notes,
    )


def customer(v: Values, notes: Notes) -> Customer:
    return Customer(
        v["customer"],
        v.get("name", ""),
        v.get("level", ""),
        v.get("important", False),
        v.get("manager", ""),
        v.get("contact", ""),
        v.get("phone", ""),
        v.get("language", ""),
        notes,
    )


def circuit(v: Values, notes: Notes) -> Circuit:
    return Circuit(
        v["circuit"],
        v.get("customer", ""),
        v.get("product", ""),
        v.get("assurance", ""),
        v.get("bandwidth_mbps"),
        v.get("scope", ""),
        Port(v.get("a_device", ""), v.get("a_port", "")),
        Port(v.get("z_device", ""), v.get("z_port", "")),
        v.get("working", ()),
        v.get("protecting", ()),
        v.get("over", ""),
        v.get("in_service"),
        v.get("ceased"),
        notes,
    )


def team(v: Values, notes: Notes) -> Team:
    return Team(
        v["team"],
        v.get("company", ""),
        frozenset(v.get("skills", ())),
        frozenset(v.get("regions", ())),
        v.get("leader", ""),
        v.get("phone", ""),
        v.get("channel", ()),
        frozenset(v.get("licences", ())),
        notes,
    )
