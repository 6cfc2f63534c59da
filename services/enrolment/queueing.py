"""The queues of courses, as their rule books order them today."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.contracts.eligibility import CourseTerms, is_adult
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.limits import HELD
from services.enrolment.domain.queue import Waiting, in_order, lot_of, order_on
from services.enrolment.repository import known_of
from services.enrolment.tables import applications, courses, guardianships, pupils, terms

# A place of a term that ended longer ago than this is none of the term before.
BETWEEN_TERMS = timedelta(days=150)


def queues(
    connection: sa.Connection, states: Mapping[str, CourseState], today: date
) -> dict[str, list[Waiting]]:
    """The queue of each course, next in line first, as its rule book orders it today. Three statements."""
    if not states:
        return {}
    queued = (applications.c.course_id.in_(list(states)), applications.c.state == "queued")
    waiting = connection.execute(waiting_rows().where(*queued)).all()
    placed = schools_of(connection, {row.pupil_id for row in waiting})
    siblings = siblings_on_course(connection, states)
    found: dict[str, list[Waiting]] = {course_id: [] for course_id in states}
    for row in waiting:
        found[row.course_id].append(waiting_of(row, states[row.course_id], placed, siblings))
    return {
        course_id: in_order(queue, queue_order(states[course_id], today))
        for course_id, queue in found.items()
    }


def waiting_rows() -> sa.Select[Any]:
    """Applications with their pupils: what `waiting_of` reads."""
    return sa.select(
        applications.c.application_id,
        applications.c.course_id,
        applications.c.queued_at,
        applications.c.home_municipality.label("home_then"),
        applications.c.passed,
        applications.c.party_id,
        pupils,
    ).join(pupils, pupils.c.pupil_id == applications.c.pupil_id)


def queue_order(state: CourseState, today: date) -> tuple[str, ...]:
    """The criteria by which the course's queue goes today."""
    return order_on(state.rule_book, state.terms.term_starts_on, today)


def waiting_of(
    row: sa.Row[Any],
    state: CourseState,
    placed: Mapping[tuple[str, str], date],
    siblings: set[tuple[str, str]],
) -> Waiting:
    """From a row of `waiting_rows`; `placed` is of `schools_of`, `siblings` are (pupil, course)."""
    terms_of, book = state.terms, state.rule_book
    age = age_on(row.born_on, terms_of.term_starts_on)
    on_time = not book.times.apply_until.has_passed(terms_of.term_starts_on, local_date(row.queued_at))
    lives_in_host = row.home_then == terms_of.host.code
    return Waiting(
        application_id=row.application_id,
        queued_at=row.queued_at,
        age=age,
        lives_in_host=lives_in_host,
        has_place_at_school=takes_part(placed.get((row.pupil_id, terms_of.host.code)), terms_of),
        is_adult=is_adult(book, age, terms_of.term_starts_on, known_of(row)),
        pupil_id=row.pupil_id,
        home_code=row.home_then,
        moved_in_and_played=lives_in_host and row.moved_on is not None and row.played_before,
        is_late=not on_time,
        has_sibling_on_course=(row.pupil_id, row.course_id) in siblings,
        passed=row.passed,
        draw=lot_of(book, row.course_id, row.pupil_id) if "lottery" in book.order else "",
        party_id=row.party_id,
    )


def siblings_on_course(connection: sa.Connection, states: Mapping[str, CourseState]) -> set[tuple[str, str]]:
    """(pupil, course) where another child of one of its guardians holds a seat; asked only if it matters."""
    asking = [course_id for course_id, state in states.items() if "siblings_first" in state.rule_book.order]
    if not asking:
        return set()
    mine, theirs = guardianships.alias("mine"), guardianships.alias("theirs")
    rows = connection.execute(
        sa.select(mine.c.pupil_id, applications.c.course_id)
        .join(theirs, theirs.c.guardian_id == mine.c.guardian_id)
        .join(applications, applications.c.pupil_id == theirs.c.pupil_id)
        .where(
            mine.c.pupil_id != theirs.c.pupil_id,
            applications.c.course_id.in_(asking),
            applications.c.state.in_(HELD),
        )
        .distinct()
    )
    return {(row.pupil_id, row.course_id) for row in rows}


def schools_of(
    connection: sa.Connection, pupil_ids: Collection[str] | sa.Select[Any]
) -> dict[tuple[str, str], date]:
    """By pupil and host municipality, until when the places last that these pupils hold or held there."""
    mine = pupil_ids if isinstance(pupil_ids, sa.Select) else list(pupil_ids)
    rows = connection.execute(
        sa.select(
            applications.c.pupil_id, courses.c.municipality_code, sa.func.max(terms.c.ends_on).label("until")
        )
        .join(courses, courses.c.course_id == applications.c.course_id)
        .join(terms, terms.c.term_id == courses.c.term_id)
        .where(applications.c.pupil_id.in_(mine), applications.c.state.in_(HELD))
        .group_by(applications.c.pupil_id, courses.c.municipality_code)
    )
    return {(row.pupil_id, row.municipality_code): row.until for row in rows}


def takes_part(until: date | None, terms_of: CourseTerms) -> bool:
    """Whether a place that lasts `until` makes one no new pupil: of the course's term, or the one before."""
    return until is not None and until > terms_of.term_starts_on - BETWEEN_TERMS
