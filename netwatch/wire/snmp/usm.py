"""SNMPv3's user-based security (RFC 3414, 3826, 7860): keys, digests, ciphers, and its messages. No sockets here."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from netwatch.wire.snmp import ber
from netwatch.wire.snmp.terms import Auth, Credential, Priv
from netwatch.wire.snmp.varbinds import Oid, Tag, oid

try:  # where newer versions of cryptography keep what is old: SNMP has nothing newer
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:  # pragma: no cover
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:  # pragma: no cover
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
    return _stretched(auth, passphrase)


def _stretched(auth: Auth, passphrase: bytes) -> bytes:
    whole, rest = divmod(1 << 20, len(passphrase))
    return _HASH[auth][0](passphrase * whole + passphrase[:rest]).digest()


def _localised(auth: Auth, key: bytes, engine_id: bytes) -> bytes:
    return _HASH[auth][0](key + engine_id + key).digest()


def auth_key(credential: Credential, engine_id: bytes) -> bytes:
    """The authentication key of this user at this engine; empty where there is none."""
    if credential.auth is None:
        return b""
    return _localised(credential.auth, master_key(credential.auth, credential.auth_key.encode()), engine_id)


def priv_key(credential: Credential, engine_id: bytes) -> bytes:
    """The privacy key of this user at this engine; empty where there is none."""
    if credential.auth is None or credential.priv is None:
        return b""
    key = _localised(credential.auth, master_key(credential.auth, credential.priv_key.encode()), engine_id)
    size = _KEY_SIZE[credential.priv]
    while len(key) < size:
        if credential.priv in (Priv.TRIPLE_DES, Priv.AES192C, Priv.AES256C):  # Reeder: the key is a new passphrase
            key += _localised(credential.auth, _stretched(credential.auth, key), engine_id)
        else:  # Blumenthal: the hash of what there is
            key += _HASH[credential.auth][0](key).digest()
    return key[:size]


_SALTS = itertools.count(secrets.randbits(63))
"""RFC 3414 §8.1.1.1 and RFC 3826 §3.1.2.1 want one that does not come again: counted, from a random start."""


class Security:
    """The keys of one user at one engine, set up for use again and again.

    Setting up a hash or a cipher takes OpenSSL three to ten times as long as using it on a message. So both hashes of
    the HMAC are kept with their half of the key already in them and copied (RFC 2104), and AES runs in contexts that
    never end: see `_Aes`. The privacy key may take a millisecond to find: nobody looks for it before the other side has
    proven who it is.
    """

    __slots__ = ("_aes", "_credential", "_engine_id", "_inner", "_key", "_outer", "_priv", "proven", "size")

    def __init__(self, credential: Credential, engine_id: bytes) -> None:
        self._credential, self._engine_id = credential, engine_id
        self._priv, self._key = credential.priv, b""
        self._aes: _Aes | None = None
        self.proven = False
        """It is among those that stay: see `prepared`."""
        self.size = 0
        """Octets of a digest that are sent; 0: no authentication."""
        if credential.auth is not None:
            make, _, self.size = _HASH[credential.auth]
            self._inner, self._outer = make(), make()
            block = auth_key(credential, engine_id).ljust(self._inner.block_size, b"\0")
            self._inner.update(bytes(octet ^ 0x36 for octet in block))
            self._outer.update(bytes(octet ^ 0x5C for octet in block))

    def _unlock(self) -> None:
        self._key = priv_key(self._credential, self._engine_id)
        if self._priv not in (None, Priv.DES, Priv.TRIPLE_DES):
            self._aes = _Aes(self._key)

    def digest(self, data: bytes | bytearray) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()[: self.size]

    def prove(self, data: bytes, digest_at: int, digest: bytes) -> None:
        """Raises WrongDigestError."""
        blank = bytearray(data)
        blank[digest_at : digest_at + len(digest)] = bytes(len(digest))
        if not self.size or not hmac.compare_digest(self.digest(blank), digest):
            raise WrongDigestError("wrong digest")

    def encrypt(self, boots: int, time: int, plain: bytes | bytearray) -> tuple[bytes, bytes]:
        """(salt, what is hidden)."""
        if not self._key:
            self._unlock()
        number = next(_SALTS)
        if self._aes is not None:
            start = (boots & 0xFFFFFFFF) << 96 | (time & 0xFFFFFFFF) << 64 | number
            return number.to_bytes(8, "big"), self._aes.encrypt(start, plain)
        salt = struct.pack(">II", boots & 0xFFFFFFFF, number & 0xFFFFFFFF)
        worker = self._des(salt).encryptor()
        return salt, worker.update(bytes(plain) + bytes(-len(plain) % 8)) + worker.finalize()

    def decrypt(self, boots: int, time: int, salt: bytes, hidden: bytes) -> bytes:
        """Raises BerError."""
        if self._priv is None:
            raise ber.BerError("encrypted, and we have no key")
        if not self._key:
            self._unlock()
        if len(salt) != 8 or (self._aes is None and len(hidden) % 8):
            raise ber.BerError("what is encrypted has the wrong size")
        if self._aes is not None:
            start = struct.pack(">II", boots & 0xFFFFFFFF, time & 0xFFFFFFFF) + salt
            return self._aes.decrypt(start, hidden)
        worker = self._des(salt).decryptor()
        return worker.update(hidden) + worker.finalize()

    def _des(self, salt: bytes) -> Cipher[Any]:
        key, wide = self._key, self._priv is Priv.TRIPLE_DES
        start = _xor(key[24:32] if wide else key[8:16], salt)
        return Cipher(TripleDES(key[:24] if wide else key[:8] * 3), modes.CBC(start))


class _Aes:
    """AES in CFB-128 (RFC 3826) by contexts that never end, for making one takes longer than a message.

    Cipher feedback can be taken up behind any block that is hidden. Whoever decrypts puts the start before what is
    hidden and drops what comes of that. Whoever encrypts puts a block before that becomes the start: E(L) ⊕ start, with
    L the last one hidden. Zeros fill up to whole blocks, so that the next message begins with one.
    """

    __slots__ = ("_block", "_hide", "_last", "_show")

    def __init__(self, key: bytes) -> None:
        algorithm = algorithms.AES(key)
        self._block = Cipher(algorithm, modes.ECB()).encryptor().update  # noqa: S305 - E of one block at a time
        self._hide = Cipher(algorithm, CFB(bytes(16))).encryptor().update
        self._show = Cipher(algorithm, CFB(bytes(16))).decryptor().update
        self._last = bytes(16)

    def encrypt(self, start: int, plain: bytes | bytearray) -> bytes:
        size = len(plain)
        first = int.from_bytes(self._block(self._last), "big") ^ start
        hidden = self._hide(first.to_bytes(16, "big") + plain + bytes(-size % 16))
        self._last = hidden[-16:]
        return hidden[16 : 16 + size]

    def decrypt(self, start: bytes, hidden: bytes) -> bytes:
        size = len(hidden)
        return self._show(start + hidden + bytes(-size % 16))[16 : 16 + size]


MOST_PROVEN = 1 << 16
_PROVEN: dict[tuple[Credential, bytes], Security] = {}
_asked = lru_cache(maxsize=1 << 12)(Security)


def prepared(credential: Credential, engine_id: bytes) -> Security:
    """Kept. Whoever knows a user's name can name engines without end: they take places from one another only, and none
    from those that have proven that they know the user's key."""
    return _PROVEN.get((credential, engine_id)) or _asked(credential, engine_id)


