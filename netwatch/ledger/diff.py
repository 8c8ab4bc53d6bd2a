"""What changed between two ledgers, entity by entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from netwatch.core.model import Ledger, Port


@dataclass(frozen=True, slots=True)
class Change:
    """One entity that is new, gone or different."""

    table: str
    """sites, devices, links, customers, circuits, teams."""
    id: str
    what: Literal["added", "removed", "changed"]
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Of a change: column → (before, after), as a ledger would write them."""


def diff(before: Ledger, after: Ledger) -> list[Change]:
    """Every difference, table by table: removed and changed in the old order, then added in the new."""
    changes: list[Change] = []
    for table in (f.name for f in fields(Ledger)):
        old: Mapping[str, Any] = getattr(before, table)
        new: Mapping[str, Any] = getattr(after, table)
        for id_, entity in old.items():
            if id_ not in new:
                changes.append(Change(table, id_, "removed"))
            elif entity != new[id_]:
                changes.append(Change(table, id_, "changed", _differences(entity, new[id_])))
        changes.extend(Change(table, id_, "added") for id_ in new if id_ not in old)
    return changes


def _differences(old: Any, new: Any) -> dict[str, tuple[str, str]]:
    a, b = _cells(old), _cells(new)
    return {name: (a.get(name, ""), b.get(name, "")) for name in a | b if a.get(name, "") != b.get(name, "")}


def _cells(entity: Any) -> dict[str, str]:
    out: dict[str, str] = {}
    for f in fields(entity):
        value = getattr(entity, f.name)
        if isinstance(value, Port):
            out |= {f"{f.name}_device": value.device, f"{f.name}_port": value.name}
        elif isinstance(value, Mapping):
            out |= dict(value)
        else:
            out[_NAMES.get(f.name, f.name)] = _text(value)
    return out


_NAMES = {"cables": "cable", "channels": "channel"}
"""Fields whose column is called otherwise."""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return " ".join(sorted(value))
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else repr(value)
    return str(value)
