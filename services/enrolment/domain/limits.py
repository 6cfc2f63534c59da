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
    """A course that a pupil would take: `gets_seat` now, or would wait for one.

    `choice` is which of its ranked choices at the school it is, from 1; None where it does not rank.
    """

    course_id: str
    fee_kind: str
    lesson: Lesson
    gets_seat: bool
    choice: int | None = None


def refusal_by_limits(rule_book: RuleBook, wish: Wish, engagements: Iterable[Engagement]) -> Refusal | None:
    """Why the pupil may not take one more; None if it may. The school's limits count its own courses.

    A clash counts whatever school the other course is at. What the pupil ranks behind the course is no
    hindrance: it falls away when the course becomes its place, see `fallen`.
    """
    others = [each for each in engagements if each.course_id != wish.course_id]
    too_many = _too_many_choices(rule_book, _at_school(others, wish))
    others = [each for each in others if not _is_behind(rule_book, each, wish)]
    here = _at_school(others, wish)
    return (
        too_many
        or _too_many_courses(rule_book, here)
        or _too_many_instruments(rule_book, wish, here)
        or _too_many_queues(rule_book, wish, here)
        or _clashes(rule_book, wish, others)
    )


def _at_school(engagements: Iterable[Engagement], wish: Wish) -> list[Engagement]:
    """Those at the wish's school in its term."""
    return [each for each in engagements if _same_school(each.lesson, wish.lesson)]


def _same_school(one: Lesson, other: Lesson) -> bool:
    return (one.host_code, one.term_id) == (other.host_code, other.term_id)


def _is_behind(rule_book: RuleBook, each: Engagement, wish: Wish) -> bool:
    if rule_book.limits.ranked_choices is None or wish.choice is None or each.choice is None:
        return False
    return bool(_at_school([each], wish)) and each.choice > wish.choice


def last_choice(rule_book: RuleBook, lesson: Lesson, engagements: Iterable[Engagement]) -> int | None:
    """Which choice a new one at the lesson's school would be if it came last; None where nobody ranks."""
    if rule_book.limits.ranked_choices is None:
        return None
    here = [each for each in engagements if _same_school(each.lesson, lesson)]
    return max([len(here), *(each.choice or 0 for each in here)]) + 1


def fallen(rule_book: RuleBook, here: Iterable[Engagement]) -> list[Engagement]:
    """Of a pupil's ranked choices at a school in a term those that can come to nothing any more.

    From the first choice on, each place is kept that the school's limits allow beside the places ranked
    before it; what they do not allow falls away, a place, an offer or a wait alike. Nothing does where the
    rule book has nobody rank.
    """
    if rule_book.limits.ranked_choices is None:
        return []
    kept: list[Engagement] = []
    gone: list[Engagement] = []
    for each in sorted(here, key=lambda one: (one.choice or 0, one.decided_at, one.application_id)):
        placed = each.state == "placed"
        wish = Wish(each.course_id, each.fee_kind, each.lesson, gets_seat=placed, choice=each.choice)
        if refusal_by_limits(rule_book, wish, kept) is not None:
            gone.append(each)
        elif placed:
            kept.append(each)
    return gone


def _too_many_choices(rule_book: RuleBook, here: list[Engagement]) -> Refusal | None:
    most = rule_book.limits.ranked_choices
    if most is None or len(here) < most:
        return None
    return Refusal(
        "too_many_choices",
        N_(
            "A pupil may have at most %(most)s choices at a time at %(school)s. "
            "Withdraw one of them if you want another."
        ),
        {"most": most, "school": rule_book.school_name},
        rule=f"{rule_book.rule_book_id}/limits",
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
    limits = rule_book.limits
    most = limits.instruments
    if most is None and limits.one_instrument:
        most = 1
        if limits.ranked_choices is None:  # else the best one by rank; here the one that is accepted
            here = [each for each in here if each.state == "placed"]
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
