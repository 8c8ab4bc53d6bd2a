"""`faults.toml`: how causes are weighed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netwatch.config.toml import Document
from netwatch.core.model import RootKind
from netwatch.core.rules import FaultRules
from netwatch.findings import Finding
from netwatch.knowledge.schema import Example, Positive, Share, Strict, missing

_COSTS = (RootKind.LINK, RootKind.CABLE, RootKind.DEVICE, "missing")


class _Blindness(Strict):
    share: Share
    least: Positive
    suspect: Share


class _Feeder(Strict):
    share: Share


class File(Strict):
    blindness: _Blindness
    feeder: _Feeder
    cost: dict[str, Annotated[float, Field(gt=0)]]
    example: list[Example] = []


def findings(file: File, document: Document) -> list[Finding]:
    return missing(document, "cost", list(_COSTS), file.cost)


def rules(file: File) -> FaultRules:
    return FaultRules(
        blind_share=file.blindness.share,
        blind_least=file.blindness.least,
        feeder_share=file.feeder.share,
        blind_suspect=file.blindness.suspect,
        cost={k: v for k, v in file.cost.items() if k != "missing"},
        missing=file.cost["missing"],
    )
