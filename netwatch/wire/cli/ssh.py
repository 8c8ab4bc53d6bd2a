"""The narrow door to the command line: visit a device over SSH, ask what its profile names; text or one typed error.

netmiko knows how each family's terminal behaves, and blocks; so it works in threads, a bounded number of them.

* One session a device, kept for the next visit and closed when idle; of those kept beyond a number the one that has
  been idle for longest. Two visits to one device follow one another.
* A visit has so many seconds, and every step of it its own time-out. When the seconds are over the socket is cut,
  which ends the thread whatever it waits for.
* A device that did not answer last time waits in a lane of its own, a quarter of the width: a hundred hung devices
  cannot take the places of those that answer.
* Host keys are checked against a file of known hosts. A key that is not there is refused, or, where the configuration
  says so, accepted the first time and kept. A key that has changed is always refused, and nothing secret is sent.
* Only commands that the profile names are sent (`Cli.allows`). What netmiko itself sends at login stops paging.

    SshError
      NoAnswerError     silence, a closed port, or the visit's seconds are over
      AuthError         the device does not accept us
      HostKeyError      a key that is not known, or not the one that was
      GarbledError      no prompt, or the session was cut in the middle of an answer
      ForbiddenError    not a command of the profile: it was not sent
      OwnTroubleError   our own settings or machine: says nothing about the device
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import hashlib
import io
import ipaddress
import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import netmiko
import paramiko
from netmiko.channel import SSHChannel
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoTimeoutException, ReadException, ReadTimeout

from netwatch.wire.cli.profile import Cli

log = logging.getLogger(__name__)

for _noisy in ("paramiko", "netmiko"):
    # They log what is sent and received, and every failure with a traceback: we say it once, in our words.
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)

T = TypeVar("T")


class SshError(Exception):
    """Whatever keeps an answer from us. Its text never holds a secret."""

    @property
    def kind(self) -> str:
        """One word for metrics: `noanswer`, `auth`, `hostkey`, `garbled`, `forbidden`, `owntrouble`."""
        return type(self).__name__.removesuffix("Error").lower()


class NoAnswerError(SshError, TimeoutError):
    """Nothing came back within the time-outs."""


class AuthError(SshError):
    """The device is there and does not accept us."""


class HostKeyError(SshError):
    """The device shows a key that we do not know, or another one than before."""


class GarbledError(SshError):
    """What came back is no answer that we understand, or only a part of one."""


class ForbiddenError(SshError):
    """The command is not among those that the profile names; it was not sent."""


class OwnTroubleError(SshError):
    """Our side failed: it must never be read as the device being down."""


@dataclass(frozen=True, slots=True)
class Login:
    """How we show who we are. Never shows its secrets: not in repr, not in an error."""

    user: str
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    """A private key in PEM."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait."""

    connect: float = 5.0
    banner: float = 8.0
    """For the first line of a server: one that hangs accepts and then says nothing."""
    login: float = 10.0
    """For user and password to be accepted."""
    read: float = 20.0
    """For the whole answer to one command."""
    visit: float = 90.0
    """For all of a visit, login and logout included, from the moment that there is a thread for it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One command line. `address` is an IPv4 or IPv6 address, not a name: nothing here resolves names."""

    address: str
    login: Login
    cli: Cli
    port: int = 22
    patience: Patience = Patience()

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.address, self.port, self.login.user, self.cli.device_type

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Trust(StrEnum):
    """What is done with a host key that is not known."""

    STRICT = "strict"
    FIRST_USE = "first_use"


