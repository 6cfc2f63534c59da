"""Loads what a rollover decides on: a fixed number of statements, however many places there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.eligibility import Municipality
from services.enrolment import pricing, queueing, repository, surroundings
from services.enrolment.domain.admission import Applicant, CourseState
from services.enrolment.domain.queue import Waiting
from services.enrolment.domain.requests import Chosen
from services.enrolment.domain.rollover import Holder, Input
from services.enrolment.tables import applications, courses, pupils, terms

TERM_UNKNOWN = Refusal("term_unknown", N_("There is no such term."), status=404)
NO_TERM_BEFORE = Refusal(
    "no_term_before", N_("No term comes before this one, so there is nothing to carry over to it.")
)
NOTHING_CONTINUES = Refusal(
    "no_course_continues",
    N_(
        "No course of this term continues one of the term before. Publish the term’s courses first: "
        "everybody would lose the place."
    ),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`rows` are the applications with what facts say of their pupils, by id: those of the term before, and
    those that wait for the next courses. `before` are the courses of the term before."""

    given: Input
    rows: Mapping[str, sa.Row[Any]]
    before: Mapping[str, CourseState]


def next_application_id(term_id: str, application_id: str) -> str:
    """The id of what a place becomes in a term: the same however often it is carried over."""
    return derived_id("carried over", term_id, application_id)


def term_before(connection: sa.Connection, term_id: str) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """The term, and the last one that starts before it. Raises Refused."""
    rows = connection.execute(sa.select(terms).order_by(terms.c.starts_on)).all()
    term = next((row for row in rows if row.term_id == term_id), None)
    if term is None:
        raise Refused(TERM_UNKNOWN)
    before = [row for row in rows if row.starts_on < term.starts_on]
    if not before:
        raise Refused(NO_TERM_BEFORE)
    return term, before[-1]


def load(connection: sa.Connection, term_id: str, scope: str, today: date) -> Loaded:
    """`scope` is a municipality's code, or two digits for a county. Raises Refused."""
    term, before = term_before(connection, term_id)
    old, new = _courses_of(connection, before.term_id, scope), _courses_of(connection, term_id, scope)
    continued = _continued(connection, term_id, old, new)
    if not any(continued.values()):
        raise Refused(NOTHING_CONTINUES)
    surroundings.count_held(connection, new.values())
    people = _People(connection, scope, (before.term_id, term_id), new)
    rows = {row.application_id: row for row in people.active if row.course_id in old}
    waiting = [row for row in people.active if row.course_id in new and row.state == "queued"]
    queues: dict[str, list[Waiting]] = {course_id: [] for course_id in new}
    for row in waiting:
        queues[row.course_id].append(people.waiting(row, new[row.course_id]))
    given = Input(
        term_id=term_id,
        term_starts_on=term.starts_on,
        today=today,
        continued=continued,
        courses=new,
        holders=[_holder(people, row, new, continued, term_id) for row in rows.values()],
        queues=queues,
        engagements=surroundings.engagements_where(connection, courses.c.term_id == term_id),
        ceilings=surroundings.load_ceilings(connection, [term_id]),
    )
    return Loaded(given, rows | {row.application_id: row for row in waiting}, old)


def lock(unit: Unit, term_id: str, scope: str) -> None:
    """The courses of both terms, in id order as everywhere. Raises Refused."""
    _, before = term_before(unit.connection, term_id)
    unit.rows(
        sa.select(courses.c.course_id)
        .where(
            courses.c.term_id.in_((term_id, before.term_id)), courses.c.municipality_code.startswith(scope)
        )
        .order_by(courses.c.course_id)
        .with_for_update()
    )


def _courses_of(connection: sa.Connection, term_id: str, scope: str) -> dict[str, CourseState]:
    known = repository.known_municipalities(connection)
    rows = connection.execute(
        repository.course_rows().where(
            courses.c.term_id == term_id, courses.c.municipality_code.startswith(scope)
        )
    )
    return {row.course_id: repository.course_state(row, known) for row in rows}


