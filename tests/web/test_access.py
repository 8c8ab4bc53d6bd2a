from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_night import ACT, READ, Night
from web_scene import NOW

from netwatch.core.time import DAY, HOUR
from netwatch.web.access import Access, kept_key, write_token
from netwatch.web.view import Message

ACCESS = Access(act_token="act", read_token="read", key=b"k" * 32)


def asked(link: str) -> tuple[str, str]:
    query = parse_qs(urlsplit(link).query)
    return query["until"][0], query["sig"][0]


# ---------------------------------------------------------------- links


def test_a_link_opens_its_ticket_until_it_expires_and_no_other() -> None:
    until, signature = asked(ACCESS.link("T1", NOW + HOUR))
    assert ACCESS.link_holds("T1", until, signature, NOW)
    assert ACCESS.link_holds("T1", until, signature, NOW + HOUR - 1)
    assert not ACCESS.link_holds("T1", until, signature, NOW + HOUR)
    assert not ACCESS.link_holds("T2", until, signature, NOW)
    assert not ACCESS.link_holds("T1", str(int(until) + 1), signature, NOW)
    assert not Access(act_token="act", key=b"x" * 32).link_holds("T1", until, signature, NOW)


@given(st.text(max_size=12), st.text(max_size=30))
def test_nothing_made_up_is_a_link(until: str, signature: str) -> None:
    assert not ACCESS.link_holds("T1", until, signature, NOW)


@given(st.text(min_size=1, max_size=20), st.integers(0, 40), st.characters())
def test_a_link_with_one_character_changed_is_dead(ticket: str, place: int, char: str) -> None:
    until, signature = asked(ACCESS.link(ticket, NOW + HOUR)) if ticket.isascii() else ("1", "x" * 22)
    text = until + signature
    place %= len(text)
    changed = text[:place] + char + text[place + 1 :]
    if changed != text:
        assert not ACCESS.link_holds(ticket, changed[: len(until)], changed[len(until) :], NOW)


def test_a_ticket_with_any_name_can_be_linked() -> None:
    link = ACCESS.link("工单/1?&", NOW + HOUR)
    assert link.startswith("/t/%E5%B7%A5%E5%8D%95%2F1%3F%26?")
    assert ACCESS.link_holds("工单/1?&", *asked(link), NOW)


# ---------------------------------------------------------------- tokens


def test_the_token_is_new_each_time_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "act.token"
    first = write_token(path)
    second = write_token(path)
    assert first != second
    assert path.read_text().strip() == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["act.token"]


def test_the_signing_key_stays_so_that_links_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    key = kept_key(path)
    assert len(key) == 32
    assert kept_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"cut short")
    assert len(kept_key(path)) == 32


def test_an_empty_token_opens_nothing() -> None:
    nobody = Access(act_token="")
    assert not nobody.may_act("Bearer ")
    assert not nobody.may_act("")
    assert not nobody.knows("")


def test_secrets_are_not_in_the_repr() -> None:
    assert "act" not in repr(ACCESS).replace("Access", "").replace("act_token", "")
    assert "kkk" not in repr(ACCESS)


@given(st.text(max_size=30))
def test_no_other_header_acts(header: str) -> None:
    assert not ACCESS.may_act(header) or header.partition(" ")[2].strip() == "act"


# ---------------------------------------------------------------- doors


