"""`netwatch fault`: list and show faults."""

from __future__ import annotations

from netwatch.cli.daemon import reading

command = reading(
    "faults",
    "List and show faults.",
    {
        "id": "fault",
        "root": "root",
        "domain": "domain",
        "opened": "opened",
        "cleared": "cleared",
        "circuits": "circuits",
        "explains": "symptoms",
        "confidence": "confidence",
        "ticket": "ticket",
    },
    ("open", "domain", "kind", "circuit", "planned"),
)
