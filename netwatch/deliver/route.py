"""Who hears of an effect."""

from __future__ import annotations

from netwatch.config import Config
from netwatch.core.model import Effect, Ledger
from netwatch.core.sends import Send


def route(effect: Effect, ledger: Ledger, config: Config) -> tuple[Send, ...]:
    """One send for each channel of the audience; without customers' names and contacts."""
    raise NotImplementedError
