"""Courses as the rows of a course file."""

from __future__ import annotations

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.domain.course_file import BEGINS_ANEW, COLUMNS
from services.catalogue.queries import reference
from services.chassis.municipality import covers


def course_rows(connection: sa.Connection, term_id: str, scope: str) -> list[dict[str, str]]:
    """The term's courses of the municipality, or of the county's, as a course file holds them."""
    courses, before = tables.courses, tables.courses.alias("before")
    query = (
        sa.select(
            *(courses.c[column] for column in COLUMNS),
            courses.c.queue_subject.label("subject"),
            before.c.course_key.label("continues"),
        )
        .outerjoin(before, before.c.course_id == courses.c.continues)
        .where(courses.c.term_id == term_id, courses.c.cancelled_at.is_(None))
        .order_by(courses.c.municipality_code, courses.c.course_key)
    )
    same_key = _keys_before(connection, term_id)
    return [
        {
            **{name: _written(value) for name, value in row._mapping.items()},
            "continues": _continues(row.course_key, row.continues, same_key),
        }
        for row in connection.execute(query)
        if covers(scope, row.municipality_code)
    ]


def _keys_before(connection: sa.Connection, term_id: str) -> frozenset[str]:
    term = reference.terms(connection).get(term_id)
    before = reference.term_before(connection, term) if term else None
    return frozenset(reference.hosts_in(connection, before.term_id)) if before else frozenset()


def _continues(key: str, continued: str | None, keys_before: frozenset[str]) -> str:
    """Empty where it goes without saying, so that the file can be the next term's as it is."""
    if continued is None:
        return BEGINS_ANEW if key in keys_before else ""
    return "" if continued == key else continued


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
