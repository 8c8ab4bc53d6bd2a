"""What the schemas of all rule files share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from netwatch.config.toml import Document
from netwatch.findings import Finding, did_you_mean

Positive = Annotated[int, Field(gt=0)]


Share = Annotated[float, Field(gt=0, le=1)]


TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def missing(document: Document, table: str, needed: list[Any], there: dict[Any, Any]) -> list[Finding]:
    names, known = {str(k) for k in there}, {str(n) for n in needed}
    out = [document.finding((table,), f'"{n}" is missing') for n in sorted(known - names)]
    return out + [document.finding((table, n), "unknown key", did_you_mean(n, known)) for n in sorted(names - known)]


def minute(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)


class Example(Strict):
    """What is heard in the network of `core.sample`, and what must come of it."""

    proves: Annotated[list[str], Field(min_length=1)]
    says: list[str]
    cause: list[str] | None = None
    out: list[str] | None = None
    alarm: list[str] | None = None
