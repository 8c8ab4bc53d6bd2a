"""Keys and ciphers against RFC 3414's own figures and against pysnmp, for every protocol."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.rfc3414 import localkey, service

from netwatch.wire.snmp import (
    Auth,
    AuthError,
    Credential,
    Pdu,
    Priv,
    Snmp,
    Tag,
    Target,
    VarBind,
    VarBinds,
    Version,
    ber,
    oid,
    open_snmp,
    usm,
)
from netwatch.wire.snmp.memory import Shared, id_place
from netwatch.wire.snmp.secured import SecuredMemory

try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

ENGINE = bytes.fromhex("000000000000000000000002")
NAME = oid("1.3.6.1.2.1.1.5.0")
NUMBERS = st.integers(1 << 24, (1 << 31) - 1)
EVERY = [(auth, priv) for auth in Auth for priv in (None, *Priv)]


def user(auth: Auth | None, priv: Priv | None = None, name: str = "u") -> Credential:
    return Credential(
        Version.V3,
        user=name,
        auth=auth,
        auth_key="maplesyrup" if auth else "",
        priv=priv,
        priv_key="maplesyrup" if priv else "",
    )


@pytest.mark.parametrize(
    ("auth", "key"),
    [(Auth.MD5, "526f5eed9fcce26f8964c2930787d82b"), (Auth.SHA1, "6695febc9288e36282235fc7151f128497b38f3f")],
)
def test_keys_are_those_of_rfc_3414_a3(auth: Auth, key: str) -> None:
    assert usm.auth_key(user(auth), ENGINE).hex() == key


def test_long_keys_are_extended_as_pysnmp_does_it() -> None:
    for auth, number in ((Auth.MD5, (1, 3, 6, 1, 6, 3, 10, 1, 1, 2)), (Auth.SHA1, (1, 3, 6, 1, 6, 3, 10, 1, 1, 3))):
        for priv, theirs in (
            (Priv.AES192, service.aes192.AesBlumenthal192()),
            (Priv.AES256, service.aes256.AesBlumenthal256()),
            (Priv.AES192C, service.aes192.Aes192()),
            (Priv.AES256C, service.aes256.Aes256()),
        ):
            master = theirs.hash_passphrase(number, b"maplesyrup")
            wanted = theirs.localize_key(number, master, OctetString(ENGINE))
            assert usm.priv_key(user(auth, priv), ENGINE) == bytes(wanted)[: theirs.KEY_SIZE]


def test_localising_is_what_pysnmp_does() -> None:
    master = localkey.hash_passphrase_sha(b"maplesyrup")
    assert usm.auth_key(user(Auth.SHA1), ENGINE) == bytes(localkey.localize_key_sha(master, OctetString(ENGINE)))


@settings(max_examples=60)
@given(
    st.sampled_from([(None, None), *EVERY]),
    st.binary(max_size=60),
    st.integers(-1000, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
def test_what_is_sealed_opens_with_the_same_user_and_no_other(
    how: tuple[Auth | None, Priv | None], octets: bytes, time: int, boots: int
) -> None:
    sender = user(*how)
    bindings = [VarBind(NAME, Tag.OCTETS, octets)]
    pdu = ber.write_pdu(ber.RESPONSE, 9, 0, 0, ber.write_varbinds(bindings))
    data = usm.seal(9, sender, usm.Peer(ENGINE, boots, time), 0.0, b"ctx", pdu)
    message = usm.read(data)
    assert (message.user, message.engine_id, message.boots, message.time) == (b"u", ENGINE, boots, time)
    inside = usm.open_message(data, message, sender)
    assert isinstance(inside.pdu, ber.Pdu)
    assert (inside.context, inside.pdu.varbinds) == (b"ctx", bindings)
    if how[0] is not None:
        other = Credential(Version.V3, user="u", auth=how[0], auth_key="another key")
        with pytest.raises(ber.BerError):
            usm.open_message(data, message, other)
        spoilt = data[:-1] + bytes([data[-1] ^ 1])
        with pytest.raises(ber.BerError):
            usm.open_message(spoilt, usm.read(spoilt), sender)


@settings(max_examples=300)
@given(st.data())
def test_spoilt_messages_raise_one_error(data: st.DataObject) -> None:
    sender = user(Auth.SHA1, Priv.AES128)
    good = bytearray(
        usm.seal(9, sender, usm.Peer(ENGINE, 1, 1), 0.0, b"", ber.write_pdu(ber.GET, 9, 0, 0, ber.write_names([NAME])))
    )
    for _ in range(data.draw(st.integers(0, 5))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    octets = data.draw(st.one_of(st.just(bytes(good)), st.binary(max_size=120)))
    try:
        usm.open_message(octets, usm.read(octets), sender)
    except (ber.BerError, ValueError):
        return


def test_whoever_only_knows_a_users_name_takes_no_place_from_those_who_have_the_key() -> None:
    sender = user(Auth.SHA1, Priv.AES256C)
    data = usm.seal(9, sender, usm.Peer(ENGINE, 1, 1), 0.0, b"", ber.write_pdu(ber.GET, 9, 0, 0, b"0\0"))
    message = usm.read(data)
    usm.uncovered(data, message, sender)
    kept = usm.prepared(sender, ENGINE)
    for number in range(5000):
        with pytest.raises(usm.WrongDigestError):
            usm.uncovered(data, message._replace(engine_id=b"other" + number.to_bytes(7, "big")), sender)
    assert usm.prepared(sender, ENGINE) is kept


class Engine(asyncio.DatagramProtocol):
    """An SNMPv3 agent that behaves as the test wants."""

    def __init__(
        self, credential: Credential, engine_id: bytes = b"\x80\0\0\0\1box", boots: int = 3, time: int = 100
    ) -> None:
        self.credential, self.engine_id, self.boots, self.time = credential, engine_id, boots, time
        self.value = b"box"
        self.asked = 0
        self.reports = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = usm.read(data)
        here = usm.Peer(self.engine_id, self.boots, self.time)
        if message.engine_id != self.engine_id:
            self.report(usm.UNKNOWN_ENGINE, message, here, addr)
        elif self.credential.auth and (message.boots != self.boots or abs(message.time - self.time) > 150):
            self.report(usm.NOT_IN_WINDOW, message, here, addr, self.credential)
        else:
            inside = usm.open_message(data, message, self.credential)
            assert isinstance(inside.pdu, ber.Pdu)
            self.asked += 1
            out = ber.write_varbinds([VarBind(vb.oid, Tag.OCTETS, self.value) for vb in inside.pdu.varbinds])
            pdu = ber.write_pdu(ber.RESPONSE, inside.pdu.request_id, 0, 0, out)
            reply = usm.seal(message.message_id, self.credential, here, 0.0, inside.context, pdu, reportable=False)
            self.transport.sendto(reply, addr)

    def report(
        self, what: int, message: usm.Incoming, here: usm.Peer, addr: Any, who: Credential | None = None
    ) -> None:
        self.reports += 1
        counter = [VarBind((*usm.USM_STATS, what, 0), Tag.COUNTER32, 1)]
        pdu = ber.write_pdu(ber.REPORT, 0, 0, 0, ber.write_varbinds(counter))
        plain = Credential(Version.V3, user=who.user, auth=who.auth, auth_key=who.auth_key) if who else None
        self.transport.sendto(usm.seal(message.message_id, plain, here, 0.0, b"", pdu, reportable=False), addr)


@pytest.fixture
async def v3() -> Any:
    doors: list[Snmp] = []
    engines: list[Engine] = []

    async def make(engine: Engine) -> tuple[Snmp, Target]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: engine, local_addr=("127.0.0.1", 0))
        engines.append(engine)
        if not doors:
            doors.append(open_snmp("native"))
        port = transport.get_extra_info("sockname")[1]
        return doors[0], Target("127.0.0.1", engine.credential, port, timeout=0.3, retries=0)

    yield make
    for door in doors:
        await door.close()
    for engine in engines:
        engine.transport.close()


@pytest.mark.parametrize(("auth", "priv"), EVERY)
async def test_every_protocol_goes_there_and_back(v3: Any, auth: Auth, priv: Priv | None) -> None:
    engine = Engine(user(auth, priv))
    door, target = await v3(engine)
    for _ in range(2):
        (vb,) = await door.get(target, [NAME])
        assert vb.value == b"box"
    assert engine.reports == 1, "who it is, and its time with it, is asked once"


async def test_two_boxes_with_one_engine_id_do_not_disturb_one_another(v3: Any) -> None:
    one, two = Engine(user(Auth.SHA1), boots=7, time=50_000), Engine(user(Auth.SHA1), boots=1, time=3)
    door, first = await v3(one)
    _, second = await v3(two)
    for _ in range(3):
        await door.get(first, [NAME])
        await door.get(second, [NAME])
    assert (one.reports, two.reports) == (1, 1)


async def test_boots_that_start_again_and_clocks_that_are_set_are_followed(v3: Any) -> None:
    engine = Engine(user(Auth.SHA256, Priv.AES128), boots=9, time=1_000_000)
    door, target = await v3(engine)
    await door.get(target, [NAME])
    engine.boots, engine.time = 0, 2
    await door.get(target, [NAME])
    engine.time = 90_000
    await door.get(target, [NAME])
    assert engine.asked == 3


async def test_a_clock_below_zero_is_followed(v3: Any) -> None:
    engine = Engine(user(Auth.SHA1, Priv.DES), time=-5000)
    door, target = await v3(engine)
    await door.get(target, [NAME])
    await door.get(target, [NAME])
    assert engine.asked == 2


async def test_a_box_that_was_swapped_for_another_is_recognised(v3: Any) -> None:
    engine = Engine(user(Auth.SHA1))
    door, target = await v3(engine)
    await door.get(target, [NAME])
    engine.engine_id = b"\x80\0\0\0\1new"
    (vb,) = await door.get(target, [NAME])
    assert vb.value == b"box"


async def test_a_box_that_never_accepts_our_time_is_an_error_and_no_loop(v3: Any) -> None:
    engine = Engine(user(Auth.SHA1))
    door, target = await v3(engine)
    engine.datagram_received = lambda data, addr: (  # type: ignore[method-assign]
        engine.report(
            usm.UNKNOWN_ENGINE if not usm.read(data).engine_id else usm.NOT_IN_WINDOW,
            usm.read(data),
            usm.Peer(engine.engine_id, 1, 1),
            addr,
            engine.credential if usm.read(data).engine_id else None,
        )
    )
    with pytest.raises(AuthError):
        await door.get(target, [NAME])
    assert engine.reports <= 6


@pytest.mark.parametrize("size", [16, 24, 32])
@given(st.lists(st.tuples(st.integers(0, 2**128 - 1), st.binary(min_size=1, max_size=200)), min_size=1, max_size=5))
def test_ciphers_that_never_end_are_cipher_feedback(size: int, messages: list[tuple[int, bytes]]) -> None:
    """One message after the other through the same two contexts, each against a fresh one of the library's."""
    key = bytes(range(size))
    ours = usm._Aes(key)
    for start, plain in messages:
        octets = start.to_bytes(16, "big")
        theirs = Cipher(algorithms.AES(key), CFB(octets)).encryptor()
        hidden = theirs.update(plain) + theirs.finalize()
        assert ours.encrypt(start, plain) == hidden
        assert ours.decrypt(octets, hidden) == plain


