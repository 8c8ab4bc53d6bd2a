from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from netwatch.config import (
    Address,
    Config,
    Secret,
    SmtpChannel,
    WebhookChannel,
    listing,
    load,
    lookup,
    resolve,
    salvage,
    secrets,
    shipped,
    toml,
)
from netwatch.findings import Finding, UnusableError

PROJECT = Path(__file__).resolve().parent.parent
BAD = sorted((PROJECT / "tests/data/config").glob("*.toml"))


def findings(path: Path) -> list[Finding]:
    with pytest.raises(UnusableError) as caught:
        load(path)
    return list(caught.value.findings)


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


# ---------------------------------------------------------------- one bad file per mistake


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_every_mistake_is_told_with_line_key_and_cure(path: Path) -> None:
    """Lines that begin with `#!` say what is expected, in order."""
    expected = [line[3:] for line in path.read_text().splitlines() if line.startswith("#! ")]
    assert [str(f).removeprefix(f"{path}:") for f in findings(path)] == expected


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_no_message_shows_a_secret_that_was_written_out(path: Path) -> None:
    assert not any("hunter2" in str(f) for f in findings(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path / "config.toml")
    assert finding.place == str(tmp_path / "config.toml")
    assert "No such file" in finding.what


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    assert "directory" in str(findings(tmp_path)[0])


def test_what_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes('[site]\nname = "网络"\n'.encode("gb18030"))
    assert [(f.place, f.cure) for f in findings(path)] == [(f"{path}:2", "save the file as UTF-8")]


def test_ten_megabytes_of_garbage_are_refused_without_being_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(os.urandom(10_000_000))
    assert "larger than 4 MB" in findings(path)[0].what


@given(st.binary(max_size=300))
def test_any_bytes_are_either_a_configuration_or_unusable(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(raw)
    told: tuple[Finding, ...] = ()
    try:
        load(path)
    except UnusableError as error:
        told = error.findings
        broken = True
    else:
        broken = False
    assert bool(told) == broken


@pytest.mark.parametrize("depth", [100, 5000])
def test_deep_nesting_is_no_crash(tmp_path: Path, depth: int) -> None:
    assert findings(written(tmp_path, f"x = {'[' * depth}{']' * depth}\n"))


# ---------------------------------------------------------------- places


def test_every_kind_of_statement_has_its_line(tmp_path: Path) -> None:
    text = """\
# a comment
top = 1
"quoted key" = 2

[a.b]   # a header
x.y = 3
many = [
  1,
  2,
]
long = '''
[not.a.header]
'''
inline = {k = [{m = 1}]}

[[list]]
n = 1
[[list]]
n = 2
[list.inner]
o = 3
"""
    document = toml.read(written(tmp_path, text))
    want: dict[toml.Key, int] = {
        ("top",): 2,
        ("quoted key",): 3,
        ("a", "b"): 5,
        ("a", "b", "x", "y"): 6,
        ("a", "b", "many", 1): 7,
        ("a", "b", "long"): 11,
        ("a", "b", "inline", "k", 0, "m"): 14,
        ("list", 0, "n"): 17,
        ("list", 1, "n"): 19,
        ("list", 1, "inner", "o"): 21,
    }
    assert {key: document.line(key) for key in want} == want


def test_a_key_that_is_missing_stands_at_its_table(tmp_path: Path) -> None:
    assert toml.read(written(tmp_path, "\n[a]\n")).line(("a", "b", "c")) == 2


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[site]\r\nname = "x"\r\n[pol]\r\n')
    assert [f.place for f in findings(path)] == [f"{path}:3"]


# ---------------------------------------------------------------- the shipped file


def uncommented(text: str) -> str:
    """The shipped file with every commented-out key switched on."""
    return re.sub(r"^#(\[|[a-z_]+ = )", r"\1", text, flags=re.MULTILINE)


def test_the_shipped_configuration_is_the_default() -> None:
    config = load(PROJECT / "config.toml")
    assert config.example
    default = Config()
    for name in Config.model_fields:
        if name != "paths":
            assert getattr(config, name) == getattr(default, name), name
    assert config.paths.ledger == PROJECT / "ledger"
    assert config.paths.state == PROJECT / "state"


def test_the_shipped_configuration_shows_every_key() -> None:
    data = tomllib.loads(uncommented((PROJECT / "config.toml").read_text()))

    def missing(model: type[BaseModel], given: set[str]) -> set[str]:
        return {info.alias or name for name, info in model.model_fields.items()} - given

    shared = set(data["channels"]["log"])
    credentials = {key for credential in data["credentials"].values() for key in credential}
    assert not missing(Config, set(data))
    for name, info in Config.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            assert not missing(info.annotation, set(data[name])), name
    assert not missing(SmtpChannel, shared | set(data["channels"]["mail"]))
    assert not missing(WebhookChannel, shared | set(data["channels"]["hook"]))
    assert credentials >= set(Config.model_fields["credentials"].annotation.__args__[1].model_fields)  # type: ignore[union-attr]


def test_every_example_in_the_shipped_configuration_is_valid(tmp_path: Path) -> None:
    config = load(written(tmp_path, uncommented((PROJECT / "config.toml").read_text())))
    assert set(config.credentials) == {"lab", "backbone"}
    assert set(config.channels) == {"log", "mail", "hook"}
    assert len(list(secrets(config))) == 9


def test_an_empty_file_is_every_default(tmp_path: Path) -> None:
    config = load(written(tmp_path, ""))
    assert config.site == Config().site
    assert not config.example


# ---------------------------------------------------------------- paths and shipped data


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(written(tmp_path, '[paths]\nledger = "x/ledger.xlsx"\n[record]\njournal = "/var/j.jsonl"\n'))
    assert config.folder == tmp_path
    assert config.paths.ledger == tmp_path / "x/ledger.xlsx"
    assert config.paths.state == tmp_path / "state"
    assert config.record.journal == Path("/var/j.jsonl")
    assert config.database_url() == f"sqlite+aiosqlite:///{tmp_path}/state/netwatch.db"


def test_the_sites_own_file_replaces_the_shipped_one_whole(tmp_path: Path) -> None:
    config = load(written(tmp_path, ""))
    assert config.find("rules", "sla.toml") == shipped("rules") / "sla.toml"
    own = tmp_path / "rules" / "sla.toml"
    own.parent.mkdir()
    own.write_text("")
    assert config.find("rules", "sla.toml") == lookup(tmp_path, "rules", "sla.toml") == own
    assert config.listing("rules")["sla.toml"] == own
    assert config.listing("rules")["alarms.toml"] == shipped("rules") / "alarms.toml"


def test_the_sites_own_data_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine/huawei_vrp").mkdir(parents=True)
    config = load(written(tmp_path, '[paths]\ncollectors = "mine"\n'))
    assert config.listing("collectors")["huawei_vrp"] == tmp_path / "mine/huawei_vrp"


def test_a_listing_passes_over_what_is_no_data(tmp_path: Path) -> None:
    for name in ("README.md", ".hidden.toml", "own.toml"):
        (tmp_path / name).write_text("")
    assert set(listing(tmp_path, "nothing-shipped")) == {"own.toml"}


def test_a_refused_configuration_still_tells_where_the_rest_lies(tmp_path: Path) -> None:
    rest = salvage(written(tmp_path, '[pol]\n[paths]\nledger = "l"\n'))
    assert rest is not None
    assert rest.paths.ledger == tmp_path / "l"
    assert salvage(written(tmp_path, "[")) is None
    assert salvage(written(tmp_path, "[paths]\nledgre = 1\n")) is None


# ---------------------------------------------------------------- secrets


def secret(folder: Path, mode: int = 0o600, raw: bytes = b"hunter2\n") -> Secret:
    path = folder / "secret"
    path.write_bytes(raw)
    path.chmod(mode)
    config = load(written(folder, '[credentials.lab]\ncommunity = {file = "secret"}\n'))
    found = config.credentials["lab"].community
    assert found is not None
    return found


def test_a_secret_file_is_read_beside_the_configuration_and_without_its_line_end(tmp_path: Path) -> None:
    assert resolve(secret(tmp_path)) == "hunter2"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_secret_that_everyone_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UnusableError) as caught:
        resolve(secret(tmp_path, mode))
    assert caught.value.findings[0].cure == f"chmod o= {tmp_path / 'secret'}"


@pytest.mark.parametrize(
    ("raw", "what"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8"), (b"a\0b", "NUL"), (b"x" * 70000, "64 KB")],
)
def test_a_file_that_can_be_no_secret_is_refused(tmp_path: Path, raw: bytes, what: str) -> None:
    with pytest.raises(UnusableError, match=what):
        resolve(secret(tmp_path, raw=raw))


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    reference = secret(tmp_path)
    (tmp_path / "secret").unlink()
    with pytest.raises(UnusableError, match=re.escape(str(tmp_path / "secret"))):
        resolve(reference)


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Secret(env="NETWATCH_TEST_SECRET")
    with pytest.raises(UnusableError, match="not set"):
        resolve(reference)
    monkeypatch.setenv("NETWATCH_TEST_SECRET", "hunter2")
    assert resolve(reference) == "hunter2"


def test_secrets_come_from_the_credentials_of_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Secret(credential="community")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(UnusableError, match="LoadCredential=community"):
        resolve(reference)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "community").write_text("hunter2")
    (tmp_path / "community").chmod(0o400)
    assert resolve(reference) == "hunter2"


def test_no_form_of_a_configuration_shows_a_secret(tmp_path: Path) -> None:
    known = Secret.known("hunter2")
    assert resolve(known) == "hunter2"
    assert resolve("plain") == "plain"
    config = Config().model_copy(update={"web": Config().web.model_copy(update={"token": known})})
    for shown in (str(known), repr(known), f"{known}", str(config), repr(config), config.model_dump_json()):
        assert "hunter2" not in shown
    resolve(secret(tmp_path))
    assert "hunter2" not in repr(load(tmp_path / "config.toml"))


def test_every_secret_is_listed_with_its_key(tmp_path: Path) -> None:
    text = """\
[credentials.lab]
community = {env = "A"}
ssh_user = "x"
ssh_password = {env = "B"}
[channels.hook]
kind = "webhook"
url = {env = "C"}
[web]
token = {env = "D"}
"""
    keys = {key for key, _ in secrets(load(written(tmp_path, text)))}
    expected = {"credentials.lab.community", "credentials.lab.ssh_password", "channels.hook.url", "web.token"}
    assert keys == expected


def test_a_password_is_put_into_the_database_url_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWATCH_TEST_DB", "p@ss/word")
    text = '[database]\nurl = "postgresql+asyncpg://netwatch@db:5432/n"\npassword = {env = "NETWATCH_TEST_DB"}\n'
    url = load(written(tmp_path, text)).database_url()
    assert url == "postgresql+asyncpg://netwatch:p%40ss%2Fword@db:5432/n"


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(("text", "host", "loopback"), [("127.0.0.1:1", "127.0.0.1", True), ("[::]:0", "::", False)])
def test_addresses_are_read_and_shown_as_written(text: str, host: str, loopback: bool) -> None:
    address = Address.parse(text)
    assert (address.host, address.loopback, str(address)) == (host, loopback, text)


def test_an_empty_address_turns_a_listener_off(tmp_path: Path) -> None:
    config = load(written(tmp_path, '[listen]\ntraps = ""\nsyslog = "[::1]:5514"\n'))
    assert config.listen.traps is None
    assert config.listen.syslog == Address("::1", 5514)


@pytest.mark.parametrize(("given", "version"), [("1", "1"), ("2", "2c"), ('"2c"', "2c")])
def test_snmp_versions_may_be_numbers(tmp_path: Path, given: str, version: str) -> None:
    text = f'[credentials.lab]\nversion = {given}\ncommunity = {{env = "X"}}\n'
    assert load(written(tmp_path, text)).credentials["lab"].version == version


def test_the_log_is_always_a_channel(tmp_path: Path) -> None:
    text = '[channels.hook]\nkind = "webhook"\nurl = "https://hooks.example/"\n'
    assert set(load(written(tmp_path, text)).channels) == {"hook", "log"}


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[2001:db8::7]:1", "http://[2001:db8::7]:1"),
        ("127.0.0.1:80", "http://127.0.0.1:80"),
    ],
)
def test_whoever_listens_everywhere_is_also_found_here(tmp_path: Path, listen: str, url: str) -> None:
    (tmp_path / "token").write_text("x")
    text = f'[web]\nlisten = "{listen}"\ntoken = {{ file = "token" }}\n'
    assert load(written(tmp_path, text)).web.url == url
