"""What is believed of what equipment says: the latest word, each word once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from core_metro import RULES, Builder, at, back, dark, lit, metro, say, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from netwatch.core.alarms import Evidence, Heard, Track
from netwatch.core.fading import fade, listen_anew
from netwatch.core.intervals import FOREVER
from netwatch.core.model import Condition, Observation, Role, State
from netwatch.core.topology import Network
from netwatch.core.turns import Habits

NET = Network(metro().ledger())
LIGHT = ("link", "R0")


def heard(facts: Iterable[Observation], net: Network = NET) -> Evidence:
    evidence = Evidence()
    for fact in facts:
        evidence.hear(fact, net, RULES.alarms)
    return evidence


def spans(evidence: Evidence, kind: str, name: str) -> list[tuple[float, float | None]]:
    """The spans of a track in seconds after T0; None for an open end."""
    track = evidence.tracks.get((kind, name), Track())
    return [((s - at(0)) / 1e6, None if e == FOREVER else (e - at(0)) / 1e6) for s, e in track.spans]


# ---------------------------------------------------------------- which thing a word is about


@pytest.mark.parametrize(
    ("where", "condition", "tracks"),
    [
        ("AGG-1 GE0/0/1", "link", [("link", "R0")]),
        ("AGG-1 GigabitEthernet0/0/1", "los", [("link", "R0")]),
        ("AGG-1 GE0/0/1", "ais", [("ais", "R0")]),
        ("AGG-1 GE0/0/1", "hardware", [("link", "R0")]),
        ("AGG-1 GE0/0/1", "admin", [("admin", "R0")]),
        ("AGG-1 GE0/0/1", "adjacency", [("adjacency", "R0")]),
        ("AGG-1", "reachable", [("device", "AGG-1")]),
        ("CPE-1", "dying_gasp", [("device", "CPE-1")]),
        ("OLT-1 gpon-0/0/1/ONU-2", "onu", [("device", "ONU-2")]),
        ("OLT-1 gpon-0/0/1/ONU-2", "dying_gasp", [("device", "ONU-2")]),
        ("OLT-1 gpon-0/0/1/ONU-9", "onu", []),
        ("OLT-1 gpon-0/0/1", "los", [("link", f"O{n}") for n in range(1, 5)]),
        ("AGG-1", "agent", [("agent", "AGG-1")]),
        ("ACC-1", "mains", [("site", "S-ACC-1")]),
        ("AGG-2 GE0/9/9", "link", [("port", "AGG-2 GE0/9/9")]),
        ("AGG-2 GE0/9/9", "adjacency", []),
        ("AGG-1 GE0/0/1", "rdi", [("rdi", "R0")]),
        ("AGG-2 GE7/7/7", "link", []),
        ("AGG-2", "link", []),
        ("ACC-1", "battery", []),
        *(
            ("AGG-1 GE0/0/1", c, [])
            for c in (
                "optical",
                "errors",
                "protection",
                "loss",
                "latency",
                "temperature",
                "fan",
                "supply",
                "reboot",
            )
        ),
    ],
)
def test_a_word_is_evidence_about_the_thing_it_speaks_of(
    where: str, condition: str, tracks: list[tuple[str, str]]
) -> None:
    assert sorted(heard([say(0, where, condition)]).tracks) == sorted(tracks)


def test_a_battery_counts_where_the_mains_had_failed() -> None:
    evidence = heard([say(0, "ACC-1", "mains"), say(9, "ACC-1", "battery")])
    assert evidence.tracks[("site", "S-ACC-1")].signals.keys() == {
        ("ACC-1", "", Condition.MAINS),
        ("ACC-1", "", Condition.BATTERY),
    }


# ---------------------------------------------------------------- the latest word


def test_the_latest_word_wins_from_whichever_end() -> None:
    evidence = heard([*dark(0, "CORE-1 GE0/0/1", "AGG-1 GE0/0/1"), *lit(40, "AGG-1 GE0/0/1")])
    assert spans(evidence, "link", "R0") == [(0, 40)]


def test_a_second_trouble_after_a_clear_is_a_second_span() -> None:
    evidence = heard([*dark(0, "AGG-1 GE0/0/1"), *lit(40, "AGG-1 GE0/0/1"), *dark(90, "CORE-1 GE0/0/1")])
    assert spans(evidence, "link", "R0") == [(0, 40), (90, None)]


def test_repetition_changes_nothing() -> None:
    once = [*dark(0, "AGG-1 GE0/0/1"), *silent(5, "AGG-1"), *back(70, "AGG-1"), *lit(75, "AGG-1 GE0/0/1")]
    assert heard([f for f in once for _ in (1, 2, 3)]).tracks == heard(once).tracks


def test_a_clear_of_what_nobody_ever_raised_is_no_news() -> None:
    evidence = Evidence()
    assert evidence.hear(say(0, "AGG-1 GE0/0/1", "link", "ok"), NET, RULES.alarms) == Heard()
    assert (evidence.signals, evidence.tracks) == ({}, {})


def test_what_could_not_be_told_neither_raises_nor_clears() -> None:
    evidence = heard([say(0, "AGG-1 GE0/0/1", "link"), say(20, "AGG-1 GE0/0/1", "link", "unknown")])
    assert spans(evidence, "link", "R0") == [(0, None)]
    assert heard([say(0, "AGG-1 GE0/0/1", "link", "unknown")]).tracks == {}


def test_ping_does_not_clear_what_snmp_said_and_the_reverse() -> None:
    evidence = heard([say(0, "AGG-1", "agent"), *back(10, "AGG-1")])
    assert spans(evidence, "agent", "AGG-1") == [(0, None)]
    evidence = heard([*silent(0, "AGG-1"), say(10, "AGG-1", "agent", "ok", "poll")])
    assert spans(evidence, "device", "AGG-1") == [(0, None)]


@pytest.mark.parametrize(
    "sign",
    [
        say(30, "AGG-1 GE0/0/2", "link", "ok", "poll"),
        say(30, "AGG-1 GE0/0/2", "los", "ok"),
        say(30, "AGG-1", "reboot"),
        say(30, "AGG-1", "temperature", "ok"),
        say(30, "AGG-1", "reachable", "ok"),
        say(30, "CORE-1 GE0/0/1", "link", "ok"),
    ],
    ids=lambda s: f"{s.device} {s.component} {s.condition}",
)
def test_a_sign_of_life_ends_a_silence(sign: Observation) -> None:
    evidence = heard([*silent(0, "AGG-1"), *dark(0, "CORE-1 GE0/0/1"), sign])
    assert spans(evidence, "device", "AGG-1") == [(0, 30)]


def test_bad_news_of_a_device_is_no_sign_that_it_answers() -> None:
    evidence = heard([*silent(0, "AGG-1"), *dark(30, "AGG-1 GE0/0/2")])
    assert spans(evidence, "device", "AGG-1") == [(0, None)]


def test_stragglers_of_a_silence_that_others_ended_are_not_believed_at_once() -> None:
    base = [*silent(0, "AGG-1"), *dark(0, "CORE-1 GE0/0/1"), *lit(30, "CORE-1 GE0/0/1")]
    assert spans(heard([*base, *silent(59, "AGG-1")]), "device", "AGG-1") == [(0, 30)]
    assert spans(heard([*base, *silent(61, "AGG-1")]), "device", "AGG-1") == [(0, 30), (61, None)]


def test_a_device_that_answered_by_itself_and_fell_silent_again_is_believed_at_once() -> None:
    assert spans(heard([*silent(0, "AGG-1"), *back(30, "AGG-1"), *silent(35, "AGG-1")]), "device", "AGG-1") == [
        (0, 30),
        (35, None),
    ]


# ---------------------------------------------------------------- late and doubled, by the equipment's own clock

PORT = "AGG-1 GE0/0/1"


def test_a_clear_that_overtook_its_raise_leaves_nothing_open() -> None:
    evidence = heard([say(2, PORT, "link", "ok", occurred=1), say(3, PORT, "link", occurred=0)])
    assert spans(evidence, "link", "R0") == []


def test_a_raise_that_arrives_after_its_clear_does_not_open_it_again() -> None:
    facts = [
        say(1, PORT, "link", occurred=0),
        say(9, PORT, "link", "ok", occurred=8),
        say(20, PORT, "link", occurred=4),
    ]
    assert spans(heard(facts), "link", "R0") == [(1, 9)]


@pytest.mark.parametrize("hours", [-30, -8, 0, 3.5, 24 * 365])
@pytest.mark.parametrize("later", [1, 60, 599, 5_000])
def test_a_trap_told_again_later_with_its_old_time_changes_nothing(hours: float, later: float) -> None:
    wrong = hours * 3600
    facts = [say(1, PORT, "link", occurred=wrong), say(400, PORT, "link", "ok", occurred=wrong + 399)]
    again = say(400 + later, PORT, "link", occurred=wrong)
    assert spans(heard([*facts, again]), "link", "R0") == [(1, 400)]


FAR = "CORE-1 GE0/0/1"
CUT = [say(3, FAR, "link", occurred=1), say(1600, FAR, "link", "ok", occurred=1598)]


def test_a_raise_that_its_sender_kept_until_the_trouble_was_over_tells_of_then() -> None:
    evidence = heard([*CUT, say(1900, PORT, "los", occurred=0), say(1960, PORT, "los", occurred=0)])
    assert spans(evidence, "link", "R0") == [(3, 1600)]
    assert evidence.tracks[LIGHT].signals["AGG-1", "GE0/0/1", Condition.LOS] == [(at(3), at(1600))]


@pytest.mark.parametrize("wrong", [-28800, 3600])
def test_a_kept_raise_is_known_on_a_wrong_clock_that_was_heard_before(wrong: int) -> None:
    before = [say(t - 5000, PORT, "link", s, occurred=t - 5001 + wrong) for t, s in ((0, "bad"), (9, "ok"))]
    assert spans(heard([*before, *CUT, say(1900, PORT, "los", occurred=wrong)]), "link", "R0")[-1] == (3, 1600)


@pytest.mark.parametrize("told", [-28800, -600, 900, 1899])
def test_a_raise_whose_time_names_no_trouble_that_is_over_is_believed_however_old_it_looks(told: int) -> None:
    assert spans(heard([*CUT, say(1900, PORT, "los", occurred=told)]), "link", "R0") == [(3, 1600), (1900, None)]


def test_a_raise_that_comes_late_while_the_trouble_lasts_is_believed() -> None:
    evidence = heard([CUT[0], say(1500, PORT, "los", occurred=0)])
    assert evidence.signals["AGG-1", "GE0/0/1", Condition.LOS].state is State.BAD


def test_a_clock_that_was_set_back_is_believed_when_it_says_new_things() -> None:
    facts = [
        say(1, PORT, "link", occurred=7200),
        say(300, PORT, "link", "ok", occurred=299),
        say(900, PORT, "link", occurred=899),
    ]
    assert spans(heard(facts), "link", "R0") == [(1, 300), (900, None)]


@pytest.mark.parametrize("back_by", [5, 30, 240, 590])
def test_a_clear_counts_though_the_clock_was_set_back_by_minutes_meanwhile(back_by: int) -> None:
    facts = [say(t, PORT, w, occurred=t) for t, w in ((1, "link"), (2, "los"))]
    facts += [say(60, PORT, w, "ok", occurred=60 - 90 - back_by) for w in ("link", "los")]
    assert spans(heard(facts), "link", "R0") == [(1, 60)]


def test_a_clear_counts_though_the_clock_was_set_back_after_earlier_flaps() -> None:
    flaps = [say(t, PORT, "link", s, occurred=1000 + t) for t, s in ((0, "bad"), (100, "ok"), (500, "bad"))]
    assert spans(heard([*flaps, say(560, PORT, "link", "ok", occurred=1260)]), "link", "R0") == [(0, 100), (500, 560)]


def test_a_clear_that_the_next_raise_overtook_is_not_taken_for_a_clock_that_was_set_back() -> None:
    facts = [
        say(0, PORT, "link", occurred=0),
        say(20, PORT, "link", occurred=20),
        say(30, PORT, "link", "ok", occurred=10),
    ]
    assert spans(heard(facts), "link", "R0") == [(0, None)]


def test_a_clear_from_before_all_that_is_remembered_proves_nothing() -> None:
    flaps = [say(n, PORT, "link", "ok" if n % 2 else "bad", occurred=n) for n in range(31)]
    assert spans(heard([*flaps, say(90, PORT, "link", "ok", occurred=3)]), "link", "R0")[-1] == (30, None)


def test_flaps_within_one_second_of_a_coarse_clock_are_all_believed() -> None:
    facts = [say(1 + n / 10, PORT, "link", "ok" if n % 2 else "bad", occurred=0) for n in range(4)]
    assert spans(heard(facts), "link", "R0") == [(1, 1.1), (1.2, 1.3)]


def test_polling_is_believed_whatever_clock_it_carries() -> None:
    facts = [say(1, PORT, "link", occurred=500), say(60, PORT, "link", "ok", "poll", occurred=0)]
    assert spans(heard(facts), "link", "R0") == [(1, 60)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 500), st.booleans()), min_size=1, max_size=8), st.data())
def test_traps_told_again_up_to_ten_minutes_later_change_nothing(
    steps: list[tuple[int, bool]], data: st.DataObject
) -> None:
    facts, t = [], 0
    for gap, bad in steps:
        t += gap
        facts.append(say(t, PORT, "link", "bad" if bad else "ok", occurred=t - 1))
    again = [
        say((f.at - at(0)) / 1e6 + data.draw(st.integers(0, 500)), PORT, "link", f.state, occurred=(f.at - at(1)) / 1e6)
        for f in data.draw(st.lists(st.sampled_from(facts), max_size=3))
    ]
    everything = sorted([*facts, *again], key=lambda f: f.at)
    assert spans(heard(everything), "link", "R0") == spans(heard(facts), "link", "R0")


# ---------------------------------------------------------------- quarantine and echo


def test_silence_in_quarantine_counts_again_only_when_it_is_said_again_and_from_then_on() -> None:
    evidence = heard(silent(0, "CPE-1"))
    evidence.tracks[("device", "CPE-1")].quarantine = at(100)
    evidence.hear(silent(130, "CPE-1")[0], NET, RULES.alarms)
    assert spans(evidence, "device", "CPE-1") == [(0, None)], "within the grace it may tell of the time before"
    evidence.hear(silent(131, "CPE-1")[0], NET, RULES.alarms)
    assert spans(evidence, "device", "CPE-1") == [(131, None)]
    assert evidence.tracks[("device", "CPE-1")].quarantine is None


def test_an_echo_that_is_heard_anew_is_no_echo_any_more() -> None:
    evidence = heard([*silent(0, "CPE-1"), *back(50, "CPE-1")])
    evidence.tracks[("device", "CPE-1")].echo = True
    evidence.hear(silent(200, "CPE-1")[0], NET, RULES.alarms)
    assert not evidence.tracks[("device", "CPE-1")].echo


# ---------------------------------------------------------------- fading


def polled(n: int = 5, every: int = 60, until: int = 600) -> list[Observation]:
    """`n` customers' ports that polling keeps calling bad."""
    return [say(t, f"X-{k} GE1", "link", source="poll") for t in range(0, until + 1, every) for k in range(n)]


