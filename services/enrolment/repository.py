"""Loads what commands decide on and saves what they decided, in a fixed number of statements a batch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import RuleBookPublished
from services.contracts.eligibility import CourseTerms, Known, Municipality
from services.contracts.rule_book import RuleBook
from services.enrolment.domain.admission import APPLICATION_UNKNOWN, Applicant, CourseState
from services.enrolment.tables import (
    application_events,
    applications,
    courses,
    guardianships,
    municipalities,
    pupils,
    rule_books,
    terms,
)

CHANGED_MEANWHILE = Refusal(
    "changed_meanwhile",
    N_("Something else was changed at this very moment. Nothing was done: try once more."),
)


@lru_cache(maxsize=512)
def rule_book_from(document: str) -> RuleBook:
    """Parsed once a version: a rule book is read far more often than it changes."""
    fact: RuleBookPublished = RuleBookPublished.load(json.loads(document))
    return fact.rule_book


def course_rows(course_ids: Collection[str] | None = None) -> sa.Select[Any]:
    """Courses with their term and rule book, in id order: the order in which they are locked."""
    statement = (
        sa.select(
            courses,
            _kept_seats().label("kept"),
            terms.c.starts_on,
            terms.c.ends_on,
            terms.c.apply_from,
            terms.c.apply_until,
            terms.c.name_sv.label("term_sv"),
            terms.c.name_en.label("term_en"),
            rule_books.c.document,
        )
        .join(terms, terms.c.term_id == courses.c.term_id)
        .join(rule_books, rule_books.c.rule_book_id == courses.c.rule_book_id)
        .order_by(courses.c.course_id)
    )
    if course_ids is not None:
        statement = statement.where(courses.c.course_id.in_(list(course_ids)))
    return statement


def _kept_seats() -> sa.ColumnElement[int]:
    """How many are on the course that a course continues, until it is settled who of them goes on."""
    before = (
        sa.select(sa.func.count())
        .where(applications.c.course_id == courses.c.continues, applications.c.state == "placed")
        .correlate(courses)
        .scalar_subquery()
    )
    return sa.case((courses.c.carried_over | courses.c.continues.is_(None), 0), else_=before)


def known_municipalities(connection: sa.Connection) -> dict[str, Municipality]:
    return {
        row.code: Municipality(row.code, row.name, row.member_from, row.member_to)
        for row in connection.execute(sa.select(municipalities))
    }


def home_now(connection: sa.Connection, code: str, today: date) -> str:
    """The municipality that `code` is today: itself, or its successor, or that one's."""
    gone = gone_municipalities(connection, today)
    seen: set[str] = set()
    while code in gone and code not in seen:
        seen.add(code)
        code = gone[code]
    return code


def gone_municipalities(connection: sa.Connection, today: date) -> dict[str, str]:
    """The successor by municipality that is no more, in the order of their codes."""
    rows = connection.execute(
        sa.select(municipalities.c.code, municipalities.c.succeeded_by)
        .where(municipalities.c.succeeded_on <= today, municipalities.c.succeeded_by.is_not(None))
        .order_by(municipalities.c.code)
    )
    return {row.code: row.succeeded_by for row in rows}


def lock_courses(unit: Unit, course_ids: Collection[str]) -> dict[str, CourseState]:
    """The courses by id, locked until the unit ends; unknown ids are left out."""
    rows = unit.rows(course_rows(course_ids).with_for_update(of=courses))
    known = known_municipalities(unit.connection)
    return {row.course_id: course_state(row, known) for row in rows}


def lock_courses_of(
    unit: Unit, pupil_ids: Collection[str], more: Collection[str] = ()
) -> dict[str, CourseState]:
    """The courses that the pupils have active applications for, and `more`, locked in id order."""
    found = unit.connection.scalars(
        sa.select(applications.c.course_id)
        .where(applications.c.pupil_id.in_(list(pupil_ids)), applications.c.state != "ended")
        .distinct()
    ).all()
    wanted = {*found, *more}
    return lock_courses(unit, wanted) if wanted else {}


def course_state(row: sa.Row[Any], known: Mapping[str, Municipality]) -> CourseState:
    """From a row of `course_rows`. A host that the catalogue has not named yet counts as no member."""
    code = row.municipality_code
    host = known.get(code) or Municipality(code, row.school_name, None, None)
    return CourseState(
        course_id=row.course_id,
        term_id=row.term_id,
        terms=CourseTerms(
            host=host,
            shared=row.shared,
            min_age=row.min_age,
            max_age=row.max_age,
            fee_kind=row.fee_kind,
            term_starts_on=row.starts_on,
            term_ends_on=row.ends_on,
            apply_from=row.apply_from,
            apply_until=row.apply_until,
            cancelled=row.cancelled,
            first_lesson_on=row.first_lesson_on,
            last_lesson_on=row.last_lesson_on,
        ),
        rule_book=rule_book_from(row.document),
        published_capacity=row.published_capacity,
        capacity=row.capacity,
        taken=row.taken,
        waiting=row.waiting,
        subject=row.subject,
        weekday=row.weekday,
        starts_at=row.starts_at,
        minutes=row.minutes,
        round_over=row.round_over,
        kept=kept_seats(row),
    )


def kept_seats(row: sa.Row[Any]) -> int:
    """From a row of `course_rows`: the seats that are kept for who is on the course in the term before."""
    return 0 if rule_book_from(row.document).carry_over.places == "end" else int(row.kept)


def known_of(row: sa.Row[Any]) -> Known:
    """From a row of `pupils`."""
    return Known(
        born_on=row.born_on,
        school_municipality=row.school_municipality,
        leaves_upper_secondary=row.leaves_upper_secondary,
        later_limit=row.later_limit,
        is_teacher=row.is_teacher,
    )


