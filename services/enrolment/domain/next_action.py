"""The one thing about a course that its staff should do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

# An offer whose last day is today or tomorrow: a family may have forgotten it, and a call helps.
SOON = timedelta(days=1)

SETTLE = "settle"
OFFER = "offer"
OPEN_ROUND = "open_round"
REHEARSE_ROUND = "rehearse_round"
PUBLISH_ROUND = "publish_round"
EXPIRES_TODAY = "expires_today"
EXPIRES_TOMORROW = "expires_tomorrow"
NOBODY_MAY = "nobody_may"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Round:
    """The admission round that gives the course's seats; `state` is `open` or `run`."""

    round_id: str
    state: str


@dataclass(frozen=True, slots=True)
class CourseNow:
    """What of a course decides what to do next.

    `could_have_seat` of the `waiting` may have one of the free seats. `answer_bys` are the last days of the
    offers that wait for an answer. `to_settle` counts offers that two guardians answered differently.
    `gives_in_round` says that its seats are given in an admission round that is not over.
    """

    course_id: str
    is_over: bool = False
    free: int = 0
    waiting: int = 0
    could_have_seat: int = 0
    answer_bys: tuple[date, ...] = ()
    to_settle: int = 0
    gives_in_round: bool = False
    round: Round | None = None


@dataclass(frozen=True, slots=True)
class NextAction:
    """`name` is one of the above; `count` is of seats, offers or pupils, and `path` is where it is done."""

    name: str
    count: int
    waiting: int
    path: str


def next_action(course: CourseNow, today: date) -> NextAction:
    """What is urgent for one family goes first, then what many wait for, then what only time settles.

    `is_over`, a course that is cancelled or whose term has ended, has nothing left to do.
    """
    path = f"/staff/courses/{course.course_id}"
    if not course.is_over:
        for name, count, where in _candidates(course, path, today):
            if count > 0:
                return NextAction(name, count, course.waiting, where)
    return NextAction(NOTHING, 0, course.waiting, path)


def _candidates(course: CourseNow, path: str, today: date) -> Iterator[tuple[str, int, str]]:
    """What could be done, with how much of it there is; what goes first comes first."""
    yield SETTLE, course.to_settle, f"{path}#settle"
    if course.gives_in_round:
        yield _in_round(course)
        return
    yield OFFER, min(course.free, course.could_have_seat), f"{path}/offers"
    yield EXPIRES_TODAY, course.answer_bys.count(today), f"{path}#offers"
    yield EXPIRES_TOMORROW, course.answer_bys.count(today + SOON), f"{path}#offers"
    yield NOBODY_MAY, course.waiting if course.free > 0 else 0, f"{path}/offers"


def _in_round(course: CourseNow) -> tuple[str, int, str]:
    if course.round is None:
        return OPEN_ROUND, course.free, "/staff/rounds"
    name = PUBLISH_ROUND if course.round.state == "run" else REHEARSE_ROUND
    return name, course.free, f"/staff/rounds/{course.round.round_id}"
