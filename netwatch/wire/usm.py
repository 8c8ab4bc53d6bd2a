"""SNMPv3's user-based security (RFC 3414, 3826, 7860): keys, digests, ciphers, and its messages. No sockets here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from netwatch.wire import ber
from netwatch.wire.snmp import Auth, Credential, Oid, Priv, Tag, oid

try:  # where newer versions of cryptography keep what is old: SNMP has nothing newer
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:  # pragma: no cover
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers.modes import CFB

USM_MODEL = 3
AUTH, PRIV, REPORTABLE = 1, 2, 4
MOST_SIZE = 65_507

USM_STATS = oid("1.3.6.1.6.3.15.1.1")
UNSUPPORTED_LEVEL, NOT_IN_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, DECRYPTION = 1, 2, 3, 4, 5, 6
UNKNOWN_CONTEXTS = oid("1.3.6.1.6.3.12.1.5")

_HASH: dict[Auth, tuple[Callable[..., hashlib._Hash], str, int]] = {
    Auth.MD5: (hashlib.md5, "md5", 12),
    Auth.SHA1: (hashlib.sha1, "sha1", 12),
    Auth.SHA224: (hashlib.sha224, "sha224", 16),
    Auth.SHA256: (hashlib.sha256, "sha256", 24),
    Auth.SHA384: (hashlib.sha384, "sha384", 32),
    Auth.SHA512: (hashlib.sha512, "sha512", 48),
}
"""Hash, its name, and how many octets of the HMAC are sent."""

_KEY_SIZE = {
    Priv.DES: 16, Priv.TRIPLE_DES: 32, Priv.AES128: 16, Priv.AES192: 24, Priv.AES256: 32, Priv.AES192C: 24,
    Priv.AES256C: 32,
}  # fmt: skip


class WrongDigestError(ber.BerError):
    """It is not from who it says it is, or our key is another."""


@lru_cache(maxsize=4096)
def master_key(auth: Auth, passphrase: bytes) -> bytes:
    """RFC 3414 A.2: the hash of a megabyte of the passphrase. 1.4 ms: kept, for users are few and engines many."""
    make = _HASH[auth][0]
    whole, rest = divmod(1 << 20, len(passphrase))
    return make(passphrase * whole + passphrase[:rest]).digest()


def _localised(auth: Auth, key: bytes, engine_id: bytes) -> bytes:
    return _HASH[auth][0](key + engine_id + key).digest()


@lru_cache(maxsize=1 << 17)
def keys(credential: Credential, engine_id: bytes) -> tuple[bytes, bytes]:
    """(authentication key, privacy key) of this user at this engine; empty where there is none."""
    if credential.auth is None:
        return b"", b""
    auth = _localised(credential.auth, master_key(credential.auth, credential.auth_key.encode()), engine_id)
    if credential.priv is None:
        return auth, b""
    priv = _localised(credential.auth, master_key(credential.auth, credential.priv_key.encode()), engine_id)
    size = _KEY_SIZE[credential.priv]
    while len(priv) < size:
        if credential.priv in (Priv.TRIPLE_DES, Priv.AES192C, Priv.AES256C):  # Reeder: the key is a new passphrase
            priv += _localised(credential.auth, master_key(credential.auth, priv), engine_id)
        else:  # Blumenthal: the hash of what there is
            priv += _HASH[credential.auth][0](priv).digest()
    return auth, priv[:size]


@dataclass(slots=True)
class Peer:
    """What we know of one agent's engine. Kept by address: two boxes may share an engine id."""

    engine_id: bytes = b""
    boots: int = 0
    time: int = 0
    at: float = 0.0
    """Our clock (the event loop's) when its engine said `time`."""

    def now(self, clock: float) -> int:
        """What its clock should say. A box whose clock runs below zero is followed there."""
        return min(self.time + int(clock - self.at), 0x7FFFFFFF)


