"""The schools beside each other: what each offers this term, and under which rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.queries import reference
from services.catalogue.queries.courses import CourseView, select_courses, views
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.catalogue import MunicipalityRegistered
from services.contracts.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class School:
    """A culture school in figures, over its courses of the terms that are not over.

    `art_forms` are numbers of courses by key; the fees are those of its courses, None without courses, and
    without what raises or lowers them for one family. `rule_books` are those that hold today, the newest
    first: a course names its own, so that a school may have one for each of its lines.
    """

    municipality: MunicipalityRegistered
    is_member: bool
    courses: int
    shared: int
    free_places: int
    youngest: int | None
    oldest: int | None
    lowest_fee_ore: int | None
    highest_fee_ore: int | None
    art_forms: dict[str, int]
    rule_books: tuple[RuleBook, ...]

    @property
    def code(self) -> str:
        return self.municipality.municipality_code

    @property
    def name(self) -> str:
        return self.municipality.school_name or self.municipality.name


def schools(connection: sa.Connection, today: date) -> list[School]:
    """The schools of the county's municipalities, in the order of the municipalities' names."""
    terms = list(reference.current_terms(connection, today))
    figures = {row.municipality_code: row for row in connection.execute(_figures(terms))}
    art_forms: dict[str, dict[str, int]] = {}
    for row in connection.execute(_by_art_form(terms)):
        art_forms.setdefault(row.municipality_code, {})[row.art_form] = row.courses
    all_books = reference.rule_books(connection)
    fees: dict[str, list[int]] = {}
    for row in connection.execute(_kinds(terms)):
        book = all_books.get(row.rule_book_id)
        fees.setdefault(row.municipality_code, []).extend(book.fees_of(row.fee_kind) if book else ())
    books: dict[str, list[RuleBook]] = {}
    for book in all_books.values():
        if book.is_valid_on(today):
            books.setdefault(book.municipality_code, []).append(book)
    return [
        _school(
            each,
            today,
            figures.get(code),
            art_forms.get(code, {}),
            fees=fees.get(code, []),
            books=books.get(code, []),
        )
        for code, each in reference.municipalities(connection).items()
        if each.school_name is not None
    ]


def _school(
    municipality: MunicipalityRegistered,
    today: date,
    row: sa.Row[Any] | None,
    art_forms: dict[str, int],
    *,
    fees: list[int],
    books: list[RuleBook],
) -> School:
    return School(
        municipality=municipality,
        is_member=reference.as_member(municipality).is_member_on(today),
        courses=row.courses if row else 0,
        shared=row.shared if row else 0,
        free_places=row.free_places if row else 0,
        youngest=row.youngest if row else None,
        oldest=row.oldest if row else None,
        lowest_fee_ore=min(fees, default=None),
        highest_fee_ore=max(fees, default=None),
        art_forms=art_forms,
        rule_books=tuple(books),
    )


def _figures(terms: list[str]) -> sa.Select[Any]:
    courses, seats = tables.courses, tables.course_seats
    free = courses.c.capacity - sa.func.coalesce(seats.c.taken, 0)
    return (
        sa.select(
            courses.c.municipality_code,
            sa.func.count().label("courses"),
            sa.func.sum(sa.case((courses.c.shared, 1), else_=0)).label("shared"),
            sa.func.sum(sa.case((free > 0, free), else_=0)).label("free_places"),
            sa.func.min(courses.c.min_age).label("youngest"),
            sa.func.max(courses.c.max_age).label("oldest"),
        )
        .select_from(courses)
        .outerjoin(seats, seats.c.course_id == courses.c.course_id)
        .where(courses.c.term_id.in_(terms), courses.c.cancelled_at.is_(None))
        .group_by(courses.c.municipality_code)
    )


def _kinds(terms: list[str]) -> sa.Select[Any]:
    """The kinds of the courses with the rule books that price them."""
    courses = tables.courses
    return (
        sa.select(courses.c.municipality_code, courses.c.rule_book_id, courses.c.fee_kind)
        .where(courses.c.term_id.in_(terms), courses.c.cancelled_at.is_(None))
        .distinct()
    )


def _by_art_form(terms: list[str]) -> sa.Select[Any]:
    courses = tables.courses
    return (
        sa.select(courses.c.municipality_code, courses.c.art_form, sa.func.count().label("courses"))
        .where(courses.c.term_id.in_(terms), courses.c.cancelled_at.is_(None))
        .group_by(courses.c.municipality_code, courses.c.art_form)
    )


def school(connection: sa.Connection, code: str, today: date) -> School:
    """Raises Refused where the municipality is unknown or has no culture school."""
    found = next((each for each in schools(connection, today) if each.code == code), None)
    if found is None:
        raise Refused(
            Refusal(
                "school_unknown",
                N_("There is no culture school of a municipality with the code %(code)s here."),
                {"code": code},
                status=404,
            )
        )
    return found


def courses_of_school(connection: sa.Connection, code: str, today: date, most: int) -> list[CourseView]:
    """Its courses of the terms that are not over, through the week."""
    courses = tables.courses
    query = (
        select_courses()
        .where(
            courses.c.municipality_code == code,
            courses.c.term_id.in_(list(reference.current_terms(connection, today))),
            courses.c.cancelled_at.is_(None),
        )
        .order_by(courses.c.weekday, courses.c.starts_at, courses.c.course_id)
        .limit(most)
    )
    return views(connection, connection.execute(query).all())
