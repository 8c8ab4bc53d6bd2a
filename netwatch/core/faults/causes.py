"""What a cause is: one root, what it explains, what it takes away, and what else it might have been."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netwatch.core.alarms import Element
from netwatch.core.intervals import Pair, Spans
from netwatch.core.model import Domain, Role, Root, Scope
from netwatch.core.time import Instant
from netwatch.core.topology import Network, Part

PREMISES = frozenset({Role.CPE, Role.ONU, Role.CONVERTER})
"""What stands at the customer's."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One version of planned work, as the explanation needs it: what may be dead on purpose, and when."""

    id: str
    scope: tuple[Scope, ...]
    span: Pair


@dataclass(frozen=True, slots=True)
class Rival:
    """Another root that might have been, and what spoke against it."""

    root: Root
    why_not: str
    equal: bool = False
    """The evidence cannot tell it from the one that was named."""

    def __str__(self) -> str:
        return f"{self.root}{_SAME if self.equal else _RARER}{self.why_not}"


_SAME, _RARER, _NEXT = " looks the same: ", " is less likely: ", "; "


def in_words(rivals: Iterable[Rival]) -> str:
    """Runners-up in words, those that look the same first."""
    return _NEXT.join(map(str, sorted(rivals, key=lambda r: not r.equal)))


def runners_up(against: str) -> list[tuple[str, str, bool]]:
    """What `in_words` made words of: root, why not, and whether it looks the same."""
    out = []
    for text in filter(None, against.split(_NEXT)):
        equal = _SAME in text
        root, _, why = text.partition(_SAME if equal else _RARER)
        out.append((root, why, equal))
    return out


@dataclass(slots=True)
class Cause:
    """One root and all that it explains."""

    root: Root
    domain: Domain
    elements: set[Element] = field(default_factory=set)
    """Tracks that are this cause."""
    explains: set[Element] = field(default_factory=set)
    """Tracks that follow from it."""
    dead: dict[Part, Spans] = field(default_factory=dict)
    """What it takes away from circuits, and when."""
    spans: Spans = field(default_factory=list)
    """When it was in effect."""
    reason: str = ""
    rivals: list[Rival] = field(default_factory=list)
    """The runners-up, the likeliest first."""
    confidence: float = 0.9
    fault: str = ""
    """The fault that it is on record as, when that is closed: only what it took away still matters."""

    @property
    def start(self) -> Instant:
        return self.spans[0][0]

    @property
    def end(self) -> Instant:
        return self.spans[-1][1]

    @property
    def against(self) -> str:
        """What speaks against it."""
        return in_words(self.rivals)


def scope_parts(scope: Iterable[Scope], net: Network) -> tuple[set[str], set[str]]:
    """The links and devices that planned work on these things may take down."""
    links: set[str] = set()
    devices: set[str] = set()
    for item in scope:
        if item.kind == "link":
            links.add(net.link_named(item.id))
        elif item.kind == "cable":
            links |= set(net.ledger.cables.get(item.id, ()))
        elif item.kind == "device":
            devices.add(item.id)
        elif item.kind == "site":
            devices |= set(net.site_devices.get(item.id, ()))
    for device in devices:
        links |= set(net.links_of.get(device, ()))
    return links, devices
