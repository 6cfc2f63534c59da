"""Invariants of the catalogue's database, in words where one is broken."""

from __future__ import annotations

from itertools import pairwise

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.queries import reference


def check(connection: sa.Connection) -> list[str]:
    """What is broken; empty when all holds."""
    return [
        *_references(connection),
        *_rule_books_of_courses(connection),
        *_seats(connection),
        *_rule_books_apart(connection),
    ]


def _references(connection: sa.Connection) -> list[str]:
    """Every course's municipality, term, art form and rule book exist."""
    courses = tables.courses
    others = (
        (courses.c.municipality_code, tables.municipalities.c.municipality_code, "municipality"),
        (courses.c.term_id, tables.terms.c.term_id, "term"),
        (courses.c.art_form, tables.art_forms.c.key, "art form"),
        (courses.c.rule_book_id, tables.rule_books.c.rule_book_id, "rule book"),
    )
    broken = []
    for mine, theirs, name in others:
        missing = sa.select(courses.c.course_id, mine).where(mine.not_in(sa.select(theirs)))
        broken += [
            f"course {course_id} has an unknown {name}: {value}"
            for course_id, value in connection.execute(missing)
        ]
    return broken


def _rule_books_of_courses(connection: sa.Connection) -> list[str]:
    """A course goes by a rule book of its own municipality, and the rule book names its fee."""
    courses, books, fees = tables.courses, tables.rule_books, tables.fees
    foreign = (
        sa.select(courses.c.course_id, books.c.rule_book_id)
        .join(books, books.c.rule_book_id == courses.c.rule_book_id)
        .where(books.c.municipality_code != courses.c.municipality_code)
    )
    unpriced = (
        sa.select(courses.c.course_id, courses.c.fee_kind)
        .outerjoin(
            fees,
            sa.and_(fees.c.rule_book_id == courses.c.rule_book_id, fees.c.kind == courses.c.fee_kind),
        )
        .where(fees.c.kind.is_(None))
    )
    return [
        *(f"course {one} has another school's rule book: {two}" for one, two in connection.execute(foreign)),
        *(f"course {one} has a fee its rule book lacks: {two}" for one, two in connection.execute(unpriced)),
    ]


def _seats(connection: sa.Connection) -> list[str]:
    seats = tables.course_seats
    query = sa.select(seats).where(
        sa.or_(seats.c.taken > seats.c.capacity, seats.c.taken < 0, seats.c.waiting < 0)
    )
    return [
        f"course {row.course_id} has {row.taken} of {row.capacity} seats taken and {row.waiting} waiting"
        for row in connection.execute(query)
    ]


def _rule_books_apart(connection: sa.Connection) -> list[str]:
    """No two rule books of a school hold on the same day."""
    books = sorted(
        reference.rule_books(connection).values(), key=lambda book: (book.municipality_code, book.valid_from)
    )
    return [
        f"rule books {earlier.rule_book_id} and {later.rule_book_id} hold on the same day"
        for earlier, later in pairwise(books)
        if earlier.municipality_code == later.municipality_code and earlier.is_valid_on(later.valid_from)
    ]