@pytest.mark.parametrize("auth", Auth)
@given(st.binary(max_size=300))
def test_digests_by_copied_hashes_are_hmacs(auth: Auth, data: bytes) -> None:
    lock = usm.prepared(user(auth), ENGINE)
    whole = hmac.digest(usm.auth_key(user(auth), ENGINE), data, usm._HASH[auth][1])
    assert lock.digest(data) == whole[: lock.size]


@settings(max_examples=60)
@given(
    st.sampled_from([(None, None), *EVERY]),
    st.lists(st.tuples(NUMBERS, st.integers(-300, 2**31 - 1), st.integers(0, 3)), max_size=5),
)
def test_an_envelope_holds_each_time_what_sealing_anew_would(
    how: tuple[Auth | None, Priv | None], questions: list[tuple[int, int, int]]
) -> None:
    """Whatever becomes of the engine's clock and boots in between."""
    pdu = ber.write_pdu(ber.GET, 1 << 24, 0, 0, ber.write_names([NAME]))
    peer = usm.Peer(ENGINE)
    envelope = usm.Envelope(user(*how), peer, b"ctx", pdu, 4)
    for number, time, boots in questions:
        peer.time, peer.boots = time, boots
        data = bytes(envelope.seal(number, 0.0))
        message = usm.read(data)
        assert (message.message_id, message.boots, message.time) == (number, boots, time)
        inside = usm.open_message(data, message, user(*how))
        assert isinstance(inside.pdu, ber.Pdu)
        assert (inside.context, inside.pdu.request_id, inside.pdu.kind) == (b"ctx", number, ber.GET)
        anew = ber.write_pdu(ber.GET, number, 0, 0, ber.write_names([NAME]))
        assert len(data) == len(usm.seal(number, user(*how), peer, 0.0, b"ctx", anew))


