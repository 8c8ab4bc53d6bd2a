"""A site on battery: when a generator must be on its way so as to be there before the battery is used up.

NetWatch proposes, a person orders: whether it pays to generate is not for a program to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from netwatch.core.book import Book, FaultRecord
from netwatch.core.forecast.foresight import Foresight, Subject
from netwatch.core.model import Condition, RootKind, State
from netwatch.core.tickets import places_of
from netwatch.core.time import MINUTE, Instant
from netwatch.core.topology import Network


@dataclass(frozen=True, slots=True)
class Battery:
    """What is known of the batteries that a mains failure leaves a site, or the sites of a feed, with."""

    low: bool = False
    """Equipment there says that it is near its end."""
    end: Instant | None = None
    """When the ledger says that the first of them is used up."""


def battery_of(fault: FaultRecord, book: Book, net: Network) -> Battery:
    """For a mains failure; for anything else there is none to watch, and where equipment is dead it is used up."""
    if fault.root.kind is not RootKind.POWER:
        return Battery()
    places, devices = places_of(fault, net), net.ledger.devices
    over = {devices[name].site for name in _dead(fault, book) if name in devices}
    places = [place for place in places if place not in over]
    lasting = [site.battery_minutes for i in places if (site := net.ledger.sites.get(i)) is not None]
    ends = [fault.opened + round(minutes * MINUTE) for minutes in lasting if minutes is not None]
    low = any(
        condition is Condition.BATTERY and signal.state is State.BAD and devices[device].site in places
        for (device, _, condition), signal in book.evidence.signals.items()
        if device in devices
    )
    return Battery(low, min(ends, default=None))


def _dead(fault: FaultRecord, book: Book) -> list[str]:
    """The devices that a fault has silenced so far."""
    tracks = book.evidence.tracks
    return [e[1] for e in fault.elements if e[0] == "device" and (track := tracks.get(e)) is not None and track.open]


def proposal(battery: Battery, subject: Subject, foresight: Foresight, now: Instant) -> tuple[str, Instant | None]:
    """(why a generator should go now, else when to ask again). The rule weighs battery end, mains and travel.

    It should go as soon as it might else come too late, unless mains will be back before with the probability that
    the rules ask for.
    """
    travel = foresight.due(subject)
    if battery.low:
        return f"the battery says that it is near its end; a generator takes up to {travel:.0f} min", None
    if battery.end is None:
        return "", None
    leave = battery.end - round(travel * MINUTE)
    if now < leave:
        return "", leave
    away = foresight.lasts_until(subject, battery.end, now)
    left = max(0, battery.end - now) / MINUTE
    if 1 - away >= foresight.rules.due_quantile:
        return "", None
    stays = f"mains stay away longer with {away:.0%}"
    return f"the battery lasts {left:.0f} min more, {stays}, a generator takes up to {travel:.0f} min", None
