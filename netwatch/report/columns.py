"""The columns of a table of past faults."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, str]] = {
    "started": ("开始时间", "When service was lost. Required."),
    "restored": (
        "恢复时间",
        "When service was back, as polling saw it; never when the ticket was closed. Empty: it lasts.",
    ),
    "cause": ("告警判断", "What the alarms said when it had to be decided: cable, device, power, … Required."),
    "class": ("等级", "Assurance class of the strictest circuit hit. Empty: none."),
    "limit_minutes": ("时限(分)", "Its limit. Empty: that of the class, or of no class."),
    "sent": ("派单时间", "When a crew was sent. Empty: nobody was."),
    "arrived": ("到场时间", "When the crew arrived."),
    "ended_by": ("恢复方式", "healed, or repaired. Empty: repaired if somebody was sent."),
    "found": ("回单原因", "The cause on the returned slip, in the words of `cause`."),
    "team": ("班组", "The crew's id."),
    "area": ("区域", "city or suburb."),
    "incident": ("事件", "The same text for all faults of one event (one cable, one mains failure)."),
    "poll_seconds": ("轮询(秒)", "How often it was polled: it may have begun by so much earlier."),
    "would_heal": ("自愈(分)", "Simulations: minutes after which it would have healed; never: it would not."),
    "would_take": ("修复(分)", "Simulations: minutes that its repair would have taken from the sending on."),
}
"""Column → (its Chinese name, which is understood too, and what it means)."""

ALSO: Mapping[str, tuple[str, ...]] = {
    "started": ("start", "begin", "began", "opened", "t0", "down_at", "start_time"),
    "restored": ("end", "ended", "fixed", "restored_at", "up_at", "recovered", "restore_time", "end_time"),
    "cause": ("label", "alarm", "alarm_cause", "observed_cause", "cause_label", "observed"),
    "class": ("assurance", "sla", "sla_class", "service_class"),
    "limit_minutes": ("limit", "limit_min", "sla_minutes"),
    "sent": ("dispatched", "dispatch", "dispatched_at", "sent_at", "dispatch_time"),
    "arrived": ("arrival", "arrived_at", "on_site", "arrival_time"),
    "ended_by": ("end_type", "how", "restored_by", "outcome", "resolution"),
    "found": ("slip", "slip_cause", "true_cause", "found_cause", "returned_cause", "root_cause"),
    "team": ("crew", "team_id", "vendor"),
    "area": ("zone", "location"),
    "incident": ("event", "incident_id", "event_id"),
    "would_heal": ("heals_after", "t_self", "self_minutes"),
    "would_take": ("repair_minutes", "t_rep", "takes"),
}
"""Column → what others call it."""


EXAMPLE = """\
started,restored,cause,class,limit_minutes,sent,arrived,ended_by,found,team,area,incident
2026-03-02 02:10:00,2026-03-02 05:25,cable,AAA,120,2026-03-02 02:11,2026-03-02 03:02,repaired,cable,CABLE-1,city,K-12
2026-03-02 02:10:04,2026-03-02 05:25,cable,A,360,2026-03-02 02:11,2026-03-02 03:02,repaired,cable,CABLE-1,city,K-12
2026-03-05 14:31:10,2026-03-05 14:36:40,device,standard,480,,,healed,,T-DATA-1,suburb,
2026-03-07T19:03:00+08:00,2026-03-07T21:40:00+08:00,power,AA,240,2026-03-07T19:18:00+08:00,,healed,,T-POWER,city,
"""
