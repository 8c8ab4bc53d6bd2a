"""What practice and contracts say, as values. Every figure in here comes from `rules/*.toml`.

`knowledge/` reads and checks the files; the core only ever sees these frozen shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from netwatch.core.model import Condition, Severity
from netwatch.core.time import Span


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """How one condition is presented (X.733) and what it may do to service."""

    condition: Condition
    severity: Severity
    event_type: str
    probable_cause: str
    degrades: bool
    """True: it only degrades; alone it takes nothing out and makes no fault."""


@dataclass(frozen=True, slots=True)
class FlapRules:
    """A penalty that grows with each raise and decays by half in `half_life`."""

    each: float
    half_life: Span
    suppress: float
    """From this penalty on an alarm is flapping: it stays active until it is calm."""
    reuse: float
    """Calm is a penalty below this, and only while all is well."""
    ceiling: float
    """No penalty grows beyond it: the longest that a flap is remembered."""


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """`rules/alarms.toml`: when evidence counts."""

    debounce: Span
    """Loss counts once it has lasted this long in all within `debounce_window`."""
    debounce_window: Span
    stability: Span
    """Service is back when nothing speaks against it for this long."""
    settle: Span
    """How long the engine collects evidence before it explains it anew."""
    agreement: Span
    """Two pieces of evidence of one event may lie this far apart (two polls)."""
    grace: Span
    """Evidence this shortly after a recovery may still tell of the time before it."""
    reorder: Span
    """How far messages of one device may overtake one another on its own clock."""
    presume_cycles: int
    """Bad news of a trap that polling has not borne out for so many of its cycles is presumed over."""
    presume_polled_cycles: int
    """…and of polling itself, after so many."""
    presume_signals: int
    """…once so many signals have shown that polling repeats bad news at all."""
    conditions: Mapping[Condition, AlarmRule]
    flap: FlapRules


@dataclass(frozen=True, slots=True)
class FaultRules:
    """`rules/faults.toml`: what weighs how much when causes are compared."""

    blind_share: float
    """Share of the polled devices whose silence at once is our own blindness."""
    blind_least: int
    """…if it is at least this many."""
    blind_suspect: float
    """From this share on nobody is accused before every device had its turn to answer."""
    feeder_share: float
    """Share of a feeder's ONUs that must be lost for the feeder to be the cause."""
    cost: Mapping[str, float]
    """Cost of a `link` that broke by itself, a `cable`, a `device` (its card): the dearer, the rarer."""
    missing: float
    """Cost of one predicted symptom that a device in good hearing does not show."""


@dataclass(frozen=True, slots=True)
class FacilityBand:
    """A cable with at least `cores` cores is to be restored (抢通) within `minutes`."""

    cores: int
    minutes: int


class Stamp(StrEnum):
    """What a clock of a repair order runs from or until."""

    REPORTED = "reported"
    """The first evidence or complaint; of planned work that lasted too long, the end of its window."""
    COMPLAINED = "complained"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    RESTORED = "restored"
    """Every circuit has its service back, by any means."""
    CLEARED = "cleared"
    """The fault itself is over."""
    RETURNED = "returned"
    CLOSED = "closed"


class Unit(StrEnum):
    """What a term is counted in; days last to the end of the local day."""

    MINUTES = "minutes"
    NATURAL_DAYS = "natural_days"
    WORKING_DAYS = "working_days"


class Of(StrEnum):
    """Whose a limit is."""

    LINE = "line"
    """Promised to the customer."""
    CREW = "crew"
    FACILITY = "facility"
    OFFICE = "office"


class By(StrEnum):
    """What the figure of a term hangs on."""

    CLASS = "class"
    AREA = "area"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class Term:
    """One limit of a policy beside the restoration of lines and the facilities' own."""

    name: str
    zh: str
    en: str
    of: Of
    since: Stamp
    until: Stamp | None
    """None: it is told, and no clock runs."""
    by: By | None
    unit: Unit
    figures: Mapping[str, int]
    """Value of `by` → so many units; `*` stands for any other."""
    products: frozenset[str]
    """Only of these; empty: of all."""
    beyond: Span
    """Only where service was out for longer than this."""
    source: str

    def figure(self, key: str) -> int | None:
        """How many units for a value of `by`; None: it does not apply."""
        return self.figures.get(key, self.figures.get("*"))


@dataclass(frozen=True, slots=True)
class PauseRule:
    """What a reason to pause does and asks for. Nothing of it takes back a pause; only `stops` moves a clock."""

    stops: bool
    cap: Span | None = None
    """Longer than this somebody must look."""
    evidence: bool = False
    approval: bool = False
    """By a second person."""
    appointment: bool = False
    """A time agreed with the customer: it answers for the crew's way."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What is counted by the month and the year, and what it is measured against."""

    timeliness: float
    """Restored in time ÷ all whose limit was put to the test, at least."""
    repeat: Span
    """A circuit's next fault in the same segment within this time of restoration is a repeat."""
    chronic_outages: int
    """Outages in one month that make a circuit chronic."""
    chronic_months: int
    """Months in a row below the target that do."""
    customer_reasons: frozenset[str]
    """Reasons of pauses that are the customer's doing."""
    month: Span | None
    """The length that every month is taken to have; None: its own."""
    availability: Mapping[str, float]
    """Assurance class → share of time with service, net."""
    faults_a_year: Mapping[str, int]
    """Assurance class → faults in 365 days that a circuit stays below."""
    credit: tuple[tuple[Span, float], ...]
    """(net time without service in a month, share of its rent beyond it), ascending."""


