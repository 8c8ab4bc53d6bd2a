"""The SNMP engine made of pysnmp: slow and thorough, kept as the yardstick of the native one.

Used the fast way round: `v1arch` for v1 and v2c, which has no per-target tables; `v3arch` with one SnmpEngine for at
most a hundred targets of one credential, for adding a target costs time in proportion to those already there (15 ms
at 1,000). No MIB look-up anywhere. pysnmp's own walks are not used: the door does that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Sequence
from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch import asyncio as v1
from pysnmp.hlapi.v3arch import asyncio as v3
from pysnmp.proto import errind, rfc1902

from netwatch.wire.snmp.terms import (
    AgentError,
    Auth,
    AuthError,
    Credential,
    Engine,
    GarbledError,
    NoAnswerError,
    OwnTroubleError,
    Pdu,
    Priv,
    Target,
    Version,
)
from netwatch.wire.snmp.varbinds import Oid, Tag, Value, VarBind, VarBinds

_TARGETS_PER_ENGINE = 100
_TICK = 0.05
"""Seconds between pysnmp's looks at its deadlines; its default of half a second would be felt in every time-out."""

_AUTH = {
    Auth.MD5: v3.usmHMACMD5AuthProtocol,
    Auth.SHA1: v3.usmHMACSHAAuthProtocol,
    Auth.SHA224: v3.usmHMAC128SHA224AuthProtocol,
    Auth.SHA256: v3.usmHMAC192SHA256AuthProtocol,
    Auth.SHA384: v3.usmHMAC256SHA384AuthProtocol,
    Auth.SHA512: v3.usmHMAC384SHA512AuthProtocol,
}
_PRIV = {
    Priv.DES: v3.usmDESPrivProtocol,
    Priv.TRIPLE_DES: v3.usm3DESEDEPrivProtocol,
    Priv.AES128: v3.usmAesCfb128Protocol,
    Priv.AES192: v3.usmAesBlumenthalCfb192Protocol,
    Priv.AES256: v3.usmAesBlumenthalCfb256Protocol,
    Priv.AES192C: v3.usmAesCfb192Protocol,
    Priv.AES256C: v3.usmAesCfb256Protocol,
}
_REFUSALS = (
    errind.AuthenticationError,
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.NoAccessEntry,
    errind.NotInTimeWindow,
    errind.UnknownCommunityName,
    errind.UnknownSecurityName,
    errind.UnknownUserName,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)
_OWN = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.ENOBUFS, errno.EADDRNOTAVAIL}


class _Dispatcher(v1.SnmpDispatcher):  # type: ignore[misc]
    """pysnmp's, which lets a hostile datagram raise into the event loop: here it is dropped."""

    def _recv_callback(self, engine: Any, domain: Any, address: Any, message: bytes) -> bytes:
        with contextlib.suppress(Exception):  # whatever pyasn1 stumbles over, the datagram is no answer
            super()._recv_callback(engine, domain, address, message)
        return b""


