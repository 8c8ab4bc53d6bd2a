"""One login, in a thread: what netmiko is told, what it is kept from, and what its errors mean.

Host keys are checked before anything secret is sent; a socket that is cut ends whatever the thread waits for.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeVar

import netmiko
import paramiko
from netmiko.channel import SSHChannel
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoTimeoutException, ReadException, ReadTimeout

from netwatch.wire.cli.hosts import KnownHosts
from netwatch.wire.cli.target import (
    AuthError,
    ForbiddenError,
    GarbledError,
    NoAnswerError,
    OwnTroubleError,
    SshError,
    Target,
)

for _noisy in ("paramiko", "netmiko"):
    # They log what is sent and received, and every failure with a traceback: we say it once, in our words.
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)

T = TypeVar("T")


class Asking(Protocol):
    """What a visit gets: sends one command, gives its answer. Raises SshError."""

    def __call__(self, command: str) -> str: ...


@dataclass(slots=True)
class SshStats:
    """For metrics."""

    results: Counter[str] = field(default_factory=Counter)
    """Visits: `ok`, or the kind of the error."""
    logins: int = 0
    commands: int = 0
    running: int = 0
    """Threads at work now."""


def permit(target: Target, command: str) -> None:
    """Raises ForbiddenError for what the profile does not name."""
    if not target.cli.allows(command):
        raise ForbiddenError(f"{target}: {command[:80]!r} is no command of the profile, so it was not sent")


class Session:
    """One login. All but `cut` and `alive` is called from one thread at a time."""

    def __init__(self, target: Target, hosts: KnownHosts, stats: SshStats) -> None:
        self.target, self._hosts, self._stats = target, hosts, stats
        self._socket: socket.socket | None = None
        self._line: Any = None
        self._over = False
        self._unproven = False
        """Kept from a former visit, and nothing asked in this one yet."""

    @property
    def alive(self) -> bool:
        return not self._over

    def visit(self, work: Callable[[Asking], T]) -> T:
        try:
            if self._over:
                raise NoAnswerError(f"{self.target}: the session was closed")
            self._unproven = self._line is not None
            if self._line is None:
                self._open()
            return work(self.ask)
        except ForbiddenError:
            raise
        except SshError:
            self._over = True
            raise
        finally:
            if self._over:
                self.leave()

    def ask(self, command: str) -> str:
        permit(self.target, command)
        try:
            return self._ask(command)
        except GarbledError:
            # A device closes sessions that were kept for too long: the first command of a visit may log in anew.
            if not self._unproven or self._over:
                raise
        self._release()
        self._open()
        return self._ask(command)

    def cut(self) -> None:
        """From any thread: whatever waits for this device ends."""
        self._over = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """Close the session. Nothing is said on the line: a hung device would not let us go."""
        self.cut()
        self._release()

    def _release(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(Exception):
                line.paramiko_cleanup()
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _ask(self, command: str) -> str:
        target = self.target
        self._stats.commands += 1
        try:
            answer = self._line.send_command(command, read_timeout=target.patience.read)
        except ReadTimeout:
            raise NoAnswerError(
                f"{target}: no end of the answer to {command!r} in {target.patience.read:g} s"
            ) from None
        except (ReadException, OSError, EOFError, paramiko.SSHException):
            raise GarbledError(f"{target}: the session was cut in the middle of {command!r}") from None
        except ValueError:
            raise GarbledError(f"{target}: no prompt after {command!r}") from None
        self._unproven = False
        return str(answer)

    def _open(self) -> None:
        target, patience = self.target, self.target.patience
        self._stats.logins += 1
        self._unproven = False
        self._socket = _connect(target)
        if self._over:  # cut while we were connecting
            raise NoAnswerError(f"{target} has had its {patience.visit:g} s")
        kind = _kind(target.cli.device_type)
        login = target.login
        line = kind(
            device_type=target.cli.device_type,
            host=target.address,
            port=target.port,
            username=login.user,
            password=login.password or None,
            pkey=_private_key(login.key) if login.key else None,
            use_keys=False,
            allow_agent=False,
            sock=self._socket,
            conn_timeout=patience.connect,
            banner_timeout=patience.banner,
            auth_timeout=patience.login,
            blocking_timeout=patience.read,
            read_timeout_override=patience.read,
            session_timeout=patience.visit,
            auto_connect=False,
        )
        if line.global_cmd_verify is False:
            # Comware, for fear of commands that the terminal breaks over lines: ours are short. Unless the echo is
            # waited for, a prompt that comes late ends the next answer before it begins, and all are off by one.
            line.global_cmd_verify = None
        line.known_hosts = self._hosts.load()
        line.meet = lambda name, key: self._hosts.meet(target, name, key)
        try:
            line._open()  # what auto_connect would do at once
            if target.cli.enable and not line.check_enable_mode():
                line.enable()
        except SshError:
            raise
        except NetmikoAuthenticationException:
            raise AuthError(f"{target} does not accept {login.user}") from None
        except (NetmikoTimeoutException, ReadTimeout) as error:
            raise self._why(error) from None
        except (ReadException, OSError, EOFError, paramiko.SSHException):
            raise GarbledError(f"{target}: the session was cut at login") from None
        except ValueError:
            raise GarbledError(f"{target}: no prompt, or no way to the privileged level") from None
        self._line = line

    def _why(self, error: BaseException) -> SshError:
        """netmiko calls every failure of a login a time-out; what it was stands behind it."""
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, paramiko.BadHostKeyException):
                return self._hosts.changed(self.target, behind.key)
            if isinstance(behind, paramiko.ssh_exception.IncompatiblePeer):
                return GarbledError(f"{self.target}: no algorithm in common: {behind}")
            behind = behind.__context__
        return NoAnswerError(f"{self.target}: no login within the time-outs")


class _Careful:
    """What is done otherwise than in netmiko, for all kinds of terminals."""

    known_hosts: paramiko.HostKeys
    meet: Callable[[str, paramiko.PKey], None]

    def special_login_handler(self, *args: Any, **kwargs: Any) -> None:
        # The first that netmiko does on a new channel.
        self.channel = _Watchful(self.remote_conn, self.encoding)  # type: ignore[attr-defined]
        super().special_login_handler(*args, **kwargs)  # type: ignore[misc]

    def _build_ssh_client(self) -> paramiko.SSHClient:
        client: paramiko.SSHClient = super()._build_ssh_client()  # type: ignore[misc]
        client.get_host_keys().update(self.known_hosts)
        client.set_missing_host_key_policy(_Policy(self.meet))
        return client


class _Policy(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Asked before anything secret is sent. Changed keys never come here: paramiko refuses them."""

    def __init__(self, meet: Callable[[str, paramiko.PKey], None]) -> None:
        self._meet = meet

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        self._meet(hostname, key)