@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """One version of `rules/sla.toml`; judged by the version in force when a fault began."""

    version: str
    source: str
    sources: Mapping[str, str]
    """Table of the file → where its figures come from; a table that is not in here has them of `source`."""
    valid_from: date
    limits: Mapping[str, int]
    """Assurance class → minutes."""
    fallback_minutes: int
    """With neither class nor level."""
    derived: Mapping[str, str]
    """Customer level → assurance class, where the ledger states none."""
    product_limits: Mapping[str, Mapping[str, int]]
    """Product → customer level → minutes; the key `*` stands for any other level."""
    clock_rule: Mapping[str, tuple[int, int, int]]
    """Product → (minute of the day up to which the first counts, minutes before, minutes after)."""
    internal_share: float
    """Of a line's limit: the operator's own, earlier target."""
    pauses: Mapping[str, PauseRule]
    """By reason."""
    attended: Mapping[str, tuple[int, int]]
    """Assurance class → minutes of the local day between which its people are woken."""
    terms: tuple[Term, ...]
    """Every further limit, as the file orders them."""
    notice_days: Mapping[str, int]
    """Assurance class → working days between announcement and start of planned work."""
    facility_bands: tuple[FacilityBand, ...]
    """Ascending by cores."""
    facility_unknown_minutes: int
    backbone_minutes: int
    backbone_roles: frozenset[str]
    room_minutes: int
    quality: Quality

    def source_of(self, table: str) -> str:
        return self.sources.get(table, self.source)

    @property
    def stopping(self) -> frozenset[str]:
        """Pause reasons that stop the net clock; with the others it runs."""
        return frozenset(reason for reason, rule in self.pauses.items() if rule.stops)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom to tell when so much of a limit is used up, once."""

    clock: str
    """The name of the limit: of a term, `restoration`, `cable`, `room`, or `pause` for the cap of one."""
    share: float
    to: str
    """`noc`, `team` (the order's own), or a duty of `routing.duty` in the configuration."""
    classes: frozenset[str]
    """Of which assurance classes; empty: of all."""
    attended: bool
    """Held back until the attended hours of the class begin."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """`rules/calendar.toml`: working days. `years` are those that the file covers."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    """Weekend days worked in exchange (调休)."""
    years: frozenset[int]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of one cause before any local history (hours are minutes here)."""

    heals: float
    """Probability that it restores itself without a visit."""
    self_median: float
    self_sigma: float
    repair_median: float
    """From sending to service, travel included."""
    repair_sigma: float


@dataclass(frozen=True, slots=True)
class LearningRules:
    """How past faults teach the forecast, and when it is to be trusted."""

    prior_strength: float
    """Faults that a prior is worth against those seen here."""
    strength: float
    """Faults that a level (all, cause, team, hour and place) is worth to the one below."""
    half_life: Span
    """A fault this old counts half."""
    alarms_right: float
    """How often alarms name the cause that the slip confirms, before any slip has come back."""
    slips_right: float
    """How often a slip names the true cause."""
    workday: tuple[int, int]
    """First and last minute of the local working day; all else is slow like the night."""
    enough: int
    """Local faults from which on hold-offs are no longer capped."""
    every: Span
    """How often the past is learnt from anew."""
    refresh: Span
    """How often the outlook of an open fault is told anew."""
    slips: Mapping[str, str]
    """Words of a returned slip → the cause that they name."""


@dataclass(frozen=True, slots=True)
class DriftRules:
    """When the forecast itself needs a look."""

    window: Span
    least: int
    """Kept and missed deadlines that there must be of each before anything is said."""
    low: float
    high: float
    """The calibration slope is to lie between these."""


@dataclass(frozen=True, slots=True)
class LotRules:
    """Now and then somebody is sent later than the rule says, so that what would have healed is seen."""

    share: float
    """0: never."""
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class DispatchRules:
    """`rules/dispatch.toml`: who is sent, and when."""

    dispatch_cost: float
    breach_cost: Mapping[str, float]
    """Assurance class → cost of a breach in units of one dispatch."""
    breach_cost_fallback: float
    hold_cap: Mapping[str, Span]
    """Assurance class → longest hold-off while local history is short."""
    hold_cap_fallback: Span
    review: Span
    """How often the decision is looked at again."""
    several: int
    """Circuits on one cable or port from which on a crew is sent at once."""
    due_quantile: float
    """Send when less is left than this quantile of the time to repair."""
    warn_share: float
    """Share of a limit after which those concerned are warned."""
    brake_orders: int
    """So many crews sent within `brake_window` and none goes that no person acknowledged…"""
    brake_window: Span
    """…until the first of them lies further back than this."""
    priors: Mapping[str, Prior]
    skill: Mapping[str, str]
    """Domain → skill; `equipment/ROLE` is looked up before `equipment`."""
    own_roles: frozenset[str]
    """Roles whose equipment is never outsourced."""
    escalations: tuple[Escalation, ...]
    """The ladder of every clock."""
    learning: LearningRules
    drift: DriftRules
    lot: LotRules


@dataclass(frozen=True, slots=True)
class Rules:
    """All policy that the core needs."""

    alarms: AlarmRules
    faults: FaultRules
    policies: tuple[SlaPolicy, ...]
    """Ascending by `valid_from`."""
    calendar: Calendar
    dispatch: DispatchRules

    @property
    def reasons(self) -> frozenset[str]:
        """Every pause reason that any version knows."""
        return frozenset().union(*(p.pauses for p in self.policies))