def fading_net() -> Network:
    b: Builder = metro()
    for k in range(6):
        b.device(f"X-{k}", Role.ACCESS)
        b.circuit(f"CX{k}", f"X-{k} GE1", "CORE-1", "")
    return Network(b.ledger())


def faded(facts: list[Observation], now: float, net: Network | None = None) -> tuple[list[tuple[str, str]], Evidence]:
    net = net or fading_net()
    evidence = heard(sorted(facts, key=lambda f: f.at), net)
    return fade(evidence, at(now), net, RULES.alarms)[0], evidence


PRAISE = [say(5, f"PRAISED-{n}", "reachable", "ok") for n in range(50)]
"""A poller that also tells what is well."""


def test_a_traps_bad_news_that_polling_never_bore_out_ends_where_polling_repeats_bad_news() -> None:
    ended, evidence = faded([*polled(), say(100, PORT, "link")], 281)
    assert ended == [LIGHT]
    assert spans(evidence, "link", "R0") == [(100, 160)]
    assert {s.state for k, s in evidence.signals.items() if k[0] == "AGG-1"} == {State.OK}


def test_it_does_not_end_before_three_cycles_and_says_when_to_look_again() -> None:
    net = fading_net()
    evidence = heard(sorted([*polled(), say(100, PORT, "link")], key=lambda f: f.at), net)
    assert fade(evidence, at(279), net, RULES.alarms) == ([], at(280))


