"""`rules/*.toml` → `core.rules.Rules`.

Each file has its module here: its schema (`File`), what is wrong in it (`findings`) and what it means (`rules`).
All files are checked whole: unknown and missing keys, shapes and ranges are `Finding`s with file and key, all at
once. What the files mean is told in the files themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from netwatch.config import toml
from netwatch.config.toml import Document
from netwatch.core.rules import Rules
from netwatch.findings import Finding, UnusableError
from netwatch.knowledge import alarms, calendar, dispatch, faults, sla
from netwatch.knowledge.calendar import unknown_days
from netwatch.knowledge.examples import try_examples
from netwatch.knowledge.schema import Strict

__all__ = ["FILES", "load_rules", "try_examples", "unknown_days"]

FILES = ("alarms.toml", "faults.toml", "sla.toml", "calendar.toml", "dispatch.toml")

_File = TypeVar("_File", bound=Strict)


def load_rules(locate: Path | Callable[[str], Path]) -> Rules:
    """Read all rule files. `locate` is their folder, or says for each file name where it lies.

    Raises UnusableError with every finding of every file.
    """
    where = (lambda name: locate / name) if isinstance(locate, Path) else locate
    found: list[Finding] = []
    documents: dict[type[Strict], Document] = {}

    def read(name: str, model: type[_File]) -> _File | None:
        try:
            documents[model] = toml.read(where(name))
            return toml.validate(documents[model], model)
        except UnusableError as error:
            found.extend(error.findings)
            return None

    alarm, fault = read("alarms.toml", alarms.File), read("faults.toml", faults.File)
    promised, days = read("sla.toml", sla.File), read("calendar.toml", calendar.File)
    sending = read("dispatch.toml", dispatch.File)
    if days:
        found += calendar.findings(days, documents[calendar.File])
    if fault:
        found += faults.findings(fault, documents[faults.File])
    if alarm:
        found += alarms.findings(alarm, documents[alarms.File])
    if promised:
        found += sla.findings(promised, documents[sla.File])
    if sending:
        found += dispatch.findings(sending, promised, documents[dispatch.File])
    if found or not (alarm and fault and promised and days and sending):
        raise UnusableError(found)
    return Rules(
        alarms.rules(alarm), faults.rules(fault), sla.rules(promised), calendar.rules(days), dispatch.rules(sending)
    )
