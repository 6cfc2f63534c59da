"""Courses as a reader sees them: with their seats, fee and the names of things."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.queries import reference
from services.catalogue.repository import course_of
from services.chassis.ids import is_id
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.catalogue import CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.eligibility import CourseTerms
from services.contracts.fact import LocalText
from services.contracts.rule_book import Fee

COURSE_UNKNOWN = Refusal(
    "course_unknown",
    N_("There is no such course. It may have been on an old list; search for it among the courses."),
    status=404,
)


@dataclass(frozen=True, slots=True)
class CourseView:
    """`youngest` and `oldest` are the limits that decide: the narrower of the course's and its rules'."""

    course: CoursePublished
    term: TermOpened
    municipality: MunicipalityRegistered
    art_form: LocalText
    fee: Fee | None
    youngest: int
    oldest: int
    taken: int
    waiting: int
    cancel_reason: LocalText | None

    @property
    def free(self) -> int:
        return max(0, self.course.capacity - self.taken)

    @property
    def is_cancelled(self) -> bool:
        return self.cancel_reason is not None

    @property
    def ends_at(self) -> str:
        """Local time, HH:MM."""
        hour, minute = self.course.starts_at.split(":")
        end = int(hour) * 60 + int(minute) + self.course.minutes
        return f"{end // 60 % 24:02d}:{end % 60:02d}"

    def as_terms(self) -> CourseTerms:
        """What of it the rule of eligibility looks at."""
        return CourseTerms(
            host=reference.as_member(self.municipality),
            shared=self.course.shared,
            min_age=self.course.min_age,
            max_age=self.course.max_age,
            fee_kind=self.course.fee_kind,
            term_starts_on=self.term.starts_on,
            term_ends_on=self.term.ends_on,
            apply_from=self.term.apply_from,
            apply_until=self.term.apply_until,
            cancelled=self.is_cancelled,
            first_lesson_on=self.course.first_lesson_on,
            last_lesson_on=self.course.last_lesson_on,
        )


def select_courses() -> sa.Select[Any]:
    """Courses with their seats, fee and the rule book's ages; names are looked up by `views`."""
    courses, seats, fees, books = tables.courses, tables.course_seats, tables.fees, tables.rule_books
    return (
        sa.select(
            courses,
            sa.func.coalesce(seats.c.taken, 0).label("taken"),
            sa.func.coalesce(seats.c.waiting, 0).label("waiting"),
            fees.c.fee_ore,
            fees.c.text_sv.label("fee_sv"),
            fees.c.text_en.label("fee_en"),
            books.c.min_age.label("book_min_age"),
            books.c.max_age.label("book_max_age"),
        )
        .select_from(courses)
        .outerjoin(seats, seats.c.course_id == courses.c.course_id)
        .outerjoin(
            fees,
            sa.and_(fees.c.rule_book_id == courses.c.rule_book_id, fees.c.kind == courses.c.fee_kind),
        )
        .outerjoin(books, books.c.rule_book_id == courses.c.rule_book_id)
    )


def views(connection: sa.Connection, rows: Iterable[sa.Row[Any]]) -> list[CourseView]:
    """The rows of `select_courses` with names: three more statements, however many rows there are."""
    rows = list(rows)
    if not rows:
        return []
    terms = reference.terms(connection)
    municipalities = reference.municipalities(connection)
    art_forms = reference.art_forms(connection)
    return [
        CourseView(
            course=course_of(row),
            term=terms[row.term_id],
            municipality=municipalities[row.municipality_code],
            art_form=art_forms.get(row.art_form, LocalText(sv=row.art_form, en=row.art_form)),
            fee=_fee(row),
            youngest=max(row.min_age, row.book_min_age or 0),
            oldest=min(row.max_age, row.book_max_age or row.max_age),
            taken=row.taken,
            waiting=row.waiting,
            cancel_reason=_cancel_reason(row),
        )
        for row in rows
    ]


def _fee(row: sa.Row[Any]) -> Fee | None:
    if row.fee_ore is None:
        return None
    return Fee(row.fee_kind, row.fee_ore, LocalText(sv=row.fee_sv, en=row.fee_en))


def _cancel_reason(row: sa.Row[Any]) -> LocalText | None:
    if row.cancelled_at is None:
        return None
    return LocalText(sv=row.cancel_reason_sv, en=row.cancel_reason_en)


def course(connection: sa.Connection, course_id: str) -> CourseView:
    """Raises Refused for an id that no course has."""
    _check_id(course_id)
    query = select_courses().where(tables.courses.c.course_id == course_id)
    found = views(connection, connection.execute(query).all())
    if not found:
        raise Refused(COURSE_UNKNOWN)
    return found[0]


def _check_id(course_id: str) -> None:
    """What is no id is not even looked up: an address may hold signs that a database cannot compare."""
    if not is_id(course_id):
        raise Refused(COURSE_UNKNOWN)


def host_of(connection: sa.Connection, course_id: str) -> str:
    """The code of the municipality that holds the course. Raises Refused for an unknown one."""
    _check_id(course_id)
    courses = tables.courses
    host = connection.scalar(sa.select(courses.c.municipality_code).where(courses.c.course_id == course_id))
    if host is None:
        raise Refused(COURSE_UNKNOWN)
    return str(host)


def some_with_free_places(connection: sa.Connection, today: date, most: int) -> list[CourseView]:
    """Shared courses with free places, as different as can be: one an art form before a second of any."""
    courses = tables.courses
    turn = sa.func.row_number().over(
        partition_by=courses.c.art_form,
        order_by=(courses.c.weekday.desc(), courses.c.starts_at, courses.c.course_id),
    )
    ranked = (
        sa.select(courses.c.course_id, turn.label("turn"))
        .select_from(courses)
        .outerjoin(tables.course_seats, tables.course_seats.c.course_id == courses.c.course_id)
        .where(
            courses.c.term_id.in_(list(reference.current_terms(connection, today))),
            courses.c.cancelled_at.is_(None),
            courses.c.shared.is_(True),
            has_free_places(),
        )
        .subquery()
    )
    query = (
        select_courses()
        .join(ranked, ranked.c.course_id == courses.c.course_id)
        .order_by(ranked.c.turn, courses.c.weekday, courses.c.starts_at, courses.c.course_id)
        .limit(most)
    )
    return views(connection, connection.execute(query).all())


def has_free_places() -> sa.ColumnElement[bool]:
    """For a query that joins `course_seats`; a course nobody has applied for has no row there."""
    return tables.courses.c.capacity > sa.func.coalesce(tables.course_seats.c.taken, 0)


def alternatives(connection: sa.Connection, view: CourseView, today: date, most: int) -> list[CourseView]:
    """Courses of the same art form with free places for an age that fits, shared or of the same school."""
    courses, mine = tables.courses, view.course
    query = (
        select_courses()
        .where(
            courses.c.term_id.in_(list(reference.current_terms(connection, today))),
            courses.c.art_form == mine.art_form,
            courses.c.course_id != mine.course_id,
            courses.c.cancelled_at.is_(None),
            courses.c.min_age <= view.oldest,
            courses.c.max_age >= view.youngest,
            sa.or_(courses.c.shared.is_(True), courses.c.municipality_code == mine.municipality_code),
            has_free_places(),
        )
        .order_by(
            sa.case((courses.c.municipality_code == mine.municipality_code, 0), else_=1),
            sa.func.abs(courses.c.min_age - mine.min_age),
            courses.c.course_id,
        )
        .limit(most)
    )
    return views(connection, connection.execute(query).all())
