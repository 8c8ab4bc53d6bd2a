"""Who hears of an effect, and what must not be heard with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from netwatch.config import Config
from netwatch.core.model import Customer, Effect, Ledger
from netwatch.core.tickets.sends import Send, Value

_ABOUT_CUSTOMERS = frozenset({"customer", "customers", "customer_name", "contact", "contacts", "phone", "manager"})

_FREE_TEXT = frozenset(
    {"site_name", "reason", "against", "cause", "what", "text", "note", "notes", "error", "evidence"}
)
"""What people wrote, or what quotes them; a site is often called after who sits there.

Ids are left alone: an id may look like a telephone number."""

_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]\d{7,8})(?!\d)")


def route(effect: Effect, ledger: Ledger, config: Config) -> tuple[Send, ...]:
    """One send for each channel of the audience.

    `noc` goes to `routing.noc`, `duty:D` to `routing.duty.D` and to the NOC where it names none; `team:T` to the
    team's own channels, `routing.default` when the ledger names none that exists. No customer's name or contact is in
    it, unless the channel's `include_customer` says so.
    """
    out = []
    for name in _channels(effect.audience, ledger, config):
        data = _with_customers(effect, ledger) if config.channels[name].include_customer else _without(effect, ledger)
        out.append(
            Send(effect.key, name, effect.audience, effect.template, effect.subject, effect.at, data, 0, effect.at)
        )
    return tuple(out)


def _channels(audience: str, ledger: Ledger, config: Config) -> tuple[str, ...]:
    kind, _, name = audience.partition(":")
    team = ledger.teams.get(name) if kind == "team" else None
    if kind in ("noc", "duty"):
        wanted = config.routing.duty.get(name) or config.routing.noc
    else:
        wanted = team.channels if team is not None else ()
    there = tuple(dict.fromkeys(channel for channel in wanted if channel in config.channels))
    return there or tuple(dict.fromkeys(config.routing.default))


def _affected(effect: Effect, ledger: Ledger) -> Iterable[Customer]:
    """The customers whom the effect is about, as far as it names circuits."""
    ids: list[str] = []
    for key in ("circuits", "circuit"):
        value = effect.data.get(key)
        ids += [value] if isinstance(value, str) else value if isinstance(value, tuple) else ()
    circuits = (ledger.circuits[one] for one in ids if one in ledger.circuits)
    names = dict.fromkeys(circuit.customer for circuit in circuits)
    return [ledger.customers[name] for name in names if name in ledger.customers]


def _without(effect: Effect, ledger: Ledger) -> Mapping[str, Value]:
    """The data, with everything taken out of its free texts that names a customer: a person may have typed it."""
    hidden = {
        word: customer.id
        for customer in _affected(effect, ledger)
        for word in (customer.name, customer.contact, customer.phone, customer.manager)
        if len(word) > 1
    }

    def clean(text: str) -> str:
        for word, pseudonym in sorted(hidden.items(), key=lambda item: -len(item[0])):
            text = text.replace(word, pseudonym)
        return _PHONE.sub("***", text)

    out: dict[str, Value] = {}
    for key, value in effect.data.items():
        if key in _ABOUT_CUSTOMERS:
            continue
        if key in _FREE_TEXT and isinstance(value, str):
            value = clean(value)
        elif key in _FREE_TEXT and isinstance(value, tuple):
            value = tuple(map(clean, value))
        out[key] = value
    return out


def _with_customers(effect: Effect, ledger: Ledger) -> Mapping[str, Value]:
    said = tuple(
        " ".join(word for word in (customer.name or customer.id, customer.contact, customer.phone) if word)
        for customer in _affected(effect, ledger)
    )
    return {**effect.data, "customers": said} if said else dict(effect.data)
