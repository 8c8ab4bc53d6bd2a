"""Addresses to listen on."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator


@dataclass(frozen=True, slots=True)
class Address:
    """`127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; port 0: any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ValueError that says what is expected."""
        host, colon, port = text.strip().rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or not int(port) < 65536:
            raise ValueError('is no HOST:PORT with a port up to 65535 | e.g. "127.0.0.1:8080"')
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if ":" in bare and bare == host:
            raise ValueError("an IPv6 address stands in brackets | e.g. [::1]:8080")
        return cls(bare, int(port))

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(value: Any) -> Any:
    if isinstance(value, str):
        return Address.parse(value) if value.strip() else None
    return value


Listen = Annotated[Address | None, BeforeValidator(_listen)]
"""An address, or nothing for `""`."""
