"""Reads the places that a school's figures are counted from."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.chassis.clock import age_on
from services.enrolment.domain.statistics import Place
from services.enrolment.tables import applications, courses, pupils
from services.enrolment.tables import terms as _terms


@dataclass(frozen=True, slots=True)
class Term:
    term_id: str
    name_sv: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Courses:
    """How many courses a school has, and on how many nobody waits: the zero-queue measure."""

    courses: int
    without_queue: int


def term_in_use(connection: sa.Connection, municipality: str) -> str | None:
    """The newest term for which somebody has applied at the municipality's school."""
    return connection.scalar(
        sa.select(_terms.c.term_id)
        .join(courses, courses.c.term_id == _terms.c.term_id)
        .join(applications, applications.c.course_id == courses.c.course_id)
        .where(courses.c.municipality_code.startswith(municipality), applications.c.state != "ended")
        .order_by(_terms.c.starts_on.desc())
        .limit(1)
    )


def terms_with_courses(connection: sa.Connection, municipality: str) -> list[Term]:
    """The newest first."""
    rows = connection.execute(
        sa.select(_terms.c.term_id, _terms.c.name_sv, _terms.c.name_en, _terms.c.starts_on)
        .join(courses, courses.c.term_id == _terms.c.term_id)
        .where(courses.c.municipality_code.startswith(municipality))
        .distinct()
        .order_by(_terms.c.starts_on.desc())
    )
    return [Term(row.term_id, row.name_sv, row.name_en) for row in rows]


def courses_of(connection: sa.Connection, municipality: str, term_id: str) -> Courses:
    found = courses_by_art_form(connection, municipality, term_id).values()
    return Courses(sum(each.courses for each in found), sum(each.without_queue for each in found))


def courses_by_art_form(connection: sa.Connection, municipality: str, term_id: str) -> dict[str, Courses]:
    rows = connection.execute(
        sa.select(
            courses.c.subject,
            sa.func.count().label("courses"),
            sa.func.count().filter(courses.c.waiting == 0).label("without_queue"),
        )
        .where(
            courses.c.municipality_code.startswith(municipality),
            courses.c.term_id == term_id,
            sa.not_(courses.c.cancelled),
        )
        .group_by(courses.c.subject)
        .order_by(courses.c.subject)
    )
    return {row.subject: Courses(row.courses, row.without_queue) for row in rows}


def places_of(connection: sa.Connection, municipality: str, term_id: str) -> list[Place]:
    """Places, offers and queue positions at the municipality's school in the term. Two statements."""
    rows = connection.execute(
        sa.select(
            applications.c.pupil_id,
            applications.c.state,
            applications.c.home_municipality,
            pupils.c.born_on,
            pupils.c.personal_identity,
            pupils.c.protected,
            courses.c.subject,
            _terms.c.starts_on,
        )
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .join(_terms, _terms.c.term_id == courses.c.term_id)
        .where(
            courses.c.municipality_code.startswith(municipality),
            courses.c.term_id == term_id,
            applications.c.state != "ended",
        )
    ).all()
    earlier = _held_before(connection, term_id)
    return [
        Place(
            pupil_id=row.pupil_id,
            state=row.state,
            age=age_on(row.born_on, row.starts_on),
            gender=_gender(row.personal_identity),
            municipality=None if row.protected else row.home_municipality,
            art_form=row.subject,
            is_first_time=row.pupil_id not in earlier,
        )
        for row in rows
    ]


def _gender(number: str | None) -> str | None:
    """By the last digit but one of the personal identity number: even for a girl or woman."""
    if number is None:
        return None
    return "f" if int(number[10]) % 2 == 0 else "m"


def _held_before(connection: sa.Connection, term_id: str) -> set[str]:
    """Pupils who had a place at any school of the county in an earlier term."""
    this = sa.select(_terms.c.starts_on).where(_terms.c.term_id == term_id).scalar_subquery()
    return set(
        connection.scalars(
            sa.select(applications.c.pupil_id)
            .join(courses, courses.c.course_id == applications.c.course_id)
            .join(_terms, _terms.c.term_id == courses.c.term_id)
            .where(applications.c.state == "placed", _terms.c.starts_on < this)
            .distinct()
        )
    )


def terms(connection: sa.Connection) -> list[Term]:
    """Every term, the newest first."""
    rows = connection.execute(sa.select(_terms).order_by(_terms.c.starts_on.desc()))
    return [Term(row.term_id, row.name_sv, row.name_en) for row in rows]
