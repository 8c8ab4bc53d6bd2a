"""Messages into the log (journald, stderr): for first runs, and as the channel that is always there."""

from __future__ import annotations

import logging

from netwatch.deliver.channel import Message

log = logging.getLogger("netwatch.message")


class Log:
    def __init__(self, name: str = "log") -> None:
        self.name = name

    async def send(self, message: Message) -> str:
        """One record with the whole text; the key is in `extra`, where the JSON formatter finds it."""
        text = f"{message.title}\n{message.text}".strip()
        log.info("%s to %s: %s", message.template, message.audience, text, extra={"key": message.key})
        return "logged"

    async def close(self) -> None:
        """Nothing is open."""
