"""How well the recorded nights are told when they are damaged on purpose: `python bench/damage.py [--markdown]`.

What was heard loses lines, traps, clears, devices; lines come late or twice, clocks are wrong; the ledger gets errors
of the sort that people make. CORPUS/scenarios/score.py judges each night as it stands: it knows nothing of the damage,
so what no evidence is left of counts as not found. But a link that the ledger lacks may be named by the devices that it
joins: it has no other name there. Same draw, same damage.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import runpy
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from netwatch.config import shipped
from netwatch.core.account import lines
from netwatch.core.model import Circuit, Ledger, Link, Port, Role
from netwatch.core.ports import normal
from netwatch.core.rules import Rules
from netwatch.knowledge import load_rules
from netwatch.ledger import read as read_ledger
from netwatch.night import read, replay

Line = dict[str, Any]
Truth = dict[str, Any]
ZONE = ZoneInfo("Asia/Shanghai")
MESSAGES = ("trap", "syslog")

# ---------------------------------------------------------------- what is heard


def _heard(line: Line) -> bool:
    return line["type"] == "observation"


def _is_trap(line: Line) -> bool:
    return _heard(line) and line["source"] in MESSAGES


def _lose(which: Callable[[Line], bool], share: float, night: list[Line], rng: random.Random) -> list[Line]:
    return [line for line in night if not (_heard(line) and which(line) and rng.random() < share)]


def _later(line: Line, key: str, seconds: float) -> Line:
    return line | {key: (datetime.fromisoformat(line[key]) + timedelta(seconds=seconds)).isoformat()}


def _end(night: list[Line]) -> str:
    """The last line's time is the end of the night: nothing may come after it."""
    return max((line["at"] for line in night), key=datetime.fromisoformat)


def _delay(share: float, most: float, night: list[Line], rng: random.Random) -> list[Line]:
    end = _end(night)
    out = []
    for line in night:
        if _heard(line) and rng.random() < share:
            line = _later(line, "at", rng.uniform(0, most))
            line["at"] = min(line["at"], end, key=datetime.fromisoformat)
        out.append(line)
    return out


def _double(share: float, most: float, night: list[Line], rng: random.Random) -> list[Line]:
    again = [line for line in night if _heard(line) and rng.random() < share]
    return night + _delay(1.0, most, [*again, night[-1]], rng)[: len(again)]