class KnownHosts:
    """A file in the form of OpenSSH's known_hosts. Safe to use from several threads."""

    def __init__(self, path: Path, trust: Trust = Trust.STRICT) -> None:
        self.path, self.trust = path, trust
        self._lock = threading.Lock()

    def load(self) -> paramiko.HostKeys:
        """All that are known. Raises OwnTroubleError."""
        keys = paramiko.HostKeys()
        try:
            with self._lock:
                keys.load(str(self.path))
        except FileNotFoundError:
            pass
        except (OSError, paramiko.SSHException) as error:
            raise OwnTroubleError(f"{self.path} cannot be read: {error}") from None
        return keys

    def meet(self, target: Target, name: str, key: paramiko.PKey) -> None:
        """A device of which no key is known shows one. Raises HostKeyError, or OwnTroubleError."""
        if self.trust is Trust.STRICT:
            raise HostKeyError(
                f"{target} shows a host key that is not in {self.path} ({_fingerprint(key)}): "
                f'add it (ssh-keyscan), or set ssh.host_keys = "first_use"'
            )
        with self._lock:
            self._keep(paramiko.hostkeys.HostKeyEntry([name], key).to_line())
        log.warning("%s: host key %s accepted at first sight and kept", target, _fingerprint(key))

    def changed(self, target: Target, key: paramiko.PKey) -> HostKeyError:
        return HostKeyError(
            f"{target} shows another host key than before ({_fingerprint(key)}): "
            f"if the device was replaced, remove its line from {self.path}"
        )

    def _keep(self, line: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(line)
        except OSError as error:
            raise OwnTroubleError(f"{self.path} cannot be written: {error.strerror}") from None


def _fingerprint(key: paramiko.PKey) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"


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


@dataclass(slots=True, eq=False)
class _Place:
    """What we hold of one device."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: _Session | None = None
    doubtful: bool = False
    """The last visit was not answered."""
    closing: asyncio.TimerHandle | None = None
    visits: int = 0
    """Under way or waiting."""


class Ssh:
    """The door. One for the whole process."""

    def __init__(
        self, hosts: KnownHosts, *, slots: int = 16, idle: float = 120.0, keep: int = 64, stats: SshStats | None = None
    ) -> None:
        """`slots` threads for devices that answer, a quarter of that for those that did not; `idle` in seconds."""
        self._hosts, self._idle, self._most = hosts, idle, keep
        self._kept: dict[_Place, tuple[str, int, str, str]] = {}
        """Places whose session waits for the next visit, idle for longest first."""
        doubtful = max(1, slots // 4)
        self._sound, self._doubtful = asyncio.Semaphore(slots), asyncio.Semaphore(doubtful)
        self._pool = ThreadPoolExecutor(slots + doubtful, thread_name_prefix="ssh")
        self._places: dict[tuple[str, int, str, str], _Place] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._closed = False
        self.stats = stats or SshStats()

    async def ask(self, target: Target, commands: Sequence[str]) -> dict[str, str]:
        """The answers to `commands`, in order. Raises SshError; ForbiddenError before anything is sent."""
        for command in commands:
            _permit(target, command)
        return await self.visit(target, lambda ask: {command: ask(command) for command in commands})

    async def visit(self, target: Target, work: Callable[[Asking], T]) -> T:
        """Run `work(ask)` in a thread that has the session of this device to itself. Raises SshError.

        When it is cancelled, or its seconds are over, the caller goes on at once; the place is kept until the
        thread has really ended.
        """
        if self._closed:
            raise OwnTroubleError("the door to SSH is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        place = self._places.setdefault(target.key, _Place())
        place.visits += 1
        job = asyncio.create_task(self._job(place, target, work, answer))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            result = await answer
        except SshError as error:
            self.stats.results[error.kind] += 1
            raise
        self.stats.results["ok"] += 1
        return result

    @property
    def kept(self) -> int:
        """Sessions that wait for the next visit."""
        return len(self._kept)

    async def close(self) -> None:
        """Cut all sessions, end all threads."""
        self._closed = True
        for place in self._places.values():
            if place.closing is not None:
                place.closing.cancel()
            if place.session is not None:
                place.session.cut()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, True, cancel_futures=True)
        self._places.clear()

    # ------------------------------------------------------------ how

    async def _job(self, place: _Place, target: Target, work: Callable[[Asking], T], answer: asyncio.Future[T]) -> None:
        """Holds the device's lock and a place in the pool until the thread is over, whoever still waits for it."""
        try:
            async with place.lock, self._doubtful if place.doubtful else self._sound:
                if answer.done() or self._closed:
                    return
                self._kept.pop(place, None)
                if place.closing is not None:
                    place.closing.cancel()
                session = place.session
                if session is None or not session.alive:
                    session = place.session = _Session(target, self._hosts, self.stats)
                await self._work(place, session, work, answer)
                self._keep(target.key, place)
        finally:
            place.visits -= 1
            if not answer.done():
                answer.set_exception(OwnTroubleError("the door to SSH was closed"))
            if place.session is None and not place.visits and not place.doubtful:
                self._places.pop(target.key, None)

    async def _work(
        self, place: _Place, session: _Session, work: Callable[[Asking], T], answer: asyncio.Future[T]
    ) -> None:
        target = session.target
        thread = asyncio.get_running_loop().run_in_executor(self._pool, session.visit, work)
        self.stats.running += 1
        try:
            seconds = target.patience.visit
            await asyncio.wait({thread, answer}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not thread.done():
                session.cut()
                place.doubtful = True
                if not answer.done():
                    answer.set_exception(NoAnswerError(f"{target} has had its {seconds:g} s"))
            await asyncio.wait({thread})
            error = thread.exception()
            if not answer.done():
                place.doubtful = isinstance(error, NoAnswerError)
                if error is None:
                    answer.set_result(thread.result())
                else:
                    answer.set_exception(error)
        finally:
            self.stats.running -= 1

    def _keep(self, key: tuple[str, int, str, str], place: _Place) -> None:
        """Let the session wait for the next visit, and close it when none comes."""
        session = place.session
        if session is None or not session.alive or self._closed:
            place.session = None
            return

        self._kept[place] = key
        place.closing = asyncio.get_running_loop().call_later(self._idle, self._let_go, place)
        while len(self._kept) > self._most:
            self._let_go(next(iter(self._kept)))

    def _let_go(self, place: _Place) -> None:
        """Close a session that waits for its next visit."""
        key = self._kept.pop(place)
        if place.closing is not None:
            place.closing.cancel()
        session, place.closing, place.session = place.session, None, None
        if not place.visits:
            self._places.pop(key, None)
        if session is not None and not self._closed:
            self._pool.submit(session.leave)


def _permit(target: Target, command: str) -> None:
    if not target.cli.allows(command):
        raise ForbiddenError(f"{target}: {command[:80]!r} is no command of the profile, so it was not sent")


# ---------------------------------------------------------------- in the thread


class _Session:
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
        _permit(self.target, command)
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
