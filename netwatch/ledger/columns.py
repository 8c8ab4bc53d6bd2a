"""What the six tables consist of: names in both languages, and what may stand in a cell.

A parser takes the text of a cell, already without spaces around it and not empty, and returns
its value or raises ValueError("what | cure").
"""

from __future__ import annotations

import ipaddress
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from netwatch.core.model import Medium, Product, Role, Skill
from netwatch.findings import did_you_mean

Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, the Chinese one, its parser, and what the template says about it."""

    name: str
    chinese: str
    parse: Parse = str
    words: Mapping[str, str] | None = None
    """Of an enumeration: Chinese word → value, for the template's drop-down."""
    example: tuple[str, ...] = ()
    """Cells of the template's example rows."""
    help: str = ""
    required: bool = False
    unknown: str = ""
    """What follows when it is empty, where that deserves a warning."""


@dataclass(frozen=True, slots=True)
class Table:
    """One file, or one sheet of the workbook. The first column is the id."""

    name: str
    chinese: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> Column:
        return self.columns[0]


def plain(text: str) -> str:
    """Text as people type it, brought to one form: full-width as half-width, lower case, no spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def header(text: str) -> str:
    """The comparable form of a column's or table's name."""
    return plain(text).replace("_", "").replace("-", "")


def one_of(words: Mapping[str, str]) -> Parse:
    """A parser of an enumeration: the values themselves and their Chinese words."""
    exact = {v: v for v in words.values()} | dict(words)
    known = {plain(word): value for word, value in exact.items()}

    def parse(text: str) -> str:
        value = exact.get(text) or known.get(plain(text))
        if value is None:
            cure = (
                did_you_mean(text, exact)
                or did_you_mean(text.upper(), exact)
                or f"one of {', '.join(dict.fromkeys(words.values()))}"
            )
            raise ValueError(f"{shown(text)} is not known here | {cure}")
        return value

    return parse


def many_of(words: Mapping[str, str]) -> Parse:
    single = one_of(words)
    return lambda text: tuple(dict.fromkeys(single(word) for word in text.split()))


def several(text: str) -> tuple[str, ...]:
    """A list: separated by spaces."""
    return tuple(text.split())


_YES_NO = {"是": "yes", "否": "no"}
_TRUTH = {"yes": True, "y": True, "true": True, "1": True, "是": True, "有": True}
_TRUTH |= {"no": False, "n": False, "false": False, "0": False, "否": False, "无": False}


def yes_no(text: str) -> bool:
    value = _TRUTH.get(text)
    if value is None:
        value = _TRUTH.get(plain(text))
    if value is None:
        raise ValueError(f"{shown(text)} is neither yes nor no | write yes or no, 是 or 否")
    return value


def number(low: float, high: float = math.inf, unit: str = "") -> Parse:
    """A parser of plain numbers from `low` to `high`, both included."""

    def parse(text: str) -> float:
        try:
            value = float(unicodedata.normalize("NFKC", text))
        except ValueError:
            cure = f"a plain number{unit and ' of '}{unit}, without unit or comma"
            raise ValueError(f"{shown(text)} is no number | {cure}") from None
        if not low <= value <= high or math.isinf(value):
            bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise ValueError(f"{shown(text)} is not {bounds}")
        return value

    return parse


def day(text: str) -> date:
    """A day as people and spreadsheets write it: 2026-11-02, 2026/11/2, 2026-11-02 00:00:00."""
    match = re.fullmatch(
        r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]0?0:00(?::00)?)?", unicodedata.normalize("NFKC", text)
    )
    try:
        return date(*map(int, match.groups())) if match else date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no day | write 2026-11-02") from None


def cores(text: str) -> int:
    value: float = _CORES(text)
    if value != int(value):
        raise ValueError(f"{shown(text)} is no whole number")
    return int(value)


_CORES = number(1, 100_000, "cores")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)


def address(text: str) -> str:
    """An IP address, in its one canonical form (a trap's source is compared with it), or a host name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if re.fullmatch(r"[\d./]+", text) or not _HOST.fullmatch(text):
        raise ValueError(f"{shown(text)} is neither an IP address nor a host name | no prefix, no port")
    return text


def unspaced(text: str) -> str:
    """An id that lists refer to."""
    if len(text.split()) > 1:
        raise ValueError(f"{shown(text)} holds a space | lists are separated by spaces, so nothing could name it")
    return text


def shown(text: str) -> str:
    """A cell for a message: quoted, unprintables escaped, cut."""
    safe = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:40])
    return f'"{safe}{"…" if len(text) > 40 else ""}"'