def _clocks(share: float, back: bool, night: list[Line], rng: random.Random) -> list[Line]:
    """Clocks off by minutes or hours; some set back or forth while it matters."""
    middle = sorted(night, key=lambda n: datetime.fromisoformat(n["at"]))[len(night) // 2]["at"]
    devices = sorted({line["device"] for line in night if _heard(line)})
    off = {d: rng.choice((-4, -45, 7, 95, 480, -480)) * 60 for d in devices if rng.random() < share}
    turn = {d: rng.choice((-3, -9, -61, 61, 9)) * 60 for d in devices if back and rng.random() < share}
    out = []
    for line in night:
        if _heard(line) and line.get("occurred"):
            late = datetime.fromisoformat(line["at"]) >= datetime.fromisoformat(middle)
            line = _later(line, "occurred", off.get(line["device"], 0) + (turn.get(line["device"], 0) if late else 0))
        out.append(line)
    return out


def _unpolled(share: float, night: list[Line], rng: random.Random) -> list[Line]:
    """Devices of which polling tells nothing all night; their traps arrive."""
    devices = sorted({line["device"] for line in night if _heard(line)})
    silent = set(rng.sample(devices, round(len(devices) * share)))
    return [line for line in night if not (_heard(line) and line["device"] in silent and not _is_trap(line))]


def _gaps(share: float, minutes: float, night: list[Line], rng: random.Random) -> list[Line]:
    """Devices that nothing is heard of for a while, from a moment that something was said of them on."""
    by_device: dict[str, list[datetime]] = {}
    for line in filter(_heard, night):
        by_device.setdefault(line["device"], []).append(datetime.fromisoformat(line["at"]))
    gaps = {d: rng.choice(by_device[d]) for d in sorted(by_device) if rng.random() < share}
    span = timedelta(minutes=minutes)

    def lost(line: Line) -> bool:
        began = gaps.get(line["device"])
        return began is not None and began <= datetime.fromisoformat(line["at"]) < began + span

    return [line for line in night if not (_heard(line) and lost(line))]


def _worst(night: list[Line], rng: random.Random) -> list[Line]:
    night = _lose(lambda _: True, 0.05, night, rng)
    night = _lose(_is_trap, 0.5, night, rng)
    night = _double(0.2, 90, night, rng)
    night = _delay(0.1, 60, night, rng)
    return _clocks(0.5, True, night, rng)


Spoil = Callable[[list[Line], random.Random], list[Line]]

HEARING: dict[str, Spoil] = {
    "none": partial(_lose, lambda _: False, 0.0),
    "5 % of the lines lost": partial(_lose, lambda _: True, 0.05),
    "10 % of the lines lost": partial(_lose, lambda _: True, 0.10),
    "20 % of the lines lost": partial(_lose, lambda _: True, 0.20),
    "30 % of the traps lost": partial(_lose, _is_trap, 0.3),
    "60 % of the traps lost": partial(_lose, _is_trap, 0.6),
    "90 % of the traps lost": partial(_lose, _is_trap, 0.9),
    "half of the traps' clears lost": partial(_lose, lambda n: _is_trap(n) and n["state"] == "ok", 0.5),
    "a fifth of all clears lost": partial(_lose, lambda n: n["state"] == "ok", 0.2),
    "a fifth up to 30 s late": partial(_delay, 0.2, 30),
    "a fifth up to 120 s late": partial(_delay, 0.2, 120),
    "a fifth up to 300 s late": partial(_delay, 0.2, 300),
    "all up to 30 s late": partial(_delay, 1.0, 30),
    "a third doubled up to 90 s later": partial(_double, 0.33, 90),
    "clocks wrong by minutes and hours": partial(_clocks, 1.0, False),
    "clocks wrong, and set in the middle": partial(_clocks, 1.0, True),
    "5 % of the devices never polled": partial(_unpolled, 0.05),
    "nothing of a fifth of the devices for 5 min": partial(_gaps, 0.2, 5),
    "much of it at once": _worst,
}

# ---------------------------------------------------------------- what the ledger says


class Book:
    """A ledger that errors are written into. `near` are the links at what broke: there an error is seen at once."""

    def __init__(self, ledger: Ledger, truth: Truth, rng: random.Random) -> None:
        self.rng = rng
        self.sites, self.devices = dict(ledger.sites), dict(ledger.devices)
        self.links, self.circuits = dict(ledger.links), dict(ledger.circuits)
        self.rest = ledger
        self.lost: list[Link] = []
        roots = {root["id"] for f in truth["faults"] for root in f["accept"]}
        self.near = sorted(
            k.id for k in ledger.links.values()
            if roots & {k.id, *k.cables, str(k.a), str(k.z), k.a.device, k.z.device, *map(self._site, (k.a, k.z))}
        )  # fmt: skip

    def _site(self, end: Port) -> str:
        known = self.devices.get(end.device)
        return known.site if known else ""

    def ledger(self) -> Ledger:
        return replace(self.rest, sites=self.sites, devices=self.devices, links=self.links, circuits=self.circuits)

    def some(self, share: float = 0.02) -> list[Link]:
        """Some links: each of what broke with an even chance, and a share of all."""
        anywhere = self.rng.sample(sorted(self.links), round(len(self.links) * share))
        broken = self.rng.sample(self.near, min(len(self.near), 1))
        return [self.links[i] for i in dict.fromkeys([*broken, *anywhere])]

    # ------------------------------------------------------------ errors

    def missing_link(self) -> None:
        for link in self.some():
            self.lost.append(self.links.pop(link.id))
        for c in list(self.circuits.values()):
            working, protecting = (tuple(i for i in way if i in self.links) for way in (c.working, c.protecting))
            self.circuits[c.id] = replace(c, working=working, protecting=protecting)

    def wrong_port(self) -> None:
        for link in self.some():
            end = link.a if self.rng.random() < 0.5 else link.z
            wrong = Port(end.device, f"{end.name}9")
            self.links[link.id] = replace(link, a=wrong) if end is link.a else replace(link, z=wrong)

    def swapped_ports(self) -> None:
        """Two links of one device, each written down at the other's port."""
        for link in self.some():
            others = [k for k in self.links.values() if k.a.device == link.a.device and k.id != link.id]
            if others:
                mine, other = self.links[link.id], self.rng.choice(others)
                self.links[link.id], self.links[other.id] = replace(mine, a=other.a), replace(other, a=mine.a)

    def swapped_ends(self) -> None:
        """A for Z, and each device at the other's port."""
        for link in self.some():
            self.links[link.id] = replace(link, a=Port(link.a.device, link.z.name), z=Port(link.z.device, link.a.name))

    def missing_duct(self) -> None:
        """Of several cables that a link runs through, the shared one is not written down."""
        for link in self.links.values():
            if len(link.cables) > 1 and self.rng.random() < 0.3:
                self.links[link.id] = replace(link, cables=link.cables[:1])

    def no_cable(self) -> None:
        for link in self.some():
            self.links[link.id] = replace(self.links[link.id], cables=())

    def wrong_cable(self) -> None:
        """A link written down in another's cable."""
        for link in self.some():
            other = self.links[self.rng.choice(sorted(self.links))]
            self.links[link.id] = replace(link, cables=other.cables)

    def short_route(self) -> None:
        """A link missing from the routes of some circuits."""
        self._routes(lambda way: tuple(i for n, i in enumerate(way) if n != self._place(way)))

    def wrong_route(self) -> None:
        self._routes(
            lambda way: tuple(
                self.rng.choice(sorted(self.links)) if n == self._place(way) else i for n, i in enumerate(way)
            )
        )

    def _place(self, way: tuple[str, ...]) -> int:
        return random.Random("".join(way)).randrange(len(way)) if way else 0

    def _routes(self, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        for c in self._some_circuits(0.05):
            self.circuits[c.id] = replace(c, working=change(c.working))

    def _some_circuits(self, share: float) -> list[Circuit]:
        names = self.rng.sample(sorted(self.circuits), max(1, round(len(self.circuits) * share)))
        return [self.circuits[name] for name in names]

    def wrong_site(self) -> None:
        for link in self.some():
            device = self.devices[link.a.device]
            self.devices[device.id] = replace(device, site=self.rng.choice(sorted(self.sites)))

    def no_site(self) -> None:
        for link in self.some():
            device = self.devices[link.a.device]
            self.devices[device.id] = replace(device, site="")

    def no_address(self) -> None:
        for link in self.some():
            for end in (link.a, link.z):
                self.devices[end.device] = replace(self.devices[end.device], address="")

    def wrong_role(self) -> None:
        for link in self.some():
            device = self.devices[link.a.device]
            if device.role not in (Role.OLT, Role.ONU, Role.CORE, Role.CPE):
                roles = (Role.ACCESS, Role.AGGREGATION, Role.TRANSMISSION)
                self.devices[device.id] = replace(device, role=self.rng.choice(roles))

    def twice(self) -> None:
        for link in self.some():
            self.links[f"{link.id}-2"] = replace(link, id=f"{link.id}-2")

    def wrong_class(self) -> None:
        for c in self._some_circuits(0.1):
            self.circuits[c.id] = replace(c, assurance=self.rng.choice(("AAA", "AA", "A", "standard", "")))

    def no_protection(self) -> None:
        for c in self._some_circuits(0.05):
            self.circuits[c.id] = replace(c, protecting=())

    def wrong_feed(self) -> None:
        for name in self.rng.sample(sorted(self.sites), max(1, len(self.sites) // 20)):
            feed = self.sites[self.rng.choice(sorted(self.sites))].power_feed
            self.sites[name] = replace(self.sites[name], power_feed=feed)


LEDGER: dict[str, Callable[[Book], None]] = {
    "links missing": Book.missing_link,
    "wrong ports": Book.wrong_port,
    "ports of two links swapped": Book.swapped_ports,
    "ports of A and Z swapped": Book.swapped_ends,
    "shared ducts missing": Book.missing_duct,
    "links without a cable": Book.no_cable,
    "links in another's cable": Book.wrong_cable,
    "links written down twice": Book.twice,
    "routes lack a link": Book.short_route,
    "routes with a wrong link": Book.wrong_route,
    "devices at a wrong site": Book.wrong_site,
    "devices at no site": Book.no_site,
    "devices without address": Book.no_address,
    "devices of a wrong role": Book.wrong_role,
    "circuits of a wrong class": Book.wrong_class,
    "protection not written down": Book.no_protection,
    "sites on a wrong feed": Book.wrong_feed,
}

# ---------------------------------------------------------------- what stands in its files

Row = dict[str, str]


class Files:
    """The CSV files of a ledger, row by row, as errors are typed into them."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.tables: dict[str, list[Row]] = {}
        for file in sorted(folder.glob("*.csv")):
            with file.open(encoding="utf-8-sig", newline="") as text:
                self.tables[file.stem] = list(csv.DictReader(text))
        self.encoding = "utf-8"

    def write(self, folder: Path) -> None:
        for name, rows in self.tables.items():
            with (folder / f"{name}.csv").open("w", encoding=self.encoding, newline="") as text:
                writer = csv.DictWriter(text, list(rows[0]) if rows else [name.removesuffix("s")])
                writer.writeheader()
                writer.writerows(rows)

    def _some(self, table: str, share: float) -> list[Row]:
        rows = self.tables[table]
        return self.rng.sample(rows, round(len(rows) * share))

    # ------------------------------------------------------------ errors

    def spelled(self) -> None:
        """Ports as somebody else writes them."""
        ways: tuple[Callable[[str], str], ...] = (
            lambda port: port.replace("GigabitEthernet", "GE"),
            lambda port: port.replace("GigabitEthernet", "gi "),
            lambda port: port.upper().replace("/", " / "),
            lambda port: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in port),
        )
        for row in (*self.tables["links"], *self.tables["circuits"]):
            for end in ("a_port", "z_port"):
                row[end] = self.rng.choice(ways)(row[end])

    def no_ports(self) -> None:
        for row in self._some("links", 0.2):
            row[self.rng.choice(("a_port", "z_port"))] = ""

    def columns(self) -> None:
        """The headers of both ports exchanged."""
        for row in self.tables["links"]:
            row["a_port"], row["z_port"] = row["z_port"], row["a_port"]

    def removed(self) -> None:
        """Devices that are gone and their links, on ports that others have had since."""
        for n, row in enumerate(self._some("links", 0.05)):
            old = next(d for d in self.tables["devices"] if d["device"] == row["z_device"])
            self.tables["devices"].append(old | {"device": f"OLD-{n}", "address": f"192.0.2.{n % 250 + 1}"})
            self.tables["links"].append(row | {"link": f"L-OLD-{n}", "z_device": f"OLD-{n}", "cable": ""})

    def disordered(self) -> None:
        """Routes from Z to A, and routes in no order."""
        for row in self.tables["circuits"]:
            for way in ("working", "protecting"):
                links = row[way].split()
                self.rng.shuffle(links)
                row[way] = " ".join(links if self.rng.random() < 0.5 else row[way].split()[::-1])

    def no_role(self) -> None:
        for row in self._some("devices", 0.1):
            row["role"] = ""

    def not_managed(self) -> None:
        for row in self._some("devices", 0.05):
            row["managed"] = "no"

    def managed(self) -> None:
        """Converters that nobody can ask, as if somebody could."""
        for row in self.tables["devices"]:
            row["managed"] = "yes"

    def no_converter(self) -> None:
        """A converter that nobody wrote down: one link instead of two."""
        for row in [d for d in self.tables["devices"] if d["role"] == "converter"]:
            name, links = row["device"], self.tables["links"]
            here = [k for k in links if name in (k["a_device"], k["z_device"])]
            if len(here) == 2 and self.rng.random() < 0.5:
                keep, gone = here
                far = "z" if gone["a_device"] == name else "a"
                near = "z" if keep["z_device"] == name else "a"
                keep[f"{near}_device"], keep[f"{near}_port"] = gone[f"{far}_device"], gone[f"{far}_port"]
                links.remove(gone)
                self.tables["devices"].remove(row)
                for c in self.tables["circuits"]:
                    for way in ("working", "protecting"):
                        c[way] = " ".join(i for i in c[way].split() if i != gone["link"])

    def wrong_pon(self) -> None:
        """ONUs at another's PON port and in its glass."""
        pons = [k for k in self.tables["links"] if k["medium"] == "pon"]
        for row in self.rng.sample(pons, round(len(pons) * 0.1)):
            other = self.rng.choice(pons)
            row["a_device"], row["a_port"], row["cable"] = other["a_device"], other["a_port"], other["cable"]

    def gbk(self) -> None:
        self.encoding = "gbk"


FILES: dict[str, Callable[[Files], None]] = {
    "files: ports in other spellings": Files.spelled,
    "files: a fifth of the links lack a port": Files.no_ports,
    "files: the columns of both ports exchanged": Files.columns,
    "files: devices and links long removed": Files.removed,
    "files: routes reversed or in no order": Files.disordered,
    "files: a tenth of the roles empty": Files.no_role,
    "files: some not managed": Files.not_managed,
    "files: converters as managed": Files.managed,
    "files: converters not written down": Files.no_converter,
    "files: ONUs at a wrong PON port": Files.wrong_pon,
    "files: in GBK": Files.gbk,
}

# ---------------------------------------------------------------- judging


@cache
def rules() -> Rules:
    return load_rules(lambda name: shipped("rules") / name)


@cache
def judgement(corpus: Path) -> Callable[[Path, Path], dict[str, Any]]:
    score: Callable[[Path, Path], dict[str, Any]] = runpy.run_path(str(corpus / "scenarios" / "score.py"))["score"]
    return score


def account(night: Path, damage: str, draw: int) -> tuple[list[dict[str, Any]], Truth]:
    """What is told of a night after a damage, and what was true."""
    rng = random.Random(f"{night.name} {damage} {draw}")
    text = (night / "journal.jsonl").read_text("utf-8").splitlines()
    truth: Truth = json.loads((night / "truth.json").read_text("utf-8"))
    ledger = _typed(night / "ledger", damage, rng)
    if damage in LEDGER:
        book = Book(ledger, truth, rng)
        LEDGER[damage](book)
        ledger = book.ledger()
        _accept(truth, book.lost, ledger)
    elif damage in FILES:
        _accept_spelling(truth, ledger)
    elif damage in HEARING:
        said = HEARING[damage]([json.loads(line) for line in text if line.strip()], rng)
        text = [json.dumps(line, ensure_ascii=False) for line in said]
    return replay(read(text, rules()), ledger, rules(), ZONE), truth


def _typed(folder: Path, damage: str, rng: random.Random) -> Ledger:
    """A ledger through its own door, with errors in its files. Raises UnusableError when it is refused."""
    if damage not in FILES:
        return read_ledger(folder, None, rules())[0]
    files = Files(folder, rng)
    FILES[damage](files)
    with tempfile.TemporaryDirectory() as scratch:
        files.write(Path(scratch))
        return read_ledger(Path(scratch), None, rules())[0]


def _accept(truth: Truth, lost: list[Link], ledger: Ledger) -> None:
    """What broke a link that the ledger lacks is named by what it joins, as nothing else of it is known there."""
    for link in lost:
        names = {link.id, *link.cables, str(link.a), str(link.z)} - ledger.cables.keys()
        ends = "~".join(sorted((link.a.device, link.z.device)))
        for fault in truth["faults"]:
            if any(root["id"] in names for root in fault["accept"]):
                fault["accept"].append({"kind": "link", "id": ends})


def _accept_spelling(truth: Truth, ledger: Ledger) -> None:
    """A port is named as the ledger writes it."""
    ends = {end for link in ledger.links.values() for end in (link.a, link.z)}
    written = {(end.device, normal(end.name)): str(end) for end in ends}
    for root in (root for fault in truth["faults"] for root in fault["accept"]):
        device, _, name = root["id"].partition(" ")
        if root["kind"] == "port":
            root["id"] = written.get((device, normal(name)), root["id"])


def judge(job: tuple[Path, str, int]) -> tuple[dict[str, Any], list[str]]:
    """What the corpus counts, and what went wrong in words."""
    night, damage, draw = job
    rows, truth = account(night, damage, draw)
    with tempfile.TemporaryDirectory() as scratch:
        true, told = Path(scratch) / "truth.json", Path(scratch) / "account.jsonl"
        true.write_text(json.dumps(truth), "utf-8")
        told.write_text(lines(rows), "utf-8")
        counted = judgement(night.parent.parent)(true, told)
    return counted, [f"{night.name}, {damage}, #{draw}: {what}" for what in _wrong(truth, rows, counted)]


def _wrong(truth: Truth, rows: list[dict[str, Any]], counted: dict[str, Any]) -> Iterator[str]:
    told = [r for r in rows if r["type"] == "fault"]
    names = {r["id"]: f"{r['root']['kind']} {r['root']['id']} ({r['domain']}, {r['opened'][11:19]})" for r in told}
    used: set[str] = set()
    for f in truth["faults"]:
        roots = {(a["kind"], a["id"]) for a in f["accept"]}
        until = datetime.fromisoformat(f["end"]) + timedelta(seconds=3 * truth["poll_seconds"])
        since = datetime.fromisoformat(f["start"]) - timedelta(seconds=5)
        hits = [
            r["id"]
            for r in told
            if (r["root"]["kind"], r["root"]["id"]) in roots
            and r["id"] not in used
            and datetime.fromisoformat(r["opened"]) < until
            and (r["cleared"] is None or datetime.fromisoformat(r["cleared"]) > since)
        ]
        used.update(hits)
        domains = {r["domain"] for r in told if r["id"] in hits}
        if not f.get("planned") and (len(hits) != 1 or domains != {f["domain"]}):
            span = f"{f['start'][11:19]}-{f['end'][11:19]}"
            what = ", ".join(names[i] for i in hits) or "nothing"
            yield f"{f['root']['kind']} {f['root']['id']} ({f['domain']}, {span}, {f['note']}) told as {what}"
    yield from (f"false {name}" for fault, name in names.items() if fault not in used)
    for what in ("outage", "exposure"):
        both, either = counted[what]
        if either > 120 and both / either < 0.95:
            yield f"{what} agrees to {both / either:.3f}"
    if counted["extra"] or counted["ticketed"] < counted["need"]:
        yield f"{counted['ticketed']} of {counted['need']} tickets, {counted['extra']} extra"


COLUMNS = ("root", "domain", "false", "outage", "exposure", "tickets", "extra", "late")


def shares(found: list[dict[str, Any]]) -> dict[str, float]:
    """As score.py shows its total."""

    def of(part: str, whole: str) -> float:
        return sum(s[part] for s in found) / max(1, sum(s[whole] for s in found))

    def agreed(what: str) -> float:
        both, either = (sum(s[what][n] for s in found) for n in (0, 1))
        return both / either if either else 1.0

    return {
        "root": of("named", "faults"),
        "domain": of("domain", "named"),
        "false": of("false", "faults"),
        "outage": agreed("outage"),
        "exposure": agreed("exposure"),
        "tickets": of("ticketed", "need"),
        "extra": of("extra", "need"),
        "late": statistics.median([late for s in found for late in s["late"]] or [0.0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("../shared"))
    parser.add_argument("--only", default="*", metavar="NAME,NAME", help="these nights; * and ? as in file names")
    parser.add_argument("--damage", default="*", metavar="NAME,NAME", help="these damages; * and ? likewise")
    parser.add_argument("--draws", type=int, default=1, help="how often each is drawn (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="a table instead of figures")
    parser.add_argument("--wrong", action="store_true", help="name what went wrong")
    options = parser.parse_args()
    if not (options.corpus / "scenarios" / "score.py").is_file():
        print(f"damage: SKIPPED, no recorded nights in {options.corpus}")
        return

    def asked(name: str, patterns: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns.split(","))

    nights = sorted(
        p.parent for p in options.corpus.glob("scenarios/*/journal.jsonl") if asked(p.parent.name, options.only)
    )
    damages = [d for d in (*HEARING, *LEDGER, *FILES) if asked(d, options.damage)]
    jobs = [(night, damage, draw) for damage in damages for draw in range(options.draws) for night in nights]
    with ProcessPoolExecutor(options.jobs) as pool:
        judged = list(pool.map(judge, jobs, chunksize=8))
    found: dict[str, list[dict[str, Any]]] = {}
    for (_, damage, _), (counted, _) in zip(jobs, judged, strict=True):
        found.setdefault(damage, []).append(counted)
    if options.markdown:
        print(f"| damage | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}")
    for damage, scores in found.items():
        row = shares(scores)
        if options.markdown:
            print(f"| {damage} | {' | '.join(f'{row[c]:.3f}' for c in COLUMNS)} |")
        else:
            for column in COLUMNS:
                unit = "s" if column == "late" else "share"
                print(json.dumps({"figure": f"{damage}: {column}", "value": round(row[column], 4), "unit": unit}))
    if options.wrong:
        for _, wrong in judged:
            print("\n".join(wrong), end="\n" if wrong else "")


if __name__ == "__main__":
    main()
