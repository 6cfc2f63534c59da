"""How many courses a pupil may have at a time, and which go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.chassis.refusals import N_, Refusal
from services.contracts.rule_book import RuleBook

HELD = ("placed", "offered")


@dataclass(frozen=True, slots=True)
class Lesson:
    """When a course is held: `weekday` 1 is Monday, `starts_at` local HH:MM."""

    term_id: str
    host_code: str
    weekday: int
    starts_at: str
    minutes: int

    @property
    def first_minute(self) -> int:
        hour, minute = self.starts_at.split(":")
        return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True)
class Engagement:
    """An active application of a pupil, as far as another one of its applications must know."""

    application_id: str
    course_id: str
    state: str
    fee_kind: str
    subject: str
    lesson: Lesson
    decided_at: datetime
    # Which of the pupil's ranked choices at the school it is, from 1; None where it does not rank.
    choice: int | None = None

    @property
    def is_held(self) -> bool:
        return self.state in HELD


def clash(one: Lesson, other: Lesson, travel_minutes: int) -> bool:
    """Whether nobody can be at both, with so long to travel where they are in two municipalities."""
    if (one.term_id, one.weekday) != (other.term_id, other.weekday):
        return False
    between = travel_minutes if one.host_code != other.host_code else 0
    first, second = sorted((one, other), key=lambda lesson: lesson.first_minute)
    return first.first_minute + first.minutes + between > second.first_minute


@dataclass(frozen=True, slots=True)
class Wish:
    """A course that a pupil would take: `gets_seat` now, or would wait for one."""

    course_id: str
    fee_kind: str
    lesson: Lesson
    gets_seat: bool


def refusal_by_limits(rule_book: RuleBook, wish: Wish, engagements: Iterable[Engagement]) -> Refusal | None:
    """Why the pupil may not take one more; None if it may. The school's limits count its own courses.

    A clash counts whatever school the other course is at.
    """
    others = [each for each in engagements if each.course_id != wish.course_id]
    here = [
        each
        for each in others
        if (each.lesson.host_code, each.lesson.term_id) == (wish.lesson.host_code, wish.lesson.term_id)
    ]
    return (
        _too_many_courses(rule_book, here)
        or _too_many_instruments(rule_book, wish, here)
        or _too_many_queues(rule_book, wish, here)
        or _clashes(rule_book, wish, others)
    )


def _too_many_courses(rule_book: RuleBook, here: list[Engagement]) -> Refusal | None:
    most = rule_book.limits.courses
    if most is None or sum(each.is_held for each in here) < most:
        return None
    return Refusal(
        "too_many_courses",
        N_("A pupil may have at most %(most)s courses at a time at %(school)s."),
        {"most": most, "school": rule_book.school_name},
        rule=f"{rule_book.rule_book_id}/limits",
    )


def _instruments(rule_book: RuleBook, here: list[Engagement], *, held: bool) -> int:
    return sum(rule_book.is_instrument(each.fee_kind) and each.is_held == held for each in here)


def _too_many_instruments(rule_book: RuleBook, wish: Wish, here: list[Engagement]) -> Refusal | None:
    most = rule_book.limits.instruments
    if most is None or not rule_book.is_instrument(wish.fee_kind):
        return None
    held = _instruments(rule_book, here, held=True)
    one_more = rule_book.limits.another_instrument_if_no_queue
    if held < most or (one_more and held == most and wish.gets_seat):
        return None
    facts = {"most": most, "school": rule_book.school_name}
    reason = N_("A pupil may have at most %(most)s instruments at a time at %(school)s.")
    if one_more:
        reason = N_(
            "A pupil may have at most %(most)s instruments at a time at %(school)s, "
            "and one more only where nobody waits for it."
        )
    return Refusal("too_many_instruments", reason, facts, rule=f"{rule_book.rule_book_id}/limits")


def _too_many_queues(rule_book: RuleBook, wish: Wish, here: list[Engagement]) -> Refusal | None:
    most = rule_book.limits.instrument_queues
    if most is None or wish.gets_seat or not rule_book.is_instrument(wish.fee_kind):
        return None
    if _instruments(rule_book, here, held=False) < most:
        return None
    return Refusal(
        "too_many_instrument_queues",
        N_("A pupil may stand in at most %(most)s queues for an instrument at %(school)s."),
        {"most": most, "school": rule_book.school_name},
        rule=f"{rule_book.rule_book_id}/limits",
    )


def _clashes(rule_book: RuleBook, wish: Wish, others: list[Engagement]) -> Refusal | None:
    limits = rule_book.limits
    if not limits.refuse_clashes:
        return None
    if not any(each.is_held and clash(each.lesson, wish.lesson, limits.travel_minutes) for each in others):
        return None
    return Refusal(
        "clash",
        N_("The pupil has another course at that time, or too little time to travel between them."),
        rule=f"{rule_book.rule_book_id}/clashes",
    )