@pytest.mark.parametrize(
    "facts",
    [
        [*polled(1), say(100, PORT, "link")],
        [say(100, PORT, "link")],
        [*polled(until=60), say(100, PORT, "link")],
        [*polled(), say(100, PORT, "link"), say(160, PORT, "link", source="poll")],
        [*polled(), say(100, PORT, "link"), *silent(200, "AGG-1")],
        [*polled(), say(100, PORT, "link"), say(200, "AGG-1", "agent")],
        [*polled(), say(100, "OLT-1 gpon-0/0/1/ONU-1", "onu", source="poll")],
        [*polled(), *dark(100, PORT)],
    ],
    ids=[
        "too few have shown that polling repeats",
        "nobody has",
        "no rhythm yet",
        "polling itself saw it",
        "the one who would say it is silent",
        "its agent hangs",
        "polling said it",
        "nobody has shown that polling repeats loss of light",
    ],
)
def test_bad_news_stays_while_nobody_could_have_repeated_it(facts: list[Observation]) -> None:
    assert faded([*facts, *PRAISE], 100_000)[0] == []


def test_what_polling_saw_ends_with_its_silence_where_it_tells_of_changes_alone() -> None:
    seen = [say(t, PORT, "link", "bad", "poll") for t in (100, 160, 220, 280)]
    assert LIGHT not in faded([*polled(until=280), *seen], 280 + 359)[0], "six cycles are not over"
    ended, evidence = faded([*polled(until=280), *seen], 280 + 361)
    assert LIGHT in ended
    assert spans(evidence, "link", "R0") == [(100, 340)]


