"""Ledgers with errors: what somebody once wrote down of a plant."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from netwatch.core.model import Ledger, Link, Port


def _copy(ledger: Ledger) -> Ledger:
    return Ledger(
        sites=dict(ledger.sites),
        devices=dict(ledger.devices),
        links=dict(ledger.links),
        customers=dict(ledger.customers),
        circuits=dict(ledger.circuits),
        teams=dict(ledger.teams),
    )


def missing_link(ledger: Ledger, rng: random.Random) -> set[str]:
    links = dict(ledger.links)
    gone = rng.choice(sorted(links))
    del links[gone]
    object.__setattr__(ledger, "links", links)
    circuits = {
        n: replace(
            c,
            working=tuple(i for i in c.working if i != gone),
            protecting=tuple(i for i in c.protecting if i != gone),
        )
        for n, c in ledger.circuits.items()
    }
    object.__setattr__(ledger, "circuits", circuits)
    return {gone}


def wrong_port(ledger: Ledger, rng: random.Random) -> set[str]:
    name = rng.choice(sorted(ledger.links))
    link = ledger.links[name]
    wrong = replace(link, a=Port(link.a.device, link.a.name + "99"))
    object.__setattr__(ledger, "links", {**ledger.links, name: wrong})
    return {name}


def duplicate_row(ledger: Ledger, rng: random.Random) -> set[str]:
    """The same fibre twice, under two names."""
    name = rng.choice(sorted(ledger.links))
    object.__setattr__(
        ledger, "links", {**ledger.links, f"{name}-副本": replace(ledger.links[name], id=f"{name}-副本")}
    )
    return {name}


def device_without_site(ledger: Ledger, rng: random.Random) -> set[str]:
    name = rng.choice(sorted(ledger.devices))
    object.__setattr__(ledger, "devices", {**ledger.devices, name: replace(ledger.devices[name], site="")})
    return set()


def wrong_route(ledger: Ledger, rng: random.Random) -> set[str]:
    name = rng.choice(sorted(ledger.circuits))
    circuit = ledger.circuits[name]
    wrong = tuple(rng.sample(sorted(ledger.links), 2))
    object.__setattr__(
        ledger, "circuits", {**ledger.circuits, name: replace(circuit, working=circuit.working[:1] + wrong)}
    )
    return set()


def unknown_device(ledger: Ledger, rng: random.Random) -> set[str]:
    near = rng.choice(sorted(ledger.devices))
    link = Link("鬼段", Port(near, "GE9/9/9"), Port("鬼", "GE0/0/1"), cables=("鬼缆",))
    object.__setattr__(ledger, "links", {**ledger.links, link.id: link})
    return set()


def cycle(ledger: Ledger, rng: random.Random) -> set[str]:
    """Two services that each claim to ride on the other."""
    one, two = rng.sample(sorted(ledger.circuits), 2)
    circuits = {
        **ledger.circuits,
        one: replace(ledger.circuits[one], over=two),
        two: replace(ledger.circuits[two], over=one),
    }
    object.__setattr__(ledger, "circuits", circuits)
    return set()


ERRORS: dict[str, Callable[[Ledger, random.Random], set[str]]] = {
    "missing link": missing_link,
    "wrong port": wrong_port,
    "duplicate row": duplicate_row,
    "device without site": device_without_site,
    "wrong route": wrong_route,
    "unknown device": unknown_device,
    "cycle": cycle,
}


def with_errors(ledger: Ledger, names: tuple[str, ...], rng: random.Random) -> tuple[Ledger, set[str]]:
    """The ledger with these errors, and the links of which it tells something wrong."""
    spoilt, blurred = _copy(ledger), set()
    for name in names:
        blurred |= ERRORS[name](spoilt, rng)
    return spoilt, blurred
