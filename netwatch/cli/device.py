"""`netwatch device`: list and show devices."""

from __future__ import annotations

from netwatch.cli.daemon import reading

command = reading(
    "devices",
    "List and show devices.",
    {
        "id": "device",
        "state": "state",
        "agent": "agent",
        "since": "since",
        "role": "role",
        "vendor": "vendor",
        "site_name": "site",
        "address": "address",
        "alarms": "alarms",
    },
    ("state", "role", "site", "vendor"),
)
