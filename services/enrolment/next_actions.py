"""Reads what the next action of each course is decided by: a fixed number of statements for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.municipality import covers
from services.enrolment import disputes, repository, surroundings
from services.enrolment.domain.admission import CourseState, refusal_before_round
from services.enrolment.domain.next_action import SOON, CourseNow, NextAction, Round, next_action
from services.enrolment.tables import applications, courses, rounds


def next_actions(
    connection: sa.Connection, today: date, *conditions: sa.ColumnElement[bool]
) -> dict[str, NextAction]:
    """By course, of the courses that the conditions on `courses` leave."""
    known = repository.known_municipalities(connection)
    rows = connection.execute(repository.course_rows().where(*conditions))
    states = {row.course_id: repository.course_state(row, known) for row in rows}
    limits = surroundings.load_ceilings(connection, {state.term_id for state in states.values()})
    surroundings.count_held(connection, states.values())
    surroundings.find_blocked(connection, states.values(), limits, today)
    expiring = _expiring(connection, today, *conditions)
    to_settle = Counter(
        row.course_id
        for row in disputes.disputed_applications(
            connection, applications.c.course_id.in_(sa.select(courses.c.course_id).where(*conditions))
        )
    )
    going_on = connection.execute(sa.select(rounds).where(rounds.c.state != "published")).all()
    return {
        course_id: next_action(
            replace(
                _now(state, expiring.get(course_id, ()), going_on, today), to_settle=to_settle[course_id]
            ),
            today,
        )
        for course_id, state in states.items()
    }


def of_school(municipality: str) -> sa.ColumnElement[bool]:
    """The courses of a municipality, or by two digits of the county."""
    return courses.c.municipality_code.startswith(municipality)


def _expiring(
    connection: sa.Connection, today: date, *conditions: sa.ColumnElement[bool]
) -> Mapping[str, tuple[date, ...]]:
    """The last days of offers that end soon, by course."""
    rows = connection.execute(
        sa.select(applications.c.course_id, applications.c.answer_by)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(
            applications.c.state == "offered",
            applications.c.answer_by >= today,
            applications.c.answer_by <= today + SOON,
            *conditions,
        )
    )
    found: dict[str, tuple[date, ...]] = {}
    for row in rows:
        found[row.course_id] = (*found.get(row.course_id, ()), row.answer_by)
    return found


def _now(
    state: CourseState, answer_bys: tuple[date, ...], going_on: Sequence[sa.Row[Any]], today: date
) -> CourseNow:
    mine = [
        Round(row.round_id, row.state)
        for row in going_on
        if row.term_id == state.term_id and covers(row.scope, state.terms.host.code)
    ]
    return CourseNow(
        course_id=state.course_id,
        is_over=state.terms.cancelled or today > state.terms.term_ends_on,
        free=state.free_on(today),
        waiting=state.waiting,
        could_have_seat=state.waiting - state.blocked,
        answer_bys=answer_bys,
        gives_in_round=refusal_before_round(state) is not None,
        round=mine[0] if mine else None,
    )