def save_seats(unit: Unit, states: Iterable[CourseState]) -> None:
    """How full the courses are from now on; a moment later it is said (see seat_news.py)."""
    rows = [
        {"id": s.course_id, "new_capacity": s.capacity, "new_taken": s.taken, "new_waiting": s.waiting}
        for s in states
    ]
    if rows:
        unit.execute(
            sa.update(courses)
            .where(courses.c.course_id == sa.bindparam("id"))
            .values(
                capacity=sa.bindparam("new_capacity"),
                taken=sa.bindparam("new_taken"),
                waiting=sa.bindparam("new_waiting"),
                seats_changed=True,
            ),
            rows,
        )


def applicants(
    unit: Unit, pupil_ids: Collection[str], *, lock: bool = False
) -> dict[str, tuple[Applicant, sa.Row[Any]]]:
    """Pupils by id, as applicants and as their rows; none whose record has become a part of another one.

    `lock` where a decision hangs on them: what comes meanwhile, a protection or a second application, waits.
    Their courses are locked before.
    """
    known = known_municipalities(unit.connection)
    query = sa.select(pupils).where(pupils.c.pupil_id.in_(list(pupil_ids)), pupils.c.merged_into.is_(None))
    if lock:
        query = query.order_by(pupils.c.pupil_id).with_for_update(key_share=True)
    found = {}
    for row in unit.rows(query):
        code = row.home_municipality
        home = known.get(code) or Municipality(code, code, None, None)
        found[row.pupil_id] = (Applicant(row.pupil_id, row.born_on, home, known_of(row)), row)
    return found


def home_of(unit: Unit, pupil_id: str) -> str:
    """The code of the municipality where the pupil lives."""
    return str(
        unit.connection.scalar(sa.select(pupils.c.home_municipality).where(pupils.c.pupil_id == pupil_id))
    )


def guardians_of(unit: Unit, pupil_ids: Collection[str]) -> dict[str, list[str]]:
    """The guardians' ids by pupil, in a stable order."""
    found: dict[str, list[str]] = {}
    for row in unit.rows(
        sa.select(guardianships)
        .where(guardianships.c.pupil_id.in_(list(pupil_ids)))
        .order_by(guardianships.c.guardian_id)
    ):
        found.setdefault(row.pupil_id, []).append(row.guardian_id)
    return found


def existing_applications(
    unit: Unit, application_ids: Collection[str], course_ids: Collection[str], pupil_ids: Collection[str]
) -> Sequence[sa.Row[Any]]:
    """Those with one of the ids, and active ones of these pupils for these courses."""
    return unit.rows(
        sa.select(applications).where(
            sa.or_(
                applications.c.application_id.in_(list(application_ids)),
                sa.and_(
                    applications.c.state != "ended",
                    applications.c.course_id.in_(list(course_ids)),
                    applications.c.pupil_id.in_(list(pupil_ids)),
                ),
            )
        )
    )


def last_queued(unit: Unit, course_ids: Collection[str]) -> dict[str, datetime]:
    """The latest queue date in the queue of each course that has one."""
    if not course_ids:
        return {}
    statement = (
        sa.select(applications.c.course_id, sa.func.max(applications.c.queued_at).label("queued_at"))
        .where(applications.c.course_id.in_(list(course_ids)), applications.c.state == "queued")
        .group_by(applications.c.course_id)
    )
    return {row.course_id: row.queued_at for row in unit.rows(statement)}


def insert_applications(unit: Unit, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        unit.execute(sa.insert(applications), list(rows))


def note_events(unit: Unit, events: Iterable[tuple[str, str, str, str]]) -> None:
    """(application id, by, what, why) each."""
    rows = [
        {"event_id": new_id(), "application_id": of, "at": unit.now, "by": by, "what": what, "why": why}
        for of, by, what, why in events
    ]
    if rows:
        unit.execute(sa.insert(application_events), rows)


def lock_application(unit: Unit, application_id: str) -> tuple[sa.Row[Any], CourseState]:
    """The application and its course, both locked: the course first, as always. Raises Refused for none."""
    course_id = unit.connection.scalar(
        sa.select(applications.c.course_id).where(applications.c.application_id == application_id)
    )
    if course_id is None:
        raise Refused(APPLICATION_UNKNOWN)
    courses_locked = lock_courses(unit, [course_id])
    rows = lock_applications(unit, [application_id])
    stay_put(rows, courses_locked)
    return rows[0], courses_locked[course_id]


def stay_put(rows: Iterable[sa.Row[Any]], locked: Collection[str]) -> None:
    """Raises Refused where an application has gone over to the next term's course, which is not locked,
    between the look for its course and the lock."""
    if any(row.course_id not in locked for row in rows):
        raise Refused(CHANGED_MEANWHILE)


def lock_applications(unit: Unit, application_ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """In id order; their courses are locked before, as everywhere."""
    return unit.rows(
        sa.select(applications)
        .where(applications.c.application_id.in_(list(application_ids)))
        .order_by(applications.c.application_id)
        .with_for_update()
    )


def change_state(
    unit: Unit,
    application_ids: Collection[str],
    state: str,
    *,
    outcome: str | None = None,
    rule: str | None = None,
    at: datetime,
    **more: Any,
) -> None:
    """`more` are further columns. A last day to answer or to confirm is of no account in any other state.

    What a new place costs is still to be said.
    """
    values: dict[str, Any] = {
        **{"state": state, "outcome": outcome, "changed_at": at, "answer_by": None, "renew_by": None},
        **more,
    }
    values["priced"] = False
    if rule is not None:
        values["rule"] = rule
    unit.execute(
        sa.update(applications)
        .where(applications.c.application_id.in_(list(application_ids)))
        .values(**values)
    )
