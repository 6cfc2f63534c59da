"""What a family says of the next term: it confirms a place or gives it up, and may change its mind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.fact import LocalText
from services.enrolment import repository, seats
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.rollover import CONFIRMED, GIVEN_UP, last_day_to_confirm, must_confirm
from services.enrolment.tables import applications, courses, terms

NEXT_TERM_UNKNOWN = Refusal(
    "next_term_unknown",
    N_("Nothing can be said of the next term yet: it has not been opened, or this is no place."),
)
NEXT_TERM_SETTLED = Refusal(
    "next_term_settled",
    N_("The next term’s places are settled already. Look at My page for what became of this one."),
)
NEXT_TERM_TOO_EARLY = Refusal("next_term_too_early", N_("You can say so from %(day)s."))
NEXT_TERM_TOO_LATE = Refusal(
    "next_term_too_late",
    N_("The last day to say so was %(day)s. By the school’s rules it stands as it was then."),
)
NOTHING_TO_CONFIRM = Refusal("nothing_to_confirm", N_("There is nothing to confirm here."))


@dataclass(frozen=True, slots=True)
class NextTerm:
    """What can be said of a place, or a queue position, and the next term.

    `asked` where it is kept only by who confirms it, from `first_day`. `last_day` is the last day to say so,
    or to change one's mind. `course_title` is of the course that goes on, None where there is none (yet).
    `answer` is what has been said: `confirmed`, `given_up` or None.
    """

    term: LocalText
    asked: bool
    first_day: date | None
    last_day: date
    course_title: LocalText | None
    answer: str | None
    is_queue: bool

    def is_open(self, today: date) -> bool:
        return (self.first_day is None or today >= self.first_day) and today <= self.last_day


def next_terms(connection: sa.Connection, application_ids: list[str], today: date) -> dict[str, NextTerm]:
    """By application, of those that hold a place or wait, before the next term's places are settled."""
    query = sa.select(applications).where(
        applications.c.application_id.in_(application_ids),
        applications.c.state.in_(("placed", "queued")),
        applications.c.carried.is_(None),
        applications.c.renew_by.is_(None),
    )
    rows = connection.execute(query).all()
    if not rows:
        return {}
    ids = {row.course_id for row in rows}
    known = repository.known_municipalities(connection)
    mine = {
        row.course_id: repository.course_state(row, known)
        for row in connection.execute(repository.course_rows(ids))
    }
    going_on = {
        row.continues: (repository.course_state(row, known), LocalText(row.title_sv, row.title_en))
        for row in connection.execute(repository.course_rows().where(courses.c.continues.in_(ids)))
        if not row.cancelled
    }
    all_terms = connection.execute(sa.select(terms).order_by(terms.c.starts_on)).all()
    found = {}
    for row in rows:
        course = mine[row.course_id]
        term = next((each for each in all_terms if each.starts_on > course.terms.term_starts_on), None)
        if term is not None and today < term.starts_on:
            offered = _of(row, course, going_on.get(row.course_id), term, today)
            if offered is not None:
                found[row.application_id] = offered
    return found


def _of(
    row: sa.Row[Any],
    course: CourseState,
    going_on: tuple[CourseState, LocalText] | None,
    term: sa.Row[Any],
    today: date,
) -> NextTerm | None:
    """By the rule book of the course that goes on; while there is none, by the one the place was given by."""
    book = going_on[0].rule_book if going_on else course.rule_book
    carry, is_queue = book.carry_over, row.state == "queued"
    asked = must_confirm(book, term.starts_on, queue=is_queue)
    if (is_queue and not asked) or (carry.queue if is_queue else carry.places) == "end":
        return None
    last_day = term.starts_on - timedelta(days=1)
    if asked:
        last_day = last_day_to_confirm(book, term.starts_on, today) or last_day
    else:
        last_day = book.withdrawal.deadline.of_term(term.starts_on) or last_day
    return NextTerm(
        term=LocalText(term.name_sv, term.name_en),
        asked=asked,
        first_day=carry.confirm_from.of_term(term.starts_on) if asked else None,
        last_day=last_day,
        course_title=going_on[1] if going_on else None,
        answer=row.next_term,
        is_queue=is_queue,
    )


def confirm(unit: Unit, application_id: str, by: str) -> None:
    """The place, or the queue position, is wanted next term. Again changes nothing. Raises Refused."""
    _say(unit, application_id, CONFIRMED, by)


def give_up(unit: Unit, application_id: str, by: str) -> None:
    """The place ends with its term. Until the last day it can be taken back. Raises Refused."""
    _say(unit, application_id, GIVEN_UP, by)


def undo(unit: Unit, application_id: str, by: str) -> None:
    """As if nothing had been said. Raises Refused."""
    _say(unit, application_id, None, by)


def _say(unit: Unit, application_id: str, answer: str | None, by: str) -> None:
    row, _ = repository.lock_application(unit, application_id)
    if answer == CONFIRMED and row.state == "queued" and row.renew_by is not None:
        return _renew(unit, row, by)
    _check(unit, row, answer)
    if row.next_term == answer:
        return None
    mine = applications.c.application_id == application_id
    unit.execute(sa.update(applications).where(mine).values(next_term=answer))
    what = f"next_term_{answer or 'undone'}"
    return repository.note_events(unit, [(application_id, by, what, "said by the family")])


def _check(unit: Unit, row: sa.Row[Any], answer: str | None) -> None:
    if row.carried is not None:
        raise Refused(NEXT_TERM_SETTLED)
    possible = next_terms(unit.connection, [row.application_id], unit.today).get(row.application_id)
    if possible is None:
        raise Refused(NEXT_TERM_UNKNOWN)
    if answer == CONFIRMED and not possible.asked:
        raise Refused(NOTHING_TO_CONFIRM)
    if answer == GIVEN_UP and possible.is_queue:
        raise Refused(NEXT_TERM_UNKNOWN)  # who waits withdraws
    if possible.first_day is not None and unit.today < possible.first_day:
        raise Refused(replace(NEXT_TERM_TOO_EARLY, facts={"day": possible.first_day}))
    if unit.today > possible.last_day:
        raise Refused(replace(NEXT_TERM_TOO_LATE, facts={"day": possible.last_day}))


def _renew(unit: Unit, row: sa.Row[Any], by: str) -> None:
    """A queue position that was carried over is kept."""
    if unit.today > row.renew_by:
        raise Refused(replace(NEXT_TERM_TOO_LATE, facts={"day": row.renew_by}))
    mine = applications.c.application_id == row.application_id
    unit.execute(sa.update(applications).where(mine).values(renew_by=None))
    repository.note_events(unit, [(row.application_id, by, "next_term_confirmed", "said by the family")])


def expire_renewals(unit: Unit, most: int) -> int:
    """End the queue positions that nobody confirmed in time, the oldest first; how many were due."""
    due = unit.rows(
        sa.select(applications.c.application_id)
        .where(applications.c.renew_by < unit.today)
        .order_by(applications.c.course_id, applications.c.renew_by, applications.c.application_id)
        .limit(most)
    )
    for each in due:
        row, course = repository.lock_application(unit, each.application_id)
        if row.renew_by is None:
            continue
        mine = applications.c.application_id == row.application_id
        unit.execute(sa.update(applications).where(mine).values(renew_by=None))
        if row.state == "queued":
            seats.end_application(unit, row, course, "not_renewed", "enrolment")
            repository.save_seats(unit, [course])
    return len(due)
