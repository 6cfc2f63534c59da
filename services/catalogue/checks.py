"""Invariants of the catalogue's database, in words where one is broken."""

from __future__ import annotations

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.queries import reference


def check(connection: sa.Connection) -> list[str]:
    """What is broken; empty when all holds."""
    return [
        *_references(connection),
        *_rule_books_of_courses(connection),
        *_seats(connection),
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
    """A course goes by a rule book of its own municipality, and the rule book says what it costs."""
    courses, books = tables.courses, tables.rule_books
    foreign = (
        sa.select(courses.c.course_id, books.c.rule_book_id)
        .join(books, books.c.rule_book_id == courses.c.rule_book_id)
        .where(books.c.municipality_code != courses.c.municipality_code)
    )
    known = reference.rule_books(connection)
    priced_by = sa.select(courses.c.course_id, courses.c.fee_kind, courses.c.rule_book_id)
    unpriced = [
        (row.course_id, row.fee_kind)
        for row in connection.execute(priced_by)
        if row.rule_book_id in known and not known[row.rule_book_id].prices(row.fee_kind)
    ]
    return [
        *(f"course {one} has another school's rule book: {two}" for one, two in connection.execute(foreign)),
        *(f"course {one} has a fee its rule book lacks: {two}" for one, two in unpriced),
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
