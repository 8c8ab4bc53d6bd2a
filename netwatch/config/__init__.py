"""The configuration of one site: `config.toml`, checked whole before anything uses it.

    config = load(Path("config.toml"))      # or UnusableError with every problem
    config.site.zone                        # ZoneInfo
    resolve(config.credentials["lab"].community)

Everything has a default. Paths are relative to the folder of the file. Secrets are references.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from netwatch.config import toml
from netwatch.config.address import Address, Listen
from netwatch.config.secret import Secret, resolve
from netwatch.config.shipped import listing, lookup, shipped
from netwatch.findings import Finding, UnusableError, did_you_mean

__all__ = [
    "Address",
    "Channel",
    "Config",
    "Credential",
    "Listening",
    "LogChannel",
    "Secret",
    "SmtpChannel",
    "WebhookChannel",
    "listing",
    "load",
    "lookup",
    "resolve",
    "salvage",
    "secrets",
    "shipped",
]

Language = Literal["zh", "en"]
Seconds = Annotated[float, Field(strict=True, gt=0, le=86400)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


class Section(BaseModel):
    """Frozen, without unknown keys, and silent about values in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def _absolute(value: Path | None, info: ValidationInfo) -> Path | None:
    folder = (info.context or {}).get("folder")
    return value if value is None or folder is None else folder / value.expanduser()