@pytest.mark.parametrize(
    ("peer", "host", "header"),
    [
        ("192.0.2.7", "127.0.0.1:8080", {}),
        ("127.0.0.1", "evil.example", {}),  # a page whose own name resolves to us
        ("127.0.0.1", "127.0.0.1:8080", {"x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1", "127.0.0.1:8080", {"forwarded": "for=192.0.2.7"}),
    ],
)
async def test_from_elsewhere_reading_needs_a_token(night: Night, peer: str, host: str, header: dict[str, str]) -> None:
    async with night.client(peer, host, **header) as client:
        for path in ("/api/v1/board", "/api/v1/circuits", "/metrics", "/metrics/circuits", "/api/v1/openapi.json"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="netwatch"'), path
        for path in ("/", "/static/board.css", "/healthz", "/readyz"):
            assert (await client.get(path)).status_code == 200, path
        client.headers["authorization"] = f"Bearer {READ}"
        assert (await client.get("/api/v1/board")).status_code == 200


@pytest.mark.parametrize(
    ("peer", "host"), [("127.0.0.1", "localhost"), ("::1", "[::1]:8080"), ("127.8.9.1", "127.0.0.1")]
)
async def test_this_machine_reads_without_a_token(night: Night, peer: str, host: str) -> None:
    async with night.client(peer, host) as client:
        assert (await client.get("/api/v1/board")).status_code == 200


@pytest.mark.parametrize("token", ["", READ, ACT + "x", "Bearer"])
async def test_acting_needs_the_act_token_even_on_this_machine(night: Night, token: str) -> None:
    async with night.client(token=token) as client:
        for path in ("/api/v1/tickets/T12/ack", "/api/v1/complaints", "/api/v1/maintenance"):
            answer = await client.post(path, json={"by": "li"})
            assert answer.status_code == 401, path
            assert "act.token" in answer.json()["detail"]
        assert (await client.get("/api/v1/circuits/C-1007/customer")).status_code == 401
    assert night.facts == []


async def test_a_browser_from_elsewhere_shows_the_token_once_and_reads_for_a_shift(night: Night) -> None:
    async with night.client("192.0.2.7", "noc.example") as client:
        assert (await client.post("/api/v1/session", json={"token": "wrong"})).status_code == 401
        answer = await client.post("/api/v1/session", json={"token": READ})
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == 204
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert READ not in cookie
        assert (await client.get("/api/v1/board")).status_code == 200
        # It reads, and does not act.
        assert (await client.post("/api/v1/tickets/T12/ack", json={"by": "li"})).status_code == 401
        night.now += DAY
        assert (await client.get("/api/v1/board")).status_code == 401


# ---------------------------------------------------------------- foreign pages


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_foreign_page_cannot_write_even_with_the_token(
    actor: httpx.AsyncClient, night: Night, headers: dict[str, str]
) -> None:
    answer = await actor.post("/api/v1/tickets/T12/ack", json={"by": "li"}, headers=headers)
    assert answer.status_code == 403
    assert night.facts == []
    own = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
    assert (await actor.post("/api/v1/tickets/T12/ack", json={"by": "li"}, headers=own)).status_code == 202


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_what_a_form_can_send_is_refused(actor: httpx.AsyncClient, kind: str) -> None:
    answer = await actor.post("/api/v1/complaints", content=b'{"circuit":"C-1007"}', headers={"content-type": kind})
    assert answer.status_code == 415


async def test_every_answer_forbids_what_a_browser_might_do_with_it(reader: httpx.AsyncClient) -> None:
    for path in ("/", "/static/main.js", "/api/v1/board", "/nothing", "/t/T12", "/metrics"):
        headers = (await reader.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"


# ---------------------------------------------------------------- least data


async def test_the_phone_page_shows_what_a_crew_needs_and_no_customer(night: Night, reader: httpx.AsyncClient) -> None:
    page = await reader.get(night.access.link("T14", NOW + HOUR), headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert page.status_code == 200
    for needed in ("T14", "大学城", "大学城14号机房", "C-1014", "普通", "480", "途中"):
        assert needed in page.text, needed
    for secret in ("机密客户", "CU-0", "13800000000", "gold", "diamond", "钻石"):
        assert secret not in page.text, secret
    assert "<script>" not in page.text
    assert "style=" not in page.text
    english = await reader.get(night.access.link("T14", NOW + HOUR) + "&lang=en")
    assert "on the way" in english.text


async def test_a_link_dies_with_its_time_and_with_its_ticket(night: Night) -> None:
    async with night.client("192.0.2.7", "noc.example") as crew:
        assert (await crew.get(night.access.link("T12", NOW + HOUR))).status_code == 200
        assert (await crew.get(night.access.link("T12", NOW))).status_code == 403
        assert (await crew.get("/t/T12")).status_code == 403
        assert (await crew.get(night.access.link("T3", NOW + HOUR))).status_code == 410  # closed
        assert (await crew.get(night.access.link("T999", NOW + HOUR))).status_code == 410
        night.now += 2 * HOUR
        assert (await crew.get(night.access.link("T12", NOW + HOUR))).status_code == 403


async def test_who_may_read_needs_no_link(night: Night, reader: httpx.AsyncClient) -> None:
    assert (await reader.get("/t/T12")).status_code == 200
    async with night.client("192.0.2.7", "noc.example", token=READ) as client:
        assert (await client.get("/t/T12")).status_code == 200


async def test_no_reading_endpoint_tells_a_customers_name_or_number(reader: httpx.AsyncClient) -> None:
    description = (await reader.get("/api/v1/openapi.json")).json()
    paths = [path for path, what in description["paths"].items() if "get" in what and "{" not in path]
    assert "/api/v1/circuits" in paths
    for path in [p for p in paths if p != "/api/v1/events"] + [
        "/api/v1/circuits/C-1007",
        "/api/v1/faults/F12",
        "/api/v1/tickets/T12",
    ]:
        answer = await reader.get(path, params={"limit": 1000} if path.endswith(("circuits", "devices")) else None)
        assert answer.status_code == 200, path
        assert "机密客户" not in answer.text, path
        assert "13800000000" not in answer.text, path


async def test_a_customer_is_told_to_who_may_act_and_the_look_leaves_a_trace(
    actor: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = await actor.get("/api/v1/circuits/C-1007/customer")
    assert answer.json()["name"] == "机密客户7"
    traces = [r.getMessage() for r in caplog.records if r.name == "netwatch.web.app"]
    assert traces == ["the customer of circuit C-1007 was looked up"]
    assert (await actor.get("/api/v1/circuits/GHOST/customer")).status_code == 404


async def test_a_message_on_the_board_does_not_open_the_ticket(night: Night, reader: httpx.AsyncClient) -> None:
    link = night.access.link("T12", NOW + HOUR)
    night.view.sent(Message(NOW, "sms", "team:x", "ticket.dispatched", "T12", f"派单 T12\nhttps://noc{link}\n请回复"))
    for path in ("/api/v1/messages", "/api/v1/board"):
        text = (await reader.get(path)).text
        assert "sig=" not in text
        assert "https://noc/t/T12" in text
