"""SNMPv3 for notifications: whose key opens a trap, and being the engine that informs are sent to (RFC 3414, 3412).

Of a trap its sender is the authoritative engine: its id names the keys, its clock is believed as it comes, except that
it must not run backwards by more than the 150 s of RFC 3414 for one engine at one address: then it is an old trap,
sent again. Of an inform we are: the sender asks for our engine id first and is answered with a report.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Collection
from dataclasses import replace

from netwatch.wire.snmp import Credential, Tag, VarBind, ber, usm
from netwatch.wire.traps import form
from netwatch.wire.traps.form import Notice

WINDOW = 150
"""Seconds (RFC 3414 §2.2.3)."""
MOST_ENGINES = 100_000
MOST_ENVELOPES = 10_000


class _Envelope:
    """What is around a trap: all but message-id, time, digest, salt and what is inside comes again as it is.

    Whatever else differs, it is not opened by this one.
    """

    __slots__ = ("_digest_at", "_lock", "_outside", "_unpack", "message")

    def __init__(self, data: bytes, message: usm.Incoming, lock: usm.Security) -> None:
        self.message, self._lock = message, lock
        packed, done, outside = "", 0, []
        for place, (start, stop) in enumerate((*message.spans, (len(data), len(data)))):
            outside.append(data[done:start])
            packed += f"{start - done}s" + (f"{stop - start}s" if place else f"{stop - start}x")
            done = stop
        self._unpack, self._outside = struct.Struct(packed).unpack, tuple(outside)
        self._digest_at = message.spans[2][0]

    def open(self, data: bytes) -> tuple[int, bytes] | None:
        """(the sender's time, the scoped PDU); None when it is no such message, or not proven."""
        head, middle, time, user, digest, salted, salt, last, inside, rest, _ = self._unpack(data)
        if (head, middle, user, salted, last, rest) != self._outside:
            return None
        now = int.from_bytes(time, "big", signed=True)
        try:
            if digest:
                self._lock.prove(data, self._digest_at, digest)
            return now, self._lock.decrypt(self.message.boots, now, salt, inside) if salt else inside
        except ber.BerError:
            return None


class TrapUsers:
    def __init__(self, users: Collection[Credential], clock: Callable[[], float], engine_id: bytes = b"") -> None:
        """`clock` is monotonic. `engine_id` is ours; by default a new one (RFC 3411: enterprise 8072's random form)."""
        self._users: dict[bytes, list[Credential]] = {}
        for user in users:
            self._users.setdefault(user.user.encode(), []).append(user)
        self._clock, self._started = clock, clock()
        self._us = usm.Peer(engine_id or b"\x80\x00\x1f\x88\x05" + secrets.token_bytes(8), 1, 0, self._started)
        self._latest: dict[tuple[str, bytes], tuple[int, int]] = {}
        self._envelopes: dict[tuple[str, int], _Envelope] = {}
        """Of traps that were proven, by sender and length."""

    def open(self, data: bytes, address: str) -> tuple[Notice | None, bytes | None]:
        """(the notification, what to answer). Raises BerError when it is refused.

        A question for our engine id is answered too: then there is no notification.
        """
        envelope = self._envelopes.get((address, len(data)))
        if envelope is not None and (opened := envelope.open(data)) is not None:
            time, plain = opened
            notice = form.scoped(plain)[2]
            self._in_order(address, envelope.message, time)
            return notice, None
        message = usm.read(data)
        if not message.engine_id or (message.engine_id != self._us.engine_id and message.flags & usm.REPORTABLE):
            return None, self._who_we_are(message)
        credential, plain = self._try(data, message)
        engine_id, context, notice, pdu = form.scoped(plain)
        if message.engine_id == self._us.engine_id:
            if plain[pdu] != ber.INFORM:
                raise ber.BerError("to our engine only informs are sent")
            return notice, self._answer(message, credential, engine_id, context, form.answer(plain, pdu))
        self._in_order(address, message, message.time)
        if len(self._envelopes) >= MOST_ENVELOPES:
            self._envelopes.clear()
        self._envelopes[address, len(data)] = _Envelope(data, message, usm.prepared(credential, message.engine_id))
        return notice, None

    def _try(self, data: bytes, message: usm.Incoming) -> tuple[Credential, bytes]:
        problem: ber.BerError = ber.BerError("an unknown user")
        for credential in self._users.get(message.user, ()):
            wanted = (usm.AUTH if credential.auth else 0) | (usm.PRIV if credential.priv else 0)
            if message.flags & wanted != wanted:
                problem = ber.BerError("less secured than the user is configured")
                continue
            try:
                plain = usm.uncovered(data, message, credential)
            except ber.BerError as error:
                problem = error
            except ValueError as error:  # of the cipher
                problem = ber.BerError(str(error))
            else:
                return credential, plain
        raise problem

    def _in_order(self, address: str, message: usm.Incoming, now: int) -> None:
        if not message.flags & usm.AUTH:
            return
        key = (address, message.engine_id)
        boots, time = self._latest.get(key, (message.boots, now))
        if message.boots == boots and now < time - WINDOW:
            raise ber.BerError("an old trap, sent again")
        if len(self._latest) >= MOST_ENGINES:
            self._latest.clear()
        self._latest[key] = (message.boots, max(now, time) if message.boots == boots else now)

    def _now(self) -> usm.Peer:
        return replace(self._us, time=int(self._clock() - self._started), at=self._clock())

    def _who_we_are(self, message: usm.Incoming) -> bytes:
        unknown = VarBind((*usm.USM_STATS, usm.UNKNOWN_ENGINE, 0), Tag.COUNTER32, 1)
        body = ber.write_pdu(ber.REPORT, 0, 0, 0, ber.write_varbinds([unknown]))
        return usm.seal(message.message_id, None, self._now(), self._clock(), b"", body, reportable=False)

    def _answer(
        self, message: usm.Incoming, credential: Credential, engine_id: bytes, context: bytes, body: bytes
    ) -> bytes:
        return usm.seal(
            message.message_id,
            credential,
            self._now(),
            self._clock(),
            context,
            body,
            reportable=False,
            context_engine=engine_id,
        )
