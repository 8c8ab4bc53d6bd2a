"""What one device told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from netwatch.core.model import Condition, State

Row: TypeAlias = dict[str, Any]


class Seen(NamedTuple):
    """Something worth an observation."""

    component: str
    condition: Condition
    state: State
    value: str


@dataclass
class Read:
    """All that one device told."""

    object_id: str = ""
    name: str = ""
    descr: str = ""
    uptime_seconds: float | None = None
    profiles: list[str] = field(default_factory=list)
    suiting: list[str] = field(default_factory=list)
    """Profiles that suit what it says it is, whether or not its agent shows what they ask for."""
    lists: dict[str, list[Row]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