class Incoming(NamedTuple):
    """A v3 message, read and, as far as its flags say, not yet proven."""

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    scoped: tuple[int, int]
    """Where the scoped PDU lies: its TLV, or the content of its encrypted octets."""


def read(data: bytes) -> Incoming:
    """The outside of a v3 message. Raises BerError."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    version, at = ber.read_int(data, at, end)
    if version != 3:
        raise ber.BerError("not version 3")
    header, rest = ber.expect(data, at, end, ber.SEQUENCE)
    message_id, header = ber.read_int(data, header, rest)
    _, header = ber.read_int(data, header, rest)
    flags, header = ber.read_octets(data, header, rest)
    model, _ = ber.read_int(data, header, rest)
    if len(flags) != 1 or model != USM_MODEL:
        raise ber.BerError("not the user-based security model")
    start, stop = ber.expect(data, rest, end, Tag.OCTETS)
    at, inner = ber.expect(data, start, stop, ber.SEQUENCE)
    engine_id, at = ber.read_octets(data, at, inner)
    boots, at = ber.read_int(data, at, inner)
    time, at = ber.read_int(data, at, inner)
    user, at = ber.read_octets(data, at, inner)
    d0, d1 = ber.expect(data, at, inner, Tag.OCTETS)
    salt, _ = ber.read_octets(data, d1, inner)
    tag, s0, s1 = ber.head(data, stop, end)
    encrypted = bool(flags[0] & PRIV)
    if tag != (Tag.OCTETS if encrypted else ber.SEQUENCE):
        raise ber.BerError("flags and scoped PDU disagree")
    scoped = (s0, s1) if encrypted else (stop, s1)
    return Incoming(message_id, flags[0], engine_id, boots, time, user, data[d0:d1], d0, salt, scoped)


class Scoped(NamedTuple):
    """What a message carries: a PDU, and whose context it is about."""

    engine_id: bytes
    context: bytes
    pdu: ber.Pdu | ber.TrapV1


def open_message(data: bytes, message: Incoming, credential: Credential) -> Scoped:
    """The inside, after digest and cipher. Raises WrongDigestError or BerError."""
    auth_key, priv_key = keys(credential, message.engine_id)
    if message.flags & AUTH:
        if credential.auth is None:
            raise ber.BerError("authenticated, and we have no key")
        name, size = _HASH[credential.auth][1:]
        blank = data[: message.digest_at] + bytes(len(message.digest)) + data[message.digest_at + len(message.digest) :]
        if len(message.digest) != size or not hmac.compare_digest(
            hmac.digest(auth_key, blank, name)[:size], message.digest
        ):
            raise WrongDigestError("wrong digest")
    first, last = message.scoped
    if not message.flags & PRIV:
        return _scoped(data, first, last)
    if credential.priv is None or not message.flags & AUTH:
        raise ber.BerError("encrypted, and we have no key")
    plain = _decrypt(credential.priv, priv_key, message, data[first:last])
    return _scoped(plain, 0, len(plain))


def _scoped(data: bytes, at: int, end: int) -> Scoped:
    at, end = ber.expect(data, at, end, ber.SEQUENCE)
    engine_id, at = ber.read_octets(data, at, end)
    context, at = ber.read_octets(data, at, end)
    return Scoped(engine_id, context, ber.read_pdu(data, at, end))


def seal(
    message_id: int,
    credential: Credential | None,
    peer: Peer,
    clock: float,
    context: bytes,
    pdu: bytes,
    *,
    reportable: bool = True,
    context_engine: bytes | None = None,
) -> bytes:
    """A whole message, secured by the engine `peer` (of whoever receives requests: theirs, or ours in answers).

    An empty engine id asks who it is (RFC 3414 §4), without user and digest; so does no credential.
    An answer names the context of its question, which may be another engine's (`context_engine`).
    """
    whose = peer.engine_id if context_engine is None else context_engine
    scoped = ber.tlv(ber.SEQUENCE, ber.tlv(Tag.OCTETS, whose) + ber.tlv(Tag.OCTETS, context) + pdu)
    flags = REPORTABLE if reportable else 0
    user = digest = salt = b""
    boots, time = peer.boots, peer.now(clock)
    auth_key = b""
    if peer.engine_id and credential is not None:
        user = credential.user.encode()
        auth_key, priv_key = keys(credential, peer.engine_id)
        if credential.auth is not None:
            flags |= AUTH
            digest = bytes(_HASH[credential.auth][2])
        if credential.priv is not None:
            flags |= PRIV
            salt, cipher = _encrypt(credential.priv, priv_key, boots, time, scoped)
            scoped = ber.tlv(Tag.OCTETS, cipher)
    elif credential is not None:
        boots = time = 0
    header = ber.tlv(
        ber.SEQUENCE,
        ber.write_int(message_id)
        + ber.write_int(MOST_SIZE)
        + ber.tlv(Tag.OCTETS, bytes((flags,)))
        + ber.write_int(USM_MODEL),
    )
    before = (
        ber.tlv(Tag.OCTETS, peer.engine_id) + ber.write_int(boots) + ber.write_int(time) + ber.tlv(Tag.OCTETS, user)
    )
    after = ber.tlv(Tag.OCTETS, salt)
    security = ber.tlv(Tag.OCTETS, ber.tlv(ber.SEQUENCE, before + ber.tlv(Tag.OCTETS, digest) + after))
    whole = ber.tlv(ber.SEQUENCE, ber.write_int(3) + header + security + scoped)
    if not digest or credential is None or credential.auth is None:
        return whole
    name, size = _HASH[credential.auth][1:]
    at = len(whole) - len(scoped) - len(after) - size
    return whole[:at] + hmac.digest(auth_key, whole, name)[:size] + whole[at + size :]


def _encrypt(priv: Priv, key: bytes, boots: int, time: int, plain: bytes) -> tuple[bytes, bytes]:
    number = secrets.randbits(64)  # RFC 3414 §8.1.1.1 wants one that does not come again
    if priv in (Priv.DES, Priv.TRIPLE_DES):
        salt = struct.pack(">II", boots & 0xFFFFFFFF, number & 0xFFFFFFFF)
        padded = plain + bytes(-len(plain) % 8)
        worker = _cipher(priv, key, boots, time, salt).encryptor()
        return salt, worker.update(padded) + worker.finalize()
    salt = struct.pack(">Q", number)
    worker = _cipher(priv, key, boots, time, salt).encryptor()
    return salt, worker.update(plain) + worker.finalize()


def _decrypt(priv: Priv, key: bytes, message: Incoming, cipher: bytes) -> bytes:
    if len(message.salt) != 8 or (priv in (Priv.DES, Priv.TRIPLE_DES) and len(cipher) % 8):
        raise ber.BerError("what is encrypted has the wrong size")
    worker = _cipher(priv, key, message.boots, message.time, message.salt).decryptor()
    return worker.update(cipher) + worker.finalize()


def _cipher(priv: Priv, key: bytes, boots: int, time: int, salt: bytes) -> Cipher[Any]:
    if priv is Priv.DES:
        return Cipher(TripleDES(key[:8] * 3), modes.CBC(_xor(key[8:16], salt)))
    if priv is Priv.TRIPLE_DES:
        return Cipher(TripleDES(key[:24]), modes.CBC(_xor(key[24:32], salt)))
    start = struct.pack(">II", boots & 0xFFFFFFFF, time & 0xFFFFFFFF) + salt
    return Cipher(algorithms.AES(key), CFB(start))


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def report(pdu: ber.Pdu) -> Oid:
    """What a Report is about: (1, … ) its counter's name without the instance; empty when it names none."""
    return pdu.varbinds[0].oid[:-1] if pdu.varbinds else ()
