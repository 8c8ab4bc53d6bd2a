"""E-mail.

The Message-ID comes from the key, so a mail server or reader that has seen it drops the second copy; all mails about
one ticket refer to one root and form a thread. `Auto-Submitted` (RFC 3834) keeps auto-replies from coming back.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import aiosmtplib

from netwatch.core.time import moment
from netwatch.deliver.channel import Message, PermanentError, TemporaryError
from netwatch.findings import Finding, UnusableError


class Smtp:
    """`sender` and `to` as people write them: ``NetWatch <noc@example.net>``.

    `security`: `starttls` (refused when the server offers none), `tls` from the first byte, or `none`.
    Raises UnusableError for an address that is none, and for a password over an open line.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        to: Sequence[str],
        security: Literal["starttls", "tls", "none"] = "starttls",
        user: str = "",
        password: str = "",
        timeout: float = 20.0,
        authority: Path | None = None,
    ) -> None:
        if security == "none" and password:
            what = f"would send the password for {host} over an open line"
            raise UnusableError([Finding("channels", what, "set starttls = true")])
        self._host, self._port, self._security, self._timeout = host, port, security, timeout
        self._user, self._password = user, password
        self._sender, self._to = _address(sender), tuple(map(_address, to))
        self._us = ""
        self._tls = None if security == "none" else ssl.create_default_context(cafile=authority)

    async def send(self, message: Message) -> str:
        mail = self.compose(message)
        # Asks the resolver, which may take its time: once, and not on the event loop.
        self._us = self._us or await asyncio.to_thread(socket.getfqdn)
        try:
            refused, answer = await aiosmtplib.send(
                mail,
                sender=self._sender.addr_spec,
                recipients=[address.addr_spec for address in self._to],
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                tls_context=self._tls,
                timeout=self._timeout,
                local_hostname=self._us,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            raise _refused(max(codes), f"all {len(codes)} recipients refused ({max(codes)})") from None
        except aiosmtplib.SMTPAuthenticationError as error:
            # Somebody mends the account, and then what waits must go out.
            raise TemporaryError(f"{self._host} does not accept the user name and password ({error.code})") from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error.code, f"{self._host} answered {error.code} {_line(error.message)}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TemporaryError(
                f"{self._host} port {self._port}: {_line(str(error)) or type(error).__name__}"
            ) from None
        if refused:
            # To send again would reach the others twice; who was left out stands in the record.
            return f"{_line(answer)}; refused for {len(refused)} of {len(self._to)} recipients"
        return _line(answer)

    def compose(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=WIRE)
        mail["From"] = self._sender
        mail["To"] = self._to
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(moment(message.at, ZoneInfo("UTC")).astimezone(UTC))
        mail["Message-ID"] = self._id(message.key)
        if message.subject:
            mail["References"] = self._id(f"subject {message.subject}")
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["X-NetWatch-Key"] = sha256(message.key.encode()).hexdigest()
        mail.set_content(f"{message.title}\n\n{message.text}\n")
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        return mail

    def _id(self, text: str) -> str:
        # The key may hold what a Message-ID may not; its hash never does.
        return f"<{sha256(text.encode()).hexdigest()[:40]}@{self._sender.domain}>"

    async def close(self) -> None:
        """Each mail has a connection of its own: they are few, and servers close idle ones."""


def _address(text: str) -> Address:
    name, spec = parseaddr(text)
    wrong = UnusableError([Finding("channels", f"{text!r} is no mail address", "noc@example.net")])
    if spec.count("@") != 1 or not spec.isascii() or spec not in text:
        raise wrong
    try:
        return Address(name, addr_spec=spec)
    except (ValueError, LookupError, MessageError):
        raise wrong from None


def _refused(code: int, what: str) -> TemporaryError | PermanentError:
    return PermanentError(what) if code >= 500 else TemporaryError(what)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