@pytest.mark.parametrize(("auth", "priv"), EVERY)
def test_the_question_who_an_engine_is_can_be_repeated(auth: Auth, priv: Priv | None) -> None:
    """Nothing in it is secured, whatever the user is."""
    pdu = ber.write_pdu(ber.GET, 1 << 24, 0, 0, ber.write_names([]))
    envelope = usm.Envelope(user(auth, priv), usm.Peer(), b"", pdu, 4)
    for number in (1 << 24, (1 << 24) + 1):
        data = bytes(envelope.seal(number, 0.0))
        assert data == usm.seal(
            number, user(auth, priv), usm.Peer(), 0.0, b"", ber.write_pdu(ber.GET, number, 0, 0, b"0\0")
        )
        assert usm.read(data).flags == usm.REPORTABLE


def read(memory: SecuredMemory, data: bytes, number: int) -> VarBinds:
    at = id_place(data)
    answer = memory.recall(data, at, number)
    return memory.decode(data, at, number) if answer is None else answer


ANSWERS = st.lists(st.tuples(NUMBERS, st.binary(max_size=3)), min_size=2, max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([(Auth.SHA1, Priv.AES128), (Auth.SHA256, None), (Auth.MD5, Priv.DES)]), ANSWERS, st.data())
def test_answers_by_version_3_are_read_by_layout_as_they_are_decoded(
    how: tuple[Auth, Priv | None], answers: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    """Other values, other lengths; another number inside than outside, or a spoilt octet: never an answer."""

    async def run() -> None:
        shared, credential, peer = Shared(), user(*how), usm.Peer(ENGINE, 3, 500)
        memory = SecuredMemory(shared.question(credential, "", Pdu.GET, (NAME,), 0), shared, peer)
        for number, value in [answers[0], *answers]:
            wrong = data.draw(st.sampled_from(["", "", "number", "octet"]))
            inside = number ^ 1 if wrong == "number" else number
            body = ber.write_varbinds([VarBind(NAME, Tag.OCTETS, value)])
            pdu = ber.write_pdu(ber.RESPONSE, inside, 0, 0, body)
            octets = bytearray(usm.seal(number, credential, usm.Peer(ENGINE, 3, 500), 0.0, b"", pdu, reportable=False))
            if wrong == "octet":
                octets[-data.draw(st.integers(1, 20))] ^= 1
            if wrong:
                with pytest.raises(ber.BerError):
                    read(memory, bytes(octets), number)
            else:
                assert read(memory, bytes(octets), number) == [VarBind(NAME, Tag.OCTETS, value)]

    asyncio.run(run())
