"""What may be asked of a command line at all, whatever a profile says: commands that read, one line, no pipe.

A profile says which of these forms its family's commands have; none can add to them. Where the verb comes last, a word
before it could be another verb that takes ours for its argument (`/interface remove print` removes the interface
"print"; `system set host-name show` names a node "show"): there only the names of menus may stand, and they are listed.
"""

from __future__ import annotations

import re
from enum import StrEnum

_WORD = r"(?:[\w./:-]+|\{[a-z_]\w*\})"
"""A plain word, or the hole for one."""


class Grammar(StrEnum):
    """The form of a family's commands."""

    VERB_FIRST = "verb_first"
    """`show …`, `display …`"""
    PRINT_LAST = "print_last"
    """RouterOS: `/menu print`, from the root so that it means the same wherever the session stands."""
    NOUN_SHOW = "noun_show"
    """SAOS: `port xcvr show`"""

    def reads(self, command: str) -> bool:
        """Is this a command that only reads, in this form?"""
        return _FORMS[self].fullmatch(command) is not None


# Of print's arguments those that end by themselves and write nothing: not follow, interval= or file=.
_MENUS = (
    "interface|ethernet|bonding|vlan|bridge|lte|ip|ipv6|address|neighbor|route|routing|ospf|bgp|peer|session|bfd"
    "|system|health|resource|routerboard|identity|clock|ntp|client|log|mpls|ldp|tool|netwatch"
)
_NOUNS = (
    "port|xcvr|software|chassis|module|system|alarm|lldp|aggregation|cfm|service|benchmark|virtual-switch|vlan|rstp"
    "|ring-protection|logical-ring|virtual-ring|sync|ntp|client|interface"
)

_FORMS = {
    Grammar.VERB_FIRST: re.compile(rf"(?:show|display)(?: {_WORD})+"),
    Grammar.PRINT_LAST: re.compile(
        rf"/(?:{_MENUS})(?: (?:{_MENUS}))* print(?: (?:detail|brief|terse|stats|status|without-paging))*"
        rf"|/interface ethernet monitor {_WORD} once"
    ),
    Grammar.NOUN_SHOW: re.compile(rf"(?:{_NOUNS})(?: (?:{_NOUNS}))* show(?: {_WORD})*"),
}
