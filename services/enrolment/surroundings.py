"""What matters to an application beside its own course: loaded in a fixed number of statements a batch.

The pupils' other applications, their queue dates, the seats by home municipality where a rule book keeps
some, what the home municipalities pay for, and who of those who wait could have a free seat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.gathered import insert_into
from services.chassis.storage.unit import Unit
from services.enrolment import queueing, repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.ceilings import Ceiling, Ceilings, fee_of_kind
from services.enrolment.domain.limits import HELD, Engagement, Lesson, Wish, refusal_by_limits
from services.enrolment.domain.offers import CEILING, HAS_ENOUGH, seekers
from services.enrolment.domain.queue import Waiting
from services.enrolment.tables import applications, ceilings, courses, queue_dates, rule_books


def engagements_of(connection: sa.Connection, pupil_ids: Collection[str]) -> dict[str, list[Engagement]]:
    """The active applications of the pupils, in the order in which they got their seats or were decided."""
    if not pupil_ids:
        return {}
    return engagements_where(connection, applications.c.pupil_id.in_(list(pupil_ids)))


def engagements_where(
    connection: sa.Connection, condition: sa.ColumnElement[bool]
) -> dict[str, list[Engagement]]:
    """By pupil, the active applications that the condition on applications and their courses leaves."""
    found: dict[str, list[Engagement]] = {}
    # A seat that was offered is newer than the application that waited for it, and one that continues a
    # place of the term before is as old as that.
    since = sa.func.coalesce(
        applications.c.held_since,
        sa.case((applications.c.state.in_(HELD), applications.c.offered_at)),
        applications.c.decided_at,
    )
    rows = connection.execute(
        sa.select(
            applications.c.application_id,
            applications.c.pupil_id,
            applications.c.state,
            applications.c.choice,
            since.label("since"),
            courses.c.course_id,
            courses.c.fee_kind,
            courses.c.subject,
            courses.c.term_id,
            courses.c.municipality_code,
            courses.c.weekday,
            courses.c.starts_at,
            courses.c.minutes,
        )
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(condition, applications.c.state != "ended")
        .order_by(since, applications.c.application_id)
    )
    for row in rows:
        lesson = Lesson(row.term_id, row.municipality_code, row.weekday, row.starts_at, row.minutes)
        found.setdefault(row.pupil_id, []).append(
            Engagement(
                row.application_id,
                row.course_id,
                row.state,
                row.fee_kind,
                row.subject,
                lesson,
                row.since,
                row.choice,
            )
        )
    return found


def engagement_in(course: CourseState, row: Mapping[str, Any]) -> Engagement:
    """An application that is decided now, from its new row."""
    kind, subject = course.terms.fee_kind, course.subject
    about = (row["application_id"], course.course_id, row["state"], kind, subject, course.lesson)
    return Engagement(*about, row["decided_at"], row["choice"])


def queue_dates_of(
    connection: sa.Connection, pupil_ids: Collection[str] | sa.Select[Any]
) -> dict[tuple[str, str], datetime]:
    """The queue date by pupil and subject, where the pupil has one."""
    mine = pupil_ids if isinstance(pupil_ids, sa.Select) else list(pupil_ids)
    rows = connection.execute(sa.select(queue_dates).where(queue_dates.c.pupil_id.in_(mine)))
    return {(row.pupil_id, row.subject): row.queued_at for row in rows}


def keep_queue_dates(unit: Unit, dates: Mapping[tuple[str, str], datetime]) -> None:
    """Record queue dates; where the pupil has one in the subject, the earlier one stays."""
    rows = [
        {"pupil_id": pupil_id, "subject": subject, "queued_at": at}
        for (pupil_id, subject), at in sorted(dates.items())
    ]
    if not rows:
        return
    statement = insert_into(unit.connection.dialect.name, queue_dates)
    given = statement.excluded.queued_at
    unit.execute(
        statement.on_conflict_do_update(
            index_elements=["pupil_id", "subject"],
            set_={"queued_at": given},
            where=queue_dates.c.queued_at > given,
        ),
        rows,
    )


def lose_queue_dates(unit: Unit, keys: Collection[tuple[str, str]]) -> None:
    """(pupil, subject) each: used up by a place, given up or lost.

    The next application there has a date of its own; those that wait in other queues keep theirs.
    """
    if keys:
        unit.execute(
            sa.delete(queue_dates).where(
                sa.tuple_(queue_dates.c.pupil_id, queue_dates.c.subject).in_(sorted(keys))
            )
        )


def load_ceilings(connection: sa.Connection, term_ids: Collection[str], *, lock: bool = False) -> Ceilings:
    """The ceilings of the terms with what is used of them. One statement where no municipality has any.

    `lock` where seats are given by them: two courses use up one ceiling. Courses and pupils come before.
    """
    query = sa.select(ceilings).where(ceilings.c.term_id.in_(list(term_ids)))
    if lock:
        query = query.order_by(ceilings.c.municipality_code, ceilings.c.term_id).with_for_update()
    limits = connection.execute(query).all()
    found = Ceilings(
        {(row.municipality_code, row.term_id): Ceiling(row.most_places, row.most_ore) for row in limits}
    )
    if limits:
        _count_used(connection, found)
    return found


def _count_used(connection: sa.Connection, found: Ceilings) -> None:
    home = applications.c.home_municipality
    rows = connection.execute(
        sa.select(
            home.label("home"),
            courses.c.term_id,
            courses.c.fee_kind,
            rule_books.c.document,
            sa.func.count().label("places"),
        )
        .join(courses, courses.c.course_id == applications.c.course_id)
        .join(rule_books, rule_books.c.rule_book_id == courses.c.rule_book_id)
        .where(
            applications.c.state.in_(HELD),
            home != courses.c.municipality_code,
            home.in_({code for code, _ in found.by_home_and_term}),
            courses.c.term_id.in_({term for _, term in found.by_home_and_term}),
        )
        .group_by(home, courses.c.term_id, courses.c.fee_kind, rule_books.c.document)
    )
    for row in rows:
        ceiling = found.by_home_and_term.get((row.home, row.term_id))
        if ceiling is not None:
            fee_ore = fee_of_kind(repository.rule_book_from(row.document), row.fee_kind)
            ceiling.used_places += row.places
            ceiling.used_ore += row.places * fee_ore


def count_held(connection: sa.Connection, states: Iterable[CourseState]) -> None:
    """Fill in the seats held by home municipality of the courses that keep some; one statement at most."""
    keeping = {state.course_id: state for state in states if state.rule_book.ordering.reserved_seats}
    if not keeping:
        return
    rows = connection.execute(
        sa.select(
            applications.c.course_id,
            applications.c.home_municipality,
            sa.func.count().label("held"),
        )
        .where(applications.c.course_id.in_(list(keeping)), applications.c.state.in_(HELD))
        .group_by(applications.c.course_id, applications.c.home_municipality)
    )
    for row in rows:
        keeping[row.course_id].held[row.home_municipality] = row.held


def find_blocked(
    connection: sa.Connection, states: Iterable[CourseState], limits: Ceilings, today: date
) -> None:
    """Of courses with free seats that some wait for all the same: how many could not have one.

    They said no to it, or something bars them. Rare, and then a fixed number of statements.
    """
    asking = {s.course_id: s for s in states if s.taken < s.capacity and s.waiting > 0}
    queues = queueing.queues(connection, asking, today)
    waiting = {each.pupil_id for queue in queues.values() for each in queue}
    barred = bars(asking, queues, engagements_of(connection, waiting), limits)
    for course_id, state in asking.items():
        could = seekers(queues[course_id], state.rule_book, state.seats, state.day(today), barred[course_id])
        state.blocked = state.waiting - could


def bars(
    states: Mapping[str, CourseState],
    queues: Mapping[str, list[Waiting]],
    engagements: Mapping[str, list[Engagement]],
    limits: Ceilings,
) -> dict[str, dict[str, str]]:
    """By course, the applications that wait and may not have a seat now, with the reason."""
    return {
        course_id: {
            each.application_id: reason
            for each in queues[course_id]
            if (reason := bar(state, each, queues[course_id], engagements, limits)) is not None
        }
        for course_id, state in states.items()
    }


def bar(
    state: CourseState,
    each: Waiting,
    queue: list[Waiting],
    engagements: Mapping[str, list[Engagement]],
    limits: Ceilings,
) -> str | None:
    """Why one who waits may not have a seat now; None where nothing bars it."""
    others = engagements.get(each.pupil_id, [])
    choice = next((other.choice for other in others if other.application_id == each.application_id), None)
    wish = Wish(state.course_id, state.terms.fee_kind, state.lesson, gets_seat=True, choice=choice)
    if refusal_by_limits(state.rule_book, wish, others) is not None:
        return HAS_ENOUGH
    places = 1
    if each.party_id is not None:
        same = [other for other in queue if other.party_id == each.party_id]
        places = sum(other.home_code == each.home_code for other in same)
    return CEILING if limits.is_reached(each.home_code, state, places) else None


def other_instruments(engagements: Iterable[Engagement], course: CourseState) -> list[Engagement]:
    """The pupil's other instrument applications that end with a place on the course: its school's.

    Where the pupil ranks its choices, the rank says which of them end.
    """
    limits, kind = course.rule_book.limits, course.terms.fee_kind
    if (
        not limits.one_instrument
        or limits.ranked_choices is not None
        or not course.rule_book.is_instrument(kind)
    ):
        return []
    return [
        each
        for each in engagements
        if each.course_id != course.course_id
        and each.state != "placed"
        and each.lesson.host_code == course.terms.host.code
        and course.rule_book.is_instrument(each.fee_kind)
    ]