def _proven(credential: Credential, engine_id: bytes, lock: Security) -> None:
    if len(_PROVEN) >= MOST_PROVEN:
        del _PROVEN[next(iter(_PROVEN))]  # the oldest
    _PROVEN[credential, engine_id], lock.proven = lock, True


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
    spans: tuple[tuple[int, int], ...]
    """Where that lies which differs from message to message: message-id, time, digest, salt, and the scoped PDU (its
    TLV, or the content of its encrypted octets)."""


def read(data: bytes) -> Incoming:
    """The outside of a v3 message. Raises BerError."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    version, at = ber.read_int(data, at, end)
    if version != 3:
        raise ber.BerError("not version 3")
    header, rest = ber.expect(data, at, end, ber.SEQUENCE)
    number = ber.expect(data, header, rest, Tag.INTEGER)
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
    when = ber.expect(data, at, inner, Tag.INTEGER)
    time, at = ber.read_int(data, at, inner)
    user, at = ber.read_octets(data, at, inner)
    digest = ber.expect(data, at, inner, Tag.OCTETS)
    salt = ber.expect(data, digest[1], inner, Tag.OCTETS)
    tag, s0, s1 = ber.head(data, stop, end)
    encrypted = bool(flags[0] & PRIV)
    if tag != (Tag.OCTETS if encrypted else ber.SEQUENCE):
        raise ber.BerError("flags and scoped PDU disagree")
    scoped = (s0, s1) if encrypted else (stop, s1)
    return Incoming(message_id, flags[0], engine_id, boots, time, user, (number, when, digest, salt, scoped))


class Scoped(NamedTuple):
    """What a message carries: a PDU, and whose context it is about."""

    engine_id: bytes
    context: bytes
    pdu: ber.Pdu | ber.TrapV1


def open_message(data: bytes, message: Incoming, credential: Credential) -> Scoped:
    """The inside, after digest and cipher. Raises WrongDigestError or BerError."""
    return read_scoped(uncovered(data, message, credential))


def uncovered(data: bytes, message: Incoming, credential: Credential) -> bytes:
    """The scoped PDU, after digest and cipher. Raises WrongDigestError or BerError."""
    lock = prepared(credential, message.engine_id)
    _, _, (d0, d1), (s0, s1), (first, last) = message.spans
    if message.flags & AUTH:
        if credential.auth is None:
            raise ber.BerError("authenticated, and we have no key")
        lock.prove(data, d0, data[d0:d1])
        if not lock.proven:
            _proven(credential, message.engine_id, lock)
    if not message.flags & PRIV:
        return data[first:last]
    if not message.flags & AUTH:
        raise ber.BerError("encrypted, and not authenticated")
    return lock.decrypt(message.boots, message.time, data[s0:s1], data[first:last])


def read_scoped(data: bytes, spans: list[tuple[int, int]] | None = None) -> Scoped:
    """Raises BerError."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    engine_id, at = ber.read_octets(data, at, end)
    context, at = ber.read_octets(data, at, end)
    return Scoped(engine_id, context, ber.read_pdu(data, at, end, spans))