def test_a_poller_that_repeats_good_news_and_falls_silent_has_stopped_and_proves_nothing() -> None:
    seen = [say(t, PORT, "link", "bad", "poll") for t in (100, 160, 220, 280)]
    assert faded([*polled(until=280), *seen, *PRAISE], 100_000)[0] == []


def flapping(turns: int, hits: Iterable[int] = ()) -> list[Observation]:
    """A link that is dark for twenty of every ninety seconds, by traps; polling at each full minute sees some of it."""
    facts = [f for n in range(turns) for f in (say(n * 90, PORT, "link"), say(n * 90 + 20, PORT, "link", "ok"))]
    for t in range(10, turns * 90, 60):
        now = t % 90 < 20
        before = (t - 60) % 90 < 20 and t >= 60
        if now or before:
            facts.append(say(t, PORT, "link", "bad" if now else "ok", "poll"))
    return facts


def test_the_last_raise_of_a_flap_whose_clear_was_lost_ends_by_polling_that_saw_the_flaps_and_not_this_one() -> None:
    """No port stays bad for long: that polling speaks again of what it found bad shows how often it asks."""
    seen = [f for end in (PORT, "CORE-1 GE0/0/1") for f in elsewhere(flapping(14), end)]
    last = say(14 * 90, PORT, "link")
    ended, evidence = faded([*seen, last], 14 * 90 + 181)
    assert ended == [LIGHT]
    assert spans(evidence, "link", "R0")[-1] == (14 * 90, 14 * 90 + 60)
    assert faded([*seen, last], 14 * 90 + 179)[0] == []


