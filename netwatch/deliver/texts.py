"""What a message says: a template for each kind and language; the first line is the title.

`templates/{zh,en}/NAME.txt` are shipped; a file of that name in the site's `templates/` replaces it. Templates see the
data of the effect (absent keys are undefined: ask with `is defined`) and `at`, `now`, `template`, `subject`,
`audience`, `channel`, `netwatch` (its name); the filters `when` (an instant, in the site's zone), `word` (a word of the
model in the reader's language), `span` (seconds in words) and `few` (a list, cut short).
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from netwatch.core.tickets.sends import Send, Value
from netwatch.core.time import Instant, moment, parse
from netwatch.deliver.channel import Message
from netwatch.findings import Finding

log = logging.getLogger(__name__)

LANGUAGES = ("zh", "en")
SHIPPED = Path(__file__).parent / "templates"
_PLAIN = "plain"
"""The template for a message that has none."""


_TIMES = frozenset(
    {
        "opened",
        "deadline",
        "facility_deadline",
        "battery_end",
        "started",
        "restored",
        "cleared",
        "dispatched",
        "closed",
        "start",
        "end",
    }
)
"""Keys that hold a time, as an instant or in ISO 8601; templates see instants."""


@dataclass(frozen=True)
class Texts:
    zone: ZoneInfo
    own: Path | None = None
    """The folder of the site's own templates; need not exist."""
    name: str = ""
    """What this NetWatch is called (`site.name`)."""
    _broken: set[str] = field(default_factory=set)

    def render(self, send: Send, language: str, now: Instant, extra: Mapping[str, Value] | None = None) -> Message:
        """The message. Never fails for want of a good template: a site's own that is broken gives way to the shipped
        one, and that to a plain list of the data; a warning says so once."""
        data: dict[str, Value] = {
            key: value for key, value in {**send.data, **(extra or {})}.items() if value not in (None, "", ())
        }
        title, text = self._text(send.template, language, {**_timed(data), **self._about(send, now)})
        page = self._shipped[language].get_template("mail.html").render(title=title, text=text, data=data)
        return Message(send.key, send.audience, send.template, send.subject, send.at, title, text, page, data)

    def _about(self, send: Send, now: Instant) -> dict[str, Value]:
        return {
            "at": send.at,
            "now": now,
            "template": send.template,
            "subject": send.subject,
            "audience": send.audience,
            "channel": send.channel,
            "netwatch": self.name,
        }

    def _text(self, name: str, language: str, values: Mapping[str, Any]) -> tuple[str, str]:
        for environments, template in ((self._all, name), (self._shipped, name), (self._shipped, _PLAIN)):
            try:
                return self._framed(environments[language], template, values)
            except TemplateNotFound as error:
                if error.name != f"{template}.txt":
                    self._warn(f"{language}/{template}.txt", error)
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                self._warn(f"{language}/{template}.txt", error)
        raise AssertionError("the plain template fits any data")

    def _framed(self, environment: Environment, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        body = environment.get_template(f"{name}.txt").render(values)
        title, _, text = body.strip().partition("\n")
        if not title:
            raise ValueError("the template came out empty")
        framed = environment.get_template("_frame.txt").render({**values, "title": title, "text": text.strip()})
        title, _, text = framed.strip().partition("\n")
        return " ".join(title.split()), text.strip()

    def _warn(self, place: str, error: Exception) -> None:
        if place not in self._broken:
            self._broken.add(place)
            log.warning("template %s does not fit and is left aside: %s", place, error)

    def check(self, samples: Sequence[Send], now: Instant) -> Iterator[Finding]:
        """What is wrong with the site's own templates, tried on `samples`."""
        for language in LANGUAGES:
            for send in samples:
                place = None if self.own is None else self.own / language / f"{send.template}.txt"
                if place is None or not place.exists():
                    continue
                try:
                    values = {**_timed(send.data), **self._about(send, now)}
                    self._framed(self._all[language], send.template, values)
                except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                    line = getattr(error, "lineno", None)
                    yield Finding(f"{place}:{line}" if line else str(place), str(error), "compare the shipped one")

    @cached_property
    def _all(self) -> Mapping[str, Environment]:
        return {language: self._environment(language, self.own) for language in LANGUAGES}

    @cached_property
    def _shipped(self) -> Mapping[str, Environment]:
        return {language: self._environment(language, None) for language in LANGUAGES}

    def _environment(self, language: str, own: Path | None) -> Environment:
        folders = [] if own is None else [own / language]
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([*folders, SHIPPED / language, SHIPPED]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        words = tomllib.loads((SHIPPED / language / "words.toml").read_text(encoding="utf-8"))

        def word(value: object) -> str:
            return str(words["words"].get(str(value), value))

        def span(seconds: float) -> str:
            hours, minutes = divmod(round(abs(seconds) / 60), 60)
            parts = [f"{hours}{words['units']['hour']}"] if hours else []
            if minutes or not hours:
                parts.append(f"{minutes}{words['units']['minute']}")
            return str(words["units"]["between"]).join(parts)

        def few(values: Sequence[object], most: int = 10) -> str:
            shown = str(words["units"]["comma"]).join(map(str, values[:most]))
            more = str(words["units"]["more"]).format(len(values) - most)
            return shown + more if len(values) > most else shown

        environment.filters.update(word=word, span=span, few=few, when=self._when)
        return environment

    def _when(self, at: object) -> str:
        """Month, day and minute; a message is read within the year. What is no instant stays as it is."""
        return moment(at, self.zone).strftime("%m-%d %H:%M") if isinstance(at, int) else str(at)


def _timed(data: Mapping[str, Value]) -> dict[str, Value]:
    return {key: _instant(value) if key in _TIMES else value for key, value in data.items()}


def _instant(value: Value) -> Value:
    try:
        return parse(value) if isinstance(value, str) else value
    except ValueError:
        return value