class Site(Section):
    name: str = "netwatch"
    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")
    """Decides all local rules (working days, 14:00, month edges); the machine's TZ never does."""
    language: Language = "zh"
    vantage: str = ""
    """Id of the device through which the monitoring reaches the network; empty: not said."""

    @field_validator("zone", mode="before")
    @classmethod
    def _is_a_zone(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return ZoneInfo(value)
            except (ValueError, OSError, LookupError):
                raise ValueError('no such time zone | use an IANA name such as "Asia/Shanghai"') from None
        return value


class Paths(Section):
    model_config = ConfigDict(validate_default=True)

    ledger: Path = Path("ledger")
    """A folder of CSV files, or one .xlsx."""
    state: Path = Path("state")
    """What NetWatch writes: the database, its lock, former ledgers."""
    collectors: Path | None = None
    rules: Path | None = None
    """The site's own; None: the folder of that name beside config.toml, if there is one."""

    @field_validator("*", mode="after")
    @classmethod
    def _from_the_folder(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _absolute(value, info)


class Database(Section):
    url: str = ""
    """SQLAlchemy URL without password; empty: `netwatch.db` in the state directory."""
    password: Secret | None = None
    journal_days: Annotated[int, Field(strict=True, ge=1)] = 400
    """How long the decision journal is kept."""
    snapshot_seconds: Seconds = 300

    @field_validator("url")
    @classmethod
    def _hides_nothing(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.password:
            raise ValueError("a password must not be written out here | put a reference into database.password")
        if value and parts.scheme.split("+")[0] not in ("sqlite", "postgresql"):
            raise ValueError("is neither sqlite: nor postgresql: | e.g. postgresql+asyncpg://netwatch@db/netwatch")
        return value


class Ping(Section):
    interval_seconds: Annotated[float, Field(strict=True, ge=0, le=86400)] = 20
    """0: no ping."""
    count: Annotated[int, Field(strict=True, ge=1, le=20)] = 3
    timeout_seconds: Seconds = 1


class Poll(Section):
    interval_seconds: Annotated[float, Field(strict=True, ge=1, le=86400)] = 60
    detail_seconds: Annotated[float, Field(strict=True, ge=0, le=86400)] = 120
    """For what profiles tell beyond ports: ONUs, sessions, levels, supplies. 0: never."""
    timeout_seconds: Seconds = 2
    """For one request, before it is repeated."""
    retries: Annotated[int, Field(strict=True, ge=0, le=10)] = 2
    concurrency: Annotated[int, Field(strict=True, ge=1, le=10000)] = 1000
    """Devices asked at once."""
    engine: Literal["native", "pysnmp"] = "native"
    port: Port = 161
    credential: str = ""
    """For devices whose row in the ledger names none."""
    ping: Ping = Ping()


class Listening(Section):
    traps: Listen = Address("0.0.0.0", 162)  # noqa: S104 - equipment stands outside this machine
    """None: off (written "")."""
    syslog: Listen = Address("0.0.0.0", 514)  # noqa: S104
    """UDP."""
    syslog_tcp: Listen = None
    syslog_tls: Listen = None
    """RFC 5425; needs a certificate."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    """Who must have signed the certificate that a sender shows; None: senders show none."""
    credentials: tuple[str, ...] = ()
    """Names of credentials whose community traps must carry; empty: any, from devices of the ledger."""

    @field_validator("tls_cert", "tls_key", "tls_ca", mode="after")
    @classmethod
    def _from_the_folder(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _absolute(value, info)

    @model_validator(mode="after")
    def _has_a_certificate(self) -> Listening:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if self.syslog_tls is not None and self.tls_cert is None:
            raise ValueError("syslog_tls needs tls_cert and tls_key")
        return self


class Credential(Section):
    """How a device is asked: SNMP, and SSH where a collector needs it."""

    version: Literal["1", "2c", "3"] = "2c"
    community: Secret | None = None
    user: str = ""
    auth: Literal["none", "md5", "sha", "sha224", "sha256", "sha384", "sha512"] = "none"
    auth_key: Secret | None = None
    priv: Literal["none", "des", "3des", "aes128", "aes192", "aes256", "aes192c", "aes256c"] = "none"
    """aes192c, aes256c: with the key extension that Cisco made up, used by others too."""
    priv_key: Secret | None = None
    context: str = ""
    ssh_user: str = ""
    ssh_password: Secret | None = None
    ssh_key: Secret | None = None
    """A private key in PEM."""
    ssh_port: Port = 22
    ssh_family: str = ""
    """Whose command line it is (a folder of collectors/), for devices that SNMP does not tell of."""

    @field_validator("version", mode="before")
    @classmethod
    def _is_a_word(cls, value: Any) -> Any:
        known: dict[Any, str] = {1: "1", 2: "2c", 3: "3", "2": "2c"}
        return known.get(value, value) if isinstance(value, int | str) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _is_complete(self) -> Credential:
        if self.version == "3":
            if not self.user:
                raise ValueError("version 3 needs user")
            if self.community:
                raise ValueError("version 3 has no community | remove it, or set version")
            if (self.auth != "none") != (self.auth_key is not None):
                raise ValueError("auth and auth_key go together")
            if (self.priv != "none") != (self.priv_key is not None):
                raise ValueError("priv and priv_key go together")
            if self.priv != "none" and self.auth == "none":
                raise ValueError("priv needs auth: SNMPv3 has no privacy without authentication")
        elif not self.community and not self.ssh_user:
            raise ValueError(f"version {self.version} needs community")
        elif self.user or self.auth != "none" or self.priv != "none":
            raise ValueError("user, auth and priv belong to version 3 | set version = 3")
        return self


class Sending(Section):
    """What all channels have."""

    language: Language | None = None
    """None: the site's."""
    include_customer: Annotated[bool, Field(strict=True)] = False
    """Customer names and contacts in messages: off, for messages pass through other people's systems."""
    per_minute: Annotated[int, Field(strict=True, ge=1)] = 20
    """No more messages than this; what exceeds it waits. Chat robots refuse more than 20."""


class SmtpChannel(Sending):
    kind: Literal["smtp"]
    host: str
    port: Port = 587
    starttls: Annotated[bool, Field(strict=True)] = True
    tls: Annotated[bool, Field(strict=True)] = False
    """TLS from the first byte (port 465), in place of STARTTLS."""
    user: str = ""
    password: Secret | None = None
    sender: str = Field(alias="from")
    to: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout_seconds: Seconds = 20


class WebhookChannel(Sending):
    kind: Literal["webhook"]
    url: str | Secret
    """A reference where the address itself is the key, as with chat robots."""
    secret: Secret | None = None
    """Signs the body (HMAC-SHA256)."""
    timeout_seconds: Seconds = 10

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str | Secret) -> str | Secret:
        if isinstance(value, str) and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
            raise ValueError("is no http:// or https:// address")
        return value


class LogChannel(Sending):
    kind: Literal["log"]


Channel = Annotated[SmtpChannel | WebhookChannel | LogChannel, Field(discriminator="kind")]


def _log_only() -> dict[str, Channel]:
    return {"log": LogChannel(kind="log")}


class Routing(Section):
    """Names of channels."""

    noc: tuple[str, ...] = ("log",)
    default: tuple[str, ...] = ("log",)
    """For teams whose row in the ledger names no channel."""
    duty: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """For those whom the ladder of rules/dispatch.toml names beside crew and NOC; without one, the NOC's."""


class Web(Section):
    listen: Address = Address("127.0.0.1", 8080)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    token: Secret | None = None
    """Bearer of the API and login of the pages."""
    public_url: str = ""
    """How crews reach this, for links in messages; empty: made of `listen`."""
    link_hours: Annotated[float, Field(strict=True, gt=0)] = 24
    """How long the signed link to a ticket is good."""

    @field_validator("listen", mode="before")
    @classmethod
    def _is_an_address(cls, value: Any) -> Any:
        return Address.parse(value) if isinstance(value, str) else value

    @field_validator("tls_cert", "tls_key", mode="after")
    @classmethod
    def _from_the_folder(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _absolute(value, info)

    @property
    def url(self) -> str:
        """Where this machine itself finds it: whoever listens everywhere also listens here."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.listen.host, self.listen.host)  # noqa: S104 - compared
        return f"{'https' if self.tls_cert else 'http'}://{Address(here, self.listen.port)}"

    @model_validator(mode="after")
    def _is_guarded(self) -> Web:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if self.token is None and not self.listen.loopback:
            raise ValueError("listens to the network without a token | set web.token, or listen on 127.0.0.1")
        return self


class Ssh(Section):
    """Visits to the command lines of devices whose credential has an ssh_user."""

    interval_seconds: Annotated[float, Field(ge=0, le=86400)] = 600
    """0: none."""
    host_keys: Literal["strict", "first_use"] = "strict"
    """Of a device whose key is not in `known_hosts` of the state folder: refuse it, or accept and keep the first."""
    sessions: Annotated[int, Field(strict=True, ge=1, le=500)] = 16
    """Devices visited at once."""
    answer_seconds: Seconds = 20
    """For the answer to one command."""
    visit_seconds: Seconds = 90
    """For a whole visit; then the session is cut."""
    keep: Annotated[int, Field(ge=0, le=10000)] = 64
    """Sessions kept open between visits. Boxes have few lines for logins, often five."""
    keep_seconds: Seconds = 900
    """After which a session that nobody needs is closed."""


class Metrics(Section):
    always: tuple[str, ...] = ("AAA",)
    """Assurance classes whose circuits are always listed on /metrics/circuits."""
    cap: Annotated[int, Field(strict=True, ge=0)] = 2000
    """Most circuits on /metrics/circuits."""


class Record(Section):
    journal: Path | None = None
    """Where all that is heard is written as a journal for `netwatch replay`; None: nowhere."""

    @field_validator("journal", mode="after")
    @classmethod
    def _from_the_folder(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _absolute(value, info)


class Config(Section):
    """All of `config.toml`. `Config()` is a site with every default."""

    site: Site = Site()
    paths: Paths = Paths()
    database: Database = Database()
    poll: Poll = Poll()
    ssh: Ssh = Ssh()
    listen: Listening = Listening()
    credentials: dict[str, Credential] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=_log_only)
    """By name; `log` is always among them."""
    routing: Routing = Routing()
    web: Web = Web()
    metrics: Metrics = Metrics()
    record: Record = Record()
    _folder: Path = PrivateAttr(default_factory=Path.cwd)
    _source: Path | None = PrivateAttr(default=None)

    @field_validator("channels", mode="after")
    @classmethod
    def _can_always_log(cls, value: dict[str, Channel]) -> dict[str, Channel]:
        return {**_log_only(), **value}

    @property
    def folder(self) -> Path:
        """What relative paths start from."""
        return self._folder

    @property
    def place(self) -> str:
        """How a finding names the file: `config.toml: site.vantage`."""
        return str(self._source or "config.toml")

    @property
    def example(self) -> bool:
        """This is the `config.toml` that NetWatch came with: no site's own, so it runs even without a ledger."""
        return self._source is not None and self._source.resolve() == shipped("config.toml").resolve()

    def find(self, kind: Literal["collectors", "rules"], name: str) -> Path:
        """The file or folder in force: the site's own, else the shipped one."""
        own = self._own(kind) / name
        return own if own.exists() else shipped(kind) / name

    def listing(self, kind: Literal["collectors", "rules"]) -> dict[str, Path]:
        """Every name of this kind and the path in force."""
        return listing(self._own(kind), kind)

    def _own(self, kind: Literal["collectors", "rules"]) -> Path:
        return getattr(self.paths, kind) or self.folder / kind

    def database_url(self) -> str:
        """The SQLAlchemy URL, password and all: never log it. Raises UnusableError (see `resolve`)."""
        if not self.database.url:
            return f"sqlite+aiosqlite:///{self.paths.state / 'netwatch.db'}"
        if self.database.password is None:
            return self.database.url
        parts = urlsplit(self.database.url)
        user, _, host = parts.netloc.rpartition("@")
        password = quote(resolve(self.database.password), safe="")
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))


def load(path: Path) -> Config:
    """The configuration in `path`. Raises UnusableError with every problem at once."""
    document = toml.read(path)
    config = _whole(path, document)
    if found := list(_strangers(config, document)):
        raise UnusableError(sorted(found, key=toml.line_of))
    return config


def salvage(path: Path) -> Config | None:
    """Of a file that `load` refuses, what tells where ledger, rules and collectors lie; all else is default."""
    try:
        document = toml.read(path)
        rest = {"paths": document.data.get("paths", {})}
        return _whole(path, replace(document, data=rest))
    except UnusableError:
        return None


def _whole(path: Path, document: toml.Document) -> Config:
    folder = _start_of_paths(path)
    document.data.setdefault("paths", {})  # defaults are paths too, and start from the same folder
    config = toml.validate(document, Config, {"folder": folder})
    object.__setattr__(config, "_folder", folder)
    object.__setattr__(config, "_source", path)
    return config


def _start_of_paths(path: Path) -> Path:
    """The file's folder; for the copy inside the package where we are, for nobody's state belongs in there."""
    folder = path.resolve().parent
    return Path.cwd() if folder.name == "_shipped" else folder


def _strangers(config: Config, document: toml.Document) -> Iterator[Finding]:
    """References by name that lead nowhere."""
    named: list[tuple[toml.Key, str, Collection[str], str]] = [
        (("routing", "noc", n), name, config.channels, "channels") for n, name in enumerate(config.routing.noc)
    ]
    named += [
        (("routing", "default", n), name, config.channels, "channels") for n, name in enumerate(config.routing.default)
    ]
    named += [
        (("routing", "duty", duty, n), name, config.channels, "channels")
        for duty, names in config.routing.duty.items()
        for n, name in enumerate(names)
    ]
    named += [
        (("listen", "credentials", n), name, config.credentials, "credentials")
        for n, name in enumerate(config.listen.credentials)
    ]
    if config.poll.credential:
        named.append((("poll", "credential"), config.poll.credential, config.credentials, "credentials"))
    for key, name, known, table in named:
        if name not in known:
            cure = did_you_mean(name, known) or f"add [{table}.{name}]"
            yield document.finding(key, f"there is no [{table}.{name}]", cure)


def secrets(config: Config) -> Iterator[tuple[str, Secret]]:
    """Every secret that the configuration refers to, with its dotted key."""
    yield from _secrets_in(config, ())


def _secrets_in(value: object, key: toml.Key) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield toml.show(key), value
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from _secrets_in(getattr(value, name), (*key, info.alias or name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets_in(inner, (*key, str(name)))