class PysnmpEngine:
    def __init__(self) -> None:
        self._community = _Dispatcher()
        self._community.transport_dispatcher.set_timer_resolution(_TICK)
        self._users: dict[Credential, list[tuple[v3.SnmpEngine, set[tuple[str, int]]]]] = {}

    async def exchange(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int = 0) -> VarBinds:
        try:
            if target.credential.version is Version.V3:
                failed, status, place, varbinds = await self._ask_v3(target, pdu, names, repetitions)
            else:
                failed, status, place, varbinds = await self._ask(target, pdu, names, repetitions)
        except OSError as error:
            raise OwnTroubleError(f"cannot send to {target}: {error.strerror or error}") from None
        except PySnmpError as error:
            raise _explain(target, error) from None
        if failed is not None:
            raise _explain(target, failed)
        if int(status):
            name = names[int(place) - 1] if 0 < int(place) <= len(names) else None
            raise AgentError(target, int(status), int(place), name)
        try:
            return VarBinds.of(_plain(name, value) for name, value in varbinds)
        except (ValueError, TypeError, KeyError) as error:
            raise GarbledError(f"{target} answers what cannot be read: {error}") from None

    async def close(self) -> None:
        self._community.close()
        for engines in self._users.values():
            for engine, _ in engines:
                engine.close_dispatcher()
        await asyncio.sleep(0)  # lets the cancelled timers end

    async def _ask(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> Any:
        community = v1.CommunityData(
            target.credential.community, mpModel=0 if target.credential.version is Version.V1 else 1
        )
        kind = v1.Udp6TransportTarget if ":" in target.address else v1.UdpTransportTarget
        where = await kind.create((target.address, target.port), target.timeout, target.retries)
        pairs = [(name, rfc1902.Null("")) for name in names]
        if pdu is Pdu.GETBULK:
            return await v1.bulk_cmd(self._community, community, where, 0, repetitions, *pairs, lookupMib=False)
        ask = v1.get_cmd if pdu is Pdu.GET else v1.next_cmd
        return await ask(self._community, community, where, *pairs, lookupMib=False)

    async def _ask_v3(self, target: Target, pdu: Pdu, names: Sequence[Oid], repetitions: int) -> Any:
        who = target.credential
        user = v3.UsmUserData(
            who.user,
            who.auth_key or None,
            who.priv_key or None,
            authProtocol=_AUTH[who.auth] if who.auth else v3.usmNoAuthProtocol,
            privProtocol=_PRIV[who.priv] if who.priv else v3.usmNoPrivProtocol,
        )
        kind = v3.Udp6TransportTarget if ":" in target.address else v3.UdpTransportTarget
        where = await kind.create((target.address, target.port), target.timeout, target.retries)
        context = v3.ContextData(contextName=target.context_name.encode())
        engine = self._engine_for(target)
        things = [v3.ObjectType(v3.ObjectIdentity(name)) for name in names]
        if pdu is Pdu.GETBULK:
            return await v3.bulk_cmd(engine, user, where, context, 0, repetitions, *things, lookupMib=False)
        ask = v3.get_cmd if pdu is Pdu.GET else v3.next_cmd
        return await ask(engine, user, where, context, *things, lookupMib=False)

    def _engine_for(self, target: Target) -> v3.SnmpEngine:
        engines = self._users.setdefault(target.credential, [])
        place = (target.address, target.port)
        for engine, targets in engines:
            if place in targets:
                return engine
        if not engines or len(engines[-1][1]) >= _TARGETS_PER_ENGINE:
            engines.append((v3.SnmpEngine(), set()))
        engine, targets = engines[-1]
        targets.add(place)
        return engine


def _explain(target: Target, failed: Any) -> Exception:
    if isinstance(failed, errind.RequestTimedOut):
        return NoAnswerError(f"{target} is silent")
    if isinstance(failed, _REFUSALS):
        return AuthError(f"{target} refuses us: {failed}")
    cause: BaseException | None = failed if isinstance(failed, BaseException) else None
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _OWN:
            return OwnTroubleError(f"cannot send to {target}: {cause.strerror}")
        cause = cause.__cause__ or cause.__context__
    return GarbledError(f"{target}: {type(failed).__name__}")


def _plain(name: Any, value: Any) -> VarBind:
    where = tuple(name[0]) if isinstance(name, v3.ObjectIdentity) else tuple(name)
    octet = next(iter(value.tagSet.superTags[-1:]))
    tag = Tag((octet.tagClass | octet.tagId) & 0xFF)
    plain: Value
    match tag:
        case Tag.INTEGER | Tag.COUNTER32 | Tag.GAUGE32 | Tag.TICKS | Tag.COUNTER64:
            plain = int(value)
        case Tag.OCTETS | Tag.OPAQUE | Tag.IP_ADDRESS:
            plain = bytes(value)
        case Tag.OID:
            plain = tuple(value)
        case _:
            plain = None
    return VarBind(where, tag, plain)


def open_engine() -> Engine:
    """Needs a running event loop."""
    return PysnmpEngine()
