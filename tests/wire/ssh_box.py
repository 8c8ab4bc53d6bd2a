"""An SSH server of the tests' own: real SSH on loopback, a terminal like Huawei's or another's; misbehaves at will."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import paramiko

KEY = paramiko.ECDSAKey.generate()
"""One for all boxes: making one takes time."""

ANSWERS = {
    "screen-length 0 temporary": "Info: The configuration takes effect on the current user terminal interface only.",
    "display version": "Huawei Versatile Routing Platform Software\nVRP (R) software, Version 8.180",
    "display bgp peer": """
 BGP local router ID : 192.168.1.1
 Local AS number : 65001
 Total number of peers : 2                 Peers in established state : 1

  Peer            V          AS  MsgRcvd  MsgSent  OutQ  Up/Down       State  PrefRcv
  192.0.2.11      4       65002    47622    49953     0 626h43m Established      551
  192.0.2.12      4       65003        0        0     0 00:00:12      Active        0""",
    "display long": "\n".join(f"line {n} of a long answer" for n in range(120)),
}


@dataclass
class Box(paramiko.ServerInterface):  # type: ignore[misc]
    """`start` binds; `stop` ends it. What is asked is in `asked`."""

    address: str = "127.0.0.1"
    port: int = 0
    name: str = "HW-1"
    password: str = "right-horse"
    key: paramiko.PKey = field(default_factory=lambda: KEY)
    mute: bool = False
    """Accepts connections and says nothing, not even its banner."""
    stuck: bool = False
    """After login no prompt comes."""
    hang_at: str = ""
    """This command is never answered."""
    cut_at: str = ""
    """The connection ends in the middle of this command's answer."""
    slow: float = 0.0
    """Seconds before each answer."""
    page: int = 24
    prompt: str = ""
    """Empty: `<name>`."""
    banner: str = "\nInfo: lines 5, users 1."
    unpage: str = "screen-length 0 temporary"
    """After this command answers come without pauses."""
    pager: str = "  ---- More ----"
    unknown: str = "            ^\nError: Unrecognized command found at '^' position."
    answers: dict[str, str] = field(default_factory=lambda: dict(ANSWERS))
    users: dict[str, paramiko.PKey] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    logins: int = 0
    tried: list[str] = field(default_factory=list)
    """Passwords that were shown to it."""

    def __post_init__(self) -> None:
        self._ending = threading.Event()
        self._transports: list[paramiko.Transport] = []
        self._threads: list[threading.Thread] = []
        self._held: list[socket.socket] = []

    # ---- life

    def start(self) -> Box:
        self._listener = socket.create_server((self.address, self.port), backlog=100)
        self.port = self._listener.getsockname()[1]
        self._run(self._accept)
        return self

    def stop(self) -> None:
        self._ending.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join()

    def drop(self) -> None:
        """All connections end."""
        for sock in self._held:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for transport in self._transports:
            transport.close()
        self._held, self._transports = [], []

    def _run(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._held.append(sock)
            if not self.mute:
                self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            transport = paramiko.Transport(sock)
        except OSError:  # dropped before it could begin
            return
        self._transports.append(transport)
        transport.add_server_key(self.key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=self)
            channel = None
            while channel is None and transport.is_active() and not self._ending.is_set():
                channel = transport.accept(0.1)
            if channel is not None:
                self.logins += 1
                self._terminal(channel)
        transport.close()

    # ---- what paramiko asks

    def check_auth_password(self, username: str, password: str) -> int:
        self.tried.append(password)
        return paramiko.AUTH_SUCCESSFUL if password == self.password else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        fine = username in self.users and self.users[username].asbytes() == key.asbytes()
        return paramiko.AUTH_SUCCESSFUL if fine else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return True

    # ---- the terminal

    def _terminal(self, channel: paramiko.Channel) -> None:
        if self.stuck:
            self._ending.wait()
            return
        paging = True
        prompt = self.prompt or f"<{self.name}>"
        channel.sendall("\r\n".join([*self.banner.split("\n"), prompt]))
        typed = b""
        while not self._ending.is_set():
            got = channel.recv(4096)
            if not got:
                return
            typed = (typed + got).replace(b"\r\n", b"\n")
            while ends := [n for n in (typed.find(b"\n"), typed.find(b"\r")) if n >= 0]:
                line, typed = typed[: min(ends)], typed[min(ends) + 1 :]
                command = line.decode().strip()
                if command == self.unpage:
                    paging = False
                if not self._answer(channel, command, paging, prompt):
                    return

    def _answer(self, channel: paramiko.Channel, command: str, paging: bool, prompt: str) -> bool:
        channel.sendall(f"{command}\r\n")
        if not command:
            channel.sendall(prompt)
            return True
        self.asked.append(command)
        if command == self.hang_at:
            self._ending.wait()
            return False
        if self.slow:
            time.sleep(self.slow)
        text = self.answers.get(command, self.unknown)
        lines = text.split("\n")
        if command == self.cut_at:
            channel.sendall("\r\n".join(lines[: len(lines) // 2 or 1]))
            return False
        for n, line in enumerate(lines):
            if paging and n and n % self.page == 0:
                channel.sendall(self.pager)
                if not channel.recv(1):
                    return False
            channel.sendall(f"{line}\r\n")
        channel.sendall(prompt)
        return True
