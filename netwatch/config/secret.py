"""Secrets by reference: the configuration names where a secret lies, never the secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationInfo, model_validator

from netwatch.findings import Finding, UnusableError

_CURE = 'write {file = "PATH"}, {env = "NAME"} or {credential = "NAME"} instead'
_LARGEST = 65536


class Secret(BaseModel):
    """Where a secret lies: exactly one of `file`, `env`, `credential` ($CREDENTIALS_DIRECTORY of systemd).

    Text and repr show the reference, never what it leads to. `resolve` reads it anew each time,
    so a rotated secret is taken up without a restart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    file: Path | None = None
    env: str | None = None
    credential: str | None = None
    _known: str | None = PrivateAttr(default=None)

    @classmethod
    def known(cls, text: str) -> Secret:
        """A secret already in hand: from a prompt, or of a simulated network."""
        secret = cls.model_construct()
        secret.__pydantic_private__ = {"_known": text}
        return secret

    @model_validator(mode="before")
    @classmethod
    def _is_a_reference(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"a secret must not be written out here | {_CURE}")  # noqa: TRY004 - pydantic wants it
        return value

    @model_validator(mode="after")
    def _names_one_place(self, info: ValidationInfo) -> Secret:
        if sum(x is not None for x in (self.file, self.env, self.credential)) != 1:
            raise ValueError(f"needs exactly one of file, env, credential | {_CURE}")
        if self.credential is not None and ("/" in self.credential or self.credential in ("", ".", "..")):
            raise ValueError("credential is a plain name, without a path")
        folder = (info.context or {}).get("folder")
        if folder is not None and self.file is not None:
            object.__setattr__(self, "file", Path(folder) / self.file.expanduser())
        return self

    def __str__(self) -> str:
        if self._known is not None:
            return "(secret)"
        kind = "file" if self.file else "env" if self.env else "credential"
        return f"{{{kind} = {str(getattr(self, kind))!r}}}"

    def __repr__(self) -> str:
        return f"Secret({self})"


def resolve(secret: Secret | str) -> str:
    """The secret itself. A plain string (where configuration allows one) is returned as it is.

    Raises UnusableError: not there, unreadable, readable by everyone, empty, not text.
    Reads a file: call it from a thread inside asyncio code.
    """
    if isinstance(secret, str):
        return secret
    if secret._known is not None:
        return secret._known
    if secret.env is not None:
        text = os.environ.get(secret.env, "")
        if not text:
            raise _problem(secret, "the environment variable is not set", f"export {secret.env}=…")
        return text
    return _read(secret, _path(secret))


def _path(secret: Secret) -> Path:
    if secret.file is not None:
        return secret.file
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        cure = f"add LoadCredential={secret.credential}:PATH to the unit, or use file"
        raise _problem(secret, "not started by systemd with credentials", cure)
    return Path(folder) / str(secret.credential)


def _read(secret: Secret, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                raise _problem(secret, "everyone on this machine can read or change it", f"chmod o= {path}")
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise _problem(secret, f"cannot be read: {error.strerror or error}") from None
    if len(raw) > _LARGEST:
        raise _problem(secret, "is larger than 64 KB, so it is no secret")
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _problem(secret, "is not UTF-8 text") from None
    if not text or "\0" in text:
        raise _problem(secret, "is empty" if not text else "holds a NUL byte")
    return text


def _problem(secret: Secret, what: str, cure: str = "") -> UnusableError:
    return UnusableError([Finding(f"secret {secret}", what, cure)])