def test_what_a_poller_repeated_of_this_very_thing_is_over_when_it_repeats_it_no_more() -> None:
    repeated = [say(n * 60, PORT, "link", "bad", "poll") for n in range(6)]
    assert faded(repeated, 300 + 359)[0] == []
    assert faded(repeated, 300 + 360)[0] == [LIGHT]


def test_what_a_poller_says_once_stays_where_it_was_never_heard_to_repeat_itself() -> None:
    """One that tells of changes alone shows by flaps how often it asks, and will not say again what lasts."""
    asked = [
        say(n * 180 + t, end, "link", s, "poll")
        for end in (PORT, "CORE-1 GE0/0/1", "X-1 GE1")
        for n in range(6)
        for t, s in ((0, "bad"), (60, "ok"))
    ]
    assert faded([*asked, say(1200, PORT, "link", "bad", "poll")], 100_000)[0] == []
    assert faded([*asked, say(1200, PORT, "link")], 1381)[0] == [LIGHT], "of a trap it would have told the change"
    dark_for_it = [say(1200, PORT, "link", "bad", "poll"), say(1230, PORT, "link", "ok"), say(1240, PORT, "link")]
    assert faded([*asked, *dark_for_it], 100_000)[0] == [], "for it nothing has changed"


def test_a_flap_that_ends_with_the_link_down_is_not_presumed_over_while_polling_says_so() -> None:
    seen = [f for end in (PORT, "CORE-1 GE0/0/1") for f in elsewhere(flapping(14), end)]
    last = [say(14 * 90, PORT, "link"), *(say(t, PORT, "link", "bad", "poll") for t in range(1270, 4000, 60))]
    assert faded([*seen, *last], 4000)[0] == []