AREAS = {"市区": "city", "郊县": "suburb"}
ROLES = {
    "核心": Role.CORE,
    "汇聚": Role.AGGREGATION,
    "接入": Role.ACCESS,
    "OLT": Role.OLT,
    "ONU": Role.ONU,
    "传输": Role.TRANSMISSION,
    "客户端": Role.CPE,
    "转换器": Role.CONVERTER,
    "动力": Role.POWER,
}
MEDIA = {
    "光纤": Medium.FIBRE,
    "铜缆": Medium.COPPER,
    "微波": Medium.MICROWAVE,
    "PON": Medium.PON,
    "波长": Medium.WAVELENGTH,
    "逻辑": Medium.LOGICAL,
}
LEVELS = {"钻石": "diamond", "金牌": "gold", "银牌": "silver", "铜牌": "bronze", "标准": "standard"}
PRODUCTS = {
    "互联网": Product.INTERNET,
    "数据": Product.DATA,
    "语音": Product.VOICE,
    "VPN": Product.VPN,
    "APN": Product.APN,
    "IP超市": Product.IPSHOP,
}
CLASSES = {"AAA": "AAA", "AA": "AA", "A": "A", "普通": "standard"}
SCOPES = {"本地": "local", "跨市": "city", "跨省": "province"}
SKILLS = {
    "线路": Skill.CABLE,
    "传输": Skill.TRANSPORT,
    "数据": Skill.DATA,
    "接入": Skill.ACCESS,
    "语音": Skill.VOICE,
    "动力": Skill.POWER,
    "客户": Skill.CUSTOMER,
}


def role(text: str) -> Role:
    return Role(_ROLE(text))


def medium(text: str) -> Medium:
    return Medium(_MEDIUM(text))


_ROLE = one_of({k: v.value for k, v in ROLES.items()})
_MEDIUM = one_of({k: v.value for k, v in MEDIA.items()})


