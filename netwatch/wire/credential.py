"""From what the configuration says of a credential to what the door to SNMP takes."""

from __future__ import annotations

from netwatch import config
from netwatch.wire.snmp import Auth, Credential, Priv, Version


def credential(said: config.Credential) -> Credential | None:
    """None when it is for SSH alone. Reads secrets: call it from a thread inside asyncio code. Raises UnusableError."""
    version = Version(said.version)
    if version is not Version.V3:
        return Credential(version, config.resolve(said.community)) if said.community else None
    return Credential(
        version,
        user=said.user,
        auth=None if said.auth == "none" else Auth(said.auth),
        auth_key=config.resolve(said.auth_key) if said.auth_key else "",
        priv=None if said.priv == "none" else Priv(said.priv),
        priv_key=config.resolve(said.priv_key) if said.priv_key else "",
        context=said.context,
    )
