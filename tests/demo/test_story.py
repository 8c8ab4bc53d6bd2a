"""The story is told the same way however time is cut, and leaves the network whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.model import Root, RootKind
from netwatch.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from netwatch.demo.metro import SHELLS, VANTAGE, build
from netwatch.demo.plant import Act, Plant, Verb
from netwatch.demo.story import BEGINNING, ROUND, STORY, Ailment, Beat, Teller, Trouble, Window, Word

LEDGER = build()
ROUND_SPAN = ROUND * MINUTE


class Told:
    """A teller on a plant, and everything that it did and said."""

    def __init__(self) -> None:
        self.plant = Plant(LEDGER, VANTAGE)
        self.acts: list[Act] = []
        self.said: list[tuple[str, str, Instant]] = []
        self.teller = Teller(self._do, BEGINNING)
        self.teller.hear(self._hear)

    def _do(self, act: Act) -> None:
        self.acts.append(act)
        self.plant.do(act)

    def _hear(self, beat: Beat, how: str, at: Instant) -> None:
        self.said.append((beat.title, how, at))


@given(st.lists(st.integers(0, ROUND_SPAN), max_size=60))
@settings(max_examples=40, deadline=None)
def test_the_story_does_not_depend_on_how_often_one_looks(looks: list[int]) -> None:
    one, many = Told(), Told()
    for look in sorted(looks):
        many.teller.play(BEGINNING + look)
    for told in (one, many):
        told.teller.play(BEGINNING + ROUND_SPAN)
    assert one.said == many.said
    assert one.acts == many.acts


def test_after_a_round_everything_is_repaired_and_the_story_begins_again() -> None:
    told = Told()
    told.teller.play(BEGINNING + ROUND_SPAN - SECOND)
    assert all(h.ended is not None for h in told.teller.truth.happenings)
    assert [*told.plant.cut, *told.plant.off, *told.plant.hung, *told.plant.broken] == []
    assert told.plant.within_reach() == set(LEDGER.devices)
    first = list(told.said)
    told.teller.play(BEGINNING + 2 * ROUND_SPAN - SECOND)
    again = told.said[len(first) :]
    assert [(title, how, at + ROUND_SPAN) for title, how, at in first] == again


def test_the_first_hour_is_a_story_of_its_own() -> None:
    told = Told()
    told.teller.play(BEGINNING + 50 * MINUTE)
    assert len(told.teller.truth.happenings) == 9
    assert all(h.ended is not None for h in told.teller.truth.happenings)
    assert told.teller.next >= BEGINNING + HOUR


def test_a_jump_of_a_day_catches_up() -> None:
    told = Told()
    told.teller.play(BEGINNING + DAY)
    assert told.teller.next > BEGINNING + DAY


def test_what_a_crew_mends_early_ends_once() -> None:
    told = Told()
    told.teller.play(BEGINNING + 5 * MINUTE)
    happening = told.teller.truth.at(Root(RootKind.CABLE, "K-RING-3"))
    assert happening is not None
    told.teller.repaired(happening, BEGINNING + 6 * MINUTE)
    told.teller.repaired(happening, BEGINNING + 7 * MINUTE)
    assert happening.ended == BEGINNING + 6 * MINUTE
    assert "K-RING-3" not in told.plant.cut
    told.teller.play(BEGINNING + 60 * MINUTE)
    assert told.acts.count(Act(Verb.SPLICE, "K-RING-3")) == 1
    assert told.teller.truth.at(Root(RootKind.CABLE, "K-RING-3")) is None


def test_a_flapping_port_goes_down_and_up_and_ends_up() -> None:
    told = Told()
    told.teller.play(BEGINNING + 17 * MINUTE)
    changes = [a.verb for a in told.acts if a.target == "ACC-4 GigabitEthernet0/0/5"]
    assert len(changes) > 10
    assert all(a is not b for a, b in pairwise(changes[:-1])), "each change is a change"
    assert changes[-1] is Verb.REPLACE


def test_every_beat_is_about_something_that_exists() -> None:
    ports = {str(p) for x in LEDGER.links.values() for p in (x.a, x.z)}
    known = {
        RootKind.CABLE: set(LEDGER.cables),
        RootKind.LINK: set(LEDGER.links),
        RootKind.PORT: ports,
        RootKind.DEVICE: set(LEDGER.devices),
        RootKind.POWER: set(LEDGER.sites),
        RootKind.PREMISES: set(LEDGER.devices),
        RootKind.AGENT: set(LEDGER.devices),
        RootKind.CIRCUIT: set(LEDGER.circuits),
    }
    for beat in STORY:
        match beat:
            case Window():
                kind, _, name = beat.scope.partition(" ")
                assert name in {"device": LEDGER.devices, "cable": LEDGER.cables}[kind]
                covered = [t for t in STORY if isinstance(t, Trouble) and t.planned and t.act.target == name]
                assert covered
                for trouble in covered:
                    assert beat.start < trouble.at
                    assert trouble.at + trouble.lasts < beat.end
            case Ailment():
                assert beat.act.target.partition(" ")[0] in SHELLS, "who is to tell of it?"
            case Trouble() | Word():
                assert beat.names
                for root in beat.names:
                    assert root.id in known[root.kind]


def test_a_crew_that_is_sent_has_time_to_help() -> None:
    for beat in STORY:
        if isinstance(beat, Trouble | Word) and beat.fix is not None:
            assert beat.fix < beat.lasts
