"""What the standard objects of a device mean: pure rules on ifAdminStatus, ifOperStatus and sysUpTime."""

from __future__ import annotations

from netwatch.core.model import Condition, State

UP, DOWN = 1, 2
OPER = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
ADMIN = {1: "up", 2: "down", 3: "testing"}


def judge(admin: int | None, oper: int | None) -> dict[Condition, State]:
    """What a port's two states say.

    Taken down by an operator is `admin`, and says nothing about the link. Only `down` is a link fault: dormant waits
    for a call, notPresent has no hardware, lowerLayerDown is the fault of another port, testing and unknown are none.
    """
    said: dict[Condition, State] = {}
    if admin == DOWN:
        return {Condition.ADMIN: State.BAD}
    if admin == UP:
        said[Condition.ADMIN] = State.OK
    if oper == UP:
        said[Condition.LINK] = State.OK
    elif oper == DOWN:
        said[Condition.LINK] = State.BAD
    return said


WRAP = 1 << 32
"""sysUpTime counts 1/100 s in 32 bits: it starts anew after 497.1 days, without a restart."""


def restarted(before: int, now: int, elapsed: float) -> bool:
    """Did the uptime (in 1/100 s) start anew in the `elapsed` seconds since it was `before`?

    Also when it has grown past `before` again, for the device may have been silent for long. The clock of a box may
    be off by a few per cent, or stand still while a virtual one is moved.
    """
    expected = before + elapsed * 100
    slack = 3_000 + elapsed * 5
    if now >= expected - slack:
        return False
    wrapped = expected - WRAP
    return not (wrapped >= -slack and abs(now - wrapped) <= slack)
