"""Availability, customers, crews and faults of a period: pure functions of rows, and files for offices.

facts = Facts(ledger, period("2026-11", zone), now, since, outages, exposures, unknowns, faults, tickets)
save(Path("2026-11.xlsx"), {"circuits": rows(circuits(facts), zone), "crews": rows(crews(facts), zone)})
"""

from netwatch.report.lines import (
    YEAR,
    CircuitLine,
    CrewLine,
    CustomerLine,
    Facts,
    FaultLine,
    circuits,
    crews,
    customers,
    faults,
)
from netwatch.report.period import Period, period, this_month
from netwatch.report.table import Line, rows, save

__all__ = [
    "YEAR",
    "CircuitLine",
    "CrewLine",
    "CustomerLine",
    "Facts",
    "FaultLine",
    "Line",
    "Period",
    "circuits",
    "crews",
    "customers",
    "faults",
    "period",
    "rows",
    "save",
    "this_month",
]