class _Watchful(SSHChannel):  # type: ignore[misc, unused-ignore]
    """netmiko goes on waiting for a prompt on a channel that is closed already."""

    def read_channel(self) -> str:
        told: str = super().read_channel()
        if not told and self.remote_conn is not None and (self.remote_conn.closed or self.remote_conn.eof_received):
            told = super().read_channel()  # what came between the two looks
            if not told:
                raise ReadException("closed")
        return told


@cache
def _kind(device_type: str) -> Any:
    try:
        base = netmiko.ssh_dispatcher(device_type)
    except (KeyError, ValueError):
        raise OwnTroubleError(f'netmiko knows no device_type "{device_type}"') from None
    return type(f"Careful{base.__name__}", (_Careful, base), {})


def _connect(target: Target) -> socket.socket:
    try:
        return socket.create_connection((target.address, target.port), timeout=target.patience.connect)
    except TimeoutError:
        raise NoAnswerError(f"{target} does not answer") from None
    except OSError as error:
        what = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH):
            raise NoAnswerError(f"{target}: {what}") from None
        raise OwnTroubleError(f"{target}: {what}") from None


def _private_key(text: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError, IndexError):
            return kind.from_private_key(io.StringIO(text))
    raise OwnTroubleError("the private key cannot be used: Ed25519, ECDSA or RSA in PEM, without a passphrase")
