"""Which planned work a person should know of who looks at a fault."""

from __future__ import annotations

from netwatch.core.model import Fault, Ledger, RootKind, Window
from netwatch.core.time import Instant
from netwatch.web.view import View

_IN_A_DEVICE = frozenset({RootKind.DEVICE, RootKind.AGENT, RootKind.PREMISES, RootKind.PORT})


def beside(view: View, fault: Fault, now: Instant) -> list[Window]:
    """Planned work while the fault lasted: on its cause, on what or where that is, or on a circuit that it hits.

    Wider than what excuses an outage, which the engine alone decides: here a person shall see what goes on there.
    """
    touched, until = _touched(fault, view.ledger), fault.cleared or now
    running = (w for w in view.all(Window).values() if not w.cancelled and w.start <= until and w.end > fault.opened)
    return sorted(
        (w for w in running if any((s.kind, s.id) in touched for s in w.scope)), key=lambda w: (w.start, w.id)
    )


def _touched(fault: Fault, ledger: Ledger) -> set[tuple[str, str]]:
    """What the scope of a window can name of a fault, as (kind, id)."""
    kind, key = fault.root.kind, fault.root.id
    names: tuple[str, ...] = ()
    if kind is RootKind.CABLE:
        names = ledger.cables.get(key, ())
    elif kind is RootKind.LINK:
        names = (key,)
    links = [ledger.links[name] for name in names if name in ledger.links]
    devices = {end.device for link in links for end in (link.a, link.z)}
    if kind in _IN_A_DEVICE:
        devices.add(key if key in ledger.devices else key.partition(" ")[0])
    sites = {ledger.devices[device].site for device in devices if device in ledger.devices}
    out = {(str(kind), key), ("site", key)} if kind is RootKind.POWER else {(str(kind), key)}
    out |= {("link", link.id) for link in links} | {("cable", cable) for link in links for cable in link.cables}
    out |= {("device", device) for device in devices} | {("site", site) for site in sites}
    return out | {("circuit", circuit) for circuit in fault.circuits}