def tables(classes: Mapping[str, str] = CLASSES, levels: Mapping[str, str] = LEVELS) -> tuple[Table, ...]:
    """The six tables. A site that names its classes or levels otherwise (1A … 5B) gives its own words."""
    products = {k: v.value for k, v in PRODUCTS.items()}
    skills = {k: v.value for k, v in SKILLS.items()}
    any_level = {**levels, **{f"{k}级": v for k, v in levels.items()}}
    return (
        Table(
            "sites",
            "站点",
            (
                Column("site", "站点", example=("S-01", "S-02"), help="Id of the site.", required=True),
                Column("name", "名称", example=("城东局", "某大厦")),
                Column("region", "区域", example=("东区", "东区"), help="Decides which team is sent."),
                Column("area", "市区郊县", one_of(AREAS), AREAS, ("市区", "郊县"), "city or suburb"),
                Column("power_feed", "市电", example=("F-1",), help="Sites on one feed lose their mains together."),
                Column("battery_minutes", "电池分钟", number(0, unit="minutes"), example=("240",)),
                Column("latitude", "纬度", number(-90, 90, "degrees"), example=("31.23",)),
                Column("longitude", "经度", number(-180, 180, "degrees"), example=("121.47",)),
                Column("address", "地址"),
            ),
        ),
        Table(
            "devices",
            "设备",
            (
                Column("device", "设备", example=("AGG-1", "CPE-1"), help="Id of the device.", required=True),
                Column("name", "名称"),
                Column(
                    "role",
                    "角色",
                    role,
                    {k: v.value for k, v in ROLES.items()},
                    ("汇聚", "客户端"),
                    "Decides who may be sent.",
                    unknown="presumed by where it stands, else access",
                ),
                Column("vendor", "厂商", example=("huawei",)),
                Column("site", "站点", example=("S-01", "S-02"), help="Where it stands."),
                Column("address", "管理地址", address, example=("192.0.2.1",), help="Empty: never polled by itself."),
                Column("credential", "凭据", example=("lab",), help="A name of [credentials.…] in config.toml."),
                Column(
                    "managed", "可管理", yes_no, _YES_NO, ("是", "否"), "no: its state is inferred from its neighbours."
                ),
            ),
        ),
        Table(
            "links",
            "链路",
            (
                Column("link", "链路", unspaced, example=("L-1",), help="Id of the link.", required=True),
                Column("a_device", "A端设备", example=("AGG-1",), required=True),
                Column("a_port", "A端端口", example=("GE0/0/1",), help="As people write it: GE0/0/1, gi 0/0/1."),
                Column("z_device", "Z端设备", example=("CPE-1",), required=True),
                Column("z_port", "Z端端口", example=("GE0/0/0",)),
                Column(
                    "medium",
                    "介质",
                    medium,
                    {k: v.value for k, v in MEDIA.items()},
                    ("光纤",),
                    unknown="counts as fibre",
                ),
                Column("cable", "光缆", several, example=("K-1 K-2",), help="The cables it runs through, in order."),
                Column("cores", "芯数", cores, example=("96",), help="Of the cable; decides the facility's limit."),
            ),
        ),
        Table(
            "customers",
            "客户",
            (
                Column("customer", "客户", example=("CU-1",), help="Id of the customer.", required=True),
                Column("name", "名称", example=("某银行",)),
                Column("level", "服务等级", one_of(any_level), levels, ("金牌",)),
                Column("important", "重要客户", yes_no, _YES_NO, ("是",)),
                Column("manager", "客户经理"),
                Column("contact", "联系人"),
                Column("phone", "电话"),
                Column("language", "语言", example=("zh",)),
            ),
        ),
        Table(
            "circuits",
            "电路",
            (
                Column("circuit", "电路", example=("C-1",), help="Id of the circuit.", required=True),
                Column("customer", "客户", example=("CU-1",)),
                Column("product", "产品", one_of(products), products, ("数据",)),
                Column(
                    "assurance",
                    "保障等级",
                    one_of(classes),
                    classes,
                    ("AA",),
                    "Empty: follows from the customer's level.",
                ),
                Column("bandwidth_mbps", "带宽", number(0, unit="Mbit/s"), example=("100",), help="Mbit/s"),
                Column("scope", "范围", one_of(SCOPES), SCOPES, ("本地",)),
                Column("a_device", "A端设备", example=("CPE-1",)),
                Column("a_port", "A端端口"),
                Column("z_device", "Z端设备", example=("AGG-1",)),
                Column("z_port", "Z端端口"),
                Column(
                    "working",
                    "主用路由",
                    several,
                    example=("L-1",),
                    help="Links in order from A to Z, separated by spaces.",
                ),
                Column("protecting", "备用路由", several, help="Links in order; empty: unprotected."),
                Column("over", "承载电路", help="The circuit that carries this overlay service."),
                Column("in_service", "开通日期", day, help="First day with service, for reports: 2026-11-02."),
                Column("ceased", "拆机日期", day, help="First day without, for reports; empty: in service."),
            ),
        ),
        Table(
            "teams",
            "班组",
            (
                Column("team", "班组", example=("T-1",), help="Id of the team.", required=True),
                Column("company", "代维公司", help="Empty: the carrier's own people."),
                Column("skills", "专业", many_of(skills), example=("线路 接入",), help=" ".join(skills.values())),
                Column("regions", "区域", several, example=("东区",)),
                Column("leader", "负责人"),
                Column("phone", "电话"),
                Column("channel", "通知渠道", several, example=("log",), help="Names of [channels.…] in config.toml."),
                Column("licences", "资质", several, example=("电工证",)),
            ),
        ),
    )
