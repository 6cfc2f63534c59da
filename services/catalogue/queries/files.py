"""Courses as the rows of a course file."""

from __future__ import annotations

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.domain.course_file import COLUMNS
from services.chassis.municipality import covers


def course_rows(connection: sa.Connection, term_id: str, scope: str) -> list[dict[str, str]]:
    """The term's courses of the municipality, or of the county's, as a course file holds them."""
    courses = tables.courses
    query = (
        sa.select(*(courses.c[column] for column in COLUMNS))
        .where(courses.c.term_id == term_id, courses.c.cancelled_at.is_(None))
        .order_by(courses.c.municipality_code, courses.c.course_key)
    )
    return [
        {name: _written(value) for name, value in row._mapping.items()}
        for row in connection.execute(query)
        if covers(scope, row.municipality_code)
    ]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