def _scope(engine_id: bytes, context: bytes, pdu: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(Tag.OCTETS, engine_id) + ber.tlv(Tag.OCTETS, context) + pdu)


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
    scoped = _scope(peer.engine_id if context_engine is None else context_engine, context, pdu)
    flags = REPORTABLE if reportable else 0
    user = digest = salt = b""
    boots, time = peer.boots, peer.now(clock)
    lock: Security | None = None
    if peer.engine_id and credential is not None:
        user = credential.user.encode()
        lock = prepared(credential, peer.engine_id)
        if credential.auth is not None:
            flags |= AUTH
            digest = bytes(lock.size)
        if credential.priv is not None:
            flags |= PRIV
            salt, hidden = lock.encrypt(boots, time, scoped)
            scoped = ber.tlv(Tag.OCTETS, hidden)
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
    if not digest or lock is None:
        return whole
    at = len(whole) - len(scoped) - len(after) - len(digest)
    return whole[:at] + lock.digest(whole) + whole[at + len(digest) :]


class Envelope:
    """A request to one engine, sealed again and again: only number, time, salt, cipher and digest are written anew."""

    __slots__ = (
        "_blank", "_boots", "_context", "_credential", "_from", "_hidden", "_id", "_id_at", "_lock", "_pdu", "_peer",
        "_places", "_scoped", "_time_size", "_until", "_whole",
    )  # fmt: skip

    def __init__(self, credential: Credential, peer: Peer, context: bytes, pdu: bytes, id_at: int) -> None:
        """`id_at`: where in `pdu` the four octets of its request-id are."""
        self._credential, self._peer, self._context = credential, peer, context
        self._pdu, self._id_at = bytearray(pdu), id_at
        self._lock = prepared(credential, peer.engine_id)
        self._boots, self._from, self._until = -1, 0, -1

    def seal(self, number: int, clock: float) -> bytes | bytearray:
        """The message; good until the next one. `number` is below 2³¹ and takes four octets."""
        peer, four = self._peer, number.to_bytes(4, "big")
        time = peer.now(clock)
        if peer.boots != self._boots or not self._from <= time <= self._until:
            return self._anew(number, four, clock, time)
        whole, scoped, lock = self._whole, self._scoped, self._lock
        number_at, time_at, digest_at, salt_at, hidden_at = self._places
        scoped[self._id] = whole[number_at] = four
        whole[time_at] = time.to_bytes(self._time_size, "big", signed=True)
        if self._hidden:
            whole[salt_at], whole[hidden_at] = lock.encrypt(self._boots, time, scoped)
        else:
            whole[hidden_at] = scoped
        if self._blank:
            whole[digest_at] = self._blank
            whole[digest_at] = lock.digest(whole)
        return whole

    def _anew(self, number: int, four: bytes, clock: float, time: int) -> bytes:
        """In full, and a template for what follows, as long as boots and the size of the time stay."""
        pdu = self._pdu
        pdu[self._id_at : self._id_at + 4] = four
        whole = seal(number, self._credential, self._peer, clock, self._context, bytes(pdu))
        self._scoped = bytearray(_scope(self._peer.engine_id, self._context, bytes(pdu)))
        at = len(self._scoped) - len(pdu) + self._id_at
        spans = read(whole).spans
        self._id, self._places = slice(at, at + 4), tuple(slice(*span) for span in spans)
        sizes = [stop - start for start, stop in spans]
        self._whole, self._blank, self._hidden = bytearray(whole), bytes(sizes[2]), sizes[3] > 0
        self._time_size = sizes[1]
        self._boots, self._from = self._peer.boots, time
        self._until = (1 << 8 * self._time_size - 1) - 1 if time >= 0 else time
        return whole


def _xor(one: bytes | bytearray, other: bytes) -> bytes:
    """Of equal length."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")


def report(pdu: ber.Pdu) -> Oid:
    """What a Report is about: (1, … ) its counter's name without the instance; empty when it names none."""
    return pdu.varbinds[0].oid[:-1] if pdu.varbinds else ()
