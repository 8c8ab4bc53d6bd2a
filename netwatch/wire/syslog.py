"""Hearing syslog: RFC 5424 and the many forms of RFC 3164, over UDP, TCP and TLS.

Forms of vendors differ in everything before the text, so that the header is not parsed at all: the sender is known by
its address, and the patterns of profiles look for what they know anywhere in the line. A line is a hint like a trap.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from re import _parser  # type: ignore[attr-defined] # nothing public takes a pattern apart
from typing import Any

from netwatch.core.model import Observation, Source, State
from netwatch.core.time import Instant
from netwatch.wire import decode, udp
from netwatch.wire.inbox import Inbox, observed
from netwatch.wire.names import PORTS, Box, Names
from netwatch.wire.nudges import Nudges
from netwatch.wire.profile import Profiles, Syslog
from netwatch.wire.stream import LONGEST, Streams, StreamStats

MOST_STRANGERS = 1_000
MOST_SHOWN = 200
"""Characters of an observation's value."""
_SYSLOG = Source.SYSLOG


@dataclass(slots=True)
class SyslogStats:
    heard: int = 0
    observed: int = 0
    strangers: Counter[str] = field(default_factory=Counter)
    streams: StreamStats = field(default_factory=StreamStats)


class _Line:
    """What lines of one form mean (`profile.Syslog`), and a word that all of them hold: most lines are of no interest,
    and to find no word in one takes a tenth of what it takes to find no pattern."""

    __slots__ = ("any_case", "bad", "of_ports", "ok", "rule", "search", "word")

    def __init__(self, rule: Syslog) -> None:
        self.rule, self.search = rule, rule.pattern.search
        self.any_case = bool(rule.pattern.flags & re.IGNORECASE)
        word = always_in(rule.pattern)
        self.word = word.casefold() if self.any_case else word
        self.bad, self.ok = (frozenset(word.lower() for word in words) for words in (rule.bad, rule.ok))
        self.of_ports = rule.condition in PORTS

    def state(self, word: str) -> State | None:
        return self.rule.state or (State.BAD if word in self.bad else State.OK if word in self.ok else None)


def always_in(pattern: re.Pattern[str]) -> str:
    """The longest run of characters that is in every text that the pattern finds; in some case, if it ignores case."""
    runs = [""]

    def follow(parts: Iterable[tuple[Any, Any]]) -> None:
        for kind, said in parts:
            if kind is _parser.LITERAL:
                runs[-1] += chr(said)
            elif kind is _parser.SUBPATTERN and not said[1] and not said[2]:  # a group, without flags of its own
                follow(said[3])
            else:
                runs.append("")

    follow(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    return max(runs, key=len)


class SyslogReader:
    """What a line means, by the profiles."""

    def __init__(self, profiles: Profiles) -> None:
        self._lines = [_Line(rule) for _, rule in profiles.lines]
        self._any_case = any(line.any_case for line in self._lines)

    def read(self, box: Box, text: str, at: Instant) -> Observation | None:
        folded = text.casefold() if self._any_case else text
        for line in self._lines:
            if line.word not in (folded if line.any_case else text) or (found := line.search(text)) is None:
                continue
            rule = line.rule
            if rule.condition is None:
                return None
            groups = found.groupdict()
            state = line.state((groups.get("state") or "").lower())
            if state is None:
                continue
            component = box.component(groups.get("component") or "", line.of_ports)
            if component is None:
                return None
            if rule.prefix and component:
                component = f"{rule.prefix} {component}"
            return observed(at, box.id, component, rule.condition, state, _SYSLOG, found[0][:MOST_SHOWN])
        return None


class SyslogListener:
    """Hears syslog by any of three ways: `open` for UDP, `open_stream` for TCP and TLS; `close` ends it."""

    def __init__(
        self,
        names: Names,
        profiles: Profiles,
        inbox: Inbox,
        clock: Callable[[], Instant],
        *,
        nudge: Callable[[str], None] | None = None,
        stats: SyslogStats | None = None,
    ) -> None:
        """`stats` of a former listener are gone on with."""
        self._names, self._inbox, self._clock, self._nudges = names, inbox, clock, Nudges(nudge)
        self._reader = SyslogReader(profiles)
        self._datagrams = udp.Datagrams(self._datagram)
        self._streams: dict[bool, Streams] = {}
        """By whether they speak TLS."""
        self.stats = stats or SyslogStats()

    def open(self, address: str = "0.0.0.0", port: int = 514, *, sock: socket.socket | None = None) -> int:  # noqa: S104
        """Start hearing UDP; returns the port. `sock` is an already bound socket (systemd). Raises OSError."""
        return self._datagrams.open(address, port, sock)

    def open_stream(
        self,
        address: str = "0.0.0.0",  # noqa: S104
        port: int = 601,
        *,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Hear TCP (RFC 6587), or TLS (RFC 5425), too; returns the port. Raises OSError."""
        sock = sock or udp.bind(address, port, socket.SOCK_STREAM)
        bound = int(sock.getsockname()[1])
        streams = Streams(self.hear, self._expected, tls=tls, stats=self.stats.streams)
        streams.open(sock)
        self._streams[tls is not None] = streams
        return bound

    def adopt(self, former: SyslogListener) -> None:
        """Connections of a former listener go on here."""
        for tls, streams in self._streams.items():
            if (before := former._streams.get(tls)) is not None:
                streams.adopt(before)

    def close(self) -> None:
        self._datagrams.close()
        for streams in self._streams.values():
            streams.close()
        self._streams.clear()

    def _datagram(self, data: bytes, source: Any) -> None:
        self.hear(data, source[0])

    def _expected(self, source: str) -> bool:
        if self._names.box_at(source) is not None:
            return True
        self._stranger(source)
        return False

    def _stranger(self, source: str) -> None:
        if len(self.stats.strangers) < MOST_STRANGERS or source in self.stats.strangers:
            self.stats.strangers[source] += 1

    def hear(self, data: bytes, source: str) -> None:
        """One message from this address."""
        self.stats.heard += 1
        box = self._names.box_at(source)
        if box is None:
            self._stranger(source)
            return
        seen = self._reader.read(box, decode.readable(data[:LONGEST].strip()), self._clock())
        if seen is None:
            return
        self.stats.observed += 1
        self._inbox.offer(seen, f"syslog {box.id}")
        self._nudges.put(box.id)
