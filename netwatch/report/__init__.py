"""Availability, customers, crews and faults of a period: pure functions of rows, and files for offices.

facts = Facts(ledger, period("2026-11", zone), now, since, zone, quality, outages, exposures, unknowns, faults, tickets)
save(Path("2026-11.xlsx"), {"circuits": rows(circuits(facts), zone), "crews": rows(crews(facts), zone)})
"""

from netwatch.report.circuits import CircuitLine, RepeatLine, circuits, repeats
from netwatch.report.facts import YEAR, Facts
from netwatch.report.groups import GROUPINGS, CustomerLine, GroupLine, customers, groups
from netwatch.report.period import Period, period, this_month, year_to
from netwatch.report.table import Line, rows, save
from netwatch.report.work import CrewLine, FaultLine, crews, faults

__all__ = [
    "GROUPINGS",
    "YEAR",
    "CircuitLine",
    "CrewLine",
    "CustomerLine",
    "Facts",
    "FaultLine",
    "GroupLine",
    "Line",
    "Period",
    "RepeatLine",
    "circuits",
    "crews",
    "customers",
    "faults",
    "groups",
    "period",
    "repeats",
    "rows",
    "save",
    "this_month",
    "year_to",
]