def _continued(
    connection: sa.Connection, term_id: str, old: Mapping[str, CourseState], new: Mapping[str, CourseState]
) -> dict[str, str | None]:
    query = sa.select(courses.c.course_id, courses.c.continues).where(
        courses.c.term_id == term_id, courses.c.continues.is_not(None)
    )
    goes_on = {row.continues: row.course_id for row in connection.execute(query) if row.course_id in new}
    return {course_id: goes_on.get(course_id) for course_id in old}


class _People:
    """Who has, or waits for, anything on the courses of the two terms."""

    def __init__(
        self,
        connection: sa.Connection,
        scope: str,
        term_ids: tuple[str, str],
        new: Mapping[str, CourseState],
    ) -> None:
        mine = sa.and_(courses.c.term_id.in_(term_ids), courses.c.municipality_code.startswith(scope))
        query: sa.Select[Any] = (
            sa.select(
                applications.c.application_id,
                applications.c.course_id,
                applications.c.state,
                applications.c.guardian_id,
                applications.c.queued_at,
                applications.c.decided_at,
                applications.c.offered_at,
                applications.c.held_since,
                applications.c.next_term,
                applications.c.carried,
                applications.c.basis,
                applications.c.passed,
                applications.c.party_id,
                applications.c.rents,
                applications.c.home_municipality.label("applied_from"),
                # Where the pupil lives by now: the next term is decided anew.
                pupils.c.home_municipality.label("home_then"),
                pupils,
            )
            .join(courses, courses.c.course_id == applications.c.course_id)
            .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
            .where(mine)
            .order_by(applications.c.application_id)
        )
        rows = connection.execute(query).all()
        self.ids = {row.application_id for row in rows}
        self.active = [row for row in rows if row.state != "ended"]
        self.next_of = {(row.course_id, row.pupil_id): row for row in self.active if row.course_id in new}
        self.known = repository.known_municipalities(connection)
        self._siblings = queueing.siblings_on_course(connection, new)
        them = sa.select(applications.c.pupil_id).join(
            courses, courses.c.course_id == applications.c.course_id
        )
        self._schools = queueing.schools_of(connection, them.where(mine))
        renting = {row.pupil_id for row in self.active if row.rents is not None}
        self._families = pricing.families_of(connection, renting)

    def waiting(self, row: sa.Row[Any], course: CourseState) -> Waiting:
        return queueing.waiting_of(row, course, self._schools, self._siblings)

    def may_rent(self, row: sa.Row[Any], course: CourseState) -> bool:
        """Whether the course's rule book lets the pupil rent there what it rents with its place."""
        return pricing.refusal_of(self._families, row, course, Chosen(row.rents)) is None


def _holder(
    people: _People,
    row: sa.Row[Any],
    new: Mapping[str, CourseState],
    continued: Mapping[str, str | None],
    term_id: str,
) -> Holder:
    course_id = continued[row.course_id]
    there = people.next_of.get((course_id or "", row.pupil_id))
    waits_next = there.application_id if there is not None and there.state == "queued" else None
    next_id = next_application_id(term_id, row.application_id)
    had = next_id in people.ids and waits_next is None
    code = row.home_then
    home = people.known.get(code) or Municipality(code, code, None, None)
    waiting, rental_ends = None, False
    if course_id is not None:
        # Who waits there with an application of its own has chosen for that one.
        rents_on = row.state == "placed" and waits_next is None and row.rents is not None
        rental_ends = rents_on and not people.may_rent(row, new[course_id])
        # Nobody has asked it about a seat there yet.
        same_id = next_id if row.state == "placed" else row.application_id
        waiting = replace(people.waiting(row, new[course_id]), passed=False, application_id=same_id)
    return Holder(
        application_id=row.application_id,
        course_id=row.course_id,
        state=row.state,
        applicant=Applicant(row.pupil_id, row.born_on, home, repository.known_of(row)),
        since=row.held_since or row.decided_at,
        queued_at=row.queued_at,
        answer=row.next_term,
        has_next=had or (there is not None and waits_next is None),
        waits_next=waits_next,
        waiting=waiting,
        told=row.carried,
        rents=row.rents,
        rental_ends=rental_ends,
    )
