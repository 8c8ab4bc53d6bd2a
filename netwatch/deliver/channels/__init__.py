"""The channels that come with NetWatch. One's own: see `deliver.channel`."""

from __future__ import annotations

from collections.abc import Callable

from netwatch.config import Channel as Section
from netwatch.config import Config, LogChannel, SmtpChannel, WebhookChannel, resolve
from netwatch.core.time import Instant
from netwatch.deliver.channel import Channel
from netwatch.deliver.channels.log import Log
from netwatch.deliver.channels.smtp import Smtp
from netwatch.deliver.channels.webhook import Webhook
from netwatch.deliver.outbox import Manner

__all__ = ["Log", "Smtp", "Webhook", "build", "manners"]


def build(config: Config, clock: Callable[[], Instant]) -> dict[str, Channel]:
    """Every channel of the configuration by name. Reads secrets: call it from a thread. Raises UnusableError."""
    return {name: _build(name, section, clock) for name, section in config.channels.items()}


def manners(config: Config) -> dict[str, Manner]:
    """How each channel wants to be spoken to."""
    return {
        name: Manner(section.language or config.site.language, section.per_minute)
        for name, section in config.channels.items()
    }


def _build(name: str, section: Section, clock: Callable[[], Instant]) -> Channel:
    match section:
        case SmtpChannel():
            return Smtp(
                section.host,
                section.port,
                sender=section.sender,
                to=section.to,
                security="tls" if section.tls else "starttls" if section.starttls else "none",
                user=section.user,
                password=resolve(section.password) if section.password else "",
                timeout=section.timeout_seconds,
            )
        case WebhookChannel():
            return Webhook(
                resolve(section.url),
                clock,
                secret=resolve(section.secret) if section.secret else "",
                timeout=section.timeout_seconds,
            )
        case LogChannel():
            return Log(name)
