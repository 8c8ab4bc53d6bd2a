"""Port names as people write them, brought to one form.

``GE0/0/1``, ``GigabitEthernet0/0/1``, ``gi 0/0/1`` are one port. The form is for
comparing only: what people see is what the ledger wrote.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SPLIT = re.compile(r"^([a-z][a-z\-]*?)[\s\-_]*(\d.*)?$")

_ALIASES = {
    "gigabitethernet": "ge",
    "gigabiteth": "ge",
    "gig": "ge",
    "gi": "ge",
    "ge": "ge",
    "g": "ge",
    "gei": "ge",
    "fastethernet": "fe",
    "fa": "fe",
    "fe": "fe",
    "f": "fe",
    "fei": "fe",
    "ethernet": "eth",
    "eth": "eth",
    "et": "eth",
    "e": "eth",
    "tengigabitethernet": "xge",
    "ten-gigabitethernet": "xge",
    "tengige": "xge",
    "tengig": "xge",
    "tengi": "xge",
    "ten": "xge",
    "te": "xge",
    "xge": "xge",
    "xgei": "xge",
    "xgigabitethernet": "xge",
    "twentyfivegige": "25ge",
    "25ge": "25ge",
    "fortygige": "40ge",
    "fortygigabitethernet": "40ge",
    "fo": "40ge",
    "40ge": "40ge",
    "hundredgige": "100ge",
    "hundredgigabitethernet": "100ge",
    "hu": "100ge",
    "100ge": "100ge",
    "100gigabitethernet": "100ge",
    "loopback": "lo",
    "lo": "lo",
    "eth-trunk": "eth-trunk",
    "port-channel": "po",
    "po": "po",
    "bundle-ether": "be",
    "be": "be",
    "vlanif": "vlan",
    "vlan": "vlan",
    "gpon": "gpon",
    "gpon-olt": "gpon",
    "gpon_olt": "gpon",
    "epon": "epon",
    "epon-olt": "epon",
}

_SPEEDS = re.compile(r"^(25|40|100|400)ge[\s\-_]*(.*)$")


@lru_cache(maxsize=65536)
def normal(name: str) -> str:
    """The comparable form of a port name: half-width, lower case, no spaces, the type by its short word."""
    text = "".join(name.split()).lower() if name.isascii() else _half_width(name)
    if speed := _SPEEDS.match(text):
        return f"{speed[1]}ge{speed[2]}"
    match = _SPLIT.match(text.replace("_", "-"))
    if not match:
        return text
    kind, rest = match[1].rstrip("-"), match[2] or ""
    return _ALIASES.get(kind, kind) + rest


def _half_width(name: str) -> str:
    """Half-width, lower case, without spaces; once more as long as one of these makes work for another."""
    while (plain := "".join(unicodedata.normalize("NFKC", name).split()).lower()) != name:
        name = plain
    return name
