"""Facts the catalogue publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.contracts.fact import Fact, LocalText
from services.contracts.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class MunicipalityRegistered(Fact):
    """A municipality of the county; a member of the cooperation between the two dates, both included.

    From `succeeded_on` it is a part of `succeeded_by`, which has its courses, its pupils and their queues.
    """

    NAME, VERSION, SOURCE, SUBJECT = "municipality_registered", 1, "catalogue", "municipality_code"

    municipality_code: str
    name: str
    school_name: str | None
    member_from: date | None
    member_to: date | None
    succeeded_by: str | None = None
    succeeded_on: date | None = None


@dataclass(frozen=True, slots=True)
class RuleBookPublished(Fact):
    NAME, VERSION, SOURCE, SUBJECT = "rule_book_published", 1, "catalogue", "rule_book_id"

    rule_book_id: str
    rule_book: RuleBook


@dataclass(frozen=True, slots=True)
class TermOpened(Fact):
    """A term and when one may apply for it; no dates of application means all year round."""

    NAME, VERSION, SOURCE, SUBJECT = "term_opened", 1, "catalogue", "term_id"

    term_id: str
    name: LocalText
    starts_on: date
    ends_on: date
    apply_from: date | None
    apply_until: date | None


@dataclass(frozen=True, slots=True)
class CoursePublished(Fact):
    """A course as it stands now: published for the first time, or changed."""

    NAME, VERSION, SOURCE, SUBJECT = "course_published", 1, "catalogue", "course_id"

    course_id: str
    term_id: str
    municipality_code: str
    school_name: str
    title: LocalText
    description: LocalText
    art_form: str
    fee_kind: str
    weekday: int  # ISO: Monday is 1
    starts_at: str  # local time in Europe/Stockholm, HH:MM
    minutes: int
    first_lesson_on: date
    last_lesson_on: date
    room: str
    min_age: int  # years on the first day of the term, both limits included
    max_age: int
    capacity: int
    shared: bool  # open to pupils of every member municipality
    rule_book_id: str
    # What a queue date is for, `violin`: a pupil has one a subject in the county. None: the art form.
    queue_subject: str | None = None
    # The course of the term before that this one goes on with: who has a place there may keep it here.
    continues: str | None = None


@dataclass(frozen=True, slots=True)
class CourseCancelled(Fact):
    NAME, VERSION, SOURCE, SUBJECT = "course_cancelled", 1, "catalogue", "course_id"

    course_id: str
    reason: LocalText


FACTS: tuple[type[Fact], ...] = (
    MunicipalityRegistered,
    RuleBookPublished,
    TermOpened,
    CoursePublished,
    CourseCancelled,
)
