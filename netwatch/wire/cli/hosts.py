"""Host keys: which are known, what becomes of one that is not, or not the one that was."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import threading
from enum import StrEnum
from pathlib import Path

import paramiko

from netwatch.wire.cli.target import HostKeyError, OwnTroubleError, Target

log = logging.getLogger(__name__)


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
