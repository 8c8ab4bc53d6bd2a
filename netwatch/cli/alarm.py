"""`netwatch alarm`: list and show alarms."""

from __future__ import annotations

from netwatch.cli.daemon import reading

command = reading(
    "alarms",
    "List and show alarms.",
    {
        "device": "device",
        "component": "component",
        "condition": "condition",
        "state": "state",
        "severity": "severity",
        "raised": "raised",
        "source": "source",
        "fault": "fault",
    },
    ("state", "severity", "condition", "device", "fault"),
)
