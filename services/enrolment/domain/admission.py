"""Admission: what an application gets, decided from what is known and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from services.chassis.clock import age_on
from services.chassis.refusals import N_, Refusal
from services.contracts.eligibility import (
    NOTHING_MORE,
    CourseTerms,
    Known,
    Municipality,
    basis_for_pupil,
    price_of,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.contracts.rule_book import ORDER_CRITERIA, RuleBook
from services.enrolment.domain.ceilings import Ceilings
from services.enrolment.domain.limits import Engagement, Lesson, Wish, refusal_by_limits
from services.enrolment.domain.offers import (
    CEILING,
    RESERVED,
    SEATS_TOGETHER,
    Day,
    Seats,
    reserved_for_others,
)

ADMISSION_ROUND = "admission_round"
AGE_OF_MAJORITY = 18
FREE_SEAT = "free_seat"
NEXT_IN_QUEUE = "next_in_queue"
CARRIED_OVER = "carried_over"
# Why who comes waits though there is a seat: it is kept for who is on the course in the term before, or the
# school gives all of its places on one day.
KEPT_SEATS = "kept_seats"
MAIN_ADMISSION = "main_admission"
# A queue's rule is named by the criterion that its rule book orders it by first.
QUEUE_RULES = ORDER_CRITERIA

COURSE_UNKNOWN = Refusal("course_unknown", N_("There is no such course."), status=404)
PUPIL_UNKNOWN = Refusal(
    "pupil_unknown", N_("There is no such pupil among those you may act for."), status=404
)
APPLICATION_UNKNOWN = Refusal("application_unknown", N_("There is no such application."), status=404)
APPLICATION_ENDED = Refusal(
    "application_ended",
    N_("This application has ended. Make a new one if you want to apply again."),
)


@dataclass(frozen=True, slots=True)
class Applicant:
    pupil_id: str
    born_on: date
    home: Municipality
    known: Known = NOTHING_MORE


@dataclass(slots=True)
class CourseState:
    """A course while a batch is decided: seats are taken from it one application at a time.

    `capacity` is above `published_capacity` while more seats are held than the course has by now. `blocked`
    are those who wait and cannot, or will not, have one of the free seats; `held` counts the seats by home
    municipality where the rule book keeps some for one. `kept` are the seats of those who are on the course
    in the term before, until it is settled who of them continues.
    """

    course_id: str
    term_id: str
    terms: CourseTerms
    rule_book: RuleBook
    published_capacity: int
    capacity: int
    taken: int
    waiting: int
    subject: str = ""
    weekday: int = 1
    starts_at: str = "00:00"
    minutes: int = 0
    blocked: int = 0
    held: dict[str, int] = field(default_factory=dict)
    # Whether the course's admission round is over; until then a rule book with rounds gives no seat singly.
    round_over: bool = False
    kept: int = 0

    @property
    def has_free_seat(self) -> bool:
        """A seat nobody holds and nobody waits for: who waits goes before who comes."""
        return self.taken + self.kept < self.capacity and self.waiting <= self.blocked

    @property
    def seats(self) -> Seats:
        return Seats(max(self.taken, self.capacity - self.kept), self.taken, self.held)

    def gives_no_seat_before(self, today: date) -> date | None:
        """The day of the school's main admission, while it is to come: until then all who apply wait."""
        day = self.rule_book.main_admission_to_come(self.terms.term_starts_on, today)
        return None if self.round_over else day

    def free_on(self, today: date) -> int:
        """Seats that may be offered: none before the main admission, none kept for who is there."""
        return 0 if self.gives_no_seat_before(today) is not None else self.seats.free

    def gives_seat_on(self, today: date) -> bool:
        """Whether who comes today has a seat at once."""
        return self.has_free_seat and self.gives_no_seat_before(today) is None

    @property
    def lesson(self) -> Lesson:
        return Lesson(self.term_id, self.terms.host.code, self.weekday, self.starts_at, self.minutes)

    def day(self, today: date) -> Day:
        return Day(self.terms.term_starts_on, today)

    def take_seat(self, home_code: str) -> None:
        self.taken += 1
        self.held[home_code] = self.held.get(home_code, 0) + 1

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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else matters to a decision: the pupil's other applications and what its municipality pays for.

    `choice` is which of the pupil's ranked choices it becomes. `waits` where it is of siblings who get places
    together or none, and there are too few for all of them.
    """

    engagements: Sequence[Engagement] = ()
    ceilings: Ceilings = field(default_factory=Ceilings)
    choice: int | None = None
    waits: bool = False


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
    course: CourseState,
    applicant: Applicant,
    now: datetime,
    today: date,
    came_on: date,
    *,
    around: Surroundings | None = None,
) -> Decision | Refusal:
    """A place, a place in the queue, or why neither. Takes the seat from `course`.

    `came_on` is the day the application came: before today for one on paper.
    """
    around = around or Surroundings()
    refusal = refusal_before_round(course) or refusal_of_period(course, today, came_on)
    refusal = refusal or refusal_for_pupil(
        course.terms,
        course.rule_book,
        applicant.home,
        age_on(applicant.born_on, course.terms.term_starts_on),
        today,
        known=applicant.known,
    )
    if refusal is not None:
        return refusal
    waits_by = why_waits(course, applicant.home.code, today, around.ceilings, too_few=around.waits)
    wish = Wish(course.course_id, course.terms.fee_kind, course.lesson, waits_by is None, around.choice)
    refusal = refusal_by_limits(course.rule_book, wish, around.engagements)
    if refusal is not None:
        return refusal
    basis = basis_for_pupil(course.terms, course.rule_book, applicant.home, applicant.known)
    facts = facts_of(course)
    if waits_by is None:
        course.take_seat(applicant.home.code)
        around.ceilings.use(applicant.home.code, course)
        return Decision("placed", FREE_SEAT, basis.rule, now, facts)
    course.blocked += course.gives_seat_on(today)  # who comes next goes before one who may not have the seat
    course.waiting += 1
    return Decision("queued", waits_by, basis.rule, now, facts)


def why_waits(
    course: CourseState, home_code: str, today: date, ceilings: Ceilings, *, too_few: bool = False
) -> str | None:
    """The rule by which a pupil who lives there and comes today waits; None where it has a seat at once.

    `too_few` where there are too few seats for all the siblings it comes with.
    """
    if not course.gives_seat_on(today):
        return _why_full(course, today)
    if ceilings.is_reached(home_code, course):
        return CEILING
    if too_few:
        return SEATS_TOGETHER
    if course.seats.free <= reserved_for_others(course.rule_book, home_code, course.seats, course.day(today)):
        return RESERVED
    return None


def _why_full(course: CourseState, today: date) -> str:
    """Nobody gets a seat now: the rule by which all who come wait."""
    if course.gives_no_seat_before(today) is not None:
        return MAIN_ADMISSION
    if course.kept and course.taken < course.capacity:
        return KEPT_SEATS
    return course.rule_book.criteria[0]


def facts_of(course: CourseState) -> dict[str, object]:
    """What is kept with a decision, and read on its pages."""
    fee = price_of(course.terms, course.rule_book)
    return {
        "capacity": course.capacity,
        "taken_before": course.taken,
        "waiting_before": course.waiting,
        "rule_book": course.rule_book.rule_book_id,
        "order": list(course.rule_book.criteria),
        "fee_ore": fee.fee_ore if fee else None,
    }


def refusal_of_period(course: CourseState, today: date, came_on: date) -> Refusal | None:
    """Why nobody may come; None if one may.

    What came in time is in time however late it is entered, and what came too early is no way past those who
    waited for the period to open; once the term is over nothing is entered.
    """
    over = today > course.terms.term_ends_on
    return refusal_to_apply(course.terms, course.rule_book, today if over else came_on)
