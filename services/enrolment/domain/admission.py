"""Admission: what an application gets, decided from what is known and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.chassis.clock import age_on
from services.chassis.refusals import N_, Refusal
from services.contracts.eligibility import (
    CourseTerms,
    Municipality,
    basis_for_pupil,
    price_of,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.contracts.rule_book import RuleBook

ADMISSION_ROUND = "admission_round"
FREE_SEAT = "free_seat"
NEXT_IN_QUEUE = "next_in_queue"
# A queue's rule is named by the criterion that its rule book orders it by first.
QUEUE_RULES = ("queue_date", "new_pupils_first", "host_residents_first", "children_before_adults")

COURSE_UNKNOWN = Refusal("course_unknown", N_("There is no such course."), status=404)
PUPIL_UNKNOWN = Refusal(
    "pupil_unknown", N_("There is no such pupil among those you may act for."), status=404
)
APPLICATION_ENDED = Refusal(
    "application_ended",
    N_("This application has ended. Make a new one if you want to apply again."),
)


@dataclass(frozen=True, slots=True)
class Applicant:
    pupil_id: str
    born_on: date
    home: Municipality


@dataclass(slots=True)
class CourseState:
    """A course while a batch is decided: seats are taken from it one application at a time.

    `capacity` is above `published_capacity` while more seats are held than the course has by now.
    """

    course_id: str
    term_id: str
    terms: CourseTerms
    rule_book: RuleBook
    published_capacity: int
    capacity: int
    taken: int
    waiting: int
    # Whether the course's admission round is over; until then a rule book with rounds gives no seat singly.
    round_over: bool = False

    @property
    def has_free_seat(self) -> bool:
        """A seat nobody holds and nobody waits for: who waits goes before who comes."""
        return self.taken < self.capacity and self.waiting == 0

    def give_back_seat(self) -> None:
        self.taken -= 1
        self.capacity = max(self.published_capacity, self.taken)


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` is `placed` or `queued`; `rule` set it, and `basis` is the one that let the pupil in."""

    state: str
    rule: str
    basis: str
    decided_at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)


def refusal_before_round(course: CourseState) -> Refusal | None:
    """Why nobody may apply for the course singly yet; None where seats go to who comes first."""
    if course.rule_book.admission != "round" or course.round_over:
        return None
    return Refusal(
        "course_has_round",
        N_("Places on this course are given in an admission round: rank it together with your other wishes."),
        rule=f"{course.rule_book.rule_book_id}/admission",
    )


def decide(
    course: CourseState, applicant: Applicant, now: datetime, today: date, came_on: date
) -> Decision | Refusal:
    """A place, a place in the queue, or why neither. Takes the seat from `course`.

    `came_on` is the day the application came: before today for one on paper.
    """
    refusal = refusal_before_round(course) or _refusal_of_period(course, today, came_on)
    refusal = refusal or refusal_for_pupil(
        course.terms,
        course.rule_book,
        applicant.home,
        age_on(applicant.born_on, course.terms.term_starts_on),
        today,
    )
    if refusal is not None:
        return refusal
    basis = basis_for_pupil(course.terms, course.rule_book, applicant.home)
    fee = price_of(course.terms, course.rule_book)
    facts: dict[str, object] = {
        "capacity": course.capacity,
        "taken_before": course.taken,
        "waiting_before": course.waiting,
        "rule_book": course.rule_book.rule_book_id,
        "order": list(course.rule_book.order),
        "fee_ore": fee.fee_ore if fee else None,
    }
    if course.has_free_seat:
        course.taken += 1
        return Decision("placed", FREE_SEAT, basis.rule, now, facts)
    course.waiting += 1
    return Decision("queued", course.rule_book.order[0], basis.rule, now, facts)


def _refusal_of_period(course: CourseState, today: date, came_on: date) -> Refusal | None:
    """What came in time is in time however late it is entered, and what came too early is no way past those
    who waited for the period to open; once the term is over nothing is entered."""
    over = today > course.terms.term_ends_on
    return refusal_to_apply(course.terms, course.rule_book, today if over else came_on)