def elsewhere(facts: Iterable[Observation], where: str) -> list[Observation]:
    device, _, component = where.partition(" ")
    return [replace(f, device=device, component=component) for f in facts]


def test_words_of_polling_that_were_late_or_lost_do_not_hide_its_rhythm() -> None:
    late = [0, 60, 95, 180, 240, 360, 420, 480, 545, 600]
    shown = heard([say(t, PORT, "link", "bad", "poll") for t in late]).habits
    assert shown.beats == {Condition.LINK: {("AGG-1", "GE0/0/1", Condition.LINK): at(60) - at(0)}}


def test_words_at_odd_times_make_no_rhythm() -> None:
    odd = [0, 13, 60, 140, 151, 300, 333, 500, 720]
    assert heard([say(t, PORT, "link", "bad", "poll") for t in odd]).habits.shown == 0


def test_who_begins_to_listen_anew_gives_everybody_time_to_repeat() -> None:
    net = fading_net()
    evidence = heard(sorted([*polled(), say(100, PORT, "link")], key=lambda f: f.at), net)
    listen_anew(evidence, at(700), at(900), RULES.alarms)
    assert fade(evidence, at(1000), net, RULES.alarms)[0] == []


@pytest.mark.parametrize("gap", [(100, 100), (110, 150)], ids=["none", "between two words of polling"])
def test_a_restart_that_missed_no_repetition_moves_nothing_that_silence_proves(gap: tuple[float, float]) -> None:
    net = fading_net()
    evidence = heard(sorted([*polled(), say(100, PORT, "link")], key=lambda f: f.at), net)
    listen_anew(evidence, at(gap[0]), at(gap[1]), RULES.alarms)
    assert fade(evidence, at(279), net, RULES.alarms) == ([], at(280))
    assert fade(evidence, at(280), net, RULES.alarms)[0] == [LIGHT]


def test_a_word_heard_twice_at_one_instant_breaks_no_rhythm() -> None:
    once = heard(polled())
    assert heard([fact for fact in polled() for _ in range(2)]).habits == once.habits != Habits()


def test_all_that_the_habit_of_praising_is_known_by_is_kept_and_counts_once() -> None:
    evidence = Evidence()
    assert all(evidence.hear(fact, NET, RULES.alarms).material for fact in PRAISE)
    again = heard([*PRAISE, *PRAISE])
    assert again.habits.praise == evidence.habits.praise


# ---------------------------------------------------------------- memory


def test_a_million_repetitions_leave_no_more_behind_than_ten() -> None:
    def size(n: int) -> tuple[int, ...]:
        facts = [say(t, PORT, "link", "ok" if t % 2 else "bad", occurred=t) for t in range(n)]
        facts += [say(n + t, "AGG-1", "reachable", "ok" if t % 2 else "bad") for t in range(n)]
        e = heard(facts)
        return len(e.signals), len(e.senders.times), sum(map(len, e.senders.told.values()))

    assert size(10) == size(400)


def test_what_was_retired_is_forgotten_with_its_answers() -> None:
    evidence = heard([*silent(0, "AGG-1"), *back(9, "AGG-1")])
    assert evidence.answers
    evidence.retire([("device", "AGG-1"), ("link", "NONE")])
    assert (evidence.tracks, evidence.answers) == ({}, {})
