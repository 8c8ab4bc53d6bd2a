"""What equipment's own clocks tell of the order of its messages: what was overtaken, kept, or is said twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netwatch.core.intervals import FOREVER, Pair
from netwatch.core.model import Observation, State
from netwatch.core.rules import AlarmRules
from netwatch.core.time import Instant
from netwatch.core.turns import Key


@dataclass(slots=True)
class Senders:
    """The latest that was believed of each sender's messages."""

    times: dict[tuple[str, str], tuple[Instant, Instant]] = field(default_factory=dict)
    """(device, component) → the latest time on its own clock that was believed, and when it was heard."""
    told: dict[Key, list[tuple[Instant, State]]] = field(default_factory=dict)
    """The last believed messages of each signal that carried their own time."""

    def overtaken(self, key: Key, occurred: Instant, said: Observation, rules: AlarmRules) -> bool:
        """Said late or twice, by the device's own clock.

        That clock may be hours wrong and may be set back; so only its differences count, and
        only small ones, of messages that were heard as close together.
        """
        clock, told = (key[0], key[1]), self.told.get(key, [])
        believed, heard = self.times.get(clock, (occurred, said.at))
        overtaken = believed - rules.reorder < occurred < believed and said.at - heard < rules.reorder
        if overtaken and not (said.state is State.OK and _set_back(told, occurred)):
            return True
        if (occurred, said.state) in (told if occurred < believed else told[-1:]):
            return True  # of one second's flaps, on a clock of whole seconds, only the last can be told again
        self.times[clock] = (occurred, said.at)
        self.told[key] = [*told, (occurred, said.state)][-_TOLD_KEPT:]
        return False

    def kept(self, key: Key, said: Observation, last: Sequence[Pair], rules: AlarmRules) -> bool:
        """Whether a raise was kept by its sender until the trouble it tells of was over.

        `last` are the last spans of all that it speaks about. Age alone proves nothing, for a clock may be wrong or
        may have been set; that it names the very time at which what is well again had failed is hardly chance.
        A port that was never heard before is taken to have the right time.
        """
        if said.occurred is None or said.state is not State.BAD:
            return False
        believed, heard = self.times.get((key[0], key[1]), (0, 0))
        then = said.occurred + heard - believed
        return bool(last) and all(
            abs(start - then) <= rules.agreement and end < FOREVER and said.at - then > rules.reorder
            for start, end in last
        )


def _set_back(told: Sequence[tuple[Instant, State]], cleared: Instant) -> bool:
    """Whether an old time on a clear is better explained by a clock that was set back than by others overtaking it.

    Raise and clear take turns: a clear that was overtaken has its place after a raise and before the next one. Where
    the signal has no later message, or where that place lies before all that is remembered, nobody can tell. A raise is
    left to the next poll, which repeats it if it is true; of a clear it may never speak.
    """
    before = [state for at, state in told if at <= cleared]
    after = [state for at, state in told if at > cleared]
    if not after or (not before and len(told) == _TOLD_KEPT):
        return False
    return not (after[0] is State.BAD and before[-1:] == [State.BAD])


_TOLD_KEPT = 4
"""Messages remembered per signal: whoever repeats himself repeats what he said last, and what came before that."""
