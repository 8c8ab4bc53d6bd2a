"""Mail to a real server on loopback."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from netwatch.deliver import PermanentError, TemporaryError
from netwatch.deliver.channels import Smtp
from netwatch.findings import UnusableError


@dataclass
class Box:
    """A mail server's inbox, and how it answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    secure: bool = False

    async def handle_RCPT(self, _s: Any, session: Session, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802
        if address in self.strangers:
            return self.strangers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(list(envelope.rcpt_tos))
        self.secure = session.ssl is not None
        return "250 taken"

    def login(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"s3cret", handled=False)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Box]]]:
    started = []

    async def start(**options: Any) -> Box:
        box = Box()

        def connected() -> SMTP:
            return SMTP(box, hostname="mail.test", authenticator=box.login, loop=loop, **options)

        loop = asyncio.get_running_loop()
        started.append(await loop.create_server(connected, "127.0.0.1", 0))
        box.port = started[-1].sockets[0].getsockname()[1]
        return box

    yield start
    for server in started:
        server.close()


def smtp(box: Box, **options: Any) -> Smtp:
    values = {
        "sender": "NetWatch 网管 <nw@noc.example>",
        "to": ["Crew <crew@example.net>"],
        "security": "none",
        "timeout": 5,
    }
    return Smtp("127.0.0.1", box.port, **(values | options))


async def test_a_mail_says_what_where_and_until_when_in_any_script(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace
) -> None:
    box = await serve()
    assert await smtp(box).send(make.message()) == "taken"
    (mail,) = box.mails
    assert mail["Subject"] == "【派单 T1】光缆 K-4"
    assert "网管" in mail["From"]
    assert mail["Date"] == "Sun, 01 Nov 2026 18:10:07 +0000"
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().replace("\r\n", "\n") == "【派单 T1】光缆 K-4\n\n电路：C-1\n"
    assert "光缆" in page.get_content()


async def test_a_mail_does_not_call_for_automatic_answers(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace
) -> None:
    box = await serve()
    await smtp(box).send(make.message())
    assert box.mails[0]["Auto-Submitted"] == "auto-generated"
    assert box.mails[0]["X-Auto-Response-Suppress"] == "All"


async def test_the_same_message_has_the_same_id_and_a_ticket_is_a_thread(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace
) -> None:
    box = await serve()
    for fields in ({}, {}, {"key": "T1:closed"}, {"key": "T2:sent", "subject": "T2"}):
        await smtp(box).send(make.message(**fields))
    first, again, later, other = box.mails
    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]
    assert first["Message-ID"].endswith("@noc.example>")
    assert first["References"] == later["References"] != other["References"]


async def test_a_title_cannot_smuggle_in_a_header(serve: Callable[..., Awaitable[Box]], make: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        await smtp(await serve()).send(make.message(title="x\r\nBcc: all@example.net"))


async def test_starttls_is_used_checked_and_insisted_on(
    serve: Callable[..., Awaitable[Box]], tls: SimpleNamespace, make: SimpleNamespace
) -> None:
    box = await serve(tls_context=tls.context, require_starttls=True)
    options = {"security": "starttls", "user": "nw", "password": "s3cret"}
    await smtp(box, **options, authority=tls.authority).send(make.message())
    assert box.secure
    assert box.logins == ["nw"]
    with pytest.raises(TemporaryError):
        await smtp(box, **options).send(make.message())
    bare = await serve()
    with pytest.raises(TemporaryError):
        await smtp(bare, **options, authority=tls.authority).send(make.message())
    assert bare.logins == []
    assert (len(box.mails), len(bare.mails)) == (1, 0)


async def test_a_wrong_password_waits_for_whoever_mends_it_and_is_not_told(
    serve: Callable[..., Awaitable[Box]], tls: SimpleNamespace, make: SimpleNamespace
) -> None:
    box = await serve(tls_context=tls.context, require_starttls=True)
    wrong = smtp(box, security="starttls", user="nw", password="Wr0ng-s3cret", authority=tls.authority)
    with pytest.raises(TemporaryError, match="user name and password") as caught:
        await wrong.send(make.message())
    assert "Wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("451 try later", TemporaryError), ("552 mailbox full", PermanentError), ("554 spam", PermanentError)],
)
async def test_four_is_later_and_five_is_never(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace, answer: str, kind: type[Exception]
) -> None:
    box = await serve()
    box.answers = [answer]
    with pytest.raises(kind, match=answer.partition(" ")[0]):
        await smtp(box).send(make.message())


async def test_one_recipient_refused_does_not_keep_the_others_from_hearing(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace
) -> None:
    box = await serve()
    box.strangers = {"gone@example.net": "550 no such user"}
    both = smtp(box, to=["gone@example.net", "crew@example.net"])
    assert await both.send(make.message()) == "taken; refused for 1 of 2 recipients"
    assert box.to == [["crew@example.net"]]


@pytest.mark.parametrize(("answer", "kind"), [("450 greylisted", TemporaryError), ("550 no such user", PermanentError)])
async def test_all_recipients_refused_is_a_failure(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace, answer: str, kind: type[Exception]
) -> None:
    box = await serve()
    box.strangers = {"crew@example.net": answer}
    with pytest.raises(kind, match="recipients refused") as caught:
        await smtp(box).send(make.message())
    assert "crew" not in str(caught.value)


async def test_a_server_that_says_nothing_is_not_waited_for(make: SimpleNamespace) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TemporaryError):
        await smtp(Box(port=port), timeout=0.2).send(make.message())
    server.close()
    with pytest.raises(TemporaryError):
        await smtp(Box(port=port), timeout=2).send(make.message())


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "crew@exa mple", "Crew <>", "x@例子.cn"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(UnusableError):
        Smtp("mail", 25, sender="nw@noc.example", to=[address], security="none")


def test_no_password_over_an_open_line() -> None:
    with pytest.raises(UnusableError, match="open line"):
        Smtp("mail", 25, sender="nw@noc.example", to=["a@b.cn"], security="none", user="u", password="p")


async def test_one_mail_arrives_for_one_key_though_the_server_was_in_trouble(
    serve: Callable[..., Awaitable[Box]], make: SimpleNamespace, post: Callable[..., Any]
) -> None:
    box = await serve()
    box.answers = ["451 later", "421 going down", "452 full"]
    here = post({"mail": smtp(box)})
    await here.promise(make.send(channel="mail"))
    await here.until_settled()
    assert len(box.mails) == 1
    assert [delivery.result for delivery in here.seen] == ["retry", "retry", "retry", "sent"]
